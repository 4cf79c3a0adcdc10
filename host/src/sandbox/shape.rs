//! What a component imports and exports, read off its bytes before anything of it is compiled.

use wasmparser::{Parser, Payload};

use super::{fault::LoadError, since_v0_1_0};

/// Largest component that is looked at, in bytes.
pub(super) const MAX_BYTES: usize = 64 << 20;

/// Which interfaces a component exports, and so what it can be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exports {
    /// Decides calls.
    pub judge: bool,
    /// Rewrites arguments.
    pub transform: bool,
    /// Looks at results.
    pub review: bool,
    /// Offers tools.
    pub toolset: bool,
}

impl Exports {
    /// Whether it can stand in the list of policies.
    pub fn is_policy(self) -> bool {
        self.judge || self.transform || self.review
    }
}

/// What a component exports, its imports checked. Runs nothing of it.
///
/// # Errors
/// [`LoadError::TooLarge`], [`LoadError::NotAComponent`], [`LoadError::ForeignImport`] or [`LoadError::WrongWorld`].
pub fn exports(bytes: &[u8]) -> Result<Exports, LoadError> {
    interfaces(bytes).map(|interfaces| interfaces.kinds)
}

/// The interfaces that a component deals in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interfaces {
    /// Version of the plugin interface that it was made for.
    pub generation: &'static str,
    /// What its exports make it.
    pub kinds: Exports,
    /// Names of what it exports.
    pub exports: Vec<String>,
    /// Names of what it imports: all that it can do beside computing.
    pub imports: Vec<String>,
}

/// As [`exports`], with every name.
///
/// # Errors
/// As for [`exports`].
pub fn interfaces(bytes: &[u8]) -> Result<Interfaces, LoadError> {
    if bytes.len() > MAX_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
    }
    let (imports, exports) = names(bytes)?;
    let mut found = Exports::default();
    let mut lifecycle = false;
    let mut other_versions = Vec::new();
    for export in &exports {
        let Some((interface, version)) = ours(export) else { continue };
        if version != since_v0_1_0::VERSION {
            other_versions.push(export.as_str());
            continue;
        }
        match interface {
            "lifecycle" => lifecycle = true,
            "judge" => found.judge = true,
            "transform" => found.transform = true,
            "review" => found.review = true,
            "toolset" => found.toolset = true,
            _ => {}
        }
    }
    // Told first: a component of another generation has imports of that generation too.
    if !found.is_policy() && !found.toolset {
        let reason = if other_versions.is_empty() {
            format!(
                "a policy exports `interlock:plugin/judge@{0}`, a toolset `interlock:plugin/toolset@{0}`",
                since_v0_1_0::VERSION
            )
        } else {
            format!(
                "it was made for `{}`; this Interlock serves {}",
                other_versions.join("`, `"),
                since_v0_1_0::VERSION
            )
        };
        return Err(LoadError::WrongWorld(reason));
    }
    if !lifecycle {
        let name = format!("interlock:plugin/lifecycle@{}", since_v0_1_0::VERSION);
        return Err(LoadError::WrongWorld(format!("`{name}` is missing")));
    }
    if found.is_policy() && found.toolset {
        return Err(LoadError::WrongWorld("a component is either a policy or a toolset, not both".to_owned()));
    }
    for import in &imports {
        let allowed = match ours(import) {
            Some(("types" | "log" | "lifecycle", _)) => true,
            Some(("arguments" | "history", _)) => found.is_policy(),
            Some(("store" | "simulation", _)) => found.toolset,
            Some(_) | None => false,
        };
        if !allowed {
            let hint = hint(import, found);
            return Err(LoadError::ForeignImport { import: import.clone(), hint });
        }
    }
    Ok(Interfaces { generation: since_v0_1_0::VERSION, kinds: found, exports, imports })
}

/// Splits `interlock:plugin/NAME@VERSION`.
fn ours(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("interlock:plugin/")?.split_once('@')
}

fn hint(import: &str, exports: Exports) -> String {
    if import.starts_with("wasi:") {
        "a plugin has no clock, randomness, files or network, so that its decisions can be repeated; build it without \
         WASI: in Rust for `wasm32-unknown-unknown`, in Python with `componentize-py --stub-wasi`, in JavaScript with \
         all features disabled"
            .to_owned()
    } else if ours(import).is_some() {
        let kind = if exports.toolset { "a toolset" } else { "a policy" };
        format!("{kind} does not get this interface")
    } else {
        "a plugin may import interfaces of `interlock:plugin` only".to_owned()
    }
}

/// Names of the top-level imports and exports.
fn names(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), LoadError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotAComponent("it is not WebAssembly at all".to_owned()));
    }
    let not_a_component = |error: wasmparser::BinaryReaderError| LoadError::NotAComponent(error.message().to_owned());
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(not_a_component)? {
            Payload::Version { encoding: wasmparser::Encoding::Module, .. } if depth == 0 => {
                return Err(LoadError::NotAComponent(
                    "it is a core module; `wasm-tools component new` makes a component of it".to_owned(),
                ));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import.map_err(not_a_component)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export.map_err(not_a_component)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_are_too_odd_to_be_looked_at(
            sections in prop::collection::vec((0_u8..14, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
            tail in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            // The header of a component, and sections whose lengths are right.
            let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
            for (id, body) in sections {
                bytes.extend([id, body.len() as u8]);
                bytes.extend(body);
            }
            bytes.extend(tail);
            prop_assert!(exports(&bytes).is_err());
        }
    }

    #[test]
    fn what_is_no_component_is_told_so() {
        for bytes in [b"".as_slice(), b"hello", b"\0asm\x01\0\0\0"] {
            assert!(matches!(exports(bytes), Err(LoadError::NotAComponent(_))), "{bytes:?}");
        }
    }
}
