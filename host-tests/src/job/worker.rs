//! One worker: sends, compares, and goes on through errors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use respool::command::del;
use respool::resp::Value;
use respool::{Error, Reached, error::Blame};

use super::keys::{Keys, Step};
use super::server::Server;
use super::tally::Tally;
use super::{Plan, Pool};

/// A worker and all it knows.
pub struct Worker {
    pool: &'static Pool,
    run: String,
    number: usize,
    pipeline: usize,
    /// Seconds until a key is gone by itself.
    expiry: u64,
    /// The start of the server that the keys were written to.
    instance: Option<String>,
    stop: Arc<AtomicBool>,
}

/// What came back for the first commands of a round, in their order.
type Replies = Vec<Result<Value, Error>>;

/// The pause after the n-th failed round in a row is n times as long, up to the longest: a server
/// that is down is asked again, but not hammered.
const PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

impl Worker {
    pub fn new(
        pool: &'static Pool,
        plan: &Plan,
        run: &str,
        number: usize,
        server: &Server,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            pool,
            run: run.into(),
            number,
            pipeline: plan.pipeline,
            // Longer than the job, and than any outage that it may sit out.
            expiry: plan.seconds + 600,
            instance: server.instance().map(Into::into),
            stop,
        }
    }

    /// Works until it is told to stop.
    pub fn run(mut self, tally: &Mutex<Tally>) {
        let mut keys = Keys::new(&self.run, self.number, self.expiry);
        let mut failures = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let steps: Vec<Step> = (0..self.pipeline).map(|_| keys.next()).collect();
            let begin = Instant::now();
            let replies = self.exchange(&steps);
            let time = begin.elapsed();
            let failed = replies.iter().any(Result::is_err);
            let mut suspects = Vec::new();
            {
                let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
                settle(&mut keys, &mut tally, &steps, replies, &mut suspects);
                if !failed {
                    tally.took(time);
                }
            }
            if !suspects.is_empty() {
                self.judge(&mut keys, tally, &steps, suspects);
            }
            failures = if failed { failures + 1 } else { 0 };
            if failures > 0 && !self.stop.load(Ordering::Relaxed) {
                thread::sleep(PAUSE.saturating_mul(failures).min(LONGEST_PAUSE));
            }
        }
        let keys = keys.left_behind();
        if failures == 0 && !keys.is_empty() {
            // They expire where this fails.
            let _ = self.pool.call(del(&keys[..]));
        }
    }

    /// Sends the steps and collects what comes back, at least one and at most one reply a step.
    fn exchange(&self, steps: &[Step]) -> Replies {
        if let [step] = steps {
            return vec![self.pool.call(step.ask())];
        }
        let mut replies = Vec::with_capacity(steps.len());
        match self.pool.get() {
            Ok(mut lease) => {
                let mut pipeline = lease.pipeline(steps.iter().map(Step::ask));
                while let Some(reply) = pipeline.next() {
                    replies.push(reply);
                }
            }
            Err(error) => replies.push(Err(error)),
        }
        replies
    }

    /// Replies that are wrong, unless the server was started again and has forgotten.
    fn judge(
        &mut self,
        keys: &mut Keys,
        tally: &Mutex<Tally>,
        steps: &[Step],
        suspects: Vec<(usize, Value)>,
    ) {
        let started_again = match (Server::ask(self.pool), &self.instance) {
            (Ok(now), Some(known)) if now.instance().is_some_and(|now| now != known) => {
                self.instance = now.instance().map(Into::into);
                true
            }
            // It is down again, or reads its data: it was started again at least once.
            (Err(error), Some(_)) => error.blame() != Blame::Pool,
            _ => false,
        };
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        if started_again {
            keys.give_up_all();
            tally.forgotten += 1;
            return;
        }
        for (index, got) in suspects {
            if let Some(step) = steps.get(index) {
                tally.wrong(step, &got);
            }
        }
    }
}

/// Counts the replies and notes what is certain after them.
fn settle(
    keys: &mut Keys,
    tally: &mut Tally,
    steps: &[Step],
    replies: Replies,
    suspects: &mut Vec<(usize, Value)>,
) {
    let answered = replies.len();
    let last = replies
        .last()
        .and_then(|reply| reply.as_ref().err().copied());
    for (index, (step, reply)) in steps.iter().zip(replies).enumerate() {
        match reply {
            Ok(got) => {
                tally.answered(step.verb);
                if !keys.is_sure(step) || got == step.expected {
                    continue;
                }
                match keys.is_from_the_past(step, &got) {
                    true => suspects.push((index, got)),
                    false => tally.wrong(step, &got),
                }
                // One fault is counted once.
                keys.give_up(step);
            }
            Err(error) => {
                tally.error(error, 1);
                // What was planned after one that failed alone counts on it.
                if error.reached() != Reached::NotSent || index + 1 < answered {
                    keys.give_up(step);
                }
            }
        }
    }
    let Some(error) = last else { return };
    // A broken connection ends a pipeline: what has no answer shares the fate of the last that had.
    let (_, unanswered) = steps.split_at(answered);
    if !unanswered.is_empty() {
        tally.error(error, unanswered.len() as u64);
    }
    match error.reached() {
        Reached::NotSent => {
            let unsent = &steps[answered - 1..];
            unsent.iter().rev().for_each(|step| keys.take_back(step));
        }
        _ => unanswered.iter().for_each(|step| keys.give_up(step)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::keys::Verb;
    use respool::ErrorKind;

    /// Settles a round of 20 commands of which the first `good` are answered rightly, and then, if
    /// there is one, `error` comes. Returns what was planned, and who is still sure of what.
    fn round(good: usize, error: Option<Reached>) -> (Keys, Tally, Vec<Step>) {
        let (mut keys, mut tally) = (Keys::new("r", 0, 60), Tally::new());
        let steps: Vec<Step> = (0..20).map(|_| keys.next()).collect();
        let answers = steps
            .iter()
            .take(good)
            .map(|step| Ok(step.expected.clone()));
        let error = error.map(|reached| Err(Error::new(ErrorKind::TimedOut, reached)));
        let replies = answers.chain(error).collect();
        let mut suspects = Vec::new();
        settle(&mut keys, &mut tally, &steps, replies, &mut suspects);
        assert_eq!((tally.wrong, suspects.len()), (0, 0));
        (keys, tally, steps)
    }

    fn next_incr(keys: &mut Keys) -> Step {
        loop {
            let step = keys.next();
            if step.verb == Verb::Incr {
                return step;
            }
        }
    }

    #[test]
    fn what_was_answered_is_built_upon() {
        let (mut keys, tally, steps) = round(20, None);
        let counted = steps.iter().filter(|step| step.verb == Verb::Incr).count() as i64;
        assert_eq!((tally.operations(), tally.failed()), (20, 0));
        assert_eq!(next_incr(&mut keys).expected, Value::Integer(counted + 1));
    }

    #[test]
    fn of_a_pipeline_that_stopped_what_was_not_sent_is_taken_back() {
        let (mut keys, tally, steps) = round(10, Some(Reached::NotSent));
        let answered = steps.iter().take(10);
        let counted = answered.filter(|step| step.verb == Verb::Incr).count() as i64;
        assert!(counted > 0);
        assert_eq!((tally.operations(), tally.failed()), (10, 10));
        assert_eq!(next_incr(&mut keys).expected, Value::Integer(counted + 1));
    }

    #[test]
    fn of_a_pipeline_that_broke_nothing_that_had_no_answer_is_relied_upon() {
        let (mut keys, tally, steps) = round(10, Some(Reached::MaybeSent));
        assert_eq!((tally.operations(), tally.failed()), (10, 10));
        assert!(steps.iter().skip(10).all(|step| !keys.is_sure(step)));
        assert!(steps.iter().take(10).any(|step| keys.is_sure(step)));
        assert_eq!(next_incr(&mut keys).expected, Value::Integer(1));
    }

    #[test]
    fn a_wrong_reply_is_counted_once() {
        let (mut keys, mut tally) = (Keys::new("r", 0, 60), Tally::new());
        let steps: Vec<Step> = (0..20).map(|_| keys.next()).collect();
        // From the third INCR on, the server is one ahead.
        let mut incrs = 0;
        let replies = steps.iter().map(|step| match (&step.expected, step.verb) {
            (Value::Integer(count), _) => {
                incrs += 1;
                Ok(Value::Integer(count + i64::from(incrs >= 3)))
            }
            (other, _) => Ok(other.clone()),
        });
        let replies = replies.collect();
        settle(&mut keys, &mut tally, &steps, replies, &mut Vec::new());
        assert!(incrs > 3);
        assert_eq!((tally.wrong, tally.examples.len()), (1, 1));
    }
}
