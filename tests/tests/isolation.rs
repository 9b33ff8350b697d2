//! Two users, one bucket name, two namespaces: every built operation of one is tried on what belongs to the other.

use s3_protocol::Operation;
use s3_protocol::operation::Scope;
use tests::call::Call;
use tests::gate::Gate;
use tests::operations;

/// 000-13, 001-15, 001-34.
#[test]
fn the_same_name_is_two_buckets() {
    let gate = Gate::start();
    let (photos, backups) = (gate.key("photos", "full"), gate.key("backups", "full"));
    assert_eq!(photos.bucket, backups.bucket);
    Call::put("/demo-bucket/who", b"photos")
        .send(&gate, photos)
        .expect(200);
    Call::get("/demo-bucket/who")
        .send(&gate, backups)
        .expect_error(404, "NoSuchKey");
    Call::put("/demo-bucket/who", b"backups")
        .send(&gate, backups)
        .expect(200);
    assert_eq!(
        Call::get("/demo-bucket/who").send(&gate, photos).body,
        b"photos"
    );
    Call::delete("/demo-bucket/who")
        .send(&gate, backups)
        .expect(204);
    Call::get("/demo-bucket/who")
        .send(&gate, photos)
        .expect(200);
}

/// 000-10, 000-11, 000-12, 000-14, 000-15, 001-07, 001-09, 001-10, 001-14.
#[test]
fn another_users_bucket_is_not_found_by_any_operation() {
    let gate = Gate::start();
    let (photos, backups) = (gate.key("photos", "full"), gate.key("backups", "full"));
    Call::put("/only-photos", b"")
        .send(&gate, photos)
        .expect(200);
    Call::put("/only-photos/o", b"secret")
        .send(&gate, photos)
        .expect(200);
    let mut tried = 0;
    for &operation in Operation::ALL
        .iter()
        .filter(|operation| operation.is_built())
    {
        if operation.scope() == Scope::Service || operation == Operation::CreateBucket {
            continue;
        }
        let mut call = operations::call(operation, "only-photos", "o", &"0".repeat(32));
        if operation == Operation::PostObject {
            call = operations::form(&gate, backups, "only-photos", "o");
            let answer = call.anonymous(gate.host()).send(&gate);
            answer.expect_error(404, "NoSuchBucket");
            tried += 1;
            continue;
        }
        let answer = call.send(&gate, backups);
        assert_eq!(answer.status, 404, "{operation}: {}", answer.text());
        if operation != Operation::HeadBucket && operation != Operation::HeadObject {
            answer.expect_error(404, "NoSuchBucket");
        }
        assert!(!answer.text().contains("secret"), "{operation}");
        tried += 1;
    }
    assert!(tried >= 18, "{tried}");
    // A bucket that never was is answered alike.
    let never = Call::get("/never-was/o").send(&gate, backups);
    let hidden = Call::get("/only-photos/o").send(&gate, backups);
    let like = |text: String| text.replace("never-was", "B").replace("only-photos", "B");
    let strip = |answer: &tests::wire::Answer| {
        let text = like(answer.text());
        text.replace(answer.request_id(), "ID")
    };
    assert_eq!(strip(&never), strip(&hidden));
    assert_eq!(
        Call::get("/only-photos/o").send(&gate, photos).body,
        b"secret"
    );
}

#[test]
fn a_copy_cannot_read_across_namespaces() {
    let gate = Gate::start();
    let (photos, backups) = (gate.key("photos", "full"), gate.key("backups", "full"));
    Call::put("/only-photos", b"")
        .send(&gate, photos)
        .expect(200);
    Call::put("/only-photos/o", b"secret")
        .send(&gate, photos)
        .expect(200);
    for source in [
        "/only-photos/o",
        "only-photos/o",
        "/demo-bucket/../only-photos/o",
        "%2Fonly-photos%2Fo",
    ] {
        let answer = Call::put("/demo-bucket/stolen", b"")
            .with("x-amz-copy-source", source)
            .send(&gate, backups);
        assert!(
            matches!(answer.status, 400 | 403 | 404),
            "{source}: {}",
            answer.text()
        );
    }
    Call::get("/demo-bucket/stolen")
        .send(&gate, backups)
        .expect_error(404, "NoSuchKey");
}
