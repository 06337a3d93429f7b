//! Every order of a few threads, with a bounded number of preemptions.

use interleavings::scenarios as s;
use interleavings::under_loom::{Loom, explore};

macro_rules! in_every_order {
    ($($scenario:ident: $preemptions:literal,)*) => {
        $(
            #[test]
            fn $scenario() {
                explore(stringify!($scenario), $preemptions, s::$scenario::<Loom>);
            }
        )*
    };
}

in_every_order! {
    three_on_two: 3,
    three_on_one: 3,
    cancelled_in_line: 3,
    cancelled_after_a_look: 3,
    first_come_first_served: 3,
    closed_while_one_waits: 3,
    closed_under_a_line: 3,
    closed_and_not_waited_for: 3,
    closed_by_one_who_cannot_wait: 3,
    disconnected_while_one_comes_back: 3,
    disconnected_while_two_come_back: 3,
    upkeep_and_two_borrowers: 3,
}
