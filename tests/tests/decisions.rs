//! The decision table, operation by level in full, through the real gate: what the data file says is what happens.
//!
//! Each cell is tried on objects and uploads made for it alone, so that no cell leans on another.

use postern_config::decisions::{Cell, DecisionTable};
use postern_config::directory::Level;
use s3_protocol::Operation;
use tests::call::{self, Call, Payload};
use tests::gate::{Gate, Key};
use tests::operations;
use tests::wire::Answer;

const BUCKET: &str = "demo-bucket";
/// One that keeps versions and locks them, which takes rights of its own.
const LOCKED: &str = "locked-bucket";
const NO_UPLOAD: &str = "00000000000000000000000000000000";

/// One cell of the table, and what belongs to it.
struct Trial<'a> {
    gate: &'a Gate,
    operation: Operation,
    level: Level,
    key: String,
}

impl Trial<'_> {
    fn who(&self) -> &Key {
        self.gate.key("photos", self.level.as_str())
    }

    /// The bucket of the trial.
    fn bucket(&self) -> &'static str {
        use Operation as O;
        match self.operation {
            O::PutBucketVersioning
            | O::GetObjectLockConfiguration
            | O::PutObjectLockConfiguration
            | O::GetObjectRetention
            | O::PutObjectRetention
            | O::GetObjectLegalHold
            | O::PutObjectLegalHold => LOCKED,
            _ => BUCKET,
        }
    }

    fn full(&self) -> &Key {
        self.gate.key("photos", "full")
    }

    /// Asks for the operation on a bucket, the trial's key and an upload.
    fn ask(&self, bucket: &str, upload: &str) -> Answer {
        if self.operation == Operation::PostObject {
            let form = operations::form(self.gate, self.who(), bucket, &self.key);
            return form.anonymous(self.gate.host()).send(self.gate);
        }
        let call = operations::call(self.operation, bucket, &self.key, upload);
        call.send(self.gate, self.who())
    }

    /// Makes the object that the operation is about, as `who`.
    fn object_of(&self, who: &Key) {
        let call = Call::put(&format!("/{}/{}", self.bucket(), self.key), b"object");
        call.send(self.gate, who).expect(200);
    }

    /// Begins an upload with one part as `who`, where the operation is about one.
    fn upload_of(&self, who: &Key) -> String {
        let begin = operations::call(Operation::CreateMultipartUpload, BUCKET, &self.key, "");
        let upload = begin
            .send(self.gate, who)
            .expect(200)
            .element("UploadId")
            .unwrap();
        let part = operations::call(Operation::UploadPart, BUCKET, &self.key, &upload);
        part.send(self.gate, who).expect(200);
        upload
    }

    /// Asks for another operation on the same bucket and key before.
    fn put_first(&self, operation: Operation, status: u16) {
        let put = operations::call(operation, self.bucket(), &self.key, NO_UPLOAD);
        put.send(self.gate, self.full()).expect(status);
    }

    fn has_object(&self) -> bool {
        let get = Call::head(&format!("/{}/{}", self.bucket(), self.key));
        get.send(self.gate, self.full()).status == 200
    }
}

/// 000-02, 000-03, 001-02, 001-04, 001-26, 001-27, 001-28, 001-29, 002-03, 002-05: what each level is.
#[test]
fn every_operation_at_every_level_is_decided_as_the_table_says() {
    let gate = Gate::start();
    Call::put(&format!("/{LOCKED}"), b"")
        .with("x-amz-bucket-object-lock-enabled", "true")
        .send(&gate, gate.key("photos", "full"))
        .expect(200);
    let table = DecisionTable::standard().unwrap();
    let mut wrong = Vec::new();
    let mut tried = 0;
    for row in table.rows() {
        for level in Level::ALL {
            let operation = row.operation;
            let key = format!("{}/{}", operation.name(), level.as_str());
            let trial = Trial {
                gate: &gate,
                operation,
                level,
                key,
            };
            let outcome = if operation.is_built() {
                built(&trial, row.at(level))
            } else {
                unbuilt(&trial)
            };
            if let Err(story) = outcome {
                let cell = row.at(level).symbol();
                wrong.push(format!(
                    "{operation} at {} ({cell}): {story}",
                    level.as_str()
                ));
            }
            tried += 1;
        }
    }
    assert_eq!(tried, Operation::ALL.len() * 4);
    assert!(
        wrong.is_empty(),
        "{} of {tried} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What is not built says so to whoever has signed, and to nobody else.
fn unbuilt(trial: &Trial<'_>) -> Result<(), String> {
    want(&trial.ask(BUCKET, NO_UPLOAD), 501, "NotImplemented")?;
    let call = operations::call(trial.operation, BUCKET, &trial.key, NO_UPLOAD);
    let mut signer = call::signer(trial.gate, trial.who());
    signer.secret = "wrong".to_owned();
    let forged = call.sign(&signer, trial.gate.host()).send(trial.gate);
    want(&forged, 403, "SignatureDoesNotMatch")
}

fn built(trial: &Trial<'_>, cell: Cell) -> Result<(), String> {
    match cell {
        Cell::Allowed => allowed(trial),
        Cell::Denied | Cell::IfMarkers | Cell::IfAll | Cell::IfMarkersOrAll | Cell::IfFlag => {
            denied(trial)
        }
        Cell::Filtered => filtered(trial),
        Cell::Own => own(trial),
        Cell::OwnFiltered => own_filtered(trial),
        Cell::IfExists => if_exists(trial),
        Cell::IfPublic => Err("a signed caller has no such cell".to_owned()),
    }
}

fn allowed(trial: &Trial<'_>) -> Result<(), String> {
    use Operation as O;
    // Everybody who may use an upload has made it; reading takes an object of whoever.
    let answer = match trial.operation {
        O::CreateBucket => trial.ask("made-by-the-table", ""),
        O::DeleteBucket => {
            Call::put("/to-be-deleted", b"")
                .send(trial.gate, trial.full())
                .expect(200);
            trial.ask("to-be-deleted", "")
        }
        O::UploadPart
        | O::UploadPartCopy
        | O::CompleteMultipartUpload
        | O::AbortMultipartUpload
        | O::ListParts => {
            let upload = trial.upload_of(trial.full());
            trial.object_of(trial.full());
            trial.ask(BUCKET, &upload)
        }
        // What is to be read must be there.
        O::GetBucketPolicy => {
            trial.put_first(O::PutBucketPolicy, 204);
            trial.ask(BUCKET, NO_UPLOAD)
        }
        O::GetBucketTagging => {
            trial.put_first(O::PutBucketTagging, 204);
            trial.ask(BUCKET, NO_UPLOAD)
        }
        O::GetBucketCors | O::Preflight => {
            trial.put_first(O::PutBucketCors, 200);
            trial.ask(BUCKET, NO_UPLOAD)
        }
        O::GetBucketLifecycleConfiguration => {
            trial.put_first(O::PutBucketLifecycleConfiguration, 200);
            trial.ask(BUCKET, NO_UPLOAD)
        }
        O::GetBucketEncryption => {
            trial.put_first(O::PutBucketEncryption, 200);
            trial.ask(BUCKET, NO_UPLOAD)
        }
        O::GetObjectRetention => {
            trial.object_of(trial.full());
            trial.put_first(O::PutObjectRetention, 200);
            trial.ask(trial.bucket(), NO_UPLOAD)
        }
        _ => {
            trial.object_of(trial.full());
            trial.ask(trial.bucket(), NO_UPLOAD)
        }
    };
    let missing = match trial.operation {
        O::GetBucketWebsite => Some("NoSuchWebsiteConfiguration"),
        O::GetBucketReplication => Some("ReplicationConfigurationNotFoundError"),
        _ => None,
    };
    if let Some(code) = missing {
        return want(&answer, 404, code);
    }
    let wanted = match trial.operation {
        O::DeleteBucket
        | O::DeleteObject
        | O::DeleteObjectVersion
        | O::PutBucketTagging
        | O::DeleteBucketTagging
        | O::DeleteBucketCors
        | O::DeleteBucketLifecycle
        | O::DeleteBucketEncryption
        | O::DeleteObjectTagging
        | O::AbortMultipartUpload
        | O::PostObject
        | O::PutBucketPolicy
        | O::DeleteBucketPolicy
        | O::DeletePublicAccessBlock
        | O::DeleteBucketOwnershipControls => 204,
        _ => 200,
    };
    if answer.status != wanted || answer.text().contains("<Error>") {
        return Err(format!("{} {}", answer.status, answer.text()));
    }
    let is_gone = matches!(
        trial.operation,
        O::DeleteObject | O::DeleteObjectVersion | O::DeleteObjects
    );
    if is_gone && trial.has_object() {
        return Err("it was allowed, and the object is there".to_owned());
    }
    Ok(())
}

fn denied(trial: &Trial<'_>) -> Result<(), String> {
    use Operation as O;
    let is_about_an_object = !matches!(trial.operation, O::PutObject | O::PostObject);
    if is_about_an_object {
        trial.object_of(trial.full());
    }
    let answer = trial.ask(trial.bucket(), NO_UPLOAD);
    // A list of keys is judged key by key.
    if trial.operation == O::DeleteObjects {
        let is_refused = answer.status == 200 && answer.code().as_deref() == Some("AccessDenied");
        if !is_refused {
            return Err(format!("{} {}", answer.status, answer.text()));
        }
    } else {
        want(&answer, 403, "AccessDenied")?;
    }
    if trial.has_object() != is_about_an_object {
        return Err("it was refused, and it happened".to_owned());
    }
    let copy = Call::head(&format!("/{BUCKET}/{}-copy", trial.key));
    match copy.send(trial.gate, trial.full()).status {
        404 => Ok(()),
        other => Err(format!("it was refused, and there is a copy: {other}")),
    }
}

fn filtered(trial: &Trial<'_>) -> Result<(), String> {
    let answer = trial.ask(BUCKET, NO_UPLOAD);
    let names = answer.text().matches("<Name>").count();
    let is_right =
        answer.status == 200 && answer.text().contains(&format!("<Name>{BUCKET}</Name>"));
    if is_right && names >= 1 {
        Ok(())
    } else {
        Err(format!("{} {}", answer.status, answer.text()))
    }
}

/// Allowed on what the caller's own key has made, and on nothing else.
fn own(trial: &Trial<'_>) -> Result<(), String> {
    use Operation as O;
    if trial.operation == O::PutObjectTagging {
        trial.object_of(trial.full());
        want(&trial.ask(BUCKET, NO_UPLOAD), 403, "AccessDenied")?;
        trial.object_of(trial.who());
        return want(&trial.ask(BUCKET, NO_UPLOAD), 200, "");
    }
    if matches!(trial.operation, O::HeadObject | O::GetObjectAttributes) {
        trial.object_of(trial.full());
        want(&trial.ask(BUCKET, NO_UPLOAD), 404, "NoSuchKey")?;
        trial.object_of(trial.who());
        return want(&trial.ask(BUCKET, NO_UPLOAD), 200, "");
    }
    let foreign = trial.upload_of(trial.full());
    want(&trial.ask(BUCKET, &foreign), 403, "AccessDenied")?;
    let mine = trial.upload_of(trial.who());
    let wanted = if trial.operation == Operation::AbortMultipartUpload {
        204
    } else {
        200
    };
    want(&trial.ask(BUCKET, &mine), wanted, "")
}

fn own_filtered(trial: &Trial<'_>) -> Result<(), String> {
    let (foreign, mine) = (trial.upload_of(trial.full()), trial.upload_of(trial.who()));
    let answer = trial.ask(BUCKET, NO_UPLOAD);
    want(&answer, 200, "")?;
    match (
        answer.text().contains(&mine),
        answer.text().contains(&foreign),
    ) {
        (true, false) => Ok(()),
        seen => Err(format!("own and foreign seen: {seen:?} {}", answer.text())),
    }
}

fn if_exists(trial: &Trial<'_>) -> Result<(), String> {
    want(
        &trial.ask(BUCKET, NO_UPLOAD),
        409,
        "BucketAlreadyOwnedByYou",
    )?;
    want(&trial.ask("never-made", NO_UPLOAD), 403, "AccessDenied")
}

fn want(answer: &Answer, status: u16, code: &str) -> Result<(), String> {
    let has_body = !answer.body.is_empty();
    let is_right = answer.status == status
        && (code.is_empty() || !has_body || answer.code().as_deref() == Some(code));
    if is_right {
        return Ok(());
    }
    Err(format!(
        "wanted {status} {code}, got {} {}",
        answer.status,
        answer.text()
    ))
}

#[test]
fn a_key_of_one_level_has_no_way_around_by_presigning() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/there", b"there")
        .send(&gate, full)
        .expect(200);
    for (level, method, status) in [
        ("full", "GET", 200),
        ("read-write", "GET", 200),
        ("read", "GET", 200),
        ("write", "GET", 403),
        ("read", "PUT", 403),
        ("read", "DELETE", 403),
        ("write", "DELETE", 403),
        ("write", "PUT", 200),
    ] {
        let signer = call::signer(&gate, gate.key("photos", level));
        let target = Call::new(method, "/demo-bucket/there").presign(&signer, gate.host(), "60");
        let call = Call::new(method, &target).payload(Payload::Unsigned);
        call.anonymous(gate.host()).send(&gate).expect(status);
    }
}
