//! The gate proper: one record in, one canon row or one reject out.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use chrono_tz::Tz;
use std::sync::Arc;

use super::batch::{self, BATCH_ROWS, Builder, Last, Values};
use super::cast::{self, Cell, TextRule};
use super::combined::Combined;
use super::extract::ActOf;
use super::headers::HeaderPattern;
use super::ids;
use super::made_day;
use super::moment::{self, Frame, Noted};
use super::order::{Orders, Window};
use super::plan::{Action, Block, Feed, Mapping, Named, Rule, Source, Verdict};
use super::reject::{Reason, Refusal, Reject};
use super::remarks::{Contradictions, Remark, Remarks};
use super::select::{self, Choice, Filter, Mark};
use super::signature;
use super::time::Format;
use super::{Context, Intake, Mode, Stop, Warning};
use crate::contract::{Column, Made, Table, Type};
use crate::period::{YEARS_BACK, local_day};

/// Rejects kept in full for each delivery; beyond this only their number by reason is known.
pub const REJECTS_KEPT: usize = 10_000;
/// Text of one batch: well under what 32-bit offsets hold.
const BATCH_BYTES: usize = 256 << 20;

/// A record of a source: values by slot, in the order of [`Bound::names`].
pub(crate) trait Record {
    fn cell(&self, slot: usize) -> Cell<'_>;
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub record: u64,
    pub offset: u64,
}

/// Columns of one header block bound to the slots of a source.
pub(crate) struct Bound<'a> {
    /// Header names or JSON paths the source must deliver, each list an alternative; position = slot.
    pub names: Vec<&'a [String]>,
    /// Slots that are not one name but any of a pattern.
    pub patterns: BTreeMap<usize, &'a HeaderPattern>,
    columns: Vec<Target<'a>>,
    action: Option<(usize, &'a Action)>,
    /// What columns of several parts are made of.
    parts: Vec<Slot<'a>>,
    /// Values that stand in the path of the delivery.
    paths: Vec<String>,
    /// Where a row may be about nobody in particular: the stored columns that name and that count.
    anonymous: Option<(usize, usize)>,
    /// Slots of the columns that say which records count.
    filters: Vec<(usize, &'a Filter)>,
    annul: Option<(usize, &'a Choice)>,
    primary: Option<(usize, &'a Choice)>,
    order_by: Option<usize>,
}

struct Target<'a> {
    column: &'a Column,
    stored: usize,
    source: Slot<'a>,
    rule: TextRule<'a>,
    required: bool,
    key: bool,
    /// A bad value refuses the record. In every other column it empties the cell, for no measure is worth a fact.
    binds: bool,
    /// Printable ASCII passes unchanged: nothing is mapped, closed, folded or made a pseudonym.
    as_is: bool,
    frame: Frame,
    /// The stored column that says what kind of id this one holds (`by:subject_kind`).
    kind_at: Option<usize>,
    /// What is made of a text that is not kept, and the text's own mapping.
    made: Option<(Made, Slot<'a>, &'a Mapping)>,
    /// The slot a number is divided by.
    divisor: Option<usize>,
    /// It is the key of snapshots, of which zeros before ids are remembered.
    counts_zeros: bool,
}

#[derive(Clone, Copy)]
enum Slot<'a> {
    Nothing,
    Constant(&'a str),
    At(usize),
    /// A value of the path.
    Path(usize),
    /// The first of these parts with a value.
    First(usize, usize),
    /// All of these parts, with a text between them.
    Joined(usize, usize, &'a str),
    /// What the words of these parts mean together.
    Combined(usize, usize, &'a Combined),
}

impl<'a> Bound<'a> {
    pub fn new(feed: &'a Feed, block: &'a Block, context: &Context<'a>) -> Bound<'a> {
        let table: &'a Table = context.table;
        let latest = context.as_of.timestamp_micros() + context.future_skew_seconds * 1_000_000;
        let mut slots = Slots { given: feed.path_values(context.path), ..Slots::default() };
        let mut columns = Vec::new();
        // A text that is not kept is read for what is made of it, and not at all where nothing is.
        let made_of = |name: &str| table.stored().any(|column| column.made_of().is_some_and(|(_, of)| of == name));
        let passing: Vec<(&str, Slot<'a>, &'a Mapping)> = table
            .columns
            .iter()
            .zip(&block.columns)
            .filter(|(column, _)| column.transient && made_of(&column.name))
            .map(|(column, mapping)| (column.name.as_str(), slots.of(&mapping.source), mapping))
            .collect();
        for (column, mapping) in table.columns.iter().zip(&block.columns) {
            if column.transient {
                continue;
            }
            let source = slots.of(&mapping.source);
            let divisor = mapping.divide_by.as_ref().map(|name| slots.add(std::slice::from_ref(name)));
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
                // A row of a snapshot that does not say since when it holds takes the snapshot's day.
                required: column.required
                    && !matches!(source, Slot::Nothing)
                    && !(feed.mode == Mode::Full && column.name == "effective_from" && mapping.optional),
                source,
                key: column.key && column.required,
                binds: column.key || column.required,
                as_is: column.values.is_empty() && domain.is_none() && made.is_none() && mapping.is_plain_text(),
                rule: TextRule {
                    mapping: Cow::Borrowed(mapping),
                    identifier,
                    ids: ids::holds_ids(column),
                    closed: &column.values,
                    domain: if by.is_some() { None } else { domain },
                    list: column.name.ends_with("_ids"),
                    pseudonyms: context.pseudonyms,
                },
                frame: Frame {
                    zone: context.zone,
                    edge: column.day,
                    latest: column.happened.then_some(latest),
                    required: column.required,
                },
                kind_at: by.and_then(|by| table.stored().position(|other| other.name == by)),
                made,
                divisor,
                counts_zeros: column.key
                    && feed.mode == Mode::Full
                    && mapping.values.is_none()
                    && mapping.extract.is_none()
                    && ids::holds_ids(column),
            });
        }
        let action = feed.action.as_ref().map(|action| (slots.add(std::slice::from_ref(&action.from)), action));
        let select = &feed.select;
        let mut named = |column: &'a String| slots.add(std::slice::from_ref(column));
        let filters = select.filters.iter().map(|filter| (named(&filter.column), filter)).collect();
        let mut choice = |choice: &'a Option<Choice>| choice.as_ref().map(|choice| (named(&choice.column), choice));
        let (annul, primary) = (choice(&select.annul), choice(&select.primary));
        let order_by = select.order_by.as_ref().map(named);
        let stored = |name: &str| table.stored().position(|column| column.name == name);
        let anonymous = table.anonymous.as_ref().filter(|_| feed.anonymous);
        let anonymous = anonymous.and_then(|anonymous| stored(&anonymous.who).zip(stored(&anonymous.count)));
        let Slots { names, patterns, parts, paths, .. } = slots;
        Bound { names, patterns, columns, action, parts, paths, anonymous, filters, annul, primary, order_by }
    }

    /// Whether the feed leaves this record out before anything is judged.
    pub fn leaves_out<R: Record>(&self, record: &R, nulls: &[String]) -> bool {
        self.filters.iter().any(|(slot, filter)| !filter.keeps(record.cell(*slot), nulls))
    }

    /// The key of the feed file that asks for a slot which fills no canon column.
    pub fn key_of(&self, slot: usize) -> &'static str {
        let is = |choice: &Option<(usize, &Choice)>| choice.is_some_and(|(at, _)| at == slot);
        if self.filters.iter().any(|(at, _)| *at == slot) {
            "where"
        } else if is(&self.annul) {
            "annul"
        } else if is(&self.primary) {
            "primary"
        } else if self.order_by == Some(slot) {
            "order_by"
        } else {
            "action"
        }
    }

    /// Whether the source may lack the slot's column.
    pub fn optional(&self, slot: usize) -> bool {
        let chosen = self.annul.iter().chain(&self.primary).any(|(at, choice)| *at == slot && choice.optional);
        chosen
            || self.columns.iter().any(|target| {
                let passing = target.made.filter(|(_, source, _)| self.reads(*source, slot));
                (self.reads(target.source, slot) || target.divisor == Some(slot)) && target.rule.mapping.optional
                    || passing.is_some_and(|(.., mapping)| mapping.optional)
            })
    }

    /// Whether another alternative of the slot's column is there, by what `found` says of each slot.
    pub fn another(&self, slot: usize, found: &dyn Fn(usize) -> bool) -> bool {
        self.columns
            .iter()
            .flat_map(|target| [Some(target.source), target.made.map(|(_, source, _)| source)])
            .flatten()
            .any(|source| matches!(source, Slot::First(..)) && self.reads(source, slot) && self.is_there(source, found))
    }

    fn reads(&self, source: Slot<'_>, slot: usize) -> bool {
        match source {
            Slot::At(at) => at == slot,
            Slot::First(from, to) | Slot::Joined(from, to, _) | Slot::Combined(from, to, _) => {
                self.parts[from..to].iter().any(|part| matches!(part, Slot::At(at) if *at == slot))
            }
            Slot::Nothing | Slot::Constant(_) | Slot::Path(_) => false,
        }
    }

    /// Whether the source has what a column is read from.
    fn is_there(&self, source: Slot<'_>, found: &dyn Fn(usize) -> bool) -> bool {
        let part = |part: &Slot<'_>| match part {
            Slot::At(at) => found(*at),
            _ => true,
        };
        match source {
            Slot::At(at) => found(at),
            Slot::First(from, to) => self.parts[from..to].iter().any(part),
            Slot::Joined(from, to, _) | Slot::Combined(from, to, _) => self.parts[from..to].iter().all(part),
            Slot::Nothing | Slot::Constant(_) | Slot::Path(_) => true,
        }
    }

    /// The optional columns that the source lacks, by what `found` says of each slot. They are not read: what was known stays.
    pub fn lacking(&self, found: &dyn Fn(usize) -> bool) -> Vec<String> {
        let lacks = |target: &&Target<'a>| {
            let is_there = self.is_there(target.source, found) && target.divisor.is_none_or(found);
            !target.column.required && target.made.is_none() && target.rule.mapping.optional && !is_there
        };
        self.columns.iter().filter(lacks).map(|target| target.column.name.clone()).collect()
    }

    /// Gives up reading columns that the source lacks.
    pub fn give_up(&mut self, lacking: &[String]) {
        for target in self.columns.iter_mut().filter(|target| lacking.contains(&target.column.name)) {
            (target.source, target.divisor) = (Slot::Nothing, None);
        }
    }

    /// Takes the zone that a header names as the one in which its column's times are, unless the column has one of its own.
    pub fn take_zone(&mut self, slot: usize, zone: chrono_tz::Tz) {
        let at = (0..self.columns.len()).find(|at| self.reads(self.columns[*at].source, slot));
        let Some(target) = at.map(|at| &mut self.columns[at]) else { return };
        if !target.rule.mapping.own_zone {
            target.rule.mapping.to_mut().zone = Some(zone);
        }
    }

    /// The canon column read from a slot.
    pub fn column_of(&self, slot: usize) -> Option<&'a Column> {
        self.target_of(slot).map(|target| target.column)
    }

    fn target_of(&self, slot: usize) -> Option<&Target<'a>> {
        self.columns.iter().find(|target| {
            self.reads(target.source, slot) || target.made.is_some_and(|(_, source, _)| self.reads(source, slot))
        })
    }

    /// What a slot holds, as far as a typed source has to fit it: words of a value map may be any type, a divisor is a number.
    pub fn wants(&self, slot: usize) -> Wants {
        let Some(target) = self.target_of(slot) else {
            let divides = self.columns.iter().any(|target| target.divisor == Some(slot));
            return if divides { Wants::Type(Type::Double) } else { Wants::Any };
        };
        match (target.source, &target.rule.mapping.values) {
            (Slot::Combined(..), _) | (_, Some(_)) => Wants::Any,
            _ => Wants::Type(target.column.data_type),
        }
    }

    /// Whether a declared date format of the slot's column is one of numbers.
    pub fn takes_numbers(&self, slot: usize) -> bool {
        self.columns.iter().any(|target| {
            let formats = &target.rule.mapping.formats;
            matches!(target.source, Slot::At(at) if at == slot) && formats.iter().any(Format::takes_numbers)
        })
    }

    /// The value map through which the slot's column is read, if any.
    pub fn values_of(&self, slot: usize) -> Option<&super::plan::Values> {
        let target = self.columns.iter().find(|target| matches!(target.source, Slot::At(at) if at == slot))?;
        target.rule.mapping.values.as_ref()
    }

    /// The zone in which the slot's column reads local times, if any.
    pub fn has_zone(&self, slot: usize) -> bool {
        self.columns.iter().any(|target| self.reads(target.source, slot) && target.rule.mapping.zone.is_some())
    }
}

/// What a typed source has to hold in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    Any,
    Type(Type),
}

/// Slots and parts on the way to a [`Bound`].
#[derive(Default)]
struct Slots<'a> {
    names: Vec<&'a [String]>,
    patterns: BTreeMap<usize, &'a HeaderPattern>,
    parts: Vec<Slot<'a>>,
    paths: Vec<String>,
    given: BTreeMap<String, String>,
}

impl<'a> Slots<'a> {
    /// A slot for a name that the source must deliver.
    fn add(&mut self, names: &'a [String]) -> usize {
        self.names.push(names);
        self.names.len() - 1
    }

    fn part(&mut self, named: &'a Named) -> Slot<'a> {
        match named {
            Named::Header(name) => Slot::At(self.add(std::slice::from_ref(name))),
            Named::Like(name, pattern) => {
                let slot = self.add(std::slice::from_ref(name));
                self.patterns.insert(slot, pattern);
                Slot::At(slot)
            }
            Named::Path(name) => {
                self.paths.push(self.given.get(name).cloned().unwrap_or_default());
                Slot::Path(self.paths.len() - 1)
            }
        }
    }

    fn of(&mut self, source: &'a Source) -> Slot<'a> {
        let (list, whole): (&'a [Named], &dyn Fn(usize, usize) -> Slot<'a>) = match source {
            Source::Nothing => return Slot::Nothing,
            Source::Constant(text) => return Slot::Constant(text),
            Source::First(list) => match list.as_slice() {
                [only] => return self.part(only),
                list => (list, &Slot::First),
            },
            Source::Joined(list, between) => (list, &|from, to| Slot::Joined(from, to, between)),
            Source::Combined(list, combined) => (list, &|from, to| Slot::Combined(from, to, combined)),
        };
        let parts: Vec<Slot<'a>> = list.iter().map(|named| self.part(named)).collect();
        let from = self.parts.len();
        self.parts.extend(parts);
        whole(from, self.parts.len())
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
    /// By column of [`Bound`].
    noted: Vec<Noted>,
    /// Where the record being read stands.
    place: Place,
    /// What is noticed of the rows.
    remarks: Remarks,
    contradictions: Contradictions<'a>,
    /// Ids held against those of the last snapshot, by stored column.
    watches: Vec<Option<ids::Watch<'a>>>,
    /// Text put together from several columns, or spelled out from numbers.
    joined: String,
    spelled: String,
    /// Records with NUL bytes in them.
    spoiled: u64,
    upserts: u64,
    /// By target and pattern of `extract`: how many texts it said the meaning of.
    told: Vec<Vec<u64>>,
    /// The value just read is missing because the record tells of nobody's act.
    is_nobodys: bool,
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
        let window = context.known_at.map(|at| local_day(at.timestamp_micros(), context.zone));
        let window = window.map(|day| Window::before(day, feed.limits.lag_days));
        let noted = |target: &Target<'_>| {
            let ordered = target.rule.mapping.swapped.iter().any(Option::is_some);
            let judged = ordered && feed.gates.date_order != Verdict::Off;
            let orders = judged.then(|| Orders::new(window.filter(|_| target.column.happened)));
            Noted { midnights: 0, orders }
        };
        let contradictions = Contradictions::of(context.table);
        let watch = |target: &Target<'a>| {
            let known = context.known?.of(&target.column.name)?;
            let plain = target.rule.mapping.values.is_none() && target.rule.mapping.extract.is_none();
            (plain && target.rule.ids).then(|| ids::Watch::new(known, target.rule.domain, context.pseudonyms))
        };
        Gate {
            remarks: Remarks::about(&contradictions),
            contradictions,
            watches: bound.columns.iter().map(watch).collect(),
            joined: String::new(),
            spelled: String::new(),
            spoiled: 0,
            upserts: 0,
            feed,
            noted: bound.columns.iter().map(noted).collect(),
            place: Place { record: 0, offset: 0 },
            bound,
            schema: batch::schema(context.table),
            non_null: vec![0; builders.len()],
            unknown: vec![0; builders.len()],
            told: vec![Vec::new(); builders.len()],
            is_nobodys: false,
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

    /// Notes optional columns that the source lacks.
    pub fn lack(&mut self, lacking: Vec<String>) {
        let columns = &self.bound.columns;
        self.remarks.mute(&self.contradictions, &|at| lacking.contains(&columns[at].column.name));
        self.intake.absent = lacking;
    }

    /// Rows so far that state something, where they are not all deletes by key.
    pub fn upserts(&self) -> u64 {
        self.upserts
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
        let nulls = &self.feed.select.nulls;
        if self.bound.leaves_out(record, nulls) {
            self.intake.filtered += 1;
            return Ok(());
        }
        self.place = place;
        match self.row(record) {
            Ok(deleted) => {
                self.remarks.keep(deleted);
                self.upserts += u64::from(!deleted);
                if self.feed.select.chooses() {
                    let picks = |choice: &Option<(usize, &Choice)>| {
                        choice.is_some_and(|(slot, choice)| choice.picks(record.cell(slot), nulls))
                    };
                    let order = self.bound.order_by.and_then(|slot| select::word(record.cell(slot), nulls));
                    self.intake.marks.push(Mark {
                        place,
                        annuls: picks(&self.bound.annul),
                        primary: picks(&self.bound.primary),
                        order: order.map(|word| word.as_ref().into()),
                    });
                }
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

    /// A record that the feed leaves out, known before its values were looked at.
    pub fn leave_out(&mut self, place: Place) -> Result<(), Stop<E>> {
        self.count(place)?;
        self.intake.filtered += 1;
        Ok(())
    }

    /// A record refused before its values were looked at.
    pub fn reject(&mut self, place: Place, reason: Reason) -> Result<(), Stop<E>> {
        self.count(place)?;
        self.note(place, None, reason);
        Ok(())
    }

    /// A record refused because NUL bytes stand in it; one such record is damage, many are another encoding.
    pub fn spoil(&mut self, place: Place, reason: Reason) -> Result<(), Stop<E>> {
        self.spoiled += 1;
        self.reject(place, reason)
    }

    fn note(&mut self, place: Place, column: Option<usize>, reason: Reason) {
        *self.reasons.entry(reason).or_default() += 1;
        if self.intake.rejected.len() < REJECTS_KEPT {
            let column = column.map(|at| self.bound.columns[at].column.name.clone());
            self.intake.rejected.push(Reject { record: place.record, byte_offset: place.offset, column, reason });
        }
    }

    fn row<R: Record>(&mut self, record: &R) -> Result<bool, (Option<usize>, Reason)> {
        // Taken out while the row is read, for its cells may lie in them.
        let (paths, mut joined) = (std::mem::take(&mut self.bound.paths), std::mem::take(&mut self.joined));
        let row = self.row_of(record, &paths, &mut joined);
        (self.bound.paths, self.joined) = (paths, joined);
        row
    }

    fn row_of<R: Record>(
        &mut self,
        record: &R,
        paths: &[String],
        joined: &mut String,
    ) -> Result<bool, (Option<usize>, Reason)> {
        self.remarks.begin();
        let deleted = match &self.bound.action {
            None => false,
            Some((slot, action)) => deletes(record.cell(*slot), action).map_err(|reason| (None, reason))?,
        };
        let mut nameless = false;
        // Of a record that takes its key back nothing but the key is needed.
        let is_key_enough = deleted
            || self.bound.annul.is_some_and(|(slot, annul)| annul.picks(record.cell(slot), &self.feed.select.nulls));
        for at in 0..self.bound.columns.len() {
            let (cell, valid) = match self.read(at, record, paths, joined) {
                Ok(read) => read,
                // A value too long is a limit on the record, not a measure that could not be read.
                Err(reason) if self.bound.columns[at].binds || reason == Reason::RecordTooLong => {
                    return Err((Some(at), reason));
                }
                Err(reason) => {
                    let stored = self.bound.columns[at].stored;
                    self.builders[stored].push_null();
                    self.remarks.note(stored, Remark::Dropped(reason));
                    (None, false)
                }
            };
            let target = &self.bound.columns[at];
            let is_nobodys = std::mem::take(&mut self.is_nobodys);
            if !valid && target.required && !is_nobodys && (target.key || !is_key_enough) {
                if self.bound.anonymous.is_some_and(|(who, _)| who == target.stored) && !deleted {
                    nameless = true;
                    continue;
                }
                let reason = if cell == Some(true) { Reason::NullNotAllowed } else { Reason::MissingRequired };
                return Err((Some(at), reason));
            }
        }
        if let Some((who, count)) = self.bound.anonymous.filter(|_| nameless) {
            // What is about nobody counts how many there were, or is about nothing.
            match self.builders[count].last() {
                Some(Last::Double(many)) if many >= 1.0 && many.fract() == 0.0 => {}
                Some(_) => return Err((Some(count), Reason::OutOfRange)),
                None => return Err((Some(who), Reason::MissingRequired)),
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
                Rule::Employment { hired, original, ended, status } => {
                    if !is_key_enough && self.ends_before_it_began([hired, original, ended], status) {
                        return Err((Some(ended), Reason::IntervalInverted));
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
        self.contradictions.look(&self.builders, &mut self.remarks);
        Ok(deleted)
    }

    /// Reads one column of a record: whether its cell was null (`None`: there was text or a value), and whether there is a value.
    fn read<R: Record>(
        &mut self,
        at: usize,
        record: &R,
        paths: &[String],
        joined: &mut String,
    ) -> Result<(Option<bool>, bool), Reason> {
        let (source, divisor, made) = {
            let target = &self.bound.columns[at];
            (target.source, target.divisor, target.made)
        };
        let cell = self.fetch(at, source, record, paths, joined)?;
        if let Some((made, of, mapping)) = made {
            let target = &self.bound.columns[at];
            let given = matches!(cell, Cell::Text(raw) if !cast::is_null(raw.trim_ascii(), &target.rule.mapping));
            if !(given && made == Made::Hash) {
                let mut text = String::new();
                let cell = self.fetch(at, of, record, paths, &mut text)?;
                let pseudonyms = self.bound.columns[at].rule.pseudonyms;
                if let Some(made) = signature::make(made, cell, mapping, pseudonyms) {
                    return Ok((None, self.made(at, &made)));
                }
            }
        }
        let null = match cell {
            Cell::Null => Some(true),
            Cell::Missing => Some(false),
            _ => None,
        };
        let per = match divisor {
            Some(slot) if !self.is_nothing(at, cell) => {
                let per = cast::divisor(record.cell(slot), &self.bound.columns[at].rule.mapping)?;
                Some(per.filter(|per| *per != 0.0).ok_or(Reason::DivisorMissing)?)
            }
            _ => None,
        };
        Ok((null, self.value(at, cell, per)?))
    }

    fn is_nothing(&self, at: usize, cell: Cell<'_>) -> bool {
        match cell {
            Cell::Missing | Cell::Null => true,
            Cell::Text(raw) => cast::is_null(raw.trim_ascii(), &self.bound.columns[at].rule.mapping),
            _ => false,
        }
    }

    /// The cell of a column, whatever it is put together from.
    #[inline]
    fn fetch<'r, R: Record>(
        &mut self,
        at: usize,
        source: Slot<'a>,
        record: &'r R,
        paths: &'r [String],
        joined: &'r mut String,
    ) -> Result<Cell<'r>, Reason>
    where
        'a: 'r,
    {
        let one = |part: Slot<'a>| match part {
            Slot::At(slot) => record.cell(slot),
            Slot::Path(path) => paths.get(path).map_or(Cell::Missing, |text| Cell::Text(text.as_bytes())),
            Slot::Constant(text) => Cell::Text(text.as_bytes()),
            _ => Cell::Missing,
        };
        Ok(match source {
            Slot::First(from, to) => {
                let mut found = Cell::Missing;
                for part in from..to {
                    let cell = one(self.bound.parts[part]);
                    if !self.is_nothing(at, cell) {
                        return Ok(cell);
                    }
                    // Nothing is said of a column that is null in one place and missing in another but that it is null.
                    if found == Cell::Missing {
                        found = cell;
                    }
                }
                found
            }
            Slot::Joined(from, to, between) => {
                joined.clear();
                for part in from..to {
                    let cell = one(self.bound.parts[part]);
                    // An id of which a part is missing is none.
                    if self.is_nothing(at, cell) {
                        return Ok(if cell == Cell::Null { Cell::Null } else { Cell::Missing });
                    }
                    if part > from {
                        joined.push_str(between);
                    }
                    match cell {
                        Cell::Text(raw) => {
                            joined.push_str(std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?.trim())
                        }
                        cell => spell(cell, false, joined)?,
                    }
                }
                Cell::Text(joined.as_bytes())
            }
            Slot::Combined(from, to, combined) => {
                let mut words: Vec<Option<Cow<'_, str>>> = Vec::with_capacity(to - from);
                for part in from..to {
                    let cell = one(self.bound.parts[part]);
                    words.push(match cell {
                        _ if self.is_nothing(at, cell) => None,
                        Cell::Text(raw) => {
                            Some(Cow::Borrowed(std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?.trim()))
                        }
                        cell => {
                            let mut text = String::new();
                            spell(cell, true, &mut text)?;
                            Some(Cow::Owned(text))
                        }
                    });
                }
                let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
                let meaning = combined.meaning(&words)?;
                let stored = self.bound.columns[at].stored;
                self.unknown[stored] += u64::from(meaning.is_unknown);
                if meaning.word.is_empty() { Cell::Missing } else { Cell::Text(meaning.word.as_bytes()) }
            }
            single => one(single),
        })
    }

    /// Whether the last record says that somebody left before the first hire. A termination before the last hire alone belongs to an
    /// earlier employment, of which it needs no more than a sign: the day it began, or that the person is not gone.
    fn ends_before_it_began(&self, [hired, original, ended]: [usize; 3], status: usize) -> bool {
        let day = |at: usize| match self.builders[at].last() {
            Some(Last::Number(day)) => Some(day),
            _ => None,
        };
        let (Some(hired), Some(ended)) = (day(hired), day(ended)) else { return false };
        let is_gone = self.builders[status].last() == Some(Last::Text(b"terminated"));
        ended < hired && day(original).map_or(is_gone, |first| ended < first)
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

    /// Pushes one value; says whether there was one. Nothing is pushed where there is an error.
    #[inline]
    fn value(&mut self, at: usize, cell: Cell<'_>, per: Option<f64>) -> Result<bool, Reason> {
        let target = &self.bound.columns[at];
        let values = target.rule.mapping.values.as_ref();
        let is_text = target.column.data_type == Type::Text;
        let is_spelled = matches!(cell, Cell::Int(_) | Cell::UInt(_) | Cell::Big(_) | Cell::Bool(_));
        if !is_spelled || !(is_text || values.is_some()) {
            return self.plain_value(at, cell, per);
        }
        // Whole numbers, and truths where there are words for them, are text where text is wanted; of a double nobody knows how it
        // was written. A number or a truth that the column can hold needs no word.
        let mut spelled = std::mem::take(&mut self.spelled);
        spelled.clear();
        let written = spell(cell, values.is_some(), &mut spelled);
        let has_word = is_text || values.is_some_and(|values| cast::has_word(&spelled, values));
        let pushed = match written {
            Err(reason) => Err(reason),
            Ok(()) if has_word => self.plain_value(at, Cell::Text(spelled.as_bytes()), per),
            Ok(()) => self.plain_value(at, cell, per),
        };
        self.spelled = spelled;
        pushed
    }

    #[inline]
    fn plain_value(&mut self, at: usize, cell: Cell<'_>, per: Option<f64>) -> Result<bool, Reason> {
        let target = &self.bound.columns[at];
        let mapping = &*target.rule.mapping;
        let watch = &mut self.watches[at];
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
                            let plain = std::str::from_utf8(raw).unwrap_or_default().trim();
                            if let Some(watch) = watch.as_mut().filter(|_| value.is_some()) {
                                watch.note(plain);
                            }
                            if target.counts_zeros && value.is_some() {
                                self.intake.zeros.note(plain, target.rule.pseudonyms);
                            }
                            let lookalike = target.rule.ids && value.is_some() && ids::looks_like_another(plain);
                            let pattern = cast::pattern_of(raw, &mapping).map_or(0, |at| at as u8 + 1);
                            dictionary.learn_by(raw, value, unknown, lookalike, pattern)
                        }
                    };
                    self.unknown[target.stored] += u64::from(seen.unknown);
                    if seen.lookalike {
                        self.remarks.note(target.stored, Remark::Lookalike);
                    }
                    if seen.pattern > 0 {
                        let at = usize::from(seen.pattern) - 1;
                        let told = &mut self.told[target.stored];
                        told.resize(told.len().max(at + 1), 0);
                        told[at] += 1;
                        let patterns = mapping.extract.as_ref().map_or(&[][..], |extract| extract.patterns());
                        self.is_nobodys =
                            seen.key < 0 && patterns.get(at).is_some_and(|pattern| pattern.act_of == ActOf::Nobody);
                    }
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
                    if target.rule.ids {
                        if let Some(reason) = ids::rewritten(raw) {
                            return Err(reason);
                        }
                        let plain = std::str::from_utf8(raw).unwrap_or_default();
                        if let Some(watch) = watch {
                            watch.note(plain);
                        }
                        if target.counts_zeros {
                            self.intake.zeros.note(plain, target.rule.pseudonyms);
                        }
                    }
                    self.weight += raw.len();
                    text.push(raw);
                    true
                }
                Cell::Text(raw) => {
                    let value = cast::text(raw, &target.rule, &mut self.scratch)?;
                    if target.rule.ids && value.is_some() {
                        let plain = std::str::from_utf8(raw).unwrap_or_default().trim();
                        if let Some(watch) = watch {
                            watch.note(plain);
                        }
                        if target.counts_zeros {
                            self.intake.zeros.note(plain, target.rule.pseudonyms);
                        }
                        if ids::looks_like_another(plain) {
                            self.remarks.note(target.stored, Remark::Lookalike);
                        }
                    }
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
                let value = cast::int(cell, mapping, per)?;
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Double(values) => {
                let value = cast::double(cell, mapping, per)?;
                if value.zip(target.column.noted_above).is_some_and(|(value, usual)| value > usual) {
                    self.remarks.note(target.stored, Remark::Above);
                }
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Bool(values) => {
                let value = cast::bool(cell, mapping)?;
                values.append(value.unwrap_or_default());
                value.is_some()
            }
            Values::Date(values) => {
                let value = moment::date(cell, mapping, &target.frame, &mut self.noted[at], self.place)?
                    .map(|day| day.saturating_add(mapping.shift));
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Timestamp(values) => {
                let value = moment::instant(cell, mapping, &target.frame, &mut self.noted[at], self.place)?;
                if value.is_some_and(|value| value < cast::WORLD) {
                    self.remarks.note(target.stored, Remark::Old);
                }
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
        // Before the share of rejects: where days are the wrong way round, that is why they were rejected.
        for (target, noted) in self.bound.columns.iter().zip(&self.noted) {
            let name = &target.column.name;
            if noted.midnights > 0 {
                intake.warnings.push(Warning::new("midnight_days", Some(name), noted.midnights));
            }
            match noted.orders.as_ref().and_then(|orders| orders.judge(name)) {
                Some((refusal, _)) if self.feed.gates.date_order == Verdict::Block => return Err(refusal.into()),
                Some((_, count)) => intake.warnings.push(Warning::new("date_order", Some(name), count)),
                None => {}
            }
        }
        intake.rejected_by_reason = self.reasons.into_iter().collect();
        let (rejected, judged) = (intake.rejected_count(), intake.read - intake.filtered);
        let limits = &self.feed.limits;
        if self.spoiled > 1 && self.spoiled * 100 > intake.read {
            let detail = format!("NUL bytes in {} of {} records", self.spoiled, intake.read);
            return Err(Refusal::new(Reason::Encoding, detail).into());
        }
        // However few they are: what holds no record that can be read is no delivery of this feed.
        if rejected > 0 && intake.accepted == 0 {
            let most = intake.rejected_by_reason.iter().max_by_key(|(_, count)| *count);
            let reason = most.map_or("", |(reason, _)| reason.code());
            let detail = format!("all {rejected} records were rejected, most of them as {reason}");
            return Err(Refusal::new(Reason::RejectShare, detail).into());
        }
        if self.feed.gates.reject_share == Verdict::Block
            && judged >= limits.rejected_share_from.max(1)
            && rejected as f64 / judged as f64 > limits.rejected_share
        {
            let detail =
                format!("{rejected} of {judged} records, allowed is a share of {}", self.feed.limits.rejected_share);
            return Err(Refusal::new(Reason::RejectShare, detail).into());
        }
        let stored = self.bound.columns.iter().map(|target| target.column.name.clone());
        intake.coverage = stored.clone().zip(self.non_null).collect();
        intake.unknown_values = stored.zip(self.unknown).filter(|(_, count)| *count > 0).collect();
        for (column, count) in &intake.unknown_values {
            intake.warnings.push(Warning::new("unknown_values", Some(column), *count));
        }
        if !self.feed.own_names {
            intake.warnings.extend(intake.absent.iter().map(|column| Warning::new("header_absent", Some(column), 1)));
        }
        intake.warnings.extend(self.remarks.warnings(&|at| self.bound.columns[at].column.name.as_str()));
        for (target, watch) in self.bound.columns.iter().zip(&self.watches) {
            let lost = watch.as_ref().map_or(0, ids::Watch::lost);
            if lost == 0 || self.feed.gates.lost_zeros == Verdict::Off {
                continue;
            }
            // A snapshot of people under other ids ends the ones there were and begins new ones.
            if target.column.key && self.feed.mode == Mode::Full && self.feed.gates.lost_zeros == Verdict::Block {
                return Err(ids::zeros_lost(&target.column.name, lost).into());
            }
            intake.warnings.push(Warning::new("id_zero_lost", Some(&target.column.name), lost));
        }
        for target in &self.bound.columns {
            let patterns = target.rule.mapping.extract.as_ref().map_or(&[][..], |extract| extract.patterns());
            for (pattern, count) in patterns.iter().zip(&self.told[target.stored]) {
                if pattern.act_of != ActOf::Actor && *count > 0 {
                    let place = format!("{}: {}", target.column.name, pattern.name);
                    intake.warnings.push(Warning::new("acts_on_others", Some(&place), *count));
                }
            }
        }
        if self.old > 0 {
            intake.warnings.push(Warning::new("old_events", self.table.day.as_deref(), self.old));
        }
        Ok(intake)
    }
}

/// Writes a whole number, or where words are wanted a truth, as text.
fn spell(cell: Cell<'_>, words: bool, out: &mut String) -> Result<(), Reason> {
    use std::fmt::Write;
    // Writing to a text cannot fail.
    let _ = match cell {
        Cell::Int(value) => write!(out, "{value}"),
        Cell::UInt(value) => write!(out, "{value}"),
        Cell::Big(value) => write!(out, "{value}"),
        Cell::Bool(value) if words => write!(out, "{value}"),
        _ => return Err(Reason::TypeMismatch),
    };
    Ok(())
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
