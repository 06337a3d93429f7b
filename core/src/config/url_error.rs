//! What is wrong with a URL, told without giving away what is in it.

use core::fmt;

/// A URL that cannot be used: which part is wrong, and how.
///
/// Prints like `redis://...: the port is not a number`. It quotes nothing of the URL, of which any
/// piece may belong to the password where one character is missing or too many; so it may go into
/// any log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UrlError {
    scheme: &'static str,
    part: UrlPart,
    fault: UrlFault,
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
    /// The parameter at this place: 1 is the first behind the `?`.
    Parameter(u16),
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
    /// None of the schemes that are known.
    UnknownScheme,
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
        }
    }

    /// Names the scheme that the URL has, by our spelling of it.
    pub(super) fn under(self, scheme: &'static str) -> Self {
        Self { scheme, ..self }
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
        write!(f, "{} {}", self.part, self.fault)
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
            Self::Parameter(place) => return write!(f, "parameter {place}"),
            Self::Value(name) => return write!(f, "the {name}"),
        })
    }
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoScheme => "has no scheme: it begins with redis://, valkey:// or unix://",
            Self::UnknownScheme => "is none of redis://, valkey:// and unix://",
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

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    #[test]
    fn it_reads_as_a_sentence() {
        let error = UrlError::new(UrlPart::Value("db"), UrlFault::Twice).under("unix");
        assert_eq!(error.to_string(), "unix://...: the db is given twice");
        let error = UrlError::new(UrlPart::Parameter(2), UrlFault::Unknown).under("redis");
        assert_eq!(error.to_string(), "redis://...: parameter 2 is not known");
        let error = UrlError::new(UrlPart::Scheme, UrlFault::UnknownScheme);
        let expected = "URL: the scheme is none of redis://, valkey:// and unix://";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<UrlError>() <= 6 * size_of::<usize>());
    }
}
