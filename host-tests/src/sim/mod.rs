//! Deterministic simulation: the real pool, its connections and its drivers, over a network and a
//! server that are made up, with a clock that is moved and a scheduler that draws lots, all in one
//! thread and all from one number, the seed.
//!
//! From the seed comes in which of both worlds it is, async or blocking, what the tasks do and when
//! they are dropped, in which pieces and how late bytes move, at which byte a stream breaks or falls
//! silent, when the server restarts, forgets a login or is late, what it says unasked, and when the
//! pool is closed. An oracle knows each command by a key of its own. It accuses:
//!
//! - an answer that is another command's, or was given without the command having run,
//! - a command that ran twice, or ran though its caller was told that it was not sent or was
//!   refused, or on a wrong database, or in a transaction that nothing guarded,
//! - an error that nothing in the run explains, or that comes before its time,
//! - a call, a wait for a connection or a closing that takes longer than the settings allow,
//! - a closed pool that lends something, or keeps a connection,
//! - two borrowers on one stream, a link that is misused, a server that is told what is no command,
//! - a question within a transaction whether the server is there,
//! - a run in which nobody can go on, tasks are polled without end, or seats are missing at the end.
//!
//! The same seed gives the same run, and the same digest of all that happened.

mod borrower;
mod door;
mod link;
mod log;
mod net;
mod oracle;
mod plan;
mod server;
mod world;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use respool::config::{Protocol, SkipBudget};
use respool::io::Blocking;
use respool::planted::{self, Fault};
use respool::{Config, PoolResources};

pub use log::Telling;
pub use oracle::Figures;

use borrower::Borrower;
use door::{BlockingPool, Door, SimPool};
use link::SimLink;
use oracle::{CALL, CONNECT, WAIT};
use plan::Plan;
use world::World;

/// What came of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// What stands for all that happened.
    pub digest: u64,
    /// What is wrong, if anything.
    pub wrong: Option<String>,
    /// The last lines of its log, where they were asked for.
    pub last: Vec<String>,
    /// Its numbers.
    pub figures: Figures,
}

/// Polls of which none lets time pass: more is a busy loop.
const BUSY: u64 = 300_000;
/// Milliseconds that a run may take in its own time: more is a wait that does not end.
const LONG: u64 = 3_600_000;

/// Runs what comes of `seed`.
pub fn run(seed: u64, telling: Telling) -> Run {
    let world = World::new(seed, telling);
    let plan = world.plan();
    if telling == Telling::All {
        println!("seed {seed}: {plan:#?}");
    }
    match (plan.cancel_safe, plan.size) {
        (true, 0) => play::<true, 1, 8>(&world),
        (true, 1) => play::<true, 2, 2>(&world),
        (true, _) => play::<true, 3, 8>(&world),
        (false, 0) => play::<false, 1, 8>(&world),
        (false, 1) => play::<false, 2, 2>(&world),
        (false, _) => play::<false, 3, 8>(&world),
    }
    let mut state = world.state();
    state.oracle.ends();
    Run {
        seed,
        digest: state.log.digest(),
        wrong: state.oracle.verdict().map(str::to_owned),
        last: state.log.take_last(),
        figures: state.oracle.figures,
    }
}

fn play<const SAFE: bool, const N: usize, const W: usize>(world: &World) {
    let plan = world.plan();
    let mut resources = PoolResources::<N, 512, 64>::new();
    let first = SimLink::new(world);
    let links: [SimLink<SAFE>; N] = std::array::from_fn(|_| match planted::is(Fault::SeatTwice) {
        true => first.twin(),
        false => SimLink::new(world),
    });
    match plan.blocking {
        false => {
            let pool = SimPool::<SAFE, N, W>::new(&mut resources, links, settings(plan));
            perform(world, &pool);
        }
        true => {
            let links = links.map(Blocking);
            let pool = BlockingPool::<SAFE, N, W>::new(&mut resources, links, settings(plan));
            perform(world, &pool);
        }
    }
}

fn perform<D: Door>(world: &World, pool: &D) {
    let plan = world.plan();
    let borrower = |task| Borrower {
        world: world.clone(),
        pool,
        task,
    };
    let tasks = (1..=plan.tasks).map(|task| Box::pin(borrower(task).run()) as Task<'_>);
    let closer = plan
        .closes
        .then(|| Box::pin(borrower(plan.tasks + 1).close()) as Task<'_>);
    schedule(world, tasks.chain(closer).collect());
    // What is on its way arrives; nothing of it may run that should not.
    while world.state().oracle.verdict().is_none() && world.pass_time() {}
    if world.state().oracle.verdict().is_none() {
        inspect(world, pool);
    }
}

type Task<'t> = Pin<Box<dyn Future<Output = ()> + 't>>;

/// Polls the tasks, in the order in which lots are drawn, until all have come to their end.
fn schedule(world: &World, tasks: Vec<Task<'_>>) {
    let mut tasks: Vec<Option<Task<'_>>> = tasks.into_iter().map(Some).collect();
    let flags: Vec<Arc<Flag>> = tasks.iter().map(|_| Arc::new(Flag::woken())).collect();
    let wakers: Vec<Waker> = flags.iter().cloned().map(Waker::from).collect();
    let plan = world.plan();
    let mut since = 0;
    loop {
        let alive = || (0..tasks.len()).filter(|task| tasks[*task].is_some());
        if world.state().oracle.verdict().is_some() || alive().next().is_none() {
            return;
        }
        let mut state = world.state();
        let any = plan.spurious && state.chance(5);
        let can = |task: &usize| any || flags[*task].0.load(Ordering::Relaxed);
        let count = alive().filter(can).count();
        let next = match count {
            0 => None,
            _ => alive().filter(can).nth(state.rng.usize(0..count)),
        };
        let hurries = plan.hurried && state.chance(3);
        drop(state);
        if next.is_none() || hurries {
            let before = world.state().now;
            let passed = world.pass_time();
            let mut state = world.state();
            if state.now > before {
                since = 0;
            }
            if !passed && next.is_none() {
                let waiting: Vec<_> = alive().map(|task| task + 1).collect();
                state
                    .oracle
                    .accuse(format!("nobody can go on: tasks {waiting:?} wait for ever"));
            } else if state.now > LONG {
                state.oracle.accuse("it takes an hour".into());
            }
        }
        let Some(next) = next else {
            continue;
        };
        since += 1;
        flags[next].0.store(false, Ordering::Relaxed);
        {
            let mut state = world.state();
            state.task = next + 1;
            state.oracle.figures.polls += 1;
            state.note("polled", next + 1, 0);
            if since > BUSY {
                state
                    .oracle
                    .accuse(format!("a busy loop, of task {} among others", next + 1));
            }
        }
        let mut context = Context::from_waker(&wakers[next]);
        if let Some(task) = &mut tasks[next]
            && task.as_mut().poll(&mut context) == Poll::Ready(())
        {
            tasks[next] = None;
        }
    }
}

/// What has to hold when nobody borrows any more.
fn inspect<D: Door>(world: &World, pool: &D) {
    let leases: Vec<_> = (0..=D::SEATS).map(|_| pool.try_get()).collect();
    let lent = leases.iter().filter(|lease| lease.is_ok()).count();
    drop(leases);
    let stats = pool.stats();
    let mut context = Context::from_waker(Waker::noop());
    // It has nobody to wait for, and no time.
    let closed = std::pin::pin!(pool.close(Duration::ZERO)).poll(&mut context);
    let at_last = pool.stats();
    let still_open = at_last.open;
    let mut state = world.state();
    let expected = if state.oracle.is_closed() {
        0
    } else {
        D::SEATS
    };
    if lent != expected {
        let why = format!("{lent} of {expected} seats are free at the end");
        state.oracle.accuse(why);
    }
    if stats.opened != stats.open + stats.closed {
        state
            .oracle
            .accuse(format!("the numbers do not add up: {stats:?}"));
    }
    // Nothing is lent, and what a closed connection owed is lost.
    let came = [at_last.answered, at_last.skipped, at_last.lost];
    if at_last.sent != came.into_iter().fold(0, u32::wrapping_add) {
        state
            .oracle
            .accuse(format!("replies are unaccounted for: {at_last:?}"));
    }
    if closed != Poll::Ready(Ok(())) || still_open != 0 {
        state.oracle.accuse(format!(
            "{still_open} connections stay open, and closing the pool is {closed:?}"
        ));
    }
}

fn settings(plan: Plan) -> Config<'static> {
    let mut config = Config::new().db(u32::from(plan.db));
    if plan.password {
        config = config.password("secret");
    }
    if !plan.wants_resp3 {
        config = config.protocol(Protocol::Resp2);
    }
    let millis = Duration::from_millis;
    config = config
        .retry(plan.retry)
        .retries(plan.retries)
        .retry_on_timeout(plan.retries_late)
        .backoff(millis(plan.backoff), millis(plan.backoff * 8))
        .seed(plan.seed)
        .retry_for(millis(plan.retry_for))
        .skip_budget(SkipBudget {
            replies: plan.skips.0,
            time: millis(plan.skips.1),
            ..SkipBudget::DEFAULT
        });
    if plan.upkeep {
        config = config
            .health_check_interval(millis(20))
            .max_idle(millis(60))
            .max_lifetime(millis(200));
    }
    if plan.timeouts {
        config
            .connect_timeout(millis(CONNECT))
            .call_timeout(millis(CALL))
            .pool_timeout(millis(WAIT))
    } else {
        config
            .no_connect_timeout()
            .no_call_timeout()
            .no_pool_timeout()
    }
}

/// A waker that remembers being woken.
struct Flag(AtomicBool);

impl Flag {
    fn woken() -> Self {
        Self(AtomicBool::new(true))
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
