//! What follows time and is read day by day: reactions to experts, and the topics people looked for.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;

use super::Acts;
use crate::canon::columns::{Text, ints};
use crate::canon::history::People;
use crate::period::Day;

/// Reactions of one day to contributions of people below the leaders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reactions {
    /// (who reacted, whose contribution, how often), the author's own left out.
    pub to_experts: Vec<(u32, u32, i64)>,
}

impl Reactions {
    /// Reads the rows of canon `person_reaction` of one day.
    pub fn read(day: Day, batches: &[RecordBatch], people: &People, acts: &Acts) -> Reactions {
        let mut read = Reactions::default();
        for batch in batches {
            let (person, contribution) = (Text::of(batch, "person_key"), Text::of(batch, "contribution_id"));
            let count = ints(batch, "reactions");
            for row in 0..batch.num_rows() {
                let (Some(person), Some(contribution)) = (person.get(row), contribution.get(row)) else { continue };
                let (Some(worker), Some(expert)) = (people.code(person), acts.expert(contribution, day)) else {
                    continue;
                };
                if worker != expert {
                    read.to_experts.push((worker, expert, count(row).unwrap_or(0)));
                }
            }
        }
        read
    }
}

/// Topics of the content that people looked for on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interests {
    /// (worker, topic), each pair once.
    pub of: Vec<(u32, u32)>,
}

impl Interests {
    /// Reads the rows of canon `person_interest` of one day.
    pub fn read(day: Day, batches: &[RecordBatch], people: &People, acts: &Acts) -> Interests {
        let mut read = Interests::default();
        let mut topics: BTreeSet<u32> = BTreeSet::new();
        let mut last: Option<u32> = None;
        // Rows ascend by person, so a person's topics are complete when the next one comes.
        let mut end = |last: Option<u32>, topics: &mut BTreeSet<u32>| {
            let topics = std::mem::take(topics);
            read.of.extend(
                last.into_iter()
                    .flat_map(|worker| topics.iter().map(move |topic| (worker, *topic)).collect::<Vec<_>>()),
            );
        };
        for batch in batches {
            let (person, content) = (Text::of(batch, "person_key"), Text::of(batch, "content_id"));
            for row in 0..batch.num_rows() {
                let (Some(person), Some(content)) = (person.get(row), content.get(row)) else { continue };
                if last.is_none_or(|worker| people.workers[worker as usize] != person) {
                    end(last, &mut topics);
                    last = people.code(person);
                }
                topics.extend(acts.topics_of(content, day));
            }
        }
        end(last, &mut topics);
        read
    }
}
