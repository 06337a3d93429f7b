//! Every byte and every call gone wrong, in both worlds.

extern crate std;

use std::println;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::client::{Client, Stats};
use crate::command::{Command, echo, get, incr, ping};
use crate::error::{Error, ErrorKind, Io, Reached};
use crate::io::scripted::{At, Pace, Wrong};
use crate::io::{Blocking, asynch, blocking};
use embedded_io::ErrorKind as Kind;

type Text = heapless::String<32>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    Read,
    Write,
    Tuple,
    Pipeline,
    /// A write as the first call, which opens the connection.
    Handshake,
}

const OPS: [Op; 5] = [Op::Read, Op::Write, Op::Tuple, Op::Pipeline, Op::Handshake];

/// Whether the answers are right.
async fn act<L: asynch::Link>(client: &mut Client<'_, L>, op: Op) -> Result<bool, Error> {
    Ok(match op {
        Op::Read => client.call(get("k").reply::<Text>()).await? == owned("k"),
        Op::Write | Op::Handshake => client.call(incr("n")).await? == 1,
        Op::Tuple => client.call((incr("n"), echo("text"))).await? == (1, b"text".as_slice()),
        Op::Pipeline => {
            let mut pipeline = client.pipeline((0..5).map(|_| incr("n")));
            for n in 1..6 {
                if pipeline.next().await.unwrap()? != n {
                    return Ok(false);
                }
            }
            pipeline.next().await.is_none()
        }
    })
}

/// The same, blocking.
fn act_blocking<L: blocking::Link>(
    client: &mut Client<'_, Blocking<L>>,
    op: Op,
) -> Result<bool, Error> {
    Ok(match op {
        Op::Read => client.call(get("k").reply::<Text>())? == owned("k"),
        Op::Write | Op::Handshake => client.call(incr("n"))? == 1,
        Op::Tuple => client.call((incr("n"), echo("text")))? == (1, b"text".as_slice()),
        Op::Pipeline => {
            let mut pipeline = client.pipeline((0..5).map(|_| incr("n")));
            for n in 1..6 {
                if pipeline.next().unwrap()? != n {
                    return Ok(false);
                }
            }
            pipeline.next().is_none()
        }
    })
}

/// What came of a call, and of the one after it.
struct Came {
    result: Result<bool, Error>,
    /// Bytes that the transport had accepted when it ended.
    out: u32,
    hit: bool,
    after: Result<i64, Error>,
    stats: Stats,
    world: World,
}

fn run_async(op: Op, pace: Pace, wrong: Option<(At, Wrong)>) -> Came {
    run_async_under(settings(), op, pace, wrong)
}

fn run_async_under(
    config: Config<'static>,
    op: Op,
    pace: Pace,
    wrong: Option<(At, Wrong)>,
) -> Came {
    let world = World::new();
    let mut resources = Resources::new();
    let config = config.password("secret");
    world.server.store().password = Some("secret");
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    if op != Op::Handshake {
        run(pool.call(ping())).unwrap();
    }
    arm(&world, pace, wrong);
    let result = run(async { act(&mut pool.try_get().unwrap(), op).await });
    let (out, hit) = (world.wire.counts().out, world.wire.faults_left() == 0);
    world.wire.heal();
    let after = run(pool.call(incr("after")));
    check_stats(&pool);
    let stats = pool.stats();
    Came {
        result,
        out,
        hit,
        after,
        stats,
        world,
    }
}

fn run_blocking(op: Op, pace: Pace, wrong: Option<(At, Wrong)>) -> Came {
    run_blocking_under(settings(), op, pace, wrong)
}

fn run_blocking_under(
    config: Config<'static>,
    op: Op,
    pace: Pace,
    wrong: Option<(At, Wrong)>,
) -> Came {
    let world = World::new();
    let mut resources = Resources::new();
    let config = config.password("secret");
    world.server.store().password = Some("secret");
    let links = [Blocking(world.wire.clone())];
    let pool = TestPool::<_>::new(&mut resources, links, config);
    if op != Op::Handshake {
        pool.call(ping()).unwrap();
    }
    arm(&world, pace, wrong);
    let result = act_blocking(&mut pool.try_get().unwrap(), op);
    let (out, hit) = (world.wire.counts().out, world.wire.faults_left() == 0);
    world.wire.heal();
    let after = pool.call(incr("after"));
    check_stats(&pool);
    let stats = pool.stats();
    Came {
        result,
        out,
        hit,
        after,
        stats,
        world,
    }
}

fn arm(world: &World, pace: Pace, wrong: Option<(At, Wrong)>) {
    world.wire.reset_counts();
    world.wire.set_pace(pace);
    if let Some((at, wrong)) = wrong {
        world.wire.fail(at, wrong);
    }
}

/// All places of one kind until one that is not reached; says how many were.
fn everywhere(op: Op, pace: Pace, at: fn(u32) -> At, wrong: Wrong) -> usize {
    let mut runs = 0;
    for run in [run_async, run_blocking] {
        let login = match op {
            Op::Handshake => run(op, pace, None).out - run(Op::Write, pace, None).out,
            _ => 0,
        };
        for n in 0.. {
            let at = at(n);
            let came = run(op, pace, Some((at, wrong)));
            let Came {
                result, out, hit, ..
            } = &came;
            let place = std::format!("{op:?} {pace:?} {at:?} {wrong:?}: {result:?}");
            match result {
                Ok(right) => assert!(right, "{place}"),
                // Nobody can know what a transport did that claims what cannot be.
                Err(error) if matches!(wrong, Wrong::Claim(_)) => {
                    let kinds = [
                        ErrorKind::Transport(Io::Misbehaved),
                        ErrorKind::Connect(Io::Misbehaved),
                    ];
                    assert!(kinds.contains(&error.kind()), "{place}");
                }
                Err(error) => {
                    let unsent = match op {
                        // Three commands fill the window; the error is about the next two.
                        Op::Pipeline if matches!(at, At::Out(_) | At::Write(_)) => {
                            *out == 0 || *out == 63
                        }
                        _ => *out <= login,
                    };
                    assert_eq!(error.reached() == Reached::NotSent, unsent, "{place}");
                }
            }
            assert_eq!(came.after, Ok(1), "{place}");
            assert_eq!(came.stats.open, 1, "{place}");
            came.world.check();
            let most = if op == Op::Pipeline { 5 } else { 1 };
            assert!(came.world.server.seen("INCR n") <= most, "{place}");
            // The first calls are counted from 1.
            if !hit && n > 0 {
                break;
            }
            runs += usize::from(*hit);
        }
    }
    runs
}

#[test]
fn every_byte_and_every_call_gone_wrong() {
    let one = Pace {
        bytes: 1,
        ..Pace::FAST
    };
    let wrongs = [Wrong::Error(Kind::ConnectionReset), Wrong::End];
    let mut runs = 0;
    for op in OPS {
        for wrong in wrongs {
            for at in [At::Out, At::In] as [fn(u32) -> At; 2] {
                runs += everywhere(op, Pace::FAST, at, wrong);
            }
            for at in [At::Read, At::Write, At::Flush, At::Open] as [fn(u32) -> At; 4] {
                runs += everywhere(op, Pace::FAST, at, wrong);
                if op != Op::Handshake {
                    runs += everywhere(op, one, at, wrong);
                }
            }
        }
        // Of a pipeline, the bytes that left do not say what it was told before.
        if op != Op::Pipeline {
            let told = everywhere(op, Pace::FAST, At::Patience, wrongs[0]);
            assert!(told > 2, "{op:?} was told {told} times how long to wait");
            runs += told;
        }
    }
    println!("{runs} bytes and calls went wrong");
    assert!(runs > 2900, "only {runs}");
}

#[test]
fn a_transport_that_claims_what_cannot_be() {
    let three = Pace {
        bytes: 3,
        ..Pace::FAST
    };
    let mut runs = 0;
    for op in OPS {
        for pace in [Pace::FAST, three] {
            for claim in [513, 5000, usize::MAX] {
                for at in [At::Read, At::Write] as [fn(u32) -> At; 2] {
                    runs += everywhere(op, pace, at, Wrong::Claim(claim));
                }
            }
            // And one that accepts nothing, for ever, is no endless loop.
            runs += everywhere(op, pace, At::Write, Wrong::Claim(0));
        }
    }
    println!("{runs} lies");
    assert!(runs > 500, "only {runs}");
}

#[test]
fn an_error_kind_of_a_transport_keeps_its_meaning() {
    let kinds: Vec<(Kind, Io)> = vec![
        (Kind::ConnectionReset, Io::Reset),
        (Kind::BrokenPipe, Io::NotConnected),
        (Kind::Other, Io::Other),
    ];
    let once = |op, pace, wrong| run_async_under(settings().retries(0), op, pace, wrong);
    for (kind, io) in kinds {
        let came = once(
            Op::Write,
            Pace::FAST,
            Some((At::Read(1), Wrong::Error(kind))),
        );
        assert_eq!(came.result.unwrap_err().kind(), ErrorKind::Transport(io));
        let came = once(
            Op::Handshake,
            Pace::FAST,
            Some((At::Open(1), Wrong::Error(kind))),
        );
        assert_eq!(came.result.unwrap_err().kind(), ErrorKind::Connect(io));
        // One that cannot be told how long to wait may wait for ever.
        let untold = Some((At::Patience(1), Wrong::Error(kind)));
        let came = run_blocking_under(settings().retries(0), Op::Write, Pace::FAST, untold);
        assert_eq!(came.result, Err(Error::not_sent(ErrorKind::Transport(io))));
    }
    let came = once(Op::Write, Pace::FAST, Some((At::Read(1), Wrong::End)));
    assert_eq!(
        came.result.unwrap_err().kind(),
        ErrorKind::Transport(Io::Closed)
    );
}

#[test]
fn a_server_that_says_no_before_it_is_asked() {
    for pace in [Pace::FAST, Pace::slow(1)] {
        let world = World::<true>::new();
        world.server.store().greeting = "-ERR max number of clients reached\r\n";
        world.server.store().silent = true;
        world.wire.set_pace(pace);
        world
            .wire
            .fail(At::Out(20), Wrong::Error(Kind::ConnectionReset));
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        let error = run(pool.call(incr("n"))).unwrap_err();
        assert_eq!(error.reached(), Reached::NotSent);
        world.server.store().greeting = "";
        world.server.store().silent = false;
        assert_eq!(run(pool.call(incr("n"))), Ok(1));
    }
}

/// A link that cannot be told any more how long it may wait is given up, though bytes still come.
#[test]
fn what_answers_part_of_a_login_is_no_greeting() {
    let mut broken = 0;
    loop {
        let world = World::<true>::new();
        world.server.store().old = true;
        world.server.store().password = Some("secret");
        world.wire.set_pace(Pace::slow(1));
        let untold = At::Patience(broken + 1);
        world.wire.fail(untold, Wrong::Error(Kind::Unsupported));
        let mut resources = Resources::new();
        let links = [Blocking(world.wire.clone())];
        let config = settings().password("secret").client_name("me").retries(0);
        let pool = TestPool::<_>::new(&mut resources, links, config);
        let error = pool.call(ping()).unwrap_err();
        match error.kind() {
            ErrorKind::Connect(Io::Other) => broken += 1,
            // That was in the call itself.
            kind => break assert_eq!(kind, ErrorKind::Transport(Io::Other)),
        }
    }
    assert!(broken > 100, "{broken}");
}

#[test]
fn a_call_that_never_ends_ends_at_its_deadline() {
    let stalls = [
        (Op::Handshake, At::Open(1), ErrorKind::Connect(Io::TimedOut)),
        (
            Op::Handshake,
            At::Write(1),
            ErrorKind::Connect(Io::TimedOut),
        ),
        (
            Op::Handshake,
            At::Flush(1),
            ErrorKind::Connect(Io::TimedOut),
        ),
        (Op::Write, At::Flush(1), ErrorKind::TimedOut),
        (Op::Tuple, At::Flush(1), ErrorKind::TimedOut),
        (Op::Pipeline, At::Write(2), ErrorKind::TimedOut),
    ];
    let once = settings().retries(0);
    for (op, at, kind) in stalls {
        let came = run_blocking_under(once, op, Pace::FAST, Some((at, Wrong::Stall)));
        assert_eq!(came.result.unwrap_err().kind(), kind, "{op:?} {at:?}");
        assert_eq!(came.after, Ok(1));

        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], once);
        if op != Op::Handshake {
            run(pool.call(ping())).unwrap();
        }
        arm(&world, Pace::FAST, Some((at, Wrong::Stall)));
        let mut call = pin!(async { act(&mut pool.try_get().unwrap(), op).await });
        assert_eq!(poll(call.as_mut(), 100), Polled::Stuck, "{op:?} {at:?}");
        world.clock.advance_ms(4999);
        assert_eq!(poll(call.as_mut(), 100), Polled::Stuck, "{op:?} {at:?}");
        world.clock.advance_ms(1);
        let error = poll(call, 100).ready().unwrap_err();
        assert_eq!(error.kind(), kind, "{op:?} {at:?}");
        assert_eq!(run(pool.call(incr("after"))), Ok(1));
        check_stats(&pool);
    }
    // A write that was never taken was not sent, and so is sent anew.
    let came = run_blocking(Op::Write, Pace::FAST, Some((At::Write(1), Wrong::Stall)));
    assert_eq!((came.result, came.stats.retries), (Ok(true), 1));
    assert_eq!(came.world.server.seen("INCR n"), 1);
}
