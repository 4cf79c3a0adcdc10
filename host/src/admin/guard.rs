//! What stands before every page: who may call, how much at once, for how long, and what browsers may do with the answer.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Admin;
use crate::site::{self, Stranger};

/// How long a request may take.
const LONGEST: Duration = Duration::from_secs(30);

/// No scripts, nothing from elsewhere, in nobody's frame; forms go nowhere but here. With `same-origin`, browsers go on telling
/// where a form comes from.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Refuses what is not for this door, and bounds the rest.
pub(super) async fn guard(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let mut response = match refuse(&admin, &request) {
        Some(refused) => refused,
        None => match admin.0.room.try_acquire() {
            Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests are open.").into_response(),
            Ok(_room) => match tokio::time::timeout(LONGEST, next.run(request)).await {
                Ok(response) => response,
                Err(_) => (StatusCode::REQUEST_TIMEOUT, "The request took too long.").into_response(),
            },
        },
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refuse(admin: &Admin, request: &Request) -> Option<Response> {
    let config = &admin.0.config;
    let headers = request.headers();
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, why) = match site::check(&config.hosts, &config.origins, headers, request.uri()) {
        Err(Stranger::NoHost) => (StatusCode::BAD_REQUEST, "The Host header is missing or malformed."),
        Err(Stranger::Host) => (StatusCode::FORBIDDEN, "This Host is not served here."),
        Err(Stranger::Origin) => (StatusCode::FORBIDDEN, "This Origin may not call."),
        // Browsers say of every form where it comes from.
        Ok(()) if changes && !headers.contains_key(header::ORIGIN) => {
            (StatusCode::FORBIDDEN, "A form says in its Origin header which page it comes from.")
        }
        Ok(()) if changes && headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin") => {
            (StatusCode::FORBIDDEN, "The form comes from another page.")
        }
        Ok(()) => return None,
    };
    Some((status, why).into_response())
}
