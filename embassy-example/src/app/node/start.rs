//! The number of this start: the first half of the ids of this node's entries.

use embassy_time::Timer;
use respool::Error;
use respool::command::{Keys, Plain, Spec};

use super::{Key, Node};

/// A number that is larger than those of earlier starts, and than the first half of every id that
/// the stream ever had. A board with flash or a clock has one of its own, as long as nobody else
/// writes to its stream; this one asks the server, when it can first be reached. An answer that is
/// lost costs a number, which does no harm.
pub(super) async fn number(node: &Node, task: &str) -> u64 {
    loop {
        match ask(node, task).await {
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

/// What a script fails of is only in the text of the error: says that, too.
async fn ask(node: &Node, task: &str) -> Result<u64, Error> {
    // A lease, since only there it can be read.
    let mut redis = node.redis.get().await?;
    let number = redis.call(claim(node)).await;
    if let (Err(_), Some(text)) = (&number, redis.error_text()) {
        defmt::warn!("{=str}: {=str}", task, text);
    }
    number
}

/// Counts the starts. The server runs this as one, with nobody in between.
///
/// Its count may be lost while the stream is not: a backup was older, somebody deleted the key. Then
/// it goes on behind the stream, or this start would give ids that entries of another one have, and
/// a refusal would not tell that an entry is there. `last-generated-id` also knows of entries that
/// are deleted. Asked by the node itself, `XINFO` would answer two entries as well, which may be
/// somebody else's and of any size. The number stays a text, since those of Lua end at 2^53.
const CLAIM: &str = "\
local last = '0'
if redis.call('EXISTS', KEYS[2]) == 1 then
  local stream = redis.call('XINFO', 'STREAM', KEYS[2])
  for at = 1, #stream, 2 do
    if stream[at] == 'last-generated-id' then
      last = string.match(stream[at + 1], '%d+')
    end
  end
end
if redis.call('INCR', KEYS[1]) <= tonumber(last) then
  redis.call('SET', KEYS[1], last)
  redis.call('INCR', KEYS[1])
end
return redis.call('GET', KEYS[1])";

/// A command that respool has no function for.
static EVAL: Spec = Spec::write(&["EVAL"], -3).keys(Keys::range(3, 4, 1));

fn claim(node: &Node) -> Plain<(&'static str, u32, Key, Key), u64> {
    let (count, stream) = (node.key("boot"), node.key("telemetry"));
    Plain::new(&EVAL, (CLAIM, 2, count, stream))
}
