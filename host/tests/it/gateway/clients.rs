//! rmcp's client, over both transports, in both eras.

use interlock::gateway::{Announcement, serve_stdio};
use rmcp::{
    ClientHandler, RoleClient,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
        ErrorData, Implementation, ProtocolVersion, ReadResourceRequestParams, ServerNotification, SubscriptionFilter,
    },
    service::{
        ClientLifecycleMode, ClientServiceExt, NotificationContext, RequestContext, RunningService, ServiceError,
    },
    transport::StreamableHttpClientTransport,
};
use serde_json::json;
use tokio::sync::mpsc;

use super::{behind::House, http::Served};

/// Says yes to everything.
#[derive(Clone)]
struct Human {
    heard: mpsc::UnboundedSender<&'static str>,
}

impl ClientHandler for Human {
    fn get_info(&self) -> ClientConfig {
        let capabilities = ClientCapabilities::builder().enable_elicitation().build();
        ClientConfig::new(capabilities, Implementation::new("human", "1"))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({"sure": true})))
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.heard.send("tools").unwrap();
    }
}

fn modes() -> [(ClientLifecycleMode, &'static str); 3] {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    [
        (ClientLifecycleMode::Initialize, "2025-11-25"),
        (ClientLifecycleMode::Discover { preferred_versions: preferred_versions.clone() }, "2026-07-28"),
        (ClientLifecycleMode::Auto { preferred_versions, legacy_version: None }, "2026-07-28"),
    ]
}

/// Everything that a client usually does.
async fn use_it(client: &RunningService<RoleClient, Human>, version: &str) {
    assert_eq!(client.peer().peer_info().unwrap().protocol_version.as_str(), version);
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.iter().map(|tool| &tool.name).collect::<Vec<_>>(), super::behind::TOOLS.to_vec());

    let arguments = json!({"region": "eu \u{2603}"}).as_object().unwrap().clone();
    let who = client.call_tool(CallToolRequestParams::new("who").with_arguments(arguments)).await.unwrap();
    assert_eq!(who.structured_content.unwrap()["caller"]["client"], "human");
    let asked = client.call_tool(CallToolRequestParams::new("ask")).await.unwrap();
    assert_eq!(asked.structured_content.unwrap()["answer"], json!({"action": "accept", "content": {"sure": true}}));
    let steps = client.call_tool(CallToolRequestParams::new("steps")).await.unwrap();
    assert_eq!(steps.structured_content.unwrap()["wanted"], true);

    let read = client.read_resource(ReadResourceRequestParams::new("a://b")).await.unwrap();
    assert_eq!(read.contents.len(), 1);
    assert_eq!(client.list_all_prompts().await.unwrap().len(), 1);
    let error = client.call_tool(CallToolRequestParams::new("none")).await.unwrap_err();
    assert!(matches!(error, ServiceError::McpError(error) if error.message == "unknown tool `none`"));
}

/// A changed list is told to the client in the way of its era.
async fn announce(
    client: &RunningService<RoleClient, Human>,
    house: &House,
    heard: &mut mpsc::UnboundedReceiver<&'static str>,
    version: &str,
) {
    if version < "2026-07-28" {
        // `initialized` has been taken in once a later request is answered; then someone listens.
        while house.behind.announce.send(Announcement::ToolsChanged).is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(heard.recv().await, Some("tools"));
    } else {
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let mut listening = client.listen(filter).await.unwrap();
        house.behind.announce.send(Announcement::ToolsChanged).unwrap();
        let told = listening.next().await.unwrap();
        assert!(matches!(told, Some(ServerNotification::ToolListChangedNotification(_))));
    }
}

#[tokio::test]
async fn rmcps_client_is_at_home_on_stdio_in_both_eras() {
    for (mode, version) in modes() {
        let house = House::new();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (input, output) = tokio::io::split(theirs);
        let gateway = house.gateway.clone();
        let served = tokio::spawn(async move { serve_stdio(&gateway, input, output).await });
        let (heard_in, mut heard) = mpsc::unbounded_channel();
        let client = Human { heard: heard_in }.serve_with_lifecycle(ours, mode).await.unwrap();
        use_it(&client, version).await;
        announce(&client, &house, &mut heard, version).await;
        client.cancel().await.unwrap();
        served.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn rmcps_client_is_at_home_on_http_in_both_eras() {
    for (mode, version) in modes() {
        let served = Served::new().await;
        let (heard_in, mut heard) = mpsc::unbounded_channel();
        let transport = StreamableHttpClientTransport::from_uri(served.url.as_str());
        let client = Human { heard: heard_in }.serve_with_lifecycle(transport, mode).await.unwrap();
        use_it(&client, version).await;
        announce(&client, &served.house, &mut heard, version).await;
        client.cancel().await.unwrap();
    }
}
