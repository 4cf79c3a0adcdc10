//! Names of components in registries: `oci://host/repository:tag`, and pinned ones, `oci://host/repository@sha256:…`.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

const SCHEME: &str = "oci://";

/// A component in a registry, by tag or by digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(oci_client::Reference);

/// A component in a registry, by the digest of its manifest: always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    reference: Reference,
    digest: String,
}

/// Why a text names nothing in a registry.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// It does not have the form.
    #[error("must have the form `oci://host/repository:tag` or `oci://host/repository@sha256:…`: {0}")]
    Malformed(String),
    /// Its first part is no host.
    #[error("must begin with a registry's host, as in `oci://ghcr.io/team/rule`")]
    NoHost,
    /// It names no digest.
    #[error("must be pinned by its digest, as in `oci://host/repository@sha256:…`: what a tag names can change")]
    NotPinned,
}

impl Reference {
    /// The reference as the client wants it.
    pub(super) fn inner(&self) -> &oci_client::Reference {
        &self.0
    }

    /// The same component, by the digest of its manifest.
    pub(super) fn pinned(&self, digest: String) -> Pinned {
        Pinned { reference: Self(self.0.clone_with_digest(digest.clone())), digest }
    }

    /// Its registry: a host, and a port if there is one.
    pub(super) fn registry(&self) -> &str {
        self.0.resolve_registry()
    }

    /// Whether its registry is on this machine, so that nobody listens on the way to it.
    pub(super) fn is_local(&self) -> bool {
        is_local(self.registry())
    }

    /// Whether it names a digest. No more can be pushed there then.
    pub fn is_pinned(&self) -> bool {
        self.0.digest().is_some()
    }
}

/// Whether a host, with or without its port, is this machine.
pub(super) fn is_local(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || registry.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

impl Pinned {
    /// The digest of its manifest: `sha256:` and 64 digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let malformed = |why: &str| ReferenceError::Malformed(why.to_owned());
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| malformed("`oci://` is missing"))?;
        // The library takes a name without a host for one of Docker's.
        let host = rest.split_once('/').map(|(host, _)| host).unwrap_or_default();
        if !(host.contains('.') || host.contains(':') || host == "localhost") {
            return Err(ReferenceError::NoHost);
        }
        let reference: oci_client::Reference = rest.parse().map_err(|error| malformed(&format!("{error}")))?;
        match reference.digest() {
            Some(digest) if !digest.starts_with("sha256:") => Err(malformed("the digest must be one of SHA-256")),
            Some(_) | None => Ok(Self(reference)),
        }
    }
}

impl FromStr for Pinned {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference: Reference = text.parse()?;
        let digest = reference.0.digest().ok_or(ReferenceError::NotPinned)?.to_ascii_lowercase();
        Ok(reference.pinned(digest))
    }
}

impl From<Pinned> for Reference {
    fn from(pinned: Pinned) -> Self {
        pinned.reference
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.0)
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_digest_is_pinned() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let pinned: Pinned = format!("oci://ghcr.io/team/rule:1.0@{digest}").parse().unwrap();
        assert_eq!(pinned.to_string(), format!("oci://ghcr.io/team/rule@{digest}"));
        let read = |text: &str| text.parse::<Pinned>().unwrap_err();
        for text in ["oci://ghcr.io/team/rule", "oci://ghcr.io/team/rule:latest"] {
            assert!(matches!(read(text), ReferenceError::NotPinned), "{text}");
        }
        for text in ["oci://rule", "oci://team/rule:1"] {
            assert!(matches!(read(text), ReferenceError::NoHost), "{text}");
        }
        let others =
            ["ghcr.io/team/rule", "oci://ghcr.io/Team/rule", "oci://ghcr.io/rule@sha256:0f", "oci://ghcr.io/a b"];
        let sha512 = format!("oci://ghcr.io/rule@sha512:{}", "0f".repeat(64));
        for text in others.into_iter().chain([sha512.as_str()]) {
            assert!(matches!(read(text), ReferenceError::Malformed(_)), "{text}");
        }
    }

    #[test]
    fn only_a_registry_on_this_machine_is_local() {
        let local = |host: &str| format!("oci://{host}/rule").parse::<Reference>().unwrap().is_local();
        assert!(["localhost", "localhost:5000", "127.0.0.1:5000", "127.8.0.1:80"].into_iter().all(local));
        assert!(
            !["ghcr.io", "localhost.example.com:5000", "10.0.0.1:5000", "127.0.0.1.example.com"].into_iter().any(local)
        );
    }
}
