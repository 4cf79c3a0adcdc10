//! The toolset `delivery`: simulated software delivery, for rules such as "tests and scan before a deployment".

#[cfg(test)]
mod tests;

use interlock_plugin::prelude::*;
use interlock_simulation::{Records, figure, simulated_toolset};

const DEPLOYMENTS: Records = Records::new("deployment");

simulated_toolset!(
    Delivery,
    "delivery",
    "Simulated software delivery.",
    vec![
        Tool::new("run_tests", Delivery::run_tests)
            .title("Run the tests")
            .description(
                "Runs the tests of a revision and tells whether they passed. Those of a revision whose name contains \
                 `broken` or `fail` do not."
            )
            .hints(&["read_only", "idempotent"]),
        Tool::new("security_scan", Delivery::security_scan)
            .title("Scan for vulnerabilities")
            .description(
                "Scans a revision and tells whether it is clean. One whose name contains `vulnerable` or `insecure` is \
                 not."
            )
            .hints(&["read_only", "idempotent"]),
        Tool::new("deploy_to_production", Delivery::deploy_to_production)
            .title("Deploy to production")
            .description("Replaces what runs in production by a revision. Checks nothing.")
            .hints(&["destructive"]),
    ]
);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfRevision {
    /// A commit, branch or tag.
    #[schemars(length(min = 1, max = 200))]
    revision: String,
}

/// How the tests went.
#[derive(Serialize, JsonSchema)]
struct Tests {
    /// As given.
    revision: String,
    /// Whether none failed.
    passed: bool,
    /// How many were run.
    total: u64,
    /// How many of them failed.
    failed: u64,
    /// Names of those that failed.
    failures: Vec<String>,
    /// How long they took, in milliseconds.
    duration_ms: u64,
}

/// What the scan found.
#[derive(Serialize, JsonSchema)]
struct Scan {
    /// As given.
    revision: String,
    /// Whether nothing was found.
    clean: bool,
    /// What was found.
    findings: Vec<Vulnerability>,
    /// How many dependencies were looked at.
    dependencies: u64,
}

/// One vulnerability.
#[derive(Serialize, JsonSchema)]
struct Vulnerability {
    /// Made up.
    id: String,
    /// `high` or `critical`.
    severity: String,
    /// In one sentence.
    summary: String,
}

/// One deployment.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Deployment {
    /// Unique in this set.
    deployment_id: String,
    /// As given.
    revision: String,
    /// Always `production`.
    environment: String,
    /// Always `deployed`.
    status: String,
    /// When, in milliseconds since the epoch.
    deployed_at_ms: u64,
}

impl Delivery {
    fn run_tests(&self, arguments: OfRevision, _: &Context<'_>) -> Result<Answer<Tests>, ToolError> {
        let seed = figure(&arguments.revision);
        let total = 120 + seed % 380;
        let failed = if names(&arguments.revision, &["broken", "fail"]) { 1 + seed % 4 } else { 0 };
        let suites = ["checkout", "login", "search", "upload"];
        let failures = suites.iter().take(failed as usize).map(|suite| format!("{suite}::works_end_to_end")).collect();
        let passed = failed == 0;
        let text = format!("{} of {total} tests passed at {}.", total - failed, arguments.revision);
        let duration_ms = total * 37 + seed % 1000;
        Ok(Answer::new(text, Tests { revision: arguments.revision, passed, total, failed, failures, duration_ms }))
    }

    fn security_scan(&self, arguments: OfRevision, _: &Context<'_>) -> Result<Answer<Scan>, ToolError> {
        let seed = figure(&arguments.revision);
        let finding = || Vulnerability {
            id: format!("SIM-{:04}", seed % 10_000),
            severity: if seed.is_multiple_of(2) { "high" } else { "critical" }.to_owned(),
            summary: "A dependency unpacks archives outside of the target folder.".to_owned(),
        };
        let clean = !names(&arguments.revision, &["vulnerable", "insecure"]);
        let findings: Vec<_> = (!clean).then(finding).into_iter().collect();
        let text = match findings.first() {
            None => format!("{} is clean.", arguments.revision),
            Some(found) => format!("{} has a {} vulnerability: {}", arguments.revision, found.severity, found.summary),
        };
        Ok(Answer::new(text, Scan { revision: arguments.revision, clean, findings, dependencies: 60 + seed % 200 }))
    }

    fn deploy_to_production(
        &self,
        arguments: OfRevision,
        context: &Context<'_>,
    ) -> Result<Answer<Deployment>, ToolError> {
        let deployment = DEPLOYMENTS.add(context, |deployment_id| Deployment {
            deployment_id,
            revision: arguments.revision,
            environment: "production".to_owned(),
            status: "deployed".to_owned(),
            deployed_at_ms: context.received(),
        })?;
        Ok(Answer::new(format!("{} runs in production.", deployment.revision), deployment))
    }
}

fn names(revision: &str, words: &[&str]) -> bool {
    let revision = revision.to_lowercase();
    words.iter().any(|word| revision.contains(word))
}
