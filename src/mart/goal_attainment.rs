//! Goals of the company and its units, clause by clause.
//!
//! The table is public, so it says of a clause that something fulfils it and never whose it was, when or how many there were; a
//! scope the guard does not show has its rows withheld.

mod evidence;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::goals::{Against, Outcomes, Standing, named};
use crate::job::goals::{Better, Goal, Rule, Scope};
use crate::period::{Day, date_of, day_start_micros};
use evidence::{Contribution, Documented, Ratings, contributions, documented, ratings};

const NAME: &str = "goal_attainment";

pub const TABLE: Derived = Derived { name: NAME, tables: &[NAME], protection: Protection::Guarded, build };

/// What became of a clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    True,
    False,
    NotYet,
    Withheld,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Status::True => "true",
            Status::False => "false",
            Status::NotYet => "not_yet",
            Status::Withheld => "withheld",
        }
    }

    /// That of a goal: all must be true, one may fail it.
    fn of_all(clauses: &[Status]) -> Status {
        [Status::Withheld, Status::False, Status::NotYet]
            .into_iter()
            .find(|status| clauses.contains(status))
            .unwrap_or(Status::True)
    }
}

/// One row of the table.
struct Clause<'g> {
    goal: &'g Goal,
    id: &'g str,
    rule: &'g Rule,
    status: Status,
    goal_status: Status,
    headcount: Option<i64>,
    evidence: Option<String>,
    against: Against,
}

/// All that clauses are judged by.
struct Evidence {
    contributions: Vec<Contribution>,
    ratings: Ratings,
    events: Vec<Documented>,
    outcomes: Outcomes,
}

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let goals = &facts.job.goals.goals;
    if goals.is_empty() {
        return Ok(Vec::new());
    }
    let evidence = Evidence::read(facts);
    let mut standing = Standing::of(facts);
    let mut rows = Vec::new();
    for goal in goals {
        let headcount = standing.headcount(&goal.scope, goal.starts_on, goal.due_on)?;
        let mut clauses = Vec::new();
        for clause in &goal.clauses {
            let (fulfilled, evidence, against) = evidence.judge(goal, &clause.rule);
            let status = match (headcount, fulfilled) {
                (None, _) => Status::Withheld,
                (_, true) => Status::True,
                (_, false) if facts.today() > goal.due_on => Status::False,
                (_, false) => Status::NotYet,
            };
            let shown = headcount.is_some();
            clauses.push(Clause {
                goal,
                id: &clause.id,
                rule: &clause.rule,
                status,
                goal_status: status,
                headcount,
                evidence: shown.then_some(evidence),
                against: if shown { against } else { Against::default() },
            });
        }
        let all = Status::of_all(&clauses.iter().map(|clause| clause.status).collect::<Vec<_>>());
        clauses.iter_mut().for_each(|clause| clause.goal_status = all);
        rows.append(&mut clauses);
    }
    let rows = table(facts, &rows)?;
    Ok(vec![Output { table: NAME, partition: ALL_ROWS.into(), rows, grain: "", withheld: Vec::new() }])
}

const ALL_ROWS: &str = "all";

impl Evidence {
    fn read(facts: &Reads<'_>) -> Evidence {
        let goals = &facts.job.goals.goals;
        let now = day_start_micros(facts.days().1, facts.job.zone);
        let mut kinds: BTreeSet<&str> = BTreeSet::new();
        let mut rated: BTreeSet<&str> = BTreeSet::new();
        for rule in goals.iter().flat_map(|goal| &goal.clauses).map(|clause| &clause.rule) {
            match rule {
                Rule::Contribution { kinds: wanted, .. } => kinds.extend(wanted.iter().map(String::as_str)),
                Rule::RatedSessions { kinds: wanted, .. } => {
                    kinds.extend(wanted.iter().map(String::as_str));
                    rated.extend(wanted.iter().map(String::as_str));
                }
                Rule::MeasureChange { .. } | Rule::Documented { .. } => {}
            }
        }
        let contributions = contributions(facts, &kinds, now);
        let sessions: BTreeMap<&str, &str> = contributions
            .iter()
            .filter(|one| rated.contains(one.kind.as_str()))
            .map(|one| (one.id.as_str(), one.author.as_str()))
            .collect();
        let ratings = ratings(facts, &sessions, now);
        Evidence {
            ratings,
            events: documented(facts),
            outcomes: Outcomes::read(facts.table("measures"), facts.today()),
            contributions,
        }
    }

    /// Whether a clause is fulfilled, why, and the outcome it speaks of.
    fn judge(&self, goal: &Goal, rule: &Rule) -> (bool, String, Against) {
        let days = goal.starts_on..=goal.due_on;
        let due = date_of(goal.due_on);
        let ours = |kinds: &BTreeSet<String>| {
            let (kinds, days) = (kinds.clone(), days.clone());
            self.contributions
                .iter()
                .filter(move |one| kinds.contains(&one.kind) && days.contains(&one.day) && one.is_of(&goal.scope))
        };
        let none = Against::default();
        match rule {
            Rule::Contribution { kinds, words, minutes } => {
                let found = ours(kinds).any(|one| one.fits(*words, *minutes));
                let says = if found { "one that fits was published" } else { "none that fits was published" };
                (found, format!("{says} by {due}"), none)
            }
            Rule::RatedSessions { kinds, sessions, ratings, average } => {
                let good = ours(kinds)
                    .filter(|one| one.minutes.is_some_and(|minutes| minutes > 0))
                    .filter(|one| self.is_rated(one, goal.due_on, *ratings, *average))
                    .count();
                let found = good >= *sessions;
                let says = if found { "at least" } else { "fewer than" };
                (found, format!("{says} {sessions} recorded sessions were rated so by {due}"), none)
            }
            Rule::Documented { subject, kinds } => {
                let of_scope = |event: &&Documented| match &goal.scope {
                    Scope::Company => true,
                    Scope::Org(id) => event.scope.as_deref() == Some(id),
                };
                let found =
                    self.events.iter().filter(of_scope).any(|event| {
                        event.subject == *subject && kinds.contains(&event.kind) && days.contains(&event.day)
                    });
                let says = if found { "a reference is on record" } else { "no reference is on record" };
                (found, format!("{says} by {due}"), none)
            }
            Rule::MeasureChange { kpi, subject, better, by, baseline } => {
                let days = (goal.starts_on, goal.due_on);
                let against = self.outcomes.against(kpi, &goal.scope, subject, days, *baseline);
                let rate = against.change_rate(*better);
                // A hair of rounding does not fail a goal that was met to the digit.
                let found = rate.is_some_and(|rate| rate >= by - 1e-12);
                let says = match (rate, against.measured_to) {
                    (Some(rate), Some(to)) => format!(
                        "{:.1} % {} than the baseline in the period to {}",
                        rate.abs() * 100.0,
                        if (rate >= 0.0) == (*better == Better::Lower) { "lower" } else { "higher" },
                        date_of(to - 1)
                    ),
                    (None, Some(_)) => "measured, but there is no baseline to compare with".to_owned(),
                    (_, None) => format!("no period from {} to {due} has been measured", date_of(goal.starts_on)),
                };
                (found, says, against)
            }
        }
    }

    /// Whether a session has so many ratings up to the day with this average: one a person, the last by then. What somebody thinks
    /// better of afterwards changes no goal that was due.
    fn is_rated(&self, session: &Contribution, due_on: Day, ratings: usize, average: f64) -> bool {
        let Some(given) = self.ratings.get(&session.id) else { return false };
        // Of two at one instant the higher counts, whatever the order they came in.
        let last = |given: &Vec<(i64, Day, f64)>| {
            let by_then = given.iter().filter(|(_, day, _)| *day <= due_on);
            by_then.max_by(|a, b| a.0.cmp(&b.0).then(a.2.total_cmp(&b.2))).map(|(.., value)| *value)
        };
        let values: Vec<f64> = given.values().filter_map(last).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.len() >= ratings && mean >= average - 1e-12
    }
}

/// The clause in words.
fn requirement(rule: &Rule) -> String {
    let any = |kinds: &BTreeSet<String>| kinds.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
    match rule {
        Rule::Contribution { kinds, words, minutes } => {
            let length =
                |range: &Option<[i64; 2]>, unit: &str| range.map(|[low, high]| format!("{low} to {high} {unit}"));
            let lengths: Vec<String> =
                [length(words, "words"), length(minutes, "minutes")].into_iter().flatten().collect();
            let of = if lengths.is_empty() { String::new() } else { format!(" of {}", lengths.join(" or ")) };
            format!("a {}{of}", any(kinds))
        }
        Rule::MeasureChange { kpi, better, by, .. } => {
            format!("{kpi} at least {} % {} than the baseline", round(by * 100.0), better.as_str())
        }
        Rule::RatedSessions { kinds, sessions, ratings, average } => {
            format!("{sessions} recorded sessions ({}) with at least {ratings} ratings averaging {average}", any(kinds))
        }
        Rule::Documented { subject, .. } => format!("{subject}: documented"),
    }
}

/// A percentage without the noise of binary fractions.
fn round(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}

fn table(facts: &Reads<'_>, rows: &[Clause<'_>]) -> Result<RecordBatch, MartError> {
    let text = |pick: &dyn Fn(&Clause<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(pick).collect::<StringArray>())
    };
    let date = |pick: &dyn Fn(&Clause<'_>) -> Option<Day>| -> ArrayRef {
        Arc::new(rows.iter().map(pick).collect::<Date32Array>())
    };
    let double = |pick: &dyn Fn(&Clause<'_>) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(pick).collect::<Float64Array>())
    };
    let kind = |rule: &Rule| match rule {
        Rule::Contribution { .. } => "contribution",
        Rule::MeasureChange { .. } => "measure_change",
        Rule::RatedSessions { .. } => "rated_sessions",
        Rule::Documented { .. } => "documented",
    };
    let change = |row: &Clause<'_>| match row.rule {
        Rule::MeasureChange { better, .. } => row.against.change_rate(*better),
        _ => None,
    };
    let asked = |row: &Clause<'_>| match row.rule {
        Rule::MeasureChange { kpi, by, .. } => Some((kpi.clone(), *by)),
        _ => None,
    };
    let by_name = |name: &str| -> Option<ArrayRef> {
        Some(match name {
            "goal_id" => text(&|row| Some(row.goal.id.clone())),
            "clause_id" => text(&|row| Some(row.id.to_owned())),
            "goal_title" => text(&|row| Some(row.goal.title.clone())),
            "owner" => text(&|row| Some(row.goal.owner.clone())),
            "scope_kind" => text(&|row| Some(named(&row.goal.scope).0.to_owned())),
            "scope_id" => text(&|row| Some(named(&row.goal.scope).1.to_owned())),
            "starts_on" => date(&|row| Some(row.goal.starts_on)),
            "due_on" => date(&|row| Some(row.goal.due_on)),
            "clause_kind" => text(&|row| Some(kind(row.rule).to_owned())),
            "requirement" => text(&|row| Some(requirement(row.rule))),
            "status" => text(&|row| Some(row.status.as_str().to_owned())),
            "goal_status" => text(&|row| Some(row.goal_status.as_str().to_owned())),
            "headcount" => Arc::new(rows.iter().map(|row| row.headcount).collect::<Int64Array>()),
            "evidence" => text(&|row| row.evidence.clone()),
            "kpi" => text(&|row| asked(row).map(|(kpi, _)| kpi)),
            "baseline" => double(&|row| row.against.baseline),
            "current" => double(&|row| row.against.current),
            "measured_to" => date(&|row| row.against.measured_to),
            "change_rate" => double(&change),
            "required_change_rate" => double(&|row| asked(row).map(|(_, by)| by)),
            _ => return None,
        })
    };
    super::goals::batch(facts.catalog.require(NAME)?, NAME, &by_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contribution(words: Option<i64>, minutes: Option<i64>) -> Contribution {
        let (id, author, kind) = ("k".into(), "u".into(), "how_to".into());
        Contribution {
            id,
            author,
            kind,
            day: 10,
            words,
            minutes,
            units: Some(BTreeSet::from(["A".into(), "R".into()])),
        }
    }

    #[test]
    fn a_length_fits_in_words_or_in_minutes_with_both_ends() {
        let fits = |words, minutes| contribution(words, minutes).fits(Some([1_200, 2_000]), Some([20, 30]));
        assert_eq!(
            [
                fits(Some(1_200), None),
                fits(Some(2_000), None),
                fits(Some(2_001), None),
                fits(None, Some(30)),
                fits(Some(3), Some(20)),
                fits(None, None)
            ],
            [true, true, false, true, true, false]
        );
        assert!(contribution(None, None).fits(None, None), "no length was asked for");
    }

    #[test]
    fn a_contribution_is_of_the_units_its_author_stood_in_and_of_the_company() {
        let one = contribution(None, None);
        let org = |id: &str| Scope::Org(id.into());
        assert_eq!([one.is_of(&Scope::Company), one.is_of(&org("R")), one.is_of(&org("B"))], [true, true, false]);
        assert!(!Contribution { units: None, ..one }.is_of(&Scope::Company), "who is not counted");
    }

    #[test]
    fn a_goal_is_true_when_all_is_and_false_when_one_is() {
        use Status::{False, NotYet, True, Withheld};
        let of = |clauses: &[Status]| Status::of_all(clauses);
        assert_eq!([of(&[True, True]), of(&[True, NotYet]), of(&[True, NotYet, False])], [True, NotYet, False]);
        assert_eq!(of(&[Withheld, Withheld]), Withheld);
    }

    #[test]
    fn requirements_read_as_the_file_means_them() {
        let rule = Rule::Contribution {
            kinds: BTreeSet::from(["how_to".into(), "course".into()]),
            words: Some([1_200, 2_000]),
            minutes: Some([20, 30]),
        };
        assert_eq!(requirement(&rule), "a course or how_to of 1200 to 2000 words or 20 to 30 minutes");
        let rule = Rule::MeasureChange {
            kpi: "questions".into(),
            subject: crate::job::goals::Subject::Scope,
            better: Better::Lower,
            by: 0.15,
            baseline: None,
        };
        assert_eq!(requirement(&rule), "questions at least 15 % lower than the baseline");
    }
}
