//! The table that is printed at the end.

use super::checks::Checks;

/// One run.
pub(super) struct Row {
    target: String,
    requirements: String,
    passed: usize,
    failed: usize,
    warnings: usize,
    /// What passed bare and not here, and how often.
    lost: Vec<(String, usize)>,
    failures: Vec<String>,
}

impl Row {
    /// A run against a target, beside the one against the bare server.
    pub(super) fn new(target: &str, requirements: &str, run: &Checks, bare: &Checks) -> Self {
        Self {
            target: target.to_owned(),
            requirements: requirements.to_owned(),
            passed: run.count("SUCCESS"),
            failed: run.count("FAILURE"),
            warnings: run.count("WARNING"),
            lost: run.lost(bare),
            failures: run.names("FAILURE").cloned().collect(),
        }
    }

    fn lost(&self) -> usize {
        self.lost.iter().map(|(_, times)| times).sum()
    }
}

/// All runs.
#[derive(Default)]
pub(super) struct Table(Vec<Row>);

impl Table {
    pub(super) fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    /// Whether nothing failed, and nothing was lost.
    pub(super) fn is_clean(&self) -> bool {
        self.0.iter().all(|row| row.failed == 0 && row.lost.is_empty())
    }

    /// Prints the rows, and what went wrong, to standard error, as all of xtask does.
    pub(super) fn print(&self) {
        eprintln!("\n| Target | Requirements | Passed | Failed | Warnings | Lost |");
        eprintln!("| --- | --- | ---: | ---: | ---: | ---: |");
        for row in &self.0 {
            let Row { target, requirements, passed, failed, warnings, .. } = row;
            eprintln!("| {target} | {requirements} | {passed} | {failed} | {warnings} | {} |", row.lost());
        }
        for row in &self.0 {
            for failure in &row.failures {
                eprintln!("failed {}, {}: {failure}", row.target, row.requirements);
            }
            for (name, times) in &row.lost {
                eprintln!("lost {}, {}: {name}, {times} time(s)", row.target, row.requirements);
            }
        }
    }
}
