//! Steps of a plan as written in its file, and what they mean: repeated ones spelled out, each with the rule that recognises its evidence.

use serde::Deserialize;

use super::{Child, ContentOwner, Rule, Source, Step, check_word};
use crate::contract::Catalog;

/// No plan is longer: ten years.
const LONGEST: i32 = 3_653;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
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

fn one() -> i64 {
    1
}

/// The steps as meant: repeated ones spelled out, in the order in which they fall due.
pub(super) fn steps(written: Vec<StepFile>, catalog: &Catalog) -> Result<Vec<Step>, String> {
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
