//! A feed file as written becomes a [`Feed`]: every default resolved, every rule checked against the canon table it fills.

mod completes;
mod dates;
mod format;
mod words;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use dates::{formats, open_from, sentinel_times};
use format::{csv, file_format, gates, json_explode, json_root, sheet, snapshots};
use words::{means_something, style};

use super::combined::Combined;
use super::effects;
use super::extract::Extract;
use super::feed::{Action, Block, Feed, Mapping, Mode, Named, Nulls, Reading, Rule, Source, TextEncoding, Values};
use super::headers::HeaderPattern;
use super::keys::INTERVALS;
use super::limits::{Limits, Verdict};
use super::line;
use super::pattern::Pattern;
use super::selection::Select;
use super::sites;
use super::spec::{ColumnFile, FeedFile, OneOrMany, ValuesFile};
use super::time::{Format, Locale};
use super::xapi::{self, verbs};
use crate::contract::{Column, Made, Table, Type};

/// `at` is told the header block in which something is wrong.
pub(super) fn resolve(name: &str, file: FeedFile, table: &Table, at: &mut line::At) -> Result<Feed, String> {
    let formats = file.format.list().iter().map(|text| file_format(text)).collect::<Result<Vec<_>, _>>()?;
    if formats.is_empty() {
        return Err("format: at least one is needed".into());
    }
    let patterns = file
        .path
        .list()
        .iter()
        .map(|text| Pattern::parse(text).map_err(|what| format!("path `{text}` {what}")))
        .collect::<Result<Vec<_>, _>>()?;
    if file.anonymous && table.anonymous.is_none() {
        return Err(format!("anonymous has no effect: every row of {} is about somebody", table.name));
    }
    if file.corrections_move_days.is_some() {
        return Err(
            "corrections_move_days: the last statement of an id holds on whichever day it lies; take the key out"
                .into(),
        );
    }
    let begins_there = durations(&file, table)?;
    let anonymous = table.anonymous.as_ref().map(|anonymous| anonymous.who.as_str());
    let given = Given { file: &file, patterns: &patterns, anonymous };
    let mut blocks = if file.headers.is_empty() {
        vec![block(&own_names(table), &given, table)?]
    } else {
        let mut of = |(number, headers)| block(headers, &given, table).inspect_err(|_| at.block = Some(number));
        file.headers.iter().enumerate().map(&mut of).collect::<Result<Vec<_>, _>>()?
    };
    if begins_there {
        for block in &mut blocks {
            begin_at_instant(block, table)?;
        }
    }
    let footer_total = match file.control.as_ref().and_then(|control| control.footer.as_deref()) {
        None => None,
        Some(text) => Some(split_hole(text).ok_or("control.footer needs one {}")?),
    };
    let mut rules = Vec::new();
    for [start, end] in INTERVALS {
        if let (Some(start), Some(end)) = (stored_index(table, start), stored_index(table, end)) {
            rules.push(Rule::Ordered(start, end));
        }
    }
    for rule in &file.rules {
        let at =
            |name: &str| stored_index(table, name).ok_or(format!("rules: `{name}` is no column of {}", table.name));
        match (&rule.ordered, &rule.different) {
            (Some([start, end]), None) => rules.push(Rule::Ordered(at(start)?, at(end)?)),
            (None, Some([a, b])) => rules.push(Rule::Different(at(a)?, at(b)?)),
            _ => return Err("rules: each has either `ordered` or `different`".into()),
        }
    }
    if let [Some(hired), Some(original), Some(ended), Some(status)] =
        ["hire_date", "original_hire_date", "termination_date", "status"].map(|name| stored_index(table, name))
    {
        rules.push(Rule::Employment { hired, original, ended, status });
    }
    let select = Select::resolve(&file)?;
    effective(&file, table, &blocks)?;
    completes::declared(&file, name, table, &blocks)?;
    let written = &file.limits;
    let usual = Limits::default();
    let limits = Limits {
        object_bytes: written.object_bytes.unwrap_or(usual.object_bytes),
        decompressed_bytes: written.decompressed_bytes.unwrap_or(usual.decompressed_bytes),
        ratio: written.ratio.unwrap_or(usual.ratio),
        record_bytes: written.record_bytes.unwrap_or(usual.record_bytes),
        columns: written.columns.unwrap_or(usual.columns),
        // The parser's own recursion ends at 128.
        json_depth: written.json_depth.unwrap_or(usual.json_depth).min(100),
        rows: written.rows.unwrap_or(usual.rows),
        rejected_share: written.rejected_share.unwrap_or(usual.rejected_share),
        rejected_share_from: if written.rejected_share.is_some() { 1 } else { usual.rejected_share_from },
        rows_against_last: written.rows_against_last,
        unknown_share: written.unknown_share.unwrap_or(usual.unknown_share),
        dropped_share: written.dropped_share.unwrap_or(usual.dropped_share),
        dropped_share_from: if written.dropped_share.is_some() { 1 } else { usual.dropped_share_from },
        headcount_change: written.headcount_change.unwrap_or(usual.headcount_change),
        joined_share: written.joined_share.unwrap_or(usual.joined_share),
        fresh_days: written.fresh_days,
        lag_days: written.lag_days.unwrap_or(usual.lag_days),
    };
    if !(0.0..=1.0).contains(&limits.rejected_share) || limits.record_bytes < 64 || limits.record_bytes > 256 << 20 {
        return Err("limits: rejected_share is 0..1, record_bytes 64..268435456".into());
    }
    for (key, share) in [
        ("unknown_share", limits.unknown_share),
        ("dropped_share", limits.dropped_share),
        ("joined_share", limits.joined_share),
    ] {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("limits: {key} is 0..1"));
        }
    }
    for (key, share) in
        [("headcount_change", Some(limits.headcount_change)), ("rows_against_last", limits.rows_against_last)]
    {
        if share.is_some_and(|share| !share.is_finite() || share < 0.0) {
            return Err(format!("limits: {key} is a share of 0 or more"));
        }
    }
    let mode = match file.mode.as_deref() {
        None | Some("append") => Mode::Append,
        Some("delta") => Mode::Delta,
        Some("full") => Mode::Full,
        Some(other) => return Err(format!("mode `{other}` is none of append, delta, full")),
    };
    let gates = gates(&file, mode)?;
    let json_root = json_root(&file, &formats)?;
    let sheet = sheet(&file, &formats)?;
    let json_explode = json_explode(&file, &formats, &blocks)?;
    let is_xapi = match file.dialect.as_deref() {
        None => false,
        Some("xapi") => true,
        Some(other) => return Err(format!("dialect `{other}` is not known; there is xapi")),
    };
    let sites = sites::declared(&file.sites, is_xapi)?;
    if !sites.is_empty() && !blocks.iter().flat_map(|block| &block.columns).any(|mapping| names_agent(&mapping.source))
    {
        return Err("sites: no column is read from @actor or from an `account.name`, so they have no effect".into());
    }
    let snapshots = snapshots(&file, mode)?;
    if file.shares.iter().any(|other| other == name) {
        return Err("shares names the feed itself".into());
    }
    if file.marker.as_ref().is_some_and(|marker| marker.is_empty() || marker.contains('/')) {
        return Err("marker is the name of an object in the same folder, `_SUCCESS`".into());
    }
    Ok(Feed {
        name: name.into(),
        read_as: String::new(),
        mode,
        nulls_mean: match file.nulls_mean.as_deref() {
            None | Some("clear") => Nulls::Clear,
            Some("keep") => Nulls::Keep,
            Some(other) => return Err(format!("nulls_mean `{other}` is none of clear, keep")),
        },
        snapshots,
        shares: file.shares.clone(),
        marker: file.marker.clone(),
        reach_back: file.reach_back.unwrap_or(!completes::tells_of_leave(&file, table, &blocks)),
        completes: file.completes.clone(),
        sidecar: file.control.as_ref().and_then(|control| control.sidecar.clone()),
        limits,
        gates,
        formats,
        patterns,
        xapi: is_xapi,
        sites,
        encoding: match file.encoding.as_deref() {
            None | Some("utf-8") => TextEncoding::Utf8,
            Some("utf-16") => TextEncoding::Utf16,
            Some("windows-1252") => TextEncoding::Windows1252,
            Some(other) => return Err(format!("encoding `{other}` is none of utf-8, utf-16, windows-1252")),
        },
        strict: match file.unknown_columns.as_deref() {
            None | Some("warn") => false,
            Some("refuse") => true,
            Some(other) => return Err(format!("unknown_columns `{other}` is none of warn, refuse")),
        },
        unique_key: file.unique_key || gates.key_uniqueness != Verdict::Off,
        anonymous: file.anonymous,
        own_names: file.headers.is_empty(),
        int96_is_utc: file.int96_is_utc,
        csv: csv(&file)?,
        json_root,
        sheet,
        json_explode,
        footer_total,
        footer_optional: file.control.as_ref().is_some_and(|control| control.footer_optional),
        action: file.action.map(|action| Action {
            from: action.from,
            deletes: action.deletes,
            upserts: action.upserts,
        }),
        rules,
        select,
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        blocks,
        vendor: file.vendor,
        handles: file.handles,
        description: file.description,
        fills: file.fills,
    })
}

/// Refuses keys about the dates of workers where no column they speak about is mapped.
fn effective(file: &FeedFile, table: &Table, blocks: &[Block]) -> Result<(), String> {
    let maps = |name: &str| {
        let at = table.columns.iter().position(|column| column.name == name);
        at.is_some_and(|at| blocks.iter().any(|block| !matches!(block.columns[at].source, Source::Nothing)))
    };
    for (key, is_written, column) in [
        ("termination", file.termination.is_some(), "termination_date"),
        ("reach_back", file.reach_back.is_some() && file.completes.is_none(), "hire_date"),
    ] {
        if is_written && !maps(column) {
            return Err(format!("{key} has no effect: the feed fills no {column} of {}", table.name));
        }
    }
    Ok(())
}

/// The days by which a column's dates are moved so that they mean what canon's do.
fn shift(column: &Column, written: &ColumnFile, file: &FeedFile) -> Result<i32, String> {
    if written.inclusive {
        if !INTERVALS.iter().any(|[_, end]| *end == column.name) {
            let ends: Vec<&str> = INTERVALS.iter().map(|[_, end]| *end).collect();
            return Err(format!("`inclusive` is for the ends of rows: {}", ends.join(", ")));
        }
        if written.reading.as_deref() == Some("end_of_day") {
            return Err("`inclusive` and `as = \"end_of_day\"` say the same; keep one of them".into());
        }
        return Ok(1);
    }
    match file.termination.as_deref() {
        None | Some("last_day") => Ok(0),
        Some("first_day_gone") => Ok(if column.name == "termination_date" { -1 } else { 0 }),
        Some(other) => Err(format!("termination `{other}` is none of last_day, first_day_gone")),
    }
}

/// The column that says whether a duration begins at the event's instant.
const BEGINS_THERE: &str = "duration_from";

/// Whether the feed's durations begin at the instants of its events; by default they end there.
fn durations(file: &FeedFile, table: &Table) -> Result<bool, String> {
    let begins = match file.duration.as_deref() {
        None => return Ok(false),
        Some("to") => false,
        Some("from") => true,
        Some(other) => return Err(format!("duration `{other}` is none of to, from")),
    };
    match table.column(BEGINS_THERE) {
        Some(_) => Ok(begins),
        None => Err(format!("duration has no effect: {} has no durations of events", table.name)),
    }
}

/// Makes a block say so of every event.
fn begin_at_instant(block: &mut Block, table: &Table) -> Result<(), String> {
    let at = |name: &str| table.columns.iter().position(|column| column.name == name);
    if at("duration_seconds").is_none_or(|at| matches!(block.columns[at].source, Source::Nothing)) {
        return Err("duration has no effect: no header is mapped to duration_seconds".into());
    }
    if let Some(at) = at(BEGINS_THERE) {
        block.columns[at].source = Source::Constant("true".into());
    }
    Ok(())
}

/// The block of a feed that writes none: every canon column under its own name, optional unless required.
fn own_names(table: &Table) -> toml::Table {
    let mapped = |column: &Column| {
        let mut mapping = toml::Table::new();
        mapping.insert("from".into(), column.name.clone().into());
        mapping.insert("optional".into(), toml::Value::Boolean(!column.required || column.name == "effective_from"));
        (column.name.clone(), toml::Value::Table(mapping))
    };
    table.columns.iter().filter(|column| !is_made_here(column)).map(mapped).collect()
}

/// Signatures are made here, under our key, and so are days of other columns: whatever a source calls so was made otherwise.
fn is_made_here(column: &Column) -> bool {
    column.made_of().is_some_and(|(made, _)| made == Made::Signature)
        || column.made_day().is_some()
        || column.is_day_of().is_some()
}

/// What a column is read by besides its own keys.
struct Given<'f> {
    file: &'f FeedFile,
    patterns: &'f [Pattern],
    /// The column of the table that says who, where an export may only count.
    anonymous: Option<&'f str>,
}

impl Given<'_> {
    /// Whether the rows of the feed complete no other feed's.
    fn stands_alone(&self) -> bool {
        self.file.completes.is_none()
    }

    fn is_anonymous(&self, column: &Column) -> bool {
        self.file.anonymous && self.anonymous == Some(column.name.as_str())
    }
}

fn block(headers: &toml::Table, given: &Given<'_>, table: &Table) -> Result<Block, String> {
    let file = given.file;
    let mut written: BTreeMap<&str, ColumnFile> = BTreeMap::new();
    let mut ignore = file.ignore.clone();
    for (key, value) in headers {
        match key.as_str() {
            "since" => {}
            "ignore" => {
                let more: Vec<String> = value.clone().try_into().map_err(|cause| format!("ignore: {cause}"))?;
                ignore.extend(more);
            }
            _ if table.column(key).is_none() => return Err(format!("`{key}` is no column of {}", table.name)),
            _ if table.column(key).is_some_and(is_made_here) => {
                return Err(format!("`{key}` is made at reading and has no source"));
            }
            _ => {
                let column = match value {
                    toml::Value::String(from) => {
                        ColumnFile { from: Some(OneOrMany::One(from.clone())), ..ColumnFile::default() }
                    }
                    other => other.clone().try_into().map_err(|cause| format!("{key}: {cause}"))?,
                };
                written.insert(key, column);
            }
        }
    }
    let columns = table
        .columns
        .iter()
        .map(|column| {
            let written = written.remove(column.name.as_str()).unwrap_or_default();
            mapping(column, written, given).map_err(|what| format!("{}: {what}", column.name))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Block { columns, ignore })
}

fn mapping(column: &Column, written: ColumnFile, given: &Given<'_>) -> Result<Mapping, String> {
    let file = given.file;
    let shift = shift(column, &written, file)?;
    effects::check(column, &written, file)?;
    let fold_case = match written.case.as_deref() {
        None => written.fold_case,
        Some("insensitive") => true,
        Some("sensitive") if !written.fold_case => false,
        Some(other) => return Err(format!("case `{other}` is none of insensitive, sensitive")),
    };
    let source = source(column, &written, fold_case, given)?;
    let style = style(&written, file)?;
    if let Some(constant) = written.value.as_ref().filter(|constant| !constant.is_empty()) {
        means_something(column, constant)?;
    }
    let meanings: Vec<&String> = match &written.values {
        Some(ValuesFile::Map(map)) => map.values().chain(&written.default).collect(),
        Some(ValuesFile::Rows(rows)) => rows.iter().filter_map(|row| row.last()).chain(&written.default).collect(),
        None => written.default.iter().collect(),
    };
    for meaning in meanings.into_iter().filter(|meaning| !meaning.is_empty()) {
        means_something(column, meaning)?;
    }
    let values = match (written.values, written.default) {
        (Some(ValuesFile::Rows(_)), _) => None,
        (None, None) if fold_case => {
            let itself = |word: &String| (word.to_lowercase(), word.clone());
            Some(Values { map: column.values.iter().map(itself).collect(), default: None, fold_case })
        }
        (None, None) => None,
        (map, default) => {
            let written = match map {
                Some(ValuesFile::Map(map)) => map,
                _ => BTreeMap::new(),
            };
            let mut map = BTreeMap::new();
            for (key, value) in written {
                let key = if fold_case { key.to_lowercase() } else { key };
                if map.insert(key.clone(), value.clone()).is_some_and(|other| other != value) {
                    return Err(format!("`values` says two things of `{key}`, which differ only in case"));
                }
            }
            let mut values = Values { map, default, fold_case };
            let is_verb = |name: &Named| matches!(name, Named::Header(path) if path == verbs::PATH);
            if file.dialect.as_deref() == Some("xapi")
                && matches!(&source, Source::First(names) if names.len() == 1 && names.iter().all(is_verb))
            {
                verbs::complete(&mut values)?;
            }
            Some(values)
        }
    };
    let formats = formats(written.date.as_ref(), written.from_day.as_deref())?;
    let zone = match written.zone.as_ref().or(file.zone.as_ref()) {
        None => None,
        Some(name) => Some(name.parse::<Tz>().map_err(|_| format!("zone `{name}` is not an IANA zone"))?),
    };
    let locale = match written.locale.as_ref().or(file.locale.as_ref()) {
        None => None,
        Some(code) => Some(Locale::named(code).ok_or_else(|| format!("locale `{code}` is not known"))?),
    };
    let reading = match written.reading.as_deref() {
        None if column.domain.as_deref() == Some("email") => Reading::Email,
        None => Reading::Plain,
        Some("email") => Reading::Email,
        Some("mailto") => Reading::Mailto,
        Some("iso_duration") => Reading::IsoDuration,
        Some("clock") => Reading::Clock,
        Some("whole") => Reading::Whole,
        Some("percent") if written.times.is_some() || written.divide_by.is_some() => {
            return Err("`as = \"percent\"` makes shares by itself, so `times` and `divide_by` are too many".into());
        }
        Some("percent") => Reading::Percent,
        Some("end_of_day") => Reading::EndOfDay,
        Some(other) => return Err(format!("as `{other}` is not known")),
    };
    let fits = match reading {
        Reading::Plain => true,
        Reading::Email | Reading::Mailto | Reading::Whole => column.data_type == Type::Text,
        Reading::IsoDuration | Reading::Clock => matches!(column.data_type, Type::Int | Type::Double),
        Reading::Percent => column.data_type == Type::Double,
        Reading::EndOfDay => column.data_type == Type::Date,
    };
    if !fits {
        return Err(format!("`as` does not fit a column of type {}", column.data_type));
    }
    let mut range = (written.min.or(column.range.0), written.max.or(column.range.1));
    if range.0.zip(range.1).is_some_and(|(min, max)| min > max) {
        return Err("min lies above max".into());
    }
    // A share of its own maximum cannot pass it: eleven of ten points is a mistake, where 1.1 alone may be a bonus.
    if let (Some(_), Some(usual)) = (&written.divide_by, column.noted_above) {
        range.1 = Some(range.1.map_or(usual, |max| max.min(usual)));
    }
    let extract = match &written.extract {
        None => None,
        Some(value) => Some(Extract::parse(value.clone())?),
    };
    if let Some(extract) = &extract {
        if extract.tells_of_people() && column.domain.is_none() {
            return Err("`act_of` says whose act it is and stands at a column that names a person".into());
        }
        if extract.leaves_nobody() && column.key {
            return Err("act_of `nobody` would leave the key empty".into());
        }
    }
    let mut sentinels = written.sentinels;
    if matches!(column.data_type, Type::Date | Type::Timestamp) {
        sentinels.extend(file.sentinels.iter().cloned());
    }
    let is_date = matches!(column.data_type, Type::Date | Type::Timestamp);
    let (sentinel_days, sentinel_moments) = sentinel_times(&sentinels, &formats, locale);
    let open_from = match written.open_from.as_deref() {
        Some(_) if !is_date => return Err("`open_from` is of dates and times".into()),
        own => open_from(own.or(file.open_from.as_deref()))?,
    };
    Ok(Mapping {
        source,
        optional: written.optional,
        swapped: formats.iter().map(Format::swapped).collect(),
        formats,
        sentinel_days,
        sentinel_moments,
        open_from,
        zone,
        own_zone: written.zone.is_some(),
        zone_from: written.zone_from,
        locale,
        values,
        nulls: written.nulls.unwrap_or_else(|| file.nulls.clone()),
        sentinels,
        extract,
        prefix: written.prefix.unwrap_or_default(),
        reading,
        cells_hold_shares: file.format.list().iter().any(|format| format == "xlsx"),
        times: written.times,
        divide_by: written.divide_by,
        // A measure may be rounded; what a fact cannot be without means what it says or nothing.
        whole: written.whole || column.required || column.key,
        style,
        range,
        shift,
    })
}

/// Where a column's values come from.
fn source(column: &Column, written: &ColumnFile, fold_case: bool, given: &Given<'_>) -> Result<Source, String> {
    let named = |name: &String| match name.strip_prefix("path:") {
        None => Ok(Named::Header(name.clone())),
        Some(value) if given.patterns.iter().all(|pattern| pattern.names().any(|known| known == value)) => {
            Ok(Named::Path(value.to_owned()))
        }
        Some(value) => Err(format!("`{name}` is a value of the path, and not every `path` has {{{value}}}")),
    };
    let (mut names, ways) = match (&written.from, &written.from_pattern, &written.value) {
        (None, None, Some(value)) => return Ok(Source::Constant(value.clone())),
        // An HRIS snapshot without effective dates gets them from its history, see canon.
        // Who it was is never told by an export that only counts.
        // What completes another export leaves out what that one says.
        (None, None, None)
            if column.required
                && column.name != "effective_from"
                && !given.is_anonymous(column)
                && (given.stands_alone() || column.key) =>
        {
            return Err("is required and has no source".into());
        }
        (None, None, None) => return Ok(Source::Nothing),
        (Some(from), None, None) => (from.list().iter().map(named).collect::<Result<Vec<_>, _>>()?, "from"),
        (None, Some(pattern), None) => {
            let like = |text: &String| Ok(Named::Like(text.clone(), HeaderPattern::parse(text)?));
            (pattern.list().iter().map(like).collect::<Result<Vec<_>, String>>()?, "from_pattern")
        }
        _ => return Err("has several of `from`, `from_pattern` and `value`; it can have one of them".into()),
    };
    if names.is_empty() {
        return Err(format!("`{ways}` is empty"));
    }
    Ok(match (&written.values, &written.join) {
        (Some(ValuesFile::Rows(rows)), None) => {
            let combined = Combined::parse(rows, names.len(), written.default.clone(), fold_case)?;
            Source::Combined(std::mem::take(&mut names), combined)
        }
        (_, Some(between)) => Source::Joined(names, between.clone()),
        (_, None) => Source::First(names),
    })
}

/// Whether a column of statements names an account, which is on a site.
fn names_agent(source: &Source) -> bool {
    let is_agent =
        |named: &Named| matches!(named, Named::Header(path) if path == xapi::ACTOR || xapi::account_of(path).is_some());
    matches!(source, Source::First(names) | Source::Joined(names, _) | Source::Combined(names, _) if names.iter().any(is_agent))
}

fn split_hole(text: &str) -> Option<(String, String)> {
    let (before, after) = text.split_once("{}")?;
    Some((before.to_owned(), after.to_owned()))
}

fn stored_index(table: &Table, name: &str) -> Option<usize> {
    table.stored().position(|column| column.name == name)
}
