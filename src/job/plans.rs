//! Plans of leaders as data: steps with due windows, the rule that recognises the evidence, who follows them and from when.
//!
//! A plan file holds a plan (`name`, `[[steps]]`), the leaders who follow one (`[[leaders]]`), or both. As written it is a
//! [`PlanFile`], as meant a [`Plan`]: steps that repeat every few weeks are spelled out, every kind is one the canon knows, and
//! each leader follows a plan once.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Deserialize;

use self::steps::StepFile;
use super::JobError;
use crate::contract::Catalog;
use crate::period::{Day, day_of};

mod steps;

/// A plan and the leaders whom the configuration names. More may start it by an event `plan_start` with its name as subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub name: String,
    pub description: String,
    /// A leader keeps the cadence who posts in every run of so many weeks.
    pub cadence_weeks: i32,
    /// In the order in which they fall due.
    pub steps: Vec<Step>,
    pub leaders: Vec<Leader>,
}

/// One step, due in a window of days after the leader's start.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub id: String,
    /// The id in the file: steps that repeat share it.
    pub of: String,
    pub title: String,
    /// Days after the start, both inclusive; the start is day 0.
    pub from: i32,
    pub to: i32,
    /// So many days before the window evidence counts as well: being early is being on time.
    pub early_days: i32,
    pub weight: i64,
    /// Who answers for the step: a role, not a person.
    pub owner: String,
    pub rule: Rule,
}

/// What recognises the evidence of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub source: Source,
    /// Any of these kinds.
    pub kinds: Vec<String>,
    /// So many acts complete the step.
    pub at_least: usize,
    pub minutes_at_least: Option<i64>,
    pub minutes_at_most: Option<i64>,
    pub words_at_most: Option<i64>,
    /// Each post credits so many experts.
    pub credits_smes: usize,
    /// Each post has an answer, of a kind and within so many days, whoever wrote it: the summary of an AMA.
    pub child: Option<Child>,
    /// The content it became names the roles it is meant for.
    pub role_tags: bool,
    /// Who keeps the content it became.
    pub owner: Option<ContentOwner>,
    /// Only reactions to what experts wrote; one item counts once, at the first.
    pub on_sme_items: bool,
    /// The leader also commented on the item.
    pub with_comment: bool,
    pub subject: Option<String>,
    pub role: Option<String>,
    /// The event says where it is documented.
    pub documented: bool,
    /// The acts together credit or answer experts of so many business functions.
    pub distinct_functions: usize,
    /// For steps that repeat: each credits or answers a function that none of the others did.
    pub rotates_functions: bool,
}

/// Where the evidence is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Contributions the leader wrote.
    Post,
    /// The leader's reactions to the contributions of others.
    Reaction,
    /// Governance events that the leader owns.
    Event,
    /// Content that the leader completed.
    Completion,
}

impl Source {
    /// The key of the file, and the canon table whose `kind` it lists.
    const ALL: [(Source, &'static str, &'static str); 4] = [
        (Source::Post, "post", "contributions"),
        (Source::Reaction, "reaction", "reactions"),
        (Source::Event, "event", "events"),
        (Source::Completion, "completion", "content"),
    ];
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    pub kinds: Vec<String>,
    pub within_days: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentOwner {
    Anybody,
    Sme,
}

/// Who follows a plan, from when, and which steps are waived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// A worker id as the HRIS writes it; whoever compares it with canon rows makes it a pseudonym first.
    pub worker: String,
    pub start: Day,
    /// Ids of steps, spelled out.
    pub waived: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    name: Option<String>,
    description: Option<String>,
    cadence_weeks: Option<i32>,
    #[serde(default)]
    steps: Vec<StepFile>,
    #[serde(default)]
    leaders: Vec<LeaderFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaderFile {
    /// The plan followed; in the file of a plan that plan.
    plan: Option<String>,
    /// A text; a number would lose its leading zeros.
    worker: toml::Value,
    /// A date, bare or in quotes.
    start: toml::Value,
    #[serde(default)]
    waived: Vec<String>,
}

const HINT: &str = "jobs/plans/ holds working plans to copy from, jobs/README.md says what each key means";
/// Parses and validates all plan files of a job, given as (name, text).
///
/// # Errors
/// A file is not TOML, has an unknown key, or says something no plan can mean; the error names the file and the key.
pub fn parse(files: &[(String, String)], catalog: &Catalog) -> Result<Vec<Plan>, JobError> {
    let error = |file: &str, what: String| JobError { place: file.to_owned(), what, hint: HINT.into() };
    let mut plans: Vec<Plan> = Vec::new();
    let mut assigned: Vec<(&str, Option<String>, LeaderFile)> = Vec::new();
    for (file, text) in files {
        let written: PlanFile = toml::from_str(text).map_err(|cause| error(file, where_and_what(text, &cause)))?;
        let name = written.name.clone();
        assigned.extend(written.leaders.into_iter().map(|leader| (file.as_str(), name.clone(), leader)));
        let Some(name) = written.name else {
            let stray = [
                ("steps", !written.steps.is_empty()),
                ("description", written.description.is_some()),
                ("cadence_weeks", written.cadence_weeks.is_some()),
            ];
            if let Some((key, _)) = stray.iter().find(|(_, is_there)| *is_there) {
                return Err(error(file, format!("{key} without name: the plan needs one")));
            }
            continue;
        };
        check_word("name", &name).map_err(|what| error(file, what))?;
        if plans.iter().any(|plan| plan.name == name) {
            return Err(error(file, format!("name: there is already a plan `{name}`")));
        }
        let description = written.description.filter(|text| !text.trim().is_empty());
        let description = description.ok_or_else(|| error(file, "description is missing".into()))?;
        let cadence_weeks = written.cadence_weeks.unwrap_or(1);
        if !(1..=52).contains(&cadence_weeks) {
            return Err(error(file, format!("cadence_weeks = {cadence_weeks}: 1 to 52 weeks")));
        }
        let steps = steps::steps(written.steps, catalog).map_err(|what| error(file, what))?;
        plans.push(Plan { name, description, cadence_weeks, steps, leaders: Vec::new() });
    }
    for (at, (file, own, leader)) in assigned.into_iter().enumerate() {
        assign(&mut plans, own, leader).map_err(|what| error(file, format!("leaders, entry {}: {what}", at + 1)))?;
    }
    plans.sort_by(|a, b| a.name.cmp(&b.name));
    plans.iter_mut().for_each(|plan| plan.leaders.sort_by(|a, b| a.worker.cmp(&b.worker)));
    Ok(plans)
}

/// A parser's complaint with its line number, without the line itself: it may hold the id of a person.
fn where_and_what(text: &str, cause: &toml::de::Error) -> String {
    let before = cause.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, cause.message())
}

/// Adds a leader to the plan the entry names.
fn assign(plans: &mut [Plan], own: Option<String>, leader: LeaderFile) -> Result<(), String> {
    let named = leader.plan.or(own).ok_or("plan is missing: say which plan the leader follows")?;
    let plan = plans.iter_mut().find(|plan| plan.name == named).ok_or(format!("plan: there is no plan `{named}`"))?;
    let worker = leader.worker.as_str().ok_or("worker is not in quotes")?.trim().to_owned();
    if worker.is_empty() {
        return Err("worker is empty".into());
    }
    // The id of a person is never part of a message.
    if plan.leaders.iter().any(|known| known.worker == worker) {
        return Err(format!("worker: the same one is named twice for plan `{named}`"));
    }
    let mut waived = BTreeSet::new();
    for id in leader.waived {
        let meant = plan.steps.iter().filter(|step| step.id == id || step.of == id);
        let before = waived.len();
        waived.extend(meant.map(|step| step.id.clone()));
        if waived.len() == before {
            return Err(format!("waived: plan `{named}` has no step `{id}`, or it is waived twice"));
        }
    }
    let start = match &leader.start {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let date: NaiveDate = start.parse().map_err(|_| format!("start: `{start}` is no date like 2026-01-05"))?;
    plan.leaders.push(Leader { worker, start: day_of(date), waived });
    Ok(())
}

fn check_word(key: &str, word: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if word.is_empty() || !word.chars().all(plain) {
        return Err(format!("{key} `{word}` is not plain: lower-case letters, digits, _ and -"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::date_of;

    fn read(files: &[(&str, &str)]) -> Result<Vec<Plan>, JobError> {
        let files: Vec<(String, String)> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        parse(&files, &Catalog::load().unwrap())
    }

    const PLAN: &str = r#"
name = "sharing"
description = "Two steps."

[[steps]]
id = "lesson"
title = "A lesson"
days = [31, 60]
every_weeks = 2
owner = "leader"
evidence = { post = ["micro_lesson"], minutes_at_most = 5, credits_smes = 1, rotates_functions = true }

[[steps]]
id = "ama"
title = "An AMA and its summary"
days = [15, 21]
early_days = 14
weight = 2
owner = "leader"
evidence = { post = ["ama"], child = { kind = ["qa_summary"], within_days = 7 } }
"#;

    fn refused(plan: &str) -> String {
        let error = read(&[("plans/x.toml", plan)]).unwrap_err();
        assert_eq!(error.place, "plans/x.toml");
        error.what
    }

    #[test]
    fn every_two_weeks_of_a_month_are_two_steps_of_fourteen_days() {
        let plans = read(&[("plans/x.toml", PLAN)]).unwrap();
        let windows: Vec<(&str, i32, i32)> =
            plans[0].steps.iter().map(|step| (step.id.as_str(), step.from, step.to)).collect();
        // Days 59 and 60 are no whole fortnight.
        assert_eq!(windows, [("ama", 14, 20), ("lesson_1", 30, 43), ("lesson_2", 44, 57)]);
        assert_eq!((plans[0].steps[0].weight, plans[0].cadence_weeks), (2, 1));
    }

    #[test]
    fn leaders_stand_in_the_plan_or_in_a_file_of_their_own() {
        let own = format!("{PLAN}\n[[leaders]]\nworker = \"W-2\"\nstart = 2026-01-05\nwaived = [\"lesson\"]\n");
        let other =
            "[[leaders]]\nplan = \"sharing\"\nworker = \" W-1 \"\nstart = \"2026-02-02\"\nwaived = [\"lesson_2\"]\n";
        let plans = read(&[("who.toml", other), ("plan.toml", &own)]).unwrap();
        let leaders: Vec<(&str, String, Vec<&str>)> = plans[0]
            .leaders
            .iter()
            .map(|one| {
                (one.worker.as_str(), date_of(one.start).to_string(), one.waived.iter().map(String::as_str).collect())
            })
            .collect();
        assert_eq!(
            leaders,
            [
                ("W-1", "2026-02-02".into(), vec!["lesson_2"]),
                ("W-2", "2026-01-05".into(), vec!["lesson_1", "lesson_2"])
            ]
        );
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        assert!(refused(&PLAN.replace("early_days", "earlier_days")).contains("earlier_days"));
        assert!(refused(&PLAN.replace("minutes_at_most", "minutes_max")).contains("minutes_max"));
    }

    #[test]
    fn what_no_plan_can_mean_is_refused_with_its_key() {
        for (from, to, says) in [
            ("[15, 21]", "[21, 15]", "step `ama`: days"),
            ("[15, 21]", "[0, 21]", "step `ama`: days"),
            ("early_days = 14", "early_days = 15", "step `ama`: early_days"),
            ("weight = 2", "weight = 0", "step `ama`: weight"),
            ("every_weeks = 2", "every_weeks = 5", "step `lesson`: every_weeks"),
            ("[\"ama\"]", "[\"amma\"]", "step `ama`: evidence.post: `amma` is none of post"),
            ("[\"ama\"]", "[]", "step `ama`: evidence.post is empty"),
            ("post = [\"ama\"]", "event = [\"meeting\"]", "step `ama`: evidence.child does not go with event"),
            ("post = [\"ama\"], ", "", "evidence.post, reaction, event, completion: give exactly one"),
            ("within_days = 7", "within_days = -1", "evidence.child.within_days"),
            ("id = \"ama\"", "id = \"lesson_1\"", "two of it"),
            ("id = \"ama\"", "id = \"A M A\"", "is not plain"),
            ("credits_smes = 1", "credits_smes = 0", "step `lesson`: evidence.credits_smes = 0"),
            ("every_weeks = 2", "", "evidence.rotates_functions is for steps with every_weeks"),
            ("description = \"Two steps.\"", "", "description is missing"),
            ("name = \"sharing\"", "", "without name"),
        ] {
            let what = refused(&PLAN.replace(from, to));
            assert!(what.contains(says), "{what:?} should say {says:?}");
        }
    }

    #[test]
    fn a_leader_is_named_once_a_plan_with_steps_that_exist_and_the_message_names_nobody() {
        let leader = "\n[[leaders]]\nworker = \"W-77\"\nstart = 2026-01-05\n";
        for (text, says) in [
            (format!("{PLAN}{leader}{leader}"), "entry 2: worker: the same one is named twice"),
            (format!("{PLAN}{leader}waived = [\"amma\"]"), "waived: plan `sharing` has no step `amma`"),
            (format!("{PLAN}{leader}plan = \"other\""), "plan: there is no plan `other`"),
            (format!("{PLAN}{}", leader.replace("2026-01-05", "5")), "start: `5` is no date"),
            (format!("{PLAN}{}", leader.replace("\"W-77\"", "77")), "worker is not in quotes"),
            (leader.to_owned(), "plan is missing"),
        ] {
            let what = refused(&text);
            assert!(what.contains(says) && !what.contains("W-77"), "{what:?} should say {says:?}");
        }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the shipped files lie on the disk")]
    fn the_plans_that_ship_are_ones() {
        let file = |name: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/plans").join(name);
            (name.to_owned(), std::fs::read_to_string(path).unwrap())
        };
        let files = [file("leaders_sharing_30_60_90.toml"), file("sponsor_90_days.toml")];
        let plans = parse(&files, &Catalog::load().unwrap()).unwrap();
        assert_eq!(
            plans.iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>(),
            ["leaders_sharing_30_60_90", "sponsor_90_days"]
        );
        assert!(plans.iter().all(|plan| plan.leaders.is_empty() && plan.steps.iter().all(|step| step.to < 90)));
    }
}
