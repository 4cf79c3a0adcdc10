//! Makes a plugin's folder: one that builds, tests and passes at once.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Kind, KitError, Language, files};

/// Endings of templates that would be taken for something else where they lie.
const RENAMED: [(&str, &str); 3] =
    [("gitignore", ".gitignore"), ("Cargo.toml.txt", "Cargo.toml"), ("package.json.txt", "package.json")];

/// Makes the folder, which is named after the plugin, and returns its files.
///
/// # Errors
/// If its name is none for a plugin, there is such a folder with something in it, or it cannot be written.
pub fn new(folder: &Path, language: Language, kind: Kind) -> Result<Vec<PathBuf>, KitError> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.chars().all(fits) {
        return Err(KitError::BadName(folder.display().to_string()));
    }
    let told = |path: &Path| {
        let path = path.to_owned();
        move |source| KitError::File { path, source }
    };
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(false) => return Err(KitError::Exists(folder.to_owned())),
        Ok(true) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) if folder.exists() => return Err(KitError::Exists(folder.to_owned())),
        Err(error) => return Err(told(folder)(error)),
    }
    let mut made = Vec::new();
    for (path, text) in contents(name, language, kind) {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(told(folder))?;
        // Never over something that has come to lie there meanwhile.
        let file = fs::File::create_new(&path).map_err(told(&path))?;
        io::Write::write_all(&mut &file, text.as_bytes()).map_err(told(&path))?;
        made.push(path);
    }
    Ok(made)
}

/// What the folder holds: paths below it, and texts.
fn contents(name: &str, language: Language, kind: Kind) -> Vec<(String, String)> {
    let lang = language.word();
    let using = files::text(&format!("templates/{}/use.md", kind.word())).unwrap_or_default();
    let fill = |text: &str| {
        text.replace("{{use}}", using.trim_end())
            .replace("{{name}}", name)
            .replace("{{kind}}", kind.word())
            .replace("{{world}}", kind.world())
    };
    let mut all = Vec::new();
    for folder in [format!("templates/{lang}/"), format!("templates/{lang}-{}/", kind.word())] {
        for (file, text) in files::below(&folder) {
            let renamed = RENAMED.iter().find_map(|(from, to)| (*from == file).then_some(*to));
            all.push((renamed.unwrap_or(file).to_owned(), fill(text)));
        }
    }
    let cases = files::text(&format!("templates/{}/cases.json", kind.word())).unwrap_or_default();
    all.push(("cases.json".to_owned(), cases.to_owned()));
    match language {
        Language::Rust => {
            let sdk = files::below("vendor/").map(|(file, text)| (format!("vendor/{file}"), text.to_owned()));
            // Where the SDK's bindings look for it.
            let wit = files::below("wit/since_v0.1.0/");
            let wit = wit.map(|(file, text)| (format!("wit/since_v0.1.0/{file}"), text.to_owned()));
            all.extend(sdk.chain(wit));
            all.push(("Cargo.lock".to_owned(), files::text("Cargo.lock").unwrap_or_default().to_owned()));
        }
        Language::Python | Language::JavaScript => {
            let kinds = [format!("{lang}/"), format!("{lang}/{}/", kind.word())];
            let helpers = kinds.iter().flat_map(|folder| files::below(folder)).filter(|(file, _)| !file.contains('/'));
            all.extend(helpers.map(|(file, text)| (file.to_owned(), text.to_owned())));
            let world = files::text("templates/plugin.wit").unwrap_or_default();
            all.push(("wit/plugin.wit".to_owned(), fill(world)));
            let wit = files::below("wit/since_v0.1.0/");
            all.extend(wit.map(|(file, text)| (format!("wit/deps/interlock-plugin/{file}"), text.to_owned())));
        }
    }
    all
}
