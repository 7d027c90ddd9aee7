//! How many round trips a push takes, counted by a registry that answers what came together together.

use std::time::Duration;

use super::image::{archive, image, layer, request};
use super::model::{Kind, Model};
use crate::event::Silence;
use crate::image::{Compression, LocalImage};
use crate::registry::{PushRequest, push_image};

const JOBS: usize = 4;
/// How many small layers move at a time with so many jobs.
const AT_A_TIME: usize = 4 * JOBS;

fn small_layers(count: u64) -> LocalImage {
    image((0..count).map(|seed| layer(&archive(2000, seed), Compression::None)).collect())
}

fn is_upload(request: &&String) -> bool {
    request.contains("uploads")
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_small_layers_take_hardly_more_round_trips_than_they_must() {
    let model = Model::start(Kind::Ecr).await;
    model.state.lock().unwrap().lockstep = Some(Duration::from_millis(200));
    let image = small_layers(60);
    let pushed =
        push_image(&model.registry(), &PushRequest { jobs: JOBS, ..request(&image) }, &Silence).await;
    assert!(pushed.is_ok(), "{:?}", pushed.unwrap_err());
    let state = model.state.lock().unwrap();
    // Each blob, the configuration among them, is opened and completed, which takes two after another.
    let must = 2 * 61_usize.div_ceil(AT_A_TIME);
    let trips: Vec<_> = state
        .round_trips
        .iter()
        .map(|trip| trip.iter().filter(is_upload).count())
        .filter(|count| *count > 0)
        .collect();
    assert!(trips.len() * 2 <= must * 3, "{} round trips with uploads for {must}: {trips:?}", trips.len());
    assert!(trips.iter().all(|count| *count <= AT_A_TIME), "{trips:?}");
    // The question and the opening go together, so each layer has two connections at most, which are used again.
    assert!(state.connections <= 2 * AT_A_TIME + 2, "{} connections", state.connections);
    assert!(state.log.len() > 180, "{} requests", state.log.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_layer_is_asked_for_while_its_upload_is_opened_and_not_when_that_is_known() {
    let model = Model::start(Kind::Ecr).await;
    model.state.lock().unwrap().lockstep = Some(Duration::from_millis(200));
    let image = small_layers(1);
    push_image(&model.registry(), &request(&image), &Silence).await.unwrap();
    {
        let state = model.state.lock().unwrap();
        let opening = state.round_trips.iter().find(|trip| trip.iter().any(|sent| sent.starts_with("POST")));
        let asks = |sent: &&String| sent.starts_with("HEAD") && sent.contains("/blobs/");
        assert_eq!(opening.unwrap().iter().filter(asks).count(), 1, "{:#?}", state.round_trips);
    }
    // As it is stored, its digest is known and was asked for before.
    let model = Model::start(Kind::Ecr).await;
    let stored = super::image::image(vec![layer(&archive(2000, 1), Compression::Gzip)]);
    push_image(&model.registry(), &request(&stored), &Silence).await.unwrap();
    let digest = stored.layers[0].stored_digest.unwrap();
    assert_eq!(model.count("HEAD", &format!("blobs/{digest}")), 1);
}
