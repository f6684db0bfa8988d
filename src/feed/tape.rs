//! One JSON record as a flat list of nodes, without an allocation per value.
//!
//! serde_json does the parsing; what it tolerates and the gate does not (the same key twice, deep nesting) is refused
//! here. Values nobody asked for are checked but never copied.

use std::collections::HashSet;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::record::Cell;
use super::reject::Reason;

/// Where a text lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
    /// In the tape's own buffer, because it was escaped in the record.
    own: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    /// A number past every type.
    Past,
    Text(Span),
    /// Ends before this index; elements follow.
    Array(u32),
    /// Ends before this index; keys and values follow in turn.
    Object(u32),
    Key(Span),
}

/// The nodes of one record; reused for the next one.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    nodes: Vec<Node>,
    own: Vec<u8>,
    fault: Option<Reason>,
    /// Numbers past every type were written over with [`STAND_IN`].
    patched: bool,
}

/// What is read in place of a number past every type: parsers know no such number.
const STAND_IN: f64 = 9e307;

impl Tape {
    /// Parses one record.
    pub fn parse(&mut self, record: &[u8], most_depth: usize) -> Result<(), Reason> {
        self.nodes.clear();
        self.own.clear();
        self.fault = None;
        self.patched = false;
        let Err(cause) = self.read(record, most_depth) else { return Ok(()) };
        // One number past its type spoils its own value, not the record. The places of texts stay as they are.
        if self.fault.is_none()
            && cause.to_string().starts_with("number out of range")
            && let Some(patched) = without_past(record)
        {
            self.nodes.clear();
            self.own.clear();
            self.patched = true;
            if self.read(&patched, most_depth).is_ok() {
                return Ok(());
            }
        }
        Err(self.fault.unwrap_or(Reason::JsonInvalid))
    }

    fn read(&mut self, record: &[u8], most_depth: usize) -> Result<(), serde_json::Error> {
        let mut parser = serde_json::Deserializer::from_slice(record);
        Value { tape: self, record, depth: 0, most_depth }.deserialize(&mut parser).and_then(|()| parser.end())
    }

    pub fn root(&self) -> Option<Node> {
        self.nodes.first().copied()
    }

    pub fn text<'a>(&'a self, span: Span, record: &'a [u8]) -> &'a [u8] {
        let home = if span.own { &self.own } else { record };
        &home[span.start as usize..span.end as usize]
    }

    /// Key and value index of each entry of the object at `at`.
    pub fn entries(&self, at: usize) -> Entries<'_> {
        let end = match self.nodes.get(at) {
            Some(Node::Object(end)) => *end as usize,
            _ => at + 1,
        };
        Entries { tape: self, next: at + 1, end }
    }

    /// The value at a key of the object at `at`.
    pub fn get(&self, at: usize, key: &[u8], record: &[u8]) -> Option<usize> {
        self.entries(at).find(|(span, _)| self.text(*span, record) == key).map(|(_, value)| value)
    }

    /// The element of the array at `at`.
    pub fn element(&self, at: usize, index: usize) -> Option<usize> {
        let Some(Node::Array(end)) = self.nodes.get(at) else { return None };
        let mut next = at + 1;
        for _ in 0..index {
            if next >= *end as usize {
                return None;
            }
            next = self.after(next);
        }
        (next < *end as usize).then_some(next)
    }

    /// The elements of the array at `at`.
    pub fn elements(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let end = match self.nodes.get(at) {
            Some(Node::Array(end)) => *end as usize,
            _ => at + 1,
        };
        let next = move |element: usize| (element < end).then_some(element);
        std::iter::successors(next(at + 1), move |element| next(self.after(*element)))
    }

    /// Whether the value at `at` is this word: a text, a whole number or a truth.
    pub fn says(&self, at: usize, word: &str, record: &[u8]) -> bool {
        match self.node(at) {
            Node::Text(span) => self.text(span, record) == word.as_bytes(),
            Node::Int(value) => word.parse() == Ok(value),
            Node::UInt(value) => word.parse() == Ok(value),
            Node::Bool(value) => word.parse() == Ok(value),
            _ => false,
        }
    }

    pub fn node(&self, at: usize) -> Node {
        self.nodes.get(at).copied().unwrap_or(Node::Null)
    }

    pub fn cell<'a>(&'a self, at: usize, record: &'a [u8]) -> Cell<'a> {
        match self.node(at) {
            Node::Null => Cell::Null,
            Node::Bool(value) => Cell::Bool(value),
            Node::Int(value) => Cell::Int(value),
            Node::UInt(value) => Cell::UInt(value),
            Node::Double(value) => Cell::Double(value),
            Node::Past => Cell::Past,
            Node::Text(span) | Node::Key(span) => Cell::Text(self.text(span, record)),
            Node::Array(_) | Node::Object(_) => Cell::Nested,
        }
    }

    /// The index after the value at `at`.
    fn after(&self, at: usize) -> usize {
        match self.nodes[at] {
            Node::Array(end) | Node::Object(end) => end as usize,
            _ => at + 1,
        }
    }
}

pub(crate) struct Entries<'t> {
    tape: &'t Tape,
    next: usize,
    end: usize,
}

impl Iterator for Entries<'_> {
    type Item = (Span, usize);

    fn next(&mut self) -> Option<(Span, usize)> {
        if self.next >= self.end {
            return None;
        }
        let Node::Key(span) = self.tape.nodes[self.next] else { return None };
        let value = self.next + 1;
        self.next = self.tape.after(value);
        Some((span, value))
    }
}

struct Value<'t> {
    tape: &'t mut Tape,
    /// Borrowed text is a place in it.
    record: &'t [u8],
    depth: usize,
    most_depth: usize,
}

impl Value<'_> {
    fn inner(&mut self) -> Value<'_> {
        Value { tape: self.tape, record: self.record, depth: self.depth + 1, most_depth: self.most_depth }
    }

    fn borrowed(&self, text: &str) -> Span {
        let start = text.as_ptr() as usize - self.record.as_ptr() as usize;
        Span { start: start as u32, end: (start + text.len()) as u32, own: false }
    }

    fn copied(&mut self, text: &str) -> Span {
        let start = self.tape.own.len() as u32;
        self.tape.own.extend_from_slice(text.as_bytes());
        Span { start, end: self.tape.own.len() as u32, own: true }
    }

    fn deeper<E: Error>(&mut self) -> Result<(), E> {
        if self.depth >= self.most_depth {
            self.tape.fault = Some(Reason::NestingTooDeep);
            return Err(E::custom("too deep"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.tape.nodes.push(Node::Null);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.tape.nodes.push(Node::Bool(value));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.tape.nodes.push(Node::Int(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.tape.nodes.push(Node::UInt(value));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        let is_past = self.tape.patched && value.abs() == STAND_IN;
        self.tape.nodes.push(if is_past { Node::Past } else { Node::Double(value) });
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        let span = self.borrowed(text);
        self.tape.nodes.push(Node::Text(span));
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        let span = self.copied(text);
        self.tape.nodes.push(Node::Text(span));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        self.deeper()?;
        let at = self.tape.nodes.len();
        self.tape.nodes.push(Node::Array(0));
        while elements.next_element_seed(self.inner())?.is_some() {}
        self.tape.nodes[at] = Node::Array(self.tape.nodes.len() as u32);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<(), A::Error> {
        self.deeper()?;
        let at = self.tape.nodes.len();
        self.tape.nodes.push(Node::Object(0));
        let mut count = 0;
        while entries.next_key_seed(Key(self.inner()))?.is_some() {
            entries.next_value_seed(self.inner())?;
            count += 1;
        }
        self.tape.nodes[at] = Node::Object(self.tape.nodes.len() as u32);
        if repeats(self.tape, self.record, at, count) {
            self.tape.fault = Some(Reason::DuplicateJsonKey);
            return Err(A::Error::custom("duplicate key"));
        }
        Ok(())
    }
}

/// A copy of a record in which each number that no double holds is one that is told apart, at the same length.
fn without_past(record: &[u8]) -> Option<Vec<u8>> {
    let mut out = record.to_vec();
    let (mut at, mut quoted, mut found) = (0, false, false);
    while at < record.len() {
        match record[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'-' | b'0'..=b'9' if !quoted => {
                let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
                let end = at + record[at..].iter().take_while(|byte| is_part(byte)).count();
                let token = std::str::from_utf8(&record[at..end]).ok()?;
                if token.parse::<f64>().is_ok_and(f64::is_infinite) {
                    // The shortest such number is as long as the one that stands in for it.
                    let stand_in: &[u8] = if record[at] == b'-' { b"-9e307" } else { b"9e307" };
                    out[at..end].fill(b' ');
                    out.get_mut(at..at + stand_in.len())?.copy_from_slice(stand_in);
                    found = true;
                }
                at = end.max(at + 1);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found.then_some(out)
}

struct Key<'t>(Value<'t>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        let span = self.0.borrowed(text);
        self.0.tape.nodes.push(Node::Key(span));
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        let span = self.0.copied(text);
        self.0.tape.nodes.push(Node::Key(span));
        Ok(())
    }
}

/// Does the object at `at` name a key twice? Few keys are compared with each other, many through a set.
fn repeats(tape: &Tape, record: &[u8], at: usize, count: usize) -> bool {
    let text = |span: Span| tape.text(span, record);
    if count <= 16 {
        let mut keys = [Span { start: 0, end: 0, own: true }; 16];
        for (i, (span, _)) in tape.entries(at).enumerate() {
            if keys[..i].iter().any(|&other| text(other) == text(span)) {
                return true;
            }
            keys[i] = span;
        }
        return false;
    }
    let mut seen = HashSet::with_capacity(count);
    tape.entries(at).any(|(span, _)| !seen.insert(text(span)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tape, Reason> {
        let mut tape = Tape::default();
        tape.parse(text.as_bytes(), 4).map(|()| tape)
    }

    #[test]
    fn values_are_found_by_key_and_index() {
        let text = r#"{"a": [1, {"b": "x\ny"}], "c": null}"#;
        let tape = parse(text).expect("valid");
        let a = tape.get(0, b"a", text.as_bytes()).expect("a");
        let second = tape.element(a, 1).expect("two elements");
        let b = tape.get(second, b"b", text.as_bytes()).expect("b");
        assert_eq!(tape.cell(b, text.as_bytes()), Cell::Text(b"x\ny"));
        assert_eq!(tape.element(a, 2), None);
        assert_eq!(tape.get(0, b"d", text.as_bytes()), None);
    }

    #[test]
    fn a_number_past_every_type_is_told_from_all_others_and_spoils_nothing_else() {
        let text = r#"{"a": "1e999 \\\" x", "b": 1e999, "c": [-1E+400, 9e307], "d": "y"}"#;
        let tape = parse(text).expect("valid");
        let cell = |key: &[u8]| tape.cell(tape.get(0, key, text.as_bytes()).expect("there"), text.as_bytes());
        assert_eq!((cell(b"a"), cell(b"b")), (Cell::Text(b"1e999 \\\" x"), Cell::Past));
        assert_eq!(cell(b"d"), Cell::Text(b"y"));
        assert_eq!(parse("{\"a\":1e999,}").err(), Some(Reason::JsonInvalid));
    }

    #[test]
    fn what_json_parsers_let_through_is_refused() {
        assert_eq!(parse(r#"{"a":1,"a":2}"#).err(), Some(Reason::DuplicateJsonKey));
        assert_eq!(parse(r#"{"x":{"a":1,"\u0061":2}}"#).err(), Some(Reason::DuplicateJsonKey));
        assert_eq!(parse("[[[[[1]]]]]").err(), Some(Reason::NestingTooDeep));
        for bad in [
            "{\"a\":1}{",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\ud800\"}",
            "",
        ] {
            assert_eq!(parse(bad).err(), Some(Reason::JsonInvalid), "{bad}");
        }
    }
}
