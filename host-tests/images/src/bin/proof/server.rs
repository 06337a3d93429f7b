//! The other side.

use respool::config::{Limits, Protocol};
use respool::resp::Replies;
use respool::server::Requests;

use images::look::{Look, see};
use images::soup::Soup;

use crate::settings::print;

#[inline(never)]
pub fn requests(s: &Soup) {
    let (mut window, mut buffer) = ([0; 128], [0; 128]);
    let mut limits = Limits::DEFAULT;
    limits.bulk = s.word();
    limits.elements = s.word();
    limits.line = s.word();
    let mut requests = Requests::new(&mut window)
        .limits(limits)
        .skip_budget(s.word());
    let mut replies = Replies::new(&mut buffer, Protocol::Resp2);
    while s.flag() {
        for byte in requests.spare() {
            *byte = s.byte();
        }
        requests.filled(s.word() as usize);
        match requests.next() {
            Ok(Some(request)) => {
                request.name().look();
                request.name_is(s.text()).look();
                request.exactly::<2>().look();
                request.is_empty().look();
                for word in request.words() {
                    word.look();
                }
                let written = replies.bulk(request.name());
                written.is_ok().look();
            }
            Ok(None) => replies.clear(),
            Err(fault) => {
                match fault.write(&mut replies) {
                    Ok(()) => print(format_args!("{fault}")),
                    Err(full) => print(format_args!("{full}")),
                }
                fault.closes().look();
            }
        }
        see(replies.written());
    }
}

#[inline(never)]
pub fn replies(s: &Soup) {
    let mut buffer = [0; 128];
    let mut replies = Replies::new(&mut buffer, Protocol::Resp3);
    if s.flag() {
        replies.set_protocol(Protocol::Resp2);
    }
    let written = [
        replies.simple(s.bytes()),
        replies.error(s.text(), s.bytes()),
        replies.integer(s.signed()),
        replies.bulk(s.bytes()),
        replies.bulk_head(s.word() as usize),
        replies.bulk_end(),
        replies.null(),
        replies.null_array(),
        replies.array(s.word() as usize),
        replies.map(s.word() as usize),
        replies.set(s.word() as usize),
        replies.push(s.word() as usize),
        replies.double(s.double()),
        replies.boolean(s.flag()),
        replies.big_number(s.bytes()),
        replies.verbatim(b"txt", s.bytes()),
        replies.blob_error(s.text(), s.bytes()),
    ];
    written.map(|written| written.is_ok()).look();
    replies.piece(s.bytes()).look();
    replies.room().look();
    see(replies.written());
}
