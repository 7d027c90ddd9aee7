//! A way to a server on which some requests get lost, as in a network that goes down.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Passes everything on to a server but the PATCH requests after the first few. Whoever sends those waits for ever.
pub(crate) struct Withheld {
    port: u16,
    patches_left: Arc<AtomicUsize>,
    lost: Arc<AtomicUsize>,
}

impl Withheld {
    /// A way to the server at `authority`.
    pub(crate) fn before(authority: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (patches_left, lost) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::<AtomicUsize>::default());
        let (left, losing) = (Arc::clone(&patches_left), Arc::clone(&lost));
        // The threads end with the process of the test.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&authority).unwrap();
                let (mut back, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = io::copy(&mut back, &mut to_client);
                    let _ = to_client.shutdown(Shutdown::Both);
                });
                let (left, losing) = (Arc::clone(&left), Arc::clone(&losing));
                thread::spawn(move || pass_on(client, server, &left, &losing));
            }
        });
        Self { port, patches_left, lost }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets so many more PATCH requests through.
    pub(crate) fn let_through(&self, patches: usize) {
        self.patches_left.store(patches, Ordering::SeqCst);
        self.lost.store(0, Ordering::SeqCst);
    }

    /// How many were lost since.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

fn pass_on(mut client: TcpStream, mut server: TcpStream, left: &AtomicUsize, lost: &AtomicUsize) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = match client.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(length) => length,
        };
        // A request begins with a read: the client waits for each answer before it sends the next.
        if buffer[..length].starts_with(b"PATCH ") {
            let take = |left: usize| left.checked_sub(1);
            if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_err() {
                lost.fetch_add(1, Ordering::SeqCst);
                let _ = io::copy(&mut client, &mut io::sink());
                break;
            }
        }
        if server.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
}
