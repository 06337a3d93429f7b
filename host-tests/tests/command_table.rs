//! Compares respool's table of commands with what redis-server 7.0.15 says of itself.

use std::collections::HashMap;

use host_tests::redis::{self, RedisServer};
use respool::Error;
use respool::command::{Keys, Spec, table};
use respool::resp::{Decoder, FromReply};

/// The version whose columns the table holds.
const VERSION: &str = "7.0.15";

/// The groups that are there as a whole.
const GROUPS: [&str; 5] = ["connection", "generic", "string", "hash", "transactions"];

/// Commands of these groups without a row, and why.
const WITHOUT_ROW: [(&str, &str); 2] = [
    ("CLIENT", "a container, of which each subcommand has a row"),
    ("OBJECT", "a container, of which each subcommand has a row"),
];

/// Commands of these groups that came later: of Redis 8.10 and Valkey 9.1, or of one of them.
const LATER: [(&str, &str); 26] = [
    ("CLIENT CAPA", "Valkey"),
    ("CLIENT IMPORT-SOURCE", "Valkey"),
    ("CLIENT NO-TOUCH", "both"),
    ("DELEX", "Redis"),
    ("DELIFEQ", "Valkey"),
    ("DIGEST", "Redis"),
    ("HEXPIRE", "both"),
    ("HEXPIREAT", "both"),
    ("HEXPIRETIME", "both"),
    ("HGETDEL", "both"),
    ("HGETEX", "both"),
    ("HIMPORT", "Redis"),
    ("HIMPORT DISCARD", "Redis"),
    ("HIMPORT DISCARDALL", "Redis"),
    ("HIMPORT PREPARE", "Redis"),
    ("HIMPORT SET", "Redis"),
    ("HPERSIST", "both"),
    ("HPEXPIRE", "both"),
    ("HPEXPIREAT", "both"),
    ("HPEXPIRETIME", "both"),
    ("HPTTL", "both"),
    ("HSETEX", "both"),
    ("HTTL", "both"),
    ("INCREX", "Redis"),
    ("MSETEX", "both"),
    ("WAITAOF", "both"),
];

/// Rows that this version does not know.
const NEWER: [&str; 1] = ["CLIENT SETINFO"];

#[test]
fn every_row_is_what_the_server_says() {
    let server = Server::start();
    let commands = commands(&server.redis);
    let mut compared = 0;
    for row in table::ALL {
        let name = row.words.join(" ");
        let Some(command) = commands.get(&name) else {
            assert!(
                NEWER.contains(&name.as_str()) || server.is_other,
                "the server has no {name}"
            );
            continue;
        };
        assert_eq!(i64::from(row.arity), command.arity, "the arity of {name}");
        // What a command does stays what it was; its flags are those of the version.
        if !server.is_other {
            assert_eq!(flags(row), command.flags, "the flags of {name}");
        }
        assert_eq!(row.keys, command.keys, "the keys of {name}");
        compared += 1;
    }
    println!("{compared} rows compared");
    if !server.is_other {
        assert_eq!(compared, 117);
        assert_eq!(compared + NEWER.len(), table::ALL.len());
    }
    assert!(compared > 0);
}

#[test]
fn every_command_of_the_groups_has_a_row() {
    let server = Server::start();
    let rows: Vec<_> = table::ALL.iter().map(|row| row.words.join(" ")).collect();
    let mut found = [0; GROUPS.len()];
    let mut later = Vec::new();
    for (name, group) in groups(&server.redis) {
        let Some(group) = GROUPS.iter().position(|known| *known == group) else {
            continue;
        };
        let has_row = rows.contains(&name);
        let excused = WITHOUT_ROW.iter().any(|(excused, _)| *excused == name);
        if server.is_other && !has_row && !excused {
            later.push(name);
            continue;
        }
        assert!(has_row != excused, "{name}: a row, or a reason, not both");
        found[group] += 1;
    }
    println!("{GROUPS:?}: {found:?} commands");
    if !server.is_other {
        assert_eq!(found, [24, 33, 22, 16, 5]);
    }
    later.sort_unstable();
    assert_eq!(later, server.later());
}

#[test]
fn no_name_has_two_rows() {
    let mut names: Vec<_> = table::ALL.iter().map(|row| row.words).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), table::ALL.len());
}

/// The server that the table is compared with.
struct Server {
    redis: RedisServer,
    /// Of another version, which somebody asked for by name: only what is common is compared.
    is_other: bool,
}

impl Server {
    /// Starts it.
    ///
    /// # Panics
    /// Where it is of another version than the table, unless [`redis::SERVER_VARIABLE`] names it.
    fn start() -> Self {
        let version = redis::version();
        let is_other = version != VERSION;
        if is_other {
            assert!(
                std::env::var_os(redis::SERVER_VARIABLE).is_some(),
                "the table is that of redis-server {VERSION}, the one here is {version}: install \
                 that version, or name a server in {} to compare what both know",
                redis::SERVER_VARIABLE
            );
            eprintln!("NOT {VERSION}: compared is only what redis-server {version} knows too");
        }
        Self {
            redis: RedisServer::start(),
            is_other,
        }
    }
}

impl Server {
    /// The names of its commands that have no row since they came later.
    fn later(&self) -> Vec<&'static str> {
        let product = match redis::product().as_str() {
            _ if !self.is_other => return Vec::new(),
            "Valkey" => "Valkey",
            _ => "Redis",
        };
        let of_product = LATER
            .iter()
            .filter(|(_, of)| [product, "both"].contains(of));
        of_product.map(|(name, _)| *name).collect()
    }
}

/// What `COMMAND` says, by name, subcommands included.
fn commands(server: &RedisServer) -> HashMap<String, Command> {
    let mut all = HashMap::new();
    let bytes = server.record(b"*1\r\n$7\r\nCOMMAND\r\n");
    for mut command in decoded::<Vec<Command>>(&bytes) {
        for subcommand in command.subcommands.drain(..) {
            all.insert(subcommand.name.clone(), subcommand);
        }
        all.insert(command.name.clone(), command);
    }
    all
}

/// The group of each command, subcommands included.
fn groups(server: &RedisServer) -> Vec<(String, String)> {
    let bytes = server.record(b"*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n");
    let mut all = Vec::new();
    for (name, docs) in decoded::<Vec<(Name, Docs)>>(&bytes) {
        let subcommands = docs.subcommands.into_iter();
        all.extend(subcommands.map(|(name, docs)| (name.0, docs.group)));
        all.push((name.0, docs.group));
    }
    all
}

fn decoded<T: FromReply>(bytes: &[u8]) -> T {
    let mut decoder = Decoder::new(bytes);
    let value = T::from_reply(&mut decoder).unwrap();
    assert!(decoder.is_empty());
    value
}

fn flags(row: &Spec) -> Vec<String> {
    let mut names: Vec<_> = row.flags.names().map(String::from).collect();
    names.sort();
    names
}

/// An element of the reply of `COMMAND`.
struct Command {
    name: String,
    arity: i64,
    flags: Vec<String>,
    keys: Keys,
    subcommands: Vec<Command>,
}

impl FromReply for Command {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        assert_eq!(decoder.elements()?.left(), Some(10));
        let Name(name) = Name::from_reply(decoder)?;
        let arity = i64::from_reply(decoder)?;
        let mut flags = Vec::<String>::from_reply(decoder)?;
        flags.sort();
        let mut position = || i64::from_reply(decoder).map(|n| i8::try_from(n).unwrap());
        let keys = Keys::range(position()?, position()?, position()?);
        // Categories, tips and key specifications.
        for _ in 0..3 {
            decoder.value()?;
        }
        let subcommands = Vec::from_reply(decoder)?;
        Ok(Self {
            name,
            arity,
            flags,
            keys,
            subcommands,
        })
    }
}

/// What `COMMAND DOCS` says of one command.
struct Docs {
    group: String,
    subcommands: Vec<(Name, Docs)>,
}

impl FromReply for Docs {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let mut elements = decoder.elements()?;
        let mut docs = Self {
            group: String::new(),
            subcommands: Vec::new(),
        };
        while elements.next(decoder) {
            let field = String::from_reply(decoder)?;
            assert!(elements.next(decoder), "{field} has a value");
            match field.as_str() {
                "group" => docs.group = String::from_reply(decoder)?,
                "subcommands" => docs.subcommands = Vec::from_reply(decoder)?,
                _ => {
                    decoder.value()?;
                }
            }
        }
        Ok(docs)
    }
}

/// `client|setname` as the table has it: `CLIENT SETNAME`.
struct Name(String);

impl FromReply for Name {
    fn from_reply(decoder: &mut Decoder<'_>) -> Result<Self, Error> {
        let name = String::from_reply(decoder)?;
        Ok(Self(name.to_uppercase().replace('|', " ")))
    }
}
