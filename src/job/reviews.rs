//! Review cycles, rubrics and raters: decisions, as data. A rating means nothing without the words of its rubric, and a cycle
//! nobody opened has no submissions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Deserialize;

use super::BANDS;
use crate::period::{Day, day_of};

/// The dimensions of the rubric, in the order of its rows.
pub const DIMENSIONS: [&str; 3] = ["relevance", "quality", "impact"];

/// What a reviews file says, validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Reviews {
    /// By last day, then by id: each is compared with the one before.
    pub cycles: Vec<Cycle>,
    /// By version.
    pub rubrics: Vec<Rubric>,
    /// What each dimension counts in an item's overall score, in the order of [`DIMENSIONS`].
    pub weights: [f64; 3],
    /// In place of the policy's.
    pub outcome_weight: Option<f64>,
    /// Least mean of quality of an eligible item, once it is rated.
    pub quality_threshold: Option<f64>,
    pub raters: Raters,
    /// Competencies that have rows of their own; empty is any that is submitted.
    pub competencies: BTreeSet<String>,
    /// Which way an outcome must change to be better; one without an entry may change either way.
    pub outcomes: BTreeMap<String, Better>,
}

/// One review cycle, both days included.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    pub id: String,
    pub opens: Day,
    pub closes: Day,
    /// The version its items are rated by.
    pub rubric: String,
}

/// What each mark means: by dimension in the order of [`DIMENSIONS`], then for 1 to 4.
#[derive(Debug, Clone, PartialEq)]
pub struct Rubric {
    pub version: String,
    pub labels: [[String; 4]; 3],
}

/// Whose ratings count. Nobody rates an item of their own, whoever they are.
#[derive(Debug, Clone, PartialEq)]
pub enum Raters {
    /// Every worker HRIS knows.
    Any,
    /// People of these leader bands on the day of the rating.
    Bands(BTreeSet<String>),
    /// These workers, as HRIS identifies them.
    Workers(BTreeSet<String>),
}

/// Which way an outcome improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Lower,
    Higher,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewsFile {
    cycles: Vec<CycleFile>,
    rubrics: Vec<RubricFile>,
    #[serde(default)]
    weights: WeightsFile,
    outcome_weight: Option<f64>,
    quality_threshold: Option<f64>,
    raters: RatersFile,
    #[serde(default)]
    competencies: Vec<String>,
    #[serde(default)]
    outcomes: BTreeMap<String, Better>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CycleFile {
    id: String,
    opens: toml::Value,
    closes: toml::Value,
    rubric: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RubricFile {
    version: String,
    relevance: Vec<String>,
    quality: Vec<String>,
    impact: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WeightsFile {
    relevance: f64,
    quality: f64,
    impact: f64,
}

impl Default for WeightsFile {
    fn default() -> WeightsFile {
        WeightsFile { relevance: 1.0, quality: 1.0, impact: 1.0 }
    }
}

/// `raters = "any"`, or one of the two lists.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RatersFile {
    Word(String),
    Lists(RaterLists),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RaterLists {
    leader_bands: Option<BTreeSet<String>>,
    workers: Option<BTreeSet<String>>,
}

/// The reviews file of a job, if it names one; the error names the file and what is wrong with it.
pub(super) fn attached(attached: &super::Attached) -> Result<Option<Reviews>, (String, String)> {
    match attached.get("reviews").map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([(name, text)]) => Reviews::parse(text).map(Some).map_err(|what| (name.clone(), what)),
        Some([_, (name, _), ..]) => {
            Err((name.clone(), "one file says all about review cycles; this is a second".into()))
        }
    }
}

impl Reviews {
    /// Parses and validates a reviews file. The error names the key; the caller names the file.
    ///
    /// # Errors
    /// The text is not TOML, has an unknown key, or contradicts itself.
    pub fn parse(text: &str) -> Result<Reviews, String> {
        let file: ReviewsFile = toml::from_str(text).map_err(|cause| cause.to_string())?;
        let rubrics = rubrics(file.rubrics)?;
        let cycles = cycles(file.cycles, &rubrics)?;
        let weights = [file.weights.relevance, file.weights.quality, file.weights.impact];
        if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) || weights.iter().sum::<f64>() <= 0.0 {
            return Err("weights: each is at least 0 and one is more".into());
        }
        if file.outcome_weight.is_some_and(|weight| !weight.is_finite() || weight < 1.0) {
            return Err("outcome_weight: a measured change never lowers a score, so it is at least 1".into());
        }
        if file.quality_threshold.is_some_and(|points| !(1.0..=4.0).contains(&points)) {
            return Err("quality_threshold: points from 1 to 4".into());
        }
        if let Some(reserved) =
            file.competencies.iter().find(|name| RESERVED.contains(&name.as_str()) || name.is_empty())
        {
            return Err(format!("competencies: `{reserved}` is a word the tables use themselves"));
        }
        Ok(Reviews {
            cycles,
            rubrics,
            weights,
            outcome_weight: file.outcome_weight,
            quality_threshold: file.quality_threshold,
            raters: raters(file.raters)?,
            competencies: file.competencies.into_iter().collect(),
            outcomes: file.outcomes,
        })
    }

    /// The place of a cycle in [`Reviews::cycles`].
    pub fn cycle(&self, id: &str) -> Option<usize> {
        self.cycles.iter().position(|cycle| cycle.id == id)
    }
}

/// Words that stand in the column `competency` for something else than a competency.
const RESERVED: [&str; 3] = ["all", "other", "unknown"];

fn rubrics(files: Vec<RubricFile>) -> Result<Vec<Rubric>, String> {
    let mut rubrics = Vec::new();
    for file in files {
        let version = file.version;
        let labels = |name: &str, labels: Vec<String>| -> Result<[String; 4], String> {
            let labels: [String; 4] = labels.try_into().map_err(|labels: Vec<String>| {
                format!("rubrics, {version}, {name}: {} labels for 4 marks", labels.len())
            })?;
            match labels.iter().any(|label| label.trim().is_empty()) {
                true => Err(format!("rubrics, {version}, {name}: a mark without words")),
                false => Ok(labels),
            }
        };
        let labels =
            [labels("relevance", file.relevance)?, labels("quality", file.quality)?, labels("impact", file.impact)?];
        if version.is_empty() || rubrics.iter().any(|other: &Rubric| other.version == version) {
            return Err(format!("rubrics: version `{version}` is empty or there twice"));
        }
        rubrics.push(Rubric { version, labels });
    }
    rubrics.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(rubrics)
}

fn cycles(files: Vec<CycleFile>, rubrics: &[Rubric]) -> Result<Vec<Cycle>, String> {
    let mut cycles: Vec<Cycle> = Vec::new();
    for file in files {
        let id = file.id;
        if id.is_empty() || cycles.iter().any(|other| other.id == id) {
            return Err(format!("cycles: id `{id}` is empty or there twice"));
        }
        let (opens, closes) = (date(&id, "opens", &file.opens)?, date(&id, "closes", &file.closes)?);
        if closes < opens {
            return Err(format!("cycles, {id}: closes lies before opens"));
        }
        let rubric = match (file.rubric, rubrics) {
            (Some(version), _) if rubrics.iter().any(|rubric| rubric.version == version) => version,
            (Some(version), _) => return Err(format!("cycles, {id}, rubric: there is no version `{version}`")),
            (None, [only]) => only.version.clone(),
            (None, _) => return Err(format!("cycles, {id}: rubric is missing, and there is not exactly one")),
        };
        cycles.push(Cycle { id, opens, closes, rubric });
    }
    if cycles.is_empty() {
        return Err("cycles: at least one".into());
    }
    cycles.sort_by(|a, b| (a.closes, &a.id).cmp(&(b.closes, &b.id)));
    Ok(cycles)
}

/// A date as TOML writes it, bare, or in quotes as job files do.
fn date(cycle: &str, key: &str, value: &toml::Value) -> Result<Day, String> {
    let text = match value {
        toml::Value::Datetime(date) => date.to_string(),
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let date: Result<NaiveDate, _> = text.parse();
    date.map(day_of).map_err(|_| format!("cycles, {cycle}, {key}: `{text}` is no date, such as 2026-06-30"))
}

fn raters(file: RatersFile) -> Result<Raters, String> {
    match file {
        RatersFile::Word(word) if word == "any" => Ok(Raters::Any),
        RatersFile::Lists(RaterLists { leader_bands: Some(bands), workers: None }) if !bands.is_empty() => {
            match bands.iter().find(|band| !BANDS.contains(&band.as_str())) {
                Some(stranger) => Err(format!("raters, leader_bands: `{stranger}` is none of {}", BANDS.join(", "))),
                None => Ok(Raters::Bands(bands)),
            }
        }
        RatersFile::Lists(RaterLists { leader_bands: None, workers: Some(workers) }) if !workers.is_empty() => {
            Ok(Raters::Workers(workers))
        }
        _ => Err("raters: \"any\", { leader_bands = [\"manager\"] } or { workers = [\"W1\"] }".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUBRIC: &str = "
        [[rubrics]]
        version = \"v1\"
        relevance = [\"off topic\", \"in part\", \"on topic\", \"to the point\"]
        quality = [\"wrong\", \"thin\", \"sound\", \"exemplary\"]
        impact = [\"none seen\", \"some\", \"clear\", \"measured\"]
        ";
    const CYCLE: &str = "[[cycles]]\nid = \"2026-H1\"\nopens = 2026-01-01\ncloses = 2026-06-30\n";

    fn parse(top: &str, rest: &str) -> Result<Reviews, String> {
        Reviews::parse(&format!("{top}\n{RUBRIC}\n{rest}"))
    }

    #[test]
    fn a_file_says_what_it_says_and_the_rest_has_defaults() {
        let reviews = parse("raters = \"any\"", CYCLE).unwrap();
        assert_eq!((reviews.weights, reviews.outcome_weight, reviews.quality_threshold), ([1.0; 3], None, None));
        assert_eq!(reviews.cycles[0].rubric, "v1", "where there is one rubric, cycles need not name it");
        assert_eq!(reviews.rubrics[0].labels[2][3], "measured");
        assert_eq!(reviews.cycle("2026-H1"), Some(0));
    }

    #[test]
    fn cycles_follow_each_other_whatever_the_order_of_the_file() {
        let earlier = "[[cycles]]\nid = \"z\"\nopens = 2025-07-01\ncloses = 2025-12-31\n";
        let reviews = parse("raters = \"any\"", &format!("{CYCLE}{earlier}")).unwrap();
        assert_eq!(reviews.cycles.iter().map(|cycle| cycle.id.as_str()).collect::<Vec<_>>(), ["z", "2026-H1"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |top: &str, rest: &str| parse(top, rest).unwrap_err();
        assert!(wrong("raters = \"any\"\nquality_treshold = 2", CYCLE).contains("quality_treshold"));
        assert!(wrong("raters = \"some\"", CYCLE).starts_with("raters"));
        assert!(wrong("raters = { leader_bands = [\"boss\"] }", CYCLE).contains("boss"));
        assert!(wrong("raters = \"any\"\nquality_threshold = 5", CYCLE).contains("quality_threshold"));
        assert!(wrong("raters = \"any\"\ncompetencies = [\"all\"]", CYCLE).contains("`all`"));
        assert!(wrong("raters = \"any\"", &format!("{CYCLE}rubric = \"v9\"")).contains("2026-H1, rubric"));
        assert!(wrong("raters = \"any\"", &CYCLE.replace("2026-06-30", "2025-06-30")).contains("closes"));
        assert!(
            wrong("raters = \"any\"", &CYCLE.replace("2026-06-30", "\"June\"")).contains("2026-H1, closes: `June`")
        );
        assert!(wrong("raters = \"any\"", &format!("{CYCLE}[weights]\nimpact = -1")).contains("weights"));
        assert!(wrong("raters = \"any\"", "cycles = []").contains("cycles"));
        let short = RUBRIC.replace(", \"measured\"", "");
        assert!(
            Reviews::parse(&format!("raters = \"any\"\n{short}\n{CYCLE}"))
                .unwrap_err()
                .contains("v1, impact: 3 labels")
        );
    }
}
