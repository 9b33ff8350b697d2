//! Passkeys in a real browser, with a device that it plays.

use tests::browser::{Browser, Look};
use tests::gate::Gate;

use super::console::set_up;

const ADD: &str = "/me/passkeys/new";

#[test]
fn a_passkey_is_added_signs_in_and_is_taken_away() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    browser.with_device();
    set_up(&gate, &browser);
    browser.go("/me");
    browser.follow("Add a passkey");
    browser.arrives(ADD);
    browser.is_accessible();
    browser.picture("passkey");
    browser.fill("#name", "laptop");
    browser.click("main form button");
    browser.reads(".told", "The passkey is kept.");
    browser.reads("main", "laptop");
    browser.picture("me-with-passkey");
    browser.is_accessible();
    // The same device has one now, and says so.
    browser.go(ADD);
    browser.fill("#name", "again");
    browser.click("main form button");
    browser.reads("main form [role=alert]", "No passkey came");
    browser.said();

    browser.go("/step-up?to=/me/passkeys/new");
    browser.click("#passkey");
    browser.arrives("/step-up/passkey");
    browser.click("main form button");
    browser.arrives(ADD);

    browser.follow("Sign out");
    browser.arrives("/sign-in");
    browser.is_accessible();
    browser.picture("sign-in-with-passkey");
    browser.click("#passkey");
    browser.arrives("/sign-in/passkey");
    browser.is_accessible();
    browser.click("main form button");
    browser.sees("#nav");
    browser.go("/me");
    browser.reads("main", "laptop");

    browser.go("/me/passkeys/laptop/remove");
    browser.click("main form button");
    browser.arrives("/me");
    browser.reads(".told", "Passkey laptop is removed.");
    browser.follow("Sign out");
    browser.arrives("/sign-in");
    assert!(!browser.has("#passkey"));
    browser.go("/sign-in/passkey");
    browser.click("main form button");
    browser.reads("main .problem", "Nobody signs in with this passkey");
}

/// Under an address, and without script, the page says what to do.
#[test]
fn where_there_are_no_passkeys_the_page_says_so() {
    let gate = Gate::start();
    let browser = Browser::open_by_address(&gate, Look::Light);
    set_up(&gate, &browser);
    browser.go(ADD);
    browser.reads("main .problem", "localhost");
    assert!(!browser.has("main form"));
    drop(browser);
    let browser = Browser::open(&gate, Look::WithoutScript);
    browser.go("/sign-in/passkey");
    browser.reads("main noscript", "JavaScript");
}
