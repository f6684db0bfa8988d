//! The small company with a community: leaders post, credit, react and pass messages on; experts ask, answer and repeat themselves;
//! some of it is deleted later. The same seed gives the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{Days, NaiveDate};

use crate::company::{self, Delivery, Dice, Plan};

const TOPICS: [&str; 8] =
    ["pricing", "Testing", "onboarding", "contracts", "forecasting", "feedback", "cloud", "safety"];

/// The deliveries of [`company`] with its community exchanged for a livelier one, and governance events.
pub fn deliveries(plan: &Plan) -> Vec<Delivery> {
    let mut made: Vec<Delivery> = company::deliveries(plan)
        .into_iter()
        .filter(|delivery| !delivery.path.starts_with("community/"))
        .map(|mut delivery| {
            if delivery.path.starts_with("hris/workers") {
                delivery.text = delivery.text.lines().map(banded).collect();
            } else if delivery.path.starts_with("lms/content") {
                delivery.text = catalogue(&delivery.text);
            }
            delivery
        })
        .collect();
    let mut dice = Dice::new(plan.seed ^ 0xc0);
    let contributions = contributions(plan, &mut dice);
    for week in 0..plan.weeks {
        let made_on = company::start() + Days::new(7 * (week + 1));
        let mut add = |table: &str, text: String| {
            made.push(Delivery { path: format!("community/{table}_{made_on}.csv"), made_on, text });
        };
        add("contributions", contributions.file(made_on));
        add("reactions", reactions(plan, week, &contributions.ids, &mut dice));
        add("events", events(plan, week, &mut dice));
    }
    made
}

/// Two of the managers lead managers.
fn banded(line: &str) -> String {
    let band = match line.get(..5) {
        Some("w000,") => ",executive,",
        Some("w009,") => ",director,",
        _ => ",manager,",
    };
    line.replace(",manager,", band) + "\n"
}

/// Content with topics; every other item has an owner, every third is for certain roles, the last appears in spring.
fn catalogue(text: &str) -> String {
    let mut out = String::new();
    for (at, line) in text.lines().enumerate() {
        let _ = match at.checked_sub(1) {
            None => writeln!(out, "{line},topics,owner_id,role_tags,published_at"),
            Some(n) => {
                let topics = if n == 3 { String::new() } else { format!("{};{}", TOPICS[n], TOPICS[(n + 2) % 8]) };
                let owner = if n % 2 == 0 { "u1" } else { "" };
                let roles = if n % 3 == 0 { "sales" } else { "" };
                let published = if n == 5 { "2026-03-20T00:00:00Z" } else { "" };
                writeln!(out, "{line},{topics},{owner},{roles},{published}")
            }
        };
    }
    out
}

/// Rows by the day they are told on, and every id with the week it was made in.
struct Contributions {
    told: BTreeMap<NaiveDate, Vec<String>>,
    ids: Vec<(u64, String)>,
}

impl Contributions {
    /// What was told in the week before.
    fn file(&self, made_on: NaiveDate) -> String {
        let header = "contribution_id,author_id,kind,created_at,deleted_at,parent_id,content_id,topics,credited_ids,minutes,body_hash\n";
        let rows = self.told.range(made_on - Days::new(7)..made_on).flat_map(|(_, rows)| rows);
        header.to_owned() + &rows.map(|row| format!("{row}\n")).collect::<String>()
    }
}

fn contributions(plan: &Plan, dice: &mut Dice) -> Contributions {
    let mut all = Contributions { told: BTreeMap::new(), ids: Vec::new() };
    for week in 0..plan.weeks {
        let monday = company::start() + Days::new(week * 7);
        let leaders = (0..plan.workers).step_by(9);
        for (nth, number) in (0..plan.workers).chain(leaders.clone()).chain(leaders).enumerate() {
            let is_leader = number % 9 == 0;
            // Every third leader posts most weeks, the others now and then.
            let chance = if number % 27 == 0 { 75 } else { 40 };
            if !dice.chance(chance) {
                continue;
            }
            let id = format!("k{week}-{number}-{nth}");
            let day = monday + Days::new(dice.roll(7) as u64);
            let created = format!("{day}T{:02}:30:00Z", dice.roll(24));
            let kinds: &[&str] = if is_leader {
                &["micro_lesson", "ama", "ama", "playbook", "playbook", "post", "post", "article", "comment", "answer"]
            } else {
                &["post", "post", "answer", "comment", "how_to"]
            };
            let kind = *dice.pick(kinds);
            let is_reply = ["answer", "comment"].contains(&kind);
            let parent = if is_reply && !all.ids.is_empty() { dice.pick(&all.ids).1.clone() } else { String::new() };
            let topics = match dice.roll(4) {
                0 => String::new(),
                1 => format!("{} ; {}", dice.pick(&TOPICS[..5]), dice.pick(&TOPICS[..6]).to_uppercase()),
                _ => (*dice.pick(&TOPICS[..6])).to_owned(),
            };
            let (mut credited, mut minutes, mut content) = (String::new(), "", String::new());
            if is_leader {
                credited = (0..dice.roll(3)).map(|_| format!("u{};", dice.roll(plan.workers + 3))).collect();
                minutes = *dice.pick(&["", "5", "15", "20", "30", "31"]);
                content = if dice.chance(85) { format!("c{}", dice.roll(7)) } else { String::new() };
            }
            let hash = if dice.chance(25) { format!("h{number}") } else { String::new() };
            let row = |deleted: &str| {
                format!(
                    "{id},u{number},{kind},{created},{deleted},{parent},{content},{topics},{credited},{minutes},{hash}"
                )
            };
            all.told.entry(day).or_default().push(row(""));
            if dice.chance(10) {
                let deleted = day + Days::new(dice.roll(12) as u64);
                all.told.entry(deleted).or_default().push(row(&format!("{deleted}T23:45:00Z")));
            }
            if kind == "ama" && dice.chance(80) {
                let closed = day + Days::new(dice.roll(10) as u64);
                let summary = format!("{id}s,u{number},qa_summary,{closed}T23:50:00Z,,{id},,,,,");
                all.told.entry(closed).or_default().push(summary);
            }
            all.ids.push((week, id));
        }
    }
    all
}

/// Reactions to anything made so far, and sometimes, by a wrong clock, to what is made a few days later.
fn reactions(plan: &Plan, week: u64, ids: &[(u64, String)], dice: &mut Dice) -> String {
    let monday = company::start() + Days::new(week * 7);
    let there: Vec<&String> = ids.iter().filter(|(made, _)| *made <= week).map(|(_, id)| id).collect();
    let mut text = "reaction_id,contribution_id,actor_id,kind,occurred_at,revoked_at\n".to_owned();
    for number in 0..plan.workers {
        let chance = if number % 9 == 0 { 70 } else { 30 };
        for nth in 0..3 {
            if !dice.chance(chance) {
                continue;
            }
            let day = monday + Days::new(dice.roll(7) as u64);
            let kind = *dice.pick(&["like", "endorse", "comment", "bookmark"]);
            let revoked = if dice.chance(10) { format!("{day}T23:00:00Z") } else { String::new() };
            let _ = writeln!(
                text,
                "r{week}-{number}-{nth},{},u{number},{kind},{day}T12:00:00Z,{revoked}",
                dice.pick(&there)
            );
        }
    }
    text
}

/// Messages to everybody, a unit, a function; managers who pass them on; a sponsor of unit b by plan, and the executive.
fn events(plan: &Plan, week: u64, dice: &mut Dice) -> String {
    let monday = company::start() + Days::new(week * 7);
    let mut text = "event_id,kind,held_on,owner_id,scope_id,subject,role\n".to_owned();
    let mut n = 0;
    let mut add = |kind: &str, after: usize, owner: usize, scope: &str, subject: &str, role: &str| {
        n += 1;
        let day = monday + Days::new(after as u64);
        let _ = writeln!(text, "g{week}-{n:02},{kind},{day},w{owner:03},{scope},{subject},{role}");
    };
    match week {
        0 => add("message", 1, 0, "", "vision", ""),
        1 => {
            add("message", 2, 9, "a", "figures", "");
            add("plan_start", 3, 27, "b", "sponsor_90_days", "sponsor");
        }
        2 => add("message", 0, 0, "all", "vision", ""),
        4 => add("message", 4, 9, "sales", "prices", ""),
        5 => add("decision", 2, 0, "", "figures", ""),
        7 => add("message", 1, 0, "b1", "move", ""),
        _ => {}
    }
    if week % 3 == 1 {
        add("meeting", 4, 27, "b", "weekly stand-up", "learning lead");
    }
    if week % 4 == 2 {
        add("meeting", 2, 0, "", "monthly executive review", "executive sponsor");
    }
    for number in (0..plan.workers).step_by(9) {
        if dice.chance(35) {
            add("message_cascade", dice.roll(7), number, "", "vision", "");
        }
    }
    text
}
