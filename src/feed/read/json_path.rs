//! Ways to the values of a JSON record: `a.b[0]."c.d"`.

use crate::feed::tape::{Node, Tape};

/// One alternative of one slot: what follows the record's top-level key.
pub(super) struct Want {
    pub slot: usize,
    /// Position among the alternatives; a lower one wins.
    pub rank: usize,
    pub rest: Vec<Step>,
}

pub(crate) enum Step {
    Key(String),
    Index(usize),
    /// The first element of an array in which these keys lead to this text.
    Where(Vec<String>, String),
}

pub(super) fn follow(tape: &Tape, record: &[u8], from: usize, steps: &[Step]) -> Option<usize> {
    steps.iter().try_fold(from, |at, step| match step {
        Step::Key(key) => tape.get(at, key.as_bytes(), record),
        Step::Index(index) => tape.element(at, *index),
        Step::Where(keys, text) => {
            let says = |element: &usize| {
                let end = keys.iter().try_fold(*element, |at, key| tape.get(at, key.as_bytes(), record));
                end.is_some_and(|end| tape.says(end, text, record))
            };
            match tape.node(at) {
                Node::Array(_) => tape.elements(at).find(says),
                _ => Some(at).filter(says),
            }
        }
    })
}

/// The keys of a dotted path; `None`: it is none, or has an index.
pub(crate) fn keys(path: &str) -> Option<Vec<String>> {
    let key = |step: Step| match step {
        Step::Key(key) if !key.is_empty() => Some(key),
        _ => None,
    };
    steps(path).into_iter().map(key).collect()
}

/// `a.b[0]."c.d"` and `mails[type.code=Work].uri` -> its steps.
pub(crate) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some((key, tail)) = rest.strip_prefix('"').and_then(|tail| tail.split_once('"')) {
            steps.push(Step::Key(key.to_owned()));
            rest = tail;
        } else if let Some((index, tail)) = rest.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
            let is_key =
                |key: &str| !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-.@$ ".contains(c));
            steps.push(match (index.parse(), index.split_once('=')) {
                (Ok(index), _) => Step::Index(index),
                (_, Some((keys, text))) if is_key(keys) => {
                    Step::Where(keys.split('.').map(str::to_owned).collect(), text.to_owned())
                }
                _ => Step::Key(index.to_owned()),
            });
            rest = tail;
        } else {
            // The first character is part of the key, whatever it is.
            let end =
                rest.char_indices().skip(1).find(|(_, c)| matches!(c, '.' | '[')).map_or(rest.len(), |(at, _)| at);
            steps.push(Step::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_keys_and_indices() {
        let shown = |path: &str| {
            let step = |step: &Step| match step {
                Step::Key(key) => key.clone(),
                Step::Index(index) => format!("#{index}"),
                Step::Where(keys, text) => format!("{} is {text}", keys.join(".")),
            };
            steps(path).iter().map(step).collect::<Vec<_>>().join("/")
        };
        assert_eq!(shown("a.b[0].c"), "a/b/#0/c");
        assert_eq!(shown("\"http://x/y.z\".b"), "http://x/y.z/b");
        assert_eq!(shown("a[type.code=Work e-mail].uri"), "a/type.code is Work e-mail/uri");
        assert_eq!(shown("a[http://x?y=z].uri"), "a/http://x?y=z/uri");
        assert_eq!(shown("État.é[0]"), "État/é/#0", "keys begin with any letter");
    }
}
