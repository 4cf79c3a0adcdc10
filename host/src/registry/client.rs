//! Pushing to registries and pulling from them.

use std::time::Duration;

use oci_client::{
    Client,
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    manifest::OCI_IMAGE_MEDIA_TYPE,
    secrets::RegistryAuth,
};

use super::{
    Artifact, Credentials, Pinned, Reference, RegistryError,
    artifact::{MAX_MANIFEST_BYTES, describe},
    digest_of,
    download::Download,
};

/// How long a connection may take to come about, and how long it may be silent.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// How long a component may take in all.
const WHOLE: Duration = Duration::from_secs(120);
/// What registries are told of who asks.
pub(super) const USER_AGENT: &str = concat!("interlock/", env!("CARGO_PKG_VERSION"));

/// Hands a component in, and returns the name by which it will always be the same.
///
/// # Errors
/// See [`RegistryError`].
pub async fn push(artifact: &Artifact, to: &Reference, by: &Credentials) -> Result<Pinned, RegistryError> {
    let pinned = to.pinned(artifact.digest());
    in_time(to, push_at_leisure(artifact, to, by)).await??;
    Ok(pinned)
}

async fn push_at_leisure(artifact: &Artifact, to: &Reference, by: &Credentials) -> Result<(), RegistryError> {
    let login = by.login(to).await?;
    let pushing = async {
        let (client, image, config) = (client(to)?, to.inner(), artifact.config());
        client.store_auth_if_needed(to.registry(), &login).await;
        for blob in [artifact.component.clone(), config] {
            let digest = digest_of(&blob);
            client.push_blob(image, blob, &digest).await?;
        }
        let kind = http::HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        client.push_manifest_raw(image, artifact.manifest.clone(), kind).await
    };
    pushing.await.map(drop).map_err(|error| told(to, &login, &error))
}

/// Fetches a component of at most `most` bytes, and the name by which it will always be the same.
///
/// # Errors
/// See [`RegistryError`].
pub async fn pull(from: &Reference, by: &Credentials, most: usize) -> Result<(Pinned, Artifact), RegistryError> {
    in_time(from, pull_at_leisure(from, by, most)).await?
}

async fn pull_at_leisure(from: &Reference, by: &Credentials, most: usize) -> Result<(Pinned, Artifact), RegistryError> {
    let mut download = Download::new(from, by.login(from).await?)?;
    let manifest = download.manifest(MAX_MANIFEST_BYTES).await?;
    let manifest = manifest.ok_or_else(|| RegistryError::NotAComponent("its manifest is too large".to_owned()))?;
    let pinned = from.pinned(from.inner().digest().map_or_else(|| digest_of(&manifest), str::to_ascii_lowercase));
    let described = describe(&manifest, &pinned, most)?;
    let size = usize::try_from(described.layer.size).unwrap_or(most);
    let Some(component) = download.blob(&described.layer.digest, size).await? else {
        return Err(RegistryError::Mismatch { what: "the component".to_owned(), wanted: described.layer.digest });
    };
    Ok((pinned, Artifact::of(manifest, described, component)?))
}

/// In the clear only where nobody else can listen.
fn client(to: &Reference) -> Result<Client, OciDistributionError> {
    let protocol = if to.is_local() { ClientProtocol::Http } else { ClientProtocol::Https };
    Client::try_from(ClientConfig {
        protocol,
        connect_timeout: Some(CONNECT),
        read_timeout: Some(SILENCE),
        user_agent: USER_AGENT,
        ..ClientConfig::default()
    })
}

async fn in_time<T>(what: &Reference, work: impl Future<Output = T>) -> Result<T, RegistryError> {
    let slow = |_| RegistryError::Slow { reference: what.to_string(), seconds: WHOLE.as_secs() };
    tokio::time::timeout(WHOLE, work).await.map_err(slow)
}

fn told(to: &Reference, login: &RegistryAuth, error: &OciDistributionError) -> RegistryError {
    match error {
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_)
        | OciDistributionError::ServerError { code: 401 | 403, .. } => RegistryError::not_let_through(to, login),
        error => RegistryError::Registry { reference: to.to_string(), reason: super::chain(error) },
    }
}
