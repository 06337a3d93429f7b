//! What is said before a borrower's first command: the handshake of a fresh connection, and the
//! clean-up after another borrower. Both take one round trip.

use core::fmt;

use crate::command::{Encode, Parts, Spec};
use crate::config::{Config, Password, Protocol};
use crate::connection::{Connection, Marks, Next, Until};
use crate::error::{Code, CommandFault, Error, ErrorKind, Fault, Refusal};
use crate::resp::{Arg, Args, Decoder, Item, Pieces};

/// The commands of one round trip before the borrower's own, and what becomes of their replies.
pub(crate) struct Setup<'c> {
    /// What is said: a bit for each, in the order in which they stand in [`What::ALL`].
    says: u16,
    /// Replies that were taken.
    answered: u16,
    /// The server knows no RESP3: once more, in RESP2.
    again: bool,
    /// What is said with words from the settings.
    login: Say<'c>,
    name: Say<'c>,
    select: Say<'c>,
}

/// A command of a setup with words from the settings.
struct Say<'c> {
    what: What,
    config: &'c Config<'c>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Nothing.
    Listen,
    Reset,
    Discard,
    Unwatch,
    /// `HELLO 3`, with the login where there is one.
    Hello,
    /// The login of RESP2.
    Auth,
    /// No login of RESP2.
    Ping,
    Name,
    LibraryName,
    LibraryVersion,
    Select,
}

impl<'c> Setup<'c> {
    /// The handshake of a connection that was just opened: `HELLO 3` with the login, the client's
    /// and the library's names, and the database, in the order of redis-py.
    pub(crate) fn handshake(config: &'c Config<'c>) -> Self {
        let mut setup = Self::empty(config);
        setup.log_in(config.protocol);
        setup
    }

    /// Undoes what `held` names with the least that does it.
    pub(crate) fn restore(config: &'c Config<'c>, held: Marks) -> Self {
        let mut setup = Self::empty(config);
        if held.any(Marks::OTHER.and(Marks::SUBSCRIBE)) {
            setup.say(What::Reset);
            setup.log_in(config.protocol);
            return setup;
        }
        if held.any(Marks::MULTI) {
            setup.say(What::Discard);
        } else if held.any(Marks::WATCH) {
            setup.say(What::Unwatch);
        }
        if held.any(Marks::SELECT) {
            setup.say(What::Select);
        }
        setup
    }

    /// Nothing is said: the server may have said something by itself.
    pub(crate) fn greeting(config: &'c Config<'c>) -> Self {
        let mut setup = Self::empty(config);
        setup.say(What::Listen);
        setup
    }

    /// Nothing is said: what is owed to dropped calls comes in and is skipped.
    pub(crate) fn drain(config: &'c Config<'c>) -> Self {
        Self::empty(config)
    }

    /// The server is asked whether it is there.
    pub(crate) fn check(config: &'c Config<'c>) -> Self {
        let mut setup = Self::empty(config);
        setup.say(What::Ping);
        setup
    }

    /// What comes next on `connection`.
    ///
    /// # Errors
    /// The server refused something that the borrower's commands depend on, or the transport
    /// failed. The connection is of no use then.
    // Apart, since most exchanges have none.
    #[inline(never)]
    pub(crate) fn advance(&mut self, connection: &mut Connection<'_>) -> Result<Next, Error> {
        loop {
            match connection.advance(&*self, Until::Next)? {
                Next::Done => {}
                next => return Ok(next),
            }
            if let Some(what) = self.what(self.answered) {
                self.again |= match connection.replies() {
                    // What came after the login that failed was refused for that.
                    _ if self.again => true,
                    Ok(mut reply) => what.answer(&mut reply, self.login.what)?,
                    // A greeting may be larger than the window.
                    Err(_) if *what == What::Hello && connection.discards_aggregate() => false,
                    Err(_) => return Err(SURPLUS),
                };
                self.answered = self.answered.saturating_add(1);
            }
            if self.answered >= self.count() {
                if !core::mem::take(&mut self.again) {
                    return Ok(Next::Done);
                }
                self.says = 0;
                self.answered = 0;
                self.log_in(Protocol::Resp2);
            }
        }
    }

    fn empty(config: &'c Config<'c>) -> Self {
        let say = |what| Say { what, config };
        Self {
            says: 0,
            answered: 0,
            again: false,
            login: say(What::Hello),
            name: say(What::Name),
            select: say(What::Select),
        }
    }

    fn log_in(&mut self, protocol: Protocol) {
        let config = self.login.config;
        self.login.what = match protocol {
            Protocol::Resp3 => What::Hello,
            Protocol::Resp2 if config.password.is_some() => What::Auth,
            // Without a login, something has to find out whether the server wants one.
            Protocol::Resp2 => What::Ping,
        };
        self.say(self.login.what);
        if config.client_name.is_some() {
            self.say(What::Name);
        }
        self.say(What::LibraryName);
        self.say(What::LibraryVersion);
        if config.db != 0 {
            self.say(What::Select);
        }
    }

    fn say(&mut self, what: What) {
        self.says |= what.bit();
    }

    /// What is said, in order.
    fn whats(&self) -> impl Iterator<Item = &'static What> {
        let says = self.says;
        What::ALL.iter().filter(move |what| says & what.bit() != 0)
    }

    #[inline(never)]
    fn what(&self, index: u16) -> Option<&'static What> {
        self.whats().nth(usize::from(index))
    }
}

impl Parts for Setup<'_> {
    fn count(&self) -> u16 {
        self.whats().count() as u16
    }

    fn part(&self, index: u16) -> Option<&dyn Encode> {
        let what = self.what(index)?;
        Some(match what {
            What::Hello | What::Auth => &self.login,
            What::Name => &self.name,
            What::Select => &self.select,
            fixed => fixed,
        })
    }
}

impl What {
    /// In the order in which they are said.
    const ALL: [Self; 11] = [
        Self::Listen,
        Self::Reset,
        Self::Discard,
        Self::Unwatch,
        Self::Hello,
        Self::Auth,
        Self::Ping,
        Self::Name,
        Self::LibraryName,
        Self::LibraryVersion,
        Self::Select,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// Takes the reply; true where all has to be said again in RESP2. `login` is what logs in here.
    fn answer(self, reply: &mut Decoder<'_>, login: Self) -> Result<bool, Error> {
        let word: &[u8] = match self {
            What::Ping => b"PONG",
            What::Reset => b"RESET",
            _ => b"OK",
        };
        let text = match (self, reply.item()?) {
            (_, Item::Error(text)) => text,
            (What::Listen, _) | (What::Hello, Item::Map(_) | Item::Array(_)) => return Ok(false),
            (What::Hello, _) => {
                return Err(Error::not_sent(ErrorKind::Handshake(Refusal::NoProtocol)));
            }
            (_, Item::String(said)) if said == word => return Ok(false),
            // It answers something else, and the answer to this would be the borrower's.
            _ => return Err(SURPLUS),
        };
        let code = Code::of(text);
        if self == What::Listen && knows_no_hello(code, text) {
            // That is the answer to our own greeting, which came before the server went.
            return Ok(false);
        }
        let refusal = match (self, code) {
            _ if contains(text, b"max number of clients") => Refusal::TooManyClients,
            (What::Hello, code) if knows_no_hello(code, text) => return Ok(true),
            (_, Code::NoAuth) => Refusal::PasswordNeeded,
            // Names are a courtesy: servers differ in what they know and allow.
            (What::Name | What::LibraryName | What::LibraryVersion, _) => return Ok(false),
            // It was answered: no password is needed. Where nobody logs in, it may be another's.
            (What::Ping, Code::NoPerm | Code::Loading) if login == What::Ping => return Ok(false),
            (_, Code::WrongPass) => Refusal::WrongPassword,
            (_, Code::NoPerm) => Refusal::NoPermission,
            (What::Select, Code::Err) => Refusal::BadDatabase,
            // "AUTH <password> called without any password configured for the default user".
            (What::Hello | What::Auth, Code::Err) if contains(text, b"without any password") => {
                Refusal::WrongPassword
            }
            (_, code) => Refusal::Other(code),
        };
        Err(Error::not_sent(ErrorKind::Handshake(refusal)))
    }
}

/// What came answers nothing that was said here.
const SURPLUS: Error = Error::not_sent(ErrorKind::Protocol(Fault::Surplus));

/// Those that say the same for all settings.
impl Encode for What {
    fn spec(&self) -> &'static Spec {
        // There is one for each.
        SPECS.get(*self as usize).unwrap_or(&const { RESET })
    }

    fn args<'a>(&'a self, _args: &mut Args<'_, 'a>) {}
}

impl Encode for Say<'_> {
    fn spec(&self) -> &'static Spec {
        self.what.spec()
    }

    fn args<'a>(&'a self, args: &mut Args<'_, 'a>) {
        let Config {
            username, password, ..
        } = self.config;
        match self.what {
            What::Name => args.push(text(self.config.client_name.unwrap_or_default())),
            What::Select => args.push(Arg::Int(i64::from(self.config.db))),
            _ => {
                let Some(password) = password else { return };
                if self.what == What::Hello {
                    args.word("AUTH");
                }
                match username {
                    Some(username) => args.push(text(username)),
                    None if self.what == What::Hello => args.push(text("default")),
                    None => {}
                }
                args.push(secret(password));
            }
        }
    }
}

impl Pieces for Password<'_> {
    fn pieces(&self, give: &mut dyn FnMut(&[u8])) {
        self.reveal(give);
    }
}

impl fmt::Debug for Setup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}

fn text(text: &str) -> Arg<'_> {
    Arg::Bytes(text.as_bytes())
}

fn secret<'a>(password: &'a Password<'_>) -> Arg<'a> {
    let mut given = false;
    password.reveal(&mut |_| given = true);
    match given {
        true => Arg::Pieces(password),
        false => Arg::Invalid(CommandFault::NoPassword),
    }
}

/// The server does not speak RESP3.
fn knows_no_hello(code: Code, text: &[u8]) -> bool {
    code == Code::NoProto || (code == Code::Err && contains(text, b"unknown command"))
}

#[inline(never)]
fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

// The commands' own rows mark what a borrower does to the session; here it is the session.
/// In the order of [`What`].
static SPECS: [Spec; 11] = [
    RESET,
    RESET,
    Spec::write(&["DISCARD"], 1),
    Spec::write(&["UNWATCH"], 1),
    Spec::write(&["HELLO", "3"], -2),
    Spec::write(&["AUTH"], -2),
    Spec::write(&["PING"], 1),
    Spec::write(&["CLIENT", "SETNAME"], 3),
    Spec::write(&["CLIENT", "SETINFO", "LIB-NAME", "respool"], 4),
    Spec::write(&["CLIENT", "SETINFO", "LIB-VER", VERSION], 4),
    Spec::write(&["SELECT"], 2),
];

const RESET: Spec = Spec::write(&["RESET"], 1);
const VERSION: &str = env!("CARGO_PKG_VERSION");
