//! A contract as written (TOML) becomes a [`Table`]: every default resolved, every rule of the house checked.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    Anonymous, Area, Column, ContractError, Contradiction, Decision, Edge, Measure, Partition, Privacy, Read, Table,
    Type, With, findings,
};

/// A column as written, in a table's own file or in `columns.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFile {
    #[serde(rename = "type")]
    data_type: String,
    #[serde(default)]
    unit: String,
    description: String,
    privacy: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    values: Vec<String>,
    min: Option<f64>,
    max: Option<f64>,
    day: Option<String>,
    happened: Option<bool>,
    noted_above: Option<f64>,
    domain: Option<String>,
    #[serde(default)]
    transient: bool,
    measure: Option<String>,
    formula: Option<String>,
}

/// A contradiction as written: either `empty` or `full` names the other column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContradictionFile {
    code: String,
    column: String,
    is: Vec<String>,
    empty: Option<String>,
    full: Option<String>,
}

/// A table as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableFile {
    description: String,
    grain: String,
    key: Vec<String>,
    area: Option<String>,
    partition: Option<String>,
    day: Option<String>,
    latest: Option<String>,
    anonymous: Option<Anonymous>,
    #[serde(default)]
    contradictions: Vec<ContradictionFile>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    deletes_end: bool,
    #[serde(default)]
    sort: Vec<String>,
    #[serde(default)]
    reads: Vec<ReadFile>,
    #[serde(default)]
    needs: Vec<String>,
    decided_by: Option<String>,
    #[serde(default)]
    as_of: bool,
    #[serde(default)]
    warnings: Vec<String>,
    /// Names defined in `columns.toml`, put before the table's own columns.
    #[serde(default)]
    shared: Vec<String>,
    #[serde(default)]
    columns: toml::Table,
}

/// A table that is read: its name, or which part of it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ReadFile {
    All(String),
    Part(PartFile),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartFile {
    table: String,
    #[serde(default)]
    partitions: Vec<String>,
    #[serde(default)]
    only_for_kpis: bool,
    matching: Option<String>,
    #[serde(default)]
    resolved: bool,
}

/// Shared columns by name, in file order.
pub(super) type SharedColumns = Vec<(String, ColumnFile)>;

pub(super) fn shared_columns(text: &str) -> Result<SharedColumns, ContractError> {
    let error = |what: String| ContractError { table: "columns.toml".into(), what };
    let table: toml::Table = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
    table
        .into_iter()
        .map(|(name, value)| {
            let column = value.try_into().map_err(|cause| error(format!("{name}: {cause}")))?;
            Ok((name, column))
        })
        .collect()
}

/// A contract that is another one but for some keys says so with `extends`: what it does not say itself, the other says; of columns, too.
fn written<'t>(text: &str, other: &dyn Fn(&str) -> Option<&'t str>) -> Result<TableFile, String> {
    let mut own: toml::Table = toml::from_str(text).map_err(|cause| cause.to_string())?;
    let Some(extended) = own.remove("extends") else { return toml::from_str(text).map_err(|cause| cause.to_string()) };
    let extended = extended.as_str().ok_or("extends: it is not the name of a contract")?;
    let other = other(extended).ok_or_else(|| format!("extends `{extended}`, which has no contract beside it"))?;
    let mut all: toml::Table = toml::from_str(other).map_err(|cause| format!("extends `{extended}`: {cause}"))?;
    if all.contains_key("extends") {
        return Err(format!("extends `{extended}`, which extends another: say which one is meant"));
    }
    for (key, value) in own {
        match (all.get_mut(&key), value) {
            (Some(toml::Value::Table(columns)), toml::Value::Table(more)) if key == "columns" => columns.extend(more),
            (_, value) => drop(all.insert(key, value)),
        }
    }
    all.try_into().map_err(|cause: toml::de::Error| cause.to_string())
}

/// Parses and resolves one contract. `area` is the default the file may override (`marts` -> `restricted`, `ops`); `other` gives the
/// text of a contract that may be extended.
pub(super) fn table<'t>(
    name: &str,
    area: Area,
    text: &str,
    shared: &SharedColumns,
    other: &dyn Fn(&str) -> Option<&'t str>,
) -> Result<Table, ContractError> {
    let error = |what: String| ContractError { table: name.into(), what };
    let file: TableFile = written(text, other).map_err(error)?;
    let area = match file.area.as_deref() {
        None => area,
        Some("marts") => Area::Marts,
        Some("restricted") => Area::Restricted,
        Some("ops") => Area::Ops,
        Some(other) => return Err(error(format!("area `{other}` is none of marts, restricted, ops"))),
    };
    let partition = match file.partition.as_deref() {
        None | Some("whole") => Partition::Whole,
        Some("day") => Partition::Day,
        Some("month") => Partition::Month,
        Some(other) => return Err(error(format!("partition `{other}` is none of whole, day, month"))),
    };
    let mut columns = Vec::new();
    for name in &file.shared {
        let (_, column) = shared
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| error(format!("shared column `{name}` is not in columns.toml")))?;
        columns.push(resolve(name, column.clone(), &file.key).map_err(&error)?);
    }
    for (column_name, value) in file.columns {
        if shared.iter().any(|(known, _)| *known == column_name) {
            return Err(error(format!("column `{column_name}` is defined in columns.toml; list it under `shared`")));
        }
        let column: ColumnFile = value.try_into().map_err(|cause| error(format!("{column_name}: {cause}")))?;
        columns.push(resolve(&column_name, column, &file.key).map_err(&error)?);
    }
    // BI tools show columns in file order: keys first, also those that are shared.
    columns.sort_by_key(|column| file.key.iter().position(|part| *part == column.name).unwrap_or(usize::MAX));
    let contradictions = file
        .contradictions
        .into_iter()
        .map(|written| {
            let with = match (written.empty, written.full) {
                (Some(column), None) => With::Empty(column),
                (None, Some(column)) => With::Full(column),
                _ => return Err(error(format!("contradiction {}: either `empty` or `full`", written.code))),
            };
            Ok(Contradiction { code: written.code, column: written.column, is: written.is, with })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut table = Table {
        name: name.into(),
        area,
        description: file.description,
        grain: file.grain,
        sort: if file.sort.is_empty() { file.key.clone() } else { file.sort },
        key: file.key,
        partition,
        day: file.day,
        latest: file.latest,
        reads: file.reads.into_iter().map(read).collect::<Result<_, _>>().map_err(&error)?,
        needs: file.needs,
        decided_by: file.decided_by.as_deref().map(decision).transpose().map_err(&error)?,
        as_of: file.as_of,
        anonymous: file.anonymous,
        contradictions,
        versions: file.versions,
        deletes_end: file.deletes_end,
        warnings: file.warnings,
        columns,
        hash: String::new(),
    };
    rules(&table).map_err(error)?;
    table.hash = hash(&table);
    Ok(table)
}

fn read(file: ReadFile) -> Result<Read, String> {
    let PartFile { table, partitions, only_for_kpis, matching, resolved } = match file {
        ReadFile::All(table) => return Ok(Read::all_of(&table)),
        ReadFile::Part(part) => part,
    };
    let place = |text: String| match text.split_once('.') {
        Some((table, column)) => Ok((table.to_owned(), column.to_owned())),
        None => Err(format!("reads {table}: matching `{text}` is not written as table.column")),
    };
    let matching = matching.map(place).transpose()?;
    Ok(Read { table, partitions, only_for_kpis, matching, resolved })
}

fn decision(word: &str) -> Result<Decision, String> {
    let known = Decision::ALL.into_iter().find(|decision| decision.as_str() == word);
    known.ok_or_else(|| {
        let all: Vec<&str> = Decision::ALL.iter().map(|decision| decision.as_str()).collect();
        format!("decided_by `{word}` is none of {}", all.join(", "))
    })
}

fn resolve(name: &str, file: ColumnFile, key: &[String]) -> Result<Column, String> {
    let data_type = match file.data_type.as_str() {
        "text" => Type::Text,
        "bool" => Type::Bool,
        "i64" => Type::Int,
        "f64" => Type::Double,
        "date" => Type::Date,
        "timestamp" => Type::Timestamp,
        other => return Err(format!("{name}: type `{other}` is none of text, bool, i64, f64, date, timestamp")),
    };
    let privacy = match file.privacy.as_str() {
        "public" => Privacy::Public,
        "aggregate" => Privacy::Aggregate,
        "person" => Privacy::Person,
        other => return Err(format!("{name}: privacy `{other}` is none of public, aggregate, person")),
    };
    let measure = match file.measure.as_deref() {
        None => None,
        Some("population") => Some(Measure::Population),
        Some("people") => Some(Measure::People),
        Some("events") => Some(Measure::Events),
        Some("sum") => Some(Measure::Sum),
        Some(other) => return Err(format!("{name}: measure `{other}` is none of population, people, events, sum")),
    };
    let day = match (file.day.as_deref(), data_type) {
        (None, _) => Edge::Start,
        (Some(_), other) if other != Type::Timestamp => {
            return Err(format!("{name}: `day` says what a day means in a timestamp, and this is a {other}"));
        }
        (Some("start"), _) => Edge::Start,
        (Some("end"), _) => Edge::End,
        (Some(other), _) => return Err(format!("{name}: day `{other}` is none of start, end")),
    };
    if file.happened.is_some() && !matches!(data_type, Type::Date | Type::Timestamp) {
        return Err(format!("{name}: `happened` is of dates and timestamps"));
    }
    let happened = file.happened.unwrap_or(data_type == Type::Timestamp);
    let key = key.iter().any(|part| part == name);
    Ok(Column {
        name: name.into(),
        data_type,
        unit: file.unit,
        description: file.description,
        privacy,
        required: file.required,
        key,
        values: file.values,
        range: (file.min, file.max),
        day,
        happened,
        noted_above: file.noted_above,
        domain: file.domain,
        transient: file.transient,
        measure,
        formula: file.formula,
    })
}

/// What every contract must satisfy, whoever wrote it.
fn rules(table: &Table) -> Result<(), String> {
    if table.description.trim().is_empty() || !table.grain.starts_with("one row per") {
        return Err("needs a description, and a grain that starts with `one row per`".into());
    }
    for (i, column) in table.columns.iter().enumerate() {
        let name = &column.name;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !plain || name.starts_with('_') {
            return Err(format!("column `{name}`: names are plain snake_case, and `_` is ours"));
        }
        if table.columns[..i].iter().any(|other| other.name == *name) {
            return Err(format!("column `{name}` is defined twice"));
        }
        if column.description.trim().is_empty() {
            return Err(format!("column `{name}` has no description"));
        }
        if table.area == Area::Marts && column.privacy == Privacy::Person {
            return Err(format!("column `{name}` is of the person class, which no table under marts/ may hold"));
        }
        if let Some((_, of)) = column.made_of()
            && !table.column(of).is_some_and(|source| source.transient && source.data_type == Type::Text)
        {
            return Err(format!("column `{name}` is made of `{of}`, which is no transient text"));
        }
        if let Some(day) = column.made_day() {
            let is_instant = |of: &&str| table.column(of).is_some_and(|of| of.data_type == Type::Timestamp);
            if column.data_type != Type::Date
                || !day.of.iter().all(is_instant)
                || day.unless.is_some_and(|unless| table.column(unless).is_none())
            {
                return Err(format!(
                    "column `{name}` is a date made of timestamps of the table, unless another column has a value"
                ));
            }
        }
        if let Some(of) = column.is_day_of() {
            let is_before =
                table.columns[..i].iter().any(|of_it| of_it.name == of && of_it.data_type == Type::Timestamp);
            if column.data_type != Type::Bool || !is_before {
                return Err(format!("column `{name}` is a truth about a timestamp that stands before it"));
            }
        }
        if column.formula.is_some() && column.measure.is_some() {
            return Err(format!("column `{name}` is a formula and a measure; it can be one of them"));
        }
    }
    for part in table.key.iter().chain(&table.sort).chain(&table.day).chain(&table.latest) {
        if table.column(part).is_none() {
            return Err(format!("`{part}` is named in key, sort, day or latest but is no column"));
        }
    }
    if let Some(needed) = table.needs.iter().find(|needed| !table.reads_table(needed)) {
        return Err(format!("needs `{needed}`, which it does not read"));
    }
    if let Some(Anonymous { who, count }) = &table.anonymous
        && (table.column(who).is_none_or(|who| who.key)
            || table.column(count).is_none_or(|count| count.data_type != Type::Double))
    {
        return Err(format!("anonymous: `{who}` is a column besides the key, `{count}` one of numbers"));
    }
    for Contradiction { code, column, with: With::Empty(other) | With::Full(other), .. } in &table.contradictions {
        if findings::finding(code).is_none() || table.column(column).is_none() || table.column(other).is_none() {
            return Err(format!("contradiction `{code}` is no finding, or names no column"));
        }
    }
    for name in &table.versions {
        let fits = table.column(name).is_some_and(|column| column.data_type == Type::Text && !column.key);
        if !fits || table.partition != Partition::Whole {
            return Err(format!("`{name}` is named in versions but is no text column beside the key of a whole table"));
        }
    }
    if (table.partition == Partition::Day) != table.day.is_some() {
        return Err("partition `day` and a `day` column go together".into());
    }
    Ok(())
}

/// The hash covers what a reader relies on, so a reworded comment in the TOML changes nothing.
fn hash(table: &Table) -> String {
    hex::encode(&Sha256::digest(format!("{table:?}").as_bytes())[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(area: Area, privacy: &str, rest: &str) -> Result<Table, ContractError> {
        let text = format!(
            "description = \"For a test\"\ngrain = \"one row per thing\"\nkey = [\"id\"]\n[columns.id]\ntype = \"text\"\ndescription = \"An id\"\nprivacy = \"{privacy}\"\n{rest}"
        );
        table("things", area, &text, &SharedColumns::new(), &|_| None)
    }

    #[test]
    fn a_column_about_a_person_is_refused_under_marts_and_nowhere_else() {
        let refused = load(Area::Marts, "person", "").unwrap_err().to_string();
        assert!(refused.contains("column `id` is of the person class"), "{refused}");
        assert!(load(Area::Marts, "aggregate", "").is_ok());
        assert!(load(Area::Restricted, "person", "").is_ok());
    }

    #[test]
    fn how_deliveries_become_rows_changes_how_a_table_reads_and_words_do_not() {
        let column = |rest: &str| {
            let more =
                format!("[columns.name]\ntype = \"text\"\ndescription = \"A name\"\nprivacy = \"public\"\n{rest}");
            load(Area::Canon, "public", &more).unwrap().reading_hash()
        };
        let base = column("");
        let reworded = load(
            Area::Canon,
            "public",
            "[columns.name]\ntype = \"text\"\ndescription = \"Other words\"\nprivacy = \"public\"\n",
        );
        assert_eq!(reworded.unwrap().reading_hash(), base);
        for rest in ["required = true\n", "values = [\"a\"]\n", "domain = \"user\"\n"] {
            assert_ne!(column(rest), base, "{rest}");
        }
    }

    #[test]
    fn a_contract_that_extends_another_says_only_what_is_different() {
        let column = |name: &str, description: &str| {
            format!("[columns.{name}]\ntype = \"text\"\ndescription = \"{description}\"\nprivacy = \"public\"\n")
        };
        let head = "description = \"Things\"\ngrain = \"one row per thing\"\nkey = [\"id\"]\n";
        let things = [head, &column("id", "An id"), &column("name", "A name")].concat();
        let load = |text: &str| {
            let other = |name: &str| (name == "things").then_some(things.as_str());
            table("more", Area::Marts, text, &SharedColumns::new(), &other)
        };
        let own = ["extends = \"things\"\ndescription = \"More things\"\n", &column("name", "Another name")].concat();
        let more = load(&own).unwrap();
        let told: Vec<(&str, &str)> =
            more.columns.iter().map(|column| (column.name.as_str(), column.description.as_str())).collect();
        assert_eq!(told, [("id", "An id"), ("name", "Another name")]);
        assert_eq!((more.description.as_str(), more.grain.as_str()), ("More things", "one row per thing"));
        let missing = load("extends = \"nothing\"\n").unwrap_err().to_string();
        assert!(missing.contains("extends `nothing`, which has no contract beside it"), "{missing}");
    }

    #[test]
    fn a_signature_is_made_of_a_text_that_is_not_kept() {
        let made = |of: &str| {
            load(
                Area::Canon,
                "person",
                &format!(
                    "[columns.mark]\ntype = \"text\"\ndescription = \"Marks\"\nprivacy = \"person\"\ndomain = \"signature:{of}\"\n[columns.body]\ntype = \"text\"\ndescription = \"Text\"\nprivacy = \"person\"\ntransient = true\n"
                ),
            )
        };
        assert!(made("body").is_ok());
        assert!(made("id").unwrap_err().to_string().contains("no transient text"));
    }

    #[test]
    fn a_timestamp_says_which_end_of_a_day_it_means_and_nothing_else_does() {
        let column = |kind: &str, more: &str| {
            let rest =
                format!("[columns.at]\ntype = \"{kind}\"\ndescription = \"When\"\nprivacy = \"person\"\n{more}\n");
            load(Area::Canon, "person", &rest).map(|table| table.column("at").map(|at| (at.day, at.happened)))
        };
        assert_eq!(column("timestamp", "").unwrap(), Some((Edge::Start, true)));
        assert_eq!(column("timestamp", "day = \"end\"\nhappened = false").unwrap(), Some((Edge::End, false)));
        assert_eq!(column("date", "").unwrap(), Some((Edge::Start, false)));
        assert!(column("date", "day = \"end\"").unwrap_err().to_string().contains("this is a date"));
        assert!(column("timestamp", "day = \"noon\"").unwrap_err().to_string().contains("none of start, end"));
        assert!(column("bool", "happened = true").is_err());
    }

    #[test]
    fn a_made_day_is_made_of_instants_of_its_table() {
        let made = |of: &str| {
            let column = |name: &str, kind: &str, more: &str| {
                format!("[columns.{name}]\ntype = \"{kind}\"\ndescription = \"One\"\nprivacy = \"person\"\n{more}")
            };
            let domain = format!("domain = \"day:{of}\"\n");
            load(Area::Canon, "person", &[column("made", "date", &domain), column("at", "timestamp", "")].concat())
        };
        let table = made("at unless id").unwrap();
        let day = table.column("made").and_then(Column::made_day).unwrap();
        assert_eq!((day.of, day.unless), (vec!["at"], Some("id")));
        for of in ["id", "at|gone", "at unless gone"] {
            assert!(made(of).unwrap_err().to_string().contains("made of timestamps"), "{of}");
        }
    }
}
