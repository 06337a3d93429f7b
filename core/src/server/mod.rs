//! The other side: requests in, replies out, without I/O.
//!
//! For gateways, for tests that play a server, and for a device that answers `redis-cli`. Requests
//! are found by [`Requests`] in a lent window; replies are written by
//! [`Replies`](crate::resp::Replies). Nothing here panics, allocates, recurses over input, blocks or
//! reads a clock, and the work is O(bytes) however the bytes arrive.
//!
//! ```
//! use respool::config::Protocol;
//! use respool::resp::Replies;
//! use respool::server::Requests;
//!
//! let (mut window, mut buffer) = ([0; 256], [0; 256]);
//! let mut requests = Requests::new(&mut window);
//! let mut replies = Replies::new(&mut buffer, Protocol::Resp2);
//!
//! // Whatever the transport reads goes to `spare()`; here one request of each form.
//! let wire = b"*2\r\n$3\r\nGET\r\n$4\r\ntemp\r\nPING\r\n";
//! requests.spare()[..wire.len()].copy_from_slice(wire);
//! requests.filled(wire.len());
//!
//! loop {
//!     match requests.next() {
//!         Ok(Some(request)) if request.name_is("PING") => replies.simple(b"PONG")?,
//!         Ok(Some(request)) if request.name_is("GET") => match request.exactly() {
//!             Some([b"temp"]) => replies.double(21.5)?,
//!             _ => replies.null()?,
//!         },
//!         Ok(Some(_)) => replies.error("ERR", b"unknown command")?,
//!         Ok(None) => break, // send the replies, read more
//!         Err(fault) => {
//!             fault.write(&mut replies)?;
//!             if fault.closes() {
//!                 break; // send the replies, close
//!             }
//!         }
//!     }
//! }
//! assert_eq!(replies.written(), b"$4\r\n21.5\r\n+PONG\r\n");
//! # Ok::<(), respool::resp::Full>(())
//! ```

mod fault;
mod inline;
mod request;
mod requests;
#[cfg(test)]
mod round_trip;

pub use fault::Fault;
pub use request::{Request, RequestArgs};
pub use requests::Requests;
