//! An image that goes to several registries is read once: what more than one of them lacks is compressed into a file, and sent from there.

use std::path::Path;

use futures_util::{StreamExt as _, stream};

use crate::event::Event;
use crate::image::{self, BlobLocation, Layer, LocalImage, UNCOMPRESSED_LIMIT};
use crate::layer::{Compressors, Encoding, LayerCache, LayerContent, PassSettings, spool};
use crate::observe::ImageFacts;

/// Whether sending a layer twice from its source would be twice the work: it is compressed on the way, or is brought from elsewhere.
fn is_dear(layer: &Layer, encoding: Encoding) -> bool {
    encoding.encoder_for(layer.compression).is_some()
        || !matches!(layer.location, BlobLocation::InFile { .. })
}

/// The places of the layers that are worth keeping: those that at least two of the registries lack.
pub(super) fn wanted(images: &[&ImageFacts], encoding: Encoding) -> Vec<usize> {
    let Some(first) = images.first() else { return Vec::new() };
    let lacks = |image: &&&ImageFacts, place: usize| {
        !image.manifest_stored && image.layers.get(place).is_some_and(|layer| !layer.stored)
    };
    let is_wanted = |(place, layer): (usize, &Layer)| {
        let lacking = images.iter().filter(|image| lacks(image, place)).count();
        (lacking > 1 && is_dear(layer, encoding)).then_some(place)
    };
    first.local.layers.iter().enumerate().filter_map(is_wanted).collect()
}

/// How layers are kept.
pub(super) struct Keeping<'a> {
    /// Which layers of the image.
    pub(super) places: &'a [usize],
    pub(super) encoding: Encoding,
    /// Where.
    pub(super) folder: &'a Path,
    pub(super) cache: Option<&'a LayerCache>,
}

/// An image whose layers are kept.
pub(super) struct Kept {
    /// The image as it lies now.
    pub(super) image: LocalImage,
    /// What is in the layers that are kept.
    pub(super) contents: Vec<LayerContent>,
}

impl Keeping<'_> {
    /// Gives the image with its layers in files. A layer that cannot be kept stays as it was: each registry then reads it for itself, and
    /// says what is wrong with it.
    pub(super) async fn keep(self, local: &LocalImage, tell: impl Fn(Event)) -> Kept {
        let Self { places, encoding, folder, cache } = self;
        let mut kept = Kept { image: local.clone(), contents: Vec::new() };
        let compressors = Compressors::for_this_machine();
        let settings = PassSettings { encoding, uncompressed_limit: UNCOMPRESSED_LIMIT, verified: None };
        image::announce(places.iter().map(|place| &local.layers[*place]));
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let one =
            async |place: usize| (place, spool(&compressors, &local.layers[place], settings, folder).await);
        let mut spooled =
            std::pin::pin!(stream::iter(places.iter().copied()).map(one).buffer_unordered(at_once));
        while let Some((place, result)) = spooled.next().await {
            match result {
                Ok((layer, summary)) => {
                    kept.contents.extend(summary.content());
                    if let Some(cache) = cache {
                        cache.remember(summary).await;
                    }
                    kept.image.layers[place] = layer;
                }
                Err(error) => {
                    let diff_id = local.layers[place].diff_id;
                    let text = format!("layer {diff_id} is read once for each registry: {error}");
                    tell(Event::Note { text });
                }
            }
        }
        kept
    }
}
