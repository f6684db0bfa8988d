//! Bytes of CSV and JSON, written straight into a buffer: the activity export is as long as the machine is fast.

use chrono::Datelike;

use crate::period::{Day, date_of};

const PAIRS: &[u8; 200] = b"00010203040506070809101112131415161718192021222324252627282930313233343536373839\
40414243444546474849505152535455565758596061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Two digits of a number below 100.
pub fn pair(out: &mut Vec<u8>, n: u32) {
    let at = (n as usize % 100) * 2;
    out.extend_from_slice(&PAIRS[at..at + 2]);
}

/// A number in decimal.
pub fn number(out: &mut Vec<u8>, n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut left = n;
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// A number in decimal with leading zeros; longer where `width` is too small.
pub fn padded(out: &mut Vec<u8>, n: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut left = n;
    while left > 0 {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len().saturating_sub(width))..]);
}

/// `2025-07-14`.
pub fn date(out: &mut Vec<u8>, day: Day) {
    let date = date_of(day);
    padded(out, date.year().max(0) as u64, 4);
    out.push(b'-');
    pair(out, date.month());
    out.push(b'-');
    pair(out, date.day());
}

/// `09:13:22`, from seconds since midnight.
pub fn clock(out: &mut Vec<u8>, seconds: u32) {
    pair(out, seconds / 3600);
    out.push(b':');
    pair(out, seconds / 60 % 60);
    out.push(b':');
    pair(out, seconds % 60);
}

/// `2025-07-14T09:13:22Z`.
pub fn instant(out: &mut Vec<u8>, at: Instant) {
    date(out, at.day());
    out.push(b'T');
    clock(out, at.seconds());
    out.push(b'Z');
}

/// `0.85`, from hundredths.
pub fn hundredths(out: &mut Vec<u8>, n: u32) {
    number(out, u64::from(n / 100));
    out.push(b'.');
    pair(out, n % 100);
}

/// A CSV field, quoted where it must be.
pub fn field(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// One CSV record, field by field.
pub struct Record<'a> {
    out: &'a mut Vec<u8>,
    started: bool,
}

impl<'a> Record<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Record<'a> {
        Record { out, started: false }
    }

    fn next(&mut self) -> &mut Vec<u8> {
        if self.started {
            self.out.push(b',');
        }
        self.started = true;
        self.out
    }

    pub fn text(mut self, text: &str) -> Self {
        field(self.next(), text);
        self
    }

    pub fn number(mut self, n: u64) -> Self {
        number(self.next(), n);
        self
    }

    pub fn flag(self, yes: bool) -> Self {
        self.text(if yes { "true" } else { "false" })
    }

    pub fn date(mut self, day: Option<Day>) -> Self {
        let out = self.next();
        if let Some(day) = day {
            date(out, day);
        }
        self
    }

    pub fn instant(mut self, at: Option<Instant>) -> Self {
        let out = self.next();
        if let Some(at) = at {
            instant(out, at);
        }
        self
    }

    pub fn end(self) {
        self.out.push(b'\n');
    }
}

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    pub fn new(day: Day, seconds: u32) -> Instant {
        Instant(i64::from(day) * 86_400 + i64::from(seconds))
    }

    pub fn day(self) -> Day {
        self.0.div_euclid(86_400) as Day
    }

    /// Seconds since midnight UTC.
    pub fn seconds(self) -> u32 {
        self.0.rem_euclid(86_400) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_and_times_look_as_vendors_write_them() {
        assert_eq!(written(|out| number(out, 0)), "0");
        assert_eq!(written(|out| number(out, 18_446_744_073_709_551_615)), "18446744073709551615");
        assert_eq!(written(|out| padded(out, 42, 7)), "0000042");
        assert_eq!(written(|out| padded(out, 0, 3)), "000");
        assert_eq!(written(|out| padded(out, 12_345, 3)), "12345");
        assert_eq!(written(|out| hundredths(out, 100)), "1.00");
        assert_eq!(written(|out| instant(out, Instant::new(20_283, 33_202))), "2025-07-14T09:13:22Z");
    }

    #[test]
    fn a_field_with_a_comma_or_a_quote_is_quoted() {
        let record = written(|out| Record::new(out).text("a,b").text("say \"x\"").date(None).number(3).end());
        assert_eq!(record, "\"a,b\",\"say \"\"x\"\"\",,3\n");
    }
}
