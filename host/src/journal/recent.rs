//! What this process knows of the journal: its head, the last events, and every call that is open.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::sync::watch;

use super::{
    Change, Event, PastCall, Sequence, kind,
    past::change,
    store::{Entry, Head},
};

/// How many events, and how many bytes of bodies, are kept at hand. Whoever is further behind starts anew.
const MOST_EVENTS: usize = 8192;
const MOST_BYTES: usize = 4 << 20;

/// The end of the journal, as far as this process knows it. Events are put in exactly once and in order, whoever
/// brings them: the writer its own, the reader what other processes wrote.
#[derive(Debug)]
pub(crate) struct Recent {
    known: Mutex<Known>,
    head: watch::Sender<Sequence>,
}

#[derive(Debug)]
struct Known {
    head: Head,
    events: VecDeque<(Arc<Event>, usize)>,
    bytes: usize,
    open: HashMap<String, Arc<PastCall>>,
    nothing: Arc<Value>,
}

impl Recent {
    /// Begins with what the store holds.
    pub(super) fn new(head: Head, open: Vec<PastCall>) -> Self {
        let open = open.into_iter().map(|call| (call.id.to_string(), Arc::new(call))).collect();
        Self {
            known: Mutex::new(Known { head, events: VecDeque::new(), bytes: 0, open, nothing: Arc::default() }),
            head: watch::Sender::new(head.seq),
        }
    }

    /// The last event that is known.
    pub(crate) fn head(&self) -> Head {
        self.known().head
    }

    /// Fires whenever the head moves.
    pub(crate) fn changes(&self) -> watch::Receiver<Sequence> {
        self.head.subscribe()
    }

    /// Takes in events, passing over those that are known.
    pub(super) fn push(&self, entries: Vec<Entry>) {
        let mut known = self.known();
        for Entry { mut event, text, .. } in entries {
            if event.seq <= known.head.seq {
                continue;
            }
            if event.change.is_none() {
                event.change = change(&event, known.open.get(event.subject.as_str()));
            }
            if let Some(Change { call, .. }) = &event.change {
                match call.status.is_open() {
                    true => known.open.insert(call.id.to_string(), Arc::clone(call)),
                    false => known.open.remove(call.id.as_str()),
                };
                // From here on nobody asks for more than the change, and bodies are most of what events weigh.
                event.body = Arc::clone(&known.nothing);
            }
            known.head = Head { seq: event.seq, hash: event.hash, at: event.at };
            known.bytes += text.len();
            known.events.push_back((Arc::new(event), text.len()));
        }
        while known.events.len() > MOST_EVENTS || known.bytes > MOST_BYTES {
            let Some((_, bytes)) = known.events.pop_front() else { break };
            known.bytes -= bytes;
        }
        let seq = known.head.seq;
        drop(known);
        self.head.send_if_modified(|head| std::mem::replace(head, seq) < seq);
    }

    /// All events after a position, in order; none if some of them are no longer at hand. Those that change a call have
    /// that change, and no body.
    pub(crate) fn since(&self, after: Sequence) -> Option<Vec<Arc<Event>>> {
        let known = self.known();
        if after >= known.head.seq {
            return Some(Vec::new());
        }
        let first = known.events.front()?.0.seq;
        let skip = after.next().0.checked_sub(first.0)?;
        Some(known.events.iter().skip(usize::try_from(skip).ok()?).map(|(event, _)| Arc::clone(event)).collect())
    }

    /// Whether an event after a position satisfies the predicate; `None` if not all of them are at hand.
    pub(super) fn any_since(&self, after: Sequence, fits: impl Fn(&Event) -> bool) -> Option<bool> {
        let known = self.known();
        if after >= known.head.seq {
            return Some(false);
        }
        let first = known.events.front()?.0.seq;
        let skip = after.next().0.checked_sub(first.0)?;
        Some(known.events.iter().skip(usize::try_from(skip).ok()?).any(|(event, _)| fits(event)))
    }

    /// The call, if it is open.
    pub(crate) fn open_call(&self, id: &str) -> Option<Arc<PastCall>> {
        self.known().open.get(id).cloned()
    }

    /// All calls that are open and satisfy the predicate, with the position of which this is true.
    pub(crate) fn open_calls(&self, fits: impl Fn(&PastCall) -> bool) -> (Sequence, Vec<Arc<PastCall>>) {
        let known = self.known();
        (known.head.seq, known.open.values().filter(|call| fits(call)).cloned().collect())
    }

    /// Whether a kind of event can change a call that was admitted before.
    pub(super) fn changes_calls(kind: &str) -> bool {
        matches!(kind, kind::CALL_FINISHED | kind::CALL_SETTLED)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere leaves the fold whole: every change to it is made under this lock, event by event.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
