//! Telling people of questions, and of what becomes of them, by signed requests to addresses of theirs.
//!
//! What there is to tell is worked out from the fold of approvals ([`News`]); what was told is in the journal, so that it is told
//! once, after a restart as well. One process of those over a journal tells ([`tell`]): the others wait until it has ended.

mod message;
mod news;
mod post;
mod tell;
mod webhook;

pub use news::News;
pub use tell::{TellError, tell};
pub use webhook::{Format, Webhook};
