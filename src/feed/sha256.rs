//! The fingerprint of an object as stored.

use sha2::{Digest, Sha256};

/// SHA-256 of an object, 64 hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
