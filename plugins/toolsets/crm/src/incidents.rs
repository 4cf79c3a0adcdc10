//! The incidents, and the services that they hit. All of them are invented, and the same at all times.

use interlock_plugin::prelude::*;
use interlock_simulation::bad_argument;

use Severity::{Critical, Major, Minor};
use Stage::{Investigating, Monitoring, Resolved};

/// How bad an incident is.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Severity {
    /// Something everybody needs is down.
    Critical,
    /// Something does not work for many.
    Major,
    /// Something is not as it should be.
    Minor,
}

/// How far an incident is.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Stage {
    /// Somebody looks for the cause.
    Investigating,
    /// It is mended, and looked at.
    Monitoring,
    /// It is over.
    Resolved,
}

/// One incident.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub(crate) struct Incident {
    /// Unique.
    pub(crate) incident_id: &'static str,
    /// What happened.
    pub(crate) title: &'static str,
    /// How bad it is.
    severity: Severity,
    /// How far it is.
    stage: Stage,
    /// Ids of the services that fail.
    pub(crate) failing: &'static [&'static str],
}

/// One service, and what it cannot do without.
pub(crate) struct Service {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [&'static str],
}

/// All services, each after those that it needs.
pub(crate) const SERVICES: &[Service] = &[
    Service { id: "database", name: "Database", needs: &[] },
    Service { id: "files", name: "File store", needs: &[] },
    Service { id: "mail", name: "E-mail delivery", needs: &[] },
    Service { id: "status-page", name: "Status page", needs: &[] },
    Service { id: "sign-in", name: "Sign-in", needs: &["database"] },
    Service { id: "api", name: "Public API", needs: &["database", "sign-in"] },
    Service { id: "reports", name: "Reports", needs: &["database", "files"] },
    Service { id: "web-app", name: "Web application", needs: &["api", "files"] },
    Service { id: "webhooks", name: "Webhooks", needs: &["api"] },
];

/// All incidents, by id.
#[rustfmt::skip]
const INCIDENTS: &[Incident] = &[
    incident("INC-301", "Sign-ins fail after a certificate ran out", Critical, Investigating, &["sign-in"]),
    incident("INC-302", "Uploads and exports time out", Major, Investigating, &["files"]),
    incident("INC-303", "Confirmation mails arrive hours late", Minor, Monitoring, &["mail"]),
    incident("INC-304", "Webhooks were delivered twice", Major, Resolved, &["webhooks"]),
    incident("INC-305", "The status page shows yesterday's banner", Minor, Monitoring, &["status-page"]),
];

const fn incident(
    incident_id: &'static str,
    title: &'static str,
    severity: Severity,
    stage: Stage,
    failing: &'static [&'static str],
) -> Incident {
    Incident { incident_id, title, severity, stage, failing }
}

/// The incident with an id.
///
/// # Errors
/// There is none; names those that there are.
pub(crate) fn find(id: &str) -> Result<&'static Incident, ToolError> {
    INCIDENTS.iter().find(|incident| incident.incident_id == id).ok_or_else(|| {
        let all: Vec<_> = INCIDENTS.iter().map(|incident| incident.incident_id).collect();
        bad_argument("incident_id", &format!("there is no incident `{id}`, only {}", all.join(", ")))
    })
}
