//! The job that reads an untidy company, and the feeds that no shipped one is good enough for: written beside `landing/`.

use crate::period::date_of;

use super::super::Company;
use super::super::content::SAFETY;
use super::super::names::FUNCTIONS;
use super::truth::{ZONE, report_from};

/// Feeds beside the job: name and text.
pub const FEEDS: [(&str, &str); 7] = [
    ("hris_workers", include_str!("feeds/hris_workers.toml")),
    ("main_users", include_str!("feeds/main_users.toml")),
    ("academy_users", include_str!("feeds/academy_users.toml")),
    ("norhaven_users", include_str!("feeds/norhaven_users.toml")),
    ("main_transcript", include_str!("feeds/main_transcript.toml")),
    ("academy_transcript", include_str!("feeds/academy_transcript.toml")),
    ("hub_statements", include_str!("feeds/hub_statements.toml")),
];

/// Shipped feeds that the job names as well.
const SHIPPED: [&str; 11] = [
    "canonical_org_units",
    "canonical_identity_links",
    "canonical_content",
    "canonical_activity",
    "canonical_contributions",
    "canonical_reactions",
    "canonical_milestones",
    "canonical_enrollments",
    "canonical_submissions",
    "canonical_rubric_scores",
    "canonical_measures",
];

/// Paths and texts of the job and its feeds.
pub fn files(company: &Company) -> Vec<(String, String)> {
    let feeds = FEEDS.map(|(name, text)| (format!("feeds/{name}.toml"), text.to_owned()));
    [("job.toml".to_owned(), job(company))].into_iter().chain(feeds).collect()
}

fn job(company: &Company) -> String {
    let names = FEEDS.map(|(name, _)| name).into_iter().chain(SHIPPED).chain(["canonical_events"]);
    let feeds: Vec<String> = names.map(|name| format!("    \"{name}\",\n")).collect();
    format!(
        "# Halden & Ruck as untidy as companies are: feeds/ says how each export is read, truth.json what has to come out.\n\
         # Run it as of {} or later.\n\
         \n\
         name    = \"sample\"\n\
         landing = \"landing\"\n\
         lake    = \"out\"\n\
         zone    = \"{}\"\n\
         feeds   = [\n{}]\n\
         # Last year's required training is told as well, so that every year has its own rates.\n\
         report_from = \"{}\"\n\
         \n\
         # Nobody here exists. A job over real people leaves these two lines out.\n\
         pseudonyms     = \"off\"\n\
         synthetic_data = true\n\
         \n\
         [policy]\n\
         smallest_group = 5\n\
         \n\
         # Safety is required in these functions, whoever assigned it.\n\
         [[certifications]]\n\
         content   = \"{}\"\n\
         functions = [\"{}\", \"{}\"]\n",
        date_of(company.calendar.end()),
        ZONE.name(),
        feeds.concat(),
        date_of(report_from(company)),
        company.content[SAFETY].id,
        FUNCTIONS[2],
        FUNCTIONS[3],
    )
}
