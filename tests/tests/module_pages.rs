//! Modules in a real browser, from an upload that is refused to the roll-back, while requests go on.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tests::browser::{Browser, Look};
use tests::call::{self, Call};
use tests::clients::file;
use tests::gate::Gate;
use tests::wait;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// A guard that denies all below `denied`, by a statement of that name, and has a case of its own for it.
fn guard(version: &str, denied: &str) -> Vec<u8> {
    let case = format!(
        r#"{{\"name\":\"{denied} is denied\",\"facts\":{{\"postern:Key\":\"{denied}1\"}},\"expect\":\"deny\"}}"#
    );
    let text = format!(
        r#"(module
  (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
  (import "postern" "because" (func $because (param i32 i32)))
  (memory (export "memory") 1 1)
  (data (i32.const 0) "{denied}")
  (func (export "decide") (result i32)
    (if (i32.eqz (call $starts_with (i32.const 0) (i32.const 0) (i32.const {length})))
      (then (return (i32.const 0))))
    (call $because (i32.const 0) (i32.const {length}))
    (i32.const 2))
  (@custom "postern.policy" "{{\"abi\":\"postern:policy/1\",\"name\":\"guard\",\"version\":\"{version}\",\"attributes\":[\"postern:Key\"],\"tests\":[{case}]}}"))"#,
        length = denied.len(),
    );
    wat::parse_str(text).expect("a module")
}

/// One whose function leaves nothing where it should leave a number: it is read up to there.
fn broken() -> Vec<u8> {
    let text = r#"(module (memory (export "memory") 1 1) (func (export "decide") (result i32)))"#;
    wat::parse_str(text).expect("a module that is not valid")
}

fn upload(browser: &Browser, gate: &Gate, name: &str, bytes: &[u8]) {
    let path = file(gate.dir(), name, bytes);
    browser.go("/accounts/demo/modules/new");
    browser.fill("#name", "guard");
    browser.fill("#file", &path);
    browser.click("main button.create");
}

/// What stands at the end of the path of the version that is shown.
fn version(browser: &Browser) -> String {
    browser.arrives("/accounts/demo/modules/guard/versions/");
    browser.at().rsplit('/').next().unwrap().to_owned()
}

/// Takes a step of the page at which the browser is: a click on it, and on what asks whether he is sure.
fn step(browser: &Browser, text: &str) {
    browser.follow(text);
    browser.click("dialog form button");
    browser.sees(".told");
}

/// F7: a bad module is refused with its faults and where they are; a good one is tested, shadowed, activated and rolled back in clicks,
/// and no request fails meanwhile.
#[test]
fn a_module_goes_from_upload_to_roll_back_and_no_request_fails() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    for key in ["cool/1", "old/1", "new/1"] {
        let path = format!("/demo-bucket/{key}");
        Call::put(&path, b"swap").send(&gate, full).expect(200);
    }
    let password = file(gate.dir(), "password", PASSWORD.as_bytes());
    let create = ["operator", "create", EMAIL, "--role", "owner"];
    gate.postern_ok(&[&create[..], &["--password-file", &password]].concat());
    let browser = Browser::open(&gate, Look::Light);
    browser.go("/sign-in");
    browser.fill("#email", EMAIL);
    browser.fill("#password", PASSWORD);
    browser.click("main form button");
    browser.sees(".who");

    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let outcome = read_on(&gate, &stop, &answered);
            failures.lock().unwrap().extend(outcome.err());
        });
        let stopping = Stop(&stop);
        flow(&gate, &browser);
        let until_now = answered.load(Ordering::Relaxed);
        wait::until(
            "requests after the last step",
            Duration::from_secs(10),
            || (answered.load(Ordering::Relaxed) > until_now + 10).then_some(()),
        );
        drop(stopping);
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures:?}");
    assert!(answered.load(Ordering::Relaxed) > 100);
}

fn flow(gate: &Gate, browser: &Browser) {
    let get = |key: &str| {
        let path = format!("/demo-bucket/{key}");
        Call::get(&path).send(gate, gate.key("photos", "read"))
    };
    // What is no module is refused, with what is wrong and where.
    upload(browser, gate, "broken.wasm", &broken());
    browser.sees(".problem li");
    let faults = browser.texts(".problem li").join("\n");
    assert!(faults.contains("offset"), "{faults}");
    assert_eq!(browser.value("#name", "value"), "guard");
    browser.is_accessible();
    // The browser says that the form was refused, and nothing else.
    let said = browser.said();
    assert_eq!(said.as_array().map(Vec::len), Some(1), "{said:#}");
    assert!(said.to_string().contains("status of 422"), "{said:#}");

    // The first version, in force.
    upload(browser, gate, "old.wasm", &guard("1", "old/"));
    let old = version(browser);
    browser.follow("Run the cases");
    browser.sees(".good");
    assert_eq!(browser.text(".good"), "1 passed, 0 failed.");
    browser.fill(
        "#cases",
        r#"[{"name":"cool is denied","facts":{"postern:Key":"cool/1"},"expect":"deny"}]"#,
    );
    browser.follow("Run the cases");
    browser.sees("p.wrong");
    assert_eq!(browser.text("p.wrong"), "1 passed, 1 failed.");
    step(browser, "Activate");
    browser.arrives("/accounts/demo/modules/guard");
    get("old/1").expect_error(403, "AccessDenied");
    get("new/1").expect(200);

    // The second, beside it: what it would have said otherwise, with the requests.
    upload(browser, gate, "new.wasm", &guard("2", "new/"));
    let new = version(browser);
    assert_ne!(old, new);
    step(browser, "Start shadow");
    browser.arrives("/accounts/demo/modules/guard");
    let refused = get("old/1");
    refused.expect_error(403, "AccessDenied");
    get("new/1").expect(200);
    let request = refused
        .header("x-amz-request-id")
        .expect("a request id")
        .to_owned();
    browser.go("/accounts/demo/modules/guard");
    let said = browser.text("section[aria-labelledby=shadow] [role=status]");
    assert!(
        said.starts_with("2 of ") && said.ends_with(" decisions differ."),
        "{said}"
    );
    let table = browser.text("section[aria-labelledby=shadow] table");
    for part in ["GetObject", "new/", &request] {
        assert!(table.contains(part), "{part} in {table}");
    }
    browser.is_accessible();
    browser.is_silent();
    // Those that were refused are remembered, however many pass.
    browser.follow(&request);
    browser.arrives(&format!("/requests/{request}"));
    browser.sees(".layers");

    // In force, and back.
    browser.go(&format!("/accounts/demo/modules/guard/versions/{new}"));
    step(browser, "Activate");
    let told = browser.text(".told");
    assert!(told.contains("Revision"), "{told}");
    get("new/1").expect_error(403, "AccessDenied");
    get("old/1").expect(200);
    browser.go("/accounts/demo/modules/guard");
    assert!(
        browser
            .text("section[aria-labelledby=active]")
            .contains(&new[..12])
    );
    step(browser, "Roll back");
    get("new/1").expect(200);
    get("old/1").expect_error(403, "AccessDenied");
    browser.go("/accounts/demo/modules/guard");
    assert!(
        browser
            .text("section[aria-labelledby=active]")
            .contains(&old[..12])
    );
    let past = browser.text("[aria-labelledby=history]");
    for step in [
        "module.rollback",
        "module.activate",
        "module.shadow",
        "module.test",
    ] {
        assert!(past.contains(step), "{step} in {past}");
    }
    browser.picture("module-after-roll-back");
    browser.is_silent();
}

/// Reads what no version denies, one request after another, until it is told to stop. The first that fails is told.
fn read_on(gate: &Gate, stop: &AtomicBool, answered: &AtomicU64) -> Result<(), String> {
    let signer = call::signer(gate, gate.key("photos", "read"));
    let request = Call::get("/demo-bucket/cool/1");
    let request = request.sign(&signer, gate.host()).bytes();
    let mut wire = gate.wire();
    while !stop.load(Ordering::Relaxed) {
        let answer = wire.ask(&request).map_err(|error| error.to_string())?;
        if answer.status != 200 || answer.body != b"swap" {
            return Err(format!("{answer:?}"));
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Stops the reading even when the test fails half-way.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
