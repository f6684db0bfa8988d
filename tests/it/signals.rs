//! Signals of gaming: seen in consented submissions alone, with the figures `uptake stats` gives, and without any effect.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use uptake::contract::{Area, Catalog};

use crate::world::{Kind, Row, Setup, World, difference};

const FEEDS: [&str; 7] = [
    "canonical_workers",
    "canonical_org_units",
    "canonical_users",
    "canonical_contributions",
    "canonical_reactions",
    "canonical_submissions",
    "canonical_rubric_scores",
];

const BODY: &str = "Open the zanzibar console, stop the scheduler, find the batch that hangs, and reset it before the nightly run begins again. Tell the desk what you did.";

fn setup() -> Setup {
    Setup { feeds: FEEDS.to_vec(), ..Setup::default() }
}

/// Forty people in four teams; w00 to w19 have one submission each. The first three praise each other in a circle, the fourth and
/// the fifth each other, everybody else evenly.
struct Company {
    contributions: String,
    submissions: String,
    reactions: String,
    scores: String,
    edges: Vec<(usize, usize)>,
}

fn team(worker: usize) -> usize {
    worker % 4
}

fn company() -> Company {
    let mut contributions = "contribution_id,author_id,kind,created_at,title,words,body\n".to_owned();
    let mut submissions =
        "submission_id,cycle_id,worker_id,contribution_id,position,submitted_at,consented_at,withdrawn_at\n".to_owned();
    for n in 0..20 {
        let body = match n {
            7 => BODY.to_owned(),
            8 => BODY.replace("hangs", "stands"),
            _ => (0..70).map(|word| format!("w{:x} ", (n * 70 + word) * 40_503 + 7)).collect(),
        };
        let _ = writeln!(
            contributions,
            "k{n:02},u{n:02},how_to,2026-01-05T09:00:00Z,Topic {n:02}{n:02}{n:02},{},\"{body}\"",
            if n == 9 { 12 } else { 300 }
        );
        let _ = writeln!(submissions, "s{n:02},H1,w{n:02},k{n:02},1,2026-01-06T09:00:00Z,2026-01-06T09:00:00Z,");
    }
    let mut edges = Vec::new();
    for n in 0..20 {
        edges.extend([1, 2, 3, 5].map(|step| ((n + step) % 20 + 20, n)));
    }
    // Teams differ, so all of these lie across teams.
    for (from, to) in [(0, 1), (1, 2), (2, 0), (3, 4), (4, 3)] {
        edges.extend([(from, to); 5]);
    }
    let mut reactions = "reaction_id,contribution_id,actor_id,kind,occurred_at,revoked_at\n".to_owned();
    for (at, (from, to)) in edges.iter().enumerate() {
        let (day, hour) = (10 + at % 20, at % 24);
        let _ = writeln!(reactions, "r{at:03},k{to:02},u{from:02},endorse,2026-01-{day}T{hour:02}:00:00Z,");
    }
    // Not counted: taken back, of oneself, a like.
    reactions.push_str("x1,k01,u00,endorse,2026-01-10T09:00:00Z,2026-01-11T09:00:00Z\nx2,k00,u00,endorse,2026-01-10T09:00:00Z,\nx3,k01,u00,like,2026-01-10T09:00:00Z,\n");
    let mut scores = "cycle_id,submission_id,rater_id,dimension,score,rubric_version,scored_at\n".to_owned();
    for n in 0..20 {
        for (rater, score) in [(30, 1 + n % 2), (31, 1 + (n / 2) % 2), (32, 4)] {
            let _ = writeln!(scores, "H1,s{n:02},w{rater},quality,{score},v1,2026-02-01T09:00:00Z");
        }
    }
    Company { contributions, submissions, reactions, scores, edges }
}

fn deliver(world: &World, company: &Company) {
    let mut workers = "worker_id,effective_from,employee_no,status,worker_type,org_id\n".to_owned();
    let mut users = "user_id,employee_no,kind\n".to_owned();
    for n in 0..40 {
        let _ = writeln!(workers, "w{n:02},2020-01-01,n{n:02},active,employee,t{}", team(n));
        let _ = writeln!(users, "u{n:02},n{n:02},learner");
    }
    let units: String = (0..4).map(|n| format!("t{n},2020-01-01,co\n")).collect();
    world.deliver("hris/workers_2026-02-01.csv", workers);
    world.deliver("hris/org_units_2026-02-01.csv", format!("org_id,effective_from,parent_id\nco,2020-01-01,\n{units}"));
    world.deliver("lms/users_2026-02-01.csv", users);
    world.deliver("c/contributions_2026-02-01.csv", &company.contributions);
    world.deliver("c/submissions_2026-02-01.csv", &company.submissions);
    world.deliver("c/reactions_2026-02-01.csv", &company.reactions);
    world.deliver("c/rubric_scores_2026-02-02.csv", &company.scores);
}

fn lived(company: &Company) -> World {
    let world = World::with(setup());
    deliver(&world, company);
    world.nightly("2026-02-10");
    world
}

fn of<'r>(rows: &'r [Row], kind: &str) -> Vec<&'r Row> {
    rows.iter().filter(|row| row["kind"] == kind).collect()
}

#[test]
fn what_was_planted_is_signalled_and_nothing_else() {
    let world = lived(&company());
    let rows = world.table("restricted/integrity_signals");
    let seen: BTreeMap<(&str, &str), &str> = rows
        .iter()
        .map(|row| ((row["kind"].as_str(), row["subjects"].as_str()), row["submission_ids"].as_str()))
        .collect();
    let expected = BTreeMap::from([
        (("endorsement_ring", "w00;w01;w02"), "s00;s01;s02"),
        (("flat_rater", "w32"), "s00;s01;s02;s03;s04;s05;s06;s07;s08;s09;s10;s11;s12;s13;s14;s15;s16;s17;s18;s19"),
        (("near_duplicate", "w07;w08"), "s07;s08"),
        (("rater_leniency", "w32"), "s00;s01;s02;s03;s04;s05;s06;s07;s08;s09;s10;s11;s12;s13;s14;s15;s16;s17;s18;s19"),
        (("reciprocal_endorsement", "w03;w04"), "s03;s04"),
        (("thin_content", "w09"), "s09"),
    ]);
    let dominated: Vec<(&str, &str)> =
        [("w00", "w01"), ("w01", "w02"), ("w02", "w00"), ("w03", "w04"), ("w04", "w03")].into();
    let mut all = expected.clone();
    let names: Vec<String> = dominated.iter().map(|(from, to)| format!("{from};{to}")).collect();
    let items: Vec<String> = dominated.iter().map(|(_, to)| format!("s{}", &to[1..])).collect();
    for (subjects, item) in names.iter().zip(&items) {
        all.insert(("serial_endorsement", subjects), item);
    }
    assert_eq!(seen, all);
    assert!(rows.iter().all(|row| !row["reason"].is_empty() && row["first_seen"] <= row["last_seen"]));
}

/// Cells of one part that `uptake stats` prints, by header.
fn printed(world: &World, words: &str, text: &str) -> Vec<BTreeMap<String, String>> {
    std::fs::write(world.folder.path().join("input.csv"), text).expect("a file");
    let file = world.folder.path().join("input.csv").display().to_string();
    let out = world.process(&words.replace("FILE", &file));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut reader = csv::Reader::from_reader(out.stdout.as_slice());
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn close(one: &str, other: &str) {
    let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{text} is no number"));
    let (one, other) = (number(one), number(other));
    assert!((one - other).abs() <= 1e-12 * other.abs().max(1e-300), "{one} {other}");
}

#[test]
fn figures_are_those_of_uptake_stats_on_the_same_rows() {
    let company = company();
    let world = lived(&company);
    let rows = world.table("restricted/integrity_signals");

    let mut text = "from,to,from_team,to_team\n".to_owned();
    for (from, to) in &company.edges {
        let _ = writeln!(text, "w{from:02},w{to:02},{},{}", team(*from), team(*to));
    }
    let mutual = printed(&world, "stats endorsements FILE --part mutual", &text);
    let flagged: Vec<_> = mutual.iter().filter(|row| row["flag"] == "true").collect();
    let shown = of(&rows, "reciprocal_endorsement");
    assert_eq!((flagged.len(), shown.len()), (1, 1));
    assert_eq!(format!("{};{}", flagged[0]["a"], flagged[0]["b"]), shown[0]["subjects"]);
    close(&shown[0]["evidence_count"], &flagged[0]["count_ab"]);
    close(&shown[0]["evidence_count_back"], &flagged[0]["count_ba"]);
    close(&shown[0]["p_value"], &flagged[0]["p"]);
    close(&shown[0]["q_value"], &flagged[0]["q"]);
    let pairs = printed(&world, "stats endorsements FILE --part pairs", &text);
    let pair = pairs.iter().find(|row| row["from"] == "w03" && row["to"] == "w04").expect("the pair");
    close(&shown[0]["expected_count"], &pair["expected"]);
    let members: BTreeSet<String> = printed(&world, "stats endorsements FILE --part rings", &text)
        .iter()
        .map(|row| row["person"].clone())
        .collect();
    assert_eq!(members.into_iter().collect::<Vec<_>>().join(";"), of(&rows, "endorsement_ring")[0]["subjects"]);
    for row in printed(&world, "stats endorsements FILE --part dominated", &text) {
        let subjects = format!("{};{}", row["from"], row["to"]);
        let shown =
            of(&rows, "serial_endorsement").into_iter().find(|shown| shown["subjects"] == subjects).expect("a row");
        close(&shown["strength"], &row["share"]);
        close(&shown["evidence_base"], &row["got"]);
    }

    let mut reader = csv::Reader::from_reader(company.contributions.as_bytes());
    let mut text = "id,author,title,body\n".to_owned();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.expect("a contribution");
        let _ = writeln!(text, "{},{},{},\"{}\"", row["contribution_id"], row["author_id"], row["title"], row["body"]);
    }
    let near: Vec<_> = printed(&world, "stats similarity FILE --part pairs", &text)
        .into_iter()
        .filter(|row| row["near_duplicate"] == "true")
        .collect();
    let shown = of(&rows, "near_duplicate");
    assert_eq!((near.len(), shown.len()), (1, 1));
    close(&shown[0]["strength"], &near[0]["jaccard"]);
    close(&shown[0]["evidence_count"], &near[0]["intersection"]);
    close(&shown[0]["evidence_base"], &near[0]["union"]);
    assert!(shown[0]["reason"].ends_with(&format!("a {}", near[0]["kind"])));
}

#[test]
fn without_consent_nothing_is_seen() {
    let mut company = company();
    // The fifth withdraws, the seventh's item was only nominated, the third's is deleted.
    company.submissions = company
        .submissions
        .replace(
            "s04,H1,w04,k04,1,2026-01-06T09:00:00Z,2026-01-06T09:00:00Z,",
            "s04,H1,w04,k04,1,2026-01-06T09:00:00Z,2026-01-06T09:00:00Z,2026-02-01T09:00:00Z",
        )
        .replace(
            "s07,H1,w07,k07,1,2026-01-06T09:00:00Z,2026-01-06T09:00:00Z,",
            "s07,H1,w07,k07,1,2026-01-06T09:00:00Z,,",
        );
    company.contributions = company
        .contributions
        .replace("title,words,body\n", "title,words,deleted_at,body\n")
        .replace(",300,\"", ",300,,\"")
        .replace(",12,\"", ",12,,\"");
    let taken_down = "k02,u02,how_to,2026-01-05T09:00:00Z,Topic 020202,300,";
    assert!(company.contributions.contains(taken_down));
    company.contributions = company.contributions.replace(taken_down, &format!("{taken_down}2026-02-01T09:00:00Z"));
    let world = lived(&company);
    let rows = world.table("restricted/integrity_signals");
    let kinds: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (row["kind"].as_str(), row["subjects"].as_str()))
        .filter(|(kind, _)| !kind.contains("rater"))
        .collect();
    // What w00 gave w01 stays, and what w03 gave w04, a withdrawn author, is gone.
    assert_eq!(
        kinds,
        BTreeSet::from([
            ("serial_endorsement", "w00;w01"),
            ("serial_endorsement", "w02;w00"),
            ("serial_endorsement", "w04;w03"),
            ("thin_content", "w09")
        ])
    );
    assert!(!rows.iter().any(|row| ["s04", "s07"].iter().any(|gone| row["submission_ids"].contains(gone))));
}

#[test]
fn a_signal_changes_nothing_else() {
    let company = company();
    let all = lived(&company).files();
    let catalog = Catalog::load().expect("contracts");
    let others: Vec<&str> = catalog
        .tables()
        .filter(|table| table.area != Area::Canon && table.name != "integrity_signals")
        .map(|table| table.name.as_str())
        .collect();
    let top: &'static str = Box::leak(format!("{}\nmarts = {others:?}", Setup::default().top).into_boxed_str());
    let world = World::with(Setup { top, ..setup() });
    deliver(&world, &company);
    world.nightly("2026-02-10");
    let without = world.files();
    let only = difference(&all, &without);
    assert!(only.len() == 1 && only[0].contains("integrity_signals"), "{only:#?}");
}

#[test]
fn the_order_of_deliveries_and_the_number_of_runs_do_not_show() {
    let company = company();
    let at_once = lived(&company).files();
    let world = World::with(setup());
    deliver(&world, &company);
    // The second half of the reactions arrives first, in a file of its own.
    let lines: Vec<&str> = company.reactions.lines().collect();
    let (head, rows) = lines.split_first().expect("a header");
    let half = |rows: &[&str]| format!("{head}\n{}\n", rows.join("\n"));
    world.deliver("c/reactions_2026-02-01.csv", half(&rows[rows.len() / 2..]));
    world.nightly("2026-02-09");
    world.deliver("d/reactions_2026-01-31.csv", half(&rows[..rows.len() / 2]));
    world.nightly("2026-02-10");
    let marts = |files: &crate::world::FileMap| -> BTreeMap<String, String> {
        files
            .iter()
            .filter(|(path, _)| !path.starts_with("canon/"))
            .map(|(path, hash)| (path.clone(), hash.clone()))
            .collect()
    };
    assert_eq!(difference(&marts(&at_once), &marts(&world.files())), [""; 0]);
}

#[test]
fn a_body_reaches_no_object_of_the_lake() {
    let mut company = company();
    // One record is refused, so that quarantine is looked at too.
    company.contributions.push_str("k99,u01,howto,2026-01-05T09:00:00Z,A refused one,9,\"zanzibar again\"\n");
    let world = World::at(Kind::Memory, setup()).expect("a world");
    deliver(&world, &company);
    world.nightly("2026-02-10");
    let head = world.head().expect("a commit");
    let mut cells = 0;
    for table in head.files.keys() {
        for (column, value) in world.table(table).iter().flatten() {
            cells += 1;
            let value = value.to_lowercase();
            assert!(
                !["zanzibar", "scheduler", "nightly run"].iter().any(|word| value.contains(word)),
                "{table}.{column} holds a body's words"
            );
        }
    }
    assert!(cells > 1_000);
    let objects = world.lake.list("").expect("objects");
    assert!(objects.len() > 10);
    for object in objects {
        let bytes = world.lake.get(&object).expect("an object");
        assert!(!bytes.windows(8).any(|window| window.eq_ignore_ascii_case(b"zanzibar")), "{}", object.path);
    }
    let kept = world.table("canon/contributions");
    assert!(
        kept.iter()
            .all(|row| row["body_signature"].len() > 100 && row["body_hash"].len() == 32 && !row.contains_key("body"))
    );
}

#[test]
fn ratings_that_count_nowhere_are_no_sign_of_a_rater() {
    // The lenient and flat w32 may not rate by the reviews file of this job; the other two may.
    let top: &'static str =
        Box::leak(format!("{}\nreviews = [\"reviews.toml\"]", Setup::default().top).into_boxed_str());
    let signalled = |raters: &str| {
        let world = World::with(Setup { top, ..setup() });
        let words = "[\"1\", \"2\", \"3\", \"4\"]";
        let reviews = format!(
            "raters = {raters}\n[[cycles]]\nid = \"H1\"\nopens = 2026-01-01\ncloses = 2026-06-30\n[[rubrics]]\nversion = \"v1\"\nrelevance = {words}\nquality = {words}\nimpact = {words}\n"
        );
        std::fs::write(world.folder.path().join("reviews.toml"), reviews).expect("a file");
        deliver(&world, &company());
        world.nightly("2026-02-10");
        let rows = world.table("restricted/integrity_signals");
        rows.iter().filter(|row| row["subjects"] == "w32").count()
    };
    assert_eq!((signalled("\"any\""), signalled("{ workers = [\"w30\", \"w31\"] }")), (2, 0));
}

#[test]
fn a_rating_of_ones_own_item_is_no_sign_either() {
    // Nineteen fours for others and one for oneself are not twenty.
    let flat = |raters: &str| {
        let mut company = company();
        for n in 0..20 {
            let _ = writeln!(company.scores, "H1,s{n:02},{raters},quality,4,v1,2026-02-01T09:00:00Z");
        }
        let rows = lived(&company).table("restricted/integrity_signals");
        rows.iter().filter(|row| row["kind"] == "flat_rater" && row["subjects"] == raters).count()
    };
    assert_eq!((flat("w05"), flat("w25")), (0, 1));
}
