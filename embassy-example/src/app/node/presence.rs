//! The counter `node:demo:beats`, and `node:demo:alive`, which expires three beats after the last
//! one: while it is there, so is the node.

use embassy_time::{Instant, Timer};
use respool::command::{incr, set};
use respool::{Error, Reached};

use super::Node;

#[embassy_executor::task]
pub(super) async fn run(node: &'static Node) -> ! {
    let pause = node.args.millis("beat", 1000);
    loop {
        match beat(node, 3 * pause.as_millis()).await {
            Ok(beats) => {
                defmt::debug!("presence: {=i64} beats", beats);
                node.tally.beats.up();
                Timer::after(pause).await;
            }
            Err(error) => {
                // A counter has no ids that would tell. One that may be one too low is better
                // than one that counts what was never there.
                if error.reached() == Reached::MaybeSent {
                    node.tally.unsure_beats.up();
                }
                node.failed("presence", error).await;
            }
        }
    }
}

/// Both in one round trip.
async fn beat(node: &Node, lives_ms: u64) -> Result<i64, Error> {
    let uptime = Instant::now().as_secs();
    let count = incr(node.key("beats"));
    let alive = set(node.key("alive"), uptime).px(lives_ms);
    let (beats, ()) = node.redis.call((count, alive)).await?;
    Ok(beats)
}
