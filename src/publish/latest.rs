//! One object a table at a stable address, for tools that take one URL: `marts/latest/adoption_kpis.parquet`.
//!
//! These are the only objects ever overwritten, so their promise is weaker than the log's: each table is whole, but while they
//! are being rewritten two tables may be of two snapshots. Each carries `snapshot_id`, by which a reader can tell.

use std::collections::BTreeMap;

use super::commit::{self, Commit, FileRef};
use super::{Error, Result, parquet};
use crate::store::layout::{self, Area};
use crate::store::{Kind, Object, Store};

/// The metadata key that says which commit a file of `latest/` shows.
pub const SNAPSHOT_ID: &str = "uptake.snapshot_id";

/// How often the log is looked at again after writing. Who moved it will write these objects as well.
const ROUNDS: usize = 5;
/// A footer is read in one request when it is no longer than this.
const TAIL_BYTES: u64 = 64 << 10;

/// What a refresh found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// The snapshot shown now; empty in a lake without commits.
    pub snapshot_id: String,
    /// Tables (`marts/adoption_kpis`) that were written, sorted.
    pub written: Vec<String>,
    /// How many tables showed this snapshot before.
    pub current: usize,
}

/// Makes `latest/` show the head of the log. Writes only what shows another snapshot or is missing; when the log moved in the
/// meantime, writes again.
pub fn refresh(store: &Store) -> Result<Refreshed> {
    let Some(mut head) = commit::head(store)? else { return Ok(Refreshed::default()) };
    let mut refreshed = rewrite(store, &head)?;
    for _ in 1..ROUNDS {
        let Some(moved) = commit::head_after(store, head.n)? else { break };
        head = moved;
        refreshed = rewrite(store, &head)?;
    }
    Ok(refreshed)
}

/// Makes `latest/` show any commit, an older one too: the way back after a bad publication. The next run's [`refresh`] brings
/// the head back.
pub fn rewrite(store: &Store, commit: &Commit) -> Result<Refreshed> {
    let snapshot_id = commit.snapshot_id()?;
    // A run that was held back changed what operators read and nothing else: the other tables are of the commit before still. Where the
    // log no longer holds that one, they are of this one.
    let shown = match commit.shows() {
        n if n == commit.n => snapshot_id.clone(),
        n => match commit::read(store, n) {
            Ok(shown) => shown.snapshot_id()?,
            Err(Error::Store(error)) if error.kind == Kind::NotFound => snapshot_id.clone(),
            Err(error) => return Err(error),
        },
    };
    let mut listed: BTreeMap<String, Object> = BTreeMap::new();
    for area in Area::ALL.into_iter().filter(|area| area.has_latest()) {
        listed
            .extend(store.list(&layout::latest_folder(area))?.into_iter().map(|object| (object.path.clone(), object)));
    }
    let mut refreshed = Refreshed { snapshot_id, ..Refreshed::default() };
    for (table, files) in &commit.files {
        let Some((area, name)) = layout::split_table(table) else {
            let object = store.url(&layout::commit(commit.n));
            return Err(Error::Damaged { object, reason: "it names a table outside the known areas".to_owned() });
        };
        if !area.has_latest() || files.is_empty() {
            continue;
        }
        let path = layout::latest(area, name)?;
        let snapshot_id = if area == Area::Ops { &refreshed.snapshot_id } else { &shown };
        if listed.get(&path).is_some_and(|object| shows(store, object, snapshot_id)) {
            refreshed.current += 1;
            continue;
        }
        write(store, &path, table, files, snapshot_id)?;
        refreshed.written.push(table.clone());
    }
    Ok(refreshed)
}

fn write(store: &Store, path: &str, table: &str, files: &BTreeMap<String, FileRef>, snapshot_id: &str) -> Result<()> {
    let bodies = commit::read_files(store, &files.values().collect::<Vec<_>>())?;
    let extra = BTreeMap::from([(SNAPSHOT_ID.to_owned(), snapshot_id.to_owned())]);
    let body = parquet::join(&bodies, &extra).map_err(|e| match e {
        Error::Encode { reason, .. } => Error::Encode { table: table.to_owned(), reason },
        other => other,
    })?;
    Ok(store.put_overwrite(path, body)?)
}

/// Whether an object shows a snapshot already. When in doubt it does not, and is written again.
fn shows(store: &Store, object: &Object, snapshot_id: &str) -> bool {
    read_snapshot_id(store, object).is_some_and(|found| found == snapshot_id)
}

/// The snapshot an object of `latest/` shows, from its footer alone; `None` when it cannot be read.
pub fn read_snapshot_id(store: &Store, object: &Object) -> Option<String> {
    let mut wanted = TAIL_BYTES;
    loop {
        let from = object.size.saturating_sub(wanted);
        let tail = store.get_range(object, from..object.size).ok()?;
        match parquet::footer_of_tail(&tail) {
            Ok(parquet::Footer::Metadata(metadata)) => return metadata.get(SNAPSHOT_ID).cloned(),
            Ok(parquet::Footer::NeedsBytes(needed)) if from > 0 && needed > wanted => wanted = needed,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::parquet::{Text, decode, encode, example};
    use crate::publish::{Committed, Draft, NewFile, Publisher};
    use crate::store::Env;
    use bytes::Bytes;

    fn store(name: &str) -> Store {
        Store::open(&format!("memory://latest-{name}"), &Env::default()).unwrap()
    }

    /// Area, table and the rows of each partition.
    type Table<'a> = (Area, &'a str, &'a [(i64, i64)]);

    fn commit(store: &Store, tables: &[Table<'_>]) -> Commit {
        let publisher = Publisher::open(store).unwrap();
        let mut files = commit::Files::new();
        for (area, table, parts) in tables {
            for (from, to) in *parts {
                let body = encode(&[example::rows(*from, *to)], &example::meta()).unwrap();
                let partition = format!("from={from}");
                let file = NewFile { area: *area, table: (*table).into(), partition: partition.clone(), body, rows: 0 };
                let file = publisher.put_file(file).unwrap();
                files.entry(layout::table(*area, table).unwrap()).or_default().insert(partition, file);
            }
        }
        match publisher.commit(Draft { files, ..Draft::default() }).unwrap() {
            Committed::New(commit) => commit,
            other => panic!("{other:?}"),
        }
    }

    fn rows(store: &Store, path: &str) -> usize {
        decode(&store.read(path).unwrap(), None, Text::Plain).unwrap().iter().map(|batch| batch.num_rows()).sum()
    }

    #[test]
    fn each_table_is_one_object_that_names_its_snapshot_and_canon_has_none() {
        let store = store("one");
        assert_eq!(refresh(&store).unwrap(), Refreshed::default());
        let made = commit(
            &store,
            &[(Area::Marts, "a", &[(0, 10), (10, 30)]), (Area::Canon, "c", &[(0, 5)]), (Area::Ops, "runs", &[(0, 1)])],
        );
        let refreshed = refresh(&store).unwrap();
        assert_eq!(refreshed.written, ["marts/a", "ops/runs"]);
        assert_eq!(rows(&store, "marts/latest/a.parquet"), 30);
        assert!(store.list("canon/latest").unwrap().is_empty());
        for object in [store.list("marts/latest").unwrap(), store.list("ops/latest").unwrap()].concat() {
            assert_eq!(read_snapshot_id(&store, &object), Some(made.snapshot_id().unwrap()));
        }
    }

    #[test]
    fn what_is_current_is_left_alone_and_what_is_not_is_healed() {
        let store = store("heal");
        commit(&store, &[(Area::Marts, "a", &[(0, 10)]), (Area::Marts, "b", &[(0, 10)])]);
        refresh(&store).unwrap();
        let again = refresh(&store).unwrap();
        assert_eq!((again.written.len(), again.current), (0, 2));
        store.put_overwrite("marts/latest/a.parquet", Bytes::from("junk")).unwrap();
        assert_eq!(refresh(&store).unwrap().written, ["marts/a"]);
        store.delete("marts/latest/b.parquet").unwrap();
        assert_eq!(refresh(&store).unwrap().written, ["marts/b"]);
        assert_eq!(rows(&store, "marts/latest/b.parquet"), 10);
    }

    #[test]
    fn latest_can_show_an_older_commit_and_comes_back() {
        let store = store("back");
        let old = commit(&store, &[(Area::Marts, "a", &[(0, 10)])]);
        commit(&store, &[(Area::Marts, "a", &[(0, 20)])]);
        refresh(&store).unwrap();
        assert_eq!(rows(&store, "marts/latest/a.parquet"), 20);
        rewrite(&store, &old).unwrap();
        assert_eq!(rows(&store, "marts/latest/a.parquet"), 10);
        refresh(&store).unwrap();
        assert_eq!(rows(&store, "marts/latest/a.parquet"), 20);
    }

    #[test]
    fn a_footer_longer_than_the_first_request_is_read_in_two() {
        let store = store("long");
        let meta = crate::publish::FileMeta { description: "x".repeat(3 * TAIL_BYTES as usize), ..example::meta() };
        let body = encode(&[example::rows(0, 5)], &meta).unwrap();
        let extra = BTreeMap::from([(SNAPSHOT_ID.to_owned(), "1-a".to_owned())]);
        store.put_overwrite("marts/latest/a.parquet", parquet::join(&[body], &extra).unwrap()).unwrap();
        let object = store.list("marts/latest").unwrap().remove(0);
        assert_eq!(read_snapshot_id(&store, &object).as_deref(), Some("1-a"));
    }
}
