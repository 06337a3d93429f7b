//! What a peer says: bytes, and what happens between them.

extern crate std;

use std::collections::VecDeque;

use crate::io::scripted::Wrong;
use crate::time::{Duration, Instant};

/// What a [`Peer`](super::Peer) says, in the order in which it is read.
#[derive(Debug, Default)]
pub struct Answers {
    bytes: VecDeque<u8>,
    /// Each with the number of bytes between the one before and it.
    marks: VecDeque<(usize, Mark)>,
    /// Bytes behind the last mark.
    behind: usize,
}

/// What happens between two bytes.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Polls(u32),
    Wait(Duration),
    Until(Instant),
    Wrong(Wrong),
}

/// What stands before the next byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// So many bytes can be read.
    Bytes(usize),
    /// Nothing was said yet.
    Empty,
    /// A read is pending, and wakes its task at once.
    Pending,
    /// Nothing can be read before that.
    Until(Instant),
    Wrong(Wrong),
}

impl Answers {
    /// Says these bytes.
    pub fn say(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.behind += bytes.len();
    }

    /// So many reads are pending before what is said next; each wakes its task at once.
    pub fn pending(&mut self, polls: u32) {
        self.mark(Mark::Polls(polls));
    }

    /// What is said next is there only after so long, counted from the moment when it is waited for.
    pub fn wait(&mut self, span: Duration) {
        self.mark(Mark::Wait(span));
    }

    /// The stream breaks after what was said so far, until it is opened again.
    pub fn go_wrong(&mut self, wrong: Wrong) {
        self.mark(Mark::Wrong(wrong));
    }

    fn mark(&mut self, mark: Mark) {
        let bytes = core::mem::take(&mut self.behind);
        self.marks.push_back((bytes, mark));
    }

    /// What a read finds at `now`.
    pub(super) fn front(&mut self, now: Instant) -> Front {
        loop {
            let Some((0, mark)) = self.marks.front_mut() else {
                let bytes = self.marks.front().map_or(self.behind, |(bytes, _)| *bytes);
                return match bytes {
                    0 => Front::Empty,
                    bytes => Front::Bytes(bytes),
                };
            };
            match mark {
                Mark::Wait(span) => *mark = Mark::Until(now.after(*span)),
                Mark::Until(at) if *at > now => return Front::Until(*at),
                Mark::Polls(left) if *left > 0 => {
                    *left -= 1;
                    return Front::Pending;
                }
                Mark::Wrong(wrong) => return Front::Wrong(*wrong),
                Mark::Until(_) | Mark::Polls(_) => drop(self.marks.pop_front()),
            }
        }
    }

    /// Fills `window`, of not more bytes than there are.
    pub(super) fn read(&mut self, window: &mut [u8]) {
        let n = window.len();
        for (place, byte) in window.iter_mut().zip(self.bytes.drain(..n)) {
            *place = byte;
        }
        match self.marks.front_mut() {
            Some((bytes, _)) => *bytes -= n,
            None => self.behind -= n,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.marks.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
