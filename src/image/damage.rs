//! Tests that no damage to an archive goes unnoticed: whatever is cut or flipped, opening it ends in an error, or in
//! the very image that was saved.

use proptest::prelude::*;

use super::fixture::{Layout, Place, TarFile, compress, docker_tree, open, read, simple_layout};
use super::{Compression, LocalImage};
use crate::name::{Architecture, Digest};

/// Archives in every layout, with the name of the image in each.
fn archives() -> Vec<(Vec<u8>, &'static str)> {
    let mut layout = Layout::default();
    let index = layout.index(&["amd64", "arm64"]);
    let indexed = layout.add(index).tree();
    let mut both = simple_layout();
    both.extend(docker_tree(&["app:v1", "other:v1"]));
    let simple = TarFile::of(&simple_layout()).finish();
    let docker = TarFile::of(&docker_tree(&["app:v1", "other:v1"])).finish();
    vec![
        (compress(&simple, Compression::Gzip), ""),
        (compress(&docker, Compression::Zstd), ":app:v1"),
        (simple, ""),
        (docker, ":app:v1"),
        (TarFile::of(&indexed).finish(), ""),
        (TarFile::of(&both).finish(), ":other:v1"),
    ]
}

fn open_bytes(place: &Place, bytes: &[u8], reference: &str) -> Option<LocalImage> {
    // An error is printed with its hint too: no message may panic.
    match open(&place.write("archive", bytes), "", reference, Some(Architecture::X86_64)) {
        Ok(image) => Some(image),
        Err(error) => {
            assert!(!format!("{error} {error:?} {:?}", error.hint()).is_empty());
            None
        }
    }
}

/// Checks what opening has promised of an image, against the image as it was.
fn check(image: &LocalImage, whole: &LocalImage) {
    assert_eq!(Digest::of(&image.config_bytes), image.config_digest);
    assert_eq!(image.config_bytes, whole.config_bytes);
    if let Some(original) = &image.original {
        assert_eq!(Digest::of(&original.bytes), original.digest);
        assert_eq!(Some(&original.bytes), whole.original.as_ref().map(|original| &original.bytes));
    }
    assert_eq!(image.layers.len(), whole.layers.len());
    for (layer, undamaged) in image.layers.iter().zip(&whole.layers) {
        assert_eq!(layer.diff_id, undamaged.diff_id);
        // What is read of a layer may be damaged: it is compared with its digest when it is read. Reading fails or
        // ends, and never gives more than was said.
        let mut bytes = Vec::new();
        if let Ok(mut reader) = layer.location.open(0) {
            let _ = std::io::Read::read_to_end(&mut reader, &mut bytes);
        }
        assert!(bytes.len() as u64 <= layer.stored_size);
    }
}

#[test]
fn every_undamaged_archive_opens_and_reads_to_its_digests() {
    let place = Place::new();
    for (bytes, reference) in archives() {
        let image = open_bytes(&place, &bytes, reference).unwrap();
        check(&image, &image);
        for layer in &image.layers {
            let stored = read(&layer.location);
            assert_eq!(stored.len() as u64, layer.stored_size);
            assert!(layer.stored_digest.is_none_or(|digest| digest == Digest::of(&stored)));
            if layer.compression == Compression::None {
                assert_eq!(Digest::of(&stored), layer.diff_id);
            }
        }
    }
}

#[test]
fn an_archive_cut_anywhere_is_refused_or_whole() {
    let place = Place::new();
    for (bytes, reference) in archives() {
        let whole = open_bytes(&Place::new(), &bytes, reference).unwrap();
        for length in (0..bytes.len()).step_by(251).chain([1, 2, 511, 512, 513, bytes.len() - 1]) {
            if let Some(image) = open_bytes(&place, &bytes[..length], reference) {
                check(&image, &whole);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_archive_with_flipped_bytes_is_refused_or_the_same_image(
        which in 0..6_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..6),
    ) {
        let place = Place::new();
        let (mut bytes, reference) = archives().swap_remove(which);
        let whole = open_bytes(&Place::new(), &bytes, reference).unwrap();
        for (index, mask) in flips {
            let index = index.index(bytes.len());
            bytes[index] ^= mask;
        }
        if let Some(image) = open_bytes(&place, &bytes, reference) {
            check(&image, &whole);
        }
    }

    #[test]
    fn documents_with_flipped_bytes_under_a_right_checksum_are_refused_or_the_same_image(
        which in 0..5_usize,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..4),
    ) {
        let names = ["index.json", "oci-layout", "manifest.json", "index.json", "blobs"];
        let (mut tree, reference) = match which {
            0 | 1 | 4 => (simple_layout(), ""),
            2 => (docker_tree(&["app:v1"]), ""),
            _ => {
                let mut layout = Layout::default();
                let index = layout.index(&["amd64", "arm64"]);
                (layout.add(index).tree(), "")
            }
        };
        let whole = open_bytes(&Place::new(), &TarFile::of(&tree).finish(), reference).unwrap();
        let damaged: Vec<String> = tree.keys().filter(|name| name.starts_with(names[which])).cloned().collect();
        for (index, mask) in flips {
            let content = tree.get_mut(index.get(&damaged)).unwrap();
            let at = index.index(content.len());
            content[at] ^= mask;
        }
        if let Some(image) = open_bytes(&Place::new(), &TarFile::of(&tree).finish(), reference) {
            check(&image, &whole);
        }
    }
}
