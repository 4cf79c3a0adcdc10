//! The frame of every page, and pages that say no more than one sentence.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, LOCATION, SET_COOKIE},
    },
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};

use super::enter::Person;
use crate::plain::plain;

/// A page. `person` is whoever is signed in.
pub(super) fn page(status: StatusCode, title: &str, person: Option<&Person>, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Interlock" }
                link rel="stylesheet" href="/style.css";
            }
            body {
                header {
                    strong { "Interlock" }
                    @if let Some(person) = person {
                        a href="/approvals" { "Questions" }
                        a href="/delegations" { "Delegations" }
                        form method="post" action="/sign-out" {
                            (foreign(&person.name)) " "
                            (person.token())
                            button type="submit" { "Sign out" }
                        }
                    }
                }
                main { h1 { (title) } (content) }
            }
        }
    };
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], page.into_string()).into_response()
}

/// A page that says why there is nothing else.
pub(super) fn error(status: StatusCode, why: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    page(status, title, None, &html! { p.told { (plain(why)) } p { a href="/approvals" { "All questions" } } })
}

/// What cannot be done at the moment; why is for the log.
pub(super) fn unavailable(error: &dyn std::fmt::Display) -> Response {
    tracing::error!(%error, "a page for people cannot be shown");
    self::error(StatusCode::SERVICE_UNAVAILABLE, "The journal is not available at the moment. Try again later.")
}

/// Sends the browser on, to be asked with GET.
pub(super) fn see(path: &str, cookie: Option<&str>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    // Paths and cookies of our own making are visible ASCII.
    headers.extend(HeaderValue::from_str(path).ok().map(|path| (LOCATION, path)));
    headers.extend(cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()).map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// Strangers' text: nothing in it hides or turns the text around it.
pub(super) fn foreign(text: &str) -> Markup {
    html! { span.foreign { (plain(text)) } }
}

/// The look of all pages.
pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("style.css")).into_response()
}

/// What is not there.
pub(super) async fn nothing() -> Response {
    error(StatusCode::NOT_FOUND, "There is nothing here.")
}
