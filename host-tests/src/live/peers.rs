//! Peers that are no Redis, or not quite.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use respool::config::Config;

use crate::redis::RedisServer;

/// A listener on a free loopback port, gone on drop.
pub struct Peer {
    port: u16,
    shared: Arc<Shared>,
    door: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    accepted: AtomicUsize,
    stopping: AtomicBool,
    /// Everything that clients sent.
    heard: Mutex<Vec<u8>>,
    open: Mutex<Vec<TcpStream>>,
}

impl Peer {
    /// Does `talk` with every client, each on a thread of its own; the stream is closed after it.
    fn start(talk: impl Fn(&mut TcpStream, &dyn Fn(&[u8])) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let talk = Arc::new(talk);
        let door = thread::spawn({
            let shared = shared.clone();
            move || {
                for stream in listener.incoming().filter_map(Result::ok) {
                    if shared.stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    shared.accepted.fetch_add(1, Ordering::SeqCst);
                    let copy = stream.try_clone().expect("a second handle");
                    lock(&shared.open).push(copy);
                    let (talk, shared) = (talk.clone(), shared.clone());
                    thread::spawn(move || {
                        let mut stream = stream;
                        talk(&mut stream, &|bytes| {
                            lock(&shared.heard).extend_from_slice(bytes);
                        });
                        let _ = stream.shutdown(Shutdown::Both);
                    });
                }
            }
        });
        Self {
            port,
            shared,
            door: Some(door),
        }
    }

    /// Says `words` again and again, byte by byte, with a pause before each.
    pub fn dribbler(words: &'static str, pause: Duration) -> Self {
        Self::start(move |stream, _| {
            for byte in words.bytes().cycle() {
                thread::sleep(pause);
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
            }
        })
    }

    /// Settings that lead to it.
    pub fn config(&self) -> Config<'static> {
        Config::new().host("127.0.0.1").port(self.port)
    }

    /// How many clients came.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// What all of them said, as text.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&lock(&self.shared.heard)).into_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.open).iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The listener waits for a client: it gets one, and sees that it is the last.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(door) = self.door.take() {
            let _ = door.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stands before `server`, and hangs up instead of passing on the first answer to a request that
/// holds `word`: the server has run it, and the client does not know.
pub fn swallower(server: &RedisServer, word: &'static str) -> Peer {
    let server = server.addr();
    let swallowed = Arc::new(AtomicBool::new(false));
    Peer::start(move |client, _| {
        let mut to = TcpStream::connect(server).expect("the server of this test");
        let mut from = to.try_clone().expect("a second handle");
        let mut back = client.try_clone().expect("a second handle");
        let swallows = Arc::new(AtomicBool::new(false));
        let answers = thread::spawn({
            let swallows = swallows.clone();
            move || {
                let mut page = [0; 4096];
                while let Ok(n @ 1..) = from.read(&mut page) {
                    if swallows.load(Ordering::SeqCst) || back.write_all(&page[..n]).is_err() {
                        break;
                    }
                }
                let _ = back.shutdown(Shutdown::Both);
            }
        });
        let mut page = [0; 4096];
        while let Ok(n @ 1..) = client.read(&mut page) {
            let text = String::from_utf8_lossy(&page[..n]);
            if text.contains(word) && !swallowed.swap(true, Ordering::SeqCst) {
                swallows.store(true, Ordering::SeqCst);
            }
            if to.write_all(&page[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = answers.join();
    })
}

/// Accepts, reads, and never answers.
pub fn silent() -> Peer {
    Peer::start(|stream, note| {
        let mut page = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut page) {
            note(page.get(..n).unwrap_or_default());
        }
    })
}

/// Says `words` at once, and closes when the client does, or at once where `stays` is false.
pub fn talker(words: &'static str, stays: bool) -> Peer {
    Peer::start(move |stream, note| {
        let _ = stream.write_all(words.as_bytes());
        let mut page = [0; 4096];
        while stays && let Ok(n @ 1..) = stream.read(&mut page) {
            note(page.get(..n).unwrap_or_default());
        }
    })
}

/// A server of before RESP3: it says `refusal` to `HELLO`, knows `AUTH` (the password is `secret`),
/// `SELECT`, `CLIENT` and `GET`, whose answer is the database, and nothing else.
pub fn old_server(refusal: &'static str) -> Peer {
    Peer::start(move |stream, note| {
        let mut reader = std::io::BufReader::new(stream.try_clone().expect("a second handle"));
        let mut db = String::from("0");
        let mut allowed = false;
        while let Some(words) = request(&mut reader) {
            note(words.join(" ").as_bytes());
            note(b"\n");
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let reply = match words.as_slice() {
                ["HELLO", ..] => refusal.into(),
                ["AUTH", .., "secret"] => {
                    allowed = true;
                    "+OK".into()
                }
                ["AUTH", ..] => "-WRONGPASS invalid username-password pair".into(),
                _ if !allowed => "-NOAUTH Authentication required.".into(),
                ["SELECT", index] => {
                    db = (*index).into();
                    "+OK".into()
                }
                ["CLIENT", ..] => "+OK".into(),
                ["GET", ..] => format!("${}\r\n{db}", db.len()),
                [name, ..] => format!("-ERR unknown command '{name}'"),
                [] => "-ERR nothing".into(),
            };
            if stream.write_all(format!("{reply}\r\n").as_bytes()).is_err() {
                return;
            }
        }
    })
}

/// The next request, `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`; `None` at the end.
fn request(reader: &mut impl std::io::BufRead) -> Option<Vec<String>> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        Some(line.trim_end().to_string())
    };
    let count: usize = line()?.strip_prefix('*')?.parse().ok()?;
    let words = (0..count).map(|_| {
        line()?;
        line()
    });
    words.collect()
}
