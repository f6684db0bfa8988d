//! Headers that say something beside their name: `Completion Date (* TimeZone)`.

/// A pattern for one header, `*` standing for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderPattern {
    /// The texts around the stars, in order; at least two.
    texts: Vec<String>,
}

impl HeaderPattern {
    pub fn parse(text: &str) -> Result<HeaderPattern, String> {
        let texts: Vec<String> = text.split('*').map(str::to_owned).collect();
        if texts.len() < 2 {
            return Err(format!("from_pattern `{text}` has no `*`; a header without one goes into `from`"));
        }
        if texts.iter().all(String::is_empty) {
            return Err(format!("from_pattern `{text}` is every header"));
        }
        Ok(HeaderPattern { texts })
    }

    /// What the stars stand for in a header, if it is one of the pattern's. The earlier star takes as little as it can.
    pub fn captures<'h>(&self, header: &'h str) -> Option<Vec<&'h str>> {
        let (first, rest) = self.texts.split_first()?;
        let (last, between) = rest.split_last()?;
        let mut left = header.strip_prefix(first.as_str())?;
        let mut found = Vec::with_capacity(rest.len());
        for text in between {
            let at = left.find(text.as_str())?;
            found.push(&left[..at]);
            left = &left[at + text.len()..];
        }
        found.push(left.strip_suffix(last.as_str())?);
        Some(found)
    }
}

/// Whether two texts are the same header, whatever spaces and byte order marks stand in them.
pub(crate) fn same_header(one: &str, other: &str) -> bool {
    let seen = |c: &char| !c.is_whitespace() && *c != '\u{feff}';
    one.chars().filter(seen).eq(other.chars().filter(seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_what_differs_between_exports() {
        let zone = HeaderPattern::parse("Deadline (* TimeZone)").expect("a pattern");
        assert_eq!(zone.captures("Deadline (Asia/Calcutta TimeZone)"), Some(vec!["Asia/Calcutta"]));
        assert_eq!(zone.captures("Deadline (Asia/Calcutta)"), None);
        assert_eq!(zone.captures("Deadline ( TimeZone)"), Some(vec![""]));
        assert_eq!(zone.captures("Deadline (TimeZone)"), None);
        let two = HeaderPattern::parse("*: due (*)").expect("a pattern");
        assert_eq!(two.captures("A: done (UTC)"), None);
        assert_eq!(two.captures("A: due (B) (UTC)"), Some(vec!["A", "B) (UTC"]));
        assert!(HeaderPattern::parse("Deadline").is_err() && HeaderPattern::parse("**").is_err());
    }

    #[test]
    fn spaces_and_marks_make_no_other_header() {
        assert!(same_header("\u{feff}User ID ", "User\u{a0}ID"));
        assert!(!same_header("User ID", "User Id"));
    }
}
