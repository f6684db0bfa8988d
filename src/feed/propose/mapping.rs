//! One line of a draft: where a column comes from and how its values are written.

use std::collections::BTreeSet;

use super::guess::{Columns, bare};
use super::head::Head;
use super::profile::{DATES, LANGUAGES, is_email, reads};
use super::{quoted, words};
use crate::contract::{Column, Table, Type};
use crate::feed::duration;

/// A column of a draft.
pub(super) struct Mapped {
    pub line: String,
    /// Positions of the headers it reads.
    pub reads: Vec<usize>,
    /// It reads clocks without an offset.
    pub is_local: bool,
}

/// Whether day comes before month in dates of numbers, as far as the whole file says: the values of all its dates together.
pub(super) fn day_first(head: &Head) -> Option<bool> {
    let (mut day, mut month) = (false, false);
    for at in 0..head.names.len() {
        for value in head.values(at) {
            let parts: Vec<&str> = value.split([' ', ',']).next().unwrap_or_default().split(['/', '.', '-']).collect();
            let [Ok(first), Ok(second)] = [parts.first(), parts.get(1)].map(|part| part.unwrap_or(&"").parse::<u32>())
            else {
                continue;
            };
            if parts.len() == 3 && parts[0].len() <= 2 && parts[1].len() <= 2 {
                day |= first > 12 && first <= 31 && second <= 12;
                month |= second > 12 && second <= 31 && first <= 12;
            }
        }
    }
    (day != month).then_some(day)
}

/// The mapping of a column whose header was found.
pub(super) fn mapping(table: &Table, column: &Column, head: &Head, at: usize, order: Option<bool>) -> Mapped {
    let values = head.values(at);
    let mut parts = vec![format!("from = {}", quoted(&head.names[at]))];
    if !column.required {
        parts.push("optional = true".into());
    }
    let mut comment = String::new();
    let mut is_local = false;
    match column.data_type {
        Type::Date | Type::Timestamp => {
            let (forms, language, ambiguous) = dates(&values, order);
            if forms != ["iso"] && !forms.is_empty() {
                parts.push(format!("date = {}", list(&forms)));
            }
            if let Some(language) = language {
                parts.push(format!("locale = {}", quoted(language)));
            }
            if ambiguous {
                comment = "   # check day and month: the sample does not say which comes first".into();
            }
            let has_clock = |value: &str| value.contains(':');
            let has_offset = |value: &str| {
                value.ends_with('Z') || value.ends_with("UTC") || value.rfind(['+', '-']).is_some_and(|at| at > 10)
            };
            is_local = column.data_type == Type::Timestamp
                && values.iter().any(|value| has_clock(value) && !has_offset(value));
        }
        Type::Int | Type::Double => comment = number(column, &head.names[at], &values, &mut parts),
        Type::Bool => closed(table, column, &values, true, &mut parts, &mut comment),
        Type::Text if !column.values.is_empty() => closed(table, column, &values, false, &mut parts, &mut comment),
        // Accounts are told by their address in one export and in another: the same whatever the case.
        Type::Text if column.domain.as_deref() != Some("email") && mostly(&values, is_email) => {
            parts.push("as = \"email\"".into())
        }
        Type::Text => {}
    }
    Mapped { line: format!("{} = {{ {} }}{comment}", column.name, parts.join(", ")), reads: vec![at], is_local }
}

fn mostly(values: &[&str], fits: impl Fn(&str) -> bool) -> bool {
    !values.is_empty() && values.iter().filter(|value| fits(value)).count() * 2 > values.len()
}

fn list(texts: &[&str]) -> String {
    match texts {
        [one] => quoted(one),
        several => format!("[{}]", several.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ")),
    }
}

/// The forms that together read a sample, fewest first; the language of its months; whether day and month may be the other way round.
fn dates<'f>(values: &[&str], order: Option<bool>) -> (Vec<&'f str>, Option<&'f str>, bool) {
    let day_leads = |form: &str| form.starts_with("%d/%m") || form.starts_with("%d-%m");
    let month_leads = |form: &str| form.starts_with("%m/%d");
    let allowed: Vec<&'f str> = DATES
        .iter()
        .copied()
        .filter(|form| match order {
            Some(true) => !month_leads(form),
            Some(false) => !day_leads(form),
            None => true,
        })
        .collect();
    let mut best: (Vec<&'f str>, usize, Option<&'f str>) = (Vec::new(), 0, None);
    for language in LANGUAGES {
        let mut left: Vec<&str> = values.to_vec();
        let mut forms = Vec::new();
        while !left.is_empty() && forms.len() < 4 {
            let count = |form: &&&'f str| left.iter().filter(|value| reads(form, value, language)).count();
            // Of several forms that read as many the more usual comes first.
            let Some(form) = allowed.iter().rev().max_by_key(count).filter(|form| count(form) > 0) else { break };
            left.retain(|value| !reads(form, value, language));
            forms.push(*form);
        }
        let read = values.len() - left.len();
        if read > best.1 {
            let names_months = forms.iter().any(|form: &&str| form.contains("%b") || form.contains("%B"));
            best = (forms, read, names_months.then_some(language));
        }
    }
    let is_ambiguous = order.is_none() && best.0.iter().any(|form| day_leads(form) || month_leads(form));
    (best.0, best.2, is_ambiguous)
}

/// Units and signs of a number, and what is to be checked of them.
fn number(column: &Column, header: &str, values: &[&str], parts: &mut Vec<String>) -> String {
    let name = header.to_lowercase();
    let all = |fits: &dyn Fn(&str) -> bool| !values.is_empty() && values.iter().all(|value| fits(value));
    if all(&|value| value.starts_with('P')) {
        parts.push("as = \"iso_duration\"".into());
        return String::new();
    }
    if mostly(values, |value| value.contains(':')) && all(&|value| duration::clock(value).is_ok()) {
        parts.push("as = \"clock\"".into());
        return String::new();
    }
    let percent = mostly(values, |value| value.ends_with('%'));
    if percent {
        parts.push("extract = \"{}%\"".into());
    }
    // A comma with other than three digits behind it, or a point before it, is a decimal one.
    let decimal_comma = values.iter().any(|value| {
        let bare = value.trim_end_matches(['%', ' ']);
        bare.rsplit_once(',')
            .is_some_and(|(before, after)| before.contains('.') || (after.len() != 3 && !after.contains('.')))
    });
    if decimal_comma {
        parts.push("decimal_comma = true".into());
        if values.iter().any(|value| value.contains('.')) {
            parts.push("thousands = \".\"".into());
        }
    } else if values.iter().any(|value| value.contains(',')) {
        parts.push("thousands = \",\"".into());
    }
    let number = |value: &&str| {
        let plain: String = value.chars().filter(|c| c.is_ascii_digit() || *c == '.' || *c == ',').collect();
        let plain = if decimal_comma { plain.replace('.', "").replace(',', ".") } else { plain.replace(',', "") };
        plain.parse::<f64>().ok()
    };
    let most = values.iter().filter_map(number).fold(0.0, f64::max);
    let is_share = ["progress", "score", "fte"].contains(&column.name.as_str());
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let factor = match column.name.as_str() {
        _ if is_share && (percent || most > 1.5 || (most == 1.0 || values.is_empty()) && has(&["percent", "%"])) => {
            Some(("0.01", "per cent"))
        }
        "time_spent_seconds" | "duration_seconds" if has(&["minute", "(min", "mins", " min"]) => {
            Some(("60", "minutes"))
        }
        "time_spent_seconds" | "duration_seconds" if has(&["hour", "hrs", "stunden", "heures"]) => {
            Some(("3600", "hours"))
        }
        "time_spent_seconds" | "duration_seconds" if has(&["milli", "_ms"]) => Some(("0.001", "milliseconds")),
        "duration_minutes" if has(&["hour", "hrs"]) => Some(("60", "hours")),
        "duration_minutes" if has(&["second", "sec)"]) => Some(("0.0166666667", "seconds")),
        _ => None,
    };
    match factor {
        Some((factor, unit)) => {
            parts.push(format!("times = {factor}"));
            format!("   # {unit}")
        }
        None if column.name.ends_with("_seconds") && !has(&["sec"]) => {
            "   # seconds? `times = 60` if they are minutes".into()
        }
        None => String::new(),
    }
}

/// The words of a closed list: all that are known for the column, whatever the sample holds, in small letters.
fn closed(
    table: &Table,
    column: &Column,
    values: &[&str],
    is_truth: bool,
    parts: &mut Vec<String>,
    comment: &mut String,
) {
    let sample: BTreeSet<String> = values.iter().map(|value| value.to_lowercase()).collect();
    let is_ours = |word: &String| {
        column.values.iter().any(|ours| ours == word)
            || (is_truth && ["true", "false", "1", "0"].contains(&word.as_str()))
    };
    if !sample.is_empty() && sample.iter().all(is_ours) {
        if values.iter().any(|value| value.to_lowercase() != *value) {
            parts.push(if is_truth { truths() } else { "case = \"insensitive\"".into() });
        }
        return;
    }
    let known: Vec<(&str, &str)> = words::closed(&table.name, &column.name, is_truth).collect();
    let unknown =
        sample.iter().filter(|word| !known.iter().any(|(theirs, _)| theirs == word) && !is_ours(word)).count();
    if is_truth {
        parts.push(truths());
    } else {
        let mut entries: Vec<(String, String)> =
            known.iter().map(|(theirs, ours)| ((*theirs).to_owned(), (*ours).to_owned())).collect();
        entries.extend(column.values.iter().map(|ours| (ours.clone(), ours.clone())));
        let mut seen = BTreeSet::new();
        entries.retain(|(theirs, _)| seen.insert(theirs.clone()));
        let entries: Vec<String> =
            entries.iter().map(|(theirs, ours)| format!("{} = {}", quoted(theirs), quoted(ours))).collect();
        parts.push(format!("case = \"insensitive\", values = {{ {} }}", entries.join(", ")));
    }
    if unknown > 0 {
        let stand_in = match column.name.as_str() {
            "verb" => Some("other"),
            "worker_type" => Some("other"),
            "kind" if table.name == "content" => Some("course"),
            "kind" if table.name == "contributions" => Some("post"),
            _ => None,
        };
        let of = if unknown == 1 { "1 word".to_owned() } else { format!("{unknown} words") };
        match stand_in {
            Some(word) => {
                parts.push(format!("default = {}", quoted(word)));
                *comment = format!("   # {of} of the sample are not known here and count as `{word}`: add yours");
            }
            None => *comment = format!("   # {of} of the sample are not known here: add yours"),
        }
    }
}

fn truths() -> String {
    let known: Vec<String> =
        words::closed("", "", true).map(|(theirs, ours)| format!("{} = {}", quoted(theirs), quoted(ours))).collect();
    format!("case = \"insensitive\", values = {{ {} }}", known.join(", "))
}

/// What stands in for a required column that the export does not have.
pub(super) fn unfound(table: &Table, column: &Column, head: &Head, columns: &Columns) -> Option<Mapped> {
    if !head.is_named {
        return None;
    }
    let of = |text: String, comment: &str, reads: Vec<usize>| {
        Some(Mapped { line: format!("{} = {text}   # {comment}", column.name), reads, is_local: false })
    };
    let from = |at: usize| format!("from = {}", quoted(&head.names[at]));
    let text_format = !matches!(head.format, crate::feed::feed::FileFormat::Parquet);
    match (table.name.as_str(), column.name.as_str()) {
        ("workers", "worker_id") | ("users", "user_id") => {
            let at = *columns.get("employee_no").or_else(|| columns.get("email"))?;
            of(format!("{{ {} }}", from(at)), "no other id was found", vec![at])
        }
        ("workers", "status") => of(
            "{ value = \"active\" }".into(),
            "the export has no status: whoever is in it is employed, until a termination date",
            Vec::new(),
        ),
        ("enrollments", "content_id") => {
            let named =
                |words: &[&str]| (0..head.names.len()).find(|at| words.contains(&bare(&head.names[*at]).as_str()));
            let at = named(&["title", "name", "coursename", "coursetitle"])?;
            of(format!("{{ {} }}", from(at)), "no id was found: the title stands for it", vec![at])
        }
        ("enrollments", "status") => {
            if let Some(&at) = columns.get("completed_at") {
                let both = |name: &str| {
                    columns
                        .get(name)
                        .map(|&begun| format!("from = [{}, {}]", quoted(&head.names[at]), quoted(&head.names[begun])))
                };
                let text = if let Some(both) = both("progress") {
                    format!(
                        "{{ {both}, values = [[\"\", \">0\", \"in_progress\"], [\"\", \"*\", \"enrolled\"], [\"*\", \"*\", \"completed\"]] }}"
                    )
                } else if let Some(both) = both("started_at") {
                    format!(
                        "{{ {both}, values = [[\"\", \"\", \"enrolled\"], [\"\", \"*\", \"in_progress\"], [\"*\", \"*\", \"completed\"]] }}"
                    )
                } else {
                    format!("{{ {}, values = [[\"\", \"enrolled\"], [\"*\", \"completed\"]] }}", from(at))
                };
                return of(text, "completed where there is a date of completion", vec![at]);
            }
            if columns.contains_key("due_at") || columns.contains_key("assigned_at") {
                return of("{ value = \"assigned\" }".into(), "the export only lists what is due", Vec::new());
            }
            None
        }
        ("activity", "event_id") | ("contributions", "contribution_id") if text_format => {
            of("\"@record\"".into(), "the export has no id: equal lines are one", Vec::new())
        }
        ("activity", "verb") => {
            of("{ value = \"viewed\" }".into(), "the export does not say what was done", Vec::new())
        }
        ("content", "kind") => of("{ value = \"course\" }".into(), "the export has no kinds", Vec::new()),
        ("contributions", "kind") => of("{ value = \"post\" }".into(), "the export has no kinds", Vec::new()),
        ("reactions", "kind") => of("{ value = \"like\" }".into(), "the export has no kinds", Vec::new()),
        _ => None,
    }
}
