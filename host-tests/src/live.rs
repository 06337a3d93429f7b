//! What the tests on a real server share: one scenario for both worlds, every address and protocol;
//! pools with windows of any size; what the server says of its clients; peers that misbehave.
//!
//! ```no_run
//! use host_tests::scenarios;
//!
//! scenarios! {
//!     fn a_counter_counts(at) {
//!         use respool::command::incr;
//!
//!         let pool = open::<1, 256, 256>(at.config);
//!         assert_eq!(go!(pool.call(incr("n"))).unwrap(), 1);
//!     }
//! }
//! ```

mod peers;
mod view;

use std::thread::{self, JoinHandle};
use std::time::Duration;

use respool::client::PoolResources;
use respool::config::{Config, Protocol};
use respool::io::Blocking;
use rustix::process::{Pid, Signal, kill_process};

use crate::redis::{Builder, RedisServer};

pub use peers::{Peer, old_server, silent, swallower, talker};
pub use view::{Clients, commands_processed, info};

/// Where a scenario runs: a server of its own, and settings that lead there.
pub struct Place<'s> {
    pub server: &'s RedisServer,
    pub config: Config<'static>,
}

/// Runs `scenario` over TCP and over the unix socket, in RESP2 and in RESP3, each on an empty
/// server.
pub fn everywhere(scenario: impl Fn(Place<'_>)) {
    everywhere_on(RedisServer::builder(), scenario);
}

/// The same, on a server with other settings.
pub fn everywhere_on(settings: Builder, scenario: impl Fn(Place<'_>)) {
    let server = settings.unixsocket().start();
    for (config, way) in [(tcp(&server), "TCP"), (unix(&server), "a unix socket")] {
        for protocol in [Protocol::Resp3, Protocol::Resp2] {
            println!("over {way}, {protocol:?}");
            server.cli(&["FLUSHALL"]);
            server.cli(&["CONFIG", "RESETSTAT"]);
            // Pools live as long as the program: those of the run before have a connection yet.
            server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
            scenario(Place {
                server: &server,
                config: config.protocol(protocol),
            });
        }
    }
}

/// Settings that lead to the server's port.
pub fn tcp(server: &RedisServer) -> Config<'static> {
    Config::new().host("127.0.0.1").port(server.port())
}

/// Settings that lead to the server's unix socket.
pub fn unix(server: &RedisServer) -> Config<'static> {
    let path = server.unix_path();
    Config::new().unix(leaked(path.to_str().expect("a path in UTF-8")))
}

/// A text for settings that live as long as the program.
pub fn leaked(text: &str) -> &'static str {
    String::leak(text.into())
}

/// A pool for threads, of `N` connections with windows of these sizes.
pub fn threads<const N: usize, const RX: usize, const TX: usize>(
    config: Config<'static>,
) -> &'static respool::host::Pool<N> {
    let links = std::array::from_fn(|_| Blocking(respool::host::Socket::new(&config)));
    let pool = respool::host::Pool::new(resources::<N, RX, TX>(), links, config);
    Box::leak(Box::new(pool))
}

/// A pool for tokio's tasks, of `N` connections with windows of these sizes.
pub fn tasks<const N: usize, const RX: usize, const TX: usize>(
    config: Config<'static>,
) -> &'static respool::tokio::Pool<N> {
    let links = std::array::from_fn(|_| respool::tokio::Socket::new(&config));
    let pool = respool::tokio::Pool::new(resources::<N, RX, TX>(), links, config);
    Box::leak(Box::new(pool))
}

/// Ends the server's [pause](RedisServer::pause) a little later.
pub fn resume_later(server: &RedisServer, after: Duration) -> JoinHandle<()> {
    let pid = server.pid().and_then(|pid| Pid::from_raw(pid as i32));
    thread::spawn(move || {
        thread::sleep(after);
        kill_process(pid.expect("a server that was not killed"), Signal::CONT)
            .expect("a process of our own");
    })
}

fn resources<const N: usize, const RX: usize, const TX: usize>()
-> &'static mut PoolResources<'static, N, RX, TX> {
    Box::leak(Box::new(PoolResources::new()))
}

/// Writes tests once for both worlds, each as `blocking::name` and as `tasks::name`.
///
/// In a scenario, `open::<N, RX, TX>(config)` makes the world's pool, and `go!(pool.call(..))` gives
/// what the call gives: in the async world it awaits, in the blocking one it is nothing.
#[macro_export]
macro_rules! scenarios {
    ($($(#[doc = $doc:literal])* fn $name:ident($place:ident $(: $settings:expr)?) $body:block)*) => {
        mod blocking {
            #[allow(unused_imports)]
            use super::*;
            #[allow(unused_imports)]
            use $crate::{as_it_is as go, live::threads as open};

            $(
                $(#[doc = $doc])*
                #[test]
                fn $name() {
                    $crate::scenarios!(@at $($settings)?, |$place| $body);
                }
            )*
        }

        mod tasks {
            #[allow(unused_imports)]
            use super::*;
            #[allow(unused_imports)]
            use $crate::{awaited as go, live::tasks as open};

            $(
                $(#[doc = $doc])*
                #[test]
                fn $name() {
                    let runtime = tokio::runtime::Runtime::new().expect("threads for tokio");
                    $crate::scenarios!(@at $($settings)?, |$place| runtime.block_on(async $body));
                }
            )*
        }
    };
    (@at , $scenario:expr) => { $crate::live::everywhere($scenario) };
    (@at $settings:expr, $scenario:expr) => { $crate::live::everywhere_on($settings, $scenario) };
}

/// `go!` of the blocking world.
#[macro_export]
macro_rules! as_it_is {
    ($call:expr) => {
        $call
    };
}

/// `go!` of the async world.
#[macro_export]
macro_rules! awaited {
    ($call:expr) => {
        $call.await
    };
}
