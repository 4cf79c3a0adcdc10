//! Questions about history that are too many, too long, or about nothing.

use std::hint::black_box;

use interlock_plugin::Equal;
use interlock_plugin::prelude::*;

use crate::how::How;

/// Asks as it is told to. Returns what the policy then says.
pub fn ask(how: How, host: &dyn Host) -> Verdict {
    match how {
        How::ManyQuestions => (0..10_000).for_each(|nth| {
            black_box(host.count(&format!("shop/tool_{nth}"), None, 0));
        }),
        How::LongQuestion => {
            black_box(host.count(&"*a".repeat(256 << 10), None, 0));
        }
        How::WideQuestion => {
            black_box(host.matching("**", None, &vec![equal("/a", "1"); 10_000], 1));
        }
        How::BadQuestion => {
            black_box(host.matching("**", None, &[equal("/a", "{\"half\": ")], 1));
        }
        How::OddQuestions => odd(host),
        How::GreedyQuestions => {
            let most = host.recent("**", u32::MAX).len().max(host.matching("**", None, &[], u32::MAX).len());
            if most > 256 || !host.recent("**", 0).is_empty() {
                return Refusal::new("told_to", format!("It gave {most} calls.")).into();
            }
        }
        _ => {}
    }
    Verdict::Allow
}

/// None of these means anything; none may do any harm.
fn odd(host: &dyn Host) {
    for tool in ["", "/", "***", "*****/*****", "[a-", "\\", "a\0b", "\u{202e}", "'; --", "%", "shop/*"] {
        for outcome in [None, Some(""), Some("running"), Some("nonsense"), Some("'")] {
            black_box(host.latest(tool, outcome));
            black_box(host.count(tool, outcome, 0));
            black_box(host.count(tool, outcome, u64::MAX));
            for pointer in ["", "/", "a", "/a/b/0", "//", "/~2", "/'", "/\"", "/$.x[0]", "/99999999999999999999"] {
                black_box(host.matching(tool, outcome, &[equal(pointer, "null"), equal(pointer, "[{}]")], 3));
            }
        }
        black_box(host.running(tool));
        for pointer in ["", "/", "a", "/amount/deeper", "/text", "/~", "/'"] {
            for since in [0, 1, u64::MAX] {
                // There are no numbers there, so there is nothing to add up.
                let sum = host.sum(tool, pointer, since);
                assert!(sum == 0.0, "{tool} {pointer} {since}: {sum}");
            }
        }
    }
}

fn equal(pointer: &str, value: &str) -> Equal {
    Equal { pointer: pointer.to_owned(), value: value.to_owned() }
}
