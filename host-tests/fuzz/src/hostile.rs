//! One connection with a peer that says anything, and a host that does anything: it claims bytes
//! that never moved, flushes what it did not write, and asks and settles when it likes. Nothing
//! panics, nothing runs for ever, and a fault closes.
//!
//! Input: a byte for what the host does, then choices and what the peer says in turn.

use respool::error::Io;
use respool::{Connection, Memory, Until, Want};

use crate::decode::Asks;
use crate::input::Input;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut memory = Memory::<64, 64, 4>::new();
    while !input.is_empty() {
        let mut connection = Connection::new(&mut memory);
        let mut request = Asks(1);
        while connection.is_open() && !input.is_empty() {
            act(&mut connection, &mut request, &mut input);
        }
        let error = connection.step(&request, Until::Whole).err();
        if !connection.is_open() {
            assert!(error.is_some(), "a closed connection wants something");
        }
    }
}

fn act(connection: &mut Connection<'_>, request: &mut Asks, input: &mut Input<'_>) {
    let action = input.byte();
    let until = match action & 0x80 {
        0 => Until::Whole,
        _ => Until::Next,
    };
    let lie = [0, 1, 63, 64, 65, usize::MAX][usize::from(action >> 4 & 7) % 6];
    match action & 0x0f {
        0 => connection.flushed(),
        1 => drop(connection.wrote(lie)),
        2 => drop(connection.got(lie)),
        3 => connection.settle(true),
        4 => connection.settle(false),
        5 => drop(connection.broke(Io::Reset)),
        6 => drop(connection.reply(request)),
        7 => drop(connection.error_text()),
        8 => request.0 = [0, 1, 2, 8, 60, 1000][input.below(6)],
        9 => drop(connection.is_in_step()),
        // A step that is not done is wanted again.
        10 => {
            let first = shape(connection, request, until);
            let second = shape(connection, request, until);
            if connection.is_open() && !matches!(first, Some(Shape::Done)) {
                assert_eq!(first, second, "asked twice");
            }
        }
        _ => drive(connection, request, until, input),
    }
}

/// What is wanted, without its bytes.
#[derive(Debug, PartialEq)]
enum Shape {
    Write(usize),
    Flush,
    Read(usize),
    Done,
}

fn shape(connection: &mut Connection<'_>, request: &Asks, until: Until) -> Option<Shape> {
    Some(match connection.step(request, until).ok()? {
        Want::Write(bytes) => Shape::Write(bytes.len()),
        Want::Flush => Shape::Flush,
        Want::Read(window) => Shape::Read(window.len()),
        Want::Done => Shape::Done,
        other => panic!("{other:?}"),
    })
}

/// An honest host, until the peer falls silent.
fn drive(connection: &mut Connection<'_>, request: &Asks, until: Until, input: &mut Input<'_>) {
    let len = usize::from(input.byte());
    let mut wire = input.take(len);
    // Each step moves a byte, flushes, or ends a reply.
    let most = 16 + 4 * wire.len() + 32 * usize::from(request.0);
    for _ in 0..most {
        match connection.step(request, until) {
            Ok(Want::Write(bytes)) => {
                let n = bytes.len();
                if connection.wrote(n).is_err() {
                    return;
                }
            }
            Ok(Want::Flush) => connection.flushed(),
            Ok(Want::Read(window)) => {
                let n = wire.len().min(window.len());
                let (now, later) = wire.split_at(n);
                if now.is_empty() {
                    return;
                }
                window[..n].copy_from_slice(now);
                wire = later;
                if connection.got(n).is_err() {
                    return;
                }
            }
            Ok(Want::Done) => {
                let _ = connection
                    .reply(request)
                    .map(|answer| answer.clone().value());
                let _ = connection.error_text();
                return;
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => return,
        }
    }
    panic!("{most} steps, and no end");
}
