//! Buckets of an account: the list, a new one, and one with what it holds. What is in them is shown by [`super::objects`].

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Bucket, PublicContainers, Tenant, User, UserKind, UserStatus};

use super::bucket_tabs::{self, Tab};
use super::choices::Choices;
use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::user_changes::not_the_name;
use crate::api::asked::{By, Of};
use crate::caller::Caller;
use crate::service::buckets::{self, BucketDetail, BucketShown, NewBucket};
use crate::service::list::Listing;
use crate::service::{find, permissions};
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "buckets.html")]
struct BucketsPage<'p> {
    frame: Frame,
    tenant: &'p str,
    view: &'p View,
    rows: Vec<BucketRow>,
    turns: Turns,
    create: Option<String>,
    has_owners: bool,
}

/// A bucket in the list.
pub(super) struct BucketRow {
    pub(super) detail: BucketDetail,
    pub(super) manage: String,
    delete: Option<String>,
}

/// Where the page of a bucket is.
pub(super) fn page_of(tenant: &Tenant, bucket: &str) -> String {
    filled(
        "/accounts/{tenant}/buckets/{bucket}",
        &[("tenant", tenant.name.as_str()), ("bucket", bucket)],
    )
}

pub(super) fn list_of(tenant: &Tenant) -> String {
    filled(
        "/accounts/{tenant}/buckets",
        &[("tenant", tenant.name.as_str())],
    )
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let view = View::of(fields, &list_of(&of.it));
    let owner = view.text("of").to_owned();
    let owner = of.user(Some(owner.as_str()).filter(|it| !it.is_empty()))?;
    let public = match view.text("access") {
        "public" => Some(true),
        "private" => Some(false),
        _ => None,
    };
    let page = buckets::list(
        &admin,
        (&of.caller, &of.it),
        &view.listing(),
        (owner, public),
    )?;
    let turns = view.turns(&page);
    let mut rows = Vec::with_capacity(page.items.len());
    for bucket in page.items {
        rows.push(row(&reader, (&of.caller, &of.it), bucket).await);
    }
    let page = BucketsPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Buckets")).to_owned(),
            nav: Nav::Buckets,
            tenant: Some(&of.it),
            trail: Vec::new(),
        }),
        tenant: of.it.name.as_str(),
        view: &view,
        rows,
        turns,
        create: reader.link_in(&of.it, "/buckets/new", &[]),
        has_owners: owner.is_none(),
    };
    Ok(reader.shows(&page))
}

/// What a user owns, at the beginning of the list, and how much it is.
pub(super) async fn owned(
    reader: &Reader,
    of: &Of<User>,
    listing: &Listing,
) -> Result<(Vec<BucketRow>, usize), Problem> {
    let who = (&of.caller, &*of.tenant);
    let page = buckets::list(&reader.admin, who, listing, (Some(&of.it), None))?;
    let mut rows = Vec::with_capacity(page.items.len());
    for bucket in page.items {
        rows.push(row(reader, who, bucket).await);
    }
    Ok((rows, page.total))
}

async fn row(
    reader: &Reader,
    (caller, tenant): (&Caller, &Tenant),
    shown: BucketShown,
) -> BucketRow {
    let words = [("bucket", shown.id.as_str())];
    let delete = reader.link_in(tenant, "/buckets/{bucket}/delete", &words);
    let manage = page_of(tenant, &shown.id);
    let record = find::bucket(&reader.state, caller, (tenant, None), &shown.id).ok();
    let detail = match record {
        Some(bucket) => buckets::detail(&reader.admin, bucket).await,
        // It has gone since the list was made.
        None => BucketDetail {
            bucket: shown,
            objects: None,
            bytes: None,
            versioning: None,
            object_lock: None,
        },
    };
    BucketRow {
        detail,
        manage,
        delete,
    }
}

#[derive(askama::Template)]
#[template(path = "bucket_new.html")]
struct NewBucketPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    owners: Choices,
    path: &'p str,
    back: String,
    command: String,
}

pub(crate) async fn show_create(reader: Reader, of: Of<Tenant>, Asked(form): Asked) -> Response {
    create_page(&reader, &of, (&form, StatusCode::OK, None))
}

fn create_page(
    reader: &Reader,
    of: &Of<Tenant>,
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let page = NewBucketPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Create bucket")).to_owned(),
            nav: Nav::Buckets,
            tenant: Some(&of.it),
            trail: trail(reader, &of.it, None),
        }),
        form,
        problem,
        owners: owners(reader, of),
        path: &reader.path,
        back: list_of(&of.it),
        command: format!(
            "postern bucket create --tenant {} --owner user name",
            of.it.name
        ),
    };
    reader.page(status, &page)
}

/// Who may own a bucket. Nobody is chosen before somebody chooses: what root owns by mistake is everybody's trouble.
fn owners(reader: &Reader, of: &Of<Tenant>) -> Choices {
    let seen = of
        .state
        .users(of.it.id)
        .filter(|user| of.caller.sees_user(&of.state, user) && user.status == UserStatus::Active);
    let named = seen.map(|user| {
        let name = user.name.to_string();
        let text = match user.kind {
            UserKind::Root => format!("{name} ({})", reader.say(say!("Root"))),
            UserKind::Human | UserKind::Service => name.clone(),
        };
        (name, text)
    });
    Choices::of(named).after(say!("Select the bucket's owner"))
}

pub(super) fn trail(
    reader: &Reader,
    tenant: &Tenant,
    bucket: Option<&Bucket>,
) -> Vec<(String, Option<String>)> {
    let all = (
        reader.say(say!("Buckets")).to_owned(),
        Some(list_of(tenant)),
    );
    let bucket = bucket.map(|it| {
        (
            it.name.to_string(),
            Some(page_of(tenant, &it.id.to_string())),
        )
    });
    std::iter::once(all).chain(bucket).collect()
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Response {
    let read = |form: &mut Fields| {
        let (name, owner) = (form.need("name"), form.need::<String>("owner"));
        Some(NewBucket {
            name: name?,
            owner: owner?,
            versioning: Some(form.is_on("versioning") || form.is_on("object_lock")),
            object_lock: Some(form.is_on("object_lock")),
        })
    };
    let Some(new) = read(&mut form) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return create_page(&reader, &of, answer);
    };
    let made = match of.caller.user(&of.state, &of.it, &new.owner) {
        Ok(_) => buckets::create(&admin, actor, None, (&of.it, new)).await,
        Err(problem) => Err(problem),
    };
    match made {
        Ok((_, bucket)) => reader.done(
            (say!("Bucket {} is there."), bucket.name),
            bucket.revision,
            &page_of(&of.it, &bucket.id),
        ),
        Err(problem) => create_page(&reader, &of, (&form, problem.status, Some(&problem))),
    }
}

#[derive(askama::Template)]
#[template(path = "bucket.html")]
struct BucketPage {
    frame: Frame,
    detail: BucketDetail,
    public: permissions::PublicShown,
    owner: Option<String>,
    tabs: Vec<(&'static str, String, bool)>,
    delete: Option<String>,
    make_public: Option<String>,
    make_private: Option<String>,
    command: String,
}

pub(crate) async fn show(State(admin): State<Admin>, reader: Reader, of: Of<Bucket>) -> Response {
    let detail = buckets::detail(&admin, &of.it).await;
    let id = of.it.id.to_string();
    let words = [("bucket", id.as_str())];
    let link =
        |path: &str| reader.link_in(&of.tenant, &format!("/buckets/{{bucket}}{path}"), &words);
    let public = permissions::public(&of.tenant, &of.it);
    let owner = [("user", detail.bucket.owner.as_str())];
    let page = BucketPage {
        frame: reader.frame(Here {
            title: of.it.name.to_string(),
            nav: Nav::Buckets,
            tenant: Some(&of.tenant),
            trail: trail(&reader, &of.tenant, None),
        }),
        owner: reader.link_in(&of.tenant, "/users/{user}", &owner),
        tabs: bucket_tabs::tabs(&reader, (&of.tenant, &of.it), Tab::Overview),
        delete: link("/delete"),
        make_public: link("/public").filter(|_| !public.is_public && has_switch(&of.tenant)),
        make_private: link("/private").filter(|_| public.is_public),
        command: format!(
            "postern bucket show --tenant {} {}",
            of.tenant.name, of.it.name
        ),
        public,
        detail,
    };
    reader.shows(&page)
}

/// Whether buckets of an account become public by a switch.
fn has_switch(tenant: &Tenant) -> bool {
    tenant.profile.rules().public_containers == PublicContainers::Switch
}

pub(super) fn here<'h>(reader: &Reader, of: &'h Of<Bucket>, title: &'static str) -> Here<'h> {
    Here {
        title: reader.say(title).replacen("{}", of.it.name.as_str(), 1),
        nav: Nav::Buckets,
        tenant: Some(&of.tenant),
        trail: trail(reader, &of.tenant, Some(&of.it)),
    }
}

pub(crate) async fn show_delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Bucket>,
) -> Response {
    delete_page(&admin, &reader, &of, None).await
}

async fn delete_page(
    admin: &Admin,
    reader: &Reader,
    of: &Of<Bucket>,
    problem: Option<&Problem>,
) -> Response {
    let here = here(reader, of, say!("Delete bucket {}"));
    let name = of.it.name.as_str();
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader.say(say!("This cannot be undone.")).to_owned(),
        losses: Some(buckets::losses(admin, &of.it).await),
        typed: Some(name),
        command: format!(
            "postern bucket delete --tenant {} {name} --confirm {name}",
            of.tenant.name
        ),
        back: page_of(&of.tenant, &of.it.id.to_string()),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Bucket>,
    By(actor): By,
    Sent(form): Sent,
) -> Response {
    if form.text("confirm") != of.it.name.as_str() {
        let problem = not_the_name(form.text("confirm"), of.it.name.as_str());
        return delete_page(&admin, &reader, &of, Some(&problem)).await;
    }
    match buckets::delete(&admin, actor, (&of.it, None)).await {
        Ok(gone) => reader.done(
            (say!("Bucket {} is deleted."), gone.deleted),
            gone.revision,
            &list_of(&of.tenant),
        ),
        Err(problem) => delete_page(&admin, &reader, &of, Some(&problem)).await,
    }
}

pub(crate) async fn show_public(reader: Reader, of: Of<Bucket>) -> Response {
    public_page(&reader, &of, None)
}

fn public_page(reader: &Reader, of: &Of<Bucket>, problem: Option<&Problem>) -> Response {
    let here = here(reader, of, say!("Make bucket {} public"));
    let name = of.it.name.as_str();
    let about = say!(
        "Anybody on the network lists and downloads what is in it, now and later, without a key. Nobody can take back what was downloaded."
    );
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader.say(about).to_owned(),
        typed: Some(name),
        command: format!(
            "postern bucket set-public --tenant {} {name}",
            of.tenant.name
        ),
        back: page_of(&of.tenant, &of.it.id.to_string()),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn set_public(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Bucket>,
    By(actor): By,
    Sent(form): Sent,
) -> Response {
    if form.text("confirm") != of.it.name.as_str() {
        let detail = format!(
            "you typed `{}`, and this is `{}`: nothing was changed",
            form.text("confirm"),
            of.it.name
        );
        let problem = Problem::new(StatusCode::CONFLICT, "confirm", detail);
        return public_page(&reader, &of, Some(&problem));
    }
    let everything = permissions::PublicAsked {
        list: None,
        read: None,
        referrers: None,
    };
    let access = Some(everything.access());
    match permissions::set_public(&admin, actor, (&of.it, None), access).await {
        Ok(public) => done(
            &reader,
            &of,
            (say!("Bucket {} is public now."), public.revision),
        ),
        Err(problem) => public_page(&reader, &of, Some(&problem)),
    }
}

/// Back to the bucket, with what was done.
pub(super) fn done(
    reader: &Reader,
    of: &Of<Bucket>,
    (text, revision): (&'static str, u64),
) -> Response {
    let to = page_of(&of.tenant, &of.it.id.to_string());
    reader.done((text, &of.it.name), revision, &to)
}

pub(crate) async fn show_private(reader: Reader, of: Of<Bucket>) -> Response {
    private_page(&reader, &of, None)
}

fn private_page(reader: &Reader, of: &Of<Bucket>, problem: Option<&Problem>) -> Response {
    let here = here(reader, of, say!("Make bucket {} private"));
    let asks = Asks {
        verb: here.title.clone(),
        look: "primary",
        about: reader
            .say(say!(
                "Only keys with the right to do so reach what is in it, from now on."
            ))
            .to_owned(),
        back: page_of(&of.tenant, &of.it.id.to_string()),
        ..Asks::default()
    };
    confirm::page(reader, here, (&asks, problem))
}

pub(crate) async fn set_private(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Bucket>,
    By(actor): By,
) -> Response {
    match permissions::set_public(&admin, actor, (&of.it, None), None).await {
        Ok(public) => done(
            &reader,
            &of,
            (say!("Bucket {} is private now."), public.revision),
        ),
        Err(problem) => private_page(&reader, &of, Some(&problem)),
    }
}
