//! Promise 9: secrets and personal data never reach logs or errors, at TRACE included.

use crate::company::{self, Plan};
use crate::world::{Kind, Setup, World};

const SECRETS: [(&str, &str); 3] = [
    ("UPTAKE_PSEUDONYM_KEY", "canary-key-5b1f2c3d"),
    ("AWS_SECRET_ACCESS_KEY", "canary-secret-77aa"),
    ("AWS_SESSION_TOKEN", "canary-token-1234"),
];

fn run(world: &World, words: &[&str]) -> (i32, String) {
    let job = world.job_path();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_uptake"))
        .args(words)
        .arg(&job)
        .args(["--log", "trace", "--as-of", "2026-03-10"])
        .envs(SECRETS)
        .output()
        .expect("the program");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap_or(-1), text)
}

fn says_nothing(text: &str) {
    for (name, secret) in SECRETS {
        assert!(!text.contains(secret), "{name} is told:\n{text}");
    }
    assert!(!text.contains("CANARY"), "a refused value is told:\n{text}");
    assert!(!text.to_lowercase().contains("@example.com"), "an address is told:\n{text}");
    let worker = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .find(|word| word.len() == 4 && word.starts_with('w') && word[1..].bytes().all(|b| b.is_ascii_digit()));
    assert_eq!(worker, None, "a worker is told:\n{text}");
}

fn world() -> World {
    let world =
        World::at(Kind::Disk, Setup { top: "zone = \"UTC\"", policy: "", ..Setup::default() }).expect("a folder");
    for delivery in company::deliveries(&Plan { workers: 40, weeks: 2, seed: 2, bad_rows: true }) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world
}

#[test]
fn logs_at_trace_hold_no_secret_no_address_and_no_refused_value() {
    let world = world();
    for words in [&["check"][..], &["plan"], &["run", "--json"], &["run"]] {
        let (code, text) = run(&world, words);
        assert_eq!(code, 0, "{words:?}: {text}");
        assert!(
            text.contains("canonical_activity") || text.contains("deliver") || text.contains("commit"),
            "{words:?} says something: {text}"
        );
        says_nothing(&text);
    }
}

#[test]
fn errors_name_the_object_and_never_a_value() {
    let world = world();
    let bad: String = (0..200).map(|number| format!("e{number},CANARY-{number},w001,CANARY-verb\n")).collect();
    world.deliver("activity_2026-03-09.csv", format!("event_id,occurred_at,user_id,verb\n{bad}"));
    let (code, text) = run(&world, &["run"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("activity_2026-03-09.csv") && text.contains("hint:"), "{text}");
    says_nothing(&text);
}

#[test]
fn a_password_in_a_store_url_is_refused_and_not_repeated() {
    let world = world();
    let job = std::fs::read_to_string(world.job_path()).expect("the job");
    let lake = job.lines().find(|line| line.starts_with("lake")).expect("a lake");
    std::fs::write(
        world.job_path(),
        job.replace(lake, "lake = \"s3://me:canary-secret-77aa@bucket/lake?sig=canary-token-1234\""),
    )
    .expect("the job");
    let (code, text) = run(&world, &["run"]);
    assert!([2, 4].contains(&code), "{code}: {text}");
    says_nothing(&text);
}

#[test]
fn characters_that_turn_the_line_around_are_escaped_in_errors() {
    let world = world();
    world.deliver("bad\u{202e}/activity_2026-03-09.csv", "<html>");
    let (code, text) = run(&world, &["run"]);
    assert_eq!(code, 3, "{text}");
    let error = text.lines().find(|line| line.starts_with("error: ")).expect("an error");
    assert!(error.contains("/activity_2026-03-09.csv") && !error.contains('\u{202e}'), "{error:?}");
}
