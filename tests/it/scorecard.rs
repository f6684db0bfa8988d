//! What executives read: figures held to targets, the meetings about them, what moves together, and the way back to the rows.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

use crate::world::{CANONICAL, Kind, Row, Setup, World};

/// Seven months in which month m has m of eight people of unit A active, and another unit one of two.
const MONTHS: i32 = 7;
const HOSTILE: &str = "</script><b onload=alert(1)>&B";

fn feeds() -> Vec<&'static str> {
    CANONICAL.into_iter().chain(["canonical_events", "canonical_measures"]).collect()
}

fn setup() -> Setup {
    Setup {
        feeds: feeds(),
        top: "zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nscorecards = [\"executive.toml\"]",
        ..Setup::default()
    }
}

fn kpi(column: &str, scope: &str, more: &str) -> String {
    format!(
        "[[kpis]]\nkpi = \"adoption_kpis.{column}\"\nscope = \"{scope}\"\ntarget = 0.5\nbaseline = 0.1\ntolerance = 0.1\ndirection = \"up\"\nlead_or_lag = \"lead\"\noutcome = \"fewer incidents\"\n{more}\n"
    )
}

const OWNER: &str = "owner = \"head of learning\"";

fn scorecard() -> String {
    let linked = format!("{OWNER}\nmeasure = \"incidents\"");
    let mut text = "name = \"executive\"\n".to_owned();
    for scope in ["company", "org"] {
        text.push_str(&kpi("active_rate", scope, &linked));
        text.push_str(&kpi("activation_rate", scope, OWNER));
        text.push_str(&kpi("completion_rate", scope, OWNER));
    }
    text.push_str("[[rituals]]\nname = \"executive review\"\nevery = \"month\"\nby_working_day = 5\nrequired_roles = [\"sponsor\", \"learning lead\"]\n");
    text
}

fn world(setup: Setup) -> World {
    let world = World::at(Kind::Disk, setup).expect("a folder");
    write(&world, &scorecard());
    let people: Vec<(String, &str)> =
        (1..=8).map(|n| (format!("W{n}"), "A")).chain((9..=10).map(|n| (format!("W{n}"), HOSTILE))).collect();
    let mut workers = "worker_id,effective_from,status,worker_type,hire_date,email,org_id\n".to_owned();
    let mut users = "user_id,email,status,kind\n".to_owned();
    let mut activity = "event_id,occurred_at,user_id,verb\n".to_owned();
    for (at, (id, unit)) in people.iter().enumerate() {
        workers.push_str(&format!("{id},2025-01-01,active,employee,2025-01-01,{id}@example.org,\"{unit}\"\n"));
        users.push_str(&format!("U{id},{id}@example.org,active,learner\n"));
        for month in 1..=MONTHS {
            if id == "W9" || (at as i32) < month.min(8) && unit == &"A" {
                activity.push_str(&format!("e{id}-{month},2026-{month:02}-10T09:00:00Z,U{id},completed\n"));
            }
        }
    }
    let units = format!("org_id,effective_from,name\nA,2025-01-01,Unit A\n\"{HOSTILE}\",2025-01-01,\"{HOSTILE}\"\n");
    let measures: String = (1..=MONTHS)
        .flat_map(|month| {
            ["org,A", "company,all"].map(|subject| {
                let next = if month == 12 { "2027-01-01".into() } else { format!("2026-{:02}-01", month + 1) };
                format!("incidents,{subject},2026-{month:02}-01,{next},{}\n", 30 - month)
            })
        })
        .collect();
    let measures = format!("kpi,subject_kind,subject_id,period_start,period_end,value\n{measures}");
    // January: on time with both roles; February: late, one role; March: none; April: held twice.
    let events = "event_id,kind,held_on,owner_id,subject,role
m1,meeting,2026-01-06,W1,executive review,sponsor
m2,meeting,2026-01-06,W2,Executive Review,Learning lead
m3,meeting,2026-02-20,W1,executive review,sponsor
m4,message,2026-03-03,W1,executive review,sponsor
m5,meeting,2026-04-01,W3,executive review,guest
m6,meeting,2026-04-30,W2,executive review,learning lead
";
    for (name, text) in [
        ("workers", workers),
        ("users", users),
        ("activity", activity),
        ("org_units", units),
        ("measures", measures),
        ("events", events.to_owned()),
    ] {
        world.deliver(&format!("in/{name}_2026-07-20.csv"), text);
    }
    world
}

fn write(world: &World, text: &str) {
    std::fs::write(world.folder.path().join("executive.toml"), text).expect("a scorecard");
}

const RUN: &str = "run JOB --as-of 2026-07-21";

fn ran(world: &World) -> String {
    out(&world.process(RUN), RUN)
}

fn out(output: &Output, words: &str) -> String {
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn explain(world: &World, table: &str, key: &str, column: &str) -> Value {
    // Keys hold commas, quotes and spaces, so they do not pass through a text of words.
    let job = world.job_path().display().to_string();
    let args = ["explain", &job, table, "--key", key, "--column", column, "--json"];
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_uptake")).args(args).output().expect("the program");
    serde_json::from_str(&out(&output, key)).expect("JSON")
}

fn key(row: &Row, names: &[&str]) -> String {
    names.iter().map(|name| format!("{name}={}", row[*name])).collect::<Vec<_>>().join(",")
}

const PLACE: [&str; 4] = ["grain", "period_start", "scope_kind", "scope_id"];

fn place(row: &Row) -> Vec<String> {
    PLACE.iter().map(|name| row[*name].clone()).collect()
}

#[test]
fn a_scorecard_holds_exactly_what_the_tables_of_its_kpis_show() {
    let world = world(setup());
    ran(&world);
    let adoption: BTreeMap<Vec<String>, Row> =
        world.table("marts/adoption_kpis").into_iter().map(|row| (place(&row), row)).collect();
    let rows = world.table("marts/scorecard");
    let mut statuses = BTreeMap::new();
    for row in &rows {
        let column = row["kpi"].strip_prefix("adoption_kpis.").expect("the table");
        let shown = |start: &str| {
            let at = place(&Row::from_iter(row.clone().into_iter().chain([("period_start".into(), start.into())])));
            adoption.get(&at).map(|shown| shown[column].clone()).unwrap_or_default()
        };
        assert_eq!(row["value"], shown(&row["period_start"]), "{row:?}");
        assert_eq!(row["previous"], shown(&row["previous_period_start"]), "{row:?}");
        assert_eq!(row["previous_year"], "", "nothing is known of the year before");
        let number = |name: &str| row[name].parse::<f64>().ok();
        let delta = number("value").zip(number("previous")).map(|(now, before)| now - before);
        assert_eq!(number("delta"), delta);
        // Target 0.5 and tolerance 0.1.
        let status = match number("value") {
            None => "no_data",
            Some(value) if value >= 0.5 => "on_track",
            Some(value) if value >= 0.4 - 1e-9 => "watch",
            Some(_) => "off_track",
        };
        assert_eq!(row["status"], status, "{row:?}");
        *statuses.entry(status).or_insert(0) += 1;
        assert_eq!((row["owner"].as_str(), row["outcome"].as_str()), ("head of learning", "fewer incidents"));
    }
    // Company and two units, three KPIs, seven months and three quarters.
    assert_eq!(rows.len(), 3 * 3 * (7 + 3));
    assert!(
        ["no_data", "on_track", "watch", "off_track"].iter().all(|status| statuses.contains_key(status)),
        "{statuses:?}"
    );
    let march = rows
        .iter()
        .find(|row| {
            row["scope_kind"] == "company" && row["period_start"] == "2026-03-01" && row["kpi"].ends_with("active_rate")
        })
        .expect("March");
    // Three of A and one of the other unit, of ten.
    assert_eq!((march["value"].as_str(), march["n"].as_str(), march["is_complete"].as_str()), ("0.4", "10", "true"));
}

#[test]
fn a_scorecard_of_too_few_too_many_or_ownerless_figures_is_refused_with_the_reason() {
    let world = world(setup());
    let five = ["active_rate", "activation_rate", "completion_rate", "on_time_rate", "checkbox_share", "stickiness"];
    let of = |kpis: usize| -> String {
        format!(
            "name = \"executive\"\n{}",
            five[..kpis].iter().map(|column| kpi(column, "company", OWNER)).collect::<String>()
        )
    };
    for (text, reason) in [
        (of(2), "company/all has 2 KPIs; a scope is held to 3 to 5"),
        (of(6), "company/all has 6 KPIs; a scope is held to 3 to 5"),
        (of(3).replacen(OWNER, "", 1), "executive.toml: KPI adoption_kpis.active_rate has no owner"),
        (
            of(3).replacen("outcome = \"fewer incidents\"", "", 1),
            "KPI adoption_kpis.active_rate is tied to no business outcome",
        ),
        (
            of(3).replacen("adoption_kpis.active_rate", "adoption_kpis.aktive_rate", 1),
            "adoption_kpis.aktive_rate is no figure of that table",
        ),
    ] {
        write(&world, &text);
        let output = world.process(RUN);
        assert_eq!(output.status.code(), Some(2), "{reason}");
        assert!(said(&output).contains(reason), "{reason}: {}", said(&output));
        assert!(world.head().is_none(), "nothing was published");
    }
    std::fs::remove_file(world.folder.path().join("executive.toml")).expect("a file");
    assert!(said(&world.process(RUN)).contains("scorecards names executive.toml"));
    write(&world, &of(5));
    ran(&world);
}

#[test]
fn rituals_are_held_late_missed_and_attended_as_the_events_say() {
    let world = world(setup());
    ran(&world);
    let rows = world.table("marts/cadence");
    let shown: Vec<String> = rows
        .iter()
        .map(|row| {
            let names = [
                "period_start",
                "due_by",
                "expected",
                "held",
                "on_time",
                "required_roles_present",
                "all_required_roles_present",
            ];
            names.map(|name| if row[name].is_empty() { "-" } else { row[name].as_str() }).join(" ")
        })
        .collect();
    assert_eq!(
        shown[..4],
        [
            "2026-01-01 2026-01-07 1 1 1 2 true",
            "2026-02-01 2026-02-06 1 1 0 1 false",
            // A message is no meeting.
            "2026-03-01 2026-03-06 1 0 0 - -",
            "2026-04-01 2026-04-07 1 2 1 1 false",
        ]
    );
    assert!(rows.iter().all(|row| row.values().all(|value| !value.starts_with('W'))), "nobody is named");
    let told = explain(&world, "cadence", "ritual=executive review,period_start=2026-04-01", "held");
    assert_eq!(told["figures"][0]["value"], 2);
    assert_eq!(told["evidence"], serde_json::json!([{"what": "held on", "value": "2026-04-01, 2026-04-30"}]));
}

#[test]
fn what_moves_together_is_an_association_with_its_interval_and_its_rate_of_false_finds() {
    let world = world(setup());
    ran(&world);
    let rows = world.table("marts/outcome_links");
    let at_once = |scope: &str| {
        rows.iter()
            .find(|row| {
                row["grain"] == "month" && row["points"] == "periods" && row["scope_id"] == scope && row["lag"] == "0"
            })
            .unwrap_or_else(|| panic!("{scope}: {rows:?}"))
    };
    for scope in ["A", "all"] {
        // Six months are over, the seventh runs; activity rises as incidents fall.
        let row = at_once(scope);
        assert_eq!(
            (row["n"].as_str(), row["correlation"].as_str(), row["verdict"].as_str()),
            ("6", "-1.0", "opposite")
        );
        let lag = rows
            .iter()
            .find(|row| {
                row["scope_id"] == scope && row["grain"] == "month" && row["points"] == "periods" && row["lag"] == "3"
            })
            .expect("lag 3");
        // The outcome of July is known, so January to April have one three months later.
        assert_eq!(
            (lag["n"].as_str(), lag["correlation"].as_str(), lag["verdict"].as_str()),
            ("4", "", "insufficient_data")
        );
    }
    assert!(rows.iter().all(|row| row["relation"] == "association" && row["kpi"] == "adoption_kpis.active_rate"));
    assert!(rows.iter().all(|row| row["correlation"].is_empty() == row["q_value"].is_empty()));
    let lags: std::collections::BTreeSet<&str> = rows.iter().map(|row| row["lag"].as_str()).collect();
    assert_eq!(lags.into_iter().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
}

#[test]
fn every_number_of_the_scorecard_is_traced_to_its_counts_and_deliveries() {
    let world = world(setup());
    ran(&world);
    let rows = world.table("marts/scorecard");
    let own = ["grain", "period_start", "scope_kind", "scope_id", "kpi"];
    let mut traced = 0;
    for row in rows.iter().filter(|row| row["grain"] == "month" && row["kpi"].ends_with(".active_rate")).step_by(4) {
        let told = explain(&world, "scorecard", &key(row, &own), "value");
        let figure = &told["figures"][0];
        assert_eq!(figure["value"].as_f64(), row["value"].parse().ok());
        let origin = &told["taken_from"][0]["figures"][0];
        assert_eq!(
            (origin["value"].as_f64(), origin["computed_again"].as_f64()),
            (figure["value"].as_f64(), figure["value"].as_f64())
        );
        let part = |name: &str| {
            origin["parts"]
                .as_array()
                .and_then(|parts| parts.iter().find(|part| part["column"] == name)?["value"].as_f64())
        };
        if let (Some(active), Some(people), Some(rate)) =
            (part("active_learners"), part("headcount"), figure["value"].as_f64())
        {
            assert_eq!(active / people, rate);
            traced += 1;
        }
        let sources = told["sources"].as_array().expect("sources");
        let workers = sources.iter().find(|source| source["canon_table"] == "workers").expect("workers");
        assert_eq!(
            (workers["deliveries"].as_u64(), workers["newest"].as_str()),
            (Some(1), Some("in/workers_2026-07-20.csv"))
        );
        assert_eq!(
            (workers["records"]["read"].as_u64(), workers["records"]["accepted"].as_u64()),
            (Some(10), Some(10))
        );
    }
    assert!(traced >= 3, "{traced} traced");
}

#[test]
fn a_figure_is_explained_by_its_formula_with_the_numbers_put_in() {
    let world = world(setup());
    ran(&world);
    let key = "grain=month,period_start=2026-03-01,scope_kind=company,scope_id=all";
    let told = out(&world.process(&format!("explain JOB adoption_kpis --key {key} --column active_rate")), key);
    for part in [
        "active_rate = 0.4 (share of headcount)",
        "active_rate = active_learners / headcount\n              = 4 / 10\n              = 0.4\n",
        "active_learners  4      people  people, counted\n",
        "activity     canonical_activity",
        "note: Groups below the smallest size",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let by_row = out(&world.process(&format!("explain JOB adoption_kpis --row {key} --column active_rate")), key);
    assert_eq!(by_row, told, "--row is --key");
    let all = out(&world.process(&format!("explain JOB marts/adoption_kpis --key {key}")), key);
    assert!(all.contains("headcount") && all.contains("learning_seconds"), "{all}");
    for (words, why) in [
        ("adoption_kpis --key grain=month --column active_rate", "say as well period_start, scope_kind, scope_id"),
        ("adoption_kpis --key scope_id=nobody --column active_rate", "has no row with that key"),
        ("adoption_kpis --key colour=red --column active_rate", "has no column colour"),
        (&format!("adoption_kpis --key {key} --column colour"), "has no column colour"),
        ("workers --key worker_id=W1 --column email", "holds rows of people and is not explained"),
        ("nothing --key a=b --column c", "has no table nothing"),
    ] {
        let output = world.process(&format!("explain JOB {words}"));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{words}");
        assert!(said(&output).contains(why), "{words}: {}", said(&output));
    }
}

#[test]
fn an_explanation_shows_no_more_than_the_guard() {
    let world = world(Setup { policy: "", ..setup() });
    ran(&world);
    // Two people are fewer than five: their unit is withheld, and A with it would be told apart from the company.
    let rows = world.table("marts/adoption_kpis");
    let hidden = rows.iter().find(|row| row["scope_id"] == HOSTILE && row["grain"] == "month").expect("a row");
    assert_eq!(hidden["status"], "withheld");
    let told = explain(&world, "adoption_kpis", &key(hidden, &PLACE), "active_rate");
    let figure = &told["figures"][0];
    assert!(figure["value"].is_null() && figure["computed_again"].is_null());
    assert_eq!(figure["with_numbers"], "(empty) / (empty)");
    assert!(figure["parts"].as_array().expect("parts").iter().all(|part| part["value"].is_null()));
    assert!(figure["may_be_empty_because"][0].as_str().expect("a reason").contains("withheld"));
    let text = told.to_string();
    assert!((1..=10).all(|n| !text.contains(&format!("W{n}\"")) && !text.contains("@example.org")), "{text}");
    assert!(
        world
            .table("marts/scorecard")
            .iter()
            .filter(|row| row["scope_id"] == HOSTILE)
            .all(|row| { row["value"].is_empty() && row["n"].is_empty() && row["status"] == "no_data" })
    );
}

/// The page of a world.
fn page(world: &World) -> String {
    let folder = world.folder.path().join("report");
    let words = format!("report JOB --out {}", folder.display());
    out(&world.process(&words), &words);
    std::fs::read_to_string(folder.join("index.html")).expect("a page")
}

#[test]
fn the_report_is_one_page_that_asks_for_nothing_and_holds_the_tables_numbers() {
    let world = world(setup());
    ran(&world);
    let html = page(&world);
    assert_eq!(html, page(&world), "the same lake gives the same bytes");
    let own = html.split("<script>").next().expect("the page before its scripts");
    for loads in ["<link", "<img", "<iframe", "src=", "http://", "https://", "@import", "url("] {
        assert!(!own.contains(loads), "the page loads something: {loads}");
    }
    assert!(own.contains("default-src 'none'; script-src 'sha256-"));
    for id in ["scorecard", "adoption", "effects", "ratings", "quality"] {
        assert!(own.contains(&format!("<section id=\"{id}\"")), "{id}");
    }
    assert!(own.contains("there is no event study to show") && own.contains("their distribution is not shown"));
    // Every cell of the adoption tables is the published one.
    let adoption = world.table("marts/adoption_kpis");
    let mut compared = 0;
    for row in adoption.iter().filter(|row| row["grain"] == "month" && row["scope_kind"] == "company") {
        let line = own
            .lines()
            .find(|line| line.starts_with(&format!("<tr data-key=\"{}\">", key(row, &PLACE))))
            .expect("a row of the page");
        for column in ["headcount", "active_learners", "active_rate", "active_rate_low", "active_rate_high"] {
            let at = format!("data-column=\"{column}\" data-value=\"");
            let value = line.split_once(&at).expect("a cell").1.split('"').next().expect("a value");
            assert_eq!(value.parse::<f64>().ok(), row[column].parse::<f64>().ok(), "{column} of {row:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 7 * 5);
}

#[test]
fn a_name_out_of_the_data_stays_text_on_the_page() {
    let world = world(setup());
    ran(&world);
    let html = page(&world);
    assert!(!html.contains("<b onload"), "markup out of the data");
    assert_eq!(html.matches("</script>").count(), 4, "one for the data and one for each script");
    assert!(html.contains("&lt;/script&gt;&lt;b onload=alert(1)&gt;&amp;B"));
    let data = html.split("id=\"charts\">").nth(1).and_then(|rest| rest.split("</script>").next()).expect("the data");
    let charts: Value = serde_json::from_str(data).expect("JSON");
    // Two of the KPIs have months to draw; the third has fewer than two values.
    assert_eq!(charts.as_array().map(Vec::len), Some(3), "{charts}");
}

#[test]
fn without_scorecards_there_is_no_scorecard_and_the_page_says_so() {
    let world = world(Setup { top: Setup::default().top, ..setup() });
    ran(&world);
    let head = world.head().expect("a commit");
    assert!(
        ["scorecard", "cadence", "outcome_links"]
            .iter()
            .all(|name| head.files.get(&format!("marts/{name}")).is_none_or(|files| files.is_empty()))
    );
    assert!(page(&world).contains("No scorecard is published"));
}

#[test]
fn a_changed_target_changes_the_scorecard_and_nothing_else() {
    let world = world(setup());
    ran(&world);
    let before = world.files();
    write(&world, &scorecard().replacen("target = 0.5", "target = 0.9", 1));
    ran(&world);
    let changed: Vec<String> = crate::world::difference(&before, &world.files())
        .iter()
        .map(|line| line.split("/data/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(line).to_owned())
        .collect();
    assert_eq!(changed, ["scorecard", "scorecard"], "the old file and the new one");
}
