//! Boots the firmware in QEMU for a person, and prints its log. `embassy-example/run` calls it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use host_tests::qemu::Qemu;
use host_tests::redis::{RedisServer, StartError};
use respool::config::DEFAULT_PORT;

/// Boots a firmware in QEMU and prints its log.
#[derive(Parser)]
#[command(
    override_usage = "embassy-example/run [--redis ADDRESS:PORT] [--limit SECONDS] [KEY=VALUE]..."
)]
struct Arguments {
    /// The firmware.
    elf: String,
    /// The server. Unless told, the one of this machine at port 6379; where there is none, one is
    /// started for the time of the run.
    #[arg(long, value_name = "ADDRESS:PORT")]
    redis: Option<SocketAddrV4>,
    /// Ends the firmware after this time.
    #[arg(long, value_name = "SECONDS", default_value_t = 365 * 24 * 3600)]
    limit: u64,
    /// Settings of the firmware.
    #[arg(value_name = "KEY=VALUE", value_parser = setting)]
    words: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(status) => status,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // Ctrl-C ends QEMU and the server here, so that nothing of them stays behind.
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    ctrlc::set_handler(move || stopped.store(true, Ordering::SeqCst))?;

    let mut qemu = Qemu::new(&arguments.elf)
        .limit(Duration::from_secs(arguments.limit))
        .until(stop.clone())
        .shown();
    for word in &arguments.words {
        qemu = qemu.word(word);
    }
    let (redis, _server) = server(arguments)?;
    if let Some(redis) = redis {
        // What is this machine for us is the machine outside for the firmware.
        let host = match redis.ip().is_loopback() {
            true => Ipv4Addr::new(10, 0, 2, 2),
            false => *redis.ip(),
        };
        qemu = qemu.set("redis", SocketAddrV4::new(host, redis.port()));
    }

    let ended = qemu.start()?.wait();
    if stop.load(Ordering::SeqCst) {
        return Ok(ExitCode::from(130));
    }
    eprint!("{}", ended.stderr);
    Ok(match (ended.hung, ended.status) {
        (true, _) => {
            println!("ended after {} s", arguments.limit);
            ExitCode::from(124)
        }
        (false, Some(status)) => {
            println!("status {status}");
            ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX))
        }
        (false, None) => ExitCode::FAILURE,
    })
}

/// The server, and one that was started for this run. No server where a setting names it: it may be
/// one that only the firmware can look up.
fn server(
    arguments: &Arguments,
) -> Result<(Option<SocketAddrV4>, Option<RedisServer>), StartError> {
    let is_set = |word: &String| word.starts_with("redis=");
    if arguments.redis.is_some() || arguments.words.iter().any(is_set) {
        return Ok((arguments.redis, None));
    }
    if let Some(redis) = present() {
        println!("redis-server at {redis}, which was there");
        return Ok((Some(redis), None));
    }
    let server = RedisServer::builder().try_start()?;
    println!("redis-server at {} for the time of this run", server.addr());
    let redis = SocketAddrV4::new(Ipv4Addr::LOCALHOST, server.port());
    Ok((Some(redis), Some(server)))
}

/// A setting; whether there is one of its name, the firmware says.
fn setting(word: &str) -> Result<String, &'static str> {
    match word.split_once('=') {
        Some((key, _)) if !key.is_empty() && !word.contains(char::is_whitespace) => Ok(word.into()),
        _ => Err("a setting is KEY=VALUE, without blanks"),
    }
}

/// The server of this machine, if one answers where Redis listens.
fn present() -> Option<SocketAddrV4> {
    let usual = SocketAddrV4::new(Ipv4Addr::LOCALHOST, DEFAULT_PORT);
    let patience = Duration::from_secs(1);
    let mut wire = TcpStream::connect_timeout(&usual.into(), patience).ok()?;
    wire.set_read_timeout(Some(patience)).ok()?;
    wire.write_all(b"PING\r\n").ok()?;
    let mut answer = [0; 7];
    wire.read_exact(&mut answer).ok()?;
    (answer == *b"+PONG\r\n").then_some(usual)
}
