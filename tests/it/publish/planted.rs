//! Publishers with a bug planted on purpose: each has to be seen by the judge or in the final state.

use super::*;

/// The body of the commit that a careless publisher writes.
fn careless_commit(lake: &Store, files: Files) -> Commit {
    let head = commit::head(lake).unwrap();
    Commit {
        format: FORMAT,
        n: head.as_ref().map_or(1, |h| h.n + 1),
        parent: None,
        made_by: MadeBy::Run,
        as_of: String::new(),
        binary_version: String::new(),
        config_hash: String::new(),
        contract_hashes: BTreeMap::new(),
        files,
        ledger: serde_json::Value::Null,
        counts: BTreeMap::new(),
        deleting: BTreeSet::new(),
    }
}

/// Tuesday's files, named by `path`, without being written.
fn named(path: impl Fn(Area, &str, &str, &str) -> String) -> (Files, Vec<(String, Bytes)>) {
    let mut files = Files::new();
    let mut objects = Vec::new();
    for (area, name, partition, content) in tables(&["monday".to_owned(), "tuesday".to_owned()]) {
        let body = table(&content);
        let sha256 = hex_sha256(&body);
        let file = FileRef { path: path(area, name, &partition, &sha256), bytes: body.len() as u64, rows: 1, sha256 };
        objects.push((file.path.clone(), body));
        files.entry(layout::table(area, name).unwrap()).or_default().insert(partition, file);
    }
    (files, objects)
}

fn by_content(area: Area, name: &str, partition: &str, sha256: &str) -> String {
    layout::data(area, name, partition, sha256).unwrap()
}

fn raw_put(store: &dyn ObjectStore, path: &str, body: Bytes) {
    block_on(store.put(&Path::parse(format!("lake/{path}")).unwrap(), body.into())).unwrap();
}

#[test]
fn planted_commit_before_data_is_seen_by_a_reader() {
    let watched = Watched::new(tuesday_morning());
    let store: Arc<dyn ObjectStore> = Arc::new(Shared(Arc::new(watched.faulty(Faults::new()))));
    let lake = lake(Arc::clone(&store));
    let (files, objects) = named(by_content);
    let commit = careless_commit(&lake, files);
    lake.put_new(&layout::commit(commit.n), commit.to_bytes().unwrap()).unwrap();
    for (path, body) in objects {
        lake.put_new(&path, body).unwrap();
    }
    let complaint = watched.complaint(&[Some(BEFORE), Some(AFTER)]).unwrap();
    assert!(complaint.contains("not found"), "{complaint}");
}

#[test]
fn planted_in_place_write_is_seen_by_a_reader() {
    let inner = tuesday_morning();
    let in_place = |area: Area, name: &str, partition: &str, _: &str| {
        layout::data(area, name, partition, &"0".repeat(64)).unwrap()
    };
    let write = |store: &dyn ObjectStore, lake: &Store| {
        let (files, objects) = named(in_place);
        objects.into_iter().for_each(|(path, body)| raw_put(store, &path, body));
        let commit = careless_commit(lake, files);
        lake.put_new(&layout::commit(commit.n), commit.to_bytes().unwrap()).unwrap();
    };
    write(&*inner, &lake(Arc::clone(&inner) as _));
    let watched = Watched::new(inner);
    let store: Arc<dyn ObjectStore> = Arc::new(Shared(Arc::new(watched.faulty(Faults::new()))));
    let name = in_place(Area::Marts, "kpis", "all", "");
    raw_put(&*store, &name, table("monday+tuesday+wednesday"));
    let complaint = watched.complaint(&[Some(AFTER)]).unwrap();
    assert!(complaint.contains("is damaged"), "{complaint}");
}

#[test]
fn planted_missing_length_check_is_seen_in_what_is_published() {
    let store: Arc<dyn ObjectStore> = tuesday_morning();
    let input = Path::from("landing/in/2.csv");
    let cut = Shared(Arc::new(FaultyStore::new(Arc::clone(&store), Faults::from([(0, Fault::Truncated)]))));
    // object_store itself hands over half the body without a word …
    let body = block_on(async { cut.get(&input).await.unwrap().bytes().await.unwrap() });
    assert_eq!(body, "tue");
    // … which the house's own reading does not.
    let cut = Shared(Arc::new(FaultyStore::new(Arc::clone(&store), Faults::from([(1, Fault::Truncated)]))));
    let landing = landing(Arc::new(cut));
    let listed = landing.list("in").unwrap();
    assert_eq!(landing.get(&listed[1]).unwrap_err().kind, Kind::Truncated);
    // Published, the half body is a snapshot that never was.
    let watched = Watched::new(tuesday_morning());
    let lake = lake(Arc::new(Shared(Arc::new(watched.faulty(Faults::new())))));
    let publisher = Publisher::open(&lake).unwrap();
    let mut files = Files::new();
    for (area, name, partition, content) in tables(&["monday".to_owned(), "tue".to_owned()]) {
        let file = NewFile { area, table: name.into(), partition: partition.clone(), body: table(&content), rows: 1 };
        files
            .entry(layout::table(area, name).unwrap())
            .or_default()
            .insert(partition, publisher.put_file(file).unwrap());
    }
    publisher.commit(Draft { files, ..Draft::default() }).unwrap();
    assert!(watched.complaint(&[Some(BEFORE), Some(AFTER)]).unwrap().contains("monday+tue"));
}

#[test]
fn planted_eager_vacuum_is_seen_by_a_reader() {
    let watched = Watched::new(tuesday_morning());
    let store: Arc<dyn ObjectStore> = Arc::new(Shared(Arc::new(watched.faulty(Faults::new()))));
    let lake = lake(Arc::clone(&store));
    let publisher = Publisher::open(&lake).unwrap();
    let (files, objects) = named(by_content);
    for (path, body) in objects {
        lake.put_new(&path, body).unwrap();
    }
    // Deletes whatever head does not name, at once and without a word in the log: files of a run in flight included.
    let head = commit::head(&lake).unwrap().unwrap();
    let named: BTreeSet<&str> = head.paths().collect();
    for area in Area::ALL {
        for object in lake.list(&layout::data_folder(area)).unwrap().iter().filter(|o| !named.contains(o.path.as_str()))
        {
            lake.delete(&object.path).unwrap();
        }
    }
    publisher.commit(Draft { files, ..Draft::default() }).unwrap();
    assert!(watched.complaint(&[Some(BEFORE), Some(AFTER)]).unwrap().contains("not found"));
}

#[test]
fn planted_lost_update_is_seen_in_the_final_state() {
    // A publisher that overwrites instead of creating: in some schedule one of two days is gone.
    let add_carelessly = |store: &Arc<dyn ObjectStore>, day: &str| {
        let lake = lake(Arc::clone(store));
        let mut files = commit::head(&lake).unwrap().map(|head| head.files).unwrap_or_default();
        let body = table(day);
        let path = layout::data(Area::Canon, "activity", &format!("day={day}"), &hex_sha256(&body)).unwrap();
        let file = FileRef { path: path.clone(), sha256: hex_sha256(&body), bytes: body.len() as u64, rows: 1 };
        lake.put_new(&path, body).unwrap();
        files.entry("canon/activity".into()).or_default().insert(format!("day={day}"), file);
        let commit = careless_commit(&lake, files);
        raw_put(&**store, &layout::commit(commit.n), commit.to_bytes().unwrap());
    };
    let lost = schedules(6, 20).into_iter().any(|schedule| {
        let watched = Watched::new(Arc::new(InMemory::new()));
        interleave(&watched, schedule, &[&|s| add_carelessly(&s, "x"), &|s| add_carelessly(&s, "y")]);
        let head = commit::head(&lake(Arc::clone(&watched.inner) as _)).unwrap().unwrap();
        head.files["canon/activity"].len() < 2
    });
    assert!(lost);
}

#[test]
fn planted_run_dated_names_make_a_rerun_cost_a_commit() {
    let store: Arc<dyn ObjectStore> = tuesday_morning();
    run(&store).unwrap();
    let lake = lake(store);
    let commits = |lake: &Store| commit::log(lake).unwrap().len();
    let before = commits(&lake);
    for hour in ["run=01", "run=02"] {
        let publisher = Publisher::open(&lake).unwrap();
        let mut files = publisher.head().unwrap().files.clone();
        let file =
            NewFile { area: Area::Marts, table: "kpis".into(), partition: hour.into(), body: table(AFTER), rows: 1 };
        let file = publisher.put_file(file).unwrap();
        files.insert("marts/kpis".into(), BTreeMap::from([("all".to_owned(), file)]));
        publisher
            .commit(Draft { files, ledger: publisher.head().unwrap().ledger.clone(), ..Draft::default() })
            .unwrap();
    }
    assert_eq!(commits(&lake), before + 2, "the same rows under two names are two commits");
}
