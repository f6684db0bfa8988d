//! The data dictionary: every table as Markdown (`schemas/README.md`, generated) and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::contract::{Area, Catalog, Column, ContractError, Measure, Partition, Table, Type};

/// How a reader is told that the guard stands before a column.
pub fn protection(column: &Column) -> &'static str {
    match (column.measure, &column.formula) {
        (Some(Measure::Population), _) => "population",
        (Some(Measure::People), _) => "people",
        (Some(Measure::Events), _) => "events",
        (Some(Measure::Sum), _) => "sum",
        (None, Some(_)) => "derived",
        (None, None) if column.privacy == crate::contract::Privacy::Aggregate => "derived",
        (None, None) => "open",
    }
}

/// Whether a column is a number that says something, rather than a key or a label.
pub fn is_figure(column: &Column) -> bool {
    !column.key && matches!(column.data_type, Type::Int | Type::Double)
}

/// The figures of all marts, table by table: the rows of `dim_kpi`. Dimensions have numbers, too, but no figures.
pub fn figures(catalog: &Catalog) -> impl Iterator<Item = (&Table, &Column)> {
    let marts = catalog.tables().filter(|table| table.area == Area::Marts && !table.name.starts_with("dim_"));
    marts.flat_map(|table| table.columns.iter().filter(|column| is_figure(column)).map(move |column| (table, column)))
}

/// The whole dictionary as one page.
pub fn markdown(catalog: &Catalog) -> String {
    let mut page = String::from(HEAD);
    for (area, title, about) in AREAS {
        let _ = writeln!(page, "\n**{title}** — {about}\n");
        for table in catalog.tables().filter(|table| table.area == area) {
            let _ = writeln!(page, "- [`{0}`](#{0}): {1}", table.name, table.grain);
        }
    }
    for (area, title, about) in AREAS {
        let _ = writeln!(page, "\n# {title}\n\n{about}");
        for table in catalog.tables().filter(|table| table.area == area) {
            let _ = write!(page, "\n{}", section(catalog, table));
        }
    }
    page
}

/// One table as Markdown.
///
/// # Errors
/// There is no such table.
pub fn markdown_table(catalog: &Catalog, table: &str) -> Result<String, ContractError> {
    Ok(section(catalog, catalog.require(table)?))
}

/// All tables, or one, as JSON.
///
/// # Errors
/// There is no such table.
pub fn json(catalog: &Catalog, table: Option<&str>) -> Result<Value, ContractError> {
    match table {
        Some(name) => Ok(table_json(catalog, catalog.require(name)?)),
        None => Ok(json!({ "tables": catalog.tables().map(|table| table_json(catalog, table)).collect::<Vec<_>>() })),
    }
}

const HEAD: &str = "\
<!-- Generated from the contracts in this folder by `make dictionary`; edit those. -->
# Data dictionary

Every table the product writes, with its grain, key and columns. The contracts (`canon/*.toml`, `mart/*.toml`,
`columns.toml`, `warnings.toml`) are the source; this page and the descriptions inside the Parquet files are made from them.

## How to read it

- **Where**: BI opens `marts/latest/<table>.parquet`, one object a table at a stable address. `restricted/latest/` and
  `ops/latest/` are laid out alike for their own readers; `canon/` has none.
- **Types**: `text` (all ids too), `bool`, `i64`, `f64`, `date` (a day in the reporting zone), `timestamp` (UTC, microseconds).
  Rates are `f64` from 0 to 1: format them as percentages. No nested types; lists are text joined by `;`.
- **Periods** are half-open: a start is the first day in, an end the first day out. Weeks are ISO weeks.
- **Empty means not shown or not defined**, never 0. A rate without a denominator is empty. Parts of a ratio are columns of the same row.
- **Privacy**: `public` says nothing about people, `aggregate` is about groups and left through the guard, `person` is about one
  person and stands in no table under `marts/`.
- **Shown** says how the guard shows a figure: *population* exactly; *people* and *events* rounded to 5, *sum* to three
  significant digits; *derived* figures are computed from shown ones, so they are empty where those are.
- In the tables below **key** marks the key, **required** a column that is never empty.
";

const AREAS: [(Area, &str, &str); 4] = [
    (Area::Marts, "Marts", "aggregates and dimensions for everybody with BI access."),
    (
        Area::Restricted,
        "Restricted",
        "small scopes and rows about consented items, for named readers, under `restricted/`.",
    ),
    (
        Area::Ops,
        "Operations",
        "what the pipeline read, refused and did, under `ops/`. Counts of deliveries and rows, not of people.",
    ),
    (
        Area::Canon,
        "Canon",
        "pseudonymous rows of one meaning, whatever the vendor; the only input of the marts. A feed fills one of these.",
    ),
];

fn section(catalog: &Catalog, table: &Table) -> String {
    let mut out = format!("## {}\n\n{}\n\n", table.name, table.description);
    let _ = writeln!(out, "- Grain: {}", table.grain);
    if !table.key.is_empty() {
        let _ = writeln!(out, "- Key: {}", codes(&table.key));
    }
    if table.sort != table.key {
        let _ = writeln!(out, "- Sorted by: {}", codes(&table.sort));
    }
    match (table.area, table.partition, &table.day) {
        (Area::Canon, Partition::Day, Some(day)) => {
            let _ = writeln!(out, "- Where: `canon/data/{}/`, one file per reporting-zone day of `{day}`", table.name);
        }
        (Area::Canon, ..) => {
            let _ = writeln!(out, "- Where: `canon/data/{}/`", table.name);
        }
        (area, ..) => {
            let _ = writeln!(out, "- Where: `{}/latest/{}.parquet`", area.as_str(), table.name);
        }
    }
    if !table.reads.is_empty() {
        let _ = writeln!(
            out,
            "- Computed from: {}",
            table.reads.iter().map(|read| format!("[`{0}`](#{0})", read.table)).collect::<Vec<_>>().join(", ")
        );
    }
    let _ = writeln!(out, "- Contract: `{}`", table.hash);
    if !table.warnings.is_empty() {
        out.push_str("\nBefore use:\n\n");
        for code in &table.warnings {
            let _ = writeln!(out, "- *{code}*: {}", catalog.warning(code).unwrap_or_default());
        }
    }
    if let Some(twin) = twin(catalog, table) {
        let _ = writeln!(out, "\nColumns: exactly those of [`{0}`](#{0}).", twin.name);
        return out;
    }
    let guarded = table.columns.iter().any(|column| column.measure.is_some());
    out.push_str(if guarded {
        "\n| column | type | unit | privacy | shown | meaning |\n|---|---|---|---|---|---|\n"
    } else {
        "\n| column | type | unit | privacy | meaning |\n|---|---|---|---|---|\n"
    });
    for column in &table.columns {
        let shown = if guarded && is_figure(column) { protection(column) } else { "" };
        let shown = if guarded { format!(" {shown} |") } else { String::new() };
        let _ = writeln!(
            out,
            "| `{}`{} | {} | {} | {} |{shown} {} |",
            column.name,
            marks(column),
            column.data_type,
            cell(&column.unit),
            column.privacy,
            cell(&meaning(column))
        );
    }
    out
}

/// An earlier table of the marts with the same columns: the dictionary refers to it instead of repeating some forty rows.
fn twin<'a>(catalog: &'a Catalog, table: &Table) -> Option<&'a Table> {
    let alike = |other: &&Table| {
        other.area == Area::Marts
            && other.name < table.name
            && other.columns.len() == table.columns.len()
            && other
                .columns
                .iter()
                .zip(&table.columns)
                .all(|(a, b)| (&a.name, a.data_type, &a.formula) == (&b.name, b.data_type, &b.formula))
    };
    catalog.tables().find(alike)
}

fn marks(column: &Column) -> &'static str {
    match (column.key, column.required) {
        (true, true) => " **key**",
        (true, false) => " **key**, may be empty",
        (false, true) => " **required**",
        (false, false) => "",
    }
}

fn meaning(column: &Column) -> String {
    let mut text = column.description.clone();
    if !column.values.is_empty() {
        let _ = write!(text, " One of: {}.", codes(&column.values));
    }
    match column.range {
        (Some(low), Some(high)) => {
            let _ = write!(text, " From {low} to {high}.");
        }
        // That a count is not negative needs no words.
        (Some(low), None) if low != 0.0 => {
            let _ = write!(text, " At least {low}.");
        }
        (None, Some(high)) => {
            let _ = write!(text, " At most {high}.");
        }
        _ => {}
    }
    if let Some(usual) = column.noted_above {
        let _ = write!(text, " Above {usual} it is kept and counted.");
    }
    match (column.made_of(), &column.domain) {
        (None, Some(_)) if column.made_day().is_some() || column.is_day_of().is_some() => {
            text.push_str(" Made at reading.")
        }
        (Some((_, of)), _) => {
            let _ = write!(text, " Made of `{of}` at reading.");
        }
        (None, Some(domain)) => {
            let _ = write!(text, " Stored as a pseudonym (`{domain}`).");
        }
        (None, None) => {}
    }
    if column.transient {
        text.push_str(" Never stored.");
    }
    if let Some(formula) = &column.formula {
        let _ = write!(text, " Formula: `{formula}`.");
    }
    text
}

fn codes(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A cell of a Markdown table: one line, no bar that would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn table_json(catalog: &Catalog, table: &Table) -> Value {
    let warnings: Vec<Value> =
        table.warnings.iter().map(|code| json!({ "code": code, "sentence": catalog.warning(code) })).collect();
    json!({
        "name": table.name,
        "area": table.area.as_str(),
        "description": table.description,
        "grain": table.grain,
        "key": table.key,
        "sort": table.sort,
        "reads": table.reads.iter().map(|read| &read.table).collect::<Vec<_>>(),
        "warnings": warnings,
        "contract": table.hash,
        "columns": table.columns.iter().map(column_json).collect::<Vec<_>>(),
    })
}

fn column_json(column: &Column) -> Value {
    json!({
        "name": column.name,
        "type": column.data_type.to_string(),
        "unit": column.unit,
        "description": column.description,
        "privacy": column.privacy.to_string(),
        "key": column.key,
        "required": column.required,
        "values": column.values,
        "min": column.range.0,
        "max": column.range.1,
        "domain": column.domain,
        "transient": column.transient,
        "protection": protection(column),
        "formula": column.formula,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        Catalog::load().unwrap()
    }

    #[test]
    fn every_table_and_column_is_on_the_page() {
        let catalog = catalog();
        let page = markdown(&catalog);
        for table in catalog.tables() {
            assert!(page.contains(&format!("\n## {}\n", table.name)), "{} has no section", table.name);
            let section = markdown_table(&catalog, &table.name).unwrap();
            for column in &table.columns {
                let there =
                    section.contains(&format!("| `{}`", column.name)) || section.contains("Columns: exactly those of");
                assert!(there, "{}.{} has no row", table.name, column.name);
            }
        }
    }

    #[test]
    fn every_row_of_a_table_has_the_cells_of_its_head() {
        let page = markdown(&catalog());
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let mut head = 0;
        for line in page.lines() {
            if line.starts_with("| column") {
                head = bars(line);
            } else if line.starts_with('|') {
                assert_eq!(bars(line), head, "{line}");
            }
        }
        assert!(head > 0);
    }

    #[test]
    fn a_rate_is_explained_with_its_formula_and_its_empty_cases() {
        let section = markdown_table(&catalog(), "adoption_kpis").unwrap();
        let row = section.lines().find(|line| line.starts_with("| `active_rate` ")).unwrap();
        assert!(row.contains("| share of headcount | aggregate | derived |"), "{row}");
        assert!(row.contains("Formula: `CAST(active_learners AS DOUBLE) / NULLIF(headcount, 0)`"), "{row}");
        assert!(row.contains("Empty where"), "{row}");
    }

    #[test]
    fn manager_scopes_have_the_columns_of_the_other_scopes() {
        let catalog = catalog();
        let names = |table: &str| {
            catalog.require(table).unwrap().columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names("adoption_kpis_managers"), names("adoption_kpis"));
        assert!(
            markdown_table(&catalog, "adoption_kpis_managers").unwrap().contains("exactly those of [`adoption_kpis`]")
        );
    }

    #[test]
    fn a_cell_stays_one_cell() {
        assert_eq!(cell("a|b\nc"), "a\\|b c");
    }

    #[test]
    fn a_number_in_a_key_is_no_figure() {
        let catalog = catalog();
        let figure = |name: &str| is_figure(catalog.require("runs").unwrap().column(name).unwrap());
        assert_eq!((figure("commit_no"), figure("rows_read"), figure("as_of")), (false, true, false));
    }

    #[test]
    fn figures_are_the_numbers_of_marts_without_their_keys() {
        let catalog = catalog();
        let names: Vec<String> =
            figures(&catalog).map(|(table, column)| format!("{}.{}", table.name, column.name)).collect();
        assert!(names.contains(&"adoption_kpis.headcount".to_owned()));
        assert!(names.contains(&"adoption_kpis.stickiness".to_owned()));
        assert!(
            !names.iter().any(|name| name.starts_with("dim_") || name.ends_with(".status") || name.ends_with("_id")),
            "{names:?}"
        );
    }

    /// Names that the inputs and marts use for two things: a mandatory enrollment and the people who must hold a certification, a share
    /// of what was due and a share of viewers, progress in a course and the way to a key result. Beside them, `score` is a test result (a share) and a rating (points).
    const TWO_MEANINGS: [(&str, &str); 3] =
        [("certification_status", "required"), ("content_engagement", "completion_rate"), ("okr_progress", "progress")];

    /// One name, one meaning: what differs in type or unit is another thing and wants another name.
    #[test]
    fn a_name_has_one_type_and_one_unit_in_all_tables() {
        let catalog = catalog();
        let mut known: std::collections::BTreeMap<&str, (&Table, &Column)> = std::collections::BTreeMap::new();
        for table in catalog.tables().filter(|table| !table.name.starts_with("rubric_scores")) {
            let other_meaning = |column: &Column| TWO_MEANINGS.contains(&(&table.name, &column.name));
            for column in table.columns.iter().filter(|column| !other_meaning(column)) {
                let (first, other) = *known.entry(&column.name).or_insert((table, column));
                let same = (column.data_type, &column.unit) == (other.data_type, &other.unit);
                assert!(same, "{} in {} and in {}", column.name, first.name, table.name);
            }
        }
    }

    #[test]
    fn a_table_about_people_has_one_population_and_says_what_is_withheld() {
        let catalog = catalog();
        for table in catalog.tables().filter(|table| table.columns.iter().any(|column| column.measure.is_some())) {
            let populations = table.columns.iter().filter(|column| column.measure == Some(Measure::Population)).count();
            assert_eq!(populations, 1, "{}", table.name);
            let status = table.column("status").map(|status| status.values.clone()).unwrap_or_default();
            // The status of a goal says more than that it is published.
            assert!(status.iter().any(|value| value == "withheld"), "{}", table.name);
            assert!(table.warnings.iter().any(|code| code == "suppressed"), "{}", table.name);
        }
    }

    #[test]
    fn one_table_or_all_as_json() {
        let catalog = catalog();
        let one = json(&catalog, Some("dim_date")).unwrap();
        assert_eq!(
            (&one["name"], &one["key"][0], &one["columns"][0]["type"]),
            (&json!("dim_date"), &json!("date"), &json!("date"))
        );
        let all = json(&catalog, None).unwrap();
        assert_eq!(all["tables"].as_array().unwrap().len(), catalog.tables().count());
        assert_eq!(json(&catalog, Some("nothing")).unwrap_err().to_string(), "contract nothing: has no contract");
    }
}
