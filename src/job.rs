//! A job file as written ([`JobFile`]) and as meant ([`Job`]): what is computed and from where.
//!
//! It never says when (the scheduler does), how fast (flags do), or a secret (the environment does). Unknown keys are
//! errors, so that a typo never silently changes a rule.

mod certifications;
mod date;
pub mod goals;
pub mod plans;
pub mod reviews;
pub mod scorecards;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::contract::{Area, Catalog};
use crate::period::{Calendar, day_of};

pub use certifications::Certification;
use certifications::CertificationFile;
use date::DateFile;

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
    /// First day that marts report on; by default the day of the first act, assignment, due date, completion or contribution, at most five
    /// years before the first delivery.
    #[serde(default)]
    report_from: Option<DateFile>,
    /// Files of decisions, relative to the job file: plans of leaders, goals and OKRs, scorecards, review cycles and rubrics.
    #[serde(default)]
    plans: Vec<String>,
    #[serde(default)]
    goals: Vec<String>,
    #[serde(default)]
    scorecards: Vec<String>,
    #[serde(default)]
    reviews: Vec<String>,
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
    /// Feeds whose rows stay as they were read where the feed changed and deliveries of it are gone.
    #[serde(default)]
    reread: Vec<String>,
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
    holidays: Option<Vec<DateFile>>,
    max_event_minutes: Option<i64>,
    session_gap_minutes: Option<i64>,
    manager_scopes: Option<bool>,
    leader_band: Option<String>,
    leader_minutes_per_week: Option<[i64; 2]>,
    unit_level: Option<i64>,
    lookback_weeks: Option<i64>,
    submissions: Option<i64>,
    peer_endorsements: Option<i64>,
    require_manager_endorsement: Option<bool>,
    endorser_line_levels: Option<i64>,
    outcome_weight: Option<f64>,
    competency_horizon_days: Option<i64>,
    outdated_months: Option<i64>,
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
    /// Feeds whose rows stay as they were read where the feed changed and deliveries of it are gone.
    pub kept_feeds: Vec<String>,
    /// The folder of the job file.
    pub folder: PathBuf,
    /// The files of decisions it names.
    pub attached: Attached,
    /// Review cycles and rubrics, of the file under `reviews`.
    pub reviews: Option<reviews::Reviews>,
    /// What its goal files say.
    pub goals: goals::Goals,
    /// The plans of leaders among them.
    pub plans: Vec<plans::Plan>,
    /// The figures and rituals that `scorecards` names.
    pub scorecards: scorecards::Scorecards,
}

/// Texts of the files a job names, by kind (`plans`, `goals`, `scorecards`, `reviews`), as (name in the job file, text).
pub type Attached = BTreeMap<&'static str, Vec<(String, String)>>;

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
    /// People of this band and above are leaders.
    pub leader_band: String,
    /// Minutes a leader should share in a week: at least, at most.
    pub leader_minutes_per_week: [i64; 2],
    /// Depth in the org tree of the units that leader effects compare; the top units have depth 1.
    pub unit_level: i64,
    /// Weeks before a leader's post that the event study looks back on.
    pub lookback_weeks: i64,
    /// Submissions a person may hand in per review cycle.
    pub submissions: i64,
    /// Distinct peers who must endorse an item before it is eligible.
    pub peer_endorsements: i64,
    /// Whether the manager must endorse beside the peers.
    pub require_manager_endorsement: bool,
    /// An endorser so many levels up or down the author's reporting line is no peer.
    pub endorser_line_levels: i64,
    /// Weight of an item with a measured change of an outcome.
    pub outcome_weight: f64,
    /// Horizon of the restricted mean time to competency, in days.
    pub competency_horizon_days: i64,
    /// Content without an update in so many months is outdated.
    pub outdated_months: i64,
}

/// Bands from the least to the most senior.
pub const BANDS: [&str; 5] = ["ic", "manager", "director", "vp", "executive"];

impl Policy {
    /// The bands whose people are leaders.
    pub fn leader_bands(&self) -> &'static [&'static str] {
        let first = BANDS.iter().position(|band| *band == self.leader_band).unwrap_or(1);
        &BANDS[first..]
    }
}

/// What a job file says that names no rule.
impl Default for Policy {
    fn default() -> Policy {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Policy {
            synthetic_data: false,
            smallest_group: SMALLEST_GROUP,
            smallest_group_manager: SMALLEST_GROUP_MANAGER,
            rounding: 5,
            worker_types: words(&["employee"]),
            min_tenure_days: 0,
            active_verbs: words(&[
                "answered",
                "attempted",
                "commented",
                "completed",
                "failed",
                "launched",
                "passed",
                "progressed",
                "rated",
            ]),
            passive_verbs: words(&["searched", "viewed"]),
            max_event_minutes: 240,
            session_gap_minutes: 30,
            manager_scopes: false,
            leader_band: "manager".into(),
            leader_minutes_per_week: [15, 30],
            unit_level: 2,
            lookback_weeks: 12,
            submissions: 3,
            peer_endorsements: 2,
            require_manager_endorsement: true,
            endorser_line_levels: 2,
            outcome_weight: 1.25,
            competency_horizon_days: 90,
            outdated_months: 12,
        }
    }
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
    /// Parses and validates the text of a job file. `path` names it in errors and anchors relative paths; `read` gives the text of a
    /// file that the job names, by its path.
    ///
    /// # Errors
    /// The file is not TOML, has an unknown key, or asks for something the house refuses (a group below 5, say); a file it names
    /// cannot be read.
    pub fn parse(
        path: &Path,
        text: &str,
        catalog: &Catalog,
        read: &dyn Fn(&Path) -> Result<String, String>,
    ) -> Result<Job, JobError> {
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
        for (key, listed) in [
            ("missing_feeds", &file.tolerate.missing_feeds),
            ("refused_feeds", &file.tolerate.refused_feeds),
            ("reread", &file.tolerate.reread),
        ] {
            let is_listed = |feed: &String| file.feeds.iter().any(|known| feed_name(known) == feed_name(feed));
            if let Some(stranger) = listed.iter().find(|feed| !is_listed(feed)) {
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
        let holidays = file
            .policy
            .holidays
            .clone()
            .unwrap_or_default()
            .into_iter()
            .map(|date| day_of(date.0))
            .collect::<BTreeSet<_>>();
        let policy = policy(file.policy, file.synthetic_data).map_err(|(what, hint)| error(what, hint))?;
        known_verbs(&policy, catalog).map_err(|(what, hint)| error(what, hint))?;
        let certifications =
            certifications::certifications(file.certifications).map_err(|(what, hint)| error(what, hint))?;
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut attached = Attached::new();
        for (kind, names) in
            [("plans", file.plans), ("goals", file.goals), ("scorecards", file.scorecards), ("reviews", file.reviews)]
        {
            for name in names {
                let text = read(&folder.join(&name)).map_err(|cause| {
                    error(format!("{kind} names {name}: {cause}"), "paths are relative to the job file")
                })?;
                attached.entry(kind).or_default().push((name, text));
            }
        }
        let reviews = reviews::attached(&attached).map_err(|(name, what)| {
            error(format!("{name}: {what}"), "jobs/reviews/demo.toml is an example of a reviews file")
        })?;
        let goals = goals::attached(&attached).map_err(|(name, what)| {
            error(format!("goals names {name}: {what}"), "jobs/goals/ holds working examples to copy from")
        })?;
        let plans = plans::parse(attached.get("plans").map_or(&[], Vec::as_slice), catalog)?;
        let given = scorecards::Given { catalog, marts: marts.as_deref(), reviews: reviews.as_ref(), rituals: &[] };
        let scorecards = scorecards::parse(attached.get("scorecards").map(Vec::as_slice).unwrap_or_default(), &given)
            .map_err(|(what, hint)| error(what, hint))?;
        Ok(Job {
            name: file.name,
            landing: anchored(&folder, &file.landing),
            lake: anchored(&folder, &file.lake),
            feeds: file.feeds,
            marts,
            zone,
            calendar: Calendar { fiscal_year_start: file.fiscal_year_start, holidays },
            report_from: file.report_from.map(|date| date.0),
            pseudonym_epoch,
            policy,
            certifications,
            missing_feeds: feed_names(&file.tolerate.missing_feeds),
            refused_feeds: feed_names(&file.tolerate.refused_feeds),
            kept_feeds: feed_names(&file.tolerate.reread),
            folder,
            attached,
            reviews,
            goals,
            plans,
            scorecards,
        })
    }

    /// Whether a mart is asked for.
    pub fn wants(&self, mart: &str) -> bool {
        self.marts.as_ref().is_none_or(|marts| marts.iter().any(|name| name == mart))
    }

    /// A hash over the files of decisions.
    pub fn attached_hash(&self) -> String {
        let mut hash = Sha256::new();
        for (kind, files) in &self.attached {
            for (name, text) in files {
                for part in [*kind, name, text] {
                    hash.update((part.len() as u64).to_le_bytes());
                    hash.update(part.as_bytes());
                }
            }
        }
        hex::encode(&hash.finalize()[..8])
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
        hex::encode(&Sha256::digest(meant.as_bytes())[..8])
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
    let default = Policy::default();
    let words = |given: Option<Vec<String>>, default: Vec<String>| {
        let mut words = given.unwrap_or(default);
        words.sort();
        words.dedup();
        words
    };
    let policy = Policy {
        synthetic_data: synthetic,
        smallest_group,
        smallest_group_manager,
        rounding,
        worker_types: words(file.worker_types, default.worker_types),
        min_tenure_days: file.min_tenure_days.unwrap_or(default.min_tenure_days),
        active_verbs: words(file.active_verbs, default.active_verbs),
        passive_verbs: words(file.passive_verbs, default.passive_verbs),
        max_event_minutes: file.max_event_minutes.unwrap_or(default.max_event_minutes),
        session_gap_minutes: file.session_gap_minutes.unwrap_or(default.session_gap_minutes),
        manager_scopes: file.manager_scopes.unwrap_or(default.manager_scopes),
        leader_band: file.leader_band.unwrap_or(default.leader_band),
        leader_minutes_per_week: file.leader_minutes_per_week.unwrap_or(default.leader_minutes_per_week),
        unit_level: file.unit_level.unwrap_or(default.unit_level),
        lookback_weeks: file.lookback_weeks.unwrap_or(default.lookback_weeks),
        submissions: file.submissions.unwrap_or(default.submissions),
        peer_endorsements: file.peer_endorsements.unwrap_or(default.peer_endorsements),
        require_manager_endorsement: file.require_manager_endorsement.unwrap_or(default.require_manager_endorsement),
        endorser_line_levels: file.endorser_line_levels.unwrap_or(default.endorser_line_levels),
        outcome_weight: file.outcome_weight.unwrap_or(default.outcome_weight),
        competency_horizon_days: file.competency_horizon_days.unwrap_or(default.competency_horizon_days),
        outdated_months: file.outdated_months.unwrap_or(default.outdated_months),
    };
    if !BANDS.contains(&policy.leader_band.as_str()) {
        return Err((
            format!("policy.leader_band = \"{}\"", policy.leader_band),
            "write ic, manager, director, vp or executive",
        ));
    }
    let [least, most] = policy.leader_minutes_per_week;
    if least < 0 || most < least {
        return Err((
            format!("policy.leader_minutes_per_week = [{least}, {most}]"),
            "write [at least, at most], e.g. [15, 30]",
        ));
    }
    let counts = [
        ("unit_level", policy.unit_level),
        ("lookback_weeks", policy.lookback_weeks),
        ("submissions", policy.submissions),
        ("competency_horizon_days", policy.competency_horizon_days),
        ("outdated_months", policy.outdated_months),
    ];
    if let Some((key, value)) = counts.iter().find(|(_, value)| *value < 1) {
        return Err((format!("policy.{key} = {value}"), "it is at least 1"));
    }
    if policy.peer_endorsements < 0 || policy.endorser_line_levels < 0 {
        return Err((
            "a count of the policy is negative".into(),
            "peer_endorsements and endorser_line_levels start at 0",
        ));
    }
    if !policy.outcome_weight.is_finite() || policy.outcome_weight < 1.0 {
        return Err((
            format!("policy.outcome_weight = {}", policy.outcome_weight),
            "a measured change never lowers a score: it is at least 1",
        ));
    }
    if let Some(both) = policy.active_verbs.iter().find(|verb| policy.passive_verbs.contains(verb)) {
        return Err((format!("verb `{both}` is active and passive"), "an act is one of the two"));
    }
    if policy.max_event_minutes < 1 || policy.session_gap_minutes < 1 || policy.min_tenure_days < 0 {
        return Err(("a duration of the policy is below its minimum".into(), "minutes start at 1, tenure at 0 days"));
    }
    Ok(policy)
}

/// A feed's own name, whether it is listed by name or by the path of its file.
fn feed_name(listed: &str) -> String {
    let stem = Path::new(listed).file_stem().filter(|_| listed.ends_with(".toml"));
    stem.map_or_else(|| listed.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn feed_names(listed: &[String]) -> Vec<String> {
    listed.iter().map(|feed| feed_name(feed)).collect()
}

/// The policy's verbs are verbs of activity, and acts of somebody.
fn known_verbs(policy: &Policy, catalog: &Catalog) -> Result<(), (String, &'static str)> {
    let known =
        catalog.table("activity").and_then(|table| table.column("verb")).map_or(&[][..], |column| &column.values);
    for verb in policy.active_verbs.iter().chain(&policy.passive_verbs) {
        if matches!(verb.as_str(), "enrolled" | "voided") {
            let what = format!("verb `{verb}` is nobody's act and can be neither active nor passive");
            return Err((what, "enrolments, awards and roles happen to people; take the verb out of the policy"));
        }
        if !known.contains(verb) {
            let hint = "the column verb of activity in schemas/README.md lists them; a feed's value map turns a vendor's word into one";
            return Err((format!("there is no verb `{verb}`"), hint));
        }
    }
    Ok(())
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
        let none = |_: &Path| Err("no such file".to_owned());
        Job::parse(Path::new("jobs/nightly.toml"), &text, &Catalog::load().unwrap(), &none)
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
    fn the_policys_verbs_are_known_and_somebodys_acts() {
        let verbs =
            |verbs: &str| parse(&format!("[policy]\nactive_verbs = [{verbs}]")).map_err(|error| error.to_string());
        assert_eq!(verbs("\"completed\", \"other\"").unwrap().policy.active_verbs, ["completed", "other"]);
        assert!(verbs("\"enrolled\"").unwrap_err().contains("nobody's act"));
        assert!(verbs("\"compleated\"").unwrap_err().contains("there is no verb `compleated`"));
    }

    #[test]
    fn places_and_tolerances_do_not_change_what_is_computed() {
        let plain = parse("").unwrap().config_hash();
        let listed = |feed: &str| feed_names(&[feed.to_owned()]);
        assert_eq!((listed("./own/x.toml"), listed("x")), (vec!["x".to_owned()], vec!["x".to_owned()]));
        assert_eq!(plain, parse("[tolerate]\nmissing_feeds = [\"canonical_workers\"]").unwrap().config_hash());
        assert_ne!(plain, parse("[policy]\nmin_tenure_days = 30").unwrap().config_hash());
    }
}
