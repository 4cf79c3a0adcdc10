//! Calls that wait for the client's input in between (MCP 2026-07-28, multi round-trip requests): what the client is
//! given to come back with, and what it comes back to.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use lru::LruCache;
use rmcp::model::{RequestStateCodec, RequestStateError, SealOptions};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    message::{INVALID_PARAMS, Object, Request, rpc},
    relay::{Asked, Running},
};
use crate::{
    call::CallId,
    downstream::{Resume, RpcError},
    mediation::{ClientAnswer, ClientQuestion},
    scope::canonical,
};

/// Under this key a parked call's one question stands in `inputRequests`.
const QUESTION: &str = "question";

/// What a retry goes on with.
pub(super) enum Back {
    /// A call of ours that is still open: the server has its answer, or will have it.
    Parked(Running),
    /// A call that was not made yet: the person at the client was asked first.
    Answers { answers: Vec<ClientAnswer>, session: String },
    /// A call that its server has put aside.
    Server { resume: Resume, continues: Option<CallId> },
    /// The one question was not answered: it has to be put again.
    Unanswered(Running, Asked),
}

/// A call that waits, open, for an answer of the client.
pub(super) struct Parked {
    pub(super) running: Running,
    pub(super) asked: Asked,
}

/// What waits for its client. Each entry can be come back to once.
pub(super) struct Waiting {
    codec: RequestStateCodec,
    lasts: Duration,
    held: Mutex<LruCache<String, Option<Parked>>>,
    /// Nonces of questions that were come back to.
    spent: Mutex<LruCache<String, ()>>,
}

/// Most nonces that are remembered as spent. Where one is forgotten, the journal still knows what was answered.
const MOST_SPENT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
/// How long a client may come back with an answer; questions have shorter times of their own.
const QUESTIONS_LAST: Duration = Duration::from_hours(30 * 24);

/// What a `requestState` of ours holds, signed. It is readable by the client, and holds no secret of ours.
#[derive(Default, Deserialize, Serialize)]
struct State {
    /// Names the entry that is spent by coming back.
    nonce: String,
    /// The call that asked for input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<CallId>,
    /// The server's own `requestState`, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// Questions of ours that the person at the client was asked: approvals, and the digests of what was shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    asked: Vec<(String, String)>,
    /// The session of the call that they are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

impl Waiting {
    /// Nothing waits. At most `most` entries will, each for `lasts`; the oldest makes room for the newest.
    ///
    /// # Errors
    /// If the key is too short to sign with.
    pub(super) fn new(key: &[u8], most: NonZeroUsize, lasts: Duration) -> Result<Self, RequestStateError> {
        let (held, spent) = (Mutex::new(LruCache::new(most)), Mutex::new(LruCache::new(MOST_SPENT)));
        Ok(Self { codec: RequestStateCodec::try_new(key)?, lasts, held, spent })
    }

    /// How long an entry waits.
    pub(super) fn lasts(&self) -> Duration {
        self.lasts
    }

    /// Parks a call under a new nonce. A call that it pushes out is called off.
    pub(super) fn park(&self, parked: Parked) -> String {
        self.hold(Some(parked))
    }

    fn hold(&self, entry: Option<Parked>) -> String {
        let nonce = Uuid::new_v4().to_string();
        let pushed = self.held.lock().unwrap_or_else(PoisonError::into_inner).push(nonce.clone(), entry);
        if let Some((_, Some(parked))) = pushed {
            parked.running.cancel.cancel();
        }
        nonce
    }

    /// Takes a call out; none if it has been come back to, or pushed out.
    pub(super) fn take(&self, nonce: &str) -> Option<Parked> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).pop(nonce).flatten()
    }

    /// The `input_required` result that puts a parked call's question.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn question(&self, nonce: String, ask: &Value, bound: &[u8]) -> Result<Value, RequestStateError> {
        let state = self.seal(&State { nonce, ..State::default() }, self.lasts, bound)?;
        Ok(json!({
            "resultType": "input_required",
            "inputRequests": {QUESTION: ask},
            "requestState": state,
        }))
    }

    /// A server's own `input_required` result with its `requestState` inside one of ours.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn wrap(
        &self,
        mut result: Value,
        call: Option<CallId>,
        bound: &[u8],
    ) -> Result<Value, RequestStateError> {
        let server = result.get("requestState").and_then(Value::as_str).map(str::to_owned);
        let state = State { nonce: self.hold(None), call, server, ..State::default() };
        let state = self.seal(&state, self.lasts, bound)?;
        if let Some(result) = result.as_object_mut() {
            result.insert("requestState".to_owned(), state.into());
        }
        Ok(result)
    }

    /// The `input_required` result that puts questions about a call to the person at the client. Nothing is held: whatever
    /// process the client comes back to, and when, the journal knows the questions.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn ask(
        &self,
        questions: Vec<ClientQuestion>,
        session: String,
        bound: &[u8],
    ) -> Result<Value, RequestStateError> {
        let asked = questions.iter().map(|question| (question.approval.clone(), question.seen.clone())).collect();
        let nonce = Uuid::new_v4().to_string();
        let state = State { nonce, asked, session: Some(session), ..State::default() };
        let state = self.seal(&state, QUESTIONS_LAST, bound)?;
        let requests: Object = questions.into_iter().map(|question| (question.approval, question.request)).collect();
        Ok(json!({ "resultType": "input_required", "inputRequests": requests, "requestState": state }))
    }

    fn seal(&self, state: &State, lasts: Duration, bound: &[u8]) -> Result<String, RequestStateError> {
        self.codec.seal_json_with(state, &SealOptions::new().associated_data(bound).ttl(lasts))
    }

    /// What a request comes back to; none if it is a first one.
    ///
    /// # Errors
    /// `-32602` if the state is not one of ours, was given to someone else or for something else, is spent, or too old.
    pub(super) fn come_back(&self, request: &mut Request, bound: &[u8]) -> Result<Option<Back>, RpcError> {
        let sealed = request.params.shift_remove("requestState");
        let responses = request.params.shift_remove("inputResponses");
        if responses.as_ref().is_some_and(|responses| !responses.is_object()) {
            return Err(rpc(INVALID_PARAMS, "`inputResponses` is not an object"));
        }
        let refused = || rpc(INVALID_PARAMS, "the `requestState` is not valid for this request");
        let (sealed, responses) = match (sealed, responses) {
            (None, None) => return Ok(None),
            // What the client says of its own accord is the server's to judge; it goes on with no call.
            (None, Some(responses)) => {
                return Ok(Some(Back::Server { resume: Resume { responses, state: None }, continues: None }));
            }
            (Some(Value::String(sealed)), responses) => (sealed, responses.unwrap_or_else(|| json!({}))),
            (Some(_), _) => return Err(refused()),
        };
        let opened = self.codec.open_with(&sealed, bound).map_err(|_| refused())?;
        let state: State = serde_json::from_slice(&opened).map_err(|_| refused())?;
        if let Some(session) = state.session {
            let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner).put(state.nonce, ());
            let again = spent.is_some();
            let brought = |(approval, seen): (String, String)| {
                let result = responses.get(&approval)?.clone();
                Some(ClientAnswer { approval, seen, result, again })
            };
            let answers: Vec<_> = state.asked.into_iter().filter_map(brought).collect();
            // A call that was made under an idempotency key may be told again what came of it; nothing else may.
            if again && answers.is_empty() {
                return Err(refused());
            }
            return Ok(Some(Back::Answers { answers, session }));
        }
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).pop(&state.nonce).ok_or_else(refused)?;
        Ok(Some(match (held, responses.get(QUESTION)) {
            (None, _) => Back::Server { resume: Resume { responses, state: state.server }, continues: state.call },
            (Some(Parked { running, asked }), None) => Back::Unanswered(running, asked),
            (Some(Parked { running, asked }), Some(answer)) => {
                // The server may have stopped waiting; the call's own end then says so.
                drop(asked.reply.send(Ok(answer.clone())));
                Back::Parked(running)
            }
        }))
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("lasts", &self.lasts).finish_non_exhaustive()
    }
}

/// What a state is bound to: who asked, and for what exactly.
pub(super) fn binding(principal: &str, method: &str, params: &Object) -> Vec<u8> {
    let mut asked: Vec<_> =
        params.iter().filter(|(key, _)| !["_meta", "requestState", "inputResponses"].contains(&key.as_str())).collect();
    asked.sort_unstable_by_key(|(key, _)| *key);
    let mut bound = Sha256::new();
    // Each text ends where its quotes do, each value where JSON has it end: no two lists are the same.
    for text in [principal, method] {
        bound.update(canonical(&text.into()));
    }
    for (key, value) in asked {
        bound.update(canonical(&key.as_str().into()));
        bound.update(canonical(value));
    }
    bound.finalize().to_vec()
}
