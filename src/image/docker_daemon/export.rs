//! One reading of an export: the daemon's bytes come in on the runtime, and are taken apart on a blocking thread.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::DaemonProblem;
use super::client::{Daemon, EXPORT_PATIENCE};
use super::spool::{Keep, SpoolSettings, spool};
use crate::event::{Event, Reporter};
use crate::image::archive::Archive;
use crate::image::error::Problem;
use crate::name::Digest;

/// How many pieces of the stream wait to be taken apart.
const WAITING_PIECES: usize = 8;

/// An image that a daemon can export.
pub(super) struct Export {
    pub(super) daemon: Daemon,
    pub(super) id: Digest,
    pub(super) spool: SpoolSettings,
    /// Is told that a daemon is waited for: a large image takes a while.
    pub(super) reporter: Arc<dyn Reporter>,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Export").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Export {
    /// Reads the export once, and keeps what is wanted of it. An export that breaks off is begun again once: it changes
    /// nothing, and nobody has been given a byte of it yet. Dropping the future ends it.
    pub(super) async fn read(&self, keep: &Keep) -> Result<Archive, Problem> {
        let what = format!("the Docker daemon at {}", self.daemon.place());
        let state = format!("it exports image {}", self.id.short());
        self.reporter.report(Event::Waiting { what: what.clone(), state });
        match self.read_once(keep).await {
            Err(Problem::Daemon(
                problem @ (DaemonProblem::ExportCut { .. } | DaemonProblem::Broken { .. }),
            )) => {
                let (reason, wait) = (problem.to_string(), Duration::ZERO);
                self.reporter.report(Event::Retrying { what, reason, wait });
                self.read_once(keep).await
            }
            read => read,
        }
    }

    async fn read_once(&self, keep: &Keep) -> Result<Archive, Problem> {
        let mut answer = match timeout(EXPORT_PATIENCE, self.daemon.export(&self.id)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(self.silent().into()),
        };
        let (sender, pieces) = mpsc::channel(WAITING_PIECES);
        let (keep, settings) = (keep.clone(), self.spool.clone());
        let place = PathBuf::from(self.daemon.place());
        let spooled = tokio::task::spawn_blocking(move || {
            let stream = PieceReader { pieces, current: Bytes::new(), ended: false };
            spool(stream, &keep, &settings, &place)
        });
        let received = self.receive(&mut answer, &sender).await;
        drop(sender);
        let spooled = match spooled.await {
            Ok(spooled) => spooled,
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        };
        match (received, spooled) {
            // An archive that is refused is refused, even where the stream broke off since nobody read on.
            (Err(cut), Ok(_)) => Err(cut.into()),
            (Err(cut), Err(problem)) if is_about_the_end(&problem) => Err(cut.into()),
            (_, spooled) => spooled,
        }
    }

    /// Hands the stream on piece by piece, and then an empty one for its end.
    async fn receive(
        &self,
        answer: &mut reqwest::Response,
        pieces: &mpsc::Sender<Bytes>,
    ) -> Result<(), DaemonProblem> {
        loop {
            let piece = match timeout(EXPORT_PATIENCE, answer.chunk()).await {
                Ok(Ok(Some(piece))) if piece.is_empty() => continue,
                Ok(Ok(piece)) => piece,
                Ok(Err(error)) => {
                    let why = match self.daemon.unreachable(&error) {
                        DaemonProblem::Broken { why, .. } => why,
                        other => other.to_string(),
                    };
                    return Err(DaemonProblem::ExportCut { place: self.daemon.place().to_owned(), why });
                }
                Err(_) => return Err(self.silent()),
            };
            let ended = piece.is_none();
            // Whoever takes the pieces has an error to tell when it takes no more.
            if pieces.send(piece.unwrap_or_default()).await.is_err() || ended {
                return Ok(());
            }
        }
    }

    fn silent(&self) -> DaemonProblem {
        DaemonProblem::Silent { place: self.daemon.place().to_owned(), seconds: EXPORT_PATIENCE.as_secs() }
    }
}

/// Whether a problem may be no more than that the bytes ended.
fn is_about_the_end(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::DamagedArchive { .. }
            | Problem::Truncated { .. }
            | Problem::NotAnArchive { .. }
            | Problem::NotAnImageStore { .. }
    )
}

/// The pieces of a stream as a reader. A stream whose end was not seen fails.
struct PieceReader {
    pieces: mpsc::Receiver<Bytes>,
    current: Bytes,
    ended: bool,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() && !self.ended {
            self.current = self.pieces.blocking_recv().ok_or(io::ErrorKind::UnexpectedEof)?;
            self.ended = self.current.is_empty();
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
