//! Careers: who is hired into which seat, and what becomes of them during the simulated weeks.

use crate::period::{Day, OPEN_END};

use super::Options;
use super::calendar::{Calendar, on_a_weekday};
use super::names::LOCATIONS;
use super::org::{Kind, Org, UnitId};
use super::people::{Band, Person, Spell, Status, WorkerType};
use super::rng::{Purpose, Stream};

/// A seat and who sits in it at first.
struct Seat {
    unit: UnitId,
    band: Band,
    heads: Option<UnitId>,
    is_sme: bool,
}

/// How many have left.
struct Exits {
    so_far: u32,
    is_untidy: bool,
}

/// Builds everyone who ever works here, and enters the heads into `org`.
pub fn build(options: &Options, calendar: Calendar, org: &mut Org) -> Vec<Person> {
    let seats = seats(org);
    let mut people: Vec<Person> = Vec::with_capacity(seats.len() * 5 / 4);
    let mut exits = Exits { so_far: 0, is_untidy: options.untidy };
    for seat in &seats {
        let index = people.len();
        let mut stream = Stream::new(options.seed, Purpose::Person, index as u64);
        if let Some(unit) = seat.heads {
            let opens = org.units[unit].opens;
            org.units[unit].heads.push((opens, index));
        }
        let opens = org.units[seat.unit].opens.max(calendar.start - 4_000);
        let hired = match opens > calendar.start {
            true => opens,
            false => on_a_weekday(calendar.start - 30 - (stream.unit() * stream.unit() * 3_600.0) as Day),
        };
        let mut person = person(seat, org, &mut stream);
        // Interns stay for a summer.
        let hired = if person.worker_type == WorkerType::Intern { on_a_weekday(calendar.start - 21) } else { hired };
        person.spells.push(spell(seat, hired, hired - 20, level(seat.band, &mut stream)));
        let left = live(&mut person, seat, calendar, &mut exits, org, &mut stream);
        people.push(person);
        if let Some(left) = left.filter(|_| stream.chance(0.92)) {
            replace(seat, left, calendar, org, &mut people, options);
        }
    }
    close_labs(org, &mut people);
    follow_departments(org, &mut people);
    new_heads(options, calendar, org, &mut people);
    grow(options, calendar, org, &mut people);
    people
}

/// Who sits where at the start. Heads of units that hold no people sit in the unit above.
fn seats(org: &Org) -> Vec<Seat> {
    let ic = |unit, is_sme| Seat { unit, band: Band::Ic, heads: None, is_sme };
    let mut seats = vec![Seat { unit: 0, band: Band::Executive, heads: Some(0), is_sme: false }];
    for (index, unit) in org.units.iter().enumerate() {
        if unit.kind.is_leaf() {
            seats.push(Seat { unit: index, band: Band::Manager, heads: Some(index), is_sme: false });
            // Two in ten of a team are its subject-matter experts, two people at least.
            let experts = (unit.size / 5).max(2);
            seats.extend((1..unit.size).map(|seat| ic(index, seat <= experts)));
            continue;
        }
        let heads_below: Vec<UnitId> = (0..org.units.len())
            .filter(|&child| !org.units[child].kind.is_leaf())
            .filter(|&child| org.units[child].parents.first().is_some_and(|(_, parent)| *parent == index))
            .collect();
        for &child in &heads_below {
            let band = if org.units[child].kind == Kind::Department { Band::Director } else { Band::Vp };
            seats.push(Seat { unit: index, band, heads: Some(child), is_sme: false });
        }
        let office = unit.size.saturating_sub(if index == 0 { 1 + heads_below.len() as u32 } else { 0 });
        seats.extend((0..office).map(|_| ic(index, false)));
    }
    seats
}

fn person(seat: &Seat, org: &Org, stream: &mut Stream) -> Person {
    let unit = &org.units[seat.unit];
    let plain = seat.band == Band::Ic && !seat.is_sme;
    let worker_type = match stream.unit() {
        drawn if plain && drawn < 0.06 => WorkerType::Contractor,
        drawn if plain && drawn < 0.08 => WorkerType::Intern,
        _ => WorkerType::Employee,
    };
    let location = match stream.unit() {
        drawn if drawn < 0.8 => unit.location,
        drawn if drawn < 0.97 => stream.weighted(&LOCATIONS.map(|location| location.weight)),
        drawn if drawn < 0.985 => LOCATIONS.len() - 1,
        _ => LOCATIONS.len() - 2,
    };
    // Experts learn most; of the others most come now and then.
    let keenness = match stream.unit() {
        _ if seat.is_sme => 0.15 + 0.25 * stream.unit(),
        drawn if drawn < 0.6 => 0.01 + 0.03 * stream.unit(),
        drawn if drawn < 0.94 => 0.05 + 0.08 * stream.unit(),
        _ => 0.25 + 0.25 * stream.unit(),
    };
    Person {
        spells: Vec::new(),
        worker_type,
        is_sme: seat.is_sme,
        location,
        first_name: stream.below(super::names::FIRST.len() as u32) as usize,
        last_name: stream.below(super::names::LAST.len() as u32) as usize,
        resigned: stream.chance(0.75),
        part_time: stream.chance(0.08),
        keenness,
        diligence: (0.97 - 0.3 * stream.unit() * stream.unit()).min(1.0),
    }
}

fn spell(seat: &Seat, from: Day, known: Day, level: u8) -> Spell {
    let status = Status::Active;
    Spell { from, to: OPEN_END, known, status, unit: seat.unit, band: seat.band, level, hired: from }
}

fn level(band: Band, stream: &mut Stream) -> u8 {
    match band {
        Band::Ic => 1 + stream.below(4) as u8,
        Band::Manager => 5 + stream.below(2) as u8,
        Band::Director => 7,
        Band::Vp => 8,
        Band::Executive => 9,
    }
}

/// Ends the last spell on `day` and begins its successor.
fn change(person: &mut Person, day: Day, known: Day, edit: impl FnOnce(&mut Spell)) {
    let Some(last) = person.spells.last_mut() else { return };
    if day <= last.from {
        return;
    }
    let mut next = Spell { from: day, to: OPEN_END, known, ..*last };
    last.to = day;
    edit(&mut next);
    person.spells.push(next);
}

/// What happens to a person during the simulated weeks; the day of leaving, if it comes to that.
fn live(
    person: &mut Person,
    seat: &Seat,
    calendar: Calendar,
    exits: &mut Exits,
    org: &Org,
    stream: &mut Stream,
) -> Option<Day> {
    let years = f64::from(calendar.weeks) / 52.0;
    let begin = person.hired().max(calendar.start) + 14;
    let span = calendar.end() - begin - 7;
    if span < 28 {
        return None;
    }
    let any_day = |stream: &mut Stream| on_a_weekday(begin + stream.below(span as u32) as Day);
    if seat.heads.is_some() {
        return None;
    }
    if person.worker_type == WorkerType::Intern {
        let day = on_a_weekday(begin + 56 + stream.below(28) as Day);
        leave_company(person, day, stream);
        return Some(day).filter(|day| *day < calendar.end());
    }
    let fate = stream.unit() / years;
    if fate < 0.13 {
        let day = any_day(stream);
        leave_company(person, day, stream);
        exits.so_far += 1;
        if exits.so_far.is_multiple_of(4) {
            come_back(person, day, calendar, stream);
        } else if exits.is_untidy && exits.so_far.is_multiple_of(2) {
            // Drawn aside, so that everybody else is who they are in the tidy company.
            come_back(person, day, calendar, &mut stream.clone());
        }
        return Some(day);
    }
    if fate < 0.17 {
        let from = any_day(stream);
        let to = from + 42 + stream.below(100) as Day;
        change(person, from, from - 28, |spell| spell.status = Status::Leave);
        change(person, to, to - 14, |spell| spell.status = Status::Active);
        return None;
    }
    if fate < 0.24 && !seat.is_sme && seat.band == Band::Ic {
        let from = any_day(stream);
        let teams: Vec<UnitId> = org
            .leaves()
            .filter(|(id, unit)| unit.kind == Kind::Team && unit.exists(from) && *id != seat.unit)
            .map(|(id, _)| id)
            .collect();
        if !teams.is_empty() {
            // Transfers take effect on any day of the week, not on its first.
            let unit = *stream.pick(&teams);
            change(person, from, from - 10, |spell| spell.unit = unit);
            return Some(from);
        }
    }
    if fate < 0.36 && seat.band == Band::Ic {
        let from = any_day(stream);
        change(person, from, from - 5, |spell| spell.level = (spell.level + 1).min(4));
    }
    None
}

fn leave_company(person: &mut Person, day: Day, stream: &mut Stream) {
    let notice = stream.between(2, 30);
    change(person, day, day - notice, |spell| spell.status = Status::Terminated);
}

/// The same worker number, a gap, and a new date of hire.
fn come_back(person: &mut Person, left: Day, calendar: Calendar, stream: &mut Stream) {
    let day = on_a_weekday(left + stream.between(30, 90));
    if day < calendar.end() - 14 {
        change(person, day, day - 14, |spell| {
            spell.status = Status::Active;
            spell.hired = day;
        });
    }
}

/// A new hire in the seat of someone who went on `left`.
fn replace(seat: &Seat, left: Day, calendar: Calendar, org: &Org, people: &mut Vec<Person>, options: &Options) {
    let mut stream = Stream::new(options.seed, Purpose::Person, people.len() as u64);
    let day = on_a_weekday(left + stream.between(7, 45));
    if org.units[seat.unit].closes <= day {
        return;
    }
    hire(seat, day, calendar, org, people, &mut stream);
}

/// A hire that is announced some weeks ahead, half of the time as a pre-hire; nobody is announced after the last week.
fn hire(seat: &Seat, day: Day, calendar: Calendar, org: &Org, people: &mut Vec<Person>, stream: &mut Stream) {
    let known = day - stream.between(10, 35);
    if known >= calendar.end() {
        return;
    }
    let mut person = person(seat, org, stream);
    let mut first = spell(seat, day, known, level(seat.band, stream));
    if stream.chance(0.5) {
        person.spells.push(Spell { from: known, to: day, status: Status::Prehire, hired: day, ..first });
        first.known = known;
    }
    person.spells.push(first);
    people.push(person);
}

/// When a lab closes its people move to the first team of the same department.
fn close_labs(org: &Org, people: &mut [Person]) {
    for (lab, unit) in org.leaves().filter(|(_, unit)| unit.closes != OPEN_END) {
        let day = unit.closes;
        let parent = unit.parent_on(day);
        let Some((team, _)) =
            org.leaves().find(|(_, other)| other.kind == Kind::Team && other.parent_on(day) == parent)
        else {
            continue;
        };
        for person in people.iter_mut() {
            relocate(person, day, lab, team);
        }
    }
}

/// The head of a department that moves sits with its new division from that day on.
fn follow_departments(org: &Org, people: &mut [Person]) {
    for unit in org.units.iter().filter(|unit| unit.kind == Kind::Department) {
        for change in unit.parents.windows(2) {
            let [(_, before), (day, after)] = [change[0], change[1]];
            if let Some(head) = unit.head_on(day) {
                relocate(&mut people[head], day, before, after);
            }
        }
    }
}

/// From `day` on everything that would have been in `before` is in `after`.
fn relocate(person: &mut Person, day: Day, before: UnitId, after: UnitId) {
    if let Some(at) = person.spells.iter().position(|spell| spell.unit == before && spell.from < day && day < spell.to)
    {
        let moved = Spell { from: day, known: day - 21, ..person.spells[at] };
        person.spells[at].to = day;
        person.spells.insert(at + 1, moved);
    }
    for spell in person.spells.iter_mut().filter(|spell| spell.unit == before && spell.from >= day) {
        spell.unit = after;
    }
}

/// One team in twelve changes its head: the manager leaves, somebody of the team follows.
fn new_heads(options: &Options, calendar: Calendar, org: &mut Org, people: &mut [Person]) {
    if options.workers < 120 || calendar.weeks < 12 {
        return;
    }
    let mut stream = Stream::new(options.seed, Purpose::Org, 1);
    let teams: Vec<UnitId> = org
        .leaves()
        .filter(|(_, unit)| unit.kind == Kind::Team && unit.opens < calendar.start)
        .map(|(id, _)| id)
        .collect();
    let members = members(people, org.units.len());
    for &team in teams.iter().skip(5).step_by(12) {
        let day = on_a_weekday(calendar.monday(calendar.weeks / 4) + stream.below(7 * calendar.weeks / 2) as Day);
        let Some(head) = org.units[team].head_on(day) else { continue };
        let heir = members[team].iter().copied().find(|&member| {
            member != head
                && people[member].worker_type == WorkerType::Employee
                && people[member].spells.len() == 1
                && people[member].hired() < calendar.start
                && !people[member].is_sme
        });
        let Some(heir) = heir else { continue };
        leave_company(&mut people[head], day, &mut stream);
        change(&mut people[heir], day, day - 14, |spell| {
            spell.band = Band::Manager;
            spell.level = 5;
        });
        org.units[team].heads.push((day, heir));
    }
}

/// New seats: one in twenty over a year, the new team of the re-organisation, and some announced for after the end.
fn grow(options: &Options, calendar: Calendar, org: &Org, people: &mut Vec<Person>) {
    let mut stream = Stream::new(options.seed, Purpose::Org, 2);
    let old: Vec<UnitId> = org
        .leaves()
        .filter(|(_, unit)| unit.kind == Kind::Team && unit.opens < calendar.start)
        .map(|(id, _)| id)
        .collect();
    let seat = |unit, is_sme| Seat { unit, band: Band::Ic, heads: None, is_sme };
    let days = 7 * calendar.weeks;
    for _ in 0..options.workers * calendar.weeks / 52 / 20 {
        let day = on_a_weekday(calendar.start + stream.below(days) as Day);
        hire(&seat(*stream.pick(&old), stream.chance(0.2)), day, calendar, org, people, &mut stream);
    }
    for _ in 0..(options.workers / 100).max(1) {
        let day = on_a_weekday(calendar.end() + stream.between(3, 9));
        hire(&seat(*stream.pick(&old), false), day, calendar, org, people, &mut stream);
    }
    for (team, unit) in org.leaves().filter(|(_, unit)| unit.opens > calendar.start) {
        for n in 0..8 {
            let day = on_a_weekday(unit.opens + stream.between(0, 28));
            hire(&seat(team, n < 2), day, calendar, org, people, &mut stream);
        }
    }
}

/// People by the unit of their first spell.
fn members(people: &[Person], units: usize) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); units];
    for (index, person) in people.iter().enumerate() {
        if let Some(first) = person.spells.first() {
            members[first.unit].push(index);
        }
    }
    members
}
