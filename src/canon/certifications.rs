//! Who must hold which certification, and who holds it, on any day.
//!
//! It is required by an enrollment, or by a rule of the job about function, location, band, job family or level. A pass of an item
//! that the job calls equivalent counts as the certification itself.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use chrono_tz::Tz;
use hashbrown::HashMap;

use super::career::Careers;
use super::certification::{Certificate, Pass, Standing};
use super::columns::{Text, bools, ints};
use super::history::{People, Place, StableHash};
use super::identity::{Identity, Who};
use super::obligation::{State, statements};
use crate::contract::arrow::DELETED;
use crate::period::{Day, DayClock, OPEN_END};

/// Of whom a certification is required, and what counts as it; empty lists ask nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    pub content: String,
    pub everybody: bool,
    pub functions: Vec<String>,
    pub locations: Vec<String>,
    pub bands: Vec<String>,
    pub job_families: Vec<String>,
    pub job_levels: Vec<String>,
    pub equivalent: Vec<String>,
}

impl Rule {
    /// Whether the rule looks at what [`Place`] does not know.
    pub fn reads_jobs(&self) -> bool {
        !self.job_families.is_empty() || !self.job_levels.is_empty()
    }

    fn has_population(&self) -> bool {
        self.everybody
            || self.reads_jobs()
            || [&self.functions, &self.locations, &self.bands].iter().any(|list| !list.is_empty())
    }
}

/// What is known of one person about one certification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Holding {
    /// On the days `[from, to)` enrollments require it.
    required: Option<(Day, Day)>,
    /// Waived, and by no enrollment required: no rule requires it either.
    is_exempt: bool,
    certificate: Certificate,
}

/// A certification somebody must hold, and what they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// Index in [`Certifications::contents`].
    pub certification: usize,
    pub standing: Standing,
}

/// All certifications and who holds them.
#[derive(Debug, Default, Clone)]
pub struct Certifications {
    /// Content ids of certifications, ascending.
    pub contents: Vec<String>,
    /// The certifications that a rule requires of somebody.
    rules: Vec<(usize, CodedRule)>,
    /// By worker code: the certifications they have to do with.
    holdings: Vec<Vec<(usize, Holding)>>,
    careers: Careers,
}

/// A rule in the labels of [`People`] and [`Careers`]; `None` asks nothing.
#[derive(Debug, Clone)]
struct CodedRule {
    functions: Option<BTreeSet<u32>>,
    locations: Option<BTreeSet<u32>>,
    bands: Option<BTreeSet<u32>>,
    job_families: Option<BTreeSet<u32>>,
    job_levels: Option<BTreeSet<u32>>,
}

/// What [`Certifications::build`] reads.
pub struct Sources<'a> {
    pub rules: &'a [Rule],
    pub workers: &'a [RecordBatch],
    pub content: &'a [RecordBatch],
    pub enrollments: &'a [RecordBatch],
    pub identity: &'a Identity,
    pub people: &'a People,
    pub zone: Tz,
}

/// Validity of a content item, as the catalogue states it.
#[derive(Clone, Copy, Default)]
struct Validity {
    valid_days: Option<Day>,
    grace_days: Day,
    is_certification: bool,
}

impl Certifications {
    /// Reads who was required to hold what and who passed what, from the live rows of the canon tables.
    ///
    /// A certification is content of that kind, or content that a rule names. A pass is an enrollment completed or passed (or expired
    /// since) with its instant; it expires at `expires_at`, else after the item's `cert_valid_days`, else never.
    pub fn build(sources: &Sources<'_>) -> Certifications {
        let catalogue = catalogue(sources.content);
        let mut contents: BTreeSet<&str> =
            catalogue.iter().filter(|(_, item)| item.is_certification).map(|(id, _)| *id).collect();
        contents.extend(sources.rules.iter().map(|rule| rule.content.as_str()));
        let contents: Vec<String> = contents.into_iter().map(str::to_owned).collect();
        let at = |content: &str| contents.binary_search_by(|known| known.as_str().cmp(content)).ok();
        // The certifications that a completion of an item counts for: its own, and those that call it equivalent.
        let mut counts_for: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, content) in contents.iter().enumerate() {
            counts_for.entry(content).or_default().push(index);
        }
        for rule in sources.rules {
            for equivalent in &rule.equivalent {
                counts_for.entry(equivalent).or_default().extend(at(&rule.content));
            }
        }
        let holdings = holdings(sources, &catalogue, &counts_for, &at);
        drop(counts_for);
        let careers = if sources.rules.iter().any(Rule::reads_jobs) {
            Careers::build(sources.workers, sources.people, &[])
        } else {
            Careers::default()
        };
        let rules = contents
            .iter()
            .enumerate()
            .filter_map(|(at, content)| {
                let rule = sources.rules.iter().find(|rule| rule.content == *content && rule.has_population())?;
                let place = |list: &[String]| codes(list, |text| sources.people.labels.find(text));
                let job = |list: &[String]| codes(list, |text| careers.labels.find(text));
                let coded = CodedRule {
                    functions: place(&rule.functions),
                    locations: place(&rule.locations),
                    bands: place(&rule.bands),
                    job_families: job(&rule.job_families),
                    job_levels: job(&rule.job_levels),
                };
                Some((at, coded))
            })
            .collect();
        Certifications { contents, rules, holdings, careers }
    }

    /// What a person in a place must hold at the end of a day, and what they have; by certification.
    pub fn duties(&self, worker: u32, place: &Place, day: Day) -> Vec<Duty> {
        let held = self.holdings.get(worker as usize).map_or(&[][..], Vec::as_slice);
        let duty = |certification: usize, holding: Option<&Holding>| Duty {
            certification,
            standing: holding.map_or(Standing::Missing, |holding| holding.certificate.on(day)),
        };
        let mut duties: Vec<Duty> = held
            .iter()
            .filter(|(_, holding)| holding.required.is_some_and(|(from, to)| from <= day && day < to))
            .map(|(certification, holding)| duty(*certification, Some(holding)))
            .collect();
        for (certification, rule) in &self.rules {
            let holding = held.iter().find(|(known, _)| known == certification).map(|(_, holding)| holding);
            let is_free = holding.is_some_and(|holding| holding.is_exempt);
            let is_known = duties.iter().any(|duty| duty.certification == *certification);
            if !is_free && !is_known && self.fits(rule, worker, place, day) {
                duties.push(duty(*certification, holding));
            }
        }
        duties.sort_unstable_by_key(|duty| duty.certification);
        duties
    }

    fn fits(&self, rule: &CodedRule, worker: u32, place: &Place, day: Day) -> bool {
        let among = |list: &Option<BTreeSet<u32>>, code: u32| list.as_ref().is_none_or(|list| list.contains(&code));
        if !among(&rule.functions, place.function)
            || !among(&rule.locations, place.location)
            || !among(&rule.bands, place.band)
        {
            return false;
        }
        if rule.job_families.is_none() && rule.job_levels.is_none() {
            return true;
        }
        self.careers.on(worker, day).is_some_and(|stage| {
            among(&rule.job_families, stage.job_family) && among(&rule.job_levels, stage.job_level)
        })
    }

    /// For each day a hash of everything [`Certifications::duties`] reads beside places and rules. Days ascend.
    ///
    /// A state that lasts adds the same number to each of its days, so the cost is one difference per state and not one per state and day.
    pub fn fingerprints(&self, people: &People, days: &[Day]) -> Vec<u64> {
        let mut differences = vec![0u64; days.len() + 1];
        let mut add = |from: Day, to: Day, hash: u64| {
            let (first, end) =
                (days.partition_point(|day| *day < from), days.partition_point(|day| *day < to).min(days.len()));
            if first < end {
                differences[first] = differences[first].wrapping_add(hash);
                differences[end] = differences[end].wrapping_sub(hash);
            }
        };
        for (worker, held) in self.holdings.iter().enumerate() {
            let id = people.workers.get(worker).map_or("", String::as_str);
            for (certification, holding) in held {
                let state = |what: &str, numbers: [Day; 2]| {
                    let mut hash = StableHash::default();
                    [id, self.contents[*certification].as_str(), what].iter().for_each(|text| hash.text(text));
                    numbers.iter().for_each(|number| hash.number(i64::from(*number)));
                    hash.finish()
                };
                if let Some((from, to)) = holding.required {
                    add(from, to, state("required", [0, 0]));
                }
                if holding.is_exempt {
                    add(Day::MIN, OPEN_END, state("exempt", [0, 0]));
                }
                for (from, to, expires_on, grace_until) in holding.certificate.spans() {
                    add(from, to, state("held", [expires_on, grace_until]));
                }
            }
        }
        self.careers.for_each_job(people, &mut |from, to, hash| add(from, to, hash));
        differences.pop();
        let mut running = 0u64;
        differences
            .into_iter()
            .map(|difference| {
                running = running.wrapping_add(difference);
                running
            })
            .collect()
    }
}

fn codes(list: &[String], find: impl Fn(&str) -> Option<u32>) -> Option<BTreeSet<u32>> {
    (!list.is_empty()).then(|| list.iter().filter_map(|text| find(text)).collect())
}

fn catalogue(content: &[RecordBatch]) -> BTreeMap<&str, Validity> {
    let mut items = BTreeMap::new();
    for batch in content {
        let (id, kind) = (Text::of(batch, "content_id"), Text::of(batch, "kind"));
        let (valid, grace, deleted) =
            (ints(batch, "cert_valid_days"), ints(batch, "grace_days"), bools(batch, DELETED));
        // No certificate outlives the calendar, so what does not fit a day count never expires.
        let days = |days: i64| Day::try_from(days).unwrap_or(OPEN_END);
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let Some(id) = id.get(row) else { continue };
            items.insert(
                id,
                Validity {
                    valid_days: valid(row).map(days),
                    grace_days: grace(row).map_or(0, days),
                    is_certification: kind.get(row) == Some("certification"),
                },
            );
        }
    }
    items
}

/// What one person's enrollments say about one certification, before they are weighed.
#[derive(Default)]
struct Gathered {
    required: Option<(Day, Day)>,
    is_waived: bool,
    passes: Vec<Pass>,
}

fn holdings(
    sources: &Sources<'_>,
    catalogue: &BTreeMap<&str, Validity>,
    counts_for: &HashMap<&str, Vec<usize>>,
    at: &dyn Fn(&str) -> Option<usize>,
) -> Vec<Vec<(usize, Holding)>> {
    let mut clock = DayClock::new(sources.zone);
    let mut gathered: BTreeMap<u32, BTreeMap<usize, Gathered>> = BTreeMap::new();
    statements(sources.enrollments, sources.identity, &mut |row| {
        let Some(certifications) = counts_for.get(row.content) else { return };
        let mut day = |at: Option<i64>| at.map(|micros| clock.day(micros));
        let begun = day(row.assigned_at.or(row.enrolled_at).or(row.due_at));
        let (passed, updated) = (day(row.done_at()), day(row.updated_at));
        let Some(judged) = passed.or(begun).or(updated) else { return };
        let Who::Worker(worker) = row.account.who(judged) else { return };
        let of_person = gathered.entry(worker).or_default();
        if let Some(on) = passed {
            let item = catalogue.get(row.content).copied().unwrap_or_default();
            let lasting = item.valid_days.map(|days| on.saturating_add(days));
            // Said to have expired without saying when: since the vendor last touched it, at the latest.
            let unsaid = if row.state == State::Lapsed { updated.unwrap_or(on) } else { OPEN_END };
            // A certificate is worth nothing once its last microsecond is over: a whole day is held to its end.
            let expires_at = day(row.expires_at.map(|micros| micros.saturating_add(1)));
            let expires_on = expires_at.or(lasting).unwrap_or(unsaid);
            for certification in certifications {
                let pass = Pass { on, expires_on, grace_days: item.grace_days };
                of_person.entry(*certification).or_default().passes.push(pass);
            }
        }
        // What is required of somebody is the item itself, never the one it is equivalent to.
        let Some(own) = at(row.content) else { return };
        let own = of_person.entry(own).or_default();
        own.is_waived |= row.state == State::Waived;
        if row.is_required
            && !row.is_off()
            && let Some(from) = begun.or(day(row.completed_at))
        {
            let until = row.closed_on().unwrap_or(OPEN_END);
            own.required = Some(own.required.map_or((from, until), |held| (held.0.min(from), held.1.max(until))));
        }
    });
    let weigh = |gathered: Gathered| Holding {
        required: gathered.required,
        is_exempt: gathered.is_waived && gathered.required.is_none() && gathered.passes.is_empty(),
        certificate: Certificate::of(gathered.passes),
    };
    let mut holdings = vec![Vec::new(); sources.people.workers.len()];
    for (worker, held) in gathered {
        if let Some(of_worker) = holdings.get_mut(worker as usize) {
            *of_worker = held.into_iter().map(|(certification, gathered)| (certification, weigh(gathered))).collect();
        }
    }
    holdings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{day, rows};
    use crate::canon::history::Eligibility;

    const WORKERS: &str = "
        worker_id effective_from status employee_no function   location leader_band job_family job_level org_id
        w1        2020-01-01     active 1           production rome     ic          -          -         a
        w2        2020-01-01     active 2           production oslo     ic          machinist  -         a
        w3        2020-01-01     active 3           sales      rome     manager     -          7         a";
    const USERS: &str = "
        user_id employee_no status
        u1      1           active
        u2      2           active
        u3      3           active";
    const CONTENT: &str = "
        content_id kind          cert_valid_days grace_days
        safety     certification 100             10
        safety19   course        -               -
        first_aid  certification -               -
        welcome    course        -               -";

    struct Company {
        people: People,
        certifications: Certifications,
    }

    fn company(rules: &[Rule], enrollments: &str) -> Company {
        let workers = [rows("workers", WORKERS)];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let identity = Identity::build(&[rows("users", USERS)], &[], &workers, &people);
        let certifications = Certifications::build(&Sources {
            rules,
            workers: &workers,
            content: &[rows("content", CONTENT)],
            enrollments: &[rows("enrollments", enrollments)],
            identity: &identity,
            people: &people,
            zone: chrono_tz::UTC,
        });
        Company { people, certifications }
    }

    impl Company {
        /// A line a duty of each worker on a day: `w1 safety Valid`.
        fn duties(&self, on: &str) -> Vec<String> {
            let mut lines = Vec::new();
            for stint in &self.people.stints {
                for duty in self.certifications.duties(stint.worker, &stint.place, day(on)) {
                    let standing = format!("{:?}", duty.standing);
                    let word = standing.split(' ').next().unwrap();
                    let worker = &self.people.workers[stint.worker as usize];
                    lines.push(format!("{worker} {} {word}", self.certifications.contents[duty.certification]));
                }
            }
            lines
        }
    }

    fn rule(content: &str, change: impl Fn(&mut Rule)) -> Rule {
        let mut rule = Rule { content: content.into(), ..Rule::default() };
        change(&mut rule);
        rule
    }

    #[test]
    fn an_enrollment_requires_from_its_assignment_and_expires_by_the_catalogue_or_its_own_instant() {
        let company = company(
            &[],
            "user_id content_id attempt status assigned_at required completed_at expires_at
             u1      safety     1       passed 2026-01-01  true     2026-01-10   -
             u2      safety     1       passed 2026-01-01  true     2026-01-10   2026-02-01
             u3      safety     1       passed -           false    2026-01-10   -
             u3      first_aid  1       passed 2026-01-05  true     2026-01-06   -",
        );
        assert_eq!(company.duties("2025-12-31"), Vec::<String>::new());
        assert_eq!(company.duties("2026-01-05"), ["w1 safety Missing", "w2 safety Missing", "w3 first_aid Missing"]);
        // 2026-02-01 and 2026-04-20 are the first days after expiry; grace is ten days.
        assert_eq!(company.duties("2026-01-31"), ["w1 safety Valid", "w2 safety Valid", "w3 first_aid Valid"]);
        assert_eq!(company.duties("2026-02-01")[1], "w2 safety InGrace");
        assert_eq!(company.duties("2026-02-11")[1], "w2 safety Expired");
        assert_eq!(company.duties("2026-04-19")[0], "w1 safety Valid");
        assert_eq!(company.duties("2026-04-20"), ["w1 safety InGrace", "w2 safety Expired", "w3 first_aid Valid"]);
    }

    #[test]
    fn a_rule_requires_by_function_location_band_family_and_level_all_at_once() {
        let none = "user_id content_id attempt status\nu1 welcome 1 enrolled";
        let of = |change: &dyn Fn(&mut Rule)| company(&[rule("safety", change)], none).duties("2026-01-01");
        assert_eq!(of(&|rule| rule.everybody = true).len(), 3);
        assert_eq!(of(&|rule| rule.functions = vec!["production".into()]).len(), 2);
        let both = of(&|rule| {
            rule.functions = vec!["production".into()];
            rule.locations = vec!["rome".into()];
        });
        assert_eq!(both, ["w1 safety Missing"]);
        assert_eq!(of(&|rule| rule.bands = vec!["manager".into()]), ["w3 safety Missing"]);
        assert_eq!(of(&|rule| rule.job_families = vec!["machinist".into()]), ["w2 safety Missing"]);
        assert_eq!(of(&|rule| rule.job_levels = vec!["7".into(), "8".into()]), ["w3 safety Missing"]);
        assert_eq!(of(&|rule| rule.locations = vec!["paris".into()]), Vec::<String>::new());
    }

    #[test]
    fn an_equivalent_item_counts_but_is_not_required_and_a_waiver_frees_from_the_rule() {
        let safety = rule("safety", |rule| {
            rule.functions = vec!["production".into()];
            rule.equivalent = vec!["safety19".into()];
        });
        let company = company(
            &[safety],
            "user_id content_id attempt status    assigned_at required completed_at
             u1      safety19   1       completed 2026-01-01  true     2026-01-02
             u2      safety     1       waived    2026-01-01  true     -",
        );
        assert_eq!(company.duties("2026-01-01"), ["w1 safety Missing"]);
        assert_eq!(company.duties("2026-01-02"), ["w1 safety Valid"]);
    }

    #[test]
    fn what_left_the_vendor_leaves_every_count_and_what_expired_there_is_expired() {
        let company = company(
            &[],
            "user_id content_id attempt status    assigned_at required completed_at deleted updated_at
             u1      safety     1       withdrawn 2026-01-01  true     -            -       -
             u2      safety     1       passed    2026-01-01  true     2026-01-02   true    -
             u3      first_aid  1       expired   2026-01-01  true     2026-01-02   -       2026-03-01",
        );
        assert_eq!(company.duties("2026-02-28"), ["w3 first_aid Valid"]);
        assert_eq!(company.duties("2026-03-01"), ["w3 first_aid Expired"]);
    }

    #[test]
    fn the_fingerprint_of_a_day_changes_with_what_was_so_on_it_and_not_with_what_came_later() {
        let days: Vec<Day> = ["2026-01-01", "2026-01-10", "2026-02-01"].map(day).to_vec();
        let prints = |enrollments: &str| {
            let company = company(&[], enrollments);
            company.certifications.fingerprints(&company.people, &days)
        };
        let header = "user_id content_id attempt status assigned_at required completed_at";
        let assigned = prints(&format!("{header}\nu1 safety 1 assigned 2026-01-05 true -"));
        let passed = prints(&format!("{header}\nu1 safety 1 passed 2026-01-05 true 2026-01-20"));
        assert_eq!(assigned[..2], passed[..2]);
        assert_ne!(assigned[2], passed[2]);
        assert_ne!(assigned[0], assigned[1]);
    }
}
