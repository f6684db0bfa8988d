//! Which site an account of a statement is on: an actor is site and name, and account 2 here is not account 2 there.

use super::reject::{Reason, Refusal};
use super::spec::SiteFile;

/// A site whose statements a feed accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// As [`place`] writes it.
    home: String,
    /// What stands before the account's name in `users`.
    prefix: String,
}

impl Site {
    /// The home page and the name of an account, where it is one of this site's.
    pub fn account_of<'i>(&self, id: &'i str) -> Option<(&str, &'i str)> {
        id.strip_prefix(self.prefix.as_str()).filter(|name| !name.is_empty()).map(|name| (self.home.as_str(), name))
    }
}

/// The sites a feed declares.
pub(crate) fn declared(written: &[SiteFile], is_xapi: bool) -> Result<Vec<Site>, String> {
    if !written.is_empty() && !is_xapi {
        return Err("sites are of statements: they have no effect without dialect = \"xapi\"".into());
    }
    let mut sites: Vec<Site> = Vec::with_capacity(written.len());
    for site in written {
        let home = place(&site.home_page);
        if home.is_empty() {
            return Err("sites: home_page is empty".into());
        }
        if sites.iter().any(|known| known.home == home) {
            return Err(format!("sites: home_page `{}` stands twice", site.home_page));
        }
        if sites.iter().any(|known| known.prefix == site.prefix) {
            let what = "sites: prefix `{}` stands twice: account 2 of one site would be account 2 of the other";
            return Err(what.replace("{}", &site.prefix));
        }
        sites.push(Site { home, prefix: site.prefix.clone() });
    }
    Ok(sites)
}

/// A home page so that two ways of writing it compare: scheme and host in lower case, no slash at the end.
fn place(home: &str) -> String {
    let home = home.trim().trim_end_matches('/');
    let host = home.find("://").map_or(0, |at| at + 3);
    let end = home[host..].find(['/', '?', '#']).map_or(home.len(), |at| host + at);
    format!("{}{}", home[..end].to_ascii_lowercase(), &home[end..])
}

/// The sites met in one delivery.
#[derive(Debug)]
pub(crate) struct Sites<'a> {
    declared: &'a [Site],
    /// The only home page so far, where none is declared.
    pub only: Option<String>,
}

/// An account under the name that `users` has for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub id: String,
    /// Its site is none the feed declares: the id is nobody's.
    pub is_stranger: bool,
}

impl<'a> Sites<'a> {
    pub fn of(declared: &'a [Site]) -> Sites<'a> {
        Sites { declared, only: None }
    }

    /// Names an account. A mailbox (`home` is `None`) is a site of its own.
    ///
    /// # Errors
    /// No site is declared, and this is the second one in the delivery.
    pub fn name(&mut self, home: Option<&str>, name: String) -> Result<Named, Refusal> {
        let Some(home) = home else { return Ok(Named { id: name, is_stranger: false }) };
        let home = place(home);
        if self.declared.is_empty() {
            match &self.only {
                Some(only) if *only != home => return Err(several()),
                Some(_) => {}
                None => self.only = Some(home),
            }
            return Ok(Named { id: name, is_stranger: false });
        }
        Ok(match self.declared.iter().find(|site| site.home == home) {
            Some(site) => Named { id: format!("{}{name}", site.prefix), is_stranger: false },
            // Site and name, so that two strangers stay two.
            None => Named { id: format!("{home}|{name}"), is_stranger: true },
        })
    }
}

/// The refusal of accounts of several sites where the feed declares none.
pub(crate) fn several() -> Refusal {
    Refusal::new(Reason::SeveralSites, "declare each with `[[sites]]`, home_page and prefix")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(home: &str, prefix: &str) -> SiteFile {
        SiteFile { home_page: home.into(), prefix: prefix.into() }
    }

    #[test]
    fn an_account_carries_the_prefix_of_its_site_and_a_stranger_is_nobody_else() {
        let declared = declared(&[site("https://A.test/lms/", "a:"), site("https://b.test", "")], true).unwrap();
        let mut sites = Sites::of(&declared);
        let mut name = |home: &str| {
            let named = sites.name(Some(home), "2".into()).unwrap();
            (named.id, named.is_stranger)
        };
        assert_eq!(name("https://a.TEST/lms"), ("a:2".into(), false));
        assert_eq!(name("https://a.test/LMS"), ("https://a.test/LMS|2".into(), true), "paths are what they are");
        assert_eq!(name("https://b.test/"), ("2".into(), false));
        assert_eq!(name("https://c.test"), ("https://c.test|2".into(), true));
        assert_eq!(sites.name(None, "ann@x".into()).unwrap().id, "ann@x");
    }

    #[test]
    fn without_declared_sites_one_home_page_is_taken_and_a_second_refuses_naming_the_key() {
        let mut sites = Sites::of(&[]);
        let mut name = |home: Option<&str>| sites.name(home, "2".into()).map(|named| named.id);
        assert_eq!(name(Some("https://a.test")), Ok("2".into()));
        assert_eq!(name(None), Ok("2".into()), "a mailbox is a site of its own");
        assert_eq!(name(Some("https://a.test/")), Ok("2".into()));
        let refusal = name(Some("https://b.test")).unwrap_err();
        assert_eq!(refusal.reason, Reason::SeveralSites);
        assert!(refusal.sentence().contains("[[sites]]"), "{refusal}");
    }

    #[test]
    fn sites_that_would_merge_or_do_nothing_are_an_error() {
        let refused = |sites: &[SiteFile], is_xapi| declared(sites, is_xapi).unwrap_err();
        assert!(refused(&[site("https://a", ""), site("https://b", "")], true).contains("prefix"));
        assert!(refused(&[site("https://a", "a"), site("https://A/", "b")], true).contains("twice"));
        assert!(refused(&[site("https://a", "a")], false).contains("dialect"));
        assert!(refused(&[site(" ", "a")], true).contains("empty"));
    }
}
