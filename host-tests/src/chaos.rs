//! A proxy that is as bad as a network can be: it splits, delays, cuts, and falls silent.
//!
//! ```no_run
//! use host_tests::{chaos::Chaos, redis::RedisServer};
//!
//! let server = RedisServer::builder().without_tcp().start();
//! let chaos = Chaos::start(&server.unix_path(), 7);
//! let pool = respool::host::pool_with::<4, 64>(chaos.config());
//! ```
//!
//! What befalls a connection is a [`Plan`], drawn from the seed and the number of the connection:
//! the same for each run, though the load on it is not. It listens on loopback only. It reaches the
//! server by its unix socket, so that nobody else can take the server's place while it is down.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fastrand::Rng;
use respool::config::Config;
use rustix::net::sockopt::set_socket_linger;

/// The proxy; its connections are closed when it is dropped.
pub struct Chaos {
    port: u16,
    shared: Arc<Shared>,
    door: Option<JoinHandle<()>>,
}

/// What befalls one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// From the client to the server.
    pub there: Way,
    /// From the server to the client.
    pub back: Way,
}

/// What befalls one direction of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Way {
    /// The most bytes that are passed on at once; 0 for as they come.
    pub piece: usize,
    /// The longest pause before a piece; zero for none.
    pub pause: Duration,
    /// After so many bytes, the end.
    pub end: Option<(u64, End)>,
}

/// How a connection ends, as far as the proxy is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Closed towards both sides in good order.
    Close,
    /// Closed towards the server, reset towards the client.
    Reset,
    /// Half open: bytes of this direction vanish, and nobody is told.
    Silence,
}

/// What vanishes on all connections of a proxy, those too that come. Where something vanished, a
/// connection stays half open, as after [`End::Silence`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hush {
    /// Nothing.
    #[default]
    Nothing,
    /// What the server says: what clients send arrives all the same, and they cannot know.
    Replies,
    /// What either side says.
    Everything,
}

/// What the proxy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that clients opened.
    pub accepted: u64,
    /// Of these, closed at once since the server was down.
    pub refused: u64,
    /// Pieces that were passed on.
    pub pieces: u64,
    /// Pauses before one.
    pub pauses: u64,
    /// Connections that were cut.
    pub cuts: u64,
    /// Connections that fell silent.
    pub silences: u64,
}

struct Shared {
    server: PathBuf,
    plan: Box<dyn Fn(u64) -> Plan + Send + Sync>,
    stopping: AtomicBool,
    calm: AtomicBool,
    hush: Mutex<Hush>,
    counts: Mutex<Counts>,
    /// Those that came, and some that are gone already.
    lines: Mutex<Vec<Weak<Line>>>,
}

/// A connection, as its two pumps see it.
struct Line {
    client: TcpStream,
    server: UnixStream,
    /// It has ended by its plan, and so no end of a stream is passed on any more.
    ended: AtomicBool,
    /// Nothing is passed on any more, either way, and nobody is told.
    abandoned: AtomicBool,
}

impl Chaos {
    /// A proxy to the unix socket `server`, whose plans are drawn from `seed`.
    pub fn start(server: &Path, seed: u64) -> Self {
        Self::planned(server, move |number| Plan::drawn(seed, number))
    }

    /// A proxy that does with its n-th connection, from 0, what `plan` says.
    pub fn planned(server: &Path, plan: impl Fn(u64) -> Plan + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            server: server.into(),
            plan: Box::new(plan),
            stopping: AtomicBool::new(false),
            calm: AtomicBool::new(false),
            hush: Mutex::default(),
            counts: Mutex::default(),
            lines: Mutex::default(),
        });
        let door = thread::spawn({
            let shared = shared.clone();
            move || shared.welcome(&listener)
        });
        Self {
            port,
            shared,
            door: Some(door),
        }
    }

    /// The loopback port where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Settings that lead here.
    pub fn config(&self) -> Config<'static> {
        Config::new().host("127.0.0.1").port(self.port)
    }

    /// Does no harm to connections that come from now on. Those that are there keep their plans.
    pub fn calm(&self) {
        self.shared.calm.store(true, Ordering::SeqCst);
    }

    /// From now on this vanishes, until something else is said.
    pub fn hush(&self, what: Hush) {
        *lock(&self.shared.hush) = what;
    }

    /// Leaves the connections that are there half open both ways, as a peer without power does.
    /// Those that come are served.
    pub fn abandon(&self) {
        for line in lock(&self.shared.lines).iter().filter_map(Weak::upgrade) {
            line.abandoned.store(true, Ordering::SeqCst);
        }
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        *lock(&self.shared.counts)
    }

    /// Waits until all connections are gone, and so all that was under way has arrived or is lost.
    ///
    /// # Panics
    /// Where that takes 10 s.
    pub fn wait_until_gone(&self) {
        let latest = Instant::now() + Duration::from_secs(10);
        while lock(&self.shared.lines)
            .iter()
            .any(|line| line.strong_count() > 0)
        {
            assert!(Instant::now() < latest, "connections that nobody closes");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // So that the door looks up.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(door) = self.door.take() {
            let _ = door.join();
        }
        for line in lock(&self.shared.lines).iter().filter_map(Weak::upgrade) {
            line.end(End::Close);
        }
    }
}

impl Plan {
    /// What the seed has for this connection: half of them live as long as their users like.
    fn drawn(seed: u64, number: u64) -> Self {
        let mut dice = Rng::with_seed(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(number),
        );
        let mut plan = Self {
            there: Way::drawn(&mut dice),
            back: Way::drawn(&mut dice),
        };
        if dice.bool() {
            // As often among the first bytes of a login as after thousands of commands.
            let bits = dice.u32(3..18);
            let at = dice.u64(0..1 << bits);
            let end = *dice
                .choice(&[End::Close, End::Reset, End::Silence])
                .expect("one of three");
            let way = if dice.bool() {
                &mut plan.there
            } else {
                &mut plan.back
            };
            way.end = Some((at, end));
        }
        plan
    }
}

impl Way {
    fn drawn(dice: &mut Rng) -> Self {
        let piece = *dice.choice(&[0, 0, 1, 2, 7, 64]).expect("one of six");
        let pause = *dice.choice(&[0, 0, 1, 5]).expect("one of four");
        Self {
            piece,
            pause: Duration::from_millis(pause),
            end: None,
        }
    }
}

impl Counts {
    /// Those of one more proxy.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.pieces += other.pieces;
        self.pauses += other.pauses;
        self.cuts += other.cuts;
        self.silences += other.silences;
    }
}

impl Shared {
    fn welcome(self: &Arc<Self>, listener: &TcpListener) {
        for (number, client) in (0..).zip(listener.incoming().filter_map(Result::ok)) {
            if self.stopping.load(Ordering::SeqCst) {
                return;
            }
            self.count(|counts| counts.accepted += 1);
            let Ok(server) = UnixStream::connect(&self.server) else {
                self.count(|counts| counts.refused += 1);
                continue;
            };
            let _ = client.set_nodelay(true);
            let plan = match self.calm.load(Ordering::SeqCst) {
                true => Plan::default(),
                false => (self.plan)(number),
            };
            let line = Arc::new(Line {
                client,
                server,
                ended: AtomicBool::new(false),
                abandoned: AtomicBool::new(false),
            });
            let mut lines = lock(&self.lines);
            lines.retain(|line| line.strong_count() > 0);
            lines.push(Arc::downgrade(&line));
            drop(lines);
            let (there, back) = ((self.clone(), line.clone()), (self.clone(), line));
            thread::spawn(move || {
                let (shared, line) = there;
                let hushed = |hush| hush == Hush::Everything;
                shared.pump(
                    &line,
                    plan.there,
                    number,
                    hushed,
                    &line.client,
                    &line.server,
                );
                // A client that is gone is gone for both directions.
                let _ = line.server.shutdown(Shutdown::Write);
            });
            thread::spawn(move || {
                let (shared, line) = back;
                let hushed = |hush| hush != Hush::Nothing;
                let told =
                    shared.pump(&line, plan.back, number, hushed, &line.server, &line.client);
                if told && !line.ended.load(Ordering::SeqCst) {
                    let _ = line.client.shutdown(Shutdown::Write);
                }
            });
        }
    }

    /// Passes bytes on until `from` ends or the plan does; whether the other side may be told.
    fn pump(
        &self,
        line: &Line,
        way: Way,
        number: u64,
        hushed: impl Fn(Hush) -> bool,
        from: impl Read,
        to: impl Write,
    ) -> bool {
        let (mut from, mut to) = (from, to);
        let mut dice = Rng::with_seed(number);
        let mut buffer = [0; 4096];
        let mut passed = 0;
        loop {
            let read = from.read(&mut buffer);
            let is_silent = line.abandoned.load(Ordering::SeqCst) || hushed(*lock(&self.hush));
            let count = match read {
                Ok(0) | Err(_) => return !is_silent,
                Ok(_) if is_silent => {
                    self.swallow(from);
                    return false;
                }
                Ok(count) => count,
            };
            let mut bytes = &buffer[..count];
            let mut end = None;
            if let Some((at, how)) = way.end.filter(|(at, _)| passed + bytes.len() as u64 > *at) {
                bytes = &bytes[..(at - passed) as usize];
                end = Some(how);
            }
            passed += bytes.len() as u64;
            if self.pass(way, &mut dice, bytes, &mut to).is_err() {
                line.end(End::Close);
                return true;
            }
            match end {
                None => {}
                Some(End::Silence) => {
                    self.swallow(from);
                    return false;
                }
                Some(how) => {
                    self.count(|counts| counts.cuts += 1);
                    line.end(how);
                    return false;
                }
            }
        }
    }

    /// The connection fell silent: takes what is said, so that nobody who says it notices.
    fn swallow(&self, mut from: impl Read) {
        self.count(|counts| counts.silences += 1);
        while matches!(from.read(&mut [0; 4096]), Ok(1..)) {}
    }

    fn pass(&self, way: Way, dice: &mut Rng, bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
        let most = match way.piece {
            0 => bytes.len().max(1),
            piece => piece,
        };
        for piece in bytes.chunks(most) {
            // Now and then, so that a split costs no more than the reader makes of it.
            if !way.pause.is_zero() && dice.u8(..) < 16 {
                self.count(|counts| counts.pauses += 1);
                thread::sleep(way.pause.mul_f64(dice.f64()));
            }
            to.write_all(piece)?;
        }
        let pieces = bytes.len().div_ceil(most) as u64;
        self.count(|counts| counts.pieces += pieces);
        Ok(())
    }

    fn count(&self, what: impl FnOnce(&mut Counts)) {
        what(&mut lock(&self.counts));
    }
}

impl Line {
    /// Ends both directions, which wakes both pumps.
    fn end(&self, how: End) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.server.shutdown(Shutdown::Both);
        let _ = match how {
            End::Reset => {
                // The reset is sent when the last pump lets go of the socket.
                let _ = set_socket_linger(&self.client, Some(Duration::ZERO));
                self.client.shutdown(Shutdown::Read)
            }
            _ => self.client.shutdown(Shutdown::Both),
        };
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::os::unix::net::UnixListener;

    /// A server that says everything back, and a client that it is told of by way of the proxy.
    fn echo(plan: Plan) -> (tempfile::TempDir, Chaos, TcpStream) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("echo.sock");
        let listener = UnixListener::bind(&path).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        let chaos = Chaos::planned(&path, move |_| plan);
        let client = client_of(&chaos);
        (folder, chaos, client)
    }

    fn client_of(chaos: &Chaos) -> TcpStream {
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, chaos.port)).unwrap();
        client
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        client
    }

    /// What comes back of so many bytes, and how that ends.
    fn said_back(client: &mut TcpStream, count: usize) -> (usize, ErrorKind) {
        let sent: Vec<u8> = (0..count).map(|n| n as u8).collect();
        client.write_all(&sent).unwrap();
        let mut heard = Vec::new();
        let mut buffer = [0; 100];
        let end = loop {
            match client.read(&mut buffer) {
                Ok(0) => break ErrorKind::UnexpectedEof,
                Ok(count) => heard.extend_from_slice(&buffer[..count]),
                Err(error) => break error.kind(),
            }
        };
        assert_eq!(heard, sent[..heard.len()]);
        (heard.len(), end)
    }

    #[test]
    fn pieces_arrive_whole() {
        let way = Way {
            piece: 3,
            pause: Duration::from_millis(1),
            end: None,
        };
        let (_folder, chaos, mut client) = echo(Plan {
            there: way,
            back: way,
        });
        assert_eq!(said_back(&mut client, 1000), (1000, ErrorKind::WouldBlock));
        let counts = chaos.counts();
        assert!(counts.pieces >= 668 && counts.pauses > 0, "{counts:?}");
        assert_eq!((counts.accepted, counts.cuts, counts.silences), (1, 0, 0));
        drop(client);
        chaos.wait_until_gone();
    }

    #[test]
    fn ends_come_at_their_byte() {
        for at in [0, 1, 50, 99] {
            for there in [true, false] {
                for (end, told) in [
                    (End::Close, ErrorKind::UnexpectedEof),
                    (End::Reset, ErrorKind::ConnectionReset),
                    (End::Silence, ErrorKind::WouldBlock),
                ] {
                    let mut plan = Plan::default();
                    let way = if there {
                        &mut plan.there
                    } else {
                        &mut plan.back
                    };
                    way.end = Some((at, end));
                    let (_folder, chaos, mut client) = echo(plan);
                    let (heard, how) = said_back(&mut client, 100);
                    println!("{end:?} at {at}, there: {there}: {heard}, {how:?}");
                    assert_eq!(how, told);
                    // A close on the way there may overtake what was on the way back.
                    let may_lose = there && end != End::Silence;
                    assert!(heard as u64 == at || may_lose && heard as u64 <= at);
                    let counts = chaos.counts();
                    let silent = u64::from(end == End::Silence);
                    assert_eq!((counts.cuts, counts.silences), (1 - silent, silent));
                    drop(client);
                    chaos.wait_until_gone();
                }
            }
        }
    }

    #[test]
    fn an_abandoned_connection_is_half_open_and_the_next_one_is_served() {
        let (_folder, chaos, mut client) = echo(Plan::default());
        assert_eq!(said_back(&mut client, 9), (9, ErrorKind::WouldBlock));
        chaos.abandon();
        assert_eq!(said_back(&mut client, 9), (0, ErrorKind::WouldBlock));
        assert_eq!(said_back(&mut client_of(&chaos), 9).0, 9);
        // Not even the end of the server reaches it.
        for line in lock(&chaos.shared.lines).iter().filter_map(Weak::upgrade) {
            let _ = line.server.shutdown(Shutdown::Both);
        }
        assert_eq!(said_back(&mut client, 9), (0, ErrorKind::WouldBlock));
        drop(client);
        chaos.wait_until_gone();
    }

    #[test]
    fn what_is_hushed_vanishes_until_something_else_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let chaos = Chaos::planned(&path, |_| Plan::default());
        for (hush, arrives, comes_back) in [
            (Hush::Nothing, true, true),
            (Hush::Replies, true, false),
            (Hush::Everything, false, false),
            (Hush::Nothing, true, true),
        ] {
            chaos.hush(hush);
            let mut client = client_of(&chaos);
            let (mut server, _) = listener.accept().unwrap();
            let patience = Some(Duration::from_millis(200));
            server.set_read_timeout(patience).unwrap();
            client.write_all(b"?").unwrap();
            server.write_all(b"!").unwrap();
            assert_eq!(server.read(&mut [0; 8]).is_ok(), arrives, "{hush:?}");
            assert_eq!(client.read(&mut [0; 8]).is_ok(), comes_back, "{hush:?}");
        }
    }

    #[test]
    fn a_server_that_is_down_is_a_connection_closed() {
        let chaos = Chaos::start(Path::new("/nonexistent"), 1);
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, chaos.port)).unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!((chaos.counts().accepted, chaos.counts().refused), (1, 1));
    }

    #[test]
    fn plans_are_drawn_from_the_seed() {
        let plans = |seed| (0..1000).map(move |number| format!("{:?}", Plan::drawn(seed, number)));
        assert!(plans(1).eq(plans(1)) && !plans(1).eq(plans(2)));
        let ends = (0..1000).filter_map(|number| {
            let plan = Plan::drawn(1, number);
            plan.there.end.or(plan.back.end)
        });
        let ends: Vec<_> = ends.collect();
        assert!((400..600).contains(&ends.len()));
        assert!(ends.iter().filter(|(at, _)| *at < 64).count() > 100);
    }
}
