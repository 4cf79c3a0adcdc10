//! The one straight line that every call takes, whatever door it came in by.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    ClientAnswer, ClientQuestion, Config, Refused,
    asking::{Asked, Granted},
    committing::{self, Vain},
    deferred::Deferred,
    records,
    refusing::{self, Turned},
    waiting::Waiting,
    wording,
};
use crate::{
    approvals::Approvals,
    call::{Batch, Call, CallId, Caller},
    downstream::{Catalogue, Link, RpcError, State, Tool, ToolServer},
    journal::{Draft, Journal, Permit},
    ledger::{Ledger, View},
    pins::Pins,
    policy::{Judgement, Policies, Record},
    scope::Scope,
    stops::Stops,
    tasks::Tasks,
    verdict::{Decision, Refusal},
};

/// Most calls of which one process puts down that a candidate judged them otherwise. The calls' own records have them all.
const MOST_DIVERGENCES: u64 = 100;

/// One request to run one tool, as a door received it.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// The name that AI apps see, or `server/tool`.
    pub tool: String,
    /// The arguments; empty if none were sent.
    pub arguments: Map<String, Value>,
    /// Parameters beside the name, the arguments and `_meta`, as sent.
    pub beside: Map<String, Value>,
    /// By whom, as the door established it.
    pub caller: Caller,
    /// In which session.
    pub session: String,
    /// The call that had asked for input and that this one goes on with.
    pub continues: Option<CallId>,
    /// What its caller calls this piece of work, which is done once however often it is asked for: 1 to 255 visible ASCII
    /// characters.
    pub idempotency_key: Option<String>,
    /// What the client has brought back of questions that were put through it.
    pub answers: Vec<ClientAnswer>,
    /// The calls that people are to be asked about together with this one, as the caller says.
    pub batch: Option<Batch>,
}

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    /// The tool's own `CallToolResult`, or its server's `InputRequiredResult`.
    Result {
        /// The call's id.
        call: CallId,
        /// As the server gave it, unless a policy changed it.
        result: Value,
        /// Whether it is the recorded answer of an earlier call that is the same; then the id is that call's.
        replayed: bool,
    },
    /// It was refused, or its answer was withheld.
    Refused {
        /// The call's id.
        call: CallId,
        /// Every refusal.
        refused: Vec<Refused>,
        /// The same as an MCP `CallToolResult` for the model.
        result: Value,
        /// What a client that can come back is to ask the person at it first.
        asks: Vec<ClientQuestion>,
    },
    /// A protocol error: no such tool, or the server's own JSON-RPC error, passed on.
    Error {
        /// The call's id.
        call: CallId,
        /// The error.
        error: RpcError,
        /// As with a result.
        replayed: bool,
    },
}

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

/// A call that is known to be for a tool of a server, and what was asked before policies rewrote it.
pub(super) struct Identified {
    pub(super) server: Arc<dyn ToolServer>,
    pub(super) call: Call,
    pub(super) before: Option<Arc<Map<String, Value>>>,
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

    /// Steps 2 to 6 of the line: view, judge, and then refuse, wait, ask or admit, until one of them is final.
    async fn admit(
        &self,
        identified: &mut Identified,
        answers: &[ClientAnswer],
        link: &Link,
    ) -> Result<Permit, Turned> {
        let parts = self.parts();
        // What came of an earlier call that is the same is known whether or not this one could be made.
        drop(self.unrepeated(&identified.call, link).await?);
        if let State::Away { .. } = identified.server.status().state {
            let reason =
                format!("The server of {} is not available at the moment. Try again later.", identified.call.tool);
            let refused = Refused::by_host("server_unavailable", reason);
            return Err(self.turn_away(&identified.call, refused, &Judgement::none()).await?);
        }
        self.sighted(&identified.call).await?;
        let rewriting = self.rewrite(identified).await?;
        let call = &identified.call;
        let mut waiting = Waiting::new(call, link, parts.config.heartbeat);
        if !self.take_answers(call, answers, &mut waiting).await? {
            return Err(Turned::Stale);
        }
        let mut granted = Granted::nothing();
        let mut vain = Vain::default();
        loop {
            if link.cancel.is_cancelled() {
                let reason = "The call was called off before anything was sent.";
                return Err(self.turn_away(call, Refused::by_host("cancelled", reason), &Judgement::none()).await?);
            }
            let first = self.unrepeated(call, link).await?;
            let turn = if vain.needs_a_turn() { Some(parts.journal.turn().await?) } else { None };
            let view = parts.ledger.view().await?;
            let unhindered = match self.unhindered(call).await? {
                Ok(unhindered) => unhindered,
                Err(refused) => {
                    drop(turn);
                    return Err(self.turn_away(call, refused, &Judgement::none()).await?);
                }
            };
            let mut judgement = parts.policies.judge(call, &granted.grants, &view).await;
            judgement.records.splice(0..0, rewriting.iter().cloned());
            match &judgement.decision {
                Decision::Refuse(refusals) => {
                    let refused = Refused::all(refusals);
                    let draft = records::refused(call, &refused, &judgement, view.version())?;
                    match committing::refusal(&parts.journal, turn, draft, view.guard()).await? {
                        Ok(()) => {
                            self.compare(call, &judgement).await;
                            return Err(Turned::Refused(refused));
                        }
                        Err(why) => vain.add(why),
                    }
                }
                Decision::Ask(questions) => {
                    drop(turn);
                    if let Some((policy, _)) = questions.iter().find(|(policy, _)| granted.grants.contains_key(policy))
                    {
                        let reason = format!("Policy {policy} asks again after its question was answered.");
                        return Err(self.turn_away(call, Refused::by_host("policy_fault", reason), &judgement).await?);
                    }
                    match self.ask(call, questions, &judgement, &mut waiting).await? {
                        Asked::Granted(all) => granted = all,
                        Asked::Turned(refused) => {
                            let draft = records::refused(call, &refused, &judgement, view.version())?;
                            parts.journal.append(vec![draft]).await?;
                            return Err(Turned::Refused(refused));
                        }
                        Asked::Client(refused, questions) => {
                            let draft = records::refused(call, &refused, &judgement, view.version())?;
                            parts.journal.append(vec![draft]).await?;
                            return Err(Turned::AsksClient(refused, questions));
                        }
                    }
                }
                Decision::Hold(holds) => {
                    if let Some(until) = waiting.time_for(holds) {
                        drop(turn);
                        waiting.for_room(parts, until, &view).await;
                        vain = Vain::default();
                        continue;
                    }
                    let refused = Refused::in_vain(holds);
                    let draft = records::refused(call, &refused, &judgement, view.version())?;
                    match committing::refusal(&parts.journal, turn, draft, view.guard()).await? {
                        Ok(()) => return Err(Turned::Refused(refused)),
                        Err(why) => vain.add(why),
                    }
                }
                Decision::Allow => {
                    let drafts = self.admission(identified, &judgement, &view, &granted.spends)?;
                    // Grants are looked up anew after a conflict: one of them may be what has changed.
                    let approved = std::mem::replace(&mut granted, Granted::nothing()).guard;
                    match committing::admission(
                        &parts.journal,
                        turn,
                        call,
                        drafts,
                        view.guard(),
                        approved.and(unhindered).and(first),
                    )
                    .await?
                    {
                        Ok(permit) => {
                            self.compare(call, &judgement).await;
                            return Ok(permit);
                        }
                        Err(why) => vain.add(why),
                    }
                }
            }
            if vain.is_hopeless() {
                return Err(self.turn_away(call, Refused::too_slow(&judgement), &judgement).await?);
            }
        }
    }

    /// Takes note of what candidates said of a call that is decided.
    async fn compare(&self, call: &Call, judgement: &Judgement) {
        for divergence in self.0.policies.compare(judgement) {
            if divergence.before >= MOST_DIVERGENCES {
                continue;
            }
            let recorded = match records::diverged(call, &divergence) {
                Ok(draft) => self.0.journal.append(vec![draft]).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                tracing::error!(call.id = %call.id, %error, "that a candidate judged otherwise could not be recorded");
            }
        }
    }

    /// Lets the transforming policies change the arguments, before anyone judges. Returns what each of them did.
    async fn rewrite(&self, identified: &mut Identified) -> Result<Vec<Record>, Turned> {
        let parts = self.parts();
        let policies = &parts.policies;
        if !policies.iter().any(|policy| policy.plugin().exports().transform) {
            return Ok(Vec::new());
        }
        let view = parts.ledger.view().await?;
        let rewritten = policies.rewrite(&identified.call, &view).await;
        if !rewritten.refused.is_empty() {
            let refused = Refused::all(&rewritten.refused);
            let decision = Decision::Refuse(rewritten.refused);
            let set = policies.digest().clone();
            let judgement = Judgement { records: rewritten.records, decision, scopes: Vec::new(), set };
            let draft = records::refused(&identified.call, &refused, &judgement, view.version())?;
            parts.journal.append(vec![draft]).await?;
            return Err(Turned::Refused(refused));
        }
        if let Some(arguments) = rewritten.arguments {
            let before = std::mem::replace(&mut identified.call.arguments, Arc::new(arguments));
            identified.before = Some(before);
        }
        Ok(rewritten.records)
    }

    /// Records that a call goes no further for a reason of the host's own.
    pub(super) async fn turn_away(
        &self,
        call: &Call,
        refused: Refused,
        judgement: &Judgement,
    ) -> Result<Turned, Turned> {
        let refused = vec![refused];
        let draft = records::refused(call, &refused, judgement, self.0.journal.head())?;
        self.0.journal.append(vec![draft]).await?;
        Ok(Turned::Refused(refused))
    }

    fn admission(
        &self,
        identified: &Identified,
        judgement: &Judgement,
        view: &View,
        spends: &[String],
    ) -> Result<Vec<Draft>, Turned> {
        let parts = self.parts();
        let mut drafts =
            vec![records::admitted(identified, judgement, view.version(), spends, parts.journal.process())?];
        drafts.extend(parts.approvals.spend(spends, &identified.call.id)?);
        Ok(drafts)
    }

    async fn unknown_tool(&self, request: CallRequest) -> Answer {
        let call = CallId::new();
        let reason = format!("There is no tool `{}`.", request.tool);
        let refused = vec![Refused { policy: "interlock".to_owned(), refusal: Refusal::new("tool_unknown", &reason) }];
        let recorded = match records::unknown_tool(&call, &request, &refused, self.0.journal.now()) {
            Ok(draft) => self.0.journal.append(vec![draft]).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = recorded {
            tracing::error!(%error, "a refusal could not be recorded");
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
