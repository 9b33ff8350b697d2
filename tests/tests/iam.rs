//! AWS's own tools for users and keys against the gate: the SDK and the command line.

use tests::clients::Client;
use tests::gate::Gate;

#[test]
fn an_sdk_manages_users_keys_policies_and_sessions() {
    let gate = Gate::start();
    let said = Client::new(&gate, gate.key("photos", "full"))
        .python("iam.py")
        .succeeds();
    // A script that ran no case would succeed too.
    assert!(said.out.contains("ok      case_"), "{}", said.story());
}

/// The profile `s3` evaluates as AWS does: within an account one side is enough, across accounts both must agree.
#[test]
fn accounts_of_the_profile_s3_share_by_policies_alone() {
    in_the_profile_s3("accounts.py");
}

#[test]
fn objects_of_the_profile_s3_have_lists_of_their_own() {
    in_the_profile_s3("object_lists.py");
}

fn in_the_profile_s3(script: &str) {
    let gate = Gate::start_with(&["--profile", "s3"]);
    let said = Client::new(&gate, gate.key("photos", "full"))
        .python(script)
        .succeeds();
    assert!(said.out.contains("ok      case_"), "{}", said.story());
}

/// What is given out for a while is on record, with who asked, for which role and until when; its secret and token are not.
#[test]
fn each_session_is_on_record() {
    let gate = Gate::start();
    let root = Client::new(&gate, gate.key("root", "full"));
    let aws = |arguments: &[&str]| root.aws(arguments).succeeds().out;
    let trust =
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    let role = aws(&[
        "iam",
        "create-role",
        "--role-name",
        "nightly",
        "--assume-role-policy-document",
        trust,
        "--query",
        "Role.Arn",
        "--output",
        "text",
    ]);
    let given = aws(&[
        "sts",
        "assume-role",
        "--role-arn",
        role.trim(),
        "--role-session-name",
        "backup-7",
        "--query",
        "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]",
        "--output",
        "text",
    ]);
    aws(&["sts", "get-session-token"]);
    let told = gate.postern_ok(&["audit", "search", "--action", "session.issue", "--json"]);
    let credentials: Vec<&str> = given.split_whitespace().collect();
    assert!(
        told.contains("backup-7") && told.contains(credentials[0]),
        "{told}"
    );
    assert!(
        !told.contains(credentials[1]) && !told.contains(credentials[2]),
        "{told}"
    );
    assert_eq!(told.matches("session.issue").count(), 2, "{told}");
}

/// What a reseller's script does today: a user, a key, a look at who one is; each with its audit record.
#[test]
fn the_command_line_makes_a_user_with_a_key() {
    let gate = Gate::start();
    let root = Client::new(&gate, gate.key("root", "full"));
    let said = root
        .aws(&["iam", "create-user", "--user-name", "ada"])
        .succeeds();
    assert!(said.out.contains(":user/ada"), "{}", said.story());
    let said = root
        .aws(&["iam", "create-access-key", "--user-name", "ada"])
        .succeeds();
    assert!(said.out.contains("SecretAccessKey"), "{}", said.story());
    let said = root.aws(&["sts", "get-caller-identity"]).succeeds();
    assert!(said.out.contains(":root"), "{}", said.story());
    let again = root.aws(&["iam", "create-user", "--user-name", "ada"]);
    again.fails_with("EntityAlreadyExists");
    let entries = gate.entries();
    let logged = entries
        .iter()
        .filter(|entry| entry.to_string().contains("CreateAccessKey"));
    assert_eq!(logged.count(), 1, "{entries:?}");
    let secret = gate.key("root", "full").secret_access_key.clone();
    assert!(
        !entries
            .iter()
            .any(|entry| entry.to_string().contains(&secret))
    );
}
