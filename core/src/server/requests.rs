//! Finds requests in a window, in any split of the bytes.

use core::fmt;

use crate::config::{Limits, SkipBudget};
use crate::resp::move_up;
use crate::server::request::Form;
use crate::server::{Fault, Request, inline};

/// The longest line with a number: a kind, a sign, 20 digits, CR LF.
const NUMBER: usize = 24;

/// Takes the bytes of a client, and gives its requests one by one.
///
/// Read from the transport into [`spare`](Self::spare), say with [`filled`](Self::filled) how much
/// that was, and take requests by [`next`](Self::next) until there is none; then read again.
///
/// A request that the window does not hold is skipped without being kept, up to a budget, and
/// answered with [`Fault::TooLarge`] when it has passed: the requests behind it are not lost.
pub struct Requests<'w> {
    window: &'w mut [u8],
    /// Bytes of the window that have arrived.
    filled: usize,
    /// Where the present request begins.
    start: usize,
    /// Bytes of the window that were looked at and are in order.
    at: usize,
    /// Bytes after `at` that are known to hold no line feed.
    seen: usize,
    /// Bytes of the head of an array.
    head: usize,
    /// Arguments that the head counts.
    count: u32,
    /// How many of them are still to come.
    args: u32,
    /// Bytes of a bulk still to come, CR LF counted.
    bulk: usize,
    state: State,
    /// Bytes of the present request that were thrown away, where it is too large.
    skipped: Option<usize>,
    limits: Limits,
    budget: u32,
    /// Why the connection must be closed.
    broken: Option<Fault>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Head,
    BulkHead,
    Bulk,
}

impl<'w> Requests<'w> {
    /// Reads requests of up to `window.len()` bytes, by the limits of a Redis server: bulks of
    /// 512 MiB, inline requests of 64 KiB. A window shorter than 32 bytes holds hardly any.
    pub fn new(window: &'w mut [u8]) -> Self {
        Self {
            window,
            filled: 0,
            start: 0,
            at: 0,
            seen: 0,
            head: 0,
            count: 0,
            args: 0,
            bulk: 0,
            state: State::Head,
            skipped: None,
            limits: Limits::DEFAULT,
            budget: SkipBudget::DEFAULT.bytes,
            broken: None,
        }
    }

    /// Other limits: `bulk` for the bytes of an argument, `elements` for the number of them, `line`
    /// for the bytes of an inline request.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many bytes a request may have that is too large for the window and yet skipped rather
    /// than fatal: 64 KiB, where this is not called.
    pub fn skip_budget(mut self, bytes: u32) -> Self {
        self.budget = bytes;
        self
    }

    /// Where the next bytes of the client go. Empty only while [`next`](Self::next) has more to
    /// give.
    pub fn spare(&mut self) -> &mut [u8] {
        self.window.get_mut(self.filled..).unwrap_or_default()
    }

    /// So many bytes were put into [`spare`](Self::spare).
    pub fn filled(&mut self, n: usize) {
        self.filled = self.filled.saturating_add(n).min(self.window.len());
    }

    /// The next request, or none where more bytes must arrive. Empty requests are passed over, as
    /// Redis does.
    ///
    /// # Errors
    /// What the client did wrong; [`Fault::write`] makes a reply of it. Where the fault
    /// [`closes`](Fault::closes), each later call gives it again.
    #[allow(clippy::should_implement_trait)] // An iterator cannot lend.
    pub fn next(&mut self) -> Result<Option<Request<'_>>, Fault> {
        if let Some(fault) = self.broken {
            return Err(fault);
        }
        match self.advance() {
            Ok(Some(form)) => {
                let from = self.start.saturating_add(self.head);
                let to = self.at;
                self.begin();
                let bytes = self.window.get(from..to).unwrap_or_default();
                Ok(Some(Request::new(bytes, self.count, form)))
            }
            Ok(None) => Ok(None),
            Err(fault) => {
                if fault.closes() {
                    self.broken = Some(fault);
                }
                Err(fault)
            }
        }
    }

    /// The next request begins where this one ends.
    fn begin(&mut self) {
        self.start = self.at;
        self.seen = 0;
        self.state = State::Head;
    }

    /// Looks at what has arrived, up to the end of a request.
    fn advance(&mut self) -> Result<Option<Form>, Fault> {
        loop {
            let whole = match self.state {
                State::Head => match self.window.get(self.at..self.filled) {
                    Some([b'*', ..]) => self.array()?,
                    Some([_, ..]) => match self.inline()? {
                        Some(0) => continue,
                        Some(count) => {
                            (self.count, self.head) = (count, 0);
                            return Ok(Some(Form::Inline));
                        }
                        None => false,
                    },
                    _ => false,
                },
                State::BulkHead => self.bulk_head()?,
                State::Bulk => self.bulk()?,
            };
            if !whole {
                return self.make_room().map(|()| None);
            }
            if self.state == State::BulkHead && self.args == 0 {
                if self.skipped.take().is_some() {
                    self.begin();
                    return Err(Fault::TooLarge);
                }
                return Ok(Some(Form::Array));
            }
        }
    }

    /// `*` and the number of arguments; false where it has not arrived whole.
    fn array(&mut self) -> Result<bool, Fault> {
        let Some(count) = self.number().map_err(|()| Fault::BadCount)? else {
            return Ok(false);
        };
        if count > i64::from(self.limits.elements.min(i32::MAX as u32)) {
            return Err(Fault::BadCount);
        }
        // Redis passes over `*0` and `*-1` without an answer.
        match u32::try_from(count) {
            Ok(0) | Err(_) => self.begin(),
            Ok(count) => {
                self.head = self.at.saturating_sub(self.start);
                (self.count, self.args) = (count, count);
                self.state = State::BulkHead;
            }
        }
        Ok(true)
    }

    /// `$` and the number of bytes; false where it has not arrived whole.
    fn bulk_head(&mut self) -> Result<bool, Fault> {
        match self.window.get(self.at..self.filled) {
            Some([b'$', ..]) => {}
            Some([other, ..]) => return Err(Fault::NoBulk(*other)),
            _ => return Ok(false),
        }
        let Some(len) = self.number().map_err(|()| Fault::BadLength)? else {
            return Ok(false);
        };
        if len > i64::from(self.limits.bulk) {
            return Err(Fault::BadLength);
        }
        let len = usize::try_from(len).map_err(|_| Fault::BadLength)?;
        self.bulk = len.checked_add(2).ok_or(Fault::BadLength)?;
        self.state = State::Bulk;
        let needed = self.at.saturating_sub(self.start).saturating_add(self.bulk);
        if needed > self.window.len() || self.skipped.is_some() {
            self.skip(self.bulk)?;
        }
        Ok(true)
    }

    /// Passes what has arrived of a bulk; false where that is not all.
    fn bulk(&mut self) -> Result<bool, Fault> {
        let arrived = self.filled.saturating_sub(self.at);
        if arrived < self.bulk {
            // The last two bytes are looked at together.
            let passed = arrived.min(self.bulk.saturating_sub(2));
            self.at = self.at.saturating_add(passed);
            self.bulk = self.bulk.saturating_sub(passed);
            return Ok(false);
        }
        let end = self.at.saturating_add(self.bulk);
        if self.window.get(end.saturating_sub(2)..end) != Some(b"\r\n") {
            return Err(Fault::MissingCrLf);
        }
        self.at = end;
        self.args = self.args.saturating_sub(1);
        self.state = State::BulkHead;
        Ok(true)
    }

    /// Decodes a line of words and says how many there are; `None` where it has not arrived whole.
    fn inline(&mut self) -> Result<Option<u32>, Fault> {
        let longest = inline::LONGEST
            .min(self.limits.line as usize)
            .min(self.window.len());
        let Some(len) = self.line() else {
            return if self.seen >= longest {
                Err(Fault::InlineTooLong)
            } else {
                Ok(None)
            };
        };
        if len > longest {
            return Err(Fault::InlineTooLong);
        }
        self.at = self.at.saturating_add(len);
        let count = inline::decode(self.window.get_mut(self.start..self.at).unwrap_or_default())?;
        if count == 0 {
            self.begin();
        }
        if count > self.limits.elements {
            Err(Fault::BadCount)
        } else {
            Ok(Some(count))
        }
    }

    /// The number of the line at `at`, behind its kind; `None` where it has not arrived whole.
    fn number(&mut self) -> Result<Option<i64>, ()> {
        let Some(len) = self.line() else {
            let longest = NUMBER.min(self.window.len());
            return if self.seen >= longest {
                Err(())
            } else {
                Ok(None)
            };
        };
        let end = self.at.saturating_add(len);
        let line = self.window.get(self.at..end).unwrap_or_default();
        self.at = end;
        match line {
            [_, digits @ .., b'\r', b'\n'] => strict(digits).map(Some).ok_or(()),
            _ => Err(()),
        }
    }

    /// The length of the line at `at`, LF counted; `None` where it has not arrived whole.
    fn line(&mut self) -> Option<usize> {
        let arrived = self.window.get(self.at..self.filled).unwrap_or_default();
        match memchr::memchr(b'\n', arrived.get(self.seen..).unwrap_or_default()) {
            Some(found) => {
                let len = self.seen.saturating_add(found).saturating_add(1);
                self.seen = 0;
                Some(len)
            }
            None => {
                self.seen = arrived.len();
                None
            }
        }
    }

    /// More must arrive: the present request moves to the front, once; where it fills the window,
    /// what was looked at of it is thrown away.
    fn make_room(&mut self) -> Result<(), Fault> {
        self.forget(self.start);
        // An inline request that fills the window was refused before.
        if self.skipped.is_some() || (self.filled == self.window.len() && self.filled > 0) {
            self.skip(0)?;
            self.forget(self.at);
        }
        Ok(())
    }

    /// Counts the bytes of the present request that were passed as skipped, and checks that they
    /// and `ahead` more are within the budget.
    fn skip(&mut self, ahead: usize) -> Result<(), Fault> {
        let passed = self.at.saturating_sub(self.start);
        let skipped = self.skipped.unwrap_or(0).saturating_add(passed);
        self.skipped = Some(skipped);
        self.start = self.at;
        if skipped.saturating_add(ahead) > self.budget as usize {
            return Err(Fault::SkipBudget);
        }
        Ok(())
    }

    /// Throws away the first `n` bytes of the window.
    fn forget(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        let left = self.filled.saturating_sub(n);
        move_up(self.window, n, 0, left);
        self.filled = left;
        self.start = self.start.saturating_sub(n);
        self.at = self.at.saturating_sub(n);
    }
}

/// A number as Redis takes it from clients: no sign but `-`, no zero in front.
fn strict(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if matches!(digits, [] | [b'0', _, ..] | [b'+', ..]) || text == b"-0" {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}

impl fmt::Debug for Requests<'_> {
    /// Counts only: a request may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests")
            .field("window", &self.window.len())
            .field("filled", &self.filled)
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Requests<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Requests({} of {} bytes)",
            self.filled,
            self.window.len()
        );
    }
}

#[cfg(test)]
mod tests;
