//! What becomes of an exchange that is left where it stands, at each of its phases.

use super::*;
use crate::command::{After, blpop, xread};

/// Writes all of `request` and leaves it unanswered; whether the connection is still open then.
fn written_and_dropped(connection: &mut Connection<'_>, request: &dyn Parts) -> bool {
    for _ in 0..100 {
        let Ok(Want::Write(bytes)) = connection.step(request, Until::Whole) else {
            break;
        };
        let n = bytes.len();
        connection.wrote(n).unwrap();
    }
    connection.settle(true);
    connection.is_open()
}

#[test]
fn half_a_handshake_is_none() {
    let mut memory = Memory::<64, 64>::new();
    let mut connection = Connection::closed(&mut memory, &DEFAULTS);
    connection.opened();
    assert!(!connection.is_open() && !connection.is_broken());
    let mut setup = Setup::handshake(&DEFAULTS);
    assert_eq!(setup.advance(&mut connection), Ok(Next::Write));
    connection.settle(true);
    assert!(connection.is_broken());
    assert_eq!(connection.why(), Why::Dropped);
}

#[test]
fn what_is_skipped_when_a_call_is_dropped_is_skipped_on_only_where_no_byte_was_lost() {
    for cancel_safe in [false, true] {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&DEFAULTS);
        assert!(written_and_dropped(&mut connection, &get("dropped")));
        assert!(connection.owes());
        let request = get("k");
        assert!(matches!(
            connection.step(&request, Until::Whole),
            Ok(Want::Flush)
        ));
        connection.flushed();
        assert!(matches!(
            connection.step(&request, Until::Whole),
            Ok(Want::Read(_))
        ));
        connection.settle(cancel_safe);
        assert_eq!(connection.is_open(), cancel_safe);
        assert_eq!(connection.owes(), cancel_safe);
    }
}

#[test]
fn in_step_is_only_what_is_idle_and_owes_nothing_and_has_nothing_left_over() {
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    assert!(connection.is_in_step());
    let request = get("k");
    assert!(matches!(
        connection.step(&request, Until::Whole),
        Ok(Want::Write(_))
    ));
    assert!(!connection.is_in_step());
    connection.settle(true);
    assert!(connection.is_in_step());
    assert!(written_and_dropped(&mut connection, &request));
    assert!(!connection.is_in_step());
    let mut peer = Peer::split(b"$4\r\nlate\r\n$1\r\nv\r\n", vec![1]);
    assert_eq!(peer.get(&mut connection).as_deref(), Ok("v"));
    assert!(connection.is_in_step() && !connection.owes());
    connection.broke(Io::Reset);
    assert!(!connection.is_in_step());
}

#[test]
fn what_says_nothing_wants_nothing() {
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    let mut setup = Setup::drain(&DEFAULTS);
    assert_eq!(setup.advance(&mut connection), Ok(Next::Done));
    assert!(connection.is_in_step());
}

#[test]
fn a_reply_that_may_never_come_is_not_owed() {
    let streams = || xread([("s", After::New)]);
    let in_time = blpop(["list"], 1000);
    let cases: [(&dyn Parts, bool); 5] = [
        (&get("k"), true),
        (&in_time, false),
        (&streams(), true),
        (&streams().block(5), false),
        (&streams().block(0), false),
    ];
    for (i, (request, owed)) in cases.into_iter().enumerate() {
        let mut space = Space::new(64, 64);
        let mut connection = space.open(&DEFAULTS);
        let is_open = written_and_dropped(&mut connection, request);
        assert_eq!(is_open, owed, "case {i}");
    }
}
