//! Which HTTP requests come from somebody who is known: one credential, in a header, and nowhere else.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde_json::Map;

use super::problem::problem;
use crate::gateway::{
    authenticate::{Authenticate, Credential, Known, Unauthenticated},
    resource::Resource,
};

/// The header for keys beside `Authorization`.
const API_KEY: &str = "x-api-key";
/// Between scheme and credential.
const BEARER: &str = "bearer ";

/// Who knows the callers, and what those are told who are not known.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) known: Arc<dyn Authenticate>,
    /// Where tokens are taken.
    pub(super) resource: Option<Resource>,
}

/// Lets a request through with its [`Caller`](crate::call::Caller) and what is
/// [granted](crate::gateway::authenticate::Granted), or answers it.
pub(super) async fn authenticate(State(entry): State<Entry>, mut request: Request, next: Next) -> Response {
    let shown = match shown(request.headers()) {
        Ok(shown) => shown,
        Err(detail) => return entry.unauthorized(detail, None),
    };
    match entry.known.authenticate(shown).await {
        Ok(Known { caller, granted }) => {
            // Nothing behind this door has any use for it.
            request.headers_mut().remove(header::AUTHORIZATION);
            request.headers_mut().remove(API_KEY);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(granted);
            next.run(request).await
        }
        Err(Unauthenticated::Denied) => entry.unauthorized("The credential is not valid.", Some("invalid_token")),
        Err(Unauthenticated::Unavailable) => {
            let detail = "Credentials cannot be checked at the moment.";
            let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail, Map::new());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
            response
        }
    }
}

/// The same for what everybody may see a part of: nobody need show anything, but what is shown must be valid.
pub(super) async fn recognize(entry: State<Entry>, request: Request, next: Next) -> Response {
    match [API_KEY, header::AUTHORIZATION.as_str()].iter().any(|name| request.headers().contains_key(*name)) {
        true => authenticate(entry, request, next).await,
        false => next.run(request).await,
    }
}

/// The one credential of a request; or what is wrong.
fn shown(headers: &HeaderMap) -> Result<Credential<'_>, &'static str> {
    const ONE: &str = "Show one credential, as `Authorization: Bearer CREDENTIAL`, or a key as `X-API-Key: KEY`.";
    let keys = headers.get_all(API_KEY).iter().map(|value| value.to_str().ok().map(Credential::Key));
    let bearers = headers.get_all(header::AUTHORIZATION).iter().map(|value| {
        let (scheme, credential) = value.to_str().ok()?.split_at_checked(BEARER.len())?;
        scheme.eq_ignore_ascii_case(BEARER).then_some(Credential::Bearer(credential.trim()))
    });
    // Of two, whoever stands between might look at the other.
    let mut all = keys.chain(bearers);
    match (all.next(), all.next()) {
        (Some(Some(one)), None) => Ok(one),
        _ => Err(ONE),
    }
}

impl Entry {
    fn unauthorized(&self, detail: &str, error: Option<&str>) -> Response {
        let challenge = match (&self.resource, error) {
            (Some(resource), error) => resource.challenge(error, &resource.required),
            (None, Some(error)) => format!(r#"Bearer realm="interlock", error="{error}""#),
            (None, None) => r#"Bearer realm="interlock""#.to_owned(),
        };
        let mut response = problem(StatusCode::UNAUTHORIZED, detail, Map::new());
        // Only a header's own letters are let in by the configuration.
        if let Ok(challenge) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use axum::{Router, body::Body, middleware, routing::get};

    use super::*;
    use crate::{call::Caller, gateway::authenticate::Granted};

    /// Lets everybody in.
    #[derive(Debug)]
    struct Open;

    #[async_trait]
    impl Authenticate for Open {
        async fn authenticate(&self, _: Credential<'_>) -> Result<Known, Unauthenticated> {
            let caller = Caller { principal: "ann".to_owned(), roles: Vec::new(), client: None };
            Ok(Known { caller, granted: Granted::Everything })
        }
    }

    #[tokio::test]
    async fn a_key_goes_no_further_than_the_door() {
        let behind = get(async |headers: HeaderMap| {
            match headers.contains_key("x-api-key") || headers.contains_key("authorization") {
                true => StatusCode::IM_A_TEAPOT,
                false => StatusCode::OK,
            }
        });
        let entry = Entry { known: Arc::new(Open), resource: None };
        let mut house = Router::new().route("/", behind).layer(middleware::from_fn_with_state(entry, authenticate));
        for (name, value) in [("x-api-key", "k"), ("authorization", "Bearer k")] {
            let request = Request::get("/").header(name, value).body(Body::empty()).unwrap();
            let answer = tower::Service::call(&mut house, request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{name} was there still");
        }
    }

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn one_credential_is_found_in_either_header() {
        assert_eq!(shown(&headers(&[("x-api-key", "k")])), Ok(Credential::Key("k")));
        for one in ["Bearer k", "bearer  k "] {
            assert_eq!(shown(&headers(&[("authorization", one)])), Ok(Credential::Bearer("k")), "{one}");
        }
    }

    #[test]
    fn none_and_two_and_other_schemes_are_no_credential() {
        let of = |all: &[(&'static str, &str)]| shown(&headers(all)).is_err();
        assert!(of(&[]) && of(&[("authorization", "Basic k")]) && of(&[("authorization", "Bearer")]));
        assert!(of(&[("x-api-key", "k"), ("authorization", "Bearer k")]));
        let mut twice = headers(&[("x-api-key", "k")]);
        twice.append("x-api-key", "l".parse().unwrap());
        assert!(shown(&twice).is_err());
    }
}
