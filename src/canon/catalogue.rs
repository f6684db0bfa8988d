//! Content items as a month sees them, who completed what when, and which contributions belong to which item.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono_tz::Tz;

use super::columns::{Text, bools, instants};
use super::contributions::standing;
use super::history::{Interner, People, StableHash};
use super::obligation::Attempts;
use crate::contract::arrow::DELETED;
use crate::period::{Day, DayClock, Period, local_day};

/// A content item; days are those of the reporting zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub id: String,
    pub published: Option<Day>,
    pub updated: Option<Day>,
    pub retired: Option<Day>,
    /// The LMS account of the owner.
    pub owner: Option<String>,
}

impl Item {
    /// Whether the item is in the catalogue on some day of a period.
    pub fn lives_in(&self, period: Period) -> bool {
        self.published.is_none_or(|day| day < period.end) && self.retired.is_none_or(|day| day > period.start)
    }

    /// The last day on which its substance changed, as far as one knew at the end of a period. The catalogue keeps the last update
    /// alone: where that came later, the one before is unknown.
    pub fn updated_by(&self, period: Period) -> Option<Day> {
        self.updated.or(self.published).filter(|day| *day < period.end)
    }
}

/// The live items by id.
pub fn items(content: &[RecordBatch], zone: Tz) -> Vec<Item> {
    let mut items = Vec::new();
    for batch in content {
        let (id, owner, deleted) = (Text::of(batch, "content_id"), Text::of(batch, "owner_id"), bools(batch, DELETED));
        let [published, updated, retired] =
            ["published_at", "updated_at", "retired_at"].map(|name| instants(batch, name));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let Some(id) = id.get(row) else { continue };
            let day = |at: Option<i64>| at.map(|micros| local_day(micros, zone));
            items.push(Item {
                id: id.to_owned(),
                published: day(published(row)),
                updated: day(updated(row)),
                retired: day(retired(row)),
                owner: owner.get(row).map(str::to_owned),
            });
        }
    }
    items.sort_by(|a, b| a.id.cmp(&b.id));
    items
}

/// Which item a contribution belongs to, and since when there is the contribution.
pub type Belongings = BTreeMap<String, (Day, String)>;

/// The contributions that stand at the horizon and belong to a content item.
pub fn belongings(contributions: &[RecordBatch], zone: Tz, horizon: Day) -> Belongings {
    let standing = standing(contributions, zone, horizon).into_iter();
    standing.filter_map(|one| Some((one.id.to_owned(), (one.day, one.content?.to_owned())))).collect()
}

/// Who completed which item on which day: of each attempt the earliest success.
#[derive(Debug, Default, Clone)]
pub struct Completions {
    /// Codes of content ids.
    pub contents: Interner,
    /// (content, worker code), by day.
    pub days: BTreeMap<Day, Vec<(u32, u32)>>,
}

impl Completions {
    pub fn of(attempts: &Attempts, zone: Tz) -> Completions {
        let mut clock = DayClock::new(zone);
        let mut days: BTreeMap<Day, Vec<(u32, u32)>> = BTreeMap::new();
        for attempt in &attempts.all {
            if let Some(success) = attempt.success {
                days.entry(clock.day(success.at)).or_default().push((attempt.content, attempt.worker));
            }
        }
        days.values_mut().for_each(|done| done.sort_unstable());
        Completions { contents: attempts.contents.clone(), days }
    }

    /// A hash of what was completed in a period, by ids and not by codes.
    pub fn fingerprint(&self, period: Period, people: &People) -> u64 {
        let mut sum = 0u64;
        for (day, done) in self.days.range(period.start..period.end.max(period.start)) {
            for (content, worker) in done {
                let mut hash = StableHash::default();
                hash.number(i64::from(*day));
                hash.text(self.contents.text(*content).unwrap_or_default());
                hash.text(people.workers.get(*worker as usize).map_or("", String::as_str));
                sum = sum.wrapping_add(hash.finish());
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{day, rows};
    use crate::canon::history::Eligibility;
    use crate::canon::identity::Identity;
    use crate::period::Grain;

    fn month(start: &str, end: &str) -> Period {
        Period { grain: Grain::Month, start: day(start), end: day(end) }
    }

    #[test]
    fn an_item_lives_from_its_publication_to_its_retirement_and_knows_its_last_update() {
        let items = items(
            &[rows(
                "content",
                "content_id kind   published_at updated_at retired_at
                 c1         course 2026-01-15   2026-02-10 2026-03-05",
            )],
            chrono_tz::UTC,
        );
        let months = [
            month("2025-12-01", "2026-01-01"),
            month("2026-01-01", "2026-02-01"),
            month("2026-02-01", "2026-03-01"),
            month("2026-03-01", "2026-04-01"),
            month("2026-04-01", "2026-05-01"),
        ];
        assert_eq!(months.map(|month| items[0].lives_in(month)), [false, true, true, true, false]);
        assert_eq!(items[0].updated_by(months[1]), None, "the update before is not kept");
        assert_eq!(items[0].updated_by(months[2]), Some(day("2026-02-10")));
    }

    #[test]
    fn of_each_attempt_the_earliest_success_counts() {
        let workers = [rows("workers", "worker_id effective_from status employee_no\nw1 2026-01-01 active 1")];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = [rows("users", "user_id employee_no status\nu1 1 active\nu2 1 active")];
        let identity = Identity::build(&users, &[], &workers, &people);
        let enrollments = |first: &str| {
            [rows(
                "enrollments",
                &format!(
                    "user_id content_id attempt status    completed_at
                     u1      c1         1       completed 2026-02-10
                     u2      c1         1       passed    {first}
                     u1      c2         1       failed    2026-02-11"
                ),
            )]
        };
        let completed = |first: &str| {
            let attempts = Attempts::build(&enrollments(first), &[], &identity, chrono_tz::UTC, Day::MIN);
            Completions::of(&attempts, chrono_tz::UTC)
        };
        let done = completed("2026-01-20");
        assert_eq!(done.days.keys().copied().collect::<Vec<_>>(), [day("2026-01-20")]);
        let later = completed("2026-03-20");
        assert_eq!(later.days.keys().copied().collect::<Vec<_>>(), [day("2026-02-10")]);
        let february = month("2026-02-01", "2026-03-01");
        assert_ne!(done.fingerprint(february, &people), later.fingerprint(february, &people));
    }
}
