//! Blobs that are asked for at once, and what happens where that is not possible.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::cloud::{CloudError, CloudErrorKind};
use crate::event::Event;
use crate::name::Digest;
use crate::registry::{BlobInventory, Registry, RegistrySettings};

use super::model::{Kind, Model, Recorder, Tokens, quick};

/// Answers from a list, in calls of at most a hundred; what is not on it is unclear.
#[derive(Default)]
struct List {
    known: HashMap<Digest, bool>,
    refuses: bool,
    calls: Mutex<Vec<usize>>,
}

#[async_trait::async_trait]
impl BlobInventory for List {
    fn most(&self) -> usize {
        100
    }

    async fn stored(&self, digests: &[Digest]) -> Result<HashMap<Digest, bool>, CloudError> {
        self.calls.lock().unwrap().push(digests.len());
        if self.refuses {
            return Err(CloudError {
                service: "Amazon ECR",
                operation: "BatchCheckLayerAvailability",
                kind: CloudErrorKind::AccessDenied,
                code: None,
                status: Some(403),
                message: "no".to_owned(),
                request_id: None,
            });
        }
        let known = digests.iter().filter_map(|digest| Some((*digest, *self.known.get(digest)?)));
        // And something that nobody asked for.
        Ok(known.chain([(Digest::of(b"unasked"), true)]).collect())
    }
}

fn registry(model: &Model, list: &Arc<List>, events: &Arc<Recorder>) -> Registry {
    let inventory: Arc<dyn BlobInventory> = Arc::clone(list) as _;
    let settings = RegistrySettings {
        retry: quick(),
        inventory: Some(inventory),
        reporter: Arc::clone(events) as _,
        ..RegistrySettings::default()
    };
    let name = "team/app".parse().unwrap();
    Registry::new(model.url(), name, Arc::new(Tokens::default()), settings).unwrap()
}

fn digests(count: u32) -> Vec<Digest> {
    (0..count).map(|number| Digest::of(&number.to_le_bytes())).collect()
}

#[tokio::test]
async fn many_blobs_are_asked_for_by_the_hundred_and_unclear_ones_by_themselves() {
    let model = Model::start(Kind::Ecr).await;
    let asked = digests(250);
    let unclear = [asked[7], asked[201]];
    model.state.lock().unwrap().blobs.insert(unclear[1].to_string(), Vec::new());
    let known = asked.iter().enumerate().filter(|(_, digest)| !unclear.contains(digest));
    let known = known.map(|(index, digest)| (*digest, index % 2 == 0)).collect();
    let list = Arc::new(List { known, ..List::default() });
    let events = Arc::new(Recorder::default());
    let registry = registry(&model, &list, &events);
    let stored = registry.stored_blobs(&asked.iter().copied().collect()).await.unwrap();
    let mut calls = list.calls.lock().unwrap().clone();
    calls.sort_unstable();
    assert_eq!(calls, [50, 100, 100]);
    assert_eq!(model.count("HEAD", "blobs"), 2);
    let expected: HashSet<Digest> = asked
        .iter()
        .enumerate()
        .filter(
            |(index, digest)| if unclear.contains(digest) { **digest == unclear[1] } else { index % 2 == 0 },
        )
        .map(|(_, digest)| *digest)
        .collect();
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn where_it_is_refused_each_blob_is_asked_for_and_that_is_told_once() {
    let model = Model::start(Kind::Ecr).await;
    let asked = digests(150);
    model.state.lock().unwrap().blobs.insert(asked[3].to_string(), Vec::new());
    let list = Arc::new(List { refuses: true, ..List::default() });
    let events = Arc::new(Recorder::default());
    let registry = registry(&model, &list, &events);
    for _ in 0..2 {
        let stored = registry.stored_blobs(&asked.iter().copied().collect()).await.unwrap();
        assert_eq!(stored, HashSet::from([asked[3]]));
    }
    assert_eq!(list.calls.lock().unwrap().len(), 2, "both chunks once, and never again");
    assert_eq!(model.count("HEAD", "blobs"), 300);
    let events = events.0.lock().unwrap();
    let notes: Vec<_> = events.iter().filter(|event| matches!(event, Event::Note { .. })).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
}

#[tokio::test]
async fn one_blob_is_asked_for_by_itself() {
    let model = Model::start(Kind::Ecr).await;
    let list = Arc::new(List::default());
    let registry = registry(&model, &list, &Arc::new(Recorder::default()));
    assert!(registry.stored_blobs(&digests(1).into_iter().collect()).await.unwrap().is_empty());
    assert!(registry.stored_blobs(&HashSet::new()).await.unwrap().is_empty());
    assert_eq!((list.calls.lock().unwrap().len(), model.count("HEAD", "blobs")), (0, 1));
}
