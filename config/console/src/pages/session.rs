//! Coming in and going out: the first operator, an invitation, signing in, showing once more that it is oneself.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::{encoded, own};
use super::passkeys::is_known;
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::By;
use crate::api::session::{forget_cookie, give_cookie};
use crate::service::signin::{self, AcceptAsk, SetUpAsk, SignInAsk, StepUpAsk, Stranger};
use crate::service::sso::is_vouched_for;
use crate::sessions::Told;
use crate::shape::Typed;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    asks_code: bool,
    /// Where one signs in with a passkey, if somebody has one that holds here.
    passkey: Option<String>,
    /// What the provider is called, and where it is.
    provider: Option<(String, String)>,
}

#[derive(askama::Template)]
#[template(path = "step_up.html")]
struct StepUpPage<'p> {
    frame: Frame,
    to: &'p str,
    email: String,
    /// Where he shows his passkey, if he has one that holds here.
    passkey: Option<String>,
    problem: Option<&'p Problem>,
    /// What the provider is called, and where it is, for whoever signs in there.
    provider: Option<(String, String)>,
}

#[derive(askama::Template)]
#[template(path = "set_up.html")]
struct SetUpPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    /// Whether it makes the first operator; else it is an invitation.
    is_first: bool,
}

fn here(reader: &Reader, title: &'static str) -> Frame {
    reader.frame(Here {
        title: reader.say(title).replacen("{}", &reader.brand.name, 1),
        nav: Nav::None,
        tenant: None,
        trail: Vec::new(),
    })
}

pub(crate) async fn show_sign_in(reader: Reader, Asked(form): Asked) -> Response {
    // Whoever is in already is not asked again.
    if reader.operator().is_some() {
        return see(own(form.text("to")));
    }
    sign_in_page(&reader, (&form, StatusCode::OK), None)
}

pub(crate) fn sign_in_page(
    reader: &Reader,
    (form, status): (&Fields, StatusCode),
    problem: Option<&Problem>,
) -> Response {
    let page = SignInPage {
        frame: here(reader, say!("Sign in")),
        form,
        passkey: is_known(reader, reader.state.operators().map(|it| &**it))
            .then(|| with_to("/sign-in/passkey", form.text("to"))),
        provider: provider(reader, "/sso", form.text("to")),
        asks_code: problem.is_some_and(|it| it.code == "code-needed") || form.is_on("code"),
        problem,
    };
    reader.page(status, &page)
}

/// What the provider is called, and where one is sent there.
fn provider(reader: &Reader, path: &str, to: &str) -> Option<(String, String)> {
    let provider = reader.admin.sign_on.as_ref()?;
    Some((provider.name().to_owned(), with_to(path, to)))
}

/// A page, and where one goes from there.
fn with_to(path: &str, to: &str) -> String {
    format!("{path}?to={}", encoded(own(to)))
}

pub(crate) async fn sign_in(
    State(admin): State<Admin>,
    reader: Reader,
    stranger: Stranger,
    Sent(mut form): Sent,
) -> Response {
    let Some(asked) = sign_in_ask(&mut form) else {
        return sign_in_page(&reader, (&form, StatusCode::UNPROCESSABLE_ENTITY), None);
    };
    match signin::sign_in(&admin, &stranger, &asked).await {
        Ok((id, ..)) => give_cookie(see(own(form.text("to"))), &id),
        Err(problem) => sign_in_page(&reader, (&form, problem.status), Some(&problem)),
    }
}

fn sign_in_ask(form: &mut Fields) -> Option<SignInAsk> {
    let email = form.need("email");
    let account = form.may("account");
    Some(SignInAsk {
        email: email?,
        password: Typed::of(form.exactly("password")),
        code: Some(form.text("code"))
            .filter(|it| !it.is_empty())
            .map(Typed::of),
        account: account?,
        session: None,
    })
}

pub(crate) async fn sign_out(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
) -> Result<Response, Problem> {
    signin::sign_out(&admin, (reader.caller()?, actor)).await?;
    Ok(forget_cookie(see("/sign-in")))
}

pub(crate) async fn show_step_up(reader: Reader, Asked(form): Asked) -> Response {
    step_up_page(&reader, (form.text("to"), StatusCode::OK), None)
}

pub(crate) fn step_up_page(
    reader: &Reader,
    (to, status): (&str, StatusCode),
    problem: Option<&Problem>,
) -> Response {
    let operator = reader.operator();
    let is_there = operator.is_some_and(|it| is_vouched_for(&reader.admin, it));
    let provider = is_there
        .then(|| provider(reader, "/sso/again", to))
        .flatten();
    let title = if provider.is_some() {
        say!("Sign in once more")
    } else {
        say!("Verify password")
    };
    let page = StepUpPage {
        frame: here(reader, title),
        provider,
        to,
        passkey: is_known(reader, operator.into_iter()).then(|| with_to("/step-up/passkey", to)),
        email: operator.map_or_else(String::new, |it| it.details.email.to_string()),
        problem,
    };
    reader.page(status, &page)
}

pub(crate) async fn step_up(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let to = form.text("to");
    let asked = StepUpAsk {
        password: Typed::of(form.exactly("password")),
    };
    Ok(
        match signin::step_up(&admin, (reader.caller()?, actor), &asked).await {
            Ok((id, ..)) => give_cookie(see(own(to)), &id),
            Err(problem) => step_up_page(&reader, (to, problem.status), Some(&problem)),
        },
    )
}

pub(crate) async fn show_set_up(reader: Reader) -> Response {
    set_up_page(&reader, (&Fields::default(), true), (StatusCode::OK, None))
}

pub(crate) async fn show_invitation(reader: Reader) -> Response {
    set_up_page(&reader, (&Fields::default(), false), (StatusCode::OK, None))
}

fn set_up_page(
    reader: &Reader,
    (form, is_first): (&Fields, bool),
    (status, problem): (StatusCode, Option<&Problem>),
) -> Response {
    let title = if is_first {
        say!("Set {} up")
    } else {
        say!("Choose your password")
    };
    let page = SetUpPage {
        frame: here(reader, title),
        form,
        problem,
        is_first,
    };
    reader.page(status, &page)
}

pub(crate) async fn set_up(
    State(admin): State<Admin>,
    Path(token): Path<String>,
    reader: Reader,
    stranger: Stranger,
    Sent(mut form): Sent,
) -> Response {
    let Some(asked) = set_up_ask(&mut form, &token) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return set_up_page(&reader, (&form, true), (status, None));
    };
    let first = SignInAsk {
        email: asked.email.clone(),
        password: asked.password.clone(),
        code: None,
        account: None,
        session: None,
    };
    let made = signin::set_up(&admin, &stranger, asked).await;
    come_in(
        &admin,
        (&reader, &stranger),
        made.map(|_| first),
        (&form, true),
    )
    .await
}

fn set_up_ask(form: &mut Fields, token: &str) -> Option<SetUpAsk> {
    let (email, name) = (form.need("email"), form.may("name"));
    Some(SetUpAsk {
        token: Typed::of(token),
        email: email?,
        name: name?,
        password: Typed::of(form.exactly("password")),
    })
}

pub(crate) async fn accept(
    State(admin): State<Admin>,
    Path(token): Path<String>,
    reader: Reader,
    stranger: Stranger,
    Sent(form): Sent,
) -> Response {
    let asked = AcceptAsk {
        token: Typed::of(&token),
        password: Typed::of(form.exactly("password")),
    };
    let accepted = signin::accept(&admin, &stranger, &asked).await;
    let first = accepted.map(|it| SignInAsk {
        email: it.email,
        password: asked.password.clone(),
        code: None,
        account: None,
        session: None,
    });
    come_in(&admin, (&reader, &stranger), first, (&form, false)).await
}

/// Signs somebody in who has just chosen his password; where that needs more, he is asked.
async fn come_in(
    admin: &Admin,
    (reader, stranger): (&Reader, &Stranger),
    asked: Result<SignInAsk, Problem>,
    (form, is_first): (&Fields, bool),
) -> Response {
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => {
            let answer = (problem.status, Some(&problem));
            return set_up_page(reader, (form, is_first), answer);
        }
    };
    match signin::sign_in(admin, stranger, &asked).await {
        Ok((id, ..)) => {
            let welcome = Told {
                text: say!("Welcome. You have signed in as {}."),
                about: asked.email.to_string(),
                revision: None,
            };
            if let Some(hash) = admin.sessions().hash_of(&id) {
                admin.sessions().tell(hash, welcome);
            }
            give_cookie(see("/"), &id)
        }
        Err(_) => see(&format!("/sign-in?email={}", encoded(asked.email.as_str()))),
    }
}
