//! Tasks that share a pool, on links in memory: polled in any order, dropped at any poll, with links
//! that break. Each answer belongs to its call, whoever waits is woken, and in the end every seat
//! is free.
//!
//! Input: a byte for the protocol and the link, then choices.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use respool::command::{Command, Encode, Spec, table};
use respool::config::{Config, Protocol};
use respool::error::{Error, PoolError};
use respool::resp::{Args, Decoder, FromReply, Item, Own, ToArg};
use respool::{ErrorKind, PoolResources};

use crate::input::Input;
use crate::peer::LARGE;
use crate::wire::Wire;

const SEATS: usize = 2;
const WAITING: usize = 3;
const TASKS: usize = 7;

type Pool<'w, const SAFE: bool> = respool::Pool<'w, NoopRawMutex, Wire<SAFE>, SEATS, WAITING>;

/// Runs one input.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let how = input.byte();
    let protocol = match how & 1 {
        0 => Protocol::Resp3,
        _ => Protocol::Resp2,
    };
    match how & 2 {
        0 => Bench::<true>::run(protocol, &mut input),
        _ => Bench::<false>::run(protocol, &mut input),
    }
}

/// A task, and whether it was woken.
struct Task<'p> {
    future: Pin<Box<dyn Future<Output = ()> + 'p>>,
    woken: Arc<Flag>,
}

/// What the tasks of one run share.
struct Bench<const SAFE: bool> {
    wires: [Wire<SAFE>; SEATS],
    /// A link was told to break, so calls may fail.
    has_faults: Cell<bool>,
    /// Who holds a connection between two calls may go on.
    gate: Cell<bool>,
    next_id: Cell<u32>,
}

impl<const SAFE: bool> Bench<SAFE> {
    fn run(protocol: Protocol, input: &mut Input<'_>) {
        let mut resources = PoolResources::<SEATS, 256, 64>::new();
        let wires = [Wire::new(), Wire::new()];
        let config = Config::new().protocol(protocol);
        let pool = Pool::<SAFE>::new(&mut resources, wires.clone(), config);
        let bench = Rc::new(Self {
            wires,
            has_faults: Cell::new(false),
            gate: Cell::new(false),
            next_id: Cell::new(0),
        });
        let mut tasks: [Option<Task<'_>>; TASKS] = Default::default();
        while !input.is_empty() {
            bench.act(&pool, &mut tasks, input);
        }
        bench.finish(&mut tasks);
        // Every seat is free, and there is not one more.
        drop(tasks);
        let leases: Vec<_> = (0..SEATS)
            .map(|_| pool.try_get().expect("all have given back"))
            .collect();
        let one_more = pool.try_get().map(|_| ()).map_err(Error::kind);
        assert!(
            matches!(one_more, Err(ErrorKind::Pool(PoolError::Busy { .. }))),
            "{one_more:?}"
        );
        drop(leases);
    }

    fn act<'p, 'w>(
        self: &Rc<Self>,
        pool: &'p Pool<'w, SAFE>,
        tasks: &mut [Option<Task<'p>>; TASKS],
        input: &mut Input<'_>,
    ) {
        let action = input.byte();
        let which = usize::from(action >> 3);
        let wire = &self.wires[which % SEATS];
        let task = &mut tasks[which % TASKS];
        match action & 7 {
            0 | 1 => match task {
                None => *task = Some(self.task(pool, input.byte())),
                Some(_) => poll(task),
            },
            2 => poll(task),
            3 => *task = None,
            4 => wire.deliver(usize::from(input.byte())),
            5 => wire.behave(input.byte(), input.byte()),
            6 => match which / SEATS {
                0 => {
                    self.has_faults.set(true);
                    wire.snap();
                }
                1 => {
                    self.has_faults.set(true);
                    wire.refuse(input.byte() & 3);
                }
                2 => self.gate.set(true),
                3 => self.gate.set(false),
                4 => pool.disconnect_all(),
                5 => pool.disconnect_idle(),
                6 => drop(pool.try_get()),
                _ => drop(format!("{pool:?}")),
            },
            // Who was woken goes on.
            _ => tasks.iter_mut().for_each(poll_woken),
        }
    }

    fn task<'p, 'w>(self: &Rc<Self>, pool: &'p Pool<'w, SAFE>, how: u8) -> Task<'p> {
        let bench = self.clone();
        let calls = how >> 2 & 7;
        let future: Pin<Box<dyn Future<Output = ()> + 'p>> = match how & 3 {
            0 | 1 => Box::pin(async move {
                for _ in 0..=calls {
                    let echo = bench.echo();
                    bench.check(&echo, pool.call(&echo).await);
                }
            }),
            _ => Box::pin(async move {
                let mut lease = match pool.get().await {
                    Ok(lease) => lease,
                    Err(error) => return bench.may_fail(error),
                };
                for _ in 0..calls {
                    let echo = bench.echo();
                    bench.check(&echo, lease.call(&echo).await);
                    if how & 0x20 != 0 {
                        bench.hold().await;
                    }
                }
                if how & 0x40 != 0 {
                    let (one, other) = (bench.echo(), bench.echo());
                    match lease.call((&one, &other)).await {
                        Ok((first, second)) => {
                            bench.check(&one, Ok(first));
                            bench.check(&other, Ok(second));
                        }
                        Err(error) => bench.may_fail(error),
                    }
                }
            }),
        };
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        Task { future, woken }
    }

    /// All arrives from now on, and nothing more goes wrong: all tasks come to their end by their
    /// own wakers.
    fn finish(&self, tasks: &mut [Option<Task<'_>>; TASKS]) {
        self.gate.set(true);
        self.wires.iter().for_each(Wire::deliver_all);
        for _ in 0..1_000_000 {
            tasks.iter_mut().for_each(poll_woken);
            if tasks.iter().all(Option::is_none) {
                return;
            }
            let is_woken = |task: &Task<'_>| task.woken.0.load(Ordering::Relaxed);
            assert!(
                tasks.iter().flatten().any(is_woken),
                "{} tasks wait, and nobody will wake them",
                tasks.iter().flatten().count()
            );
        }
        panic!("busy, and no end");
    }

    fn echo(&self) -> Echo {
        let id = self.next_id.get() + 1;
        self.next_id.set(id);
        Echo(format!("id-{id}"))
    }

    fn check(&self, echo: &Echo, answer: Result<Id, Error>) {
        match answer {
            Ok(Id(text)) => {
                let is_large = text.len() == LARGE;
                let id = echo.0.as_bytes();
                assert!(
                    text == id || is_large && text.starts_with(id),
                    "{} is answered by {}",
                    echo.0,
                    text.escape_ascii()
                );
            }
            Err(error) => self.may_fail(error),
        }
    }

    fn may_fail(&self, error: Error) {
        let is_fair = match error.kind() {
            ErrorKind::ReplyTooLarge { .. } => true,
            ErrorKind::Pool(PoolError::QueueFull { .. }) => true,
            _ => self.has_faults.get(),
        };
        assert!(is_fair, "nothing went wrong, and yet: {error:?}");
        let is_ours = matches!(error.kind(), ErrorKind::Protocol(_));
        assert!(!is_ours, "the server behaves, and yet: {error:?}");
    }

    /// Waits until the gate is open, with the wake-ups of one who polls.
    async fn hold(&self) {
        poll_fn(|context| match self.gate.get() {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    }
}

fn poll_woken(task: &mut Option<Task<'_>>) {
    if task
        .as_ref()
        .is_some_and(|task| task.woken.0.load(Ordering::Relaxed))
    {
        poll(task);
    }
}

fn poll(task: &mut Option<Task<'_>>) {
    let Some(present) = task else {
        return;
    };
    present.woken.0.store(false, Ordering::Relaxed);
    let waker = Waker::from(present.woken.clone());
    let polled = present
        .future
        .as_mut()
        .poll(&mut Context::from_waker(&waker));
    if polled.is_ready() {
        *task = None;
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks for its id.
struct Echo(String);

/// The first text of an answer, be it an error's.
struct Id(Vec<u8>);

impl Encode for &Echo {
    fn spec(&self) -> &'static Spec {
        &table::ECHO
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.push(self.0.to_arg());
    }
}

impl Command for &Echo {
    type Reply = Own<Id>;
}

impl FromReply for Id {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let mut value = decoder.value()?;
        loop {
            match value.item()? {
                Item::String(text) => return Ok(Self(text.into())),
                Item::Error(text) => {
                    return Ok(Self(text.strip_prefix(b"ERR ").unwrap_or(text).into()));
                }
                _ => {}
            }
        }
    }
}
