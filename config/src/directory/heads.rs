//! Signed heads of the audit chain, for keeping elsewhere: whoever changes the log on this machine, with its keys in his hands,
//! cannot change what was said of it before.
//!
//! A head names the directory, how many records there are and the hash of the last, signed with an Ed25519 key that the directory
//! made for itself. The public half is in each head; what counts is the one that was written down when the first head was kept.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use super::audit::{self, AuditFault, hash_of};
use super::names::Digest;
use super::rows::Head;
use super::signature::Signer;
use super::vault::{Identity, SealError, Sealed, Vault};
use super::{Directory, Inner};
use crate::Secret;
use crate::time::{Entropy, UnixMillis};

/// Length of a seed, in bytes. Source: RFC 8032 section 5.1.5.
const SEED_BYTES: usize = 32;

/// A head of the audit chain with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedHead {
    /// The layout of this document: 1.
    pub version: u32,
    /// The directory: no two have the same name.
    pub directory: String,
    /// How many records there were.
    pub records: u64,
    /// The hash of the last of them.
    pub hash: Digest,
    /// When this was signed.
    pub time_ms: UnixMillis,
    /// The public key.
    pub signer: Signer,
    /// The signature, as base64.
    pub signature: String,
}

impl SignedHead {
    /// What is signed.
    fn text(&self) -> String {
        let Self {
            version,
            directory,
            records,
            hash,
            time_ms,
            ..
        } = self;
        format!(
            "postern audit head {version}\n{directory}\n{records}\n{hash}\n{}\n",
            time_ms.0
        )
    }

    /// Whether its signature is by its signer.
    pub fn is_signed(&self) -> bool {
        let Ok(signature) = BASE64_STANDARD.decode(&self.signature) else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, self.signer.bytes())
            .verify(self.text().as_bytes(), &signature)
            .is_ok()
    }
}

/// A fresh key for signing heads, sealed.
pub(super) fn make_signer(vault: &Vault, entropy: &Entropy) -> Result<Sealed, SealError> {
    let seed = Secret::new(entropy.bytes::<SEED_BYTES>()?.to_vec());
    vault.seal(Identity::AuditSigner, &seed, entropy)
}

/// Signs that the chain of this directory had so many records, of which the last has this hash.
pub(super) fn sign(
    head: &Head,
    (records, hash): (u64, Digest),
    vault: &Vault,
    time_ms: UnixMillis,
) -> Result<SignedHead, SealError> {
    let sealed = head.audit_signer.as_ref().ok_or(SealError::Damaged)?;
    let seed = vault.open(Identity::AuditSigner, sealed)?;
    let pair = seed.lend(Ed25519KeyPair::from_seed_unchecked);
    let pair = pair.map_err(|_| SealError::Damaged)?;
    let public = pair.public_key().as_ref().try_into();
    let mut signed = SignedHead {
        version: 1,
        directory: head.directory.clone(),
        records,
        hash,
        time_ms,
        signer: Signer::new(public.map_err(|_| SealError::Damaged)?),
        signature: String::new(),
    };
    signed.signature = BASE64_STANDARD.encode(pair.sign(signed.text().as_bytes()));
    Ok(signed)
}

impl Directory {
    /// The head of the audit chain as it is now, signed.
    ///
    /// # Errors
    /// The directory has no head, or its key does not open.
    pub fn signed_head(&self) -> Result<SignedHead, AuditFault> {
        let state = self.state();
        let head = state.head().ok_or(AuditFault::Head)?;
        let now = self.inner.clock.now();
        let (records, hash) = (head.audits, head.audit_hash);
        sign(head, (records, hash), state.vault(), now).map_err(AuditFault::Personal)
    }

    /// Compares heads that were kept elsewhere with the chain. Those of records that retention has taken since are looked at no
    /// further than their signature; the answer is how many were found in the chain.
    ///
    /// # Errors
    /// One was not signed by this directory, or is of no record of this chain.
    pub async fn check_heads(&self, heads: &[SignedHead]) -> Result<usize, AuditFault> {
        let own = self.signed_head()?;
        let mut found = 0;
        for kept in heads {
            let sequence = kept.records;
            let foreign = || AuditFault::Foreign { sequence };
            let is_ours = kept.directory == own.directory && kept.signer == own.signer;
            if !is_ours || !kept.is_signed() {
                return Err(foreign());
            }
            match self.inner.hash_at(sequence).await? {
                Some(hash) if hash == kept.hash => found += 1,
                Some(_) => return Err(foreign()),
                None if sequence < self.audit_base() => {}
                None => return Err(foreign()),
            }
        }
        Ok(found)
    }
}

impl Inner {
    /// The hash that the chain has after this many records; none where they are gone, or have not been.
    async fn hash_at(&self, sequence: u64) -> Result<Option<Digest>, AuditFault> {
        let state = self.state.load_full();
        let head = state.head().ok_or(AuditFault::Head)?;
        match &head.audit_base {
            Some(base) if base.through == sequence => return Ok(Some(base.hash)),
            None if sequence == 0 => return Ok(Some(audit::genesis(&head.directory))),
            Some(_) | None => {}
        }
        let row = self.engine.get(audit::key(sequence)).await?;
        Ok(row.map(|row| hash_of(&row.value)))
    }
}
