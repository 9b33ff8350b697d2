//! POST forms: the credential, the policy and the key are fields of the body, so the body's head is read before anything is known.
//! What is read of it is bounded, and the file is not: it flows on like any other payload.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body::{Body, Frame};
use postern_config::directory::TenantId;
use s3_protocol::call::{Call, Target};
use s3_protocol::form::{FormReader, PostObject, Step};
use s3_protocol::{BucketName, S3Code, S3Error, S3Request};
use sigv4::form::{Form, FormError, LengthRange, PresentedForm};
use sigv4::{AuthError, BodyVerifier};

use super::super::accept::Accepted;
use super::super::authorize::{How, Memo, Scene, Signature};
use super::super::gate::Gate;
use super::super::refusal::{self, Refusal};
use super::{Payload, Signed, found_key, global, namespace, shared};
use crate::edge::Intake;
use crate::world::{Caller, World};

/// Reads the fields of a form, checks its signature and its policy, and makes of it the upload that it asks for.
pub(super) async fn verify(
    gate: &Gate,
    world: &World,
    accepted: Accepted,
) -> Result<Signed, Refusal> {
    let Accepted {
        peer,
        parts,
        request,
        addressing,
        host,
        body,
        ..
    } = accepted;
    if parts.headers.contains_key(AUTHORIZATION) {
        return Err(AuthError::TwoCredentials.into());
    }
    let Target::Bucket(bucket) = &request.target else {
        return Err(refused(S3Code::MethodNotAllowed));
    };
    let content_type = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut file = FormFile {
        reader: FormReader::new(content_type).map_err(Refusal::Form)?,
        wire: Some(body),
        range: LengthRange::ANY,
        bytes: 0,
    };
    let form = file.fields().await.map_err(Refusal::Form)?;
    // The policy's time runs out by when the fields are read, not by when the head came.
    let now_ms = gate.clock.now_ms();
    let (caller, signature, range) = check(gate, world, (bucket, &form, host), now_ms / 1_000)?;
    file.range = range;
    let PostObject {
        key,
        put,
        answer,
        escalations,
        acl,
    } = form.understand(bucket).map_err(Refusal::Form)?;
    let namespace = namespace(world, &addressing.namespace, caller.as_deref())
        .or_else(|| shared(world, host))
        .or_else(|| global(world, (&addressing, host), &request.target));
    let scene = Arc::new(Scene {
        peer,
        headers: parts.headers,
        request: S3Request {
            target: Target::Object(bucket.clone(), key),
            call: if escalations.asks_unbuilt() {
                Call::Unbuilt
            } else {
                Call::PutObject(put)
            },
            escalations,
            acl,
            ..request
        },
        caller,
        signature,
        content_length: None,
        namespace,
        post: Some(answer),
        memo: Memo::default(),
        received: Arc::default(),
    });
    Ok(Signed {
        scene,
        body: Payload::of_form(file, BodyVerifier::Unsigned),
        now_ms,
    })
}

type Checked = (Option<Arc<Caller>>, Option<Signature>, LengthRange);

fn check(
    gate: &Gate,
    world: &World,
    (bucket, form, host): (&BucketName, &s3_protocol::form::Form, Option<TenantId>),
    now: u64,
) -> Result<Checked, Refusal> {
    // Conditions are about what results.
    let filled: Vec<(&str, String)> = form
        .fields()
        .iter()
        .map(|(name, _)| (name.as_str(), form.filled(name).unwrap_or_default()))
        .collect();
    let fields = filled.iter().map(|(name, value)| (*name, value.as_str()));
    let signed = Form::new(bucket.as_str(), fields).map_err(|cause| refuse(&cause))?;
    let presented = signed
        .read(now, &gate.expectation())
        .map_err(|cause| refuse(&cause))?;
    match presented {
        PresentedForm::Anonymous => Ok((None, None, LengthRange::ANY)),
        PresentedForm::Signed(claim) => {
            let credential = (claim.access_key_id(), claim.session_token());
            let found = found_key(gate, world, credential, claim.scope(), now)?;
            let found = found.at(gate, host, claim.scope());
            let verified = claim.verify(&found.key);
            let caller = found.caller.ok_or(Refusal::UnknownKey)?;
            let verified = verified.map_err(|cause| refuse(&cause))?;
            let signature = Signature {
                how: How::Form,
                at: verified.time().unix(),
                expires: None,
                session: found.session,
            };
            Ok((Some(caller), Some(signature), verified.length()))
        }
    }
}

/// Names the cause of a form that is refused. Source: S3 API Reference, "List of error codes".
fn refuse(cause: &FormError) -> Refusal {
    let code = match cause {
        FormError::Auth(cause) => return Refusal::Authenticate(cause.clone()),
        FormError::RepeatedField { .. } | FormError::ForeignBucket => S3Code::InvalidArgument,
        FormError::MalformedPolicy(_) => S3Code::InvalidPolicyDocument,
        FormError::PolicyExpired { .. }
        | FormError::ConditionFailed { .. }
        | FormError::ExtraField { .. } => S3Code::AccessDenied,
        FormError::TooSmall { .. } => S3Code::EntityTooSmall,
        FormError::TooLarge { .. } => S3Code::EntityTooLarge,
    };
    Refusal::Form(S3Error::with(code, refusal::sentence(cause)))
}

fn refused(code: S3Code) -> Refusal {
    Refusal::Form(code.into())
}

/// The file of a form, less the form.
#[derive(Debug)]
pub(super) struct FormFile {
    reader: FormReader,
    wire: Option<Intake>,
    range: LengthRange,
    bytes: u64,
}

impl FormFile {
    async fn fields(&mut self) -> Result<s3_protocol::form::Form, S3Error> {
        match poll_fn(|cx| self.poll_step(cx)).await? {
            Step::Fields(form) => Ok(form),
            Step::NeedMore | Step::Data(_) | Step::End => Err(S3Code::MalformedPOSTRequest.into()),
        }
    }

    /// The next step that is not "more".
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, S3Error>> {
        loop {
            match self.reader.step()? {
                Step::NeedMore => {}
                step => return Poll::Ready(Ok(step)),
            }
            let Some(wire) = self.wire.as_mut() else {
                return Poll::Ready(Ok(Step::End));
            };
            match ready!(Pin::new(wire).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.reader.push(data);
                    }
                }
                Some(Err(cause)) => {
                    self.wire = None;
                    return Poll::Ready(Err(cause.into()));
                }
                None => {
                    self.wire = None;
                    self.reader.finish();
                }
            }
        }
    }

    /// The next bytes of the file, within the length that the policy allows.
    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, S3Error>>> {
        let outcome = match ready!(self.poll_step(cx)) {
            Ok(Step::Data(data)) => {
                self.bytes = self.bytes.saturating_add(data.len() as u64);
                self.range
                    .check_so_far(self.bytes)
                    .map(|()| Some(Frame::data(data)))
            }
            Ok(Step::End) => self.range.check_whole(self.bytes).map(|()| None),
            Ok(Step::NeedMore | Step::Fields(_)) => {
                return Poll::Ready(Some(Err(S3Code::MalformedPOSTRequest.into())));
            }
            Err(cause) => return Poll::Ready(Some(Err(cause))),
        };
        Poll::Ready(outcome.map_err(|cause| refuse(&cause).answer()).transpose())
    }
}
