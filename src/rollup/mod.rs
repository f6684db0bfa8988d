//! The heavy stage: canon activity becomes person-days, person-days become person-periods. Integers only, so partial
//! results add in any order to the same bytes.

pub mod content_day;
pub mod person_day;
pub mod person_interest;
pub mod person_period;
pub mod person_reaction;
pub mod strangers;
pub mod time_spent;
