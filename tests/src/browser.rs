//! A real browser before the console: chromium, driven by chromedriver. Every wait is for a state, with a deadline.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use url::Url;

use crate::gate::Gate;
use crate::wait::until;

/// How long a page may take to be what a test waits for: machines of tests are shared.
const LIMIT: Duration = Duration::from_secs(30);

/// How chromium says that it went elsewhere in the meantime, or that the machine's network changed under it: nothing that the server did.
const BROKEN_OFF: [&str; 2] = ["net::ERR_ABORTED", "net::ERR_NETWORK_CHANGED"];

/// Keys that are no letters. Source: W3C WebDriver, section 17.4.2.
pub mod key {
    /// To the next thing that takes keys.
    pub const TAB: &str = "\u{E004}";
    /// Does what the focus is on.
    pub const ENTER: &str = "\u{E007}";
    /// To the right.
    pub const RIGHT: &str = "\u{E014}";
}

/// How a browser looks at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A wide screen, by day.
    Light,
    /// A wide screen, by night.
    Dark,
    /// A telephone of 390 px.
    Phone,
    /// A wide screen, and no script runs.
    WithoutScript,
}

/// A browser with one page.
#[derive(Debug)]
pub struct Browser {
    driver: Client,
    runtime: Runtime,
    service: Child,
    origin: String,
    axe: String,
}

impl Browser {
    /// Opens a browser that nobody has signed in with.
    pub fn open(gate: &Gate, look: Look) -> Self {
        Self::open_at(gate.admin_host(), look)
    }

    /// The same under an address in the place of a name: browsers keep no passkeys for it.
    pub fn open_by_address(gate: &Gate, look: Look) -> Self {
        let host = gate.admin_host().replace("localhost", "127.0.0.1");
        Self::open_at(&host, look)
    }

    fn open_at(host: &str, look: Look) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (service, address) = driver();
        let mut driver = ClientBuilder::new(HttpConnector::new());
        let driver = driver.capabilities(capabilities());
        let driver = runtime.block_on(driver.connect(&address));
        let browser = Self {
            driver: driver.expect("chromium starts"),
            runtime,
            service,
            origin: format!("https://{host}"),
            axe: axe(),
        };
        browser.dress(look);
        browser
    }

    /// Sends chromedriver what is its own.
    fn tell(&self, endpoint: &'static str, body: Value) -> Value {
        let told = self.driver.issue_cmd(Own { endpoint, body });
        let told = self.runtime.block_on(told);
        told.unwrap_or_else(|error| panic!("{endpoint}: {error}"))
    }

    /// Puts a device into it that makes passkeys, and sees that it is its owner. Source: Web Authentication, Level 3, section 11.3.
    pub fn with_device(&self) {
        let device = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
        });
        self.tell("webauthn/authenticator", device);
    }

    /// What no command line option says.
    fn dress(&self, look: Look) {
        let tell = |command: &str, with: Value| {
            let body = json!({ "cmd": command, "params": with });
            self.tell("goog/cdp/execute", body);
        };
        let scheme = if look == Look::Dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        tell(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        );
        tell(
            "Browser.grantPermissions",
            json!({ "origin": self.origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }),
        );
        if look == Look::Phone {
            let screen =
                json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true });
            tell("Emulation.setDeviceMetricsOverride", screen);
        }
        if look == Look::WithoutScript {
            tell(
                "Emulation.setScriptExecutionDisabled",
                json!({ "value": true }),
            );
        }
    }

    fn wait<T>(&self, what: &str, mut look: impl AsyncFnMut(&Client) -> Option<T>) -> T {
        let seen = || self.runtime.block_on(async { self.driver.source().await });
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(what, LIMIT, || self.runtime.block_on(look(&self.driver)))
        }));
        found
            .unwrap_or_else(|_| panic!("{what}, at {}:\n{}", self.at(), seen().unwrap_or_default()))
    }

    /// Goes to a path of the console. What the browser itself has broken off is begun again.
    #[track_caller]
    pub fn go(&self, path: &str) {
        let address = format!("{}{path}", self.origin);
        let begun = Instant::now();
        while let Err(error) = self.runtime.block_on(self.driver.goto(&address)) {
            let told = error.to_string();
            let is_broken_off = BROKEN_OFF.iter().any(|it| told.contains(it));
            assert!(is_broken_off && begun.elapsed() < LIMIT, "{path}: {error}");
        }
    }

    /// The path at which the browser is, with its query.
    pub fn at(&self) -> String {
        let at = self.runtime.block_on(self.driver.current_url());
        let at = at.expect("an address").to_string();
        at.strip_prefix(&self.origin).unwrap_or(&at).to_owned()
    }

    /// Waits until the browser is at a path that begins so.
    #[track_caller]
    pub fn arrives(&self, path: &str) {
        let what = format!("to arrive at {path}");
        self.wait(&what, async |driver| {
            let at = driver.current_url().await.ok()?.to_string();
            at.strip_prefix(&self.origin)?
                .starts_with(path)
                .then_some(())
        });
    }

    /// Clicks what a selector finds first, once it is there to be clicked.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.wait(&format!("to click {selector}"), async |driver| {
            driver
                .find(Locator::Css(selector))
                .await
                .ok()?
                .click()
                .await
                .ok()
        });
    }

    /// Clicks a link or button of this text.
    #[track_caller]
    pub fn follow(&self, text: &str) {
        let path =
            format!("//*[self::a or self::button][contains(normalize-space(.), \"{text}\")]");
        self.wait(&format!("to follow {text}"), async |driver| {
            for it in driver.find_all(Locator::XPath(&path)).await.ok()? {
                // What lies below a dialog has the text as well, and takes no click.
                if it.is_displayed().await.unwrap_or(false) && it.click().await.is_ok() {
                    return Some(());
                }
            }
            None
        });
    }

    /// Types into a field, in the place of what is there.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        self.wait(&format!("to fill {selector}"), async |driver| {
            let field = driver.find(Locator::Css(selector)).await.ok()?;
            if field.tag_name().await.ok()? != "select" {
                field.clear().await.ok()?;
            }
            field.send_keys(text).await.ok()
        });
    }

    /// Chooses files, each by its path.
    #[track_caller]
    pub fn attach(&self, selector: &str, paths: &[&str]) {
        let paths = paths.join("\n");
        self.wait(&format!("to attach to {selector}"), async |driver| {
            let field = driver.find(Locator::Css(selector)).await.ok()?;
            field.send_keys(&paths).await.ok()
        });
    }

    /// Presses keys where the focus is, once what has it takes keys: a dialog that is just closing does not.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        self.wait(&format!("to press {keys}"), async |driver| {
            let it = driver.active_element().await.ok()?;
            it.send_keys(keys).await.ok()
        });
    }

    /// The text of what has the focus.
    pub fn focused(&self) -> String {
        let text = self.runtime.block_on(async {
            let it = self.driver.active_element().await?;
            let named = it.attr("aria-label").await?;
            let named = named.or(it.attr("name").await?.filter(|it| !it.is_empty()));
            let text = it.text().await?;
            Ok::<_, fantoccini::error::CmdError>(if text.is_empty() {
                named.unwrap_or_default()
            } else {
                text
            })
        });
        text.expect("something has the focus")
    }

    /// The text of the first that a selector finds, once it is there.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        self.wait(&format!("to read {selector}"), async |driver| {
            driver
                .find(Locator::Css(selector))
                .await
                .ok()?
                .text()
                .await
                .ok()
        })
    }

    /// Waits until what a selector finds first has this in its text: the page before may have one with another.
    #[track_caller]
    pub fn reads(&self, selector: &str, text: &str) {
        self.wait(&format!("to read {text} in {selector}"), async |driver| {
            let it = driver.find(Locator::Css(selector)).await.ok()?;
            it.text().await.ok()?.contains(text).then_some(())
        });
    }

    /// The texts of all that a selector finds.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let mut texts = Vec::new();
            for it in self
                .driver
                .find_all(Locator::Css(selector))
                .await
                .unwrap_or_default()
            {
                texts.push(it.text().await.unwrap_or_default());
            }
            texts
        })
    }

    /// An attribute or property of the first that a selector finds.
    #[track_caller]
    pub fn value(&self, selector: &str, name: &str) -> String {
        self.wait(&format!("{name} of {selector}"), async |driver| {
            let it = driver.find(Locator::Css(selector)).await.ok()?;
            Some(it.prop(name).await.ok()?.unwrap_or_default())
        })
    }

    /// The commands that the page says do the same.
    pub fn commands(&self) -> Vec<String> {
        let found = self
            .script("return [...document.querySelectorAll('.cli pre')].map(it => it.textContent)");
        serde_json::from_value(found).expect("texts")
    }

    /// Whether a selector finds something.
    pub fn has(&self, selector: &str) -> bool {
        let found = self
            .runtime
            .block_on(self.driver.find_all(Locator::Css(selector)));
        !found.expect("a page").is_empty()
    }

    /// Waits until a selector finds something.
    #[track_caller]
    pub fn sees(&self, selector: &str) {
        self.wait(&format!("to see {selector}"), async |driver| {
            driver.find(Locator::Css(selector)).await.ok().map(drop)
        });
    }

    /// Runs a script in the page.
    pub fn script(&self, script: &str) -> Value {
        let done = self.driver.execute(script, Vec::new());
        self.runtime.block_on(done).expect("a script runs")
    }

    /// What the browser has to say, a list that is empty from then on.
    pub fn said(&self) -> Value {
        // Source: chromedriver, `POST /session/{id}/se/log`.
        self.tell("se/log", json!({ "type": "browser" }))
    }

    /// Wants the browser's console to be empty: no error, no violation of the policy, nothing that could not be loaded.
    #[track_caller]
    pub fn is_silent(&self) {
        let said = self.said();
        assert_eq!(said, json!([]), "{} says {said:#}", self.at());
    }

    /// Wants axe to find nothing against WCAG 2.2 AA.
    #[track_caller]
    pub fn is_accessible(&self) {
        let wanted = json!({ "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
        let script = format!(
            "{}\nconst done = arguments[arguments.length - 1]; axe.run(document, {wanted}).then((it) => done(it.violations.map((v) => ({{ rule: v.id, help: v.help, where: v.nodes.map((n) => n.html + ' ' + (n.any[0]?.message ?? '')) }}))));",
            self.axe
        );
        let found = self.driver.execute_async(&script, Vec::new());
        let found = self.runtime.block_on(found).expect("axe runs");
        assert_eq!(found, json!([]), "axe, at {}: {found:#}", self.at());
    }

    /// Keeps a picture of what is seen, where `POSTERN_PICTURES` names a folder for them.
    pub fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("POSTERN_PICTURES") else {
            return;
        };
        let file = Path::new(&folder).join(format!("{name}.png"));
        let picture = self.runtime.block_on(self.driver.screenshot());
        std::fs::write(file, picture.expect("a picture")).expect("a file");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let ended = self.driver.clone().close();
        let _ = self.runtime.block_on(ended);
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

/// A command that chromedriver alone has.
#[derive(Debug)]
struct Own {
    endpoint: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.endpoint))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// Starts chromedriver on a port that is free.
fn driver() -> (Child, String) {
    let mut service = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver, which `tests/run` installs");
    let said = service.stdout.take().expect("what it says");
    let port = BufReader::new(said).lines().find_map(|line| {
        let line = line.ok()?;
        let port = line.split("started successfully on port ").nth(1)?;
        Some(port.trim_end_matches('.').to_owned())
    });
    let port = port.expect("chromedriver says its port");
    (service, format!("http://127.0.0.1:{port}"))
}

fn capabilities() -> Capabilities {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--lang=en",
        "--window-size=1280,900",
    ];
    let wanted = json!({
        "browserName": "chrome",
        "acceptInsecureCerts": true,
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    match wanted {
        Value::Object(wanted) => wanted,
        other => panic!("{other}"),
    }
}

/// What axe is. `tests/run` installs it.
fn axe() -> String {
    let named = std::env::var_os("POSTERN_AXE").map(PathBuf::from);
    let target = || {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        target.unwrap_or_else(|| crate::gate::root().join("target"))
    };
    let file = named.unwrap_or_else(|| target().join("axe/node_modules/axe-core/axe.min.js"));
    std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}, which `tests/run` installs: {error}", file.display()))
}
