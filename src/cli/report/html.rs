//! Text, numbers and tables as HTML. Whatever comes from a table is escaped here.

use serde_json::Value;

use crate::cli::published::{Row, text};
use crate::cli::terminal;

/// Text that cannot end or begin anything in HTML, and that shows its control and direction-changing characters.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in terminal::plain(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// JSON that cannot end the script element it stands in.
pub fn json(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(value)?;
    let escaped = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    Ok(escaped.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

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
    /// As HTML of the caller's making.
    With(fn(&Row) -> String),
}

impl Column {
    pub fn new(name: &'static str, head: impl Into<String>, unit: impl Into<String>) -> Column {
        Column { head: head.into(), name, show: Show::In(unit.into()) }
    }

    pub fn with(name: &'static str, head: impl Into<String>, show: Show) -> Column {
        Column { head: head.into(), name, show }
    }
}

/// A table of the page: rows of a published table, each cell with its full value, each row with its key.
pub fn table(source: &str, caption: &str, key: &[String], columns: &[Column], rows: &[Row]) -> String {
    let null = Value::Null;
    let number = |column: &Column| rows.iter().any(|row| row.get(column.name).is_some_and(Value::is_number));
    let classes: Vec<&str> =
        columns.iter().map(|column| if number(column) { " class=\"number\"" } else { "" }).collect();
    let mut html = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">\n<table data-table=\"{source}\">\n<caption>{caption} <span class=\"source\">from {source}</span></caption>\n<thead><tr>",
        caption = escape(caption),
        source = escape(source)
    );
    for (column, class) in columns.iter().zip(&classes) {
        html.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(&column.head)));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        let key: Vec<String> = key.iter().filter_map(|part| Some(format!("{part}={}", text(row.get(part)?)))).collect();
        html.push_str(&format!("<tr data-key=\"{}\">", escape(&key.join(","))));
        for (at, column) in columns.iter().enumerate() {
            let value = row.get(column.name).unwrap_or(&null);
            let unit = |name: &str| row.get(name).map(text).unwrap_or_default();
            let cell = match &column.show {
                Show::In(own) => escape(&shown(value, own)),
                Show::InUnitOf(name) => escape(&shown(value, &unit(name))),
                Show::ChangeInUnitOf(name) => escape(&change(value, &unit(name))),
                Show::With(show) => show(row),
            };
            let class = classes[at];
            let data = format!("data-column=\"{}\" data-value=\"{}\"{class}", column.name, escape(&text(value)));
            let tag = if at == 0 { ("th scope=\"row\"", "th") } else { ("td", "td") };
            html.push_str(&format!("<{} {data}>{cell}</{}>", tag.0, tag.1));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
    html
}

/// A place for a chart, with the table behind it folded away.
pub fn figure(id: &str, title: &str, table: &str) -> String {
    let (id, title) = (escape(id), escape(title));
    let behind = if table.is_empty() {
        String::new()
    } else {
        format!("<details><summary>Numbers<span class=\"unseen\"> behind {title}</span></summary>\n{table}</details>\n")
    };
    format!(
        "<figure data-chart=\"{id}\"><figcaption>{title}</figcaption><div class=\"plot\"></div>\n{behind}</figure>\n"
    )
}

/// A sentence in place of what is not there.
pub fn absent(sentence: &str) -> String {
    format!("<p class=\"absent\">{}</p>\n", escape(sentence))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_out_of_the_data_is_text_and_never_markup() {
        assert_eq!(escape("<b>&\"'\u{202e}"), "&lt;b&gt;&amp;&quot;&#39;\\u{202e}");
        assert_eq!(json(&json!({"n": "</script><!--"})).unwrap(), "{\"n\":\"\\u003c/script\\u003e\\u003c!--\"}");
    }

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
        let html = table("marts/x", "Rates", &["scope_id".to_owned()], &columns, &rows);
        assert!(html.contains("<tr data-key=\"scope_id=a&lt;b\">"), "{html}");
        assert!(
            html.contains("data-column=\"rate\" data-value=\"0.30000000000000004\" class=\"number\">30\u{a0}%</td>"),
            "{html}"
        );
    }
}
