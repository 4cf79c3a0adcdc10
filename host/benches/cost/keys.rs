//! What it takes to check an API key, and whether it tells how much of a key was right: a secret is compared by its digest,
//! and in the same time whatever is wrong with it.

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use interlock::{
    clock::SystemClock,
    identity::{ApiKey, Denied, Keys},
    journal::{Config, Durability, Journal},
    sandbox::sha256,
    tasks::Tasks,
};
use serde_json::json;

use crate::{
    measure::{Samples, batch},
    table::Table,
};

/// Checks of one batch: a few ms.
const RUNS: u32 = 500;
/// Where the secret begins in a key, and where its checksum does.
const SECRET: usize = 17;
const CHECKSUM: usize = 81;

/// Measures, in turns: the key itself, and the same with its secret wrong from the first digit on, from the middle, and at
/// the last.
pub(crate) async fn measure(full: bool) -> Result<Table> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let config = Config {
        path: folder.path().join("interlock.db"),
        mirror_dir: None,
        redact: Vec::new(),
        max_body_bytes: 64 << 10,
        durability: Durability::BeforeCall,
    };
    let (clock, pepper) = (Arc::new(SystemClock), config.pepper());
    let journal = Journal::open(config, clock, Tasks::new()).await?;
    let keys = Keys::new(journal, pepper);
    let (key, _) = keys.create("bench", "ann", &[], None).await?;
    let key = key.expose();
    let shown = [
        ("the key itself", key.clone()),
        ("its secret wrong from the first digit on", altered(&key, SECRET..CHECKSUM)?),
        ("wrong from the middle on", altered(&key, (SECRET + CHECKSUM) / 2..CHECKSUM)?),
        ("wrong at the last", altered(&key, CHECKSUM - 1..CHECKSUM)?),
    ];
    let mut samples: [Samples; 4] = Default::default();
    for _ in 0..if full { 400 } else { 100 } {
        for (nth, ((_, shown), samples)) in shown.iter().zip(&mut samples).enumerate() {
            samples.push(
                batch(RUNS, async || match (keys.authenticate(shown).await, nth) {
                    (Ok(_), 0) | (Err(Denied::Unknown), 1..) => Ok(()),
                    (other, _) => bail!("{other:?}"),
                })
                .await?,
            );
        }
    }
    let mut table = Table::new("Keys: one API key checked", &["What is shown", "µs", "beside the key itself"]);
    let itself = samples[0].median();
    for ((what, _), samples) in shown.iter().zip(&mut samples) {
        table.row([json!(what), json!(samples.median()), json!(samples.median() / itself)]);
    }
    Ok(table)
}

/// The key with other digits there, well formed.
fn altered(key: &str, digits: std::ops::Range<usize>) -> Result<String> {
    let mut whole = key[..CHECKSUM].to_owned();
    let other: String = whole[digits.clone()].chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect();
    whole.replace_range(digits, &other);
    let altered = format!("{whole}{}", &sha256(whole.as_bytes())[..8]);
    ensure!(altered.parse::<ApiKey>().is_ok(), "an altered key is not well formed");
    Ok(altered)
}
