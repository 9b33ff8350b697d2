//! Sub-users, roles, permissions, public containers, details of users and accounts, and one change for many.

#![expect(
    clippy::too_many_lines,
    reason = "each test is one story, whose documents take many lines"
)]

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Server, names};

impl Server {
    /// With the tenant `acme` of a profile.
    async fn of(profile: &str) -> Self {
        let server = Self::new().await;
        let new = json!({ "name": "acme", "profile": profile });
        server.post("/tenants", new).await.is(201);
        server
    }

    async fn put(&self, path: &str, body: Value, tag: Option<&str>) -> Answer {
        let headers: Vec<_> = tag.map(|tag| ("if-match", tag)).into_iter().collect();
        self.ask(Method::PUT, path, Some(body), &headers).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(body), &[]).await
    }

    /// A user of `acme`.
    async fn user(&self, user: Value) -> Value {
        self.post("/tenants/acme/users", user).await.is(201)
    }
}

/// 000-04, 000-29, 000-43, 002-02, 002-10: made with a level, which is changed afterwards; keys of his own, of at most that level.
#[tokio::test]
async fn a_sub_user_has_a_level_that_is_changed_and_keys_within_it() {
    let server = Server::of("e3-primary").await;
    server.user(json!({ "name": "web" })).await;
    let all = "/tenants/acme/users/web/sub-users";
    for level in ["full", "read-write", "read", "write"] {
        let new = json!({ "name": format!("for-{level}"), "level": level });
        assert_eq!(server.post(all, new).await.is(201)["level"], level);
    }
    let new = json!({ "name": "cdn", "level": "read", "description": "pulls images" });
    let made = server.post(all, new).await;
    let (tag, made) = (made.tag(), made.is(201));
    assert_eq!((&made["keys"], &made["user"]), (&json!(0), &json!("web")));
    let taken = server
        .post(all, json!({ "name": "CDN", "level": "read" }))
        .await;
    assert!(taken.problem(409, "taken").contains("such as `CDN-2`"));
    let near = server.get(&format!("{all}/cnd")).await;
    assert!(
        near.problem(404, "not-found")
            .contains("did you mean `cdn`?")
    );

    let keys = format!("{all}/cdn/keys");
    let above = server.post(&keys, json!({ "level": "full" })).await;
    let said = above.problem(403, "above");
    assert!(said.contains("`cdn` is of level `read`"), "{said}");
    let key = server.post(&keys, json!({ "level": "read" })).await.is(201);
    assert_eq!(key["key"]["sub_user"], "cdn");
    let id = key["key"]["id"].as_str().unwrap().to_owned();
    let listed = server.get(&keys).await.is(200);
    assert_eq!(
        (&listed["total"], &listed["items"][0]["id"]),
        (&json!(1), &json!(id))
    );
    let of_user = server
        .get("/tenants/acme/keys?user=web&sub_user=cdn")
        .await
        .is(200);
    assert_eq!(of_user["total"], 1);
    let whose = server.get("/tenants/acme/keys?sub_user=cdn").await;
    assert!(whose.problem(400, "malformed").contains("say whose"));

    let one = format!("{all}/cdn");
    let wider = Some(json!({ "level": "read-write" }));
    let changed = server
        .ask(Method::PATCH, &one, wider.clone(), &[("if-match", &tag)])
        .await;
    assert_eq!(changed.is(200)["level"], "read-write");
    server
        .ask(Method::PATCH, &one, wider, &[("if-match", &tag)])
        .await
        .problem(412, "stale");
    server
        .patch(&one, json!({}))
        .await
        .problem(400, "malformed");
    server.patch(&one, json!({ "name": "edge" })).await.is(200);

    let one = format!("{all}/edge");
    server
        .ask(Method::POST, &format!("{one}/disable"), None, &[])
        .await
        .is(200);
    let shown = server
        .get(&format!("/tenants/acme/keys/{id}"))
        .await
        .is(200);
    assert_eq!(
        (&shown["works"], &shown["why_not"]),
        (&json!(false), &json!("the sub-user is disabled"))
    );
    assert_eq!(
        names(&server.get(&format!("{all}?status=passive")).await.is(200)),
        ["edge"]
    );
    server
        .ask(Method::POST, &format!("{one}/enable"), None, &[])
        .await
        .is(200);
    let losses = server.delete(&format!("{one}?dry_run=true")).await.is(200);
    assert_eq!(
        (&losses["total"], &losses["loses"][1]["name"]),
        (&json!(2), &json!(id))
    );
    server.delete(&format!("{one}?confirm=edge")).await.is(200);
    server.get(&one).await.problem(404, "not-found");
}

/// 002-16.
#[tokio::test]
async fn sub_users_are_as_many_as_are_wanted() {
    let server = Server::of("sobject").await;
    server.user(json!({ "name": "web" })).await;
    let all = "/tenants/acme/users/web/sub-users";
    for number in 0..200 {
        let new = json!({ "name": format!("s{number}"), "level": "read" });
        server.post(all, new).await.is(201);
    }
    assert_eq!(server.get(all).await.is(200)["total"], 200);
    // The profile gives each one key.
    let keys = format!("{all}/s7/keys");
    server.post(&keys, json!({ "level": "read" })).await.is(201);
    let second = server.post(&keys, json!({ "level": "read" })).await;
    assert!(
        second
            .problem(409, "refused")
            .contains("delete one that is not used")
    );
}

/// 004-01, 004-11, 004-17, 004-18, 004-26.
#[tokio::test]
async fn roles_are_listed_made_compared_given_and_the_owners_is_transferred() {
    let server = Server::of("datastream").await;
    let all = "/tenants/acme/roles";
    let builtin = server.get(all).await.is(200);
    assert_eq!(names(&builtin), ["owner", "admin", "contributor", "reader"]);
    let atoms = json!({ "data": ["obj.read", "obj.head"], "console": ["audit-read"] });
    let auditor = json!({ "name": "auditor", "atoms": atoms });
    let made = server.post(all, auditor.clone()).await;
    let (tag, made) = (made.tag(), made.is(201));
    assert_eq!(
        (&made["builtin"], &made["users"]),
        (&json!(false), &json!(0))
    );
    assert!(
        server
            .post(all, auditor)
            .await
            .problem(409, "taken")
            .contains("`auditor-2`")
    );
    let unknown = json!({ "name": "x", "atoms": { "data": ["obj.raed"], "console": [] } });
    assert!(
        server
            .post(all, unknown)
            .await
            .problem(422, "malformed")
            .contains("obj.read")
    );
    assert_eq!(
        names(&server.get(&format!("{all}?q=audit")).await.is(200)),
        ["auditor"]
    );
    let matrix = server.get("/tenants/acme/role-matrix").await.is(200);
    let held = |atom: &str| {
        let rows = matrix["console"].as_array().unwrap();
        rows.iter().find(|row| row["atom"] == atom).unwrap()["held_by"].clone()
    };
    assert_eq!(held("audit-read"), json!(["owner", "admin", "auditor"]));

    let ann =
        json!({ "name": "ann", "kind": "human", "email": "ann@example.com", "role": "auditor" });
    assert_eq!(server.user(ann).await["role"], "auditor");
    let in_use = server.delete(&format!("{all}/auditor")).await;
    assert!(in_use.problem(409, "refused").contains("`ann`"));
    let none = server
        .put(
            "/tenants/acme/users/ann/role",
            json!({ "role": "member" }),
            None,
        )
        .await;
    assert!(
        none.problem(404, "not-found")
            .contains("there is no role `member`")
    );
    let owner = server
        .put(
            "/tenants/acme/users/ann/role",
            json!({ "role": "owner" }),
            None,
        )
        .await;
    assert!(owner.problem(409, "refused").contains("transfer"));
    let narrower = json!({ "name": "auditor", "atoms": { "data": [], "console": ["audit-read"] } });
    server
        .put(&format!("{all}/auditor"), narrower.clone(), Some(&tag))
        .await
        .is(200);
    server
        .put(&format!("{all}/auditor"), narrower.clone(), Some(&tag))
        .await
        .problem(412, "stale");
    let builtin = server.put(&format!("{all}/admin"), narrower, None).await;
    assert!(builtin.problem(409, "refused").contains("built in"));

    let given = server
        .put(
            "/tenants/acme/users/ann/role",
            json!({ "role": "admin" }),
            None,
        )
        .await;
    assert_eq!(given.is(200)["role"], "admin");
    server
        .delete(&format!("{all}/auditor?confirm=auditor"))
        .await
        .is(200);
    let to = json!({ "to": "ann" });
    server.post("/tenants/acme/transfer", to).await.is(200);
    assert_eq!(
        server.get("/tenants/acme/users/ann").await.is(200)["role"],
        "owner"
    );
    assert_eq!(
        server.get("/tenants/acme/users/root").await.is(200)["role"],
        "admin"
    );
}

/// 003-01, 003-09, 003-10, 003-11, 003-12: rows for all members or for each, and what changes is said before it does.
#[tokio::test]
async fn permissions_on_an_account_are_looked_at_before_one_kind_gives_way_to_the_other() {
    let server = Server::of("vpsa").await;
    for (name, role) in [("ann", "member"), ("bob", "member"), ("eva", "admin")] {
        server.user(json!({ "name": name, "role": role })).await;
    }
    let path = "/tenants/acme/permissions";
    let usual = server.get(path).await.is(200);
    assert_eq!(
        (&usual["kind"], &usual["is_default"], &usual["members"]),
        (
            &json!("global"),
            &json!(true),
            &json!({ "read": true, "write": true })
        )
    );
    let each = json!({ "users": [{ "user": "ann", "read": true, "write": false }] });
    let preview = server.post(&format!("{path}/preview"), each.clone()).await;
    let (tag, preview) = (preview.tag(), preview.is(200));
    assert_eq!(preview["changes_kind"], true);
    assert_eq!(preview["removed"][0]["subject"], "members");
    // Ann loses writing, Bob everything; an admin is not bound.
    let who: Vec<_> = preview["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["user"].clone())
        .collect();
    assert_eq!(
        (json!(who), &preview["affected"]),
        (json!(["ann", "bob"]), &json!(2))
    );
    assert_eq!(
        preview["effects"][1]["after"],
        json!({ "read": false, "write": false })
    );
    assert_eq!(server.get(path).await.is(200), usual);

    let blind = server.put(path, each.clone(), None).await;
    assert!(blind.problem(428, "preview").contains("If-Match"));
    let set = server.put(path, each.clone(), Some(&tag)).await.is(200);
    assert_eq!(
        (&set["kind"], &set["members"]),
        (&json!("per-user"), &Value::Null)
    );
    server
        .put(path, each, Some(&tag))
        .await
        .problem(412, "stale");
    let both = json!({ "members": { "read": true, "write": true }, "users": [] });
    assert!(
        server
            .put(path, both, None)
            .await
            .problem(400, "malformed")
            .contains("one of the two")
    );
    let unknown = json!({ "users": [{ "user": "anm", "read": true, "write": true }] });
    assert!(
        server
            .put(path, unknown, None)
            .await
            .problem(404, "not-found")
            .contains("did you mean `ann`?")
    );

    let global = json!({ "members": { "read": true, "write": false } });
    let preview = server
        .post(&format!("{path}/preview"), global.clone())
        .await;
    let (tag, preview) = (preview.tag(), preview.is(200));
    assert_eq!(
        (&preview["removed"][0]["subject"], &preview["changes_kind"]),
        (&json!("ann"), &json!(true))
    );
    server.put(path, global.clone(), Some(&tag)).await.is(200);
    // Within one kind nothing is thrown away, and nothing has to be looked at.
    server.put(path, global, None).await.is(200);
    assert_eq!(server.delete(path).await.is(200)["is_default"], true);

    let other = json!({ "name": "plain" });
    server.post("/tenants", other).await.is(201);
    assert!(
        server
            .get("/tenants/plain/permissions")
            .await
            .problem(409, "refused")
            .contains("levels of keys")
    );
}

/// 003-14, 003-15, 003-16, 003-17.
#[tokio::test]
async fn permissions_on_a_container_and_what_of_it_is_public() {
    let server = Server::of("vpsa").await;
    server.user(json!({ "name": "ann" })).await;
    let bucket = json!({ "name": "site", "owner": "root" });
    server.post("/tenants/acme/buckets", bucket).await.is(201);
    let path = "/tenants/acme/buckets/site/permissions";
    assert_eq!(server.get(path).await.is(200)["kind"], "none");
    let rows = json!({ "all_users": { "read": true, "write": false }, "members": { "read": true, "write": false } });
    let preview = server
        .post(&format!("{path}/preview"), rows.clone())
        .await
        .is(200);
    assert_eq!(preview["effects"][0]["user"], "everyone else");
    assert_eq!(
        preview["effects"][1]["after"],
        json!({ "read": true, "write": false })
    );
    server.put(path, rows, None).await.is(200);
    let each = json!({ "users": [{ "user": "ann", "read": true, "write": true }] });
    server
        .put(path, each.clone(), None)
        .await
        .problem(428, "preview");
    let tag = server.get(path).await.tag();
    assert_eq!(
        server.put(path, each, Some(&tag)).await.is(200)["kind"],
        "per-user"
    );
    assert_eq!(server.delete(path).await.is(200)["kind"], "none");

    let path = "/tenants/acme/buckets/site/public";
    assert_eq!(server.get(path).await.is(200)["is_public"], false);
    let public = server.put(path, json!({}), None).await.is(200);
    assert_eq!(
        (&public["list"], &public["read"], &public["referrers"]),
        (&json!(true), &json!(true), &json!(["*"]))
    );
    let sent = json!({ "list": false, "referrers": ["https://example.com"] });
    let sent = server.put(path, sent, None).await.is(200);
    assert_eq!(
        (&sent["list"], &sent["referrers"][0]),
        (&json!(false), &json!("https://example.com/"))
    );
    assert_eq!(
        names(
            &server
                .get("/tenants/acme/buckets?public=true")
                .await
                .is(200)
        ),
        ["site"]
    );
    let block = json!({ "block_public": true });
    assert_eq!(
        server.patch("/tenants/acme", block).await.is(200)["block_public"],
        true
    );
    assert_eq!(server.get(path).await.is(200)["blocked"], true);
    assert!(
        names(
            &server
                .get("/tenants/acme/buckets?public=true")
                .await
                .is(200)
        )
        .is_empty()
    );
    assert_eq!(server.delete(path).await.is(200)["is_public"], false);

    server
        .post("/tenants", json!({ "name": "plain" }))
        .await
        .is(201);
    server
        .post("/tenants/plain/users", json!({ "name": "web" }))
        .await
        .is(201);
    server
        .post(
            "/tenants/plain/buckets",
            json!({ "name": "site", "owner": "web" }),
        )
        .await
        .is(201);
    let off = server
        .put("/tenants/plain/buckets/site/public", json!({}), None)
        .await;
    assert!(off.problem(409, "refused").contains("policy of the bucket"));
}

/// 001-01, 001-17, 001-20, 004-03, 004-04, 004-05, 004-07, 004-12, 004-13, 004-14, C24.
#[tokio::test]
async fn people_are_found_by_name_and_address_and_by_how_they_stand() {
    let server = Server::of("datastream").await;
    let missing = json!({ "name": "ann", "kind": "human" });
    let missing = server.post("/tenants/acme/users", missing).await;
    assert!(missing.problem(422, "email").contains("give `email`"));
    for (name, full) in [
        ("ann", "Ann Meyer"),
        ("bob", "Bob Ray"),
        ("cid", "Cid Meyer"),
    ] {
        let email = format!("{name}@example.com");
        let new = json!({
            "name": name, "kind": "human", "email": email, "full_name": full,
            "timezone": "Europe/Berlin", "language": "de",
        });
        let made = server.user(new).await;
        assert_eq!(
            (&made["keys"], &made["buckets"], &made["role"]),
            (&json!(0), &json!(0), &json!("reader"))
        );
        assert_eq!(made["timezone"], "Europe/Berlin");
    }
    for wrong in ["ann", "ann@", "a b@example.com"] {
        let new = json!({ "name": "dan", "kind": "human", "email": wrong });
        server
            .post("/tenants/acme/users", new)
            .await
            .problem(422, "malformed");
    }
    let taken = json!({ "name": "dan", "kind": "human", "email": "ANN@example.com" });
    let taken = server
        .post("/tenants/acme/users", taken)
        .await
        .problem(409, "taken");
    assert!(taken.contains("that of another user"), "{taken}");

    let path = "/tenants/acme/users";
    let found = |query: &'static str| {
        let server = &server;
        async move {
            let page = server.get(&format!("{path}?{query}")).await.is(200);
            names(&page).join(" ")
        }
    };
    assert_eq!(found("").await, "ann bob cid root");
    assert_eq!(found("q=meyer").await, "ann cid");
    assert_eq!(found("q=BOB@example").await, "bob");
    assert_eq!(found("kind=root").await, "root");
    assert_eq!(found("role=reader&sort=-name").await, "cid bob ann");
    server
        .ask(Method::POST, &format!("{path}/bob/disable"), None, &[])
        .await
        .is(200);
    assert_eq!(found("status=active").await, "ann cid root");
    assert_eq!(found("status=passive").await, "bob");
    assert_eq!(found("status=disabled").await, "bob");
    assert_eq!(found("status=all").await, "ann bob cid root");
    for size in [10, 20, 50, 100] {
        server.get(&format!("{path}?limit={size}")).await.is(200);
    }
    let first = server.get(&format!("{path}?limit=3")).await.is(200);
    assert_eq!((names(&first).len(), &first["total"]), (3, &json!(4)));
    let next = format!("limit=3&cursor={}", first["next"].as_str().unwrap());
    let second = server.get(&format!("{path}?{next}")).await.is(200);
    assert_eq!(names(&second), ["root"]);
}

/// 004-28, 004-29: what is said of somebody, and what he may do, is changed field by field, and outlives his being disabled.
#[tokio::test]
async fn a_person_is_changed_and_gets_back_everything_when_enabled_again() {
    let server = Server::of("datastream").await;
    server
        .user(json!({ "name": "ann", "kind": "human", "email": "ann@example.com" }))
        .await;
    let one = "/tenants/acme/users/ann";
    let tag = server.get(one).await.tag();
    let details = json!({ "email": "ann@example.org", "full_name": "Ann Meyer", "language": "de" });
    let changed = server
        .put(&format!("{one}/details"), details.clone(), Some(&tag))
        .await
        .is(200);
    assert_eq!(
        (&changed["email"], &changed["timezone"]),
        (&json!("ann@example.org"), &Value::Null)
    );
    server
        .put(&format!("{one}/details"), details, Some(&tag))
        .await
        .problem(412, "stale");
    server
        .patch(one, json!({ "description": "of the office" }))
        .await
        .is(200);
    server.patch(one, json!({ "name": "Anna" })).await.is(200);
    let taken = server
        .patch("/tenants/acme/users/anna", json!({ "name": "root" }))
        .await;
    assert!(taken.problem(409, "taken").contains("`root-2`"));
    server
        .patch("/tenants/acme/users/anna", json!({}))
        .await
        .problem(400, "malformed");
    let key = server
        .post("/tenants/acme/users/anna/keys", json!({ "level": "read" }))
        .await;
    let id = key.is(201)["key"]["id"].as_str().unwrap().to_owned();

    let told = |mut value: Value| {
        for field in ["revision", "status", "works", "why_not"] {
            value.as_object_mut().unwrap().remove(field);
        }
        value
    };
    let [user, key] = [
        "/tenants/acme/users/anna".to_owned(),
        format!("/tenants/acme/keys/{id}"),
    ];
    let before = (
        told(server.get(&user).await.is(200)),
        told(server.get(&key).await.is(200)),
    );
    server
        .ask(Method::POST, &format!("{user}/disable"), None, &[])
        .await
        .is(200);
    assert_eq!(server.get(&key).await.is(200)["works"], false);
    server
        .ask(Method::POST, &format!("{user}/enable"), None, &[])
        .await
        .is(200);
    let after = (
        told(server.get(&user).await.is(200)),
        told(server.get(&key).await.is(200)),
    );
    assert_eq!(before, after);
    assert_eq!(server.get(&key).await.is(200)["works"], true);
}

/// 000-32, C23: each has a result of its own; the root is refused, the others are not kept from it.
#[tokio::test]
async fn many_users_are_changed_at_once_with_a_result_for_each() {
    let server = Server::with_a_user().await;
    for name in ["one", "two", "owner"] {
        server.user(json!({ "name": name })).await;
    }
    server
        .post(
            "/tenants/acme/buckets",
            json!({ "name": "site", "owner": "owner" }),
        )
        .await
        .is(201);
    let bulk = "/tenants/acme/bulk/users";
    let users = json!(["one", "root", "owner", "nobody", "two"]);
    let dry = json!({ "action": "delete", "users": users, "dry_run": true });
    let dry = server.post(bulk, dry).await.is(200);
    let real = json!({ "action": "delete", "users": users, "confirm": 5 });
    let wrong = json!({ "action": "delete", "users": users, "confirm": 4 });
    assert!(
        server
            .post(bulk, wrong)
            .await
            .problem(409, "confirm")
            .contains("nothing was done")
    );
    let done = server.post(bulk, real).await.is(200);
    assert_eq!(dry["items"], done["items"]);
    assert_eq!((&done["done"], &done["failed"]), (&json!(2), &json!(3)));
    let codes: Vec<_> = done["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["code"].clone())
        .collect();
    assert_eq!(
        json!(codes),
        json!([null, "refused", "owns-buckets", "not-found", null])
    );
    assert_eq!(
        names(&server.get("/tenants/acme/users").await.is(200)),
        ["owner", "root", "web"]
    );

    let stop = json!({ "action": "disable", "users": ["web", "owner", "root"] });
    let done = server.post(bulk, stop).await.is(200);
    assert_eq!(
        (&done["done"], &done["items"][2]["ok"]),
        (&json!(2), &json!(false))
    );
}

/// What works is disabled before it is deleted; what is refused of one key stops none of the others, and keys of another account are
/// not there.
#[tokio::test]
async fn many_access_keys_are_changed_at_once_with_a_result_for_each() {
    let server = Server::with_a_user().await;
    let (first, second, kept) = (server.key().await, server.key().await, server.key().await);
    let other = json!({ "name": "other" });
    server.post("/tenants", other).await.is(201);
    let level = json!({ "level": "full" });
    let foreign = server.post("/tenants/other/users/root/keys", level).await;
    let foreign = foreign.is(201)["key"]["id"].as_str().unwrap().to_owned();
    let bulk = "/tenants/acme/bulk/keys";
    let keys = json!([first, foreign, "x", second]);
    let codes = |done: &Value| {
        let items = done["items"].as_array().unwrap().iter();
        items.map(|it| it["code"].clone()).collect::<Value>()
    };

    let delete = json!({ "action": "delete", "keys": keys, "confirm": 4 });
    let early = server.post(bulk, delete.clone()).await.is(200);
    let absent = json!(["works", "not-found", "not-found", "works"]);
    assert_eq!((&early["done"], codes(&early)), (&json!(0), absent));

    let disable = json!({ "action": "disable", "keys": keys });
    let done = server.post(bulk, disable).await.is(200);
    let absent = json!([null, "not-found", "not-found", null]);
    assert_eq!((&done["done"], codes(&done)), (&json!(2), absent.clone()));
    assert_eq!(done["items"][0]["name"], first);
    for (key, works) in [(&first, false), (&second, false), (&kept, true)] {
        let key = server.get(&format!("/tenants/acme/keys/{key}")).await;
        assert_eq!(key.is(200)["works"], works);
    }
    let untouched = format!("/tenants/other/keys/{foreign}");
    assert_eq!(server.get(&untouched).await.is(200)["works"], true);

    let unsure = json!({ "action": "delete", "keys": keys });
    let unsure = server.post(bulk, unsure).await.problem(409, "confirm");
    assert!(unsure.contains("`confirm` 4"), "{unsure}");
    let wrong = json!({ "action": "delete", "keys": keys, "confirm": 2 });
    let wrong = server.post(bulk, wrong).await.problem(409, "confirm");
    assert!(wrong.contains("nothing was done"), "{wrong}");
    let dry = json!({ "action": "delete", "keys": keys, "dry_run": true });
    let dry = server.post(bulk, dry).await.is(200);
    let back = json!({ "action": "enable", "keys": [second] });
    server.post(bulk, back).await.is(200);
    let back = json!({ "action": "disable", "keys": [second] });
    server.post(bulk, back).await.is(200);
    let real = server.post(bulk, delete).await.is(200);
    assert_eq!(dry["items"], real["items"]);
    assert_eq!((&real["done"], codes(&real)), (&json!(2), absent));
    let left = server.get("/tenants/acme/keys").await.is(200);
    let left: Vec<_> = left["items"].as_array().unwrap().iter().collect();
    assert_eq!((left.len(), &left[0]["id"]), (1, &json!(kept)));
}

/// A reseller's customer: below him, bounded, read-only for a while, under another name.
#[tokio::test]
async fn an_account_is_below_another_bounded_renamed_and_only_read() {
    let server = Server::of("e3-root").await;
    let shop = json!({ "name": "shop", "parent": "acme" });
    assert_eq!(
        server.post("/tenants", shop).await.is(201)["parent"],
        "acme"
    );
    let deep = json!({ "name": "deep", "parent": "shop" });
    let deep = server.post("/tenants", deep).await;
    assert!(
        deep.problem(409, "refused")
            .contains("cannot have accounts below")
    );
    assert_eq!(
        names(&server.get("/tenants?parent=acme").await.is(200)),
        ["shop"]
    );
    assert_eq!(server.get("/tenants/acme").await.is(200)["children"], 1);
    let losses = server.delete("/tenants/acme?dry_run=true").await.is(200);
    assert_eq!(losses["possible"], false);
    assert!(
        server
            .delete("/tenants/acme")
            .await
            .problem(409, "has-children")
            .contains("`shop`")
    );

    let limits = json!({ "users": 2, "keys": 1 });
    let limited = server
        .put("/tenants/shop/limits", limits, None)
        .await
        .is(200);
    assert_eq!(limited["limits"], json!({ "users": 2, "keys": 1 }));
    server
        .post("/tenants/shop/users", json!({ "name": "web" }))
        .await
        .is(201);
    let more = server
        .post("/tenants/shop/users", json!({ "name": "more" }))
        .await;
    assert!(
        more.problem(409, "refused")
            .contains("raise the limit first")
    );
    let key = server
        .post("/tenants/shop/users/web/keys", json!({ "level": "read" }))
        .await
        .is(201);
    let id = key["key"]["id"].as_str().unwrap().to_owned();
    server
        .post("/tenants/shop/users/web/keys", json!({ "level": "read" }))
        .await
        .problem(409, "refused");

    let shown = server
        .patch("/tenants/shop", json!({ "status": "read-only" }))
        .await
        .is(200);
    assert_eq!(shown["status"], "read-only");
    assert_eq!(
        server
            .get(&format!("/tenants/shop/keys/{id}"))
            .await
            .is(200)["works"],
        true
    );
    assert_eq!(
        names(&server.get("/tenants?status=read-only").await.is(200)),
        ["shop"]
    );
    server
        .patch("/tenants/shop", json!({ "status": "active" }))
        .await
        .is(200);
    server
        .patch("/tenants/shop", json!({ "description": "since 2019" }))
        .await
        .is(200);
    let renamed = server
        .patch("/tenants/shop", json!({ "name": "store" }))
        .await
        .is(200);
    assert_eq!(
        (&renamed["name"], &renamed["id"]),
        (&json!("store"), &shown["id"])
    );
    let taken = server
        .patch("/tenants/store", json!({ "name": "ACME" }))
        .await;
    assert!(taken.problem(409, "taken").contains("`ACME-2`"));
}

/// 000-01, 000-28, 000-35, 000-41, 001-25, 001-30, 001-32: every step of a key is in the log, and its secret in one answer alone.
#[tokio::test]
async fn keys_are_made_as_many_as_are_wanted_and_all_that_is_done_with_them_is_noted() {
    let server = Server::with_a_user().await;
    let all = "/tenants/acme/users/web/keys";
    let mut secrets = Vec::new();
    for (level, what) in [("read", "viewer"), ("write", "uploader"), ("full", "")] {
        let made = server
            .post(all, json!({ "level": level, "description": what }))
            .await
            .is(201);
        assert_eq!(made["key"]["rights"]["description"], what);
        secrets.push(made["secret_access_key"].as_str().unwrap().to_owned());
    }
    let listed = server.get(all).await.is(200);
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let one = format!("{all}/{id}");
    for verb in ["disable", "enable"] {
        server
            .ask(Method::POST, &format!("{one}/{verb}"), None, &[])
            .await
            .is(200);
    }
    let rotated = server
        .post(&format!("{one}/rotate"), json!({}))
        .await
        .is(201);
    secrets.push(rotated["secret_access_key"].as_str().unwrap().to_owned());
    server.delete(&one).await.is(200);
    let log = server.get("/audit?tenant=acme&action=key.").await.is(200);
    let actions: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["action"].clone())
        .collect();
    assert_eq!(
        json!(actions),
        json!([
            "key.delete",
            "key.rotate",
            "key.enable",
            "key.disable",
            "key.create",
            "key.create",
            "key.create"
        ])
    );
    let everything = [
        server.get(all).await.text,
        server.get("/audit/export?format=jsonl").await.text,
        server.get(&one).await.text,
    ];
    for secret in secrets {
        assert!(everything.iter().all(|text| !text.contains(&secret)));
    }
}

/// Several fields are changed at once, each with a record of its own; what is refused of one keeps the others as they are.
#[tokio::test]
async fn of_a_change_all_is_done_or_nothing() {
    let server = Server::of("e3-primary").await;
    server.user(json!({ "name": "web" })).await;
    server
        .post("/tenants", json!({ "name": "other" }))
        .await
        .is(201);
    server.user(json!({ "name": "ann" })).await;
    for name in ["cdn", "edge"] {
        let new = json!({ "name": name, "level": "read" });
        let path = "/tenants/acme/users/web/sub-users";
        server.post(path, new).await.is(201);
    }
    let operator = |email: &str| {
        let scope = json!({ "kind": "tenant", "tenant": "acme" });
        json!({ "email": email, "role": "reader", "scope": scope, "password": "correct horse battery" })
    };
    for email in ["a@acme.example", "b@acme.example"] {
        server.post("/operators", operator(email)).await.is(201);
    }
    let found = server.get("/operators?q=a@acme.example").await.is(200);
    let person = format!("/operators/{}", found["items"][0]["id"]);
    let details = json!({ "email": "web@acme.example", "full_name": "Web" });
    let limits = json!({ "users": 9, "keys": null });
    let cases = [
        (
            "/tenants/acme".to_owned(),
            json!({ "name": "other" }),
            json!({ "description": "d", "block_public": true, "limits": limits, "status": "read-only" }),
        ),
        (
            "/tenants/acme/users/web".to_owned(),
            json!({ "name": "ann" }),
            json!({ "description": "d", "details": details }),
        ),
        (
            "/tenants/acme/users/web/sub-users/cdn".to_owned(),
            json!({ "name": "edge" }),
            json!({ "description": "d", "level": "read-write" }),
        ),
        (
            person,
            json!({ "email": "b@acme.example" }),
            json!({ "role": "admin" }),
        ),
    ];
    for (path, refused, fine) in cases {
        let both = |one: &Value, other: &Value| {
            let mut both = one.as_object().unwrap().clone();
            both.extend(other.as_object().unwrap().clone());
            Value::Object(both)
        };
        let before = server.get(&path).await;
        let (tag, before) = (before.tag(), before.is(200));
        server
            .patch(&path, both(&fine, &refused))
            .await
            .problem(409, "taken");
        assert_eq!(server.get(&path).await.is(200), before, "{path}");
        let with_tag = [("if-match", tag.as_str())];
        let done = server
            .ask(Method::PATCH, &path, Some(fine.clone()), &with_tag)
            .await;
        let done = done.is(200);
        for (field, value) in fine.as_object().unwrap() {
            if field != "details" {
                assert_eq!(&done[field], value, "{path} {field}");
            }
        }
        let stale = both(&fine, &json!({ "name": "new" }));
        let stale = server
            .ask(Method::PATCH, &path, Some(stale), &with_tag)
            .await;
        stale.problem(412, "stale");
    }
    let web = server.get("/tenants/acme/users/web").await.is(200);
    assert_eq!(web["full_name"], "Web");
    let records = server.get("/audit?action=tenant.&limit=5").await.is(200);
    let actions: Vec<_> = records["items"].as_array().unwrap().iter().collect();
    let actions: Vec<_> = actions.iter().map(|it| it["action"].clone()).collect();
    for action in [
        "tenant.describe",
        "tenant.block-public",
        "tenant.set-limits",
        "tenant.read-only",
    ] {
        assert!(actions.contains(&json!(action)), "{action} in {actions:?}");
    }
}
