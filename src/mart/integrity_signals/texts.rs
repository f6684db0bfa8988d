//! Signals in what was written: texts that are nearly another's, and texts that are hardly there.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Content, Evidence, Item};
use super::signal::{Measure, Signal};
use crate::stats::signature::{self, Sketch};
use crate::stats::similarity::{self, BODY_MIN, Shingles, TITLE_MIN, shingles};

/// A submitted text of fewer words is thin, unless it is a recording.
const WORDS_MIN: i64 = 50;
/// Where no count of words came, a whole text of fewer distinct pieces: fifty English words have about so many.
const PIECES_MIN: i64 = 250;

/// A text of fewer distinct pieces is too short to tell a copy from a coincidence: some twenty-four letters have so many.
const TELLING_PIECES_MIN: usize = 20;

/// Of more equal texts than this not every two are a pair.
const EQUAL_TEXTS_MAX: usize = 50;

/// What two texts share in one field.
#[derive(Debug, Clone, Copy)]
struct Match {
    jaccard: f64,
    /// Pieces shared and pieces in both; `None` where only hashes were compared.
    pieces: Option<(usize, usize)>,
}

/// Pairs of submitted contributions whose bodies are near duplicates, or whose titles are while the body of one is not known.
///
/// The published rule has titles alike suffice. Here they do not where both bodies are known and differ: two texts called "Answer on
/// contracts" are no copies, and a signal is read as a suspicion. In the invented company of the sample 130 pairs of 167 submitted
/// texts have titles alike. For the same reason fewer than twenty pieces are no evidence. Whoever wants
/// titles by themselves has `uptake stats similarity`.
pub fn near_duplicates(evidence: &Evidence) -> Vec<Signal> {
    let ids: Vec<&str> = evidence.contents.keys().map(String::as_str).collect();
    let contents: Vec<&Content> = evidence.contents.values().collect();
    let title = |content: &&Content| Some(shingles(&content.title)).filter(|pieces| pieces.len() >= TELLING_PIECES_MIN);
    let titles: Vec<Option<Shingles>> = contents.iter().map(title).collect();
    let sketch = |content: &&Content| content.sketch.clone().filter(|sketch| sketch.marks() >= TELLING_PIECES_MIN);
    let sketches: Vec<Option<Sketch>> = contents.iter().map(sketch).collect();

    let created: Vec<i64> = contents.iter().map(|content| content.created_at).collect();
    let mut matches: BTreeMap<(usize, usize), [Option<Match>; 2]> = BTreeMap::new();
    let mut note = |field: usize, a: usize, b: usize, jaccard: f64, pieces: Option<(usize, usize)>| {
        matches.entry((a.min(b), a.max(b))).or_default()[field] = Some(Match { jaccard, pieces });
    };
    let (kept, linked) = spread(&titles, &created);
    let some: Vec<Shingles> = kept.iter().map(|at| titles[*at].clone().unwrap_or_default()).collect();
    for pair in similarity::pairs(&some, TITLE_MIN) {
        note(0, kept[pair.a], kept[pair.b], pair.jaccard, Some((pair.intersection, pair.union)));
    }
    let pieces = |at: usize| titles[at].as_ref().map(|pieces| (pieces.len(), pieces.len()));
    linked.iter().for_each(|(a, b)| note(0, *a, *b, 1.0, pieces(*a)));
    let (kept, linked) = spread(&sketches, &created);
    let some: Vec<Option<Sketch>> = kept.iter().map(|at| sketches[*at].clone()).collect();
    for pair in signature::pairs(&some, BODY_MIN) {
        note(1, kept[pair.a], kept[pair.b], pair.jaccard, Some((pair.intersection, pair.union)));
    }
    let marks = |at: usize| sketches[at].as_ref().map(|sketch| (sketch.marks(), sketch.marks()));
    linked.iter().for_each(|(a, b)| note(1, *a, *b, 1.0, marks(*a)));
    // Where a text came as a hash alone, equal hashes are equal texts.
    let mut hashed: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, content) in contents.iter().enumerate() {
        if let Some(hash) = &content.hash {
            hashed.entry(hash).or_default().push(at);
        }
    }
    for same in hashed.values() {
        let is_short = |at: usize| contents[at].sketch.is_some() && sketches[at].is_none();
        for (n, a) in same.iter().enumerate().filter(|(_, a)| !is_short(**a)) {
            let unseen = |b: &&usize| sketches[*a].is_none() || sketches[**b].is_none();
            for b in same[n + 1..].iter().filter(|b| unseen(b) && !is_short(**b)) {
                note(1, *a, *b, 1.0, None);
            }
        }
    }

    let mut items: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in &evidence.items {
        items.entry(&item.contribution).or_default().push(item);
    }
    let none = Vec::new();
    let of = |at: usize| items.get(ids[at]).unwrap_or(&none);
    let is_known = |at: usize| contents[at].sketch.is_some();
    matches
        .into_iter()
        .filter(|((a, b), [_, body])| body.is_some() || !is_known(*a) || !is_known(*b))
        .map(|((a, b), [title, body])| {
            // The field that says more: the body, unless only titles are alike.
            let best = match (title, body) {
                (Some(title), Some(body)) if title.jaccard > body.jaccard => title,
                (_, Some(body)) => body,
                (Some(title), None) => title,
                (None, None) => Match { jaccard: 0.0, pieces: None },
            };
            let concerned: Vec<&Item> = of(a).iter().chain(of(b)).copied().collect();
            let authors = |at: usize| of(at).iter().map(|item| item.author.as_str()).collect::<BTreeSet<_>>();
            let same_author = authors(a) == authors(b);
            let subjects: BTreeSet<String> = concerned.iter().map(|item| item.author.clone()).collect();
            let created = [contents[a].created_at, contents[b].created_at];
            let (earlier, later) = if created[0] <= created[1] { (a, b) } else { (b, a) };
            let mut signal = Signal::new("near_duplicate", subjects.into_iter().collect(), concerned, created);
            signal.about = format!("{};{}", ids[a], ids[b]);
            signal.count = best.pieces.map_or(0, |(shared, _)| shared as i64);
            signal.base = best.pieces.map(|(_, union)| union as i64);
            (signal.strength, signal.measure) = (best.jaccard, Measure::Jaccard);
            let percent = |share: f64| format!("{:.0} %", share * 100.0);
            let fields: Vec<String> = [("title", title, TITLE_MIN), ("body", body, BODY_MIN)]
                .into_iter()
                .filter_map(|(name, found, min)| {
                    let Match { jaccard, pieces } = found?;
                    Some(match pieces {
                        Some(_) => format!("{} of the {name}'s pieces (from {})", percent(jaccard), percent(min)),
                        None => format!("the {name}'s hash"),
                    })
                })
                .collect();
            let who = if same_author { "the same author" } else { "another author" };
            signal.reason = format!(
                "{} by {who} shares {} with the earlier {}: a {}",
                ids[later],
                fields.join(" and "),
                ids[earlier],
                if same_author { "repost" } else { "copy" }
            );
            signal
        })
        .collect()
}

/// Which texts to compare with each other, and which are equal to so many that they are only linked to the earliest of them:
/// a thousand texts called "Weekly notes of the team" are a thousand signals and not half a million. What is no text is neither.
fn spread<T: Ord>(texts: &[Option<T>], created: &[i64]) -> (Vec<usize>, Vec<(usize, usize)>) {
    let mut equal: BTreeMap<&T, Vec<usize>> = BTreeMap::new();
    for (at, text) in texts.iter().enumerate().filter_map(|(at, text)| Some((at, text.as_ref()?))) {
        equal.entry(text).or_default().push(at);
    }
    let (mut kept, mut linked) = (Vec::new(), Vec::new());
    for mut same in equal.into_values() {
        same.sort_by_key(|at| (created[*at], *at));
        let rest = same.split_off(same.len().min(EQUAL_TEXTS_MAX));
        linked.extend(rest.into_iter().map(|at| (same[0], at)));
        kept.extend(same);
    }
    kept.sort_unstable();
    (kept, linked)
}

/// Submitted texts with hardly a word.
pub fn thin_content(evidence: &Evidence) -> Vec<Signal> {
    let mut by_item: BTreeMap<(&str, &str), Vec<&Item>> = BTreeMap::new();
    for item in &evidence.items {
        by_item.entry((&item.contribution, &item.author)).or_default().push(item);
    }
    by_item
        .into_iter()
        .filter_map(|((contribution, author), items)| {
            let content = evidence.contents.get(contribution)?;
            if content.minutes.is_some_and(|minutes| minutes > 0) {
                return None;
            }
            let pieces = content.sketch.as_ref().filter(|sketch| sketch.is_whole()).map(|sketch| sketch.marks() as i64);
            let (count, least, unit) = match (content.words, pieces) {
                (Some(words), _) => (words, WORDS_MIN, "words"),
                (None, Some(pieces)) => (pieces, PIECES_MIN, "distinct five-letter pieces"),
                (None, None) => return None,
            };
            if count >= least {
                return None;
            }
            let mut signal = Signal::new("thin_content", vec![author.to_owned()], items, [content.created_at]);
            signal.about = contribution.to_owned();
            signal.count = count;
            (signal.strength, signal.measure) = (1.0 - count as f64 / least as f64, Measure::Shortfall);
            signal.reason = format!("{contribution} has {count} {unit}; a reader expects {least} at least");
            Some(signal)
        })
        .collect()
}
