//! Replies: on their way in, where they are kept in the window or counted and skipped, and as the
//! answer.

use crate::command::Request;
use crate::connection::{Connection, Exchange, Phase, Until};
use crate::error::{Error, ErrorKind, Fault};
use crate::planted;
use crate::resp::{Decoder, Item, Reply, Scanned, Scanner};

impl Connection<'_> {
    /// What came since the last exchange may only be pushes.
    pub(super) fn pass_pushes(&mut self) -> Result<(), Error> {
        while !self.rx.is_empty() {
            self.refuse_unasked()?;
            match self.scan(false)? {
                Scanned::Push => self.tally.pushes = self.tally.pushes.wrapping_add(1),
                Scanned::Reply => return Err(self.fail(ErrorKind::Protocol(Fault::Surplus))),
                // What half an attribute describes may be a push, or the next answer: it is kept, and
                // looked at again with the rest.
                Scanned::More if self.scanner.is_in_attribute(self.levels) => {
                    self.scanner = Scanner::default();
                    self.rx.make_room();
                    return match self.rx.is_full() {
                        true => Err(self.fail(ErrorKind::Protocol(Fault::Surplus))),
                        false => Ok(()),
                    };
                }
                Scanned::More => {
                    // What an attribute describes may have begun.
                    self.refuse_unasked()?;
                    self.free_scanned();
                    return Ok(());
                }
            }
            self.free_scanned();
        }
        Ok(())
    }

    /// What has begun, if only with its first byte, may only be a push.
    fn refuse_unasked(&mut self) -> Result<(), Error> {
        let next = self.rx.filled().get(self.scanner.at());
        let may_be_push = match self.scanner.is_between_values() {
            true => matches!(next, None | Some(b'>' | b'|')),
            false => self.scanner.is_in_push(),
        };
        match may_be_push {
            true => Ok(()),
            false => Err(self.fail(ErrorKind::Protocol(Fault::Surplus))),
        }
    }

    /// The replies of dropped calls will be skipped.
    pub(super) fn owe(&mut self, owed: u16) {
        self.owed = owed.saturating_sub(u16::from(planted::is(planted::Fault::SkipOffByOne)));
        self.awaited = 0;
        self.scanner.discard();
        self.free_scanned();
        self.exchange = Exchange::default();
        self.phase = Phase::Idle;
    }

    /// Skips replies of dropped calls; true where none is left.
    #[inline(never)]
    pub(super) fn drain(&mut self) -> Result<bool, Error> {
        #[cfg(test)]
        if crate::connection::sabotage::SKIPS_NOTHING.get() {
            self.owed = 0;
        }
        while self.owed > 0 {
            let scanned = self.scan(false)?;
            self.skip(ErrorKind::Protocol(Fault::SkipBudget))?;
            match scanned {
                Scanned::Push => self.tally.pushes = self.tally.pushes.wrapping_add(1),
                Scanned::Reply => {
                    self.owed = self.owed.saturating_sub(1);
                    self.tally.skipped = self.tally.skipped.wrapping_add(1);
                }
                Scanned::More => {
                    self.make_room()?;
                    return Ok(false);
                }
            }
        }
        self.pass_pushes()?;
        Ok(true)
    }

    /// Takes replies; true where as many are there as the caller waits for.
    #[inline(never)]
    pub(super) fn receive(&mut self, until: Until) -> Result<bool, Error> {
        while self.awaited > 0 {
            let keep = !self.exchange.discarding;
            let scanned = self.scan(keep)?;
            if !keep {
                self.skip(self.too_large())?;
            }
            match scanned {
                Scanned::Push => {
                    self.tally.pushes = self.tally.pushes.wrapping_add(1);
                    // One between two replies stays where it is: the decoder passes over it.
                    if keep && !self.exchange.kept {
                        self.free_scanned();
                    }
                }
                Scanned::Reply => {
                    self.exchange.kept = true;
                    self.exchange.failed |= self.scanner.failed();
                    self.awaited = self.awaited.saturating_sub(1);
                    // What the server says by itself answers nothing.
                    if self.exchange.accepted {
                        self.tally.answered = self.tally.answered.wrapping_add(1);
                    }
                    if until == Until::Next {
                        break;
                    }
                }
                Scanned::More => {
                    if self.passes_push() {
                        self.scanner.discard();
                        self.free_scanned();
                    }
                    self.make_room()?;
                    return Ok(false);
                }
            }
        }
        if self.awaited == 0 {
            if !self.exchange.failed {
                self.session.succeeded();
            }
            self.phase = Phase::Idle;
        }
        self.exchange.handed = true;
        Ok(true)
    }

    /// True within a message that answers nothing and stands before all replies: it is not kept,
    /// however large it is.
    pub(super) fn passes_push(&self) -> bool {
        self.scanner.is_in_push() && !self.exchange.kept
    }

    pub(super) fn scan(&mut self, keep: bool) -> Result<Scanned, Error> {
        let scanned =
            self.scanner
                .scan(self.rx.filled_mut(), self.levels, &self.config.limits, keep);
        scanned.map_err(|fault| self.fail(ErrorKind::Protocol(fault)))
    }

    /// Frees what was scanned, within the budget for what is skipped in one go.
    pub(super) fn skip(&mut self, over_budget: ErrorKind) -> Result<(), Error> {
        let freed = self.free_scanned();
        self.skipped = self.skipped.saturating_add(freed as u32);
        let known = (self.skipped as usize).saturating_add(self.scanner.left());
        if known > self.config.skip_budget.bytes as usize {
            // Commands behind this one may have been applied.
            let answered =
                matches!(over_budget, ErrorKind::ReplyTooLarge { .. }) && self.awaited == 1;
            let error = self.fail(over_budget);
            return Err(if answered {
                Error::answered(over_budget)
            } else {
                error
            });
        }
        Ok(())
    }

    /// Makes room for the bytes that the scanner waits for.
    pub(super) fn make_room(&mut self) -> Result<(), Error> {
        let keeps =
            self.phase == Phase::Receiving && !self.exchange.discarding && !self.passes_push();
        if keeps && self.needs() > self.rx.capacity() {
            self.close_gap();
            if self.needs() > self.rx.capacity() {
                return self.begin_discarding(self.needs());
            }
        }
        self.rx.make_room();
        if !self.rx.is_full() {
            return Ok(());
        }
        self.close_gap();
        if !self.rx.is_full() {
            return Ok(());
        }
        if self.scanner.at() > 0 && keeps {
            return self.begin_discarding(0);
        }
        // One line fills the window. Of an error, its code and its end are kept.
        let line = self.rx.filled();
        if !self.scanner.is_at_line() || line.first() != Some(&b'-') {
            return Err(self.fail(ErrorKind::Protocol(Fault::LineTooLong)));
        }
        let ends = line.last() == Some(&b'\r');
        let half = self.rx.capacity() / 2;
        let dropped = line.len().saturating_sub(half);
        self.skipped = self.skipped.saturating_add(dropped as u32);
        if self.skipped > self.config.skip_budget.bytes {
            return Err(self.fail(ErrorKind::Protocol(Fault::LineTooLong)));
        }
        self.rx.truncate(half);
        if let (true, Some(last)) = (ends, self.rx.filled_mut().last_mut()) {
            *last = b'\r';
        }
        self.scanner.cut_line(half);
        Ok(())
    }

    /// Bytes from the front of the window to the end of what the last head announced.
    pub(super) fn needs(&self) -> usize {
        self.scanner.at().saturating_add(self.scanner.left())
    }

    /// Takes out what stands between the chunks of a streamed string.
    pub(super) fn close_gap(&mut self) {
        let filled = self.rx.filled().len();
        let filled = self.scanner.close_gap(self.rx.filled_mut(), filled);
        self.rx.truncate(filled);
    }

    /// The replies do not fit: from here on they are counted and not kept.
    pub(super) fn begin_discarding(&mut self, needed: usize) -> Result<(), Error> {
        self.needed = if self.scanner.has_said_its_length() {
            u32::try_from(needed).unwrap_or(u32::MAX)
        } else {
            0
        };
        self.exchange.discarding = true;
        self.exchange.kind = self.rx.filled().first().copied().unwrap_or_default();
        self.skipped = 0;
        self.scanner.discard();
        self.skip(self.too_large())?;
        self.make_room()
    }

    pub(super) fn too_large(&self) -> ErrorKind {
        ErrorKind::ReplyTooLarge {
            needed: self.needed,
            window: self.rx.capacity() as u32,
        }
    }

    /// The bytes of the answer that was handed out last.
    pub(super) fn answer(&self) -> &[u8] {
        match self.exchange.handed {
            true => self
                .rx
                .filled()
                .get(..self.scanner.at())
                .unwrap_or_default(),
            false => &[],
        }
    }

    /// Decodes the answer to `request`, in place.
    ///
    /// # Errors
    /// The server's error, or why the reply does not fit what was asked for. The connection stays
    /// in step.
    pub fn reply<R: Request>(&self, _request: &R) -> Result<<R::Reply as Reply>::Out<'_>, Error> {
        R::Reply::decode(&mut self.replies()?)
    }

    /// The text of the last reply, where that is an error; until the next step.
    pub fn error_text(&self) -> Option<&str> {
        match Decoder::new(self.answer()).item() {
            Ok(Item::Error(text)) => core::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// A decoder over the answer.
    pub(crate) fn replies(&self) -> Result<Decoder<'_>, Error> {
        match self.exchange.discarding {
            true => Err(Error::answered(self.too_large())),
            false => Ok(Decoder::new(self.answer())),
        }
    }

    /// True where the answer did not fit, and is an aggregate.
    pub(crate) fn discards_aggregate(&self) -> bool {
        self.exchange.discarding && matches!(self.exchange.kind, b'%' | b'*' | b'|')
    }

    /// True where a reply of the answer is an error.
    pub(crate) fn has_failed(&self) -> bool {
        self.exchange.failed
    }

    /// True where the answer says that this connection is of no more use: the server wants a login
    /// that it had (a proxy's server that was restarted), or closes after what it could not read.
    #[cold]
    #[inline(never)]
    pub(super) fn is_turned_away(&self) -> bool {
        // As it came: a decoder here would be at the bottom of the deepest stack.
        let answer = self.answer();
        answer.starts_with(b"-NOAUTH ") || answer.starts_with(b"-ERR Protocol error")
    }

    /// Frees what the last answer stood in.
    pub(super) fn take_back_reply(&mut self) {
        if core::mem::take(&mut self.exchange.handed) {
            self.free_scanned();
            self.exchange.kept = false;
            self.exchange.discarding = false;
            self.skipped = 0;
        }
    }

    /// The bytes that were scanned are of no use any more.
    pub(super) fn free_scanned(&mut self) -> usize {
        let at = self.scanner.at();
        self.rx.consume(at);
        self.scanner.forget(at);
        at
    }

    /// Between two exchanges, passes over the pushes that have come. Where a reply has that no call
    /// asked for, the connection is closed.
    pub(crate) fn pass_unasked(&mut self) {
        if self.phase == Phase::Idle && self.owed == 0 {
            self.take_back_reply();
            let _ = self.pass_pushes();
        }
    }
}
