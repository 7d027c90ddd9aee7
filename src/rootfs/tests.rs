//! Layers laid over each other, paths followed, libraries found: over archives as a builder writes them.

use crate::layer::{Compressors, Encoding, PassSettings, summarize};
use crate::samples::layer;

use super::*;

/// Builds one layer's archive.
#[derive(Default)]
struct Archive(Vec<u8>);

impl Archive {
    fn add(mut self, kind: tar::EntryType, path: &str, mode: u32, content: &[u8], link: &str) -> Self {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        if !link.is_empty() {
            header.set_link_name_literal(link).unwrap();
        }
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    fn file(self, path: &str) -> Self {
        self.add(tar::EntryType::Regular, path, 0o644, path.as_bytes(), "")
    }

    fn folder(self, path: &str) -> Self {
        self.add(tar::EntryType::Directory, path, 0o755, b"", "")
    }

    fn link(self, path: &str, target: &str) -> Self {
        self.add(tar::EntryType::Symlink, path, 0o777, b"", target)
    }

    fn hard_link(self, path: &str, target: &str) -> Self {
        self.add(tar::EntryType::Link, path, 0o644, b"", target)
    }
}

fn merged(layers: Vec<Archive>) -> FileSystem {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let listings: Vec<_> = runtime.block_on(async {
        let mut listings = Vec::new();
        for Archive(content) in layers {
            let settings =
                PassSettings { encoding: Encoding::Keep, uncompressed_limit: u64::MAX, verified: None };
            let compressors = Compressors::for_this_machine();
            let summary = summarize(&compressors, &layer(&content), settings).await.unwrap();
            listings.push(summary.listing.unwrap());
        }
        listings
    });
    FileSystem::merged(listings.iter().map(|listing| &**listing))
}

fn all(system: &FileSystem) -> Vec<String> {
    let mut paths: Vec<String> = system.root().descendants().map(|node| node.path()).collect();
    paths.sort();
    paths
}

#[test]
fn layers_lie_over_each_other_with_whiteouts_for_what_is_below_only() {
    let base =
        Archive::default().folder("./").folder("./app/").file("./app/a").file("./app/b").file("etc/passwd");
    let middle = Archive::default().file("app/c").file("app/.wh.a").file("app/.wh.c").file("app/.wh.nothing");
    assert_eq!(
        all(&merged(vec![base, middle])),
        ["/app", "/app/b", "/app/c", "/etc", "/etc/passwd"],
        "a whiteout does not touch what its own layer brings"
    );
}

#[test]
fn an_opaque_folder_hides_all_that_was_in_it() {
    let base = Archive::default().file("app/a").file("app/deep/b").file("kept");
    let top = Archive::default().file("app/c").file("app/.wh..wh..opq").file("app/.wh..wh.plnk");
    assert_eq!(all(&merged(vec![base, top])), ["/app", "/app/c", "/kept"]);
}

#[test]
fn a_file_takes_the_place_of_a_folder_and_a_folder_that_of_a_file() {
    let base = Archive::default().file("one/inner").file("two");
    let top = Archive::default().file("one").folder("two/").file("two/inner");
    assert_eq!(all(&merged(vec![base, top])), ["/one", "/two", "/two/inner"]);
    // What was in a folder does not come back with a new folder of that name.
    let back = Archive::default().file("one/other");
    let base = Archive::default().file("one/inner");
    let gone = Archive::default().file(".wh.one");
    assert_eq!(all(&merged(vec![base, gone, back])), ["/one", "/one/other"]);
}

#[test]
fn a_later_layer_writes_through_the_links_of_an_earlier_one() {
    let base = Archive::default().folder("usr/lib/").link("lib", "usr/lib").file("usr/lib/libc.so.6");
    let top = Archive::default().file("lib/extra.so").folder("lib/");
    let system = merged(vec![base, top]);
    // The last entry makes a folder of the link, as unpackers do.
    assert_eq!(all(&system), ["/lib", "/usr", "/usr/lib", "/usr/lib/extra.so", "/usr/lib/libc.so.6"]);
    assert_eq!(system.resolve(b"/lib").unwrap().node.path(), "/lib");
}

#[test]
fn hard_links_are_the_file_itself_and_those_to_nothing_are_told() {
    let script =
        |archive: Archive| archive.add(tar::EntryType::Regular, "bin/run", 0o755, b"#!/bin/sh\n", "");
    let base = script(Archive::default());
    let top = Archive::default().hard_link("bin/again", "bin/run").hard_link("bin/lost", "bin/nothing");
    let system = merged(vec![base, top]);
    let again = system.resolve(b"bin/again").unwrap().node;
    assert!(again.program().is_some() && again.is_executable());
    assert_eq!(
        system.defects(),
        [Defect::LinkToNothing { path: b"bin/lost".to_vec(), target: b"bin/nothing".to_vec() }]
    );
}

#[test]
fn what_lies_within_a_file_is_told() {
    let system = merged(vec![Archive::default().file("a").file("a/b/c")]);
    assert_eq!(system.defects(), [Defect::NotAFolder { path: b"a/b/c".to_vec() }]);
}

#[test]
fn paths_are_followed_as_the_kernel_does() {
    let system = merged(vec![
        Archive::default()
            .file("usr/bin/python3.12")
            .link("usr/bin/python3", "python3.12")
            .link("bin", "usr/bin")
            .link("usr/local", "../opt/./local")
            .file("opt/local/x")
            .link("loop", "loop2")
            .link("loop2", "/loop")
            .link("out", "../../../bin/python3")
            .add(tar::EntryType::Directory, "private/", 0o700, b"", "")
            .file("private/key"),
    ]);
    let leads = |path: &str| match system.resolve(path.as_bytes()) {
        Ok(found) => found.node.path(),
        Err(why) => why.to_string(),
    };
    let table = [
        ("/bin/python3", "/usr/bin/python3.12"),
        ("bin/python3", "/usr/bin/python3.12"),
        ("/usr/local/x", "/opt/local/x"),
        ("/usr/bin/../bin//./python3", "/usr/bin/python3.12"),
        ("/out", "/usr/bin/python3.12"),
        ("/", "/"),
        ("/../..", "/"),
        ("/usr/bin/node", "/usr/bin/node does not exist"),
        ("/nothing/at/all", "/nothing does not exist"),
        ("/usr/bin/python3/x", "/usr/bin/python3.12 is not a folder"),
        ("/loop", "/loop is a link that leads in a circle"),
    ];
    for (path, expected) in table {
        assert_eq!(leads(path), expected, "{path}");
    }
    let key = system.resolve(b"/private/key").unwrap();
    assert_eq!(key.closed.map(|folder| folder.path()), Some("/private".to_owned()));
    assert!(system.resolve(b"/opt/local/x").unwrap().closed.is_none());
}

#[test]
fn the_libraries_of_a_real_program_are_found_or_told_missing() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let with = |archive: Archive| archive.add(tar::EntryType::Regular, "app/run", 0o755, &program, "");
    let missing = |archive: Archive, search: &str| {
        let system = merged(vec![with(archive)]);
        let run = system.resolve(b"/app/run").unwrap().node;
        let missing = system.missing_libraries(run, search.as_bytes()).unwrap();
        missing.into_iter().map(|library| (library.name, library.needed_by)).collect::<Vec<_>>()
    };
    let bare = missing(Archive::default(), "");
    assert!(bare.contains(&("libc.so.6".to_owned(), "/app/run".to_owned())), "{bare:?}");
    let everywhere = |folder: &str| {
        let files = bare.iter().map(|(name, _)| format!("{folder}/{name}"));
        files.fold(Archive::default(), |archive, path| archive.file(&path))
    };
    assert_eq!(missing(everywhere("usr/lib/x86_64-linux-gnu"), ""), []);
    assert_eq!(missing(everywhere("lib64"), ""), []);
    assert_eq!(missing(everywhere("usr/lib64/glibc-hwcaps/x86-64-v3"), ""), []);
    assert_ne!(missing(everywhere("app/lib"), ""), []);
    assert_eq!(missing(everywhere("app/lib"), "/nothing:/app/lib"), []);
    let listed = |archive: Archive| {
        archive.add(tar::EntryType::Regular, "etc/ld.so.conf.d/app.conf", 0o644, b"# ours\n/app/lib\n", "")
    };
    assert_eq!(missing(listed(everywhere("app/lib")), ""), []);
}
