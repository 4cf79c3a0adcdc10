//! Whom and what the scope of a policy names.

use cedar_policy::{ActionConstraint, Entities, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};

use crate::entities::{CALLER, ROLE, SERVER};

/// Entities in a policy's scope that no call could have; each with the word at fault.
///
/// A `forbid` that names one would never apply, and nobody would notice.
pub(crate) fn astray(policy: &Policy, entities: &Entities, types: &[String]) -> Vec<(String, String)> {
    let other = |uid: &EntityUid, own: &[&str], what: &str, like: &str| {
        let kind = uid.type_name().to_string();
        let alike = |other: &EntityUid| other.type_name() == uid.type_name();
        let given = entities
            .iter()
            .any(|entity| alike(&entity.uid()) || entities.ancestors(&entity.uid()).into_iter().flatten().any(alike));
        let known = own.contains(&kind.as_str()) || types.contains(&kind) || given;
        (!known).then(|| (uid.to_string(), format!("no {what} is a `{kind}`: write {like}, or add it to `entities`")))
    };
    let callers = "`Caller::\"…\"` or `in Role::\"…\"`";
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Any => None,
        PrincipalConstraint::Eq(uid) if uid.type_name().to_string() != CALLER => {
            Some((uid.to_string(), format!("no principal is a `{}`: write {callers}", uid.type_name())))
        }
        PrincipalConstraint::Is(kind) if kind.to_string() != CALLER => {
            Some((kind.to_string(), format!("no principal is a `{kind}`: all are `{CALLER}`")))
        }
        PrincipalConstraint::Eq(_) | PrincipalConstraint::Is(_) => None,
        PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => {
            other(&uid, &[CALLER, ROLE], "principal", callers)
        }
    };
    let servers = "`Server::\"…\"`, or name its type in `resources`";
    let resource = match policy.resource_constraint() {
        ResourceConstraint::Any => None,
        ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => {
            other(&uid, &[SERVER], "resource", servers)
        }
        ResourceConstraint::Is(kind) => {
            let kind = kind.to_string();
            let known = kind == SERVER || types.contains(&kind);
            (!known).then(|| (kind.clone(), format!("no resource is a `{kind}`: write {servers}")))
        }
    };
    let actions = match policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::Eq(uid) => vec![(uid, true)],
        ActionConstraint::In(uids) => uids.into_iter().map(|uid| (uid, false)).collect(),
    };
    let action = actions.into_iter().filter_map(|(uid, exactly)| {
        let id = uid.id().unescaped();
        let instead = if id.contains('*') {
            format!("write `when {{ context.call.tool like \"{id}\" }}`")
        } else if exactly && !id.contains('/') {
            format!("for all of a server, write `action in Action::\"{id}\"`")
        } else {
            return None;
        };
        Some((uid.to_string(), format!("no tool is named `{id}`: {instead}")))
    });
    principal.into_iter().chain(action).chain(resource).collect()
}
