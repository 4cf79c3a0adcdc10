//! From what a policy says of a call to one verdict.

use interlock_plugin::prelude::*;
use interlock_plugin::schemars;
use interlock_plugin::serde_json::Map;
use interlock_plugin::{Channel, Code, Demand};

use crate::UnlockBy;

/// One reason why a call may not go through.
#[derive(Clone, Debug, PartialEq)]
pub struct Denial {
    /// In one word, for programs.
    pub code: Code,
    /// In a sentence, for a model and a person.
    pub reason: String,
    /// What would make the call acceptable.
    pub unlocks: Vec<UnlockBy>,
    /// Further facts.
    pub details: Map<String, Value>,
}

/// A demand that people say yes first.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Obligation {
    /// Of whom, and how many.
    pub demand: Demand,
    /// Why, in a sentence; made from the demand if left out.
    pub reason: Option<String>,
    /// What would be done; the tool and its arguments if left out.
    pub preview: Option<String>,
}

/// Who is asked, in settings and in what a policy says.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Roles of which each approver must hold one; anyone at the human's door if left out.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub roles: Option<Vec<String>>,
    /// How many different people must say yes.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub quorum: u32,
    /// How long silence lasts until the question expires; `approvals.expire_minutes` of the host if left out.
    #[schemars(range(min = 1))]
    pub expire_minutes: Option<u32>,
    /// Whether the caller's own yes counts.
    #[serde(default)]
    pub self_approval: bool,
    /// Where the question is asked.
    #[serde(default)]
    pub channel: Channel,
    /// What would be done, in the words of the person who decides. The tool and its arguments if left out.
    #[schemars(length(min = 1))]
    pub preview: Option<String>,
}

fn one() -> u32 {
    1
}

impl From<&Ask> for Demand {
    fn from(ask: &Ask) -> Self {
        Self {
            roles: ask.roles.clone(),
            quorum: ask.quorum,
            expire_minutes: ask.expire_minutes,
            self_approval: ask.self_approval,
            channel: ask.channel,
        }
    }
}

/// All that a policy says of one call. What says nothing allows it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Ruling {
    /// Why it may not go through, in the policy's own order.
    pub denials: Vec<Denial>,
    /// Who must agree first.
    pub obligations: Vec<Obligation>,
}

impl Ruling {
    /// Nobody is asked about what is refused anyway. Several denials are one refusal with the first one's code, which
    /// lists them all in its details; several obligations are one question that satisfies them all.
    pub fn verdict(self, call: &Call) -> Verdict {
        if !self.denials.is_empty() {
            return refusal(self.denials).into();
        }
        let (mut reasons, mut previews) = (Vec::new(), Vec::new());
        let mut together: Option<Demand> = None;
        for Obligation { demand, reason, preview } in self.obligations {
            together = Some(match together {
                Some(others) => others.and(demand),
                None => demand,
            });
            reasons.extend(reason);
            previews.extend(preview);
        }
        reasons.dedup();
        let reason = Some(reasons.join(" ")).filter(|reason| !reason.is_empty());
        together.map_or(Verdict::Allow, |demand| demand.put(call, reason, previews))
    }
}

fn refusal(denials: Vec<Denial>) -> Refusal {
    let mut details = Map::new();
    if denials.len() > 1 {
        let each = |denial: &Denial| json!({ "code": denial.code.as_str(), "reason": denial.reason });
        details.insert("denials".to_owned(), denials.iter().map(each).collect());
    }
    let (mut code, mut reasons, mut unlocks) = (None, Vec::new(), Vec::new());
    for denial in denials {
        code.get_or_insert(denial.code);
        for (key, value) in denial.details {
            details.entry(key).or_insert(value);
        }
        for unlock in denial.unlocks {
            if !unlocks.contains(&unlock) {
                unlocks.push(unlock);
            }
        }
        if !reasons.contains(&denial.reason) {
            reasons.push(denial.reason);
        }
    }
    let code = code.as_ref().map_or("denied", Code::as_str);
    let refusal = Refusal::new(code, reasons.join(" ")).unlocks(unlocks.into_iter().map(Into::into).collect());
    if details.is_empty() { refusal } else { refusal.details(&Value::Object(details)) }
}

#[cfg(test)]
mod tests {
    use interlock_plugin::Unlock;
    use interlock_plugin::testing::call;

    use super::*;

    fn denial(code: &str, reason: &str, tool: &str) -> Denial {
        let unlocks = vec![UnlockBy::Call(Pattern::parse(tool).unwrap())];
        Denial { code: Code::parse(code).unwrap(), reason: reason.to_owned(), unlocks, details: Map::new() }
    }

    fn obligation(roles: &[&str], reason: &str) -> Obligation {
        let roles = Some(roles.iter().map(|&role| role.to_owned()).collect());
        Obligation { demand: Demand { roles, ..Demand::default() }, reason: Some(reason.to_owned()), preview: None }
    }

    #[test]
    fn several_denials_are_one_refusal_that_tells_each() {
        let denials = vec![denial("a", "No a.", "x/y"), denial("b", "No b.", "x/y"), denial("b", "No b.", "x/z")];
        let Verdict::Refuse(refusal) = Ruling { denials, obligations: vec![] }.verdict(&call("p/q")) else { panic!() };
        assert_eq!((refusal.code.as_str(), refusal.reason.as_str()), ("a", "No a. No b."));
        assert_eq!(refusal.unlocks, [Unlock::Call("x/y".into()), Unlock::Call("x/z".into())]);
        let details: Value = interlock_plugin::serde_json::from_str(&refusal.details.unwrap()).unwrap();
        assert_eq!(details["denials"][1], json!({"code": "b", "reason": "No b."}));
    }

    #[test]
    fn nobody_is_asked_about_what_is_refused_anyway() {
        let ruling = Ruling { denials: vec![denial("a", "No.", "x/y")], obligations: vec![obligation(&["r"], "Why.")] };
        assert!(matches!(ruling.verdict(&call("p/q")), Verdict::Refuse(_)));
        assert_eq!(Ruling::default().verdict(&call("p/q")), Verdict::Allow);
    }

    #[test]
    fn several_obligations_are_one_question_which_an_answer_settles() {
        let obligations = || vec![obligation(&["a", "b"], "Large."), obligation(&["b", "c"], "Odd.")];
        let asked = Ruling { denials: vec![], obligations: obligations() }.verdict(&call("p/q"));
        let Verdict::Ask(question) = asked else { panic!() };
        assert_eq!((question.reason.as_str(), question.roles), ("Large. Odd.", vec!["b".to_owned()]));
        assert_eq!(question.preview, "Run p/q with {}");
        let answered = call("p/q").approved_by("ann", &["b"]);
        assert_eq!(Ruling { denials: vec![], obligations: obligations() }.verdict(&answered), Verdict::Allow);
        let unreachable = vec![obligation(&["a"], "Large."), obligation(&["c"], "Odd.")];
        let refused = Ruling { denials: vec![], obligations: unreachable }.verdict(&call("p/q"));
        let Verdict::Refuse(refusal) = refused else { panic!() };
        assert_eq!(refusal.code, "approval_unreachable");
    }
}
