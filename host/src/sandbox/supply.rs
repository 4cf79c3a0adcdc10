//! What is known and demanded where components are read.

use std::path::{Path, PathBuf};

use crate::trust::Trust;

/// What is known and demanded where components are read. Whoever reads one has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// Whose components may come in.
    pub trust: Trust,
}

impl Supply {
    /// Anybody's components: for authors, who try what they have made.
    pub const fn of_anyone() -> Self {
        Self { trust: Trust::Anyone }
    }
}

/// Where the signatures of a component's file are: `rule.wasm.sig` beside `rule.wasm`.
pub fn signature_of(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}
