//! A bucket's tabs: those alone that one may open; what was used of it, and how much it may hold.

use std::collections::BTreeMap;

use postern_config::directory::{
    Actor, Command, NamespaceId, NewUser, Outcome, PolicyPlace, Profile, Quota, QuotaOf, Role,
    UserKind,
};
use serde_json::Value;

use super::crawl::{filled, furnished, site as begin_site};
use super::house::{House, Key};

/// The tabs of a page: what stands in their links.
fn tabs(page: &str) -> Vec<&str> {
    let Some((_, rest)) = page.split_once("<nav class=\"tabs\"") else {
        return Vec::new();
    };
    let (nav, _) = rest.split_once("</nav>").unwrap();
    let links = nav.split("</a>").filter(|it| it.contains("<a "));
    links.map(|it| it.rsplit('>').next().unwrap()).collect()
}

async fn open(house: &House, cookie: &str, path: &str) -> String {
    let answer = house.browse(("GET", path), cookie, None).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.text
}

fn path(words: &BTreeMap<&'static str, String>, below: &str) -> String {
    filled("/accounts/{tenant}/buckets/{bucket}", words) + below
}

#[tokio::test]
async fn a_bucket_has_the_tabs_that_its_reader_may_open() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    for (number, scope) in [(0, &scopes[0]), (3, &scopes[3])] {
        let email = format!("r{number}@pages.example");
        house
            .operator_who_signs_in(&email, Role::Owner, scope.clone())
            .await;
        let cookie = house.sign_in_browser(&email).await;
        let mut wanted = vec![
            "Overview",
            "Objects",
            "Policy",
            "CORS",
            "Lifecycle",
            "Events",
        ];
        // Who sees some users alone does not see who else has used it.
        if number == 0 {
            wanted.push("Usage");
        }
        for below in ["", "/objects", "/policy", "/cors", "/lifecycle", "/events"] {
            let page = open(&house, &cookie, &path(&words, below)).await;
            assert_eq!(tabs(&page), wanted, "{below}");
            let (_, nav) = page.split_once("<nav class=\"tabs\"").unwrap();
            let (nav, _) = nav.split_once("</nav>").unwrap();
            let here = format!("{below}\" aria-current=\"page\"");
            assert_eq!(nav.matches("aria-current").count(), 1, "{below}");
            assert!(nav.contains(&here), "{below}");
        }
    }
}

/// Without an access key nobody sees rules, and nobody sets them.
#[tokio::test]
async fn rules_are_asked_for_with_an_access_key_alone() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    for kind in ["/cors", "/lifecycle"] {
        let page = open(&house, &cookie, &path(&words, kind)).await;
        assert!(page.contains("action=\"/me/key\""), "{page}");
        assert!(!page.contains("/edit\""), "{page}");
        for (method, below) in [
            ("GET", "/edit"),
            ("POST", "/edit"),
            ("GET", "/delete"),
            ("POST", "/delete"),
        ] {
            let path = path(&words, &format!("{kind}{below}"));
            let form = (method == "POST").then_some("text=x&do=save");
            let answer = house.browse((method, &path), &cookie, form).await;
            let to = answer.headers["location"].to_str().unwrap().to_owned();
            assert!(to.starts_with("/me/key?to="), "{method} {path}: {to}");
        }
    }
}

#[tokio::test]
async fn a_quota_of_a_bucket_is_set_by_who_may_and_shown() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    house
        .operator_who_signs_in("reader@pages.example", Role::Reader, scopes[0].clone())
        .await;
    let boss = house.sign_in_browser("boss@pages.example").await;
    let usage = path(&words, "/usage");
    let quota = path(&words, "/usage/quota");
    let wrong = house.browse(("POST", &quota), &boss, Some("bytes=much&objects="));
    let wrong = wrong.await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("bytes-wrong"), "{}", wrong.text);
    let page = open(&house, &boss, &usage).await;
    assert!(page.contains("None: the bucket may hold"), "{page}");
    assert!(page.contains("/usage/quota\""), "{page}");
    let set = house.browse(("POST", &quota), &boss, Some("bytes=2048&objects=7"));
    assert_eq!(set.await.status, 303);
    let page = open(&house, &boss, &usage).await;
    assert!(!page.contains("None: the bucket may hold"), "{page}");
    let form = open(&house, &boss, &quota).await;
    assert!(
        form.contains("value=\"2 KiB\"") && form.contains("value=\"7\""),
        "{form}"
    );
    let reader = house.sign_in_browser("reader@pages.example").await;
    let page = open(&house, &reader, &path(&words, "")).await;
    assert!(!tabs(&page).contains(&"Usage"), "{page}");
    for path in [&usage, &quota] {
        let answer = house.browse(("GET", path), &reader, None).await;
        assert_eq!(answer.status, 403, "{path}");
    }
}

/// The actions that a reader finds, the latest first.
async fn actions(house: &House, key: &Key, query: &str) -> Vec<String> {
    let path = format!("/api/v1/audit?{query}");
    let page = house.ask(key, ("GET", &path), None).await.is(200);
    let items = page["items"].as_array().unwrap().iter();
    let action = |it: &Value| it["action"].as_str().unwrap().to_owned();
    items.map(action).collect()
}

/// What was done to a bucket is the bucket itself and its policy: neither its neighbour of the same name nor its owner.
#[tokio::test]
async fn events_of_a_bucket_are_those_of_this_bucket() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    let state = house.directory.state();
    let (site, web, acme) = {
        let tenant = state.tenants().find(|it| it.name.as_str() == "acme");
        let site = state.buckets_in(tenant.unwrap()).next().unwrap();
        (site.id, site.owner, site.tenant)
    };
    let policy = Command::PutPolicy {
        place: PolicyPlace::Bucket(site),
        text: "{}".to_owned(),
    };
    let other = NewUser::new(acme, "third".parse().unwrap(), UserKind::Service);
    for command in [
        policy,
        Command::SetQuota(QuotaOf::Bucket(site), Quota::default()),
        Command::DisableUser(web),
        Command::EnableUser(web),
    ] {
        house.apply(command, Actor::system()).await;
    }
    let Outcome::User(third) = house
        .apply(Command::CreateUser(other), Actor::system())
        .await
    else {
        panic!("no user");
    };
    let begin = begin_site(NamespaceId::User(acme, third), third);
    let Outcome::Bucket(neighbour) = house.apply(begin, Actor::system()).await else {
        panic!("no bucket");
    };
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scopes[0].clone())
        .await;
    let key = house.sign_in_bearer("boss@pages.example").await;
    let wanted = [
        "bucket.set-quota",
        "policy.put",
        "bucket.activate",
        "bucket.create",
    ];
    let query = format!("tenant=acme&bucket={site}");
    assert_eq!(actions(&house, &key, &query).await, wanted);
    let query = format!("tenant=acme&bucket={neighbour}");
    assert_eq!(actions(&house, &key, &query).await, ["bucket.create"]);
    let export = format!("/api/v1/audit/export?tenant=acme&bucket={site}");
    let export = house.ask(&key, ("GET", &export), None).await;
    assert_eq!(export.text.lines().count(), wanted.len());
    for (query, status, code) in [
        (format!("bucket={site}"), 400, "malformed"),
        ("tenant=acme&bucket=site".to_owned(), 409, "ambiguous"),
        ("tenant=acme&bucket=none".to_owned(), 404, "not-found"),
    ] {
        let path = format!("/api/v1/audit?{query}");
        let answer = house.ask(&key, ("GET", &path), None).await;
        answer.problem(status, code);
    }

    let cookie = house.sign_in_browser("boss@pages.example").await;
    let mut words = words;
    words.insert("bucket", site.to_string());
    let page = open(&house, &cookie, &path(&words, "/events")).await;
    for action in wanted {
        assert!(page.contains(&format!("<code>{action}</code>")), "{action}");
    }
    assert!(!page.contains("<code>user."), "{page}");
    let all = format!("/accounts/acme/audit?bucket={site}");
    assert!(page.contains(&format!("href=\"{all}\"")), "{page}");
    let log = open(&house, &cookie, &all).await;
    assert!(log.contains("<code>policy.put</code>"), "{log}");
    assert!(!log.contains("<code>user."), "{log}");
}
