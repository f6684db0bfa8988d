//! Which worker an LMS account is, on which day.
//!
//! An `identity_links` row valid on the day; else the employee number; else the e-mail: of the workers who carry it the one employed
//! on that day. What is ambiguous or missing stays unmatched with its reason, and is counted: never guessed, never dropped.
//!
//! The past does not hang on today's list of accounts: a row that a full snapshot no longer holds says who the account was until
//! then.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::columns::{Text, bools, dates};
use super::history::People;
use crate::contract::arrow::{DELETED, HELD_FROM, HELD_TO};
use crate::period::{Day, OPEN_END};

/// Why an account is nobody we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unmatched {
    /// Activity of a user id that no account list and no link names.
    NoAccount,
    /// The account carries neither an employee number nor an e-mail that HRIS knows.
    NoWorker,
    /// Several workers employed on that day carry the account's number or address, or links of several systems hold.
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
            Unmatched::NoAccount => "neither users nor identity_links hold the account on that day",
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
const NO_WORKER: Who = Who::Unmatched(Unmatched::NoWorker);
const AMBIGUOUS: Who = Who::Unmatched(Unmatched::Ambiguous);

/// A worker's row as a candidate: (from, to, worker).
type Candidate = (Day, Day, u32);
/// Candidates by the value they carry.
type Candidates = HashMap<String, Vec<Candidate>>;

/// A decided match: the worker, where HRIS knows it, and the days on which the link holds.
struct Link<'a> {
    from: Day,
    to: Day,
    worker: Option<u32>,
    source: &'a str,
    /// When it left its source's list; of two links of one source that hold on a day the one still listed speaks, then the one
    /// that began later.
    gone: Day,
}

/// What the account list said of an account on the days `[from, to)`.
struct Version<'a> {
    from: Day,
    to: Day,
    /// The kind is one that never counts.
    excluded: bool,
    /// Workers with its employee number, then those with its e-mail.
    candidates: [&'a [Candidate]; 2],
}

impl Identity {
    /// Builds the spans from the rows of `users`, `identity_links` and `workers`: live ones, and those that a full snapshot no
    /// longer holds, which say who an account was until then.
    pub fn build(users: &[RecordBatch], links: &[RecordBatch], workers: &[RecordBatch], people: &People) -> Identity {
        let by_number = candidates(workers, "employee_no", people);
        let by_email = candidates(workers, "email", people);
        let mut linked = linked(links, people);
        let mut versions: HashMap<&str, Vec<Version<'_>>> = HashMap::new();
        for batch in users {
            let (user, kind) = (Text::of(batch, "user_id"), Text::of(batch, "kind"));
            let (number, email) = (Text::of(batch, "employee_no"), Text::of(batch, "email"));
            let held = held(batch);
            for i in 0..batch.num_rows() {
                let (Some(user), Some((from, to))) = (user.get(i), held(i)) else { continue };
                let with = |value: Option<&str>, candidates| value.map_or(&[][..], |value| having(candidates, value));
                let version = Version {
                    from,
                    to,
                    excluded: matches!(kind.get(i), Some("test" | "external")),
                    candidates: [with(number.get(i), &by_number), with(email.get(i), &by_email)],
                };
                versions.entry(user).or_default().push(version);
            }
        }
        let mut identity = Identity::default();
        for (user, mut versions) in versions {
            versions.sort_by_key(|version| (version.to, version.from));
            // What an account is for is no matter of days: what the list said last holds for all of them.
            let spans = if versions.last().is_some_and(|last| last.excluded) {
                vec![Span { from: ALWAYS.0, to: ALWAYS.1, who: Who::Excluded }]
            } else {
                spans(&linked.remove(user).unwrap_or_default(), &versions, people)
            };
            identity.spans.insert(user.to_owned(), spans);
        }
        for (user, links) in linked {
            identity.spans.insert(user.to_owned(), spans(&links, &[], people));
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

    /// The accounts that are somebody else than before, or unmatched for another reason, with the days `[from, to)` between which
    /// that is so. Worker ids are compared, not their codes.
    pub fn changed(&self, people: &People, before: &Identity, people_before: &People) -> BTreeMap<String, (Day, Day)> {
        fn named(who: Who, people: &People) -> (Option<&str>, &'static str) {
            match who {
                Who::Worker(code) => (people.workers.get(code as usize).map(String::as_str), ""),
                Who::Unmatched(reason) => (None, reason.code()),
                Who::Excluded => (None, "excluded"),
            }
        }
        let mut changed = BTreeMap::new();
        for user in self.spans.keys().chain(before.spans.keys().filter(|user| !self.spans.contains_key(*user))) {
            let (now, was) = (self.account(user), before.account(user));
            let cuts: BTreeSet<Day> = now.0.iter().chain(was.0).flat_map(|span| [span.from, span.to]).collect();
            let cuts: Vec<Day> = cuts.into_iter().collect();
            let differs = |day: Day| named(now.who(day), people) != named(was.who(day), people_before);
            let mut differing = cuts.windows(2).filter(|pair| differs(pair[0]));
            if let Some(first) = differing.next() {
                let last = differing.next_back().unwrap_or(first);
                changed.insert(user.clone(), (first[0], last[1]));
            }
        }
        changed
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

/// The days on which the list that a row stands in held it: `[from, to)`; none where its source took it back.
fn held(batch: &RecordBatch) -> impl Fn(usize) -> Option<(Day, Day)> + use<'_> {
    let (from, to, deleted) = (dates(batch, HELD_FROM), dates(batch, HELD_TO), bools(batch, DELETED));
    move |row| {
        let (from, to) = (from(row).unwrap_or(Day::MIN), to(row));
        (to.is_some() || deleted(row) != Some(true)).then(|| (from, to.unwrap_or(OPEN_END)))
    }
}

/// Links by account.
fn linked<'a>(links: &'a [RecordBatch], people: &People) -> BTreeMap<&'a str, Vec<Link<'a>>> {
    let mut linked: BTreeMap<&str, Vec<Link<'_>>> = BTreeMap::new();
    for batch in links {
        let (user, worker) = (Text::of(batch, "source_user_id"), Text::of(batch, "worker_id"));
        let (from, to, source) = (dates(batch, "valid_from"), dates(batch, "valid_to"), Text::of(batch, "source"));
        let held = held(batch);
        for i in 0..batch.num_rows() {
            let (Some(user), Some(worker), Some((listed, gone))) = (user.get(i), worker.get(i), held(i)) else {
                continue;
            };
            linked.entry(user).or_default().push(Link {
                from: from(i).unwrap_or(Day::MIN).max(listed),
                to: to(i).unwrap_or(OPEN_END).min(gone),
                worker: people.code(worker),
                source: source.get(i).unwrap_or_default(),
                gone,
            });
        }
    }
    linked
}

/// Worker rows by a column's value.
fn candidates(workers: &[RecordBatch], column: &str, people: &People) -> Candidates {
    let mut found = Candidates::new();
    for batch in workers {
        let (value, worker) = (Text::of(batch, column), Text::of(batch, "worker_id"));
        let (from, to, held) = (dates(batch, "effective_from"), dates(batch, "effective_to"), held(batch));
        for i in 0..batch.num_rows() {
            let (Some(value), Some(code)) = (value.get(i), worker.get(i).and_then(|id| people.code(id))) else {
                continue;
            };
            let Some((_, gone)) = held(i) else { continue };
            let row = (from(i).unwrap_or(Day::MIN), to(i).unwrap_or(OPEN_END).min(gone), code);
            found.entry_ref(value).or_default().push(row);
        }
    }
    found
}

fn having<'a>(candidates: &'a Candidates, value: &str) -> &'a [Candidate] {
    candidates.get(value).map_or(&[], Vec::as_slice)
}

/// Cuts time wherever a link, a version of the account or the claim of one of several candidates begins or ends, and asks each
/// piece for its answer.
fn spans(links: &[Link<'_>], versions: &[Version<'_>], people: &People) -> Vec<Span> {
    let mut cuts = BTreeSet::from([ALWAYS.0, ALWAYS.1]);
    cuts.extend(links.iter().flat_map(|link| [link.from, link.to]));
    for version in versions {
        cuts.extend([version.from, version.to]);
        let rows = || version.candidates.iter().copied().flatten();
        if distinct(rows().map(|row| row.2)).is_none() {
            cuts.extend(rows().flat_map(|(from, to, _)| [*from, *to]));
            let workers: BTreeSet<u32> = rows().map(|row| row.2).collect();
            cuts.extend(
                workers.iter().flat_map(|worker| employed(people, *worker)).flat_map(|(from, to)| [*from, *to]),
            );
        }
    }
    let cuts: Vec<Day> = cuts.into_iter().collect();
    let mut spans: Vec<Span> = Vec::new();
    for pair in cuts.windows(2) {
        let who = linked_on(pair[0], links).unwrap_or_else(|| listed_on(pair[0], versions, people));
        match spans.last_mut() {
            Some(last) if last.who == who => last.to = pair[1],
            _ => spans.push(Span { from: pair[0], to: pair[1], who }),
        }
    }
    spans
}

/// What the links say of a day, if any holds on it.
fn linked_on(day: Day, links: &[Link<'_>]) -> Option<Who> {
    let mut by_source: BTreeMap<&str, &Link<'_>> = BTreeMap::new();
    for link in links.iter().filter(|link| (link.from..link.to).contains(&day)) {
        let held = by_source.entry(link.source).or_insert(link);
        if (link.gone, link.from) > (held.gone, held.from) {
            *held = link;
        }
    }
    let valid: BTreeSet<Option<u32>> = by_source.values().map(|link| link.worker).collect();
    match (valid.len(), valid.first()?) {
        (1, Some(worker)) => Some(Who::Worker(*worker)),
        (1, None) => Some(Who::Unmatched(Unmatched::LinkToNobody)),
        _ => Some(AMBIGUOUS),
    }
}

/// What the account list says of a day. Where what it said then leads to nobody, what it said next speaks: an account that was
/// listed without a number was the same person before it got one.
fn listed_on(day: Day, versions: &[Version<'_>], people: &People) -> Who {
    let Some(at) = versions.iter().rposition(|version| (version.from..version.to).contains(&day)) else {
        return NO_ACCOUNT;
    };
    let mut end = versions[at].from;
    for version in &versions[at..] {
        if version.from > end {
            break;
        }
        let who = candidate_on(day, &version.candidates, people);
        if who != NO_WORKER {
            return who;
        }
        end = end.max(version.to);
    }
    NO_WORKER
}

/// Of the workers with an account's number, then of those with its e-mail: who is employed on the day; else who was last before
/// it; else who is the next to be hired.
fn candidate_on(day: Day, candidates: &[&[Candidate]; 2], people: &People) -> Who {
    let lists = || candidates.iter().copied().filter(|rows| !rows.is_empty());
    let at_work = lists().find_map(|rows| employed_on(day, rows, people));
    at_work.or_else(|| lists().next().map(|rows| nearest(day, rows, people))).unwrap_or(NO_WORKER)
}

/// The one candidate employed on the day. Of several the one whose row carries the value on that day (a number given on).
fn employed_on(day: Day, rows: &[Candidate], people: &People) -> Option<Who> {
    let works = |worker: u32| employed(people, worker).iter().any(|(from, to)| (*from..*to).contains(&day));
    let at_work: Vec<&Candidate> = rows.iter().filter(|row| works(row.2)).collect();
    if at_work.is_empty() {
        return None;
    }
    let one = distinct(at_work.iter().map(|row| row.2));
    let carries = |row: &&&Candidate| (row.0..row.1).contains(&day);
    let one = one.or_else(|| distinct(at_work.iter().filter(carries).map(|row| row.2)));
    Some(one.map_or(AMBIGUOUS, Who::Worker))
}

/// Nobody is employed on the day: numbers and addresses outlive employments, and are known before they begin.
fn nearest(day: Day, rows: &[Candidate], people: &People) -> Who {
    if let Some(worker) = distinct(rows.iter().map(|row| row.2)) {
        return Who::Worker(worker);
    }
    let workers: BTreeSet<u32> = rows.iter().map(|row| row.2).collect();
    let left = |worker: &u32| employed(people, *worker).iter().map(|(_, to)| *to).filter(|to| *to <= day).max();
    let comes = |worker: &u32| employed(people, *worker).iter().map(|(from, _)| *from).filter(|from| *from > day).min();
    let only = |who: &dyn Fn(&u32) -> Option<Day>, day: Option<Day>| {
        distinct(workers.iter().copied().filter(|worker| day.is_some() && who(worker) == day))
    };
    let (last, next) = (workers.iter().filter_map(left).max(), workers.iter().filter_map(comes).min());
    let found = match (last, next) {
        (Some(_), _) => only(&left, last),
        (None, Some(_)) => only(&comes, next),
        // Nobody of them ever worked: the one whose row holds on the day.
        (None, None) => distinct(rows.iter().filter(|(from, to, _)| (*from..*to).contains(&day)).map(|row| row.2)),
    };
    found.map_or(AMBIGUOUS, Who::Worker)
}

fn employed(people: &People, worker: u32) -> &[(Day, Day)] {
    people.employed.get(worker as usize).map_or(&[], Vec::as_slice)
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
        assert_eq!(["2025-02-28", "2025-03-01", "2019-12-31"].map(on), ["w3", "w4", "w3"], "the next to be hired");
    }

    /// Who carries number n1, told as rows of `workers`, on a day.
    fn carrier(workers: &str, on: &str) -> String {
        let columns = "worker_id effective_from effective_to status employee_no hire_date termination_date";
        let workers = [rows("workers", &format!("{columns}\n{}", workers.trim()))];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = rows("users", "user_id employee_no\n u1 n1");
        let told = (Identity::build(&[users], &[], &workers, &people), people);
        who(&told, on, ["u1"])[0].clone()
    }

    #[test]
    fn of_several_with_one_number_it_is_who_is_employed_then_who_was_last_then_who_comes_next() {
        let rehired = "
            old 2020-01-01 2025-06-01 active     n1 2020-01-01 -
            old 2025-06-01 -          terminated n1 2020-01-01 2025-05-31
            new 2026-01-01 -          active     n1 2026-01-01 -";
        let on = |day: &str| carrier(rehired, day);
        assert_eq!(
            ["2019-06-01", "2025-05-31", "2025-06-01", "2025-12-31", "2026-01-01"].map(on),
            ["old", "old", "old", "old", "new"]
        );
        let on_leave = rehired.replace("2026-01-01 -          active     n1", "2026-01-01 -          leave      n1");
        assert_eq!(carrier(&on_leave, "2026-02-01"), "new", "who is on leave is employed");
        let three = "
            one   2020-01-01 - active n1 2020-01-01 2021-12-31
            two   2023-01-01 - active n1 2023-01-01 2023-12-31
            three 2020-06-01 - terminated n1 - 2020-06-30";
        let on = |day: &str| carrier(three, day);
        assert_eq!(["2022-06-01", "2024-06-01", "2019-01-01"].map(on), ["one", "two", "one"]);
    }

    #[test]
    fn two_employed_on_one_day_under_one_number_stay_ambiguous_and_a_number_given_on_does_not() {
        let both = "one 2020-01-01 - active n1 - -\n two 2022-01-01 - active n1 - -";
        let on = |day: &str| carrier(both, day);
        assert_eq!(["2021-06-01", "2022-01-01"].map(on), ["one", "ambiguous"]);
        let given_on = "
            one 2020-01-01 2022-01-01 active n1 - -
            one 2022-01-01 -          active n2 - -
            two 2022-01-01 -          active n1 - -";
        let on = |day: &str| carrier(given_on, day);
        assert_eq!(["2021-06-01", "2022-06-01"].map(on), ["one", "two"]);
        let gone_on_one_day = "
            one 2020-01-01 - active n1 - 2020-12-31
            two 2019-01-01 - active n1 - 2020-12-31";
        assert_eq!(carrier(gone_on_one_day, "2021-06-01"), "ambiguous");
    }

    #[test]
    fn the_address_of_somebody_employed_speaks_before_the_number_of_somebody_who_is_not() {
        let columns = "worker_id effective_from status employee_no email hire_date termination_date";
        let workers = [rows(
            "workers",
            &format!("{columns}\n old 2020-01-01 active n1 p@x - 2024-12-31\n new 2025-03-01 active n2 p@x - -"),
        )];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = rows("users", "user_id employee_no email\n u1 n1 p@x");
        let told = (Identity::build(&[users], &[], &workers, &people), people);
        let on = |day: &str| who(&told, day, ["u1"])[0].clone();
        assert_eq!(["2024-12-31", "2025-01-01", "2025-03-01"].map(on), ["old", "old", "new"]);
    }

    #[test]
    fn an_account_that_left_the_list_was_its_person_until_then_and_is_nobody_while_it_is_away() {
        let told = listed(
            "u1 n1 - 2025-06-01 true
             u1 n1 2025-09-01 - false
             u2 n2 - - true
             u3 n1 - 2025-06-01 true
             u3 n2 2025-06-01 - false
             u4 n9 - 2025-06-01 true
             u4 n2 2025-06-01 - false",
            "lms u9 w2 - - - 2025-06-01 true",
        );
        let on = |user: &str| {
            ["2019-01-01", "2025-05-31", "2025-06-01", "2025-08-31", "2025-09-01"]
                .map(|day| who(&told, day, [user])[0].clone())
        };
        assert_eq!(on("u1"), ["w1", "w1", "no_account", "no_account", "w1"]);
        assert_eq!(on("u2"), ["no_account"; 5], "taken back by its source: it never was");
        assert_eq!(on("u3"), ["w1", "w1", "w2", "w2", "w2"], "an account given to somebody else");
        assert_eq!(on("u4"), ["w2"; 5], "a number that leads to nobody was corrected");
        assert_eq!(on("u9"), ["w2", "w2", "no_account", "no_account", "no_account"]);
    }

    /// Accounts and links with the days on which their lists held them.
    fn listed(users: &str, links: &str) -> (Identity, People) {
        let workers = [rows("workers", WORKERS)];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = rows("users", &format!("user_id employee_no _held_from _held_to _deleted\n{users}"));
        let columns = "source source_user_id worker_id valid_from valid_to _held_from _held_to _deleted";
        let links = rows("identity_links", &format!("{columns}\n{links}"));
        (Identity::build(&[users], &[links], &workers, &people), people)
    }

    #[test]
    fn a_link_given_anew_from_a_day_leaves_the_days_before_to_the_one_it_replaced() {
        let told = listed(
            "u1 n3 - - false",
            "lms u1 w1 -          - - 2025-09-01 true
             lms u1 w2 2025-06-01 - - -          false",
        );
        let on = |day: &str| who(&told, day, ["u1"])[0].clone();
        assert_eq!(["2025-05-31", "2025-06-01", "2025-10-01"].map(on), ["w1", "w2", "w2"]);
    }

    #[test]
    fn an_account_that_was_handed_over_is_each_of_its_people_in_turn() {
        let told = told(
            "u1 n1 - learner false\n u2 n1 - learner false\n u3 n1 - learner false",
            "lms u1 w1 -          2025-03-10 false
             lms u1 w2 2025-06-01 -          false
             lms u2 w1 -          -          false
             lms u2 w2 2025-06-01 -          false
             lms u3 w1 -          -          false
             hub u3 w2 2025-06-01 -          false",
        );
        let on = |user: &str| ["2025-03-09", "2025-05-31", "2025-06-01"].map(|day| who(&told, day, [user])[0].clone());
        assert_eq!(on("u1"), ["w1", "w1", "w2"], "between two links the account's own number speaks");
        assert_eq!(on("u2"), ["w1", "w1", "w2"], "the link that began later holds");
        assert_eq!(on("u3"), ["w1", "w1", "ambiguous"], "two systems that disagree");
    }

    #[test]
    fn an_account_has_changed_when_it_is_somebody_else_or_stops_to_count() {
        let before = told("u1 n1 - learner false\n u2 n2 - learner false\n u3 n9 - learner false", "");
        let changed = |users: &str, links: &str| -> Vec<String> {
            let now = told(users, links);
            now.0.changed(&now.1, &before.0, &before.1).into_keys().collect()
        };
        let same = "u1 n1 - learner false\n u2 n2 - learner false\n u3 n9 - learner false";
        assert_eq!(changed(same, ""), Vec::<String>::new());
        assert_eq!(changed(&same.replace("u1 n1", "u1 n2"), ""), ["u1"]);
        assert_eq!(changed(&same.replace("n9 - learner", "n9 - test"), ""), ["u3"], "nobody known, then nobody at all");
        assert_eq!(changed(same, "lms u2 w1 2025-03-10 - false"), ["u2"]);
        assert_eq!(changed("u1 n1 - learner false\n u3 n9 - learner false", ""), ["u2"]);
        let linked = told(same, "lms u2 w1 2025-03-10 2025-03-24 false");
        let days = linked.0.changed(&linked.1, &before.0, &before.1);
        assert_eq!(days["u2"], (day("2025-03-10"), day("2025-03-24")), "on the days of the link and no others");
    }
}
