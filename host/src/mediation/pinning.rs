//! Tools whose definition is not the pinned one are held back: neither shown to models nor called.

use std::sync::Arc;

use super::{Mediator, Refused, refusing::Turned};
use crate::{
    call::Call,
    downstream::Tool,
    journal::{Guard, JournalError},
    pins::{Sighting, Standing, untouched},
};

impl Mediator {
    /// Takes note of the definitions that the servers show now: what is new is pinned, what has changed recorded.
    ///
    /// # Errors
    /// If the journal cannot be read or written.
    pub async fn sight(&self) -> Result<(), JournalError> {
        let Some(pins) = &self.parts().pins else { return Ok(()) };
        let tools = self.catalogue().every_tool();
        let sighted: Vec<_> = tools
            .iter()
            .map(|tool| Sighting { tool: &tool.name, digest: &tool.digest, content: &tool.definition })
            .collect();
        pins.sight(&sighted).await
    }

    /// How a tool's definition stands to the pinned one; none where definitions are not pinned.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub async fn standing_of(&self, tool: &Tool) -> Result<Option<Standing>, JournalError> {
        let Some(pins) = &self.parts().pins else { return Ok(None) };
        Ok(Some(pins.standing(&tool.name, &tool.digest).await?.0))
    }

    /// A tool as models may be told of it: with the pinned definition, even if its server shows another one. None if
    /// that was too large to be kept.
    pub(super) async fn as_pinned(&self, tool: &Tool) -> Result<Option<Tool>, JournalError> {
        let Some(pins) = &self.parts().pins else { return Ok(Some(tool.clone())) };
        match pins.standing(&tool.name, &tool.digest).await?.0 {
            Standing::New | Standing::Pinned => Ok(Some(tool.clone())),
            Standing::Changed => {
                let whole = pins.pinned(&tool.name).await?.and_then(|pinned| pinned.whole());
                Ok(whole.map(|definition| Tool { definition, ..tool.clone() }))
            }
        }
    }

    /// Sees to it that a call's tool is pinned, or its change on record, before the call is judged.
    pub(super) async fn sighted(&self, call: &Call) -> Result<(), JournalError> {
        let Some(pins) = &self.parts().pins else { return Ok(()) };
        match pins.standing(&call.tool, &call.definition).await?.0 {
            Standing::Pinned => Ok(()),
            Standing::New | Standing::Changed => self.sight().await,
        }
    }

    /// A guard that holds as long as the definition by which a call is judged is the pinned one; or the refusal, if it
    /// is not, or is not what the server shows by now.
    pub(super) async fn pinned(&self, call: &Call) -> Result<Result<Guard, Refused>, Turned> {
        let Some(pins) = &self.parts().pins else { return Ok(Ok(Guard::none())) };
        let (standing, since) = pins.standing(&call.tool, &call.definition).await?;
        Ok(match standing {
            Standing::Pinned if self.is_shown(call) => Ok(untouched(call.tool.clone(), since)),
            Standing::Pinned => Err(overtaken(call)),
            Standing::New | Standing::Changed => Err(held_back(call)),
        })
    }

    /// What is to be said of a call whose tool is held back; none if it may be called.
    pub(super) async fn would_hold_back(&self, call: &Call) -> Result<Option<Refused>, Turned> {
        let Some(pins) = &self.parts().pins else { return Ok(None) };
        let (standing, _) = pins.standing(&call.tool, &call.definition).await?;
        Ok((standing == Standing::Changed).then(|| held_back(call)))
    }

    /// The refusal of a call that was admitted by a definition which its server no longer shows. Nothing is sent then.
    pub(super) fn overtaken(&self, call: &Call) -> Option<Refused> {
        (self.parts().pins.is_some() && !self.is_shown(call)).then(|| overtaken(call))
    }

    /// Whether the server shows the definition by which a call is judged.
    fn is_shown(&self, call: &Call) -> bool {
        let shown = self.catalogue().find(call.tool.as_str());
        shown.is_some_and(|(_, tool)| Arc::ptr_eq(&tool.digest, &call.definition) || tool.digest == call.definition)
    }
}

/// The code of both refusals, which only an operator, or a new look at the tools, can help.
const CODE: &str = "tool_changed";

fn held_back(call: &Call) -> Refused {
    let reason = format!(
        "The definition of {} is no longer the one that was pinned, so the tool is held back until an operator has \
         looked at the new one and accepted it. Calling it again does not help.",
        call.tool
    );
    Refused::by_host(CODE, reason)
}

fn overtaken(call: &Call) -> Refused {
    let reason = format!(
        "The definition of {} changed while the call was being decided; nothing was sent. List the tools again before \
         you repeat it.",
        call.tool
    );
    Refused::by_host(CODE, reason)
}
