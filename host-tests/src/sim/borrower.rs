//! What the tasks do with the pool: programs as chance writes them.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use respool::command::{exec, get, incr, multi, select, set, unwatch, watch};
use respool::{Command, Error, Lease, Pool};

use super::net::SimLink;
use super::oracle::{Key, Kind};
use super::world::{Cut, World};

pub(super) type SimPool<'w, const SAFE: bool, const N: usize, const W: usize> =
    Pool<'w, NoopRawMutex, SimLink<SAFE>, N, W>;
type SimLease<'p, 'w, const SAFE: bool, const N: usize, const W: usize> =
    Lease<'p, 'w, NoopRawMutex, SimLink<SAFE>, N, W>;

/// One task.
pub(super) struct Borrower<'p, 'w, const SAFE: bool, const N: usize, const W: usize> {
    pub(super) world: World,
    pub(super) pool: &'p SimPool<'w, SAFE, N, W>,
    pub(super) task: usize,
}

impl<const SAFE: bool, const N: usize, const W: usize> Borrower<'_, '_, SAFE, N, W> {
    pub(super) async fn run(self) {
        for _ in 0..self.world.plan().operations {
            let cut = self.chooses_cut();
            if self.world.cut(cut, self.operation()).await.is_none() {
                self.world.note("dropped by task", self.task, 0);
            }
        }
    }

    fn chooses_cut(&self) -> Cut {
        let mut state = self.world.state();
        let drops = state.plan.drops;
        if !state.chance(drops) {
            return Cut::Never;
        }
        match state.rng.u8(0..4) {
            0 => Cut::Time(state.rng.u64(0..60)),
            1 => Cut::Polls(state.rng.u64(0..4)),
            2 => Cut::Polls(state.rng.u64(0..40)),
            _ => Cut::Polls(state.rng.u64(0..400)),
        }
    }

    /// A number below `below`.
    fn any(&self, below: u8) -> u8 {
        self.world.state().rng.u8(0..below)
    }

    fn give(&self, kind: Kind, dbs: u8) -> Key {
        let key = self.world.state().oracle.gives(self.task, kind, dbs);
        let number = u64::from(key.number);
        self.world.note("given by task", self.task, number);
        key
    }

    async fn operation(&self) {
        let _borrow = self.world.borrow();
        let home = 1 << self.world.plan().db;
        match self.any(16) {
            0..=2 => self.read(home).await,
            3..=4 => self.count(home).await,
            5 => self.set(home).await,
            6..=7 => self.several(home).await,
            8..=11 => self.session().await,
            12 => self.at_once().await,
            13 => self.large(home).await,
            14 => match self.any(2) {
                0 => self.pool.disconnect_all(),
                _ => self.pool.disconnect_idle(),
            },
            _ => self.world.sleep(u64::from(self.any(30))).await,
        }
    }

    async fn read(&self, dbs: u8) {
        let key = self.give(Kind::Read, dbs);
        let got = self.pool.call(get(key.to_string()).reply::<String>()).await;
        self.was_read(key, got);
    }

    async fn count(&self, dbs: u8) {
        let key = self.give(Kind::Count, dbs);
        let got = self.pool.call(incr(key.to_string())).await;
        self.was_counted(key, got);
    }

    async fn set(&self, dbs: u8) {
        let key = self.give(Kind::Set, dbs);
        // Often larger than the command window.
        let value = "v".repeat(usize::from(self.any(200)));
        let got = self.pool.call(set(key.to_string(), value)).await;
        match got {
            Ok(()) => self.world.state().oracle.answered(key, true, &"OK"),
            Err(error) => self.failed(&[key], error),
        }
    }

    async fn several(&self, dbs: u8) {
        let keys = [
            self.give(Kind::Count, dbs),
            self.give(Kind::ReadAmong, dbs),
            self.give(Kind::ReadAmong, dbs),
        ];
        let [counted, first, second] = keys.map(|key| key.to_string());
        let request = (incr(counted), get(first).reply(), get(second).reply());
        let got: Result<(i64, String, String), Error> = self.pool.call(request).await;
        match got {
            Ok((counted, first, second)) => {
                self.was_counted(keys[0], Ok(counted));
                self.was_read(keys[1], Ok(first));
                self.was_read(keys[2], Ok(second));
            }
            Err(error) => self.failed(&keys, error),
        }
    }

    async fn large(&self, dbs: u8) {
        let key = self.give(Kind::Large, dbs);
        let got = self.pool.call(get(key.to_string()).reply::<String>()).await;
        self.was_read(key, got);
    }

    async fn at_once(&self) {
        match self.pool.try_get() {
            Ok(mut lease) => {
                let key = self.give(Kind::Read, 1 << self.world.plan().db);
                let got = lease.call(get(key.to_string()).reply::<String>()).await;
                self.was_read(key, got);
            }
            Err(error) => self.world.state().oracle.got_none(error, false),
        }
    }

    /// A lease, and several things with it.
    async fn session(&self) {
        let mut lease = match self.pool.get().await {
            Ok(lease) => lease,
            Err(error) => return self.world.state().oracle.got_none(error, true),
        };
        self.world.note("lent to task", self.task, 0);
        let mut dbs = 1 << self.world.plan().db;
        for _ in 0..=self.any(4) {
            match self.any(8) {
                0..=1 => self.read_on(&mut lease, dbs).await,
                2 => {
                    let key = self.give(Kind::Count, dbs);
                    let got = lease.call(incr(key.to_string())).await;
                    self.was_counted(key, got);
                }
                3 => self.select(&mut lease, &mut dbs).await,
                4..=5 => self.transaction(&mut lease, dbs).await,
                6 => self.pipeline(&mut lease, dbs).await,
                // The next borrower must not find what this one began.
                _ => return self.leave_open(&mut lease).await,
            }
        }
        self.world.note("given back by task", self.task, 0);
    }

    async fn read_on(&self, lease: &mut SimLease<'_, '_, SAFE, N, W>, dbs: u8) {
        let key = self.give(Kind::Read, dbs);
        let got = lease.call(get(key.to_string())).await;
        let got = got.map(|bytes| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned());
        self.was_read(key, got);
    }

    async fn select(&self, lease: &mut SimLease<'_, '_, SAFE, N, W>, dbs: &mut u8) {
        let db = self.any(4);
        *dbs |= 1 << db;
        match lease.call(select(u32::from(db))).await {
            Ok(()) => *dbs = 1 << db,
            Err(error) => self.failed(&[], error),
        }
    }

    async fn transaction(&self, lease: &mut SimLease<'_, '_, SAFE, N, W>, dbs: u8) {
        let shared = Key {
            kind: Kind::Shared,
            task: 0,
            number: u16::from(self.any(2)),
        };
        let shared = shared.to_string();
        if let Err(error) = lease.call(watch(shared.as_str())).await {
            return self.failed(&[], error);
        }
        if self.any(2) == 0 {
            match lease.call(get(shared.as_str())).await {
                Ok(_) => {}
                Err(error) => self.failed(&[], error),
            }
        }
        let key = self.give(Kind::Guarded, dbs);
        let request = (
            multi(),
            set(shared.as_str(), "changed"),
            // What is queued is answered with a word.
            incr(key.to_string()).reply::<()>(),
            exec().reply::<Option<((), i64)>>(),
        );
        let got = lease.call(request).await.map(|(.., ran)| ran);
        match got {
            Ok(Some(((), number))) => self.was_counted(key, Ok(number)),
            Ok(None) => self.world.state().oracle.gave_way(key),
            Err(error) => self.failed(&[key], error),
        }
    }

    async fn pipeline(&self, lease: &mut SimLease<'_, '_, SAFE, N, W>, dbs: u8) {
        let count = usize::from(self.any(6));
        let keys: Vec<Key> = (0..count)
            .map(|_| self.give(Kind::ReadAmong, dbs))
            .collect();
        let commands = keys
            .iter()
            .map(|key| get(key.to_string()).reply::<String>());
        let mut replies = lease.pipeline(commands);
        let mut answered = 0;
        while let Some(got) = replies.next().await {
            let Some(key) = keys.get(answered) else {
                let why = format!("a pipeline of {count} answered {got:?} in addition");
                return self.world.state().oracle.accuse(why);
            };
            answered += 1;
            match got {
                Ok(value) => self.was_read(*key, Ok(value)),
                Err(error) => {
                    let ends = error.code().is_none();
                    self.failed(&[*key], error);
                    if ends {
                        return;
                    }
                }
            }
        }
        if answered < count {
            let why = format!("a pipeline of {count} ended after {answered}");
            self.world.state().oracle.accuse(why);
        }
    }

    async fn leave_open(&self, lease: &mut SimLease<'_, '_, SAFE, N, W>) {
        let began = match self.any(4) {
            0 => lease.call(watch("w0:0")).await,
            1 => lease.call(multi()).await,
            2 => lease.call((watch("w0:1"), multi())).await.map(|_| ()),
            _ => lease.call((watch("w0:1"), unwatch())).await.map(|_| ()),
        };
        if let Err(error) = began {
            self.failed(&[], error);
        }
    }

    fn was_read(&self, key: Key, got: Result<String, Error>) {
        let value = match got {
            Ok(value) => value,
            Err(error) => return self.failed(&[key], error),
        };
        let right = (0..8).any(|db| key.value(db) == value);
        self.world.state().oracle.answered(key, right, &value);
    }

    fn was_counted(&self, key: Key, got: Result<i64, Error>) {
        let number = match got {
            Ok(number) => number,
            Err(error) => return self.failed(&[key], error),
        };
        let right = (1..99).any(|n| key.count(n) == number);
        self.world.state().oracle.answered(key, right, &number);
    }

    fn failed(&self, keys: &[Key], error: Error) {
        self.world
            .note("failed for task", self.task, keys.len() as u64);
        self.world.state().oracle.failed(keys, error);
    }
}
