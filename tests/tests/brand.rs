//! The console under the names of those who resell it.

use tests::browser::{Browser, Look};
use tests::gate::Gate;
use tests::wire::Answer;

const NIMBUS: &str = r##"
name = "Nimbus Storage"
logo = "nimbus.svg"
colour = "#ffe600"
support = "https://help.nimbus.example/start"
"##;
const DEPOT: &str = r##"
name = "Depot & Söhne"
hosts = ["console.depot.example"]
colour = "#0b5d4f"
"##;
const LOGO: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 44 22"><path d="M2 20 12 2l10 18zM22 20 32 2l10 18z" fill="#b58900"/></svg>"##;

/// A gate, and the folder of its brands.
fn branded() -> (tempfile::TempDir, Gate) {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    write("nimbus.toml", NIMBUS);
    write("depot.toml", DEPOT);
    write("nimbus.svg", LOGO);
    let brands = folder.path().to_str().unwrap();
    let environment = [("POSTERN_ADMIN__BRANDS", brands)];
    let gate = Gate::start_in(&folder.path().join("data"), &[], &environment);
    (folder, gate)
}

fn get(gate: &Gate, host: &str, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\n\r\n");
    let answer = gate.admin_wire().ask(request.as_bytes()).unwrap();
    answer.expect(200);
    answer
}

/// Where the sheet of the brand is, on a page.
fn sheet(page: &str) -> &str {
    let at = page.find("/assets/brand-").expect("a sheet of the brand");
    page[at..].split('"').next().unwrap()
}

/// 000-19: customers of a reseller meet the reseller, on the reseller's host.
#[test]
fn a_host_shows_its_brand_and_nobody_elses() {
    let (_folder, gate) = branded();
    for host in ["console.depot.example", "Console.Depot.example:9444"] {
        let page = get(&gate, host, "/sign-in").text();
        assert!(
            page.contains("<title>Sign in · Depot &#38; Söhne</title>"),
            "{page}"
        );
        for other in ["Nimbus", "nimbus", "Postern"] {
            assert!(!page.contains(other), "{other} in {page}");
        }
        let css = get(&gate, host, sheet(&page));
        assert!(css.text().contains("--blue: #0b5d4f;"), "{}", css.text());
        assert_eq!(
            css.header("cache-control"),
            Some("public, max-age=31536000, immutable")
        );
    }
    for host in ["localhost", "elsewhere.example", "depot.example"] {
        let page = get(&gate, host, "/sign-in").text();
        assert!(page.contains("· Nimbus Storage</title>"), "{page}");
        assert!(page.contains("https://help.nimbus.example/start"), "{page}");
        assert!(
            !page.contains("Depot") && !page.contains("Postern"),
            "{page}"
        );
    }
}

/// A colour that cannot be read is made one that can, by day and by night.
#[test]
fn a_brand_can_be_read_whatever_its_colour() {
    let (_folder, gate) = branded();
    let token = std::fs::read_to_string(gate.dir().join("first-operator.token")).unwrap();
    for look in [Look::Light, Look::Dark] {
        let browser = Browser::open(&gate, look);
        if look == Look::Light {
            browser.go(&format!("/setup/{}", token.trim()));
            assert_eq!(browser.text("h1"), "Set Nimbus Storage up");
            browser.fill("#name", "Ada Lovelace");
        } else {
            browser.go("/sign-in");
        }
        browser.fill("#email", "ada@example.com");
        browser.fill("#password", "correct horse battery");
        browser.click("main button");
        browser.arrives("/accounts/demo");
        assert_eq!(browser.text(".brand"), "Nimbus Storage");
        let width = browser.script("return document.querySelector('.brand img').naturalWidth");
        assert_ne!(width, 0, "the logo is not shown");
        for path in ["/accounts/demo", "/accounts/demo/users", "/me"] {
            browser.go(path);
            browser.sees("main h1");
            browser.is_accessible();
            browser.is_silent();
        }
        browser.picture(&format!("brand-{look:?}"));
    }
}

/// A brand that is none keeps the server from starting, with the file and what is wrong in it.
#[test]
fn a_brand_that_is_none_is_told_at_the_start() {
    for (text, told) in [
        ("name = \"\"", "`name` is one of 1 to 40 characters"),
        ("name = \"x\"\ncolor = \"#000000\"", "unknown field `color`"),
        (
            "name = \"x\"\ncolour = \"red\"",
            "`colour`: `red` is none such as",
        ),
        (
            "name = \"x\"\nlogo = \"none.svg\"",
            "none.svg: No such file",
        ),
        (
            "name = \"x\"\nlogo = \"bad.toml\"",
            "neither a PNG nor an SVG",
        ),
        (
            "name = \"x\"\nsupport = \"javascript:alert(1)\"",
            "`support` is an `https://`",
        ),
        (
            "name = \"x\"\nhosts = [\"a b\"]",
            "`a b` is no name of a host",
        ),
        (
            "name = \"x\"\nhosts = [\"console.depot.example\"]",
            "is a host of another brand",
        ),
        ("name = \"x\"", "another brand has no `hosts` either"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a-depot.toml", DEPOT);
        write("a-nimbus.toml", "name = \"Nimbus\"");
        write("bad.toml", text);
        let said = std::process::Command::new(tests::gate::binary())
            .args(["serve", "--dev", "--data"])
            .arg(folder.path().join("data"))
            .env("POSTERN_ADMIN__BRANDS", folder.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(64), "{errors}");
        assert!(
            errors.contains("POSTERN_ADMIN__BRANDS")
                && errors.contains("bad.toml")
                && errors.contains(told),
            "{told}: {errors}"
        );
    }
}
