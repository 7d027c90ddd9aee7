//! A way to a server that bites: what passes is delayed, slowed down, held up or cut off.
//!
//! It stands in front of servers nobody here wrote. It knows enough of HTTP/1.1 to count requests: one has a head, and
//! as many bytes of body as `Content-Length` says; one of unknown length is the last of its connection.

mod connection;
mod message;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// What a connection is like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// How long every byte is on its way, in each direction. However many are on their way does not matter.
    pub delay: Duration,
    /// How many bytes pass in a second, in each direction of each connection; any number when none.
    pub bytes_a_second: Option<u64>,
}

/// What goes wrong with which requests, counted from 1 over all connections since the bites were set.
#[derive(Debug, Clone)]
pub struct Bite {
    /// The requests.
    pub requests: RangeInclusive<u64>,
    /// What goes wrong.
    pub harm: Harm,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// So much of the request passes, then the connection ends.
    CutRequest(Cut, Ending),
    /// The request passes, and so much of the answer; then the connection ends.
    CutAnswer(Cut, Ending),
    /// So much of the request passes, then nothing moves any more.
    StallRequest(Cut),
    /// The request passes, and so much of the answer; then nothing moves any more.
    StallAnswer(Cut),
}

/// How much of a message passes, its head included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// So many bytes.
    After(u64),
    /// Half of it, rounded down.
    Half,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In good order (FIN).
    Closed,
    /// As if a machine on the way had lost it (RST).
    Reset,
}

/// A request that was bitten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bitten {
    /// Its number.
    pub number: u64,
    /// Method and path, without the query.
    pub request: String,
}

/// A running proxy on a loopback port. It ends with this value.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    upstream: String,
    line: Line,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bites: Vec<Bite>,
    requests: Vec<String>,
    bitten: Vec<Bitten>,
}

impl Proxy {
    /// Starts in front of `upstream`, a `host:port`.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(upstream: &str, line: Line) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("cannot start the proxy: {error}"));
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .unwrap_or_else(|error| panic!("the proxy cannot listen: {error}"));
        let port = listener.local_addr().as_ref().map_or(0, SocketAddr::port);
        let shared = Arc::new(Shared { upstream: upstream.to_owned(), line, state: Mutex::default() });
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self { port, shared, _runtime: runtime }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Replaces the bites, and begins to count anew.
    pub fn set_bites(&self, bites: Vec<Bite>) {
        *self.shared.state() = State { bites, ..State::default() };
    }

    /// Method and path of each request since then, in the order of their arrival.
    pub fn requests(&self) -> Vec<String> {
        self.shared.state().requests.clone()
    }

    /// The requests that were bitten since then.
    pub fn bitten(&self) -> Vec<Bitten> {
        self.shared.state().bitten.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and says what goes wrong with it.
    fn count(&self, request: String) -> Option<Harm> {
        let mut state = self.state();
        state.requests.push(request.clone());
        let number = state.requests.len() as u64;
        let harm = state.bites.iter().find(|bite| bite.requests.contains(&number))?.harm;
        state.bitten.push(Bitten { number, request });
        Some(harm)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connection::serve(client, Arc::clone(&shared)));
    }
}
