//! What a component imports and exports, read off its bytes before anything of it is compiled.

use wasmparser::{Parser, Payload};

use super::{fault::LoadError, generation::Generation};

/// Largest component that is looked at, in bytes.
pub const MAX_BYTES: usize = 64 << 20;

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

/// Which generation a component was made for, and what it exports of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) generation: Generation,
    pub(super) exports: Exports,
}

/// What a component exports, its imports checked. Runs nothing of it.
///
/// Of a draft too: whether drafts are served is for the [`Sandbox`](super::Sandbox) to say that loads it.
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
    let Shape { generation, exports: kinds } = read(bytes, Generation::ALL)?;
    let (imports, exports) = names(bytes)?;
    Ok(Interfaces { generation: generation.version(), kinds, exports, imports })
}

/// The first of the generations served, which are in order of preference, that a component exports something of to be of
/// use; its imports checked.
///
/// # Errors
/// As of [`exports`].
pub(super) fn read(bytes: &[u8], served: &[Generation]) -> Result<Shape, LoadError> {
    if bytes.len() > MAX_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
    }
    let (imports, names) = names(bytes)?;
    let made_for = |generation: &Generation| {
        let exports = exported(&names, *generation);
        (exports.is_policy() || exports.toolset).then_some(Shape { generation: *generation, exports })
    };
    // Told first: a component of another generation has imports of that generation too.
    let Some(shape) = served.iter().find_map(made_for) else {
        return Err(LoadError::WrongWorld(unserved(&names, served)));
    };
    let version = shape.generation.version();
    let lifecycle = format!("interlock:plugin/lifecycle@{version}");
    if !names.contains(&lifecycle) {
        return Err(LoadError::WrongWorld(format!("`{lifecycle}` is missing")));
    }
    if shape.exports.is_policy() && shape.exports.toolset {
        return Err(LoadError::WrongWorld("a component is either a policy or a toolset, not both".to_owned()));
    }
    for import in imports {
        let allowed = match ours(&import) {
            Some((_, other)) if other != version => false,
            Some(("types" | "log" | "lifecycle", _)) => true,
            Some(("arguments" | "history", _)) => shape.exports.is_policy(),
            Some(("store" | "simulation", _)) => shape.exports.toolset,
            Some(_) | None => false,
        };
        if !allowed {
            let hint = hint(&import, shape);
            return Err(LoadError::ForeignImport { import, hint });
        }
    }
    Ok(shape)
}

/// What a component exports of one generation.
fn exported(names: &[String], generation: Generation) -> Exports {
    let mut found = Exports::default();
    for (interface, version) in names.iter().filter_map(|name| ours(name)) {
        if version != generation.version() || !generation.interfaces().contains(&interface) {
            continue;
        }
        match interface {
            "judge" => found.judge = true,
            "transform" => found.transform = true,
            "review" => found.review = true,
            "toolset" => found.toolset = true,
            _ => {}
        }
    }
    found
}

/// What to say of a component that exports nothing of the generations served.
fn unserved(names: &[String], served: &[Generation]) -> String {
    let versions: Vec<_> = served.iter().map(|generation| generation.version()).collect();
    let others: Vec<_> = names
        .iter()
        .filter(|name| ours(name).is_some_and(|(_, version)| !versions.contains(&version)))
        .map(String::as_str)
        .collect();
    if others.is_empty() {
        let newest = versions.first().copied().unwrap_or_default();
        return format!(
            "a policy exports `interlock:plugin/judge@{newest}`, a toolset `interlock:plugin/toolset@{newest}`"
        );
    }
    format!("it was made for `{}`; this Interlock serves {}", others.join("`, `"), versions.join(", "))
}

/// Splits `interlock:plugin/NAME@VERSION`.
fn ours(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("interlock:plugin/")?.split_once('@')
}

fn hint(import: &str, shape: Shape) -> String {
    if import.starts_with("wasi:") {
        "a plugin has no clock, randomness, files or network, so that its decisions can be repeated; build it without \
         WASI: in Rust for `wasm32-unknown-unknown`, in Python with `componentize-py --stub-wasi`, in JavaScript with \
         all features disabled"
            .to_owned()
    } else if ours(import).is_some_and(|(_, version)| version != shape.generation.version()) {
        format!("what a component imports is of the generation of what it exports, {}", shape.generation.version())
    } else if ours(import).is_some() {
        let kind = if shape.exports.toolset { "a toolset" } else { "a policy" };
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
