//! Which records of a delivery count. `where` leaves records out before anything is judged; `annul`, `primary` and `order_by`
//! then settle which of the records of one key holds.
//!
//! The columns these keys name are the source's own, whether they are mapped or not. What they ask for is settled once a delivery has
//! been read, from its batches, so that a delivery is read once and the order of its records decides only where nothing else does.

use std::cmp::Ordering;
use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Date32Type};

use super::feed::{Feed, Mode};
use super::intake::{Intake, Mark};
use super::keys::{Hash, Interval, hashes, repeated};
use super::record::Place;
use super::reject::{REJECTS_KEPT, Reason, Refusal, Reject};
use super::told::first;
use super::warning::Warning;
use crate::contract::Table;
use crate::contract::arrow::DELETED;

/// A record as the rules see it.
struct Seen<'m> {
    mark: &'m Mark,
    key: Hash,
    content: Hash,
    /// The key without the day from which the record holds.
    whose: Hash,
    interval: Interval,
    order: Order,
    /// The least of the orders holds.
    least: bool,
}

impl Seen<'_> {
    /// Which of two records of one key holds, their place in the file aside.
    fn against(&self, other: &Seen<'_>) -> Ordering {
        let rank = (self.interval.holds(), self.mark.primary).cmp(&(other.interval.holds(), other.mark.primary));
        let order = || match (&self.order, &other.order, self.least) {
            // Nothing comes before anything, whichever end holds.
            (Order::Nothing, _, _) | (_, Order::Nothing, _) | (_, _, false) => self.order.partial_cmp(&other.order),
            (_, _, true) => other.order.partial_cmp(&self.order),
        };
        rank.then_with(|| order().unwrap_or(Ordering::Equal))
    }
}

/// Where `order_by` puts a record; nothing comes before anything.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Order {
    Nothing,
    Whole(i128),
    Number(f64),
    Text(Box<str>),
}

/// What becomes of an accepted record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stands,
    /// It stands from this day on, because a primary one holds until then.
    From(i32),
    Superseded,
    Duplicate,
    Voided,
    /// It says that its key never was.
    Annuls,
    Conflict,
}

/// Settles which records of a delivery hold, and books the others. The batches come back without them.
///
/// Of several records of one key the one whose interval holds a day goes first, then the primary one, then the one with the greatest
/// value of `order_by`, then the last of the file. A record that annuls its key takes all of the key's records along, unless
/// `order_by` puts another one after it. A record that is not primary begins where the primary ones of the same thing leave off.
///
/// # Errors
/// The batches cannot be rebuilt.
pub(crate) fn settle(
    feed: &Feed,
    table: &Table,
    parts: &mut [(&mut Intake, &mut Vec<RecordBatch>)],
) -> Result<(), Refusal> {
    let marks: Vec<Mark> = parts.iter_mut().flat_map(|(intake, _)| std::mem::take(&mut intake.marks)).collect();
    let is_marked = marks.iter().any(|mark| mark.annuls || mark.primary);
    if !is_marked && repeated(table, parts.iter().flat_map(|(_, batches)| batches.iter()))?.1.is_empty() {
        // Every record stands, and its content needs no look.
        return Ok(());
    }
    let mut seen: Vec<Seen<'_>> = Vec::with_capacity(marks.len());
    let orders = orders(&marks);
    for batch in parts.iter().flat_map(|(_, batches)| batches.iter()) {
        let hashed = hashes(table, batch)?;
        let from = seen.len();
        for (at, row) in hashed.into_iter().enumerate() {
            let (Some(mark), Some(order)) = (marks.get(from + at), orders.get(from + at)) else { break };
            let (key, content, whose, interval) = (row.key, row.content, row.whose, row.interval);
            let (order, least) = (order.clone(), feed.select.least);
            seen.push(Seen { mark, key, content, whose, interval, order, least });
        }
    }
    let mut fates = vec![Fate::Stands; seen.len()];
    let mut of_key: HashMap<Hash, Vec<usize>> = HashMap::new();
    for (at, row) in seen.iter().enumerate() {
        of_key.entry(row.key).or_default().push(at);
    }
    let (mut undecided, mut without_day) = (0, 0);
    for rows in of_key.values() {
        let told = one_key(feed, &seen, rows, &mut fates);
        undecided += u64::from(told.undecided);
        without_day += u64::from(told.without_day);
    }
    if feed.select.primary.is_some() {
        beside_primary(&seen, &mut fates);
    }
    let mut at = 0;
    for (intake, batches) in parts.iter_mut() {
        let (from, mut kept) = (at, Vec::with_capacity(batches.len()));
        for batch in std::mem::take(*batches) {
            let end = at + batch.num_rows();
            kept.extend(taken(table, &batch, fates.get(at..end).unwrap_or(&[]))?);
            at = end;
        }
        told(intake, &kept, (&seen[from..at], &fates[from..at]));
        **batches = kept;
    }
    let Some((intake, _)) = parts.first_mut() else { return Ok(()) };
    if without_day > 0 && feed.select.order_by.is_some() {
        intake.warnings.push(Warning::new("order_without_value", None, without_day));
    }
    if undecided > 0 && feed.mode == Mode::Full && !fates.contains(&Fate::Conflict) {
        intake.warnings.push(Warning::new("several_rows", None, undecided));
    }
    Ok(())
}

/// The books of one delivery of which some rows stand and others do not.
fn told(intake: &mut Intake, kept: &[RecordBatch], (seen, fates): (&[Seen<'_>], &[Fate])) {
    let count = |fate: Fate| fates.iter().filter(|other| **other == fate).count() as u64;
    intake.superseded += count(Fate::Superseded);
    intake.duplicate += count(Fate::Duplicate);
    intake.voided += count(Fate::Voided);
    intake.accepted = kept.iter().map(|batch| batch.num_rows() as u64).sum();
    for (column, filled) in &mut intake.coverage {
        let of = |batch: &RecordBatch| batch.column_by_name(column).map_or(0, |array| array.len() - array.null_count());
        *filled = kept.iter().map(|batch| of(batch) as u64).sum();
    }
    let conflicts = count(Fate::Conflict);
    if conflicts > 0 {
        let reason = Reason::DuplicateKeyConflict;
        let refused = seen.iter().zip(fates).filter(|(_, fate)| **fate == Fate::Conflict);
        let reject = |(row, _): (&Seen<'_>, &Fate)| {
            let Place { record, offset } = row.mark.place;
            Reject { record, byte_offset: offset, column: None, reason, found: None }
        };
        intake.rejected.extend(refused.map(reject).take(REJECTS_KEPT.saturating_sub(intake.rejected.len())));
        intake.rejected.sort_by_key(|reject| reject.record);
        intake.rejected_by_reason.push((reason, conflicts));
        intake.rejected_by_reason.sort();
        intake.told.add(reason, conflicts);
        intake.told.first = first(&intake.rejected);
    }
}

/// What is to be said of the records of one key.
#[derive(Default)]
struct Told {
    /// Different records, and nothing but their place in the file to choose by.
    undecided: bool,
    /// The one that holds has no day.
    without_day: bool,
}

fn one_key(feed: &Feed, seen: &[Seen<'_>], rows: &[usize], fates: &mut [Fate]) -> Told {
    let by_rule = |a: usize, b: usize| seen[a].against(&seen[b]);
    // Rows stand in the order of the parts and of the records in each.
    let last = rows.iter().copied().max_by(|a, b| by_rule(*a, *b).then(a.cmp(b)));
    let annulling = rows.iter().copied().filter(|at| seen[*at].mark.annuls).max();
    let Some(winner) = annulling.filter(|_| feed.select.order_by.is_none()).or(last) else { return Told::default() };
    if seen[winner].mark.annuls {
        for &at in rows {
            fates[at] = if at == winner { Fate::Annuls } else { Fate::Voided };
        }
        return Told::default();
    }
    let mut told = Told { without_day: rows.len() > 1 && seen[winner].interval.is_empty(), ..Told::default() };
    for &at in rows.iter().filter(|at| **at != winner) {
        let same = seen[at].content == seen[winner].content;
        told.undecided |= !same && by_rule(at, winner).is_eq();
        fates[at] = if same { Fate::Duplicate } else { Fate::Superseded };
    }
    if told.undecided && feed.unique_key {
        for &at in rows {
            fates[at] = Fate::Conflict;
        }
    }
    told
}

/// A second assignment beside a primary one counts from the day on which no primary one holds any more, if it still does.
fn beside_primary(seen: &[Seen<'_>], fates: &mut [Fate]) {
    let stands = |at: &usize| fates[*at] == Fate::Stands && seen[*at].interval.holds();
    let mut primary: HashMap<Hash, Vec<usize>> = HashMap::new();
    for at in (0..seen.len()).filter(stands).filter(|at| seen[*at].mark.primary) {
        primary.entry(seen[at].whose).or_default().push(at);
    }
    let moved: Vec<(usize, Fate)> = (0..seen.len())
        .filter(stands)
        .filter(|at| !seen[*at].mark.primary)
        .filter_map(|at| {
            let (beside, interval) = (primary.get(&seen[at].whose)?, seen[at].interval);
            let mut from = interval.from;
            while let Some(until) = beside.iter().map(|one| seen[*one].interval).find(|one| one.holds_on(from)) {
                from = until.to;
            }
            if from == interval.from {
                None
            } else if from >= interval.to {
                Some((at, Fate::Superseded))
            } else {
                // A record without a first day holds from the day of its snapshot, which is not known here.
                (interval.from != i32::MIN).then_some((at, Fate::From(from)))
            }
        })
        .collect();
    for (at, fate) in moved {
        fates[at] = fate;
    }
}

/// The rows of a batch that stand, with what the rules change about them.
fn taken(table: &Table, batch: &RecordBatch, fates: &[Fate]) -> Result<Option<RecordBatch>, Refusal> {
    let broken = |cause: arrow::error::ArrowError| Refusal::new(Reason::TypeMismatch, cause.to_string());
    if fates.iter().all(|fate| *fate == Fate::Stands) {
        return Ok(Some(batch.clone()));
    }
    let keep: BooleanArray =
        fates.iter().map(|fate| Some(matches!(fate, Fate::Stands | Fate::From(_) | Fate::Annuls))).collect();
    let mut columns = batch.columns().to_vec();
    let schema = batch.schema();
    let annuls: BooleanArray = fates.iter().map(|fate| Some(*fate == Fate::Annuls)).collect();
    for (at, field) in schema.fields().iter().enumerate() {
        if table.deletes_end && table.stored().any(|column| column.name == *field.name() && !column.key) {
            // What never was says nothing but its key; what has ended goes on saying who it was.
            columns[at] = arrow::compute::nullif(&columns[at], &annuls).map_err(broken)?;
        } else if field.name() == DELETED
            && let Some(deleted) = columns[at].as_any().downcast_ref::<BooleanArray>()
        {
            let says = |(row, fate): (usize, &Fate)| Some(deleted.value(row) || *fate == Fate::Annuls);
            columns[at] = std::sync::Arc::new(fates.iter().enumerate().map(says).collect::<BooleanArray>());
        } else if super::keys::is_begin(field.name())
            && *field.data_type() == DataType::Date32
            && fates.iter().any(|fate| matches!(fate, Fate::From(_)))
        {
            columns[at] = begun(&columns[at], fates);
        }
    }
    let batch = RecordBatch::try_new(schema, columns).map_err(broken)?;
    let kept = filter_record_batch(&batch, &keep).map_err(broken)?;
    Ok((kept.num_rows() > 0).then_some(kept))
}

fn begun(column: &ArrayRef, fates: &[Fate]) -> ArrayRef {
    use arrow::array::AsArray;
    let days = column.as_primitive::<Date32Type>();
    let day = |(row, fate): (usize, &Fate)| match fate {
        Fate::From(day) => Some(*day),
        _ => days.is_valid(row).then(|| days.value(row)),
    };
    std::sync::Arc::new(fates.iter().enumerate().map(day).collect::<Date32Array>())
}

/// The values of `order_by`: whole numbers where all are, numbers where all are, else texts.
fn orders(marks: &[Mark]) -> Vec<Order> {
    let filled = || marks.iter().filter_map(|mark| mark.order.as_deref());
    let whole = filled().all(|text| text.parse::<i128>().is_ok());
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let numbers = whole || filled().all(|text| number(text).is_some());
    let order = |mark: &Mark| {
        let Some(text) = mark.order.as_deref() else { return Order::Nothing };
        match (whole, numbers) {
            (true, _) => text.parse().map_or(Order::Nothing, Order::Whole),
            (false, true) => number(text).map_or(Order::Nothing, Order::Number),
            _ => Order::Text(text.into()),
        }
    };
    marks.iter().map(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_number_where_all_are_numbers_and_by_text_where_one_is_not() {
        let marks = |texts: &[&str]| -> Vec<Mark> {
            let mark = |text: &&str| Mark {
                place: Place { record: 1, offset: 0 },
                annuls: false,
                primary: false,
                order: (!text.is_empty()).then(|| (*text).into()),
            };
            texts.iter().map(mark).collect()
        };
        let greatest = |texts: &[&str]| {
            let orders = orders(&marks(texts));
            (0..texts.len()).max_by(|a, b| orders[*a].partial_cmp(&orders[*b]).unwrap()).map(|at| texts[at].to_owned())
        };
        assert_eq!(greatest(&["9", "10", ""]).as_deref(), Some("10"));
        assert_eq!(greatest(&["9.5", "10", "2e1"]).as_deref(), Some("2e1"));
        assert_eq!(greatest(&["9", "10", "b"]).as_deref(), Some("b"));
        assert_eq!(greatest(&["9", "10", "a", "a1"]).as_deref(), Some("a1"));
        assert_eq!(greatest(&["9007199254740993", "9007199254740992"]).as_deref(), Some("9007199254740993"));
    }

    const WORKERS: &str = "worker_id = \"id\"\nstatus = \"status\"\neffective_from = \"from\"\n\
        effective_to = { from = \"to\", optional = true }\norg_id = { from = \"unit\", optional = true }";

    /// Reads rows `id,status,from,to,unit,x` of workers: what stands as `id unit from to`, then counts that are not zero, then warnings.
    fn told(keys: &str, rows: &str) -> Vec<String> {
        told_in("csv", keys, &format!("id,status,from,to,unit,x\n{rows}"))
    }

    fn told_in(format: &str, keys: &str, text: &str) -> Vec<String> {
        use arrow::util::display::array_value_to_string;
        let toml = format!(
            "description = \"\"\nfills = \"workers\"\npath = \"**/*\"\nformat = \"{format}\"\nmode = \"full\"\n{keys}\n[limits]\nrejected_share = 1.0\n[[headers]]\n{WORKERS}"
        );
        let (batches, intake) = crate::feed::tests::try_read(&toml, "w", text.as_bytes()).unwrap();
        let mut lines = Vec::new();
        for batch in &batches {
            let cell =
                |name: &str, row: usize| array_value_to_string(batch.column_by_name(name).unwrap(), row).unwrap();
            let line = |row: usize| {
                ["worker_id", "org_id", "effective_from", "effective_to"].map(|name| cell(name, row)).join(" ")
            };
            lines.extend((0..batch.num_rows()).map(line));
        }
        let counts = [
            ("superseded", intake.superseded),
            ("duplicate", intake.duplicate),
            ("voided", intake.voided),
            ("filtered", intake.filtered),
            ("rejected", intake.rejected_count()),
        ];
        assert_eq!(intake.read, intake.accepted + counts.iter().map(|(_, count)| count).sum::<u64>());
        lines.extend(counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")));
        let of_rules = ["several_rows", "order_without_value"];
        let warnings = intake.warnings.iter().filter(|warning| of_rules.contains(&warning.code));
        lines.extend(warnings.map(|warning| format!("{} {}", warning.code, warning.count)));
        lines
    }

    #[test]
    fn conditions_leave_records_out_before_anything_is_judged_in_every_format() {
        let rows = "a,active,2025-01-01,,U,1\nb,nonsense,2025-01-01,,U,2\nc,active,2025-01-01,,U,\n";
        let only = ["a U 2025-01-01 ", "filtered 2"];
        assert_eq!(told("where = [{ column = \"x\", in = [\"1\", \"9\"] }]", rows), only);
        assert_eq!(
            told("where = [{ column = \"x\", not_in = [\"2\"] }, { column = \"x\", empty = false }]", rows),
            only
        );
        assert_eq!(told("where = [{ column = \"x\", empty = true }]", rows), ["c U 2025-01-01 ", "filtered 2"]);
        let lines = "{\"id\":\"a\",\"status\":\"active\",\"from\":\"2025-01-01\",\"unit\":\"U\",\"is\":{\"x\":true}}\n\
            {\"id\":\"b\",\"status\":7,\"from\":\"2025-01-01\",\"is\":{\"x\":false}}\n{\"id\":\"c\"}\n";
        assert_eq!(told_in("ndjson", "where = [{ column = \"is.x\", in = [\"true\"] }]", lines), only);
        let ids = std::sync::Arc::new(arrow::array::StringArray::from(vec!["u1", "u2"]));
        let at = std::sync::Arc::new(arrow::array::StringArray::from(vec!["2026-01-01T00:00:00Z", "never"]));
        let toml = "description = \"\"\nfills = \"users\"\npath = \"**/*\"\nformat = \"parquet\"\n\
            where = [{ column = \"at\", not_in = [\"never\"] }]\n[[headers]]\nuser_id = \"id\"";
        let (batches, intake) =
            crate::feed::tests::try_read(toml, "u", &crate::feed::tests::parquet_file(ids, at)).unwrap();
        assert_eq!((batches[0].num_rows(), intake.filtered), (1, 1));
    }

    #[test]
    fn a_column_that_a_rule_names_must_be_there_and_is_no_unknown_one() {
        let toml = |keys: &str| {
            format!(
                "description = \"\"\nfills = \"users\"\npath = \"**/*\"\nformat = \"csv\"\n{keys}\n[[headers]]\nuser_id = \"id\""
            )
        };
        let read = |keys: &str, text: &str| crate::feed::tests::try_read(&toml(keys), "u", text.as_bytes());
        for keys in [
            "where = [{ column = \"x\", empty = true }]",
            "annul = { column = \"x\", values = [\"1\"] }",
            "primary = { column = \"x\", values = [\"1\"] }",
            "order_by = \"x\"",
        ] {
            let (_, intake) = read(keys, "id,x\nu1,\n").unwrap();
            assert!(intake.warnings.is_empty(), "{keys}: {:?}", intake.warnings);
            let refusal = read(keys, "id\nu1\n").expect_err("refused");
            assert_eq!(refusal.reason, Reason::MissingColumn, "{keys}");
            let key = keys.split(' ').next().unwrap_or_default();
            assert!(refusal.detail.starts_with(&format!("`x` for {key};")), "{refusal}");
        }
        assert!(read("annul = { column = \"x\", values = [\"1\"], optional = true }", "id\nu1\n").is_ok());
    }

    #[test]
    fn the_greatest_value_holds_wherever_it_stands_and_a_row_of_no_day_never_beats_one_with_days() {
        let order = "order_by = \"x\"";
        assert_eq!(
            told(order, "a,active,2025-01-01,,SALES,10\na,active,2025-01-01,,OPS,9\nb,active,2025-01-01,,OPS,1\n"),
            ["a SALES 2025-01-01 ", "b OPS 2025-01-01 ", "superseded 1"]
        );
        assert_eq!(
            told(order, "a,active,2025-01-01,,SALES,1\na,active,2025-01-01,2025-01-01,OPS,2\n"),
            ["a SALES 2025-01-01 ", "superseded 1"]
        );
        assert_eq!(
            told(order, "a,active,2025-01-01,2025-01-01,SALES,1\na,active,2025-01-01,2025-01-01,OPS,2\n"),
            ["a OPS 2025-01-01 2025-01-01", "superseded 1", "order_without_value 1"]
        );
        assert_eq!(
            told(order, "a,active,2025-01-01,,V,2\na,active,2025-01-01,,U,2\na,active,2025-01-01,,U,2\n"),
            ["a U 2025-01-01 ", "superseded 1", "duplicate 1", "several_rows 1"],
            "alike: the last of the file, which is said"
        );
        let least = "order_by = { column = \"x\", holds = \"least\" }";
        assert_eq!(
            told(least, "a,active,2025-01-01,,SALES,10\na,active,2025-01-01,,OPS,9\na,active,2025-01-01,,LAST,\n"),
            ["a OPS 2025-01-01 ", "superseded 2"],
            "nothing is not the least"
        );
        assert_eq!(
            told(least, "a,active,2025-01-01,,SALES,2026-02-01\na,active,2025-01-01,,OPS,2026-03-01\n"),
            ["a SALES 2025-01-01 ", "superseded 1"]
        );
        assert_eq!(
            told(
                "unique_key = true\norder_by = \"x\"",
                "a,active,2025-01-01,,V,2\na,active,2025-01-01,,U,2\nb,active,2025-01-01,,U,1\n"
            ),
            ["b U 2025-01-01 ", "rejected 2"]
        );
    }

    #[test]
    fn an_assignment_beside_a_primary_one_counts_where_no_primary_one_holds() {
        let primary = "primary = { column = \"x\", values = [\"1\"] }";
        assert_eq!(
            told(primary, "a,active,2025-01-01,,T,1\na,active,2025-01-01,,S,0\nb,active,2025-01-01,,S,0\n"),
            ["a T 2025-01-01 ", "b S 2025-01-01 ", "superseded 1"],
            "b has no primary one"
        );
        assert_eq!(
            told(
                primary,
                "a,active,2025-01-01,2025-04-01,T,1\na,active,2025-02-01,,S,0\na,active,2025-04-01,2025-07-01,V,1\n\
                 a,active,2025-03-01,2025-06-01,W,0\na,active,2024-01-01,,X,0\n"
            ),
            [
                "a T 2025-01-01 2025-04-01",
                "a S 2025-07-01 ",
                "a V 2025-04-01 2025-07-01",
                "a X 2024-01-01 ",
                "superseded 1"
            ],
            "X holds before the primary ones, which outrank it then because they begin later"
        );
    }

    #[test]
    fn a_record_that_annuls_itself_takes_its_key_along_unless_a_later_one_is_said_to_stand() {
        let annul = "annul = { column = \"x\", values = [\"void\"] }";
        let rows =
            "a,active,2025-01-01,,U,\na,active,2025-06-01,,V,void\nb,,2025-01-01,,U,void\nb,active,2025-01-01,,U,\n";
        assert_eq!(
            told(annul, rows),
            ["a U 2025-01-01 ", "a V 2025-06-01 ", "b U 2025-01-01 ", "voided 1"],
            "what annuls itself is handed on, for an earlier list may have held it"
        );
        let order = "annul = { column = \"x\", values = [\"1\"] }\norder_by = \"x\"";
        assert_eq!(
            told(
                order,
                "a,active,2025-01-01,,U,1\na,active,2025-01-01,,V,2\nb,active,2025-01-01,,U,0\nb,active,2025-01-01,,V,1\n"
            ),
            ["a V 2025-01-01 ", "b V 2025-01-01 ", "superseded 1", "voided 1"]
        );
    }

    #[test]
    fn ends_and_last_days_become_those_of_canon_and_keys_without_effect_are_refused() {
        use crate::contract::Catalog;
        let toml = |keys: &str, columns: &str| {
            format!(
                "description = \"\"\nfills = \"workers\"\npath = \"**/*\"\nformat = \"csv\"\n{keys}\n[[headers]]\nworker_id = \"id\"\nstatus = \"s\"\n{columns}"
            )
        };
        let text = "id,s,from,to,left\na,active,2025-01-01,2025-01-31,2025-02-28\nb,active,2025-01-01,2024-12-31,\n";
        let columns = "effective_from = \"from\"\neffective_to = { from = \"to\", inclusive = true }\ntermination_date = \"left\"";
        let feed = toml("termination = \"first_day_gone\"", columns);
        let (batches, intake) = crate::feed::tests::try_read(&feed, "w", text.as_bytes()).unwrap();
        let day = |name: &str, row: usize| {
            arrow::util::display::array_value_to_string(batches[0].column_by_name(name).unwrap(), row).unwrap()
        };
        assert_eq!([day("effective_to", 0), day("termination_date", 0)], ["2025-02-01", "2025-02-27"]);
        assert_eq!((day("effective_to", 1).as_str(), intake.accepted), ("2025-01-01", 2), "no day, and not inverted");
        let catalog = Catalog::load().unwrap();
        let wrong = |keys: &str, columns: &str| {
            Feed::parse("f", &toml(keys, columns), &catalog).expect_err("refused").to_string()
        };
        for (keys, columns, what) in [
            ("termination = \"first_day_gone\"", "", "termination has no effect"),
            ("termination = \"noon\"", "termination_date = \"x\"", "none of last_day, first_day_gone"),
            ("reach_back = false", "", "reach_back has no effect"),
            ("", "hire_date = { from = \"h\", inclusive = true }", "`inclusive` is for the ends of rows"),
            ("", "effective_to = { from = \"t\", inclusive = true, as = \"end_of_day\" }", "say the same"),
            ("where = []", "", "no condition"),
            ("where = [{ column = \"x\" }]", "", "one of `in`, `not_in`, `like` and `empty`"),
            ("where = [{ column = \"x\", in = [] }]", "", "lists no value"),
            ("annul = { column = \"\", values = [\"1\"] }", "", "has no name"),
            ("order_by = \"@record\"", "", "no column of the export"),
        ] {
            assert!(wrong(keys, columns).contains(what), "{keys} {columns}: {}", wrong(keys, columns));
        }
    }
}
