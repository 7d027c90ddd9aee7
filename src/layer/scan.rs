//! Reads all layers of an image for what is in them, where nobody takes their bytes.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::pass::{Encoding, PassSettings, summarize};
use super::{Compressors, LayerCache, LayerError, Listing};
use crate::image::Layer;
use crate::name::Digest;

/// What is in one layer.
#[derive(Debug, Clone)]
pub struct LayerContent {
    /// The layer.
    pub diff_id: Digest,
    /// Bytes of its archive.
    pub uncompressed_bytes: u64,
    /// The entries of the archive.
    pub listing: Arc<Listing>,
}

/// Reads and verifies the layers, and gives what is in them in the layers' order. A layer that was read on this machine
/// before is remembered by its diff id, which names its content, and is not read again. At most `limit` bytes of a
/// layer's content are read.
///
/// # Errors
/// Fails with the first layer that cannot be read, or is not what it claims to be.
pub async fn scan(
    layers: &[Layer],
    limit: u64,
    cache: Option<&LayerCache>,
) -> Result<Vec<LayerContent>, LayerError> {
    contents(layers, limit, cache).try_collect().await
}

/// The same one by one, so that not all of it has to be in memory at once. No more layers are read ahead than there are cores.
pub fn contents<'a>(
    layers: &'a [Layer],
    limit: u64,
    cache: Option<&'a LayerCache>,
) -> impl Stream<Item = Result<LayerContent, LayerError>> + 'a {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let compressors = Compressors::for_this_machine();
    let content = move |layer| content_of(compressors.clone(), layer, limit, cache);
    stream::iter(layers).map(content).buffered(at_once)
}

async fn content_of(
    compressors: Compressors,
    layer: &Layer,
    limit: u64,
    cache: Option<&LayerCache>,
) -> Result<LayerContent, LayerError> {
    let diff_id = layer.diff_id;
    if let Some(cache) = cache
        && let Some(known) = cache.recall(diff_id).await
    {
        return Ok(known);
    }
    let settings = PassSettings { encoding: Encoding::Keep, uncompressed_limit: limit, verified: None };
    let summary = summarize(&compressors, layer, settings).await?;
    summary.sound()?;
    let content = summary.content().ok_or(LayerError::Stopped { layer: diff_id })?;
    if let Some(cache) = cache {
        cache.remember(summary).await;
    }
    Ok(content)
}
