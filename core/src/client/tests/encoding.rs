//! What cannot be encoded, wherever it stands and whenever it shows: nobody else's reply is shifted.

extern crate std;

use core::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::command::{Command, Request, del, get, incr, set};
use crate::error::{CommandFault, Error, ErrorKind, Reached};
use crate::io::scripted::Pace;
use crate::resp::{Arg, Args, Pieces, ToArg, ToArgs};

/// An argument, or a number of arguments, that is another one from the `from`th time on that it is
/// asked for.
struct Fickle {
    what: What,
    asked: AtomicUsize,
    from: usize,
    /// Before and after.
    lens: [usize; 2],
}

#[derive(Clone, Copy, Debug)]
enum What {
    Pieces,
    Bytes,
    Int,
    /// So many keys.
    Count,
}

static BYTES: [u8; 200] = [b'x'; 200];

impl Fickle {
    fn len(&self) -> usize {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        self.lens[usize::from(asked >= self.from)]
    }
}

impl Pieces for Fickle {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        give(&BYTES[..self.len()]);
    }
}

impl ToArg for Fickle {
    fn to_arg(&self) -> Arg<'_> {
        match self.what {
            What::Bytes => Arg::Bytes(&BYTES[..self.len()]),
            What::Int => Arg::Int(10_i64.pow(self.len() as u32 - 1)),
            What::Pieces | What::Count => Arg::Pieces(self),
        }
    }
}

impl ToArgs for Fickle {
    fn to_args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        for _ in 0..self.len() {
            args.word("0123456789");
        }
    }
}

/// What came of it: right, refused before its first byte, or broken off.
#[derive(Default)]
struct Outcomes([usize; 3]);

impl Outcomes {
    /// Takes what came of a request on a connection that had been opened once.
    fn take(&mut self, world: &World, result: Result<(), Error>, out_before: u32) {
        let has_left = world.wire.counts().out > out_before;
        match result {
            Ok(()) => self.0[0] += 1,
            Err(error) => {
                let unstable = ErrorKind::Command(CommandFault::Unstable);
                let reached = match has_left {
                    true => Reached::MaybeSent,
                    false => Reached::NotSent,
                };
                assert_eq!(error, Error::new(unstable, reached));
                self.0[1 + usize::from(has_left)] += 1;
            }
        }
        let must_close = result.is_err() && has_left;
        assert_eq!(world.wire.is_open(), !must_close);
    }
}

/// Whatever changes, at whichever look at it: in how many bytes a write moves is the `pace`.
fn changes_at_any_time<R: Request>(
    what: What,
    lens: [usize; 2],
    pace: Pace,
    outcomes: &mut Outcomes,
    request: impl Fn(Fickle) -> R,
) {
    for from in 0..40 {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        run(pool.call(incr("n"))).unwrap();
        world.server.store().canned = std::vec![("DEL", ":1\r\n")];
        world.wire.set_pace(pace);
        let out = world.wire.counts().out;
        let mut lease = pool.try_get().unwrap();
        let fickle = Fickle {
            what,
            asked: AtomicUsize::new(0),
            from,
            lens,
        };
        let result = run(async { lease.call(request(fickle)).await.map(drop) });
        outcomes.take(&world, result, out);
        let place = std::format!("{what:?} {lens:?} {pace:?} {from}");
        assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")), "{place}");
        drop(lease);
        assert_eq!(run(pool.call(incr("n"))), Ok(2), "{place}");
        assert!(world.server.seen("INCR before") <= 1);
        world.check();
        check_stats(&pool);
    }
}

/// The same in all paces, alone and among others; says which outcomes there were.
fn outcomes<R: Request, T: Request>(
    what: What,
    lens: &[[usize; 2]],
    alone: impl Fn(Fickle) -> R,
    among: impl Fn(Fickle) -> T,
) -> [bool; 3] {
    let seven = Pace {
        bytes: 7,
        ..Pace::FAST
    };
    let mut outcomes = Outcomes::default();
    for pace in [Pace::FAST, seven] {
        for lens in lens {
            changes_at_any_time(what, *lens, pace, &mut outcomes, &alone);
            changes_at_any_time(what, *lens, pace, &mut outcomes, &among);
        }
    }
    outcomes.0.map(|times| times > 0)
}

#[test]
fn an_argument_that_changes_at_any_time_shifts_nobodys_reply() {
    // Sent from where they are, and cut by the window; longer and shorter than was said.
    let lens = [[150, 159], [150, 141], [50, 59], [50, 41]];
    let key = "a key that leaves no room for all";
    for what in [What::Pieces, What::Bytes, What::Int] {
        let (lens, can_be_unsent) = match what {
            What::Int => (&[[18, 19], [18, 9]][..], false),
            // What lies in memory is looked at once for each window.
            What::Bytes => (&lens[..], false),
            _ => (&lens[..], true),
        };
        let came = outcomes(
            what,
            lens,
            |fickle| set(key, fickle),
            |fickle| (incr("before"), set(key, fickle), incr("behind")),
        );
        assert_eq!(came, [true, can_be_unsent, true], "{what:?}");
    }
}

#[test]
fn a_number_of_arguments_that_changes_at_any_time_shifts_nobodys_reply() {
    // In one window, and in several; more and fewer than was said.
    let lens = [[2, 3], [2, 1], [20, 21], [20, 19], [20, 1], [1, 20]];
    let came = outcomes(What::Count, &lens, del, |fickle| {
        (incr("before"), del(fickle), incr("behind"))
    });
    assert_eq!(came, [true, true, true]);
}

#[test]
fn a_command_of_a_pipeline_that_cannot_be_sent_takes_nobodys_reply() {
    let mut outcomes = Outcomes::default();
    for bad in 0..3 {
        for from in 0..40 {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
            run(pool.call(incr("n"))).unwrap();
            let mut lease = pool.try_get().unwrap();
            let commands = (0..3).map(|n| {
                let fickle = Fickle {
                    what: What::Pieces,
                    asked: AtomicUsize::new(0),
                    from: if n == bad { from } else { 99 },
                    lens: [150, 159],
                };
                set(n, fickle)
            });
            let mut pipeline = lease.pipeline(commands);
            for n in 0..3 {
                let out = world.wire.counts().out;
                let Some(result) = run(pipeline.next()) else {
                    assert!(n > bad, "only a connection that broke ends it");
                    break;
                };
                assert!(n == bad || result.is_ok(), "{n} for {bad}, {from}");
                if n == bad {
                    outcomes.take(&world, result, out);
                }
            }
            assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")));
            world.check();
            check_stats(&pool);
        }
    }
    assert!(outcomes.0.iter().all(|n| *n > 0), "{:?}", outcomes.0);
    // The same of one that is refused as it is.
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    let mut lease = pool.try_get().unwrap();
    let mut pipeline = lease.pipeline([1.0, f64::NAN, 3.0].map(|value| set("k", value)));
    assert_eq!(run(pipeline.next()), Some(Ok(())));
    let nan = ErrorKind::Command(CommandFault::NotANumber);
    assert_eq!(run(pipeline.next()), Some(Err(Error::not_sent(nan))));
    assert_eq!(run(pipeline.next()), Some(Ok(())));
    assert_eq!(run(pipeline.next()), None);
    assert_eq!(world.wire.counts().opens, 1);
}
