//! as_known_on
