//! Tenants, users, keys, buckets and the audit log through the admin API, convention by convention.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests fail as tests do"
)]

mod organization;

use std::sync::Arc;

use axum::body::Body;
use console::{Admin, AdminParts, AdminToken, openapi, router};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use postern_config::directory::{Digest, Directory, DirectoryOptions, Vault};
use postern_config::engine::{EmbeddedEngine, Engine};
use postern_config::metering::{Ledger, Meter};
use postern_config::node::NoNode;
use postern_config::objects::NoObjects;
use postern_config::purge::{Pace, Purges};
use postern_config::settings::{MetricsAccess, Person};
use postern_config::upstream::Upstream;
use postern_config::{Entropy, Secret, system_clock};
use s3_protocol::BucketId;
use serde_json::{Value, json};
use tower_service::Service as _;

use crate::stand_ins::{NoUpkeep, Shelf, Silent};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const ALICE: &str = "a1111111111111111111111111111111";

/// A server with its directory and shelf.
struct Server {
    router: axum::Router,
    directory: Directory,
    shelf: Arc<Shelf>,
    purges: Arc<Purges>,
}

/// An answer.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["cache-control"], "no-store");
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    #[track_caller]
    fn problem(self, status: u16, code: &str) -> String {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{}",
            self.text
        );
        let body = self.is(status);
        assert_eq!(body["code"], code, "{body}");
        body["detail"].as_str().unwrap().to_owned()
    }

    fn tag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

impl Server {
    async fn on(engine: Arc<dyn Engine>) -> Self {
        let directory = Directory::open(DirectoryOptions {
            engine,
            vault: Vault::new(&Secret::new(vec![1; 32])).unwrap(),
            clock: system_clock(),
            entropy: Entropy::system(),
        })
        .await
        .unwrap();
        let shelf = Arc::new(Shelf::default());
        let upstream = Arc::clone(&shelf) as Arc<dyn Upstream>;
        let purges = Arc::new(Purges::new(directory.clone(), upstream, Pace::default()));
        let router = router(Admin::new(AdminParts {
            meter: Arc::new(Meter::new(
                Arc::new(Ledger::in_memory().unwrap()),
                system_clock(),
            )),
            directory: directory.clone(),
            judge: Arc::new(Silent),
            usage: Arc::new(Silent),
            objects: Arc::new(NoObjects),
            upstream: Arc::clone(&shelf) as Arc<dyn Upstream>,
            upkeep: Arc::new(NoUpkeep),
            node: Arc::new(NoNode),
            s3: console::S3Address {
                endpoint: "https://s3.example".into(),
                region: "eu-1".into(),
            },
            purges: Arc::clone(&purges),
            token: AdminToken::given(Secret::new(TOKEN.into())),
            brands: Vec::new(),
            persons: vec![Person {
                name: "alice".parse().unwrap(),
                token: *Digest::of(ALICE.as_bytes()).as_bytes(),
            }],
            metrics: MetricsAccess::Token,
            module_bytes_max: 64,
            body_bytes_max: 4_096,
            first_run: None,
            sign_on: None,
            entropy: Entropy::system(),
        }));
        Self {
            router,
            directory,
            shelf,
            purges,
        }
    }

    async fn new() -> Self {
        Self::on(Arc::new(EmbeddedEngine::in_memory().unwrap())).await
    }

    /// With the tenant `acme` and its user `web`.
    async fn with_a_user() -> Self {
        let server = Self::new().await;
        server
            .post("/tenants", json!({ "name": "acme" }))
            .await
            .is(201);
        server
            .post("/tenants/acme/users", json!({ "name": "web" }))
            .await
            .is(201);
        server
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"));
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.header("authorization", format!("Bearer {TOKEN}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self
            .router
            .clone()
            .call(request.body(body).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, &[]).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body), &[]).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None, &[]).await
    }

    /// A key of `web`, and its id.
    async fn key(&self) -> String {
        let made = self
            .post("/tenants/acme/users/web/keys", json!({ "level": "read" }))
            .await;
        made.is(201)["key"]["id"].as_str().unwrap().to_owned()
    }
}

fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_account_is_made_shown_suspended_and_deleted() {
    let server = Server::new().await;
    let made = server
        .post("/tenants", json!({ "name": "acme", "profile": "sobject" }))
        .await;
    let (tag, made) = (made.tag(), made.is(201));
    assert_eq!(
        (&made["status"], &made["users"]),
        (&json!("active"), &json!(1))
    );
    assert_eq!(tag, format!("\"{}\"", made["revision"]));
    let found = server.get("/tenants/acme").await.is(200);
    assert_eq!(found, made);
    let found = server
        .get(&format!("/tenants/{}", made["id"]))
        .await
        .is(200);
    assert_eq!(found["name"], "acme");

    let suspend = Some(json!({ "status": "suspended" }));
    let changed = server
        .ask(Method::PATCH, "/tenants/acme", suspend, &[])
        .await
        .is(200);
    assert_eq!(changed["status"], "suspended");
    let refused = server
        .post("/tenants/acme/users", json!({ "name": "web" }))
        .await;
    assert!(refused.problem(409, "refused").contains("enable it first"));
    let none = Some(json!({}));
    let refused = server.ask(Method::PATCH, "/tenants/acme", none, &[]).await;
    let refused = refused.problem(400, "malformed");
    assert!(refused.contains("give one of `status`"), "{refused}");

    server.delete("/tenants/acme?confirm=acme").await.is(200);
    server.get("/tenants/acme").await.problem(404, "not-found");
}

#[tokio::test]
async fn what_is_taken_above_or_misspelt_is_refused_with_what_to_do() {
    let server = Server::with_a_user().await;
    let taken = server
        .post("/tenants/acme/users", json!({ "name": "WEB" }))
        .await;
    assert!(taken.problem(409, "taken").contains("choose another name"));
    let missing = server
        .get("/tenants/acme/users/wed")
        .await
        .problem(404, "not-found");
    assert_eq!(
        missing,
        "there is no user `wed` in tenant `acme`; did you mean `web`?"
    );
    let missing = server.get("/tenants/acne").await.problem(404, "not-found");
    assert!(missing.contains("did you mean `acme`?"), "{missing}");
    let rights = json!({ "level": "write", "write_deletes": "all" });
    let above = server.post("/tenants/acme/users/web/keys", rights).await;
    let above = above.problem(403, "above");
    assert!(above.contains("`write_deletes` is `no` at most"), "{above}");
    let more = Some(json!({ "write_deletes": "all" }));
    let above = server
        .ask(Method::PATCH, "/tenants/acme", more, &[])
        .await
        .problem(403, "above");
    assert!(
        above.contains("profile `e3-root` allows `no` at most"),
        "{above}"
    );
    let unknown = server
        .post("/tenants", json!({ "name": "x", "colour": "red" }))
        .await;
    assert!(unknown.problem(422, "malformed").contains("colour"));
    let root = server
        .delete("/tenants/acme/users/root")
        .await
        .problem(409, "refused");
    assert!(root.contains("goes with its account"), "{root}");
    let second = json!({ "name": "second", "kind": "root" });
    let second = server
        .post("/tenants/acme/users", second)
        .await
        .problem(409, "refused");
    assert!(second.contains("`human` or `service`"), "{second}");
}

#[tokio::test]
async fn digits_are_a_number_and_a_name_of_digits_is_said_to_be_one() {
    let server = Server::new().await;
    let first = server
        .post("/tenants", json!({ "name": "acme" }))
        .await
        .is(201);
    let number = first["id"].as_u64().unwrap();
    let digits = number.to_string();
    server
        .post("/tenants", json!({ "name": digits }))
        .await
        .is(201);
    let by_number = server.get(&format!("/tenants/{digits}")).await.is(200);
    assert_eq!(by_number["name"], "acme");
    let by_name = server.get(&format!("/tenants/name:{digits}")).await.is(200);
    assert_eq!(by_name["name"], json!(digits));
    server.get("/tenants/99999").await.problem(404, "not-found");
}

#[tokio::test]
async fn lists_are_searched_filtered_sorted_and_paged() {
    let server = Server::with_a_user().await;
    for name in ["ingest", "ci", "Archive"] {
        let new = json!({ "name": name, "description": format!("made for {name}") });
        server.post("/tenants/acme/users", new).await.is(201);
    }
    server
        .ask(Method::POST, "/tenants/acme/users/ci/disable", None, &[])
        .await
        .is(200);
    let first = server.get("/tenants/acme/users?limit=2").await.is(200);
    assert_eq!(names(&first), ["Archive", "ci"]);
    assert_eq!(first["total"], 5);
    let next = first["next"].as_str().unwrap();
    let second = server
        .get(&format!("/tenants/acme/users?limit=2&cursor={next}"))
        .await
        .is(200);
    assert_eq!(names(&second), ["ingest", "root"]);
    let last = second["next"].as_str().unwrap();
    let last = server
        .get(&format!("/tenants/acme/users?limit=2&cursor={last}"))
        .await
        .is(200);
    assert_eq!((names(&last), &last["next"]), (vec!["web"], &Value::Null));
    let turned = server
        .get("/tenants/acme/users?sort=-name&limit=1")
        .await
        .is(200);
    assert_eq!(names(&turned), ["web"]);
    let found = server.get("/tenants/acme/users?q=FOR+IN").await.is(200);
    assert_eq!(names(&found), ["ingest"]);
    let disabled = server
        .get("/tenants/acme/users?status=disabled")
        .await
        .is(200);
    assert_eq!(names(&disabled), ["ci"]);
    for wrong in [
        "limit=0",
        "limit=1001",
        "sort=size",
        "status=lost",
        "limit=x",
        "colour=red",
    ] {
        server
            .get(&format!("/tenants/acme/users?{wrong}"))
            .await
            .problem(400, "malformed");
    }
    server
        .get("/tenants/acme/users?cursor=zz")
        .await
        .problem(400, "cursor");
    let wrong = format!("/tenants/acme/users?sort=created&cursor={next}");
    server.get(&wrong).await.problem(400, "cursor");
}

#[tokio::test]
async fn a_record_that_has_changed_since_it_was_read_is_not_changed() {
    let server = Server::with_a_user().await;
    let id = server.key().await;
    let path = format!("/tenants/acme/users/web/keys/{id}");
    let stale = server.get(&path).await.tag();
    server
        .ask(
            Method::POST,
            &format!("{path}/disable"),
            None,
            &[("if-match", &stale)],
        )
        .await
        .is(200);
    let rights = Some(json!({ "level": "full" }));
    let conditional = [("if-match", stale.as_str())];
    let refused = server
        .ask(
            Method::PUT,
            &format!("{path}/rights"),
            rights.clone(),
            &conditional,
        )
        .await;
    let sentence = refused.problem(412, "stale");
    assert!(sentence.contains("read it again"), "{sentence}");
    let refused = server.ask(Method::DELETE, &path, None, &conditional).await;
    refused.problem(412, "stale");
    let now = server.get(&path).await;
    let tag = now.tag();
    assert_eq!(now.is(200)["rights"]["level"], "read");
    let changed = server
        .ask(
            Method::PUT,
            &format!("{path}/rights"),
            rights,
            &[("if-match", &tag)],
        )
        .await;
    assert_eq!(changed.is(200)["rights"]["level"], "full");
    for (path, method) in [
        ("/tenants/acme", Method::DELETE),
        ("/tenants/acme/users/web", Method::DELETE),
    ] {
        server
            .ask(method, path, None, &[("if-match", "\"1\"")])
            .await
            .problem(412, "stale");
    }
    server
        .ask(Method::DELETE, &path, None, &[("if-match", "1")])
        .await
        .problem(400, "malformed");
}

#[tokio::test]
async fn a_key_is_made_once_however_often_it_is_asked_for_and_told_its_secret_once() {
    let engine: Arc<dyn Engine> = Arc::new(EmbeddedEngine::in_memory().unwrap());
    let server = Server::on(Arc::clone(&engine)).await;
    server
        .post("/tenants", json!({ "name": "acme" }))
        .await
        .is(201);
    server
        .post("/tenants/acme/users", json!({ "name": "web" }))
        .await
        .is(201);
    let path = "/tenants/acme/users/web/keys";
    let body = json!({ "level": "read" });
    let again = [("idempotency-key", "7c1e")];
    let ask = |server: &'static Server| async move {
        server
            .ask(Method::POST, path, Some(json!({ "level": "read" })), &again)
            .await
    };
    let server: &'static Server = Box::leak(Box::new(server));
    let (one, other) = futures_util::future::join(ask(server), ask(server)).await;
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    // The second found the first at work, or done.
    assert!(matches!(statuses, [200, 201] | [201, 409]), "{statuses:?}");
    let made = if one.status == 201 { one } else { other }.is(201);
    let secret = made["secret_access_key"].as_str().unwrap();
    assert_eq!(secret.len(), 40);

    let retry = ask(server).await;
    assert_eq!(retry.headers["idempotent-replayed"], "true");
    assert!(!retry.text.contains(secret));
    let retry = retry.is(200);
    assert_eq!(retry["key"]["id"], made["key"]["id"]);
    assert_eq!(retry["secret_access_key"], Value::Null);
    let keys = server.get(path).await.is(200);
    assert_eq!(keys["total"], 1);

    // The same key for something else, and somebody else's same key.
    let other = server
        .ask(Method::POST, path, Some(json!({ "level": "full" })), &again)
        .await;
    other.problem(422, "idempotency-key");
    let alice = format!("Bearer {ALICE}");
    let hers = [
        ("idempotency-key", "7c1e"),
        ("authorization", alice.as_str()),
    ];
    server
        .ask(Method::POST, path, Some(body.clone()), &hers)
        .await
        .is(201);

    // A server that has forgotten everything but its directory.
    let made = &made["key"]["id"];
    remembers(Server::on(engine).await, (path, body, again), made).await;
}

/// Wants that a server knows a key that was made before it started.
async fn remembers(
    restarted: Server,
    (path, body, again): (&str, Value, [(&str, &str); 1]),
    made: &Value,
) {
    let retry = restarted
        .ask(Method::POST, path, Some(body.clone()), &again)
        .await
        .is(200);
    assert_eq!(&retry["key"]["id"], made);
    // What failed is no creation: it may be asked again.
    let wrong = [("idempotency-key", "second")];
    let taken = json!({ "name": "acme" });
    restarted
        .ask(Method::POST, "/tenants", Some(taken.clone()), &wrong)
        .await
        .problem(409, "taken");
    restarted
        .ask(Method::POST, "/tenants", Some(taken), &wrong)
        .await
        .problem(409, "taken");
    let audited = restarted.directory.audit_page(0, 100).await.unwrap();
    let made = audited
        .iter()
        .filter(|record| record.action == "key.create")
        .count();
    assert_eq!(made, 2);
}

#[tokio::test]
async fn a_rotation_is_done_once_though_the_old_key_is_gone_when_it_is_asked_again() {
    let server = Server::with_a_user().await;
    let id = server.key().await;
    let path = format!("/tenants/acme/users/web/keys/{id}/rotate");
    let again = [("idempotency-key", "roll")];
    let now = Some(json!({ "grace_seconds": 0 }));
    let new = server
        .ask(Method::POST, &path, now.clone(), &again)
        .await
        .is(201);
    let retry = server.ask(Method::POST, &path, now, &again).await.is(200);
    assert_eq!(retry["key"]["id"], new["key"]["id"]);
    server
        .get(&format!("/tenants/acme/keys/{id}"))
        .await
        .problem(404, "not-found");
    let id = new["key"]["id"].as_str().unwrap();
    let path = format!("/tenants/acme/users/web/keys/{id}/rotate");
    let day = server.post(&path, json!({})).await.is(201);
    assert_eq!(day["key"]["lineage"], new["key"]["lineage"]);
    let old = server
        .get(&format!("/tenants/acme/keys/{id}"))
        .await
        .is(200);
    assert_eq!(
        (&old["state"], &old["works"]),
        (&json!("rotating"), &json!(true))
    );
    let replaced = server.post(&path, json!({})).await.problem(409, "refused");
    assert!(replaced.contains("replaced by another"), "{replaced}");
    let long = server
        .post(&path, json!({ "grace_seconds": 7_776_001 }))
        .await;
    long.problem(422, "grace");
}

#[tokio::test]
async fn a_deletion_says_beforehand_what_it_takes_along() {
    let server = Server::with_a_user().await;
    let id = server.key().await;
    let said = server
        .delete("/tenants/acme/users/web?dry_run=true")
        .await
        .is(200);
    let kinds: Vec<&str> = said["loses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["user", "access key"]);
    assert_eq!(
        (&said["possible"], &said["loses"][1]["name"]),
        (&json!(true), &json!(id))
    );
    server
        .get(&format!("/tenants/acme/keys/{id}"))
        .await
        .is(200);

    let bucket = json!({ "name": "logs", "owner": "web" });
    server.post("/tenants/acme/buckets", bucket).await.is(201);
    let said = server.delete("/tenants/acme?dry_run=true").await.is(200);
    assert_eq!(said["possible"], false);
    assert!(
        said["why_not"].as_str().unwrap().contains("`logs`"),
        "{said}"
    );
    for path in ["/tenants/acme", "/tenants/acme/users/web"] {
        let refused = server.delete(path).await.problem(409, "owns-buckets");
        assert!(refused.contains("`logs`"), "{refused}");
    }
    server.delete("/tenants/acme/buckets/logs").await.is(200);
    let wrong = server.delete("/tenants/acme/users/web?confirm=wed").await;
    assert!(
        wrong
            .problem(409, "confirm")
            .contains("nothing was deleted")
    );
    server
        .delete("/tenants/acme/users/web?confirm=web")
        .await
        .is(200);
    server
        .get(&format!("/tenants/acme/keys/{id}"))
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn a_bucket_is_made_for_its_owner_and_deleted_only_when_it_is_empty() {
    let server = Server::with_a_user().await;
    server
        .post("/tenants/acme/users", json!({ "name": "ci" }))
        .await
        .is(201);
    for owner in ["web", "ci"] {
        let new = json!({ "name": "logs", "owner": owner });
        let made = server.post("/tenants/acme/buckets", new).await.is(201);
        assert_eq!(
            (&made["owner"], &made["state"]),
            (&json!(owner), &json!("active"))
        );
    }
    let which = server
        .get("/tenants/acme/buckets/logs")
        .await
        .problem(409, "ambiguous");
    assert!(which.contains("say whose, with `owner`"), "{which}");
    let shown = server
        .get("/tenants/acme/buckets/logs?owner=web")
        .await
        .is(200);
    let number = shown["bucket"]["id"].as_str().unwrap().to_owned();
    let id = BucketId(u128::from_str_radix(&number, 16).unwrap());
    server.shelf.full.lock().push(id);
    let path = format!("/tenants/acme/buckets/{number}");
    assert_eq!(server.get(&path).await.is(200)["objects"], 1);
    assert_eq!(
        server.delete(&format!("{path}?dry_run=true")).await.is(200)["possible"],
        false
    );
    let refused = server.delete(&path).await.problem(409, "not-empty");
    assert!(refused.contains("its owner must delete"), "{refused}");
    assert_eq!(server.get(&path).await.is(200)["bucket"]["state"], "active");
    server.shelf.full.lock().clear();
    server.delete(&path).await.is(200);
    server.delete("/tenants/acme/buckets/logs").await.is(200);
    let wrong = json!({ "name": "Logs", "owner": "web" });
    server
        .post("/tenants/acme/buckets", wrong)
        .await
        .problem(422, "name");
    let taken = json!({ "name": "logs", "owner": "nobody" });
    server
        .post("/tenants/acme/buckets", taken)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn a_key_is_no_other_tenants_and_no_other_users() {
    let server = Server::with_a_user().await;
    let id = server.key().await;
    server
        .post("/tenants", json!({ "name": "rival" }))
        .await
        .is(201);
    for path in [
        format!("/tenants/rival/keys/{id}"),
        format!("/tenants/rival/users/root/keys/{id}"),
        format!("/tenants/acme/users/root/keys/{id}"),
    ] {
        server.get(&path).await.problem(404, "not-found");
        server
            .delete(&path.replace("/tenants/rival/keys", "/tenants/rival/users/root/keys"))
            .await
            .problem(404, "not-found");
    }
    let found = server
        .get(&format!("/tenants/acme/keys/{id}"))
        .await
        .is(200);
    let hint = format!("{}…{}", &id[..4], &id[16..]);
    assert_eq!(found["hint"], json!(hint));
    assert!(found.get("secret_access_key").is_none() && found.get("sealed").is_none());
}

#[tokio::test]
async fn an_alias_is_given_and_taken_away() {
    let server = Server::with_a_user().await;
    let whose = server
        .get("/tenants/acme/alias")
        .await
        .problem(400, "malformed");
    assert!(whose.contains("say whose, with `user`"), "{whose}");
    let path = "/tenants/acme/alias?user=web";
    let alias = Some(json!({ "alias": "acme-web" }));
    let given = server
        .ask(Method::PUT, path, alias.clone(), &[])
        .await
        .is(200);
    assert_eq!(given["alias"], "acme-web");
    let other = server
        .ask(Method::PUT, "/tenants/acme/alias?user=root", alias, &[])
        .await;
    assert!(other.problem(409, "taken").contains("acme-web"));
    assert_eq!(server.delete(path).await.is(200)["alias"], Value::Null);
}

/// 000-25, 004-32.
#[tokio::test]
async fn the_audit_log_is_paged_searched_exported_and_followed() {
    let server = Server::with_a_user().await;
    let id = server.key().await;
    server
        .ask(
            Method::POST,
            &format!("/tenants/acme/users/web/keys/{id}/disable"),
            None,
            &[],
        )
        .await
        .is(200);
    // Whoever reads the log is in it: once, however often he reads within a few minutes.
    let page = server.get("/audit?limit=3").await.is(200);
    assert_eq!(page["items"][0]["action"], "audit.read");
    assert_eq!(page["items"][0]["actor"], "admin-token");
    assert_eq!(page["items"][1]["action"], "key.disable");
    let next = page["next"].as_str().unwrap();
    let page = server
        .get(&format!("/audit?limit=2&cursor={next}"))
        .await
        .is(200);
    assert_eq!(page["items"][0]["action"], "user.create");
    assert_eq!(page["items"][0]["description"], "made user web");
    assert_eq!(page["next"], Value::Null);
    let found = server
        .get(&format!(
            "/audit?action=key.&object={id}&actor=admin&tenant=acme"
        ))
        .await
        .is(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        server.get("/audit?since=2999-01-01").await.is(200)["items"],
        json!([])
    );
    assert_eq!(
        server.get("/audit?until=1").await.is(200)["items"],
        json!([])
    );
    server
        .get("/audit?since=yesterday")
        .await
        .problem(400, "malformed");
    server.get("/audit?cursor=0").await.problem(400, "cursor");
    assert_eq!(server.get("/audit/verify").await.is(200)["records"], 7);
}

/// 004-33.
#[tokio::test]
async fn the_audit_log_is_exported_as_a_table_and_as_documents() {
    let server = Server::with_a_user().await;
    let id = server.key().await;
    let disable = format!("/tenants/acme/users/web/keys/{id}/disable");
    server.ask(Method::POST, &disable, None, &[]).await.is(200);
    let table = server.get("/audit/export?format=csv").await;
    assert!(
        table.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    let lines: Vec<&str> = table.text.lines().collect();
    assert!(
        lines[0]
            .starts_with("Email,User IP,User ID,Object Type,Object,Action,Action Description,Date")
    );
    // The four, and this reading.
    assert_eq!(lines.len(), 6);
    assert!(
        lines[4].contains(&format!(
            "access key,{id},key.disable,disabled access key {id}"
        )),
        "{}",
        lines[4]
    );
    let documents = server.get("/audit/export?action=user.").await;
    assert_eq!(documents.headers["cache-control"], "no-store");
    let documents: Vec<Value> = documents
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 1);
    assert_eq!(documents[0]["action"], "user.create");
}

/// 001-13.
#[tokio::test]
async fn the_review_names_every_key_and_everybody_without_one() {
    let server = Server::with_a_user().await;
    let rights = json!({
        "level": "write", "scope": { "buckets": ["logs"], "prefixes": ["a/", "b/"] },
        "expires": 1, "description": "=cmd()",
    });
    server
        .post("/tenants/acme/users/web/keys", rights)
        .await
        .is(201);
    let review = server.get("/access-review?tenant=acme").await.is(200);
    let rows = review["items"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (&rows[0]["user"], &rows[0]["access_key"]),
        (&json!("root"), &Value::Null)
    );
    assert_eq!(
        (&rows[1]["works"], &rows[1]["why_not"]),
        (&json!(false), &json!("it has expired"))
    );
    // It has not been used, and it does not work: who looks for keys that nobody needs is not shown it.
    assert_eq!(rows[1]["last_used"], Value::Null);
    let unused = server.get("/access-review?unused_days=0").await.is(200);
    assert_eq!(unused["items"], json!([]));
    let table = server.get("/access-review?format=csv").await;
    let line = table.text.lines().nth(2).unwrap();
    assert!(line.contains(",write,logs,a/ b/,*,*,"), "{line}");
    assert!(line.ends_with(",\"'=cmd()\""), "{line}");
    // One that works is among the unused from the second after it was made, and not before its days are over.
    let rights = json!({ "level": "read" });
    let made = server.post("/tenants/acme/users/web/keys", rights).await;
    let id = made.is(201)["key"]["id"].clone();
    let unused = async |days: u32| {
        let path = format!("/access-review?unused_days={days}");
        let items = server.get(&path).await.is(200)["items"].clone();
        let rows = items.as_array().unwrap().iter();
        rows.map(|row| row["access_key"].clone())
            .collect::<Vec<_>>()
    };
    let begin = std::time::Instant::now();
    while unused(0).await.is_empty() {
        assert!(begin.elapsed() < std::time::Duration::from_secs(10));
    }
    assert_eq!(unused(0).await, [id]);
    assert!(unused(1).await.is_empty());
}

#[tokio::test]
async fn the_document_that_is_served_is_the_one_in_the_repository() {
    let server = Server::new().await;
    let served = server.get("/openapi.json").await;
    assert_eq!(served.status, 200);
    assert_eq!(served.text, openapi::text());
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("POSTERN_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &served.text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == served.text,
        "docs/openapi.json is not what is served: write it anew with POSTERN_WRITE_OPENAPI=1"
    );
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story from beginning to end")]
async fn a_deletion_with_data_is_said_beforehand_and_goes_on_as_a_job() {
    let server = Server::new().await;
    let tenant = json!({ "name": "acme", "profile": "e3-primary" });
    server.post("/tenants", tenant).await.is(201);
    server
        .post("/tenants/acme/users", json!({ "name": "web" }))
        .await
        .is(201);
    let bucket = json!({ "name": "data", "owner": "web" });
    let made = server.post("/tenants/acme/buckets", bucket).await.is(201);
    let id = u128::from_str_radix(made["id"].as_str().unwrap(), 16).unwrap();
    server.shelf.full.lock().push(BucketId(id));

    let one = "/tenants/acme/users/web";
    let ask = |query: &'static str| server.ask(Method::DELETE, query, None, &[]);
    let without = ask("/tenants/acme/users/web").await;
    assert!(without.problem(409, "owns-buckets").contains("with_data"));
    // Data is not lost by a slip: the name is said.
    let unnamed = ask("/tenants/acme/users/web?with_data=true").await;
    assert!(unnamed.problem(409, "confirm").contains("confirm=web"));
    let losses = ask("/tenants/acme/users/web?with_data=true&dry_run=true")
        .await
        .is(200);
    assert_eq!(
        (&losses["objects"], &losses["possible"]),
        (&json!(1), &json!(true))
    );
    let deleted = ask("/tenants/acme/users/web?with_data=true&confirm=web")
        .await
        .is(200);
    let job = format!("/jobs/{}", deleted["job"]);
    let user = server.ask(Method::GET, one, None, &[]).await.is(200);
    assert_eq!(
        (&user["status"], &user["deletion"]["id"]),
        (&json!("deleting"), &deleted["job"])
    );
    let running = server.ask(Method::GET, &job, None, &[]).await.is(200);
    assert_eq!(
        (&running["state"], &running["user"]),
        (&json!("running"), &json!("web"))
    );

    assert_eq!(server.purges.turn().await, 0);
    let done = server.ask(Method::GET, &job, None, &[]).await.is(200);
    assert_eq!(
        (&done["state"], &done["objects_done"]),
        (&json!("done"), &json!(1))
    );
    server.ask(Method::GET, one, None, &[]).await.is(404);
    let listed = server
        .ask(Method::GET, "/jobs?state=done", None, &[])
        .await
        .is(200);
    assert_eq!(listed["total"], 1);
    server
        .ask(Method::GET, "/jobs/99", None, &[])
        .await
        .problem(404, "not-found");

    // A profile that keeps data says so, with or without the word.
    server
        .post("/tenants", json!({ "name": "root", "profile": "e3-root" }))
        .await
        .is(201);
    server
        .post("/tenants/root/users", json!({ "name": "web" }))
        .await
        .is(201);
    server
        .post(
            "/tenants/root/buckets",
            json!({ "name": "data", "owner": "web" }),
        )
        .await
        .is(201);
    let kept = ask("/tenants/root/users/web?with_data=true&confirm=web").await;
    assert!(kept.problem(409, "owns-buckets").contains("`e3-root`"));
}
