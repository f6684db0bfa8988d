//! From canon rows to acts: leaders' posts and endorsements on one side, what everybody below them contributed on the other.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use crate::canon::columns::{Text, bools, instants};
use crate::canon::history::{People, Stint};
use crate::canon::identity::{Identity, Who};
use crate::canon::reach::Places;
use crate::contract::arrow::DELETED;
use crate::job::BANDS;
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
    pub leader_band: &'a str,
}

/// Whether people of a band are leaders. A band that nobody knows is below them.
pub fn leads(band: Option<&str>, leader_band: &str) -> bool {
    let rank = |band: &str| BANDS.iter().position(|known| *known == band);
    matches!((band.and_then(rank), rank(leader_band)), (Some(band), Some(least)) if band >= least)
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
        leads(self.people.labels.text(stint.place.band), self.leader_band)
    }

    fn day(&self, at: i64) -> Option<Day> {
        Some(local_day(at, self.zone)).filter(|day| *day < self.horizon)
    }
}

/// One contribution that was not taken down, by somebody with a place in its week.
struct Item<'a> {
    id: &'a str,
    at: i64,
    day: Day,
    author: u32,
    is_leader: bool,
    kind: &'a str,
    credited: Option<&'a str>,
    body_hash: Option<&'a str>,
}

/// Reads live rows of `contributions` and rows of `endorsements`.
///
/// Left out: what was taken down or deleted, what matches nobody with a place in its week, the later ones of an author's
/// contributions with the same text, and on the outcome's side whatever leaders wrote or had written for them (an item that
/// credits somebody who leads in that week). An endorsement counts when a leader endorses an item of somebody who does not lead.
pub fn acts(source: &Source<'_>, contributions: &[RecordBatch], endorsements: &[RecordBatch]) -> Acts {
    let mut items: Vec<Item<'_>> = Vec::new();
    for batch in contributions {
        let (id, author, kind) =
            (Text::of(batch, "contribution_id"), Text::of(batch, "author_id"), Text::of(batch, "kind"));
        let (credited, body_hash) = (Text::of(batch, "credited_ids"), Text::of(batch, "body_hash"));
        let (created_at, taken_down, deleted) =
            (instants(batch, "created_at"), instants(batch, "deleted_at"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true) && taken_down(*row).is_none()) {
            let (Some(id), Some(account), Some(at)) = (id.get(row), author.get(row), created_at(row)) else { continue };
            let Some(day) = source.day(at) else { continue };
            let Some((author, stint)) = source.placed(account, day) else { continue };
            items.push(Item {
                id,
                at,
                day,
                author,
                is_leader: source.is_leader(stint),
                kind: kind.get(row).unwrap_or_default(),
                credited: credited.get(row),
                body_hash: body_hash.get(row),
            });
        }
    }
    items.sort_unstable_by(|a, b| (a.at, a.id).cmp(&(b.at, b.id)));

    let mut posts: Vec<(Post, &str)> = Vec::new();
    let mut acts = Acts::default();
    let mut texts: BTreeSet<(u32, &str)> = BTreeSet::new();
    for item in &items {
        let is_new = item.body_hash.is_none_or(|hash| texts.insert((item.author, hash)));
        if item.is_leader {
            if let Some(kind) = KINDS.iter().position(|kind| *kind == item.kind) {
                posts.push((Post { leader: item.author, at: item.at, day: item.day, kind: kind as u8 }, item.id));
            }
        } else if is_new && !is_on_behalf(source, item) {
            acts.contributions.push(Contribution { author: item.author, day: item.day });
        }
    }
    let by_expert: HashMap<&str, bool> = items.iter().map(|item| (item.id, !item.is_leader)).collect();
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
fn is_on_behalf(source: &Source<'_>, item: &Item<'_>) -> bool {
    let accounts = item.credited.unwrap_or_default().split(';').map(str::trim).filter(|account| !account.is_empty());
    accounts.filter_map(|account| source.placed(account, item.day)).any(|(_, stint)| source.is_leader(stint))
}
