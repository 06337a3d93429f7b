//! A peer that answers whatever comes.

extern crate std;

use core::fmt;
use std::vec;
use std::vec::Vec;

use embedded_io::ErrorKind;

use crate::config::Protocol;
use crate::io::scripted::{Answers, Peer, Wrong, words};
use crate::resp::Replies;

/// Bytes of a reply.
const ROOM: usize = 64 * 1024;

/// A [`Peer`] that answers each command by a function; logins it grants itself.
///
/// The function gets the words of the command, and writes one reply, of up to 64 KiB, in the protocol
/// that the client asked for. One that writes nothing leaves its client waiting.
pub struct Serve<F> {
    answer: F,
    protocol: Protocol,
    came: Vec<u8>,
    reply: Vec<u8>,
}

impl<F: FnMut(&[&[u8]], &mut Replies<'_>)> Serve<F> {
    /// A peer that answers by `answer`.
    pub fn new(answer: F) -> Self {
        Self {
            answer,
            protocol: Protocol::Resp2,
            came: Vec::new(),
            reply: vec![0; ROOM],
        }
    }
}

impl<F: FnMut(&[&[u8]], &mut Replies<'_>)> Peer for Serve<F> {
    fn open(&mut self, _answers: &mut Answers) {
        self.protocol = Protocol::Resp2;
        self.came.clear();
    }

    fn take(&mut self, bytes: &[u8], answers: &mut Answers) {
        self.came.extend_from_slice(bytes);
        loop {
            let len = match words::first(&self.came) {
                Ok(None) => return,
                Err(()) => return answers.go_wrong(Wrong::Error(ErrorKind::InvalidData)),
                Ok(Some((command, len))) => {
                    if let Some(granted) = words::granted(&command) {
                        if command.starts_with(&[b"HELLO"]) {
                            self.protocol = Protocol::Resp3;
                        }
                        answers.say(granted);
                    } else {
                        let mut replies = Replies::new(&mut self.reply, self.protocol);
                        (self.answer)(&command, &mut replies);
                        answers.say(replies.written());
                    }
                    len
                }
            };
            self.came.drain(..len);
        }
    }
}

impl<F> fmt::Debug for Serve<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve").finish_non_exhaustive()
    }
}
