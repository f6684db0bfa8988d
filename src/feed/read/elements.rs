//! A stream of JSON text cut into records: lines, or the elements of an array.

use super::bytes::Text;
use super::json::Reader;
use crate::feed::record::Place;
use crate::feed::reject::{Reason, Refusal, Stop};

/// Bytes within which the first key of a file has to stand to be looked at.
const FIRST_KEY: usize = 4096;

/// The lines of a text that hold more than white space, and whether each is known to its end.
fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let whole = text.iter().filter(|&&byte| byte == b'\n').count();
    let lines = text.split(|&byte| byte == b'\n').enumerate();
    lines.map(move |(at, line)| (line.trim_ascii(), at < whole)).filter(|(line, _)| !line.is_empty())
}

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
        if reader.records == 0 && !b"{[\"-0123456789tfn".contains(&line[0]) {
            return Err(Refusal::new(Reason::NotNdjson, "the first line is not JSON").into());
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

    /// The first key of the object that starts here, if there is one, without taking anything.
    pub fn first_key(&mut self) -> Result<Option<String>, Refusal> {
        let text =
            self.ahead(self.limit.min(FIRST_KEY), |text| text.iter().filter(|&&byte| byte == b'"').count() >= 2)?;
        let key = text.strip_prefix(b"{").map(<[u8]>::trim_ascii_start).and_then(|text| text.strip_prefix(b"\""));
        let key = key.and_then(|text| Some(&text[..text.iter().position(|&byte| byte == b'"')?]));
        Ok(key.map(|key| String::from_utf8_lossy(key).into_owned()))
    }

    /// Whether the object that starts here is written over several lines, as people read JSON. A line that was cut is none: another
    /// record begins on the next one.
    pub fn is_spread(&mut self) -> Result<bool, Refusal> {
        let text = self.ahead(self.limit, |text| lines(text).nth(1).is_some_and(|(_, whole)| whole))?;
        let mut lines = lines(text).map(|(line, _)| line);
        let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return Ok(false) };
        Ok(matches!(
            (first.last(), second.first()),
            (Some(b'{' | b','), Some(b'"' | b'}'))
                | (Some(b'['), Some(b'{' | b'[' | b'"' | b']'))
                | (Some(b':'), Some(_))
        ))
    }

    /// The text from here on, as soon as it is `enough`, ends, or is longer than `most`.
    fn ahead(&mut self, most: usize, enough: impl Fn(&[u8]) -> bool) -> Result<&[u8], Refusal> {
        while !self.ended && self.buffer.len() - self.at <= most && !enough(&self.buffer[self.at..]) {
            self.fill()?;
        }
        Ok(&self.buffer[self.at..])
    }

    /// One object that is the whole file.
    pub fn single<E>(&mut self, reader: &mut Reader<'_, E>) -> Result<(), Stop<E>> {
        self.element(reader)?;
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(Refusal::new(Reason::NotNdjson, "one object, and more after it").into()),
        }
    }

    /// Objects one after the other, lines or not, each with an array of records under `root`. An object without it is one bad record.
    pub fn rooted<E>(&mut self, reader: &mut Reader<'_, E>, root: &[String]) -> Result<(), Stop<E>> {
        let mut objects = 0;
        while let Some(first) = self.peek()? {
            let offset = self.base + self.at as u64;
            if first != b'{' {
                return Err(self.broken("something stands where an object should begin", reader));
            }
            if !self.walk(reader, root)? {
                let only = objects == 0 && self.peek()?.is_none();
                if only {
                    let what = format!("no array under `{}`", root.join("."));
                    return Err(Refusal::new(Reason::NotNdjson, what).into());
                }
                reader.records += 1;
                reader.gate.reject(Place { record: reader.records, offset }, Reason::MissingRequired)?;
            }
            objects += 1;
        }
        Ok(())
    }

    /// Reads the value that starts here: where the keys of `path` lead to an array, its elements are records; an object there is one.
    /// Says whether there was any. An array on the way is walked through, one deep.
    fn walk<E>(&mut self, reader: &mut Reader<'_, E>, path: &[String]) -> Result<bool, Stop<E>> {
        match (self.peek()?, path.split_first()) {
            (Some(b'['), None) => self.elements(reader).map(|()| true),
            (Some(b'{'), None) => self.element(reader).map(|()| true),
            (Some(b'{'), Some((wanted, rest))) => {
                let mut found = false;
                self.members(reader, |source, reader, key| {
                    if key == Some(wanted.as_str()) {
                        found |= source.walk(reader, rest)?;
                        Ok(())
                    } else {
                        source.skip()
                    }
                })?;
                Ok(found)
            }
            (Some(b'['), Some(_)) => {
                let mut found = false;
                self.list(reader, |source, reader| {
                    if source.peek()? == Some(b'{') {
                        found |= source.walk(reader, path)?;
                        Ok(())
                    } else {
                        source.skip()
                    }
                })?;
                Ok(found)
            }
            _ => self.skip().map(|()| false),
        }
    }

    /// The members of the object that starts here, each with its key; `None`: a key too long to be one.
    fn members<E>(
        &mut self,
        reader: &mut Reader<'_, E>,
        mut each: impl FnMut(&mut Self, &mut Reader<'_, E>, Option<&str>) -> Result<(), Stop<E>>,
    ) -> Result<(), Stop<E>> {
        self.at += 1;
        if self.peek()? == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek()? != Some(b'"') {
                return Err(self.broken("a key is missing", reader));
            }
            let key = self.value()?.map(|length| {
                let raw = &self.buffer[self.at..self.at + length];
                let key: String = serde_json::from_slice(raw).unwrap_or_default();
                self.at += length;
                key
            });
            if self.peek()? != Some(b':') {
                return Err(self.broken("a key has no value", reader));
            }
            self.at += 1;
            each(self, reader, key.as_deref())?;
            match self.peek()? {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return Err(self.broken("something stands between two keys", reader)),
                None => return Err(self.broken("the object ends too early", reader)),
            }
        }
    }

    /// The elements of the array that starts here.
    fn list<E>(
        &mut self,
        reader: &mut Reader<'_, E>,
        mut each: impl FnMut(&mut Self, &mut Reader<'_, E>) -> Result<(), Stop<E>>,
    ) -> Result<(), Stop<E>> {
        self.at += 1;
        if self.peek()? == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if matches!(self.peek()?, None | Some(b',' | b']' | b'}' | b':')) {
                let offset = self.base + self.at as u64;
                let what = "an element of the array is missing";
                return Err(Refusal::new(Reason::JsonInvalid, what).at(reader.records + 1, offset).into());
            }
            each(self, reader)?;
            match self.peek()? {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) => return Err(self.broken("something stands between two elements", reader)),
                None => return Err(self.broken("the array ends too early", reader)),
            }
        }
    }

    /// The elements of the array that starts here, each a record.
    fn elements<E>(&mut self, reader: &mut Reader<'_, E>) -> Result<(), Stop<E>> {
        self.list(reader, |source, reader| source.element(reader))
    }

    /// The value that starts here, as a record.
    fn element<E>(&mut self, reader: &mut Reader<'_, E>) -> Result<(), Stop<E>> {
        let offset = self.base + self.at as u64;
        match self.value()? {
            None => {
                reader.records += 1;
                reader.gate.reject(Place { record: reader.records, offset }, Reason::RecordTooLong)
            }
            Some(length) => {
                let raw = &self.buffer[self.at..self.at + length];
                reader.take(raw, offset)?;
                self.at += length;
                Ok(())
            }
        }
    }

    /// Passes over the value that starts here, however long it is.
    fn skip<E>(&mut self) -> Result<(), Stop<E>> {
        if let Some(length) = self.value()? {
            if length == 0 {
                let offset = self.base + self.at as u64;
                let refusal = Refusal::new(Reason::JsonInvalid, "a value is missing");
                return Err(Refusal { byte_offset: Some(offset), ..refusal }.into());
            }
            self.at += length;
        }
        Ok(())
    }

    fn broken<E>(&self, what: &str, reader: &Reader<'_, E>) -> Stop<E> {
        Refusal::new(Reason::JsonInvalid, what).at(reader.records, self.base + self.at as u64).into()
    }

    /// An array that is the whole file.
    pub fn array<E>(&mut self, reader: &mut Reader<'_, E>) -> Result<(), Stop<E>> {
        self.elements(reader)?;
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.broken("something follows the array", reader)),
        }
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
