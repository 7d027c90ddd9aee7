//! What is known of what is in the image's layers before any of them is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::layer::LayerContent;
use crate::memory::Memory;
use crate::name::Digest;
use crate::rootfs::{KnownContent, Unread};

use super::{ImageFacts, LayerFacts, LayerOrigin};

/// What was read or remembered in this run: shared by targets that get the same image, so that it is there once.
#[derive(Debug, Clone, Default)]
pub struct SeenContents(Arc<Mutex<HashMap<Digest, LayerContent>>>);

impl SeenContents {
    fn get(&self, diff_id: &Digest) -> Option<LayerContent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(diff_id).cloned()
    }

    /// Keeps what was read of layers.
    pub fn learn(&self, contents: &[LayerContent]) {
        contents.iter().for_each(|content| self.put(content.clone()));
    }

    fn put(&self, content: LayerContent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(content.diff_id, content);
    }

    /// What is in each layer of the image, the base first: as it was read when the facts were gathered, or remembered from
    /// a run before. No layer is read for it.
    pub async fn known_of(&self, image: &ImageFacts, memory: Option<&Memory>) -> Vec<KnownContent> {
        self.learn(&image.read);
        let mut known = Vec::new();
        for (layer, facts) in image.local.layers.iter().zip(&image.layers) {
            let diff_id = layer.diff_id;
            let mut content = self.get(&diff_id);
            if let (None, Some(memory)) = (&content, memory) {
                content = memory.layers.recall(diff_id).await;
                content.iter().for_each(|content| self.put(content.clone()));
            }
            known.push(KnownContent { diff_id, content: content.ok_or_else(|| why_not(facts)) });
        }
        known
    }
}

fn why_not(facts: &LayerFacts) -> Unread {
    match facts.known {
        Some(known) if known.origin == LayerOrigin::Running => Unread::Running,
        _ if facts.stored => Unread::Stored,
        _ => Unread::Pending,
    }
}
