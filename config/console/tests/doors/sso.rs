//! Single sign-on: who comes in by the provider, who does not, and what is said to him.

use std::sync::Arc;

use console::oidc::{Provider, ProviderParts};
use postern_config::Secret;
use postern_config::directory::Profile;
use serde_json::{Value, json};

use super::device::Device;
use super::house::{Answer, House, Key, PASSWORD};
use super::idp::{CLIENT, ISSUER, Idp, SECRET, Signs};
use super::passkeys;

const HOST: (&str, &str) = ("host", "console.example");

/// A house with a provider, in which Ann signs in by it and Bob by his password.
async fn house() -> (House, Arc<Idp>) {
    let idp = Arc::new(Idp::new(1_700_000_000));
    let house = House::with(Some(Arc::new(Provider::new(ProviderParts {
        issuer: ISSUER.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Secret::new(SECRET.into()),
        name: "Example Login".to_owned(),
        asks: Arc::clone(&idp) as Arc<_>,
    }))))
    .await;
    let scope = json!({ "kind": "deployment" });
    house.person("ann@a.example", "owner", scope.clone()).await;
    house.person("bob@a.example", "owner", scope).await;
    change(&house, "ann@a.example", json!({ "sso": true })).await;
    (house, idp)
}

async fn change(house: &House, email: &str, to: Value) {
    let path = format!("/api/v1/operators/{email}");
    let root = House::root();
    house.ask(&root, ("PATCH", &path), Some(to)).await.is(200);
}

fn place(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.headers["location"].to_str().unwrap().to_owned()
}

/// The browser is sent to the provider. Answers where to, and the cookie that it holds meanwhile.
async fn leave(house: &House, path: &str, cookie: &str) -> (String, String) {
    let left = house
        .browse_with(("GET", path), cookie, None, &[HOST])
        .await;
    let set = left.headers["set-cookie"].to_str().unwrap().to_owned();
    for word in [
        "__Host-postern-sso=",
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Max-Age=600",
    ] {
        assert!(set.contains(word), "{set}");
    }
    (place(&left), left.cookie())
}

/// The browser comes back from the provider, which is another site.
async fn come_back(house: &House, path: &str, cookie: &str) -> Answer {
    let headers = [HOST, ("sec-fetch-site", "cross-site")];
    house
        .browse_with(("GET", path), cookie, None, &headers)
        .await
}

/// All of it.
async fn sign_in(house: &House, idp: &Idp) -> Answer {
    let (address, cookie) = leave(house, "/sso", "").await;
    come_back(house, &idp.signs_in(&address), &cookie).await
}

/// The cookie of the session that an answer begins.
fn session(answer: &Answer) -> Option<String> {
    let set = answer.headers.get_all("set-cookie").iter();
    let set = set.map(|it| it.to_str().unwrap().split(';').next().unwrap());
    let mut set = set.filter(|it| it.starts_with("__Host-postern="));
    set.next().map(str::to_owned)
}

async fn last_refusal(house: &House) -> (String, Value) {
    let found = house.directory.audit_search(1, |_| true).await.unwrap();
    let record = found.into_iter().next().unwrap();
    (record.action, record.detail)
}

/// Nobody is let in, the page says why, and the audit log has it.
async fn is_refused(house: &House, answer: &Answer, (said, why): (&str, &str)) {
    assert_eq!(session(answer), None, "{said}");
    assert_eq!(answer.status, 403, "{said}: {}", answer.text);
    assert!(answer.text.contains(said), "{said}: {}", answer.text);
    let (action, detail) = last_refusal(house).await;
    assert_eq!(
        (action.as_str(), &detail["why"]),
        ("session.refuse", &json!(why)),
        "{said}"
    );
}

/// 004-10, 004-15: whoever has single sign-on comes in by the provider, to where he wanted, and the API says that there is one.
#[tokio::test]
async fn an_operator_comes_in_by_the_provider() {
    let (house, idp) = house().await;
    for signs in [Signs::Ecdsa, Signs::Rsa] {
        idp.signs(signs);
        let page = house
            .browse(("GET", "/sign-in?to=%2Fpeople"), "", None)
            .await;
        assert!(
            page.text.contains("Sign in with Example Login"),
            "{}",
            page.text
        );
        assert!(
            page.text.contains("href=\"/sso?to=%2Fpeople\""),
            "{}",
            page.text
        );
        let (address, held) = leave(&house, "/sso?to=%2Fpeople", "").await;
        let back = idp.signs_in(&address);
        let answer = come_back(&house, &back, &held).await;
        assert_eq!(place(&answer), "/people");
        let cookies = answer.headers.get_all("set-cookie").iter();
        let forgotten = cookies.filter(|it| it.to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(forgotten.count(), 1);
        let cookie = session(&answer).unwrap();
        let key = Key::Cookie(cookie);
        let me = house.ask(&key, ("GET", "/api/v1/me"), None);
        let me = me.await.is(200);
        assert_eq!(me["operator"]["email"], "ann@a.example");
        assert_eq!(me["operator"]["sso_configured"], true);
        let (action, detail) = last_refusal(&house).await;
        assert_eq!(
            (action.as_str(), detail),
            ("session.sign-in", json!({ "by": "provider" }))
        );
        // What he came back with is good once.
        let again = come_back(&house, &back, &held).await;
        is_refused(&house, &again, ("was finished before", "attempt")).await;
    }
}

/// What the provider says of itself is kept for a while; its keys are asked for each time.
#[tokio::test]
async fn the_provider_is_asked_no_more_than_is_needed() {
    let (house, idp) = house().await;
    for _ in 0..2 {
        assert!(session(&sign_in(&house, &idp).await).is_some());
    }
    let count = |path: &str| idp.asked().iter().filter(|it| it.ends_with(path)).count();
    assert_eq!(
        (
            count("/openid-configuration"),
            count("/keys"),
            count("/token")
        ),
        (1, 2, 2)
    );
    house.wait(301);
    idp.at(house.now());
    assert!(session(&sign_in(&house, &idp).await).is_some());
    assert_eq!(count("/openid-configuration"), 2);
}

/// 004: whoever signs in by the provider has no password form and no password sign-in; where no provider is known, he has.
#[tokio::test]
async fn whoever_signs_in_by_the_provider_has_no_password() {
    let (house, idp) = house().await;
    let body = json!({ "email": "ann@a.example", "password": PASSWORD });
    house.try_sign_in(body).await.problem(401, "sign-in");
    let (_, detail) = last_refusal(&house).await;
    assert_eq!(detail["why"], "way");
    let bearer = json!({ "email": "ann@a.example", "password": PASSWORD, "session": "bearer" });
    house.try_sign_in(bearer).await.problem(401, "sign-in");

    // Just signed in there, he is not asked to show it once more first.
    idp.says(|it| it["auth_time"] = 1_700_000_000.into());
    let cookie = session(&sign_in(&house, &idp).await).unwrap();
    let me = house.browse(("GET", "/me"), &cookie, None).await;
    assert!(
        me.text.contains("Signs in with Example Login"),
        "{}",
        me.text
    );
    assert!(!me.text.contains("/me/password") && !me.text.contains("/me/second-factor"));
    for path in ["/me/password", "/me/second-factor"] {
        let page = house.browse(("GET", path), &cookie, None).await;
        assert_eq!(page.status, 409, "{path}");
        assert!(!page.text.contains("type=\"password\""), "{path}");
    }
    let key = Key::Cookie(cookie.clone());
    let new = json!({ "current": PASSWORD, "new": "another horse battery" });
    for (path, body) in [
        ("/api/v1/me/password", Some(new)),
        ("/api/v1/me/totp", None),
        (
            "/api/v1/session/step-up",
            Some(json!({ "password": PASSWORD })),
        ),
    ] {
        house
            .ask(&key, ("POST", path), body)
            .await
            .problem(409, "sso");
    }
    // What he hands to the command line in its place is a token, which he makes himself.
    let new = json!({ "name": "laptop", "expires": house.now() + 60 });
    let made = house.ask(&key, ("POST", "/api/v1/tokens"), Some(new)).await;
    let token = Key::Bearer(made.is(201)["secret"].as_str().unwrap().to_owned());
    let me = house.ask(&token, ("GET", "/api/v1/me"), None).await.is(200);
    assert_eq!(me["kind"], "token", "{me}");
}

/// A passkey from before does not sign in past the provider, and no other is made.
#[tokio::test]
async fn whoever_signs_in_by_the_provider_has_no_passkey() {
    let (house, idp) = house().await;
    let mut device = Device::under(HOST.1, 1);
    let cookie = house.sign_in_browser("bob@a.example").await;
    let added = passkeys::add(&house, &cookie, ("phone", &mut device)).await;
    assert_eq!(added.status, 303, "{}", added.text);
    let page = house.browse(("GET", "/me"), &cookie, None).await;
    assert!(page.text.contains("/me/passkeys/new"), "{}", page.text);
    change(&house, "bob@a.example", json!({ "sso": true })).await;
    let refused = passkeys::sign_in(&house, &mut device).await;
    assert_eq!(refused.status, 401, "{}", refused.text);
    assert_eq!(last_refusal(&house).await.1["why"], "way");
    change(&house, "ann@a.example", json!({ "sso": true })).await;
    idp.says(|it| it["auth_time"] = 1_700_000_000.into());
    let cookie = session(&sign_in(&house, &idp).await).unwrap();
    let page = house.browse(("GET", "/me"), &cookie, None).await;
    assert!(!page.text.contains("/me/passkeys/new"), "{}", page.text);
    let new = ("GET", "/me/passkeys/new");
    let page = house.browse(new, &cookie, None).await;
    assert_eq!(page.status, 409, "{}", page.text);
    assert!(page.text.contains("its matter"), "{}", page.text);
}

/// 004: nor does anybody else give him one.
#[tokio::test]
async fn nobody_gives_a_password_to_whoever_signs_in_by_the_provider() {
    let (house, _) = house().await;
    let root = House::root();
    for (path, body) in [
        ("password", json!({ "password": PASSWORD })),
        ("invite", json!({})),
    ] {
        let path = format!("/api/v1/operators/ann@a.example/{path}");
        house
            .ask(&root, ("POST", &path), Some(body))
            .await
            .problem(409, "sso");
    }
    let bob = house.sign_in_browser("bob@a.example").await;
    let people = house.ask(&root, ("GET", "/api/v1/operators/ann@a.example"), None);
    let number = people.await.is(200)["id"].clone();
    let page = house
        .browse(("GET", &format!("/people/{number}")), &bob, None)
        .await;
    assert!(
        page.text.contains("Signs in with Example Login"),
        "{}",
        page.text
    );
    assert!(
        !page.text.contains(&format!("/people/{number}/password")),
        "{}",
        page.text
    );
    assert!(
        !page.text.contains(&format!("/people/{number}/invite")),
        "{}",
        page.text
    );
    let form = house
        .browse(("GET", &format!("/people/{number}/password")), &bob, None)
        .await;
    assert_eq!(form.status, 409);
}

/// Where no provider is known, the password counts that he had before.
#[tokio::test]
async fn without_a_provider_passwords_are_asked_for() {
    let body = json!({ "email": "ann@a.example", "password": PASSWORD });
    let without = House::new().await;
    without
        .person("ann@a.example", "owner", json!({ "kind": "deployment" }))
        .await;
    change(&without, "ann@a.example", json!({ "sso": true })).await;
    without.try_sign_in(body).await.is(200);
    let page = without.browse(("GET", "/sign-in"), "", None).await;
    assert!(!page.text.contains("/sso"), "{}", page.text);
    for path in ["/sso", "/sso/callback?state=x&code=y"] {
        let answer = come_back(&without, path, "").await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

/// An invitation that was sent before is of no use after.
#[tokio::test]
async fn an_invitation_sets_no_password_for_whoever_signs_in_by_the_provider() {
    let (house, _) = house().await;
    let root = House::root();
    let body = json!({ "email": "eve@a.example", "role": "reader" });
    house
        .ask(&root, ("POST", "/api/v1/operators"), Some(body))
        .await
        .is(201);
    let path = ("POST", "/api/v1/operators/eve@a.example/invite");
    let invited = house.ask(&root, path, Some(json!({}))).await.is(201);
    change(&house, "eve@a.example", json!({ "sso": true })).await;
    let body = json!({ "token": invited["token"], "password": PASSWORD });
    let accept = ("POST", "/api/v1/invitations/accept");
    let accepted = house.ask(&Key::Nothing, accept, Some(body)).await;
    assert!(accepted.status.is_client_error(), "{}", accepted.text);
}

/// The directory says who signs in so; nobody is made, and an address counts that is verified.
#[tokio::test]
async fn the_provider_says_who_somebody_is_and_the_directory_whether_he_may() {
    let (house, idp) = house().await;
    idp.knows("stranger@a.example");
    let answer = sign_in(&house, &idp).await;
    is_refused(&house, &answer, ("signs in here: ask whoever", "unknown")).await;
    let root = House::root();
    let path = ("GET", "/api/v1/operators/stranger@a.example");
    house.ask(&root, path, None).await.problem(404, "not-found");

    idp.knows("bob@a.example");
    let answer = sign_in(&house, &idp).await;
    is_refused(&house, &answer, ("sign in here with your password", "way")).await;

    idp.knows("ANN@a.example");
    for verified in [json!(false), Value::Null] {
        let said = verified.clone();
        idp.says(move |it| match &said {
            Value::Null => drop(it.as_object_mut().unwrap().remove("email_verified")),
            said => it["email_verified"] = said.clone(),
        });
        let answer = sign_in(&house, &idp).await;
        let why = ("has not verified your e-mail address", "unverified");
        is_refused(&house, &answer, why).await;
    }
    idp.says(|_| {});
    house.wait(600);
    idp.at(house.now());
    assert!(session(&sign_in(&house, &idp).await).is_some());

    let disable = ("POST", "/api/v1/operators/ann@a.example/disable");
    house.ask(&root, disable, None).await.is(200);
    let answer = sign_in(&house, &idp).await;
    is_refused(&house, &answer, ("are disabled here", "passive")).await;
}

/// An address of several accounts means none of them until one is named.
#[tokio::test]
async fn an_address_of_several_accounts_needs_the_name_of_one() {
    let (house, idp) = house().await;
    for name in ["acme", "shop"] {
        house.tenant(name, Profile::E3Primary, None).await;
        let scope = json!({ "kind": "tenant", "tenant": name });
        let body =
            json!({ "email": "eve@e.example", "role": "admin", "scope": scope, "sso": true });
        let path = ("POST", "/api/v1/operators");
        house.ask(&House::root(), path, Some(body)).await.is(201);
    }
    idp.knows("eve@e.example");
    let answer = sign_in(&house, &idp).await;
    is_refused(&house, &answer, ("known in several accounts", "unknown")).await;
    for (account, is_in) in [("shop", true), ("nowhere", false)] {
        let (address, held) = leave(&house, &format!("/sso?account={account}"), "").await;
        let answer = come_back(&house, &idp.signs_in(&address), &held).await;
        assert_eq!(session(&answer).is_some(), is_in, "{account}");
    }
}

/// What is signed by no key of the provider, or says another thing than it was asked, is not believed.
#[tokio::test]
async fn what_the_provider_has_not_said_for_this_errand_is_not_believed() {
    let mut believed = Vec::new();
    let mut try_it = async |what: String, (house, idp): (House, Arc<Idp>)| {
        let answer = sign_in(&house, &idp).await;
        if session(&answer).is_some() {
            believed.push(what);
        } else {
            is_refused(&house, &answer, ("is not believed", "provider")).await;
        }
    };
    for signs in [Signs::Stranger, Signs::None, Signs::ClientSecret] {
        let (house, idp) = house().await;
        idp.signs(signs);
        try_it(format!("{signs:?}"), (house, idp)).await;
    }
    let changes: [(&str, Value); 12] = [
        ("iss", json!("https://evil.example")),
        ("iss", json!([ISSUER])),
        ("iss", Value::Null),
        ("aud", json!("another")),
        ("aud", json!([CLIENT, "another"])),
        ("aud", Value::Null),
        ("azp", json!("another")),
        ("exp", json!(1_700_000_000 - 60)),
        ("exp", Value::Null),
        ("iat", json!(1_700_000_000 + 61)),
        ("nonce", json!("another")),
        ("nonce", Value::Null),
    ];
    for (name, value) in changes {
        let (house, idp) = house().await;
        let what = format!("{name} {value}");
        idp.says(move |it| {
            it[name] = value.clone();
        });
        try_it(what, (house, idp)).await;
    }
    assert!(believed.is_empty(), "{believed:?}");
}

/// What is a minute off is believed, and so is what names us twice.
#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    for (name, value) in [
        ("exp", json!(1_700_000_000 - 59)),
        ("iat", json!(1_700_000_000 + 60)),
        ("azp", json!(CLIENT)),
        ("aud", json!([CLIENT])),
    ] {
        let (house, idp) = house().await;
        let what = format!("{name} {value}");
        idp.says(move |it| it[name] = value.clone());
        assert!(session(&sign_in(&house, &idp).await).is_some(), "{what}");
    }
}

/// What comes back belongs to the browser in which it began, for ten minutes, with the state that was sent.
#[tokio::test]
async fn a_return_that_was_not_begun_in_this_browser_is_refused() {
    let (house, idp) = house().await;
    let said = ("begin again", "attempt");
    for (change, cookie) in [("", false), ("state", true), ("late", true)] {
        let (address, held) = leave(&house, "/sso", "").await;
        let mut back = idp.signs_in(&address);
        if change == "state" {
            back.push('0');
        }
        if change == "late" {
            house.wait(600);
            idp.at(house.now());
        }
        let held = if cookie { held.as_str() } else { "" };
        let answer = come_back(&house, &back, held).await;
        is_refused(&house, &answer, said).await;
    }
    // Another browser's cookie is not this one's.
    let (address, _) = leave(&house, "/sso", "").await;
    let (_, other) = leave(&house, "/sso", "").await;
    let answer = come_back(&house, &idp.signs_in(&address), &other).await;
    is_refused(&house, &answer, said).await;
    // A code of one errand is of no use for another: the provider asks for its verifier.
    house.wait(600);
    idp.at(house.now());
    let (first, _) = leave(&house, "/sso", "").await;
    let (second, held) = leave(&house, "/sso", "").await;
    let stolen = idp.signs_in(&first);
    let code = stolen
        .split_once("code=")
        .unwrap()
        .1
        .split('&')
        .next()
        .unwrap();
    let state = second
        .split_once("state=")
        .unwrap()
        .1
        .split('&')
        .next()
        .unwrap();
    let path = format!("/sso/callback?code={code}&state={state}");
    let answer = come_back(&house, &path, &held).await;
    is_refused(&house, &answer, ("is not believed", "provider")).await;
}

/// Errors of the provider are told by its word, if it is one, and of another provider nothing is taken.
#[tokio::test]
async fn errors_of_the_provider_are_told() {
    let (house, idp) = house().await;
    for (query, said) in [
        ("error=access_denied", "access_denied"),
        ("error=%3Cscript%3E", "(no code)"),
        ("code=", "(no code)"),
        (
            "code=x&iss=https%3A%2F%2Fevil.example",
            "not from Example Login",
        ),
    ] {
        let (address, held) = leave(&house, "/sso", "").await;
        let back = idp.signs_in(&address);
        let state = back.split_once("state=").unwrap().1;
        let path = format!("/sso/callback?{query}&state={state}");
        let answer = come_back(&house, &path, &held).await;
        assert!(!answer.text.contains("<script>"), "{}", answer.text);
        is_refused(&house, &answer, (said, "provider")).await;
    }
}

/// A provider that is down, or is not what it should be, is told, and is nobody's fault.
#[tokio::test]
async fn a_provider_that_does_not_answer_is_told() {
    let said = "Example Login does not answer as it should";
    let (house, idp) = house().await;
    let (address, held) = leave(&house, "/sso", "").await;
    let back = idp.signs_in(&address);
    idp.goes_down();
    let before = house.actions(100).await.len();
    let answer = come_back(&house, &back, &held).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.text.contains(said), "{}", answer.text);
    house.wait(301);
    let answer = come_back(&house, "/sso", "").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text.contains(said), "{}", answer.text);
    assert_eq!(house.actions(100).await.len(), before);
    // It is not asked again at once.
    let asked = idp.asked().len();
    assert_eq!(come_back(&house, "/sso", "").await.status, 503);
    assert_eq!(idp.asked().len(), asked);
    house.wait(5);
    assert_eq!(come_back(&house, "/sso", "").await.status, 503);
    assert_eq!(idp.asked().len(), asked + 1);

    for (name, value) in [
        ("issuer", json!("https://evil.example")),
        ("token_endpoint", json!("http://idp.example/token")),
        ("jwks_uri", Value::Null),
    ] {
        let (house, idp) = self::house().await;
        idp.is(move |it| it[name] = value.clone());
        let answer = come_back(&house, "/sso", "").await;
        assert_eq!(answer.status, 503, "{name}");
    }
    // One that takes the secret in the form alone is sent it there.
    let (house, idp) = self::house().await;
    idp.is(|it| it["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]));
    assert!(session(&sign_in(&house, &idp).await).is_some());
}

/// Whoever fails often waits, and it is written down once.
#[tokio::test]
async fn attempts_by_the_provider_are_throttled_by_address() {
    let (house, idp) = house().await;
    let mut throttled = 0;
    for _ in 0..12 {
        let answer = come_back(&house, "/sso/callback?state=x&code=y", "").await;
        if answer.status == 429 {
            throttled += 1;
        } else {
            assert_eq!(answer.status, 403, "{}", answer.text);
        }
    }
    assert!(throttled > 3, "{throttled}");
    let actions = house.actions(100).await;
    let count = |name: &str| actions.iter().filter(|it| *it == name).count();
    assert_eq!(count("session.throttle"), 1);
    assert_eq!(count("session.refuse"), 12 - throttled);
    let page = come_back(&house, "/sso", "").await;
    assert_eq!(page.status, 429);
    house.wait(3_600);
    idp.at(house.now());
    assert!(session(&sign_in(&house, &idp).await).is_some());
}

/// What asks for it once more is shown by a fresh sign-in at the provider, of the same person.
#[tokio::test]
async fn whoever_shows_once_more_that_it_is_he_signs_in_anew() {
    let (house, idp) = house().await;
    // He came to the provider in the morning: that is no fresh sign-in.
    let morning = house.now() - 7_200;
    idp.says(move |it| it["auth_time"] = morning.into());
    let cookie = session(&sign_in(&house, &idp).await).unwrap();
    let fresh = async |cookie: &str| {
        let key = Key::Cookie(cookie.to_owned());
        let me = house.ask(&key, ("GET", "/api/v1/me"), None).await.is(200);
        me["fresh_until"].as_u64().unwrap() > house.now()
    };
    assert!(!fresh(&cookie).await);
    let page = house
        .browse(("GET", "/step-up?to=%2Fpeople"), &cookie, None)
        .await;
    assert!(
        page.text.contains("href=\"/sso/again?to=%2Fpeople\""),
        "{}",
        page.text
    );
    assert!(!page.text.contains("type=\"password\""), "{}", page.text);

    // A provider that does not ask him again shows nothing.
    let (address, held) = leave(&house, "/sso/again?to=%2Fpeople", &cookie).await;
    assert!(address.contains("&prompt=login&max_age=0"), "{address}");
    let both = format!("{cookie}; {held}");
    let answer = come_back(&house, &idp.signs_in(&address), &both).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(
        answer.text.contains("href=\"/sso/again?to=%2Fpeople\""),
        "{}",
        answer.text
    );
    assert_eq!(last_refusal(&house).await.0, "session.refuse-step-up");
    assert!(!fresh(&cookie).await);
    idp.says(|it| drop(it.as_object_mut().unwrap().remove("auth_time")));
    let (address, held) = leave(&house, "/sso/again", &cookie).await;
    let both = format!("{cookie}; {held}");
    let answer = come_back(&house, &idp.signs_in(&address), &both).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    // Nor does somebody else.
    idp.says(|_| {});
    change(&house, "bob@a.example", json!({ "sso": true })).await;
    idp.knows("bob@a.example");
    let (address, held) = leave(&house, "/sso/again", &cookie).await;
    let both = format!("{cookie}; {held}");
    let answer = come_back(&house, &idp.signs_in(&address), &both).await;
    assert!(answer.text.contains("somebody else"), "{}", answer.text);
    assert!(session(&answer).is_none());

    idp.knows("ann@a.example");
    let (address, held) = leave(&house, "/sso/again?to=%2Fpeople", &cookie).await;
    let both = format!("{cookie}; {held}");
    let answer = come_back(&house, &idp.signs_in(&address), &both).await;
    assert_eq!(place(&answer), "/people");
    let anew = session(&answer).unwrap();
    assert!(fresh(&anew).await);
    let (action, detail) = last_refusal(&house).await;
    assert_eq!(
        (action.as_str(), detail),
        ("session.step-up", json!({ "by": "provider" }))
    );
    // The session goes on under another id.
    let key = Key::Cookie(cookie);
    let old = house.ask(&key, ("GET", "/api/v1/me"), None);
    old.await.is(401);
}
