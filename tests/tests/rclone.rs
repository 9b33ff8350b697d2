//! rclone against the gate: it looks before it writes, and writes what it did not find.

use tests::clients::{Client, file};
use tests::gate::Gate;
use tests::random::Random;

#[test]
fn copy_check_and_sync_agree_on_what_is_there() {
    let gate = Gate::start();
    let rclone = Client::new(&gate, gate.key("photos", "full"));
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "small", b"small");
    file(folder.path(), "sub/empty", b"");
    file(folder.path(), "sub/name with +%&ä", b"odd");
    file(
        folder.path(),
        "big",
        &Random::new(3).bytes(11 * 1024 * 1024),
    );
    let from = folder.path().display().to_string();
    let to = "gate:demo-bucket/rclone";

    let chunks = ["--s3-upload-cutoff", "6M", "--s3-chunk-size", "5M"];
    let copy = [&["copy", from.as_str(), to][..], &chunks].concat();
    rclone.rclone(&copy).succeeds();
    rclone.rclone(&["check", &from, to]).succeeds();
    rclone
        .rclone(&["check", "--download", &from, to])
        .succeeds();

    let again = rclone
        .rclone(&["sync", "--checksum", "-v", &from, to])
        .succeeds();
    assert!(!again.err.contains("Copied"), "{}", again.story());
    file(folder.path(), "small", b"SMALL");
    std::fs::remove_file(folder.path().join("sub/empty")).unwrap();
    rclone
        .rclone(&["check", &from, to])
        .fails_with("differences");
    let changed = rclone
        .rclone(&["sync", "--checksum", "-v", &from, to])
        .succeeds();
    assert_eq!(
        changed.err.matches(": Copied").count(),
        1,
        "{}",
        changed.story()
    );
    assert_eq!(
        changed.err.matches(": Deleted").count(),
        1,
        "{}",
        changed.story()
    );
    rclone.rclone(&["check", &from, to]).succeeds();

    let back = tempfile::tempdir().unwrap();
    let home = back.path().display().to_string();
    rclone.rclone(&["copy", to, &home]).succeeds();
    assert_eq!(
        std::fs::read(back.path().join("sub/name with +%&ä")).unwrap(),
        b"odd"
    );
    rclone.rclone(&["purge", to]).succeeds();
    assert_eq!(
        rclone.rclone(&["lsf", "gate:demo-bucket"]).succeeds().out,
        ""
    );
}

#[test]
fn a_write_key_uploads_without_a_special_flag() {
    let gate = Gate::start();
    let writer = Client::new(&gate, gate.key("backups", "write"));
    let folder = tempfile::tempdir().unwrap();
    let small = file(folder.path(), "small", b"small");
    let big = file(
        folder.path(),
        "big",
        &Random::new(4).bytes(11 * 1024 * 1024),
    );
    writer
        .rclone(&["copy", &small, "gate:demo-bucket/ingest"])
        .succeeds();
    // The second time it is found, as the key's own, and not sent again.
    let again = writer
        .rclone(&["copy", "-v", &small, "gate:demo-bucket/ingest"])
        .succeeds();
    assert!(!again.err.contains("Copied"), "{}", again.story());
    let chunks = ["--s3-upload-cutoff", "6M", "--s3-chunk-size", "5M"];
    let arguments = [
        &["copyto", big.as_str(), "gate:demo-bucket/ingest/big"][..],
        &chunks,
    ]
    .concat();
    writer.rclone(&arguments).succeeds();
    writer
        .rclone(&["cat", "gate:demo-bucket/ingest/small"])
        .fails_with("AccessDenied");

    let reader = Client::new(&gate, gate.key("backups", "read"));
    let from = folder.path().display().to_string();
    reader
        .rclone(&["check", &from, "gate:demo-bucket/ingest"])
        .succeeds();
}

#[test]
fn a_read_key_is_refused_with_a_code_whatever_the_size() {
    let gate = Gate::start();
    let reader = Client::new(&gate, gate.key("photos", "read"));
    let folder = tempfile::tempdir().unwrap();
    for size in [10, 30 * 1024 * 1024] {
        let source = file(folder.path(), "f", &vec![b'x'; size]);
        let arguments = [
            "copyto",
            source.as_str(),
            "gate:demo-bucket/refused",
            "--s3-upload-cutoff",
            "100M",
        ];
        reader.rclone(&arguments).fails_with("AccessDenied");
    }
}
