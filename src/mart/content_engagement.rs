//! What happened to each content item in a month, over the whole company. The guard's population is the people who used the item: what too
//! few people used says nothing about them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use polars::prelude::*;

use super::error::MartError;
use super::formula;
use super::person_rows::add;
use crate::canon::catalogue::Item;
use crate::canon::hierarchy::Units;
use crate::canon::history::{NONE, People, Stint};
use crate::columns::Columns;
use crate::contract::Catalog;
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::guard::{self, Kind, Mass, Node, Rules, ScopeTree, Shape, Status, Tally, rounding};
use crate::job::Policy;
use crate::period::{Day, Period, date_of, day_of};
use crate::rollup::content_day::Use;

/// The name of the table.
pub const NAME: &str = "content_engagement";
/// Fewer viewers than this have no median.
const MEDIAN_MIN: usize = 10;

/// What one person did with one item in a month.
#[derive(Debug, Default, Clone, Copy)]
pub struct MonthUse {
    pub what: Use,
    /// The earliest success of an attempt of theirs at the item falls in the month.
    pub completed: bool,
    /// Views on days 0 to 7 and on days 8 to 90 since the publication.
    pub views_day_0_7: i64,
    pub views_day_8_90: i64,
}

/// A month of the catalogue.
pub struct Month<'a> {
    pub period: Period,
    /// The part of it that had begun at `--as-of`.
    pub seen: Period,
    pub is_complete: bool,
    pub people: &'a People,
    pub units: &'a Units,
    pub policy: &'a Policy,
    /// Items in the catalogue in the month, by id, each with its owner's worker code.
    pub items: Vec<(&'a Item, Option<u32>)>,
    /// By content id and worker.
    pub uses: BTreeMap<&'a str, BTreeMap<u32, MonthUse>>,
    /// By content id, the reactions of people whom the source counts and does not name.
    pub unnamed: BTreeMap<&'a str, i64>,
}

/// What the guard counts of each item, in this order.
const KINDS: [Kind; 8] =
    [Kind::People, Kind::People, Kind::Sum, Kind::Events, Kind::Sum, Kind::Events, Kind::Events, Kind::Events];
const COMPLETERS: usize = 0;
const OUT_OF_ORG: usize = 1;
const SECONDS: usize = 2;
const RATINGS: usize = 3;
const POINTS: usize = 4;
const ENDORSERS: usize = 5;
const VIEWS_0_7: usize = 6;
const VIEWS_8_90: usize = 7;

/// One item as it may be published.
struct Row<'a> {
    item: &'a Item,
    is_published: bool,
    viewers: Option<i64>,
    shown: [Option<i64>; KINDS.len()],
    median_minutes: Option<f64>,
    rating_mean: Option<f64>,
    unnamed: Option<i64>,
}

/// The rows of a month, and what was withheld.
///
/// # Errors
/// The rows and the contract disagree; a bug.
pub fn build(catalog: &Catalog, month: &Month<'_>) -> Result<(RecordBatch, Vec<(Tally, i64)>), MartError> {
    let table = catalog.require(NAME)?;
    let places = month.people.places(month.seen);
    let orgs = Orgs::new(&places, month);
    let mut rows = Vec::with_capacity(month.items.len());
    let mut withheld = Vec::new();
    let nobody = BTreeMap::new();
    for (item, owner) in &month.items {
        let uses = month.uses.get(item.id.as_str()).unwrap_or(&nobody);
        let (row, tally) = guarded(item, owner.and_then(|owner| orgs.home(owner)), uses, &orgs, month)?;
        rows.push(row);
        add(&mut withheld, tally);
    }
    let frame = frame(&rows, month)?;
    let frame = engine::collect(formula::apply(table, frame.lazy())?)?;
    Ok((engine::to_arrow(&frame, &mart_schema(table))?, withheld))
}

fn guarded<'a>(
    item: &'a Item,
    home: Option<u32>,
    uses: &BTreeMap<u32, MonthUse>,
    orgs: &Orgs<'_>,
    month: &Month<'_>,
) -> Result<(Row<'a>, Vec<(Tally, i64)>), MartError> {
    let policy = month.policy;
    let mut sums = [Mass::ZERO; KINDS.len()];
    let mut seconds: Vec<i64> = Vec::new();
    for (worker, used) in uses {
        let Some(org) = orgs.org_of(*worker) else { continue };
        let is_viewer = used.what.views > 0 || used.completed;
        if is_viewer {
            seconds.push(used.what.seconds);
        }
        let completes = used.completed || used.what.successes > 0;
        let is_away = is_viewer && home.is_some_and(|home| !orgs.is_within(org, home));
        let mut values = [0; KINDS.len()];
        values[COMPLETERS] = i64::from(completes);
        values[OUT_OF_ORG] = i64::from(is_away);
        // Time that reached into the month from its neighbours makes nobody a viewer, so it is nobody's minutes here.
        values[SECONDS] = if is_viewer { used.what.seconds } else { 0 };
        values[RATINGS] = used.what.ratings;
        values[POINTS] = used.what.rating_thousandths;
        values[ENDORSERS] = i64::from(used.what.endorsements > 0);
        values[VIEWS_0_7] = used.views_day_0_7;
        values[VIEWS_8_90] = used.views_day_8_90;
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = sum.merge(Mass::of_person(value));
        }
    }
    let company = Node { id: "all".into(), parent: None, population: seconds.len() as i64, direct: sums.to_vec() };
    let tree =
        ScopeTree { kind: "org".into(), shape: Shape::Hierarchy, k: policy.smallest_group, nodes: vec![company] };
    let rules = Rules { k: policy.smallest_group, rounding: policy.rounding, synthetic: policy.synthetic_data };
    let protected = guard::protect(&KINDS, &[tree], &[], &rules).map_err(|cause| MartError::Privacy {
        mart: NAME.into(),
        what: month.period.to_string(),
        cause,
    })?;
    let tally = protected.tallies.into_iter().filter(|tally| tally.kind == "company").map(|tally| (tally, 0)).collect();
    let company = protected.rows.into_iter().find(|row| row.kind == "company");
    let is_published = company.as_ref().is_some_and(|row| row.status == Status::Published);
    let value = |at: usize| company.as_ref().and_then(|row| row.values.get(at).copied().flatten());
    let mut shown: [Option<i64>; KINDS.len()] = std::array::from_fn(value);
    if home.is_none() {
        shown[OUT_OF_ORG] = None;
    }
    let rated = shown[RATINGS].is_some() && shown[POINTS].is_some() && sums[RATINGS].value > 0;
    let mean = || sums[POINTS].value as f64 / 1_000.0 / sums[RATINGS].value as f64;
    let row = Row {
        item,
        is_published,
        viewers: company.as_ref().and_then(|row| row.population),
        shown,
        median_minutes: (is_published && shown[SECONDS].is_some()).then(|| median_minutes(&mut seconds)).flatten(),
        rating_mean: rated.then(|| three_digits(mean())),
        // Of nobody in particular; all the same a row that is withheld shows no figure about people.
        unnamed: is_published.then(|| {
            let unnamed = month.unnamed.get(item.id.as_str()).copied().unwrap_or(0);
            rounding::multiple(unnamed, policy.rounding)
        }),
    };
    Ok((row, tally))
}

fn median_minutes(seconds: &mut [i64]) -> Option<f64> {
    if seconds.len() < MEDIAN_MIN {
        return None;
    }
    seconds.sort_unstable();
    let middle = seconds.len() / 2;
    let double =
        if seconds.len().is_multiple_of(2) { seconds[middle - 1] + seconds[middle] } else { 2 * seconds[middle] };
    Some(three_digits(double as f64 / 120.0))
}

/// To three significant digits. Through decimal text, so that every machine shows the same.
fn three_digits(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Who stands where, and which unit lies below which, as of the month.
struct Orgs<'a> {
    places: BTreeMap<u32, &'a Stint>,
    /// Of each unit with people (by label) the units it lies in, itself included.
    above: BTreeMap<u32, BTreeSet<&'a str>>,
    month: &'a Month<'a>,
}

impl<'a> Orgs<'a> {
    fn new(places: &'a [Stint], month: &'a Month<'a>) -> Orgs<'a> {
        let codes: BTreeSet<u32> = places.iter().map(|stint| stint.place.org).filter(|org| *org != NONE).collect();
        let labels = &month.people.labels;
        let ids: Vec<String> = codes.iter().filter_map(|code| labels.text(*code).map(str::to_owned)).collect();
        let forest = month.units.forest(&ids, month.seen);
        let at: BTreeMap<&str, usize> = forest.ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        let above = codes
            .iter()
            .filter_map(|code| {
                let mut above = BTreeSet::new();
                let mut next = at.get(labels.text(*code)?).copied();
                while let Some(unit) = next {
                    // The label's own text, so that the set outlives the forest.
                    if let Some(text) = labels.find(&forest.ids[unit]).and_then(|code| labels.text(code)) {
                        above.insert(text);
                    }
                    next = forest.parents[unit];
                }
                Some((*code, above))
            })
            .collect();
        Orgs { places: places.iter().map(|stint| (stint.worker, stint)).collect(), above, month }
    }

    /// The unit a person of the month stands in; `NONE` where HRIS does not say. None for who was not eligible in it.
    fn org_of(&self, worker: u32) -> Option<u32> {
        self.places.get(&worker).map(|stint| stint.place.org)
    }

    /// The unit of an owner, where there is one.
    fn home(&self, owner: u32) -> Option<u32> {
        self.org_of(owner).filter(|org| *org != NONE)
    }

    fn is_within(&self, org: u32, home: u32) -> bool {
        let home = self.month.people.labels.text(home);
        home.zip(self.above.get(&org)).is_some_and(|(home, above)| above.contains(home))
    }
}

fn frame(rows: &[Row<'_>], month: &Month<'_>) -> PolarsResult<DataFrame> {
    let last = month.seen.last_day();
    let updated = |row: &Row<'_>| row.item.updated_by(month.seen);
    let is_outdated = |row: &Row<'_>| {
        let is_old = updated(row).map(|day| plus_months(day, month.policy.outdated_months) <= last);
        let is_idle = row.shown[COMPLETERS].map(|completers| completers == 0);
        match (is_old, is_idle) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }
    };
    Columns::of(rows)
        .text("content_id", |row| row.item.id.as_str())
        .text("grain", |_| month.period.grain.as_str())
        .date("period_start", |_| month.period.start)
        .date("period_end", |_| month.period.end)
        .bool("is_complete", |_| month.is_complete)
        .text("status", |row| if row.is_published { "published" } else { "withheld" })
        .int("viewers", |row| row.viewers)
        .int("completers", |row| row.shown[COMPLETERS])
        .int("viewing_seconds", |row| row.shown[SECONDS])
        .double("median_minutes", |row| row.median_minutes)
        .int("ratings", |row| row.shown[RATINGS])
        .double("rating_mean", |row| row.rating_mean)
        .int("unique_endorsers", |row| row.shown[ENDORSERS])
        .int("out_of_org_viewers", |row| row.shown[OUT_OF_ORG])
        .int("views_day_0_7", |row| row.shown[VIEWS_0_7])
        .int("views_day_8_90", |row| row.shown[VIEWS_8_90])
        .int("unnamed_reactions", |row| row.unnamed)
        .int("days_since_update", |row| updated(row).map(|day| i64::from(last - day)))
        .bool("is_outdated", is_outdated)
        .frame()
}

/// The same day of the month some months later; the month's last where it has no such day.
fn plus_months(day: Day, months: i64) -> Day {
    let months = chrono::Months::new(u32::try_from(months).unwrap_or(u32::MAX));
    date_of(day).checked_add_months(months).map_or(Day::MAX, day_of)
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::super::fixture::{day, people};
    use super::*;
    use crate::period::Grain;

    /// March 2026 of one item, used by people `p00`, `p01`, …: (seconds, completed, rated thousandths, endorses).
    fn march(item: &Item, owner: Option<u32>, uses: &[(i64, bool, i64, bool)], policy: &Policy) -> Vec<String> {
        let lines: Vec<String> = (0..uses.len() + 1)
            .map(|at| format!("p{at:02} {} 2025-01-01 -", if at % 2 == 0 { "A" } else { "B" }))
            .collect();
        let people = people(&lines.join("\n"));
        let used = |(at, (seconds, completed, rated, endorses)): (usize, &(i64, bool, i64, bool))| {
            let what = Use {
                views: 2,
                seconds: *seconds,
                successes: 0,
                ratings: i64::from(*rated > 0),
                rating_thousandths: *rated,
                endorsements: i64::from(*endorses),
                unnamed: 0,
            };
            (at as u32, MonthUse { what, completed: *completed, views_day_0_7: 1, views_day_8_90: 0 })
        };
        let period = Period { grain: Grain::Month, start: day("2026-03-01"), end: day("2026-04-01") };
        let month = Month {
            period,
            seen: period,
            is_complete: true,
            people: &people,
            units: &Units::default(),
            policy,
            items: vec![(item, owner)],
            uses: BTreeMap::from([(item.id.as_str(), uses.iter().enumerate().map(used).collect())]),
            unnamed: BTreeMap::from([(item.id.as_str(), 17)]),
        };
        let (rows, _) = build(&Catalog::load().unwrap(), &month).unwrap();
        let columns = [
            "status",
            "viewers",
            "completers",
            "completion_rate",
            "average_minutes",
            "median_minutes",
            "ratings",
            "rating_mean",
            "unique_endorsers",
            "out_of_org_viewers",
            "views_day_0_7",
            "views_day_8_90",
            "unnamed_reactions",
            "days_since_update",
            "is_outdated",
        ];
        columns.iter().map(|name| array_value_to_string(rows.column_by_name(name).unwrap(), 0).unwrap()).collect()
    }

    fn item(updated: &str) -> Item {
        Item {
            id: "c1".into(),
            published: Some(day("2026-01-15")),
            updated: Some(day(updated)),
            retired: None,
            owner: None,
        }
    }

    #[test]
    fn a_month_of_an_item_is_counted_over_the_people_who_used_it() {
        let policy = Policy { synthetic_data: true, smallest_group: 1, rounding: 1, ..Policy::default() };
        // Twelve people spend 1 to 12 minutes; five finish; ten rate with 4 points, endorsed by four; the owner p00 is in A with six of them.
        let uses: Vec<(i64, bool, i64, bool)> = (1..=12)
            .map(|minute| (minute * 60, minute <= 5, if minute <= 10 { 4_000 } else { 0 }, minute <= 4))
            .collect();
        let row = march(&item("2026-03-10"), Some(0), &uses, &policy);
        assert_eq!(row[..4], ["published", "12", "5", "0.4166666666666667"].map(String::from));
        assert_eq!(row[4..8], ["6.5", "6.5", "10", "4.0"].map(String::from));
        // Exact counts hide that there was none.
        assert_eq!(row[8..], ["4", "6", "12", "", "17", "21", "false"].map(String::from));
        assert_eq!(march(&item("2026-03-10"), None, &uses, &policy)[9], "", "nobody owns it");
    }

    #[test]
    fn what_four_people_used_is_withheld_and_says_only_what_the_catalogue_says() {
        let uses = [(600, true, 4_000, true); 4];
        let row = march(&item("2024-01-01"), Some(0), &uses, &Policy::default());
        assert_eq!(row[0], "withheld");
        assert!(row[1..13].iter().all(String::is_empty), "{row:?}");
        assert_eq!(row[13..], ["820", "true"].map(String::from));
        let fresh = march(&item("2026-02-01"), Some(0), &uses, &Policy::default());
        assert_eq!(fresh[14], "", "that nobody finished cannot be known");
    }

    #[test]
    fn what_nobody_finished_is_outdated_however_fresh_and_so_is_what_was_not_updated_for_a_year() {
        let uses =
            |finish: usize| -> Vec<(i64, bool, i64, bool)> { (0..20).map(|at| (60, at < finish, 0, false)).collect() };
        let outdated =
            |updated: &str, finish: usize| march(&item(updated), None, &uses(finish), &Policy::default())[14].clone();
        assert_eq!(outdated("2026-03-01", 0), "true");
        assert_eq!(outdated("2026-03-01", 10), "false");
        assert_eq!(outdated("2025-03-31", 10), "true");
        assert_eq!(outdated("2025-04-01", 10), "false");
        assert_eq!(outdated("2026-04-02", 10), "", "updated since: the update before is not kept");
    }
}
