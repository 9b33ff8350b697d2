//! One change for many users, or many access keys: first what would come of it, one by one, then what came of it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Actor, Tenant, UserKind, UserStatus};

use super::fields::{Fields, Sent};
use super::filters::{self, say};
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::visit::see;
use super::{keys, users};
use crate::api::asked::{By, Of};
use crate::limits::BULK_ENTRIES_MAX;
use crate::service::bulk::{self, BulkAction, BulkDone, BulkKeys, BulkUsers};
use crate::service::find;
use crate::service::keys::{hint, word};
use crate::service::list::Listing;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "bulk.html")]
struct BulkPage<'p> {
    frame: Frame,
    action: &'p str,
    /// How those who were selected are sent.
    field: &'static str,
    column: &'static str,
    question: &'static str,
    rows: Vec<BulkRow>,
    /// How many are still selected, where something can be done for some of them.
    left: usize,
    /// What loses nothing, in the place of deleting.
    instead: Option<&'static str>,
    done: &'p BulkDone,
    problem: Option<&'p Problem>,
    back: String,
}

/// A user or a key, and what comes of it.
struct BulkRow {
    /// As it was selected.
    word: String,
    name: String,
    detail: Option<String>,
    ok: bool,
}

/// What is done to those who are selected in a list stands below it.
pub(super) struct BulkBar {
    pub(super) path: String,
    /// How many fit what is looked for, where more of them than stand on the page can be changed at once.
    pub(super) fitting: Option<usize>,
    /// What is looked for.
    pub(super) filters: Vec<(&'static str, String)>,
}

impl BulkBar {
    /// Below a page of a list that is narrowed by these words of the address, beside what is searched for.
    pub(super) fn below(
        view: &View,
        turns: &Turns,
        path: String,
        filters: &[&'static str],
    ) -> Self {
        let can_all = turns.shown < turns.total && turns.total <= BULK_ENTRIES_MAX;
        let filters = ["q"].iter().chain(filters);
        Self {
            path,
            fitting: can_all.then_some(turns.total),
            filters: filters
                .map(|&name| (name, view.text(name).to_owned()))
                .collect(),
        }
    }

    /// Below a list that is whole.
    pub(super) const fn at(path: String) -> Self {
        Self {
            path,
            fitting: None,
            filters: Vec::new(),
        }
    }
}

/// What is changed.
#[derive(Clone, Copy, Debug)]
enum Many {
    Users,
    Keys,
}

impl Many {
    fn list_of(self, tenant: &Tenant) -> String {
        let path = match self {
            Self::Users => "/accounts/{tenant}/users",
            Self::Keys => "/accounts/{tenant}/keys",
        };
        filled(path, &[("tenant", tenant.name.as_str())])
    }

    /// Nothing is done where nobody has said how many are meant.
    async fn change(
        self,
        (reader, of, actor): (&Reader, &Of<Tenant>, Actor),
        (action, words, confirm): (BulkAction, Vec<String>, Option<usize>),
    ) -> Result<BulkDone, Problem> {
        let who = (&of.caller, &*of.it);
        let dry_run = Some(confirm.is_none());
        match self {
            Self::Users => {
                let asked = BulkUsers {
                    action,
                    users: words,
                    dry_run,
                    confirm,
                    with_data: None,
                };
                bulk::users(&reader.admin, actor, who, asked).await
            }
            Self::Keys => {
                let asked = BulkKeys {
                    action,
                    keys: words,
                    dry_run,
                    confirm,
                };
                bulk::keys(&reader.admin, actor, who, asked).await
            }
        }
    }

    /// Those who were selected: one by one, or all who fit what was looked for.
    async fn chosen(
        self,
        admin: &Admin,
        of: &Of<Tenant>,
        form: &Fields,
    ) -> Result<Vec<String>, Problem> {
        if !form.is_on("fitting") {
            return Ok(form.all(self.field()).map(str::to_owned).collect());
        }
        let view = View::of(form.clone(), &self.list_of(&of.it));
        let listing = Listing {
            limit: Some(BULK_ENTRIES_MAX),
            ..view.listing()
        };
        let (total, words) = match self {
            Self::Users => {
                let page = users::fitting(admin, of, &view, listing).await?;
                // Root stays, and who is going goes.
                let meant = page.items.into_iter().filter(|user| {
                    user.kind != UserKind::Root && user.status != UserStatus::Deleting
                });
                (page.total, meant.map(|user| user.id.to_string()).collect())
            }
            Self::Keys => {
                let page = keys::fitting(admin, of, &view, listing).await?;
                let ids = page.items.into_iter().map(|key| key.id.to_string());
                (page.total, ids.collect())
            }
        };
        if total > BULK_ENTRIES_MAX {
            let detail = format!(
                "{total} fit, and at most {BULK_ENTRIES_MAX} are changed at a time: look for fewer"
            );
            return Err(Problem::malformed(detail));
        }
        Ok(words)
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Users => "user",
            Self::Keys => "key",
        }
    }

    const fn title(self, action: BulkAction) -> &'static str {
        match (self, action) {
            (Self::Users, BulkAction::Disable) => say!("Disable users"),
            (Self::Users, BulkAction::Enable) => say!("Enable users"),
            (Self::Users, BulkAction::Delete) => say!("Delete users"),
            (Self::Keys, BulkAction::Disable) => say!("Disable access keys"),
            (Self::Keys, BulkAction::Enable) => say!("Enable access keys"),
            (Self::Keys, BulkAction::Delete) => say!("Delete access keys"),
        }
    }
}

/// Whoever comes here without having selected anybody goes to the list.
pub(crate) async fn show_users(of: Of<Tenant>) -> Response {
    see(&Many::Users.list_of(&of.it))
}

/// Likewise.
pub(crate) async fn show_keys(of: Of<Tenant>) -> Response {
    see(&Many::Keys.list_of(&of.it))
}

pub(crate) async fn take_users(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let users = Many::Users.chosen(&admin, &of, &form).await?;
    let names = users.iter().map(|word| {
        let user = find::user(&of.state, &of.it, word);
        user.map_or_else(|_| word.clone(), |user| user.name.to_string())
    });
    let names = names.collect();
    take((Many::Users, users, names), (&reader, &of, actor), form).await
}

pub(crate) async fn take_keys(
    State(admin): State<Admin>,
    reader: Reader,
    of: Of<Tenant>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let keys = Many::Keys.chosen(&admin, &of, &form).await?;
    let names = keys.iter().map(|word| {
        let id = word.parse().ok();
        id.map_or_else(|| word.clone(), |id| hint(&id))
    });
    let names = names.collect();
    take((Many::Keys, keys, names), (&reader, &of, actor), form).await
}

/// Does what is asked once somebody has typed how many are meant, and says before that of each whether it can be done. What they are called
/// was asked before anything is done to them.
async fn take(
    (many, words, names): (Many, Vec<String>, Vec<String>),
    (reader, of, actor): (&Reader, &Of<Tenant>, Actor),
    mut form: Fields,
) -> Result<Response, Problem> {
    let action = form.need::<BulkAction>("action");
    let Some(action) = action.filter(|_| !words.is_empty()) else {
        return Ok(see(&many.list_of(&of.it)));
    };
    let typed = form.text("sure").parse::<usize>().ok();
    let asked = (action, words.clone(), typed);
    let done = many.change((reader, of, actor.clone()), asked).await;
    let what = (many, action, names);
    match done {
        Err(problem) if problem.code == "confirm" => {
            let would = many.change((reader, of, actor), (action, words, None));
            Ok(page(reader, of, what, (&would.await?, Some(&problem))))
        }
        done => Ok(page(reader, of, what, (&done?, None))),
    }
}

/// What comes of each, or what came of it.
fn page(
    reader: &Reader,
    of: &Of<Tenant>,
    (many, action, names): (Many, BulkAction, Vec<String>),
    (done, problem): (&BulkDone, Option<&Problem>),
) -> Response {
    let back = many.list_of(&of.it);
    let title = many.title(action);
    let rows = done.items.iter().zip(names).map(|(item, name)| BulkRow {
        word: item.name.clone(),
        name,
        detail: item.detail.clone(),
        ok: item.ok,
    });
    let (nav, above, column, question) = match many {
        Many::Users => (
            Nav::Users,
            say!("Users"),
            say!("Username"),
            say!("How many users do you mean? Type {}."),
        ),
        Many::Keys => (
            Nav::Keys,
            say!("Access keys"),
            say!("Key"),
            say!("How many access keys do you mean? Type {}."),
        ),
    };
    let left = match (done.dry_run, done.done) {
        (true, 0) => 0,
        (true, _) => done.items.len(),
        (false, _) => done.failed,
    };
    let has_some = done.dry_run || done.failed > 0;
    let instead = Some(BulkAction::Disable).filter(|_| action == BulkAction::Delete && has_some);
    let word = word(&action);
    let page = BulkPage {
        frame: reader.frame(Here {
            title: reader.say(title).to_owned(),
            nav,
            tenant: Some(&of.it),
            trail: vec![(reader.say(above).to_owned(), Some(back.clone()))],
        }),
        action: &word,
        field: many.field(),
        column,
        question,
        rows: rows.collect(),
        left,
        instead: instead.map(|action| many.title(action)),
        done,
        problem,
        back,
    };
    reader.page(problem.map_or(StatusCode::OK, |it| it.status), &page)
}
