//! Samples, and writes each one to the stream `node:demo:telemetry`, exactly once.
//!
//! An entry has an id of its own, `boot-seq`: the number of this start of the node, and of the
//! sample in it. Where an answer did not come, nobody knows whether the entry is there. It is sent
//! again with the same id; if it is there, the server refuses it, since ids only grow, and that is
//! as good as an answer. So nothing is there twice, and nothing is given up because of doubt.
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
use respool::command::{Command, StreamId, incr, xadd};
use respool::error::Code;
use respool::{Error, Reached};

use super::Node;

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
    seq: u32,
    /// When it was taken, written in microseconds since the start.
    at: Instant,
    value: u32,
}

impl Sample {
    /// This node has no sensor but itself. Here is the place for one.
    fn take(seq: u32) -> Self {
        Self {
            seq,
            at: Instant::now(),
            value: 200 + seq % 100,
        }
    }
}

/// Takes a sample whenever its time has come.
async fn sample(node: &Node, backlog: &Backlog) {
    let last = match node.args.parse("entries", 0) {
        0 => u32::MAX,
        entries => entries,
    };
    let mut ticker = Ticker::every(node.args.millis("interval", 1000));
    let mut seq = 0;
    while seq < last {
        match select(ticker.next(), node.interval.wait()).await {
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
    let mut boot = boot(node).await;
    while let Some(sample) = backlog.next().await {
        // From now on only younger ones are dropped.
        let dropped = node.tally.dropped.get();
        let mut in_doubt = false;
        loop {
            let id = StreamId::new(boot, sample.seq.into());
            match write(node, id, &sample, dropped).await {
                Ok(Wrote::Added) => break,
                Ok(Wrote::Refused) if in_doubt => {
                    defmt::info!("{=str}: {=u64}-{=u64} was there", TASK, id.ms, id.seq);
                    node.tally.repeated.up();
                    break;
                }
                // It was never sent: the server lost its count of starts, but not the stream.
                Ok(Wrote::Refused) => boot = self::boot(node).await,
                Err(error) => {
                    in_doubt |= error.reached() == Reached::MaybeSent;
                    node.failed(TASK, error).await;
                }
            }
        }
        node.tally.written.up();
    }
}

/// A number that is larger than those of earlier starts. A board with flash or a clock has one; this
/// one asks the server, when it can first be reached. An answer that is lost costs a number, which
/// does no harm.
async fn boot(node: &Node) -> u64 {
    loop {
        match node.redis.call(incr(node.key("boot")).reply()).await {
            Ok(boot) => {
                defmt::info!("{=str}: this is start {=u64}", TASK, boot);
                return boot;
            }
            Err(error) => node.failed(TASK, error).await,
        }
    }
}

/// What the server did with an entry.
enum Wrote {
    Added,
    /// Its id is not larger than all before it: it is there already, or never can be.
    Refused,
}

async fn write(node: &Node, id: StreamId, sample: &Sample, dropped: u32) -> Result<Wrote, Error> {
    let fields = [
        ("at", sample.at.as_micros()),
        ("value", sample.value.into()),
        ("dropped", dropped.into()),
    ];
    let add = xadd(node.key("telemetry"), id, fields).max_len_approx(node.keep);

    // A lease, since only there the text of the server's error can be read.
    let mut redis = node.redis.get().await?;
    match redis.call(add).await.map(drop) {
        Ok(()) => {
            defmt::info!("{=str}: {=u64}-{=u64}", TASK, id.ms, id.seq);
            Ok(Wrote::Added)
        }
        Err(error) if error.code() == Some(Code::Err) => match redis.error_text() {
            Some(text) if text.contains("equal or smaller") => Ok(Wrote::Refused),
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
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
