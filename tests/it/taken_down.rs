//! A contribution that was taken down: gone from everything said of sharing as if it had never been, and still an act of its day.

use crate::leader_plans::{CONTRIBUTIONS, PLAN, REACTIONS, TABLES, TOP, company, setup};
use crate::world::{Row, World};

/// What is said of sharing.
const SHARING: [&str; 8] = [
    "marts/leadership_kpis",
    "marts/knowledge_sharing",
    "marts/leader_post_effects",
    "marts/leader_post_event_study",
    "marts/content_engagement",
    TABLES[0],
    TABLES[1],
    TABLES[2],
];

#[derive(Clone, Copy)]
enum Fate {
    Kept,
    TakenDown,
    NeverMade,
}

/// The lead gives a lesson and e1 an article that stay; an AMA of the lead, an article of e2 and a comment of e1 meet their fate on the
/// first of February.
fn lived(fate: Fate) -> World {
    let world = company(setup(TOP), PLAN);
    let mut rows = vec![
        "L2,u_lead,micro_lesson,2026-01-07T09:00:00Z,,,u_e1,4,,".to_owned(),
        "K1,u_e1,article,2026-01-06T10:00:00Z,,,,,,".to_owned(),
    ];
    let gone = if matches!(fate, Fate::TakenDown) { "2026-02-01T09:00:00Z" } else { "" };
    if !matches!(fate, Fate::NeverMade) {
        for row in [
            "DA,u_lead,ama,2026-01-20T09:00:00Z,,,u_e2,25,",
            "DK,u_e2,article,2026-01-13T10:00:00Z,,pb1,,,",
            "DC,u_e1,comment,2026-01-08T10:00:00Z,L2,,,,",
        ] {
            rows.push(format!("{row},{gone}"));
        }
    }
    world.deliver("contributions_2026-04-20.csv", format!("{CONTRIBUTIONS},deleted_at\n{}\n", rows.join("\n")));
    let endorsed = "E1,DK,u_lead,endorse,2026-01-14T09:00:00Z\nE2,K1,u_lead,endorse,2026-01-14T09:05:00Z\n";
    world.deliver("reactions_2026-04-20.csv", format!("{REACTIONS}\n{endorsed}"));
    world
}

/// The tables, without what they take from adoption: who was active on a day was, whatever became of the contribution.
fn sharing(world: &World) -> Vec<(&'static str, Vec<Row>)> {
    let read = |table: &'static str| {
        let mut rows = world.table(table);
        for row in &mut rows {
            for adopted in ["active_learners", "contributions_per_100_active"] {
                row.remove(adopted);
            }
        }
        (table, rows)
    };
    SHARING.into_iter().map(read).collect()
}

fn contributors(world: &World, day: &str) -> String {
    let is_it = |row: &&Row| row["grain"] == "day" && row["period_start"] == day && row["scope_kind"] == "company";
    world.table("marts/adoption_kpis").iter().find(is_it).expect("a day")["contributors"].clone()
}

#[test]
fn what_was_taken_down_is_shared_by_nobody_and_was_still_done_on_its_day() {
    let [kept, taken_down, never_made] = [Fate::Kept, Fate::TakenDown, Fate::NeverMade].map(|fate| {
        let world = lived(fate);
        world.nightly("2026-02-20");
        world
    });
    for (((table, kept), (_, taken_down)), (_, never_made)) in
        sharing(&kept).into_iter().zip(sharing(&taken_down)).zip(sharing(&never_made))
    {
        assert_eq!(taken_down, never_made, "{table}");
        // So few units and steps may look alike whatever was made; the other tables must not.
        let may_be_alike = ["leader_post_e", "content_engagement", "leader_plan_steps"];
        assert!(may_be_alike.iter().any(|name| table.contains(name)) || kept != never_made, "{table} would not tell");
    }
    let on = "2026-01-13";
    assert_eq!([&kept, &taken_down, &never_made].map(|world| contributors(world, on)), ["1", "1", ""]);
}

#[test]
fn before_it_is_taken_down_it_is_there() {
    let [kept, taken_down] = [Fate::Kept, Fate::TakenDown].map(|fate| {
        let world = lived(fate);
        world.nightly("2026-02-01");
        world
    });
    assert_eq!(sharing(&taken_down), sharing(&kept));
    taken_down.nightly("2026-02-02");
    kept.nightly("2026-02-02");
    assert_ne!(sharing(&taken_down), sharing(&kept));
}
