//! The tests under fire with more of everything than `cargo test` has time for.

use std::{
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};

use crate::{cargo, guests, layout::Layout};

/// One test of the host, and the numbers that it takes.
struct Fire {
    test: &'static str,
    /// Each with what stands for it if it is not given.
    numbers: &'static [(&'static str, u64)],
}

const STRESS: Fire = Fire {
    test: "fire::stress::no_rule_is_broken_and_nothing_is_lost_when_many_processes_and_tasks_come_at_once",
    numbers: &[("processes", 8), ("tasks", 25), ("rounds", 2)],
};
const CRASH: Fire = Fire {
    test: "fire::crash::gateways_that_are_killed_at_any_instant_lose_nothing_and_leave_no_lock_behind",
    numbers: &[("times", 200)],
};
const SOAK: Fire = Fire {
    test: "fire::soak::everything_at_once_breaks_no_rule_loses_nothing_and_lets_nothing_grow",
    numbers: &[("minutes", 30)],
};

/// Many processes and tasks at once.
///
/// # Errors
/// An argument is none of its numbers, or cargo cannot be started.
pub(crate) fn stress(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    run(layout, &STRESS, args)
}

/// Gateways that are killed, again and again.
///
/// # Errors
/// As for [`stress`].
pub(crate) fn crash(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    run(layout, &CRASH, args)
}

/// Everything at once, for minutes.
///
/// # Errors
/// As for [`stress`].
pub(crate) fn soak(layout: &Layout, args: &[String]) -> Result<ExitCode> {
    run(layout, &SOAK, args)
}

fn run(layout: &Layout, fire: &Fire, args: &[String]) -> Result<ExitCode> {
    let mut numbers: Vec<(&str, u64)> = fire.numbers.to_vec();
    // Another one each time; the test prints it, so that it can be had again.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    numbers.push(("seed", u64::from(now.subsec_micros())));
    for pair in args.chunks(2) {
        let name = pair.first().and_then(|arg| arg.strip_prefix("--"));
        let Some((_, number)) = numbers.iter_mut().find(|(known, _)| Some(*known) == name) else {
            let known: Vec<String> = fire.numbers.iter().map(|(name, _)| format!("--{name} N")).collect();
            bail!("it takes {} --seed N; what is `{}`?", known.join(" "), pair.join(" "));
        };
        let given = pair.get(1).with_context(|| format!("`{}` takes a number", pair.join(" ")))?;
        *number = given.parse().with_context(|| format!("`{given}` is not a number"))?;
    }
    guests::build(layout, None)?;
    let mut test = layout.cargo("test");
    test.args(["--package", "interlock-host", "--test", "it", "--", "--exact", "--nocapture", fire.test]);
    for (name, number) in numbers {
        test.env(format!("INTERLOCK_FIRE_{}", name.to_uppercase()), number.to_string());
    }
    cargo::run(&mut test)
}
