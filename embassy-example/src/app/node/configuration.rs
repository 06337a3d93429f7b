//! Reads `node:demo:interval`, the milliseconds between samples, and applies what changed:
//! `redis-cli set node:demo:interval 250`. Without the key it is what it was at the start.

use embassy_time::{Duration, Timer};
use respool::command::{Command, get};
use respool::error::Code;
use respool::{Error, ErrorKind};

use super::Node;

/// What an operator may ask for, in milliseconds.
const ALLOWED: core::ops::RangeInclusive<u64> = 10..=86_400_000;

#[embassy_executor::task]
pub(super) async fn run(node: &'static Node) -> ! {
    let pause = node.args.millis("look", 1000);
    let mut known = Wish::None;
    loop {
        match look(node).await {
            Ok(wish) if wish == known => {}
            Ok(wish) => {
                apply(node, wish);
                known = wish;
            }
            Err(error) => {
                node.failed("configuration", error).await;
                continue;
            }
        }
        Timer::after(pause).await;
    }
}

/// What the operator wants.
#[derive(Clone, Copy, PartialEq)]
enum Wish {
    /// There is no key.
    None,
    Millis(u64),
    /// It is no number, or not even a string.
    Nonsense,
}

async fn look(node: &Node) -> Result<Wish, Error> {
    match node.redis.call(get(node.key("interval")).reply()).await {
        Ok(None) => Ok(Wish::None),
        Ok(Some(millis)) => Ok(Wish::Millis(millis)),
        Err(error) => match error.kind() {
            ErrorKind::WrongValue(_)
            | ErrorKind::ReplyTooLarge { .. }
            | ErrorKind::Server(Code::WrongType) => Ok(Wish::Nonsense),
            _ => Err(error),
        },
    }
}

/// What makes no sense is not obeyed, but said, and only once.
fn apply(node: &Node, wish: Wish) {
    match wish {
        Wish::None => {
            let interval = node.interval();
            defmt::info!(
                "configuration: a sample each {=u64} ms again",
                interval.as_millis()
            );
            node.pace.signal(interval);
        }
        Wish::Millis(millis) if ALLOWED.contains(&millis) => {
            defmt::info!("configuration: a sample each {=u64} ms", millis);
            node.pace.signal(Duration::from_millis(millis));
        }
        Wish::Millis(millis) => defmt::warn!("configuration: {=u64} ms is out of range", millis),
        Wish::Nonsense => defmt::warn!("configuration: the interval is not a number of ms"),
    }
}
