//! The aws CLI against the gate, without a flag that a person would not type.

use tests::clients::{Client, file};
use tests::gate::Gate;
use tests::random::Random;

#[test]
fn cp_carries_a_file_there_and_back() {
    let gate = Gate::start();
    let aws = Client::new(&gate, gate.key("photos", "full"));
    let folder = tempfile::tempdir().unwrap();
    let body = Random::new(1).bytes(20 * 1024 * 1024 + 7);
    let source = file(folder.path(), "source.bin", &body);
    let target = folder.path().join("target.bin");

    aws.aws(&[
        "s3",
        "cp",
        &source,
        "s3://demo-bucket/cli/big.bin",
        "--no-progress",
    ])
    .succeeds();
    let listed = aws.aws(&["s3", "ls", "s3://demo-bucket/cli/"]).succeeds();
    assert!(
        listed.out.contains(&format!("{} big.bin", body.len())),
        "{}",
        listed.story()
    );
    let to = target.display().to_string();
    aws.aws(&[
        "s3",
        "cp",
        "s3://demo-bucket/cli/big.bin",
        &to,
        "--no-progress",
    ])
    .succeeds();
    assert!(
        std::fs::read(&target).unwrap() == body,
        "the file came back different"
    );
    aws.aws(&[
        "s3",
        "mv",
        "s3://demo-bucket/cli/big.bin",
        "s3://demo-bucket/cli/moved",
    ])
    .succeeds();
    aws.aws(&["s3", "rm", "s3://demo-bucket/cli/moved"])
        .succeeds();
    let left = aws.aws(&["s3", "ls", "s3://demo-bucket/cli/"]);
    assert_eq!(left.out, "", "{}", left.story());
}

#[test]
fn sync_copies_what_changed_and_deletes_what_went() {
    let gate = Gate::start();
    let aws = Client::new(&gate, gate.key("photos", "full"));
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "sub/b +.txt", "sub/deep/ä.txt"] {
        file(folder.path(), name, name.as_bytes());
    }
    let from = folder.path().display().to_string();
    let sync = [
        "s3",
        "sync",
        from.as_str(),
        "s3://demo-bucket/sync",
        "--delete",
        "--no-progress",
    ];
    let first = aws.aws(&sync).succeeds();
    assert_eq!(first.out.matches("upload:").count(), 3, "{}", first.story());
    assert_eq!(
        aws.aws(&sync).succeeds().out,
        "",
        "nothing changed, nothing to do"
    );

    file(folder.path(), "a.txt", b"another length");
    std::fs::remove_file(folder.path().join("sub/b +.txt")).unwrap();
    let third = aws.aws(&sync).succeeds();
    let (up, gone) = (
        third.out.matches("upload:").count(),
        third.out.matches("delete:").count(),
    );
    assert_eq!((up, gone), (1, 1), "{}", third.story());

    let back = tempfile::tempdir().unwrap();
    let to = back.path().display().to_string();
    aws.aws(&["s3", "sync", "s3://demo-bucket/sync", &to, "--no-progress"])
        .succeeds();
    assert_eq!(
        std::fs::read(back.path().join("a.txt")).unwrap(),
        b"another length"
    );
    assert!(back.path().join("sub/deep/ä.txt").exists());
}

#[test]
fn presign_gives_a_url_that_curl_can_use() {
    let gate = Gate::start();
    let aws = Client::new(&gate, gate.key("photos", "full"));
    let folder = tempfile::tempdir().unwrap();
    let source = file(folder.path(), "f", b"for a stranger");
    aws.aws(&["s3", "cp", &source, "s3://demo-bucket/presign/f g"])
        .succeeds();
    let url = aws
        .aws(&["s3", "presign", "s3://demo-bucket/presign/f g"])
        .succeeds()
        .out;
    let got = aws.curl(&["--fail", url.trim()]).succeeds();
    assert_eq!(got.out, "for a stranger");
    let spoiled = url.trim().replace("presign/f", "presign/e");
    let refused = aws
        .curl(&["--write-out", "%{http_code}", &spoiled])
        .succeeds();
    assert!(
        refused.out.contains("SignatureDoesNotMatch") && refused.out.ends_with("403"),
        "{}",
        refused.story()
    );
}

/// 001-38, 002-07: an uploader that only sends.
#[test]
fn a_write_key_uploads_files_and_folders_without_a_special_flag() {
    let gate = Gate::start();
    let writer = Client::new(&gate, gate.key("backups", "write"));
    let reader = Client::new(&gate, gate.key("backups", "read"));
    let folder = tempfile::tempdir().unwrap();
    let body = Random::new(2).bytes(12 * 1024 * 1024);
    let big = file(folder.path(), "big.bin", &body);
    file(folder.path(), "small.txt", b"small");
    writer
        .aws(&[
            "s3",
            "cp",
            &big,
            "s3://demo-bucket/ingest/one.bin",
            "--no-progress",
        ])
        .succeeds();
    let from = folder.path().display().to_string();
    let recursive = [
        "s3",
        "cp",
        "--recursive",
        &from,
        "s3://demo-bucket/ingest/all",
        "--no-progress",
    ];
    writer.aws(&recursive).succeeds();
    writer
        .aws(&["s3", "cp", "s3://demo-bucket/ingest/one.bin", "-"])
        .fails_with("AccessDenied");
    writer
        .aws(&["s3", "ls", "s3://demo-bucket/ingest/"])
        .fails_with("AccessDenied");
    let got = reader
        .aws(&["s3", "cp", "s3://demo-bucket/ingest/all/small.txt", "-"])
        .succeeds();
    assert_eq!(got.out, "small");
    let listed = reader
        .aws(&["s3", "ls", "s3://demo-bucket/ingest/one.bin"])
        .succeeds();
    assert!(
        listed.out.contains(&body.len().to_string()),
        "{}",
        listed.story()
    );
}

#[test]
fn a_refused_upload_names_its_code_whatever_its_size() {
    let gate = Gate::start();
    let reader = Client::new(&gate, gate.key("photos", "read"));
    let folder = tempfile::tempdir().unwrap();
    for size in [1, 7 * 1024 * 1024, 40 * 1024 * 1024] {
        let source = file(folder.path(), "f", &vec![b'x'; size]);
        let to = "s3://demo-bucket/refused";
        reader
            .aws(&["s3", "cp", &source, to, "--no-progress"])
            .fails_with("AccessDenied");
    }
    let source = file(folder.path(), "f", &vec![b'x'; 40 * 1024 * 1024]);
    let arguments = [
        "s3api",
        "put-object",
        "--bucket",
        "demo-bucket",
        "--key",
        "refused",
        "--body",
        &source,
    ];
    reader.aws(&arguments).fails_with("AccessDenied");
}
