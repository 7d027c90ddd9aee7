//! The local cache of what compressing a layer gave: by diff id and encoder, the digest and the size.
//!
//! Only what this tool computed itself is stored ([`LayerSummary::encoder`] is there), so an entry can be
//! trusted as far as the folder can ([`PrivateFolder`] decides that). One small JSON file an entry. An entry
//! that cannot be read or does not fit its name is as good as none. The folder is chosen by the caller.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::encoder::Encoder;
use super::summary::LayerSummary;
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
        Self { folder: PrivateFolder::new(folder, MOST_ENTRIES) }
    }

    /// The same cache, keeping at most so many entries.
    pub fn with_most_entries(self, most_entries: usize) -> Self {
        Self { folder: self.folder.with_most_files(most_entries) }
    }

    /// Why the cache is not used; none when it is.
    pub fn distrust(&self) -> Option<Distrust> {
        self.folder.distrust()
    }

    /// What `encoder` made of the layer with this diff id; none when it is not known.
    pub fn look_up(&self, diff_id: &Digest, encoder: Encoder) -> Option<CachedLayer> {
        let name = file_name(diff_id, encoder);
        let entry: Entry = serde_json::from_str(&self.folder.read(&name, LONGEST_ENTRY)?).ok()?;
        if entry.diff_id != diff_id.to_string() || entry.encoder != encoder.id() {
            return None;
        }
        let digest = entry.digest.parse().ok()?;
        // Keeps what is in use from being dropped as the oldest.
        self.folder.touch(&name);
        Some(CachedLayer { digest, size: entry.size, uncompressed_bytes: entry.uncompressed_bytes })
    }

    /// Stores what a pass found out. Does nothing for a layer that went through as stored: its digest does
    /// not follow from its diff id.
    ///
    /// # Errors
    /// Fails when the folder cannot be written to; the caller may go on without.
    pub fn store(&self, summary: &LayerSummary) -> io::Result<()> {
        let Some(encoder) = summary.encoder else { return Ok(()) };
        let entry = Entry {
            diff_id: summary.diff_id.to_string(),
            encoder: encoder.id(),
            digest: summary.digest.to_string(),
            size: summary.size,
            uncompressed_bytes: summary.uncompressed_bytes,
        };
        self.folder.put(&file_name(&summary.diff_id, encoder), &serde_json::to_vec(&entry)?)
    }
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
    use crate::image::Compression;
    use crate::layer::{Level, TarContents};

    fn summary(content: &str) -> LayerSummary {
        LayerSummary {
            diff_id: Digest::of(content.as_bytes()),
            digest: Digest::of(format!("gzip of {content}").as_bytes()),
            size: 7,
            compression: Compression::Gzip,
            uncompressed_bytes: 70,
            contents: Ok(TarContents::default()),
            encoder: Some(Encoder::default()),
        }
    }

    fn entries(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
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
    fn a_layer_that_went_through_as_stored_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(folder.path());
        cache.store(&LayerSummary { encoder: None, ..summary("one") }).unwrap();
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
