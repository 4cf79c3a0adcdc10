//! Which HTTP requests are looked at at all: by the `Host` they think they talk to, and the web page they come from.
//! Without this, any web page could reach a server on the user's own machine (DNS rebinding).

use axum::{
    extract::{Request, State},
    http::{StatusCode, Uri, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Door;

/// Refuses requests by host and origin, before anything else looks at them.
pub(super) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    let config = &door.gateway.inner.config;
    let host = match request.headers().get(header::HOST) {
        // RFC 9110, 7.2: a host and a port, and no user.
        Some(host) => host.to_str().ok().filter(|host| !host.contains('@')).and_then(|host| host.parse().ok()),
        // HTTP/2 carries the host in the URI.
        None => request.uri().authority().cloned(),
    };
    let Some(host) = host else {
        return (StatusCode::BAD_REQUEST, "The Host header is missing or malformed.").into_response();
    };
    if !config.hosts.iter().any(|allowed| is_host(&host, allowed)) {
        return (StatusCode::FORBIDDEN, "This Host is not served here.").into_response();
    }
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        let allowed = origin.to_str().is_ok_and(|origin| config.origins.iter().any(|it| is_origin(origin, it)));
        if !allowed {
            return (StatusCode::FORBIDDEN, "This Origin may not call.").into_response();
        }
    }
    next.run(request).await
}

/// An entry without a port allows every port.
fn is_host(host: &Authority, allowed: &str) -> bool {
    allowed.parse::<Authority>().is_ok_and(|allowed| {
        allowed.host().eq_ignore_ascii_case(host.host())
            && allowed.port_u16().is_none_or(|port| host.port_u16() == Some(port))
    })
}

/// RFC 6454: scheme, host and port must be the same; `:*` stands for every port.
fn is_origin(origin: &str, allowed: &str) -> bool {
    match (allowed.strip_suffix(":*"), parts(origin)) {
        (Some(allowed), Some((scheme, host, _))) => parts(allowed).is_some_and(|(s, h, _)| (s, h) == (scheme, host)),
        (None, Some(origin)) => parts(allowed).is_some_and(|allowed| allowed == origin),
        (_, None) => false,
    }
}

fn parts(origin: &str) -> Option<(String, String, Option<u16>)> {
    let uri: Uri = origin.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?.to_ascii_lowercase(), uri.authority()?);
    let usual = match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    Some((scheme, authority.host().to_ascii_lowercase(), authority.port_u16().or(usual)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_by_name_and_port() {
        let host = |host: &str| host.parse::<Authority>().unwrap();
        assert!(is_host(&host("LOCALHOST:7421"), "localhost"));
        assert!(is_host(&host("[::1]:7421"), "[::1]"));
        assert!(!is_host(&host("localhost.evil.example:7421"), "localhost"));
        assert!(!is_host(&host("localhost:7421"), "localhost:80"));
    }

    #[test]
    fn an_origin_is_allowed_by_scheme_host_and_port() {
        assert!(is_origin("http://localhost:5173", "http://localhost:*"));
        assert!(is_origin("https://app.example", "https://app.example:443"));
        assert!(is_origin("http://[::1]:1", "http://[::1]:*"));
        for (origin, allowed) in [
            ("https://localhost:1", "http://localhost:*"),
            ("http://localhost.evil.example", "http://localhost:*"),
            ("null", "http://localhost:*"),
            ("https://app.example:8443", "https://app.example"),
        ] {
            assert!(!is_origin(origin, allowed), "{origin} {allowed}");
        }
    }
}
