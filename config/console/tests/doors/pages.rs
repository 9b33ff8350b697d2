//! The console's pages, asked by every role from every scope: who may open what, and that nobody is shown a link that he may not follow.

use std::collections::BTreeSet;

use axum::body::Body;
use console::Permission;
use console::needs::{Need, Row};
use console::routes::{self, PAGES};
use http_body_util::BodyExt as _;
use postern_config::directory::{
    Actor, Command, KeyRights, Level, OperatorCommand, OperatorScope, Outcome, Profile, Role,
    RoleAtoms,
};
use serde_json::json;

use super::crawl::{ALL, Sight, filled, furnished, sight};
use super::house::{Answer, House, PASSWORD};

/// The page, as a browser asks for it that has signed in.
async fn open(house: &House, cookie: &str, path: &str) -> Answer {
    house.browse(("GET", path), cookie, None).await
}

fn row(route: &routes::Route) -> Row {
    let method = route.methods[0];
    route
        .row(method)
        .unwrap_or_else(|| panic!("no line of needs for {method} {}", route.path))
}

/// The addresses of a page's links within the console.
fn links(page: &str) -> BTreeSet<String> {
    let found = page.split("href=\"").skip(1);
    let found = found.filter_map(|it| it.split('"').next());
    let own = found.filter(|it| it.starts_with('/') && !it.starts_with("/assets/"));
    own.map(|it| it.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

/// CON-9 of the console's rules: forbidden pages are absent from the navigation, and refused by their address.
#[tokio::test]
async fn every_link_that_is_shown_is_open_and_every_page_that_is_not_allowed_is_shut() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    let (mut followed, mut refused) = (0, 0);
    for (from, scope) in ALL.into_iter().zip(scopes) {
        for role in [Role::Owner, Role::Admin, Role::Contributor, Role::Reader] {
            let email = format!("{from:?}.{role}@pages.example").to_lowercase();
            house
                .operator_who_signs_in(&email, role, scope.clone())
                .await;
            let cookie = house.sign_in_browser(&email).await;
            let held = RoleAtoms::of_builtin(role).unwrap().console;
            let mut shown = BTreeSet::new();
            for route in PAGES.iter().filter(|it| it.methods[0] == "GET") {
                if route.permission == Permission::Open {
                    continue;
                }
                let row = row(route);
                let path = filled(route.path, &words);
                // A live view has no end that one could wait for.
                let (status, text) = if path.ends_with("/live") {
                    (house.stream(&path, &cookie, "").await.0, String::new())
                } else {
                    let answer = open(&house, &cookie, &path).await;
                    (answer.status, answer.text)
                };
                let status = status.as_u16();
                let what = format!("{from:?} {role} {path}: {status}");
                assert!(status < 500, "{what}\n{text}");
                // Whose bucket it becomes is said by the form.
                let sight = sight(from, row.at).filter(|_| !path.ends_with("/buckets/new"));
                let may = match row.need {
                    Need::Do(atom) => held.contains(&atom),
                    _ => true,
                };
                match (sight, may) {
                    (Some(Sight::Hidden | Sight::Known), _) | (_, false) => {
                        assert!(matches!(status, 403 | 404), "{what}");
                        refused += 1;
                    }
                    (Some(Sight::Whole), true) => assert!(!matches!(status, 403), "{what}"),
                    (None, true) => {}
                }
                shown.extend(links(&text));
            }
            for link in shown {
                let answer = open(&house, &cookie, &link).await;
                let status = answer.status.as_u16();
                // Another page may stand in its place: the password once more, or a list.
                assert!(
                    matches!(status, 200 | 303),
                    "{from:?} {role} follows {link}: {status} {}",
                    answer.text
                );
                followed += 1;
            }
        }
    }
    assert!(followed > 500 && refused > 300, "{followed} {refused}");
}

/// A problem is said in the language of whoever reads it, on a page of its own and beside a field. Programs read English.
#[tokio::test]
async fn a_problem_is_said_in_the_language_of_whoever_reads_it() {
    let house = House::new().await;
    let email = "owner@pages.example";
    house
        .operator_who_signs_in(email, Role::Owner, OperatorScope::Deployment)
        .await;
    let cookie = house.sign_in_browser(email).await;
    let english = open(&house, &cookie, "/accounts/nowhere").await;
    assert!(
        english
            .text
            .contains("There is no tenant <code>nowhere</code>; the list")
    );

    let asked = ("PATCH", "/api/v1/operators/owner@pages.example");
    let body = Some(json!({ "language": "de" }));
    house.ask(&House::root(), asked, body).await.is(200);
    let german = open(&house, &cookie, "/accounts/nowhere").await;
    assert_eq!(german.status, 404);
    assert!(
        german
            .text
            .contains("Konto <code>nowhere</code> gibt es nicht; die Liste")
    );
    let form = Some("name=%2F&profile=e3-primary");
    let beside = house.browse(("POST", "/accounts/new"), &cookie, form).await;
    assert_eq!(beside.status, 422, "{}", beside.text);
    assert!(
        beside.text.contains("Ein Name hat 1 bis"),
        "{}",
        beside.text
    );

    let asked = ("GET", "/api/v1/tenants/nowhere");
    let program = house.ask(&House::root(), asked, None).await;
    let program = program.problem(404, "not-found");
    assert!(
        program["detail"]
            .as_str()
            .unwrap()
            .starts_with("there is no")
    );
}

/// Whoever has chosen no language reads the one that his browser likes best, before he signs in and after.
#[tokio::test]
async fn a_page_speaks_as_the_browser_asks_until_a_language_is_chosen() {
    let house = House::new().await;
    let email = "owner@pages.example";
    house
        .operator_who_signs_in(email, Role::Owner, OperatorScope::Deployment)
        .await;
    let cookie = house.sign_in_browser(email).await;
    let (german, english) = ("<html lang=\"de\">", "<html lang=\"en\">");
    let likes = [
        ("accept", "text/html"),
        ("accept-language", "de-CH, de;q=0.9, en;q=0.5"),
        ("sec-fetch-site", "same-origin"),
    ];
    let wrong = Some("email=owner%40pages.example&password=wrong");
    for (asked, cookie, form, said) in [
        (("GET", "/sign-in"), "", None, "Anmelden"),
        (
            ("POST", "/sign-in"),
            "",
            wrong,
            "Damit meldet sich niemand an",
        ),
        (
            ("GET", "/nowhere"),
            &*cookie,
            None,
            "Diese Seite gibt es nicht",
        ),
        (("GET", "/me"), &cookie, None, "Die des Browsers"),
        (
            ("GET", "/audit"),
            &cookie,
            None,
            "Person owner@pages.example angelegt",
        ),
    ] {
        let page = house.browse_with(asked, cookie, form, &likes).await;
        assert!(page.text.contains(german), "{asked:?}: {}", page.text);
        assert!(page.text.contains(said), "{asked:?}: {}", page.text);
    }
    let form = Some("name=Ann&timezone=&language=en");
    let saved = house
        .browse_with(("POST", "/me/details"), &cookie, form, &likes)
        .await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let page = house
        .browse_with(("GET", "/me/details"), &cookie, None, &likes)
        .await;
    assert!(page.text.contains(english), "{}", page.text);
    assert!(!page.text.contains("That of the browser"), "{}", page.text);
}

/// Whoever has not signed in is sent to where one does, and comes back.
#[tokio::test]
async fn nobody_sees_a_page_before_he_has_signed_in() {
    let (house, words, _) = furnished(Profile::E3Primary).await;
    for route in PAGES {
        if route.permission == Permission::Open || row(route).need == Need::Nothing {
            continue;
        }
        let path = filled(route.path, &words);
        for method in route.methods {
            let body = (*method == "POST").then_some("name=x");
            let answer = house.browse((method, &path), "", body).await;
            let to = answer
                .headers
                .get("location")
                .map(|it| it.to_str().unwrap().to_owned());
            assert_eq!(answer.status, 303, "{method} {path}: {}", answer.text);
            assert!(
                to.unwrap().starts_with("/sign-in?to=%2F"),
                "{method} {path}"
            );
        }
    }
}

/// Source: console.md, "One small script under a strict policy".
#[tokio::test]
async fn every_page_says_what_it_may_do() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    for route in PAGES {
        for method in route.methods {
            let body = (*method == "POST").then_some("");
            let path = filled(route.path, &words);
            if route.permission == Permission::Open
                || path == "/sign-out"
                || path.ends_with("/sessions/end")
                // No page, but what a page is told as it goes on.
                || path.ends_with("/live")
            {
                continue;
            }
            let answer = house.browse((method, &path), &cookie, body).await;
            let header = |name: &str| {
                answer
                    .headers
                    .get(name)
                    .map_or("", |it| it.to_str().unwrap())
            };
            let policy = header("content-security-policy");
            for word in [
                "default-src 'none'",
                "script-src 'self'",
                "frame-ancestors 'none'",
                "require-trusted-types-for 'script'",
            ] {
                assert!(policy.contains(word), "{method} {path}: {policy}");
            }
            assert_eq!(header("cache-control"), "no-store", "{method} {path}");
            assert_eq!(header("referrer-policy"), "same-origin", "{method} {path}");
            for inline in ["<script>", " style=", " onclick=", "javascript:"] {
                assert!(
                    !answer.text.contains(inline),
                    "{method} {path} has {inline}"
                );
            }
        }
    }
}

/// What the overview finds is what the list behind it shows.
#[tokio::test]
async fn keys_that_nobody_uses_are_found_and_listed() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let hint = |key: &str| format!("{}…{}", key.split_at(4).0, key.split_at(key.len() - 4).1);
    let old = hint(&words["key"]);
    let day = 24 * 60 * 60;
    for (days, found) in [(45, None), (1, Some("Access keys not used for 45 days: 1"))] {
        house.wait(days * day);
        let cookie = house.sign_in_browser("boss@pages.example").await;
        let overview = open(&house, &cookie, "/accounts/acme").await.text;
        assert!(overview.contains("Owners without a second factor: 1"));
        assert_eq!(overview.contains("not used for"), found.is_some());
        assert!(overview.contains(found.unwrap_or_default()), "{overview}");
        let unused = open(&house, &cookie, "/accounts/acme/keys?status=unused").await;
        assert_eq!(unused.text.contains(&old), found.is_some());
        let all = open(&house, &cookie, "/accounts/acme/keys").await.text;
        assert!(all.contains(&old), "{all}");
    }
    let state = house.directory.state();
    let acme = state.tenant_named(&"acme".parse().unwrap()).unwrap().id;
    let user = state.user_named(acme, &"web".parse().unwrap()).unwrap().id;
    let rights = KeyRights::of_level(Level::Read);
    let create = Command::CreateKey { user, rights };
    let Outcome::Key { key, .. } = house.apply(create, Actor::system()).await else {
        panic!("no key");
    };
    let cookie = house.sign_in_browser("boss@pages.example").await;
    let unused = open(&house, &cookie, "/accounts/acme/keys?status=unused").await;
    assert!(unused.text.contains(&old) && !unused.text.contains(&hint(key.as_str())));
}

/// The overview looks at so many keys, and says where there are more; the list looks at all.
#[tokio::test]
async fn of_many_keys_the_overview_looks_at_the_first() {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let state = house.directory.state();
    let acme = state.tenant_named(&"acme".parse().unwrap()).unwrap().id;
    let user = state.user_named(acme, &"web".parse().unwrap()).unwrap().id;
    let rights = KeyRights::of_level(Level::Read);
    // One is there already.
    for _ in 1..10_000 {
        let rights = rights.clone();
        house
            .apply(Command::CreateKey { user, rights }, Actor::system())
            .await;
    }
    house.wait(46 * 24 * 60 * 60);
    let more = "More working access keys than are looked at here: 10000";
    for is_cut in [false, true] {
        let cookie = house.sign_in_browser("boss@pages.example").await;
        let overview = open(&house, &cookie, "/accounts/acme").await.text;
        assert!(
            overview.contains("not used for 45 days: 10000"),
            "{overview}"
        );
        assert_eq!(overview.contains(more), is_cut);
        let unused = open(&house, &cookie, "/accounts/acme/keys?status=unused").await;
        let all = if is_cut { "of 10001" } else { "of 10000" };
        assert!(unused.text.contains(all), "{}", unused.text);
        let rights = rights.clone();
        house
            .apply(Command::CreateKey { user, rights }, Actor::system())
            .await;
        house.wait(46 * 24 * 60 * 60);
    }
}

/// The root stands first where nobody has chosen an order.
#[tokio::test]
async fn the_root_is_the_first_of_the_users() {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    for (path, names) in [
        ("/accounts/acme/users", ["root", "other", "web"]),
        ("/accounts/acme/users?sort=name", ["other", "root", "web"]),
        ("/accounts/acme/users?sort=-name", ["web", "root", "other"]),
    ] {
        let page = open(&house, &cookie, path).await.text;
        let rows = page.split("<th scope=\"row\">").skip(1);
        let shown: Vec<&str> = rows
            .map(|row| {
                let link = row.split("</a>").nth(1).unwrap();
                link.rsplit('>').next().unwrap()
            })
            .collect();
        assert_eq!(shown, names, "{path}");
    }
}

/// A page repeats itself, and is sent smaller to a browser that says it reads that; nothing else is.
#[tokio::test]
async fn pages_are_sent_smaller_to_who_reads_that() {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    let page = open(&house, &cookie, "/accounts").await.text;
    let mut words = page.split('"');
    let sheet = words.find(|it| it.starts_with("/assets/console-")).unwrap();
    for (path, accepted, encoding) in [
        ("/accounts", "gzip, deflate, br", Some("gzip")),
        ("/accounts", "br", None),
        ("/accounts", "gzip;q=0", None),
        ("/api/v1/tenants", "gzip", None),
        (sheet, "gzip", None),
    ] {
        let headers = [
            ("sec-fetch-site", "same-origin"),
            ("accept-encoding", accepted),
        ];
        let answer = house
            .browse_with(("GET", path), &cookie, None, &headers)
            .await;
        assert_eq!(answer.status, 200, "{path}");
        let told = answer.headers.get("content-encoding");
        let told = told.map(|it| it.to_str().unwrap());
        assert_eq!(told, encoding, "{path} for {accepted}");
        let varies = answer.headers.get_all("vary").iter();
        let mut varies = varies.map(|it| it.to_str().unwrap());
        assert_eq!(
            varies.any(|it| it == "accept-encoding"),
            path == "/accounts",
            "{path} for {accepted}"
        );
    }
}

/// A form of another site changes nothing, whatever cookie the browser sends along.
#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    let path = "/accounts/acme/users/new";
    for site in ["cross-site", "same-site"] {
        let foreign = [("sec-fetch-site", site)];
        let answer = house
            .browse_with(("POST", path), &cookie, Some("name=evil"), &foreign)
            .await;
        assert_eq!(answer.status, 403, "{site}");
    }
    let null = [("origin", "null")];
    let answer = house
        .browse_with(("POST", path), &cookie, Some("name=evil"), &null)
        .await;
    assert_eq!(answer.status, 403);
    let page = open(&house, &cookie, "/accounts/acme/users?q=evil").await;
    assert!(!page.text.contains(">evil<"));
}

/// Names are hostile everywhere: what people may call things never becomes markup.
#[tokio::test]
async fn hostile_descriptions_stay_text() {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    let hostile = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27%3E";
    let made = house
        .browse(
            ("POST", "/accounts/acme/users/new"),
            &cookie,
            Some(&format!(
                "name=harmless&description={hostile}&full_name={hostile}&email=h@x.example"
            )),
        )
        .await;
    assert_eq!(made.status, 303, "{}", made.text);
    for path in [
        "/accounts/acme/users",
        "/accounts/acme/users/harmless",
        "/accounts/acme/users/harmless/details",
        "/accounts/acme/users/harmless/delete",
    ] {
        let page = open(&house, &cookie, path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("<script>alert"), "{path}");
    }
    let refused = open(&house, &cookie, &format!("/accounts/{hostile}")).await;
    assert!(!refused.text.contains("<script>alert"), "{}", refused.text);
    let searched = open(
        &house,
        &cookie,
        &format!("/accounts/acme/users?q={hostile}"),
    )
    .await;
    assert!(!searched.text.contains("<script>alert"));
}

/// 001-30: the secret is in the answer to the form, once; the same form sent again shows none, and makes no second key.
#[tokio::test]
async fn a_secret_is_shown_once_and_a_form_sent_twice_makes_one_key() {
    let (house, _, scopes) = furnished(Profile::E3Root).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    let path = "/accounts/acme/users/other/keys/new";
    // Past the time in which he is not asked again, the password comes first.
    house.wait(301);
    let asked = open(&house, &cookie, path).await;
    assert_eq!(
        asked.headers["location"],
        "/step-up?to=%2Faccounts%2Facme%2Fusers%2Fother%2Fkeys%2Fnew"
    );
    let form = format!("to={}&password={}", "%2F", PASSWORD.replace(' ', "+"));
    let shown = house
        .browse(("POST", "/step-up"), &cookie, Some(&form))
        .await;
    assert_eq!(shown.status, 303, "{}", shown.text);
    let cookie = shown.cookie();
    let page = open(&house, &cookie, path).await;
    let once = page
        .text
        .split("name=\"once\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let form = format!("level=read&description=edge&once={once}");
    let made = house.browse(("POST", path), &cookie, Some(&form)).await;
    assert_eq!(made.status, 200);
    assert!(
        made.text.contains("AWS_SECRET_ACCESS_KEY="),
        "{}",
        made.text
    );
    let again = house.browse(("POST", path), &cookie, Some(&form)).await;
    assert_eq!(again.status, 200);
    assert!(
        !again.text.contains("AWS_SECRET_ACCESS_KEY="),
        "{}",
        again.text
    );
    let keys = open(&house, &cookie, "/accounts/acme/keys?q=edge").await;
    assert!(keys.text.contains("1 of 1"), "{}", keys.text);
    assert!(!keys.text.contains("AWS_SECRET"));
}

/// Frames of a stream until one of them says so.
async fn until(body: &mut Body, text: &str) -> String {
    let mut all = String::new();
    while !all.contains(text) {
        let frame = body.frame().await.unwrap().unwrap();
        all.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    all
}

/// F11: a live view keeps its place and no record: who reads slowly is told what was left out, and who comes again goes on where he was.
#[tokio::test]
async fn a_live_view_tells_what_it_left_out() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    for email in ["boss@pages.example", "other@pages.example"] {
        house
            .operator_who_signs_in(email, Role::Owner, scopes[0].clone())
            .await;
    }
    let cookie = house.sign_in_browser("boss@pages.example").await;
    let path = filled("/accounts/{tenant}/audit/live", &words);
    let (status, mut body) = house.stream(&path, &cookie, "").await;
    assert_eq!(status, 200);
    let acme = house.directory.state();
    let acme = acme.tenant_named(&"acme".parse().unwrap()).unwrap().id;
    let describe = async || {
        let text = "another".parse().unwrap();
        house
            .apply(Command::DescribeTenant(acme, text), Actor::system())
            .await;
        format!("id: {}\n", house.directory.audits())
    };
    let mut last = String::new();
    for _ in 0..500 {
        last = describe().await;
    }
    let seen = until(&mut body, &last).await;
    assert!(seen.contains("event: skipped\ndata: … 30"), "{seen}");
    assert_eq!(seen.matches("tenant.describe").count(), 200);

    let before = house.directory.audits();
    let last = describe().await;
    until(&mut body, &last).await;
    let (_, mut again) = house.stream(&path, &cookie, &before.to_string()).await;
    let seen = until(&mut again, &last).await;
    assert_eq!(seen.matches("tenant.describe").count(), 1, "{seen}");

    // Who may no longer read is sent nothing more.
    let state = house.directory.state();
    let boss = state
        .operators()
        .find(|it| it.details.email.to_string() == "boss@pages.example");
    let disable = OperatorCommand::Disable(boss.unwrap().id);
    house
        .apply(Command::Operators(disable), Actor::system())
        .await;
    describe().await;
    assert!(body.frame().await.is_none());
}
