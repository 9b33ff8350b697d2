//! Passkeys: made by oneself, shown in the place of password and code, and believed only where everything fits.

use postern_config::directory::{OperatorScope, Role};
use serde_json::Value;

use super::device::Device;
use super::house::{Answer, House};

const HOST: &str = "console.example";
const ANN: &str = "ann@pages.example";

/// What the house says to a browser that has reached it by this name.
async fn under(
    host: &str,
    (house, cookie): (&House, &str),
    asked: (&str, &str),
    form: Option<&str>,
) -> Answer {
    let headers = [("host", host), ("sec-fetch-site", "same-origin")];
    house.browse_with(asked, cookie, form, &headers).await
}

/// What a page asks a device for.
async fn asked(host: &str, at: (&House, &str), path: &str) -> Value {
    let page = under(host, at, ("GET", path), None).await;
    assert_eq!(page.status, 200, "{}", page.text);
    options(&page.text)
}

fn options(page: &str) -> Value {
    let (_, rest) = page.split_once("data-options=\"").unwrap();
    let (text, _) = rest.split_once('"').unwrap();
    serde_json::from_str(&text.replace("&#34;", "\"")).unwrap()
}

fn form(name: &str, answer: &str) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("name", name).append_pair("answer", answer);
    form.append_pair("to", "/accounts").finish()
}

pub(super) async fn add(
    house: &House,
    cookie: &str,
    (name, device): (&str, &mut Device),
) -> Answer {
    let host = device.host.clone();
    let at = (house, cookie);
    let asked = asked(&host, at, "/me/passkeys/new").await;
    let form = form(name, &device.makes(&asked));
    under(&host, at, ("POST", "/me/passkeys/new"), Some(&form)).await
}

pub(super) async fn sign_in(house: &House, device: &mut Device) -> Answer {
    let host = device.host.clone();
    let asked = asked(&host, (house, ""), "/sign-in/passkey").await;
    let form = form("", &device.shows(&asked));
    let path = ("POST", "/sign-in/passkey");
    under(&host, (house, ""), path, Some(&form)).await
}

/// A house, the cookie of somebody in it, and his device.
async fn with_a_passkey() -> (House, String, Device) {
    let house = House::new().await;
    let scope = OperatorScope::Deployment;
    house.operator_who_signs_in(ANN, Role::Owner, scope).await;
    let cookie = house.sign_in_browser(ANN).await;
    let mut device = Device::under(HOST, 1);
    let added = add(&house, &cookie, ("phone", &mut device)).await;
    assert_eq!(added.status, 303, "{}", added.text);
    (house, cookie, device)
}

fn refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(
        !answer.headers.contains_key("set-cookie"),
        "{}",
        answer.text
    );
}

/// Nobody is in, and the next attempt does not wait.
fn missed(house: &House, answer: &Answer) {
    refused(answer, 401);
    house.wait(60 * 60);
}

#[tokio::test]
async fn a_passkey_signs_in_in_the_place_of_password_and_code() {
    let house = House::new().await;
    let scope = OperatorScope::Deployment;
    house.operator_who_signs_in(ANN, Role::Owner, scope).await;
    let page = under(HOST, (&house, ""), ("GET", "/sign-in"), None).await;
    assert!(!page.text.contains("/sign-in/passkey"), "{}", page.text);
    let cookie = house.sign_in_browser(ANN).await;
    let mut device = Device::under(HOST, 1);
    add(&house, &cookie, ("phone", &mut device)).await;
    let page = under(HOST, (&house, ""), ("GET", "/sign-in"), None).await;
    assert!(page.text.contains("/sign-in/passkey?to="), "{}", page.text);
    // Under another name it does not hold, and is not offered.
    let page = under("other.example", (&house, ""), ("GET", "/sign-in"), None).await;
    assert!(!page.text.contains("/sign-in/passkey"), "{}", page.text);
    let answer = sign_in(&house, &mut device).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(answer.headers["location"], "/accounts");
    let cookie = answer.cookie();
    let me = under(HOST, (&house, &cookie), ("GET", "/me"), None).await;
    assert!(
        me.text.contains("phone") && me.text.contains(HOST),
        "{}",
        me.text
    );
    // The session is as fresh as after a password.
    let again = ("GET", "/me/passkeys/new");
    assert_eq!(
        under(HOST, (&house, &cookie), again, None).await.status,
        200
    );
    let done = house.actions(3).await;
    assert_eq!(done[0], "session.sign-in", "{done:?}");
    let name = house.directory.state();
    let ann = name.operators().next().unwrap();
    assert!(ann.passkeys[0].last_used.is_some());
    assert_eq!(ann.last_sign_in, ann.passkeys[0].last_used);
}

#[tokio::test]
async fn what_a_device_shows_is_believed_where_everything_fits() {
    let (house, _, mut device) = with_a_passkey().await;
    let at = (&house, "");
    let path = ("POST", "/sign-in/passkey");
    // Once.
    let question = asked(HOST, at, "/sign-in/passkey").await;
    let answer = form("", &device.shows(&question));
    let first = under(HOST, at, path, Some(&answer)).await;
    assert_eq!(first.status, 303, "{}", first.text);
    missed(&house, &under(HOST, at, path, Some(&answer)).await);
    // What was never asked.
    let mut own = question.clone();
    own["challenge"] = "AAAAAAAAAAAAAAAAAAAAAA".into();
    let answer = form("", &device.shows(&own));
    missed(&house, &under(HOST, at, path, Some(&answer)).await);
    // What was asked five minutes ago.
    let question = asked(HOST, at, "/sign-in/passkey").await;
    house.wait(5 * 60);
    let answer = form("", &device.shows(&question));
    missed(&house, &under(HOST, at, path, Some(&answer)).await);
    // What was asked under another name.
    let other = asked("other.example", at, "/sign-in/passkey").await;
    let answer = form("", &device.shows(&other));
    missed(&house, &under(HOST, at, path, Some(&answer)).await);
    // What a page of somebody else has asked.
    device.origin = "https://evil.example".to_owned();
    missed(&house, &sign_in(&house, &mut device).await);
    device.origin = format!("https://{HOST}:8443");
    missed(&house, &sign_in(&house, &mut device).await);
    device.origin = format!("https://{HOST}");
    // A device that shows it under a name for which it was not made.
    device.host = "other.example".to_owned();
    device.origin = "https://other.example".to_owned();
    missed(&house, &sign_in(&house, &mut device).await);
    device.host = HOST.to_owned();
    device.origin = format!("https://{HOST}");
    // A device that has not looked who it is.
    device.verifies = false;
    missed(&house, &sign_in(&house, &mut device).await);
    device.verifies = true;
    // Somebody else's key under the same number, and another person's number.
    let mut stranger = Device::under(HOST, 1);
    (stranger.handle, stranger.count) = (device.handle.clone(), 100);
    missed(&house, &sign_in(&house, &mut stranger).await);
    let handle = std::mem::replace(&mut device.handle, "AAAAAAAAAAk".to_owned());
    missed(&house, &sign_in(&house, &mut device).await);
    device.handle = handle;
    // A copy, whose counter stands behind.
    let count = std::mem::replace(&mut device.count, 0);
    missed(&house, &sign_in(&house, &mut device).await);
    device.count = count;
    for nonsense in ["", "{}", "x", "[]", "null"] {
        let form = form("", nonsense);
        missed(&house, &under(HOST, at, path, Some(&form)).await);
    }
    let misses = house.actions(30).await;
    let misses = misses.iter().filter(|it| *it == "session.refuse").count();
    assert_eq!(misses, 16);
    // And it still holds.
    assert_eq!(sign_in(&house, &mut device).await.status, 303);
}

#[tokio::test]
async fn a_passkey_is_made_by_its_owner_alone_and_once() {
    let (house, cookie, mut device) = with_a_passkey().await;
    let at = (&house, cookie.as_str());
    let path = ("POST", "/me/passkeys/new");
    // The device that has one is told of it.
    let question = asked(HOST, at, "/me/passkeys/new").await;
    assert_eq!(question["excludeCredentials"].as_array().unwrap().len(), 1);
    let answer = form("again", &device.makes(&question));
    let known = under(HOST, at, path, Some(&answer)).await;
    assert_eq!(known.status, 409, "{}", known.text);
    let mut tablet = Device::under(HOST, 2);
    let taken = add(&house, &cookie, ("Phone", &mut tablet)).await;
    assert_eq!(taken.status, 409, "{}", taken.text);
    assert!(taken.text.contains("data-options"), "{}", taken.text);
    // Not verified, for another page, or with an answer to what somebody else was asked.
    tablet.verifies = false;
    refused(&add(&house, &cookie, ("tablet", &mut tablet)).await, 422);
    tablet.verifies = true;
    tablet.origin = "https://evil.example".to_owned();
    refused(&add(&house, &cookie, ("tablet", &mut tablet)).await, 422);
    tablet.origin = format!("https://{HOST}");
    let scope = OperatorScope::Deployment;
    let ben = "ben@pages.example";
    house.operator_who_signs_in(ben, Role::Owner, scope).await;
    let other = house.sign_in_browser(ben).await;
    let question = asked(HOST, at, "/me/passkeys/new").await;
    let answer = form("tablet", &tablet.makes(&question));
    let foreign = under(HOST, (&house, &other), path, Some(&answer)).await;
    refused(&foreign, 422);
    // An answer to a sign-in makes nothing.
    let question = asked(HOST, (&house, ""), "/sign-in/passkey").await;
    let answer = form("tablet", &device.shows(&question));
    refused(&under(HOST, at, path, Some(&answer)).await, 422);
    let state = house.directory.state();
    let count: usize = state.operators().map(|it| it.passkeys.len()).sum();
    assert_eq!(count, 1);
    // Under an address there are none, and the page says what to do.
    for address in ["127.0.0.1:9444", "[::1]:9444"] {
        let page = under(address, at, ("GET", "/me/passkeys/new"), None).await;
        assert_eq!(page.status, 409, "{}", page.text);
        assert!(page.text.contains("localhost"), "{}", page.text);
    }
    // Whoever has not shown lately that it is he is asked to.
    house.wait(6 * 60);
    let page = under(HOST, at, ("GET", "/me/passkeys/new"), None).await;
    assert_eq!(page.status, 303, "{}", page.text);
    let to = page.headers["location"].to_str().unwrap();
    assert!(to.starts_with("/step-up"), "{to}");
}

#[tokio::test]
async fn a_passkey_shows_once_more_that_it_is_oneself() {
    let (house, cookie, mut device) = with_a_passkey().await;
    house.wait(6 * 60);
    let at = (&house, cookie.as_str());
    let page = under(HOST, at, ("GET", "/step-up?to=/me"), None).await;
    assert!(page.text.contains("/step-up/passkey?to="), "{}", page.text);
    let path = ("POST", "/step-up/passkey");
    let question = asked(HOST, at, "/step-up/passkey?to=/me").await;
    let mut stranger = Device::under(HOST, 9);
    stranger.handle.clone_from(&device.handle);
    let answer = form("", &stranger.shows(&question));
    refused(&under(HOST, at, path, Some(&answer)).await, 403);
    let question = asked(HOST, at, "/step-up/passkey?to=/me").await;
    let answer = form("", &device.shows(&question));
    let shown = under(HOST, at, path, Some(&answer)).await;
    assert_eq!(shown.status, 303, "{}", shown.text);
    let cookie = shown.cookie();
    let page = ("GET", "/me/passkeys/new");
    assert_eq!(under(HOST, (&house, &cookie), page, None).await.status, 200);
    // The passkey of somebody else, in one's own session.
    let scope = OperatorScope::Deployment;
    let ben = "ben@pages.example";
    house.operator_who_signs_in(ben, Role::Owner, scope).await;
    let other = house.sign_in_browser(ben).await;
    house.wait(6 * 60);
    let question = asked(HOST, (&house, &other), "/step-up/passkey").await;
    let answer = form("", &device.shows(&question));
    refused(
        &under(HOST, (&house, &other), path, Some(&answer)).await,
        403,
    );
}

#[tokio::test]
async fn a_passkey_that_is_taken_away_signs_nobody_in() {
    let (house, cookie, mut device) = with_a_passkey().await;
    let at = (&house, cookie.as_str());
    let mut tablet = Device::under(HOST, 2);
    add(&house, &cookie, ("tablet", &mut tablet)).await;
    // On his own page there is no second factor to take away: passkeys go one by one.
    let ann = house.directory.state().operators().next().unwrap().id;
    let person = format!("/people/{}", ann.get());
    let page = under(HOST, at, ("GET", &person), None).await;
    assert!(
        page.text.contains("<dt>Passkeys</dt><dd>2</dd>"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("/second-factor\""), "{}", page.text);
    let scope = OperatorScope::Deployment;
    let ben = "ben@pages.example";
    house.operator_who_signs_in(ben, Role::Owner, scope).await;
    let other = house.sign_in_browser(ben).await;
    let page = under(HOST, (&house, &other), ("GET", &person), None).await;
    assert!(page.text.contains("/second-factor\""), "{}", page.text);
    let path = "/me/passkeys/phone/remove";
    let page = under(HOST, at, ("GET", path), None).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let gone = under(HOST, at, ("POST", path), Some("")).await;
    assert_eq!(gone.status, 303, "{}", gone.text);
    let missing = under(HOST, at, ("POST", path), Some("")).await;
    assert_eq!(missing.status, 404, "{}", missing.text);
    refused(&sign_in(&house, &mut device).await, 401);
    assert_eq!(sign_in(&house, &mut tablet).await.status, 303);
    // Somebody else who takes the second factor away takes all of them: the devices are lost.
    let key = House::root();
    let reset = ("DELETE", "/api/v1/operators/ann@pages.example/totp");
    let after = house.ask(&key, reset, None).await.is(200);
    assert_eq!(after["passkeys"], 0, "{after}");
    refused(&sign_in(&house, &mut tablet).await, 401);
    // Whoever is disabled shows one in vain.
    let (house, _, mut device) = with_a_passkey().await;
    let disable = ("POST", "/api/v1/operators/ann@pages.example/disable");
    let boss = House::root();
    let other = OperatorScope::Deployment;
    house
        .operator("boss@pages.example", Role::Owner, other)
        .await;
    house.ask(&boss, disable, None).await.is(200);
    refused(&sign_in(&house, &mut device).await, 401);
}
