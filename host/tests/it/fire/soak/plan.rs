//! The configuration while it is edited again and again: the rules that always hold, in any order, and some that come and
//! go.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{
    super::{dice::Dice, house::policy, judge},
    rules,
};
use crate::plugins::fault;

/// The configuration as it stands in the file.
pub(super) struct Plan {
    folder: PathBuf,
    servers: Value,
    policies: Vec<Value>,
    pub(super) edits: usize,
}

impl Plan {
    /// The first configuration, before a server over HTTP.
    pub(super) fn new(folder: &Path, url: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fire/soak/server.py");
        let child = json!({
            "command": "python3",
            "args": [script, folder.join("arrived")],
            "call_timeout_seconds": 2,
        });
        let servers = json!({
            "fire": {"url": url, "call_timeout_seconds": 10},
            // One that misbehaves and one that dies, as nobody is served by a server that is away.
            "odd": child,
            "frail": child,
        });
        let mut policies = judge::policies().as_array().unwrap().clone();
        policies.push(policy(
            "often",
            "rate-limit",
            json!({"limits": [
                {"tools": ["fire/often"], "max_calls": rules::OFTEN, "per_seconds": rules::OFTEN_MS / 1000},
            ]}),
        ));
        policies.push(json!({
            "name": "bad", "component": fault("misbehaves"), "settings": {}, "match": {"tools": ["fire/bad"]},
            "limits": {"time_ms": 200},
        }));
        let plan = Self { folder: folder.to_owned(), servers, policies, edits: 0 };
        plan.write("interlock.json", &plan.policies);
        plan
    }

    /// Makes some change, and writes it.
    pub(super) fn edit(&mut self, dice: &mut Dice) -> &'static str {
        self.edits += 1;
        let comes_and_goes = |policy: &Value| rules::TRANSIENT.contains(&policy["name"].as_str().unwrap());
        let done = match dice.below(4) {
            0 => {
                dice.shuffle(&mut self.policies);
                "reordered"
            }
            1 if self.policies.iter().any(comes_and_goes) => {
                let at = self.policies.iter().position(comes_and_goes).unwrap();
                self.policies.remove(at);
                "removed"
            }
            _ => {
                // Set anew if it is there.
                let name = rules::TRANSIENT[dice.below(rules::TRANSIENT.len() as u64) as usize];
                let fresh = rules::transient(name, dice);
                match self.policies.iter_mut().find(|policy| policy["name"] == name) {
                    Some(old) => *old = fresh,
                    None => self.policies.insert(dice.below(self.policies.len() as u64) as usize, fresh),
                }
                "added or set anew"
            }
        };
        self.write("interlock.json", &self.policies);
        done
    }

    /// Puts something that is wrong in the place of the configuration.
    pub(super) fn spoil(&self, dice: &mut Dice) -> &'static str {
        let mut policies = self.policies.clone();
        let what = match dice.below(5) {
            0 => {
                policies[0]["settigs"] = json!({});
                "an unknown key"
            }
            1 => {
                policies[0]["settings"] = json!({"nothing": "of the kind"});
                "settings that a component refuses"
            }
            2 => {
                policies[0]["component"] = json!("gone.wasm");
                "a component that is not there"
            }
            3 => {
                policies.push(policies[0].clone());
                "a name that stands twice"
            }
            _ => {
                std::fs::write(self.folder.join("interlock.json"), "{\"mcpServers\": {").unwrap();
                return "half a file";
            }
        };
        self.write("interlock.json", &policies);
        what
    }

    /// Puts the configuration back in its place.
    pub(super) fn restore(&self) {
        self.write("interlock.json", &self.policies);
    }

    /// In one step, so that nobody reads half of it.
    fn write(&self, name: &str, policies: &[Value]) {
        let config = json!({
            "mcpServers": self.servers,
            "policies": policies,
            "approvals": {"hold_open_seconds": 3600},
            "journal": {"url": "sqlite:interlock.db", "mirror_dir": null},
        });
        let new = self.folder.join("new");
        std::fs::write(&new, format!("{config:#}")).unwrap();
        std::fs::rename(new, self.folder.join(name)).unwrap();
    }
}
