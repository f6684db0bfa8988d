//! One record for each element of an array inside of a record (`json.explode`); the fields around the array are read in each of them.

use super::json_path::{Step, Want, follow, steps};
use crate::feed::tape::{Node, Tape};

/// The array, and what is read of its elements.
pub(super) struct Explode {
    keys: Vec<String>,
    /// What is read of an element of each level: 1 for the first key of the path, and so on. Arrays on the way have elements, too.
    wants: Vec<(usize, Want)>,
    /// Some record had the array, be it an empty one.
    pub seen: bool,
}

/// The nodes that make one record: the outermost object, then an element of each level.
pub(super) type Way = Vec<usize>;

impl Explode {
    pub fn new(keys: &[String]) -> Explode {
        Explode { keys: keys.to_vec(), wants: Vec::new(), seen: false }
    }

    /// The first key of the way to the array.
    pub fn head(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    /// The way to the array, as a feed writes it.
    pub fn path(&self) -> String {
        self.keys.join(".")
    }

    /// Takes over what is read of elements; says whether the path is such a one.
    pub fn takes(&mut self, slot: usize, rank: usize, path: &str) -> bool {
        let mut rest = steps(path);
        let level = shared(&rest, &self.keys);
        if level > 0 {
            rest.drain(..level);
            self.wants.push((level, Want { slot, rank, rest }));
        }
        level > 0
    }

    /// The records of a parsed object. One object in place of an array is its only element; nulls are none.
    pub fn ways(&mut self, tape: &Tape, raw: &[u8]) -> Vec<Way> {
        let mut ways: Vec<Way> = vec![vec![0]];
        for (at, key) in self.keys.iter().enumerate() {
            let mut deeper = Vec::with_capacity(ways.len());
            for way in ways {
                let found = way.last().and_then(|node| tape.get(*node, key.as_bytes(), raw));
                let Some(node) = found else { continue };
                self.seen |= at + 1 == self.keys.len();
                let mut push = |node: usize| {
                    if tape.node(node) != Node::Null {
                        deeper.push(way.iter().copied().chain([node]).collect());
                    }
                };
                match tape.node(node) {
                    Node::Array(_) => tape.elements(node).for_each(push),
                    _ => push(node),
                }
            }
            ways = deeper;
        }
        ways
    }

    /// Tells what is wanted of the elements of one record and there: slot, rank and node.
    pub fn find(&self, tape: &Tape, raw: &[u8], way: &[usize], mut tell: impl FnMut(usize, usize, usize)) {
        for (level, want) in &self.wants {
            let node = way.get(*level).and_then(|from| follow(tape, raw, *from, &want.rest));
            if let Some(node) = node {
                tell(want.slot, want.rank, node);
            }
        }
    }

    /// What a record says in one form, without the other elements of its arrays: what an id can be made of.
    pub fn canonical(&self, tape: &Tape, raw: &[u8], way: &[usize]) -> Vec<u8> {
        let mut text = Vec::new();
        for (level, node) in way.iter().enumerate() {
            let without: Vec<&str> = self.keys.get(level).map(String::as_str).into_iter().collect();
            tape.canonical(*node, raw, &without, &mut text);
        }
        text
    }
}

/// Whether a path leads to the elements of an array or to what is in them.
pub(crate) fn lies_under(path: &str, keys: &[String]) -> bool {
    shared(&steps(path), keys) == keys.len()
}

/// How many of the keys a path begins with.
fn shared(path: &[Step], keys: &[String]) -> usize {
    path.iter().zip(keys).take_while(|(step, key)| matches!(step, Step::Key(name) if name == *key)).count()
}
