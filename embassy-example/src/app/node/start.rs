//! The number of this start: the first half of the ids of this node's entries.

use embassy_time::Timer;
use respool::command::{Keys, Plain, Spec};

use super::{Key, Node};

/// A number that is larger than those of earlier starts, and than the first half of every id that
/// the stream ever had. A board with flash or a clock has one of its own, as long as nobody else
/// writes to its stream; this one asks the server, when it can first be reached. An answer that is
/// lost costs a number, which does no harm.
pub(super) async fn number(node: &Node, task: &str) -> u64 {
    loop {
        match node.redis.call(claim(node)).await {
            Ok(start) => {
                defmt::info!("{=str}: this is start {=u64}", task, start);
                return start;
            }
            Err(error) => node.failed(task, error).await,
        }
    }
}

/// As [`number`], for a stream that has ids of this start's number or beyond which are none of this
/// node's. Whoever writes them may be quick: time passes first, so that this goes on at a pace.
pub(super) async fn another_number(node: &Node, task: &str) -> u64 {
    Timer::after(node.pause).await;
    number(node, task).await
}

/// Counts the starts. The server runs this as one, with nobody in between.
///
/// Its count may be lost while the stream is not: a backup is older, somebody deleted the key. Then
/// it goes on behind the stream, or this start would give ids that entries of another one have, and
/// a refusal would not tell that an entry is there. `last-generated-id` also knows of entries that
/// are deleted; no other command answers it without an entry, which may be one of somebody else's
/// and of any size.
const CLAIM: &str = "\
local start, least = redis.call('INCR', KEYS[1]), 1
local stream = redis.pcall('XINFO', 'STREAM', KEYS[2])
for at = 1, #stream, 2 do
  if stream[at] == 'last-generated-id' then
    least = tonumber(string.match(stream[at + 1], '%d+')) + 1
  end
end
if start < least then
  start = redis.call('INCRBY', KEYS[1], string.format('%.0f', least - start))
end
return start";

/// A command that respool has no function for.
static EVAL: Spec = Spec::write(&["EVAL"], -3).keys(Keys::range(3, 4, 1));

fn claim(node: &Node) -> Plain<(&'static str, u32, Key, Key), u64> {
    let (count, stream) = (node.key("boot"), node.key("telemetry"));
    Plain::new(&EVAL, (CLAIM, 2, count, stream))
}
