//! The texts of what was handed in to reviews. In the first cycle one expert copies a colleague's and another hands in their own a
//! second time; everybody else writes something new.

use super::Company;
use super::community::Contribution;
use super::names::TOPICS;
use super::reviews::{self, COPIED, FOUR};
use super::rng::{Purpose, Stream};

/// Longest text, in words: enough to tell texts apart, and small enough for a repository.
const WORDS_MAX: u32 = 90;

const WORDS: [&str; 120] = [
    "account", "after", "agree", "alert", "answer", "approve", "archive", "assign", "audit", "backup", "balance",
    "batch", "before", "branch", "bridge", "brief", "budget", "build", "cache", "calendar", "call", "change", "check",
    "clean", "client", "close", "collect", "column", "compare", "confirm", "console", "contract", "copy", "correct",
    "count", "cover", "customer", "daily", "deadline", "decide", "default", "deliver", "describe", "desk", "detail",
    "device", "document", "draft", "early", "engine", "error", "escalate", "estimate", "example", "expect", "export",
    "field", "filter", "finish", "first", "follow", "format", "forward", "gather", "handle", "history", "import",
    "improve", "incident", "inform", "invite", "invoice", "ledger", "letter", "library", "limit", "manual", "measure",
    "meeting", "message", "minute", "mistake", "monitor", "morning", "network", "notice", "office", "online", "order",
    "owner", "partner", "pattern", "payment", "phone", "planner", "prepare", "process", "project", "question", "queue",
    "reason", "record", "release", "remove", "repeat", "report", "request", "restore", "result", "review", "sample",
    "schedule", "screen", "search", "sector", "server", "signal", "ticket", "update", "vendor",
];

/// What stands when a cycle ends, with its text, in the order in which it was handed in.
pub fn handed_in(company: &Company, nth: usize) -> Vec<(Contribution, String)> {
    let Some((opens, ends)) = reviews::cycle(company, nth) else { return Vec::new() };
    let offered = reviews::offered(company, opens, ends);
    let submitted = reviews::submitted(company, nth);
    let mut authors: Vec<usize> = submitted.iter().map(|one| one.author).collect();
    authors.dedup();
    let mut all: Vec<(usize, Contribution, String)> = Vec::new();
    for (at, one) in submitted.iter().enumerate().filter(|(_, one)| one.stands()) {
        let Some(contribution) = offered.iter().find(|offered| offered.id == one.contribution) else { continue };
        let mut stream = Stream::new(company.options.seed, Purpose::Text, ((nth as u64) << 32) | at as u64);
        let story = authors.iter().position(|author| *author == one.author).unwrap_or(usize::MAX);
        all.push((story, contribution.clone(), body(contribution, &mut stream)));
    }
    if nth == 0 {
        let of = |story: usize| -> Vec<usize> { (0..all.len()).filter(|at| all[*at].0 == story).collect() };
        let first = |story: usize| of(story).first().copied();
        // The last of four repeats the first of them.
        let stories = [first(COPIED[0]).zip(first(COPIED[1])), first(FOUR).zip(of(FOUR).get(3).copied())];
        for (from, to) in stories.into_iter().flatten() {
            all[to].2 = retouched(&all[from].2);
        }
    }
    all.into_iter().map(|(_, contribution, body)| (contribution, body)).collect()
}

fn body(of: &Contribution, stream: &mut Stream) -> String {
    let mut text = format!("On {}:", TOPICS[of.topic]);
    for at in 0..of.words.clamp(40, WORDS_MAX) {
        text.push(' ');
        let word: &&str = stream.pick(&WORDS);
        text.push_str(word);
        if at % 9 == 8 {
            text.push('.');
        }
    }
    text
}

/// The text with one word replaced.
fn retouched(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let middle = words.len() / 2;
    words[middle] = "presently";
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Options;
    use crate::stats::similarity::{BODY_MIN, Pair, pairs, shingles};

    #[test]
    fn two_texts_are_told_again_and_no_others_are_alike() {
        let company = Company::build(&Options::new(300, 40, 106)).unwrap();
        for (nth, expected) in [(0, 2), (1, 0)] {
            let texts = handed_in(&company, nth);
            assert!(texts.len() > 20 && texts.iter().all(|(_, body)| !body.contains([',', '"', '\n'])));
            let found = pairs(&texts.iter().map(|(_, body)| shingles(body)).collect::<Vec<_>>(), BODY_MIN);
            assert_eq!(found.len(), expected, "{found:?}");
            let same_author = |pair: &&Pair| texts[pair.a].0.author == texts[pair.b].0.author;
            assert_eq!(found.iter().filter(same_author).count(), expected / 2);
        }
    }
}
