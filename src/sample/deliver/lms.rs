//! What the LMS exports besides activity: accounts, the catalogue, and the transcript.

use crate::period::Day;

use super::super::Company;
use super::super::accounts::{Bridge, Kind, email, employee_no};
use super::super::content::SAFETY;
use super::super::dirt;
use super::super::learning::{Enrollment, Outcome};
use super::super::names::{COMPETENCIES, FUNCTIONS, MAIL_DOMAIN, TOPICS};
use super::super::text::{Instant, Record};
use super::super::untidy::{self, sites::Site};
use super::Job;

/// The columns of [`account`].
pub const USERS: &[u8] = b"user_id,employee_no,email,username,status,kind,created_at,deactivated_at\n";

/// All accounts that existed on the morning of `day`.
pub fn users(company: &Company, day: Day) -> Vec<u8> {
    let mut out = USERS.to_vec();
    for (index, _) in company.accounts.all.iter().enumerate().filter(|(_, account)| account.created <= day) {
        account(&mut out, company, index, day);
    }
    out
}

/// The employee number and the address that an account carries.
pub fn contact(company: &Company, index: usize) -> (String, String) {
    let account = &company.accounts.all[index];
    let person = account.person.map(|person| (person, &company.people[person]));
    let work_address = person.map(|(index, person)| email(index, person));
    let (number, mail) = match (account.bridge, &person, work_address) {
        (Bridge::EmployeeNumber, Some((index, _)), Some(address)) => (employee_no(*index), address),
        (Bridge::Email, _, Some(address)) => (String::new(), address),
        (Bridge::Link, ..) => (String::new(), format!("old{index}@acquired.example")),
        (_, Some(_), _) => (String::new(), format!("private{index}@mail.example")),
        _ => (
            String::new(),
            format!(
                "{}{index}@{}",
                if account.kind == Kind::Test { "test" } else { "partner" },
                if account.kind == Kind::Test { MAIL_DOMAIN } else { "partner.example" }
            ),
        ),
    };
    dirt::careless(company, index, number, mail)
}

pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Learner => "learner",
        Kind::Test => "test",
        Kind::External => "external",
    }
}

/// One account as it stood on the morning of `day`.
pub fn account(out: &mut Vec<u8>, company: &Company, index: usize, day: Day) {
    let account = &company.accounts.all[index];
    let (number, mail) = contact(company, index);
    let gone = account.deactivated.filter(|gone| *gone <= day);
    Record::new(out)
        .text(&account.id)
        .text(&number)
        .text(&mail)
        .text(mail.trim().split('@').next().unwrap_or_default())
        .text(if gone.is_some() { "suspended" } else { "active" })
        .text(kind(account.kind))
        .instant(Some(Instant::new(account.created, 21_600)))
        .instant(gone.map(|day| Instant::new(day, 64_800)))
        .end();
}

/// The catalogue of the morning of `day`.
pub fn content(company: &Company, day: Day) -> Vec<u8> {
    let mut out = b"content_id,title,kind,owner_id,published_at,updated_at,retired_at,duration_minutes,is_flagship,\
is_onboarding,cert_valid_days,grace_days,topics,competencies,role_tags\n"
        .to_vec();
    for item in company.content.iter().filter(|item| item.published < day) {
        let record = Record::new(&mut out)
            .text(&item.id)
            .text(&item.title)
            .text(item.kind)
            .text(item.owner.map_or("", |owner| &company.accounts.all[owner].id))
            .instant(Some(Instant::new(item.published, 32_400)))
            .instant(Some(Instant::new(
                if item.updated < day { item.updated.max(item.published) } else { item.published },
                36_000,
            )))
            .instant(item.retired.filter(|retired| *retired < day).map(|retired| Instant::new(retired, 61_200)))
            .number(u64::from(item.minutes))
            .flag(item.is_flagship)
            .flag(item.is_onboarding);
        let record = match item.cert_valid_days {
            Some(days) => record.number(u64::from(days)).number(30),
            None => record.text("").text(""),
        };
        record
            .text(TOPICS[item.topic])
            .text(COMPETENCIES[item.competency])
            .text(item.role_tag.map_or("", |tag| FUNCTIONS[tag]))
            .end();
    }
    out
}

/// The registrations that changed in the job's week, as they stood on its last evening; the first file holds all older ones. What the
/// academy of an untidy company knows is its own matter.
pub fn transcript(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = dirt::transcript_header(company, job).as_bytes().to_vec();
    let (from, to) =
        (if job.nth == 0 { Instant(i64::MIN) } else { Instant::new(job.from, 0) }, Instant::new(job.to, 0));
    for one in company.enrollments.iter().filter(|one| company.accounts.all[one.account].site != Site::Academy) {
        let Some(changed) = one.changes().filter(|at| (from..to).contains(at)).max() else { continue };
        registration(&mut out, company, one, changed, to);
    }
    out
}

fn registration(out: &mut Vec<u8>, company: &Company, one: &Enrollment, changed: Instant, by: Instant) {
    let started = one.started.filter(|at| *at < by);
    let ended = one.ended.filter(|(at, _)| *at < by);
    let success = one.succeeded().filter(|at| *at < by);
    let failed = ended.filter(|(_, outcome)| *outcome == Outcome::Failed).map(|(at, _)| at);
    let status = status(one, started, ended);
    let item = &company.content[one.content];
    let expires = success.filter(|_| one.content == SAFETY).zip(item.cert_valid_days);
    let done = success.is_some() || failed.is_some();
    let record = Record::new(out)
        .text(&company.accounts.all[one.account].id)
        .text(&item.id)
        .number(u64::from(one.attempt))
        .text(status)
        .flag(one.required)
        .instant(one.required.then_some(one.enrolled))
        .instant(one.due)
        .instant(Some(one.enrolled))
        .instant(started)
        .instant(success.or(failed))
        .instant(expires.map(|(at, days)| Instant(at.0 + 86_400 * i64::from(days))));
    let record = match one.score.filter(|_| done) {
        Some(score) => record.text(&untidy::lms::grade(company, score).to_string()),
        None => record.text(""),
    };
    let record = if done { record.number(u64::from(one.spent_seconds)) } else { record.text("") };
    record.instant(Some(changed)).end();
}

/// What the vendor calls the state of a registration.
pub fn status(one: &Enrollment, started: Option<Instant>, ended: Option<(Instant, Outcome)>) -> &'static str {
    match ended {
        Some((_, Outcome::Completed)) => "Completed",
        Some((_, Outcome::Passed)) => "Passed",
        Some((_, Outcome::Failed)) => "Failed",
        Some((_, Outcome::Withdrawn)) => "Withdrawn",
        Some((_, Outcome::Waived)) => "Waived",
        None if started.is_some() => "In Progress",
        None if one.required => "Assigned",
        None => "Registered",
    }
}
