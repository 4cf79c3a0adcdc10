//! Past calls with their arguments and results, as many as fit.

use std::sync::Arc;

use lru::LruCache;
use serde_json::Value;

use crate::journal::{PastCall, Sequence};

/// How much is kept, in bytes of memory, roughly.
const MOST_BYTES: usize = 4 << 20;

/// The calls that were looked at, or changed, last.
#[derive(Debug)]
pub(super) struct Bodies {
    calls: LruCache<Sequence, (Arc<PastCall>, usize)>,
    bytes: usize,
}

impl Bodies {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { calls: LruCache::unbounded(), bytes: 0 }
    }

    /// A call, if it is kept.
    pub(super) fn get(&mut self, seq: Sequence) -> Option<Arc<PastCall>> {
        self.calls.get(&seq).map(|(call, _)| Arc::clone(call))
    }

    /// Takes in how a call stands now.
    pub(super) fn update(&mut self, call: &Arc<PastCall>) {
        self.put(Arc::clone(call));
    }

    /// Keeps a call.
    pub(super) fn put(&mut self, call: Arc<PastCall>) {
        let weight = 512
            + call.arguments.values().map(weigh).sum::<usize>()
            + call.result.as_deref().map(weigh).unwrap_or_default();
        self.bytes += weight;
        if let Some((_, (_, before))) = self.calls.push(call.seq, (call, weight)) {
            self.bytes -= before;
        }
        while self.bytes > MOST_BYTES {
            let Some((_, (_, weight))) = self.calls.pop_lru() else { break };
            self.bytes -= weight;
        }
    }
}

fn weigh(value: &Value) -> usize {
    const NODE: usize = 72;
    NODE + match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weigh).sum(),
        Value::Object(members) => members.iter().map(|(key, member)| NODE + key.len() + weigh(member)).sum(),
    }
}
