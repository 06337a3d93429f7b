//! Boots the firmware in QEMU for a person, and prints its log. `embassy-example/run` calls it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use host_tests::qemu::Qemu;
use host_tests::redis::RedisServer;
use respool::config::DEFAULT_PORT;

/// Boots a firmware in QEMU and prints its log.
#[derive(Parser)]
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
    #[arg(value_name = "KEY=VALUE")]
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
    let (redis, _server) = match arguments.redis.or_else(present) {
        Some(redis) => {
            println!("redis-server at {redis}, which was there");
            (redis, None)
        }
        None => {
            let server = RedisServer::builder().try_start()?;
            println!("redis-server at {} for the time of this run", server.addr());
            let redis = SocketAddrV4::new(Ipv4Addr::LOCALHOST, server.port());
            (redis, Some(server))
        }
    };
    // What is this machine for us is the machine outside for the firmware.
    let host = match redis.ip().is_loopback() {
        true => Ipv4Addr::new(10, 0, 2, 2),
        false => *redis.ip(),
    };
    let mut qemu = Qemu::new(&arguments.elf)
        .limit(Duration::from_secs(arguments.limit))
        .shown();
    for word in &arguments.words {
        qemu = qemu.word(word);
    }
    let ended = qemu
        .set("redis", SocketAddrV4::new(host, redis.port()))
        .start()?
        .wait();
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
