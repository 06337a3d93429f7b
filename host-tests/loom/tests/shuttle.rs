//! Orders drawn at random, of the same few threads and of more that do whatever comes.
//!
//! `RESPOOL_SCHEDULES` says how many for each test; 5 000 unless told.

use interleavings::scenarios as s;
use interleavings::under_shuttle::{Shuttle, draw};
use shuttle::rand::Rng;

fn schedules() -> usize {
    match std::env::var("RESPOOL_SCHEDULES") {
        Ok(number) => number.parse().expect("RESPOOL_SCHEDULES is a number"),
        Err(_) => 5_000,
    }
}

/// The world at large is drawn ten times as often as a scenario that loom went through.
#[test]
fn whatever_comes() {
    draw("whatever_comes", 10 * schedules(), || {
        s::whatever_comes::<Shuttle>(|below| shuttle::rand::thread_rng().gen_range(0..below));
    });
}

macro_rules! in_random_orders {
    ($($scenario:ident,)*) => {
        $(
            #[test]
            fn $scenario() {
                draw(stringify!($scenario), schedules(), s::$scenario::<Shuttle>);
            }
        )*
    };
}

in_random_orders! {
    three_on_two,
    three_on_one,
    cancelled_in_line,
    cancelled_after_a_look,
    first_come_first_served,
    closed_while_one_waits,
    closed_under_a_line,
    closed_and_not_waited_for,
    closed_by_one_who_cannot_wait,
    disconnected_while_one_comes_back,
    disconnected_while_two_come_back,
    upkeep_and_two_borrowers,
}
