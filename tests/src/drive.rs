//! What benchmarks ask: signed requests made beforehand, uploads signed as they go, and the TLS that both sides of a comparison speak.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::call::{Call, Payload};
use crate::random::Random;
use crate::sign::{self, Signer};
use crate::wire;

/// Whom requests are for: who signs them, and the host that they name.
#[derive(Clone, Debug)]
pub struct Addressed {
    /// Who signs.
    pub signer: Signer,
    /// The `Host` header.
    pub host: String,
}

impl Addressed {
    /// Requests for the keys `0` to `count` of a folder of the demo bucket.
    pub fn all(&self, method: &str, folder: &str, count: u64) -> Vec<Vec<u8>> {
        (0..count)
            .map(|n| Call::new(method, &format!("/demo-bucket/{folder}/{n}")))
            .map(|call| call.sign(&self.signer, &self.host).bytes())
            .collect()
    }

    /// An upload.
    pub fn upload(&self, key: &str, body: &[u8]) -> Vec<u8> {
        let call = Call::put(&format!("/demo-bucket/{key}"), body);
        call.sign(&self.signer, &self.host).bytes()
    }

    /// Makes signed uploads of one body to any key.
    pub fn uploads(&self, length: usize) -> impl Fn(&str, &mut Vec<u8>) + Sync + use<> {
        let (me, body) = (self.clone(), Random::new(1).bytes(length));
        let digest = sign::sha256(&body);
        move |key, out| {
            let call = Call::put(&format!("/demo-bucket/{key}"), &body);
            let raw = call
                .payload(Payload::Literal(digest.clone()))
                .sign(&me.signer, &me.host);
            out.extend(raw.bytes());
        }
    }
}

/// Each connection begins elsewhere and goes round.
pub fn rotate(requests: &[Vec<u8>]) -> impl Fn(usize, u64, &mut Vec<u8>) + Sync {
    move |connection, nth, out| {
        let at = (connection * 251 + usize::try_from(nth).unwrap_or(0)) % requests.len();
        out.extend_from_slice(&requests[at]);
    }
}

/// TLS 1.3 with one cipher: the same work for each server.
pub fn tls(ca: &Path) -> Arc<ClientConfig> {
    let provider = CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        ..aws_lc_rs::default_provider()
    };
    wire::trusting_with(ca, provider, &[&rustls::version::TLS13])
}
