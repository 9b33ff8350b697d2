//! People: operators, who sign in here. The list, one of them, and what is done to them.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{
    Actor, ConsoleAtom, Mfa, Operator, OperatorCommand, OperatorId, OperatorScope, OperatorStatus,
    Role,
};

use super::choices::Choices;
use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::filled;
use super::lists::{Turns, View};
use super::reader::Reader;
use super::texts::Tongue;
use super::tokens::{self, TokenRow};
use super::user_changes::not_the_name;
use crate::api::asked::By;
use crate::service::audit::{self, AuditAsk, AuditShown};
use crate::service::operators::{
    self, InviteAsk, NewOperator, OperatorChange, OperatorShown, ScopeAsk, ScopeKind,
};
use crate::service::sso;
use crate::shape::Typed;
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
struct Can {
    edit: Option<String>,
    role: Option<String>,
    invite: Option<String>,
    password: Option<String>,
    disable: Option<String>,
    enable: Option<String>,
    reset: Option<String>,
    end: Option<String>,
    delete: Option<String>,
}

impl Can {
    fn of(reader: &Reader, operator: &Operator) -> Self {
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

fn here(reader: &Reader, title: String, is_below: bool) -> Here<'static> {
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

fn page_of(id: OperatorId) -> String {
    filled("/people/{operator}", &[("operator", &id.get().to_string())])
}

/// Whoever is named by the path, if the reader sees him and may do that to him.
fn found(reader: &Reader, word: &str, atom: Option<ConsoleAtom>) -> Result<Operator, Problem> {
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

#[derive(askama::Template)]
#[template(path = "person_form.html")]
struct PersonForm<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    what: &'static str,
    roles: Vec<(String, String)>,
    accounts: Choices,
    languages: Vec<(&'static str, &'static str)>,
    sso_configured: bool,
    back: String,
}

fn form_page(
    reader: &Reader,
    (what, title, back): (&'static str, String, String),
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let page = PersonForm {
        frame: reader.frame(here(reader, title, true)),
        form,
        problem,
        what,
        roles: roles(reader),
        accounts: accounts(reader).after("–"),
        languages: std::iter::once(("", "–"))
            .chain(Tongue::ALL.map(|(tongue, name)| (tongue.tag(), name)))
            .collect(),
        sso_configured: reader.admin.sign_on.is_some(),
        back,
    };
    reader.page(status, &page)
}

/// The accounts that whoever reads sees.
pub(super) fn accounts(reader: &Reader) -> Choices {
    let caller = reader.caller.as_ref();
    let seen = reader
        .state
        .tenants()
        .filter(|it| caller.is_some_and(|caller| caller.touches(&reader.state, it.id)));
    Choices::named(seen.map(|it| it.name.to_string()))
}

/// The roles that whoever reads may give, by what they are called: 004-27.
pub(super) fn roles(reader: &Reader) -> Vec<(String, String)> {
    let office = reader.caller.as_ref().and_then(|it| it.office.as_ref());
    let scope = office.map_or(OperatorScope::Deployment, |it| it.scope.clone());
    let builtin = [Role::Reader, Role::Contributor, Role::Admin, Role::Owner].into_iter();
    let made = scope
        .tenant()
        .into_iter()
        .flat_map(|tenant| reader.state.roles(tenant));
    let made = made.map(|role| Role::Custom(role.id));
    let given = builtin
        .chain(made)
        .filter(|role| office.is_none_or(|it| it.may_give(&reader.state, *role, &scope)));
    let names = given.map(|role| {
        let name = operators::role_name(&reader.state, role);
        (name.clone(), filters::capital(&name))
    });
    names.collect()
}

pub(crate) async fn show_create(reader: Reader) -> Response {
    let title = reader.say(say!("Add a person")).to_owned();
    let form = Fields::default().with("setup", "invite");
    form_page(
        &reader,
        ("new", title, "/people".to_owned()),
        (&form, StatusCode::OK, None),
    )
}

/// The scope that a form names.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether it can be used, the inner one whether it is there"
)]
fn scope(form: &mut Fields) -> Option<Option<ScopeAsk>> {
    let (kind, tenant) = (
        form.may::<ScopeKind>("scope")?,
        form.may::<String>("tenant")?,
    );
    let users = form.lines("users");
    Some(kind.map(|kind| ScopeAsk {
        kind,
        tenant,
        users: Some(users).filter(|it| !it.is_empty()),
    }))
}

pub(crate) async fn create(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let title = reader.say(say!("Add a person")).to_owned();
    let at = ("new", title, "/people".to_owned());
    let is_set = form.text("setup") == "password";
    let Some(new) = new_person(&mut form, is_set) else {
        return Ok(form_page(
            &reader,
            at,
            (&form, StatusCode::UNPROCESSABLE_ENTITY, None),
        ));
    };
    let who = (reader.caller()?, actor.clone());
    let made = match operators::create(&admin, who, None, new).await {
        Ok((_, made)) => made,
        Err(problem) => {
            return Ok(form_page(
                &reader,
                at,
                (&form, problem.status, Some(&problem)),
            ));
        }
    };
    if is_set || (made.sso && made.sso_configured) {
        return Ok(reader.done(
            (say!("{} may sign in now."), made.email),
            made.revision,
            &filled("/people/{operator}", &[("operator", &made.id.to_string())]),
        ));
    }
    invited(&admin, &reader, actor, &made.id.to_string()).await
}

fn new_person(form: &mut Fields, is_set: bool) -> Option<NewOperator> {
    let (email, name, role) = (form.need("email"), form.may("name"), form.need("role"));
    let (timezone, language) = (form.may("timezone"), form.may("language"));
    let scope = scope(form);
    if is_set && form.exactly("password").is_empty() {
        form.fault("password", "this is needed");
        return None;
    }
    Some(NewOperator {
        email: email?,
        name: name?,
        role: role?,
        scope: scope?,
        password: is_set.then(|| Typed::of(form.exactly("password"))),
        sso: Some(form.is_on("sso")),
        timezone: timezone?,
        language: language?,
    })
}

#[derive(askama::Template)]
#[template(path = "invited.html")]
struct InvitedPage {
    frame: Frame,
    email: String,
    link: String,
    expires: u64,
    back: String,
}

/// Shows the link of an invitation, once.
async fn invited(
    admin: &Admin,
    reader: &Reader,
    actor: Actor,
    word: &str,
) -> Result<Response, Problem> {
    // Whoever was just made is not in the directory as it was when the request came.
    let state = admin.directory.state();
    let operator = operators::find(
        &state,
        reader.caller()?,
        (word, Some(ConsoleAtom::UserCreate)),
    )?;
    let ask = InviteAsk { seconds: None };
    let invitation = operators::invite(admin, actor, (operator, None), &ask).await?;
    let title = reader.say(say!("The invitation")).to_owned();
    let page = InvitedPage {
        frame: reader.frame(here(reader, title, true)),
        email: invitation.operator.email.to_string(),
        link: filled("/invitation/{token}", &[("token", &invitation.token)]),
        expires: invitation.expires,
        back: filled(
            "/people/{operator}",
            &[("operator", &invitation.operator.id.to_string())],
        ),
    };
    Ok(reader.page(StatusCode::OK, &page))
}

pub(crate) async fn show_edit(
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::UserEdit))?;
    let details = &operator.details;
    let text = |it: Option<String>| it.unwrap_or_default();
    let form = Fields::default()
        .with("name", &details.name)
        .with("email", &details.email)
        .with(
            "timezone",
            text(details.timezone.as_ref().map(ToString::to_string)),
        )
        .with(
            "language",
            text(details.language.as_ref().map(ToString::to_string)),
        )
        .with("sso", if details.sso { "on" } else { "" });
    Ok(edit_page(
        &reader,
        &operator,
        "edit",
        (&form, StatusCode::OK, None),
    ))
}

fn edit_page(
    reader: &Reader,
    operator: &Operator,
    what: &'static str,
    answer: (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let title = match what {
        "role" => say!("Role of {}"),
        "password" => say!("Set a password for {}"),
        _ => say!("Details of {}"),
    };
    let title = reader
        .say(title)
        .replacen("{}", operator.details.email.as_str(), 1);
    form_page(reader, (what, title, page_of(operator.id)), answer)
}

pub(crate) async fn edit(
    State(admin): State<Admin>,
    reader: Reader,
    Path(word): Path<String>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::UserEdit))?;
    let read = |form: &mut Fields| {
        let (name, email) = (form.may("name"), form.need("email"));
        let (timezone, language) = (form.may("timezone"), form.may("language"));
        Some(OperatorChange {
            role: None,
            scope: None,
            email: Some(email?),
            name: Some(name?.unwrap_or_default()),
            sso: Some(form.is_on("sso")),
            timezone: timezone?,
            language: language?,
        })
    };
    let Some(change) = read(&mut form) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return Ok(edit_page(&reader, &operator, "edit", answer));
    };
    Ok(
        match operators::change(&admin, (reader.caller()?, actor), (&operator, None), change).await
        {
            Ok(it) => done(
                &reader,
                &operator,
                (say!("The details of {} are changed."), it.revision),
            ),
            Err(problem) => edit_page(
                &reader,
                &operator,
                "edit",
                (&form, problem.status, Some(&problem)),
            ),
        },
    )
}

/// Back to the person, with what was done.
fn done(reader: &Reader, operator: &Operator, (text, revision): (&'static str, u64)) -> Response {
    let about = &operator.details.email;
    reader.done((text, about), revision, &page_of(operator.id))
}

pub(crate) async fn show_role(
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::RoleAssign))?;
    let role = operators::role_name(&reader.state, operator.role);
    let form = Fields::default().with("role", role);
    Ok(edit_page(
        &reader,
        &operator,
        "role",
        (&form, StatusCode::OK, None),
    ))
}

pub(crate) async fn set_role(
    State(admin): State<Admin>,
    reader: Reader,
    Path(word): Path<String>,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::RoleAssign))?;
    let Some(role) = form.need("role") else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return Ok(edit_page(&reader, &operator, "role", answer));
    };
    let change = OperatorChange {
        role: Some(role),
        scope: None,
        email: None,
        name: None,
        sso: None,
        timezone: None,
        language: None,
    };
    Ok(
        match operators::change(&admin, (reader.caller()?, actor), (&operator, None), change).await
        {
            Ok(it) => done(
                &reader,
                &operator,
                (say!("The role of {} is changed."), it.revision),
            ),
            Err(problem) => edit_page(
                &reader,
                &operator,
                "role",
                (&form, problem.status, Some(&problem)),
            ),
        },
    )
}

pub(crate) async fn show_password(
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::UserEdit))?;
    sso::has_password_of_his_own(&reader.admin, &operator)?;
    Ok(edit_page(
        &reader,
        &operator,
        "password",
        (&Fields::default(), StatusCode::OK, None),
    ))
}

pub(crate) async fn set_password(
    State(admin): State<Admin>,
    reader: Reader,
    Path(word): Path<String>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::UserEdit))?;
    let password = Typed::of(form.exactly("password"));
    Ok(
        match operators::set_password(&admin, actor, (&operator, None), &password).await {
            Ok(it) => done(
                &reader,
                &operator,
                (
                    say!("{} has another password, and is signed out everywhere."),
                    it.revision,
                ),
            ),
            Err(problem) => edit_page(
                &reader,
                &operator,
                "password",
                (&Fields::default(), problem.status, Some(&problem)),
            ),
        },
    )
}

/// Steps that take no form: what is asked, what it is for, and what it answers.
struct Step {
    title: &'static str,
    about: &'static str,
    done: &'static str,
    look: &'static str,
    atom: ConsoleAtom,
    command: fn(OperatorId) -> OperatorCommand,
}

const DISABLE: Step = Step {
    title: say!("Disable {}"),
    about: say!(
        "Nobody signs in as this person any more; sessions and tokens end at once. It can be undone."
    ),
    done: say!("{} is disabled."),
    look: "primary",
    atom: ConsoleAtom::UserDisable,
    command: OperatorCommand::Disable,
};
const ENABLE: Step = Step {
    title: say!("Enable {}"),
    about: say!("This person may sign in again."),
    done: say!("{} is enabled."),
    look: "primary",
    atom: ConsoleAtom::UserDisable,
    command: OperatorCommand::Enable,
};
const RESET: Step = Step {
    title: say!("Take the second factor of {} away"),
    about: say!(
        "For somebody who has lost the telephone. Passkeys go, too. The password alone signs in until another is set up."
    ),
    done: say!("{} has no second factor now."),
    look: "danger",
    atom: ConsoleAtom::UserEdit,
    command: OperatorCommand::RemoveOneTime,
};
const END: Step = Step {
    title: say!("End all sessions of {}"),
    about: say!("Everywhere, at once. The person may sign in again."),
    done: say!("All sessions of {} have ended."),
    look: "primary",
    atom: ConsoleAtom::UserDisable,
    command: OperatorCommand::EndSessions,
};

fn step_page(
    reader: &Reader,
    operator: &Operator,
    step: &Step,
    problem: Option<&Problem>,
) -> Response {
    let title = reader
        .say(step.title)
        .replacen("{}", operator.details.email.as_str(), 1);
    let asks = Asks {
        verb: title.clone(),
        look: step.look,
        about: reader.say(step.about).to_owned(),
        back: page_of(operator.id),
        ..Asks::default()
    };
    confirm::page(reader, here(reader, title, true), (&asks, problem))
}

async fn take(
    admin: &Admin,
    reader: &Reader,
    (word, actor): (&str, Actor),
    step: &Step,
) -> Result<Response, Problem> {
    let operator = found(reader, word, Some(step.atom))?;
    let command = (step.command)(operator.id);
    Ok(
        match operators::step(admin, actor, (&operator, None), command).await {
            Ok(it) => done(reader, &operator, (step.done, it.revision)),
            Err(problem) => step_page(reader, &operator, step, Some(&problem)),
        },
    )
}

macro_rules! steps {
    ($($show:ident $take:ident $step:ident;)*) => { $(
        pub(crate) async fn $show(reader: Reader, Path(word): Path<String>) -> Result<Response, Problem> {
            let operator = found(&reader, &word, Some($step.atom))?;
            Ok(step_page(&reader, &operator, &$step, None))
        }

        pub(crate) async fn $take(
            State(admin): State<Admin>,
            reader: Reader,
            Path(word): Path<String>,
            By(actor): By,
        ) -> Result<Response, Problem> {
            take(&admin, &reader, (&word, actor), &$step).await
        }
    )* };
}

steps! {
    show_disable disable DISABLE;
    show_enable enable ENABLE;
    show_reset reset RESET;
    show_end end END;
}

pub(crate) async fn show_invite(
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::UserCreate))?;
    let title = reader
        .say(say!("Invite {}"))
        .replacen("{}", operator.details.email.as_str(), 1);
    let about = say!(
        "A link is made by which the person chooses a password. It works once, for three days, and is shown on the next page: send it."
    );
    let asks = Asks {
        verb: title.clone(),
        look: "primary",
        about: reader.say(about).to_owned(),
        back: page_of(operator.id),
        ..Asks::default()
    };
    Ok(confirm::page(
        &reader,
        here(&reader, title, true),
        (&asks, None),
    ))
}

pub(crate) async fn invite(
    State(admin): State<Admin>,
    reader: Reader,
    Path(word): Path<String>,
    By(actor): By,
) -> Result<Response, Problem> {
    invited(&admin, &reader, actor, &word).await
}

pub(crate) async fn show_delete(
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::UserDelete))?;
    Ok(delete_page(&reader, &operator, None))
}

fn delete_page(reader: &Reader, operator: &Operator, problem: Option<&Problem>) -> Response {
    let email = operator.details.email.as_str();
    let title = reader.say(say!("Delete {}")).replacen("{}", email, 1);
    let about = say!(
        "For good: what is personal about this person in the audit log cannot be read any more."
    );
    let asks = Asks {
        verb: title.clone(),
        look: "danger",
        about: reader.say(about).to_owned(),
        losses: Some(operators::losses(&reader.state, operator)),
        typed: Some(email),
        instead: Can::of(reader, operator).disable,
        command: format!("postern operator delete {email} --confirm {email}"),
        back: page_of(operator.id),
        ..Asks::default()
    };
    confirm::page(reader, here(reader, title, true), (&asks, problem))
}

pub(crate) async fn delete(
    State(admin): State<Admin>,
    reader: Reader,
    Path(word): Path<String>,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let operator = found(&reader, &word, Some(ConsoleAtom::UserDelete))?;
    let email = operator.details.email.as_str();
    if form.text("confirm") != email {
        let problem = not_the_name(form.text("confirm"), email);
        return Ok(delete_page(&reader, &operator, Some(&problem)));
    }
    Ok(
        match operators::delete(&admin, actor, (&operator, None)).await {
            Ok(gone) => reader.done(
                (say!("{} is deleted."), gone.deleted),
                gone.revision,
                "/people",
            ),
            Err(problem) => delete_page(&reader, &operator, Some(&problem)),
        },
    )
}
