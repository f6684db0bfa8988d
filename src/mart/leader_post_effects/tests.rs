//! Small companies by eye: who is reached by what, and what counts.

use super::*;
use crate::canon::hierarchy::Units;
use crate::canon::history::{Eligibility, People};
use crate::canon::identity::Identity;
use crate::period::{Calendar, Day, day_of};
use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use std::sync::Arc;

/// A table as people write it: names, then rows; `-` is null. Days and instants (`2026-01-06T10`) by the column's name.
fn table(text: &str) -> RecordBatch {
    let mut lines = text.trim().lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let rows: Vec<Vec<&str>> = lines.filter(|row| !row.is_empty()).collect();
    let columns = names.iter().enumerate().map(|(at, name)| {
        let values = rows.iter().map(|row| Some(row[at]).filter(|value| *value != "-"));
        let array: ArrayRef = if name.ends_with("_at") {
            let instant = |value: &str| format!("{value}:00:00Z").parse::<chrono::DateTime<chrono::Utc>>().unwrap();
            Arc::new(
                values
                    .map(|value| value.map(|value| instant(value).timestamp_micros()))
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            )
        } else if name.starts_with("effective") || name.ends_with("_date") || name.ends_with("_on") {
            Arc::new(values.map(|value| value.map(day)).collect::<Date32Array>())
        } else {
            Arc::new(values.collect::<StringArray>())
        };
        (*name, array, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn day(text: &str) -> Day {
    day_of(text.parse().unwrap())
}

/// Three teams under `top`; north has two people more than its head, south one, east opens in the third week. Accounts are worker
/// ids. `moves` are further rows of workers.
struct World {
    people: People,
    units: Units,
    identity: Identity,
    calendar: Calendar,
}

const WEEKS: [&str; 4] = ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26"];

fn world(moves: &str) -> World {
    let workers = table(&format!(
        "worker_id employee_no effective_from effective_to org_id leader_band manager_id status
         boss      boss        2025-01-01     -            top    vp          -          active
         nora      nora        2025-01-01     -            north  manager     boss       active
         nina      nina        2025-01-01     -            north  ic          nora       active
         nils      nils        2025-01-01     -            north  ic          nora       active
         sam       sam         2025-01-01     -            south  manager     boss       active
         sara      sara        2025-01-01     -            south  ic          sam        active
         eva       eva         2026-01-19     -            east   manager     boss       active
         emil      emil        2026-01-19     -            east   ic          eva        active
         {moves}"
    ));
    let units = table(
        "org_id effective_from parent_id head_worker_id
         top    2020-01-01     -         boss
         north  2020-01-01     top       nora
         south  2020-01-01     top       sam
         east   2020-01-01     top       eva",
    );
    let users = table(
        "user_id employee_no\nboss boss\nnora nora\nnina nina\nnils nils\nsam sam\nsara sara\neva eva\nemil emil",
    );
    let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
    let people = People::build(std::slice::from_ref(&workers), &rule);
    let identity = Identity::build(&[users], &[], &[workers], &people);
    let calendar = Calendar { fiscal_year_start: 1, holidays: Default::default() };
    World { identity, units: Units::build(&[units]), people, calendar }
}

const NOTHING: &str = "contribution_id actor_id occurred_at";

impl World {
    fn read(&self, contributions: &str, endorsements: &str) -> (Acts, Grid, Orgs) {
        let source = Source {
            people: &self.people,
            identity: &self.identity,
            places: Places::new(&self.people),
            calendar: &self.calendar,
            zone: chrono_tz::UTC,
            horizon: day("2026-02-02"),
            leader_bands: &["manager", "director", "vp", "executive"],
        };
        let acts = acts(&source, &[table(contributions)], &[table(endorsements)]);
        let orgs = Orgs::new(&self.people, &self.units);
        let weeks: Vec<Period> = WEEKS.map(|week| self.calendar.period(Grain::Week, day(week))).to_vec();
        let rows: Vec<OrgWeek> = weeks
            .iter()
            .flat_map(|week| self.people.places(*week).into_iter().map(|stint| (week.start, stint)))
            .map(|(week, stint)| OrgWeek {
                week,
                org: orgs.of_place(stint.place.org),
                headcount: 1,
                active_learners: 0,
                completions: 0,
            })
            .collect();
        let company = Company {
            people: &self.people,
            units: &self.units,
            orgs: &orgs,
            places: &source.places,
            level: 2,
            smallest_group: 2,
            weeks,
        };
        let grid = Grid::build(&company, &rows, &acts);
        (acts, grid, orgs)
    }
}

/// Lines of `unit  value value value value`, `.` where the unit does not exist.
fn shown(grid: &Grid, orgs: &Orgs, values: &[f64]) -> Vec<String> {
    let line = |(at, unit): (usize, &u32)| {
        let weeks = at * WEEKS.len()..(at + 1) * WEEKS.len();
        let cell = |at: usize| match grid.headcount[at].is_nan() {
            true => ".".to_owned(),
            false => values[at].to_string(),
        };
        format!("{} {}", orgs.ids[*unit as usize], weeks.map(cell).collect::<Vec<_>>().join(" "))
    };
    grid.units.iter().enumerate().map(line).collect()
}

/// Lines of `unit kind week leader` with the week counted from 1.
fn firsts(world: &World, grid: &Grid, orgs: &Orgs) -> Vec<String> {
    let line = |(unit, first): (&u32, &Option<grid::First>)| {
        let name = &orgs.ids[*unit as usize];
        match first {
            Some(first) => format!(
                "{name} {} {} {}",
                KINDS[first.kind as usize],
                first.week - number(grid.weeks[0]) + 1,
                world.people.workers[first.leader as usize]
            ),
            None => format!("{name} never"),
        }
    };
    grid.units.iter().zip(&grid.first).map(line).collect()
}

#[test]
fn quiet_weeks_are_zeros_weeks_before_a_unit_opens_are_absent_and_leaders_do_not_count() {
    let world = world("");
    let (_, grid, orgs) = world.read(
        "contribution_id author_id kind    created_at    deleted_at    credited_ids body_hash
         c1              nina      answer  2026-01-06T10 -             -            h1
         c2              nina      answer  2026-01-07T10 -             -            h1
         c3              nina      post    2026-01-08T10 -             nils         h2
         c4              nils      post    2026-01-09T10 2026-01-10T10 -            -
         c5              sara      post    2026-01-06T10 -             sam          -
         c6              nora      post    2026-01-06T10 -             -            -
         c7              sara      post    2026-01-20T10 -             -            -
         c8              stranger  post    2026-01-20T10 -             -            -
         c9              sara      post    2026-02-03T10 -             -            -",
        NOTHING,
    );
    // c2 repeats c1, c4 was taken down, c5 is written for sara's manager, c6 is a leader's, c9 lies ahead.
    assert_eq!(shown(&grid, &orgs, &grid.counts[0]), ["east . . 0 0", "north 2 0 0 0", "south 0 0 1 0"]);
    assert_eq!(shown(&grid, &orgs, &grid.counts[1]), ["east . . 0 0", "north 1 0 0 0", "south 0 0 1 0"]);
    assert_eq!(shown(&grid, &orgs, &grid.headcount), ["east . . 2 2", "north 3 3 3 3", "south 2 2 2 2"]);
    let (panel, _) = grid.panel(None, 0, &orgs.ids);
    assert_eq!(panel.units, ["east", "north", "south"]);
    assert_eq!(panel.outcome[4], 200.0 / 3.0, "two contributions of three people");
}

#[test]
fn who_moves_within_a_week_counts_where_the_week_ends_and_takes_the_week_along() {
    let world = world("nils nils 2026-01-14 - south ic sam active");
    let (_, grid, orgs) = world.read(
        "contribution_id author_id kind    created_at
         c1              nils      answer  2026-01-06T10
         c2              nils      answer  2026-01-12T10
         c3              nils      answer  2026-01-21T10",
        NOTHING,
    );
    assert_eq!(shown(&grid, &orgs, &grid.headcount), ["east . . 2 2", "north 3 2 2 2", "south 2 3 3 3"]);
    assert_eq!(shown(&grid, &orgs, &grid.counts[0]), ["east . . 0 0", "north 1 0 0 0", "south 0 1 1 0"]);
}

const POSTS: &str = "contribution_id author_id kind         created_at
    p1              boss      ama          2026-01-06T10
    p2              nora      article      2026-01-06T10
    p3              nora      playbook     2026-01-13T11
    p4              nora      ama          2026-01-13T10
    p5              sam       micro_lesson 2026-01-28T10
    p6              nina      ama          2026-01-06T10
    i1              sara      answer       2026-01-06T10";

#[test]
fn the_first_post_of_a_kind_that_counts_treats_the_units_below_its_author_unless_it_reaches_everybody() {
    let world = world("");
    let (_, grid, orgs) = world.read(POSTS, NOTHING);
    // The boss reaches every unit, so p1 compares nobody; an article is no such post; p4 came an hour before p3; nina leads nobody.
    assert_eq!(firsts(&world, &grid, &orgs), ["east never", "north ama 2 nora", "south micro_lesson 4 sam"]);
    let company_wide: Vec<(usize, bool)> =
        grid.reaches.iter().map(|reach| (reach.week, reach.is_company_wide)).collect();
    assert_eq!(company_wide, [(0, true), (1, false), (3, false)]);
    let bits: Vec<u8> = grid.reached.clone();
    assert_eq!(bits[4..8], [0, 0b110, 0, 0], "both kinds reached north in its second week");
    let clusters: Vec<&str> =
        grid.cluster.iter().map(|leader| world.people.workers[*leader as usize].as_str()).collect();
    assert_eq!(clusters, ["eva", "nora", "sam"], "east is never reached: its own head");
    let of = |kind: Option<u8>| grid.panel(kind, 0, &orgs.ids).0.units.join(" ");
    assert_eq!(of(None), "east north south");
    assert_eq!(of(Some(1)), "east north", "south's first post was of another kind");
    assert_eq!(of(Some(2)), "east", "a playbook came second to north");
    assert_eq!((grid.leaders(None), grid.leaders(Some(1)), grid.leaders(Some(2))), (2, 1, 0));
}

#[test]
fn an_endorsement_counts_when_a_leader_gives_it_to_an_experts_item() {
    let world = world("");
    let (acts, grid, orgs) = world.read(
        POSTS,
        "contribution_id actor_id occurred_at
         i1              nina     2026-01-07T10
         p2              eva      2026-01-20T10
         i0              eva      2026-01-20T10
         i1              eva      2026-01-27T10",
    );
    let endorsed: Vec<Day> = acts.posts.iter().filter(|post| post.kind == 3).map(|post| post.day).collect();
    assert_eq!(endorsed, [day("2026-01-27")], "not by nina, not of a leader's article, not of what nobody knows");
    assert_eq!(firsts(&world, &grid, &orgs)[0], "east endorsement 4 eva");
}

#[test]
fn a_post_before_the_first_week_leaves_the_unit_without_a_before() {
    let world = world("");
    let (_, grid, orgs) = world.read(
        "contribution_id author_id kind created_at
         p1              nora      ama  2025-11-04T10
         p2              nora      ama  2026-01-20T10
         p3              sam       ama  2026-01-06T10",
        NOTHING,
    );
    assert_eq!(firsts(&world, &grid, &orgs), ["east never", "north ama 0 nora", "south ama 1 sam"]);
    assert_eq!(grid.leaders(None), 0, "neither the one before the first week nor the one in it has a before");
}

#[test]
fn a_leaders_text_given_twice_is_one_post() {
    let world = world("");
    let (acts, ..) = world.read(
        "contribution_id author_id kind created_at    body_hash
         p1              nora      ama  2026-01-13T10 h1
         p2              nora      ama  2026-01-14T10 h1
         p3              sam       ama  2026-01-14T10 h1",
        NOTHING,
    );
    assert_eq!(acts.posts.iter().map(|post| post.day).collect::<Vec<_>>(), [day("2026-01-13"), day("2026-01-14")]);
}

#[test]
fn a_unit_is_reached_while_it_has_people_and_small_while_it_has_fewer_than_the_group() {
    // Sam, still the head of south, and all of its people are in north from the third week on.
    let world = world(
        "sam  sam  2026-01-19 - north manager boss active
         sara sara 2026-01-19 - north ic      sam  active",
    );
    let (_, grid, orgs) = world.read("contribution_id author_id kind created_at\n p1 sam ama 2026-01-27T10", NOTHING);
    assert_eq!(shown(&grid, &orgs, &grid.headcount), ["east . . 2 2", "north 3 3 5 5", "south 2 2 . ."]);
    assert_eq!(firsts(&world, &grid, &orgs), ["east never", "north never", "south never"]);
    assert_eq!(grid.is_small, [false; 3], "two people are a group of two");
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let world = world("");
    let (_, grid, orgs) = world.read(POSTS, NOTHING);
    let lines: Vec<&str> = POSTS.lines().collect();
    let turned: Vec<&str> = lines[..1].iter().chain(lines[1..].iter().rev()).copied().collect();
    let (_, other, _) = world.read(&turned.join("\n"), NOTHING);
    assert_eq!(firsts(&world, &grid, &orgs), firsts(&world, &other, &orgs));
    assert_eq!((grid.reached, grid.cluster, grid.reaches), (other.reached, other.cluster, other.reaches));
}

#[test]
fn windows_count_days_on_both_sides_and_leave_out_those_that_the_data_cut_off() {
    let world = world("");
    let (acts, grid, _) = world.read(
        "contribution_id author_id kind   created_at
         p1              nora      ama    2026-01-14T10
         p2              sam       ama    2026-01-05T10
         c1              nina      answer 2026-01-13T10
         c2              nina      answer 2026-01-14T09
         c3              nils      answer 2026-01-14T11
         c4              nils      answer 2026-01-16T11
         c5              nils      answer 2026-01-17T11
         c6              sara      answer 2026-01-15T11",
        NOTHING,
    );
    let of = |days: Day| {
        let tallies = windows::tallies(&grid, &acts);
        let tally = tallies.into_iter().find(|tally| tally.kind == Some(1) && tally.days == days).unwrap();
        (tally.posts, tally.before, tally.exposure_before, tally.after, tally.exposure_after)
    };
    // North has three people; c2 lies on the day of the post. South's post has no day before it in the data.
    assert_eq!(of(1), (1, 1, 3.0, 2, 3.0));
    assert_eq!(of(3), (1, 1, 9.0, 3, 9.0));
    assert_eq!(of(14), (0, 0, 0.0, 0, 0.0));
}

/// Ten people who become competent `days` after their hire on a day, and one who does not.
fn newcomers(prefix: &str, org: &str, hired: &str, reached: &str) -> [Vec<String>; 3] {
    let id = |n: usize| format!("{prefix}{n:02}");
    [
        (0..11).map(|n| format!("{0} {0} {hired} - {org} ic - active", id(n))).collect(),
        (0..11).map(|n| format!("{} {hired} -", id(n))).collect(),
        (0..10).map(|n| format!("{} competent {reached}", id(n))).collect(),
    ]
}

#[test]
fn new_people_of_reached_units_are_compared_with_others_until_their_unit_is_reached() {
    // North is reached in the week of the 12th: who came on the 15th is exposed, who came on the 5th is not and is cut on the 12th.
    let exposed = newcomers("x", "north", "2026-01-15", "2026-01-17");
    let others = newcomers("y", "south", "2026-01-06", "2026-01-12");
    let cut = newcomers("z", "north", "2026-01-05", "2026-01-14");
    let all = |at: usize| [&exposed[at][..], &others[at], &cut[at]].concat().join("\n");
    let world = world(&all(0));
    let (_, grid, orgs) = world.read("contribution_id author_id kind created_at\np1 nora ama 2026-01-13T10", NOTHING);
    let workers = table(&format!("worker_id hire_date termination_date\n{}", all(1)));
    let milestones = table(&format!("worker_id kind reached_on\n{}", all(2)));
    let clocks = onboarding::Clocks::read(&world.people, &[workers], &[milestones]);
    let places = Places::new(&world.people);
    let setting = onboarding::Setting {
        grid: &grid,
        orgs: &orgs,
        places: &places,
        calendar: &world.calendar,
        horizon: day("2026-02-02"),
        limit: 10.0,
    };
    let found = onboarding::onboarding(&setting, &clocks, None);
    // Those cut on the 12th are there for 7 days and none of them is done by then.
    assert_eq!((found.n_exposed, found.n_other, found.events), (11, 22, 20), "{found:?}");
    // Exposed: all there for 2 days, then 1 of 11 for 8. Others: all for 6 days, then 12 of 22 for 4.
    let (short, long) = (2.0 + 8.0 / 11.0, 6.0 + 4.0 * 12.0 / 22.0);
    assert!(
        (found.baseline.unwrap() - long).abs() < 1e-12 && (found.difference.unwrap() - (short - long)).abs() < 1e-12
    );
    assert!(found.interval.unwrap().1 < 0.0 && found.p.unwrap() < 0.001);
    // Asked about playbooks, north takes no part and nobody is exposed.
    let playbooks = onboarding::onboarding(&setting, &clocks, Some(2));
    assert_eq!((playbooks.n_exposed, playbooks.n_other, playbooks.difference), (0, 11, None));
    assert_eq!(playbooks.insufficient.as_deref(), Some("fewer than 10 people among the exposed"));
}
