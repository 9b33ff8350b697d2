//! Single sign-on in a real browser: to the provider and back, and what the console says of whoever comes in so.

use tests::browser::{Browser, Look};
use tests::clients::file;
use tests::gate::Gate;
use tests::idp::Idp;

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// A gate that knows a provider, with its owner, who has a password.
fn gate(idp: &Idp, folder: &std::path::Path) -> Gate {
    let environment = idp.environment();
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let gate = Gate::start_in(&folder.join("data"), &[], &environment);
    let password = file(gate.dir(), "password", PASSWORD.as_bytes());
    let create = ["operator", "create", ADA, "--role", "owner"];
    gate.postern_ok(&[&create[..], &["--password-file", &password]].concat());
    gate
}

fn with_password(browser: &Browser, email: &str) {
    browser.fill("#email", email);
    browser.fill("#password", PASSWORD);
    browser.click("main form button");
}

/// F9; 004-10, 004-15: a person for whom the provider vouches comes in by it, to the page that she wanted, and has no form for a password.
fn a_person_comes_in_by_the_provider(look: Look) {
    let idp = Idp::start("grace@example.com");
    let folder = tempfile::tempdir().unwrap();
    let gate = gate(&idp, folder.path());
    let browser = Browser::open(&gate, look);
    browser.go("/people/new");
    browser.arrives("/sign-in");
    with_password(&browser, ADA);
    browser.arrives("/people/new");
    // There is a service, so nothing warns that there is none.
    assert!(
        !browser
            .text("main form")
            .contains("knows no sign-on service")
    );
    browser.fill("#email", "grace@example.com");
    browser.fill("#role", "Admin");
    browser.click("[name=sso]");
    browser.click("main button.create");
    browser.reads(".told", "grace@example.com may sign in now");
    let page = browser.text("main");
    assert!(page.contains("Signs in with Example Login"), "{page}");
    for absent in ["Send a link", "Set password", "Second factor"] {
        assert!(!page.contains(absent), "{absent} in {page}");
    }

    let guest = Browser::open(&gate, look);
    guest.go("/people?q=grace");
    guest.arrives("/sign-in");
    guest.is_accessible();
    assert_eq!(guest.text("#sso"), "Sign in with Example Login");
    // A password does not let her in.
    with_password(&guest, "grace@example.com");
    guest.sees(".problem");
    guest.go("/sign-in?to=%2Fpeople%3Fq%3Dgrace");
    guest.click("#sso");
    guest.click("#back");
    guest.arrives("/people?q=grace");
    assert!(guest.text("tbody").contains("grace@example.com"));

    guest.go("/me");
    let own = guest.text("main");
    assert!(own.contains("Signs in with Example Login"), "{own}");
    assert!(!guest.has("[href=\"/me/password\"]") && !guest.has("[href=\"/me/second-factor\"]"));
    guest.is_accessible();
    guest.go("/me/password");
    assert!(!guest.has("[type=password]"));
    guest.go("/step-up?to=%2Fpeople");
    assert!(!guest.has("[type=password]"));
    if look != Look::WithoutScript {
        guest.is_accessible();
    }
    guest.click("#sso");
    guest.click("#back");
    guest.arrives("/people");

    // Whoever manages people shuts the door at once.
    gate.postern_ok(&["operator", "disable", "grace@example.com"]);
    guest.go("/people");
    guest.arrives("/sign-in");
    guest.click("#sso");
    guest.click("#back");
    guest.arrives("/sso/callback");
    assert!(guest.text(".problem").contains("disabled here"));
}

#[test]
fn whoever_has_single_sign_on_comes_in_by_the_provider() {
    a_person_comes_in_by_the_provider(Look::Light);
}

/// Whom the directory does not know the provider does not let in, and he is told what to do.
#[test]
fn a_stranger_for_whom_the_provider_vouches_stays_out() {
    let idp = Idp::start("stranger@example.com");
    let folder = tempfile::tempdir().unwrap();
    let gate = gate(&idp, folder.path());
    let browser = Browser::open(&gate, Look::WithoutScript);
    browser.go("/sign-in");
    browser.click("#sso");
    browser.click("#back");
    browser.reads(".problem", "Nobody with your e-mail address signs in here");
    let said = gate.postern_ok(&["--json", "audit", "search", "--action", "session.refuse"]);
    assert!(said.contains("\"unknown\""), "{said}");
}
