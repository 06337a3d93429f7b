//! Text of what happened, which is kept nowhere: it is hashed, and held against what is expected.

use core::fmt::{self, Write};

use respool::resp::{Decoder, Elements, Item};
use respool::{Error, ErrorKind};

/// Where an FNV-1a digest of 64 bits begins.
pub(crate) const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// Goes on with a digest.
pub(crate) fn fnv(digest: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(digest, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A text that is written piece by piece.
pub(crate) struct Transcript {
    digest: u64,
    /// What has to come, as far as it came; `None` once anything else did.
    rest: Option<&'static str>,
    /// Whether anything is expected.
    compared: bool,
    begun: bool,
}

impl Transcript {
    pub(crate) fn new(expected: Option<&'static str>) -> Self {
        Self {
            digest: BASIS,
            rest: expected,
            compared: expected.is_some(),
            begun: false,
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    /// Nothing else came, and all of it did.
    pub(crate) fn is_as_expected(&self) -> bool {
        !self.compared || self.rest == Some("")
    }
}

impl Write for Transcript {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        // Every entry has a blank before it, the first one for nothing.
        if !self.begun {
            text = text.strip_prefix(' ').unwrap_or(text);
            self.begun = true;
        }
        self.digest = fnv(self.digest, text.as_bytes());
        self.rest = self.rest.and_then(|rest| rest.strip_prefix(text));
        Ok(())
    }
}

/// Writes the error that a call ended with.
pub(crate) fn error(text: &mut dyn Write, error: Error) -> fmt::Result {
    match error.kind() {
        ErrorKind::Protocol(fault) => write!(text, "{fault:?}"),
        kind => write!(text, "{kind:?}@{:?}", error.reached()),
    }
}

/// Writes the next value, without recursion.
pub(crate) fn value(text: &mut dyn Write, decoder: &mut Decoder<'_>) -> fmt::Result {
    /// An aggregate whose elements are being written.
    struct Open {
        elements: Elements,
        end: char,
        first: bool,
    }
    let mut opened = heapless::Vec::<Open, 255>::new();
    loop {
        let item = match decoder.item() {
            Ok(item) => item,
            Err(why) => return error(text, why),
        };
        let aggregate = match item {
            Item::Array(elements) => Some(("[", elements, ']')),
            Item::Set(elements) => Some(("~[", elements, ']')),
            Item::Map(elements) => Some(("{", elements, '}')),
            scalar => {
                self::scalar(text, scalar)?;
                None
            }
        };
        if let Some((begin, elements, end)) = aggregate {
            text.write_str(begin)?;
            let open = Open {
                elements,
                end,
                first: true,
            };
            if opened.push(open).is_err() {
                return text.write_str("too deep to be written");
            }
        }
        loop {
            let Some(inmost) = opened.last_mut() else {
                return Ok(());
            };
            if inmost.elements.next(decoder) {
                if !core::mem::take(&mut inmost.first) {
                    text.write_char(' ')?;
                }
                break;
            }
            text.write_char(inmost.end)?;
            opened.pop();
        }
    }
}

fn scalar(text: &mut dyn Write, item: Item<'_>) -> fmt::Result {
    match item {
        Item::String(bytes) => write!(text, "'{}'", bytes.escape_ascii()),
        Item::Error(bytes) => write!(text, "!{}", bytes.escape_ascii()),
        Item::Integer(number) => write!(text, "{number}"),
        Item::Double(digits) => write!(text, ",{}", digits.escape_ascii()),
        Item::BigNumber(digits) => write!(text, "({}", digits.escape_ascii()),
        Item::Boolean(value) => write!(text, "{value}"),
        Item::Null => text.write_str("null"),
        other => write!(text, "{:?}", other.kind()),
    }
}
