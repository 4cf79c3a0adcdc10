//! Where people are told, and how what is told is signed.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::News;
use crate::{clock::Timestamp, secret::Secret};

/// Secrets of Standard Webhooks begin so, and go on in base64.
const ENCODED: &str = "whsec_";

/// An address that is told of questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to: for some receivers, whoever knows it may post to it.
    pub url: Secret,
    /// What it is signed with; none: it is not.
    pub secret: Option<Secret>,
    /// How it is written.
    pub format: Format,
    /// What it is told of.
    pub events: Vec<News>,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As JSON for programs.
    Json,
    /// As Slack's incoming webhooks take it, and many others.
    Slack,
}

impl Webhook {
    /// What it is called in the journal: which it is can be told, and where it is cannot.
    pub fn channel(&self) -> String {
        let digest: String =
            Sha256::digest(self.url.expose()).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("webhook:{digest}")
    }

    /// The bytes that are signed with.
    pub fn key(secret: &Secret) -> Vec<u8> {
        let text = secret.expose();
        let decoded = text.strip_prefix(ENCODED).and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        decoded.unwrap_or_else(|| text.as_bytes().to_vec())
    }

    /// The signature of one message, as Standard Webhooks has it (`webhook-signature`).
    pub(super) fn signature(&self, id: &str, at: Timestamp, body: &str) -> Option<String> {
        let key = Self::key(self.secret.as_ref()?);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
        mac.update(format!("{id}.{}.{body}", seconds(at)).as_bytes());
        Some(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// Whole seconds since the epoch.
pub(super) fn seconds(at: Timestamp) -> u64 {
    at.0 / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // The example of the Standard Webhooks libraries.
        let webhook = Webhook {
            url: Secret::new("https://example.com/"),
            secret: Some(Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            format: Format::Json,
            events: Vec::new(),
        };
        let at = Timestamp(1_614_265_330_000);
        let signature = webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn nothing_shows_where_a_webhook_is_or_what_it_is_signed_with() {
        let (url, secret) = ("https://hooks.example/T1/s3cret", "0123456789abcdef");
        let (url, secret) = (Secret::new(url), Some(Secret::new(secret)));
        let webhook = Webhook { url, secret, format: Format::Json, events: Vec::new() };
        let shown = format!("{webhook:?} {}", webhook.channel());
        assert!(!shown.contains("s3cret") && !shown.contains("abcdef"), "{shown}");
    }
}
