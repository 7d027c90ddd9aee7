//! What a pass over all layers of an image found in them.

use crate::layer::LayerContent;
use crate::name::Digest;

use super::{FileSystem, NodeKind};

/// The contents of an image.
#[derive(Debug, Default)]
pub struct ImageContents {
    /// The file system that the layers make; that of the layers above the last unread one, where there is one.
    pub files: FileSystem,
    /// Of each layer that is known, the base first, its diff id and the bytes of its uncompressed archive.
    pub layers: Vec<(Digest, u64)>,
    /// The layers of which nothing is known, the base first.
    pub unread: Vec<(Digest, Unread)>,
}

/// A layer, and what is in it as far as it is known.
#[derive(Debug, Clone)]
pub struct KnownContent {
    /// The layer.
    pub diff_id: Digest,
    /// What is in it, or why that is not known.
    pub content: Result<LayerContent, Unread>,
}

/// Why nothing is known of what is in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It need not be read: the image that runs has it.
    Running,
    /// It need not be read: it is already where it is wanted.
    Stored,
    /// It will be read when it is sent.
    Pending,
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

    /// What is in these layers, of which some may not be known.
    pub fn of_known(layers: &[KnownContent]) -> Self {
        let known =
            |layer: &KnownContent| layer.content.as_ref().ok().map(|content| content.uncompressed_bytes);
        let above = layers.iter().rposition(|layer| layer.content.is_err()).map_or(0, |last| last + 1);
        let above = layers[above..].iter().filter_map(|layer| layer.content.as_ref().ok());
        Self {
            files: FileSystem::merged(above.map(|content| &*content.listing)),
            layers: layers.iter().filter_map(|layer| Some((layer.diff_id, known(layer)?))).collect(),
            unread: layers
                .iter()
                .filter_map(|layer| Some((layer.diff_id, *layer.content.as_ref().err()?)))
                .collect(),
        }
    }

    /// Whether all layers are known: what is not in the file system is not in the image either.
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty()
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
