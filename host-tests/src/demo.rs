//! A small server in memory, for those who have no Redis at hand: `respool::server` on std TCP.
//!
//! It knows the commands of strings, hashes, keys, expiry, transactions and connections that
//! `redis-cli`, `redis-benchmark` and the main job need. It is not Redis: nothing is stored on
//! disk, nobody is asked for a password, and a client that does not read its replies is not read
//! from either.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use host_tests::demo::DemoServer;
//!
//! let server = DemoServer::start();
//! let mut client = TcpStream::connect(server.addr())?;
//! client.write_all(b"PING\r\n")?;
//! let mut reply = [0; 7];
//! client.read_exact(&mut reply)?;
//! assert_eq!(&reply, b"+PONG\r\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod commands;
mod output;
mod session;
mod store;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use store::Store;

/// A running server on a free loopback port; it and its data are gone when this is dropped.
pub struct DemoServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    /// Accepts clients; `None` once it was joined.
    door: Option<JoinHandle<()>>,
}

/// What all connections share.
struct Shared {
    store: Mutex<Store>,
    clients: Mutex<BTreeMap<u64, Client>>,
    stopping: AtomicBool,
}

/// A connected client, as `CLIENT LIST` shows it.
struct Client {
    stream: TcpStream,
    addr: SocketAddr,
    name: Vec<u8>,
    db: usize,
}

impl DemoServer {
    /// Starts a server, empty.
    ///
    /// # Panics
    /// Where no loopback port can be bound.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            store: Mutex::new(Store::default()),
            clients: Mutex::new(BTreeMap::new()),
            stopping: AtomicBool::new(false),
        });
        let door = thread::spawn({
            let shared = shared.clone();
            move || accept(&listener, &shared)
        });
        Self {
            addr,
            shared,
            door: Some(door),
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `redis://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Whoever waits for a client gets one, and sees that it is the last.
        let _ = TcpStream::connect(self.addr);
        if let Some(door) = self.door.take() {
            let _ = door.join();
        }
    }
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, BTreeMap<u64, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes clients, a thread for each, until the server stops; then ends them.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut ids = 1..;
    for stream in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let served = stream.and_then(|stream| spawn(stream, ids.next().unwrap_or(0), shared));
        match served {
            Ok(thread) => threads.push(thread),
            // Out of files, or the client is gone already: others may still come and go.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
    for client in shared.clients().values() {
        // Fails only where the client was faster.
        let _ = client.stream.shutdown(Shutdown::Both);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

fn spawn(stream: TcpStream, id: u64, shared: &Arc<Shared>) -> io::Result<JoinHandle<()>> {
    stream.set_nodelay(true)?;
    let client = Client {
        stream: stream.try_clone()?,
        addr: stream.peer_addr()?,
        name: Vec::new(),
        db: 0,
    };
    shared.clients().insert(id, client);
    let thread = thread::Builder::new()
        .name(format!("demo client {id}"))
        .spawn({
            let shared = shared.clone();
            move || {
                // A broken connection is the client's affair.
                let _ = session::serve(&stream, id, &shared);
                shared.clients().remove(&id);
            }
        });
    if thread.is_err() {
        shared.clients().remove(&id);
    }
    thread
}
