//! The promise to those who ship components: what was built for a generation once is loaded and decides the same for ever.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{architecture, cases};

/// The components that were kept of a generation.
fn kept(generation: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/abi").join(generation)
}

#[test]
fn what_is_kept_is_what_was_kept() {
    let folder = kept("0.1.0");
    let mut found = architecture::found(&folder);
    found.retain(|name, _| name != "kept.sha256" && name != "README.md");
    assert_eq!(found, architecture::told(&folder.join("kept.sha256")));
    assert_eq!(found.keys().filter(|name| name.ends_with(".wasm")).count(), 6, "{found:#?}");
}

#[tokio::test]
async fn components_of_0_1_0_decide_as_they_did() {
    let folder = kept("0.1.0");
    for name in architecture::told(&folder.join("kept.sha256")).keys().filter_map(|name| name.strip_suffix(".wasm")) {
        let component = fs::read(folder.join(format!("{name}.wasm"))).unwrap();
        let text = fs::read_to_string(folder.join(format!("{name}.cases.json"))).unwrap();
        cases::come_out(&format!("{name} of 0.1.0"), &component, &text).await;
    }
}
