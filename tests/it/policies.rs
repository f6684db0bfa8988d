//! The policies that ship in `jobs/policies` allow each command what it really does, and little more.
//!
//! Two nights, a probe, the way back to an older snapshot and a vacuum run on a store that writes down every operation; each is then
//! put to the policy of its identity, as the provider would.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use object_store::memory::InMemory;
use serde_json::Value;
use uptake::publish::vacuum::{self, Keep};
use uptake::publish::{commit, latest};
use uptake::store::{Store, probe};

use crate::faulty::{Faults, FaultyStore, Op, Shared};
use crate::world::{How, Setup, World, instant, root};

const LANDING: &str = "acme-landing";
const LAKE: &str = "acme-people-analytics";

/// What the commands asked of the stores: bucket and operation.
type Asked = Vec<(&'static str, Op)>;

fn recorded(inner: &Arc<InMemory>) -> (Shared, Store) {
    let shared = Shared(Arc::new(FaultyStore::new(inner.clone(), Faults::new())));
    let store = Store::from_object_store(Arc::new(shared.clone()), "", "memory").expect("a store");
    (shared, store)
}

/// What the nightly job's identity does, and what vacuum's does.
fn operations() -> (Asked, Asked) {
    let world = World::with(Setup {
        feeds: vec!["canonical_workers", "canonical_users", "canonical_activity"],
        top: "zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nmarts = [\"adoption_kpis\"]",
        ..Setup::default()
    });
    let inner = (Arc::new(InMemory::new()), Arc::new(InMemory::new()));
    let ((landing, landing_store), (lake, lake_store)) = (recorded(&inner.0), recorded(&inner.1));
    let (_, outside) = recorded(&inner.0);
    let deliver = |path: &str, text: &'static str| drop(outside.put_new(path, text.into()).expect("a delivery"));
    let night = |as_of: &str| {
        let how = How {
            as_of: instant(as_of),
            threads: 1,
            landing: Some(&landing_store),
            lake: Some(&lake_store),
            ..How::default()
        };
        world.run(&how).unwrap_or_else(|error| panic!("{as_of}: {error}"));
    };
    deliver(
        "workers_2026-03-03.csv",
        "worker_id,effective_from,employee_no,status,worker_type,org_id\nw1,2020-01-01,n1,active,employee,a\n",
    );
    deliver("users_2026-03-03.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    deliver("activity_2026-03-03.csv", "event_id,occurred_at,user_id,verb\ne1,2026-03-02T09:00:00Z,u1,completed\n");
    night("2026-03-03");
    deliver("activity_2026-03-04.csv", "event_id,occurred_at,user_id,verb\ne2,2026-03-03T09:00:00Z,u1,completed\n");
    night("2026-03-04");
    probe::create_only(&lake_store).expect("a fit store");
    latest::rewrite(&lake_store, &commit::read(&lake_store, 1).expect("the first commit")).expect("latest");
    let of = |bucket: &'static str, ops: Vec<Op>| ops.into_iter().map(move |op| (bucket, op));
    let by_run: Asked = of(LANDING, landing.0.ops()).chain(of(LAKE, lake.0.ops())).collect();

    // A stray of each kind that a vacuum deletes.
    let (_, outside) = recorded(&inner.1);
    outside.put_overwrite("marts/latest/dropped.parquet", "x".into()).expect("a stray");
    outside.put_new("_probe/create-only-0", "x".into()).expect("a probe");
    let (swept, swept_store) = recorded(&inner.1);
    let keep = Keep { commits: 1, grace: TimeDelta::seconds(-3600), prune_commits: true };
    let now = outside.list("").expect("a listing").iter().map(|object| object.last_modified).max().unwrap_or_default();
    let plan = vacuum::plan(&swept_store, keep, now).expect("a plan");
    vacuum::execute(&swept_store, &plan).expect("a vacuum");
    (by_run, of(LAKE, swept.0.ops()).collect())
}

fn policy(file: &str) -> Value {
    let text = std::fs::read_to_string(root().join("jobs/policies").join(file)).expect("a policy");
    serde_json::from_str(&text).expect("JSON")
}

fn one_or_many(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

/// As AWS judges: some statement allows the action on the resource, with its conditions met. There is no Deny in these files.
fn s3_allows(policy: &Value, bucket: &str, op: &Op) -> bool {
    let (action, resource) = match op.verb {
        "list" => ("s3:ListBucket", format!("arn:aws:s3:::{bucket}")),
        "get" => ("s3:GetObject", format!("arn:aws:s3:::{bucket}/{}", op.path)),
        "create" | "overwrite" => ("s3:PutObject", format!("arn:aws:s3:::{bucket}/{}", op.path)),
        "delete" => ("s3:DeleteObject", format!("arn:aws:s3:::{bucket}/{}", op.path)),
        other => panic!("{other} is put to no policy yet"),
    };
    let statements = policy["Statement"].as_array().expect("statements");
    statements.iter().any(|statement| {
        assert_eq!(statement["Effect"], "Allow", "{statement}");
        let condition = &statement["Condition"];
        let creates_only = condition["Null"]["s3:if-none-match"] == "false";
        let prefixes = one_or_many(&condition["StringLike"]["s3:prefix"]);
        one_or_many(&statement["Action"]).contains(&action)
            && one_or_many(&statement["Resource"]).iter().any(|pattern| matches(pattern, &resource))
            && (!creates_only || op.verb == "create")
            && (prefixes.is_empty() || prefixes.iter().any(|pattern| matches(pattern, &format!("{}/", op.path))))
    })
}

/// As Azure judges without conditions: a role has the right or not.
fn azure_allows(role: &Value, op: &Op) -> bool {
    let right = |name: &str| {
        let full = format!("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/{name}");
        one_or_many(&role["DataActions"]).contains(&full.as_str())
    };
    match op.verb {
        "list" | "get" => right("read"),
        "create" => right("add/action") || right("write"),
        "overwrite" => right("write"),
        "delete" => right("delete"),
        other => panic!("{other} is put to no policy yet"),
    }
}

fn refused(asked: &Asked, allows: impl Fn(&str, &Op) -> bool) -> BTreeSet<String> {
    let denied = asked.iter().filter(|(bucket, op)| !allows(bucket, op));
    denied.map(|(bucket, op)| format!("{} {bucket}/{}", op.verb, op.path)).collect()
}

#[test]
fn each_identity_may_do_what_its_commands_do() {
    let (by_run, by_vacuum) = operations();
    let verbs = |asked: &Asked| asked.iter().map(|(_, op)| op.verb).collect::<BTreeSet<_>>();
    assert_eq!(verbs(&by_run), BTreeSet::from(["create", "delete", "get", "list", "overwrite"]));
    assert_eq!(verbs(&by_vacuum), BTreeSet::from(["create", "delete", "get", "list"]));

    let nothing = BTreeSet::new();
    assert_eq!(refused(&by_run, |bucket, op| s3_allows(&policy("s3-run.json"), bucket, op)), nothing);
    assert_eq!(refused(&by_vacuum, |bucket, op| s3_allows(&policy("s3-vacuum.json"), bucket, op)), nothing);

    let roles = policy("azure.json");
    let role =
        |name: &str| roles.as_array().expect("roles").iter().find(|role| role["Name"] == name).expect("a role").clone();
    let (writer, reader) = (role("uptake lake writer"), role("uptake landing reader"));
    let of_run = |bucket: &str, op: &Op| {
        // Without the right to delete a probe stays, which the program takes.
        (op.verb == "delete" && op.path.starts_with("_probe/"))
            || azure_allows(if bucket == LANDING { &reader } else { &writer }, op)
    };
    assert_eq!(refused(&by_run, of_run), nothing);
    assert_eq!(refused(&by_vacuum, |_, op| azure_allows(&role("uptake vacuum"), op)), nothing);
}

#[test]
fn no_identity_may_do_what_only_another_needs() {
    let (by_run, by_vacuum) = operations();
    let op = |verb: &'static str, path: &str| Op { verb, path: path.to_owned() };
    let (run, vacuum) = (policy("s3-run.json"), policy("s3-vacuum.json"));
    for (number, (bucket, done)) in by_run.iter().chain(&by_vacuum).enumerate() {
        let path = done.path.as_str();
        if path.is_empty() || done.verb == "list" {
            continue;
        }
        let context = format!("operation {number}, {bucket}/{path}");
        assert_eq!(s3_allows(&run, bucket, &op("delete", path)), path.starts_with("_probe/"), "{context}");
        assert_eq!(
            s3_allows(&run, bucket, &op("overwrite", path)),
            *bucket == LAKE && path.contains("/latest/"),
            "{context}"
        );
        assert!(!s3_allows(&vacuum, bucket, &op("overwrite", path)), "{context}");
        assert_eq!(s3_allows(&vacuum, bucket, &op("create", path)), path.starts_with("_commits/"), "{context}");
        assert_eq!(s3_allows(&vacuum, bucket, &op("get", path)), path.starts_with("_commits/"), "{context}");
    }
    for (file, area) in [("s3-bi.json", "marts"), ("s3-restricted.json", "restricted"), ("s3-operators.json", "ops")] {
        for other in ["canon/data", "marts/data", "marts/latest", "restricted/latest", "ops/latest", "_commits"] {
            let path = format!("{other}/t.parquet");
            let is_own = other == format!("{area}/latest");
            assert_eq!(s3_allows(&policy(file), LAKE, &op("get", &path)), is_own, "{file}: {path}");
            for verb in ["create", "overwrite", "delete"] {
                assert!(!s3_allows(&policy(file), LAKE, &op(verb, &path)), "{file}: {verb} {path}");
            }
        }
    }
}
