//! Brings one blob into the repository: parts in order, each sent again where that is safe, the whole blob
//! begun again where it is not.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::Registry;
use super::blob_source::{BlobEnd, BlobReader, BlobSource, FilledPart, SourceFailure};
use super::error::RegistryError;
use super::part::Part;
use super::recovery::{Recovery, after_failure, after_status};
use super::upload::UploadSession;
use crate::layer::{LayerError, LayerSummary};
use crate::name::Digest;

/// How a blob is brought into the repository.
pub(super) struct BlobUpload<'a> {
    pub(super) registry: &'a Registry,
    pub(super) source: BlobSource<'a>,
    /// The size of every part but the last.
    pub(super) part_size: u64,
    /// Permits to hold a second part in memory, which is filled while the first is being sent.
    pub(super) read_ahead: &'a Semaphore,
    /// What it is, for messages: `layer sha256:…`.
    pub(super) what: String,
    /// An upload that is open already, to be used first.
    pub(super) opened: Mutex<Option<UploadSession>>,
}

/// A blob that is in the repository now.
pub(super) struct UploadedBlob {
    /// For a layer, what the pass found out.
    pub(super) summary: Option<LayerSummary>,
    /// Bytes that were sent; none when the registry turned out to have the blob.
    pub(super) sent: Option<u64>,
}

/// Why a blob is not in the repository.
#[derive(Debug)]
pub(super) enum UploadError {
    Layer(LayerError),
    Registry(RegistryError),
    /// The image is larger than it may be.
    OverLimit,
}

/// What ends one go at a blob.
enum Interruption {
    /// The session cannot be continued; from the beginning it may work.
    Restart(RegistryError),
    Failed(UploadError),
}

impl From<SourceFailure> for Interruption {
    fn from(failure: SourceFailure) -> Self {
        Self::Failed(match failure {
            SourceFailure::Layer(error) => UploadError::Layer(error),
            SourceFailure::OverLimit => UploadError::OverLimit,
        })
    }
}

impl From<RegistryError> for Interruption {
    fn from(error: RegistryError) -> Self {
        Self::Failed(UploadError::Registry(error))
    }
}

/// How a part goes on after a failure.
enum Next {
    /// Send it (again) in this session.
    Send(UploadSession),
    /// It is there.
    Done(UploadSession),
}

impl BlobUpload<'_> {
    /// Uploads the blob.
    pub(super) async fn run(&self) -> Result<UploadedBlob, UploadError> {
        let mut failures = 0;
        loop {
            let error = match self.attempt().await {
                Ok(uploaded) => return Ok(uploaded),
                Err(Interruption::Failed(error)) => return Err(error),
                Err(Interruption::Restart(error)) => error,
            };
            failures += 1;
            if failures >= self.registry.retry.restarts {
                return Err(UploadError::Registry(error));
            }
            self.registry.pause(failures, &error, format!("{} from its beginning", self.what)).await;
        }
    }

    async fn attempt(&self) -> Result<UploadedBlob, Interruption> {
        let mut reader = self.source.open();
        let mut filled = reader.next_part(self.part_size).await?;
        if let FilledPart { end: Some(BlobEnd { digest, summary: Some(summary) }), .. } = &filled
            && self.registry.blob_exists(digest).await?
        {
            // A layer that fits into one part has its digest before anything is sent.
            return Ok(UploadedBlob { summary: Some(summary.clone()), sent: None });
        }
        let mut session = self.open_session().await?;
        loop {
            if let Some(BlobEnd { digest, summary }) = filled.end {
                let sent = session.offset() + filled.part.length();
                self.finish(session, &digest, filled.part).await?;
                return Ok(UploadedBlob { summary, sent: Some(sent) });
            }
            (session, filled) = self.send_and_fill(session, filled.part, &mut reader).await?;
        }
    }

    async fn open_session(&self) -> Result<UploadSession, RegistryError> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        match opened {
            Some(session) => Ok(session),
            None => self.registry.start_upload().await,
        }
    }

    /// Sends a part and fills the next, at the same time where memory allows.
    async fn send_and_fill(
        &self,
        session: UploadSession,
        part: Part,
        reader: &mut BlobReader<'_>,
    ) -> Result<(UploadSession, FilledPart), Interruption> {
        if let Ok(_permit) = self.read_ahead.try_acquire() {
            let fill = async { Ok(reader.next_part(self.part_size).await?) };
            return futures_util::future::try_join(self.send(session, &part), fill).await;
        }
        let session = self.send(session, &part).await?;
        drop(part);
        Ok((session, reader.next_part(self.part_size).await?))
    }

    async fn send(&self, mut session: UploadSession, part: &Part) -> Result<UploadSession, Interruption> {
        let mut failures = 0;
        loop {
            let error = match self.registry.send_part(&session, part).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            failures += 1;
            match self.recover(session, part, error, failures).await? {
                Next::Send(again) => session = again,
                Next::Done(session) => return Ok(session),
            }
        }
    }

    async fn finish(
        &self,
        mut session: UploadSession,
        digest: &Digest,
        mut last: Part,
    ) -> Result<(), Interruption> {
        let mut failures = 0;
        loop {
            let Err(error) = self.registry.finish_upload(&session, digest, &last).await else {
                return Ok(());
            };
            failures += 1;
            // The answer may have been lost, not the request.
            let certain = matches!(error.status(), Some(401 | 403 | 429));
            if !certain && matches!(self.registry.blob_exists(digest).await, Ok(true)) {
                return Ok(());
            }
            match self.recover(session, &last, error, failures).await? {
                Next::Send(again) => session = again,
                Next::Done(after) => {
                    session = after;
                    last = Part::default();
                }
            }
        }
    }

    /// Decides how a part goes on after `error`, and waits before it does.
    async fn recover(
        &self,
        session: UploadSession,
        part: &Part,
        error: RegistryError,
        failures: u32,
    ) -> Result<Next, Interruption> {
        let mut recovery = after_failure(&session, part.length(), &error);
        if recovery == Recovery::GiveUp || failures >= self.registry.retry.attempts {
            return Err(error.into());
        }
        if recovery != Recovery::Committed {
            self.registry.pause(failures, &error, self.what.clone()).await;
        }
        if recovery == Recovery::Ask {
            let committed = self.registry.upload_offset(&session).await.unwrap_or_default();
            recovery = after_status(&session, part.length(), committed);
        }
        match recovery {
            Recovery::Resend => Ok(Next::Send(session)),
            Recovery::Committed => Ok(Next::Done(session.advanced(part.length()))),
            // Nothing was sent before this part, and this part is in memory.
            Recovery::NewSession if session.offset() == 0 => {
                Ok(Next::Send(self.registry.start_upload().await?))
            }
            Recovery::NewSession => Err(Interruption::Restart(error)),
            Recovery::Ask | Recovery::GiveUp => Err(error.into()),
        }
    }
}
