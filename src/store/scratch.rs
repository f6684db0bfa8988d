//! A place on local disk for batches that do not fit in memory, gone when dropped.
//!
//! Rows here are pseudonymous at best, so the folder is readable by its owner alone, and file names are numbers: no name is
//! made from a stream's name or from data.
#![allow(clippy::disallowed_methods, reason = "scratch is the other place of the house that uses the local disk")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;

use super::error::{Error, Kind, Result};

/// Bytes of memory that this process holds now; `None` where the system does not say.
pub fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    // The page of every system that this program is built for.
    Some(pages * 4096)
}

/// Named streams of record batches on disk. Several threads may append, also to one stream.
#[derive(Debug)]
pub struct Scratch {
    folder: tempfile::TempDir,
    streams: Mutex<BTreeMap<String, Arc<Mutex<Stream>>>>,
    created: AtomicU64,
}

#[derive(Debug)]
struct Stream {
    path: PathBuf,
    rows: u64,
}

impl Scratch {
    /// In the system's folder for temporary files (`TMPDIR`).
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("uptake-").tempdir();
        let folder = folder.map_err(|e| failed("open", "the folder for temporary files", &e))?;
        Ok(Self { folder, streams: Mutex::default(), created: AtomicU64::new(0) })
    }

    /// Appends a batch. Each is written with its own schema, so that a stream needs no open file between two appends.
    pub fn append(&self, stream: &str, batch: &RecordBatch) -> Result<()> {
        let mut encoded = Vec::new();
        let written = StreamWriter::try_new(&mut encoded, &batch.schema())
            .and_then(|mut writer| writer.write(batch).and_then(|()| writer.finish()));
        written.map_err(|e| failed("write", stream, &e))?;

        let target = self.stream_to_append(stream);
        let mut target = target.lock().unwrap_or_else(PoisonError::into_inner);
        let append = || -> io::Result<()> {
            let file = File::options().create(true).append(true).open(&target.path)?;
            let mut file = BufWriter::new(file);
            file.write_all(&(encoded.len() as u64).to_le_bytes())?;
            file.write_all(&encoded)?;
            file.flush()
        };
        append().map_err(|e| failed("write", stream, &e))?;
        target.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Rows appended to a stream so far.
    pub fn rows(&self, stream: &str) -> u64 {
        self.find(stream).map_or(0, |s| s.lock().unwrap_or_else(PoisonError::into_inner).rows)
    }

    /// The batches of a stream in the order they were appended, one at a time; none for a stream nobody wrote.
    pub fn read(&self, stream: &str) -> Result<Batches> {
        let name = stream.to_owned();
        let Some(found) = self.find(stream) else { return Ok(Batches { file: None, name }) };
        let path = found.lock().unwrap_or_else(PoisonError::into_inner).path.clone();
        let file = File::open(path).map_err(|e| failed("read", stream, &e))?;
        Ok(Batches { file: Some(BufReader::new(file)), name })
    }

    fn find(&self, stream: &str) -> Option<Arc<Mutex<Stream>>> {
        self.lock().get(stream).cloned()
    }

    fn stream_to_append(&self, stream: &str) -> Arc<Mutex<Stream>> {
        let mut streams = self.lock();
        if let Some(found) = streams.get(stream) {
            return Arc::clone(found);
        }
        // Numbers are not used twice: a reader may still hold the file of a removed stream.
        let path = self.folder.path().join(format!("{}.arrows", self.created.fetch_add(1, Ordering::Relaxed)));
        let fresh = Arc::new(Mutex::new(Stream { path, rows: 0 }));
        streams.insert(stream.to_owned(), Arc::clone(&fresh));
        fresh
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Mutex<Stream>>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The batches of one stream; memory holds one at a time.
#[derive(Debug)]
pub struct Batches {
    file: Option<BufReader<File>>,
    name: String,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = self.file.as_mut()?;
        let next = next_batch(file).map_err(|e| failed("read", &self.name, e.as_ref())).transpose();
        if !matches!(next, Some(Ok(_))) {
            self.file = None;
        }
        next
    }
}

fn next_batch(file: &mut impl Read) -> std::result::Result<Option<RecordBatch>, Box<dyn std::error::Error>> {
    let mut length = [0; 8];
    // The end of the file is the end of the stream only where a length would start.
    if file.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    file.read_exact(&mut length[1..])?;
    let mut segment = file.take(u64::from_le_bytes(length));
    let batch = StreamReader::try_new(&mut segment, None)?.next().transpose()?;
    io::copy(&mut segment, &mut io::sink())?;
    batch.map(Some).ok_or_else(|| "a segment without a batch".into())
}

fn failed(action: &'static str, stream: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    let object = format!("temporary rows of {stream}");
    let mut cause = Some(error);
    while let Some(inner) = cause {
        let told = inner.downcast_ref::<io::Error>().and_then(super::error::disk);
        if let Some(told) = told.filter(|told| told.kind == Kind::Full) {
            return Error::new(told.kind, action, object, told.reason)
                .hint("make room on the disk for temporary files, or set TMPDIR to a folder on one with room");
        }
        cause = inner.source();
    }
    Error::new(Kind::Other, action, object, error.to_string())
        .hint("look at the disk for temporary files; TMPDIR names another")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Int64Array, StringArray};
    use arrow::datatypes::Int32Type;

    fn batch(from: i64, words: &[Option<&str>]) -> RecordBatch {
        let ids = Int64Array::from_iter_values(from..from + words.len() as i64);
        let plain = StringArray::from(words.to_vec());
        let dictionary: DictionaryArray<Int32Type> = words.iter().copied().collect();
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(ids) as arrow::array::ArrayRef, false),
            ("plain", Arc::new(plain), true),
            ("dictionary", Arc::new(dictionary), true),
        ])
        .unwrap()
    }

    #[test]
    fn batches_come_back_in_order_and_the_folder_goes() {
        let scratch = Scratch::new().unwrap();
        let (one, two) = (batch(0, &[Some("a"), None]), batch(2, &[Some("b"), Some("b"), Some("a")]));
        scratch.append("day=1", &one).unwrap();
        scratch.append("day=2", &two).unwrap();
        scratch.append("day=1", &two).unwrap();
        let read = |name: &str| scratch.read(name).unwrap().collect::<Result<Vec<_>>>().unwrap();
        assert_eq!(read("day=1"), [one, two.clone()]);
        assert_eq!(read("day=2"), [two]);
        assert!(read("day=3").is_empty());
        assert_eq!(scratch.rows("day=1"), 5);

        let folder = scratch.folder.path().to_owned();
        assert!(folder.exists());
        drop(scratch);
        assert!(!folder.exists());
    }

    #[test]
    fn a_damaged_file_is_an_error_and_not_a_shorter_stream() {
        let scratch = Scratch::new().unwrap();
        scratch.append("s", &batch(0, &[Some("a")])).unwrap();
        let path = scratch.folder.path().join("0.arrows");
        let length = std::fs::metadata(&path).unwrap().len();
        File::options().write(true).open(&path).unwrap().set_len(length - 20).unwrap();
        let read: Vec<_> = scratch.read("s").unwrap().collect();
        assert!(read.len() == 1 && read[0].is_err(), "{read:?}");
    }
}
