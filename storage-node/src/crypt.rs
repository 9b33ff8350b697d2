//! Encryption at rest: AES-256-GCM over each frame of a payload, under a key of its own for each object or upload.
//!
//! A frame keeps its length: its tag stands beside its checksum in the fields. Checksums are over what is on the disk, so that the
//! log is verified without a key. The object's key is wrapped by the node's ring, or by the customer's key, which is never kept.

mod ring;

pub use ring::RingSeal;
pub(crate) use ring::{RING_FILE, Ring};

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{Aead, AeadInOut, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use bytes::{Bytes, BytesMut};
use s3_protocol::seal::{CustomerKey, Sealing};
use s3_protocol::{S3Code, S3Error};

use crate::error::NodeError;
use crate::keys::Attempt;
use crate::limits::FRAME_BYTES;
use crate::record::fields::Encryption;

/// AES-256-GCM in frames.
const CIPHER: u8 = 1;
/// Bytes of a key. Source: FIPS 197.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce. Source: NIST SP 800-38D, section 8.2.
const NONCE_BYTES: usize = 12;
/// Bytes of a frame's tag.
pub(crate) const TAG_BYTES: usize = 16;
/// What a wrapped key is bound to.
const WRAPPED: &[u8] = b"postern object key";

/// The key of one object's payload.
#[derive(Clone)]
pub(crate) struct ObjectKey {
    /// Boxed: its schedule is three quarters of a kilobyte, and most payloads have none.
    cipher: Box<Aes256Gcm>,
}

impl std::fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ObjectKey(..)")
    }
}

/// A payload as it is written.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    pub(crate) payload: Vec<Bytes>,
    /// The frames' tags, one after the other.
    pub(crate) tags: Vec<u8>,
}

impl ObjectKey {
    /// A key for a new object, and how it is kept.
    pub(crate) fn fresh(ring: &Ring, sealing: &Sealing) -> Result<(Self, Encryption), NodeError> {
        let key = random::<KEY_BYTES>()?;
        let (key_id, wrapping, customer_key_hmac) = match sealing {
            Sealing::Node => {
                let (id, wrapping) = ring.newest()?;
                (id.to_vec(), wrapping, Vec::new())
            }
            Sealing::Customer(customer) => (
                Vec::new(),
                new_cipher(customer.lend())?,
                customer.fingerprint().to_vec(),
            ),
        };
        let encryption = Encryption {
            cipher: CIPHER,
            key_id,
            wrapped_key: wrap(&wrapping, &key, WRAPPED)?,
            nonce_base: Vec::new(),
            frame_bytes: FRAME_BYTES as u64,
            customer_key_hmac,
        };
        let cipher = Box::new(new_cipher(&key)?);
        Ok((Self { cipher }, encryption))
    }

    /// The key of a stored object.
    ///
    /// # Errors
    /// InvalidRequest where a customer's key is missing, is another, or does not belong there.
    pub(crate) fn open(
        ring: &Ring,
        encryption: Option<&Encryption>,
        customer: Option<&CustomerKey>,
    ) -> Result<Option<Self>, NodeError> {
        let refused = |message| Err(S3Error::with(S3Code::InvalidRequest, message).into());
        let Some(encryption) = encryption else {
            return match customer {
                Some(_) => refused(NOT_APPLICABLE),
                None => Ok(None),
            };
        };
        if encryption.cipher != CIPHER || encryption.frame_bytes != FRAME_BYTES as u64 {
            return Err(NodeError::Damaged("an unknown cipher".to_owned()));
        }
        let by_customer = !encryption.customer_key_hmac.is_empty();
        let wrapping = match (by_customer, customer) {
            (true, Some(customer)) => {
                if customer.fingerprint()[..] != encryption.customer_key_hmac[..] {
                    return refused(KEY_DIFFERS);
                }
                new_cipher(customer.lend())?
            }
            (true, None) => return refused(KEY_MISSING),
            (false, Some(_)) => return refused(NOT_APPLICABLE),
            (false, None) => ring.by_id(&encryption.key_id)?,
        };
        let key = unwrap(&wrapping, &encryption.wrapped_key, WRAPPED)?;
        let cipher = Box::new(new_cipher(&key)?);
        Ok(Some(Self { cipher }))
    }

    /// Encrypts a run of frames that begins at `first` of an attempt's payload.
    pub(crate) fn seal(
        &self,
        attempt: Attempt,
        first: u64,
        payload: Vec<Bytes>,
    ) -> Result<Sealed, NodeError> {
        let mut whole = BytesMut::with_capacity(payload.iter().map(Bytes::len).sum());
        for piece in payload {
            whole.extend_from_slice(&piece);
        }
        let mut tags = Vec::with_capacity(whole.len().div_ceil(FRAME_BYTES) * TAG_BYTES);
        let mut at = first;
        for frame in whole.chunks_mut(FRAME_BYTES) {
            let bytes = frame.len() as u64;
            let buffer = InOutBuf::from(frame);
            let tag = self
                .cipher
                .encrypt_inout_detached(&nonce(attempt, at), &[], buffer);
            tags.extend_from_slice(&tag.map_err(|_| failed("encrypt"))?);
            at += bytes;
        }
        let payload = if whole.is_empty() {
            Vec::new()
        } else {
            vec![whole.freeze()]
        };
        Ok(Sealed { payload, tags })
    }

    /// Decrypts frames in place: they begin at `first` of the attempt's payload, their tags at the first of `tags`.
    pub(crate) fn open_frames(
        &self,
        attempt: Attempt,
        first: u64,
        frames: &mut [u8],
        tags: &[u8],
    ) -> Result<(), NodeError> {
        let mut tags = tags.chunks_exact(TAG_BYTES);
        let mut at = first;
        for frame in frames.chunks_mut(FRAME_BYTES) {
            let bytes = frame.len() as u64;
            let tag = tags
                .next()
                .and_then(|tag| Tag::try_from(tag).ok())
                .ok_or_else(|| failed("find the tag of"))?;
            self.cipher
                .decrypt_inout_detached(&nonce(attempt, at), &[], InOutBuf::from(frame), &tag)
                .map_err(|_| failed("decrypt"))?;
            at += bytes;
        }
        Ok(())
    }
}

const NOT_APPLICABLE: &str = "The encryption parameters are not applicable to this object.";
const KEY_DIFFERS: &str =
    "The provided encryption parameters did not match the ones used originally.";
const KEY_MISSING: &str = "The object was stored using a form of Server Side Encryption. The correct parameters must be \
    provided to retrieve the object.";

fn failed(what: &str) -> NodeError {
    NodeError::Damaged(format!("could not {what} a frame"))
}

/// No two frames under one key have the same: an attempt is told by its part and turn, a frame by its first byte.
fn nonce(attempt: Attempt, first: u64) -> Nonce<<Aes256Gcm as aes_gcm::aead::AeadCore>::NonceSize> {
    let mut nonce = [0; NONCE_BYTES];
    let parts = attempt
        .turn
        .to_be_bytes()
        .into_iter()
        .chain(attempt.part.to_be_bytes())
        .chain(first.to_be_bytes().into_iter().skip(2));
    nonce
        .iter_mut()
        .zip(parts)
        .for_each(|(to, from)| *to = from);
    Nonce::from(nonce)
}

pub(crate) fn new_cipher(key: &[u8]) -> Result<Aes256Gcm, NodeError> {
    Aes256Gcm::new_from_slice(key)
        .map_err(|_| NodeError::Damaged("a key of another length".to_owned()))
}

fn random<const N: usize>() -> Result<[u8; N], NodeError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| NodeError::Log(error.to_string()))?;
    Ok(bytes)
}

/// Nonce, then the wrapped key and its tag, which is bound to `aad`.
fn wrap(wrapping: &Aes256Gcm, key: &[u8; KEY_BYTES], aad: &[u8]) -> Result<Vec<u8>, NodeError> {
    let nonce = random::<NONCE_BYTES>()?;
    let payload = Payload { msg: key, aad };
    let wrapped = wrapping
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| NodeError::Damaged("a key could not be wrapped".to_owned()))?;
    Ok([&nonce[..], &wrapped].concat())
}

fn unwrap(wrapping: &Aes256Gcm, wrapped: &[u8], aad: &[u8]) -> Result<Vec<u8>, NodeError> {
    let damaged = || NodeError::Damaged("a wrapped key".to_owned());
    let (nonce, msg) = wrapped
        .split_first_chunk::<NONCE_BYTES>()
        .ok_or_else(damaged)?;
    let payload = Payload { msg, aad };
    wrapping
        .decrypt(&Nonce::from(*nonce), payload)
        .map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> (tempfile::TempDir, Ring) {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::open(dir.path(), &[]).unwrap();
        (dir, ring)
    }

    fn attempt(turn: u32) -> Attempt {
        Attempt {
            blob: 1,
            part: 2,
            turn,
        }
    }

    #[test]
    fn frames_open_in_their_own_place_alone() {
        let (_dir, ring) = ring();
        let (key, encryption) = ObjectKey::fresh(&ring, &Sealing::Node).unwrap();
        let plain: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let pieces = vec![
            Bytes::copy_from_slice(&plain[..7]),
            Bytes::copy_from_slice(&plain[7..]),
        ];
        let sealed = key.seal(attempt(3), 65_536, pieces).unwrap();
        let on_disk = sealed.payload.concat();
        assert_eq!(on_disk.len(), plain.len());
        assert_eq!(sealed.tags.len(), 4 * TAG_BYTES);
        let again = ObjectKey::open(&ring, Some(&encryption), None)
            .unwrap()
            .unwrap();
        let open = |attempt, first, tags: &[u8]| {
            let mut frames = on_disk.clone();
            again
                .open_frames(attempt, first, &mut frames, tags)
                .map(|()| frames)
        };
        assert_eq!(open(attempt(3), 65_536, &sealed.tags).unwrap(), plain);
        assert!(open(attempt(4), 65_536, &sealed.tags).is_err());
        assert!(open(attempt(3), 0, &sealed.tags).is_err());
        assert!(open(attempt(3), 65_536, &sealed.tags[TAG_BYTES..]).is_err());
        // A part of the frames opens by itself.
        let mut some = on_disk[65_536..131_072].to_vec();
        again
            .open_frames(attempt(3), 131_072, &mut some, &sealed.tags[TAG_BYTES..])
            .unwrap();
        assert_eq!(some, plain[65_536..131_072]);
    }

    #[test]
    fn a_customers_key_is_asked_for_and_no_other_will_do() {
        let (_dir, ring) = ring();
        let (mine, other) = (CustomerKey::new([1; 32]), CustomerKey::new([2; 32]));
        let (_, encryption) = ObjectKey::fresh(&ring, &Sealing::Customer(mine.clone())).unwrap();
        let open = |customer: Option<&CustomerKey>| match ObjectKey::open(
            &ring,
            Some(&encryption),
            customer,
        ) {
            Ok(key) => Ok(key.is_some()),
            Err(NodeError::Refused(error)) => Err(error.code),
            Err(other) => panic!("{other}"),
        };
        assert_eq!(open(Some(&mine)), Ok(true));
        assert_eq!(open(Some(&other)), Err(S3Code::InvalidRequest));
        assert_eq!(open(None), Err(S3Code::InvalidRequest));
        assert!(ObjectKey::open(&ring, None, Some(&mine)).is_err());
    }

    #[test]
    fn the_ring_is_the_same_after_a_restart() {
        let (dir, ring) = ring();
        let (_, encryption) = ObjectKey::fresh(&ring, &Sealing::Node).unwrap();
        let again = Ring::open(dir.path(), &[]).unwrap();
        assert!(ObjectKey::open(&again, Some(&encryption), None).is_ok());
        let (_elsewhere, other) = self::ring();
        assert!(ObjectKey::open(&other, Some(&encryption), None).is_err());
    }
}
