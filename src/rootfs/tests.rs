//! Layers laid over each other, paths followed, libraries found: over archives as a builder writes them.

use super::samples::Archive;
use super::*;

fn merged(layers: Vec<Archive>) -> FileSystem {
    samples::contents(layers).files
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
    let base = script(Archive::default().folder("bin/"));
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
fn a_folder_that_no_layer_has_is_told_once() {
    let system = merged(vec![
        Archive::default().folder("a/").file("a/b/c/d").file("a/b/e"),
        Archive::default().file("a/b/c/f"),
    ]);
    assert_eq!(system.defects(), [Defect::NoFolder { path: b"a/b/c".to_vec() }]);
    assert!(system.resolve(b"/a/b/c/f").is_ok());
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
            .folder_with("private/", 0o700)
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
    let with = |archive: Archive| archive.with("app/run", 0o755, &program);
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
    for no_folder in ["", ":", ":/nothing"] {
        assert_ne!(missing(everywhere("."), no_folder), [], "{no_folder:?} is not the root");
    }
    assert_eq!(missing(everywhere("."), "/"), []);
    let listed = |archive: Archive| archive.with("etc/ld.so.conf.d/app.conf", 0o644, "# ours\n/app/lib\n");
    assert_eq!(missing(listed(everywhere("app/lib")), ""), []);
}

#[test]
fn a_path_through_more_links_than_the_kernel_follows_leads_nowhere() {
    // Each link leads through the one before it, with as much to read on the way as fits.
    let dots = "./".repeat(40);
    let mut base = Archive::default().folder("real").link("l0", "real");
    for number in 1..60 {
        base = base.link(&format!("l{number}"), &format!("{dots}l{}", number - 1));
    }
    let base = base.file("l30/reached").file("l59/lost");
    // Two short ways are one long way.
    let base = base.link("real/back", "../l30").file("l20/back/lost-too").file("l3/back/reached-too");
    let system = merged(vec![base]);
    let found = |path: &[u8]| system.resolve(path).is_ok();
    assert!(found(b"real/reached") && found(b"real/reached-too"));
    assert!(!found(b"real/lost") && !found(b"real/lost-too"));
    assert_eq!(system.defect_count(), 2);
}

#[test]
fn everything_below_is_gone_through_once_each_folder_before_what_is_in_it() {
    let base = Archive::default()
        .file("a/b/c")
        .file("a/b/d")
        .folder("a/empty")
        .file("e")
        .file("a/.wh.x")
        .file("f/g");
    let top = Archive::default().file(".wh.f").file("a/b/.wh.d").file("z");
    let system = merged(vec![base, top]);
    let paths: Vec<String> = system.root().descendants().map(|node| node.path()).collect();
    let at = |path: &str| paths.iter().position(|other| other == path).unwrap();
    assert_eq!(paths.len(), 6, "{paths:?}");
    assert!(at("/a") < at("/a/b") && at("/a/b") < at("/a/b/c") && at("/a") < at("/a/empty"));
    let below = system.resolve(b"/a/b").unwrap().node;
    assert_eq!(below.descendants().map(|node| node.path()).collect::<Vec<_>>(), ["/a/b/c"]);
    assert_eq!(system.resolve(b"/a/empty").unwrap().node.descendants().count(), 0);
    assert_eq!(system.resolve(b"/e").unwrap().node.descendants().count(), 0);
}
