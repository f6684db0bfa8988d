//! Strict RFC 4180, with each record's place kept.
//!
//! One pass over the text: fields are slices of the reader's buffer. A quote where none may stand refuses its record and
//! reading goes on with the next line, so that one bad cell never swallows its neighbours; a quote that is never closed
//! refuses the file, because the records after it cannot be told apart.

use std::collections::{HashSet, VecDeque};

use arrow::array::RecordBatch;
use bytes::Bytes;

use super::bytes::Text;
use super::scan::{self, End, Found, Scan, Scanner};
use crate::feed::context::Context;
use crate::feed::feed::{Csv, Feed, FileFormat};
use crate::feed::gate::Gate;
use crate::feed::headers::same_header;
use crate::feed::intake::Intake;
use crate::feed::record::{Cell, Place, Record};
use crate::feed::reject::{Reason, Refusal, Stop};
use crate::feed::warning::Warning;

/// Lines below the declared one on which a header is looked for, to say where it stands.
const LOOK_BELOW: usize = 20;

/// Reads one CSV delivery.
pub(crate) fn read<'a, E>(
    feed: &'a Feed,
    context: &Context<'a>,
    bytes: &Bytes,
    refused: &'a HashSet<u64>,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    let text = Text::new(bytes, &feed.limits, feed.encoding, FileFormat::Csv)?;
    let mut lines = Lines::new(text, &feed.csv, feed.limits.record_bytes);
    let header = match feed.csv.header_row {
        0 => lines.find_header(feed, context)?,
        _ => lines.header(feed.limits.columns)?,
    };
    let header_block =
        super::bind(feed, context, &header).map_err(|refusal| lines.look_below(feed, context, refusal))?;
    let super::Header { bound, positions, unknown, lacking, twice, nameless } = header_block;
    let mut gate = Gate::new(feed, context, bound, refused, sink);
    super::tell(&mut gate, &unknown, &twice, nameless, lacking);
    let derives = positions.contains(&Some(super::DERIVED));
    let reader = Reader { header, positions, derives };
    let hold = feed.csv.footer_rows.max(usize::from(feed.footer_total.is_some()));
    let mut record = 0;
    if hold == 0 {
        while let Some(found) = lines.next()? {
            record += 1;
            reader.take(&mut gate, record, found)?;
        }
    } else {
        reader.hold_back(feed, &mut gate, &mut lines, hold)?;
    }
    gate.intake.blank_lines = lines.blank;
    if lines.blank > 0 {
        gate.intake.warnings.push(Warning::new("blank_lines", None, lines.blank));
    }
    if !lines.text.ends_in_newline {
        gate.intake.warnings.push(Warning::new("no_final_newline", None, 1));
    }
    gate.finish()
}

struct Reader {
    header: Vec<String>,
    positions: Vec<Option<usize>>,
    /// Some column is derived from the whole record.
    derives: bool,
}

impl Reader {
    fn take<E>(&self, gate: &mut Gate<'_, E>, record: u64, found: Found<'_>) -> Result<(), Stop<E>> {
        let place = Place { record, offset: found.offset };
        match found.fault {
            // A second export with its own byte order mark, put behind the first.
            Some(Reason::BadQuote) if self.is_marked_header(gate.feed, found.data) => {
                return gate.reject(place, Reason::RepeatedHeader);
            }
            Some(Reason::ControlChar) => return gate.spoil(place, Reason::ControlChar),
            Some(fault) => return gate.reject(place, fault),
            None => {}
        }
        let (got, wanted) = (found.fields.len(), self.header.len());
        if got != wanted {
            return gate.reject(place, if got > wanted { Reason::RaggedLong } else { Reason::RaggedShort });
        }
        if (0..wanted).all(|at| self.is_header(at, found.field(at))) {
            return gate.reject(place, Reason::RepeatedHeader);
        }
        let derived = if self.derives { found.digest() } else { String::new() };
        gate.accept(place, &Row { found: &found, positions: &self.positions, derived: &derived })
    }

    /// Whether a field is the header's name, whatever spaces or byte order marks stand in it.
    #[inline]
    fn is_header(&self, at: usize, field: &[u8]) -> bool {
        let header = &self.header[at];
        // Most fields differ from the name in a letter, soon.
        let mut pairs = field.iter().zip(header.as_bytes());
        match pairs.find(|(one, other)| one != other) {
            Some((one, other)) if one.is_ascii_graphic() && other.is_ascii_graphic() => false,
            None if field.len() == header.len() => true,
            _ => std::str::from_utf8(field).is_ok_and(|field| same_header(field, header)),
        }
    }

    /// Whether a record that begins with a byte order mark, which spoils the quotes of its first field, is the header again.
    fn is_marked_header(&self, feed: &Feed, data: &[u8]) -> bool {
        let Some(rest) = data.strip_prefix("\u{feff}".as_bytes()) else { return false };
        let again = scan::split(rest, &feed.csv, 1);
        again.first().is_some_and(|fields| {
            fields.len() == self.header.len()
                && fields.iter().enumerate().all(|(at, field)| self.is_header(at, field.as_bytes()))
        })
    }

    /// The same, holding the last records back until it is known that they are not the footer.
    fn hold_back<E>(
        &self,
        feed: &Feed,
        gate: &mut Gate<'_, E>,
        lines: &mut Lines<'_>,
        hold: usize,
    ) -> Result<(), Stop<E>> {
        let mut held: VecDeque<(Vec<u8>, u64, Option<Reason>)> = VecDeque::new();
        let mut scanner = Scanner::new(&feed.csv);
        let mut record = 0;
        let mut release = |gate: &mut Gate<'_, E>, (raw, offset, fault): (Vec<u8>, u64, Option<Reason>)| {
            record += 1;
            // Scanned before, so only its fields are wanted, and only if it was sound.
            if fault.is_none() {
                let _ = scanner.scan(&raw, true);
                scanner.unescape(&raw);
            }
            self.take(gate, record, Found { data: &raw, fields: &scanner.fields, loose: &scanner.loose, offset, fault })
        };
        while let Some(found) = lines.next()? {
            let raw = if found.fault.is_some() { Vec::new() } else { found.data.to_vec() };
            held.push_back((raw, found.offset, found.fault));
            if held.len() > hold
                && let Some(first) = held.pop_front()
            {
                release(gate, first)?;
            }
        }
        let footers = feed.csv.footer_rows;
        if let Some((before, after)) = &feed.footer_total {
            let total = held.back().and_then(|(raw, _, _)| {
                let text = std::str::from_utf8(raw).ok()?.trim().trim_matches(['"', ',', ';']);
                text.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?.trim().parse::<u64>().ok()
            });
            let rows = gate.intake.read + held.len() as u64 - u64::from(total.is_some()).max(footers as u64);
            match total {
                Some(total) if total != rows => {
                    return Err(Refusal::new(
                        Reason::ControlTotal,
                        format!("the footer says {total}, the file has {rows} records"),
                    )
                    .into());
                }
                None if !feed.footer_optional => {
                    return Err(Refusal::new(Reason::ControlTotal, "the footer with the total is missing").into());
                }
                Some(_) if footers == 0 => drop(held.pop_back()),
                _ => {}
            }
        }
        for _ in 0..footers {
            held.pop_back();
        }
        held.into_iter().try_for_each(|entry| release(gate, entry))
    }
}

struct Row<'a> {
    found: &'a Found<'a>,
    positions: &'a [Option<usize>],
    derived: &'a str,
}

impl Record for Row<'_> {
    #[inline]
    fn cell(&self, slot: usize) -> Cell<'_> {
        match self.positions[slot] {
            None => Cell::Missing,
            Some(super::DERIVED) => Cell::Text(self.derived.as_bytes()),
            Some(at) => Cell::Text(self.found.field(at)),
        }
    }
}

/// Records out of a stream of text, one at a time, in a buffer no longer than a chunk and a record.
struct Lines<'a> {
    text: Text<'a>,
    scanner: Scanner<'a>,
    buffer: Vec<u8>,
    at: usize,
    /// Place of the buffer's first byte in the text.
    base: u64,
    ended: bool,
    limit: usize,
    blank: u64,
}

impl<'a> Lines<'a> {
    fn new(text: Text<'a>, csv: &'a Csv, limit: usize) -> Lines<'a> {
        Lines { text, scanner: Scanner::new(csv), buffer: Vec::new(), at: 0, base: 0, ended: false, limit, blank: 0 }
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

    /// The header's names: the record on the declared line.
    fn header(&mut self, most_columns: usize) -> Result<Vec<String>, Refusal> {
        self.fill()?;
        for _ in 1..self.scanner.csv.header_row {
            self.skip_line()?;
        }
        let too_long = Refusal::new(Reason::RecordTooLong, "the header line");
        let Some(found) = self.next_within(Some(too_long))? else {
            return Err(Refusal::new(Reason::EmptyFile, ""));
        };
        match found.fault {
            Some(Reason::RecordTooLong) => return Err(Refusal::new(Reason::RecordTooLong, "the header line")),
            Some(Reason::ControlChar) => return Err(Refusal::new(Reason::Encoding, "NUL bytes in the header line")),
            Some(fault) => return Err(Refusal::new(fault, "in the header line")),
            None => {}
        }
        if found.fields.len() > most_columns {
            return Err(Refusal::new(Reason::TooManyColumns, format!("more than {most_columns} columns")));
        }
        let names = (0..found.fields.len()).map(|at| String::from_utf8_lossy(found.field(at)).into_owned()).collect();
        self.blank = 0;
        Ok(names)
    }

    /// The first line that has the columns of a header block: title blocks are of any height.
    fn find_header(&mut self, feed: &Feed, context: &Context<'_>) -> Result<Vec<String>, Refusal> {
        self.fill()?;
        let mut is_empty = true;
        for _ in 0..super::LOOK_FOR {
            let Some(found) = self.next()? else { break };
            is_empty = false;
            let names: Vec<String> =
                (0..found.fields.len()).map(|at| String::from_utf8_lossy(found.field(at)).into_owned()).collect();
            if found.fault.is_none() && super::bind(feed, context, &names).is_ok() {
                self.blank = 0;
                return Ok(names);
            }
        }
        if is_empty {
            return Err(Refusal::new(Reason::EmptyFile, ""));
        }
        Err(super::no_header())
    }

    /// Of a file without the header where the feed declares it: whether it stands on one of the next lines.
    fn look_below(&mut self, feed: &Feed, context: &Context<'_>, refusal: Refusal) -> Refusal {
        if refusal.reason != Reason::MissingColumn || feed.csv.header_row == 0 {
            return refusal;
        }
        let declared = self.scanner.csv.header_row;
        for below in 1..=LOOK_BELOW {
            let Ok(Some(found)) = self.next() else { break };
            let names: Vec<String> =
                (0..found.fields.len()).map(|at| String::from_utf8_lossy(found.field(at)).into_owned()).collect();
            if found.fault.is_none() && super::bind(feed, context, &names).is_ok() {
                let row = declared + below + usize::try_from(self.blank).unwrap_or(0);
                let form = format!("a header on line {declared} (`csv.header_row`)");
                return refusal.declared(Some(form), Some(format!("`csv = {{ header_row = {row} }}` would find it")));
            }
        }
        refusal
    }

    /// Skips a physical line of the title block above the header.
    fn skip_line(&mut self) -> Result<(), Refusal> {
        loop {
            match self.buffer[self.at..].iter().position(|&byte| byte == b'\n') {
                Some(end) => {
                    self.at += end + 1;
                    return Ok(());
                }
                None if self.ended => {
                    return Err(Refusal::new(Reason::EmptyFile, "the file ends above the declared header line"));
                }
                None => {
                    self.at = self.buffer.len();
                    self.fill()?;
                }
            }
        }
    }

    fn next(&mut self) -> Result<Option<Found<'_>>, Refusal> {
        self.next_within(None)
    }

    /// The next record. One longer than the limit is passed over and comes back as a fault, or as `too_long`.
    #[inline]
    fn next_within(&mut self, too_long: Option<Refusal>) -> Result<Option<Found<'_>>, Refusal> {
        let (length, fault) = loop {
            if self.at == self.buffer.len() && self.ended {
                return Ok(None);
            }
            match self.scanner.scan(&self.buffer[self.at..], self.ended) {
                Scan::Blank { length } => {
                    self.at += length;
                    self.blank += 1;
                }
                Scan::Record { length, fault } => {
                    break (length, if length > self.limit { Some(Reason::RecordTooLong) } else { fault });
                }
                Scan::NeedMore if self.buffer.len() - self.at > self.limit => {
                    if let Some(refusal) = too_long {
                        return Err(refusal);
                    }
                    let offset = self.base + self.at as u64;
                    self.pass_over(offset)?;
                    return Ok(Some(Found {
                        data: &[],
                        fields: &[],
                        loose: &[],
                        offset,
                        fault: Some(Reason::RecordTooLong),
                    }));
                }
                Scan::NeedMore => self.fill()?,
                Scan::Unterminated => {
                    let offset = self.base + self.at as u64;
                    return Err(Refusal { byte_offset: Some(offset), ..Refusal::new(Reason::UnterminatedQuote, "") });
                }
            }
        };
        let offset = self.base + self.at as u64;
        let data = &self.buffer[self.at..self.at + length];
        let fault = if self.text.nul_seen && data.contains(&0) { Some(Reason::ControlChar) } else { fault };
        self.at += length;
        // A record at fault is cut at its first line end, before the ends of its fields: it has none to look at.
        if fault.is_some() {
            return Ok(Some(Found { data, fields: &[], loose: &[], offset, fault }));
        }
        self.scanner.unescape(data);
        Ok(Some(Found { data, fields: &self.scanner.fields, loose: &self.scanner.loose, offset, fault }))
    }

    /// Passes over a record that is too long to hold, by the parity of its quotes.
    fn pass_over(&mut self, offset: u64) -> Result<(), Refusal> {
        let mut quoted = false;
        let mut from = self.at;
        loop {
            while from < self.buffer.len() {
                let byte = self.buffer[from];
                if Some(byte) == self.scanner.csv.escape {
                    from += 1;
                } else if Some(byte) == self.scanner.csv.quote {
                    quoted = !quoted;
                } else if !quoted {
                    match self.scanner.end_at(&self.buffer, from, self.ended) {
                        End::Here(length) => {
                            self.at = from + length;
                            return Ok(());
                        }
                        End::Unknown => break,
                        End::No => {}
                    }
                }
                from += 1;
            }
            if self.ended {
                if quoted {
                    return Err(Refusal { byte_offset: Some(offset), ..Refusal::new(Reason::UnterminatedQuote, "") });
                }
                self.at = self.buffer.len();
                return Ok(());
            }
            // An escape at the very end takes the next character, wherever that is.
            let escaped = from.saturating_sub(self.buffer.len());
            self.at = from - escaped;
            self.fill()?;
            from = escaped;
        }
    }
}
