//! A component as an OCI artifact: one layer of `application/wasm`, as the CNCF's "Wasm OCI Artifact" has it, whose
//! signatures are an annotation of the manifest.

use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use serde_json::json;

use super::{Pinned, RegistryError, digest_of};

const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
const SIGNATURES: &str = "io.interlock.component.signatures";
/// A manifest larger than this is none of a component.
pub(super) const MAX_MANIFEST_BYTES: usize = 256 << 10;

/// A component and its manifest.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The component.
    pub component: Vec<u8>,
    /// Who has signed it, a line each.
    pub signatures: Option<String>,
    /// The manifest, byte for byte, by whose digest it is pinned.
    pub(super) manifest: Vec<u8>,
}

/// What a manifest says of its component.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) layer: OciDescriptor,
    pub(super) signatures: Option<String>,
}

impl Artifact {
    /// Makes one: the same of the same.
    ///
    /// # Errors
    /// If its manifest cannot be written.
    pub fn new(component: Vec<u8>, signatures: Option<String>) -> Result<Self, RegistryError> {
        let config = config_of(&component);
        let descriptor = |media_type: &str, bytes: &[u8]| OciDescriptor {
            media_type: media_type.to_owned(),
            digest: digest_of(bytes),
            size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        };
        let manifest = OciImageManifest {
            media_type: Some(OCI_IMAGE_MEDIA_TYPE.to_owned()),
            config: descriptor(CONFIG, &config),
            layers: vec![descriptor(LAYER, &component)],
            annotations: signatures.clone().map(|lines| [(SIGNATURES.to_owned(), lines)].into()),
            ..OciImageManifest::default()
        };
        let manifest =
            serde_json::to_vec(&manifest).map_err(|error| RegistryError::NotAComponent(error.to_string()))?;
        Ok(Self { component, signatures, manifest })
    }

    /// Puts what was pulled or kept together again, if the component is the one that its manifest describes.
    pub(super) fn of(manifest: Vec<u8>, described: Described, component: Vec<u8>) -> Result<Self, RegistryError> {
        if digest_of(&component) != described.layer.digest {
            return Err(RegistryError::Mismatch { what: "the component".to_owned(), wanted: described.layer.digest });
        }
        Ok(Self { component, signatures: described.signatures, manifest })
    }

    /// The config blob, which says nothing that the manifest does not.
    pub(super) fn config(&self) -> Vec<u8> {
        config_of(&self.component)
    }

    /// The digest that it is pinned by.
    pub(super) fn digest(&self) -> String {
        digest_of(&self.manifest)
    }
}

/// Reads a manifest, which must be the pinned one.
pub(super) fn describe(manifest: &[u8], pinned: &Pinned, most: usize) -> Result<Described, RegistryError> {
    if digest_of(manifest) != pinned.digest() {
        let what = format!("the manifest of `{pinned}`");
        return Err(RegistryError::Mismatch { what, wanted: pinned.digest().to_owned() });
    }
    let none = |why: &str| RegistryError::NotAComponent(why.to_owned());
    if manifest.len() > MAX_MANIFEST_BYTES {
        return Err(none("its manifest is too large"));
    }
    let read: OciImageManifest = serde_json::from_slice(manifest).map_err(|error| none(&error.to_string()))?;
    let signatures = read.annotations.and_then(|mut all| all.remove(SIGNATURES));
    match <[OciDescriptor; 1]>::try_from(read.layers) {
        Ok([layer]) if layer.media_type != LAYER => {
            Err(none(&format!("its layer is `{}`, not `{LAYER}`", layer.media_type)))
        }
        Ok([layer]) => match u64::try_from(layer.size) {
            Ok(bytes) if bytes > most as u64 => Err(RegistryError::TooLarge { bytes, limit: most }),
            // The digest becomes a file's name.
            Ok(_) if is_digest(&layer.digest) => Ok(Described { layer, signatures }),
            Ok(_) | Err(_) => Err(none("its layer has no size or no digest of SHA-256")),
        },
        Err(layers) => Err(none(&format!("it has {} layers, not one of `{LAYER}`", layers.len()))),
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn config_of(component: &[u8]) -> Vec<u8> {
    let config = json!({ "architecture": "wasm", "os": "wasip2", "layerDigests": [digest_of(component)] });
    config.to_string().into_bytes()
}
