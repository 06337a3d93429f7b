//! What the tasks do with the pool: programs as chance writes them.

use std::time::Duration;

use respool::command::{After, blpop, exec, get, incr, multi, select, set, unwatch, watch, xread};
use respool::resp::Owned;
use respool::{Command, Error, Request};

use super::door::{Answer, Desk, Door};
use super::oracle::{Key, Kind, Wish};
use super::world::{Cut, World};

/// One task.
pub(super) struct Borrower<'p, D> {
    pub(super) world: World,
    pub(super) pool: &'p D,
    pub(super) task: usize,
}

/// As the settings have it.
const PLAIN: Wish = Wish {
    limit: None,
    waits: Some(0),
};

impl<D: Door> Borrower<'_, D> {
    pub(super) async fn run(self) {
        for _ in 0..self.world.plan().operations {
            let cut = self.chooses_cut();
            if self.world.cut(cut, self.operation()).await.is_none() {
                self.world.note("dropped by task", self.task, 0);
            }
        }
    }

    /// Closes the pool, some time.
    pub(super) async fn close(self) {
        let (after, limit) = (self.any_time(300), self.any_time(300));
        self.world.sleep(after).await;
        let cut = self.chooses_cut();
        let closing = async {
            let _borrow = self.world.borrow();
            let began = self.world.now_millis();
            self.world.state().oracle.closes();
            self.world.note("closed, within ms", 0, limit);
            let got = self.pool.close(Duration::from_millis(limit)).await;
            let span = self.world.now_millis() - began;
            self.world.state().oracle.was_closed(limit, span, got);
        };
        self.world.cut(cut, closing).await;
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

    /// Milliseconds, fewer than `below`.
    fn any_time(&self, below: u64) -> u64 {
        self.world.state().rng.u64(0..below)
    }

    /// A call with a limit of its own, perhaps.
    fn any_wish(&self) -> Wish {
        let mut state = self.world.state();
        let limit = match state.plan.limits && state.rng.bool() {
            true => Some(state.rng.u64(1..400)),
            false => None,
        };
        Wish { limit, ..PLAIN }
    }

    /// The same for a command that waits. For ever only where all is answered some time.
    fn any_wait(&self) -> (Wish, u64) {
        let for_ever = self.world.plan().stalls == 0 && self.any(6) == 0;
        let millis = if for_ever { 0 } else { 1 + self.any_time(80) };
        let waits = (!for_ever).then_some(millis);
        let wish = self.any_wish();
        (Wish { waits, ..wish }, millis)
    }

    /// One call of the pool, and whether it ends in time.
    async fn call<R: Request>(&self, request: R, wish: Wish) -> Answer<R>
    where
        R::Reply: Owned,
    {
        let began = self.world.now_millis();
        let got = match wish.limit {
            Some(limit) => {
                let request = request.timeout(Duration::from_millis(limit));
                self.pool.call(request).await
            }
            None => self.pool.call(request).await,
        };
        self.took(wish, true, began, got.as_ref().err());
        got
    }

    fn took(&self, wish: Wish, pooled: bool, began: u64, error: Option<&Error>) {
        let span = self.world.now_millis() - began;
        let mut state = self.world.state();
        state.oracle.took(wish, pooled, span, error.copied());
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
        match self.any(20) {
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
            15 => self.set_the_same(home).await,
            16 => self.set_two_the_same(home).await,
            17..=18 => self.pop(home).await,
            _ => {
                // Others lie idle for that long.
                let most = if self.world.plan().upkeep { 100 } else { 30 };
                self.world.sleep(self.any_time(most)).await;
            }
        }
    }

    async fn read(&self, dbs: u8) {
        let key = self.give(Kind::Read, dbs);
        let request = get(key.to_string()).reply::<String>();
        let got = self.call(request, self.any_wish()).await;
        self.was_read(key, got);
    }

    async fn count(&self, dbs: u8) {
        let key = self.give(Kind::Count, dbs);
        let got = self.call(incr(key.to_string()), self.any_wish()).await;
        self.was_counted(key, got);
    }

    async fn set(&self, dbs: u8) {
        let key = self.give(Kind::Set, dbs);
        // Often larger than the command window.
        let value = key.named(&"v".repeat(usize::from(self.any(200))));
        let request = set(key.to_string(), value).get().reply::<String>();
        let got = self.call(request, PLAIN).await;
        self.was_set(&[key], got.map(|before| [before]));
    }

    async fn set_the_same(&self, dbs: u8) {
        let key = self.give(Kind::Same, dbs);
        let request = set(key.to_string(), key.value(0)).get().reply::<String>();
        let got = self.call(request.idempotent(), self.any_wish()).await;
        self.was_set(&[key], got.map(|before| [before]));
    }

    async fn set_two_the_same(&self, dbs: u8) {
        let keys = [self.give(Kind::Same, dbs), self.give(Kind::Same, dbs)];
        let [one, two] = keys.map(|key| {
            let request = set(key.to_string(), key.value(0)).get();
            request.reply::<String>()
        });
        let got = self.call((one, two).idempotent(), self.any_wish()).await;
        self.was_set(&keys, got.map(<[String; 2]>::from));
    }

    async fn pop(&self, dbs: u8) {
        let key = self.give(Kind::Pop, dbs);
        let (wish, millis) = self.any_wait();
        let request = blpop(key.to_string(), millis).reply::<Option<(String, String)>>();
        let got = self.call(request, wish).await;
        self.was_awaited(key, got);
    }

    async fn several(&self, dbs: u8) {
        let keys = [
            self.give(Kind::Count, dbs),
            self.give(Kind::ReadAmong, dbs),
            self.give(Kind::ReadAmong, dbs),
        ];
        let [counted, first, second] = keys.map(|key| key.to_string());
        let request = (incr(counted), get(first).reply(), get(second).reply());
        let got: Result<(i64, String, String), Error> = self.call(request, PLAIN).await;
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
        let request = get(key.to_string()).reply::<String>();
        let got = self.call(request, PLAIN).await;
        self.was_read(key, got);
    }

    async fn at_once(&self) {
        match self.pool.try_get() {
            Ok(mut lease) => {
                self.world.state().oracle.lends();
                self.read_on(&mut lease, 1 << self.world.plan().db).await;
            }
            Err(error) => self.world.state().oracle.got_none(error, false),
        }
    }

    /// A lease, and several things with it.
    async fn session(&self) {
        let began = self.world.now_millis();
        let got = self.pool.get().await;
        let span = self.world.now_millis() - began;
        self.world.state().oracle.waited(span);
        let mut lease = match got {
            Ok(lease) => lease,
            Err(error) => return self.world.state().oracle.got_none(error, true),
        };
        self.world.state().oracle.lends();
        self.world.note("lent to task", self.task, 0);
        let mut dbs = 1 << self.world.plan().db;
        for _ in 0..=self.any(4) {
            match self.any(11) {
                0..=1 => self.read_on(&mut lease, dbs).await,
                2 => {
                    let key = self.give(Kind::Count, dbs);
                    let began = self.world.now_millis();
                    let got = lease.call(incr(key.to_string())).await;
                    self.took(PLAIN, false, began, got.as_ref().err());
                    self.was_counted(key, got);
                }
                3 => self.select(&mut lease, &mut dbs).await,
                4..=5 => self.transaction(&mut lease, dbs).await,
                6 => self.pipeline(&mut lease, dbs).await,
                7 => self.pop_on(&mut lease, dbs).await,
                8 => self.feed_on(&mut lease, dbs).await,
                9 => {
                    self.at_once().await;
                    self.world.borrow_anew();
                }
                // The next borrower must not find what this one began.
                _ => return self.leave_open(&mut lease).await,
            }
        }
        self.world.note("given back by task", self.task, 0);
    }

    async fn read_on(&self, lease: &mut D::Desk<'_>, dbs: u8) {
        let key = self.give(Kind::Read, dbs);
        let began = self.world.now_millis();
        let got = lease.call(get(key.to_string())).await;
        self.took(PLAIN, false, began, got.as_ref().err());
        let got = got.map(|bytes| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned());
        self.was_read(key, got);
    }

    async fn pop_on(&self, lease: &mut D::Desk<'_>, dbs: u8) {
        let keys = [self.give(Kind::Count, dbs), self.give(Kind::Pop, dbs)];
        let (wish, millis) = self.any_wait();
        let [counted, popped] = keys.map(|key| key.to_string());
        let request = (incr(counted), blpop(popped, millis).text());
        let began = self.world.now_millis();
        let got = match wish.limit {
            Some(limit) => {
                let request = request.timeout(Duration::from_millis(limit));
                lease.call(request).await
            }
            None => lease.call(request).await,
        };
        self.took(wish, false, began, got.as_ref().err());
        match got {
            Ok((counted, popped)) => {
                self.was_counted(keys[0], Ok(counted));
                let popped = popped.map(|(list, value)| (list.to_owned(), value.to_owned()));
                self.was_awaited(keys[1], Ok(popped));
            }
            Err(error) => self.failed(&keys, error),
        }
    }

    async fn feed_on(&self, lease: &mut D::Desk<'_>, dbs: u8) {
        let key = self.give(Kind::Feed, dbs);
        let (wish, millis) = self.any_wait();
        let wish = Wish {
            limit: None,
            ..wish
        };
        let request = xread([(key.to_string(), After::New)]).block(millis).text();
        let began = self.world.now_millis();
        let got = lease.call(request).await;
        self.took(wish, false, began, got.as_ref().err());
        let got = got.map(|streams| {
            let (stream, mut entries) = streams?.next()?.ok()?;
            let (_, mut fields) = entries.next()?.ok()?;
            let (_, value) = fields.next()?.ok()?;
            Some((stream.to_owned(), value.to_owned()))
        });
        self.was_awaited(key, got);
    }

    async fn select(&self, lease: &mut D::Desk<'_>, dbs: &mut u8) {
        let db = self.any(4);
        *dbs |= 1 << db;
        self.world.state().selects[self.task] = true;
        let got = lease.call(select(u32::from(db)).reply::<String>()).await;
        if self.were_ok(got.map(|word| vec![word])) {
            *dbs = 1 << db;
        }
        self.world.state().selects[self.task] = false;
    }

    async fn transaction(&self, lease: &mut D::Desk<'_>, dbs: u8) {
        let shared = Key {
            kind: Kind::Shared,
            task: 0,
            number: u16::from(self.any(2)),
        };
        let watching = lease.call(watch(shared.to_string()).reply::<String>());
        if !self.were_ok(watching.await.map(|word| vec![word])) {
            return;
        }
        if self.any(2) == 0 {
            match lease.call(get(shared.to_string()).reply::<String>()).await {
                Ok(value) => self.names(shared, &value),
                Err(error) => self.failed(&[], error),
            }
        }
        // Who hesitates is still within it.
        let hesitates = self.any(3) == 0;
        if hesitates {
            let began = lease.call(multi().reply::<String>()).await;
            if !self.were_ok(began.map(|word| vec![word])) {
                return;
            }
            let span = self.any_time(60);
            match self.world.plan().blocking {
                // A thread that waits keeps all others from going on.
                true => {
                    let end = self.world.now_millis() + span;
                    let _ = self.world.block_until(end, u64::MAX);
                }
                false => self.world.sleep(span).await,
            }
        }
        let key = self.give(Kind::Guarded, dbs);
        // What is queued is answered with a word.
        let change = set(shared.to_string(), shared.named("changed"));
        let rest = (
            change.get().reply::<String>(),
            incr(key.to_string()).reply::<String>(),
            exec().reply::<Option<(String, i64)>>(),
        );
        let got = match hesitates {
            true => lease.call(rest).await,
            false => {
                let request = (multi().reply::<String>(), rest.0, rest.1, rest.2);
                let got = lease.call(request).await;
                got.map(|(begun, changed, counted, ran)| {
                    self.says("OK", &begun);
                    (changed, counted, ran)
                })
            }
        };
        let ran = match got {
            Ok((changed, counted, ran)) => {
                self.says("QUEUED", &changed);
                self.says("QUEUED", &counted);
                ran
            }
            Err(error) => return self.failed(&[key], error),
        };
        match ran {
            Some((before, number)) => {
                self.names(shared, &before);
                self.was_counted(key, Ok(number));
            }
            None => self.world.state().oracle.came_to_nothing(key),
        }
    }

    async fn pipeline(&self, lease: &mut D::Desk<'_>, dbs: u8) {
        let count = usize::from(self.any(6));
        let keys: Vec<Key> = (0..count)
            .map(|_| self.give(Kind::ReadAmong, dbs))
            .collect();
        // Some leave before the end.
        let patience = match self.any(3) {
            0 => usize::from(self.any(6)),
            _ => usize::MAX,
        };
        let (mut answered, mut broke) = (0, false);
        let take = |got: Result<String, Error>| {
            let Some(key) = keys.get(answered) else {
                let why = format!("a pipeline of {count} answered {got:?} in addition");
                self.world.state().oracle.accuse(why);
                return false;
            };
            answered += 1;
            broke = got.as_ref().is_err_and(|error| error.code().is_none());
            self.was_read(*key, got);
            !broke && answered < patience
        };
        lease.read(&keys, take).await;
        if answered < count.min(patience) && !broke {
            let why = format!("a pipeline of {count} ended after {answered}");
            self.world.state().oracle.accuse(why);
        }
    }

    async fn leave_open(&self, lease: &mut D::Desk<'_>) {
        let watches = |key: &'static str| watch(key).reply::<String>();
        let multi = multi().reply::<String>();
        let unwatch = unwatch().reply::<String>();
        let began = match self.any(4) {
            0 => lease.call(watches("w0:0")).await.map(|one| vec![one]),
            1 => lease.call(multi).await.map(|one| vec![one]),
            2 => {
                let got = lease.call((watches("w0:1"), multi)).await;
                got.map(|(one, two)| vec![one, two])
            }
            _ => {
                let got = lease.call((watches("w0:1"), unwatch)).await;
                got.map(|(one, two)| vec![one, two])
            }
        };
        self.were_ok(began);
    }

    /// Whether commands that have no key were told `OK`.
    fn were_ok(&self, got: Result<Vec<String>, Error>) -> bool {
        match &got {
            Ok(words) => words.iter().for_each(|word| self.says("OK", word)),
            Err(error) => self.failed(&[], *error),
        }
        got.is_ok()
    }

    fn says(&self, expected: &str, word: &str) {
        if word != expected {
            let why = format!("{expected} was to come, and {word:?} came");
            self.world.state().oracle.accuse(why);
        }
    }

    /// What many set is any of theirs, but no other key's.
    fn names(&self, key: Key, value: &str) {
        if !key.is_named_by(value) {
            let why = format!("{key} was answered {value:?}");
            self.world.state().oracle.accuse(why);
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

    /// The answers are what stood there before.
    fn was_set<const N: usize>(&self, keys: &[Key; N], got: Result<[String; N], Error>) {
        let values = match got {
            Ok(values) => values,
            Err(error) => return self.failed(keys, error),
        };
        for (key, before) in keys.iter().zip(values) {
            let right = key.is_named_by(&before);
            self.world.state().oracle.answered(*key, right, &before);
        }
    }

    fn was_awaited(&self, key: Key, got: Result<Option<(String, String)>, Error>) {
        match got {
            Ok(None) => self.world.state().oracle.came_to_nothing(key),
            Ok(Some((name, value))) => {
                let value = if name == key.to_string() { value } else { name };
                self.was_read(key, Ok(value));
            }
            Err(error) => self.failed(&[key], error),
        }
    }

    fn failed(&self, keys: &[Key], error: Error) {
        self.world
            .note("failed for task", self.task, keys.len() as u64);
        self.world.state().oracle.failed(keys, error);
    }
}
