//! Deletes images by digest, up to a hundred a call, indexes before what they list.

use std::collections::{BTreeMap, BTreeSet};

use super::patience::Patience;
use super::run::Run;
use crate::apply::ApplyError;
use crate::cloud::ImageDeletion;
use crate::event::Event;
use crate::name::{Digest, Version};
use crate::preflight::Severity;
use crate::prune::{
    Facts, ImageReason, RepositoryFacts, RepositoryPlace, batches, decide_versions, plan_images,
};
use crate::report::Failure;

/// How often images are tried again that ECR says an index still lists: that the index has gone may take a moment to be known.
const ROUNDS: usize = 4;

/// An image that ECR keeps because something lists it.
struct Held {
    digest: Digest,
    why: String,
}

impl Run<'_, '_> {
    /// Deletes the images of a repository that were to go and still may.
    pub(super) async fn delete_images(&mut self, place: &RepositoryPlace) -> Result<(), Failure> {
        let planned = self.work.images_of(&place.name);
        let found = self.ask(self.pruner.gatherer.repository(place, &self.work.of_repository)).await?;
        let Some(facts) = found else {
            planned.iter().for_each(|digest| self.note_gone(place, digest));
            return Ok(());
        };
        let order = batches(&planned, &facts.children);
        let mut held = Vec::new();
        for batch in order {
            held.extend(self.delete_batch(place, &batch).await?);
        }
        let mut patience = Patience::new();
        for _ in 1..ROUNDS {
            if held.is_empty() {
                break;
            }
            let paused = patience.pause(self.pruner.gatherer.clock, self.pruner.interrupt).await;
            paused.map_err(|stopped| stopped.failure(self.changed))?;
            let again: Vec<Digest> = std::mem::take(&mut held).into_iter().map(|one| one.digest).collect();
            for batch in batches(&again, &facts.children) {
                held.extend(self.delete_batch(place, &batch).await?);
            }
        }
        for Held { digest, why } in held {
            self.note_refused(place, &digest, why);
        }
        Ok(())
    }

    /// Deletes one batch, whatever becomes of the answer, each try after a last look at everything. Answers the images that an index
    /// still lists.
    async fn delete_batch(
        &mut self,
        place: &RepositoryPlace,
        batch: &[Digest],
    ) -> Result<Vec<Held>, Failure> {
        let mut patience = Patience::new();
        let mut left = batch.to_vec();
        loop {
            let Some(facts) = self.still_going(place, &mut left).await? else { return Ok(Vec::new()) };
            let call = self.pruner.ecr.delete_images(Some(&facts.owner), &place.name, &left);
            let Some(answer) = self.pruner.interrupt.or_soon(call).await else {
                self.changed = true;
                return Err(ApplyError::Interrupted.failure(true));
            };
            let error = match answer {
                Ok(became) => return self.note_answer(place, &facts, &left, became).await,
                Err(error) => error,
            };
            self.changed |= error.is_answer_lost();
            self.wait(format!("repository {}", place.name), error, &mut patience).await?;
        }
    }

    /// Notes what became of images; answers those that an index still lists.
    async fn note_answer(
        &mut self,
        place: &RepositoryPlace,
        facts: &RepositoryFacts,
        sent: &[Digest],
        became: Vec<ImageDeletion>,
    ) -> Result<Vec<Held>, Failure> {
        let (mut held, mut unsaid) = (Vec::new(), Vec::new());
        self.changed |= became.contains(&ImageDeletion::Gone);
        for (digest, became) in sent.iter().zip(became) {
            match became {
                ImageDeletion::Gone => self.note_gone(place, digest),
                ImageDeletion::StillListed(told) => {
                    held.push(Held { digest: *digest, why: who_lists(facts, digest, &told) });
                }
                ImageDeletion::Refused(why) => self.note_refused(place, digest, why),
                ImageDeletion::Unsaid => unsaid.push(*digest),
            }
        }
        self.look_for(place, &unsaid).await?;
        Ok(held)
    }

    /// Looks for images that may have been deleted.
    async fn look_for(&mut self, place: &RepositoryPlace, unsaid: &[Digest]) -> Result<(), Failure> {
        if unsaid.is_empty() {
            return Ok(());
        }
        self.changed = true;
        let found = self.ask(self.pruner.gatherer.repository(place, &self.work.of_repository)).await?;
        let images = found.map(|facts| facts.images).unwrap_or_default();
        for digest in unsaid {
            if images.iter().any(|image| image.digest == *digest) {
                let why = "AWS's answer does not say what became of it, and it is still listed".to_owned();
                self.note_refused(place, digest, why);
            } else {
                self.note_gone(place, digest);
            }
        }
        Ok(())
    }

    /// Leaves those of a batch that still may go, and answers the repository as it is now; none where nothing is left. The others are
    /// noted.
    async fn still_going(
        &mut self,
        place: &RepositoryPlace,
        batch: &mut Vec<Digest>,
    ) -> Result<Option<RepositoryFacts>, Failure> {
        self.check_interrupt()?;
        let found = self.ask(self.pruner.gatherer.repository(place, &self.work.of_repository)).await?;
        let reasons = match &found {
            Some(facts) => self.reasons_now(facts).await?,
            None => BTreeMap::new(),
        };
        for digest in std::mem::take(batch) {
            match reasons.get(&digest) {
                None => self.note_gone(place, &digest),
                Some(reason) if reason.deletes() => batch.push(digest),
                Some(reason) => self.spare(place, &digest, reason.word(), reason.to_string()),
            }
        }
        Ok(found.filter(|_| !batch.is_empty()))
    }

    /// What is decided about each image as things are now.
    async fn reasons_now(
        &self,
        repository: &RepositoryFacts,
    ) -> Result<BTreeMap<Digest, ImageReason>, Failure> {
        let gatherer = &self.pruner.gatherer;
        let mut functions = Vec::new();
        for name in &gatherer.spec.functions {
            let found = self.ask(gatherer.function(name)).await?;
            if let Some(refusal) =
                found.as_ref().and_then(|facts| decide_versions(facts, gatherer.spec.keep).err())
            {
                return Err(self.refusal(refusal));
            }
            functions.extend(found);
        }
        let uses = self.ask(gatherer.uses()).await?;
        let facts = Facts {
            account: self.work.account.clone(),
            functions,
            repositories: vec![repository.clone()],
            uses,
            now: gatherer.now(),
        };
        // A version that was to go and is still there needs its image. What this run has deleted may be in AWS's lists for a moment.
        let (images, findings) = plan_images(gatherer.spec, &facts, &self.gone_versions());
        if let Some(refusal) = findings.into_iter().find(|finding| finding.severity == Severity::Refuse) {
            return Err(self.refusal(refusal));
        }
        Ok(images.into_iter().map(|one| (one.image.digest, one.reason)).collect())
    }

    /// The versions that this run has deleted.
    fn gone_versions(&self) -> BTreeSet<(String, Version)> {
        let versions = self.report.prune.iter().flat_map(|prune| &prune.versions);
        let gone = versions.filter(|one| one.fate.deleted);
        gone.filter_map(|one| Some((one.function.clone(), one.version.parse().ok()?))).collect()
    }

    fn note_gone(&mut self, place: &RepositoryPlace, digest: &Digest) {
        if let Some(fate) = self.image_fate(&place.name, digest) {
            fate.deleted = true;
        }
    }

    fn note_refused(&mut self, place: &RepositoryPlace, digest: &Digest, why: String) {
        self.refused.push(format!("image {digest} of repository {}: {why}", place.name));
        self.spare(place, digest, "refused", why);
    }

    fn spare(&mut self, place: &RepositoryPlace, digest: &Digest, word: &'static str, why: String) {
        let text = format!("image {} of repository {} stays: {why}", digest.short(), place.name);
        self.pruner.reporter.report(Event::Note { text });
        if let Some(fate) = self.image_fate(&place.name, digest) {
            fate.spare(word, why);
        }
    }
}

/// What still lists an image: by the last look, else as ECR says it.
fn who_lists(facts: &RepositoryFacts, digest: &Digest, told: &str) -> String {
    let lists = facts.children.iter().filter(|(_, children)| children.contains(digest));
    let indexes: Vec<String> = lists.map(|(index, _)| index.short()).collect();
    match indexes.as_slice() {
        [] => format!("an index still lists it: {told}"),
        _ => format!("still listed by {}: {told}", indexes.join(", ")),
    }
}
