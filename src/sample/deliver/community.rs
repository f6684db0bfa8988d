//! What the community platform exports: contributions and reactions, new and changed ones of the week.

use super::super::Company;
use super::super::community::{self, Contribution, Reaction};
use super::super::names::TOPICS;
use super::super::text::{Instant, Record};
use super::Job;

/// The columns of [`contribution`].
pub const CONTRIBUTIONS: &[u8] =
    b"contribution_id,author_id,kind,created_at,updated_at,deleted_at,parent_id,title,topics,credited_ids,\
minutes,words\n";

/// The contributions made in the job's week, and those of the week before that were deleted in it.
pub fn contributions(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = CONTRIBUTIONS.to_vec();
    let (from, by) = (Instant::new(job.from, 0), Instant::new(job.to, 0));
    if let Some(before) = job.nth.checked_sub(1) {
        let deleted_now = |one: &&Contribution| one.deleted.is_some_and(|at| (from..by).contains(&at));
        for one in community::contributions(company, before).iter().filter(deleted_now) {
            contribution(&mut out, company, one, by);
        }
    }
    for one in &community::contributions(company, job.nth) {
        contribution(&mut out, company, one, by);
    }
    out
}

/// One record, as it stood at `by`.
pub fn contribution(out: &mut Vec<u8>, company: &Company, one: &Contribution, by: Instant) {
    let deleted = one.deleted.filter(|at| *at < by);
    let credited: Vec<&str> = one.credited.iter().map(|&account| company.accounts.all[account].id.as_str()).collect();
    let record = Record::new(out)
        .text(&one.id)
        .text(&company.accounts.all[one.author].id)
        .text(one.kind)
        .instant(Some(one.created))
        .instant(Some(deleted.unwrap_or(one.created)))
        .instant(deleted)
        .text(one.parent.as_deref().unwrap_or(""))
        .text(&one.title)
        .text(TOPICS[one.topic])
        .text(&credited.join(";"));
    let record = match one.minutes {
        Some(minutes) => record.number(u64::from(minutes)),
        None => record.text(""),
    };
    record.number(u64::from(one.words)).end();
}

/// The reactions given or taken back in the job's week, to contributions of this week and the one before.
pub fn reactions(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = b"reaction_id,contribution_id,actor_id,kind,value,occurred_at,revoked_at\n".to_vec();
    let (from, by) = (Instant::new(job.from, 0), Instant::new(job.to, 0));
    for week in job.nth.saturating_sub(1)..=job.nth {
        let made = community::contributions(company, week);
        for one in &community::reactions(company, week, &made) {
            let now = |at: Instant| (from..by).contains(&at);
            if now(one.occurred) || one.revoked.is_some_and(now) {
                reaction(&mut out, company, one, by);
            }
        }
    }
    out
}

fn reaction(out: &mut Vec<u8>, company: &Company, one: &Reaction, by: Instant) {
    let record =
        Record::new(out).text(&one.id).text(&one.contribution).text(&company.accounts.all[one.actor].id).text(one.kind);
    let record = match one.value {
        Some(value) => record.number(u64::from(value)),
        None => record.text(""),
    };
    record.instant(Some(one.occurred)).instant(one.revoked.filter(|at| *at < by)).end();
}
