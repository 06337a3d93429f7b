//! What cannot be encoded, wherever it stands and whenever it shows: nobody else's reply is shifted.

extern crate std;

use core::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::command::{Command, Request, get, incr, set};
use crate::error::{CommandFault, Error, ErrorKind, Reached};
use crate::resp::{Arg, Pieces, ToArg};

/// An argument whose length is another one from the `from`th time on that it is asked for.
struct Fickle {
    asked: AtomicUsize,
    from: usize,
}

impl Fickle {
    const LEN: usize = 150;

    fn from(from: usize) -> Self {
        Self {
            asked: AtomicUsize::new(0),
            from,
        }
    }
}

impl Pieces for Fickle {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        give(&[b'x'; Self::LEN + 9][..Self::LEN + if asked < self.from { 0 } else { 9 }]);
    }
}

impl ToArg for Fickle {
    fn to_arg(&self) -> Arg<'_> {
        Arg::Pieces(self)
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

fn fails_at_any_time<R: Request>(request: impl Fn(Fickle) -> R) {
    let mut outcomes = Outcomes::default();
    for from in 0..40 {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        run(pool.call(incr("n"))).unwrap();
        let out = world.wire.counts().out;
        let mut lease = pool.try_get().unwrap();
        let result = run(async { lease.call(request(Fickle::from(from))).await.map(drop) });
        outcomes.take(&world, result, out);
        assert_eq!(run(lease.call(get("k").reply())), Ok(owned("k")), "{from}");
        drop(lease);
        assert_eq!(run(pool.call(incr("n"))), Ok(2), "{from}");
        assert!(world.server.seen("INCR before") <= 1);
        world.check();
        check_stats(&pool);
    }
    assert!(outcomes.0.iter().all(|n| *n > 0), "{:?}", outcomes.0);
}

#[test]
fn an_argument_that_changes_at_any_time_shifts_nobodys_reply() {
    fails_at_any_time(|fickle| set("f", fickle));
    fails_at_any_time(|fickle| (incr("before"), set("f", fickle), incr("behind")));
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
            let commands = (0..3).map(|n| set(n, Fickle::from(if n == bad { from } else { 99 })));
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
