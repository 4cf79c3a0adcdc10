//! An address that keys and secrets may travel to and from.

use url::{Host, Url};

/// `https`, or `http` that does not leave this machine; without user and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

/// An address that nothing secret may be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address with `https://`, nor one of this machine with `http://`")]
pub struct NotAnEndpoint(pub String);

impl Endpoint {
    /// Reads an address.
    ///
    /// # Errors
    /// If it is none, or could be listened to on its way.
    pub fn parse(text: &str) -> Result<Self, NotAnEndpoint> {
        let wrong = || NotAnEndpoint(text.to_owned());
        let url = Url::parse(text).map_err(|_| wrong())?;
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
        if bare && safe && url.has_host() { Ok(Self(url)) } else { Err(wrong()) }
    }

    /// An address that was read from this one: it is on this machine only if this one is.
    ///
    /// # Errors
    /// As for [`Endpoint::parse`]; and if it leads from elsewhere to this machine.
    pub fn leads_to(&self, text: &str) -> Result<Self, NotAnEndpoint> {
        let there = Self::parse(text)?;
        if self.is_local() || !there.is_local() { Ok(there) } else { Err(NotAnEndpoint(text.to_owned())) }
    }

    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The address.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_listened_to_is_no_endpoint() {
        for right in ["https://id.example.com", "https://10.0.0.1:8443/a", "http://127.0.0.1:9/a", "http://[::1]/"] {
            assert!(Endpoint::parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "id.example.com",
            "http://id.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://user@id.example.com",
            "https://:pass@id.example.com",
            "https://id.example.com/#part",
        ] {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_from_elsewhere_leads_to_this_machine() {
        let (away, here) =
            (Endpoint::parse("https://id.example.com").unwrap(), Endpoint::parse("http://[::1]/").unwrap());
        assert!(away.leads_to("https://keys.example.com/").is_ok());
        for inside in ["http://127.0.0.1:1/", "https://localhost/", "https://[::1]/"] {
            assert!(away.leads_to(inside).is_err() && here.leads_to(inside).is_ok(), "{inside}");
        }
    }
}
