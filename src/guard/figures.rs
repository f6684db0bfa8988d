//! From a pattern of rows to figures: each measure's own pattern, rounded, and the rows as they are handed back.

use super::certainty::Nesting;
use super::pattern::{self, Load, Rule};
use super::tree::{Canon, Layout};
use super::{Crossing, Kind, Mass, OTHER, Protected, Rules, Shown, Status, Tally, margins, rounding};

/// What the published rows show: the company, and of each tree every published node, measure by measure.
pub(super) struct Figures {
    pub company: Vec<Option<i64>>,
    /// By tree, published node, measure.
    pub rows: Vec<Vec<Vec<Option<i64>>>>,
}

pub(super) fn fill(
    measures: &[Kind],
    canons: &[Canon],
    layouts: &[Layout],
    crossings: &[Crossing],
    rules: &Rules,
) -> Figures {
    let nesting = Nesting::new(layouts, &margins::shared(layouts, crossings));
    let mut figures = Figures {
        company: Vec::with_capacity(measures.len()),
        rows: layouts.iter().map(|layout| vec![Vec::with_capacity(measures.len()); layout.tree.len()]).collect(),
    };
    let mut loads: Vec<_> = canons
        .iter()
        .zip(layouts)
        .map(|(canon, layout)| residuals(canon, layout, measures.len()).into_iter())
        .collect();
    for &kind in measures {
        let own: Vec<Vec<Load>> = loads.iter_mut().filter_map(Iterator::next).collect();
        let (company, shown) = if kind == Kind::People && rules.rounding > 1 {
            let shown = nesting.read(&totals(layouts, &own), rules.rounding);
            (shown[0][0], shown)
        } else {
            sums(kind, canons, layouts, &own, rules)
        };
        figures.company.push(company);
        for (rows, shown) in figures.rows.iter_mut().zip(shown) {
            for (row, figure) in rows.iter_mut().zip(shown) {
                row.push(figure);
            }
        }
    }
    figures
}

/// What the people of each residual did, by measure: one pass over the nodes, whose figures lie apart in memory.
pub(super) fn residuals(canon: &Canon, layout: &Layout, measures: usize) -> Vec<Vec<Load>> {
    let own: Vec<Load> = layout.own.iter().map(|&people| Load { people, mass: Mass::ZERO }).collect();
    let mut own = vec![own; measures];
    for (node, &group) in canon.source.nodes.iter().zip(&layout.group) {
        for (own, &mass) in own.iter_mut().zip(&node.direct) {
            own[group].mass = own[group].mass.merge(mass);
        }
    }
    own
}

/// The values of each tree's published rows, subtrees included.
pub(super) fn totals(layouts: &[Layout], own: &[Vec<Load>]) -> Vec<Vec<i64>> {
    let of_tree = |(layout, own): (&Layout, &Vec<Load>)| {
        layout.tree.totals(&own.iter().map(|load| load.mass.value).collect::<Vec<_>>())
    };
    layouts.iter().zip(own).map(of_tree).collect()
}

/// The company's figure, and those of each tree's published rows.
type Measured = (Option<i64>, Vec<Vec<Option<i64>>>);

/// Event counts, sums, and people counts where rounding is off.
fn sums(kind: Kind, canons: &[Canon], layouts: &[Layout], own: &[Vec<Load>], rules: &Rules) -> Measured {
    let rule = |k| if kind == Kind::People { Rule::SomeNotAll } else { Rule::Contributors { k } };
    let figure = |value| match kind {
        Kind::People | Kind::Events => rounding::multiple(value, rules.rounding),
        Kind::Sum => rounding::three_digits(value),
    };
    let all = own[0].iter().fold(Load::default(), |sum, load| sum.merge(*load));
    let shown =
        canons.iter().zip(layouts).zip(own).zip(totals(layouts, own)).map(|(((canon, layout), own), totals)| {
            let pattern = pattern::publish(&layout.tree, own, rule(canon.source.k));
            pattern.into_iter().zip(totals).map(|(shown, value)| shown.then(|| figure(value))).collect()
        });
    (rule(rules.k).cell(&all).then(|| figure(all.mass.value)), shown.collect())
}

/// The rows in their order; without figures everything is withheld.
pub(super) fn write(canons: &[Canon], layouts: &[Layout], measures: usize, figures: Option<&Figures>) -> Protected {
    let row = |kind: &str, id: &str, shown: Option<(i64, &[Option<i64>])>, merged: bool| Shown {
        kind: kind.to_string(),
        id: id.to_string(),
        status: match shown {
            Some(_) => Status::Published,
            None if merged => Status::Merged,
            None => Status::Withheld,
        },
        population: shown.map(|(people, _)| people),
        values: shown.map_or_else(|| vec![None; measures], |(_, values)| values.to_vec()),
    };
    let company = figures.map(|figures| (canons[0].total[0], figures.company.as_slice()));
    let mut rows = vec![row("company", "all", company, false)];
    let mut tallies = vec![Tally::of("company", &rows)];
    for (t, canon) in canons.iter().enumerate() {
        let kind = canon.source.kind.as_str();
        let mut own: Vec<Shown> = Vec::with_capacity(canon.tree.len());
        let mut at = vec![None; canon.tree.len()];
        let mut other = None;
        if let Some(figures) = figures {
            for (i, node) in layouts[t].node.iter().enumerate().skip(1) {
                let shown = Some((layouts[t].total[i], figures.rows[t][i].as_slice()));
                match node {
                    Some(v) => at[*v] = shown,
                    None => {
                        other = Some(i);
                        own.push(row(kind, OTHER, shown, false));
                    }
                }
            }
        }
        // A value of that name is the row `other` itself.
        own.extend(
            (1..canon.tree.len())
                .filter(|&v| other.is_none() || canon.id(v) != OTHER)
                .map(|v| row(kind, canon.id(v), at[v], other.is_some())),
        );
        own.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        tallies.push(Tally::of(kind, &own));
        rows.append(&mut own);
    }
    Protected { rows, tallies }
}

impl Tally {
    fn of(kind: &str, rows: &[Shown]) -> Tally {
        let published = rows.iter().filter(|row| row.status == Status::Published);
        let cells = published.clone().flat_map(|row| &row.values).filter(|value| value.is_none()).count();
        Tally {
            kind: kind.to_string(),
            rows: rows.len() as i64,
            rows_withheld: (rows.len() - published.count()) as i64,
            cells_withheld: cells as i64,
        }
    }
}
