//! What is one's own and what is an account's in a real browser: tokens for programs, limits, hosts, and whom an account belongs to.

use std::process::Command;

use tests::browser::{Browser, Look};
use tests::gate::{Gate, binary};

use crate::console::{set_up, set_up_at};

/// What the command line says to somebody who comes with a token.
fn whoami(gate: &Gate, token: &str) -> (bool, String) {
    let said = Command::new(binary())
        .args(["whoami", "--json"])
        .env("POSTERN_DATA", gate.dir())
        .env("POSTERN_TOKEN", token)
        .output()
        .unwrap();
    let text = [said.stdout, said.stderr].concat();
    (said.status.success(), String::from_utf8(text).unwrap())
}

/// 001-30 for tokens: shown once and hidden until asked, in no address, and over once it is revoked.
fn a_token_comes_and_goes(look: Look) {
    let gate = Gate::start();
    let browser = Browser::open(&gate, look);
    set_up(&gate, &browser);
    browser.go("/me");
    browser.follow("Create token");
    browser.fill("#name", "deploy");
    browser.fill("#role", "Reader");
    browser.fill("#days", "In 30 days");
    browser.click("main button.create");
    browser.sees("#secret");
    let token = browser.value("#secret", "value");
    assert!(token.starts_with("ptk_"), "{token}");
    assert_eq!(browser.has("#secret.masked"), look != Look::WithoutScript);
    assert!(!browser.at().contains(&token));
    browser.is_silent();
    let (is_known, said) = whoami(&gate, &token);
    assert!(is_known && said.contains("reader"), "{said}");
    browser.follow("I have stored it");
    browser.sees("tbody tr");
    let row = browser.text("tbody tr");
    for part in ["deploy", "You", "Reader", "in ", "Active"] {
        assert!(row.contains(part), "{part} in {row}");
    }
    assert!(!browser.value("html", "outerHTML").contains(&token));
    browser.follow("Revoke");
    browser.sees("button.danger");
    browser.click("main form button.danger, dialog button.danger");
    browser.reads(".told", "deploy");
    let (is_known, said) = whoami(&gate, &token);
    assert!(!is_known, "{said}");
}

#[test]
fn a_token_is_made_used_and_revoked() {
    a_token_comes_and_goes(Look::Light);
}

#[test]
fn a_token_is_made_used_and_revoked_without_script() {
    a_token_comes_and_goes(Look::WithoutScript);
}

/// 004-26.
#[test]
fn an_account_has_limits_a_domain_and_another_owner() {
    let gate = Gate::start();
    gate.postern_ok(&["tenant", "create", "shop", "--profile", "datastream"]);
    gate.postern_ok(&[
        "user",
        "create",
        "ann",
        "--kind",
        "human",
        "--email",
        "ann@example.com",
        "--tenant",
        "shop",
    ]);
    let browser = Browser::open(&gate, Look::Light);
    set_up_at(&gate, &browser, "/accounts");
    browser.go("/accounts/shop/settings");
    browser.follow("Set limits");
    browser.fill("dialog #users", "2");
    browser.follow("Show what changes");
    browser.reads(".diff .ins", "Most users: 2");
    browser.is_accessible();
    browser.follow("Save changes");
    browser.sees(".told");
    browser.reads("section[aria-labelledby=limits]", "2 of 2");
    let full = gate.postern(&[
        "user", "create", "bob", "--kind", "service", "--tenant", "shop",
    ]);
    assert!(!full.status.success());

    browser.click("section[aria-labelledby=hosts] a");
    browser.follow("Add domain");
    browser.fill("dialog #domain", "s3.shop.example");
    browser.follow("Save changes");
    browser.reads("tbody tr", "s3.shop.example");
    browser.is_accessible();
    browser.follow("Remove");
    browser.fill("dialog #confirm", "s3.shop.example");
    browser.click("dialog button.danger");
    browser.sees(".empty");

    browser.go("/accounts/shop/settings");
    browser.follow("Transfer ownership");
    browser.fill("dialog #to", "ann");
    assert_eq!(browser.value("dialog button.danger", "disabled"), "true");
    browser.fill("dialog #confirm", "shop");
    browser.click("dialog button.danger");
    browser.reads(".told", "ann");
    let ann = gate.postern_ok(&["user", "show", "ann", "--tenant", "shop", "--json"]);
    assert!(ann.contains("\"owner\""), "{ann}");
    browser.is_silent();
}
