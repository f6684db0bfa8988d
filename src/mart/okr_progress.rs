//! Objectives and their key results: how far business outcomes have come.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::goals::{Against, Outcomes, Standing, named};
use crate::job::goals::{Better, KeyResult, Objective, Subject};
use crate::period::Day;

const NAME: &str = "okr_progress";

pub const TABLE: Derived = Derived { name: NAME, tables: &[NAME], protection: Protection::Guarded, build };

/// One row of the table.
struct Row<'o> {
    objective: &'o Objective,
    result: &'o KeyResult,
    status: &'static str,
    headcount: Option<i64>,
    against: Against,
}

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let objectives = &facts.job.goals.objectives;
    if objectives.is_empty() {
        return Ok(Vec::new());
    }
    let outcomes = Outcomes::read(facts.table("measures"), facts.today());
    let mut standing = Standing::of(facts);
    let mut rows = Vec::new();
    for objective in objectives {
        for result in &objective.key_results {
            let headcount = standing.headcount(&objective.scope, result.starts_on, result.due_on)?;
            let days = (result.starts_on, result.due_on);
            let against = outcomes.against(&result.kpi, &objective.scope, &result.subject, days, result.baseline);
            rows.push(match headcount {
                Some(_) => {
                    Row { objective, result, status: status(result, &against, facts.today()), headcount, against }
                }
                None => Row { objective, result, status: "withheld", headcount, against: Against::default() },
            });
        }
    }
    let rows = table(facts, &rows)?;
    Ok(vec![Output { table: NAME, partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
}

/// How far from baseline to target, not cut off.
fn progress(result: &KeyResult, against: &Against) -> Option<f64> {
    let (baseline, current) = (against.baseline?, against.current?);
    (baseline != result.target).then(|| (baseline - current) / (baseline - result.target))
}

fn status(result: &KeyResult, against: &Against, today: Day) -> &'static str {
    let Some((current, to)) = against.current.zip(against.measured_to) else {
        return "no_data";
    };
    let attained = match result.better {
        Better::Lower => current <= result.target,
        Better::Higher => current >= result.target,
    };
    let days = f64::from(result.due_on + 1 - result.starts_on);
    let gone = f64::from(to - result.starts_on) / days;
    match progress(result, against) {
        _ if attained => "attained",
        _ if today > result.due_on => "missed",
        None => "no_data",
        Some(progress) if progress >= gone => "on_track",
        Some(_) => "behind",
    }
}

fn table(facts: &Reads<'_>, rows: &[Row<'_>]) -> Result<RecordBatch, MartError> {
    let text = |pick: &dyn Fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(pick).collect::<StringArray>())
    };
    let date = |pick: &dyn Fn(&Row<'_>) -> Option<Day>| -> ArrayRef {
        Arc::new(rows.iter().map(pick).collect::<Date32Array>())
    };
    let double = |pick: &dyn Fn(&Row<'_>) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(pick).collect::<Float64Array>())
    };
    let content = |row: &Row<'_>| match &row.result.subject {
        Subject::Scope => None,
        Subject::Content(id) => Some(id.clone()),
    };
    let by_name = |name: &str| -> Option<ArrayRef> {
        Some(match name {
            "objective_id" => text(&|row| Some(row.objective.id.clone())),
            "key_result_id" => text(&|row| Some(row.result.id.clone())),
            "objective_title" => text(&|row| Some(row.objective.title.clone())),
            "key_result_title" => text(&|row| Some(row.result.title.clone())),
            "owner" => text(&|row| Some(row.result.owner.clone())),
            "scope_kind" => text(&|row| Some(named(&row.objective.scope).0.to_owned())),
            "scope_id" => text(&|row| Some(named(&row.objective.scope).1.to_owned())),
            "kpi" => text(&|row| Some(row.result.kpi.clone())),
            "content_id" => text(&content),
            "direction" => text(&|row| Some(row.result.better.as_str().to_owned())),
            "starts_on" => date(&|row| Some(row.result.starts_on)),
            "due_on" => date(&|row| Some(row.result.due_on)),
            "status" => text(&|row| Some(row.status.to_owned())),
            "headcount" => Arc::new(rows.iter().map(|row| row.headcount).collect::<Int64Array>()),
            "baseline" => double(&|row| row.against.baseline),
            "target" => double(&|row| Some(row.result.target)),
            "current" => double(&|row| row.against.current),
            "measured_to" => date(&|row| row.against.measured_to),
            "progress" => double(&|row| progress(row.result, &row.against)),
            _ => return None,
        })
    };
    super::goals::batch(facts.catalog.require(NAME)?, NAME, &by_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(better: Better, target: f64) -> KeyResult {
        KeyResult {
            id: "k".into(),
            title: "Fewer".into(),
            owner: "Head of support".into(),
            kpi: "questions".into(),
            subject: Subject::Scope,
            better,
            baseline: None,
            target,
            starts_on: 0,
            due_on: 99,
        }
    }

    fn at(current: f64, to: Day) -> Against {
        Against { baseline: Some(100.0), current: Some(current), measured_to: Some(to) }
    }

    #[test]
    fn progress_is_the_way_gone_and_not_cut_off() {
        let lower = result(Better::Lower, 80.0);
        let of = |current| progress(&lower, &at(current, 50));
        assert_eq!(
            [of(100.0), of(90.0), of(80.0), of(70.0), of(110.0)],
            [Some(0.0), Some(0.5), Some(1.0), Some(1.5), Some(-0.5)]
        );
        assert_eq!(progress(&result(Better::Higher, 150.0), &at(125.0, 50)), Some(0.5));
        assert_eq!(progress(&result(Better::Lower, 100.0), &at(90.0, 50)), None, "no way to go");
        assert_eq!(progress(&lower, &Against::default()), None);
    }

    #[test]
    fn half_the_way_is_on_track_at_half_time_and_behind_later() {
        let lower = result(Better::Lower, 80.0);
        let of = |current, to, today| status(&lower, &at(current, to), today);
        assert_eq!([of(90.0, 50, 60), of(90.0, 51, 60), of(80.0, 30, 60)], ["on_track", "behind", "attained"]);
        assert_eq!([of(83.0, 90, 99), of(81.0, 90, 100), of(79.0, 90, 100)], ["behind", "missed", "attained"]);
        assert_eq!(status(&lower, &Against { current: None, ..at(0.0, 1) }, 200), "no_data");
    }
}
