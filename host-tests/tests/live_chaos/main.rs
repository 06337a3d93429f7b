//! A server that is killed and comes back, behind a network that splits, delays, cuts and falls
//! silent, under eight threads and eight tasks on two pools of four connections.
//!
//! Keys and values name their caller, and the server keeps what it acknowledged. So each reply can
//! be held against the one who gets it, and each write, in the end, against what an independent
//! client finds: what was acknowledged is there once, what was not sent is not there, and what may
//! have been sent is there at most once.
//!
//! `RESPOOL_KILLS` says how often the server is killed, 10 unless told, and `RESPOOL_SEED` what the
//! network does. For a long run:
//! `RESPOOL_KILLS=1000 cargo test -p host-tests --test live_chaos -- --nocapture`

mod ledger;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use host_tests::chaos::{Chaos, Counts};
use host_tests::live;
use host_tests::redis::RedisServer;
use host_tests::{as_it_is, awaited};
use ledger::{Ledger, Op, Report, Said};
use respool::command::*;
use respool::{Command, Stats};

/// Threads, and as many tasks.
const WORKERS: u64 = 8;
const CONNECTIONS: usize = 4;
/// After so many kills there is a new server with new pools, so that none grows old.
const KILLS_A_ROUND: u64 = 20;
/// How long any wait of the client may take.
const PATIENCE: Duration = Duration::from_millis(200);
/// The client's pauses after the first failure and at most: short, since the server is away for short times only.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// How long the pools may take to work again once the server and the network do.
const RECOVERY: Duration = Duration::from_secs(5);

#[test]
fn nothing_is_crossed_and_nothing_is_doubled() {
    let kills = number("RESPOOL_KILLS", 10);
    let seed = number("RESPOOL_SEED", 1);
    let begin = Instant::now();
    let mut total = Total::default();
    let mut left = kills;
    for round in 0.. {
        let now = left.min(KILLS_A_ROUND);
        Round::new(seed + round).run(now, &mut total);
        left -= now;
        println!(
            "{} of {kills} kills in {:.0?}",
            kills - left,
            begin.elapsed()
        );
        if left == 0 {
            break;
        }
    }
    println!("{total:#?}");
    // What was to be shown happened at all.
    let (report, network) = (&total.report, total.network);
    assert!(report.told > 0 && report.errors_of("") > 0 && report.dropped > 0);
    assert!(network.cuts > 0 && network.silences > 0 && network.pauses > 0);
}

/// A number from the environment.
fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => otherwise,
    }
}

#[derive(Debug, Default)]
struct Total {
    report: Report,
    network: Counts,
    retries: u32,
    timeouts: u32,
    opened: u32,
    /// The longest that a worker waited for its first success after the last restart of a round.
    recovered_in: Duration,
}

/// One server, one network, two pools.
struct Round {
    seed: u64,
    server: RedisServer,
    chaos: Chaos,
    dice: Rng,
    shared: Arc<Shared>,
}

/// What the workers look at.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// When the server came back for good.
    revived: Mutex<Option<Instant>>,
    recovered: AtomicUsize,
}

impl Round {
    fn new(seed: u64) -> Self {
        let server = RedisServer::builder()
            .without_tcp()
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .start();
        let chaos = Chaos::start(&server.unix_path(), seed);
        Self {
            seed,
            server,
            chaos,
            dice: Rng::with_seed(seed),
            shared: Arc::default(),
        }
    }

    fn run(mut self, kills: u64, total: &mut Total) {
        let config = self.chaos.config();
        let config = config.connect_timeout(PATIENCE).pool_timeout(2 * PATIENCE);
        let config = config.call_timeout(PATIENCE).backoff(PAUSES.0, PAUSES.1);
        let threads = live::threads::<CONNECTIONS, 1024, 1024>(config);
        let tasks = live::tasks::<CONNECTIONS, 1024, 1024>(config);
        let ledgers = (0..2 * WORKERS).map(|who| Ledger::new(who, self.seed));
        let mut ledgers: Vec<_> = ledgers.collect();
        for ledger in &ledgers {
            let (key, base) = (format!("c:{}", ledger.who), ledger.base().to_string());
            assert_eq!(self.server.cli(&["SET", &key, &base]), "OK");
        }

        let runtime = tokio::runtime::Runtime::new().expect("threads for tokio");
        let task_workers: Vec<_> = ledgers
            .drain(WORKERS as usize..)
            .map(|ledger| runtime.spawn(task(tasks, ledger, self.shared.clone())))
            .collect();
        let thread_workers: Vec<_> = ledgers
            .drain(..)
            .map(|ledger| {
                let shared = self.shared.clone();
                thread::spawn(move || worker(threads, ledger, &shared))
            })
            .collect();
        self.kill(kills);
        let of_threads = thread_workers
            .into_iter()
            .map(|worker| worker.join().unwrap());
        let mut of_threads: Vec<_> = of_threads.collect();
        let of_tasks = task_workers
            .into_iter()
            .map(|worker| runtime.block_on(worker).unwrap());
        let mut of_tasks: Vec<_> = of_tasks.collect();

        // Each seat is free, and good for something.
        let mut leases = [(); CONNECTIONS].map(|()| threads.try_get().expect("a free seat"));
        leases
            .iter_mut()
            .for_each(|lease| lease.call(ping()).unwrap());
        drop(leases);
        runtime.block_on(async {
            let mut leases = [(); CONNECTIONS].map(|()| tasks.try_get().expect("a free seat"));
            for lease in &mut leases {
                lease.call(ping()).await.unwrap();
            }
        });
        threads.close(PATIENCE).unwrap();
        runtime.block_on(tasks.close(PATIENCE)).unwrap();
        self.chaos.wait_until_gone();

        let mut keys = 0;
        let mut counted = Vec::new();
        for (ledgers, stats) in [
            (&mut of_threads, threads.stats()),
            (&mut of_tasks, tasks.stats()),
        ] {
            let mut report = Report::default();
            for ledger in ledgers {
                keys += ledger.compare(&self.server);
                report.add(&ledger.report);
                total.recovered_in = total.recovered_in.max(ledger.recovered.unwrap_or(RECOVERY));
            }
            total.report.add(&report);
            counted.push((stats, report));
            total.retries += stats.retries;
            total.timeouts += stats.timeouts;
            total.opened += stats.opened;
        }
        // First what a caller would suffer from; what was only miscounted comes after.
        let wrong = &total.report.wrong;
        assert!(
            wrong.is_empty(),
            "RESPOOL_SEED={}: {} wrong, such as\n{}",
            self.seed,
            wrong.len(),
            wrong[..wrong.len().min(20)].join("\n")
        );
        for (stats, report) in counted {
            add_up(stats, &report);
        }
        assert_eq!(
            self.server.cli(&["DBSIZE"]),
            keys.to_string(),
            "keys that nobody wrote"
        );
        total.network.add(self.chaos.counts());
        assert!(total.recovered_in <= RECOVERY, "{:?}", total.recovered_in);
    }

    /// Kills the server and starts it again, so often; then lets all recover, and stop.
    fn kill(&mut self, times: u64) {
        for _ in 0..times {
            thread::sleep(Duration::from_millis(self.dice.u64(20..800)));
            self.server.kill();
            thread::sleep(Duration::from_millis(self.dice.u64(0..100)));
            self.server.restart();
        }
        self.chaos.calm();
        let revived = Instant::now();
        *self.shared.revived.lock().unwrap() = Some(revived);
        let all = 2 * WORKERS as usize;
        while self.shared.recovered.load(Ordering::SeqCst) < all && revived.elapsed() < RECOVERY {
            thread::sleep(Duration::from_millis(5));
        }
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

/// What a pool counted, once it is closed.
fn add_up(stats: Stats, report: &Report) {
    println!("{stats:?}");
    assert_eq!((stats.open, stats.opened), (0, stats.closed));
    assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
    let because = [
        stats.closed_broken,
        stats.closed_timed_out,
        stats.closed_protocol,
        stats.closed_dropped,
        stats.closed_refused,
    ];
    assert!(because.iter().sum::<u32>() <= stats.closed);
    assert_eq!(stats.closed_protocol, 0);
    assert!(u64::from(stats.answered) >= report.told);
    assert!(u64::from(stats.timeouts) >= report.errors_of("TimedOut"));
    assert_eq!(
        u64::from(stats.wait_timeouts),
        report.errors_of("Pool(WaitTimedOut")
    );
}

impl Shared {
    /// Notes what was said, and rests a little: what is to be shown is not how fast it is.
    fn note(
        &self,
        ledger: &mut Ledger,
        op: Op,
        said: Option<Result<Said, respool::Error>>,
    ) -> Duration {
        let most = match said {
            Some(Err(_)) => 10_000,
            _ => 500,
        };
        let revived = *self.revived.lock().unwrap();
        let before = ledger.recovered;
        ledger.note(op, said, revived);
        if before.is_none() && ledger.recovered.is_some() {
            self.recovered.fetch_add(1, Ordering::SeqCst);
        }
        Duration::from_micros(ledger.dice.u64(0..most))
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }
}

/// What the server says to `op`; written once for both worlds.
macro_rules! ask {
    ($go:ident, $pool:expr, $ledger:expr, $op:expr) => {{
        let who = $ledger.who;
        let key = |n: usize| ("k:", who, ":", n as u64);
        match $op {
            Op::Set(n) => {
                let value = $ledger.value(n);
                $go!($pool.call(set(key(n), value.as_str()))).map(|_| Said::Done)
            }
            Op::Get(n) => $go!($pool.call(get(key(n)).reply())).map(Said::Value),
            Op::Count => $go!($pool.call(incr(("c:", who)))).map(Said::Number),
            Op::Append(n) => {
                let entry = $ledger.entry(n);
                let length = $go!($pool.call(append(("a:", who), entry.as_str()).reply()));
                length.map(Said::Number)
            }
            Op::Push(n) => {
                let entry = $ledger.entry(n);
                let push = raw("RPUSH").arg(("l:", who)).arg(entry.as_str());
                $go!($pool.call(push.reply())).map(Said::Number)
            }
            Op::Both => {
                let name = $ledger.value(0);
                let both = (incr(("c:", who)), echo(name.as_str()).reply());
                $go!($pool.call(both)).map(|(count, echoed)| Said::Both(count, echoed))
            }
            Op::Glance(n) => match $go!($pool.get()) {
                Err(error) => Err(error),
                Ok(mut lease) => {
                    let mut pipeline = lease.pipeline((0..3).map(|_| get(key(n)).text()));
                    let first = $go!(pipeline.next()).expect("three replies");
                    first.map(|value| Said::Value(value.map(String::from)))
                }
            },
        }
    }};
}

fn worker(
    pool: &'static respool::host::Pool<CONNECTIONS>,
    mut ledger: Ledger,
    shared: &Shared,
) -> Ledger {
    while shared.goes_on() {
        let op = ledger.next();
        let said = ask!(as_it_is, pool, ledger, op);
        thread::sleep(shared.note(&mut ledger, op, Some(said)));
    }
    ledger
}

/// Some of its calls are dropped on the way.
async fn task(
    pool: &'static respool::tokio::Pool<CONNECTIONS>,
    mut ledger: Ledger,
    shared: Arc<Shared>,
) -> Ledger {
    while shared.goes_on() {
        let op = ledger.next();
        let patience = match ledger.dice.u8(0..16) {
            0 => Duration::from_micros(ledger.dice.u64(0..5000)),
            _ => Duration::MAX,
        };
        let ask = async { ask!(awaited, pool, ledger, op) };
        let said = tokio::time::timeout(patience, ask).await.ok();
        tokio::time::sleep(shared.note(&mut ledger, op, said)).await;
    }
    ledger
}
