//! The last step: the outcome, or the refusal, in the words of S3.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use s3_protocol::object::{DeleteOutput, Owner};
use s3_protocol::render::{self, ErrorContext, Listing};
use s3_protocol::{BucketName, Operation, S3Code};

use super::answer::Answer;
use super::authorize::{Scene, bucket_of};
use super::forward::{Done, Outcome};
use super::gate::Place;
use super::refusal::Refusal;
use crate::observe::Entry;

/// Answers what a permit led to.
pub(super) fn relay(place: &Place, entry: &mut Entry, done: Done) -> Response<Answer> {
    let Done {
        scene,
        outcome,
        strip,
    } = done;
    let mut response = match outcome {
        Outcome::Object(object) => {
            let (asked, output, body) = *object;
            entry.object_size(output.head.size);
            render::get_object(&output, &asked).map(|()| Answer::of(body))
        }
        Outcome::ObjectHead(object) => {
            let (asked, output) = *object;
            entry.object_size(output.head.size);
            // HEAD names the length of what it does not send.
            render::get_object(&output, &asked).map(|()| Answer::Withheld(output.length()))
        }
        other => small(place, &scene, entry, other).map(Answer::from),
    };
    entry.received(scene.received());
    for name in strip {
        response.headers_mut().remove(&*name);
    }
    finish(entry, &mut response, None);
    response
}

/// Answers a browser's question; what it is told stands in headers.
pub(super) fn preflight(entry: &mut Entry) -> Response<Answer> {
    let mut response = render::done(None).map(Answer::from);
    finish(entry, &mut response, None);
    response
}

/// Answers a refusal.
pub(super) fn refuse(entry: &mut Entry, refusal: &Refusal) -> Response<Answer> {
    match refusal {
        Refusal::Denied {
            layer,
            reason,
            modules,
        } => {
            entry.decided("denied", layer, reason, modules.as_ref());
        }
        Refusal::Undecided {
            layer,
            cause,
            modules,
        } => {
            tracing::warn!(request.id = %entry.id(), layer, cause, "a request could not be decided");
            entry.decided("undecided", layer, cause, modules.as_ref());
        }
        Refusal::Accept(_)
        | Refusal::Authenticate(_)
        | Refusal::Form(_)
        | Refusal::UnknownKey
        | Refusal::Unrecorded
        | Refusal::Session(_)
        | Refusal::TooFast(_)
        | Refusal::OverQuota(_)
        | Refusal::Unbuilt(_)
        | Refusal::Body(_)
        | Refusal::Upstream(_) => {}
    }
    let error = refusal.answer();
    let id = entry.id();
    let resource = entry.path().to_owned();
    let context = ErrorContext {
        request_id: id.as_str(),
        host_id: id.as_str(),
        resource: &resource,
        is_head: entry.is_head(),
    };
    let mut response = render::error(&error, &context).map(Answer::from);
    // A refusal is of this moment: nobody on the way may keep it.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((limit, wait)) = refusal.limit() {
        let headers = response.headers_mut();
        if let Ok(limit) = HeaderValue::from_str(&limit) {
            headers.insert(HeaderName::from_static("x-postern-limit"), limit);
        }
        if let Some(seconds) = wait {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
    }
    finish(entry, &mut response, Some(error.code));
    response
}

/// What every answer carries.
fn finish(entry: &mut Entry, response: &mut Response<Answer>, code: Option<S3Code>) {
    let id = entry.id().to_header();
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-amz-id-2"), id.clone());
    headers.insert(HeaderName::from_static("x-amz-request-id"), id);
    headers.insert(header::SERVER, HeaderValue::from_static("Postern"));
    entry.answered(response.status(), code);
}

/// The answers that fit into a document, or have none.
fn small(place: &Place, scene: &Scene, entry: &mut Entry, outcome: Outcome) -> Response<Bytes> {
    match outcome {
        Outcome::Buckets(asked, page, owner) => render::list_buckets(&asked, &page, &owner),
        Outcome::BucketCreated(name) => render::create_bucket(&name),
        Outcome::BucketFound => render::head_bucket(&place.region),
        Outcome::Location => render::location(&place.region),
        Outcome::Policy(text) => render::bucket_policy(text),
        Outcome::Document(text) => render::written(text),
        Outcome::Changed => render::done(None),
        Outcome::BucketDeleted | Outcome::Aborted | Outcome::PolicyChanged => render::no_content(),
        Outcome::Put(output) => {
            entry.object_size(output.size);
            render::put_object(&output)
        }
        Outcome::PartPut(output) => render::put_object(&output),
        Outcome::Posted(answer, output) => with_key(scene, |bucket, key| {
            render::post_object(&answer, &location(scene), bucket, key, &output)
        }),
        Outcome::Copied(output) => render::copy_object(&output),
        Outcome::PartCopied(output) => render::upload_part_copy(&output),
        Outcome::Deleted(output) => render::delete_object(&output),
        Outcome::DeletedMany { quiet, answers } => render::delete_objects(&answers, quiet),
        Outcome::UploadCreated(upload) => with_key(scene, |bucket, key| {
            render::create_multipart_upload(bucket, key, &upload)
        }),
        Outcome::Completed(output) => with_key(scene, |bucket, key| {
            render::complete_multipart_upload(&location(scene), bucket, key, &output)
        }),
        Outcome::List(asked, page, owner) => in_bucket(scene, &owner, |listing| {
            render::list_objects(listing, &asked, &page)
        }),
        Outcome::Uploads(asked, page, people) => match bucket_of(&scene.request().target) {
            Some(bucket) => render::list_multipart_uploads(bucket, &asked, &page, &people),
            None => render::no_content(),
        },
        Outcome::Parts(asked, shown) => with_key(scene, |bucket, key| {
            let (page, people) = &*shown;
            render::list_parts(bucket, key, &asked, page, people)
        }),
        Outcome::Versions(asked, page, owner) => in_bucket(scene, &owner, |listing| {
            render::list_versions(listing, &asked, &page)
        }),
        Outcome::Attributes(attributes) => {
            let (asked, head, parts) = *attributes;
            render::object_attributes(&asked, &head, &parts)
        }
        Outcome::FacetChanged(version) => render::done(version),
        Outcome::SettingDeleted => render::no_content(),
        Outcome::TagsDeleted(version) => render::delete_object(&DeleteOutput {
            version,
            marker: false,
        }),
        Outcome::Facet(text, version) => render::facet(text, version),
        Outcome::Fixed(fixed) => render::fixed(fixed),
        // Answered by the caller: their bodies flow.
        Outcome::Object(_) | Outcome::ObjectHead(_) => render::no_content(),
    }
}

fn in_bucket(
    scene: &Scene,
    owner: &Owner,
    write: impl FnOnce(Listing<'_>) -> Response<Bytes>,
) -> Response<Bytes> {
    match bucket_of(&scene.request().target) {
        Some(bucket) => write(Listing { bucket, owner }),
        None => render::no_content(),
    }
}

fn with_key(
    scene: &Scene,
    write: impl FnOnce(&BucketName, &s3_protocol::ObjectKey) -> Response<Bytes>,
) -> Response<Bytes> {
    match &scene.request().target {
        s3_protocol::Target::Object(bucket, key) => write(bucket, key),
        s3_protocol::Target::Service | s3_protocol::Target::Bucket(_) => render::no_content(),
    }
}

/// The URL of the object that was made, as the client called it.
fn location(scene: &Scene) -> String {
    let scheme = if scene.peer().tls.is_some() {
        "https"
    } else {
        "http"
    };
    let host = scene
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    match &scene.request().target {
        s3_protocol::Target::Object(bucket, key) => {
            let key = s3_protocol::percent::encode_key(key.as_str());
            let by_host = scene.request().operation != Operation::PostObject
                && host.starts_with(&format!("{bucket}."));
            if by_host {
                format!("{scheme}://{host}/{key}")
            } else {
                format!("{scheme}://{host}/{bucket}/{key}")
            }
        }
        s3_protocol::Target::Service | s3_protocol::Target::Bucket(_) => {
            format!("{scheme}://{host}/")
        }
    }
}
