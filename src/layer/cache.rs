//! The local cache of what passes over layers found out.
//!
//! There are three kinds of entry. For a layer that was compressed: by diff id and encoder, the digest and the size.
//! For a layer that went through as stored: by the digest of the stored bytes, that they decompress to the
//! content with this diff id, and that it is a sound archive. And what is in a layer (`listing_cache`). Only what this tool computed itself is stored, so an
//! entry can be trusted as far as the folder can ([`PrivateFolder`] decides that). One small JSON file an entry. An
//! entry that cannot be read or does not fit its name is as good as none. The folder is chosen by the caller.

use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::encoder::Encoder;
use super::listing_cache::ListingCache;
use super::pass::VerifiedContent;
use super::scan::LayerContent;
use super::summary::LayerSummary;
use super::tar_scan::TarContents;
use crate::image::Compression;
use crate::name::Digest;
use crate::private_folder::{Distrust, PrivateFolder};

/// How many entries are kept unless the caller says otherwise: some hundred images' worth, a few megabytes.
const MOST_ENTRIES: usize = 4096;
/// An entry is some 300 bytes; a larger file is not ours.
const LONGEST_ENTRY: u64 = 4096;

/// The cache in one folder.
#[derive(Debug, Clone)]
pub struct LayerCache {
    folder: PrivateFolder,
    listings: ListingCache,
}

/// What the cache knows about a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedLayer {
    /// The digest of the compressed layer.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes of its uncompressed content.
    pub uncompressed_bytes: u64,
}

/// What was verified of a stored layer, as it is written. Keys may be added; an unknown key is ignored.
#[derive(Serialize, Deserialize)]
struct VerifiedEntry {
    stored_digest: String,
    diff_id: String,
    uncompressed_bytes: u64,
    entries: u64,
    regular_bytes: u64,
}

/// An entry as it is written. Keys may be added; an unknown key is ignored.
#[derive(Serialize, Deserialize)]
struct Entry {
    diff_id: String,
    encoder: String,
    digest: String,
    size: u64,
    uncompressed_bytes: u64,
}

impl LayerCache {
    /// The cache in `folder`, which is created when the first entry is stored.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self {
            listings: ListingCache::new(folder.join("listings")),
            folder: PrivateFolder::new(folder, MOST_ENTRIES),
        }
    }

    /// The same cache, keeping at most so many entries.
    pub fn with_most_entries(self, most_entries: usize) -> Self {
        Self { folder: self.folder.with_most_files(most_entries), ..self }
    }

    /// Why the cache is not used; none when it is.
    pub fn distrust(&self) -> Option<Distrust> {
        self.folder.distrust()
    }

    /// What `encoder` made of the layer with this diff id; none when it is not known.
    pub fn look_up(&self, diff_id: &Digest, encoder: Encoder) -> Option<CachedLayer> {
        let name = file_name(diff_id, encoder);
        let entry: Entry = self.read(&name)?;
        if entry.diff_id != diff_id.to_string() || entry.encoder != encoder.id() {
            return None;
        }
        let digest = entry.digest.parse().ok()?;
        self.folder.touch(&name);
        Some(CachedLayer { digest, size: entry.size, uncompressed_bytes: entry.uncompressed_bytes })
    }

    /// What a pass on this machine verified of the layer with these stored bytes and this diff id; none when there was
    /// no such pass.
    pub fn verified(&self, stored: &Digest, diff_id: &Digest) -> Option<VerifiedContent> {
        let name = verified_name(stored);
        let entry: VerifiedEntry = self.read(&name)?;
        if entry.stored_digest != stored.to_string() || entry.diff_id != diff_id.to_string() {
            return None;
        }
        self.folder.touch(&name);
        let VerifiedEntry { uncompressed_bytes, entries, regular_bytes, .. } = entry;
        Some(VerifiedContent { uncompressed_bytes, contents: TarContents { entries, regular_bytes } })
    }

    /// What a pass on this machine saw in the layer with this diff id; none when there was no such pass.
    pub fn content(&self, diff_id: &Digest) -> Option<LayerContent> {
        self.listings.look_up(diff_id)
    }

    /// Stores what a pass found out. Does nothing for what no later pass can use: an archive that is not sound, or
    /// content that was stored as it is.
    ///
    /// # Errors
    /// Fails when the folder cannot be written to; the caller may go on without.
    pub fn store(&self, summary: &LayerSummary) -> io::Result<()> {
        self.listings.store(summary)?;
        let Some(encoder) = summary.encoder else { return self.store_verified(summary) };
        let entry = Entry {
            diff_id: summary.diff_id.to_string(),
            encoder: encoder.id(),
            digest: summary.digest.to_string(),
            size: summary.size,
            uncompressed_bytes: summary.uncompressed_bytes,
        };
        self.put(&file_name(&summary.diff_id, encoder), &entry)
    }

    /// [`Self::content`] on a thread that may block.
    pub async fn recall(&self, diff_id: Digest) -> Option<LayerContent> {
        let cache = self.clone();
        tokio::task::spawn_blocking(move || cache.content(&diff_id)).await.ok()?
    }

    /// [`Self::store`] on a thread that may block. A cache that cannot be written costs time at the next run, no more.
    pub async fn remember(&self, summary: LayerSummary) {
        let cache = self.clone();
        let _ = tokio::task::spawn_blocking(move || cache.store(&summary)).await;
    }

    fn store_verified(&self, summary: &LayerSummary) -> io::Result<()> {
        let Ok(contents) = summary.contents else { return Ok(()) };
        if summary.compression == Compression::None {
            return Ok(());
        }
        let entry = VerifiedEntry {
            stored_digest: summary.digest.to_string(),
            diff_id: summary.diff_id.to_string(),
            uncompressed_bytes: summary.uncompressed_bytes,
            entries: contents.entries,
            regular_bytes: contents.regular_bytes,
        };
        self.put(&verified_name(&summary.digest), &entry)
    }

    /// The entry of this name; none when there is none that can be read and believed.
    fn read<E: DeserializeOwned>(&self, name: &str) -> Option<E> {
        serde_json::from_str(&self.folder.read(name, LONGEST_ENTRY)?).ok()
    }

    fn put(&self, name: &str, entry: &impl Serialize) -> io::Result<()> {
        self.folder.put(name, &serde_json::to_vec(entry)?)
    }
}

fn verified_name(stored: &Digest) -> String {
    format!("{}-verified.json", stored.hex())
}

fn file_name(diff_id: &Digest, encoder: Encoder) -> String {
    format!("{}-{}.json", diff_id.hex(), encoder.id())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;
    use std::time::SystemTime;

    use super::*;
    use crate::layer::{Level, TarDefect};

    fn summary(content: &str) -> LayerSummary {
        LayerSummary {
            diff_id: Digest::of(content.as_bytes()),
            digest: Digest::of(format!("gzip of {content}").as_bytes()),
            size: 7,
            compression: Compression::Gzip,
            uncompressed_bytes: 70,
            contents: Ok(TarContents::default()),
            listing: None,
            encoder: Some(Encoder::default()),
        }
    }

    fn entries(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect()
    }

    fn path_of(cache: &LayerCache, layer: &LayerSummary) -> PathBuf {
        cache.folder.path().join(file_name(&layer.diff_id, Encoder::default()))
    }

    #[test]
    fn what_was_stored_is_found_under_its_diff_id_and_encoder_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(folder.path().join("a/b"));
        let one = summary("one");
        assert_eq!(cache.look_up(&one.diff_id, Encoder::default()), None);
        cache.store(&one).unwrap();
        let found = cache.look_up(&one.diff_id, Encoder::default()).unwrap();
        assert_eq!(found, CachedLayer { digest: one.digest, size: 7, uncompressed_bytes: 70 });
        assert_eq!(cache.look_up(&one.digest, Encoder::default()), None);
        assert_eq!(cache.look_up(&one.diff_id, Encoder { level: Level::new(9).unwrap() }), None);
    }

    #[test]
    fn what_was_verified_is_found_under_stored_digest_and_diff_id_together() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(folder.path());
        let (one, two) = (summary("one"), summary("two"));
        let contents = TarContents { entries: 3, regular_bytes: 50 };
        cache.store(&LayerSummary { encoder: None, contents: Ok(contents), ..one.clone() }).unwrap();
        let expected = VerifiedContent { uncompressed_bytes: 70, contents };
        assert_eq!(cache.verified(&one.digest, &one.diff_id), Some(expected));
        assert_eq!(cache.verified(&one.digest, &two.diff_id), None);
        assert_eq!(cache.verified(&two.digest, &one.diff_id), None);
        // Nothing that was only verified counts as what the encoder makes.
        assert_eq!(cache.look_up(&one.diff_id, Encoder::default()), None);
        // The entry of these stored bytes under another digest's name.
        let path = |layer: &LayerSummary| folder.path().join(verified_name(&layer.digest));
        fs::rename(path(&one), path(&two)).unwrap();
        assert_eq!(cache.verified(&two.digest, &one.diff_id), None);
    }

    #[test]
    fn nothing_is_remembered_of_unsound_archives_and_of_content_stored_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(folder.path());
        let stored = LayerSummary { encoder: None, ..summary("one") };
        let unsound = Err(TarDefect::Header { offset: 0 });
        cache.store(&LayerSummary { contents: unsound, ..stored.clone() }).unwrap();
        cache.store(&LayerSummary { compression: Compression::None, ..stored }).unwrap();
        assert_eq!(entries(folder.path()).len(), 0);
    }

    #[test]
    fn corrupted_and_foreign_entries_count_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(folder.path());
        let (one, two) = (summary("one"), summary("two"));
        cache.store(&one).unwrap();
        let path = entries(folder.path()).remove(0);
        let good = fs::read(&path).unwrap();
        let huge = [vec![b' '; 10_000], good.clone()].concat();
        for bad in [&b""[..], b"{", b"[]", b"\xff\xfe", &good[..good.len() - 3], &huge] {
            fs::write(&path, bad).unwrap();
            assert_eq!(cache.look_up(&one.diff_id, Encoder::default()), None, "{} bytes", bad.len());
        }
        // The entry of another layer under this layer's name.
        cache.store(&two).unwrap();
        fs::rename(path_of(&cache, &two), &path).unwrap();
        assert_eq!(cache.look_up(&one.diff_id, Encoder::default()), None);
        cache.store(&one).unwrap();
        assert!(cache.look_up(&one.diff_id, Encoder::default()).is_some());
    }

    #[test]
    fn the_least_recently_used_entries_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(folder.path()).with_most_entries(3);
        let layers: Vec<_> = ["a", "b", "c"].map(summary).into_iter().collect();
        for (age, layer) in layers.iter().enumerate() {
            cache.store(layer).unwrap();
            let file = File::options().append(true).open(path_of(&cache, layer)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(age as u64)).unwrap();
        }
        let known = |layer: &LayerSummary| cache.look_up(&layer.diff_id, Encoder::default()).is_some();
        assert!(known(&layers[0]), "a look-up makes it the most recent");
        cache.store(&summary("d")).unwrap();
        assert_eq!(entries(folder.path()).len(), 3);
        assert!(known(&layers[0]) && known(&layers[2]) && !known(&layers[1]));
    }

    #[test]
    fn runs_in_parallel_never_see_half_an_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(folder.path());
        let one = summary("one");
        cache.store(&one).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        cache.store(&one).unwrap();
                        assert!(cache.look_up(&one.diff_id, Encoder::default()).is_some());
                    }
                });
            }
        });
        assert_eq!(entries(folder.path()).len(), 1);
    }
}
