//! The way in for the fuzzer: what an AI app writes.

use std::io;

use tokio::runtime::{Builder, Runtime};

use super::{
    client::{Era, declared, handshake, meta_to_pass_on, named_session, opens},
    input,
    message::{Malformed, Message, parse},
    params::understand,
};
use crate::downstream::{Heard, Salvage, Salvaged, read_line};

thread_local! {
    static RUNTIME: io::Result<Runtime> = Builder::new_current_thread().build();
}

/// Reads the bytes as one message, and as lines of at most 64 bytes.
///
/// # Panics
/// If something is not as it should be.
pub fn messages(bytes: &[u8]) {
    message(bytes);
    RUNTIME.with(|runtime| match runtime {
        Ok(runtime) => runtime.block_on(lines(bytes)),
        Err(error) => unreachable!("nothing would be tried: {error}"),
    });
}

fn message(bytes: &[u8]) {
    match parse(bytes) {
        Ok(Message::Request(request)) => {
            let id = request.id.clone();
            // Longer ones are not looked for, and numbers beyond 64 bits are not written as they were read.
            if id.to_string().len() < 64 && !id.is_f64() {
                assert_eq!(Salvage::of(bytes), Salvaged::Request(id), "the id is found without a parser, too");
            }
            for era in [Era::Legacy, Era::Modern] {
                drop(understand(&request, era));
            }
            for announced in [false, true] {
                drop(declared(&request, announced));
            }
            drop(handshake(&request.params));
            if let Ok(Some(session)) = named_session(&request) {
                assert!((1..=128).contains(&session.len()));
            }
            let passed_on = meta_to_pass_on(&request);
            assert!(!passed_on.contains_key("progressToken") && !passed_on.contains_key("interlock/session"));
            let _ = opens(&request);
            let bound = input::binding("alice", &request.method, &request.params);
            assert_ne!(bound, input::binding("bob", &request.method, &request.params));
        }
        Ok(Message::Notification { .. } | Message::Response { .. }) => {}
        Err(Malformed(answer)) => {
            assert!(answer.get("error").is_some() && !answer.to_string().contains('\n'));
        }
    }
}

async fn lines(bytes: &[u8]) {
    const MOST: usize = 64;
    let (mut input, mut line) = (bytes, Vec::new());
    let mut heard = 0;
    loop {
        match read_line(&mut input, &mut line, MOST).await {
            Ok(Heard::Line) => assert!(line.len() <= MOST),
            Ok(Heard::TooLong(_)) => {}
            Ok(Heard::End) => break,
            Err(error) => unreachable!("memory can be read: {error}"),
        }
        heard += 1;
    }
    let all = bytes.split(|byte| *byte == b'\n').count();
    assert_eq!(
        heard,
        if bytes.last().is_none_or(|last| *last == b'\n') { all - 1 } else { all },
        "lines are neither lost nor made up"
    );
}
