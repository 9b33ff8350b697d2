//! The console in a real browser: what its users do there, flow by flow, and how each screen stands up to the eye, to assistive
//! technology and to a strict policy.

use tests::browser::{Browser, Look, key};
use tests::call::Call;
use tests::clients::{Client, file};
use tests::gate::{Gate, Key};
use tests::random::Random;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// The link with which the first person comes in.
fn first_link(gate: &Gate) -> String {
    let token = std::fs::read_to_string(gate.dir().join("first-operator.token")).unwrap();
    format!("/setup/{}", token.trim())
}

/// Makes the first person, who owns the deployment, and signs in.
pub(crate) fn set_up(gate: &Gate, browser: &Browser) {
    set_up_at(gate, browser, "/accounts/demo");
}

/// The same where there are several accounts: the first page is their list.
pub(crate) fn set_up_at(gate: &Gate, browser: &Browser, first: &str) {
    browser.go(&first_link(gate));
    browser.fill("#email", EMAIL);
    browser.fill("#name", "Ada Lovelace");
    browser.fill("#password", PASSWORD);
    browser.click("main button");
    browser.arrives(first);
}

fn sign_in(browser: &Browser, email: &str) {
    browser.go("/sign-in");
    browser.fill("#email", email);
    browser.fill("#password", PASSWORD);
    browser.click("main button");
    browser.sees(".who");
}

/// Somebody who signs in with the password of all.
fn person(gate: &Gate, email: &str, arguments: &[&str]) {
    let file = file(gate.dir(), "password", PASSWORD.as_bytes());
    let all = [
        &["operator", "create", email, "--password-file", &file],
        arguments,
    ]
    .concat();
    gate.postern_ok(&all);
}

/// What stands after a name in the lines for a shell.
fn exported(page: &str, name: &str) -> String {
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(&format!("export {name}=")));
    line.unwrap_or_else(|| panic!("no {name} in {page}"))
        .to_owned()
}

/// From nothing to an object, in the browser and with one client.
fn from_nothing_to_an_object(look: Look) {
    let gate = Gate::start();
    let browser = Browser::open(&gate, look);
    set_up(&gate, &browser);

    // 001-16: overview, buckets, access keys and users are what one may go to.
    let nav = browser.texts("#nav a").join(" ");
    if look != Look::WithoutScript {
        for entry in ["Overview", "Users", "Access keys", "Buckets"] {
            assert!(nav.contains(entry), "{nav}");
        }
    }
    browser.go("/accounts/demo/users");
    assert!(browser.texts("thead th").join(" ").contains("Account ID"));
    browser.click(".head a.create");
    browser.fill("#name", "backup-server");
    browser.follow("Create user");
    browser.arrives("/accounts/demo/users/backup-server");
    // 001-20, 001-22: nothing is made along, and the cards say so.
    assert_eq!(browser.texts(".cards dd"), ["0", "0 B", "0", "0"]);

    // 001-23, 001-31.
    browser.click(".head a.create");
    browser.sees("[name=level]");
    browser.fill("#description", "nightly");
    browser.click("[name=level][value=full]");
    browser.click(".key-form button.create");
    browser.sees("#env");
    let lines = browser.value("#env", "textContent");
    let (id, secret) = (
        exported(&lines, "AWS_ACCESS_KEY_ID"),
        exported(&lines, "AWS_SECRET_ACCESS_KEY"),
    );
    browser.follow("I have stored it");
    browser.sees("tbody tr");
    let row = browser.text("tbody tr");
    for part in [&id[..4], &id[16..], "nightly", "Full", "just now", "Active"] {
        assert!(row.contains(part), "{part} in {row}");
    }

    // 001-33: whose the bucket is must be chosen.
    browser.go("/accounts/demo/buckets/new");
    browser.fill("#name", "nightly");
    browser.click("main button.create");
    assert_eq!(browser.text("#owner-wrong"), "This is needed.");
    browser.fill("#owner", "backup-server");
    browser.click("main button.create");
    browser.sees(".told");
    browser.reads("h1", "nightly");

    let folder = tempfile::tempdir().unwrap();
    let object = file(folder.path(), "object", b"as new");
    let said = std::process::Command::new("aws")
        .args([
            "s3",
            "cp",
            "--only-show-errors",
            &object,
            "s3://nightly/object",
        ])
        .env("AWS_ACCESS_KEY_ID", &id)
        .env("AWS_SECRET_ACCESS_KEY", &secret)
        .env("AWS_REGION", exported(&lines, "AWS_REGION"))
        .env("AWS_ENDPOINT_URL", exported(&lines, "AWS_ENDPOINT_URL"))
        .env("AWS_CA_BUNDLE", &gate.dev().ca)
        .output()
        .unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    browser.go("/accounts/demo/buckets?q=nightly");
    assert_eq!(browser.texts("tbody td.number"), ["1", "6 B"]);
}

/// F1; 000-26, 001-16, 001-18, 001-20, 001-21, 001-22, 001-23, 001-31.
#[test]
fn a_newcomer_gets_from_nothing_to_an_object() {
    from_nothing_to_an_object(Look::Light);
}

#[test]
fn a_newcomer_gets_from_nothing_to_an_object_without_script() {
    from_nothing_to_an_object(Look::WithoutScript);
}

/// F2; 001-24, 001-25, 001-30, 000-37, 000-38, 000-42: the password first, then the secret, once: hidden until asked, copied by a click.
#[test]
fn a_secret_is_shown_once_hidden_and_copied() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    browser.go("/accounts/demo/users/photos/keys/new");
    browser.fill("#description", "cdn");
    browser.click(".key-form button.create");
    browser.sees("#secret.masked");
    let secret = browser.value("#secret", "value");
    assert_eq!(secret.len(), 40);
    browser.follow("Show");
    assert!(!browser.has("#secret.masked"));
    browser.follow("Hide");
    assert!(browser.has("#secret.masked"));
    browser.click("[data-copy-of=secret]");
    let held = browser.script("return navigator.clipboard.readText()");
    assert_eq!(held, secret.as_str());
    browser.is_silent();
    assert!(!browser.at().contains(&secret));
    browser.follow("I have stored it");
    browser.sees("tbody");
    let page = browser.value("html", "outerHTML");
    assert!(!page.contains(&secret));
    // The way back asks whether the form is to be sent again; sent again, it shows that the key is made, and no secret.
    browser.script("history.back()");
    assert!(!browser.value("html", "outerHTML").contains(&secret));
}

/// F3; 001-03: the old pair and the new work side by side for as long as was said.
fn a_key_is_rolled_with_grace(look: Look) {
    let gate = Gate::start();
    let browser = Browser::open(&gate, look);
    set_up(&gate, &browser);
    let old = gate.key("photos", "read");
    browser.go(&format!(
        "/accounts/demo/users/photos/keys/{}/rotate",
        old.access_key_id
    ));
    assert!(browser.has("[name=choice][value=\"86400\"]:checked"));
    browser.click("main form button");
    browser.sees("#env");
    let lines = browser.value("#env", "textContent");
    let new = exported(&lines, "AWS_ACCESS_KEY_ID");
    assert_ne!(new, old.access_key_id);
    browser.follow("I have stored it");
    browser.sees("tbody");
    let rows = browser.texts("tbody tr").join("\n");
    assert!(
        rows.contains("Rotating") && rows.contains("until"),
        "{rows}"
    );
    let list = tests::call::Call::get("/demo-bucket");
    assert_eq!(list.send(&gate, old).status, 200);
}

#[test]
fn a_key_is_rolled_and_the_old_one_works_on() {
    a_key_is_rolled_with_grace(Look::Light);
}

#[test]
fn a_key_is_rolled_without_script() {
    a_key_is_rolled_with_grace(Look::WithoutScript);
}

/// F4: once the page says that a key is disabled, no request that it signs is answered.
#[test]
fn a_disabled_key_is_refused_from_then_on() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let key = gate.key("photos", "read");
    let list = tests::call::Call::get("/demo-bucket");
    assert_eq!(list.send(&gate, key).status, 200);
    browser.go(&format!(
        "/accounts/demo/users/photos/keys/{}/disable",
        key.access_key_id
    ));
    browser.click("main form button");
    browser.reads(".told", "is disabled. Revision");
    assert_eq!(list.send(&gate, key).status, 403);
}

/// 002-09, 000-27, 000-28, 000-29, 000-34: from the first page one comes to the storage and on to its users; a row opens into two sections,
/// and has a menu with three colours.
#[test]
fn a_users_row_opens_into_keys_and_sub_users() {
    let gate = Gate::start();
    gate.postern_ok(&["tenant", "create", "shop", "--profile", "e3-primary"]);
    gate.postern_ok(&["user", "create", "web", "--tenant", "shop"]);
    let browser = Browser::open(&gate, Look::Light);
    set_up_at(&gate, &browser, "/accounts");
    browser.follow("shop");
    browser.arrives("/accounts/shop");
    browser.follow("Users");
    browser.arrives("/accounts/shop/users");
    browser.go("/accounts/shop/users?q=web");
    browser.click(".expand");
    browser.sees(".opened");
    assert_eq!(browser.texts(".opened h2"), ["API keys", "Sub-users"]);
    browser.click(".drop summary");
    let menu = browser.texts(".drop[open] li");
    for entry in [
        "Generate API key",
        "Create sub-user",
        "Delete user",
        "Manage",
        "Disable",
    ] {
        assert!(menu.iter().any(|it| it == entry), "{entry} in {menu:?}");
    }
    let colour = |class: &str| {
        let script =
            format!("return getComputedStyle(document.querySelector('.drop .{class}')).color");
        browser.script(&script).to_string()
    };
    let (green, blue, red) = (colour("green"), colour("blue"), colour("red"));
    assert!(
        green != blue && blue != red && red != green,
        "{green} {blue} {red}"
    );
    // 000-07, 002-10: a sub-user has a level and a label, and both may be changed.
    browser.follow("Create sub-user");
    browser.fill("dialog #name", "agency");
    browser.fill("dialog #description", "the agency that makes the pictures");
    browser.click("dialog button.primary");
    browser.arrives("/accounts/shop/users/web/sub-users");
    browser.sees("tbody tr");
    let row = browser.text("tbody tr");
    assert!(
        row.contains("agency") && row.contains("Read") && row.contains("the agency that makes"),
        "{row}"
    );
    browser.go("/accounts/shop/users/web/sub-users/agency/edit");
    browser.fill("#level", "Read/Write");
    browser.follow("Save changes");
    browser.sees(".told");
    browser.reads("tbody tr", "Read/Write");
}

/// F5; 000-31, 000-32, 000-33: many users at a time, all that are seen by one tick, a result for each.
#[test]
fn many_users_are_disabled_at_a_time_and_each_has_a_result() {
    let gate = Gate::start();
    for number in 0..50 {
        gate.postern_ok(&[
            "user",
            "create",
            &format!("edge-{number:02}"),
            "--tenant",
            "demo",
        ]);
    }
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    browser.go("/accounts/demo/users?q=edge&limit=50");
    browser.click("[data-all=user]");
    let ticked = browser.script("return document.querySelectorAll('[name=user]:checked').length");
    assert_eq!(ticked, 50);
    browser.click(".bulk button[value=disable]");
    browser.sees("#sure");
    browser.reads("[role=status]", "50");
    // One goes meanwhile: it is told of that one, and stops none of the others.
    gate.postern_ok(&[
        "user",
        "delete",
        "edge-07",
        "--tenant",
        "demo",
        "--confirm",
        "edge-07",
    ]);
    browser.fill("#sure", "50");
    browser.follow("Disable users");
    browser.sees(".status.refused");
    assert!(
        browser.text("[role=status]").contains("49"),
        "{}",
        browser.text("[role=status]")
    );
    assert_eq!(browser.texts("[name=user]:checked").len(), 1);
    browser.go("/accounts/demo/users?q=edge&status=passive&limit=50");
    browser.reads(".turns [role=status]", "49");
}

/// Everybody who fits is selected by one tick, on however many pages they stand.
#[test]
fn all_who_fit_are_disabled_at_once() {
    let gate = Gate::start();
    for number in 0..12 {
        let name = format!("edge-{number:02}");
        gate.postern_ok(&["user", "create", &name, "--tenant", "demo"]);
    }
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    browser.go("/accounts/demo/users?q=edge&limit=10");
    browser.reads(".bulk label", "All 12 that fit");
    browser.click("[name=fitting]");
    browser.click(".bulk button[value=disable]");
    browser.sees("#sure");
    assert_eq!(browser.texts("tbody tr").len(), 12);
    browser.fill("#sure", "12");
    browser.follow("Disable users");
    browser.sees("[role=status]");
    browser.go("/accounts/demo/users?q=edge&status=passive&limit=20");
    browser.reads(".turns [role=status]", "12");
    // Where all are on the page, there is nothing more to tick; nobody else was touched.
    assert!(!browser.has("[name=fitting]"));
    browser.go("/accounts/demo/users/photos");
    assert_eq!(browser.text("h1 .status"), "Active");
}

/// Keys are selected in their list, on the page of their user, or all that fit; what works is not deleted among others.
#[test]
fn many_access_keys_are_changed_at_a_time_and_each_has_a_result() {
    let gate = Gate::start();
    gate.postern_ok(&["user", "create", "edge", "--tenant", "demo"]);
    for number in 0..11 {
        let description = format!("edge {number:02}");
        let create = ["key", "create", "--tenant", "demo", "--user", "edge"];
        let what = ["--level", "read", "--description", &description];
        gate.postern_ok(&[&create[..], &what].concat());
    }
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    browser.go("/accounts/demo/users/edge");
    browser.click("tbody tr:first-child [name=key]");
    browser.click(".bulk button[value=disable]");
    browser.reads(".narrow label", "How many access keys");
    browser.fill("#sure", "2");
    browser.follow("Disable access keys");
    browser.reads("[role=alert]", "1 keys are named");
    browser.fill("#sure", "1");
    browser.follow("Disable access keys");
    browser.reads("tbody", "Done");
    assert!(!browser.has("#sure"));

    // All that fit, of which one is stopped already: that one alone is deleted.
    browser.go("/accounts/demo/keys?q=edge&limit=10");
    browser.reads(".bulk label", "All 11 that fit");
    browser.click("[name=fitting]");
    browser.click(".bulk button[value=delete]");
    browser.sees("#sure");
    assert_eq!(browser.texts(".status.refused").len(), 10);
    browser.fill("#sure", "11");
    browser.follow("Delete access keys");
    browser.reads("tbody", "Done");
    assert_eq!(browser.texts("[name=key]:checked").len(), 10);
    browser.reads(".narrow label", "Type 10.");
    browser.is_accessible();
    // Those that stay are disabled in its place, and can be deleted then.
    browser.follow("Disable access keys");
    browser.reads("h1", "Disable access keys");
    browser.fill("#sure", "10");
    browser.follow("Disable access keys");
    browser.reads("[role=status]", "Done for 10.");
    assert!(!browser.has("#sure"));
    browser.go("/accounts/demo/keys?q=edge&status=active");
    browser.reads(".empty", "No access key fits");
    browser.go("/accounts/demo/keys?q=edge&limit=20");
    browser.reads(".turns [role=status]", "10 of 10");
}

/// What a user has, what bounds him, and what was done in his name.
#[test]
fn a_user_is_shown_with_buckets_permissions_and_activity() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    gate.postern_ok(&["user", "create", "other", "--tenant", "demo"]);
    let key = gate.key("photos", "full").clone();
    Call::put("/kept-by-photos", b"")
        .send(&gate, &key)
        .expect(200);
    browser.go("/accounts/demo/users/photos");
    browser.click(".tabs a[href$='/buckets']");
    browser.arrives("/accounts/demo/users/photos/buckets");
    let rows = browser.texts("tbody th");
    assert_eq!(rows, ["demo-bucket", "kept-by-photos"]);
    browser.click(".tabs a[href$='/permissions']");
    browser.arrives("/accounts/demo/users/photos/permissions");
    browser.reads("dl.pairs", "Role");
    browser.click(".tabs a[href$='/activity']");
    browser.arrives("/accounts/demo/users/photos/activity");
    let log = browser.text("tbody");
    assert!(
        log.contains("bucket.create") && log.contains("kept-by-photos"),
        "{log}"
    );
    assert!(!log.contains("other"), "{log}");
    browser.click(".tabs a[href$='/details']");
    browser.follow("Set quota");
    browser.fill("[name=bytes]", "1 GiB");
    browser.fill("[name=objects]", "4");
    browser.follow("Save changes");
    browser.arrives("/accounts/demo/users/photos/details");
    browser.sees("progress");
    let quota = browser.text("dl.pairs");
    assert!(
        quota.contains("0 of 4") && quota.contains("0 B of 1 GiB"),
        "{quota}"
    );
    browser.click(".tabs a[href$='/activity']");
    browser.follow("Search the audit log");
    browser.arrives("/accounts/demo/audit");
    assert_eq!(browser.value("#user", "value"), "photos");
    assert!(!browser.text("tbody").contains("other"));
}

/// Keys of the keyboard go places, tell of themselves, and can be switched off. Source: WCAG 2.2, 2.1.4.
#[test]
fn keys_of_the_keyboard_go_places_and_can_be_switched_off() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let is_ready = "[data-keys]:not([hidden])";
    browser.sees(is_ready);
    browser.press("gu");
    browser.arrives("/accounts/demo/users");
    browser.sees(is_ready);
    browser.press("/");
    assert_eq!(browser.script("return document.activeElement.id"), "q");
    browser.press("gb");
    assert_eq!(browser.value("#q", "value"), "gb");
    browser.go("/accounts/demo/users");
    browser.sees(is_ready);
    browser.press("?");
    browser.reads("dialog[open]", "Access keys");
    browser.is_accessible();
    browser.click("dialog[open] input");
    browser.click("dialog[open] [data-close]");
    browser.press("?gb");
    assert!(
        browser.at().ends_with("/accounts/demo/users"),
        "{}",
        browser.at()
    );
    assert!(!browser.has("dialog[open]"));
    browser.click("[data-keys]");
    browser.click("dialog[open] input");
    browser.click("dialog[open] [data-close]");
    browser.press("gb");
    browser.arrives("/accounts/demo/buckets");
    browser.is_silent();
}

/// F6, F8; 003-17: what is lost is said, the name is typed, and the server looks at it again.
#[test]
fn a_bucket_is_made_public_and_deleted_by_its_name_alone() {
    let gate = Gate::start();
    gate.postern_ok(&["tenant", "create", "shop", "--profile", "vpsa"]);
    gate.postern_ok(&["tenant", "set", "shop", "--block-public", "no"]);
    gate.postern_ok(&[
        "bucket", "create", "shelf", "--tenant", "shop", "--owner", "root",
    ]);
    let browser = Browser::open(&gate, Look::Light);
    set_up_at(&gate, &browser, "/accounts");
    browser.go("/accounts/shop/buckets");
    browser.click("tbody th a");
    browser.follow("Make public");
    browser.sees("dialog #confirm");
    assert_eq!(browser.value("dialog button.danger", "disabled"), "true");
    browser.fill("dialog #confirm", "shelf");
    browser.click("dialog button.danger");
    browser.reads(".problem", "anybody on the network");
    browser.go("/accounts/shop");
    browser.reads(".findings", "Public buckets: 1");
    browser.go("/accounts/shop/audit?action=bucket.");
    assert!(
        browser.text("tbody").contains("bucket."),
        "{}",
        browser.text("tbody")
    );
    browser.follow("Buckets");
    browser.arrives("/accounts/shop/buckets");
    browser.click("tbody th a");
    browser.follow("Delete bucket");
    browser.fill("dialog #confirm", "she");
    assert_eq!(browser.value("dialog button.danger", "disabled"), "true");
    // Whoever takes the button's lock away meets the server.
    browser.script("document.querySelector('dialog button.danger').disabled = false");
    browser.click("dialog button.danger");
    browser.reads(".problem", "nothing was deleted");
    browser.fill("#confirm", "shelf");
    browser.click("main button.danger");
    browser.arrives("/accounts/shop/buckets");
    browser.reads(".told", "is deleted");
}

/// 003-08, 003-09, 003-10, 003-13, 003-14, 003-15: permissions on account and container, with the difference before they are saved.
#[test]
fn permissions_show_what_changes_before_they_are_saved() {
    let gate = Gate::start();
    gate.postern_ok(&["tenant", "create", "vpsa", "--profile", "vpsa"]);
    gate.postern_ok(&["user", "create", "ann", "--tenant", "vpsa"]);
    gate.postern_ok(&[
        "bucket", "create", "shared", "--tenant", "vpsa", "--owner", "root",
    ]);
    let browser = Browser::open(&gate, Look::Light);
    set_up_at(&gate, &browser, "/accounts");
    browser.go("/accounts/vpsa/permissions");
    browser.click("[name=kind][value=per-user]");
    browser.fill("#add", "ann");
    browser.follow("Set permissions");
    browser.sees("[name=\"user-ann.read\"]");
    browser.click("[name=\"user-ann.read\"]");
    browser.follow("Show what changes");
    browser.sees("#changes");
    assert!(
        browser.text(".preview").contains("ann"),
        "{}",
        browser.text(".preview")
    );
    browser.reads(".preview .warning", "thrown away");
    browser.follow("Save changes");
    browser.sees(".told");
    browser.go("/accounts/vpsa/permissions");
    assert!(browser.has("[name=kind][value=per-user]:checked"));
    browser.go("/accounts/vpsa/buckets");
    browser.click("tbody th a");
    browser.click(".tabs a[href$=\"/permissions\"]");
    browser.sees("[name=\"all_users.read\"]");
    let rows = browser.texts(".kind-global tbody th").join(" ");
    assert!(
        rows.contains("All users") && rows.contains("All authenticated members"),
        "{rows}"
    );
    browser.click("[name=kind][value=global]");
    browser.click("[name=\"members.read\"]");
    browser.follow("Show what changes");
    browser.sees("#changes");
    browser.follow("Save changes");
    browser.sees(".told");
}

/// F9, F10; 004-08, 004-09, 004-10, 004-16, 004-23, 004-30: people are invited or given a password; the last owner stays.
#[test]
fn people_are_invited_changed_and_deleted_and_the_last_owner_stays() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    browser.go("/people");
    browser.click(".drop summary");
    // 004-08, 004-09: the last owner's row has neither.
    assert_eq!(browser.texts(".drop[open] li"), ["Manage user"]);
    browser.follow("Add a person");
    browser.fill("dialog #email", "grace@example.com");
    browser.fill("dialog #name", "Grace Hopper");
    browser.fill("dialog #role", "Admin");
    browser.click("dialog button.create");
    browser.sees("#link");
    let link = browser.value("#link", "textContent");
    let path = link.split_once("/invitation/").unwrap().1.to_owned();
    let guest = Browser::open(&gate, Look::Light);
    guest.go(&format!("/invitation/{path}"));
    guest.fill("#password", "another long password");
    guest.click("main button");
    guest.sees(".told");
    assert!(guest.text(".told").contains("grace@example.com"));
    // An admin neither touches the owner nor gives what he has not.
    guest.go("/people?q=ada");
    guest.click(".drop summary");
    assert_eq!(guest.texts(".drop[open] li"), ["Manage user"]);
    guest.go("/people/new");
    let roles = guest.texts("#role option");
    assert!(
        !roles.contains(&"Owner".to_owned()) && roles.contains(&"Admin".to_owned()),
        "{roles:?}"
    );

    // 004-10: a click on the name opens what there is to know, beside the list.
    browser.go("/people?q=grace");
    browser.click("tbody th a");
    browser.sees(".drawer");
    let drawer = browser.text(".drawer");
    for part in [
        "User details",
        "grace@example.com",
        "Admin",
        "Authentication",
        "Second factor",
        "Single sign-on",
    ] {
        assert!(drawer.contains(part), "{part} in {drawer}");
    }
    // 004-23: manage, change, save.
    browser.click(".drawer a.primary");
    browser.follow("Manage user details");
    browser.fill("dialog #name", "Rear Admiral Hopper");
    browser.click("dialog button.primary");
    browser.sees(".told");
    browser.reads("h1", "Rear Admiral");
    // 004-30: with what is lost, and what would do instead.
    browser.follow("Delete user");
    browser.sees("dialog .losses");
    // What would do instead is a link; a text is not read while the dialog still fades in.
    assert!(browser.has("dialog a[href$=\"/disable\"]"));
    browser.fill("dialog #confirm", "grace@example.com");
    browser.click("dialog button.danger");
    browser.arrives("/people");
    browser.reads(".told", "is deleted");
    // Her session ended with her.
    guest.go("/people");
    guest.arrives("/sign-in");
}

/// F2 with the keyboard alone, 2.1.1 of WCAG: from the list to the secret without a mouse.
#[test]
fn a_key_is_made_with_the_keyboard_alone() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    browser.go("/accounts/demo/users/photos");
    let to = |text: &str| {
        for _ in 0..60 {
            browser.press(key::TAB);
            if browser.focused().contains(text) {
                return;
            }
        }
        panic!("the keyboard does not reach {text}");
    };
    browser.press(key::TAB);
    assert_eq!(browser.focused(), "Skip to content");
    to("Create access key");
    browser.press(key::ENTER);
    browser.sees("dialog[open] #description");
    browser.press("by keyboard");
    to("level");
    browser.press(key::RIGHT);
    for _ in 0..40 {
        browser.press(key::TAB);
        if browser.focused() == "Create access key" {
            break;
        }
    }
    browser.press(key::ENTER);
    browser.sees("#secret");
    to("I have stored it");
    browser.press(key::ENTER);
    browser.reads("tbody", "by keyboard");
}

/// Every screen, as an owner and as somebody who may only read, by day, by night and on a telephone: axe finds nothing, and the
/// browser has nothing to say.
/// Opens the objects of a bucket with an access key.
pub(crate) fn look_into(browser: &Browser, bucket: &str, key: &Key) {
    browser.go(&format!("/accounts/demo/users/{}/buckets", key.user));
    browser.follow(bucket);
    browser.follow("Objects");
    browser.fill("#id", &key.access_key_id);
    browser.fill("#secret", &key.secret_access_key);
    browser.follow("Use this key");
    browser.sees("#file");
}

/// What is uploaded is what is read, whatever it is called and however large; an address to share works as long as it says.
fn objects_go_up_and_come_down(look: Look) {
    let gate = Gate::start();
    let browser = Browser::open(&gate, look);
    set_up(&gate, &browser);
    let full = gate.key("photos", "full").clone();
    look_into(&browser, &full.bucket, &full);
    browser.reads(".empty", "The bucket is empty");
    let folder = tempfile::tempdir().unwrap();
    // More than two parts, and a name that is none of a page's business.
    let large = Random::new(7).bytes(18 << 20);
    let hostile = "a <b>&\"c\"+%41.txt";
    let paths = [
        file(folder.path(), "large.bin", &large),
        file(folder.path(), hostile, b"small"),
    ];
    browser.attach("#file", &[&paths[0], &paths[1]]);
    browser.follow("Upload");
    browser.sees("tbody tr:nth-child(2)");
    let rows = browser.texts("tbody tr").join("\n");
    assert!(rows.contains(hostile) && rows.contains("18 MiB"), "{rows}");
    let read = Call::get(&format!("/{}/large.bin", full.bucket)).send(&gate, &full);
    assert_eq!(read.expect(200).body, large);

    browser.follow("a <b>&");
    browser.reads("dl.pairs", "5 B");
    browser.follow("Share");
    browser.sees("[name=seconds]");
    browser.fill("[name=seconds]", "1 day");
    browser.follow("Make the address");
    let address = browser.value("#address", "value");
    assert!(address.contains("X-Amz-Expires=86400"), "{address}");
    let read = Client::new(&gate, &full).curl(&[&address]).succeeds();
    assert_eq!(read.out, "small");

    // What the key may not do is refused by the gate, and the page says so.
    look_into_again(&browser);
    browser.sees("#file");
    browser.is_silent();
    // Another user's bucket of the same name is another bucket.
    browser.go("/accounts/demo/users/backups/buckets");
    browser.follow(&full.bucket);
    browser.follow("Objects");
    browser.reads(".problem", "a namespace of its own");
    assert!(!browser.has("tbody"));
    browser.follow("Use another key");
    browser.sees("#secret");
    look_into(&browser, &full.bucket, &gate.key("photos", "read").clone());
    browser.attach("#file", &[&paths[1]]);
    browser.follow("Upload");
    browser.sees("[role=alert]");
    if look == Look::WithoutScript {
        browser.reads(".problem", "AccessDenied");
    }
    browser.follow("Use another key");
    browser.sees("#secret");
    look_into(&browser, &full.bucket, &full);
    browser.follow("large.bin");
    browser.follow("Delete");
    browser.sees("button.danger");
    browser.click("main button.danger, dialog button.danger");
    browser.sees(".told");
    assert_eq!(browser.texts("tbody tr").len(), 1);
}

#[test]
fn objects_are_uploaded_shared_and_deleted() {
    objects_go_up_and_come_down(Look::Light);
}

#[test]
fn objects_are_uploaded_shared_and_deleted_without_script() {
    objects_go_up_and_come_down(Look::WithoutScript);
}

/// Versions are shown, a legal hold keeps one, and what was deleted comes back.
#[test]
fn versions_are_held_deleted_and_brought_back() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let key = gate.key("photos", "full").clone();
    let clients = Client::new(&gate, &key);
    let made = [
        "s3api",
        "create-bucket",
        "--bucket",
        "held",
        "--object-lock-enabled-for-bucket",
    ];
    clients.aws(&made).succeeds();
    for text in ["one", "second"] {
        Call::put("/held/contract", text.as_bytes())
            .send(&gate, &key)
            .expect(200);
    }
    look_into(&browser, "held", &key);
    browser.follow("contract");
    browser.sees("#versions");
    assert_eq!(
        browser.texts("section:last-of-type tbody td.number"),
        ["6 B", "3 B"]
    );
    browser.follow("Legal hold");
    browser.follow("Put contract under legal hold");
    browser.sees(".told");
    browser.follow("Lift legal hold");
    browser.sees("dialog");
    browser.go(&browser.at());
    // The version that is held stays.
    browser.click("section:last-of-type tbody tr:first-child a.red");
    browser.sees("dialog");
    browser.click("dialog button.danger");
    browser.reads("[role=alert]", "AccessDenied");
    // The object is deleted by a marker, and is there again without that.
    look_into_again(&browser);
    browser.follow("contract");
    browser.click(".head a.danger");
    browser.sees("dialog");
    browser.click("dialog button.danger");
    browser.sees(".told");
    browser.fill("#show", "What was deleted");
    browser.follow("Apply");
    browser.follow("contract");
    browser.sees(".warning");
    browser.click("section:last-of-type tbody tr:first-child a.red");
    browser.sees("dialog");
    browser.click("dialog button.danger");
    browser.sees(".told");
    assert_eq!(browser.texts("tbody tr").len(), 1);
    let read = Call::get("/held/contract").send(&gate, &key);
    assert_eq!(read.expect(200).text(), "second");
}

/// Opens the objects of the bucket whose page was open last.
fn look_into_again(browser: &Browser) {
    let at = browser.at();
    let (bucket, _) = at.split_once("/objects").expect("below a bucket's objects");
    browser.go(&format!("{bucket}/objects"));
}

/// F11: new records come by themselves, stop while somebody has paused, and are all there when he goes on.
#[test]
fn the_audit_log_is_watched_as_it_grows() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let make = |name: &str| gate.postern_ok(&["user", "create", "--tenant", "demo", name]);
    browser.go("/accounts/demo/audit?action=user.create");
    let rows = || browser.texts("#audit tr").len();
    let there = rows();
    browser.follow("Live");
    browser.sees("[data-tail][aria-pressed=true]");
    make("first");
    browser.sees(&format!("#audit tr:nth-child({})", there + 1));
    browser.follow("Pause");
    browser.sees("[data-tail][aria-pressed=false]");
    make("second");
    make("third");
    assert_eq!(rows(), there + 1);
    browser.follow("Live");
    browser.sees(&format!("#audit tr:nth-child({})", there + 3));
    browser.reads("#audit tr:first-child", "user.create");
    browser.is_accessible();
    browser.is_silent();
}

/// Requests are shown as they end, and what stands there is saved as a table: nothing in it is a formula.
#[test]
fn requests_are_watched_as_they_end_and_saved() {
    let gate = Gate::start();
    let browser = Browser::open(&gate, Look::Light);
    set_up(&gate, &browser);
    let key = gate.key("photos", "full").clone();
    browser.go("/accounts/demo/requests");
    browser.follow("Live");
    let ends = || browser.texts("#access tr").len();
    // The view begins some time after the click: what ends before that is not in it.
    tests::wait::until(
        "a request in the view",
        std::time::Duration::from_secs(30),
        || {
            Call::get(&format!("/{}/=cmd()", key.bucket)).send(&gate, &key);
            (ends() > 0).then_some(())
        },
    );
    browser.follow("Pause");
    let row = browser.text("#access tr");
    assert!(row.contains("GetObject") && row.contains("404"), "{row}");
    browser.script(
        "window.saved = ''; const was = URL.createObjectURL; URL.createObjectURL = (it) => { it.text().then((all) => { window.saved = all; }); return was(it); };",
    );
    browser.follow("Save as CSV");
    let saved = tests::wait::until("a file", std::time::Duration::from_secs(30), || {
        let saved = browser.script("return window.saved");
        saved
            .as_str()
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
    });
    let lines: Vec<&str> = saved.split("\r\n").collect();
    assert!(lines[0].starts_with("\"Time\",\"Access key\""), "{saved}");
    assert_eq!(lines.len(), ends() + 2, "{saved}");
    assert!(lines[1].contains("\"GetObject\""), "{saved}");
    assert!(!saved.contains("\"="), "{saved}");
    browser.is_silent();
}

/// What a screen says to type, our command line takes.
fn is_known(gate: &Gate, command: &str) {
    if !command.starts_with("postern ") {
        return;
    }
    // Words that it does not know are refused before help is given.
    let said = gate.shell(&format!("{command} --help"));
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{command}: {errors}");
}

/// The screens of the bucket whose objects are open.
fn of_bucket(browser: &Browser) -> [(&'static str, String); 9] {
    let objects = browser.at();
    let (bucket, _) = objects.split_once("/objects").expect("a bucket's objects");
    [
        ("bucket", ""),
        ("objects", "/objects"),
        ("object", "/objects/object?key=notes.txt"),
        ("cors", "/cors"),
        ("cors-edit", "/cors/edit?begin=read"),
        ("lifecycle", "/lifecycle"),
        ("bucket-events", "/events"),
        ("bucket-usage", "/usage"),
        ("bucket-quota", "/usage/quota"),
    ]
    .map(|(name, below)| (name, format!("{bucket}{below}")))
}

fn every_screen(look: Look, name: &str) {
    let gate = Gate::start();
    person(
        &gate,
        "reader@example.com",
        &["--role", "reader", "--tenant", "demo"],
    );
    person(&gate, EMAIL, &["--role", "owner"]);
    let screens = [
        ("overview", "/accounts/demo"),
        ("users", "/accounts/demo/users?open=3"),
        ("user", "/accounts/demo/users/photos"),
        ("sub-users", "/accounts/demo/users/photos/sub-users"),
        ("user-buckets", "/accounts/demo/users/photos/buckets"),
        (
            "user-permissions",
            "/accounts/demo/users/photos/permissions",
        ),
        ("user-details", "/accounts/demo/users/photos/details"),
        ("keys", "/accounts/demo/keys"),
        ("buckets", "/accounts/demo/buckets"),
        ("roles", "/accounts/demo/roles"),
        ("settings", "/accounts/demo/settings"),
        ("people", "/people"),
        ("person", "/people/reader%40example.com"),
        ("me", "/me"),
        ("tokens", "/me/tokens"),
        ("domains", "/accounts/demo/settings/domains"),
        ("accounts", "/accounts"),
    ];
    let key = gate.key("photos", "full").clone();
    for name in ["2026/harbour.jpg", "2026/island.jpg", "notes.txt"] {
        let path = format!("/{}/{name}", key.bucket);
        Call::put(&path, name.as_bytes())
            .send(&gate, &key)
            .expect(200);
    }
    let owners = [
        ("user-new", "/accounts/demo/users/new"),
        ("user-delete", "/accounts/demo/users/photos/delete"),
        ("user-activity", "/accounts/demo/users/photos/activity"),
        ("key-new", "/accounts/demo/users/photos/keys/new"),
        ("bucket-new", "/accounts/demo/buckets/new"),
        ("role-new", "/accounts/demo/roles/new"),
        ("person-new", "/people/new"),
        ("usage", "/accounts/demo/usage"),
        ("quota", "/accounts/demo/usage/quota"),
        ("settings-edit", "/accounts/demo/settings/edit"),
        ("limits", "/accounts/demo/settings/limits"),
        ("domain-new", "/accounts/demo/settings/domains/new"),
        ("alias", "/accounts/demo/settings/alias"),
        ("transfer", "/accounts/demo/settings/transfer"),
        ("token-new", "/me/tokens/new"),
        ("passkey-new", "/me/passkeys/new"),
        ("account-new", "/accounts/new"),
        ("server", "/server"),
        ("policies", "/accounts/demo/policies"),
        ("policy-new", "/accounts/demo/policies/new"),
        ("modules", "/accounts/demo/modules"),
        ("simulator", "/simulator"),
        ("requests", "/requests"),
        ("audit", "/accounts/demo/audit"),
        ("audit-all", "/audit"),
        ("verified", "/audit/verify"),
    ];
    for (email, mut screens) in [
        (EMAIL, [&screens[..], &owners].concat()),
        ("reader@example.com", screens.to_vec()),
    ] {
        let browser = Browser::open(&gate, look);
        browser.go("/sign-in");
        browser.is_accessible();
        sign_in(&browser, email);
        let below;
        if email == EMAIL {
            look_into(&browser, &key.bucket, &key);
            below = of_bucket(&browser);
            screens.extend(below.iter().map(|(name, path)| (*name, &**path)));
        }
        for (screen, path) in screens {
            browser.go(path);
            browser.sees("main h1");
            browser.is_accessible();
            browser.is_silent();
            for command in browser.commands() {
                is_known(&gate, &command);
            }
            if email == EMAIL {
                browser.picture(&format!("{screen}-{name}"));
            }
        }
    }
}

#[test]
fn every_screen_stands_by_day() {
    every_screen(Look::Light, "light");
}

#[test]
fn every_screen_stands_by_night() {
    every_screen(Look::Dark, "dark");
}

#[test]
fn every_screen_stands_on_a_telephone() {
    every_screen(Look::Phone, "phone");
}
