//! `MULTI` and its kin.

use super::super::session::Queue;
use super::{Call, Failure, execute, find};

pub(super) fn multi(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.session.queue.is_some() {
        return Err(Failure::err("MULTI calls can not be nested"));
    }
    call.session.queue = Some(Queue::default());
    call.out.ok();
    Ok(())
}

pub(super) fn exec(call: &mut Call<'_>) -> Result<(), Failure> {
    let Some(queue) = call.session.queue.take() else {
        return Err(Failure::err("EXEC without MULTI"));
    };
    let touched = call
        .session
        .watching
        .iter()
        .any(|(db, key, version)| call.store.db(*db).version(key, call.now) != *version);
    call.session.unwatch(call.store);
    if queue.broken {
        let text = "Transaction discarded because of previous errors.";
        return Err(Failure::of("EXECABORT", text));
    }
    if touched {
        call.out.write(|replies| replies.null_array());
        return Ok(());
    }
    call.out.array(queue.commands.len());
    for args in &queue.commands {
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let mut inner = Call {
            args: &args,
            session: call.session,
            store: call.store,
            shared: call.shared,
            out: call.out,
            now: call.now,
        };
        execute(find(&args), &mut inner);
    }
    Ok(())
}

pub(super) fn discard(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.session.queue.take().is_none() {
        return Err(Failure::err("DISCARD without MULTI"));
    }
    call.session.unwatch(call.store);
    call.out.ok();
    Ok(())
}

pub(super) fn watch(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.session.queue.is_some() {
        return Err(Failure::err("WATCH inside MULTI is not allowed"));
    }
    let db = call.session.db;
    for key in call.args.iter().skip(1) {
        if call
            .session
            .watching
            .iter()
            .any(|(d, k, _)| (*d, k.as_slice()) == (db, *key))
        {
            continue;
        }
        let version = call.store.db(db).watch(key, call.now);
        call.session.watching.push((db, key.to_vec(), version));
    }
    call.out.ok();
    Ok(())
}

pub(super) fn unwatch(call: &mut Call<'_>) -> Result<(), Failure> {
    call.session.unwatch(call.store);
    call.out.ok();
    Ok(())
}
