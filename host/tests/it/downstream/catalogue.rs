//! The catalogue over servers that are made up.

use std::sync::Mutex;

use arc_swap::ArcSwap;
use async_trait::async_trait;

use super::*;

/// A server that writes down what it is asked.
#[derive(Debug, Default)]
struct Made {
    name: &'static str,
    offers: ArcSwap<Offers>,
    prompts: Vec<&'static str>,
    resources: Vec<&'static str>,
    templates: Vec<&'static str>,
    asked: Mutex<Vec<(String, Value)>>,
}

impl Made {
    fn offer(&self, prefix: &str, tools: &[&str]) {
        let capabilities = json!({"tools": {}, "prompts": {"listChanged": self.name == "a"},
            "resources": {"subscribe": true},
            "logging": {}, "experimental": {self.name: {}}});
        let tool = |name: &&str| Tool {
            name: ToolName::new(self.name, name),
            exposed: format!("{prefix}{name}"),
            definition: Arc::new(json!({"name": name})),
            digest: digest(&json!({"name": name})),
            hints: Arc::new([]),
        };
        let tools = tools.iter().map(tool).collect();
        self.offers.store(Arc::new(Offers { capabilities, tools, ..Offers::default() }));
    }

    fn asked(&self, method: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(asked, _)| asked == method).map(|(_, params)| params.clone()).collect()
    }
}

#[async_trait]
impl ToolServer for Made {
    fn name(&self) -> &str {
        self.name
    }

    fn offers(&self) -> Arc<Offers> {
        self.offers.load_full()
    }

    async fn call_tool(&self, _: Permit, _: Link) -> Result<Value, ServerError> {
        unreachable!("no test has a permit")
    }

    async fn request(&self, method: &str, params: Value, _: Link) -> Result<Value, ServerError> {
        self.asked.lock().unwrap().push((method.to_owned(), params.clone()));
        // One item a page, to be asked for the next.
        let page = |field: &str, key: &str, items: &[&str]| {
            let at: usize = params["cursor"].as_str().and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
            let items: Vec<_> = items.iter().skip(at).take(1).map(|item| json!({key: item, "oddity": at})).collect();
            let next = (!items.is_empty()).then(|| json!((at + 1).to_string()));
            json!({field: items, "nextCursor": next})
        };
        let knows = |uri: &Value| self.resources.iter().any(|known| uri == known);
        match method {
            "prompts/list" => Ok(page("prompts", "name", &self.prompts)),
            "resources/list" => Ok(page("resources", "uri", &self.resources)),
            "resources/templates/list" => Ok(page("resourceTemplates", "uriTemplate", &self.templates)),
            "resources/read" | "resources/subscribe" if !knows(&params["uri"]) => {
                Err(RpcError { code: -32002, message: "not found".to_owned(), data: None }.into())
            }
            _ => Ok(json!({"by": self.name})),
        }
    }
}

struct Two {
    a: Arc<Made>,
    b: Arc<Made>,
    catalogue: Catalogue,
}

fn two(prefix_a: &str, prefix_b: &str) -> Two {
    let a = Arc::new(Made {
        name: "a",
        prompts: vec!["p", "q"],
        resources: vec!["x://1", "hidden://1"],
        templates: vec!["x://{id}"],
        ..Made::default()
    });
    let b = Arc::new(Made { name: "b", prompts: vec!["p"], resources: vec!["y://1"], ..Made::default() });
    a.offer(prefix_a, &["one", "two"]);
    b.offer(prefix_b, &["one"]);
    let servers: Vec<(Arc<dyn ToolServer>, String)> =
        vec![(a.clone(), prefix_a.to_owned()), (b.clone(), prefix_b.to_owned())];
    Two { a, b, catalogue: Catalogue::new(servers, Announcements::new()) }
}

fn exposed(catalogue: &Catalogue) -> Vec<String> {
    catalogue.tools().iter().map(|tool| tool.exposed.clone()).collect()
}

#[tokio::test]
async fn a_tool_is_found_by_the_name_that_the_app_sees_and_by_its_own() {
    let two = two("a__", "");
    assert_eq!(exposed(&two.catalogue), ["a__one", "a__two", "one"]);
    for (name, expected) in [("a__one", "a/one"), ("a/one", "a/one"), ("one", "b/one"), ("b/one", "b/one")] {
        let (server, tool) = two.catalogue.find(name).unwrap();
        assert_eq!((server.name(), tool.name.as_str()), (&expected[..1], expected), "`{name}`");
    }
    assert!(two.catalogue.find("two").is_none());
    two.b.offer("", &["one", "three"]);
    assert_eq!(exposed(&two.catalogue), ["a__one", "a__two", "one", "three"], "offers are looked at anew");
}

#[tokio::test]
async fn two_tools_of_one_exposed_name_are_a_clash_and_the_first_is_kept() {
    let two = two("", "");
    let clashes: Vec<_> = two.catalogue.clashes().iter().map(ToString::to_string).collect();
    assert_eq!(clashes, ["`a/one` and `b/one` would both be seen as `one`"]);
    assert_eq!(exposed(&two.catalogue), ["one", "two"]);
    assert_eq!(two.catalogue.find("one").unwrap().1.name.as_str(), "a/one");
    assert_eq!(two.catalogue.find("b/one").unwrap().1.name.as_str(), "b/one", "it still has its own name");
    assert_eq!(
        two.catalogue.status().into_iter().map(|status| status.shadowed).collect::<Vec<_>>(),
        [vec![], vec!["one".to_owned()]]
    );
}

#[tokio::test]
async fn capabilities_are_those_of_all_together() {
    let two = two("", "b__");
    let expected = json!({"tools": {"listChanged": true}, "prompts": {"listChanged": true},
        "resources": {"subscribe": true},
        "logging": {}, "experimental": {"a": {}, "b": {}}});
    assert_eq!(two.catalogue.capabilities(), expected);
}

#[tokio::test]
async fn prompts_are_listed_from_all_and_got_from_the_one() {
    let Two { a, b, catalogue } = two("", "b__");
    let get = |name: &str| catalogue.request("prompts/get", json!({"name": name, "arguments": {"x": 1}}), link().0);
    assert_eq!(get("b__p").await.unwrap()["by"], "b", "by its prefix, before anything was listed");

    let listed = catalogue.request("prompts/list", json!({}), link().0).await.unwrap();
    let names: Vec<_> = listed["prompts"].as_array().unwrap().iter().map(|prompt| prompt["name"].clone()).collect();
    assert_eq!(names, ["p", "q", "b__p"]);
    assert_eq!(listed["prompts"][1]["oddity"], 1);
    assert_eq!(get("p").await.unwrap()["by"], "a");
    assert_eq!(get("b__p").await.unwrap()["by"], "b");
    assert_eq!(b.asked("prompts/get")[1], json!({"name": "p", "arguments": {"x": 1}}));

    let complete = json!({"ref": {"type": "ref/prompt", "name": "q"}, "argument": {"name": "x", "value": ""}});
    assert_eq!(catalogue.request("completion/complete", complete, link().0).await.unwrap()["by"], "a");
    assert_eq!(a.asked("completion/complete").len(), 1);
}

#[tokio::test]
async fn a_resource_is_read_from_the_server_that_listed_it_or_whose_template_fits_or_that_knows_it() {
    let Two { a, b, catalogue } = two("a__", "b__");
    let read = |uri: &str| catalogue.request("resources/read", json!({"uri": uri}), link().0);
    assert_eq!(read("y://1").await.unwrap()["by"], "b", "asked one after the other");
    assert_eq!(a.asked("resources/read").len(), 1);

    catalogue.request("resources/list", json!({}), link().0).await.unwrap();
    catalogue.request("resources/templates/list", json!({}), link().0).await.unwrap();
    assert_eq!(read("y://1").await.unwrap()["by"], "b");
    assert_eq!(a.asked("resources/read").len(), 1, "it was listed by the other");
    assert_eq!(read("x://1").await.unwrap()["by"], "a");
    assert!(matches!(read("x://2").await, Err(ServerError::Rpc(error)) if error.code == -32002));
    assert_eq!(b.asked("resources/read").len(), 3, "nobody knows it, and everybody was asked");
}

#[tokio::test]
async fn a_server_hears_that_a_subscription_ended_when_the_last_client_ended_it() {
    let Two { b, catalogue, .. } = two("a__", "b__");
    let request = |method: &'static str| catalogue.request(method, json!({"uri": "y://1"}), link().0);
    for _ in 0..2 {
        request("resources/subscribe").await.unwrap();
    }
    request("resources/unsubscribe").await.unwrap();
    assert_eq!(b.asked("resources/unsubscribe").len(), 0);
    request("resources/unsubscribe").await.unwrap();
    request("resources/unsubscribe").await.unwrap();
    assert_eq!(b.asked("resources/unsubscribe").len(), 1);
}

#[tokio::test]
async fn the_log_level_is_told_to_all_and_what_means_no_server_is_an_error() {
    let Two { a, b, catalogue } = two("a__", "b__");
    catalogue.request("logging/setLevel", json!({"level": "debug"}), link().0).await.unwrap();
    for server in [a, b] {
        assert_eq!(server.asked("logging/setLevel"), [json!({"level": "debug"})]);
    }
    let error = catalogue.request("odd/thing", json!({}), link().0).await.unwrap_err();
    assert!(matches!(error, ServerError::Rpc(error) if error.code == -32601));
}
