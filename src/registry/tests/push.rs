//! The push of whole images.

use super::image::{archive, image, layer, request};
use super::model::{FLOOR, Fault, Kind, Model, Recorder};
use crate::event::{Event, LayerAction, Silence};
use crate::image::{Compression, LocalImage, MediaFlavor, OriginalManifest};
use crate::layer::{Encoder, LayerCache, LayerError};
use crate::name::Digest;
use crate::registry::{
    KnownLayer, LayerDescriptor, PushError, PushRequest, PushedImage, published_layers, push_image,
};

/// A part, as most tests have it.
const PART: usize = FLOOR * 4;

async fn push(model: &Model, request: &PushRequest<'_>) -> Result<PushedImage, PushError> {
    push_image(&model.registry(), request, &Silence).await
}

fn actions(pushed: &PushedImage) -> Vec<LayerAction> {
    pushed.layers.iter().map(|layer| layer.action).collect()
}

fn three_layers() -> LocalImage {
    image(vec![
        layer(&archive(3 * PART, 1), Compression::None),
        layer(&archive(PART / 4, 2), Compression::Gzip),
        layer(&archive(PART / 2, 3), Compression::Zstd),
    ])
}

#[test]
fn a_push_can_be_moved_between_threads() {
    fn is_send<T: Send>(_: T) {}
    fn check(registry: &crate::registry::Registry, request: &PushRequest<'_>) {
        is_send(push_image(registry, request, &Silence));
    }
    let _ = check;
}

#[tokio::test]
async fn an_image_arrives_whole_and_a_second_push_sends_nothing() {
    for kind in [Kind::Plain, Kind::Ecr] {
        let model = Model::start(kind).await;
        let image = three_layers();
        let request = PushRequest { part_size: FLOOR as u64, ..request(&image) };
        let events = Recorder::default();
        let pushed = push_image(&model.registry(), &request, &events).await.unwrap();
        assert_eq!(actions(&pushed), [LayerAction::Uploaded; 3]);
        assert_eq!(Digest::of(&pushed.manifest), pushed.digest);
        let blobs: u64 = model.state.lock().unwrap().blobs.values().map(|blob| blob.len() as u64).sum();
        assert_eq!(pushed.pushed_bytes, blobs, "every byte that is there was sent once");
        assert!(pushed.layers.iter().all(|layer| layer.sent == layer.descriptor.size));
        assert_eq!(pushed.uncompressed_bytes(), Some(uncompressed(&pushed)));
        assert!(model.count("PATCH", "uploads") >= 3, "{kind:?}");
        let done =
            events.0.lock().unwrap().iter().filter(|event| matches!(event, Event::LayerDone { .. })).count();
        assert_eq!(done, 3);
        // Known from a cache now, the layers are not even read; one question answers for all.
        let known = pushed.layers.iter().map(|layer| {
            Some(KnownLayer { descriptor: layer.descriptor, uncompressed_bytes: layer.uncompressed_bytes })
        });
        model.state.lock().unwrap().log.clear();
        let again = push(&model, &PushRequest { known: known.collect(), ..request.clone() }).await.unwrap();
        assert_eq!((again.digest, again.pushed_bytes, again.existed), (pushed.digest, 0, true));
        assert_eq!(actions(&again), [LayerAction::Reused; 3]);
        assert!(again.tags_put.is_empty());
        let methods: Vec<_> = model.log().into_iter().map(|seen| seen.method).collect();
        assert!(
            !methods.iter().any(|method| ["POST", "PUT", "PATCH"].contains(&method.as_str())),
            "{methods:?}"
        );
        assert!(methods.len() <= 4, "two questions and the reading back: {methods:?}");
    }
}

fn uncompressed(pushed: &PushedImage) -> u64 {
    pushed.layers.iter().map(|layer| layer.uncompressed_bytes.unwrap()).sum()
}

#[tokio::test]
async fn only_what_is_missing_is_sent() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_layers();
    push(&model, &request(&image)).await.unwrap();
    // The same two layers beside a new one; the gzip one states its digest, the other two must be read, but
    // are in one part and not sent.
    let changed = {
        let mut changed = three_layers();
        changed.layers[0] = layer(&archive(PART / 2, 9), Compression::None);
        super::image::image(changed.layers)
    };
    let pushed = push(&model, &request(&changed)).await.unwrap();
    assert_eq!(actions(&pushed), [LayerAction::Uploaded, LayerAction::Exists, LayerAction::Exists]);
    assert_eq!(pushed.layers[1].uncompressed_bytes, None, "it was not read");
    assert_eq!(pushed.pushed_bytes, pushed.layers[0].sent + changed.config_bytes.len() as u64);
}

#[tokio::test]
async fn a_known_layer_is_reused_only_when_the_registry_has_it() {
    let model = Model::start(Kind::Ecr).await;
    let image = image(vec![
        layer(&archive(PART / 4, 1), Compression::None),
        layer(&archive(PART / 4, 2), Compression::None),
    ]);
    let first = push(&model, &request(&image)).await.unwrap();
    let published = published_layers(&first.manifest, &image.config_bytes);
    let known = |index: usize| {
        let descriptor = published[index].descriptor;
        Some(KnownLayer { descriptor, uncompressed_bytes: None })
    };
    model.state.lock().unwrap().blobs.remove(&published[1].descriptor.digest.to_string());
    model.state.lock().unwrap().manifests.clear();
    let request = PushRequest { known: vec![known(0), known(1)], ..request(&image) };
    let pushed = push(&model, &request).await.unwrap();
    assert_eq!(actions(&pushed), [LayerAction::Reused, LayerAction::Uploaded]);
    assert_eq!(pushed.digest, first.digest);
}

#[tokio::test]
async fn what_was_compressed_is_remembered() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_layers();
    let folder = tempfile::tempdir().unwrap();
    let cache = LayerCache::new(folder.path());
    let pushed = push(&model, &PushRequest { cache: Some(&cache), ..request(&image) }).await.unwrap();
    for (layer, remembered) in image.layers.iter().zip([true, false, true]) {
        let found = cache.look_up(&layer.diff_id, Encoder::default());
        assert_eq!(found.is_some(), remembered, "gzip went through as stored");
    }
    let found = cache.look_up(&image.layers[0].diff_id, Encoder::default()).unwrap();
    assert_eq!(
        (found.digest, found.size),
        (pushed.layers[0].descriptor.digest, pushed.layers[0].descriptor.size)
    );
}

#[tokio::test]
async fn a_gzip_layer_that_was_verified_before_is_not_decompressed_again() {
    let image = image(vec![layer(&archive(3 * PART, 1), Compression::Gzip)]);
    let folder = tempfile::tempdir().unwrap();
    let cache = LayerCache::new(folder.path());
    let request = PushRequest { cache: Some(&cache), ..request(&image) };
    let first = push(&Model::start(Kind::Ecr).await, &request).await.unwrap();
    let size = first.layers[0].uncompressed_bytes.unwrap();
    // Who decompresses the layer counts its bytes; who does not repeats what the entry says.
    let entry = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(&entry, text.replace(&size.to_string(), &(size + 1).to_string())).unwrap();
    let second = push(&Model::start(Kind::Ecr).await, &request).await.unwrap();
    assert_eq!(second.digest, first.digest);
    assert_eq!(second.layers[0].uncompressed_bytes, Some(size + 1));
}

#[tokio::test]
async fn repeated_layers_are_sent_once() {
    let model = Model::start(Kind::Ecr).await;
    let empty = vec![0; 1024];
    let image = image(vec![
        layer(&empty, Compression::None),
        layer(&archive(PART / 4, 1), Compression::None),
        layer(&empty, Compression::Gzip),
        layer(&empty, Compression::None),
    ]);
    let pushed = push(&model, &request(&image)).await.unwrap();
    assert_eq!(model.count("POST", "uploads"), 3, "two layers and the configuration");
    let digests: Vec<_> = pushed.layers.iter().map(|layer| layer.descriptor.digest).collect();
    assert_eq!(digests[0], digests[2]);
    assert_eq!(digests[0], digests[3]);
    let uploaded = actions(&pushed).iter().filter(|action| **action == LayerAction::Uploaded).count();
    assert_eq!(uploaded, 2);
}

#[tokio::test]
async fn the_sources_own_manifest_goes_up_byte_for_byte() {
    let model = Model::start(Kind::Ecr).await;
    let mut image = image(vec![layer(&archive(PART / 4, 1), Compression::Gzip)]);
    image.flavor = MediaFlavor::Oci;
    let stored = &image.layers[0];
    let bytes = format!(
        r#"{{ "schemaVersion": 2,
  "config": {{ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": "{}", "size": {} }},
  "layers": [ {{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": "{}", "size": {} }} ] }}"#,
        image.config_digest,
        image.config_bytes.len(),
        stored.stored_digest.unwrap(),
        stored.stored_size,
    )
    .into_bytes();
    let digest = Digest::of(&bytes);
    let media_type = "application/vnd.oci.image.manifest.v1+json".to_owned();
    image.original = Some(OriginalManifest { media_type, bytes, digest, pushable: true });
    // Another digest for the same diff id is known: the image's own digest is worth more than the upload.
    let other = LayerDescriptor { digest: Digest::of(b"other"), size: 5, compression: Compression::Gzip };
    let known = vec![Some(KnownLayer { descriptor: other, uncompressed_bytes: Some(1) })];
    let pushed = push(&model, &PushRequest { known, ..request(&image) }).await.unwrap();
    assert_eq!(pushed.digest, digest);
}

#[tokio::test]
async fn an_image_beyond_the_limit_is_stopped_before_its_manifest() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_layers();
    let small = PushRequest { uncompressed_limit: 3 * PART as u64 + 9000, ..request(&image) };
    let error = push(&model, &small).await.unwrap_err();
    let PushError::TooLarge { limit, largest } = &error else { panic!("{error}") };
    assert_eq!(*limit, 3 * PART as u64 + 9000);
    assert_eq!(largest[0].diff_id, image.layers[0].diff_id);
    assert_eq!(model.count("PUT", "manifests"), 0);
    // One layer alone beyond it.
    let smaller = PushRequest { uncompressed_limit: PART as u64, ..request(&image) };
    assert!(matches!(push(&model, &smaller).await.unwrap_err(), PushError::TooLarge { .. }));
    // Known to be beyond it without being read.
    let full = push(&model, &request(&image)).await.unwrap();
    let known = full.layers.iter().map(|layer| {
        Some(KnownLayer { descriptor: layer.descriptor, uncompressed_bytes: layer.uncompressed_bytes })
    });
    let known = PushRequest { known: known.collect(), ..small };
    assert!(matches!(push(&model, &known).await.unwrap_err(), PushError::TooLarge { .. }));
}

#[tokio::test]
async fn a_layer_that_is_not_what_it_claims_never_becomes_a_blob() {
    let mut lying = layer(&archive(PART / 4, 1), Compression::None);
    lying.diff_id = Digest::of(b"something else");
    lying.stored_digest = None;
    let no_archive = layer(&b"not a tar archive ".repeat(1000), Compression::None);
    for (bad, is_expected) in [
        (lying, (|error| matches!(error, LayerError::DiffId { .. })) as fn(&LayerError) -> bool),
        (no_archive, |error| matches!(error, LayerError::NotTar { .. })),
    ] {
        let model = Model::start(Kind::Ecr).await;
        let image = image(vec![bad]);
        let error = push(&model, &request(&image)).await.unwrap_err();
        assert!(matches!(&error, PushError::Layer(error) if is_expected(error)), "{error}");
        assert!(error.to_string().contains(&image.layers[0].diff_id.to_string()));
        assert_eq!(model.count("PUT", "manifests"), 0);
        let config = image.config_digest.to_string();
        assert!(model.state.lock().unwrap().blobs.keys().all(|digest| *digest == config));
    }
}

#[tokio::test]
async fn tags_are_put_where_they_do_not_name_the_image_yet() {
    let model = Model::start(Kind::Ecr).await;
    model.state.lock().unwrap().immutable = true;
    let first = image(vec![layer(&archive(PART / 4, 1), Compression::None)]);
    let two_tags =
        |image| PushRequest { tags: vec!["v1".parse().unwrap(), "v2".parse().unwrap()], ..request(image) };
    assert_eq!(push(&model, &request(&first)).await.unwrap().tags_put.len(), 1);
    // v1 names it already, and being immutable could not be put again.
    let pushed = push(&model, &two_tags(&first)).await.unwrap();
    assert_eq!(pushed.tags_put, ["v2".parse().unwrap()]);
    let other = image(vec![layer(&archive(PART / 4, 2), Compression::None)]);
    let error = push(&model, &request(&other)).await.unwrap_err();
    assert!(matches!(&error, PushError::ImmutableTag { tag, .. } if tag.to_string() == "v1"), "{error}");
    assert!(error.hint().is_some());
    // Without a tag, under the default tag of its digest.
    let untagged = push(&model, &PushRequest { tags: Vec::new(), ..request(&other) }).await.unwrap();
    assert!(model.state.lock().unwrap().manifests.contains_key(&untagged.digest.to_string()));
}

#[tokio::test]
async fn a_registry_that_gives_out_another_manifest_is_found_out() {
    let model = Model::start(Kind::Ecr).await;
    let image = image(vec![layer(&archive(PART / 4, 1), Compression::None)]);
    model.plan("GET", "manifests", 0, 99, Fault::Answer(200, "", r#"{"schemaVersion":2}"#.to_owned()));
    let error = push(&model, &request(&image)).await.unwrap_err();
    assert!(matches!(error, PushError::NotVerified { .. }), "{error}");
}

#[tokio::test]
async fn a_dropped_push_stops_sending() {
    let model = Model::start(Kind::Ecr).await;
    let image = image((1..5).map(|seed| layer(&archive(6 * PART, seed), Compression::None)).collect());
    let request = PushRequest { part_size: FLOOR as u64, ..request(&image) };
    let registry = model.registry();
    {
        let mut push = std::pin::pin!(push_image(&registry, &request, &Silence));
        while model.count("PATCH", "uploads") == 0 {
            let turn = tokio::time::timeout(std::time::Duration::from_millis(5), &mut push).await;
            assert!(turn.is_err(), "the push must not end before its first part");
        }
    }
    // What was on the wire may still arrive; then nothing more does.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let seen = model.log().len();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(model.log().len(), seen);
    assert_eq!(model.count("PUT", "manifests"), 0);
    // And the next push ends well.
    push_image(&registry, &request, &Silence).await.unwrap();
}
