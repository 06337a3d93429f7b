//! How long a blocking command may keep its caller waiting, by its own arguments.

use core::fmt;
use core::time::Duration;

use crate::command::{Blocks, Encode, Parts};
use crate::resp::arg::{Arg, Args, Walk};

/// Where among its arguments a command says how long it may wait.
#[derive(Clone, Copy)]
pub struct Timeout {
    place: Place,
    /// Adds it to another time. Only rows of commands that wait point here, so a program without
    /// such a command has none of this code.
    add: fn(Duration, &dyn Encode, Place) -> Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    SecondsFirst,
    SecondsLast,
    MillisLast,
    MillisOption,
}

impl Timeout {
    pub(super) const SECONDS_FIRST: Self = Self::at(Place::SecondsFirst);
    pub(super) const SECONDS_LAST: Self = Self::at(Place::SecondsLast);
    pub(super) const MILLIS_LAST: Self = Self::at(Place::MillisLast);
    pub(super) const MILLIS_OPTION: Self = Self::at(Place::MillisOption);

    const fn at(place: Place) -> Self {
        Self { place, add }
    }
}

impl PartialEq for Timeout {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Timeout {}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

/// `limit`, and as long as the commands of `request` may wait by what they say, one after the other;
/// `None` is for ever. What a script or an unknown command does, nobody knows: it is taken not to
/// wait.
pub(crate) fn with_waits(limit: Duration, request: &dyn Parts) -> Option<Duration> {
    let mut sum = limit;
    for index in 0..request.count() {
        if let Some(command) = request.part(index) {
            sum = with_wait(sum, command)?;
        }
    }
    Some(sum)
}

/// The same for one command.
pub(crate) fn with_wait(limit: Duration, command: &dyn Encode) -> Option<Duration> {
    match command.spec().blocks {
        Blocks::For(timeout) => (timeout.add)(limit, command, timeout.place),
        Blocks::Never | Blocks::Unknown => Some(limit),
    }
}

fn add(limit: Duration, command: &dyn Encode, place: Place) -> Option<Duration> {
    let mut search = Search {
        place,
        aside: 0,
        is_next: place != Place::MillisOption,
        millis: None,
    };
    let mut look = |arg: Arg<'_>| search.look(arg);
    command.args(&mut Args::new(0, Walk::Show(&mut look)));
    match search.millis {
        Some(0) => None,
        found => Some(limit.saturating_add(Duration::from_millis(found.unwrap_or(0)))),
    }
}

/// Looks for the timeout among the arguments.
struct Search {
    place: Place,
    /// Arguments to come that are names, not options.
    aside: u8,
    /// The next argument is the timeout.
    is_next: bool,
    millis: Option<u64>,
}

impl Search {
    fn look(&mut self, arg: Arg<'_>) {
        if self.is_next {
            // The last argument is the last that is looked at.
            self.is_next = matches!(self.place, Place::SecondsLast | Place::MillisLast);
            self.millis = millis(arg, self.place);
        } else if self.aside > 0 {
            self.aside = self.aside.saturating_sub(1);
        } else if let (Place::MillisOption, Arg::Bytes(word)) = (self.place, arg) {
            let is = |option: &str| word.eq_ignore_ascii_case(option.as_bytes());
            self.is_next = is("BLOCK") && self.millis.is_none();
            if is("GROUP") {
                self.aside = 2;
            } else if is("STREAMS") {
                // What follows are keys, whatever they are called.
                self.aside = u8::MAX;
            }
        }
    }
}

/// A timeout in milliseconds, rounded up; `None` for what no server takes as one.
fn millis(arg: Arg<'_>, place: Place) -> Option<u64> {
    let mut text = heapless::Vec::<u8, 32>::new();
    match arg {
        Arg::Int(number) if matches!(place, Place::MillisLast | Place::MillisOption) => {
            return u64::try_from(number).ok();
        }
        Arg::Int(number) => return u64::try_from(number).ok()?.checked_mul(1000),
        Arg::Bytes(bytes) => text.extend_from_slice(bytes).ok()?,
        Arg::Pieces(pieces) => pieces.pieces(&mut |piece| {
            let _ = text.extend_from_slice(piece);
        }),
        Arg::Invalid(_) => return None,
    }
    let shift = match place {
        Place::SecondsFirst | Place::SecondsLast => 3,
        _ => 0,
    };
    decimal(&text, shift)
}

/// `12.5e3` times 10^`shift`, rounded up.
fn decimal(text: &[u8], mut shift: i32) -> Option<u64> {
    let is_e = |b: &u8| b.eq_ignore_ascii_case(&b'e');
    let mut parts = text.splitn(2, is_e);
    let figure = parts.next()?;
    if let Some(exponent) = parts.next() {
        let exponent: i32 = core::str::from_utf8(exponent).ok()?.parse().ok()?;
        shift = shift.saturating_add(exponent);
    }
    let (mut value, mut rest, mut behind_point) = (0u64, false, false);
    for byte in figure {
        let digit = match byte {
            b'.' if !behind_point => {
                behind_point = true;
                continue;
            }
            b'0'..=b'9' => u64::from(byte.wrapping_sub(b'0')),
            _ => return None,
        };
        if value >= 1_000_000_000_000_000 && behind_point {
            rest |= digit != 0;
            continue;
        }
        value = value.saturating_mul(10).saturating_add(digit);
        shift = shift.saturating_sub(i32::from(behind_point));
    }
    // More steps than a u64 has digits change nothing.
    for _ in 0..shift.unsigned_abs().min(20) {
        if shift > 0 {
            value = value.saturating_mul(10);
        } else {
            rest |= !value.is_multiple_of(10);
            value /= 10;
        }
    }
    Some(value.saturating_add(u64::from(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Session, Spec, get, raw};

    /// A command of this kind with these arguments.
    struct Blocking<'a>(&'static Spec, &'a [Arg<'a>]);

    impl Encode for Blocking<'_> {
        fn spec(&self) -> &'static Spec {
            self.0
        }

        fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
            self.1.iter().for_each(|arg| args.push(*arg));
        }
    }

    const fn spec(blocks: Blocks) -> Spec {
        Spec {
            blocks,
            session: Session::Keeps,
            ..Spec::write(&["X"], -1)
        }
    }

    static FIRST: Spec = spec(Blocks::SECONDS_FIRST);
    static LAST: Spec = spec(Blocks::SECONDS_LAST);
    static MILLIS: Spec = spec(Blocks::MILLIS_LAST);
    static OPTION: Spec = spec(Blocks::MILLIS_OPTION);

    fn ms(spec: &'static Spec, args: &[Arg<'_>]) -> Option<u64> {
        with_wait(Duration::ZERO, &Blocking(spec, args))
            .map(|wait| u64::try_from(wait.as_millis()).unwrap())
    }

    fn words<const N: usize>(words: [&str; N]) -> [Arg<'_>; N] {
        words.map(|word| Arg::Bytes(word.as_bytes()))
    }

    #[test]
    fn the_timeout_is_found_where_the_row_says() {
        let (one, two, half) = (Arg::Int(1), Arg::Int(2), 0.5f64);
        let key = Arg::Bytes(b"7");
        assert_eq!(ms(&FIRST, &[one, two, key]), Some(1000));
        assert_eq!(ms(&LAST, &[key, key, two]), Some(2000));
        assert_eq!(ms(&LAST, &[key, Arg::Pieces(&half)]), Some(500));
        assert_eq!(ms(&MILLIS, &[one, two]), Some(2));
        let read = words(["COUNT", "9", "block", "250", "STREAMS", "BLOCK", "0"]);
        assert_eq!(ms(&OPTION, &read), Some(250));
        let group = words(["GROUP", "BLOCK", "0", "STREAMS", "BLOCK", "0"]);
        assert_eq!(ms(&OPTION, &group), Some(0));
        assert_eq!(ms(&OPTION, &words(["STREAMS", "BLOCK", "0"])), Some(0));
    }

    #[test]
    fn zero_is_for_ever_and_nonsense_is_nothing() {
        let key = Arg::Bytes(b"k");
        for zero in ["0", "0.0", "0e9", "00"] {
            assert_eq!(ms(&LAST, &[key, words([zero])[0]]), None, "{zero}");
        }
        assert_eq!(ms(&MILLIS, &[key, Arg::Int(0)]), None);
        for nonsense in ["", "x", "-1", "1.2.3", "1e", "inf", "1e2e3"] {
            let wait = ms(&LAST, &[key, words([nonsense])[0]]);
            // An empty number is 0 here; a server refuses it at once, as all of these.
            assert!(matches!(wait, Some(0) | None), "{nonsense}: {wait:?}");
        }
        assert_eq!(ms(&LAST, &[key, Arg::Int(-5)]), Some(0));
        assert_eq!(ms(&LAST, &[]), Some(0));
    }

    #[test]
    fn decimals_are_rounded_up_and_saturate() {
        for (text, expected) in [
            ("1", 1000),
            ("0.25", 250),
            (".5", 500),
            ("0.0001", 1),
            ("1.0001", 1001),
            ("0.30000000000000004", 301),
            ("1e-7", 1),
            ("1.5e1", 15_000),
            ("2E+2", 200_000),
            ("99999999999999999999999", u64::MAX),
            ("1e300", u64::MAX),
        ] {
            assert_eq!(decimal(text.as_bytes(), 3), Some(expected), "{text}");
        }
    }

    #[test]
    fn commands_of_one_round_trip_wait_one_after_the_other() {
        let blpop = Blocking(&LAST, &[Arg::Int(2)]);
        assert_eq!(with_wait(Duration::ZERO, &get("k")), Some(Duration::ZERO));
        assert_eq!(
            with_waits(Duration::ZERO, &raw("EVAL").arg("0")),
            Some(Duration::ZERO)
        );
        struct Two<'a>([&'a dyn Encode; 2]);
        impl Parts for Two<'_> {
            fn count(&self) -> u16 {
                2
            }
            fn part(&self, index: u16) -> Option<&dyn Encode> {
                self.0.get(usize::from(index)).copied()
            }
        }
        assert_eq!(
            with_waits(Duration::ZERO, &Two([&blpop, &blpop])),
            Some(Duration::from_secs(4))
        );
        let forever = Blocking(&MILLIS, &[Arg::Int(0)]);
        assert_eq!(with_waits(Duration::ZERO, &Two([&blpop, &forever])), None);
    }
}
