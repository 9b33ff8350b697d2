//! What is done with a module: each step says first what happens, and is one click then.

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use postern_config::directory::{
    Actor, Applied, Command, Digest, ModuleScope, Name, Outcome, PerMille,
};

use super::confirm::{self, Asks};
use super::fields::{Fields, Sent};
use super::filters::say;
use super::modules::{Spot, short};
use super::reader::Reader;
use crate::api::asked::By;
use crate::service::modules::{self, Subject};
use crate::{Admin, Problem};

/// Shares of the access keys that a canary may have, in thousandths.
const SHARES: &[(&str, &str, bool)] = &[
    ("10", say!("1 % of the access keys"), true),
    ("50", say!("5 % of the access keys"), false),
    ("100", say!("10 % of the access keys"), false),
    ("250", say!("25 % of the access keys"), false),
    ("500", say!("50 % of the access keys"), false),
];

/// A step: where it stands below its module, or below a version of it, and what is said of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    path: &'static str,
    verb: &'static str,
    about: &'static str,
    look: &'static str,
    done: &'static str,
    /// Whether requests are decided otherwise from then on.
    decides: bool,
    /// What the command line calls it.
    command: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        path: "/shadow/stop",
        verb: say!("Stop the shadow of {}"),
        about: say!(
            "What was seen of it is not counted any further. Nothing is decided otherwise."
        ),
        look: "primary",
        done: say!("{} has no shadow any more."),
        decides: false,
        command: "shadow {} --stop",
    },
    Step {
        path: "/canary/stop",
        verb: say!("Stop the canary of {}"),
        about: say!("The version in force decides for all access keys again."),
        look: "primary",
        done: say!("{} has no canary any more."),
        decides: true,
        command: "canary {} --stop",
    },
    Step {
        path: "/canary/promote",
        verb: say!("Promote the canary of {}"),
        about: say!("From the next request on it decides for all access keys."),
        look: "primary",
        done: say!("The canary of {} is in force."),
        decides: true,
        command: "canary {} --promote",
    },
    Step {
        path: "/rollback",
        verb: say!("Roll back {}"),
        about: say!(
            "The version that was in force before comes back with the next request. It is loaded first: no request fails."
        ),
        look: "danger",
        done: say!("The version of {} from before is in force."),
        decides: true,
        command: "rollback {}",
    },
    Step {
        path: "/deactivate",
        verb: say!("Deactivate {}"),
        about: say!("What it denies is not denied by it any more, from the next request on."),
        look: "danger",
        done: say!("{} is switched off."),
        decides: true,
        command: "deactivate {}",
    },
    Step {
        path: "/approve",
        verb: say!("Approve what is proposed for {}"),
        about: say!("It is carried out at once. Nobody approves what he has proposed himself."),
        look: "primary",
        done: say!("What was proposed for {} is done."),
        decides: true,
        command: "approve {}",
    },
    Step {
        path: "/reject",
        verb: say!("Reject what is proposed for {}"),
        about: say!("Nothing is done. It can be proposed again."),
        look: "primary",
        done: say!("What was proposed for {} is rejected."),
        decides: false,
        command: "reject {}",
    },
    Step {
        path: "/shadow",
        verb: say!("Start a shadow of {}"),
        about: say!(
            "The version is asked on live traffic, and never obeyed. What it would have said otherwise is counted."
        ),
        look: "primary",
        done: say!("{} has a shadow."),
        decides: false,
        command: "shadow {}",
    },
    Step {
        path: "/canary",
        verb: say!("Start a canary of {}"),
        about: say!(
            "The version is obeyed for a share of the access keys. It goes by itself where it fails."
        ),
        look: "primary",
        done: say!("{} has a canary."),
        decides: true,
        command: "canary {} --share 1%",
    },
    Step {
        path: "/activate",
        verb: say!("Activate {}"),
        about: say!(
            "From the next request on this version decides. It is loaded and tested first; the version of before stays where that fails."
        ),
        look: "primary",
        done: say!("{} is in force."),
        decides: true,
        command: "activate {}",
    },
];

impl FromRequestParts<Admin> for Step {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        let path = parts.uri.path();
        let mut steps = STEPS.iter();
        let found = steps.find(|step| path.ends_with(step.path));
        found.copied().ok_or_else(|| Problem::not_found("step"))
    }
}

/// Says what happens.
pub(crate) async fn show(reader: Reader, spot: Spot, step: Step) -> Result<Response, Problem> {
    spot.is_there()?;
    page(&reader, (&spot, step), None)
}

fn page(
    reader: &Reader,
    (spot, step): (&Spot, Step),
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let name = spot.name()?;
    let title = reader.say(step.verb).replacen("{}", name.as_str(), 1);
    let digest = spot.digest().ok();
    let version = digest.as_ref().map(short).unwrap_or_default();
    let mut about = reader.say(step.about).to_owned();
    if !version.is_empty() {
        let of = reader.say(say!("Version {}.")).replacen("{}", &version, 1);
        about = format!("{of} {about}");
    }
    let which = digest.map_or_else(|| name.to_string(), |it| format!("{name} {it}"));
    let asks = Asks {
        verb: title.clone(),
        look: step.look,
        about,
        choices: if step.path == "/canary" { SHARES } else { &[] },
        command: format!(
            "postern module {}{}",
            step.command.replacen("{}", &which, 1),
            spot.flags()
        ),
        back: spot.page(),
        ..Asks::default()
    };
    let here = spot.here(reader, title, 2);
    Ok(confirm::page(reader, here, (&asks, problem)))
}

/// Takes the step.
pub(crate) async fn take(
    State(admin): State<Admin>,
    reader: Reader,
    spot: Spot,
    step: Step,
    By(actor): By,
    Sent(form): Sent,
) -> Result<Response, Problem> {
    spot.is_there()?;
    match taken(&admin, (&spot, step), (actor, form)).await {
        Ok(applied) => {
            let is_proposed = matches!(applied.outcome, Outcome::Proposed(_));
            let text = if is_proposed {
                say!("It is proposed for {}: another person has to approve it.")
            } else {
                step.done
            };
            let revision = Some(applied.revision.0).filter(|_| !is_proposed && step.decides);
            Ok(reader.done((text, spot.name()?), revision, &spot.page()))
        }
        Err(problem) => page(&reader, (&spot, step), Some(&problem)),
    }
}

async fn taken(
    admin: &Admin,
    (spot, step): (&Spot, Step),
    (actor, form): (Actor, Fields),
) -> Result<Applied, Problem> {
    let subject = spot.subject(actor)?;
    match step.path {
        "/rollback" => modules::roll_back(admin, subject).await,
        "/canary/promote" => modules::promote(admin, subject).await,
        "/approve" => modules::approve(admin, subject).await,
        "/shadow/stop" => simply(admin, subject, Command::StopShadow).await,
        "/canary/stop" => simply(admin, subject, Command::StopCanary).await,
        "/reject" => simply(admin, subject, Command::RejectModule).await,
        "/deactivate" => simply(admin, subject, Command::DeactivateModule).await,
        _ => put_to_work(admin, (spot, step), subject, form).await,
    }
}

/// A step for which nothing is loaded.
async fn simply(
    admin: &Admin,
    Subject { scope, name, actor }: Subject,
    command: fn(ModuleScope, Name) -> Command,
) -> Result<Applied, Problem> {
    Ok(admin.directory.apply(command(scope, name), actor).await?)
}

/// A step of a version: it is loaded first, and its own cases are run.
async fn put_to_work(
    admin: &Admin,
    (spot, step): (&Spot, Step),
    subject: Subject,
    mut form: Fields,
) -> Result<Applied, Problem> {
    let digest: Digest = spot.digest()?;
    let (scope, name) = (subject.scope, subject.name.clone());
    let (command, action) = match step.path {
        "/shadow" => (Command::ShadowModule(scope, name, digest), "module.shadow"),
        "/activate" => (
            Command::ActivateModule(scope, name, digest),
            "module.activate",
        ),
        _ => {
            let share = form.need::<PerMille>("choice");
            let share = share.ok_or_else(|| {
                let detail = "choose for which share of the access keys";
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "share", detail)
            })?;
            (
                Command::CanaryModule(scope, name, digest, share),
                "module.canary",
            )
        }
    };
    modules::put_to_work(admin, subject, (digest, action), command).await
}
