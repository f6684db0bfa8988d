//! Whether this machine and the store agree what time it is. S3 refuses requests from a quarter of an hour on, with the 403 of a wrong
//! key; and a run without `--as-of` speaks of the moment that this machine's clock says.

use chrono::{DateTime, Utc};

use super::findings::Findings;
use crate::cli::terminal::count;
use crate::error::Error;

/// Minutes apart from which somebody should know.
const WARNED: i64 = 5;
/// Minutes apart from which S3 refuses.
const REFUSED: i64 = 15;

/// `theirs` is what the store said in its `Date`; folders say nothing.
pub fn judge(theirs: Option<DateTime<Utc>>, ours: DateTime<Utc>, findings: &mut Findings) {
    let what = "clock";
    let Some(theirs) = theirs else {
        return findings.not_tried(what, "the store does not say what time it is");
    };
    let ahead = (ours - theirs).num_seconds();
    let minutes = ahead.abs() / 60;
    let told = format!(
        "this machine is {} {} the store, which says {}",
        count(minutes.unsigned_abs(), "minute", "minutes"),
        if ahead > 0 { "ahead of" } else { "behind" },
        theirs.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    );
    let hint = "set this machine's clock, e.g. by NTP: stores refuse requests from 15 minutes on, and a run speaks of the moment it says";
    if minutes >= REFUSED {
        findings.failed(what, &Error::usage(told).hint(hint));
    } else if minutes >= WARNED {
        findings.warn(what, &told, Some(hint));
    } else {
        findings.ok(what, "this machine and the store agree within five minutes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::findings::State;

    #[test]
    fn five_minutes_are_a_warning_and_fifteen_a_failure_in_either_direction() {
        let theirs: DateTime<Utc> = "2026-03-30T02:00:00Z".parse().unwrap();
        let judged = |seconds: i64| {
            let mut findings = Findings::default();
            judge(Some(theirs), theirs + chrono::TimeDelta::seconds(seconds), &mut findings);
            let finding = findings.all.remove(0);
            (finding.state, finding.exit, finding.detail)
        };
        assert_eq!([judged(0).0, judged(-299).0, judged(299).0], [State::Ok; 3]);
        assert_eq!([judged(300).0, judged(-899).0], [State::Warning; 2]);
        let (state, exit, detail) = judged(-3_600);
        assert_eq!((state, exit), (State::Failed, Some(2)));
        assert_eq!(detail, "this machine is 60 minutes behind the store, which says 2026-03-30T02:00:00Z");
        let mut findings = Findings::default();
        judge(None, theirs, &mut findings);
        assert_eq!(findings.all[0].state, State::NotTried);
    }
}
