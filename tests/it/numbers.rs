//! `adoption_kpis` against a slow and simple computation from the definitions, over the same deliveries. Nothing here uses the
//! product's own canon, rollup or calendar.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Utc, Weekday};

use crate::company::{self, Delivery, Plan};
use crate::world::{Row, Setup, World};

const PLAN: Plan = Plan { workers: 60, weeks: 6, seed: 11, bad_rows: true };

pub type Fields<'a> = HashMap<&'a str, &'a str>;

// ---- the deliveries, read once more ----

fn records<'a>(deliveries: &'a [Delivery], table: &str) -> Vec<(NaiveDate, usize, Fields<'a>)> {
    let mut all = Vec::new();
    for delivery in deliveries
        .iter()
        .filter(|delivery| delivery.path.rsplit('/').next().unwrap_or("").starts_with(&format!("{table}_2")))
    {
        let mut lines = delivery.text.lines();
        let header: Vec<&str> = lines.next().unwrap_or("").split(',').collect();
        for (number, line) in lines.enumerate().filter(|(_, line)| !line.starts_with("bad")) {
            all.push((delivery.made_on, number, header.iter().copied().zip(line.split(',')).collect()));
        }
    }
    all
}

/// The last full snapshot.
pub fn snapshot<'a>(deliveries: &'a [Delivery], table: &str) -> Vec<Fields<'a>> {
    let all = records(deliveries, table);
    let last = all.iter().map(|(made_on, ..)| *made_on).max();
    all.into_iter().filter(|(made_on, ..)| Some(*made_on) == last).map(|(.., fields)| fields).collect()
}

/// The last statement of each key.
pub fn stated<'a>(deliveries: &'a [Delivery], table: &str, key: &[&str]) -> Vec<Fields<'a>> {
    let mut last: BTreeMap<Vec<&str>, (NaiveDate, usize, Fields<'a>)> = BTreeMap::new();
    for (made_on, number, fields) in records(deliveries, table) {
        let key: Vec<&str> = key.iter().map(|name| fields[name]).collect();
        if last.get(&key).is_none_or(|held| (held.0, held.1) < (made_on, number)) {
            last.insert(key, (made_on, number, fields));
        }
    }
    last.into_values().map(|(.., fields)| fields).collect()
}

pub fn date(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

pub fn local(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&chrono_tz::Europe::Berlin).date_naive()
}

// ---- what the definitions say ----

/// An event, contribution or reaction of somebody known.
struct Act {
    day: NaiveDate,
    at: DateTime<Utc>,
    active: bool,
    passive: bool,
    contribution: bool,
    event: bool,
    seconds: i64,
}

/// A row of somebody that was neither waived, withdrawn nor deleted.
#[derive(Clone)]
struct Enrollment {
    number: Option<u32>,
    required: bool,
    assigned_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    hasty: bool,
}

/// What the rows of a person and an item come to, one an attempt.
#[derive(Clone)]
struct Attempt {
    required: bool,
    assigned_at: Option<DateTime<Utc>>,
    due_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    hasty: bool,
}

/// The attempts behind the rows of one person in one item. The companies of these tests have one account a person, numbers everywhere where
/// something is assigned, and a due date wherever something is.
fn attempts(mut rows: Vec<Enrollment>) -> Vec<Attempt> {
    let day = |at: Option<DateTime<Utc>>| at.map(local);
    let last = |at: Option<NaiveDate>| at.unwrap_or(NaiveDate::MAX);
    rows.sort_by_key(|row| {
        let begins = day(row.assigned_at.or(row.due_at).or(row.completed_at));
        (begins, row.assigned_at.is_none() && row.due_at.is_none(), last(day(row.due_at)), row.number, row.completed_at)
    });
    let mut groups: Vec<Vec<Enrollment>> = Vec::new();
    for row in rows {
        let done = groups.iter().flatten().filter_map(|row| row.completed_at).max();
        let is_new = match groups.last().and_then(|group| group.last()) {
            None => true,
            // Chosen freely: only where it is counted as another attempt on another day.
            Some(before) if row.assigned_at.is_none() && row.due_at.is_none() => {
                before.number != row.number
                    && done.zip(row.completed_at).is_some_and(|(done, at)| local(at) > local(done))
            }
            Some(before) => {
                let same_due = day(before.due_at) == day(row.due_at);
                let is_later = |at: Option<DateTime<Utc>>| at.zip(done).is_some_and(|(at, done)| at > done);
                let repeats = same_due && day(before.assigned_at) == day(row.assigned_at);
                !repeats
                    && ((before.number != row.number && before.due_at.is_some() && !same_due)
                        || is_later(row.assigned_at)
                        || (is_later(row.due_at) && !same_due))
            }
        };
        match groups.last_mut() {
            Some(group) if !is_new => group.push(row),
            _ => groups.push(vec![row]),
        }
    }
    let attempt = |group: &Vec<Enrollment>| {
        let required: Vec<&Enrollment> = group.iter().filter(|row| row.required).collect();
        let told: Vec<&Enrollment> = if required.is_empty() { group.iter().collect() } else { required.clone() };
        let first = group.iter().filter(|row| row.completed_at.is_some()).min_by_key(|row| row.completed_at);
        Attempt {
            required: !required.is_empty(),
            assigned_at: told.iter().filter_map(|row| row.assigned_at).min(),
            due_at: told.iter().filter_map(|row| row.due_at).max(),
            completed_at: first.and_then(|row| row.completed_at),
            hasty: first.is_some_and(|row| row.hasty),
        }
    };
    groups.iter().map(attempt).collect()
}

pub struct Company<'a> {
    pub workers: BTreeMap<&'a str, Vec<Fields<'a>>>,
    units: Vec<Fields<'a>>,
    acts: BTreeMap<&'a str, Vec<Act>>,
    /// Days of acts of accounts that match nobody.
    unmatched: Vec<NaiveDate>,
    attempts: BTreeMap<&'a str, Vec<Attempt>>,
    users: Vec<Fields<'a>>,
    links: Vec<Fields<'a>>,
}

enum Who<'a> {
    Worker(&'a str),
    Nobody,
    Robot,
}

fn who<'a>(
    workers: &BTreeMap<&'a str, Vec<Fields<'a>>>,
    users: &[Fields<'a>],
    links: &[Fields<'a>],
    user: &str,
    day: NaiveDate,
) -> Who<'a> {
    let account = users.iter().find(|row| row["user_id"] == user);
    if account.is_some_and(|row| ["test", "external"].contains(&row["kind"])) {
        return Who::Robot;
    }
    let holds = |row: &&Fields<'_>| {
        date(row["valid_from"]).is_none_or(|from| from <= day) && date(row["valid_to"]).is_none_or(|to| day < to)
    };
    if let Some(link) = links.iter().filter(|row| row["source_user_id"] == user).find(holds) {
        return Who::Worker(workers.get_key_value(link["worker_id"]).expect("a worker").0);
    }
    let Some(account) = account else { return Who::Nobody };
    let with = |column: &str| {
        let wanted = account[column].trim().to_lowercase();
        let has = |rows: &&Vec<Fields<'_>>| {
            !wanted.is_empty() && rows.iter().any(|row| row[column].trim().to_lowercase() == wanted)
        };
        workers.iter().find(|(_, rows)| has(rows)).map(|(id, _)| *id)
    };
    with("employee_no").or_else(|| with("email")).map_or(Who::Nobody, Who::Worker)
}

pub fn read(deliveries: &[Delivery]) -> Company<'_> {
    let mut workers: BTreeMap<&str, Vec<Fields<'_>>> = BTreeMap::new();
    for row in snapshot(deliveries, "workers") {
        workers.entry(row["worker_id"]).or_default().push(row);
    }
    let users = snapshot(deliveries, "users");
    let links = snapshot(deliveries, "identity_links");
    let who = |user: &str, day: NaiveDate| who(&workers, &users, &links, user, day);

    let mut acts: BTreeMap<&str, Vec<Act>> = BTreeMap::new();
    let mut unmatched = Vec::new();
    let mut add = |user: &str, act: Act| match who(user, act.day) {
        Who::Worker(worker) => acts.entry(worker).or_default().push(act),
        Who::Nobody => unmatched.push(act.day),
        Who::Robot => {}
    };
    let events = stated(deliveries, "activity", &["event_id"]);
    let voided: BTreeSet<&str> = events.iter().map(|row| row["voids_event_id"]).filter(|id| !id.is_empty()).collect();
    for row in events.iter().filter(|row| row["voids_event_id"].is_empty() && !voided.contains(row["event_id"])) {
        let at = instant(row["occurred_at"]).expect("an instant");
        let verb = row["verb"];
        let active =
            ["launched", "progressed", "attempted", "answered", "completed", "passed", "failed", "commented", "rated"]
                .contains(&verb);
        let passive = ["viewed", "searched"].contains(&verb);
        let seconds = row["duration_seconds"].parse::<i64>().unwrap_or(0).min(240 * 60);
        add(row["user_id"], Act { day: local(at), at, active, passive, contribution: false, event: true, seconds });
    }
    for row in stated(deliveries, "contributions", &["contribution_id"]) {
        let at = instant(row["created_at"]).expect("an instant");
        add(
            row["author_id"],
            Act { day: local(at), at, active: true, passive: false, contribution: true, event: false, seconds: 0 },
        );
    }
    for row in stated(deliveries, "reactions", &["reaction_id"]) {
        let at = instant(row["occurred_at"]).expect("an instant");
        add(
            row["actor_id"],
            Act { day: local(at), at, active: true, passive: false, contribution: false, event: false, seconds: 0 },
        );
    }

    let minutes: HashMap<&str, i64> = snapshot(deliveries, "content")
        .iter()
        .map(|row| (row["content_id"], row["duration_minutes"].parse().expect("minutes")))
        .collect();
    let mut enrolled: BTreeMap<(&str, &str), Vec<Enrollment>> = BTreeMap::new();
    for row in stated(deliveries, "enrollments", &["user_id", "content_id", "attempt"]) {
        let (assigned_at, due_at) = (instant(row["assigned_at"]), instant(row["due_at"]));
        let completed_at = instant(row["completed_at"]).filter(|_| ["completed", "passed"].contains(&row["status"]));
        let spent = row["time_spent_seconds"].parse::<i64>().ok();
        let hasty = spent.is_some_and(|spent| spent * 4 < minutes[row["content_id"]] * 60);
        let day = assigned_at.or(due_at).or(completed_at).map(local).expect("a day");
        let Who::Worker(worker) = who(row["user_id"], day) else { continue };
        if row["deleted"] == "true" || ["waived", "withdrawn"].contains(&row["status"]) {
            continue;
        }
        let (number, required) = (row["attempt"].parse().ok(), row["required"] == "true");
        enrolled.entry((worker, row["content_id"])).or_default().push(Enrollment {
            number,
            required,
            assigned_at,
            due_at,
            completed_at,
            hasty,
        });
    }
    let mut of_worker: BTreeMap<&str, Vec<Attempt>> = BTreeMap::new();
    for ((worker, _), rows) in enrolled {
        of_worker.entry(worker).or_default().extend(attempts(rows));
    }
    Company { workers, units: snapshot(deliveries, "org_units"), acts, unmatched, attempts: of_worker, users, links }
}

impl<'a> Company<'a> {
    /// The worker behind an account on a day, if anybody.
    pub fn worker(&self, user: &str, day: NaiveDate) -> Option<&'a str> {
        match who(&self.workers, &self.users, &self.links, user, day) {
            Who::Worker(worker) => Some(worker),
            _ => None,
        }
    }

    /// Whether a worker completed anything in the days from `start` up to `end`.
    pub fn learns(&self, worker: &str, start: NaiveDate, end: NaiveDate) -> bool {
        let mut own = self.attempts.get(worker).into_iter().flatten();
        own.any(|one| one.completed_at.map(local).is_some_and(|day| start <= day && day < end))
    }

    /// Whether a worker was active in the days from `start` up to `end`.
    pub fn acts(&self, worker: &str, start: NaiveDate, end: NaiveDate) -> bool {
        let mut acts = self.acts.get(worker).into_iter().flatten();
        acts.any(|act| act.active && start <= act.day && act.day < end)
    }

    pub fn state(&self, worker: &str, day: NaiveDate) -> Option<&Fields<'a>> {
        let rows = self.workers[worker].iter();
        let holding = rows.filter(|row| {
            date(row["effective_from"]).is_some_and(|from| from <= day)
                && date(row["effective_to"]).is_none_or(|to| day < to)
        });
        holding.max_by_key(|row| date(row["effective_from"]))
    }

    /// The row of the person's last eligible day in the period.
    pub fn place(&self, worker: &str, start: NaiveDate, end: NaiveDate) -> Option<&Fields<'a>> {
        let days = start.iter_days().take_while(|day| *day < end);
        let eligible = |day: NaiveDate| {
            self.state(worker, day).filter(|row| {
                row["status"] == "active"
                    && row["worker_type"] == "employee"
                    && date(row["hire_date"]).is_none_or(|hired| hired <= day)
            })
        };
        days.filter_map(eligible).last()
    }

    /// The unit and everything above it on the last day of the period.
    pub fn units_above(&self, unit: &'a str, end: NaiveDate) -> Vec<&'a str> {
        let mut chain = vec![unit];
        while let Some(row) = self
            .units
            .iter()
            .filter(|row| {
                row["org_id"] == chain[chain.len() - 1] && date(row["effective_from"]).is_some_and(|from| from < end)
            })
            .max_by_key(|row| date(row["effective_from"]))
            .filter(|row| !row["parent_id"].is_empty())
        {
            chain.push(row["parent_id"]);
        }
        chain
    }
}

fn working_day(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The period before, by its grain.
fn before(grain: &str, start: NaiveDate) -> (NaiveDate, NaiveDate) {
    let last = start - Days::new(1);
    let first = match grain {
        "day" => last,
        "week" => start - Days::new(7),
        "month" => last.with_day(1).expect("a month"),
        _ => NaiveDate::from_ymd_opt(last.year(), (last.month() - 1) / 3 * 3 + 1, 1).expect("a quarter"),
    };
    (first, start)
}

/// Seconds of the days from `start` up to `end` that events cover, each second once; an event covers the time up to its instant.
fn spent(acts: &[Act], start: NaiveDate, end: NaiveDate) -> i64 {
    let midnight = |day: NaiveDate| {
        let local = chrono_tz::Europe::Berlin.from_local_datetime(&day.and_time(chrono::NaiveTime::MIN));
        local.earliest().expect("a midnight").timestamp()
    };
    let (first, last) = (midnight(start), midnight(end));
    let mut covers: Vec<(i64, i64)> =
        acts.iter().map(|act| (act.at.timestamp() - act.seconds, act.at.timestamp())).collect();
    covers.sort_unstable();
    let (mut sum, mut reached) = (0, first);
    for (from, to) in covers {
        sum += (to.min(last) - from.max(reached)).max(0);
        reached = reached.max(to);
    }
    sum
}

/// What one person adds to every scope of a period.
fn measures(
    company: &Company<'_>,
    worker: &str,
    grain: &str,
    start: NaiveDate,
    end: NaiveDate,
) -> BTreeMap<&'static str, i64> {
    let none = Vec::new();
    let acts = company.acts.get(worker).unwrap_or(&none);
    let within = |from: NaiveDate, to: NaiveDate| acts.iter().filter(move |act| from <= act.day && act.day < to);
    let active = |from, to| within(from, to).any(|act| act.active);
    let passive = |from, to| within(from, to).any(|act| act.passive) && !active(from, to);
    let first_active = acts.iter().filter(|act| act.active).map(|act| act.day).min();
    let (earlier, _) = before(grain, start);
    let was_passive = passive(earlier, start);
    let active_days: BTreeSet<NaiveDate> = within(start, end).filter(|act| act.active).map(|act| act.day).collect();

    let mut times: Vec<(NaiveDate, DateTime<Utc>)> =
        within(start, end).filter(|act| act.event).map(|act| (act.day, act.at)).collect();
    times.sort();
    let gap = chrono::TimeDelta::minutes(30);
    let sessions = (0..times.len())
        .filter(|&at| at == 0 || times[at - 1].0 != times[at].0 || times[at].1 - times[at - 1].1 > gap)
        .count();

    let in_period = |at: Option<DateTime<Utc>>| at.map(local).is_some_and(|day| start <= day && day < end);
    let own: Vec<&Attempt> = company.attempts.get(worker).into_iter().flatten().collect();
    let required: Vec<&Attempt> = own.iter().copied().filter(|one| one.required).collect();
    let due: Vec<&Attempt> = required.iter().copied().filter(|one| in_period(one.due_at)).collect();
    let completed: Vec<&Attempt> = own.into_iter().filter(|one| in_period(one.completed_at)).collect();
    let day_before_due = |row: &&&Attempt| {
        row.due_at.zip(row.completed_at).is_some_and(|(due, at)| due - chrono::TimeDelta::hours(24) <= at && at <= due)
    };
    let flag = i64::from;
    let count = |number: usize| number as i64;
    BTreeMap::from([
        ("headcount", 1),
        ("visitors", flag(within(start, end).next().is_some())),
        ("passive_learners", flag(passive(start, end))),
        ("active_learners", flag(active(start, end))),
        ("contributors", flag(within(start, end).any(|act| act.contribution))),
        ("newly_activated", flag(first_active.is_some_and(|day| start <= day && day < end))),
        ("activated_to_date", flag(first_active.is_some_and(|day| day < end))),
        ("not_yet_activated_at_start", flag(first_active.is_none_or(|day| day >= start))),
        ("daily_active_sum", count(active_days.iter().filter(|day| working_day(**day)).count())),
        ("active_28d", flag(active(end - Days::new(28), end))),
        ("previous_passive", flag(was_passive)),
        ("passive_to_active", flag(was_passive && active(start, end))),
        ("learning_seconds", spent(acts, start, end)),
        ("sessions", count(sessions)),
        ("assigned", count(required.iter().filter(|row| in_period(row.assigned_at)).count())),
        ("due", count(due.len())),
        ("due_completed", count(due.iter().filter(|row| row.completed_at.is_some_and(|at| local(at) < end)).count())),
        (
            "due_completed_on_time",
            count(due.iter().filter(|row| row.completed_at.zip(row.due_at).is_some_and(|(at, due)| at <= due)).count()),
        ),
        ("completions", count(completed.len())),
        ("last_day_completions", count(completed.iter().filter(day_before_due).count())),
        ("checkbox_completions", count(completed.iter().filter(day_before_due).filter(|row| row.hasty).count())),
    ])
}

type Scope = (String, String);

/// Measures by scope of one period.
type Expected = BTreeMap<Scope, BTreeMap<&'static str, i64>>;

/// Every scope's figures of a period.
fn expected(
    company: &Company<'_>,
    grain: &str,
    start: NaiveDate,
    end: NaiveDate,
) -> BTreeMap<Scope, BTreeMap<&'static str, i64>> {
    let mut scopes: BTreeMap<Scope, BTreeMap<&'static str, i64>> = BTreeMap::new();
    for worker in company.workers.keys() {
        let Some(place) = company.place(worker, start, end) else { continue };
        let own = measures(company, worker, grain, start, end);
        let value = |name: &str| if place[name].is_empty() { "unknown".to_owned() } else { place[name].to_owned() };
        let mut member_of: Vec<Scope> =
            ["leader_band", "location", "function"].map(|kind| (kind.to_owned(), value(kind))).to_vec();
        member_of.push(("company".into(), "all".into()));
        member_of.extend(
            company.units_above(place["org_id"], end).into_iter().map(|unit| ("org".to_owned(), unit.to_owned())),
        );
        for scope in member_of {
            let sums = scopes.entry(scope).or_default();
            own.iter().for_each(|(name, value)| *sums.entry(name).or_default() += value);
        }
    }
    scopes
}

fn published(rounding: &'static str) -> (Vec<Delivery>, Vec<Row>) {
    let deliveries = company::deliveries(&PLAN);
    let policy =
        if rounding == "1" { Setup::default().policy } else { "smallest_group = 1\nsmallest_group_manager = 1" };
    let world = World::with(Setup { policy, ..Setup::default() });
    for delivery in &deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly(&company::end(&PLAN).to_string());
    (deliveries, world.table("marts/adoption_kpis"))
}

/// Compares every shown cell with `agrees(column, shown, expected, headcount)`; gives shown and withheld cells by column.
fn compare(
    deliveries: &[Delivery],
    rows: &[Row],
    agrees: &dyn Fn(&str, i64, i64, i64) -> bool,
) -> BTreeMap<&'static str, (usize, usize)> {
    let company = read(deliveries);
    let mut tally: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut known: BTreeMap<(String, NaiveDate), Expected> = BTreeMap::new();
    for row in rows {
        let (grain, start, end) = (
            row["grain"].clone(),
            date(&row["period_start"]).expect("a day"),
            date(&row["period_end"]).expect("a day"),
        );
        let scopes = known.entry((grain.clone(), start)).or_insert_with(|| expected(&company, &grain, start, end));
        let Some(sums) = scopes.get_mut(&(row["scope_kind"].clone(), row["scope_id"].clone())) else {
            assert_eq!(row["status"], "withheld", "nobody is in this scope: {row:?}");
            continue;
        };
        let headcount = sums["headcount"];
        if row["scope_kind"] == "company" {
            let unmatched = company.unmatched.iter().filter(|day| start <= **day && **day < end).count();
            sums.insert("unmatched_events", unmatched as i64);
        }
        for (name, expected) in std::mem::take(sums) {
            let cell = &row[name];
            if grain == "day" && name == "daily_active_sum" {
                assert_eq!(cell, "", "the column speaks of weeks and longer");
                continue;
            }
            let (shown, withheld) = tally.entry(name).or_default();
            if cell.is_empty() {
                *withheld += 1;
            } else {
                *shown += usize::from(expected > 0);
                if !agrees(name, cell.parse().expect("a count"), expected, headcount) {
                    wrong.push(format!(
                        "{grain} {start} {} {}: {name} is {cell}, expected from {expected} of {headcount}",
                        row["scope_kind"], row["scope_id"]
                    ));
                }
            }
        }
    }
    assert!(known.values().all(|scopes| scopes.values().all(BTreeMap::is_empty)), "every scope with people has a row");
    assert!(
        wrong.is_empty(),
        "{} cells, e.g.\n{}",
        wrong.len(),
        wrong.iter().take(25).cloned().collect::<Vec<_>>().join("\n")
    );
    tally
}

/// Three significant digits.
fn close(shown: i64, expected: i64) -> bool {
    (shown - expected).abs() as f64 <= 0.005 * expected as f64 + 0.5
}

#[test]
fn every_figure_of_every_grain_and_scope_is_what_its_definition_says() {
    let (deliveries, rows) = published("1");
    let tally = compare(&deliveries, &rows, &|name, shown, expected, _| match name {
        "learning_seconds" => close(shown, expected),
        _ => shown == expected,
    });
    assert_eq!(tally.len(), 22, "{tally:?}");
    for (name, (shown, withheld)) in &tally {
        assert!(*shown >= 5, "{name}: only {shown} cells above 0 were compared, {withheld} withheld");
    }
    let periods: BTreeSet<(&str, &str)> =
        rows.iter().map(|row| (row["grain"].as_str(), row["period_start"].as_str())).collect();
    let of = |grain: &str| periods.iter().filter(|(this, _)| *this == grain).count();
    let days = (company::end(&PLAN) - company::start()).num_days() as usize + 1;
    assert!(of("day") >= days - 1 && of("day") <= days, "{} days of {days}", of("day"));
    assert_eq!((of("week"), of("month"), of("quarter")), (7, 3, 2));
}

#[test]
fn rounded_counts_are_multiples_of_five_near_the_truth_and_never_prove_that_all_took_part() {
    let (deliveries, rows) = published("5");
    let people = [
        "visitors",
        "passive_learners",
        "active_learners",
        "contributors",
        "newly_activated",
        "activated_to_date",
        "not_yet_activated_at_start",
        "active_28d",
        "previous_passive",
        "passive_to_active",
    ];
    compare(&deliveries, &rows, &|name, shown, expected, headcount| match name {
        "headcount" => shown == expected,
        "learning_seconds" => close(shown, expected),
        _ if people.contains(&name) => shown == ((expected + 2) / 5 * 5).min(headcount / 5 * 5),
        _ => shown % 5 == 0 && (shown - expected).abs() <= 2,
    });
}

#[test]
fn rates_are_shown_parts_over_shown_parts() {
    let (_, rows) = published("1");
    let by_scope: BTreeMap<(&str, &str, &str, &str), &Row> = rows
        .iter()
        .map(|row| ((&*row["grain"], &*row["period_start"], &*row["scope_kind"], &*row["scope_id"]), row))
        .collect();
    let number = |row: &Row, name: &str| row[name].parse::<f64>().ok();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let parts = [
        ("active_rate", "active_learners", "headcount"),
        ("activation_rate", "activated_to_date", "headcount"),
        ("adoption_velocity", "newly_activated", "headcount"),
        ("activation_hazard", "newly_activated", "not_yet_activated_at_start"),
        ("average_daily_active", "daily_active_sum", "working_days"),
        ("passive_to_active_rate", "passive_to_active", "previous_passive"),
        ("completion_rate", "due_completed", "due"),
        ("on_time_rate", "due_completed_on_time", "due"),
        ("completions_per_active", "completions", "active_learners"),
        ("checkbox_share", "checkbox_completions", "completions"),
    ];
    let mut seen = BTreeMap::new();
    let mut changes = 0;
    for row in &rows {
        for (rate, above, below) in parts {
            match (number(row, rate), number(row, above), number(row, below)) {
                (Some(rate_shown), Some(above), Some(below)) => {
                    assert!(near(rate_shown, above / below), "{rate}: {row:?}");
                    *seen.entry(rate).or_insert(0) += 1;
                }
                // Without a part or a denominator there is no rate, never 0.
                (None, above, below) => {
                    assert!(above.is_none() || below.is_none() || below == Some(0.0), "{rate}: {row:?}")
                }
                (Some(_), ..) => panic!("{rate} of hidden parts: {row:?}"),
            }
        }
        if let (Some(active), Some(people)) = (number(row, "active_learners"), number(row, "headcount")) {
            let (z, p) = (1.959_963_984_540_054_f64, active / people);
            let middle = (p + z * z / (2.0 * people)) / (1.0 + z * z / people);
            let half = z / (1.0 + z * z / people) * (p * (1.0 - p) / people + z * z / (4.0 * people * people)).sqrt();
            assert!(near(number(row, "active_rate_low").expect("a bound"), (middle - half).max(0.0)), "{row:?}");
            assert!(near(number(row, "active_rate_high").expect("a bound"), (middle + half).min(1.0)), "{row:?}");
        }
        let (start, _) = before(&row["grain"], date(&row["period_start"]).expect("a day"));
        let start = start.to_string();
        let earlier = by_scope.get(&(&*row["grain"], &*start, &*row["scope_kind"], &*row["scope_id"]));
        let rate_before = earlier.and_then(|row| number(row, "active_rate"));
        match (number(row, "active_rate_change_points"), number(row, "active_rate"), rate_before) {
            (Some(change), Some(now), Some(was)) => {
                assert!(near(change, (now - was) * 100.0), "{row:?}");
                changes += 1;
            }
            (None, now, was) => assert!(now.is_none() || was.is_none(), "{row:?}"),
            (Some(_), ..) => panic!("a change against nothing: {row:?}"),
        }
    }
    assert!(seen.len() == parts.len() && changes > 50, "{seen:?} {changes}");
}

#[test]
fn each_scope_kind_splits_the_company_once() {
    let (_, rows) = published("1");
    let mut sums: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
    let mut companies: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for row in &rows {
        let people = row["headcount"].parse::<i64>().unwrap_or(0);
        let period = (row["grain"].as_str(), row["period_start"].as_str());
        match row["scope_kind"].as_str() {
            "company" => drop(companies.insert(period, people)),
            "org" if row["scope_id"] != "co" => {}
            kind => *sums.entry((period.0, period.1, kind)).or_default() += people,
        }
    }
    assert!(companies.len() > 50);
    for ((grain, start, kind), people) in sums {
        assert_eq!(people, companies[&(grain, start)], "{grain} {start} {kind}");
    }
}
