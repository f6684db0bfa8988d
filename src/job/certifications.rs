//! Who must hold which certification, and what counts as the same one: `[[certifications]]` of a job file.
//!
//! A population is everybody who fits every list the rule gives; what is required of single people comes from enrollments
//! and needs no rule.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::BANDS;

/// A rule as written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CertificationFile {
    content: String,
    everybody: bool,
    functions: Vec<String>,
    locations: Vec<String>,
    bands: Vec<String>,
    job_families: Vec<String>,
    job_levels: Vec<String>,
    equivalent: Vec<String>,
}

/// One certification: of whom it is required, and which other content items count as it. Lists ascend; an empty list of a
/// population asks nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certification {
    /// A content_id.
    pub content: String,
    /// Required of everybody.
    pub everybody: bool,
    pub functions: Vec<String>,
    pub locations: Vec<String>,
    pub bands: Vec<String>,
    pub job_families: Vec<String>,
    pub job_levels: Vec<String>,
    /// Content items whose completion counts as this certification, with their own validity.
    pub equivalent: Vec<String>,
}

impl Certification {
    /// Whether the rule itself requires the certification of anybody.
    pub fn has_population(&self) -> bool {
        self.everybody || self.lists().iter().any(|(_, list)| !list.is_empty())
    }

    /// The lists that narrow the population, by key.
    fn lists(&self) -> [(&'static str, &Vec<String>); 5] {
        [
            ("functions", &self.functions),
            ("locations", &self.locations),
            ("bands", &self.bands),
            ("job_families", &self.job_families),
            ("job_levels", &self.job_levels),
        ]
    }
}

/// Validates the rules of a job file; gives them by content.
///
/// # Errors
/// What is wrong, with the key it is about, and a hint.
pub(super) fn certifications(files: Vec<CertificationFile>) -> Result<Vec<Certification>, (String, &'static str)> {
    let mut rules: Vec<Certification> = Vec::with_capacity(files.len());
    for (at, file) in files.into_iter().enumerate() {
        if file.content.trim().is_empty() {
            return Err((format!("certifications[{at}].content is empty"), "name the content_id of the certification"));
        }
        let place = |key: &str| format!("certifications.{key} of `{}`", file.content);
        let list = |key: &str, words: Vec<String>| -> Result<Vec<String>, (String, &'static str)> {
            if words.iter().any(|word| word.trim().is_empty()) {
                return Err((format!("{} holds an empty text", place(key)), "leave it out"));
            }
            Ok(words.into_iter().collect::<BTreeSet<_>>().into_iter().collect())
        };
        let rule = Certification {
            everybody: file.everybody,
            functions: list("functions", file.functions)?,
            locations: list("locations", file.locations)?,
            bands: list("bands", file.bands)?,
            job_families: list("job_families", file.job_families)?,
            job_levels: list("job_levels", file.job_levels)?,
            equivalent: list("equivalent", file.equivalent)?,
            content: file.content.clone(),
        };
        if let Some(band) = rule.bands.iter().find(|band| !BANDS.contains(&band.as_str())) {
            return Err((
                format!("{} names `{band}`", place("bands")),
                "bands are ic, manager, director, vp and executive",
            ));
        }
        if rule.equivalent.contains(&rule.content) {
            return Err((format!("{} names itself", place("equivalent")), "list the other items alone"));
        }
        if rule.everybody && rule.lists().iter().any(|(_, list)| !list.is_empty()) {
            return Err((
                format!("{} stands beside a list of people", place("everybody")),
                "write everybody = true, or the lists",
            ));
        }
        if !rule.has_population() && rule.equivalent.is_empty() {
            return Err((
                format!("the rule about `{}` says nothing", rule.content),
                "say of whom it is required (everybody, functions, locations, bands, job_families, job_levels) or what is equivalent",
            ));
        }
        if rules.iter().any(|known| known.content == rule.content) {
            return Err((format!("certifications name `{}` twice", rule.content), "one rule a certification"));
        }
        rules.push(rule);
    }
    rules.sort_by(|a, b| a.content.cmp(&b.content));
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        certifications: Vec<CertificationFile>,
    }

    fn parse(text: &str) -> Result<Vec<Certification>, String> {
        let file: File = toml::from_str(text).map_err(|cause| cause.to_string())?;
        certifications(file.certifications).map_err(|(what, _)| what)
    }

    #[test]
    fn a_rule_names_its_people_and_its_equals_in_any_order() {
        let text = "
            [[certifications]]
            content = 'safety'
            functions = ['production', 'logistics', 'production']
            equivalent = ['safety-2019']
            [[certifications]]
            content = 'conduct'
            everybody = true";
        let rules = parse(text).unwrap();
        assert_eq!(rules.iter().map(|rule| rule.content.as_str()).collect::<Vec<_>>(), ["conduct", "safety"]);
        assert_eq!(rules[1].functions, ["logistics", "production"]);
        assert!(rules[0].has_population() && rules[1].has_population());
        assert!(!parse("[[certifications]]\ncontent = 'a'\nequivalent = ['b']").unwrap()[0].has_population());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        let refused = |text: &str| parse(&format!("[[certifications]]\n{text}")).unwrap_err();
        assert!(refused("functions = ['x']").contains("certifications[0].content is empty"));
        assert!(refused("content = 'a'\nbands = ['boss']").contains("certifications.bands of `a` names `boss`"));
        assert!(refused("content = 'a'\nequivalent = ['a']").contains("names itself"));
        assert!(refused("content = 'a'").contains("says nothing"));
        assert!(refused("content = 'a'\neverybody = true\nlocations = ['x']").contains("certifications.everybody"));
        assert!(refused("content = 'a'\nfunction = ['x']").contains("unknown field `function`"));
        let twice = "content = 'a'\neverybody = true\n[[certifications]]\ncontent = 'a'\neverybody = true";
        assert!(refused(twice).contains("`a` twice"));
    }
}
