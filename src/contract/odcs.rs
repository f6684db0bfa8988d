//! Contracts in the Open Data Contract Standard, v3.1.0, for catalogues and checkers that read it.
//!
//! Source: <https://bitol-io.github.io/open-data-contract-standard/v3.1.0/>. What the standard has no word for (unit,
//! protection, contract hash) travels as custom properties.

use serde_json::{Map, Value, json};

use super::dictionary;
use crate::contract::{Area, Catalog, Column, ContractError, Measure, Privacy, Table, Type};

/// One data contract as YAML: for a table, or for all tables under `marts/`. `lake` is the URL or path of the lake; the
/// server entry points from there at `latest/`.
///
/// # Errors
/// There is no such table.
pub fn yaml(catalog: &Catalog, table: Option<&str>, lake: &str) -> Result<String, ContractError> {
    let (name, tables) = match table {
        Some(name) => (name, vec![catalog.require(name)?]),
        None => ("marts", catalog.tables().filter(|table| table.area == Area::Marts).collect()),
    };
    let mut contract = Map::new();
    contract.insert("apiVersion".into(), json!("v3.1.0"));
    contract.insert("kind".into(), json!("DataContract"));
    contract.insert("id".into(), json!(format!("uptake-{name}")));
    contract.insert("name".into(), json!(name));
    contract.insert("version".into(), json!(env!("CARGO_PKG_VERSION")));
    contract.insert("status".into(), json!("active"));
    contract.insert("description".into(), description(catalog, &tables));
    // Canon is read by nobody outside: it has a contract, but no address.
    if let Some(area) = tables.first().map(|table| table.area).filter(|area| *area != Area::Canon) {
        contract.insert("servers".into(), json!([server(lake, area, table.unwrap_or("{model}"))]));
    }
    contract.insert("schema".into(), tables.iter().map(|table| schema(table)).collect());
    let mut out = String::new();
    block(&mut out, &Value::Object(contract), 0);
    Ok(out)
}

fn description(catalog: &Catalog, tables: &[&Table]) -> Value {
    let mut codes: Vec<&String> = Vec::new();
    for code in tables.iter().flat_map(|table| &table.warnings) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    let limitations: Vec<&str> = codes.into_iter().filter_map(|code| catalog.warning(code)).collect();
    let mut text = Map::new();
    let purpose = match tables {
        [table] => table.description.as_str(),
        _ => "Adoption of learning: aggregates that left through the privacy guard, and the dimensions they join.",
    };
    text.insert("purpose".into(), json!(purpose));
    if !limitations.is_empty() {
        text.insert("limitations".into(), json!(limitations.join(" ")));
    }
    Value::Object(text)
}

/// Where `latest/` lies, in the standard's words for each kind of store. `{model}` stands for the name of each table.
fn server(lake: &str, area: Area, model: &str) -> Value {
    let lake = lake.trim_end_matches('/');
    let location = format!("{lake}/{}/latest/{model}.parquet", area.as_str());
    let (kind, key, place) = match lake.split_once("://") {
        Some(("s3", _)) => ("s3", "location", location),
        Some(("az" | "abfs" | "abfss" | "azure", _)) => ("azure", "location", location),
        Some(("file", _)) => ("local", "path", location.trim_start_matches("file://").to_owned()),
        Some(_) => ("custom", "location", location),
        None => ("local", "path", location),
    };
    json!({ "server": "latest", "type": kind, key: place, "format": "parquet" })
}

fn schema(table: &Table) -> Value {
    let properties: Vec<Value> = table.stored().map(|column| property(table, column)).collect();
    let mut object = Map::new();
    object.insert("name".into(), json!(table.name));
    object.insert("physicalType".into(), json!("file"));
    object.insert("description".into(), json!(table.description));
    object.insert("dataGranularityDescription".into(), json!(table.grain));
    object.insert("customProperties".into(), json!([{ "property": "contractHash", "value": table.hash }]));
    object.insert("properties".into(), json!(properties));
    let rules = rules(table);
    if !rules.is_empty() {
        object.insert("quality".into(), json!(rules));
    }
    Value::Object(object)
}

fn property(table: &Table, column: &Column) -> Value {
    let (logical, physical) = match column.data_type {
        Type::Text => ("string", "VARCHAR"),
        Type::Bool => ("boolean", "BOOLEAN"),
        Type::Int => ("integer", "BIGINT"),
        Type::Double => ("number", "DOUBLE"),
        Type::Date => ("date", "DATE"),
        // The spelling that checkers of the standard take for DuckDB's TIMESTAMP WITH TIME ZONE.
        Type::Timestamp => ("timestamp", "TIMESTAMP_TZ"),
    };
    let mut property = Map::new();
    property.insert("name".into(), json!(column.name));
    property.insert("description".into(), json!(column.description));
    property.insert("logicalType".into(), json!(logical));
    property.insert("physicalType".into(), json!(physical));
    property.insert("classification".into(), json!(column.privacy.to_string()));
    if column.required {
        property.insert("required".into(), json!(true));
    }
    // A key with a part that may be empty is unique, but no primary key in the sense of the standard.
    let whole = table.key.iter().filter_map(|part| table.column(part)).all(|part| part.required);
    if let Some(position) = table.key.iter().position(|part| *part == column.name).filter(|_| whole) {
        property.insert("primaryKey".into(), json!(true));
        property.insert("primaryKeyPosition".into(), json!(position + 1));
    }
    let limits: Map<String, Value> = [("minimum", column.range.0), ("maximum", column.range.1)]
        .into_iter()
        .filter_map(|(name, limit)| limit.map(|limit| (name.to_owned(), number(column.data_type, limit))))
        .collect();
    if !limits.is_empty() {
        property.insert("logicalTypeOptions".into(), Value::Object(limits));
    }
    if let Some(formula) = &column.formula {
        property.insert("transformLogic".into(), json!(formula));
    }
    let mut custom = Vec::new();
    if !column.unit.is_empty() {
        custom.push(json!({ "property": "unit", "value": column.unit }));
    }
    if table.area != Area::Canon && column.privacy == Privacy::Aggregate && dictionary::is_figure(column) {
        custom.push(json!({ "property": "protection", "value": dictionary::protection(column) }));
    }
    if !custom.is_empty() {
        property.insert("customProperties".into(), json!(custom));
    }
    if !column.values.is_empty() {
        property.insert(
            "quality".into(),
            json!([{
                "type": "library",
                "metric": "invalidValues",
                "description": "Values are from the closed list.",
                "dimension": "conformity",
                "arguments": { "validValues": column.values },
                "mustBe": 0,
            }]),
        );
    }
    Value::Object(property)
}

fn number(data_type: Type, limit: f64) -> Value {
    if data_type == Type::Int { json!(limit as i64) } else { json!(limit) }
}

/// What holds between the columns and rows of a table. Columns of the contract are plain names, so they need no quotes.
fn rules(table: &Table) -> Vec<Value> {
    let mut rules = vec![json!({
        "type": "library",
        "metric": "duplicateValues",
        "description": format!("The grain is unique: {}.", table.grain),
        "dimension": "uniqueness",
        "arguments": { "properties": table.key },
        "mustBe": 0,
    })];
    let Some(population) = table.columns.iter().find(|column| column.measure == Some(Measure::Population)) else {
        return rules;
    };
    let sql = |description: &str, condition: String| {
        json!({
            "type": "sql",
            "description": description,
            "dimension": "consistency",
            "query": format!("SELECT COUNT(*) FROM ${{table}} WHERE {condition}"),
            "mustBe": 0,
        })
    };
    let people: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.measure == Some(Measure::People))
        .map(|column| format!("{} > {}", column.name, population.name))
        .collect();
    if !people.is_empty() {
        rules.push(sql("No count of people passes the population it is counted in.", people.join(" OR ")));
    }
    let measures: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.measure.is_some_and(|measure| measure != Measure::Population))
        .map(|column| format!("{} IS NOT NULL", column.name))
        .collect();
    if !measures.is_empty() {
        let condition = format!("{} IS NULL AND ({})", population.name, measures.join(" OR "));
        rules.push(sql("A row whose population is withheld shows no figure.", condition));
    }
    rules
}

/// Writes maps and lists as YAML blocks. Text is always in double quotes, so that no value can be read as another type.
fn block(out: &mut String, value: &Value, indent: usize) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                out.push_str(&format!("{pad}{key}:"));
                child(out, value, indent + 2);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                if item.is_object() {
                    block(&mut inner, item, indent + 2);
                    out.push_str(&format!("{pad}- {}", inner.trim_start()));
                } else {
                    out.push_str(&format!("{pad}- {}\n", scalar(item)));
                }
            }
        }
        other => out.push_str(&format!("{pad}{}\n", scalar(other))),
    }
}

fn child(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(_) | Value::Array(_) => {
            out.push('\n');
            block(out, value, indent);
        }
        other => out.push_str(&format!(" {}\n", scalar(other))),
    }
}

/// JSON scalars are YAML scalars, but for the few characters that YAML takes as line breaks or refuses unescaped.
fn scalar(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)))
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_contract_reads_like_the_standard() {
        let text = yaml(&Catalog::load().unwrap(), Some("suppressed_cells"), "s3://lake/people/").unwrap();
        let head: Vec<&str> = text.lines().collect();
        assert_eq!(
            head[..4],
            [
                "apiVersion: \"v3.1.0\"",
                "kind: \"DataContract\"",
                "id: \"uptake-suppressed_cells\"",
                "name: \"suppressed_cells\""
            ]
        );
        let server = "servers:\n  - server: \"latest\"\n    type: \"s3\"\n    location: \"s3://lake/people/ops/latest/suppressed_cells.parquet\"\n    format: \"parquet\"\n";
        assert!(text.contains(server), "{text}");
        let key = "      - name: \"grain\"\n";
        assert!(text.contains(key), "{text}");
        assert!(text.contains("        arguments:\n          properties:\n            - \"table_name\"\n            - \"grain\"\n            - \"scope_kind\"\n        mustBe: 0\n"), "{text}");
    }

    #[test]
    fn stores_are_named_in_the_words_of_the_standard() {
        let of = |lake: &str| {
            let server = server(lake, Area::Marts, "dim_date");
            (
                server["type"].as_str().unwrap().to_owned(),
                server.get("path").or(server.get("location")).and_then(Value::as_str).unwrap().to_owned(),
            )
        };
        assert_eq!(of("./out"), ("local".into(), "./out/marts/latest/dim_date.parquet".into()));
        assert_eq!(of("file:///srv/lake"), ("local".into(), "/srv/lake/marts/latest/dim_date.parquet".into()));
        assert_eq!(of("az://c/p").0, "azure");
        assert_eq!(of("gs://b").0, "custom");
    }

    #[test]
    fn people_are_bounded_by_their_population_and_nothing_shows_in_withheld_rows() {
        let text = yaml(&Catalog::load().unwrap(), Some("adoption_kpis"), "out").unwrap();
        assert!(
            text.contains(
                "SELECT COUNT(*) FROM ${table} WHERE visitors > headcount OR passive_learners > headcount OR "
            ),
            "{text}"
        );
        assert!(text.contains("WHERE headcount IS NULL AND (visitors IS NOT NULL OR "), "{text}");
    }

    #[test]
    fn all_marts_make_one_contract_and_canon_has_no_address() {
        let catalog = Catalog::load().unwrap();
        let all = yaml(&catalog, None, "out").unwrap();
        assert!(all.contains("path: \"out/marts/latest/{model}.parquet\""));
        assert_eq!(
            all.matches("physicalType: \"file\"").count(),
            catalog.tables().filter(|table| table.area == Area::Marts).count()
        );
        assert!(!yaml(&catalog, Some("workers"), "out").unwrap().contains("servers:"));
        assert!(yaml(&catalog, Some("nothing"), "out").is_err());
    }

    #[test]
    fn text_is_quoted_so_that_nothing_is_read_as_something_else() {
        let mut out = String::new();
        block(&mut out, &json!({ "a": "no", "b": ["1.0", "x: \"y\" # z\n"], "c": 1.5, "d": { "e": "\u{2028}" } }), 0);
        assert_eq!(out, "a: \"no\"\nb:\n  - \"1.0\"\n  - \"x: \\\"y\\\" # z\\n\"\nc: 1.5\nd:\n  e: \"\\u2028\"\n");
    }
}
