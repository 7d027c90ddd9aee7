//! Tests that archives made to harm are refused: with a clear error, in bounded memory, and without a panic.

use std::fs::File;

use tar::EntryType;

use super::Compression;
use super::archive::{Archive, MAX_ENTRIES};
use super::fixture::{Place, TarFile, compress, docker_tree, gzip};

/// The archive of one ordinary image, then spoilt.
fn spoilt(spoil: impl FnOnce(&mut TarFile)) -> Vec<u8> {
    let mut archive = TarFile::of(&docker_tree(&["app:v1"]));
    spoil(&mut archive);
    archive.finish()
}

/// What opening says, for the plain archive and for compressed ones alike.
fn refusal(archive: &[u8]) -> String {
    let place = Place::new();
    let plain = place.open(archive).unwrap_err();
    assert!(plain.hint().is_some(), "{plain}");
    for compression in [Compression::Gzip, Compression::Zstd] {
        let compressed = place.open(&compress(archive, compression)).unwrap_err();
        assert_eq!(compressed.kind(), plain.kind(), "{plain} / {compressed}");
    }
    plain.to_string()
}

fn pax(archive: &mut TarFile, records: &[(&str, &str)], name: &str, content: &[u8]) {
    let mut body = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let length = (1..).find(|digits| (rest.len() + digits).to_string().len() == *digits).unwrap();
        body.push_str(&format!("{}{rest}", rest.len() + length));
    }
    archive.entry("PaxHeaders.0/x", EntryType::XHeader, "", body.as_bytes()).file(name, content);
}

#[test]
fn names_that_lead_out_of_the_archive_are_refused() {
    for name in ["../evil", "/etc/passwd", "a/../../evil", "blobs/.."] {
        let message = refusal(&spoilt(|archive| {
            archive.file(name, b"x");
        }));
        assert!(message.contains(&format!("{name:?}")), "{message}");
    }
}

#[test]
fn an_entry_that_is_there_twice_is_refused() {
    let message = refusal(&spoilt(|archive| {
        archive.file("./manifest.json", b"[]");
    }));
    assert!(message.contains("more than one entry \"manifest.json\""), "{message}");
    refusal(&spoilt(|archive| {
        archive.entry("manifest.json/", EntryType::Directory, "", b"");
    }));
    let twice_a_directory = spoilt(|archive| {
        archive.entry("d/", EntryType::Directory, "", b"").entry("./d/", EntryType::Directory, "", b"");
    });
    assert!(Place::new().open(&twice_a_directory).is_ok());
}

#[test]
fn a_control_sequence_in_a_name_is_not_printed() {
    let message = refusal(&spoilt(|archive| {
        archive.file("../\u{1b}[2Jx", b"x");
    }));
    assert!(!message.contains('\u{1b}'), "{message}");
    let message = refusal(&spoilt(|archive| {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..5].copy_from_slice(b"\x1b[2Jx");
        header.as_old_mut().size = *b"\x1b[2J no size";
        header.set_cksum();
        archive.raw(&header, b"");
    }));
    assert!(message.contains("damaged") && !message.contains('\u{1b}'), "{message}");
}

#[test]
fn sparse_entries_are_refused_before_their_holes_are_read() {
    let mut header = tar::Header::new_gnu();
    header.set_path("sparse").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(0);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.realsize.copy_from_slice(b"777777777777");
    gnu.sparse[0].offset.copy_from_slice(b"777777777777");
    gnu.sparse[0].numbytes.copy_from_slice(b"00000000000\0");
    header.set_cksum();
    let by_type = spoilt(|archive| {
        archive.raw(&header, b"");
    });
    assert!(refusal(&by_type).contains("sparse"));
    let by_extension = spoilt(|archive| {
        pax(archive, &[("GNU.sparse.major", "1"), ("GNU.sparse.name", "x")], "GNUSparseFile.0/x", b"1");
    });
    assert!(refusal(&by_extension).contains("sparse"));
}

#[test]
fn sizes_beyond_the_end_are_refused() {
    for stated in [1_000_000, 8_000_000_000, 1 << 62, u64::MAX] {
        let message = refusal(&spoilt(|archive| {
            archive.lying("big", stated, b"x");
        }));
        assert!(message.contains("\"big\"") || message.contains("damaged"), "{message}");
    }
    let message = refusal(&spoilt(|archive| pax(archive, &[("size", "9000000000000000000")], "big", b"x")));
    assert!(message.contains("9000000000000000000") || message.contains("damaged"), "{message}");
}

#[test]
fn a_size_in_an_extended_header_counts() {
    let archive = spoilt(|archive| pax(archive, &[("size", "3"), ("path", "there")], "else", b"abc"));
    let place = Place::new();
    let path = place.write("archive", &archive);
    let index = Archive::index(File::open(&path).unwrap(), &path, archive.len() as u64).unwrap();
    assert_eq!(index.find("there").unwrap().unwrap().location.size(), 3);
    assert!(index.find("else").unwrap().is_none());
}

#[test]
fn extended_headers_of_many_megabytes_are_not_read_into_memory() {
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let message = refusal(&spoilt(|archive| {
            archive.entry("long", kind, "", &vec![b'a'; 3_000_000]);
        }));
        assert!(message.contains("headers are longer than 1 MiB"), "{message}");
    }
    let long_name = spoilt(|archive| {
        archive.entry("long", EntryType::GNULongName, "", &vec![b'a'; 100_000]).file("a", b"");
    });
    assert!(refusal(&long_name).contains("longer than 4096"));
}

#[test]
fn links_are_followed_inside_the_archive_only() {
    let place = Place::new();
    let tree = docker_tree(&["app:v1"]);
    let layer = tree.keys().find(|name| name.ends_with("/layer.tar")).unwrap().clone();
    let linked = |kind, target: &str| {
        let mut archive = TarFile::default();
        for (name, content) in tree.iter().filter(|(name, _)| **name != layer) {
            archive.file(name, content);
        }
        archive.file("elsewhere.tar", &tree[&layer]).symlink("hop", "elsewhere.tar");
        archive.entry("empty/", EntryType::Directory, "", b"").entry("pipe", EntryType::Fifo, "", b"");
        archive.entry(&layer, kind, target, b"").finish()
    };
    for (kind, target, opens) in [
        (EntryType::Symlink, "../elsewhere.tar", true),
        (EntryType::Symlink, "../hop", true),
        (EntryType::Link, "elsewhere.tar", true),
        (EntryType::Link, "../elsewhere.tar", false),
        (EntryType::Symlink, "../../elsewhere.tar", false),
        (EntryType::Symlink, "/etc/passwd", false),
        (EntryType::Symlink, "layer.tar", false),
        (EntryType::Symlink, "../nowhere", false),
        (EntryType::Symlink, "../empty", false),
        (EntryType::Symlink, "../pipe", false),
        (EntryType::Char, "", false),
    ] {
        let opened = place.open(&linked(kind, target));
        assert_eq!(opened.is_ok(), opens, "{kind:?} {target}: {opened:?}");
    }
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    let place = Place::new();
    for (content, says) in [
        (b"".to_vec(), "empty"),
        (b"hello".to_vec(), "not a tar archive"),
        (vec![b'x'; 5000], "not a tar archive"),
        (vec![0; 10_240], "empty"),
        (gzip(b"hello"), "not a tar archive"),
        (gzip(b""), "empty"),
        (gzip(&spoilt(|_| ()))[..100].to_vec(), "damaged or truncated"),
        (b"\x1f\x8b".to_vec(), "damaged or truncated"),
        (b"\x28\xb5\x2f\xfdgarbage".to_vec(), "damaged or truncated"),
        (b"\xfd7zXZ\0\0".to_vec(), "compressed with xz"),
        (b"BZh91AY&SY".to_vec(), "compressed with bzip2"),
    ] {
        let error = place.open(&content).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn entries_without_end_are_refused() {
    let mut archive = TarFile::default();
    for number in 0..=MAX_ENTRIES {
        archive.file(&number.to_string(), b"");
    }
    let error = Place::new().open(&archive.finish()).unwrap_err();
    assert!(error.to_string().contains("more than 65536 entries"), "{error}");
}

#[test]
fn global_headers_are_passed_over() {
    let archive = spoilt(|archive| {
        archive.entry("g1", EntryType::XGlobalHeader, "", b"14 comment=ab\n");
        archive.entry("g1", EntryType::XGlobalHeader, "", b"14 comment=cd\n");
    });
    assert!(Place::new().open(&archive).is_ok());
    assert!(Place::new().open(&gzip(&archive)).is_ok());
}
