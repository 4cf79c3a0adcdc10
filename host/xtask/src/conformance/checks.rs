//! What a suite found out: the checks that it wrote into its own files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Length of the time that follows a scenario's name in the name of its folder: `-2026-11-24T08-30-00-000Z`.
const STAMP: usize = 25;

/// All checks of one run, by scenario, id and name: some are made more than once.
#[derive(Default)]
pub(super) struct Checks {
    by_status: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Checks {
    /// Reads every `checks.json` below a folder.
    ///
    /// # Errors
    /// There is none, or one of them is not a list of checks.
    pub(super) fn read(results: &Path) -> Result<Self> {
        let mut all = Self::default();
        all.read_folder(results, results)?;
        if all.by_status.is_empty() {
            bail!("the suite wrote no checks into {}", results.display());
        }
        Ok(all)
    }

    fn read_folder(&mut self, results: &Path, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                self.read_folder(results, &path)?;
            } else if path.file_name().is_some_and(|name| name == "checks.json") {
                let scenario = folder.strip_prefix(results)?.display().to_string();
                let scenario = scenario.get(..scenario.len().saturating_sub(STAMP)).unwrap_or(&scenario);
                self.read_file(scenario, &path).with_context(|| format!("{} holds no checks", path.display()))?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, scenario: &str, path: &Path) -> Result<()> {
        let checks: Vec<Value> = serde_json::from_str(&fs::read_to_string(path)?)?;
        for check in checks {
            let text = |key: &str| check.get(key).and_then(Value::as_str).with_context(|| format!("no `{key}`"));
            let key = format!("{scenario}: {} ({})", text("id")?, text("name")?);
            *self.by_status.entry(text("status")?.to_owned()).or_default().entry(key).or_default() += 1;
        }
        Ok(())
    }

    /// How many checks ended so.
    pub(super) fn count(&self, status: &str) -> usize {
        self.by_status.get(status).map_or(0, |checks| checks.values().sum())
    }

    /// The checks that ended so.
    pub(super) fn names(&self, status: &str) -> impl Iterator<Item = &String> {
        self.by_status.get(status).into_iter().flat_map(BTreeMap::keys)
    }

    /// The checks that passed in `other` and not, or less often, in this run.
    pub(super) fn lost(&self, other: &Self) -> Vec<(String, usize)> {
        const PASSED: &str = "SUCCESS";
        let passed = self.by_status.get(PASSED);
        let mut lost = Vec::new();
        for (name, times) in other.by_status.get(PASSED).into_iter().flatten() {
            let here = passed.and_then(|passed| passed.get(name)).copied().unwrap_or_default();
            if here < *times {
                lost.push((name.clone(), times - here));
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a run found out whose suites wrote these statuses of one check.
    fn run(name: &str, statuses: &[&str]) -> Checks {
        let folder = std::env::temp_dir().join(format!("interlock-checks-{name}-{}", std::process::id()));
        let scenario = folder.join("server-ping-2026-11-24T08-30-00-000Z");
        fs::create_dir_all(&scenario).unwrap();
        let check = |status: &&str| json!({"id": "ping", "name": "Ping", "status": status});
        let checks: Vec<Value> = statuses.iter().map(check).collect();
        fs::write(scenario.join("checks.json"), serde_json::to_string(&checks).unwrap()).unwrap();
        let checks = Checks::read(&folder).unwrap();
        fs::remove_dir_all(folder).unwrap();
        checks
    }

    #[test]
    fn what_passed_before_and_does_not_now_is_lost_however_it_ended() {
        let bare = run("bare", &["SUCCESS", "SUCCESS", "INFO"]);
        assert_eq!(run("same", &["SUCCESS", "SUCCESS"]).lost(&bare), []);
        let once = [("server-ping: ping (Ping)".to_owned(), 1)];
        for worse in ["FAILURE", "WARNING", "INFO", "SKIPPED"] {
            assert_eq!(run(worse, &["SUCCESS", worse]).lost(&bare), once);
        }
        assert_eq!(run("fewer", &["SUCCESS"]).lost(&bare), once);
        assert_eq!((bare.count("SUCCESS"), bare.count("FAILURE")), (2, 0));
    }

    #[test]
    fn a_folder_without_checks_is_no_verdict() {
        let folder = std::env::temp_dir().join(format!("interlock-checks-none-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        assert!(Checks::read(&folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
