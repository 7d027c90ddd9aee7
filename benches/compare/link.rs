//! A slow way to a server: so many bytes a second on each connection, and a delay before every answer.
//!
//! Loopback has no latency, which is what parts cost: between two parts of a layer nothing moves for a round trip.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Starts a proxy on loopback that lives as long as this process; its port.
pub(crate) fn slow_link(authority: String, bytes_a_second: f64, delay: Duration) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&authority) else { return };
            let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { return };
            let _ = (from.set_nodelay(true), to.set_nodelay(true));
            thread::spawn(move || forward(from, to, Some(bytes_a_second), Duration::ZERO));
            thread::spawn(move || forward(server, client, None, delay));
        }
    });
    Ok(port)
}

/// Copies until one side ends. What a connection ends with is the other side's to find out.
fn forward(mut from: TcpStream, mut to: TcpStream, rate: Option<f64>, delay: Duration) {
    let mut buffer = vec![0; 64 << 10];
    let mut free = Instant::now();
    while let Ok(count) = from.read(&mut buffer)
        && count > 0
    {
        thread::sleep(delay);
        if let Some(rate) = rate {
            free = free.max(Instant::now()) + Duration::from_secs_f64(count as f64 / rate);
            thread::sleep(free.saturating_duration_since(Instant::now()));
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Write), from.shutdown(Shutdown::Read));
}
