//! The line of a feed file that a fault lies in.

use toml::de::{DeTable, DeValue};

/// Where a key stands: in a header block or outside, and which column it is about.
#[derive(Debug, Clone, Default)]
pub(super) struct At {
    /// The header block, from 0 on.
    pub block: Option<usize>,
}

/// The line of what a message is about, from 1 on: of the key in backticks if the column it begins with has one, else of that
/// column, else of the key it begins with, else of the block. `None` where nothing of it stands in the file.
pub(super) fn of(text: &str, at: &At, what: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let root = document.get_ref();
    let line = |start: usize| 1 + text[..start.min(text.len())].matches('\n').count();
    let first = what.split([':', ' ', ',']).next().unwrap_or_default().trim_matches(['`', '[', ']']);
    let keys: Vec<&str> = what.split('`').skip(1).step_by(2).collect();
    if let Some(number) = at.block {
        let headers = root.get("headers")?;
        let DeValue::Array(blocks) = headers.get_ref() else { return None };
        let block = blocks.get(number)?;
        let DeValue::Table(columns) = block.get_ref() else { return None };
        let column = columns
            .iter()
            .find(|(name, _)| name.get_ref() == first || keys.first().is_some_and(|key| name.get_ref() == key));
        let Some((name, value)) = column else { return Some(line(block.span().start)) };
        if let DeValue::Table(written) = value.get_ref()
            && let Some((key, _)) = written.iter().find(|(key, _)| keys.iter().any(|said| key.get_ref() == said))
        {
            return Some(line(key.span().start));
        }
        return Some(line(name.span().start));
    }
    let mut table = root;
    let mut found = None;
    for part in first.split('.') {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == part) else { break };
        found = Some(line(key.span().start));
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::contract::Catalog;
    use crate::feed::Feed;

    #[test]
    fn a_key_without_effect_is_named_with_its_line_wherever_it_stands() {
        let catalog = Catalog::load().expect("contracts");
        let head = "description = \"\"\nfills = \"enrollments\"\npath = \"a\"\nformat = \"csv\"\n";
        let columns = "[[headers]]\nuser_id = \"u\"\ncontent_id = \"c\"\nstatus = \"s\"\n";
        for (text, line) in [
            (format!("{head}{columns}score = {{ from = \"x\", date = \"iso\" }}\n"), 9),
            (format!("{head}{columns}[headers.score]\nfrom = \"x\"\noptional = true\nzone = \"UTC\"\n"), 12),
            (format!("{head}{columns}{columns}score = {{ from = \"x\", date = \"iso\" }}\n"), 13),
            (format!("{head}{columns}score = {{ from = \"x\", tims = 2 }}\n"), 9),
            (format!("{head}{columns}points = \"x\"\n"), 9),
            (format!("{head}termination = \"last_day\"\n{columns}"), 5),
            (format!("{head}[json]\nroot = \"d\"\n{columns}"), 6),
            (format!("{head}\n# none\n[xlsx]\nheader_row = 3\n{columns}"), 7),
        ] {
            let said = Feed::parse("f", &text, &catalog).expect_err("a fault").to_string();
            assert!(said.starts_with(&format!("feed f, line {line}: ")), "{said}\n{text}");
        }
    }
}
