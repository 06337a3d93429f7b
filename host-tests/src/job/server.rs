//! Who answers.

use std::fmt;

use respool::command::{Plain, Spec};
use respool::config::{Address, Config};
use respool::{Command, Error, ErrorKind};

use super::Pool;

/// A server, as it speaks of itself.
pub struct Server {
    name: String,
    instance: Option<String>,
}

static INFO: Spec = Spec::read(&["INFO"], -1).keys(respool::command::Keys::NONE);

impl Server {
    /// Asks for the server's name.
    ///
    /// # Errors
    /// Where it cannot be asked. A server that answers, but does not tell, is one all the same.
    pub fn ask(pool: &Pool) -> Result<Self, Error> {
        let info: Plain<_, respool::resp::Bytes> = Plain::new(&INFO, ("server",));
        match pool.call(info.reply::<String>()) {
            Ok(info) => Ok(Self::from_info(&info)),
            Err(error) => match error.kind() {
                ErrorKind::Server(_)
                | ErrorKind::ReplyTooLarge { .. }
                | ErrorKind::WrongType { .. }
                | ErrorKind::WrongValue(_) => Ok(Self::from_info("")),
                _ => Err(error),
            },
        }
    }

    fn from_info(info: &str) -> Self {
        let field = |name: &str| {
            info.lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(found, _)| *found == name)
                .map(|(_, value)| value.trim())
        };
        // Valkey gives the version of Redis that it stands for, too.
        let name = match (
            field("respool_version"),
            field("valkey_version"),
            field("redis_version"),
        ) {
            (Some(_), ..) => "built-in demo server, in memory, not Redis".into(),
            (_, Some(version), _) => format!("Valkey {version}"),
            (.., Some(version)) => format!("Redis {version}"),
            _ => "a server that does not tell its version".into(),
        };
        Self {
            name,
            instance: field("run_id").map(Into::into),
        }
    }

    /// Names this start of the server: another one has, perhaps, forgotten what it was told.
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A server's text stays on its line.
        for char in self.name.chars() {
            write!(f, "{}", if char.is_control() { '?' } else { char })?;
        }
        Ok(())
    }
}

/// Where the server is: never with a password.
pub fn address(config: &Config<'_>) -> String {
    match config.address {
        Address::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
        Address::Tcp { host, port } => format!("{host}:{port}"),
        Address::Unix(path) => path.to_string(),
        _ => "another address".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_called_by_their_names() {
        let valkey = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\nrun_id:ab\r\n";
        for (info, name) in [
            ("# Server\r\nredis_version:7.0.15\r\n", "Redis 7.0.15"),
            (valkey, "Valkey 8.1.1"),
            ("", "a server that does not tell its version"),
            ("redis_version:\u{1b}[2J", "Redis ?[2J"),
        ] {
            assert_eq!(Server::from_info(info).to_string(), name);
        }
        assert_eq!(Server::from_info(valkey).instance(), Some("ab"));
    }

    #[test]
    fn an_address_has_no_password() {
        let config = Config::new()
            .host("::1")
            .port(7)
            .username("u")
            .password("hunter2");
        assert_eq!(address(&config), "[::1]:7");
        assert_eq!(address(&config.unix("/tmp/r.sock")), "/tmp/r.sock");
    }
}
