//! For the tests of commands: what a command looks like on the wire, and cases as a table.

extern crate std;

pub(super) use std::string::String;
use std::vec;
use std::vec::Vec;

use crate::command::{Encode, Spec};
use crate::error::CommandFault;
use crate::resp::{Cursor, Frame};

/// What was tested so far.
#[derive(Default)]
pub(super) struct Cases {
    /// The specs of the commands, by address.
    pub(super) specs: Vec<*const Spec>,
}

impl Cases {
    /// `command` is sent as `expected`, words and arguments with spaces between them.
    pub(super) fn case(&mut self, command: &(impl Encode + Send), expected: &str) {
        assert_eq!(wire(command).as_deref(), Ok(expected));
        let words = expected.split(' ').count() as i32;
        let spec = command.spec();
        let arity = i32::from(spec.arity);
        let fits = if arity < 0 {
            words >= -arity
        } else {
            words == arity
        };
        assert!(fits, "{expected} has not the {arity} words of its row");
        self.specs.push(spec);
    }
}

/// A table of cases: each command is sent as the text says, and can go to another thread. `$text` is
/// a name for a text that is borrowed for less than `'static`, as in firmware it will be.
macro_rules! cases {
    ($cases:ident, $text:ident: $($command:expr => $wire:literal;)*) => {
        let owned = $crate::command::testing::String::from("k");
        let $text: &str = &owned;
        $(
            $cases.case(&$command, $wire);
        )*
    };
}
pub(super) use cases;

/// The words and arguments of a command with spaces between them, as encoded.
pub(super) fn wire(command: &dyn Encode) -> Result<String, CommandFault> {
    let frame = Frame {
        words: command.spec().words,
        args: &|args| command.args(args),
    };
    let count = frame.count()?;
    let mut window = vec![0; 4096];
    let (len, whole) = Cursor::default().write(&frame, count, &mut window)?;
    assert!(whole, "the window is large enough");
    let items = items(&window[..len]);
    assert_eq!(items.len(), count as usize);
    Ok(items.join(" "))
}

/// The strings of an array of bulk strings.
fn items(mut bytes: &[u8]) -> Vec<String> {
    let count = head(&mut bytes, b'*');
    let strings = (0..count).map(|_| {
        let len = head(&mut bytes, b'$');
        let (string, rest) = bytes.split_at(len);
        bytes = rest.strip_prefix(b"\r\n").unwrap();
        String::from_utf8(string.into()).unwrap()
    });
    let strings = strings.collect();
    assert!(bytes.is_empty());
    strings
}

/// Takes a line of a kind and a number.
fn head(bytes: &mut &[u8], kind: u8) -> usize {
    let line = bytes.strip_prefix(&[kind]).unwrap();
    let end = line.windows(2).position(|two| two == b"\r\n").unwrap();
    *bytes = &line[end + 2..];
    core::str::from_utf8(&line[..end]).unwrap().parse().unwrap()
}
