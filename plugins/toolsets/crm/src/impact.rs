//! Whom an incident hits: from the services that fail to those that need them, and to the customers of all these.

use interlock_plugin::prelude::*;

use crate::Crm;
use crate::customer::Customer;
use crate::incidents::{self, Incident, SERVICES, Service};
use crate::roster::Plan;
use crate::status::Status;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetIncidentImpact {
    /// Which incident, such as `INC-301`.
    #[schemars(length(min = 1, max = 100))]
    incident_id: String,
}

/// Whom an incident hits.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Impact {
    /// What happened.
    incident: Incident,
    /// The services that do not work: those that fail, and those that need one of these.
    services: Vec<Affected>,
    /// How many customers use any of them.
    total: usize,
    /// Those customers, by plan, the most expensive first.
    customers: Vec<Hit>,
}

/// A service that does not work.
#[derive(Serialize, JsonSchema)]
struct Affected {
    /// Unique.
    service_id: &'static str,
    /// For people.
    name: &'static str,
    /// Ids of the affected services without which it does not work; none: it fails itself.
    because_of: Vec<&'static str>,
}

/// A customer who uses such a service. One who is suspended or closed uses none.
#[derive(Serialize, JsonSchema)]
struct Hit {
    /// Unique.
    customer_id: &'static str,
    /// The company.
    name: &'static str,
    /// What they pay for.
    plan: Plan,
    /// How they stand.
    status: Status,
    /// Ids of the affected services that they use.
    services: Vec<&'static str>,
}

impl Crm {
    pub(crate) fn get_incident_impact(
        &self,
        arguments: GetIncidentImpact,
        context: &Context<'_>,
    ) -> Result<Answer<Impact>, ToolError> {
        let incident = *incidents::find(&arguments.incident_id)?;
        let services = affected(incident.failing);
        let is_affected = |id: &str| services.iter().any(|service| service.service_id == id);
        let mut customers = Vec::new();
        for Customer { entry, status, .. } in Customer::all(context)? {
            let used: Vec<_> = entry.services.iter().copied().filter(|id| is_affected(id)).collect();
            if status.is_served() && !used.is_empty() {
                let (customer_id, name, plan) = (entry.id, entry.name, entry.plan);
                customers.push(Hit { customer_id, name, plan, status, services: used });
            }
        }
        // Stable, so that those of one plan stay in the order of their ids.
        customers.sort_by_key(|customer| customer.plan);
        let total = customers.len();
        let names: Vec<_> = services.iter().map(|service| service.name).collect();
        let text = format!("{}: {total} customers are hit, through {}.", incident.title, names.join(", "));
        Ok(Answer::new(text, Impact { incident, services, total, customers }))
    }
}

/// The services that fail, and all that need one of them, directly or not.
fn affected(failing: &[&str]) -> Vec<Affected> {
    let mut affected: Vec<Affected> = Vec::new();
    // Once is enough: each service stands after those that it needs.
    for &Service { id, name, needs } in SERVICES {
        let fails = failing.contains(&id);
        let broken = |need: &&&str| affected.iter().any(|service| service.service_id == **need);
        let because_of: Vec<_> = if fails { Vec::new() } else { needs.iter().filter(broken).copied().collect() };
        if fails || !because_of.is_empty() {
            affected.push(Affected { service_id: id, name, because_of });
        }
    }
    affected
}
