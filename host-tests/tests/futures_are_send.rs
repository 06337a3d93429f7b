//! The futures of the client can go to another thread, as `tokio::spawn` wants, also where they
//! hold commands made of borrowed text.

use std::future::Future;
use std::time::Duration;

use respool::command::*;
use respool::{Command, Config};

fn assert_send<F: Future + Send>(future: F) -> F {
    future
}

/// Never polled: that this compiles is the test.
#[test]
fn calls_that_borrow_are_send() {
    let pool = host_tests::live::tasks::<2, 256, 256>(Config::new());
    let (key, bytes) = (String::from("k"), vec![0xff; 300]);
    let keys = [key.as_str(), "other"];
    let pairs = [(key.as_str(), &bytes[..])];
    drop(assert_send(pool.get()));
    drop(assert_send(pool.close(Duration::ZERO)));
    drop(assert_send(pool.call(set(key.as_str(), &bytes[..]).ex(1))));
    drop(assert_send(
        pool.call(get(("k:", key.as_str())).reply::<Option<String>>()),
    ));
    drop(assert_send(
        pool.call((hset(&*key, pairs.as_slice()), del(keys))),
    ));
    drop(assert_send(
        pool.call(raw("SET").arg(&*key).args(keys).reply::<()>()),
    ));
    drop(assert_send(async {
        let mut lease = pool.get().await?;
        let name = lease.call(get(key.as_str()).text()).await?;
        println!("{name:?}");
        for field in lease.call(hgetall(&*key)).await? {
            field?;
        }
        let (n, value) = lease.call((incr(&*key), mget(keys.as_slice()))).await?;
        println!("{n} {}", value.count());
        let mut pipeline = lease.pipeline(keys.iter().map(|key| get(*key)));
        while let Some(reply) = pipeline.next().await {
            println!("{:?}", reply?);
        }
        lease.call(ping()).await
    }));
}

/// A task of its own, all that it borrows within.
#[tokio::test]
async fn tasks_can_be_spawned() {
    let server = host_tests::redis::RedisServer::start();
    let pool = host_tests::live::tasks::<1, 256, 256>(host_tests::live::tcp(&server));
    let task = tokio::spawn(async move {
        let (key, value) = (String::from("k"), vec![0xff; 3000]);
        pool.call(set(key.as_str(), &value[..])).await?;
        let mut lease = pool.get().await?;
        let tail = lease.call(getrange(key.as_str(), -200, -1)).await?;
        assert_eq!(tail, &value[..200]);
        let mut pipeline = lease.pipeline((0..3).map(|n| append(key.as_str(), n)));
        let mut last = 0;
        while let Some(length) = pipeline.next().await {
            last = length?;
        }
        Ok::<u64, respool::Error>(last)
    });
    assert_eq!(task.await.unwrap().unwrap(), 3003);
}
