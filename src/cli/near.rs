//! Names that somebody may have meant.

/// Of some names those closest to what was typed, at most three and none that is another word.
pub fn near<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let mut found: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let known = name.to_lowercase();
            let apart = distance(&typed, &known);
            let begins = typed.len() > 2 && (known.starts_with(&typed) || typed.starts_with(&known));
            let most = 2.max(known.chars().count() / 3);
            (apart <= most.min(known.chars().count().saturating_sub(1)) || begins).then_some((apart, name))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many letters have to be added, lost or changed.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.iter().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (place, known) in previous.iter_mut().skip(1).zip(&other) {
            let changed = diagonal + usize::from(letter != known);
            diagonal = *place;
            left = changed.min(*place + 1).min(left + 1);
            *place = left;
        }
        if let Some(first) = previous.first_mut() {
            *first = at + 1;
        }
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_leads_to_the_name_that_was_meant() {
        let columns = ["grain", "period_start", "scope_kind", "scope_id", "active_rate"];
        assert_eq!(near("grian", columns), ["grain"]);
        assert_eq!(near("period", columns), ["period_start"]);
        assert_eq!(near("scope_kinds", columns), ["scope_kind"]);
        assert_eq!(near("ACTIVE_RATE", columns), ["active_rate"]);
        assert!(near("colour", columns).is_empty() && near("", columns).is_empty());
    }

    #[test]
    fn the_distance_of_words_is_the_number_of_letters_that_differ() {
        assert_eq!(
            [("", ""), ("a", ""), ("kitten", "sitting"), ("flaw", "lawn")].map(|(a, b)| distance(a, b)),
            [0, 1, 3, 2]
        );
    }
}
