//! An object store that fails where it is told to.
//!
//! Every operation is counted, in the order it starts. At chosen numbers it fails in one of the ways stores and processes do;
//! several faults in one run (pairs) are just several entries. Runs of several actors can be stepped through a given schedule.
//! Deterministic: no clock, no randomness of its own.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection breaks; nothing was done.
    ErrorBefore,
    /// The work was done; its answer got lost.
    ErrorAfter,
    /// Half a body arrives as if it were whole; a listing breaks off with an error. For writes like [`Fault::ErrorAfter`].
    Truncated,
    /// 403.
    Forbidden,
    /// 503, with the retry budget used up.
    Unavailable,
    /// The process dies before the operation: this and all later ones do nothing.
    CrashBefore,
    /// The process dies when the operation has been applied.
    CrashAfter,
}

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::Truncated,
        Self::Forbidden,
        Self::Unavailable,
        Self::CrashBefore,
        Self::CrashAfter,
    ];
}

/// Which operation (from 0) fails, and how.
pub type Faults = BTreeMap<usize, Fault>;

/// One operation as it was asked for, `put _commits/…`; creates and overwrites are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    pub verb: &'static str,
    pub path: String,
}

/// Called after each operation that may have changed the store.
pub type Observer = Box<dyn Fn() + Send + Sync>;

pub struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    state: Mutex<State>,
    observer: Option<Observer>,
    /// Whose store this is, and the schedule it shares with others.
    turns: Option<(usize, Arc<Turns>)>,
    ignores_create: bool,
}

#[derive(Default)]
struct State {
    faults: Faults,
    ops: Vec<Op>,
    crashed: bool,
}

impl FaultyStore {
    pub fn new(inner: Arc<dyn ObjectStore>, faults: Faults) -> Self {
        let state = Mutex::new(State { faults, ..State::default() });
        Self { inner, state, observer: None, turns: None, ignores_create: false }
    }

    /// Calls `observer` after each write and delete, also after those whose answer gets lost.
    pub fn observed(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Lets `actor` do an operation only when the schedule says so.
    pub fn in_turns(self, actor: usize, turns: Arc<Turns>) -> Self {
        Self { turns: Some((actor, turns)), ..self }
    }

    /// A store that takes the create-only header and overwrites all the same, as some S3-compatible servers do.
    pub fn ignoring_create(self) -> Self {
        Self { ignores_create: true, ..self }
    }

    /// What was asked for so far, the failed included.
    pub fn ops(&self) -> Vec<Op> {
        self.lock().ops.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn begin(&self, verb: &'static str, path: &str) -> Result<Option<Fault>> {
        if let Some((actor, turns)) = &self.turns {
            turns.wait_for(*actor).await;
        }
        let mut state = self.lock();
        let fault = state.faults.get(&state.ops.len()).copied();
        state.ops.push(Op { verb, path: path.to_owned() });
        if state.crashed {
            return Err(generic("the process is dead"));
        }
        match fault {
            Some(Fault::CrashBefore) => {
                state.crashed = true;
                Err(generic("the process died"))
            }
            Some(Fault::ErrorBefore) => Err(generic("connection reset by peer")),
            Some(Fault::Unavailable) => {
                Err(generic("Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>"))
            }
            // As in object_store: a refused listing is Generic.
            Some(Fault::Forbidden) if verb == "list" => {
                Err(generic("Server returned non-2xx status code: 403 Forbidden: "))
            }
            Some(Fault::Forbidden) => Err(Error::PermissionDenied { path: path.to_owned(), source: "403".into() }),
            fault => Ok(fault),
        }
    }

    fn end<T>(&self, fault: Option<Fault>, writes: bool, result: Result<T>) -> Result<T> {
        if let Some(observer) = self.observer.as_ref().filter(|_| writes) {
            observer();
        }
        let result = match fault {
            Some(Fault::ErrorAfter) => Err(generic("connection reset by peer")),
            Some(Fault::Truncated) if writes => Err(generic("connection reset by peer")),
            Some(Fault::CrashAfter) => {
                self.lock().crashed = true;
                Err(generic("the process died"))
            }
            _ => result,
        };
        self.done();
        result
    }

    fn done(&self) {
        if let Some((actor, turns)) = &self.turns {
            turns.pass_on(*actor);
        }
    }

    /// `begin` whose failure also gives up the turn.
    async fn start(&self, verb: &'static str, path: &str) -> Result<Option<Fault>> {
        let begun = self.begin(verb, path).await;
        if begun.is_err() {
            self.done();
        }
        begun
    }

    fn listing(self: Arc<Self>, prefix: Option<Path>, offset: Option<Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let listed = async move {
            let path = prefix.as_ref().map(Path::to_string).unwrap_or_default();
            let fault = match self.start("list", &path).await {
                Ok(fault) => fault,
                Err(error) => return vec![Err(error)],
            };
            let stream = match &offset {
                Some(offset) => self.inner.list_with_offset(prefix.as_ref(), offset),
                None => self.inner.list(prefix.as_ref()),
            };
            let mut items: Vec<Result<ObjectMeta>> = stream.collect().await;
            if fault == Some(Fault::Truncated) {
                items.truncate(items.len() / 2);
                items.push(Err(generic("connection reset by peer")));
            }
            match self.end(fault, false, Ok(())) {
                Ok(()) => items,
                Err(error) => vec![Err(error)],
            }
        };
        stream::once(listed).flat_map(stream::iter).boxed()
    }
}

fn generic(text: &str) -> Error {
    Error::Generic { store: "faulty", source: text.to_owned().into() }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyStore({:?})", self.lock().faults)
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A handle that is itself a store; the test keeps the other clone to look at the operations.
#[derive(Debug, Clone)]
pub struct Shared(pub Arc<FaultyStore>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[async_trait]
impl ObjectStore for Shared {
    async fn put_opts(&self, location: &Path, payload: PutPayload, mut options: PutOptions) -> Result<PutResult> {
        let verb = if options.mode == PutMode::Create { "create" } else { "overwrite" };
        let fault = self.0.start(verb, location.as_ref()).await?;
        if self.0.ignores_create {
            options.mode = PutMode::Overwrite;
        }
        let result = self.0.inner.put_opts(location, payload, options).await;
        self.0.end(fault, true, result)
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(unused("put_multipart", location))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let fault = self.0.start("get", location.as_ref()).await?;
        let mut result = self.0.inner.get_opts(location, options).await;
        if fault == Some(Fault::Truncated) {
            result = match result {
                Ok(whole) => halve(whole).await,
                Err(error) => Err(error),
            };
        }
        self.0.end(fault, false, result)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = Arc::clone(&self.0);
        let delete = move |location: Result<Path>| {
            let store = Arc::clone(&store);
            async move {
                let location = location?;
                let fault = store.start("delete", location.as_ref()).await?;
                let result = object_store::ObjectStoreExt::delete(&store.inner, &location).await;
                store.end(fault, true, result.map(|()| location))
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        Arc::clone(&self.0).listing(prefix.cloned(), None)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        Arc::clone(&self.0).listing(prefix.cloned(), Some(offset.clone()))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        Err(unused("list_with_delimiter", &prefix.cloned().unwrap_or_default()))
    }

    async fn copy_opts(&self, from: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unused("copy", from))
    }
}

/// The house does not use these; a new use must be given its faults here first.
fn unused(operation: &str, location: &Path) -> Error {
    generic(&format!("{operation} of {location} is not an operation the faulty store knows"))
}

async fn halve(whole: GetResult) -> Result<GetResult> {
    let (meta, range, attributes, extensions) =
        (whole.meta.clone(), whole.range.clone(), whole.attributes.clone(), whole.extensions.clone());
    let body = whole.bytes().await?;
    let half = body.slice(..body.len() / 2);
    let payload = GetResultPayload::Stream(stream::once(async { Ok(half) }).boxed());
    Ok(GetResult { payload, meta, range, attributes, extensions })
}

/// Who may do the next operation. Actors that have finished are skipped; after the schedule's end all are free.
#[derive(Debug, Default)]
pub struct Turns {
    schedule: Mutex<VecDeque<usize>>,
    changed: tokio::sync::Notify,
}

impl Turns {
    pub fn new(schedule: impl IntoIterator<Item = usize>) -> Arc<Self> {
        Arc::new(Self { schedule: Mutex::new(schedule.into_iter().collect()), changed: tokio::sync::Notify::new() })
    }

    /// An actor that will ask for nothing more. Called when its thread ends, however it ends.
    pub fn leave(&self, actor: usize) {
        self.lock().retain(|next| *next != actor);
        self.changed.notify_waiters();
    }

    async fn wait_for(&self, actor: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.lock().front().is_none_or(|next| *next == actor) {
                return;
            }
            changed.await;
        }
    }

    fn pass_on(&self, actor: usize) {
        let mut schedule = self.lock();
        if schedule.front() == Some(&actor) {
            schedule.pop_front();
        }
        drop(schedule);
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
