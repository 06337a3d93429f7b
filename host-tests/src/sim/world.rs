//! All that a run consists of, behind one handle: chance, time, the network, the server, the oracle.

use std::cell::{RefCell, RefMut};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use embedded_io::ErrorKind;
use fastrand::Rng;
use respool::time::{Clock, Instant, Timer};

use super::log::{Log, Telling};
use super::net::Stream;
use super::oracle::Oracle;
use super::plan::Plan;
use super::server::Server;

/// One run's world; its clones are the same one. It is also the clock.
#[derive(Clone)]
pub(super) struct World(Rc<RefCell<State>>);

pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) rng: Rng,
    /// Milliseconds since the start.
    pub(super) now: u64,
    pub(super) streams: Vec<Stream>,
    pub(super) server: Server,
    pub(super) oracle: Oracle,
    pub(super) log: Log,
    /// The task that is polled.
    pub(super) task: usize,
    /// For each task, how often it began or ended to borrow: odd while it does.
    pub(super) borrows: Vec<u64>,
    /// For each task, whether it selects a database itself.
    pub(super) selects: Vec<bool>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sleepers: Vec<(u64, u64, Waker)>,
    number: u64,
}

/// What comes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// Bytes reach the server.
    Up(usize),
    /// Something reaches the client.
    Down(usize),
    /// What this stream waits for has come, or its time is over.
    Wake(usize, u64),
    /// The server goes down for so many milliseconds.
    Restart(u64),
    /// The server says what nobody asked for, if the stream lies idle.
    Stray(usize),
}

/// A borrower's time with the pool, for the oracle; ends when dropped.
pub(super) struct Borrow(World);

/// When a future is dropped that has not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Never,
    /// After so many polls.
    Polls(u64),
    /// After so many milliseconds.
    Time(u64),
}

/// Wakes its task at a moment, unless it is dropped before.
struct Sleep<'a> {
    world: &'a World,
    at: u64,
    number: Option<u64>,
}

impl World {
    pub(super) fn new(seed: u64, telling: Telling) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::new(&mut rng);
        let world = Self(Rc::new(RefCell::new(State {
            plan,
            rng,
            now: 0,
            streams: Vec::new(),
            server: Server::default(),
            oracle: Oracle::new(plan),
            log: Log::new(telling),
            task: 0,
            // The last one is who closes the pool.
            borrows: vec![0; plan.tasks + 2],
            selects: vec![false; plan.tasks + 2],
            events: BinaryHeap::new(),
            sleepers: Vec::new(),
            number: 0,
        })));
        let mut state = world.state();
        for _ in 0..plan.restarts {
            let (at, span) = (state.rng.u64(0..300), state.rng.u64(0..200));
            state.schedule(at, Event::Restart(span));
        }
        drop(state);
        world
    }

    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    pub(super) fn plan(&self) -> Plan {
        self.0.borrow().plan
    }

    pub(super) fn note(&self, what: &'static str, of: usize, number: u64) {
        self.state().note(what, of, number);
    }

    /// The present task begins to borrow.
    pub(super) fn borrow(&self) -> Borrow {
        self.state().turn();
        Borrow(self.clone())
    }

    /// The present task goes on, and has given back one of several that it had.
    pub(super) fn borrow_anew(&self) {
        let mut state = self.state();
        state.turn();
        state.turn();
    }

    /// Something happens next, or the next sleeper wakes; false where neither will ever be.
    pub(super) fn pass_time(&self) -> bool {
        let mut state = self.state();
        let Some(at) = state.next() else {
            return false;
        };
        if at > state.now {
            state.now = at;
            state.note("time passes to", 0, at);
        }
        while let Some(Reverse((at, _, event))) = state.events.peek().copied()
            && at <= state.now
        {
            state.events.pop();
            state.happen(event);
        }
        let now = state.now;
        state.sleepers.retain(|(at, _, waker)| {
            let due = *at <= now;
            if due {
                waker.wake_by_ref();
            }
            !due
        });
        true
    }

    /// Time passes for a blocked thread, up to `end` at most; false once it is there, or where
    /// nothing will ever happen.
    pub(super) fn lets_pass(&self, end: u64) -> bool {
        let mut state = self.state();
        if state.now >= end {
            return false;
        }
        match state.next() {
            Some(at) if at <= end => {
                drop(state);
                return self.pass_time();
            }
            _ if end < u64::MAX => {
                state.now = end;
                state.note("time passes to", 0, end);
            }
            _ => {
                let why = format!("task {} is blocked for ever", state.task);
                state.oracle.accuse(why);
                return false;
            }
        }
        true
    }

    /// Blocks the thread until `at`.
    ///
    /// # Errors
    /// `end` comes before.
    pub(super) fn block_until(&self, at: u64, end: u64) -> Result<(), ErrorKind> {
        while self.lets_pass(at.min(end)) {}
        match at <= end && at < u64::MAX {
            true => Ok(()),
            false => Err(ErrorKind::TimedOut),
        }
    }

    /// Milliseconds since the start.
    pub(super) fn now_millis(&self) -> u64 {
        self.0.borrow().now
    }

    /// When `span` from now is over.
    pub(super) fn after(&self, span: Duration) -> u64 {
        self.now().after(span).as_millis()
    }

    /// Pending as often as chance has it.
    pub(super) async fn pause(&self) {
        poll_fn(|context| {
            let mut state = self.state();
            let chance = state.plan.pending;
            if !state.chance(chance) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    pub(super) async fn sleep(&self, millis: u64) {
        let at = self.0.borrow().now + millis;
        self.sleep_until(Instant::from_millis(at)).await;
    }

    /// Brings `operation` to its end, unless it is dropped before.
    pub(super) async fn cut<O>(&self, cut: Cut, operation: impl Future<Output = O>) -> Option<O> {
        let mut operation = std::pin::pin!(operation);
        let end = match cut {
            Cut::Time(millis) => self.0.borrow().now + millis,
            _ => u64::MAX,
        };
        let mut sleep = std::pin::pin!(self.sleep_until(Instant::from_millis(end)));
        let mut polls = 0;
        poll_fn(|context| {
            if cut == Cut::Polls(polls) {
                return Poll::Ready(None);
            }
            polls += 1;
            if let Poll::Ready(output) = operation.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            if cut == Cut::Polls(polls) {
                return Poll::Ready(None);
            }
            match cut {
                Cut::Time(_) => sleep.as_mut().poll(context).map(|()| None),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

impl State {
    /// True in `percent` of all cases.
    pub(super) fn chance(&mut self, percent: u8) -> bool {
        percent > 0 && self.rng.u8(0..100) < percent
    }

    pub(super) fn note(&mut self, what: &'static str, of: usize, number: u64) {
        self.log.note(self.now, what, of, number);
    }

    pub(super) fn note_bytes(&mut self, what: &'static str, of: usize, bytes: &[u8]) {
        self.log.note_bytes(self.now, what, of, bytes);
    }

    pub(super) fn schedule(&mut self, at: u64, event: Event) {
        self.number += 1;
        self.events.push(Reverse((at, self.number, event)));
    }

    /// When something happens next, or a sleeper wakes.
    fn next(&self) -> Option<u64> {
        let event = self.events.peek().map(|Reverse((at, ..))| *at);
        let sleeper = self.sleepers.iter().map(|(at, ..)| *at).min();
        event.into_iter().chain(sleeper).min()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Up(stream) => self.arrive(stream),
            Event::Down(stream) => self.wake_reader(stream),
            Event::Wake(stream, number) => self.unblock(stream, number),
            Event::Restart(span) => self.restart(span),
            Event::Stray(stream) => self.stray(stream),
        }
    }

    /// The present task begins or ends to borrow.
    fn turn(&mut self) {
        let task = self.task;
        self.borrows[task] += 1;
        self.selects[task] = false;
    }
}

impl Drop for Borrow {
    fn drop(&mut self) {
        self.0.state().turn();
    }
}

impl Clock for World {
    fn now(&self) -> Instant {
        Instant::from_millis(self.0.borrow().now)
    }
}

impl Timer for World {
    async fn sleep_until(&self, at: Instant) {
        let mut sleep = Sleep {
            world: self,
            at: at.as_millis(),
            number: None,
        };
        poll_fn(|context| sleep.poll(context.waker())).await;
    }
}

impl Sleep<'_> {
    fn poll(&mut self, waker: &Waker) -> Poll<()> {
        let mut state = self.world.state();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        match self.number {
            None => {
                state.number += 1;
                self.number = Some(state.number);
                let sleeper = (self.at, state.number, waker.clone());
                state.sleepers.push(sleeper);
            }
            Some(number) => {
                if let Some(place) = state.sleepers.iter_mut().find(|(_, n, _)| *n == number) {
                    place.2.clone_from(waker);
                }
            }
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.world.state().sleepers.retain(|(_, n, _)| *n != number);
        }
    }
}
