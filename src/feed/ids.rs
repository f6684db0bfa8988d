//! What spreadsheets and keyboards do to ids: one stored so would be somebody new.

use std::collections::HashMap;

use hashbrown::HashSet;

use super::pseudonym::Pseudonyms;
use super::reject::{Reason, Refusal};
use crate::contract::{Column, Type};

/// Ids longer than this have no zeros added to find them.
const LONGEST: usize = 20;

/// Whether a column names one thing by an id that may consist of digits: people and what other tables refer to, but no addresses.
pub fn holds_ids(column: &Column) -> bool {
    let person = column.domain.as_deref().is_some_and(|domain| domain != "email" && column.made_of().is_none());
    column.data_type == Type::Text
        && !column.transient
        && column.values.is_empty()
        && (person || column.name.ends_with("_id"))
}

/// Whether a spreadsheet rewrote the id: `1.2E+05` has lost its digits, `120000.0` has become a number; many write a comma for the point.
#[inline]
pub(crate) fn rewritten(id: &[u8]) -> Option<Reason> {
    let [first, .., last] = id else { return None };
    if !first.is_ascii_digit() || !last.is_ascii_digit() || id.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let fraction = |text: &[u8]| {
        text.is_empty() || text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")).is_some_and(digits)
    };
    if let Some(at) = id.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        let (mantissa, exponent) = (&id[..at], &id[at + 1..]);
        // Spreadsheets write the sign; `7E2` is a room.
        let signed = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).is_some_and(digits);
        return (signed && mantissa[0].is_ascii_digit() && fraction(&mantissa[1..])).then_some(Reason::IdScientific);
    }
    let point = id.iter().position(|&byte| matches!(byte, b'.' | b','))?;
    let zeros = id[point + 1..].iter().all(|&byte| byte == b'0');
    (zeros && digits(&id[..point])).then_some(Reason::IdFloat)
}

/// Whether an id would be read as plain Latin letters and is not: a Cyrillic `а` among them makes it another one.
pub(crate) fn looks_like_another(id: &str) -> bool {
    let mut found = false;
    for c in id.chars().filter(|c| !c.is_ascii()) {
        if !is_double(c) {
            return false;
        }
        found = true;
    }
    found
}

/// Letters of other scripts that look like one of ours, and wide forms of ours.
fn is_double(c: char) -> bool {
    const DOUBLES: &str = "АВЕЅІЈКМНОРСТУХаеѕіјкорсухһԁԛԝүґӏԌԍ\
        ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυχγικ\
        ОоՕօսոհցʙɡıⅼⅰⅴⅹ";
    matches!(c, '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}') || DOUBLES.contains(c)
}

/// Ids that the last snapshot of a feed held, by column, as they are stored.
#[derive(Debug, Default)]
pub struct Known {
    columns: HashMap<String, HashSet<String>>,
}

impl Known {
    /// Notes an id of the snapshot before.
    pub fn note(&mut self, column: &str, id: &str) {
        match self.columns.get_mut(column) {
            Some(ids) => {
                if !ids.contains(id) {
                    ids.insert(id.to_owned());
                }
            }
            None => {
                self.columns.insert(column.to_owned(), HashSet::from_iter([id.to_owned()]));
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Whether the columns of a table can be looked up at all.
    pub(crate) fn of(&self, column: &str) -> Option<&HashSet<String>> {
        self.columns.get(column)
    }
}

/// The ids of one column of a delivery, held against those the snapshot before had.
pub(crate) struct Watch<'a> {
    known: &'a HashSet<String>,
    domain: Option<&'a str>,
    pseudonyms: &'a Pseudonyms,
    /// Known ids that this delivery holds too.
    seen: HashSet<String>,
    /// What unknown ids would be with zeros before them, and how many rows name them.
    lost: HashMap<String, u64>,
    scratch: String,
}

impl<'a> Watch<'a> {
    pub fn new(known: &'a HashSet<String>, domain: Option<&'a str>, pseudonyms: &'a Pseudonyms) -> Watch<'a> {
        Watch { known, domain, pseudonyms, seen: HashSet::new(), lost: HashMap::new(), scratch: String::new() }
    }

    fn stored(&mut self, id: &str) {
        self.scratch.clear();
        match self.domain {
            Some(domain) => self.pseudonyms.write(domain, id, &mut self.scratch),
            None => self.scratch.push_str(id),
        }
    }

    /// Notes an id as it was delivered.
    pub fn note(&mut self, id: &str) {
        self.stored(id);
        if self.known.contains(self.scratch.as_str()) {
            if !self.seen.contains(self.scratch.as_str()) {
                self.seen.insert(self.scratch.clone());
            }
            return;
        }
        let bare = id.bytes().all(|byte| byte.is_ascii_digit()) && !id.starts_with('0') && !id.is_empty();
        if !bare {
            return;
        }
        let mut padded = id.to_owned();
        while padded.len() < LONGEST {
            padded.insert(0, '0');
            self.stored(&padded);
            if self.known.contains(self.scratch.as_str()) {
                *self.lost.entry(self.scratch.clone()).or_default() += 1;
                return;
            }
        }
    }

    /// How often an id was named without the zeros it had, and nowhere with them.
    pub fn lost(&self) -> u64 {
        self.lost.iter().filter(|(id, _)| !self.seen.contains(id.as_str())).map(|(_, count)| count).sum()
    }
}

/// The ids of a snapshot that consist of digits, without the zeros before them: of two snapshots of one run the later can be held
/// against the earlier. Keyed marks, never the ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zeros {
    padded: std::collections::HashSet<[u8; 16]>,
    bare: std::collections::HashSet<[u8; 16]>,
}

impl Zeros {
    pub(crate) fn note(&mut self, id: &str, pseudonyms: &Pseudonyms) {
        let bare = id.trim_start_matches('0');
        if bare.is_empty() || id.len() > LONGEST || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let mark = pseudonyms.digest("zeros", bare.as_bytes());
        if bare.len() < id.len() { &mut self.padded } else { &mut self.bare }.insert(mark);
    }

    /// Ids of this snapshot that had zeros before them in the one before, and have them nowhere now.
    pub fn lost_since(&self, before: &Zeros) -> u64 {
        self.bare.iter().filter(|mark| before.padded.contains(*mark) && !self.padded.contains(*mark)).count() as u64
    }
}

/// The refusal of a snapshot in which that happened to the ids of its key.
pub fn zeros_lost(column: &str, lost: u64) -> Refusal {
    Refusal::new(Reason::IdZeroLost, format!("{lost} values of {column}, whose people would end and begin anew"))
        .column(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_is_known_by_what_it_makes_of_ids() {
        for (id, expected) in [
            ("1.2E+05", Some(Reason::IdScientific)),
            ("1E+11", Some(Reason::IdScientific)),
            ("1.23457e+11", Some(Reason::IdScientific)),
            ("120000.0", Some(Reason::IdFloat)),
            ("120000.00", Some(Reason::IdFloat)),
            ("1,2E+05", Some(Reason::IdScientific)),
            ("120000,0", Some(Reason::IdFloat)),
            ("12,5", None),
            ("120000", None),
            ("7E2", None),
            ("12E05", None),
            ("1.20", None),
            ("10.20.30.0", None),
            ("v1.0", None),
            ("E+05", None),
            ("", None),
            ("7", None),
        ] {
            assert_eq!(rewritten(id.as_bytes()), expected, "{id}");
        }
    }

    #[test]
    fn letters_that_pass_for_ours_are_told_from_names_in_another_script() {
        assert!(looks_like_another("\u{430}nn"), "a Cyrillic a");
        assert!(looks_like_another("u\u{ff11}"), "a wide one");
        for fine in ["ann", "müller", "иванов", "漢字", "Ωmega"] {
            assert!(!looks_like_another(fine), "{fine}");
        }
    }

    #[test]
    fn an_id_without_its_zeros_is_missed_unless_the_delivery_has_both() {
        let mut known = Known::default();
        for id in ["007", "0815", "42"] {
            known.note("worker_id", id);
        }
        let lost = |ids: &[&str]| {
            let mut watch = Watch::new(known.of("worker_id").expect("known"), Some("worker"), &Pseudonyms::Off);
            ids.iter().for_each(|id| watch.note(id));
            watch.lost()
        };
        assert_eq!(lost(&["007", "0815", "42"]), 0);
        assert_eq!(lost(&["7", "815", "42", "7"]), 3);
        assert_eq!(lost(&["7", "007", "43"]), 0, "two people, and somebody new");
    }

    #[test]
    fn two_snapshots_of_one_run_are_held_against_each_other() {
        let zeros = |ids: &[&str]| {
            let mut zeros = Zeros::default();
            ids.iter().for_each(|id| zeros.note(id, &Pseudonyms::Off));
            zeros
        };
        let before = zeros(&["007", "0815", "42", "a7", "000"]);
        assert_eq!(zeros(&["007", "0815", "42", "43"]).lost_since(&before), 0);
        assert_eq!(zeros(&["7", "815", "42"]).lost_since(&before), 2);
        assert_eq!(zeros(&["7", "007"]).lost_since(&before), 0);
        assert_eq!(zeros(&["007"]).lost_since(&zeros(&["7"])), 0, "zeros that were won harm nobody twice");
    }

    #[test]
    fn zeros_are_missed_through_pseudonyms_too() {
        let keyed = Pseudonyms::keyed(b"sixteen bytes key", "1").expect("a key");
        let mut known = Known::default();
        known.note("worker_id", &keyed.of("worker", "0007"));
        let mut watch = Watch::new(known.of("worker_id").expect("known"), Some("worker"), &keyed);
        watch.note("7");
        assert_eq!(watch.lost(), 1);
    }
}
