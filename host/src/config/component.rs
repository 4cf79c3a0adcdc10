//! Which component a `component` key names: one that Interlock brings, a file, or one in a registry.

use std::path::{Path, PathBuf};

use super::{document::Node, findings::Findings, nearest, problem::ProblemKind};
use crate::{
    registry::{Pinned, ReferenceError},
    sandbox::ComponentSource,
};

/// What paths and plugin names of a file are taken against.
pub(super) struct Base<'a> {
    /// The folder of the configuration file, absolute.
    pub(super) folder: &'a Path,
    /// Names of the plugins that Interlock brings.
    pub(super) standard: &'a [&'a str],
}

impl Base<'_> {
    /// A path of the file, seen from the file's folder.
    pub(super) fn path(&self, written: &str) -> PathBuf {
        // Taken apart and put together again, a path loses its `./`.
        self.folder.join(written).components().collect()
    }

    /// The component that a value names. The plugin's own name is returned for a value that names none.
    pub(super) fn component(&self, node: Option<&Node>, findings: &mut Findings<'_>) -> ComponentSource {
        let Some((node, name)) = node.and_then(|node| Some((node, node.text()?))) else {
            return ComponentSource::Standard(String::new());
        };
        if name.starts_with("oci://") {
            match name.parse::<Pinned>() {
                Ok(pinned) => return ComponentSource::Registry(pinned),
                Err(error) => findings.value(node, ProblemKind::BadValue, &error.to_string()).hint(match error {
                    ReferenceError::NotPinned => "`interlock plugin pull` tells the digest of what a tag names now.",
                    ReferenceError::Malformed(_) | ReferenceError::NoHost => {
                        "`interlock plugin push` prints the reference to write here."
                    }
                }),
            }
        } else if name.contains(std::path::is_separator) || name.ends_with(".wasm") {
            return ComponentSource::File(self.path(name));
        } else if !self.standard.contains(&name) {
            findings
                .value(node, ProblemKind::BadValue, &format!("names no plugin that Interlock brings: `{name}`"))
                .hint(format!(
                    "{} The path of a file has a `/` or ends in `.wasm`.",
                    nearest::hint(name, self.standard)
                ));
        }
        ComponentSource::Standard(name.to_owned())
    }
}
