//! The proof that a call may be sent, and the only place that makes one.

use super::Sequence;
use crate::call::Call;

/// Proof that this exact call was admitted and that the admission is durable. One permit buys one call.
///
/// It cannot be made, copied or read back anywhere else:
///
/// ```compile_fail,E0451
/// fn forge(call: interlock::call::Call) -> interlock::journal::Permit {
///     interlock::journal::Permit { call, admitted: interlock::journal::Sequence(1) }
/// }
/// ```
#[derive(Debug)]
#[must_use = "dropping a permit means that the call is never made"]
pub struct Permit {
    call: Call,
    admitted: Sequence,
}

impl Permit {
    /// Only the journal calls this, once the admission is durable.
    pub(super) fn new(call: Call, admitted: Sequence) -> Self {
        Self { call, admitted }
    }

    /// The call that was admitted.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Where the admission stands in the journal.
    pub fn admitted(&self) -> Sequence {
        self.admitted
    }
}
