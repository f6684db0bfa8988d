//! The demo: sample-data through its job gives the tables in sample-data/expected, to the last digit.

use std::path::Path;
use std::process::Command;

#[test]
fn the_demo_job_gives_the_expected_tables() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lake = tempfile::tempdir().unwrap();
    let out = lake.path().to_str().unwrap();
    let uptake = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_uptake")).args(args).current_dir(root).output().unwrap();
        assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    uptake(&["run", "jobs/demo.toml", "--as-of", "2026-03-30T02:00:00Z", "--out", out]);
    let expected = root.join("sample-data/expected");
    let mut compared = 0;
    for file in std::fs::read_dir(&expected).unwrap() {
        let path = file.unwrap().path();
        let table = path.file_stem().unwrap().to_str().unwrap();
        let mut args = vec!["show", "jobs/demo.toml", table, "--out", out, "--csv", "--limit", "100000"];
        if table == "adoption_kpis" {
            // Months alone: days and weeks would be megabytes.
            args.extend(["--where", "grain=month"]);
        }
        let (wanted, found) = (std::fs::read_to_string(&path).unwrap(), uptake(&args));
        let difference = wanted.lines().zip(found.lines()).find(|(wanted, found)| wanted != found);
        assert!(wanted == found, "{table} differs, first in (expected, found): {difference:?}");
        compared += 1;
    }
    assert!(compared >= 5, "sample-data/expected holds {compared} tables");
}
