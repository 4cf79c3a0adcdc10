//! The way to the gateway: passes everything on as it is, its token added. What comes back passes as it comes.

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::issuer::Issuer;

/// Headers that are about one connection only (RFC 9110, 7.6.1), and the length of what is passed on in pieces.
const HOPS: [HeaderName; 4] = [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::CONTENT_LENGTH];

/// It.
#[derive(Clone)]
pub(crate) struct Way {
    http: reqwest::Client,
    gateway: String,
    issuer: Issuer,
}

impl Way {
    /// One to the gateway that serves MCP at this URL.
    pub(crate) fn to(url: &str, issuer: Issuer) -> anyhow::Result<Self> {
        let gateway = url.trim().strip_suffix("/mcp").context("the gateway's URL does not end as one does")?.to_owned();
        let redirect = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).redirect(redirect).build()?;
        Ok(Self { http, gateway, issuer })
    }

    pub(crate) fn router(self) -> Router {
        Router::new().fallback(pass).with_state(self)
    }
}

async fn pass(State(way): State<Way>, request: Request) -> Response {
    match way.pass(request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

impl Way {
    async fn pass(&self, request: Request) -> anyhow::Result<Response> {
        let (mut parts, body) = request.into_parts();
        HOPS.iter().for_each(|name| drop(parts.headers.remove(name)));
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let asked = self.http.request(parts.method, format!("{}{path}", self.gateway)).headers(parts.headers);
        let body = reqwest::Body::wrap_stream(body.into_data_stream());
        let answer = asked.bearer_auth(self.issuer.token()?).body(body).send().await?;
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        HOPS.iter().for_each(|name| drop(headers.remove(name)));
        Ok((status, headers, Body::from_stream(answer.bytes_stream())).into_response())
    }
}
