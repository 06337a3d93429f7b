//! Commands that are larger than their window.

use super::*;
use crate::command::{Plain, Session as Effect, Spec, del, mset, table};
use crate::resp::{Arg, Args, Pieces, ToArg};
use core::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What is sent of a request, in this window.
fn sent(request: &dyn Parts, tx: usize, accept: usize) -> Result<Vec<u8>, Error> {
    let mut space = Space::new(64, tx);
    let mut connection = space.open(&DEFAULTS);
    let mut bytes = Vec::new();
    loop {
        match connection.step(request, Until::Whole)? {
            Want::Write(part) => {
                let n = part.len().min(accept);
                bytes.extend_from_slice(&part[..n]);
                assert!(bytes.len() < 1 << 20, "it goes on for ever");
                connection.wrote(n)?;
            }
            _ => return Ok(bytes),
        }
    }
}

#[test]
fn every_window_gives_the_same_bytes() {
    let long = [b'v'; 300];
    let keys: Vec<String> = (0..40).map(|i| format!("key:{i}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let requests: [&dyn Parts; 6] = [
        &set("key", &long[..]),
        &set(("node:", u64::MAX, ":", i64::MIN, ":", -0.1), ""),
        &del(&keys[..]),
        &mset([("a", &long[..70]), ("b\r\n", b"\0\xff*$"), ("", &long[..])]),
        &(
            get("k"),
            set(&long[..], &long[..64]),
            del(&keys[..3]),
            get(""),
        ),
        &(
            raw("A"),
            raw("B").args(&keys[..12]),
            raw("C"),
            raw("D").args(&keys[..]),
            raw("E"),
        ),
    ];
    for request in requests {
        let whole = sent(request, 4096, usize::MAX).unwrap();
        for tx in 64..=200 {
            for accept in [1, 7, usize::MAX] {
                let got = sent(request, tx, accept).unwrap();
                assert!(
                    got == whole,
                    "{} in {tx}: {}",
                    whole.escape_ascii(),
                    got.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn a_large_argument_is_sent_from_where_it_is() {
    let value = [b'v'; 1000];
    let request = set("key", &value[..]);
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    let (mut direct, mut writes) = (0, 0);
    while let Want::Write(bytes) = connection.step(&request, Until::Whole).unwrap() {
        let n = bytes.len().min(100);
        if value.as_ptr_range().contains(&bytes.as_ptr()) {
            direct += n;
        }
        writes += 1;
        assert!(writes < 100, "it goes on for ever");
        connection.wrote(n).unwrap();
    }
    // The window holds the head and the first bytes of the value.
    assert_eq!((direct, writes), (1000 - (64 - 29), 12));
}

#[test]
fn a_command_dropped_within_a_large_argument_closes_the_connection() {
    let value = [b'v'; 1000];
    let request = set("key", &value[..]);
    let mut space = Space::new(64, 64);
    let mut connection = space.open(&DEFAULTS);
    assert!(matches!(
        connection.step(&request, Until::Whole),
        Ok(Want::Write(_))
    ));
    connection.wrote(64).unwrap();
    connection.settle(true);
    assert!(!connection.is_open());
}

/// Gives other bytes each time.
#[derive(Default)]
struct Unstable(AtomicUsize);

impl Pieces for Unstable {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        let n = self.0.fetch_add(1, Relaxed);
        give(&b"0123456789"[..n % 8]);
    }
}

impl ToArg for Unstable {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Pieces(self)
    }
}

/// The length is right, until the window was full for the first time.
#[derive(Default)]
struct LaterUnstable(AtomicUsize);

impl Pieces for LaterUnstable {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        let n = self.0.fetch_add(1, Relaxed);
        give(&[b'x'; 200][..if n < 4 { 180 } else { 190 }]);
    }
}

impl ToArg for LaterUnstable {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Pieces(self)
    }
}

#[test]
fn what_cannot_be_sent_fails_before_its_first_byte() {
    let fault = |request: &dyn Parts| sent(request, 64, usize::MAX).unwrap_err();
    let not_sent = |fault| Error::not_sent(ErrorKind::Command(fault));
    let nan = not_sent(CommandFault::NotANumber);
    assert_eq!(fault(&set("k", f64::NAN)), nan);
    assert_eq!(fault(&(set("k", "v"), set("k", f32::NAN))), nan);
    assert_eq!(
        fault(&(set("k", &[b'v'; 500][..]), set("k", f64::NAN))),
        nan
    );
    // Also where it stands behind all that the window holds.
    let long = [b'v'; 500];
    assert_eq!(fault(&raw("X").arg(&long[..]).arg(f64::NAN)), nan);
    assert_eq!(fault(&raw("X").args(&[1.5; 99][..]).arg(f32::NAN)), nan);
    assert_eq!(
        fault(&set(Unstable::default(), "v")),
        not_sent(CommandFault::Unstable)
    );
    assert_eq!(fault(&raw("MONITOR")), not_sent(CommandFault::Refused));
    assert_eq!(
        fault(&(get("k"), raw("MONITOR"))),
        not_sent(CommandFault::Refused)
    );
}

#[test]
fn an_argument_that_changes_after_its_first_bytes_have_left_closes_the_connection() {
    let error = sent(&set("k", LaterUnstable::default()), 64, usize::MAX).unwrap_err();
    let unstable = ErrorKind::Command(CommandFault::Unstable);
    assert_eq!(error, Error::new(unstable, Reached::MaybeSent));
}

/// Has one argument when it is counted, and none when it is written.
struct Fickle;

static FICKLE: Spec = Spec::write(&["FICKLE"], -1);

std::thread_local! {
    static WALKS: Cell<u32> = const { Cell::new(0) };
}

impl Encode for Fickle {
    fn spec(&self) -> &'static Spec {
        &FICKLE
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        WALKS.set(WALKS.get() + 1);
        for _ in 0..WALKS.get() % 3 {
            args.word("x");
        }
    }
}

#[test]
fn a_command_of_another_number_of_arguments_than_it_counted_is_not_sent() {
    struct Once;
    impl Parts for Once {
        fn count(&self) -> u16 {
            1
        }
        fn part(&self, index: u16) -> Option<&dyn Encode> {
            (index == 0).then_some(&Fickle as &dyn Encode)
        }
    }
    let unstable = ErrorKind::Command(CommandFault::Unstable);
    assert_eq!(sent(&Once, 64, usize::MAX), Err(Error::not_sent(unstable)));
    let plain = Plain::<_, ()>::new(&FICKLE, ("x",));
    assert_eq!(
        sent(&plain, 64, usize::MAX).unwrap(),
        b"*2\r\n$6\r\nFICKLE\r\n$1\r\nx\r\n"
    );
}

/// An argument that counts how often it is looked at.
struct Looked<'a>(&'a AtomicUsize);

impl ToArg for Looked<'_> {
    fn to_arg(&self) -> Arg<'_> {
        // One walk to count them, and each a few times where a window ends.
        let looks = self.0.fetch_add(1, Relaxed);
        assert!(looks < 4 * 100_000, "each window walks over all of them");
        Arg::Bytes(b"a")
    }
}

#[test]
fn a_hundred_thousand_arguments_go_through_a_small_window() {
    let looks = AtomicUsize::new(0);
    let args: Vec<_> = (0..100_000).map(|_| Looked(&looks)).collect();
    let bytes = sent(&raw("X").args(&args[..]), 64, usize::MAX).unwrap();
    assert!(bytes.starts_with(b"*100001\r\n$1\r\nX\r\n$1\r\na\r\n"));
    assert_eq!(bytes.len(), 16 + 100_000 * 7);
}

#[test]
fn a_row_that_breaks_the_count_of_replies_is_refused_whoever_makes_a_command_of_it() {
    let refused = |spec: &&&'static Spec| spec.session == Effect::Refused;
    let mut count = 0;
    for spec in table::ALL.iter().filter(refused) {
        let error = sent(&Plain::<_, ()>::new(spec, ("x",)), 64, usize::MAX).unwrap_err();
        let kind = ErrorKind::Command(CommandFault::Refused);
        assert_eq!(error, Error::not_sent(kind), "{:?}", spec.words);
        count += 1;
    }
    assert!(count >= 5, "only {count}");
}
