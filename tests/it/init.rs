//! `uptake init` over landing areas of different vendors: what it recognises, what it writes, and that the next command works.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with exports of feeds' own cases under the names that their senders give them.
fn landing(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (case, path) in files {
        let target = folder.path().join("landing").join(path);
        std::fs::create_dir_all(target.parent().expect("a parent")).expect("folders");
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/feed").join(case);
        let source = std::fs::read_dir(&cases)
            .unwrap_or_else(|_| panic!("no {}", cases.display()))
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.to_string_lossy().contains("/delivery."))
            .expect("a delivery");
        std::fs::copy(source, target).expect("a copy");
    }
    folder
}

fn uptake(folder: &Path, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_uptake"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .output()
        .expect("the program starts")
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

/// init, then run, without an edit: the exit codes, and what init said.
fn begun(folder: &Path) -> String {
    let output = uptake(folder, "init");
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let said = told(&output);
    let next = said.lines().find_map(|line| line.strip_prefix("next: uptake ")).expect("the next command").to_owned();
    let run = uptake(folder, &format!("{next} --as-of 2026-04-10 --force-as-of"));
    assert_eq!(run.status.code(), Some(0), "{said}\n{}", told(&run));
    assert!(folder.join("lake/marts/latest").is_dir(), "{}", told(&run));
    said
}

#[test]
fn exports_of_known_vendors_are_read_by_shipped_feeds_whatever_their_paths() {
    let folder = landing(&[
        ("bamboohr_report_csv/basic", "people/Employees_2026-03-30.csv"),
        ("pluralsight_course_completion/basic", "pluralsight/course-completion_2026-03-30.csv"),
    ]);
    let said = begun(folder.path());
    for name in ["bamboohr_report_csv", "pluralsight_course_completion", "pluralsight_course_completion_users"] {
        assert!(said.contains(name), "{name}\n{said}");
    }
    assert!(!said.contains("drafted"), "{said}");
}

#[test]
fn an_export_that_nobody_knows_gets_a_draft_and_its_accounts_are_told_apart() {
    let folder = landing(&[("bamboohr_report_csv/basic", "people/Employees_2026-03-30.csv")]);
    let text = "Learner E-Mail;Training Code;Training;Finished on;Result\n\
        ann@firm.example;T-1;Fire safety;03.03.2026;passed\nbob@firm.example;T-1;Fire safety;14.03.2026;failed\n";
    std::fs::create_dir_all(folder.path().join("landing/lms")).expect("a folder");
    std::fs::write(folder.path().join("landing/lms/trainings_2026-03-30.csv"), text).expect("a file");
    std::fs::write(folder.path().join("landing/lms/picture.pdf"), "%PDF-1.7 nothing").expect("a file");
    let said = begun(folder.path());
    assert!(said.contains("trainings (drafted)") && said.contains("trainings_accounts (drafted)"), "{said}");
    assert!(said.contains("2 of 2") && said.contains("a PDF"), "{said}");
    let draft = std::fs::read_to_string(folder.path().join("feeds/trainings.toml")).expect("a draft");
    assert!(draft.contains("shares = [\"trainings_accounts\"]") && !draft.contains("ann@"), "{draft}");
    let job = std::fs::read_to_string(folder.path().join("job.toml")).expect("a job");
    assert!(job.contains("# a draft: every line of it is a guess"), "{job}");
}

#[test]
fn one_feed_reads_all_its_places_but_snapshots_of_each_place_have_a_copy() {
    let folder = landing(&[
        ("canonical_workers/basic", "hr/workers_2026-03-30.csv"),
        ("canonical_measures/basic", "sales/measures_2026-03-30.csv"),
        ("canonical_measures/basic", "service/figures_2026-03-30.csv"),
        ("canonical_users/basic", "academy/users_2026-03-30.csv"),
        ("canonical_users/basic", "college/users_2026-03-30.csv"),
    ]);
    let said = begun(folder.path());
    let job = std::fs::read_to_string(folder.path().join("job.toml")).expect("a job");
    assert_eq!(
        (job.matches("canonical_measures").count(), job.matches("canonical_users").count()),
        (1, 2),
        "{job}\n{said}"
    );
    let feed = |name: &str| std::fs::read_to_string(folder.path().join("feeds").join(name)).expect("a feed");
    assert!(
        feed("canonical_measures.toml").contains("[\"sales/measures_{date}.csv\", \"service/figures_{date}.csv\"]")
    );
    assert!(feed("canonical_users.toml").contains("\"academy/users_{date}.csv\""));
    assert!(feed("canonical_users_2.toml").contains("\"college/users_{date}.csv\""));
}

#[test]
fn nothing_is_replaced_unasked_and_nothing_else_is_written() {
    let folder = landing(&[("bamboohr_report_csv/basic", "people/Employees_2026-03-30.csv")]);
    assert_eq!(uptake(folder.path(), "init").status.code(), Some(0));
    let written: Vec<PathBuf> =
        files(folder.path()).into_iter().filter(|path| !path.starts_with(folder.path().join("landing"))).collect();
    let names: Vec<String> =
        written.iter().map(|path| path.strip_prefix(folder.path()).expect("within").display().to_string()).collect();
    assert!(names.iter().all(|name| name == "job.toml" || name.starts_with("feeds/")), "{names:?}");
    std::fs::write(folder.path().join("job.toml"), "mine").expect("a file");
    let again = uptake(folder.path(), "init");
    assert_eq!(again.status.code(), Some(2), "{}", told(&again));
    assert!(told(&again).contains("job.toml is there already") && told(&again).contains("--force"), "{}", told(&again));
    assert_eq!(std::fs::read_to_string(folder.path().join("job.toml")).expect("a job"), "mine");
    assert_eq!(uptake(folder.path(), "init --force").status.code(), Some(0));
    let empty = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(empty.path().join("landing")).expect("a folder");
    let none = uptake(empty.path(), "init");
    assert_eq!(none.status.code(), Some(2));
    assert!(told(&none).contains("there is nothing under landing"), "{}", told(&none));
}
