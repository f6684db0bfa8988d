//! Numbers, tables and figures as HTML.

use maud::{Markup, html};
use serde_json::Value;

use crate::cli::published::{Row, text};

/// A value as people read it: shares as percentages, other numbers to three digits, a dash for what is not shown.
pub fn shown(value: &Value, unit: &str) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) if number.is_f64() => {
            let value = number.as_f64().unwrap_or_default();
            if unit.starts_with("share") { format!("{}\u{a0}%", digits(100.0 * value, 1)) } else { real(value) }
        }
        other => text(other),
    }
}

/// A difference with its sign; of shares in percentage points.
pub fn change(value: &Value, unit: &str) -> String {
    let Some(change) = value.as_f64() else { return "–".to_owned() };
    let (amount, of) =
        if unit.starts_with("share") { (digits(100.0 * change, 1), "\u{a0}points") } else { (real(change), "") };
    let sign = if amount.starts_with('-') || amount == "0" { "" } else { "+" };
    format!("{sign}{amount}{of}").replace('-', "\u{2212}")
}

/// Three significant digits, but never fewer than the whole part has.
fn real(value: f64) -> String {
    let whole = if value.abs() >= 1.0 { value.abs().log10().floor() as usize + 1 } else { 0 };
    digits(value, if value == 0.0 { 0 } else { 3usize.saturating_sub(whole).max(usize::from(whole == 0) * 3) })
}

/// So many decimals, without zeros at the end and without a minus before nothing.
fn digits(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A column of a table on the page.
pub struct Column {
    /// What stands above it.
    pub head: String,
    /// The column of the published table.
    pub name: &'static str,
    pub show: Show,
}

/// How a column's values are written.
pub enum Show {
    /// By the value's own type, with this unit.
    In(String),
    /// With the unit that stands in another column of the row.
    InUnitOf(&'static str),
    /// As a difference, with the unit that stands in another column.
    ChangeInUnitOf(&'static str),
    /// As the caller writes it.
    With(fn(&Row) -> Markup),
}

impl Column {
    pub fn new(name: &'static str, head: impl Into<String>, unit: impl Into<String>) -> Column {
        Column { head: head.into(), name, show: Show::In(unit.into()) }
    }

    pub fn with(name: &'static str, head: impl Into<String>, show: Show) -> Column {
        Column { head: head.into(), name, show }
    }

    /// What stands in the column's cell of a row.
    fn cell(&self, row: &Row) -> Markup {
        let value = row.get(self.name).unwrap_or(&Value::Null);
        let unit = |name: &str| row.get(name).map(text).unwrap_or_default();
        let words = match &self.show {
            Show::In(own) => shown(value, own),
            Show::InUnitOf(name) => shown(value, &unit(name)),
            Show::ChangeInUnitOf(name) => change(value, &unit(name)),
            Show::With(show) => return show(row),
        };
        html! { (words) }
    }
}

/// A table of the page: rows of a published table, each cell with its full value, each row with its key and on its own line.
pub fn table(source: &str, caption: &str, key: &[String], columns: &[Column], rows: &[Row]) -> Markup {
    let number = |column: &Column| rows.iter().any(|row| row.get(column.name).is_some_and(Value::is_number));
    let classes: Vec<Option<&str>> = columns.iter().map(|column| number(column).then_some("number")).collect();
    let key_of = |row: &Row| -> String {
        let parts = key.iter().filter_map(|part| Some(format!("{part}={}", text(row.get(part)?))));
        parts.collect::<Vec<_>>().join(",")
    };
    let value = |row: &Row, column: &Column| row.get(column.name).map(text).unwrap_or_default();
    html! {
        div.scroll role="region" tabindex="0" aria-label=(caption) {
            table data-table=(source) {
                caption { (caption) " " span.source { "from " (source) } }
                thead {
                    tr {
                        @for (column, class) in columns.iter().zip(&classes) {
                            th scope="col" class=[class] { (column.head) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        "\n"
                        tr data-key=(key_of(row)) {
                            @for (at, (column, class)) in columns.iter().zip(&classes).enumerate() {
                                @let (name, value, cell) = (column.name, value(row, column), column.cell(row));
                                @if at == 0 {
                                    th scope="row" data-column=(name) data-value=(value) class=[class] { (cell) }
                                } @else {
                                    td data-column=(name) data-value=(value) class=[class] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A place for a chart, with the table behind it folded away.
pub fn figure(id: &str, title: &str, table: &Markup) -> Markup {
    html! {
        figure data-chart=(id) {
            figcaption { (title) }
            div.plot {}
            details {
                summary { "Numbers" span.unseen { " behind " (title) } }
                (table)
            }
        }
    }
}

/// A sentence in place of what is not there.
pub fn absent(sentence: &str) -> Markup {
    html! { p.absent { (sentence) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_as_people_read_them() {
        let of = |value: Value, unit: &str| shown(&value, unit);
        assert_eq!(of(json!(0.43252), "share of headcount"), "43.3\u{a0}%");
        assert_eq!(of(json!(1.0), "share of due"), "100\u{a0}%");
        assert_eq!(of(json!(0.0), "share of due"), "0\u{a0}%");
        assert_eq!(
            [1.2345, 12.345, 1234.5, 0.01234, 0.0].map(|value| of(json!(value), "hours")),
            ["1.23", "12.3", "1234", "0.012", "0"]
        );
        assert_eq!((of(json!(320), "people"), of(Value::Null, "people")), ("320".into(), "–".into()));
        assert_eq!(change(&json!(0.021), "share of due"), "+2.1\u{a0}points");
        assert_eq!(change(&json!(-15.0), "people"), "\u{2212}15");
        assert_eq!(change(&json!(-0.00001), "share of due"), "0\u{a0}points");
    }

    #[test]
    fn a_cell_holds_its_full_value_and_a_row_its_key() {
        let rows = [json!({"scope_id": "a<b", "rate": 0.1 + 0.2}).as_object().cloned().unwrap()];
        let columns = [Column::new("scope_id", "Unit", ""), Column::new("rate", "Rate", "share of all")];
        let html = table("marts/x", "Rates", &["scope_id".to_owned()], &columns, &rows).into_string();
        assert!(html.contains("<tr data-key=\"scope_id=a&lt;b\">"), "{html}");
        assert!(
            html.contains("data-column=\"rate\" data-value=\"0.30000000000000004\" class=\"number\">30\u{a0}%</td>"),
            "{html}"
        );
    }
}
