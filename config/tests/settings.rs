//! The settings as an operator meets them: the sample is the defaults, every fault is said at once, the later source wins.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};

use postern_config::settings::{
    AccessFormat, Destination, DestinationPass, Environment, Fault, Faults, MetricsAccess,
    NodeProcess, Overrides, Place, ProxyProtocol, Settings, Tls,
};

fn load(text: &str) -> Result<Settings, Faults> {
    load_with(text, &Environment::default(), &Overrides::new())
}

fn load_with(
    text: &str,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Settings, Faults> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postern.toml");
    std::fs::write(&path, text).unwrap();
    Settings::load(Some(&path), environment, overrides)
}

fn faults(text: &str) -> Vec<Fault> {
    load(text).unwrap_err().as_slice().to_vec()
}

fn sample() -> PathBuf {
    // The tests run in the folder of their package.
    Path::new("samples/postern.toml").to_owned()
}

#[test]
fn the_sample_loads_and_equals_the_defaults() {
    let nothing = (Environment::default(), Overrides::new());
    let from_sample = Settings::load(Some(&sample()), &nothing.0, &nothing.1).unwrap();
    let defaults = Settings::load(None, &nothing.0, &nothing.1).unwrap();
    assert_eq!(format!("{from_sample:#?}"), format!("{defaults:#?}"));
}

#[test]
fn the_sample_names_every_field() {
    let text = std::fs::read_to_string(sample()).unwrap();
    // Whatever is uncommented or taken out of its comment must be a field: no fault may say otherwise.
    let bare: String = text
        .lines()
        .map(|line| {
            let setting = line.strip_prefix("# ").filter(|it| {
                it.split_once(" = ").is_some_and(|(name, _)| {
                    name.bytes()
                        .all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte))
                })
            });
            format!("{}\n", setting.unwrap_or(line))
        })
        .collect();
    let unknown: Vec<_> = match load(&bare) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.as_slice().to_vec(),
    };
    let unknown: Vec<_> = unknown
        .iter()
        .filter(|fault| fault.expected.contains("there is no such"))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(
        bare.contains("\nrequests_per_second_per_key = "),
        "the comments were not opened"
    );
}

#[test]
fn every_fault_is_said_at_once_with_its_line_value_and_expectation() {
    let found = faults(
        "[s3]\nlisten = \"nowhere\"\nlisen = 1\nhttp2 = \"yes\"\ntrusted_proxies = [\"10.0.0.0/8\", \"ten\"]\n\
         [limits]\nhead_bytes = \"1 B\"\nhead_time = 5000\n[limts]\nhead_bytes = 1\n[log]\nformat = \"xml\"\n",
    );
    let lines: Vec<_> = found
        .iter()
        .map(|fault| match &fault.place {
            Place::File { line, .. } => (line.unwrap(), fault.field.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            (2, "s3.listen"),
            (3, "s3.lisen"),
            (4, "s3.http2"),
            (5, "s3.trusted_proxies"),
            (7, "limits.head_bytes"),
            (8, "limits.head_time"),
            (10, "limts.head_bytes"),
            (12, "log.format"),
        ]
    );
    let text = load("[s3]\nlisen = 1\n[limts]\n").unwrap_err().to_string();
    assert!(text.contains("did you mean `listen`?"), "{text}");
    assert!(text.contains("did you mean `limits`?"), "{text}");
    let listen = found
        .iter()
        .find(|fault| fault.field == "s3.listen")
        .unwrap();
    assert_eq!(listen.value.as_deref(), Some("nowhere"));
    assert!(
        listen.expected.contains("an address and port"),
        "{}",
        listen.expected
    );
}

#[test]
fn broken_toml_does_not_hide_other_faults() {
    let found = faults("[s3]\nlisten = \"nowhere\"\nhttp2 = \n");
    assert!(
        found.iter().any(|fault| fault.field == "s3.listen"),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|fault| fault.expected.starts_with("not TOML")),
        "{found:?}"
    );
}

#[test]
fn a_missing_file_is_a_fault_and_stops_with_64() {
    let refused = Settings::load(
        Some(Path::new("/nonexistent/postern.toml")),
        &Environment::default(),
        &Overrides::new(),
    )
    .unwrap_err();
    assert_eq!(refused.as_slice().len(), 1);
    assert_eq!(refused.exit_code(), 64);
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
    let text = "[s3]\nregion = \"file\"\nhttp2 = true\n[log]\nformat = \"s3\"\n";
    let environment = Environment::of([
        ("POSTERN_S3__REGION", "environment"),
        ("POSTERN_LOG__FORMAT", "both"),
        ("POSTERN_S3__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
        ("POSTERN_URL", "for another program"),
        ("PATH", "/bin"),
    ]);
    let overrides = Overrides::new().with("--region", "s3.region", "flag");
    let settings = load_with(text, &environment, &overrides).unwrap();
    assert_eq!(settings.s3.region.as_str(), "flag");
    assert_eq!(settings.log.format, AccessFormat::Both);
    assert_eq!(settings.s3.trusted_proxies.len(), 2);
    assert!(settings.s3.http2);
}

#[test]
fn faults_of_the_environment_and_the_command_line_say_where_they_are() {
    let environment = Environment::of([
        ("POSTERN_S3__LISTEN", "nowhere"),
        ("POSTERN_S4__LISTEN", "1"),
    ]);
    let overrides = Overrides::new().with("--admin-listen", "admin.listen", "nowhere");
    let text = load_with("", &environment, &overrides)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("environment POSTERN_S3__LISTEN: s3.listen"),
        "{text}"
    );
    assert!(
        text.contains("environment POSTERN_S4__LISTEN: s4.listen"),
        "{text}"
    );
    assert!(
        text.contains("option --admin-listen: admin.listen"),
        "{text}"
    );
}

#[test]
fn fields_that_do_not_fit_each_other_are_faults() {
    assert!(
        faults("[s3]\nproxy_protocol = \"required\"\n")[0]
            .expected
            .contains("trusted_proxies")
    );
    assert!(
        faults("[s3]\ntls_cert = \"/dev/null\"\n")[0]
            .expected
            .contains("s3.tls_key")
    );
    for (s3, public) in [
        ("a.org", "b.a.org"),
        ("b.a.org", "a.org"),
        ("a.org", "a.org"),
    ] {
        let found = faults(&format!(
            "[domains]\ns3 = \"{s3}\"\npublic = \"{public}\"\n"
        ));
        assert!(found[0].expected.contains("within each other"), "{found:?}");
    }
    let both = "[admin]\ntoken = \"0123456789012345678901234567890123\"\ntoken_file = \"x\"\n";
    assert!(faults(both)[0].expected.contains("not both"));
}

#[test]
fn secrets_come_from_files_and_faults_never_show_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t\n").unwrap();
    let text = format!("[admin]\ntoken_file = {path:?}\nmetrics = \"loopback\"\n");
    let settings = load(&text).unwrap();
    assert!(
        settings
            .admin
            .token
            .as_ref()
            .unwrap()
            .is(b"s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t")
    );
    assert_eq!(settings.admin.metrics, MetricsAccess::Loopback);
    assert!(!format!("{settings:?}").contains("s3cr3t"));

    let refused =
        load("[admin]\ntoken = \"s3cr3t\"\n[directory]\nmaster_key = \"s3cr3t\"\n").unwrap_err();
    assert_eq!(refused.as_slice().len(), 2);
    assert!(
        !format!("{refused} {refused:?}").contains("s3cr3t"),
        "{refused}"
    );
    // The environment's file takes the place of the settings file's own.
    let key = folder.path().join("key");
    std::fs::write(&key, "00".repeat(32)).unwrap();
    let environment =
        Environment::of([("POSTERN_DIRECTORY__MASTER_KEY_FILE", key.to_str().unwrap())]);
    let text = format!("[directory]\nmaster_key = \"{}\"\n", "11".repeat(32));
    let settings = load_with(&text, &environment, &Overrides::new()).unwrap();
    assert!(settings.directory.master_key.unwrap().is(&[0; 32]));
}

#[test]
fn limits_hold_at_their_bounds_and_one_past_them_is_a_fault() {
    let bounds = [
        ("limits.head_bytes", 8_192, 1_048_576),
        ("limits.header_count", 32, 1_000),
        ("limits.uri_bytes", 4_096, 65_536),
        ("limits.connections_per_address", 1, 1_000_000),
        ("limits.xml_bytes", 65_536, 67_108_864),
        ("policy.module_bytes", 1_024, 1_048_576),
        ("policy.fuel", 1_000, 10_000_000_000),
    ];
    for (field, least, most) in bounds {
        let (section, key) = field.split_once('.').unwrap();
        let with = |value: u64| load(&format!("[{section}]\n{key} = {value}\n"));
        assert!(with(least).is_ok() && with(most).is_ok(), "{field}");
        assert!(
            with(least - 1).is_err() && with(most + 1).is_err(),
            "{field}"
        );
    }
}

#[test]
fn the_defaults_are_closed() {
    let settings = load("").unwrap();
    assert!(settings.s3.listen.ip().is_loopback() && settings.admin.listen.ip().is_loopback());
    assert_eq!(settings.s3.tls, Tls::OwnCa);
    assert_eq!(settings.s3.proxy_protocol, ProxyProtocol::Off);
    assert_eq!(settings.admin.metrics, MetricsAccess::Token);
}

#[test]
fn files_hold_at_their_bounds_and_a_byte_more_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let text = format!("[directory]\nmaster_key_file = {path:?}\n");
    // White space around a secret is none of it.
    let with = |bytes: usize| {
        std::fs::write(
            &path,
            format!("{}{}", "00".repeat(32), " ".repeat(bytes - 64)),
        )
        .unwrap();
        load(&text)
    };
    assert!(with(4_096).is_ok());
    let refused = with(4_097).unwrap_err().to_string();
    assert!(refused.contains("too large"), "{refused}");

    let whole = |bytes: usize| load(&"#".repeat(bytes));
    assert!(whole(1_048_576).is_ok());
    let refused = whole(1_048_577).unwrap_err().to_string();
    assert!(refused.contains("larger than"), "{refused}");
}

#[test]
fn secrets_have_the_length_and_the_letters_that_they_need() {
    let token = |text: &str| load(&format!("[admin]\ntoken = \"{text}\"\n"));
    assert!(token(&"t".repeat(32)).is_ok());
    assert!(token(&"t".repeat(31)).is_err());
    assert!(token(&format!("{} {}", "t".repeat(20), "t".repeat(20))).is_err());
    assert!(token(&"ü".repeat(32)).is_err());
    let key = |text: &str| load(&format!("[directory]\nmaster_key = \"{text}\"\n"));
    assert!(key(&"0f".repeat(32)).is_ok());
    for wrong in [
        "0f".repeat(31),
        "0f".repeat(33),
        "0g".repeat(32),
        "0".repeat(63),
    ] {
        assert!(key(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_key_without_its_certificate_and_a_folder_without_a_name_are_faults() {
    let found = faults("[s3]\ntls_key = \"/dev/null\"\n");
    assert!(found[0].expected.contains("s3.tls_cert"), "{found:?}");
    let found = faults("[data]\nfolder = \"\"\n");
    assert_eq!(found[0].field, "data.folder");
}

#[test]
fn heads_go_to_endpoints_with_a_token_or_a_key_and_never_to_an_unknown_one() {
    let expected = |text: &str| {
        let found = faults(&format!("[audit]\n{text}\n"));
        (found[0].field.clone(), found[0].expected.clone())
    };
    let to = "heads_to = [\"https://a.example/b\"]";
    let (field, needs) = expected(to);
    assert!(
        field == "audit.heads_to" && needs.contains("heads_ca"),
        "{needs}"
    );
    let (token, key, secret) = (
        "heads_token = \"t\"",
        "heads_access_key_id = \"k\"",
        "heads_secret_access_key = \"s\"",
    );
    for (text, needs) in [
        (key.to_owned(), "needs audit.heads_secret_access_key"),
        (
            secret.to_owned(),
            "is needed with audit.heads_secret_access_key",
        ),
        (format!("{token}\n{key}\n{secret}"), "not both"),
        (
            format!("{token}\n{key}"),
            "needs audit.heads_secret_access_key",
        ),
    ] {
        let (field, expected) = expected(&text);
        assert!(
            field == "audit.heads_access_key_id" && expected.contains(needs),
            "{text}: {field} {expected}"
        );
    }
    let whole = format!("[audit]\n{to}\nheads_ca = \"/dev/null\"\n{key}\n{secret}\n");
    let pass = load(&whole).unwrap().audit.heads_pass;
    assert!(
        matches!(pass, Some(DestinationPass::Signed { .. })),
        "{pass:?}"
    );
    let pass = load(&format!("[audit]\n{token}\n"))
        .unwrap()
        .audit
        .heads_pass;
    assert!(matches!(pass, Some(DestinationPass::Token(_))), "{pass:?}");
}

#[test]
fn volumes_go_to_one_place_that_is_known() {
    let found = faults("[ship]\nto = \"https://a.example/b\"\n");
    assert_eq!(found[0].field, "ship.to");
    assert!(found[0].expected.contains("needs ship.ca"), "{found:?}");
    for no_place in ["s3://bucket", "folder", "http://a.example/b"] {
        let found = faults(&format!("[ship]\nto = \"{no_place}\"\n"));
        assert_eq!(found[0].field, "ship.to", "{no_place}");
    }
    let found = faults("[ship]\naccess_key_id = \"k\"\n");
    assert!(
        found[0].expected.contains("needs ship.secret_access_key"),
        "{found:?}"
    );
    let ship = load("[ship]\nto = \"/mnt/copy\"\n").unwrap().ship;
    assert_eq!(ship.to, Some(Destination::Folder("/mnt/copy".into())));
    assert!(load("").unwrap().ship.to.is_none());
}

#[test]
fn variables_of_other_programs_are_none_of_ours() {
    let environment = Environment::of([("OTHER_S3__REGION", "x"), ("S3__LISTEN", "nowhere")]);
    load_with("", &environment, &Overrides::new()).unwrap();
}

#[test]
fn a_variable_with_one_underscore_too_few_is_a_fault_and_not_nothing() {
    let almost = [
        ("POSTERN_NODE_READ_ONLY", "true"),
        ("POSTERN_ADMIN_TOKEN", "secret"),
        ("POSTERN_TEST_NODE", "x"),
    ];
    let environment = Environment::of(almost);
    let faults = load_with("", &environment, &Overrides::new()).unwrap_err();
    let told: Vec<String> = faults.as_slice().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("POSTERN_NODE__READ_ONLY"), "{told:?}");
    assert!(!told.concat().contains("secret"), "{told:?}");
}

#[test]
fn a_domain_holds_at_its_bound() {
    let label = "a".repeat(63);
    let name = |bytes: usize| {
        let whole = [label.as_str(); 4].join(".");
        load(&format!(
            "[domains]\ns3 = \"{}\"\n",
            whole.get(..bytes).unwrap()
        ))
    };
    assert!(name(253).is_ok());
    assert!(name(254).is_err());
    assert!(load(&format!("[domains]\ns3 = \"{}\"\n", "a".repeat(64))).is_err());
}

#[test]
fn a_person_has_one_name_and_one_token_and_a_signer_is_a_key() {
    let (one, two) = ("1".repeat(64), "2".repeat(64));
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let settings = load(&format!(
        "[admin]\npersons = [\"alice:{one}\", \"bob:{two}\"]\n[policy]\ntwo_persons = true\nsigners = [\"{key}\"]\nwatch_time = \"0 s\"\n"
    ))
    .unwrap();
    let names: Vec<_> = settings
        .admin
        .persons
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(names, ["alice", "bob"]);
    assert_eq!(settings.admin.persons.first().unwrap().token, [0x11; 32]);
    assert!(settings.policy.two_persons && settings.policy.watch_time.is_zero());
    assert_eq!(settings.policy.signers.first().unwrap().to_string(), key);
    for wrong in [
        format!("[admin]\npersons = [\"alice:{one}\", \"Alice:{two}\"]\n"),
        format!("[admin]\npersons = [\"alice:{one}\", \"bob:{one}\"]\n"),
        "[admin]\npersons = [\"alice:12\"]\n".to_owned(),
        format!("[admin]\npersons = [\":{one}\"]\n"),
        "[policy]\nsigners = [\"AAAA\"]\n".to_owned(),
        "[policy]\nproposal_time = \"59 s\"\n".to_owned(),
    ] {
        assert_eq!(faults(&wrong).len(), 1, "{wrong}");
    }
}

#[test]
fn a_node_elsewhere_needs_what_both_know_each_other_by() {
    let found = faults("[node]\naddress = \"node.example.org:9445\"\n");
    let fields: Vec<_> = found.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["node.ca", "node.cert", "node.key"]);
    let found = faults("[node]\naddress = \"node.example.org\"\n");
    assert!(found.iter().any(|fault| fault.field == "node.address"));
    let sample = sample().display().to_string();
    let files = format!("ca = \"{sample}\"\ncert = \"{sample}\"\nkey = \"{sample}\"\n");
    let found = faults(&format!("[node]\n{files}"));
    assert!(found.iter().all(|it| it.expected == "needs node.address"));
    assert_eq!(found.len(), 3);
    let whole = format!("[node]\naddress = \"[fd00::7]:9445\"\n{files}");
    let elsewhere = load(&whole).unwrap().node.elsewhere.unwrap();
    assert_eq!(elsewhere.name, "fd00::7");
    assert_eq!(load("").unwrap().node.elsewhere, None);
    let both = format!("{whole}[ship]\nto = \"/mnt/copy\"\n");
    let found = faults(&both);
    let fields: Vec<_> = found.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["ship.to"]);
}

#[test]
fn the_sample_of_a_node_is_its_defaults_and_no_other_section_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        NodeProcess::load(Some(&path), &Environment::default(), &Overrides::new())
    };
    let shown = sample();
    let files = ["client_ca", "cert", "key"].map(|it| format!("{it} = \"{}\"\n", shown.display()));
    let bare = format!("[node]\n{}", files.concat());
    let text = std::fs::read_to_string("samples/node.toml").unwrap();
    let named: String = text
        .lines()
        .map(|line| match line.split_once(" = \"/etc/") {
            Some((name, _)) => format!("{name} = \"{}\"\n", shown.display()),
            None => format!("{line}\n"),
        })
        .collect();
    let (sample, defaults) = (load(&named).unwrap(), load(&bare).unwrap());
    assert_eq!(format!("{sample:#?}"), format!("{defaults:#?}"));
    let refused = load(&format!("{bare}address = \"a:1\"\n[s3]\nhttp2 = true\n")).unwrap_err();
    let fields: Vec<_> = refused
        .as_slice()
        .iter()
        .map(|it| it.field.as_str())
        .collect();
    assert_eq!(fields, ["node.address", "s3.http2"]);
}

#[test]
fn disks_are_named_once_and_one_is_left_for_what_is_new() {
    let settings = load("[node]\ndisks = [\"/srv/a\", \"b\"]\ndrain = [\"b\"]\n").unwrap();
    let disks: Vec<_> = settings
        .node
        .disks
        .iter()
        .map(|disk| (disk.path.to_str().unwrap(), disk.drain))
        .collect();
    assert_eq!(disks, [("/srv/a", false), ("b", true)]);
    assert!(load("").unwrap().node.disks.is_empty());
    for (text, field, said) in [
        ("disks = [\"/a\", \"/a\"]", "node.disks", "twice"),
        ("disks = [\"\"]", "node.disks", "it is empty"),
        (
            "disks = [\"/a\"]\ndrain = [\"/b\"]",
            "node.drain",
            "none of node.disks",
        ),
        ("drain = [\"/b\"]", "node.drain", "none of node.disks"),
        (
            "disks = [\"/a\"]\ndrain = [\"/a\"]",
            "node.drain",
            "no disk that takes",
        ),
    ] {
        let found = faults(&format!("[node]\n{text}\n"));
        let fault = found.iter().find(|fault| fault.field == field);
        let fault = fault.unwrap_or_else(|| panic!("{text}: {found:?}"));
        assert!(fault.expected.contains(said), "{text}: {found:?}");
    }
}

#[test]
fn a_provider_of_single_sign_on_is_given_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "s3cr3t-of-the-client\n").unwrap();
    let whole = format!(
        "[admin.oidc]\nissuer = \"https://login.example.org/realms/staff/\"\nclient_id = \"postern\"\nclient_secret_file = \"{}\"\n",
        secret.display()
    );
    let oidc = load(&whole).unwrap().admin.oidc.unwrap();
    assert_eq!(oidc.issuer, "https://login.example.org/realms/staff/");
    assert_eq!(
        (oidc.client_id.as_str(), oidc.name.as_str()),
        ("postern", "single sign-on")
    );
    assert!(oidc.client_secret.is(b"s3cr3t-of-the-client"));
    assert!(!format!("{oidc:?}").contains("s3cr3t-of"));
    for nothing in ["", "[admin]\n", "[admin.oidc]\n"] {
        assert!(load(nothing).unwrap().admin.oidc.is_none(), "{nothing:?}");
    }
    let from = |variables: &[(&str, &str)]| {
        let environment = Environment::of(variables.iter().copied());
        load_with("", &environment, &Overrides::new())
    };
    let oidc = from(&[
        ("POSTERN_ADMIN__OIDC__ISSUER", "https://login.example.org"),
        ("POSTERN_ADMIN__OIDC__CLIENT_ID", "postern"),
        ("POSTERN_ADMIN__OIDC__CLIENT_SECRET", "s3cr3t"),
        ("POSTERN_ADMIN__OIDC__NAME", "Example Login"),
    ]);
    assert_eq!(oidc.unwrap().admin.oidc.unwrap().name, "Example Login");
}

#[test]
fn half_a_provider_of_single_sign_on_is_refused() {
    for (text, fields) in [
        (
            "client_id = \"postern\"",
            &["admin.oidc.issuer", "admin.oidc.client_secret"][..],
        ),
        (
            "name = \"x\"",
            &[
                "admin.oidc.issuer",
                "admin.oidc.client_id",
                "admin.oidc.client_secret",
            ],
        ),
        (
            "issuer = \"https://a\"\nclient_id = \"b\"\nclient_secret = \"c\"\nclient_secret_file = \"/d\"",
            &["admin.oidc.client_secret_file"],
        ),
        (
            "issuer = \"https://a\"\nclient_id = \"b\"\nclient_secret = \"c\"\nca = \"/no/such\"",
            &["admin.oidc.ca"],
        ),
        (
            "issuer = \"https://a\"\nclient_id = \"b\"\nclient_secret = \"c\"\nname = \"\"",
            &["admin.oidc.name"],
        ),
        (
            "issuer = \"https://a\"\nclient_id = \"b\"\nclient_secret = \"c\"\nclientid = \"\"",
            &["admin.oidc.clientid"],
        ),
    ] {
        let found = faults(&format!("[admin.oidc]\n{text}\n"));
        let found: Vec<_> = found.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(found, fields, "{text}");
    }
    for issuer in [
        "http://a",
        "https://",
        "https:///a",
        "https://a?b",
        "https://a#b",
        "https://a b",
        "https://me@a",
    ] {
        let text = format!(
            "[admin.oidc]\nissuer = \"{issuer}\"\nclient_id = \"b\"\nclient_secret = \"c\"\n"
        );
        let found = faults(&text);
        assert_eq!(found.len(), 1, "{issuer}: {found:?}");
    }
    let misspelt = load("[admin.oidk]\n").unwrap_err().to_string();
    assert!(misspelt.contains("did you mean `oidc"), "{misspelt}");
    let flat = load("[admin.oidc]\nisuer = \"https://a\"\n")
        .unwrap_err()
        .to_string();
    assert!(flat.contains("did you mean `oidc.issuer`?"), "{flat}");
    let variable = [("POSTERN_ADMIN_OIDC_ISSUER", "https://a")];
    let almost = load_with("", &Environment::of(variable), &Overrides::new());
    let almost = almost.unwrap_err().to_string();
    assert!(almost.contains("POSTERN_ADMIN__OIDC__ISSUER"), "{almost}");
}
