//! What the review tool exports of contributions that were handed in: stated once more, with their texts.

use super::super::Company;
use super::super::text::Instant;
use super::super::texts;
use super::{Job, community};

pub fn handed_in(company: &Company, job: &Job) -> Vec<u8> {
    let mut out = community::CONTRIBUTIONS.trim_ascii_end().to_vec();
    out.extend_from_slice(b",body\n");
    for (one, body) in texts::handed_in(company, job.nth as usize / 2) {
        community::contribution(&mut out, company, &one, Instant::new(job.to, 0));
        // The record ends in a line feed; the text, which holds no comma and no quote, comes before it.
        out.pop();
        out.push(b',');
        out.extend_from_slice(body.as_bytes());
        out.push(b'\n');
    }
    out
}
