//! Which worker an LMS account is, on which day.
//!
//! An `identity_links` row valid on the day; else the employee number; else the e-mail. What is ambiguous or missing stays
//! unmatched with its reason, and is counted: never guessed, never dropped.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::columns::{Text, bools, dates};
use super::history::People;
use crate::contract::arrow::DELETED;
use crate::period::{Day, OPEN_END};

/// Why an account is nobody we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unmatched {
    /// Activity of a user id that no account list and no link names.
    NoAccount,
    /// The account carries neither an employee number nor an e-mail that HRIS knows.
    NoWorker,
    /// Several workers carry the account's number, address or link on that day.
    Ambiguous,
    /// A link names a worker that HRIS does not.
    LinkToNobody,
}

impl Unmatched {
    pub const ALL: [Unmatched; 4] =
        [Unmatched::NoAccount, Unmatched::NoWorker, Unmatched::Ambiguous, Unmatched::LinkToNobody];

    pub fn code(self) -> &'static str {
        match self {
            Unmatched::NoAccount => "no_account",
            Unmatched::NoWorker => "no_worker",
            Unmatched::Ambiguous => "ambiguous",
            Unmatched::LinkToNobody => "link_to_nobody",
        }
    }

    pub fn sentence(self) -> &'static str {
        match self {
            Unmatched::NoAccount => "activity names a user that neither users nor identity_links know",
            Unmatched::NoWorker => "the account has no employee number or e-mail that any worker has",
            Unmatched::Ambiguous => "several workers share the account's link, employee number or e-mail on that day",
            Unmatched::LinkToNobody => "identity_links names a worker that HRIS does not know",
        }
    }
}

/// Who an account is on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A code of [`People::workers`].
    Worker(u32),
    Unmatched(Unmatched),
    /// A test or external account: it never counts, not even as unmatched.
    Excluded,
}

/// A run of days `[from, to)` on which an account is the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Day,
    pub to: Day,
    pub who: Who,
}

/// All accounts with their spans: ascending and without gaps, so every day has an answer.
#[derive(Debug, Default, Clone)]
pub struct Identity {
    spans: HashMap<String, Vec<Span>>,
}

const ALWAYS: (Day, Day) = (Day::MIN, OPEN_END);
const NO_ACCOUNT: Who = Who::Unmatched(Unmatched::NoAccount);

/// A worker's row as a candidate: (from, to, worker).
type Candidates = HashMap<String, Vec<(Day, Day, u32)>>;

/// The candidates by number and by e-mail, the stronger first.
type Found<'a> = [Option<&'a Vec<(Day, Day, u32)>>];

impl Identity {
    /// Builds the spans from the live rows of `users`, `identity_links` and `workers`.
    pub fn build(users: &[RecordBatch], links: &[RecordBatch], workers: &[RecordBatch], people: &People) -> Identity {
        let by_number = candidates(workers, "employee_no", people);
        let by_email = candidates(workers, "email", people);
        let mut linked: BTreeMap<String, Vec<(Day, Day, Option<u32>)>> = BTreeMap::new();
        for batch in links {
            let (user, worker) = (Text::of(batch, "source_user_id"), Text::of(batch, "worker_id"));
            let (from, to, deleted) = (dates(batch, "valid_from"), dates(batch, "valid_to"), bools(batch, DELETED));
            for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
                let (Some(user), Some(worker)) = (user.get(i), worker.get(i)) else { continue };
                let span = (from(i).unwrap_or(Day::MIN), to(i).unwrap_or(OPEN_END), people.code(worker));
                linked.entry(user.to_owned()).or_default().push(span);
            }
        }
        let mut identity = Identity::default();
        for batch in users {
            let (user, kind) = (Text::of(batch, "user_id"), Text::of(batch, "kind"));
            let (number, email) = (Text::of(batch, "employee_no"), Text::of(batch, "email"));
            let deleted = bools(batch, DELETED);
            for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
                let Some(user) = user.get(i) else { continue };
                let spans = if matches!(kind.get(i), Some("test" | "external")) {
                    vec![Span { from: ALWAYS.0, to: ALWAYS.1, who: Who::Excluded }]
                } else {
                    let links = linked.remove(user).unwrap_or_default();
                    let numbered = number.get(i).and_then(|number| by_number.get(number));
                    let mailed = email.get(i).and_then(|email| by_email.get(email));
                    spans(&links, &[numbered, mailed], Who::Unmatched(Unmatched::NoWorker))
                };
                identity.spans.insert(user.to_owned(), spans);
            }
        }
        for (user, links) in linked {
            let spans = spans(&links, &[], NO_ACCOUNT);
            identity.spans.insert(user, spans);
        }
        identity
    }

    pub fn who(&self, user: &str, day: Day) -> Who {
        self.account(user).who(day)
    }

    /// One account over all days, to be asked about several of them.
    pub fn account(&self, user: &str) -> Account<'_> {
        Account(self.spans.get(user).map_or(&[], Vec::as_slice))
    }

    /// The accounts that are somebody else than before on some day, with the worker ids compared, not their codes.
    pub fn changed(&self, people: &People, before: &Identity, people_before: &People) -> BTreeSet<String> {
        let named = |spans: Option<&Vec<Span>>, people: &People| -> Vec<(Day, Day, Option<String>, bool)> {
            let none = vec![Span { from: ALWAYS.0, to: ALWAYS.1, who: NO_ACCOUNT }];
            let spans = spans.unwrap_or(&none);
            let name = |who: Who| match who {
                Who::Worker(code) => people.workers.get(code as usize).cloned(),
                _ => None,
            };
            spans.iter().map(|span| (span.from, span.to, name(span.who), span.who == Who::Excluded)).collect()
        };
        let users = self.spans.keys().chain(before.spans.keys());
        users
            .filter(|user| named(self.spans.get(*user), people) != named(before.spans.get(*user), people_before))
            .cloned()
            .collect()
    }

    /// Accounts by what they are on a day: matched, and unmatched by reason.
    pub fn count(&self, day: Day) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for user in self.spans.keys() {
            let code = match self.who(user, day) {
                Who::Worker(_) => "matched",
                Who::Unmatched(reason) => reason.code(),
                Who::Excluded => "excluded",
            };
            *counts.entry(code).or_default() += 1;
        }
        counts
    }
}

/// Who an account is, over all days; of an account that nobody knows, nobody.
#[derive(Clone, Copy)]
pub struct Account<'a>(&'a [Span]);

impl Account<'_> {
    pub fn who(self, day: Day) -> Who {
        let at = self.0.partition_point(|span| span.to <= day);
        self.0.get(at).map_or(NO_ACCOUNT, |span| span.who)
    }
}

/// Worker rows by a column's value.
fn candidates(workers: &[RecordBatch], column: &str, people: &People) -> Candidates {
    let mut found = Candidates::new();
    for batch in workers {
        let (value, worker) = (Text::of(batch, column), Text::of(batch, "worker_id"));
        let (from, to, deleted) = (dates(batch, "effective_from"), dates(batch, "effective_to"), bools(batch, DELETED));
        for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
            let (Some(value), Some(code)) = (value.get(i), worker.get(i).and_then(|id| people.code(id))) else {
                continue;
            };
            let row = (from(i).unwrap_or(Day::MIN), to(i).unwrap_or(OPEN_END), code);
            found.entry_ref(value).or_default().push(row);
        }
    }
    found
}

/// Cuts time wherever a link or an ambiguous candidate begins or ends, and asks each piece for its answer.
fn spans(links: &[(Day, Day, Option<u32>)], candidates: &Found<'_>, nobody: Who) -> Vec<Span> {
    let mut cuts = BTreeSet::from([ALWAYS.0, ALWAYS.1]);
    cuts.extend(links.iter().flat_map(|(from, to, _)| [*from, *to]));
    for rows in candidates.iter().flatten() {
        if distinct(rows.iter().map(|row| row.2)).is_none() {
            cuts.extend(rows.iter().flat_map(|(from, to, _)| [*from, *to]));
        }
    }
    let cuts: Vec<Day> = cuts.into_iter().collect();
    let mut spans: Vec<Span> = Vec::new();
    for pair in cuts.windows(2) {
        let who = on(pair[0], links, candidates, nobody);
        match spans.last_mut() {
            Some(last) if last.who == who => last.to = pair[1],
            _ => spans.push(Span { from: pair[0], to: pair[1], who }),
        }
    }
    spans
}

fn on(day: Day, links: &[(Day, Day, Option<u32>)], candidates: &Found<'_>, nobody: Who) -> Who {
    let valid: BTreeSet<Option<u32>> =
        links.iter().filter(|(from, to, _)| (*from..*to).contains(&day)).map(|link| link.2).collect();
    match (valid.len(), valid.first()) {
        (0, _) => {}
        (1, Some(Some(worker))) => return Who::Worker(*worker),
        (1, _) => return Who::Unmatched(Unmatched::LinkToNobody),
        _ => return Who::Unmatched(Unmatched::Ambiguous),
    }
    if let Some(rows) = candidates.iter().flatten().next() {
        // One worker has the value, whenever it was: numbers and addresses outlive employments.
        if let Some(worker) = distinct(rows.iter().map(|row| row.2)) {
            return Who::Worker(worker);
        }
        // Several had it (a reused number): the one whose row holds on the day.
        let now = rows.iter().filter(|(from, to, _)| (*from..*to).contains(&day)).map(|row| row.2);
        return distinct(now).map_or(Who::Unmatched(Unmatched::Ambiguous), Who::Worker);
    }
    nobody
}

/// The only value of a sequence, if there is exactly one.
fn distinct(mut values: impl Iterator<Item = u32>) -> Option<u32> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::super::history::Eligibility;
    use super::*;

    const WORKERS: &str = "
        worker_id effective_from effective_to status employee_no email
        w1 2020-01-01 - active n1 one@x
        w2 2020-01-01 - active n2 two@x
        w3 2020-01-01 2025-03-01 active n3 -
        w4 2025-03-01 - active n3 -";

    fn told(users: &str, links: &str) -> (Identity, People) {
        let workers = [rows("workers", WORKERS)];
        let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
        let people = People::build(&workers, &rule);
        let users = rows("users", &format!("user_id employee_no email kind _deleted\n{users}"));
        let links =
            rows("identity_links", &format!("source source_user_id worker_id valid_from valid_to _deleted\n{links}"));
        (Identity::build(&[users], &[links], &workers, &people), people)
    }

    /// Who accounts are on a day, as worker ids or reasons.
    fn who<const N: usize>(told: &(Identity, People), on: &str, users: [&str; N]) -> [String; N] {
        users.map(|user| match told.0.who(user, day(on)) {
            Who::Worker(code) => told.1.workers[code as usize].clone(),
            Who::Unmatched(reason) => reason.code().to_owned(),
            Who::Excluded => "excluded".to_owned(),
        })
    }

    #[test]
    fn the_number_speaks_before_the_address_and_accounts_that_never_count_are_excluded() {
        let told = told(
            "u1 n1 two@x learner false
             u2 - two@x - false
             u3 n9 nobody@x learner false
             u4 n1 - test false
             u5 n1 - external false
             u6 n1 - learner true",
            "",
        );
        assert_eq!(
            who(&told, "2025-06-01", ["u1", "u2", "u3", "u4", "u5", "u6", "u7"]),
            ["w1", "w2", "no_worker", "excluded", "excluded", "no_account", "no_account"]
        );
    }

    #[test]
    fn a_link_holds_from_its_first_day_to_the_day_before_its_end_and_speaks_before_the_account() {
        let told = told(
            "u1 n1 - learner false",
            "lms u1 w2 2025-03-10 2025-03-24 false
             lms u8 w9 - - false
             lms u9 w2 - - true",
        );
        let on = |day: &str| who(&told, day, ["u1"])[0].clone();
        assert_eq!(["2025-03-09", "2025-03-10", "2025-03-23", "2025-03-24"].map(on), ["w1", "w2", "w2", "w1"]);
        assert_eq!(who(&told, "2025-03-12", ["u8", "u9"]), ["link_to_nobody", "no_account"]);
    }

    #[test]
    fn a_number_given_to_another_worker_is_whose_row_holds_on_the_day() {
        let told = told("u1 n3 - learner false", "");
        let on = |day: &str| who(&told, day, ["u1"])[0].clone();
        assert_eq!(["2025-02-28", "2025-03-01", "2019-12-31"].map(on), ["w3", "w4", "ambiguous"]);
    }

    #[test]
    fn an_account_has_changed_when_it_is_somebody_else_or_stops_to_count() {
        let before = told("u1 n1 - learner false\n u2 n2 - learner false\n u3 n9 - learner false", "");
        let changed = |users: &str, links: &str| -> Vec<String> {
            let now = told(users, links);
            now.0.changed(&now.1, &before.0, &before.1).into_iter().collect()
        };
        let same = "u1 n1 - learner false\n u2 n2 - learner false\n u3 n9 - learner false";
        assert_eq!(changed(same, ""), Vec::<String>::new());
        assert_eq!(changed(&same.replace("u1 n1", "u1 n2"), ""), ["u1"]);
        assert_eq!(changed(&same.replace("n9 - learner", "n9 - test"), ""), ["u3"], "nobody known, then nobody at all");
        assert_eq!(changed(same, "lms u2 w1 2025-03-10 - false"), ["u2"]);
        assert_eq!(changed("u1 n1 - learner false\n u3 n9 - learner false", ""), ["u2"]);
    }
}
