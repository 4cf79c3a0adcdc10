//! What is known of each call by the number that its client gave it: a byte each, however long it takes.

use std::sync::Mutex;

/// What may be known of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fact {
    /// The journal says that it may be sent.
    Admitted = 1,
    /// It reached its server, by the server's own record.
    Arrived = 2,
    /// The journal says that it was done.
    Succeeded = 4,
    /// The journal says how it ended, or that nobody knows.
    Ended = 8,
    /// The caller was given its result.
    ToldDone = 16,
    /// The caller was told that nothing was sent.
    ToldRefused = 32,
}

/// All calls that were ever made.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Vec<u8>>);

impl Tokens {
    /// A number for a call to be made.
    pub(super) fn next(&self) -> u64 {
        let mut all = self.0.lock().unwrap();
        all.push(0);
        all.len() as u64 - 1
    }

    /// How many calls were made.
    pub(super) fn made(&self) -> u64 {
        self.0.lock().unwrap().len() as u64
    }

    /// Puts a fact down. Whether it is new.
    pub(super) fn note(&self, token: u64, fact: Fact) -> bool {
        let mut all = self.0.lock().unwrap();
        let known = all.get_mut(usize::try_from(token).unwrap()).expect("nobody has made such a call");
        let new = *known & fact as u8 == 0;
        *known |= fact as u8;
        new
    }

    /// How many there are of which a fact is known.
    pub(super) fn number(&self, fact: Fact) -> usize {
        self.0.lock().unwrap().iter().filter(|known| **known & fact as u8 != 0).count()
    }

    /// Holds the servers' records, the journal and what callers were told against each other, after everything is over.
    pub(super) fn compare(&self) {
        for (token, known) in self.0.lock().unwrap().iter().enumerate() {
            let is = |fact: Fact| known & fact as u8 != 0;
            let wrong = [
                (is(Fact::Arrived) && !is(Fact::Admitted), "reached a server and is not in the journal"),
                (is(Fact::Succeeded) && !is(Fact::Arrived), "succeeded without its server"),
                (is(Fact::Admitted) && !is(Fact::Ended), "is open at the end"),
                (is(Fact::ToldDone) && !is(Fact::Succeeded), "was answered and did not succeed"),
                (is(Fact::ToldRefused) && is(Fact::Arrived), "was refused and reached its server"),
            ];
            if let Some((_, what)) = wrong.iter().find(|(wrong, _)| *wrong) {
                panic!("the call with token {token} {what}");
            }
        }
    }
}

#[test]
fn what_ought_not_to_be_known_of_one_call_is_found() {
    let compared = |facts: &[Fact]| {
        let tokens = Tokens::default();
        let token = tokens.next();
        facts.iter().for_each(|fact| assert!(tokens.note(token, *fact)));
        std::panic::catch_unwind(|| tokens.compare()).is_ok()
    };
    use Fact::{Admitted, Arrived, Ended, Succeeded, ToldDone, ToldRefused};
    assert!(compared(&[]));
    assert!(compared(&[ToldRefused]));
    assert!(compared(&[Admitted, Ended]), "of unknown outcome");
    assert!(compared(&[Admitted, Arrived, Succeeded, Ended, ToldDone]));
    assert!(!compared(&[Arrived]));
    assert!(!compared(&[Admitted, Arrived]));
    assert!(!compared(&[Admitted, Ended, Succeeded]));
    assert!(!compared(&[Admitted, Arrived, Ended, ToldDone]));
    assert!(!compared(&[Admitted, Arrived, Ended, ToldRefused]));
}
