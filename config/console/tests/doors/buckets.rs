//! A bucket's tabs: those alone that one may open; what was used of it, and how much it may hold.

use std::collections::BTreeMap;

use postern_config::directory::{Profile, Role};

use super::crawl::{filled, furnished};
use super::house::House;

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
        let mut wanted = vec!["Overview", "Objects", "Policy", "CORS", "Lifecycle"];
        // Who sees some users alone does not see who else has used it.
        if number == 0 {
            wanted.push("Usage");
        }
        for below in ["", "/objects", "/policy", "/cors", "/lifecycle"] {
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
