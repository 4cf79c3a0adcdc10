//! A sum of floating-point numbers that does not depend on how it was come by. Pure.

/// A number of about 106 bits, as the sum of two `f64` (Dekker 1971, Knuth's TwoSum).
///
/// A window's sum is the difference of two running totals. In plain `f64` it would depend on everything that came
/// before the window, and a process that has just started would decide otherwise than one that has run for a week.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Total {
    high: f64,
    low: f64,
}

impl Total {
    /// Adds a number.
    #[must_use]
    pub(super) fn plus(self, number: f64) -> Self {
        let (high, rest) = two_sum(self.high, number);
        let (high, low) = two_sum(high, rest + self.low);
        Self { high, low }
    }

    /// Takes an earlier total away.
    pub(super) fn minus(self, earlier: Self) -> f64 {
        let (high, rest) = two_sum(self.high, -earlier.high);
        high + (rest + (self.low - earlier.low))
    }
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    (sum, (a - (sum - b_part)) + (b - b_part))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_windows_sum_does_not_depend_on_what_came_before_it(
            cents in proptest::collection::vec(-1_000_000_i64..1_000_000, 0..200),
            start in 0_usize..200,
        ) {
            let add = |total: Total, cent: &i64| total.plus(*cent as f64 / 100.0);
            let before = cents.iter().take(start).fold(Total::default(), add);
            let after = cents.iter().skip(start).fold(before, add);
            let alone = cents.iter().skip(start).fold(Total::default(), add);
            prop_assert_eq!(after.minus(before), alone.minus(Total::default()));
        }
    }
}
