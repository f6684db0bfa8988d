//! `uptake stats agreement RATINGS.csv`

mod ratings;

use super::Common;
use super::read::Table;
use super::write::{Cell, Part};
use crate::error::{Error, Result};
use crate::stats::gwet::{self, Weights};
use crate::stats::icc::{self, Icc};
use crate::stats::krippendorff::{self, Metric, Verdict};
use crate::stats::severity::{self, RATINGS_MIN};
use crate::stats::{kappa, signals};
use ratings::Dimension;

pub const HELP: &str = "\
Columns: item, rater, score, and optionally dimension; every dimension is judged on its own. A rater scores an item once.

Categories are those of the rubric, 1 to 4, where every score is one of them, else the distinct scores of the file; \
--categories says otherwise. Agreement is over items with two ratings or more; prevalence in AC1 and AC2 is over all.

Parts:
  dimensions    items, raters, ratings, and what may be done with them: reliable (alpha >= .8), tentative (>= .667),
                unreliable, insufficient (fewer than 20 items or 5 raters, or no variation)
  coefficients  Krippendorff's alpha with jackknife se, Gwet's AC1 and AC2 with se, percent agreement; weighted kappa where
                the same raters rate every item. Bounds are 95 % by Student's t
  icc           ICC(1); ICC(2) and ICC(3) where the same raters rate every item; F tests and 95 % bounds
  variances     y = mean + item + rater + error: variance components by Henderson III
  raters        effect: points above (lenient) or below (severe) the mean, by BLUP; shown from 10 ratings on
  items         raw mean and the mean adjusted for who rated";

#[derive(Debug, Clone, clap::Args)]
pub struct AgreementArgs {
    #[command(flatten)]
    pub common: Common,
    /// All categories of the scale, used or not
    #[arg(long, value_delimiter = ',', value_name = "NUMBERS")]
    pub categories: Option<Vec<f64>>,
}

pub fn compute(table: &Table, args: &AgreementArgs) -> Result<Vec<Part>> {
    if args.categories.as_ref().is_some_and(|c| c.len() < 2 || c.iter().any(|x| !x.is_finite())) {
        return Err(Error::usage("--categories: fewer than two numbers").hint("for a rubric: --categories 1,2,3,4"));
    }
    let mut parts = Parts::new();
    for dimension in ratings::read(table, args.categories.as_deref())? {
        parts.add(&dimension);
    }
    Ok(vec![parts.dimensions, parts.coefficients, parts.icc, parts.variances, parts.raters, parts.items])
}

struct Parts {
    dimensions: Part,
    coefficients: Part,
    icc: Part,
    variances: Part,
    raters: Part,
    items: Part,
}

impl Parts {
    fn new() -> Parts {
        Parts {
            dimensions: Part::new(
                "dimensions",
                &[
                    "dimension",
                    "items",
                    "items_pairable",
                    "raters",
                    "ratings",
                    "pairable_values",
                    "categories",
                    "verdict",
                ],
            ),
            coefficients: Part::new(
                "coefficients",
                &["dimension", "coefficient", "estimate", "se", "low", "high", "observed", "by_chance"],
            ),
            icc: Part::new(
                "icc",
                &["dimension", "coefficient", "estimate", "low", "high", "f", "df1", "df2", "p", "ratings_per_item"],
            ),
            variances: Part::new(
                "variances",
                &[
                    "dimension",
                    "mean",
                    "variance_error",
                    "variance_item",
                    "variance_rater",
                    "severity_spread",
                    "components",
                ],
            ),
            raters: Part::new(
                "raters",
                &[
                    "dimension",
                    "rater",
                    "ratings",
                    "raw_mean",
                    "effect",
                    "se",
                    "component",
                    "shown",
                    "unusual",
                    "flat_category",
                ],
            ),
            items: Part::new("items", &["dimension", "item", "ratings", "raw_mean", "adjusted", "component"]),
        }
    }

    fn add(&mut self, d: &Dimension) {
        self.add_coefficients(d);
        self.add_icc(d);
        self.add_severity(d);
    }

    fn add_coefficients(&mut self, d: &Dimension) {
        let name = || Cell::from(d.name.as_str());
        let metrics = [
            ("krippendorff_alpha_ordinal", Metric::Ordinal),
            ("krippendorff_alpha_nominal", Metric::Nominal),
            ("krippendorff_alpha_interval", Metric::Interval),
            ("krippendorff_alpha_ratio", Metric::Ratio),
        ];
        for (coefficient, metric) in metrics {
            let a = krippendorff::alpha(&d.counts, metric);
            self.coefficients.push([
                name(),
                coefficient.into(),
                a.alpha.into(),
                a.se.into(),
                a.low.into(),
                a.high.into(),
                Cell::Empty,
                Cell::Empty,
            ]);
            if metric == Metric::Ordinal {
                let categories: Vec<String> = d.counts.scale().iter().map(f64::to_string).collect();
                self.dimensions.push([
                    name(),
                    d.items.len().into(),
                    a.items.into(),
                    d.raters.len().into(),
                    d.ratings.len().into(),
                    a.pairable_values.into(),
                    categories.join(" ").as_str().into(),
                    Verdict::of(a.alpha, a.items, d.raters.len()).as_str().into(),
                ]);
            }
        }
        let weights = [
            ("gwet_ac2_quadratic", Weights::Quadratic),
            ("gwet_ac2_linear", Weights::Linear),
            ("gwet_ac1", Weights::Identity),
        ];
        for (coefficient, weights) in weights {
            if let Some(g) = gwet::agreement(&d.counts, weights) {
                self.coefficients.push([
                    name(),
                    coefficient.into(),
                    g.coefficient.into(),
                    g.se.into(),
                    g.low.into(),
                    g.high.into(),
                    g.observed.into(),
                    g.by_chance.into(),
                ]);
                if weights == Weights::Identity {
                    self.add_plain(d, "percent_agreement", Some(g.observed));
                }
            }
        }
        if let Some(rows) = &d.complete {
            self.add_plain(d, "weighted_kappa_quadratic", kappa::weighted(rows, d.counts.scale(), Weights::Quadratic));
            self.add_plain(d, "kappa", kappa::weighted(rows, d.counts.scale(), Weights::Identity));
        }
    }

    /// A coefficient without a standard error.
    fn add_plain(&mut self, d: &Dimension, coefficient: &str, estimate: Option<f64>) {
        let empty = || Cell::Empty;
        let name = d.name.as_str().into();
        self.coefficients.push([
            name,
            coefficient.into(),
            estimate.into(),
            empty(),
            empty(),
            empty(),
            empty(),
            empty(),
        ]);
    }

    fn add_icc(&mut self, d: &Dimension) {
        let mut push = |coefficient: &str, i: Icc, ratings_per_item: f64| {
            self.icc.push([
                d.name.as_str().into(),
                coefficient.into(),
                i.icc.into(),
                i.low.into(),
                i.high.into(),
                i.f.into(),
                i.df1.into(),
                i.df2.into(),
                i.p.into(),
                ratings_per_item.into(),
            ]);
        };
        if let Some(one) = icc::one_way(&d.scores) {
            push("icc_1_1", one.single, one.ratings_per_item);
            push("icc_1_k", one.mean, one.ratings_per_item);
        }
        if let Some(two) = d.complete.as_deref().and_then(icc::two_way) {
            let raters = two.raters as f64;
            push("icc_2_1", two.random_single, raters);
            push("icc_2_k", two.random_mean, raters);
            push("icc_3_1", two.fixed_single, raters);
            push("icc_3_k", two.fixed_mean, raters);
        }
    }

    fn add_severity(&mut self, d: &Dimension) {
        let name = || Cell::from(d.name.as_str());
        let Some(fit) = severity::severity(&d.ratings) else { return };
        self.variances.push([
            name(),
            fit.mean.into(),
            fit.variance_error.into(),
            fit.variance_item.into(),
            fit.variance_rater.into(),
            fit.variance_rater.sqrt().into(),
            fit.components.into(),
        ]);
        let given = d.given_by_rater();
        for ((rater, r), given) in d.raters.iter().zip(&fit.raters).zip(&given) {
            self.raters.push([
                name(),
                rater.as_str().into(),
                r.ratings.into(),
                r.raw_mean.into(),
                r.effect.into(),
                r.se.into(),
                (r.component + 1).into(),
                (r.ratings >= RATINGS_MIN).into(),
                signals::unusual_severity(r.effect, r.se, r.ratings).into(),
                signals::flat(given).map(|category| d.counts.scale()[category]).into(),
            ]);
        }
        for (item, i) in d.items.iter().zip(&fit.items) {
            self.items.push([
                name(),
                item.as_str().into(),
                i.ratings.into(),
                i.raw_mean.into(),
                i.adjusted.into(),
                (i.component + 1).into(),
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::stats::Format;
    use crate::cli::stats::write::write;

    fn printed(text: &str, part: &str, categories: Option<Vec<f64>>) -> Result<String> {
        let common = Common { file: "R.csv".into(), format: Format::Csv, part: None, columns: Vec::new() };
        let table = Table::parse("R.csv", text.as_bytes(), &[])?;
        let mut out = Vec::new();
        write(&compute(&table, &AgreementArgs { common, categories })?, Format::Csv, Some(part), &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn the_rubric_keeps_its_four_categories_another_scale_its_own() {
        let line = |text: &str| printed(text, "dimensions", None).expect("printed").lines().nth(1).map(str::to_owned);
        assert_eq!(line("item,rater,score\n1,a,3\n1,b,4\n").as_deref(), Some("all,1,1,2,2,2,1 2 3 4,insufficient"));
        assert_eq!(line("item,rater,score\n1,a,3\n1,b,7\n").as_deref(), Some("all,1,1,2,2,2,3 7,insufficient"));
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let rows = ["1,a,3\n", "1,b,4\n", "2,a,1\n", "2,b,2\n", "3,b,2\n", "3,a,2\n"];
        let forth = format!("item,rater,score\n{}", rows.concat());
        let back = format!("item,rater,score\n{}", rows.into_iter().rev().collect::<String>());
        for part in ["coefficients", "icc", "variances", "raters", "items"] {
            assert_eq!(printed(&forth, part, None).expect("printed"), printed(&back, part, None).expect("printed"));
        }
    }

    #[test]
    fn dimensions_are_judged_apart() {
        let text = "item,rater,score,dimension\n1,a,3,quality\n1,b,4,quality\n1,a,2,impact\n1,b,2,impact\n";
        let got = printed(text, "dimensions", None).expect("printed");
        assert_eq!(
            got.lines().skip(1).map(|l| l.split(',').next().unwrap_or("")).collect::<Vec<_>>(),
            ["impact", "quality"]
        );
    }

    #[test]
    fn a_second_score_and_one_off_the_scale_are_refused() {
        let error = |text, c| printed(text, "items", c).expect_err("refused").to_string();
        assert_eq!(
            error("item,rater,score\n1,a,3\n1,a,3\n", None),
            "R.csv, line 3: this rater has scored this item before"
        );
        let off = error("item,rater,score\n1,a,5\n", Some(vec![1.0, 2.0]));
        assert_eq!(off, "R.csv, line 2, column score: not one of --categories");
        assert_eq!(error("item,rater,score\n", None), "R.csv: no ratings");
    }
}
