//! The scan of layers and the file system that they make: the same however the bytes arrive, kept and given back whole, in
//! bounded memory, and as the specification's words have it.
#![no_main]

use std::io::Read;

use lambda_lift::image::Compression;
use lambda_lift::layer::fuzzing::{decompressed, forged, remembered, scan};
use lambda_lift::layer::{Listing, TarContents, TarDefect};
use lambda_lift::rootfs::{FileSystem, Node, NodeKind};
use lambda_lift_fuzz::heap::{Counting, peak_of};
use lambda_lift_fuzz::script::{self, Tree};
use lambda_lift_fuzz::{assemble, assert_printable};
use libfuzzer_sys::{Corpus, fuzz_target};

#[global_allocator]
static HEAP: Counting = Counting;

/// Parts the layers of an input.
const BETWEEN_LAYERS: &[u8] = b"\n%%\n";

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some(([choice, step], input)) = input.split_first_chunk() else { return Corpus::Reject };
    if choice & 3 == 3 {
        forge(input);
        return Corpus::Keep;
    }
    let texts: Vec<&[u8]> = assemble::split(input, BETWEEN_LAYERS).take(4).collect();
    let archives: Vec<Vec<u8>> = match choice & 3 {
        0 => texts.iter().map(|text| text.to_vec()).collect(),
        1 => texts.iter().map(|text| assemble::with_checksums(text)).collect(),
        _ => texts.iter().map(|text| script::archive(text)).collect(),
    };
    let scanned: Vec<_> = archives.iter().map(|archive| scan_in_pieces(archive, *step)).collect();
    if choice & 4 != 0 {
        archives.iter().zip(&scanned).for_each(|(archive, scanned)| scan_compressed(archive, scanned));
    }
    let listings: Vec<&Listing> = scanned.iter().flatten().map(|(_, listing)| listing).collect();
    listings.iter().for_each(|listing| check_listing(listing));
    let size: usize = archives.iter().map(Vec::len).sum();
    let (system, peak) = peak_of(|| FileSystem::merged(listings));
    assert!(peak <= (256 << 10) + 40 * size, "{peak} bytes of memory for {size}");
    check_tree(&system);
    if choice & 3 == 2 && scanned.iter().all(Result::is_ok) {
        if let Some(expected) = script::merged(texts.iter().copied()) {
            assert_eq!(tree(&system), expected);
        }
    }
    Corpus::Keep
});

/// Scans an archive whole and in pieces, which must not matter.
fn scan_in_pieces(archive: &[u8], step: u8) -> Result<(TarContents, Listing), TarDefect> {
    let (whole, peak) = peak_of(|| scan([archive]));
    assert!(peak <= (64 << 10) + 16 * archive.len(), "{peak} bytes of memory for {}", archive.len());
    // Pieces of a few bytes, of about a record, and of many.
    for step in [usize::from(step % 16) + 1, usize::from(step) + 385, (usize::from(step) + 1) * 97] {
        assert_eq!(scan(archive.chunks(step)), whole, "in pieces of {step}");
    }
    whole
}

/// The compressed layer gives what the plain one does.
fn scan_compressed(archive: &[u8], plain: &Result<(TarContents, Listing), TarDefect>) {
    let half = archive.len() / 2;
    let two_members = [assemble::gzip(&archive[..half]), assemble::gzip(&archive[half..])].concat();
    let two_frames = [assemble::zstd(&archive[..half]), assemble::zstd(&archive[half..])].concat();
    for (compression, stored) in [(Compression::Gzip, two_members), (Compression::Zstd, two_frames)] {
        let mut content = Vec::new();
        decompressed(compression, &stored).unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content, archive);
        assert_eq!(&scan(content.chunks(32 << 10)), plain);
    }
    // Bytes that were never compressed end in an error or in something, and never in a panic.
    for compression in [Compression::Gzip, Compression::Zstd] {
        if let Ok(reader) = decompressed(compression, archive) {
            let _ = reader.take(1 << 20).read_to_end(&mut Vec::new());
        }
    }
}

fn check_listing(listing: &Listing) {
    let mut count = 0;
    listing.for_each(|entry| {
        count += 1;
        let names = entry.path.split(|byte| *byte == b'/');
        let is_clean = names.clone().all(|name| !matches!(name, b"" | b"." | b".."));
        assert!(is_clean || entry.path.is_empty(), "{entry:?}");
        assert!(entry.mode <= 0o7777 && entry.path.len() <= 4096);
    });
    assert_eq!(count, listing.len());
    assert!(!listing.is_cut_short());
    if let Some(again) = remembered(listing) {
        assert_eq!(again.as_ref(), Some(listing));
    }
}

/// Every node is found under its path, and every link leads somewhere or is said not to.
fn check_tree(system: &FileSystem) {
    for node in system.root().descendants() {
        let path = node.raw_path();
        assert_printable(&node.path());
        let name = node.name();
        assert!(!matches!(name, b"" | b"." | b"..") && !name.contains(&b'/'), "{name:?}");
        assert_eq!(node.target().is_some(), node.kind() == NodeKind::Symlink);
        match system.resolve(&path) {
            Ok(found) if node.kind() != NodeKind::Symlink => assert_eq!(found.node.raw_path(), path),
            Ok(found) => assert_ne!(found.node.kind(), NodeKind::Symlink),
            Err(error) => {
                assert_eq!(node.kind(), NodeKind::Symlink, "{error}");
                assert_printable(&error.to_string());
            }
        }
        if let Some(missing) = system.missing_libraries(node, b"/opt/lib") {
            missing
                .iter()
                .for_each(|library| assert_printable(&format!("{}{}", library.name, library.needed_by)));
        }
    }
}

fn tree(system: &FileSystem) -> Tree {
    let root = system.root();
    let node = |node: Node<'_>| {
        let kind = match node.kind() {
            NodeKind::File => b'f',
            NodeKind::Folder => b'd',
            NodeKind::Symlink => b'l',
            NodeKind::Special => b'p',
        };
        (kind, node.mode(), node.size())
    };
    let below = root.descendants().map(|one| (one.raw_path()[1..].to_vec(), node(one)));
    below.chain([(Vec::new(), node(root))]).collect()
}

/// A list out of a cache that somebody else may have written.
fn forge(bytes: &[u8]) {
    for entries in 0..4 {
        if let Some(listing) = forged(bytes, entries) {
            let system = FileSystem::merged([&listing]);
            system.root().descendants().for_each(|node| assert_printable(&node.path()));
        }
    }
}
