//! The server is away: when to try again, so that all who wait for it do not come at once.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::config::Backoff;
use crate::time::{Duration, Instant};

/// What is known of a server that could not be reached, shared by all connections to it.
///
/// One word: how many attempts to open a connection failed in a row, and when the last one did. It
/// is only loaded and stored, which every target can do; where two connections fail at the same
/// time, one of them may not be counted.
#[derive(Debug, Default)]
pub(crate) struct Outage(AtomicU32);

/// The lower bits count failures, the upper ones are milliseconds, and wrap after 37 hours.
const COUNT_BITS: u32 = 5;
const MOST: u32 = (1 << COUNT_BITS) - 1;
const TIME: u32 = u32::MAX >> COUNT_BITS;
/// Threads that read the clock at the same time see it differ by less, in milliseconds.
const MOMENT: u32 = 1000;

impl Outage {
    /// None.
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// A connection proved good.
    pub(crate) fn over(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// An attempt that began at `began` failed. With `for_long`, trying again soon is of no use.
    pub(crate) fn failed(&self, began: Instant, now: Instant, for_long: bool) {
        let (failures, last) = self.load();
        // Those that were under way when another one failed count once with it.
        let is_new = failures == 0 || !is_after(last, time(began));
        // What is seen late does not make the pause shorter that others have begun.
        let last = match is_new || is_after(time(now), last) {
            true => time(now),
            false => last,
        };
        let failures = match for_long {
            true => MOST,
            false => failures.saturating_add(u32::from(is_new)).min(MOST),
        };
        self.store(last, failures);
    }

    /// The moment before which no connection is to be opened; `None` where that is over. `chance`
    /// is any number, other for each connection and each machine.
    pub(crate) fn pause(&self, now: Instant, backoff: &Backoff, chance: u32) -> Option<Instant> {
        let (failures, last) = self.load();
        let doublings = failures.checked_sub(1)?;
        // A millisecond at least, or a loop of calls could spin.
        let beyond = window(backoff, doublings).checked_sub(1)?;
        let pause = jitter(beyond, chance ^ last).saturating_add(1);
        let passed = time(now).wrapping_sub(last) & TIME;
        if let Some(left) = pause.checked_sub(passed).filter(|left| *left > 0) {
            return Some(now.after(Duration::from_millis(u64::from(left))));
        }
        // Time wraps: what is long over follows at a distance, so that the next failure is known to
        // come after it. What is a moment ahead was seen by another thread just now.
        if (TIME / 4..TIME - MOMENT).contains(&passed) {
            self.store(time(now).wrapping_sub(TIME / 4) & TIME, failures);
        }
        None
    }

    fn load(&self) -> (u32, u32) {
        let word = self.0.load(Ordering::Relaxed);
        (word & MOST, word >> COUNT_BITS)
    }

    fn store(&self, last: u32, failures: u32) {
        self.0
            .store((last << COUNT_BITS) | failures, Ordering::Relaxed);
    }
}

/// The longest pause after this many doublings, in milliseconds.
pub(crate) fn window(backoff: &Backoff, doublings: u32) -> u32 {
    let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(u32::MAX);
    let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
    // What the time of an outage can hold, by far.
    let cap = millis(backoff.cap).min(TIME / 4);
    millis(backoff.base).saturating_mul(factor).min(cap)
}

/// Any number up to `most`, the same for the same `chance`.
pub(crate) fn jitter(most: u32, chance: u32) -> u32 {
    // Chris Wellons' `lowbias32`: every bit of the input moves every bit of the output.
    let mut x = chance;
    x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^= x >> 16;
    // The upper half of the product: no division.
    ((u64::from(x).wrapping_mul(u64::from(most).wrapping_add(1))) >> 32) as u32
}

fn time(at: Instant) -> u32 {
    at.as_millis() as u32 & TIME
}

/// Whether `later` comes after `earlier`, of two that lie less than half a turn apart.
fn is_after(later: u32, earlier: u32) -> bool {
    let ahead = later.wrapping_sub(earlier) & TIME;
    ahead != 0 && ahead <= TIME / 2
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(10),
    };

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// The longest pause that any chance gives right after the failures so far.
    fn longest(outage: &Outage, now: Instant) -> u64 {
        let pauses = (0..10_000).filter_map(|chance| outage.pause(now, &BACKOFF, chance));
        let longest = pauses.map(|until| until.since(now).as_millis()).max();
        u64::try_from(longest.unwrap_or(0)).unwrap()
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_end_with_the_outage() {
        let outage = Outage::new();
        assert_eq!(outage.pause(at(0), &BACKOFF, 1), None);
        let mut windows = Vec::new();
        for n in 0..40u64 {
            let now = at(n * 60_000);
            outage.failed(now, now, false);
            windows.push(longest(&outage, now));
        }
        assert_eq!(windows[..8], [100, 200, 400, 800, 1600, 3200, 6400, 10_000]);
        assert!(windows[8..].iter().all(|window| *window > 9_900));
        outage.over();
        assert_eq!(longest(&outage, at(40 * 60_000)), 0);
    }

    #[test]
    fn a_pause_is_any_time_up_to_its_window() {
        let outage = Outage::new();
        for n in 0..4 {
            outage.failed(at(n), at(n), false);
        }
        let mut tenths = [0; 10];
        for chance in 0..10_000 {
            let until = outage.pause(at(3), &BACKOFF, chance);
            let pause = until.map_or(0, |until| until.since(at(3)).as_millis());
            assert!(pause <= 800);
            tenths[(pause as usize / 80).min(9)] += 1;
        }
        assert!(tenths.iter().all(|n| (850..1150).contains(n)), "{tenths:?}");
    }

    #[test]
    fn a_pause_ends_at_the_same_moment_however_often_one_asks() {
        let outage = Outage::new();
        outage.failed(at(5), at(5), true);
        let until = outage.pause(at(5), &BACKOFF, 3).unwrap();
        for now in [6, 100, until.as_millis() - 1] {
            assert_eq!(outage.pause(at(now), &BACKOFF, 3), Some(until));
        }
        assert_eq!(outage.pause(until, &BACKOFF, 3), None);
        assert_eq!(outage.pause(at(until.as_millis() + 9), &BACKOFF, 3), None);
    }

    #[test]
    fn attempts_that_were_under_way_together_count_once() {
        let outage = Outage::new();
        // Eight begin at 10 and fail one after the other.
        for n in 0..8 {
            outage.failed(at(10), at(20 + n), false);
        }
        assert_eq!(longest(&outage, at(27)), 100);
        // One of them is slow, and the pause over.
        assert_eq!(outage.pause(at(150), &BACKOFF, 1), None);
        outage.failed(at(10), at(151), false);
        assert_eq!(longest(&outage, at(151)), 100);
        outage.failed(at(200), at(210), false);
        assert_eq!(longest(&outage, at(210)), 200);
    }

    #[test]
    fn what_is_seen_late_makes_no_pause_shorter() {
        let outage = Outage::new();
        outage.failed(at(10), at(500), true);
        let until = outage.pause(at(600), &BACKOFF, 3);
        assert!(until.is_some());
        outage.failed(at(20), at(20), false);
        assert_eq!(outage.pause(at(600), &BACKOFF, 3), until);
    }

    #[test]
    fn a_refused_login_is_tried_again_late() {
        let outage = Outage::new();
        outage.failed(at(1), at(1), true);
        assert!(longest(&outage, at(1)) > 9_900);
    }

    #[test]
    fn time_may_wrap_and_go_backwards() {
        // 2^27 ms, 2^32 ms and far beyond.
        for turn in [1u64 << 27, 1 << 32, (1 << 40) + (1 << 27)] {
            let outage = Outage::new();
            outage.failed(at(turn - 2), at(turn - 1), false);
            assert!(longest(&outage, at(turn - 1)) >= 99);
            assert_eq!(longest(&outage, at(turn + 101)), 0);
            outage.failed(at(turn + 101), at(turn + 102), false);
            assert_eq!(longest(&outage, at(turn + 102)), 200);
        }
        // A clock that was set back: whatever comes, no pause is longer than the cap.
        let outage = Outage::new();
        outage.failed(at(1_000_000), at(1_000_000), true);
        assert!(longest(&outage, at(5)) <= 10_000);
    }

    #[test]
    fn an_outage_of_any_length_ago_is_followed_by_pauses_again() {
        for hours in 1..80 {
            let outage = Outage::new();
            outage.failed(at(0), at(0), false);
            // Nobody has tried since.
            let now = at(hours * 3_600_000);
            assert_eq!(outage.pause(now, &BACKOFF, 1), None);
            assert_eq!(outage.pause(now, &BACKOFF, 1), None);
            outage.failed(now, now, false);
            assert_eq!(longest(&outage, now), 200, "after {hours} h");
        }
    }

    #[test]
    fn a_thread_that_read_the_clock_a_moment_ago_takes_no_pause_from_the_others() {
        let outage = Outage::new();
        outage.failed(at(500), at(500), true);
        outage.pause(at(499), &BACKOFF, 1);
        assert!(longest(&outage, at(501)) > 9_900);
    }

    #[test]
    fn no_base_is_no_pause_and_great_spans_do_not_overflow() {
        let outage = Outage::new();
        outage.failed(at(1), at(1), false);
        let none = Backoff {
            base: Duration::ZERO,
            ..BACKOFF
        };
        assert_eq!(outage.pause(at(1), &none, 7), None);
        let ages = Backoff {
            base: Duration::MAX,
            cap: Duration::MAX,
        };
        assert!((0..100).any(|chance| outage.pause(at(1), &ages, chance).is_some()));
        assert_eq!(window(&ages, 31), TIME / 4);
        assert_eq!(jitter(u32::MAX, 5), jitter(u32::MAX, 5));
        assert_eq!(jitter(0, 5), 0);
    }

    /// Values of the published `lowbias32`, which this is where nothing is scaled down.
    #[test]
    fn chance_is_mixed_as_published() {
        let mixed = [0, 1, 2, 0x9E37_79B9, u32::MAX].map(|chance| jitter(u32::MAX, chance));
        let published = [0, 0x6889_90C0, 0xD113_2181, 0x01FC_E552, 0x6768_824A];
        assert_eq!(mixed, published);
    }
}
