//! The acts that a step's rule recognises: each rule kind in words of the canon.

use std::collections::BTreeMap;

use super::engine::Act;
use crate::canon::sharing::{Item, Setting, Sharing};
use crate::job::plans::{ContentOwner, Rule, Source};
use crate::period::{Day, day_start_micros};

/// Every act of a leader from the start of the plan on that meets the rule, whenever it is due.
pub fn acts(rule: &Rule, leader: u32, start: Day, sharing: &Sharing, setting: &Setting<'_>) -> Vec<Act> {
    let from = day_start_micros(start, setting.zone);
    match rule.source {
        Source::Post => sharing
            .written_at(leader, from, i64::MAX)
            .filter_map(|at| post(rule, leader, at, sharing, setting))
            .collect(),
        Source::Reaction => reactions(rule, leader, from, sharing, setting),
        Source::Event => sharing
            .held(leader)
            .filter(|event| event.at >= from && rule.kinds.contains(&event.kind))
            .filter(|event| same(rule.subject.as_deref(), event.subject.as_deref()))
            .filter(|event| same(rule.role.as_deref(), event.role.as_deref()))
            .filter(|event| event.is_documented || !rule.documented)
            .map(|event| plain(event.at, event.day, &event.id))
            .collect(),
        Source::Completion => sharing
            .completed(leader, from, i64::MAX)
            .filter(|done| done.kind.as_ref().is_some_and(|kind| rule.kinds.contains(kind)))
            .map(|done| plain(done.at, done.day, &done.content))
            .collect(),
    }
}

fn plain(at: i64, day: Day, id: &str) -> Act {
    Act { at, ready: day, day, ids: vec![id.to_owned()], functions: Default::default() }
}

/// Whether a text is what the rule asks for, if it asks; capitals do not matter.
fn same(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| found.is_some_and(|found| found.to_lowercase() == wanted.trim().to_lowercase()))
}

fn post(rule: &Rule, leader: u32, place: usize, sharing: &Sharing, setting: &Setting<'_>) -> Option<Act> {
    let item = &sharing.items[place];
    // A length nobody states is no evidence of being short enough, or long enough.
    let least = |wanted: Option<i64>, found: Option<i64>| wanted.is_none_or(|w| found.is_some_and(|f| f >= w));
    let most = |wanted: Option<i64>, found: Option<i64>| wanted.is_none_or(|w| found.is_some_and(|f| f <= w));
    let owned = match rule.owner {
        None => true,
        Some(ContentOwner::Anybody) => item.has_owner,
        Some(ContentOwner::Sme) => {
            item.owner.is_some_and(|owner| owner != leader && !setting.is_leader(owner, item.day))
        }
    };
    let counts = rule.kinds.contains(&item.kind)
        && !item.is_repeat
        && least(rule.minutes_at_least, item.minutes)
        && most(rule.minutes_at_most, item.minutes)
        && most(rule.words_at_most, item.words)
        && item.credited.len() >= rule.credits_smes
        && (item.is_tagged || !rule.role_tags)
        && owned;
    if !counts {
        return None;
    }
    let mut act = plain(item.at, item.day, &item.id);
    act.functions = item.credited.iter().filter_map(|expert| setting.function(*expert, item.day)).collect();
    if let Some(child) = &rule.child {
        let last = item.day + child.within_days;
        let closes = |reply: &&Item| {
            reply.parent == Some(place) && child.kinds.contains(&reply.kind) && reply.at >= item.at && reply.day <= last
        };
        let reply = sharing.thread(item.root).find(closes)?;
        act.at = reply.at;
        act.ready = reply.day;
        act.ids.push(reply.id.clone());
    }
    Some(act)
}

/// One act an item: the first reaction of a kind to it and, where the rule asks, the first comment on it.
fn reactions(rule: &Rule, leader: u32, from: i64, sharing: &Sharing, setting: &Setting<'_>) -> Vec<Act> {
    let mut first: BTreeMap<&str, Act> = BTreeMap::new();
    let mut comments: BTreeMap<&str, (i64, Day, &str)> = BTreeMap::new();
    for reaction in sharing.reacted(leader, from, i64::MAX) {
        if reaction.kind == "comment" {
            comments.entry(&reaction.contribution).or_insert((reaction.at, reaction.day, &reaction.id));
        }
        let item = reaction.item.map(|item| &sharing.items[item]);
        let is_own = item.is_some_and(|item| item.author == Some(leader));
        let on_expert = item.is_some_and(|item| item.by_expert);
        if !rule.kinds.contains(&reaction.kind) || is_own || (rule.on_sme_items && !on_expert) {
            continue;
        }
        first.entry(&reaction.contribution).or_insert_with(|| {
            let mut act = plain(reaction.at, reaction.day, &reaction.id);
            let author = item.and_then(|item| item.author);
            act.functions = author.and_then(|author| setting.function(author, reaction.day)).into_iter().collect();
            act
        });
    }
    if !rule.with_comment {
        return first.into_values().collect();
    }
    for reply in sharing.written(leader, from, i64::MAX).filter(|reply| reply.is_reply()) {
        let Some(parent) = reply.parent.map(|parent| &sharing.items[parent]) else { continue };
        let comment = comments.entry(&parent.id).or_insert((reply.at, reply.day, &reply.id));
        *comment = (*comment).min((reply.at, reply.day, &reply.id));
    }
    let with_comment = |(item, mut act): (&str, Act)| {
        let (at, day, id) = comments.get(item)?;
        act.at = act.at.max(*at);
        act.ready = act.ready.max(*day);
        if act.ids[0] != *id {
            act.ids.push((*id).to_owned());
        }
        Some(act)
    };
    first.into_iter().filter_map(with_comment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::history::People;
    use crate::canon::identity::Identity;
    use crate::canon::sharing::{Completion, Event, Reaction};
    use crate::contract::Catalog;
    use crate::job::plans;

    const DAY: i64 = 86_400_000_000;

    fn rule(evidence: &str) -> Rule {
        let text = format!(
            "name = \"p\"\ndescription = \"d\"\n[[steps]]\nid = \"s\"\ntitle = \"t\"\ndays = [1, 9]\nowner = \"o\"\nevidence = {{ {evidence} }}"
        );
        plans::parse(&[("p".into(), text)], &Catalog::load().unwrap()).unwrap()[0].steps[0].rule.clone()
    }

    /// Ids and day of the acts of worker 0 from day 10 on that a rule finds. Nobody has a band, so everybody is an expert.
    fn found(evidence: &str, sharing: &Sharing) -> Vec<String> {
        let (people, identity) = (People::default(), Identity::default());
        let setting = Setting {
            identity: &identity,
            people: &people,
            zone: chrono_tz::UTC,
            leader_bands: &["manager"],
            horizon: 1_000,
        };
        let acts = acts(&rule(evidence), 0, 10, sharing, &setting);
        acts.iter().map(|act| format!("{} {}", act.ids.join("+"), act.ready)).collect()
    }

    fn items(items: Vec<Item>) -> Sharing {
        Sharing::of(items, Vec::new(), Vec::new(), Vec::new())
    }

    fn of_kind(id: &str, day: i64, kind: &str) -> Item {
        Item { kind: kind.into(), ..Item::example(id, day * DAY, 0) }
    }

    #[test]
    fn a_post_is_of_a_kind_by_the_leader_from_the_start_on_and_no_repeat() {
        let other = Item { author: Some(1), ..of_kind("of another", 12, "ama") };
        let repeat = Item { is_repeat: true, ..of_kind("again", 13, "ama") };
        let sharing =
            items(vec![of_kind("before", 9, "ama"), of_kind("a", 10, "ama"), of_kind("b", 11, "post"), other, repeat]);
        assert_eq!(found("post = [\"ama\"]", &sharing), ["a 10"]);
        assert_eq!(found("post = [\"ama\", \"post\"]", &sharing), ["a 10", "b 11"]);
    }

    #[test]
    fn lengths_are_at_least_and_at_most_both_included_and_an_unknown_one_is_no_evidence() {
        let long =
            |id: &str, minutes: Option<i64>, words: Option<i64>| Item { minutes, words, ..of_kind(id, 10, "ama") };
        let sharing =
            items(vec![long("5", Some(5), Some(600)), long("20", Some(20), Some(601)), long("none", None, None)]);
        assert_eq!(found("post = [\"ama\"], minutes_at_most = 5", &sharing), ["5 10"]);
        assert_eq!(found("post = [\"ama\"], minutes_at_least = 20", &sharing), ["20 10"]);
        assert_eq!(found("post = [\"ama\"], words_at_most = 600", &sharing), ["5 10"]);
    }

    #[test]
    fn a_post_credits_so_many_experts_and_became_content_with_tags_and_an_owner() {
        let plain = || of_kind("plain", 10, "playbook");
        let sharing = items(vec![
            plain(),
            Item { id: "credits".into(), credited: vec![1, 2], ..plain() },
            Item { id: "tagged".into(), is_tagged: true, ..plain() },
            Item { id: "owned by nobody known".into(), has_owner: true, ..plain() },
            Item { id: "own".into(), has_owner: true, owner: Some(0), ..plain() },
            Item { id: "expert's".into(), has_owner: true, owner: Some(1), ..plain() },
        ]);
        let playbook = |more: &str| found(&format!("post = [\"playbook\"], {more}"), &sharing);
        assert_eq!(playbook("credits_smes = 2"), ["credits 10"]);
        assert!(playbook("credits_smes = 3").is_empty());
        assert_eq!(playbook("role_tags = true"), ["tagged 10"]);
        assert_eq!(playbook("content_owner = \"anybody\"").len(), 3);
        assert_eq!(playbook("content_owner = \"sme\""), ["expert's 10"]);
    }

    #[test]
    fn an_ama_is_ready_with_the_first_summary_within_its_days_whoever_wrote_it() {
        let reply = |id: &str, day: i64, kind: &str| Item {
            author: Some(1),
            parent: Some(0),
            root: 0,
            ..of_kind(id, day, kind)
        };
        let with = |replies: Vec<Item>| items([vec![of_kind("ama", 10, "ama")], replies].concat());
        let wanted = "post = [\"ama\"], child = { kind = [\"qa_summary\"], within_days = 7 }";
        assert_eq!(found(wanted, &with(vec![reply("q", 12, "answer"), reply("s", 17, "qa_summary")])), ["ama+s 17"]);
        assert!(found(wanted, &with(vec![reply("s", 18, "qa_summary")])).is_empty());
    }

    #[test]
    fn a_reaction_counts_once_an_item_never_on_ones_own_and_with_a_comment_where_asked() {
        let expert = |id: &str| Item { author: Some(1), ..of_kind(id, 9, "article") };
        let all = vec![
            expert("x"),
            Item { by_expert: false, ..expert("of a leader") },
            of_kind("own", 9, "article"),
            expert("y"),
            Item { parent: Some(3), root: 3, ..of_kind("reply", 14, "comment") },
        ];
        let react = |id: &str, day: i64, kind: &str, item: usize| Reaction {
            id: id.into(),
            at: day * DAY,
            day: day as Day,
            actor: 0,
            kind: kind.into(),
            contribution: all[item].id.clone(),
            item: Some(item),
        };
        let reactions = vec![
            react("e1", 10, "endorse", 0),
            react("e2", 11, "endorse", 0),
            react("e3", 11, "endorse", 1),
            react("e4", 11, "endorse", 2),
            react("c1", 12, "comment", 0),
            react("e5", 13, "endorse", 3),
        ];
        let sharing = Sharing::of(all.clone(), reactions, Vec::new(), Vec::new());
        assert_eq!(found("reaction = [\"endorse\"]", &sharing), ["e3 11", "e1 10", "e5 13"]);
        assert_eq!(found("reaction = [\"endorse\"], on_sme_items = true", &sharing), ["e1 10", "e5 13"]);
        let commented = "reaction = [\"endorse\"], on_sme_items = true, with_comment = true";
        assert_eq!(found(commented, &sharing), ["e1+c1 12", "e5+reply 14"]);
    }

    #[test]
    fn an_event_is_owned_about_a_subject_in_a_role_and_documented() {
        let event = |id: &str, owner: u32, subject: &str, role: &str, is_documented: bool| Event {
            id: id.into(),
            at: 11 * DAY,
            day: 11,
            owner,
            kind: "meeting".into(),
            subject: Some(subject.into()),
            role: Some(role.into()),
            is_documented,
        };
        let events = vec![
            event("a", 0, "Metrics Review", "sponsor", true),
            event("b", 0, "metrics review", "guest", false),
            event("c", 0, "lunch", "sponsor", true),
            event("d", 1, "metrics review", "sponsor", true),
        ];
        let sharing = Sharing::of(Vec::new(), Vec::new(), events, Vec::new());
        let meeting = |more: &str| found(&format!("event = [\"meeting\"]{more}"), &sharing);
        assert_eq!(meeting(""), ["a 11", "b 11", "c 11"]);
        assert_eq!(meeting(", subject = \"metrics review\""), ["a 11", "b 11"]);
        assert_eq!(meeting(", subject = \"metrics review\", role = \"sponsor\""), ["a 11"]);
        assert_eq!(meeting(", documented = true"), ["a 11", "c 11"]);
    }

    #[test]
    fn a_completion_is_of_content_of_a_kind() {
        let done = |content: &str, kind: Option<&str>| Completion {
            content: content.into(),
            at: 11 * DAY,
            day: 11,
            worker: 0,
            kind: kind.map(str::to_owned),
        };
        let all = vec![done("a", Some("course")), done("b", Some("video")), done("c", None)];
        let sharing = Sharing::of(Vec::new(), Vec::new(), Vec::new(), all);
        assert_eq!(found("completion = [\"course\", \"path\"]", &sharing), ["a 11"]);
    }
}
