//! The section of questions to people: how long they live, who comes in later, and who is told.

use std::time::Duration;

use url::{Host, Url};

use super::{
    document::Node,
    findings::Findings,
    problem::ProblemKind::BadValue,
    shape::{Key, Shape},
};
use crate::{
    approvals::{self, Escalation},
    notices::{Format, News, Webhook},
    secret::Secret,
};

/// What the section may hold.
pub(super) const SHAPE: Shape = Shape::Table(&[
    Key::new(
        "expire_minutes",
        Shape::Whole(1, 43_200),
        "Minutes for which a question stays open unless its policy says \
        otherwise; 60 unless given.",
    ),
    Key::new(
        "hold_open_seconds",
        Shape::Whole(0, 3_600),
        "Seconds for which a call waits for the answer before the AI app \
        is told to call again; 45 unless given.",
    ),
    Key::new(
        "escalate",
        Shape::List(&Shape::Table(&[
            Key::required("from", Shape::Text, "The role that a question is for."),
            Key::required("to", Shape::Text, "The role whose holders may answer it as well, after a while."),
            Key::required("after_minutes", Shape::Whole(1, 43_200), "After how many minutes without enough answers."),
        ])),
        "Who may answer a question as well that has been open for a while.",
    ),
    Key::new(
        "webhooks",
        Shape::List(&Shape::Table(&[
            Key::required("url", Shape::Text, "Where questions are posted: https, or http on this machine."),
            Key::new(
                "secret",
                Shape::Text,
                "What they are signed with; at least 16 characters, or `whsec_` and base64.",
            ),
            Key::new("format", Shape::Word(&["json", "slack"]), "How they are written; json unless given."),
            Key::new(
                "events",
                Shape::List(&Shape::Word(&["escalated", "granted", "refused", "expired"])),
                "What is posted beside the question itself; all of it unless given.",
            ),
        ])),
        "Who is told of questions, and of what becomes of them.",
    ),
]);

/// Fewest characters of a secret.
const SHORTEST_SECRET: usize = 16;

/// How long questions live, how long a client waits for an answer, and who comes in later.
pub(super) fn read(section: Option<&Node>, findings: &mut Findings<'_>) -> approvals::Config {
    let number = |key| section.and_then(|section| section.get(key)).and_then(Node::whole);
    let expire = number("expire_minutes").unwrap_or(60);
    for after in items(section, "escalate").iter().filter_map(|step| step.get("after_minutes")) {
        if after.whole().is_some_and(|minutes| minutes >= expire) {
            findings.note(after, &format!("comes too late, unless a policy asks for longer than {expire} minutes"));
        }
    }
    approvals::Config {
        expire: Duration::from_secs(60 * expire),
        hold_open: Duration::from_secs(number("hold_open_seconds").unwrap_or(45)),
        escalate: items(section, "escalate").iter().filter_map(|step| escalation(step, findings)).collect(),
    }
}

/// Who is told of questions.
pub(super) fn webhooks(section: Option<&Node>, findings: &mut Findings<'_>) -> Vec<Webhook> {
    items(section, "webhooks").iter().filter_map(|webhook| self::webhook(webhook, findings)).collect()
}

fn items<'n>(section: Option<&'n Node>, key: &str) -> &'n [Node] {
    section.and_then(|section| section.get(key)).map(Node::items).unwrap_or_default()
}

fn escalation(step: &Node, findings: &mut Findings<'_>) -> Option<Escalation> {
    let mut role = |key| {
        let at = step.get(key)?;
        let role = at.text()?;
        if role.trim().is_empty() {
            findings.value(at, BadValue, "must not be empty");
        }
        Some(role.to_owned())
    };
    let (from, to) = (role("from")?, role("to")?);
    if from == to {
        findings.value(step.get("to")?, BadValue, "must be another role than `from`");
    }
    let after = Duration::from_secs(60 * step.get("after_minutes")?.whole()?);
    Some(Escalation { from, to, after })
}

fn webhook(webhook: &Node, findings: &mut Findings<'_>) -> Option<Webhook> {
    let at = webhook.get("url")?;
    let url: Url = match at.text()?.parse() {
        Ok(url) if is_safe(&url) => url,
        Ok(_) | Err(_) => {
            let what = "must be an `https://` address without user and fragment; `http://` only on this machine";
            findings.value(at, BadValue, what);
            return None;
        }
    };
    let slack = webhook.get("format").and_then(Node::text) == Some("slack");
    let secret = webhook.get("secret");
    match secret.map(|at| (at, at.text().unwrap_or_default())) {
        Some((at, text)) if Webhook::key(&Secret::new(text)).len() < SHORTEST_SECRET => {
            findings.value(
                at,
                BadValue,
                "must have at least 16 characters, or be `whsec_` and the base64 of as many bytes",
            );
        }
        Some(_) => {}
        // Whoever has the address of a Slack webhook can post to it: it looks at no signature.
        None if slack => {}
        None => {
            findings.key(webhook, BadValue, "the key `secret` is missing: receivers must be able to tell who posts");
        }
    }
    let mut events: Vec<News> = vec![News::Asked];
    match webhook.get("events") {
        None => events = News::ALL.to_vec(),
        Some(listed) => events.extend(listed.texts().filter_map(|(_, word)| News::from_word(word))),
    }
    Some(Webhook {
        url: Secret::new(url.as_str()),
        secret: secret.and_then(Node::text).map(Secret::new),
        format: if slack { Format::Slack } else { Format::Json },
        events,
    })
}

fn is_safe(url: &Url) -> bool {
    let on_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && on_this_machine))
}
