//! The judgement of what is in an image, where some of it shows only when its layers are sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::{Event, Reporter};
use crate::image::LocalImage;
use crate::layer::LayerContent;
use crate::name::Digest;
use crate::preflight::{self, Allowed, Finding, Severity, Wanted};
use crate::rootfs::{ImageContents, KnownContent, Unread};

/// A judgement that waits for layers to go by. Several targets that get one image have one each: each wants its own of it.
pub struct Judgement {
    known: Mutex<Vec<KnownContent>>,
    wanted: Wanted,
    allowed: Allowed,
    reporter: Arc<dyn Reporter>,
    /// None until the layers went by.
    findings: Mutex<Option<Vec<Finding>>>,
}

impl Judgement {
    /// A judgement of layers of which so much is known, by what is wanted of the image. Findings of allowed checks are only told.
    pub fn new(
        known: Vec<KnownContent>,
        wanted: Wanted,
        allowed: Allowed,
        reporter: Arc<dyn Reporter>,
    ) -> Self {
        Self { known: Mutex::new(known), wanted, allowed, reporter, findings: Mutex::default() }
    }

    /// Whether layers will be read that are not known yet.
    pub fn awaits_layers(&self) -> bool {
        self.known().iter().any(|layer| matches!(layer.content, Err(Unread::Pending)))
    }

    /// Takes in what was read of the image before its layers are sent.
    pub fn learn(&self, contents: &[LayerContent]) {
        for layer in self.known().iter_mut().filter(|layer| layer.content.is_err()) {
            if let Some(content) = contents.iter().find(|content| content.diff_id == layer.diff_id) {
                layer.content = Ok(content.clone());
            }
        }
    }

    /// Judges by what is known before anything is sent.
    pub fn of_known(&self, image: &LocalImage) -> Vec<Finding> {
        let contents = ImageContents::of_known(&self.known());
        self.allowed.weigh(preflight::check_files(image, &self.wanted, &contents))
    }

    /// Judges and tells, now that these layers went by. What did not go by although it was expected to is elsewhere already.
    pub(super) fn of_seen(&self, image: &LocalImage, seen: &[LayerContent]) {
        let seen: HashMap<Digest, &LayerContent> =
            seen.iter().map(|content| (content.diff_id, content)).collect();
        let layer = |layer: &KnownContent| {
            let content = match (&layer.content, seen.get(&layer.diff_id)) {
                (Err(_), Some(content)) => Ok((*content).clone()),
                (Err(Unread::Pending), None) => Err(Unread::Stored),
                (known, _) => known.clone(),
            };
            KnownContent { diff_id: layer.diff_id, content }
        };
        let contents = ImageContents::of_known(&self.known().iter().map(layer).collect::<Vec<_>>());
        let findings = self.allowed.weigh(preflight::check_files(image, &self.wanted, &contents));
        findings.iter().for_each(|finding| self.reporter.report(Event::Found(finding.clone())));
        *self.findings.lock().unwrap_or_else(PoisonError::into_inner) = Some(findings);
    }

    /// Judges without any layer, if none went by after all.
    pub fn settle(&self, image: &LocalImage) {
        let is_open = self.findings.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        if is_open {
            self.of_seen(image, &[]);
        }
    }

    /// What was found when the layers had gone by; nothing before.
    pub fn findings(&self) -> Vec<Finding> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    /// The first refusal.
    pub(super) fn refusal(&self) -> Option<Finding> {
        self.findings().into_iter().find(|finding| finding.severity == Severity::Refuse)
    }

    /// The layers of which is known what is in them.
    pub(super) fn known_layers(&self) -> HashSet<Digest> {
        self.known().iter().filter(|layer| layer.content.is_ok()).map(|layer| layer.diff_id).collect()
    }

    fn known(&self) -> MutexGuard<'_, Vec<KnownContent>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
