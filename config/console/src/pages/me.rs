//! What is one's own: how one is shown, one's password, second factor and sessions.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use postern_config::directory::Mfa;
use qrcode::QrCode;
use qrcode::render::svg;

use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::reader::Reader;
use super::texts::Tongue;
use super::tokens::{self, TokenRow};
use super::visit::see;
use crate::api::asked::By;
use crate::api::session::forget_cookie;
use crate::service::me::{self, CodeAsk, Enrolled, MeChange, MeShown, NewPassword, SessionShown};
use crate::service::passkeys::{self, PasskeyShown};
use crate::service::sso::has_password_of_his_own;
use crate::shape::Typed;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "me.html")]
struct MePage {
    frame: Frame,
    me: MeShown,
    has_second_factor: bool,
    /// What the provider is called, where it vouches for him.
    provider: Option<String>,
    /// Each with where it is taken away.
    passkeys: Vec<(PasskeyShown, String)>,
    sessions: Vec<SessionShown>,
    tokens: Vec<TokenRow>,
    token_new: Option<String>,
}

#[derive(askama::Template)]
#[template(path = "me_form.html")]
struct MeForm<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    what: &'static str,
    languages: Vec<(&'static str, &'static str)>,
}

#[derive(askama::Template)]
#[template(path = "second_factor.html")]
struct SecondFactorPage<'p> {
    frame: Frame,
    problem: Option<&'p Problem>,
    /// The secret, and a picture of it.
    shown: Option<(String, String)>,
}

fn here(reader: &Reader, title: &'static str) -> Here<'static> {
    Here {
        title: reader.say(title).to_owned(),
        nav: Nav::None,
        tenant: None,
        trail: vec![(
            reader.say(say!("My account")).to_owned(),
            Some("/me".to_owned()),
        )],
    }
}

pub(crate) async fn show(State(admin): State<Admin>, reader: Reader) -> Result<Response, Problem> {
    let me = me::show(&admin, reader.caller()?);
    let page = MePage {
        provider: provider(&reader),
        frame: reader.frame(Here {
            trail: Vec::new(),
            ..here(&reader, say!("My account"))
        }),
        has_second_factor: me.operator.as_ref().is_some_and(|it| it.mfa == Mfa::On),
        passkeys: match reader.operator() {
            Some(_) => passkeys::list(&admin, reader.caller()?)?
                .items
                .into_iter()
                .map(|it| {
                    let name = super::links::encoded(it.name.as_str());
                    (it, format!("/me/passkeys/{name}/remove"))
                })
                .collect(),
            None => Vec::new(),
        },
        sessions: me::sessions(&admin, reader.caller()?)?.items,
        tokens: match reader.operator() {
            Some(own) => tokens::of_operator(&reader, own)?,
            None => Vec::new(),
        },
        token_new: reader.link("/me/tokens/new", &[]),
        me,
    };
    Ok(reader.shows(&page))
}

fn form_page(
    reader: &Reader,
    (what, title): (&'static str, &'static str),
    (form, status, problem): (&Fields, StatusCode, Option<&Problem>),
) -> Response {
    let page = MeForm {
        frame: reader.frame(here(reader, title)),
        form,
        problem,
        what,
        languages: languages(reader),
    };
    reader.page(status, &page)
}

/// The languages that one may choose; none is one of them until one is chosen.
fn languages(reader: &Reader) -> Vec<(&'static str, &'static str)> {
    let has_chosen = reader
        .operator()
        .is_some_and(|it| it.details.language.is_some());
    let none = (!has_chosen).then_some(("", say!("That of the browser")));
    let all = Tongue::ALL.map(|(tongue, name)| (tongue.tag(), name));
    none.into_iter().chain(all).collect()
}

const DETAILS: (&str, &str) = ("details", say!("Name, time zone and language"));
const PASSWORD: (&str, &str) = ("password", say!("Change password"));

pub(crate) async fn show_details(reader: Reader) -> Response {
    let details = reader.operator().map(|it| it.details.clone());
    let form = details.map_or_else(Fields::default, |it| {
        let zone = it.timezone.map_or_else(String::new, |it| it.to_string());
        let language = it.language.as_ref().map_or("", |it| Tongue::of(it).tag());
        Fields::default()
            .with("name", it.name)
            .with("timezone", zone)
            .with("language", language)
    });
    form_page(&reader, DETAILS, (&form, StatusCode::OK, None))
}

pub(crate) async fn set_details(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let read = |form: &mut Fields| {
        let (name, timezone, language) =
            (form.may("name"), form.may("timezone"), form.may("language"));
        Some(MeChange {
            name: name?,
            timezone: timezone?,
            language: language?,
        })
    };
    let Some(change) = read(&mut form) else {
        let answer = (&form, StatusCode::UNPROCESSABLE_ENTITY, None);
        return Ok(form_page(&reader, DETAILS, answer));
    };
    Ok(
        match me::change(&admin, (reader.caller()?, actor), change).await {
            Ok(it) => reader.done((say!("Saved."), ""), it.revision, "/me"),
            Err(problem) => form_page(&reader, DETAILS, (&form, problem.status, Some(&problem))),
        },
    )
}

/// What the provider is called, where it vouches for whoever reads.
fn provider(reader: &Reader) -> Option<String> {
    let operator = reader.operator()?;
    super::people::provider(&reader.admin, operator)
}

/// 004: whoever signs in by the provider has no form for a password.
fn has_password(reader: &Reader) -> Result<(), Problem> {
    let operator = reader.operator();
    operator.map_or(Ok(()), |it| has_password_of_his_own(&reader.admin, it))
}

pub(crate) async fn show_password(reader: Reader) -> Result<Response, Problem> {
    has_password(&reader)?;
    let answer = (&Fields::default(), StatusCode::OK, None);
    Ok(form_page(&reader, PASSWORD, answer))
}

pub(crate) async fn set_password(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let asked = NewPassword {
        current: Typed::of(form.exactly("current")),
        new: Typed::of(form.exactly("new")),
    };
    // Every session ends with the old password, this one as well.
    Ok(
        match me::set_password(&admin, (reader.caller()?, actor), &asked).await {
            Ok(()) => forget_cookie(see("/sign-in")),
            Err(problem) => form_page(
                &reader,
                PASSWORD,
                (&Fields::default(), problem.status, Some(&problem)),
            ),
        },
    )
}

pub(crate) async fn show_second_factor(reader: Reader) -> Result<Response, Problem> {
    has_password(&reader)?;
    let here = here(&reader, say!("Set up a second factor"));
    let about = say!("From then on signing in asks for a code of an app on your telephone, too.");
    let asks = Asks {
        verb: here.title.clone(),
        look: "primary",
        about: reader.say(about).to_owned(),
        back: "/me".to_owned(),
        ..Asks::default()
    };
    Ok(confirm::page(&reader, here, (&asks, None)))
}

pub(crate) async fn enrol(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
) -> Result<Response, Problem> {
    let enrolled = me::enrol(&admin, (reader.caller()?, actor), &reader.brand.name).await?;
    second_factor_page(&reader, &enrolled)
}

fn second_factor_page(reader: &Reader, enrolled: &Enrolled) -> Result<Response, Problem> {
    let code = QrCode::new(enrolled.address.as_bytes()).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "no QR code");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the picture cannot be drawn",
        )
    })?;
    let picture = code
        .render::<svg::Color<'_>>()
        .min_dimensions(200, 200)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    let page = SecondFactorPage {
        frame: reader.frame(here(reader, say!("Set up a second factor"))),
        problem: None,
        shown: Some((
            enrolled.secret.clone(),
            format!("data:image/svg+xml,{}", super::links::encoded(&picture)),
        )),
    };
    Ok(reader.shows(&page))
}

pub(crate) async fn show_confirm(reader: Reader) -> Response {
    code_page(&reader, (StatusCode::OK, None))
}

/// Asks for the code of a second factor whose secret was shown before: it is not shown again.
fn code_page(reader: &Reader, (status, problem): (StatusCode, Option<&Problem>)) -> Response {
    let page = SecondFactorPage {
        frame: reader.frame(here(reader, say!("Set up a second factor"))),
        problem,
        shown: None,
    };
    reader.page(status, &page)
}

pub(crate) async fn confirm(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let asked = CodeAsk {
        code: Typed::of(form.text("code")),
    };
    Ok(
        match me::confirm(&admin, (reader.caller()?, actor), &asked).await {
            Ok(it) => reader.done((say!("The second factor is on."), ""), it.revision, "/me"),
            Err(problem) => code_page(&reader, (problem.status, Some(&problem))),
        },
    )
}

pub(crate) async fn show_remove_second_factor(reader: Reader) -> Response {
    let here = here(&reader, say!("Take the second factor away"));
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader
            .say(say!("Your password alone signs you in from then on."))
            .to_owned(),
        back: "/me".to_owned(),
        ..Asks::default()
    };
    confirm::page(&reader, here, (&asks, None))
}

pub(crate) async fn remove_second_factor(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
) -> Result<Response, Problem> {
    let done = me::remove_one_time(&admin, (reader.caller()?, actor)).await?;
    let told = (say!("The second factor is off."), "");
    Ok(reader.done(told, done.revision, "/me"))
}

pub(crate) async fn show_end_sessions(reader: Reader) -> Response {
    let here = here(&reader, say!("Sign out everywhere"));
    let asks = Asks {
        verb: here.title.clone(),
        look: "danger",
        about: reader
            .say(say!("All your sessions end, this one as well."))
            .to_owned(),
        back: "/me".to_owned(),
        ..Asks::default()
    };
    confirm::page(&reader, here, (&asks, None))
}

pub(crate) async fn end_sessions(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
) -> Result<Response, Problem> {
    me::end_sessions(&admin, (reader.caller()?, actor)).await?;
    Ok(forget_cookie(see("/sign-in")))
}
