//! Which steps of a plan were done, when, and by what.

use super::{TABLES, TOP, lived, say, setup, shown};
use crate::world::Row;

#[test]
fn each_step_of_a_plan_is_judged_by_its_own_evidence() {
    let world = lived(setup(TOP));
    let steps = world.table(TABLES[0]);
    let steps: Vec<Row> = steps.into_iter().filter(|row| row["plan"] == "sharing").collect();
    assert_eq!(
        shown(&steps, &["step", "due_from", "due_to", "status", "done_on", "evidence_ids"]),
        [
            // L0 lies before the start and L1 is too long.
            "a_lesson | 2026-01-05 | 2026-01-11 | on_time | 2026-01-07 | L2",
            // The comment on the second came two days after the window.
            "b_endorse | 2026-01-12 | 2026-01-18 | late | 2026-01-20 | E1;Q1;E2;C2",
            "c_ama | 2026-01-19 | 2026-01-25 | on_time | 2026-01-25 | A1;S1",
            // The first playbook has no role tags, the second comes late.
            "d_tagged_playbook | 2026-01-26 | 2026-02-03 | late | 2026-02-10 | P2",
            "e_owned_playbook | 2026-01-26 | 2026-02-03 | on_time | 2026-01-29 | P1",
            "f_rotate_1 | 2026-02-04 | 2026-02-17 | on_time | 2026-02-05 | R1",
            // R2 credits sales again.
            "f_rotate_2 | 2026-02-18 | 2026-03-03 | on_time | 2026-02-20 | R3",
            "g_course | 2026-02-04 | 2026-03-05 | on_time | 2026-02-11 | course1",
            "h_digest | 2026-02-04 | 2026-03-05 | waived |  | ",
            "i_review | 2026-03-21 | 2026-04-04 | on_time | 2026-03-25 | v2",
            // E3 answers sales, E4 engineering.
            "j_functions | 2026-03-06 | 2026-03-20 | on_time | 2026-03-09 | E3;E4",
            "k_later | 2026-04-05 | 2026-05-04 | not_due |  | ",
        ]
    );
    let first = &steps[0];
    // Of twelve steps one is waived and one not due; eight of ten were on time. Weights: owned playbook 3, the others 1.
    let of_plan = ["plan_steps_due", "plan_steps_on_time", "plan_adherence", "plan_weight_due", "plan_weight_on_time"];
    assert_eq!(say(first, &of_plan), "10 | 8 | 0.8 | 12 | 10");
    assert!(first["weighted_adherence"].starts_with("0.8333"), "{first:?}");
}

#[test]
fn a_plan_also_starts_by_an_event() {
    let steps = lived(setup(TOP)).table(TABLES[0]);
    let steps: Vec<Row> = steps.into_iter().filter(|row| row["plan"] == "sponsor").collect();
    assert_eq!(
        shown(&steps, &["leader_id", "step", "plan_start", "due_to", "status", "evidence_ids"]),
        [
            "boss | decision | 2026-02-02 | 2026-03-03 | missed | ",
            "boss | message | 2026-02-02 | 2026-02-08 | on_time | v4"
        ]
    );
}

#[test]
fn a_step_is_missed_from_the_day_after_its_window_and_late_once_it_is_done() {
    let world = lived(setup(TOP));
    let status = |as_of: &str, step: &str| {
        world.nightly(as_of);
        let rows = world.table(TABLES[0]);
        rows.into_iter().find(|row| row["step"] == step && row["plan"] == "sharing").expect("a step")["status"].clone()
    };
    assert_eq!(status("2026-01-18", "b_endorse"), "not_due");
    assert_eq!(status("2026-01-19", "b_endorse"), "missed");
    assert_eq!(status("2026-01-20", "b_endorse"), "missed");
    assert_eq!(status("2026-01-21", "b_endorse"), "late");
}
