//! Plans of leaders as data: steps with due windows, the rule that recognises the evidence, who follows them and from when.
//!
//! A plan file holds a plan (`name`, `[[steps]]`), the leaders who follow one (`[[leaders]]`), or both. As written it is a
//! [`PlanFile`], as meant a [`Plan`]: steps that repeat every few weeks are spelled out, every kind is one the canon knows, and
//! each leader follows a plan once.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Deserialize;

use super::JobError;
use crate::contract::Catalog;
use crate::period::{Day, day_of};

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
struct StepFile {
    id: String,
    title: String,
    /// First and last day of the window; the first day of the plan is day 1.
    days: [i32; 2],
    /// Cuts the window into one step for each run of so many weeks that fits into it.
    every_weeks: Option<i32>,
    #[serde(default)]
    early_days: i32,
    #[serde(default = "one")]
    weight: i64,
    owner: String,
    evidence: EvidenceFile,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EvidenceFile {
    post: Option<Vec<String>>,
    reaction: Option<Vec<String>>,
    event: Option<Vec<String>>,
    completion: Option<Vec<String>>,
    at_least: Option<usize>,
    minutes_at_least: Option<i64>,
    minutes_at_most: Option<i64>,
    words_at_most: Option<i64>,
    credits_smes: Option<usize>,
    child: Option<ChildFile>,
    #[serde(default)]
    role_tags: bool,
    content_owner: Option<ContentOwner>,
    #[serde(default)]
    on_sme_items: bool,
    #[serde(default)]
    with_comment: bool,
    subject: Option<String>,
    role: Option<String>,
    #[serde(default)]
    documented: bool,
    distinct_functions: Option<usize>,
    #[serde(default)]
    rotates_functions: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChildFile {
    kind: Vec<String>,
    within_days: i32,
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

fn one() -> i64 {
    1
}

const HINT: &str = "jobs/plans/ holds working plans to copy from, jobs/README.md says what each key means";
/// No plan is longer: ten years.
const LONGEST: i32 = 3_653;

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
        let steps = steps(written.steps, catalog).map_err(|what| error(file, what))?;
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

/// The steps as meant: repeated ones spelled out, in the order in which they fall due.
fn steps(written: Vec<StepFile>, catalog: &Catalog) -> Result<Vec<Step>, String> {
    if written.is_empty() {
        return Err("steps is empty: a plan has at least one".into());
    }
    let mut steps: Vec<Step> = Vec::new();
    for step in written {
        let in_step = |what: String| format!("step `{}`: {what}", step.id);
        check_word("id", &step.id).map_err(in_step)?;
        let [first, last] = step.days;
        if !(1..=LONGEST).contains(&first) || !(first..=LONGEST).contains(&last) {
            return Err(in_step(format!(
                "days = [{first}, {last}]: the first day is 1, the last not before the first"
            )));
        }
        if step.early_days < 0 || step.early_days >= first {
            return Err(in_step(format!("early_days = {}: not before day 1 of the plan", step.early_days)));
        }
        if step.weight < 1 {
            return Err(in_step(format!("weight = {}: at least 1", step.weight)));
        }
        for (key, text) in [("title", &step.title), ("owner", &step.owner)] {
            if text.trim().is_empty() {
                return Err(in_step(format!("{key} is empty")));
            }
        }
        let rule = rule(&step.evidence, catalog).map_err(|what| in_step(format!("evidence.{what}")))?;
        if rule.rotates_functions && step.every_weeks.is_none() {
            return Err(in_step("evidence.rotates_functions is for steps with every_weeks".into()));
        }
        let windows = windows(first, last, step.every_weeks).map_err(in_step)?;
        let repeats = step.every_weeks.is_some();
        for (at, (from, to)) in windows.into_iter().enumerate() {
            steps.push(Step {
                id: if repeats { format!("{}_{}", step.id, at + 1) } else { step.id.clone() },
                of: step.id.clone(),
                title: step.title.clone(),
                from,
                to,
                early_days: if at == 0 { step.early_days } else { 0 },
                weight: step.weight,
                owner: step.owner.clone(),
                rule: rule.clone(),
            });
        }
    }
    // Where two fall due together the file's order decides, so the sort is stable.
    steps.sort_by_key(|step| (step.to, step.from));
    let mut ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("step `{}`: id: there are two of it", pair[0])),
        None => Ok(steps),
    }
}

/// Day offsets of a window, cut into whole runs of weeks where the step repeats; what is left at the end belongs to none.
fn windows(first: i32, last: i32, every_weeks: Option<i32>) -> Result<Vec<(i32, i32)>, String> {
    let Some(weeks) = every_weeks else { return Ok(vec![(first - 1, last - 1)]) };
    if !(1..=52).contains(&weeks) || last - first + 1 < weeks * 7 {
        return Err(format!("every_weeks = {weeks}: the window of {} days does not hold them", last - first + 1));
    }
    let length = weeks * 7;
    Ok((0..(last - first + 1) / length).map(|n| (first - 1 + n * length, first - 2 + (n + 1) * length)).collect())
}

fn rule(written: &EvidenceFile, catalog: &Catalog) -> Result<Rule, String> {
    let lists = [&written.post, &written.reaction, &written.event, &written.completion];
    let mut given = Source::ALL.iter().zip(lists).filter_map(|(source, list)| Some((source, list.as_ref()?)));
    let (Some(((source, key, table), kinds)), None) = (given.next(), given.next()) else {
        return Err("post, reaction, event, completion: give exactly one of them".into());
    };
    check_kinds(key, kinds, table, catalog)?;
    let source = *source;
    let misplaced: [(&str, bool, &[Source]); 12] = [
        ("minutes_at_least", written.minutes_at_least.is_some(), &[Source::Post]),
        ("minutes_at_most", written.minutes_at_most.is_some(), &[Source::Post]),
        ("words_at_most", written.words_at_most.is_some(), &[Source::Post]),
        ("credits_smes", written.credits_smes.is_some(), &[Source::Post]),
        ("child", written.child.is_some(), &[Source::Post]),
        ("role_tags", written.role_tags, &[Source::Post]),
        ("content_owner", written.content_owner.is_some(), &[Source::Post]),
        ("on_sme_items", written.on_sme_items, &[Source::Reaction]),
        ("with_comment", written.with_comment, &[Source::Reaction]),
        ("subject", written.subject.is_some(), &[Source::Event]),
        ("role", written.role.is_some(), &[Source::Event]),
        ("documented", written.documented, &[Source::Event]),
    ];
    let functions = written.distinct_functions.is_some() || written.rotates_functions;
    let functions = ("distinct_functions or rotates_functions", functions, &[Source::Post, Source::Reaction][..]);
    for (condition, is_given, sources) in misplaced.into_iter().chain([functions]) {
        if is_given && !sources.contains(&source) {
            return Err(format!("{condition} does not go with {key}"));
        }
    }
    let counts = [
        ("at_least", written.at_least),
        ("credits_smes", written.credits_smes),
        ("distinct_functions", written.distinct_functions),
    ];
    if let Some((name, _)) = counts.iter().find(|(_, count)| *count == Some(0)) {
        return Err(format!("{name} = 0: leave it out or ask for at least 1"));
    }
    let lengths = [
        ("minutes_at_least", written.minutes_at_least),
        ("minutes_at_most", written.minutes_at_most),
        ("words_at_most", written.words_at_most),
    ];
    if let Some((name, _)) = lengths.iter().find(|(_, length)| length.is_some_and(|length| length < 1)) {
        return Err(format!("{name}: at least 1"));
    }
    if let (Some(least), Some(most)) = (written.minutes_at_least, written.minutes_at_most)
        && least > most
    {
        return Err(format!("minutes_at_least = {least} is above minutes_at_most = {most}"));
    }
    let child = match &written.child {
        None => None,
        Some(child) => {
            check_kinds("child.kind", &child.kind, "contributions", catalog)?;
            if !(0..=365).contains(&child.within_days) {
                return Err(format!("child.within_days = {}: 0 to 365 days", child.within_days));
            }
            Some(Child { kinds: child.kind.clone(), within_days: child.within_days })
        }
    };
    Ok(Rule {
        source,
        kinds: kinds.clone(),
        at_least: written.at_least.unwrap_or(1),
        minutes_at_least: written.minutes_at_least,
        minutes_at_most: written.minutes_at_most,
        words_at_most: written.words_at_most,
        credits_smes: written.credits_smes.unwrap_or(0),
        child,
        role_tags: written.role_tags,
        owner: written.content_owner,
        on_sme_items: written.on_sme_items,
        with_comment: written.with_comment,
        subject: written.subject.clone(),
        role: written.role.clone(),
        documented: written.documented,
        distinct_functions: written.distinct_functions.unwrap_or(0),
        rotates_functions: written.rotates_functions,
    })
}

/// Kinds must be ones that the canon table knows, or no act would ever be recognised.
fn check_kinds(key: &str, kinds: &[String], table: &str, catalog: &Catalog) -> Result<(), String> {
    let known = catalog.table(table).and_then(|table| table.column("kind")).map(|kind| kind.values.as_slice());
    let known = known.unwrap_or_default();
    if kinds.is_empty() {
        return Err(format!("{key} is empty: name at least one kind"));
    }
    match kinds.iter().find(|kind| !known.contains(kind)) {
        Some(stranger) => Err(format!("{key}: `{stranger}` is none of {}", known.join(", "))),
        None => Ok(()),
    }
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
