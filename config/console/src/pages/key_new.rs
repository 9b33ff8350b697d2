//! A new access key: what it may do, and its secret, which is shown once.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ipnet::IpNet;
use postern_config::UnixSeconds;
use postern_config::decisions::{Cell, DecisionTable};
use postern_config::directory::{
    Description, Digest, KeyRights, KeyScope, Level, SubUser, Tenant, User,
};
use s3_protocol::BucketName;

use super::fields::{Fields, Sent};
use super::filters;
use super::filters::{level_name, say};
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::user::{page_of, trail};
use crate::api::asked::{By, Of};
use crate::service::creations;
use crate::service::keys::{self, Holder, KeyMade};
use crate::service::signin::no_entropy;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "key_new.html")]
struct NewKeyPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    whose: &'p str,
    levels: Vec<LevelCard>,
    once: String,
    back: String,
    command: String,
}

/// A level that may be chosen, and what it may do.
struct LevelCard {
    value: &'static str,
    text: &'static str,
    about: &'static str,
    is_chosen: bool,
    operations: Vec<&'static str>,
}

pub(crate) async fn show_create(reader: Reader, of: Of<User>) -> Result<Response, Problem> {
    let form = Fields::default();
    create_page(
        &reader,
        (&of.tenant, &of.it, None),
        (&form, StatusCode::OK, None),
    )
}

pub(crate) async fn show_create_below(
    reader: Reader,
    of: Of<SubUser>,
) -> Result<Response, Problem> {
    let user = above(&of)?;
    let form = Fields::default();
    let whose = (&*of.tenant, &*user, Some(&*of.it));
    create_page(&reader, whose, (&form, StatusCode::OK, None))
}

/// The user above a sub-user.
pub(super) fn above(of: &Of<SubUser>) -> Result<std::sync::Arc<User>, Problem> {
    let user = of.state.user(of.it.user).cloned();
    user.ok_or_else(|| Problem::not_found("user"))
}

fn create_page(
    reader: &Reader,
    (tenant, user, sub_user): (&Tenant, &User, Option<&SubUser>),
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Result<Response, Problem> {
    let whose = sub_user.map_or(user.name.as_str(), |it| it.name.as_str());
    let below = sub_user.map_or_else(String::new, |it| format!(" --sub-user {}", it.name));
    let once = new_once(reader)?;
    let page = NewKeyPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Create access key")).to_owned(),
            nav: Nav::Users,
            tenant: Some(tenant),
            trail: trail(reader, tenant, Some(user)),
        }),
        form,
        problem,
        whose,
        levels: levels(form, sub_user)?,
        once,
        back: page_of(tenant, user.name.as_str()),
        command: format!(
            "postern key create --tenant {} --user {}{below} --level read",
            tenant.name, user.name
        ),
    };
    Ok(reader.page(status, &page))
}

/// The levels that a key may have, and what each may do by the decision table.
fn levels(form: &Fields, sub_user: Option<&SubUser>) -> Result<Vec<LevelCard>, Problem> {
    let table = DecisionTable::standard().map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "there is no decision table"
        );
        let detail = "what levels may do cannot be shown";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    })?;
    let usual = sub_user.map_or(Level::Read, |it| it.level);
    let chosen = match form.text("level") {
        "" => usual.as_str().to_owned(),
        level => level.to_owned(),
    };
    let fitting = Level::ALL.into_iter();
    let fitting = fitting.filter(|level| sub_user.is_none_or(|it| level.is_within(it.level)));
    let cards = fitting.map(|level| LevelCard {
        value: level.as_str(),
        text: level_name(level),
        about: match level {
            Level::Full => {
                say!("Read, write, delete, and manage buckets and who has access to them.")
            }
            Level::ReadWrite => say!("Read, write and delete objects."),
            Level::Read => say!("List and read objects. For edge sites and mirrors."),
            Level::Write => {
                say!("Upload objects, and see nothing but its own uploads. For ingest and backup.")
            }
        },
        is_chosen: chosen == level.as_str(),
        operations: table
            .rows()
            .filter(|row| row.at(level) != Cell::Denied)
            .map(|row| row.operation.name())
            .collect(),
    });
    Ok(cards.collect())
}

/// The rights that a form asks for.
fn rights(form: &mut Fields, now: UnixSeconds) -> Option<KeyRights> {
    let level = form.need::<Level>("level");
    let description = form.may::<Description>("description");
    let days = form.may::<u64>("days");
    let buckets = each::<BucketName>(form, "buckets");
    let networks = each::<IpNet>(form, "networks");
    let prefixes = form.lines("prefixes");
    let expires = days?.map(|days| UnixSeconds(now.0.saturating_add(days.saturating_mul(86_400))));
    Some(KeyRights {
        description: description?.unwrap_or_default(),
        expires,
        scope: KeyScope {
            buckets: buckets?,
            prefixes: Some(prefixes).filter(|it| !it.is_empty()),
            operations: None,
        },
        networks: networks?,
        tls_only: form.is_on("tls_only"),
        append_only: form.is_on("append_only"),
        ..KeyRights::of_level(level?)
    })
}

/// The lines of a field, each of which must mean something; absent where there are none.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether it can be used, the inner one whether it is there"
)]
fn each<T: std::str::FromStr>(form: &mut Fields, name: &'static str) -> Option<Option<Vec<T>>>
where
    T::Err: std::fmt::Display,
{
    let mut all = Vec::new();
    for line in form.lines(name) {
        match line.parse() {
            Ok(one) => all.push(one),
            Err(error) => {
                form.fault(name, &format!("`{line}`: {error}"));
                return None;
            }
        }
    }
    Some(Some(all).filter(|it| !it.is_empty()))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<User>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let whose = (&*of.tenant, &*of.it, None);
    made(
        &admin,
        &reader,
        (whose, Holder::User(&of.it)),
        (actor, form),
    )
    .await
}

pub(crate) async fn create_below(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<SubUser>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let user = above(&of)?;
    let whose = (&*of.tenant, &*user, Some(&*of.it));
    made(
        &admin,
        &reader,
        (whose, Holder::SubUser(&of.it)),
        (actor, form),
    )
    .await
}

async fn made(
    admin: &Admin,
    reader: &Reader,
    (whose, holder): ((&Tenant, &User, Option<&SubUser>), Holder<'_>),
    (actor, mut form): (postern_config::directory::Actor, Fields),
) -> Result<Response, Problem> {
    let Some(rights) = rights(&mut form, reader.now.seconds()) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return create_page(reader, whose, answer);
    };
    let (tenant, user, _) = whose;
    let once = once(reader, &form)?;
    match keys::create(admin, actor, once, (tenant, holder, rights)).await {
        Ok((_, made)) => Ok(secret_page(reader, (tenant, user), (&made, SecretOf::New))),
        Err(problem) => {
            let answer = (&form, problem.status, Some(&problem));
            create_page(reader, whose, answer)
        }
    }
}

/// What a form is known by when it is sent.
pub(super) fn new_once(reader: &Reader) -> Result<String, Problem> {
    let random = reader.admin.entropy.bytes::<16>().map_err(no_entropy)?;
    Ok(hex::encode(random))
}

/// A form that is sent twice makes one thing: a page that is loaded once more does not show the secret again.
pub(super) fn once(reader: &Reader, form: &Fields) -> Result<Option<creations::Asked>, Problem> {
    let once = form.text("once");
    if once.is_empty() {
        return Ok(None);
    }
    let what = Digest::of(reader.path.as_bytes());
    creations::Asked::new(once.as_bytes(), &what).map(Some)
}

/// Which secret a page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretOf {
    New,
    Rolled,
    Revealed,
}

#[derive(askama::Template)]
#[template(path = "secret.html")]
struct SecretPage<'p> {
    frame: Frame,
    made: &'p KeyMade,
    of: SecretOf,
    endpoint: String,
    region: String,
    buckets: String,
    back: String,
}

pub(super) fn secret_page(
    reader: &Reader,
    (tenant, user): (&Tenant, &User),
    (made, of): (&KeyMade, SecretOf),
) -> Response {
    let title = match of {
        SecretOf::New => say!("The new access key"),
        SecretOf::Rolled => say!("The key that takes its place"),
        SecretOf::Revealed => say!("The secret of an access key"),
    };
    let page = SecretPage {
        frame: reader.frame(Here {
            title: reader.say(title).to_owned(),
            nav: Nav::Users,
            tenant: Some(tenant),
            trail: trail(reader, tenant, Some(user)),
        }),
        made,
        of,
        endpoint: reader.admin.s3.endpoint.clone(),
        region: reader.admin.s3.region.clone(),
        buckets: super::buckets::list_of(tenant),
        back: page_of(tenant, user.name.as_str()),
    };
    reader.page(StatusCode::OK, &page)
}
