//! Who shared what with whom, act by act: contributions, reactions, governance events and completions, each with its id and instant.
//!
//! The tables about single leaders name the acts they count, so they need more than the counts of a day. Accounts are resolved to
//! workers on the day of the act; an expert is anybody below the leaders' bands.

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::columns::{Text, bools, dates, instants};
pub use super::contributions::Setting;
use super::contributions::{Texts, parts, standing};
use super::obligation::{Attempt, Attempts};
use crate::contract::arrow::DELETED;
use crate::period::{Day, day_start_micros, local_day};

/// One contribution that is neither deleted nor yet to come.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub id: String,
    pub at: i64,
    pub day: Day,
    /// `None` for an account that matches no worker.
    pub author: Option<u32>,
    /// The author was below the leaders' bands when it was written.
    pub by_expert: bool,
    pub kind: String,
    /// The items it answers and at whose head its thread began (itself, where it answers none).
    pub parent: Option<usize>,
    pub root: usize,
    pub minutes: Option<i64>,
    pub words: Option<i64>,
    /// Experts it credits, the author never among them; ascending.
    pub credited: Vec<u32>,
    /// The content it became names roles; has an owner; who that is, where the account matches.
    pub is_tagged: bool,
    pub has_owner: bool,
    pub owner: Option<u32>,
    /// The same author gave the same text before.
    pub is_repeat: bool,
}

impl Item {
    /// Whether it counts as a post: answers and comments are replies, repeats are no second one.
    pub fn is_post(&self) -> bool {
        !self.is_reply() && !self.is_repeat
    }

    pub fn is_reply(&self) -> bool {
        matches!(self.kind.as_str(), "answer" | "comment")
    }
}

/// One reaction that was not taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    pub id: String,
    pub at: i64,
    pub day: Day,
    pub actor: u32,
    pub kind: String,
    pub contribution: String,
    /// Where the contribution is known.
    pub item: Option<usize>,
}

/// One governance event of a known owner.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: String,
    pub at: i64,
    pub day: Day,
    pub owner: u32,
    pub kind: String,
    pub subject: Option<String>,
    pub role: Option<String>,
    pub is_documented: bool,
}

/// The completion of an attempt at a content item: its earliest success.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    pub content: String,
    pub at: i64,
    pub day: Day,
    pub worker: u32,
    pub kind: Option<String>,
}

/// The canon tables it is read from.
pub struct Tables<'a> {
    pub contributions: &'a [RecordBatch],
    pub reactions: &'a [RecordBatch],
    pub events: &'a [RecordBatch],
    pub attempts: &'a Attempts,
    pub content: &'a [RecordBatch],
}

/// Everything shared before the horizon, each list by (instant, id).
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Sharing {
    pub items: Vec<Item>,
    pub reactions: Vec<Reaction>,
    pub events: Vec<Event>,
    pub completions: Vec<Completion>,
    /// (worker, instant, index) of each list, ascending.
    by_author: Vec<(u32, i64, usize)>,
    by_actor: Vec<(u32, i64, usize)>,
    by_learner: Vec<(u32, i64, usize)>,
    /// (item, index) of the reactions to it and of the items below it in its thread.
    reactions_to: Vec<(usize, usize)>,
    thread_of: Vec<(usize, usize)>,
}

/// What a content item says about what became of a contribution.
#[derive(Default)]
struct Content<'a> {
    kind: Option<&'a str>,
    owner: Option<&'a str>,
    is_tagged: bool,
}

impl Sharing {
    pub fn read(tables: &Tables<'_>, setting: &Setting<'_>) -> Sharing {
        let content = content(tables.content);
        let items = items(tables.contributions, &content, setting);
        let at_id = items.iter().enumerate().map(|(at, item)| (item.id.as_str(), at)).collect();
        let reactions = reactions(tables.reactions, at_id, setting);
        let events = events(tables.events, setting);
        let completions = completions(tables.attempts, &content, setting);
        Sharing::of(items, reactions, events, completions)
    }

    /// Takes lists that are in order.
    pub fn of(items: Vec<Item>, reactions: Vec<Reaction>, events: Vec<Event>, completions: Vec<Completion>) -> Sharing {
        let mut by_author: Vec<(u32, i64, usize)> =
            items.iter().enumerate().filter_map(|(at, item)| Some((item.author?, item.at, at))).collect();
        let mut by_actor: Vec<(u32, i64, usize)> =
            reactions.iter().enumerate().map(|(at, reaction)| (reaction.actor, reaction.at, at)).collect();
        let mut by_learner: Vec<(u32, i64, usize)> =
            completions.iter().enumerate().map(|(at, done)| (done.worker, done.at, at)).collect();
        let mut reactions_to: Vec<(usize, usize)> =
            reactions.iter().enumerate().filter_map(|(at, reaction)| Some((reaction.item?, at))).collect();
        let mut thread_of: Vec<(usize, usize)> =
            items.iter().enumerate().filter(|(at, item)| item.root != *at).map(|(at, item)| (item.root, at)).collect();
        by_author.sort_unstable();
        by_actor.sort_unstable();
        by_learner.sort_unstable();
        reactions_to.sort_unstable();
        thread_of.sort_unstable();
        Sharing { items, reactions, events, completions, by_author, by_actor, by_learner, reactions_to, thread_of }
    }

    /// What a worker wrote in `[from, to)`, oldest first.
    pub fn written(&self, worker: u32, from: i64, to: i64) -> impl Iterator<Item = &Item> {
        within(&self.by_author, worker, from, to).map(|at| &self.items[at])
    }

    /// The same with the places of the items in [`Sharing::items`].
    pub fn written_at(&self, worker: u32, from: i64, to: i64) -> impl Iterator<Item = usize> {
        within(&self.by_author, worker, from, to)
    }

    pub fn reacted(&self, worker: u32, from: i64, to: i64) -> impl Iterator<Item = &Reaction> {
        within(&self.by_actor, worker, from, to).map(|at| &self.reactions[at])
    }

    pub fn completed(&self, worker: u32, from: i64, to: i64) -> impl Iterator<Item = &Completion> {
        within(&self.by_learner, worker, from, to).map(|at| &self.completions[at])
    }

    /// Governance events that a worker owns, oldest first.
    pub fn held(&self, worker: u32) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.owner == worker)
    }

    /// Reactions to an item.
    pub fn reactions_to(&self, item: usize) -> impl Iterator<Item = &Reaction> {
        listed(&self.reactions_to, item).map(|at| &self.reactions[at])
    }

    /// Everything written in the thread that an item began, itself left out.
    pub fn thread(&self, root: usize) -> impl Iterator<Item = &Item> {
        listed(&self.thread_of, root).map(|at| &self.items[at])
    }
}

/// Places of a worker's acts in `[from, to)`.
fn within(index: &[(u32, i64, usize)], worker: u32, from: i64, to: i64) -> impl Iterator<Item = usize> {
    let first = index.partition_point(|(who, at, _)| (*who, *at) < (worker, from));
    let own = index[first..].iter().take_while(move |(who, at, _)| *who == worker && *at < to);
    own.map(|(_, _, place)| *place)
}

fn listed(index: &[(usize, usize)], key: usize) -> impl Iterator<Item = usize> {
    let first = index.partition_point(|(of, _)| *of < key);
    index[first..].iter().take_while(move |(of, _)| *of == key).map(|(_, place)| *place)
}

fn content(batches: &[RecordBatch]) -> HashMap<&str, Content<'_>> {
    let mut content = HashMap::new();
    for batch in batches {
        let (id, kind) = (Text::of(batch, "content_id"), Text::of(batch, "kind"));
        let (owner, tags, deleted) = (Text::of(batch, "owner_id"), Text::of(batch, "role_tags"), bools(batch, DELETED));
        for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
            let Some(id) = id.get(i) else { continue };
            let is_tagged = parts(tags.get(i)).next().is_some();
            content.insert(id, Content { kind: kind.get(i), owner: owner.get(i), is_tagged });
        }
    }
    content
}

fn items(batches: &[RecordBatch], content: &HashMap<&str, Content<'_>>, setting: &Setting<'_>) -> Vec<Item> {
    let written = standing(batches, setting.zone, setting.horizon);
    let at_id: HashMap<&str, usize> = written.iter().enumerate().map(|(at, one)| (one.id, at)).collect();
    let mut texts = Texts::default();
    let mut items = Vec::with_capacity(written.len());
    for (at, one) in written.iter().enumerate() {
        let author = setting.worker(one.account, one.day);
        let became = one.content.and_then(|id| content.get(id));
        let owner = became.and_then(|content| content.owner);
        items.push(Item {
            id: one.id.to_owned(),
            at: one.at,
            day: one.day,
            author,
            by_expert: author.is_some_and(|author| !setting.is_leader(author, one.day)),
            kind: one.kind.to_owned(),
            parent: one.parent.and_then(|parent| at_id.get(parent).copied()).filter(|parent| *parent != at),
            root: 0,
            minutes: one.minutes,
            words: one.words,
            credited: setting.credited(one, author),
            is_tagged: became.is_some_and(|content| content.is_tagged),
            has_owner: owner.is_some(),
            owner: owner.and_then(|account| setting.worker(account, one.day)),
            is_repeat: author.is_some_and(|author| texts.repeats(author, one.body_hash)),
        });
    }
    let roots = roots(&items);
    items.iter_mut().zip(roots).for_each(|(item, root)| item.root = root);
    items
}

/// Where the thread of each item began. A chain that comes back to itself ends where it does.
fn roots(items: &[Item]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let mut roots = vec![NEW; items.len()];
    for start in 0..items.len() {
        let (mut path, mut at) = (Vec::new(), start);
        while roots[at] == NEW {
            roots[at] = at;
            path.push(at);
            match items[at].parent {
                Some(parent) => at = parent,
                None => break,
            }
        }
        let root = roots[at];
        path.into_iter().for_each(|item| roots[item] = root);
    }
    roots
}

fn reactions(batches: &[RecordBatch], at_id: HashMap<&str, usize>, setting: &Setting<'_>) -> Vec<Reaction> {
    let end = day_start_micros(setting.horizon, setting.zone);
    let mut reactions = Vec::new();
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (id, contribution, actor, kind) =
            (text("reaction_id"), text("contribution_id"), text("actor_id"), text("kind"));
        let (occurred_at, revoked_at) = (instants(batch, "occurred_at"), instants(batch, "revoked_at"));
        let deleted = bools(batch, DELETED);
        let stands = |i: &usize| deleted(*i) != Some(true) && revoked_at(*i).is_none_or(|at| at >= end);
        for i in (0..batch.num_rows()).filter(stands) {
            let (Some(contribution), Some(user), Some(kind), Some(at)) =
                (contribution.get(i), actor.get(i), kind.get(i), occurred_at(i))
            else {
                continue;
            };
            let day = local_day(at, setting.zone);
            if let Some(actor) = setting.worker(user, day).filter(|_| day < setting.horizon) {
                reactions.push(Reaction {
                    id: id.get(i).unwrap_or_default().to_owned(),
                    at,
                    day,
                    actor,
                    kind: kind.to_owned(),
                    contribution: contribution.to_owned(),
                    item: at_id.get(contribution).copied(),
                });
            }
        }
    }
    reactions.sort_unstable_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    reactions
}

fn events(batches: &[RecordBatch], setting: &Setting<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (id, kind, owner) = (text("event_id"), text("kind"), text("owner_id"));
        let (subject, role, reference) = (text("subject"), text("role"), text("reference"));
        let (held_on, deleted) = (dates(batch, "held_on"), bools(batch, DELETED));
        for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
            let (Some(id), Some(kind), Some(day)) = (id.get(i), kind.get(i), held_on(i)) else { continue };
            let owner = owner.get(i).and_then(|worker| setting.people.code(worker));
            let Some(owner) = owner.filter(|_| day < setting.horizon) else { continue };
            let own = |text: &Text<'_>| text.get(i).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
            events.push(Event {
                id: id.to_owned(),
                at: day_start_micros(day, setting.zone),
                day,
                owner,
                kind: kind.to_owned(),
                subject: own(&subject),
                role: own(&role),
                is_documented: own(&reference).is_some(),
            });
        }
    }
    events.sort_unstable_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    events
}

fn completions(attempts: &Attempts, content: &HashMap<&str, Content<'_>>, setting: &Setting<'_>) -> Vec<Completion> {
    let completion = |attempt: &Attempt| {
        let (at, id) = (attempt.success?.at, attempts.contents.text(attempt.content)?);
        let day = Some(local_day(at, setting.zone)).filter(|day| *day < setting.horizon)?;
        let kind = content.get(id).and_then(|content| content.kind).map(str::to_owned);
        Some(Completion { content: id.to_owned(), at, day, worker: attempt.worker, kind })
    };
    let mut completions: Vec<Completion> = attempts.all.iter().filter_map(completion).collect();
    completions.sort_unstable_by(|a, b| (a.at, a.worker, &a.content).cmp(&(b.at, b.worker, &b.content)));
    completions
}

#[cfg(test)]
impl Item {
    /// For examples: a plain post of a worker.
    pub fn example(id: &str, at: i64, author: u32) -> Item {
        Item {
            id: id.into(),
            at,
            day: (at / 86_400_000_000) as Day,
            author: Some(author),
            by_expert: true,
            kind: "post".into(),
            parent: None,
            root: 0,
            minutes: None,
            words: None,
            credited: Vec::new(),
            is_tagged: false,
            has_owner: false,
            owner: None,
            is_repeat: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, parent: Option<usize>) -> Item {
        Item { parent, ..Item::example(id, 0, 0) }
    }

    #[test]
    fn a_thread_is_everything_below_its_first_item_however_deep() {
        // a <- b <- c; d alone; e answers c.
        let items = [item("a", None), item("b", Some(0)), item("c", Some(1)), item("d", None), item("e", Some(2))];
        assert_eq!(roots(&items), [0, 0, 0, 3, 0]);
    }

    #[test]
    fn a_thread_that_comes_back_to_itself_has_an_end() {
        let items = [item("a", Some(2)), item("b", Some(0)), item("c", Some(1)), item("d", Some(1))];
        assert_eq!(roots(&items), [0, 0, 0, 0]);
    }

    #[test]
    fn the_acts_of_a_worker_are_found_by_half_open_time() {
        let items = vec![Item::example("a", 10, 1), Item::example("b", 10, 2), Item::example("c", 20, 1)];
        let sharing = Sharing::of(items, Vec::new(), Vec::new(), Vec::new());
        let ids = |from, to| sharing.written(1, from, to).map(|item| item.id.as_str()).collect::<Vec<_>>();
        assert_eq!((ids(10, 20), ids(10, 21), ids(11, 20)), (vec!["a"], vec!["a", "c"], vec![]));
    }
}
