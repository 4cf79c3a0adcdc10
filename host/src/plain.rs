//! Text in which nothing hides, for whoever reads on a terminal or a page: much of it is strangers' text.

use std::fmt::Write as _;

/// What would not be seen, or would be obeyed, is written out.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '"' | '\'' | '\\' => plain.push(letter),
            // Writing into memory does not fail.
            _ => drop(write!(plain, "{}", letter.escape_debug())),
        }
    }
    plain
}

/// The same, on one line.
pub fn line(text: &str) -> String {
    plain(text).replace('\n', "\\n")
}
