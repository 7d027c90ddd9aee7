//! A push that has to end by a certain time.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Registry;
use super::push::{PushRequest, PushedImage, push_image};
use super::push_error::PushError;
use crate::event::{Event, Reporter};
use crate::name::Digest;

/// Pushes an image as [`push_image`] does, within `limit` if there is one. Without one, a push takes as long as something
/// moves: every request that stands still is ended by itself.
///
/// # Errors
/// [`PushError::TimedOut`], and whatever [`push_image`] fails with.
pub async fn push_image_within(
    registry: &Registry,
    request: &PushRequest<'_>,
    reporter: &dyn Reporter,
    limit: Option<Duration>,
) -> Result<PushedImage, PushError> {
    let Some(limit) = limit else { return push_image(registry, request, reporter).await };
    let arrivals = Arrivals { reporter, arrived: Mutex::default() };
    let mut push = std::pin::pin!(push_image(registry, request, &arrivals));
    if let Ok(ended) = tokio::time::timeout(limit, &mut push).await {
        return ended;
    }
    // What is under way may arrive: then a second run goes on behind it.
    tokio::select! {
        _ = &mut push => {}
        () = registry.wind_down() => {}
    }
    let mut layers: Vec<Digest> = Vec::new();
    for layer in &request.image.layers {
        if !layers.contains(&layer.diff_id) {
            layers.push(layer.diff_id);
        }
    }
    let total = layers.len();
    layers.retain(|layer| !arrivals.has(layer));
    Err(PushError::TimedOut { limit, total, missing: layers })
}

/// Remembers which layers are in the registry, as the events tell.
struct Arrivals<'a> {
    reporter: &'a dyn Reporter,
    arrived: Mutex<HashSet<Digest>>,
}

impl Arrivals<'_> {
    fn has(&self, layer: &Digest) -> bool {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).contains(layer)
    }
}

impl Reporter for Arrivals<'_> {
    fn report(&self, event: Event) {
        if let Event::LayerDone { diff_id, .. } = &event {
            self.arrived.lock().unwrap_or_else(PoisonError::into_inner).insert(*diff_id);
        }
        self.reporter.report(event);
    }
}
