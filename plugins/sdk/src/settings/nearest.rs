//! The nearest of some names to one that is not among them, for "did you mean".

/// The candidate with the fewest edits, if that is few enough to be a slip of the keyboard. Of several, one that is made
/// of the same letters: `=<` is rather `<=` than `==`.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    let own = letters(name);
    candidates
        .map(|candidate| (edits(name, candidate), letters(candidate) != own, candidate))
        .filter(|(edits, ..)| *edits <= limit)
        .min_by_key(|(edits, is_other, _)| (*edits, *is_other))
        .map(|(.., candidate)| candidate)
}

/// In an order that does not depend on how they were typed.
fn letters(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters
}

/// Insertions, deletions, replacements and swaps of neighbours that make one text of the other.
fn edits(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let keys = ["tools", "after", "need"];
        assert_eq!(nearest("afer", keys.into_iter()), Some("after"));
        assert_eq!(nearest("tolos", keys.into_iter()), Some("tools"));
        assert_eq!(nearest("before", keys.into_iter()), None);
    }

    #[test]
    fn letters_that_changed_places_are_nearer_than_other_letters() {
        let operators = ["==", "!=", "<", "<=", ">", ">="];
        assert_eq!(nearest("=<", operators.into_iter()), Some("<="));
        assert_eq!(nearest("=>", operators.into_iter()), Some(">="));
        assert_eq!(nearest("=!", operators.into_iter()), Some("!="));
        assert_eq!(nearest("===", operators.into_iter()), Some("=="));
    }
}
