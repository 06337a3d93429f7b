//! One connection with a server that behaves, over a transport that moves bytes in any pieces; its
//! callers drop their calls anywhere. Each answer that is handed out belongs to the call, and a call
//! that waits has something to wait for.
//!
//! Input: choices.

use respool::command::{Encode, Parts, Request, Spec, table};
use respool::resp::{Args, Item, ToArg};
use respool::{Connection, ErrorKind, Memory, Until, Want};

use crate::decode::Raw;
use crate::input::Input;
use crate::peer::{LARGE, Peer, Style};

type Windows = Memory<128, 64>;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut memory = Windows::new();
    let mut next_id = 0;
    // Each turn is a transport that was opened anew.
    while !input.is_empty() {
        let mut peer = match input.byte() & 1 {
            0 => Peer::default(),
            _ => Peer::of_resp3(),
        };
        let mut connection = Connection::new(&mut memory);
        while connection.is_open() && !input.is_empty() {
            call(&mut connection, &mut peer, &mut input, &mut next_id);
        }
    }
}

/// Commands of one round trip, each with an id of its own.
struct Calls {
    calls: Vec<Echo>,
}

struct Echo {
    id: String,
    /// An argument that the server ignores, larger than a window or not there.
    ballast: Option<Vec<u8>>,
}

impl Parts for Calls {
    fn count(&self) -> u16 {
        self.calls.len() as u16
    }

    fn part(&self, index: u16) -> Option<&dyn Encode> {
        let call = self.calls.get(usize::from(index))?;
        Some(call)
    }
}

impl Request for Calls {
    type Reply = Raw;
}

impl Encode for Echo {
    fn spec(&self) -> &'static Spec {
        &table::ECHO
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.push(self.id.to_arg());
        if let Some(ballast) = &self.ballast {
            args.push(ballast.to_arg());
        }
    }
}

/// One call, brought to its end or dropped.
fn call(
    connection: &mut Connection<'_>,
    peer: &mut Peer,
    input: &mut Input<'_>,
    next_id: &mut u32,
) {
    let how = input.byte();
    let calls = (0..1 + (how & 3)).map(|_| {
        *next_id += 1;
        Echo {
            id: format!("id-{next_id}"),
            ballast: (how & 0x18 == 0x18).then(|| vec![b'x'; 150]),
        }
    });
    let calls = Calls {
        calls: calls.collect(),
    };
    let until = match how & 4 {
        0 => Until::Whole,
        _ => Until::Next,
    };
    let cancel_safe = how & 0x20 == 0;
    // Where most calls were dropped, few would ever be answered.
    let patience = match how & 0x40 {
        0 => usize::MAX,
        _ => input.below(24),
    };
    let mut answered = 0;
    let mut is_offered = false;
    for _ in 0..patience {
        let in_full = how & 0x80 == 0;
        match connection.step(&calls, until) {
            Ok(Want::Write(bytes)) => {
                assert!(!bytes.is_empty(), "a write of nothing");
                let n = match in_full {
                    true => bytes.len(),
                    false => input.up_to(bytes.len()),
                };
                peer.take(&bytes[..n], || Style(input.byte()));
                // Dropped, it was delivered all the same.
                is_offered = !cancel_safe && patience < usize::MAX && input.byte() & 7 == 7;
                if is_offered {
                    break;
                }
                connection.wrote(n).expect("as many as were offered");
            }
            Ok(Want::Flush) => connection.flushed(),
            Ok(Want::Read(window)) => {
                assert!(!window.is_empty(), "a read into nothing");
                let most = window.len().min(peer.output.len());
                assert!(most > 0, "the server has answered all, and the call waits");
                let n = match in_full {
                    true => most,
                    false => input.up_to(most),
                };
                for (place, byte) in window.iter_mut().zip(peer.output.drain(..n)) {
                    *place = byte;
                }
                // Dropped, what was read is lost.
                if !cancel_safe && patience < usize::MAX && input.byte() & 7 == 7 {
                    is_offered = true;
                    break;
                }
                connection.got(n).expect("as many as there was room for");
            }
            Ok(Want::Done) => {
                let due = match until {
                    Until::Next => &calls.calls[answered..][..1],
                    _ => &calls.calls[..],
                };
                belongs_to(connection, &calls, due);
                answered += due.len();
                if answered == calls.calls.len() {
                    break;
                }
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => panic!("the server behaved, and yet: {error:?}"),
        }
    }
    // Between two calls, or half-way in this one.
    peer.noise_if(how, input);
    connection.settle(cancel_safe);
    if is_offered {
        assert!(!connection.is_open(), "bytes were lost, and it goes on");
    }
}

/// The answer is that of these calls.
fn belongs_to(connection: &Connection<'_>, calls: &Calls, due: &[Echo]) {
    let mut answer = match connection.reply(calls) {
        Ok(answer) => answer,
        Err(error) => {
            let is_too_large = matches!(error.kind(), ErrorKind::ReplyTooLarge { .. });
            assert!(is_too_large, "the server behaved, and yet: {error:?}");
            return;
        }
    };
    for call in due {
        let mut value = answer.value().expect("a reply for each call");
        let text = loop {
            match value.item().expect("it was scanned") {
                Item::String(text) | Item::Error(text) => break text,
                _ => {}
            }
        };
        let text = text.strip_prefix(b"ERR ").unwrap_or(text);
        let is_large = text.len() == LARGE;
        let id = call.id.as_bytes();
        assert!(
            text == id || is_large && text.starts_with(id),
            "{} is answered by {}",
            call.id,
            text.escape_ascii()
        );
    }
    assert!(answer.is_empty(), "more than was asked for");
}
