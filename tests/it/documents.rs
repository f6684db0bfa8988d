//! What the documents say is so: the generated dictionary is fresh, every table is described, the README's commands run.

use std::path::Path;
use std::process::Command;

use uptake::contract::{Area, Catalog, dictionary};

use crate::world::root;

#[test]
fn the_data_dictionary_is_what_the_contracts_say() {
    let written = std::fs::read_to_string(root().join("schemas/README.md")).expect("schemas/README.md");
    let now = dictionary::markdown(&Catalog::load().expect("contracts"));
    assert!(written == now, "schemas/README.md is stale: run `make dictionary`");
}

#[test]
fn every_computed_mart_has_a_contract_and_a_file_of_its_name() {
    let catalog = Catalog::load().expect("contracts");
    let mut marts = 0;
    for table in catalog.tables().filter(|table| table.area == Area::Marts) {
        marts += 1;
        assert!(
            root().join(format!("schemas/mart/{}.toml", table.name)).exists(),
            "{}: no schemas/mart/{0}.toml",
            table.name
        );
        assert!(root().join(format!("src/mart/{}.rs", table.name)).exists(), "{}: no src/mart/{0}.rs", table.name);
        assert!(
            table.columns.iter().all(|column| column.description.len() > 3),
            "{}: a column without a definition",
            table.name
        );
    }
    assert!(marts >= 5);
}

#[test]
fn every_feed_that_ships_has_its_cases() {
    for entry in std::fs::read_dir(root().join("schemas/feed")).expect("schemas/feed") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|suffix| suffix != "toml") {
            continue;
        }
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(root().join("tests/feed").join(&name).is_dir(), "{name}: no tests/feed/{name}/");
    }
}

/// A block of the README: commands and what they print.
struct Step {
    command: String,
    output: String,
}

/// The `$ uptake` commands of the console blocks; `make` targets are run by CI itself.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.into(), output: String::new() }),
                (None, Some(step)) => step.output.push_str(&format!("{line}\n")),
                (None, None) => {}
            },
        }
    }
    steps.retain(|step| step.command.starts_with("uptake "));
    steps
}

fn uptake(folder: &Path, words: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_uptake"))
        .args(words.split_whitespace())
        .current_dir(folder)
        .output()
        .expect("the program")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}

#[test]
fn the_readmes_commands_print_what_the_readme_shows() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    let steps = steps(&readme);
    assert!(steps.len() >= 3, "the README shows commands");
    let folder = tempfile::TempDir::new().expect("a folder");
    for part in ["jobs", "sample-data"] {
        copy(&root().join(part), &folder.path().join(part));
    }
    // What `make demo` does first.
    let demo = uptake(folder.path(), "run jobs/demo.toml --as-of 2026-03-30T02:00:00Z");
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    for step in steps {
        let output = uptake(folder.path(), step.command.strip_prefix("uptake ").unwrap_or_default());
        let printed = String::from_utf8_lossy(&output.stdout);
        let lines = |text: &str| text.lines().map(str::trim_end).map(str::to_owned).collect::<Vec<_>>();
        // A line of dots stands for lines left out.
        if let Some((start, _)) = step.output.split_once("\n…\n").or_else(|| step.output.split_once("\n...\n")) {
            let start = lines(start);
            assert_eq!(lines(&printed)[..start.len()], start, "$ {}", step.command);
        } else if !step.output.is_empty() {
            assert_eq!(
                lines(&printed),
                lines(&step.output),
                "$ {}\n{}",
                step.command,
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

/// The fields of the feed file as the program reads it, from its source.
#[test]
fn every_key_of_a_feed_file_is_described() {
    let source = std::fs::read_to_string(root().join("src/feed/spec.rs")).expect("the feed file's structs");
    let readme = std::fs::read_to_string(root().join("schemas/feed/README.md")).expect("the feed reference");
    // Words that stand in code spans.
    let spans = readme.split('`').skip(1).step_by(2);
    let words: std::collections::BTreeSet<&str> =
        spans.flat_map(|span| span.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect();
    let mut keys = 0;
    for line in source.lines().filter_map(|line| line.trim().strip_prefix("pub ")) {
        let Some((name, _)) = line.split_once(':').filter(|(name, _)| !name.contains(' ')) else { continue };
        // Three fields are called otherwise in the file, by words that Rust keeps for itself.
        let name = match name {
            "reading" => "as",
            "filters" => "where",
            "within" => "in",
            _ => name,
        };
        assert!(words.contains(name), "schemas/feed/README.md does not describe `{name}`");
        keys += 1;
    }
    assert!(keys > 60, "only {keys} keys were found");
}

/// The example of the feed reference is a feed.
#[test]
fn the_feed_reference_shows_a_feed_that_loads() {
    let readme = std::fs::read_to_string(root().join("schemas/feed/README.md")).expect("the feed reference");
    let text = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let catalog = uptake::contract::Catalog::load().expect("contracts");
    let feed = uptake::feed::Feed::parse("academy", text, &catalog).expect("the example loads");
    assert_eq!((feed.fills.as_str(), feed.limits.fresh_days), ("enrollments", Some(3)));
    assert_eq!(feed.gates.join_coverage, uptake::feed::Verdict::Block);
}

/// `make dictionary` writes the table anew.
#[test]
fn the_readme_lists_the_shipped_feeds_by_vendor() {
    let (begin, end) = ("<!-- uptake feed list --markdown -->\n", "<!-- end -->");
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md");
    let (before, rest) = readme.split_once(begin).expect("the table begins");
    let (written, after) = rest.split_once(end).expect("the table ends");
    let output =
        Command::new(env!("CARGO_BIN_EXE_uptake")).args(["feed", "list", "--markdown"]).output().expect("a list");
    let now = String::from_utf8(output.stdout).expect("text");
    if std::env::var_os("UPTAKE_WRITE_MESSAGES").is_some() {
        std::fs::write(&path, format!("{before}{begin}{now}{end}{after}")).expect("README.md");
        return;
    }
    assert!(written == now, "the table of vendors is stale: run `make dictionary`");
    for line in now.lines().skip(2) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        assert!(
            cells[1].starts_with("any,") || !cells[4].is_empty(),
            "{}: no feed of it says what it `handles`",
            cells[1]
        );
    }
}
