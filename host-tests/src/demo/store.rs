//! The data: sixteen databases of keys with values, expiry, and versions of what is watched.

use std::collections::{BTreeMap, HashMap};

use super::commands::Failure;

pub(super) const DATABASES: usize = 16;

#[derive(Default)]
pub(super) struct Store {
    databases: [Database; DATABASES],
}

#[derive(Default)]
pub(super) struct Database {
    entries: HashMap<Vec<u8>, Entry>,
    watched: HashMap<Vec<u8>, Watched>,
}

pub(super) struct Entry {
    pub(super) value: Value,
    /// When it is gone, in milliseconds of the unix clock.
    pub(super) expires: Option<i64>,
}

/// Fields and values.
pub(super) type Hash = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) enum Value {
    String(Vec<u8>),
    Hash(Hash),
}

/// A key that somebody watches.
#[derive(Default)]
struct Watched {
    version: u64,
    watchers: usize,
}

impl Store {
    /// # Panics
    /// Where there is no such database: `SELECT` checks.
    pub(super) fn db(&mut self, index: usize) -> &mut Database {
        &mut self.databases[index]
    }

    pub(super) fn flush(&mut self) {
        self.databases.iter_mut().for_each(Database::flush);
    }
}

impl Database {
    /// The value of `key`, unless it has expired.
    pub(super) fn get(&mut self, key: &[u8], now: i64) -> Option<&mut Entry> {
        if self.entries.get(key)?.is_expired(now) {
            self.remove(key);
        }
        self.entries.get_mut(key)
    }

    /// The string of `key`.
    pub(super) fn string(&mut self, key: &[u8], now: i64) -> Result<Option<&mut Vec<u8>>, Failure> {
        match self.get(key, now).map(|entry| &mut entry.value) {
            None => Ok(None),
            Some(Value::String(string)) => Ok(Some(string)),
            Some(Value::Hash(_)) => Err(Failure::WRONG_TYPE),
        }
    }

    /// The hash of `key`.
    pub(super) fn hash(&mut self, key: &[u8], now: i64) -> Result<Option<&mut Hash>, Failure> {
        match self.get(key, now).map(|entry| &mut entry.value) {
            None => Ok(None),
            Some(Value::Hash(hash)) => Ok(Some(hash)),
            Some(Value::String(_)) => Err(Failure::WRONG_TYPE),
        }
    }

    /// Sets `key`, whatever it was.
    pub(super) fn insert(&mut self, key: &[u8], value: Value, expires: Option<i64>) {
        self.entries.insert(key.to_vec(), Entry { value, expires });
        self.touch(key);
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let removed = self.entries.remove(key)?;
        self.touch(key);
        Some(removed)
    }

    /// `key` was changed: who watches it will see.
    pub(super) fn touch(&mut self, key: &[u8]) {
        if self.watched.is_empty() {
            return;
        }
        if let Some(watched) = self.watched.get_mut(key) {
            watched.version += 1;
        }
    }

    pub(super) fn flush(&mut self) {
        for (key, watched) in &mut self.watched {
            if self.entries.contains_key(key) {
                watched.version += 1;
            }
        }
        self.entries.clear();
    }

    /// All keys that have not expired.
    pub(super) fn keys(&mut self, now: i64) -> impl ExactSizeIterator<Item = &Vec<u8>> {
        let expired = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.is_expired(now));
        let expired: Vec<_> = expired.map(|(key, _)| key.clone()).collect();
        for key in expired {
            self.remove(&key);
        }
        self.entries.keys()
    }

    /// Begins to count the changes of `key`; says how many there were.
    pub(super) fn watch(&mut self, key: &[u8], now: i64) -> u64 {
        self.get(key, now);
        let watched = self.watched.entry(key.to_vec()).or_default();
        watched.watchers += 1;
        watched.version
    }

    /// How many changes of `key` there were, its expiry counted.
    pub(super) fn version(&mut self, key: &[u8], now: i64) -> u64 {
        self.get(key, now);
        self.watched.get(key).map_or(0, |watched| watched.version)
    }

    pub(super) fn unwatch(&mut self, key: &[u8]) {
        if let Some(watched) = self.watched.get_mut(key) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                self.watched.remove(key);
            }
        }
    }
}

impl Entry {
    fn is_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}
