//! What the company's governance log exports, and the playbooks that the catalogue took in.

use super::super::Company;
use super::super::community;
use super::super::governance;
use super::super::text::{Instant, Record};
use super::Job;

/// The events of the job's weeks.
pub fn events(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = b"event_id,kind,held_on,owner_id,scope_id,subject,role,value,reference\n".to_vec();
    let weeks = company.calendar.week_of(job.from)..=company.calendar.week_of(job.to - 1);
    for event in weeks.flat_map(|week| governance::events(company, week)) {
        let record = Record::new(&mut out)
            .text(&event.id)
            .text(event.kind)
            .date(Some(event.held_on))
            .text(&event.owner)
            .text(&company.org.units[event.scope].id)
            .text(&event.subject)
            .text(event.role);
        let record = match event.value {
            Some(value) => record.number(u64::from(value)),
            None => record.text(""),
        };
        record.text(&event.reference).end();
    }
    out
}

/// Leaders' playbooks stated once more, with the content item each became: those of the job's weeks, a week late, because an item
/// is catalogued after it was posted. Nothing where there was none.
pub fn catalogued(company: &Company, job: &Job) -> Option<Vec<u8>> {
    let mut out = super::community::CONTRIBUTIONS.trim_ascii_end().to_vec();
    out.extend_from_slice(b",content_id\n");
    let header = out.len();
    let weeks = company.calendar.week_of(job.from)..=company.calendar.week_of(job.to - 1);
    for week in weeks.filter_map(|week| week.checked_sub(1)) {
        for one in community::contributions(company, week).iter().filter(|one| one.by_leader && one.kind == "playbook")
        {
            let Some(content) = governance::playbook(company, one.unit, one.created.day()) else { continue };
            super::community::contribution(&mut out, company, one, Instant::new(job.to, 0));
            // The record ends in a line feed; the item comes before it.
            out.pop();
            out.push(b',');
            out.extend_from_slice(content.as_bytes());
            out.push(b'\n');
        }
    }
    (out.len() > header).then_some(out)
}
