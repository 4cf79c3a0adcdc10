//! `interlock import FILE`: puts the servers of an AI app's configuration behind Interlock.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::json;

use super::{
    arguments::{Global, Import},
    error::{Failure, Kind},
    output,
};
use crate::config::{self, ImportError, Imported};

/// Prints both files, or writes them.
pub(super) fn run(global: &Global, asked: &Import) -> Result<(), Failure> {
    let file = asked.file.canonicalize().with_context(|| format!("cannot read {}", asked.file.display()))?;
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let target = std::path::absolute(&global.config).context("the working directory is gone")?;
    let interlock = env::current_exe().context("cannot tell where Interlock itself is")?;
    let order = config::Import { file: &file, text: &text, command: &interlock.to_string_lossy(), config: &target };
    let imported = config::import(order).map_err(refused)?;
    if target.try_exists().unwrap_or(true) {
        return Err(Failure::new(Kind::Failed, format!("{} exists", target.display()))
            .hint("name another file with --config, or move the servers by hand into the one that you have."));
    }
    let backup = if asked.write { Some(write(&file, &target, &imported)?) } else { None };

    if global.json {
        output::print_json(&json!({
            "client": {"path": file, "text": imported.client},
            "config": {"path": target, "text": imported.config},
            "moved": imported.moved,
            "kept": imported.kept,
            "backup": backup,
        }))?;
    } else if !asked.write {
        let show = |path: &Path, text: &str| format!("=== {} ===\n{}\n", path.display(), text.trim_end());
        output::print(&format!("{}\n{}", show(&file, &imported.client), show(&target, &imported.config)))?;
    }
    output::tell(&summary(&target, &imported, backup.as_deref()));
    Ok(())
}

fn refused(error: ImportError) -> Failure {
    match error {
        ImportError::Syntax(problems) => problems.into(),
        ImportError::NoServers | ImportError::Own | ImportError::Done(_) | ImportError::NoneMoves(_) => {
            Failure::new(Kind::Failed, error.to_string())
        }
    }
}

fn summary(target: &Path, imported: &Imported, backup: Option<&Path>) -> String {
    let mut lines = vec![format!("Behind Interlock: {}.", imported.moved.join(", "))];
    lines.extend(imported.kept.iter().map(|kept| format!("Stays as it is: {}: {}.", kept.server, kept.reason)));
    lines.push(match backup {
        Some(backup) => format!(
            "Written. The old file is {}; delete it when all is well: it has the servers' secrets too.\n\
             Next: add policies to {}, then restart the AI app.",
            backup.display(),
            target.display()
        ),
        None => "Nothing is written yet: `--write` does that.".to_owned(),
    });
    lines.join("\n")
}

/// Writes both files and returns where the backup is. The client's own file changes last, and as a whole; if that
/// cannot be, nothing has changed.
fn write(file: &Path, target: &Path, imported: &Imported) -> anyhow::Result<PathBuf> {
    let permissions = fs::metadata(file)?.permissions();
    let create = |path: &Path, text: &str| -> io::Result<()> {
        let mut new = fs::File::create_new(path)?;
        // The servers' secrets move along, so nobody may read the new files who could not read the old one.
        new.set_permissions(permissions.clone())?;
        new.write_all(text.as_bytes())?;
        new.sync_all()
    };
    create(target, &imported.config).with_context(|| format!("cannot write {}", target.display()))?;
    let new = beside(file, ".interlock-new");
    let replaced = backup(file).and_then(|backup| {
        create(&new, &imported.client)
            .and_then(|()| fs::rename(&new, file))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(backup)
    });
    if replaced.is_err() {
        let _ = fs::remove_file(&new);
        let _ = fs::remove_file(target);
    }
    replaced
}

/// Copies the file to `FILE.bak`, or to `FILE.bak2` and so on if there is an older backup.
fn backup(file: &Path) -> anyhow::Result<PathBuf> {
    for count in 1..=99_u8 {
        let suffix = if count == 1 { ".bak".to_owned() } else { format!(".bak{count}") };
        let backup = beside(file, &suffix);
        match fs::File::create_new(&backup) {
            Ok(_) => {
                fs::copy(file, &backup).with_context(|| format!("cannot write {}", backup.display()))?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", backup.display())),
        }
    }
    anyhow::bail!("there are 99 backups beside {} already", file.display())
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    file.with_file_name(name)
}
