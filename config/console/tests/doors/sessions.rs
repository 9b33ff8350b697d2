//! Signing in and out, and what a session is worth.

use postern_config::identity::OneTimeSecret;
use postern_config::{Secret, UnixSeconds};
use serde_json::{Value, json};

use super::house::{FIRST_RUN, House, Key, PASSWORD};

const DEPLOYMENT: &str = "deployment";

fn deployment() -> Value {
    json!({ "kind": DEPLOYMENT })
}

async fn with_ann() -> House {
    let house = House::new().await;
    house.person("ann@a.example", "owner", deployment()).await;
    house
}

/// A cookie that no script reads, no other site sends and no other host sets; a session's id is in no answer beside it.
#[tokio::test]
async fn a_browser_is_given_a_cookie_and_asks_with_it() {
    let house = with_ann().await;
    let body = json!({ "email": "ANN@a.example", "password": PASSWORD });
    let answer = house.try_sign_in(body).await;
    let set = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-postern="), "{set}");
    for word in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(set.contains(word), "{set}");
    }
    let key = Key::Cookie(answer.cookie());
    assert_eq!(answer.is(200)["token"], Value::Null);
    let me = house.ask(&key, ("GET", "/api/v1/me"), None).await.is(200);
    assert_eq!(me["kind"], "operator");
    assert_eq!(me["operator"]["email"], "ann@a.example");
    // The cookie's text is no bearer token, and a bearer's is no cookie.
    let Key::Cookie(cookie) = &key else {
        panic!("no cookie")
    };
    let id = cookie.split_once('=').unwrap().1;
    let bearer = Key::Bearer(id.to_owned());
    house
        .ask(&bearer, ("GET", "/api/v1/me"), None)
        .await
        .is(401);
    let Key::Bearer(token) = house.sign_in_bearer("ann@a.example").await else {
        panic!("no token")
    };
    let cookie = Key::Cookie(format!("__Host-postern={token}"));
    house
        .ask(&cookie, ("GET", "/api/v1/me"), None)
        .await
        .is(401);
    // Two credentials are none.
    let two = [
        ("cookie", cookie_of(&key)),
        ("sec-fetch-site", "same-origin"),
    ];
    let root = House::root();
    let two = house.ask_with(&root, ("GET", "/api/v1/me"), None, &two);
    two.await.is(401);
}

fn cookie_of(key: &Key) -> &str {
    match key {
        Key::Cookie(cookie) => cookie,
        _ => "",
    }
}

/// Another site's page sends nothing in somebody's name, and a browser that does not say where it is must come from our own origin.
#[tokio::test]
async fn a_change_from_another_site_is_refused() {
    let house = with_ann().await;
    let key = house.sign_in("ann@a.example").await;
    let out = ("DELETE", "/api/v1/me/sessions");
    for headers in [
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![
            ("sec-fetch-site", "cross-site"),
            ("host", "gate"),
            ("origin", "https://gate"),
        ],
        vec![("host", "gate"), ("origin", "https://evil")],
        vec![("host", "gate"), ("origin", "http://gate")],
        vec![("host", "gate"), ("origin", "null")],
        vec![("host", "gate")],
    ] {
        let what = format!("{headers:?}");
        let answer = house.ask_with(&key, out, None, &headers).await;
        assert_eq!(answer.status, 403, "{what}");
        assert_eq!(answer.body()["code"], "cross-site", "{what}");
    }
    // Reading changes nothing, and is answered.
    let cross = [("sec-fetch-site", "cross-site")];
    let me = house.ask_with(&key, ("GET", "/api/v1/me"), None, &cross);
    me.await.is(200);
    // Signing somebody in from another site would be a change, too.
    let body = json!({ "email": "ann@a.example", "password": PASSWORD });
    let sign_in = ("POST", "/api/v1/session");
    let answer = house
        .ask_with(&Key::Nothing, sign_in, Some(body), &cross)
        .await;
    answer.problem(403, "cross-site");
    let ours = [("host", "gate"), ("origin", "https://gate")];
    house.ask_with(&key, out, None, &ours).await.is(204);
    house.ask(&key, ("GET", "/api/v1/me"), None).await.is(401);
}

/// A session ends when it is idle, when it is old, at sign-out, and with what the directory says of its operator.
#[tokio::test]
async fn a_session_ends_by_time_and_by_whatever_ends_it() {
    let house = with_ann().await;
    house.person("bob@a.example", "owner", deployment()).await;
    let bob = house.sign_in("bob@a.example").await;
    let works = async |key: &Key| house.ask(key, ("GET", "/api/v1/me"), None).await.status == 200;
    let key = house.sign_in("ann@a.example").await;
    house.wait(29 * 60);
    assert!(works(&key).await);
    house.wait(30 * 60);
    assert!(!works(&key).await, "idle");
    let key = house.sign_in("ann@a.example").await;
    for _ in 0..28 {
        house.wait(25 * 60);
        assert!(works(&key).await);
    }
    house.wait(20 * 60);
    assert!(!works(&key).await, "old");
    assert!(!works(&bob).await);
    let bob = house.sign_in("bob@a.example").await;
    let ann = async |method: &str, path: &str, body: Option<Value>| {
        let path = format!("/api/v1/operators/ann@a.example{path}");
        let answer = house.ask(&bob, (method, &path), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    let another = "another horse battery";
    // 004-25, 004-28: at once.
    for (method, path, body, back) in [
        ("POST", "/disable", None, Some("/enable")),
        ("PATCH", "", Some(json!({ "role": "admin" })), None),
        ("PATCH", "", Some(json!({ "role": "owner" })), None),
        ("DELETE", "/sessions", None, None),
        (
            "POST",
            "/password",
            Some(json!({ "password": another })),
            None,
        ),
    ] {
        let key = house.sign_in("ann@a.example").await;
        assert!(works(&key).await);
        ann(method, path, body).await;
        assert!(!works(&key).await, "{method} {path}");
        if let Some(back) = back {
            // 004-34: before that nobody signs in, and is not told why.
            let body = json!({ "email": "ann@a.example", "password": PASSWORD });
            house.try_sign_in(body).await.problem(401, "sign-in");
            ann("POST", back, None).await;
        }
    }
    let out = ("DELETE", "/api/v1/session");
    house.ask(&bob, out, None).await.is(204);
    assert!(!works(&bob).await);
    assert_eq!(house.actions(1).await, ["session.sign-out"]);
}

/// Whoever is refused is told one sentence whatever was wrong; the audit log says which.
#[tokio::test]
async fn nobody_learns_from_a_refusal_who_is_known_here() {
    let house = with_ann().await;
    house.person("off@a.example", "reader", deployment()).await;
    let off = ("POST", "/api/v1/operators/off@a.example/disable");
    house.ask(&House::root(), off, None).await.is(200);
    let mut answers = Vec::new();
    for (email, password) in [
        ("ann@a.example", "wrong horse battery"),
        ("nobody@a.example", PASSWORD),
        ("off@a.example", PASSWORD),
    ] {
        let body = json!({ "email": email, "password": password });
        let answer = house.try_sign_in(body).await;
        answers.push((answer.status, answer.text.clone()));
        assert_eq!(house.actions(1).await, ["session.refuse"]);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let page = house
        .ask(
            &House::root(),
            ("GET", "/api/v1/audit?action=session.&limit=3"),
            None,
        )
        .await
        .is(200);
    let why: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["detail"]["why"].as_str().unwrap())
        .collect();
    assert_eq!(why, ["passive", "unknown", "password"]);
    assert_eq!(page["items"][0]["actor"], "nobody");
    assert_eq!(page["items"][0]["address"], "192.0.2.1");
}

/// The account and the address are slowed, each by itself; that somebody was turned away is written down once in a while.
#[tokio::test]
async fn who_guesses_waits() {
    let house = with_ann().await;
    let wrong = || json!({ "email": "ann@a.example", "password": "wrong horse battery" });
    for _ in 0..5 {
        house.try_sign_in(wrong()).await.problem(401, "sign-in");
    }
    let answer = house.try_sign_in(wrong()).await;
    assert_eq!(answer.headers["retry-after"], "1");
    answer.problem(429, "throttled");
    // The right password is not looked at, either; and another account from the same address is not.
    let right = || json!({ "email": "ann@a.example", "password": PASSWORD });
    house.try_sign_in(right()).await.problem(429, "throttled");
    let other = json!({ "email": "other@a.example", "password": PASSWORD });
    house.try_sign_in(other).await.problem(429, "throttled");
    let actions = house.actions(6).await;
    let throttled = actions.iter().filter(|it| *it == "session.throttle");
    assert_eq!(throttled.count(), 1, "{actions:?}");
    house.wait(1);
    house.try_sign_in(right()).await.is(200);
}

/// 001-24, 000-36, 000-40: what is asked for once more is shown for five minutes, by the password, under another id.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story from beginning to end")]
async fn whoever_signed_in_long_ago_shows_once_more_that_it_is_he() {
    let house = with_ann().await;
    for (tenant, profile) in [("once", "e3-root"), ("again", "e3-primary")] {
        let body = json!({ "name": tenant, "profile": profile });
        let root = House::root();
        let made = house.ask(&root, ("POST", "/api/v1/tenants"), Some(body));
        made.await.is(201);
        let path = format!("/api/v1/tenants/{tenant}/users");
        let made = house.ask(&root, ("POST", &path), Some(json!({ "name": "web" })));
        made.await.is(201);
    }
    let keys = |tenant: &str| format!("/api/v1/tenants/{tenant}/users/web/keys");
    let level = || Some(json!({ "level": "read" }));
    let key = house.sign_in("ann@a.example").await;
    let made = house
        .ask(&key, ("POST", &keys("once")), level())
        .await
        .is(201);
    let once = made["key"]["id"].as_str().unwrap().to_owned();
    let rotate = format!("{}/{once}/rotate", keys("once"));
    house.wait(5 * 60);
    // 001-24: the profile asks for it when a key is made or replaced; the other does not.
    for path in [keys("once"), rotate.clone()] {
        let body = if path == rotate {
            Some(json!({}))
        } else {
            level()
        };
        house
            .ask(&key, ("POST", &path), body)
            .await
            .problem(403, "step-up");
    }
    let made = house
        .ask(&key, ("POST", &keys("again")), level())
        .await
        .is(201);
    let secret = made["secret_access_key"].clone();
    let again = made["key"]["id"].as_str().unwrap().to_owned();
    let reveal = |tenant: &str, id: &str| format!("{}/{id}/reveal", keys(tenant));
    let path = reveal("again", &again);
    house
        .ask(&key, ("POST", &path), None)
        .await
        .problem(403, "step-up");
    let step_up = ("POST", "/api/v1/session/step-up");
    let wrong = Some(json!({ "password": "wrong horse battery" }));
    house
        .ask(&key, step_up, wrong)
        .await
        .problem(403, "password");
    let right = Some(json!({ "password": PASSWORD }));
    let answer = house.ask(&key, step_up, right).await;
    let fresh = Key::Cookie(answer.cookie());
    answer.is(200);
    house.ask(&key, ("GET", "/api/v1/me"), None).await.is(401);
    // 000-36: shown again, and 000-41: in the log; 001-30: elsewhere it was shown once.
    let shown = house.ask(&fresh, ("POST", &path), None).await.is(200);
    assert_eq!(shown["secret_access_key"], secret);
    let actions = [
        "key.reveal",
        "session.step-up",
        "session.refuse-step-up",
        "key.create",
    ];
    assert_eq!(house.actions(4).await, actions);
    house
        .ask(&fresh, ("POST", &reveal("once", &once)), None)
        .await
        .problem(403, "shown-once");
    house
        .ask(&fresh, ("POST", &rotate), Some(json!({})))
        .await
        .is(201);
    // A program has no password: it makes keys, and sees no secret again.
    house
        .ask(&House::root(), ("POST", &keys("once")), level())
        .await
        .is(201);
    house
        .ask(&House::root(), ("POST", &path), None)
        .await
        .problem(403, "person");
}

fn code(secret: &Value, now: u64) -> String {
    let totp = totp(secret.as_str().unwrap());
    // The code of the present step: the one that the server's own reader accepts.
    (0..1_000_000_u32)
        .map(|number| format!("{number:06}"))
        .find(|code| {
            let step = totp.accepts(code, UnixSeconds(now), None);
            step.is_some_and(|step| step.0 == now / 30)
        })
        .unwrap()
}

fn totp(base32: &str) -> OneTimeSecret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String = base32
        .chars()
        .map(|letter| format!("{:05b}", alphabet.find(letter).unwrap()))
        .collect();
    let bytes = bits.as_bytes().chunks_exact(8);
    let bytes =
        bytes.map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap());
    OneTimeSecret::kept(Secret::new(bytes.collect())).unwrap()
}

/// 004-10: a second factor is asked for once it is confirmed, and each of its codes holds once.
#[tokio::test]
async fn a_second_factor_is_asked_for_and_its_codes_hold_once() {
    let house = with_ann().await;
    let key = house.sign_in("ann@a.example").await;
    let enrolled = house
        .ask(&key, ("POST", "/api/v1/me/totp"), None)
        .await
        .is(201);
    assert!(
        enrolled["address"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/Postern:ann%40a.example?")
    );
    let code_now = |house: &House| code(&enrolled["secret"], house.now());
    // Not confirmed: not asked for.
    house.sign_in("ann@a.example").await;
    let confirm = ("POST", "/api/v1/me/totp/confirm");
    let wrong = Some(json!({ "code": "12345" }));
    house.ask(&key, confirm, wrong).await.problem(403, "code");
    let right = Some(json!({ "code": code_now(&house) }));
    let shown = house.ask(&key, confirm, right).await.is(200);
    assert_eq!(shown["mfa"], "on");
    let sign_in = |code: Option<String>| json!({ "email": "ann@a.example", "password": PASSWORD, "code": code });
    house
        .try_sign_in(sign_in(None))
        .await
        .problem(401, "code-needed");
    let used = Some(code_now(&house));
    house
        .try_sign_in(sign_in(used))
        .await
        .problem(401, "sign-in");
    house.wait(30);
    let next = Some(code_now(&house));
    house.try_sign_in(sign_in(next.clone())).await.is(200);
    house
        .try_sign_in(sign_in(next))
        .await
        .problem(401, "sign-in");
    let off = house
        .ask(&key, ("DELETE", "/api/v1/me/totp"), None)
        .await
        .is(200);
    assert_eq!(off["mfa"], "off");
    house.sign_in("ann@a.example").await;
}

/// The same through the pages: a wrong code asks again, and does not show the secret a second time.
#[tokio::test]
async fn a_second_factor_is_set_up_in_a_browser() {
    let house = with_ann().await;
    let cookie = house.sign_in_browser("ann@a.example").await;
    let post =
        async |path: &str, form: &str| house.browse(("POST", path), &cookie, Some(form)).await;
    let page = post("/me/second-factor", "").await;
    let secret = page.text.split("<code>").nth(1).expect("the secret");
    let secret = json!(secret.split('<').next());
    let picture = "<img class=\"picture\" src=\"data:image/svg+xml,";
    assert!(page.text.contains(picture), "{}", page.text);
    let confirm = "/me/second-factor/confirm";
    let wrong = post(confirm, "code=12345").await;
    assert_eq!(wrong.status, 403, "{}", wrong.text);
    assert!(wrong.text.contains("name=\"code\""), "{}", wrong.text);
    assert!(!wrong.text.contains(secret.as_str().unwrap()));
    let right = post(confirm, &format!("code={}", code(&secret, house.now()))).await;
    assert_eq!(right.status, 303, "{}", right.text);
    // Signing in asks for it from then on, in the same form.
    let password = PASSWORD.replace(' ', "+");
    let sign_in = async |code: &str| {
        let form = format!("email=ann@a.example&password={password}{code}");
        house.browse(("POST", "/sign-in"), "", Some(&form)).await
    };
    let asked = sign_in("").await;
    assert_eq!(asked.status, 401);
    assert!(asked.text.contains("name=\"code\""), "{}", asked.text);
    house.wait(30);
    let code = format!("&code={}", code(&secret, house.now()));
    assert_eq!(sign_in(&code).await.status, 303);
}

/// The first operator comes in by what the server has said at its start, once.
#[tokio::test]
async fn the_first_operator_is_made_once() {
    let house = House::new().await;
    let set_up = async |token: &str, email: &str| {
        let body = json!({ "token": token, "email": email, "password": PASSWORD });
        house
            .ask(&Key::Nothing, ("POST", "/api/v1/setup"), Some(body))
            .await
    };
    set_up("wrong", "ann@a.example")
        .await
        .problem(403, "first-run");
    set_up(FIRST_RUN, "ann@a.example").await.is(201);
    set_up(FIRST_RUN, "eve@a.example")
        .await
        .problem(403, "first-run");
    let key = house.sign_in("ann@a.example").await;
    let me = house.ask(&key, ("GET", "/api/v1/me"), None).await.is(200);
    assert_eq!(
        (&me["role"], &me["scope"]["kind"]),
        (&json!("owner"), &json!("deployment"))
    );
}

/// 004-16: by a link, or by another's hand; and changed by oneself, which ends all sessions.
#[tokio::test]
async fn a_password_is_set_by_a_link_and_changed_by_its_owner() {
    let house = with_ann().await;
    let root = House::root();
    let body = json!({ "email": "bob@a.example", "role": "reader" });
    house
        .ask(&root, ("POST", "/api/v1/operators"), Some(body))
        .await
        .is(201);
    let invite = ("POST", "/api/v1/operators/bob@a.example/invite");
    let invited = house.ask(&root, invite, Some(json!({}))).await.is(201);
    let token = invited["token"].clone();
    let accept = async |token: &Value, password: &str| {
        let body = json!({ "token": token, "password": password });
        let path = ("POST", "/api/v1/invitations/accept");
        house.ask(&Key::Nothing, path, Some(body)).await
    };
    let weak = accept(&token, "bob bob bob bob").await;
    weak.problem(422, "password");
    accept(&token, PASSWORD).await.is(200);
    accept(&token, PASSWORD).await.problem(403, "invitation");
    accept(&json!("x"), PASSWORD)
        .await
        .problem(403, "invitation");
    let key = house.sign_in("bob@a.example").await;
    let change = async |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        house
            .ask(&key, ("POST", "/api/v1/me/password"), Some(body))
            .await
    };
    change("wrong horse battery", "a new horse battery")
        .await
        .problem(403, "password");
    change(PASSWORD, "short").await.problem(422, "password");
    change(PASSWORD, "a new horse battery").await.is(204);
    house.ask(&key, ("GET", "/api/v1/me"), None).await.is(401);
    let body = json!({ "email": "bob@a.example", "password": "a new horse battery" });
    house.try_sign_in(body).await.is(200);
}

/// Sessions are seen and ended by their owner; their ids are shown to nobody.
#[tokio::test]
async fn ones_sessions_are_listed_and_ended_everywhere() {
    let house = with_ann().await;
    let browser = house.sign_in("ann@a.example").await;
    house.wait(1);
    let line = house.sign_in_bearer("ann@a.example").await;
    let path = ("GET", "/api/v1/me/sessions");
    let page = house.ask(&line, path, None).await.is(200);
    let kinds: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["kind"].clone(), it["current"].clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            (json!("bearer"), json!(true)),
            (json!("cookie"), json!(false))
        ]
    );
    let Key::Bearer(token) = &line else {
        panic!("no token")
    };
    assert!(!page.to_string().contains(token));
    house
        .ask(&line, ("DELETE", "/api/v1/me/sessions"), None)
        .await
        .is(204);
    for key in [browser, line] {
        house.ask(&key, path, None).await.is(401);
    }
}

/// A token may end itself and makes no others; what it did is in the log under its number.
#[tokio::test]
async fn a_token_is_made_by_a_person_told_once_and_ended() {
    let house = with_ann().await;
    let key = house.sign_in("ann@a.example").await;
    let body = json!({ "name": "ci", "role": "reader", "expires": house.now() + 60 });
    let made = house
        .ask(&key, ("POST", "/api/v1/tokens"), Some(body.clone()))
        .await
        .is(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    let token = Key::Bearer(secret.clone());
    let me = house.ask(&token, ("GET", "/api/v1/me"), None).await.is(200);
    assert_eq!(
        (&me["kind"], &me["role"]),
        (&json!("token"), &json!("reader"))
    );
    let page = house
        .ask(&key, ("GET", "/api/v1/tokens"), None)
        .await
        .is(200);
    assert!(!page.to_string().contains(&secret));
    assert_eq!(page["items"][0]["last_used"], house.now());
    let more = json!({ "name": "more" });
    house
        .ask(&token, ("POST", "/api/v1/tokens"), Some(more))
        .await
        .problem(403, "person");
    house
        .ask(&key, ("POST", "/api/v1/tokens"), Some(body))
        .await
        .problem(409, "taken");
    house.wait(60);
    house.ask(&token, ("GET", "/api/v1/me"), None).await.is(401);
    let id = &made["token"]["id"];
    let path = format!("/api/v1/tokens/{id}");
    house.ask(&key, ("DELETE", &path), None).await.is(200);
    house
        .ask(&key, ("DELETE", &path), None)
        .await
        .problem(404, "not-found");
}
