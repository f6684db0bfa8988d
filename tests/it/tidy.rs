//! The house keeps itself: the law of imports as data, and what may touch disk, clock and terminal.

use std::path::{Path, PathBuf};

use crate::world::root;

/// What each module may use of the house; what is not listed is forbidden, and why the tempting ones are.
const LAW: &[(&str, &[&str], &str)] = &[
    ("error", &["contract"], "everybody may fail"),
    ("period", &[], "arithmetic that can be read against a calendar"),
    ("stats", &[], "arithmetic that can be read against a paper"),
    ("contract", &[], "contracts arrive as text"),
    ("job", &["contract", "period"], "a job file is text: no environment, no clock, no store"),
    ("store", &[], "it moves bytes and knows no tables"),
    ("feed", &["contract", "period", "stats"], "bytes in, an intake out; it knows no store"),
    ("canon", &["contract", "period"], "it knows no store and no engine"),
    ("rollup", &["contract", "period", "canon", "job"], "a query text and its meaning; it knows no store"),
    ("guard", &["contract"], "it guards whatever it is given and knows no mart"),
    ("scope", &["period", "canon", "guard"], "sums only"),
    (
        "mart",
        &["contract", "period", "stats", "scope", "guard", "canon", "rollup", "job", "engine"],
        "a mart is a plan: no store, no ledger, no async",
    ),
    ("engine", &["contract", "rollup"], "it knows no paths of the store"),
    ("publish", &["contract", "period", "store"], "it publishes tables, not KPIs"),
    ("ledger", &["contract", "period", "store", "canon"], "it counts rows, not KPIs"),
    ("sample", &["period"], "an invented company shares nothing with what reads it"),
    (
        "pipeline",
        &[
            "contract", "period", "job", "store", "feed", "canon", "rollup", "guard", "scope", "mart", "engine",
            "publish", "ledger", "error",
        ],
        "I/O meets transforms here; it never prints",
    ),
];

/// Words that may stand in code only where listed: disk, clock, environment, terminal, the store's crate, async.
const PLACES: &[(&str, &[&str], &str)] = &[
    (
        "std::fs",
        &["main.rs", "store/", "cli/"],
        "bytes come and go through `store`; job and feed files are read by `cli`",
    ),
    ("SystemTime::now", &["main.rs"], "time is a value"),
    ("Utc::now", &["main.rs"], "time is a value"),
    ("Instant::now", &["main.rs"], "time is a value"),
    ("env::var", &["main.rs"], "the environment is a value"),
    ("println!", &["cli/"], "only `cli` prints"),
    ("print!(", &["cli/"], "only `cli` prints"),
    ("object_store::", &["store/"], "`store` is its only user"),
    ("tokio::", &["store/", "cli/"], "everybody else is synchronous"),
    ("clap::", &["cli/"], "`cli` is its only user"),
    ("todo!", &[], "no stub"),
    ("unimplemented!", &[], "no stub"),
];

struct Line {
    /// Relative to `src`.
    file: String,
    number: usize,
    code: String,
}

/// Code lines of `src`, without comments and without the test modules at the foot of files.
fn code() -> Vec<Line> {
    let src = root().join("src");
    let mut lines = Vec::new();
    for path in rust_files(&src) {
        let file = path.strip_prefix(&src).expect("below src").display().to_string();
        if file.ends_with("tests.rs") || file.contains("/attacks") || file.ends_with("fixture.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        let until = text.lines().position(|line| line.starts_with("mod tests {")).unwrap_or(usize::MAX);
        for (at, line) in text.lines().enumerate().take_while(|(at, _)| *at < until) {
            let code = line.split("//").next().unwrap_or_default();
            if !code.trim().is_empty() {
                lines.push(Line { file: file.clone(), number: at + 1, code: code.to_owned() });
            }
        }
    }
    assert!(lines.len() > 5_000, "{} lines of code", lines.len());
    lines
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn module(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn modules_import_downwards_only() {
    let modules: Vec<&str> = LAW.iter().map(|(name, ..)| *name).chain(["cli"]).collect();
    let mut broken = Vec::new();
    for line in code() {
        let own = module(&line.file);
        let Some((_, may, why)) = LAW.iter().find(|(name, ..)| *name == own) else { continue };
        for used in line.code.split("crate::").skip(1) {
            let used: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let is_allowed = used == own || may.contains(&used.as_str()) || !modules.contains(&used.as_str());
            // Errors of lower layers become the house's own in `error` and `pipeline` alone.
            if !is_allowed {
                broken.push(format!("src/{}:{}: {own} uses {used} ({why})", line.file, line.number));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_module_of_the_house_stands_under_the_law() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let declared = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for name in declared {
        assert!(
            name == "cli" || LAW.iter().any(|(module, ..)| *module == name),
            "src/{name} is not in the law of imports"
        );
    }
}

#[test]
fn disk_clock_environment_and_terminal_are_touched_where_the_house_says() {
    let mut broken = Vec::new();
    for line in code() {
        for (word, places, why) in PLACES {
            let inside = |place: &&str| line.file.starts_with(*place);
            let stands_alone = |at: usize| !line.code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            let found = line.code.match_indices(word).any(|(at, _)| stands_alone(at));
            if found && !places.iter().any(inside) {
                broken.push(format!("src/{}:{}: {word} ({why})", line.file, line.number));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_mart_is_a_plan_and_never_collects() {
    let mut broken = Vec::new();
    for line in code().into_iter().filter(|line| line.file.starts_with("mart/")) {
        let collects = [
            ".lazy().collect(",
            "LazyFrame::collect",
            "collect_with_engine",
            "collect_schema",
            "collect_concurrently",
            "fetch(",
        ];
        if collects.iter().any(|word| line.code.contains(word)) {
            broken.push(format!("src/{}:{}", line.file, line.number));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn nothing_that_make_mart_or_make_feed_wrote_waits_to_be_filled_in() {
    let mark = concat!("FILL ", "IN");
    let mut open = Vec::new();
    for folder in ["src", "schemas", "tests/feed"] {
        for path in all_files(&root().join(folder)) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let place = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
            let left = text.lines().enumerate().filter(|(_, line)| line.contains(mark));
            open.extend(left.map(|(at, line)| format!("{place}:{}: {}", at + 1, line.trim())));
        }
    }
    assert!(open.is_empty(), "write what these say:\n{}", open.join("\n"));
}

/// Folders whose files import each other in one direction only.
const ACYCLIC: [&str; 1] = ["mart"];

#[test]
fn no_file_imports_itself_through_others() {
    for folder in ACYCLIC {
        let mut left: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
        for line in code().into_iter().filter(|line| module(&line.file) == folder) {
            let Some((_, rest)) = line.file.split_once('/') else { continue };
            // A folder below is one: what happens inside it is its own affair.
            let own = module(rest).to_owned();
            let imports = left.entry(own.clone()).or_default();
            let deep = rest.contains('/');
            for prefix in ["super::", &format!("crate::{folder}::")] {
                if deep && prefix == "super::" {
                    continue;
                }
                for used in line.code.split(prefix).skip(1) {
                    let mut names: Vec<String> = Vec::new();
                    match used.strip_prefix('{') {
                        Some(list) => names
                            .extend(list.split('}').next().unwrap_or("").split(',').map(|name| name.trim().to_owned())),
                        None => names.push(used.to_owned()),
                    }
                    for name in names {
                        let name: String =
                            name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                        // A type named through the folder itself is an import of its index.
                        let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
                        let target = if is_type { "mod".to_owned() } else { name };
                        if target != own {
                            imports.push(target);
                        }
                    }
                }
            }
        }
        loop {
            let before = left.len();
            let open: Vec<String> = left.keys().cloned().collect();
            left.retain(|_, imports| imports.iter().any(|import| open.contains(import)));
            if left.len() == before {
                break;
            }
        }
        assert!(left.is_empty(), "files of src/{folder} that import each other in a circle, or hang on one: {left:#?}");
    }
}

/// Files past 400 lines want a reason; these have one.
const LONG: &[(&str, &str)] = &[];

#[test]
fn a_file_is_short_enough_to_be_read() {
    let src = root().join("src");
    let mut long = Vec::new();
    for path in rust_files(&src) {
        let file = path.strip_prefix(&src).expect("below src").display().to_string();
        let text = std::fs::read_to_string(&path).expect("a source file");
        let code = text.lines().take_while(|line| !line.starts_with("mod tests {")).count();
        if code > 600 && !LONG.iter().any(|(known, _)| *known == file) {
            long.push(format!("src/{file}: {code} lines"));
        }
    }
    assert!(long.is_empty(), "split these, or give a reason in LONG:\n{}", long.join("\n"));
}

#[test]
fn nothing_in_the_repository_speaks_of_the_machine_it_was_written_on() {
    let mut broken = Vec::new();
    for folder in ["src", "tests/it", "schemas", "jobs"] {
        for path in all_files(&root().join(folder)) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            for (at, line) in text.lines().enumerate() {
                if [concat!("/wo", "rk/"), concat!("/ro", "ot/")].iter().any(|word| line.contains(word)) {
                    broken.push(format!("{}:{}", path.display(), at + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return files };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
    }
    files
}
