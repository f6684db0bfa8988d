//! A lake that an earlier version wrote is brought forward by the next run, in one commit, or refused with what to do.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use uptake::publish::commit;
use uptake::store::{Env, Store};

use crate::world::{difference, files, instant, root};

/// A copy of the job, its landing area and the lake that an earlier version wrote from it.
struct Old {
    folder: TempDir,
}

impl Old {
    fn new() -> Old {
        let folder = TempDir::new().expect("a folder");
        copy(&root().join("tests/old_lake"), folder.path());
        Old { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, more: &str) -> u8 {
        let words = format!("uptake run {} --as-of 2026-03-10 {more}", self.path("job.toml").display());
        let words = words.split_whitespace().map(Into::into);
        uptake::cli::main(words, &Env::default(), instant("2030-01-01"))
    }

    fn lake(&self, name: &str) -> Store {
        Store::open(&format!("file://{}", self.path(name).display()), &Env::default()).expect("a lake")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

#[test]
fn a_lake_of_an_earlier_version_becomes_what_a_fresh_build_gives_in_one_commit() {
    let old = Old::new();
    let before = commit::head(&old.lake("lake")).expect("a log").expect("a commit").n;
    assert_eq!(old.run(""), 0);
    assert_eq!(old.run(&format!("--out {}", old.path("fresh").display())), 0);
    let (now, fresh) = (old.lake("lake"), old.lake("fresh"));
    assert_eq!(commit::head(&now).expect("a log").expect("a commit").n, before + 1);
    assert_eq!(difference(&files(&now), &files(&fresh)), Vec::<String>::new());
    // Once forward, it is read no more.
    assert_eq!(old.run("--exit-99-if-nothing-to-do"), 99);
}

#[test]
fn the_run_that_brings_a_lake_forward_names_the_tables_it_built_anew() {
    let old = Old::new();
    let words = ["run", &old.path("job.toml").display().to_string(), "--as-of", "2026-03-10"].map(str::to_owned);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_uptake")).args(words).output().expect("the program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("canon activity, content, enrollments, org_units, users, workers were built anew"),
        "{said} {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_lake_whose_deliveries_are_gone_is_refused_and_left_as_it_is() {
    let old = Old::new();
    std::fs::remove_file(old.path("landing/users_2026-02-23.csv")).expect("a deletion");
    let before = commit::head(&old.lake("lake")).expect("a log");
    let words = ["run", &old.path("job.toml").display().to_string(), "--as-of", "2026-03-10"].map(str::to_owned);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_uptake")).args(words).output().expect("the program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("users_2026-02-23.csv is no longer in the landing area") && said.contains("--out"), "{said}");
    assert!(commit::head(&old.lake("lake")).expect("a log") == before);
}
