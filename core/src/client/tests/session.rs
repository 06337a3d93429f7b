//! What a borrower does to the session: undone for the next one, and never lost silently.

extern crate std;

use std::string::String;
use std::vec::Vec;
use std::{format, println};

use super::*;
use crate::client::Client;
use crate::command::{
    Command, echo, exec, get, incr, multi, ping, raw, select, set, unwatch, watch,
};
use crate::error::{ErrorKind, Reached, SessionUse};
use crate::io::asynch;
use crate::io::scripted::{Pace, Wrong};
use embedded_io::ErrorKind as Kind;

/// What a borrower does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    Get,
    Tuple,
    Watch,
    WatchUnwatch,
    Multi,
    WatchMulti,
    Transaction,
    Select,
    SelectAndWatch,
    Raw,
}

async fn act<L: asynch::Link>(client: &mut Client<'_, L>, what: Use) {
    match what {
        Use::Get => drop(client.call(get("k")).await.unwrap()),
        Use::Tuple => drop(client.call((incr("n"), echo("text"))).await.unwrap()),
        Use::Watch => client.call(watch("k")).await.unwrap(),
        Use::WatchUnwatch => drop(client.call((watch("k"), unwatch())).await.unwrap()),
        Use::Multi => drop(client.call((multi(), set("k", "queued"))).await.unwrap()),
        Use::WatchMulti => {
            client.call(watch("k")).await.unwrap();
            client.call(multi()).await.unwrap();
        }
        Use::Transaction => {
            client.call(watch("k")).await.unwrap();
            let answer = client.call((multi(), set("m", "1"), exec())).await;
            answer.unwrap();
        }
        Use::Select => client.call(select(3)).await.unwrap(),
        Use::SelectAndWatch => drop(client.call((select(3), watch("k"))).await.unwrap()),
        Use::Raw => drop(client.call(raw("PING")).await.unwrap()),
    }
}

fn undone_by(what: Use) -> Vec<String> {
    let version = format!("CLIENT SETINFO LIB-VER {}", env!("CARGO_PKG_VERSION"));
    let commands: &[&str] = match what {
        Use::Get | Use::Tuple | Use::WatchUnwatch | Use::Transaction => &[],
        Use::Watch => &["UNWATCH"],
        Use::Multi | Use::WatchMulti => &["DISCARD"],
        Use::Select => &["SELECT 1"],
        Use::SelectAndWatch => &["UNWATCH", "SELECT 1"],
        Use::Raw => &[
            "RESET",
            "HELLO 3",
            "CLIENT SETINFO LIB-NAME respool",
            &version,
            "SELECT 1",
        ],
    };
    commands.iter().map(|command| (*command).into()).collect()
}

const USES: [Use; 10] = [
    Use::Get,
    Use::Tuple,
    Use::Watch,
    Use::WatchUnwatch,
    Use::Multi,
    Use::WatchMulti,
    Use::Transaction,
    Use::Select,
    Use::SelectAndWatch,
    Use::Raw,
];

#[test]
fn the_least_that_undoes_it_is_sent_before_the_next_borrowers_command() {
    for what in USES {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let config = Config::new().db(1);
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        run(act(&mut pool.try_get().unwrap(), what));
        world.server.take_log();
        let answer = heapless::String::<32>::try_from("next@1").unwrap();
        for nth in 0..2 {
            assert_eq!(run(pool.call(get("next").reply())), Ok(answer.clone()));
            let mut expected = if nth == 0 {
                undone_by(what)
            } else {
                Vec::new()
            };
            expected.push("GET next".into());
            assert_eq!(world.server.take_log(), expected, "{what:?}");
        }
        assert_eq!(world.wire.counts().opens, 1, "{what:?}");
        check_stats(&pool);
        world.check();
    }
}

#[test]
fn a_session_is_undone_also_where_its_call_was_dropped() {
    let mut runs = 0;
    for what in USES {
        for k in 0.. {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let config = Config::new().db(1);
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
            run(pool.call(ping())).unwrap();
            world.wire.set_pace(Pace::slow(1));
            let mut lease = pool.try_get().unwrap();
            let ended = drop_at(k, act(&mut lease, what)).is_ready();
            drop(lease);
            world.wire.set_pace(Pace::FAST);
            let answer = heapless::String::<32>::try_from("next@1").unwrap();
            for _ in 0..2 {
                let right = run(pool.call(get("next").reply()));
                assert_eq!(right, Ok(answer.clone()), "{what:?} dropped at {k}");
            }
            // What is queued for nobody would be run by the next one's EXEC.
            let set = run(pool.call(get("k").reply::<heapless::String<32>>())).unwrap();
            assert_eq!(set, "k@1", "{what:?} dropped at {k}");
            check_stats(&pool);
            world.check();
            runs += 1;
            if ended {
                break;
            }
        }
    }
    println!("sessions: dropped {runs} times");
    assert!(runs > 300, "only {runs}");
}

#[test]
fn a_lease_that_lost_its_session_says_so_until_it_is_dropped() {
    let used = [
        (Use::Watch, SessionUse::Watch),
        (Use::WatchMulti, SessionUse::Multi),
        (Use::Select, SessionUse::Select),
        (Use::Raw, SessionUse::Other),
    ];
    for (what, by) in used {
        for wrong in [Wrong::Error(Kind::ConnectionReset), Wrong::End] {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
            let mut lease = pool.try_get().unwrap();
            run(act(&mut lease, what));
            world.wire.end(wrong);
            let error = run(lease.call(get("k"))).unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Transport(_)),
                "{what:?} {error:?}"
            );
            for _ in 0..3 {
                let error = run(lease.call(get("k"))).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::SessionLost(by), "{what:?}");
                assert_eq!(error.reached(), Reached::NotSent);
                let error = run(lease.pipeline([get("k")]).next()).unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::SessionLost(by), "{what:?}");
            }
            assert_eq!(
                world.wire.counts().opens,
                1,
                "{what:?}: not opened anew in the lease"
            );
            drop(lease);
            assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
            assert_eq!(world.wire.counts().opens, 2);
            check_stats(&pool);
        }
    }
}

#[test]
fn a_lease_that_left_its_session_alone_is_connected_anew() {
    for what in [Use::Get, Use::Tuple, Use::WatchUnwatch, Use::Transaction] {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], Config::new());
        let mut lease = pool.try_get().unwrap();
        run(act(&mut lease, what));
        world.wire.end(Wrong::Error(Kind::ConnectionReset));
        assert_eq!(
            run(lease.call(get("k").reply())),
            Ok(owned("k")),
            "{what:?}"
        );
        assert_eq!(world.wire.counts().opens, 2);
    }
}

#[test]
fn an_exec_that_was_guarded_does_not_run_where_the_key_was_touched() {
    let world = World::<true>::new();
    let mut resources = Resources::<2>::new();
    let wires = [world.wire.clone(), world.another_wire()];
    let pool = TestPool::<_, 2>::new(&mut resources, wires, Config::new());
    let mut lease = pool.try_get().unwrap();
    run(lease.call(watch("k"))).unwrap();
    run(pool.call(set("k", "touched"))).unwrap();
    let request = (multi(), set("k", "mine"), exec().reply::<Option<[(); 1]>>());
    assert_eq!(run(lease.call(request)).unwrap().2, None);
    drop(lease);
    world.server.take_log();
    let touched = heapless::String::<32>::try_from("touched").unwrap();
    assert_eq!(run(pool.call(get("k").reply())), Ok(touched));
    assert_eq!(
        world.server.take_log(),
        ["GET k"],
        "nothing was to be undone"
    );
}

#[test]
fn what_is_said_before_a_call_of_a_lease_does_not_hide_what_the_lease_did() {
    let interval = core::time::Duration::from_millis(10);
    for what in [Use::Watch, Use::Select, Use::SelectAndWatch] {
        for owes in [false, true] {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let config = settings().db(1).health_check_interval(interval);
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
            let mut lease = pool.try_get().unwrap();
            run(act(&mut lease, what));
            if owes {
                // All of it was written, and its answer is skipped before the next call.
                world.wire.set_pace(Pace::slow(8));
                assert!(!drop_at(5, lease.call(get("k"))).is_ready());
                world.wire.set_pace(Pace::FAST);
            } else {
                world.clock.advance_ms(50);
            }
            world.server.take_log();
            run(lease.call(get("k"))).unwrap();
            if !owes {
                assert_eq!(world.server.take_log(), ["PING", "GET k"]);
            }
            drop(lease);
            world.server.take_log();
            let answer = heapless::String::<32>::try_from("next@1").unwrap();
            assert_eq!(run(pool.call(get("next").reply())), Ok(answer));
            assert_eq!(pool.stats().skipped, u32::from(owes));
            let mut expected = undone_by(what);
            expected.push("GET next".into());
            assert_eq!(world.server.take_log(), expected, "{what:?}, owes: {owes}");
        }
    }
}

#[test]
fn what_no_clean_up_undoes_goes_with_its_connection() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    let tracking = || raw("CLIENT").args(["TRACKING", "ON"]);
    for _ in 0..2 {
        let mut lease = pool.try_get().unwrap();
        run(async { lease.call(tracking()).await.map(drop) }).unwrap();
        drop(lease);
        assert!(!world.wire.is_open());
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
    }
    // Also where its call was dropped, as soon as a byte of it has left.
    world.wire.set_pace(Pace::slow(64));
    let mut lease = pool.try_get().unwrap();
    let call = async { lease.call(tracking()).await.is_ok() };
    assert_eq!(drop_at(2, call), Polled::Pending);
    drop(lease);
    assert!(!world.wire.is_open());
    assert_eq!(world.server.seen("CLIENT TRACKING ON"), 3);
}

#[test]
fn what_went_with_its_connection_is_not_undone_on_the_next_one() {
    for what in [Use::Multi, Use::Watch, Use::Select, Use::Raw] {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let config = settings().max_idle(core::time::Duration::from_secs(1));
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        run(act(&mut pool.try_get().unwrap(), what));
        world.clock.advance_ms(1000);
        let login = world.server.take_log()[..3].to_vec();
        assert_eq!(run(pool.call(get("k").reply())), Ok(owned("k")));
        let expected = [login, std::vec!["GET k".into()]].concat();
        assert_eq!(world.server.take_log(), expected, "{what:?}");
        assert_eq!(pool.stats().opened, 2);
    }
}

#[test]
fn every_connection_begins_with_the_whole_login() {
    let world = World::<true>::new();
    world.server.store().password = Some("secret");
    let mut resources = Resources::new();
    let config = settings().password("secret").client_name("me").db(2);
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
    let mut logins = Vec::new();
    for _ in 0..4 {
        let value = run(pool.call(get("k").reply::<heapless::String<8>>()));
        assert_eq!(value.as_deref(), Ok("k@2"));
        logins.push(world.server.take_log());
        world.wire.end(Wrong::Error(Kind::ConnectionReset));
    }
    let version = format!("CLIENT SETINFO LIB-VER {}", env!("CARGO_PKG_VERSION"));
    let login = [
        "HELLO 3 AUTH default secret",
        "CLIENT SETNAME me",
        "CLIENT SETINFO LIB-NAME respool",
        &version,
        "SELECT 2",
        "GET k",
    ];
    assert!(logins.iter().all(|log| *log == login), "{logins:?}");
}

#[test]
fn a_password_and_a_name_of_any_bytes_arrive_as_they_are() {
    const PASSWORD: &str = "p\r\n*1\r\n$4\r\nQUIT\r\n\0'\" \u{ff}";
    for old in [false, true] {
        let world = World::<true>::new();
        world.server.store().old = old;
        world.server.store().password = Some(PASSWORD);
        let mut resources = Resources::new();
        let config = settings().password(PASSWORD).client_name("n\r\n+OK\r\n");
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], config);
        assert_eq!(run(pool.call(incr("n"))), Ok(1));
        // Of what is said together, an old server refuses the first and takes the rest.
        let times = 1 + usize::from(old);
        assert_eq!(world.server.seen("CLIENT SETNAME n\r\n+OK\r\n"), times);
        world.check();
    }
}
