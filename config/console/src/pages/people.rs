//! People: operators, who sign in here. The list, and one of them.

use axum::extract::{Path, State};
use axum::response::Response;
use postern_config::directory::{ConsoleAtom, Mfa, Operator, OperatorId, OperatorStatus};

use super::fields::Asked;
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::tokens::{self, TokenRow};
use crate::service::audit::{self, AuditAsk, AuditShown};
use crate::service::operators::{self, OperatorShown};
use crate::service::sso;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "people.html")]
struct PeoplePage<'p> {
    frame: Frame,
    view: &'p View,
    rows: Vec<PersonRow>,
    turns: Turns,
    create: Option<String>,
}

/// An operator in the list, with what may be done to him.
struct PersonRow {
    it: OperatorShown,
    manage: String,
    can: Can,
    /// The same page as a list with this one's details beside it.
    drawer: String,
    is_open: bool,
}

/// What whoever reads may do to an operator, as he is now.
#[derive(Clone, Debug, Default)]
pub(super) struct Can {
    edit: Option<String>,
    role: Option<String>,
    invite: Option<String>,
    password: Option<String>,
    pub(super) disable: Option<String>,
    enable: Option<String>,
    reset: Option<String>,
    end: Option<String>,
    delete: Option<String>,
}

impl Can {
    pub(super) fn of(reader: &Reader, operator: &Operator) -> Self {
        let number = operator.id.get().to_string();
        let office = reader.caller.as_ref().and_then(|it| it.office.as_ref());
        let may_touch = office.is_none_or(|it| {
            it.operator == Some(operator.id)
                || it.may_give(&reader.state, operator.role, &operator.scope)
        });
        if !may_touch {
            return Self::default();
        }
        let link = |path: &str| {
            let path = format!("/people/{{operator}}{path}");
            reader.link(&path, &[("operator", &number)])
        };
        let is_himself = reader.operator().is_some_and(|it| it.id == operator.id);
        let is_active = operator.status == OperatorStatus::Active;
        let is_vouched_for = sso::is_vouched_for(&reader.admin, operator);
        // 004-09: the last owner is neither disabled nor deleted.
        let stays = reader.state.is_last_owner(operator);
        Self {
            edit: link("/edit").filter(|_| has(reader, ConsoleAtom::UserEdit)),
            role: link("/role").filter(|_| !stays && has(reader, ConsoleAtom::RoleAssign)),
            invite: link("/invite").filter(|_| is_active && !is_vouched_for),
            password: link("/password").filter(|_| !is_vouched_for),
            disable: link("/disable").filter(|_| is_active && !stays),
            enable: link("/enable").filter(|_| !is_active),
            // His own passkeys he takes away one by one.
            reset: link("/second-factor").filter(|_| {
                operator.mfa() != Mfa::Off || !is_himself && !operator.passkeys.is_empty()
            }),
            end: link("/sessions").filter(|_| is_active),
            delete: link("/delete").filter(|_| !stays),
        }
    }
}

fn has(reader: &Reader, atom: ConsoleAtom) -> bool {
    reader.caller.as_ref().is_some_and(|it| it.has(atom))
}

pub(super) fn here(reader: &Reader, title: String, is_below: bool) -> Here<'static> {
    let people = (
        reader.say(say!("People")).to_owned(),
        Some("/people".to_owned()),
    );
    Here {
        title,
        nav: Nav::People,
        tenant: None,
        trail: if is_below { vec![people] } else { Vec::new() },
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    reader: Reader,
    Asked(fields): Asked,
) -> Result<Response, Problem> {
    let open = fields.text("open").to_owned();
    let view = View::of(fields, "/people");
    let status = view.filter::<OperatorStatus>("status")?;
    let page = operators::list(&admin, reader.caller()?, &view.listing(), status)?;
    let turns = view.turns(&page);
    let rows = page.items.into_iter().filter_map(|it| {
        let record = reader.state.operator_numbered(it.id)?;
        let number = it.id.to_string();
        let is_open = number == open;
        Some(PersonRow {
            can: Can::of(&reader, record),
            manage: page_of(record.id),
            drawer: view.href(&[("open", if is_open { "" } else { &number })]),
            is_open,
            it,
        })
    });
    let page = PeoplePage {
        frame: reader.frame(here(&reader, reader.say(say!("People")).to_owned(), false)),
        rows: rows.collect(),
        view: &view,
        turns,
        create: reader.link("/people/new", &[]),
    };
    Ok(reader.shows(&page))
}

pub(super) fn page_of(id: OperatorId) -> String {
    filled("/people/{operator}", &[("operator", &id.get().to_string())])
}

/// Whoever is named by the path, if the reader sees him and may do that to him.
pub(super) fn found(
    reader: &Reader,
    word: &str,
    atom: Option<ConsoleAtom>,
) -> Result<Operator, Problem> {
    let found = operators::find(&reader.state, reader.caller()?, (word, atom))?;
    Ok(Operator::clone(found))
}

#[derive(askama::Template)]
#[template(path = "person.html")]
struct PersonPage {
    frame: Frame,
    it: OperatorShown,
    can: Can,
    /// What the provider is called, where it vouches for him.
    provider: Option<String>,
    tokens: Vec<TokenRow>,
    /// None: the reader may not see what was done.
    log: Option<Vec<AuditShown>>,
    is_own: bool,
}

/// What the provider is called, where it vouches for an operator.
pub(crate) fn provider(admin: &Admin, operator: &Operator) -> Option<String> {
    let provider = admin.sign_on.as_ref()?;
    let is_his = sso::is_vouched_for(admin, operator);
    is_his.then(|| provider.name().to_owned())
}

/// Records of the audit log that a person's page shows.
const LOG_ENTRIES_MAX: usize = 50;

pub(crate) async fn show(
    State(admin): State<Admin>,
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, None)?;
    let log = if has(&reader, ConsoleAtom::AuditRead) {
        let ask = AuditAsk {
            tenant: None,
            action: None,
            actor: Some(format!("operator:{}", operator.id.get())),
            object: None,
            user: None,
            bucket: None,
            since: None,
            until: None,
            limit: Some(LOG_ENTRIES_MAX),
            cursor: None,
        };
        Some(audit::page(&admin, reader.caller()?, &ask).await?.items)
    } else {
        None
    };
    let page = PersonPage {
        frame: reader.frame(here(&reader, operator.details.email.to_string(), true)),
        it: operators::show(&admin, &reader.state, &operator),
        provider: provider(&admin, &operator),
        can: Can::of(&reader, &operator),
        tokens: tokens::of_operator(&reader, &operator)?,
        log,
        is_own: reader.operator().is_some_and(|it| it.id == operator.id),
    };
    Ok(reader.shows(&page))
}
