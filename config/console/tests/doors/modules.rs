//! The console's pages for modules.

use postern_config::directory::{Digest, ModuleScope, Profile, Role};

use super::crawl::furnished;
use super::house::{Answer, House};

/// A house, and the cookie of somebody who may do everything there.
async fn house() -> (House, String) {
    let (house, _, scopes) = furnished(Profile::E3Primary).await;
    let scope = scopes.into_iter().next().unwrap();
    house
        .operator_who_signs_in("boss@pages.example", Role::Owner, scope)
        .await;
    let cookie = house.sign_in_browser("boss@pages.example").await;
    (house, cookie)
}

async fn upload(house: &House, cookie: &str, bytes: &str) -> Answer {
    let form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nguard\r\n\
         --b\r\nContent-Disposition: form-data; name=\"signature\"\r\n\r\n\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"<script>.wasm\"\r\n\
         Content-Type: application/wasm\r\n\r\n{bytes}\r\n--b--\r\n"
    );
    house.send_file("/modules/new", cookie, &form).await
}

/// What is in force.
fn active(house: &House) -> Option<Digest> {
    let name = "guard".parse().unwrap();
    let state = house.directory.state();
    state.binding(ModuleScope::Platform, &name)?.active
}

#[tokio::test]
async fn a_bad_module_is_answered_with_its_faults_and_nothing_is_stored() {
    let (house, cookie) = house().await;
    let refused = upload(&house, &cookie, "bad").await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(
        refused.text.contains("Offset 3") || refused.text.contains("offset 3"),
        "{}",
        refused.text
    );
    assert!(
        refused.text.contains("value=\"guard\""),
        "what was typed is gone"
    );
    assert!(!refused.text.contains("<script>."));
    let empty = upload(&house, &cookie, "").await;
    assert_eq!(empty.status, 422);
    assert!(empty.text.contains("Choose a file."));
    let scope = ModuleScope::Platform;
    assert_eq!(house.directory.state().modules(scope).count(), 0);
    let large = upload(&house, &cookie, &"good".repeat(9_000)).await;
    assert_eq!(large.status, 413, "{}", large.text);
}

/// F7: rolling back restores the digest of before in one revision.
#[tokio::test]
async fn rolling_back_restores_the_version_of_before() {
    let (house, cookie) = house().await;
    let mut digests = Vec::new();
    for bytes in ["good 1", "good 2"] {
        let stored = upload(&house, &cookie, bytes).await;
        assert_eq!(stored.status, 303, "{}", stored.text);
        let page = stored.headers["location"].to_str().unwrap().to_owned();
        let shown = house.browse(("GET", &page), &cookie, None).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        let activate = format!("{page}/activate");
        let asked = house.browse(("GET", &activate), &cookie, None).await;
        assert_eq!(asked.status, 200);
        let done = house.browse(("POST", &activate), &cookie, Some("")).await;
        assert_eq!(done.status, 303, "{}", done.text);
        digests.push(Digest::of(bytes.as_bytes()));
        assert_eq!(active(&house), digests.last().copied());
    }
    let before = house.directory.state().revision().0;
    let back = "/modules/guard/rollback";
    let done = house.browse(("POST", back), &cookie, Some("")).await;
    assert_eq!(done.status, 303, "{}", done.text);
    assert_eq!(active(&house), digests.first().copied());
    assert_eq!(house.directory.state().revision().0, before + 1);
    for page in ["/modules", "/modules/guard", "/modules/guard?live=1"] {
        let shown = house.browse(("GET", page), &cookie, None).await;
        assert_eq!(shown.status, 200, "{page}: {}", shown.text);
        assert!(shown.text.contains("guard"), "{page}");
    }
    let off = house
        .browse(("POST", "/modules/guard/deactivate"), &cookie, Some(""))
        .await;
    assert_eq!(off.status, 303);
    assert_eq!(active(&house), None);
}
