//! Goals and OKRs as data: decisions about what a unit or the company is to reach by when, and what counts as having reached it.
//!
//! A goal is about a group, never about a person: whoever reads `marts/` may read its result. So a file names units and roles, and
//! has no place for a worker.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Deserialize;

use super::Attached;
use crate::period::{Day, day_of};

/// Everything the goal files of a job say, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Goals {
    pub goals: Vec<Goal>,
    pub objectives: Vec<Objective>,
}

/// Whom a goal is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Company,
    /// A unit with its subtree.
    Org(String),
}

/// One goal; both days belong to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    pub id: String,
    pub title: String,
    pub scope: Scope,
    /// Who answers for it: a role, not a person.
    pub owner: String,
    pub starts_on: Day,
    pub due_on: Day,
    pub clauses: Vec<Clause>,
}

/// One condition of a goal.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    pub id: String,
    pub rule: Rule,
}

/// What fulfils a clause.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Somebody of the scope published a contribution of a kind and of a length: so many words, or so many minutes.
    Contribution { kinds: BTreeSet<String>, words: Option<[i64; 2]>, minutes: Option<[i64; 2]> },
    /// A business outcome changed by at least this share of its baseline.
    MeasureChange { kpi: String, subject: Subject, better: Better, by: f64, baseline: Option<f64> },
    /// So many sessions, each rated by so many others with at least this average.
    RatedSessions { kinds: BTreeSet<String>, sessions: usize, ratings: usize, average: f64 },
    /// A governance event about the subject names where it is documented.
    Documented { subject: String, kinds: BTreeSet<String> },
}

/// Which way an outcome improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Lower,
    Higher,
}

impl Better {
    pub fn as_str(self) -> &'static str {
        match self {
            Better::Lower => "lower",
            Better::Higher => "higher",
        }
    }
}

/// Whose value of a business outcome counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The scope's own.
    Scope,
    /// That of a content item.
    Content(String),
}

/// What somebody wants, and how it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    pub id: String,
    pub title: String,
    pub scope: Scope,
    pub owner: String,
    pub key_results: Vec<KeyResult>,
}

/// A business outcome on its way from a baseline to a target; both days belong to it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyResult {
    pub id: String,
    pub title: String,
    pub owner: String,
    pub kpi: String,
    pub subject: Subject,
    pub better: Better,
    /// Where the measure's own does not hold.
    pub baseline: Option<f64>,
    pub target: f64,
    pub starts_on: Day,
    pub due_on: Day,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoalsFile {
    #[serde(default)]
    goals: Vec<GoalFile>,
    #[serde(default)]
    objectives: Vec<ObjectiveFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoalFile {
    id: String,
    title: String,
    #[serde(default)]
    scope: ScopeFile,
    owner: String,
    starts_on: DateFile,
    due_on: DateFile,
    clauses: Vec<ClauseFile>,
}

/// A date of TOML, or one in quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum DateFile {
    Date(toml::value::Datetime),
    Text(String),
}

/// `"company"` or `{ org = "U100" }`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ScopeFile {
    Word(String),
    Org(OrgFile),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrgFile {
    org: String,
}

impl Default for ScopeFile {
    fn default() -> ScopeFile {
        ScopeFile::Word("company".into())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseFile {
    id: String,
    contribution: Option<ContributionFile>,
    measure_change: Option<MeasureChangeFile>,
    rated_sessions: Option<RatedSessionsFile>,
    documented: Option<DocumentedFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContributionFile {
    kinds: Vec<String>,
    words: Option<[i64; 2]>,
    minutes: Option<[i64; 2]>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MeasureChangeFile {
    kpi: String,
    content: Option<String>,
    better: Better,
    by: f64,
    baseline: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RatedSessionsFile {
    kinds: Vec<String>,
    sessions: usize,
    ratings: usize,
    average: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentedFile {
    subject: String,
    #[serde(default)]
    kinds: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectiveFile {
    id: String,
    title: String,
    #[serde(default)]
    scope: ScopeFile,
    owner: String,
    key_results: Vec<KeyResultFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyResultFile {
    id: String,
    title: String,
    owner: Option<String>,
    kpi: String,
    content: Option<String>,
    direction: Better,
    baseline: Option<f64>,
    target: f64,
    starts_on: DateFile,
    due_on: DateFile,
}

/// Kinds of contributions and of governance events, as canon lists them.
const CONTRIBUTIONS: [&str; 10] =
    ["post", "micro_lesson", "ama", "qa_summary", "playbook", "article", "how_to", "course", "answer", "comment"];
const EVENTS: [&str; 6] = ["meeting", "message", "message_cascade", "decision", "plan_start", "rating"];

/// The goals of every goal file a job names.
///
/// # Errors
/// The file that is wrong, and what and where.
pub fn attached(attached: &Attached) -> Result<Goals, (String, String)> {
    let mut all = Goals::default();
    for (name, text) in attached.get("goals").map_or(&[][..], Vec::as_slice) {
        let wrong = |what: String| (name.clone(), what);
        let Goals { goals, objectives } = parse(text).map_err(wrong)?;
        for goal in goals {
            if all.goals.iter().any(|known| known.id == goal.id) {
                return Err(wrong(format!("goals, {}: another file has a goal of this id", goal.id)));
            }
            all.goals.push(goal);
        }
        for objective in objectives {
            if all.objectives.iter().any(|known| known.id == objective.id) {
                return Err(wrong(format!("objectives, {}: another file has an objective of this id", objective.id)));
            }
            all.objectives.push(objective);
        }
    }
    all.goals.sort_by(|a, b| a.id.cmp(&b.id));
    all.objectives.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

/// Parses and validates one goal file. The error names the key; the caller names the file.
///
/// # Errors
/// The text is not TOML, has an unknown key, or contradicts itself.
pub fn parse(text: &str) -> Result<Goals, String> {
    let file: GoalsFile = toml::from_str(text).map_err(|cause| cause.to_string())?;
    if file.goals.is_empty() && file.objectives.is_empty() {
        return Err("neither goals nor objectives".into());
    }
    let mut goals = Goals::default();
    for file in file.goals {
        let place = format!("goals, {}", file.id);
        distinct(&file.id, goals.goals.iter().map(|goal| &goal.id)).map_err(|what| format!("{place}: {what}"))?;
        goals.goals.push(goal(file).map_err(|what| format!("{place}, {what}"))?);
    }
    for file in file.objectives {
        let place = format!("objectives, {}", file.id);
        distinct(&file.id, goals.objectives.iter().map(|known| &known.id))
            .map_err(|what| format!("{place}: {what}"))?;
        goals.objectives.push(objective(file).map_err(|what| format!("{place}, {what}"))?);
    }
    Ok(goals)
}

fn goal(file: GoalFile) -> Result<Goal, String> {
    let (starts_on, due_on) = days(file.starts_on, file.due_on)?;
    let mut clauses: Vec<Clause> = Vec::new();
    for clause in file.clauses {
        let place = format!("clauses, {}", clause.id);
        distinct(&clause.id, clauses.iter().map(|known| &known.id)).map_err(|what| format!("{place}: {what}"))?;
        let id = clause.id.clone();
        clauses.push(Clause { id, rule: rule(clause).map_err(|what| format!("{place}, {what}"))? });
    }
    if clauses.is_empty() {
        return Err("clauses: at least one".into());
    }
    Ok(Goal {
        id: file.id,
        title: filled("title", file.title)?,
        scope: scope(file.scope)?,
        owner: filled("owner", file.owner)?,
        starts_on,
        due_on,
        clauses,
    })
}

fn rule(file: ClauseFile) -> Result<Rule, String> {
    match (file.contribution, file.measure_change, file.rated_sessions, file.documented) {
        (Some(file), None, None, None) => {
            let in_order = |name: &str, range: Option<[i64; 2]>| match range {
                Some([least, most]) if least < 0 || most < least => Err(format!("contribution.{name}: [least, most]")),
                range => Ok(range),
            };
            Ok(Rule::Contribution {
                kinds: kinds("contribution.kinds", file.kinds, &CONTRIBUTIONS)?,
                words: in_order("words", file.words)?,
                minutes: in_order("minutes", file.minutes)?,
            })
        }
        (None, Some(file), None, None) => {
            if !file.by.is_finite() || file.by <= 0.0 {
                return Err("measure_change.by: a share of the baseline above 0, such as 0.15".into());
            }
            if file.baseline.is_some_and(|baseline| !baseline.is_finite() || baseline == 0.0) {
                return Err("measure_change.baseline: a number other than 0".into());
            }
            Ok(Rule::MeasureChange {
                kpi: filled("measure_change.kpi", file.kpi)?,
                subject: subject(file.content)?,
                better: file.better,
                by: file.by,
                baseline: file.baseline,
            })
        }
        (None, None, Some(file), None) => {
            if file.sessions == 0 || file.ratings == 0 || !file.average.is_finite() {
                return Err("rated_sessions: sessions and ratings start at 1, average is a number".into());
            }
            Ok(Rule::RatedSessions {
                kinds: kinds("rated_sessions.kinds", file.kinds, &CONTRIBUTIONS)?,
                sessions: file.sessions,
                ratings: file.ratings,
                average: file.average,
            })
        }
        (None, None, None, Some(file)) => Ok(Rule::Documented {
            subject: filled("documented.subject", file.subject)?,
            kinds: if file.kinds.is_empty() {
                EVENTS.map(str::to_owned).into()
            } else {
                kinds("documented.kinds", file.kinds, &EVENTS)?
            },
        }),
        _ => Err("a clause is one of contribution, measure_change, rated_sessions, documented".into()),
    }
}

fn objective(file: ObjectiveFile) -> Result<Objective, String> {
    let owner = filled("owner", file.owner)?;
    let mut key_results: Vec<KeyResult> = Vec::new();
    for file in file.key_results {
        let place = format!("key_results, {}", file.id);
        distinct(&file.id, key_results.iter().map(|known| &known.id)).map_err(|what| format!("{place}: {what}"))?;
        key_results.push(key_result(file, &owner).map_err(|what| format!("{place}, {what}"))?);
    }
    if key_results.is_empty() {
        return Err("key_results: at least one".into());
    }
    Ok(Objective { id: file.id, title: filled("title", file.title)?, scope: scope(file.scope)?, owner, key_results })
}

fn key_result(file: KeyResultFile, owner: &str) -> Result<KeyResult, String> {
    let (starts_on, due_on) = days(file.starts_on, file.due_on)?;
    if !file.target.is_finite() || file.baseline.is_some_and(|baseline| !baseline.is_finite()) {
        return Err("baseline and target: finite numbers".into());
    }
    if let Some(baseline) = file.baseline {
        let ahead = match file.direction {
            Better::Lower => file.target < baseline,
            Better::Higher => file.target > baseline,
        };
        if !ahead {
            return Err(format!("target: not {} than the baseline", file.direction.as_str()));
        }
    }
    Ok(KeyResult {
        id: file.id,
        title: filled("title", file.title)?,
        owner: file.owner.map_or(Ok(owner.to_owned()), |owner| filled("owner", owner))?,
        kpi: filled("kpi", file.kpi)?,
        subject: subject(file.content)?,
        better: file.direction,
        baseline: file.baseline,
        target: file.target,
        starts_on,
        due_on,
    })
}

fn days(starts_on: DateFile, due_on: DateFile) -> Result<(Day, Day), String> {
    let day = |key: &str, date: DateFile| {
        let text = match date {
            DateFile::Date(date) => date.to_string(),
            DateFile::Text(text) => text,
        };
        text.parse::<NaiveDate>().map(day_of).map_err(|_| format!("{key}: `{text}` is no date like 2026-03-31"))
    };
    let (starts_on, due_on) = (day("starts_on", starts_on)?, day("due_on", due_on)?);
    if due_on < starts_on { Err("due_on: lies before starts_on".into()) } else { Ok((starts_on, due_on)) }
}

fn scope(file: ScopeFile) -> Result<Scope, String> {
    match file {
        ScopeFile::Word(word) if word == "company" => Ok(Scope::Company),
        ScopeFile::Org(OrgFile { org }) if !org.trim().is_empty() => Ok(Scope::Org(org)),
        _ => {
            Err("scope: \"company\" or { org = \"U100\" }; a goal about a person has no table it could stand in".into())
        }
    }
}

fn subject(content: Option<String>) -> Result<Subject, String> {
    Ok(match content {
        None => Subject::Scope,
        Some(content) => Subject::Content(filled("content", content)?),
    })
}

fn filled(key: &str, text: String) -> Result<String, String> {
    if text.trim().is_empty() { Err(format!("{key}: is empty")) } else { Ok(text) }
}

fn kinds(key: &str, given: Vec<String>, known: &[&str]) -> Result<BTreeSet<String>, String> {
    if given.is_empty() {
        return Err(format!("{key}: at least one"));
    }
    match given.iter().find(|kind| !known.contains(&kind.as_str())) {
        Some(stranger) => Err(format!("{key}: `{stranger}` is none of {}", known.join(", "))),
        None => Ok(given.into_iter().collect()),
    }
}

fn distinct<'a>(id: &str, mut known: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if id.is_empty() || !id.chars().all(plain) {
        return Err("an id is made of lower-case letters, digits, - and _".into());
    }
    if known.any(|other| other == id) { Err("the id is there twice".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(clause: &str) -> Result<Goals, String> {
        parse(&format!(
            "[[goals]]\nid = \"g\"\ntitle = \"A goal\"\nowner = \"Head of enablement\"\nstarts_on = 2026-01-01\ndue_on = 2026-03-31\n[[goals.clauses]]\nid = \"c\"\n{clause}"
        ))
    }

    const RESULT: &str = "[[objectives]]\nid = \"o\"\ntitle = \"An objective\"\nowner = \"Head of support\"\nscope = { org = \"U1\" }\n[[objectives.key_results]]\nid = \"k\"\ntitle = \"Fewer\"\nkpi = \"questions\"\ndirection = \"lower\"\nbaseline = 100.0\ntarget = 80.0\nstarts_on = \"2026-01-01\"\ndue_on = \"2026-03-31\"\n";

    #[test]
    fn each_kind_of_clause_is_read() {
        let read = |clause: &str| goal(clause).unwrap().goals[0].clauses[0].rule.clone();
        let Rule::Contribution { kinds, words, minutes } =
            read("contribution = { kinds = [\"how_to\"], words = [1200, 2000], minutes = [20, 30] }")
        else {
            panic!("a contribution")
        };
        assert_eq!((kinds.len(), words, minutes), (1, Some([1200, 2000]), Some([20, 30])));
        assert!(matches!(read("measure_change = { kpi = \"q\", better = \"lower\", by = 0.15 }"),
            Rule::MeasureChange { by, subject: Subject::Scope, baseline: None, .. } if by == 0.15));
        assert!(matches!(
            read("rated_sessions = { kinds = [\"ama\"], sessions = 3, ratings = 5, average = 4 }"),
            Rule::RatedSessions { sessions: 3, ratings: 5, .. }
        ));
        assert!(
            matches!(read("documented = { subject = \"guide\" }"), Rule::Documented { kinds, .. } if kinds.len() == 6)
        );
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        let wrong = |clause: &str| goal(clause).unwrap_err();
        assert!(
            wrong("contribution = { kinds = [\"howto\"] }")
                .starts_with("goals, g, clauses, c, contribution.kinds: `howto`")
        );
        assert!(wrong("contribution = { kinds = [\"how_to\"], words = [9, 3] }").contains("contribution.words"));
        assert!(wrong("measure_change = { kpi = \"q\", better = \"lower\", by = 0 }").contains("measure_change.by"));
        assert!(wrong("measure_change = { kpi = \"q\", better = \"less\", by = 0.1 }").contains("less"));
        assert!(
            wrong("rated_sessions = { kinds = [\"ama\"], sessions = 0, ratings = 5, average = 4 }")
                .contains("sessions")
        );
        assert!(wrong("").contains("a clause is one of"));
        assert!(wrong("documented = { subject = \"g\" }\nworker = \"W1\"").contains("worker"));
        assert!(parse("").unwrap_err().contains("neither"));
        assert!(
            parse(&RESULT.replace("target = 80.0", "target = 120.0")).unwrap_err().contains("key_results, k, target")
        );
        assert!(parse(&RESULT.replace("2026-03-31", "2025-03-31")).unwrap_err().contains("due_on"));
        assert!(parse(&RESULT.replace("org = \"U1\"", "worker = \"W1\"")).is_err());
        assert!(parse(&RESULT.replace("{ org = \"U1\" }", "\"team\"")).unwrap_err().contains("scope"));
        let twice = Attached::from([("goals", vec![("a".into(), RESULT.into()), ("b".into(), RESULT.into())])]);
        assert_eq!(attached(&twice).unwrap_err().0, "b");
    }

    #[test]
    fn the_shipped_files_are_read() {
        for text in [include_str!("../../jobs/goals/experts.toml"), include_str!("../../jobs/goals/okrs.toml")] {
            let goals = parse(text).unwrap();
            assert!(goals.goals.len() + goals.objectives.len() > 0);
        }
    }

    #[test]
    fn a_key_result_has_the_owner_of_its_objective() {
        let objective = &parse(RESULT).unwrap().objectives[0];
        assert_eq!(
            (objective.key_results[0].owner.as_str(), &objective.scope),
            ("Head of support", &Scope::Org("U1".into()))
        );
    }
}
