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
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// Items that were written whole.
    item: u32,
    /// How many follow the head, as that says.
    count: u32,
    /// Bytes that were written of the next one.
    offset: usize,
    /// What the head of that says, where a part of it was written.
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
    /// How many items follow the head. Only writing shows whether all of them can be sent.
    pub(crate) fn count(&self) -> Result<u32, CommandFault> {
        let mut args = Args::new(0, Walk::Count(self.words.len() as u32));
        (self.args)(&mut args);
        match args.walk() {
            Walk::Count(count) if *count < i32::MAX as u32 => Ok(*count),
            _ => Err(CommandFault::TooLarge),
        }
    }

    /// Looks at each argument: why the command cannot be sent, if it cannot.
    #[inline(never)]
    pub(crate) fn check(&self) -> Result<(), CommandFault> {
        let mut sendable = Ok(());
        let mut look = |arg: Arg<'_>| {
            if let Arg::Invalid(fault) = arg {
                sendable = Err(fault);
            }
        };
        (self.args)(&mut Args::new(0, Walk::Show(&mut look)));
        sendable
    }
}

impl Cursor {
    /// Writes on from here into `out`; says how many bytes were written, and whether that was all.
    /// A command that does not fit is looked at to its end before any of its bytes counts. What the
    /// heads have said of the rest has to stay true, or that is not written.
    ///
    /// `count` is the [count](Frame::count) of `frame`, where the cursor is at the start.
    pub(crate) fn write(
        &mut self,
        frame: &Frame<'_, '_>,
        count: u32,
        out: &mut [u8],
    ) -> Result<(usize, bool), CommandFault> {
        let was_start = self.is_start();
        if was_start {
            self.count = count;
        }
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
                out.head(b'*', self.count);
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
        *self = out.cursor;
        let (len, full) = (out.len, out.full);
        // The head is an item too; where one is cut, it is one of those that are due.
        let is_as_said = match full {
            true => self.item <= self.count,
            false => self.item == self.count.saturating_add(1),
        };
        match out.fault {
            Some(fault) => Err(fault),
            None if !is_as_said => Err(CommandFault::Unstable),
            None if full && was_start => frame.check().map(|()| (len, false)),
            None => Ok((len, !full)),
        }
    }

    /// What is left of the argument in whose bytes the cursor stands, where it is given as bytes and
    /// as long as its head has said.
    pub(crate) fn rest<'a>(&self, frame: &Frame<'_, 'a>) -> Option<&'a [u8]> {
        let skip = (self.item as usize)
            .checked_sub(1)?
            .checked_sub(frame.words.len())?;
        let mut args = Args::new(skip as u32, Walk::Find(None));
        (frame.args)(&mut args);
        let Walk::Find(Some(bytes)) = args.finish() else {
            return None;
        };
        if bytes.len() != self.len as usize {
            return None;
        }
        let head = head_len(bytes.len());
        bytes.get(self.offset.checked_sub(head)?..)
    }

    /// `n` bytes of `rest()` were sent from where they are.
    pub(crate) fn advance(&mut self, n: usize) {
        self.offset = self.offset.saturating_add(n);
    }

    /// True where nothing was written yet.
    pub(crate) fn is_start(&self) -> bool {
        self.item == 0 && self.offset == 0
    }
}

impl Out<'_> {
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Writes one argument, unless the window is full.
    pub(crate) fn arg(&mut self, arg: Arg<'_>) {
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

    /// An argument whose bytes are in memory; nothing where the window is full.
    #[inline(never)]
    pub(crate) fn bulk(&mut self, bytes: &[u8]) {
        if self.short_bulk(bytes).is_some() {
            return;
        }
        self.begin(bytes.len());
        self.put(bytes);
        self.put(b"\r\n");
        self.end_item();
    }

    /// Writes a whole bulk of up to 99 bytes where an item begins and there is room to spare, which
    /// is nearly always.
    #[inline(always)]
    fn short_bulk(&mut self, bytes: &[u8]) -> Option<()> {
        let len = bytes.len();
        let room = self.short_room(len)?;
        let (head, head_len) = short_head(b'$', len);
        *room.first_chunk_mut()? = head;
        let (payload, rest) = room.get_mut(head_len..)?.split_at_mut_checked(len)?;
        *rest.first_chunk_mut()? = *b"\r\n";
        payload.copy_from_slice(bytes);
        self.len = self
            .len
            .wrapping_add(head_len)
            .wrapping_add(len)
            .wrapping_add(2);
        self.cursor.item = self.cursor.item.wrapping_add(1);
        Some(())
    }

    /// The room where an item begins whose head says a number of up to two digits.
    #[inline(always)]
    fn short_room(&mut self, number: usize) -> Option<&mut [u8]> {
        if !IN_A_HURRY || self.cursor.offset > 0 || number > 99 {
            return None;
        }
        self.bytes.get_mut(self.len..)
    }

    /// An argument that is never in memory as a whole.
    #[inline(never)]
    fn pieces(&mut self, pieces: &dyn Pieces) {
        let mut len = 0usize;
        pieces.pieces(&mut |piece| len = len.saturating_add(piece.len()));
        self.begin(len);
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

    /// The head of an argument of `len` bytes; nothing where the window is full.
    fn begin(&mut self, len: usize) {
        // The cursor stands in the item that was cut, and what is known of that is not of this one.
        if self.full {
            return;
        }
        match u32::try_from(len) {
            Err(_) => self.fault = Some(CommandFault::TooLarge),
            // A part of it has been written, by another length.
            Ok(len) if self.cursor.offset > 0 && self.cursor.len != len => {
                self.fault = Some(CommandFault::Unstable);
            }
            Ok(len) => {
                self.cursor.len = len;
                self.head(b'$', len);
            }
        }
    }

    /// A kind, a number and CR LF.
    fn head(&mut self, kind: u8, number: u32) {
        if let Some(room) = self.short_room(number as usize)
            && let Some(room) = room.first_chunk_mut()
        {
            let (head, len) = short_head(kind, number as usize);
            *room = head;
            self.len = self.len.wrapping_add(len);
            self.cursor.offset = len;
            return;
        }
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
        #[cfg(test)]
        super::tests::looked(bytes.len());
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
            self.cursor.item = self.cursor.item.saturating_add(1);
            self.cursor.offset = 0;
        }
    }
}

/// A kind, a number below 100 and CR LF, with what fills them up to a word, and how many bytes
/// count: to copy all of it costs less than to copy as much as counts.
#[inline(always)]
fn short_head(kind: u8, number: usize) -> ([u8; 8], usize) {
    let (tens, ones) = (digit(number as u32 / 10), digit(number as u32 % 10));
    match number {
        0..=9 => ([kind, ones, b'\r', b'\n', 0, 0, 0, 0], 4),
        _ => ([kind, tens, ones, b'\r', b'\n', 0, 0, 0], 5),
    }
}

fn digit(number: u32) -> u8 {
    b'0' | number as u8
}

/// Bytes of `$`, the digits of `len`, and CR LF.
fn head_len(len: usize) -> usize {
    let digits = Decimal::unsigned(len as u64).as_bytes().len();
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
