//! What a feed file says, as rows of text for its writer.

use super::feed::{Block, Feed, Mapping, Mode, Named, Reading, Source};
use crate::contract::{Table, words};

/// A column of a header block in words.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Described {
    pub column: String,
    pub required: bool,
    /// Where it comes from; empty: nowhere.
    pub from: String,
    /// What is made of it on the way.
    pub how: String,
}

impl Feed {
    /// Each header block as what it does to each column of the table, in the order of the contract.
    pub fn describe(&self, table: &Table) -> Vec<Vec<Described>> {
        let row = |block: &Block| {
            let columns = table.columns.iter().zip(&block.columns);
            columns
                .map(|(column, mapping)| Described {
                    column: column.name.clone(),
                    required: column.required && (column.key || self.completes.is_none()),
                    from: source(mapping),
                    how: how(mapping),
                })
                .collect()
        };
        self.blocks.iter().map(row).collect()
    }

    /// The forms of its deliveries, and what one says about rows that it does not hold.
    pub fn described_form(&self) -> String {
        let formats: Vec<String> = self
            .formats
            .iter()
            .map(|format| {
                serde_json::to_value(format).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
            })
            .collect();
        let mode = match self.mode {
            Mode::Full => "each file holds everything, what is missing from it has ended",
            Mode::Delta => "each file holds changes, a later row of a key replaces the earlier",
            Mode::Append => "each file holds more of the same",
        };
        let mut text = words::or(&formats);
        if let Some(keys) = &self.json_explode {
            text.push_str(&format!(", a record for each element of `{}`", keys.join(".")));
        }
        if let Some(spine) = &self.completes {
            text.push_str(&format!("; completes the rows of `{spine}`"));
        }
        format!("{text}; {mode}")
    }
}

fn source(mapping: &Mapping) -> String {
    let named = |named: &Named| match named {
        Named::Header(name) => format!("\"{name}\""),
        Named::Like(pattern, _) => format!("\"{pattern}\" (*: any text)"),
        Named::Path(name) => format!("{{{name}}} of the path"),
    };
    let all = |list: &[Named]| list.iter().map(named).collect::<Vec<_>>();
    let text = match &mapping.source {
        Source::Nothing => return String::new(),
        Source::Constant(text) => return format!("always \"{text}\""),
        Source::First(list) => words::or(&all(list)),
        Source::Joined(list, between) => format!("{} joined by \"{between}\"", words::and(&all(list))),
        Source::Combined(list, _) => format!("{} together", words::and(&all(list))),
    };
    if mapping.optional { format!("{text}, if it is there") } else { text }
}

fn how(mapping: &Mapping) -> String {
    let mut said = Vec::new();
    if matches!(mapping.source, Source::Nothing | Source::Constant(_)) {
        return String::new();
    }
    match mapping.reading {
        Reading::Plain => {}
        Reading::Email => said.push("an address, in small letters".to_owned()),
        Reading::Mailto => said.push("an address behind `mailto:`".to_owned()),
        Reading::IsoDuration => said.push("a duration such as PT1H2M".to_owned()),
        Reading::Clock => said.push("a duration such as 1:02:03".to_owned()),
        Reading::Percent => said.push("per cent, with or without the sign".to_owned()),
        Reading::Whole => said.push("123.0 is 123".to_owned()),
        Reading::EndOfDay => said.push("23:59:59 ends its day".to_owned()),
    }
    if mapping.extract.is_some() {
        said.push("a part of the text".to_owned());
    }
    if let Some(values) = &mapping.values {
        let other = match &values.default {
            Some(word) if word.is_empty() => ", every other is no value".to_owned(),
            Some(word) => format!(", every other is {word}"),
            None => String::new(),
        };
        said.push(format!("{}{other}", words::count(values.map.len() as u64, "word")));
    }
    let formats: Vec<String> =
        mapping.formats.iter().map(ToString::to_string).filter(|format| format != "iso").collect();
    if !formats.is_empty() {
        said.push(format!("written {}", words::or(&formats)));
    }
    if let Some(zone) = mapping.zone.filter(|_| mapping.own_zone) {
        said.push(format!("clocks of {zone}"));
    }
    if let Some(column) = &mapping.zone_from {
        said.push(format!("clocks of the zone in \"{column}\""));
    }
    if !mapping.prefix.is_empty() {
        said.push(format!("`{}` before it", mapping.prefix));
    }
    if mapping.style.decimal_comma {
        said.push("decimal comma".to_owned());
    }
    if let Some(times) = mapping.times {
        said.push(format!("times {times}"));
    }
    if let Some(by) = &mapping.divide_by {
        said.push(format!("divided by \"{by}\""));
    }
    if mapping.shift == 1 {
        said.push("the last day on which it holds".to_owned());
    }
    said.join("; ")
}
