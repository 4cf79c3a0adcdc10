//! The one straight line that every call takes, whatever door it came in by.

use std::sync::Arc;

use serde_json::Value;

use super::{
    Answer, CallRequest, Config, Refused,
    deferred::Deferred,
    records,
    refusing::{self, Turned},
    request::Identified,
    wording,
};
use crate::{
    approvals::Approvals,
    call::{Call, CallId},
    downstream::{Catalogue, Link, RpcError, Tool},
    journal::Journal,
    ledger::Ledger,
    pins::Pins,
    policy::Policies,
    scope::Scope,
    stops::Stops,
    tasks::Tasks,
};

/// Takes every call down the one straight line, by the servers and policies of one configuration. Clones share everything.
///
/// Another configuration is another mediator ([`Mediator::succeeded_by`]), so that a call ends by the rules it began under.
#[derive(Clone)]
pub struct Mediator(Arc<Parts>);

/// What the line is made of.
pub(super) struct Parts {
    pub(super) catalogue: Catalogue,
    pub(super) policies: Policies,
    pub(super) ledger: Ledger,
    pub(super) approvals: Approvals,
    /// None: definitions are not pinned.
    pub(super) pins: Option<Pins>,
    pub(super) stops: Stops,
    pub(super) journal: Journal,
    pub(super) tasks: Tasks,
    pub(super) deferred: Arc<Deferred>,
    pub(super) config: Config,
}

impl Mediator {
    /// Puts the line together. `tasks` owns the calls that are under way: they outlive the requests they came with.
    pub fn new(config: Config, catalogue: Catalogue, policies: Policies, journal: Journal, tasks: Tasks) -> Self {
        Self(Arc::new(Parts {
            ledger: Ledger::new(journal.clone()),
            approvals: Approvals::new(journal.clone()),
            pins: config.pin_tools.then(|| Pins::new(journal.clone())),
            stops: Stops::new(journal.clone()),
            policies,
            catalogue,
            journal,
            tasks,
            deferred: Arc::new(Deferred::new()),
            config,
        }))
    }

    /// The line of another configuration over the same journal. Calls that are under way stay on this one.
    pub fn succeeded_by(&self, config: Config, catalogue: Catalogue, policies: Policies) -> Self {
        let Parts { ledger, approvals, stops, journal, tasks, deferred, .. } = self.parts();
        let pins = self.0.pins.clone().unwrap_or_else(|| Pins::new(journal.clone()));
        Self(Arc::new(Parts {
            catalogue,
            policies,
            ledger: ledger.clone(),
            approvals: approvals.clone(),
            pins: config.pin_tools.then_some(pins),
            stops: stops.clone(),
            journal: journal.clone(),
            tasks: tasks.clone(),
            deferred: deferred.clone(),
            config,
        }))
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }

    /// The servers' tools, prompts and resources.
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// The questions to humans.
    pub fn approvals(&self) -> &Approvals {
        &self.0.approvals
    }

    /// The pinned definitions of tools; none if they are not pinned.
    pub fn pins(&self) -> Option<&Pins> {
        self.0.pins.as_ref()
    }

    /// The policies in force.
    pub fn policies(&self) -> &Policies {
        &self.0.policies
    }

    /// The tools that AI apps see: MCP `Tool` objects under their exposed names, in a fixed order, each guarded one with
    /// a line that tells its rules. Those that are held back have the definition that is pinned.
    pub async fn tools(&self) -> Vec<Arc<Value>> {
        let policies = self.policies();
        let mut tools = Vec::new();
        for tool in self.0.catalogue.tools().iter() {
            let tool = match self.as_pinned(tool).await {
                Ok(Some(tool)) => tool,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, tool = %tool.name, "a tool is not shown: what is pinned cannot be read");
                    continue;
                }
            };
            let rules = match self.0.config.describe_rules {
                true => policies.rules(&tool.name, &tool.hints).await,
                false => Vec::new(),
            };
            tools.push(Arc::new(wording::exposed(&self.0.catalogue, &tool, &rules)));
        }
        tools
    }

    /// Carries one call out, or refuses it.
    ///
    /// The request may be dropped at any time: what was sent is awaited and recorded all the same.
    pub async fn call(&self, mut request: CallRequest, link: Link) -> Answer {
        let answers = std::mem::take(&mut request.answers);
        let identified = match self.identify(request) {
            Ok(identified) => identified,
            Err(unknown) => return self.unknown_tool(*unknown).await,
        };
        let mut identified = identified;
        match self.admit(&mut identified, &answers, &link).await {
            Ok(permit) => self.send(identified, permit, link).await,
            Err(Turned::Replayed(answer)) => *answer,
            Err(Turned::Stale) => {
                let message = "what was answered is not asked about this call, or was answered before".to_owned();
                let error = RpcError { code: -32602, message, data: None };
                Answer::Error { call: identified.call.id, error, replayed: false }
            }
            Err(turned @ (Turned::Refused(_) | Turned::AsksClient(..) | Turned::NoJournal(_))) => {
                self.refused(&identified.call, turned)
            }
        }
    }

    /// Finds the tool, and puts the request in our words.
    pub(super) fn identify(&self, request: CallRequest) -> Result<Identified, Box<CallRequest>> {
        let Some((server, tool)) = self.0.catalogue.find(&request.tool) else { return Err(Box::new(request)) };
        let Tool { name, digest, hints, .. } = tool;
        let mut call = Call {
            id: CallId::new(),
            tool: name,
            arguments: Arc::new(request.arguments),
            beside: Arc::new(request.beside),
            caller: request.caller,
            session: request.session,
            received: self.0.journal.now(),
            hints,
            definition: digest,
            continues: request.continues,
            idempotency: None,
            batch: request.batch,
        };
        // Of what the caller sent: policies may rewrite it to something else each time.
        call.idempotency = self.idempotency(&call, request.idempotency_key);
        Ok(Identified { server, call, before: None })
    }

    async fn unknown_tool(&self, mut request: CallRequest) -> Answer {
        let call = CallId::new();
        let awaited = self.0.catalogue.awaited(&request.tool);
        let (code, reason) = match &awaited {
            Some(tool) => {
                let server = tool.server();
                (
                    "server_unavailable",
                    format!("The server `{server}` is not available at the moment. Try again later."),
                )
            }
            None => ("tool_unknown", format!("There is no tool `{}`.", request.tool)),
        };
        let refused = vec![Refused::by_host(code, &reason)];
        if let Some(tool) = &awaited {
            request.tool = tool.to_string();
        }
        let recorded = match records::unknown_tool(&call, &request, &refused, self.0.journal.now()) {
            Ok(draft) => self.0.journal.append(vec![draft]).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            tracing::error!(%error, "a refusal could not be recorded");
        }
        if awaited.is_some() {
            let result = refusing::result(&self.0.catalogue, &call, &refused);
            return Answer::Refused { call, refused, result, asks: Vec::new() };
        }
        // MCP 2026-07-28, server/tools: an unknown tool is a protocol error, invalid params.
        let data = refusing::structured(&call, &refused);
        let error = RpcError { code: -32602, message: reason, data: Some(data) };
        Answer::Error { call, error, replayed: false }
    }

    fn refused(&self, call: &Call, mut turned: Turned) -> Answer {
        let asks = match &mut turned {
            Turned::AsksClient(_, questions) => std::mem::take(questions),
            Turned::Refused(_) | Turned::NoJournal(_) | Turned::Replayed(_) | Turned::Stale => Vec::new(),
        };
        let refused = turned.into_refused(call);
        let result = refusing::result(&self.0.catalogue, &call.id, &refused);
        tracing::info!(
            call.id = %call.id,
            tool = %call.tool,
            code = refused.first().map(|first| first.refusal.code.as_str()),
            "call refused"
        );
        Answer::Refused { call: call.id.clone(), refused, result, asks }
    }

    /// Whether an answer must wait until its call's end can be seen from other processes: where a policy looks further
    /// than one session, the next call may come in by another process. In this one, the journal's queue keeps the order.
    pub(super) fn must_be_seen_elsewhere(&self) -> bool {
        self.0.policies.iter().any(|policy| *policy.scope() != Scope::Session)
    }
}

impl std::fmt::Debug for Mediator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mediator").field("config", &self.0.config).finish_non_exhaustive()
    }
}
