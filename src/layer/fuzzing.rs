//! What `fuzz/` reaches of the scan of a layer. Only there where cargo-fuzz builds: it sets `cfg(fuzzing)`.

use std::io::{self, Read};

use super::content;
use super::tar_scan::TarScan;
use super::{Listing, TarContents, TarDefect};
use crate::image::Compression;

/// Scans an archive that arrives in these pieces.
///
/// # Errors
/// Fails when it is not well-formed.
pub fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(TarContents, Listing), TarDefect> {
    let mut scan = TarScan::new();
    pieces.into_iter().for_each(|piece| scan.feed(piece));
    scan.finish()
}

/// The list as the cache would give it back; none when it would not be kept.
pub fn remembered(listing: &Listing) -> Option<Option<Listing>> {
    Some(Listing::from_stored(listing.stored()?.to_vec(), listing.len()))
}

/// A list that somebody else wrote into the cache.
pub fn forged(bytes: &[u8], entries: u64) -> Option<Listing> {
    Listing::from_stored(bytes.to_vec(), entries)
}

/// The content of a stored layer.
///
/// # Errors
/// Fails when the decompressor cannot be made.
pub fn decompressed(compression: Compression, stored: &[u8]) -> io::Result<Box<dyn Read + '_>> {
    content::decompressed(compression, stored)
}
