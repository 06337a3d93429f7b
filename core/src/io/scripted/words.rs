//! Commands as words, for the peers.

extern crate std;

use std::format;
use std::vec::Vec;

/// The words of a command, and its bytes.
pub(super) type Command<'b> = (Vec<&'b [u8]>, usize);

/// A command as it is sent: its words are parted by spaces.
pub(super) fn encoded(words: &str) -> Vec<u8> {
    let words: Vec<&str> = words.split(' ').collect();
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    text.into_bytes()
}

/// The first command in `came`, or `None` where it has not come whole.
///
/// # Errors
/// It is no command.
pub(super) fn first(came: &[u8]) -> Result<Option<Command<'_>>, ()> {
    let mut rest = came;
    let Some(count) = number(&mut rest, b'*')? else {
        return Ok(None);
    };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some(len) = number(&mut rest, b'$')? else {
            return Ok(None);
        };
        let Some((word, tail)) = rest.split_at_checked(len) else {
            return Ok(None);
        };
        let Some((end, tail)) = tail.split_at_checked(2) else {
            return Ok(None);
        };
        if end != b"\r\n" {
            return Err(());
        }
        words.push(word);
        rest = tail;
    }
    match words.is_empty() {
        true => Err(()),
        false => Ok(Some((words, came.len() - rest.len()))),
    }
}

/// What a command of a login is answered, where it is one.
pub(super) fn granted(words: &[&[u8]]) -> Option<&'static [u8]> {
    match words {
        [b"HELLO", ..] => Some(b"%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n"),
        [b"AUTH", ..] | [b"CLIENT", b"SETNAME" | b"SETINFO", ..] => Some(b"+OK\r\n"),
        _ => None,
    }
}

/// Takes a line of this kind off the front.
fn number(rest: &mut &[u8], kind: u8) -> Result<Option<usize>, ()> {
    if rest.first().is_some_and(|first| *first != kind) {
        return Err(());
    }
    let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
        return Ok(None);
    };
    let digits = rest.get(1..end).and_then(|d| core::str::from_utf8(d).ok());
    let number = digits.and_then(|digits| digits.parse().ok()).ok_or(())?;
    *rest = rest.get(end + 2..).unwrap_or_default();
    Ok(Some(number))
}
