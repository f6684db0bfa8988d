//! Contributions in reviews, as the policy of the company puts it: each rule a test that reads like it.

mod company;
mod endorsers;
mod figures;

use std::collections::BTreeMap;
use std::fmt::Write;

use uptake::store::Env;

use crate::world::{Row, Setup, World, difference};

const FEEDS: [&str; 14] = [
    "canonical_workers",
    "canonical_org_units",
    "canonical_users",
    "canonical_identity_links",
    "canonical_content",
    "canonical_enrollments",
    "canonical_activity",
    "canonical_contributions",
    "canonical_reactions",
    "canonical_submissions",
    "canonical_rubric_scores",
    "canonical_measures",
    "canonical_milestones",
    "canonical_events",
];

const REVIEWS: &str = r#"
quality_threshold = 2
raters = { leader_bands = ["manager", "director"] }
competencies = ["craft", "coaching"]

[outcomes]
questions = "lower"

[[cycles]]
id = "2025-Q4"
opens = 2025-10-01
closes = 2025-12-31

[[cycles]]
id = "2026-Q1"
opens = 2026-01-01
closes = 2026-03-31

[[rubrics]]
version = "v1"
relevance = ["off topic", "touches it", "on topic", "to the point"]
quality = ["wrong", "thin", "sound", "exemplary"]
impact = ["no use seen", "some use", "used every week", "a measured change"]
"#;

const SUBMISSIONS: &str = "submission_id,cycle_id,worker_id,contribution_id,position,nominated_by,nominator_role,submitted_at,consented_at,withdrawn_at,competency,impact_statement_present,outcome_measure_id,manager_endorsed_by,manager_endorsed_at";
const SCORES: &str = "cycle_id,submission_id,rater_id,dimension,score,rubric_version,scored_at";
const REACTIONS: &str = "reaction_id,contribution_id,actor_id,kind,occurred_at,revoked_at";

/// A company of a boss, two managers with a team each and a second account of ann. Every account is `u-` and the worker.
///
/// boss · max (manager) · ann, bob, cay, dan, ida · eva, who reports to ann · mia (manager) · fay, gil, hal
fn world(policy: &'static str, reviews: &str) -> World {
    world_of(
        "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true\nreviews = [\"reviews.toml\"]",
        policy,
        reviews,
    )
}

fn world_of(top: &'static str, policy: &'static str, reviews: &str) -> World {
    let world = World::with(Setup { feeds: FEEDS.to_vec(), top, policy, ..Setup::default() });
    std::fs::write(world.folder.path().join("reviews.toml"), reviews).expect("a file");
    let people = [
        ("boss", "", "director"),
        ("max", "boss", "manager"),
        ("mia", "boss", "manager"),
        ("ann", "max", "ic"),
        ("bob", "max", "ic"),
        ("cay", "max", "ic"),
        ("dan", "max", "ic"),
        ("eva", "ann", "ic"),
        ("ida", "max", "ic"),
        ("fay", "mia", "ic"),
        ("gil", "mia", "ic"),
        ("hal", "mia", "ic"),
    ];
    let mut workers =
        "worker_id,effective_from,effective_to,employee_no,status,worker_type,hire_date,manager_id,org_id,leader_band\n"
            .to_owned();
    let mut users =
        "user_id,employee_no,kind\nu-ann2,n-ann,learner\nu-guest,,external\nu-ghost,n-nobody,learner\n".to_owned();
    for (id, manager, band) in people {
        let org = if ["mia", "fay", "gil", "hal"].contains(&id) { "B" } else { "A" };
        // Hal is on leave from March on.
        let until = if id == "hal" { "2026-03-01" } else { "" };
        let _ = writeln!(workers, "{id},2020-01-01,{until},n-{id},active,employee,2020-01-01,{manager},{org},{band}");
        let _ = writeln!(users, "u-{id},n-{id},learner");
    }
    workers.push_str("hal,2026-03-01,,n-hal,leave,employee,2020-01-01,mia,B,ic\n");
    world.deliver("hris/workers_2026-03-02.csv", workers);
    world.deliver("hris/org_units_2026-03-02.csv", "org_id,effective_from,parent_id\nA,2020-01-01,\nB,2020-01-01,\n");
    world.deliver("lms/users_2026-03-02.csv", users);
    world
}

const OPEN: &str = "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1";

/// One submission of ann's that lacks nothing but endorsements; `more` replaces columns by name.
fn submission(id: &str, author: &str, more: &[(&str, &str)]) -> String {
    let contribution = format!("k-{id}");
    let mut row: BTreeMap<&str, &str> = BTreeMap::from([
        ("submission_id", id),
        ("cycle_id", "2026-Q1"),
        ("worker_id", author),
        ("contribution_id", contribution.as_str()),
        ("submitted_at", "2026-02-10T10:00:00Z"),
        ("consented_at", "2026-02-10T10:00:00Z"),
        ("competency", "craft"),
        ("impact_statement_present", "true"),
        ("manager_endorsed_by", "max"),
        ("manager_endorsed_at", "2026-02-12T10:00:00Z"),
    ]);
    row.extend(more.iter().copied());
    SUBMISSIONS.split(',').map(|name| row.get(name).copied().unwrap_or_default()).collect::<Vec<_>>().join(",")
}

fn csv(header: &str, rows: &[String]) -> String {
    format!("{header}\n{}\n", rows.join("\n"))
}

/// Endorsements of a contribution: (account, day, day of revocation).
fn endorsements(contribution: &str, given: &[(&str, &str, &str)]) -> Vec<String> {
    let revoked = |day: &str| if day.is_empty() { String::new() } else { format!("{day}T10:00:00Z") };
    given
        .iter()
        .enumerate()
        .map(|(n, (actor, day, back))| {
            format!("r-{contribution}-{n},{contribution},{actor},endorse,{day}T09:00:00Z,{}", revoked(back))
        })
        .collect()
}

fn scores(submission: &str, rater: &str, marks: [i64; 3]) -> Vec<String> {
    ["relevance", "quality", "impact"]
        .iter()
        .zip(marks)
        .map(|(dimension, mark)| format!("2026-Q1,{submission},{rater},{dimension},{mark},v1,2026-03-20T09:00:00Z"))
        .collect()
}

fn items(world: &World) -> BTreeMap<String, Row> {
    world.table("restricted/review_items").into_iter().map(|row| (row["submission_id"].clone(), row)).collect()
}

fn night(world: &World) {
    assert_eq!(world.uptake("run JOB --as-of 2026-04-10"), 0);
}

#[test]
fn at_most_three_submissions_a_cycle_in_the_employees_own_order() {
    let world = world(OPEN, REVIEWS);
    let rows = [("a", "3"), ("b", "1"), ("c", "4"), ("d", "2")]
        .map(|(id, position)| submission(id, "ann", &[("position", position)]));
    let other_cycle =
        submission("e", "ann", &[("position", "5"), ("cycle_id", "2025-Q4"), ("submitted_at", "2025-12-01T10:00:00Z")]);
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[rows.to_vec(), vec![other_cycle]].concat()));
    night(&world);
    let items = items(&world);
    assert_eq!(items.len(), 5, "the fourth is never dropped");
    let over: Vec<&str> =
        items.values().filter(|row| row["status"] == "over_limit").map(|row| row["submission_id"].as_str()).collect();
    assert_eq!(over, ["c"]);
    assert_eq!(items["c"]["reasons"], "too_few_peers;over_limit");
    assert_eq!(["a", "b", "c", "d", "e"].map(|id| items[id]["position"].clone()), ["3", "1", "4", "2", "1"]);
}

#[test]
fn taking_part_is_voluntary_and_not_taking_part_leaves_the_same_bytes() {
    let declined = submission("x", "fay", &[("consented_at", ""), ("nominated_by", "gil"), ("nominator_role", "peer")]);
    let withdrawn = submission("x", "fay", &[("withdrawn_at", "2026-02-11T10:00:00Z")]);
    let taking_part = submission("x", "fay", &[]);
    let files = |more: Option<&String>| {
        let world = world(OPEN, REVIEWS);
        let mut rows = vec![submission("s1", "ann", &[]), submission("s2", "bob", &[])];
        rows.extend(more.cloned());
        world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &rows));
        let rated: Vec<String> = ["s1", "s2", "x"].iter().flat_map(|id| scores(id, "mia", [3, 2, 4])).collect();
        world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &rated));
        night(&world);
        let mut files = world.files();
        // Canon holds what was said; marts and restricted tables are what anybody reads.
        files.retain(|path, _| !path.starts_with("canon/"));
        files
    };
    let never = files(None);
    assert!(
        never.keys().any(|path| path.contains("rubric_aggregates"))
            && never.keys().any(|path| path.contains("review_items"))
    );
    assert_eq!(difference(&never, &files(Some(&declined))), [""; 0]);
    assert_eq!(difference(&never, &files(Some(&withdrawn))), [""; 0]);
    assert!(!difference(&never, &files(Some(&taking_part))).is_empty(), "taking part shows");
}

#[test]
fn a_measured_change_of_the_named_outcome_weighs_a_quarter_more() {
    let weighs = |policy: &'static str| {
        let world = world(policy, REVIEWS);
        let rows = [("s1", "questions"), ("s2", "resolution"), ("s3", "elsewhere"), ("s4", "")]
            .map(|(id, kpi)| submission(id, "ann", &[("outcome_measure_id", kpi)]));
        world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &rows));
        let measures = "kpi,subject_kind,subject_id,period_start,period_end,value,baseline\n\
            questions,org,A,2026-02-01,2026-03-01,34,40\n\
            questions,org,B,2026-02-01,2026-03-01,10,40\n\
            resolution,worker,ann,2026-02-01,2026-03-01,12,12\n\
            elsewhere,contribution,k-other,2026-02-01,2026-03-01,1,2\n";
        world.deliver("finance/measures_2026-04-01.csv", measures);
        let rated: Vec<String> = ["s1", "s2", "s3", "s4"].iter().flat_map(|id| scores(id, "mia", [3, 2, 4])).collect();
        world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &rated));
        night(&world);
        let items = items(&world);
        ["s1", "s2", "s3", "s4"].map(|id| {
            ["outcome_change", "outcome_change_rate", "outcome_weight", "overall", "weighted_score"]
                .map(|name| items[id][name].clone())
                .join(" ")
        })
    };
    assert_eq!(weighs(OPEN), ["-6.0 -0.15 1.25 3.0 3.75", "0.0 0.0 1.0 3.0 3.0", "  1.0 3.0 3.0", "  1.0 3.0 3.0"]);
    let half = "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1\noutcome_weight = 1.5";
    assert_eq!(weighs(half)[0], "-6.0 -0.15 1.5 3.0 4.5");
}

#[test]
fn each_mark_on_each_dimension_has_its_words() {
    let world = world(OPEN, REVIEWS);
    night(&world);
    let cells: Vec<String> = world
        .table("marts/dim_rubric")
        .iter()
        .map(|row| ["rubric_version", "dimension", "mark", "label"].map(|name| row[name].as_str()).join(" "))
        .collect();
    assert_eq!(cells.len(), 12);
    assert!(
        cells.contains(&"v1 impact 4 a measured change".to_owned()) && cells.contains(&"v1 quality 1 wrong".to_owned())
    );
    let broken = REVIEWS.replace(", \"to the point\"", "");
    std::fs::write(world.folder.path().join("reviews.toml"), broken).expect("a file");
    assert_eq!(world.uptake("run JOB --as-of 2026-04-10"), 2, "a mark without words is refused before anything runs");
}

#[test]
fn the_later_score_holds_whichever_is_delivered_first_and_both_stay_for_audit() {
    let early = "2026-Q1,s1,mia,quality,2,v1,2026-03-01T09:00:00Z";
    let late = "2026-Q1,s1,mia,quality,4,v1,2026-03-05T09:00:00Z";
    let run = |first: &str, second: &str| {
        let world = world(OPEN, REVIEWS);
        world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[submission("s1", "ann", &[])]));
        world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &[first.to_owned()]));
        world.nightly("2026-04-02");
        world.deliver("reviews/rubric_scores_2026-04-03.csv", csv(SCORES, &[second.to_owned()]));
        world.nightly("2026-04-04");
        let history: Vec<String> =
            world.table("canon/rubric_scores_history").iter().map(|row| row["score"].clone()).collect();
        let superseded: u64 = world.ledger().values().map(|entry| entry.counts.superseded).sum();
        (items(&world)["s1"]["quality_mean"].clone(), history, superseded)
    };
    let expected = ("4.0".to_owned(), vec!["2".to_owned(), "4".to_owned()], 1);
    assert_eq!(run(early, late), expected);
    assert_eq!(run(late, early), expected, "a score that arrives late is not a later score");
    // In one file, as a rater who scores twice leaves it.
    let world = world(OPEN, REVIEWS);
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[submission("s1", "ann", &[])]));
    world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &[late.to_owned(), early.to_owned()]));
    world.nightly("2026-04-02");
    assert_eq!(items(&world)["s1"]["quality_mean"], "4.0");
    assert_eq!(world.table("canon/rubric_scores").len(), 1);
}

#[test]
fn scores_off_the_rubric_are_refused_at_the_gate_and_those_of_others_than_raters_count_nowhere() {
    let world = world(OPEN, REVIEWS);
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[submission("s1", "ann", &[])]));
    let rows = [
        ("mia", "quality", "3"),
        ("max", "quality", "5"),
        ("max", "impact", "0"),
        ("bob", "quality", "1"),
        ("max", "style", "4"),
    ]
    .map(|(rater, dimension, mark)| format!("2026-Q1,s1,{rater},{dimension},{mark},v1,2026-03-05T09:00:00Z"));
    world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &rows));
    night(&world);
    assert_eq!(
        ["quality_mean", "impact_mean", "raters"].map(|name| items(&world)["s1"][name].clone()),
        ["3.0", "", "1"]
    );
    let reasons: Vec<String> =
        world.table("ops/quarantine").iter().map(|row| format!("{} {}", row["record"], row["reason_code"])).collect();
    assert_eq!(reasons, ["2 out_of_range", "3 out_of_range", "5 unknown_enum"]);
    let left_out: Vec<String> =
        world.table("marts/rater_agreement").iter().map(|row| row["ratings_left_out"].clone()).collect();
    assert_eq!(left_out, ["1"], "bob may not rate");
}

#[test]
fn what_was_said_of_milestones_measures_and_events_is_merged_by_key() {
    let world = world(OPEN, REVIEWS);
    world.deliver(
        "hr/milestones_2026-03-01.csv",
        "worker_id,kind,reached_on,reference\nann,ramped,2026-02-01,a\nann,signed_off,2026-02-03,b\n",
    );
    world.deliver("hr/milestones_2026-03-08.csv", "worker_id,kind,reached_on,reference\nann,ramped,2026-02-05,a\n");
    world.deliver("gov/events_2026-03-01.csv", "event_id,kind,held_on,owner_id\ne1,meeting,2026-02-01,max\n");
    world.deliver(
        "gov/events_2026-03-08.csv",
        "event_id,kind,held_on,owner_id\ne1,meeting,2026-02-02,max\ne2,dinner,2026-02-02,max\n",
    );
    world.deliver(
        "fin/measures_2026-03-01.csv",
        "kpi,subject_kind,subject_id,period_start,period_end,value\nq,company,all,2026-01-01,2026-02-01,5\n",
    );
    world.deliver(
        "fin/measures_2026-03-08.csv",
        "kpi,subject_kind,subject_id,period_start,period_end,value\nq,company,all,2026-01-01,2026-02-01,6\n",
    );
    night(&world);
    let column = |table: &str, name: &str| world.table(table).iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("canon/milestones", "reached_on"), ["2026-02-05", "2026-02-03"]);
    assert_eq!(
        (column("canon/events", "held_on"), column("canon/measures", "value")),
        (vec!["2026-02-02".into()], vec!["6.0".into()])
    );
    let counts = |path: &str| world.ledger()[path].counts.superseded;
    assert_eq!(
        ["hr/milestones_2026-03-01.csv", "gov/events_2026-03-01.csv", "fin/measures_2026-03-01.csv"].map(counts),
        [1, 1, 1]
    );
}

#[test]
fn a_withdrawal_that_comes_later_takes_the_item_back() {
    let world = world(OPEN, REVIEWS);
    world.deliver(
        "reviews/submissions_2026-03-01.csv",
        csv(SUBMISSIONS, &["s1", "s2"].map(|id| submission(id, "ann", &[]))),
    );
    world.nightly("2026-03-02");
    assert_eq!(items(&world).len(), 2);
    let withdrawn = submission("s1", "ann", &[("withdrawn_at", "2026-03-04T10:00:00Z")]);
    world.deliver("reviews/submissions_2026-03-05.csv", csv(SUBMISSIONS, &[withdrawn]));
    world.nightly("2026-03-06");
    assert_eq!(items(&world).keys().collect::<Vec<_>>(), ["s2"]);
}

#[test]
fn deliveries_in_any_order_and_on_any_night_end_in_the_same_bytes() {
    let withdrawn = submission("s2", "bob", &[("withdrawn_at", "2026-03-04T10:00:00Z")]);
    let late = ["2026-Q1,s1,mia,quality,4,v1,2026-03-25T09:00:00Z".to_owned()];
    let deliveries = [
        (
            "reviews/submissions_2026-03-01.csv",
            csv(SUBMISSIONS, &[submission("s1", "ann", &[]), submission("s2", "bob", &[])]),
        ),
        ("reviews/submissions_2026-03-05.csv", csv(SUBMISSIONS, &[withdrawn])),
        ("reviews/rubric_scores_2026-03-21.csv", csv(SCORES, &scores("s1", "mia", [3, 2, 4]))),
        ("reviews/rubric_scores_2026-03-26.csv", csv(SCORES, &late)),
        ("community/reactions_2026-03-20.csv", csv(REACTIONS, &endorsements("k-s1", &[("u-fay", "2026-02-11", "")]))),
    ];
    let files = |order: &[&[usize]]| {
        let world = world(OPEN, REVIEWS);
        for night in order {
            for at in *night {
                world.deliver(deliveries[*at].0, &deliveries[*at].1);
            }
            world.nightly("2026-04-10");
        }
        assert_eq!(items(&world)["s1"]["quality_mean"], "4.0");
        world.files()
    };
    let at_once = files(&[&[0, 1, 2, 3, 4]]);
    assert_eq!(difference(&at_once, &files(&[&[0, 2], &[1, 4], &[3]])), [""; 0]);
    assert_eq!(difference(&at_once, &files(&[&[3], &[0], &[4], &[2, 1]])), [""; 0]);
}

#[test]
fn a_run_as_of_an_earlier_day_knows_nothing_of_later_ones() {
    let world = world(OPEN, REVIEWS);
    world.deliver(
        "reviews/submissions_2026-04-01.csv",
        csv(
            SUBMISSIONS,
            &[
                submission("s1", "ann", &[("withdrawn_at", "2026-03-10T10:00:00Z")]),
                submission("s2", "bob", &[("outcome_measure_id", "questions")]),
            ],
        ),
    );
    world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &scores("s2", "mia", [3, 2, 4])));
    world.deliver(
        "community/contributions_2026-04-01.csv",
        "contribution_id,author_id,kind,created_at,deleted_at\nk-s2,u-bob,how_to,2026-02-01T09:00:00Z,2026-03-15T09:00:00Z\n",
    );
    let measures = "kpi,subject_kind,subject_id,period_start,period_end,value,baseline\nquestions,org,A,2026-02-01,2026-03-11,34,40\n";
    world.deliver("finance/measures_2026-04-01.csv", measures);
    let peers = endorsements("k-s2", &[("u-fay", "2026-02-20", "2026-03-10"), ("u-gil", "2026-03-12", "")]);
    world.deliver("community/reactions_2026-04-01.csv", csv(REACTIONS, &peers));
    let seen = |as_of: &str| {
        world.nightly(as_of);
        let items = items(&world);
        let shown = ["unique_peer_endorsers", "raters", "contribution_deleted", "outcome_change"];
        let two = items.get("s2").map(|row| shown.map(|name| row[name].clone()).join(" "));
        (items.keys().cloned().collect::<Vec<_>>().join(" "), two.unwrap_or_default())
    };
    assert_eq!(seen("2026-02-01"), (String::new(), String::new()));
    assert_eq!(
        seen("2026-03-01"),
        ("s1 s2".into(), "1 0 false ".into()),
        "not yet withdrawn, revoked, rated, taken down or measured"
    );
    assert_eq!(seen("2026-03-13"), ("s2".into(), "1 0 false -6.0".into()));
    assert_eq!(seen("2026-03-21"), ("s2".into(), "1 1 true -6.0".into()));
}

#[test]
fn raters_named_in_the_file_may_rate_under_pseudonyms_too() {
    let named = REVIEWS.replace("{ leader_bands = [\"manager\", \"director\"] }", "{ workers = [\"fay\"] }");
    let top = "zone = \"Europe/Berlin\"\nsynthetic_data = true\nreviews = [\"reviews.toml\"]";
    let mut world = world_of(top, OPEN, &named);
    let aws = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_"));
    world.env = Env::new(aws.chain([("UPTAKE_PSEUDONYM_KEY".into(), "a key that nobody else has".into())]));
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[submission("s1", "ann", &[])]));
    let rated = [scores("s1", "fay", [3, 2, 4]), scores("s1", "mia", [1, 1, 1])].concat();
    world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &rated));
    night(&world);
    let items = items(&world);
    assert_eq!(["raters", "overall"].map(|name| items["s1"][name].clone()), ["1", "3.0"]);
    assert_ne!(items["s1"]["worker_id"], "ann");
}

#[test]
fn without_review_cycles_no_review_table_is_published() {
    let world = world_of("zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true", OPEN, REVIEWS);
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[submission("s1", "ann", &[])]));
    let report = world.nightly("2026-04-10");
    assert!(items(&world).is_empty());
    assert!(
        report.remarks.iter().any(|remark| remark.contains("not published") && remark.contains("no reviews (")),
        "{:?}",
        report.remarks
    );
}

#[test]
fn what_names_a_cycle_that_nobody_opened_is_counted_and_said() {
    let world = world(OPEN, REVIEWS);
    let astray = [("cycle_id", "2026-Q9")];
    let rows = [
        submission("s1", "ann", &[]),
        submission("s2", "bob", &astray),
        submission("s3", "cay", &[astray[0], ("consented_at", "")]),
        submission("s4", "dan", &[astray[0], ("withdrawn_at", "2026-02-11T10:00:00Z")]),
    ];
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &rows));
    let report = world.nightly("2026-04-10");
    assert_eq!(items(&world).keys().collect::<Vec<_>>(), ["s1"]);
    let said =
        "1 of 2 submissions name a review cycle that the job does not know (2026-Q9): no review table shows them";
    assert!(report.remarks.iter().any(|remark| remark == said), "{:?}", report.remarks);
    let counted: Vec<String> = world
        .table("ops/data_quality")
        .iter()
        .filter(|row| row["reason_code"] == "unknown_cycle")
        .map(|row| ["canon_table", "severity", "affected", "out_of"].map(|name| row[name].as_str()).join(" "))
        .collect();
    assert_eq!(counted, ["rubric_scores note 0 0", "submissions warn 1 2"]);
}
