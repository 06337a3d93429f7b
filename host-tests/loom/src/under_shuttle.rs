//! The threads of shuttle: orders drawn at random.

use core::future::Future;
use std::sync::OnceLock;
use std::time::Instant;

use embassy_sync::blocking_mutex::raw::RawMutex;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::{Runtime, Spot};

/// shuttle's threads and locks.
pub struct Shuttle;

/// A lock of shuttle, made when it is first taken, as that of [loom](crate::under_loom::Mutex).
pub struct Mutex(OnceLock<shuttle::sync::Mutex<()>>);

// SAFETY: whoever runs `work` holds shuttle's lock, or has panicked, which ends the execution; and
// all threads of shuttle are one thread of the machine.
unsafe impl RawMutex for Mutex {
    const INIT: Self = Self(OnceLock::new());

    fn lock<R>(&self, work: impl FnOnce() -> R) -> R {
        if std::thread::panicking() {
            return work();
        }
        let lock = self.0.get_or_init(|| shuttle::sync::Mutex::new(()));
        let held = lock.lock().expect("nobody panics under the pool's lock");
        let result = work();
        drop(held);
        result
    }
}

/// A flag that is up while somebody is there; shuttle may change threads between the two.
#[derive(Default)]
pub struct Flag(AtomicBool);

impl Spot for Flag {
    fn visit(&self) {
        if !std::thread::panicking() {
            assert!(!self.0.swap(true, SeqCst), "two hold one connection");
            self.0.store(false, SeqCst);
        }
    }
}

impl Runtime for Shuttle {
    type Mutex = Mutex;
    type Spot = Flag;

    fn spawn(work: impl FnOnce() + Send + 'static) -> impl FnOnce() {
        let thread = shuttle::thread::spawn(work);
        || thread.join().expect("the thread came to its end")
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        shuttle::future::block_on(future)
    }
}

/// Runs `scenario` in `schedules` orders, half of them wholly random, half with three changes of
/// priority (PCT, which finds what needs few preemptions at the right places).
///
/// # Panics
/// In the first order in which the scenario panics or in which nobody can go on. shuttle prints
/// what replays that order.
pub fn draw(name: &str, schedules: usize, scenario: fn()) {
    let begin = Instant::now();
    let half = schedules.div_ceil(2);
    let config = shuttle::Config::new;
    shuttle::Runner::new(RandomScheduler::new(half), config()).run(scenario);
    shuttle::Runner::new(PctScheduler::new(3, half), config()).run(scenario);
    let seconds = begin.elapsed().as_secs_f32();
    println!("shuttle, {name}: {} orders, {seconds:.1} s", 2 * half);
}
