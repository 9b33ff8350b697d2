//! The second step: the signature names the caller; the caller names the tenant.
//!
//! There is one verifier for every shape of request, and it gives out what the next step needs: a request that skipped it
//! cannot be authorized. An unsigned request is the caller "nobody", not the lack of one.

mod form;
mod payload;
mod stand_in;

pub(super) use payload::Payload;
pub(super) use stand_in::StandIn;

use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use postern_config::directory::{AccessKeyId, NamespaceId, NamespaceKind, Session, TenantId};
use postern_config::{Secret, UnixSeconds};
use s3_protocol::call::Target;
use s3_protocol::host::{Addressing, Namespace};
use s3_protocol::{Call, S3Code, S3Error, S3Request};
use sigv4::{BodyVerifier, Claim, Head, Place, Presented, SecretKey, SigningKey};

use super::accept::{Accepted, Misread};
use super::authorize::{How, Memo, Scene, Signature, bucket_of};
use super::gate::Gate;
use super::refusal::Refusal;
use crate::edge::Peer;
use crate::observe;
use crate::world::{Caller, World};

/// A request whose signature holds, or which has none. Only [`verify`] makes one.
///
/// ```compile_fail,E0451
/// # fn forge() -> postern::journey::Signed {
/// postern::journey::Signed { scene: todo!(), body: todo!(), now_ms: todo!() }
/// # }
/// ```
#[derive(Debug)]
pub struct Signed {
    pub(super) scene: Arc<Scene>,
    pub(super) body: Payload,
    pub(super) now_ms: u64,
}

impl Signed {
    /// Who signed; nobody, for an unsigned request.
    pub fn caller(&self) -> Option<&Caller> {
        self.scene.caller()
    }

    /// How it was signed.
    pub(super) fn how(&self) -> Option<observe::Signed> {
        self.scene.signature().map(|signature| match signature.how {
            How::Header => observe::Signed::Header,
            How::Query => observe::Signed::Query,
            How::Form => observe::Signed::Form,
        })
    }
}

/// Checks who signed a request.
///
/// # Errors
/// [`Refusal::Authenticate`] where the signature does not hold, [`Refusal::UnknownKey`] where its key is not one that works, and
/// what a POST form may be refused for.
pub(super) async fn verify(
    gate: &Gate,
    world: &World,
    accepted: Accepted,
) -> Result<Signed, Refusal> {
    if matches!(accepted.request.call, Call::PostObject) {
        return Box::pin(form::verify(gate, world, accepted)).await;
    }
    let now = accepted.now_ms / 1_000;
    let mut of_key = None;
    let (caller, signature, verifier) = {
        let head = Head::of(&accepted.parts);
        match Presented::read(head, now, &gate.expectation())? {
            Presented::Anonymous(anonymous) => {
                refuse_overrides(&accepted.request.call)?;
                (None, None, anonymous.body())
            }
            Presented::Signed(claim) => {
                let host = accepted.host;
                match check(gate, world, (&claim, host), now) {
                    Ok((caller, signature, verifier)) => (Some(caller), Some(signature), verifier),
                    // A browser asks with the URL that was signed for what it asks about. Nobody signs the question: the key in
                    // it says whose names are meant, and no more.
                    Err(_) if matches!(accepted.request.call, Call::Preflight) => {
                        of_key = whose(gate, world, (&claim, host), now);
                        (None, None, BodyVerifier::Unsigned)
                    }
                    Err(refusal) => return Err(refusal),
                }
            }
        }
    };
    let Accepted {
        now_ms,
        peer,
        parts,
        headers,
        request,
        addressing,
        host,
        body,
    } = accepted;
    let length = verifier
        .decoded_length()
        .or_else(|| content_length(&parts.headers));
    let understood = Understood {
        peer,
        headers: headers.unwrap_or(parts.headers),
        request,
        addressing,
        host,
    };
    let scene = understood.by(world, caller, signature, length);
    Ok(Signed {
        scene: Arc::new(Scene {
            namespace: scene.namespace.or(of_key),
            ..scene
        }),
        body: Payload::new(body, verifier, length),
        now_ms,
    })
}

/// A request whose signer is known, but for the scene that follows from both.
pub(super) struct Understood {
    pub(super) peer: Peer,
    pub(super) headers: HeaderMap,
    pub(super) request: S3Request,
    pub(super) addressing: Addressing,
    /// The account whose own host was asked.
    pub(super) host: Option<TenantId>,
}

impl Understood {
    /// The scene: who asks, and where the bucket names of the request are found.
    pub(super) fn by(
        self,
        world: &World,
        caller: Option<Arc<Caller>>,
        signature: Option<Signature>,
        content_length: Option<u64>,
    ) -> Scene {
        let of_host = namespace(world, &self.addressing.namespace, caller.as_deref());
        let of_host = of_host.or_else(|| shared(world, self.host));
        Scene {
            namespace: of_host
                .or_else(|| global(world, (&self.addressing, self.host), &self.request.target)),
            peer: self.peer,
            headers: self.headers,
            request: self.request,
            caller,
            signature,
            content_length,
            post: None,
            memo: Memo::default(),
            received: Arc::default(),
        }
    }
}

/// The deployment's own namespace, for who has not signed and names a bucket of it: such names mean one bucket whoever says them.
fn global(
    world: &World,
    (addressing, host): (&Addressing, Option<TenantId>),
    target: &Target,
) -> Option<NamespaceId> {
    match addressing.namespace {
        Namespace::Caller => {}
        Namespace::Alias(_) => return None,
    }
    let bucket = world
        .state
        .bucket(NamespaceId::Global, bucket_of(target)?)?;
    let is_here = host.is_none_or(|tenant| tenant == bucket.tenant);
    is_here.then_some(NamespaceId::Global)
}

/// The refusal of what is not a request: that of its signature first.
pub(super) fn refuse(gate: &Gate, world: &World, misread: Box<Misread>) -> Refusal {
    let Misread {
        now_ms,
        parts,
        host,
        refusal,
    } = *misread;
    let now = now_ms / 1_000;
    match Presented::read(Head::of(&parts), now, &gate.expectation()) {
        Ok(Presented::Anonymous(_)) => refusal,
        Ok(Presented::Signed(claim)) => match check(gate, world, (&claim, host), now) {
            Ok(_) => refusal,
            Err(stranger) => stranger,
        },
        Err(cause) => cause.into(),
    }
}

/// Who does not sign does not choose the headers of an answer: a link could make a page of what its owner stored as plain data.
/// S3 says so before it looks for the bucket, in this sentence, for HEAD too.
pub(super) fn refuse_overrides(call: &Call) -> Result<(), Refusal> {
    const SENTENCE: &str =
        "Request specific response headers cannot be used for anonymous GET requests.";
    match call {
        Call::GetObject(ask) | Call::HeadObject(ask) if !ask.response_overrides.is_empty() => Err(
            Refusal::Accept(S3Error::with(S3Code::InvalidRequest, SENTENCE)),
        ),
        _ => Ok(()),
    }
}

fn check(
    gate: &Gate,
    world: &World,
    (claim, host): (&Claim<'_>, Option<TenantId>),
    now: u64,
) -> Result<(Arc<Caller>, Signature, BodyVerifier), Refusal> {
    let found = found_key(
        gate,
        world,
        (claim.access_key_id(), claim.session_token()),
        claim.scope(),
        now,
    )?
    .at(gate, host, claim.scope());
    let verified = claim.verify(&found.key);
    // An unknown key costs the same work, and its answer does not depend on the signature.
    let caller = found.caller.ok_or(Refusal::UnknownKey)?;
    let verified = verified?;
    let how = match verified.place() {
        Place::Header => How::Header,
        Place::Query => How::Query,
        Place::Form => How::Form,
    };
    let signature = Signature {
        how,
        at: verified.time().unix(),
        expires: verified.expires(),
        session: found.session,
    };
    let verifier = verified.body(&found.key);
    Ok((caller, signature, verifier))
}

/// The namespace of whose key a claim names, whether or not he has signed.
fn whose(
    gate: &Gate,
    world: &World,
    (claim, host): (&Claim<'_>, Option<TenantId>),
    now: u64,
) -> Option<NamespaceId> {
    let credential = (claim.access_key_id(), claim.session_token());
    let found = found_key(gate, world, credential, claim.scope(), now).ok()?;
    let found = found.at(gate, host, claim.scope());
    found.caller.map(|caller| caller.namespace())
}

/// Who a credential names, and the signing key to check with. For an id that names nobody who may act it is one that no secret has.
pub(crate) struct Found {
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) key: Arc<SigningKey>,
    /// Of temporary credentials.
    pub(crate) session: Option<Arc<Session>>,
}

impl Found {
    /// On the host of an account, nobody else's key is known.
    pub(crate) fn at(self, gate: &Gate, host: Option<TenantId>, scope: &sigv4::Scope<'_>) -> Self {
        match (host, &self.caller) {
            (Some(host), Some(caller)) if caller.tenant.id != host => Self {
                caller: None,
                key: gate.stand_in.signing_key(scope),
                session: None,
            },
            _ => self,
        }
    }
}

pub(crate) fn found_key(
    gate: &Gate,
    world: &World,
    (id, token): (&str, Option<&str>),
    scope: &sigv4::Scope<'_>,
    now: u64,
) -> Result<Found, Refusal> {
    let id = id.parse::<AccessKeyId>().ok();
    if let Some(token) = token {
        return session_key(gate, world, (id, token), scope, now);
    }
    let caller = id.and_then(|id| world.caller(&gate.library, &id, now));
    let key = signing_key(gate, world, caller.as_deref(), scope)?;
    Ok(Found {
        caller,
        key,
        session: None,
    })
}

/// Who stands behind temporary credentials: the owner of the access key that they stand for, while all of that works.
fn session_key(
    gate: &Gate,
    world: &World,
    (id, token): (Option<AccessKeyId>, &str),
    scope: &sigv4::Scope<'_>,
    now: u64,
) -> Result<Found, Refusal> {
    let refuse = |code: S3Code| Refusal::Session(code.into());
    let opened = world.state.open_session(token);
    let (session, secret) = opened.map_err(|_| refuse(S3Code::InvalidToken))?;
    if Some(session.id) != id {
        return Err(refuse(S3Code::InvalidToken));
    }
    if !session.works_at(UnixSeconds(now)) {
        return Err(refuse(S3Code::ExpiredToken));
    }
    Ok(Found {
        caller: world.caller_by(&gate.library, &session, now),
        key: Arc::new(derive(&secret, scope)?),
        session: Some(Arc::new(session)),
    })
}

fn signing_key(
    gate: &Gate,
    world: &World,
    caller: Option<&Caller>,
    scope: &sigv4::Scope<'_>,
) -> Result<Arc<SigningKey>, Refusal> {
    let Some(caller) = caller else {
        return Ok(gate.stand_in.signing_key(scope));
    };
    caller.signing_key(scope, || {
        let secret = world.state.open_secret(&caller.key);
        let secret = secret.map_err(|cause| unopened(cause.to_string()))?;
        derive(&secret, scope).map(Arc::new)
    })
}

fn derive(secret: &Secret, scope: &sigv4::Scope<'_>) -> Result<SigningKey, Refusal> {
    let text = secret
        .lend(|bytes| String::from_utf8(bytes.to_vec()))
        .map_err(|cause| unopened(cause.to_string()))?;
    let secret = SecretKey::new(text).map_err(|cause| unopened(cause.to_string()))?;
    let (date, region) = (scope.date(), scope.region());
    Ok(SigningKey::for_service(
        &secret,
        date,
        region,
        scope.service(),
    ))
}

fn unopened(cause: String) -> Refusal {
    Refusal::Undecided {
        layer: "key".to_owned(),
        cause,
        modules: None,
    }
}

/// Where bucket names are looked up: a host that names a namespace wins, signed or not; else it is the caller's own.
fn namespace(world: &World, host: &Namespace, caller: Option<&Caller>) -> Option<NamespaceId> {
    match host {
        Namespace::Caller => caller.map(Caller::namespace),
        Namespace::Alias(alias) => world.state.alias(alias),
    }
}

/// Where bucket names are looked up for who has not signed, on the host of an account: where its users share their buckets. Where each
/// has his own, a bucket is found by the label of its namespace alone.
fn shared(world: &World, host: Option<TenantId>) -> Option<NamespaceId> {
    let tenant = world.state.tenant(host?)?;
    match tenant.profile.namespaces() {
        NamespaceKind::Account => Some(NamespaceId::Account(tenant.id)),
        NamespaceKind::PerUser | NamespaceKind::Global => None,
    }
}

pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_TYPE, HeaderValue};
    use s3_protocol::call::GetObject;

    use super::*;

    #[test]
    fn the_headers_of_an_answer_are_chosen_by_who_signs() {
        let chosen = GetObject {
            response_overrides: vec![(CONTENT_TYPE, HeaderValue::from_static("text/html"))],
            ..GetObject::default()
        };
        for call in [Call::GetObject(chosen.clone()), Call::HeadObject(chosen)] {
            let refusal = refuse_overrides(&call).unwrap_err();
            assert_eq!(refusal.answer().code, S3Code::InvalidRequest, "{call:?}");
        }
        let plain = GetObject::default();
        for call in [Call::GetObject(plain.clone()), Call::HeadObject(plain)] {
            assert!(refuse_overrides(&call).is_ok(), "{call:?}");
        }
    }
}
