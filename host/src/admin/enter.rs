//! Coming in and going out: with an API key, or by a link where no keys are asked for.

use axum::{
    extract::{RawQuery, Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use maud::{Markup, html};

use super::{
    Admin, LinkError,
    form::{Form, of_query},
    page::{self, page},
    sessions::Who,
};
use crate::{
    approvals::{Approvals, Matter},
    call::Caller,
    identity::Denied,
    secret::Secret,
};

/// Most characters of a name or a role that somebody says they have.
const LONGEST: usize = 100;
/// Most roles.
const MOST_ROLES: usize = 20;

/// Whoever is signed in.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) roles: Vec<String>,
    /// Whether a key tells who they are, and not they themselves.
    pub(super) by_key: bool,
    token: Secret,
}

impl Person {
    /// Whether a question is theirs to see: whoever has come in with a key sees what concerns them, and whom the operator has
    /// let in by a link, everything.
    pub(super) fn may_see(&self, approvals: &Approvals, matter: &Matter) -> bool {
        !self.by_key || approvals.concerns(matter, &self.name, &self.roles)
    }

    /// The field that tells a form on a page of ours from one on another page.
    pub(super) fn token(&self) -> Markup {
        html! { input type="hidden" name="token" value=(self.token.expose()); }
    }

    /// The answer to a form that does not come from a page that was shown to this person; none: it does.
    pub(super) fn forged(&self, form: &Form) -> Option<Response> {
        // The time that a comparison takes tells nothing to whoever cannot ask without the cookie, which no other page has.
        if form.field("token").is_some_and(|token| token == self.token.expose()) {
            return None;
        }
        Some(page::error(StatusCode::FORBIDDEN, "The form comes from an old page, or from another. Load it again."))
    }
}

impl Admin {
    /// Whoever a request comes from.
    ///
    /// # Errors
    /// The answer to somebody who is not, or no longer, signed in. `wanted` is the question that they want to see.
    pub(super) async fn person(&self, headers: &HeaderMap, wanted: Option<&str>) -> Result<Person, Response> {
        let inner = &self.0;
        let away = |cookie: Option<&str>| {
            let is_id = |id: &&str| id.len() <= 64 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
            let path = wanted.filter(is_id).map_or("/sign-in".to_owned(), |id| format!("/sign-in?approval={id}"));
            page::see(&path, cookie)
        };
        let Some(session) = inner.sessions.of(headers, inner.approvals.now()) else { return Err(away(None)) };
        let token = session.token;
        match (session.who, &inner.keys) {
            (Who::Said { name, roles }, None) => Ok(Person { name, roles, by_key: false, token }),
            (Who::Key(id), Some(keys)) => match keys.caller(&id).await {
                Ok(Caller { principal: name, roles, .. }) => Ok(Person { name, roles, by_key: true, token }),
                Err(Denied::Unchecked(error)) => Err(page::unavailable(&error)),
                Err(Denied::Unknown | Denied::Revoked(_) | Denied::Expired(_)) => {
                    Err(away(Some(&inner.sessions.close(headers, inner.config.secure))))
                }
            },
            // It was begun when people came in another way.
            (Who::Said { .. }, Some(_)) | (Who::Key(_), None) => Err(away(None)),
        }
    }

    fn signed_in(&self, who: Who, wanted: Option<&str>) -> Response {
        let inner = &self.0;
        match inner.sessions.open(who, inner.approvals.now(), inner.config.secure) {
            Ok(cookie) => {
                let path = wanted.map_or("/approvals".to_owned(), |id| format!("/approvals/{id}"));
                page::see(&path, Some(&cookie))
            }
            Err(error) => page::unavailable(&error),
        }
    }
}

/// The id of the question that somebody wants to see once they are in.
fn wanted(approval: Option<String>) -> Option<String> {
    approval.filter(|id| !id.is_empty() && id.len() <= 64 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-'))
}

/// How to come in.
pub(super) async fn sign_in(State(admin): State<Admin>, RawQuery(query): RawQuery) -> Response {
    sign_in_page(&admin, StatusCode::OK, None, wanted(of_query(query.as_deref(), "approval")).as_deref())
}

fn sign_in_page(admin: &Admin, status: StatusCode, told: Option<&str>, wanted: Option<&str>) -> Response {
    let content = html! {
        @if let Some(told) = told { p.told { (told) } }
        @if admin.0.keys.is_some() {
            form method="post" action="/sign-in" {
                @if let Some(id) = wanted { input type="hidden" name="approval" value=(id); }
                label { "API key " input type="password" name="key" autocomplete="off" required; }
                button type="submit" { "Sign in" }
            }
        } @else {
            p { "Come in by a link that works once. On the machine that this runs on, type:" }
            pre { "interlock approvals link" }
        }
        // A browser that comes from elsewhere does not show the cookie that it has.
        @if let Some(id) = wanted { p { a href={ "/approvals/" (id) } { "I am signed in already" } } }
    };
    page(status, "Sign in", None, &content)
}

/// Comes in with an API key.
pub(super) async fn by_key(State(admin): State<Admin>, request: Request) -> Response {
    let (_, form) = match Form::read(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let wanted = wanted(form.text("approval"));
    let Some(keys) = &admin.0.keys else {
        return page::error(StatusCode::NOT_FOUND, "No keys are asked for here.");
    };
    match keys.identify(form.field("key").unwrap_or_default().trim()).await {
        Ok(id) => admin.signed_in(Who::Key(id), wanted.as_deref()),
        Err(Denied::Unchecked(error)) => page::unavailable(&error),
        Err(denied @ (Denied::Unknown | Denied::Revoked(_) | Denied::Expired(_))) => {
            tracing::warn!(%denied, "somebody was not let in by the door for people");
            sign_in_page(&admin, StatusCode::FORBIDDEN, Some("The API key is not valid."), wanted.as_deref())
        }
    }
}

const SPENT: &str = "The link has been used, or its time is over. Make another with `interlock approvals link`.";

/// The page that a link leads to. It is not used up by being looked at: something that only looks may be quicker.
pub(super) async fn link(State(admin): State<Admin>, RawQuery(query): RawQuery) -> Response {
    let secret = of_query(query.as_deref(), "link").unwrap_or_default();
    let is_good = match (&admin.0.keys, admin.0.links.is_good(&secret).await) {
        (Some(_), _) => return page::see("/sign-in", None),
        (None, Ok(is_good)) => is_good,
        (None, Err(error)) => return page::unavailable(&error),
    };
    if !is_good {
        return page::error(StatusCode::FORBIDDEN, SPENT);
    }
    let content = html! {
        form method="post" action="/enter" {
            input type="hidden" name="link" value=(secret);
            label { "Your name " input type="text" name="name" maxlength=(LONGEST) autocomplete="name" required; }
            label { "Your roles, with commas between them " input type="text" name="roles" autocomplete="off"; }
            button type="submit" { "Come in" }
        }
    };
    page(StatusCode::OK, "Who are you?", None, &content)
}

/// Comes in by a link, which is used up.
pub(super) async fn by_link(State(admin): State<Admin>, request: Request) -> Response {
    let (_, form) = match Form::read(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    if admin.0.keys.is_some() {
        return page::error(StatusCode::NOT_FOUND, "Keys are asked for here.");
    }
    let fits = |text: &str| text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    let Some(name) = form.text("name").filter(|name| fits(name)) else {
        return page::error(StatusCode::BAD_REQUEST, "Say who you are: your name is put down with your answers.");
    };
    let said = form.field("roles").unwrap_or_default();
    let roles: Vec<String> =
        said.split(',').map(str::trim).filter(|role| !role.is_empty()).map(str::to_owned).collect();
    if roles.len() > MOST_ROLES || !roles.iter().all(|role| fits(role)) {
        return page::error(StatusCode::BAD_REQUEST, "Those are no roles.");
    }
    match admin.0.links.take(form.field("link").unwrap_or_default(), &name).await {
        Ok(()) => admin.signed_in(Who::Said { name, roles }, None),
        Err(LinkError::Spent) => page::error(StatusCode::FORBIDDEN, SPENT),
        Err(error @ (LinkError::Journal(_) | LinkError::Random(_))) => page::unavailable(&error),
    }
}

/// Goes out.
pub(super) async fn sign_out(State(admin): State<Admin>, request: Request) -> Response {
    let (parts, form) = match Form::read(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let person = match admin.person(&parts.headers, None).await {
        Ok(person) => person,
        Err(answer) => return answer,
    };
    if let Some(answer) = person.forged(&form) {
        return answer;
    }
    page::see("/sign-in", Some(&admin.0.sessions.close(&parts.headers, admin.0.config.secure)))
}
