//! The command line. A mistake in it ends the program with exit status 2 and a sentence.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use respool::config::{Config, UrlError};

use super::{PATIENCE, SEATS, WORKERS};

/// Workers share a fixed pool of connections to a Redis or Valkey server, and check every reply.
#[derive(Debug, Parser)]
#[command(
    name = "respool-job",
    bin_name = "cargo run --release --",
    version,
    after_help = "Exit status: 0 all right, 1 a wrong reply or no success at all, 2 usage.\n\
                  Ctrl-C ends the job early, with its table; a second one at once.",
    after_long_help = AFTER
)]
pub struct Arguments {
    /// The server, such as redis://user:password@host:port/db or unix:///path/to.sock. Without
    /// it the built-in demo server is used, which is in memory and is not Redis
    ///
    /// Timeouts and more are parameters, as in redis://host?call_timeout=500ms&pool_timeout=1s: also
    /// connect_timeout, call_timeout (each 5 s unless told), protocol (2 or 3),
    /// client_name, keepalive. A password in the environment is not seen by other users, as one
    /// on the command line is.
    #[arg(long, env = "RESPOOL_URL", hide_env_values = true)]
    url: Option<String>,

    /// Threads that use the pool, 1 to 1024
    #[arg(long, default_value_t = 8, value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=WORKERS as i64))]
    workers: u32,

    /// Connections of the pool, 1 to 64
    #[arg(long, default_value_t = 4, value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=SEATS as i64))]
    connections: u32,

    /// How long to work. The program ends at most 6 s later, whatever the server does
    #[arg(long, default_value_t = 5, value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=366 * 24 * 3600))]
    seconds: u64,

    /// Commands that a worker sends at once, 1 to 10000. From 2 on it leases a connection for them
    #[arg(long, default_value_t = 1, value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pipeline: u32,
}

const AFTER: &str = "\
Each worker writes, reads and counts in keys of its own (respool:<run>:<worker>:<number>), which \
expire, and are deleted at the end where the server can still be reached. A value names its run, \
worker and number, so that a reply that was another's is seen. A write that may or may not have \
been applied is an error, not a wrong reply: its key is not looked at again.

Exit status: 0 all right, 1 a wrong reply or no success at all, 2 usage.
Ctrl-C ends the job early, with its table; a second one at once.";

/// What to do, checked.
pub struct Plan {
    /// `None` for the demo server.
    pub config: Option<Config<'static>>,
    pub workers: usize,
    pub connections: usize,
    pub seconds: u64,
    pub pipeline: usize,
}

impl Arguments {
    /// What the command line asks for. Ends the program where that is help, or a mistake.
    pub fn parse_or_exit() -> Plan {
        let arguments = Self::try_parse().unwrap_or_else(|error| match names_a_url(&error) {
            // Clap quotes what it does not know, and this may hold a password.
            true => mistake("a URL needs --url before it"),
            false => error.exit(),
        });
        arguments.checked().unwrap_or_else(|why| mistake(&why))
    }

    fn checked(self) -> Result<Plan, String> {
        let config = self
            .url
            .map(|url| config(url).map_err(|why| why.to_string()));
        let config = config.transpose()?;
        if config.is_some_and(|config| config.retry_on_timeout) {
            return Err("retry_on_timeout may apply a write twice, \
                        which this job would take for a wrong reply"
                .into());
        }
        Ok(Plan {
            config,
            workers: self.workers as usize,
            connections: self.connections as usize,
            seconds: self.seconds,
            pipeline: self.pipeline as usize,
        })
    }
}

/// Settings that live as long as the program, as those of a pool in a `static` do.
fn config(url: String) -> Result<Config<'static>, UrlError> {
    let scratch = vec![0; url.len()].leak();
    let config = Config::from_url(url.leak(), scratch)?;
    Ok(match config.client_name {
        Some(_) => config,
        None => config.client_name("respool-job"),
    })
}

fn names_a_url(error: &clap::Error) -> bool {
    error.context().any(|(kind, value)| match (kind, value) {
        (ContextKind::InvalidArg | ContextKind::InvalidValue, ContextValue::String(text)) => {
            text.contains("://")
        }
        _ => false,
    })
}

fn mistake(why: &str) -> ! {
    Arguments::command()
        .error(ErrorKind::ValueValidation, why)
        .exit()
}

/// The help says it in words.
const _: () = assert!(PATIENCE.as_secs() == 6 && SEATS == 64 && WORKERS == 1024);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_not_told_is_as_the_help_says() {
        let plan = Arguments::try_parse_from(["job"])
            .unwrap()
            .checked()
            .unwrap();
        assert_eq!((plan.workers, plan.connections), (8, 4));
        assert_eq!((plan.seconds, plan.pipeline), (5, 1));
    }

    #[test]
    fn a_url_in_the_wrong_place_is_not_quoted() {
        let url = "redis://:hunter2@localhost";
        let flag = format!("--link={url}");
        for words in [
            ["job", url, "1"],
            ["job", "--workers", url],
            ["job", &flag, "1"],
        ] {
            let error = Arguments::try_parse_from(words).unwrap_err();
            let quotes = error.to_string().contains("hunter2");
            assert!(names_a_url(&error) || !quotes, "{words:?}");
        }
        let error = Arguments::try_parse_from(["job", "nonsense"]).unwrap_err();
        assert!(!names_a_url(&error));
    }
}
