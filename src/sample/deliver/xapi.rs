//! The statements that the phone app of one site sends to a learning record store: a small share of all activity.

use super::super::Company;
use super::super::accounts::{Bridge, Kind};
use super::super::calendar::{is_weekend, rhythm};
use super::super::content::FREE;
use super::super::rng::{Purpose, Stream};
use super::super::text::{self, Instant};
use super::Job;

/// The site whose people use the app, an index of [`super::super::names::LOCATIONS`].
const SITE: usize = 3;
/// Statements of one file at most.
const MOST: usize = 5_000;

const VERBS: [(&str, &str); 6] = [
    ("experienced", "http://adlnet.gov/expapi/verbs/experienced"),
    ("progressed", "http://adlnet.gov/expapi/verbs/progressed"),
    ("launched", "http://adlnet.gov/expapi/verbs/launched"),
    ("attempted", "http://adlnet.gov/expapi/verbs/attempted"),
    ("answered", "http://adlnet.gov/expapi/verbs/answered"),
    ("completed", "http://adlnet.gov/expapi/verbs/completed"),
];

/// The statements of the job's weeks; some are voided again, half of those by a statement that comes first.
pub fn write(company: &Company, job: &Job) -> Vec<u8> {
    let mut stream = Stream::new(company.options.seed, Purpose::Xapi, u64::from(job.nth));
    let learners: Vec<usize> = company
        .accounts
        .all
        .iter()
        .enumerate()
        .filter(|(_, account)| account.kind == Kind::Learner && account.bridge != Bridge::None && !account.is_second)
        .filter(|(_, account)| account.person.is_some_and(|person| company.people[person].location == SITE))
        .map(|(index, _)| index)
        .collect();
    let open = company.content[FREE..].iter().filter(|item| item.published < job.from).collect::<Vec<_>>();
    let mut out = Vec::new();
    if learners.is_empty() || open.is_empty() {
        return out;
    }
    let days: Vec<_> = (job.from..job.to).filter(|day| !is_weekend(*day)).collect();
    let weights: Vec<f64> = days.iter().map(|day| rhythm(*day)).collect();
    let wanted = (learners.len() * days.len() / 14).clamp(6, MOST);
    for n in 0..wanted {
        let (user, item) = (*stream.pick(&learners), *stream.pick(&open));
        let day = days[stream.weighted(&weights)];
        let at = Instant::new(day, 9_000 + stream.below(36_000));
        let person = company.accounts.all[user].person.map(|person| &company.people[person]);
        if !person.is_some_and(|person| person.employments().iter().any(|(from, to)| (*from..*to).contains(&day))) {
            continue;
        }
        let (verb, iri) = VERBS[stream.below(VERBS.len() as u32) as usize];
        let id = uuid(&mut stream);
        let statement = Statement { id: &id, at, user: &company.accounts.all[user].id, verb, iri };
        let seconds = 20 + stream.below(900);
        let object = format!(
            r#"{{"objectType":"Activity","id":"https://lms.haldenruck.example/content/{}","definition":{{"type":"http://adlnet.gov/expapi/activities/{}"}}}},"result":{{"duration":"PT{}M{}S"}}"#,
            item.id,
            if item.kind == "video" { "media" } else { "lesson" },
            seconds / 60,
            seconds % 60,
        );
        // One in forty was sent by mistake and is voided, some of the time by a statement that arrives before it.
        if n % 40 != 7 {
            statement.write(&mut out, &object);
            continue;
        }
        let voider = uuid(&mut stream);
        let voids = format!(r#"{{"objectType":"StatementRef","id":"{id}"}}"#);
        let voiding = Statement {
            id: &voider,
            at: Instant(at.0 + 300),
            verb: "voided",
            iri: "http://adlnet.gov/expapi/verbs/voided",
            ..statement
        };
        if (n / 40 + job.nth as usize).is_multiple_of(2) {
            voiding.write(&mut out, &voids);
            statement.write(&mut out, &object);
        } else {
            statement.write(&mut out, &object);
            voiding.write(&mut out, &voids);
        }
    }
    super::super::dirt::soil_statements(company, job, &mut out);
    out
}

/// What all statements have.
#[derive(Clone, Copy)]
struct Statement<'a> {
    id: &'a str,
    at: Instant,
    user: &'a str,
    verb: &'a str,
    iri: &'a str,
}

impl Statement<'_> {
    /// One line; `object` is the object and whatever comes after it.
    fn write(&self, out: &mut Vec<u8>, object: &str) {
        let Statement { id, user, verb, iri, .. } = self;
        out.extend_from_slice(format!(r#"{{"id":"{id}","timestamp":""#).as_bytes());
        text::instant(out, self.at);
        out.extend_from_slice(br#"","stored":""#);
        text::instant(out, Instant(self.at.0 + 2));
        let rest = format!(
            r#"","actor":{{"objectType":"Agent","account":{{"homePage":"https://lms.haldenruck.example","name":"{user}"}}}},"verb":{{"id":"{iri}","display":{{"en":"{verb}"}}}},"object":{object}}}"#,
        );
        out.extend_from_slice(rest.as_bytes());
        out.push(b'\n');
    }
}

/// A random UUID (version 4).
fn uuid(stream: &mut Stream) -> String {
    let (high, low) = (stream.bits(), stream.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff,
    )
}
