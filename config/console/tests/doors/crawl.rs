//! Every operation, asked by every role from every scope.

use std::collections::{BTreeMap, BTreeSet};

use console::needs::{self, Again, At, Need, Row};
use console::routes;
use postern_config::directory::{
    Actor, Command, Description, Keeps, KeyRights, Level, NamespaceId, NewSubUser, NewUser,
    OperatorScope, Outcome, Profile, Role, RoleAtoms, SubUsers, UserId, UserKind,
};
use serde_json::{Value, json};

use super::house::{Answer, House, Key};

/// Where those who ask come from, as seen from the account `acme`, which is below `msp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Deployment,
    Reseller,
    Tenant,
    /// Of `acme` the user `web` alone.
    SomeUsers,
    /// Of `acme` another user alone.
    OtherUsers,
    Stranger,
}

pub(crate) const ALL: [From; 6] = [
    From::Deployment,
    From::Reseller,
    From::Tenant,
    From::SomeUsers,
    From::OtherUsers,
    From::Stranger,
];

/// What a scope is to a place: written down here a second time, in other words than the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is reached.
    Whole,
    /// It is known, and not reached.
    Known,
    /// It is not there.
    Hidden,
}

pub(crate) fn sight(from: From, at: At) -> Option<Sight> {
    use Sight::{Hidden, Known, Whole};
    Some(match (at, from) {
        // It is about whoever asks, or the handler shows what is within reach; or it asks where the document says.
        (At::Oneself | At::Reach | At::Named | At::Operator, _) => return None,
        (_, From::Deployment) => Whole,
        (At::Deployment, _) => Known,
        (_, From::Stranger) => Hidden,
        (At::AboveTenant, From::Reseller) => Whole,
        (At::AboveTenant, _) => Known,
        (_, From::Reseller | From::Tenant) => Whole,
        (At::Tenant, From::SomeUsers | From::OtherUsers) => Known,
        (At::PartOfTenant, From::SomeUsers | From::OtherUsers) => Whole,
        (At::User | At::Key | At::Bucket, From::SomeUsers) => Whole,
        (At::User | At::Key | At::Bucket, From::OtherUsers) => Hidden,
    })
}

pub(crate) fn site(namespace: NamespaceId, owner: UserId) -> Command {
    Command::BeginBucket {
        namespace,
        name: "site".parse().unwrap(),
        owner,
        keeps: Keeps::Nothing,
    }
}

/// A house with `acme`, its users `web` and `other`, a key and a bucket of `web`; and the words that paths are filled with.
pub(crate) async fn furnished(
    profile: Profile,
) -> (House, BTreeMap<&'static str, String>, [OperatorScope; 6]) {
    let house = House::new().await;
    let msp = house.tenant("msp", profile, None).await;
    let acme = house.tenant("acme", profile, Some(msp)).await;
    let stranger = house.tenant("stranger", profile, None).await;
    let mut users = Vec::new();
    for name in ["web", "other"] {
        let new = NewUser::new(acme, name.parse().unwrap(), UserKind::Service);
        match house.apply(Command::CreateUser(new), Actor::system()).await {
            Outcome::User(user) => users.push(user),
            other => panic!("{other:?}"),
        }
    }
    let (web, other) = (users[0], users[1]);
    let create = Command::CreateKey {
        user: web,
        rights: KeyRights::of_level(Level::Read),
    };
    let Outcome::Key { key, .. } = house.apply(create, Actor::system()).await else {
        panic!("no key");
    };
    let begin = site(NamespaceId::User(acme, web), web);
    let Outcome::Bucket(bucket) = house.apply(begin, Actor::system()).await else {
        panic!("no bucket");
    };
    house
        .apply(Command::ActivateBucket(bucket), Actor::system())
        .await;
    // Where the profile has none, the word names nobody.
    let below = Command::CreateSubUser(NewSubUser {
        user: web,
        name: "cdn".parse().unwrap(),
        level: Level::Read,
        description: Description::default(),
    });
    if profile.rules().sub_users == SubUsers::Yes {
        house.apply(below, Actor::system()).await;
    }
    let target = house
        .operator(
            "target@acme.example",
            Role::Reader,
            OperatorScope::Tenant(acme),
        )
        .await;
    let words = BTreeMap::from([
        ("tenant", "acme".to_owned()),
        ("user", "web".to_owned()),
        ("sub_user", "cdn".to_owned()),
        ("role", "member".to_owned()),
        ("key", key.to_string()),
        ("bucket", "site".to_owned()),
        ("operator", target.get().to_string()),
        ("token", "1".to_owned()),
        ("policy", "ci".to_owned()),
        ("digest", "0".repeat(64)),
        ("module", "guard".to_owned()),
        ("id", "x".to_owned()),
    ]);
    let scopes = [
        OperatorScope::Deployment,
        OperatorScope::Reseller(msp),
        OperatorScope::Tenant(acme),
        OperatorScope::Users(acme, BTreeSet::from([web])),
        OperatorScope::Users(acme, BTreeSet::from([other])),
        OperatorScope::Tenant(stranger),
    ];
    (house, words, scopes)
}

pub(crate) fn filled(path: &str, words: &BTreeMap<&'static str, String>) -> String {
    let parts = path.split('/').map(|part| {
        match part.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            Some(name) => words.get(name).cloned().unwrap_or_else(|| "x".to_owned()),
            None => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

async fn ask(house: &House, key: &Key, row: &Row, path: &str) -> Answer {
    // What is deleted is only asked for, so that the next one finds it still.
    let dry = row.method == "DELETE"
        && row.path.starts_with("/api/v1/tenants")
        && !row.path.ends_with("alias");
    let path = if dry {
        format!("{path}?dry_run=true")
    } else {
        path.to_owned()
    };
    let body = match row.method {
        "GET" | "DELETE" => None,
        _ if row.path == "/api/v1/tenants/{tenant}/buckets" => {
            Some(json!({ "name": "more", "owner": "web" }))
        }
        _ => Some(json!({})),
    };
    house.ask(key, (row.method, &path), body).await
}

/// 000-24, 000-14, 001-12, 004-06, 004-24: what is out of sight is not there, what is in sight and not allowed says who may.
#[tokio::test]
async fn every_operation_is_closed_to_every_role_that_lacks_it_and_every_scope_beyond_it() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    let mut seen = 0;
    for (from, scope) in ALL.into_iter().zip(scopes) {
        for role in [Role::Owner, Role::Admin, Role::Contributor, Role::Reader] {
            let email = format!("{from:?}.{role}@acme.example").to_lowercase();
            let operator = house.operator(&email, role, scope.clone()).await;
            let key = house.token_of(operator).await;
            let held = RoleAtoms::of_builtin(role).unwrap().console;
            for row in needs::ALL {
                // Those that would end what asks, or are for people: tried elsewhere.
                if row.need == Need::Nothing || row.path.starts_with("/api/v1/tokens") {
                    continue;
                }
                seen += 1;
                let path = filled(row.path, &words);
                let answer = ask(&house, &key, row, &path).await;
                let what = format!("{from:?} {role} {} {path}: {}", row.method, answer.text);
                let (status, body) = (answer.status.as_u16(), answer.body());
                let code = body["code"].as_str().unwrap_or("").to_owned();
                assert!(!matches!(status, 401 | 500), "{what}");
                let lacks = match row.need {
                    Need::Do(atom) => (!held.contains(&atom)).then_some(atom),
                    _ => None,
                };
                if row.need == Need::Person {
                    assert_eq!((status, code.as_str()), (403, "person"), "{what}");
                    continue;
                }
                match (sight(from, row.at), lacks) {
                    (Some(Sight::Hidden), None) => {
                        assert_eq!((status, code.as_str()), (404, "not-found"), "{what}")
                    }
                    (Some(Sight::Hidden), Some(_)) => {
                        // Out of sight or not allowed: either way nothing is said of what is there.
                        assert!(matches!(status, 403 | 404), "{what}");
                        assert!(!answer.text.contains("web"), "{what}");
                    }
                    (Some(Sight::Known), None) => {
                        assert_eq!((status, code.as_str()), (403, "forbidden"), "{what}");
                        assert!(body["detail"].as_str().unwrap().contains("scope"), "{what}");
                    }
                    (_, Some(atom)) => {
                        assert_eq!((status, code.as_str()), (403, "forbidden"), "{what}");
                        assert_eq!(body["needs"]["permission"], atom.as_str(), "{what}");
                        let roles = body["needs"]["roles"].as_array().unwrap();
                        assert!(roles.contains(&json!("owner")), "{what}");
                    }
                    (Some(Sight::Whole), None) => {
                        let shown = row.again == Again::PersonAlone;
                        assert!(shown || code != "forbidden", "{what}");
                        let named = ["{id}", "{module}", "{domain}"];
                        let named = named.iter().any(|it| row.path.contains(it));
                        assert!(status != 404 || named, "{what}");
                    }
                    (None, None) => {}
                }
            }
        }
    }
    assert!(seen > 24 * 60, "{seen}");
}

/// What is beyond somebody's scope answers, word for word, as what is not there.
#[tokio::test]
async fn what_is_out_of_sight_is_answered_as_what_is_not_there() {
    let (house, words, scopes) = furnished(Profile::E3Primary).await;
    let stranger = house
        .operator("s@x.example", Role::Owner, scopes[5].clone())
        .await;
    let stranger = house.token_of(stranger).await;
    let mut nowhere = words.clone();
    nowhere.insert("tenant", "nowhere".to_owned());
    nowhere.insert("operator", "999999".to_owned());
    for row in needs::ALL {
        if !row.path.contains("{tenant}") && row.at != At::Operator {
            continue;
        }
        let hidden = ask(&house, &stranger, row, &filled(row.path, &words)).await;
        let missing = ask(&house, &stranger, row, &filled(row.path, &nowhere)).await;
        assert_eq!(hidden.text, missing.text, "{} {}", row.method, row.path);
        assert_eq!(hidden.status, missing.status);
    }
    // The same of what the query or a document names.
    for (method, path, body) in [
        ("GET", "/api/v1/audit?tenant=", None),
        ("GET", "/api/v1/audit/export?tenant=", None),
        ("GET", "/api/v1/access-review?tenant=", None),
        ("GET", "/api/v1/policies?tenant=", None),
        (
            "GET",
            "/api/v1/policies/document?user=web&name=x&tenant=",
            None,
        ),
        (
            "DELETE",
            "/api/v1/policies/document?user=web&name=x&tenant=",
            None,
        ),
        ("GET", "/api/v1/modules?tenant=", None),
        ("GET", "/api/v1/modules/guard/trials?tenant=", None),
        ("GET", "/api/v1/modules/guard/history?tenant=", None),
        ("POST", "/api/v1/modules/guard/reject", Some("tenant")),
        ("POST", "/api/v1/modules/guard/approve", Some("tenant")),
        ("POST", "/api/v1/modules/guard/rollback", Some("tenant")),
        ("POST", "/api/v1/operators", Some("scope")),
        ("POST", "/api/v1/tokens", Some("own")),
    ] {
        let document = |name: &str| {
            let scope = json!({ "kind": "tenant", "tenant": name });
            body.map(|kind| match kind {
                "tenant" => json!({ "tenant": name }),
                "own" => json!({ "name": "x", "scope": scope }),
                _ => json!({ "email": "x@x.example", "role": "reader", "scope": scope }),
            })
        };
        let at = |name: &str| match body {
            None => format!("{path}{name}"),
            Some(_) => path.to_owned(),
        };
        let hidden = house
            .ask(&stranger, (method, &at("acme")), document("acme"))
            .await;
        let missing = house
            .ask(&stranger, (method, &at("nowhere")), document("nowhere"))
            .await;
        assert_eq!(hidden.text, missing.text, "{method} {path}");
        assert!(
            hidden.status.is_client_error(),
            "{method} {path} {}",
            hidden.text
        );
    }
}

fn names(page: &Value, field: &str) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item[field].as_str().unwrap_or("").to_owned())
        .collect()
}

/// 000-24, 001-10: lists hold what is within reach, and count nothing else.
#[tokio::test]
async fn lists_hold_what_is_within_reach() {
    let (house, _, scopes) = furnished(Profile::E3Root).await;
    let expected = [
        (vec!["acme", "msp", "stranger"], 4, vec!["site"]),
        (vec!["acme", "msp"], 3, vec!["site"]),
        (vec!["acme"], 3, vec!["site"]),
        (vec!["acme"], 1, vec!["site"]),
        (vec!["acme"], 1, vec![]),
    ];
    for ((from, scope), (tenants, users, buckets)) in ALL.into_iter().zip(scopes).zip(expected) {
        let email = format!("{from:?}@x.example");
        let operator = house.operator(&email, Role::Admin, scope).await;
        let key = house.token_of(operator).await;
        let get = async |path: &str| house.ask(&key, ("GET", path), None).await.is(200);
        let page = get("/api/v1/tenants").await;
        assert_eq!(names(&page, "name"), tenants, "{from:?}");
        assert_eq!(page["total"], tenants.len());
        let page = get("/api/v1/tenants/acme/users").await;
        let wanted = if users == 4 { 3 } else { users };
        assert_eq!(page["total"], wanted, "{from:?}");
        let page = get("/api/v1/tenants/acme/buckets").await;
        assert_eq!(names(&page, "name"), buckets, "{from:?}");
        let page = get("/api/v1/tenants/acme/keys").await;
        assert_eq!(page["total"], buckets.len(), "{from:?}");
        let review = get("/api/v1/access-review").await;
        assert!(
            review.to_string().contains("\"other\"") != (from == From::SomeUsers),
            "{from:?}"
        );
        let audit = house
            .ask(&key, ("GET", "/api/v1/audit?limit=1000"), None)
            .await;
        match from {
            From::Deployment => {
                let page = audit.is(200);
                assert!(names(&page, "tenant").contains(&"stranger".to_owned()));
            }
            From::SomeUsers => {
                let page = audit.is(200);
                let mut seen = names(&page, "action");
                seen.reverse();
                let all = [
                    "user.create",
                    "key.create",
                    "bucket.create",
                    "bucket.activate",
                ];
                assert_eq!(seen, all);
            }
            From::OtherUsers => {
                let page = audit.is(200);
                assert_eq!(names(&page, "action"), ["user.create"]);
                assert_eq!(page["items"][0]["detail"]["name"], "other");
            }
            _ => {
                let page = audit.is(200);
                let seen: BTreeSet<String> = names(&page, "tenant").into_iter().collect();
                let tenants: BTreeSet<String> = tenants.into_iter().map(str::to_owned).collect();
                assert_eq!(seen, tenants, "{from:?}");
            }
        }
    }
}

/// 003-06, 003-07.
#[tokio::test]
async fn permissions_are_set_by_an_admin_of_the_platform_or_of_the_account() {
    let house = House::new().await;
    let acme = house.tenant("acme", Profile::Vpsa, None).await;
    let new = NewUser::new(acme, "ann".parse().unwrap(), UserKind::Service);
    let Outcome::User(ann) = house.apply(Command::CreateUser(new), Actor::system()).await else {
        panic!("no user");
    };
    let begin = site(NamespaceId::Account(acme), ann);
    let Outcome::Bucket(bucket) = house.apply(begin, Actor::system()).await else {
        panic!("no bucket");
    };
    house
        .apply(Command::ActivateBucket(bucket), Actor::system())
        .await;
    let rows = json!({ "members": { "read": true, "write": false } });
    let asked = [
        (OperatorScope::Deployment, Role::Admin, 200),
        (OperatorScope::Tenant(acme), Role::Admin, 200),
        (OperatorScope::Tenant(acme), Role::Contributor, 403),
        (
            OperatorScope::Users(acme, BTreeSet::from([ann])),
            Role::Admin,
            403,
        ),
    ];
    for (number, (scope, role, status)) in asked.into_iter().enumerate() {
        let email = format!("asker-{number}@x.example");
        let operator = house.operator(&email, role, scope).await;
        let key = house.token_of(operator).await;
        for path in ["permissions", "buckets/site/permissions"] {
            let path = format!("/api/v1/tenants/acme/{path}");
            let answer = house.ask(&key, ("PUT", &path), Some(rows.clone())).await;
            answer.is(status);
        }
    }
}

/// One table: the code that serves, this test and the OpenAPI document read it.
#[test]
fn every_operation_has_one_line_of_needs_and_every_line_an_operation() {
    let served: BTreeSet<(String, String)> = routes::ALL
        .iter()
        .filter(|route| route.permission == console::Permission::Token)
        .flat_map(|route| {
            let methods = route.methods.iter();
            methods.map(|method| ((*method).to_owned(), route.path.to_owned()))
        })
        .collect();
    let lines: Vec<(String, String)> = needs::ALL
        .iter()
        .map(|row| (row.method.to_owned(), row.path.to_owned()))
        .collect();
    let unique: BTreeSet<_> = lines.iter().cloned().collect();
    assert_eq!(unique.len(), lines.len());
    assert_eq!(unique, served);
    let document: Value = serde_json::from_str(&console::openapi::text()).unwrap();
    for row in needs::ALL {
        let operation = &document["paths"][row.path][row.method.to_lowercase()];
        assert_eq!(operation["x-postern-permission"], row.sentence(), "{row:?}");
    }
    // What nobody has to have signed in for is as short as it can be.
    let open: Vec<&str> = needs::ALL
        .iter()
        .filter(|row| row.need == Need::Nothing)
        .map(|row| row.path)
        .collect();
    assert_eq!(
        open,
        [
            "/api/v1/setup",
            "/api/v1/session",
            "/api/v1/invitations/accept"
        ]
    );
}
