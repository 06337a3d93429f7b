//! The connection by itself, whatever its host does; the encoder and the decoder.

use respool::command::{Parts, blpop, encode, get, mset, raw, set};
use respool::resp::{Args, Decoder};
use respool::{Connection, ErrorKind, Memory, Until, Want};

use images::look::{Look, see};
use images::soup::Soup;

#[inline(never)]
pub fn exchange(s: &Soup) {
    let mut memory = Memory::<256, 64, 4>::new();
    let mut connection = Connection::new(&mut memory);
    while s.flag() {
        let request = (set(s.text(), s.bytes()), get(s.text()));
        drive(&mut connection, &request, s);
        connection.reply(&request).look();
        let request = blpop([s.text()], s.long());
        drive(&mut connection, &request, s);
        connection.reply(&request).look();
        connection.error_text().look();
        connection.settle(s.flag());
        connection.is_open().look();
        connection.is_in_step().look();
    }
}

#[inline(never)]
fn drive(connection: &mut Connection<'_>, request: &dyn Parts, s: &Soup) {
    let until = match s.flag() {
        true => Until::Whole,
        false => Until::Next,
    };
    while s.flag() {
        let done = match connection.step(request, until) {
            Ok(Want::Write(bytes)) => {
                see(bytes);
                connection.wrote(s.word() as usize)
            }
            Ok(Want::Flush) => {
                connection.flushed();
                Ok(())
            }
            Ok(Want::Read(window)) => {
                for byte in window {
                    *byte = s.byte();
                }
                connection.got(s.word() as usize)
            }
            Ok(_) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            error.look();
            if let ErrorKind::Transport(io) = error.kind() {
                connection.broke(io).look();
            }
        }
    }
}

#[inline(never)]
pub fn encoded(s: &Soup) {
    let mut out = [0; 64];
    encode(
        &mset([(s.text(), s.double()), (s.text(), s.double())]),
        &mut out,
    )
    .look();
    encode(&raw(s.text()).arg(s.bytes()), &mut out).look();
    encode(&OwnCommand(s), &mut out).look();
    see(&out);
}

/// A command that a user wrote.
struct OwnCommand<'s>(&'s Soup);

impl respool::command::Encode for OwnCommand<'_> {
    fn spec(&self) -> &'static respool::command::Spec {
        static SPEC: respool::command::Spec = respool::command::Spec::write(&["JSON.SET"], -4);
        &SPEC
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.word("k").int(self.0.signed());
    }
}

#[inline(never)]
pub fn decoded(s: &Soup) {
    let mut decoder = Decoder::new(s.bytes());
    decoder.value().look();
    decoder.string().look();
    match decoder.elements() {
        Ok(mut elements) => {
            while elements.next(&mut decoder) {
                decoder.value().look();
            }
        }
        Err(error) => error.look(),
    }
    decoder.look();
}
