//! Commands on their way out: encoded into the window, or sent from the caller's memory.

use core::time::Duration;

use crate::command::{Blocks, Encode, Parts, Session as Effect, Spec, with_wait};
use crate::connection::{Connection, Exchange, Phase};
use crate::error::{CommandFault, Error, ErrorKind};
use crate::resp::{Cursor, Frame};

impl Connection<'_> {
    /// Begins or goes on with a batch: encodes `command` where it fits the window whole, before
    /// any byte of the batch leaves; false where it does not fit.
    pub(crate) fn enqueue(&mut self, command: &dyn Encode) -> Result<bool, Error> {
        self.take_back_reply();
        if self.phase == Phase::Idle {
            self.prepare()?;
            self.phase = Phase::Sending;
        }
        let spec = command.spec();
        let frame = Frame {
            words: spec.words,
            args: &|args| command.args(args),
        };
        let count = permit(spec).and_then(|()| frame.count());
        let written =
            count.and_then(|count| Cursor::default().write(&frame, count, self.tx.spare()));
        match written {
            Ok((n, true)) => {
                self.note(command);
                self.tx.fill(n);
                self.encoded = self.encoded.saturating_add(1);
                self.awaited = self.awaited.saturating_add(1);
                Ok(true)
            }
            refused => {
                if self.awaited == 0 {
                    self.phase = Phase::Idle;
                }
                refused
                    .map(|_| false)
                    .map_err(|fault| Error::not_sent(ErrorKind::Command(fault)))
            }
        }
    }

    /// The request will be sent, behind what is owed: says which of the two comes next.
    #[inline(never)]
    pub(super) fn begin(&mut self, request: &dyn Parts) -> Result<Phase, Error> {
        let count = request.count();
        for index in 0..count {
            let Some(command) = request.part(index) else {
                break;
            };
            let spec = command.spec();
            let frame = Frame {
                words: spec.words,
                args: &|args| command.args(args),
            };
            // All of a request can be sent, or nothing is. One alone is looked at as it is encoded.
            permit(spec)
                .and_then(|()| if count > 1 { frame.check() } else { Ok(()) })
                .map_err(|fault| Error::not_sent(ErrorKind::Command(fault)))?;
            self.note(command);
        }
        self.awaited = count;
        Ok(match self.owed {
            0 => Phase::Sending,
            _ => Phase::Draining,
        })
    }

    /// Nothing of the exchange before is of use any more.
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        self.exchange = Exchange::default();
        self.encoded = 0;
        self.awaited = 0;
        self.cursor = Cursor::default();
        self.skipped = 0;
        self.session.begin();
        match self.owed {
            0 => self.pass_pushes(),
            _ => Ok(()),
        }
    }

    /// A command of this kind will be sent.
    pub(super) fn note(&mut self, command: &dyn Encode) {
        let spec = command.spec();
        self.session.add(spec.session);
        self.exchange.blocking |= match spec.blocks {
            Blocks::Never => false,
            Blocks::For(_) => with_wait(Duration::ZERO, command) != Some(Duration::ZERO),
            Blocks::Unknown => true,
        };
    }

    /// True where all of it was accepted by the transport.
    pub(super) fn has_left(&self) -> bool {
        self.is_encoded() && self.tx.is_empty()
    }

    pub(super) fn is_encoded(&self) -> bool {
        // A request of which all was encoded has as many replies to come as it has commands.
        self.encoded == self.awaited
    }

    /// Writes as much of the request as fits.
    #[inline(never)]
    pub(super) fn encode(&mut self, request: &dyn Parts) -> Result<(), Error> {
        while let Some(command) = request.part(self.encoded) {
            let spec = command.spec();
            let frame = Frame {
                words: spec.words,
                args: &|args| command.args(args),
            };
            // Large arguments go from where they are, once all before them is gone.
            let rest = self.cursor.rest(&frame).unwrap_or_default();
            if rest.len() >= self.tx.capacity() {
                return Ok(());
            }
            let count = match self.cursor.is_start() {
                true => frame.count(),
                false => Ok(0),
            };
            let written = count.and_then(|count| self.cursor.write(&frame, count, self.tx.spare()));
            match written {
                Ok((n, whole)) => {
                    self.tx.fill(n);
                    if !whole {
                        return Ok(());
                    }
                    self.encoded = self.encoded.saturating_add(1);
                    self.cursor = Cursor::default();
                }
                // What left before cannot be taken back.
                Err(fault) if self.exchange.accepted => {
                    return Err(self.fail(ErrorKind::Command(fault)));
                }
                Err(fault) => {
                    self.tx.clear();
                    self.awaited = 0;
                    self.phase = Phase::Idle;
                    return Err(Error::not_sent(ErrorKind::Command(fault)));
                }
            }
        }
        Ok(())
    }

    /// What is left of the argument that is sent from the caller's memory.
    pub(super) fn direct<'c>(&self, request: &'c dyn Parts) -> Option<&'c [u8]> {
        let command = request.part(self.encoded)?;
        let frame = Frame {
            words: command.spec().words,
            args: &|args| command.args(args),
        };
        self.cursor.rest(&frame).filter(|bytes| !bytes.is_empty())
    }
}

/// Whether commands of this kind may be sent at all.
fn permit(spec: &Spec) -> Result<(), CommandFault> {
    match spec.session {
        Effect::Refused => Err(CommandFault::Refused),
        _ => Ok(()),
    }
}
