//! The one part of a text to keep, and whose act the text tells of.
//!
//! A log line may name two people: who did something, and to whom. Several patterns are tried in order; the first that fits says
//! which of the two the act belongs to, or that it is nobody's: an administrator who ticks others off has learned nothing, and
//! neither have they.

use serde::Deserialize;

/// A pattern as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternFile {
    name: String,
    pattern: String,
    act_of: Option<String>,
}

/// How a part of a text is found.
#[derive(Debug, Clone)]
pub(crate) enum Extract {
    /// Text before and after the part to keep.
    Part(String, String),
    Patterns(Vec<Pattern>),
}

#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub name: String,
    parts: Vec<Part>,
    pub act_of: ActOf,
}

/// Whose act a text tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActOf {
    Actor,
    Affected,
    Nobody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Actor,
    Affected,
    /// `{*}`: whatever stands there.
    Any,
}

/// What a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<'t> {
    /// The part to keep.
    pub text: Option<&'t str>,
    /// Which of several patterns fits.
    pub pattern: Option<usize>,
}

/// More patterns than this would not be counted apart.
const MOST: usize = 200;

impl Extract {
    /// Reads the `extract` of a column: a text with one `{}`, or several patterns.
    pub fn parse(value: toml::Value) -> Result<Extract, String> {
        let patterns: Vec<PatternFile> = match value {
            toml::Value::String(text) => {
                let (before, after) = text.split_once("{}").ok_or("`extract` needs one {}")?;
                return Ok(Extract::Part(before.to_owned(), after.to_owned()));
            }
            toml::Value::Array(list) if !list.is_empty() && list.len() <= MOST => list
                .into_iter()
                .map(|one| one.try_into().map_err(|cause| format!("extract: {cause}")))
                .collect::<Result<_, _>>()?,
            _ => return Err("`extract` is a text with one {} or a list of { name, pattern, act_of }".into()),
        };
        let mut read: Vec<Pattern> = Vec::with_capacity(patterns.len());
        let last = patterns.len() - 1;
        for (at, written) in patterns.into_iter().enumerate() {
            let of = |what: &str| format!("extract `{}` {what}", written.name);
            if written.name.trim().is_empty() || read.iter().any(|known| known.name == written.name) {
                return Err(of("needs a name of its own"));
            }
            let act_of = match written.act_of.as_deref() {
                None | Some("actor") => ActOf::Actor,
                Some("affected") => ActOf::Affected,
                Some("nobody") => ActOf::Nobody,
                Some(other) => {
                    return Err(of(&format!("has act_of `{other}`, which is none of actor, affected, nobody")));
                }
            };
            // The last may take whatever the others leave.
            let takes_all = at > 0 && at == last && written.pattern == "{}";
            let parts = parts(&written.pattern, act_of, takes_all).map_err(|what| of(&what))?;
            let count = |part: &Part| parts.iter().filter(|other| *other == part).count();
            let wanted = match act_of {
                ActOf::Actor => Some((Part::Actor, "{actor}")),
                ActOf::Affected => Some((Part::Affected, "{affected}")),
                ActOf::Nobody => None,
            };
            if let Some((part, hole)) = wanted
                && count(&part) == 0
            {
                return Err(of(&format!("has to say where the id stands, as {{}} or {hole}")));
            }
            if count(&Part::Actor) > 1 || count(&Part::Affected) > 1 {
                return Err(of("names one person twice"));
            }
            read.push(Pattern { name: written.name, parts, act_of });
        }
        Ok(Extract::Patterns(read))
    }

    /// Whether any pattern says whose act a text tells of.
    pub fn tells_of_people(&self) -> bool {
        matches!(self, Extract::Patterns(patterns) if patterns.iter().any(|pattern| pattern.act_of != ActOf::Actor))
    }

    /// Whether a pattern may leave a record without a person.
    pub fn leaves_nobody(&self) -> bool {
        matches!(self, Extract::Patterns(patterns) if patterns.iter().any(|pattern| pattern.act_of == ActOf::Nobody))
    }

    pub fn patterns(&self) -> &[Pattern] {
        match self {
            Extract::Part(..) => &[],
            Extract::Patterns(patterns) => patterns,
        }
    }

    /// A text of which [`find`](Extract::find) keeps this part, if there is one.
    pub fn fill(&self, part: &str) -> Option<String> {
        let texts: Vec<String> = match self {
            Extract::Part(before, after) => vec![format!("{before}{part}{after}")],
            Extract::Patterns(patterns) => patterns.iter().rev().map(|pattern| pattern.fill(part)).collect(),
        };
        texts.into_iter().find(|text| self.find(text).text == Some(part))
    }

    /// What a text says by the first pattern that fits.
    pub fn find<'t>(&self, text: &'t str) -> Found<'t> {
        match self {
            Extract::Part(before, after) => {
                let part = text.split_once(before.as_str()).and_then(|(_, rest)| {
                    let end = if after.is_empty() { Some(rest.len()) } else { rest.find(after.as_str()) };
                    Some(&rest[..end?])
                });
                Found { text: part, pattern: None }
            }
            Extract::Patterns(patterns) => {
                let fits = |(at, pattern): (usize, &Pattern)| {
                    let (actor, affected) = pattern.fit(text)?;
                    let own = actor.filter(|_| actor == affected);
                    let of = match pattern.act_of {
                        ActOf::Actor => actor,
                        ActOf::Affected => affected,
                        // Whoever does something to himself does it.
                        ActOf::Nobody => own,
                    };
                    Some(Found { text: of, pattern: Some(at) })
                };
                patterns.iter().enumerate().find_map(fits).unwrap_or(Found { text: None, pattern: None })
            }
        }
    }
}

impl Pattern {
    /// A text that the pattern fits, the id of whoever acts in it.
    fn fill(&self, id: &str) -> String {
        let part = |part: &Part| match (part, self.act_of) {
            (Part::Text(text), _) => text.clone(),
            (Part::Actor, ActOf::Actor) | (Part::Affected, ActOf::Affected) => id.to_owned(),
            (Part::Actor | Part::Affected | Part::Any, _) => "1".to_owned(),
        };
        self.parts.iter().map(part).collect()
    }

    /// The two people a text names, where the pattern fits anywhere in it.
    fn fit<'t>(&self, text: &'t str) -> Option<(Option<&'t str>, Option<&'t str>)> {
        let Some(Part::Text(first)) = self.parts.first() else { return self.fit_at(text) };
        text.match_indices(first.as_str()).find_map(|(at, _)| self.fit_at(&text[at..]))
    }

    /// As [`Pattern::fit`], from the beginning of a text.
    fn fit_at<'t>(&self, text: &'t str) -> Option<(Option<&'t str>, Option<&'t str>)> {
        let (mut actor, mut affected) = (None, None);
        let mut rest = text;
        for (at, part) in self.parts.iter().enumerate() {
            if let Part::Text(wanted) = part {
                rest = rest.strip_prefix(wanted.as_str())?;
                continue;
            }
            let end = match self.parts.get(at + 1) {
                None => rest.len(),
                Some(Part::Text(next)) if *part == Part::Any => rest.find(next.as_str())?,
                // An id ends where what follows it begins: it never reaches over to another name.
                Some(Part::Text(next)) => rest.find(next.chars().next()?)?,
                Some(_) => return None,
            };
            let found = Some(rest[..end].trim()).filter(|found| !found.is_empty());
            match part {
                Part::Actor => actor = Some(found?),
                Part::Affected => affected = Some(found?),
                Part::Any | Part::Text(_) => {}
            }
            rest = &rest[end..];
        }
        Some((actor, affected))
    }
}

fn parts(pattern: &str, act_of: ActOf, takes_all: bool) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let Some((before, tail)) = rest.split_once('{') else {
            parts.push(Part::Text(rest.to_owned()));
            break;
        };
        let (hole, tail) = tail.split_once('}').ok_or("has `{` without `}`")?;
        if !before.is_empty() {
            parts.push(Part::Text(before.to_owned()));
        } else if parts.last().is_some_and(|last| !matches!(last, Part::Text(_))) {
            return Err("has two holes with nothing between them".into());
        }
        parts.push(match (hole, act_of) {
            ("" | "actor", ActOf::Actor) | ("actor", _) => Part::Actor,
            ("" | "affected", ActOf::Affected) | ("affected", _) => Part::Affected,
            ("*", _) => Part::Any,
            ("", ActOf::Nobody) => return Err("keeps nobody, so {} has no effect: write {*}".into()),
            (other, _) => return Err(format!("has {{{other}}}; there is {{}}, {{actor}}, {{affected}} and {{*}}")),
        });
        rest = tail;
    }
    if takes_all || parts.iter().any(|part| matches!(part, Part::Text(text) if !text.trim().is_empty())) {
        Ok(parts)
    } else {
        Err("has no text to find".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extract(toml: &str) -> Result<Extract, String> {
        let table: toml::Table = toml::from_str(&format!("extract = {toml}")).unwrap();
        Extract::parse(table["extract"].clone())
    }

    const LOG: &str = "[
        { name = \"ticked\", pattern = \"user with id '{actor}' ticked {*} for the user with id '{affected}'\", act_of = \"nobody\" },
        { name = \"enrolled\", pattern = \"user with id '{*}' enrolled the user with id '{*}'\", act_of = \"nobody\" },
        { name = \"awarded\", pattern = \"gave a badge to '{}'\", act_of = \"affected\" },
        { name = \"usual\", pattern = \"user with id '{}'\" },
    ]";

    #[test]
    fn the_last_pattern_may_take_the_whole_text_where_no_other_fits() {
        let status =
            extract("[{ name = \"after the type\", pattern = \"{*}-{}\" }, { name = \"whole\", pattern = \"{}\" }]")
                .unwrap();
        assert_eq!(status.find("DOC-C").text, Some("C"));
        assert_eq!(status.find("COMPLETE").text, Some("COMPLETE"));
        assert!(extract("[{ name = \"whole\", pattern = \"{}\" }, { name = \"b\", pattern = \"x{}\" }]").is_err());
        assert!(extract("[{ name = \"whole\", pattern = \"{}\" }]").is_err(), "a list of that alone finds nothing");
    }

    #[test]
    fn the_first_pattern_that_fits_says_whose_act_it_is() {
        let log = extract(LOG).unwrap();
        let said = |text: &str| {
            let found = log.find(text);
            (found.text.map(str::to_owned), found.pattern.map(|at| log.patterns()[at].name.clone()))
        };
        let is = |text: &str, who: Option<&str>, name: Option<&str>| {
            assert_eq!(said(text), (who.map(str::to_owned), name.map(str::to_owned)), "{text}");
        };
        is("The user with id '2' ticked item '7' for the user with id '11'.", None, Some("ticked"));
        is("The user with id '2' ticked item '7' for the user with id '2'.", Some("2"), Some("ticked"));
        is("The user with id '2' enrolled the user with id '2' by 'self'.", None, Some("enrolled"));
        is("The user with id '2' gave a badge to '5'.", Some("5"), Some("awarded"));
        is("The user with id '2' viewed the profile of the user with id '5'.", Some("2"), Some("usual"));
        is("Cron ran.", None, None);
        // The actor's id never reaches over to another sentence.
        is(
            "The user with id '2' saw what the user with id '3' ticked here for the user with id '4'",
            None,
            Some("ticked"),
        );
    }

    #[test]
    fn a_pattern_says_where_the_id_stands_and_has_a_name() {
        let refused = |toml: &str| extract(toml).unwrap_err();
        assert!(refused("[{ name = \"a\", pattern = \"x '{*}'\" }]").contains("{} or {actor}"));
        assert!(refused("[{ name = \"a\", pattern = \"x '{}'\", act_of = \"nobody\" }]").contains("{*}"));
        assert!(refused("[{ name = \"\", pattern = \"x '{}'\" }]").contains("name"));
        assert!(refused("[{ name = \"a\", pattern = \"x '{}'\", act_of = \"me\" }]").contains("none of actor"));
        assert!(refused("[{ name = \"a\", pattern = \"{}{affected}\" }]").contains("two holes"));
        assert!(refused("[{ name = \"a\", pattern = \"x '{}'\", acts = 1 }]").contains("acts"));
        assert!(refused("7").contains("a text with one {}"));
    }
}
