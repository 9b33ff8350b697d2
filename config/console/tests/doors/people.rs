//! Operators as an organization keeps them: lists, changes, and who may change whom.

use std::collections::BTreeSet;

use postern_config::directory::{
    Actor, Command, Description, KeyRights, Level, NewSubUser, NewUser, OperatorScope, Outcome,
    Profile, Role, UserKind, Who,
};
use serde_json::{Value, json};

use super::house::{House, Key, PASSWORD};

fn emails(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap().iter();
    items.map(|item| item["email"].as_str().unwrap()).collect()
}

async fn organization() -> (House, Key) {
    let house = House::new().await;
    let root = House::root();
    let body = json!({ "name": "acme", "profile": "datastream" });
    house
        .ask(&root, ("POST", "/api/v1/tenants"), Some(body))
        .await
        .is(201);
    let scope = json!({ "kind": "tenant", "tenant": "acme" });
    house.person("owner@acme.example", "owner", scope).await;
    let owner = house.sign_in("owner@acme.example").await;
    (house, owner)
}

async fn add(house: &House, by: &Key, email: &str, role: &str) -> super::house::Answer {
    let name = email.split('@').next().unwrap();
    let body = json!({ "email": email, "name": format!("{name} of Acme"), "role": role });
    house
        .ask(by, ("POST", "/api/v1/operators"), Some(body))
        .await
}

/// 000-09: who answers for a user reads what was done to him, to his sub-users and their keys, and nothing of other users.
#[tokio::test]
async fn who_answers_for_a_user_reads_what_his_sub_users_do() {
    let house = House::new().await;
    let acme = house.tenant("acme", Profile::E3Primary, None).await;
    let mut users = Vec::new();
    for name in ["primary", "other"] {
        let new = NewUser::new(acme, name.parse().unwrap(), UserKind::Human);
        let Outcome::User(user) = house.apply(Command::CreateUser(new), Actor::system()).await
        else {
            panic!("no user");
        };
        users.push(user);
        let below = Command::CreateSubUser(NewSubUser {
            user,
            name: "cdn".parse().unwrap(),
            level: Level::Read,
            description: Description::default(),
        });
        let Outcome::SubUser(sub_user) = house.apply(below, Actor::system()).await else {
            panic!("no sub-user");
        };
        let rights = KeyRights::of_level(Level::Read);
        let key = Command::CreateSubUserKey { sub_user, rights };
        let Outcome::Key { key, .. } = house.apply(key, Actor::system()).await else {
            panic!("no key");
        };
        // What his key does is his as well, and so is what is taken away.
        let who = Who::Key {
            tenant: acme,
            user,
            key,
        };
        let own = Actor {
            who,
            ..Actor::system()
        };
        house.apply(Command::DisableKey(key), own).await;
        house.apply(Command::DeleteKey(key), Actor::system()).await;
        house
            .apply(Command::DeleteSubUser(sub_user), Actor::system())
            .await;
    }
    let scope = OperatorScope::Users(acme, BTreeSet::from([users[0]]));
    let parent = house.operator("p@acme.example", Role::Admin, scope).await;
    let key = house.token_of(parent).await;
    let path = "/api/v1/audit?tenant=acme";
    let page = house.ask(&key, ("GET", path), None).await.is(200);
    let actions = page["items"].as_array().unwrap().iter();
    let actions: Vec<&str> = actions.map(|it| it["action"].as_str().unwrap()).collect();
    let wanted = [
        "sub-user.sweep",
        "sub-user.delete",
        "key.delete",
        "key.disable",
        "key.create",
        "sub-user.create",
        "user.create",
    ];
    assert_eq!(actions, wanted);
    let export = house.ask(&key, ("GET", "/api/v1/audit/export"), None).await;
    assert_eq!(export.text.lines().count(), wanted.len());
}

/// 004-01, 004-03, 004-04, 004-05, 004-07, 004-11: people are added with what is known of them, found by name or address, filtered by
/// status, and read in pages.
#[tokio::test]
async fn people_are_added_found_filtered_and_read_in_pages() {
    let (house, owner) = organization().await;
    for number in 0..12 {
        let email = format!("p{number:02}@acme.example");
        let made = add(&house, &owner, &email, "reader").await.is(201);
        assert_eq!(
            made["scope"],
            json!({ "kind": "tenant", "tenant": "acme", "users": [] })
        );
        assert_eq!(
            (&made["status"], &made["role"]),
            (&json!("active"), &json!("reader"))
        );
    }
    let disable = ("POST", "/api/v1/operators/p03@acme.example/disable");
    house.ask(&owner, disable, None).await.is(200);
    let get = async |query: &str| {
        let path = format!("/api/v1/operators?{query}");
        house.ask(&owner, ("GET", &path), None).await.is(200)
    };
    assert_eq!(emails(&get("q=P03%20of").await), ["p03@acme.example"]);
    assert_eq!(emails(&get("q=owner@acme").await), ["owner@acme.example"]);
    assert_eq!(emails(&get("status=passive").await), ["p03@acme.example"]);
    assert_eq!(get("status=active").await["total"], 12);
    let page = get("limit=10").await;
    assert_eq!((emails(&page).len(), &page["total"]), (10, &json!(13)));
    let next = page["next"].as_str().unwrap();
    assert_eq!(
        emails(&get(&format!("limit=10&cursor={next}")).await).len(),
        3
    );
}

/// 004-12, 004-13: an address is an address, and of one person of the organization.
#[tokio::test]
async fn an_address_that_is_taken_or_none_is_refused() {
    let (house, owner) = organization().await;
    let taken = add(&house, &owner, "OWNER@acme.example", "reader").await;
    let body = taken.problem(409, "taken");
    assert!(
        body["detail"].as_str().unwrap().contains("choose another"),
        "{body}"
    );
    add(&house, &owner, "no address", "reader").await.is(422);
}

/// 004-06, 004-24, 004-27: an admin makes admins and below, a contributor makes nobody, and both are told what it needs.
#[tokio::test]
async fn who_may_add_people_adds_none_above_himself() {
    let (house, _) = organization().await;
    for role in ["admin", "contributor"] {
        let scope = json!({ "kind": "tenant", "tenant": "acme" });
        house
            .person(&format!("{role}@acme.example"), role, scope)
            .await;
    }
    let admin = house.sign_in("admin@acme.example").await;
    add(&house, &admin, "a2@acme.example", "admin")
        .await
        .is(201);
    add(&house, &admin, "o2@acme.example", "owner")
        .await
        .problem(403, "above");
    let contributor = house.sign_in("contributor@acme.example").await;
    let body = add(&house, &contributor, "x@acme.example", "reader")
        .await
        .problem(403, "forbidden");
    assert_eq!(
        body["needs"],
        json!({ "permission": "user-create", "roles": ["owner", "admin"] })
    );
    let role = json!({ "role": "owner" });
    let path = ("PATCH", "/api/v1/operators/a2@acme.example");
    house
        .ask(&admin, path, Some(role))
        .await
        .problem(403, "above");
}

/// 004-09, 004-21: the owner's row is nobody's to disable or delete; an admin changes nothing of it.
#[tokio::test]
async fn the_owner_stays_and_is_changed_by_no_admin() {
    let (house, owner) = organization().await;
    let scope = json!({ "kind": "tenant", "tenant": "acme" });
    house.person("admin@acme.example", "admin", scope).await;
    let admin = house.sign_in("admin@acme.example").await;
    let one = "/api/v1/operators/owner@acme.example";
    let disable = format!("{one}/disable");
    for (method, path) in [("POST", disable.as_str()), ("DELETE", one)] {
        house
            .ask(&owner, (method, path), None)
            .await
            .problem(409, "refused");
        house
            .ask(&admin, (method, path), None)
            .await
            .problem(403, "forbidden");
    }
    let password = Some(json!({ "password": PASSWORD }));
    let path = format!("{one}/password");
    house
        .ask(&admin, ("POST", &path), password)
        .await
        .problem(403, "forbidden");
    let name = Some(json!({ "name": "Mallory" }));
    house
        .ask(&admin, ("PATCH", one), name)
        .await
        .problem(403, "forbidden");
}

/// 004-14, 004-15, 004-17, 004-18: time zone, language and sign-in by the organization's own service are kept, and it is said that none is
/// set up; the role is one of four, or one that the account has made.
#[tokio::test]
async fn details_are_kept_and_roles_are_known_ones() {
    let (house, owner) = organization().await;
    add(&house, &owner, "ann@acme.example", "reader")
        .await
        .is(201);
    let one = "/api/v1/operators/ann@acme.example";
    let body = json!({ "timezone": "Europe/Berlin", "language": "de", "sso": true });
    let changed = house.ask(&owner, ("PATCH", one), Some(body)).await.is(200);
    assert_eq!(changed["timezone"], "Europe/Berlin");
    assert_eq!(
        (&changed["sso"], &changed["sso_configured"]),
        (&json!(true), &json!(false))
    );
    for role in ["owner", "admin", "contributor", "reader"] {
        let body = Some(json!({ "role": role }));
        let changed = house.ask(&owner, ("PATCH", one), body).await.is(200);
        assert_eq!(changed["role"], role);
    }
    for role in ["member", "emperor", ""] {
        let body = Some(json!({ "role": role }));
        house
            .ask(&owner, ("PATCH", one), body)
            .await
            .problem(422, "role");
    }
    // Of several fields, all are changed or none.
    let two = Some(json!({ "role": "emperor", "name": "Ann" }));
    let refused = house.ask(&owner, ("PATCH", one), two).await;
    refused.problem(422, "role");
    let two = Some(json!({ "role": "reader", "name": "Ann" }));
    let before = house.ask(&owner, ("GET", one), None).await.is(200);
    assert_ne!(before["name"], "Ann");
    let changed = house.ask(&owner, ("PATCH", one), two).await.is(200);
    assert_eq!(
        (&changed["role"], &changed["name"]),
        (&json!("reader"), &json!("Ann"))
    );
    house
        .ask(&owner, ("PATCH", one), Some(json!({})))
        .await
        .problem(400, "malformed");
}

/// 004-28, 004-31, 004-33: deletion says beforehand what is lost, and takes the person out of the log; disabling keeps all.
#[tokio::test]
async fn deletion_is_said_beforehand_and_takes_the_person_out_of_the_log() {
    let (house, owner) = organization().await;
    let scope = json!({ "kind": "tenant", "tenant": "acme" });
    house.person("ann@acme.example", "admin", scope).await;
    house.sign_in("ann@acme.example").await;
    let log = async || {
        let path = "/api/v1/audit/export?format=csv&action=session.sign-in";
        house.ask(&owner, ("GET", path), None).await.text
    };
    let before = log().await;
    assert!(
        before
            .starts_with("Email,User IP,User ID,Object Type,Object,Action,Action Description,Date")
    );
    let line = before
        .lines()
        .find(|line| line.starts_with("ann@acme.example,192.0.2.1,"));
    assert!(
        line.unwrap()
            .contains(",session.sign-in,signed in: operator ann@acme.example,")
    );
    let one = "/api/v1/operators/ann@acme.example";
    let dry = format!("{one}?dry_run=true");
    let losses = house.ask(&owner, ("DELETE", &dry), None).await.is(200);
    assert_eq!(losses["loses"][0]["name"], "ann@acme.example");
    assert_eq!(losses["instead"], "disable");
    house.ask(&owner, ("DELETE", one), None).await.is(200);
    assert!(!log().await.contains("ann@acme.example"));
    house
        .ask(&owner, ("GET", one), None)
        .await
        .problem(404, "not-found");
    house.directory.verify_audit().await.unwrap();
}

/// Who answers for one user changes that user's keys alone, whichever keys are named; who only reads changes none.
#[tokio::test]
async fn among_many_keys_those_of_others_are_left_alone() {
    let house = House::new().await;
    let acme = house.tenant("acme", Profile::E3Root, None).await;
    let root = House::root();
    let mut keys = Vec::new();
    let mut users = Vec::new();
    for name in ["mine", "theirs"] {
        let new = NewUser::new(acme, name.parse().unwrap(), UserKind::Human);
        let Outcome::User(user) = house.apply(Command::CreateUser(new), Actor::system()).await
        else {
            panic!("no user");
        };
        users.push(user);
        let path = format!("/api/v1/tenants/acme/users/{name}/keys");
        let level = json!({ "level": "read" });
        let made = house.ask(&root, ("POST", &path), Some(level)).await;
        let id = made.is(201)["key"]["id"].as_str().unwrap().to_owned();
        keys.push(id);
    }
    let admin = OperatorScope::Users(acme, BTreeSet::from([users[0]]));
    let admin = house.operator("admin@acme.example", Role::Admin, admin);
    let admin = house.token_of(admin.await).await;
    let reader = OperatorScope::Tenant(acme);
    let reader = house.operator("reader@acme.example", Role::Reader, reader);
    let reader = house.token_of(reader.await).await;

    let stop = json!({ "action": "disable", "keys": keys });
    let bulk = ("POST", "/api/v1/tenants/acme/bulk/keys");
    let codes = |done: &Value| {
        let items = done["items"].as_array().unwrap().iter();
        items.map(|it| it["code"].clone()).collect::<Value>()
    };
    let done = house.ask(&reader, bulk, Some(stop.clone())).await.is(200);
    assert_eq!(codes(&done), json!(["forbidden", "forbidden"]));
    let done = house.ask(&admin, bulk, Some(stop)).await.is(200);
    assert_eq!(codes(&done), json!([null, "not-found"]));
    let theirs = format!("/api/v1/tenants/acme/keys/{}", keys[1]);
    let theirs = house.ask(&root, ("GET", &theirs), None).await;
    assert_eq!(theirs.is(200)["works"], true);
}
