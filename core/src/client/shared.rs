//! Pools for hosts: links over the operating system's sockets, shared by threads.

use core::hash::BuildHasher;
use std::boxed::Box;
use std::hash::RandomState;
use std::string::{String, ToString};
use std::vec::Vec;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;

use crate::client::Pool;
use crate::client::pool::Ground;
use crate::config::{Config, UrlError};
use crate::connection::Memory;
use crate::io::{Blocking, Transport, std as sockets};

/// Bytes of the reply window and of the command window of a connection of a host's pool.
pub const WINDOW: usize = 64 * 1024;

/// A pool of `N` connections over blocking sockets, to be shared by threads.
pub type StdPool<const N: usize, const W: usize = 64> =
    Pool<'static, CriticalSectionRawMutex, Blocking<sockets::Socket>, N, W>;

/// A pool of `N` connections over tokio's sockets, to be shared by tasks.
#[cfg(feature = "tokio")]
pub type TokioPool<const N: usize, const W: usize = 64> =
    Pool<'static, CriticalSectionRawMutex, crate::io::tokio::Socket, N, W>;

/// A pool of `N` blocking connections to the server at `url`, with windows of 64 KiB. Nothing is
/// opened yet.
///
/// Its memory is never freed: make one for as long as the program runs.
///
/// ```no_run
/// use respool::command::{get, set};
///
/// let pool = respool::host::pool::<4>("redis://app:secret@10.0.0.2/1?pool_timeout=2s")?;
/// pool.call(set("greeting", "hello"))?;
/// let greeting: Option<String> = pool.call(respool::Command::reply(get("greeting")))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What is wrong with the URL.
pub fn pool<const N: usize>(url: &str) -> Result<StdPool<N>, UrlError> {
    Ok(pool_with(config(url)?))
}

/// The same, from settings.
pub fn pool_with<const N: usize, const W: usize>(config: Config<'static>) -> StdPool<N, W> {
    let links = core::array::from_fn(|_| Blocking(sockets::Socket::new(&config)));
    over(links, config)
}

/// A pool of `N` connections over tokio's sockets to the server at `url`. Otherwise as
/// [`host::pool`](crate::host::pool).
///
/// # Errors
/// What is wrong with the URL.
#[cfg(feature = "tokio")]
pub fn tokio_pool<const N: usize>(url: &str) -> Result<TokioPool<N>, UrlError> {
    Ok(tokio_pool_with(config(url)?))
}

/// The same, from settings.
#[cfg(feature = "tokio")]
pub fn tokio_pool_with<const N: usize, const W: usize>(config: Config<'static>) -> TokioPool<N, W> {
    let links = core::array::from_fn(|_| crate::io::tokio::Socket::new(&config));
    over(links, config)
}

/// A pool over memory that is never freed.
fn over<L: Transport, const N: usize, const W: usize>(
    links: [L; N],
    config: Config<'static>,
) -> Pool<'static, CriticalSectionRawMutex, L, N, W> {
    // One by one onto the heap: all together are more than a thread's stack may hold.
    let memories: Vec<_> = (0..N).map(|_| Memory::<WINDOW, WINDOW>::new()).collect();
    // Machines that were given no seed still must not come back all at once.
    let config = match config.seed {
        0 => config.seed(RandomState::new().hash_one(0) as u32),
        _ => config,
    };
    Pool::over(
        memories.leak(),
        links,
        Box::leak(Box::new(Ground::new(config))),
    )
}

/// Settings that live as long as the program.
fn config(url: &str) -> Result<Config<'static>, UrlError> {
    // Checked first, so that nothing is leaked for a bad URL.
    let mut scratch = url.to_string().into_bytes();
    Config::from_url(url, &mut scratch)?;
    let url: &'static str = String::leak(url.to_string());
    let mut config = Config::from_url(url, scratch.leak())?;
    // A host reads on faster than it opens a connection; and more than a window has to be skipped
    // for a reply that does not fit one.
    config.skip_budget.bytes = 1024 * 1024;
    Ok(config)
}
