//! `run --as-known-on DATE --out URL` reproduces what was published then, and leaves the lake alone.

use crate::company::{self, Plan};
use crate::world::{World, difference, files};

const PLAN: Plan = Plan { workers: 24, weeks: 5, seed: 21, bad_rows: true };

#[test]
fn what_was_known_then_is_published_again_to_the_last_byte() {
    let world = World::new();
    let deliveries = company::deliveries(&PLAN);
    let then = chrono::NaiveDate::from_ymd_opt(2026, 3, 16).expect("a date");
    let (known, later): (Vec<_>, Vec<_>) = deliveries.iter().partition(|delivery| delivery.made_on <= then);
    for delivery in known {
        world.deliver(&delivery.path, &delivery.text);
    }
    assert_eq!(world.uptake("run JOB --as-of 2026-03-17"), 0);
    let published = world.files();
    for delivery in later {
        world.deliver(&delivery.path, &delivery.text);
    }
    assert_eq!(world.uptake("run JOB --as-of 2026-03-31"), 0);
    let now = world.files();
    assert!(difference(&published, &now).len() > 20, "the later deliveries changed much");

    let out = format!("{}-then", world.lake_url);
    assert_eq!(world.uptake(&format!("run JOB --as-of 2026-03-17 --as-known-on 2026-03-16 --out {out}")), 0);
    let reproduced = files(&uptake::store::Store::open(&out, &world.env).expect("the other lake"));
    assert_eq!(difference(&published, &reproduced), Vec::<String>::new());
    assert_eq!((world.commit_no(), difference(&now, &world.files())), (2, Vec::new()), "the lake itself is left alone");
}

#[test]
fn without_a_place_of_its_own_it_is_refused() {
    assert_eq!(World::new().uptake("run JOB --as-known-on 2026-03-16"), 2);
}
