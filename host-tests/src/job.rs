//! The main job, from its arguments to its table.
//!
//! - [`arguments`]: the command line, and a URL that is checked before anything begins.
//! - [`keys`]: what a worker knows for certain of its own keys, and so what each reply must be.
//! - [`worker`]: sends, compares, and goes on through errors.
//! - [`tally`]: what one worker counted; [`report`]: all of it, as a table.
//! - [`server`]: who answers.

mod arguments;
mod keys;
mod report;
mod server;
mod tally;
mod worker;

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use host_tests::demo::DemoServer;
use indicatif::{ProgressBar, ProgressStyle};
use respool::Error;
use respool::client::PoolResources;
use respool::config::Config;
use respool::host::{self, Socket};
use respool::io::Blocking;
use static_cell::{ConstStaticCell, StaticCell};

pub use arguments::{Arguments, Plan};
pub use report::Report;

use report::{Connections, Crew};
use server::Server;
use tally::Tally;
use worker::Worker;

/// Connections that the pool has; the job uses as many of them as it is told to.
const SEATS: usize = 64;

/// Workers that can wait for a connection at once: all of them.
const WORKERS: usize = 1024;

/// Bytes of a window. Longer replies are none of this job's, longer pipelines go in several parts.
const WINDOW: usize = 4096;

/// How long the job waits for workers that are in the middle of a call when the time is over, and
/// for the first answer of all: a little more than the timeouts that a URL has unless it says so.
const PATIENCE: Duration = Duration::from_secs(6);

/// How often the time and Ctrl-C are looked at.
const TICK: Duration = Duration::from_millis(20);

/// The pool of the job.
type Pool = host::Pool<SEATS, WORKERS>;

/// The windows of all connections, known before the program runs.
static MEMORY: ConstStaticCell<PoolResources<'static, SEATS, WINDOW, WINDOW>> =
    ConstStaticCell::new(PoolResources::new());

static POOL: StaticCell<Pool> = StaticCell::new();

/// Why there is no table.
pub enum Failure {
    /// The server gave no usable answer to the first command.
    Contact { address: String, error: Error },
    /// It gave none at all for so long.
    Silent { address: String },
    /// Ctrl-C, before there was an answer.
    Interrupted,
    /// The operating system refused something.
    System(&'static str, io::Error),
}

/// Runs the job to its end.
pub fn run(plan: Plan, show_progress: bool) -> Result<Report, Failure> {
    let interrupted = catch_ctrl_c()?;
    let demo = plan.config.is_none().then(DemoServer::start);
    let config = match (plan.config, &demo) {
        (Some(config), _) => config,
        (None, Some(demo)) => demo_config(demo),
        (None, None) => Config::new(),
    };
    let address = server::address(&config);
    let (pool, kept) = pool(config, plan.connections);
    let server = greet(pool, &address, &interrupted)?;
    let _ = writeln!(io::stdout(), "{:<13}{server} ({address})", "server");

    let stop = Arc::new(AtomicBool::new(false));
    let run_id = run_id();
    let begin = Instant::now();
    let mut crew = Vec::new();
    for number in 0..plan.workers {
        let tally = Arc::new(Mutex::new(Tally::new()));
        let worker = Worker::new(pool, &plan, &run_id, number, &server, stop.clone());
        let thread = thread::Builder::new()
            .name(format!("worker {number}"))
            .spawn({
                let tally = tally.clone();
                move || worker.run(&tally)
            });
        match thread {
            Ok(thread) => crew.push(Member { thread, tally }),
            Err(error) => {
                // The others end with the process.
                return Err(Failure::System("start a thread for each worker", error));
            }
        }
    }

    let mut connections = Connections::default();
    let mut progress = Progress::new(plan.seconds, show_progress);
    let end = begin + Duration::from_secs(plan.seconds);
    while Instant::now() < end && !interrupted.load(Ordering::SeqCst) {
        thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
        connections.follow(pool.stats());
        progress.tick(begin.elapsed(), &crew);
    }
    stop.store(true, Ordering::SeqCst);
    let latest = Instant::now() + PATIENCE;
    while Instant::now() < latest && crew.iter().any(|member| !member.thread.is_finished()) {
        thread::sleep(Duration::from_millis(1));
    }
    let elapsed = begin.elapsed();
    progress.clear();

    // Those who are late are counted, not waited for; what closing the pool does to them is not.
    let mut total = Crew::default();
    crew.into_iter().for_each(|member| member.tell(&mut total));
    let _ = pool.close(Duration::ZERO);
    drop(kept);
    connections.follow(pool.stats());
    Ok(Report::new(&plan, elapsed, total, connections))
}

/// A worker at work.
struct Member {
    thread: JoinHandle<()>,
    tally: Arc<Mutex<Tally>>,
}

impl Member {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(self, crew: &mut Crew) {
        crew.total.add(&self.tally());
        match self.thread.is_finished() {
            false => crew.late += 1,
            true if self.thread.join().is_err() => crew.panicked += 1,
            true => {}
        }
    }
}

/// A pool of which `connections` can be had, and the rest, kept away. Connections are opened when
/// they are first used, so that those which are kept never are.
fn pool(config: Config<'static>, connections: usize) -> (&'static Pool, Vec<impl Sized>) {
    let links = std::array::from_fn(|_| Blocking(Socket::new(&config)));
    let pool: &'static Pool = POOL.init(Pool::new(MEMORY.take(), links, config));
    let kept = (connections..SEATS).filter_map(|_| pool.try_get().ok());
    (pool, kept.collect())
}

fn demo_config(demo: &DemoServer) -> Config<'static> {
    Config::new()
        .host("127.0.0.1")
        .port(demo.addr().port())
        .client_name("respool-job")
}

/// Asks the server who it is: an address or a password that is wrong is said once, and not by every
/// worker for as long as the job lasts.
fn greet(pool: &'static Pool, address: &str, interrupted: &AtomicBool) -> Result<Server, Failure> {
    let (tell, answer) = mpsc::channel();
    // In a thread of its own: a URL may ask for no timeouts at all.
    thread::spawn(move || tell.send(Server::ask(pool)));
    let latest = Instant::now() + PATIENCE;
    while Instant::now() < latest {
        if interrupted.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted);
        }
        match answer.recv_timeout(TICK) {
            Ok(Ok(server)) => return Ok(server),
            Ok(Err(error)) => {
                let address = address.to_string();
                return Err(Failure::Contact { address, error });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Err(Failure::Silent {
        address: address.to_string(),
    })
}

/// The first Ctrl-C ends the job with its table, the second one ends it at once.
fn catch_ctrl_c() -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = interrupted.clone();
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .map_err(|error| Failure::System("catch Ctrl-C", io::Error::other(error)))?;
    Ok(interrupted)
}

/// Names this run in its keys, so that two runs on one server never meet.
fn run_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.unwrap_or_default().as_nanos() as u64;
    format!("{:x}-{nanos:x}", std::process::id())
}

/// What a person at a terminal sees meanwhile.
struct Progress {
    bar: ProgressBar,
    /// When the rate was measured last, and the number of operations then.
    last: (Duration, u64),
}

impl Progress {
    const EVERY: Duration = Duration::from_millis(250);

    fn new(seconds: u64, show: bool) -> Self {
        let bar = match show {
            true => ProgressBar::new(seconds.saturating_mul(1000)),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{bar:30} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            last: (Duration::ZERO, 0),
        }
    }

    fn tick(&mut self, now: Duration, crew: &[Member]) {
        let (then, before) = self.last;
        let span = now.saturating_sub(then);
        if self.bar.is_hidden() || span < Self::EVERY {
            return;
        }
        let (mut operations, mut errors, mut wrong) = (0, 0, 0);
        for member in crew {
            let tally = member.tally();
            operations += tally.operations();
            errors += tally.failed();
            wrong += tally.wrong;
        }
        let rate = (operations - before) as f64 / span.as_secs_f64();
        let length = Duration::from_millis(self.bar.length().unwrap_or_default());
        let left = length.saturating_sub(now).as_secs_f64().ceil();
        self.bar.set_position(now.as_millis() as u64);
        self.bar.set_message(format!(
            "{left} s left  {} ops/s  {} wrong  {} errors",
            report::grouped(rate as u64),
            report::grouped(wrong),
            report::grouped(errors),
        ));
        self.last = (now, operations);
    }

    fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contact { address, error } => write!(f, "{address}: {error}"),
            Self::Silent { address } => {
                write!(f, "{address}: no answer within {} s", PATIENCE.as_secs())
            }
            Self::Interrupted => f.write_str("interrupted before the server answered"),
            Self::System(what, error) => write!(f, "cannot {what}: {error}"),
        }
    }
}
