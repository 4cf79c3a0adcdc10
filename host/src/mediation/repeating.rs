//! Calls that are the same piece of work as an earlier one: it is done once, and what came of it is told again.

use std::{sync::Arc, time::Duration};

use interlock_glob::Glob;
use serde_json::{Value, json};

use super::{
    Answer, Mediator, Refused, records,
    refusing::Turned,
    sending::{Told, rpc_error},
    waiting::Waiting,
};
use crate::{
    call::{Call, Idempotency, Outcome, ToolName},
    downstream::Link,
    journal::{Guard, PastCall, Status},
    policy::Judgement,
    scope::{argument, canonical},
};

/// How long a call waits for the end of the earlier one. Many clients give up on a request after 60 s.
const PATIENCE: Duration = Duration::from_secs(45);
/// What marks a result as told again, in its `_meta`.
const REPLAYED: &str = "interlock/replayed";

/// Whether callers may use a text as a key: 1 to 255 visible ASCII characters.
pub fn is_idempotency_key(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// From which arguments a key is made for calls that come without one.
#[derive(Clone, Debug, PartialEq)]
pub struct Derivation {
    /// Of which tools.
    pub tools: Glob,
    /// JSON Pointers to the arguments that tell one piece of work from another.
    pub key: Vec<String>,
    /// How long after the earlier call a call is the same.
    pub within: Duration,
}

impl Mediator {
    /// What makes a call the same as others: the key that came with it, or one that is derived.
    pub(super) fn idempotency(&self, call: &Call, given: Option<String>) -> Option<Idempotency> {
        let seal = self.parts().config.seal.as_ref()?;
        let (key, derived) = match (given, self.derivation(&call.tool)) {
            (Some(given), _) => (given, false),
            (None, Some(derivation)) => {
                let value = |pointer: &String| argument(&call.arguments, pointer);
                // What is not there is not null.
                let values: Vec<Vec<_>> = derivation.key.iter().map(|key| value(key).into_iter().collect()).collect();
                if values.iter().all(Vec::is_empty) {
                    // Nothing tells such calls apart.
                    return None;
                }
                (seal.seal(&canonical(&json!(values))), true)
            }
            (None, None) => return None,
        };
        let sent = json!({ "arguments": *call.arguments, "beside": *call.beside });
        Some(Idempotency { key, derived, arguments: seal.seal(&canonical(&sent)) })
    }

    fn derivation(&self, tool: &ToolName) -> Option<&Derivation> {
        self.parts().config.idempotency.iter().find(|derivation| derivation.tools.matches(tool.as_str()))
    }

    /// A guard that holds for as long as a call is the first of its kind; or what its caller is told instead. Waits for the
    /// end of an earlier one that is under way.
    pub(super) async fn unrepeated(&self, call: &Call, link: &Link) -> Result<Guard, Turned> {
        let Some(idempotency) = &call.idempotency else { return Ok(Guard::none()) };
        let parts = self.parts();
        let mut waiting = Waiting::new(call, link, parts.config.heartbeat);
        loop {
            let (earlier, first) = parts.ledger.same(call, idempotency).await?;
            let Some(earlier) = earlier.filter(|earlier| self.counts(earlier, call)) else { return Ok(first) };
            if earlier.idempotency.as_ref().is_none_or(|earlier| earlier.arguments != idempotency.arguments) {
                return Err(self.not_again(call, conflict(&earlier, self.derivation(&call.tool))).await);
            }
            match earlier.status {
                Status::Running => {
                    if !waiting.for_end(parts, &earlier, first.since, PATIENCE).await {
                        return Err(self.not_again(call, under_way(&earlier)).await);
                    }
                }
                // Nothing was sent.
                Status::Ended(Outcome::Cancelled) => return Ok(first),
                Status::Doubtful | Status::Ended(Outcome::Unknown) => {
                    return Err(self.not_again(call, unknown(&earlier)).await);
                }
                Status::Ended(outcome @ (Outcome::Succeeded | Outcome::Failed | Outcome::InputRequired)) => {
                    return Err(match &earlier.result {
                        Some(result) => self.replay(call, idempotency, &earlier, outcome, result).await,
                        None => self.not_again(call, not_kept(&earlier, outcome)).await,
                    });
                }
            }
        }
    }

    /// Whether an earlier call makes this one a repetition.
    fn counts(&self, earlier: &PastCall, call: &Call) -> bool {
        let goes_on = call.continues.as_ref() == Some(&earlier.id);
        let derived = call.idempotency.as_ref().is_some_and(|idempotency| idempotency.derived);
        let within = self.derivation(&call.tool).filter(|_| derived).map(|derivation| derivation.within);
        !goes_on && within.is_none_or(|within| earlier.admitted.plus(within) > self.parts().journal.now())
    }

    /// Tells again what came of the earlier call, as far as the policies of today let it pass.
    async fn replay(
        &self,
        call: &Call,
        idempotency: &Idempotency,
        earlier: &PastCall,
        outcome: Outcome,
        result: &Arc<Value>,
    ) -> Turned {
        let recorded = match records::replayed(call, idempotency, &earlier.id) {
            Ok(draft) => self.parts().journal.finish(draft).await,
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            return error.into();
        }
        tracing::info!(call.id = %call.id, tool = %call.tool, earlier = %earlier.id, "call answered from the record");
        let id = earlier.id.clone();
        if let Some(error) = rpc_error(result) {
            return Turned::Replayed(Box::new(Answer::Error { call: id, error, replayed: true }));
        }
        let again = Call { id: id.clone(), ..call.clone() };
        let answer = match self.reviewed(&again, outcome, result.as_ref().clone()).await {
            Told::Result(result) => Answer::Result { call: id, result: marked(result), replayed: true },
            Told::Error(error) => Answer::Error { call: id, error, replayed: true },
            Told::Refused(refused) => {
                let (refused, result) = self.refusal(&again, refused);
                Answer::Refused { call: id, refused, result: marked(result), asks: Vec::new() }
            }
        };
        Turned::Replayed(Box::new(answer))
    }

    async fn not_again(&self, call: &Call, refused: Refused) -> Turned {
        match self.turn_away(call, refused, &Judgement::none()).await {
            Ok(turned) | Err(turned) => turned,
        }
    }
}

fn conflict(earlier: &PastCall, derivation: Option<&Derivation>) -> Refused {
    let derived = earlier.idempotency.as_ref().is_some_and(|idempotency| idempotency.derived);
    let same = match derivation.filter(|_| derived) {
        Some(derivation) => {
            let minutes = derivation.within.as_secs() / 60;
            format!("the same {} within {minutes} minutes", derivation.key.join(", "))
        }
        None => "this idempotency key".to_owned(),
    };
    let reason = format!("Call {} had {same} and other arguments. Nothing was done.", earlier.id);
    Refused::by_host("idempotency_conflict", reason)
}

fn under_way(earlier: &PastCall) -> Refused {
    let reason = format!(
        "Call {}, which is the same, is still under way. It is not made twice: call again later for its answer.",
        earlier.id
    );
    Refused::by_host("idempotency_in_progress", reason)
}

fn unknown(earlier: &PastCall) -> Refused {
    let reason = format!(
        "Call {}, which is the same, was sent, and no answer came: it may have been carried out or not. It is not made \
         twice; an operator can settle it.",
        earlier.id
    );
    Refused::by_host("idempotency_unknown", reason)
}

fn not_kept(earlier: &PastCall, outcome: Outcome) -> Refused {
    let reason = format!(
        "Call {}, which is the same, has ended as {outcome}; its result is not kept. It is not made twice.",
        earlier.id
    );
    Refused::by_host("idempotency_no_result", reason)
}

fn marked(mut result: Value) -> Value {
    if let Some(fields) = result.as_object_mut() {
        let meta = fields.entry("_meta").or_insert_with(|| json!({}));
        if let Some(meta) = meta.as_object_mut() {
            meta.insert(REPLAYED.to_owned(), true.into());
        }
    }
    result
}
