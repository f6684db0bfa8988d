//! A stream of JSON text cut into records: lines, or the elements of an array.

use super::bytes::Text;
use super::json::Reader;
use crate::feed::Stop;
use crate::feed::gate::Place;
use crate::feed::reject::{Reason, Refusal};

/// Text with a place in it, cut into records.
pub(crate) struct Source<'a> {
    pub text: Text<'a>,
    buffer: Vec<u8>,
    at: usize,
    base: u64,
    ended: bool,
    limit: usize,
    pub blank: u64,
}

impl<'a> Source<'a> {
    pub fn new(text: Text<'a>, limit: usize) -> Source<'a> {
        Source { text, buffer: Vec::new(), at: 0, base: 0, ended: false, limit, blank: 0 }
    }

    fn fill(&mut self) -> Result<(), Refusal> {
        let first = self.base == 0 && self.buffer.is_empty();
        self.buffer.drain(..self.at);
        self.base += self.at as u64;
        self.at = 0;
        self.ended = !self.text.fill(&mut self.buffer)?;
        if first {
            self.base = self.text.skipped;
        }
        Ok(())
    }

    /// The next byte that is not white space, without taking it.
    pub fn peek(&mut self) -> Result<Option<u8>, Refusal> {
        loop {
            match self.buffer[self.at..].iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
                Some(skip) => {
                    self.at += skip;
                    return Ok(Some(self.buffer[self.at]));
                }
                None if self.ended => return Ok(None),
                None => {
                    self.at = self.buffer.len();
                    self.fill()?;
                }
            }
        }
    }

    pub fn lines<E>(&mut self, reader: &mut Reader<'_, E>) -> Result<(), Stop<E>> {
        let mut scanned = self.at;
        loop {
            match self.buffer[scanned..].iter().position(|&byte| byte == b'\n') {
                Some(end) => {
                    let end = scanned + end;
                    self.line(reader, end)?;
                    self.at = end + 1;
                    scanned = self.at;
                }
                None if self.ended => {
                    let end = self.buffer.len();
                    if self.at < end {
                        self.line(reader, end)?;
                    }
                    self.at = end;
                    return Ok(());
                }
                None if self.buffer.len() - self.at > self.limit => {
                    let offset = self.base + self.at as u64;
                    self.skip_line()?;
                    reader.records += 1;
                    let place = Place { record: reader.records, offset };
                    reader.gate.reject(place, Reason::RecordTooLong)?;
                    scanned = self.at;
                }
                None => {
                    scanned = self.buffer.len() - self.at;
                    self.fill()?;
                }
            }
        }
    }

    fn line<E>(&mut self, reader: &mut Reader<'_, E>, end: usize) -> Result<(), Stop<E>> {
        let line = self.buffer[self.at..end].trim_ascii_end();
        let offset = self.base + self.at as u64;
        if line.trim_ascii_start().is_empty() {
            self.blank += 1;
            return Ok(());
        }
        if reader.records == 0 {
            if line == b"{" {
                return Err(Refusal::new(Reason::NotNdjson, "one object over several lines").into());
            }
            if !b"{[\"-0123456789tfn".contains(&line[0]) {
                return Err(Refusal::new(Reason::NotNdjson, "the first line is not JSON").into());
            }
        }
        if line.windows(3).any(|bytes| bytes == b"}\r{") {
            return Err(Refusal::new(Reason::LineEndings, "").at(reader.records + 1, offset).into());
        }
        if line.len() > self.limit {
            reader.records += 1;
            return reader.gate.reject(Place { record: reader.records, offset }, Reason::RecordTooLong);
        }
        reader.take(line, offset)
    }

    fn skip_line(&mut self) -> Result<(), Refusal> {
        loop {
            if let Some(end) = self.buffer[self.at..].iter().position(|&byte| byte == b'\n') {
                self.at += end + 1;
                return Ok(());
            }
            self.at = self.buffer.len();
            if self.ended {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Moves to the array under a key of the object the file is.
    pub fn seek_root(&mut self, root: &str) -> Result<(), Refusal> {
        let lost = || Refusal::new(Reason::NotNdjson, format!("no array under `{root}`"));
        self.at += 1;
        loop {
            match self.peek()? {
                Some(b',') => self.at += 1,
                Some(b'"') => {
                    let key = self.value()?.ok_or_else(lost)?;
                    let found = self.buffer[self.at..self.at + key] == *format!("\"{root}\"").as_bytes();
                    self.at += key;
                    if self.peek()? != Some(b':') {
                        return Err(lost());
                    }
                    self.at += 1;
                    match self.peek()? {
                        Some(b'[') if found => return Ok(()),
                        Some(_) => {
                            let length = self.value()?.ok_or_else(lost)?;
                            self.at += length;
                        }
                        None => return Err(lost()),
                    }
                }
                _ => return Err(lost()),
            }
        }
    }

    pub fn array<E>(&mut self, reader: &mut Reader<'_, E>) -> Result<(), Stop<E>> {
        let broken = |what: &str, record: u64, offset: u64| {
            Stop::from(Refusal::new(Reason::JsonInvalid, what).at(record, offset))
        };
        self.at += 1;
        if self.peek()? == Some(b']') {
            self.at += 1;
        } else {
            loop {
                let first = self.peek()?;
                let offset = self.base + self.at as u64;
                if matches!(first, None | Some(b',' | b']' | b'}' | b':')) {
                    return Err(broken("an element of the array is missing", reader.records + 1, offset));
                }
                match self.value()? {
                    None => {
                        reader.records += 1;
                        reader.gate.reject(Place { record: reader.records, offset }, Reason::RecordTooLong)?;
                    }
                    Some(length) => {
                        let raw = &self.buffer[self.at..self.at + length];
                        reader.take(raw, offset)?;
                        self.at += length;
                    }
                }
                let offset = self.base + self.at as u64;
                match self.peek()? {
                    Some(b',') => self.at += 1,
                    Some(b']') => {
                        self.at += 1;
                        break;
                    }
                    Some(_) => return Err(broken("something stands between two elements", reader.records, offset)),
                    None => return Err(broken("the array ends too early", reader.records, offset)),
                }
            }
        }
        // What follows an array under a key is the rest of its object; after a bare array nothing may follow.
        if reader.feed.json_root.is_none() && self.peek()?.is_some() {
            return Err(broken("something follows the array", reader.records, self.base + self.at as u64));
        }
        while self.peek()?.is_some() {
            self.at = self.buffer.len();
        }
        Ok(())
    }

    /// The length of the value that starts here, brought into the buffer as a whole; `None`: longer than a record may
    /// be, and passed over.
    fn value(&mut self) -> Result<Option<usize>, Refusal> {
        let mut scan = Extent::default();
        let mut done = 0;
        let mut too_long = false;
        loop {
            if let Some(end) = scan.push(&self.buffer[self.at + done..]) {
                let length = done + end;
                if too_long || length > self.limit {
                    self.at += length;
                    return Ok(None);
                }
                return Ok(Some(length));
            }
            done = self.buffer.len() - self.at;
            if self.ended {
                let offset = self.base + self.at as u64;
                return if scan.is_scalar() && done > 0 && !too_long {
                    Ok(Some(done))
                } else {
                    Err(Refusal {
                        byte_offset: Some(offset),
                        ..Refusal::new(Reason::JsonInvalid, "the file ends inside a value")
                    })
                };
            }
            if done > self.limit {
                too_long = true;
                self.at = self.buffer.len();
                done = 0;
            }
            self.fill()?;
        }
    }
}

/// Finds the end of a JSON value by its brackets and quotes alone; the parser judges what is inside.
#[derive(Default)]
struct Extent {
    depth: usize,
    quoted: bool,
    escaped: bool,
    started: bool,
}

impl Extent {
    fn is_scalar(&self) -> bool {
        self.depth == 0 && !self.quoted
    }

    fn push(&mut self, bytes: &[u8]) -> Option<usize> {
        for (i, &byte) in bytes.iter().enumerate() {
            if self.quoted {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.quoted = false;
                        if self.depth == 0 {
                            return Some(i + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.quoted = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 0 => return Some(i),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(i + 1);
                    }
                }
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 && self.started => return Some(i),
                _ => {}
            }
            self.started = true;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_brackets_close() {
        let extent = |text: &str| Extent::default().push(text.as_bytes());
        assert_eq!(extent(r#"{"a":"}]","b":[1]}, 2"#), Some(18));
        assert_eq!(extent(r#""a\"b",1"#), Some(6));
        assert_eq!(extent("12]"), Some(2));
        assert_eq!(extent(r#"{"a":"#), None);
    }
}
