//! Finds where values end, in any split of the bytes, without recursion and with bounded memory.
//!
//! A [`Scanner`] remembers how far it has looked; every byte is looked at a bounded number of times
//! however the bytes arrive. Limits are checked on the head of a value, before anything waits for
//! its body. What it has passed is well-formed, so that decoding cannot fail half-way.

use crate::config::Limits;
use crate::error::Fault;
use crate::resp::head::{Aggregate, Blob, Bulk, Head, NoHead, bulk, find, head};
use crate::resp::stream;

/// A level of `?`: values follow until the end mark.
const STREAM: u32 = 0x8000_0000;
/// Set in the count of a level whose values are an attribute: when it is complete, the value that
/// it describes is still to come.
const ATTRIBUTE: u32 = 0x8000_0000;

/// How many streamed aggregates may be open in one another. No server sends any; the bound lets
/// the decoder skip a value without lent memory.
pub(crate) const STREAMS: usize = 4;

/// How far a byte stream was looked at.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    /// Bytes of the window that were passed.
    at: usize,
    /// Bytes after `at` that are known to hold no line feed.
    seen: usize,
    /// Bytes of a blob still to come, CR LF counted.
    left: usize,
    /// Open aggregates.
    depth: u8,
    /// Whether the value at the top is a push.
    push: bool,
    /// Whether the value at the top is an error.
    error: bool,
    /// Whether the reply that was found last is one.
    failed: bool,
    /// An attribute has passed, and what it describes has still to begin.
    described: bool,
    /// A streamed string that is being compacted, where its bytes are kept.
    string: Option<stream::Compacting>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum State {
    #[default]
    Head,
    Body,
    /// Between the chunks of a streamed string.
    Chunk,
    ChunkBody,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// All bytes were looked at; more must arrive.
    More,
    /// A reply ends at `at()`.
    Reply,
    /// A push ends at `at()`.
    Push,
}

impl Scanner {
    /// Where the scanner is, counted from the start of the bytes it is given.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes of the blob at `at()` are still to come or to be looked at, CR LF counted.
    pub(crate) fn left(&self) -> usize {
        self.left
    }

    /// True where the reply that was found last is an error.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// True where a line comes next.
    pub(crate) fn is_at_line(&self) -> bool {
        matches!(self.state, State::Head | State::Chunk)
    }

    /// True where nothing of a value was passed yet, other than its attributes.
    pub(crate) fn is_between_values(&self) -> bool {
        self.depth == 0 && self.state == State::Head
    }

    /// True within an attribute that stands before a value, not within one.
    pub(crate) fn is_in_attribute(&self, levels: &[u32]) -> bool {
        let outermost = levels.first().filter(|_| self.depth > 0);
        outermost.is_some_and(|level| level & ATTRIBUTE != 0)
    }

    /// True within a blob that stands in no aggregate and said how long it is.
    pub(crate) fn has_said_its_length(&self) -> bool {
        self.depth == 0 && self.state == State::Body
    }

    /// True where the value under way is a push.
    pub(crate) fn is_in_push(&self) -> bool {
        self.push
    }

    /// The first `n` bytes are no longer given. None of them is of a string that is being compacted:
    /// those are kept, or [discarded](Self::discard) before.
    pub(crate) fn forget(&mut self, n: usize) {
        self.at = self.at.saturating_sub(n);
    }

    /// The line at `at()` was cut to its first `len` bytes, none of them a line feed.
    pub(crate) fn cut_line(&mut self, len: usize) {
        self.seen = len;
    }

    /// From here on bytes are not kept: what was compacted so far is of no use.
    pub(crate) fn discard(&mut self) {
        self.string = None;
    }

    /// Makes room within a streamed string, and says how many bytes `window` has then.
    pub(crate) fn close_gap(&mut self, window: &mut [u8], filled: usize) -> usize {
        let Some(string) = &mut self.string else {
            return filled;
        };
        let removed = string.close_gap(window, self.at, filled);
        self.at = self.at.saturating_sub(removed);
        filled.saturating_sub(removed)
    }

    /// Looks at `window` from where it stopped before, up to the end of a value.
    ///
    /// `keep` says that the bytes will be decoded: then a streamed string is rewritten in place as
    /// a plain one.
    pub(crate) fn scan(
        &mut self,
        window: &mut [u8],
        levels: &mut [u32],
        limits: &Limits,
        keep: bool,
    ) -> Result<Scanned, Fault> {
        loop {
            if let Some(ended) = self.pass_bulks(window, levels, limits) {
                return Ok(ended);
            }
            let ended = match self.state {
                State::Head => {
                    let Some((after, found)) = self.head(window, limits)? else {
                        return Ok(Scanned::More);
                    };
                    let entered = self.enter(found, after, levels, limits, keep)?;
                    if let Entered::Prefix = entered {
                        return Ok(Scanned::More);
                    }
                    self.at = window.len().saturating_sub(after.len());
                    matches!(entered, Entered::Value)
                }
                State::Body => {
                    if !self.pass_body(window)? {
                        return Ok(Scanned::More);
                    }
                    self.state = State::Head;
                    true
                }
                State::Chunk => {
                    let Some((after, found)) = self.head(window, limits)? else {
                        return Ok(Scanned::More);
                    };
                    let Head::Chunk(len) = found else {
                        return Err(Fault::Misplaced);
                    };
                    self.at = window.len().saturating_sub(after.len());
                    if len == 0 {
                        if let Some(string) = self.string.take() {
                            string.finish(window, self.at);
                        }
                        self.state = State::Head;
                        true
                    } else {
                        self.left = body(len, limits)?;
                        self.state = State::ChunkBody;
                        false
                    }
                }
                State::ChunkBody => {
                    let before = self.left;
                    let from = self.at;
                    let whole = self.pass_body(window)?;
                    if let Some(string) = &mut self.string {
                        let passed = before.saturating_sub(self.left);
                        let payload = passed.min(before.saturating_sub(2));
                        string.append(window, from, payload, limits)?;
                    }
                    if !whole {
                        return Ok(Scanned::More);
                    }
                    self.state = State::Chunk;
                    false
                }
            };
            if ended && self.leave(levels) {
                return Ok(self.ended());
            }
        }
    }

    /// Passes over bulk strings for as long as they come one after the other; says what the last of
    /// them completes. It does nothing that the loop would not do:
    /// most of what servers send is bulk strings, and here they cost least.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn pass_bulks(
        &mut self,
        window: &[u8],
        levels: &mut [u32],
        limits: &Limits,
    ) -> Option<Scanned> {
        if self.state != State::Head || self.seen > 0 {
            return None;
        }
        let mut rest = window.get(self.at..)?;
        // All but the last value of an aggregate only count.
        let mut passed = 0u32;
        let level = self.top(levels).filter(|level| **level < STREAM);
        if let Some(level) = level {
            while passed.wrapping_add(1) < *level
                && let Bulk::Whole(_, after) = bulk(rest, limits)
            {
                rest = after;
                passed = passed.wrapping_add(1);
            }
            *level = level.wrapping_sub(passed);
        }
        let ended = loop {
            match bulk(rest, limits) {
                Bulk::Whole(_, after) => {
                    rest = after;
                    if self.leave(levels) {
                        break Some(self.ended());
                    }
                }
                Bulk::Cut(len, start) if let Ok(left) = body(len, limits) => {
                    rest = start;
                    self.left = left;
                    self.state = State::Body;
                    break None;
                }
                _ => break None,
            }
        };
        self.at = window.len().wrapping_sub(rest.len());
        ended
    }

    /// What a value that completes all it stands in is.
    fn ended(&mut self) -> Scanned {
        self.failed = core::mem::take(&mut self.error);
        match core::mem::take(&mut self.push) {
            true => Scanned::Push,
            false => Scanned::Reply,
        }
    }

    /// The head at `at`, and what comes after it; `None` where its line has not arrived whole.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn head<'b>(
        &mut self,
        window: &'b [u8],
        limits: &Limits,
    ) -> Result<Option<(&'b [u8], Head<'b>)>, Fault> {
        let rest = window.get(self.at..).unwrap_or_default();
        // A line over the limit is a fault from its first byte over the limit on, in any split.
        let limit = limits.line as usize;
        let line = rest.get(..limit).unwrap_or(rest);
        if !self.has_line(line) && line.len() < limit {
            return Ok(None);
        }
        #[cfg(test)]
        super::tests::looked(
            line.split(|byte| *byte == b'\n')
                .next()
                .map_or(0, <[u8]>::len),
        );
        match head(line) {
            Ok((after, found)) => {
                self.seen = 0;
                let passed = line.len().saturating_sub(after.len());
                Ok(Some((rest.get(passed..).unwrap_or_default(), found)))
            }
            Err(NoHead::Fault(fault)) => Err(fault),
            Err(NoHead::Incomplete) if line.len() >= limit => Err(Fault::LineTooLong),
            Err(NoHead::Incomplete) => {
                self.seen = line.len();
                Ok(None)
            }
        }
    }

    /// Whether it is worth to parse `line`: not while it surely has not arrived whole.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn has_line(&mut self, line: &[u8]) -> bool {
        if self.seen == 0 {
            return !line.is_empty();
        }
        let unseen = line.get(self.seen..).unwrap_or_default();
        #[cfg(test)]
        super::tests::looked(unseen.len());
        self.seen = self.seen.saturating_add(unseen.len());
        find(unseen, b'\n', b'\n').is_some()
    }

    /// Passes what has arrived of a blob; true where that was all of it.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn pass_body(&mut self, window: &[u8]) -> Result<bool, Fault> {
        let arrived = window.len().saturating_sub(self.at);
        if arrived < self.left {
            // The last two bytes are looked at together.
            let passed = arrived.min(self.left.saturating_sub(2));
            self.at = self.at.saturating_add(passed);
            self.left = self.left.saturating_sub(passed);
            return Ok(false);
        }
        let end = self.at.saturating_add(self.left);
        match window.get(end.saturating_sub(2)..end) {
            Some(b"\r\n") => {
                self.at = end;
                self.left = 0;
                Ok(true)
            }
            _ => Err(Fault::MissingCrLf),
        }
    }

    /// Takes a head; says whether it is a whole value by itself.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn enter(
        &mut self,
        head: Head<'_>,
        after: &[u8],
        levels: &mut [u32],
        limits: &Limits,
        keep: bool,
    ) -> Result<Entered, Fault> {
        match head {
            Head::Blob(kind, len) => {
                let left = body(len, limits)?;
                if kind == Blob::Verbatim {
                    match after.get(3) {
                        _ if len < 4 => return Err(Fault::Misplaced),
                        None => return Ok(Entered::Prefix),
                        Some(b':') => {}
                        Some(_) => return Err(Fault::Misplaced),
                    }
                }
                self.error |= kind == Blob::Error && self.depth == 0;
                self.left = left;
                self.state = State::Body;
                Ok(Entered::Open)
            }
            Head::Error(_) => {
                self.error |= self.depth == 0;
                Ok(Entered::Value)
            }
            Head::Simple(_)
            | Head::Integer(_)
            | Head::Double(_)
            | Head::Boolean(_)
            | Head::BigNumber(_)
            | Head::Null => Ok(Entered::Value),
            Head::Aggregate(kind, len) => {
                let values = kind
                    .values(len)
                    .filter(|n| *n <= limits.elements.min(!STREAM));
                let values = values.ok_or(Fault::TooManyElements)?;
                match kind {
                    Aggregate::Push if self.depth > 0 || len == 0 => return Err(Fault::Misplaced),
                    Aggregate::Push => self.push = true,
                    Aggregate::Attribute if values == 0 => {
                        self.described = true;
                        return Ok(Entered::Open);
                    }
                    Aggregate::Attribute => {
                        self.open(values | ATTRIBUTE, levels, limits)?;
                        return Ok(Entered::Open);
                    }
                    _ => {}
                }
                if values == 0 {
                    return Ok(Entered::Value);
                }
                self.open(values, levels, limits)?;
                Ok(Entered::Open)
            }
            Head::AggregateStream(_) => {
                let open = levels.iter().take(usize::from(self.depth));
                if open.filter(|level| **level == STREAM).count() >= STREAMS {
                    return Err(Fault::TooDeep);
                }
                self.open(STREAM, levels, limits)?;
                self.described = false;
                Ok(Entered::Open)
            }
            Head::End => match self.top(levels) {
                Some(level) if *level == STREAM && !self.described => {
                    self.depth = self.depth.saturating_sub(1);
                    Ok(Entered::Value)
                }
                _ => Err(Fault::Misplaced),
            },
            Head::BlobStream => {
                // The head that comes next is a chunk's; the value begins at this one.
                self.string = keep.then(|| stream::Compacting::begin(self.at));
                self.state = State::Chunk;
                Ok(Entered::Open)
            }
            Head::Chunk(_) => Err(Fault::Misplaced),
        }
    }

    fn open(&mut self, level: u32, levels: &mut [u32], limits: &Limits) -> Result<(), Fault> {
        if self.depth >= limits.depth {
            return Err(Fault::TooDeep);
        }
        *levels
            .get_mut(usize::from(self.depth))
            .ok_or(Fault::TooDeep)? = level;
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    fn top<'l>(&self, levels: &'l mut [u32]) -> Option<&'l mut u32> {
        levels.get_mut(usize::from(self.depth.checked_sub(1)?))
    }

    /// A value is complete; says whether that completes the one at the top, too.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn leave(&mut self, levels: &mut [u32]) -> bool {
        self.described = false;
        loop {
            let Some(level) = self.top(levels) else {
                return true;
            };
            if *level == STREAM {
                return false;
            }
            *level = level.wrapping_sub(1);
            match *level {
                0 => self.depth = self.depth.saturating_sub(1),
                ATTRIBUTE => {
                    self.depth = self.depth.saturating_sub(1);
                    self.described = true;
                    return false;
                }
                _ => return false,
            }
        }
    }
}

enum Entered {
    /// The head was the whole value.
    Value,
    /// More belongs to it.
    Open,
    /// The head was not taken: it waits for the bytes after it.
    Prefix,
}

/// The bytes of a blob and its CR LF. They are counted in 32 bits on every machine: what does not
/// fit is a fault also where `usize` is larger, and so is a length that was saturated.
fn body(len: u32, limits: &Limits) -> Result<usize, Fault> {
    if len > limits.bulk {
        return Err(Fault::BulkTooLong);
    }
    len.checked_add(2)
        .and_then(|len| usize::try_from(len).ok())
        .ok_or(Fault::BulkTooLong)
}
