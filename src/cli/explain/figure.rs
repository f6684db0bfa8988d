//! One figure: what it means, the arithmetic with its numbers put in, and the parts it is made of.

use polars::prelude::{Column as Series, DataFrame, IntoLazy};
use serde::Serialize;
use serde_json::Value;

use crate::cli::published::{Published, Row, text};
use crate::contract::{Column, Measure, Table, Type};
use crate::engine;
use crate::error::Result;

/// A column of the row with everything its contract says.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub column: String,
    pub value: Value,
    pub unit: String,
    pub description: String,
    /// SQL as the contract has it.
    pub formula: Option<String>,
    /// The same for people: without casts, and with the numbers of the row put in.
    pub arithmetic: Option<String>,
    pub with_numbers: Option<String>,
    /// The formula computed again from the row's own parts.
    pub computed_again: Option<Value>,
    pub parts: Vec<Part>,
    /// What was done to the figure before it was shown.
    pub shown_as: Vec<String>,
    /// Why it is empty, in general terms; the guard does not say which of them it is.
    pub may_be_empty_because: Vec<String>,
}

/// A column the figure is made of.
#[derive(Debug, Serialize, PartialEq)]
pub struct Part {
    pub column: String,
    pub value: Value,
    pub unit: String,
    pub is: &'static str,
}

/// Looks at one column of a row; `short` leaves out what a list of all figures has no room for.
pub fn figure(published: &Published, table: &Table, row: &Row, column: &Column, short: bool) -> Result<Figure> {
    let value = row.get(&column.name).cloned().unwrap_or(Value::Null);
    let mut figure = Figure {
        column: column.name.clone(),
        unit: column.unit.clone(),
        description: column.description.clone(),
        formula: None,
        arithmetic: None,
        with_numbers: None,
        computed_again: None,
        parts: Vec::new(),
        shown_as: Vec::new(),
        may_be_empty_because: Vec::new(),
        value,
    };
    if short {
        return Ok(figure);
    }
    if let Some(formula) = &column.formula {
        let plain = plain(formula);
        figure.with_numbers = Some(with_numbers(table, &plain, row));
        figure.arithmetic = Some(plain);
        figure.formula = Some(formula.clone());
        figure.computed_again = Some(compute(table, row, formula)?);
    }
    figure.parts = parts(table, row, column);
    if let Some(measure) = column.measure {
        figure.shown_as = shown_as(published, measure);
    }
    if figure.value.is_null() {
        figure.may_be_empty_because = empty(table, row, column, &figure.parts);
    }
    Ok(figure)
}

/// Formulas as people write them: `CAST(a AS DOUBLE) / NULLIF(b, 0)` is `a / b`.
fn plain(formula: &str) -> String {
    let mut text = formula.to_owned();
    for (open, close) in [("CAST(", " AS DOUBLE)"), ("NULLIF(", ", 0)")] {
        let mut from = 0;
        while let Some(at) = text[from..].find(open).map(|at| from + at) {
            let name: String = text[at + open.len()..].chars().take_while(|c| is_name(*c)).collect();
            let end = at + open.len() + name.len();
            if !name.is_empty() && text[end..].starts_with(close) {
                text.replace_range(at..end + close.len(), &name);
            }
            from = at + 1;
        }
    }
    text
}

fn is_name(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'
}

/// Words of a text, with whether each may be a column's name.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let named = is_name(first);
        let length = rest.find(|c| is_name(c) != named).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after;
    }
    words
}

/// The formula with each column's value in its place.
fn with_numbers(table: &Table, formula: &str, row: &Row) -> String {
    let put = |word: &str| match (table.column(word), row.get(word)) {
        (Some(_), None | Some(Value::Null)) => "(empty)".to_owned(),
        (Some(column), Some(value)) if column.data_type == Type::Text => format!("'{}'", text(value)),
        (Some(_), Some(value)) => text(value),
        (None, _) => word.to_owned(),
    };
    words(formula).into_iter().map(put).collect()
}

/// Columns of the same row that a formula names or, where there is none, that the description names.
fn parts(table: &Table, row: &Row, column: &Column) -> Vec<Part> {
    let mut found: Vec<Part> = Vec::new();
    let mut open = vec![column];
    while let Some(column) = open.pop() {
        let named = column.formula.as_deref().unwrap_or(&column.description);
        for word in words(named) {
            let Some(part) = table.column(word).filter(|part| part.name != column.name && !part.key) else { continue };
            let figure = matches!(part.data_type, Type::Int | Type::Double);
            if !figure || found.iter().any(|known| known.column == part.name) {
                continue;
            }
            found.push(Part {
                column: part.name.clone(),
                value: row.get(&part.name).cloned().unwrap_or(Value::Null),
                unit: part.unit.clone(),
                is: kind(part),
            });
            // What a part is made of belongs to the whole as well; counts are the ground.
            if part.measure.is_none() && (part.formula.is_some() || column.formula.is_none()) {
                open.push(part);
            }
        }
        if column.measure.is_some() {
            // A count is made of rows, not of the columns that its description compares it with.
            found.clear();
        }
    }
    found
}

fn kind(column: &Column) -> &'static str {
    match (column.measure, &column.formula) {
        (Some(Measure::Population), _) => "people, counted exactly",
        (Some(Measure::People), _) => "people, counted",
        (Some(Measure::Events), _) => "events, counted",
        (Some(Measure::Sum), _) => "a sum over people",
        (None, Some(_)) => "computed from its parts",
        (None, None) => "computed after the guard",
    }
}

fn shown_as(published: &Published, measure: Measure) -> Vec<String> {
    let (k, rounding) = (published.job.policy.smallest_group, published.job.policy.rounding);
    let exact = rounding == 1;
    match measure {
        Measure::Population => {
            vec![format!("People are counted exactly; the row is shown only where they are at least {k}.")]
        }
        Measure::People | Measure::Events if exact => {
            vec!["Counted exactly: the policy does not round. A count of nobody or of everybody is withheld.".into()]
        }
        Measure::People => vec![format!(
            "Rounded to the nearest {rounding}, and never above the largest multiple of {rounding} within the people of the row."
        )],
        Measure::Events => vec![
            format!("Rounded to the nearest {rounding}."),
            format!(
                "Shown only where at least {k} people contributed and no one or two of them make up nearly all of it."
            ),
        ],
        Measure::Sum => vec![
            "Shown to three significant digits.".into(),
            format!(
                "Shown only where at least {k} people contributed and no one or two of them make up nearly all of it."
            ),
        ],
    }
}

fn empty(table: &Table, row: &Row, column: &Column, parts: &[Part]) -> Vec<String> {
    let mut why = Vec::new();
    if row.get("status").and_then(Value::as_str) == Some("withheld") {
        return vec!["The whole row is withheld, so it shows no figure about people.".into()];
    }
    let hidden: Vec<&str> = parts.iter().filter(|part| part.value.is_null()).map(|part| part.column.as_str()).collect();
    if !hidden.is_empty() {
        why.push(format!("A part is empty: {}.", hidden.join(", ")));
    }
    let zero: Vec<&str> =
        parts.iter().filter(|part| part.value.as_f64() == Some(0.0)).map(|part| part.column.as_str()).collect();
    if column.formula.is_some() && !zero.is_empty() {
        why.push(format!("There is nothing to divide by where {} is 0.", zero.join(", ")));
    }
    if column.measure.is_some() {
        why.push("Too few people are behind the count, or showing it would give away that of a neighbour; the table does not say which.".into());
    }
    if why.is_empty() {
        why.push(format!(
            "See its definition: {}",
            table.column(&column.name).map_or("", |column| &column.description)
        ));
    }
    why
}

/// Computes a formula from the values of a row, as the run did.
fn compute(table: &Table, row: &Row, formula: &str) -> Result<Value> {
    let columns = table
        .stored()
        .map(|column| {
            let (name, value) = (column.name.as_str().into(), row.get(&column.name));
            match column.data_type {
                Type::Int => Series::new(name, [value.and_then(Value::as_i64)]),
                Type::Double => Series::new(name, [value.and_then(Value::as_f64)]),
                Type::Bool => Series::new(name, [value.and_then(Value::as_bool)]),
                Type::Text | Type::Date | Type::Timestamp => {
                    Series::new(name, [value.and_then(Value::as_str).map(str::to_owned)])
                }
            }
        })
        .collect();
    let row = DataFrame::new(1, columns)?;
    let found = engine::sql(&format!("SELECT {formula} AS figure FROM parts"), vec![("parts", row.lazy())])?;
    let figure = found.column("figure")?.cast(&polars::prelude::DataType::Float64)?;
    Ok(figure.f64()?.get(0).filter(|value| value.is_finite()).map_or(Value::Null, Value::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalog;
    use serde_json::json;

    fn row() -> Row {
        let cells = json!({"grain": "month", "active_learners": 40, "headcount": 160, "active_rate": 0.25,
            "daily_active_sum": 210, "working_days": 21, "due": 0, "due_completed": null});
        cells.as_object().cloned().unwrap()
    }

    #[test]
    fn a_formula_is_told_as_people_write_it_with_its_numbers() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("adoption_kpis").unwrap();
        let told = |name: &str| {
            let formula = plain(table.column(name).unwrap().formula.as_deref().unwrap());
            (with_numbers(table, &formula, &row()), formula)
        };
        assert_eq!(told("active_rate"), ("40 / 160".into(), "active_learners / headcount".into()));
        assert_eq!(told("completion_rate").0, "(empty) / 0");
        assert_eq!(told("stickiness").0, "CASE WHEN 'month' IN ('month', 'quarter') THEN 210 / 21 / 40 END");
    }

    #[test]
    fn a_formula_is_computed_again_from_the_parts_of_the_row() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("adoption_kpis").unwrap();
        let again =
            |name: &str| compute(table, &row(), table.column(name).unwrap().formula.as_deref().unwrap()).unwrap();
        assert_eq!(again("active_rate"), json!(0.25));
        assert_eq!(again("stickiness"), json!(0.25));
        assert_eq!(again("completion_rate"), Value::Null);
    }

    #[test]
    fn the_parts_of_a_bound_are_the_rate_and_the_counts_below_it() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("adoption_kpis").unwrap();
        let names = |name: &str| -> Vec<String> {
            parts(table, &row(), table.column(name).unwrap()).into_iter().map(|part| part.column).collect()
        };
        assert_eq!(names("active_rate_low"), ["active_rate", "active_learners", "headcount"]);
        assert_eq!(names("active_rate"), ["active_learners", "headcount"]);
        assert_eq!(names("due_completed"), Vec::<String>::new(), "a count is the ground");
    }
}
