//! boto3 against the gate: each script of `tests/clients` is a set of cases that runs to its end and reports.

use tests::clients::Client;
use tests::gate::Gate;

#[track_caller]
fn passes(script: &str) {
    let gate = Gate::start();
    let said = Client::new(&gate, gate.key("photos", "full"))
        .python(script)
        .succeeds();
    // A script that ran no case would succeed too.
    assert!(said.out.contains("ok      case_"), "{}", said.story());
}

#[test]
fn objects_are_written_read_copied_and_deleted() {
    passes("objects.py");
}

#[test]
fn buckets_are_listed_in_pages_with_prefix_and_delimiter() {
    passes("listing.py");
}

#[test]
fn a_hundred_mebibytes_go_up_in_parts() {
    passes("multipart.py");
}

#[test]
fn checksums_are_sent_by_default_and_verified() {
    passes("checksums.py");
}

#[test]
fn presigned_urls_and_forms_work_for_strangers() {
    passes("presigned.py");
}

#[test]
fn each_level_may_do_what_it_says_and_no_more() {
    passes("levels.py");
}

#[test]
fn versions_are_kept_read_listed_and_deleted() {
    passes("versions.py");
}

#[test]
fn locks_hold_and_tags_and_attributes_are_told() {
    passes("locks.py");
}

#[test]
fn origins_lifecycles_and_encryption_are_configured() {
    passes("settings.py");
}
