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
