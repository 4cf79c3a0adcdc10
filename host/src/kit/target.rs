//! What a verb is asked about: a folder, a file, or a plugin that Interlock brings.

use std::path::{Path, PathBuf};

use super::{
    KitError,
    build::{build, component_of, is_up_to_date},
    cases::Cases,
    files,
    shipping::credentials,
};
use crate::{
    registry::{self, Store},
    sandbox::{ComponentSource, MAX_BYTES, Supply, standard_plugins},
};

/// A component's bytes, and where its cases are.
#[derive(Clone, Debug)]
pub struct Target {
    /// As people are told of it: a path, or a plugin's name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its cases, if it has any, or why they cannot be read.
    cases: CasesAt,
}

/// Where cases are.
#[derive(Clone, Debug)]
enum CasesAt {
    File(PathBuf),
    /// Asked for by name, so they must be there.
    Asked(PathBuf),
    Standard(&'static str),
}

impl Target {
    /// Finds what is asked about. A folder is built if its component is not there or older than its sources.
    ///
    /// # Errors
    /// If there is no such thing, it cannot be read, or the folder does not build.
    pub async fn find(asked: &str) -> Result<Self, KitError> {
        if asked.starts_with("oci://") {
            let (pinned, artifact) = registry::pull(&asked.parse()?, &credentials(), MAX_BYTES).await?;
            return Ok(Self::pulled(pinned.to_string(), artifact.component));
        }
        let path = Path::new(asked);
        if path.is_dir() {
            let component = component_of(path);
            if !is_up_to_date(path, &component) {
                build(path, None)?;
            }
            return Self::of_file(&component, path.join("cases.json")).await;
        }
        if path.is_file() || asked.contains(std::path::is_separator) || asked.ends_with(".wasm") {
            return Self::of_file(path, path.with_file_name("cases.json")).await;
        }
        let source = ComponentSource::Standard(asked.to_owned());
        let Some(name) = standard_plugins().into_iter().find(|name| *name == asked) else {
            return Err(KitError::NoTarget { asked: asked.to_owned(), known: standard_plugins().join(", ") });
        };
        Ok(Self {
            name: name.to_owned(),
            bytes: source.read(&Supply::of_anyone()).await?.into_bytes(),
            cases: CasesAt::Standard(name),
        })
    }

    /// What a configuration names, whose components from registries are in `store`. Who has signed it is not asked here.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn of(source: &ComponentSource, store: Store) -> Result<Self, KitError> {
        match source {
            ComponentSource::File(path) => Self::of_file(path, path.with_file_name("cases.json")).await,
            ComponentSource::Standard(name) => Self::find(name).await,
            ComponentSource::Registry(pinned) => {
                let supply = Supply { store: Some(store), credentials: credentials(), ..Supply::of_anyone() };
                Ok(Self::pulled(pinned.to_string(), source.read(&supply).await?.into_bytes()))
            }
        }
    }

    /// The same with the cases of another file, such as those of one policy among all that a language's plugin can be.
    #[must_use]
    pub fn with_cases(self, path: PathBuf) -> Self {
        Self { cases: CasesAt::Asked(path), ..self }
    }

    /// A component in a registry has no cases with it.
    fn pulled(name: String, bytes: Vec<u8>) -> Self {
        Self { name, bytes, cases: CasesAt::File(PathBuf::from("cases.json")) }
    }

    async fn of_file(component: &Path, cases: PathBuf) -> Result<Self, KitError> {
        let bytes = ComponentSource::File(component.to_owned()).read(&Supply::of_anyone()).await?.into_bytes();
        Ok(Self { name: component.display().to_string(), bytes, cases: CasesAt::File(cases) })
    }

    /// Its cases: `cases.json` beside it, and none if there is no such file; or those that were asked for.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn cases(&self) -> Result<Option<Cases>, KitError> {
        match &self.cases {
            CasesAt::File(path) => path.is_file().then(|| Cases::read(path)).transpose(),
            CasesAt::Asked(path) => Cases::read(path).map(Some),
            CasesAt::Standard(name) => {
                let text = files::text(&format!("cases/{name}.json"));
                text.map(|text| Cases::parse(Path::new(&format!("{name}/cases.json")), text)).transpose()
            }
        }
    }

    /// Where its cases would be, in words.
    pub fn cases_at(&self) -> String {
        match &self.cases {
            CasesAt::File(path) | CasesAt::Asked(path) => path.display().to_string(),
            CasesAt::Standard(name) => format!("{name}/cases.json"),
        }
    }
}
