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
