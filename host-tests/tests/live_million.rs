//! A million commands of eight threads on four connections, whose keys and values name their
//! caller: none is answered with another's, and what the client counted is what the server counted.
//!
//! `RESPOOL_COMMANDS` says how many; 50 000 unless told.

use std::thread;
use std::time::{Duration, Instant};

use host_tests::live::{self, Clients, commands_processed, info, tcp};
use host_tests::redis::RedisServer;
use respool::Command;
use respool::command::*;
use respool::host::Pool;

const WORKERS: u64 = 8;
const CONNECTIONS: usize = 4;
/// Commands of a pipeline.
const BATCH: u64 = 50;
/// Keys of a worker.
const KEYS: u64 = 200;

#[test]
fn a_million_commands() {
    let total: u64 = match std::env::var("RESPOOL_COMMANDS") {
        Ok(number) => number.parse().expect("RESPOOL_COMMANDS is a number"),
        Err(_) => 50_000,
    };
    let server = RedisServer::start();
    let pool = live::threads::<CONNECTIONS, 1024, 1024>(tcp(&server));
    server.cli(&["CONFIG", "RESETSTAT"]);

    let begin = Instant::now();
    let sent = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|number| {
                // All of them together send exactly as many as were asked for.
                let share = total / WORKERS + u64::from(number < total % WORKERS);
                scope.spawn(move || Worker::new(pool, number).work(share))
            })
            .collect();
        let sent = workers.into_iter().map(|worker| worker.join().unwrap());
        sent.fold(Sent::default(), Sent::and)
    });
    println!("{sent:?} in {:?}; {:?}", begin.elapsed(), pool.stats());
    assert_eq!(sent.sets + sent.gets + sent.incrs + sent.echoes, total);

    // What the server ran.
    let ran = commands_processed(&server);
    assert_eq!(ran["set"], sent.sets);
    assert_eq!(ran["get"], sent.gets);
    assert_eq!(ran["incr"], sent.incrs);
    assert_eq!(ran["echo"], sent.echoes);
    assert_eq!(ran["hello"], CONNECTIONS as u64);
    // What it refused: of each login the names, where the server is too old for them.
    let refused = info(&server, "errorstats");
    let refused: u64 = match refused.get("errorstat_ERR") {
        Some(count) => count.trim_start_matches("count=").parse().unwrap(),
        None => 0,
    };
    let named = ran.get("client|setinfo").copied().unwrap_or(0);
    assert_eq!(refused.max(named), 2 * CONNECTIONS as u64);

    // What the client says of it.
    let stats = pool.stats();
    let logins = ran["hello"] + refused.max(named);
    assert_eq!(u64::from(stats.sent), total + logins);
    assert_eq!(stats.sent, stats.answered + stats.skipped + stats.lost);
    assert_eq!((stats.skipped, stats.lost, stats.retries), (0, 0, 0));
    assert_eq!(Clients::of(&server).count(), stats.open as usize);
    assert_eq!((stats.opened, stats.open, stats.closed), (4, 4, 0));
    assert!(
        stats.waits > 0,
        "eight workers never had to wait for four connections"
    );

    pool.close(Duration::from_secs(5)).unwrap();
    Clients::wait_for(&server, 0);
    let stats = pool.stats();
    assert_eq!((stats.opened, stats.open, stats.closed), (4, 0, 4));
}

/// How many commands of each kind were sent.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    sets: u64,
    gets: u64,
    incrs: u64,
    echoes: u64,
}

impl Sent {
    fn and(self, other: Self) -> Self {
        Self {
            sets: self.sets + other.sets,
            gets: self.gets + other.gets,
            incrs: self.incrs + other.incrs,
            echoes: self.echoes + other.echoes,
        }
    }

    fn sum(self) -> u64 {
        self.sets + self.gets + self.incrs + self.echoes
    }
}

/// One caller, which knows what each of its keys holds.
struct Worker {
    pool: &'static Pool<CONNECTIONS>,
    number: u64,
    /// What was last written to each key; 0 for nothing.
    written: Vec<u64>,
    clock: u64,
    sent: Sent,
}

impl Worker {
    fn new(pool: &'static Pool<CONNECTIONS>, number: u64) -> Self {
        Self {
            pool,
            number,
            written: vec![0; KEYS as usize],
            clock: 0,
            sent: Sent::default(),
        }
    }

    /// Sends exactly so many commands.
    fn work(mut self, count: u64) -> Sent {
        let mut round = 0;
        while self.sent.sum() < count {
            let left = count - self.sent.sum();
            match round % 4 {
                0 if left >= BATCH => self.write_batch(),
                1 if left >= BATCH => self.read_batch(),
                2 if left >= 22 => self.talk(),
                _ => self.read(round),
            }
            round += 1;
        }
        self.sent
    }

    /// The value that this worker wrote as its n-th, by its text.
    fn value(&self, n: u64) -> Option<String> {
        (n > 0).then(|| format!("w{}:{n}", self.number))
    }

    /// Writes many keys in one pipeline, and learns what each held before.
    fn write_batch(&mut self) {
        let first = self.clock + 1;
        self.clock += BATCH;
        let (number, clock) = (self.number, first..first + BATCH);
        let commands = clock.clone().map(|n| {
            let (key, value) = (("k", number, ":", n % KEYS), ("w", number, ":", n));
            set(key, value).get().text()
        });
        let mut lease = self.pool.get().unwrap();
        let mut pipeline = lease.pipeline(commands);
        for n in clock {
            let before = pipeline.next().expect("a reply").unwrap();
            let held = self.written[(n % KEYS) as usize];
            assert_eq!(before, self.value(held).as_deref());
            self.written[(n % KEYS) as usize] = n;
        }
        assert!(pipeline.next().is_none());
        self.sent.sets += BATCH;
    }

    /// Reads many keys in one pipeline.
    fn read_batch(&mut self) {
        let (number, from) = (self.number, self.clock % KEYS);
        let keys = (from..from + BATCH).map(|n| n % KEYS);
        let commands = keys.clone().map(|n| get(("k", number, ":", n)).text());
        let mut lease = self.pool.get().unwrap();
        let mut pipeline = lease.pipeline(commands);
        for n in keys {
            let value = pipeline.next().expect("a reply").unwrap();
            assert_eq!(value, self.value(self.written[n as usize]).as_deref());
        }
        assert!(pipeline.next().is_none());
        self.sent.gets += BATCH;
    }

    /// Calls one by one, on whatever connection is free, and two at a time.
    fn talk(&mut self) {
        for _ in 0..5 {
            self.clock += 1;
            let n = self.clock;
            let (key, value) = (
                ("k", self.number, ":", n % KEYS),
                ("w", self.number, ":", n),
            );
            self.pool.call(set(key, value)).unwrap();
            self.written[(n % KEYS) as usize] = n;
            self.sent.sets += 1;
            self.read(n);
        }
        for _ in 0..6 {
            let name = ("I am ", self.number, " at ", self.clock);
            let counter = ("n", self.number);
            let (count, echoed) = self
                .pool
                .call((incr(counter), echo(name).reply::<String>()))
                .unwrap();
            self.sent.incrs += 1;
            self.sent.echoes += 1;
            assert_eq!(count as u64, self.sent.incrs);
            assert_eq!(echoed, format!("I am {} at {}", self.number, self.clock));
        }
    }

    fn read(&mut self, n: u64) {
        let key = ("k", self.number, ":", n % KEYS);
        let value: Option<String> = self.pool.call(get(key).reply()).unwrap();
        assert_eq!(value, self.value(self.written[(n % KEYS) as usize]));
        self.sent.gets += 1;
    }
}
