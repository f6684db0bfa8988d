//! The toy pipeline, and the judge who knows nothing of the protocol.

use super::*;

pub(super) const DELIVERED: [(&str, &str); 3] =
    [("in/1.csv", "monday"), ("in/2.csv", "tuesday"), ("in/3.csv", "wednesday")];

/// The three tables: day partitions in canon, one file in marts, one in restricted.
pub(super) const TABLES: [(Area, &str); 3] =
    [(Area::Canon, "activity"), (Area::Marts, "kpis"), (Area::Restricted, "people")];

pub(super) fn lake(store: Arc<dyn ObjectStore>) -> Store {
    Store::from_object_store(store, "lake", "memory://toy/lake").unwrap()
}

pub(super) fn landing(store: Arc<dyn ObjectStore>) -> Store {
    Store::from_object_store(store, "landing", "memory://toy/landing").unwrap()
}

pub(super) fn deliver(store: &Arc<dyn ObjectStore>, which: &[usize]) {
    for (path, body) in which.iter().map(|i| DELIVERED[*i]) {
        landing(Arc::clone(store)).put_new(path, Bytes::from(body)).unwrap();
    }
}

/// A table of one row that says which deliveries it was made from. Encoded once a content: the tests run many thousand times.
pub(super) fn table(content: &str) -> Bytes {
    static ENCODED: Mutex<BTreeMap<String, Bytes>> = Mutex::new(BTreeMap::new());
    let mut encoded = ENCODED.lock().unwrap();
    let encode = || {
        let column = ColumnMeta {
            name: "made_from".into(),
            data_type: DataType::Utf8,
            nullable: false,
            description: "The deliveries.".into(),
            unit: None,
        };
        let meta = FileMeta {
            table: "toy".into(),
            description: "One row.".into(),
            contract_hash: "0".into(),
            columns: vec![column],
            sort: vec![],
            extra: BTreeMap::new(),
            codec: uptake::publish::parquet::Codec::Zstd,
        };
        let row = RecordBatch::try_new(meta.schema(), vec![Arc::new(StringArray::from(vec![content]))]).unwrap();
        encode(&[row], &meta).unwrap()
    };
    encoded.entry(content.to_owned()).or_insert_with(encode).clone()
}

pub(super) fn content(file: &Bytes) -> String {
    decode(file, None, Text::Plain).unwrap()[0].column(0).as_string::<i32>().value(0).to_owned()
}

/// What the tables are when made from these deliveries: (area, table, partition, content).
pub(super) fn tables(inputs: &[String]) -> Vec<(Area, &'static str, String, String)> {
    let all = inputs.join("+");
    let (canon, marts) = TABLES.split_at(1);
    let days =
        inputs.iter().enumerate().map(|(day, input)| (canon[0].0, canon[0].1, format!("day={day}"), input.clone()));
    days.chain(marts.iter().map(|(area, name)| (*area, *name, "all".to_owned(), all.clone()))).collect()
}

pub(super) fn read_inputs(landing: &Store) -> Result<Vec<String>> {
    let bodies = landing.get_many(&landing.list("in")?)?;
    bodies.into_iter().map(|body| Ok(String::from_utf8_lossy(&body?).into_owned())).collect()
}

/// One nightly run: everything that was delivered, published.
pub(super) fn run(store: &Arc<dyn ObjectStore>) -> Result<Published> {
    let (lake, landing) = (lake(Arc::clone(store)), landing(Arc::clone(store)));
    publish(&lake, &["ops/runs"], |publisher| {
        let inputs = read_inputs(&landing)?;
        let mut files = Files::new();
        for (area, name, partition, content) in tables(&inputs) {
            let file =
                NewFile { area, table: name.into(), partition: partition.clone(), body: table(&content), rows: 1 };
            files.entry(layout::table(area, name)?).or_default().insert(partition, publisher.put_file(file)?);
        }
        Ok::<_, Error>(Draft { files, ledger: inputs.into(), ..Draft::default() })
    })
}

/// One run that adds a day of its own to whatever is there: a nightly and a backfill at once are two of these.
pub(super) fn add_day(store: &Arc<dyn ObjectStore>, day: &str) -> Result<Published> {
    let lake = lake(Arc::clone(store));
    publish(&lake, &[], |publisher| {
        let mut files = publisher.head().map(|head| head.files.clone()).unwrap_or_default();
        let put = |name: &str, area, partition: &str, content: &str| {
            publisher.put_file(NewFile {
                area,
                table: name.into(),
                partition: partition.into(),
                body: table(content),
                rows: 1,
            })
        };
        let days = files.entry("canon/activity".into()).or_default();
        days.insert(format!("day={day}"), put("activity", Area::Canon, &format!("day={day}"), day)?);
        let all = days.keys().map(|d| d.trim_start_matches("day=")).collect::<Vec<_>>().join("+");
        for (area, name) in &TABLES[1..] {
            let file = put(name, *area, "all", &all)?;
            files.insert(layout::table(*area, name)?, BTreeMap::from([("all".to_owned(), file)]));
        }
        Ok::<_, Error>(Draft { files, ..Draft::default() })
    })
}

// ---- the judge ----

/// What a reader who resolves the log sees: the deliveries that all tables agree on. `None` in an empty lake.
pub(super) fn reader(store: Arc<dyn ObjectStore>) -> std::result::Result<Option<String>, String> {
    let lake = lake(store);
    let Some(head) = commit::head(&lake).map_err(|e| e.to_string())? else { return Ok(None) };
    snapshot(&lake, &head).map(Some)
}

pub(super) fn snapshot(lake: &Store, commit: &Commit) -> std::result::Result<String, String> {
    let read = |file: &FileRef| {
        commit::read_file(lake, file).map(|body| content(&body)).map_err(|e| format!("commit {}: {e}", commit.n))
    };
    let days = commit.files["canon/activity"].values().map(read).collect::<std::result::Result<Vec<_>, _>>()?.join("+");
    for (area, name) in &TABLES[1..] {
        let told = read(&commit.files[&layout::table(*area, name).unwrap()]["all"])?;
        if told != days {
            return Err(format!("torn: canon says {days}, {name} says {told}"));
        }
    }
    Ok(days)
}

/// Every object of `latest/` is a whole table at any time; after a finished run all show the head.
pub(super) fn latest_is_whole(lake: &Store) -> std::result::Result<BTreeSet<Option<String>>, String> {
    let mut shown = BTreeSet::new();
    for object in [lake.list("marts/latest"), lake.list("restricted/latest")].into_iter().flatten().flatten() {
        let body = lake.get(&object).map_err(|e| e.to_string())?;
        decode(&body, None, Text::Plain).map_err(|e| e.to_string())?;
        shown.insert(latest::read_snapshot_id(lake, &object));
    }
    Ok(shown)
}

/// A store in memory whose every state during the run was kept, and what the judge says of them.
pub(super) struct Watched {
    pub(super) inner: Arc<InMemory>,
    states: Arc<Mutex<Vec<InMemory>>>,
}

impl Watched {
    pub(super) fn new(inner: Arc<InMemory>) -> Self {
        Self { inner, states: Arc::default() }
    }

    pub(super) fn faulty(&self, faults: Faults) -> FaultyStore {
        let (inner, states) = (Arc::clone(&self.inner), Arc::clone(&self.states));
        FaultyStore::new(Arc::clone(&self.inner) as _, faults)
            .observed(Box::new(move || states.lock().unwrap().push(inner.fork())))
    }

    /// The first complaint of a reader at any instant; `good` are the snapshots that may be seen.
    pub(super) fn complaint(&self, good: &[Option<&str>]) -> Option<String> {
        let states = self.states.lock().unwrap();
        states.iter().find_map(|state| {
            let state: Arc<dyn ObjectStore> = Arc::new(state.fork());
            match reader(Arc::clone(&state)) {
                Err(complaint) => Some(complaint),
                Ok(seen) if !good.contains(&seen.as_deref()) => Some(format!("a reader sees {seen:?}")),
                Ok(_) => latest_is_whole(&lake(state)).err(),
            }
        })
    }
}

pub(super) const BEFORE: &str = "monday";
pub(super) const AFTER: &str = "monday+tuesday";

/// Monday is published, Tuesday was delivered.
pub(super) fn tuesday_morning() -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    let dynamic: Arc<dyn ObjectStore> = Arc::clone(&store) as _;
    deliver(&dynamic, &[0]);
    run(&dynamic).unwrap();
    deliver(&dynamic, &[1]);
    store
}

/// The state in which every history over the same deliveries has to end, times and etags aside.
pub(super) fn final_state(store: &Arc<dyn ObjectStore>) -> (Files, usize) {
    let lake = lake(Arc::clone(store));
    let head = commit::head(&lake).unwrap().unwrap();
    let shown = latest_is_whole(&lake).unwrap();
    assert_eq!(shown, BTreeSet::from([Some(head.snapshot_id().unwrap())]), "latest/ shows the head");
    assert_eq!(snapshot(&lake, &head).unwrap(), AFTER);
    (head.files, commit::log(&lake).unwrap().len())
}

/// The operations of Tuesday's run when nothing goes wrong, and the state it ends in.
pub(super) fn undisturbed() -> (Vec<Op>, (Files, usize)) {
    let inner = tuesday_morning();
    let faulty = Shared(Arc::new(FaultyStore::new(Arc::clone(&inner) as _, Faults::new())));
    run(&(Arc::new(faulty.clone()) as _)).unwrap();
    (faulty.0.ops(), final_state(&(inner as _)))
}

pub(super) fn faulted(watched: &Watched, faults: Faults) -> (Result<Published>, Vec<Op>) {
    let shared = Shared(Arc::new(watched.faulty(faults)));
    (run(&(Arc::new(shared.clone()) as _)), shared.0.ops())
}
