//! The activity export, in four formats, written as it is made.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use bytes::Bytes;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression as Codec;
use parquet::file::properties::WriterProperties;

use crate::period::Day;

use super::super::activity::{Event, Events, Verb};
use super::super::dirt::{self, Flaw};
use super::super::text::{self, Instant};
use super::super::untidy::replays;
use super::super::{Company, Format};
use super::Job;

/// The suffix, the bytes and the number of new events of one file.
pub fn write(company: &Company, job: &Job, flaw: Option<Flaw>) -> io::Result<(&'static str, Bytes, u64)> {
    match company.options.format {
        Format::Csv => csv(company, job, flaw, Body::Plain(Vec::new())).map(|(bytes, events)| ("csv", bytes, events)),
        Format::CsvGz => {
            let body = Body::Gzip(Box::new(GzEncoder::new(Vec::new(), super::level(company))));
            csv(company, job, flaw, body).map(|(bytes, events)| ("csv.gz", bytes, events))
        }
        Format::Ndjson => {
            let mut out = Ndjson::default();
            let events = days(company, job, &mut out)?;
            Ok(("ndjson", Bytes::from(out.out), events))
        }
        Format::Parquet => {
            let mut out = Parquet::new()?;
            let events = days(company, job, &mut out)?;
            Ok(("parquet", out.finish()?, events))
        }
    }
}

fn days(company: &Company, job: &Job, out: &mut impl Events) -> io::Result<u64> {
    if let Some(replay) = replays::of(company, job) {
        replay.write(company, out)?;
    }
    let mut events = 0;
    for day in job.from..job.to {
        events += company.activity.day(day, &company.accounts, &company.content, out)?;
    }
    Ok(events)
}

fn csv(company: &Company, job: &Job, flaw: Option<Flaw>, body: Body) -> io::Result<(Bytes, u64)> {
    let mut out = Csv::new(body);
    out.raw(b"event_id,occurred_at,user_id,verb,object_id,object_kind,duration_seconds,score\n")?;
    if let Some(flaw @ (Flaw::Redelivered | Flaw::Corrected)) = flaw {
        out.raw(&again(company, job, flaw == Flaw::Corrected)?)?;
    }
    let events = days(company, job, &mut out)?;
    if flaw == Some(Flaw::BadRows) {
        out.raw(dirt::bad_activity(job.from).as_bytes())?;
    }
    Ok((out.finish()?, events))
}

/// Some rows of the file before, as they were or with a second thought.
pub fn again(company: &Company, job: &Job, corrected: bool) -> io::Result<Bytes> {
    // Of a week its Tuesday, the busiest day.
    let day = if job.to - job.from > 1 { job.from - 6 } else { job.from - 1 };
    let mut first = First { rows: Csv::new(Body::Plain(Vec::new())), left: dirt::AGAIN_ROWS, corrected };
    company.activity.day(day, &company.accounts, &company.content, &mut first)?;
    first.rows.finish()
}

/// Bytes on their way to a file.
enum Body {
    Plain(Vec<u8>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

/// Rows of CSV; nothing is allocated for a row, and the dates are spelt once a day.
struct Csv {
    body: Body,
    buffer: Vec<u8>,
    day: Day,
    id_day: Day,
    /// `e250714-`.
    id: Vec<u8>,
    /// `,2025-07-14T`.
    date: Vec<u8>,
}

const BUFFER: usize = 64 * 1024;

impl Csv {
    fn new(body: Body) -> Csv {
        Csv {
            body,
            buffer: Vec::with_capacity(BUFFER + 512),
            day: Day::MIN,
            id_day: Day::MIN,
            id: Vec::new(),
            date: Vec::new(),
        }
    }

    fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.body {
            Body::Plain(out) => out.extend_from_slice(&self.buffer),
            Body::Gzip(out) => out.write_all(&self.buffer)?,
        }
        self.buffer.clear();
        Ok(())
    }

    fn begin(&mut self, id_day: Day, day: Day) {
        (self.id_day, self.day) = (id_day, day);
        (self.id, self.date) = (event_day(id_day), b",".to_vec());
        text::date(&mut self.date, day);
        self.date.push(b'T');
    }

    fn finish(mut self) -> io::Result<Bytes> {
        self.flush()?;
        match self.body {
            Body::Plain(out) => Ok(Bytes::from(out)),
            Body::Gzip(out) => out.finish().map(Bytes::from),
        }
    }
}

/// `e250714-`: what the ids of a day's events begin with.
fn event_day(day: Day) -> Vec<u8> {
    let mut date = Vec::with_capacity(10);
    text::date(&mut date, day);
    date.retain(|byte| *byte != b'-');
    let mut id = b"e".to_vec();
    id.extend_from_slice(&date[2..]);
    id.push(b'-');
    id
}

/// Digits of an event's number in its id; more where a day has more.
const ID_WIDTH: usize = 6;

impl Events for Csv {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        if event.day != self.day || event.id_day != self.id_day {
            self.begin(event.id_day, event.day);
        }
        let out = &mut self.buffer;
        out.extend_from_slice(&self.id);
        text::padded(out, event.n, ID_WIDTH);
        out.extend_from_slice(&self.date);
        text::clock(out, event.seconds);
        out.extend_from_slice(b"Z,");
        out.extend_from_slice(event.user.as_bytes());
        out.push(b',');
        out.extend_from_slice(event.verb.as_str().as_bytes());
        out.push(b',');
        if let Some(object) = event.object {
            out.extend_from_slice(object.id.as_bytes());
            out.push(b',');
            out.extend_from_slice(object.kind.as_bytes());
        } else {
            out.push(b',');
        }
        out.push(b',');
        if event.duration_seconds > 0 {
            text::number(out, u64::from(event.duration_seconds));
        }
        out.push(b',');
        if let Some(score) = event.score {
            text::hundredths(out, score);
        }
        out.push(b'\n');
        if out.len() >= BUFFER { self.flush() } else { Ok(()) }
    }
}

/// Keeps the first rows of a day; corrected ones say that a stretch of learning took a minute longer.
struct First {
    rows: Csv,
    left: u32,
    corrected: bool,
}

impl Events for First {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        let wanted = !self.corrected || event.verb == Verb::Progressed;
        if self.left == 0 || !wanted {
            return Ok(());
        }
        self.left -= 1;
        let more = if self.corrected { 60 } else { 0 };
        self.rows.push(&Event { duration_seconds: event.duration_seconds + more, ..*event })
    }
}

/// One object a line, with the canon's names.
#[derive(Default)]
struct Ndjson {
    out: Vec<u8>,
}

impl Events for Ndjson {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        let out = &mut self.out;
        out.extend_from_slice(b"{\"event_id\":\"");
        out.extend_from_slice(&event_day(event.id_day));
        text::padded(out, event.n, ID_WIDTH);
        out.extend_from_slice(b"\",\"occurred_at\":\"");
        text::instant(out, Instant::new(event.day, event.seconds));
        out.extend_from_slice(b"\",\"user_id\":\"");
        out.extend_from_slice(event.user.as_bytes());
        out.extend_from_slice(b"\",\"verb\":\"");
        out.extend_from_slice(event.verb.as_str().as_bytes());
        out.push(b'"');
        if let Some(object) = event.object {
            out.extend_from_slice(b",\"object_id\":\"");
            out.extend_from_slice(object.id.as_bytes());
            out.extend_from_slice(b"\",\"object_kind\":\"");
            out.extend_from_slice(object.kind.as_bytes());
            out.push(b'"');
        }
        if event.duration_seconds > 0 {
            out.extend_from_slice(b",\"duration_seconds\":");
            text::number(out, u64::from(event.duration_seconds));
        }
        if let Some(score) = event.score {
            out.extend_from_slice(b",\"score\":");
            text::hundredths(out, score);
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }
}

/// Rows of Parquet, in batches; instants are microseconds in UTC.
struct Parquet {
    writer: Option<ArrowWriter<Vec<u8>>>,
    id: StringBuilder,
    occurred: TimestampMicrosecondBuilder,
    user: StringBuilder,
    verb: StringBuilder,
    object: StringBuilder,
    kind: StringBuilder,
    duration: Int64Builder,
    score: Float64Builder,
    scratch: Vec<u8>,
    rows: usize,
}

const BATCH_ROWS: usize = 64 * 1024;

impl Parquet {
    fn new() -> io::Result<Parquet> {
        let mut parquet = Parquet {
            writer: None,
            id: StringBuilder::new(),
            occurred: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            user: StringBuilder::new(),
            verb: StringBuilder::new(),
            object: StringBuilder::new(),
            kind: StringBuilder::new(),
            duration: Int64Builder::new(),
            score: Float64Builder::new(),
            scratch: Vec::new(),
            rows: 0,
        };
        // The empty first batch brings the schema, so that a file without events is a file all the same.
        let batch = parquet.batch()?;
        let properties =
            WriterProperties::builder().set_compression(Codec::SNAPPY).set_created_by("halden-lms".into()).build();
        let writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).map_err(io::Error::other)?;
        parquet.writer = Some(writer);
        Ok(parquet)
    }

    fn batch(&mut self) -> io::Result<RecordBatch> {
        let columns: [(&str, ArrayRef, bool); 8] = [
            ("event_id", Arc::new(self.id.finish()), false),
            ("occurred_at", Arc::new(self.occurred.finish()), false),
            ("user_id", Arc::new(self.user.finish()), false),
            ("verb", Arc::new(self.verb.finish()), false),
            ("object_id", Arc::new(self.object.finish()), true),
            ("object_kind", Arc::new(self.kind.finish()), true),
            ("duration_seconds", Arc::new(self.duration.finish()), true),
            ("score", Arc::new(self.score.finish()), true),
        ];
        self.rows = 0;
        RecordBatch::try_from_iter_with_nullable(columns).map_err(io::Error::other)
    }

    fn write(&mut self) -> io::Result<()> {
        let batch = self.batch()?;
        match &mut self.writer {
            Some(writer) => writer.write(&batch).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> io::Result<Bytes> {
        self.write()?;
        let bytes = self.writer.map(ArrowWriter::into_inner).transpose().map_err(io::Error::other)?;
        Ok(Bytes::from(bytes.unwrap_or_default()))
    }
}

impl Events for Parquet {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        self.scratch.clear();
        self.scratch.extend_from_slice(&event_day(event.id_day));
        text::padded(&mut self.scratch, event.n, ID_WIDTH);
        self.id.append_value(std::str::from_utf8(&self.scratch).map_err(io::Error::other)?);
        self.occurred.append_value(Instant::new(event.day, event.seconds).0 * 1_000_000);
        self.user.append_value(event.user);
        self.verb.append_value(event.verb.as_str());
        self.object.append_option(event.object.map(|object| &object.id));
        self.kind.append_option(event.object.map(|object| object.kind));
        self.duration.append_option((event.duration_seconds > 0).then_some(i64::from(event.duration_seconds)));
        self.score.append_option(event.score.map(|score| f64::from(score) / 100.0));
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.write() } else { Ok(()) }
    }
}
