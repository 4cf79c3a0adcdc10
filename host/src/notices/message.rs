//! What is told, in words for programs and for people. Arguments are not in it: they are for the page.

use serde_json::{Value, json};

use super::{Format, News};
use crate::{
    approvals::{Approval, Matter},
    clock::Timestamp,
    plain::line,
};

/// Most characters of a text that is shown to people in a message.
const LONGEST: usize = 500;
/// Most calls of a batch that are told one by one.
const MOST_CALLS: usize = 10;

/// The body of one message. `link` leads to where it can be answered.
pub(super) fn body(format: Format, matter: &Matter, news: News, link: Option<&str>, now: Timestamp) -> String {
    match format {
        Format::Json => json(matter, news, link, now).to_string(),
        Format::Slack => slack(matter, news, link, now).to_string(),
    }
}

fn json(matter: &Matter, news: News, link: Option<&str>, now: Timestamp) -> Value {
    let first = matter.first();
    let call = |approval: &Approval| {
        let Approval { id, policy, question, tool, .. } = approval;
        json!({ "approval": id, "tool": tool, "policy": policy, "reason": question.reason, "preview": question.preview })
    };
    let answer = |answer: &crate::approvals::Answer| {
        json!({
            "by": answer.by, "on_behalf_of": answer.on_behalf.as_ref().map(|behalf| &behalf.of),
            "approve": answer.approve, "reason": answer.reason, "at": answer.at.to_string(),
        })
    };
    json!({
        "type": format!("approval.{}", news.word()),
        "timestamp": now.to_string(),
        "data": {
            "id": matter.id,
            "state": matter.state(now).word(),
            "batch": matter.batch().map(|(name, size)| json!({ "name": name, "size": size })),
            "calls": matter.approvals.iter().map(call).collect::<Vec<_>>(),
            "caller": first.map(|first| &first.caller.principal),
            "roles": first.map(|first| first.roles(now)),
            "quorum": first.map(Approval::quorum),
            "asked": first.map(|first| first.asked.to_string()),
            "expires": matter.deadline().to_string(),
            "answers": first.map(|first| first.answers.iter().map(answer).collect::<Vec<_>>()),
            "link": link,
        },
    })
}

fn slack(matter: &Matter, news: News, link: Option<&str>, now: Timestamp) -> Value {
    let Some(first) = matter.first() else { return json!({}) };
    let caller = shown(&first.caller.principal);
    let calls: Vec<String> = matter
        .approvals
        .iter()
        .take(MOST_CALLS)
        .map(|one| format!("{}: {}", shown(one.tool.as_str()), shown(&one.question.preview)))
        .collect();
    let last = first.answers.last();
    let why =
        last.and_then(|answer| answer.reason.as_deref()).map(|why| format!(": {}", shown(why))).unwrap_or_default();
    let by = last.map(|answer| shown(&answer.by)).unwrap_or_default();
    let roles = first.roles(now);
    let whom = if roles.is_empty() { "anyone else".to_owned() } else { shown(&roles.join(" or ")) };
    let heading = match news {
        News::Asked => format!("{caller} asks for approval by {whom}, until {}", matter.deadline()),
        News::Escalated => format!("Still open: {caller} asks for approval, by now also by {whom}"),
        News::Granted => format!("Approved by {by}{why}"),
        News::Refused => format!("Refused by {by}{why}"),
        News::Expired => format!("Nobody has answered what {caller} asked for"),
    };
    let text = |text: String| json!({ "type": "plain_text", "text": text, "emoji": false });
    let mut blocks = vec![json!({ "type": "section", "text": text(heading.clone()) })];
    blocks.extend(calls.into_iter().map(|call| json!({ "type": "section", "text": text(call) })));
    if let (Some(link), true) = (link, [News::Asked, News::Escalated].contains(&news)) {
        let button = json!({ "type": "button", "text": text("Look at it".to_owned()), "url": link });
        blocks.push(json!({ "type": "actions", "elements": [button] }));
    }
    // What stands beside blocks is for notifications, and read as markup.
    let escaped = heading.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": escaped, "blocks": blocks })
}

/// Strangers' text, on one line, within bounds.
fn shown(text: &str) -> String {
    let text = line(text);
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
