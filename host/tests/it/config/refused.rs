//! Mistakes that show only when the program starts, in settings, components and the journal's place: each file of
//! `config/refused` is one, run through the real program, and its snapshot what a person is told.

use std::{fs, process::Command};

use super::{cases, folder};

#[test]
fn every_mistake_that_a_start_finds_is_told_with_its_place() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder("refused"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let cases = cases("refused", "jsonc");
    assert!(cases.len() >= 18, "only {} cases", cases.len());
    for (name, text) in &cases {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("interlock.json"), text).unwrap();
        let ended = Command::new(env!("CARGO_BIN_EXE_interlock"))
            .args(["check", "--config", "interlock.json"])
            .current_dir(place.path())
            .env("INTERLOCK_CACHE_DIR", crate::examples::cache_folder())
            .output()
            .unwrap();
        let there = place.path().canonicalize().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap().replace(there.to_str().unwrap(), "[folder]");
        // The log has the time in it.
        let told: String =
            said.lines().filter(|line| !line.contains(" WARN ")).map(|line| format!("{line}\n")).collect();
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(4), &b""[..]), "{name}: {told}");
        let (errors, places) = (told.matches("Config error: ").count(), told.matches("\n  interlock.json:").count());
        assert!(errors > 0 && errors == places, "{name}: an error without its place\n{told}");
        settings.bind(|| insta::assert_snapshot!(name.as_str(), told.trim_end()));
    }
}
