//! What is known and demanded where components are read.

use std::{
    borrow::Cow,
    ops::Deref,
    path::{Path, PathBuf},
};

use crate::{
    registry::{Credentials, Store},
    trust::{Trust, TrustError},
};

/// What is known and demanded where components are read. Whoever reads one has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// Whose components may come in.
    pub trust: Trust,
    /// Where those from registries are kept; none: they are not to be had.
    pub store: Option<Store>,
    /// Who one is to registries.
    pub credentials: Credentials,
}

/// A component that may be used.
#[derive(Clone, Debug)]
pub struct Component {
    bytes: Cow<'static, [u8]>,
    /// Who has signed it, where that was asked for: a line each.
    signatures: Option<String>,
}

impl Component {
    /// One that Interlock brings.
    pub(super) fn standard(bytes: &'static [u8]) -> Self {
        Self { bytes: Cow::Borrowed(bytes), signatures: None }
    }

    /// One from elsewhere, if it may come in.
    ///
    /// # Errors
    /// If nobody who is trusted has signed it.
    pub(super) fn admit(bytes: Vec<u8>, signatures: Option<String>, trust: &Trust) -> Result<Self, TrustError> {
        trust.admit(&bytes, signatures.as_deref())?;
        Ok(Self { bytes: Cow::Owned(bytes), signatures })
    }

    /// Its signatures, as they are kept beside it.
    pub(super) fn signatures(&self) -> Option<&str> {
        self.signatures.as_deref()
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_owned()
    }
}

impl Deref for Component {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Supply {
    /// Anybody's components: for authors, who try what they have made.
    pub const fn of_anyone() -> Self {
        Self { trust: Trust::Anyone, store: None, credentials: Credentials::none() }
    }
}

/// Where the signatures of a component's file are: `rule.wasm.sig` beside `rule.wasm`.
pub fn signature_of(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}
