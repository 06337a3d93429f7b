//! What the peer sends: bytes, some of them very often.

use core::fmt;

/// `before`, then `repeated` so many times, then `after`.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    before: &'static [u8],
    repeated: &'static [u8],
    times: usize,
    after: &'static [u8],
}

/// These bytes.
pub(crate) const fn of(bytes: &'static [u8]) -> Wire {
    with(bytes, b"", 0, b"")
}

/// Bytes of which some repeat.
pub(crate) const fn with(
    before: &'static [u8],
    repeated: &'static [u8],
    times: usize,
    after: &'static [u8],
) -> Wire {
    Wire {
        before,
        repeated,
        times,
        after,
    }
}

impl Wire {
    /// The bytes of a wire on which nothing repeats.
    pub fn bytes(&self) -> &'static [u8] {
        assert_eq!(self.times, 0, "a wire that repeats has no slice");
        self.before
    }

    pub(crate) fn len(&self) -> usize {
        self.before.len() + self.repeated.len() * self.times + self.after.len()
    }

    /// Copies bytes from `at` on; says how many, fewer than there is room for only at the end.
    pub(crate) fn read(&self, mut at: usize, mut into: &mut [u8]) -> usize {
        let room = into.len();
        while !into.is_empty() {
            let from = self.piece(at);
            if from.is_empty() {
                break;
            }
            let n = from.len().min(into.len());
            let (head, rest) = into.split_at_mut(n);
            head.copy_from_slice(&from[..n]);
            into = rest;
            at += n;
        }
        room - into.len()
    }

    /// False far within what repeats, where all cuts are the same.
    pub(crate) fn is_worth_a_cut(&self, at: usize) -> bool {
        const NEAR: usize = 40;
        let begin = self.before.len();
        let end = begin + self.repeated.len() * self.times;
        !(begin + NEAR..end.saturating_sub(NEAR)).contains(&at)
    }

    /// The bytes from `at` on, as far as they stand together.
    fn piece(&self, at: usize) -> &'static [u8] {
        let Some(at) = at.checked_sub(self.before.len()) else {
            return &self.before[at..];
        };
        match at.checked_sub(self.repeated.len() * self.times) {
            None => &self.repeated[at % self.repeated.len()..],
            Some(at) => self.after.get(at..).unwrap_or_default(),
        }
    }
}

/// What a server answers to each request, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Answers(pub(crate) &'static [Wire]);

impl Answers {
    /// As [`Wire::read`], of the first `answers` answers.
    pub(crate) fn read(&self, mut at: usize, answers: usize, into: &mut [u8]) -> usize {
        for wire in self.0.iter().take(answers) {
            match at.checked_sub(wire.len()) {
                Some(after) => at = after,
                None => return wire.read(at, into),
            }
        }
        0
    }

    /// As [`Wire::is_worth_a_cut`].
    pub(crate) fn is_worth_a_cut(&self, mut at: usize) -> bool {
        for wire in self.0 {
            match at.checked_sub(wire.len()) {
                Some(after) => at = after,
                None => return wire.is_worth_a_cut(at),
            }
        }
        true
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|wire| write!(f, " [{wire}]"))
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.before.escape_ascii())?;
        if self.times > 0 {
            write!(f, "({})*{}", self.repeated.escape_ascii(), self.times)?;
        }
        write!(f, "{}", self.after.escape_ascii())
    }
}
