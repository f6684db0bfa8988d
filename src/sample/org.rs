//! The organisation: a tree of units with sizes, heads and what changes in it over time.

use crate::period::{Day, OPEN_END};

use super::Options;
use super::calendar::Calendar;
use super::names::{DIVISIONS, FUNCTIONS, LOCATIONS, WORK};
use super::rng::{Purpose, Stream};

/// An index into [`Org::units`].
pub type UnitId = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Company,
    Group,
    Division,
    Department,
    Team,
    /// A team of fewer than five people, so that small groups exist to be hidden.
    Lab,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Company => "company",
            Kind::Group => "group",
            Kind::Division => "division",
            Kind::Department => "department",
            Kind::Team => "team",
            Kind::Lab => "lab",
        }
    }

    /// Teams and labs hold people; the units above hold their children's heads and a small office, or nobody.
    pub fn is_leaf(self) -> bool {
        self >= Kind::Team
    }
}

/// One org unit over time.
#[derive(Debug, Clone)]
pub struct Unit {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    /// The parent from a day on, in rising order; empty for the company.
    pub parents: Vec<(Day, UnitId)>,
    /// The head (an index of people) from a day on, in rising order.
    pub heads: Vec<(Day, usize)>,
    pub opens: Day,
    /// The first day on which it is no more.
    pub closes: Day,
    /// People who sit in the unit itself at the start, its head included for teams and labs.
    pub size: u32,
    pub function: usize,
    pub location: usize,
    /// How keen on learning the unit is against the company's average.
    pub keenness: f64,
}

impl Unit {
    pub fn parent_on(&self, day: Day) -> Option<UnitId> {
        on(&self.parents, day)
    }

    pub fn head_on(&self, day: Day) -> Option<usize> {
        on(&self.heads, day)
    }

    pub fn exists(&self, day: Day) -> bool {
        self.opens <= day && day < self.closes
    }
}

/// The value that holds on `day`; before the first change, the first value.
fn on<T: Copy>(changes: &[(Day, T)], day: Day) -> Option<T> {
    let holds = changes.iter().rev().find(|(from, _)| *from <= day).or(changes.first());
    holds.map(|(_, value)| *value)
}

#[derive(Debug, Clone)]
pub struct Org {
    /// The company first; a parent always comes before its children as of the start.
    pub units: Vec<Unit>,
    /// The day of the re-organisation, where there was room for one.
    pub reorganised: Option<Day>,
}

impl Org {
    pub fn leaves(&self) -> impl Iterator<Item = (UnitId, &Unit)> {
        self.units.iter().enumerate().filter(|(_, unit)| unit.kind.is_leaf())
    }
}

/// Days before the first one on which every unit already stood.
const STOOD_FOR: Day = 2_000;

/// Builds the tree for about `options.workers` people.
pub fn build(options: &Options, calendar: Calendar) -> Org {
    let mut stream = Stream::new(options.seed, Purpose::Org, 0);
    let teams = team_sizes(options.workers, &mut stream);
    // Four steps from the company to a team, five in companies that are large enough for groups.
    let steps = if teams.len() >= 150 { 4 } else { 3 };
    let fan_out = fan_out(teams.len(), steps);
    let mut levels = vec![teams.len()];
    for _ in 1..steps {
        levels.push(levels[levels.len() - 1].div_ceil(fan_out));
    }
    let kinds = [Kind::Team, Kind::Department, Kind::Division, Kind::Group];
    let mut units = vec![unit(Kind::Company, "OU-0000".into(), super::names::COMPANY.into(), None, calendar)];
    units[0].size = 8.min(options.workers / 8);
    let mut above = 0..1;
    for level in (0..levels.len()).rev() {
        let first = units.len();
        for (index, team_size) in (0..levels[level]).map(|index| (index, teams.get(index).copied().unwrap_or(0))) {
            let parent = above.start + index * above.len() / levels[level];
            let function = match kinds[level] {
                // Departments have a trade each; most of their teams share it.
                Kind::Team if stream.chance(0.85) => units[parent].function,
                Kind::Team => stream.below(FUNCTIONS.len() as u32) as usize,
                _ => index % FUNCTIONS.len(),
            };
            let name = name(kinds[level], function, index, &units);
            let mut unit = unit(kinds[level], format!("OU-{:04}", units.len()), name, Some(parent), calendar);
            unit.function = function;
            unit.location = stream.weighted(&LOCATIONS.map(|location| location.weight));
            unit.keenness = 0.7 + 0.6 * stream.unit();
            unit.size = match kinds[level] {
                Kind::Team => team_size,
                // The office beside the department heads who sit here.
                Kind::Division | Kind::Group if options.workers >= 120 => 3 + stream.below(3),
                _ => 0,
            };
            units.push(unit);
        }
        above = first..units.len();
    }
    let mut org = Org { units, reorganised: None };
    add_labs(&mut org, options, calendar, &mut stream);
    reorganise(&mut org, options, calendar);
    org
}

/// Teams of 8 to 60, in small companies of 8 to 10: what is left when offices and labs are taken out.
fn team_sizes(workers: u32, stream: &mut Stream) -> Vec<u32> {
    let spread = f64::from((workers / 100).clamp(3, 53));
    let mut left = workers - (workers / 10).min(36 + workers / 50);
    let mut sizes = Vec::new();
    while left >= 8 {
        let drawn = stream.unit();
        let size = (8 + (drawn * drawn.max(if workers <= 1_000 { 1.0 } else { drawn }) * spread) as u32).min(left);
        sizes.push(size);
        left -= size;
    }
    if sizes.is_empty() {
        sizes.push(left.max(1));
        left = 0;
    }
    let last = sizes.len();
    for index in 0..left as usize {
        sizes[index % last] += 1;
    }
    sizes
}

/// The smallest fan-out that reaches every team in `steps` steps.
fn fan_out(teams: usize, steps: u32) -> usize {
    (2..).find(|fan_out: &usize| fan_out.saturating_pow(steps) >= teams).unwrap_or(2).max(4)
}

fn unit(kind: Kind, id: String, name: String, parent: Option<UnitId>, calendar: Calendar) -> Unit {
    let opens = calendar.start - STOOD_FOR;
    Unit {
        id,
        name,
        kind,
        parents: parent.map(|parent| (opens, parent)).into_iter().collect(),
        heads: Vec::new(),
        opens,
        closes: OPEN_END,
        size: 0,
        function: 0,
        location: 0,
        keenness: 1.0,
    }
}

fn name(kind: Kind, function: usize, index: usize, units: &[Unit]) -> String {
    let base = match kind {
        Kind::Group => format!("{} Group", DIVISIONS[index % DIVISIONS.len()]),
        Kind::Division => DIVISIONS[index % DIVISIONS.len()].to_owned(),
        Kind::Department => FUNCTIONS[function].to_owned(),
        _ => WORK[function][index % WORK[function].len()].to_owned(),
    };
    let numbered = format!("{base} ");
    match units.iter().filter(|unit| unit.name == base || unit.name.starts_with(&numbered)).count() {
        0 => base,
        before => format!("{base} {}", before + 1),
    }
}

/// Two to four people beside a department's teams: one lab in ten departments, at least three.
fn add_labs(org: &mut Org, options: &Options, calendar: Calendar, stream: &mut Stream) {
    let departments: Vec<UnitId> =
        (0..org.units.len()).filter(|&index| org.units[index].kind == Kind::Department).collect();
    if options.workers < 120 {
        return;
    }
    let labs = (departments.len() / 10).max(3).min(departments.len());
    for index in 0..labs {
        let parent = departments[index * departments.len() / labs];
        let name = format!("{} Lab {}", FUNCTIONS[org.units[parent].function], index + 1);
        let mut lab = unit(Kind::Lab, format!("OU-{:04}", org.units.len()), name, Some(parent), calendar);
        lab.function = org.units[parent].function;
        lab.location = org.units[parent].location;
        lab.size = 2 + stream.below(3);
        org.units.push(lab);
    }
}

/// At three fifths of the time: a department moves to another division, a lab closes, and a new team opens.
fn reorganise(org: &mut Org, options: &Options, calendar: Calendar) {
    if options.workers < 120 || calendar.weeks < 16 {
        return;
    }
    let day = calendar.monday(calendar.weeks * 3 / 5);
    let departments: Vec<UnitId> =
        (0..org.units.len()).filter(|&index| org.units[index].kind == Kind::Department).collect();
    let divisions: Vec<UnitId> =
        (0..org.units.len()).filter(|&index| org.units[index].kind == Kind::Division).collect();
    let (Some(&moved), Some(&target)) = (departments.first(), divisions.last()) else { return };
    if org.units[moved].parent_on(day) != Some(target) {
        org.units[moved].parents.push((day, target));
    }
    if let Some(lab) = org.units.iter().rposition(|unit| unit.kind == Kind::Lab) {
        org.units[lab].closes = day;
    }
    let parent = departments[departments.len() / 2];
    let mut team = unit(Kind::Team, format!("OU-{:04}", org.units.len()), "Automation".into(), Some(parent), calendar);
    team.opens = day;
    team.parents = vec![(day, parent)];
    team.function = org.units[parent].function;
    team.location = org.units[parent].location;
    org.units.push(team);
    org.reorganised = Some(day);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(workers: u32) -> Org {
        let options = Options::new(workers, 40, 7);
        build(&options, options.calendar())
    }

    /// Whether `unit` is `ancestor` or lies below it on `day`; no chain is longer than the tree has units.
    fn is_within(org: &Org, unit: UnitId, ancestor: UnitId, day: Day) -> bool {
        let mut chain = std::iter::successors(Some(unit), |&at| org.units[at].parent_on(day)).take(org.units.len());
        chain.any(|at| at == ancestor)
    }

    #[test]
    fn every_unit_hangs_below_the_company_at_every_time() {
        for workers in [20, 300, 5_000] {
            let org = org(workers);
            let options = Options::new(workers, 40, 7);
            for day in options.calendar().days() {
                assert!((0..org.units.len()).all(|unit| is_within(&org, unit, 0, day)), "{workers} workers, day {day}");
            }
        }
    }

    #[test]
    fn teams_are_neither_tiny_nor_huge_and_labs_are_tiny() {
        for workers in [300, 20_000] {
            let org = org(workers);
            let sizes = |kind| org.units.iter().filter(move |unit| unit.kind == kind).map(|unit| unit.size);
            assert!(sizes(Kind::Team).filter(|&size| size > 0).all(|size| (8..=62).contains(&size)));
            assert!(sizes(Kind::Lab).all(|size| size < 5));
            let depth = if workers > 1_000 { 5 } else { 4 };
            let mut kinds: Vec<Kind> =
                org.units.iter().map(|unit| unit.kind).filter(|kind| *kind != Kind::Lab).collect();
            kinds.dedup();
            assert_eq!(kinds.len().min(5), depth, "{kinds:?}");
        }
    }

    #[test]
    fn a_reorganisation_moves_a_department_without_a_gap() {
        let org = org(300);
        let day = org.reorganised.unwrap();
        let moved = org.units.iter().find(|unit| unit.parents.len() == 2).unwrap();
        assert_ne!(moved.parent_on(day - 1), moved.parent_on(day));
    }
}
