//! Registries that look at a few requests at a time only.

use std::sync::Arc;
use std::time::Duration;

use super::image::{archive, image, layer, request};
use super::model::{FLOOR, Kind, Model, Recorder, Tokens};
use crate::event::Event;
use crate::image::{Compression, LocalImage};
use crate::registry::{PushRequest, push_image};

/// Many small layers, and two of several parts.
fn many_layers() -> LocalImage {
    let small = (0..24).map(|seed| layer(&archive(2000, seed), Compression::Gzip));
    let large = (24..26).map(|seed| layer(&archive(3 * FLOOR, seed), Compression::None));
    image(small.chain(large).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_number_of_requests_is_allowed_the_push_arrives() {
    for (most, header) in [(1, ""), (2, ""), (3, "retry-after: 0"), (7, "")] {
        let model = Model::start(Kind::Ecr).await;
        {
            let mut state = model.state.lock().unwrap();
            state.most_at_a_time = Some((most, header));
            state.takes = Duration::from_millis(3);
        }
        let image = many_layers();
        let request = PushRequest { part_size: FLOOR as u64, jobs: 8, ..request(&image) };
        let events = Arc::new(Recorder::default());
        let registry = model.registry_with(Arc::new(Tokens::default()), Arc::clone(&events) as _);
        let pushed = push_image(&registry, &request, events.as_ref()).await;
        assert!(pushed.is_ok(), "{most} at a time: {:?}", pushed.unwrap_err());
        let state = model.state.lock().unwrap();
        assert!(state.turned_away > 0, "{most} at a time: the test does not crowd the registry");
        // Far fewer are turned away than are sent: the push finds out how many are allowed.
        let sent = state.log.len();
        assert!(state.turned_away < sent, "{most} at a time: {} of {sent}", state.turned_away);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_always_turns_away_is_given_up() {
    let model = Model::start(Kind::Ecr).await;
    model.state.lock().unwrap().most_at_a_time = Some((0, ""));
    let image = many_layers();
    let events = Arc::new(Recorder::default());
    let registry = model.registry_with(Arc::new(Tokens::default()), Arc::clone(&events) as _);
    let error = push_image(&registry, &request(&image), events.as_ref()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("--jobs"), "{error}");
    let waits =
        events.0.lock().unwrap().iter().filter(|event| matches!(event, Event::Retrying { .. })).count();
    assert!(waits > 0);
}
