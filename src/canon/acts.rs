//! What people gave to each other, as facts of a day: contributions with what a leader's period needs to know of them, reactions to
//! experts, and governance events. Accounts are resolved to workers on the day of the act.
//!
//! Contributions and events follow people and are held whole; reactions and what people looked for follow time and are read day by
//! day ([`Reactions`], [`Interests`]).

mod day;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use chrono_tz::Tz;
use hashbrown::{HashMap, HashSet};

use super::columns::{Text, bools, dates, instants, ints};
use super::history::{Fnv, Labels, People};
use super::identity::{Identity, Who};
use crate::contract::arrow::DELETED;
use crate::period::{Day, local_day};

pub use day::{Interests, Reactions};

/// Days after an AMA in which its summary closes it.
pub const CLOSING_DAYS: Day = 7;

/// The band whose people are sponsors without saying so.
const SPONSORS: &str = "executive";
/// The role by which the owner of a started plan says so.
const SPONSOR: &str = "sponsor";

/// What a contribution is, in the words of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    Post,
    MicroLesson,
    Ama,
    QaSummary,
    Playbook,
    Article,
    HowTo,
    Course,
    Answer,
    Comment,
}

impl Form {
    fn of(text: &str) -> Option<Form> {
        Some(match text {
            "post" => Form::Post,
            "micro_lesson" => Form::MicroLesson,
            "ama" => Form::Ama,
            "qa_summary" => Form::QaSummary,
            "playbook" => Form::Playbook,
            "article" => Form::Article,
            "how_to" => Form::HowTo,
            "course" => Form::Course,
            "answer" => Form::Answer,
            "comment" => Form::Comment,
            _ => return None,
        })
    }

    /// Answers and comments belong to somebody else's thread; everything else stands for itself.
    pub fn is_reply(self) -> bool {
        matches!(self, Form::Answer | Form::Comment)
    }
}

/// One live contribution of a known worker; repeats of the same text by the same author are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub worker: u32,
    pub form: Form,
    pub minutes: i64,
    /// Codes of [`Acts::topics`], ascending.
    pub topics: Vec<u32>,
    /// Topics of the contribution that this one answers or comments.
    pub about: Vec<u32>,
    /// The people below the leaders that it credits, the author never among them; ascending.
    pub credited: Vec<u32>,
    /// An AMA whose summary was published in time.
    pub is_closed: bool,
    /// The content item it became has an owner; role tags.
    pub has_owner: bool,
    pub is_tagged: bool,
    /// The first one ever of its author.
    pub is_first: bool,
}

/// One governance event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub day: Day,
    pub kind: String,
    pub owner: Option<u32>,
    pub scope: Option<String>,
    pub subject: Option<String>,
    pub role: Option<String>,
}

impl Deed {
    /// Whether it starts the plan of a sponsor, who thereby speaks as one.
    pub fn starts_sponsorship(&self) -> bool {
        self.kind == "plan_start" && self.role.as_deref().is_some_and(|role| role.eq_ignore_ascii_case(SPONSOR))
    }
}

/// Everything given before the horizon.
#[derive(Debug, Default, Clone)]
pub struct Acts {
    /// Contributions by day, in order of instant and id.
    pub posts: BTreeMap<Day, Vec<Post>>,
    /// Governance events by (day, event id).
    pub deeds: Vec<Deed>,
    pub topics: Labels,
    /// Contributions of people below the leaders: author and day by id.
    items: HashMap<String, (u32, Day)>,
    /// Days on which a worker contributed or held a governance event, ascending.
    acted: HashMap<u32, Vec<Day>>,
    /// Everybody who may ever be a sponsor.
    sponsors: BTreeSet<u32>,
    /// Topics of content items, with the day of publication ([`Day::MIN`] where it is not known).
    content_topics: HashMap<String, (Vec<u32>, Day)>,
    /// Hash of a day's posts; of all items and all content up to the end of a day.
    post_hashes: BTreeMap<Day, u64>,
    item_hashes: BTreeMap<Day, u64>,
}

/// The canon tables that acts are made of.
pub struct Tables<'a> {
    pub contributions: &'a [RecordBatch],
    pub content: &'a [RecordBatch],
    pub events: &'a [RecordBatch],
}

/// Who is who, and when.
pub struct Setting<'a> {
    pub identity: &'a Identity,
    pub people: &'a People,
    pub zone: Tz,
    /// Bands whose people are leaders.
    pub leader_bands: &'a [&'a str],
    /// The first day that is not reported: what is dated later has not happened yet.
    pub horizon: Day,
}

impl Setting<'_> {
    /// Whether a worker was a leader on a day: by the stint of the day, else by the nearest one before, else by the first.
    fn is_leader(&self, worker: u32, day: Day) -> bool {
        let stints = &self.people.stints;
        let (first, end) = (
            stints.partition_point(|stint| stint.worker < worker),
            stints.partition_point(|stint| stint.worker <= worker),
        );
        let own = &stints[first..end];
        let begun = own.partition_point(|stint| stint.from <= day);
        let Some(stint) = own.get(begun.saturating_sub(1)) else { return false };
        let band = self.people.labels.text(stint.place.band);
        band.is_some_and(|band| self.leader_bands.contains(&band))
    }

    fn worker(&self, user: &str, day: Day) -> Option<u32> {
        match self.identity.who(user, day) {
            Who::Worker(worker) => Some(worker),
            _ => None,
        }
    }
}

/// One live row of `contributions`.
struct Row<'a> {
    at: i64,
    id: &'a str,
    author: &'a str,
    form: Form,
    parent: Option<&'a str>,
    content: Option<&'a str>,
    topics: Option<&'a str>,
    credited: Option<&'a str>,
    minutes: i64,
    body_hash: Option<&'a str>,
}

impl Acts {
    /// Computes the facts from the live rows of the tables.
    pub fn build(tables: &Tables<'_>, setting: &Setting<'_>) -> Acts {
        let mut acts = Acts::default();
        let mut content: HashMap<&str, (bool, bool)> = HashMap::new();
        for batch in tables.content {
            let (id, owner, tags) =
                (Text::of(batch, "content_id"), Text::of(batch, "owner_id"), Text::of(batch, "role_tags"));
            let (topics, deleted) = (Text::of(batch, "topics"), bools(batch, DELETED));
            let published_at = instants(batch, "published_at");
            for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
                let Some(id) = id.get(i) else { continue };
                content.insert(id, (owner.get(i).is_some(), tags.get(i).is_some_and(|tags| !words(tags).is_empty())));
                let codes = acts.codes(topics.get(i));
                if !codes.is_empty() {
                    let published = published_at(i).map_or(Day::MIN, |at| local_day(at, setting.zone));
                    acts.content_topics.insert(id.to_owned(), (codes, published));
                }
            }
        }
        let rows = rows(tables.contributions, setting);
        let by_id: HashMap<&str, &Row<'_>> = rows.iter().map(|row| (row.id, row)).collect();
        let mut summaries: HashMap<&str, Vec<i64>> = HashMap::new();
        for row in rows.iter().filter(|row| row.form == Form::QaSummary) {
            if let Some(parent) = row.parent {
                summaries.entry(parent).or_default().push(row.at);
            }
        }
        let mut texts: HashSet<(u32, &str)> = HashSet::new();
        let mut has_posted: HashSet<u32> = HashSet::new();
        for row in &rows {
            let day = local_day(row.at, setting.zone);
            let Some(worker) = setting.worker(row.author, day) else { continue };
            if !setting.is_leader(worker, day) {
                acts.items.insert(row.id.to_owned(), (worker, day));
            }
            if row.body_hash.is_some_and(|hash| !texts.insert((worker, hash))) {
                continue;
            }
            let closes = |at: &i64| *at >= row.at && local_day(*at, setting.zone) <= day + CLOSING_DAYS;
            let mut credited: Vec<u32> = words(row.credited.unwrap_or_default())
                .into_iter()
                .filter_map(|user| setting.worker(user, day))
                .filter(|expert| *expert != worker && !setting.is_leader(*expert, day))
                .collect();
            credited.sort_unstable();
            credited.dedup();
            let (has_owner, is_tagged) =
                row.content.and_then(|content_id| content.get(content_id)).copied().unwrap_or_default();
            let parent = row.parent.filter(|_| row.form.is_reply()).and_then(|parent| by_id.get(parent));
            let about = acts.codes(parent.and_then(|parent| parent.topics));
            let topics = acts.codes(row.topics);
            acts.posts.entry(day).or_default().push(Post {
                worker,
                form: row.form,
                minutes: row.minutes,
                topics,
                about,
                credited,
                is_closed: row.form == Form::Ama
                    && summaries.get(row.id).is_some_and(|closing| closing.iter().any(closes)),
                has_owner,
                is_tagged,
                is_first: has_posted.insert(worker),
            });
            acts.acted.entry(worker).or_default().push(day);
        }
        acts.deeds = deeds(tables.events, setting);
        for deed in &acts.deeds {
            if let Some(owner) = deed.owner {
                acts.acted.entry(owner).or_default().push(deed.day);
                if deed.starts_sponsorship() {
                    acts.sponsors.insert(owner);
                }
            }
        }
        acts.acted.values_mut().for_each(|days| days.sort_unstable());
        if let Some(band) = setting.people.labels.find(SPONSORS) {
            let stints = setting.people.stints.iter();
            acts.sponsors.extend(stints.filter(|stint| stint.place.band == band).map(|stint| stint.worker));
        }
        acts.hash(setting.people);
        acts
    }

    /// The author below the leaders whose contribution this is, if it existed on the day.
    pub fn expert(&self, contribution: &str, day: Day) -> Option<u32> {
        self.items.get(contribution).filter(|(_, made)| *made <= day).map(|(author, _)| *author)
    }

    /// Topics of a content item that was published by the day.
    pub fn topics_of(&self, content: &str, day: Day) -> &[u32] {
        let found = self.content_topics.get(content).filter(|(_, published)| *published <= day);
        found.map_or(&[], |(topics, _)| topics.as_slice())
    }

    /// Whether any content item names a topic: else nobody's looking says what is in demand.
    pub fn knows_content_topics(&self) -> bool {
        !self.content_topics.is_empty()
    }

    /// The last day before `end` on which a worker contributed or held a governance event.
    pub fn last_act(&self, worker: u32, end: Day) -> Option<Day> {
        let days = self.acted.get(&worker)?;
        days.partition_point(|day| *day < end).checked_sub(1).map(|at| days[at])
    }

    /// Governance events of the days `[from, to)`, in order.
    pub fn deeds(&self, from: Day, to: Day) -> &[Deed] {
        let at = |day: Day| self.deeds.partition_point(|deed| deed.day < day);
        &self.deeds[at(from)..at(to).max(at(from))]
    }

    /// A hash over everything that a period reads of the days `[from, to)`: contributions, what reactions and searches of these
    /// days can meet, governance events of the year before `to`, and when each sponsor last acted. By ids, so that it can be compared between runs.
    pub fn fingerprint(&self, from: Day, to: Day, people: &People) -> u64 {
        let mut hash = Fnv::default();
        for (day, posts) in self.post_hashes.range(from..to.max(from)) {
            hash.number(i64::from(*day));
            hash.number(*posts as i64);
        }
        let items = self.item_hashes.range(..to).next_back().map_or(0, |(_, items)| *items);
        hash.number(items as i64);
        let name = |worker: u32| people.workers.get(worker as usize).map_or("\u{1}", String::as_str);
        let started = self.deeds.iter().filter(|deed| deed.starts_sponsorship() && deed.day < to);
        for deed in started.chain(self.deeds((to - DEEDS_DAYS).min(from), to)) {
            hash.number(i64::from(deed.day));
            hash.text(&deed.kind);
            hash.text(deed.owner.map_or("\u{1}", name));
            for text in [&deed.scope, &deed.subject, &deed.role] {
                hash.text(text.as_deref().unwrap_or("\u{1}"));
            }
        }
        for worker in &self.sponsors {
            if let Some(day) = self.last_act(*worker, to) {
                hash.text(name(*worker));
                hash.number(i64::from(day));
            }
        }
        hash.finish()
    }

    fn codes(&mut self, topics: Option<&str>) -> Vec<u32> {
        let mut codes: Vec<u32> = words(topics.unwrap_or_default())
            .into_iter()
            .map(|topic| self.topics.code(Some(&topic.to_lowercase())))
            .collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Hashes posts and items by ids and texts, never by codes.
    fn hash(&mut self, people: &People) {
        let name = |worker: u32| people.workers.get(worker as usize).map_or("\u{1}", String::as_str);
        for (day, posts) in &self.posts {
            let mut hash = Fnv::default();
            for post in posts {
                hash.text(name(post.worker));
                let flags = [post.is_closed, post.has_owner, post.is_tagged, post.is_first].map(i64::from);
                for number in [post.form as i64, post.minutes].into_iter().chain(flags) {
                    hash.number(number);
                }
                for list in [&post.topics, &post.about] {
                    let mut texts: Vec<&str> = list.iter().filter_map(|code| self.topics.text(*code)).collect();
                    texts.sort_unstable();
                    texts.into_iter().for_each(|text| hash.text(text));
                    hash.number(list.len() as i64);
                }
                post.credited.iter().for_each(|expert| hash.text(name(*expert)));
                hash.number(post.credited.len() as i64);
            }
            self.post_hashes.insert(*day, hash.finish());
        }
        // Sums of hashes do not depend on the order of the items of a day.
        let mut sums: BTreeMap<Day, u64> = BTreeMap::new();
        let mut add = |day: Day, hash: Fnv| {
            let sum = sums.entry(day).or_default();
            *sum = sum.wrapping_add(hash.finish());
        };
        for (id, (author, day)) in &self.items {
            let mut hash = Fnv::default();
            hash.text(id);
            hash.text(name(*author));
            add(*day, hash);
        }
        for (id, (topics, published)) in &self.content_topics {
            let mut hash = Fnv::default();
            hash.text(id);
            let mut texts: Vec<&str> = topics.iter().filter_map(|code| self.topics.text(*code)).collect();
            texts.sort_unstable();
            texts.into_iter().for_each(|text| hash.text(text));
            add(*published, hash);
        }
        let mut all = 0u64;
        for (day, sum) in sums {
            all = all.wrapping_add(sum);
            self.item_hashes.insert(day, all);
        }
    }
}

/// Days before the end of a period whose governance events it may look back on.
pub const DEEDS_DAYS: Day = 366;

/// Contributions that are neither deleted nor yet to come, in order of instant and id.
fn rows<'a>(batches: &'a [RecordBatch], setting: &Setting<'_>) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (id, author, kind) = (text("contribution_id"), text("author_id"), text("kind"));
        let (parent, content, topics) = (text("parent_id"), text("content_id"), text("topics"));
        let (credited, body_hash) = (text("credited_ids"), text("body_hash"));
        let (created_at, deleted_at) = (instants(batch, "created_at"), instants(batch, "deleted_at"));
        let (minutes, deleted) = (ints(batch, "minutes"), bools(batch, DELETED));
        for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true) && deleted_at(*i).is_none()) {
            let (Some(id), Some(author), Some(at)) = (id.get(i), author.get(i), created_at(i)) else { continue };
            let Some(form) = kind.get(i).and_then(Form::of) else { continue };
            if local_day(at, setting.zone) >= setting.horizon {
                continue;
            }
            rows.push(Row {
                at,
                id,
                author,
                form,
                parent: parent.get(i),
                content: content.get(i),
                topics: topics.get(i),
                credited: credited.get(i),
                minutes: minutes(i).unwrap_or(0).max(0),
                body_hash: body_hash.get(i).filter(|hash| !hash.is_empty()),
            });
        }
    }
    rows.sort_unstable_by_key(|row| (row.at, row.id));
    rows
}

/// Governance events that have taken place, by (day, id).
fn deeds(batches: &[RecordBatch], setting: &Setting<'_>) -> Vec<Deed> {
    let mut rows: BTreeMap<(Day, &str), Deed> = BTreeMap::new();
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (id, kind, owner) = (text("event_id"), text("kind"), text("owner_id"));
        let (scope, subject, role) = (text("scope_id"), text("subject"), text("role"));
        let (held_on, deleted) = (dates(batch, "held_on"), bools(batch, DELETED));
        for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
            let (Some(id), Some(kind), Some(day)) = (id.get(i), kind.get(i), held_on(i)) else { continue };
            if day >= setting.horizon {
                continue;
            }
            let own = |text: &Text<'_>| text.get(i).filter(|text| !text.is_empty()).map(str::to_owned);
            let deed = Deed {
                day,
                kind: kind.to_owned(),
                owner: owner.get(i).and_then(|worker| setting.people.code(worker)),
                scope: own(&scope),
                subject: own(&subject),
                role: own(&role),
            };
            rows.insert((day, id), deed);
        }
    }
    rows.into_values().collect()
}

/// The parts of a text joined by `;`, trimmed, the empty ones left out.
fn words(text: &str) -> Vec<&str> {
    text.split(';').map(str::trim).filter(|word| !word.is_empty()).collect()
}
