//! A bucket's tabs in a real browser: rules that S3 has, set and taken away as an access key may, and a quota that holds.

use tests::browser::{Browser, Look};
use tests::call::Call;
use tests::gate::{Gate, Key};
use tests::wire::Answer;

use crate::console::{look_into, set_up};

const ORIGIN: &str = "https://www.example.com";

/// What the gate tells a browser that asks for a page of another website, at the host that leads into the owner's namespace.
fn preflight(gate: &Gate, key: &Key) -> Answer {
    let port = gate.address().port();
    let host = format!("{}--{}.public.localhost:{port}", key.bucket, key.user);
    let call = Call::new("OPTIONS", "/harbour.jpg")
        .with_unsigned("Origin", ORIGIN)
        .with_unsigned("Access-Control-Request-Method", "GET");
    call.anonymous(&host).send(gate)
}

fn rules_are_set_and_taken_away(look: Look) {
    let gate = Gate::start();
    let browser = Browser::open(&gate, look);
    set_up(&gate, &browser);
    let key = gate.key("photos", "full").clone();
    look_into(&browser, &key.bucket, &key);
    browser.follow("CORS");
    browser.sees(".empty");
    assert_eq!(preflight(&gate, &key).status, 403);
    browser.follow("Make rules");
    browser.follow("One website reads");
    browser.sees("#text");
    browser.follow("Check");
    browser.sees("#changes");
    assert!(browser.text("tbody tr").contains(ORIGIN));
    assert!(browser.has(".diff .ins"));
    // Nothing is set before it is saved.
    assert_eq!(preflight(&gate, &key).status, 403);
    browser.follow("Save changes");
    browser.sees(".told");
    browser.reads("tbody tr", "GET, HEAD");
    let answer = preflight(&gate, &key);
    assert_eq!(
        answer.expect(200).header("access-control-allow-origin"),
        Some(ORIGIN)
    );

    // What is wrong is said in the gate's words, and what was written stays.
    browser.follow("Edit");
    browser.fill("#text", "<CORSConfiguration><CORSRule><AllowedMethod>FETCH</AllowedMethod></CORSRule></CORSConfiguration>");
    browser.follow("Check");
    browser.reads(".problem", "Found unsupported HTTP method");
    assert!(browser.value("#text", "value").contains("FETCH"));
    assert!(!browser.has("button[value=save]"));
    browser.follow("Cancel");
    browser.follow("Delete");
    browser.sees("button.danger");
    browser.click("main form button.danger, dialog button.danger");
    browser.sees(".told");
    browser.sees(".empty");
    assert_eq!(preflight(&gate, &key).status, 403);

    browser.follow("Lifecycle");
    browser.sees(".empty");
    browser.follow("Make rules");
    browser.follow("Delete logs after 30 days");
    browser.sees("#text");
    browser.follow("Check");
    browser.sees("#changes");
    browser.follow("Save changes");
    browser.sees(".told");
    let row = browser.text("tbody tr");
    for part in [
        "logs",
        "Enabled",
        "keys that begin with logs/",
        "Deleted 30 days after",
    ] {
        assert!(row.contains(part), "{part} in {row}");
    }
    let rules = Call::get(&format!("/{}?lifecycle", key.bucket)).send(&gate, &key);
    assert_eq!(rules.expect(200).element("Days").as_deref(), Some("30"));
}

#[test]
fn rules_of_a_bucket_are_checked_saved_and_deleted() {
    rules_are_set_and_taken_away(Look::Light);
}

#[test]
fn rules_of_a_bucket_are_checked_saved_and_deleted_without_script() {
    rules_are_set_and_taken_away(Look::WithoutScript);
}

/// Of two who change the same rules, the later sees what the earlier has saved before it goes.
#[test]
fn rules_that_changed_meanwhile_are_shown_before_they_are_replaced() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let key = gate.key("photos", "full").clone();
    look_into(&browser, &key.bucket, &key);
    browser.follow("CORS");
    browser.follow("Make rules");
    browser.follow("One website reads");
    browser.sees("#text");
    browser.follow("Check");
    browser.sees("#changes");
    assert!(!browser.has(".diff .del"));
    let rules = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://other.example</AllowedOrigin></CORSRule></CORSConfiguration>";
    Call::put(&format!("/{}?cors", key.bucket), rules.as_bytes())
        .send(&gate, &key)
        .expect(200);
    browser.follow("Save changes");
    browser.sees(".diff .del");
    assert!(browser.text(".diff").contains("other.example"));
    assert_eq!(preflight(&gate, &key).status, 403);
    browser.follow("Save changes");
    browser.sees(".told");
    preflight(&gate, &key).expect(200);
}

/// The page shows what the key is told, and nothing that another key was told.
#[test]
fn a_key_that_may_not_see_rules_is_refused_in_the_gates_words() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let full = gate.key("photos", "full").clone();
    let write: Key = gate.key("photos", "write").clone();
    let rules = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://secret.example</AllowedOrigin></CORSRule></CORSConfiguration>";
    Call::put(&format!("/{}?cors", full.bucket), rules.as_bytes())
        .send(&gate, &full)
        .expect(200);
    look_into(&browser, &full.bucket, &full);
    browser.follow("CORS");
    browser.reads("tbody", "secret.example");
    browser.follow("Use another key");
    browser.fill("#id", &write.access_key_id);
    browser.fill("#secret", &write.secret_access_key);
    browser.follow("Use this key");
    browser.reads(".problem", "AccessDenied");
    assert!(
        !browser
            .value("html", "outerHTML")
            .contains("secret.example")
    );
}

#[test]
fn a_quota_of_a_bucket_holds_and_its_bar_fills() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let key = gate.key("photos", "full").clone();
    browser.go("/accounts/demo/users/photos/buckets");
    browser.click("tbody th a");
    browser.click(".tabs li:last-child a");
    browser.follow("Set quota");
    browser.fill("dialog #objects", "1");
    browser.follow("Save changes");
    browser.sees(".told");
    let put =
        |name: &str| Call::put(&format!("/{}/{name}", key.bucket), b"as new").send(&gate, &key);
    put("one").expect(200);
    put("two").expect_error(403, "QuotaExceeded");
    browser.go(&browser.at());
    browser.sees("progress[value='100']");
    browser.reads("section:has(progress)", "1 of 1");
    assert_eq!(browser.texts(".cards dd")[..2], ["1", "6 B"]);
    browser.is_accessible();
    browser.is_silent();
}
