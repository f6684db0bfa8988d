//! How much of each scope uses the LMS in each period.

use polars::prelude::*;

use super::person_rows::Block;
use super::scoped::{Inputs, Mart, Previous};
use crate::guard::rounding;
use crate::period::Grain;
use crate::rollup::person_period::WINDOW;
use crate::scope::{PLACE, integers};
use crate::stats::wilson;

pub const MART: Mart = Mart {
    name: "adoption_kpis",
    grains: &Grain::ALL,
    // The same columns for reporting subtrees of managers, under `restricted/`.
    managers: Some("adoption_kpis_managers"),
    needs: &[],
    looks_back: true,
    acts: None,
    previous: &["active_rate"],
    build,
    describe: None,
    finish,
};

/// One row a person, one column a measure: what the person adds to every scope they belong to. Plain loops over integers: a plan for
/// each period would cost more than the sums.
fn build(inputs: &Inputs<'_>) -> PolarsResult<Vec<Block>> {
    let period = inputs.period;
    let rows = &inputs.person_period.rows;
    let count = rows.height();
    let column = |name: &str| integers(rows, name);
    let day = |name: &str| -> PolarsResult<Vec<Option<i64>>> { Ok(rows.column(name)?.i64()?.iter().collect()) };
    let (events, active, passive) = (column("events")?, column("active_acts")?, column("passive_acts")?);
    let (contributions, was_passive) = (column("contributions")?, column("was_passive")?);
    let (first_active, last_active) = (day("first_active")?, day("last_active")?);
    let before = |at: usize, day: i32| first_active[at].is_some_and(|first| first < i64::from(day));
    let window = i64::from(period.end - WINDOW);
    let flag = |name: &str, is: &dyn Fn(usize) -> bool| {
        Column::new(name.into(), (0..count).map(|at| i64::from(is(at))).collect::<Vec<i64>>())
    };
    let mut columns: Vec<Column> = PLACE.iter().map(|name| rows.column(name).cloned()).collect::<PolarsResult<_>>()?;
    columns.extend([
        flag("visitors", &|at| events[at] > 0 || active[at] > 0),
        flag("passive_learners", &|at| passive[at] > 0 && active[at] == 0),
        flag("active_learners", &|at| active[at] > 0),
        flag("contributors", &|at| contributions[at] > 0),
        flag("newly_activated", &|at| before(at, period.end) && !before(at, period.start)),
        flag("activated_to_date", &|at| before(at, period.end)),
        flag("not_yet_activated_at_start", &|at| !before(at, period.start)),
        flag("active_28d", &|at| last_active[at].is_some_and(|last| last >= window)),
        flag("previous_passive", &|at| was_passive[at] > 0),
        flag("passive_to_active", &|at| was_passive[at] > 0 && active[at] > 0),
    ]);
    columns.push(match period.grain {
        // A day's sum over its days is the day itself: the column speaks of weeks and longer.
        Grain::Day => Column::new("daily_active_sum".into(), vec![0i64; count]),
        _ => rows.column("active_working_days")?.clone().with_name("daily_active_sum".into()),
    });
    for (name, from) in SUMS {
        columns.push(rows.column(from)?.clone().with_name(name.into()));
    }
    let (required, valid) = certified(inputs);
    columns.push(Column::new("certification_required".into(), required));
    columns.push(Column::new("certification_valid".into(), valid));
    Ok(vec![Block::of(DataFrame::new(count, columns)?)])
}

/// For each person of the period: whether a certification is required of them at its end, and whether they hold all that are. Of
/// somebody who is not eligible on the last day nothing is required.
fn certified(inputs: &Inputs<'_>) -> (Vec<i64>, Vec<i64>) {
    let last = inputs.seen.last_day();
    // In the order of the rows of the period, which come from the same places.
    let places = inputs.people.places(inputs.seen);
    places
        .iter()
        .map(|stint| {
            let duties = match stint.to > last {
                true => inputs.certifications.duties(stint.worker, &stint.place, last),
                false => Vec::new(),
            };
            let holds = !duties.is_empty() && duties.iter().all(|duty| duty.standing.is_held());
            (i64::from(!duties.is_empty()), i64::from(holds))
        })
        .unzip()
}

/// Measures that are a person's own sums, with their names there.
const SUMS: [(&str, &str); 9] = [
    ("learning_seconds", "learning_seconds"),
    ("sessions", "sessions"),
    ("assigned", "assigned"),
    ("due", "due"),
    ("due_completed", "due_done"),
    ("due_completed_on_time", "due_on_time"),
    ("completions", "completions"),
    ("last_day_completions", "last_day_completions"),
    ("checkbox_completions", "checkbox_completions"),
];

/// The columns that no formula over one row can give.
fn finish(rows: DataFrame, inputs: &Inputs<'_>, previous: &Previous) -> PolarsResult<DataFrame> {
    let count = rows.height();
    let (active, headcount) =
        (rows.column("active_learners")?.i64()?.clone(), rows.column("headcount")?.i64()?.clone());
    let (kind, id) = (rows.column("scope_kind")?.str()?.clone(), rows.column("scope_id")?.str()?.clone());
    let rate = rows.column("active_rate")?.f64()?.clone();

    let bounds: Vec<Option<(f64, f64)>> =
        active.iter().zip(headcount.iter()).map(|(active, people)| wilson::interval95(active?, people?)).collect();
    let change: Vec<Option<f64>> = (0..count)
        .map(|row| {
            let scope = (kind.get(row)?.to_owned(), id.get(row)?.to_owned());
            Some((rate.get(row)? - previous.get(&scope)?.first().copied().flatten()?) * 100.0)
        })
        .collect();
    // What nobody knows is about the company as a whole; a company too small to be shown hides it too.
    let company = |row: usize| kind.get(row) == Some("company") && headcount.get(row).is_some();
    let unmatched: Vec<Option<i64>> = (0..count)
        .map(|row| {
            company(row).then(|| rounding::multiple(inputs.person_period.unmatched_events, inputs.policy.rounding))
        })
        .collect();

    let mut rows = rows;
    rows.with_column(Column::new(
        "active_rate_low".into(),
        bounds.iter().map(|bound| bound.map(|bound| bound.0)).collect::<Vec<_>>(),
    ))?;
    rows.with_column(Column::new(
        "active_rate_high".into(),
        bounds.iter().map(|bound| bound.map(|bound| bound.1)).collect::<Vec<_>>(),
    ))?;
    rows.with_column(Column::new("active_rate_change_points".into(), change))?;
    rows.with_column(Column::new("unmatched_events".into(), unmatched))?;
    if inputs.period.grain == Grain::Day {
        // A day's sum over its days is the day itself: the column speaks of weeks and longer.
        rows.with_column(Column::new("daily_active_sum".into(), vec![None::<i64>; count]))?;
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{build, cells, certified, people, person_days, show};
    use super::*;

    const COMPANY: &str = "
        p1 A 2025-01-01 2025-03-05
        p1 B 2025-03-05 -
        p2 A 2025-01-01 -
        p3 A 2025-01-01 -
        p4 B 2025-01-01 -
        p5 B 2025-01-01 -
        p6 B 2025-03-10 -";

    #[test]
    fn a_transfer_in_midweek_counts_once_in_the_new_unit_and_takes_the_whole_week_along() {
        let people = people(COMPANY);
        let days = person_days(
            &people,
            "p1 2025-03-03 events=2 active_acts=2 learning_seconds=600 completions=1
             p2 2025-03-04 events=1 active_acts=1
             p4 2025-03-04 events=1 passive_acts=1",
        );
        let week = build(&MART, Grain::Week, "2025-03-03", &people, &days);
        let columns = ["headcount", "active_learners", "passive_learners", "visitors"];
        assert_eq!(cells(&week, "company", "all", columns), ["5", "2", "1", "3"]);
        assert_eq!(cells(&week, "org", "A", columns)[0], "2");
        assert_eq!(
            cells(&week, "org", "B", columns),
            ["3", "1", "", "2"],
            "of A nobody was passive, so A and B hide it"
        );
    }

    #[test]
    fn activation_is_the_first_active_act_ever_and_passive_acts_do_not_activate() {
        let people = people(COMPANY);
        let days = person_days(
            &people,
            "p1 2025-01-15 events=1 active_acts=1
             p2 2025-02-20 events=1 passive_acts=1
             p2 2025-03-03 events=1 active_acts=1
             p4 2025-03-04 events=1 passive_acts=1",
        );
        let march = build(&MART, Grain::Month, "2025-03-01", &people, &days);
        let columns =
            ["headcount", "newly_activated", "activated_to_date", "not_yet_activated_at_start", "activation_hazard"];
        assert_eq!(cells(&march, "company", "all", columns), ["6", "1", "2", "5", "0.2"]);
        assert_eq!(cells(&march, "company", "all", ["previous_passive", "passive_to_active"]), ["1", "1"]);
    }

    #[test]
    fn daily_active_counts_working_days_alone_and_a_rate_without_a_denominator_is_null() {
        let people = people(COMPANY);
        // 2025-03-08 is a Saturday.
        let days = person_days(
            &people,
            "p1 2025-03-03 events=1 active_acts=1
             p2 2025-03-03 events=1 active_acts=1
             p2 2025-03-07 events=1 active_acts=1
             p2 2025-03-08 events=1 active_acts=1",
        );
        let week = build(&MART, Grain::Week, "2025-03-03", &people, &days);
        assert_eq!(cells(&week, "company", "all", ["working_days", "completion_rate", "stickiness"]), ["5", "", ""]);
        let day = build(&MART, Grain::Day, "2025-03-08", &people, &days);
        assert_eq!(cells(&day, "company", "all", ["working_days", "daily_active_sum", "active_28d"]), ["", "", "2"]);
    }

    #[test]
    fn certified_is_who_holds_what_is_required_at_the_end_of_the_period_grace_included() {
        let company = certified(
            "w1 A passed 2026-01-10
             w2 A passed 2025-12-20
             w3 A passed 2025-11-01
             w4 A assigned -
             w5 A waived -",
        );
        let month = show(&MART, Grain::Month, "2026-03-01", &company.people, &[], &company.certifications);
        // w1 valid, w2 in grace since 03-30, w3 expired, w4 never passed; of w5 nothing is required.
        assert_eq!(
            cells(&month, "company", "all", ["certification_required", "certification_valid", "certification_rate"]),
            ["4", "2", "0.5"]
        );
        let day = show(&MART, Grain::Day, "2026-04-09", &company.people, &[], &company.certifications);
        assert_eq!(cells(&day, "company", "all", ["certification_required", "certification_valid"]), ["4", "1"]);
    }
}
