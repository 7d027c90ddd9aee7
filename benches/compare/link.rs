//! A way to a server with a latency: a delay line in each direction, and so many bytes a second if that is asked for.
//!
//! Loopback has no latency, which is what round trips cost. What is sent arrives half a round trip later, however much
//! of it there is: bytes in flight do not wait for each other. A new connection costs one round trip more, since
//! the handshake with this proxy takes no time.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// What is read at once.
const PIECE: usize = 64 << 10;
/// How many pieces are on their way at most, in one direction of one connection: 32 MB, more than any part.
const IN_FLIGHT: usize = 512;

/// How a link is.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// The time from a question to its answer, when the server takes none.
    pub(crate) round_trip: Duration,
    /// Bytes a second towards the server, for each connection; none where the line sets no bound.
    pub(crate) rate: Option<f64>,
}

/// Bytes, and when they arrive.
type Sent = (Instant, Vec<u8>);

/// Starts a proxy on loopback that lives as long as this process; its port.
pub(crate) fn start(authority: String, link: Link) -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(&authority) else { return };
            // Half connections are copies of the whole ones; without them there is no link.
            let (Ok(from), Ok(to)) = (client.try_clone(), server.try_clone()) else { return };
            let _ = (from.set_nodelay(true), to.set_nodelay(true));
            let way = link.round_trip / 2;
            carry(from, to, way, link.round_trip, link.rate);
            carry(server, client, way, Duration::ZERO, None);
        }
    });
    Ok(port)
}

/// Carries bytes one way, each arriving `way` after it was sent. The first ones wait for the `handshake` too.
fn carry(from: TcpStream, to: TcpStream, way: Duration, handshake: Duration, rate: Option<f64>) {
    let (line, arriving) = sync_channel(IN_FLIGHT);
    let earliest = Instant::now() + handshake + way;
    thread::spawn(move || take_in(from, &line, way, earliest));
    thread::spawn(move || give_out(to, &arriving, rate));
}

fn take_in(mut from: TcpStream, line: &SyncSender<Sent>, way: Duration, earliest: Instant) {
    let mut piece = vec![0; PIECE];
    while let Ok(count) = from.read(&mut piece)
        && count > 0
    {
        let arrival = (Instant::now() + way).max(earliest);
        if line.send((arrival, piece[..count].to_vec())).is_err() {
            break;
        }
    }
    // What a connection ends with is the other side's to find out.
    let _ = from.shutdown(Shutdown::Read);
}

fn give_out(mut to: TcpStream, arriving: &Receiver<Sent>, rate: Option<f64>) {
    let mut free = Instant::now();
    for (arrival, piece) in arriving {
        if let Some(rate) = rate {
            free = free.max(arrival) + Duration::from_secs_f64(piece.len() as f64 / rate);
        }
        thread::sleep(arrival.max(free).saturating_duration_since(Instant::now()));
        if to.write_all(&piece).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that gives back what it gets.
    fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut back = stream.try_clone().unwrap();
                thread::spawn(move || io::copy(&mut &stream, &mut back));
            }
        });
        authority
    }

    #[test]
    fn an_answer_takes_a_round_trip_and_many_bytes_take_no_longer_than_few() {
        let link = Link { round_trip: Duration::from_millis(100), rate: None };
        let port = start(echo(), link).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut ask = |length: usize| {
            let begin = Instant::now();
            let mut writer = stream.try_clone().unwrap();
            let sender = thread::spawn(move || writer.write_all(&vec![7; length]).unwrap());
            stream.read_exact(&mut vec![0; length]).unwrap();
            sender.join().unwrap();
            begin.elapsed()
        };
        assert!(ask(1) >= Duration::from_millis(200), "the first waits for the handshake too");
        assert!(ask(1) >= Duration::from_millis(100));
        // 160 pieces; one delay for each of them would be 16 seconds.
        assert!(ask(10 << 20) < Duration::from_secs(8));
    }
}
