//! Passes over real files: what they give out, what they refuse, and that they stop.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::image::{BlobLocation, Compression, Layer};
use crate::name::Digest;

fn settings() -> PassSettings {
    PassSettings { encoding: Encoding::default(), uncompressed_limit: 1 << 40, verified: None }
}

/// A tar archive of some text, some noise and some zeros, of about this many bytes.
fn archive(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    let noise: Vec<u8> = (0..length / 4).map(|_| random.u8(..)).collect();
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in [
        ("text", b"all work and no play ".repeat(length / 40)),
        ("noise", noise),
        ("zeros", vec![0; length / 4]),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A layer whose stored bytes are `stored`, in a file of their own.
fn layer(stored: &[u8], compression: Compression, diff_id: Digest) -> Layer {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before").unwrap();
    file.write_all(stored).unwrap();
    file.write_all(b"after").unwrap();
    layer_in(file, 6, stored.len() as u64, compression, diff_id)
}

fn layer_in(file: File, offset: u64, size: u64, compression: Compression, diff_id: Digest) -> Layer {
    Layer {
        diff_id,
        media_type: None,
        location: BlobLocation::InFile { file: Arc::new(file), path: "image.tar".into(), offset, size },
        stored_size: size,
        stored_digest: None,
        compression,
    }
}

async fn take(layer: &Layer, settings: PassSettings) -> Result<(Vec<u8>, LayerSummary), LayerError> {
    let mut pass = LayerPass::start(&Compressors::new(NonZeroUsize::new(3).unwrap()), layer, settings);
    let mut bytes = Vec::new();
    loop {
        match pass.next().await? {
            Piece::Bytes(piece) => bytes.extend(piece),
            Piece::Summary(summary) => return Ok((bytes, summary)),
        }
    }
}

/// The error of a pass, which must be the same whether its bytes are wanted or not.
async fn error_of(layer: &Layer, settings: PassSettings) -> LayerError {
    let summarized = summarize(&Compressors::for_this_machine(), layer, settings).await.unwrap_err();
    let taken = take(layer, settings).await.unwrap_err();
    assert_eq!(summarized.to_string(), taken.to_string());
    taken
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut content).unwrap();
    content
}

#[tokio::test]
async fn uncompressed_and_zstd_layers_become_the_same_gzip() {
    let content = archive(5_000_000);
    let diff_id = Digest::of(&content);
    let zstd = [zstd::encode_all(&content[..1_000_000], 1), zstd::encode_all(&content[1_000_000..], 3)];
    let zstd = zstd.map(Result::unwrap).concat();
    let (from_plain, summary) = take(&layer(&content, Compression::None, diff_id), settings()).await.unwrap();
    let (from_zstd, _) = take(&layer(&zstd, Compression::Zstd, diff_id), settings()).await.unwrap();
    assert!(from_plain == from_zstd);
    assert!(gunzip(&from_plain) == content);
    assert_eq!(
        summary,
        LayerSummary {
            diff_id,
            digest: Digest::of(&from_plain),
            size: from_plain.len() as u64,
            compression: Compression::Gzip,
            uncompressed_bytes: content.len() as u64,
            contents: Ok(TarContents { entries: 3, regular_bytes: 21 * 125_000 + 1_250_000 + 1_250_000 }),
            listing: summary.listing.clone(),
            encoder: Some(Encoder::default()),
        }
    );
    assert_eq!(summary.listing.unwrap().len(), 3);
}

#[tokio::test]
async fn any_number_of_threads_gives_the_same_digest() {
    let content = archive(12_000_000);
    let layer = layer(&content, Compression::None, Digest::of(&content));
    let mut digests = Vec::new();
    for threads in [1, 2, 7, 100] {
        let compressors = Compressors::new(NonZeroUsize::new(threads).unwrap());
        digests.push(summarize(&compressors, &layer, settings()).await.unwrap().digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[tokio::test]
async fn layers_in_parallel_share_the_compressors() {
    let compressors = Compressors::new(NonZeroUsize::MIN);
    let layers: Vec<_> = (1..6)
        .map(|number| archive(number * 2_000_000))
        .map(|content| layer(&content, Compression::None, Digest::of(&content)))
        .collect();
    let passes = layers.iter().map(|layer| summarize(&compressors, layer, settings()));
    for (result, layer) in futures_util::future::join_all(passes).await.into_iter().zip(&layers) {
        assert_eq!(result.unwrap().diff_id, layer.diff_id);
    }
}

#[tokio::test]
async fn gzip_layers_go_through_unchanged_even_with_several_members() {
    let content = archive(1_500_000);
    let stored = [gzip(&content[..700_000]), gzip(&[]), gzip(&content[700_000..])].concat();
    let mut layer = layer(&stored, Compression::Gzip, Digest::of(&content));
    layer.stored_digest = Some(Digest::of(&stored));
    for encoding in [settings().encoding, Encoding::Keep] {
        let (bytes, summary) = take(&layer, PassSettings { encoding, ..settings() }).await.unwrap();
        assert!(bytes == stored);
        assert_eq!((summary.digest, summary.size), (Digest::of(&stored), stored.len() as u64));
        assert_eq!((summary.compression, summary.encoder), (Compression::Gzip, None));
        assert_eq!(summary.uncompressed_bytes, content.len() as u64);
        assert_eq!(summary.contents.unwrap().entries, 3);
    }
}

#[tokio::test]
async fn a_layer_that_was_verified_before_is_held_against_its_stored_digest_only() {
    let content = archive(1_500_000);
    let stored = gzip(&content);
    let mut layer = layer(&stored, Compression::Gzip, Digest::of(&content));
    layer.stored_digest = Some(Digest::of(&stored));
    let (_, first) = take(&layer, settings()).await.unwrap();
    let verified = Some(VerifiedContent {
        uncompressed_bytes: first.uncompressed_bytes,
        contents: first.contents.clone().unwrap(),
    });
    let again = PassSettings { verified, ..settings() };
    let (bytes, second) = take(&layer, again).await.unwrap();
    assert!(bytes == stored);
    // Its entries did not go by again.
    assert_eq!(second, LayerSummary { listing: None, ..first });
    let limited = PassSettings { uncompressed_limit: 1_000_000, ..again };
    assert!(matches!(error_of(&layer, limited).await, LayerError::TooLarge { limit: 1_000_000, .. }));
    // Other bytes than those that were verified.
    layer.stored_digest = Some(Digest::of(b"something else"));
    assert!(matches!(error_of(&layer, again).await, LayerError::StoredDigest { .. }));
    // Without a digest to hold the bytes against, everything is verified.
    layer.stored_digest = None;
    layer.diff_id = Digest::of(b"something else");
    assert!(matches!(error_of(&layer, again).await, LayerError::DiffId { .. }));
}

#[tokio::test]
async fn layers_are_kept_as_they_are_when_asked() {
    let content = archive(2_000_000);
    let diff_id = Digest::of(&content);
    let zstd = zstd::encode_all(&content[..], 3).unwrap();
    let keep = PassSettings { encoding: Encoding::Keep, ..settings() };
    for (stored, compression) in [(&content, Compression::None), (&zstd, Compression::Zstd)] {
        let (bytes, summary) = take(&layer(stored, compression, diff_id), keep).await.unwrap();
        assert!(bytes == *stored);
        assert_eq!((summary.compression, summary.digest), (compression, Digest::of(stored)));
    }
}

#[tokio::test]
async fn an_empty_layer_is_a_layer() {
    let (bytes, summary) = take(&layer(b"", Compression::None, Digest::of(b"")), settings()).await.unwrap();
    assert!(gunzip(&bytes).is_empty());
    assert_eq!((summary.uncompressed_bytes, summary.contents), (0, Ok(TarContents::default())));
}

#[tokio::test]
async fn content_that_is_not_the_diff_ids_is_refused() {
    let content = archive(100_000);
    let claimed = Digest::of(b"something else");
    for (stored, compression) in [
        (content.clone(), Compression::None),
        (gzip(&content), Compression::Gzip),
        (zstd::encode_all(&content[..], 1).unwrap(), Compression::Zstd),
    ] {
        let error = error_of(&layer(&stored, compression, claimed), settings()).await;
        assert!(
            matches!(&error, LayerError::DiffId { layer, found } if *layer == claimed && *found == Digest::of(&content)),
            "{compression:?}: {error}"
        );
    }
}

#[tokio::test]
async fn stored_bytes_that_are_not_the_manifests_are_refused() {
    let content = archive(100_000);
    for (stored, compression) in [
        (content.clone(), Compression::None),
        (gzip(&content), Compression::Gzip),
        (zstd::encode_all(&content[..], 1).unwrap(), Compression::Zstd),
    ] {
        let mut layer = layer(&stored, compression, Digest::of(&content));
        layer.stored_digest = Some(Digest::of(b"something else"));
        let error = error_of(&layer, settings()).await;
        assert!(matches!(error, LayerError::StoredDigest { .. }), "{compression:?}: {error}");
    }
}

#[tokio::test]
async fn a_truncated_layer_is_called_truncated() {
    let content = archive(1_500_000);
    for (stored, compression) in [
        (content.clone(), Compression::None),
        (gzip(&content), Compression::Gzip),
        (zstd::encode_all(&content[..], 1).unwrap(), Compression::Zstd),
    ] {
        let mut file = tempfile::tempfile().unwrap();
        let cut = stored.len() * 2 / 3;
        file.write_all(&stored[..cut]).unwrap();
        let layer = layer_in(file, 0, stored.len() as u64, compression, Digest::of(&content));
        let error = error_of(&layer, settings()).await;
        let (expected_size, found_size) = (stored.len() as u64, cut as u64);
        assert!(
            matches!(error, LayerError::Truncated { expected, found, .. } if expected == expected_size && found == found_size),
            "{compression:?}: {error}"
        );
    }
}

#[tokio::test]
async fn damaged_compressed_bytes_end_in_an_error_that_names_the_layer() {
    let content = archive(1_500_000);
    for (mut stored, compression) in
        [(gzip(&content), Compression::Gzip), (zstd::encode_all(&content[..], 1).unwrap(), Compression::Zstd)]
    {
        stored[10..200].fill(0xa5);
        let layer = layer(&stored, compression, Digest::of(&content));
        let error = error_of(&layer, settings()).await;
        assert!(matches!(error, LayerError::Decompress { .. }), "{compression:?}: {error}");
        assert!(error.to_string().contains(&layer.diff_id.to_string()));
    }
    let rubbish_after = [gzip(&content), b"rubbish".repeat(10)].concat();
    let error = error_of(&layer(&rubbish_after, Compression::Gzip, Digest::of(&content)), settings()).await;
    assert!(matches!(error, LayerError::Decompress { .. }), "{error}");
}

#[tokio::test]
async fn a_layer_that_swells_beyond_the_limit_is_stopped_there() {
    let zeros = vec![0; 40_000_000];
    let limited = PassSettings { uncompressed_limit: 3_000_000, ..settings() };
    for (stored, compression) in
        [(gzip(&zeros), Compression::Gzip), (zstd::encode_all(&zeros[..], 1).unwrap(), Compression::Zstd)]
    {
        let error = error_of(&layer(&stored, compression, Digest::of(b"never looked at")), limited).await;
        assert!(matches!(error, LayerError::TooLarge { limit: 3_000_000, .. }), "{compression:?}: {error}");
    }
}

#[tokio::test]
async fn a_layer_that_is_no_archive_says_so_in_its_summary() {
    let content = b"#!/bin/sh\necho not a tar archive\n".repeat(100);
    let (_, summary) =
        take(&layer(&content, Compression::None, Digest::of(&content)), settings()).await.unwrap();
    assert_eq!(summary.contents, Err(TarDefect::Header { offset: 0 }));
}

#[tokio::test]
async fn a_pass_stops_soon_after_its_handle_is_dropped() {
    // A sparse file: a terabyte of zeros that takes no room.
    let file = tempfile::tempfile().unwrap();
    file.set_len(1 << 40).unwrap();
    let layer = layer_in(file, 0, 1 << 40, Compression::None, Digest::of(b""));
    for encoding in [settings().encoding, Encoding::Keep] {
        for deliver in [true, false] {
            let settings = PassSettings { encoding, uncompressed_limit: u64::MAX, verified: None };
            let pass = LayerPass::spawn(&Compressors::for_this_machine(), &layer, settings, deliver);
            let progress = Arc::clone(&pass.progress);
            while pass.read_bytes() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            drop(pass);
            let dropped = Instant::now();
            // The threads hold the other references to the progress until they end.
            while Arc::strong_count(&progress) > 1 {
                assert!(dropped.elapsed() < Duration::from_secs(2), "the threads still run");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}
