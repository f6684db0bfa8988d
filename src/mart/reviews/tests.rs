//! Items by eye. Endorsements, which need accounts, are tried through the command line.

use super::*;
use crate::canon::history::{Interner, NONE, Place, Stint};
use crate::period::day_of;

const REVIEWS: &str = "
    raters = { leader_bands = [\"manager\"] }
    quality_threshold = 2
    [[rubrics]]
    version = \"v1\"
    relevance = [\"a\", \"b\", \"c\", \"d\"]
    quality = [\"a\", \"b\", \"c\", \"d\"]
    impact = [\"a\", \"b\", \"c\", \"d\"]
    [[rubrics]]
    version = \"v2\"
    relevance = [\"a\", \"b\", \"c\", \"d\"]
    quality = [\"a\", \"b\", \"c\", \"d\"]
    impact = [\"a\", \"b\", \"c\", \"d\"]
    [[cycles]]
    id = \"Q1\"
    opens = 2026-01-01
    closes = 2026-03-31
    rubric = \"v1\"
    [outcomes]
    questions = \"lower\"";

fn micros(date: &str) -> i64 {
    day_start_micros(day(date), chrono_tz::UTC)
}

fn day(date: &str) -> Day {
    day_of(date.parse().unwrap())
}

/// `ann` and `bob` report to the manager `max`.
fn people() -> People {
    let mut labels = Interner::default();
    let (org, ic, manager) = (labels.code(Some("A")), labels.code(Some("ic")), labels.code(Some("manager")));
    let stint = |worker: u32, band: u32, manager: u32| Stint {
        worker,
        from: day("2020-01-01"),
        to: day("2030-01-01"),
        place: Place { org, band, location: NONE, function: NONE, manager },
    };
    People {
        workers: ["ann", "bob", "max"].map(str::to_owned).to_vec(),
        stints: vec![stint(0, ic, 2), stint(1, ic, 2), stint(2, manager, NONE)],
        labels,
        ..People::default()
    }
}

/// An item that lacks nothing, under a policy that asks for no peers.
fn submission(id: &str, author: &str, position: Option<i64>) -> Submission {
    Submission {
        id: id.into(),
        cycle: "Q1".into(),
        author: author.into(),
        contribution: format!("k-{id}"),
        position,
        submitted_at: micros("2026-02-01"),
        impact_statement: true,
        manager: Some("max".into()),
        ..Submission::default()
    }
}

fn score(submission: &str, rater: &str, dimension: usize, score: i64, version: Option<&str>) -> statements::Score {
    statements::Score {
        cycle: "Q1".into(),
        submission: submission.into(),
        rater: rater.into(),
        dimension,
        score,
        version: version.map(str::to_owned),
        scored_at: micros("2026-03-01"),
    }
}

fn items_of(said: &Statements) -> Vec<Item> {
    let policy = Policy { peer_endorsements: 0, ..Policy::default() };
    let (reviews, people, identity) = (Reviews::parse(REVIEWS).unwrap(), people(), Identity::default());
    items(
        &Ground { reviews: &reviews, policy: &policy, people: &people, identity: &identity, zone: chrono_tz::UTC },
        said,
    )
}

/// `id place status reasons`, item by item.
fn judged(said: &Statements) -> Vec<String> {
    let line = |item: &Item| {
        let reasons: Vec<&str> = item.reasons.iter().map(|reason| reason.code()).collect();
        format!("{} {} {} {}", item.submission.id, item.place, item.status(), reasons.join(";")).trim_end().to_owned()
    };
    items_of(said).iter().map(line).collect()
}

#[test]
fn the_fourth_in_the_employees_own_order_is_over_the_limit_and_still_there() {
    let submissions = [("s1", Some(4)), ("s2", Some(1)), ("s3", Some(3)), ("s4", Some(2))]
        .map(|(id, position)| submission(id, "ann", position))
        .into_iter()
        .chain([submission("t1", "bob", Some(9))])
        .collect();
    let said = Statements { submissions, ..Statements::default() };
    assert_eq!(
        judged(&said),
        ["s1 4 over_limit over_limit", "s2 1 eligible", "s3 3 eligible", "s4 2 eligible", "t1 1 eligible"]
    );
}

#[test]
fn without_a_position_the_order_is_that_of_submission_after_those_that_have_one() {
    let mut early = submission("s3", "ann", None);
    early.submitted_at = micros("2026-01-02");
    let submissions = vec![submission("s1", "ann", None), submission("s2", "ann", Some(1)), early];
    let said = Statements { submissions, ..Statements::default() };
    assert_eq!(judged(&said), ["s1 3 eligible", "s2 1 eligible", "s3 2 eligible"]);
}

#[test]
fn every_reason_that_holds_is_named() {
    let mut bare = submission("s1", "ann", None);
    (bare.impact_statement, bare.manager, bare.submitted_at) = (false, None, micros("2026-04-01"));
    let contributions = BTreeMap::from([(
        "k-s1".to_owned(),
        statements::Contribution { deleted_at: Some(micros("2026-03-31")), ..Default::default() },
    )]);
    let said = Statements {
        submissions: vec![bare],
        scores: vec![score("s1", "max", 1, 1, None)],
        contributions,
        ..Statements::default()
    };
    assert_eq!(
        judged(&said),
        [
            "s1 1 not_eligible no_manager_endorsement;no_impact_statement;below_quality_threshold;outside_cycle;contribution_deleted"
        ]
    );
}

#[test]
fn a_manager_is_somebody_above_the_author() {
    let with = |manager: &str| {
        let mut one = submission("s1", "ann", None);
        one.manager = Some(manager.into());
        items_of(&Statements { submissions: vec![one], ..Statements::default() })[0].manager_endorsed
    };
    assert_eq!(["max", "bob", "ann", "stranger"].map(with), [true, false, false, false]);
    // HRIS knows no manager of max, so the one who is named is believed.
    let by = |manager: &str| {
        let mut top = submission("s1", "max", None);
        top.manager = Some(manager.into());
        items_of(&Statements { submissions: vec![top], ..Statements::default() })[0].manager_endorsed
    };
    assert_eq!(["bob", "max"].map(by), [true, false], "nobody is their own manager");
}

#[test]
fn first_and_last_day_belong_to_the_cycle_and_the_threshold_itself_suffices() {
    let judged_at = |date: &str, quality: i64, gone: Option<&str>| {
        let mut one = submission("s1", "ann", None);
        one.submitted_at = micros(date);
        let contribution = statements::Contribution { deleted_at: gone.map(micros), ..Default::default() };
        judged(&Statements {
            submissions: vec![one],
            scores: vec![score("s1", "max", 1, quality, None)],
            contributions: BTreeMap::from([("k-s1".to_owned(), contribution)]),
            ..Statements::default()
        })
        .remove(0)
    };
    assert_eq!(judged_at("2026-01-01", 2, None), "s1 1 eligible");
    assert_eq!(judged_at("2026-03-31", 2, Some("2026-04-01")), "s1 1 eligible", "taken down after the cycle");
    assert_eq!(judged_at("2025-12-31", 2, None), "s1 1 not_eligible outside_cycle");
    assert_eq!(judged_at("2026-03-31", 1, None), "s1 1 not_eligible below_quality_threshold");
}

#[test]
fn a_rating_that_names_another_cycle_than_its_item_counts_nowhere() {
    let mut astray = score("s1", "max", 1, 4, None);
    astray.cycle = "Q2".into();
    let submissions = vec![submission("s1", "ann", None)];
    let items = items_of(&Statements { submissions, scores: vec![astray], ..Statements::default() });
    assert!(items[0].versions.is_empty() && items[0].left_out.is_empty());
}

#[test]
fn ratings_by_the_author_and_by_people_who_may_not_rate_count_nowhere() {
    let submissions = vec![submission("s1", "ann", None), submission("s2", "max", None)];
    let scores = vec![
        score("s1", "max", 1, 3, None),
        score("s1", "bob", 1, 1, None),
        score("s1", "ann", 1, 4, None),
        score("s2", "max", 1, 4, None),
        score("s9", "max", 1, 4, None),
    ];
    let items = items_of(&Statements { submissions, scores, ..Statements::default() });
    assert_eq!(items[0].versions["v1"].mean(1), Some(3.0));
    assert_eq!((items[0].left_out["v1"], items[1].left_out["v1"]), (2, 1), "max may rate, but not max's own item");
    assert!(items[1].versions.is_empty());
}

#[test]
fn an_item_is_scored_by_the_rubric_of_its_cycle_and_ratings_without_a_version_are_by_it() {
    let scores = vec![
        score("s1", "max", 1, 4, Some("v2")),
        score("s1", "max", 1, 2, None),
        score("s1", "max", 0, 3, Some("v1")),
        score("s1", "max", 0, 1, None),
    ];
    let items =
        items_of(&Statements { submissions: vec![submission("s1", "ann", None)], scores, ..Statements::default() });
    let reviews = Reviews::parse(REVIEWS).unwrap();
    let own = items[0].scores(&reviews).unwrap();
    assert_eq!((own.mean(1), own.mean(0)), (Some(2.0), Some(3.0)), "the mark that names the version stands");
    assert_eq!(items[0].versions["v2"].mean(1), Some(4.0));
}

#[test]
fn a_change_for_the_better_weighs_and_the_nearest_subject_speaks() {
    let measured = |subject_kind: &str, subject_id: &str, month: &str, value: f64| statements::Measured {
        subject_kind: subject_kind.into(),
        subject_id: subject_id.into(),
        start: day(&format!("2026-{month}-01")),
        end: day(&format!("2026-{month}-28")),
        value,
        baseline: 40.0,
    };
    let weigh = |measures: Vec<statements::Measured>| {
        let mut one = submission("s1", "ann", None);
        one.outcome = Some("questions".into());
        let measures = BTreeMap::from([("questions".to_owned(), measures)]);
        let items = items_of(&Statements { submissions: vec![one], measures, ..Statements::default() });
        (items[0].change.and_then(|change| change.rate()), items[0].outcome_weight)
    };
    assert_eq!(weigh(vec![measured("company", "all", "02", 34.0)]), (Some(-0.15), 1.25));
    assert_eq!(weigh(vec![measured("company", "all", "02", 44.0)]), (Some(0.1), 1.0), "more questions are no gain");
    assert_eq!(weigh(vec![measured("org", "B", "02", 34.0)]), (None, 1.0), "another unit's");
    assert_eq!(
        weigh(vec![measured("company", "all", "02", 34.0), measured("contribution", "k-s1", "01", 20.0)]),
        (Some(-0.5), 1.25)
    );
    assert_eq!(
        weigh(vec![
            measured("org", "A", "01", 20.0),
            measured("org", "A", "03", 38.0),
            measured("org", "A", "05", 10.0)
        ]),
        (Some(-0.05), 1.25),
        "the last period that had ended in the cycle"
    );
}

#[test]
fn small_competencies_are_merged_so_that_none_is_what_the_others_leave_over() {
    let reviews = Reviews::parse(REVIEWS).unwrap();
    let item = |author: u32, competency: Option<&str>| {
        let mut submission = submission(&format!("s{author}"), "ann", None);
        submission.competency = competency.map(str::to_owned);
        (author, items_of(&Statements { submissions: vec![submission], ..Statements::default() }).remove(0))
    };
    let of = |k: i64, counts: &[(Option<&str>, u32)]| -> Vec<String> {
        let mut author = 0;
        let items: Vec<(u32, Item)> = counts
            .iter()
            .flat_map(|(name, count)| (0..*count).map(|_| *name).collect::<Vec<_>>())
            .map(|name| {
                author += 1;
                item(author, name)
            })
            .collect();
        let by_author = items.iter().map(|(author, item)| (*author, vec![item])).collect();
        let policy = Policy { smallest_group: k, ..Policy::default() };
        let named = competencies(&reviews, &by_author, &policy);
        let mut merged: BTreeMap<&str, i64> = BTreeMap::new();
        named.values().for_each(|name| *merged.entry(name).or_default() += 1);
        merged.iter().map(|(name, items)| format!("{name} {items}")).collect()
    };
    let counts = [(Some("craft"), 6), (Some("coaching"), 5), (Some("delivery"), 2), (None, 9)];
    assert_eq!(of(1, &counts), ["coaching 5", "craft 6", "delivery 2", "unknown 9"]);
    assert_eq!(of(5, &counts), ["craft 6", "other 7", "unknown 9"], "two alone in other would be no secret");
}

#[test]
fn an_author_of_two_competencies_is_half_a_person_in_each() {
    let reviews = Reviews::parse(REVIEWS).unwrap();
    let one = |id: String, competency: &str| {
        let mut submission = submission(&id, "ann", None);
        submission.competency = Some(competency.to_owned());
        items_of(&Statements { submissions: vec![submission], ..Statements::default() }).remove(0)
    };
    // Six people, each with an item of both: craft and coaching are the same six, so neither alone is five people apart from the other.
    let items: Vec<(u32, [Item; 2])> =
        (0..6).map(|n| (n, [one(format!("a{n}"), "craft"), one(format!("b{n}"), "coaching")])).collect();
    let by_author: BTreeMap<u32, Vec<&Item>> = items.iter().map(|(n, both)| (*n, both.iter().collect())).collect();
    let of = |k: i64| {
        let named = competencies(&reviews, &by_author, &Policy { smallest_group: k, ..Policy::default() });
        named.into_values().collect::<std::collections::BTreeSet<String>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!((of(3), of(5)), (vec!["coaching".to_owned(), "craft".to_owned()], vec!["other".to_owned()]));
}
