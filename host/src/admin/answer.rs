//! What a person answers on the page of a question: to what that page showed, and to nothing else.

use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
    response::Response,
};

use super::{Admin, form::Form, page};
use crate::approvals::{ApprovalsError, Channel, Reply};

/// Takes an answer in.
pub(super) async fn answer(State(admin): State<Admin>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, form) = match Form::read(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let person = match admin.person(&parts.headers, Some(&id)).await {
        Ok(person) => person,
        Err(answer) => return answer,
    };
    if let Some(answer) = person.forged(&form) {
        return answer;
    }
    let approve = match form.field("answer") {
        Some("approve") => true,
        Some("refuse") => false,
        Some(_) | None => return page::error(StatusCode::BAD_REQUEST, "The answer is yes or no."),
    };
    let Some(seen) = form.field("seen") else {
        return page::error(
            StatusCode::BAD_REQUEST,
            "The form does not say what it was shown with. Load the page again.",
        );
    };
    let reply = Reply {
        by: person.name.clone(),
        roles: person.roles.clone(),
        approve,
        reason: form.text("reason"),
        channel: Channel::Page,
        seen: Some(seen.to_owned()),
    };
    let approvals = &admin.0.approvals;
    match approvals.matter(&id).await {
        Ok(matter) if person.may_see(approvals, &matter) => {}
        Ok(_) | Err(ApprovalsError::NotFound(_)) => {
            return page::error(StatusCode::NOT_FOUND, "There is no such question.");
        }
        Err(error) => return page::unavailable(&error),
    }
    let error = match approvals.answer(&id, reply).await {
        Ok(_) => return page::see(&format!("/approvals/{id}"), None),
        Err(error) => error,
    };
    let status = match &error {
        ApprovalsError::Journal(_) => return page::unavailable(&error),
        ApprovalsError::NotFound(_) => return page::error(StatusCode::NOT_FOUND, "There is no such question."),
        ApprovalsError::NotEntitled { .. } | ApprovalsError::OwnCall { .. } | ApprovalsError::NotThisWay { .. } => {
            StatusCode::FORBIDDEN
        }
        ApprovalsError::NotOpen { .. }
        | ApprovalsError::NotWhatWasSeen { .. }
        | ApprovalsError::InBatch { .. }
        | ApprovalsError::Incomplete { .. }
        | ApprovalsError::Answered { .. } => StatusCode::CONFLICT,
        ApprovalsError::NoName
        | ApprovalsError::NoDelegation(_)
        | ApprovalsError::DelegationOver(_)
        | ApprovalsError::ToThemself(_)
        | ApprovalsError::NoRoles
        | ApprovalsError::NoSuchTime
        | ApprovalsError::Chain { .. } => StatusCode::BAD_REQUEST,
    };
    match approvals.matter(&id).await {
        Ok(matter) => admin.shown(&person, &matter, status, Some(&error.to_string())).await,
        Err(error) => page::unavailable(&error),
    }
}
