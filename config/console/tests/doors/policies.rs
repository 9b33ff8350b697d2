//! The console's pages for policy documents.

use postern_config::directory::{Profile, Role};

use super::crawl::furnished;
use super::house::House;

const EDIT: &str = "/accounts/acme/buckets/site/policy/edit";

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

/// A form, with what the page before had in its hidden fields.
fn form(page: &str, text: &str, what: &str) -> String {
    let hidden = |name: &str| {
        let mark = format!("name=\"{name}\" value=\"");
        let rest = page.split(&mark).nth(1).unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    form_urlencoded::Serializer::new(String::new())
        .append_pair("text", text)
        .append_pair("revision", &hidden("revision"))
        .append_pair("seen", &hidden("seen"))
        .append_pair("do", what)
        .finish()
}

#[tokio::test]
async fn a_policy_is_saved_once_it_was_shown_what_that_changes() {
    let (house, cookie) = house().await;
    let send = async |form: String| house.browse(("POST", EDIT), &cookie, Some(&form)).await;
    let empty = house.browse(("GET", EDIT), &cookie, None).await;
    assert_eq!(empty.status, 200, "{}", empty.text);

    let faulty = send(form(
        &empty.text,
        "{\r\n  oops </textarea><script>x",
        "save",
    ))
    .await;
    assert_eq!(faulty.status, 422);
    assert!(faulty.text.contains("Line 2, column 3") || faulty.text.contains("line 2, column 3"));
    assert!(faulty.text.contains("<b>2</b>"), "the line is not marked");
    assert!(!faulty.text.contains("<script>x"), "{}", faulty.text);

    let document = "{\r\n  \"Statement\": []\r\n}\r\n";
    let shown = send(form(&empty.text, document, "save")).await;
    assert_eq!(shown.status, 200, "it was saved before it was shown");
    assert!(shown.text.contains("<ins>"), "{}", shown.text);

    // What is sent then and was not shown is shown first.
    let other = document.replace("[]", "[1]");
    let again = send(form(&shown.text, &other, "save")).await;
    assert_eq!(again.status, 200);
    let saved = send(form(&again.text, &other, "save")).await;
    assert_eq!(saved.status, 303, "{}", saved.text);
    let page = house
        .browse(("GET", "/accounts/acme/buckets/site/policy"), &cookie, None)
        .await;
    assert!(
        page.text.contains("[1]") && !page.text.contains('\r'),
        "{}",
        page.text
    );

    // Somebody has saved meanwhile: his document stays.
    let late = send(form(&again.text, &other, "save")).await;
    assert_eq!(late.status, 412, "{}", late.text);

    let list = house
        .browse(("GET", "/accounts/acme/policies"), &cookie, None)
        .await;
    assert!(list.text.contains("1 of 1"), "{}", list.text);
    let delete = "/accounts/acme/buckets/site/policy/delete";
    let gone = house.browse(("POST", delete), &cookie, Some("")).await;
    assert_eq!(gone.status, 303);
    let none = house.browse(("GET", delete), &cookie, None).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn what_opens_something_to_everybody_says_so_before_it_is_saved() {
    let (house, cookie) = house().await;
    let begun = format!("{EDIT}?begin=public");
    let begun = house.browse(("GET", &begun), &cookie, None).await;
    assert!(begun.text.contains("arn:aws:s3:::site/*"), "{}", begun.text);
    let public = "{\"Statement\": {\"Principal\": \"*\"}}";
    let checked = form(&begun.text, public, "check");
    let checked = house.browse(("POST", EDIT), &cookie, Some(&checked)).await;
    assert!(checked.text.contains("opens something to everybody"));
    let user = "/accounts/acme/policies/new?user=web&name=a%2Fb";
    let named = house.browse(("GET", user), &cookie, None).await;
    assert_eq!(named.status, 200, "a name that is none goes nowhere");
}
