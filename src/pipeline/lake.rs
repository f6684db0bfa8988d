//! One run's view of the lake: the files that head names, changed step by step into the files the next commit will name.

use std::collections::BTreeMap;

use arrow::array::{BooleanArray, RecordBatch};
use bytes::Bytes;

use crate::contract::arrow::{DELETED, DELIVERY, HELD_FROM, HELD_TO, KNOWN_AT, ROW, brought_forward, mart_schema};
use crate::contract::{Area, Catalog, Partition, Table};
use crate::error::{Error, Result};
use crate::publish::commit::read_file;
use crate::publish::{ColumnMeta, FileMeta, FileRef, Files, NewFile, Publisher, parquet};
use crate::store::Store;
use crate::store::layout;

/// The partition of a table that one file holds.
pub const WHOLE: &str = "all";

/// The table of the runs themselves: each adds its own row, whether it changed anything or not.
pub const RUNS: &str = "ops/runs";

/// Files by table and partition, with the ways to read and replace them.
pub struct Lake<'a> {
    pub catalog: &'a Catalog,
    store: &'a Store,
    publisher: &'a Publisher<'a>,
    pub files: Files,
    /// Set for a dry run: what would be written stays here.
    overlay: Option<BTreeMap<String, Bytes>>,
    pub files_written: u64,
    pub bytes_written: u64,
}

/// A file that lies in the store and belongs to no table yet.
pub struct Stored {
    table: String,
    partition: String,
    pub file: FileRef,
    /// Set in a dry run, which writes nothing.
    body: Option<Bytes>,
}

impl<'a> Lake<'a> {
    pub fn new(catalog: &'a Catalog, store: &'a Store, publisher: &'a Publisher<'a>, dry_run: bool) -> Lake<'a> {
        let files = publisher.head().map(|head| head.files.clone()).unwrap_or_default();
        Lake {
            catalog,
            store,
            publisher,
            files,
            overlay: dry_run.then(BTreeMap::new),
            files_written: 0,
            bytes_written: 0,
        }
    }

    /// `canon/activity`, the name of a table in the commit.
    pub fn name(table: &Table) -> Result<String> {
        Ok(layout::table(area(table.area), &table.name)?)
    }

    pub fn partitions(&self, table: &Table) -> Result<BTreeMap<String, FileRef>> {
        Ok(self.files.get(&Self::name(table)?).cloned().unwrap_or_default())
    }

    pub fn file(&self, table: &Table, partition: &str) -> Result<Option<&FileRef>> {
        Ok(self.files.get(&Self::name(table)?).and_then(|files| files.get(partition)))
    }

    /// The rows of one partition; none where it does not exist. `columns` limits what is read.
    pub fn read(&self, table: &Table, partition: &str, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
        match self.file(table, partition)? {
            Some(file) => self.read_ref(table, file, columns),
            None => Ok(Vec::new()),
        }
    }

    /// The rows of a file that some commit names.
    pub fn read_ref(&self, table: &Table, file: &FileRef, columns: Option<&[&str]>) -> Result<Vec<RecordBatch>> {
        let bytes = match self.overlay.as_ref().and_then(|overlay| overlay.get(&file.path)) {
            Some(bytes) => bytes.clone(),
            None => read_file(self.store, file)?,
        };
        let only_key: Vec<&str> = if table.key.len() == 1 { vec![table.key[0].as_str()] } else { Vec::new() };
        if !is_stated(table) {
            return Ok(parquet::decode(&bytes, columns, parquet::Text::Plain)?);
        }
        let text = parquet::Text::DictionaryExcept(&only_key);
        // A file that a version before wrote may lack what has been added since: then that is empty.
        let Some(columns) = columns else {
            let rows = parquet::decode(&bytes, None, text)?;
            return Ok(rows
                .iter()
                .map(|batch| brought_forward(table, batch))
                .collect::<std::result::Result<_, _>>()?);
        };
        let there = parquet::column_names(&bytes)?;
        let there: Vec<&str> = columns.iter().copied().filter(|name| there.iter().any(|known| known == name)).collect();
        Ok(parquet::decode(&bytes, Some(&there), text)?)
    }

    /// The rows of a file for which `keep` says so, never holding more than a few thousand others.
    pub fn read_where(
        &self,
        file: &FileRef,
        columns: &[&str],
        keep: &mut dyn FnMut(&RecordBatch) -> BooleanArray,
    ) -> Result<Vec<RecordBatch>> {
        let bytes = match self.overlay.as_ref().and_then(|overlay| overlay.get(&file.path)) {
            Some(bytes) => bytes.clone(),
            None => read_file(self.store, file)?,
        };
        Ok(parquet::decode_where(&bytes, columns, keep)?)
    }

    /// Encodes rows as a file of the table; pure, so that many can be encoded at once.
    pub fn encode(table: &Table, partition: &str, batch: &RecordBatch) -> Result<NewFile> {
        let body = parquet::encode(std::slice::from_ref(batch), &meta(table))?;
        Ok(NewFile {
            area: area(table.area),
            table: table.name.clone(),
            partition: partition.to_owned(),
            body,
            rows: batch.num_rows() as u64,
        })
    }

    /// Writes encoded files under their names; they belong to no table before [`Lake::adopt`]. Many threads may do so at once.
    pub fn store(&self, files: Vec<NewFile>) -> Result<Vec<Stored>> {
        let names: Vec<(String, String)> = files
            .iter()
            .map(|file| Ok((layout::table(file.area, &file.table)?, file.partition.clone())))
            .collect::<Result<_>>()?;
        let refs: Vec<(FileRef, Option<Bytes>)> = if self.overlay.is_none() {
            self.publisher.put_files(files)?.into_iter().map(|file| (file, None)).collect()
        } else {
            let named = |file: NewFile| -> Result<(FileRef, Option<Bytes>)> {
                let sha256 = crate::publish::commit::hex_sha256(&file.body);
                let path = layout::data(file.area, &file.table, &file.partition, &sha256)?;
                Ok((FileRef { path, sha256, bytes: file.body.len() as u64, rows: file.rows }, Some(file.body)))
            };
            files.into_iter().map(named).collect::<Result<_>>()?
        };
        let stored = |((table, partition), (file, body))| Stored { table, partition, file, body };
        Ok(names.into_iter().zip(refs).map(stored).collect())
    }

    /// Makes stored files the partitions of their tables.
    pub fn adopt(&mut self, stored: Vec<Stored>) {
        for Stored { table, partition, file, body } in stored {
            if let (Some(overlay), Some(body)) = (&mut self.overlay, body) {
                overlay.insert(file.path.clone(), body);
            }
            let (bytes, path) = (file.bytes, file.path.clone());
            let is_of_runs = table == RUNS;
            let before = self.files.entry(table).or_default().insert(partition, file);
            // The same rows have the same name: nothing new was written for them. What a run says of itself is no table it changed.
            if !is_of_runs && before.is_none_or(|before| before.path != path) {
                self.files_written += 1;
                self.bytes_written += bytes;
            }
        }
    }

    /// Writes encoded files and makes them the partitions of their tables.
    pub fn put(&mut self, files: Vec<NewFile>) -> Result<()> {
        let stored = self.store(files)?;
        self.adopt(stored);
        Ok(())
    }

    /// Encodes and writes one partition.
    pub fn write(&mut self, table: &Table, partition: &str, batch: &RecordBatch) -> Result<()> {
        self.put(vec![Self::encode(table, partition, batch)?])
    }

    /// Takes partitions out of a table; the files stay for readers of older commits.
    pub fn keep(&mut self, table: &Table, keep: impl Fn(&str) -> bool) -> Result<()> {
        if let Some(files) = self.files.get_mut(&Self::name(table)?) {
            files.retain(|partition, _| keep(partition));
        }
        Ok(())
    }

    /// Takes a table out.
    pub fn remove(&mut self, table: &Table) -> Result<()> {
        self.files.remove(&Self::name(table)?);
        Ok(())
    }

    /// Takes every table out but those of the runs so far, to build them anew from nothing.
    pub fn forget(&mut self) {
        let ops = format!("{}/", Area::Ops.as_str());
        self.files.retain(|table, _| table.starts_with(&ops));
    }
}

fn area(area: Area) -> layout::Area {
    match area {
        Area::Canon => layout::Area::Canon,
        Area::Marts => layout::Area::Marts,
        Area::Restricted => layout::Area::Restricted,
        Area::Ops => layout::Area::Ops,
    }
}

/// Whether a table's rows are statements of deliveries, with provenance, or computed ones.
pub fn is_stated(table: &Table) -> bool {
    table.area == Area::Canon && !COMPUTED.contains(&table.name.as_str())
}

/// Canon tables that uptake computes from the others.
pub const COMPUTED: [&str; 9] = [
    "content_day",
    "endorsements",
    "event_ids",
    "person_day",
    "person_reaction",
    "person_interest",
    "person_activation",
    "unit_week",
    "user_seen",
];

/// What a file says of itself: everything the contract does.
fn meta(table: &Table) -> FileMeta {
    let described = |name: &str| table.column(name).map(|column| (column.description.clone(), column.unit.clone()));
    let file_schema = mart_schema(table);
    let mut columns: Vec<ColumnMeta> = file_schema
        .fields()
        .iter()
        .map(|field| {
            let (description, unit) = described(field.name()).unwrap_or_default();
            ColumnMeta {
                name: field.name().clone(),
                data_type: field.data_type().clone(),
                // Deletes carry a key alone, so a canon file may hold nulls anywhere.
                nullable: field.is_nullable() || is_stated(table),
                description,
                unit: (!unit.is_empty()).then_some(unit),
            }
        })
        .collect();
    if is_stated(table) {
        let own = [
            (DELIVERY, arrow::datatypes::DataType::Utf8, "Object path of the delivery the row came from."),
            (ROW, arrow::datatypes::DataType::Int64, "Record number in the delivery, from 1, header not counted."),
            (
                KNOWN_AT,
                crate::contract::arrow::file_type(crate::contract::Type::Timestamp),
                "When the delivery was made.",
            ),
            (DELETED, arrow::datatypes::DataType::Boolean, "Whether the row says that its key no longer exists."),
        ];
        columns.extend(own.map(|(name, data_type, description)| ColumnMeta {
            name: name.into(),
            data_type,
            nullable: false,
            description: description.into(),
            unit: None,
        }));
    }
    if is_stated(table) && table.partition == Partition::Whole {
        let own = [
            (
                HELD_FROM,
                "First day on which full snapshots hold the row again after it was gone; empty: from the beginning.",
            ),
            (HELD_TO, "First day on which a full snapshot no longer held the row; empty: it still does."),
        ];
        columns.extend(own.map(|(name, description)| ColumnMeta {
            name: name.into(),
            data_type: crate::contract::arrow::file_type(crate::contract::Type::Date),
            nullable: true,
            description: description.into(),
            unit: None,
        }));
    }
    FileMeta {
        table: table.name.clone(),
        description: format!("{} ({})", table.description, table.grain),
        contract_hash: table.hash.clone(),
        columns,
        sort: table.sort.clone(),
        extra: BTreeMap::new(),
        codec: if table.area == Area::Canon { parquet::Codec::Snappy } else { parquet::Codec::Zstd },
    }
}

impl From<crate::publish::Error> for Error {
    fn from(error: crate::publish::Error) -> Error {
        use crate::error::Exit;
        let exit = match &error {
            crate::publish::Error::Store(cause) => return Error::from_store(cause),
            crate::publish::Error::Newer { .. } => Exit::Usage,
            crate::publish::Error::Damaged { .. } => Exit::Gate,
            crate::publish::Error::Encode { .. } => Exit::Bug,
            crate::publish::Error::Vacuuming { .. } => Exit::Transient,
            crate::publish::Error::Stale { .. } | crate::publish::Error::LostRace => Exit::LostRace,
        };
        let hint = error.hint().map(str::to_owned);
        let wrapped = Error::new(exit, error.to_string());
        match hint {
            Some(hint) => wrapped.hint(hint),
            None => wrapped,
        }
    }
}

impl From<crate::store::Error> for Error {
    fn from(error: crate::store::Error) -> Error {
        Error::from_store(&error)
    }
}

impl Error {
    /// A store's error: whether trying again can help decides the exit code.
    pub fn from_store(error: &crate::store::Error) -> Error {
        use crate::error::Exit;
        let exit = match error.kind {
            _ if error.may_pass() => Exit::Transient,
            crate::store::Kind::Full => Exit::Limit,
            _ => Exit::Usage,
        };
        let wrapped = Error::new(exit, error.to_string());
        match &error.hint {
            Some(hint) => wrapped.hint(hint.clone()),
            None => wrapped,
        }
    }
}
