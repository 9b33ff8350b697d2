//! A provider of OpenID Connect: the code flow with PKCE. Source: OpenID Connect Core 1.0, Discovery 1.0, RFC 6749, RFC 7636, RFC 9207.
//!
//! What the provider says of itself is kept for five minutes; its keys are asked for with each sign-in, so that one that was taken back
//! opens nothing. Its answers are bounded and read by what we know of them.

mod token;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use postern_config::directory::Digest;
use postern_config::{Secret, UnixMillis};
use serde::de::DeserializeOwned;

use crate::limits::{SSO_DISCOVERY_MS_MAX, SSO_SILENCE_MS_MAX};
use crate::sso::{Errand, Identity, SignOn, SignOnFault};

/// How a provider is asked: one request over HTTPS under the right authority, within bounds of size and time.
pub trait Asks: std::fmt::Debug + Send + Sync {
    /// Asks. What goes wrong is told as a sentence for the log.
    fn ask(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>>;
}

/// What a provider is made of.
#[derive(Debug)]
pub struct ProviderParts {
    /// The URL by which it calls itself.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// What it knows us by.
    pub client_secret: Secret,
    /// What people call it.
    pub name: String,
    /// How it is asked.
    pub asks: Arc<dyn Asks>,
}

/// A provider.
#[derive(Debug)]
pub struct Provider {
    parts: ProviderParts,
    /// When it was asked what it says of itself, and what that is. Held by the one who asks.
    known: tokio::sync::Mutex<Option<(UnixMillis, Result<Arc<Metadata>, SignOnFault>)>>,
}

/// What a provider says of itself. Source: OpenID Connect Discovery 1.0, section 3.
#[derive(Debug, serde::Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Source: OpenID Connect Core 1.0, section 3.1.3.3.
#[derive(serde::Deserialize)]
struct Answered {
    id_token: String,
}

/// Source: RFC 6749 section 5.2.
#[derive(serde::Deserialize)]
struct Refused {
    error: String,
}

impl Provider {
    /// A provider. It is asked when somebody signs in, not before.
    pub fn new(parts: ProviderParts) -> Self {
        Self {
            parts,
            known: tokio::sync::Mutex::default(),
        }
    }

    /// What it says of itself, or said lately.
    async fn metadata(&self, now: UnixMillis) -> Result<Arc<Metadata>, SignOnFault> {
        let mut known = self.known.lock().await;
        if let Some((at, said)) = &*known {
            let most = match said {
                Ok(_) => SSO_DISCOVERY_MS_MAX,
                Err(_) => SSO_SILENCE_MS_MAX,
            };
            if now.0.saturating_sub(at.0) < most {
                return said.clone();
            }
        }
        let said = self.discover().await.map(Arc::new);
        *known = Some((now, said.clone()));
        said
    }

    async fn discover(&self) -> Result<Metadata, SignOnFault> {
        let issuer = self.parts.issuer.trim_end_matches('/');
        let place = format!("{issuer}/.well-known/openid-configuration");
        let metadata: Metadata = self.read(&place).await?;
        let away = |what: &str| Err(SignOnFault::Away(what.to_owned()));
        if metadata.issuer != self.parts.issuer {
            return away("it calls itself by another name than `admin.oidc.issuer`");
        }
        let places = [
            &metadata.authorization_endpoint,
            &metadata.token_endpoint,
            &metadata.jwks_uri,
        ];
        if !places
            .into_iter()
            .all(|place| place.starts_with("https://"))
        {
            return away("not all of its places are https://");
        }
        Ok(metadata)
    }

    /// A document of the provider.
    async fn read<T: DeserializeOwned>(&self, place: &str) -> Result<T, SignOnFault> {
        let request = Request::builder().uri(place);
        let request = request.header(header::ACCEPT, "application/json");
        let response = self.ask(request, Bytes::new()).await?;
        if response.status() != StatusCode::OK {
            let what = format!("`{place}` is answered {}", response.status());
            return Err(SignOnFault::Away(what));
        }
        document(response.body())
    }

    async fn ask(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Response<Bytes>, SignOnFault> {
        let request = request.body(body);
        let request = request.map_err(|cause| SignOnFault::Away(cause.to_string()))?;
        let asked = self.parts.asks.ask(request).await;
        asked.map_err(SignOnFault::Away)
    }

    /// Gives the code in for what it stands for.
    async fn redeem(
        &self,
        metadata: &Metadata,
        errand: &Errand,
        code: &str,
    ) -> Result<String, SignOnFault> {
        let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
        let takes_basic = takes_basic(methods);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&metadata.token_endpoint)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if takes_basic {
            request = request.header(header::AUTHORIZATION, self.basic());
        }
        let form = self.form(errand, (code, !takes_basic));
        let response = self.ask(request, form.into()).await?;
        if response.status() == StatusCode::OK {
            return Ok(document::<Answered>(response.body())?.id_token);
        }
        let said = serde_json::from_slice::<Refused>(response.body());
        let said = said.map_or_else(|_| response.status().to_string(), |it| it.error);
        Err(match response.status() {
            status if status.is_client_error() => SignOnFault::Code(said),
            _ => SignOnFault::Away(format!("its token endpoint answers {said}")),
        })
    }

    /// What is sent for a code; with what the provider knows us by, where it takes that so.
    fn form(&self, errand: &Errand, (code, has_secret): (&str, bool)) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code");
        form.append_pair("code", code);
        form.append_pair("redirect_uri", &errand.redirect);
        lend(&errand.verifier, |it| {
            form.append_pair("code_verifier", it);
        });
        if has_secret {
            form.append_pair("client_id", &self.parts.client_id);
            lend(&self.parts.client_secret, |it| {
                form.append_pair("client_secret", it);
            });
        }
        form.finish()
    }

    /// Source: RFC 6749 section 2.3.1: both are encoded as in a form before they are joined.
    fn basic(&self) -> HeaderValue {
        let encoded =
            |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
        let id = encoded(&self.parts.client_id);
        let pair = lend(&self.parts.client_secret, |it| {
            format!("{id}:{}", encoded(it))
        });
        // INVARIANT: Base64 is what a header may have.
        let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
        let mut value = value.unwrap_or(HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        value
    }
}

impl SignOn for Provider {
    fn name(&self) -> &str {
        &self.parts.name
    }

    fn issuer(&self) -> &str {
        &self.parts.issuer
    }

    fn address<'s>(
        &'s self,
        errand: &'s Errand,
        now: UnixMillis,
    ) -> BoxFuture<'s, Result<String, SignOnFault>> {
        Box::pin(async move {
            let metadata = self.metadata(now).await?;
            let place = &metadata.authorization_endpoint;
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("response_type", "code");
            query.append_pair("client_id", &self.parts.client_id);
            query.append_pair("redirect_uri", &errand.redirect);
            query.append_pair("scope", "openid email");
            for (name, word) in [("state", &errand.state), ("nonce", &errand.nonce)] {
                lend(word, |it| {
                    query.append_pair(name, it);
                });
            }
            query.append_pair("code_challenge", &challenge(&errand.verifier));
            query.append_pair("code_challenge_method", "S256");
            if errand.again {
                query.append_pair("prompt", "login");
                query.append_pair("max_age", "0");
            }
            let joint = if place.contains('?') { '&' } else { '?' };
            Ok(format!("{place}{joint}{}", query.finish()))
        })
    }

    fn identity<'s>(
        &'s self,
        errand: &'s Errand,
        code: &'s str,
        now: UnixMillis,
    ) -> BoxFuture<'s, Result<Identity, SignOnFault>> {
        Box::pin(async move {
            let metadata = self.metadata(now).await?;
            let token = self.redeem(&metadata, errand, code).await?;
            let keys: token::Keys = self.read(&metadata.jwks_uri).await?;
            let expected = token::Expected {
                issuer: &self.parts.issuer,
                client_id: &self.parts.client_id,
                nonce: &errand.nonce,
                now: now.0 / 1_000,
            };
            token::identity(&token, &keys, &expected).map_err(SignOnFault::Unbelieved)
        })
    }
}

/// Source: OpenID Connect Discovery 1.0, section 3: a provider that says nothing takes `client_secret_basic`.
fn takes_basic(methods: Option<&[String]>) -> bool {
    methods.is_none_or(|methods| {
        let has = |name: &str| methods.iter().any(|it| it == name);
        has("client_secret_basic") || !has("client_secret_post")
    })
}

/// Source: RFC 7636 section 4.2, `S256`.
fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(verifier.lend(|it| *Digest::of(it).as_bytes()))
}

/// What is lent is text: settings and words of ours.
fn lend<T>(secret: &Secret, borrow: impl FnOnce(&str) -> T) -> T {
    secret.lend(|it| borrow(&String::from_utf8_lossy(it)))
}

fn document<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SignOnFault> {
    serde_json::from_slice(bytes).map_err(|cause| SignOnFault::Away(cause.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: RFC 7636, appendix B.
    #[test]
    fn a_challenge_is_the_hash_of_its_verifier() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into());
        let wanted = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(challenge(&verifier), wanted);
    }

    #[test]
    fn the_secret_is_sent_as_the_provider_takes_it() {
        let methods = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert!(takes_basic(None));
        assert!(takes_basic(Some(&methods(&[
            "client_secret_post",
            "client_secret_basic"
        ]))));
        assert!(takes_basic(Some(&methods(&["private_key_jwt"]))));
        assert!(!takes_basic(Some(&methods(&["client_secret_post"]))));
    }
}
