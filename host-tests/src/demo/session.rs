//! One connection: requests in, replies out, and what the client has said about itself.

use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use respool::config::Protocol;
use respool::server::Requests;

use super::Shared;
use super::commands::{self, Call};
use super::output::Output;
use super::store::Store;

/// The largest request. So large that the system's allocator takes it fresh from the kernel, where
/// memory that was never written to costs nothing: a client takes what its requests take.
const WINDOW: usize = 40 << 20;
/// The most that is read in one go.
const PAGE: usize = 256 << 10;

/// What a client has said about itself, and what it has begun.
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) db: usize,
    pub(super) name: Vec<u8>,
    /// The commands since `MULTI`.
    pub(super) queue: Option<Queue>,
    /// Database, key, and its version when `WATCH` came.
    pub(super) watching: Vec<(usize, Vec<u8>, u64)>,
    /// `QUIT` was said.
    pub(super) ended: bool,
}

/// A transaction that was begun.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) commands: Vec<Vec<Vec<u8>>>,
    /// A command was refused, and `EXEC` will be.
    pub(super) broken: bool,
}

/// Serves one client until it goes.
pub(super) fn serve(mut stream: &TcpStream, id: u64, shared: &Shared) -> io::Result<()> {
    let mut window = vec![0; WINDOW];
    let mut requests = Requests::new(&mut window).skip_budget(u32::MAX);
    let mut session = Session::new(id);
    let mut out = Output::new();
    let served = loop {
        let spare = requests.spare();
        let page = spare.len().min(PAGE);
        match stream.read(&mut spare[..page]) {
            Ok(0) => break Ok(()),
            Ok(n) => requests.filled(n),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => break Err(error),
        }
        let goes_on = answer(&mut requests, &mut session, shared, &mut out, stream);
        match goes_on.and_then(|goes_on| out.send(stream).map(|()| goes_on)) {
            Ok(true) => {}
            Ok(false) => break close(stream),
            Err(error) => break Err(error),
        }
    };
    session.unwatch(&mut shared.store());
    served
}

/// Answers all requests that have arrived; false where the connection is to be closed.
fn answer(
    requests: &mut Requests<'_>,
    session: &mut Session,
    shared: &Shared,
    out: &mut Output,
    stream: &TcpStream,
) -> io::Result<bool> {
    loop {
        match requests.next() {
            Ok(None) => return Ok(true),
            // A web page that makes a browser talk to us: Redis hangs up at these, too.
            Ok(Some(request)) if request.name_is("POST") || request.name_is("Host:") => {
                return Ok(false);
            }
            Ok(Some(request)) => {
                let args: Vec<&[u8]> = request.words().collect();
                let store = &mut *shared.store();
                commands::run(&mut Call {
                    args: &args,
                    session,
                    store,
                    shared,
                    out,
                    now: now(),
                });
                if session.ended {
                    return Ok(false);
                }
            }
            Err(fault) => {
                out.write(|replies| fault.write(replies));
                if fault.closes() {
                    return Ok(false);
                }
            }
        }
        if out.is_plenty() {
            out.send(stream)?;
        }
    }
}

/// Closes so that the last reply arrives: with bytes unread, a close would reset the connection and
/// take it back.
fn close(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_millis(200)))?;
    let mut page = [0; 4096];
    for _ in 0..1000 {
        if stream.read(&mut page)? == 0 {
            break;
        }
    }
    Ok(())
}

impl Session {
    fn new(id: u64) -> Self {
        Self {
            id,
            db: 0,
            name: Vec::new(),
            queue: None,
            watching: Vec::new(),
            ended: false,
        }
    }

    /// As it was when the client came.
    pub(super) fn reset(&mut self, store: &mut Store, out: &mut Output) {
        self.unwatch(store);
        *self = Self::new(self.id);
        out.protocol = Protocol::Resp2;
    }

    pub(super) fn unwatch(&mut self, store: &mut Store) {
        for (db, key, _) in self.watching.drain(..) {
            store.db(db).unwatch(&key);
        }
    }
}

/// Milliseconds of the unix clock.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
