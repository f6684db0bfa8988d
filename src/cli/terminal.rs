//! What people and schedulers read: data on stdout, errors with a hint on stderr, logs, a progress bar on a terminal.
#![allow(clippy::print_stderr, reason = "the one place that writes to stderr")]

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use crate::error::{Error, Result};

/// Starts logging to stderr. Other people's libraries speak only at debug, and then only when they warn: what of it matters to a reader
/// stands in our own words in an error, and their messages may hold addresses.
pub fn start_log(level: &str, json: bool) {
    let level = if ["error", "warn", "info", "debug", "trace"].contains(&level) { level } else { "warn" };
    let others = if ["debug", "trace"].contains(&level) { "warn" } else { "off" };
    let filter = EnvFilter::new(format!("{others},uptake={level}"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Already started means a test did.
    let _ =
        if json || !std::io::stderr().is_terminal() { log.json().try_init() } else { log.without_time().try_init() };
}

/// Writes data to stdout. A reader that has gone away (`| head`) is no error.
pub fn data(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::usage(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes one JSON object and a newline to stdout.
pub fn json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|cause| Error::bug(cause.to_string()))?;
    data(&format!("{text}\n"))
}

/// A remark for the person at the terminal.
pub fn say(text: &str) {
    eprintln!("{}", plain(text));
}

/// An error: what, why, and the next step.
pub fn error(error: &Error) {
    eprintln!("error: {}", plain(&error.message));
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        eprintln!("  because: {}", plain(&inner.to_string()));
        cause = inner.source();
    }
    if let Some(hint) = &error.hint {
        eprintln!("hint: {}", plain(hint));
    }
}

/// Text without control and direction-changing characters: names of objects come from others.
pub fn plain(text: &str) -> String {
    let direction = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    text.chars()
        .flat_map(|c| {
            let bad = (c.is_control() && c != '\n') || direction(c);
            let escaped = bad.then(|| c.escape_unicode());
            escaped.into_iter().flatten().chain((!bad).then_some(c))
        })
        .collect()
}

/// A number as people read it: three decimals, or three digits of one so small that it would look like nothing.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !(1e-9..5e-4).contains(&size) {
        return if size > 0.0 && size < 1e-9 { format!("{value:.2e}") } else { format!("{value:.3}") };
    }
    let decimals = (2.0 - size.log10().floor()) as usize;
    format!("{value:.decimals$}")
}

/// A count with its noun: `1 delivery`, `2 deliveries`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Rows as an aligned table for a terminal.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|name| name.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| -> String {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(&mut header.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    plain(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_short_and_a_small_one_is_not_nothing() {
        let told = [0.946_372_239_747_634_1, 0.0, -0.026_298, 319.0, 0.000_123_45, 0.000_5, 1e-12].map(number);
        assert_eq!(told, ["0.946", "0.000", "-0.026", "319.000", "0.000123", "0.001", "1.00e-12"]);
    }

    #[test]
    fn counts_are_grammatical() {
        assert_eq!(count(1, "file", "files"), "1 file");
        assert_eq!(count(0, "file", "files"), "0 files");
    }
}
