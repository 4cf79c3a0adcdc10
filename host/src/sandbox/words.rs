//! Texts of guests, cut to a length and kept from passing for anything but texts. Pure.

/// Cuts a text at a limit in bytes, between characters.
pub(super) fn cut(mut text: String, most_bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(most_bytes));
    text
}

/// A text as one line of at most so many bytes, for logs and terminals: what would begin a new line, move the cursor or
/// turn the direction of writing is replaced by a space.
pub(super) fn one_line(text: &str, most_bytes: usize) -> String {
    let kept = text.split_at_checked(text.floor_char_boundary(most_bytes)).map_or(text, |(kept, _)| kept);
    kept.chars().map(|c| if deceives(c) { ' ' } else { c }).collect()
}

/// Control characters, line and paragraph separators, and the marks that embed or override a direction (UAX #9).
fn deceives(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cut_text_is_the_longest_beginning_that_fits(text in ".*", most in 0_usize..40) {
            let short = cut(text.clone(), most);
            prop_assert!(text.starts_with(&short) && short.len() <= most.min(text.len()));
            let next = text[short.len()..].chars().next();
            prop_assert!(next.is_none_or(|next| short.len() + next.len_utf8() > most));
        }

        #[test]
        fn one_line_is_one_line_that_moves_nothing(text in "(?s).*", most in 0_usize..400) {
            let line = one_line(&text, most);
            prop_assert!(line.lines().count() <= 1 && !line.chars().any(deceives));
            // Spaces are shorter than some of what they stand for.
            prop_assert!(line.len() <= most && line.chars().count() <= text.chars().count());
            let harmless = !text.chars().any(deceives);
            prop_assert!(!harmless || text.starts_with(&line));
        }
    }
}
