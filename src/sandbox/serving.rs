//! How an image is served.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use crate::event::Reporter;

/// Where an image is served, and to whom it is told.
pub struct Serving {
    /// A socket of the loopback interface, which nobody serves yet.
    pub listener: TcpListener,
    /// Where it is.
    pub address: SocketAddr,
    /// Who is told.
    pub reporter: Arc<dyn Reporter>,
}
