//! Who counts as a peer, and whose endorsement is a manager's.

use super::{OPEN, REACTIONS, REVIEWS, SUBMISSIONS, csv, endorsements, items, night, submission, world};

#[test]
fn at_least_two_peers_endorse_and_nobody_else_counts_as_one() {
    let world = world(OPEN, REVIEWS);
    world.deliver(
        "reviews/submissions_2026-04-01.csv",
        csv(SUBMISSIONS, &["s1", "s2", "s3"].map(|id| submission(id, "ann", &[]))),
    );
    let nobodies = [
        ("u-ann", "2026-02-11", ""),           // the author
        ("u-ann2", "2026-02-11", ""),          // the author's other account
        ("u-max", "2026-02-11", ""),           // the manager
        ("u-boss", "2026-02-11", ""),          // the manager's manager
        ("u-eva", "2026-02-11", ""),           // reports to the author
        ("u-bob", "2026-02-11", "2026-02-20"), // took it back
        ("u-cay", "2026-04-01", ""),           // after the cycle
        ("u-hal", "2026-03-05", ""),           // on leave
        ("u-guest", "2026-02-11", ""),         // not an employee
        ("u-ghost", "2026-02-11", ""),         // nobody HRIS knows
    ];
    let peers = [("u-dan", "2026-02-11", ""), ("u-dan", "2026-02-14", ""), ("u-fay", "2026-03-31", "")];
    let mut given = endorsements("k-s1", &nobodies);
    given.extend(endorsements("k-s2", &peers));
    given.extend(endorsements("k-s3", &peers[..2]));
    given.push("r-like,k-s2,u-gil,like,2026-02-11T09:00:00Z,".into());
    world.deliver("community/reactions_2026-04-02.csv", csv(REACTIONS, &given));
    night(&world);
    let items = items(&world);
    let said = |id: &str| ["unique_peer_endorsers", "status", "reasons"].map(|name| items[id][name].clone());
    assert_eq!(said("s1"), ["0", "not_eligible", "too_few_peers"]);
    assert_eq!(said("s2"), ["2", "eligible", ""], "dan twice is one peer, fay on the last day another");
    assert_eq!(said("s3"), ["1", "not_eligible", "too_few_peers"], "dan alone, however often");
    assert_eq!((items["s1"]["too_few_peers"].as_str(), items["s2"]["too_few_peers"].as_str()), ("true", "false"));
}

#[test]
fn who_wrote_what_somebody_else_submitted_is_no_peer() {
    let world = world(OPEN, REVIEWS);
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[submission("s1", "ann", &[])]));
    world.deliver(
        "community/contributions_2026-02-10.csv",
        "contribution_id,author_id,kind,created_at\nk-s1,u-bob,how_to,2026-02-01T09:00:00Z\n",
    );
    let given = endorsements("k-s1", &[("u-bob", "2026-02-11", ""), ("u-dan", "2026-02-11", "")]);
    world.deliver("community/reactions_2026-04-02.csv", csv(REACTIONS, &given));
    night(&world);
    assert_eq!(items(&world)["s1"]["unique_peer_endorsers"], "1", "bob wrote it, ann handed it in");
}

#[test]
fn the_reporting_line_reaches_as_far_as_the_policy_says() {
    let peers = |policy: &'static str| {
        let world = world(policy, REVIEWS);
        world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &[submission("s1", "eva", &[])]));
        // Eva reports to ann, ann to max, max to the boss.
        let given = endorsements(
            "k-s1",
            &[("u-ann", "2026-02-11", ""), ("u-max", "2026-02-11", ""), ("u-boss", "2026-02-11", "")],
        );
        world.deliver("community/reactions_2026-04-02.csv", csv(REACTIONS, &given));
        night(&world);
        items(&world)["s1"]["unique_peer_endorsers"].clone()
    };
    assert_eq!(peers(OPEN), "1", "the boss is three levels up");
    assert_eq!(peers("smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1\nendorser_line_levels = 3"), "0");
    assert_eq!(peers("smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1\nendorser_line_levels = 1"), "2");
}

#[test]
fn whether_the_manager_must_endorse_beside_two_peers_is_policy() {
    let status = |policy: &'static str| {
        let world = world(policy, REVIEWS);
        let without = [("manager_endorsed_by", ""), ("manager_endorsed_at", "")];
        let late = [("manager_endorsed_at", "2026-04-02T10:00:00Z")];
        let colleague = [("manager_endorsed_by", "bob")];
        let rows = [
            submission("with", "ann", &[]),
            submission("without", "bob", &without),
            submission("late", "cay", &late),
            submission("colleague", "dan", &colleague),
        ];
        world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &rows));
        let peers = [("u-fay", "2026-02-11", ""), ("u-gil", "2026-02-11", "")];
        let given: Vec<String> =
            ["k-with", "k-without", "k-late", "k-colleague"].iter().flat_map(|k| endorsements(k, &peers)).collect();
        world.deliver("community/reactions_2026-04-02.csv", csv(REACTIONS, &given));
        night(&world);
        let items = items(&world);
        ["with", "without", "late", "colleague"].map(|id| items[id]["reasons"].clone())
    };
    assert_eq!(status(OPEN), ["", "no_manager_endorsement", "no_manager_endorsement", "no_manager_endorsement"]);
    let off = "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1\nrequire_manager_endorsement = false";
    assert_eq!(status(off), ["", "", "", ""]);
}
