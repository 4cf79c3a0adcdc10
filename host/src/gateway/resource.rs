//! This door as a protected resource of OAuth: what clients have to know of it, and which scopes it wants for what
//! (MCP 2026-07-28, authorization; RFC 9728).

use std::collections::{BTreeMap, BTreeSet};

use interlock_glob::Glob;
use serde_json::{Value, json};
use url::Url;

use super::authenticate::Granted;
use crate::call::ToolName;

/// Where the metadata are, below the host; what follows is the path of the resource.
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The door, as clients of OAuth see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its identifier: the audience of the tokens that are for it.
    pub audience: String,
    /// The same, read.
    pub uri: Url,
    /// Who issues them.
    pub issuer: String,
    /// The scopes that everything takes.
    pub required: Vec<String>,
    /// The scopes that tools take beside those. A tool takes those of every rule that fits.
    pub rules: Vec<ScopeRule>,
    /// The narrower scopes that a scope stands for as well.
    pub implied: BTreeMap<String, Vec<String>>,
}

/// Scopes that calls of some tools take.
#[derive(Clone, Debug, PartialEq)]
pub struct ScopeRule {
    /// Patterns of `server/tool`.
    pub tools: Vec<Glob>,
    /// All of these.
    pub scopes: Vec<String>,
}

impl Resource {
    /// Where its metadata are, as a client gets there.
    pub(super) fn metadata_url(&self) -> String {
        let path = self.uri.path().trim_end_matches('/');
        format!("{}{WELL_KNOWN}{path}", self.uri.origin().ascii_serialization())
    }

    /// Its metadata.
    pub(super) fn metadata(&self) -> Value {
        let mut metadata = json!({
            "resource": self.audience,
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
            "resource_name": "Interlock",
        });
        // What clients ask for at first; for more they are told when it is needed.
        if let Some(metadata) = metadata.as_object_mut().filter(|_| !self.required.is_empty()) {
            metadata.insert("scopes_supported".to_owned(), json!(self.required));
        }
        metadata
    }

    /// The challenge that tells clients where to go, and if need be what they lack.
    pub(super) fn challenge(&self, error: Option<&str>, scopes: &[String]) -> String {
        let mut challenge = format!(r#"Bearer realm="interlock", resource_metadata="{}""#, self.metadata_url());
        if !scopes.is_empty() {
            challenge.push_str(&format!(r#", scope="{}""#, scopes.join(" ")));
        }
        if let Some(error) = error {
            challenge.push_str(&format!(r#", error="{error}""#));
        }
        challenge
    }

    /// All scopes that a request takes which calls this tool, or none, unless they were granted: then nothing.
    pub(super) fn lacking(&self, granted: &Granted, tool: Option<&ToolName>) -> Option<Vec<String>> {
        let Granted::Scopes(granted) = granted else { return None };
        let fits = |rule: &&ScopeRule| {
            tool.is_some_and(|tool| rule.tools.iter().any(|pattern| pattern.matches(tool.as_str())))
        };
        let of_rules = self.rules.iter().filter(fits).flat_map(|rule| &rule.scopes);
        let mut needed: Vec<String> = Vec::new();
        for scope in self.required.iter().chain(of_rules) {
            if !needed.contains(scope) {
                needed.push(scope.clone());
            }
        }
        let covered = self.covered(granted);
        if needed.iter().all(|scope| covered.contains(scope.as_str())) { None } else { Some(needed) }
    }

    /// Whether any request at all takes a scope.
    pub(super) fn has_scopes(&self) -> bool {
        !self.required.is_empty() || !self.rules.is_empty()
    }

    fn covered<'a>(&'a self, granted: &'a [String]) -> BTreeSet<&'a str> {
        let (mut covered, mut new) = (BTreeSet::new(), granted.iter().map(String::as_str).collect::<Vec<_>>());
        while let Some(scope) = new.pop() {
            if covered.insert(scope) {
                new.extend(self.implied.get(scope).into_iter().flatten().map(String::as_str));
            }
        }
        covered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(uri: &str) -> Resource {
        let rule = |tools: &str, scopes: &[&str]| ScopeRule {
            tools: vec![Glob::new(tools)],
            scopes: scopes.iter().map(ToString::to_string).collect(),
        };
        Resource {
            audience: uri.to_owned(),
            uri: Url::parse(uri).unwrap(),
            issuer: "https://id.example.com".to_owned(),
            required: vec!["mcp".to_owned()],
            rules: vec![rule("crm/*", &["crm"]), rule("crm/write*", &["crm:write", "crm"])],
            implied: BTreeMap::from([
                ("admin".to_owned(), vec!["mcp".to_owned(), "crm:write".to_owned()]),
                ("crm:write".to_owned(), vec!["crm".to_owned()]),
            ]),
        }
    }

    #[test]
    fn a_call_lacks_all_that_it_takes_or_nothing() {
        let resource = resource("https://gate.example.com/mcp");
        let lacking = |granted: &[&str], tool: &str| {
            let granted = Granted::Scopes(granted.iter().map(ToString::to_string).collect());
            resource.lacking(&granted, tool.parse().ok().as_ref()).unwrap_or_default().join(" ")
        };
        assert_eq!(lacking(&[], ""), "mcp");
        assert_eq!(lacking(&["mcp"], ""), "");
        assert_eq!(lacking(&["mcp"], "files/read"), "");
        assert_eq!(lacking(&["mcp"], "crm/read"), "mcp crm");
        assert_eq!(lacking(&["mcp", "crm"], "crm/read"), "");
        assert_eq!(lacking(&["mcp", "crm"], "crm/write_it"), "mcp crm crm:write");
        // The broader scope stands for the narrower ones, also of those that it stands for.
        assert_eq!(lacking(&["mcp", "crm:write"], "crm/write_it"), "");
        assert_eq!(lacking(&["admin"], "crm/write_it"), "");
        assert_eq!(resource.lacking(&Granted::Everything, "crm/write".parse().ok().as_ref()), None);
    }

    #[test]
    fn metadata_are_where_rfc_9728_has_them() {
        for (uri, at) in [
            ("https://gate.example.com/mcp", "https://gate.example.com/.well-known/oauth-protected-resource/mcp"),
            ("https://gate.example.com", "https://gate.example.com/.well-known/oauth-protected-resource"),
            ("https://g.example/a/mcp", "https://g.example/.well-known/oauth-protected-resource/a/mcp"),
        ] {
            let resource = resource(uri);
            assert_eq!(resource.metadata_url(), at);
            assert_eq!(resource.metadata()["resource"], uri);
        }
        let challenge =
            resource("https://g.example/mcp").challenge(Some("insufficient_scope"), &["a".into(), "b".into()]);
        assert_eq!(
            challenge,
            "Bearer realm=\"interlock\", resource_metadata=\"https://g.example/.well-known/oauth-protected-resource/mcp\", \
             scope=\"a b\", error=\"insufficient_scope\""
        );
    }
}
