//! The `format`s of strings that settings may name in their schema; each is checked with the rest of the schema.

use crate::{Code, Pattern, Pointer, moment};

/// RFC 6901.
pub const POINTER: &str = "json-pointer";
/// A glob over `server/tool`.
pub const PATTERN: &str = "tool-pattern";
/// Lower case letters, digits and underscores, at most 64.
pub const CODE: &str = "refusal-code";
/// `HH:MM`, up to `24:00`.
pub const TIME_OF_DAY: &str = "time-of-day";
/// `Z`, `+HH:MM` or `-HH:MM`.
pub const UTC_OFFSET: &str = "utc-offset";

/// What is wrong with a string of that format, if anything. Formats that are not named above fit every string.
pub(super) fn mistake(format: &str, text: &str) -> Option<String> {
    match format {
        POINTER => Pointer::parse(text).err(),
        PATTERN => Pattern::parse(text).err(),
        CODE => Code::parse(text).err(),
        TIME_OF_DAY => moment::TimeOfDay::parse(text).err(),
        UTC_OFFSET => moment::UtcOffset::parse(text).err(),
        _ => None,
    }
}
