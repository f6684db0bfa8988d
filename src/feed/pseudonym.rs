//! Keyed pseudonyms: who may read canon learns nothing about who a person is.
//!
//! A plain hash would be reversed by trying every address of a company; a keyed one is not. Rotating means a new epoch.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// How personal identifiers leave the gate.
#[derive(Clone)]
pub enum Pseudonyms {
    /// As delivered. For laptops and the demo only; the run warns on every start.
    Off,
    /// HMAC-SHA-256 under a key that never lies in the bucket.
    Keyed(Key),
}

/// A key and its epoch. Not printable.
#[derive(Clone)]
pub struct Key {
    mac: Hmac<Sha256>,
    epoch: String,
}

/// The key can be guessed, and with it every pseudonym recomputed.
#[derive(Debug, thiserror::Error)]
#[error("the pseudonym key is shorter than {KEY_BYTES} bytes")]
pub struct WeakKey;

/// Least length of a key.
const KEY_BYTES: usize = 16;

const SEPARATOR: [u8; 1] = [0x1f];

impl Pseudonyms {
    /// # Errors
    /// The key has fewer than 16 bytes.
    pub fn keyed(key: &[u8], epoch: &str) -> Result<Pseudonyms, WeakKey> {
        if key.len() < KEY_BYTES {
            return Err(WeakKey);
        }
        let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| WeakKey)?;
        Ok(Pseudonyms::Keyed(Key { mac, epoch: epoch.to_owned() }))
    }

    /// By which a key is known again: 16 hex digits of the HMAC of a constant, whatever the epoch. `None` without a key.
    pub fn fingerprint(&self) -> Option<String> {
        let Pseudonyms::Keyed(Key { mac, .. }) = self else { return None };
        let digest = mac.clone().chain_update(b"uptake key fingerprint").finalize().into_bytes();
        let mut text = String::new();
        hex(&digest[..8], &mut text);
        Some(text)
    }

    /// The pseudonym of `id` in `domain` (`worker`, `user`, `email`, …): 32 hex digits, the first 128 bits of
    /// HMAC(key, domain 0x1f epoch 0x1f id). `Off` gives the id itself.
    pub fn of(&self, domain: &str, id: &str) -> String {
        let mut text = String::new();
        self.write(domain, id, &mut text);
        text
    }

    /// Like [`Pseudonyms::of`], appended to `out`.
    pub(crate) fn write(&self, domain: &str, id: &str, out: &mut String) {
        match self {
            Pseudonyms::Off => out.push_str(id),
            Pseudonyms::Keyed(_) => hex(&self.digest(domain, id.as_bytes()), out),
        }
    }

    /// The keyed digest of something that must not be kept itself, whatever the job says about pseudonyms: without a key it
    /// is a plain one, which does for data about nobody.
    pub(crate) fn digest(&self, domain: &str, bytes: &[u8]) -> [u8; 16] {
        let digest = match self {
            Pseudonyms::Off => {
                Sha256::new().chain_update(domain).chain_update(SEPARATOR).chain_update(bytes).finalize()
            }
            Pseudonyms::Keyed(Key { mac, epoch }) => {
                let mut mac = mac.clone();
                for part in [domain.as_bytes(), &SEPARATOR, epoch.as_bytes(), &SEPARATOR, bytes] {
                    mac.update(part);
                }
                mac.finalize().into_bytes()
            }
        };
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        first
    }
}

/// Hexadecimal digits of bytes, appended to `out`.
pub(crate) fn hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        out.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        out.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
}

impl std::fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Pseudonyms::Off => "Off",
            Pseudonyms::Keyed(_) => "Keyed(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_hmac_sha256_cut_to_128_bits() {
        // python: hmac.new(b'sixteen bytes key', b'user\x1f1\x1fu001', 'sha256').hexdigest()[:32]
        let keyed = Pseudonyms::keyed(b"sixteen bytes key", "1").expect("a key");
        assert_eq!(keyed.of("user", "u001"), "80967e8cc8df9b7f9f0a754655fc36fe");
    }

    #[test]
    fn domain_epoch_and_key_each_change_it() {
        let of = |key: &[u8], epoch: &str, domain: &str| Pseudonyms::keyed(key, epoch).expect("a key").of(domain, "7");
        let base = of(b"sixteen bytes key", "1", "user");
        assert_ne!(base, of(b"another long key.", "1", "user"));
        assert_ne!(base, of(b"sixteen bytes key", "2", "user"));
        assert_ne!(base, of(b"sixteen bytes key", "1", "worker"));
        assert_eq!(Pseudonyms::Off.of("user", "7"), "7");
    }

    #[test]
    fn a_fingerprint_tells_keys_apart_and_not_epochs() {
        let of = |key: &[u8], epoch: &str| Pseudonyms::keyed(key, epoch).expect("a key").fingerprint();
        assert_eq!(of(b"sixteen bytes key", "1"), of(b"sixteen bytes key", "2"));
        assert_ne!(of(b"sixteen bytes key", "1"), of(b"another long key.", "1"));
        assert_eq!(Pseudonyms::Off.fingerprint(), None);
    }

    #[test]
    fn the_key_is_never_printed_and_never_short() {
        let keyed = Pseudonyms::keyed(b"a secret of some length", "1").expect("a key");
        assert_eq!(format!("{keyed:?}"), "Keyed(…)");
        assert!(Pseudonyms::keyed(b"", "1").is_err());
        assert!(Pseudonyms::keyed(b"fifteen bytes..", "1").is_err());
    }
}
