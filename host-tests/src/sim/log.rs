//! What happened: a digest of all of it, and the last lines for people.

use std::collections::VecDeque;

/// What is told of a run while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Nothing: only the digest is made.
    Nothing,
    /// So many of its last lines are kept.
    Last(usize),
    /// Each line is printed at once.
    All,
}

/// The log of a run.
#[derive(Debug)]
pub(super) struct Log {
    telling: Telling,
    digest: u64,
    last: VecDeque<String>,
}

impl Log {
    pub(super) fn new(telling: Telling) -> Self {
        Self {
            telling,
            digest: 0xcbf2_9ce4_8422_2325,
            last: VecDeque::new(),
        }
    }

    /// Something happened, to these numbers.
    pub(super) fn note(&mut self, now: u64, what: &'static str, of: usize, number: u64) {
        self.mix(now);
        self.mix_bytes(what.as_bytes());
        self.mix(of as u64);
        self.mix(number);
        if self.telling != Telling::Nothing {
            self.tell(format!("{now:>7} ms  {what} {of}: {number}"));
        }
    }

    /// Something happened, with these bytes.
    pub(super) fn note_bytes(&mut self, now: u64, what: &'static str, of: usize, bytes: &[u8]) {
        self.mix(now);
        self.mix_bytes(what.as_bytes());
        self.mix(of as u64);
        self.mix_bytes(bytes);
        if self.telling != Telling::Nothing {
            self.tell(format!(
                "{now:>7} ms  {what} {of}: {}",
                bytes.escape_ascii()
            ));
        }
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn take_last(&mut self) -> Vec<String> {
        self.last.drain(..).collect()
    }

    fn tell(&mut self, line: String) {
        match self.telling {
            Telling::Nothing => {}
            Telling::All => println!("{line}"),
            Telling::Last(lines) => {
                if self.last.len() >= lines {
                    self.last.pop_front();
                }
                self.last.push_back(line);
            }
        }
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(bytes.len() as u64);
    }

    fn mix(&mut self, word: u64) {
        self.digest = (self.digest ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }
}
