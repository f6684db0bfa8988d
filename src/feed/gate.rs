//! The gate proper: one record in, one canon row or one reject out.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use chrono_tz::Tz;
use std::sync::Arc;

use super::batch::{self, BATCH_ROWS, Builder, Last, Values};
use super::cast::{self, Cell, TextRule};
use super::plan::{Action, Block, Feed, Mapping, Rule, Source, Verdict};
use super::reject::{Reason, Refusal, Reject};
use super::{Context, Intake, Stop, Warning};
use super::{made_day, signature};
use crate::contract::{Column, Made, Table};
use crate::period::YEARS_BACK;

/// Rejects kept in full for each delivery; beyond this only their number by reason is known.
pub const REJECTS_KEPT: usize = 10_000;
/// Text of one batch: well under what 32-bit offsets hold.
const BATCH_BYTES: usize = 256 << 20;
/// Instants of these columns may lie ahead: deadlines, expiries and what is scheduled.
const MAY_LIE_AHEAD: [&str; 6] = ["due_at", "expires_at", "retired_at", "published_at", "assigned_at", "started_at"];

/// A record of a source: values by slot, in the order of [`Bound::names`].
pub(crate) trait Record {
    fn cell(&self, slot: usize) -> Cell<'_>;
}

/// Where a record stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub record: u64,
    pub offset: u64,
}

/// Columns of one header block bound to the slots of a source.
pub(crate) struct Bound<'a> {
    /// Header names or JSON paths the source must deliver, each list an alternative; position = slot.
    pub names: Vec<&'a [String]>,
    columns: Vec<Target<'a>>,
    action: Option<(usize, &'a Action)>,
}

struct Target<'a> {
    column: &'a Column,
    stored: usize,
    source: Slot<'a>,
    rule: TextRule<'a>,
    required: bool,
    key: bool,
    /// Printable ASCII passes unchanged: nothing is mapped, closed, folded or made a pseudonym.
    as_is: bool,
    latest: Option<i64>,
    /// The stored column that says what kind of id this one holds (`by:subject_kind`).
    kind_at: Option<usize>,
    /// What is made of a text that is not kept, and the text's own mapping.
    made: Option<(Made, Slot<'a>, &'a Mapping)>,
}

#[derive(Clone, Copy)]
enum Slot<'a> {
    Nothing,
    Constant(&'a str),
    At(usize),
}

impl<'a> Bound<'a> {
    pub fn new(feed: &'a Feed, block: &'a Block, context: &Context<'a>) -> Bound<'a> {
        let table: &'a Table = context.table;
        let latest = context.as_of.timestamp_micros() + context.future_skew_seconds * 1_000_000;
        let mut names: Vec<&'a [String]> = Vec::new();
        let mut columns = Vec::new();
        let mut slot = |mapping: &'a Mapping| match &mapping.source {
            Source::Nothing => Slot::Nothing,
            Source::Constant(text) => Slot::Constant(text),
            Source::Named(list) => {
                names.push(list);
                Slot::At(names.len() - 1)
            }
        };
        // A text that is not kept is read for what is made of it, and not at all where nothing is.
        let made_of = |name: &str| table.stored().any(|column| column.made_of().is_some_and(|(_, of)| of == name));
        let passing: Vec<(&str, Slot<'a>, &'a Mapping)> = table
            .columns
            .iter()
            .zip(&block.columns)
            .filter(|(column, _)| column.transient && made_of(&column.name))
            .map(|(column, mapping)| (column.name.as_str(), slot(mapping), mapping))
            .collect();
        for (column, mapping) in table.columns.iter().zip(&block.columns) {
            if column.transient {
                continue;
            }
            let source = slot(mapping);
            let made = column.made_of().and_then(|(made, of)| {
                let (_, slot, mapping) = passing.iter().find(|(name, ..)| *name == of)?;
                Some((made, *slot, *mapping))
            });
            let domain = column.domain.as_deref().filter(|_| column.made_of().is_none());
            let by = domain.and_then(|domain| domain.strip_prefix("by:"));
            let identifier =
                domain.is_some() || column.key || !column.values.is_empty() || column.name.ends_with("_id");
            columns.push(Target {
                column,
                stored: columns.len(),
                required: column.required && !matches!(source, Slot::Nothing),
                source,
                key: column.key && column.required,
                as_is: column.values.is_empty() && domain.is_none() && made.is_none() && mapping.is_plain_text(),
                rule: TextRule {
                    mapping,
                    identifier,
                    closed: &column.values,
                    domain: if by.is_some() { None } else { domain },
                    list: column.name.ends_with("_ids"),
                    pseudonyms: context.pseudonyms,
                },
                latest: (!MAY_LIE_AHEAD.contains(&column.name.as_str())).then_some(latest),
                kind_at: by.and_then(|by| table.stored().position(|other| other.name == by)),
                made,
            });
        }
        let action = feed.action.as_ref().map(|action| {
            names.push(std::slice::from_ref(&action.from));
            (names.len() - 1, action)
        });
        Bound { names, columns, action }
    }

    /// Whether the source may lack the slot's column.
    pub fn optional(&self, slot: usize) -> bool {
        self.columns.iter().any(|target| {
            let passing = target.made.filter(|(_, source, _)| matches!(source, Slot::At(at) if *at == slot));
            matches!(target.source, Slot::At(at) if at == slot) && target.rule.mapping.optional
                || passing.is_some_and(|(.., mapping)| mapping.optional)
        })
    }

    /// The canon column read from a slot.
    pub fn column_of(&self, slot: usize) -> Option<&'a Column> {
        self.columns
            .iter()
            .find(|target| {
                let reads = |source: Slot<'_>| matches!(source, Slot::At(at) if at == slot);
                reads(target.source) || target.made.is_some_and(|(_, source, _)| reads(source))
            })
            .map(|target| target.column)
    }

    /// The zone in which the slot's column reads local times, if any.
    pub fn has_zone(&self, slot: usize) -> bool {
        self.columns
            .iter()
            .any(|target| matches!(target.source, Slot::At(at) if at == slot) && target.rule.mapping.zone.is_some())
    }
}

/// Collects rows into batches and everything else into the [`Intake`].
pub(crate) struct Gate<'a, E> {
    pub feed: &'a Feed,
    pub bound: Bound<'a>,
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: Vec<i64>,
    deleted: Vec<bool>,
    scratch: String,
    /// Bytes of text in the batch so far, dictionaries included.
    weight: usize,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
    /// Records refused by an earlier look at the whole delivery.
    refused: &'a HashSet<u64>,
    pub intake: Intake,
    reasons: BTreeMap<Reason, u64>,
    non_null: Vec<u64>,
    unknown: Vec<u64>,
    table: &'a Table,
    zone: Tz,
    /// Events before this instant are too old to open a period; how many there were.
    old_before: i64,
    old: u64,
}

impl<'a, E> Gate<'a, E> {
    pub fn new(
        feed: &'a Feed,
        context: &Context<'a>,
        bound: Bound<'a>,
        refused: &'a HashSet<u64>,
        sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
    ) -> Gate<'a, E> {
        let builders: Vec<Builder> =
            context.table.stored().map(|column| Builder::new(&batch::data_type(context.table, column))).collect();
        Gate {
            feed,
            bound,
            schema: batch::schema(context.table),
            non_null: vec![0; builders.len()],
            unknown: vec![0; builders.len()],
            builders,
            rows: Vec::with_capacity(BATCH_ROWS),
            deleted: Vec::with_capacity(BATCH_ROWS),
            scratch: String::new(),
            weight: 0,
            sink,
            refused,
            intake: Intake::default(),
            reasons: BTreeMap::new(),
            table: context.table,
            zone: context.zone,
            // One day more than five years: `as_of` is the end of the day on which it was made.
            old_before: (context.as_of - chrono::TimeDelta::days(1))
                .checked_sub_months(chrono::Months::new(12 * YEARS_BACK))
                .map_or(i64::MIN, |at| at.timestamp_micros()),
            old: 0,
        }
    }

    /// Counts a record as read; refuses the delivery past the row limit.
    #[inline]
    pub fn count(&mut self, place: Place) -> Result<(), Stop<E>> {
        self.intake.read += 1;
        if self.intake.read > self.feed.limits.rows {
            let limit = format!("more than {} records", self.feed.limits.rows);
            return Err(Refusal::new(Reason::RowLimit, limit).at(place.record, place.offset).into());
        }
        Ok(())
    }

    /// Reads one record that is whole as far as its syntax goes.
    #[inline]
    pub fn accept<R: Record>(&mut self, place: Place, record: &R) -> Result<(), Stop<E>> {
        self.count(place)?;
        if !self.refused.is_empty() && self.refused.contains(&place.record) {
            self.note(place, None, Reason::DuplicateKeyConflict);
            return Ok(());
        }
        match self.row(record) {
            Ok(deleted) => {
                self.rows.push(place.record as i64);
                self.deleted.push(deleted);
                self.intake.accepted += 1;
                if self.rows.len() >= BATCH_ROWS || self.weight > BATCH_BYTES {
                    self.flush()?;
                }
            }
            Err((column, reason)) => {
                let rows = self.rows.len();
                self.builders.iter_mut().for_each(|builder| builder.truncate(rows));
                self.note(place, column, reason);
            }
        }
        Ok(())
    }

    /// A record refused before its values were looked at.
    pub fn reject(&mut self, place: Place, reason: Reason) -> Result<(), Stop<E>> {
        self.count(place)?;
        self.note(place, None, reason);
        Ok(())
    }

    fn note(&mut self, place: Place, column: Option<usize>, reason: Reason) {
        *self.reasons.entry(reason).or_default() += 1;
        if self.intake.rejected.len() < REJECTS_KEPT {
            let column = column.map(|at| self.bound.columns[at].column.name.clone());
            self.intake.rejected.push(Reject { record: place.record, byte_offset: place.offset, column, reason });
        }
    }

    fn row<R: Record>(&mut self, record: &R) -> Result<bool, (Option<usize>, Reason)> {
        let deleted = match &self.bound.action {
            None => false,
            Some((slot, action)) => deletes(record.cell(*slot), action).map_err(|reason| (None, reason))?,
        };
        for at in 0..self.bound.columns.len() {
            let target = &self.bound.columns[at];
            let read = |source: Slot<'a>| match source {
                Slot::At(slot) => record.cell(slot),
                Slot::Nothing => Cell::Missing,
                Slot::Constant(text) => Cell::Text(text.as_bytes()),
            };
            let cell = read(target.source);
            let made = target.made.and_then(|(made, source, mapping)| {
                let given = matches!(cell, Cell::Text(raw) if !cast::is_null(raw.trim_ascii(), target.rule.mapping));
                if given && made == Made::Hash {
                    return None;
                }
                signature::make(made, read(source), mapping, target.rule.pseudonyms)
            });
            let valid = match made {
                Some(made) => self.made(at, &made),
                None => self.value(at, cell).map_err(|reason| (Some(at), reason))?,
            };
            let target = &self.bound.columns[at];
            if !valid && target.required && (target.key || !deleted) {
                let reason = if cell == Cell::Null { Reason::NullNotAllowed } else { Reason::MissingRequired };
                return Err((Some(at), reason));
            }
        }
        for rule in &self.feed.rules {
            match *rule {
                Rule::Ordered(start, end) => {
                    if let (Some(from), Some(to)) = (self.builders[start].last(), self.builders[end].last())
                        && to < from
                    {
                        return Err((Some(end), Reason::IntervalInverted));
                    }
                }
                Rule::Different(a, b) => {
                    if let (Some(one), Some(other)) = (self.builders[a].last(), self.builders[b].last())
                        && one == other
                    {
                        return Err((Some(b), Reason::SelfRating));
                    }
                }
            }
        }
        Ok(deleted)
    }

    /// Pushes what was made here of a text, which no rule of the source applies to.
    fn made(&mut self, at: usize, made: &str) -> bool {
        let builder = &mut self.builders[self.bound.columns[at].stored];
        let Values::Text(text) = &mut builder.values else { return false };
        text.push(made.as_bytes());
        builder.mark(true);
        self.weight += made.len();
        true
    }

    /// Pushes one value; says whether there was one.
    #[inline]
    fn value(&mut self, at: usize, cell: Cell<'_>) -> Result<bool, Reason> {
        let target = &self.bound.columns[at];
        let mapping = target.rule.mapping;
        let builder = &mut self.builders[target.stored];
        if let Cell::Text(raw) = cell
            && raw.len() > self.feed.limits.record_bytes
        {
            return Err(Reason::RecordTooLong);
        }
        let valid = match &mut builder.values {
            Values::Dictionary(dictionary) => match cell {
                Cell::Text(raw) => {
                    let seen = match dictionary.find(raw) {
                        Some(seen) => seen,
                        None => {
                            let unknown = mapping.values.as_ref().is_some_and(|values| cast::is_unknown(raw, values));
                            let value = cast::text(raw, &target.rule, &mut self.scratch)?;
                            self.weight += raw.len();
                            dictionary.learn(raw, value, unknown)
                        }
                    };
                    self.unknown[target.stored] += u64::from(seen.unknown);
                    dictionary.push(seen.key);
                    seen.key >= 0
                }
                Cell::Missing | Cell::Null => {
                    dictionary.push(-1);
                    false
                }
                _ => return Err(Reason::TypeMismatch),
            },
            Values::Text(text) => match cell {
                Cell::Text(raw) if target.as_is && cast::is_printable(raw) => {
                    self.weight += raw.len();
                    text.push(raw);
                    true
                }
                Cell::Text(raw) => {
                    let value = cast::text(raw, &target.rule, &mut self.scratch)?;
                    self.weight += raw.len();
                    text.push(value.unwrap_or_default().as_bytes());
                    value.is_some()
                }
                Cell::Missing | Cell::Null => {
                    text.push(b"");
                    false
                }
                _ => return Err(Reason::TypeMismatch),
            },
            Values::Int(values) => {
                let value = cast::int(cell, mapping)?;
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Double(values) => {
                let value = cast::double(cell, mapping)?;
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Bool(values) => {
                let value = cast::bool(cell, mapping)?;
                values.append(value.unwrap_or_default());
                value.is_some()
            }
            Values::Date(values) => {
                let value = cast::date(cell, mapping)?;
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Timestamp(values) => {
                let value = cast::instant(cell, mapping, target.latest)?;
                values.push(value.unwrap_or_default());
                value.is_some()
            }
        };
        builder.mark(valid);
        if let Some(kind_at) = target.kind_at {
            self.by_kind(at, kind_at);
        }
        Ok(valid)
    }

    /// An id whose kind another column names: people become pseudonyms, org units and content stay what they are.
    fn by_kind(&mut self, at: usize, kind_at: usize) {
        if self.builders[kind_at].last() != Some(Last::Text(b"worker")) {
            return;
        }
        let target = &self.bound.columns[at];
        let pseudonyms = target.rule.pseudonyms;
        let builder = &mut self.builders[target.stored];
        if let Values::Text(text) = &mut builder.values {
            let rows = text.len() - 1;
            let id = String::from_utf8_lossy(text.get(rows)).into_owned();
            text.pop();
            text.push(pseudonyms.of("worker", &id).as_bytes());
        }
    }

    /// Hands the rows so far to the sink.
    pub fn flush(&mut self) -> Result<(), Stop<E>> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.weight = 0;
        let rows = self.rows.len();
        let mut columns = Vec::with_capacity(self.builders.len() + 2);
        for (builder, non_null) in self.builders.iter_mut().zip(&mut self.non_null) {
            *non_null += (rows - builder.nulls()) as u64;
            columns.push(builder.finish().map_err(unbuildable)?);
        }
        for (at, count) in made_day::fill(self.table, &self.schema, &mut columns, self.zone) {
            if let Some(non_null) = self.non_null.get_mut(at) {
                *non_null += count;
            }
        }
        self.old += self.table.day.as_deref().map_or(0, |day| old(&self.schema, &columns, day, self.old_before));
        let taken = std::mem::replace(&mut self.rows, Vec::with_capacity(BATCH_ROWS));
        columns.push(Arc::new(Int64Array::from(taken)));
        columns.push(Arc::new(BooleanArray::from(std::mem::take(&mut self.deleted))));
        let batch = RecordBatch::try_new(self.schema.clone(), columns).map_err(unbuildable)?;
        debug_assert_eq!(batch.num_rows(), rows);
        (self.sink)(batch).map_err(Stop::Sink)
    }

    /// Hands over the last rows and closes the books.
    pub fn finish(mut self) -> Result<Intake, Stop<E>> {
        self.flush()?;
        let mut intake = self.intake;
        intake.rejected_by_reason = self.reasons.into_iter().collect();
        let rejected = intake.rejected_count();
        let limits = &self.feed.limits;
        if self.feed.gates.reject_share == Verdict::Block
            && intake.read >= limits.rejected_share_from.max(1)
            && rejected as f64 / intake.read as f64 > limits.rejected_share
        {
            let detail = format!(
                "{rejected} of {} records, allowed is a share of {}",
                intake.read, self.feed.limits.rejected_share
            );
            return Err(Refusal::new(Reason::RejectShare, detail).into());
        }
        let stored = self.bound.columns.iter().map(|target| target.column.name.clone());
        intake.coverage = stored.clone().zip(self.non_null).collect();
        intake.unknown_values = stored.zip(self.unknown).filter(|(_, count)| *count > 0).collect();
        for (column, count) in &intake.unknown_values {
            intake.warnings.push(Warning::new("unknown_values", Some(column), *count));
        }
        if self.old > 0 {
            intake.warnings.push(Warning::new("old_events", self.table.day.as_deref(), self.old));
        }
        Ok(intake)
    }
}

/// How many instants of a column lie before another.
fn old(schema: &SchemaRef, columns: &[ArrayRef], name: &str, before: i64) -> u64 {
    let array = schema.index_of(name).ok().and_then(|at| columns.get(at));
    let instants = array.and_then(|array| array.as_primitive_opt::<TimestampMicrosecondType>());
    instants.map_or(0, |instants| instants.iter().flatten().filter(|at| *at < before).count() as u64)
}

fn deletes(cell: Cell<'_>, action: &Action) -> Result<bool, Reason> {
    let Cell::Text(word) = cell else { return Err(Reason::UnknownAction) };
    let is = |list: &[String]| list.iter().any(|known| known.as_bytes() == word.trim_ascii());
    match (is(&action.deletes), is(&action.upserts)) {
        (true, _) => Ok(true),
        (false, true) => Ok(false),
        (false, false) => Err(Reason::UnknownAction),
    }
}

/// Arrow refused arrays that were built here; the delivery is not at fault, but nothing of it can be trusted.
fn unbuildable(cause: arrow::error::ArrowError) -> Refusal {
    Refusal::new(Reason::TypeMismatch, format!("batch could not be built: {cause}"))
}
