//! A reseller's first hour by the command line alone, and what its commands say when they are called in a wrong way.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tests::call::Call;
use tests::clients::Client;
use tests::gate::{self, Gate, Key};

/// `postern` for the tenant `acme`.
struct Office<'g>(&'g Gate);

impl Office<'_> {
    fn run(&self, arguments: &[&str]) -> Output {
        self.0.postern(arguments)
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.0.postern_ok(arguments)
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let all = [arguments, &["--json"]].concat();
        serde_json::from_str(&self.ok(&all)).unwrap()
    }

    /// Wants this exit code, and answers what was said.
    #[track_caller]
    fn fails(&self, exit: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(
            output.status.code(),
            Some(exit),
            "postern {arguments:?}\n{said}"
        );
        said
    }

    /// Makes a key, and answers it as clients take it.
    #[track_caller]
    fn key(&self, user: &str, arguments: &[&str]) -> Key {
        let made = [
            &["key", "create", "--tenant", "acme", "--user", user],
            arguments,
        ]
        .concat();
        key_of(&self.json(&made), user)
    }
}

fn key_of(made: &Value, user: &str) -> Key {
    let text = |pointer: &str| made.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    Key {
        user: user.to_owned(),
        level: text("/key/rights/level"),
        access_key_id: text("/key/id"),
        secret_access_key: text("/secret_access_key"),
        bucket: "site".to_owned(),
    }
}

/// A gate with the tenant `acme`, its user `shop`, and the bucket `site`.
fn acme() -> Gate {
    let gate = Gate::start();
    let office = Office(&gate);
    // In this profile the users of an account share buckets, so that a CDN, a script and a job work on one.
    office.ok(&["tenant", "create", "acme", "--profile", "sobject"]);
    for (user, what) in [("cdn", "pulls"), ("ingest", "pushes"), ("ci", "builds")] {
        office.ok(&[
            "user",
            "create",
            user,
            "--tenant",
            "acme",
            "--description",
            what,
        ]);
    }
    office.ok(&[
        "bucket", "create", "site", "--owner", "ci", "--tenant", "acme",
    ]);
    gate
}

/// 000-17, 000-25, 001-13.
#[test]
fn the_first_hour_of_a_reseller() {
    let gate = acme();
    let office = Office(&gate);
    let cdn = office.key("cdn", &["--level", "read", "--description", "CDN"]);
    let ingest = office.key("ingest", &["--level", "write", "--bucket", "site"]);
    let ci = office.key(
        "ci",
        &[
            "--level",
            "read-write",
            "--prefix",
            "builds/",
            "--expires",
            "90d",
        ],
    );
    let folder = tempfile::tempdir().unwrap();
    let page = tests::clients::file(folder.path(), "page.html", b"<p>hello</p>");

    // The script pushes, and neither reads nor lists.
    Client::new(&gate, &ingest)
        .aws(&["s3", "cp", &page, "s3://site/page.html"])
        .succeeds();
    Call::get("/site/page.html")
        .send(&gate, &ingest)
        .expect_error(403, "AccessDenied");
    Client::new(&gate, &ingest)
        .aws(&["s3", "ls", "s3://site/"])
        .fails_with("AccessDenied");
    // The CDN pulls, and writes nothing.
    let read = Client::new(&gate, &cdn)
        .aws(&["s3", "cp", "s3://site/page.html", "-"])
        .succeeds();
    assert_eq!(read.out, "<p>hello</p>");
    Call::put("/site/x", b"x")
        .send(&gate, &cdn)
        .expect_error(403, "AccessDenied");
    // The job works below its prefix.
    Client::new(&gate, &ci)
        .aws(&["s3", "cp", &page, "s3://site/builds/1/page.html"])
        .succeeds();
    Call::put("/site/page.html", b"x")
        .send(&gate, &ci)
        .expect_error(403, "AccessDenied");

    // One is disabled: refused from the next request on; enabled, it is what it was.
    let id = ingest.access_key_id.as_str();
    office.ok(&["key", "disable", id, "--tenant", "acme"]);
    Call::put("/site/y", b"y")
        .send(&gate, &ingest)
        .expect_error(403, "InvalidAccessKeyId");
    office.ok(&["key", "enable", id, "--tenant", "acme"]);
    Call::put("/site/y", b"y").send(&gate, &ingest).expect(200);

    // Both at once; what works is not deleted among others, and nothing is deleted before somebody has said how many.
    let both = |verb: &'static str| ["key", verb, id, &cdn.access_key_id, "--tenant", "acme"];
    let working = office.fails(5, &[&both("delete")[..], &["--confirm", "2"]].concat());
    assert!(working.contains("disable it first"), "{working}");
    let done = office.ok(&both("disable"));
    assert_eq!(done.matches("disabled").count(), 2, "{done}");
    for key in [&ingest, &cdn] {
        Call::get("/site/page.html")
            .send(&gate, key)
            .expect_error(403, "InvalidAccessKeyId");
    }
    let count = office.fails(2, &both("delete"));
    assert!(count.contains("--confirm 2"), "{count}");
    let could = office.ok(&[&both("delete")[..], &["--dry-run"]].concat());
    assert_eq!(could.matches("can be deleted").count(), 2, "{could}");
    let done = office.ok(&[&both("enable")[..], &["--quiet"]].concat());
    assert_eq!(done, format!("{id}\n{}\n", cdn.access_key_id));

    office.ok(&["user", "disable", "cdn", "--tenant", "acme"]);
    Call::get("/site/page.html")
        .send(&gate, &cdn)
        .expect_error(403, "InvalidAccessKeyId");
    office.ok(&["user", "enable", "cdn", "--tenant", "acme"]);
    office.ok(&["tenant", "suspend", "acme"]);
    Call::get("/site/page.html")
        .send(&gate, &cdn)
        .expect_error(403, "InvalidAccessKeyId");
    office.ok(&["tenant", "resume", "acme"]);
    Call::get("/site/page.html").send(&gate, &cdn).expect(200);

    // The review names each key; the log says all that was done, and holds.
    let review = office.ok(&["access", "report", "--tenant", "acme", "--format", "csv"]);
    for key in [&cdn, &ingest, &ci] {
        assert!(review.contains(&key.access_key_id), "{review}");
        assert!(!review.contains(&key.secret_access_key));
    }
    let log = office.ok(&["audit", "export", "--tenant", "acme", "--format", "csv"]);
    assert!(
        log.contains(&format!("key.disable,disabled access key {id}")),
        "{log}"
    );
    assert!(office.ok(&["audit", "verify"]).contains("the chain holds"));
    for key in [&cdn, &ingest, &ci] {
        assert!(!log.contains(&key.secret_access_key));
    }
}

#[test]
fn a_rotation_under_use_fails_no_request_and_both_keys_work_in_the_grace() {
    let gate = acme();
    let office = Office(&gate);
    let old = office.key("ci", &["--level", "read-write"]);
    Call::put("/site/a", b"a").send(&gate, &old).expect(200);
    let is_over = AtomicBool::new(false);
    let new = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut done = 0;
            while !is_over.load(Ordering::Relaxed) || done < 20 {
                Call::get("/site/a").send(&gate, &old).expect(200);
                done += 1;
            }
            done
        });
        let id = old.access_key_id.as_str();
        let made = office.json(&["key", "roll", id, "--grace", "1h", "--tenant", "acme"]);
        is_over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() >= 20);
        key_of(&made, "ci")
    });
    for key in [&old, &new] {
        Call::get("/site/a").send(&gate, key).expect(200);
    }
    let id = old.access_key_id.as_str();
    assert!(
        office
            .ok(&["key", "show", id, "--tenant", "acme"])
            .contains("rotating")
    );
    // Without grace the old one stops at once.
    let id = new.access_key_id.as_str();
    let last = office.json(&["key", "roll", id, "--grace", "0s", "--tenant", "acme"]);
    Call::get("/site/a")
        .send(&gate, &new)
        .expect_error(403, "InvalidAccessKeyId");
    Call::get("/site/a")
        .send(&gate, &key_of(&last, "ci"))
        .expect(200);
}

/// 000-20.
#[test]
fn making_customers_fails_no_request_of_those_that_are_there() {
    let gate = acme();
    let office = Office(&gate);
    let key = office.key("ci", &["--level", "read-write"]);
    Call::put("/site/a", b"a").send(&gate, &key).expect(200);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut done = 0;
            while !is_over.load(Ordering::Relaxed) || done < 20 {
                Call::get("/site/a").send(&gate, &key).expect(200);
                done += 1;
            }
        });
        for number in 0..10 {
            let name = format!("customer-{number}");
            office.ok(&["tenant", "create", &name, "--parent", "acme"]);
            office.ok(&["user", "create", "web", "--tenant", &name]);
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    let below = office.ok(&["tenant", "list", "--parent", "acme", "--quiet"]);
    assert_eq!(below.lines().count(), 10);
}

/// 001-35.
#[test]
fn a_bucket_made_for_somebody_is_nobody_elses() {
    let gate = Gate::start();
    let office = Office(&gate);
    office.ok(&["tenant", "create", "acme"]);
    for user in ["shop", "other"] {
        office.ok(&["user", "create", user, "--tenant", "acme"]);
    }
    office.ok(&[
        "bucket", "create", "site", "--owner", "shop", "--tenant", "acme",
    ]);
    let [shop, other, root] =
        ["shop", "other", "root"].map(|user| office.key(user, &["--level", "full"]));
    Call::put("/site/a", b"a").send(&gate, &shop).expect(200);
    for stranger in [&other, &root] {
        Call::get("/site/a")
            .send(&gate, stranger)
            .expect_error(404, "NoSuchBucket");
    }
    let full = [
        "bucket",
        "delete",
        "site",
        "--tenant",
        "acme",
        "--confirm",
        "site",
    ];
    assert!(office.fails(5, &full).contains("not empty"));
    Call::get("/site/a").send(&gate, &shop).expect(200);
    let said = office.fails(
        5,
        &["user", "delete", "shop", "--tenant", "acme", "--dry-run"],
    );
    assert!(
        said.contains("access key") && said.contains("site"),
        "{said}"
    );
    Call::delete("/site/a").send(&gate, &shop).expect(204);
    office.ok(&full);
    office.ok(&[
        "user",
        "delete",
        "shop",
        "--tenant",
        "acme",
        "--confirm",
        "shop",
    ]);
    Call::get("/site")
        .send(&gate, &shop)
        .expect_error(403, "InvalidAccessKeyId");
    office.ok(&["tenant", "delete", "acme", "--confirm", "acme"]);
    assert!(
        office
            .fails(4, &["tenant", "show", "acme"])
            .contains("there is no tenant `acme`")
    );
}

#[test]
fn what_is_called_in_a_wrong_way_says_what_to_do_and_ends_with_the_right_number() {
    let gate = acme();
    let office = Office(&gate);
    let taken = office.fails(5, &["user", "create", "CDN", "--tenant", "acme"]);
    assert!(
        taken.contains("`CDN` is taken") && taken.contains("choose another name"),
        "{taken}"
    );
    let near = office.fails(4, &["user", "show", "cnd", "--tenant", "acme"]);
    assert!(near.contains("did you mean `cdn`?"), "{near}");
    let near = office.fails(4, &["user", "list", "--tenant", "acne"]);
    assert!(near.contains("did you mean `acme`?"), "{near}");
    let level = office.fails(2, &["key", "create", "--user", "cdn", "--level", "reed"]);
    assert!(
        level.contains("--level") && level.contains("reed"),
        "{level}"
    );
    let name = office.fails(2, &["user", "create", "a b", "--tenant", "acme"]);
    assert!(name.contains("letters, digits"), "{name}");
    let bucket = office.fails(2, &["bucket", "create", "Site", "--owner", "cdn"]);
    assert!(bucket.contains("lower-case letters"), "{bucket}");
    let date = [
        "key",
        "create",
        "--user",
        "cdn",
        "--level",
        "read",
        "--expires",
        "tomorrow",
    ];
    assert!(office.fails(2, &date).contains("90d"));
    office.ok(&["tenant", "set", "acme", "--write-deletes", "no"]);
    let above = [
        "key",
        "create",
        "--user",
        "cdn",
        "--level",
        "write",
        "--write-deletes",
        "all",
        "--tenant",
        "acme",
    ];
    let above = office.fails(3, &above);
    assert!(
        above.contains("`no` at most") && above.contains("change the tenant's first"),
        "{above}"
    );
    let alone = office.fails(2, &["user", "delete", "cdn", "--tenant", "acme"]);
    assert!(alone.contains("--confirm cdn"), "{alone}");
    let wrong = office.fails(
        2,
        &[
            "user",
            "delete",
            "cdn",
            "--tenant",
            "acme",
            "--confirm",
            "ci",
        ],
    );
    assert!(wrong.contains("nothing was deleted"), "{wrong}");
    let nowhere = tempfile::tempdir().unwrap();
    let nowhere = nowhere.path().display().to_string();
    let said = office.fails(6, &["tenant", "list", "--data", &nowhere]);
    assert!(
        said.contains("is a server running on this folder?"),
        "{said}"
    );
    // Quiet is ids alone, and a list of nothing is nothing.
    let users = office.ok(&["user", "list", "--tenant", "acme", "--quiet"]);
    assert_eq!(users, "cdn\nci\ningest\nroot\n");
    assert_eq!(
        office.ok(&["key", "list", "--tenant", "acme", "--quiet"]),
        ""
    );
    let two = office.json(&["user", "list", "--tenant", "acme", "--limit", "2"]);
    assert_eq!(
        (two["items"].as_array().unwrap().len(), &two["total"]),
        (2, &Value::from(4))
    );
}

#[test]
fn what_is_taken_above_or_would_throw_rows_away_is_refused_with_what_to_do() {
    let gate = Gate::start();
    let office = Office(&gate);
    let of = |area: &'static str| {
        move |rest: &[&'static str]| [&[area], rest, &["--tenant", "acme"]].concat()
    };
    let (user, role, permission, sub_user) =
        (of("user"), of("role"), of("permission"), of("sub-user"));

    // An organization: roles.
    office.ok(&["tenant", "create", "acme", "--profile", "datastream"]);
    let address = user(&["create", "ann", "--kind", "human"]);
    assert!(office.fails(1, &address).contains("give `email`"));
    office.ok(&user(&[
        "create",
        "ann",
        "--kind",
        "human",
        "--email",
        "ann@example.com",
    ]));
    let taken = user(&[
        "create",
        "ANN",
        "--kind",
        "human",
        "--email",
        "a@example.com",
    ]);
    let taken = office.fails(5, &taken);
    assert!(
        taken.contains("by another user") && taken.contains("`ANN-2`"),
        "{taken}"
    );
    let taken = user(&[
        "create",
        "bob",
        "--kind",
        "human",
        "--email",
        "Ann@example.com",
    ]);
    assert!(office.fails(5, &taken).contains("that of another user"));
    office.ok(&role(&[
        "create",
        "auditor",
        "--allow",
        "audit-read,obj.read",
    ]));
    assert!(
        office
            .fails(5, &role(&["create", "Auditor"]))
            .contains("`Auditor-2`")
    );
    assert!(
        office
            .fails(5, &role(&["create", "Admin"]))
            .contains("`Admin-2`")
    );
    let misspelt = role(&["create", "x", "--allow", "obj.raed"]);
    assert!(office.fails(2, &misspelt).contains("'obj.read'"));
    office.ok(&role(&["assign", "auditor", "--user", "ann"]));
    let above = [
        "key", "create", "--user", "ann", "--level", "full", "--tenant", "acme",
    ];
    let above = office.fails(3, &above);
    assert!(
        above.contains("ask for less, or raise the limit above first"),
        "{above}"
    );
    assert!(
        office
            .fails(5, &role(&["assign", "owner", "--user", "ann"]))
            .contains("transfer")
    );
    assert!(
        office
            .fails(4, &role(&["assign", "auditer", "--user", "ann"]))
            .contains("`auditor`")
    );
    let held = role(&["delete", "auditor", "--confirm", "auditor"]);
    assert!(office.fails(5, &held).contains("that of `ann`"));
    let matrix = office.ok(&role(&["matrix"]));
    assert!(
        matrix.starts_with("PERMISSION") && matrix.contains("auditor"),
        "{matrix}"
    );
    office.ok(&role(&[
        "set",
        "auditor",
        "--allow",
        "usage-read",
        "--forbid",
        "obj.read",
    ]));
    let shown = office.json(&role(&["show", "auditor"]));
    let console = serde_json::json!(["audit-read", "usage-read"]);
    assert_eq!(
        shown["atoms"],
        serde_json::json!({ "data": [], "console": console })
    );
    office.ok(&user(&[
        "set",
        "ann",
        "--timezone",
        "Europe/Berlin",
        "--description",
        "of the office",
    ]));
    assert_eq!(
        office.json(&user(&["show", "ann"]))["email"],
        "ann@example.com"
    );
    office.ok(&["tenant", "transfer", "acme", "--to", "ann"]);
    assert!(
        office
            .fails(
                5,
                &sub_user(&["create", "x", "--user", "ann", "--level", "read"])
            )
            .contains("no sub-users")
    );
    assert!(
        office
            .fails(5, &permission(&["show"]))
            .contains("no permissions")
    );
    office.ok(&[
        "tenant",
        "set",
        "acme",
        "--name",
        "acme-old",
        "--max-users",
        "2",
    ]);
    let full = office.fails(5, &["user", "create", "x", "--tenant", "acme-old"]);
    assert!(full.contains("no room for another user"), "{full}");

    // Members with permissions: rows for all, or rows for each.
    office.ok(&["tenant", "create", "acme", "--profile", "vpsa"]);
    for name in ["ann", "bob"] {
        office.ok(&["user", "create", name, "--tenant", "acme"]);
    }
    let each = permission(&["set", "--user", "ann=r"]);
    let asked = office.fails(2, &each);
    assert!(
        asked.contains("- members") && asked.contains("--yes"),
        "{asked}"
    );
    let row = |name: &str| {
        asked
            .lines()
            .any(|line| line.split_whitespace().eq([name, "rw", "none"]))
    };
    assert!(row("bob"), "{asked}");
    office.ok(&[&each[..], &["--yes"]].concat());
    assert!(office.ok(&permission(&["show"])).contains("ann"));
    assert!(
        office
            .fails(2, &permission(&["set", "--user", "ann"]))
            .contains("ann=rw")
    );
    let asked = office.fails(2, &permission(&["reset"]));
    assert!(asked.contains("ann") && asked.contains("--yes"), "{asked}");
    assert!(
        office
            .ok(&permission(&["reset", "--yes"]))
            .contains("so says the profile")
    );
    office.ok(&[
        "bucket", "create", "site", "--owner", "ann", "--tenant", "acme",
    ]);
    let public = office.ok(&[
        "bucket",
        "set-public",
        "site",
        "--no-list",
        "--tenant",
        "acme",
    ]);
    assert!(
        public.contains("whoever knows the name of an object reads it"),
        "{public}"
    );
    office.ok(&["bucket", "set-private", "site", "--tenant", "acme"]);
    let taken = office.fails(
        5,
        &[
            "bucket", "create", "site", "--owner", "bob", "--tenant", "acme",
        ],
    );
    assert!(taken.contains("`site-2`"), "{taken}");

    // Many at once.
    let many = office.fails(5, &user(&["disable", "ann", "bob", "root"]));
    assert!(
        many.contains("ann   disabled") && many.contains("always active"),
        "{many}"
    );
    assert_eq!(
        office.ok(&user(&["list", "--status", "passive", "--quiet"])),
        "ann\nbob\n"
    );
    let count = office.fails(2, &user(&["delete", "ann", "bob"]));
    assert!(count.contains("--confirm 2"), "{count}");
    let some = office.fails(5, &user(&["delete", "ann", "bob", "--confirm", "2"]));
    assert!(
        some.contains("still owns buckets") && some.contains("bob   deleted"),
        "{some}"
    );
}

#[test]
fn a_key_is_changed_without_losing_its_other_limits() {
    let gate = acme();
    let office = Office(&gate);
    let key = office.key(
        "ci",
        &[
            "--level",
            "read",
            "--bucket",
            "site",
            "--network",
            "127.0.0.0/8",
        ],
    );
    let id = key.access_key_id.as_str();
    let show = || office.json(&["key", "show", id, "--tenant", "acme"]);
    office.ok(&[
        "key",
        "set",
        id,
        "--level",
        "read-write",
        "--tenant",
        "acme",
    ]);
    let rights = show()["rights"].clone();
    assert_eq!(
        (&rights["level"], &rights["scope"]["buckets"][0]),
        (&"read-write".into(), &"site".into())
    );
    Call::put("/site/a", b"a").send(&gate, &key).expect(200);
    office.ok(&[
        "key",
        "set",
        id,
        "--lift",
        "buckets,networks",
        "--expires",
        "2001-01-01",
        "--tenant",
        "acme",
    ]);
    let shown = show();
    assert_eq!(
        (&shown["rights"]["networks"], &shown["works"]),
        (&Value::Null, &false.into())
    );
    Call::put("/site/a", b"a")
        .send(&gate, &key)
        .expect_error(403, "AccessDenied");
    office.ok(&["key", "set", id, "--lift", "expires", "--tenant", "acme"]);
    Call::put("/site/a", b"a").send(&gate, &key).expect(200);
    office.ok(&["key", "delete", id, "--tenant", "acme", "--yes"]);
    Call::put("/site/a", b"a")
        .send(&gate, &key)
        .expect_error(403, "InvalidAccessKeyId");
}

#[test]
fn a_new_key_is_printed_for_the_program_that_will_use_it() {
    let gate = acme();
    let office = Office(&gate);
    let folder = tempfile::tempdir().unwrap();
    let make = |format: &str| {
        let made = [
            "key", "create", "--tenant", "acme", "--user", "cdn", "--level", "read", "--format",
            format,
        ];
        office.ok(&made)
    };
    let script = format!("{}\nexec aws s3 ls s3://site/", make("env"));
    assert_eq!(run("sh", &["-c", &script], &[]), "");
    let profile = tests::clients::file(folder.path(), "credentials", make("aws").as_bytes());
    let as_profile = [
        ("AWS_SHARED_CREDENTIALS_FILE", profile.as_str()),
        ("AWS_CONFIG_FILE", "/dev/null"),
    ];
    run(
        "aws",
        &["--profile", "acme-cdn", "s3", "ls", "s3://site/"],
        &as_profile,
    );
    let remote = make("rclone");
    let ca = remote
        .lines()
        .next()
        .unwrap()
        .split("--ca-cert ")
        .nth(1)
        .unwrap()
        .to_owned();
    let remote = tests::clients::file(folder.path(), "rclone.conf", remote.as_bytes());
    run(
        "rclone",
        &[
            "--config",
            &remote,
            "--ca-cert",
            &ca,
            "lsf",
            "acme-cdn:site",
        ],
        &[],
    );
    let settings = tests::clients::file(folder.path(), "s3cfg", make("s3cmd").as_bytes());
    run("s3cmd", &["-c", &settings, "ls", "s3://site/"], &[]);
    let document: Value = serde_json::from_str(&make("json")).unwrap();
    assert_eq!(document["secret_access_key"].as_str().unwrap().len(), 40);
}

/// Runs a program, wants it to succeed, and answers what it printed.
#[track_caller]
fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env_remove("AWS_CA_BUNDLE")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_server_is_noted_by_name_in_a_file_of_its_owner_alone() {
    let gate = acme();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/contexts.json");
    let postern = |arguments: &[&str], variables: &[(&str, &str)]| {
        Command::new(gate::binary())
            .args(arguments)
            .current_dir(folder.path())
            .env("POSTERN_CONTEXTS", &file)
            .env_remove("POSTERN_DATA")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let token = gate.dir().join("admin.token").display().to_string();
    let ca = gate.dev().ca.display().to_string();
    let url = gate.dev().admin.clone();
    let add = [
        "context",
        "add",
        "here",
        "--url",
        &url,
        "--token-file",
        &token,
        "--ca",
        &ca,
        "--tenant",
        "acme",
    ];
    let added = postern(&add, &[]);
    assert!(added.status.success(), "{added:?}");
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let users = postern(&["user", "list", "--quiet"], &[]);
    assert_eq!(
        String::from_utf8(users.stdout).unwrap(),
        "cdn\nci\ningest\nroot\n"
    );
    let listed = postern(&["context", "list", "--json"], &[]);
    let secret = std::fs::read_to_string(&token).unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains("\"here\"") && !listed.contains(secret.trim()),
        "{listed}"
    );

    // The environment alone does as well.
    let plain = [
        ("POSTERN_URL", url.as_str()),
        ("POSTERN_TOKEN", secret.trim()),
        ("POSTERN_CA", &ca),
    ];
    assert!(
        postern(&["tenant", "show", "acme"], &plain)
            .status
            .success()
    );
    let wrong = [
        ("POSTERN_URL", url.as_str()),
        ("POSTERN_TOKEN", "no"),
        ("POSTERN_CA", &ca),
    ];
    assert_eq!(
        postern(&["tenant", "show", "acme"], &wrong).status.code(),
        Some(3)
    );

    assert_eq!(
        postern(&["context", "use", "there"], &[]).status.code(),
        Some(4)
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = postern(&["user", "list"], &[]);
    assert!(
        String::from_utf8_lossy(&open.stderr).contains("chmod 600"),
        "{open:?}"
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(
        postern(&["context", "remove", "here"], &[])
            .status
            .success()
    );
    assert_eq!(postern(&["user", "list"], &[]).status.code(), Some(6));
}

#[test]
fn completions_and_pages_of_the_manual_are_made_for_packages() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            run_postern(&["completions", shell]).contains("tenant"),
            "{shell}"
        );
    }
    assert!(run_postern(&["man"]).contains(".TH"));
    run_postern(&["man", "--out", &out]);
    assert!(folder.path().join("postern-key-create.1").exists());
}

#[track_caller]
fn run_postern(arguments: &[&str]) -> String {
    let binary = gate::binary();
    run(&binary.display().to_string(), arguments, &[])
}
