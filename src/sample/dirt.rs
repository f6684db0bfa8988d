//! What is wrong with deliveries, on purpose: each flaw in a known file, listed in `truth.json`.

use serde::Serialize;

use crate::period::{Day, date_of};

use super::deliver::{Export, Job, jobs};
use super::{Cadence, Company, Format};

/// One thing wrong with one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Rows that must be refused, each for a reason of its own.
    BadRows,
    /// Comes [`LATE_DAYS`] after its time.
    Late,
    /// Delivered again the next day, byte for byte.
    Twice,
    /// Begins with rows that an earlier file brought already.
    Redelivered,
    /// Begins with rows of an earlier file that have changed since.
    Corrected,
    /// Gzip under a name that says plain CSV.
    HiddenGzip,
    /// One column has another header from here on.
    RenamedHeader,
    /// A byte order mark, and lines that end in CR LF.
    BomAndCrlf,
    /// Some rows stand in the file twice.
    RepeatedRows,
}

/// A delivery with a flaw, as `truth.json` lists it.
#[derive(Debug, Clone, Serialize)]
pub struct Flawed {
    pub path: String,
    pub what: &'static str,
    /// Records that the gate must refuse.
    pub rows_refused: usize,
    /// Records that say nothing new: the same again.
    pub rows_repeated: usize,
    /// Records that replace one of an earlier file.
    pub rows_corrected: usize,
}

pub const LATE_DAYS: Day = 9;
/// Rows that a flawed activity file brings again, at most.
pub const AGAIN_ROWS: u32 = 40;

/// The place of a delivery among those of its export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub nth: u32,
    pub of: u32,
}

impl Place {
    /// Whether this is the delivery after `percent` of all.
    fn at(self, percent: u32) -> bool {
        self.of >= 10 && self.nth == self.of * percent / 100
    }
}

/// The flaw of a delivery, if it has one.
pub fn flaw(company: &Company, job: &Job) -> Option<Flaw> {
    if !company.options.dirt {
        return None;
    }
    let place = job.place(company);
    let is_csv = matches!(company.options.format, Format::Csv | Format::CsvGz);
    let flaws: &[(u32, Flaw)] = match job.export {
        Export::Activity if !is_csv => &[(30, Flaw::Late), (42, Flaw::Twice)],
        Export::Activity => &[
            (12, Flaw::BadRows),
            (30, Flaw::Late),
            (42, Flaw::Twice),
            (55, Flaw::Redelivered),
            (75, Flaw::Corrected),
            (80, Flaw::HiddenGzip),
        ],
        Export::Transcript => &[(15, Flaw::BadRows), (45, Flaw::RenamedHeader), (62, Flaw::Twice)],
        Export::Contributions => &[(35, Flaw::BomAndCrlf), (52, Flaw::BadRows)],
        Export::Reactions => &[(60, Flaw::RepeatedRows)],
        Export::Workers => &[(50, Flaw::BadRows)],
        _ => &[],
    };
    let flaw = flaws.iter().find(|(percent, _)| place.at(*percent)).map(|(_, flaw)| *flaw)?;
    let daily = job.export == Export::Activity && company.options.cadence == Cadence::Daily;
    match flaw {
        Flaw::HiddenGzip if company.options.format != Format::CsvGz => None,
        // With a file every day the name that a late or repeated one would take is taken.
        Flaw::Late | Flaw::Twice if daily => None,
        flaw => Some(flaw),
    }
}

/// All flawed deliveries of a company.
pub fn flaws(company: &Company) -> Vec<Flawed> {
    let flawed = |job: &Job| {
        let flaw = flaw(company, job)?;
        let what = match flaw {
            Flaw::BadRows => "rows with impossible dates, missing ids, unknown words",
            Flaw::Late => "delivered nine days late",
            Flaw::Twice => "delivered again the next day, byte for byte",
            Flaw::Redelivered => "begins with rows of an earlier file",
            Flaw::Corrected => "begins with corrected rows of an earlier file",
            Flaw::HiddenGzip => "gzip under a .csv name",
            Flaw::RenamedHeader => "a renamed column",
            Flaw::BomAndCrlf => "a byte order mark and CR LF line ends",
            Flaw::RepeatedRows => "its first rows stand in it twice",
        };
        let rows_refused = if flaw == Flaw::BadRows { bad_rows(job) } else { 0 };
        let rows_repeated = match flaw {
            Flaw::Redelivered => job.rows_again(company, false).unwrap_or(0),
            Flaw::RepeatedRows => REPEATED_ROWS,
            _ => 0,
        };
        let rows_corrected = if flaw == Flaw::Corrected { job.rows_again(company, true).unwrap_or(0) } else { 0 };
        let day = job.to + if flaw == Flaw::Late { LATE_DAYS } else { 0 };
        let suffix = match (job.export, company.options.format) {
            (Export::Activity, Format::Ndjson) => "ndjson",
            (Export::Activity, Format::Parquet) => "parquet",
            (Export::Activity, Format::Csv) => "csv",
            (Export::Activity, _) if flaw == Flaw::HiddenGzip => "csv",
            _ => "csv.gz",
        };
        Some(Flawed { path: job.path(company, day, suffix), what, rows_refused, rows_repeated, rows_corrected })
    };
    jobs(company).iter().filter_map(flawed).collect()
}

const TRANSCRIPT: &str = "cp_user_id,cp_object_id,cp_reg_num,cp_status_id,cp_required,cp_assigned_dt,cp_due_dt,\
cp_reg_dt,cp_start_dt,cp_completion_dt,cp_expiration_dt,cp_score,cp_time_spent_sec,cp_last_modified_dt\n";

/// The header of a transcript file; one column is called otherwise in a flawed one.
pub fn transcript_header(company: &Company, job: &Job) -> String {
    match flaw(company, job) {
        Some(Flaw::RenamedHeader) => TRANSCRIPT.replace("cp_completion_dt", "Completion Date"),
        _ => TRANSCRIPT.to_owned(),
    }
}

fn bad_rows(job: &Job) -> usize {
    match job.export {
        Export::Activity => bad_activity(job.from).lines().count(),
        export => bad_text(export, job.from).lines().count(),
    }
}

/// Rows of activity that no reader may take.
pub fn bad_activity(day: Day) -> String {
    let on = date_of(day);
    format!(
        "x-01,2025-13-45T10:00:00Z,u10001,viewed,C-0008,course,60,\n\
         ,{on}T10:00:00Z,u10001,viewed,C-0008,course,60,\n\
         x-03,{on}T10:00:00Z,,viewed,C-0008,course,60,\n\
         x-04,{on}T10:00:00Z,u10001,frobnicated,C-0008,course,60,\n\
         x-05,{on}T10:00:00Z,u10001,viewed,C-0008,course,-60,\n\
         x-06,{on}T10:00:00Z,u10001,viewed,C-0008\n\
         x-07,{on}T10:00:00Z,u10001,viewed,C-0008,course,60,,surplus\n\
         x-08,2031-01-01T00:00:00Z,u10001,viewed,C-0008,course,60,\n"
    )
}

/// The same for the small exports.
pub fn bad_text(export: Export, day: Day) -> String {
    let on = date_of(day);
    match export {
        Export::Transcript => format!(
            "u10001,C-0009,1,Completed,false,,,31.02.2026,,,,,,{on}T10:00:00Z\n\
             ,C-0009,1,Completed,false,,,{on}T09:00:00Z,,,,,,{on}T10:00:00Z\n\
             u10002,C-0009,1,Erledigt,false,,,{on}T09:00:00Z,,,,,,{on}T10:00:00Z\n"
        ),
        Export::Contributions => format!(
            ",u10003,post,{on}T10:00:00Z,{on}T10:00:00Z,,,A note on testing,testing,,,120\n\
             x-02,u10003,haiku,{on}T10:00:00Z,{on}T10:00:00Z,,,A note on testing,testing,,,17\n"
        ),
        Export::Workers => {
            "W900001,true,2025-02-30 00:00:00,9999-12-31 23:59:59,false,9000001,nobody,true,false,,,2025-02-28,\
                            2025-02-28,Active,Employee,nobody@haldenruck.example,,OU-0001,J1001,Data,Engineering,\
                            8_Individual_Contributor,ic,false,Berlin,DE,100\n"
                .to_owned()
        }
        _ => String::new(),
    }
}

const REPEATED_ROWS: usize = 12;

/// Makes a clean text export as flawed as it shall be.
pub fn soil(job: &Job, flaw: Option<Flaw>, text: &mut Vec<u8>) {
    match flaw {
        Some(Flaw::BadRows) => text.extend_from_slice(bad_text(job.export, job.from).as_bytes()),
        Some(Flaw::BomAndCrlf) => {
            let mut other = b"\xef\xbb\xbf".to_vec();
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                other.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                other.extend_from_slice(b"\r\n");
            }
            *text = other;
        }
        Some(Flaw::RepeatedRows) => {
            let again: Vec<u8> =
                text.split_inclusive(|byte| *byte == b'\n').skip(1).take(REPEATED_ROWS).flatten().copied().collect();
            text.extend_from_slice(&again);
        }
        _ => {}
    }
}

/// Statements that must be refused: by a group, without a verb's address, voiding what voids.
pub fn soil_statements(company: &Company, job: &Job, out: &mut Vec<u8>) {
    if !company.options.dirt || !job.place(company).at(50) {
        return;
    }
    let on = date_of(job.from);
    let group = format!(
        r#"{{"id":"00000000-0000-4000-8000-000000000001","timestamp":"{on}T10:00:00Z","actor":{{"objectType":"Group","name":"everybody","member":[]}},"verb":{{"id":"http://adlnet.gov/expapi/verbs/completed"}},"object":{{"id":"https://lms.haldenruck.example/content/C-0009"}}}}"#
    );
    let no_address = format!(
        r#"{{"id":"00000000-0000-4000-8000-000000000002","timestamp":"{on}T10:00:00Z","actor":{{"account":{{"homePage":"https://lms.haldenruck.example","name":"u10004"}}}},"verb":{{"id":"completed"}},"object":{{"id":"https://lms.haldenruck.example/content/C-0009"}}}}"#
    );
    out.extend_from_slice(format!("{group}\n{no_address}\n").as_bytes());
}

/// Numbers and addresses as people type them: padded, in mixed case.
pub fn careless(company: &Company, account: usize, number: String, mail: String) -> (String, String) {
    if !company.options.dirt {
        return (number, mail);
    }
    let number = if account % 13 == 5 && !number.is_empty() { format!(" {number} ") } else { number };
    let mail = match account % 9 {
        4 => {
            let capitals = mail.split('.').map(|part| {
                let mut letters = part.chars();
                letters.next().map(|first| first.to_uppercase().to_string() + letters.as_str()).unwrap_or_default()
            });
            capitals.collect::<Vec<_>>().join(".")
        }
        7 => format!("{mail} "),
        _ => mail,
    };
    (number, mail)
}
