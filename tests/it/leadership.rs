//! `leadership_kpis` and `knowledge_sharing` against sets taken straight from the deliveries of a company whose people post, credit,
//! react, search and pass messages on. Nothing here uses the product's own canon, rollup or calendar.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};

use crate::community;
use crate::company::{self, Delivery, Plan};
use crate::numbers::{self, Company, Fields, date, instant, local};
use crate::world::{CANONICAL, Row, Setup, World, difference};

const PLAN: Plan = Plan { workers: 100, weeks: 9, seed: 23, bad_rows: false };

fn feeds() -> Vec<&'static str> {
    CANONICAL.iter().copied().chain(["canonical_events"]).collect()
}

fn published(policy: &'static str) -> (Vec<Delivery>, World) {
    let deliveries = community::deliveries(&PLAN);
    let world = World::with(Setup { feeds: feeds(), policy, ..Setup::default() });
    for delivery in &deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly(&company::end(&PLAN).to_string());
    (deliveries, world)
}

const BARE: &str = "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1";

// ---- what the deliveries say ----

struct Post<'a> {
    worker: &'a str,
    day: NaiveDate,
    kind: &'a str,
    topics: BTreeSet<String>,
    sought: BTreeSet<String>,
    credited: BTreeSet<&'a str>,
    minutes: i64,
    is_closed: bool,
    has_owner: bool,
    is_tagged: bool,
    is_first: bool,
}

struct Facts<'a> {
    company: Company<'a>,
    posts: Vec<Post<'a>>,
    /// (day, who reacted, whose contribution).
    reactions: Vec<(NaiveDate, &'a str, &'a str)>,
    /// (day, who looked, topic).
    looked: Vec<(NaiveDate, &'a str, String)>,
    events: Vec<Fields<'a>>,
}

fn parts(text: &str) -> Vec<&str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn topics(text: &str) -> BTreeSet<String> {
    parts(text).into_iter().map(str::to_lowercase).collect()
}

fn read(deliveries: &[Delivery]) -> Facts<'_> {
    let company = numbers::read(deliveries);
    // Bands never change in this company; whoever is never eligible leads nobody.
    let leads = |worker: &str| {
        company.workers[worker]
            .iter()
            .any(|row| row["worker_type"] == "employee" && row["status"] == "active" && row["leader_band"] != "ic")
    };
    let content: BTreeMap<&str, Fields<'_>> =
        numbers::snapshot(deliveries, "content").into_iter().map(|row| (row["content_id"], row)).collect();
    let mut rows: Vec<Fields<'_>> = numbers::stated(deliveries, "contributions", &["contribution_id"])
        .into_iter()
        .filter(|row| row["deleted_at"].is_empty())
        .collect();
    let at = |row: &Fields<'_>| instant(row["created_at"]).expect("an instant");
    rows.sort_by_key(|row| (at(row), row["contribution_id"]));
    let by_id: BTreeMap<&str, &Fields<'_>> = rows.iter().map(|row| (row["contribution_id"], row)).collect();
    let mut posts: Vec<Post<'_>> = Vec::new();
    let mut texts: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in &rows {
        let day = local(at(row));
        let Some(worker) = company.worker(row["author_id"], day) else { continue };
        if !row["body_hash"].is_empty() && !texts.insert((worker, row["body_hash"])) {
            continue;
        }
        let children = |kind: &'static str| {
            rows.iter().filter(move |other| other["parent_id"] == row["contribution_id"] && other["kind"] == kind)
        };
        let in_time = |other: &Fields<'_>| at(other) >= at(row) && local(at(other)) <= day + Days::new(7);
        let sought = match row["kind"] {
            "comment" => by_id.get(row["parent_id"]).map(|parent| topics(parent["topics"])).unwrap_or_default(),
            "post" if children("answer").next().is_some() => topics(row["topics"]),
            _ => BTreeSet::new(),
        };
        let item = content.get(row["content_id"]);
        posts.push(Post {
            worker,
            day,
            kind: row["kind"],
            topics: topics(row["topics"]),
            sought,
            credited: parts(row["credited_ids"])
                .into_iter()
                .filter_map(|user| company.worker(user, day))
                .filter(|expert| *expert != worker && !leads(expert))
                .collect(),
            minutes: row["minutes"].parse().unwrap_or(0),
            is_closed: row["kind"] == "ama" && children("qa_summary").any(in_time),
            has_owner: item.is_some_and(|item| !item["owner_id"].is_empty()),
            is_tagged: item.is_some_and(|item| !item["role_tags"].is_empty()),
            is_first: posts.iter().all(|before| before.worker != worker),
        });
    }
    let reactions = numbers::stated(deliveries, "reactions", &["reaction_id"])
        .into_iter()
        .filter(|row| row["revoked_at"].is_empty())
        .filter_map(|row| {
            let day = local(instant(row["occurred_at"])?);
            let item = by_id.get(row["contribution_id"]).filter(|item| local(at(item)) <= day)?;
            let (who, whose) =
                (company.worker(row["actor_id"], day)?, company.worker(item["author_id"], local(at(item)))?);
            (who != whose && !leads(whose)).then_some((day, who, whose))
        })
        .collect();
    let events = numbers::stated(deliveries, "activity", &["event_id"]);
    let voided: BTreeSet<&str> = events.iter().map(|row| row["voids_event_id"]).filter(|id| !id.is_empty()).collect();
    let mut looked = Vec::new();
    for row in events.iter().filter(|row| !voided.contains(row["event_id"])) {
        let day = local(instant(row["occurred_at"]).expect("an instant"));
        if !["viewed", "searched", "commented"].contains(&row["verb"]) {
            continue;
        }
        let item = content
            .get(row["object_id"])
            .filter(|item| instant(item["published_at"]).is_none_or(|published| local(published) <= day));
        if let (Some(item), Some(worker)) = (item, company.worker(row["user_id"], day)) {
            looked.extend(topics(item["topics"]).into_iter().map(|topic| (day, worker, topic)));
        }
    }
    let mut governance = numbers::stated(deliveries, "events", &["event_id"]);
    governance.sort_by_key(|row| (row["held_on"], row["event_id"]));
    Facts { company, posts, reactions, looked, events: governance }
}

fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.weekday().num_days_from_monday()))
}

type Scope = (String, String);

/// A period, cut at the horizon.
#[derive(Clone, Copy)]
struct When {
    start: NaiveDate,
    end: NaiveDate,
    /// The end of the whole period.
    whole: NaiveDate,
}

/// Who is in which scope.
fn scopes(facts: &Facts<'_>, When { start, end, .. }: When, leaders_alone: bool) -> BTreeMap<Scope, Vec<String>> {
    let mut scopes: BTreeMap<Scope, Vec<String>> = BTreeMap::new();
    for worker in facts.company.workers.keys() {
        let Some(place) = facts.company.place(worker, start, end) else { continue };
        if leaders_alone && place["leader_band"] == "ic" {
            continue;
        }
        let value = |name: &str| if place[name].is_empty() { "unknown".to_owned() } else { place[name].to_owned() };
        let mut of: Vec<Scope> =
            ["leader_band", "location", "function"].map(|kind| (kind.to_owned(), value(kind))).to_vec();
        of.push(("company".into(), "all".into()));
        of.extend(facts.company.units_above(place["org_id"], end).into_iter().map(|unit| ("org".into(), unit.into())));
        for scope in of {
            scopes.entry(scope).or_default().push((*worker).to_owned());
        }
    }
    scopes
}

type Cells = BTreeMap<&'static str, f64>;

/// What a row of `leadership_kpis` must say of some leaders.
fn of_leaders(facts: &Facts<'_>, scope: &Scope, leaders: &[String], when: When) -> Cells {
    let When { start, end, whole } = when;
    let within = |day: NaiveDate| start <= day && day < end;
    let own = |worker: &str| -> Vec<&Post<'_>> {
        let stands = |post: &&Post<'_>| post.worker == worker && !["answer", "comment"].contains(&post.kind);
        facts.posts.iter().filter(stands).collect()
    };
    let posts: Vec<&Post<'_>> = leaders.iter().flat_map(|leader| own(leader)).filter(|post| within(post.day)).collect();
    let count = |is: &dyn Fn(&Post<'_>) -> bool| posts.iter().filter(|post| is(post)).count() as f64;
    let people = |is: &dyn Fn(&str) -> bool| leaders.iter().filter(|leader| is(leader)).count() as f64;
    let last_week = monday(end - Days::new(1));
    let habit = |leader: &str| {
        let weeks: BTreeSet<NaiveDate> = own(leader)
            .into_iter()
            .map(|post| post.day)
            .filter(|day| *day < end)
            .map(monday)
            .filter(|week| *week + Days::new(49) >= last_week)
            .collect();
        weeks.len() >= 4
    };
    let mut leader_weeks = (0.0, 0.0);
    for leader in leaders {
        for week in monday(start).iter_days().step_by(7).take_while(|week| *week < end) {
            let sunday = week + Days::new(6);
            let ends_in = start <= sunday && sunday < whole;
            let eligible = facts.company.place(leader, week.max(start), (week + Days::new(7)).min(end)).is_some();
            if ends_in && eligible {
                let minutes: i64 = own(leader)
                    .into_iter()
                    .filter(|post| monday(post.day) == week && post.day < end)
                    .map(|post| post.minutes)
                    .sum();
                leader_weeks.0 += 1.0;
                leader_weeks.1 += f64::from((15..=30).contains(&minutes));
            }
        }
    }
    let reactions: Vec<&str> = facts
        .reactions
        .iter()
        .filter(|(day, who, _)| within(*day) && leaders.iter().any(|leader| leader == who))
        .map(|(.., whose)| *whose)
        .collect();
    let credited: BTreeSet<&str> = posts.iter().flat_map(|post| post.credited.iter().copied()).collect();
    let mut functions: BTreeMap<&str, (BTreeSet<&str>, f64)> = BTreeMap::new();
    for post in &posts {
        let place = facts.company.place(post.worker, start, end).expect("a place");
        let of = functions.entry(place["function"]).or_default();
        of.0.insert(post.worker);
        of.1 += 1.0;
    }
    let window = start.min(end - Days::new(14));
    let held = |kind: &'static str, from: NaiveDate| {
        facts
            .events
            .iter()
            .filter(move |row| row["kind"] == kind && date(row["held_on"]).is_some_and(|day| from <= day && day < end))
    };
    let chain = |leader: &str| -> BTreeSet<&str> {
        let place = facts.company.place(leader, start, end).expect("a place");
        let mut all: BTreeSet<&str> = facts.company.units_above(place["org_id"], end).into_iter().collect();
        all.extend([place["function"], place["location"], place["leader_band"], "", "all"]);
        all
    };
    let has_reports = |leader: &str| {
        facts.company.workers.keys().any(|worker| {
            *worker != leader && facts.company.place(worker, start, end).is_some_and(|row| row["manager_id"] == leader)
        })
    };
    let addressed = |leader: &str| {
        has_reports(leader) && held("message", window).any(|row| chain(leader).contains(row["scope_id"]))
    };
    let passed = |leader: &str| held("message_cascade", window).any(|row| row["owner_id"] == leader);
    let mut cells = Cells::from([
        ("leaders", leaders.len() as f64),
        ("leaders_posting", people(&|leader| posts.iter().any(|post| post.worker == leader))),
        ("leaders_learning", people(&|leader| facts.company.learns(leader, start, end))),
        ("leaders_with_habit", people(&habit)),
        ("leader_posts", posts.len() as f64),
        ("micro_lessons", count(&|post| post.kind == "micro_lesson")),
        ("amas", count(&|post| post.kind == "ama")),
        ("amas_closed", count(&|post| post.is_closed)),
        ("playbooks", count(&|post| post.kind == "playbook")),
        ("playbooks_with_owner", count(&|post| post.kind == "playbook" && post.has_owner)),
        ("playbooks_tagged", count(&|post| post.kind == "playbook" && post.is_tagged)),
        ("posts", count(&|post| post.kind == "post")),
        ("crediting_posts", count(&|post| !post.credited.is_empty())),
        ("credited_smes", credited.len() as f64),
        ("reactions_to_sme", reactions.len() as f64),
        ("sme_authors_reached", reactions.iter().collect::<BTreeSet<_>>().len() as f64),
        ("functions_posting", functions.len() as f64),
        ("minutes_shared", posts.iter().map(|post| post.minutes).sum::<i64>() as f64),
        ("leader_weeks", leader_weeks.0),
        ("leader_weeks_in_band", leader_weeks.1),
        ("managers_addressed", people(&addressed)),
        ("managers_cascading", people(&|leader| addressed(leader) && passed(leader))),
    ]);
    if let Some(largest) = functions.values().map(|of| of.1).reduce(f64::max) {
        cells.insert("largest_function_share", largest / posts.len() as f64);
    }
    if scope.0 == "company" || scope.0 == "org" {
        cells.extend(voice(facts, scope, leaders, when));
    }
    let rates = [
        ("leaders_posting_rate", "leaders_posting", "leaders"),
        ("leaders_learning_rate", "leaders_learning", "leaders"),
        ("credit_rate", "crediting_posts", "leader_posts"),
        ("in_band_rate", "leader_weeks_in_band", "leader_weeks"),
        ("cascade_coverage", "managers_cascading", "managers_addressed"),
    ];
    for (rate, above, below) in rates {
        if cells[below] > 0.0 {
            cells.insert(rate, cells[above] / cells[below]);
        }
    }
    cells
}

/// Sponsors and messages of the company or a unit.
fn voice(facts: &Facts<'_>, scope: &Scope, leaders: &[String], When { start, end, .. }: When) -> Cells {
    let day = |row: &Fields<'_>| date(row["held_on"]).expect("a day");
    let before: Vec<&Fields<'_>> = facts.events.iter().filter(|row| day(row) < end).collect();
    let within = |unit: &str| {
        scope.0 == "company"
            || (!unit.is_empty() && unit != "all" && facts.company.units_above(owned(unit), end).contains(&&*scope.1))
    };
    let mut sponsors: BTreeSet<&str> = before
        .iter()
        .filter(|row| row["kind"] == "plan_start" && row["role"] == "sponsor" && within(row["scope_id"]))
        .map(|row| row["owner_id"])
        .filter(|owner| facts.company.place(owner, start, end).is_some_and(|place| place["leader_band"] != "ic"))
        .collect();
    let is_executive =
        |leader: &&String| facts.company.place(leader, start, end).expect("a place")["leader_band"] == "executive";
    sponsors.extend(leaders.iter().filter(is_executive).map(String::as_str));
    let acts = sponsors.iter().flat_map(|sponsor| {
        let posts = facts.posts.iter().filter(|post| post.worker == *sponsor && post.day < end).map(|post| post.day);
        posts.chain(before.iter().filter(|row| row["owner_id"] == *sponsor).map(|row| day(row))).collect::<Vec<_>>()
    });
    let last = acts.max();
    let mut latest: BTreeMap<(&str, &str), NaiveDate> = BTreeMap::new();
    for row in before.iter().filter(|row| row["kind"] == "message") {
        latest.insert((row["scope_id"], row["subject"]), day(row));
    }
    let stale = latest.iter().filter(|((unit, subject), sent)| {
        let decided =
            before.iter().any(|row| row["kind"] == "decision" && row["subject"] == *subject && day(row) >= **sent);
        within(unit) && !decided && (end - **sent).num_days() > 31
    });
    let mut cells = Cells::from([("stale_messaging", stale.count() as f64)]);
    if !sponsors.is_empty() {
        cells.insert("sponsor_active", f64::from(last.is_some_and(|day| day >= start)));
    }
    if let Some(last) = last {
        cells.insert("days_since_sponsor_action", (end - last).num_days() as f64 - 1.0);
    }
    cells
}

/// The units of the company live as long as the test.
fn owned(unit: &str) -> &'static str {
    ["co", "a", "a1", "a2", "b", "b1", "c"].into_iter().find(|known| *known == unit).unwrap_or("")
}

/// What a row of `knowledge_sharing` must say of some people.
fn of_people(facts: &Facts<'_>, _: &Scope, people: &[String], When { start, end, .. }: When) -> Cells {
    let within = |day: NaiveDate| start <= day && day < end;
    let is_expert =
        |worker: &str| facts.company.place(worker, start, end).is_some_and(|row| row["leader_band"] == "ic");
    let given: Vec<Vec<&Post<'_>>> = people
        .iter()
        .map(|worker| {
            facts.posts.iter().filter(|post| post.worker == worker && within(post.day) && is_expert(worker)).collect()
        })
        .collect();
    let amounts: Vec<f64> = given.iter().map(|posts| posts.len() as f64).collect();
    let total: f64 = amounts.iter().sum();
    let mut supply: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for post in given.iter().flatten() {
        for topic in &post.topics {
            supply.entry(topic).or_default().insert(post.worker);
        }
    }
    let is_here = |worker: &str| people.iter().any(|known| known == worker);
    let looked =
        facts.looked.iter().filter(|(day, who, _)| within(*day) && is_here(who)).map(|(.., topic)| topic.as_str());
    let asked =
        facts.posts.iter().filter(|post| within(post.day) && is_here(post.worker)).flat_map(|post| &post.sought);
    let demand: BTreeSet<&str> = looked.chain(asked.map(String::as_str)).collect();
    let mut cells = Cells::from([
        ("headcount", people.len() as f64),
        ("active_learners", people.iter().filter(|worker| facts.company.acts(worker, start, end)).count() as f64),
        ("sme_contributions", total),
        ("sme_contributors", amounts.iter().filter(|amount| **amount > 0.0).count() as f64),
        ("first_time_contributors", given.iter().filter(|posts| posts.iter().any(|post| post.is_first)).count() as f64),
        ("topics_supplied", supply.len() as f64),
        ("single_owner_topics", supply.values().filter(|owners| owners.len() == 1).count() as f64),
        ("topics_in_demand", demand.len() as f64),
        ("topics_in_demand_without_supply", demand.iter().filter(|topic| !supply.contains_key(**topic)).count() as f64),
    ]);
    if cells["active_learners"] > 0.0 {
        cells.insert("contributions_per_100_active", 100.0 * total / cells["active_learners"]);
    }
    if !supply.is_empty() {
        cells.insert("single_owner_topic_share", cells["single_owner_topics"] / cells["topics_supplied"]);
    }
    let n = amounts.len() as f64;
    if total > 0.0 && n >= 10.0 {
        let apart: f64 = amounts.iter().flat_map(|a| amounts.iter().map(move |b| (a - b).abs())).sum();
        cells.insert("gini", apart / (2.0 * n * total) * n / (n - 1.0));
        let mut most = amounts.clone();
        most.sort_by(|a, b| b.total_cmp(a));
        cells.insert("top10_percent_share", most.iter().take((n / 10.0).ceil() as usize).sum::<f64>() / total);
    }
    cells
}

// ---- the comparison ----

type Say = fn(&Facts<'_>, &Scope, &[String], When) -> Cells;

/// Every shown cell of the table against what the deliveries say; gives by column how many cells above 0 were compared.
fn compare(facts: &Facts<'_>, rows: &[Row], leaders_alone: bool, say: Say) -> BTreeMap<&'static str, usize> {
    let horizon = company::end(&PLAN) + Days::new(1);
    let mut tally: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut known: BTreeMap<(NaiveDate, NaiveDate), BTreeMap<Scope, Vec<String>>> = BTreeMap::new();
    for row in rows {
        let (start, whole) = (date(&row["period_start"]).expect("a day"), date(&row["period_end"]).expect("a day"));
        let when = When { start, end: whole.min(horizon), whole };
        let members = known.entry((start, whole)).or_insert_with(|| scopes(facts, when, leaders_alone));
        let scope = (row["scope_kind"].clone(), row["scope_id"].clone());
        let Some(people) = members.get(&scope) else {
            assert_eq!(row["status"], "withheld", "nobody is in this scope: {row:?}");
            continue;
        };
        let cells = say(facts, &scope, people, when);
        for (name, shown) in row.iter().filter(|(_, shown)| !shown.is_empty()) {
            let shown = match shown.as_str() {
                "true" if name == "sponsor_active" => 1.0,
                "false" if name == "sponsor_active" => 0.0,
                number => match number.parse::<f64>() {
                    Ok(number) if !["scope_id", "period_start", "period_end"].contains(&name.as_str()) => number,
                    _ => continue,
                },
            };
            if name.contains("change") {
                continue;
            }
            let near =
                |a: f64, b: f64| (a - b).abs() < 1e-9 || (name == "minutes_shared" && (a - b).abs() <= 0.005 * b + 0.5);
            match cells.get_key_value(name.as_str()) {
                Some((key, expected)) if near(shown, *expected) => {
                    *tally.entry(key).or_default() += usize::from(*expected > 0.0);
                }
                expected => {
                    wrong.push(format!("{} {start} {scope:?}: {name} is {shown}, expected {expected:?}", row["grain"]))
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cells, e.g.\n{}",
        wrong.len(),
        wrong.iter().take(25).cloned().collect::<Vec<_>>().join("\n")
    );
    tally
}

#[test]
fn every_figure_about_leaders_is_what_its_definition_says() {
    let (deliveries, world) = published(BARE);
    let tally = compare(&read(&deliveries), &world.table("marts/leadership_kpis"), true, of_leaders);
    assert_eq!(tally.len(), 31, "{tally:?}");
    assert!(tally.values().all(|cells| *cells >= 5), "{tally:?}");
}

#[test]
fn every_figure_about_what_is_shared_is_what_its_definition_says() {
    let (deliveries, world) = published(BARE);
    let rows = world.table("marts/knowledge_sharing");
    let tally = compare(&read(&deliveries), &rows, false, of_people);
    assert_eq!(tally.len(), 13, "{tally:?}");
    assert!(tally.values().all(|cells| *cells >= 5), "{tally:?}");
    changes(&rows);
}

/// Changes are shown figures less shown figures; growth from nothing has no rate.
fn changes(rows: &[Row]) {
    let key = |row: &Row, start: &str| {
        (row["grain"].clone(), start.to_owned(), row["scope_kind"].clone(), row["scope_id"].clone())
    };
    let shown: BTreeMap<_, i64> = rows
        .iter()
        .filter_map(|row| Some((key(row, &row["period_start"]), row["sme_contributions"].parse().ok()?)))
        .collect();
    let mut compared = 0;
    for row in rows {
        let start = date(&row["period_start"]).expect("a day");
        let months = |n: u32| start - chrono::Months::new(n);
        let before = match row["grain"].as_str() {
            "week" => start - Days::new(7),
            "month" => months(1),
            _ => months(3),
        };
        let now = shown.get(&key(row, &row["period_start"]));
        let was = shown.get(&key(row, &before.to_string()));
        let change = now.zip(was).map(|(now, was)| now - was);
        assert_eq!(
            row["sme_contributions_change"],
            change.map_or(String::new(), |change| change.to_string()),
            "{row:?}"
        );
        let rate = change.zip(was.filter(|was| **was > 0)).map(|(change, was)| change as f64 / *was as f64);
        match (row["sme_contributions_change_rate"].parse::<f64>(), rate) {
            (Ok(shown), Some(rate)) => {
                assert!((shown - rate).abs() < 1e-12, "{row:?}");
                compared += 1;
            }
            (shown, rate) => assert!(shown.is_err() && rate.is_none(), "{row:?}"),
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn small_groups_of_leaders_and_their_statistics_are_hidden() {
    let (_, world) = published("");
    let rows = world.table("marts/leadership_kpis");
    let number = |row: &Row, name: &str| row[name].parse::<f64>().ok();
    let mut shown = 0;
    for row in &rows {
        if row["status"] == "withheld" {
            let figures = row.iter().filter(|(name, _)| {
                !["grain", "period_start", "period_end", "scope_kind", "scope_id", "is_complete", "status"]
                    .contains(&name.as_str())
            });
            assert!(figures.into_iter().all(|(_, cell)| cell.is_empty()), "{row:?}");
            continue;
        }
        shown += 1;
        assert!(number(row, "leaders").is_some_and(|leaders| leaders >= 5.0), "{row:?}");
        for name in ["leaders_posting", "leader_posts", "credited_smes", "sme_authors_reached", "managers_cascading"] {
            assert!(number(row, name).is_none_or(|count| count % 5.0 == 0.0), "{name}: {row:?}");
        }
        for (statistic, of) in [
            ("credited_smes", "crediting_posts"),
            ("sme_authors_reached", "reactions_to_sme"),
            ("functions_posting", "leaders_posting"),
            ("largest_function_share", "leader_posts"),
        ] {
            assert!(row[statistic].is_empty() || !row[of].is_empty(), "{statistic} without {of}: {row:?}");
        }
        // One executive is not five: only who said so by a plan is spoken of.
        let by_plan = row["scope_kind"] == "company" || ["b", "co"].contains(&row["scope_id"].as_str());
        assert!(row["sponsor_active"].is_empty() || by_plan, "{row:?}");
    }
    assert!(shown > 20, "{shown}");
    for row in world.table("marts/knowledge_sharing") {
        let too_few = number(&row, "headcount").is_none_or(|people| people < 41.0);
        assert!(row["top10_percent_share"].is_empty() || !too_few, "a tenth of fewer than 41 is fewer than 5: {row:?}");
        assert!(row["gini"].is_empty() || !row["sme_contributions"].is_empty(), "{row:?}");
    }
}

#[test]
fn a_late_message_touches_the_weeks_in_which_it_waits_for_an_update_and_no_other_table() {
    let (_, world) = published(BARE);
    let end = company::end(&PLAN).to_string();
    let before = world.files();
    // Sent on the 9th of March, when there was one to everybody anyway: stale from the week of the 6th of April on.
    world.deliver(
        &format!("late/events_{end}.csv"),
        "event_id,kind,held_on,owner_id,scope_id,subject,role\nlate,message,2026-03-09,w000,,another,\n",
    );
    world.nightly(&end);
    let changed = difference(&before, &world.files());
    let touched = |part: &str| changed.iter().any(|line| line.contains(part));
    assert!(touched("leadership_kpis/week-2026-04") && touched("leadership_kpis/month-2026"), "{changed:#?}");
    assert!(!touched("week-2026-02") && !touched("week-2026-03"), "{changed:#?}");
    assert!(
        changed.iter().all(|line| line.contains("leadership_kpis") || line.contains("canon/data/events")),
        "{changed:#?}"
    );
}

#[test]
fn a_job_without_contributions_says_that_there_is_no_table() {
    let world = World::new();
    for delivery in company::deliveries(&Plan { workers: 30, weeks: 2, seed: 1, bad_rows: false }) {
        if !delivery.path.contains("contributions") {
            world.deliver(&delivery.path, &delivery.text);
        }
    }
    let report = world.nightly("2026-03-10");
    let said = |table: &str| report.remarks.iter().any(|line| line.starts_with(&format!("{table} is not published")));
    assert!(said("leadership_kpis") && said("knowledge_sharing"), "{:?}", report.remarks);
    assert!(world.table("marts/leadership_kpis").is_empty() && !world.table("marts/adoption_kpis").is_empty());
}

#[test]
fn any_order_of_a_communitys_deliveries_ends_in_the_same_bytes() {
    let plan = Plan { workers: 40, weeks: 5, seed: 7, bad_rows: false };
    let deliveries = community::deliveries(&plan);
    let end = company::end(&plan).to_string();
    let setup = Setup { feeds: feeds(), ..Setup::default() };
    let at_once = World::with(setup.clone());
    deliveries.iter().for_each(|delivery| at_once.deliver(&delivery.path, &delivery.text));
    at_once.nightly(&end);
    for seed in 0..3 {
        let mut order: Vec<&Delivery> = deliveries.iter().collect();
        company::Dice::new(seed).shuffle(&mut order);
        let world = World::with(setup.clone());
        for night in order.chunks(order.len().div_ceil(4)) {
            night.iter().for_each(|delivery| world.deliver(&delivery.path, &delivery.text));
            let as_of = night.iter().map(|delivery| delivery.made_on).max().expect("a delivery") + Days::new(1);
            world.nightly(&as_of.to_string());
        }
        world.nightly(&end);
        let wrong = difference(&at_once.files(), &world.files());
        assert!(wrong.is_empty(), "order {seed}: {wrong:#?}");
    }
}
