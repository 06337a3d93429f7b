//! The threads of loom: all orders, with a bounded number of preemptions.

use core::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use embassy_sync::blocking_mutex::raw::RawMutex;
use loom::cell::UnsafeCell;

use crate::{Runtime, Spot};

/// loom's threads and locks.
pub struct Loom;

/// A lock of loom, which is made when it is first taken: `INIT` is a constant, and outside of an
/// execution there is nothing that a lock could be made in. Where that happens makes no difference,
/// as loom does not change threads there, and a pool lives no longer than its execution.
pub struct Mutex(OnceLock<loom::sync::Mutex<()>>);

// SAFETY: whoever runs `work` holds loom's lock. The exception is one that panicked already: the
// execution is over then, and no thread of loom runs beside it, for all are one thread of the
// machine.
unsafe impl RawMutex for Mutex {
    const INIT: Self = Self(OnceLock::new());

    fn lock<R>(&self, work: impl FnOnce() -> R) -> R {
        if std::thread::panicking() {
            return work();
        }
        let lock = self.0.get_or_init(|| loom::sync::Mutex::new(()));
        let held = lock.lock().expect("nobody panics under the pool's lock");
        let result = work();
        drop(held);
        result
    }
}

/// A cell of loom: each access has to happen after the one before, which only a lock, a waker or
/// the end of a thread can bring about.
#[derive(Default)]
pub struct Cell(UnsafeCell<()>);

// SAFETY: there is nothing in the cell.
unsafe impl Sync for Cell {}

impl Spot for Cell {
    fn visit(&self) {
        if !std::thread::panicking() {
            self.0.with_mut(|_| ());
        }
    }
}

impl Runtime for Loom {
    type Mutex = Mutex;
    type Spot = Cell;

    fn spawn(work: impl FnOnce() + Send + 'static) -> impl FnOnce() {
        let thread = loom::thread::spawn(work);
        || thread.join().expect("the thread came to its end")
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        loom::future::block_on(future)
    }
}

/// Runs `scenario` in every order with at most `preemptions` of them (`LOOM_MAX_PREEMPTIONS` where
/// that is set), prints how many that were, and returns it.
///
/// # Panics
/// In the first order in which the scenario panics or in which nobody can go on.
pub fn explore(name: &str, preemptions: usize, scenario: fn()) -> usize {
    let mut builder = loom::model::Builder::new();
    let bound = *builder.preemption_bound.get_or_insert(preemptions);
    builder.max_branches = 10_000;
    let executions = std::sync::Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let counter = executions.clone();
    builder.check(move || {
        counter.fetch_add(1, Relaxed);
        scenario();
    });
    let executions = executions.load(Relaxed);
    let seconds = begin.elapsed().as_secs_f32();
    println!("loom, {name}: {executions} orders with {bound} preemptions at most, {seconds:.1} s");
    executions
}
