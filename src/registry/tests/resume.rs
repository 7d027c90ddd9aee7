//! Pushes that go on where an earlier one was interrupted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::image::{archive, gzip, image, layer, request};
use super::model::{FLOOR, Fault, Kind, Model, Recorder, Tokens};
use crate::event::{Event, Silence};
use crate::image::{Compression, LocalImage};
use crate::name::Digest;
use crate::registry::{PushError, PushRequest, PushedImage, UploadRecords, push_image};

const PART: u64 = FLOOR as u64;

/// What somebody did to a record.
type Change<'a> = &'a dyn Fn(&Model, &mut Value);

/// One layer of six parts, which goes through as it is stored.
fn sample() -> LocalImage {
    image(vec![layer(&archive(5 * FLOOR + 9, 1), Compression::Gzip)])
}

fn denied() -> Fault {
    let body = json!({"errors": [{"code": "DENIED", "message": "no"}]}).to_string();
    Fault::Answer(403, "", body)
}

async fn push(model: &Model, image: &LocalImage, uploads: &UploadRecords) -> Result<PushedImage, PushError> {
    let request = PushRequest { part_size: PART, uploads: Some(uploads), ..request(image) };
    let registry = model.registry();
    let pushed = push_image(&registry, &request, &Silence).await;
    // As a run does at its end: the last entry may be on its way to the disk.
    registry.wind_down().await;
    pushed
}

/// Pushes until so many parts of the layer are there, and no further.
async fn interrupted_after(parts: usize, model: &Model, image: &LocalImage, uploads: &UploadRecords) {
    model.plan("PATCH", "uploads", parts, 99, denied());
    push(model, image, uploads).await.unwrap_err();
    model.heal();
    model.state.lock().unwrap().log.clear();
}

/// The one record in the folder.
fn record(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let records: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    assert_eq!(records.len(), 1, "{records:?}");
    records[0].clone()
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut document = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut document);
    std::fs::write(path, document.to_string()).unwrap();
}

fn bytes_sent(model: &Model) -> u64 {
    let sends = |method: &str| method == "PATCH" || method == "PUT";
    let to_upload =
        model.log().into_iter().filter(|seen| sends(&seen.method) && seen.target.contains("uploads"));
    to_upload.map(|seen| seen.body_length as u64).sum()
}

#[tokio::test]
async fn an_interrupted_layer_goes_on_where_the_registry_has_it() {
    for kind in [Kind::Ecr, Kind::Plain] {
        for compression in [Compression::Gzip, Compression::None] {
            let (model, folder) = (Model::start(kind).await, tempfile::tempdir().unwrap());
            let uploads = UploadRecords::new(folder.path());
            let image = image(vec![layer(&archive(5 * FLOOR + 9, 1), compression)]);
            interrupted_after(3, &model, &image, &uploads).await;
            let events = Arc::new(Recorder::default());
            let registry = model.registry_with(Arc::new(Tokens::default()), Arc::clone(&events) as _);
            let request = PushRequest { part_size: PART, uploads: Some(&uploads), ..request(&image) };
            let pushed = push_image(&registry, &request, events.as_ref()).await.unwrap();
            assert_eq!(model.count("POST", "uploads"), 0, "{kind:?}: the session of the first run");
            let size = pushed.layers[0].descriptor.size;
            assert_eq!((pushed.layers[0].sent, pushed.pushed_bytes), (size - 3 * PART, size - 3 * PART));
            // ECR is asked with one byte.
            let asked = u64::from(kind == Kind::Ecr);
            assert_eq!(bytes_sent(&model), size - 3 * PART + asked, "{kind:?}");
            let from: Vec<_> = events.0.lock().unwrap().iter().filter_map(resumed).collect();
            assert_eq!(from, [3 * PART]);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        }
    }
}

fn resumed(event: &Event) -> Option<u64> {
    match event {
        Event::LayerResumed { from, .. } => Some(*from),
        _ => None,
    }
}

#[tokio::test]
async fn a_part_that_arrived_after_the_last_entry_is_not_sent_again() {
    for kind in [Kind::Ecr, Kind::Plain] {
        let (model, folder, image) = (Model::start(kind).await, tempfile::tempdir().unwrap(), sample());
        let uploads = UploadRecords::new(folder.path());
        interrupted_after(3, &model, &image, &uploads).await;
        let stored = gzip(&archive(5 * FLOOR + 9, 1));
        edit(&record(folder.path()), |document| {
            document["offset"] = json!(2 * PART);
            document["prefix"] = json!(Digest::of(&stored[..2 * FLOOR]).to_string());
        });
        let pushed = push(&model, &image, &uploads).await.unwrap();
        assert_eq!(model.count("POST", "uploads"), 0, "{kind:?}");
        assert_eq!(pushed.layers[0].sent, pushed.layers[0].descriptor.size - 3 * PART);
    }
}

#[tokio::test]
async fn parts_of_another_size_go_on_behind_those_that_are_there() {
    for kind in [Kind::Ecr, Kind::Plain] {
        let (model, folder, image) = (Model::start(kind).await, tempfile::tempdir().unwrap(), sample());
        let uploads = UploadRecords::new(folder.path());
        interrupted_after(2, &model, &image, &uploads).await;
        let request = PushRequest { part_size: PART * 3 / 2, uploads: Some(&uploads), ..request(&image) };
        push_image(&model.registry(), &request, &Silence).await.unwrap();
        assert_eq!(model.count("POST", "uploads"), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn a_record_that_does_not_fit_is_not_believed() {
    let elsewhere = Model::start(Kind::Ecr).await;
    let other_host = format!("{}v2/team/app/blobs/uploads/1", elsewhere.url());
    let unknown = |model: &Model| format!("{}v2/team/app/blobs/uploads/99", model.url());
    let changes: [(&str, Change<'_>); 8] = [
        ("another host", &|_, document| document["location"] = json!(other_host)),
        ("no record", &|_, document| *document = json!("nonsense")),
        ("beyond the blob", &|_, document| document["offset"] = json!(1_u64 << 40)),
        ("not the end of a part", &|_, document| document["offset"] = json!(3 * PART + 1)),
        ("before what is there", &|_, document| document["offset"] = json!(PART)),
        ("other bytes", &|_, document| document["prefix"] = json!(Digest::of(b"other").to_string())),
        ("another encoder", &|_, document| document["bytes"] = json!("sha256:00 by another encoder")),
        ("an upload that is gone", &|model, document| document["location"] = json!(unknown(model))),
    ];
    for kind in [Kind::Ecr, Kind::Plain] {
        for (what, change) in changes {
            let (model, folder, image) = (Model::start(kind).await, tempfile::tempdir().unwrap(), sample());
            let uploads = UploadRecords::new(folder.path());
            interrupted_after(3, &model, &image, &uploads).await;
            edit(&record(folder.path()), |document| change(&model, document));
            let pushed = push(&model, &image, &uploads).await.unwrap();
            assert_eq!(model.count("POST", "uploads"), 1, "{kind:?} {what}: the layer begins anew");
            assert_eq!(pushed.layers[0].sent, pushed.layers[0].descriptor.size, "{kind:?} {what}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{kind:?} {what}");
        }
    }
    assert!(elsewhere.log().is_empty(), "nothing is sent to an address out of a file");
}

#[tokio::test]
async fn a_record_of_an_upload_that_holds_other_bytes_makes_no_wrong_blob() {
    // The record fits in every way, but the upload is one that somebody filled with something else.
    for kind in [Kind::Ecr, Kind::Plain] {
        let (model, folder, image) = (Model::start(kind).await, tempfile::tempdir().unwrap(), sample());
        let uploads = UploadRecords::new(folder.path());
        interrupted_after(3, &model, &image, &uploads).await;
        model.state.lock().unwrap().overwrite_uploads(b'x');
        let pushed = push(&model, &image, &uploads).await.unwrap();
        let digest = pushed.layers[0].descriptor.digest;
        assert_eq!(Digest::of(&model.state.lock().unwrap().blobs[&digest.to_string()]), digest, "{kind:?}");
        assert_eq!(pushed.layers[0].sent, pushed.layers[0].descriptor.size, "{kind:?}: begun anew");
    }
}

#[tokio::test]
async fn where_the_registry_does_not_tell_how_far_it_is_the_next_part_does() {
    for (answer_to_part, sessions) in [(None, 0), (Some((400, "")), 1), (Some((416, "out of order")), 1)] {
        let (model, folder, image) = (Model::start(Kind::Ecr).await, tempfile::tempdir().unwrap(), sample());
        let uploads = UploadRecords::new(folder.path());
        interrupted_after(3, &model, &image, &uploads).await;
        model.plan("PATCH", "uploads", 0, 1, Fault::Answer(400, "", "part too small".to_owned()));
        if let Some((status, words)) = answer_to_part {
            model.plan("PATCH", "uploads", 0, 1, Fault::Answer(status, "", words.to_owned()));
        }
        push(&model, &image, &uploads).await.unwrap();
        assert_eq!(model.count("POST", "uploads"), sessions, "{answer_to_part:?}");
    }
}

#[tokio::test]
async fn two_pushes_at_once_never_go_on_with_the_same_upload() {
    let (model, folder, image) = (Model::start(Kind::Ecr).await, tempfile::tempdir().unwrap(), sample());
    let uploads = UploadRecords::new(folder.path());
    interrupted_after(2, &model, &image, &uploads).await;
    let (one, two) = tokio::join!(push(&model, &image, &uploads), push(&model, &image, &uploads));
    let sent = [one.unwrap(), two.unwrap()].map(|pushed| pushed.layers[0].sent);
    let size = image.layers[0].stored_size;
    assert!(sent.contains(&(size - 2 * PART)), "one goes on: {sent:?}");
    assert!(sent.contains(&size), "the other has an upload of its own: {sent:?}");
    assert_eq!(model.count("POST", "uploads"), 1);
}

#[tokio::test]
async fn nothing_is_written_down_without_a_folder_or_of_layers_in_one_part() {
    let folder = tempfile::tempdir().unwrap();
    let uploads = UploadRecords::new(folder.path().join("uploads"));
    let model = Model::start(Kind::Ecr).await;
    let small = image(vec![layer(&archive(FLOOR / 2, 1), Compression::Gzip)]);
    push(&model, &small, &uploads).await.unwrap();
    assert!(!folder.path().join("uploads").exists());
}

#[tokio::test]
async fn what_is_under_way_may_arrive_before_a_push_is_dropped() {
    for kind in [Kind::Ecr, Kind::Plain] {
        let (model, folder, image) = (Model::start(kind).await, tempfile::tempdir().unwrap(), sample());
        let uploads = UploadRecords::new(folder.path());
        model.state.lock().unwrap().takes = std::time::Duration::from_millis(50);
        let registry = model.registry();
        let request = PushRequest { part_size: PART, uploads: Some(&uploads), ..request(&image) };
        {
            let mut push = std::pin::pin!(push_image(&registry, &request, &Silence));
            while model.count("PATCH", "uploads") < 2 {
                let turn = tokio::time::timeout(std::time::Duration::from_millis(5), &mut push).await;
                assert!(turn.is_err(), "the push must not end before its second part");
            }
            tokio::select! {
                _ = &mut push => panic!("{kind:?}: nothing more may be sent"),
                () = registry.wind_down() => {}
            }
        }
        let there = model.count("PATCH", "uploads") as u64;
        model.state.lock().unwrap().log.clear();
        let pushed = push_image(&model.registry(), &request, &Silence).await.unwrap();
        assert_eq!(pushed.layers[0].sent, pushed.layers[0].descriptor.size - there * PART, "{kind:?}");
        assert_eq!(model.count("POST", "uploads"), 0);
    }
}

#[tokio::test]
async fn a_network_that_is_gone_leaves_the_upload_to_a_run_that_has_one() {
    for kind in [Kind::Ecr, Kind::Plain] {
        let (model, folder, image) = (Model::start(kind).await, tempfile::tempdir().unwrap(), sample());
        let uploads = UploadRecords::new(folder.path());
        // It goes in the middle of the layer, and is not back for the next run.
        for parts in [3, 0] {
            model.plan("PATCH", "uploads", parts, 999, Fault::Closed);
            model.plan("GET", "uploads", 0, 999, Fault::Closed);
            push(&model, &image, &uploads).await.unwrap_err();
            model.heal();
        }
        model.state.lock().unwrap().log.clear();
        let pushed = push(&model, &image, &uploads).await.unwrap();
        assert_eq!(model.count("POST", "uploads"), 0, "{kind:?}");
        assert_eq!(pushed.layers[0].sent, pushed.layers[0].descriptor.size - 3 * PART, "{kind:?}");
    }
}
