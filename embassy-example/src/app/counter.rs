//! `mode=counter`: the least that a firmware needs of respool. It counts up a key, once a second.
//! `redis=` and `password=` say where.

use core::future::pending;

use embassy_executor::Spawner;

use crate::board::Board;

// The README shows what follows, up to the end of `count`.
use embassy_net::Stack;
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_time::Timer;
use respool::command::incr;
use respool::embassy::{TcpLink, TcpResources};
use respool::{Config, Pool, PoolResources};
use static_cell::{ConstStaticCell, StaticCell};

type Redis = Pool<'static, NoopRawMutex, TcpLink<'static>, 2>;

/// Two sockets, with 512 bytes for what comes and 512 for what goes in each.
static SOCKETS: ConstStaticCell<TcpResources<2, 512, 512>> =
    ConstStaticCell::new(TcpResources::new());
/// Two connections, with windows of 128 bytes for a reply and for a command.
static SEATS: ConstStaticCell<PoolResources<2, 128, 128>> =
    ConstStaticCell::new(PoolResources::new());
static POOL: StaticCell<Redis> = StaticCell::new();

/// The one pool. A second call panics.
fn pool(stack: Stack<'static>, config: Config<'static>) -> &'static Redis {
    let links = SOCKETS.take().links_for(stack, &config);
    POOL.init(Pool::new(SEATS.take(), links, config))
}

/// Any number of tasks may have the pool; this one only counts.
#[embassy_executor::task]
async fn count(redis: &'static Redis) -> ! {
    loop {
        match redis.call(incr("counter")).await {
            Ok(count) => defmt::info!("counter: {=i64}", count),
            Err(error) => defmt::warn!("counter: {}", error),
        }
        Timer::after_secs(1).await;
    }
}

/// Runs for ever.
pub async fn run(spawner: Spawner, board: &Board) -> ! {
    let (host, port) = board.args.server();
    let mut config = Config::new().host(host).port(port).seed(board.seed as u32);
    if let Some(password) = board.args.get("password") {
        config = config.password(password);
    }
    spawner.spawn(defmt::unwrap!(count(pool(board.stack, config))));
    pending().await
}
