//! What can be wrong with a key, and with a signature.

use std::path::PathBuf;

use super::KeyId;

/// Why a text or file is not the key that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be read.
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It does not begin as such a key does.
    #[error("it is no {wanted} key: that is one line which begins with `{prefix} `")]
    NotAKey {
        /// `public` or `secret`.
        wanted: &'static str,
        /// What it begins with.
        prefix: &'static str,
    },
    /// It is a secret key where a public one belongs.
    #[error("it is a secret key, which belongs to its owner alone; what is named here is the `.pub` file beside it")]
    Secret,
    /// What follows is not 32 bytes, or no point of the curve that a signature could be checked with.
    #[error(
        "it begins as a key does, and is none: what follows must be 32 bytes in Base64, as `keygen` has written them"
    )]
    Damaged,
}

/// Why a component is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// It has no signature.
    #[error("it is not signed, and `trust` demands a signature")]
    Unsigned,
    /// What should be its signature is none.
    #[error(
        "its signature cannot be read: it is a line of `interlock-signature-ed25519`, a key's id, and 64 bytes in Base64"
    )]
    Malformed,
    /// Nobody who is trusted has signed it.
    #[error("it is signed by a stranger: by key {signer}, where {known} trusted")]
    Stranger {
        /// Who has.
        signer: KeyId,
        /// Which keys are trusted, in words.
        known: String,
    },
    /// The signature is for something else.
    #[error("its signature is wrong: key {signer} has signed something else, or nothing")]
    Wrong {
        /// Whose key it names.
        signer: KeyId,
    },
}

impl KeyError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => {
                "name a file that is there; `interlock plugin keygen --out NAME` makes a pair of keys."
            }
            Self::Secret => "keep the `.key` file to yourself, and hand out the `.pub` file.",
            Self::NotAKey { .. } | Self::Damaged => "`interlock plugin keygen --out NAME` makes NAME.key and NAME.pub.",
        }
    }
}

impl TrustError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unsigned => "`interlock plugin sign FILE.wasm --key NAME.key` writes FILE.wasm.sig beside it.",
            Self::Malformed => "have it signed again with `interlock plugin sign`.",
            Self::Stranger { .. } => "if you trust who signed it, name that key's `.pub` file under `trust/keys`.",
            Self::Wrong { .. } => {
                "the component is not the one that was signed: get both again from where they came, or sign this one."
            }
        }
    }
}
