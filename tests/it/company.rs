//! A small company as its systems would export it: six weeks over a change of clocks and the end of a quarter, with the dirt of real
//! exports (repeats, corrections, voidings, late rows, bad rows). The same seed gives the same bytes.

use std::fmt::Write;

use chrono::{Days, NaiveDate};

/// One file for the landing area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub path: String,
    /// The date in its name.
    pub made_on: NaiveDate,
    pub text: String,
}

/// Small, fast and the same everywhere (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `below - 1`.
    pub fn roll(&mut self, below: usize) -> usize {
        (self.next() % below as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.roll(100) < percent
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.roll(at + 1));
        }
    }
}

pub struct Plan {
    pub workers: usize,
    pub weeks: u64,
    pub seed: u64,
    /// Rows that the gate must refuse; their ids begin with `bad`.
    pub bad_rows: bool,
}

/// The first Monday.
pub fn start() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 2, 23).expect("a date")
}

/// The first day after the last week, on which everything has been delivered.
pub fn end(plan: &Plan) -> NaiveDate {
    start() + Days::new(plan.weeks * 7 + 1)
}

const UNITS: [&str; 5] = ["a", "a1", "a2", "b", "b1"];
const VERBS: [&str; 8] =
    ["launched", "progressed", "completed", "viewed", "viewed", "searched", "logged_in", "answered"];

/// All deliveries, oldest first: one file of each kind a week, made on the Monday after.
pub fn deliveries(plan: &Plan) -> Vec<Delivery> {
    let mut dice = Dice::new(plan.seed);
    let mut made = Vec::new();
    let workers = workers(plan, &mut dice);
    let mut told: Vec<String> = Vec::new();
    for week in 0..plan.weeks {
        let monday = start() + Days::new(week * 7);
        let made_on = monday + Days::new(7);
        let mut add = |folder: &str, table: &str, text: String| {
            made.push(Delivery { path: format!("{folder}/{table}_{made_on}.csv"), made_on, text });
        };
        add("hris", "workers", snapshot_of_workers(&workers, week, made_on));
        add("hris", "org_units", org_units(week));
        add("lms", "users", users(plan, week));
        add("lms", "content", content(week));
        add("identity", "identity_links", "source,source_user_id,worker_id,valid_from,valid_to,reason\nlms,x1,w001,,,manual\nlms,x2,w002,2026-03-10,2026-03-24,match\n".into());
        add("lms", "enrollments", enrollments(plan, week, monday, &mut dice));
        add("lms", "activity", activity(plan, week, monday, &mut told, &mut dice));
        add("community", "contributions", contributions(plan, week, monday, &mut dice));
        add("community", "reactions", reactions(plan, week, monday, &mut dice));
    }
    made
}

/// One row of a worker's history, with the week in which HRIS first tells it.
struct Stated {
    told_in: u64,
    /// The last week in which it is told so; later snapshots hold a correction instead.
    until: u64,
    key: String,
    rest: String,
}

fn workers(plan: &Plan, dice: &mut Dice) -> Vec<Stated> {
    let mut rows = Vec::new();
    for number in 0..plan.workers {
        let id = format!("w{number:03}");
        let mut unit = *dice.pick(&UNITS);
        let band = if number % 9 == 0 { "manager" } else { "ic" };
        let location = *dice.pick(&["berlin", "oslo", "paris", ""]);
        let function = *dice.pick(&["sales", "engineering"]);
        let kind = if number % 13 == 5 { "contractor" } else { "employee" };
        let hired = if number % 10 == 7 { start() + Days::new(10) } else { start() - Days::new(400) };
        let manager = format!("w{:03}", number / 9 * 9);
        let from = hired;
        let mut row = |from: NaiveDate,
                       to: Option<NaiveDate>,
                       status: &str,
                       unit: &str,
                       location: &str,
                       told_in: u64,
                       until: u64| {
            let to = to.map(|to| to.to_string()).unwrap_or_default();
            rows.push(Stated {
                told_in,
                until,
                key: format!("{id},{from}"),
                rest: format!("{to},n{number},W{number}@Example.com,{status},{kind},{hired},{manager},{unit},{function},{band},{location}"),
            });
        };
        let week_of = |day: NaiveDate| u64::try_from((day - start()).num_days() / 7).unwrap_or(0);
        match number % 10 {
            // Moves on a Thursday; the first row is closed from then on.
            3 => {
                let day = start() + Days::new(7 * dice.roll(plan.weeks as usize) as u64 + 3);
                let week = week_of(day);
                if week > 0 {
                    row(from, None, "active", unit, location, 0, week - 1);
                }
                row(from, Some(day), "active", unit, location, week, u64::MAX);
                unit = UNITS[(dice.roll(4) + 1) % 5];
                row(day, None, "active", unit, "oslo", week, u64::MAX);
            }
            // On leave for two weeks, known in advance.
            4 => {
                let (leaves, back) = (start() + Days::new(8), start() + Days::new(23));
                row(from, Some(leaves), "active", unit, location, 0, u64::MAX);
                row(leaves, Some(back), "leave", unit, location, 0, u64::MAX);
                row(back, None, "active", unit, location, 0, u64::MAX);
            }
            // Leaves and is hired again after a gap.
            6 => {
                let (last, again) = (start() + Days::new(9), start() + Days::new(24));
                row(from, Some(last), "active", unit, location, 0, u64::MAX);
                row(last, Some(again), "terminated", unit, location, 1, u64::MAX);
                row(again, None, "active", "b1", location, 3, u64::MAX);
            }
            // The location was wrong in the first snapshots.
            8 => {
                row(from, None, "active", unit, "paris", 0, 2);
                row(from, None, "active", unit, location, 3, u64::MAX);
            }
            _ => {
                row(from, None, "active", unit, location, 0, u64::MAX);
            }
        }
    }
    rows
}

fn snapshot_of_workers(workers: &[Stated], week: u64, made_on: NaiveDate) -> String {
    let mut text = "worker_id,effective_from,effective_to,employee_no,email,status,worker_type,hire_date,manager_id,org_id,function,leader_band,location\n".to_owned();
    for row in workers.iter().filter(|row| row.told_in <= week && week <= row.until) {
        // A hire is told when it has come true.
        if row.key[5..] <= made_on.to_string()[..] {
            let _ = writeln!(text, "{},{}", row.key, row.rest);
        }
    }
    text
}

/// Every tenth is hired in the second week; people act when they are here.
fn is_hired(number: usize, week: u64) -> bool {
    number % 10 != 7 || week >= 2
}

fn org_units(week: u64) -> String {
    let mut text = "org_id,effective_from,effective_to,name,parent_id\nco,2020-01-01,,Company,\na,2020-01-01,,A,co\nb,2020-01-01,,B,co\na1,2020-01-01,,A one,a\nb1,2020-01-01,,B one,b\n".to_owned();
    // a2 moves under b in the middle of the third week; c is founded in the fourth.
    if week < 2 {
        text.push_str("a2,2020-01-01,,A two,a\n");
    } else {
        text.push_str("a2,2020-01-01,2026-03-11,A two,a\na2,2026-03-11,,A two,b\n");
    }
    if week >= 3 {
        text.push_str("c,2026-03-18,,C,co\n");
    }
    text
}

/// Every third account is known by its employee number, every third by its address, the others by both.
fn users(plan: &Plan, week: u64) -> String {
    let mut text = "user_id,employee_no,email,username,status,kind\nt1,,,robot,active,test\ne1,,,guest,active,external\nx9,,nobody@elsewhere.org,stranger,active,learner\n".to_owned();
    for number in 0..plan.workers {
        let (no, mail) = (format!("n{number}"), format!("w{number}@example.com"));
        let (no, mail) = match number % 3 {
            0 => (no, String::new()),
            1 => (String::new(), mail),
            _ => (no, mail),
        };
        let _ = writeln!(text, "u{number},{no},{mail},user{number},active,learner");
    }
    if week >= 2 {
        // A second account of the same person.
        text.push_str("u4b,n4,,second,active,learner\n");
    }
    text
}

fn content(week: u64) -> String {
    let mut text = "content_id,title,kind,duration_minutes\n".to_owned();
    for number in 0..6 {
        let minutes = 20 + number * 10 + usize::from(week >= 4 && number == 0) * 5;
        let _ = writeln!(text, "c{number},Course {number},course,{minutes}");
    }
    text
}

fn enrollments(plan: &Plan, week: u64, monday: NaiveDate, dice: &mut Dice) -> String {
    let mut text =
        "user_id,content_id,attempt,assigned_at,required,due_at,completed_at,status,time_spent_seconds,deleted\n"
            .to_owned();
    let at = |days: u64, hour: usize| format!("{}T{hour:02}:30:00Z", monday + Days::new(days));
    for number in (0..plan.workers).filter(|number| is_hired(*number, week)) {
        let content = format!("c{}", (number + week as usize) % 6);
        let due = at(5, 16);
        let line = match dice.roll(8) {
            // Done in time, some in the last hours and in a hurry.
            0 | 1 => {
                let spent = *dice.pick(&[60, 4_000]);
                format!(
                    "1,{},true,{due},{},completed,{spent},",
                    at(0, 8),
                    at(4 + dice.roll(2) as u64, 9 + dice.roll(6))
                )
            }
            2 => format!("1,{},true,{due},{},passed,900,", at(0, 8), at(6, 23)),
            3 => format!("1,{},true,{due},,in_progress,30,", at(0, 8)),
            4 => format!("1,{},true,{due},,waived,,", at(0, 8)),
            5 => format!("1,,false,,{},completed,1200,", at(dice.roll(6) as u64, 11)),
            6 => format!("1,{},true,{due},{},completed,1200,true", at(0, 8), at(3, 9)),
            _ => continue,
        };
        let _ = writeln!(text, "u{number},{content},{line}");
        if dice.chance(20) {
            // Taken again: the earliest success counts.
            let _ = writeln!(text, "u{number},{content},2,{},true,{due},{},completed,1800,", at(0, 9), at(6, 10));
        }
        if week > 0 && dice.chance(30) {
            // Late news of the week before.
            let before = format!("c{}", (number + week as usize - 1) % 6);
            let assigned = format!("{}T08:30:00Z", monday - Days::new(7));
            let _ = writeln!(text, "u{number},{before},3,{assigned},true,{due},{},completed,700,", at(1, 9));
        }
    }
    text
}

fn activity(plan: &Plan, week: u64, monday: NaiveDate, told: &mut Vec<String>, dice: &mut Dice) -> String {
    let mut lines: Vec<String> = Vec::new();
    let users: Vec<String> = (0..plan.workers)
        .map(|number| format!("u{number}"))
        .chain(["x1", "x2", "x9", "t1", "e1", "zz", "u4b"].map(String::from))
        .collect();
    for (number, user) in users.iter().enumerate() {
        // Some learn every week, some now and then, some never.
        let acts = match number % 5 {
            _ if !is_hired(number, week) => 0,
            0 => 5,
            1 | 2 => dice.roll(4),
            3 => usize::from(week >= 3) * 2,
            _ => 0,
        };
        for act in 0..acts {
            let event = format!("e{week}-{number}-{act}");
            let day = monday + Days::new(dice.roll(7) as u64);
            let (hour, minute) = (dice.roll(24), dice.roll(60));
            let verb = *dice.pick(&VERBS);
            let seconds = *dice.pick(&["", "60", "600", "3600", "90000"]);
            let content = format!("c{}", dice.roll(6));
            let line = |verb: &str, seconds: &str| {
                format!("{event},{day}T{hour:02}:{minute:02}:00Z,{user},{verb},{content},{seconds},")
            };
            lines.push(line(verb, seconds));
            if dice.chance(15) {
                // Twenty minutes later, in the same session or on the next day.
                lines.push(format!("{event}+,{day}T{hour:02}:{minute:02}:20Z,{user},viewed,{content},10,"));
            }
            if dice.chance(8) {
                lines.push(line(verb, seconds));
            }
            if dice.chance(8) {
                // Corrected in a later delivery.
                told.push(line("completed", "1200"));
            }
            if dice.chance(6) {
                // Taken back, in a later delivery or in this one.
                let voids = format!("v-{event},{day}T23:50:00Z,{user},voided,,,{event}");
                if dice.chance(50) { told.push(voids) } else { lines.insert(0, voids) }
            }
            if dice.chance(6) {
                told.push(line(verb, seconds));
            }
        }
    }
    // What is told late comes with this week's file or a later one.
    let late: Vec<String> = std::mem::take(told);
    for line in late {
        let in_this_week = line.contains(&format!("e{week}-"));
        if in_this_week || dice.chance(40) { told.push(line) } else { lines.push(line) }
    }
    if plan.bad_rows {
        lines.push(format!("bad{week}-1,{monday}T99:00:00Z,CANARY-user,viewed,c1,5,"));
        lines.push(format!("bad{week}-2,{monday}T09:00:00Z,u1,CANARY-verb,c1,5,"));
    }
    dice.shuffle(&mut lines);
    let header = "event_id,occurred_at,user_id,verb,object_id,duration_seconds,voids_event_id";
    format!("{header}\n{}\n", lines.join("\n"))
}

fn contributions(plan: &Plan, week: u64, monday: NaiveDate, dice: &mut Dice) -> String {
    let mut text = "contribution_id,author_id,kind,created_at,title\n".to_owned();
    for number in (0..plan.workers).filter(|number| is_hired(*number, week)) {
        if dice.chance(12) {
            let day = monday + Days::new(dice.roll(7) as u64);
            let _ = writeln!(text, "k{week}-{number},u{number},post,{day}T10:00:00Z,Title {number}");
        }
    }
    let _ = writeln!(text, "k{week}-x,zz,post,{monday}T10:00:00Z,Of nobody");
    if week > 0 {
        // Edited since, and told on another day after all.
        let _ = writeln!(text, "k{}-x,u1,answer,{monday}T22:30:00Z,Edited", week - 1);
    }
    text
}

fn reactions(plan: &Plan, week: u64, monday: NaiveDate, dice: &mut Dice) -> String {
    let mut text = "reaction_id,contribution_id,actor_id,kind,occurred_at\n".to_owned();
    for number in (0..plan.workers).filter(|number| is_hired(*number, week)) {
        if dice.chance(15) {
            let day = monday + Days::new(dice.roll(7) as u64);
            let _ = writeln!(text, "r{week}-{number},k{week}-x,u{number},like,{day}T12:00:00Z");
        }
    }
    let _ = writeln!(text, "r{week}-x9,k{week}-x,x9,like,{monday}T12:00:00Z");
    text
}
