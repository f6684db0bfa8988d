//! The commit log: which files are the tables now.
//!
//! `_commits/<n>.json` is created, never changed; the highest number is current. Two runs that both try `n + 1` are told apart
//! by the store's create-only put, and an answer that got lost by reading `n + 1` back.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Error, Result};
use crate::store::layout::{self, Area};
use crate::store::{Kind, Object, Put, Store};

/// The format this program writes and the highest it reads.
pub const FORMAT: u32 = 1;

/// Table (`marts/adoption_kpis`) → partition (`month=2025-03`) → file. A table without rows has one file without rows.
pub type Files = BTreeMap<String, BTreeMap<String, FileRef>>;

/// The name among [`Commit::counts`] under which a commit that changes nothing but `ops/` says whose tables it shows.
pub const SHOWS: &str = "shows_commit";

/// A data file, as large and as hashed when it was written. Fields are in the order of their names, as for [`Commit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRef {
    pub bytes: u64,
    pub path: String,
    pub rows: u64,
    /// In hex, of all bytes.
    pub sha256: String,
}

impl FileRef {
    /// As if listed. There is no etag to match: the hash is checked after reading.
    fn as_object(&self) -> Object {
        Object { path: self.path.clone(), size: self.bytes, etag: None, last_modified: DateTime::UNIX_EPOCH }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MadeBy {
    Run,
    /// Same tables as the commit before; announces or closes a deletion.
    Vacuum,
}

/// One snapshot over all tables, and what it was made from. Fields are in the order of their names, which is that of the keys in its text,
/// so that nothing is sorted when it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The date the run was told it was, `2025-03-31`.
    pub as_of: String,
    pub binary_version: String,
    pub config_hash: String,
    /// Table name → hash of its contract.
    pub contract_hashes: BTreeMap<String, String>,
    /// What the run counted: `rows_read`, `rows_rejected`, …
    pub counts: BTreeMap<String, u64>,
    /// Data objects that a vacuum is deleting. No later commit may name them until it has finished.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub deleting: BTreeSet<String>,
    pub files: Files,
    pub format: u32,
    /// The deliveries that are in these tables, in the pipeline's own words; keys sorted.
    pub ledger: serde_json::Value,
    pub made_by: MadeBy,
    /// From 1, without gaps.
    pub n: u64,
    /// The [`Commit::snapshot_id`] of commit `n - 1`.
    pub parent: Option<String>,
}

impl Commit {
    /// The one text of this commit: keys sorted, two spaces, a final newline.
    pub fn to_bytes(&self) -> Result<Bytes> {
        let object = layout::commit(self.n);
        let damaged = |e: serde_json::Error| Error::Damaged { object: object.clone(), reason: e.to_string() };
        let mut text = serde_json::to_vec_pretty(self).map_err(damaged)?;
        text.push(b'\n');
        Ok(text.into())
    }

    /// Number and hash: `7-0123456789abcdef`. Stands in every file of `latest/` and as `parent` in the next commit.
    pub fn snapshot_id(&self) -> Result<String> {
        Ok(format!("{}-{}", self.n, &hex_sha256(&self.to_bytes()?)[..16]))
    }

    /// The commit that published the tables of this one: itself, unless it was made of a run that was held back.
    pub fn shows(&self) -> u64 {
        self.counts.get(SHOWS).copied().unwrap_or(self.n)
    }

    fn parse(object: &str, n: u64, body: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Peek {
            format: u64,
        }
        let damaged = |reason: String| Error::Damaged { object: object.to_owned(), reason };
        // The format first: a newer commit may have fields this program would call damage.
        let Peek { format } = serde_json::from_slice(body).map_err(|e| damaged(e.to_string()))?;
        if format > u64::from(FORMAT) {
            return Err(Error::Newer { object: object.to_owned(), found: format, known: FORMAT });
        }
        let commit: Self = serde_json::from_slice(body).map_err(|e| damaged(e.to_string()))?;
        if commit.n != n {
            return Err(damaged(format!("it says that it is commit {}", commit.n)));
        }
        Ok(commit)
    }

    /// Every data object this snapshot needs.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.values().flat_map(BTreeMap::values).map(|file| file.path.as_str())
    }
}

/// What a run wants to be current; the publisher adds number and parent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    pub as_of: String,
    pub binary_version: String,
    pub config_hash: String,
    pub contract_hashes: BTreeMap<String, String>,
    pub files: Files,
    pub ledger: serde_json::Value,
    pub counts: BTreeMap<String, u64>,
}

/// How an attempt at a commit ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Committed {
    New(Commit),
    /// The commit was there already, equal to the last byte: an earlier attempt's answer got lost.
    AlreadyMine(Commit),
    /// Head already says the same; nothing was written.
    Unchanged(Commit),
    /// Another run's commit has the number. Nothing is lost: plan again on the new head.
    LostRace(Commit),
}

/// The commit that is current; `None` in an empty lake.
pub fn head(store: &Store) -> Result<Option<Commit>> {
    newest(store, store.list(layout::COMMITS)?)
}

/// The current commit if it is later than `n`. Cheaper than [`head`] on a long log.
pub fn head_after(store: &Store, n: u64) -> Result<Option<Commit>> {
    newest(store, store.list_after(layout::COMMITS, &layout::commit(n))?)
}

fn newest(store: &Store, listed: Vec<Object>) -> Result<Option<Commit>> {
    let newest = listed.iter().filter_map(|object| layout::commit_number(&object.path)).max();
    newest.map(|n| read(store, n)).transpose()
}

/// The numbers of all commits that are still there, ascending.
pub fn log(store: &Store) -> Result<Vec<u64>> {
    let listed = store.list(layout::COMMITS)?;
    Ok(listed.iter().filter_map(|object| layout::commit_number(&object.path)).collect())
}

/// One commit. A newer format is refused.
pub fn read(store: &Store, n: u64) -> Result<Commit> {
    let path = layout::commit(n);
    Commit::parse(&store.url(&path), n, &store.read(&path)?)
}

/// The bytes of a data file, checked against what the commit says of it.
pub fn read_file(store: &Store, file: &FileRef) -> Result<Bytes> {
    checked(store, file, store.get(&file.as_object()))
}

/// [`read_file`] for several, in parallel, in the order given. The caller bounds their total size.
pub fn read_files(store: &Store, files: &[&FileRef]) -> Result<Vec<Bytes>> {
    let objects: Vec<Object> = files.iter().map(|file| file.as_object()).collect();
    let bodies = store.get_many(&objects)?;
    files.iter().zip(bodies).map(|(file, body)| checked(store, file, body)).collect()
}

fn checked(store: &Store, file: &FileRef, body: crate::store::Result<Bytes>) -> Result<Bytes> {
    match body {
        Ok(body) if hex_sha256(&body) == file.sha256 => Ok(body),
        Ok(_) => Err(damaged_file(store, file, "its bytes do not have the hash in the commit")),
        // Written once, so another size is no newer version.
        Err(error) if error.kind == Kind::Changed => Err(damaged_file(store, file, &error.reason)),
        Err(error) => Err(error.into()),
    }
}

fn damaged_file(store: &Store, file: &FileRef, reason: &str) -> Error {
    Error::Damaged { object: store.url(&file.path), reason: reason.to_owned() }
}

/// A file to be written.
#[derive(Debug, Clone)]
pub struct NewFile {
    pub area: Area,
    /// The table's name without its area.
    pub table: String,
    /// A name the code made, `[a-z0-9=_-]+`; never a value out of the data.
    pub partition: String,
    pub body: Bytes,
    pub rows: u64,
}

/// One run's view of the log: the head it started from.
#[derive(Debug)]
pub struct Publisher<'a> {
    store: &'a Store,
    head: Option<Commit>,
    disregarded: BTreeSet<String>,
}

impl<'a> Publisher<'a> {
    /// Reads the head of the log.
    pub fn open(store: &'a Store) -> Result<Self> {
        Ok(Self { store, head: head(store)?, disregarded: BTreeSet::new() })
    }

    /// Tables (`ops/runs`) whose change alone is no reason to commit.
    #[must_use]
    pub fn disregarding(mut self, tables: &[&str]) -> Self {
        self.disregarded = tables.iter().map(|table| (*table).to_owned()).collect();
        self
    }

    /// The commit this run builds on.
    pub fn head(&self) -> Option<&Commit> {
        self.head.as_ref()
    }

    /// Writes a file under a name made from its bytes and reads it back. One that is there already, equal, is success.
    pub fn put_file(&self, file: NewFile) -> Result<FileRef> {
        let (file, body) = self.named(file)?;
        self.settled(&file, self.store.put_new_verified(&file.path, body)?)?;
        Ok(file)
    }

    /// [`Publisher::put_file`] for several, in parallel, in the order given.
    pub fn put_files(&self, files: Vec<NewFile>) -> Result<Vec<FileRef>> {
        let named: Vec<(FileRef, Bytes)> = files.into_iter().map(|file| self.named(file)).collect::<Result<_>>()?;
        let objects = named.iter().map(|(file, body)| (file.path.clone(), body.clone())).collect();
        for ((file, _), put) in named.iter().zip(self.store.put_many(objects)?) {
            self.settled(file, put?)?;
        }
        Ok(named.into_iter().map(|(file, _)| file).collect())
    }

    fn named(&self, file: NewFile) -> Result<(FileRef, Bytes)> {
        let NewFile { area, table, partition, body, rows } = file;
        let sha256 = hex_sha256(&body);
        let path = layout::data(area, &table, &partition, &sha256)?;
        self.refuse_deleting(&path)?;
        Ok((FileRef { path, sha256, bytes: body.len() as u64, rows }, body))
    }

    fn settled(&self, file: &FileRef, put: Put) -> Result<()> {
        let Put::Different(found) = put else { return Ok(()) };
        let reason = format!("its name is the hash of {} bytes, and it holds {} others", file.bytes, found.len());
        Err(damaged_file(self.store, file, &reason))
    }

    /// Makes the draft current, unless head already says the same.
    pub fn commit(&self, draft: Draft) -> Result<Committed> {
        let next = self.next(draft)?;
        match &self.head {
            Some(head) if self.says_the_same(head, &next) => Ok(Committed::Unchanged(head.clone())),
            _ => append(self.store, next),
        }
    }

    fn next(&self, draft: Draft) -> Result<Commit> {
        let Draft { as_of, binary_version, config_hash, contract_hashes, files, mut ledger, counts } = draft;
        ledger.sort_all_objects();
        let next = Commit {
            format: FORMAT,
            n: self.head.as_ref().map_or(1, |head| head.n + 1),
            parent: self.head.as_ref().map(Commit::snapshot_id).transpose()?,
            made_by: MadeBy::Run,
            as_of,
            binary_version,
            config_hash,
            contract_hashes,
            files,
            ledger,
            counts,
            deleting: self.head.as_ref().map(|head| head.deleting.clone()).unwrap_or_default(),
        };
        next.paths().try_for_each(|path| self.refuse_deleting(path))?;
        Ok(next)
    }

    fn refuse_deleting(&self, path: &str) -> Result<()> {
        match &self.head {
            Some(head) if head.deleting.contains(path) => Err(Error::Vacuuming { object: self.store.url(path) }),
            _ => Ok(()),
        }
    }

    /// Equal tables and deliveries. Version, config and date may differ: what they did not change is current already.
    fn says_the_same(&self, head: &Commit, next: &Commit) -> bool {
        let kept = |commit: &Commit| {
            let mut files = commit.files.clone();
            files.retain(|table, _| !self.disregarded.contains(table));
            files
        };
        head.ledger == next.ledger && kept(head) == kept(next)
    }
}

/// Creates a commit, or finds out who did. Never a conditional update: the local file system has none.
pub(super) fn append(store: &Store, next: Commit) -> Result<Committed> {
    let path = layout::commit(next.n);
    match store.put_new(&path, next.to_bytes()?)? {
        Put::Created => Ok(Committed::New(next)),
        Put::Same => Ok(Committed::AlreadyMine(next)),
        Put::Different(body) => Ok(Committed::LostRace(Commit::parse(&store.url(&path), next.n, &body)?)),
    }
}

/// SHA-256 in lower-case hex.
pub fn hex_sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Env;
    use serde_json::json;

    fn store(name: &str) -> Store {
        Store::open(&format!("memory://commit-{name}"), &Env::default()).unwrap()
    }

    fn draft(publisher: &Publisher<'_>, body: &'static str) -> Draft {
        let file =
            NewFile { area: Area::Marts, table: "t".into(), partition: "all".into(), body: Bytes::from(body), rows: 1 };
        let file = publisher.put_file(file).unwrap();
        let files = BTreeMap::from([("marts/t".to_owned(), BTreeMap::from([("all".to_owned(), file)]))]);
        Draft { as_of: "2025-03-31".into(), files, ledger: json!({"z": 1, "a": [2]}), ..Draft::default() }
    }

    fn run(store: &Store, body: &'static str) -> Committed {
        let publisher = Publisher::open(store).unwrap();
        publisher.commit(draft(&publisher, body)).unwrap()
    }

    #[test]
    fn commits_count_from_one_and_know_their_parent() {
        let store = store("count");
        assert_eq!(head(&store).unwrap(), None);
        let Committed::New(first) = run(&store, "a") else { panic!() };
        let Committed::New(second) = run(&store, "b") else { panic!() };
        assert_eq!((first.n, first.parent.clone()), (1, None));
        assert_eq!((second.n, second.parent.clone()), (2, Some(first.snapshot_id().unwrap())));
        assert_eq!(head(&store).unwrap().unwrap(), second);
        assert_eq!(head_after(&store, 2).unwrap(), None);
        assert_eq!(head_after(&store, 1).unwrap().unwrap().n, 2);
        assert_eq!(log(&store).unwrap(), [1, 2]);
        assert_eq!(read_file(&store, &first.files["marts/t"]["all"]).unwrap(), "a");
    }

    #[test]
    fn the_same_tables_again_are_no_commit() {
        let store = store("same");
        run(&store, "a");
        assert!(matches!(run(&store, "a"), Committed::Unchanged(c) if c.n == 1));
        let publisher = Publisher::open(&store).unwrap();
        let other_ledger = Draft { ledger: json!(null), ..draft(&publisher, "a") };
        assert!(matches!(publisher.commit(other_ledger).unwrap(), Committed::New(_)));
    }

    #[test]
    fn a_disregarded_table_alone_is_no_reason_to_commit() {
        let store = store("disregard");
        run(&store, "a");
        let publisher = Publisher::open(&store).unwrap();
        let mut with_runs = draft(&publisher, "a");
        with_runs.files.insert("ops/runs".into(), BTreeMap::new());
        let committed = publisher.disregarding(&["ops/runs"]).commit(with_runs.clone()).unwrap();
        assert!(matches!(committed, Committed::Unchanged(_)));
        assert!(matches!(Publisher::open(&store).unwrap().commit(with_runs).unwrap(), Committed::New(_)));
    }

    #[test]
    fn the_second_of_two_runs_on_one_head_learns_who_won() {
        let store = store("race");
        let (one, two) = (Publisher::open(&store).unwrap(), Publisher::open(&store).unwrap());
        let Committed::New(winner) = one.commit(draft(&one, "a")).unwrap() else { panic!() };
        assert_eq!(two.commit(draft(&two, "b")).unwrap(), Committed::LostRace(winner.clone()));
        assert_eq!(two.commit(draft(&two, "a")).unwrap(), Committed::AlreadyMine(winner));
    }

    #[test]
    fn the_text_of_a_commit_is_sorted_and_comes_back() {
        let store = store("text");
        let Committed::New(commit) = run(&store, "a") else { panic!() };
        let text = String::from_utf8(commit.to_bytes().unwrap().to_vec()).unwrap();
        let keys: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("  \"")?.split('"').next()).collect();
        assert!(keys.is_sorted() && keys.contains(&"ledger"), "{text}");
        let mut sorted: serde_json::Value = serde_json::from_str(&text).unwrap();
        sorted.sort_all_objects();
        assert_eq!(serde_json::to_string_pretty(&sorted).unwrap() + "\n", text, "files and the ledger, too");
        assert_eq!(Commit::parse("x", 1, text.as_bytes()).unwrap(), commit);
    }

    #[test]
    fn a_newer_format_is_refused_whatever_else_it_says() {
        let store = store("newer");
        store.put_new(&layout::commit(9), Bytes::from(r#"{"format": 2, "quantum": true}"#)).unwrap();
        let error = Publisher::open(&store).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 2, known: FORMAT, .. }), "{error}");
    }

    #[test]
    fn a_damaged_commit_or_file_is_named() {
        let store = store("damaged");
        store.put_new(&layout::commit(1), Bytes::from(r#"{"format": 1}"#)).unwrap();
        let error = head(&store).unwrap_err();
        assert!(error.to_string().contains("00000000000000000001.json is damaged"), "{error}");
        let file = |bytes, sha256: String| FileRef { path: "marts/data/t/x".into(), sha256, bytes, rows: 0 };
        store.put_new("marts/data/t/x", Bytes::from("abc")).unwrap();
        read_file(&store, &file(3, hex_sha256(b"abc"))).unwrap();
        for wrong in [file(3, hex_sha256(b"abd")), file(4, hex_sha256(b"abc"))] {
            assert!(matches!(read_file(&store, &wrong).unwrap_err(), Error::Damaged { .. }));
        }
    }

    #[test]
    fn a_name_of_a_hash_that_holds_other_bytes_is_damage_not_success() {
        let store = store("squat");
        let path = layout::data(Area::Marts, "t", "all", &hex_sha256(b"a")).unwrap();
        store.put_new(&path, Bytes::from("squatter")).unwrap();
        let file =
            NewFile { area: Area::Marts, table: "t".into(), partition: "all".into(), body: Bytes::from("a"), rows: 1 };
        let error = Publisher::open(&store).unwrap().put_file(file).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }

    #[test]
    fn hashes_are_the_published_ones() {
        assert_eq!(hex_sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
