//! What a form sends: bounded, and each field once.

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::Response,
};

use super::page;

/// The largest form, in bytes.
const MOST_BYTES: usize = 64 << 10;

/// The fields of a form, as sent.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads the form that a request brings.
    ///
    /// # Errors
    /// The answer to what is none, or too large.
    pub(super) async fn read(request: Request) -> Result<(Parts, Self), Response> {
        let (parts, body) = request.into_parts();
        if !is_form(&parts.headers) {
            return Err(page::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "That is no form."));
        }
        let form = Self::of(body).await?;
        Ok((parts, form))
    }

    async fn of(body: Body) -> Result<Self, Response> {
        let Ok(body) = to_bytes(body, MOST_BYTES).await else {
            return Err(page::error(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large, or broke off."));
        };
        Ok(Self(url::form_urlencoded::parse(&body).into_owned().collect()))
    }

    /// A field that stands there once.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut found = self.all(name);
        match (found.next(), found.next()) {
            (Some(value), None) => Some(value),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// A field that people write in: none if they have left it empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.field(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A field that may stand there several times.
    pub(super) fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The field of a query that stands there once.
pub(super) fn of_query(query: Option<&str>, name: &str) -> Option<String> {
    let fields = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    Form(fields).field(name).map(str::to_owned)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}
