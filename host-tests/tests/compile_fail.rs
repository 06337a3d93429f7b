//! What the compiler says where the types forbid something: each snippet is checked as a program of
//! its own, and one shows that what is allowed compiles.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

const BEGIN: &str = "
    #![allow(unused)]
    use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};
    use respool::command::*;
    use respool::host::Socket;
    use respool::io::Blocking;
    use respool::{Command, Config, Error, Lease, Pool, PoolResources};
    fn scope(pool: &'static respool::host::Pool<2>) -> Result<(), Error> {
";

const END: &str = "
        Ok(())
    }
    fn main() {}
";

/// Programs by their names, and what stands between [`BEGIN`] and [`END`].
const SNIPPETS: [(&str, &str); 6] = [
    (
        "allowed",
        "
        let owned: Option<String> = pool.call(get(\"k\").reply())?;
        let (n, owned) = pool.call((incr(\"n\"), get(\"k\").reply::<Option<i64>>()))?;
        let mut lease = pool.get()?;
        let borrowed = lease.call(get(\"k\").text())?;
        println!(\"{borrowed:?}\");
        let next = lease.call(get(\"k\"))?;
        println!(\"{next:?}\");
        drop(lease);
        std::thread::scope(|scope| {
            scope.spawn(|| pool.call(ping()));
        });
        ",
    ),
    (
        "borrowed_from_the_pool",
        "let reply = pool.call(get(\"k\"));",
    ),
    (
        "one_of_a_tuple_borrowed_from_the_pool",
        "let reply = pool.call((incr(\"n\"), get(\"k\")));",
    ),
    (
        "one_executor_on_two_threads",
        "
        let mut resources = PoolResources::<1, 256, 256>::new();
        let config = Config::new();
        let links = [Blocking(Socket::new(&config))];
        let pool = Pool::<NoopRawMutex, _, 1>::new(&mut resources, links, config);
        std::thread::scope(|scope| {
            scope.spawn(|| pool.call(ping()));
        });
        ",
    ),
    (
        "a_reply_kept_across_the_next_call",
        "
        let mut lease = pool.get()?;
        let first = lease.call(get(\"a\"))?;
        let second = lease.call(get(\"b\"))?;
        println!(\"{first:?}\");
        ",
    ),
    (
        "a_reply_kept_after_its_lease",
        "
        let mut lease = pool.get()?;
        let reply = lease.call(get(\"a\"))?;
        drop(lease);
        println!(\"{reply:?}\");
        ",
    ),
];

/// What the compiler says of a snippet; nothing where it compiles.
fn check(name: &str) -> Result<(), String> {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(package);
    let output = Command::new(env!("CARGO"))
        .args([
            "check",
            "--offline",
            "--quiet",
            "--color",
            "never",
            "--bin",
            name,
        ])
        .arg("--target-dir")
        .arg(folder.join("target"))
        .current_dir(folder)
        .output()
        .expect("cargo can be run");
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// A package with all snippets, on the respool of this repository and with its versions of all
/// else.
fn package() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile_fail");
    let programs = folder.join("src/bin");
    fs::create_dir_all(&programs).expect("a folder under target");
    let core = root
        .join("core")
        .canonicalize()
        .expect("the folder of core");
    let manifest = format!(
        "[package]\nname = \"snippets\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         embassy-sync = \"0.8\"\nrespool = {{ path = {core:?}, features = [\"std\"] }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file");
    for (name, body) in SNIPPETS {
        let program = [BEGIN, body, END].concat();
        fs::write(programs.join(name).with_extension("rs"), program).expect("a program");
    }
    folder
}

/// Asserts that a snippet does not compile, and that the compiler says all of these.
fn refused(name: &str, words: &[&str]) {
    let said = check(name).expect_err("this must not compile");
    for words in words {
        assert!(
            said.contains(words),
            "{words:?} is not in what the compiler said:\n{said}"
        );
    }
    let errors = said
        .lines()
        .filter(|line| line.starts_with("error["))
        .count();
    assert_eq!(errors, 1, "nothing else is wrong with it:\n{said}");
}

#[test]
fn what_is_allowed_compiles() {
    if let Err(said) = check("allowed") {
        panic!("{said}");
    }
}

#[test]
fn a_borrowed_reply_cannot_leave_the_pool() {
    let words = [
        "error[E0277]: this reply borrows from the connection, which `pool.call` gives back",
        "a borrowed reply",
        "own it: `.reply::<heapless::String<32>>()`, or take a lease with `pool.get()`",
    ];
    refused("borrowed_from_the_pool", &words);
    refused("one_of_a_tuple_borrowed_from_the_pool", &words);
}

#[test]
fn a_pool_of_one_executor_cannot_be_shared_by_threads() {
    refused(
        "one_executor_on_two_threads",
        &["error[E0277]", "cannot be shared between threads safely"],
    );
}

#[test]
fn a_reply_ends_with_the_next_call() {
    refused(
        "a_reply_kept_across_the_next_call",
        &["error[E0499]: cannot borrow `lease` as mutable more than once at a time"],
    );
}

#[test]
fn a_reply_ends_with_its_lease() {
    refused(
        "a_reply_kept_after_its_lease",
        &["error[E0505]: cannot move out of `lease` because it is borrowed"],
    );
}
