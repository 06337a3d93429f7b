//! The clock of embassy-time: two CMSDK timers, 32 bits wide, that count down at 25 MHz.
//!
//! The first one runs freely and is the clock; its interrupt, every 172 s, counts the upper half. The
//! second one runs once, to the next moment that somebody waits for.

use core::cell::RefCell;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Waker;

use critical_section::Mutex;
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use super::interrupts::Line;
use super::registers::Registers;

// SAFETY: TIMER0 and TIMER1 of the machine. They have no DMA, and nothing else here uses them.
const COUNTER: Registers = unsafe { Registers::at(0x4000_0000) };
// SAFETY: As above.
const ALARM: Registers = unsafe { Registers::at(0x4000_1000) };

const CONTROL: usize = 0x0;
const VALUE: usize = 0x4;
const RELOAD: usize = 0x8;
/// Read: whether the timer asks for its interrupt. Write 1: it no longer does.
const INTERRUPT: usize = 0xC;

const OFF: u32 = 0;
/// Runs, and interrupts at zero.
const ON: u32 = 0b1001;

/// embassy-time has no rate of 25 MHz; it counts in microseconds here.
const CYCLES_PER_TICK: u64 = 25;

/// Starts the clock at zero.
pub(super) fn start() {
    COUNTER.write(CONTROL, OFF);
    COUNTER.write(RELOAD, u32::MAX);
    COUNTER.write(VALUE, u32::MAX);
    COUNTER.write(INTERRUPT, 1);
    Line::Counter.unmask();
    Line::Alarm.unmask();
    COUNTER.write(CONTROL, ON);
}

pub(super) unsafe extern "C" fn on_counter_wrapped() {
    critical_section::with(|_| {
        COUNTER.write(INTERRUPT, 1);
        // A load and a store: nobody comes between, and `wrapping_add` is what a clock does.
        let wraps = CLOCK.wraps.load(Ordering::Relaxed);
        CLOCK.wraps.store(wraps.wrapping_add(1), Ordering::Relaxed);
    });
}

pub(super) unsafe extern "C" fn on_alarm() {
    critical_section::with(|cs| {
        ALARM.write(INTERRUPT, 1);
        CLOCK.wake_and_arm(&mut CLOCK.queue.borrow_ref_mut(cs));
    });
}

struct Clock {
    wraps: AtomicU32,
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock {
    wraps: AtomicU32::new(0),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

impl Driver for Clock {
    fn now(&self) -> u64 {
        self.cycles() / CYCLES_PER_TICK
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let mut queue = self.queue.borrow_ref_mut(cs);
            if queue.schedule_wake(at, waker) {
                self.wake_and_arm(&mut queue);
            }
        });
    }
}

impl Clock {
    /// The cycles since the start, or 0 before it.
    fn cycles(&self) -> u64 {
        critical_section::with(|_| {
            if COUNTER.read(CONTROL) == OFF {
                return 0;
            }
            let mut wraps = self.wraps.load(Ordering::Relaxed);
            let mut low = !COUNTER.read(VALUE);
            // It wrapped, and its interrupt could not yet say so. `low` may be from before.
            if COUNTER.read(INTERRUPT) != 0 {
                wraps = wraps.wrapping_add(1);
                low = !COUNTER.read(VALUE);
            }
            u64::from(wraps) << 32 | u64::from(low)
        })
    }

    /// Wakes who waited long enough, and sets the alarm for the next one.
    fn wake_and_arm(&self, queue: &mut Queue) {
        loop {
            let next = queue.next_expiration(self.now());
            let cycles = next
                .saturating_mul(CYCLES_PER_TICK)
                .saturating_sub(self.cycles());
            if cycles == 0 {
                continue;
            }
            ALARM.write(CONTROL, OFF);
            ALARM.write(INTERRUPT, 1);
            // The order matters: the reload, which is none, also writes the value.
            ALARM.write(RELOAD, 0);
            // What is further away than the timer reaches, or is never, comes back here first.
            ALARM.write(VALUE, u32::try_from(cycles).unwrap_or(u32::MAX));
            ALARM.write(CONTROL, ON);
            return;
        }
    }
}
