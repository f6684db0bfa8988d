//! How sharing is governed: rituals held, messages sent and passed on, decisions taken, plans started, meetings rated.
//!
//! A week is a pure function of the company, as in the community.

use chrono::Datelike;

use crate::period::{Day, date_of};

use super::Company;
use super::accounts::worker_id;
use super::calendar::{is_holiday, season};
use super::org::{Kind as UnitKind, UnitId};
use super::rng::{Purpose, Stream};

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: String,
    pub kind: &'static str,
    pub held_on: Day,
    /// A worker id.
    pub owner: String,
    pub scope: UnitId,
    pub subject: String,
    pub role: &'static str,
    pub value: Option<u32>,
    pub reference: String,
}

/// What the head of the company writes about, each for two months.
const THEMES: [&str; 6] = [
    "why we share what we know",
    "ask us anything",
    "say whose knowledge it is",
    "a playbook for every role",
    "learning in working hours",
    "what we stopped doing",
];
/// The week in which the sponsor begins.
const SPONSOR_WEEK: u32 = 6;
const SPONSOR_PLAN: &str = "sponsor_90_days";
const LEADER_PLAN: &str = "leaders_sharing_30_60_90";

/// Who stands for a role: the head of a unit near the top.
const ROLES: [(&str, UnitId); 5] = [
    ("executive sponsor", 0),
    ("chief learning officer", 1),
    ("learning lead", 2),
    ("people analytics", 3),
    ("finance partner", 4),
];

/// A ritual of some week: its name, the day after Monday, and who should be there.
struct Ritual {
    name: &'static str,
    on: Day,
    roles: &'static [&'static str],
}

/// The events of one week, under construction.
struct Week<'a> {
    company: &'a Company,
    week: u32,
    monday: Day,
    events: Vec<Event>,
}

/// Everything held in one week.
pub fn events(company: &Company, week: u32) -> Vec<Event> {
    let monday = company.calendar.monday(week);
    let mut made = Week { company, week, monday, events: Vec::new() };
    let mut stream = Stream::new(company.options.seed, Purpose::Governance, u64::from(week));
    made.rituals(&mut stream);
    made.messages();
    made.cascades();
    made.plans();
    made.events.sort_by_key(|event| event.held_on);
    for (n, event) in made.events.iter_mut().enumerate() {
        event.id = format!("G{week:03}-{:03}", n + 1);
    }
    made.events
}

/// The month a week belongs to (that of its Monday), counted from year 0, and which of the month's Mondays begins it, from 0.
fn month_of(monday: Day) -> (u32, u32) {
    let date = date_of(monday);
    (date.year().max(0) as u32 * 12 + date.month0(), date.day0() / 7)
}

impl Week<'_> {
    fn rituals(&mut self, stream: &mut Stream) {
        let (month, nth) = month_of(self.monday);
        if season(self.monday) >= 0.5 && !stream.chance(0.06) {
            let late = stream.chance(0.12);
            let roles: &[&str] =
                if stream.chance(0.9) { &["learning lead", "people analytics"] } else { &["learning lead"] };
            self.hold(&Ritual { name: "weekly stand-up", on: if late { 3 } else { 0 }, roles });
        }
        let mut fate = self.fate(month, 0);
        let (is_late, is_left_out) = (fate.chance(0.15), fate.chance(0.06));
        if nth == if is_late { 3 } else { 0 } && !is_left_out {
            let name = "monthly executive review";
            let everybody: &[&str] = &["executive sponsor", "learning lead", "people analytics"];
            let roles = if fate.chance(0.85) { everybody } else { &everybody[1..] };
            self.hold(&Ritual { name, on: 2, roles });
            for role in roles {
                self.add("rating", 3, role, name, Some(3 + fate.below(3)), "");
            }
            if fate.chance(0.6) && month > 0 {
                let reference = format!("minutes/{}", date_of(self.monday).format("%Y-%m"));
                self.add("decision", 2, "executive sponsor", theme(month - 1), None, &reference);
            }
        }
        if month % 3 == 0 && nth == 1 {
            let everybody: &[&str] = &["executive sponsor", "chief learning officer", "finance partner"];
            let roles = if fate.chance(0.7) { everybody } else { &everybody[..2] };
            self.hold(&Ritual { name: "quarterly strategy sync", on: 3, roles });
        }
    }

    /// One event for every role that is there.
    fn hold(&mut self, ritual: &Ritual) {
        for role in ritual.roles {
            self.add("meeting", ritual.on, role, ritual.name, None, "");
        }
    }

    fn messages(&mut self) {
        let (month, nth) = month_of(self.monday);
        if nth == 0 {
            self.add("message", 1, "executive sponsor", theme(month), None, "");
        }
        // Every division hears from its own head twice a year.
        for unit in self.units(UnitKind::Division) {
            if nth == 2 && (month + unit as u32).is_multiple_of(6) {
                self.add_of("message", 1, unit, unit, "what this means for us", "division head", None, "");
            }
        }
    }

    /// Heads pass the head of the company's message on in its week or the next one; more of them as time goes by.
    fn cascades(&mut self) {
        let (month, nth) = month_of(self.monday);
        if nth > 1 {
            return;
        }
        let weeks = f64::from(self.company.calendar.weeks.max(1));
        let willing = 0.35 + 0.45 * f64::from(self.week) / weeks;
        for unit in self.units(UnitKind::Department).into_iter().chain(self.units(UnitKind::Team)) {
            let mut fate = self.fate(month, unit as u32 + 1);
            let drawn = fate.unit();
            let in_week = if drawn < 0.6 * willing { 0 } else { 1 };
            if drawn < willing && nth == in_week {
                let on = if in_week == 0 { 2 + fate.below(3) } else { fate.below(3) };
                self.add_of("message_cascade", on as Day, unit, unit, theme(month), "manager", None, "");
            }
        }
    }

    /// The sponsor's plan, and those of every second treated team's head, with what they hold on the way.
    fn plans(&mut self) {
        let first = SPONSOR_WEEK.min(self.company.calendar.weeks - 1);
        let start = self.company.calendar.monday(first);
        self.on(start, "plan_start", 0, SPONSOR_PLAN, "sponsor", "");
        self.on(start + 2, "message", 0, "why I sponsor this", "sponsor", "");
        self.on(start + 9, "message_cascade", 0, "why I sponsor this", "sponsor", "");
        self.on(start + 80, "decision", 0, "what continues and who owns it", "sponsor", "minutes/sponsor");
        let treated: Vec<(UnitId, u32)> = (0..self.company.org.units.len())
            .filter_map(|unit| Some((unit, self.company.plan.units[unit].treatment?.week)))
            .collect();
        for (unit, week) in treated.into_iter().step_by(2) {
            let start = self.company.calendar.monday(week);
            let mut fate = self.fate(0, unit as u32);
            self.on(start, "plan_start", unit, LEADER_PLAN, "leader", "");
            for (after, kind, subject, reference, share) in [
                (38, "decision", "gap follow-up", "minutes/gap", 0.6),
                (66, "meeting", "performance conversation", "", 0.7),
                (80, "meeting", "metrics review", "minutes/metrics", 0.5),
            ] {
                let late = 7 * fate.below(3) as Day;
                if fate.chance(share) {
                    self.on(start + after + late, kind, unit, subject, "leader", reference);
                }
            }
        }
    }

    /// Adds what the head of a unit holds on a day, if it is one of this week.
    fn on(&mut self, day: Day, kind: &'static str, unit: UnitId, subject: &str, role: &'static str, reference: &str) {
        if (self.monday..self.monday + 7).contains(&day) {
            self.add_of(kind, day - self.monday, unit, unit, subject, role, None, reference);
        }
    }

    /// Adds an event of the whole company, held by whoever stands for the role.
    fn add(
        &mut self,
        kind: &'static str,
        on: Day,
        role: &'static str,
        subject: &str,
        value: Option<u32>,
        reference: &str,
    ) {
        let unit = ROLES.iter().find(|(name, _)| *name == role).map_or(0, |(_, unit)| *unit);
        let unit = unit.min(self.company.org.units.len() - 1);
        self.add_of(kind, on, unit, 0, subject, role, value, reference);
    }

    /// Adds an event that the head of `unit` holds; nothing where the unit has no head then.
    #[allow(clippy::too_many_arguments, reason = "one event is a row of so many columns")]
    fn add_of(
        &mut self,
        kind: &'static str,
        on: Day,
        unit: UnitId,
        scope: UnitId,
        subject: &str,
        role: &'static str,
        value: Option<u32>,
        reference: &str,
    ) {
        let of = &self.company.org.units[unit];
        let free = |day: &Day| !is_holiday(*day);
        let day = (self.monday + on..self.monday + 5).find(free).unwrap_or(self.monday + on);
        let Some(head) = of.head_on(day).filter(|_| of.exists(day)) else { return };
        self.events.push(Event {
            id: String::new(),
            kind,
            held_on: day,
            owner: worker_id(head),
            scope,
            subject: subject.to_owned(),
            role,
            value,
            reference: reference.to_owned(),
        });
    }

    fn units(&self, kind: UnitKind) -> Vec<UnitId> {
        (0..self.company.org.units.len()).filter(|unit| self.company.org.units[*unit].kind == kind).collect()
    }

    /// What is drawn once for a month and thing, whichever of its weeks asks.
    fn fate(&self, month: u32, thing: u32) -> Stream {
        let index = (1 << 63) | (u64::from(month) << 32) | u64::from(thing);
        Stream::new(self.company.options.seed, Purpose::Governance, index)
    }
}

/// What is spoken of in a month.
fn theme(month: u32) -> &'static str {
    THEMES[(month / 2) as usize % THEMES.len()]
}

/// The content item that the playbook of a unit's head became: one of the catalogue's playbooks or, for two units of three, a short
/// text for certain roles.
pub fn playbook(company: &Company, unit: UnitId, day: Day) -> Option<&str> {
    let is_for_roles = !unit.is_multiple_of(3);
    let fits = |item: &super::content::Content| match is_for_roles {
        true => item.role_tag.is_some() && matches!(item.kind, "playbook" | "how_to" | "article"),
        false => item.kind == "playbook",
    };
    let there: Vec<&super::content::Content> =
        company.content.iter().filter(|item| item.published < day && fits(item)).collect();
    (!there.is_empty()).then(|| there[unit % there.len()].id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Options;
    use std::collections::BTreeMap;

    #[test]
    fn a_year_holds_its_rituals_and_every_kind_of_event() {
        let company = Company::build(&Options::new(300, 40, 106)).unwrap();
        let all: Vec<Event> = (0..40).flat_map(|week| events(&company, week)).collect();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        all.iter().for_each(|event| *kinds.entry(event.kind).or_default() += 1);
        assert_eq!(kinds.len(), 6, "{kinds:?}");
        let held = |name: &str| {
            let mut days: Vec<Day> = all
                .iter()
                .filter(|event| event.kind == "meeting" && event.subject == name)
                .map(|event| event.held_on)
                .collect();
            days.dedup();
            days.len()
        };
        assert!((30..40).contains(&held("weekly stand-up")), "{}", held("weekly stand-up"));
        assert!((6..=10).contains(&held("monthly executive review")), "{}", held("monthly executive review"));
        assert_eq!(held("quarterly strategy sync"), 3);
        let (first, last) = (company.calendar.start, company.calendar.end());
        assert!(all.iter().all(|event| (first..last).contains(&event.held_on)));
    }

    #[test]
    fn the_message_is_passed_on_further_as_time_goes_by() {
        let company = Company::build(&Options::new(300, 40, 106)).unwrap();
        let passed = |weeks: std::ops::Range<u32>| {
            weeks.flat_map(|week| events(&company, week)).filter(|event| event.kind == "message_cascade").count()
        };
        let (early, late) = (passed(0..18), passed(22..40));
        assert!(early > 20 && late > early * 5 / 4, "{early}, then {late}");
    }
}
