//! Time spent, as stretches of it: an event that lasted covers the seconds up to its instant (or from it on, where the feed says so),
//! and what several events cover is counted once.
//!
//! A stretch is cut at midnight of the reporting zone. What lies beyond belongs to the day beside, so a day reads what reaches into it
//! from its neighbours; it makes nobody a visitor there, and whose it is was decided on the event's own day.
//!
//! An event that was told as a day has no place within it: what it lasted lies on that day, and adds to what else does.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use chrono_tz::Tz;

use crate::canon::columns::Text;
use crate::canon::history::StableHash;
use crate::period::{Day, day_start_micros};

const SECOND: i64 = 1_000_000;

/// Half-open seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    pub from: i64,
    pub to: i64,
}

impl Stretch {
    /// The part within `[from, to)`, if there is any.
    fn within(self, from: i64, to: i64) -> Option<Stretch> {
        let part = Stretch { from: self.from.max(from), to: self.to.min(to) };
        (part.from < part.to).then_some(part)
    }
}

/// Where a day and the days beside it begin, in seconds since 1970, and what one event counts at most.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub day: Day,
    /// The midnights before the day before, before the day, after it, and after the day after.
    midnights: [i64; 4],
    most_seconds: i64,
}

impl Clock {
    pub fn new(day: Day, zone: Tz, most_seconds: i64) -> Clock {
        let midnights = [day - 1, day, day + 1, day + 2].map(|day| day_start_micros(day, zone).div_euclid(SECOND));
        Clock { day, midnights, most_seconds }
    }

    /// What lies on the day itself.
    pub fn on_the_day(&self, stretch: Stretch) -> Option<Stretch> {
        stretch.within(self.midnights[1], self.midnights[2])
    }

    fn before(&self, stretch: Stretch) -> Option<Stretch> {
        stretch.within(self.midnights[0], self.midnights[1])
    }

    fn after(&self, stretch: Stretch) -> Option<Stretch> {
        stretch.within(self.midnights[2], self.midnights[3])
    }
}

/// The columns of activity that say how long something lasted, and when.
pub struct Durations<'b> {
    occurred_at: Option<&'b TimestampMicrosecondArray>,
    seconds: Option<&'b Int64Array>,
    begins_there: Option<&'b BooleanArray>,
    /// None of a batch in which no event was told as a day.
    day_only: Option<&'b BooleanArray>,
    most_seconds: i64,
}

impl<'b> Durations<'b> {
    pub fn of(batch: &'b RecordBatch, clock: &Clock) -> Durations<'b> {
        // A column of nothing but nulls, or nothing but `false`, says nothing.
        let of = |name: &str| batch.column_by_name(name).filter(|array| array.null_count() < array.len());
        let bools = |name: &str| of(name).and_then(|array| array.as_boolean_opt()).filter(|array| array.has_true());
        Durations {
            occurred_at: of("occurred_at").and_then(|array| array.as_primitive_opt()),
            seconds: of("duration_seconds").and_then(|array| array.as_primitive_opt()),
            begins_there: bools("duration_from"),
            day_only: bools("day_only"),
            most_seconds: clock.most_seconds,
        }
    }

    fn seconds(&self, row: usize) -> Option<i64> {
        let seconds = self.seconds.filter(|array| array.is_valid(row))?.value(row);
        (seconds > 0).then(|| seconds.min(self.most_seconds))
    }

    fn is_day(&self, row: usize) -> bool {
        self.day_only.is_some_and(|array| array.is_valid(row) && array.value(row))
    }

    /// What a row lasted that has no place within its day.
    pub fn loose(&self, row: usize) -> Option<i64> {
        if self.is_day(row) { self.seconds(row) } else { None }
    }

    /// The time that a row covers; none where it did not last or has no place within its day.
    pub fn stretch(&self, row: usize) -> Option<Stretch> {
        let seconds = self.seconds(row).filter(|_| !self.is_day(row))?;
        let at = self.occurred_at.filter(|array| array.is_valid(row))?.value(row).div_euclid(SECOND);
        let begins_there = self.begins_there.is_some_and(|array| array.is_valid(row) && array.value(row));
        let from = if begins_there { at } else { at - seconds };
        Some(Stretch { from, to: from + seconds })
    }
}

/// Time of one event that lies on the day before its own or on the day after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overhang {
    pub user: String,
    /// The item it was spent on, where it counts for one.
    pub content: Option<String>,
    pub stretch: Stretch,
    /// The event's own day, which says who the user is.
    pub day: Day,
}

/// What reaches out of a day, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overhangs {
    pub back: Vec<Overhang>,
    pub ahead: Vec<Overhang>,
}

impl Overhangs {
    /// Of the live activity of a day.
    pub fn of(batches: &[RecordBatch], clock: &Clock) -> Overhangs {
        let mut found = Overhangs::default();
        for batch in batches {
            let durations = Durations::of(batch, clock);
            let (user, verb) = (Text::of(batch, "user_id"), Text::of(batch, "verb"));
            let (object, kind) = (Text::of(batch, "object_id"), Text::of(batch, "object_kind"));
            for row in 0..batch.num_rows() {
                let Some(stretch) = durations.stretch(row) else { continue };
                let (before, after) = (clock.before(stretch), clock.after(stretch));
                if before.is_none() && after.is_none() {
                    continue;
                }
                let (Some(user), Some(verb)) = (user.get(row), verb.get(row).filter(|verb| is_act_of_somebody(verb)))
                else {
                    continue;
                };
                let content = content_of(verb, object.get(row), kind.get(row)).map(str::to_owned);
                let part =
                    |stretch| Overhang { user: user.to_owned(), content: content.clone(), stretch, day: clock.day };
                found.back.extend(before.map(part));
                found.ahead.extend(after.map(part));
            }
        }
        found.back.sort_unstable();
        found.ahead.sort_unstable();
        found
    }

    /// Whether a row reaches out of its day.
    pub fn reaches(durations: &Durations<'_>, row: usize, clock: &Clock) -> bool {
        durations.stretch(row).is_some_and(|stretch| clock.before(stretch).is_some() || clock.after(stretch).is_some())
    }
}

/// A hash of what reaches into a day; 0 for nothing.
pub fn fingerprint(overhangs: &[Overhang]) -> u64 {
    if overhangs.is_empty() {
        return 0;
    }
    let mut hash = StableHash::default();
    for Overhang { user, content, stretch, day } in overhangs {
        hash.text(user);
        hash.text(content.as_deref().unwrap_or_default());
        [stretch.from, stretch.to, i64::from(*day)].into_iter().for_each(|number| hash.number(number));
    }
    hash.finish().max(1)
}

/// What is stated about somebody without being an act of theirs makes no visit and takes no time.
pub fn is_act_of_somebody(verb: &str) -> bool {
    !matches!(verb, "enrolled" | "voided")
}

/// The item that an event is about, where it is about one: searching and logging in are about none, nor is what has a person or another
/// statement as its object.
pub fn content_of<'t>(verb: &str, object: Option<&'t str>, kind: Option<&str>) -> Option<&'t str> {
    let is_use = is_act_of_somebody(verb) && !matches!(verb, "searched" | "logged_in");
    let is_thing = !matches!(kind, Some("Agent" | "Group" | "SubStatement" | "StatementRef"));
    object.filter(|_| is_use && is_thing)
}

/// The seconds of a day by key, ascending: those that stretches cover, each once, and what has no place beside them, together no more
/// than the day has.
pub fn spent<K: Ord + Copy>(stretches: &mut [(K, Stretch)], loose: &[(K, i64)], clock: &Clock) -> Vec<(K, i64)> {
    let covered = covered(stretches);
    if loose.is_empty() {
        return covered;
    }
    let mut sums: BTreeMap<K, i64> = covered.into_iter().collect();
    for (key, seconds) in loose {
        *sums.entry(*key).or_default() += seconds;
    }
    let day = clock.midnights[2] - clock.midnights[1];
    sums.into_iter().map(|(key, seconds)| (key, seconds.min(day))).collect()
}

/// The seconds that stretches cover, each second once, by key; ascending. Puts the stretches into order.
fn covered<K: Ord + Copy>(stretches: &mut [(K, Stretch)]) -> Vec<(K, i64)> {
    stretches.sort_unstable();
    let mut sums: Vec<(K, i64)> = Vec::new();
    let mut reached = i64::MIN;
    for (key, stretch) in stretches.iter() {
        if sums.last().is_none_or(|(last, _)| last != key) {
            sums.push((*key, 0));
            reached = i64::MIN;
        }
        let more = (stretch.to - stretch.from.max(reached)).max(0);
        reached = reached.max(stretch.to);
        if let Some((_, sum)) = sums.last_mut() {
            *sum += more;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{day, rows};

    fn stretch(from: i64, to: i64) -> Stretch {
        Stretch { from, to }
    }

    #[test]
    fn a_second_is_counted_once_however_many_events_cover_it() {
        let mut stretches = vec![
            ("b", stretch(0, 10)),
            ("a", stretch(50, 60)),
            ("a", stretch(0, 40)),
            ("a", stretch(10, 20)),
            ("a", stretch(35, 45)),
            ("a", stretch(45, 50)),
        ];
        assert_eq!(covered(&mut stretches), [("a", 60), ("b", 10)]);
        assert_eq!(covered::<u8>(&mut []), []);
    }

    #[test]
    fn what_was_told_as_a_day_adds_to_the_day_and_fills_no_more_than_all_of_it() {
        let clock = Clock::new(day("2026-03-02"), chrono_tz::Europe::Berlin, 240 * 60);
        let batch = rows(
            "activity",
            "event_id user_id verb occurred_at duration_seconds day_only duration_from
             e1 u1 viewed 2026-03-01T23:00:00Z 3600  true  -
             e2 u1 viewed 2026-03-01T23:00:00Z 99999 true  true
             e3 u1 viewed 2026-03-01T23:00:00Z 60    false -",
        );
        let durations = Durations::of(&batch, &clock);
        assert_eq!([0, 1, 2].map(|row| durations.loose(row)), [Some(3_600), Some(14_400), None]);
        assert_eq!([0, 1].map(|row| durations.stretch(row)), [None, None]);
        assert!(durations.stretch(2).is_some_and(|stretch| clock.before(stretch).is_some()));
        let mut placed = [("a", stretch(0, 10)), ("b", stretch(0, 5))];
        let sums = spent(&mut placed, &[("a", 3_600), ("a", 1_800), ("c", 14_400), ("c", 80_000)], &clock);
        assert_eq!(sums, [("a", 5_410), ("b", 5), ("c", 86_400)]);
    }

    #[test]
    fn what_lies_before_midnight_belongs_to_the_day_before_and_what_begins_there_may_reach_into_the_next() {
        let zone = chrono_tz::Europe::Berlin;
        let clock = Clock::new(day("2026-03-02"), zone, 240 * 60);
        // Midnights of Berlin lie at 23:00Z.
        let activity = [rows(
            "activity",
            "event_id user_id verb occurred_at duration_seconds duration_from object_id
             e1 u1 completed 2026-03-01T23:10:00Z 1800 - c1
             e2 u2 viewed 2026-03-02T22:50:00Z 1200 true c1
             e3 u3 viewed 2026-03-02T22:50:00Z 1200 - c1
             e4 u4 enrolled 2026-03-01T23:10:00Z 1800 - c1
             e5 u5 logged_in 2026-03-01T23:00:00Z 99999 - c1",
        )];
        let midnight = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap().timestamp();
        let found = Overhangs::of(&activity, &clock);
        let shown = |overhangs: &[Overhang], from: i64| -> Vec<(String, i64, i64, Option<String>)> {
            let one = |over: &Overhang| {
                (over.user.clone(), over.stretch.from - from, over.stretch.to - from, over.content.clone())
            };
            overhangs.iter().map(one).collect()
        };
        assert_eq!(
            shown(&found.back, midnight("2026-03-01T23:00:00Z")),
            [("u1".into(), -1200, 0, Some("c1".into())), ("u5".into(), -240 * 60, 0, None)]
        );
        assert_eq!(shown(&found.ahead, midnight("2026-03-02T23:00:00Z")), [("u2".into(), 0, 600, Some("c1".into()))]);
        assert_eq!(fingerprint(&[]), 0);
        assert_ne!(fingerprint(&found.back), fingerprint(&found.back[..1]));
    }
}
