//! What the verb of a statement means: its IRI alone, or with the type of its object or with `result.completion = false`.
//!
//! The words stand in the feed's value map. `VERB` is an IRI; `VERB on TYPE` speaks before it where the object's type is that one, and
//! `VERB incomplete` before both where the statement says that nothing was completed. A verb that means `completed` has such a key of
//! its own accord: it is `progressed` then.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::feed::feed::Values;

/// The path of a verb in a statement.
pub(crate) const PATH: &str = "verb.id";

const INCOMPLETE: &str = "incomplete";
const ON: &str = "on ";

/// Adds to a feed's words what the dialect says of incomplete statements.
///
/// # Errors
/// A key has a blank and is neither `VERB on TYPE` nor `VERB incomplete`.
pub(crate) fn complete(values: &mut Values) -> Result<(), String> {
    let mut more = Vec::new();
    for (key, word) in &values.map {
        match key.split_once(' ') {
            None if word == "completed" => more.push(format!("{key} {INCOMPLETE}")),
            None => {}
            Some((_, rest)) if rest == INCOMPLETE || rest.strip_prefix(ON).is_some_and(|kind| !kind.contains(' ')) => {}
            Some(_) => return Err(format!("`{key}` is neither a verb, `VERB on TYPE` nor `VERB {INCOMPLETE}`")),
        }
    }
    for key in more {
        values.map.entry(key).or_insert_with(|| "progressed".to_owned());
    }
    Ok(())
}

/// Whether a key of a value map is a verb with what its statement is about, or with that nothing was completed.
pub(crate) fn is_qualified(key: &str) -> bool {
    key.split_once(' ').is_some_and(|(verb, rest)| verb.contains("://") && (rest == INCOMPLETE || rest.starts_with(ON)))
}

/// The keys of a value map that the verbs of a delivery ask for; each verb is looked up once.
#[derive(Default)]
pub(crate) struct Verbs {
    known: HashMap<Vec<u8>, Keys>,
}

struct Keys {
    plain: Arc<str>,
    incomplete: Option<Arc<str>>,
    /// By the object's type.
    on: Vec<(String, Arc<str>)>,
}

impl Verbs {
    /// The key of the value map that tells what a statement's verb means; the verb itself where the map has none for it.
    pub fn key(&mut self, verb: &str, incomplete: bool, kind: Option<&str>, values: &Values) -> Arc<str> {
        let keys = match self.known.entry_ref(verb.as_bytes()) {
            hashbrown::hash_map::EntryRef::Occupied(entry) => entry.into_mut(),
            hashbrown::hash_map::EntryRef::Vacant(entry) => entry.insert(Keys::of(verb, values)),
        };
        let on = || keys.on.iter().find(|(of, _)| Some(of.as_str()) == kind).map(|(_, key)| key);
        let incomplete = keys.incomplete.as_ref().filter(|_| incomplete);
        Arc::clone(incomplete.or_else(on).unwrap_or(&keys.plain))
    }
}

impl Keys {
    fn of(verb: &str, values: &Values) -> Keys {
        let verb = if values.fold_case { verb.to_lowercase() } else { verb.to_owned() };
        // Senders write http and https for one and the same verb.
        let other = match verb.strip_prefix("https:") {
            Some(rest) => format!("http:{rest}"),
            None => format!("https:{}", verb.strip_prefix("http:").unwrap_or_default()),
        };
        let qualified = |verb: &str| {
            let prefix = format!("{verb} ");
            values.map.range(prefix.clone()..).next().is_some_and(|(key, _)| key.starts_with(&prefix))
        };
        let stands = |verb: &str| values.map.contains_key(verb) || qualified(verb);
        let verb = if !stands(&verb) && stands(&other) { other } else { verb };
        let prefix = format!("{verb} ");
        let (mut incomplete, mut on) = (None, Vec::new());
        for key in values.map.range(prefix.clone()..).map(|(key, _)| key).take_while(|key| key.starts_with(&prefix)) {
            match key[prefix.len()..].strip_prefix(ON) {
                Some(kind) => on.push((kind.to_owned(), Arc::from(key.as_str()))),
                None => incomplete = Some(Arc::from(key.as_str())),
            }
        }
        Keys { plain: Arc::from(verb.as_str()), incomplete, on }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(words: &[(&str, &str)]) -> Values {
        let map = words.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned())).collect();
        Values { map, default: Some("other".into()), fold_case: false }
    }

    #[test]
    fn a_verb_is_told_by_its_iri_then_by_the_type_of_its_object_and_by_what_was_not_completed() {
        let mut values = values(&[
            ("http://v/done", "completed"),
            ("http://v/touched", "progressed"),
            ("http://v/touched on http://t/video", "other"),
            ("http://v/passed", "passed"),
        ]);
        complete(&mut values).unwrap();
        let mut verbs = Verbs::default();
        let mut means = |verb: &str, incomplete: bool, kind: Option<&str>| {
            let key = verbs.key(verb, incomplete, kind, &values);
            values.map.get(&*key).cloned().unwrap_or_else(|| format!("? {key}"))
        };
        for _ in 0..2 {
            assert_eq!(means("http://v/done", false, None), "completed");
            assert_eq!(means("https://v/done", true, Some("http://t/video")), "progressed");
            assert_eq!(means("http://v/passed", true, None), "passed");
            assert_eq!(means("http://v/touched", false, Some("http://t/quiz")), "progressed");
            assert_eq!(means("https://v/touched", false, Some("http://t/video")), "other");
            assert_eq!(means("https://v/new", true, Some("http://t/video")), "? https://v/new");
        }
    }

    #[test]
    fn a_key_that_no_statement_can_have_is_an_error() {
        assert!(complete(&mut values(&[("http://v/done never", "viewed")])).is_err());
        assert!(
            complete(&mut values(&[("http://v/done incomplete", "viewed"), ("http://v/x on http://t", "viewed")]))
                .is_ok()
        );
    }
}
