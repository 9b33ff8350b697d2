//! A provider of OpenID Connect in this process. It does what it should unless a test tells it otherwise.

use std::collections::HashMap;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use console::oidc::Asks;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use postern_config::directory::Digest;
use serde_json::{Value, json};

/// How it calls itself.
pub(crate) const ISSUER: &str = "https://idp.example/realm";
/// What it calls us.
pub(crate) const CLIENT: &str = "postern";
/// What it knows us by; with what a form must encode.
pub(crate) const SECRET: &str = "s3cr3t+/&";

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signs {
    Ecdsa,
    Rsa,
    /// With a key that is not the provider's, under the name of one that is.
    Stranger,
    /// With nothing.
    None,
    /// With what the client knows, too.
    ClientSecret,
}

type Change = Box<dyn Fn(&mut Value) + Send>;

/// A provider.
pub(crate) struct Idp {
    ecdsa: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
    rsa: RsaKeyPair,
    ways: Mutex<Ways>,
    /// What each code stands for: the query with which the browser came.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
    /// The paths that were asked for.
    asked: Mutex<Vec<String>>,
}

/// What a test tells it.
struct Ways {
    email: String,
    now: u64,
    signs: Signs,
    /// Changes what a token says.
    token: Change,
    /// Changes what it says of itself.
    metadata: Change,
    is_down: bool,
}

impl std::fmt::Debug for Idp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Idp")
    }
}

fn ecdsa() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Idp {
    pub(crate) fn new(now: u64) -> Self {
        Self {
            ecdsa: ecdsa(),
            stranger: ecdsa(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ways: Mutex::new(Ways {
                email: "ann@a.example".to_owned(),
                now,
                signs: Signs::Ecdsa,
                token: Box::new(|_| {}),
                metadata: Box::new(|_| {}),
                is_down: false,
            }),
            codes: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Who signs in from now on.
    pub(crate) fn knows(&self, email: &str) {
        email.clone_into(&mut self.ways.lock().email);
    }

    pub(crate) fn signs(&self, signs: Signs) {
        self.ways.lock().signs = signs;
    }

    /// What its tokens say besides, or instead.
    pub(crate) fn says(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.ways.lock().token = Box::new(change);
    }

    /// What it says of itself besides, or instead.
    pub(crate) fn is(&self, change: impl Fn(&mut Value) + Send + 'static) {
        self.ways.lock().metadata = Box::new(change);
    }

    pub(crate) fn goes_down(&self) {
        self.ways.lock().is_down = true;
    }

    /// Its clock.
    pub(crate) fn at(&self, now: u64) {
        self.ways.lock().now = now;
    }

    /// What was asked of it.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }

    /// Somebody signs in at the address to which he was sent. Answers the path with which he comes back.
    pub(crate) fn signs_in(&self, address: &str) -> String {
        let (place, query) = address.split_once('?').unwrap();
        assert_eq!(place, "https://idp.example/authorize");
        let query: HashMap<String, String> = pairs(query.as_bytes());
        for (name, wanted) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            ("scope", "openid email"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(query[name], wanted, "{address}");
        }
        let mut codes = self.codes.lock();
        let code = format!("code-{}", codes.len());
        let back = format!(
            "{}?code={code}&state={}",
            query["redirect_uri"], query["state"]
        );
        codes.insert(code, query);
        back.strip_prefix("https://console.example")
            .unwrap()
            .to_owned()
    }

    fn answer(&self, request: &Request<Bytes>) -> (StatusCode, Value) {
        match request.uri().path() {
            "/realm/.well-known/openid-configuration" => (StatusCode::OK, self.metadata()),
            "/keys" => (StatusCode::OK, self.keys()),
            "/token" => self
                .token(request)
                .unwrap_or_else(|error| (StatusCode::BAD_REQUEST, json!({ "error": error }))),
            _ => (StatusCode::NOT_FOUND, Value::Null),
        }
    }

    fn metadata(&self) -> Value {
        let mut metadata = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token",
            "jwks_uri": "https://idp.example/keys",
        });
        (self.ways.lock().metadata)(&mut metadata);
        metadata
    }

    fn keys(&self) -> Value {
        let point = self.ecdsa.public_key().as_ref();
        // Source: RFC 8017 appendix A.1.1; a modulus of 2048 bits begins behind nine bytes.
        let modulus = &self.rsa.public_key().as_ref()[9..265];
        json!({ "keys": [
            { "kty": "quantum", "kid": "later", "q": 1 },
            { "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig",
              "x": encoded(&point[1..33]), "y": encoded(&point[33..]) },
            { "kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256",
              "n": encoded(modulus), "e": "AQAB" },
        ] })
    }

    fn token(&self, request: &Request<Bytes>) -> Result<(StatusCode, Value), &'static str> {
        let form = pairs(request.body());
        let shown = request.headers().get("authorization");
        let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let wanted = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
        let is_known = match shown {
            Some(shown) => shown == wanted.as_str(),
            None => form.get("client_secret").is_some_and(|it| it == SECRET),
        };
        if !is_known {
            return Err("invalid_client");
        }
        // A code is good once.
        let code = self.codes.lock().remove(&form["code"]);
        let query = code.ok_or("invalid_grant")?;
        let challenge = encoded(Digest::of(form["code_verifier"].as_bytes()).as_bytes());
        if form["grant_type"] != "authorization_code"
            || challenge != query["code_challenge"]
            || form["redirect_uri"] != query["redirect_uri"]
        {
            return Err("invalid_grant");
        }
        let ways = self.ways.lock();
        let mut claims = json!({
            "iss": ISSUER, "aud": CLIENT, "sub": "1", "iat": ways.now, "exp": ways.now + 300,
            "nonce": query["nonce"], "email": ways.email, "email_verified": true,
        });
        if query.contains_key("max_age") {
            claims["auth_time"] = ways.now.into();
        }
        (ways.token)(&mut claims);
        let token = self.signed(ways.signs, &claims);
        Ok((
            StatusCode::OK,
            json!({ "access_token": "x", "token_type": "Bearer", "id_token": token }),
        ))
    }

    fn signed(&self, signs: Signs, claims: &Value) -> String {
        let header = match signs {
            Signs::Ecdsa | Signs::Stranger => json!({ "alg": "ES256", "kid": "ec" }),
            Signs::Rsa => json!({ "alg": "RS256", "kid": "rsa" }),
            Signs::None => json!({ "alg": "none" }),
            Signs::ClientSecret => json!({ "alg": "HS256" }),
        };
        let said = format!(
            "{}.{}",
            encoded(header.to_string()),
            encoded(claims.to_string())
        );
        let random = SystemRandom::new();
        let signature = match signs {
            Signs::Ecdsa => self
                .ecdsa
                .sign(&random, said.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Signs::Stranger => self
                .stranger
                .sign(&random, said.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec(),
            Signs::Rsa => {
                let mut signature = vec![0; 256];
                let key = &self.rsa;
                key.sign(&RSA_PKCS1_SHA256, &random, said.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Signs::None => Vec::new(),
            Signs::ClientSecret => {
                let key =
                    aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
                aws_lc_rs::hmac::sign(&key, said.as_bytes())
                    .as_ref()
                    .to_vec()
            }
        };
        format!("{said}.{}", encoded(signature))
    }
}

fn pairs(text: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(text).into_owned().collect()
}

impl Asks for Idp {
    fn ask(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
        Box::pin(async move {
            assert_eq!(request.uri().host(), Some("idp.example"));
            self.asked.lock().push(request.uri().path().to_owned());
            if self.ways.lock().is_down {
                return Err("connect: refused".to_owned());
            }
            let (status, answer) = self.answer(&request);
            let mut response = Response::new(Bytes::from(answer.to_string()));
            *response.status_mut() = status;
            Ok(response)
        })
    }
}
