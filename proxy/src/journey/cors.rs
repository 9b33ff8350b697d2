//! What browsers are told of other origins: an answer to their question before a request, and headers beside every answer.
//!
//! Nothing of it grants or denies anything: it tells a browser which pages may see what the policies allow anyway. So it rests on the
//! bucket's own configuration alone, and a preflight needs no permit. Source: Fetch Standard, "HTTP CORS protocol".
//!
//! Who names an origin that no rule of a bucket fits learns nothing: a bucket without such a rule is answered like one that never
//! was. Who names one that fits learns that rule, and with it that the bucket is there: that is what its owner wrote it for.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use postern_config::directory::{Bucket, BucketState, NamespaceId};
use s3_protocol::call::{Call, Target};
use s3_protocol::setting::{CorsAnswer, CorsAsk};
use s3_protocol::{S3Code, S3Error};

use super::authenticate::Signed;
use super::authorize::Scene;
use super::gate::Gate;
use super::refusal::Refusal;
use crate::world::{Caller, World, answers};

/// What a browser is told beside the answer to a request; `None` for who is none, and where no rule fits.
pub(super) fn of(
    gate: &Gate,
    world: &World,
    signed: &Signed,
    method: &Method,
) -> Option<CorsAnswer> {
    let scene = &signed.scene;
    let origin = text(scene.headers(), &ORIGIN)?;
    let bucket = bucket(world, scene)?;
    let cors = gate.node.cors(bucket.id)?;
    let asked = text(scene.headers(), &ACCESS_CONTROL_REQUEST_METHOD);
    cors.cors.as_ref()?.answer(CorsAsk {
        origin,
        method: asked.unwrap_or(method.as_str()),
        headers: "",
    })
}

/// Whether this is a browser's question.
pub(super) fn is_preflight(signed: &Signed) -> bool {
    matches!(signed.scene.request().call, Call::Preflight)
}

/// The answer to a browser's question.
///
/// # Errors
/// BadRequest for half a question, NoSuchBucket, AccessForbidden where no rule fits.
pub(super) fn preflight(
    gate: &Gate,
    world: &World,
    signed: &Signed,
) -> Result<CorsAnswer, Refusal> {
    let scene = &signed.scene;
    let refused = |code, message: &'static str| Refusal::Upstream(S3Error::with(code, message));
    let incomplete = |message| refused(S3Code::BadRequest, message);
    let origin = text(scene.headers(), &ORIGIN)
        .ok_or_else(|| incomplete("Insufficient information. Origin request header needed."))?;
    let method = text(scene.headers(), &ACCESS_CONTROL_REQUEST_METHOD)
        .ok_or_else(|| incomplete("Invalid Access-Control-Request-Method: null"))?;
    let forbidden = || Refusal::Upstream(S3Code::AccessForbidden.into());
    let Some(bucket) = bucket(world, scene) else {
        // In a namespace of one's own a bucket is missing. In another's, to which a host may lead, and in that of the deployment
        // nobody learns whether one is there; and where no namespace is named there is nothing to ask about.
        let at = scene.namespace().filter(|at| *at != NamespaceId::Global);
        let own = at.is_some() && at == scene.caller().map(Caller::namespace);
        return Err(if own {
            Refusal::Upstream(S3Code::NoSuchBucket.into())
        } else {
            forbidden()
        });
    };
    let configuration = gate.node.cors(bucket.id);
    let cors = configuration.as_ref().and_then(|it| it.cors.as_ref());
    let ask = CorsAsk {
        origin,
        method,
        headers: text(scene.headers(), &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default(),
    };
    cors.and_then(|cors| cors.answer(ask)).ok_or_else(forbidden)
}

/// Writes what a browser is told.
pub(super) fn tell(headers: &mut HeaderMap, answer: &CorsAnswer) {
    let mut put = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put(ACCESS_CONTROL_ALLOW_ORIGIN, &answer.origin);
    put(ACCESS_CONTROL_ALLOW_METHODS, &answer.methods);
    if answer.credentials {
        put(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    if let Some(allowed) = &answer.headers {
        put(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    if let Some(exposed) = &answer.expose {
        put(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    if let Some(seconds) = answer.max_age_seconds {
        put(ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    // Caches on the way keep one answer for each origin.
    put(
        VARY,
        "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    );
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// The bucket that a request names, whoever asks, if its account works.
fn bucket<'w>(world: &'w World, scene: &Scene) -> Option<&'w Bucket> {
    let name = match &scene.request().target {
        Target::Service => return None,
        Target::Bucket(name) | Target::Object(name, _) => name,
    };
    let state = &world.state;
    let bucket = state.bucket(scene.namespace()?, name)?;
    let works = answers(state.standing(state.tenant(bucket.tenant)?));
    (works && bucket.state == BucketState::Active).then_some(&**bucket)
}
