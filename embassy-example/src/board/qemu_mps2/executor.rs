//! An executor that sleeps by WFI. The one of embassy sleeps by WFE, which QEMU takes for a mere
//! pause: the host's CPU would be busy all the time that the firmware waits.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};

/// Whether a task was woken since the last look.
static PENDING: AtomicBool = AtomicBool::new(false);

/// Called by embassy when a task is woken, also from interrupts.
#[unsafe(export_name = "__pender")]
fn pend(_context: *mut ()) {
    PENDING.store(true, Ordering::Release);
}

/// Polls the tasks, and sleeps in between.
pub struct Executor(raw::Executor);

impl Executor {
    /// An executor without tasks.
    pub fn new() -> Self {
        // There is one executor: `pend` need not be told which.
        Self(raw::Executor::new(null_mut()))
    }

    /// Lets `init` spawn the first tasks, and runs them for ever.
    pub fn run(&'static mut self, init: impl FnOnce(Spawner)) -> ! {
        init(self.0.spawner());
        loop {
            // SAFETY: This is the only place that polls, and it runs once: it has the executor's
            // only reference, and no interrupt calls it.
            unsafe { self.0.poll() };
            // With interrupts held off, none can wake a task between the look and the sleep. One
            // that is pending ends WFI all the same.
            cortex_m::interrupt::free(|_| {
                if !PENDING.swap(false, Ordering::Acquire) {
                    cortex_m::asm::wfi();
                }
            });
        }
    }
}
