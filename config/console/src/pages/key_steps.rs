//! What is done to an access key with a click: rolling, showing its secret, disabling, deleting.

use axum::extract::State;
use axum::response::Response;
use postern_config::directory::{AccessKey, User};

use super::confirm::{self, Asks};
use super::fields::Sent;
use super::filters::say;
use super::frame::{Here, Nav};
use super::key_new::{SecretOf, secret_page};
use super::reader::Reader;
use super::user::{page_of, trail};
use crate::api::asked::{By, Of};
use crate::service::keys::{self, Rotation};
use crate::service::users::Working;
use crate::{Admin, Problem};

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
