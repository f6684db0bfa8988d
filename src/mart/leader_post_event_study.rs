//! The event study behind the effects of leaders' posts: one row a week since the first post, for a chart. Its rows are made with
//! those of [`leader_post_effects`](super::leader_post_effects), from the same analyses.

use crate::job::Policy;

pub const NAME: &str = "leader_post_event_study";

/// First and last week since the first post that a chart shows.
const WINDOW: (i64, i64) = (-8, 12);

/// The weeks shown under a policy: it may look back on fewer, never on more.
pub fn window(policy: &Policy) -> (i64, i64) {
    (WINDOW.0.max(-policy.lookback_weeks), WINDOW.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_may_look_back_on_fewer_weeks_and_never_on_more() {
        let look_back = |weeks: i64| window(&Policy { lookback_weeks: weeks, ..Policy::default() });
        assert_eq!((look_back(12), look_back(4)), ((-8, 12), (-4, 12)));
    }
}
