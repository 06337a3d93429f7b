//! Boots the firmware in QEMU for a person, and prints its log. `embassy-example/run` calls it.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use host_tests::qemu::Qemu;
use host_tests::redis::RedisServer;

/// Boots a firmware in QEMU and prints its log.
#[derive(Parser)]
struct Arguments {
    /// The firmware.
    elf: String,
    /// The server; one is started for the time of the run unless told.
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
    let (redis, _server) = match arguments.redis {
        Some(redis) => (redis, None),
        None => {
            let server = RedisServer::builder().try_start()?;
            println!("redis-server at {} for the time of this run", server.addr());
            (
                SocketAddrV4::new(Ipv4Addr::LOCALHOST, server.port()),
                Some(server),
            )
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
