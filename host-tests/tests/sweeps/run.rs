//! One run: an operation under its fault, then two more borrowers of the same pool, and what has to
//! hold whatever happened.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use respool::config;
use respool::config::{Config, Retry};
use respool::error::PoolError;
use respool::io::Blocking;
use respool::io::scripted::{self, TestClock, Wrong};
use respool::time::Clock;
use respool::{Error, ErrorKind, PoolResources, Reached};

use crate::faults::{Case, Fault, Policy, Protocol, Speed, Way, Wire, World};
use crate::operations::{Fate, Lender, OneSeat, Op, Report, leave_a_mess, next_one};
use crate::server::{DB, PASSWORD, Server, Session};
use crate::wire::{Hand, Link};

/// More polls than any run takes that is not a busy loop.
const MOST_POLLS: u32 = 20_000;

/// Whether the fault came up at its first place, and at its second one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    pub first: bool,
    pub second: bool,
}

/// Says in a panic which run it was.
struct Told<'c>(&'c Case, [u32; 2]);

/// A waker that remembers being woken.
#[derive(Default)]
struct Flag(AtomicBool);

/// All around one run.
struct Bench<const SAFE: bool> {
    server: Server,
    clock: TestClock,
    wire: scripted::Wire<Session, SAFE>,
    hand: std::rc::Rc<Hand>,
}

/// One run of `case` at these places.
pub fn run(case: &Case, places: [u32; 2]) -> Reach {
    let _told = Told(case, places);
    match case.wire {
        Wire::Safe => on_wire::<true>(case, places),
        Wire::Lossy => on_wire::<false>(case, places),
    }
}

fn on_wire<const SAFE: bool>(case: &Case, places: [u32; 2]) -> Reach {
    let server = Server::default();
    server.store().is_old = case.protocol == Protocol::FallBack;
    server.store().pushes = case.protocol == Protocol::Pushes;
    let clock = TestClock::new();
    let wire = scripted::Wire::of_kind(server.session(), &clock);
    let (link, hand) = Link::<SAFE>::new(&wire, &server);
    let bench = Bench {
        server,
        clock,
        wire,
        hand,
    };
    let mut resources = PoolResources::<1, 128, 128>::new();
    match case.world {
        World::Async => {
            let pool = OneSeat::new(&mut resources, [link], settings(case));
            bench.run(&pool, case, places)
        }
        World::Blocking => {
            let pool = OneSeat::new(&mut resources, [Blocking(link)], settings(case));
            bench.run(&pool, case, places)
        }
    }
}

fn settings(case: &Case) -> Config<'static> {
    let config = Config::new().db(DB).password(PASSWORD).client_name("sweep");
    let config = config.protocol(match case.protocol {
        Protocol::Resp2 => config::Protocol::Resp2,
        _ => config::Protocol::Resp3,
    });
    let at_once = config.retries(1).backoff(Duration::ZERO, Duration::ZERO);
    match case.policy {
        Policy::Once => at_once,
        Policy::Default => config,
        Policy::Never => at_once.retry(Retry::Never),
        Policy::WhenUnsent => at_once.retry(Retry::WhenUnsent),
    }
}

impl<const SAFE: bool> Bench<SAFE> {
    fn run<P: Lender>(&self, pool: &P, case: &Case, places: [u32; 2]) -> Reach {
        self.set_up(pool, case.op);
        let began = self.clock.now();
        self.start();
        self.wire.set_pace(case.speed.pace());

        // The operation, under its fault.
        let polls = self.arm(case.fault, places);
        let first = Report::new();
        self.poll(case.op.act(pool, 1, &first), polls);
        let moved = self.wire.counts().out > 0;
        let mut reach = self.reach(case.fault, places, &first);
        let writes = self.server.store().writes();
        self.stop();
        self.check_calls();
        self.check_writes(case.op, 1, &first, moved);
        check_error(case, &first);

        // The next borrower, who may have to clean up, perhaps under a fault of its own.
        self.start();
        let second = Report::new();
        let polls = match case.fault {
            Fault::DropTwice => places[1],
            _ => MOST_POLLS,
        };
        if let Fault::DropThenBreak(place, wrong) = case.fault {
            self.wire
                .fail(place.at(places[1], self.wire.counts()), wrong);
        }
        self.poll(next_one(pool, 2, &second), polls);
        // What had not left when its future was dropped does not leave behind somebody's back.
        let late = {
            let store = self.server.store();
            store.writes() - store.applied(2, 1, DB) - writes
        };
        let may_be_late = case.speed == Speed::Buffered;
        assert!(may_be_late || late == 0, "{late} writes came late");
        let moved = self.wire.counts().out > 0;
        match case.fault {
            Fault::DropTwice => reach.second = !second.ended.get(),
            Fault::DropThenBreak(..) => reach.second = self.wire.faults_left() == 0,
            // The silence fell between the last reply and the push behind it.
            Fault::Silence | Fault::SilenceThenBreak(..) if is_answered(case.op, &first) => {}
            _ => assert_eq!((second.ended.get(), second.error.get()), (true, None)),
        }
        self.stop();
        self.check_calls();
        self.check_writes(Op::Tuple, 2, &second, moved);
        if let Some(error) = second.error.get() {
            assert!(is_about_transport(error), "{error:?}");
        }

        // One after whom nobody can owe anything.
        self.start();
        self.wire.set_pace(scripted::Pace::FAST);
        let third = Report::new();
        self.poll(next_one(pool, 3, &third), MOST_POLLS);
        assert_eq!((third.ended.get(), third.error.get()), (true, None));
        self.check_calls();
        self.check_writes(Op::Tuple, 3, &third, true);
        // What the first two did did not happen later, either.
        self.check_writes(case.op, 1, &first, true);
        self.check_writes(Op::Tuple, 2, &second, true);
        self.check_all(pool, case.op);
        // Nobody waited for what would never come.
        let waited = self.clock.now().since(began);
        assert!(case.takes_time() || waited.is_zero(), "it took {waited:?}");
        reach
    }

    /// What comes before the operation.
    fn set_up<P: Lender>(&self, pool: &P, op: Op) {
        match op {
            Op::Handshake => return,
            Op::Restore => self.finish(leave_a_mess(pool)),
            _ => {
                let before = Report::new();
                self.finish(Op::Read.act(pool, 9, &before));
                assert_eq!(before.error.get(), None);
            }
        }
        match op {
            Op::Health => self.clock.advance_ms(30_000),
            Op::Loading => self.server.store().loading = 1,
            Op::IdleSurplus => {
                self.wire.tell();
                self.wire.say(b"+stray\r\n");
            }
            Op::IdleEnd => {
                self.wire.tell();
                self.wire.end(Wrong::End);
            }
            Op::IdlePush => {
                self.wire.tell();
                self.wire.say(b">2\r\n+idle\r\n+push\r\n");
            }
            _ => {}
        }
    }

    /// Lets the fault come up there; says how often the future may be polled.
    fn arm(&self, fault: Fault, [first, second]: [u32; 2]) -> u32 {
        let Self { wire, hand, .. } = self;
        let break_at = |(place, wrong): (crate::wire::Place, _)| {
            wire.fail(place.at(first, wire.counts()), wrong);
        };
        let way = |way| match way {
            Way::Out => &hand.out,
            Way::In => &hand.into,
        };
        match fault {
            Fault::Cut(to) => way(to).cuts.set([first, 0]),
            Fault::CutTwice(to) => way(to).cuts.set([first, second]),
            Fault::Break(place, wrong) => break_at((place, wrong)),
            Fault::Silence => self.server.store().silence = Some(first as usize),
            Fault::BreakAgain([one, (place, wrong)]) => {
                break_at(one);
                hand.then.set(Some((place, second, wrong)));
            }
            Fault::SilenceThenBreak(place, wrong) => {
                self.server.store().silence = Some(first as usize);
                hand.then.set(Some((place, second, wrong)));
            }
            Fault::Drop | Fault::DropTwice | Fault::DropThenBreak(..) => return first,
            Fault::BreakThenDrop(place, wrong) => {
                break_at((place, wrong));
                return second;
            }
        }
        MOST_POLLS
    }

    /// Whether the fault came up in the operation.
    fn reach(&self, fault: Fault, [first, second]: [u32; 2], report: &Report) -> Reach {
        let Self { wire, hand, .. } = self;
        let none_left = wire.faults_left() == 0;
        let was_silent = self.server.store().silence.is_none();
        let dropped = !report.ended.get();
        let passed = |way, cut| match way {
            Way::Out => hand.out.has_passed(cut),
            Way::In => hand.into.has_passed(cut),
        };
        let (first, second) = match fault {
            Fault::Cut(way) => (passed(way, first), false),
            Fault::CutTwice(way) => (passed(way, first), passed(way, second)),
            Fault::Break(..) => (none_left, false),
            Fault::Silence => (was_silent, false),
            Fault::BreakAgain(_) | Fault::SilenceThenBreak(..) => {
                let is_second = hand.then.get().is_none();
                (
                    was_silent && (is_second || none_left),
                    is_second && none_left,
                )
            }
            // Whether the second one came up is seen later.
            Fault::Drop | Fault::DropTwice | Fault::DropThenBreak(..) => (dropped, false),
            // Without a drop, the other one comes up if it ever does.
            Fault::BreakThenDrop(..) => (dropped || none_left, dropped),
        };
        Reach { first, second }
    }

    fn start(&self) {
        self.wire.reset_counts();
        self.hand.out.reset();
        self.hand.into.reset();
    }

    /// From here on nothing goes wrong.
    fn stop(&self) {
        self.wire.heal();
        self.hand.out.reset();
        self.hand.into.reset();
        self.hand.then.set(None);
        let mut store = self.server.store();
        (store.silence, store.loading) = (None, 0);
    }

    /// Polls `future` up to `limit` times and drops it. Where it waits for nothing but time, that
    /// comes.
    fn poll(&self, future: impl Future<Output = ()>, limit: u32) {
        let mut future = pin!(future);
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(flag.clone());
        let mut context = Context::from_waker(&waker);
        for _ in 0..limit {
            if future.as_mut().poll(&mut context) == Poll::Ready(()) {
                return;
            }
            while !flag.0.swap(false, Ordering::Relaxed) {
                assert!(self.clock.jump(), "it waits for what will never come");
            }
        }
        assert!(limit < MOST_POLLS, "a busy loop");
    }

    fn finish(&self, future: impl Future<Output = ()>) {
        self.poll(future, MOST_POLLS);
    }

    /// The transport was used as it has to be, and not more often than there was something to do.
    fn check_calls(&self) {
        let counts = self.wire.counts();
        assert_eq!(counts.misuses, 0, "used while it was closed: {counts:?}");
        let calls = counts.reads + counts.writes + counts.flushes + counts.opens;
        let bytes = counts.out + counts.into;
        assert!(calls <= bytes + 40, "a busy loop: {counts:?}");
        let garbled = &self.server.store().garbled;
        assert!(garbled.is_none(), "the server got {garbled:?}");
    }

    /// Each write was applied as often as its caller knows.
    fn check_writes(&self, op: Op, caller: u8, report: &Report, moved: bool) {
        let store = self.server.store();
        let mut all = Vec::new();
        for sequence in 1..=op.writes() {
            let applied = store.applied(caller, sequence, op.db());
            let fate = report.fate(sequence);
            let at_most_once = match fate {
                Fate::Answered => applied == 1,
                Fate::Failed(Reached::NotSent) => applied == 0,
                Fate::Failed(Reached::MaybeSent) => applied <= 1,
                Fate::Failed(Reached::Answered) => applied == 0,
                // It was not tried, since something before it failed.
                Fate::Open if report.ended.get() => applied == 0,
                Fate::Open => applied <= usize::from(moved),
            };
            assert!(
                at_most_once,
                "{caller}.{sequence}: {fate:?}, applied {applied} times"
            );
            all.push(applied);
        }
        if op == Op::Transaction {
            assert_eq!(all[0], all[1], "half a transaction");
        }
    }

    /// What holds in the end.
    fn check_all<P: Lender>(&self, pool: &P, op: Op) {
        assert!(pool.is_free(), "the seat was not given back");
        let stats = pool.numbers();
        assert_eq!(stats.opened, stats.open + stats.closed, "{stats:?}");
        assert_eq!(stats.open, 1, "{stats:?}");
        let accounted = stats.answered + stats.skipped + stats.lost;
        assert_eq!(stats.sent, accounted, "{stats:?}");
        // Nothing was applied but what is counted above: not in another database, either.
        let store = self.server.store();
        let known = |caller, writes: u8, db| {
            let times = (1..=writes).map(|sequence| store.applied(caller, sequence, db));
            times.sum::<usize>()
        };
        let all = known(1, op.writes(), op.db()) + known(2, 1, DB) + known(3, 1, DB);
        assert_eq!(store.writes(), all, "a write in another database");
    }
}

/// An operation fails only for what was done to it, and not at all where it can be tried again.
fn check_error(case: &Case, report: &Report) {
    let Some(error) = report.error.get() else {
        let answers_error = matches!(case.op, Op::TooLarge | Op::ServerError);
        assert!(!report.ended.get() || !answers_error, "no error");
        return;
    };
    if case.op.expects(error) {
        assert_eq!(error.reached(), Reached::Answered);
        return;
    }
    assert!(
        !matches!(case.fault, Fault::Cut(_) | Fault::CutTwice(_)),
        "{error:?}"
    );
    // Whoever waits for a borrower who is stuck waits for so long only.
    let waited = matches!(
        error.kind(),
        ErrorKind::Pool(PoolError::WaitTimedOut { .. })
    );
    let waited = waited && case.op == Op::Queue;
    assert!(waited || is_about_transport(error), "{error:?}");
    // A session is not replaced, a pipeline is not sent again, and of one more try nothing is left
    // where the server took it.
    let has_a_try = !matches!(case.op, Op::Select | Op::Pipeline | Op::Loading);
    if case.must_recover() && has_a_try {
        let is_a_read = case.op.writes() == 0;
        assert!(
            error.reached() == Reached::MaybeSent && !is_a_read,
            "{error:?}"
        );
    }
}

fn is_answered(op: Op, report: &Report) -> bool {
    report.error.get().is_none_or(|error| op.expects(error))
}

fn is_about_transport(error: Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Connect(_)
            | ErrorKind::Transport(_)
            | ErrorKind::TimedOut
            | ErrorKind::SessionLost(_)
    )
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("at the places {:?} of {:?}", self.1, self.0);
        }
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
