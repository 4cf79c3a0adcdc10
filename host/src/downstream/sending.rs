//! One HTTP request to a server: with a token, where the server wants one. For `http`, and for what goes out beside it.

use http::{StatusCode, header};
use reqwest::{RequestBuilder, Response};

use super::{
    exchange::Exchange,
    http::{Failure, HttpError, Tapped},
    login::{LoginError, Token},
    switchboard::CalledOff,
};
use crate::oauth::Challenge;

impl Tapped {
    /// Has a token at hand, if one is wanted: before a request counts as sent, so that nothing has been if there is none.
    pub(super) async fn logged_in(&self) -> Result<(), Failure> {
        match &self.login {
            Some(login) => login.token().await.map(drop).map_err(|error| Failure::Client(error.into())),
            None => Ok(()),
        }
    }

    /// Sends a request, with a token if one is wanted; once more with another one if the server does not take it, which
    /// then has not looked at the request.
    pub(super) async fn send(&self, request: RequestBuilder, exchange: Option<&Exchange>) -> Result<Response, Failure> {
        let Some(login) = &self.login else { return self.send_once(request, exchange).await };
        let failed = |error: LoginError| {
            exchange.inspect(|exchange| exchange.not_taken());
            Failure::Client(error.into())
        };
        let token = login.token().await.map_err(failed)?;
        let again = request.try_clone();
        let response = self.send_once(showing(request, token.as_ref()), exchange).await?;
        let challenge = Challenge::of(response.headers());
        if response.status() == StatusCode::FORBIDDEN
            && let Some(Challenge { error: Some(error), scope, .. }) = &challenge
            && error == "insufficient_scope"
        {
            exchange.inspect(|exchange| exchange.not_taken());
            return Err(Failure::Client(HttpError::Scope(scope.clone().unwrap_or_default())));
        }
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        exchange.inspect(|exchange| exchange.not_taken());
        let other = login.renewed(token.as_ref(), challenge.as_ref()).await.map_err(failed)?;
        let (Some(again), Some(other)) = (again, other) else { return Err(Failure::Client(HttpError::NotTaken)) };
        if exchange.is_some_and(|exchange| !exchange.begin_sending()) {
            return Err(Failure::Client(CalledOff.into()));
        }
        let response = self.send_once(showing(again, Some(&other)), exchange).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            exchange.inspect(|exchange| exchange.not_taken());
            return Err(Failure::Client(HttpError::NotTaken));
        }
        Ok(response)
    }

    /// Sends a request as it is, and says to whom it may concern if the server was not there.
    async fn send_once(&self, request: RequestBuilder, exchange: Option<&Exchange>) -> Result<Response, Failure> {
        request.send().await.map_err(|error| {
            if error.is_connect() {
                if let Some(exchange) = exchange {
                    exchange.not_taken();
                }
                self.board.unreachable.notify_one();
            }
            Failure::Client(error.into())
        })
    }
}

fn showing(request: RequestBuilder, token: Option<&Token>) -> RequestBuilder {
    match token.and_then(Token::header) {
        Some(token) => request.header(header::AUTHORIZATION, token),
        None => request,
    }
}
