//! A newcomer's first minutes: the folder, the file that tells where everything is, a second start, and what is refused.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use tests::call::{self, Call};
use tests::gate::{self, Gate};
use tests::wire::Answer;

#[test]
fn the_folder_tells_everything_to_its_owner_alone() {
    let gate = Gate::start();
    let mode = std::fs::metadata(gate.dir().join("dev.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let dev = gate.dev();
    assert!(
        dev.s3.starts_with("https://") && dev.admin.starts_with("https://"),
        "{dev:?}"
    );
    assert!(!dev.region.is_empty());
    let mut seen = std::collections::BTreeSet::new();
    for user in ["photos", "backups"] {
        for level in ["full", "read-write", "read", "write"] {
            let key = gate.key(user, level);
            assert_eq!(key.bucket, "demo-bucket");
            assert!(key.secret_access_key.len() >= 32);
            assert!(
                seen.insert(key.access_key_id.clone())
                    && seen.insert(key.secret_access_key.clone())
            );
        }
    }
    assert_eq!(dev.keys.len(), 9);
    // Whatever holds a secret is its owner's: nobody else reads the folder's files.
    for entry in std::fs::read_dir(gate.dir()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let mode = entry.metadata().unwrap().permissions().mode();
        let is_public = name.starts_with("ca.pem") || name.starts_with("gate.");
        assert!(
            is_public || mode & 0o077 == 0,
            "{name} has mode {:o}",
            mode & 0o777
        );
    }
}

#[test]
fn a_second_start_finds_keys_certificate_and_objects_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = Gate::start_in(folder.path(), &[], &[]);
    let keys = first.dev().keys.clone();
    let ca = std::fs::read(&first.dev().ca).unwrap();
    Call::put("/demo-bucket/kept", b"kept")
        .send(&first, &keys[0])
        .expect(200);
    assert!(first.stop().success());
    let second = Gate::start_in(folder.path(), &[], &[]);
    assert_eq!(second.dev().keys, keys);
    assert_eq!(std::fs::read(&second.dev().ca).unwrap(), ca);
    assert_eq!(
        Call::get("/demo-bucket/kept")
            .send(&second, &keys[0])
            .expect(200)
            .body,
        b"kept"
    );
}

#[test]
fn two_gates_do_not_share_a_folder_or_a_secret() {
    let (one, two) = (Gate::start(), Gate::start());
    for key in &one.dev().keys {
        assert!(
            two.dev()
                .keys
                .iter()
                .all(|other| other.secret_access_key != key.secret_access_key)
        );
    }
    assert_ne!(
        std::fs::read(&one.dev().ca).unwrap(),
        std::fs::read(&two.dev().ca).unwrap()
    );
    let output = Command::new(gate::binary())
        .args(["serve", "--dev", "--data"])
        .arg(one.dir())
        .args([
            "--s3-listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
        ])
        .output()
        .unwrap();
    assert!(
        !output.status.success(),
        "a second gate runs on the first one's folder"
    );
    Call::get("/demo-bucket")
        .send(&one, one.key("photos", "full"))
        .expect(200);
}

#[test]
fn development_mode_is_for_this_machine_alone() {
    let folder = tempfile::tempdir().unwrap();
    for option in ["--s3-listen", "--admin-listen"] {
        let output = Command::new(gate::binary())
            .args(["serve", "--dev", option, "0.0.0.0:0", "--data"])
            .arg(folder.path().join("data"))
            .output()
            .unwrap();
        assert!(!output.status.success(), "{option} was taken");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("0.0.0.0"), "{said}");
    }
}

#[test]
fn every_fault_of_the_settings_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("postern.toml");
    std::fs::write(
        &file,
        "[s3]\nlisten = \"nowhere\"\nlissten = 1\n[domains]\ns3 = \"\"\n[nonsense]\na = 1\n",
    )
    .unwrap();
    for arguments in [["config", "check", "--config"], ["serve", "--config", ""]] {
        let arguments = arguments
            .into_iter()
            .filter(|argument| !argument.is_empty());
        let output = Command::new(gate::binary())
            .args(arguments)
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        for wanted in ["nowhere", "lissten", "nonsense"] {
            assert!(said.contains(wanted), "`{wanted}` is not named: {said}");
        }
    }
}

#[test]
fn buckets_are_hosts_too() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    let port = gate.host().rsplit_once(':').unwrap().1;
    let host = format!("demo-bucket.s3.localhost:{port}");
    Call::put("/by/host", b"by host")
        .host(&host)
        .send(&gate, full)
        .expect(200);
    assert_eq!(
        Call::get("/demo-bucket/by/host")
            .send(&gate, full)
            .expect(200)
            .body,
        b"by host"
    );
    let list = Call::get("/?list-type=2").host(&host).send(&gate, full);
    assert!(list.expect(200).text().contains("<Key>by/host</Key>"));
}

#[test]
fn health_and_metrics_are_on_the_admin_listener_alone() {
    let gate = Gate::start();
    Call::get("/demo-bucket")
        .send(&gate, gate.key("photos", "full"))
        .expect(200);
    let admin = |path: &str| -> Answer {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            gate.admin_host()
        );
        gate.admin_wire().ask(request.as_bytes()).unwrap()
    };
    admin("/healthz").expect(200);
    admin("/readyz").expect(200);
    let metrics = admin("/metrics").expect(200).text();
    assert!(
        metrics.contains("requests_total") && metrics.contains("ListObjects"),
        "{metrics}"
    );
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/modules"] {
        let answer = Call::get(path).anonymous(gate.host()).send(&gate);
        assert!(
            (400..500).contains(&answer.status),
            "{path}: {}",
            answer.text()
        );
    }
    // An S3 key opens no door there.
    let signer = call::signer(&gate, gate.key("photos", "full"));
    let raw = Call::get("/api/v1/tenants/demo/modules").sign(&signer, gate.admin_host());
    let answer = gate.admin_wire().ask(&raw.bytes()).unwrap();
    assert!(
        matches!(answer.status, 401 | 403 | 404),
        "{}",
        answer.text()
    );
}

#[test]
fn a_gate_that_is_asked_to_end_finishes_what_it_has_begun() {
    let mut gate = Gate::start();
    let full = gate.key("photos", "full").clone();
    let body = vec![b'x'; 2_000_000];
    let raw = Call::put("/demo-bucket/slow", &body).sign(&call::signer(&gate, &full), gate.host());
    let bytes = raw.bytes();
    let mut wire = gate.wire();
    wire.send(&bytes[..bytes.len() / 2]).unwrap();
    gate.terminate();
    tests::wait::until(
        "it takes no more connections",
        Duration::from_secs(20),
        || {
            std::net::TcpStream::connect(gate.address())
                .is_err()
                .then_some(())
        },
    );
    wire.send(&bytes[bytes.len() / 2..]).unwrap();
    wire.answer(false).unwrap().expect(200);
    drop(wire);
    assert!(gate.ended().success());
}

#[test]
fn no_secret_and_no_signature_is_ever_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::start_in(
        folder.path(),
        &[],
        &[("RUST_LOG", "trace"), ("POSTERN_LOG", "trace")],
    );
    let keys = gate.dev().keys.clone();
    let mut signatures = Vec::new();
    for key in &keys {
        let signer = call::signer(&gate, key);
        for call in [
            Call::get("/"),
            Call::put("/demo-bucket/a", b"x"),
            Call::get("/demo-bucket/a"),
        ] {
            let raw = call.sign(&signer, gate.host());
            let line = raw
                .lines
                .iter()
                .find(|line| line.starts_with("authorization"))
                .unwrap();
            signatures.push(line.rsplit_once("Signature=").unwrap().1.to_owned());
            raw.send(&gate);
            let url = call.presign(&signer, gate.host(), "60");
            signatures.push(url.rsplit_once("Signature=").unwrap().1.to_owned());
            Call::new("GET", &url).anonymous(gate.host()).send(&gate);
        }
    }
    assert!(gate.stop().success());
    for name in ["gate.out", "gate.err", "access.jsonl"] {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        for key in &keys {
            assert!(
                !text.contains(&key.secret_access_key),
                "{name} holds the secret of {}",
                key.access_key_id
            );
        }
        for signature in &signatures {
            assert!(
                !text.contains(signature.as_str()),
                "{name} holds a signature"
            );
        }
    }
    let log = std::fs::read_to_string(folder.path().join("access.jsonl")).unwrap();
    assert!(
        log.lines().count() >= keys.len() * 6,
        "the log is not all there"
    );
}

#[test]
fn what_is_only_tried_takes_little_of_the_disk() {
    use std::os::unix::fs::MetadataExt as _;
    const MIB: u64 = 1_024 * 1_024;
    let gate = Gate::start();
    let volumes = std::fs::read_dir(gate.dir().join("node/volumes")).unwrap();
    let blocks =
        |entry: std::io::Result<std::fs::DirEntry>| entry?.metadata().map(|it| it.blocks());
    let taken: u64 = volumes.map(|entry| blocks(entry).unwrap() * 512).sum();
    assert!((MIB..1_024 * MIB).contains(&taken), "{taken} bytes");
}
