//! The server itself: which request goes where. What it remembers is shared by all requests, in both eras of MCP.
#![expect(deprecated, reason = "the suites test what MCP has deprecated")]

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams, CompleteResult,
        CompletionInfo, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, Implementation,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, RequestStateCodec, ServerCapabilities,
        ServerConfig, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool,
        UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{RequestContext, SubscriptionContext},
    task_manager::TaskManager,
};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::{
    asking, definitions,
    jobs::Job,
    plain, prompts, resources,
    rounds::{self, Round},
};

/// What signs the states that clients carry; nobody but tests ever meets it.
const KEY: [u8; 32] = *b"only for tests, and known to all";

/// The server. Clones share everything.
#[derive(Clone)]
pub(crate) struct Backend(Arc<Inner>);

struct Inner {
    newest: ProtocolVersion,
    tools: [Vec<Tool>; 2],
    codec: RequestStateCodec,
    tasks: TaskManager,
    tools_changed: AtomicBool,
    prompts_changed: AtomicBool,
    news: broadcast::Sender<News>,
}

/// Which list is another one now.
#[derive(Clone, Copy)]
enum News {
    Tools,
    Prompts,
}

impl Backend {
    /// Speaks MCP up to this revision. Nothing has changed yet.
    pub(crate) fn new(newest: ProtocolVersion) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(Inner {
            newest,
            tools: [definitions::tools(false)?, definitions::tools(true)?],
            codec: RequestStateCodec::try_new(KEY)?,
            tasks: TaskManager::new(),
            tools_changed: AtomicBool::new(false),
            prompts_changed: AtomicBool::new(false),
            news: broadcast::Sender::new(16),
        })))
    }

    fn tools(&self) -> &[Tool] {
        let [before, after] = &self.0.tools;
        if self.0.tools_changed.load(Ordering::SeqCst) { after } else { before }
    }

    fn change(&self, news: News) {
        let changed = match news {
            News::Tools => &self.0.tools_changed,
            News::Prompts => &self.0.prompts_changed,
        };
        changed.fetch_xor(true, Ordering::SeqCst);
        // An error means only that nobody listens.
        drop(self.0.news.send(news));
    }

    async fn call(
        &self,
        request: CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
        let client = context.client_capabilities().unwrap_or_default();
        let name = request.name.as_ref();
        let round = Round { responses: request.input_responses, state: request.request_state, codec: &self.0.codec };
        if let Some(result) = plain::fixed(name) {
            return result.map(Into::into);
        }
        if let Some(response) = rounds::next(name, &round, &client) {
            return response;
        }
        if let Some(response) = asking::call(name, &arguments, &round, context).await {
            return response;
        }
        if let Some(job) = Job::of(name, &arguments) {
            return job.begin(&self.0.tasks, &client).await;
        }
        let result = match name {
            "test_tool_with_logging" => plain::logging(context).await,
            "test_logging_tool" => plain::logging_if_wanted(context).await,
            "test_tool_with_progress" => plain::progress(context).await,
            "test_reconnection" => plain::slow().await,
            "test_missing_capability" => plain::needs_sampling(context),
            "greet" => plain::text(&format!("Hello, {}!", text("name"))),
            "test_trigger_tool_change" => {
                self.change(News::Tools);
                plain::text("The list of tools has changed.")
            }
            "test_trigger_prompt_change" => {
                self.change(News::Prompts);
                plain::text("The list of prompts has changed.")
            }
            "test_tool_with_task" => {
                return match rounds::before_task(&round)? {
                    Ok(name) => Job::Greet(name).begin(&self.0.tasks, &client).await,
                    Err(question) => Ok(question),
                };
            }
            _ => Err(ErrorData::invalid_params(format!("there is no tool `{name}`"), None)),
        };
        result.map(Into::into)
    }
}

impl ServerHandler for Backend {
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        ProtocolVersion::known_up_to(&self.0.newest).to_vec().into()
    }

    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_completions()
            .enable_logging()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("conformance-server", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools().to_vec()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools().iter().find(|tool| tool.name == name).cloned()
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call(request, &context).await
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        prompts::list(self.0.prompts_changed.load(Ordering::SeqCst))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let round = Round { responses: request.input_responses, state: request.request_state, codec: &self.0.codec };
        prompts::get(&request.name, &Value::Object(request.arguments.unwrap_or_default()), &round)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        resources::list()
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        resources::templates()
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        resources::read(&request.uri)
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let values = ["test", "testing"].map(str::to_owned).to_vec();
        let completion = CompletionInfo::new(values).map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(CompleteResult::new(completion))
    }

    async fn set_level(&self, _: SetLevelRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, subscription: SubscriptionContext) -> Result<(), ErrorData> {
        let mut news = self.0.news.subscribe();
        loop {
            let news = tokio::select! {
                news = news.recv() => news,
                () = subscription.cancelled() => return Ok(()),
            };
            // The sink itself leaves out what was not asked for, and says so by an error.
            let sent = match news {
                Ok(News::Tools) => subscription.sink().notify_tool_list_changed().await,
                Ok(News::Prompts) => subscription.sink().notify_prompt_list_changed().await,
                Err(_) => return Ok(()),
            };
            drop(sent);
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.0.tasks.get_task(&request.task_id).map(GetTaskResult::new)
    }

    async fn update_task(&self, request: UpdateTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.0.tasks.update_task(&request.task_id, request.input_responses)
    }

    async fn cancel_task(&self, request: CancelTaskParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.0.tasks.cancel_task(&request.task_id)
    }
}
