//! The section of the door for people: where it listens, and how it is reached.

use std::net::{Ipv4Addr, SocketAddr};

use url::Url;

use super::{
    document::Node,
    findings::Findings,
    problem::ProblemKind::{BadValue, Unsupported},
    shape::{Key, Shape},
};

/// What the section may hold.
pub(super) const SHAPE: Shape = Shape::Table(&[
    Key::new(
        "listen",
        Shape::Text,
        "Address and port; 127.0.0.1:7422 unless given. Other machines can reach it only where API keys are asked for.",
    ),
    Key::new(
        "url",
        Shape::Text,
        "How it is reached from elsewhere, such as `https://approvals.example.com`, for links to it; without a path.",
    ),
]);

/// Where the door for people is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// How it is reached from elsewhere: scheme, host and, if need be, port.
    pub url: Option<String>,
    /// Whether the configuration says anything of it.
    pub said: bool,
}

impl Admin {
    /// How people reach it, if it listens where it is said to.
    pub fn base(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

/// Where the door for people is; `keys`: whether whoever comes in has to show one.
pub(super) fn read(section: Option<&Node>, keys: bool, findings: &mut Findings<'_>) -> Admin {
    let url = section.and_then(|section| section.get("url")).and_then(|at| Some((at, at.text()?)));
    let url = url.and_then(|(at, text)| {
        let origin = text.parse::<Url>().ok().filter(is_origin).map(|url| url.origin().ascii_serialization());
        if origin.is_none() {
            findings.value(
                at,
                BadValue,
                "must be scheme and host, such as `https://approvals.example.com`, and no path",
            );
        }
        origin
    });
    Admin { listen: listen(section, keys, findings), url, said: section.is_some() }
}

fn is_origin(url: &Url) -> bool {
    let nothing_else = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    ["http", "https"].contains(&url.scheme()) && url.has_host() && url.username().is_empty() && nothing_else
}

fn listen(section: Option<&Node>, keys: bool, findings: &mut Findings<'_>) -> SocketAddr {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 7422));
    let listen = section.and_then(|section| section.get("listen")).and_then(|at| Some((at, at.text()?)));
    let Some((at, text)) = listen else { return default };
    match text.parse::<SocketAddr>() {
        Ok(address) if !address.ip().is_loopback() && !keys => {
            let what = "must be an address of this machine alone, such as `127.0.0.1:7422`, as long as no API keys are asked for";
            findings.value(at, Unsupported, what);
        }
        Ok(address) => return address,
        Err(_) => {
            findings.value(at, BadValue, "must be an address and a port, such as `127.0.0.1:7422`");
        }
    }
    default
}
