//! Layers on their way from the registry: whole, from where they broke off, or not at all.

use std::io::Read as _;
use std::time::Duration;

use super::model::{Fault, Known, Login, Model, quick};
use crate::image::fixture::{Layout, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, TarFile, compress, config, gzip};
use crate::image::remote::RemoteAccess;
use crate::image::{BlobLocation, Compression, ImageError, Layer, LocalImage, UNCOMPRESSED_LIMIT};
use crate::layer::{Compressors, Encoding, LayerError, LayerSummary, PassSettings, summarize};
use crate::name::Digest;

/// A layer of some mebibytes that do not compress.
fn bulk(mebibytes: usize) -> Vec<u8> {
    let mut bytes = vec![0; mebibytes << 20];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    let mut archive = TarFile::default();
    archive.file("bulk", &bytes);
    archive.finish()
}

/// A registry with one image of one layer, stored so under that media type.
async fn model(content: &[u8], stored: &[u8], media_type: &str) -> Model {
    let mut layout = Layout::default();
    let config = layout.blob(&config("amd64", &[content.to_vec()]), OCI_CONFIG);
    let layer = layout.blob(stored, media_type);
    let image = layout.manifest(OCI_MANIFEST, &config, &[layer]);
    Model::with(layout.add(image)).await
}

async fn gzip_model(mebibytes: usize) -> (Model, Vec<u8>) {
    let content = bulk(mebibytes);
    let stored = gzip(&content);
    (model(&content, &stored, &format!("{OCI_LAYER}+gzip")).await, stored)
}

fn layer_path(image: &LocalImage) -> &'static str {
    Box::leak(image.layers[0].stored_digest.unwrap().to_string().into_boxed_str())
}

async fn read(location: &BlobLocation, skip: u64) -> std::io::Result<Vec<u8>> {
    let location = location.clone();
    let read = move || {
        let mut bytes = Vec::new();
        location.open(skip)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

async fn pass(layer: &Layer) -> Result<LayerSummary, LayerError> {
    let settings = PassSettings {
        encoding: Encoding::default(),
        uncompressed_limit: UNCOMPRESSED_LIMIT,
        verified: None,
    };
    summarize(&Compressors::for_this_machine(), layer, settings).await
}

#[tokio::test]
async fn a_layer_is_read_from_any_byte() {
    let (model, stored) = gzip_model(1).await;
    let image = model.open(":v1").await.unwrap();
    for skip in [0, 1, 70_000, stored.len() as u64 - 1, stored.len() as u64, u64::MAX] {
        let expected = &stored[usize::try_from(skip).unwrap_or(usize::MAX).min(stored.len())..];
        assert!(read(&image.layers[0].location, skip).await.unwrap() == expected, "{skip}");
    }
    let summary = pass(&image.layers[0]).await.unwrap();
    assert_eq!((summary.digest, summary.encoder), (Digest::of(&stored), None));
}

#[tokio::test]
async fn a_connection_that_breaks_or_stalls_is_continued_where_it_was() {
    for fault in [Fault::CutAfter(300_000), Fault::StallAfter(300_000)] {
        for whole_instead in [false, true] {
            let (model, stored) = gzip_model(1).await;
            let image = model.open(":v1").await.unwrap();
            model.set(|state| state.log.clear());
            model.plan(layer_path(&image), 0, 1, fault.clone());
            if whole_instead {
                model.plan(layer_path(&image), 0, 99, Fault::WholeInstead);
            }
            assert!(read(&image.layers[0].location, 0).await.unwrap() == stored);
            let ranges: Vec<_> = model.log().iter().map(|seen| seen.range.clone()).collect();
            assert_eq!(ranges[0], None);
            assert!(
                ranges[1].as_ref().is_some_and(|range| range.starts_with("bytes=") && range != "bytes=0-"),
                "{ranges:?}"
            );
            assert_eq!(ranges.len(), 2);
        }
    }
}

#[tokio::test]
async fn a_registry_that_refuses_parts_is_asked_for_the_whole_again() {
    let (model, stored) = gzip_model(1).await;
    let image = model.open(":v1").await.unwrap();
    model.set(|state| state.log.clear());
    model.plan(layer_path(&image), 0, 1, Fault::CutAfter(200_000));
    model.plan(layer_path(&image), 0, 1, Fault::Answer(416, "", String::new()));
    assert!(read(&image.layers[0].location, 0).await.unwrap() == stored);
    assert_eq!(model.log().last().unwrap().range, None);
}

#[tokio::test]
async fn troubles_that_pass_are_waited_out_as_long_as_something_moves() {
    let (model, stored) = gzip_model(6).await;
    let image = model.open(":v1").await.unwrap();
    model.set(|state| state.log.clear());
    // More breaks than attempts, each after more than a mebibyte.
    model.plan(layer_path(&image), 0, 4, Fault::CutAfter(1_200_000));
    model.plan(layer_path(&image), 0, 1, Fault::Answer(503, "retry-after: 0", String::new()));
    assert!(read(&image.layers[0].location, 0).await.unwrap() == stored);
    assert!(model.log().len() > quick().attempts as usize);
    // Without any progress the attempts are counted.
    model.plan(layer_path(&image), 0, 99, Fault::CutAfter(0));
    model.set(|state| state.log.clear());
    let error = read(&image.layers[0].location, 0).await.unwrap_err();
    assert!(ImageError::hint_for(&error).unwrap().contains("--source-endpoint"), "{error}");
    assert_eq!(model.log().len(), quick().attempts as usize);
}

#[tokio::test]
async fn a_token_or_a_signed_address_that_ends_in_mid_layer_is_renewed() {
    let (model, stored) = gzip_model(2).await;
    model.set(|state| (state.login, state.redirects) = (Login::Bearer(Some("me:secret")), true));
    let image = model.open_as(":v1", None, Known::access("me:secret")).await.unwrap();
    model.plan("/storage/", 0, 2, Fault::CutAfter(500_000));
    model.plan("blobs/", 1, 1, Fault::ForgetTokens);
    model.set(|state| state.log.clear());
    assert!(read(&image.layers[0].location, 0).await.unwrap() == stored);
    assert_eq!(model.count("GET", "/token"), 1, "{:?}", model.requests());
    assert_eq!(model.count("GET", "/storage/"), 3);
    assert!(
        model
            .log()
            .iter()
            .filter(|seen| seen.target.starts_with("/storage/"))
            .all(|seen| seen.authorization.is_none())
    );
}

#[tokio::test]
async fn bytes_that_are_not_the_layer_are_refused_by_whoever_reads_it() {
    let (model, _) = gzip_model(1).await;
    let image = model.open(":v1").await.unwrap();
    for (fault, unavailable) in [
        (Fault::Lie, false),
        (Fault::Instead(gzip(&bulk(2))), true),
        (Fault::Instead(b"short".to_vec()), true),
        (Fault::Instead(Vec::new()), true),
        (Fault::Answer(404, "", String::new()), true),
        (Fault::Answer(403, "", String::new()), true),
        (Fault::Answer(500, "", String::new()), true),
    ] {
        model.plan(layer_path(&image), 0, quick().attempts as usize, fault.clone());
        let error = pass(&image.layers[0]).await.unwrap_err();
        assert_eq!(matches!(error, LayerError::Read { .. }), unavailable, "{fault:?}: {error:?}");
        assert!(error.hint().is_some(), "{error:?}");
        model.set(|state| state.forget_faults());
    }
    assert!(pass(&image.layers[0]).await.is_ok());
}

#[tokio::test]
async fn how_a_layer_is_compressed_is_told_by_its_first_bytes_when_it_is_read() {
    let content = bulk(1);
    let zstd = compress(&content, Compression::Zstd);
    let mut digests = Vec::new();
    for (stored, called) in [(&content, ""), (&zstd, "+zstd"), (&zstd, "+gzip"), (&zstd, "")] {
        let model = model(&content, stored, &format!("{OCI_LAYER}{called}")).await;
        let image = model.open(":v1").await.unwrap();
        let summary = pass(&image.layers[0]).await.unwrap();
        assert_eq!(summary.compression, Compression::Gzip, "{called}");
        assert!(summary.encoder.is_some());
        digests.push(summary.digest);
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "the same content gives the same digest, whatever it was called");
    let stored = gzip(&content);
    let model = model(&content, &stored, &format!("{OCI_LAYER}+zstd")).await;
    let image = model.open(":v1").await.unwrap();
    let summary = pass(&image.layers[0]).await.unwrap();
    assert_eq!((summary.digest, summary.encoder), (Digest::of(&stored), None));
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_its_download_and_one_that_waits_holds_it_back() {
    let (model, stored) = gzip_model(16).await;
    let image = model.open(":v1").await.unwrap();
    let location = image.layers[0].location.clone();
    let reader = tokio::task::spawn_blocking(move || {
        let mut reader = location.open(0).unwrap();
        let mut head = vec![0; 1000];
        reader.read_exact(&mut head).unwrap();
        (reader, head)
    });
    let (mut reader, head) = reader.await.unwrap();
    assert!(head == stored[..1000]);
    // The download stands still while nobody reads; the rest is all there afterwards.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let rest = tokio::task::spawn_blocking(move || {
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).map(|_| rest)
    });
    assert!(rest.await.unwrap().unwrap() == stored[1000..]);
    let location = image.layers[0].location.clone();
    tokio::task::spawn_blocking(move || drop(location.open(0).unwrap())).await.unwrap();
    let access = RemoteAccess::default();
    assert!(model.open_as(":v1", None, access).await.is_ok(), "the registry still answers");
}
