//! Who must hold a certification at the end of a month, and what they have: one block of people a certification.

use std::collections::BTreeMap;

use polars::prelude::*;

use super::person_rows::{Block, Shown, Value};
use super::placed;
use super::scoped::{Inputs, Mart, Previous};
use crate::canon::certification::Standing;
use crate::canon::history::Place;
use crate::engine;
use crate::period::Grain;

pub const MART: Mart = Mart {
    name: "certification_status",
    grains: &[Grain::Month],
    managers: None,
    previous: &[],
    needs: &[],
    looks_back: false,
    acts: None,
    build,
    describe: Some(published),
    finish,
};

/// The people of whom a certification is required, with what theirs is worth.
#[derive(Default)]
struct Required {
    people: Vec<(u32, Place)>,
    standings: Vec<Standing>,
}

/// The people of the month who are still eligible on its last day; of somebody who has left nothing is required.
fn build(inputs: &Inputs<'_>) -> PolarsResult<Vec<Block>> {
    let last = inputs.seen.last_day();
    let mut required: BTreeMap<usize, Required> = BTreeMap::new();
    for stint in inputs.people.places(inputs.seen).iter().filter(|stint| stint.to > last) {
        for duty in inputs.certifications.duties(stint.worker, &stint.place, last) {
            let of_content = required.entry(duty.certification).or_default();
            of_content.people.push((stint.worker, stint.place));
            of_content.standings.push(duty.standing);
        }
    }
    required
        .into_iter()
        .map(|(certification, Required { people, standings })| {
            let count = |is: &dyn Fn(Standing) -> bool| standings.iter().map(|one| i64::from(is(*one))).collect();
            let measures = [
                ("valid", count(&|standing| matches!(standing, Standing::Valid { .. }))),
                ("in_grace", count(&|standing| standing == Standing::InGrace)),
                ("expired", count(&|standing| standing == Standing::Expired)),
                ("expiring_30d", count(&|standing| standing.expires_within(last, 30))),
                ("expiring_90d", count(&|standing| standing.expires_within(last, 90))),
            ];
            let content = inputs.certifications.contents.get(certification).cloned().unwrap_or_default();
            Ok(Block { keys: vec![("content_id", Value::Text(content))], rows: placed::rows(&people, &measures)? })
        })
        .collect()
}

/// A scope that is not shown has no row.
fn published(shown: &Shown, _: &Block, _: &Inputs<'_>) -> PolarsResult<DataFrame> {
    engine::collect(shown.rows.clone().lazy().filter(col("status").eq(lit("published"))))
}

fn finish(rows: DataFrame, _: &Inputs<'_>, _: &Previous) -> PolarsResult<DataFrame> {
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{cells_where, certified, day, people, show};
    use super::*;

    #[test]
    fn a_month_counts_what_certificates_are_worth_on_its_last_day() {
        // Valid for 100 days, then 10 of grace.
        let company = certified(
            "w1 A passed 2026-01-10
             w2 A passed 2025-12-25
             w3 A passed 2025-12-20
             w4 A passed 2025-11-01
             w5 A assigned -
             w6 B passed 2026-03-20
             w7 B assigned -",
        );
        let table = show(&MART, Grain::Month, "2026-03-01", &company.people, &[], &company.certifications);
        let columns = ["required", "valid", "in_grace", "expired", "expiring_30d", "expiring_90d"];
        let row = |kind: &str, id: &str| {
            cells_where(&table, &[("scope_kind", kind), ("scope_id", id), ("content_id", "safety")], columns)
        };
        // Expiries: w1 04-20, w2 04-04, w3 03-30 (grace to 04-08), w4 02-09 (grace over), w6 06-28.
        assert_eq!(day("2026-01-10") + 100, day("2026-04-20"));
        assert_eq!(row("company", "all"), Some(["7", "3", "1", "1", "2", "3"].map(String::from)));
        assert_eq!(row("org", "A").unwrap()[..2], ["5", "2"].map(String::from));
        assert_eq!(row("org", "B").unwrap()[..2], ["2", "1"].map(String::from));
    }

    #[test]
    fn of_somebody_who_has_left_nothing_is_required() {
        let lines: Vec<String> = (1..=6).map(|at| format!("w{at} A assigned -")).collect();
        let certifications = certified(&lines.join("\n")).certifications;
        // The sixth is there until the middle of March.
        let stints: Vec<String> =
            (1..=6).map(|at| format!("w{at} A 2025-01-01 {}", if at == 6 { "2026-03-15" } else { "-" })).collect();
        let people = people(&stints.join("\n"));
        let required = |month: &str| {
            let table = show(&MART, Grain::Month, month, &people, &[], &certifications);
            cells_where(&table, &[("scope_kind", "company"), ("content_id", "safety")], ["required"])
        };
        assert_eq!(required("2026-02-01"), Some(["6".to_owned()]));
        assert_eq!(required("2026-03-01"), Some(["5".to_owned()]));
    }
}
