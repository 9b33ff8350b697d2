//! Access keys: the list, a new one with its secret, and what is done to keys.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use ipnet::IpNet;
use postern_config::UnixSeconds;
use postern_config::decisions::{Cell, DecisionTable};
use postern_config::directory::{
    AccessKey, ConsoleAtom, Description, Digest, KeyRights, KeyScope, Level, SecretReveal, SubUser,
    Tenant, User,
};
use s3_protocol::BucketName;

use super::bulk::BulkBar;
use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::{level_name, say};
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::user::{page_of, trail};
use crate::api::asked::{By, Of};
use crate::limits::ATTENTION_UNUSED_SECONDS;
use crate::service::creations;
use crate::service::keys::{self, Holder, KeyMade, KeyShown, Rotation, Which};
use crate::service::list::{Listing, Page};
use crate::service::signin::no_entropy;
use crate::service::users::Working;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "keys.html")]
struct KeysPage<'p> {
    frame: Frame,
    tenant: &'p str,
    view: &'p View,
    keys: Vec<KeyRow>,
    turns: Turns,
    review: Option<String>,
    bulk: Option<BulkBar>,
}

/// A key in a list, with what may be done to it.
pub(super) struct KeyRow {
    pub(super) key: KeyShown,
    pub(super) scope: String,
    pub(super) expires: Option<u64>,
    pub(super) rotate: Option<String>,
    pub(super) reveal: Option<String>,
    pub(super) disable: Option<String>,
    pub(super) enable: Option<String>,
    pub(super) delete: Option<String>,
}

/// The keys with what whoever reads may do to them.
pub(super) fn rows(reader: &Reader, tenant: &Tenant, keys: Vec<KeyShown>) -> Vec<KeyRow> {
    let rows = keys.into_iter().map(|key| row(reader, tenant, key));
    rows.collect()
}

fn row(reader: &Reader, tenant: &Tenant, key: KeyShown) -> KeyRow {
    let words = [("user", key.user.as_str()), ("key", key.id.as_str())];
    let link = |path: &str| {
        reader.link_in(
            tenant,
            &format!("/users/{{user}}/keys/{{key}}{path}"),
            &words,
        )
    };
    let may_be_seen = tenant.profile.rules().secret_reveal == SecretReveal::Password;
    KeyRow {
        scope: scope(&key.rights.scope),
        expires: key.rights.expires.map(|it| it.0),
        rotate: link("/rotate").filter(|_| key.state == "active"),
        reveal: link("/reveal").filter(|_| may_be_seen),
        disable: link("/disable").filter(|_| key.state != "disabled"),
        enable: link("/enable").filter(|_| key.state == "disabled"),
        // What works is disabled first: deleting is for good, disabling is not.
        delete: link("/delete").filter(|_| key.state == "disabled"),
        key,
    }
}

impl KeyRow {
    /// Whether whoever reads may stop it, start it or delete it.
    pub(super) const fn may_change(&self) -> bool {
        self.disable.is_some() || self.enable.is_some()
    }
}

/// What a key reaches, in a line.
fn scope(scope: &KeyScope) -> String {
    let list = |texts: Vec<String>| texts.join(", ");
    let buckets = scope.buckets.as_ref();
    let buckets = buckets.map(|it| list(it.iter().map(ToString::to_string).collect()));
    let prefixes = scope.prefixes.as_ref().map(|it| list(it.clone()));
    let operations = scope
        .operations
        .as_ref()
        .map(|it| format!("{} operations", it.len()));
    let parts: Vec<String> = [buckets, prefixes, operations]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        "–".to_owned()
    } else {
        parts.join(" · ")
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let path = filled(
        "/accounts/{tenant}/keys",
        &[("tenant", of.it.name.as_str())],
    );
    let view = View::of(fields, &path);
    let mut page = fitting(&admin, &of, &view, view.listing()).await?;
    keys::tell_last_use(&admin, page.items.iter_mut()).await?;
    let turns = view.turns(&page);
    let keys = rows(&reader, &of.it, page.items);
    let bulk = bulk_path(&reader, &of.it, &keys);
    let page = KeysPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Access keys")).to_owned(),
            nav: Nav::Keys,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        tenant: of.it.name.as_str(),
        bulk: bulk.map(|path| BulkBar::below(&view, &turns, path, &["status", "level"])),
        keys,
        view: &view,
        turns,
        review: review(&of, is_unused(&view)),
    };
    Ok(reader.shows(&page))
}

/// The keys that fit what is looked for.
pub(super) async fn fitting(
    admin: &Admin,
    of: &Of<Tenant>,
    view: &View,
    listing: Listing,
) -> Result<Page<KeyShown>, Problem> {
    let whose = (&of.caller, &*of.it);
    let unused = if is_unused(view) {
        Some(keys::unused(admin, whose, usize::MAX).await?)
    } else {
        None
    };
    let which = Which {
        level: view.filter("level")?,
        state: match unused {
            Some(_) => None,
            None => view.filter("status")?,
        },
        among: unused.as_ref(),
        ..Which::default()
    };
    keys::list(admin, whose, &listing, which)
}

/// Whether the keys that nobody used for long are looked for.
fn is_unused(view: &View) -> bool {
    view.text("status") == "unused"
}

/// Where many keys are changed at once; none where none of these may be.
pub(super) fn bulk_path(reader: &Reader, tenant: &Tenant, keys: &[KeyRow]) -> Option<String> {
    let bulk = reader.link_in(tenant, "/keys/bulk", &[]);
    bulk.filter(|_| keys.iter().any(KeyRow::may_change))
}

/// Where the access review of an account is as a file: a row for each key, and one for each user without any.
pub(super) fn review(of: &Of<Tenant>, is_unused: bool) -> Option<String> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", "csv");
    query.append_pair("tenant", of.it.name.as_str());
    if is_unused {
        let days = ATTENTION_UNUSED_SECONDS / (24 * 60 * 60);
        query.append_pair("unused_days", &days.to_string());
    }
    let may = of.caller.has(ConsoleAtom::AuditRead);
    may.then(|| format!("/api/v1/access-review?{}", query.finish()))
}

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
enum SecretOf {
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

fn secret_page(
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

/// The way back from a key, and what its pages are called.
fn here<'h>(reader: &Reader, of: &'h Of<AccessKey>, title: &'static str) -> Here<'h> {
    let user = of.state.user(of.it.user);
    Here {
        title: reader.say(title).replacen("{}", &keys::hint(&of.it.id), 1),
        nav: Nav::Users,
        tenant: Some(&of.tenant),
        trail: trail(reader, &of.tenant, user.map(|it| &**it)),
    }
}

fn owner(of: &Of<AccessKey>) -> Result<std::sync::Arc<User>, Problem> {
    let user = of.state.user(of.it.user).cloned();
    user.ok_or_else(|| Problem::not_found("user"))
}

/// Where one goes from the page of a key.
fn back(of: &Of<AccessKey>) -> String {
    let user = of.state.user(of.it.user);
    page_of(&of.tenant, user.map_or("", |it| it.name.as_str()))
}

/// How long an old key still works: in seconds, and as people say it.
const GRACES: [(&str, &str, bool); 4] = [
    ("0", say!("The old key stops now"), false),
    ("3600", say!("The old key works for one more hour"), false),
    ("86400", say!("The old key works for one more day"), true),
    (
        "604800",
        say!("The old key works for seven more days"),
        false,
    ),
];

pub(crate) async fn show_rotate(reader: Reader, of: Of<AccessKey>) -> Response {
    rotate_page(&reader, &of, None)
}

fn rotate_page(reader: &Reader, of: &Of<AccessKey>, problem: Option<&Problem>) -> Response {
    let here = here(reader, of, say!("Roll key {}"));
    let about = say!(
        "A new pair takes the place of this key, with the same rights. The secret is shown once, on the next page."
    );
    let asks = Asks {
        verb: here.title.clone(),
        look: "primary",
        about: reader.say(about).to_owned(),
        choices: &GRACES,
        command: format!("postern key roll --tenant {} {}", of.tenant.name, of.it.id),
        back: back(of),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn rotate(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<AccessKey>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let rotation = Rotation {
        grace_seconds: form.may("choice").flatten(),
    };
    let user = owner(&of)?;
    Ok(
        match keys::rotate(&admin, actor, (&of.it, None, None), &rotation).await {
            Ok((_, made)) => secret_page(&reader, (&of.tenant, &user), (&made, SecretOf::Rolled)),
            Err(problem) => rotate_page(&reader, &of, Some(&problem)),
        },
    )
}

pub(crate) async fn show_reveal(reader: Reader, of: Of<AccessKey>) -> Response {
    reveal_page(&reader, &of, None)
}

fn reveal_page(reader: &Reader, of: &Of<AccessKey>, problem: Option<&Problem>) -> Response {
    let here = here(reader, of, say!("Show the secret of key {}"));
    let about =
        say!("The secret is decrypted and shown. The audit log says that you have seen it.");
    let asks = Asks {
        verb: reader.say(say!("Decrypt")).to_owned(),
        look: "primary",
        about: reader.say(about).to_owned(),
        back: back(of),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn reveal(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<AccessKey>,
    By(actor): By,
) -> Result<Response, Problem> {
    let user = owner(&of)?;
    Ok(match keys::reveal(&admin, actor, &of.it).await {
        Ok(made) => secret_page(&reader, (&of.tenant, &user), (&made, SecretOf::Revealed)),
        Err(problem) => reveal_page(&reader, &of, Some(&problem)),
    })
}

pub(crate) async fn show_disable(reader: Reader, of: Of<AccessKey>) -> Response {
    set_working_page(&reader, &of, Working::No, None)
}

pub(crate) async fn show_enable(reader: Reader, of: Of<AccessKey>) -> Response {
    set_working_page(&reader, &of, Working::Yes, None)
}

fn set_working_page(
    reader: &Reader,
    of: &Of<AccessKey>,
    working: Working,
    problem: Option<&Problem>,
) -> Response {
    let (title, about, verb) = match working {
        Working::No => (
            say!("Disable key {}"),
            say!("Requests that it signs are refused from now on. It can be enabled again."),
            "disable",
        ),
        Working::Yes => (
            say!("Enable key {}"),
            say!("Requests that it signs are looked at again."),
            "enable",
        ),
    };
    let here = here(reader, of, title);
    let asks = Asks {
        verb: here.title.clone(),
        look: "primary",
        about: reader.say(about).to_owned(),
        command: format!(
            "postern key {verb} --tenant {} {}",
            of.tenant.name, of.it.id
        ),
        back: back(of),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn disable(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<AccessKey>,
    By(actor): By,
) -> Response {
    set_working(&admin, (&reader, &of), actor, Working::No).await
}

pub(crate) async fn enable(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<AccessKey>,
    By(actor): By,
) -> Response {
    set_working(&admin, (&reader, &of), actor, Working::Yes).await
}

async fn set_working(
    admin: &Admin,
    (reader, of): (&Reader, &Of<AccessKey>),
    actor: postern_config::directory::Actor,
    working: Working,
) -> Response {
    let text = match working {
        Working::No => say!("Key {} is disabled."),
        Working::Yes => say!("Key {} is enabled."),
    };
    match keys::set_working(admin, actor, (&of.it, None), working).await {
        Ok(key) => done(reader, of, (text, key.revision)),
        Err(problem) => set_working_page(reader, of, working, Some(&problem)),
    }
}

fn done(reader: &Reader, of: &Of<AccessKey>, (text, revision): (&'static str, u64)) -> Response {
    reader.done((text, keys::hint(&of.it.id)), revision, &back(of))
}

pub(crate) async fn show_delete(reader: Reader, of: Of<AccessKey>) -> Response {
    delete_page(&reader, &of, None)
}

fn delete_page(reader: &Reader, of: &Of<AccessKey>, problem: Option<&Problem>) -> Response {
    let here = here(reader, of, say!("Delete key {}"));
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader.say(say!("This cannot be undone.")).to_owned(),
        losses: Some(keys::losses(&of.it)),
        command: format!(
            "postern key delete --tenant {} {}",
            of.tenant.name, of.it.id
        ),
        back: back(of),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<AccessKey>,
    By(actor): By,
) -> Response {
    match keys::delete(&admin, actor, (&of.it, None)).await {
        Ok(gone) => done(&reader, &of, (say!("Key {} is deleted."), gone.revision)),
        Err(problem) => delete_page(&reader, &of, Some(&problem)),
    }
}
