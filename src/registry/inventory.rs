//! Which blobs a repository has, asked in as few calls as possible.
//!
//! The protocol knows one question a blob. Where somebody can answer for many blobs with one call, it is asked first, and
//! the protocol is left with what it does not answer. Who that is, the registry does not know.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::Registry;
use super::error::RegistryError;
use crate::cloud::CloudError;
use crate::event::{Event, Reporter};
use crate::name::Digest;

/// How many questions are asked of the registry at a time. ECR answers a thousand a second.
const QUESTIONS: usize = 8;

/// Answers for many blobs of one repository with one call.
#[async_trait]
pub trait BlobInventory: Send + Sync {
    /// How many digests a call takes.
    fn most(&self) -> usize;

    /// Whether the repository has each of `digests`. What is not clear is not in the answer.
    ///
    /// # Errors
    /// Fails when the question cannot be asked; it is not asked again then.
    async fn stored(&self, digests: &[Digest]) -> Result<HashMap<Digest, bool>, CloudError>;
}

/// The inventory of a connection, for as long as it answers.
pub(super) struct Inventory {
    source: Option<Arc<dyn BlobInventory>>,
    failed: AtomicBool,
}

impl Inventory {
    pub(super) fn new(source: Option<Arc<dyn BlobInventory>>) -> Self {
        Self { source, failed: AtomicBool::new(false) }
    }

    /// What is known of `digests` after one wave of calls.
    async fn ask(&self, digests: &[Digest], reporter: &dyn Reporter) -> HashMap<Digest, bool> {
        let Some(source) = self.source.as_ref().filter(|_| !self.failed.load(Ordering::Relaxed)) else {
            return HashMap::new();
        };
        let calls = digests.chunks(source.most().max(1)).map(|chunk| source.stored(chunk));
        let mut known = HashMap::new();
        for answer in join_all(calls).await {
            match answer {
                Ok(answer) => known.extend(answer),
                Err(error) => self.give_up(&error, reporter),
            }
        }
        // Only what was asked: an answer about something else says nothing.
        known.retain(|digest, _| digests.contains(digest));
        known
    }

    fn give_up(&self, error: &CloudError, reporter: &dyn Reporter) {
        if !self.failed.swap(true, Ordering::Relaxed) {
            let text =
                format!("blobs are looked for one by one, since they cannot be asked for at once: {error}");
            reporter.report(Event::Note { text });
        }
    }
}

impl Registry {
    /// Whether the repository has each of `digests`, as far as one wave of calls can tell for many at once; blobs of
    /// which nothing is known are not in the answer. Never fails: there is always [`Registry::stored_blobs`].
    pub async fn blobs_at_once(&self, digests: &[Digest]) -> HashMap<Digest, bool> {
        self.inventory.ask(digests, self.reporter.as_ref()).await
    }

    /// Which of `digests` the repository has: all in one call where that is possible, else one by one.
    ///
    /// # Errors
    /// Fails when the registry cannot be asked.
    pub async fn stored_blobs(&self, digests: &HashSet<Digest>) -> Result<HashSet<Digest>, RegistryError> {
        let mut left: Vec<Digest> = digests.iter().copied().collect();
        left.sort_unstable();
        let mut stored = HashSet::new();
        // For one blob the protocol's own question is as cheap, and every registry has it.
        if left.len() > 1 {
            let known = self.blobs_at_once(&left).await;
            left.retain(|digest| !known.contains_key(digest));
            stored.extend(known.into_iter().filter(|(_, there)| *there).map(|(digest, _)| digest));
        }
        let questions = left.into_iter().map(|digest| async move {
            Ok::<_, RegistryError>(self.blob_exists(&digest).await?.then_some(digest))
        });
        let found: Vec<Option<Digest>> =
            stream::iter(questions).buffer_unordered(QUESTIONS).try_collect().await?;
        stored.extend(found.into_iter().flatten());
        Ok(stored)
    }
}
