//! The way in for the fuzzer: what a guest may answer, which is anything of the right type.

use super::{
    convert::{answer, finding, manifest, object, tool, verdict},
    policy::interlock::plugin::types,
    reviewer::exports::interlock::plugin::review,
    tools::exports::interlock::plugin::toolset,
};
use crate::verdict::{Refusal, Verdict};

/// Makes answers of the bytes and takes them in.
///
/// # Panics
/// If something is not as it should be.
pub fn answers(bytes: &[u8]) {
    let mut given = Given { pieces: bytes.split(|byte| *byte == 0) };
    judged(verdict(given.verdict()));
    judged(finding(review::Finding::Withhold(given.refusal())).map(|_| Verdict::Allow));
    if let Ok(crate::sandbox::Finding::Redact(result)) = finding(review::Finding::Redact(given.text())) {
        assert!(result.is_object());
    }
    let definition = toolset::ToolDefinition {
        name: given.text(),
        title: given.text(),
        description: given.text(),
        input_schema: given.text(),
        output_schema: given.maybe(),
        hints: given.texts(),
    };
    if let Ok(tool) = tool(definition) {
        assert!(tool.definition.get("inputSchema").is_some_and(serde_json::Value::is_object));
        crate::scope::canonical(&tool.definition);
    }
    let result = toolset::ToolResult { text: given.text(), structured: given.maybe(), is_error: given.flag() };
    if let Ok(result) = answer(result) {
        assert!(result.structured.is_none_or(|structured| structured.is_object()));
    }
    let described = types::Manifest {
        name: given.text(),
        version: given.text(),
        summary: given.text(),
        settings_schema: given.text(),
        codes: given.texts(),
    };
    if let Ok(manifest) = manifest(described) {
        assert!((1..=64).contains(&manifest.name.len()));
    }
    drop(object("the new arguments", &given.text()));
}

/// What the rest of the house takes for granted of a verdict that was let in.
fn judged(verdict: Result<Verdict, String>) {
    let refusal = match &verdict {
        Ok(Verdict::Refuse(refusal)) => refusal,
        Ok(Verdict::Hold(hold)) => &hold.otherwise,
        Ok(Verdict::Ask(question)) => {
            assert!(question.reason.len() <= 4096 && question.preview.len() <= 4096 && question.quorum > 0);
            return;
        }
        Ok(Verdict::Allow) | Err(_) => return,
    };
    assert!((1..=64).contains(&refusal.code.len()) && refusal.reason.len() <= 4096 && refusal.unlocks.len() <= 64);
    // As it is written into the journal, in whole seconds, and read again.
    let again = |refusal: &Refusal| {
        serde_json::to_value(refusal).ok().and_then(|written| serde_json::from_value::<Refusal>(written).ok())
    };
    let read = again(refusal);
    assert!(read.is_some(), "the journal tells of it: {refusal:?}");
    assert_eq!(read.as_ref().and_then(again), read);
}

/// Texts and numbers out of the fuzzer's bytes.
struct Given<'a, F: FnMut(&u8) -> bool> {
    pieces: std::slice::Split<'a, u8, F>,
}

impl<F: FnMut(&u8) -> bool> Given<'_, F> {
    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.pieces.next().unwrap_or_default()).into_owned()
    }

    fn maybe(&mut self) -> Option<String> {
        Some(self.text()).filter(|text| !text.is_empty())
    }

    fn number(&mut self) -> u64 {
        let text = self.text();
        text.parse().unwrap_or(text.len() as u64)
    }

    fn flag(&mut self) -> bool {
        self.number() % 2 == 1
    }

    /// At most a hundred.
    fn texts(&mut self) -> Vec<String> {
        (0..self.number() % 100).map(|_| self.text()).collect()
    }

    fn verdict(&mut self) -> types::Verdict {
        match self.number() % 4 {
            0 => types::Verdict::Allow,
            1 => types::Verdict::Refuse(self.refusal()),
            2 => types::Verdict::Ask(types::Question {
                reason: self.text(),
                preview: self.text(),
                roles: self.texts(),
                quorum: u32::try_from(self.number()).unwrap_or(u32::MAX),
                expires_in: self.number(),
                self_approval: self.flag(),
                channel: self.text(),
            }),
            _ => types::Verdict::Hold(types::HoldUntil {
                calls: self.texts(),
                longest: self.number(),
                otherwise: self.refusal(),
            }),
        }
    }

    fn refusal(&mut self) -> types::Refusal {
        let (code, reason, details) = (self.text(), self.text(), self.maybe());
        let unlocks = (0..self.number() % 100)
            .map(|nth| match nth % 4 {
                0 => types::Unlock::Call(self.text()),
                1 => types::Unlock::Wait(self.number()),
                2 => types::Unlock::Approval(self.text()),
                _ => types::Unlock::After(self.number()),
            })
            .collect();
        types::Refusal { code, reason, unlocks, details }
    }
}
