//! From one request to its answer, whatever the transport. The straight line through the AI's door.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{
    Gateway, Inner,
    client::{self, Client, Era},
    input::{self, Back, Parked},
    line::{self, Line},
    message::{self, Object, Request, rpc},
    offer,
    params::{Method, understand},
    relay::{Asked, Done, Reply, Running, Stop, relay},
};
use crate::{
    call::CallId,
    downstream::{Link, Resume, RpcError, TASKS, declares_tasks},
    mediation::{Answer, CallRequest, ClientAnswer},
};

/// What a call comes back with that was begun by an earlier request.
#[derive(Debug, Default)]
pub(super) struct Returned {
    /// The call that had asked for input.
    continues: Option<CallId>,
    /// What the person at the client said.
    answers: Vec<ClientAnswer>,
    /// The session that it began in.
    session: Option<String>,
}

impl Gateway {
    /// Answers one request: the JSON-RPC message to send last, or none if the client has called the request off.
    pub(super) async fn answer(&self, request: Request, client: Client, line: &Line) -> Option<Value> {
        let id = request.id.clone();
        let Ok(_room) = self.inner.room.try_acquire() else {
            return Some(message::error(&id, rpc(message::BUSY, "too many requests are open; try again later")));
        };
        match self.inner.outcome(request, &client, line).await {
            Ok(result) => result.map(|result| message::result(&id, result)),
            Err(error) => Some(message::error(&id, in_words_of(client.era, error))),
        }
    }
}

/// Since 2026-07-28 a resource that is not there is a wrong parameter; before, it had a code of its own.
fn in_words_of(era: Era, error: RpcError) -> RpcError {
    match (era, error.code) {
        (Era::Modern, -32002) => RpcError { code: message::INVALID_PARAMS, ..error },
        _ => error,
    }
}

impl Inner {
    async fn outcome(
        self: &Arc<Self>,
        request: Request,
        client: &Client,
        line: &Line,
    ) -> Result<Option<Value>, RpcError> {
        let method = understand(&request, client.era)?;
        let name = request.method.clone();
        let result = match method {
            Method::Ping => Some(json!({})),
            Method::Discover => Some(offer::discovery(&self.behind.offered())),
            Method::ListTools => {
                let tools: Vec<Value> = self.behind.tools().iter().map(|tool| offer::tool(tool, client.era)).collect();
                Some(json!({"tools": tools}))
            }
            Method::CallTool => self.forward(request, client, line, true).await?,
            Method::Task => {
                self.takes_tasks(client, &name)?;
                self.forward(request, client, line, false).await?
            }
            Method::PassedOn { may_ask } => self.forward(request, client, line, may_ask).await?,
            Method::SetLevel => self.set_level(request, client, line).await?,
            Method::Subscribe => self.subscribe(request, client, line).await?,
            Method::Unsubscribe => self.unsubscribe(&request, line).await,
            Method::Listen => self.listen(request, line).await?,
        };
        Ok(result.map(|result| offer::dress(&name, result, client.era)))
    }

    /// Whether there are tasks, and the client says that it knows what they are.
    fn takes_tasks(&self, client: &Client, method: &str) -> Result<(), RpcError> {
        if !declares_tasks(&self.behind.offered().capabilities) {
            return Err(rpc(message::METHOD_NOT_FOUND, format!("there is no method `{method}`")));
        }
        if declares_tasks(&client.facts.capabilities) {
            return Ok(());
        }
        Err(RpcError {
            code: message::MISSING_CAPABILITY,
            message: "the client does not declare that it takes tasks".to_owned(),
            data: Some(json!({"requiredCapabilities": {"extensions": {TASKS: {}}}})),
        })
    }

    async fn set_level(
        self: &Arc<Self>,
        request: Request,
        client: &Client,
        line: &Line,
    ) -> Result<Option<Value>, RpcError> {
        if let (Some(connection), Some(level)) =
            (line.connection(), request.params.get("level").and_then(Value::as_str))
        {
            connection.set_level(level);
        }
        match self.forward(request, client, line, false).await {
            // The level holds at this door, whether or not a server behind it can be told.
            Ok(Some(_)) | Err(_) => Ok(Some(json!({}))),
            Ok(None) => Ok(None),
        }
    }

    /// Has a request carried out behind the door, and relays what happens meanwhile. None: the client called it off.
    pub(super) async fn forward(
        self: &Arc<Self>,
        mut request: Request,
        client: &Client,
        line: &Line,
        may_ask: bool,
    ) -> Result<Option<Value>, RpcError> {
        let token = request.meta().and_then(|meta| meta.get("progressToken"));
        let token = token.filter(|token| token.is_string() || token.is_number()).cloned();
        let comes_back = may_ask && client.era == Era::Modern;
        let (bound, back) = if comes_back {
            let bound = input::binding(&client.caller.principal, &request.method, &request.params);
            let back = self.waiting.come_back(&mut request, &bound)?;
            (bound, back)
        } else {
            (Vec::new(), None)
        };
        let running = match back {
            Some(Back::Parked(running)) => running,
            Some(Back::Unanswered(running, asked)) => return self.park(running, asked, &bound).map(Some),
            Some(Back::Server { resume, continues }) => {
                let back = Returned { continues, ..Returned::default() };
                self.begin(request, client, comes_back, Some(resume), back).await?
            }
            Some(Back::Answers { answers, session }) => {
                let back = Returned { answers, session: Some(session), continues: None };
                self.begin(request, client, comes_back, None, back).await?
            }
            None => self.begin(request, client, comes_back, None, Returned::default()).await?,
        };
        match relay(running, client, line, token, comes_back).await {
            Stop::Ended(done) => self.end(done, comes_back, &bound).map(Some),
            Stop::Asks(running, asked) => self.park(running, asked, &bound).map(Some),
            Stop::CalledOff => Ok(None),
        }
    }

    fn end(&self, done: Done, comes_back: bool, bound: &[u8]) -> Result<Value, RpcError> {
        let Reply { call, result, asks } = done?;
        if let (true, Some(first)) = (comes_back, asks.first()) {
            let session = first.session.clone();
            return self.waiting.ask(asks, session, bound).map_err(internal);
        }
        match result.get("resultType").and_then(Value::as_str) {
            Some("input_required") if comes_back => self.waiting.wrap(result, call, bound).map_err(internal),
            Some("input_required") => Err(rpc(message::INTERNAL_ERROR, "the server asks for input in a wrong place")),
            Some(_) | None => Ok(result),
        }
    }

    /// Starts the operation that a request is about.
    pub(super) async fn begin(
        self: &Arc<Self>,
        mut request: Request,
        client: &Client,
        takes_input_required: bool,
        resumes: Option<Resume>,
        back: Returned,
    ) -> Result<Running, RpcError> {
        let cancel = self.cut.child_token();
        let (sender, messages) = mpsc::channel(line::CAPACITY);
        let link = Link {
            messages: sender,
            cancel: cancel.clone(),
            meta: client::meta_to_pass_on(&request),
            wants_progress: request.meta().is_some_and(|meta| meta.contains_key("progressToken")),
            capabilities: client.facts.capabilities.clone(),
            takes_input_required,
            resumes,
            log_level: client.facts.log_level.clone(),
        };
        let behind = Arc::clone(&self.behind);
        if request.method == "tools/call" {
            let call = self.call_request(&mut request, client, back).await?;
            let operation = Box::pin(async move {
                match behind.call(call, link).await {
                    Answer::Result { call, result, .. } => Ok(Reply { call: Some(call), result, asks: Vec::new() }),
                    Answer::Refused { call, result, asks, .. } => Ok(Reply { call: Some(call), result, asks }),
                    Answer::Error { error, .. } => Err(error),
                }
            });
            return Ok(Running { operation, messages, cancel });
        }
        let Request { method, mut params, .. } = request;
        if method.starts_with("tasks/") {
            params.shift_remove("_meta");
            let caller = client.caller.clone();
            let operation = Box::pin(async move {
                let result = behind.task(&method, params, caller, link).await?;
                Ok(Reply { call: None, result, asks: Vec::new() })
            });
            return Ok(Running { operation, messages, cancel });
        }
        for in_the_link in ["_meta", "requestState", "inputResponses"] {
            params.shift_remove(in_the_link);
        }
        let operation = Box::pin(async move {
            let result = behind.request(&method, Value::Object(params), link).await?;
            Ok(Reply { call: None, result, asks: Vec::new() })
        });
        Ok(Running { operation, messages, cancel })
    }

    async fn call_request(
        &self,
        request: &mut Request,
        client: &Client,
        back: Returned,
    ) -> Result<CallRequest, RpcError> {
        let Returned { continues, answers, session } = back;
        let session = match &client.session {
            Some(session) => session.clone(),
            None => match client::named_session(request)?.or(session) {
                Some(session) => session,
                None => self.behind.current_session(&client.caller.principal).await?,
            },
        };
        let idempotency_key = client::idempotency_key(request)?;
        let batch = client::named_batch(request)?;
        let tool = request.params.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let arguments = match request.params.shift_remove("arguments") {
            Some(Value::Object(arguments)) => arguments,
            Some(_) | None => Object::new(),
        };
        let mut beside = std::mem::take(&mut request.params);
        // The last is of MCP 2025-11-25: a call that becomes a task is not finished when it is answered.
        beside.retain(|key, _| !["name", "_meta", "requestState", "inputResponses", "task"].contains(&key.as_str()));
        let caller = client.caller.clone();
        Ok(CallRequest { tool, arguments, beside, caller, session, continues, idempotency_key, answers, batch })
    }

    /// Keeps an operation open beyond its request, until the client comes back with an answer or stays away too long.
    fn park(self: &Arc<Self>, running: Running, asked: Asked, bound: &[u8]) -> Result<Value, RpcError> {
        let question = json!({"method": asked.method, "params": asked.params});
        let Running { mut operation, messages, cancel } = running;
        let (end, ended) = oneshot::channel();
        let rest = Box::pin(async move {
            ended.await.unwrap_or_else(|_| Err(rpc(message::INTERNAL_ERROR, "the call was dropped")))
        });
        let running = Running { operation: rest, messages, cancel: cancel.clone() };
        let nonce = self.waiting.park(Parked { running, asked });
        let (inner, parked) = (Arc::clone(self), nonce.clone());
        self.tasks.spawn("parked call", async move {
            let stopping = inner.tasks.stopping();
            let ended = tokio::select! {
                done = &mut operation => Some(done),
                () = tokio::time::sleep(inner.waiting.lasts()) => None,
                () = stopping.cancelled() => None,
            };
            let done = match ended {
                Some(done) => done,
                None => {
                    // Still there: nobody came back. Else it is being relayed again, and has its own end.
                    if inner.waiting.take(&parked).is_some() {
                        cancel.cancel();
                    }
                    operation.await
                }
            };
            // Whoever waited may be gone.
            drop(end.send(done));
        });
        self.waiting.question(nonce, &question, bound).map_err(internal)
    }
}

fn internal(error: rmcp::model::RequestStateError) -> RpcError {
    tracing::error!(%error, "state for a client cannot be signed");
    rpc(message::INTERNAL_ERROR, "internal error")
}
