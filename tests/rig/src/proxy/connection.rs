//! One connection: two directions, each with its delay, and the bites of the requests that pass.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::message::read_head;
use super::{Cut, Ending, Harm, Line, Shared};

/// How much is read at a time, and passed on in one go.
const PIECE: usize = 32 << 10;

/// How many pieces may be on their way in one direction, at most.
const ON_THE_WAY: usize = 1024;

/// A reset overtakes what was sent just before it.
const PAUSE: Duration = Duration::from_millis(20);

/// Something on its way.
enum Item {
    Bytes(Instant, Vec<u8>),
    End(Instant, Option<Ending>),
}

/// What is to go wrong with the answer to the current request.
#[derive(Debug, Clone, Copy, Default)]
struct Expected {
    /// Counts the requests of this connection.
    request: u64,
    harm: Option<Harm>,
    /// An answer to HEAD has no body, whatever it announces.
    is_head: bool,
}

pub(super) async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let Ok(mut server) = TcpStream::connect(&shared.upstream).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ending = pass(&mut client, &mut server, &shared).await;
    if ending == Ending::Reset {
        sleep(PAUSE).await;
        // With no time to linger, closing sends RST in the place of FIN.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Passes everything on, in both directions, until one of them ends the connection.
async fn pass(client: &mut TcpStream, server: &mut TcpStream, shared: &Shared) -> Ending {
    let expected = Mutex::new(Expected::default());
    let ((client_reads, client_writes), (server_reads, server_writes)) = (client.split(), server.split());
    let (up, on_the_way_up) = mpsc::channel(room(shared.line));
    let (down, on_the_way_down) = mpsc::channel(room(shared.line));
    let upward = async {
        let (_, ending) = tokio::join!(
            requests(client_reads, up, shared, &expected),
            deliver(server_writes, on_the_way_up, shared.line),
        );
        // When the client has nothing more to ask, the last answer may still be on its way.
        match ending {
            Some(ending) => ending,
            None => std::future::pending().await,
        }
    };
    let downward = async {
        let (_, ending) = tokio::join!(
            answers(server_reads, down, shared, &expected),
            deliver(client_writes, on_the_way_down, shared.line),
        );
        ending.unwrap_or(Ending::Closed)
    };
    tokio::select! {
        ending = upward => ending,
        ending = downward => ending,
    }
}

/// How many pieces a line holds: whoever sends faster has to wait, and does not mistake the line's patience for the
/// server's.
fn room(line: Line) -> usize {
    let Some(rate) = line.bytes_a_second else { return ON_THE_WAY };
    let bytes = rate.saturating_mul(u64::try_from(line.delay.as_millis()).unwrap_or(u64::MAX)) / 1000;
    usize::try_from(bytes / PIECE as u64).unwrap_or(ON_THE_WAY).saturating_add(2).min(ON_THE_WAY)
}

/// Reads requests, and sends on what their bites let through.
async fn requests(
    mut from: ReadHalf<'_>,
    to: mpsc::Sender<Item>,
    shared: &Shared,
    expected: &Mutex<Expected>,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        // The head is held back until it is whole: then it is known how long the request is.
        let head = loop {
            match read_head(&buffer) {
                Some(head) => break head,
                None if read(&mut from, &mut buffer).await.ok()? == 0 => {
                    return end(&to, shared.line, None).await;
                }
                None => {}
            }
        };
        let (length, is_head) = (head.message(), head.title.starts_with("HEAD "));
        let harm = shared.count(head.title);
        {
            let mut expected = expected.lock().unwrap_or_else(PoisonError::into_inner);
            *expected = Expected { request: expected.request + 1, harm, is_head };
        }
        let allowed = match harm {
            Some(Harm::CutRequest(cut, _) | Harm::StallRequest(cut)) => Some(cut.bytes(length)),
            _ => None,
        };
        let mut left = allowed.or(length).unwrap_or(u64::MAX);
        while left > 0 {
            if buffer.is_empty() && read(&mut from, &mut buffer).await.ok()? == 0 {
                return end(&to, shared.line, None).await;
            }
            let rest = buffer.split_off(usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len()));
            left -= buffer.len() as u64;
            let piece = std::mem::replace(&mut buffer, rest);
            to.send(Item::Bytes(Instant::now() + shared.line.delay, piece)).await.ok()?;
        }
        match harm {
            Some(Harm::CutRequest(_, ending)) => return end(&to, shared.line, Some(ending)).await,
            Some(Harm::StallRequest(_)) => return swallow(from).await,
            _ => {}
        }
    }
}

/// Reads answers, and sends on what the bites of their requests let through. What comes after a request is its answer.
async fn answers(
    mut from: ReadHalf<'_>,
    to: mpsc::Sender<Item>,
    shared: &Shared,
    expected: &Mutex<Expected>,
) -> Option<()> {
    let mut buffer = Vec::new();
    let (mut request, mut allowed) = (0, None);
    loop {
        if read(&mut from, &mut buffer).await.ok()? == 0 {
            return end(&to, shared.line, None).await;
        }
        let Expected { request: current, harm, is_head } =
            *expected.lock().unwrap_or_else(PoisonError::into_inner);
        if request != current {
            (request, allowed) = (current, None);
        }
        let cut = match harm {
            Some(Harm::CutAnswer(cut, _) | Harm::StallAnswer(cut)) => Some(cut),
            _ => None,
        };
        if let Some(cut) = cut.filter(|_| allowed.is_none()) {
            // How long the answer is, its head tells.
            let Some(head) = read_head(&buffer) else { continue };
            allowed = Some(cut.bytes(if is_head { Some(head.bytes) } else { head.message() }));
        }
        if let Some(left) = &mut allowed {
            buffer.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= buffer.len() as u64;
        }
        let is_all = allowed == Some(0);
        let piece = std::mem::take(&mut buffer);
        to.send(Item::Bytes(Instant::now() + shared.line.delay, piece)).await.ok()?;
        match harm {
            Some(Harm::CutAnswer(_, ending)) if is_all => return end(&to, shared.line, Some(ending)).await,
            Some(Harm::StallAnswer(_)) if is_all => {
                return swallow(from).await;
            }
            _ => {}
        }
    }
}

/// Writes what arrives when its time has come. How the connection is to end, when something says so.
async fn deliver(mut to: WriteHalf<'_>, mut from: mpsc::Receiver<Item>, line: Line) -> Option<Ending> {
    while let Some(item) = from.recv().await {
        match item {
            Item::Bytes(at, bytes) => {
                sleep_until(at).await;
                if to.write_all(&bytes).await.is_err() {
                    return Some(Ending::Closed);
                }
                if let Some(rate) = line.bytes_a_second {
                    sleep(Duration::from_secs_f64(bytes.len() as f64 / rate.max(1) as f64)).await;
                }
            }
            Item::End(at, ending) => {
                sleep_until(at).await;
                if ending.is_none() {
                    let _ = to.shutdown().await;
                }
                return ending;
            }
        }
    }
    // Whoever sent has lost its connection.
    Some(Ending::Closed)
}

async fn end(to: &mpsc::Sender<Item>, line: Line, ending: Option<Ending>) -> Option<()> {
    to.send(Item::End(Instant::now() + line.delay, ending)).await.ok()
}

/// Nothing passes any more. When this side goes, so does the connection.
async fn swallow(mut from: ReadHalf<'_>) -> Option<()> {
    let mut buffer = vec![0; PIECE];
    while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    None
}

async fn read(from: &mut ReadHalf<'_>, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let mut piece = vec![0; PIECE];
    let length = from.read(&mut piece).await?;
    buffer.extend_from_slice(&piece[..length]);
    Ok(length)
}

impl Cut {
    /// How many bytes of a message of this length pass. Half of an unknown length is nothing.
    fn bytes(self, length: Option<u64>) -> u64 {
        match self {
            Cut::After(bytes) => bytes,
            Cut::Half => length.unwrap_or(0) / 2,
        }
    }
}
