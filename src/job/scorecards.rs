//! Scorecards as decided: which few figures each scope is held to, by whom, and the meetings at which they are looked at.
//!
//! A scope has three to five KPIs over all scorecards of the job, each tied to a business outcome and an owner. Anything else is
//! refused with its reason, because a scorecard of twenty figures, or of figures nobody owns, steers nothing.

mod kpi;
pub mod sources;

use std::collections::BTreeSet;

use serde::Deserialize;

use super::date::DateFile;
use super::reviews::Reviews;
use crate::contract::Catalog;
use crate::period::{Day, Grain, day_of};

pub use kpi::{Direction, Kpi, Scope};

/// How many KPIs a scope is held to.
pub const KPIS: std::ops::RangeInclusive<usize> = 3..=5;

/// All scorecards of a job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scorecards {
    /// In the order of the files, then as written.
    pub kpis: Vec<Kpi>,
    pub rituals: Vec<Ritual>,
}

/// A meeting that is to take place in every period.
#[derive(Debug, Clone, PartialEq)]
pub struct Ritual {
    /// As `events.subject` names it.
    pub name: String,
    pub every: Grain,
    pub required_roles: Vec<String>,
    /// It is on time up to this working day of the period; without it, up to the period's last day.
    pub by_working_day: Option<i64>,
    /// Expected from the first period that begins on or after this day; by default from the one that holds the first reported day.
    pub from: Option<Day>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScorecardFile {
    name: String,
    /// For the reader of the file.
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    kpis: Vec<kpi::KpiFile>,
    #[serde(default)]
    rituals: Vec<RitualFile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RitualFile {
    name: String,
    every: String,
    required_roles: Vec<String>,
    by_working_day: Option<i64>,
    from: Option<DateFile>,
}

/// Why a scorecard is refused, and what to do.
type Refusal = (String, &'static str);

/// What the rest of a job decided that a scorecard has to fit.
pub struct Given<'a> {
    pub catalog: &'a Catalog,
    /// The tables the job publishes; `None` is all of them.
    pub marts: Option<&'a [String]>,
    pub reviews: Option<&'a Reviews>,
    /// Filled while the scorecards are read.
    pub rituals: &'a [Ritual],
}

/// Reads the scorecards of a job: (name in the job file, text).
///
/// # Errors
/// The file and the reason, in words, and what to do.
pub fn parse(files: &[(String, String)], given: &Given<'_>) -> Result<Scorecards, Refusal> {
    let mut all = Scorecards::default();
    let mut names = BTreeSet::new();
    let mut figures = Vec::new();
    for (path, text) in files {
        let in_file = |(what, hint): Refusal| (format!("{path}: {what}"), hint);
        let file: ScorecardFile = toml::from_str(text)
            .map_err(|cause| in_file((cause.to_string(), "jobs/README.md lists every key a scorecard may hold")))?;
        if file.name.trim().is_empty() || !names.insert(file.name.clone()) {
            return Err(in_file((
                format!("name `{}` is empty or taken", file.name),
                "each scorecard has its own name",
            )));
        }
        if file.kpis.is_empty() {
            return Err(in_file(too(&file.name, 0)));
        }
        for ritual in file.rituals {
            let ritual = self::ritual(ritual).map_err(in_file)?;
            if all.rituals.iter().any(|known| known.name == ritual.name) {
                return Err(in_file((format!("ritual `{}` stands twice", ritual.name), "name each ritual once")));
            }
            all.rituals.push(ritual);
        }
        figures.push((path, file.name, file.kpis));
    }
    // A figure may be about a ritual of any file.
    let given = Given { rituals: &all.rituals, ..*given };
    for (path, name, kpis) in figures {
        for (at, file) in kpis.into_iter().enumerate() {
            let kpi = kpi::kpi(&name, at as i64 + 1, file, &given);
            all.kpis.push(kpi.map_err(|(what, hint)| (format!("{path}: {what}"), hint))?);
        }
    }
    count(&all.kpis)?;
    Ok(all)
}

fn too(whom: &str, kpis: usize) -> Refusal {
    let (least, most) = (KPIS.start(), KPIS.end());
    (
        format!("{whom} has {kpis} KPIs; a scope is held to {least} to {most}, over all scorecards together"),
        "choose the three to five that are tied to an outcome, and leave the rest to the dictionary",
    )
}

/// Three to five a scope; a scope by name is also held to what its whole kind is.
fn count(kpis: &[Kpi]) -> Result<(), Refusal> {
    let scopes: BTreeSet<&Scope> = kpis.iter().map(|kpi| &kpi.scope).collect();
    for scope in scopes {
        let held: Vec<&Kpi> = kpis
            .iter()
            .filter(|kpi| kpi.scope == *scope || (kpi.scope.kind == scope.kind && kpi.scope.id.is_none()))
            .collect();
        let whom = match &scope.id {
            Some(id) => format!("scope {}/{id}", scope.kind),
            None => format!("every scope of kind {}", scope.kind),
        };
        if !KPIS.contains(&held.len()) {
            let files: BTreeSet<&str> = held.iter().map(|kpi| kpi.scorecard.as_str()).collect();
            let files: Vec<&str> = files.into_iter().collect();
            return Err(too(&format!("scorecard {}: {whom}", files.join(" and ")), held.len()));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = held.iter().find(|kpi| !names.insert(kpi.name())) {
            let what = format!("scorecard {}: {whom} has {} twice", twice.scorecard, twice.name());
            return Err((what, "a figure has one target"));
        }
    }
    Ok(())
}

fn ritual(file: RitualFile) -> Result<Ritual, Refusal> {
    let error = |what: &str, hint: &'static str| Err((format!("ritual `{}` {what}", file.name), hint));
    let every = match file.every.as_str() {
        "week" => Grain::Week,
        "month" => Grain::Month,
        "quarter" => Grain::Quarter,
        _ => return error("has no cadence", "every = \"week\", \"month\" or \"quarter\""),
    };
    let roles: Vec<String> = file.required_roles.iter().map(|role| role.trim().to_lowercase()).collect();
    let distinct: BTreeSet<&String> = roles.iter().collect();
    if file.name.trim().is_empty()
        || roles.is_empty()
        || distinct.len() < roles.len()
        || distinct.iter().any(|role| role.is_empty())
    {
        return error("needs a name and roles that must be there, each once", "required_roles = [\"sponsor\", …]");
    }
    if file.by_working_day.is_some_and(|day| day < 1) {
        return error("is due before its period", "working days of a period count from 1");
    }
    Ok(Ritual {
        name: file.name.trim().to_owned(),
        every,
        required_roles: roles,
        by_working_day: file.by_working_day,
        from: file.from.map(|date| day_of(date.0)),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const RATES: [&str; 6] =
        ["active_rate", "activation_rate", "completion_rate", "on_time_rate", "adoption_velocity", "stickiness"];

    fn one(column: &str, change: &str) -> String {
        let mut keys: BTreeMap<&str, String> = BTreeMap::from([
            ("kpi", format!("\"adoption_kpis.{column}\"")),
            ("scope", "\"company\"".into()),
            ("target", "0.8".into()),
            ("baseline", "0.5".into()),
            ("tolerance", "0.05".into()),
            ("direction", "\"up\"".into()),
            ("lead_or_lag", "\"lead\"".into()),
            ("owner", "\"head of learning\"".into()),
            ("outcome", "\"new hires are productive sooner\"".into()),
        ]);
        if let Some((key, value)) = change.split_once('=') {
            keys.insert(key.trim(), value.trim().to_owned());
        }
        let lines: Vec<String> =
            keys.iter().filter(|(_, value)| *value != "-").map(|(key, value)| format!("{key} = {value}")).collect();
        format!("[[kpis]]\n{}\n", lines.join("\n"))
    }

    /// Reads files of a job that publishes everything.
    fn parsed(files: &[(String, String)]) -> Result<Scorecards, String> {
        let given = Given { catalog: &Catalog::load().unwrap(), marts: None, reviews: None, rituals: &[] };
        parse(files, &given).map_err(|(what, _)| what)
    }

    /// A scorecard of so many KPIs, with one key of the first changed (`key = -` leaves it out).
    fn read(kpis: usize, change: &str) -> Result<Scorecards, String> {
        let mut text = "name = \"executive\"\n".to_owned();
        for (at, column) in RATES.iter().take(kpis).enumerate() {
            text.push_str(&one(column, if at == 0 { change } else { "" }));
        }
        parsed(&[("scorecards/executive.toml".into(), text)])
    }

    #[test]
    fn three_to_five_kpis_a_scope_or_refused_with_the_reason() {
        for kpis in [3, 4, 5] {
            assert_eq!(read(kpis, "").unwrap().kpis.len(), kpis);
        }
        for kpis in [1, 2, 6] {
            let why = read(kpis, "").unwrap_err();
            assert!(why.contains(&format!("company/all has {kpis} KPIs")) && why.contains("3 to 5"), "{why}");
        }
        assert!(read(0, "").unwrap_err().contains("executive has 0 KPIs"));
        let apart = read(4, "scope = \"org/OU-1\"").unwrap_err();
        assert!(apart.contains("scope org/OU-1 has 1 KPIs"), "each scope is counted on its own: {apart}");
    }

    #[test]
    fn a_kpi_without_owner_or_outcome_is_refused_by_name() {
        for (change, why) in [
            ("owner = -", "has no owner"),
            ("owner = \" \"", "has no owner"),
            ("owner = \"a.b@example.org\"", "has an address as its owner"),
            ("outcome = -", "is tied to no business outcome"),
            ("kpi = \"adoption_kpis.actve_rate\"", "is no figure of that table"),
            ("kpi = \"adoption_kpis.scope_id\"", "is no figure of that table"),
            ("kpi = \"workers.fte\"", "is of no table under marts/"),
            ("kpi = \"nothing.active_rate\"", "is of a table that does not exist"),
            ("kpi = \"adoption_kpis_managers.active_rate\"", "is of a restricted table"),
            ("kpi = \"leader_scorecard.reach\"", "is of a restricted table"),
            ("kpi = \"runs.rows_read\"", "is of no table under marts/"),
            ("kpi = \"dim_org.depth\"", "says nothing by month or quarter"),
            ("kpi = \"leader_post_effects.estimate\"", "says nothing by month or quarter"),
            ("kpi = \"leadership_kpis.sponsor_active\"", "is no figure of that table: leaders, leaders_posting"),
            ("kpi = \"certification_status.valid\"", "does not say which content_id"),
            ("kpi = \"rater_agreement.gwet_ac2\"", "is about review cycles, and the job names no reviews"),
            ("kpi = \"cadence.held\"", "does not say which ritual"),
            ("grains = [\"week\"]", "has grains = [… \"week\" …], but adoption_kpis has it by month and quarter alone"),
            ("grains = []", "has no grains"),
            ("scope = \"manager/W1\"", "is about `manager/W1`, which is no scope"),
            ("direction = \"sideways\"", "neither up nor down"),
            ("lead_or_lag = \"both\"", "neither lead nor lag"),
            ("target = 80.0", "outside what the figure can be"),
            ("target = 0.4", "has a target behind its baseline"),
            ("tolerance = -0.1", "is no number"),
            ("where = { kind = \"ama\" }", "pins kind, which is not in the key"),
        ] {
            let refused = read(3, change).unwrap_err();
            assert!(
                refused.starts_with("scorecards/executive.toml: KPI ") && refused.contains(why),
                "{change}: {refused}"
            );
        }
        assert!(read(3, "color = \"red\"").unwrap_err().contains("color"), "an unknown key is refused");
    }

    #[test]
    fn a_figure_may_come_from_any_table_that_speaks_of_periods() {
        let text = |kpi: &str, more: &str| {
            let kpis: String = RATES[..2].iter().map(|column| one(column, "")).collect();
            let other = one("active_rate", &format!("kpi = \"{kpi}\"")).replace("target = 0.8", "target = 60.0");
            let ritual = "[[rituals]]\nname = \"review\"\nevery = \"month\"\nrequired_roles = [\"sponsor\"]\n";
            vec![("e.toml".to_owned(), format!("name = \"e\"\n{kpis}{other}{more}\n{ritual}"))]
        };
        let read = |kpi: &str, more: &str| parsed(&text(kpi, more)).map(|mut read| read.kpis.remove(2));
        let named = |kpi: &str, more: &str| {
            let kpi = read(kpi, more).unwrap();
            let grains: Vec<&str> = kpi.grains.iter().map(|grain| grain.as_str()).collect();
            format!("{} by {}", kpi.name(), grains.join(" and "))
        };
        assert_eq!(named("headcount", ""), "adoption_kpis.headcount by month and quarter", "a bare name is adoption's");
        assert_eq!(named("leadership_kpis.leaders", "grains = [\"quarter\"]"), "leadership_kpis.leaders by quarter");
        let course = "where = { content_id = \"C-1\" }";
        assert_eq!(named("certification_status.valid", course), "certification_status.valid[content_id=C-1] by month");
        let ramp = "where = { clock = \"hire\", milestone = \"ramped\" }";
        assert_eq!(
            named("time_to_competency.median_days", ramp),
            "time_to_competency.median_days[clock=hire,milestone=ramped] by quarter"
        );
        assert_eq!(named("cadence.held", "where = { ritual = \"review\" }"), "cadence.held[ritual=review] by month");
        for (kpi, more, why) in [
            (
                "certification_status.valid",
                "where = { content_id = \"C-1\" }\ngrains = [\"quarter\"]",
                "by month alone",
            ),
            ("adoption_cohorts.retained", "where = { months_since = \"two\" }", "none of a whole number"),
            (
                "time_to_competency.median_days",
                "where = { clock = \"hire\", milestone = \"x\" }",
                "which is none of certified",
            ),
            ("cadence.held", "where = { ritual = \"lunch\" }", "the ritual `lunch`, which no scorecard names"),
        ] {
            let refused = read(kpi, more).unwrap_err();
            assert!(refused.starts_with(&format!("e.toml: KPI {kpi} ")) && refused.contains(why), "{refused}");
        }
        let org = text("content_engagement.viewers", course)[0].1.replacen(
            "scope = \"company\"\ntarget = 60.0",
            "scope = \"org\"\ntarget = 60.0",
            1,
        );
        let refused = parsed(&[("e.toml".into(), org)]).unwrap_err();
        assert!(refused.contains("is about `org`, but content_engagement speaks of the whole company"), "{refused}");
    }

    #[test]
    fn a_figure_of_a_table_that_the_job_leaves_out_is_refused() {
        let catalog = Catalog::load().unwrap();
        let kpis: String = RATES[..3].iter().map(|column| one(column, "")).collect();
        let files = [("e.toml".to_owned(), format!("name = \"e\"\n{kpis}"))];
        let with = |marts: &[&str]| {
            let marts: Vec<String> = marts.iter().map(|name| (*name).to_owned()).collect();
            parse(&files, &Given { catalog: &catalog, marts: Some(&marts), reviews: None, rituals: &[] })
        };
        assert!(with(&["adoption_kpis", "scorecard"]).is_ok());
        assert!(with(&["scorecard"]).unwrap_err().0.contains("is of a table that the job does not publish"));
        assert!(with(&["dim_org"]).is_ok(), "no scorecard is asked for");
    }

    #[test]
    fn a_scope_by_name_is_also_held_to_what_its_kind_is() {
        let text = |name: &str, scope: &str, from: usize| {
            let kpis: String =
                RATES[from..from + 3].iter().map(|column| one(column, &format!("scope = \"{scope}\""))).collect();
            (format!("{name}.toml"), format!("name = \"{name}\"\n{kpis}"))
        };
        let refused = parsed(&[text("units", "org", 0), text("sales", "org/OU-4", 3)]).unwrap_err();
        assert!(refused.contains("sales and units: scope org/OU-4 has 6 KPIs"), "{refused}");
        assert!(parsed(&[text("units", "org", 0), text("company", "company", 3)]).is_ok());
        let twice = parsed(&[text("one", "company", 0), text("one", "org", 0)]).unwrap_err();
        assert!(twice.contains("name `one` is empty or taken"), "{twice}");
    }

    #[test]
    fn on_track_watch_and_off_track_in_both_directions() {
        let up = read(3, "").unwrap().kpis.remove(0);
        let statuses = |kpi: &Kpi, values: [f64; 5]| values.map(|value| kpi.status(Some(value)));
        // Target 0.8, tolerance 0.05: 0.75 is still within it.
        assert_eq!(
            statuses(&up, [0.9, 0.8, 0.79, 0.75, 0.7499]),
            ["on_track", "on_track", "watch", "watch", "off_track"]
        );
        let down = Kpi { direction: Direction::Down, target: 0.1, baseline: 0.3, ..up };
        assert_eq!(
            statuses(&down, [0.05, 0.1, 0.11, 0.15, 0.1501]),
            ["on_track", "on_track", "watch", "watch", "off_track"]
        );
        assert_eq!((down.status(None), down.status(Some(f64::NAN))), ("no_data", "no_data"));
    }

    #[test]
    fn rituals_have_a_cadence_and_roles() {
        let text = |ritual: &str| {
            let kpis: String = RATES[..3].iter().map(|column| one(column, "")).collect();
            vec![("e.toml".to_owned(), format!("name = \"e\"\n{kpis}[[rituals]]\n{ritual}"))]
        };
        let read = |ritual: &str| parsed(&text(ritual));
        let stand_up = read("name = \"weekly stand-up\"\nevery = \"week\"\nrequired_roles = [\"Sponsor \"]").unwrap();
        assert_eq!(
            (stand_up.rituals[0].every, stand_up.rituals[0].required_roles[0].as_str()),
            (Grain::Week, "sponsor")
        );
        let refused = read("name = \"x\"\nevery = \"fortnight\"\nrequired_roles = [\"a\"]").unwrap_err();
        assert_eq!(refused, "e.toml: ritual `x` has no cadence");
        assert!(read("name = \"x\"\nevery = \"week\"\nrequired_roles = []").unwrap_err().contains("roles"));
    }
}
