//! Components kept by their digests, so that one can be gone back to when its file holds another.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{Component, LoadError, Supply, signature_of, standard, stored};
use crate::tasks;

/// Most components that are kept of one policy. Those that were in use longest ago go.
const MOST: usize = 10;

/// A folder of components, by policy. Clones share it.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// In this folder, which is made when the first component is kept.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Keeps a component, and takes note that it is in use now.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn keep(&self, policy: &str, component: &Component) -> io::Result<()> {
        let (folder, component) = (self.of(policy), component.clone());
        blocking(move || {
            private(&folder)?;
            let path = folder.join(format!("{}.wasm", stored::sha256(&component)));
            if let Some(signatures) = component.signatures() {
                stored::replace(&signature_of(&path), signatures.as_bytes())?;
            }
            match fs::File::options().append(true).open(&path) {
                Ok(kept) => kept.set_modified(SystemTime::now())?,
                Err(_) => stored::replace(&path, &component)?,
            }
            let surplus: Vec<_> = listed(&folder)?.into_iter().skip(MOST).collect();
            surplus.iter().try_for_each(|digest| {
                let path = folder.join(format!("{digest}.wasm"));
                match fs::remove_file(signature_of(&path)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    Ok(()) | Err(_) => fs::remove_file(path),
                }
            })
        })
        .await
    }

    /// A component of this policy; none if it is not kept, or is not what it was.
    ///
    /// # Errors
    /// If it cannot be read, or nobody who is trusted by now has signed it.
    pub async fn find(&self, policy: &str, digest: &str, supply: &Supply) -> Result<Option<Component>, LoadError> {
        let path = self.of(policy).join(format!("{digest}.wasm"));
        let (digest, trust) = (digest.to_owned(), supply.trust.clone());
        let found = move || match fs::read(&path) {
            Ok(bytes) if stored::sha256(&bytes) == digest => {
                let admitted = Component::admit(bytes, standard::signatures(&path)?, &trust);
                admitted.map(Some).map_err(|source| LoadError::KeptUntrusted { digest, source })
            }
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(LoadError::Unreadable { path, source }),
        };
        tasks::blocking(found).await.map_err(|panicked| LoadError::Host(panicked.to_string()))?
    }

    /// The digests of the components that are kept of a policy, the one last in use first.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub async fn list(&self, policy: &str) -> io::Result<Vec<String>> {
        let folder = self.of(policy);
        blocking(move || match listed(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            listed => listed,
        })
        .await
    }

    /// A folder whose name is the policy's, but for what a name of a folder should not have.
    fn of(&self, policy: &str) -> PathBuf {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let name: String = policy
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect();
        self.folder.join(name)
    }
}

fn listed(folder: &Path) -> io::Result<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let digest = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(digest), Some("wasm")) = (digest, path.extension().and_then(|extension| extension.to_str())) {
            all.push((entry.metadata()?.modified()?, digest.to_owned()));
        }
    }
    all.sort_unstable_by(|one, other| other.cmp(one));
    Ok(all.into_iter().map(|(_, digest)| digest).collect())
}

/// Makes a folder that nobody else may look into.
fn private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tasks::blocking(work).await.map_err(io::Error::other)?
}
