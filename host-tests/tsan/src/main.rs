//! Two threads add to one number without a lock. The check builds this as it builds the tests that
//! must be free of races, runs it first, and fails where ThreadSanitizer says nothing of it.

use std::cell::UnsafeCell;
use std::sync::Barrier;
use std::thread;

struct Number(UnsafeCell<u64>);

// SAFETY: none; that is the point.
unsafe impl Sync for Number {}

static NUMBER: Number = Number(UnsafeCell::new(0));

fn main() {
    // Else the first one may be over before the second one begins, and there is no race.
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                both.wait();
                for _ in 0..1000 {
                    // SAFETY: as above.
                    unsafe { *NUMBER.0.get() += 1 };
                }
            });
        }
    });
}
