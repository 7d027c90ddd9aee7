//! Reads all layers of an image for what is in them, where nobody takes their bytes.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::pass::{Encoding, PassSettings, summarize};
use super::{Compressors, LayerError, LayerSummary};
use crate::image::Layer;

/// Reads and verifies the layers, and gives the summaries in the layers' order. At most `limit` bytes of a layer's
/// content are read.
///
/// # Errors
/// Fails with the first layer that cannot be read, or is not what it claims to be.
pub async fn scan(layers: &[Layer], limit: u64) -> Result<Vec<LayerSummary>, LayerError> {
    let compressors = Compressors::for_this_machine();
    let settings = PassSettings { encoding: Encoding::Keep, uncompressed_limit: limit, verified: None };
    let passes = layers.iter().map(|layer| async {
        let summary = summarize(&compressors, layer, settings).await?;
        match summary.contents {
            Ok(_) => Ok(summary),
            Err(source) => Err(LayerError::NotTar { layer: layer.diff_id, source }),
        }
    });
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    stream::iter(passes).buffered(at_once).try_collect().await
}
