//! Who is asking: what one request says of its client, in both eras of MCP.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::message::{INVALID_PARAMS, Object, Request, UNSUPPORTED_VERSION, rpc};
use crate::{
    call::{Batch, Caller},
    downstream::{RpcError, takes_forms, without_tasks},
    mediation::is_idempotency_key,
};

/// The revision that did away with sessions and `initialize`.
pub(super) const MODERN: &str = "2026-07-28";
/// The newest revision that has `initialize`.
const NEWEST_LEGACY: &str = "2025-11-25";
/// Everything that is spoken here, newest first.
pub(super) const VERSIONS: [&str; 5] = [MODERN, NEWEST_LEGACY, "2025-06-18", "2025-03-26", "2024-11-05"];

/// Keys of `_meta` that belong to the protocol begin so.
const OWN_PREFIX: &str = "io.modelcontextprotocol/";
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_KEY: &str = "io.modelcontextprotocol/clientInfo";
const LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";
/// Our own keys of `_meta` begin so.
const INTERLOCK_PREFIX: &str = "interlock/";
/// Which session a stateless request belongs to.
pub(super) const SESSION_KEY: &str = "interlock/session";
/// What the client calls this piece of work.
const IDEMPOTENCY_KEY: &str = "interlock/idempotency-key";
/// Which calls people are to be asked about together with this one.
const BATCH_KEY: &str = "interlock/batch";
/// Longest session name that a client may give, in bytes.
const LONGEST_SESSION: usize = 128;

/// Log levels of MCP (RFC 5424), least severe first.
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// The two ways in which MCP has been spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// Up to 2025-11-25: `initialize`, sessions, requests in both directions.
    Legacy,
    /// From 2026-07-28: every request stands for itself.
    Modern,
}

/// What is known of the client, from `initialize` or from the request itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Facts {
    /// Protocol revision.
    pub(super) version: String,
    /// MCP `ClientCapabilities`.
    pub(super) capabilities: Value,
    /// What the client calls itself.
    pub(super) name: Option<String>,
    /// Log level that it asked for.
    pub(super) log_level: Option<String>,
}

/// One request's client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) era: Era,
    pub(super) facts: Facts,
    pub(super) caller: Caller,
    /// The session, where the transport has one.
    pub(super) session: Option<String>,
}

impl Client {
    /// Whether the client can be asked `method`, with these parameters, at all.
    pub(super) fn can_be_asked(&self, method: &str, params: &Value) -> bool {
        let capability = |name: &str| self.facts.capabilities.get(name).filter(|it| it.is_object());
        match method {
            "sampling/createMessage" => capability("sampling").is_some(),
            "roots/list" => capability("roots").is_some(),
            "elicitation/create" => match params.get("mode").and_then(Value::as_str) {
                None | Some("form") => takes_forms(&self.facts.capabilities),
                Some(mode) => capability("elicitation").is_some_and(|elicitation| elicitation.get(mode).is_some()),
            },
            _ => false,
        }
    }

    /// Whether a log message of this level is to be passed on.
    pub(super) fn admits(&self, level: Option<&str>) -> bool {
        admits(self.era, self.facts.log_level.as_deref(), level)
    }
}

/// Whether a client that asked for `wanted` gets log messages of `level`.
pub(super) fn admits(era: Era, wanted: Option<&str>, level: Option<&str>) -> bool {
    match (wanted.and_then(severity), era) {
        (Some(wanted), _) => level.and_then(severity).is_none_or(|level| level >= wanted),
        // Before 2026-07-28 a server logs at its own discretion until it is told a level; since then, only when told.
        (None, Era::Legacy) => true,
        (None, Era::Modern) => false,
    }
}

/// Where a log level stands; none if there is no such level.
pub(super) fn severity(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

/// Whether a request opens a connection the legacy way. One that stands for itself does not: to it there is no such
/// method.
pub(super) fn opens(request: &Request) -> bool {
    request.method == "initialize"
        && (request.params.contains_key("protocolVersion") || said_version(request).is_none())
}

/// The revision that a request says it speaks.
pub(super) fn said_version(request: &Request) -> Option<&str> {
    request.meta().and_then(|meta| meta.get(VERSION_KEY)).and_then(Value::as_str)
}

/// What the parameters of `initialize` say.
///
/// # Errors
/// `-32602` if the revision is not given.
pub(super) fn handshake(params: &Object) -> Result<Facts, RpcError> {
    let asked = params
        .get("protocolVersion")
        .and_then(Value::as_str)
        .ok_or_else(|| rpc(INVALID_PARAMS, "`protocolVersion` is missing"))?;
    let version = if asked != MODERN && VERSIONS.contains(&asked) { asked } else { NEWEST_LEGACY };
    Ok(Facts {
        version: version.to_owned(),
        capabilities: capabilities(Era::Legacy, params.get("capabilities").cloned().unwrap_or_else(|| json!({}))),
        name: params.get("clientInfo").and_then(name),
        log_level: None,
    })
}

/// What a request says of its client by itself; none if it speaks the legacy way.
///
/// `modern_transport` says that the transport has already announced the modern era.
///
/// # Errors
/// `-32602` if a modern request lacks what it must say, `-32022` if its revision is not spoken here.
pub(super) fn declared(request: &Request, modern_transport: bool) -> Result<Option<Facts>, RpcError> {
    let meta = request.meta();
    let get = |key: &str| meta.and_then(|meta| meta.get(key));
    let discovers = request.method == "server/discover";
    let version = said_version(request);
    match version {
        Some(version) if !VERSIONS.contains(&version) => {
            return Err(RpcError {
                code: UNSUPPORTED_VERSION,
                message: "unsupported protocol version".to_owned(),
                data: Some(json!({"supported": VERSIONS, "requested": version})),
            });
        }
        Some(MODERN) => {}
        Some(_) if discovers || modern_transport => {}
        None if discovers || modern_transport || get(VERSION_KEY).is_some() => {}
        Some(_) | None => return Ok(None),
    }
    let capable = get(CAPABILITIES_KEY).filter(|it| it.is_object());
    let (Some(version), Some(capable)) = (version, capable) else {
        let missing: Vec<_> = [(VERSION_KEY, version.is_none()), (CAPABILITIES_KEY, capable.is_none())]
            .into_iter()
            .filter_map(|(key, missing)| missing.then_some(key))
            .collect();
        return Err(rpc(
            INVALID_PARAMS,
            format!("request _meta is missing or has malformed required fields: {}", missing.join(", ")),
        ));
    };
    Ok(Some(Facts {
        version: version.to_owned(),
        capabilities: capabilities(Era::Modern, capable.clone()),
        name: get(CLIENT_KEY).and_then(name),
        log_level: get(LEVEL_KEY).and_then(Value::as_str).map(str::to_owned),
    }))
}

/// The session that a stateless request names.
///
/// # Errors
/// `-32602` if it is no text of 1 to 128 bytes.
pub(super) fn named_session(request: &Request) -> Result<Option<String>, RpcError> {
    match request.meta().and_then(|meta| meta.get(SESSION_KEY)) {
        None => Ok(None),
        Some(Value::String(name)) if !name.is_empty() && name.len() <= LONGEST_SESSION => Ok(Some(name.clone())),
        Some(_) => Err(rpc(
            INVALID_PARAMS,
            format!("`_meta[\"{SESSION_KEY}\"]` is not a text of 1 to {LONGEST_SESSION} bytes"),
        )),
    }
}

/// What a request's client calls the piece of work that it asks for.
///
/// # Errors
/// `-32602` if it is no such name.
pub(super) fn idempotency_key(request: &Request) -> Result<Option<String>, RpcError> {
    match request.meta().and_then(|meta| meta.get(IDEMPOTENCY_KEY)) {
        None => Ok(None),
        Some(Value::String(key)) if is_idempotency_key(key) => Ok(Some(key.clone())),
        Some(_) => Err(rpc(
            INVALID_PARAMS,
            format!("`_meta[\"{IDEMPOTENCY_KEY}\"]` is not a text of 1 to 255 visible ASCII characters"),
        )),
    }
}

/// The calls that people are to be asked about together with this one, where the request names such.
///
/// # Errors
/// `-32602` if it names them in a way that nothing can be named.
pub(super) fn named_batch(request: &Request) -> Result<Option<Batch>, RpcError> {
    let Some(named) = request.meta().and_then(|meta| meta.get(BATCH_KEY)) else { return Ok(None) };
    let (name, size) = (named.get("name").and_then(Value::as_str), named.get("size").and_then(Value::as_u64));
    let batch = name.zip(size).and_then(|(name, size)| Batch::new(name, size));
    batch.map(Some).ok_or_else(|| {
        let what = format!("`_meta[\"{BATCH_KEY}\"]` is not `{{\"name\": TEXT, \"size\": 1 to {}}}`", Batch::MOST);
        rpc(INVALID_PARAMS, what)
    })
}

/// A request's `_meta` as a server may see it: without what is between this client and this door alone.
pub(super) fn meta_to_pass_on(request: &Request) -> Object {
    let mut meta = request.meta().cloned().unwrap_or_default();
    let between_us = |key: &str| [OWN_PREFIX, INTERLOCK_PREFIX].iter().any(|prefix| key.starts_with(prefix));
    meta.retain(|key, _| key != "progressToken" && !between_us(key));
    meta
}

/// What a client can do, as far as this door helps it to: of tasks, it knows the extension of 2026-07-28 only. A server
/// must not think that the client could take any other.
pub(super) fn capabilities(era: Era, mut declared: Value) -> Value {
    if let Some(declared) = declared.as_object_mut() {
        declared.shift_remove("tasks");
    }
    if era == Era::Legacy {
        without_tasks(&mut declared);
    }
    declared
}

fn name(info: &Value) -> Option<String> {
    info.get("name").and_then(Value::as_str).map(str::to_owned)
}
