//! Answers requests on the connections of a socket, so many at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The most connections at a time; more wait. The sandbox may have a thousand descriptors, and each body is bounded.
const CONNECTIONS: usize = 64;

/// Answers requests until it is dropped, and all connections end then. The head of a request has to arrive within `patience`, where there is one.
pub(super) async fn serve<A, E>(
    listener: TcpListener,
    patience: Option<Duration>,
    answer: impl Fn(Request<Incoming>) -> A + Clone + Send + 'static,
) where
    A: Future<Output = Result<Response<Full<Bytes>>, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience);
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let connection = builder.serve_connection(TokioIo::new(stream), service_fn(answer.clone()));
        connections.spawn(async move {
            // What a connection ends with is the other side's affair.
            let _ = connection.await;
            drop(permit);
        });
        while connections.try_join_next().is_some() {}
    }
}
