//! The links of firmware, on the host: real embassy-net stacks, with a network in memory between
//! them.

mod hub;
mod peers;

use std::cell::Cell;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_io_async::Write;
use respool::command::{get, incr, ping, set};
use respool::config::Keepalive;
use respool::embassy::{TcpError, TcpLink, TcpResources};
use respool::error::Io;
use respool::io::Transport;
use respool::io::asynch::Link;
use respool::{Command, Config, Error, ErrorKind, Pool, PoolResources, Reached};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use hub::{Control, Hub};
use peers::{A, AAAA, End, SLOW, Server, name_server, name_server_without};

const NODE: &str = "10.0.0.2";
/// Where the node is when it comes back.
const MOVED: &str = "10.0.0.3";
/// Those of another node, which has one of each kind.
const BOTH: [&str; 2] = ["10.0.0.4", "fd00::4"];
const SERVER: &str = "10.0.0.1";
const SERVER_V6: &str = "fd00::1";
/// A device where nothing listens.
const REFUSES: &str = "10.0.0.66";
/// Nobody's.
const SILENT: &str = "10.0.0.99";
const SILENT_V6: &str = "fd00::99";

type Redis = Pool<'static, NoopRawMutex, TcpLink<'static>, 2>;

/// A node, a server with a name server beside it, and a device where nothing listens.
struct World {
    hub: Hub,
    node: Stack<'static>,
    beside: Stack<'static>,
    server: Rc<Server>,
}

impl World {
    fn new() -> Self {
        let hub = Hub::default();
        let beside = hub.device(&[SERVER, SERVER_V6], None);
        hub.device(&[REFUSES], None);
        Self {
            node: hub.device(&[NODE], Some(SERVER)),
            server: Server::start(beside, 4),
            beside,
            hub,
        }
    }

    fn pool(&self, host: &'static str, config: Config<'static>) -> &'static Redis {
        pool_on(self.node, host, config)
    }

    fn link(&self, host: &'static str) -> TcpLink<'static> {
        let sockets = Box::leak(Box::new(TcpResources::<1, 256, 256>::new()));
        let [link] = sockets.links(self.node, host, 6379);
        link
    }
}

fn pool_on(node: Stack<'static>, host: &'static str, config: Config<'static>) -> &'static Redis {
    let sockets = Box::leak(Box::new(TcpResources::<2, 512, 512>::new()));
    let seats = Box::leak(Box::new(PoolResources::<2, 256, 256>::new()));
    let links = sockets.links_for(node, &config.host(host));
    Box::leak(Box::new(Pool::new(seats, links, config)))
}

fn config() -> Config<'static> {
    Config::new()
        .retries(0)
        .connect_timeout(Duration::from_secs(3))
}

/// Runs a test with its devices beside it, and ends it where it hangs.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let limited = async { timeout(Duration::from_secs(20), test).await };
    let done = runtime.block_on(LocalSet::new().run_until(limited));
    done.expect("the test hangs");
}

fn cannot_connect(io: Io) -> Error {
    Error::new(ErrorKind::Connect(io), Reached::NotSent)
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|ip| ip.parse().unwrap()).collect()
}

#[test]
fn three_tasks_share_two_sockets() {
    run(async {
        let world = World::new();
        let pool = world.pool(SERVER, config());
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                spawn_local(async {
                    for _ in 0..50 {
                        pool.call(incr("n")).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let n: Option<u32> = pool.call(get("n").reply()).await.unwrap();
        assert_eq!(n, Some(150));
        assert_eq!(world.server.accepted.get(), 2);
        assert_eq!(pool.stats().opened, 2);
        assert!(pool.stats().waits > 0, "{:?}", pool.stats());
    });
}

#[test]
fn every_address_of_a_name_is_tried_in_turn() {
    run(async {
        let world = World::new();
        name_server(world.beside, &[REFUSES, SILENT, SERVER]);
        let pool = world.pool("redis.lan", config());
        let begin = Instant::now();
        pool.call(set("k", "v")).await.unwrap();
        // The silent one had a share of the time, and no more.
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(1000), "{took:?}");
        assert!(took < Duration::from_millis(2000), "{took:?}");
        let mut tried = world.hub.sent(NODE, Control::Syn);
        tried.dedup();
        assert_eq!(tried, ips(&[REFUSES, SILENT, SERVER]));
    });
}

#[test]
fn the_last_address_says_why_it_failed() {
    run(async {
        let world = World::new();
        name_server(world.beside, &[SILENT, REFUSES]);
        let pool = world.pool("redis.lan", config());
        let error = pool.call(ping()).await.unwrap_err();
        assert_eq!(error, cannot_connect(Io::Refused));
    });
}

#[test]
fn a_name_that_nobody_knows_or_answers_for_has_no_address() {
    run(async {
        let world = World::new();
        let config = config().connect_timeout(Duration::from_millis(800));
        let begin = Instant::now();
        let pool = world.pool("redis.lan", config);
        let error = pool.call(ping()).await.unwrap_err();
        assert_eq!(error, cannot_connect(Io::NoAddress));
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(300), "{took:?}");
        assert!(took < Duration::from_millis(800), "{took:?}");

        name_server(world.beside, &[]);
        let begin = Instant::now();
        let error = pool.call(ping()).await.unwrap_err();
        assert_eq!(error, cannot_connect(Io::NoAddress));
        assert!(begin.elapsed() < Duration::from_millis(300));
    });
}

#[test]
fn refused_silent_and_unreachable_are_told_apart() {
    run(async {
        let world = World::new();
        let config = config().connect_timeout(Duration::from_millis(500));
        let call = async |host| world.pool(host, config).call(ping()).await.unwrap_err();
        let begin = Instant::now();
        assert_eq!(call(REFUSES).await, cannot_connect(Io::Refused));
        // An IPv6 address, where this device has none.
        assert_eq!(call(SERVER_V6).await, cannot_connect(Io::NotConnected));
        assert!(begin.elapsed() < Duration::from_millis(300));
        assert_eq!(call(SILENT).await, cannot_connect(Io::TimedOut));
        let took = begin.elapsed();
        assert!(took > Duration::from_millis(450), "{took:?}");
        assert!(took < Duration::from_millis(900), "{took:?}");
    });
}

#[test]
fn a_unix_socket_is_no_tcp_address() {
    run(async {
        let world = World::new();
        let sockets = Box::leak(Box::new(TcpResources::<1, 64, 64>::new()));
        let [mut link] = sockets.links_for(world.node, &Config::new().unix("/run/redis.sock"));
        assert_eq!(link.open(None).await, Err(TcpError::NotTcp));
    });
}

#[test]
fn ipv6_by_address_and_before_ipv4_by_name() {
    run(async {
        let world = World::new();
        name_server(world.beside, &[SERVER, SILENT_V6]);
        let node = world.hub.device(&BOTH, Some(SERVER));
        let pool = pool_on(node, SERVER_V6, config());
        pool.call(ping()).await.unwrap();
        let [v4, v6] = BOTH;
        let tried = world.hub.sent(v6, Control::Syn);
        assert_eq!(tried, ips(&[SERVER_V6]));

        let pool = pool_on(node, "redis.lan", config());
        pool.call(ping()).await.unwrap();
        let tried = world.hub.sent(v6, Control::Syn);
        assert_eq!(tried[..2], ips(&[SERVER_V6, SILENT_V6]));
        let tried = world.hub.sent(v4, Control::Syn);
        assert_eq!(tried, ips(&[SERVER]));
    });
}

#[test]
fn a_question_without_an_answer_leaves_time_for_the_other_kind_and_for_every_address() {
    for unanswered in [AAAA, A] {
        run(async {
            let world = World::new();
            let (v6, v4) = ([SILENT_V6, SERVER_V6], [SILENT, REFUSES, SERVER]);
            let addresses = [&v6[..], &v4].concat();
            name_server_without(Some(unanswered), world.beside, &addresses);
            let node = world.hub.device(&BOTH, Some(SERVER));
            pool_on(node, "redis.lan", config())
                .call(ping())
                .await
                .unwrap();
            let tried = |from| {
                let mut tried = world.hub.sent(from, Control::Syn);
                tried.dedup();
                tried
            };
            match unanswered {
                AAAA => assert_eq!(tried(BOTH[0]), ips(&v4)),
                _ => assert_eq!(tried(BOTH[1]), ips(&v6)),
            }
        });
    }
}

#[test]
fn a_server_that_hangs_up_is_found_again() {
    run(async {
        let world = World::new();
        let pool = world.pool(SERVER, config());
        pool.call(set("k", 1)).await.unwrap();
        world.server.hangs_up.set(true);
        pool.call(set("k", 2)).await.unwrap();
        sleep(Duration::from_millis(20)).await;
        let k: Option<u32> = pool.call(get("k").reply()).await.unwrap();
        assert_eq!(k, Some(2));
        assert_eq!(pool.stats().opened, 2);
        assert_eq!(*world.server.ends.borrow(), [End::HungUp]);
    });
}

#[test]
fn the_server_sees_the_end_when_the_pool_is_closed() {
    run(async {
        let world = World::new();
        let pool = world.pool(SERVER, config());
        let mut first = pool.get().await.unwrap();
        first.call(ping()).await.unwrap();
        pool.call(ping()).await.unwrap();
        drop(first);
        pool.close(Duration::from_secs(2)).await.unwrap();
        // It was waited for, so nothing is under way any more.
        assert_eq!(world.hub.sent(NODE, Control::Fin), ips(&[SERVER; 2]));
        sleep(Duration::from_millis(20)).await;
        assert_eq!(*world.server.ends.borrow(), [End::Fin; 2]);
        assert_eq!(world.hub.sent(NODE, Control::Reset), ips(&[]));
    });
}

#[test]
fn closing_does_not_wait_for_a_server_that_is_gone() {
    run(async {
        let world = World::new();
        let pool = world.pool(SERVER, config());
        pool.call(ping()).await.unwrap();
        world.hub.set_link(SERVER, false);
        let begin = Instant::now();
        pool.close(Duration::from_millis(300)).await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(600));
    });
}

#[test]
fn a_socket_is_opened_again_after_an_end_in_either_way() {
    run(async {
        let world = World::new();
        let pool = world.pool(SERVER, config());
        for _ in 0..3 {
            pool.call(ping()).await.unwrap();
            pool.disconnect_all();
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(*world.server.ends.borrow(), [End::Fin; 3]);

        // With bytes that nobody will read, or that may arrive too late, it is a reset. It leaves
        // also where the socket is opened again at once.
        let mut link = world.link(SERVER);
        link.open(None).await.unwrap();
        for _ in 0..3 {
            link.write(b"PING\r\n").await.unwrap();
            link.abort();
            link.open(None).await.unwrap();
        }
        sleep(Duration::from_millis(20)).await;
        let ends = world.server.ends.borrow().clone();
        assert_eq!(ends[3..], [End::Reset; 3]);
    });
}

#[test]
fn a_call_that_is_dropped_does_not_cost_its_connection() {
    run(async {
        let world = World::new();
        let pool = world.pool(SERVER, config());
        pool.call(set("slow", 1)).await.unwrap();
        pool.call(set("k", "v")).await.unwrap();
        let dropped = timeout(SLOW / 4, pool.call(incr("slow"))).await;
        assert!(dropped.is_err());
        let k: Option<String> = pool.call(get("k").reply()).await.unwrap();
        assert_eq!(k.as_deref(), Some("v"));
        assert_eq!((pool.stats().opened, pool.stats().skipped), (1, 1));
    });
}

#[test]
fn a_device_without_a_link_waits_for_it_asleep() {
    run(async {
        let world = World::new();
        world.hub.set_link(NODE, false);
        let pool = world.pool(SERVER, config().connect_timeout(Duration::from_millis(500)));
        let polls = Rc::new(Cell::new(0));
        let call = || {
            let polls = polls.clone();
            spawn_local(async move {
                let mut call = pin!(pool.call(ping()));
                poll_fn(|context| {
                    polls.set(polls.get() + 1);
                    call.as_mut().poll(context)
                })
                .await
                .map(drop)
            })
        };
        let (one, other) = (call(), call());
        assert_eq!(one.await.unwrap(), Err(cannot_connect(Io::TimedOut)));
        assert_eq!(other.await.unwrap(), Err(cannot_connect(Io::TimedOut)));
        assert!(polls.get() < 20, "polled {} times", polls.get());

        let call = call();
        sleep(Duration::from_millis(200)).await;
        world.hub.set_link(NODE, true);
        assert_eq!(call.await.unwrap(), Ok(()));
    });
}

#[test]
fn a_device_that_comes_back_with_another_address_connects_from_there() {
    run(async {
        let world = World::new();
        let pool = world.pool(SERVER, config().call_timeout(Duration::from_millis(300)));
        pool.call(set("k", 1)).await.unwrap();
        world.hub.set_link(NODE, false);
        world.hub.renumber(world.node, NODE, MOVED);
        world.hub.set_link(MOVED, true);
        // Answers still go to where it was.
        let error = pool.call(set("k", 2)).await.unwrap_err();
        assert_eq!(error.reached(), Reached::MaybeSent);
        pool.call(set("k", 3)).await.unwrap();
        let k: Option<u32> = pool.call(get("k").reply()).await.unwrap();
        assert_eq!(k, Some(3));
        assert_eq!(pool.stats().opened, 2);
        assert_eq!(world.hub.sent(MOVED, Control::Syn), ips(&[SERVER]));
    });
}

#[test]
fn keepalive_finds_a_peer_that_is_gone_and_keeps_one_that_is_silent() {
    run(async {
        let world = World::new();
        let second = Duration::from_secs(1);
        let config = config().no_call_timeout().keepalive(Keepalive {
            idle: second,
            interval: second,
            count: 1,
        });
        let pool = world.pool(SERVER, config);
        pool.call(ping()).await.unwrap();
        sleep(3 * second).await;
        pool.call(ping()).await.unwrap();
        assert_eq!(pool.stats().opened, 1);

        world.hub.set_link(SERVER, false);
        let begin = Instant::now();
        let error = pool.call(incr("n")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport(Io::Reset));
        let took = begin.elapsed();
        assert!(took > second && took < 4 * second, "{took:?}");
    });
}
