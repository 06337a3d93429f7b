//! Long histories by chance, from seeds that a failure names: several borrowers, drops, breakage, timeouts and
//! sessions one after the other. Whatever happened, an answer is right or an error, and what is
//! written is written once. `RESPOOL_SEEDS` says how many histories, where 400 are too few.

extern crate std;

use std::format;
use std::println;

use super::*;
use crate::client::{Client, Lease};
use crate::command::{Blocks, Command, Plain, Spec};
use crate::command::{echo, exec, get, incr, multi, raw, select, set, unwatch, watch};
use crate::config::SkipBudget;
use crate::error::Error;
use crate::io::asynch;
use crate::io::scripted::{At, Pace, Wrong};
use crate::resp::Any;
use embedded_io::ErrorKind as Kind;

static BLPOP: Spec = Spec {
    blocks: Blocks::SECONDS_LAST,
    ..Spec::write(&["BLPOP"], -3)
};

/// Numbers that look like chance: a seed gives the same ones each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// What was found in a history.
#[derive(Default)]
struct Found {
    answers: u32,
    errors: u32,
    drops: u32,
}

/// Something that a borrower does, told by `what`; whether its answers are right. `number` makes
/// its keys its own. In a transaction of its own making, a borrower's answers are not looked at.
async fn act<L: asynch::Link>(
    client: &mut Client<'_, L>,
    what: u64,
    number: u32,
    sessions: bool,
) -> Result<bool, Error> {
    let key = format!("key:{number}");
    let key = key.as_str();
    let text = key.repeat(1 + what as usize % 20);
    let text = text.as_str();
    Ok(match what % 12 {
        0 | 1 => {
            client
                .call(get(key).reply::<heapless::String<32>>())
                .await?
                == owned(key)
        }
        2 => {
            client.call(set(key, text).reply::<()>()).await?;
            true
        }
        3 => client.call(echo(text)).await? == text.as_bytes(),
        4 => {
            let request = (set(key, 1).reply::<()>(), incr(key), echo(text));
            client.call(request).await? == ((), 2, text.as_bytes())
        }
        5 | 6 => {
            // Given up in the middle, now and then.
            let texts = [key, "a", text, "b", text];
            let taken = what as usize % 6;
            let mut pipeline = client.pipeline(texts.iter().map(|text| echo(*text)));
            for text in texts.iter().take(taken) {
                match pipeline.next().await {
                    Some(answer) if answer? == text.as_bytes() => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        7 => {
            // One failure among three does not shift the others.
            let unknown = Plain::<_, Any>::new(&UNKNOWN, (key,));
            let request = (echo(key), unknown.outcome(), echo(text));
            let (first, failed, last) = client.call(request).await?;
            first == key.as_bytes() && failed.is_err() && last == text.as_bytes()
        }
        8 => {
            let list = Plain::<_, Any>::new(&BLPOP, ("list", 0));
            client.call(list).await.map(|_| false)?
        }
        _ if !sessions => true,
        9 => {
            client.call((watch("w"), unwatch(), watch(key))).await?;
            true
        }
        10 => {
            client.call(watch(key)).await?;
            client.call((multi(), set("m", text), exec())).await?;
            client.call((select(3), multi())).await?;
            true
        }
        _ => {
            client.call(raw("PING")).await?;
            true
        }
    })
}

static UNKNOWN: Spec = Spec::write(&["UNKNOWN"], -1);

fn history<const SAFE: bool>(seed: u64) -> Found {
    let mut dice = Dice(seed);
    let mut found = Found::default();
    let world = World::<SAFE>::new();
    world.server.store().old = dice.below(3) == 0;
    let mut resources = Resources::<2>::new();
    let wires = [world.wire.clone(), world.another_wire()];
    let budget = SkipBudget {
        replies: dice.below(6) as u16,
        bytes: 60 + dice.below(400) as u32,
        ..SkipBudget::DEFAULT
    };
    let config = settings().skip_budget(budget);
    let pool = TestPool::<_, 2>::new(&mut resources, wires.clone(), config);
    let mut kept: Option<Lease<'_, '_, NoopRawMutex, TestWire<SAFE>, 2>> = None;
    for number in 0..25u32 {
        let wire = &wires[dice.below(2) as usize];
        wire.set_pace(match dice.below(5) {
            0 => Pace::FAST,
            1 => Pace::slow(1),
            2 => Pace::slow(1 + dice.below(9) as usize).buffered(),
            3 => Pace::slow(1 + dice.below(40) as usize),
            _ => Pace::slow(usize::MAX),
        });
        world.server.store().pushes = dice.below(2) == 0;
        let counts = wire.counts();
        match dice.below(30) {
            0 => wire.fail(
                At::In(counts.into + dice.below(60) as u32),
                Wrong::Error(Kind::ConnectionReset),
            ),
            1 => wire.fail(At::Out(counts.out + dice.below(60) as u32), Wrong::End),
            2 => wire.fail(
                At::Flush(counts.flushes + 1),
                Wrong::Error(Kind::BrokenPipe),
            ),
            3 => wire.fail(
                At::Open(counts.opens + 1),
                Wrong::Error(Kind::ConnectionRefused),
            ),
            4 => wire.end(Wrong::End),
            5 => world.clock.advance_ms(dice.below(6000)),
            _ => {}
        }
        let what = dice.below(1000);
        let polls = match dice.below(3) {
            0 => 100_000,
            1 => dice.below(30) as usize,
            _ => dice.below(400) as usize,
        };
        let again = dice.below(3) == 0;
        let polled = if let Some(lease) = kept.as_mut().filter(|_| again) {
            drop_at(polls, act(lease, what, number, false))
        } else {
            let Ok(mut lease) = pool.try_get() else {
                kept = None;
                continue;
            };
            let polled = drop_at(polls, act(&mut lease, what, number, true));
            // A lease whose session was not used may be used again by others.
            if what % 12 < 8 && dice.below(3) == 0 {
                kept = Some(lease);
            }
            polled
        };
        match polled {
            Polled::Ready(Ok(right)) => {
                assert!(right, "seed {seed}, step {number}, act {}", what % 12);
                found.answers += 1;
            }
            Polled::Ready(Err(_)) => found.errors += 1,
            Polled::Pending | Polled::Stuck => found.drops += 1,
        }
    }
    drop(kept);
    for wire in &wires {
        wire.heal();
        wire.set_pace(Pace::FAST);
    }
    let mut leases = [pool.try_get().unwrap(), pool.try_get().unwrap()];
    for lease in &mut leases {
        for _ in 0..2 {
            let right = run(lease.call(get("end").reply()));
            assert_eq!(right, Ok(owned("end")), "seed {seed}");
        }
    }
    drop(leases);
    for number in 0..25 {
        for repeat in 1..=20 {
            let key = format!("key:{number}");
            let write = format!("SET {key} {}", key.repeat(repeat));
            assert!(world.server.seen(&write) <= 1, "seed {seed}: {write}");
        }
    }
    for wire in &wires {
        assert_eq!(wire.counts().misuses, 0, "seed {seed}");
    }
    let garbled = &world.server.look().garbled;
    assert!(garbled.is_empty(), "seed {seed}: {garbled:?}");
    check_stats(&pool);
    found
}

fn histories<const SAFE: bool>() {
    let seeds = std::env::var("RESPOOL_SEEDS").map_or(400, |seeds| seeds.parse().unwrap());
    let mut sum = Found::default();
    for seed in 0..seeds {
        let found = history::<SAFE>(seed);
        sum.answers += found.answers;
        sum.errors += found.errors;
        sum.drops += found.drops;
    }
    let Found {
        answers,
        errors,
        drops,
    } = sum;
    println!("{answers} right answers, {errors} errors, {drops} drops");
    assert!(answers > 2000 && errors > 100 && drops > 1000);
}

#[test]
fn histories_over_a_transport_that_loses_nothing() {
    histories::<true>();
}

#[test]
fn histories_over_a_transport_that_loses_what_is_dropped() {
    histories::<false>();
}
