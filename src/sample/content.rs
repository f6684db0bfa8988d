//! The catalogue: courses, paths, certifications and short things to read and watch.

use crate::period::Day;

use super::Options;
use super::accounts::Accounts;
use super::calendar::Calendar;
use super::names::{COMPETENCIES, FUNCTIONS, TOPICS};
use super::people::Person;
use super::rng::{Purpose, Stream};

#[derive(Debug, Clone)]
pub struct Content {
    pub id: String,
    pub title: String,
    pub kind: &'static str,
    /// An index of accounts.
    pub owner: Option<usize>,
    pub published: Day,
    pub updated: Day,
    pub retired: Option<Day>,
    pub minutes: u32,
    pub is_flagship: bool,
    pub is_onboarding: bool,
    pub cert_valid_days: Option<u32>,
    pub topic: usize,
    pub competency: usize,
    pub role_tag: Option<usize>,
}

/// The items with a part to play come first, at these places.
pub const CODE_OF_CONDUCT: usize = 0;
pub const SECURITY: usize = 1;
pub const PRIVACY: usize = 2;
pub const WELCOME: usize = 3;
pub const SAFETY: usize = 4;
pub const LEADING: usize = 5;
pub const ASSESSMENT: usize = 6;
/// From here on the catalogue is open to everybody's choice.
pub const FREE: usize = 7;

const OPEN_KINDS: [(&str, u32, u32, f64); 8] = [
    ("course", 30, 180, 0.26),
    ("video", 4, 25, 0.2),
    ("article", 3, 12, 0.16),
    ("how_to", 5, 20, 0.14),
    ("micro_lesson", 3, 6, 0.1),
    ("playbook", 8, 20, 0.06),
    ("session", 45, 120, 0.05),
    ("path", 240, 600, 0.03),
];

pub fn build(options: &Options, calendar: Calendar, people: &[Person], accounts: &Accounts) -> Vec<Content> {
    let mut stream = Stream::new(options.seed, Purpose::Content, 0);
    let owners: Vec<usize> = people
        .iter()
        .zip(&accounts.of_person)
        .filter(|(person, account)| person.is_sme && account.is_some())
        .filter_map(|(_, account)| *account)
        .collect();
    let named = [
        ("Code of Conduct", "course", 40),
        ("Security Awareness", "course", 45),
        ("Data Protection Basics", "course", 35),
        ("Welcome to the Company", "path", 240),
        ("Workplace Safety", "certification", 60),
        ("Leading with Questions", "course", 120),
        ("Knowledge Check: Products", "assessment", 25),
    ];
    let mut content = Vec::new();
    for (title, kind, minutes) in named {
        let published = calendar.start - 400 - stream.below(200) as Day;
        content.push(Content {
            id: id(content.len()),
            title: title.into(),
            kind,
            owner: None,
            published,
            updated: calendar.start - stream.below(300) as Day,
            retired: None,
            minutes,
            is_flagship: content.len() == LEADING,
            is_onboarding: content.len() == WELCOME,
            cert_valid_days: (content.len() == SAFETY).then_some(365),
            topic: stream.below(TOPICS.len() as u32) as usize,
            competency: stream.below(COMPETENCIES.len() as u32) as usize,
            role_tag: None,
        });
    }
    let open = (40 + options.workers / 40).min(3_000);
    for _ in 0..open {
        let (kind, low, high, _) = OPEN_KINDS[stream.weighted(&OPEN_KINDS.map(|kind| kind.3))];
        let topic = stream.below(TOPICS.len() as u32) as usize;
        // Two thirds were there before the first week; the rest arrives as time goes by.
        let published = match stream.chance(0.66) {
            true => calendar.start - 10 - stream.below(900) as Day,
            false => calendar.start + stream.below(7 * calendar.weeks) as Day,
        };
        let retired = stream.chance(0.05).then(|| published.max(calendar.start) + 60 + stream.below(120) as Day);
        content.push(Content {
            id: id(content.len()),
            title: title(kind, topic, content.len()),
            kind,
            owner: (!owners.is_empty() && stream.chance(0.8)).then(|| *stream.pick(&owners)),
            published,
            updated: published + (stream.unit() * stream.unit() * 200.0) as Day,
            retired: retired.filter(|day| *day < calendar.end()),
            minutes: low + stream.below(high - low),
            is_flagship: false,
            is_onboarding: false,
            cert_valid_days: None,
            topic,
            competency: stream.below(COMPETENCIES.len() as u32) as usize,
            role_tag: stream.chance(0.3).then(|| stream.below(FUNCTIONS.len() as u32) as usize),
        });
    }
    content
}

fn id(n: usize) -> String {
    format!("C-{:04}", n + 1)
}

fn title(kind: &str, topic: usize, n: usize) -> String {
    let topic = TOPICS[topic];
    match kind {
        "video" => format!("Watch: {topic}, part {}", n % 5 + 1),
        "article" => format!("Notes on {topic}"),
        "how_to" => format!("How to do {topic} well"),
        "micro_lesson" => format!("Five minutes of {topic}"),
        "playbook" => format!("Playbook: {topic}"),
        "session" => format!("Live session: {topic}"),
        "path" => format!("Path to {topic}"),
        _ => format!("Fundamentals of {topic}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Company;

    #[test]
    fn the_named_items_stand_where_the_constants_say() {
        let company = Company::build(&Options::new(120, 12, 3)).unwrap();
        let content = &company.content;
        assert!(content[WELCOME].is_onboarding && content[LEADING].is_flagship);
        assert_eq!(content[SAFETY].kind, "certification");
        assert_eq!(content[ASSESSMENT].kind, "assessment");
        assert!(content[FREE..].iter().all(|item| item.cert_valid_days.is_none() && item.minutes > 0));
    }
}
