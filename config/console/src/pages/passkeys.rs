//! Passkeys: adding one, signing in with one, and showing once more with one that it is oneself.
//!
//! The page carries what the device is asked for, and the script hands it over and sends what comes back as a form.

use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, header};
use postern_config::directory::{Actor, Operator};

use super::confirm::{self, Asks};
use super::fields::{Asked, Fields, Sent};
use super::filters;
use super::filters::say;
use super::frame::{Frame, Here, Nav};
use super::links::own;
use super::reader::Reader;
use super::visit::see;
use crate::api::asked::By;
use crate::api::session::give_cookie;
use crate::passkeys::Site;
use crate::service::passkeys;
use crate::service::signin::Stranger;
use crate::{Admin, Problem};

#[derive(askama::Template)]
#[template(path = "passkey.html")]
struct PasskeyPage<'p> {
    frame: Frame,
    form: &'p Fields,
    problem: Option<&'p Problem>,
    about: &'static str,
    /// Whether one is made; else one is shown.
    is_new: bool,
    /// What the device is asked for, as JSON; none where there is no device to ask.
    options: Option<String>,
    back: &'static str,
}

/// The name under which a browser reaches the console; none where it is an address.
#[derive(Debug)]
pub(crate) struct Under(Option<Site>);

impl FromRequestParts<Admin> for Under {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        Ok(Self(Site::of(&authority(&parts.headers)?)))
    }
}

impl Under {
    fn site(&self) -> Result<&Site, Problem> {
        self.0.as_ref().ok_or_else(|| {
            let detail = "browsers keep passkeys for names, not for addresses: open the console under a name, such as `localhost`";
            Problem::new(StatusCode::CONFLICT, "passkey", detail)
        })
    }
}

/// What a browser calls us, with the port.
pub(super) fn authority(headers: &HeaderMap) -> Result<Authority, Problem> {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok());
    let host = host.filter(|host| !host.as_str().contains('@'));
    host.ok_or_else(|| Problem::malformed("the request names no host"))
}

/// Whether one of these persons has a passkey that holds here.
pub(super) fn is_known<'o>(reader: &Reader, mut of: impl Iterator<Item = &'o Operator>) -> bool {
    let holds = |it: &Operator| {
        let mut hosts = it.passkeys.iter().map(|it| &it.host);
        hosts.any(|it| Some(it) == reader.host.as_ref())
    };
    of.any(holds)
}

/// What a page is for.
#[derive(Clone, Copy)]
struct Use {
    title: &'static str,
    about: &'static str,
    is_new: bool,
    back: &'static str,
}

const ADD: Use = Use {
    title: say!("Add a passkey"),
    about: say!(
        "Your device or password manager makes a key, and shows it here in the place of password and code. It asks for your finger, your face or a number first."
    ),
    is_new: true,
    back: "/me",
};
const SIGN_IN: Use = Use {
    title: say!("Sign in with a passkey"),
    about: say!("Your device asks for your finger, your face or a number."),
    is_new: false,
    back: "/sign-in",
};
const STEP_UP: Use = Use {
    title: say!("Show your passkey"),
    about: say!(
        "What comes next shows or changes secrets. Show once more that it is you; you are not asked again for five minutes."
    ),
    is_new: false,
    back: "/",
};

/// A page that asks a device; where there is none to ask, it says why.
fn page(
    reader: &Reader,
    of: Use,
    (form, problem): (&Fields, Option<&Problem>),
    asked: Result<String, Problem>,
) -> Response {
    let (options, problem) = match (&asked, problem) {
        (Ok(_), first) => (asked.as_ref().ok().cloned(), first),
        (Err(_), Some(first)) => (None, Some(first)),
        (Err(problem), None) => (None, Some(problem)),
    };
    let status = problem.map_or(StatusCode::OK, |it| it.status);
    let trail = if of.is_new {
        let me = reader.say(say!("My account")).to_owned();
        vec![(me, Some("/me".to_owned()))]
    } else {
        Vec::new()
    };
    let page = PasskeyPage {
        frame: reader.frame(Here {
            title: reader.say(of.title).to_owned(),
            nav: Nav::None,
            tenant: None,
            trail,
        }),
        form,
        about: of.about,
        is_new: of.is_new,
        back: of.back,
        options,
        problem,
    };
    reader.page(status, &page)
}

pub(crate) async fn show_add(
    reader: Reader,
    under: Under,
    By(actor): By,
) -> Result<Response, Problem> {
    add_page(&reader, (&under, &actor), (&Fields::default(), None))
}

fn add_page(
    reader: &Reader,
    (under, actor): (&Under, &Actor),
    shown: (&Fields, Option<&Problem>),
) -> Result<Response, Problem> {
    let caller = reader.caller()?;
    let asked = under
        .site()
        .and_then(|site| passkeys::ask_for_another(&reader.admin, (caller, actor), site));
    Ok(page(reader, ADD, shown, asked))
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    reader: Reader,
    under: Under,
    By(actor): By,
    Sent(mut form): Sent,
) -> Result<Response, Problem> {
    let Some(name) = form.need("name") else {
        return add_page(&reader, (&under, &actor), (&form, None));
    };
    let who = (reader.caller()?, actor.clone());
    let given = (name, form.text("answer"));
    match passkeys::add(&admin, who, under.site()?, given).await {
        Ok(it) => Ok(reader.done((say!("The passkey is kept."), ""), it.revision, "/me")),
        Err(problem) => add_page(&reader, (&under, &actor), (&form, Some(&problem))),
    }
}

pub(crate) async fn show_remove(
    reader: Reader,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let Some(own) = reader.operator() else {
        return Err(crate::caller::nobody());
    };
    let name = passkeys::find(own, &word)?;
    let title = reader.say(say!("Remove passkey {}"));
    let title = title.replacen("{}", name.as_str(), 1);
    let about = say!(
        "Nobody signs in with it any more. Your device may still keep it: delete it there, too."
    );
    let asks = Asks {
        verb: title.clone(),
        look: "danger",
        about: reader.say(about).to_owned(),
        back: "/me".to_owned(),
        ..Asks::default()
    };
    let here = Here {
        title,
        nav: Nav::None,
        tenant: None,
        trail: vec![(
            reader.say(say!("My account")).to_owned(),
            Some("/me".to_owned()),
        )],
    };
    Ok(confirm::page(&reader, here, (&asks, None)))
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    reader: Reader,
    By(actor): By,
    Path(word): Path<String>,
) -> Result<Response, Problem> {
    let who = (reader.caller()?, actor);
    let done = passkeys::remove(&admin, who, &word).await?;
    let told = (say!("Passkey {} is removed."), word);
    Ok(reader.done(told, done.revision, "/me"))
}

pub(crate) async fn show_sign_in(
    reader: Reader,
    under: Under,
    stranger: Stranger,
    Asked(form): Asked,
) -> Response {
    ask(&reader, SIGN_IN, (&under, &stranger), (&form, None)).await
}

/// Asks whoever comes for a passkey of his.
async fn ask(
    reader: &Reader,
    of: Use,
    (under, stranger): (&Under, &Stranger),
    shown: (&Fields, Option<&Problem>),
) -> Response {
    let asked = match under.site() {
        Ok(site) => passkeys::ask_for_one(&reader.admin, stranger, site).await,
        Err(problem) => Err(problem),
    };
    page(reader, of, shown, asked)
}

pub(crate) async fn sign_in(
    State(admin): State<Admin>,
    reader: Reader,
    under: Under,
    stranger: Stranger,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let given = (under.site()?, form.text("answer"));
    Ok(match passkeys::sign_in(&admin, &stranger, given).await {
        Ok(id) => give_cookie(see(own(form.text("to"))), &id),
        Err(problem) => {
            let shown = (&form, Some(&problem));
            ask(&reader, SIGN_IN, (&under, &stranger), shown).await
        }
    })
}

pub(crate) async fn show_step_up(
    reader: Reader,
    under: Under,
    stranger: Stranger,
    Asked(form): Asked,
) -> Response {
    ask(&reader, STEP_UP, (&under, &stranger), (&form, None)).await
}

pub(crate) async fn step_up(
    State(admin): State<Admin>,
    reader: Reader,
    under: Under,
    stranger: Stranger,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    let given = (under.site()?, form.text("answer"));
    let who = (reader.caller()?, actor);
    Ok(match passkeys::step_up(&admin, who, given).await {
        Ok(id) => give_cookie(see(own(form.text("to"))), &id),
        Err(problem) => {
            let shown = (&form, Some(&problem));
            ask(&reader, STEP_UP, (&under, &stranger), shown).await
        }
    })
}
