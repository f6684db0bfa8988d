//! The fields of one CSV record, found in place.

use sha2::{Digest, Sha256};

use crate::feed::feed::Csv;
use crate::feed::reject::Reason;

/// The first records of some text as fields, for drafts; what is badly quoted ends them.
pub(crate) fn split(text: &[u8], csv: &Csv, most: usize) -> Vec<Vec<String>> {
    let mut scanner = Scanner::new(csv);
    let mut records = Vec::new();
    let mut at = 0;
    while at < text.len() && records.len() < most {
        match scanner.scan(&text[at..], true) {
            Scan::Record { length, fault: None } => {
                let data = &text[at..at + length];
                scanner.unescape(data);
                let found = Found { data, fields: &scanner.fields, loose: &scanner.loose, offset: 0, fault: None };
                records.push(
                    (0..found.fields.len())
                        .map(|field| String::from_utf8_lossy(found.field(field)).into_owned())
                        .collect(),
                );
                at += length;
            }
            Scan::Blank { length } => at += length,
            _ => break,
        }
    }
    records
}

/// One record in the buffer.
pub(crate) struct Found<'a> {
    pub data: &'a [u8],
    pub fields: &'a [Field],
    /// Fields whose doubled quotes were undone.
    pub loose: &'a [u8],
    pub offset: u64,
    pub fault: Option<Reason>,
}

impl Found<'_> {
    #[inline]
    pub fn field(&self, at: usize) -> &[u8] {
        let field = self.fields[at];
        let home = if field.kind == Kind::Loose { self.loose } else { self.data };
        &home[field.start as usize..field.end as usize]
    }
}

impl Found<'_> {
    /// An id made of all fields: however they were quoted, the same record gets the same one.
    pub fn digest(&self) -> String {
        let mut sum = Sha256::new();
        for at in 0..self.fields.len() {
            sum.update(self.field(at));
            sum.update([0x1f]);
        }
        format!("sha256-{}", hex::encode(&sum.finalize()[..16]))
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    start: u32,
    end: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// Holds doubled quotes.
    Escaped,
    /// Lies in the scanner's scratch.
    Loose,
}

pub(crate) enum Scan {
    Record { length: usize, fault: Option<Reason> },
    Blank { length: usize },
    NeedMore,
    Unterminated,
}

/// Finds the fields of the record at the start of some text.
pub(crate) struct Scanner<'c> {
    pub csv: &'c Csv,
    pub fields: Vec<Field>,
    pub loose: Vec<u8>,
    escaped: bool,
    /// Bytes at which an unquoted field stops.
    stops: [bool; 256],
}

impl<'c> Scanner<'c> {
    pub fn new(csv: &'c Csv) -> Scanner<'c> {
        let mut stops = [false; 256];
        stops[usize::from(csv.delimiter)] = true;
        if let Some(quote) = csv.quote {
            stops[usize::from(quote)] = true;
        }
        if let Some(escape) = csv.escape {
            stops[usize::from(escape)] = true;
        }
        match &csv.terminator {
            None => {
                stops[usize::from(b'\n')] = true;
                stops[usize::from(b'\r')] = true;
            }
            Some(terminator) => stops[usize::from(terminator[0])] = true,
        }
        Scanner { csv, fields: Vec::new(), loose: Vec::new(), escaped: false, stops }
    }

    /// The length of the record's end at `at`, if it ends there.
    #[inline]
    pub fn end_at(&self, data: &[u8], at: usize, last: bool) -> End {
        match &self.csv.terminator {
            None => match data[at] {
                b'\n' => End::Here(1),
                b'\r' => match data.get(at + 1) {
                    Some(b'\n') => End::Here(2),
                    None if !last => End::Unknown,
                    _ => End::No,
                },
                _ => End::No,
            },
            Some(terminator) => {
                let rest = &data[at..];
                if rest.starts_with(terminator) {
                    let after = &rest[terminator.len()..];
                    match after {
                        [b'\r', b'\n', ..] => End::Here(terminator.len() + 2),
                        [b'\n', ..] => End::Here(terminator.len() + 1),
                        [] | [b'\r'] if !last => End::Unknown,
                        _ => End::Here(terminator.len()),
                    }
                } else if !last && terminator.starts_with(rest) {
                    End::Unknown
                } else {
                    End::No
                }
            }
        }
    }

    #[inline]
    pub fn scan(&mut self, data: &[u8], last: bool) -> Scan {
        self.fields.clear();
        self.loose.clear();
        self.escaped = false;
        let mut fault = None;
        let mut at = 0;
        loop {
            let start = at;
            if at < data.len() && Some(data[at]) == self.csv.quote {
                let quote = data[at];
                let mut from = at + 1;
                let mut kind = Kind::Plain;
                let close = loop {
                    let stops = |byte: &u8| *byte == quote || Some(*byte) == self.csv.escape;
                    let Some(found) = data[from..].iter().position(stops) else {
                        return if last { Scan::Unterminated } else { Scan::NeedMore };
                    };
                    let found = from + found;
                    if data[found] != quote {
                        kind = Kind::Escaped;
                        self.escaped = true;
                        from = (found + 2).min(data.len());
                        continue;
                    }
                    match data.get(found + 1) {
                        None if !last => return Scan::NeedMore,
                        Some(&next) if next == quote => {
                            kind = Kind::Escaped;
                            self.escaped = true;
                            from = found + 2;
                        }
                        _ => break found,
                    }
                };
                self.fields.push(Field { start: start as u32 + 1, end: close as u32, kind });
                at = close + 1;
            } else {
                let mut kind = Kind::Plain;
                loop {
                    while at < data.len() && !self.stops[usize::from(data[at])] {
                        at += 1;
                    }
                    if at == data.len() || data[at] == self.csv.delimiter {
                        break;
                    }
                    if Some(data[at]) == self.csv.escape {
                        // The next character stands for itself, be it a delimiter or a line end.
                        if at + 1 == data.len() && !last {
                            return Scan::NeedMore;
                        }
                        kind = Kind::Escaped;
                        self.escaped = true;
                        at = (at + 2).min(data.len());
                        continue;
                    }
                    if Some(data[at]) == self.csv.quote {
                        return self.bad_quote(data, start, last);
                    }
                    match self.end_at(data, at, last) {
                        End::Here(_) => break,
                        End::Unknown => return Scan::NeedMore,
                        // A lone carriage return: the line ends of the file cannot be trusted here.
                        End::No if self.csv.terminator.is_none() => fault = Some(Reason::LineEndings),
                        End::No => {}
                    }
                    at += 1;
                }
                self.fields.push(Field { start: start as u32, end: at as u32, kind });
            }
            if at == data.len() {
                return if !last { Scan::NeedMore } else { self.whole(data, at, at, fault) };
            }
            if data[at] == self.csv.delimiter {
                at += 1;
                continue;
            }
            match self.end_at(data, at, last) {
                End::Here(length) => return self.whole(data, at, at + length, fault),
                End::Unknown => return Scan::NeedMore,
                End::No => return self.bad_quote(data, start, last),
            }
        }
    }

    fn whole(&self, data: &[u8], end: usize, length: usize, fault: Option<Reason>) -> Scan {
        let blank = end == 0 || (self.csv.terminator.is_some() && data[..end].trim_ascii().is_empty());
        if blank { Scan::Blank { length } } else { Scan::Record { length, fault } }
    }

    /// The record is refused; it ends with the line on which the bad field begins.
    fn bad_quote(&self, data: &[u8], field: usize, last: bool) -> Scan {
        let mut at = field;
        while at < data.len() {
            match self.end_at(data, at, last) {
                End::Here(length) => return Scan::Record { length: at + length, fault: Some(Reason::BadQuote) },
                End::Unknown => return Scan::NeedMore,
                End::No => at += 1,
            }
        }
        if last { Scan::Record { length: data.len(), fault: Some(Reason::BadQuote) } } else { Scan::NeedMore }
    }

    /// Undoes doubled quotes and escapes, for the few records that have them.
    pub fn unescape(&mut self, data: &[u8]) {
        if !self.escaped {
            return;
        }
        for field in self.fields.iter_mut().filter(|field| field.kind == Kind::Escaped) {
            let start = self.loose.len() as u32;
            let raw = &data[field.start as usize..field.end as usize];
            // `\N` alone is a word for no value, which the feed lists under `nulls`.
            if self.csv.escape.is_some_and(|escape| raw == [escape, b'N']) {
                self.loose.extend_from_slice(raw);
                *field = Field { start, end: self.loose.len() as u32, kind: Kind::Loose };
                continue;
            }
            let quoted = field.start > 0 && Some(data[field.start as usize - 1]) == self.csv.quote;
            let mut bytes = raw.iter().copied();
            while let Some(byte) = bytes.next() {
                if Some(byte) == self.csv.escape {
                    let next = bytes.next().unwrap_or(byte);
                    self.loose.push(match next {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        other => other,
                    });
                } else if quoted && Some(byte) == self.csv.quote {
                    // The second of the two quotes is the one that is meant.
                    self.loose.push(bytes.next().unwrap_or(byte));
                } else {
                    self.loose.push(byte);
                }
            }
            *field = Field { start, end: self.loose.len() as u32, kind: Kind::Loose };
        }
    }
}

pub(crate) enum End {
    Here(usize),
    No,
    /// The text so far does not say.
    Unknown,
}
