//! From canon rows to acts: leaders' posts and endorsements on one side, what everybody below them contributed on the other.

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use crate::canon::columns::{Text, instants};
use crate::canon::contributions::{Texts, Written, parts, standing};
use crate::canon::history::{People, Stint};
use crate::canon::identity::{Identity, Who};
use crate::canon::unit_leader::Places;
use crate::period::{Calendar, Day, Grain, Period, local_day};

/// What counts as a leader's post. A post's kind is its index here.
pub const KINDS: [&str; 4] = ["micro_lesson", "ama", "playbook", "endorsement"];
/// Index of endorsements among [`KINDS`]; the others are kinds of contributions.
const ENDORSEMENT: u8 = 3;

/// A post of a leader, or the endorsement of an expert's contribution by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Post {
    pub leader: u32,
    /// Microseconds since the epoch.
    pub at: i64,
    pub day: Day,
    pub kind: u8,
}

/// A contribution by somebody below the leaders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contribution {
    pub author: u32,
    pub day: Day,
}

/// Acts in the order in which they happened.
#[derive(Debug, Default, Clone)]
pub struct Acts {
    pub posts: Vec<Post>,
    pub contributions: Vec<Contribution>,
}

/// Who is who, and when a day is.
pub struct Source<'a> {
    pub people: &'a People,
    pub identity: &'a Identity,
    pub places: Places<'a>,
    pub calendar: &'a Calendar,
    pub zone: chrono_tz::Tz,
    /// The first day that had not begun at `--as-of`.
    pub horizon: Day,
    /// Bands whose people are leaders.
    pub leader_bands: &'a [&'a str],
}

impl Source<'_> {
    fn week(&self, day: Day) -> Period {
        self.calendar.period(Grain::Week, day)
    }

    /// The worker behind an account on a day, where they have a place in its week.
    fn placed(&self, account: &str, day: Day) -> Option<(u32, &Stint)> {
        let Who::Worker(worker) = self.identity.who(account, day) else { return None };
        Some((worker, self.places.of(worker, self.week(day))?))
    }

    fn is_leader(&self, stint: &Stint) -> bool {
        self.people.labels.text(stint.place.band).is_some_and(|band| self.leader_bands.contains(&band))
    }

    fn day(&self, at: i64) -> Option<Day> {
        Some(local_day(at, self.zone)).filter(|day| *day < self.horizon)
    }
}

/// One contribution by somebody with a place in its week.
struct Item<'a> {
    written: Written<'a>,
    author: u32,
    is_leader: bool,
}

/// Reads live rows of `contributions` and rows of `endorsements`.
///
/// Left out: what was taken down or deleted, what matches nobody with a place in its week, the later ones of an author's
/// contributions with the same text, and on the outcome's side whatever leaders wrote or had written for them (an item that
/// credits somebody who leads in that week). An endorsement counts when a leader endorses an item of somebody who does not lead.
pub fn acts(source: &Source<'_>, contributions: &[RecordBatch], endorsements: &[RecordBatch]) -> Acts {
    let written = standing(contributions, source.zone, source.horizon);
    let placed = written.iter().filter_map(|written| {
        let (author, stint) = source.placed(written.account, written.day)?;
        Some(Item { written: *written, author, is_leader: source.is_leader(stint) })
    });
    let items: Vec<Item<'_>> = placed.collect();
    let mut posts: Vec<(Post, &str)> = Vec::new();
    let mut acts = Acts::default();
    let mut texts = Texts::default();
    for Item { written, author, is_leader } in &items {
        let is_repeat = texts.repeats(*author, written.body_hash);
        if *is_leader {
            if let Some(kind) = KINDS.iter().position(|kind| *kind == written.kind).filter(|_| !is_repeat) {
                posts.push((Post { leader: *author, at: written.at, day: written.day, kind: kind as u8 }, written.id));
            }
        } else if !is_repeat && !is_on_behalf(source, written) {
            acts.contributions.push(Contribution { author: *author, day: written.day });
        }
    }
    let by_expert: HashMap<&str, bool> = items.iter().map(|item| (item.written.id, !item.is_leader)).collect();
    for batch in endorsements {
        let (item, actor) = (Text::of(batch, "contribution_id"), Text::of(batch, "actor_id"));
        let at = instants(batch, "occurred_at");
        for row in 0..batch.num_rows() {
            let (Some(item), Some(account), Some(at)) = (item.get(row), actor.get(row), at(row)) else { continue };
            let Some(day) = source.day(at).filter(|_| by_expert.get(item) == Some(&true)) else { continue };
            match source.placed(account, day) {
                Some((leader, stint)) if source.is_leader(stint) => {
                    posts.push((Post { leader, at, day, kind: ENDORSEMENT }, item));
                }
                _ => {}
            }
        }
    }
    posts.sort_unstable_by(|(a, a_id), (b, b_id)| (a.at, a.kind, a_id, a.leader).cmp(&(b.at, b.kind, b_id, b.leader)));
    acts.posts = posts.into_iter().map(|(post, _)| post).collect();
    acts
}

/// Whether an item credits somebody who leads in its week: written for a leader, it would move the outcome by itself.
fn is_on_behalf(source: &Source<'_>, written: &Written<'_>) -> bool {
    let credited = parts(written.credited).filter_map(|account| source.placed(account, written.day));
    credited.map(|(_, stint)| stint).any(|stint| source.is_leader(stint))
}
