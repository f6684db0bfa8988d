//! A run that is held back tells operators why, and changes nothing else.

use std::collections::BTreeMap;

use uptake::store::Store;

use crate::company::{self, Delivery, Dice, Plan};
use crate::world::{How, Kind, Setup, World, difference, instant, rows};

const SMALL: Plan = Plan { workers: 12, weeks: 3, seed: 31, bad_rows: false };

/// What lies in a folder of the lake, and which bytes.
fn bytes(lake: &Store, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let objects = lake.list(folder).expect("a list");
    objects.iter().map(|object| (object.path.clone(), lake.get(object).expect("an object").to_vec())).collect()
}

/// The activity of a week with times that no feed of ours reads.
fn spoiled(delivery: &Delivery) -> String {
    delivery.text.replace("T", "  um ")
}

fn activity(deliveries: &[Delivery]) -> &Delivery {
    deliveries.iter().rfind(|delivery| delivery.path.contains("activity")).expect("activity")
}

fn world() -> (World, Vec<Delivery>) {
    let world = World::with(Setup { missing: Some(vec!["canonical_identity_links"]), ..Setup::default() });
    (world, company::deliveries(&SMALL))
}

fn end() -> String {
    company::end(&SMALL).to_string()
}

#[test]
fn a_refused_delivery_is_told_of_and_nothing_else_changes_until_it_is_mended() {
    let (world, deliveries) = world();
    let bad = activity(&deliveries);
    for delivery in deliveries.iter().filter(|delivery| delivery.made_on < bad.made_on) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly(&bad.made_on.to_string());
    let (files, latest) = (world.files(), bytes(&world.lake, "marts/latest"));
    let ledger = world.ledger();
    for delivery in deliveries.iter().filter(|delivery| delivery.made_on == bad.made_on) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.deliver(&bad.path, spoiled(bad));
    let how = || How { as_of: instant(&end()), ..How::default() };
    for night in 0..3 {
        let error = world.run(&how()).expect_err("a refusal");
        assert_eq!(error.exit as u8, 3, "{error}");
        assert!(error.to_string().contains(&bad.path) && error.to_string().contains("occurred_at"), "{error}");
        assert_eq!(world.commit_no(), 2, "night {night}: the same reason again is no commit");
        assert_eq!(world.files(), files, "{:?}", difference(&files, &world.files()));
        assert_eq!(bytes(&world.lake, "marts/latest"), latest, "not one object was touched");
        assert_eq!(world.ledger(), ledger, "nothing of the night is known");
    }
    let of_bad = |table: &str| -> Vec<BTreeMap<String, String>> {
        world.table(table).into_iter().filter(|row| row["delivery"] == bad.path).collect()
    };
    let delivered = of_bad("ops/deliveries");
    assert_eq!(
        (delivered.len(), &*delivered[0]["status"], &*delivered[0]["reason_code"]),
        (1, "refused", "reject_share")
    );
    let rejected = of_bad("ops/quarantine");
    assert!(rejected.len() > 10 && rejected.iter().all(|row| row["reason_code"] == "ts_format"), "{rejected:?}");
    assert!(of_bad("ops/data_quality").iter().any(|row| row["check_kind"] == "held" && row["severity"] == "block"));
    let outcomes: Vec<String> = world.table("ops/runs").iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["published", "held"]);

    world.deliver(&bad.path, &bad.text);
    assert_eq!(world.run(&how()).expect("a run").verdict, "published");
    assert!(of_bad("ops/data_quality").iter().all(|row| row["check_kind"] != "held"));
    assert!(of_bad("ops/quarantine").is_empty());
    assert_eq!(of_bad("ops/deliveries")[0]["status"], "accepted");
    let (fresh, _) = crate::held::world();
    for delivery in &deliveries {
        fresh.deliver(&delivery.path, &delivery.text);
    }
    fresh.nightly(&end());
    assert_eq!(world.files(), fresh.files(), "{:?}", difference(&world.files(), &fresh.files()));
}

#[test]
fn the_very_first_run_that_is_held_back_leaves_a_lake_that_can_be_asked() {
    let world = World::at(Kind::Disk, world().0.setup).expect("a folder");
    let deliveries = company::deliveries(&SMALL);
    let bad = activity(&deliveries);
    for delivery in &deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.deliver(&bad.path, spoiled(bad));
    assert_eq!(world.uptake(&format!("run JOB --as-of {}", end())), 3);
    let told = world.process(&format!("inspect JOB {}", bad.path));
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(told.status.success() && text.contains("occurred_at") && text.contains("ts_format"), "{text}");
    world.deliver(&bad.path, &bad.text);
    assert_eq!(world.uptake(&format!("run JOB --as-of {}", end())), 0);
    assert!(rows(&world.lake, "marts/adoption_kpis").len() > 10);
}

#[test]
fn a_feed_without_any_delivery_holds_the_run_back_once_and_is_named() {
    let world = World::with(Setup { missing: Some(vec![]), ..Setup::default() });
    let run = || world.run(&How { as_of: instant(&end()), ..How::default() });
    assert_eq!(run().expect_err("nothing there").exit as u8, 3);
    assert_eq!(run().expect_err("nothing there").exit as u8, 3);
    let held = world.table("ops/data_quality");
    assert_eq!((world.commit_no(), held.len(), &*held[0]["feed"]), (1, 1, "canonical_workers"));
}

#[test]
fn random_nights_with_refusals_tolerations_and_repairs_end_as_one_run_over_everything() {
    for seed in 1..=6 {
        let mut dice = Dice::new(seed);
        let (mut world, deliveries) = world();
        let mut spoilt: Vec<&Delivery> = Vec::new();
        let mut held = 0;
        for week in 0..SMALL.weeks {
            let day = company::start() + chrono::Days::new((week + 1) * 7);
            for delivery in deliveries.iter().filter(|delivery| delivery.made_on == day) {
                let is_spoilt = delivery.path.contains("activity") && dice.chance(70);
                world.deliver(&delivery.path, if is_spoilt { spoiled(delivery) } else { delivery.text.clone() });
                spoilt.extend(is_spoilt.then_some(delivery));
            }
            world.setup.refused = if dice.chance(40) { vec!["canonical_activity"] } else { Vec::new() };
            for night in 0..3 {
                let before = (world.head().is_some()).then(|| (world.files(), bytes(&world.lake, "marts/latest")));
                let how = How { as_of: instant(&(day + chrono::Days::new(night)).to_string()), ..How::default() };
                match world.run(&how) {
                    Ok(_) => {}
                    Err(error) => {
                        held += 1;
                        assert_eq!(error.exit as u8, 3, "{error}");
                        let after = world.head().map(|_| (world.files(), bytes(&world.lake, "marts/latest")));
                        assert!(before.is_none_or(|before| Some(before) == after), "seed {seed}: last good stays");
                    }
                }
                if dice.chance(30)
                    && let Some(mended) = spoilt.pop()
                {
                    world.deliver(&mended.path, &mended.text);
                }
            }
        }
        for mended in spoilt {
            world.deliver(&mended.path, &mended.text);
        }
        world.setup.refused = Vec::new();
        world.nightly(&end());
        let (fresh, _) = crate::held::world();
        deliveries.iter().for_each(|delivery| fresh.deliver(&delivery.path, &delivery.text));
        fresh.nightly(&end());
        assert_eq!(world.files(), fresh.files(), "seed {seed}: {:?}", difference(&world.files(), &fresh.files()));
        assert!(held > 0 || seed > 1, "seed {seed} held nothing back");
    }
}

#[test]
fn a_delivery_that_the_memory_of_the_run_cannot_hold_is_named_before_anything_is_read() {
    let (world, deliveries) = world();
    for delivery in &deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    let largest = deliveries.iter().max_by_key(|delivery| delivery.text.len()).expect("a delivery");
    let run = |memory_limit: usize| {
        let error = world.run(&How { as_of: instant(&end()), memory_limit, ..How::default() }).expect_err("too large");
        (error.exit as u8, error.to_string(), error.hint.unwrap_or_default())
    };
    let (exit, told, hint) = run(largest.text.len() - 1);
    assert!(exit == 6 && told.starts_with(&largest.path) && hint.contains("--memory-limit"), "{told} {hint}");
    assert!(world.files().is_empty() && world.ledger().is_empty());
    assert_eq!(world.table("ops/data_quality")[0]["reason_code"], "limit");
}
