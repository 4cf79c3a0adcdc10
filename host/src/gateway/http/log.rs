//! The messages of one stream of a session, kept for a while, so that a client whose connection broke off can read on.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::Stream;
use serde_json::Value;
use tokio::sync::watch;

use super::reply::Event;

/// Most messages that are kept. While someone reads, a new one waits until they have the oldest; else the oldest makes
/// room. The answer, being the last, is always among them.
const MOST: usize = 256;

/// One stream's messages.
#[derive(Debug)]
pub(super) struct Log {
    /// The stream's number in its session.
    pub(super) stream: u64,
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    /// The latest messages; the last has number `written`, the first message of all has number 1.
    messages: VecDeque<Arc<Value>>,
    written: u64,
    /// Up to which number messages have been given out.
    read: u64,
    /// Who reads; whoever read before reads no more.
    reader: u64,
    /// Whether that reader is there.
    attended: bool,
    ended: bool,
}

impl Log {
    /// An empty stream.
    pub(super) fn new(stream: u64) -> Arc<Self> {
        Arc::new(Self { stream, state: Mutex::default(), changed: watch::Sender::new(()) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more message pushes out none that a reader who is there has yet to get.
    pub(super) async fn room(&self) {
        let mut changed = self.changed.subscribe();
        while self.state().would_lose() {
            // The sender lives in this log.
            drop(changed.changed().await);
        }
    }

    /// Adds a message. If there are too many, the oldest makes room.
    pub(super) fn push(&self, message: Value) {
        let mut state = self.state();
        if state.messages.len() == MOST {
            state.messages.pop_front();
        }
        state.messages.push_back(Arc::new(message));
        state.written += 1;
        drop(state);
        self.changed.send_replace(());
    }

    /// Nothing more will come.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.changed.send_replace(());
    }

    /// Whether nothing more will come.
    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Whether every message has been given out.
    pub(super) fn was_read(&self) -> bool {
        let state = self.state();
        state.read == state.written
    }

    /// The messages after number `after`, or else those that nobody has read yet, and all to come, until the stream
    /// ends or someone else reads.
    pub(super) fn read(self: Arc<Self>, after: Option<u64>) -> impl Stream<Item = Event> + Send + use<> {
        let mut state = self.state();
        state.reader += 1;
        state.attended = true;
        let me = state.reader;
        let position = after.unwrap_or(state.read);
        state.read = position.min(state.written);
        drop(state);
        self.changed.send_replace(());
        let changed = self.changed.subscribe();
        let reading = Reading { log: self, me };
        futures::stream::unfold((reading, changed, position), |(reading, mut changed, position)| async move {
            loop {
                match reading.log.next(position, reading.me) {
                    Next::Message(number, message) => {
                        let event = Event { stream: reading.log.stream, number, message };
                        return Some((event, (reading, changed, number)));
                    }
                    Next::End => return None,
                    // The sender lives in the log, which is held here.
                    Next::NotYet => changed.changed().await.ok()?,
                }
            }
        })
    }

    fn next(&self, position: u64, me: u64) -> Next {
        let mut state = self.state();
        if state.reader != me {
            return Next::End;
        }
        let kept = u64::try_from(state.messages.len()).unwrap_or(u64::MAX);
        let first = state.written - kept + 1;
        let number = first.max(position.saturating_add(1));
        let at = usize::try_from(number - first).unwrap_or(usize::MAX);
        match state.messages.get(at).cloned() {
            Some(message) => {
                state.read = state.read.max(number);
                drop(state);
                // Someone may wait to add more.
                self.changed.send_replace(());
                Next::Message(number, message)
            }
            None if state.ended => Next::End,
            None => Next::NotYet,
        }
    }
}

impl State {
    /// Whether one more message would push out one that a reader who is there does not have yet.
    fn would_lose(&self) -> bool {
        let kept = u64::try_from(self.messages.len()).unwrap_or(u64::MAX);
        self.attended && self.messages.len() >= MOST && self.read <= self.written - kept
    }
}

/// A reader who is there, until dropped.
struct Reading {
    log: Arc<Log>,
    me: u64,
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.log.state();
        if state.reader == self.me {
            state.attended = false;
        }
        drop(state);
        self.log.changed.send_replace(());
    }
}

enum Next {
    Message(u64, Arc<Value>),
    NotYet,
    End,
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_broken_off_reader_reads_on_and_misses_nothing() {
        let log = Log::new(1);
        (1..=3).for_each(|n| log.push(json!(n)));
        let mut first = Box::pin(Arc::clone(&log).read(None));
        assert_eq!(*first.next().await.unwrap().message, json!(1));
        let mut second = Box::pin(Arc::clone(&log).read(Some(1)));
        assert!(first.next().await.is_none(), "only one reads");
        log.push(json!(4));
        log.end();
        let rest: Vec<_> = second.by_ref().map(|event| (event.number, Value::clone(&event.message))).collect().await;
        assert_eq!(rest, [(2, json!(2)), (3, json!(3)), (4, json!(4))]);
    }

    #[tokio::test]
    async fn a_flood_waits_for_a_reader_who_is_there_and_for_no_other() {
        let log = Log::new(1);
        let flood = async {
            for n in 0..=2 * MOST {
                log.room().await;
                log.push(json!(n));
            }
            log.end();
        };
        let mut reader = Box::pin(Arc::clone(&log).read(None));
        let hear = async { reader.by_ref().map(|event| Value::clone(&event.message)).collect::<Vec<_>>().await };
        // The flood is polled first, and until it cannot go on.
        let ((), all) = tokio::join!(flood, hear);
        assert_eq!(all, (0..=2 * MOST).map(|n| json!(n)).collect::<Vec<_>>());

        let log = Log::new(2);
        drop(Box::pin(Arc::clone(&log).read(None)));
        for n in 0..=2 * MOST {
            log.room().await;
            log.push(json!(n));
        }
        log.end();
        assert_eq!(log.read(None).count().await, MOST);
    }

    #[tokio::test]
    async fn a_flood_pushes_out_the_oldest_and_never_the_last() {
        let log = Log::new(1);
        (0..=MOST).for_each(|n| log.push(json!(n)));
        log.end();
        let all: Vec<_> = log.read(None).map(|event| Value::clone(&event.message)).collect().await;
        assert_eq!((all.first(), all.last(), all.len()), (Some(&json!(1)), Some(&json!(MOST)), MOST));
    }
}
