//! The gate proper: one record in, one canon row or one reject out.

mod look;
mod value;

use std::collections::{BTreeMap, HashSet};

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use chrono_tz::Tz;
use std::sync::Arc;

use super::batch::{self, Builder, Last};
use super::bound::{Bound, Slot, Target};
use super::context::Context;
use super::declared::of_order;
use super::extract::ActOf;
use super::feed::{Action, Feed, Mode, Rule};
use super::ids;
use super::intake::{Intake, Mark};
use super::limits::Verdict;
use super::made_day;
use super::moment::Noted;
use super::order::{self, Orders, Window};
use super::record::{Cell, Place, Record};
use super::reject::{REJECTS_KEPT, Reason, Refusal, Reject, Stop};
use super::remarks::{Contradictions, Remark, Remarks};
use super::selection::{self, Choice};
use super::set;
use super::sightings::Sightings;
use super::text::BATCH_ROWS;
use super::warning::Warning;
use crate::contract::Table;
use crate::period::{YEARS_BACK, local_day};

/// Text of one batch: well under what 32-bit offsets hold.
const BATCH_BYTES: usize = 256 << 20;

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
    /// Columns that something is read for; the others stay empty, which is filled in a batch at a time.
    reads: Vec<ReadColumn>,
    /// Columns that say of an instant that it was told as a day, with the column of the instant.
    day_flags: Vec<(usize, usize)>,
    /// Where the record being read stands.
    place: Place,
    /// Cells that were not taken.
    sightings: Sightings,
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
    is_part: bool,
    /// The feed's rules choose among the records once all are read.
    marks: bool,
    /// The value just read is missing because the record tells of nobody's act.
    is_nobodys: bool,
    table: &'a Table,
    zone: Tz,
    /// Events before this instant are too old to open a period; how many there were.
    old_before: i64,
    old: u64,
}

/// What the gate looks up of a column for each record, apart from all else that is known of it.
#[derive(Clone, Copy)]
struct ReadColumn {
    /// Its place in [`Bound`].
    at: usize,
    stored: usize,
    /// Where it is a cell of the record and nothing more.
    slot: Option<usize>,
    binds: bool,
    required: bool,
    key: bool,
}

impl ReadColumn {
    fn of(at: usize, target: &Target<'_>) -> ReadColumn {
        let slot = match target.source {
            Slot::At(slot) if target.divisor.is_none() && target.zone_at.is_none() && target.made.is_none() => {
                Some(slot)
            }
            _ => None,
        };
        let Target { stored, binds, required, key, .. } = *target;
        ReadColumn { at, stored, slot, binds, required, key }
    }
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
        let window = window.map(|day| match feed.mode {
            Mode::Full => Window::until(day),
            _ => Window::before(day, feed.limits.lag_days),
        });
        let noted = |target: &Target<'_>| {
            let ordered = target.rule.mapping.swapped.iter().any(Option::is_some);
            let judged = ordered && feed.gates.date_order != Verdict::Off;
            let orders = judged.then(|| Orders::new(window.filter(|_| target.column.happened)));
            Noted { orders, ..Noted::default() }
        };
        let contradictions = Contradictions::of(context.table);
        let watch = |target: &Target<'a>| {
            let known = context.known?.of(&target.column.name)?;
            let plain = target.rule.mapping.values.is_none() && target.rule.mapping.extract.is_none();
            (plain && target.rule.ids).then(|| ids::Watch::new(known, target.rule.domain, context.pseudonyms))
        };
        let is_nothing = |target: &Target<'_>| matches!(target.source, Slot::Nothing) && target.made.is_none();
        let is_read = |target: &Target<'_>| !is_nothing(target) || target.required;
        let day_flag = |at: usize| {
            let target = &bound.columns[at];
            Some((at, target.is_day_of.filter(|_| is_nothing(target))?))
        };
        Gate {
            reads: (0..bound.columns.len())
                .filter(|at| is_read(&bound.columns[*at]))
                .map(|at| ReadColumn::of(at, &bound.columns[at]))
                .collect(),
            day_flags: (0..bound.columns.len()).filter_map(day_flag).collect(),
            sightings: Sightings::default(),
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
            is_part: context.is_part,
            marks: feed.select.chooses() || context.waits_for_set(feed),
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
            self.note(place, None, Reason::DuplicateKeyConflict, None);
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
                if self.marks {
                    let picks = |choice: &Option<(usize, &Choice)>| {
                        choice.is_some_and(|(slot, choice)| choice.picks(record.cell(slot), nulls))
                    };
                    let order = self.bound.order_by.and_then(|slot| selection::word(record.cell(slot), nulls));
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
                let is_shown = self.intake.rejected.len() < REJECTS_KEPT;
                let curious = column.filter(|at| is_shown || self.sightings.is_curious(*at, reason));
                let found = curious.and_then(|at| self.look(at, reason, record));
                self.note(place, column, reason, found);
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
        self.note(place, None, reason, None);
        Ok(())
    }

    /// A record refused because NUL bytes stand in it; one such record is damage, many are another encoding.
    pub fn spoil(&mut self, place: Place, reason: Reason) -> Result<(), Stop<E>> {
        self.spoiled += 1;
        self.reject(place, reason)
    }

    fn note(&mut self, place: Place, column: Option<usize>, reason: Reason, found: Option<String>) {
        *self.reasons.entry(reason).or_default() += 1;
        self.sightings.count(column, reason);
        if self.intake.rejected.len() < REJECTS_KEPT {
            let column = column.map(|at| self.bound.columns[at].column.name.clone());
            let (found, byte_offset) = (found.map(String::into_boxed_str), place.offset);
            self.intake.rejected.push(Reject { record: place.record, byte_offset, column, reason, found });
        }
    }

    fn row<R: Record>(&mut self, record: &R) -> Result<bool, (Option<usize>, Reason)> {
        self.remarks.begin();
        let deleted = match &self.bound.action {
            None => false,
            Some((slot, action)) => deletes(record.cell(*slot), action).map_err(|reason| (None, reason))?,
        };
        let mut nameless = false;
        // Of a record that takes its key back nothing but the key is needed.
        let is_key_enough = deleted
            || self.bound.annul.is_some_and(|(slot, annul)| annul.picks(record.cell(slot), &self.feed.select.nulls));
        for place in 0..self.reads.len() {
            let column = self.reads[place];
            let read = match column.slot {
                // Nearly all columns are a cell of the record.
                Some(slot) => self.value(column.at, record.cell(slot), None).map(|valid| (None, valid)),
                None => self.read(column.at, record),
            };
            let (null, valid) = match read {
                Ok(read) => read,
                // A value too long is a limit on the record, not a measure that could not be read.
                Err(reason) if column.binds || reason == Reason::RecordTooLong => {
                    return Err((Some(column.at), reason));
                }
                Err(reason) => {
                    self.builders[column.stored].push_null();
                    self.remarks.note(column.stored, Remark::Dropped(reason));
                    if self.sightings.is_curious(column.at, reason) {
                        self.look(column.at, reason, record);
                    }
                    (Some(false), false)
                }
            };
            if valid {
                continue;
            }
            let is_nobodys = std::mem::take(&mut self.is_nobodys);
            if column.required && !is_nobodys && (column.key || !is_key_enough) {
                if self.bound.anonymous.is_some_and(|(who, _)| who == column.stored) && !deleted {
                    nameless = true;
                    continue;
                }
                let is_null = null.or_else(|| column.slot.and_then(|slot| null_of(record.cell(slot))));
                let reason = if is_null == Some(true) { Reason::NullNotAllowed } else { Reason::MissingRequired };
                return Err((Some(column.at), reason));
            }
        }
        for place in 0..self.day_flags.len() {
            let (at, of) = self.day_flags[place];
            if self.noted[of].is_day {
                self.note_day(at, of);
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

    /// Reads one column of a record that is no plain cell of it: whether its cell was null (`None`: there was text or a value), and whether
    /// there is a value.
    fn read<R: Record>(&mut self, at: usize, record: &R) -> Result<(Option<bool>, bool), Reason> {
        let target = &self.bound.columns[at];
        let (source, divisor, made) = (target.source, target.divisor, target.made);
        if matches!(source, Slot::Nothing) && made.is_none() {
            self.builders[target.stored].push_null();
            return Ok((Some(false), false));
        }
        if let Some(slot) = target.zone_at {
            self.take_zone(at, record.cell(slot))?;
        }
        // Taken out while the column is read, for its cell may lie in them.
        let (paths, mut joined) = (std::mem::take(&mut self.bound.paths), std::mem::take(&mut self.joined));
        let read = self.read_made(at, (source, divisor, made), record, &paths, &mut joined);
        (self.bound.paths, self.joined) = (paths, joined);
        read
    }

    /// Reads the next time of a column in the zone that its own record names; where it names none, in the feed's.
    fn take_zone(&mut self, at: usize, cell: Cell<'_>) -> Result<(), Reason> {
        let nulls = &self.feed.select.nulls;
        let named = match selection::word(cell, nulls) {
            Some(name) => Some(name.parse::<chrono_tz::Tz>().map_err(|_| Reason::TsNoTimezone)?),
            None => None,
        };
        let target = &mut self.bound.columns[at];
        let usual = target.zone;
        target.rule.mapping.to_mut().zone = named.or(usual);
        Ok(())
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

    /// Hands the rows so far to the sink.
    pub fn flush(&mut self) -> Result<(), Stop<E>> {
        if self.rows.is_empty() {
            return Ok(());
        }
        self.weight = 0;
        let rows = self.rows.len();
        let mut columns = Vec::with_capacity(self.builders.len() + 2);
        for (builder, non_null) in self.builders.iter_mut().zip(&mut self.non_null) {
            builder.pad(rows);
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
        let mut intake = std::mem::take(&mut self.intake);
        intake.rejected_by_reason = std::mem::take(&mut self.reasons).into_iter().collect();
        let unknown = self.unknown.iter().enumerate().filter(|(_, count)| **count > 0);
        let unknown = unknown.map(|(at, count)| (at, Reason::UnknownShare, *count));
        let values: Vec<_> = self.remarks.dropped().into_iter().chain(unknown).collect();
        intake.told = self.sightings.told(&self.bound, &intake, &values);
        match self.close(&mut intake) {
            Ok(()) => Ok(intake),
            Err(refusal) => Err(intake.refused(refusal).into()),
        }
    }

    /// What the delivery as a whole gives away.
    fn close(self, intake: &mut Intake) -> Result<(), Refusal> {
        for (target, noted) in self.bound.columns.iter().zip(&self.noted) {
            let name = &target.column.name;
            if noted.midnights > 0 {
                intake.warnings.push(Warning::new("midnight_days", Some(name), noted.midnights));
            }
            if let Some(count) = noted.only_midnights() {
                intake.warnings.push(Warning::new("only_midnights", Some(name), count));
            }
        }
        // Before the share of rejects: where days are the wrong way round, that is why they were rejected.
        let columns = self.bound.columns.iter().map(|target| target.column.name.clone());
        let orders: Vec<_> = columns.zip(self.noted).filter_map(|(name, noted)| Some((name, noted.orders?))).collect();
        if self.is_part {
            intake.orders = orders;
        } else {
            let judged = order::judged(self.feed.gates.date_order, &orders);
            intake.warnings.extend(judged.map_err(|refusal| of_order(self.feed, refusal))?);
        }
        let (rejected, judged) = (intake.rejected_count(), intake.read - intake.filtered);
        let limits = &self.feed.limits;
        if self.spoiled > 1 && self.spoiled * 100 > intake.read {
            let detail = format!("NUL bytes in {} of {} records", self.spoiled, intake.read);
            return Err(Refusal::new(Reason::Encoding, detail));
        }
        if !self.is_part {
            set::all_rejected(intake)?;
        }
        if self.feed.gates.reject_share == Verdict::Block
            && !self.is_part
            && judged >= limits.rejected_share_from.max(1)
            && rejected as f64 / judged as f64 > limits.rejected_share
        {
            return Err(set::share_rejected(rejected, judged, limits.rejected_share));
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
                return Err(ids::zeros_lost(&target.column.name, lost));
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
        Ok(())
    }
}

/// Whether a cell without a value was null; `None`: there is one.
#[inline]
fn null_of(cell: Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Null => Some(true),
        Cell::Missing => Some(false),
        _ => None,
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
