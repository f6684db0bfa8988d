//! Durations as exports write them, in seconds.

use super::reject::Reason;
use super::time::digits;

/// An ISO 8601 duration (`PT1H30M`, `P2DT3H`, `P1W`, `-PT5M`) in seconds. Months and years have no length.
pub(crate) fn iso(text: &str) -> Result<f64, Reason> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let rest = rest.strip_prefix('P').ok_or(Reason::DurationInvalid)?;
    let (dates, times) = match rest.split_once('T') {
        Some((_, "")) => return Err(Reason::DurationInvalid),
        Some((dates, times)) => (dates, times),
        None => (rest, ""),
    };
    if rest.is_empty() {
        return Err(Reason::DurationInvalid);
    }
    let mut seconds = 0.0;
    let mut ambiguous = false;
    for (part, units, lengths) in
        [(dates, "YMWD", [0.0, 0.0, 604_800.0, 86_400.0]), (times, "HMS ", [3600.0, 60.0, 1.0, 0.0])]
    {
        let mut part = part;
        let mut next_unit = 0;
        while !part.is_empty() {
            let end =
                part.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').ok_or(Reason::DurationInvalid)?;
            let unit = part[end..].chars().next().and_then(|c| units.find(c)).filter(|&unit| unit >= next_unit);
            let (Some(unit), true) = (unit, end > 0) else { return Err(Reason::DurationInvalid) };
            let value: f64 = part[..end].replace(',', ".").parse().map_err(|_| Reason::DurationInvalid)?;
            ambiguous |= lengths[unit] == 0.0 && value != 0.0;
            seconds += value * lengths[unit];
            next_unit = unit + 1;
            part = &part[end + 1..];
        }
    }
    if ambiguous { Err(Reason::DurationAmbiguous) } else { Ok(sign * seconds) }
}

/// `H:M:S`, `M:S` with any number of hours, in seconds.
pub(crate) fn clock(text: &str) -> Result<f64, Reason> {
    let mut seconds = 0u64;
    let mut parts = 0;
    for part in text.split(':') {
        let value = (part.len() <= 9).then(|| digits(part.as_bytes())).flatten().filter(|_| !part.is_empty());
        let value = value.ok_or(Reason::DurationInvalid)?;
        if parts > 0 && value > 59 {
            return Err(Reason::DurationInvalid);
        }
        seconds = seconds * 60 + u64::from(value);
        parts += 1;
    }
    if (2..=3).contains(&parts) { Ok(seconds as f64) } else { Err(Reason::DurationInvalid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_length_or_are_refused() {
        assert_eq!(iso("PT1H30M"), Ok(5400.0));
        assert_eq!(iso("P1DT0.5S"), Ok(86_400.5));
        assert_eq!(iso("-PT5M"), Ok(-300.0));
        assert_eq!(iso("P1M"), Err(Reason::DurationAmbiguous));
        assert_eq!(iso("P0Y0M1D"), Ok(86_400.0));
        for bad in ["90 minutes", "P", "PT", "PT5", "PT5M1H", "PTM", "PT1.2.3S", "1H"] {
            assert_eq!(iso(bad), Err(Reason::DurationInvalid), "{bad}");
        }
        assert_eq!(clock("1:02:03"), Ok(3723.0));
        assert_eq!(clock("1:62:03"), Err(Reason::DurationInvalid));
    }
}
