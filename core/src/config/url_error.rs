//! What is wrong with a URL, told without giving away what is in it.

use core::fmt;
use heapless::String;

/// A URL that cannot be used: which part is wrong, and how.
///
/// Prints like `redis://...: the port "63x9" is not a number`. It quotes only what cannot be a
/// piece of a user or password, also in a URL whose parts were shifted by a character that had to
/// be escaped; so it may go into any log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UrlError {
    scheme: &'static str,
    part: UrlPart,
    fault: UrlFault,
    excerpt: String<EXCERPT, u8>,
}

/// A part of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UrlPart {
    /// The URL as a whole.
    Url,
    /// What stands before `://`.
    Scheme,
    /// The user.
    Username,
    /// The password.
    Password,
    /// The host.
    Host,
    /// The port.
    Port,
    /// The path of a unix socket.
    Path,
    /// The database in the path.
    Database,
    /// A parameter that is not known.
    Parameter,
    /// The parameter of this name.
    Value(&'static str),
}

/// How a part of a URL is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum UrlFault {
    /// It has no `://`.
    NoScheme,
    /// A name that is not known.
    Unknown,
    /// TLS is asked for, which is not there yet.
    NoTls,
    /// A space, line break or other control character.
    Blank,
    /// An unescaped `#`.
    Fragment,
    /// An unescaped `@` behind the host.
    StrayAt,
    /// A `%` without two hexadecimal digits.
    BrokenEscape,
    /// Not UTF-8 after decoding.
    NotUtf8,
    /// Nothing there where something has to be.
    Empty,
    /// A host with several colons outside of brackets.
    Colons,
    /// Brackets that do not hold an IPv6 address.
    Brackets,
    /// A host in a URL of a unix socket.
    HostInUnix,
    /// A user without a password.
    NoPassword,
    /// Not made of digits.
    NotANumber,
    /// A number or duration that is too small or too large.
    OutOfRange,
    /// Not a duration.
    NotADuration,
    /// Neither true nor false.
    NotABoolean,
    /// Not one of the words for what is tried again.
    NotARetry,
    /// Neither 2 nor 3.
    NotAProtocol,
    /// Given twice.
    Twice,
    /// The escaped parts are longer than the scratch.
    ScratchTooSmall,
}

impl UrlError {
    /// The part that is wrong.
    pub const fn part(&self) -> UrlPart {
        self.part
    }

    /// How it is wrong.
    pub const fn fault(&self) -> UrlFault {
        self.fault
    }

    pub(super) const fn new(part: UrlPart, fault: UrlFault) -> Self {
        Self {
            scheme: "",
            part,
            fault,
            excerpt: String::new(),
        }
    }

    /// Names the scheme that the URL has, by our spelling of it.
    pub(super) fn under(self, scheme: &'static str) -> Self {
        Self { scheme, ..self }
    }

    /// Quotes `text`, cut to a few characters. The caller knows that it is not secret.
    pub(super) fn quoting(mut self, text: &str) -> Self {
        const DOTS: &str = "...";
        let fits = text.len() <= EXCERPT;
        let room = if fits {
            EXCERPT
        } else {
            EXCERPT.saturating_sub(DOTS.len())
        };
        for char in text.chars() {
            // An error fits on one line of a log, whatever was decoded.
            let char = if char.is_control() { '?' } else { char };
            if self.excerpt.len().saturating_add(char.len_utf8()) > room {
                break;
            }
            // There is room, as was just seen.
            let _ = self.excerpt.push(char);
        }
        if !fits {
            let _ = self.excerpt.push_str(DOTS);
        }
        self
    }
}

impl core::error::Error for UrlError {}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme.is_empty() {
            f.write_str("URL: ")?;
        } else {
            write!(f, "{}://...: ", self.scheme)?;
        }
        write!(f, "{}", self.part)?;
        if !self.excerpt.is_empty() {
            write!(f, " \"{}\"", self.excerpt)?;
        }
        write!(f, " {}", self.fault)
    }
}

impl fmt::Display for UrlPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::Url => "the URL",
            Self::Scheme => "the scheme",
            Self::Username => "the user",
            Self::Password => "the password",
            Self::Host => "the host",
            Self::Port => "the port",
            Self::Path => "the path",
            Self::Database => "the database",
            Self::Parameter => "the parameter",
            Self::Value(name) => return write!(f, "the {name}"),
        })
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoScheme => "has no scheme: it begins with redis://, valkey:// or unix://",
            Self::Unknown => "is not known",
            Self::NoTls => "asks for TLS, which is not there yet",
            Self::Blank => "has a space or a control character: write a space as %20",
            Self::Fragment => "has a #: write it as %23",
            Self::StrayAt => {
                "has an @ behind the host: write it as %40, and / and ? in a password as %2F and %3F"
            }
            Self::BrokenEscape => "has a broken % escape",
            Self::NotUtf8 => "is not UTF-8",
            Self::Empty => "is empty",
            Self::Colons => {
                "has more than one colon: an IPv6 address stands in brackets, a password before an @"
            }
            Self::Brackets => "is not an IPv6 address in brackets",
            Self::HostInUnix => "is one too many: a unix socket is written unix:///path",
            Self::NoPassword => "has no password: write user:password@, or :password@",
            Self::NotANumber => "is not a number",
            Self::OutOfRange => "is out of range",
            Self::NotADuration => "is not a duration: 2s, 500ms, 1m, 0.5, or none",
            Self::NotABoolean => "is neither true nor false",
            Self::NotARetry => "is none of never, unsent, safe, always",
            Self::NotAProtocol => "is neither 2 nor 3",
            Self::Twice => "is given twice",
            Self::ScratchTooSmall => {
                "is too long for the scratch: one as long as the URL always suffices"
            }
        })
    }
}

/// Bytes that are quoted at most.
const EXCERPT: usize = 24;

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    #[test]
    fn an_excerpt_is_cut_on_a_character_and_stays_on_its_line() {
        for (text, quoted) in [
            ("", ""),
            ("short", "short"),
            ("123456789012345678901234", "123456789012345678901234"),
            ("1234567890123456789012345", "123456789012345678901..."),
            (
                "12345678901234567890\u{e9}\u{e9}\u{e9}",
                "12345678901234567890...",
            ),
            ("a\r\nb\0\u{1b}[31m", "a??b??[31m"),
        ] {
            let error = UrlError::new(UrlPart::Parameter, UrlFault::Unknown).quoting(text);
            assert_eq!(error.excerpt, quoted);
        }
    }

    #[test]
    fn it_reads_as_a_sentence() {
        let error = UrlError::new(UrlPart::Value("db"), UrlFault::Twice).under("unix");
        assert_eq!(error.to_string(), "unix://...: the db is given twice");
        let error = UrlError::new(UrlPart::Scheme, UrlFault::Unknown).quoting("http");
        assert_eq!(error.to_string(), "URL: the scheme \"http\" is not known");
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<UrlError>() <= 72);
    }
}
