//! What is in layers that were read on this machine, by diff id: so that a layer is looked into once.
//!
//! One file a layer, compressed with Zstandard: a line of JSON, and the list after it. Of layers with something odd in them
//! nothing is remembered.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::LayerSummary;
use super::listing::{LARGEST, Listing};
use super::scan::LayerContent;
use crate::name::Digest;
use crate::private_folder::PrivateFolder;

/// How many layers are remembered: a few dozen images' worth. Most take some tens of kilobytes.
const MOST_LAYERS: usize = 512;
/// Lists longer than that are not worth their place, in bytes as stored.
const LONGEST: u64 = 16 << 20;

/// The memory in one folder.
#[derive(Debug, Clone)]
pub(super) struct ListingCache {
    folder: PrivateFolder,
}

/// The line before the list. Keys may be added; a list of another version is as good as none.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    diff_id: String,
    uncompressed_bytes: u64,
    entries: u64,
}

/// 2: the first line of a script as the kernel reads it.
const VERSION: u32 = 2;

impl ListingCache {
    pub(super) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: PrivateFolder::new(folder, MOST_LAYERS) }
    }

    /// What is in the layer with this diff id; none when it is not known.
    pub(super) fn look_up(&self, diff_id: &Digest) -> Option<LayerContent> {
        let name = file_name(diff_id);
        let stored = self.folder.read_bytes(&name, LONGEST)?;
        let mut bytes = Vec::new();
        // One byte more than there may be, to tell a list that goes on.
        zstd::Decoder::new(&stored[..]).ok()?.take(LARGEST as u64 * 2).read_to_end(&mut bytes).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
        if head.version != VERSION || head.diff_id != diff_id.to_string() {
            return None;
        }
        bytes.drain(..=end);
        let listing = Arc::new(Listing::from_stored(bytes, head.entries)?);
        self.folder.touch(&name);
        Some(LayerContent { diff_id: *diff_id, uncompressed_bytes: head.uncompressed_bytes, listing })
    }

    /// Remembers what a pass saw, if it saw anything and nothing odd.
    ///
    /// # Errors
    /// Fails when the folder cannot be written to.
    pub(super) fn store(&self, summary: &LayerSummary) -> io::Result<()> {
        let Some(listing) = &summary.listing else { return Ok(()) };
        let Some(list) = listing.stored() else { return Ok(()) };
        let head = Head {
            version: VERSION,
            diff_id: summary.diff_id.to_string(),
            uncompressed_bytes: summary.uncompressed_bytes,
            entries: listing.len(),
        };
        let mut bytes = serde_json::to_vec(&head)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(list);
        let stored = zstd::encode_all(&bytes[..], 1)?;
        if stored.len() as u64 > LONGEST {
            return Ok(());
        }
        self.folder.put(&file_name(&summary.diff_id), &stored)
    }
}

fn file_name(diff_id: &Digest) -> String {
    format!("{}.zst", diff_id.hex())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::image::Compression;
    use crate::layer::entry::{Entry, EntryKind};
    use crate::layer::listing::{ListingWriter, OddityKind};

    fn summary(odd: bool) -> LayerSummary {
        let mut writer = ListingWriter::default();
        let kind = EntryKind::File { size: 5, content: None };
        writer.push(&Entry { path: b"app/run", mode: 0o755, kind });
        if odd {
            writer.note(b"../x", OddityKind::Escapes);
        }
        LayerSummary {
            diff_id: Digest::of(b"layer"),
            digest: Digest::of(b"stored"),
            size: 7,
            compression: Compression::None,
            uncompressed_bytes: 2048,
            contents: Ok(crate::layer::TarContents::default()),
            listing: Some(Arc::new(writer.finish())),
            encoder: None,
        }
    }

    #[test]
    fn what_was_seen_is_known_again_and_what_is_odd_or_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ListingCache::new(folder.path().join("listings"));
        let layer = summary(false);
        assert!(cache.look_up(&layer.diff_id).is_none());
        cache.store(&layer).unwrap();
        let known = cache.look_up(&layer.diff_id).unwrap();
        assert_eq!((known.uncompressed_bytes, &known.listing), (2048, layer.listing.as_ref().unwrap()));
        let path = folder.path().join("listings").join(file_name(&layer.diff_id));
        let good = fs::read(&path).unwrap();
        for bad in [&good[..good.len() / 2], b"", b"no list", &zstd::encode_all(&b"{}\n"[..], 1).unwrap()] {
            fs::write(&path, bad).unwrap();
            assert!(cache.look_up(&layer.diff_id).is_none(), "{} bytes", bad.len());
        }
        // Another layer's list under this layer's name.
        fs::write(folder.path().join("listings").join(file_name(&layer.digest)), &good).unwrap();
        assert!(cache.look_up(&layer.digest).is_none());
        fs::remove_file(&path).unwrap();
        cache.store(&summary(true)).unwrap();
        cache.store(&LayerSummary { listing: None, ..layer }).unwrap();
        assert!(!path.exists());
    }
}
