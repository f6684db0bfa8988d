//! What people gave to each other, as facts of a day: contributions with what a leader's period needs to know of them, reactions to
//! experts, and governance events. Accounts are resolved to workers on the day of the act.
//!
//! Contributions and events follow people and are held whole; reactions and what people looked for follow time and are read day by
//! day ([`Reactions`], [`Interests`]).

mod day;
mod fingerprint;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use hashbrown::{HashMap, HashSet};

use super::columns::{Text, bools, dates, instants};
use super::contributions::{Texts, Written, parts, standing};
use super::history::Interner;
use crate::contract::arrow::DELETED;
use crate::period::{Day, local_day};

pub use super::contributions::Setting;
pub use day::{Interests, Reactions};
pub use fingerprint::DEEDS_DAYS;

/// Days after an AMA in which its summary closes it.
pub const CLOSING_DAYS: Day = 7;

/// The band whose people are sponsors without saying so.
const SPONSORS: &str = "executive";
/// The role by which the owner of a started plan says so.
const SPONSOR: &str = "sponsor";

/// What a contribution is, in the words of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContributionKind {
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

impl ContributionKind {
    fn of(text: &str) -> Option<ContributionKind> {
        Some(match text {
            "post" => ContributionKind::Post,
            "micro_lesson" => ContributionKind::MicroLesson,
            "ama" => ContributionKind::Ama,
            "qa_summary" => ContributionKind::QaSummary,
            "playbook" => ContributionKind::Playbook,
            "article" => ContributionKind::Article,
            "how_to" => ContributionKind::HowTo,
            "course" => ContributionKind::Course,
            "answer" => ContributionKind::Answer,
            "comment" => ContributionKind::Comment,
            _ => return None,
        })
    }

    /// Answers and comments belong to somebody else's thread; everything else stands for itself.
    pub fn is_reply(self) -> bool {
        matches!(self, ContributionKind::Answer | ContributionKind::Comment)
    }
}

/// One live contribution of a known worker; repeats of the same text by the same author are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    pub worker: u32,
    pub form: ContributionKind,
    pub minutes: i64,
    /// Codes of [`Acts::topics`], ascending.
    pub topics: Vec<u32>,
    /// Topics that its author looked for: those of what a comment comments, and a plain post's own where somebody answered it.
    pub sought: Vec<u32>,
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
pub struct GovernanceEvent {
    pub day: Day,
    pub kind: String,
    pub owner: Option<u32>,
    pub scope: Option<String>,
    pub subject: Option<String>,
    pub role: Option<String>,
}

impl GovernanceEvent {
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
    pub deeds: Vec<GovernanceEvent>,
    pub topics: Interner,
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
                content.insert(id, (owner.get(i).is_some(), parts(tags.get(i)).next().is_some()));
                let codes = acts.codes(topics.get(i));
                if !codes.is_empty() {
                    let published = published_at(i).map_or(Day::MIN, |at| local_day(at, setting.zone));
                    acts.content_topics.insert(id.to_owned(), (codes, published));
                }
            }
        }
        let rows = standing(tables.contributions, setting.zone, setting.horizon);
        let rows: Vec<(&Written<'_>, ContributionKind)> =
            rows.iter().filter_map(|row| Some((row, ContributionKind::of(row.kind)?))).collect();
        let by_id: HashMap<&str, &Written<'_>> = rows.iter().map(|(row, _)| (row.id, *row)).collect();
        let mut summaries: HashMap<&str, Vec<i64>> = HashMap::new();
        for (row, _) in rows.iter().filter(|(_, form)| *form == ContributionKind::QaSummary) {
            if let Some(parent) = row.parent {
                summaries.entry(parent).or_default().push(row.at);
            }
        }
        let answers = rows.iter().filter(|(_, form)| *form == ContributionKind::Answer);
        let answered: HashSet<&str> = answers.filter_map(|(row, _)| row.parent).collect();
        let mut texts = Texts::default();
        let mut has_posted: HashSet<u32> = HashSet::new();
        for &(row, form) in &rows {
            let day = row.day;
            let Some(worker) = setting.worker(row.account, day) else { continue };
            if !setting.is_leader(worker, day) {
                acts.items.insert(row.id.to_owned(), (worker, day));
            }
            if texts.repeats(worker, row.body_hash) {
                continue;
            }
            let closes = |at: &i64| *at >= row.at && local_day(*at, setting.zone) <= day + CLOSING_DAYS;
            let (has_owner, is_tagged) =
                row.content.and_then(|content_id| content.get(content_id)).copied().unwrap_or_default();
            let sought = match form {
                ContributionKind::Comment => {
                    row.parent.and_then(|parent| by_id.get(parent)).and_then(|parent| parent.topics)
                }
                ContributionKind::Post if answered.contains(row.id) => row.topics,
                _ => None,
            };
            let sought = acts.codes(sought);
            let topics = acts.codes(row.topics);
            acts.posts.entry(day).or_default().push(Post {
                worker,
                form,
                minutes: row.minutes.unwrap_or(0).max(0),
                topics,
                sought,
                credited: setting.credited(row, Some(worker)),
                is_closed: form == ContributionKind::Ama
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
    pub fn deeds(&self, from: Day, to: Day) -> &[GovernanceEvent] {
        let at = |day: Day| self.deeds.partition_point(|deed| deed.day < day);
        &self.deeds[at(from)..at(to).max(at(from))]
    }

    fn codes(&mut self, topics: Option<&str>) -> Vec<u32> {
        let mut codes: Vec<u32> = parts(topics).map(|topic| self.topics.code(Some(&topic.to_lowercase()))).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// Governance events that have taken place, by (day, id).
fn deeds(batches: &[RecordBatch], setting: &Setting<'_>) -> Vec<GovernanceEvent> {
    let mut rows: BTreeMap<(Day, &str), GovernanceEvent> = BTreeMap::new();
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
            let deed = GovernanceEvent {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{acts, day, people};
    use crate::canon::history::People;

    const STAFF: &str = "
        worker_id,effective_from,effective_to,employee_no,status,leader_band
        ann,2025-01-01,,ann,active,manager
        ben,2025-01-01,,ben,active,ic
        cem,2025-01-01,2026-03-10,cem,active,ic
        cem,2026-03-10,,cem,active,manager
        eve,2025-01-01,,eve,active,executive";

    fn built(contributions: &str, content: &str, events: &str) -> (People, Acts) {
        let who = people(STAFF);
        let acts = acts(&who, "2026-04-01", contributions, content, events);
        (who.0, acts)
    }

    /// One line a post: day, author, form, and what is said of it.
    fn told((people, acts): &(People, Acts)) -> Vec<String> {
        let name = |worker: u32| people.workers[worker as usize].as_str();
        let flags = |post: &Post| {
            let mut said: Vec<String> =
                post.credited.iter().map(|expert| format!("credits {}", name(*expert))).collect();
            let flags = [
                (post.is_closed, "closed"),
                (post.has_owner, "owner"),
                (post.is_tagged, "tagged"),
                (post.is_first, "first"),
            ];
            said.extend(flags.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()));
            said.join(" ")
        };
        let lines = acts.posts.iter().flat_map(|(day, posts)| posts.iter().map(move |post| (day, post)));
        lines
            .map(|(day, post)| {
                let date = crate::period::date_of(*day).format("%d.%m.");
                format!("{date} {} {:?} {}", name(post.worker), post.form, flags(post)).trim_end().to_owned()
            })
            .collect()
    }

    #[test]
    fn deleted_repeated_and_future_contributions_leave_no_trace() {
        let built = built(
            "contribution_id,author_id,kind,created_at,deleted_at,body_hash
             k1,ben,post,2026-03-02,,h1
             k2,ben,post,2026-03-03,2026-03-20,h2
             k3,ben,article,2026-03-04,,h1
             k4,cem,post,2026-03-05,,h1
             k5,ben,post,2026-04-01,,h5
             k6,stranger,post,2026-03-06,,
             k7,ben,post,2026-03-07,,
             k8,ben,post,2026-03-07,,",
            "",
            "",
        );
        assert_eq!(
            told(&built),
            ["02.03. ben Post first", "05.03. cem Post first", "07.03. ben Post", "07.03. ben Post"],
            "the same text of another author is no repeat, and without a hash nothing is"
        );
    }

    #[test]
    fn an_ama_is_closed_by_a_summary_of_anybody_within_seven_days_of_it() {
        let built = built(
            "contribution_id,author_id,kind,created_at,parent_id,deleted_at
             q1,ann,ama,2026-03-02,,
             s1,ben,qa_summary,2026-03-09T23:59,q1,
             q2,ann,ama,2026-03-03,,
             s2,ann,qa_summary,2026-03-11T00:01,q2,
             q3,ann,ama,2026-03-04,,
             s3,ann,qa_summary,2026-03-05,q3,2026-03-06
             q4,ann,ama,2026-03-30,,
             s4,ann,qa_summary,2026-04-02,q4,
             q5,ann,ama,2026-03-12,,
             s5,ann,post,2026-03-13,q5,",
            "",
            "",
        );
        let amas: Vec<String> = told(&built).into_iter().filter(|line| line.contains("Ama")).collect();
        assert_eq!(
            amas,
            ["02.03. ann Ama closed first", "03.03. ann Ama", "04.03. ann Ama", "12.03. ann Ama", "30.03. ann Ama"],
            "late, deleted, yet to come and of another kind close nothing"
        );
    }

    #[test]
    fn an_expert_is_whoever_was_below_the_leaders_on_the_day_and_nobody_credits_themselves() {
        let built = built(
            "contribution_id,author_id,kind,created_at,credited_ids
             k1,ann,post,2026-03-09,cem;ben;ann
             k2,ann,post,2026-03-10,cem; eve
             k3,ben,post,2026-03-10,ben
             k4,cem,post,2026-03-09,
             k5,cem,post,2026-03-10,",
            "",
            "",
        );
        let lines = told(&built);
        assert_eq!(
            lines,
            [
                "09.03. ann Post credits ben credits cem first",
                "09.03. cem Post first",
                "10.03. ann Post",
                "10.03. ben Post first",
                "10.03. cem Post"
            ]
        );
        let (people, acts) = built;
        let expert = |id: &str, on: &str| acts.expert(id, day(on)).map(|code| people.workers[code as usize].as_str());
        assert_eq!(expert("k4", "2026-03-09"), Some("cem"), "not yet promoted");
        assert_eq!(expert("k5", "2026-03-10"), None, "a leader's contribution is no expert's");
        assert_eq!(expert("k4", "2026-03-08"), None, "nobody reacts to what is not there yet");
    }

    #[test]
    fn a_playbook_has_the_owner_and_the_roles_of_its_content_item() {
        let built = built(
            "contribution_id,author_id,kind,created_at,content_id
             k1,ann,playbook,2026-03-02,c1
             k2,ann,playbook,2026-03-03,c2
             k3,ann,playbook,2026-03-04,c9",
            "content_id,kind,owner_id,role_tags
             c1,playbook,ben,
             c2,playbook,,sales; ops",
            "",
        );
        assert_eq!(
            told(&built),
            ["02.03. ann Playbook owner first", "03.03. ann Playbook tagged", "04.03. ann Playbook"]
        );
    }

    #[test]
    fn the_last_act_before_a_day_is_a_contribution_or_an_event() {
        let (people, acts) = built(
            "contribution_id,author_id,kind,created_at
             k1,eve,comment,2026-03-02",
            "",
            "event_id,kind,held_on,owner_id,role,scope_id
             e1,plan_start,2026-03-09,eve,Sponsor,
             e2,plan_start,2026-03-10,ann,leader,a
             e3,meeting,2026-04-01,eve,,",
        );
        let eve = people.code("eve").unwrap();
        let last = |end: &str| acts.last_act(eve, day(end)).map(|day| crate::period::date_of(day).to_string());
        assert_eq!(
            [last("2026-03-02"), last("2026-03-03"), last("2026-03-10"), last("2026-05-01")],
            [None, Some("2026-03-02".into()), Some("2026-03-09".into()), Some("2026-03-09".into())]
        );
        let sponsors: Vec<bool> = acts.deeds.iter().map(GovernanceEvent::starts_sponsorship).collect();
        assert_eq!(sponsors, [true, false]);
    }
}
