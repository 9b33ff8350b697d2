//! What is in a bucket, as an access key sees it. The person gives the key; no role of the console opens an object.

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use postern_config::Secret;
use postern_config::directory::{AccessKeyId, Bucket};
use postern_config::objects::HeldKey;

use super::bucket_tabs::{self, Tab};
use super::buckets::trail;
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::{encoded, filled, own};
use super::lists::View;
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::Of;
use crate::service::object_lists::{Found, Listing, Version};
use crate::service::objects::Visitor;
use crate::{Admin, Problem};

/// A bucket, and whoever asks for what is in it.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(super) of: Of<Bucket>,
    visitor: Option<Visitor>,
}

impl FromRequestParts<Admin> for Inside {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        let of: Of<Bucket> = Of::from_request_parts(parts, admin).await?;
        let key = of
            .caller
            .session
            .as_ref()
            .and_then(|(_, it)| it.key.clone());
        let is_astray = |key: &HeldKey| {
            let whose = key.id.parse().ok().and_then(|id| of.state.caller(&id));
            whose.is_some_and(|whose| whose.namespace() != of.it.namespace)
        };
        Ok(Self {
            visitor: key.map(|key| Visitor {
                admin: admin.clone(),
                is_astray: is_astray(&key),
                key,
                extensions: parts.extensions.clone(),
                bucket: of.it.name.to_string(),
            }),
            of,
        })
    }
}

impl Inside {
    /// Whoever asks, where nothing can be done without a key.
    pub(super) fn visitor(&self) -> Result<&Visitor, Problem> {
        let detail =
            "this asks as an access key, and none is given; open the bucket's objects and give one";
        let missing = || Problem::new(StatusCode::FORBIDDEN, "key-needed", detail);
        self.visitor.as_ref().ok_or_else(missing)
    }

    /// A page below the bucket, with the rest of its address.
    pub(super) fn path(&self, below: &str) -> String {
        let tenant = self.of.tenant.name.as_str();
        let bucket = self.of.it.id.to_string();
        let words = [("tenant", tenant), ("bucket", bucket.as_str())];
        filled("/accounts/{tenant}/buckets/{bucket}/objects", &words) + below
    }

    /// The list of what is under a prefix.
    pub(super) fn list_of(&self, prefix: &str) -> String {
        self.path(&format!("?prefix={}", encoded(prefix)))
    }

    /// The list in which an object stands.
    pub(super) fn folder_of(&self, key: &str) -> String {
        let folder = key.rfind('/').and_then(|at| key.get(..=at));
        self.list_of(folder.unwrap_or_default())
    }

    pub(super) fn here(&self, reader: &Reader, title: String, folder: Option<&str>) -> Here<'_> {
        let mut trail = trail(reader, &self.of.tenant, Some(&self.of.it));
        if folder.is_some() {
            trail.push((reader.say(say!("Objects")).to_owned(), Some(self.path(""))));
        }
        // Each folder on the way to it.
        let folder = folder.unwrap_or_default();
        for (at, _) in folder.match_indices('/') {
            let (above, _) = folder.split_at(at + 1);
            let name = above
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            trail.push((format!("{name}/"), Some(self.list_of(above))));
        }
        Here {
            title,
            nav: Nav::Buckets,
            tenant: Some(&self.of.tenant),
            trail,
        }
    }
}

#[derive(askama::Template)]
#[template(path = "objects.html")]
struct ObjectsPage<'p> {
    frame: Frame,
    tabs: Vec<(&'static str, String, bool)>,
    view: &'p View,
    prefix: &'p str,
    /// The access key that asks; none: none is given yet.
    key: Option<&'p str>,
    problem: Option<&'p Problem>,
    folders: Vec<Row<'p>>,
    objects: Vec<Row<'p>>,
    next: Option<String>,
    first: Option<String>,
    /// The path of this list.
    path: String,
    deleted: bool,
    command: String,
    part_bytes: usize,
    lengths: [(String, String, bool); 4],
    /// The form of the key.
    form: Fields,
}

/// A line of the list.
struct Row<'r> {
    /// Its name below the prefix.
    name: &'r str,
    href: String,
    it: Option<&'r Version>,
}

pub(crate) async fn list(reader: Reader, inside: Inside, Asked(fields): Asked) -> Response {
    list_page(&reader, &inside, (fields, StatusCode::OK, None)).await
}

/// The list, and what was wrong with what was sent from it.
pub(super) async fn list_page(
    reader: &Reader,
    inside: &Inside,
    (fields, status, problem): (Fields, StatusCode, Option<&Problem>),
) -> Response {
    let prefix = fields.exactly("prefix").to_owned();
    let view = View::of(fields, &inside.path(""));
    let listing = Listing {
        prefix: prefix.clone(),
        cursor: view.text("cursor").to_owned(),
        limit: view.limit,
        deleted: view.text("show") == "deleted",
    };
    let found = match inside.visitor() {
        Ok(visitor) => visitor.list(&listing).await,
        Err(_) => Ok(Found::default()),
    };
    let status = found.as_ref().err().map_or(status, |it| it.status);
    let (found, refused) = match found {
        Ok(found) => (found, None),
        Err(problem) => (Found::default(), Some(problem)),
    };
    let title = reader.say(say!("Objects")).to_owned();
    let page = ObjectsPage {
        frame: reader.frame(
            inside.here(
                reader,
                title,
                Some(&prefix)
                    .filter(|it| !it.is_empty())
                    .map(String::as_str),
            ),
        ),
        tabs: bucket_tabs::tabs(reader, (&inside.of.tenant, &inside.of.it), Tab::Objects),
        key: inside.visitor().ok().map(|it| it.key.id.as_str()),
        problem: refused.as_ref().or(problem),
        folders: found
            .folders
            .iter()
            .map(|it| Row {
                name: below(it, &prefix),
                href: view.href(&[("prefix", it), ("cursor", "")]),
                it: None,
            })
            .collect(),
        objects: found
            .objects
            .iter()
            .map(|it| Row {
                name: below(&it.key, &prefix),
                href: inside.path(&format!("/object?key={}", encoded(&it.key))),
                it: Some(it),
            })
            .collect(),
        next: found
            .next
            .as_deref()
            .map(|next| view.href(&[("cursor", next)])),
        first: (!listing.cursor.is_empty()).then(|| view.href(&[("cursor", "")])),
        path: inside.path(""),
        deleted: listing.deleted,
        command: format!(
            "aws s3 ls {}",
            quoted(&format!("s3://{}/{prefix}", inside.of.it.name))
        ),
        part_bytes: super::uploads::PART_BYTES,
        lengths: view.lengths(),
        form: Fields::default(),
        prefix: &prefix,
        view: &view,
    };
    reader.page(status, &page)
}

/// A word as a shell takes it: keys may be anything.
pub(super) fn quoted(word: &str) -> String {
    shlex::try_quote(word).unwrap_or_default().into_owned()
}

/// What comes behind a prefix.
fn below<'k>(key: &'k str, prefix: &str) -> &'k str {
    key.strip_prefix(prefix).unwrap_or(key)
}

#[derive(askama::Template)]
#[template(path = "held_key.html")]
struct KeyPage<'p> {
    frame: Frame,
    form: &'p Fields,
    to: &'p str,
}

pub(crate) async fn show_key(reader: Reader, Asked(form): Asked) -> Response {
    key_page(&reader, &form, StatusCode::OK)
}

fn key_page(reader: &Reader, form: &Fields, status: StatusCode) -> Response {
    let page = KeyPage {
        frame: reader.frame(Here {
            title: reader.say(say!("Use an access key")).to_owned(),
            nav: Nav::Buckets,
            tenant: None,
            trail: Vec::new(),
        }),
        to: own(form.text("to")),
        form,
    };
    reader.page(status, &page)
}

/// Takes a key for this session. Whether it is one the gate says with its first answer.
pub(crate) async fn hold_key(
    State(admin): State<Admin>,
    reader: Reader,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let id = form.need::<AccessKeyId>("id");
    if form.exactly("secret").is_empty() {
        form.fault("secret", "this is needed");
    }
    let (Some(id), None) = (id, form.wrong("secret")) else {
        return Ok(key_page(&reader, &form, StatusCode::UNPROCESSABLE_ENTITY));
    };
    let session = reader.session()?;
    admin.sessions().hold(
        session,
        Some(HeldKey {
            id: id.to_string(),
            secret: Secret::new(form.exactly("secret").as_bytes().to_vec()),
        }),
    );
    Ok(see(own(form.text("to"))))
}

pub(crate) async fn forget_key(
    State(admin): State<Admin>,
    reader: Reader,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    admin.sessions().hold(reader.session()?, None);
    Ok(see(own(form.text("to"))))
}
