//! `interlock tools`: the tools as AI apps see them, the policies that guard each, and what servers changed about them.

mod changes;

use anyhow::Context as _;
use serde_json::Value;

use super::{
    arguments::{Global, Tools, ToolsAction},
    error::Failure,
    output::Table,
    running::{block_on, configuration, with_app},
};
use crate::{config::Config, pins::Standing};

/// Lists the tools, or shows and accepts what has changed about them.
pub(super) fn run(global: &Global, asked: &Tools) -> Result<(), Failure> {
    let config = configuration(global)?;
    let json = global.json;
    match asked.action.as_ref().unwrap_or(&ToolsAction::List) {
        ToolsAction::List => block_on(list(&config, json)),
        ToolsAction::Changes { tools } => block_on(changes::show(&config, tools, json)),
        ToolsAction::Accept(accept) => block_on(changes::accept(&config, accept, json)),
    }
}

async fn list(config: &Config, json: bool) -> Result<(), Failure> {
    with_app(config, None, async |app| {
        let mediator = app.mediator();
        let policies = mediator.policies();
        let mut table = Table::new(&["tool", "seen_as", "definition", "hints", "guarded_by", "rules"]);
        for tool in mediator.catalogue().tools().iter() {
            let standing = mediator.standing_of(tool).await.context("the pinned definitions cannot be read")?;
            let guards = policies.iter().filter(|policy| policy.guards_tool(&tool.name, &tool.hints));
            table.row([
                tool.name.to_string().into(),
                tool.exposed.clone().into(),
                standing.map(Standing::word).map_or(Value::Null, Value::from),
                tool.hints.to_vec().into(),
                guards.map(|policy| policy.name().to_owned()).collect::<Vec<_>>().into(),
                policies.rules(&tool.name, &tool.hints).await.join(" ").into(),
            ]);
        }
        table.print(json)
    })
    .await
}
