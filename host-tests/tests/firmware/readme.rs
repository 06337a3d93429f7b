//! What the README of the example shows for firmware of one's own, is built and runs.

use host_tests::qemu::{Qemu, elf};
use host_tests::redis::{RedisServer, version};

use crate::stream::{PATIENCE, node};

const README: &str = include_str!("../../../embassy-example/README.md");
const COUNTER: &str = include_str!("../../../embassy-example/src/app/counter.rs");
const MANIFEST: &str = include_str!("../../../embassy-example/Cargo.toml");

#[test]
fn its_code_is_that_of_the_counter() {
    assert!(
        COUNTER.contains(block("rust")),
        "the README shows other code than src/app/counter.rs has"
    );
}

#[test]
fn its_versions_are_those_of_the_manifest() {
    for line in block("toml").lines() {
        // There it is beside the example; in the README beside somebody's firmware.
        let ours = line.replace("../respool/core", "../core");
        assert!(
            MANIFEST.lines().any(|line| line == ours),
            "the README has a dependency that Cargo.toml has not: {line}"
        );
    }
}

#[test]
fn the_counter_counts() {
    let redis = RedisServer::builder().requirepass("secret").start();
    let node = Qemu::new(elf()).set("mode", "counter");
    let node = node.set("password", "secret").redis(redis.port());
    let node = node.start().unwrap();
    node.wait_for("counter: 2", PATIENCE);
    assert!(redis.cli(&["GET", "counter"]).parse::<u32>().unwrap() >= 2);
    node.kill().expect_no_loss();
}

#[test]
fn its_rights_for_a_user_are_enough() {
    let redis = RedisServer::start();
    let mut lines = README.lines();
    let line = lines.find_map(|line| line.strip_prefix("redis-cli -a secret ACL SETUSER "));
    let words = line.expect("a user").split(' ');
    let mut command = vec!["ACL", "SETUSER"];
    command.extend(words.map(|word| word.trim_matches('\'')));
    assert_eq!(redis.cli(&command), "OK");
    let pico = |entries| {
        let node = node().redis(redis.port()).set("name", "pico");
        let node = node.set("user", "pico").set("password", "another");
        node.set("entries", entries).set("interval", 100)
    };
    let ended = pico(10).start().unwrap().wait();
    ended.expect(0);
    assert!(!ended.says("NoPerm"), "{ended:?}");
    // Without one of them, the node says so, and takes no number that may be taken. Before 7.2, what a
    // script may not do is not called so.
    let within_a_script = match version().starts_with("7.0.") {
        true => (
            "Server(Err)",
            "ERR The user executing the script can't run this command",
        ),
        false => ("Server(NoPerm)", "'xinfo|stream' command"),
    };
    for (right, (kind, text)) in [
        ("-eval", ("Server(NoPerm)", "'eval' command")),
        ("-xinfo|stream", within_a_script),
    ] {
        redis.cli(&["ACL", "SETUSER", "pico", right]);
        let node = pico(10).start().unwrap();
        node.wait_for(&format!("telemetry: Error {{ kind: {kind}"), PATIENCE);
        let ended = node.kill();
        ended.expect_no_loss();
        assert!(ended.says(text), "{right}: {ended:?}");
        assert!(!ended.says("this is start"), "{right}");
        redis.cli(&["ACL", "SETUSER", "pico", &right.replace('-', "+")]);
    }
}

/// The one block of this language in the README, from its first line to its last newline.
fn block(language: &str) -> &'static str {
    let mut blocks = README.split("\n```").skip(1).step_by(2);
    let found = blocks.find_map(|block| block.strip_prefix(language)?.strip_prefix('\n'));
    found.expect("a block of this language")
}
