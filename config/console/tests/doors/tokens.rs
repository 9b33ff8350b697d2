//! Tokens of the admin API on the console's pages: shown once, bounded by their maker, ended by him and by who answers for him.

use postern_config::directory::{OperatorScope, Profile, Role};

use super::crawl::furnished;
use super::house::{Answer, House, Key};

const NEW: &str = "/me/tokens/new";

/// What stands in a page between two texts.
fn between<'p>(page: &'p str, before: &str, after: &str) -> Option<&'p str> {
    let (_, rest) = page.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

async fn signed_in(house: &House, email: &str, role: Role, scope: &OperatorScope) -> String {
    house
        .operator_who_signs_in(email, role, scope.clone())
        .await;
    house.sign_in_browser(email).await
}

async fn open(house: &House, cookie: &str, path: &str) -> Answer {
    house.browse(("GET", path), cookie, None).await
}

/// Makes a token by the form and answers its text.
async fn made(house: &House, cookie: &str, form: &str) -> String {
    let answer = house.browse(("POST", NEW), cookie, Some(form)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let secret = between(&answer.text, "Authorization: Bearer ", "<");
    secret
        .unwrap_or_else(|| panic!("no token: {}", answer.text))
        .to_owned()
}

/// The number of the only token that a page shows.
fn number(page: &str) -> String {
    let found = between(page, "/me/tokens/", "/revoke");
    let found = found.and_then(|it| it.rsplit('/').next());
    found.unwrap_or_else(|| panic!("{page}")).to_owned()
}

#[tokio::test]
async fn a_token_is_shown_once_does_what_it_may_and_ends() {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    let cookie = signed_in(&house, "boss@pages.example", Role::Owner, &scopes[0]).await;
    // Past the time in which he is not asked again, the password comes first.
    house.wait(301);
    let asked = open(&house, &cookie, NEW).await;
    assert_eq!(
        asked.headers["location"],
        "/step-up?to=%2Fme%2Ftokens%2Fnew"
    );
    let cookie = house.sign_in_browser("boss@pages.example").await;
    let page = open(&house, &cookie, NEW).await.text;
    let once = between(&page, "name=\"once\" value=\"", "\"").unwrap();
    let form = format!("name=deploy&role=reader&tenant=acme&days=30&once={once}");
    let secret = made(&house, &cookie, &form).await;
    assert!(secret.starts_with("ptk_"), "{secret}");

    // Sent again, it makes no other and shows nothing.
    let again = house.browse(("POST", NEW), &cookie, Some(&form)).await;
    assert_eq!(again.status, 200);
    assert!(!again.text.contains("ptk_"), "{}", again.text);
    assert!(again.text.contains("made already"), "{}", again.text);
    let list = open(&house, &cookie, "/me/tokens").await.text;
    assert!(
        list.contains("1 of 1") && list.contains(">deploy<"),
        "{list}"
    );
    assert!(
        list.contains(">Reader<") && list.contains(">acme<"),
        "{list}"
    );
    assert!(list.contains(">You<") && !list.contains("ptk_"), "{list}");
    assert_eq!(again.headers["cache-control"], "no-store");

    let key = Key::Bearer(secret);
    house
        .ask(&key, ("GET", "/api/v1/tenants/acme"), None)
        .await
        .is(200);
    let hidden = house.ask(&key, ("GET", "/api/v1/tenants/stranger"), None);
    hidden.await.is(404);
    let end = format!("/me/tokens/{}/revoke", number(&list));
    let page = open(&house, &cookie, &end).await;
    assert!(page.text.contains("postern token revoke"), "{}", page.text);
    let ended = house.browse(("POST", &end), &cookie, Some("")).await;
    assert_eq!(ended.headers["location"], "/me/tokens", "{}", ended.text);
    let refused = house.ask(&key, ("GET", "/api/v1/tenants/acme"), None);
    refused.await.is(401);
    let list = open(&house, &cookie, "/me/tokens").await.text;
    assert!(list.contains("No token yet"), "{list}");
}

/// What a form says wrong stays in the form, and nobody gives more than he has.
#[tokio::test]
async fn a_token_has_a_name_and_no_more_than_its_maker() {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    let cookie = signed_in(&house, "r@pages.example", Role::Reader, &scopes[2]).await;
    let page = open(&house, &cookie, NEW).await.text;
    assert!(page.contains("value=\"reader\" selected"), "{page}");
    for higher in ["owner", "admin", "contributor"] {
        assert!(!page.contains(&format!("value=\"{higher}\"")), "{page}");
    }
    let nameless = house.browse(("POST", NEW), &cookie, Some("name=")).await;
    assert_eq!(nameless.status, 422);
    assert!(nameless.text.contains("name-wrong"), "{}", nameless.text);
    let above = house.browse(("POST", NEW), &cookie, Some("name=x&role=admin"));
    let above = above.await;
    assert_eq!(above.status, 403, "{}", above.text);
    let elsewhere = house.browse(("POST", NEW), &cookie, Some("name=x&tenant=stranger"));
    assert_eq!(elsewhere.await.status, 404);
    made(&house, &cookie, "name=x").await;
    let taken = house.browse(("POST", NEW), &cookie, Some("name=X")).await;
    assert_eq!(taken.status, 409, "{}", taken.text);
}

/// Who may change people sees what they have made and ends it; nobody else learns that there is something.
#[tokio::test]
async fn tokens_of_others_are_seen_and_ended_by_who_answers_for_them() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    let target: u64 = words["operator"].parse().unwrap();
    let state = house.directory.state();
    let target = state.operator_numbered(target).unwrap().id;
    let key = house.token_of(target).await;
    let person = format!("/people/{}", words["operator"]);
    let admin = signed_in(&house, "a@pages.example", Role::Admin, &scopes[2]).await;
    let page = open(&house, &admin, &person).await.text;
    let end = format!("/me/tokens/{}/revoke", number(&page));
    for (email, role, scope) in [
        ("r@pages.example", Role::Reader, &scopes[2]),
        ("s@pages.example", Role::Owner, &scopes[5]),
    ] {
        let cookie = signed_in(&house, email, role, scope).await;
        let page = open(&house, &cookie, &person).await.text;
        assert!(!page.contains("/revoke"), "{email}: {page}");
        let list = open(&house, &cookie, "/me/tokens").await.text;
        assert!(list.contains("No token yet"), "{email}: {list}");
        for (method, form) in [("GET", None), ("POST", Some(""))] {
            let answer = house.browse((method, &end), &cookie, form).await;
            assert_eq!(answer.status, 404, "{email} {method}: {}", answer.text);
        }
    }
    let me = house.ask(&key, ("GET", "/api/v1/me"), None);
    me.await.is(200);
    let ended = house.browse(("POST", &end), &admin, Some("")).await;
    assert_eq!(ended.headers["location"], person.as_str(), "{}", ended.text);
    let me = house.ask(&key, ("GET", "/api/v1/me"), None);
    me.await.is(401);
}
