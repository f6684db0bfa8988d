//! The people: who works where and as what, from when to when, and when the HRIS came to know.

use std::collections::BTreeSet;

use crate::period::{Day, OPEN_END};

use super::org::{Org, UnitId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    Leave,
    Prehire,
    Terminated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerType {
    Employee,
    Contractor,
    Intern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    Ic,
    Manager,
    Director,
    Vp,
    Executive,
}

impl Band {
    pub fn as_str(self) -> &'static str {
        match self {
            Band::Ic => "ic",
            Band::Manager => "manager",
            Band::Director => "director",
            Band::Vp => "vp",
            Band::Executive => "executive",
        }
    }
}

/// A state of one person, true in `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spell {
    pub from: Day,
    pub to: Day,
    /// The first day on which an export may speak of it: hires and exits are entered before they happen.
    pub known: Day,
    pub status: Status,
    pub unit: UnitId,
    pub band: Band,
    /// Grade, 1 to 9.
    pub level: u8,
    /// First day of the employment that the spell belongs to.
    pub hired: Day,
}

#[derive(Debug, Clone)]
pub struct Person {
    /// In rising order, without a gap: after an exit a `Terminated` spell runs until a rehire.
    pub spells: Vec<Spell>,
    pub worker_type: WorkerType,
    pub is_sme: bool,
    pub location: usize,
    pub first_name: usize,
    pub last_name: usize,
    /// How the last exit came about.
    pub resigned: bool,
    pub part_time: bool,
    /// Probability of learning on a plain working day, once used to the LMS.
    pub keenness: f64,
    /// Share of required training this person finishes in time.
    pub diligence: f64,
}

impl Person {
    pub fn on(&self, day: Day) -> Option<&Spell> {
        self.spells.iter().rev().find(|spell| spell.from <= day && day < spell.to)
    }

    /// The unit of the last eligible day in `[from, to)`: the person's one place in the period.
    pub fn place(&self, from: Day, to: Day) -> Option<UnitId> {
        if self.worker_type != WorkerType::Employee {
            return None;
        }
        let eligible = |spell: &&Spell| spell.status == Status::Active && spell.from < to && from < spell.to;
        self.spells.iter().rev().find(eligible).map(|spell| spell.unit)
    }

    pub fn hired(&self) -> Day {
        self.spells.first().map_or(OPEN_END, |spell| spell.hired)
    }

    /// Employments, as `[first day, day after the last)`.
    pub fn employments(&self) -> Vec<(Day, Day)> {
        let mut runs: Vec<(Day, Day)> = Vec::new();
        for spell in &self.spells {
            if !matches!(spell.status, Status::Active | Status::Leave) {
                continue;
            }
            match runs.last_mut() {
                Some(run) if run.1 == spell.from => run.1 = spell.to,
                _ => runs.push((spell.from, spell.to)),
            }
        }
        runs
    }
}

/// One state of a person as the HRIS holds it: a spell under one manager.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub spell: Spell,
    pub manager: Option<usize>,
}

/// The HRIS rows of a person: spells cut where the manager changes.
pub fn rows(index: usize, person: &Person, org: &Org) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(person.spells.len());
    for spell in &person.spells {
        let mut cuts = BTreeSet::from([spell.from]);
        let mut unit = Some(spell.unit);
        // The manager depends on the own unit's head and, for a head, on the unit above and its head.
        for _ in 0..3 {
            let Some(at) = unit.map(|unit| &org.units[unit]) else { break };
            let days = at.heads.iter().map(|(day, _)| *day).chain(at.parents.iter().map(|(day, _)| *day));
            cuts.extend(days.filter(|day| spell.from < *day && *day < spell.to));
            unit = at.parent_on(spell.from);
        }
        let cuts: Vec<Day> = cuts.into_iter().collect();
        for (n, &from) in cuts.iter().enumerate() {
            let to = cuts.get(n + 1).copied().unwrap_or(spell.to);
            let manager = manager(index, spell, from, org);
            let known = if n == 0 { spell.known } else { from - 7 };
            match rows.last_mut() {
                Some(last) if n > 0 && last.manager == manager => last.spell.to = to,
                _ => rows.push(Row { spell: Spell { from, to, known, ..*spell }, manager }),
            }
        }
    }
    rows
}

/// The head of the unit, for the head of a unit the next head above; nobody above the company's.
fn manager(index: usize, spell: &Spell, day: Day, org: &Org) -> Option<usize> {
    let mut unit = Some(spell.unit);
    while let Some(at) = unit {
        match org.units[at].head_on(day) {
            Some(head) if head != index => return Some(head),
            _ => unit = org.units[at].parent_on(day),
        }
    }
    None
}
