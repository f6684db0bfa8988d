//! Which leaders stand above which unit of analysis, as of any week: whom a leader's post reaches.
//!
//! A *unit* is an org unit at the configured depth of the tree (the top has depth 1) with everything below it; where a branch ends
//! above that depth, its last unit. People placed above the units (an office of division heads) belong to none.
//!
//! A leader stands above a unit when they head it or an org unit above it, or when its head reports to them, directly or over
//! others. Heads are those the HRIS names; where it names none, the manager whom most of the unit's own people name.

use std::collections::BTreeMap;

use super::hierarchy::Units;
use super::history::{NONE, People, Stint};
use crate::period::{Day, Period};

/// Reporting lines longer than this are followed no further; none that is real is, and a cycle ends here.
const LINE_MAX: usize = 64;

/// Finds the place of one person in one period without looking at anybody else.
pub struct Places<'a> {
    people: &'a People,
    /// Stints of worker w are `first[w]..first[w + 1]`.
    first: Vec<usize>,
}

impl<'a> Places<'a> {
    pub fn new(people: &'a People) -> Places<'a> {
        let mut first = vec![0; people.workers.len() + 1];
        for stint in &people.stints {
            first[stint.worker as usize + 1] += 1;
        }
        for worker in 1..first.len() {
            first[worker] += first[worker - 1];
        }
        Places { people, first }
    }

    /// Where a person counts in a period: the stint of the last eligible day in it.
    pub fn of(&self, worker: u32, period: Period) -> Option<&'a Stint> {
        let (from, to) = (*self.first.get(worker as usize)?, *self.first.get(worker as usize + 1)?);
        let stints = &self.people.stints[from..to];
        let begun = stints.partition_point(|stint| stint.from < period.end);
        stints[..begun].last().filter(|stint| stint.to > period.start)
    }
}

/// Every org unit that the org tree or a person's place names, by id.
pub struct Orgs {
    /// Ascending; a unit's code is its index.
    pub ids: Vec<String>,
    /// Code of an org unit by its label in [`People::labels`]; [`NONE`] for labels that name something else.
    of_label: Vec<u32>,
}

/// The org tree in one state: what holds between two changes of it.
pub struct Structure {
    /// Code of the unit above, [`NONE`] at the top.
    pub parent: Vec<u32>,
    /// The unit of analysis an org unit belongs to, [`NONE`] above the units.
    pub unit_of: Vec<u32>,
    /// Worker code of the head.
    pub head: Vec<u32>,
}

impl Orgs {
    pub fn new(people: &People, units: &Units) -> Orgs {
        let mut labels: Vec<u32> =
            people.stints.iter().map(|stint| stint.place.org).filter(|org| *org != NONE).collect();
        labels.sort_unstable();
        labels.dedup();
        let mut ids: Vec<String> = units.versions.keys().cloned().collect();
        ids.extend(labels.iter().filter_map(|label| people.labels.text(*label)).map(str::to_owned));
        ids.sort_unstable();
        ids.dedup();
        let mut of_label = vec![NONE; labels.last().map_or(0, |last| *last as usize + 1)];
        for label in labels {
            let code =
                people.labels.text(label).and_then(|id| ids.binary_search_by(|known| known.as_str().cmp(id)).ok());
            of_label[label as usize] = code.map_or(NONE, |code| code as u32);
        }
        Orgs { ids, of_label }
    }

    pub fn code(&self, id: &str) -> Option<u32> {
        self.ids.binary_search_by(|known| known.as_str().cmp(id)).ok().map(|code| code as u32)
    }

    /// The code of the org unit that a place names.
    pub fn of_place(&self, label: u32) -> u32 {
        self.of_label.get(label as usize).copied().unwrap_or(NONE)
    }

    /// The states of the org tree over the weeks, and for each week which one holds on its last day.
    pub fn structures(
        &self,
        units: &Units,
        people: &People,
        weeks: &[Period],
        level: i64,
    ) -> (Vec<Structure>, Vec<usize>) {
        let mut changes: Vec<Day> =
            units.versions.values().flatten().flat_map(|version| [version.from, version.to]).collect();
        changes.sort_unstable();
        changes.dedup();
        let (mut structures, mut of_week) = (Vec::new(), Vec::with_capacity(weeks.len()));
        let mut held = None;
        for week in weeks {
            let state = changes.partition_point(|day| *day <= week.last_day());
            if held != Some(state) {
                structures.push(self.structure(units, people, *week, level));
                held = Some(state);
            }
            of_week.push(structures.len() - 1);
        }
        (structures, of_week)
    }

    fn structure(&self, units: &Units, people: &People, week: Period, level: i64) -> Structure {
        let forest = units.forest(&self.ids, week);
        let codes: Vec<u32> = forest.ids.iter().map(|id| self.code(id).unwrap_or(NONE)).collect();
        let n = self.ids.len();
        let mut structure = Structure { parent: vec![NONE; n], unit_of: vec![NONE; n], head: vec![NONE; n] };
        // A unit that is closed does not make the one above it a unit with something below.
        let lives = |id: &str| units.versions.get(id).is_none_or(|versions| Units::lives(versions, week));
        let mut has_below = vec![false; n];
        for (at, &code) in codes.iter().enumerate() {
            let Some(id) = self.ids.get(code as usize) else { continue };
            if let Some(&up) = forest.parents[at].and_then(|parent| codes.get(parent)) {
                structure.parent[code as usize] = up;
                if let Some(above) = has_below.get_mut(up as usize).filter(|_| lives(id)) {
                    *above = true;
                }
            }
            let head = units.version(id, week).and_then(|version| version.head.as_deref());
            structure.head[code as usize] = head.and_then(|head| people.code(head)).unwrap_or(NONE);
        }
        // Parents come before children.
        let mut depth = vec![0i64; n];
        for &code in codes.iter().filter(|code| **code != NONE) {
            let (org, up) = (code as usize, structure.parent[code as usize] as usize);
            depth[org] = depth.get(up).map_or(1, |above| above + 1);
            structure.unit_of[org] = match depth[org] {
                deep if deep > level => structure.unit_of.get(up).copied().unwrap_or(NONE),
                deep if deep == level || !has_below[org] => code,
                _ => NONE,
            };
        }
        structure
    }
}

/// The heads of org units in one week, those the HRIS does not name filled in from who manages whom.
pub fn heads(structure: &Structure, orgs: &Orgs, people: &People, week: Period) -> Vec<u32> {
    let mut heads = structure.head.clone();
    if structure.unit_of.iter().zip(&heads).all(|(unit, head)| *unit == NONE || *head != NONE) {
        return heads;
    }
    let mut named: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for stint in people.places(week) {
        let org = orgs.of_place(stint.place.org);
        if org != NONE && stint.place.manager != NONE && stint.place.manager != stint.worker {
            *named.entry((org, stint.place.manager)).or_default() += 1;
        }
    }
    let mut most = vec![0u32; heads.len()];
    for ((org, manager), people) in named {
        let org = org as usize;
        // Of two whom equally many name, the first by worker id.
        if structure.head[org] == NONE && people > most[org] {
            (most[org], heads[org]) = (people, manager);
        }
    }
    heads
}

/// Everybody who stands above a unit in a week, ascending, each once.
pub fn above(unit: u32, structure: &Structure, heads: &[u32], places: &Places<'_>, week: Period, found: &mut Vec<u32>) {
    found.clear();
    let head_of = |org: u32| heads.get(org as usize).copied().unwrap_or(NONE);
    let mut org = unit;
    // A forest has no cycles.
    while org != NONE {
        found.push(head_of(org));
        org = structure.parent.get(org as usize).copied().unwrap_or(NONE);
    }
    let mut worker = head_of(unit);
    for _ in 0..LINE_MAX {
        let Some(place) = places.of(worker, week) else { break };
        worker = place.place.manager;
        if worker == NONE || worker == head_of(unit) {
            break;
        }
        found.push(worker);
    }
    found.sort_unstable();
    found.dedup();
    if found.last() == Some(&NONE) {
        found.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::hierarchy::UnitVersion;
    use crate::canon::history::Place;
    use crate::period::{Grain, OPEN_END};

    const WEEK: Period = Period { grain: Grain::Week, start: 100, end: 107 };

    fn version(parent: Option<&str>, head: Option<&str>) -> Vec<UnitVersion> {
        let text = |text: Option<&str>| text.map(str::to_owned);
        vec![UnitVersion { from: 0, to: OPEN_END, parent: text(parent), name: None, kind: None, head: text(head) }]
    }

    /// all > east > {e1, e2}, all > west; p0 heads all, p1 east, p2 e1; nobody is named for e2 and west. `staff`: worker, unit, manager.
    fn company(staff: &[(&str, &str, &str)]) -> (People, Units) {
        let mut units = Units::default();
        for (id, parent, head) in [
            ("all", None, Some("p0")),
            ("east", Some("all"), Some("p1")),
            ("west", Some("all"), None),
            ("e1", Some("east"), Some("p2")),
            ("e2", Some("east"), None),
        ] {
            units.versions.insert(id.into(), version(parent, head));
        }
        let mut people =
            People { workers: staff.iter().map(|(id, ..)| (*id).to_owned()).collect(), ..People::default() };
        people.workers.sort();
        let mut staff = staff.to_vec();
        staff.sort_unstable();
        for (id, org, manager) in staff {
            let (worker, manager) = (people.code(id).unwrap(), people.code(manager).unwrap_or(NONE));
            let place =
                Place { org: people.labels.code(Some(org)), band: NONE, location: NONE, function: NONE, manager };
            people.stints.push(Stint { worker, from: 0, to: OPEN_END, place });
        }
        (people, units)
    }

    fn reached(level: i64) -> Vec<(String, Vec<String>)> {
        let (people, units) = company(&[
            ("p0", "all", ""),
            ("p1", "east", "p0"),
            ("p2", "e1", "p1"),
            ("p3", "e2", "p1"),
            ("p4", "e2", "p3"),
            ("p5", "e2", "p3"),
            ("p6", "west", "p9"),
            ("p9", "west", "p0"),
        ]);
        let orgs = Orgs::new(&people, &units);
        let (structures, of_week) = orgs.structures(&units, &people, &[WEEK], level);
        let (structure, places) = (&structures[of_week[0]], Places::new(&people));
        let heads = heads(structure, &orgs, &people, WEEK);
        let mut found = Vec::new();
        let mut lines = Vec::new();
        for unit in (0..orgs.ids.len()).filter(|unit| structure.unit_of[*unit] == *unit as u32) {
            above(unit as u32, structure, &heads, &places, WEEK, &mut found);
            let names = found.iter().map(|worker| people.workers[*worker as usize].clone()).collect();
            lines.push((orgs.ids[unit].clone(), names));
        }
        lines
    }

    fn line(unit: &str, leaders: &[&str]) -> (String, Vec<String>) {
        (unit.into(), leaders.iter().map(|leader| (*leader).to_owned()).collect())
    }

    #[test]
    fn the_head_every_head_above_and_the_heads_own_managers_reach_a_unit() {
        // e2 and west have no head by name: p3 is whom most people of e2 name, p9 and p0 are tied in west by one each.
        assert_eq!(
            reached(3),
            [line("e1", &["p0", "p1", "p2"]), line("e2", &["p0", "p1", "p3"]), line("west", &["p0"])]
        );
    }

    #[test]
    fn at_a_higher_level_the_units_are_larger_and_their_teams_leaders_do_not_reach_them() {
        assert_eq!(reached(2), [line("east", &["p0", "p1"]), line("west", &["p0"])]);
        assert_eq!(reached(1), [line("all", &["p0"])]);
    }

    #[test]
    fn a_place_is_that_of_the_last_eligible_day() {
        let (mut people, _) = company(&[("p0", "all", "")]);
        people.stints[0].to = 103;
        let moved = Place { org: 7, ..people.stints[0].place };
        people.stints.push(Stint { from: 105, to: 106, place: moved, ..people.stints[0] });
        let places = Places::new(&people);
        let org = |start: Day, end: Day| places.of(0, Period { start, end, ..WEEK }).map(|stint| stint.place.org);
        assert_eq!(org(100, 107), Some(7));
        assert_eq!(org(100, 105), Some(0));
        assert_eq!((org(103, 105), org(106, 110)), (None, None));
    }
}
