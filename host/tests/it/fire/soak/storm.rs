//! What happens to gateways: they are killed, stopped, started again by a configuration that was edited meanwhile, or that
//! is wrong; and clients come and leave in the middle of a call.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::task::JoinSet;

use super::{
    super::{dice::Dice, gateway::Gateway, in_the_end},
    field::{Field, Kind, Tally},
    line::{Door, Era, Line},
};

/// The gateways that come and go.
const MORTAL: [Kind; 3] = [Kind::Http, Kind::Stdio(Era::Legacy), Kind::Stdio(Era::Modern)];

/// Goes on until there is an end to it; then all its clients have left, and its gateways are down.
pub(super) async fn storm(field: Arc<Field>, mut dice: Dice, longest_pause: Duration) {
    let mut at_work = JoinSet::new();
    let mut doors = Vec::new();
    for kind in MORTAL {
        let door = field.open(kind).await;
        field.set_to_work(&door, &mut at_work, &mut dice);
        doors.push(door);
    }
    while !field.crowd.is_over() {
        let pause = dice.below(longest_pause.as_millis() as u64);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        while let Some(done) = at_work.try_join_next() {
            done.unwrap();
        }
        let at = dice.below(MORTAL.len() as u64) as usize;
        match dice.below(10) {
            0..4 => {
                doors[at].kill().await;
                Tally::add(&field.tally.kills);
            }
            4..7 => field.stop(&doors[at]).await,
            7 => {
                field.spoil(&doors[at], &mut dice).await;
                continue;
            }
            _ => {
                field.visit(&mut dice).await;
                continue;
            }
        }
        if dice.below(2) == 0 {
            field.edit(&mut dice).await;
        }
        doors[at] = field.open(MORTAL[at]).await;
        field.set_to_work(&doors[at], &mut at_work, &mut dice);
    }
    while let Some(done) = at_work.join_next().await {
        done.unwrap();
    }
    for door in doors {
        field.stop(&door).await;
    }
}

impl Field {
    /// Edits the configuration. Gateways that run take it over by themselves; the court goes by what they say they applied.
    async fn edit(&self, dice: &mut Dice) {
        self.plan.write().await.edit(dice);
    }

    /// For a while the configuration is wrong: `check` and `serve` say so and end, who runs goes on.
    async fn spoil(&self, running: &Arc<Door>, dice: &mut Dice) {
        let plan = self.plan.write().await;
        let what = plan.spoil(dice);
        for verb in ["check", "serve"] {
            let output = in_the_end(self.house.interlock(&[verb]).output()).await.unwrap();
            assert_eq!(output.status.code(), Some(4), "`{verb}` with {what}:\n{}", self.house.log());
        }
        if let Some(line) = Line::open(running.clone(), Era::Modern).await {
            let (_, params) = self.crowd.marked("fire__free", json!({}));
            let answer = line.ask("tools/call", params).await.expect("it serves on");
            assert_eq!(answer["result"]["isError"], false, "{answer}");
        }
        plan.restore();
        Tally::add(&self.tally.spoilt);
    }

    /// A desktop app that is closed while a call is under way.
    async fn visit(&self, dice: &mut Dice) {
        let unspoilt = self.plan.read().await;
        let gateway = Gateway::spawn(&mut self.serve(Kind::Stdio(Era::Legacy)));
        in_the_end(Line::greet(&gateway, Era::Legacy)).await.expect("it starts");
        drop(unspoilt);
        let (_, params) = self.crowd.marked("fire__free", json!({"ms": dice.below(100)}));
        gateway.write(&json!({"jsonrpc": "2.0", "id": "last", "method": "tools/call", "params": params})).await;
        let ended = in_the_end(gateway.leave()).await;
        assert!(ended.success(), "a gateway ended with {ended}:\n{}", self.house.log());
        Tally::add(&self.tally.visits);
    }
}
