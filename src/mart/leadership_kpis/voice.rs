//! Who speaks for a scope: sponsors, messages and who passed them on, from governance events.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::PolarsResult;

use super::{Inputs, code};
use crate::canon::acts::GovernanceEvent;
use crate::mart::person_rows::Block;
use crate::period::Day;
use crate::scope::integers;

/// A message may be passed on in the period it was sent in, and in one that ends within so many days.
const CASCADE_DAYS: Day = 14;
/// A message without a new one on its subject for so many days is stale.
const STALE_DAYS: Day = 30;
/// After so many days nobody waits for an update any more.
const FORGOTTEN_DAYS: Day = 365;

/// The band whose people are sponsors without a plan.
const EXECUTIVE: &str = "executive";

/// Which leaders there was a message to pass on for, and which passed one on. `columns` are those of
/// [`PLACE`](crate::scope::PLACE) for everybody, `rows` the leaders among them.
pub(super) fn cascade(
    inputs: &Inputs<'_>,
    columns: &[Vec<i64>],
    rows: &[usize],
) -> PolarsResult<(Vec<bool>, Vec<bool>)> {
    let (workers, managers) = (&columns[0], &columns[5]);
    let leads: BTreeSet<i64> = workers
        .iter()
        .zip(managers)
        .filter(|(worker, manager)| worker != manager)
        .map(|(_, manager)| *manager)
        .collect();
    let seen = inputs.seen;
    let deeds = inputs.acts.deeds(seen.start.min(seen.end - CASCADE_DAYS), seen.end);
    let messages: Vec<&GovernanceEvent> = deeds.iter().filter(|deed| deed.kind == "message").collect();
    let year = inputs.acts.deeds(seen.end - FORGOTTEN_DAYS, seen.end);
    let are_recorded = year.iter().any(|deed| deed.kind == "message");
    let passed: BTreeSet<u32> =
        deeds.iter().filter(|deed| deed.kind == "message_cascade").filter_map(|deed| deed.owner).collect();
    let mut above = Above::new(inputs);
    let (mut addressed, mut cascading) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for &row in rows {
        let is_addressed = leads.contains(&workers[row])
            && if are_recorded {
                messages.iter().any(|message| above.covers(message.scope.as_deref(), columns, row))
            } else {
                // Where nobody records messages, only that they were passed on, they were everybody's to pass on.
                !passed.is_empty()
            };
        addressed.push(is_addressed);
        cascading.push(is_addressed && passed.contains(&code(workers[row])));
    }
    Ok((addressed, cascading))
}

/// Units and all that lie above them in the period.
struct Above<'a> {
    inputs: &'a Inputs<'a>,
    chains: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Above<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Above<'a> {
        Above { inputs, chains: BTreeMap::new() }
    }

    /// The unit itself and everything above it; cycles end where they began.
    fn chain(&mut self, unit: &str) -> &BTreeSet<String> {
        self.chains.entry(unit.to_owned()).or_insert_with(|| {
            let mut chain = BTreeSet::new();
            let mut next = Some(unit.to_owned());
            while let Some(unit) = next.filter(|unit| !chain.contains(unit)) {
                next = self.inputs.units.version(&unit, self.inputs.seen).and_then(|version| version.parent.clone());
                chain.insert(unit);
            }
            chain
        })
    }

    /// Whether something about a scope concerns the person of a row: an org unit with its subtree, a band, a location, a function;
    /// no scope at all, `all` and `company` are everybody.
    fn covers(&mut self, scope: Option<&str>, columns: &[Vec<i64>], row: usize) -> bool {
        let Some(scope) = scope.filter(|scope| !is_company(scope)) else { return true };
        let labels = &self.inputs.people.labels;
        let label = |column: usize| labels.text(code(columns[column][row]));
        [2, 3, 4].into_iter().any(|column| label(column) == Some(scope))
            || label(1).is_some_and(|unit| self.chain(unit).contains(scope))
    }
}

fn is_company(scope: &str) -> bool {
    matches!(scope, "all" | "company")
}

/// What is said of a scope.
pub(super) struct Spoken {
    pub sponsor_active: Option<bool>,
    pub days_since: Option<i64>,
    pub stale: Option<i64>,
}

/// Sponsors and messages of a period. Only the company and org units have them.
pub(super) struct Voice<'a> {
    inputs: &'a Inputs<'a>,
    /// Leaders by row of the block.
    worker: Vec<i64>,
    is_executive: Vec<bool>,
    /// Sponsors by their own plan, still here as leaders, with the units above the plan's scope; `None` is the company.
    by_plan: Vec<(u32, Option<BTreeSet<String>>)>,
    /// Stale messages, each with the units above its scope.
    stale: Vec<Option<BTreeSet<String>>>,
}

impl<'a> Voice<'a> {
    pub fn new(inputs: &'a Inputs<'a>, block: &Block) -> PolarsResult<Voice<'a>> {
        let worker = integers(&block.rows, "worker")?.into_owned();
        let band = integers(&block.rows, "leader_band")?;
        let is_executive = band.iter().map(|band| inputs.people.labels.text(code(*band)) == Some(EXECUTIVE)).collect();
        let mut above = Above::new(inputs);
        let mut units =
            |scope: Option<&str>| scope.filter(|scope| !is_company(scope)).map(|unit| above.chain(unit).clone());
        let here: BTreeSet<u32> = worker.iter().map(|worker| code(*worker)).collect();
        let started = inputs.acts.deeds(Day::MIN, inputs.seen.end).iter().filter(|deed| deed.starts_sponsorship());
        let by_plan = started
            .filter_map(|deed| Some((deed.owner.filter(|owner| here.contains(owner))?, units(deed.scope.as_deref()))))
            .collect();
        let stale = stale(inputs).into_iter().map(units).collect();
        Ok(Voice { inputs, worker, is_executive, by_plan, stale })
    }

    /// What is said of one published scope with the given rows of leaders.
    pub fn of(&self, kind: &str, id: &str, members: &[u32]) -> Spoken {
        let is_company = kind == "company";
        if !is_company && kind != "org" {
            return Spoken { sponsor_active: None, days_since: None, stale: None };
        }
        let within =
            |units: &Option<BTreeSet<String>>| is_company || units.as_ref().is_some_and(|units| units.contains(id));
        let executives: BTreeSet<u32> = members
            .iter()
            .filter(|member| self.is_executive[**member as usize])
            .map(|member| code(self.worker[*member as usize]))
            .collect();
        // A handful of executives is nobody's business, unless they said so by a plan.
        let is_many = executives.len() as i64 >= self.inputs.policy.smallest_group;
        let by_plan = self.by_plan.iter().filter(|(_, units)| within(units)).map(|(sponsor, _)| *sponsor);
        let sponsors: BTreeSet<u32> = by_plan.chain(executives.into_iter().filter(|_| is_many)).collect();
        let seen = self.inputs.seen;
        let last = sponsors.iter().filter_map(|sponsor| self.inputs.acts.last_act(*sponsor, seen.end)).max();
        Spoken {
            sponsor_active: (!sponsors.is_empty()).then(|| last.is_some_and(|day| day >= seen.start)),
            days_since: last.map(|day| i64::from(seen.last_day() - day)),
            stale: Some(self.stale.iter().filter(|units| within(units)).count() as i64),
        }
    }
}

/// Scopes of the messages that wait for an update at the end of the period: one for each scope and subject.
fn stale<'a>(inputs: &Inputs<'a>) -> Vec<Option<&'a str>> {
    let end = inputs.seen.end;
    let mut last: BTreeMap<(Option<&str>, Option<&str>), Day> = BTreeMap::new();
    let mut closed: BTreeMap<Option<&str>, Day> = BTreeMap::new();
    for deed in inputs.acts.deeds(end - FORGOTTEN_DAYS, end) {
        let subject = deed.subject.as_deref();
        match deed.kind.as_str() {
            "message" => drop(last.insert((deed.scope.as_deref(), subject), deed.day)),
            "decision" if subject.is_some() => drop(closed.insert(subject, deed.day)),
            _ => {}
        }
    }
    let waits = |subject: &Option<&str>, day: Day| {
        end - 1 - day > STALE_DAYS && closed.get(subject).is_none_or(|closed| *closed < day)
    };
    last.into_iter().filter(|((_, subject), day)| waits(subject, *day)).map(|((scope, _), _)| scope).collect()
}
