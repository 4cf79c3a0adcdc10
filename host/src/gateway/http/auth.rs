//! Which HTTP requests come from somebody who is known: one API key, in a header, and nowhere else.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::Response,
};
use serde_json::Map;

use super::problem::problem;
use crate::gateway::authenticate::{Authenticate, Unauthenticated};

/// The header for keys beside `Authorization`.
const API_KEY: &str = "x-api-key";
/// Between scheme and credential.
const BEARER: &str = "bearer ";

/// Lets a request through with its [`Caller`](crate::call::Caller), or answers it.
pub(super) async fn authenticate(
    State(known): State<Arc<dyn Authenticate>>,
    mut request: Request,
    next: Next,
) -> Response {
    let shown = match shown(request.headers()) {
        Ok(shown) => shown.to_owned(),
        Err(detail) => return unauthorized(detail, false),
    };
    match known.authenticate(&shown).await {
        Ok(caller) => {
            // Nothing behind this door has any use for it.
            request.headers_mut().remove(header::AUTHORIZATION);
            request.headers_mut().remove(API_KEY);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(Unauthenticated::Denied) => unauthorized("The API key is not valid.", true),
        Err(Unauthenticated::Unavailable) => {
            problem(StatusCode::SERVICE_UNAVAILABLE, "API keys cannot be checked at the moment.", Map::new())
        }
    }
}

/// The one credential of a request; or what is wrong.
fn shown(headers: &HeaderMap) -> Result<&str, &'static str> {
    const ONE: &str = "Show one API key, as `X-API-Key: KEY` or `Authorization: Bearer KEY`.";
    let keys = headers.get_all(API_KEY).iter().map(|value| value.to_str().ok());
    let bearers = headers.get_all(header::AUTHORIZATION).iter().map(|value| {
        let (scheme, credential) = value.to_str().ok()?.split_at_checked(BEARER.len())?;
        scheme.eq_ignore_ascii_case(BEARER).then_some(credential.trim())
    });
    // Of two, whoever stands between might look at the other.
    let mut all = keys.chain(bearers);
    match (all.next(), all.next()) {
        (Some(Some(one)), None) => Ok(one),
        _ => Err(ONE),
    }
}

fn unauthorized(detail: &str, shown: bool) -> Response {
    let challenge =
        if shown { r#"Bearer realm="interlock", error="invalid_token""# } else { r#"Bearer realm="interlock""# };
    let mut response = problem(StatusCode::UNAUTHORIZED, detail, Map::new());
    response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static(challenge));
    response
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use axum::{Router, body::Body, middleware, routing::get};

    use super::*;
    use crate::call::Caller;

    /// Lets everybody in.
    #[derive(Debug)]
    struct Open;

    #[async_trait]
    impl Authenticate for Open {
        async fn authenticate(&self, _: &str) -> Result<Caller, Unauthenticated> {
            Ok(Caller { principal: "ann".to_owned(), roles: Vec::new(), client: None })
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
        let known: Arc<dyn Authenticate> = Arc::new(Open);
        let mut house = Router::new().route("/", behind).layer(middleware::from_fn_with_state(known, authenticate));
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
    fn one_key_is_found_in_either_header() {
        for one in [("x-api-key", "k"), ("authorization", "Bearer k"), ("authorization", "bearer  k ")] {
            assert_eq!(shown(&headers(&[one])), Ok("k"), "{one:?}");
        }
    }

    #[test]
    fn none_and_two_and_other_schemes_are_no_key() {
        let of = |all: &[(&'static str, &str)]| shown(&headers(all)).is_err();
        assert!(of(&[]) && of(&[("authorization", "Basic k")]) && of(&[("authorization", "Bearer")]));
        assert!(of(&[("x-api-key", "k"), ("authorization", "Bearer k")]));
        let mut twice = headers(&[("x-api-key", "k")]);
        twice.append("x-api-key", "l".parse().unwrap());
        assert!(shown(&twice).is_err());
    }
}
