//! `interlock demo`: stories that show what Interlock does. Nothing is staged: this program starts itself as a server,
//! speaks MCP to it as an AI app would, and answers questions from further processes.

mod approval;
mod audit;
mod client;
mod desk;
mod script;
mod stage;
mod success;
mod support;
mod violation;

use self::script::Script;
use super::{
    arguments::{Demo, Global, Story},
    error::{Failure, Kind},
    running::block_on,
};

/// Tells one story, or all of them in order. Fails unless each step went as told.
pub(super) fn run(global: &Global, asked: &Demo) -> Result<(), Failure> {
    let stories = match asked.story {
        Some(Story::Monitoring) => {
            let failure = Failure::new(Kind::Failed, "there is no demonstration of monitoring in this version");
            return Err(
                failure.hint("`interlock status` shows the state of things, `interlock audit tail -f` each event.")
            );
        }
        Some(story) => vec![story],
        None => vec![Story::Success, Story::Violation, Story::Approval, Story::Support, Story::Audit],
    };
    block_on(async {
        let mut script = Script::new(global.json);
        for story in stories {
            match story {
                Story::Success => success::tell(&mut script).await?,
                Story::Violation => violation::tell(&mut script).await?,
                Story::Approval => approval::tell(&mut script).await?,
                Story::Support => support::tell(&mut script).await?,
                Story::Audit => audit::tell(&mut script).await?,
                Story::Monitoring => {}
            }
        }
        script.end()
    })
}
