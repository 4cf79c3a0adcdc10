//! Calls that are suspended, and those that are held back: what stands in a call's way whatever the policies say.

use super::{Mediator, Refused, refusing::Turned};
use crate::{call::Call, journal::Guard, stops::Stop};

impl Mediator {
    /// A guard that holds for as long as nothing stands in a call's way; or the refusal that tells what does.
    pub(super) async fn unhindered(&self, call: &Call) -> Result<Result<Guard, Refused>, Turned> {
        match self.parts().stops.suspending(call).await? {
            Ok(running) => Ok(self.pinned(call).await?.map(|pinned| pinned.and(running))),
            Err(stop) => Ok(Err(suspended(&stop))),
        }
    }

    /// What is to be said of a call in whose way something stands now.
    pub(super) async fn would_hinder(&self, call: &Call) -> Result<Option<Refused>, Turned> {
        match self.parts().stops.suspending(call).await? {
            Ok(_) => self.would_hold_back(call).await,
            Err(stop) => Ok(Some(suspended(&stop))),
        }
    }
}

fn suspended(stop: &Stop) -> Refused {
    let what = match (&stop.tools, &stop.principal) {
        (None, None) => "All operations are",
        (Some(_), None) => "Operations with this tool are",
        (None, Some(_)) => "Your operations are",
        (Some(_), Some(_)) => "Your operations with this tool are",
    };
    let reason = format!(
        "{what} suspended by an operator: {} Nothing that you can do lifts this; do not try again until you are told to.",
        sentence(&stop.reason)
    );
    Refused::by_host("suspended", reason)
}

/// With an end.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
