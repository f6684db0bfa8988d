//! What the deliveries of a company say of posts, reactions, searches and messages, row by row.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use crate::company::Delivery;
use crate::numbers::{self, Company, Fields, instant, local};

pub struct Post<'a> {
    pub worker: &'a str,
    pub day: NaiveDate,
    pub kind: &'a str,
    pub topics: BTreeSet<String>,
    pub sought: BTreeSet<String>,
    pub credited: BTreeSet<&'a str>,
    pub minutes: i64,
    pub is_closed: bool,
    pub has_owner: bool,
    pub is_tagged: bool,
    pub is_first: bool,
}

pub struct Facts<'a> {
    pub company: Company<'a>,
    pub posts: Vec<Post<'a>>,
    /// (day, who reacted, whose contribution).
    pub reactions: Vec<(NaiveDate, &'a str, &'a str)>,
    /// (day, who looked, topic).
    pub looked: Vec<(NaiveDate, &'a str, String)>,
    pub events: Vec<Fields<'a>>,
}

fn parts(text: &str) -> Vec<&str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn topics(text: &str) -> BTreeSet<String> {
    parts(text).into_iter().map(str::to_lowercase).collect()
}

pub fn read(deliveries: &[Delivery]) -> Facts<'_> {
    let company = numbers::read(deliveries);
    // Bands never change in this company; whoever is never eligible leads nobody.
    let leads = |worker: &str| {
        company.workers[worker]
            .iter()
            .any(|row| row["worker_type"] == "employee" && row["status"] == "active" && row["leader_band"] != "ic")
    };
    let content: BTreeMap<&str, Fields<'_>> =
        numbers::snapshot(deliveries, "content").into_iter().map(|row| (row["content_id"], row)).collect();
    let mut rows: Vec<Fields<'_>> = numbers::stated(deliveries, "contributions", &["contribution_id"])
        .into_iter()
        .filter(|row| row["deleted_at"].is_empty())
        .collect();
    let at = |row: &Fields<'_>| instant(row["created_at"]).expect("an instant");
    rows.sort_by_key(|row| (at(row), row["contribution_id"]));
    let by_id: BTreeMap<&str, &Fields<'_>> = rows.iter().map(|row| (row["contribution_id"], row)).collect();
    let mut posts: Vec<Post<'_>> = Vec::new();
    let mut texts: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in &rows {
        let day = local(at(row));
        let Some(worker) = company.worker(row["author_id"], day) else { continue };
        if !row["body_hash"].is_empty() && !texts.insert((worker, row["body_hash"])) {
            continue;
        }
        let children = |kind: &'static str| {
            rows.iter().filter(move |other| other["parent_id"] == row["contribution_id"] && other["kind"] == kind)
        };
        let in_time = |other: &Fields<'_>| at(other) >= at(row) && local(at(other)) <= day + Days::new(7);
        let sought = match row["kind"] {
            "comment" => by_id.get(row["parent_id"]).map(|parent| topics(parent["topics"])).unwrap_or_default(),
            "post" if children("answer").next().is_some() => topics(row["topics"]),
            _ => BTreeSet::new(),
        };
        let item = content.get(row["content_id"]);
        posts.push(Post {
            worker,
            day,
            kind: row["kind"],
            topics: topics(row["topics"]),
            sought,
            credited: parts(row["credited_ids"])
                .into_iter()
                .filter_map(|user| company.worker(user, day))
                .filter(|expert| *expert != worker && !leads(expert))
                .collect(),
            minutes: row["minutes"].parse().unwrap_or(0),
            is_closed: row["kind"] == "ama" && children("qa_summary").any(in_time),
            has_owner: item.is_some_and(|item| !item["owner_id"].is_empty()),
            is_tagged: item.is_some_and(|item| !item["role_tags"].is_empty()),
            is_first: posts.iter().all(|before| before.worker != worker),
        });
    }
    let reactions = numbers::stated(deliveries, "reactions", &["reaction_id"])
        .into_iter()
        .filter(|row| row["revoked_at"].is_empty())
        .filter_map(|row| {
            let day = local(instant(row["occurred_at"])?);
            let item = by_id.get(row["contribution_id"]).filter(|item| local(at(item)) <= day)?;
            let (who, whose) =
                (company.worker(row["actor_id"], day)?, company.worker(item["author_id"], local(at(item)))?);
            (who != whose && !leads(whose)).then_some((day, who, whose))
        })
        .collect();
    let events = numbers::stated(deliveries, "activity", &["event_id"]);
    let voided: BTreeSet<&str> = events.iter().map(|row| row["voids_event_id"]).filter(|id| !id.is_empty()).collect();
    let mut looked = Vec::new();
    for row in events.iter().filter(|row| !voided.contains(row["event_id"])) {
        let day = local(instant(row["occurred_at"]).expect("an instant"));
        if !["viewed", "searched", "commented"].contains(&row["verb"]) {
            continue;
        }
        let item = content
            .get(row["object_id"])
            .filter(|item| instant(item["published_at"]).is_none_or(|published| local(published) <= day));
        if let (Some(item), Some(worker)) = (item, company.worker(row["user_id"], day)) {
            looked.extend(topics(item["topics"]).into_iter().map(|topic| (day, worker, topic)));
        }
    }
    let mut governance = numbers::stated(deliveries, "events", &["event_id"]);
    governance.sort_by_key(|row| (row["held_on"], row["event_id"]));
    Facts { company, posts, reactions, looked, events: governance }
}
