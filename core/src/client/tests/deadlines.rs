//! Every wait has an end: of a try as a whole, of a blocking command by its own words, of what is
//! skipped, and of a single call.

extern crate std;

use super::*;
use crate::command::{Command, Request, blpop, get, incr, ping, raw, set};
use crate::error::{Error, ErrorKind, Reached};
use crate::io::scripted::{Answers, At, Peer, Script, Serve, Step, Wire, Wrong};
use crate::io::{Blocking, asynch};
use crate::time::{Clock, Duration};
use embedded_io::{ErrorKind as Kind, ErrorType};

const SECOND: Duration = Duration::from_secs(1);

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Answers the handshake at once, and everything else byte by byte, each as late as it can be.
struct Dribbler {
    pause: Duration,
    handshake: usize,
}

impl Peer for Dribbler {
    fn open(&mut self, _answers: &mut Answers) {
        self.handshake = 3;
    }

    fn take(&mut self, bytes: &[u8], answers: &mut Answers) {
        for _ in 0..bytes.split(|byte| *byte == b'*').count() - 1 {
            if self.handshake > 0 {
                self.handshake -= 1;
                answers.say(if self.handshake == 2 {
                    b"%0\r\n"
                } else {
                    b"+OK\r\n"
                });
                continue;
            }
            for byte in b"$20\r\nabcdefghijklmnopqrst\r\n" {
                answers.wait(self.pause);
                answers.say(&[*byte]);
            }
        }
    }
}

#[test]
fn a_peer_that_gives_a_byte_now_and_then_does_not_put_the_deadline_off() {
    // 27 bytes, 0.9 s apart, would take 24 s.
    let peer = || Dribbler {
        pause: ms(900),
        handshake: 0,
    };
    let config = settings().call_timeout(4 * SECOND);
    let clock = TestClock::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [Wire::new(peer(), &clock)], config);
    let error = clock
        .run(pool.call(get("k").reply::<()>()))
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.reached(), Reached::MaybeSent);
    assert_eq!(clock.now().as_millis(), 4000);

    let clock = TestClock::new();
    let mut resources = Resources::new();
    let links = [Blocking(Wire::new(peer(), &clock))];
    let pool = TestPool::<_>::new(&mut resources, links, config);
    let error = pool.call(get("k").reply::<()>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    // A blocking link may take a sixteenth longer.
    assert!(
        (4000..=4250).contains(&clock.now().as_millis()),
        "{:?}",
        clock.now()
    );
}

/// Logs in, and from then on has a push to read whenever it is asked, a millisecond apart.
struct Flood {
    clock: TestClock,
    reads: u32,
}

impl ErrorType for Flood {
    type Error = Kind;
}

impl Transport for Flood {
    const CANCEL_SAFE: bool = true;
    type Clock = TestClock;

    fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    fn abort(&mut self) {}
}

impl asynch::Link for Flood {
    async fn open(&mut self, _limit: Option<Duration>) -> Result<(), Kind> {
        Ok(())
    }
}

impl embedded_io_async::Read for Flood {
    async fn read(&mut self, window: &mut [u8]) -> Result<usize, Kind> {
        self.reads += 1;
        assert!(self.reads < 10_000, "it would read for ever");
        self.clock.advance_ms(1);
        let text: &[u8] = match self.reads {
            1 => b"%0\r\n+OK\r\n+OK\r\n",
            _ => b">1\r\n+push\r\n",
        };
        window[..text.len()].copy_from_slice(text);
        Ok(text.len())
    }
}

impl embedded_io_async::Write for Flood {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Kind> {
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Kind> {
        Ok(())
    }
}

#[test]
fn a_peer_that_never_stops_talking_holds_up_neither_the_deadline_nor_other_tasks() {
    let clock = TestClock::new();
    let mut resources = Resources::new();
    let link = Flood {
        clock: clock.clone(),
        reads: 0,
    };
    let config = settings().call_timeout(4 * SECOND);
    let pool = TestPool::<_>::new(&mut resources, [link], config);
    let mut call = pin!(pool.call(incr("n")));
    let error = loop {
        let before = clock.now();
        let polled = poll(call.as_mut(), 1);
        let took = clock.now().since(before);
        assert!(took < ms(100), "one poll took {took:?}");
        match polled {
            Polled::Ready(result) => break result.unwrap_err(),
            Polled::Pending => {}
            Polled::Stuck => panic!("nobody will wake this future"),
        }
    };
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let ended = clock.now().as_millis();
    assert!((4000..4100).contains(&ended), "{ended}");
}

#[test]
fn one_call_can_have_a_deadline_of_its_own() {
    for (own, expected) in [(ms(200), 200), (9 * SECOND, 9000)] {
        let world = World::<true>::new();
        let mut resources = Resources::new();
        let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
        run(pool.call(ping())).unwrap();
        world.server.store().silent = true;
        let error = world
            .clock
            .run(pool.call(incr("n").timeout(own)))
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(world.clock.now().as_millis(), expected);
        // It is no matter of the connection: the next one has that of the settings.
        world.server.store().silent = false;
        run(pool.call(ping())).unwrap();
        world.server.store().silent = true;
        let _ = world
            .clock
            .run(pool.call((incr("n"), incr("m"))))
            .unwrap()
            .unwrap_err();
        assert_eq!(world.clock.now().as_millis(), expected + 5000);
        check_stats(&pool);
    }
}

#[test]
fn a_blocking_command_has_its_own_timeout_on_top() {
    // Answered after 29 s: far beyond the 5 s of the settings, within the command's 30 s.
    let steps = [
        Step::Login,
        Step::Command("BLPOP jobs 30"),
        Step::Wait(29 * SECOND),
        Step::Answer(b"*2\r\n$4\r\njobs\r\n$1\r\nx\r\n"),
        Step::Command("BLPOP jobs 30"),
    ];
    type Popped = Option<(heapless::String<8>, heapless::String<8>)>;
    let request = || blpop(["jobs"], 30_000).reply::<Popped>();

    let clock = TestClock::new();
    let mut resources = Resources::new();
    let wire = Wire::new(Script::new(&steps), &clock);
    let pool = TestPool::<_>::new(&mut resources, [wire], settings());
    assert!(clock.run(pool.call(request())).unwrap().unwrap().is_some());
    assert_eq!(clock.now().as_millis(), 29_000);
    // And where nothing comes at all, that has an end, too.
    let error = clock.run(pool.call(request())).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(clock.now().as_millis(), 29_000 + 35_000);

    let clock = TestClock::new();
    let mut resources = Resources::new();
    let links = [Blocking(Wire::new(Script::new(&steps), &clock))];
    let pool = TestPool::<_>::new(&mut resources, links, settings());
    assert!(pool.call(request()).unwrap().is_some());
    let error = pool.call(request()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(clock.now().as_millis(), 29_000 + 35_000);
}

#[test]
fn a_blocking_command_in_a_pipeline_has_it_too() {
    let steps = [
        Step::Login,
        Step::Bytes(b"*3\r\n$5\r\nBLPOP\r\n$4\r\njobs\r\n$2\r\n30\r\n*3\r\n$5\r\nBLPOP\r\n$4\r\njobs\r\n$2\r\n30\r\n"),
        Step::Wait(20 * SECOND),
        Step::Answer(b"*-1\r\n"),
        Step::Wait(29 * SECOND),
        Step::Answer(b"*-1\r\n"),
    ];
    let clock = TestClock::new();
    let mut memory = crate::connection::Memory::<512, 128>::new();
    let config = settings();
    let wire = Wire::new(Script::new(&steps), &clock);
    let mut client = crate::client::Client::new(&mut memory, wire, &config);
    let replies = clock.run(async {
        let commands = (0..2).map(|_| blpop(["jobs"], 30_000).reply::<Option<()>>());
        let mut pipeline = client.pipeline(commands);
        let first = pipeline.next().await.unwrap();
        let second = pipeline.next().await.unwrap();
        (first, second)
    });
    assert_eq!(replies, Ok((Ok(None), Ok(None))));
    assert_eq!(clock.now().as_millis(), 49_000);
}

#[test]
fn a_command_that_blocks_for_ever_has_no_deadline() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    let mut call = pin!(pool.call(blpop(["jobs"], 0).reply::<()>()));
    assert_eq!(poll(call.as_mut(), 100), Polled::Stuck);
    world.clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(poll(call.as_mut(), 100), Polled::Stuck);
    world.wire.say(b"*-1\r\n");
    assert!(poll(call.as_mut(), 100).is_ready());
}

#[test]
fn a_late_reply_to_a_dropped_call_costs_its_own_time_only() {
    let world = World::<true>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.call(ping())).unwrap();
    world.server.store().silent = true;
    assert!(!drop_at(20, pool.call(get("lost").reply::<()>())).is_ready());
    world.server.store().silent = false;
    // The late reply never comes. After 1 s of that, the connection is given up, and the write,
    // of which nothing was sent, goes over a new one: this is no failed try.
    assert_eq!(world.clock.run(pool.call(incr("n"))), Ok(Ok(1)));
    assert_eq!(world.clock.now().as_millis(), 1000);
    let stats = pool.stats();
    assert_eq!(
        (stats.retries, stats.closed_timed_out, stats.lost),
        (0, 1, 1)
    );
    assert_eq!(world.server.seen("INCR n"), 1);
    check_stats(&pool);
}

fn a_write_that_stalls<const SAFE: bool>() {
    let world = World::<SAFE>::new();
    let mut resources = Resources::new();
    let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
    run(pool.call(ping())).unwrap();
    world.wire.reset_counts();
    world.wire.fail(At::Write(1), Wrong::Stall);
    let result = world.clock.run(pool.call(incr("n"))).unwrap();
    // Not sent, it is sent anew; what may have left with the write is not.
    let late = Error::new(ErrorKind::TimedOut, Reached::MaybeSent);
    assert_eq!(result, if SAFE { Ok(1) } else { Err(late) });
    assert_eq!(world.server.seen("INCR n"), usize::from(SAFE));
    check_stats(&pool);
}

#[test]
fn a_write_that_took_too_long_may_have_left_where_a_drop_loses_what_moved() {
    a_write_that_stalls::<true>();
    a_write_that_stalls::<false>();
}

#[test]
fn the_late_answer_to_a_call_that_timed_out_is_nobodys() {
    for late in ["$4\r\nlate\r\n", ":1\r\n", ">1\r\n+x\r\n$4\r\nlate\r\n"] {
        for same_lease in [false, true] {
            let world = World::<true>::new();
            let mut resources = Resources::new();
            let pool = TestPool::<_>::new(&mut resources, [world.wire.clone()], settings());
            run(pool.call(ping())).unwrap();
            world.server.store().silent = true;
            let mut lease = pool.try_get().unwrap();
            let call = async { lease.call(get("a").reply::<()>()).await };
            let error = world.clock.run(call).unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            world.server.store().silent = false;
            world.wire.say(late.as_bytes());
            if same_lease {
                assert_eq!(run(lease.call(get("b").reply())), Ok(owned("b")));
            }
            drop(lease);
            assert_eq!(run(pool.call(get("c").reply())), Ok(owned("c")));
            assert_eq!(run(pool.call(incr("n"))), Ok(1));
            assert_eq!((pool.stats().opened, pool.stats().skipped), (2, 0));
            check_stats(&pool);
        }
    }
}

#[test]
fn without_a_clock_a_link_that_can_gives_up_each_read() {
    let config = settings().connect_timeout(SECOND);
    let clock = TestClock::new();
    let mut resources = Resources::new();
    let serve = Serve::new(|words, replies| {
        if words.first() != Some(&b"GET".as_slice()) {
            replies.simple(b"OK").unwrap();
        }
    });
    let pool = TestPool::<_>::new(&mut resources, [Blocking(Wire::new(serve, &clock))], config);
    pool.call(set("k", "v")).unwrap();
    let error = pool
        .call(get("k").reply::<()>().timeout(ms(70)))
        .unwrap_err();
    assert_eq!(
        (error.kind(), clock.now().as_millis()),
        (ErrorKind::TimedOut, 70)
    );
    // A script's timeout is nobody's to know: that of the settings holds.
    let eval = raw("GET").arg("k").reply::<()>().timeout(ms(30));
    assert_eq!(pool.call(eval).unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(clock.now().as_millis(), 100);
}
