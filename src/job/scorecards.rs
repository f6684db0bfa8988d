//! Scorecards as decided: which few figures each scope is held to, by whom, and the meetings at which they are looked at.
//!
//! A scope has three to five KPIs over all scorecards of the job, each tied to a business outcome and an owner. Anything else is
//! refused with its reason, because a scorecard of twenty figures, or of figures nobody owns, steers nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Deserialize;

use crate::contract::{Area, Catalog, Table, Type};
use crate::period::{Day, Grain, day_of};

/// How many KPIs a scope is held to.
pub const KPIS: std::ops::RangeInclusive<usize> = 3..=5;

/// The columns that place a figure; whatever else a table's key holds, a KPI pins with `where`.
const PLACE: [&str; 4] = ["grain", "period_start", "scope_kind", "scope_id"];

/// All scorecards of a job.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scorecards {
    /// In the order of the files, then as written.
    pub kpis: Vec<Kpi>,
    pub rituals: Vec<Ritual>,
}

/// A figure that a scope is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpi {
    /// The scorecard it stands on.
    pub scorecard: String,
    /// From 1, as written.
    pub position: i64,
    pub table: String,
    pub column: String,
    /// Values of the rest of the table's key.
    pub pins: BTreeMap<String, String>,
    pub scope: Scope,
    pub target: f64,
    pub baseline: f64,
    /// How far short of the target is still `watch`, in the KPI's own unit.
    pub tolerance: f64,
    pub direction: Direction,
    pub lead_or_lag: String,
    /// A role, never a person.
    pub owner: String,
    /// The business outcome it stands for, in words.
    pub outcome: String,
    /// The KPI of canon `measures` by which the outcome is measured.
    pub measure: Option<String>,
}

/// Whom a KPI is about: one scope, or with no id every scope of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    pub kind: String,
    pub id: Option<String>,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
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
    kpis: Vec<KpiFile>,
    #[serde(default)]
    rituals: Vec<RitualFile>,
}

/// What a decision may have left out is optional here, so that the refusal can say it in words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KpiFile {
    kpi: String,
    #[serde(default, rename = "where")]
    pins: BTreeMap<String, String>,
    scope: String,
    target: f64,
    baseline: f64,
    tolerance: f64,
    direction: String,
    lead_or_lag: String,
    owner: Option<String>,
    outcome: Option<String>,
    measure: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RitualFile {
    name: String,
    every: String,
    required_roles: Vec<String>,
    by_working_day: Option<i64>,
    from: Option<NaiveDate>,
}

impl Kpi {
    /// `table.column`, with the pins of a finer table: `leadership_kpis.posts[kind=ama]`.
    pub fn name(&self) -> String {
        let pins: Vec<String> = self.pins.iter().map(|(column, value)| format!("{column}={value}")).collect();
        let pins = if pins.is_empty() { String::new() } else { format!("[{}]", pins.join(",")) };
        format!("{}.{}{pins}", self.table, self.column)
    }

    /// How a value stands against the target: `on_track`, `watch` within the tolerance, else `off_track`.
    pub fn status(&self, value: Option<f64>) -> &'static str {
        let Some(value) = value.filter(|value| value.is_finite()) else { return "no_data" };
        let short = match self.direction {
            Direction::Up => self.target - value,
            Direction::Down => value - self.target,
        };
        // A shortfall of exactly the tolerance is within it, whatever its last binary digit says.
        if short <= 0.0 {
            "on_track"
        } else if short <= self.tolerance + 1e-12 * self.target.abs().max(1.0) {
            "watch"
        } else {
            "off_track"
        }
    }
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// Reads the scorecards of a job: (name in the job file, text).
///
/// # Errors
/// The file and the reason, in words, and what to do.
pub fn parse(files: &[(String, String)], catalog: &Catalog) -> Result<Scorecards, (String, &'static str)> {
    let mut all = Scorecards::default();
    let mut names = BTreeSet::new();
    for (path, text) in files {
        let in_file = |(what, hint): (String, &'static str)| (format!("{path}: {what}"), hint);
        let file: ScorecardFile = toml::from_str(text)
            .map_err(|cause| in_file((cause.to_string(), "jobs/README.md lists every key a scorecard may hold")))?;
        if file.name.trim().is_empty() || !names.insert(file.name.clone()) {
            return Err(in_file((
                format!("name `{}` is empty or taken", file.name),
                "each scorecard has its own name",
            )));
        }
        for (at, kpi) in file.kpis.into_iter().enumerate() {
            all.kpis.push(self::kpi(&file.name, at as i64 + 1, kpi, catalog).map_err(in_file)?);
        }
        for ritual in file.rituals {
            let ritual = self::ritual(ritual).map_err(in_file)?;
            if all.rituals.iter().any(|known| known.name == ritual.name) {
                return Err(in_file((format!("ritual `{}` stands twice", ritual.name), "name each ritual once")));
            }
            all.rituals.push(ritual);
        }
        if all.kpis.iter().all(|kpi| kpi.scorecard != file.name) {
            return Err(in_file(too(&file.name, 0)));
        }
    }
    count(&all.kpis)?;
    Ok(all)
}

fn too(whom: &str, kpis: usize) -> (String, &'static str) {
    let (least, most) = (KPIS.start(), KPIS.end());
    (
        format!("{whom} has {kpis} KPIs; a scope is held to {least} to {most}, over all scorecards together"),
        "choose the three to five that are tied to an outcome, and leave the rest to the dictionary",
    )
}

/// Three to five a scope; a scope by name is also held to what its whole kind is.
fn count(kpis: &[Kpi]) -> Result<(), (String, &'static str)> {
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

fn kpi(scorecard: &str, position: i64, file: KpiFile, catalog: &Catalog) -> Result<Kpi, (String, &'static str)> {
    let name = &file.kpi;
    let error = |what: &str, hint: &'static str| Err((format!("KPI {name} {what}"), hint));
    let Some((table, column)) = name.split_once('.') else {
        return error("is no table.column", "write it like \"adoption_kpis.active_rate\"");
    };
    let readable = catalog.table("scorecard").map(|own| own.reads.as_slice()).unwrap_or_default();
    let Some(contract) = catalog.table(table).filter(|table| table.area == Area::Marts) else {
        return error("is of no table under marts/", "`uptake schema` lists the tables");
    };
    if !readable.iter().any(|name| name == table) {
        return error(
            "is of a table that says nothing by period and scope",
            "`uptake schema scorecard` lists those that do",
        );
    }
    let known = contract.column(column).filter(|column| matches!(column.data_type, Type::Int | Type::Double));
    let Some(known) = known.filter(|column| !column.key) else {
        return error("is no figure of that table", "`uptake schema TABLE` lists its columns");
    };
    pinned(contract, &file.pins).map_err(|(what, hint)| (format!("KPI {name} {what}"), hint))?;
    let scope = scope(&file.scope).map_err(|(what, hint)| (format!("KPI {name} {what}"), hint))?;
    let said =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let Some(owner) = said(&file.owner) else {
        return error("has no owner", "owner = the role that answers for it");
    };
    if owner.contains('@') {
        return error("has an address as its owner", "an owner is a role; marts/ hold no person");
    }
    let Some(outcome) = said(&file.outcome) else {
        return error("is tied to no business outcome", "outcome = what the business gets when it moves");
    };
    let direction = match file.direction.as_str() {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => {
            return error("has a direction that is neither up nor down", "say which way is better: \"up\" or \"down\"");
        }
    };
    if file.lead_or_lag != "lead" && file.lead_or_lag != "lag" {
        return error("is neither lead nor lag", "lead_or_lag = \"lead\" moves before the outcome, \"lag\" after it");
    }
    if !(file.target.is_finite() && file.baseline.is_finite() && file.tolerance.is_finite() && file.tolerance >= 0.0) {
        return error(
            "has a target, baseline or tolerance that is no number",
            "a tolerance is 0 or more, in the KPI's own unit",
        );
    }
    let (least, most) = known.range;
    if least.is_some_and(|least| file.target < least) || most.is_some_and(|most| file.target > most) {
        return error("has a target outside what the figure can be", "rates are shares from 0 to 1: 80 % is 0.8");
    }
    let ahead = match direction {
        Direction::Up => file.target >= file.baseline,
        Direction::Down => file.target <= file.baseline,
    };
    if !ahead {
        return error("has a target behind its baseline", "the target lies from the baseline in the KPI's direction");
    }
    Ok(Kpi {
        scorecard: scorecard.to_owned(),
        position,
        table: table.to_owned(),
        column: column.to_owned(),
        pins: file.pins,
        scope,
        target: file.target,
        baseline: file.baseline,
        tolerance: file.tolerance,
        direction,
        lead_or_lag: file.lead_or_lag,
        owner,
        outcome,
        measure: said(&file.measure),
    })
}

/// A table finer than period and scope needs the rest of its key.
fn pinned(table: &Table, pins: &BTreeMap<String, String>) -> Result<(), (String, &'static str)> {
    let hint = "where = { column = \"value\" } names a value for each column of the key beyond period and scope";
    if let Some(place) = PLACE.iter().find(|place| !table.key.iter().any(|part| part == *place)) {
        return Err((format!("is of a table without {place} in its key"), "a KPI has one value by period and scope"));
    }
    let rest = || table.key.iter().filter(|part| !PLACE.contains(&part.as_str()));
    if let Some(open) = rest().find(|part| !pins.contains_key(*part)) {
        return Err((format!("does not say which {open}"), hint));
    }
    match pins.keys().find(|pin| !rest().any(|part| part == *pin)) {
        Some(stray) => Err((format!("pins {stray}, which is not in the key of {}", table.name), hint)),
        None => Ok(()),
    }
}

fn scope(text: &str) -> Result<Scope, (String, &'static str)> {
    let hint = "write \"company\", \"org/OU-0007\" or, for every unit, \"org\"; kinds are company, org, leader_band, location, function";
    let (kind, id) = text.split_once('/').map_or((text, None), |(kind, id)| (kind, Some(id.to_owned())));
    match (kind, &id) {
        ("company", None) => Ok(Scope { kind: kind.into(), id: Some("all".into()) }),
        ("company", Some(all)) if all == "all" => Ok(Scope { kind: kind.into(), id }),
        ("org" | "leader_band" | "location" | "function", None) => Ok(Scope { kind: kind.into(), id }),
        ("org" | "leader_band" | "location" | "function", Some(id)) if !id.trim().is_empty() => {
            Ok(Scope { kind: kind.into(), id: Some(id.clone()) })
        }
        _ => Err((format!("is about `{text}`, which is no scope"), hint)),
    }
}

fn ritual(file: RitualFile) -> Result<Ritual, (String, &'static str)> {
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
        from: file.from.map(day_of),
    })
}

#[cfg(test)]
mod tests {
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

    /// A scorecard of so many KPIs, with one key of the first changed (`key = -` leaves it out).
    fn read(kpis: usize, change: &str) -> Result<Scorecards, String> {
        let mut text = "name = \"executive\"\n".to_owned();
        for (at, column) in RATES.iter().take(kpis).enumerate() {
            text.push_str(&one(column, if at == 0 { change } else { "" }));
        }
        parse(&[("scorecards/executive.toml".into(), text)], &Catalog::load().unwrap()).map_err(|(what, _)| what)
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
            ("kpi = \"adoption_kpis_managers.active_rate\"", "is of no table under marts/"),
            ("kpi = \"dim_org.depth\"", "says nothing by period and scope"),
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
    fn a_scope_by_name_is_also_held_to_what_its_kind_is() {
        let catalog = Catalog::load().unwrap();
        let text = |name: &str, scope: &str, from: usize| {
            let kpis: String =
                RATES[from..from + 3].iter().map(|column| one(column, &format!("scope = \"{scope}\""))).collect();
            (format!("{name}.toml"), format!("name = \"{name}\"\n{kpis}"))
        };
        let refused = parse(&[text("units", "org", 0), text("sales", "org/OU-4", 3)], &catalog).unwrap_err().0;
        assert!(refused.contains("sales and units: scope org/OU-4 has 6 KPIs"), "{refused}");
        assert!(parse(&[text("units", "org", 0), text("company", "company", 3)], &catalog).is_ok());
        let twice = parse(&[text("one", "company", 0), text("one", "org", 0)], &catalog).unwrap_err().0;
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
        let read = |ritual: &str| parse(&text(ritual), &Catalog::load().unwrap()).map_err(|(what, _)| what);
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
