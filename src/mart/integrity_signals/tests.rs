//! Each kind of signal by an example small enough to check by eye, and what is no signal beside it.

use std::collections::BTreeMap;

use super::evidence::{Content, Evidence, Item, Rating, Reaction};
use super::signal::Signal;
use super::*;
use crate::stats::signature::Sketch;

const DAY: i64 = 86_400_000_000;
/// 2026-03-02, a Monday, at nine.
const START: i64 = 1_772_442_000_000_000;

fn evidence() -> Evidence {
    Evidence::default()
}

fn item(evidence: &mut Evidence, submission: &str, author: &str, contribution: &str) {
    evidence.items.push(Item {
        submission: submission.into(),
        cycle: "H1".into(),
        author: author.into(),
        contribution: contribution.into(),
    });
    let content = Content {
        created_at: START,
        title: format!("{contribution}{contribution}{contribution}"),
        words: Some(400),
        minutes: None,
        hash: None,
        sketch: None,
    };
    evidence.contents.entry(contribution.into()).or_insert(content);
}

fn endorse(evidence: &mut Evidence, from: &str, to: &str, contribution: &str, at: i64) {
    react(evidence, "endorse", from, to, contribution, at);
}

fn react(evidence: &mut Evidence, kind: &str, from: &str, to: &str, contribution: &str, at: i64) {
    evidence.reactions.push(Reaction {
        contribution: contribution.into(),
        to: to.into(),
        from: from.into(),
        kind: kind.into(),
        at,
        day: (at / DAY) as i32,
        teams: (Some(1), Some(1)),
        to_boss: false,
        in_line: false,
        is_eligible: true,
    });
}

fn seen(evidence: &Evidence) -> Vec<Signal> {
    detect(evidence, &Policy::default(), chrono_tz::UTC)
}

/// The signals of a kind: subjects, count, and strength to two digits.
fn of(evidence: &Evidence, kind: &str) -> Vec<(String, i64, String)> {
    let signals = seen(evidence).into_iter().filter(|signal| signal.kind == kind);
    signals.map(|signal| (signal.subjects.join(";"), signal.count, format!("{:.2}", signal.strength))).collect()
}

fn text(words: &str) -> Option<Sketch> {
    let pieces = crate::stats::similarity::shingles(words);
    Sketch::of(pieces.into_iter().map(|piece| (piece % ((1 << 36) - 5)) as u64))
}

#[test]
fn a_body_with_one_word_changed_is_a_copy_of_another_and_a_repost_of_ones_own() {
    let mut evidence = evidence();
    let body = "open the console, stop the scheduler, find the batch that hangs, and reset it before the nightly run begins again";
    for (submission, author, contribution, words) in [
        ("s1", "ann", "k1", body.to_owned()),
        ("s2", "bob", "k2", body.replace("hangs", "stands")),
        ("s3", "ann", "k3", body.replace("nightly", "weekly")),
        (
            "s4",
            "cyd",
            "k4",
            "how we plan the quarter: goals, people, weeks, and what is left over in the end".to_owned(),
        ),
    ] {
        item(&mut evidence, submission, author, contribution);
        evidence.contents.get_mut(contribution).unwrap().sketch = text(&words);
    }
    let found: Vec<Signal> = seen(&evidence).into_iter().filter(|signal| signal.kind == "near_duplicate").collect();
    let said: Vec<(&str, bool)> =
        found.iter().map(|signal| (signal.about.as_str(), signal.reason.ends_with("a repost"))).collect();
    assert_eq!(said, [("k1;k2", false), ("k1;k3", true), ("k2;k3", false)]);
    let pieces = |words: &str| crate::stats::similarity::shingles(words);
    let (shared, union) =
        crate::stats::similarity::compare(&pieces(body), &pieces(&body.replace("hangs", "stands"))).unwrap();
    assert_eq!((found[0].count, found[0].base), (shared as i64, Some(union as i64)));
    assert_eq!(found[0].strength, shared as f64 / union as f64);
    assert!(found[0].reason.starts_with("k2 by another author"), "{}", found[0].reason);
}

#[test]
fn titles_count_from_four_fifths_and_bodies_from_seven_tenths() {
    let letters: Vec<char> = "abcdefghijklmnopqrstuvwxyz0123456789".chars().collect();
    // Of two texts of n letters that differ in the last c, n - 4 - c pieces of n - 4 + c are shared.
    let both = |n: usize, c: usize| -> [String; 2] {
        let one: String = letters[..n].iter().collect();
        let other = letters[..n - c].iter().chain(&['α', 'β', 'γ', 'δ'][..c]).collect();
        [one, other]
    };
    let found = |texts: [String; 2], is_title: bool| {
        let mut evidence = evidence();
        for (n, text_of) in texts.into_iter().enumerate() {
            let contribution = format!("k{n}");
            item(&mut evidence, &format!("s{n}"), ["ann", "bob"][n], &contribution);
            let content = evidence.contents.get_mut(&contribution).unwrap();
            (content.title, content.sketch) = if is_title { (text_of, None) } else { (String::new(), text(&text_of)) };
        }
        of(&evidence, "near_duplicate").iter().map(|(_, _, strength)| strength.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!((found(both(24, 2), true), found(both(29, 3), true)), ("0.82".into(), String::new()), "18/22, 22/28");
    assert_eq!((found(both(27, 4), false), found(both(26, 4), false)), ("0.70".into(), String::new()), "19/27, 18/26");
}

#[test]
fn equal_hashes_are_equal_texts_where_no_signature_came() {
    let mut evidence = evidence();
    for (submission, author, contribution, hash) in
        [("s1", "ann", "k1", "h1"), ("s2", "bob", "k2", "h1"), ("s3", "cyd", "k3", "h2")]
    {
        item(&mut evidence, submission, author, contribution);
        evidence.contents.get_mut(contribution).unwrap().hash = Some(hash.into());
    }
    assert_eq!(of(&evidence, "near_duplicate"), [("ann;bob".to_owned(), 0, "1.00".to_owned())]);
}

#[test]
fn many_equal_titles_are_linked_to_the_first_and_not_each_to_each() {
    let mut evidence = evidence();
    for n in 0..120 {
        let (submission, author, contribution) = (format!("s{n:03}"), format!("w{n:03}"), format!("k{n:03}"));
        item(&mut evidence, &submission, &author, &contribution);
        evidence.contents.get_mut(&contribution).unwrap().title = "Weekly notes of the payments team".into();
    }
    assert_eq!(of(&evidence, "near_duplicate").len(), 50 * 49 / 2 + 70);
}

#[test]
fn two_texts_under_one_title_are_no_copies_and_a_short_title_says_nothing() {
    let long = "How to reset a stuck payment batch";
    let pair = |title: &str, bodies: [Option<&str>; 2]| {
        let mut evidence = evidence();
        for (n, body) in bodies.into_iter().enumerate() {
            let contribution = format!("k{n}");
            item(&mut evidence, &format!("s{n}"), ["ann", "bob"][n], &contribution);
            let content = evidence.contents.get_mut(&contribution).unwrap();
            (content.title, content.sketch) = (title.into(), body.and_then(text));
        }
        of(&evidence, "near_duplicate").len()
    };
    let (one, other) = (
        "stop the scheduler and find the batch that hangs before the night",
        "goals, people, weeks and what is left over when the quarter ends",
    );
    assert_eq!(pair(long, [None, None]), 1, "nothing but titles is known");
    assert_eq!(pair(long, [Some(one), None]), 1);
    assert_eq!(pair(long, [Some(one), Some(other)]), 0, "two texts under one title");
    assert_eq!(pair("Weekly notes", [None, None]), 0, "eight pieces");
    // Twenty pieces are told from each other, nineteen are not.
    assert_eq!(pair("abcdefghijklmnopqrstuvwx", [None, None]), 1);
    assert_eq!(pair("abcdefghijklmnopqrstuvw", [None, None]), 0);
    let thanks = Some("thanks, all");
    assert_eq!(pair("Weekly notes", [thanks, thanks]), 0, "so short a body says nothing either");
    assert_eq!(pair("Weekly notes", [Some(one), Some(one)]), 1);
}

#[test]
fn many_items_of_which_neither_title_nor_body_is_known_are_no_copies_of_each_other() {
    let mut evidence = evidence();
    for n in 0..120 {
        let contribution = format!("k{n:03}");
        item(&mut evidence, &format!("s{n:03}"), &format!("w{n:03}"), &contribution);
        evidence.contents.get_mut(&contribution).unwrap().title = String::new();
    }
    assert_eq!(of(&evidence, "near_duplicate"), []);
}

#[test]
fn a_text_of_nine_words_is_thin_and_a_recording_is_not() {
    let mut evidence = evidence();
    for (submission, contribution, words, minutes) in
        [("s1", "k1", 9, None), ("s2", "k2", 50, None), ("s3", "k3", 9, Some(20)), ("s4", "k4", 49, None)]
    {
        item(&mut evidence, submission, "ann", contribution);
        let content = evidence.contents.get_mut(contribution).unwrap();
        (content.words, content.minutes) = (Some(words), minutes);
    }
    let thin = |words: i64, short: &str| ("ann".to_owned(), words, short.to_owned());
    assert_eq!(of(&evidence, "thin_content"), [thin(9, "0.82"), thin(49, "0.02")]);
}

/// A company that endorses evenly: everybody one item, each endorsed by the next two.
fn busy(people: usize) -> Evidence {
    let mut evidence = evidence();
    for n in 0..people {
        item(&mut evidence, &format!("s{n:02}"), &format!("w{n:02}"), &format!("k{n:02}"));
    }
    for n in 0..people {
        for step in [1, 2, 3] {
            let from = format!("w{:02}", (n + step) % people);
            endorse(&mut evidence, &from, &format!("w{n:02}"), &format!("k{n:02}"), START + (n as i64) * DAY);
        }
    }
    evidence
}

#[test]
fn even_praise_is_no_signal() {
    let evidence = busy(30);
    assert!(seen(&evidence).is_empty(), "{:?}", seen(&evidence));
}

#[test]
fn two_who_praise_each_other_are_a_pair_and_three_in_a_circle_a_ring() {
    let mut pair = busy(30);
    let mut ring = busy(30);
    for day in 0..6 {
        let at = START + day * 2 * DAY;
        endorse(&mut pair, "x1", "x2", "kx2", at);
        endorse(&mut pair, "x2", "x1", "kx1", at);
        for (from, to, contribution) in [("x1", "x2", "kx2"), ("x2", "x3", "kx3"), ("x3", "x1", "kx1")] {
            endorse(&mut ring, from, to, contribution, at);
        }
    }
    for (evidence, names) in [(&mut pair, &["x1", "x2"][..]), (&mut ring, &["x1", "x2", "x3"][..])] {
        for name in names {
            item(evidence, &format!("s{name}"), name, &format!("k{name}"));
        }
    }
    let found = seen(&pair).into_iter().find(|signal| signal.kind == "reciprocal_endorsement").unwrap();
    // Given 6, got 6, of 102 in the team.
    assert_eq!((found.count, found.count_back, found.expected), (6, Some(6), Some(36.0 / 102.0)));
    assert_eq!(found.about, "in one team");
    assert_eq!(found.submissions.iter().map(String::as_str).collect::<Vec<_>>(), ["sx1", "sx2"]);
    assert_eq!((found.first, found.last), (START, START + 10 * DAY));
    assert!(found.q.unwrap() < 0.05 && found.p.unwrap() > 0.0);
    assert_eq!(of(&pair, "endorsement_ring"), []);
    assert_eq!(of(&ring, "reciprocal_endorsement"), []);
    let found = seen(&ring).into_iter().find(|signal| signal.kind == "endorsement_ring").unwrap();
    assert_eq!((found.subjects.join(";").as_str(), found.count), ("x1;x2;x3", 18));
    assert_eq!(found.expected, Some(3.0 * 36.0 / 108.0));
}

#[test]
fn five_within_ten_minutes_are_serial_and_so_is_half_of_what_an_author_gets() {
    let mut evidence = busy(30);
    item(&mut evidence, "sx", "x", "kx");
    for minute in 0..5 {
        endorse(&mut evidence, "w05", "x", "kx", START + minute * 120_000_000);
    }
    assert_eq!(of(&evidence, "serial_endorsement"), [("w05;x".to_owned(), 5, "5.00".to_owned())]);
    endorse(&mut evidence, "w06", "x", "kx", START + DAY);
    assert_eq!(
        of(&evidence, "serial_endorsement"),
        [("w05;x".to_owned(), 5, "5.00".to_owned()), ("w05;x".to_owned(), 5, "0.83".to_owned())]
    );
}

#[test]
fn a_day_of_six_after_a_month_of_one_a_week_is_a_burst_and_the_first_day_is_not() {
    let mut evidence = evidence();
    item(&mut evidence, "sx", "x", "kx");
    for n in 0..6 {
        endorse(&mut evidence, &format!("a{n}"), "x", "kx", START + n);
    }
    assert_eq!(of(&evidence, "burst"), [], "what is new gets its endorsements on the first day");
    for week in 1..6 {
        endorse(&mut evidence, "b0", "x", "kx", START + week * 7 * DAY);
    }
    for n in 0..6 {
        endorse(&mut evidence, &format!("c{n}"), "x", "kx", START + 36 * DAY + n);
    }
    let found = seen(&evidence).into_iter().filter(|signal| signal.kind == "burst").collect::<Vec<_>>();
    assert_eq!(found.len(), 1);
    // Four weekly ones lie in the 28 days before: those of the weeks 2 to 5.
    assert_eq!((found[0].about.as_str(), found[0].count, found[0].expected), ("2026-04-07", 6, Some(4.0 / 28.0)));
}

#[test]
fn praise_for_the_boss_is_told_from_praise_by_the_boss() {
    let mut evidence = busy(30);
    let below = evidence.reactions.iter_mut().find(|reaction| reaction.from == "w01" && reaction.to == "w00").unwrap();
    (below.to_boss, below.in_line) = (true, true);
    let above = evidence.reactions.iter_mut().find(|reaction| reaction.from == "w00" && reaction.to == "w29").unwrap();
    above.in_line = true;
    assert_eq!(of(&evidence, "subordinate_endorses_boss"), [("w01;w00".to_owned(), 1, "1.00".to_owned())]);
}

#[test]
fn three_items_with_the_same_two_endorsers_and_no_other_are_a_threshold_pair() {
    let mut evidence = evidence();
    for (n, author) in ["x", "x", "y"].into_iter().enumerate() {
        let (submission, contribution) = (format!("s{n}"), format!("k{n}"));
        item(&mut evidence, &submission, author, &contribution);
        endorse(&mut evidence, "a", author, &contribution, START);
        endorse(&mut evidence, "b", author, &contribution, START + DAY);
    }
    let pair = |evidence: &Evidence| of(evidence, "threshold_pair");
    assert_eq!(pair(&evidence), [("a;b".to_owned(), 3, "3.00".to_owned())]);
    // A third peer on one of them, or a line between them, and two are left.
    let mut third = evidence.reactions.clone();
    endorse(&mut evidence, "c", "y", "k2", START);
    assert_eq!(pair(&evidence), []);
    third[5].in_line = true;
    evidence.reactions.clone_from(&third);
    assert_eq!(pair(&evidence), []);
    (third[5].in_line, third[5].is_eligible) = (false, false);
    evidence.reactions = third;
    assert_eq!(pair(&evidence), [], "who was not eligible on the day is no peer");
}

#[test]
fn thirty_likes_and_nothing_else_are_inflated_where_likes_are_a_third_of_reactions() {
    let mut evidence = busy(30);
    for n in 0..30 {
        react(&mut evidence, "comment", "w00", &format!("w{n:02}"), &format!("k{n:02}"), START);
    }
    item(&mut evidence, "sx", "x", "kx");
    for n in 0..30 {
        react(&mut evidence, "like", &format!("w{n:02}"), "x", "kx", START + n);
    }
    // 90 endorsements, 30 comments, 30 likes: a fifth of 30 are expected.
    let found = seen(&evidence).into_iter().find(|signal| signal.kind == "inflated_likes").unwrap();
    assert_eq!(
        (found.subjects.join(";").as_str(), found.count, found.base, found.expected),
        ("x", 30, Some(30), Some(6.0))
    );
}

#[test]
fn five_likes_may_be_inflated_four_never_and_where_all_are_liked_none_is() {
    let likes = |count: i64| {
        let mut evidence = busy(30);
        item(&mut evidence, "sx", "x", "kx");
        (0..count).for_each(|n| react(&mut evidence, "like", &format!("w{n:02}"), "x", "kx", START + n));
        of(&evidence, "inflated_likes").len()
    };
    assert_eq!((likes(5), likes(4)), (1, 0));
    let mut liked = evidence();
    for n in 0..10 {
        let (author, contribution) = (format!("w{n}"), format!("k{n}"));
        item(&mut liked, &format!("s{n}"), &author, &contribution);
        (0..6).for_each(|from| react(&mut liked, "like", &format!("x{from}"), &author, &contribution, START + from));
        react(&mut liked, "comment", "x9", &author, &contribution, START);
    }
    assert_eq!(of(&liked, "inflated_likes"), []);
}

fn rate(evidence: &mut Evidence, submission: &str, rater: &str, score: i64) {
    evidence.ratings.push(Rating {
        cycle: "H1".into(),
        submission: submission.into(),
        version: "v1".into(),
        rater: rater.into(),
        dimension: "quality".into(),
        score,
        at: START,
    });
}

#[test]
fn a_rater_two_points_above_the_others_on_ten_items_is_lenient_and_one_alone_is_not_compared() {
    let mut evidence = evidence();
    for n in 0..12 {
        let submission = format!("s{n:02}");
        item(&mut evidence, &submission, &format!("w{n:02}"), &format!("k{n:02}"));
        let base = 1 + i64::from(n % 2 == 0);
        rate(&mut evidence, &submission, "hard", base);
        rate(&mut evidence, &submission, "harder", base + i64::from(n % 5 == 0));
        rate(&mut evidence, &submission, "kind", 4);
        rate(&mut evidence, &format!("t{n:02}"), "alone", 4);
    }
    let found: Vec<Signal> = seen(&evidence).into_iter().filter(|signal| signal.kind == "rater_leniency").collect();
    assert_eq!(found.iter().map(|signal| signal.subjects[0].as_str()).collect::<Vec<_>>(), ["kind"]);
    assert!(found[0].strength > 1.0 && found[0].reason.contains("higher"), "{found:?}");
    assert_eq!((found[0].count, found[0].submissions.len()), (12, 12));
}

#[test]
fn nineteen_threes_of_twenty_are_flat_and_eighteen_are_not() {
    let flat = |threes: usize| {
        let mut evidence = evidence();
        for n in 0..20 {
            let submission = format!("s{n:02}");
            item(&mut evidence, &submission, "w", &format!("k{n:02}"));
            rate(&mut evidence, &submission, "r", if n < threes { 3 } else { 1 });
        }
        of(&evidence, "flat_rater")
    };
    assert_eq!((flat(19), flat(18)), (vec![("r".to_owned(), 19, "0.95".to_owned())], vec![]));
}

#[test]
fn ten_alike_in_each_of_two_cycles_are_not_twenty_in_one() {
    let mut evidence = evidence();
    for n in 0..20 {
        let submission = format!("s{n:02}");
        item(&mut evidence, &submission, "w", &format!("k{n:02}"));
        rate(&mut evidence, &submission, "r", 3);
        let cycle = ["H1", "H2"][n % 2];
        evidence.items[n].cycle = cycle.into();
        evidence.ratings[n].cycle = cycle.into();
    }
    assert_eq!(of(&evidence, "flat_rater"), []);
}

#[test]
fn the_same_evidence_in_another_order_gives_the_same_ids_and_every_id_is_one() {
    let mut evidence = busy(12);
    for n in 0..8 {
        endorse(&mut evidence, "w05", "w04", "k04", START + n * 60_000_000);
    }
    let ids = |evidence: &Evidence| {
        let catalog = crate::contract::Catalog::load().unwrap();
        let rows = signal::rows(catalog.require(NAME).unwrap(), &seen(evidence)).unwrap();
        assert!(crate::contract::check::check(catalog.require(NAME).unwrap(), std::slice::from_ref(&rows)).is_empty());
        let ids = crate::canon::columns::Text::of(&rows, "signal_id");
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        (0..rows.num_rows()).for_each(|row| *count.entry(ids.get(row).unwrap().to_owned()).or_default() += 1);
        count
    };
    let before = ids(&evidence);
    assert!(before.len() >= 2 && before.values().all(|count| *count == 1), "{before:?}");
    evidence.reactions.reverse();
    assert_eq!(before, ids(&evidence));
}
