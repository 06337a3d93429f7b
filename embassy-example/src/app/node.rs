//! `mode=node`: a sensor node. One pool of two connections, in static memory, is shared by three
//! tasks:
//!
//! - [`telemetry`]: samples, keeps what cannot be sent now, and writes each sample once.
//! - [`presence`]: a counter, and a key that expires soon after the node is gone.
//! - [`configuration`]: reads what an operator changes while the node runs.
//!
//! [`start`] has a number for each start of the node, and [`tally`] counts what became of it all.
//!
//! Nothing here dials, waits for a link, or notices that a server went away: a call of the pool does,
//! with pauses that all tasks share, and fails after a bounded time. A task then says so, sleeps, and
//! goes on where it was. That is all there is to surviving.
//!
//! | setting | unless given | what it is |
//! |---|---|---|
//! | `redis` | `10.0.2.2:6379` | the server, a name or an address, and its port |
//! | `user`, `password` | none | the login |
//! | `name` | `demo` | this node, in the names of its keys, `node:demo:...`; no two may share one |
//! | `entries` | 0 | ends after so many samples were written; 0 never ends |
//! | `interval` | 1000 | ms between samples, as long as the key `node:demo:interval` has none |
//! | `keep` | 10000 | entries of the stream that the server should keep, about |
//! | `timeout` | 2000 | ms for connecting, for a reply, and for a connection to become free |
//! | `backoff` | 10000 | ms between attempts to connect, at most |
//! | `pause` | 1000 | ms until a task whose call failed tries again |
//! | `beat` | 1000 | ms between heartbeats; the key lives as long as three |
//! | `look` | 1000 | ms between looks at the configuration |

mod configuration;
mod presence;
mod start;
mod tally;
mod telemetry;

use embassy_executor::Spawner;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Timer};
use respool::embassy::{TcpLink, TcpResources};
use respool::{Config, Error, Pool, PoolResources};
use static_cell::{ConstStaticCell, StaticCell};

use self::tally::Tally;
use crate::args::Args;
use crate::board::Board;

/// All tasks run on one executor, so nobody has to be locked out.
type Redis = Pool<'static, NoopRawMutex, TcpLink<'static>, 2>;

/// The sockets, with 1024 bytes for what comes and 1024 for what goes in each.
static SOCKETS: ConstStaticCell<TcpResources<2, 1024, 1024>> =
    ConstStaticCell::new(TcpResources::new());
/// The connections: a reply and a command of this node fit 256 bytes.
static SEATS: ConstStaticCell<PoolResources<'static, 2, 256, 256>> =
    ConstStaticCell::new(PoolResources::new());
static NODE: StaticCell<Node> = StaticCell::new();

/// The longest pause after the first attempt to connect that fails; it doubles up to `backoff`.
const BACKOFF: Duration = Duration::from_millis(100);

type Key = (&'static str, &'static str, &'static str, &'static str);

/// What the tasks share.
struct Node {
    redis: Redis,
    args: Args,
    name: &'static str,
    /// How many entries the stream is to keep, about.
    keep: u64,
    /// How long a task sleeps after an error.
    pause: Duration,
    /// Tells the sampling that its interval is another one from now on.
    pace: Signal<NoopRawMutex, Duration>,
    /// All entries are written.
    done: Signal<NoopRawMutex, ()>,
    tally: Tally,
}

/// Runs the node until all its entries are written; for ever unless `entries` says how many.
pub async fn run(spawner: Spawner, board: &Board) {
    let node = NODE.init(Node::new(board));
    spawner.spawn(defmt::unwrap!(telemetry::run(node)));
    spawner.spawn(defmt::unwrap!(presence::run(node)));
    spawner.spawn(defmt::unwrap!(configuration::run(node)));
    node.done.wait().await;
    defmt::info!("{}", node.tally);
}

impl Node {
    fn new(board: &Board) -> Self {
        let args = board.args;
        let name = args.get("name").unwrap_or("demo");
        let (host, port) = args.server();

        let timeout = args.millis("timeout", 2000).into();
        let mut config = Config::new()
            .client_name(name)
            .connect_timeout(timeout)
            .call_timeout(timeout)
            .pool_timeout(timeout)
            .backoff(BACKOFF.into(), args.millis("backoff", 10_000).into())
            // Else all nodes of a plant would come back at once after an outage.
            .seed(board.seed as u32);
        config.username = args.get("user");
        if let Some(password) = args.get("password") {
            config = config.password(password);
        }
        let links = SOCKETS.take().links(board.stack, host, port);
        Self {
            redis: Pool::new(SEATS.take(), links, config),
            args,
            name,
            keep: args.parse("keep", 10_000),
            pause: args.millis("pause", 1000),
            pace: Signal::new(),
            done: Signal::new(),
            tally: Tally::default(),
        }
    }

    /// The time between samples, as long as nobody wants another one.
    fn interval(&self) -> Duration {
        self.args.millis("interval", 1000)
    }

    /// A key of this node, in pieces that are put together on the wire: `node:demo:telemetry`.
    fn key(&self, what: &'static str) -> Key {
        ("node:", self.name, ":", what)
    }

    /// A call of this task failed: says so, counts it, and lets time pass.
    async fn failed(&self, task: &str, error: Error) {
        defmt::warn!("{=str}: {}", task, error);
        self.tally.errors.of(error.kind()).up();
        Timer::after(self.pause).await;
    }
}
