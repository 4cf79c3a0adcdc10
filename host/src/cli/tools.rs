//! `interlock tools`: the tools as AI apps see them, and the policies that guard each.

use super::{
    arguments::{Global, Tools, ToolsAction},
    error::{Failure, Kind},
    output::Table,
    running::{block_on, configuration, with_app},
};

/// Lists the tools.
pub(super) fn run(global: &Global, asked: &Tools) -> Result<(), Failure> {
    if let Some(ToolsAction::Accept { tool }) = &asked.action {
        let message = format!("`{tool}` cannot be accepted: this version does not hold changed tools back yet");
        return Err(Failure::new(Kind::Failed, message));
    }
    let config = configuration(global)?;
    block_on(with_app(&config, None, async |app| {
        let policies = app.mediator.policies();
        let mut table = Table::new(&["tool", "seen_as", "hints", "guarded_by", "rules"]);
        for tool in app.mediator.catalogue().tools().iter() {
            let guards = policies.iter().filter(|policy| policy.guards_tool(&tool.name, &tool.hints));
            table.row([
                tool.name.to_string().into(),
                tool.exposed.clone().into(),
                tool.hints.to_vec().into(),
                guards.map(|policy| policy.name().to_owned()).collect::<Vec<_>>().into(),
                policies.rules(&tool.name, &tool.hints).await.join(" ").into(),
            ]);
        }
        table.print(asked.output.json)
    }))
}
