//! One request, read in place.

use core::fmt;
use core::iter::FusedIterator;

use crate::server::inline;

/// A request: a name and its arguments, all of any bytes.
///
/// Borrows from the window of [`Requests`](crate::server::Requests).
#[derive(Clone, Copy)]
pub struct Request<'w> {
    words: RequestArgs<'w>,
}

/// The arguments of a [`Request`], found one by one in its window.
#[derive(Clone, Copy)]
pub struct RequestArgs<'w> {
    rest: &'w [u8],
    left: u32,
    form: Form,
}

/// How a request was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Form {
    /// As an array of bulks.
    #[default]
    Array,
    /// As a line of words.
    Inline,
}

impl<'w> Request<'w> {
    /// `bytes` hold `count` words: checked bulks, or a decoded line.
    pub(crate) fn new(bytes: &'w [u8], count: u32, form: Form) -> Self {
        Self {
            words: RequestArgs {
                rest: bytes,
                left: count,
                form,
            },
        }
    }

    /// The name of the command, as it was sent.
    pub fn name(&self) -> &'w [u8] {
        self.words().next().unwrap_or_default()
    }

    /// Whether the command has this name, in capitals or not.
    pub fn name_is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    /// What comes after the name.
    pub fn args(&self) -> RequestArgs<'w> {
        let mut words = self.words();
        words.next();
        words
    }

    /// The name and what comes after it.
    pub fn words(&self) -> RequestArgs<'w> {
        self.words
    }

    /// The arguments, where they are exactly `N`.
    pub fn exactly<const N: usize>(&self) -> Option<[&'w [u8]; N]> {
        let mut args = self.args();
        if args.len() != N {
            return None;
        }
        Some(core::array::from_fn(|_| args.next().unwrap_or_default()))
    }

    /// How many arguments there are, the name not counted.
    pub fn len(&self) -> usize {
        self.args().len()
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'w> Iterator for RequestArgs<'w> {
    type Item = &'w [u8];

    fn next(&mut self) -> Option<&'w [u8]> {
        self.left = self.left.checked_sub(1)?;
        match self.form {
            Form::Array => bulk(&mut self.rest),
            Form::Inline => inline::next(&mut self.rest),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for RequestArgs<'_> {}

impl FusedIterator for RequestArgs<'_> {}

/// Takes `$`, a length, CR LF, that many bytes, CR LF: checked before.
fn bulk<'w>(rest: &mut &'w [u8]) -> Option<&'w [u8]> {
    let mut bytes = rest.strip_prefix(b"$")?;
    let mut len = 0usize;
    while let [digit @ b'0'..=b'9', after @ ..] = bytes {
        len = len
            .saturating_mul(10)
            .saturating_add(usize::from(digit & 0x0f));
        bytes = after;
    }
    let (bulk, after) = bytes.strip_prefix(b"\r\n")?.split_at_checked(len)?;
    *rest = after.strip_prefix(b"\r\n")?;
    Some(bulk)
}

impl fmt::Debug for Request<'_> {
    /// Shapes only: an argument may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Request({} with {} arguments)",
            self.name().escape_ascii(),
            self.len()
        )
    }
}

impl fmt::Debug for RequestArgs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestArgs({} left)", self.left)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Request<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Request({=[u8]:a} with {} arguments)",
            self.name(),
            self.len()
        );
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for RequestArgs<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "RequestArgs({} left)", self.left);
    }
}
