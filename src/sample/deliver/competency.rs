//! What HR says about milestones, and an outside trainer about certificates.

use super::super::Company;
use super::super::accounts::worker_id;
use super::super::content::SAFETY;
use super::super::text::Record;
use super::Job;

/// Number of the attempt under which certificates from outside are kept.
const OUTSIDE: u64 = 90;

fn is_new(job: &Job, known: crate::period::Day) -> bool {
    known < job.to && (job.nth == 0 || known >= job.from)
}

/// The milestones that HR entered since the last file.
pub fn milestones(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = b"worker_id,kind,reached_on,reference\n".to_vec();
    for one in company.competency.milestones.iter().filter(|one| is_new(job, one.known)) {
        Record::new(&mut out)
            .text(&worker_id(one.person))
            .text(one.kind)
            .date(Some(one.reached))
            .text("talk with the manager")
            .end();
    }
    out
}

/// The certificates from outside that came in since the last file.
pub fn renewals(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = b"user_id,content_id,attempt,status,required,completed_at,expires_at,updated_at\n".to_vec();
    for one in company.competency.renewals.iter().filter(|one| is_new(job, one.known)) {
        Record::new(&mut out)
            .text(&company.accounts.all[one.account].id)
            .text(&company.content[SAFETY].id)
            .number(OUTSIDE)
            .text("passed")
            .flag(false)
            .instant(Some(one.passed))
            .instant(Some(one.expires))
            .instant(Some(one.passed))
            .end();
    }
    out
}
