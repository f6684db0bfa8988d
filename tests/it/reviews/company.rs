//! Reviews in deliveries that others wrote: those of the specification, and the invented company's.

use std::fmt::Write;

use super::{FEEDS, OPEN, REACTIONS, REVIEWS, SCORES, SUBMISSIONS, csv, items, night, submission};
use crate::world::{Row, Setup, World};

/// Deliveries of the specification that this version of the repository may lie beside; `None`, with a word, where it does not.
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn reference(file: &str) -> Option<Vec<Row>> {
    let path = crate::world::root().join("../shared/reference/malformed/csv").join(file);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    Some(csv::Reader::from_reader(bytes.as_slice()).deserialize().map(|row| row.expect("a row")).collect())
}

/// Workers `a1` and the peers report to `m1`; every account is the worker's id.
fn reference_world() -> World {
    let world = World::with(Setup {
        feeds: FEEDS.to_vec(),
        top: "zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nreviews = [\"reviews.toml\"]",
        policy: OPEN,
        ..Setup::default()
    });
    std::fs::write(world.folder.path().join("reviews.toml"), REVIEWS).expect("a file");
    let people = [("m1", "", "manager"), ("a1", "m1", "ic"), ("p1", "m1", "ic"), ("p2", "m1", "ic")];
    let workers: String = people.iter().fold(String::new(), |mut text, (id, manager, band)| {
        let _ = writeln!(text, "{id},2020-01-01,{id},active,{manager},A,{band}");
        text
    });
    let header = "worker_id,effective_from,employee_no,status,manager_id,org_id,leader_band";
    world.deliver("hris/workers_2026-03-02.csv", format!("{header}\n{workers}"));
    world.deliver("lms/users_2026-03-02.csv", "user_id,employee_no\nm1,m1\na1,a1\np1,p1\np2,p2\n");
    let one = submission("s1", "a1", &[("contribution_id", "k1"), ("manager_endorsed_by", "m1")]);
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[one]));
    world
}

#[test]
fn the_reference_endorsements_have_two_peers() {
    let Some(rows) = reference("r007_self_manager_dup_endorsers.csv") else { return };
    let world = reference_world();
    let given: Vec<String> = rows
        .iter()
        .map(|row| {
            let of = |name: &str| row[name].as_str();
            format!(
                "{},{},{},endorse,{},",
                of("endorsement_id"),
                of("contribution_id"),
                of("endorser_id"),
                of("endorsed_at")
            )
        })
        .collect();
    world.deliver("community/reactions_2026-04-02.csv", csv(REACTIONS, &given));
    night(&world);
    let items = items(&world);
    assert_eq!(items["s1"]["unique_peer_endorsers"], "2", "self and manager are no peers, a duplicate counts once");
    assert_eq!(items["s1"]["status"], "eligible");
}

#[test]
fn of_the_reference_scores_of_one_rater_the_latest_holds() {
    let Some(mut rows) = reference("r004_rater_twice.csv") else { return };
    for _ in 0..2 {
        let world = reference_world();
        let long: Vec<String> = rows
            .iter()
            .flat_map(|row| {
                ["relevance", "quality", "impact"].map(|dimension| {
                    format!("2026-Q1,s1,{},{dimension},{},,{}", row["rater_id"], row[dimension], row["scored_at"])
                })
            })
            .collect();
        world.deliver("reviews/rubric_scores_2026-04-02.csv", csv(SCORES, &long));
        night(&world);
        assert_eq!(items(&world)["s1"]["overall"], "4.0");
        assert_eq!(world.table("canon/rubric_scores").len(), 3);
        assert_eq!(world.table("canon/rubric_scores_history").len(), 6, "both kept for audit");
        rows.reverse();
    }
}

/// The invented company as `uptake sample` writes it, smaller.
struct Landing<'a>(&'a World);

impl uptake::sample::Sink for Landing<'_> {
    type Error = std::convert::Infallible;

    fn put(&mut self, path: &str, bytes: bytes::Bytes) -> Result<(), Self::Error> {
        if let Some(path) = path.strip_prefix("landing/") {
            self.0.deliver(path, bytes);
        }
        Ok(())
    }
}

#[test]
fn the_invented_company_shows_what_reviews_are_about() {
    let world = World::with(Setup {
        feeds: vec![
            "workday_workers",
            "canonical_org_units",
            "canonical_users",
            "canonical_identity_links",
            "canonical_contributions",
            "canonical_reactions",
            "canonical_submissions",
            "canonical_rubric_scores",
            "canonical_measures",
        ],
        top: "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true\nreviews = [\"reviews.toml\"]\nmarts = [\"review_items\", \"rater_agreement\", \"rubric_aggregates\", \"competency_coverage\"]",
        policy: "",
        ..Setup::default()
    });
    let reviews =
        std::fs::read_to_string(crate::world::root().join("jobs/reviews/demo.toml")).expect("jobs/reviews.toml");
    std::fs::write(world.folder.path().join("reviews.toml"), reviews).expect("a file");
    let options = uptake::sample::Options::new(300, 40, 106);
    uptake::sample::write(&options, &mut Landing(&world), &|_| {}).expect("a company");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-30T02:00:00Z"), 0);

    let items = items(&world);
    let of = |id: &str| ["status", "reasons", "outcome_weight"].map(|name| items[id][name].clone());
    assert_eq!(of("S1-0001"), ["eligible", "", "1.25"]);
    assert_eq!(of("S1-0002"), ["not_eligible", "too_few_peers;no_impact_statement", "1.0"]);
    assert_eq!(items["S1-0006"]["status"], "over_limit");
    assert_eq!(items["S1-0006"]["position"], "4");
    assert!(!items.contains_key("S1-0007"), "withdrawn");
    assert!(!items.contains_key("S1-0009"), "a nomination that nobody accepted");
    // Four experts with three items each, every one endorsed by the three others.
    let endorsed: Vec<(&str, &str)> =
        items.values().map(|row| (row["worker_id"].as_str(), row["unique_peer_endorsers"].as_str())).collect();
    let ring = ["S1-0010", "S1-0013", "S1-0016", "S1-0019"].map(|id| items[id]["worker_id"].as_str());
    for expert in ring {
        let own: Vec<&str> = endorsed.iter().filter(|(worker, _)| *worker == expert).map(|(_, peers)| *peers).collect();
        let by_three = own.iter().filter(|peers| peers.parse::<i64>().is_ok_and(|peers| peers >= 3));
        assert!(by_three.count() >= 3, "{expert}: {own:?}");
    }
    let verdicts: Vec<String> = world
        .table("marts/rater_agreement")
        .iter()
        .map(|row| ["cycle_id", "dimension", "verdict"].map(|name| row[name].as_str()).join(" "))
        .collect();
    assert_eq!(
        verdicts,
        [
            "cycle-1 impact reliable",
            "cycle-1 quality reliable",
            "cycle-1 relevance reliable",
            "cycle-2 impact unreliable",
            "cycle-2 quality unreliable",
            "cycle-2 relevance unreliable"
        ]
    );
    let replaced = world.table("canon/rubric_scores_history").len() - world.table("canon/rubric_scores").len();
    assert!(replaced > 0, "some scores were given anew");
}
