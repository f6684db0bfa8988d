//! What lies on a local disk beside the objects: names that are none, and what killed writes left.
//!
//! object_store writes to `x.parquet#1` and links that to `x.parquet`; killed between the two, it leaves the first, which it never
//! lists again.
#![allow(clippy::disallowed_methods, reason = "the store is the place of the house that uses the local disk")]

use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use object_store::path::Error as Odd;

use super::{Object, keys};

/// Whether a path is that of a write under way, or of one that was killed: `…#` and digits.
pub(super) fn is_staged(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split_once('#').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// All of them below a folder. Links are not followed: what they lead to is not the store's.
pub(super) fn staged(folder: &Path) -> io::Result<Vec<Object>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at)? {
            let entry = entry?;
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let Some(relative) = path.strip_prefix(folder).ok().and_then(Path::to_str).filter(|name| is_staged(name))
            else {
                continue;
            };
            // One that ended between the two looks is none any more.
            let Ok(metadata) = entry.metadata() else { continue };
            let last_modified = metadata.modified().map_or(DateTime::UNIX_EPOCH, DateTime::<Utc>::from);
            found.push(Object { path: relative.to_owned(), size: metadata.len(), etag: None, last_modified });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Deletes one of [`staged`]; gone already is fine.
pub(super) fn delete(folder: &Path, path: &str) -> io::Result<()> {
    match std::fs::remove_file(folder.join(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The file whose name ended a listing, by that name as far as it is text. Nobody can read it, so its size does not matter.
pub(super) fn odd_name(error: &object_store::Error) -> Option<Object> {
    let object_store::Error::InvalidPath { source } = error else { return None };
    let path = match source {
        Odd::EmptySegment { path } | Odd::BadSegment { path, .. } => path.clone(),
        Odd::NonUnicode { path, .. } => keys::percent_decoded(path),
        Odd::InvalidPath { path } | Odd::Canonicalize { path, .. } => path.to_string_lossy().into_owned(),
        _ => return None,
    };
    let path = path.trim_start_matches('/').to_owned();
    Some(Object { path, size: 0, etag: None, last_modified: DateTime::UNIX_EPOCH })
}

/// The signals that were ignored when the process started, one bit each from the lowest; where the system does not tell, none.
#[cfg(unix)]
pub(super) fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Env, Kind, Store};

    #[test]
    fn what_a_killed_write_left_is_found_and_can_be_deleted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("marts/data/t")).unwrap();
        for name in ["all-0.parquet", "all-0.parquet#1", "all-0.parquet#12", "b#x", "c#"] {
            std::fs::write(folder.path().join("marts/data/t").join(name), "x").unwrap();
        }
        let store = Store::open(folder.path().to_str().unwrap(), &Env::default()).unwrap();
        let paths = || store.staged().unwrap().into_iter().map(|staged| staged.path).collect::<Vec<_>>();
        assert_eq!(paths(), ["marts/data/t/all-0.parquet#1", "marts/data/t/all-0.parquet#12"]);
        store.delete("marts/data/t/all-0.parquet#1").unwrap();
        store.delete("marts/data/t/all-0.parquet#1").unwrap();
        assert_eq!(paths(), ["marts/data/t/all-0.parquet#12"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_whose_name_is_none_does_not_end_the_listing_and_is_never_read() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        for name in [&b"good.csv"[..], b"bad\nname.csv", b"latin-\xe9.csv", b"100%.csv", b"%2e%2e.csv"] {
            std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
        }
        let store = Store::open(folder.path().to_str().unwrap(), &Env::default()).unwrap();
        let listed = store.list("").unwrap();
        let paths: Vec<&str> = listed.iter().map(|object| object.path.as_str()).collect();
        assert_eq!(paths, ["%2e%2e.csv", "100%.csv", "bad\nname.csv", "good.csv", "latin-\u{fffd}.csv"]);
        for object in &listed {
            match store.get(object) {
                Ok(body) => assert_eq!(body, object.path.as_bytes(), "its own bytes"),
                Err(error) => {
                    assert!(error.kind == Kind::Other && !keys::is_name(&object.path), "{error}");
                }
            }
        }
    }
}
