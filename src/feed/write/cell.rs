//! What stands in one place of a record to be written.

/// A cell: its text, and what a format with types of its own holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cell {
    pub text: String,
    pub typed: Typed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Typed {
    Text,
    Bool(bool),
    Int(i64),
    Double(f64),
    Day(i32),
    Instant(i64),
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), typed: Typed::Text }
    }
}

/// What a canon value asks of one place of the record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Empty,
    Is(Cell),
    /// A part of a text in which others may stand too: of a log line that names the person and the course.
    Part(String),
}

/// One way to tell a value: what it asks, by header, JSON path or `path:NAME`.
pub(super) type Way = Vec<(String, What)>;

/// What one record holds so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Sheet {
    cells: std::collections::BTreeMap<String, Held>,
}

#[derive(Debug, Clone)]
enum Held {
    Empty,
    Is(Cell),
    Parts(Vec<String>),
}

impl Sheet {
    /// Takes a way to tell a value if nothing in it contradicts what stands there.
    pub fn take(&mut self, way: &Way) -> bool {
        let fits = |(place, what): &(String, What)| match (self.cells.get(place), what) {
            (None, _) | (Some(Held::Empty), What::Empty) | (Some(Held::Parts(_)), What::Part(_)) => true,
            (Some(Held::Is(held)), What::Is(cell)) => held.text == cell.text,
            _ => false,
        };
        if !way.iter().all(fits) {
            return false;
        }
        for (place, what) in way {
            match (self.cells.get_mut(place), what) {
                (Some(Held::Parts(parts)), What::Part(part)) => parts.push(part.clone()),
                (Some(_), _) => {}
                (None, what) => {
                    let held = match what {
                        What::Empty => Held::Empty,
                        What::Is(cell) => Held::Is(cell.clone()),
                        What::Part(part) => Held::Parts(vec![part.clone()]),
                    };
                    self.cells.insert(place.clone(), held);
                }
            }
        }
        true
    }

    /// Whether something was decided about a place, be it that it is empty.
    pub fn is_decided(&self, place: &str) -> bool {
        self.cells.contains_key(place)
    }

    pub fn cell(&self, place: &str) -> Option<Cell> {
        match self.cells.get(place)? {
            Held::Empty => None,
            Held::Is(cell) => Some(cell.clone()),
            Held::Parts(parts) => match parts.as_slice() {
                [only] => Some(Cell::text(only)),
                parts => Some(Cell::text(format!("The {}.", parts.join(" viewed the ")))),
            },
        }
    }

    /// The places that hold something.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.cells.iter().filter(|(_, held)| !matches!(held, Held::Empty)).map(|(place, _)| place.as_str())
    }
}
