//! What may import what, run a plan, or touch disk, clock and terminal, as data; and how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::world::root;

/// What each module may use of the house; what is not listed is forbidden, and why the tempting ones are.
const LAW: &[(&str, &[&str], &str)] = &[
    ("error", &["contract"], "everybody may fail"),
    ("period", &[], "arithmetic that can be read against a calendar"),
    ("stats", &[], "arithmetic that can be read against a paper"),
    ("columns", &["period"], "it makes columns of whatever it is given"),
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
        &["columns", "contract", "period", "stats", "scope", "guard", "canon", "rollup", "job", "engine"],
        "a mart is a plan: no store, no ledger, no async",
    ),
    ("engine", &["contract", "rollup"], "it knows no paths of the store"),
    ("publish", &["contract", "period", "store"], "it publishes tables, not KPIs"),
    ("ledger", &["contract", "period", "store", "feed", "canon"], "it counts rows, not KPIs"),
    ("sample", &["period"], "an invented company shares nothing with what reads it"),
    (
        "gallery",
        &["contract", "period", "feed", "sample"],
        "between the company and the feeds, so that neither knows the other",
    ),
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

/// Code lines of `src`, without comments and without what tests alone use: modules of tests, fixtures, the attacks on the guard.
fn code() -> Vec<Line> {
    let src = root().join("src");
    let mut lines = Vec::new();
    for path in rust_files(&src) {
        let file = path.strip_prefix(&src).expect("below src").display().to_string();
        if file.ends_with("tests.rs") || file.contains("/attacks") || file.ends_with("fixture.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        let until = text.lines().position(|line| line.ends_with("mod tests {")).unwrap_or(usize::MAX);
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
    for (file, lines) in by_file(&code()) {
        let own = module(file);
        let Some((_, may, why)) = LAW.iter().find(|(name, ..)| *name == own) else { continue };
        for (path, number) in paths(&lines) {
            let Some(used) = absolute(file, &path).and_then(|path| path.into_iter().next()) else { continue };
            let is_allowed = used == own || may.contains(&used.as_str()) || !modules.contains(&used.as_str());
            if !is_allowed {
                broken.push(format!("src/{file}:{number}: {own} uses {used} ({why})"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_module_is_under_the_law_and_declared_below_those_it_may_use() {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs");
    let declared = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut above: BTreeSet<&str> = BTreeSet::new();
    for name in declared {
        let law = LAW.iter().find(|(module, ..)| *module == name);
        assert!(name == "cli" || law.is_some(), "src/{name} is not in the law of imports");
        for used in law.iter().flat_map(|(_, may, _)| may.iter()) {
            assert!(above.contains(used), "src/lib.rs: {name} may use {used}, which is declared below it");
        }
        above.insert(name);
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

/// The ways to turn a `LazyFrame` into rows. `.clippy.toml` forbids each outside `engine` by its type, whatever the frame is called.
const RUNS_A_PLAN: &[&str] = &[
    "collect",
    "collect_with_engine",
    "collect_all_with_engine",
    "collect_concurrently",
    "_collect_post_opt",
    "profile",
    "sink",
    "sink_batches",
];

/// Marts that hand a plan to `engine::collect`, and why the rows are small by then. Any other spelling is forbidden here too.
const COLLECTS: &[(&str, &str)] = &[
    ("mart/adoption_cohorts.rs", "rows that the guard has let through: those not shown are dropped"),
    ("mart/certification_status.rs", "rows that the guard has let through: those not shown are dropped"),
    ("mart/content_engagement.rs", "formulas over the guarded rows of one month"),
    ("mart/formula.rs", "formulas tried on one hidden row"),
    ("mart/leader_plan_tables.rs", "formulas over a row per step, week or post of a leader with a plan"),
    ("mart/person_rows.rs", "formulas over the guarded rows of one period"),
    ("mart/scoped.rs", "guarded rows of one period: manager scopes part from the rest"),
    ("mart/scorecard.rs", "formulas over a row per figure of a scorecard"),
    ("mart/time_to_competency.rs", "guarded rows of one cohort, which become curves"),
];

#[test]
fn a_mart_is_a_plan_that_the_engine_alone_runs() {
    let clippy = std::fs::read_to_string(root().join(".clippy.toml")).expect(".clippy.toml");
    for name in RUNS_A_PLAN {
        assert!(clippy.contains(&format!("\"polars::prelude::LazyFrame::{name}\"")), "{name} is not in .clippy.toml");
    }
    let (mut broken, mut collecting) = (Vec::new(), BTreeSet::new());
    for line in code().into_iter().filter(|line| line.file.starts_with("mart/")) {
        let mut found = |what: &str| broken.push(format!("src/{}:{}: {what}", line.file, line.number));
        if line.code.contains("disallowed_methods") {
            found("a lint that guards plans is switched off");
        }
        if line.code.contains("engine::sql") {
            found("`engine::sql` runs a plan");
        }
        for (at, word) in words(&line.code) {
            let is_method = line.code[..at].ends_with('.');
            match word {
                // Of an iterator; clippy knows a `LazyFrame` from one.
                "collect" if is_method => {}
                "collect" if COLLECTS.iter().any(|(file, _)| *file == line.file) => {
                    collecting.insert(line.file.clone());
                }
                "collect" => found("a plan is run; say in COLLECTS why its rows are few"),
                "profile" | "sink" if !line.code[..at].ends_with(['.', ':']) => {}
                "collect_schema" | "fetch" => found(word),
                word if RUNS_A_PLAN.contains(&word) => found(word),
                _ => {}
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    for (file, _) in COLLECTS {
        assert!(collecting.contains(*file), "{file} collects nothing any more: take it out of COLLECTS");
    }
}

/// The words of a line of code, with where they begin.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = code.char_indices().filter(move |(at, c)| is_word(*c) && !code[..*at].ends_with(is_word));
    starts.map(move |(at, _)| (at, code[at..].split(|c| !is_word(c)).next().unwrap_or_default()))
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

/// Folders whose modules import each other in one direction only. A folder below counts as one module: what happens inside it is its
/// own affair. `mod.rs` is a module like the others, so whoever imports from it imports what it lists.
const ACYCLIC: [&str; 5] = ["feed", "mart", "pipeline", "rollup", "stats"];

#[test]
fn no_module_imports_itself_through_others() {
    let code = code();
    let circles: Vec<String> = ACYCLIC.iter().flat_map(|folder| circles(&imports(&code, folder))).collect();
    assert!(circles.is_empty(), "modules that import each other in a circle:\n{}", circles.join("\n"));
}

/// By module and imported module of one folder: the first line that imports it.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

fn imports(code: &[Line], folder: &str) -> Imports {
    let files = by_file(code);
    let modules: BTreeSet<&str> =
        files.keys().filter_map(|file| Some(module(file.strip_prefix(folder)?.strip_prefix('/')?))).collect();
    let mut imports = Imports::new();
    for (file, lines) in files.iter().filter(|(file, _)| module(file) == folder) {
        let home = home(file);
        let own = home.get(1).map_or("mod", String::as_str);
        for (path, number) in paths(lines) {
            // The index names its modules without a prefix.
            let is_child = own == "mod" && modules.contains(path[0].as_str());
            let path = if is_child { Some([home.as_slice(), &path].concat()) } else { absolute(file, &path) };
            let Some(path) = path.filter(|path| path.first().is_some_and(|first| first == folder)) else { continue };
            let target = path.get(1).map(String::as_str).filter(|name| modules.contains(name)).unwrap_or("mod");
            if target != own {
                let place = format!("src/{file}:{number}");
                imports.entry(own.to_owned()).or_default().entry(target.to_owned()).or_insert(place);
            }
        }
    }
    imports
}

fn by_file(code: &[Line]) -> BTreeMap<&str, Vec<&Line>> {
    let mut files: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in code {
        files.entry(&line.file).or_default().push(line);
    }
    files
}

/// The path of the module that a file is.
fn home(file: &str) -> Vec<String> {
    let path = file.strip_suffix("/mod.rs").or(file.strip_suffix(".rs")).unwrap_or(file);
    path.split('/').map(str::to_owned).collect()
}

/// A path that a file names, from the root of the crate; `None` for one that begins elsewhere.
fn absolute(file: &str, path: &[String]) -> Option<Vec<String>> {
    let up = path.iter().take_while(|word| *word == "super" || *word == "self").count();
    if path[0] == "crate" {
        return Some(path[1..].to_vec());
    }
    let home = home(file);
    let supers = path[..up].iter().filter(|word| *word == "super").count();
    (up > 0).then(|| [&home[..home.len().saturating_sub(supers)], &path[up..]].concat())
}

/// Every path that a file names, in `use` and elsewhere, the branches of a `use` each on its own; with the line where it begins.
fn paths(lines: &[&Line]) -> Vec<(Vec<String>, usize)> {
    let mut tokens: Vec<(String, usize)> = Vec::new();
    for line in lines {
        let mut rest = line.code.as_str();
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            // Within a line the word `use` is one of a text.
            let before = line.code[..line.code.len() - rest.len()].trim_start();
            let is_text = rest[..length] == *"use" && !before.is_empty() && !before.starts_with("pub");
            if !first.is_whitespace() && !is_text {
                tokens.push((rest[..length].to_owned(), line.number));
            }
            rest = &rest[length..];
        }
    }
    let mut paths = Vec::new();
    // What the branches of an open `{` of a `use` begin with.
    let mut stems: Vec<Vec<String>> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut is_use = false;
    for (at, (token, number)) in tokens.iter().enumerate() {
        let goes_on = tokens.get(at + 1).is_some_and(|(next, _)| next == "::");
        let follows = at > 0 && tokens[at - 1].0 == "::";
        match token.as_str() {
            "use" => (is_use, path) = (true, Vec::new()),
            ";" => (is_use, stems, path) = (false, Vec::new(), Vec::new()),
            "::" => {}
            "{" if is_use => stems.push(path.clone()),
            "}" if is_use => {
                stems.pop();
                path = stems.last().cloned().unwrap_or_default();
            }
            "," if is_use => path = stems.last().cloned().unwrap_or_default(),
            word if word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
                if !is_use && !follows {
                    path.clear();
                }
                path.push(word.to_owned());
                if !goes_on && path.len() > 1 {
                    paths.push((path.clone(), *number));
                }
            }
            "*" if is_use => paths.push((path.iter().cloned().chain(["*".to_owned()]).collect(), *number)),
            _ if is_use => {}
            _ => path.clear(),
        }
    }
    paths
}

/// What a module imports, itself or through others.
fn reached<'a>(imports: &'a Imports, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        let targets = imports.get(module).into_iter().flat_map(BTreeMap::keys);
        open.extend(targets.map(String::as_str).filter(|target| reached.insert(target)));
    }
    reached
}

/// Each circle once, with the lines that close it.
fn circles(imports: &Imports) -> Vec<String> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|module| (module.as_str(), reached(imports, module))).collect();
    let is_in = |one: &str, other: &str| reach.get(one).is_some_and(|reached| reached.contains(other));
    let mut circles: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
    for module in reach.keys().filter(|module| is_in(module, module)) {
        let members: Vec<&str> =
            reach.keys().copied().filter(|other| is_in(module, other) && is_in(other, module)).collect();
        let within = imports[*module].iter().filter(|(target, _)| members.contains(&target.as_str()));
        let lines = within.map(|(target, place)| format!("  {module} imports {target} ({place})")).collect::<Vec<_>>();
        circles.entry(members).or_default().extend(lines);
    }
    circles.into_iter().map(|(members, lines)| format!("{}:\n{}", members.join(", "), lines.join("\n"))).collect()
}

#[test]
fn a_circle_of_modules_is_found_in_every_form_of_import() {
    let line = |file: &str, number: usize, code: &str| Line { file: file.into(), number, code: code.into() };
    let code = [
        line("a/mod.rs", 1, "pub use one::{Thing, deep::{self, Other}};"),
        line("a/one.rs", 1, "use super::{"),
        line("a/one.rs", 2, "    two::Two, std_like as other,"),
        line("a/one.rs", 3, "};"),
        line("a/two.rs", 7, "fn two() { let x = crate::a::three::Three::new(super::four::WIDTH); }"),
        line("a/three/mod.rs", 2, "use super::one::Thing;"),
        line("a/three/inner.rs", 2, "use super::super::Thing;"),
        line("a/four.rs", 1, "use crate::b::one::Thing;"),
    ];
    let found = circles(&imports(&code, "a"));
    assert_eq!(
        found,
        ["mod, one, three, two:\n  mod imports one (src/a/mod.rs:1)\n  one imports mod (src/a/one.rs:2)\n  \
          one imports two (src/a/one.rs:2)\n  three imports mod (src/a/three/inner.rs:2)\n  \
          three imports one (src/a/three/mod.rs:2)\n  two imports three (src/a/two.rs:7)"]
    );
}

/// Lines of code, its tests not counted, past which a file wants a reason, and past which no reason is good enough.
const LONG: usize = 400;
const TOO_LONG: usize = 600;

/// The files past [`LONG`], and why each is one.
const REASONS: &[(&str, &str)] = &[
    ("canon/obligation.rs", "one rule in many cases: what a row of enrollments obliges whom to, and until when"),
    ("feed/gate.rs", "one record from its cells to a row, in the order in which it is judged"),
    ("feed/nearest.rs", "every form that could read a value, tried in one order"),
    ("feed/read/elements.rs", "one state machine over bytes of JSON"),
    ("feed/read/json.rs", "one reader: lines and arrays share their records"),
    ("feed/validate.rs", "every key of a feed file, each with the sentence that refuses it"),
    ("feed/time.rs", "every form of a day and of an instant, read by hand because each cell passes here"),
    ("job.rs", "every key of a job file, as written and as meant"),
    ("job/goals.rs", "every key of a goals file, as written and as meant"),
    ("pipeline/days.rs", "one stage: every touched day through merge and roll-up"),
    ("pipeline/ingest.rs", "one stage: every delivery from bytes to canon"),
    ("pipeline/ops.rs", "every table of `ops`, one function each"),
];

#[test]
fn a_file_is_short_enough_to_be_read() {
    let src = root().join("src");
    let (mut broken, mut long) = (Vec::new(), BTreeSet::new());
    for path in rust_files(&src) {
        let file = path.strip_prefix(&src).expect("below src").display().to_string();
        let text = std::fs::read_to_string(&path).expect("a source file");
        let lines = text.lines().take_while(|line| !line.ends_with("mod tests {")).count();
        let has_reason = file.ends_with("tests.rs") || REASONS.iter().any(|(known, _)| *known == file);
        if lines > TOO_LONG || (lines > LONG && !has_reason) {
            broken.push(format!("src/{file}: {lines} lines"));
        }
        if lines > LONG {
            long.insert(file);
        }
    }
    assert!(broken.is_empty(), "split these, or give a reason in REASONS:\n{}", broken.join("\n"));
    for (file, _) in REASONS {
        assert!(long.contains(*file), "{file} is short enough to need no reason: take it out of REASONS");
    }
}

#[test]
fn nothing_in_the_repository_speaks_of_the_machine_it_was_written_on() {
    let mut broken = Vec::new();
    for folder in ["src", "tests/it", "schemas", "jobs"] {
        // The fields of HiBob are paths.
        let files = all_files(&root().join(folder)).into_iter().filter(|path| !path.ends_with("hibob_people.toml"));
        for path in files {
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
