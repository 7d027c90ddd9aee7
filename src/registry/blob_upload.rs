//! Brings one blob into the repository: parts in order, each sent again where that is safe, the whole blob
//! begun again where it is not, and what an earlier run sent not sent again.

use std::sync::{Mutex, PoisonError};

use super::Registry;
use super::blob_source::{BlobEnd, BlobReader, BlobSource, FilledPart, SourceFailure};
use super::error::RegistryError;
use super::part::Part;
use super::recovery::{Recovery, after_failure, after_status};
use super::resume::{BlobIdentity, Journal, Standing, UploadRecord, UploadRecords};
use super::room::Room;
use super::tries::Tries;
use super::upload::UploadSession;
use crate::layer::{LayerError, LayerSummary};
use crate::name::{Digest, DigestHasher};

/// How a blob is brought into the repository.
pub(super) struct BlobUpload<'a> {
    pub(super) registry: &'a Registry,
    pub(super) source: BlobSource<'a>,
    /// The size of every part but the last.
    pub(super) part_size: u64,
    /// Room in memory for second parts, which are filled while the first is being sent.
    pub(super) room: &'a Room,
    /// What it is, for messages: `layer sha256:…`.
    pub(super) what: String,
    /// Where it is written down how far the upload is; none when it is not.
    pub(super) records: Option<(UploadRecords, BlobIdentity)>,
    /// A digest that the registry was asked for already and does not have.
    pub(super) missing: Option<Digest>,
    /// Is told when an upload of an earlier run goes on, and from where.
    pub(super) resumed: &'a (dyn Fn(u64) + Sync),
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
    /// What an earlier run left is of no use.
    Stale,
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
        let mut journal = Journal::new(self.records.clone());
        let mut left_behind = journal.left_behind().await;
        let mut failures = 0;
        loop {
            let attempt = match left_behind.take() {
                Some(record) => self.go_on(&record, &mut journal).await,
                None => self.attempt(&mut journal).await,
            };
            let error = match attempt {
                Ok(uploaded) => {
                    journal.complete().await;
                    return Ok(uploaded);
                }
                Err(Interruption::Failed(error)) => return Err(error),
                Err(Interruption::Stale) => {
                    journal.begin_again().await;
                    continue;
                }
                Err(Interruption::Restart(error)) => error,
            };
            failures += 1;
            if failures >= self.registry.retry.restarts {
                return Err(UploadError::Registry(error));
            }
            journal.begin_again().await;
            self.registry.pause(failures, &error, format!("{} from its beginning", self.what)).await;
        }
    }

    /// Uploads the blob from its beginning.
    async fn attempt(&self, journal: &mut Journal) -> Result<UploadedBlob, Interruption> {
        let mut reader = self.source.open();
        let filled = reader.next_part(self.part_size).await?;
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        let session = match (opened, &filled.end) {
            (Some(session), _) => session,
            // A layer that fits into one part has its digest before anything is sent. Whether the registry has it is
            // asked while the upload is opened: one round trip for both. An upload that turns out not to be needed
            // is left alone: ECR has no call that would end it, and every registry forgets it by itself.
            (None, Some(BlobEnd { digest, summary: Some(summary) })) if self.missing != Some(*digest) => {
                let (there, session) =
                    tokio::join!(self.registry.blob_exists(digest), self.registry.start_upload());
                if there? {
                    return Ok(UploadedBlob { summary: Some(summary.clone()), sent: None });
                }
                session?
            }
            (None, _) => self.registry.start_upload().await?,
        };
        self.send_rest(session, filled, &mut reader, journal).await
    }

    /// Goes on with an upload of an earlier run: what it sent is made again and held against its digest, and only
    /// the rest is sent.
    async fn go_on(
        &self,
        record: &UploadRecord,
        journal: &mut Journal,
    ) -> Result<UploadedBlob, Interruption> {
        let from = match self.registry.standing_of(record, self.part_size).await {
            Ok(Standing::At(bytes)) => bytes,
            Ok(Standing::Untold) => record.offset,
            Ok(Standing::Gone) => return Err(Interruption::Stale),
            // The record stays for a run that gets an answer.
            Err(error) => return Err(error.into()),
        };
        let mut reader = self.source.open();
        let mut hasher = DigestHasher::default();
        let whole = reader.pass_over(record.offset, &mut hasher).await?
            && hasher.clone().finish() == record.prefix
            && reader.pass_over(from - record.offset, &mut hasher).await?;
        if !whole {
            return Err(Interruption::Stale);
        }
        journal.go_on_after(hasher);
        (self.resumed)(from);
        let session = record.session().advanced(from - record.offset);
        let filled = reader.next_part(self.part_size).await?;
        match self.send_rest(session, filled, &mut reader, journal).await {
            Ok(uploaded) => {
                Ok(UploadedBlob { sent: uploaded.sent.map(|bytes| bytes.saturating_sub(from)), ..uploaded })
            }
            // Before a part was accepted, no refusal says more than that the upload is not what we take it for.
            Err(Interruption::Failed(UploadError::Registry(RegistryError::Refused(_))))
                if !journal.has_entries() =>
            {
                Err(Interruption::Stale)
            }
            Err(Interruption::Restart(_)) => Err(Interruption::Stale),
            Err(other) => Err(other),
        }
    }

    /// Sends a part and everything after it, and completes the blob.
    async fn send_rest(
        &self,
        mut session: UploadSession,
        mut filled: FilledPart,
        reader: &mut BlobReader<'_>,
        journal: &mut Journal,
    ) -> Result<UploadedBlob, Interruption> {
        loop {
            if let Some(BlobEnd { digest, summary }) = filled.end {
                let sent = session.offset() + filled.part.length();
                self.finish(session, &digest, filled.part).await?;
                return Ok(UploadedBlob { summary, sent: Some(sent) });
            }
            (session, filled) = self.send_and_fill(session, filled.part, reader, journal).await?;
        }
    }

    /// Sends a part and fills the next, at the same time where memory allows.
    async fn send_and_fill(
        &self,
        session: UploadSession,
        part: Part,
        reader: &mut BlobReader<'_>,
        journal: &mut Journal,
    ) -> Result<(UploadSession, FilledPart), Interruption> {
        let send = async {
            let session = self.send(session, &part).await?;
            journal.accepted(&part, &session, self.registry.gate.hold()).await;
            Ok(session)
        };
        if let Some(_room) = self.room.try_take(self.part_size) {
            let fill = async { Ok(reader.next_part(self.part_size).await?) };
            return futures_util::future::try_join(send, fill).await;
        }
        let session = send.await?;
        drop(part);
        Ok((session, reader.next_part(self.part_size).await?))
    }

    async fn send(&self, mut session: UploadSession, part: &Part) -> Result<UploadSession, Interruption> {
        let mut tries = Tries::default();
        loop {
            let error = match self.registry.send_part(&session, part).await {
                Ok(session) => return Ok(session),
                Err(error) => error,
            };
            match self.recover(session, part, error, &mut tries).await? {
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
        let mut tries = Tries::default();
        loop {
            let Err(error) = self.registry.finish_upload(&session, digest, &last).await else {
                return Ok(());
            };
            // The answer may have been lost, not the request.
            let certain = matches!(error.status(), Some(401 | 403 | 429));
            if !certain && matches!(self.registry.blob_exists(digest).await, Ok(true)) {
                return Ok(());
            }
            match self.recover(session, &last, error, &mut tries).await? {
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
        tries: &mut Tries,
    ) -> Result<Next, Interruption> {
        let mut recovery = after_failure(&session, part.length(), &error);
        if recovery == Recovery::GiveUp || tries.are_over(&self.registry.retry, &error) {
            return Err(error.into());
        }
        if recovery != Recovery::Committed {
            self.registry.pause(tries.failed(), &error, self.what.clone()).await;
        }
        if recovery == Recovery::Ask {
            let committed = match self.registry.upload_offset(&session).await {
                Ok(committed) => committed,
                // Where nobody answers, nothing is known of the upload; a later run may go on with it.
                Err(unanswered) if unanswered.is_transient() => return Err(unanswered.into()),
                Err(_) => None,
            };
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
