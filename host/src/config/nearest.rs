//! "Did you mean …?": the known word that a wrong one was probably meant to be.

/// The hint for a word that is none of `known`: the nearest one, or else all of them.
pub(super) fn hint(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}.", list(known, "and")),
    }
}

/// The known word that differs from `word` by at most a third of its letters.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase();
    let most = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|near| (strsim::osa_distance(&word, &near.to_lowercase()), *near))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, near)| near)
}

/// `a`, `b` and `c`.
pub(super) fn list(words: &[&str], joiner: &str) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} {joiner} {last}", before.join(", ")),
        None => "nothing".to_owned(),
    }
}
