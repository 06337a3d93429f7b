//! Commands into bytes: an array of bulk strings, written in any number of pieces.

use crate::error::CommandFault;
use crate::resp::IN_A_HURRY;
use crate::resp::arg::{Arg, Args, Pieces, Walk};
use crate::resp::decimal::Decimal;

/// What a command consists of: its words and its arguments.
pub(crate) struct Frame<'f, 'a> {
    /// The name: one word, or two for a container command.
    pub(crate) words: &'static [&'static str],
    /// Walks the arguments.
    pub(crate) args: &'f dyn Fn(&mut Args<'_, 'a>),
}

/// How much of a command was written: a position in its bytes, kept between two windows.
///
/// Item 0 is the head of the array; then come the words and the arguments, each an item with its
/// length in front and CR LF behind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cursor {
    /// Items that were written whole.
    item: u32,
    /// Bytes that were written of the next one.
    offset: usize,
    /// What its head says, where it comes in pieces.
    len: u32,
}

/// Where one walk over a command writes to.
pub(crate) struct Out<'b> {
    bytes: &'b mut [u8],
    len: usize,
    cursor: Cursor,
    /// Bytes of the present item that an earlier walk has written.
    skip: usize,
    full: bool,
    fault: Option<CommandFault>,
}

impl Frame<'_, '_> {
    /// How many items follow the head, or why the command cannot be sent.
    pub(crate) fn count(&self) -> Result<u32, CommandFault> {
        let mut args = Args::new(0, Walk::Count(self.words.len() as u32, None));
        (self.args)(&mut args);
        match args.finish() {
            Walk::Count(_, Some(fault)) => Err(fault),
            Walk::Count(count, None) if count < i32::MAX as u32 => Ok(count),
            _ => Err(CommandFault::TooLarge),
        }
    }
}

impl Cursor {
    /// Writes on from here into `out`; says how many bytes were written, and whether that was all.
    pub(crate) fn write(
        &mut self,
        frame: &Frame<'_, '_>,
        count: u32,
        out: &mut [u8],
    ) -> Result<(usize, bool), CommandFault> {
        let done = self.item.saturating_sub(1) as usize;
        let skip = done.saturating_sub(frame.words.len()) as u32;
        // Made once and never moved: all that is written goes through it.
        let mut args = Args::new(
            skip,
            Walk::Write(Out {
                bytes: out,
                len: 0,
                cursor: *self,
                skip: self.offset,
                full: false,
                fault: None,
            }),
        );
        if let Walk::Write(out) = args.walk() {
            if self.item == 0 {
                out.head(b'*', count);
                out.end_item();
            }
            for word in frame.words.iter().skip(done) {
                out.arg(Arg::Bytes(word.as_bytes()));
            }
        }
        (frame.args)(&mut args);
        let Walk::Write(out) = args.walk() else {
            return Err(CommandFault::Unstable);
        };
        let items = match self.item {
            0 => count.saturating_add(1),
            _ => out.cursor.item,
        };
        *self = out.cursor;
        match out.fault {
            Some(fault) => Err(fault),
            None if !out.full && self.item != items => Err(CommandFault::Unstable),
            None => Ok((out.len, !out.full)),
        }
    }

    /// What is left of the argument in whose bytes the cursor stands, where it is given as bytes.
    pub(crate) fn rest<'a>(&self, frame: &Frame<'_, 'a>) -> Option<&'a [u8]> {
        let skip = (self.item as usize)
            .checked_sub(1)?
            .checked_sub(frame.words.len())?;
        let mut args = Args::new(skip as u32, Walk::Find(None));
        (frame.args)(&mut args);
        let Walk::Find(Some(bytes)) = args.finish() else {
            return None;
        };
        let head = head_len(bytes.len());
        bytes.get(self.offset.checked_sub(head)?..)
    }

    /// `n` bytes of `rest()` were sent from where they are.
    pub(crate) fn advance(&mut self, n: usize) {
        self.offset = self.offset.saturating_add(n);
    }

    /// True where the count of the items was not written whole.
    pub(crate) fn is_in_head(&self) -> bool {
        self.item == 0
    }

    /// True where nothing was written yet.
    pub(crate) fn is_start(&self) -> bool {
        *self == Self::default()
    }
}

impl Out<'_> {
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Writes one argument, unless the window is full.
    pub(crate) fn arg(&mut self, arg: Arg<'_>) {
        // The cursor stands in the item that was cut, and what is known of that is not of this one.
        if self.full {
            return;
        }
        match arg {
            Arg::Bytes(bytes) => self.bulk(bytes),
            Arg::Int(number) => self.bulk(Decimal::new(number).as_bytes()),
            Arg::Pieces(pieces) => self.pieces(pieces),
            Arg::Invalid(fault) => self.fault = Some(fault),
        }
    }

    /// An argument whose bytes are in memory.
    #[inline(never)]
    fn bulk(&mut self, bytes: &[u8]) {
        let Ok(len) = u32::try_from(bytes.len()) else {
            self.fault = Some(CommandFault::TooLarge);
            return;
        };
        match self.short_bulk(len, bytes) {
            Some(written) => {
                self.len = self.len.wrapping_add(written);
                self.cursor.item = self.cursor.item.wrapping_add(1);
            }
            None => {
                self.head(b'$', len);
                self.put(bytes);
                self.put(b"\r\n");
                self.end_item();
            }
        }
    }

    /// Writes a whole bulk of up to 99 bytes where an item begins and there is room to spare, which
    /// is nearly always; says how many bytes that took.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn short_bulk(&mut self, len: u32, bytes: &[u8]) -> Option<usize> {
        if !IN_A_HURRY || self.cursor.offset > 0 || self.full || len > 99 {
            return None;
        }
        let (head, head_len) = match len {
            0..=9 => ([b'$', digit(len), b'\r', b'\n', 0, 0, 0, 0], 4),
            _ => (
                [
                    b'$',
                    digit(len / 10),
                    digit(len % 10),
                    b'\r',
                    b'\n',
                    0,
                    0,
                    0,
                ],
                5,
            ),
        };
        // All of `head` is copied, which costs less than to copy as much of it as counts.
        let room = self.bytes.get_mut(self.len..)?;
        let room = room.get_mut(..bytes.len().wrapping_add(head.len()).wrapping_add(2))?;
        *room.first_chunk_mut()? = head;
        let (payload, rest) = room
            .get_mut(head_len..)?
            .split_at_mut_checked(bytes.len())?;
        payload.copy_from_slice(bytes);
        *rest.first_chunk_mut()? = *b"\r\n";
        Some(bytes.len().wrapping_add(head_len).wrapping_add(2))
    }

    /// An argument that is never in memory as a whole.
    #[inline(never)]
    fn pieces(&mut self, pieces: &dyn Pieces) {
        let mut len = 0usize;
        pieces.pieces(&mut |piece| len = len.saturating_add(piece.len()));
        let Ok(head_says) = u32::try_from(len) else {
            self.fault = Some(CommandFault::TooLarge);
            return;
        };
        match self.cursor.offset {
            0 => self.cursor.len = head_says,
            // A part of it has been written, by another length.
            _ if self.cursor.len != head_says => self.fault = Some(CommandFault::Unstable),
            _ => {}
        }
        self.head(b'$', head_says);
        let mut written = 0usize;
        pieces.pieces(&mut |piece| {
            written = written.saturating_add(piece.len());
            self.put(piece);
        });
        self.put(b"\r\n");
        if written != len {
            self.fault = Some(CommandFault::Unstable);
        }
        self.end_item();
    }

    /// A kind, a number and CR LF.
    fn head(&mut self, kind: u8, number: u32) {
        if number <= 9 {
            return self.put(&[kind, digit(number), b'\r', b'\n']);
        }
        self.put(&[kind]);
        self.put(Decimal::unsigned(u64::from(number)).as_bytes());
        self.put(b"\r\n");
    }

    /// Writes what was not written before and fits.
    #[inline(never)]
    fn put(&mut self, bytes: &[u8]) {
        if self.full {
            return;
        }
        let skipped = self.skip.min(bytes.len());
        self.skip = self.skip.saturating_sub(skipped);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let n = bytes.len().min(room.len());
        if let (Some(from), Some(to)) = (bytes.get(..n), room.get_mut(..n)) {
            to.copy_from_slice(from);
        }
        self.len = self.len.saturating_add(n);
        self.cursor.offset = self.cursor.offset.saturating_add(n);
        self.full = n < bytes.len();
    }

    fn end_item(&mut self) {
        if !self.full {
            self.cursor = Cursor {
                item: self.cursor.item.saturating_add(1),
                ..Cursor::default()
            };
        }
    }
}

fn digit(number: u32) -> u8 {
    b'0' | number as u8
}

/// Bytes of `$`, the digits of `len`, and CR LF.
fn head_len(len: usize) -> usize {
    let mut digits = 1usize;
    let mut rest = len as u32;
    while rest > 9 {
        rest /= 10;
        digits = digits.saturating_add(1);
    }
    digits.saturating_add(3)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;
    use crate::resp::ToArg;

    #[test]
    fn an_argument_in_pieces_can_follow_one_that_is_cut() {
        let (long, after) = ([b'x'; 40], (":", 7));
        let frame = Frame {
            words: &["X"],
            args: &|args| {
                args.push(Arg::Bytes(&long));
                args.push(after.to_arg());
            },
        };
        let count = frame.count().unwrap();
        let mut expected = b"*3\r\n$1\r\nX\r\n$40\r\n".to_vec();
        expected.extend_from_slice(&long);
        expected.extend_from_slice(b"\r\n$2\r\n:7\r\n");
        for size in 1..=expected.len() {
            let mut cursor = Cursor::default();
            let mut written = Vec::new();
            loop {
                let mut window = std::vec![0; size];
                let (len, whole) = cursor.write(&frame, count, &mut window).unwrap();
                written.extend_from_slice(&window[..len]);
                if whole {
                    break;
                }
            }
            assert_eq!(written, expected, "windows of {size}");
        }
    }
}
