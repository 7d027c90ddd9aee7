//! What a pass over all layers of an image found in them.

use crate::layer::LayerContent;
use crate::name::Digest;

use super::{FileSystem, NodeKind};

/// The contents of an image.
#[derive(Debug, Default)]
pub struct ImageContents {
    /// The file system that the layers make.
    pub files: FileSystem,
    /// Of each layer, the base first, its diff id and the bytes of its uncompressed archive.
    pub layers: Vec<(Digest, u64)>,
}

impl ImageContents {
    /// What is in these layers together, the base first.
    pub fn of(layers: &[LayerContent]) -> Self {
        let mut contents = Self::default();
        layers.iter().for_each(|layer| contents.add(layer));
        contents
    }

    /// Lays one more layer over what is there.
    pub fn add(&mut self, layer: &LayerContent) {
        self.files.apply(&layer.listing);
        self.layers.push((layer.diff_id, layer.uncompressed_bytes));
    }

    /// Bytes of all layers' archives.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.layers.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// The paths and sizes of the largest files, the largest first.
    pub fn largest_files(&self, count: usize) -> Vec<(String, u64)> {
        let mut largest: Vec<(u64, super::Node<'_>)> = Vec::new();
        for node in self.files.root().descendants().filter(|node| node.kind() == NodeKind::File) {
            let place = largest.partition_point(|(size, _)| *size >= node.size());
            if place < count {
                largest.insert(place, (node.size(), node));
                largest.truncate(count);
            }
        }
        largest.into_iter().map(|(size, node)| (node.path(), size)).collect()
    }
}
