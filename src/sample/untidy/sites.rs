//! The three learning sites of an untidy company, whose account names are numbers that mean somebody else on each of them.

use super::super::accounts::Account;

/// Where an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// The company's own LMS; the only one of a tidy company.
    Main,
    /// The academy in New York, where the people of that place and of London learn.
    Academy,
    /// The LMS of the company that was bought; a few people still hold an account there.
    Norhaven,
}

/// London and New York, whose people learn at the academy: places of [`super::super::names::LOCATIONS`].
const AT_THE_ACADEMY: [usize; 2] = [1, 2];

impl Site {
    pub const ALL: [Site; 3] = [Site::Main, Site::Academy, Site::Norhaven];

    pub fn of_location(location: usize) -> Site {
        if AT_THE_ACADEMY.contains(&location) { Site::Academy } else { Site::Main }
    }

    /// What the hub that collects all accounts puts before a site's own name.
    pub fn prefix(self) -> &'static str {
        match self {
            Site::Main => "",
            Site::Academy => "a:",
            Site::Norhaven => "n:",
        }
    }

    pub fn home_page(self) -> &'static str {
        match self {
            Site::Main => "https://lms.haldenruck.example",
            Site::Academy => "https://academy.haldenruck.example",
            Site::Norhaven => "https://learn.norhaven.example",
        }
    }
}

/// A site that sends statements although nobody has declared it.
pub const STRAY: &str = "https://sandbox.haldenruck.example";

/// Gives accounts their ids.
pub struct Ids {
    untidy: bool,
    /// The last number of each site but the main one.
    last: [u32; 2],
}

impl Ids {
    pub fn new(untidy: bool) -> Ids {
        Ids { untidy, last: [0; 2] }
    }

    /// The id of the account at this place of all: text in a tidy company, else a number behind the site's prefix.
    pub fn next(&mut self, site: Site, place: usize) -> String {
        if !self.untidy {
            return format!("u{}", 10_000 + place);
        }
        let number = match site {
            Site::Main => return (10_000 + place).to_string(),
            Site::Academy => &mut self.last[0],
            Site::Norhaven => &mut self.last[1],
        };
        *number += 1;
        format!("{}{number}", site.prefix())
    }
}

/// The name that the site itself knows the account by.
pub fn name(account: &Account) -> &str {
    account.id.strip_prefix(account.site.prefix()).unwrap_or(&account.id)
}
