//! One's passkeys, and signing in with one of them.
//!
//! A passkey stands for password and code: whoever shows one is asked for neither. As with a password, what a stranger is told is one
//! sentence, and the audit log says what it was.

use http::StatusCode;
use postern_config::directory::{
    Actor, Command, Miss, Name, NewPasskey, Operator, OperatorCommand, OperatorStatus, PasskeyUse,
    SignIn, State as Snapshot,
};
use postern_config::{Secret, UnixMillis};

use super::find::missing;
use super::list::Page;
use super::operators::{self, OperatorShown};
use super::sentences::refused;
use super::signin::{Stranger, admit, begin, no_entropy, note, throttle_missed};
use super::sso::{has_password_of_his_own, is_vouched_for};
use crate::caller::{Caller, nobody};
use crate::passkeys::{Claim, Site, Unproven};
use crate::sessions::Carrier;
use crate::shape::shapes;
use crate::{Admin, Problem};

shapes! {
    told
    /// A passkey: what a device keeps, and shows in the place of a password and a code.
    PasskeyShown {
        /// What its owner calls it.
        name: Name,
        /// The name of the console for which it was made, and where alone it holds.
        host: String,
        /// When it was made, in seconds since 1970.
        created: u64,
        /// When it was used last.
        last_used: Option<u64>,
    }
}

/// One's own, in the order in which they were made.
pub(crate) fn list(admin: &Admin, caller: &Caller) -> Result<Page<PasskeyShown>, Problem> {
    let state = admin.directory.state();
    let items: Vec<PasskeyShown> = oneself(&state, caller)?
        .passkeys
        .iter()
        .map(|it| PasskeyShown {
            name: it.name.clone(),
            host: it.host.clone(),
            created: it.created.0,
            last_used: it.last_used.map(|it| it.0),
        })
        .collect();
    Ok(Page {
        total: items.len(),
        next: None,
        items,
    })
}

/// Asks one's device for another. Answers what the browser hands it, as JSON.
pub(crate) fn ask_for_another(
    admin: &Admin,
    (caller, actor): (&Caller, &Actor),
    site: &Site,
) -> Result<String, Problem> {
    let state = admin.directory.state();
    let own = oneself(&state, caller)?;
    has_password_of_his_own(admin, own)?;
    let from = (actor.address, admin.directory.now());
    let asked = admin.passkeys().ask_for_another(site, own, from);
    asked.map_err(|why| unproven(&why))
}

/// Keeps what one's device has made.
pub(crate) async fn add(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    site: &Site,
    (name, answer): (Name, &str),
) -> Result<OperatorShown, Problem> {
    let state = admin.directory.state();
    let own = oneself(&state, caller)?;
    has_password_of_his_own(admin, own)?;
    let made = admin
        .passkeys()
        .made((site, own.id), answer, admin.directory.now())
        .map_err(|why| unproven(&why))?;
    let new = NewPasskey {
        name,
        credential: made.credential,
        host: site.host().to_owned(),
        key: made.key,
        state: made.state,
    };
    let command = OperatorCommand::AddPasskey(own.id, new);
    change(admin, (caller, actor), command).await
}

/// Takes one of one's own away.
pub(crate) async fn remove(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    word: &str,
) -> Result<OperatorShown, Problem> {
    let state = admin.directory.state();
    let own = oneself(&state, caller)?;
    let name = find(own, word)?;
    let command = OperatorCommand::RemovePasskey(own.id, name.clone());
    change(admin, (caller, actor), command).await
}

/// The name of the passkey that is meant.
pub(crate) fn find<'o>(own: &'o Operator, word: &str) -> Result<&'o Name, Problem> {
    let names = || own.passkeys.iter().map(|it| &it.name);
    let found = names().find(|it| it.as_str().eq_ignore_ascii_case(word));
    found.ok_or_else(|| missing("passkey", word, "", names().map(Name::as_str)))
}

/// Asks whoever comes for a passkey of this console. Answers what the browser hands his device, as JSON.
pub(crate) async fn ask_for_one(
    admin: &Admin,
    stranger: &Stranger,
    site: &Site,
) -> Result<String, Problem> {
    admit(admin, stranger, &subjects(stranger)).await?;
    let from = (stranger.address, admin.directory.now());
    let asked = admin.passkeys().ask_for_one(site, from);
    asked.map_err(|why| unproven(&why))
}

/// Signs in with a passkey.
pub(crate) async fn sign_in(
    admin: &Admin,
    stranger: &Stranger,
    (site, answer): (&Site, &str),
) -> Result<Secret, Problem> {
    let subjects = subjects(stranger);
    admit(admin, stranger, &subjects).await?;
    let state = admin.directory.state();
    let shown = shown(admin, &state, (site, answer), admin.directory.now());
    let miss = match shown {
        Ok((operator, _)) if is_vouched_for(admin, operator) => (Some(operator.id), Miss::Way),
        Ok((operator, _)) if operator.status == OperatorStatus::Passive => {
            (Some(operator.id), Miss::Passive)
        }
        Ok((operator, used)) => {
            let command = OperatorCommand::UsePasskey(operator.id, used);
            let actor = stranger.actor_as(operator.id);
            admin
                .directory
                .apply(Command::Operators(command), actor)
                .await?;
            return begin(admin, stranger, (operator, Carrier::Cookie));
        }
        Err((whose, why)) => {
            tracing::info!(%why, "a passkey does not hold");
            (whose, Miss::Passkey)
        }
    };
    let (whose, miss) = miss;
    throttle_missed(admin, stranger, (whose, &subjects), SignIn::Refused(miss)).await?;
    let detail = "nobody signs in with this passkey: try once more, or sign in with your password";
    Err(Problem::new(StatusCode::UNAUTHORIZED, "sign-in", detail))
}

/// Shows once more that it is he: the session goes on under another id.
pub(crate) async fn step_up(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    (site, answer): (&Site, &str),
) -> Result<Secret, Problem> {
    let (operator, session, _) = caller.person()?;
    let stranger = Stranger {
        address: actor.address,
        agent: String::new(),
    };
    let subjects = stranger.subjects(format!("operator {}", operator.get()));
    admit(admin, &stranger, &subjects).await?;
    let state = admin.directory.state();
    has_password_of_his_own(admin, oneself(&state, caller)?)?;
    let now = admin.directory.now();
    let used = match shown(admin, &state, (site, answer), now) {
        Ok((whose, used)) if whose.id == operator => used,
        _ => {
            admin.throttle().failed(&subjects, now);
            let step = SignIn::StepUpRefused(Miss::Passkey);
            note(admin, actor, Some(operator), step).await?;
            let detail = "this is none of your passkeys: try once more, or type your password";
            return Err(Problem::new(StatusCode::FORBIDDEN, "passkey", detail));
        }
    };
    let used = PasskeyUse {
        again: true,
        ..used
    };
    let command = Command::Operators(OperatorCommand::UsePasskey(operator, used));
    admin.directory.apply(command, actor).await?;
    admin
        .throttle()
        .succeeded(&format!("operator {}", operator.get()));
    let id = admin.sessions().show(session, now, &admin.entropy);
    id.map_err(no_entropy)?.ok_or_else(nobody)
}

/// Whose passkey was shown, and what its use leaves behind; else whose it would be, as far as that is known, and why it does not hold.
fn shown<'s>(
    admin: &Admin,
    state: &'s Snapshot,
    (site, answer): (&Site, &str),
    now: UnixMillis,
) -> Result<(&'s Operator, PasskeyUse), (Option<postern_config::directory::OperatorId>, Unproven)> {
    let claim = Claim::read(answer).map_err(|why| (None, why))?;
    let credential = claim.credential();
    let mut known = state
        .operators()
        .filter_map(|it| Some((&**it, it.passkey(&credential)?)));
    let Some((operator, passkey)) = known.next() else {
        return Err((None, Unproven::Unknown));
    };
    let checked = admin
        .passkeys()
        .shown((site, operator.id), (&claim, passkey), now);
    match checked {
        Ok(state) => {
            let used = PasskeyUse {
                credential,
                state,
                again: false,
            };
            Ok((operator, used))
        }
        Err(why) => Err((Some(operator.id), why)),
    }
}

fn oneself<'s>(state: &'s Snapshot, caller: &Caller) -> Result<&'s Operator, Problem> {
    let (operator, ..) = caller.person()?;
    let found = state.operator(operator).map(|it| &**it);
    found.ok_or_else(nobody)
}

async fn change(
    admin: &Admin,
    (caller, actor): (&Caller, Actor),
    command: OperatorCommand,
) -> Result<OperatorShown, Problem> {
    let applied = admin.directory.apply(Command::Operators(command), actor);
    applied.await.map_err(|error| refused("this", error))?;
    let state = admin.directory.state();
    Ok(operators::show(admin, &state, oneself(&state, caller)?))
}

/// One's own address alone counts: who it is, is not known before.
fn subjects(stranger: &Stranger) -> Vec<String> {
    let subjects = stranger.subjects(String::new());
    subjects.into_iter().skip(1).collect()
}

fn unproven(why: &Unproven) -> Problem {
    let detail = format!("there is no new passkey: {why}; begin again");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "passkey", detail)
}
