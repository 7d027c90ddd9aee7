//! `check --run --serve`: where an image that is kept up is found.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use crate::image::LocalImage;
use crate::report::{Failure, RunReport, Stage};
use crate::sandbox::{self, RunOrder, Serving};

use super::session::{Session, usage};

/// Runs the image, and serves it until the user asks to stop.
pub(super) async fn serve(
    session: &Session,
    place: &str,
    local: &LocalImage,
    order: RunOrder,
) -> Result<RunReport, Failure> {
    let wanted = address(place)?;
    // Before the image is unpacked: a port that is taken is known at once.
    let busy = |error: std::io::Error| Failure {
        kind: "serve",
        stage: Stage::Usage,
        message: format!("nobody can listen on {wanted}: {error}"),
        hint: Some("give another port, or 0 for a free one: --serve=127.0.0.1:0".to_owned()),
    };
    let listener = TcpListener::bind(wanted).map_err(busy)?;
    let address = listener.local_addr().map_err(busy)?;
    let serving = Serving { listener, address, reporter: Arc::clone(&session.reporter) };
    let mut asked = session.interrupt.asked();
    let stop = async move {
        if asked.wait_for(|stop| *stop).await.is_err() {
            // Nobody can ask any more.
            std::future::pending::<()>().await;
        }
    };
    Ok(sandbox::serve_image(local, order, &std::env::temp_dir(), serving, stop).await)
}

/// `ADDR:PORT`, `:PORT` or `PORT`, on this machine alone.
fn address(text: &str) -> Result<SocketAddr, Failure> {
    let wrong = || {
        let hint = "such as --serve=127.0.0.1:9000, --serve=:9000, or --serve=:0 for a free port";
        usage(format!("--serve {text:?} is not an address and a port"), Some(hint.to_owned()))
    };
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse().map_err(|_| wrong())?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host: IpAddr = match host {
        "" | "localhost" => Ipv4Addr::LOCALHOST.into(),
        host => host.parse().map_err(|_| wrong())?,
    };
    if !host.is_loopback() {
        let hint = "whoever reaches it may run the image's code here: use 127.0.0.1 or [::1], and a tunnel for other machines";
        let message = format!("--serve {text:?} would let other machines in");
        return Err(usage(message, Some(hint.to_owned())));
    }
    Ok(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_on_this_machine_and_may_be_a_port_alone() {
        let place = |text: &str| address(text).map(|found| found.to_string()).map_err(|failure| failure.kind);
        for (text, expected) in [
            ("9000", "127.0.0.1:9000"),
            (":0", "127.0.0.1:0"),
            ("localhost:9001", "127.0.0.1:9001"),
            ("127.0.0.3:1", "127.0.0.3:1"),
            ("[::1]:9000", "[::1]:9000"),
        ] {
            assert_eq!(place(text), Ok(expected.to_owned()), "{text}");
        }
        for text in ["", "no", "127.0.0.1", "0.0.0.0:9000", "10.0.0.1:9000", "[::]:80", "127.0.0.1:99999"] {
            assert_eq!(place(text), Err("usage"), "{text}");
        }
    }
}
