//! `uptake stats similarity TEXTS.csv`

use super::Common;
use super::read::{Column, Table};
use super::write::Part;
use crate::error::{Error, Result};
use crate::stats::similarity::{BODY_MIN, Shingles, TITLE_MIN, pairs, shingles};

pub const HELP: &str = "\
Columns: id, at least one of title, body and text, and optionally author. Each is compared on its own: letters and digits in \
lower case after NFKC, whatever else as one space, cut into pieces of five, and the exact Jaccard share of distinct pieces.

Up to 2,000 texts every pair is printed, above that those from the threshold on (--min says otherwise). Above 20,000 texts \
only pairs whose 128-hash signatures agree on one of 32 bands are compared.

Part pairs: field, a and b (ids), intersection and union (pieces), jaccard, near_duplicate, and kind: copy (another \
author), repost (the same author).";

#[derive(Debug, Clone, clap::Args)]
pub struct SimilarityArgs {
    #[command(flatten)]
    pub common: Common,
    /// Titles from this share on are near duplicates
    #[arg(long, default_value_t = TITLE_MIN)]
    pub title_threshold: f64,
    /// Bodies and texts from this share on are near duplicates
    #[arg(long, default_value_t = BODY_MIN)]
    pub body_threshold: f64,
    /// Print pairs from this share on; 0 prints every pair
    #[arg(long)]
    pub min: Option<f64>,
}

/// Every pair of more texts than this would fill a disk.
const ALL_PAIRS_TEXTS_MAX: usize = 2_000;

pub fn compute(table: &Table, args: &SimilarityArgs) -> Result<Vec<Part>> {
    for (option, value) in [
        ("--title-threshold", Some(args.title_threshold)),
        ("--body-threshold", Some(args.body_threshold)),
        ("--min", args.min),
    ] {
        if value.is_some_and(|v| !(0.0..=1.0).contains(&v)) {
            return Err(
                Error::usage(format!("{option}: not between 0 and 1")).hint("a Jaccard share of 1 is the same text")
            );
        }
    }
    let (id, author) = (table.required("id")?, table.column("author"));
    let fields: Vec<(&str, f64, Column)> =
        [("title", args.title_threshold), ("body", args.body_threshold), ("text", args.body_threshold)]
            .into_iter()
            .filter_map(|(name, threshold)| Some((name, threshold, table.column(name)?)))
            .collect();
    if fields.is_empty() {
        return Err(table
            .error("no column to compare")
            .hint("name a column title, body or text, or say --column text=HEADER"));
    }
    let rows: Vec<_> = table.rows().collect();
    let ids = rows.iter().map(|row| row.filled(&id)).collect::<Result<Vec<_>>>()?;
    let authors: Vec<Option<&str>> = rows.iter().map(|row| row.given(author.as_ref())).collect();

    let mut found =
        Part::new("pairs", &["field", "a", "b", "intersection", "union", "jaccard", "near_duplicate", "kind"]);
    for (field, threshold, column) in &fields {
        let texts: Vec<Shingles> = rows.iter().map(|row| shingles(row.text(column))).collect();
        let min = args.min.unwrap_or(if texts.len() > ALL_PAIRS_TEXTS_MAX { *threshold } else { 0.0 });
        for pair in pairs(&texts, min) {
            let near = pair.jaccard >= *threshold;
            let kind = authors[pair.a].zip(authors[pair.b]).map(|(a, b)| if a == b { "repost" } else { "copy" });
            found.push([
                (*field).into(),
                ids[pair.a].into(),
                ids[pair.b].into(),
                pair.intersection.into(),
                pair.union.into(),
                pair.jaccard.into(),
                near.into(),
                kind.filter(|_| near).into(),
            ]);
        }
    }
    Ok(vec![found])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::stats::Format;
    use crate::cli::stats::write::write;

    fn printed(text: &str, min: Option<f64>) -> Result<String> {
        let common = Common { file: "T.csv".into(), format: Format::Csv, part: None, columns: Vec::new() };
        let args = SimilarityArgs { common, title_threshold: TITLE_MIN, body_threshold: BODY_MIN, min };
        let mut out = Vec::new();
        write(&compute(&Table::parse("T.csv", text.as_bytes(), &[])?, &args)?, Format::Csv, Some("pairs"), &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn another_authors_same_title_is_a_copy() {
        let text = "id,author,title\n1,ann,Reset a batch\n2,bob,reset a BATCH!\n3,ann,Weekly notes\n";
        let got = printed(text, None).expect("printed");
        let lines: Vec<&str> = got.lines().skip(1).collect();
        assert_eq!(lines, ["title,1,2,9,9,1.0,true,copy", "title,1,3,0,17,0.0,false,", "title,2,3,0,17,0.0,false,"]);
        assert_eq!(printed(text, Some(0.5)).expect("printed").lines().count(), 2);
    }

    #[test]
    fn a_file_without_a_text_is_refused() {
        assert_eq!(
            printed("id,author\n1,ann\n", None).expect_err("refused").to_string(),
            "T.csv: no column to compare"
        );
        assert!(printed("id,text\n1,a\n", Some(f64::NAN)).is_err());
    }
}
