//! A job file as written ([`JobFile`]) and as meant ([`Job`]): what is computed and from where.
//!
//! It never says when (the scheduler does), how fast (flags do), or a secret (the environment does). Unknown keys are
//! errors, so that a typo never silently changes a rule.

mod certifications;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::contract::{Area, Catalog};
use crate::period::{Calendar, day_of};

pub use certifications::Certification;
use certifications::CertificationFile;

/// The smallest group any real company may show.
pub const SMALLEST_GROUP: i64 = 5;
/// The smallest group of a manager scope.
pub const SMALLEST_GROUP_MANAGER: i64 = 10;

/// A job as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    name: String,
    landing: String,
    lake: String,
    feeds: Vec<String>,
    #[serde(default = "all_marts")]
    marts: MartsFile,
    zone: String,
    #[serde(default = "iso")]
    week: String,
    #[serde(default = "january")]
    fiscal_year_start: u32,
    /// First day that marts report on; by default the day of the first activity or enrollment.
    report_from: Option<NaiveDate>,
    #[serde(default)]
    pseudonyms: PseudonymsFile,
    #[serde(default)]
    synthetic_data: bool,
    #[serde(default)]
    policy: PolicyFile,
    #[serde(default)]
    tolerate: TolerateFile,
    #[serde(default)]
    certifications: Vec<CertificationFile>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum MartsFile {
    Word(String),
    List(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum PseudonymsFile {
    Word(String),
    Keyed { epoch: String },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TolerateFile {
    /// Feeds without which the run may still publish.
    #[serde(default)]
    missing_feeds: Vec<String>,
    /// Feeds whose refused deliveries do not hold the run back.
    #[serde(default)]
    refused_feeds: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyFile {
    smallest_group: Option<i64>,
    smallest_group_manager: Option<i64>,
    rounding: Option<i64>,
    restate: Option<String>,
    worker_types: Option<Vec<String>>,
    min_tenure_days: Option<i32>,
    active_verbs: Option<Vec<String>>,
    passive_verbs: Option<Vec<String>>,
    holidays: Option<Vec<NaiveDate>>,
    max_event_minutes: Option<i64>,
    session_gap_minutes: Option<i64>,
    manager_scopes: Option<bool>,
}

/// A validated job: no default left to resolve.
#[derive(Debug, Clone)]
pub struct Job {
    pub name: String,
    /// Object-store URL of the landing area; relative paths are relative to the job file.
    pub landing: String,
    pub lake: String,
    /// Feed names, each from `schemas/feed/` beside the job or the built-in ones, or a path ending in `.toml`.
    pub feeds: Vec<String>,
    /// Marts to publish; `None` is all of them.
    pub marts: Option<Vec<String>>,
    pub zone: Tz,
    pub calendar: Calendar,
    pub report_from: Option<NaiveDate>,
    /// The pseudonym epoch, or `None` where the job says `pseudonyms = "off"`.
    pub pseudonym_epoch: Option<String>,
    pub policy: Policy,
    /// Who must hold which certification, by content.
    pub certifications: Vec<Certification>,
    pub missing_feeds: Vec<String>,
    pub refused_feeds: Vec<String>,
    /// The folder of the job file.
    pub folder: PathBuf,
}

/// The rules of the company, named as its policy paper names them.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The data are about nobody real: groups below 5 may be shown.
    pub synthetic_data: bool,
    /// Fewer people than this are never shown.
    pub smallest_group: i64,
    pub smallest_group_manager: i64,
    /// 5 rounds protected counts, 1 shows them exactly and withholds zero and full cells.
    pub rounding: i64,
    pub worker_types: Vec<String>,
    pub min_tenure_days: i32,
    pub active_verbs: Vec<String>,
    pub passive_verbs: Vec<String>,
    /// One event counts at most this many minutes.
    pub max_event_minutes: i64,
    /// A longer gap between two events of a person starts a new session.
    pub session_gap_minutes: i64,
    /// Publish reporting subtrees of managers, under `restricted/`.
    pub manager_scopes: bool,
}

/// A job file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {what}")]
pub struct JobError {
    pub place: String,
    pub what: String,
    pub hint: String,
}

impl Job {
    /// Parses and validates the text of a job file. `path` names it in errors and anchors relative paths.
    ///
    /// # Errors
    /// The file is not TOML, has an unknown key, or asks for something the house refuses (a group below 5, say).
    pub fn parse(path: &Path, text: &str, catalog: &Catalog) -> Result<Job, JobError> {
        let error = |what: String, hint: &str| JobError { place: path.display().to_string(), what, hint: hint.into() };
        let file: JobFile = toml::from_str(text)
            .map_err(|cause| error(cause.to_string(), "jobs/README.md lists every key a job file may hold"))?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if file.name.is_empty() || !file.name.chars().all(plain) {
            return Err(error(format!("name `{}` is not plain", file.name), "use lower-case letters, digits, - and _"));
        }
        if file.feeds.is_empty() {
            return Err(error("feeds is empty".into(), "name at least one feed, e.g. \"canonical_workers\""));
        }
        let zone: Tz = file.zone.parse().map_err(|_| {
            error(format!("zone `{}` is no IANA time zone", file.zone), "write it like \"Europe/Berlin\" or \"UTC\"")
        })?;
        if file.week != "iso" {
            return Err(error(format!("week `{}` is not supported", file.week), "weeks are ISO weeks: week = \"iso\""));
        }
        if !(1..=12).contains(&file.fiscal_year_start) {
            return Err(error(
                "fiscal_year_start is no month".into(),
                "give the first month of the fiscal year, 1 to 12",
            ));
        }
        let marts = match file.marts {
            MartsFile::Word(word) if word == "all" => None,
            MartsFile::Word(word) => {
                return Err(error(format!("marts = \"{word}\""), "write \"all\" or a list of tables"));
            }
            MartsFile::List(list) => {
                for name in &list {
                    if catalog.table(name).is_none_or(|table| table.area == Area::Canon) {
                        return Err(error(format!("there is no mart `{name}`"), "`uptake schema` lists the tables"));
                    }
                }
                Some(list)
            }
        };
        for (key, listed) in
            [("missing_feeds", &file.tolerate.missing_feeds), ("refused_feeds", &file.tolerate.refused_feeds)]
        {
            if let Some(stranger) = listed.iter().find(|feed| !file.feeds.contains(feed)) {
                return Err(error(
                    format!("tolerate.{key} names `{stranger}`, which feeds does not"),
                    "correct the name",
                ));
            }
        }
        let pseudonym_epoch = match file.pseudonyms {
            PseudonymsFile::Word(word) if word == "off" => None,
            PseudonymsFile::Word(word) if word == "on" => Some("1".to_owned()),
            PseudonymsFile::Word(word) => {
                return Err(error(format!("pseudonyms = \"{word}\""), "write \"on\", \"off\" or { epoch = \"2\" }"));
            }
            PseudonymsFile::Keyed { epoch } => Some(epoch),
        };
        let holidays =
            file.policy.holidays.clone().unwrap_or_default().into_iter().map(day_of).collect::<BTreeSet<_>>();
        let policy = policy(file.policy, file.synthetic_data).map_err(|(what, hint)| error(what, hint))?;
        let certifications =
            certifications::certifications(file.certifications).map_err(|(what, hint)| error(what, hint))?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Job {
            name: file.name,
            landing: anchored(&folder, &file.landing),
            lake: anchored(&folder, &file.lake),
            feeds: file.feeds,
            marts,
            zone,
            calendar: Calendar { fiscal_year_start: file.fiscal_year_start, holidays },
            report_from: file.report_from,
            pseudonym_epoch,
            policy,
            certifications,
            missing_feeds: file.tolerate.missing_feeds,
            refused_feeds: file.tolerate.refused_feeds,
            folder,
        })
    }

    /// Whether a mart is asked for.
    pub fn wants(&self, mart: &str) -> bool {
        self.marts.as_ref().is_none_or(|marts| marts.iter().any(|name| name == mart))
    }

    /// A hash over everything in the job that changes what canon and marts hold. Places, names and tolerances do not.
    pub fn config_hash(&self) -> String {
        let meant = format!(
            "{:?}|{:?}|{:?}|{:?}|{:?}|{:?}",
            self.zone.name(),
            self.calendar,
            self.report_from,
            self.pseudonym_epoch,
            self.policy,
            self.certifications
        );
        Sha256::digest(meant.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn policy(file: PolicyFile, synthetic: bool) -> Result<Policy, (String, &'static str)> {
    let smallest_group = file.smallest_group.unwrap_or(SMALLEST_GROUP);
    let smallest_group_manager = file.smallest_group_manager.unwrap_or(SMALLEST_GROUP_MANAGER);
    if smallest_group < 1 || smallest_group_manager < 1 {
        return Err(("the smallest group is at least 1".into(), "the default of smallest_group is 5"));
    }
    if !synthetic && (smallest_group < SMALLEST_GROUP || smallest_group_manager < SMALLEST_GROUP_MANAGER) {
        return Err((
            format!(
                "smallest_group = {smallest_group}, smallest_group_manager = {smallest_group_manager} would show fewer people than 5 (managers: 10)"
            ),
            "raise it; only a job with synthetic_data = true may go below",
        ));
    }
    let rounding = file.rounding.unwrap_or(5);
    if rounding != 5 && rounding != 1 {
        return Err((format!("policy.rounding = {rounding}"), "5 rounds protected counts, 1 shows them exactly"));
    }
    if let Some(restate) = file.restate.as_deref().filter(|restate| *restate != "always") {
        return Err((
            format!("policy.restate = \"{restate}\" is not supported"),
            "this version restates closed periods whenever late facts arrive: restate = \"always\"",
        ));
    }
    let words = |given: Option<Vec<String>>, default: &[&str]| {
        let mut words = given.unwrap_or_else(|| default.iter().map(|word| (*word).to_owned()).collect());
        words.sort();
        words.dedup();
        words
    };
    let policy = Policy {
        synthetic_data: synthetic,
        smallest_group,
        smallest_group_manager,
        rounding,
        worker_types: words(file.worker_types, &["employee"]),
        min_tenure_days: file.min_tenure_days.unwrap_or(0),
        active_verbs: words(
            file.active_verbs,
            &["launched", "progressed", "attempted", "answered", "completed", "passed", "failed", "commented", "rated"],
        ),
        passive_verbs: words(file.passive_verbs, &["viewed", "searched"]),
        max_event_minutes: file.max_event_minutes.unwrap_or(240),
        session_gap_minutes: file.session_gap_minutes.unwrap_or(30),
        manager_scopes: file.manager_scopes.unwrap_or(false),
    };
    if let Some(both) = policy.active_verbs.iter().find(|verb| policy.passive_verbs.contains(verb)) {
        return Err((format!("verb `{both}` is active and passive"), "an act is one of the two"));
    }
    if policy.max_event_minutes < 1 || policy.session_gap_minutes < 1 || policy.min_tenure_days < 0 {
        return Err(("a duration of the policy is below its minimum".into(), "minutes start at 1, tenure at 0 days"));
    }
    Ok(policy)
}

/// Plain paths are relative to the job file; URLs stand as they are.
fn anchored(folder: &Path, place: &str) -> String {
    if place.contains("://") || Path::new(place).is_absolute() {
        place.to_owned()
    } else {
        folder.join(place).display().to_string()
    }
}

impl Default for PseudonymsFile {
    fn default() -> Self {
        PseudonymsFile::Word("on".into())
    }
}

fn all_marts() -> MartsFile {
    MartsFile::Word("all".into())
}

fn iso() -> String {
    "iso".into()
}

fn january() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(extra: &str) -> Result<Job, JobError> {
        let text = format!(
            "name = \"nightly\"\nlanding = \"s3://landing\"\nlake = \"../out\"\nfeeds = [\"canonical_workers\"]\nzone = \"Europe/Berlin\"\n{extra}"
        );
        Job::parse(Path::new("jobs/nightly.toml"), &text, &Catalog::load().unwrap())
    }

    #[test]
    fn relative_places_are_relative_to_the_job_file() {
        let job = parse("").unwrap();
        assert_eq!((job.landing.as_str(), job.lake.as_str()), ("s3://landing", "jobs/../out"));
    }

    #[test]
    fn a_group_below_five_is_refused_unless_the_data_are_synthetic() {
        let refused = parse("[policy]\nsmallest_group = 3").unwrap_err();
        assert!(refused.to_string().contains("smallest_group = 3"), "{refused}");
        assert_eq!(parse("synthetic_data = true\n[policy]\nsmallest_group = 3").unwrap().policy.smallest_group, 3);
    }

    #[test]
    fn a_typo_is_an_error_that_names_it() {
        let refused = parse("[policy]\nsmalest_group = 9").unwrap_err();
        assert!(refused.to_string().contains("smalest_group"), "{refused}");
    }

    #[test]
    fn places_and_tolerances_do_not_change_what_is_computed() {
        let plain = parse("").unwrap().config_hash();
        assert_eq!(plain, parse("[tolerate]\nmissing_feeds = [\"canonical_workers\"]").unwrap().config_hash());
        assert_ne!(plain, parse("[policy]\nmin_tenure_days = 30").unwrap().config_hash());
    }
}
