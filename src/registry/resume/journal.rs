//! Writes down how far one blob's upload is, beside the sending.

use tokio::task::JoinHandle;

use super::folder::{Claim, UploadRecords};
use super::record::{BlobIdentity, UploadRecord};
use crate::name::DigestHasher;
use crate::registry::gate::Busy;
use crate::registry::part::Part;
use crate::registry::upload::UploadSession;

/// The journal of one blob in this run. It costs nothing until the first part of several was accepted.
pub(in crate::registry) struct Journal {
    state: State,
    entries: u32,
}

enum State {
    /// Nothing is written down: it is not wanted, another run does, or the folder cannot be used.
    Off,
    /// Nothing was accepted yet, and nothing is known from an earlier run.
    Unopened(UploadRecords, BlobIdentity),
    Open(Box<Book>),
    /// An entry is being hashed and written, while the next part is on its way.
    Writing(JoinHandle<Option<Box<Book>>>),
}

/// What an entry needs.
struct Book {
    claim: Claim,
    /// Of everything that was accepted.
    hasher: DigestHasher,
}

impl Journal {
    /// The journal of a blob; one that writes nothing without `records`.
    pub(in crate::registry) fn new(records: Option<(UploadRecords, BlobIdentity)>) -> Self {
        let state = records.map_or(State::Off, |(records, blob)| State::Unopened(records, blob));
        Self { state, entries: 0 }
    }

    /// Whether anything was accepted in this run.
    pub(in crate::registry) fn has_entries(&self) -> bool {
        self.entries > 0
    }

    /// What an earlier run left, if this one may go on with it.
    pub(in crate::registry) async fn left_behind(&mut self) -> Option<UploadRecord> {
        let State::Unopened(records, blob) = &self.state else { return None };
        let (records, blob) = (records.clone(), blob.clone());
        let found = tokio::task::spawn_blocking(move || {
            // Most blobs have none, and those cost one look.
            let claim = records.has(&blob).then(|| records.claim(&blob)).flatten()?;
            Some((claim.read(), claim))
        });
        let (record, claim) = found.await.ok()??;
        self.state = State::Open(Box::new(Book { claim, hasher: DigestHasher::default() }));
        record
    }

    /// Begins anew: what was written down is void.
    pub(in crate::registry) async fn begin_again(&mut self) {
        if let Some(mut book) = self.take().await {
            book.hasher = DigestHasher::default();
            book.claim.remove();
            self.state = State::Open(book);
        }
    }

    /// Goes on behind bytes that were hashed while they were made again.
    pub(in crate::registry) fn go_on_after(&mut self, hasher: DigestHasher) {
        if let State::Open(book) = &mut self.state {
            book.hasher = hasher;
        }
    }

    /// Writes down that a part was accepted, after which the upload is as `session` says. `busy` is held until that
    /// is done.
    pub(in crate::registry) async fn accepted(&mut self, part: &Part, session: &UploadSession, busy: Busy) {
        self.entries += 1;
        let opening = match &self.state {
            State::Unopened(records, blob) => Some((records.clone(), blob.clone())),
            _ => None,
        };
        let book = self.take().await;
        if book.is_none() && opening.is_none() {
            return;
        }
        let (part, session) = (part.clone(), session.clone());
        self.state = State::Writing(tokio::task::spawn_blocking(move || {
            let _busy = busy;
            let mut book = book.or_else(|| open(opening))?;
            part.frames().iter().for_each(|frame| book.hasher.update(frame));
            let prefix = book.hasher.clone().finish();
            // A record that cannot be written costs time after an interruption, no more; an old one would be void.
            match UploadRecord::of(&session, prefix, book.claim.blob()) {
                Some(record) if book.claim.write(&record).is_ok() => {}
                _ => book.claim.remove(),
            }
            Some(book)
        }));
    }

    /// The blob is complete: there is nothing to go on with.
    pub(in crate::registry) async fn complete(&mut self) {
        if let Some(book) = self.take().await {
            book.claim.remove();
        }
    }

    /// The book, after the last entry was written; leaves the journal off.
    async fn take(&mut self) -> Option<Box<Book>> {
        match std::mem::replace(&mut self.state, State::Off) {
            State::Open(book) => Some(book),
            State::Writing(entry) => entry.await.ok().flatten(),
            State::Off => None,
            unopened @ State::Unopened(..) => {
                self.state = unopened;
                None
            }
        }
    }
}

fn open(opening: Option<(UploadRecords, BlobIdentity)>) -> Option<Box<Book>> {
    let (records, blob) = opening?;
    let claim = records.claim(&blob)?;
    records.tidy();
    Some(Box::new(Book { claim, hasher: DigestHasher::default() }))
}
