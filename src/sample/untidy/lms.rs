//! What the three sites list of their accounts, and how they mark: ids that are numbers in JSON, lists in parts, lists that shrink, and
//! marks above the maximum and below nothing.

use crate::period::Day;

use super::super::Company;
use super::super::deliver::lms::{USERS, account, contact, kind};
use super::super::text::{self, Instant};
use super::sites::Site;
use super::{lists_account, parts};

fn listed(company: &Company, site: Site, day: Day) -> impl Iterator<Item = usize> {
    let at = move |index: &usize| company.accounts.all[*index].site == site && lists_account(company, *index, day);
    (0..company.accounts.all.len()).filter(at)
}

/// The accounts of the company's own LMS, an object a line; the id is a number.
pub fn main_users(company: &Company, day: Day) -> Vec<u8> {
    let mut out = Vec::new();
    for index in listed(company, Site::Main, day) {
        let account = &company.accounts.all[index];
        let (number, mail) = contact(company, index);
        let gone = account.deactivated.filter(|gone| *gone <= day);
        out.extend_from_slice(b"{\"id\":");
        out.extend_from_slice(account.id.as_bytes());
        let state = if gone.is_some() { "suspended" } else { "active" };
        let number = if number.is_empty() { "null".to_owned() } else { format!("\"{number}\"") };
        out.extend_from_slice(
            format!(
                r#","workforce":{{"number":{number}}},"mail":"{mail}","state":"{state}","type":"{}","created":""#,
                kind(account.kind)
            )
            .as_bytes(),
        );
        text::instant(&mut out, Instant::new(account.created, 21_600));
        out.extend_from_slice(b"\",\"suspended\":");
        match gone {
            Some(day) => {
                out.push(b'"');
                text::instant(&mut out, Instant::new(day, 64_800));
                out.extend_from_slice(b"\"}\n");
            }
            None => out.extend_from_slice(b"null}\n"),
        }
    }
    out
}

/// The academy's accounts, part by part, of which any may be empty.
pub fn academy_users(company: &Company, day: Day) -> Vec<Vec<u8>> {
    let mut texts = vec![USERS.to_vec(); parts(company)];
    let mut any = false;
    for (nth, index) in listed(company, Site::Academy, day).enumerate() {
        let part = nth % texts.len();
        account(&mut texts[part], company, index, day);
        any = true;
    }
    if any { texts } else { Vec::new() }
}

/// The accounts that people still hold at the company that was bought, while there are any.
pub fn norhaven_users(company: &Company, day: Day) -> Option<Vec<u8>> {
    let mut out = USERS.to_vec();
    listed(company, Site::Norhaven, day).for_each(|index| account(&mut out, company, index, day));
    (out.len() > USERS.len()).then_some(out)
}

/// A mark in hundredths as a site gives it: in an untidy company full marks come with a bonus, and some who fail lose points.
pub fn grade(company: &Company, score: u32) -> i64 {
    let score = i64::from(score);
    match score {
        _ if !company.options.untidy => score,
        97.. => score + 15,
        ..58 if score % 7 == 0 => -score / 4,
        _ => score,
    }
}

/// A transcript without its third column, the number of the attempt.
pub fn without_attempts(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let mut fields = line.splitn(4, |byte| *byte == b',');
        for (n, field) in fields.by_ref().take(3).enumerate() {
            if n < 2 {
                out.extend_from_slice(field);
                out.push(b',');
            }
        }
        out.extend_from_slice(fields.next().unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_column_goes_and_all_others_stay() {
        let text = without_attempts(b"user,course,attempt,state\n7,C-1,2,done\n8,C-1,,\n");
        assert_eq!(String::from_utf8(text).unwrap(), "user,course,state\n7,C-1,done\n8,C-1,\n");
    }
}
