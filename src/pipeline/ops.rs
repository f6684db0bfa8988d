//! What operators read: runs, deliveries, data quality, quarantine, suppressed cells. Derived from the ledger and the commits.

mod held;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use polars::prelude::{Column, DataFrame, DataType, TimeUnit};

use super::computed::{Computed, publish};
use super::context::Context;
use super::cycles::Unknown;
use super::days::Rolled;
use super::gates;
use super::lake::{Lake, WHOLE};
use crate::canon::identity::Unmatched;
use crate::contract::arrow::{mart_schema, sorted};
use crate::contract::findings::{Finding, finding};
use crate::contract::{Area, Table};
use crate::engine;
use crate::error::{Error, Result};
use crate::feed::{Intake, Reason};
use crate::ledger::{Counts, Entry};
use crate::publish::Commit;

/// Rows of one table under construction: text, numbers and shares by column name, missing columns are null.
#[derive(Default)]
struct Rows {
    count: usize,
    texts: BTreeMap<&'static str, Vec<Option<String>>>,
    ints: BTreeMap<&'static str, Vec<Option<i64>>>,
    doubles: BTreeMap<&'static str, Vec<Option<f64>>>,
}

/// One row, by column name.
#[derive(Default)]
struct Row {
    texts: Vec<(&'static str, Option<String>)>,
    ints: Vec<(&'static str, Option<i64>)>,
    doubles: Vec<(&'static str, Option<f64>)>,
}

impl Row {
    fn text(mut self, name: &'static str, value: impl Into<String>) -> Row {
        self.texts.push((name, Some(value.into())));
        self
    }

    fn maybe(mut self, name: &'static str, value: Option<String>) -> Row {
        self.texts.push((name, value));
        self
    }

    fn int(mut self, name: &'static str, value: u64) -> Row {
        self.ints.push((name, i64::try_from(value).ok()));
        self
    }

    fn maybe_int(mut self, name: &'static str, value: Option<u64>) -> Row {
        self.ints.push((name, value.and_then(|value| i64::try_from(value).ok())));
        self
    }

    fn instant(mut self, name: &'static str, micros: i64) -> Row {
        self.ints.push((name, Some(micros)));
        self
    }

    fn share(mut self, name: &'static str, value: Option<f64>) -> Row {
        self.doubles.push((name, value));
        self
    }

    fn counts(self, counts: &Counts) -> Row {
        self.int("rows_read", counts.read)
            .int("rows_accepted", counts.accepted)
            .int("rows_rejected", counts.rejected)
            .int("rows_duplicate", counts.duplicate)
            .int("rows_voided", counts.voided)
            .int("rows_superseded", counts.superseded)
            .int("rows_filtered", counts.filtered)
            .int("rows_forgotten", counts.forgotten)
    }

    fn finding(self, finding: &Finding) -> Row {
        self.text("check_kind", finding.kind)
            .text("severity", finding.severity.as_str())
            .text("sentence", finding.sentence)
    }

    /// The columns that say which delivery a row is about.
    fn delivery(self, entry: &Entry) -> Row {
        self.text("delivery", &entry.path)
            .text("etag", entry.etag.clone().unwrap_or_default())
            .text("feed", &entry.feed)
            .text("canon_table", &entry.table)
    }
}

impl Rows {
    fn push(&mut self, row: Row) {
        fn put<T: Clone>(
            columns: &mut BTreeMap<&'static str, Vec<Option<T>>>,
            at: usize,
            values: Vec<(&'static str, Option<T>)>,
        ) {
            for (name, value) in values {
                let column = columns.entry(name).or_default();
                column.resize(at, None);
                column.push(value);
            }
        }
        put(&mut self.texts, self.count, row.texts);
        put(&mut self.ints, self.count, row.ints);
        put(&mut self.doubles, self.count, row.doubles);
        self.count += 1;
    }

    /// The rows in the order and types of the contract.
    fn batch(mut self, table: &Table) -> Result<RecordBatch> {
        use crate::contract::Type;
        let columns = table
            .stored()
            .map(|column| {
                let name = column.name.as_str();
                let count = self.count;
                Ok(match column.data_type {
                    Type::Text => Column::new(name.into(), filled(self.texts.remove(name), count)),
                    Type::Double => Column::new(name.into(), filled(self.doubles.remove(name), count)),
                    Type::Timestamp => Column::new(name.into(), filled(self.ints.remove(name), count))
                        .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
                    Type::Date => {
                        Column::new(name.into(), filled(self.ints.remove(name), count)).cast(&DataType::Date)?
                    }
                    Type::Int | Type::Bool => Column::new(name.into(), filled(self.ints.remove(name), count)),
                })
            })
            .collect::<Result<Vec<Column>>>()?;
        if let Some(stray) = self.texts.keys().chain(self.ints.keys()).chain(self.doubles.keys()).next() {
            return Err(Error::bug(format!("{} has no column {stray}", table.name)));
        }
        Ok(engine::to_arrow(&DataFrame::new(self.count, columns)?, &mart_schema(table))?)
    }
}

fn filled<T: Clone>(column: Option<Vec<Option<T>>>, count: usize) -> Vec<Option<T>> {
    let mut column = column.unwrap_or_default();
    column.resize(count, None);
    column
}

pub use held::describe as describe_held;

/// Writes the tables of section E.
///
/// # Errors
/// The store fails, or rows break their contract.
pub fn describe(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    rolled: &Rolled,
    computed: &Computed,
    made_from: &BTreeMap<String, String>,
    world: &super::world::World,
    head: Option<&Commit>,
) -> Result<()> {
    held::forget(context, lake)?;
    deliveries(context, lake, rolled.ledger.entries.values())?;
    let read = read(rolled);
    quarantine(context, lake, &read, &own_partition(context))?;
    data_quality(context, lake, rolled, computed, world)?;
    suppressed(context, lake, made_from)?;
    let mut counts = Counts::default();
    let entries = || rolled.intakes.iter().filter_map(|(key, _)| rolled.ledger.entries.get(key));
    entries().for_each(|entry| counts.add(&entry.counts));
    let refused = entries().filter(|entry| !entry.is_accepted()).count();
    let row = own_row(context, lake, head, (rolled.intakes.len(), refused), &counts, "published");
    runs(context, lake, row)
}

/// The deliveries read in this run of which something can be told.
fn read(rolled: &Rolled) -> Vec<(&Entry, &Intake)> {
    let read = rolled.intakes.iter();
    read.filter_map(|(key, intake)| Some((rolled.ledger.entries.get(key)?, intake.as_ref()?))).collect()
}

fn deliveries<'e>(context: &Context<'_>, lake: &mut Lake<'_>, entries: impl Iterator<Item = &'e Entry>) -> Result<()> {
    let table = context.catalog.require("deliveries")?;
    let mut rows = Rows::default();
    for entry in entries {
        rows.push(
            Row::default()
                .delivery(entry)
                .int("size_bytes", entry.size)
                .text("sha256", &entry.sha256)
                .maybe("delivery_set", entry.set.clone())
                .instant("known_at", entry.known_at)
                .text("status", if entry.is_accepted() { "accepted" } else { "refused" })
                .maybe("reason_code", entry.refused.clone())
                .maybe("sentence", entry.sentence.clone())
                .int("commit_no", entry.commit)
                .counts(&entry.counts),
        );
    }
    publish(lake, table, WHOLE, &[sorted(table, &rows.batch(table)?)?])
}

/// The name of what one run adds to a table that grows run by run.
fn own_partition(context: &Context<'_>) -> String {
    format!("commit-{:020}", context.next_commit)
}

fn quarantine(context: &Context<'_>, lake: &mut Lake<'_>, read: &[(&Entry, &Intake)], partition: &str) -> Result<()> {
    let table = context.catalog.require("quarantine")?;
    let mut rows = Rows::default();
    for (entry, intake) in read {
        for reject in &intake.rejected {
            let fault = intake.told.fault(reject.column.as_deref(), reject.reason);
            let nearest = fault.and_then(|fault| fault.nearest.as_ref()).map(|nearest| nearest.write.clone());
            rows.push(
                Row::default()
                    .delivery(entry)
                    .maybe("found", reject.found.as_deref().map(str::to_owned))
                    .maybe("declared", fault.and_then(|fault| fault.declared.clone()))
                    .maybe("nearest", nearest)
                    .int("record", reject.record)
                    .int("byte_offset", reject.byte_offset)
                    .maybe("column_name", reject.column.clone())
                    .text("reason_code", reject.reason.code())
                    .text("sentence", reject.reason.sentence()),
            );
        }
    }
    if rows.count > 0 || lake.partitions(table)?.is_empty() {
        publish(lake, table, partition, &[sorted(table, &rows.batch(table)?)?])?;
    }
    Ok(())
}

/// What was rejected of a delivery, by column and reason.
fn rejects(rows: &mut Rows, entry: &Entry, intake: &Intake) {
    let share = |count: u64| (intake.read > 0).then(|| count as f64 / intake.read as f64);
    // Complete, however many were kept one by one.
    let by_place: BTreeMap<(Reason, String), u64> = intake
        .told
        .faults
        .iter()
        .filter_map(|fault| Some(((Reason::of(&fault.reason)?, fault.column.clone().unwrap_or_default()), fault.count)))
        .collect();
    for ((reason, column), count) in by_place {
        rows.push(
            Row::default()
                .delivery(entry)
                .text("check_kind", "reject")
                .text("severity", "warn")
                .text("reason_code", reason.code())
                .text("column_name", column)
                .text("sentence", reason.sentence())
                .int("affected", count)
                .int("out_of", intake.read)
                .share("share", share(count)),
        );
    }
}

fn data_quality(
    context: &Context<'_>,
    lake: &mut Lake<'_>,
    rolled: &Rolled,
    computed: &Computed,
    world: &super::world::World,
) -> Result<()> {
    let table = context.catalog.require("data_quality")?;
    let mut rows = Rows::default();
    for (entry, intake) in read(rolled) {
        let share = |count: u64| (intake.read > 0).then(|| count as f64 / intake.read as f64);
        rejects(&mut rows, entry, intake);
        let previous = rolled.ledger.accepted(&entry.feed).into_iter().rfind(|earlier| {
            earlier.series == entry.series && (earlier.known_at, &earlier.path) < (entry.known_at, &entry.path)
        });
        for (column, filled) in intake.coverage.iter().filter(|(column, _)| !intake.absent.contains(column)) {
            let now = (intake.accepted > 0).then(|| *filled as f64 / intake.accepted as f64);
            let was = previous.and_then(|previous| {
                let rows = previous.counts.passed();
                (rows > 0).then(|| previous.coverage.get(column).copied().unwrap_or(0) as f64 / rows as f64)
            });
            rows.push(
                Row::default()
                    .delivery(entry)
                    .text("check_kind", "coverage")
                    .text("severity", "note")
                    .text("reason_code", "field_coverage")
                    .text("column_name", column)
                    .text("sentence", "share of accepted records with a value in this column")
                    .int("affected", *filled)
                    .int("out_of", intake.accepted)
                    .share("share", now)
                    .share("previous_share", was)
                    .share("share_change", now.zip(was).map(|(now, was)| now - was)),
            );
        }
        for warning in &intake.warnings {
            let Some(finding) = finding(warning.code) else { continue };
            rows.push(
                Row::default()
                    .delivery(entry)
                    .finding(finding)
                    .text("reason_code", warning.reason.unwrap_or(warning.code))
                    .text("column_name", warning.column.clone().unwrap_or_default())
                    .int("affected", warning.count)
                    .int("out_of", intake.read)
                    .share("share", share(warning.count).filter(|share| *share <= 1.0)),
            );
        }
    }
    for note in &rolled.notes {
        if let Some(entry) = rolled.ledger.entries.get(&note.delivery) {
            rows.push(noted(entry, note));
        }
    }
    if rows.count > 0 {
        publish(lake, table, &own_partition(context), &[sorted(table, &rows.batch(table)?)?])?;
    }
    let mut state = Rows::default();
    let company = |kind: &'static str, table: &str, code: &str, sentence: &str, affected: u64, out_of: Option<u64>| {
        let row = Row::default()
            .text("delivery", "")
            .text("etag", "")
            .text("feed", "")
            .text("canon_table", table)
            .text("check_kind", kind)
            .text("severity", if affected > 0 { "warn" } else { "note" })
            .text("reason_code", code)
            .text("column_name", "")
            .text("sentence", sentence)
            .int("affected", affected);
        match out_of {
            Some(all) => row.int("out_of", all).share("share", (all > 0).then(|| affected as f64 / all as f64)),
            None => row,
        }
    };
    let accounts = world.identity.count(world.horizon - 1);
    let all: u64 = accounts.values().sum();
    for reason in Unmatched::ALL {
        let count = accounts.get(reason.code()).copied().unwrap_or(0);
        state.push(company("identity", "users", reason.code(), reason.sentence(), count, Some(all)));
    }
    state.push(company(
        "hierarchy",
        "org_units",
        "cycles_cut",
        "chains of parents or managers that came back to themselves were cut at the smallest id",
        computed.cycles_cut,
        None,
    ));
    state.push(company(
        "hierarchy",
        "org_units",
        "orphans",
        "units name a parent that nobody knows and stand at the top instead",
        computed.orphans,
        None,
    ));
    state.push(company(
        "hierarchy",
        "workers",
        "overlapping_rows",
        "workers have rows that overlap; the later known one holds",
        world.people.overlapping,
        Some(world.people.workers.len() as u64),
    ));
    for unknown in &computed.unknown_cycles {
        let (code, sentence) = (Unknown::CODE, Unknown::SENTENCE);
        state.push(company("unknown_value", unknown.table, code, sentence, unknown.rows, Some(unknown.out_of)));
    }
    for found in &world.found {
        let Some(finding) = finding(found.code) else { continue };
        let out_of = found.out_of.filter(|all| *all > 0);
        let row = Row::default()
            .text("delivery", "")
            .text("etag", "")
            .text("feed", &found.feed)
            .text("canon_table", &found.table)
            .finding(finding)
            .text("reason_code", found.code)
            .text("column_name", &found.column)
            .int("affected", found.affected);
        state.push(match out_of {
            Some(all) => row.int("out_of", all).share("share", Some(found.affected as f64 / all as f64)),
            None => row,
        });
    }
    for stale in gates::joined::stale(context, &rolled.ledger) {
        state.push(
            Row::default()
                .delivery(stale.newest)
                .text("check_kind", "freshness")
                .text("severity", "warn")
                .text("reason_code", Reason::Stale.code())
                .text("column_name", "")
                .text("sentence", stale.sentence())
                .int("affected", stale.days.unsigned_abs()),
        );
    }
    publish(lake, table, "state", &[sorted(table, &state.batch(table)?)?])
}

fn noted(entry: &Entry, note: &gates::Note) -> Row {
    Row::default()
        .delivery(entry)
        .text("check_kind", note.check)
        .text("severity", "warn")
        .text("reason_code", note.code)
        .text("column_name", &note.column)
        .text("sentence", &note.sentence)
        .int("affected", note.affected)
        .int("out_of", note.out_of)
        .share("share", (note.out_of > 0).then(|| note.affected as f64 / note.out_of as f64))
        .share("previous_share", note.previous_share)
}

/// Adds up what each period withheld: `made_from` holds it as `kind:rows:withheld:cells` beside the fingerprints.
fn suppressed(context: &Context<'_>, lake: &mut Lake<'_>, made_from: &BTreeMap<String, String>) -> Result<()> {
    let table = context.catalog.require("suppressed_cells")?;
    let mut totals: BTreeMap<(String, String, String), [u64; 4]> = BTreeMap::new();
    for (step, tally) in made_from {
        let parts: Vec<&str> = step.split('/').collect();
        let [table, grain, _, "withheld"] = parts.as_slice() else { continue };
        // A period without any block has no scope to tell of.
        for scope in tally.split(';').filter(|scope| !scope.is_empty()) {
            let fields: Vec<&str> = scope.split(':').collect();
            let [kind, counts @ ..] = fields.as_slice() else { continue };
            let total = totals.entry(((*table).into(), (*grain).into(), (*kind).into())).or_default();
            for (total, count) in total.iter_mut().zip(counts) {
                *total += count.parse::<u64>().unwrap_or(0);
            }
        }
    }
    let mut rows = Rows::default();
    for ((mart, grain, kind), [all, withheld, cells, merged]) in totals {
        rows.push(
            Row::default()
                .text("table_name", mart)
                .text("grain", grain)
                .text("scope_kind", kind)
                .int("rows_total", all)
                .int("rows_withheld", withheld)
                .int("cells_withheld", cells)
                .int("values_merged", merged),
        );
    }
    publish(lake, table, WHOLE, &[rows.batch(table)?])
}

/// The row of this run: how many deliveries it read and how many of them were refused, and what became of their records.
fn own_row(
    context: &Context<'_>,
    lake: &Lake<'_>,
    head: Option<&Commit>,
    (read, refused): (usize, usize),
    counts: &Counts,
    outcome: &str,
) -> Row {
    let changed =
        lake.files.iter().filter(|(name, files)| head.and_then(|head| head.files.get(*name)) != Some(files)).count();
    let contracts: String = context.catalog.tables().map(|table| table.hash.as_str()).collect();
    Row::default()
        .int("commit_no", context.next_commit)
        .maybe_int("parent_commit_no", head.map(|head| head.n))
        .text("outcome", outcome)
        .instant("as_of", context.as_of.timestamp_micros())
        .int("deliveries_read", read as u64)
        .int("deliveries_refused", refused as u64)
        .int("tables_changed", changed as u64)
        .int("files_written", lake.files_written)
        .int("bytes_written", lake.bytes_written)
        .text("binary_version", env!("CARGO_PKG_VERSION"))
        .text("config_hash", context.job.config_hash())
        .text("contracts_hash", &crate::publish::commit::hex_sha256(contracts.as_bytes())[..16])
        .counts(counts)
}

/// The runs so far and this one. Read from the table itself, so that the log of commits may be pruned.
fn runs(context: &Context<'_>, lake: &mut Lake<'_>, own: Row) -> Result<()> {
    let table = context.catalog.require("runs")?;
    let mut batches = lake.read(table, WHOLE, None)?;
    for batch in &mut batches {
        *batch = in_form(table, batch)?;
    }
    let mut rows = Rows::default();
    rows.push(own);
    batches.push(rows.batch(table)?);
    publish(lake, table, WHOLE, &batches)
}

/// Gives what earlier versions wrote about their runs the columns of today: `latest/` joins the partitions of a table.
///
/// # Errors
/// The store fails, or a column has another type than it had.
pub fn bring_forward(context: &Context<'_>, lake: &mut Lake<'_>) -> Result<()> {
    for table in context.catalog.tables().filter(|table| table.area == Area::Ops) {
        for (partition, file) in lake.partitions(table)? {
            let batches = lake.read_ref(table, &file, None)?;
            let names = |schema: &arrow::datatypes::Schema| -> Vec<String> {
                schema.fields().iter().map(|field| field.name().clone()).collect()
            };
            let today = names(&mart_schema(table));
            if batches.iter().any(|batch| names(&batch.schema()) != today) {
                let batches = batches.iter().map(|batch| in_form(table, batch)).collect::<Result<Vec<_>>>()?;
                let batch = arrow::compute::concat_batches(&mart_schema(table), &batches)?;
                lake.write(table, &partition, &batch)?;
            }
        }
    }
    Ok(())
}

/// Rows that an earlier version wrote, with the columns of today: a count it did not know of is 0, anything else is empty.
fn in_form(table: &Table, batch: &RecordBatch) -> Result<RecordBatch> {
    use arrow::array::{ArrayRef, Int64Array, new_null_array};
    let schema = mart_schema(table);
    let rows = batch.num_rows();
    let column = |field: &arrow::datatypes::FieldRef| -> ArrayRef {
        let zeros = || std::sync::Arc::new(Int64Array::from(vec![0; rows])) as ArrayRef;
        match batch.column_by_name(field.name()) {
            Some(array) => array.clone(),
            None if !field.is_nullable() && *field.data_type() == arrow::datatypes::DataType::Int64 => zeros(),
            None => new_null_array(field.data_type(), rows),
        }
    };
    Ok(RecordBatch::try_new(schema.clone(), schema.fields().iter().map(column).collect())?)
}
