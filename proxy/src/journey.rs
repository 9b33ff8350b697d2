//! A request's journey: accept → authenticate → authorize → forward → respond, read top to bottom.
//!
//! Each step consumes what the step before made, so that leaving one out does not compile: [`forward::send`] takes a
//! [`Permit`], only [`authorize::decide`] makes one, from a [`Signed`], which only [`authenticate::verify`] makes.

mod accept;
mod answer;
mod authenticate;
mod authorize;
mod cors;
mod forward;
mod gate;
mod haste;
mod imagine;
mod payer;
mod refusal;
mod respond;

pub use accept::Accepted;
pub use answer::Answer;
pub use authenticate::Signed;
pub(crate) use authenticate::{Found, found_key};
pub use authorize::Permit;
pub(crate) use authorize::{Bench, Check, Checks, Scene, action, checks_of, foresee};
pub use gate::{Gate, GateParts, Place};
pub(crate) use haste::Owed;
pub(crate) use imagine::{Imagined, imagine};
pub(crate) use payer::by as billed_to;
pub use refusal::Refusal;

use std::sync::Arc;

use http::{Request, Response};
use s3_protocol::setting::CorsAnswer;

use crate::edge::{Intake, Peer};
use crate::iam;
use crate::observe::{Entry, Riding};

/// Answers one request. Cannot fail: a refusal is an answer too.
pub async fn serve(
    gate: &Arc<Gate>,
    peer: &Peer,
    wire: Request<Intake>,
) -> Response<Riding<Answer>> {
    // One reading of the clock serves all that is judged.
    let now_ms = gate.clock.now_ms();
    let mut entry = Entry::open(&gate.observer, peer, &wire, now_ms);
    entry.takes(wire.body().tally());

    // Where it is so set, nothing is done that cannot be written down.
    if gate.observer.is_blocked() {
        let refused = respond::refuse(&mut entry, &Refusal::Unrecorded);
        return entry.ride(refused);
    }

    // Users and keys are asked for at the same endpoint, in another language.
    if iam::is_asked(&wire) {
        let told = Box::pin(iam::serve(gate, (peer, now_ms), wire, &mut entry)).await;
        return entry.ride(told.map(Answer::from));
    }

    let mut told = None;
    let travelled = Box::pin(travel(gate, (peer, now_ms), wire, (&mut entry, &mut told))).await;
    let mut response = match travelled {
        Ok(response) => response,
        Err(refusal) => respond::refuse(&mut entry, &refusal),
    };
    // A page of another origin may read refusals, too.
    if let Some(told) = told {
        cors::tell(response.headers_mut(), &told);
    }
    // The entry rides in the body: it is written when the last byte leaves, or when the client does.
    entry.ride(response)
}

async fn travel(
    gate: &Arc<Gate>,
    (peer, now_ms): (&Peer, u64),
    wire: Request<Intake>,
    (entry, told): (&mut Entry, &mut Option<CorsAnswer>),
) -> Result<Response<Answer>, Refusal> {
    // One request sees one world: keys and policies cannot change under it.
    let world = gate.world();
    let method = wire.method().clone();

    // 1. Accept: bytes of HTTP become an S3 request, within limits, or nothing. What is not a request is refused under the name of
    // whoever signed it: a stranger learns nothing of the parser.
    let accepted: Accepted = match accept::parse((gate, &world), peer, wire, now_ms) {
        Ok(accepted) => accepted,
        Err(misread) => return Err(authenticate::refuse(gate, &world, misread)),
    };
    entry.asked(accepted.request());

    // 2. Authenticate: the signature names the caller; the caller names the tenant.
    let signed: Signed = authenticate::verify(gate, &world, accepted).await?;
    if let (Some(caller), Some(how)) = (signed.caller(), signed.how()) {
        entry.signed_by(caller.key.id.as_str(), &caller.arn, how);
    }
    // Whatever becomes of it from here on, somebody pays.
    let payer = payer::of(&world.state, &signed.scene);
    entry.billed(payer);
    // Rates stand before policies: who is too fast costs no decision.
    entry.owes(haste::hold(gate, &world.state, &signed.scene, payer)?);

    // A browser's question is answered from the bucket's configuration alone: it is no access to anything.
    if cors::is_preflight(&signed) {
        *told = Some(cors::preflight(gate, &world, &signed)?);
        return Ok(respond::preflight(entry));
    }
    *told = cors::of(gate, &world, &signed, &method);

    // 3. Authorize: policies turn a signed request into a permit, or refuse.
    let permit: Permit = authorize::decide(gate, &world, signed, entry.id()).await?;
    entry.decided("allowed", "", "", permit.modules());

    // 4. Forward: only a permit can be forwarded.
    let done = forward::send(gate, permit).await?;

    // 5. Respond: the upstream's answer, less what is none of the client's business.
    Ok(respond::relay(&gate.place, entry, done))
}
