//! The questions: which wait, and one with everything that a yes would allow.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Admin,
    enter::Person,
    page::{self, foreign, page},
};
use crate::{
    approvals::{Answer, Approval, ApprovalsError, Matter},
    clock::Timestamp,
    journal::are_cut,
    plain::plain,
};

/// Most questions of each kind that are listed.
const MOST: usize = 200;

/// The first page.
pub(super) async fn home() -> Response {
    page::see("/approvals", None)
}

/// All questions that wait, and the latest that do not.
pub(super) async fn list(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let person = match admin.person(&headers, None).await {
        Ok(person) => person,
        Err(answer) => return answer,
    };
    let approvals = &admin.0.approvals;
    let mut matters = match approvals.matters().await {
        Ok(matters) => matters,
        Err(error) => return page::unavailable(&error),
    };
    matters.retain(|matter| person.may_see(approvals, matter));
    let now = approvals.now();
    let (open, over): (Vec<&Matter>, Vec<&Matter>) =
        matters.iter().partition(|matter| matter.approvals.iter().any(|approval| approval.is_open(now)));
    let content = html! {
        @if open.is_empty() { p { "No question waits for an answer." } } @else { (table(&open, now)) }
        @if !over.is_empty() {
            h2 { "Settled in the last day" }
            (table(&over.into_iter().rev().take(MOST).collect::<Vec<_>>(), now))
        }
    };
    page(StatusCode::OK, "Questions", Some(&person), &content)
}

fn table(matters: &[&Matter], now: Timestamp) -> Markup {
    html! {
        table {
            tr { th { "What" } th { "Who asks" } th { "Who may answer" } th { "Until" } th { "State" } }
            @for matter in matters.iter().take(MOST) {
                @if let Some(first) = matter.first() {
                    tr {
                        td {
                            a href={ "/approvals/" (matter.id) } {
                                @match matter.batch() {
                                    Some((name, size)) => { (size) " calls: " (foreign(name)) }
                                    None => { (foreign(&first.question.preview)) }
                                }
                            }
                        }
                        td { (foreign(&first.caller.principal)) }
                        td { (who_may(first, now)) }
                        td { (matter.deadline()) }
                        td { (matter.state(now).word()) }
                    }
                }
            }
        }
        @if matters.len() > MOST { p { "And " (matters.len() - MOST) " more: " code { "interlock approvals list" } } }
    }
}

fn who_may(approval: &Approval, now: Timestamp) -> Markup {
    let roles = approval.roles(now);
    html! {
        @if roles.is_empty() { "anyone else" } @else { (foreign(&roles.join(" or "))) }
        @if approval.quorum() > 1 { ", " (approval.quorum()) " people" }
    }
}

/// One question, or one batch.
pub(super) async fn one(State(admin): State<Admin>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let person = match admin.person(&headers, Some(&id)).await {
        Ok(person) => person,
        Err(answer) => return answer,
    };
    match admin.0.approvals.matter(&id).await {
        Ok(matter) if person.may_see(&admin.0.approvals, &matter) => {
            admin.shown(&person, &matter, StatusCode::OK, None).await
        }
        // What is none of theirs is as good as none.
        Ok(_) | Err(ApprovalsError::NotFound(_)) => page::error(StatusCode::NOT_FOUND, "There is no such question."),
        Err(error) => page::unavailable(&error),
    }
}

impl Admin {
    /// The page of a question; `told` is what came of an answer to it.
    pub(super) async fn shown(
        &self,
        person: &Person,
        matter: &Matter,
        status: StatusCode,
        told: Option<&str>,
    ) -> Response {
        let approvals = &self.0.approvals;
        let now = approvals.now();
        let title = match matter.batch() {
            Some((name, size)) => format!("{size} calls: {}", plain(name)),
            None => "A question".to_owned(),
        };
        let may = approvals.may_answer(matter, &person.name, &person.roles).await;
        let content = html! {
            @if let Some(told) = told { p.told { (plain(told)) } }
            dl {
                dt { "State" } dd { (matter.state(now).word()) }
                dt { "Until" } dd { (matter.deadline()) }
                @if let Some((_, size)) = matter.batch() {
                    dt { "Calls" } dd { (matter.calls()) " of " (size) ", answered together: all or none" }
                }
                dt { "Digest" } dd { code { (matter.digest()) } }
            }
            @for approval in &matter.approvals { (question(approval, now)) }
            @if let Some(first) = matter.first() { @if !first.answers.is_empty() { (answers(&first.answers)) } }
            @if matter.approvals.iter().all(|approval| approval.is_open(now)) { (form(person, matter, may)) }
        };
        page(status, &title, Some(person), &content)
    }
}

fn question(approval: &Approval, now: Timestamp) -> Markup {
    let Approval { policy, question, call, tool, arguments, beside, caller, session, asked, .. } = approval;
    html! {
        article {
            h2 { (foreign(tool.as_str())) }
            p.preview { (foreign(&question.preview)) }
            dl {
                dt { "Why" } dd { (foreign(&question.reason)) }
                dt { "Policy" } dd { (foreign(policy)) }
                dt { "Who asks" }
                dd {
                    (foreign(&caller.principal))
                    @if !caller.roles.is_empty() { " (" (foreign(&caller.roles.join(", "))) ")" }
                    @if let Some(client) = &caller.client { ", by what calls itself " (foreign(client)) }
                }
                dt { "Session" } dd { (foreign(session)) }
                dt { "Call" } dd { code { (call) } }
                dt { "Who may answer" }
                dd {
                    (who_may(approval, now))
                    @for step in approval.escalate.iter().filter(|step| step.at > now) {
                        "; from " (step.at) " on also " (foreign(&step.to))
                    }
                    @if question.self_approval { "; also whoever asks" }
                }
                dt { "Asked" } dd { (asked) }
                @if let Some(why) = &approval.unreachable { dt { "Told" } dd { "nobody could be told: " (foreign(why)) } }
            }
            @if are_cut(arguments) {
                p.told {
                    "The arguments are too large to be kept whole. This is their beginning, with their length and digest: \
                     have the rest shown to you before you answer."
                }
            } @else {
                p { "The exact arguments:" }
            }
            pre { (json(arguments)) }
            @if !beside.is_empty() {
                p { "Beside them:" }
                pre { (json(&Value::Object(beside.clone()))) }
            }
        }
    }
}

fn json(value: &Value) -> String {
    plain(&format!("{value:#}"))
}

fn answers(answers: &[Answer]) -> Markup {
    html! {
        h2 { "Answers" }
        ul {
            @for answer in answers {
                li {
                    strong { @if answer.approve { "yes" } @else { "no" } }
                    " by " (foreign(&answer.by))
                    @if let Some(behalf) = &answer.on_behalf { " for " (foreign(&behalf.of)) }
                    ", " (answer.at)
                    @if let Some(reason) = &answer.reason { ": " (foreign(reason)) }
                }
            }
        }
    }
}

fn form(person: &Person, matter: &Matter, may: Result<(), ApprovalsError>) -> Markup {
    html! {
        h2 { "Your answer" }
        @match may {
            Err(why) => { p.told { (plain(&why.to_string())) } }
            Ok(()) if !matter.is_whole() => { p.told { "It can be answered once all calls are there. Load the page again." } }
            Ok(()) => {
                form method="post" action={ "/approvals/" (matter.id) } {
                    (person.token())
                    input type="hidden" name="seen" value=(matter.digest());
                    label { "Why, for the journal and for whoever asks " textarea name="reason" rows="2" maxlength="2000" {} }
                    button.yes type="submit" name="answer" value="approve" { "Approve" }
                    button.no type="submit" name="answer" value="refuse" { "Refuse" }
                }
            }
        }
    }
}
