//! What the server says, asked through `redis-cli` and so not by the client that is tested.

use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::redis::RedisServer;

/// The clients that the server sees, those of `redis-cli` left out.
#[derive(Debug)]
pub struct Clients(Vec<HashMap<String, String>>);

impl Clients {
    /// The clients of now.
    pub fn of(server: &RedisServer) -> Self {
        let list = server.cli(&["CLIENT", "LIST"]);
        let clients = list.lines().map(|line| {
            let fields = line.split(' ').filter_map(|field| field.split_once('='));
            fields.map(|(name, value)| (name.into(), value.into()))
        });
        let clients: Vec<HashMap<String, String>> = clients.map(Iterator::collect).collect();
        // The one who asks runs this very command.
        let others = clients.into_iter();
        Self(
            others
                .filter(|client| client["cmd"] != "client|list")
                .collect(),
        )
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// One column of all of them, sorted.
    pub fn column(&self, name: &str) -> Vec<&str> {
        let mut column: Vec<_> = self.0.iter().map(|client| client[name].as_str()).collect();
        column.sort_unstable();
        column
    }

    /// Waits until the server sees so many: it learns of a closed connection a little later.
    ///
    /// # Panics
    /// Where that takes 10 s.
    pub fn wait_for(server: &RedisServer, count: usize) -> Self {
        let latest = Instant::now() + Duration::from_secs(10);
        loop {
            let clients = Self::of(server);
            if clients.count() == count {
                return clients;
            }
            assert!(Instant::now() < latest, "{count} clients, not {clients:?}");
            sleep(Duration::from_millis(5));
        }
    }
}

/// The sections of `INFO` as names and values.
pub fn info(server: &RedisServer, section: &str) -> HashMap<String, String> {
    let text = server.cli(&["INFO", section]);
    let rows = text
        .lines()
        .filter_map(|row| row.trim_end().split_once(':'));
    rows.map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// How often the server ran each command since its counts were reset, by name.
pub fn commands_processed(server: &RedisServer) -> HashMap<String, u64> {
    let calls = |row: &str| {
        // `calls=3,usec=8,usec_per_call=2.67,rejected_calls=0,failed_calls=0`
        let mut fields = row.split(',').filter_map(|field| field.split_once('='));
        let calls = fields.find(|(name, _)| *name == "calls")?.1;
        calls.parse().ok()
    };
    let rows = info(server, "commandstats").into_iter();
    rows.filter_map(|(name, row)| Some((name.strip_prefix("cmdstat_")?.into(), calls(&row)?)))
        .collect()
}
