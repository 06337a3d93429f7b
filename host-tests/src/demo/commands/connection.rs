//! Who is there, in which protocol, and what this server is.

use respool::config::Protocol;

use super::super::store::DATABASES;
use super::{COMMANDS, Call, Failure, integer, is};

pub(super) fn ping(call: &mut Call<'_>) -> Result<(), Failure> {
    match call.args {
        [_] => call.out.write(|replies| replies.simple(b"PONG")),
        [_, text] => call.out.bulk(text),
        _ => return Err(Failure::wrong_number("ping")),
    }
    Ok(())
}

pub(super) fn echo(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, text] = call.args else {
        return Err(Failure::SYNTAX);
    };
    call.out.bulk(text);
    Ok(())
}

pub(super) fn hello(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut protocol = call.out.protocol;
    let mut name = None;
    if let [_, version, options @ ..] = call.args {
        let not_a_number = Failure::err("Protocol version is not an integer or out of range");
        protocol = match integer(version).map_err(|_| not_a_number)? {
            2 => Protocol::Resp2,
            3 => Protocol::Resp3,
            _ => return Err(Failure::of("NOPROTO", "unsupported protocol version")),
        };
        let mut options = options;
        while let [option, rest @ ..] = options {
            options = match rest {
                [user, _password, rest @ ..] if is(option, "AUTH") => {
                    login(user)?;
                    rest
                }
                [new, rest @ ..] if is(option, "SETNAME") => {
                    check_name(new)?;
                    name = Some(new.to_vec());
                    rest
                }
                _ => {
                    return Err(Failure::with(&[
                        b"Syntax error in HELLO option '",
                        option,
                        b"'",
                    ]));
                }
            };
        }
    }
    if let Some(name) = name {
        set_name(call, name);
    }
    call.out.protocol = protocol;
    let out = &mut *call.out;
    out.map(7);
    out.bulk(b"server");
    out.bulk(b"respool-demo");
    out.bulk(b"version");
    out.bulk(env!("CARGO_PKG_VERSION").as_bytes());
    out.bulk(b"proto");
    out.integer(if protocol == Protocol::Resp3 { 3 } else { 2 });
    out.bulk(b"id");
    out.integer(id(call.session.id));
    out.bulk(b"mode");
    out.bulk(b"standalone");
    out.bulk(b"role");
    out.bulk(b"master");
    out.bulk(b"modules");
    out.array(0);
    Ok(())
}

pub(super) fn auth(call: &mut Call<'_>) -> Result<(), Failure> {
    match call.args {
        [_, _password] => Err(Failure::err(
            "AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        )),
        [_, user, _password] => {
            login(user)?;
            call.out.ok();
            Ok(())
        }
        _ => Err(Failure::SYNTAX),
    }
}

/// There is one user, and it has no password: then Redis takes any.
fn login(user: &[u8]) -> Result<(), Failure> {
    match user {
        b"default" => Ok(()),
        _ => {
            let text = "invalid username-password pair or user is disabled.";
            Err(Failure::of("WRONGPASS", text))
        }
    }
}

pub(super) fn client(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, subcommand, args @ ..] = call.args else {
        return Err(Failure::SYNTAX);
    };
    match (subcommand.to_ascii_uppercase().as_slice(), args) {
        (b"ID", []) => call.out.integer(id(call.session.id)),
        (b"GETNAME", []) => {
            let name = Some(call.session.name.as_slice()).filter(|name| !name.is_empty());
            call.out.value(name);
        }
        (b"SETNAME", [name]) => {
            check_name(name)?;
            set_name(call, name.to_vec());
            call.out.ok();
        }
        (b"SETINFO", [what, value]) => {
            if !is(what, "LIB-NAME") && !is(what, "LIB-VER") {
                return Err(Failure::with(&[b"Unrecognized option '", what, b"'"]));
            }
            if !value.iter().all(u8::is_ascii_graphic) {
                let what = what.to_ascii_lowercase();
                let why = b" cannot contain spaces, newlines or special characters.";
                return Err(Failure::with(&[&what, why]));
            }
            call.out.ok();
        }
        (b"LIST", _) => {
            let list: Vec<u8> = call
                .shared
                .clients()
                .iter()
                .flat_map(|(id, client)| {
                    let name = String::from_utf8_lossy(&client.name);
                    format!(
                        "id={id} addr={} name={name} db={}\n",
                        client.addr, client.db
                    )
                    .into_bytes()
                })
                .collect();
            call.out.write(|replies| replies.verbatim(b"txt", &list));
        }
        (b"ID" | b"GETNAME" | b"SETNAME" | b"SETINFO", _) => {
            let name = String::from_utf8_lossy(subcommand);
            return Err(Failure::wrong_number(&format!("client|{name}")));
        }
        _ => return Err(Failure::unknown_subcommand("CLIENT", subcommand)),
    }
    Ok(())
}

fn check_name(name: &[u8]) -> Result<(), Failure> {
    if name.iter().all(u8::is_ascii_graphic) {
        return Ok(());
    }
    let text = "Client names cannot contain spaces, newlines or special characters.";
    Err(Failure::err(text))
}

fn set_name(call: &mut Call<'_>, name: Vec<u8>) {
    call.session.name = name;
    publish(call);
}

/// What `CLIENT LIST` shows to others is up to date.
fn publish(call: &mut Call<'_>) {
    if let Some(client) = call.shared.clients().get_mut(&call.session.id) {
        client.name.clone_from(&call.session.name);
        client.db = call.session.db;
    }
}

fn id(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

pub(super) fn select(call: &mut Call<'_>) -> Result<(), Failure> {
    let [_, index] = call.args else {
        return Err(Failure::SYNTAX);
    };
    let index = usize::try_from(integer(index)?)
        .ok()
        .filter(|index| *index < DATABASES);
    call.session.db = index.ok_or(Failure::err("DB index is out of range"))?;
    publish(call);
    call.out.ok();
    Ok(())
}

pub(super) fn reset(call: &mut Call<'_>) -> Result<(), Failure> {
    call.session.reset(call.store, call.out);
    publish(call);
    call.out.write(|replies| replies.simple(b"RESET"));
    Ok(())
}

pub(super) fn quit(call: &mut Call<'_>) -> Result<(), Failure> {
    call.session.ended = true;
    call.out.ok();
    Ok(())
}

/// `redis-cli` asks at its start. Refused `DOCS`, it helps with what it knows itself.
pub(super) fn command(call: &mut Call<'_>) -> Result<(), Failure> {
    match call.args {
        [_] => call.out.array(0),
        [_, what] if is(what, "COUNT") => call.out.count(COMMANDS.len()),
        [_, what, ..] => return Err(Failure::unknown_subcommand("COMMAND", what)),
        [] => return Err(Failure::SYNTAX),
    }
    Ok(())
}

/// `redis-benchmark` asks for what would explain its figures.
pub(super) fn config(call: &mut Call<'_>) -> Result<(), Failure> {
    const SETTINGS: [(&[u8], &[u8]); 3] = [
        (b"save", b""),
        (b"appendonly", b"no"),
        (b"databases", b"16"),
    ];
    let [_, subcommand, names @ ..] = call.args else {
        return Err(Failure::SYNTAX);
    };
    if !is(subcommand, "GET") {
        return Err(Failure::unknown_subcommand("CONFIG", subcommand));
    }
    if names.is_empty() {
        return Err(Failure::wrong_number("config|get"));
    }
    let asked = |name: &[u8]| {
        names
            .iter()
            .any(|n| *n == b"*" || n.eq_ignore_ascii_case(name))
    };
    let found: Vec<_> = SETTINGS.iter().filter(|(name, _)| asked(name)).collect();
    call.out.map(found.len());
    for (name, value) in found {
        call.out.bulk(name);
        call.out.bulk(value);
    }
    Ok(())
}

pub(super) fn info(call: &mut Call<'_>) -> Result<(), Failure> {
    let clients = call.shared.clients().len();
    let text = format!(
        "# Server\r\n\
         server:respool built-in demo server, in memory, not Redis\r\n\
         respool_version:{}\r\n\
         \r\n\
         # Clients\r\n\
         connected_clients:{clients}\r\n",
        env!("CARGO_PKG_VERSION"),
    );
    call.out
        .write(|replies| replies.verbatim(b"txt", text.as_bytes()));
    Ok(())
}
