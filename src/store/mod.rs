//! Object storage: open by URL, list, read whole, write once.
//!
//! The only user of `object_store` and `tokio` in the house. It moves bytes and knows no tables. Calls block: the rest of the
//! house is synchronous, and what may overlap goes through [`Store::get_many`] and [`Store::put_many`].
//!
//! Everything is written with create-only puts; [`Store::put_overwrite`] is refused outside `latest/`. An unclear answer to a
//! create-only put (a time-out, a lost answer, S3's 409) is settled by reading the object back.

mod answers;
mod error;
mod http;
pub mod keys;
pub mod layout;
mod local;
pub mod names;
mod open;
pub mod probe;
mod retry;
pub mod scratch;
mod threads;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

pub use error::{Error, Kind, Result};
use http::{Final, TheirClock};
pub use open::Env;
use threads::block_on;
pub use threads::{Ending, on_ending};

/// How many requests are in flight at once in `get_many` and `put_many`.
const IN_FLIGHT: usize = 16;
/// How many parts of one large object are read at once.
const PARTS_IN_FLIGHT: usize = 4;

/// An object as listed. Its path is relative to the store's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub path: String,
    /// Bytes.
    pub size: u64,
    pub etag: Option<String>,
    pub last_modified: DateTime<Utc>,
}

/// What a create-only put found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// Nobody had written the name; now it holds our bytes.
    Created,
    /// The name already held exactly our bytes.
    Same,
    /// The name holds these other bytes; nothing was written.
    Different(Bytes),
}

/// A bucket, container or folder, with a prefix below which everything lies. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The URL without user, query and trailing slash: what errors call this store.
    label: Arc<str>,
    /// The first pause while settling a write; zero for stores that tests hand in.
    pause: Duration,
    /// Where a local store lies: some of what is on a disk is no object to object_store.
    folder: Option<Arc<std::path::Path>>,
    clock: TheirClock,
}

impl fmt::Debug for Store {
    /// Only the address: some of the store libraries' own `Debug` would print secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.label)
    }
}

impl Store {
    /// Opens what must exist: a landing zone. See [`Store::open_or_create`] for the addresses understood.
    pub fn open(url: &str, env: &Env) -> Result<Self> {
        open::open(url, env, open::Missing::Refuse)
    }

    /// Opens a lake; a local folder is created when missing. Buckets are never created.
    ///
    /// `file:///path` or a plain path, `s3://bucket/prefix`, `gs://…`, `az://container/…`, and `memory://name/prefix`, which
    /// lives as long as the process and is one store for all who use the name. Credentials come from `env` by object_store's
    /// own names (`AWS_*`, `GOOGLE_*`, `AZURE_*`) or from the identity of the workload.
    pub fn open_or_create(url: &str, env: &Env) -> Result<Self> {
        open::open(url, env, open::Missing::Create)
    }

    /// Wraps any object store; `label` is what errors call it. Unclear writes are settled without pausing.
    pub fn from_object_store(inner: Arc<dyn ObjectStore>, prefix: &str, label: &str) -> Result<Self> {
        Self::new(inner, parse_path("open", prefix)?, label, Duration::ZERO)
    }

    fn new(inner: Arc<dyn ObjectStore>, prefix: Path, label: &str, pause: Duration) -> Result<Self> {
        let label = label.trim_end_matches('/').into();
        Ok(Self { inner, prefix, label, pause, folder: None, clock: TheirClock::default() })
    }

    /// The time by the store's own clock at its last answer; none where it says none, as on a disk.
    pub fn their_time(&self) -> Option<DateTime<Utc>> {
        self.clock.read()
    }

    /// The address of the store, without secrets.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The address of an object, for messages.
    pub fn url(&self, path: &str) -> String {
        if path.is_empty() { self.label.to_string() } else { format!("{}/{path}", self.label) }
    }

    /// Everything below a folder (`""` for all), sorted by path. Keys that are no names ([`keys::is_name`]) are listed as they are.
    pub fn list(&self, folder: &str) -> Result<Vec<Object>> {
        self.list_from(folder, None)
    }

    /// Like [`Store::list`], but only paths after `after` in byte order; stores that can skip the rest do.
    pub fn list_after(&self, folder: &str, after: &str) -> Result<Vec<Object>> {
        self.list_from(folder, Some(after))
    }

    fn list_from(&self, folder: &str, after: Option<&str>) -> Result<Vec<Object>> {
        let full = self.full("list", folder)?;
        let offset = after.map(|after| self.full("list", after)).transpose()?;
        let inner = Arc::clone(&self.inner);
        let mut objects: Vec<Object> = if self.folder.is_some() && tokio::runtime::Handle::try_current().is_err() {
            // Here, outside the store's threads, a local listing goes on after a name that it cannot take.
            let listed = match &offset {
                Some(offset) => inner.list_with_offset(Some(&full), offset),
                None => inner.list(Some(&full)),
            };
            let listed: Vec<object_store::Result<ObjectMeta>> = futures::executor::block_on(listed.collect());
            let listed = listed.into_iter().map(|one| match one {
                Ok(meta) => Ok(self.object(meta)),
                Err(error) => local::odd_name(&error).map(Some).ok_or_else(|| self.error("list", folder, &error)),
            });
            listed.filter_map(Result::transpose).collect::<Result<_>>()?
        } else {
            let listed: std::result::Result<Vec<ObjectMeta>, _> = block_on(async move {
                match &offset {
                    Some(offset) => inner.list_with_offset(Some(&full), offset).try_collect().await,
                    None => inner.list(Some(&full)).try_collect().await,
                }
            })?;
            let listed = listed.map_err(|e| self.error("list", folder, &e))?;
            listed.into_iter().filter_map(|meta| self.object(meta)).collect()
        };
        // Azurite ignores offsets, and local listings come in the folder's own order.
        objects.retain(|object| after.is_none_or(|after| object.path.as_str() > after));
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// The bytes of an object exactly as it was listed: `Changed` when its etag or size moved, `Truncated` when the body is
    /// not as long as the listing says. Large objects are read in ranges.
    pub fn get(&self, object: &Object) -> Result<Bytes> {
        let task = self.clone().get_whole(object.clone());
        block_on(task)?
    }

    /// Bytes `range` of an object exactly as it was listed.
    pub fn get_range(&self, object: &Object, range: Range<u64>) -> Result<Bytes> {
        let (store, object) = (self.clone(), object.clone());
        block_on(async move { store.get_part(&object, Some(range)).await })?
    }

    /// Reads several objects, [`IN_FLIGHT`] at a time, in the order asked for. The caller bounds their total size.
    pub fn get_many(&self, objects: &[Object]) -> Result<Vec<Result<Bytes>>> {
        let tasks: Vec<_> = objects.iter().map(|object| self.clone().get_whole(object.clone())).collect();
        block_on(async move { stream::iter(tasks).buffered(IN_FLIGHT).collect().await })
    }

    /// The bytes at a path that was not listed. The body is as long as the answer's own header says, or `Truncated`.
    pub fn read(&self, path: &str) -> Result<Bytes> {
        let (store, path) = (self.clone(), path.to_owned());
        block_on(async move { store.read_now(&path).await })?
    }

    /// Writes an object that nobody has written, or finds out what is there. Never overwrites.
    ///
    /// After any unclear answer the object is read back: equal is success, absent is tried again, other is `Different`.
    pub fn put_new(&self, path: &str, body: Bytes) -> Result<Put> {
        let (store, path) = (self.clone(), path.to_owned());
        block_on(async move { store.put_settled(&path, body, false).await })?
    }

    /// [`Store::put_new`], and what was written is read back and compared byte by byte before this returns.
    pub fn put_new_verified(&self, path: &str, body: Bytes) -> Result<Put> {
        let (store, path) = (self.clone(), path.to_owned());
        block_on(async move { store.put_settled(&path, body, true).await })?
    }

    /// Several [`Store::put_new_verified`], [`IN_FLIGHT`] at a time; results in the order given.
    pub fn put_many(&self, objects: Vec<(String, Bytes)>) -> Result<Vec<Result<Put>>> {
        let tasks: Vec<_> = objects
            .into_iter()
            .map(|(path, body)| {
                let store = self.clone();
                async move { store.put_settled(&path, body, true).await }
            })
            .collect();
        block_on(async move { stream::iter(tasks).buffered(IN_FLIGHT).collect().await })
    }

    /// Writes an object, whatever was there. Only for `latest/`; anything else is refused.
    pub fn put_overwrite(&self, path: &str, body: Bytes) -> Result<()> {
        if !layout::is_latest(path) {
            return Err(Error::new(
                Kind::Other,
                "overwrite",
                self.url(path),
                "only objects in latest/ are ever overwritten",
            ));
        }
        let full = self.full("write", path)?;
        let inner = Arc::clone(&self.inner);
        let put = block_on(async move { inner.put(&full, body.into()).await })?;
        put.map_err(|e| self.error("write", path, &e))?;
        Ok(())
    }

    /// What writes that were killed left on a local disk, beside the objects they were meant for; no listing holds them. Sorted by path.
    pub fn staged(&self) -> Result<Vec<Object>> {
        let Some(folder) = &self.folder else { return Ok(Vec::new()) };
        local::staged(folder).map_err(|error| self.of_disk("list", "", &error))
    }

    /// Deletes an object; one that is gone already is fine. Only for `vacuum` and the probe.
    pub fn delete(&self, path: &str) -> Result<()> {
        if let Some(folder) = self.folder.as_ref().filter(|_| local::is_staged(path)) {
            return local::delete(folder, path).map_err(|error| self.of_disk("delete", path, &error));
        }
        let full = self.full("delete", path)?;
        let inner = Arc::clone(&self.inner);
        let deleted = block_on(async move { inner.delete(&full).await })?;
        match deleted.map_err(|e| self.error("delete", path, &e)) {
            Err(error) if error.kind != Kind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// One create-only put, with the store's bare answer. Everyone but the probe wants [`Store::put_new`].
    fn put_once(&self, path: &str, body: Bytes) -> Result<()> {
        let (store, path) = (self.clone(), path.to_owned());
        block_on(async move { store.create(&path, body).await })?
    }

    async fn create(&self, path: &str, body: Bytes) -> Result<()> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = self.inner.put_opts(&self.full("write", path)?, body.into(), options).await;
        put.map(|_| ()).map_err(|e| self.error("write", path, &e))
    }

    async fn put_settled(&self, path: &str, body: Bytes, verify: bool) -> Result<Put> {
        let mut attempt = 1;
        loop {
            let created = self.create(path, body.clone()).await;
            if created.is_ok() && !verify {
                return Ok(Put::Created);
            }
            if created.as_ref().is_err_and(|error| !error.may_pass() && error.kind != Kind::Conflict) {
                // Refused for good: there is nothing in doubt that reading could settle.
                return created.map(|()| Put::Created);
            }
            let failure = match (self.read_now(path).await, created) {
                (Ok(found), Ok(())) if found == body => return Ok(Put::Created),
                (Ok(found), Err(_)) if found == body => return Ok(Put::Same),
                (Ok(found), Err(_)) => return Ok(Put::Different(found)),
                (Ok(_), Ok(())) => {
                    return Err(Error::new(
                        Kind::Other,
                        "write",
                        self.url(path),
                        "what was read back is not what was written",
                    ));
                }
                // Absent after "it exists": S3 answers 409 while another writer's put is under way.
                (Err(read), Err(write)) if read.kind == Kind::NotFound && write.kind == Kind::Conflict => {
                    Error { kind: Kind::Transient, ..write }
                }
                (Err(read), Err(write)) if read.kind == Kind::NotFound => write,
                // The write stands, or stands in doubt, and the store will not say. A rerun settles it.
                (Err(read), created) => return Err(created.err().filter(|e| e.kind != Kind::Conflict).unwrap_or(read)),
            };
            if !failure.is_transient() || attempt >= retry::SETTLE_ATTEMPTS {
                return Err(failure);
            }
            tokio::time::sleep(retry::pause(self.pause, attempt)).await;
            attempt += 1;
        }
    }

    async fn read_now(&self, path: &str) -> Result<Bytes> {
        let result = self.inner.get(&self.full("read", path)?).await.map_err(|e| self.error("read", path, &e))?;
        let size = result.meta.size;
        let body = result.bytes().await.map_err(|e| self.error("read", path, &e))?;
        self.whole(path, body, size)
    }

    async fn get_whole(self, object: Object) -> Result<Bytes> {
        if object.size <= retry::PART_BYTES {
            return self.get_part(&object, None).await;
        }
        let starts = (0..object.size).step_by(retry::PART_BYTES as usize);
        let parts = starts.map(|start| self.get_part(&object, Some(start..object.size.min(start + retry::PART_BYTES))));
        let mut whole = BytesMut::with_capacity(usize::try_from(object.size).unwrap_or_default());
        let mut parts = stream::iter(parts).buffered(PARTS_IN_FLIGHT);
        while let Some(part) = parts.try_next().await? {
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }

    async fn get_part(&self, object: &Object, range: Option<Range<u64>>) -> Result<Bytes> {
        let path = object.path.as_str();
        let expected = range.as_ref().map_or(object.size, |range| range.end.saturating_sub(range.start));
        let options =
            GetOptions { if_match: object.etag.clone(), range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let result = self.inner.get_opts(&self.full("read", path)?, options).await;
        let result = result.map_err(|e| self.error("read", path, &e))?;
        if result.meta.size != object.size && object.etag.is_some() && result.meta.e_tag == object.etag {
            let reason = format!(
                "the same object is listed with {} and served with {}",
                bytes_told(object.size),
                bytes_told(result.meta.size)
            );
            return Err(Error::new(Kind::Config, "read", self.url(path), reason).hint(error::UNPACKED_HINT));
        }
        if result.meta.size != object.size {
            let reason = format!("it was {} bytes when listed and is {} now", object.size, result.meta.size);
            return Err(Error::new(Kind::Changed, "read", self.url(path), reason));
        }
        let body = result.bytes().await.map_err(|e| self.error("read", path, &e))?;
        self.whole(path, body, expected)
    }

    /// object_store hands over short bodies as if they were whole.
    fn whole(&self, path: &str, body: Bytes, expected: u64) -> Result<Bytes> {
        if body.len() as u64 == expected {
            return Ok(body);
        }
        let reason = format!("{} of {expected} bytes arrived", body.len());
        Err(Error::new(Kind::Truncated, "read", self.url(path), reason).hint("try again"))
    }

    fn object(&self, meta: ObjectMeta) -> Option<Object> {
        let full = meta.location.as_ref();
        let prefix = self.prefix.as_ref();
        let full = keys::unpack(full);
        let path = if prefix.is_empty() { &*full } else { full.strip_prefix(prefix)?.strip_prefix('/')? };
        Some(Object { path: path.to_owned(), size: meta.size, etag: meta.e_tag, last_modified: meta.last_modified })
    }

    fn full(&self, action: &'static str, path: &str) -> Result<Path> {
        if !path.is_empty() && !keys::is_name(path) {
            // Not even under the name it would be normalised to.
            return Err(Error::new(Kind::Other, action, self.url(path), "its key is no name that can be asked for"));
        }
        let prefix = self.prefix.as_ref();
        match (prefix.is_empty(), path.is_empty()) {
            (true, _) => parse_path(action, path),
            (false, true) => Ok(self.prefix.clone()),
            (false, false) => parse_path(action, &format!("{prefix}/{path}")),
        }
    }

    fn error(&self, action: &'static str, path: &str, error: &object_store::Error) -> Error {
        Error::translate(action, &self.url(path), error)
    }

    fn of_disk(&self, action: &'static str, path: &str, cause: &std::io::Error) -> Error {
        let told = error::disk(cause).unwrap_or_else(|| Final::new(Kind::Other, cause.to_string()));
        Error { hint: told.hint, ..Error::new(told.kind, action, self.url(path), told.reason) }
    }
}

fn bytes_told(bytes: u64) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

fn parse_path(action: &'static str, path: &str) -> Result<Path> {
    Path::parse(path)
        .map_err(|_| Error::new(Kind::Other, action, error::scrub(path), "the name is not a valid object name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    fn memory(prefix: &str) -> Store {
        Store::from_object_store(Arc::new(InMemory::new()), prefix, "memory://test/").unwrap()
    }

    #[test]
    fn a_name_is_written_once() {
        let store = memory("");
        assert_eq!(store.put_new("a", Bytes::from("1")).unwrap(), Put::Created);
        assert_eq!(store.put_new("a", Bytes::from("1")).unwrap(), Put::Same);
        assert_eq!(store.put_new("a", Bytes::from("2")).unwrap(), Put::Different(Bytes::from("1")));
        assert_eq!(store.read("a").unwrap(), Bytes::from("1"));
    }

    #[test]
    fn lists_are_sorted_relative_and_can_start_after_a_name() {
        let store = memory("deep/lake");
        for path in ["x/c", "x/a", "x/b", "xy"] {
            store.put_new(path, Bytes::from("1")).unwrap();
        }
        let paths = |objects: Vec<Object>| objects.into_iter().map(|o| o.path).collect::<Vec<_>>();
        assert_eq!(paths(store.list("x").unwrap()), ["x/a", "x/b", "x/c"]);
        assert_eq!(paths(store.list_after("x", "x/a").unwrap()), ["x/b", "x/c"]);
        assert_eq!(paths(store.list("").unwrap()), ["x/a", "x/b", "x/c", "xy"]);
        assert!(store.list("none").unwrap().is_empty());
    }

    #[test]
    fn an_object_that_changed_after_listing_is_not_read() {
        let store = memory("");
        store.put_overwrite("marts/latest/t.parquet", Bytes::from("old")).unwrap();
        let listed = store.list("").unwrap().remove(0);
        store.put_overwrite("marts/latest/t.parquet", Bytes::from("new")).unwrap();
        assert_eq!(store.get(&listed).unwrap_err().kind, Kind::Changed);
        let without_etag = Object { etag: None, size: 2, ..listed };
        assert_eq!(store.get(&without_etag).unwrap_err().kind, Kind::Changed);
    }

    #[test]
    fn large_objects_arrive_whole_and_ranges_exactly() {
        let store = memory("");
        let body: Bytes = (0..retry::PART_BYTES * 2 + 5).map(|i| (i % 251) as u8).collect::<Vec<_>>().into();
        store.put_new("big", body.clone()).unwrap();
        let listed = store.list("").unwrap().remove(0);
        assert!(store.get(&listed).unwrap() == body);
        assert_eq!(store.get_range(&listed, 10..13).unwrap(), body.slice(10..13));
        assert_eq!(store.get_range(&listed, listed.size - 1..listed.size + 1).unwrap_err().kind, Kind::Truncated);
    }

    #[test]
    fn nothing_outside_latest_is_overwritten() {
        let refused = memory("").put_overwrite("marts/data/t/all-0.parquet", Bytes::new()).unwrap_err();
        assert!(refused.to_string().contains("only objects in latest/"), "{refused}");
    }

    #[test]
    fn missing_objects_say_so_and_deleting_them_is_fine() {
        let store = memory("");
        let error = store.read("gone").unwrap_err();
        assert_eq!(
            (error.kind, error.to_string().as_str()),
            (Kind::NotFound, "cannot read memory://test/gone: not found")
        );
        store.delete("gone").unwrap();
    }

    #[test]
    fn many_come_back_in_the_order_asked_for() {
        let store = memory("p");
        let objects = (0..40).map(|i| (format!("k{i:02}"), Bytes::from(i.to_string()))).collect();
        assert!(store.put_many(objects).unwrap().into_iter().all(|put| put.unwrap() == Put::Created));
        let mut listed = store.list("").unwrap();
        listed.reverse();
        let bodies: Vec<Bytes> = store.get_many(&listed).unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(bodies.first().unwrap(), &Bytes::from("39"));
        assert_eq!(bodies.last().unwrap(), &Bytes::from("0"));
    }
}
