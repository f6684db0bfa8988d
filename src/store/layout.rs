//! Where everything in a lake lies. Every path of the house is spelt here and nowhere else.
//!
//! ```text
//! _commits/00000000000000000007.json                               what the tables are now: the highest number
//! marts/data/adoption_kpis/month=2025-03-0123456789abcdef.parquet  written once, named by its bytes
//! marts/latest/adoption_kpis.parquet                               one object a table for BI; the only ones overwritten
//! ```

use super::error::{Error, Kind, Result};

/// The folder of the commit log.
pub const COMMITS: &str = "_commits";
/// The folder of `check`'s probe objects.
pub const PROBES: &str = "_probe";

/// A part of the lake with its own readers and its own policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// One meaning whatever the vendor; pseudonymous rows, read by the pipeline alone.
    Canon,
    /// What BI reads; nothing about a single person.
    Marts,
    /// Tables about persons, for the few who may.
    Restricted,
    /// What the runs did: deliveries, quarantine, quality.
    Ops,
}

impl Area {
    pub const ALL: [Self; 4] = [Self::Canon, Self::Marts, Self::Restricted, Self::Ops];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canon => "canon",
            Self::Marts => "marts",
            Self::Restricted => "restricted",
            Self::Ops => "ops",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.as_str() == text)
    }

    /// Whether its tables are offered at a stable address. Canon is the pipeline's own.
    pub fn has_latest(self) -> bool {
        self != Self::Canon
    }
}

/// `_commits/<20 digits>.json`; with leading zeros the order of names is the order of numbers.
pub fn commit(n: u64) -> String {
    format!("{COMMITS}/{n:020}.json")
}

/// The number in a commit's path; `None` for anything else that lies there.
pub fn commit_number(path: &str) -> Option<u64> {
    let digits = path.strip_prefix(COMMITS)?.strip_prefix('/')?.strip_suffix(".json")?;
    let plain = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// The name of a table in a commit: `marts/adoption_kpis`.
pub fn table(area: Area, name: &str) -> Result<String> {
    plain("table", name, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')?;
    Ok(format!("{}/{name}", area.as_str()))
}

/// Takes apart what [`table`] made.
pub fn split_table(table: &str) -> Option<(Area, &str)> {
    let (area, name) = table.split_once('/')?;
    Some((Area::parse(area)?, name))
}

/// The folder of an area's data objects.
pub fn data_folder(area: Area) -> String {
    format!("{}/data", area.as_str())
}

/// A data object: its partition says what is in it, its hash which bytes. `sha256` is in hex, at least 16 digits.
///
/// The partition is a name the code made (`month=2025-03`, `all`), never a value out of the data.
pub fn data(area: Area, name: &str, partition: &str, sha256: &str) -> Result<String> {
    table(area, name)?;
    plain("partition", partition, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"=_-".contains(&b))?;
    let Some(short) = sha256.get(..16).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) else {
        return Err(Error::new(Kind::Other, "name", partition, "its hash is not sha256 in hex"));
    };
    Ok(format!("{}/data/{name}/{partition}-{short}.parquet", area.as_str()))
}

/// The folder of an area's stable addresses.
pub fn latest_folder(area: Area) -> String {
    format!("{}/latest", area.as_str())
}

/// The stable address of a table for BI.
pub fn latest(area: Area, name: &str) -> Result<String> {
    table(area, name)?;
    Ok(format!("{}/latest/{name}.parquet", area.as_str()))
}

/// Whether a path is one that may be overwritten.
pub fn is_latest(path: &str) -> bool {
    Area::ALL.into_iter().any(|area| area.has_latest() && path.starts_with(&format!("{}/latest/", area.as_str())))
}

fn plain(what: &str, name: &str, allowed: impl Fn(u8) -> bool) -> Result<()> {
    if !name.is_empty() && name.len() <= 128 && name.bytes().all(allowed) {
        return Ok(());
    }
    // The name is not repeated: where a value slipped in, this message must not be what leaks it.
    Err(Error::new(
        Kind::Other,
        "name",
        what,
        format!("a {what} name has a character outside a-z, 0-9 and _, is empty or too long"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_spelt_as_the_readme_says() {
        let sha = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        assert_eq!(commit(7), "_commits/00000000000000000007.json");
        assert_eq!(
            data(Area::Canon, "activity", "day=2025-03-01", sha).unwrap(),
            "canon/data/activity/day=2025-03-01-0123456789abcdef.parquet"
        );
        assert_eq!(latest(Area::Marts, "dim_org").unwrap(), "marts/latest/dim_org.parquet");
        assert_eq!(split_table(&table(Area::Ops, "runs").unwrap()), Some((Area::Ops, "runs")));
    }

    #[test]
    fn a_commit_number_comes_back_and_strangers_are_ignored() {
        assert_eq!(commit_number(&commit(u64::MAX)), Some(u64::MAX));
        for stranger in
            ["_commits/7.json", "_commits/00000000000000000007.json.tmp", "_commits/+0000000000000000007.json", "x"]
        {
            assert_eq!(commit_number(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_data_value_cannot_become_a_path() {
        let sha = "0".repeat(64);
        for value in ["../x", "a/b", "Müller", "P 17", "", "a.b", &"x".repeat(129)] {
            let refused = data(Area::Marts, "t", value, &sha).unwrap_err();
            assert!(value.is_empty() || !refused.to_string().contains(value), "{refused}");
        }
        assert!(data(Area::Marts, "t", "all", "xyz").is_err());
    }

    #[test]
    fn only_latest_may_be_overwritten() {
        assert!(is_latest("restricted/latest/leader_scorecard.parquet"));
        for path in ["canon/latest/activity.parquet", "marts/data/t/all-0.parquet", &commit(1)] {
            assert!(!is_latest(path), "{path}");
        }
    }
}
