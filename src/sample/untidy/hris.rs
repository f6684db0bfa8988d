//! The HR system's list of workers, as a connector writes it since the day of its first copy: whoever had left by then has one row with
//! both dates, whoever came back is another worker, a second job is a second row, and the list comes in parts.

use crate::period::{Day, OPEN_END};

use super::super::Company;
use super::super::accounts::{email, employee_no, worker_id};
use super::super::deliver::Job;
use super::super::deliver::hris::{HEADER, Version, version};
use super::super::dirt;
use super::super::org::UnitId;
use super::super::people::{Person, Row, rows};
use super::{FORMER, Worker, former_id, lists_former, lists_worker, parts, renamed, workers as all_workers};

/// 2000-01-01: where a connector begins what it knows no beginning of.
const SINCE_EVER: Day = 10_957;
/// The flag that says which of somebody's jobs is the main one.
const PRIMARY: &str = "primary_job";

/// The list of the job's morning, part by part; of a first part with bad rows, those last.
pub fn workers(company: &Company, job: &Job, bad_rows: bool) -> Vec<Vec<u8>> {
    let header = format!("{},{PRIMARY}\n", HEADER.trim_end());
    let mut texts: Vec<Vec<u8>> = vec![header.into_bytes(); parts(company)];
    for worker in all_workers(company).filter(|worker| lists_worker(company, *worker, job.to)) {
        let part = worker.person as usize % texts.len();
        history(&mut texts[part], company, worker, job.to, part);
    }
    for (n, person) in company.untidy.former.iter().enumerate().filter(|(n, _)| lists_former(company, *n, job.to)) {
        let part = n % texts.len();
        former(&mut texts[part], company, n, person, job.to);
    }
    if bad_rows {
        for line in dirt::bad_text(job.export, job.from).lines() {
            texts[0].extend_from_slice(format!("{line},true\n").as_bytes());
        }
    }
    texts
}

/// Everything known of a worker on `day` since the first copy.
fn history(out: &mut Vec<u8>, company: &Company, worker: Worker, day: Day, part: usize) {
    let index = worker.person as usize;
    let person = &company.people[index];
    let first_copy = company.calendar.start;
    let since = renamed(company, index);
    let own = |row: &Row| since.is_none_or(|since| (row.spell.from >= since) == worker.again);
    let known: Vec<Row> =
        rows(index, person, &company.org).into_iter().filter(|row| row.spell.known <= day && own(row)).collect();
    let (id, number, mail) = (worker.id(), employee_no(index), email(index, person));
    for (n, row) in known.iter().enumerate() {
        let to = known.get(n + 1).map_or(OPEN_END, |next| next.spell.from);
        if to <= first_copy {
            continue;
        }
        // The first copy gave every other part the day itself, the others a day before all days.
        let from = match row.spell.from <= first_copy {
            true if part.is_multiple_of(2) => SINCE_EVER,
            true => first_copy,
            false => row.spell.from,
        };
        let manager = row.manager.map(worker_id).unwrap_or_default();
        let main = Version {
            id: &id,
            person,
            index,
            number: &number,
            mail: &mail,
            manager: &manager,
            spell: &row.spell,
            from,
            to,
            unit: row.spell.unit,
            percent: if person.part_time { "60" } else { "100" },
            is_primary: Some(true),
        };
        let second = second_job(company, index, row).map(|unit| Version {
            unit,
            percent: "40",
            is_primary: Some(false),
            ..main
        });
        // In the file either may come first.
        if let Some(second) = second.as_ref().filter(|_| index.is_multiple_of(4)) {
            version(out, company, second, day);
        }
        version(out, company, &main, day);
        if let Some(second) = second.as_ref().filter(|_| !index.is_multiple_of(4)) {
            version(out, company, second, day);
        }
    }
}

/// The unit in which half of those who work part of the time hold a second job.
pub fn second_job(company: &Company, person: usize, row: &Row) -> Option<UnitId> {
    let has_two = company.people[person].part_time && person.is_multiple_of(2);
    has_two.then(|| company.org.units[row.spell.unit].parent_on(row.spell.from))?
}

fn former(out: &mut Vec<u8>, company: &Company, n: usize, person: &Person, day: Day) {
    let Some(gone) = person.spells.last() else { return };
    let index = FORMER + n;
    let (id, number, mail) = (former_id(n), employee_no(index), email(index, person));
    let line = Version {
        id: &id,
        person,
        index,
        number: &number,
        mail: &mail,
        manager: "",
        spell: gone,
        from: SINCE_EVER,
        to: OPEN_END,
        unit: gone.unit,
        percent: "100",
        is_primary: Some(true),
    };
    version(out, company, &line, day);
}
