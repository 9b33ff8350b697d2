//! What is done to a person with a click: disabling, ending sessions, inviting, deleting.

use axum::extract::{Path, State};
use axum::response::Response;
use postern_config::directory::{Actor, ConsoleAtom, Operator, OperatorCommand, OperatorId};

use super::confirm::{self, Asks};
use super::fields::Sent;
use super::filters::say;
use super::people::{Can, found, here, page_of};
use super::person_form::{done, invited};
use super::reader::Reader;
use super::user_changes::not_the_name;
use crate::api::asked::By;
use crate::service::operators;
use crate::{Admin, Problem};

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
