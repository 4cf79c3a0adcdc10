//! The messages of one stream of a session, kept for a while, so that a client whose connection broke off can read on.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::Stream;
use serde_json::Value;
use tokio::sync::watch;

use super::reply::Event;

/// Most messages that are kept; the oldest makes room. The answer, being the last, is always among them.
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

    /// Adds a message.
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

    /// The messages after number `after`, or else those that nobody has read yet, and all to come, until the stream
    /// ends or someone else reads.
    pub(super) fn read(self: Arc<Self>, after: Option<u64>) -> impl Stream<Item = Event> + Send + use<> {
        let mut state = self.state();
        state.reader += 1;
        let me = state.reader;
        let position = after.unwrap_or(state.read);
        drop(state);
        self.changed.send_replace(());
        let changed = self.changed.subscribe();
        futures::stream::unfold((self, changed, position), move |(log, mut changed, position)| async move {
            loop {
                match log.next(position, me) {
                    Next::Message(number, message) => {
                        let event = Event { stream: log.stream, number, message };
                        return Some((event, (log, changed, number)));
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
                Next::Message(number, message)
            }
            None if state.ended => Next::End,
            None => Next::NotYet,
        }
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
    async fn a_flood_pushes_out_the_oldest_and_never_the_last() {
        let log = Log::new(1);
        (0..=MOST).for_each(|n| log.push(json!(n)));
        log.end();
        let all: Vec<_> = log.read(None).map(|event| Value::clone(&event.message)).collect().await;
        assert_eq!((all.first(), all.last(), all.len()), (Some(&json!(1)), Some(&json!(MOST)), MOST));
    }
}
