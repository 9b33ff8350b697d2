//! Operators by the command line, against a server that was just started.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tests::gate::{self, Gate};

const PASSWORD: &str = "correct horse battery";

/// A command line whose contexts are in a folder of their own.
struct Desk {
    home: PathBuf,
}

impl Desk {
    fn new(gate: &Gate) -> Self {
        let home = gate.dir().join("desk");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("password"), format!("{PASSWORD}\n")).unwrap();
        Self { home }
    }

    /// As whoever the context says has signed in; with `--data` as the server's own token.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(gate::binary())
            .args(arguments)
            .env_remove("POSTERN_DATA")
            .env("POSTERN_CONTEXTS", self.home.join("contexts.json"))
            .current_dir(&self.home)
            .output()
            .unwrap()
    }

    #[track_caller]
    fn ends(&self, exit: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let found = output.status.code();
        assert_eq!(found, Some(exit), "postern {arguments:?}\n{said}");
        said
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let said = self.ends(0, &[arguments, &["--json"]].concat());
        serde_json::from_str(&said).unwrap()
    }
}

/// 004-11, 004-16, 004-25: a person is made, sets a password, signs in, does what the role says and nothing else, and is out at once when
/// disabled.
#[test]
fn an_operator_is_invited_signs_in_and_does_what_the_role_says() {
    let gate = Gate::start();
    let desk = Desk::new(&gate);
    gate.postern_ok(&["tenant", "create", "acme"]);
    let made = gate.postern_ok(&[
        "operator",
        "create",
        "ann@acme.example",
        "--role",
        "admin",
        "--tenant",
        "acme",
        "--quiet",
    ]);
    let (admin, ca) = (gate.dev().admin.clone(), gate.dev().ca.clone());
    let (admin, ca) = (admin.as_str(), ca.to_str().unwrap());
    let place = ["--admin", admin, "--ca", ca];
    let file = ["--password-file", "password"];
    let accept = [&["accept", made.trim()], &file[..], &place].concat();
    desk.ends(0, &accept);
    let again = desk.ends(3, &accept);
    assert!(again.contains("invitation does not work"), "{again}");
    let login = [&["login", "ann@acme.example"], &file[..], &place].concat();
    desk.ends(0, &login);
    let contexts = fs::metadata(desk.home.join("contexts.json")).unwrap();
    assert_eq!(contexts.permissions().mode() & 0o777, 0o600);
    let me = desk.json(&["whoami"]);
    assert_eq!(me["operator"]["email"], "ann@acme.example");
    assert_eq!(
        (&me["role"], &me["scope"]["tenant"]),
        (&"admin".into(), &"acme".into())
    );
    // The account is hers; the deployment and other accounts are not.
    desk.ends(0, &["user", "create", "web", "--tenant", "acme"]);
    let said = desk.ends(3, &["tenant", "create", "mine"]);
    assert!(
        said.contains("scope") || said.contains("permission"),
        "{said}"
    );
    let said = desk.ends(4, &["tenant", "show", "demo"]);
    assert!(
        said.contains("no such tenant") && !said.contains("did you mean"),
        "{said}"
    );
    // A token of hers, narrower than she is.
    let secret = desk.ends(
        0,
        &[
            "token",
            "create",
            "ci",
            "--role",
            "reader",
            "--expires",
            "1h",
            "--quiet",
        ],
    );
    let by_token = |arguments: &[&str]| {
        let output = Command::new(gate::binary())
            .args([arguments, &place].concat())
            .env("POSTERN_TOKEN", secret.trim())
            .env("POSTERN_CONTEXTS", desk.home.join("none.json"))
            .output()
            .unwrap();
        output.status.code()
    };
    assert_eq!(by_token(&["user", "list", "--tenant", "acme"]), Some(0));
    assert_eq!(
        by_token(&["user", "disable", "web", "--tenant", "acme"]),
        Some(3)
    );
    let listed = desk.json(&["token", "list"]);
    assert_eq!(listed["items"][0]["name"], "ci");
    // Disabled: the session and the token are over with the next request.
    gate.postern_ok(&["operator", "disable", "ann@acme.example"]);
    desk.ends(3, &["whoami"]);
    assert_eq!(by_token(&["user", "list", "--tenant", "acme"]), Some(3));
    let said = desk.ends(3, &login);
    assert!(said.contains("nobody signs in with this"), "{said}");
    gate.postern_ok(&["operator", "enable", "ann@acme.example"]);
    assert_eq!(by_token(&["user", "list", "--tenant", "acme"]), Some(0));
    desk.ends(0, &login);
    desk.ends(0, &["logout"]);
    let log = gate.postern_ok(&["audit", "search", "--action", "session.", "--json"]);
    for action in ["session.sign-in", "session.sign-out", "session.refuse"] {
        assert!(log.contains(action), "{log}");
    }
    assert!(!log.contains(PASSWORD) && !log.contains(secret.trim()));
}

/// The token of the first operator is in a file of the data folder, and in no log; it works once.
#[test]
fn the_first_operator_is_made_with_what_the_server_left_in_its_folder() {
    let gate = Gate::start();
    let desk = Desk::new(&gate);
    let file = gate.dir().join("first-operator.token");
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = fs::read_to_string(&file).unwrap();
    assert!(token.len() >= 40 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    gate.postern_ok(&[
        "operator",
        "create",
        "boss@x.example",
        "--role",
        "owner",
        "--password-file",
        desk.home.join("password").to_str().unwrap(),
    ]);
    let shown = gate.postern_ok(&["operator", "list", "--json"]);
    assert!(shown.contains("boss@x.example"), "{shown}");
    let refused = gate.postern(&["operator", "disable", "boss@x.example"]);
    assert_eq!(refused.status.code(), Some(5));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("last active owner"), "{said}");
}
