//! Reads `node:demo:interval`, the milliseconds between samples, and applies what changed:
//! `redis-cli set node:demo:interval 250`.

use embassy_time::{Duration, Timer};
use respool::command::{Command, get};

use super::Node;

/// What an operator may ask for, in milliseconds.
const ALLOWED: core::ops::RangeInclusive<u32> = 10..=86_400_000;

#[embassy_executor::task]
pub(super) async fn run(node: &'static Node) -> ! {
    let pause = node.args.millis("look", 1000);
    let mut present = None;
    loop {
        match node.redis.call(get(node.key("interval")).reply()).await {
            Ok(interval) if interval == present => {}
            Ok(interval) => {
                apply(node, interval);
                present = interval;
            }
            Err(error) => {
                node.failed("configuration", error).await;
                continue;
            }
        }
        Timer::after(pause).await;
    }
}

/// Without a key nothing changes; a value that makes no sense is not obeyed, but said once.
fn apply(node: &Node, interval: Option<u32>) {
    match interval {
        Some(millis) if ALLOWED.contains(&millis) => {
            defmt::info!("configuration: a sample each {=u32} ms", millis);
            node.interval.signal(Duration::from_millis(millis.into()));
        }
        Some(millis) => defmt::warn!("configuration: {=u32} ms is out of range", millis),
        None => {}
    }
}
