//! A caller with a key, and requests that it signs.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sigv4::sign::{Signer, Target};
use sigv4::{
    AuthError, Claim, Expectation, Head, PayloadMode, Presented, SecretKey, Signature, SigningKey,
    Timestamp, Verified,
};

pub(crate) const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const HOST: &str = "examplebucket.s3.amazonaws.com";
/// 2013-05-24T00:00:00Z
pub(crate) const NOW: u64 = 1_369_353_600;

pub(crate) fn key() -> Arc<SigningKey> {
    key_for(NOW, REGION)
}

pub(crate) fn key_for(now: u64, region: &str) -> Arc<SigningKey> {
    let secret = SecretKey::new(SECRET.to_owned()).unwrap();
    Arc::new(SigningKey::derive(
        &secret,
        Timestamp::from_unix(now).date(),
        region,
    ))
}

pub(crate) fn name(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).unwrap()
}

pub(crate) fn value(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap()
}

/// The bytes of a signature's hex digits, as text.
pub(crate) fn hex(signature: Signature) -> String {
    String::from_utf8(signature.to_hex().to_vec()).unwrap()
}

/// A request that can be signed, altered, and shown to the verifier.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) headers: HeaderMap,
}

impl Request {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: None,
            authority: None,
            headers: HeaderMap::new(),
        };
        request.set("host", HOST);
        request
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn put(path: &str) -> Self {
        Self::new(Method::PUT, path)
    }

    pub(crate) fn query(mut self, query: &str) -> Self {
        self.query = Some(query.to_owned());
        self
    }

    pub(crate) fn with(mut self, header: &str, text: &str) -> Self {
        self.add(header, text);
        self
    }

    pub(crate) fn set(&mut self, header: &str, text: &str) {
        self.headers.insert(name(header), value(text));
    }

    pub(crate) fn add(&mut self, header: &str, text: &str) {
        self.headers.append(name(header), value(text));
    }

    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref().unwrap_or(""),
        }
    }

    pub(crate) fn sign(&mut self, payload: PayloadMode) -> Signature {
        self.sign_at(NOW, payload)
    }

    pub(crate) fn sign_at(&mut self, now: u64, payload: PayloadMode) -> Signature {
        let mut headers = self.headers.clone();
        let key = key_for(now, REGION);
        let signature = signer(&key, now)
            .header(self.target(), &mut headers, payload)
            .unwrap();
        self.headers = headers;
        signature
    }

    pub(crate) fn signed(mut self) -> Self {
        self.sign(PayloadMode::Unsigned);
        self
    }

    pub(crate) fn presigned(self) -> Self {
        self.presigned_for(3_600)
    }

    pub(crate) fn presigned_for(mut self, expires: u64) -> Self {
        let query = signer(&key(), NOW)
            .presigned(self.target(), &self.headers, expires)
            .unwrap();
        self.query = Some(query);
        self
    }

    /// Replaces a piece of the query, which must be there.
    pub(crate) fn swap_query(&mut self, from: &str, to: &str) {
        let query = self.query.take().unwrap();
        assert!(query.contains(from), "`{from}` in `{query}`");
        self.query = Some(query.replacen(from, to, 1));
    }

    /// Replaces a piece of the authorization header, which must be there.
    pub(crate) fn swap_authorization(&mut self, from: &str, to: &str) {
        let old = self.headers["authorization"].to_str().unwrap().to_owned();
        assert!(old.contains(from), "`{from}` in `{old}`");
        self.set("authorization", &old.replacen(from, to, 1));
    }

    pub(crate) fn head(&self) -> Head<'_> {
        Head {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            authority: self.authority.as_deref(),
            headers: &self.headers,
        }
    }

    pub(crate) fn read(&self) -> Result<Presented<'_>, AuthError> {
        self.read_at(NOW)
    }

    pub(crate) fn read_at(&self, now: u64) -> Result<Presented<'_>, AuthError> {
        Presented::read(self.head(), now, &Expectation::s3(REGION))
    }

    pub(crate) fn claim(&self) -> Result<Claim<'_>, AuthError> {
        match self.read()? {
            Presented::Signed(claim) => Ok(claim),
            Presented::Anonymous(_) => panic!("an anonymous request"),
        }
    }

    pub(crate) fn verify(&self) -> Result<Verified, AuthError> {
        self.verify_at(NOW)
    }

    pub(crate) fn verify_at(&self, now: u64) -> Result<Verified, AuthError> {
        match self.read_at(now)? {
            Presented::Signed(claim) => claim.verify(&key_for(claim.time().unix(), REGION)),
            Presented::Anonymous(_) => panic!("an anonymous request"),
        }
    }

    pub(crate) fn error(&self) -> AuthError {
        self.verify().unwrap_err()
    }
}

pub(crate) fn signer(key: &SigningKey, now: u64) -> Signer<'_> {
    Signer {
        access_key_id: ACCESS_KEY,
        key,
        time: Timestamp::from_unix(now),
        session_token: None,
    }
}
