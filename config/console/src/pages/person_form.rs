//! Forms about a person: making one, changing one, a role, a password.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::{Actor, ConsoleAtom, Operator, OperatorScope, Role};

use super::choices::Choices;
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::Frame;
use super::links::filled;
use super::people::{found, here, page_of};
use super::reader::Reader;
use super::texts::Tongue;
use crate::api::asked::By;
use crate::service::operators::{
    self, InviteAsk, NewOperator, OperatorChange, ScopeAsk, ScopeKind,
};
use crate::service::sso;
use crate::shape::Typed;
use crate::{Admin, Problem};

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
pub(super) async fn invited(
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
pub(super) fn done(
    reader: &Reader,
    operator: &Operator,
    (text, revision): (&'static str, u64),
) -> Response {
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
