//! How much the people below the leaders share in each period, how evenly, and which topics nobody covers.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::leadership_kpis::code;
use super::person_rows::{Block, Shown};
use super::scoped::{Inputs, Lookback, Mart, Previous};
use crate::canon::history::NONE;
use crate::columns::Columns;
use crate::period::Grain;
use crate::scope::{PLACE, integers};
use crate::stats::concentration::{self, concentration};

pub const MART: Mart = Mart {
    name: "knowledge_sharing",
    grains: &[Grain::Week, Grain::Month, Grain::Quarter],
    managers: None,
    needs: &["contributions"],
    looks_back: false,
    acts: Some(Lookback { days: 0, events: false, reactions: false, interests: true }),
    previous: &["sme_contributions"],
    build,
    describe: Some(describe),
    finish,
};

/// One row a person: leaders count among the people, their contributions do not.
fn build(inputs: &Inputs<'_>) -> PolarsResult<Vec<Block>> {
    let people = &inputs.person_period.rows;
    let worker = integers(people, "worker")?;
    let bands = inputs.policy.leader_bands();
    let is_leader: Vec<bool> = integers(people, "leader_band")?
        .iter()
        .map(|band| inputs.people.labels.text(code(*band)).is_some_and(|band| bands.contains(&band)))
        .collect();
    let mut row_of = vec![NONE; inputs.people.workers.len()];
    for (row, worker) in worker.iter().enumerate().filter(|(row, _)| !is_leader[*row]) {
        row_of[*worker as usize] = row as u32;
    }
    let (mut given, mut first) = (vec![0i64; worker.len()], vec![0i64; worker.len()]);
    for post in inputs.acts.posts.range(inputs.seen.start..inputs.seen.end).flat_map(|(_, posts)| posts) {
        let row = row_of.get(post.worker as usize).map_or(usize::MAX, |row| *row as usize);
        if let Some(given) = given.get_mut(row) {
            *given += 1;
            first[row] |= i64::from(post.is_first);
        }
    }
    let mut columns: Vec<Column> =
        PLACE.iter().map(|name| people.column(name).cloned()).collect::<PolarsResult<_>>()?;
    let active: Vec<i64> = integers(people, "active_acts")?.iter().map(|acts| i64::from(*acts > 0)).collect();
    columns.push(Column::new("active_learners".into(), active));
    columns.push(Column::new("sme_contributors".into(), given.iter().map(|n| i64::from(*n > 0)).collect::<Vec<_>>()));
    columns.push(Column::new("sme_contributions".into(), given));
    columns.push(Column::new("first_time_contributors".into(), first));
    Ok(vec![Block::of(DataFrame::new(worker.len(), columns)?)])
}

/// What people know and ask for, by row of the block: topics given by those below the leaders, and topics looked for.
struct Topics {
    given: Vec<BTreeSet<u32>>,
    sought: Vec<BTreeSet<u32>>,
}

impl Topics {
    fn new(inputs: &Inputs<'_>, worker: &[i64], contributions: &[i64]) -> Topics {
        let mut row_of = vec![NONE; inputs.people.workers.len()];
        for (row, worker) in worker.iter().enumerate() {
            row_of[*worker as usize] = row as u32;
        }
        let row = |worker: u32| row_of.get(worker as usize).map_or(usize::MAX, |row| *row as usize);
        let mut topics =
            Topics { given: vec![BTreeSet::new(); worker.len()], sought: vec![BTreeSet::new(); worker.len()] };
        for post in inputs.acts.posts.range(inputs.seen.start..inputs.seen.end).flat_map(|(_, posts)| posts) {
            let row = row(post.worker);
            // Leaders have no contributions in the block.
            if contributions.get(row).is_some_and(|given| *given > 0) {
                topics.given[row].extend(&post.topics);
            }
            if let Some(sought) = topics.sought.get_mut(row) {
                sought.extend(&post.sought);
            }
        }
        for (worker, topic) in inputs.interests.iter().flat_map(|day| &day.of) {
            if let Some(sought) = topics.sought.get_mut(row(*worker)) {
                sought.insert(*topic);
            }
        }
        topics
    }

    /// People of the scope by topic.
    fn people(of: &[BTreeSet<u32>], members: &[u32]) -> BTreeMap<u32, i64> {
        let mut people = BTreeMap::new();
        for topic in members.iter().flat_map(|member| &of[*member as usize]) {
            *people.entry(*topic).or_default() += 1;
        }
        people
    }
}

/// Figures that no sum gives, for published scopes alone.
fn describe(shown: &Shown, block: &Block, inputs: &Inputs<'_>) -> PolarsResult<DataFrame> {
    let mut rows = shown.rows.clone();
    let texts = |name: &str| -> PolarsResult<Vec<String>> {
        Ok(rows.column(name)?.str()?.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    let (kind, id) = (texts("scope_kind")?, texts("scope_id")?);
    let is_shown: Vec<bool> = rows.column("headcount")?.i64()?.iter().map(|people| people.is_some()).collect();
    let has_sum: Vec<bool> = rows.column("sme_contributions")?.i64()?.iter().map(|sum| sum.is_some()).collect();
    let given = integers(&block.rows, "sme_contributions")?;
    let topics = Topics::new(inputs, &integers(&block.rows, "worker")?, &given);
    let figures: Vec<Figures> = (0..rows.height())
        .map(|row| match is_shown[row] {
            true => Figures::of(&shown.members(&kind[row], &id[row]), &given, &topics, has_sum[row], inputs),
            false => Figures::default(),
        })
        .collect();
    Columns::of(&figures)
        .double("gini", |of| of.gini)
        .double("top10_percent_share", |of| of.top10_percent_share)
        .int("topics_supplied", |of| of.supplied)
        .int("single_owner_topics", |of| of.single_owner)
        .double("single_owner_topic_share", |of| {
            let supplied = of.supplied.filter(|supplied| *supplied > 0)?;
            Some(of.single_owner? as f64 / supplied as f64)
        })
        .int("topics_in_demand", |of| of.in_demand)
        .int("topics_in_demand_without_supply", |of| of.without_supply)
        .add_to(&mut rows)?;
    Ok(rows)
}

/// What [`describe`] says of one scope.
#[derive(Debug, Default)]
struct Figures {
    gini: Option<f64>,
    top10_percent_share: Option<f64>,
    supplied: Option<i64>,
    single_owner: Option<i64>,
    in_demand: Option<i64>,
    without_supply: Option<i64>,
}

impl Figures {
    fn of(members: &[u32], given: &[i64], topics: &Topics, has_sum: bool, inputs: &Inputs<'_>) -> Figures {
        let least = inputs.policy.smallest_group;
        let amounts: Vec<f64> = members.iter().map(|member| given[*member as usize] as f64).collect();
        let contributors = amounts.iter().filter(|amount| **amount > 0.0).count() as i64;
        let supply = Topics::people(&topics.given, members);
        let demand: BTreeSet<u32> = Topics::people(&topics.sought, members)
            .into_iter()
            .filter(|(_, people)| *people >= least)
            .map(|(topic, _)| topic)
            .collect();
        let mut figures = Figures {
            in_demand: Some(demand.len() as i64),
            without_supply: Some(demand.iter().filter(|topic| !supply.contains_key(topic)).count() as i64),
            ..Figures::default()
        };
        if !has_sum || contributors < least {
            return figures;
        }
        figures.supplied = Some(supply.len() as i64);
        figures.single_owner = Some(supply.values().filter(|people| **people == 1).count() as i64);
        if let Some(spread) = concentration(&amounts).filter(|spread| spread.people >= concentration::PEOPLE_MIN) {
            let three = |value: f64| if inputs.policy.rounding > 1 { three_digits(value) } else { value };
            figures.gini = spread.gini_small_sample.map(three);
            let tenth = spread.people.div_ceil(10) as i64;
            figures.top10_percent_share = (tenth >= least).then(|| three(spread.top10_percent_share));
        }
        figures
    }
}

/// A share to three decimals: what a mean of people may say of them.
fn three_digits(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

/// Changes against what was shown for the period before.
fn finish(rows: DataFrame, _: &Inputs<'_>, previous: &Previous) -> PolarsResult<DataFrame> {
    let (kind, id) = (rows.column("scope_kind")?.str()?.clone(), rows.column("scope_id")?.str()?.clone());
    let now = rows.column("sme_contributions")?.i64()?.clone();
    let before = |row: usize| -> Option<i64> {
        let scope = (kind.get(row)?.to_owned(), id.get(row)?.to_owned());
        previous.get(&scope)?.first().copied().flatten().map(|before| before as i64)
    };
    let change = |row: usize| Some(now.get(row)? - before(row)?);
    let changes: Vec<Option<i64>> = (0..rows.height()).map(change).collect();
    let rates: Vec<Option<f64>> = (0..rows.height())
        .map(|row| Some(change(row)? as f64 / before(row).filter(|before| *before > 0)? as f64))
        .collect();
    let mut rows = rows;
    rows.with_column(Column::new("sme_contributions_change".into(), changes))?;
    rows.with_column(Column::new("sme_contributions_change_rate".into(), rates))?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fixture::{Given, build_with, cells, person_days};
    use super::*;
    use crate::canon::acts::Interests;
    use crate::canon::fixture::{acts, day, people};

    /// Eleven people and a leader.
    fn staff() -> String {
        let ids =
            (1..=11).map(|n| format!("p{n:02},2025-01-01,p{n:02},active,ic,{}\n", if n <= 6 { "A" } else { "B" }));
        format!(
            "worker_id,effective_from,employee_no,status,leader_band,org_id\n{}boss,2025-01-01,boss,active,manager,A",
            ids.collect::<String>()
        )
    }

    const CONTRIBUTIONS: &str = "contribution_id,author_id,kind,created_at,topics,parent_id
        k0,p01,post,2026-02-03,pricing,
        k1,p01,post,2026-03-02,Pricing,
        k2,p01,post,2026-03-03,pricing,
        k3,p01,post,2026-03-04,pricing;testing,
        k4,p01,answer,2026-03-05,pricing,k1
        k5,p02,post,2026-03-05,pricing,
        k6,p02,post,2026-03-06,,
        k7,p07,comment,2026-03-08,onboarding,b1
        b1,boss,playbook,2026-03-02,contracts,
        b2,boss,post,2026-03-02,contracts,
        b3,boss,post,2026-03-02,contracts,";

    #[test]
    fn experts_are_counted_the_leader_is_not_and_everybody_is_in_the_spread() {
        let who = people(&staff());
        let given = Given { acts: acts(&who, "2026-06-01", CONTRIBUTIONS, "", ""), ..Given::default() };
        let days = person_days(
            &who.0,
            "p01 2026-03-02 active_acts=4\n p02 2026-03-05 active_acts=2\n p07 2026-03-08 active_acts=1
             p08 2026-03-08 active_acts=1\n boss 2026-03-02 active_acts=1",
        );
        let week = build_with(&MART, Grain::Week, "2026-03-02", &who.0, &days, &given);
        let all = |columns| cells(&week, "company", "all", columns);
        let columns =
            ["headcount", "active_learners", "sme_contributions", "sme_contributors", "first_time_contributors"];
        assert_eq!(all(columns), ["12", "5", "7", "3", "2"], "p01 gave before");
        // Of 12 people nine gave nothing, the others 1, 2 and 4: (2 (10 + 22 + 48) / (12 · 7) - 13 / 12) · 12 / 11.
        let [gini, top, per_100, _, _] =
            all(["gini", "top10_percent_share", "contributions_per_100_active", "status", "grain"]);
        assert!((gini.parse::<f64>().unwrap() - 0.896_103_896_103_896).abs() < 1e-12, "{gini}");
        assert!((top.parse::<f64>().unwrap() - 6.0 / 7.0).abs() < 1e-12, "two people are a tenth of twelve: {top}");
        assert_eq!(per_100, "140.0");
        assert_eq!(cells(&week, "org", "B", ["gini", "headcount"]), ["", "5"], "too few people for a spread");
    }

    #[test]
    fn a_topic_of_one_person_is_at_risk_and_a_topic_asked_for_without_an_answer_is_a_gap() {
        let who = people(&staff());
        let content = "content_id,kind,topics,published_at
            c1,course,Negotiation,2025-01-01
            c2,course,pricing;testing,
            c3,course,forecasting,2026-03-05";
        let facts = acts(&who, "2026-06-01", CONTRIBUTIONS, content, "");
        let looked = |on: &str, rows: &str| {
            let rows = crate::canon::fixture::rows("person_interest", &format!("person_key,content_id\n{rows}"));
            Arc::new(Interests::read(day(on), &[rows], &who.0, &facts))
        };
        let interests = vec![
            looked("2026-03-03", "boss,c1\n p03,c1\n p03,c2\n p04,c3\n stranger,c3"),
            looked("2026-03-04", "p08,c1\n p08,c9"),
        ];
        let given = Given { acts: facts.clone(), interests, ..Given::default() };
        let week = build_with(&MART, Grain::Week, "2026-03-02", &who.0, &[], &given);
        let columns = ["topics_supplied", "single_owner_topics", "single_owner_topic_share"];
        assert_eq!(cells(&week, "company", "all", columns), ["3", "2", "0.6666666666666666"], "testing and onboarding");
        let columns = ["topics_in_demand", "topics_in_demand_without_supply"];
        // negotiation, pricing and testing by views, contracts by p07's comment, pricing by p01's own answered post; c3 was not there yet.
        assert_eq!(cells(&week, "company", "all", columns), ["4", "2"], "of contracts only the boss writes");
        assert_eq!(cells(&week, "org", "B", columns), ["2", "2"], "negotiation and contracts");
    }
}
