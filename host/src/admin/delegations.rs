//! Who answers in whose name. Whoever has come in with a key may delegate the roles that it has, and end what they delegated.

use std::time::Duration;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use maud::{Markup, html};

use super::{
    Admin,
    enter::Person,
    form::Form,
    page::{self, foreign, page},
};
use crate::{
    approvals::{ApprovalsError, Delegating, Delegation},
    clock::Timestamp,
    plain::plain,
};

/// All of them, and a form for another.
pub(super) async fn list(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    match admin.person(&headers, None).await {
        Ok(person) => admin.delegations(&person, StatusCode::OK, None).await,
        Err(answer) => answer,
    }
}

/// Delegates one's own roles.
pub(super) async fn delegate(State(admin): State<Admin>, request: Request) -> Response {
    let (person, form) = match admin.sent(request).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    if !person.by_key {
        return page::error(StatusCode::FORBIDDEN, "Only a key tells which roles somebody has to delegate.");
    }
    let roles: Vec<String> = form.all("role").map(str::to_owned).collect();
    if roles.iter().any(|role| !person.roles.contains(role)) {
        return page::error(StatusCode::FORBIDDEN, "Only roles that one has can be delegated.");
    }
    let minutes = form.text("minutes").and_then(|minutes| minutes.parse::<u32>().ok()).unwrap_or_default();
    let delegating = Delegating {
        from: person.name.clone(),
        to: form.text("to").unwrap_or_default(),
        roles,
        own: person.roles.clone(),
        lasts: Duration::from_mins(minutes.into()),
        reason: form.text("reason"),
    };
    let done = admin.0.approvals.delegate(&person.name, delegating).await;
    admin.done(&person, done).await
}

/// Ends what one has delegated.
pub(super) async fn end(State(admin): State<Admin>, Path(id): Path<String>, request: Request) -> Response {
    let (person, _) = match admin.sent(request).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    let all = match admin.0.approvals.delegations().await {
        Ok(all) => all,
        Err(error) => return page::unavailable(&error),
    };
    // Another's is as good as none.
    if !all.iter().any(|one| one.id == id && is_own(&person, one)) {
        return page::error(StatusCode::NOT_FOUND, "There is no such delegation of yours.");
    }
    let done = admin.0.approvals.end_delegation(&person.name, &id).await;
    admin.done(&person, done).await
}

fn is_own(person: &Person, delegation: &Delegation) -> bool {
    person.by_key && delegation.from == person.name
}

impl Admin {
    /// Whoever has sent a form, and the form.
    async fn sent(&self, request: Request) -> Result<(Person, Form), Response> {
        let (parts, form) = Form::read(request).await?;
        let person = self.person(&parts.headers, None).await?;
        match person.forged(&form) {
            Some(answer) => Err(answer),
            None => Ok((person, form)),
        }
    }

    async fn done(&self, person: &Person, done: Result<Delegation, ApprovalsError>) -> Response {
        match done {
            Ok(_) => page::see("/delegations", None),
            Err(error @ ApprovalsError::Journal(_)) => page::unavailable(&error),
            Err(error) => self.delegations(person, StatusCode::BAD_REQUEST, Some(&error.to_string())).await,
        }
    }

    async fn delegations(&self, person: &Person, status: StatusCode, told: Option<&str>) -> Response {
        let mut all = match self.0.approvals.delegations().await {
            Ok(all) => all,
            Err(error) => return page::unavailable(&error),
        };
        all.retain(|one| !person.by_key || [&one.from, &one.to].contains(&&person.name));
        let now = self.0.approvals.now();
        let content = html! {
            @if let Some(told) = told { p.told { (plain(told)) } }
            @if all.is_empty() { p { "Nobody answers in another's name." } } @else { (table(person, &all, now)) }
            h2 { "Let somebody answer for you" }
            @if person.by_key && !person.roles.is_empty() {
                (form(person))
            } @else {
                p { "On the machine that this runs on, type:" }
                pre { "interlock approvals delegate --from NAME --to NAME --role ROLE --minutes N" }
            }
        };
        page(status, "Delegations", Some(person), &content)
    }
}

fn table(person: &Person, all: &[Delegation], now: Timestamp) -> Markup {
    html! {
        table {
            tr { th { "Whose roles" } th { "Who answers" } th { "Roles" } th { "Until" } th { "State" } th { "Why" } th {} }
            @for one in all.iter().rev() {
                tr {
                    td { (foreign(&one.from)) }
                    td { (foreign(&one.to)) }
                    td { (foreign(&one.roles.join(", "))) }
                    td { (one.ends) }
                    td { (one.word(now)) }
                    td { (foreign(one.reason.as_deref().unwrap_or_default())) }
                    td {
                        @if one.in_force(now) && is_own(person, one) {
                            form method="post" action={ "/delegations/" (one.id) "/end" } {
                                (person.token())
                                button type="submit" { "End" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn form(person: &Person) -> Markup {
    html! {
        form method="post" action="/delegations" {
            (person.token())
            label { "Who " input type="text" name="to" maxlength="100" autocomplete="off" required; }
            @for role in &person.roles {
                label.choice { input type="checkbox" name="role" value=(role); " " (foreign(role)) }
            }
            label { "For how many minutes " input type="number" name="minutes" min="1" max="43200" value="480" required; }
            label { "Why " input type="text" name="reason" maxlength="500" autocomplete="off"; }
            button type="submit" { "Delegate" }
        }
    }
}
