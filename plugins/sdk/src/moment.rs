//! Moments as milliseconds since the Unix epoch, clock times, weekdays and offsets: a plugin has no clock of its own.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error};

use crate::settings::formats;

/// Milliseconds in a minute.
pub const MINUTE_MS: u64 = 60_000;
/// Milliseconds in a day.
pub const DAY_MS: u64 = 1440 * MINUTE_MS;

/// A moment as RFC 3339 in UTC, seconds rounded up: `2026-01-05T09:00:00Z`.
pub fn rfc3339(moment: u64) -> String {
    let seconds = moment.div_ceil(1000);
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A span in words: `45 seconds`, `10 minutes`, `24 hours`.
pub fn span(milliseconds: u64) -> String {
    let seconds = milliseconds.div_ceil(1000);
    let (number, unit) = match seconds {
        s if s >= 7200 && s % 3600 == 0 => (s / 3600, "hour"),
        s if s >= 60 && s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// Year, month and day of a day since the epoch, in the proleptic Gregorian calendar (Hinnant, "chrono-compatible
/// low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    const ALL: [Self; 7] = [Self::Thu, Self::Fri, Self::Sat, Self::Sun, Self::Mon, Self::Tue, Self::Wed];

    /// The weekday of a day since the epoch, which was a Thursday.
    pub fn of_day(day: u64) -> Self {
        Self::ALL[(day % 7) as usize]
    }
}

impl std::fmt::Display for Weekday {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        })
    }
}

/// A time of day to the minute, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Reads `HH:MM`.
    ///
    /// # Errors
    /// Says what is wrong with the text and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        match hours_and_minutes(text) {
            Some(minutes) if minutes <= 1440 => Ok(Self(minutes)),
            _ => Err(format!("`{text}` is no time of day: write `HH:MM`, from `00:00` to `24:00`")),
        }
    }

    /// Minutes since midnight.
    pub fn minutes(self) -> u64 {
        u64::from(self.0)
    }
}

/// How far local time is ahead of UTC, in minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UtcOffset(i16);

impl UtcOffset {
    /// Reads `Z`, `+HH:MM` or `-HH:MM`, up to 14 hours.
    ///
    /// # Errors
    /// Says what is wrong with the text and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no offset from UTC: write `+01:00`, `-05:30` or `Z`, up to 14 hours");
        if text == "Z" {
            return Ok(Self(0));
        }
        let (sign, rest) = match text.split_at_checked(1) {
            Some(("+", rest)) => (1, rest),
            Some(("-", rest)) => (-1, rest),
            _ => return Err(wrong()),
        };
        let minutes = hours_and_minutes(rest).filter(|minutes| *minutes <= 14 * 60).ok_or_else(wrong)?;
        i16::try_from(minutes).map(|minutes| Self(sign * minutes)).map_err(|_| wrong())
    }

    /// The local clock's reading at a moment, as if it were UTC.
    pub fn local(self, moment: u64) -> u64 {
        moment.saturating_add_signed(i64::from(self.0) * MINUTE_MS as i64)
    }

    /// The moment at which the local clock reads so.
    pub fn moment(self, local: u64) -> u64 {
        local.saturating_add_signed(-i64::from(self.0) * MINUTE_MS as i64)
    }
}

impl std::fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", self.0.abs() / 60, self.0.abs() % 60)
    }
}

fn hours_and_minutes(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str| {
        let right = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if right { digits.parse::<u16>().ok() } else { None }
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

macro_rules! text_setting {
    ($name:ident, $format:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}

text_setting!(TimeOfDay, formats::TIME_OF_DAY);
text_setting!(UtcOffset, formats::UTC_OFFSET);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_as_dates_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_709_164_800_000), "2024-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_767_603_599_001), "2026-01-05T09:00:00Z");
        assert_eq!(Weekday::of_day(1_767_603_600_000 / DAY_MS), Weekday::Mon);
    }

    #[test]
    fn clock_times_and_offsets_say_how_to_be_right() {
        assert_eq!(TimeOfDay::parse("24:00").unwrap().minutes(), 1440);
        for wrong in ["9:00", "24:01", "12:60", "noon", ""] {
            assert!(TimeOfDay::parse(wrong).unwrap_err().contains("HH:MM"), "{wrong}");
        }
        assert_eq!(UtcOffset::parse("-05:30").unwrap().moment(0), 330 * MINUTE_MS);
        assert_eq!(UtcOffset::parse("+01:00").unwrap().local(0), 60 * MINUTE_MS);
        for wrong in ["01:00", "+1", "+15:00", "CET", "", "é"] {
            assert!(UtcOffset::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_read_as_people_say_them() {
        assert_eq!(span(1), "1 second");
        assert_eq!(span(90_000), "90 seconds");
        assert_eq!(span(600_000), "10 minutes");
        assert_eq!(span(3_600_000), "60 minutes");
        assert_eq!(span(DAY_MS), "24 hours");
    }
}
