//! The group *connection*: the server's view of this connection and of the others.
//!
//! `HELLO`, `AUTH` and `CLIENT SETINFO` are the handshake's, `RESET` is the pool's; `QUIT` and
//! `CLIENT REPLY` would break the count of replies.

use crate::command::list::word_if;
use crate::command::{And, Command, Encode, List, Many, Plain, Spec, Tagged, With, table};
use crate::resp::{Any, Args, Bytes, Entries, Items, Status, Text, ToArg, ToArgs};

/// Asks for a sign of life.
/// <https://redis.io/commands/ping/>
pub fn ping() -> Plain<(), Status> {
    Plain::new(&table::PING, ())
}

/// Asks for a sign of life: the message again.
/// <https://redis.io/commands/ping/>
pub fn ping_with<M: ToArg>(message: M) -> Plain<(M,), Bytes> {
    Plain::new(&table::PING, (message,))
}

/// Asks for the message again.
/// <https://redis.io/commands/echo/>
pub fn echo<M: ToArg>(message: M) -> Plain<(M,), Bytes> {
    Plain::new(&table::ECHO, (message,))
}

/// Goes over to another database, for as long as the lease lasts.
/// <https://redis.io/commands/select/>
pub fn select(db: u32) -> Plain<(u32,), Status> {
    Plain::new(&table::SELECT, (db,))
}

/// Whether the keys that the next command reads are tracked, under `client_tracking` with `optin`
/// (`true` tracks them) or `optout` (`false` does not).
/// <https://redis.io/commands/client-caching/>
pub fn client_caching(track: bool) -> Plain<(&'static str,), Status> {
    Plain::new(&table::CLIENT_CACHING, (if track { "YES" } else { "NO" },))
}

/// The name of this connection; `None` where it has none.
/// <https://redis.io/commands/client-getname/>
pub fn client_getname() -> Plain<(), Option<Bytes>> {
    Plain::new(&table::CLIENT_GETNAME, ())
}

/// Names this connection; no spaces.
/// <https://redis.io/commands/client-setname/>
pub fn client_setname<N: ToArg>(name: N) -> Plain<(N,), Status> {
    Plain::new(&table::CLIENT_SETNAME, (name,))
}

/// The id of the connection that gets the invalidations of this one; 0 where it gets them itself,
/// -1 where nothing is tracked.
/// <https://redis.io/commands/client-getredir/>
pub fn client_getredir() -> Plain<(), i64> {
    Plain::new(&table::CLIENT_GETREDIR, ())
}

/// The subcommands of `CLIENT`, line by line.
/// <https://redis.io/commands/client-help/>
pub fn client_help() -> Plain<(), Items<Text>> {
    Plain::new(&table::CLIENT_HELP, ())
}

/// The id of this connection, unique as long as the server runs.
/// <https://redis.io/commands/client-id/>
pub fn client_id() -> Plain<(), u64> {
    Plain::new(&table::CLIENT_ID, ())
}

/// This connection as a line of [`client_list`].
/// <https://redis.io/commands/client-info/>
pub fn client_info() -> Plain<(), Bytes> {
    Plain::new(&table::CLIENT_INFO, ())
}

/// Closes the connections that match all filters, the methods of [`ClientKill`]; answers how many.
/// Without a filter the server refuses it.
/// <https://redis.io/commands/client-kill/>
pub fn client_kill() -> ClientKill<()> {
    ClientKill { filters: () }
}

/// Closes the connection from this `ip:port`, as the oldest servers know it; an error where there is
/// none.
/// <https://redis.io/commands/client-kill/>
pub fn client_kill_addr<A: ToArg>(addr: A) -> Plain<(A,), Status> {
    Plain::new(&table::CLIENT_KILL, (addr,))
}

/// All connections, one a line, as `name=value` with spaces between; or some, by the methods of
/// [`ClientList`].
/// <https://redis.io/commands/client-list/>
pub fn client_list() -> ClientList<()> {
    ClientList { filter: () }
}

/// Whether this connection is spared when the server runs out of memory for clients. `RESET` of
/// Redis 7.0 does not take it back.
/// <https://redis.io/commands/client-no-evict/>
pub fn client_no_evict(on: bool) -> Plain<(&'static str,), Status> {
    Plain::new(&table::CLIENT_NO_EVICT, (on_off(on),))
}

/// Makes the commands of all clients wait for so many milliseconds; only writes with
/// [`write`](ClientPause::write).
/// <https://redis.io/commands/client-pause/>
pub fn client_pause(millis: u64) -> ClientPause {
    ClientPause { millis, what: None }
}

/// Ends a [`client_pause`].
/// <https://redis.io/commands/client-unpause/>
pub fn client_unpause() -> Plain<(), Status> {
    Plain::new(&table::CLIENT_UNPAUSE, ())
}

/// Whether the server tells when keys that were read here have changed; how, say the methods of
/// [`ClientTracking`]. RESP2 needs a `redirect`.
/// <https://redis.io/commands/client-tracking/>
pub fn client_tracking(on: bool) -> ClientTracking<()> {
    ClientTracking {
        on,
        targets: (),
        broadcast: false,
        opt: None,
        no_loop: false,
    }
}

/// What is tracked here: `flags` and `prefixes`, which are arrays, and `redirect`, a number as
/// [`client_getredir`] has it. A map in RESP3, a flat array in RESP2.
/// <https://redis.io/commands/client-trackinginfo/>
pub fn client_trackinginfo() -> Plain<(), Entries<Text, Any>> {
    Plain::new(&table::CLIENT_TRACKINGINFO, ())
}

/// Ends another connection's wait in a blocking command, as if it had timed out; answers whether it
/// did wait.
/// <https://redis.io/commands/client-unblock/>
pub fn client_unblock(id: u64) -> ClientUnblock {
    ClientUnblock { id, how: None }
}

/// What kind of client is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ClientKind {
    /// Anyone, including those that `MONITOR`.
    Normal,
    /// The master of this replica.
    Master,
    /// A replica of this master.
    Replica,
    /// One that has subscribed to something.
    PubSub,
}

impl ClientKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Master => "MASTER",
            Self::Replica => "REPLICA",
            Self::PubSub => "PUBSUB",
        }
    }
}

/// `CLIENT KILL`: see [`client_kill`]. Filters add up.
#[derive(Clone, Copy, Debug)]
pub struct ClientKill<F> {
    filters: F,
}

impl<F: List> ClientKill<F> {
    /// Only the connection of this id.
    pub fn id(self, id: u64) -> ClientKill<With<F, u64>> {
        self.filter("ID", id)
    }

    /// Only clients of this kind.
    pub fn kind(self, kind: ClientKind) -> ClientKill<With<F, &'static str>> {
        self.filter("TYPE", kind.word())
    }

    /// Only connections that are logged in as this user.
    pub fn user<U: ToArg>(self, user: U) -> ClientKill<With<F, U>> {
        self.filter("USER", user)
    }

    /// Only the connection from this `ip:port`.
    pub fn addr<A: ToArg>(self, addr: A) -> ClientKill<With<F, A>> {
        self.filter("ADDR", addr)
    }

    /// Only connections to this `ip:port` of the server.
    pub fn laddr<A: ToArg>(self, addr: A) -> ClientKill<With<F, A>> {
        self.filter("LADDR", addr)
    }

    /// Whether the connection that says so is spared; it is unless this is `false`.
    pub fn skipme(self, skip: bool) -> ClientKill<With<F, &'static str>> {
        self.filter("SKIPME", if skip { "YES" } else { "NO" })
    }

    fn filter<A>(self, word: &'static str, arg: A) -> ClientKill<With<F, A>> {
        ClientKill {
            filters: And(self.filters, Tagged(word, (arg,))),
        }
    }
}

impl<F: List> Encode for ClientKill<F> {
    fn spec(&self) -> &'static Spec {
        &table::CLIENT_KILL
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.filters.add_to(args);
    }
}

impl<F: List> Command for ClientKill<F> {
    type Reply = u64;
}

/// `CLIENT LIST`: see [`client_list`]. The last call counts.
#[derive(Clone, Copy, Debug)]
pub struct ClientList<F> {
    filter: F,
}

impl<F> ClientList<F> {
    /// Only clients of this kind.
    pub fn kind(self, kind: ClientKind) -> ClientList<Tagged<(&'static str,)>> {
        ClientList {
            filter: Tagged("TYPE", (kind.word(),)),
        }
    }

    /// Only the connections of these ids, one or several.
    pub fn id<I: ToArgs>(self, ids: I) -> ClientList<Tagged<Many<I>>> {
        ClientList {
            filter: Tagged("ID", Many(ids)),
        }
    }
}

impl<F: List> Encode for ClientList<F> {
    fn spec(&self) -> &'static Spec {
        &table::CLIENT_LIST
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        self.filter.add_to(args);
    }
}

impl<F: List> Command for ClientList<F> {
    type Reply = Bytes;
}

/// `CLIENT PAUSE`: see [`client_pause`]. The last call counts.
#[derive(Clone, Copy, Debug)]
pub struct ClientPause {
    millis: u64,
    what: Option<&'static str>,
}

impl ClientPause {
    /// Only commands that may write wait.
    pub fn write(self) -> Self {
        Self {
            what: Some("WRITE"),
            ..self
        }
    }

    /// All commands wait, which is so anyway.
    pub fn all(self) -> Self {
        Self {
            what: Some("ALL"),
            ..self
        }
    }
}

impl Encode for ClientPause {
    fn spec(&self) -> &'static Spec {
        &table::CLIENT_PAUSE
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.millis);
        if let Some(what) = self.what {
            args.word(what);
        }
    }
}

impl Command for ClientPause {
    type Reply = Status;
}

/// `CLIENT TRACKING`: see [`client_tracking`]. Of `optin` and `optout` the last call counts.
#[derive(Clone, Copy, Debug)]
pub struct ClientTracking<T> {
    on: bool,
    targets: T,
    broadcast: bool,
    opt: Option<&'static str>,
    no_loop: bool,
}

impl<T: List> ClientTracking<T> {
    /// The connection of this id is told, instead of this one.
    pub fn redirect(self, id: u64) -> ClientTracking<With<T, u64>> {
        self.target("REDIRECT", id)
    }

    /// Only keys that begin so; goes with `bcast`, any number of times.
    pub fn prefix<P: ToArg>(self, prefix: P) -> ClientTracking<With<T, P>> {
        self.target("PREFIX", prefix)
    }

    /// All keys, not only those that were read here.
    pub fn bcast(self) -> Self {
        Self {
            broadcast: true,
            ..self
        }
    }

    /// Only keys that are read right after `client_caching(true)`.
    pub fn optin(self) -> Self {
        Self {
            opt: Some("OPTIN"),
            ..self
        }
    }

    /// Not the keys that are read right after `client_caching(false)`.
    pub fn optout(self) -> Self {
        Self {
            opt: Some("OPTOUT"),
            ..self
        }
    }

    /// Not what this connection changed itself.
    pub fn noloop(self) -> Self {
        Self {
            no_loop: true,
            ..self
        }
    }

    fn target<A>(self, word: &'static str, arg: A) -> ClientTracking<With<T, A>> {
        let Self {
            on,
            targets,
            broadcast,
            opt,
            no_loop,
        } = self;
        let targets = And(targets, Tagged(word, (arg,)));
        ClientTracking {
            on,
            targets,
            broadcast,
            opt,
            no_loop,
        }
    }
}

impl<T: List> Encode for ClientTracking<T> {
    fn spec(&self) -> &'static Spec {
        &table::CLIENT_TRACKING
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.word(on_off(self.on));
        self.targets.add_to(args);
        word_if(args, self.broadcast, "BCAST");
        if let Some(opt) = self.opt {
            args.word(opt);
        }
        word_if(args, self.no_loop, "NOLOOP");
    }
}

impl<T: List> Command for ClientTracking<T> {
    type Reply = Status;
}

/// `CLIENT UNBLOCK`: see [`client_unblock`]. The last call counts.
#[derive(Clone, Copy, Debug)]
pub struct ClientUnblock {
    id: u64,
    how: Option<&'static str>,
}

impl ClientUnblock {
    /// The other command answers as if it had timed out, which is so anyway.
    pub fn timeout(self) -> Self {
        Self {
            how: Some("TIMEOUT"),
            ..self
        }
    }

    /// The other command answers with the error `UNBLOCKED`.
    pub fn error(self) -> Self {
        Self {
            how: Some("ERROR"),
            ..self
        }
    }
}

impl Encode for ClientUnblock {
    fn spec(&self) -> &'static Spec {
        &table::CLIENT_UNBLOCK
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        args.add(&self.id);
        if let Some(how) = self.how {
            args.word(how);
        }
    }
}

impl Command for ClientUnblock {
    type Reply = bool;
}

const fn on_off(on: bool) -> &'static str {
    if on { "ON" } else { "OFF" }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::command::testing::{Cases, cases};

    pub(in crate::command) fn all(cases: &mut Cases) {
        cases! { cases, k:
            ping() => "PING";
            ping_with(k) => "PING k";
            echo(k) => "ECHO k";
            select(15) => "SELECT 15";
            client_caching(true) => "CLIENT CACHING YES";
            client_caching(false) => "CLIENT CACHING NO";
            client_getname() => "CLIENT GETNAME";
            client_setname(k) => "CLIENT SETNAME k";
            client_getredir() => "CLIENT GETREDIR";
            client_help() => "CLIENT HELP";
            client_id() => "CLIENT ID";
            client_info() => "CLIENT INFO";
            client_kill().id(7) => "CLIENT KILL ID 7";
            client_kill().kind(ClientKind::Normal).skipme(true) => "CLIENT KILL TYPE NORMAL SKIPME YES";
            client_kill().user(k).addr("[::1]:5").laddr(("10.0.0.2:", 6379)).skipme(false) =>
                "CLIENT KILL USER k ADDR [::1]:5 LADDR 10.0.0.2:6379 SKIPME NO";
            client_kill_addr("10.0.0.1:5") => "CLIENT KILL 10.0.0.1:5";
            client_list() => "CLIENT LIST";
            client_list().kind(ClientKind::Master) => "CLIENT LIST TYPE MASTER";
            client_list().kind(ClientKind::Replica) => "CLIENT LIST TYPE REPLICA";
            client_list().kind(ClientKind::PubSub) => "CLIENT LIST TYPE PUBSUB";
            client_list().kind(ClientKind::Normal).id([1u64, 2]) => "CLIENT LIST ID 1 2";
            client_no_evict(true) => "CLIENT NO-EVICT ON";
            client_no_evict(false) => "CLIENT NO-EVICT OFF";
            client_pause(100) => "CLIENT PAUSE 100";
            client_pause(100).all().write() => "CLIENT PAUSE 100 WRITE";
            client_pause(100).all() => "CLIENT PAUSE 100 ALL";
            client_unpause() => "CLIENT UNPAUSE";
            client_tracking(false) => "CLIENT TRACKING OFF";
            client_tracking(true).redirect(9).optin().noloop() =>
                "CLIENT TRACKING ON REDIRECT 9 OPTIN NOLOOP";
            client_tracking(true).optin().optout() => "CLIENT TRACKING ON OPTOUT";
            client_tracking(true).bcast().prefix(k).prefix("node:") =>
                "CLIENT TRACKING ON PREFIX k PREFIX node: BCAST";
            client_trackinginfo() => "CLIENT TRACKINGINFO";
            client_unblock(7) => "CLIENT UNBLOCK 7";
            client_unblock(7).timeout() => "CLIENT UNBLOCK 7 TIMEOUT";
            client_unblock(7).error() => "CLIENT UNBLOCK 7 ERROR";
        }
    }
}
