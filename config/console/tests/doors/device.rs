//! A device that makes and shows passkeys, as a browser tells of it. It does what it should unless a test tells it otherwise.
//! Source: Web Authentication, Level 3, sections 6.1, 6.5 and 7.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Somebody is there; it has seen who; a key comes along.
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const WITH_KEY: u8 = 0x40;

/// A device with one passkey.
pub(crate) struct Device {
    key: EcdsaKeyPair,
    credential: [u8; 16],
    /// How often it was used, as it says.
    pub(crate) count: u32,
    /// Whether it asks for a finger, a face or a number.
    pub(crate) verifies: bool,
    /// The page on which it is asked, as the browser says.
    pub(crate) origin: String,
    /// Whose passkey it holds, as the server has told it.
    pub(crate) handle: String,
    /// The name for which it is asked.
    pub(crate) host: String,
}

impl Device {
    /// One that is asked under `https://{host}`.
    pub(crate) fn under(host: &str, number: u8) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            credential: [number; 16],
            count: 1,
            verifies: true,
            origin: format!("https://{host}"),
            handle: String::new(),
            host: host.to_owned(),
        }
    }

    /// Makes a passkey as it is asked to.
    pub(crate) fn makes(&mut self, asked: &Value) -> String {
        assert_eq!(asked["rp"]["id"], self.host.as_str(), "{asked}");
        let selection = &asked["authenticatorSelection"];
        assert_eq!(selection["userVerification"], "required", "{asked}");
        assert_eq!(selection["residentKey"], "required", "{asked}");
        asked["user"]["id"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.handle);
        let told = self.data(WITH_KEY);
        let public = self.key.public_key().as_ref();
        // An uncompressed point: 4, x, y.
        let (x, y) = (&public[1..33], &public[33..65]);
        let key = [
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20],
            x,
            &[0x22, 0x58, 0x20],
            y,
        ]
        .concat();
        let length = u16::try_from(self.credential.len()).unwrap().to_be_bytes();
        let told = [&told, &[0; 16][..], &length, &self.credential, &key].concat();
        let length = u8::try_from(told.len()).unwrap();
        let attestation = [
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58",
            &[length][..],
            &told,
        ]
        .concat();
        self.answer(json!({
            "clientDataJSON": encoded(self.client("webauthn.create", asked)),
            "attestationObject": encoded(attestation),
            "transports": ["internal"],
        }))
    }

    /// Shows its passkey as it is asked to.
    pub(crate) fn shows(&mut self, asked: &Value) -> String {
        assert_eq!(asked["userVerification"], "required", "{asked}");
        self.count += 1;
        let told = self.data(0);
        let client = self.client("webauthn.get", asked);
        let signed = [&told, digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        self.answer(json!({
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(told),
            "signature": encoded(signature),
            "userHandle": self.handle,
        }))
    }

    fn client(&self, kind: &str, asked: &Value) -> String {
        let challenge = &asked["challenge"];
        let origin = &self.origin;
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
            .to_string()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let host = digest(&SHA256, self.host.as_bytes());
        let flags = [PRESENT | verified | flags];
        [host.as_ref(), &flags, &self.count.to_be_bytes()].concat()
    }

    fn answer(&self, response: Value) -> String {
        let id = encoded(self.credential);
        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        })
        .to_string()
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
