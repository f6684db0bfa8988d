//! `uptake stats endorsements EDGES.csv`

use std::collections::{BTreeMap, BTreeSet};

use super::Common;
use super::read::Table;
use super::write::Part;
use crate::error::Result;
use crate::stats::endorsements::{Block, Endorsement, mutual, pairs, rings};
use crate::stats::signals;

pub const HELP: &str = "\
Columns: from (who endorses) and to (the author), one row an endorsement, and optionally from_team and to_team. With teams, \
endorsements within each team and those across teams are judged apart; without, all together. Endorsements of oneself are \
counted in part totals and nowhere else.

Parts:
  totals     endorsements read and left out
  pairs      count against expected = given * got / all, P(Poisson >= count), Benjamini–Hochberg q, flag (q < .05, count >= 3)
  mutual     pairs with at least two either way: Fisher over both directions, q over mutual pairs, flag (both counts >= 3)
  rings      strongly connected sets of 3 to 8 people over edges with count >= 3 and p < .005, one row a person
  dominated  authors half or more of whose endorsements (of at least 6) came from one person";

#[derive(Debug, Clone, clap::Args)]
pub struct EndorsementsArgs {
    #[command(flatten)]
    pub common: Common,
}

pub fn compute(table: &Table) -> Result<Vec<Part>> {
    let (from, to) = (table.required("from")?, table.required("to")?);
    let teams = match (table.column("from_team"), table.column("to_team")) {
        (None, None) => None,
        _ => Some((table.required("from_team")?, table.required("to_team")?)),
    };
    let mut read = Vec::new();
    for row in table.rows() {
        let team = match &teams {
            Some((from_team, to_team)) => Some((row.filled(from_team)?, row.filled(to_team)?)),
            None => None,
        };
        read.push((row.filled(&from)?, row.filled(&to)?, team));
    }
    let people = numbered(read.iter().flat_map(|(from, to, _)| [*from, *to]));
    let team_names = numbered(read.iter().filter_map(|(.., team)| *team).flat_map(|(a, b)| [a, b]));
    let place = |names: &[&str], name: &str| names.partition_point(|n| *n < name);
    let edges: Vec<Endorsement> = read
        .iter()
        .map(|(from, to, team)| Endorsement {
            from: place(&people, from),
            to: place(&people, to),
            block: team
                .map_or(Block::Within { team: 0 }, |(a, b)| Block::of(place(&team_names, a), place(&team_names, b))),
        })
        .collect();
    let block = |block: Block| match block {
        _ if team_names.is_empty() => ("all", None),
        Block::Within { team } => ("within", Some(team_names[team])),
        Block::Across => ("across", None),
    };

    let counted = pairs(&edges);
    let mut all_pairs = Part::new(
        "pairs",
        &["from", "to", "block", "team", "count", "given", "got", "all", "expected", "p", "q", "flag"],
    );
    for p in &counted {
        let (kind, team) = block(p.block);
        all_pairs.push([
            people[p.from].into(),
            people[p.to].into(),
            kind.into(),
            team.into(),
            p.count.into(),
            p.given.into(),
            p.got.into(),
            p.all.into(),
            p.expected.into(),
            p.p.into(),
            p.q.into(),
            p.flag.into(),
        ]);
    }
    let mut both = Part::new(
        "mutual",
        &["a", "b", "block", "team", "count_ab", "count_ba", "p_ab", "p_ba", "fisher", "p", "q", "flag"],
    );
    for m in mutual(&counted) {
        let (kind, team) = block(m.block);
        both.push([
            people[m.a].into(),
            people[m.b].into(),
            kind.into(),
            team.into(),
            m.count_ab.into(),
            m.count_ba.into(),
            m.p_ab.into(),
            m.p_ba.into(),
            m.fisher.into(),
            m.p.into(),
            m.q.into(),
            m.flag.into(),
        ]);
    }
    let mut circles = Part::new("rings", &["ring", "size", "person"]);
    for (number, ring) in rings(&counted).iter().enumerate() {
        for person in ring {
            circles.push([(number + 1).into(), ring.len().into(), people[*person].into()]);
        }
    }
    let oneself = edges.iter().filter(|e| e.from == e.to).count();
    let mut totals = Part::new("totals", &["endorsements", "of_oneself", "people", "count_pairs"]);
    totals.push([edges.len().into(), oneself.into(), people.len().into(), counted.len().into()]);
    Ok(vec![totals, all_pairs, both, circles, dominated(&edges, &people)])
}

fn dominated(edges: &[Endorsement], people: &[&str]) -> Part {
    let mut part = Part::new("dominated", &["to", "from", "count", "got", "share"]);
    let (mut pair, mut got) = (BTreeMap::<(usize, usize), u32>::new(), BTreeMap::<usize, u32>::new());
    for e in edges.iter().filter(|e| e.from != e.to) {
        *pair.entry((e.to, e.from)).or_default() += 1;
        *got.entry(e.to).or_default() += 1;
    }
    for ((to, from), count) in pair {
        let all = got.get(&to).copied().unwrap_or(count);
        if let Some(share) = signals::dominated(count, all) {
            part.push([people[to].into(), people[from].into(), count.into(), all.into(), share.into()]);
        }
    }
    part
}

/// Distinct names in order; a name's place is its number.
fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::stats::Format;
    use crate::cli::stats::write::write;

    fn printed(text: &str, part: &str) -> Result<String> {
        let mut out = Vec::new();
        write(&compute(&Table::parse("E.csv", text.as_bytes(), &[])?)?, Format::Csv, Some(part), &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn teams_split_what_is_judged_together() {
        let text = "from,to,from_team,to_team\nb,a,T,T\nb,a,T,T\nb,c,T,U\na,a,T,T\n";
        let pairs = printed(text, "pairs").expect("printed");
        let lines: Vec<&str> = pairs.lines().skip(1).collect();
        assert!(
            lines[0].starts_with("b,a,within,T,2,2,2,2,2.0,") && lines[1].starts_with("b,c,across,,1,1,1,1,1.0,"),
            "{pairs}"
        );
        assert_eq!(printed(text, "totals").expect("printed").lines().nth(1), Some("4,1,3,2"));
    }

    #[test]
    fn an_author_with_one_admirer_is_shown() {
        let text = format!("from,to\n{}{}", "b,a\n".repeat(4), "c,a\nd,a\n");
        let got = printed(&text, "dominated").expect("printed");
        assert_eq!(got.lines().nth(1), Some("a,b,4,6,0.6666666666666666"));
    }

    #[test]
    fn half_a_team_is_refused() {
        let error = printed("from,to,from_team\na,b,T\n", "pairs").expect_err("refused");
        assert_eq!(error.to_string(), "E.csv, line 1, column to_team: missing; the file has from, to, from_team");
    }
}
