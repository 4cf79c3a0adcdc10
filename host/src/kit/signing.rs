//! Keys and signatures as files: made by authors, checked by whoever gets a component.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::KitError;
use crate::{
    sandbox::{ComponentSource, Supply, exports, signature_of},
    trust::{KeyId, PublicKey, SecretKey, Signature, TrustError, verify},
};

/// A pair of keys that has been made.
#[derive(Debug)]
pub struct Pair {
    /// The file of the secret one, readable by its owner alone.
    pub secret: PathBuf,
    /// The file of the public one.
    pub public: PathBuf,
    /// The public one.
    pub key: PublicKey,
}

/// Makes a pair of keys: `NAME.key` and `NAME.pub`.
///
/// # Errors
/// If one of them is there already, or cannot be written.
pub fn generate(name: &Path) -> Result<Pair, KitError> {
    let (secret, public) = (with_suffix(name, ".key"), with_suffix(name, ".pub"));
    let key = SecretKey::generate().map_err(|source| KitError::File { path: secret.clone(), source })?;
    if public.exists() {
        return Err(KitError::Exists(public));
    }
    write_new(&secret, &key.to_line(), 0o600)?;
    write_new(&public, &key.public().to_string(), 0o644)?;
    Ok(Pair { secret, public, key: key.public() })
}

/// Signs a component with the key in a file. The signature goes into `out`, or beside the component.
///
/// # Errors
/// If the component is none, the key cannot be read, or the signature cannot be written.
pub async fn sign(component: &Path, key: &Path, out: Option<&Path>) -> Result<(PathBuf, KeyId), KitError> {
    let signature = signature_by(&read(component).await?, key)?;
    let path = out.map_or_else(|| signature_of(component), Path::to_owned);
    fs::write(&path, format!("{signature}\n")).map_err(|source| KitError::File { path: path.clone(), source })?;
    Ok((path, signature.signer()))
}

/// The signature of a component with the key in a file.
///
/// # Errors
/// If the bytes are no component, or the key cannot be read.
pub fn signature_by(component: &[u8], key: &Path) -> Result<Signature, KitError> {
    // A key's owner should not put their name to what nobody could load.
    exports(component)?;
    Ok(Signature::of(component, &SecretKey::read(key)?))
}

/// Checks the signatures of a component: in a file of their own, or beside it.
///
/// # Errors
/// If none of them is good, and by one of the keys.
pub async fn check(component: &Path, signatures: Option<&Path>, keys: &[PublicKey]) -> Result<KeyId, KitError> {
    let bytes = read(component).await?;
    let text = read_text(signatures.map_or_else(|| signature_of(component), Path::to_owned))?;
    Ok(verify(&bytes, &text.ok_or(TrustError::Unsigned)?, keys)?.id())
}

/// The signatures that lie beside a component; none if there are none.
pub(super) fn beside(component: &Path) -> Result<Option<String>, KitError> {
    read_text(signature_of(component))
}

fn read_text(path: PathBuf) -> Result<Option<String>, KitError> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(none) if none.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KitError::File { path, source }),
    }
}

async fn read(component: &Path) -> Result<Vec<u8>, KitError> {
    Ok(ComponentSource::File(component.to_owned()).read(&Supply::of_anyone()).await?.into_bytes())
}

fn with_suffix(name: &Path, suffix: &str) -> PathBuf {
    let mut whole = name.as_os_str().to_owned();
    whole.push(suffix);
    whole.into()
}

fn write_new(path: &Path, line: &str, mode: u32) -> Result<(), KitError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let written = options.open(path).and_then(|mut file| writeln!(file, "{line}"));
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KitError::Exists(path.to_owned()),
        _ => KitError::File { path: path.to_owned(), source },
    })
}
