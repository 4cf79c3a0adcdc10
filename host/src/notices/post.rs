//! One message on its way: signed, within a time, and nowhere but where it is meant to go.

use std::time::Duration;

use reqwest::{Client, StatusCode, header, redirect};

use super::{Webhook, webhook::seconds};
use crate::clock::Timestamp;

/// How long a receiver may take to answer.
const LONGEST: Duration = Duration::from_secs(5);

/// Why a message did not arrive. Says nothing of where to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Undelivered {
    /// Nobody answers, whatever the message: another one would not arrive either.
    #[error("{0}")]
    Away(String),
    /// It may do so later.
    #[error("{0}")]
    Yet(String),
    /// It never will.
    #[error("{0}")]
    Ever(String),
}

/// The client for all messages.
///
/// # Errors
/// If there can be none on this machine.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    // What is signed for one receiver is not for whomever that one names.
    Client::builder().timeout(LONGEST).redirect(redirect::Policy::none()).no_proxy().build()
}

/// Posts one message. `id` is the same however often it is posted, so that a receiver can tell that it has it already.
pub(super) async fn post(
    client: &Client,
    webhook: &Webhook,
    id: &str,
    at: Timestamp,
    body: String,
) -> Result<(), Undelivered> {
    let mut request = client
        .post(webhook.url.expose())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("interlock/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds(at));
    if let Some(signature) = webhook.signature(id, at, &body) {
        request = request.header("webhook-signature", signature);
    }
    let answered = request.body(body).send().await.map_err(|error| {
        Undelivered::Away(
            if error.is_timeout() { "the webhook does not answer" } else { "the webhook cannot be reached" }.to_owned(),
        )
    })?;
    let status = answered.status();
    let reason = format!("the webhook answers with {}", status.as_u16());
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Undelivered::Yet(reason)),
        status if status.is_server_error() => Err(Undelivered::Yet(reason)),
        _ => Err(Undelivered::Ever(reason)),
    }
}
