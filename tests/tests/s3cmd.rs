//! s3cmd against the gate: the oldest of the clients, with MD5 in its ETags and a dialect of its own.

use tests::clients::{Client, file};
use tests::gate::Gate;
use tests::random::Random;

#[test]
fn put_get_list_sync_and_delete() {
    let gate = Gate::start();
    let s3cmd = Client::new(&gate, gate.key("photos", "full"));
    let folder = tempfile::tempdir().unwrap();
    let small = file(folder.path(), "small +ä", b"small");
    let big = file(
        folder.path(),
        "big",
        &Random::new(5).bytes(16 * 1024 * 1024),
    );
    s3cmd
        .s3cmd(&["put", &small, "s3://demo-bucket/s3cmd/small +ä"])
        .succeeds();
    s3cmd
        .s3cmd(&[
            "put",
            "--multipart-chunk-size-mb=5",
            &big,
            "s3://demo-bucket/s3cmd/big",
        ])
        .succeeds();
    let listed = s3cmd.s3cmd(&["ls", "s3://demo-bucket/s3cmd/"]).succeeds();
    assert_eq!(listed.out.lines().count(), 2, "{}", listed.story());

    let back = folder.path().join("back").display().to_string();
    s3cmd
        .s3cmd(&["get", "s3://demo-bucket/s3cmd/big", &back])
        .succeeds();
    assert!(std::fs::read(&back).unwrap() == std::fs::read(&big).unwrap());
    s3cmd
        .s3cmd(&[
            "cp",
            "s3://demo-bucket/s3cmd/small +ä",
            "s3://demo-bucket/s3cmd/copy",
        ])
        .succeeds();
    s3cmd.s3cmd(&["info", "s3://demo-bucket"]).succeeds();
    s3cmd
        .s3cmd(&["del", "--recursive", "--force", "s3://demo-bucket/s3cmd/"])
        .succeeds();
    let left = s3cmd
        .s3cmd(&["ls", "--recursive", "s3://demo-bucket"])
        .succeeds();
    assert_eq!(left.out, "", "{}", left.story());
}

#[test]
fn sync_sends_what_is_new() {
    let gate = Gate::start();
    let s3cmd = Client::new(&gate, gate.key("photos", "full"));
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "one", b"1");
    file(folder.path(), "sub/two", b"2");
    let from = format!("{}/", folder.path().display());
    s3cmd
        .s3cmd(&["sync", &from, "s3://demo-bucket/sync/"])
        .succeeds();
    let again = s3cmd
        .s3cmd(&["sync", &from, "s3://demo-bucket/sync/"])
        .succeeds();
    assert!(!again.out.contains("upload:"), "{}", again.story());
}

#[test]
fn a_refused_upload_names_its_code_whatever_its_size() {
    let gate = Gate::start();
    let reader = Client::new(&gate, gate.key("photos", "read"));
    let folder = tempfile::tempdir().unwrap();
    for size in [10, 14 * 1024 * 1024] {
        let source = file(folder.path(), "f", &vec![b'x'; size]);
        reader
            .s3cmd(&["put", &source, "s3://demo-bucket/refused"])
            .fails_with("AccessDenied");
    }
}
