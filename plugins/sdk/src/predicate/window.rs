//! Spans of the day and the week in a fixed offset from UTC.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Unmet;
use crate::moment::{DAY_MS, MINUTE_MS, TimeOfDay, UtcOffset, Weekday, rfc3339};
use crate::{Problem, Unlock, pointer};

/// A span that comes again each day or each week.
///
/// `from` belongs to it, `to` does not. Where `to` is earlier than `from`, the span ends on the next day; its day is
/// the one on which it began.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct Window {
    /// The days on which it begins; every day if left out.
    #[schemars(length(min = 1))]
    pub days: Option<Vec<Weekday>>,
    /// `HH:MM`; midnight if left out.
    pub from: Option<TimeOfDay>,
    /// `HH:MM`, up to `24:00`; the end of the day if left out.
    pub to: Option<TimeOfDay>,
    /// `+01:00`, `-05:30` or `Z`; UTC if left out.
    #[serde(default)]
    pub utc_offset: UtcOffset,
}

impl Window {
    fn begins(&self) -> u64 {
        self.from.map_or(0, TimeOfDay::minutes) * MINUTE_MS
    }

    fn ends(&self) -> u64 {
        self.to.map_or(DAY_MS, |to| to.minutes() * MINUTE_MS)
    }

    fn has(&self, day: u64) -> bool {
        self.days.as_ref().is_none_or(|days| days.contains(&Weekday::of_day(day)))
    }

    /// Whether a moment is within it.
    pub fn contains(&self, moment: u64) -> bool {
        let local = self.utc_offset.local(moment);
        let (day, time) = (local / DAY_MS, local % DAY_MS);
        let (begins, ends) = (self.begins(), self.ends());
        if begins < ends {
            return self.has(day) && begins <= time && time < ends;
        }
        // The epoch's own week began before it, hence the 7.
        (self.has(day) && begins <= time) || (self.has(day + 7 - 1) && time < ends)
    }

    /// The next moment after `moment` at which it begins (`within`) or has ended; none if that never comes.
    fn next(&self, within: bool, moment: u64) -> Option<u64> {
        let today = self.utc_offset.local(moment) / DAY_MS;
        // Eight days: a window of one weekday that has just ended comes again in a week.
        let edges = (today..=today + 8).flat_map(|day| [0, self.begins(), self.ends()].map(|time| day * DAY_MS + time));
        edges
            .map(|local| self.utc_offset.moment(local))
            .filter(|edge| *edge > moment && self.contains(*edge) == within)
            .min()
    }

    pub(super) fn other_than(&self, wanted: bool, moment: u64) -> Option<Unmet> {
        if self.contains(moment) == wanted {
            return None;
        }
        let must = if wanted { "outside the permitted time" } else { "within a time that is not permitted" };
        let next = self.next(wanted, moment);
        let until = next.map(|next| format!("; it is permitted from {}", rfc3339(next))).unwrap_or_default();
        let why = format!("it is {}, {must} ({self}){until}", rfc3339(moment));
        Some(Unmet { why: vec![why], unlocks: next.map(|next| vec![Unlock::After(next)]) })
    }

    pub(super) fn problem(&self, at: &str) -> Option<Problem> {
        let empty = self.begins() == self.ends() || self.begins() == DAY_MS;
        let message = "the span is empty: `from` and `to` must differ, and `from` be before `24:00`";
        empty.then(|| Problem::new(pointer::join(at, "from"), message))
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(days) = &self.days {
            for (index, day) in days.iter().enumerate() {
                write!(f, "{}{day}", if index == 0 { "" } else { ", " })?;
            }
            f.write_str(" ")?;
        }
        let (from, to) = (self.begins() / MINUTE_MS, self.ends() / MINUTE_MS);
        write!(f, "{:02}:{:02}-{:02}:{:02} UTC{}", from / 60, from % 60, to / 60, to % 60, self.utc_offset)
    }
}
