//! Commands with arguments of every kind, written at once and through small windows in any pieces:
//! the same bytes, and a server reads from them what was put in.
//!
//! Input: a byte for the split, then arguments.

use respool::command::{Encode, Parts, Spec, encode, table};
use respool::error::CommandFault;
use respool::resp::{Args, ToArg};
use respool::server::Requests;
use respool::{Connection, ErrorKind, Memory, Until, Want};

use crate::input::Input;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut random = u32::from(input.byte()).wrapping_mul(0x9e37_79b9) | 1;
    let mut command = Fuzzed { args: Vec::new() };
    while !input.is_empty() {
        command.args.push(Argument::new(&mut input));
    }
    let expected: Vec<_> = command.args.iter().map(|arg| arg.text()).collect();
    let mut out = vec![0; 64 + 512 * command.args.len()];
    let written = encode(&command, &mut out).map_err(|error| error.kind());
    if expected.iter().any(Option::is_none) {
        let refused = ErrorKind::Command(CommandFault::NotANumber);
        assert_eq!(written, Err(refused), "there is no such number");
        return;
    }
    out.truncate(written.expect("there is room"));
    let too_small = &mut vec![0; (random as usize >> 8) % out.len()];
    let failed = encode(&command, too_small).map_err(|error| error.kind());
    assert_eq!(failed, Err(ErrorKind::Command(CommandFault::TooLarge)));
    let in_pieces = sent(&command, |most| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        (random as usize >> 8) % most + 1
    });
    assert_eq!(
        out.escape_ascii().to_string(),
        in_pieces.escape_ascii().to_string()
    );
    read_back(&out, &expected);
}

/// The words that a server reads are those that were meant.
fn read_back(bytes: &[u8], expected: &[Option<Vec<u8>>]) {
    let mut window = vec![0; bytes.len()];
    let mut requests = Requests::new(&mut window);
    requests.spare().copy_from_slice(bytes);
    requests.filled(bytes.len());
    let request = requests.next().expect("a request").expect("all of it");
    assert_eq!(request.name(), b"ECHO");
    assert_eq!(request.len(), expected.len());
    for (arg, expected) in request.args().zip(expected) {
        assert_eq!(Some(arg), expected.as_deref());
    }
    assert!(requests.next().expect("no fault").is_none(), "and no more");
}

/// What goes over the wire from a connection with a small window.
fn sent(command: &Fuzzed<'_>, mut piece: impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut memory = Memory::<64, 64>::new();
    let mut connection = Connection::new(&mut memory);
    let mut sent = Vec::new();
    loop {
        match connection.step(command, Until::Whole) {
            Ok(Want::Write(bytes)) => {
                assert!(!bytes.is_empty(), "a write of nothing");
                let n = piece(bytes.len());
                sent.extend_from_slice(&bytes[..n]);
                connection.wrote(n).expect("as many as were offered");
            }
            Ok(Want::Flush) => return sent,
            other => panic!("{other:?}"),
        }
    }
}

struct Fuzzed<'d> {
    args: Vec<Argument<'d>>,
}

enum Argument<'d> {
    Bytes(Vec<u8>),
    Signed(i64),
    Unsigned(u64),
    Double(f64),
    Single(f32),
    /// One argument of three pieces.
    Pieces((&'d [u8], i64, &'d [u8])),
}

impl<'d> Argument<'d> {
    fn new(input: &mut Input<'d>) -> Self {
        let kind = input.byte();
        let len = usize::from(kind >> 3);
        let mut eight = || {
            let mut bytes = [0; 8];
            let taken = input.take(8);
            bytes[..taken.len()].copy_from_slice(taken);
            u64::from_le_bytes(bytes)
        };
        match kind & 7 {
            0 => Self::Signed(eight() as i64),
            1 => Self::Unsigned(eight()),
            2 => Self::Double(f64::from_bits(eight())),
            3 => Self::Single(f32::from_bits(eight() as u32)),
            4 => {
                let number = eight() as i64;
                Self::Pieces((input.take(len), number, input.take(len)))
            }
            // More than a window.
            5 => Self::Bytes(input.take(1).repeat(len * 9)),
            _ => Self::Bytes(input.take(len).into()),
        }
    }

    /// What the server shall read; nothing where it cannot be sent.
    fn text(&self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Signed(number) => number.to_string().into(),
            Self::Unsigned(number) => number.to_string().into(),
            // Its spelling is the encoder's own: one that reads back as the same number.
            Self::Double(number) if number.is_nan() => return None,
            Self::Single(number) if number.is_nan() => return None,
            Self::Double(number) => {
                let text = spelled(self);
                let read: f64 = text.parse().expect("a number");
                assert_eq!(read.to_bits(), number.to_bits(), "{text}");
                text.into()
            }
            Self::Single(number) => {
                let text = spelled(self);
                let read: f32 = text.parse().expect("a number");
                assert_eq!(read.to_bits(), number.to_bits(), "{text}");
                text.into()
            }
            Self::Pieces((before, number, after)) => {
                [before, number.to_string().as_bytes(), after].concat()
            }
        })
    }
}

/// How a number is spelled when it is the only argument.
fn spelled(argument: &Argument<'_>) -> String {
    let mut out = [0; 128];
    let alone = One(argument);
    let len = encode(&alone, &mut out).expect("there is room");
    let text = core::str::from_utf8(&out[..len]).expect("digits");
    text.lines().last().expect("an argument").to_string()
}

struct One<'a>(&'a Argument<'a>);

impl Encode for One<'_> {
    fn spec(&self) -> &'static Spec {
        &table::ECHO
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        push(self.0, args);
    }
}

impl Encode for Fuzzed<'_> {
    fn spec(&self) -> &'static Spec {
        &table::ECHO
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        for arg in &self.args {
            push(arg, args);
        }
    }
}

impl Parts for Fuzzed<'_> {
    fn count(&self) -> u16 {
        1
    }

    fn part(&self, index: u16) -> Option<&dyn Encode> {
        (index == 0).then_some(self)
    }
}

fn push<'a>(arg: &'a Argument<'_>, args: &mut Args<'_, 'a>) {
    args.push(match arg {
        Argument::Bytes(bytes) => bytes.to_arg(),
        Argument::Signed(number) => number.to_arg(),
        Argument::Unsigned(number) => number.to_arg(),
        Argument::Double(number) => number.to_arg(),
        Argument::Single(number) => number.to_arg(),
        Argument::Pieces(pieces) => pieces.to_arg(),
    });
}
