//! Whether a store keeps the one promise the commit log stands on: a create-only put never replaces an object.
//!
//! Some S3-compatible servers accept the header and overwrite all the same. On such a store two runs at once would both
//! believe that they committed, so `check` finds them out beforehand.

use std::hash::{BuildHasher, Hasher};

use bytes::Bytes;

use super::error::{Error, Kind, Result};
use super::http::HAVE_CREATE_ONLY;
use super::{Store, answers, layout};

/// Writes one probe object twice, create-only, with different bytes. `Unsupported` when the store let the second through.
/// The probe is removed afterwards where the rights allow it.
pub fn create_only(store: &Store) -> Result<()> {
    // A fresh name each time: another check running now must not make this one's second put look accepted.
    let token = std::hash::RandomState::new().build_hasher().finish();
    let path = format!("{}/create-only-{token:016x}", layout::PROBES);
    let first = Bytes::from_static(b"first");
    match store.put_once(&path, first.clone()) {
        // A lost answer and a second try: the name is nobody else's, so it is our own.
        Err(error) if error.kind != Kind::Conflict => return Err(unfit(error)),
        _ => {}
    }
    let second = store.put_once(&path, Bytes::from_static(b"second"));
    let found = store.read(&path);
    if let Err(error) = store.delete(&path) {
        tracing::info!(object = %error.object, "the probe object stays: no right to delete it");
    }
    match second {
        Ok(()) => {
            Err(refusal(store, &path, "it let a create-only write replace an object: it lacks conditional writes"))
        }
        Err(error) if error.kind != Kind::Conflict => Err(unfit(error)),
        Err(_) if found? != first => Err(refusal(
            store,
            &path,
            "it refused the second of two create-only (conditional) writes and stored it all the same",
        )),
        Err(_) => Ok(()),
    }
}

/// A store that says itself that it cannot has its words in the error already, unless it is one of object_store's own refusals.
fn unfit(error: Error) -> Error {
    if error.kind == Kind::Unsupported && !error.reason.contains("create-only") {
        let told = answers::lacks_create_only(&error.reason);
        return Error { reason: told.reason, hint: told.hint, ..error };
    }
    error
}

fn refusal(store: &Store, path: &str, reason: &str) -> Error {
    Error::new(Kind::Unsupported, "publish to", store.url(path), reason)
        .hint(format!("two runs at once would lose data here; {HAVE_CREATE_ONLY}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Env;

    #[test]
    fn memory_and_disk_are_fit_and_keep_no_probe() {
        let folder = tempfile::tempdir().unwrap();
        for url in ["memory://probe-test", folder.path().to_str().unwrap()] {
            let store = Store::open(url, &Env::default()).unwrap();
            create_only(&store).unwrap();
            assert!(store.list("").unwrap().is_empty());
        }
    }
}
