//! The sensor node, and a server that it cannot reach: it says why, and sleeps until it can.

use std::net::{TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use host_tests::qemu::{Qemu, Running};

use crate::stream::{PATIENCE, Stream, calm, count, durable, node};

/// The share of a core that a node may take while it waits: three times of what it takes on a busy
/// machine, which is mostly QEMU itself. A busy one takes all of it.
const IDLE: f64 = 0.06;

#[test]
fn a_server_that_does_not_listen_yet() {
    let mut redis = durable().start();
    redis.kill();
    let node = ten().redis(redis.port()).start().unwrap();
    wait_for_error(&node, "Connect(Refused)");
    redis.restart();
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 10);
    assert!(count(&ended, "refused") > 0);
}

#[test]
fn a_wrong_password() {
    let redis = durable().requirepass("right").start();
    let node = ten().redis(redis.port()).set("password", "wrong");
    let node = node.start().unwrap();
    wait_for_error(&node, "Handshake(WrongPassword)");
    expect_idle(&node, "wrong password");
    redis.cli(&["ACL", "SETUSER", "default", ">wrong"]);
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 10);
    assert!(count(&ended, "login") > 0);
}

#[test]
fn no_password_where_one_is_needed() {
    let redis = durable().requirepass("right").start();
    let node = ten().redis(redis.port()).start().unwrap();
    wait_for_error(&node, "Handshake(PasswordNeeded)");
    node.kill().expect_no_loss();
}

#[test]
fn a_server_with_too_many_clients() {
    let redis = durable().arg("--maxclients", "4").start();
    let others: Vec<_> = (0..4)
        .map(|_| TcpStream::connect(redis.addr()).unwrap())
        .collect();
    let node = ten().redis(redis.port()).start().unwrap();
    wait_for_error(&node, "Handshake(TooManyClients)");
    expect_idle(&node, "too many clients");
    drop(others);
    let ended = node.wait();
    ended.expect(0);
    Stream::of(&redis).expect_of(&ended, 10);
    assert!(count(&ended, "too_many_clients") > 0);
}

/// Nobody has the address of this name server.
#[test]
fn a_name_that_nobody_answers_for() {
    let node = ten().set("redis", "redis.lan:6379").set("dns", "10.0.2.99");
    let node = node.start().unwrap();
    wait_for_error(&node, "Connect(NoAddress)");
    expect_idle(&node, "no name server");
    node.kill().expect_no_loss();
}

/// The kernel takes the connection, and nobody ever reads from it.
#[test]
fn a_server_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let node = ten().redis(port).start().unwrap();
    wait_for_error(&node, "Connect(TimedOut)");
    expect_idle(&node, "no answer");
    node.kill().expect_no_loss();
}

#[test]
fn waiting_for_a_server_that_does_not_listen_costs_little() {
    let mut redis = durable().start();
    redis.kill();
    let node = node().redis(redis.port()).start().unwrap();
    wait_for_error(&node, "Connect(Refused)");
    expect_idle(&node, "refused");
    node.kill().expect_no_loss();
}

#[test]
fn waiting_for_a_link_that_is_down_costs_little() {
    let redis = durable().start();
    let node = node().redis(redis.port()).start().unwrap();
    node.wait_for("telemetry: 1-1", PATIENCE);
    node.set_link(false);
    wait_for_error(&node, "Connect(TimedOut)");
    expect_idle(&node, "link down");
    node.kill().expect_no_loss();
}

#[test]
fn being_connected_and_idle_costs_little() {
    let redis = durable().start();
    let node = calm().redis(redis.port()).start().unwrap();
    node.wait_for("telemetry: 1-1", PATIENCE);
    expect_idle(&node, "connected");
    node.kill().expect_no_loss();
}

/// Waits until a task of the node has failed with this error. The pool tells each attempt to
/// connect by itself, without the name of a task.
fn wait_for_error(node: &Running, kind: &str) {
    node.wait_for(&format!(": Error {{ kind: {kind}"), PATIENCE);
}

/// A node that ends after ten samples.
fn ten() -> Qemu {
    node().set("entries", 10).set("interval", 50)
}

/// Asserts that the host's CPU is idle while the node waits, and prints how much so. What others make
/// of the machine is not in it: it is the time that QEMU had the CPU.
fn expect_idle(node: &Running, what: &str) {
    let (began, before) = (Instant::now(), node.cpu_time());
    sleep(Duration::from_secs(8));
    let used = node.cpu_time() - before;
    let share = used.as_secs_f64() / began.elapsed().as_secs_f64();
    println!("{what}: {:.1} % of a core", 100.0 * share);
    assert!(share < IDLE, "{what}: {share:.3} of a core");
}
