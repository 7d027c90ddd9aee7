//! The proxy in front of a server that answers everything with what it was sent.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use lambda_lift_rig::{Bite, Cut, Ending, Harm, Line, Proxy};

/// Answers each request with its body. `host:port`.
fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer_all(stream.unwrap()));
        }
    });
    authority
}

fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(body) = read_message(&mut reader)? {
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
        stream.write_all(&body)?;
    }
    Ok(())
}

/// The body of the next message; none at the end.
fn read_message(reader: &mut impl io::BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(body))
}

struct Client {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    fn of(proxy: &Proxy) -> Self {
        let stream = TcpStream::connect(proxy.endpoint().trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Self { stream, reader }
    }

    fn put(&mut self, body: &[u8]) -> io::Result<Option<Vec<u8>>> {
        write!(self.stream, "PUT /thing?secret=1 HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len())?;
        self.stream.write_all(body)?;
        read_message(&mut self.reader)
    }
}

#[test]
fn what_is_not_bitten_passes_unchanged_and_is_counted() {
    let proxy = Proxy::start(&echo(), Line::default());
    let mut client = Client::of(&proxy);
    let large: Vec<u8> = (0..1_000_000).map(|index| index as u8).collect();
    assert_eq!(client.put(b"first").unwrap().unwrap(), b"first");
    assert_eq!(client.put(&large).unwrap().unwrap(), large);
    assert_eq!(Client::of(&proxy).put(b"").unwrap().unwrap(), b"");
    assert_eq!(proxy.requests(), ["PUT /thing"; 3]);
    assert_eq!(proxy.bitten(), []);
}

#[test]
fn each_harm_strikes_the_request_it_is_meant_for() {
    let half = |harm| (harm, b"0123456789".to_vec());
    for (harm, body) in [
        half(Harm::CutRequest(Cut::After(0), Ending::Reset)),
        half(Harm::CutRequest(Cut::Half, Ending::Closed)),
        half(Harm::CutAnswer(Cut::After(0), Ending::Reset)),
        half(Harm::CutAnswer(Cut::Half, Ending::Closed)),
        half(Harm::StallRequest(Cut::Half)),
        half(Harm::StallAnswer(Cut::After(3))),
    ] {
        let proxy = Proxy::start(&echo(), Line::default());
        proxy.set_bites(vec![Bite { requests: 2..=2, harm }]);
        let mut client = Client::of(&proxy);
        assert_eq!(client.put(&body).unwrap().unwrap(), body, "{harm:?}");
        if matches!(harm, Harm::StallRequest(_) | Harm::StallAnswer(_)) {
            client.stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        }
        let outcome = client.put(&body);
        match harm {
            // Nothing of an answer may look like the end of a connection in good order.
            Harm::CutRequest(Cut::After(0), _) | Harm::CutAnswer(Cut::After(0), _) => {
                assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::ConnectionReset, "{harm:?}");
            }
            Harm::CutRequest(..) => assert_eq!(outcome.unwrap(), None, "{harm:?}"),
            Harm::CutAnswer(..) => assert!(!matches!(outcome, Ok(Some(_))), "{harm:?}"),
            Harm::StallRequest(_) | Harm::StallAnswer(_) => {
                assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::WouldBlock, "{harm:?}");
            }
        }
        assert_eq!(Client::of(&proxy).put(&body).unwrap().unwrap(), body, "{harm:?}");
        assert_eq!(proxy.bitten().iter().map(|bitten| bitten.number).collect::<Vec<_>>(), [2], "{harm:?}");
    }
}

#[test]
fn a_delayed_line_takes_its_time_in_each_direction() {
    let delay = Duration::from_millis(60);
    let proxy = Proxy::start(&echo(), Line { delay, bytes_a_second: None });
    let mut client = Client::of(&proxy);
    let begun = Instant::now();
    client.put(b"there and back").unwrap().unwrap();
    assert!(begun.elapsed() >= delay * 2);
}

#[test]
fn a_slow_line_lets_so_many_bytes_through_each_second() {
    let proxy = Proxy::start(&echo(), Line { bytes_a_second: Some(1_000_000), ..Line::default() });
    let mut client = Client::of(&proxy);
    let body = vec![7; 200_000];
    let begun = Instant::now();
    client.put(&body).unwrap().unwrap();
    // The last piece of each direction may be delivered before its time is up.
    assert!(begun.elapsed() >= Duration::from_millis(200), "{:?}", begun.elapsed());
    assert_eq!(client.put(b"small").unwrap().unwrap(), b"small");
}
