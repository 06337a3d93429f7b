//! The board and its network, by `mode=ping`, and how a firmware ends.

use std::net::TcpListener;
use std::time::Duration;

use host_tests::qemu::{Qemu, elf};
use host_tests::redis::RedisServer;

#[test]
fn ping_reaches_a_real_server() {
    let redis = RedisServer::start();
    let ended = ping().redis(redis.port()).start().unwrap().wait();
    ended.expect(0);
    assert!(ended.says("PONG after"), "{ended:?}");
    assert!(
        redis
            .cli(&["INFO", "commandstats"])
            .contains("cmdstat_ping:calls=")
    );
}

#[test]
fn an_address_by_dhcp_does_too() {
    let redis = RedisServer::start();
    let ended = ping()
        .set("net", "dhcp")
        .redis(redis.port())
        .start()
        .unwrap()
        .wait();
    ended.expect(0);
    assert!(ended.says("PONG after"), "{ended:?}");
}

#[test]
fn a_port_where_nobody_listens_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let ended = ping().redis(port).start().unwrap().wait();
    ended.expect(1);
    assert!(ended.says("ping: Connect(ConnectionReset)"), "{ended:?}");
}

#[test]
fn a_server_that_answers_something_else_is_told_apart() {
    let redis = RedisServer::builder().requirepass("secret").start();
    let ended = ping().redis(redis.port()).start().unwrap().wait();
    ended.expect(1);
    assert!(ended.says("ping: Answer("), "{ended:?}");
}

#[test]
fn the_link_goes_down_and_comes_back() {
    let redis = RedisServer::start();
    redis.pause();
    let firmware = ping().redis(redis.port()).start().unwrap();
    firmware.wait_for("link_up = true", Duration::from_secs(10));
    firmware.set_link(false);
    firmware.wait_for("link_up = false", Duration::from_secs(10));
    firmware.set_link(true);
    redis.resume();
    firmware.wait().expect(0);
}

#[test]
fn a_mistake_in_the_settings_ends_it() {
    let ended = Qemu::new(elf())
        .set("mode", "no-such-mode")
        .start()
        .unwrap()
        .wait();
    ended.expect(2);
    let ended = ping().set("redis", "nowhere").start().unwrap().wait();
    ended.expect(101);
    assert!(ended.says("redis=nowhere: not a value for it"), "{ended:?}");
}

#[test]
fn a_setting_that_does_not_exist_is_named() {
    let redis = RedisServer::start();
    let ended = ping().redis(redis.port()).set("pasword", "secret");
    let ended = ended.start().unwrap().wait();
    ended.expect(0);
    assert!(ended.says("pasword: no setting is called so"), "{ended:?}");
}

#[test]
fn a_hard_fault_ends_it_with_a_status() {
    let ended = Qemu::new(elf())
        .set("mode", "fault")
        .start()
        .unwrap()
        .wait();
    ended.expect(102);
    assert!(ended.says("HardFault at 0x"), "{ended:?}");
}

#[test]
fn nothing_in_it_could_allocate() {
    let image = std::fs::read(elf()).unwrap();
    for symbol in ["__rust_alloc", "__rg_alloc", "__rdl_alloc"] {
        let mut names = image.windows(symbol.len());
        assert!(!names.any(|name| name == symbol.as_bytes()), "{symbol}");
    }
}

#[test]
fn a_firmware_that_hangs_is_ended() {
    let redis = RedisServer::start();
    redis.pause();
    let limit = Duration::from_secs(2);
    let ended = ping()
        .redis(redis.port())
        .limit(limit)
        .start()
        .unwrap()
        .wait();
    assert!(ended.hung);
    assert_eq!(ended.status, None);
}

fn ping() -> Qemu {
    Qemu::new(elf()).set("mode", "ping")
}
