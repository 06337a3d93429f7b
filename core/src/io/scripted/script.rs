//! A peer that expects one thing after the other.

extern crate std;

use core::fmt;
use std::format;
use std::string::String;
use std::vec::Vec;

use embedded_io::ErrorKind;

use crate::io::scripted::{Answers, Peer, Wrong, words};
use crate::time::Duration;

/// What happens next at the other end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step<'s> {
    /// The transport is opened once more. The first time goes without saying.
    Open,
    /// The login of a connection comes, whatever the settings put in it, and is granted. A `SELECT`
    /// of the database in the settings is not part of it: that is a [`Command`](Self::Command).
    Login,
    /// A command comes, of these words, which are parted by spaces.
    Command(&'s str),
    /// These bytes come.
    Bytes(&'s [u8]),
    /// These bytes are answered.
    Answer(&'s [u8]),
    /// So many reads are pending before the next answer; each wakes its task at once.
    Pending(u32),
    /// The next answer comes only after this time on the clock, counted from the moment when it is
    /// waited for.
    Wait(Duration),
    /// The stream breaks with this error, after what was answered before.
    Fail(ErrorKind),
    /// The peer ends the stream, after what was answered before.
    End,
}

/// A [`Peer`] that goes through its steps in order, each word as it is written.
///
/// What comes and was not expected ends the stream with the error `InvalidData`; from
/// [`finished`](Self::finished) the test learns what it was.
#[derive(Debug)]
pub struct Script<'s> {
    steps: &'s [Step<'s>],
    /// The step that is waited for.
    at: usize,
    opened: bool,
    /// What came of the present step.
    came: Vec<u8>,
    surprise: Option<Mismatch>,
}

/// What a step took.
struct Taken {
    bytes: usize,
    /// The step is over.
    ends: bool,
}

/// Where what came parts from the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The index of the step that was waited for; as many as there are, where all were over.
    pub step: usize,
    /// What that is.
    pub expected: String,
    /// What came instead; nothing, where the test was over too soon.
    pub came: Vec<u8>,
}

impl<'s> Script<'s> {
    /// A peer that goes through `steps`.
    pub fn new(steps: &'s [Step<'s>]) -> Self {
        Self {
            steps,
            at: 0,
            opened: false,
            came: Vec::new(),
            surprise: None,
        }
    }

    /// Whether all steps were gone through, and nothing else came.
    ///
    /// # Errors
    /// What was missing, or too much.
    pub fn finished(&self) -> Result<(), Mismatch> {
        match &self.surprise {
            Some(surprise) => Err(surprise.clone()),
            None if self.at < self.steps.len() || !self.came.is_empty() => {
                Err(self.mismatch(&self.came))
            }
            None => Ok(()),
        }
    }

    /// Goes on as far as nothing has to come.
    fn answer(&mut self, answers: &mut Answers) {
        while let Some(step) = self.steps.get(self.at) {
            match *step {
                Step::Answer(bytes) => answers.say(bytes),
                Step::Pending(polls) => answers.pending(polls),
                Step::Wait(span) => answers.wait(span),
                Step::Fail(kind) => answers.go_wrong(Wrong::Error(kind)),
                Step::End => answers.go_wrong(Wrong::End),
                Step::Open | Step::Login | Step::Command(_) | Step::Bytes(_) => return,
            }
            self.at += 1;
        }
    }

    /// What the present step takes of what came; `None` where more has to come.
    fn take_one(&self, answers: &mut Answers) -> Result<Option<Taken>, ()> {
        let whole = |bytes| Taken { bytes, ends: true };
        match self.steps.get(self.at) {
            Some(Step::Command(words)) => {
                Ok(begins(&self.came, &words::encoded(words))?.map(whole))
            }
            Some(Step::Bytes(bytes)) => Ok(begins(&self.came, bytes)?.map(whole)),
            Some(Step::Login) => {
                let Some((words, bytes)) = words::first(&self.came)? else {
                    return Ok(None);
                };
                match words.as_slice() {
                    // The login of RESP2 without a password.
                    [b"PING"] => answers.say(b"+PONG\r\n"),
                    words => answers.say(words::granted(words).ok_or(())?),
                }
                // The version of this library is the last thing that a login says.
                let ends = words.get(2).is_some_and(|word| *word == b"LIB-VER");
                Ok(Some(Taken { bytes, ends }))
            }
            _ => Err(()),
        }
    }

    fn surprised(&mut self, came: &[u8], answers: &mut Answers) {
        if self.surprise.is_none() {
            self.surprise = Some(self.mismatch(came));
        }
        answers.go_wrong(Wrong::Error(ErrorKind::InvalidData));
    }

    fn mismatch(&self, came: &[u8]) -> Mismatch {
        let expected = match self.steps.get(self.at) {
            Some(step) => format!("{step:?}"),
            None => "nothing more".into(),
        };
        Mismatch {
            step: self.at,
            expected,
            came: came.into(),
        }
    }
}

impl Peer for Script<'_> {
    fn open(&mut self, answers: &mut Answers) {
        // What was left of the stream before is no longer waited for.
        self.came.clear();
        match self.steps.get(self.at) {
            Some(Step::Open) => self.at += 1,
            _ if !self.opened => {}
            _ => return self.surprised(b"(opened anew)", answers),
        }
        self.opened = true;
        self.answer(answers);
    }

    fn take(&mut self, bytes: &[u8], answers: &mut Answers) {
        self.came.extend_from_slice(bytes);
        while !self.came.is_empty() && self.surprise.is_none() {
            match self.take_one(answers) {
                Ok(None) => return,
                Ok(Some(taken)) => {
                    self.came.drain(..taken.bytes);
                    if taken.ends {
                        self.at += 1;
                        self.answer(answers);
                    }
                }
                Err(()) => {
                    let came = core::mem::take(&mut self.came);
                    self.surprised(&came, answers);
                }
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at step {}: expected {}, got \"{}\"",
            self.step,
            self.expected,
            self.came.escape_ascii()
        )
    }
}

impl core::error::Error for Mismatch {}

/// The length of what was expected where it came, `None` where all that came is a part of it.
fn begins(came: &[u8], expected: &[u8]) -> Result<Option<usize>, ()> {
    match came.starts_with(expected) {
        true => Ok(Some(expected.len())),
        false if expected.starts_with(came) => Ok(None),
        false => Err(()),
    }
}
