//! A streamed string (`$?`, chunks, `;0`) is rewritten in its window as a plain one.
//!
//! ```text
//! $?\r\n ;4\r\n Hell \r\n ;1\r\n o \r\n ;0\r\n    as it arrives
//! $?\r\n Hello.................................    payload moved up behind the head, chunk by chunk
//! $00000000000000000000005\r\n Hello \r\n          at the end: the gap becomes leading zeros
//! ```
//! Each payload byte is moved at most three times. The rewritten value ends where the streamed one
//! ended, so that nothing around it moves.

use crate::config::Limits;
use crate::error::Fault;
use crate::resp::decimal::Decimal;

/// `$?` CR LF.
const HEAD: usize = 4;
/// What a gap keeps when it is closed: with the bytes of `$?` and `;0`, room for a head of ten
/// digits.
const GAP: usize = 8;

/// Where the compacted string is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compacting {
    /// Where the head begins.
    start: usize,
    /// Where the payload so far ends.
    end: usize,
}

impl Compacting {
    /// A string whose head begins at `start`.
    pub(crate) fn begin(start: usize) -> Self {
        Self {
            start,
            end: start.saturating_add(HEAD),
        }
    }

    /// Takes `len` bytes of payload that stand at `from`.
    pub(crate) fn append(
        &mut self,
        window: &mut [u8],
        from: usize,
        len: usize,
        limits: &Limits,
    ) -> Result<(), Fault> {
        move_up(window, from, self.end, len);
        self.end = self.end.saturating_add(len);
        if self.payload() > limits.bulk as usize {
            return Err(Fault::BulkTooLong);
        }
        Ok(())
    }

    /// Moves what stands from `at` to `filled` up to the payload; says by how many bytes.
    pub(crate) fn close_gap(&mut self, window: &mut [u8], at: usize, filled: usize) -> usize {
        let to = self.end.saturating_add(GAP);
        let removed = at.saturating_sub(to);
        if removed > 0 {
            move_up(window, at, to, filled.saturating_sub(at));
        }
        removed
    }

    /// Writes the plain string so that it ends at `end`, where the streamed one ended.
    pub(crate) fn finish(self, window: &mut [u8], end: usize) {
        let payload = self.payload();
        let Some(value) = window.get_mut(self.start..end) else {
            return;
        };
        let Some((body, crlf)) = value.split_last_chunk_mut::<2>() else {
            return;
        };
        *crlf = *b"\r\n";
        // Backwards, as the two places may overlap.
        let shift = body.len().saturating_sub(payload).saturating_sub(HEAD);
        for i in (HEAD..HEAD.saturating_add(payload)).rev() {
            let Some(byte) = body.get(i).copied() else {
                return;
            };
            let Some(place) = body.get_mut(i.saturating_add(shift)) else {
                return;
            };
            *place = byte;
        }
        let Some(head) = body.get_mut(..HEAD.saturating_add(shift)) else {
            return;
        };
        let Some((digits, crlf)) = head.split_last_chunk_mut::<2>() else {
            return;
        };
        *crlf = *b"\r\n";
        let Some((kind, digits)) = digits.split_first_mut() else {
            return;
        };
        *kind = b'$';
        digits.fill(b'0');
        let number = Decimal::unsigned(payload as u64);
        for (place, digit) in digits.iter_mut().rev().zip(number.as_bytes().iter().rev()) {
            *place = *digit;
        }
    }

    fn payload(&self) -> usize {
        self.end.saturating_sub(self.start).saturating_sub(HEAD)
    }
}

/// Moves `len` bytes towards the start. A loop, since `memmove` costs 700 bytes of flash where
/// nothing else needs it.
#[inline(never)]
pub(crate) fn move_up(window: &mut [u8], from: usize, to: usize, len: usize) {
    for i in 0..len {
        let Some(byte) = window.get(from.saturating_add(i)).copied() else {
            return;
        };
        let Some(place) = window.get_mut(to.saturating_add(i)) else {
            return;
        };
        *place = byte;
    }
}
