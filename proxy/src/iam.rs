//! AWS's IAM and STS query APIs, as far as tools use them: users, access keys, groups, policies and roles of the caller's own account,
//! and temporary credentials.
//!
//! They come to the same endpoint as S3, signed for the service `iam` or `sts`, as a form in a POST to `/`. The root user may
//! change the account; every user may ask who he is and see his own keys; what else somebody may, policies say. What is asked becomes a command of the directory, as in the
//! admin API, with the same audit record.

mod answer;
mod asked;
mod authority;
mod facts;
mod fault;
mod groups;
mod keys;
mod managed;
mod policies;
mod roles;
mod sessions;
mod users;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{HeaderName, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use postern_config::directory::{Actor, Command, Outcome, Session, Who};
use sha2::{Digest as _, Sha256};
use sigv4::{Expectation, Head, PayloadMode, Presented};

use crate::edge::{Intake, Peer};
use crate::journey::{Found, Gate, billed_to, found_key};
use crate::observe::{Entry, Signed};
use crate::world::{Caller, World};

use answer::{Xml, document};
use asked::{Action, Asked};
use authority::Authority;
use fault::Fault;

/// Longest body, in bytes: a policy document with every byte escaped, and a little.
const BODY_BYTES_MAX: usize = 3 * postern_config::limits::POLICY_BYTES_MAX + 4_096;
/// The region that tools sign for where a service has one endpoint for all.
const GLOBAL_REGION: &str = "us-east-1";

/// Whether a request is for these APIs. It says nothing of whether its signature holds.
pub(crate) fn is_asked<B>(wire: &Request<B>) -> bool {
    let says = |name: HeaderName, holds: &dyn Fn(&str) -> bool| {
        let value = wire.headers().get(name).and_then(|it| it.to_str().ok());
        value.is_some_and(holds)
    };
    wire.method() == Method::POST
        && wire.uri().path() == "/"
        && says(CONTENT_TYPE, &|kind| {
            kind.starts_with("application/x-www-form-urlencoded")
        })
        && says(AUTHORIZATION, &|credential| {
            Service::ALL
                .iter()
                .any(|it| credential.contains(&format!("/{}/aws4_request", it.name())))
        })
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Iam,
    Sts,
}

impl Service {
    const ALL: [Self; 2] = [Self::Iam, Self::Sts];

    const fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }

    const fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }
}

/// Answers one request. Cannot fail: a fault is an answer too.
pub(crate) async fn serve(
    gate: &Arc<Gate>,
    (peer, now_ms): (&Peer, u64),
    wire: Request<Intake>,
    entry: &mut Entry,
) -> Response<Bytes> {
    let (service, told) = match travel(gate, (peer, now_ms), wire, entry).await {
        Ok((asked, xml)) => (asked.service(), Ok((asked, xml))),
        Err((service, fault)) => (service, Err(fault)),
    };
    let id = entry.id();
    let (status, text) = match told {
        Ok((action, xml)) => {
            entry.decided("allowed", service.name(), action.name(), None);
            let text = document(service.namespace(), action.name(), xml, id.as_str());
            (StatusCode::OK, text)
        }
        Err(fault) => {
            if fault.is_a_denial() {
                entry.decided("denied", service.name(), &fault.to_string(), None);
            }
            let text = answer::error(service.namespace(), &fault, id.as_str());
            (fault.status(), text)
        }
    };
    entry.answered(status, None);
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    // Secrets are among the answers.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-amzn-requestid"), id.to_header());
    response
}

/// Read the body, check who signed it, understand it, carry it out.
async fn travel(
    gate: &Arc<Gate>,
    (peer, now_ms): (&Peer, u64),
    wire: Request<Intake>,
    entry: &mut Entry,
) -> Result<(Action, Xml), (Service, Fault)> {
    let (parts, body) = wire.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(_) => return Err((Service::Iam, Fault::Body)),
    };
    entry.received(body.len() as u64);
    let world = gate.world();
    let signed = signed(gate, &world, (&parts, &body), now_ms / 1_000)?;
    let (service, caller) = (signed.service, &signed.caller);
    entry.signed_by(caller.key.id.as_str(), &caller.arn, Signed::Header);
    entry.billed(billed_to(caller));
    let told = async {
        let (action, about, asked) = Asked::read(service, &body)?;
        let authority = Authority::of(caller, peer, now_ms / 1_000)?;
        let desk = Desk {
            gate,
            world: &world,
            caller,
            peer,
            agent: parts.headers.get(USER_AGENT),
            session: signed.session.clone(),
            authority,
            now_ms,
            actor: Actor {
                who: Who::Key {
                    tenant: caller.tenant.id,
                    user: caller.user.id,
                    key: caller.key.id,
                },
                address: Some(peer.client),
                request: Some(entry.id().as_str().to_owned()),
            },
        };
        desk.authorize(action, &about)?;
        desk.carry_out(asked).await.map(|xml| (action, xml))
    };
    told.await.map_err(|fault| (service, fault))
}

struct ByWhom {
    service: Service,
    caller: Arc<Caller>,
    session: Option<Arc<Session>>,
}

/// Who signed. Until that is known, faults are told in the words of IAM.
fn signed(
    gate: &Gate,
    world: &World,
    (parts, body): (&Parts, &Bytes),
    now: u64,
) -> Result<ByWhom, (Service, Fault)> {
    let hash: [u8; 32] = Sha256::digest(body).into();
    let body_sha256 = hex::encode(hash);
    let mut aliases = gate.place.aliases.clone();
    // A service of all regions is also signed for none.
    aliases.extend([GLOBAL_REGION.to_owned(), String::new()]);
    let mut last = Fault::Unsigned;
    for service in Service::ALL {
        let expected = Expectation {
            service: service.name(),
            aliases: &aliases,
            body_sha256: Some(&body_sha256),
            ..gate.expectation()
        };
        let claim = match Presented::read(Head::of(parts), now, &expected) {
            Ok(Presented::Signed(claim)) => claim,
            Ok(Presented::Anonymous(_)) => return Err((service, Fault::Unsigned)),
            Err(sigv4::AuthError::WrongService { .. }) => continue,
            Err(cause) => {
                last = Fault::Signature(cause);
                break;
            }
        };
        if claim.payload() != PayloadMode::Signed(hash) {
            return Err((service, Fault::Body));
        }
        let credential = (claim.access_key_id(), claim.session_token());
        let found = found_key(gate, world, credential, claim.scope(), now);
        let Found {
            caller,
            key,
            session,
        } = found.map_err(|refusal| (service, Fault::Credential(Box::new(refusal))))?;
        let verified = claim.verify(&key);
        // An unknown key costs the same work, and its answer does not depend on the signature.
        let caller = caller.ok_or((service, Fault::UnknownKey))?;
        verified.map_err(|cause| (service, Fault::Signature(cause)))?;
        return Ok(ByWhom {
            service,
            caller,
            session,
        });
    }
    Err((Service::Iam, last))
}

/// Where one request is carried out.
struct Desk<'a> {
    gate: &'a Arc<Gate>,
    world: &'a World,
    caller: &'a Caller,
    peer: &'a Peer,
    agent: Option<&'a HeaderValue>,
    session: Option<Arc<Session>>,
    authority: Authority,
    now_ms: u64,
    actor: Actor,
}

impl Desk<'_> {
    #[expect(
        clippy::too_many_lines,
        reason = "a table: one arm for each action, so that none is forgotten"
    )]
    async fn carry_out(&self, asked: Asked) -> Result<Xml, Fault> {
        match asked {
            Asked::GetCallerIdentity => Ok(self.identity()),
            Asked::GetSessionToken { seconds } => self.session_token(seconds).await,
            Asked::AssumeRole(asked) => self.assume(asked).await,
            Asked::GetAccountSummary => Ok(self.summary()),
            Asked::CreateUser { name, path } => self.create_user(name, path).await,
            Asked::GetUser { name } => self.get_user(name.as_ref()),
            Asked::ListUsers { page } => Ok(self.list_users(&page)),
            Asked::UpdateUser { name, change } => self.update_user(&name, change).await,
            Asked::DeleteUser { name } => self.delete_user(&name).await,
            Asked::CreateAccessKey { user } => self.create_key(user.as_ref()).await,
            Asked::ListAccessKeys { user, page } => self.list_keys(user.as_ref(), &page),
            Asked::UpdateAccessKey { user, key, works } => {
                self.update_key(user.as_ref(), &key, works).await
            }
            Asked::DeleteAccessKey { user, key } => self.delete_key(user.as_ref(), &key).await,
            Asked::GetAccessKeyLastUsed { key } => self.last_used(&key).await,
            Asked::PutInline { on, name, text } => self.put_inline(&on, name, text).await,
            Asked::GetInline { on, name } => self.get_inline(&on, &name),
            Asked::ListInline { on, page } => self.list_inline(&on, &page),
            Asked::DeleteInline { on, name } => self.delete_inline(&on, name).await,
            Asked::Attach { on, policy } => self.attach(&on, &policy).await,
            Asked::Detach { on, policy } => self.detach(&on, &policy).await,
            Asked::ListAttached { on, page } => self.list_attached(&on, &page),
            Asked::CreateGroup { name, path } => self.create_group(name, path).await,
            Asked::GetGroup { name, page } => self.get_group(&name, &page),
            Asked::ListGroups { page } => Ok(self.list_groups(&page)),
            Asked::UpdateGroup { name, change } => self.update_group(&name, change).await,
            Asked::DeleteGroup { name } => self.delete_group(&name).await,
            Asked::AddUserToGroup { group, user } => self.add_member(&group, &user).await,
            Asked::RemoveUserFromGroup { group, user } => self.remove_member(&group, &user).await,
            Asked::ListGroupsForUser { user, page } => self.groups_of(&user, &page),
            Asked::CreatePolicy {
                name,
                path,
                description,
                text,
            } => self.create_managed((name, path), description, text).await,
            Asked::GetPolicy { policy } => self.get_managed(&policy),
            Asked::ListPolicies {
                whose,
                attached,
                page,
            } => Ok(self.list_managed(whose, attached, &page)),
            Asked::DeletePolicy { policy } => self.delete_managed(&policy).await,
            Asked::CreatePolicyVersion {
                policy,
                text,
                judges,
            } => self.create_version(&policy, text, judges).await,
            Asked::GetPolicyVersion { policy, version } => self.get_version(&policy, version),
            Asked::ListPolicyVersions { policy, page } => self.list_versions(&policy, &page),
            Asked::DeletePolicyVersion { policy, version } => {
                self.delete_version(&policy, version).await
            }
            Asked::SetDefaultPolicyVersion { policy, version } => {
                self.set_default(&policy, version).await
            }
            Asked::ListEntitiesForPolicy { policy } => self.entities(&policy),
            Asked::CreateRole { name, path, text } => self.create_role((name, path), text).await,
            Asked::GetRole { name } => self.get_role(&name),
            Asked::ListRoles { page } => Ok(self.list_roles(&page)),
            Asked::UpdateRole {
                name,
                description,
                seconds,
            } => self.update_role(&name, (description, seconds)).await,
            Asked::UpdateTrust { name, text } => self.update_trust(&name, text).await,
            Asked::DeleteRole { name } => self.delete_role(&name).await,
            Asked::ListOfNone { list, on } => self.list_of_none(list, on.as_ref()),
        }
    }

    async fn apply(&self, command: Command) -> Result<Outcome, Fault> {
        let directory = self.gate.directory();
        let applied = directory.apply(command, self.actor.clone()).await?;
        Ok(applied.outcome)
    }
}
