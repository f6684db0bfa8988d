//! Events told again: a collector that restarts after midnight sends the events of an earlier day once more under their own ids, some
//! of the time with the time of the restart.

use std::io;

use crate::period::Day;

use super::super::activity::{Event, Events};
use super::super::deliver::{Export, Job};
use super::super::dirt::{self, Flaw};
use super::super::{Cadence, Company};

/// Events told again at most.
pub const MOST: u64 = 40;

/// What an activity file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// The day whose first events are told again.
    pub of: Day,
    /// The day at whose first moments they are said to have happened; `None` where they keep their time.
    pub stamped: Option<Day>,
}

/// The replay in a file, if there is one. Files with other faults have none, nor has the file after one that comes late.
pub fn of(company: &Company, job: &Job) -> Option<Replay> {
    if !company.options.untidy || job.export != Export::Activity {
        return None;
    }
    let nth = job.nth.checked_sub(1)?;
    let length = job.to - job.from;
    let before = Job { nth, from: job.from - length, to: job.from, ..*job };
    let is_late = dirt::flaw(company, &before) == Some(Flaw::Late);
    if !job.nth.is_multiple_of(4) || is_late || dirt::flaw(company, job).is_some() {
        return None;
    }
    let of = match company.options.cadence {
        Cadence::Weekly => job.from - 3,
        Cadence::Daily => job.from - 1,
    };
    Some(Replay { of, stamped: job.nth.is_multiple_of(3).then_some(job.from) })
}

impl Replay {
    /// Writes the events once more.
    ///
    /// # Errors
    /// They cannot be encoded.
    pub fn write(self, company: &Company, out: &mut impl Events) -> io::Result<()> {
        let mut again = Again { replay: self, out };
        company.activity.day(self.of, &company.accounts, &company.content, &mut again).map(drop)
    }

    /// Day and seconds since midnight of the event that is the `n`th of its day.
    pub fn time(self, n: u64, seconds: u32) -> (Day, u32) {
        match self.stamped {
            Some(day) => (day, 2 * n as u32),
            None => (self.of, seconds),
        }
    }
}

struct Again<'a, O: Events> {
    replay: Replay,
    out: &'a mut O,
}

impl<O: Events> Events for Again<'_, O> {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        if event.n > MOST {
            return Ok(());
        }
        let (day, seconds) = self.replay.time(event.n, event.seconds);
        self.out.push(&Event { day, seconds, ..*event })
    }
}
