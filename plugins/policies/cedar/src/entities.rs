//! Who calls, what, and what about: the entities of one call.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};
use interlock_plugin::prelude::*;

use crate::settings;

/// The types of entities that Interlock makes.
pub(crate) const CALLER: &str = "Caller";
pub(crate) const ROLE: &str = "Role";
pub(crate) const ACTION: &str = "Action";
pub(crate) const SERVER: &str = "Server";

/// What calls of some tools are about.
pub(crate) struct Resource {
    tools: Patterns,
    kind: EntityTypeName,
    id: Pointer,
}

impl Resource {
    /// # Errors
    /// The type is no name of a type; told at its place.
    pub(crate) fn new(from: settings::Resource, at: &str) -> Result<Self, Problem> {
        let wrong = |_| Problem::new(format!("{at}/type"), format!("`{}` is no name of a type of entities", from.kind));
        let kind = EntityTypeName::from_str(&from.kind).map_err(wrong)?;
        Ok(Self { tools: from.tools, kind, id: from.id })
    }

    /// The type's name.
    pub(crate) fn kind(&self) -> String {
        self.kind.to_string()
    }
}

/// An entity's name.
pub(crate) fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

/// The types of entities that Interlock makes, read once.
pub(crate) struct Types {
    caller: EntityTypeName,
    role: EntityTypeName,
    action: EntityTypeName,
    server: EntityTypeName,
}

impl Types {
    pub(crate) fn new() -> Option<Self> {
        let kind = |name| EntityTypeName::from_str(name).ok();
        Some(Self { caller: kind(CALLER)?, role: kind(ROLE)?, action: kind(ACTION)?, server: kind(SERVER)? })
    }
}

/// The three that a request names, and all entities.
pub(crate) struct Cast {
    pub(crate) principal: EntityUid,
    pub(crate) action: EntityUid,
    pub(crate) resource: EntityUid,
    pub(crate) entities: Entities,
}

impl Cast {
    /// Puts them together: what the settings say of them, and what is known of this call.
    ///
    /// # Errors
    /// The call does not say what it is about: with the argument that is missing. Or the entities do not fit together.
    pub(crate) fn of(
        call: &Call,
        types: &Types,
        resources: &[Resource],
        given: &Entities,
        host: &dyn Host,
    ) -> Result<Self, Miscast> {
        let (server, _) = call.tool.split_once('/').unwrap_or((&call.tool, ""));
        let resource = match resources.iter().find(|resource| resource.tools.matches(&call.tool)) {
            None => uid(&types.server, server),
            Some(Resource { kind, id, .. }) => match host.argument(id.as_str()) {
                Some(Value::String(text)) => uid(kind, &text),
                Some(Value::Number(number)) if number.is_i64() || number.is_u64() => uid(kind, &number.to_string()),
                _ => return Err(Miscast::Nothing(id.clone())),
            },
        };
        let roles = call.caller.roles.iter().map(|role| uid(&types.role, role));
        let text = |text: &String| RestrictedExpression::new_string(text.clone());
        let attributes = [
            ("name".to_owned(), text(&call.caller.principal)),
            ("roles".to_owned(), RestrictedExpression::new_set(call.caller.roles.iter().map(text))),
        ];
        let principal = uid(&types.caller, &call.caller.principal);
        let action = uid(&types.action, &call.tool);
        let made = [
            join(given, &principal, attributes, roles)?,
            join(given, &action, [], [uid(&types.action, server)])?,
            join(given, &resource, [], [])?,
        ];
        let entities = given.clone().upsert_entities(made, None).map_err(|_| Miscast::Unfit)?;
        Ok(Self { principal, action, resource, entities })
    }
}

/// Why there is no cast.
pub(crate) enum Miscast {
    /// The call does not say what it is about.
    Nothing(Pointer),
    /// The entities make no hierarchy.
    Unfit,
}

/// An entity as the settings have it, and more.
fn join(
    given: &Entities,
    uid: &EntityUid,
    attributes: impl IntoIterator<Item = (String, RestrictedExpression)>,
    parents: impl IntoIterator<Item = EntityUid>,
) -> Result<Entity, Miscast> {
    let (mut all, mut above): (HashMap<_, _>, HashSet<_>) = match given.get(uid) {
        Some(entity) => {
            let (_, attributes, parents) = entity.clone().into_inner();
            (attributes, parents)
        }
        None => Default::default(),
    };
    all.extend(attributes);
    above.extend(parents);
    Entity::new(uid.clone(), all, above).map_err(|_| Miscast::Unfit)
}
