//! Pushing to registries and pulling from them.

use std::time::Duration;

use futures::TryStreamExt as _;
use oci_client::{
    Client,
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    manifest::OCI_IMAGE_MEDIA_TYPE,
    secrets::RegistryAuth,
};

use super::{Artifact, Pinned, Reference, RegistryError, artifact::describe, digest_of};

/// How long a connection may take to come about, and how long it may be silent.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
/// How long a component may take in all.
const WHOLE: Duration = Duration::from_secs(120);
/// A component is nobody's secret.
const NOBODY: RegistryAuth = RegistryAuth::Anonymous;

/// Hands a component in, and returns the name by which it will always be the same.
///
/// # Errors
/// See [`RegistryError`].
pub async fn push(artifact: &Artifact, to: &Reference) -> Result<Pinned, RegistryError> {
    let pinned = to.pinned(artifact.digest());
    let pushing = async {
        let (client, image, config) = (client(to)?, to.inner(), artifact.config());
        client.store_auth_if_needed(image.resolve_registry(), &NOBODY).await;
        for blob in [artifact.component.clone(), config] {
            let digest = digest_of(&blob);
            client.push_blob(image, blob, &digest).await?;
        }
        let kind = http::HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
        client.push_manifest_raw(image, artifact.manifest.clone(), kind).await
    };
    in_time(to, pushing).await?.map_err(|error| told(to, &error))?;
    Ok(pinned)
}

/// Fetches a component of at most `most` bytes, and the name by which it will always be the same.
///
/// # Errors
/// See [`RegistryError`].
pub async fn pull(from: &Reference, most: usize) -> Result<(Pinned, Artifact), RegistryError> {
    in_time(from, pull_at_leisure(from, most)).await?
}

async fn pull_at_leisure(from: &Reference, most: usize) -> Result<(Pinned, Artifact), RegistryError> {
    let told = |error: OciDistributionError| told(from, &error);
    let (client, image) = (client(from).map_err(told)?, from.inner());
    let (manifest, digest) = client.pull_manifest_raw(image, &NOBODY, &[OCI_IMAGE_MEDIA_TYPE]).await.map_err(told)?;
    let pinned = from.pinned(image.digest().map_or(digest, str::to_ascii_lowercase));
    let described = describe(&manifest, &pinned, most)?;
    let mut stream = client.pull_blob_stream(image, &described.layer).await.map_err(told)?.stream;
    let (mut component, size) = (Vec::new(), described.layer.size);
    while let Some(bytes) = stream.try_next().await.map_err(|error| told(error.into()))? {
        component.extend_from_slice(&bytes);
        // Whatever comes beyond what was said is not waited for.
        if i64::try_from(component.len()).unwrap_or(i64::MAX) > size {
            return Err(RegistryError::Mismatch { what: "the component".to_owned(), wanted: described.layer.digest });
        }
    }
    Ok((pinned, Artifact::of(manifest.to_vec(), described, component)?))
}

/// In the clear only where nobody else can listen.
fn client(to: &Reference) -> Result<Client, OciDistributionError> {
    let protocol = if to.is_local() { ClientProtocol::Http } else { ClientProtocol::Https };
    Client::try_from(ClientConfig {
        protocol,
        connect_timeout: Some(CONNECT),
        read_timeout: Some(SILENCE),
        user_agent: concat!("interlock/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    })
}

async fn in_time<T>(what: &Reference, work: impl Future<Output = T>) -> Result<T, RegistryError> {
    let slow = |_| RegistryError::Slow { reference: what.to_string(), seconds: WHOLE.as_secs() };
    tokio::time::timeout(WHOLE, work).await.map_err(slow)
}

fn told(what: &Reference, error: &OciDistributionError) -> RegistryError {
    if let OciDistributionError::DigestError(_) = error {
        let wanted = what.inner().digest().unwrap_or("that it was announced with").to_owned();
        return RegistryError::Mismatch { what: format!("what came for `{what}`"), wanted };
    }
    let mut chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let reason = chain.by_ref().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    RegistryError::Registry { reference: what.to_string(), reason }
}
