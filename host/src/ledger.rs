//! What has happened, per scope: a fold of the journal that policies look at.
