//! What HR exports: workers as effective-dated history, org units, and the links between accounts.

use crate::period::{Day, OPEN_END};

use super::super::Company;
use super::super::accounts::{Bridge, email, employee_no, worker_id};
use super::super::names::{FUNCTIONS, LOCATIONS, WORK};
use super::super::org::UnitId;
use super::super::people::{Band, Person, Row, Spell, Status, WorkerType, rows};
use super::super::text::{Record, date, padded};
use super::super::untidy;

/// The columns of [`version`], without the flag of the main job.
pub const HEADER: &str = "id,_fivetran_active,_fivetran_start,_fivetran_end,_fivetran_deleted,worker_code,user_id,active,\
terminated,termination_date,termination_involuntary,hire_date,original_hire_date,employment_status,worker_type,\
email_address,manager_id,organization_id,job_profile_id,job_family,function,management_level_code,leader_band,is_sme,\
location,country,full_time_equivalent_percentage\n";

/// Every state of every worker that was known on the morning of `day`.
pub fn workers(company: &Company, day: Day) -> Vec<u8> {
    let mut out = Vec::with_capacity(company.people.len() * 400);
    out.extend_from_slice(HEADER.as_bytes());
    for (index, person) in company.people.iter().enumerate() {
        let known: Vec<Row> =
            rows(index, person, &company.org).into_iter().filter(|row| row.spell.known <= day).collect();
        let (id, number, mail) = (worker_id(index), employee_no(index), email(index, person));
        for (n, row) in known.iter().enumerate() {
            let to = known.get(n + 1).map_or(OPEN_END, |next| next.spell.from);
            let manager = row.manager.map(worker_id).unwrap_or_default();
            let line = Version {
                id: &id,
                person,
                index,
                number: &number,
                mail: &mail,
                manager: &manager,
                spell: &row.spell,
                from: row.spell.from,
                to,
                unit: row.spell.unit,
                percent: if person.part_time { "60" } else { "100" },
                is_primary: None,
            };
            version(&mut out, company, &line, day);
        }
    }
    out
}

/// One version of a worker, as a line says it.
#[derive(Clone, Copy)]
pub struct Version<'a> {
    pub id: &'a str,
    pub person: &'a Person,
    /// The person's place, of which job families are made.
    pub index: usize,
    pub number: &'a str,
    pub mail: &'a str,
    pub manager: &'a str,
    pub spell: &'a Spell,
    /// Days for which the connector says it, `[from, to)`.
    pub from: Day,
    pub to: Day,
    pub unit: UnitId,
    /// Share of a full week.
    pub percent: &'static str,
    /// Whether it is somebody's main job; `None` where the export does not say.
    pub is_primary: Option<bool>,
}

/// Writes one line as of the morning of `day`.
pub fn version(out: &mut Vec<u8>, company: &Company, of: &Version<'_>, day: Day) {
    let Version { person, spell, mail, .. } = *of;
    let unit = &company.org.units[of.unit];
    let place = &LOCATIONS[person.location];
    let is_gone = spell.status == Status::Terminated;
    let midnight = |out: &mut Vec<u8>, day: Day| {
        date(out, day);
        out.extend_from_slice(b" 00:00:00");
    };
    out.extend_from_slice(of.id.as_bytes());
    out.extend_from_slice(if of.from <= day && day < of.to { b",true," } else { b",false," });
    midnight(out, of.from);
    out.push(b',');
    match of.to {
        OPEN_END => out.extend_from_slice(b"9999-12-31 23:59:59"),
        to => midnight(out, to),
    }
    out.extend_from_slice(b",false,");
    out.extend_from_slice(of.number.as_bytes());
    out.push(b',');
    let level = [
        "",
        "8_Individual_Contributor",
        "8_Individual_Contributor",
        "7_Senior_Contributor",
        "7_Senior_Contributor",
        "6_Manager",
        "6_Manager",
        "4_Director",
        "3_Vice_President",
        "1_Executive",
    ][usize::from(spell.level).min(9)];
    let status = match spell.status {
        Status::Active => "Active",
        Status::Leave => "On Leave",
        Status::Prehire => "Pre-Hire",
        Status::Terminated => "Terminated",
    };
    let worker_type = match person.worker_type {
        WorkerType::Employee => "Employee",
        WorkerType::Contractor => "Contingent Worker",
        WorkerType::Intern => "Intern",
    };
    let band = if spell.band == Band::Ic { "ic" } else { spell.band.as_str() };
    let record = Record::new(out)
        .text(mail.split('@').next().unwrap_or_default())
        .flag(matches!(spell.status, Status::Active | Status::Leave))
        .flag(is_gone)
        .date(is_gone.then_some(spell.from - 1))
        .text(if !is_gone {
            ""
        } else if person.resigned {
            "false"
        } else {
            "true"
        })
        .date(Some(spell.hired))
        .date(Some(person.hired()))
        .text(status)
        .text(worker_type)
        .text(mail)
        .text(of.manager)
        .text(&unit.id)
        .text(&job_code(unit.function, spell.level))
        .text(WORK[unit.function][of.index % WORK[unit.function].len()])
        .text(FUNCTIONS[unit.function])
        .text(level)
        .text(band)
        .flag(person.is_sme)
        .text(place.name)
        .text(place.country)
        .text(of.percent);
    match of.is_primary {
        Some(is_primary) => record.flag(is_primary).end(),
        None => record.end(),
    }
}

fn job_code(function: usize, level: u8) -> String {
    let mut code = b"J".to_vec();
    padded(&mut code, function as u64 + 10, 2);
    padded(&mut code, u64::from(level), 2);
    String::from_utf8_lossy(&code).into_owned()
}

/// Weeks in advance changes of the organisation are entered.
const ANNOUNCED: Day = 14;

/// Every state of every unit that was known on the morning of `day`.
pub fn org_units(company: &Company, day: Day) -> Vec<u8> {
    let mut out = b"org_id,effective_from,effective_to,name,parent_id,kind,head_worker_id\n".to_vec();
    for unit in company.org.units.iter().filter(|unit| unit.opens <= day + ANNOUNCED) {
        let mut changes: Vec<Day> =
            unit.parents.iter().map(|(day, _)| *day).chain(unit.heads.iter().map(|(day, _)| *day)).collect();
        changes.push(unit.opens);
        changes.retain(|change| (unit.opens..unit.closes).contains(change) && *change <= day + ANNOUNCED);
        changes.sort_unstable();
        changes.dedup();
        let closes = Some(unit.closes).filter(|closes| *closes <= day + ANNOUNCED);
        for (n, &from) in changes.iter().enumerate() {
            Record::new(&mut out)
                .text(&unit.id)
                .date(Some(from))
                .date(changes.get(n + 1).copied().or(closes))
                .text(&unit.name)
                .text(unit.parent_on(from).map_or("", |parent| &company.org.units[parent].id))
                .text(unit.kind.as_str())
                .text(&unit.head_on(from).map(worker_id).unwrap_or_default())
                .end();
        }
    }
    out
}

/// Accounts that only this list can bring together with their worker. It is kept by hand: nobody takes a row out.
pub fn identity_links(company: &Company, day: Day) -> Vec<u8> {
    let mut out = b"source,source_user_id,worker_id,valid_from,valid_to,reason\n".to_vec();
    let listed = |index: &usize| company.accounts.all[*index].created <= day;
    for index in (0..company.accounts.all.len()).filter(listed) {
        let account = &company.accounts.all[index];
        let Some(person) = account.person.filter(|_| account.bridge == Bridge::Link) else { continue };
        // Somebody who is two workers has a row for each.
        let again = untidy::renamed(company, person);
        // What an account did before the site was connected is its person's too.
        let since = Some(account.created).filter(|day| !company.options.untidy || *day >= company.calendar.start);
        let rows = [Some((false, since, again)), again.map(|day| (true, Some(day), None))];
        for (worker, from, to) in rows.into_iter().flatten() {
            let worker = untidy::Worker { person: person as u32, again: worker };
            Record::new(&mut out)
                .text("lms")
                .text(&account.id)
                .text(&worker.id())
                .date(from)
                .date(to)
                .text("merge")
                .end();
        }
    }
    out
}
