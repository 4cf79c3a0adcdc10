//! The customers as they are before anybody changes anything. All of them are invented.

use interlock_plugin::prelude::*;

use crate::status::Status::{self, Active, Closed, PastDue, Suspended, Trial};

use Plan::{Business, Enterprise, Free, Team};

/// What a customer pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Plan {
    /// Everything, with a contract of its own.
    Enterprise,
    /// For companies.
    Business,
    /// For a few people.
    Team,
    /// Nothing.
    Free,
}

impl Plan {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Business => "business",
            Self::Team => "team",
            Self::Free => "free",
        }
    }
}

/// A customer as first recorded.
pub(crate) struct Entry {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) contact: &'static str,
    pub(crate) email: &'static str,
    pub(crate) plan: Plan,
    pub(crate) status: Status,
    /// Ids of services.
    pub(crate) services: &'static [&'static str],
}

const fn entry(
    id: &'static str,
    name: &'static str,
    (contact, email): (&'static str, &'static str),
    plan: Plan,
    status: Status,
    services: &'static [&'static str],
) -> Entry {
    Entry { id, name, contact, email, plan, status, services }
}

/// All customers, by id.
#[rustfmt::skip]
pub(crate) const ROSTER: &[Entry] = &[
    entry("C-1001", "Acorn Analytics", ("Priya Nair", "priya@acorn.example.com"), Enterprise, Active, &["api", "reports", "web-app"]),
    entry("C-1002", "Bluebird Logistics", ("Tom Okafor", "tom.okafor@bluebird.example.com"), Business, Active, &["api", "webhooks"]),
    entry("C-1003", "Bäckerei Grün", ("Jana Grün", "jana@baeckerei-gruen.example.com"), Team, Active, &["web-app"]),
    entry("C-1004", "Cobalt Dental Group", ("Dr Lena Fischer", "it@cobalt-dental.example.com"), Business, PastDue, &["mail", "web-app"]),
    entry("C-1005", "Dune & Partners", ("Omar Haddad", "omar@dune-partners.example.com"), Team, Active, &["reports", "web-app"]),
    entry("C-1006", "Elmwood Schools", ("Ruth Bell", "ruth.bell@elmwood.example.com"), Enterprise, Active, &["mail", "sign-in", "web-app"]),
    entry("C-1007", "Fjord Outfitters", ("Ingrid Solheim", "ingrid@fjord.example.com"), Business, Active, &["api", "mail", "webhooks"]),
    entry("C-1008", "Granite Insurance", ("Marcus Lee", "marcus.lee@granite.example.com"), Enterprise, Active, &["api", "reports", "sign-in"]),
    entry("C-1009", "Harbour Street Books", ("Nell Doyle", "nell@harbour-books.example.com"), Free, Active, &["web-app"]),
    entry("C-1010", "Indigo Robotics", ("Sanjay Rao", "sanjay@indigo.example.com"), Business, Trial, &["api", "webhooks"]),
    entry("C-1011", "Juniper Catering", ("Alba Conti", "alba@juniper.example.com"), Team, PastDue, &["mail"]),
    entry("C-1012", "Kestrel Aviation", ("Greta Lund", "ops@kestrel.example.com"), Enterprise, Active, &["api", "reports", "webhooks"]),
    entry("C-1013", "Lantern Studio", ("Yuki Mori", "yuki@lantern.example.com"), Team, Trial, &["web-app"]),
    entry("C-1014", "Maple Credit Union", ("Andre Silva", "andre.silva@maple-cu.example.com"), Enterprise, Active, &["mail", "reports", "sign-in"]),
    entry("C-1015", "Northwind Bikes", ("Piet Janssen", "piet@northwind-bikes.example.com"), Team, Suspended, &["web-app"]),
    entry("C-1016", "Oak Hill Veterinary", ("Carol Mbeki", "desk@oakhill-vet.example.com"), Free, Active, &["mail"]),
    entry("C-1017", "Pebble Games", ("Chris Park", "chris@pebble.example.com"), Business, Active, &["api", "sign-in"]),
    entry("C-1018", "Quarry Construction", ("Hana Novak", "hana.novak@quarry.example.com"), Business, Suspended, &["reports", "web-app"]),
    entry("C-1019", "Riverside Clinic", ("Samuel Adeyemi", "samuel@riverside-clinic.example.com"), Enterprise, Active, &["sign-in", "web-app"]),
    entry("C-1020", "Saffron Kitchen", ("Meera Iyer", "meera@saffron.example.com"), Free, Trial, &["web-app"]),
    entry("C-1021", "Tidewater Shipping", ("Joao Costa", "joao@tidewater.example.com"), Business, Closed, &["api"]),
    entry("C-1022", "Umber Ceramics", ("Freya Holm", "freya@umber.example.com"), Free, Closed, &["web-app"]),
];
