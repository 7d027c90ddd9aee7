//! Layers that are taken over from other repositories, and what happens where they are not.

use std::collections::HashSet;

use crate::event::LayerAction;
use crate::image::Compression;
use crate::name::{Digest, RegistryHost};
use crate::registry::{Origins, PushRequest, RememberedOrigins, push_image};

use super::image::{archive, image, layer, request};
use super::model::{FLOOR, Fault, Kind, Model, Recorder};

/// Each is larger than a part, so that one job moves one of them at a time.
fn three_gzip_layers() -> crate::image::LocalImage {
    image((1..4).map(|seed| layer(&archive(100_000, seed), Compression::Gzip)).collect())
}

/// A blob as the model wants it: by its digest, of its size.
fn stored(image: &crate::image::LocalImage, index: usize) -> (String, Vec<u8>) {
    let layer = &image.layers[index];
    (layer.stored_digest.unwrap().to_string(), vec![0; layer.stored_size as usize])
}

fn actions(pushed: &crate::registry::PushedImage) -> Vec<LayerAction> {
    pushed.layers.iter().map(|layer| layer.action).collect()
}

/// The sources that were asked, by the query of each request.
fn asked(model: &Model) -> Vec<String> {
    let query = |target: &str| Some(target.split_once("from=")?.1.split('&').next()?.replace("%2F", "/"));
    model.log().iter().filter_map(|seen| query(&seen.target)).collect()
}

fn plain_posts(model: &Model) -> usize {
    model.count("POST", "uploads/") - asked(model).len()
}

#[tokio::test]
async fn what_another_repository_has_is_mounted_and_the_rest_goes_into_the_opened_uploads() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_gzip_layers();
    model.state.lock().unwrap().mountable.extend([stored(&image, 0), stored(&image, 2)]);
    let request = PushRequest { mount_from: vec!["base".parse().unwrap()], ..request(&image) };
    let pushed = push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
    assert_eq!(actions(&pushed), [LayerAction::Mounted, LayerAction::Uploaded, LayerAction::Mounted]);
    assert_eq!(asked(&model), ["base"; 3]);
    assert_eq!(plain_posts(&model), 1, "only the configuration opens an upload of its own");
    assert_eq!(pushed.pushed_bytes, pushed.layers[1].sent + image.config_bytes.len() as u64);
    assert_eq!(
        (pushed.layers[0].sent, pushed.layers[0].descriptor.digest),
        (0, image.layers[0].stored_digest.unwrap())
    );
}

#[tokio::test]
async fn a_source_that_does_not_give_one_layer_is_asked_for_the_next_after_the_others() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_gzip_layers();
    let from = vec!["base".parse().unwrap(), "tools".parse().unwrap()];
    let request = PushRequest { mount_from: from, jobs: 1, part_size: FLOOR as u64, ..request(&image) };
    let pushed = push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
    assert_eq!(actions(&pushed), [LayerAction::Uploaded; 3]);
    assert_eq!(asked(&model), ["base", "tools", "base"]);
    assert_eq!(plain_posts(&model), 1, "each layer went into the upload that its question opened");
}

#[tokio::test]
async fn where_mounting_is_disabled_nothing_is_tried() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_gzip_layers();
    let mount_from = vec!["base".parse().unwrap()];
    let request = PushRequest { mounting: false, mount_from, ..request(&image) };
    push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
    assert_eq!(asked(&model), Vec::<String>::new());
}

#[tokio::test]
async fn a_source_that_refuses_is_left_and_the_layer_comes_from_elsewhere_or_is_sent() {
    let denied =
        r#"{"errors":[{"code":"DENIED","message":"not authorized to perform: ecr:GetDownloadUrlForLayer"}]}"#;
    let faults = [
        Fault::Answer(403, "", denied.to_owned()),
        Fault::Answer(404, "", String::new()),
        Fault::Answer(500, "", String::new()),
        Fault::Answer(201, "docker-content-digest: sha256:00", String::new()),
        Fault::Closed,
        Fault::HalfAnswer,
    ];
    for fault in faults {
        let model = Model::start(Kind::Ecr).await;
        let image = three_gzip_layers();
        model.plan("POST", "from=base", 0, 99, fault.clone());
        model.state.lock().unwrap().mountable.extend((0..3).map(|index| stored(&image, index)));
        let from = vec!["base".parse().unwrap(), "tools".parse().unwrap()];
        let request = PushRequest { mount_from: from, jobs: 1, part_size: FLOOR as u64, ..request(&image) };
        let pushed = push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
        let first = match fault {
            Fault::Answer(403 | 404 | 500, ..) => LayerAction::Mounted,
            _ => LayerAction::Uploaded,
        };
        let expected: HashSet<_> = [first, LayerAction::Mounted].into();
        assert_eq!(actions(&pushed).into_iter().collect::<HashSet<_>>(), expected, "{fault:?}");
        assert!(asked(&model).iter().filter(|source| *source == "base").count() <= 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_small_layer_that_was_mounted_although_the_answer_was_lost_is_found() {
    let model = Model::start(Kind::Ecr).await;
    let image = image(vec![layer(&archive(20_000, 1), Compression::Gzip)]);
    model.plan("POST", "from=base", 0, 1, Fault::HalfAnswer);
    model.state.lock().unwrap().mountable.extend([stored(&image, 0)]);
    let request = PushRequest { mount_from: vec!["base".parse().unwrap()], ..request(&image) };
    let pushed = push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
    assert_eq!((actions(&pushed), pushed.layers[0].sent), (vec![LayerAction::Exists], 0));
}

#[tokio::test]
async fn a_layer_whose_digest_is_not_known_is_never_asked_for() {
    let model = Model::start(Kind::Ecr).await;
    let mut unknown = layer(&archive(20_000, 1), Compression::None);
    unknown.stored_digest = None;
    let image = image(vec![unknown]);
    let request = PushRequest { mount_from: vec!["base".parse().unwrap()], ..request(&image) };
    push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
    assert_eq!(asked(&model), Vec::<String>::new());
}

#[tokio::test]
async fn where_a_blob_was_put_is_remembered_and_asked_first() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_gzip_layers();
    let folder = tempfile::tempdir().unwrap();
    let origins = Origins::new(folder.path().join("origins"));
    let host = RegistryHost::standard(&"123456789012".parse().unwrap(), &"eu-west-1".parse().unwrap());
    let digest = |index: usize| image.layers[index].stored_digest.unwrap();
    origins.note(&digest(1), &host, &"shop".parse().unwrap());
    model.state.lock().unwrap().mountable.extend([stored(&image, 1)]);
    model.state.lock().unwrap().blobs.extend([stored(&image, 2)]);
    let request = PushRequest {
        mount_from: vec!["base".parse().unwrap()],
        origins: Some(RememberedOrigins { origins: &origins, registry: &host }),
        jobs: 1,
        part_size: FLOOR as u64,
        ..request(&image)
    };
    let pushed = push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
    assert_eq!(actions(&pushed), [LayerAction::Uploaded, LayerAction::Mounted, LayerAction::Exists]);
    let mut sources = asked(&model);
    sources.sort_unstable();
    assert_eq!(sources, ["base", "shop"]);
    let places = |digest: Digest| -> Vec<String> {
        origins.of(&digest, &host).iter().map(ToString::to_string).collect()
    };
    assert_eq!(places(digest(0)), ["team/app"], "sent by us");
    assert_eq!(places(digest(1)), ["team/app", "shop"], "mounted by us");
    assert_eq!(places(digest(2)), Vec::<String>::new(), "somebody else's doing");
}

#[tokio::test]
async fn what_was_seen_a_moment_ago_is_not_asked_for_again() {
    let model = Model::start(Kind::Ecr).await;
    let image = three_gzip_layers();
    let digest = image.layers[0].stored_digest.unwrap();
    model.state.lock().unwrap().blobs.extend([stored(&image, 0)]);
    let request = PushRequest { present: Some(HashSet::from([digest])), ..request(&image) };
    let pushed = push_image(&model.registry(), &request, &Recorder::default()).await.unwrap();
    assert_eq!(actions(&pushed), [LayerAction::Exists, LayerAction::Uploaded, LayerAction::Uploaded]);
    assert_eq!(model.count("HEAD", &digest.to_string()), 0);
}
