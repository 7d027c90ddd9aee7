//! Pushes through every kind of fault at every request: the image arrives, or a clear error says why not and
//! a second push arrives.

use futures_util::{StreamExt, stream};

use super::image::{archive, image, layer, request};
use super::model::{FLOOR, Fault, Kind, Model};
use crate::event::Silence;
use crate::image::{Compression, LocalImage};
use crate::registry::{PushRequest, push_image};

/// One layer of three parts, and a small one.
fn sample() -> LocalImage {
    image(vec![
        layer(&archive(2 * FLOOR + 9, 1), Compression::Gzip),
        layer(&archive(FLOOR / 2, 2), Compression::None),
    ])
}

fn in_small_parts(image: &LocalImage) -> PushRequest<'_> {
    PushRequest { part_size: FLOOR as u64, jobs: 2, ..request(image) }
}

/// The registry has exactly the image, whatever happened on the way.
fn assert_arrived(model: &Model, image: &LocalImage, what: &str) {
    let state = model.state.lock().unwrap();
    let (_, manifest) = &state.manifests["v1"];
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
    // The model takes a blob only under its own digest, and a manifest only with all its blobs.
    assert_eq!(manifest["layers"].as_array().unwrap().len(), image.layers.len(), "{what}");
    assert_eq!(manifest["layers"][0]["digest"], image.layers[0].stored_digest.unwrap().to_string(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_passing_fault_at_every_request_is_survived() {
    let image = sample();
    let requests = [("HEAD", 5), ("POST", 3), ("PATCH", 2), ("PUT", 4), ("GET", 1)];
    let faults = [
        Fault::Answer(500, "", String::new()),
        Fault::Answer(503, "retry-after: 0", "busy".to_owned()),
        Fault::Answer(429, "", String::new()),
        Fault::LostAnswer,
        Fault::HalfAnswer,
        Fault::CutAfter(FLOOR / 5),
        Fault::Closed,
        Fault::Stall,
    ];
    let mut cases = Vec::new();
    for kind in [Kind::Plain, Kind::Ecr] {
        for (method, count) in requests {
            for skip in 0..count {
                // A body is cut only where there is one.
                let with_body = method == "PATCH" || method == "PUT";
                for fault in faults.iter().filter(|fault| with_body || !matches!(fault, Fault::CutAfter(_))) {
                    cases.push((kind, method, skip, fault));
                }
            }
        }
    }
    let pushes = cases.into_iter().map(|(kind, method, skip, fault)| {
        let image = &image;
        async move {
            let what = format!("{kind:?} {method} after {skip}: {fault:?}");
            let model = Model::start(kind).await;
            model.plan(method, "", skip, 1, fault.clone());
            let pushed = push_image(&model.registry(), &in_small_parts(image), &Silence).await;
            assert!(pushed.is_ok(), "{what}: {:?}", pushed.unwrap_err());
            assert_arrived(&model, image, &what);
        }
    });
    // Several at a time: most of each is waiting.
    stream::iter(pushes).buffer_unordered(8).collect::<()>().await;
}

#[tokio::test]
async fn after_a_lasting_fault_a_second_push_arrives() {
    let image = sample();
    for kind in [Kind::Plain, Kind::Ecr] {
        for (method, target) in [
            ("HEAD", "blobs"),
            ("POST", "uploads"),
            ("PATCH", "uploads"),
            ("PUT", "uploads"),
            ("PUT", "manifests"),
        ] {
            let model = Model::start(kind).await;
            let lasting = 60;
            model.plan(method, target, 1, lasting, Fault::Answer(500, "", "broken".to_owned()));
            let outcome = push_image(&model.registry(), &in_small_parts(&image), &Silence).await;
            let what = format!("{kind:?} {method} {target}");
            if (method, target) == ("PUT", "manifests") {
                assert!(outcome.is_ok(), "{what}: one manifest PUT only, which is let through");
                continue;
            }
            let error = outcome.unwrap_err();
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(source.contains(method) && source.contains("500"), "{what}: {source}");
            assert!(!model.state.lock().unwrap().manifests.contains_key("v1"), "{what}");
            model.heal();
            push_image(&model.registry(), &in_small_parts(&image), &Silence).await.unwrap();
            assert_arrived(&model, &image, &what);
        }
    }
}

#[tokio::test]
async fn a_part_that_arrived_although_its_answer_was_lost_is_not_sent_again() {
    for (kind, skip) in [(Kind::Ecr, 1), (Kind::Plain, 1)] {
        let image = sample();
        let model = Model::start(kind).await;
        model.plan("PATCH", "uploads", skip, 1, Fault::LostAnswer);
        let pushed = push_image(&model.registry(), &in_small_parts(&image), &Silence).await.unwrap();
        let sessions = model.count("POST", "uploads");
        assert_eq!(sessions, 3, "{kind:?}: one session a blob");
        assert_eq!(pushed.layers[0].sent, pushed.layers[0].descriptor.size);
    }
}

#[tokio::test]
async fn an_undersized_part_in_the_middle_makes_a_new_session() {
    for kind in [Kind::Ecr, Kind::Plain] {
        let image = sample();
        let model = Model::start(kind).await;
        model.plan("PATCH", "uploads", 1, 1, Fault::CutAfter(FLOOR / 5));
        push_image(&model.registry(), &in_small_parts(&image), &Silence).await.unwrap();
        assert_eq!(model.count("POST", "uploads"), 4, "{kind:?}");
        assert_arrived(&model, &image, "cut");
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_looked_for_before_anything_is_sent_again() {
    for kind in [Kind::Ecr, Kind::Plain] {
        let image = image(vec![layer(&archive(2 * FLOOR + 9, 1), Compression::Gzip)]);
        let model = Model::start(kind).await;
        model.plan("PUT", "blobs/uploads", 0, 99, Fault::LostAnswer);
        push_image(&model.registry(), &in_small_parts(&image), &Silence).await.unwrap();
        assert_eq!(model.count("PUT", "blobs/uploads"), 2, "{kind:?}: layer and configuration, once each");
    }
}

#[tokio::test]
async fn a_lagging_validator_is_waited_for_and_a_real_gap_is_not_for_long() {
    let image = image(vec![layer(&archive(FLOOR / 2, 1), Compression::None)]);
    let model = Model::start(Kind::Ecr).await;
    model.state.lock().unwrap().validator_lag = 3;
    push_image(&model.registry(), &request(&image), &Silence).await.unwrap();
    let model = Model::start(Kind::Ecr).await;
    model.state.lock().unwrap().validator_lag = usize::MAX;
    let error = push_image(&model.registry(), &request(&image), &Silence).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("LAYERS_NOT_FOUND"), "{source}");
}

#[tokio::test]
async fn a_denied_part_ends_the_push_at_once() {
    let image = sample();
    let model = Model::start(Kind::Ecr).await;
    let words = "User: u is not authorized to perform: ecr:UploadLayerPart on resource: r";
    let body = serde_json::json!({"errors": [{"code": "DENIED", "message": words}]}).to_string();
    model.plan("PATCH", "uploads", 0, 99, Fault::Answer(403, "", body));
    let error = push_image(&model.registry(), &in_small_parts(&image), &Silence).await.unwrap_err();
    assert!(error.hint().unwrap().contains("ecr:UploadLayerPart"));
    assert_eq!(model.count("PATCH", "uploads"), 1);
}
