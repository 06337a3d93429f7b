//! Samples, and writes each one to the stream `node:demo:telemetry`, exactly once.
//!
//! An entry has an id of its own, `boot-seq`: the number of this start of the node ([`start`]), and
//! of the sample in it. Where an answer did not come, nobody knows whether the entry is there. It is
//! sent again with the same id. Ids only grow, so if it is there, the server refuses it. It refuses
//! it also where somebody else wrote a larger id in between: the entry is looked up, and if it is
//! not there it never will be, and is sent under another number. So nothing is there twice, and
//! nothing is given up because of doubt.
//!
//! Sampling never waits for the network. What is not sent yet is kept, and of what is too much the
//! oldest is dropped and counted. Each entry says in `dropped` how many before it are missing.

use core::cell::{Cell, RefCell};

use embassy_futures::join::join;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Instant, Ticker};
use heapless::Deque;
use respool::command::{Command, StreamId, xadd, xrange};
use respool::error::Code;
use respool::resp::{EntriesIter, Text};
use respool::{Error, ErrorKind, Reached};

use super::{Node, start};

/// How many samples are kept while they cannot be sent.
const ROOM: usize = 64;

const TASK: &str = "telemetry";

#[embassy_executor::task]
pub(super) async fn run(node: &'static Node) {
    let backlog = Backlog::default();
    join(sample(node, &backlog), send(node, &backlog)).await;
    node.done.signal(());
}

/// A sample, as it is kept.
#[derive(Clone, Copy)]
struct Sample {
    /// Its number since the start, from 1.
    seq: u64,
    /// When it was taken, written in microseconds since the start.
    at: Instant,
    value: u32,
}

impl Sample {
    /// This node has no sensor but itself. Here is the place for one.
    fn take(seq: u64) -> Self {
        Self {
            seq,
            at: Instant::now(),
            value: 200 + (seq % 100) as u32,
        }
    }

    /// What is written of it; `dropped` samples before it are missing.
    fn fields(&self, dropped: u64) -> Fields {
        [
            ("at", self.at.as_micros()),
            ("value", self.value.into()),
            ("dropped", dropped),
        ]
    }
}

type Fields = [(&'static str, u64); 3];

/// Takes a sample whenever its time has come.
async fn sample(node: &Node, backlog: &Backlog) {
    let entries: u64 = node.args.parse("entries", 0);
    let mut ticker = Ticker::every(node.interval());
    let mut seq = 0;
    while entries == 0 || seq < entries {
        match select(ticker.next(), node.pace.wait()).await {
            Either::First(()) => {
                seq += 1;
                if backlog.keep(Sample::take(seq)).is_some() {
                    node.tally.dropped.up();
                }
            }
            Either::Second(interval) => ticker = Ticker::every(interval),
        }
    }
    backlog.end();
}

/// Sends what there is, one after the other, until all of it is there.
async fn send(node: &Node, backlog: &Backlog) {
    let mut boot = start::number(node, TASK).await;
    while let Some(sample) = backlog.next().await {
        // From now on only younger ones are dropped.
        let fields = sample.fields(node.tally.dropped.get());
        let mut in_doubt = false;
        loop {
            let id = StreamId::new(boot, sample.seq);
            let outcome = match add(node, id, fields).await {
                Ok(Outcome::Refused) if in_doubt => look_up(node, id, fields).await,
                outcome => outcome,
            };
            match outcome {
                Ok(Outcome::Added) => {
                    defmt::info!("{=str}: {=u64}-{=u64}", TASK, id.ms, id.seq);
                    break;
                }
                Ok(Outcome::There) => {
                    defmt::info!("{=str}: {=u64}-{=u64} was there", TASK, id.ms, id.seq);
                    node.tally.repeated.up();
                    break;
                }
                Ok(Outcome::Refused) => {
                    defmt::warn!(
                        "{=str}: {=u64}-{=u64} is behind an id of somebody else",
                        TASK,
                        id.ms,
                        id.seq
                    );
                    boot = start::another_number(node, TASK).await;
                    // It was never sent under that one.
                    in_doubt = false;
                }
                Err(error) => {
                    if error.reached() == Reached::MaybeSent && !in_doubt {
                        in_doubt = true;
                        node.tally.doubted.up();
                    }
                    node.failed(TASK, error).await;
                }
            }
        }
        node.tally.written.up();
    }
}

/// What became of an entry.
enum Outcome {
    Added,
    /// An earlier attempt has added it.
    There,
    /// It is not there, and its id is not larger than all before it: it never can be.
    Refused,
}

async fn add(node: &Node, id: StreamId, fields: Fields) -> Result<Outcome, Error> {
    let add = xadd(node.key("telemetry"), id, fields).max_len_approx(node.keep);

    // A lease, since only there the text of the server's error can be read.
    let mut redis = node.redis.get().await?;
    match redis.call(add).await.map(drop) {
        Ok(()) => Ok(Outcome::Added),
        Err(error) if error.code() == Some(Code::Err) => match redis.error_text() {
            Some(text) if text.contains("equal or smaller") => Ok(Outcome::Refused),
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Whether the entry of this id, if there is one, is the one that was sent.
async fn look_up(node: &Node, id: StreamId, fields: Fields) -> Result<Outcome, Error> {
    let mut redis = node.redis.get().await?;
    let mut entries = match redis
        .call(xrange(node.key("telemetry"), id..=id).text())
        .await
    {
        Ok(entries) => entries,
        // The one that was sent fits.
        Err(error) if matches!(error.kind(), ErrorKind::ReplyTooLarge { .. }) => {
            return Ok(Outcome::Refused);
        }
        Err(error) => return Err(error),
    };
    let sent = || fields.into_iter().map(Some);
    let is_it = |entry: Result<_, _>| entry.is_ok_and(|(_, found)| numbers(found).eq(sent()));
    Ok(match entries.any(is_it) {
        true => Outcome::There,
        false => Outcome::Refused,
    })
}

/// Fields that are numbers; `None` for one that is not.
fn numbers<'r>(
    fields: EntriesIter<'r, Text, Text>,
) -> impl Iterator<Item = Option<(&'r str, u64)>> {
    fields.map(|field| {
        let (name, number) = field.ok()?;
        Some((name, number.parse().ok()?))
    })
}

/// Samples that are to be sent, oldest first.
#[derive(Default)]
struct Backlog {
    samples: RefCell<Deque<Sample, ROOM>>,
    ended: Cell<bool>,
    news: Signal<NoopRawMutex, ()>,
}

impl Backlog {
    /// Keeps a sample, and returns the one that had to go for it.
    fn keep(&self, sample: Sample) -> Option<Sample> {
        let mut samples = self.samples.borrow_mut();
        let dropped = if samples.is_full() {
            samples.pop_front()
        } else {
            None
        };
        // There is room now.
        let _ = samples.push_back(sample);
        self.news.signal(());
        dropped
    }

    /// No more will come.
    fn end(&self) {
        self.ended.set(true);
        self.news.signal(());
    }

    /// The oldest, as soon as there is one; `None` after the last one.
    async fn next(&self) -> Option<Sample> {
        loop {
            if let Some(sample) = self.samples.borrow_mut().pop_front() {
                return Some(sample);
            }
            if self.ended.get() {
                return None;
            }
            self.news.wait().await;
        }
    }
}
