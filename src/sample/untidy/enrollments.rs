//! The academy's transcript: every week the whole list of those who still have an account, with days where others have instants, and the
//! clock of New York where there is a time at all.

use chrono::{DateTime, Utc};
use chrono_tz::America::New_York;

use crate::period::{Day, date_of};

use super::super::Company;
use super::super::content::{ASSESSMENT, SAFETY};
use super::super::deliver::lms::status;
use super::super::learning::{Enrollment, Outcome};
use super::super::text::{Instant, Record};
use super::lms::grade;
use super::sites::Site;

const HEADER: &[u8] = b"Learner,Course,State,Mandatory,Assigned,Due,Enrolled,Completed,Valid until,Grade,Minutes\n";

/// Days on which the transcript is written.
pub fn lists(company: &Company) -> impl Iterator<Item = Day> {
    let calendar = company.calendar;
    (1..=calendar.weeks).map(move |week| calendar.monday(week))
}

/// Whether the transcript of `day` names an account.
pub fn names(company: &Company, account: usize, day: Day) -> bool {
    let of = &company.accounts.all[account];
    of.created <= day && of.deactivated.is_none_or(|gone| day < gone)
}

/// The transcript of the morning of `day`; nothing where the academy has nobody.
pub fn academy(company: &Company, day: Day) -> Option<Vec<u8>> {
    let mut out = HEADER.to_vec();
    let by = Instant::new(day, 0);
    let own =
        |one: &&Enrollment| company.accounts.all[one.account].site == Site::Academy && names(company, one.account, day);
    for one in company.enrollments.iter().filter(own).filter(|one| one.enrolled < by) {
        registration(&mut out, company, one, by);
    }
    if out.len() == HEADER.len() {
        return None;
    }
    // What somebody only plans is listed among the rest and is no registration.
    let plans = |account: &usize| {
        let is_own = company.accounts.all[*account].site == Site::Academy && names(company, *account, day);
        is_own && account.is_multiple_of(5)
    };
    for account in (0..company.accounts.all.len()).filter(plans) {
        let id = &company.accounts.all[account].id;
        out.extend_from_slice(format!("{id},{},Planned,No,,,,,,,\n", company.content[ASSESSMENT].id).as_bytes());
    }
    Some(out)
}

fn registration(out: &mut Vec<u8>, company: &Company, one: &Enrollment, by: Instant) {
    let ended = one.ended.filter(|(at, _)| *at < by);
    let success = one.succeeded().filter(|at| *at < by);
    let failed = ended.filter(|(_, outcome)| *outcome == Outcome::Failed).map(|(at, _)| at);
    let item = &company.content[one.content];
    let valid_until = success.filter(|_| one.content == SAFETY).zip(item.cert_valid_days);
    let done = success.or(failed);
    let grade = one.score.filter(|_| done.is_some()).map(|score| {
        let grade = grade(company, score);
        format!("{}{}.{:02}", if grade < 0 { "-" } else { "" }, grade.abs() / 100, grade.abs() % 100)
    });
    let minutes = done.map(|_| (one.spent_seconds / 60).to_string());
    Record::new(out)
        .text(&company.accounts.all[one.account].id)
        .text(&item.id)
        .text(status(one, one.started.filter(|at| *at < by), ended))
        .text(if one.required { "Yes" } else { "No" })
        .text(&if one.required { day(one.enrolled.day()) } else { String::new() })
        .text(&one.due.map(|due| day(due.day())).unwrap_or_default())
        .text(&day(one.enrolled.day()))
        .text(&done.map(clock).unwrap_or_default())
        .text(&valid_until.map(|(at, days)| day(local_day(at) + days as Day)).unwrap_or_default())
        .text(&grade.unwrap_or_default())
        .text(&minutes.unwrap_or_default())
        .end();
}

/// `11/20/2025`.
fn day(day: Day) -> String {
    date_of(day).format("%m/%d/%Y").to_string()
}

fn in_new_york(at: Instant) -> DateTime<chrono_tz::Tz> {
    DateTime::<Utc>::from_timestamp(at.0, 0).unwrap_or_default().with_timezone(&New_York)
}

/// `11/20/2025 09:13 PM`, on the clock of the place.
fn clock(at: Instant) -> String {
    in_new_york(at).format("%m/%d/%Y %I:%M %p").to_string()
}

fn local_day(at: Instant) -> Day {
    crate::period::day_of(in_new_york(at).date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_evening_in_new_york_is_written_on_its_own_clock() {
        // 2025-11-21T02:13:44Z.
        assert_eq!(clock(Instant(1_763_691_224)), "11/20/2025 09:13 PM");
        assert_eq!(day(20_412), "11/20/2025");
    }
}
