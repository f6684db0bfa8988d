//! Which header is which column, and which table an export fills: by names, and by what the values look like.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::head::Head;
use super::profile::Profile;
use super::words::{HEADERS, STEMS};
use crate::contract::{Catalog, Column, Table, Type};

/// A pair of header and column below this is no guess.
const LEAST: f64 = 0.35;

/// Words of headers about somebody above the person of the record.
const ABOVE: [&str; 10] = [
    "manager",
    "managers",
    "supervisor",
    "vorgesetzter",
    "vorgesetzten",
    "vorgesetzte",
    "reports",
    "responsable",
    "leiter",
    "boss",
];

/// Words of headers that count.
const COUNTS: [&str; 7] = ["count", "total", "completions", "courses", "views", "number of", "logins"];

/// What a table would be filled with: canon column -> position of the header.
pub(super) type Columns = BTreeMap<String, usize>;

/// The table that fits best, or the one that is asked for, with its columns.
pub(super) fn table<'c>(
    name: &str,
    head: &Head,
    catalog: &'c Catalog,
    wanted: Option<&'c Table>,
) -> Option<(&'c Table, Columns)> {
    let profiles: Vec<Profile> =
        (0..head.names.len()).map(|at| Profile::of(&head.values(at), head.rows.len())).collect();
    if let Some(table) = wanted {
        return Some((table, columns(table, head, &profiles).0));
    }
    let is_input = |table: &&Table| HEADERS.iter().any(|(known, _)| *known == table.name);
    let scored = catalog.canon().filter(is_input).map(|table| {
        let (columns, points) = columns(table, head, &profiles);
        (points + stem_points(name, table) + shape_points(table, head, &columns), table, columns)
    });
    let best = scored.max_by(|(one, ..), (other, ..)| one.total_cmp(other));
    best.map(|(_, table, columns)| (table, columns))
}

/// Whether a name is one that some export uses for some column.
pub(super) fn is_known(name: &str) -> bool {
    static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let names = HEADERS
            .iter()
            .flat_map(|(_, columns)| columns.iter())
            .flat_map(|(column, names)| names.iter().copied().chain(std::iter::once(*column)));
        names.map(bare).filter(|name| !name.is_empty()).collect()
    });
    KNOWN.contains(&bare(name))
}

/// A name without what exports decorate it with.
pub(super) fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric() || *c == '#' || *c == '%').flat_map(char::to_lowercase).collect()
}

/// The words of a name: at spaces and signs, and where a capital begins one.
fn tokens(name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut word = String::new();
    let mut was_small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && was_small) {
            found.insert(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        was_small = c.is_lowercase() || c.is_ascii_digit();
    }
    found.insert(word);
    found.remove("");
    found
}

/// How well a header's name is a column's, 0 to 1.
fn likeness(header: &Name, column: &str, synonyms: &[Name]) -> f64 {
    let (written, words) = (header.written.as_str(), &header.words);
    // What a value is called, or is of, stands beside the value.
    if written.contains('.') && [".label", ".type", ".universal_id"].iter().any(|end| written.ends_with(end)) {
        return 0.0;
    }
    // A number of things names none.
    if column.ends_with("_id")
        && (written.starts_with('#') && !header.bare.contains("employee")
            || words.iter().any(|word| COUNTS.contains(&word.as_str())))
    {
        return 0.0;
    }
    // Totals are of many.
    let is_total = words.contains("total") || header.bare.starts_with("total");
    if is_total && !["time", "hours", "minutes", "seconds"].iter().any(|unit| header.bare.contains(unit)) {
        return 0.0;
    }
    // The number of somebody's manager is nobody's own.
    if !["manager_id", "head_worker_id"].contains(&column) && words.iter().any(|word| ABOVE.contains(&word.as_str())) {
        return 0.0;
    }
    let mut best: f64 = 0.0;
    for (at, name) in synonyms.iter().enumerate() {
        // The earlier of two synonyms is the better.
        let rank = 1.0 - at as f64 * 0.006;
        let points = if name.bare == header.bare {
            1.0
        } else if name.bare == header.last || name.bare == header.bare.trim_start_matches("cp") {
            0.92
        } else {
            let shared = name.words.intersection(words).count();
            if shared == name.words.len() && shared > 1 {
                0.55 + 0.3 * shared as f64 / words.len() as f64
            } else if shared == 1 && name.words.len() == 1 && words.len() == 2 && name.bare.len() > 3 {
                0.5
            } else {
                0.0
            }
        };
        best = best.max(points * rank);
    }
    best
}

/// A name taken apart.
struct Name {
    written: String,
    bare: String,
    /// Of a path of JSON the last key that says something: `value` and `name` say nothing of their own.
    last: String,
    words: BTreeSet<String>,
}

impl Name {
    fn of(written: &str) -> Name {
        let parts: Vec<&str> = written.split('.').collect();
        let last = match parts.as_slice() {
            [.., before, "value" | "name" | "idValue" | "codeValue"] => before,
            [.., last] => last,
            [] => written,
        };
        Name { written: written.to_owned(), bare: bare(written), last: bare(last), words: tokens(written) }
    }
}

/// What exports call a column: its own name first.
fn synonyms(table: &str, column: &str) -> Vec<Name> {
    let of = HEADERS.iter().find(|(name, _)| *name == table);
    let known = of.and_then(|(_, columns)| columns.iter().find(|(name, _)| *name == column));
    std::iter::once(column)
        .chain(known.into_iter().flat_map(|(_, names)| names.iter().copied()))
        .map(Name::of)
        .collect()
}

/// How well values suit a column: 0 never, 1 as well as any.
fn suits(table: &str, column: &Column, profile: &Profile) -> f64 {
    if profile.filled == 0 {
        // Nothing in the sample: for a column that has to be filled another may do.
        return if column.required && profile.rows > 0 { 0.0 } else { 0.9 };
    }
    if column.domain.as_deref() == Some("email") {
        return if profile.emails > 0.5 { 1.2 } else { 0.0 };
    }
    let is_id = column.name.ends_with("_id") || column.name == "employee_no";
    match column.data_type {
        Type::Date | Type::Timestamp => {
            if profile.dates > 0.6 {
                1.1
            } else if profile.dates > 0.0 {
                0.6
            } else {
                0.0
            }
        }
        Type::Int | Type::Double => {
            if profile.numbers + profile.clocks > 0.7 {
                1.0
            } else {
                0.0
            }
        }
        Type::Bool => {
            if profile.known(table, column) > 0.5 {
                1.0
            } else {
                0.0
            }
        }
        Type::Text if !column.values.is_empty() => match profile.known(table, column) {
            known if known >= 0.5 => 1.15,
            known if known > 0.0 => 0.8,
            // Names of events are of any kind.
            _ if column.name == "verb" && profile.distinct.len() < profile.filled => 0.6,
            _ => 0.2,
        },
        // A name is a poor id, a date none.
        Type::Text if is_id && profile.dates > 0.9 && profile.numbers < 0.5 => 0.0,
        Type::Text if is_id && profile.phrases > 0.3 => 0.6,
        Type::Text => 1.0,
    }
}

/// The best header for each column, none used twice, and what the table earns by it.
fn columns(table: &Table, head: &Head, profiles: &[Profile]) -> (Columns, f64) {
    let names: Vec<Name> = head.names.iter().map(|name| Name::of(name)).collect();
    let mut pairs: Vec<(f64, &Column, usize)> = Vec::new();
    for column in table.columns.iter().filter(|column| column.made_day().is_none() && column.is_day_of().is_none()) {
        let known = synonyms(&table.name, &column.name);
        for (at, name) in names.iter().enumerate() {
            let likeness = likeness(name, &column.name, &known);
            if likeness <= LEAST / 1.2 {
                continue;
            }
            let points = likeness * suits(&table.name, column, &profiles[at]);
            if points > LEAST {
                // Of two columns that a header could be, the one that has to be filled is.
                pairs.push((points * if column.required { 1.04 } else { 1.0 }, column, at));
            }
        }
    }
    pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.2.cmp(&other.2)));
    let mut columns = Columns::new();
    let mut used = BTreeSet::new();
    let mut points = 0.0;
    for (score, column, at) in pairs {
        if columns.contains_key(&column.name) || !used.insert(at) {
            continue;
        }
        columns.insert(column.name.clone(), at);
        points += score * if column.required { 5.0 } else { 2.0 };
    }
    for column in table.columns.iter().filter(|column| column.required && !columns.contains_key(&column.name)) {
        points -= match (table.name.as_str(), column.name.as_str()) {
            (_, "effective_from" | "event_id" | "kind" | "status") => 1.0,
            ("workers", "worker_id") if columns.contains_key("employee_no") || columns.contains_key("email") => 1.0,
            _ => 5.0,
        };
    }
    // What stays unexplained speaks against it.
    let explained = used.len() as f64 / head.names.len().clamp(1, 20) as f64;
    (columns, points + 6.0 * explained.min(1.0))
}

fn stem_points(name: &str, table: &Table) -> f64 {
    let stem = name.rsplit('/').next().unwrap_or(name).to_lowercase().replace(['_', '-', '.'], " ");
    let words = STEMS.iter().find(|(of, _)| *of == table.name).map_or(&[][..], |(_, words)| words);
    let whole =
        |word: &&&str| if word.len() < 4 { stem.split(' ').any(|part| part == **word) } else { stem.contains(**word) };
    words.iter().filter(whole).count().min(2) as f64 * 2.0
}

/// Words of headers that only HR writes, and that only a list of accounts has.
const HR: &[&str] = &[
    "hire",
    "hired",
    "salary",
    "position",
    "employment",
    "eintritt",
    "termination",
    "abteilung",
    "personalnummer",
    "worker",
    "payroll",
];
const ACCOUNT: &[&str] = &[
    "login",
    "username",
    "role",
    "licence",
    "license",
    "password",
    "account",
    "lastlogin",
    "language",
    "timezone",
    "suspended",
    "deactivated",
    "enrolled",
    "member",
    "invitation",
    "sis",
];

/// What only the whole of an export says: a person and a course make an enrollment, a course without a person is catalogue.
fn shape_points(table: &Table, head: &Head, columns: &Columns) -> f64 {
    let has = |name: &str| columns.contains_key(name);
    let named = |wanted: &[&str]| {
        head.names.iter().any(|name| {
            let words = tokens(name);
            wanted.iter().any(|word| words.contains(*word))
        })
    };
    let profile = |name: &str| columns.get(name).map(|&at| Profile::of(&head.values(at), head.rows.len()));
    let about_people = named(&[
        "user",
        "email",
        "learner",
        "student",
        "employee",
        "username",
        "stud",
        "actor",
        "participant",
        "benutzername",
        "mail",
        "worker",
        "author",
    ]);
    match table.name.as_str() {
        "enrollments" if !["status", "completed_at", "due_at", "progress", "enrolled_at"].into_iter().any(has) => -4.0,
        "enrollments" if has("user_id") && has("content_id") => {
            let ends =
                ["completed_at", "due_at", "progress", "enrolled_at"].into_iter().filter(|name| has(name)).count();
            // A log has many rows of one person and thing; a transcript has states.
            4.0 + ends as f64 + if has("status") { 2.0 } else { 0.0 }
        }
        "activity" if has("user_id") && has("occurred_at") && (has("verb") || has("duration_seconds")) => 5.0,
        "content" | "org_units" if about_people && !has("parent_id") => -8.0,
        "content" if has("title") => 3.0,
        "org_units" if has("parent_id") && has("name") => 4.0,
        "workers" => {
            let signs = ["hire_date", "manager_id", "termination_date", "fte", "job_level", "location", "org_id"];
            let signs = signs.into_iter().filter(|name| has(name)).count() as f64;
            let is_hr = has("hire_date") || has("termination_date") || has("fte") || has("job_code") || named(HR);
            signs * 1.5
                - if named(&["course", "training", "lo", "cpnt", "content"]) { 6.0 } else { 0.0 }
                - if is_hr { 0.0 } else { 6.0 }
                - if named(ACCOUNT) && !named(HR) { 5.0 } else { 0.0 }
        }
        "users" => {
            let unique = profile("user_id").is_some_and(|profile| profile.is_unique());
            let account = if named(ACCOUNT) { 4.0 } else { 0.0 };
            let hr = named(&["hire", "hired", "salary", "eintritt", "termination", "fte"]);
            account + (if unique { 1.0 } else { -2.0 })
                - if named(&["course", "training", "content", "completion"]) || hr { 6.0 } else { 0.0 }
        }
        _ => 0.0,
    }
}
