//! Which HTTP requests are meant for a door at all: by the `Host` they think they talk to, and the web page they come from.
//! Without this, any web page could reach a server on the user's own machine (DNS rebinding).

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::Authority};

/// Why a request is none for this door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// It does not say whom it wants to talk to, or not in a way that can be read.
    NoHost,
    /// It wants to talk to somebody else.
    Host,
    /// It comes from a web page that may not call.
    Origin,
}

/// Lets a request pass that is for one of these hosts, and from no web page or one of these origins.
///
/// # Errors
/// Why it may not.
pub fn check(hosts: &[String], origins: &[String], headers: &HeaderMap, uri: &Uri) -> Result<(), Stranger> {
    let named = only(headers, header::HOST).map_err(|Several| Stranger::NoHost)?;
    // RFC 9110, 7.2: a host and a port, and no user.
    let read = |host: &HeaderValue| host.to_str().ok().filter(|host| !host.contains('@'))?.parse().ok();
    let named: Option<Authority> = named.map(|host| read(host).ok_or(Stranger::NoHost)).transpose()?;
    // HTTP/2 carries the host in the URI, and so may HTTP/1, where it is the one that counts (RFC 9112, 3.2.2).
    let mut all = named.iter().chain(uri.authority()).peekable();
    all.peek().ok_or(Stranger::NoHost)?;
    if !all.all(|host| hosts.iter().any(|allowed| is_host(host, allowed))) {
        return Err(Stranger::Host);
    }
    match only(headers, header::ORIGIN).map_err(|Several| Stranger::Origin)? {
        Some(origin) => {
            let allowed = origin.to_str().is_ok_and(|origin| origins.iter().any(|it| is_origin(origin, it)));
            if allowed { Ok(()) } else { Err(Stranger::Origin) }
        }
        None => Ok(()),
    }
}

/// A header is there several times: which of them others go by cannot be told.
struct Several;

/// The value of a header that may be there once.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&HeaderValue>, Several> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(Several),
    }
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
    fn who_names_two_hosts_or_two_origins_is_a_stranger() {
        let check = |all: &[(&'static str, &'static str)]| {
            let all = all.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            check(&["a".to_owned()], &["http://a".to_owned()], &HeaderMap::from_iter(all), &Uri::from_static("/"))
        };
        let to = |uri: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("a"))]);
            super::check(&["a".to_owned()], &[], &headers, &Uri::from_static(uri))
        };
        assert_eq!((to("http://a/x"), to("http://b/x")), (Ok(()), Err(Stranger::Host)), "the target counts as well");
        let (host, origin) = (("host", "a"), ("origin", "http://a"));
        assert_eq!(check(&[host, origin]), Ok(()));
        assert_eq!(check(&[host, host, origin]), Err(Stranger::NoHost));
        assert_eq!(check(&[host, ("host", "b")]), Err(Stranger::NoHost));
        assert_eq!(check(&[host, origin, ("origin", "http://b")]), Err(Stranger::Origin));
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
