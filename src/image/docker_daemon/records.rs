//! What exports held beside their layers, remembered on this machine: one small file an image, by its id.
//!
//! A record is the table of an export: the names and sizes of its files, how each begins, and its small JSON documents
//! byte for byte, among them the configuration. An image is opened from it by the same readers and with the same checks as
//! from the export itself, against the id that the daemon says: a record that was spoilt cannot make another image of it.
//! A configuration may hold secrets in its environment, so the folder and the files are for this user alone.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::image::BlobStore;
use crate::image::archive::{Archive, Entry, FileEntry, MAX_ENTRIES};
use crate::image::files::Seen;
use crate::name::Digest;
use crate::private_folder::PrivateFolder;

/// How many images are remembered. A record has some ten kilobytes.
const MOST_RECORDS: usize = 256;

/// A larger record is not written, and not read.
const LARGEST_RECORD: usize = 4 << 20;

/// The records in one folder; none where nothing is remembered.
#[derive(Debug, Clone)]
pub(super) struct Records(Option<PrivateFolder>);

#[derive(Serialize, Deserialize)]
struct Record {
    /// The only version so far; any other counts as no record.
    version: u32,
    files: Vec<RecordedFile>,
}

#[derive(Serialize, Deserialize)]
struct RecordedFile {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<RecordedLink>,
    #[serde(default)]
    size: u64,
    /// The first bytes in base64: they say how the content is compressed.
    #[serde(default)]
    head: String,
    /// The whole content, of a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct RecordedLink {
    target: String,
    hard: bool,
}

impl Records {
    pub(super) fn new(folder: &Path, remember: bool) -> Self {
        Self(remember.then(|| PrivateFolder::new(folder, MOST_RECORDS)))
    }

    /// The table of the export of this image; none when it is not remembered, or the record is spoilt.
    pub(super) fn look_up(&self, image: &Digest) -> Option<Archive> {
        let (folder, name) = (self.0.as_ref()?, name_of(image));
        let record: Record = serde_json::from_str(&folder.read(&name, LARGEST_RECORD as u64)?).ok()?;
        if record.version != 1 || record.files.len() > MAX_ENTRIES {
            return None;
        }
        let entries = record.files.into_iter().map(RecordedFile::restore).collect::<Option<_>>()?;
        folder.touch(&name);
        Some(Archive::remembered(entries, Arc::new(Elsewhere)))
    }

    /// Remembers the table of an export.
    ///
    /// # Errors
    /// Fails when the folder cannot be written to; without a record the next run reads an export again, no more.
    pub(super) fn store(&self, image: &Digest, archive: &Archive) -> io::Result<()> {
        let Some(folder) = &self.0 else { return Ok(()) };
        let files = archive.entries().iter().filter_map(|(name, entry)| RecordedFile::of(name, entry));
        let mut files: Vec<RecordedFile> = files.collect();
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let text = serde_json::to_vec(&Record { version: 1, files })?;
        if text.len() > LARGEST_RECORD { Ok(()) } else { folder.put(&name_of(image), &text) }
    }

    /// Forgets an image.
    pub(super) fn forget(&self, image: &Digest) {
        if let Some(folder) = &self.0 {
            folder.remove(&name_of(image));
        }
    }
}

fn name_of(image: &Digest) -> String {
    format!("{}.json", image.hex())
}

impl RecordedFile {
    /// None for what no reader of an image looks for.
    fn of(name: &str, entry: &Entry) -> Option<Self> {
        let name = name.to_owned();
        let unseen = Self { name, link: None, size: 0, head: String::new(), text: None };
        match entry {
            Entry::Link { target, hard } => {
                Some(Self { link: Some(RecordedLink { target: target.clone(), hard: *hard }), ..unseen })
            }
            Entry::File(FileEntry { size, seen: Some(seen), .. }) => Some(Self {
                size: *size,
                head: STANDARD_NO_PAD.encode(&seen.head),
                text: seen.whole.as_ref().and_then(|whole| String::from_utf8(whole.clone()).ok()),
                ..unseen
            }),
            Entry::File(_) | Entry::Directory | Entry::Other(_) => None,
        }
    }

    fn restore(self) -> Option<(String, Entry)> {
        let Self { name, link, size, head, text } = self;
        let entry = match link {
            Some(RecordedLink { target, hard }) => Entry::Link { target, hard },
            None => {
                let head = STANDARD_NO_PAD.decode(head).ok()?;
                let whole = text.map(String::into_bytes);
                if whole.as_ref().is_some_and(|whole| whole.len() as u64 != size) {
                    return None;
                }
                Entry::File(FileEntry { offset: 0, size, seen: Some(Seen { head, whole }) })
            }
        };
        Some((name, entry))
    }
}

/// The bodies of files that only their table is left of.
#[derive(Debug)]
struct Elsewhere;

impl BlobStore for Elsewhere {
    fn open(&self, _: &Digest, _: u64) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::new(io::ErrorKind::NotFound, "it is not remembered"))
    }

    fn place(&self) -> &Path {
        Path::new("what is remembered of the image")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::image::fixture::{TarFile, docker_tree};

    fn archive() -> Archive {
        let mut tar = TarFile::of(&docker_tree(&["app"]));
        let tar = tar.symlink("link/layer.tar", "../manifest.json").finish();
        let file = Arc::new(tempfile::tempfile().unwrap());
        Archive::index_stream(&tar[..], file, Path::new("test"), |_| {}).unwrap()
    }

    #[test]
    fn a_record_has_the_whole_table_and_the_documents_byte_for_byte() {
        let folder = tempfile::tempdir().unwrap();
        let (records, image, archive) = (Records::new(folder.path(), true), Digest::of(b"one"), archive());
        assert!(records.look_up(&image).is_none());
        records.store(&image, &archive).unwrap();
        let remembered = records.look_up(&image).unwrap();
        assert_eq!(remembered.entries().len(), archive.entries().len());
        for (name, entry) in archive.entries() {
            match (entry, &remembered.entries()[name]) {
                (Entry::File(was), Entry::File(is)) => {
                    assert_eq!(was.size, is.size, "{name}");
                    let (was, is) = (was.seen.as_ref().unwrap(), is.seen.as_ref().unwrap());
                    assert_eq!((&was.head, &was.whole), (&is.head, &is.whole), "{name}");
                }
                (Entry::Link { target: was, .. }, Entry::Link { target: is, .. }) => assert_eq!(was, is),
                other => panic!("{other:?}"),
            }
        }
        assert!(records.look_up(&Digest::of(b"two")).is_none());
        records.forget(&image);
        assert!(records.look_up(&image).is_none());
    }

    #[test]
    fn a_spoilt_record_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let (records, image) = (Records::new(folder.path(), true), Digest::of(b"one"));
        records.store(&image, &archive()).unwrap();
        let path = folder.path().join(name_of(&image));
        let good = fs::read_to_string(&path).unwrap();
        let huge = format!("{good}{}", " ".repeat(LARGEST_RECORD));
        for bad in [
            "",
            "{}",
            "[]",
            &good[..good.len() - 2],
            &good.replace("\"version\":1", "\"version\":2"),
            &good.replace("\"size\":", "\"size\":1"),
            &huge,
        ] {
            fs::write(&path, bad).unwrap();
            assert!(records.look_up(&image).is_none(), "{} bytes", bad.len());
        }
        fs::write(&path, &good).unwrap();
        assert!(records.look_up(&image).is_some());
    }

    #[cfg(unix)]
    #[test]
    fn records_are_for_this_user_alone_and_none_are_made_where_that_is_not_wanted() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let image = Digest::of(b"one");
        let forgetful = Records::new(folder.path(), false);
        forgetful.store(&image, &archive()).unwrap();
        assert!(forgetful.look_up(&image).is_none() && fs::read_dir(folder.path()).unwrap().count() == 0);
        Records::new(folder.path(), true).store(&image, &archive()).unwrap();
        assert!(forgetful.look_up(&image).is_none());
        let mode = fs::metadata(folder.path().join(name_of(&image))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
