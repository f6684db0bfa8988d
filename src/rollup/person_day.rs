//! What each person did on one day. The aggregation is `person_day.sql`; this file prepares its views from canon rows and
//! adds the time spent and the day's enrollment facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use hashbrown::HashMap;
use polars::prelude::{Column, DataFrame, IntoLazy, LazyFrame, PolarsResult};

use super::time_spent::{Clock, Durations, Overhang, Stretch, is_act_of_somebody, spent};
use crate::canon::columns::{Text, instants};
use crate::canon::enrollment::Facts;
use crate::canon::history::People;
use crate::canon::identity::{Identity, Unmatched, Who};
use crate::contract::Table;
use crate::job::Policy;
use crate::period::Day;

/// The one text of the rollup, for this engine and any other.
pub const SQL: &str = include_str!("person_day.sql");

/// Everything one day of the rollup reads.
pub struct Inputs<'a> {
    pub clock: Clock,
    /// Live activity of the day.
    pub activity: &'a [RecordBatch],
    /// Time on the day of events of the days beside it.
    pub beside: &'a [Overhang],
    /// Live reactions of the day.
    pub reactions: &'a [RecordBatch],
    /// Authors of the day's contributions, one entry a contribution.
    pub authors: &'a [String],
    pub identity: &'a Identity,
    pub policy: &'a Policy,
}

impl Inputs<'_> {
    pub fn day(&self) -> Day {
        self.clock.day
    }

    /// The worker whose the time of an event of a day beside is.
    pub fn owner(&self, overhang: &Overhang) -> Option<u32> {
        match self.identity.who(&overhang.user, overhang.day) {
            Who::Worker(worker) => Some(worker),
            _ => None,
        }
    }
}

/// The acts of one day as columns of the SQL's views; accounts under numbers of the day's own.
pub struct Acts {
    day: Day,
    who: Vec<Who>,
    user: Vec<i64>,
    occurred_s: Vec<i64>,
    verb: Vec<i64>,
    /// Workers and the seconds that their events cover of the day; no sum of the SQL.
    pub spent: Vec<(u32, i64)>,
    authors: Vec<i64>,
    reacting: Vec<i64>,
    /// Events, contributions and reactions of accounts that are nobody we know, by reason.
    pub unmatched: BTreeMap<Unmatched, i64>,
    /// These accounts.
    pub strangers: HashMap<String, Unmatched>,
}

impl Acts {
    /// Rows that the SQL will read.
    pub fn rows(&self) -> usize {
        self.user.len() + self.authors.len() + self.reacting.len()
    }
}

/// Users of a day under small numbers, with who they are.
struct Users<'a> {
    inputs: &'a Inputs<'a>,
    codes: HashMap<String, i64>,
    who: Vec<Who>,
    unmatched: BTreeMap<Unmatched, i64>,
}

impl Users<'_> {
    fn code(&mut self, user: &str) -> i64 {
        if let Some(&code) = self.codes.get(user) {
            return code;
        }
        let code = self.who.len() as i64;
        self.who.push(self.inputs.identity.who(user, self.inputs.day()));
        self.codes.insert(user.to_owned(), code);
        code
    }

    /// Whether an act of the user counts for a person; an act of nobody we know is counted by its reason.
    fn counts(&mut self, code: i64) -> bool {
        match self.who[code as usize] {
            Who::Worker(_) => true,
            Who::Unmatched(reason) => {
                *self.unmatched.entry(reason).or_default() += 1;
                false
            }
            Who::Excluded => false,
        }
    }
}

/// The acts of one day that count for somebody.
pub fn acts(inputs: &Inputs<'_>) -> Acts {
    let mut users = Users { inputs, codes: HashMap::new(), who: Vec::new(), unmatched: BTreeMap::new() };
    let policy = inputs.policy;
    let verbs = verbs(policy);
    // Any other verb is a visit and nothing more.
    let visit = verbs.len() as i64;
    // No act of anybody.
    let nobody = visit + 1;

    let (mut user, mut occurred, mut verb) = (Vec::new(), Vec::new(), Vec::new());
    let (mut stretches, mut loose): (Vec<(u32, Stretch)>, Vec<(u32, i64)>) = Default::default();
    for batch in inputs.activity {
        let user_codes = Text::of(batch, "user_id").each(batch.num_rows(), &mut |text| users.code(text));
        let verb_codes = Text::of(batch, "verb").each(batch.num_rows(), &mut |text| {
            let of_policy = || verbs.iter().position(|known| *known == text).map_or(visit, |at| at as i64);
            if is_act_of_somebody(text) { of_policy() } else { nobody }
        });
        let (occurred_at, durations) = (instants(batch, "occurred_at"), Durations::of(batch, &inputs.clock));
        for i in 0..batch.num_rows() {
            let (Some(code), Some(verb_code)) = (user_codes[i], verb_codes[i]) else { continue };
            if verb_code != nobody && users.counts(code) {
                user.push(code);
                occurred.push(occurred_at(i).unwrap_or(0).div_euclid(1_000_000));
                verb.push(verb_code);
                if let Who::Worker(worker) = users.who[code as usize] {
                    let placed = durations.stretch(i).and_then(|stretch| inputs.clock.on_the_day(stretch));
                    stretches.extend(placed.map(|stretch| (worker, stretch)));
                    loose.extend(durations.loose(i).map(|seconds| (worker, seconds)));
                }
            }
        }
    }
    stretches.extend(inputs.beside.iter().filter_map(|over| Some((inputs.owner(over)?, over.stretch))));
    let mut authors: Vec<i64> = inputs.authors.iter().map(|author| users.code(author)).collect();
    authors.retain(|code| users.counts(*code));
    let mut reacting: Vec<i64> = Vec::new();
    for batch in inputs.reactions {
        let actors = Text::of(batch, "actor_id").each(batch.num_rows(), &mut |text| users.code(text));
        reacting.extend(actors.into_iter().flatten());
    }
    reacting.retain(|code| users.counts(*code));

    let unmatched = |(user, code): (String, i64)| match users.who[code as usize] {
        Who::Unmatched(reason) => Some((user, reason)),
        _ => None,
    };
    let strangers = users.codes.into_iter().filter_map(unmatched).collect();
    Acts {
        day: inputs.day(),
        who: users.who,
        user,
        occurred_s: occurred,
        verb,
        spent: spent(&mut stretches, &loose, &inputs.clock),
        authors,
        reacting,
        unmatched: users.unmatched,
        strangers,
    }
}

/// Verbs under numbers: active ones first, then passive ones.
fn verbs(policy: &Policy) -> Vec<&str> {
    policy.active_verbs.iter().chain(&policy.passive_verbs).map(String::as_str).collect()
}

/// The views of `person_day.sql` over some days: one plan for many small days costs less than one for each.
///
/// # Errors
/// Polars refuses a frame; a bug.
pub fn views(days: &[Acts], policy: &Policy) -> PolarsResult<Vec<(&'static str, LazyFrame)>> {
    // An account has one number a day, so that it may be somebody else on another.
    let offsets: Vec<i64> = days
        .iter()
        .scan(0, |next, acts| {
            let offset = *next;
            *next += acts.who.len() as i64;
            Some(offset)
        })
        .collect();
    let all = |pick: &dyn Fn(&Acts) -> &Vec<i64>| -> Vec<i64> { days.iter().flat_map(pick).copied().collect() };
    let users = |pick: &dyn Fn(&Acts) -> &Vec<i64>| -> Vec<i64> {
        days.iter().zip(&offsets).flat_map(|(acts, offset)| pick(acts).iter().map(move |user| user + offset)).collect()
    };
    let day = |pick: &dyn Fn(&Acts) -> &Vec<i64>| -> Vec<i64> {
        days.iter().flat_map(|acts| std::iter::repeat_n(i64::from(acts.day), pick(acts).len())).collect()
    };
    let (mut identified, mut person, mut valid_from) = (Vec::new(), Vec::new(), Vec::new());
    for (acts, offset) in days.iter().zip(&offsets) {
        for (code, who) in acts.who.iter().enumerate() {
            if let Who::Worker(worker) = who {
                identified.push(code as i64 + offset);
                person.push(i64::from(*worker));
                valid_from.push(i64::from(acts.day));
            }
        }
    }
    let verbs = verbs(policy);
    let active = policy.active_verbs.len();
    let flags =
        |wanted: &dyn Fn(usize) -> bool| -> Vec<i64> { (0..=verbs.len()).map(|at| i64::from(wanted(at))).collect() };
    Ok(vec![
        (
            "event",
            frame(vec![
                ("day", day(&|acts| &acts.user)),
                ("user_id", users(&|acts| &acts.user)),
                ("occurred_s", all(&|acts| &acts.occurred_s)),
                ("verb", all(&|acts| &acts.verb)),
            ])?,
        ),
        ("post", frame(vec![("day", day(&|acts| &acts.authors)), ("user_id", users(&|acts| &acts.authors))])?),
        ("reaction", frame(vec![("day", day(&|acts| &acts.reacting)), ("user_id", users(&|acts| &acts.reacting))])?),
        (
            "identity",
            frame(vec![
                ("valid_to", valid_from.iter().map(|day| day + 1).collect()),
                ("valid_from", valid_from),
                ("user_id", identified),
                ("person", person),
            ])?,
        ),
        (
            "verb",
            frame(vec![
                ("verb", (0..=verbs.len() as i64).collect()),
                ("is_active", flags(&|at| at < active)),
                ("is_passive", flags(&|at| at >= active && at < verbs.len())),
            ])?,
        ),
        ("rule", frame(vec![("session_gap_s", vec![policy.session_gap_minutes * 60])])?),
    ])
}

fn frame(columns: Vec<(&str, Vec<i64>)>) -> PolarsResult<LazyFrame> {
    let columns = columns.into_iter().map(|(name, values)| Column::new(name.into(), values)).collect();
    Ok(DataFrame::new_infer_height(columns)?.lazy())
}

/// One row of `person_day`: the SQL's sums and the enrollment facts, in the order of [`MEASURES`].
pub const MEASURES: [&str; 16] = [
    "events",
    "active_acts",
    "passive_acts",
    "contributions",
    "learning_seconds",
    "sessions",
    "assigned",
    "due",
    "due_done_day",
    "due_done_week",
    "due_done_month",
    "due_done_quarter",
    "due_on_time",
    "completions",
    "last_day_completions",
    "checkbox_completions",
];

/// The measures that the SQL sums up.
const SUMMED: [&str; 5] = ["events", "active_acts", "passive_acts", "contributions", "sessions"];

/// What the SQL sums up for a person, in the order of [`SUMMED`].
pub type Sums = [i64; SUMMED.len()];

/// The places of `learning_seconds` and of the first measure out of the enrollment facts.
const LEARNING: usize = 4;
const FACTS: usize = 6;

/// The SQL's rows by day: worker codes and their sums.
///
/// # Errors
/// The frame lacks a column of the SQL.
pub fn sums(frame: &DataFrame) -> Result<BTreeMap<Day, Vec<(u32, Sums)>>, ArrowError> {
    let column = |name: &str| -> Result<Vec<i64>, ArrowError> {
        let missing = |_| ArrowError::SchemaError(format!("person_day.sql gives no column {name}"));
        let series = frame.column(name).map_err(missing)?;
        Ok(series.i64().map_err(missing)?.iter().map(|value| value.unwrap_or(0)).collect())
    };
    let (persons, days) = (column("person")?, column("day")?);
    let measures: Vec<Vec<i64>> = SUMMED.iter().map(|name| column(name)).collect::<Result<_, _>>()?;
    let mut by_day: BTreeMap<Day, Vec<(u32, Sums)>> = BTreeMap::new();
    for (row, (person, day)) in persons.iter().zip(&days).enumerate() {
        by_day.entry(*day as Day).or_default().push((*person as u32, std::array::from_fn(|at| measures[at][row])));
    }
    Ok(by_day)
}

/// Joins a day's sums with the seconds spent and the enrollment facts, and writes them as canon `person_day`: one row that counts the acts
/// of nobody we know, where there are any, then one row a person, ascending by worker id.
///
/// # Errors
/// The rows do not have the table's schema; a bug.
pub fn rows(
    table: &Table,
    day: Day,
    (sums, spent): (&[(u32, Sums)], &[(u32, i64)]),
    unmatched: i64,
    facts: Option<&BTreeMap<u32, Facts>>,
    people: &People,
) -> Result<RecordBatch, ArrowError> {
    let mut by_person: BTreeMap<u32, [i64; MEASURES.len()]> = BTreeMap::new();
    let mut put = |person: u32, from: usize, values: &[i64]| {
        by_person.entry(person).or_default()[from..from + values.len()].copy_from_slice(values);
    };
    // In the order of MEASURES.
    for (person, [events, active, passive, contributions, sessions]) in sums {
        put(*person, 0, &[*events, *active, *passive, *contributions, 0, *sessions]);
    }
    for (person, seconds) in spent {
        put(*person, LEARNING, &[*seconds]);
    }
    for (worker, fact) in facts.into_iter().flatten() {
        let [day, week, month, quarter] = fact.due_done;
        let done = [fact.completions, fact.last_day, fact.checkbox];
        let due = [fact.assigned, fact.due, day, week, month, quarter, fact.due_on_time];
        put(*worker, FACTS, &[&due[..], &done].concat());
    }
    // The row without a person stands first: its key is the empty text.
    let (mut keys, mut strangers) = (Vec::new(), Vec::new());
    let mut measures: Vec<Vec<i64>> = vec![Vec::new(); MEASURES.len()];
    if unmatched > 0 {
        keys.push("");
        strangers.push(unmatched);
        measures.iter_mut().for_each(|values| values.push(0));
    }
    for (code, row) in &by_person {
        let Some(worker) = people.workers.get(*code as usize) else { continue };
        keys.push(worker);
        strangers.push(0);
        measures.iter_mut().zip(row).for_each(|(values, value)| values.push(*value));
    }
    let count = keys.len();
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(Date32Array::from(vec![day; count])), Arc::new(StringArray::from(keys))];
    columns.extend(measures.into_iter().map(|values| Arc::new(Int64Array::from(values)) as ArrayRef));
    columns.push(Arc::new(Int64Array::from(strangers)));
    let schema = crate::contract::arrow::mart_schema(table);
    RecordBatch::try_new(schema, columns)
}
