//! What can be said after `interlock approvals`.

use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};

#[derive(Debug, Args)]
pub(in crate::cli) struct Approvals {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<ApprovalsAction>,
}

/// What to do with questions.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ApprovalsAction {
    /// Lists those that wait.
    List {
        /// Also those that were answered or have expired.
        #[arg(long)]
        all: bool,
    },
    /// Shows one, with everything that it would allow.
    Show {
        /// The id of an approval or a batch, or its beginning.
        #[arg(value_parser = NonEmptyStringValueParser::new())]
        id: String,
    },
    /// Allows the one call that was asked about.
    Approve(Answer),
    /// Does not.
    Refuse(Answer),
    /// Lets somebody answer in another's name for a while; without names, lists who may.
    Delegate(Delegate),
    /// Makes a link by which one person comes in to the page, once.
    Link,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Delegate {
    /// Whose roles.
    #[arg(long, value_name = "NAME", requires = "to")]
    pub(in crate::cli) from: Option<String>,
    /// Who may answer for them.
    #[arg(long, value_name = "NAME", requires_all = ["from", "minutes"])]
    pub(in crate::cli) to: Option<String>,
    /// Which role; may be given several times. Those of the valid keys of that name, unless given.
    #[arg(long = "role", value_name = "ROLE", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) roles: Vec<String>,
    /// For how long.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=43_200))]
    pub(in crate::cli) minutes: Option<u32>,
    /// Why, for the journal.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: Option<String>,
    /// Ends a delegation, at once: its id, or the beginning of it.
    #[arg(
        long, value_name = "ID", value_parser = NonEmptyStringValueParser::new(),
        conflicts_with_all = ["from", "to", "roles", "minutes"],
    )]
    pub(in crate::cli) end: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Answer {
    /// The id of an approval or a batch, or its beginning.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) id: String,
    /// Who answers; the name of the user of this machine unless given.
    #[arg(long = "as", value_name = "NAME")]
    pub(in crate::cli) approver: Option<String>,
    /// In which role; may be given several times.
    #[arg(long = "role", value_name = "ROLE", value_parser = NonEmptyStringValueParser::new())]
    pub(in crate::cli) roles: Vec<String>,
    /// Why; for the journal and for the AI app.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: Option<String>,
    /// Only if this is still the digest that `show` has told of it.
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) seen: Option<String>,
}
