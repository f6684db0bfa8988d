//! A scorecard over figures of several tables: each beside the period and the year before, by eye.

use crate::world::{Kind, Row, Setup, World};

/// Ten people of one unit, three of them leaders. In March 2025 four were active and one leader posted; in February 2026 five and none;
/// in March 2026 six and two.
fn world() -> World {
    world_with("zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nscorecards = [\"executive.toml\"]")
}

fn world_with(top: &'static str) -> World {
    let world = World::at(Kind::Disk, Setup { top, ..Setup::default() }).expect("a folder");
    let mut workers = "worker_id,effective_from,status,worker_type,hire_date,email,org_id,leader_band\n".to_owned();
    let mut users = "user_id,email,status,kind\n".to_owned();
    for n in 1..=10 {
        let band = if n <= 3 { "manager" } else { "ic" };
        workers.push_str(&format!("W{n},2025-01-01,active,employee,2025-01-01,w{n}@example.org,A,{band}\n"));
        users.push_str(&format!("U{n},w{n}@example.org,active,learner\n"));
    }
    let mut activity = "event_id,occurred_at,user_id,verb\n".to_owned();
    let mut posts = "contribution_id,author_id,kind,created_at\n".to_owned();
    for (month, active, posting) in [("2025-03", 4, 1), ("2026-02", 5, 0), ("2026-03", 6, 2)] {
        for n in 1..=active {
            activity.push_str(&format!("e{n}-{month},{month}-10T09:00:00Z,U{n},completed\n"));
        }
        for n in 1..=posting {
            posts.push_str(&format!("c{n}-{month},U{n},post,{month}-11T09:00:00Z\n"));
        }
    }
    let units = "org_id,effective_from,name\nA,2025-01-01,Unit A\n".to_owned();
    for (name, text) in
        [("workers", workers), ("users", users), ("activity", activity), ("org_units", units), ("contributions", posts)]
    {
        world.deliver(&format!("in/{name}_2026-04-01.csv"), text);
    }
    world
}

fn scorecard(kpis: &[&str]) -> String {
    let kpi = |name: &&str| {
        format!(
            "[[kpis]]\nkpi = \"{name}\"\nscope = \"company\"\ntarget = 0.65\nbaseline = 0.1\ntolerance = 0.1\ndirection = \"up\"\nlead_or_lag = \"lead\"\nowner = \"head of learning\"\noutcome = \"fewer incidents\"\n"
        )
    };
    format!("name = \"executive\"\n{}", kpis.iter().map(kpi).collect::<String>())
}

fn run(world: &World, text: &str) -> std::process::Output {
    std::fs::write(world.folder.path().join("executive.toml"), text).expect("a scorecard");
    world.process("run JOB --as-of 2026-04-01")
}

/// `value previous previous_year status` of a KPI in a period, rates to three digits.
fn shown(rows: &[Row], grain: &str, start: &str, kpi: &str) -> String {
    let is_it = |row: &&Row| row["grain"] == grain && row["period_start"] == start && row["kpi"] == kpi;
    let row = rows.iter().find(is_it).unwrap_or_else(|| panic!("{grain} {start} {kpi}"));
    let rate = |name: &str| row[name].parse::<f64>().map_or("-".to_owned(), |value| format!("{value:.3}"));
    format!("{} {} {} {}", rate("value"), rate("previous"), rate("previous_year"), row["status"])
}

#[test]
fn figures_of_several_tables_stand_beside_the_period_and_the_year_before() {
    let world = world();
    // A name without a table is a column of adoption_kpis.
    let output = run(&world, &scorecard(&["active_rate", "leadership_kpis.leaders_posting_rate", "activation_rate"]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = world.table("marts/scorecard");
    let posting = "leadership_kpis.leaders_posting_rate";
    for (grain, start, kpi, wanted) in [
        ("month", "2026-03-01", "adoption_kpis.active_rate", "0.600 0.500 0.400 watch"),
        ("month", "2025-03-01", "adoption_kpis.active_rate", "0.400 - - off_track"),
        // Nobody was active in December: that a count is nobody's is not shown, and there was no quarter like it a year before.
        ("quarter", "2025-10-01", "adoption_kpis.active_rate", "- - - no_data"),
        ("quarter", "2026-01-01", "adoption_kpis.active_rate", "0.600 - 0.400 watch"),
        // No leader posted in February, which is not shown; one of three had a year before, and two of three do now.
        ("month", "2026-03-01", posting, "0.667 - 0.333 on_track"),
        ("month", "2026-02-01", posting, "- - - no_data"),
        ("quarter", "2026-01-01", posting, "0.667 - 0.333 on_track"),
    ] {
        assert_eq!(shown(&rows, grain, start, kpi), wanted, "{kpi} of the {grain} from {start}");
    }
    let now = rows.iter().find(|row| row["kpi"] == posting && row["period_start"] == "2026-03-01").expect("a row");
    assert_eq!((now["n"].as_str(), now["kpi_unit"].as_str()), ("3", "share of leaders"));
    let key = format!("grain=month,period_start=2026-03-01,scope_kind=company,scope_id=all,kpi={posting}");
    let told = world.process(&format!("explain JOB scorecard --key {key} --column value"));
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    for part in ["marts/leadership_kpis", "= 2 / 3", "canonical_contributions"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_figure_that_a_scorecard_cannot_hold_is_refused_with_its_file_and_what_to_do() {
    let world = world();
    for (kpi, why, hint) in [
        ("leader_scorecard.reach", "is of a restricted table", "uptake schema scorecard"),
        ("leader_post_effects.estimate", "says nothing by month or quarter", "uptake schema scorecard"),
        ("leadership_kpis.sponsor_active", "is no figure of that table: leaders,", "uptake schema TABLE"),
        ("rater_agreement.gwet_ac2", "the job names no reviews", "under `reviews` of the job"),
        ("certification_status.valid", "does not say which content_id", "where = {"),
    ] {
        let output = run(&world, &scorecard(&["active_rate", "activation_rate", kpi]));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{kpi}: {said}");
        assert!(
            said.contains(&format!("executive.toml: KPI {kpi} ")) && said.contains(why) && said.contains(hint),
            "{said}"
        );
    }
    assert!(world.head().is_none(), "nothing was published");
}

#[test]
fn an_explanation_needs_no_key_of_pseudonyms_and_names_nobody() {
    let world = world_with("zone = \"UTC\"\nsynthetic_data = true\nscorecards = [\"executive.toml\"]");
    let text = scorecard(&["active_rate", "activation_rate", "leadership_kpis.leaders_posting_rate"]);
    std::fs::write(world.folder.path().join("executive.toml"), text).expect("a scorecard");
    let job = world.job_path().display().to_string();
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_uptake"))
        .args(["run", &job, "--as-of", "2026-04-01"])
        .env("UPTAKE_PSEUDONYM_KEY", "a key that nobody else has")
        .output()
        .expect("the program");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let key = "grain=month,period_start=2026-03-01,scope_kind=company,scope_id=all,kpi=adoption_kpis.active_rate";
    let output = world.process(&format!("explain JOB scorecard --key {key} --column value"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("= 6 / 10"), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for person in world.table("canon/workers").iter().flat_map(|row| [row["worker_id"].clone(), row["email"].clone()]) {
        assert!(!person.is_empty() && !told.contains(&person), "{person} in {told}");
    }
    assert!((1..=10).all(|n| !told.contains(&format!("w{n}@example.org"))), "{told}");
}
