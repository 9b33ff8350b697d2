//! The admin listener as a stranger meets it: who is let in, what is refused, what modules go through.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::body::Body;
use console::needs::{self, Need};
use console::{Admin, AdminParts, AdminToken, PeerAddress, Permission, TokenError, router, routes};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use postern_config::directory::{
    Approval, Binding, Digest, Directory, DirectoryOptions, ModuleRules, PolicyPlace, QuotaOf,
    Vault,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::judge::{
    Judge, ModuleFaults, ModuleReport, PolicyFaults, PolicyReport, TestReport, Tool, ToolFault,
};
use postern_config::metering::{Ledger, Meter};
use postern_config::node::NoNode;
use postern_config::objects::NoObjects;
use postern_config::purge::{Pace, Purges};
use postern_config::settings::{MetricsAccess, Person};
use postern_config::upstream::{Emptied, Holds, Keeps, Spot, Upstream};
use postern_config::usage::{Ended, Readiness, Stored, Usage};
use postern_config::{Entropy, Secret, system_clock};
use s3_protocol::{BucketId, S3Error};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tower_service::Service as _;

use crate::stand_ins::NoUpkeep;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[derive(Debug)]
struct Stub;

impl Judge for Stub {
    fn tool(&self, asked: Tool) -> BoxFuture<'_, Result<Value, ToolFault>> {
        let answer = match asked {
            Tool::Simulate(asked) => Ok(json!({ "operation": asked.operation })),
            Tool::Replay(_) => Err(ToolFault::Off("nothing is recorded")),
            _ => Err(ToolFault::NotFound("thing")),
        };
        Box::pin(async move { answer })
    }

    fn explain<'a>(&'a self, request: &'a str) -> BoxFuture<'a, Option<Value>> {
        async move { (request == "KNOWN").then(|| json!({ "decision": "denied" })) }.boxed()
    }

    fn check(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<ModuleReport, ModuleFaults>> {
        let good = bytes.starts_with(b"good");
        let report = ModuleReport {
            name: "guard".into(),
            version: "1".into(),
            manifest: json!({ "name": "guard" }),
            warnings: Vec::new(),
        };
        let checked = if good {
            Ok(report)
        } else {
            Err(ModuleFaults(vec!["not wasm".into()]))
        };
        async move { checked }.boxed()
    }

    fn prepare(&self, bytes: Arc<[u8]>) -> BoxFuture<'_, Result<(), ModuleFaults>> {
        let loads = !bytes.ends_with(b"unloadable");
        async move {
            if loads {
                Ok(())
            } else {
                Err(ModuleFaults(vec!["does not load".into()]))
            }
        }
        .boxed()
    }

    fn test(
        &self,
        _: Arc<[u8]>,
        cases: Vec<u8>,
    ) -> BoxFuture<'_, Result<TestReport, ModuleFaults>> {
        let cases: Value = serde_json::from_slice(&cases).unwrap();
        let failed = cases.as_array().unwrap().len();
        let failures = json!([]);
        async move {
            Ok(TestReport {
                passed: 1,
                failed,
                failures,
            })
        }
        .boxed()
    }

    fn check_policy(
        &self,
        _: PolicyPlace,
        text: String,
    ) -> BoxFuture<'_, Result<PolicyReport, PolicyFaults>> {
        let good = text.contains("Statement");
        async move {
            if good {
                Ok(PolicyReport {
                    statements: 1,
                    warnings: vec!["line 1, column 1: odd".into()],
                    is_public: false,
                })
            } else {
                Err(PolicyFaults(vec!["line 1, column 1: no statement".into()]))
            }
        }
        .boxed()
    }

    fn statistics(&self, _: Digest) -> Option<Value> {
        None
    }

    fn trials(&self, binding: &Binding) -> Value {
        json!({ "active": binding.active, "canary": binding.canary })
    }

    fn unloadable(&self, _: Digest) -> Option<String> {
        None
    }
}

impl Usage for Stub {
    fn requests(&self) -> broadcast::Receiver<Arc<Ended>> {
        broadcast::channel(1).1
    }

    fn stored(&self, _: QuotaOf) -> BoxFuture<'_, Option<Stored>> {
        async move {
            Some(Stored {
                bytes: 7,
                objects: 1,
            })
        }
        .boxed()
    }

    fn readiness(&self) -> Readiness {
        Readiness::NotReady {
            reason: "a secret reason".into(),
        }
    }

    fn metrics(&self) -> String {
        "# EOF\n".into()
    }

    fn status(&self) -> Value {
        json!({ "version": "0.1.0" })
    }
}

impl Upstream for Stub {
    fn create_bucket(&self, _: BucketId, _: Keeps) -> BoxFuture<'_, Result<(), S3Error>> {
        async { Ok(()) }.boxed()
    }

    fn delete_bucket(&self, _: BucketId) -> BoxFuture<'_, Result<(), S3Error>> {
        async { Ok(()) }.boxed()
    }

    fn empty_bucket(
        &self,
        _: BucketId,
        _: Spot,
        _: usize,
    ) -> BoxFuture<'_, Result<Emptied, S3Error>> {
        async { Ok(Emptied::default()) }.boxed()
    }

    fn holds(&self, _: BucketId) -> BoxFuture<'_, Result<Holds, S3Error>> {
        async { Ok(Holds::default()) }.boxed()
    }
}

async fn admin(metrics: MetricsAccess) -> axum::Router {
    governed(metrics, ModuleRules::default()).await
}

/// The tokens of two persons.
const ALICE: &str = "a1111111111111111111111111111111";
const BOB: &str = "b2222222222222222222222222222222";

async fn governed(metrics: MetricsAccess, rules: ModuleRules) -> axum::Router {
    let directory = Directory::open(DirectoryOptions {
        engine: Arc::new(EmbeddedEngine::in_memory().unwrap()),
        vault: Vault::new(&Secret::new(vec![1; 32])).unwrap(),
        clock: system_clock(),
        entropy: Entropy::system(),
    })
    .await
    .unwrap();
    directory.govern(rules);
    let person = |name: &str, token: &str| Person {
        name: name.parse().unwrap(),
        token: *Digest::of(token.as_bytes()).as_bytes(),
    };
    let ledger = Ledger::in_memory().unwrap();
    let purges = Purges::new(directory.clone(), Arc::new(Stub), Pace::default());
    router(Admin::new(AdminParts {
        meter: Arc::new(Meter::new(Arc::new(ledger), system_clock())),
        directory,
        judge: Arc::new(Stub),
        usage: Arc::new(Stub),
        objects: Arc::new(NoObjects),
        upstream: Arc::new(Stub),
        upkeep: Arc::new(NoUpkeep),
        node: Arc::new(NoNode),
        s3: console::S3Address {
            endpoint: "https://s3.example".into(),
            region: "eu-1".into(),
        },
        purges: Arc::new(purges),
        token: AdminToken::given(Secret::new(TOKEN.into())),
        brands: Vec::new(),
        persons: vec![person("alice", ALICE), person("bob", BOB)],
        metrics,
        module_bytes_max: 64,
        body_bytes_max: 256,
        first_run: None,
        sign_on: None,
        entropy: Entropy::system(),
    }))
}

async fn ask(router: &axum::Router, request: Request<Body>) -> (Response<()>, Value) {
    let response = router.clone().call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    (Response::from_parts(parts, ()), body)
}

fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path)
}

fn signed_in(method: &str, path: &str) -> http::request::Builder {
    request(method, path).header("authorization", format!("Bearer {TOKEN}"))
}

fn json_body(builder: http::request::Builder, body: &Value) -> Request<Body> {
    builder
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}

fn filled(path: &str) -> String {
    path.replace("{module}", "guard")
        .replace("{id}", "KNOWN")
        .replace("{tenant}", "acme")
        .replace("{user}", "root")
        .replace("{key}", "PKAAAAAAAAAAAAAAAAAA")
        .replace("{bucket}", "logs")
}

#[tokio::test]
async fn every_route_is_closed_to_strangers_unless_it_is_declared_open() {
    let router = admin(MetricsAccess::Token).await;
    let open: Vec<_> = routes::ALL
        .iter()
        .filter(|route| route.permission == Permission::Open)
        .map(|route| route.path)
        .collect();
    assert_eq!(open, ["/healthz", "/readyz"]);
    let signature = "AWS4-HMAC-SHA256 Credential=PKAAAAAAAAAAAAAAAAAA/20260101/us-east-1/s3/aws4_request, \
                     SignedHeaders=host, Signature=00";
    let strangers = [
        None,
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer 0123456789abcdef0123456789abcdee"),
        Some("Basic 0123456789abcdef0123456789abcdef"),
        Some(signature),
    ];
    for route in routes::ALL {
        for method in route.methods {
            for stranger in strangers {
                let mut asked = request(method, &filled(route.path));
                if let Some(stranger) = stranger {
                    asked = asked.header("authorization", stranger);
                }
                let (response, _) = ask(&router, asked.body(Body::empty()).unwrap()).await;
                let refused = response.status() == StatusCode::UNAUTHORIZED;
                let row = needs::of(method, route.path);
                let is_way_in = row.is_some_and(|row| row.need == Need::Nothing);
                let is_open = route.permission == Permission::Open || is_way_in;
                assert_eq!(refused, !is_open, "{method} {}", route.path);
                assert_eq!(response.headers()["cache-control"], "no-store");
            }
        }
    }
}

#[tokio::test]
async fn two_credentials_and_unknown_routes_are_refused_alike() {
    let router = admin(MetricsAccess::Token).await;
    let doubled =
        signed_in("GET", "/api/v1/status").header("authorization", format!("Bearer {TOKEN}"));
    let (response, _) = ask(&router, doubled.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/healthz/",
        "//healthz",
        "/api/v1/modules/a/b/c",
    ] {
        let (response, _) = ask(&router, request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        let (response, body) =
            ask(&router, signed_in("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(body["code"], "not-found");
    }
}

#[tokio::test]
async fn every_declared_method_is_served_to_the_holder_of_the_token() {
    let router = admin(MetricsAccess::Token).await;
    for route in routes::ALL {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let asked = signed_in(method, &filled(route.path))
                .body(Body::empty())
                .unwrap();
            let (response, _) = ask(&router, asked).await;
            let served = response.status() != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(
                served,
                route.methods.contains(&method),
                "{method} {}",
                route.path
            );
            assert_ne!(response.status(), StatusCode::UNAUTHORIZED);
        }
    }
}

#[tokio::test]
async fn metrics_are_open_on_the_loopback_interface_only_where_it_is_set() {
    for (setting, peer, expected) in [
        (
            MetricsAccess::Token,
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            StatusCode::UNAUTHORIZED,
        ),
        (
            MetricsAccess::Loopback,
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            StatusCode::OK,
        ),
        (
            MetricsAccess::Loopback,
            "::ffff:127.0.0.1".parse().unwrap(),
            StatusCode::OK,
        ),
        (
            MetricsAccess::Loopback,
            "192.0.2.1".parse().unwrap(),
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        let router = admin(setting).await;
        let mut asked = request("GET", "/metrics").body(Body::empty()).unwrap();
        asked.extensions_mut().insert(PeerAddress(peer));
        assert_eq!(
            ask(&router, asked).await.0.status(),
            expected,
            "{setting:?} {peer}"
        );
        let unknown = request("GET", "/metrics").body(Body::empty()).unwrap();
        assert_eq!(
            ask(&router, unknown).await.0.status(),
            StatusCode::UNAUTHORIZED
        );
    }
}

#[tokio::test]
async fn readiness_says_no_reason_to_strangers() {
    let router = admin(MetricsAccess::Token).await;
    let asked = request("GET", "/readyz").body(Body::empty()).unwrap();
    let response = router.clone().call(asked).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&*body, b"not ready\n");
}

async fn push(router: &axum::Router, bytes: &'static [u8]) -> (StatusCode, Value) {
    let asked = signed_in("POST", "/api/v1/modules?name=guard")
        .header("content-type", "application/wasm")
        .body(Body::from(bytes))
        .unwrap();
    let (response, body) = ask(router, asked).await;
    (response.status(), body)
}

#[tokio::test]
async fn a_module_is_pushed_activated_replaced_and_rolled_back() {
    let router = admin(MetricsAccess::Token).await;
    let (status, one) = push(&router, b"good one").await;
    assert_eq!(status, StatusCode::CREATED, "{one}");
    let (_, two) = push(&router, b"good two").await;
    let (_, bad) = push(&router, b"good but unloadable").await;
    let activate = |digest: &Value| {
        let body = json!({ "digest": digest });
        json_body(signed_in("POST", "/api/v1/modules/guard/activate"), &body)
    };
    assert_eq!(
        ask(&router, activate(&one["digest"])).await.1["active"],
        one["digest"]
    );
    assert_eq!(
        ask(&router, activate(&two["digest"])).await.1["active"],
        two["digest"]
    );
    let (response, problem) = ask(&router, activate(&bad["digest"])).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["faults"], json!(["does not load"]));
    let roll_back = || {
        json_body(
            signed_in("POST", "/api/v1/modules/guard/rollback"),
            &json!({}),
        )
    };
    assert_eq!(ask(&router, roll_back()).await.1["active"], one["digest"]);
    // Before the first version nothing was in force, and before that there is nothing to go back to.
    let (response, answer) = ask(&router, roll_back()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(answer["active"], json!(null));
    assert_eq!(
        ask(&router, roll_back()).await.0.status(),
        StatusCode::CONFLICT
    );
    assert_eq!(
        ask(&router, activate(&one["digest"])).await.1["active"],
        one["digest"]
    );

    let listed = ask(
        &router,
        signed_in("GET", "/api/v1/modules")
            .body(Body::empty())
            .unwrap(),
    )
    .await
    .1;
    let active: Vec<_> = listed["modules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["active"] == true)
        .collect();
    assert_eq!(active.len(), 1);
    assert_eq!(active[0]["digest"], one["digest"]);
    assert_eq!(active[0]["pushed_by"], "admin-token");
    let path = format!("/api/v1/modules/{}", one["digest"].as_str().unwrap());
    let inspected = ask(
        &router,
        signed_in("GET", &path).body(Body::empty()).unwrap(),
    )
    .await
    .1;
    assert_eq!(inspected["report"]["manifest"]["name"], "guard");
}

#[tokio::test]
async fn bodies_are_bounded_typed_and_without_unknown_fields() {
    let router = admin(MetricsAccess::Token).await;
    assert_eq!(
        push(&router, b"bad").await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let mut largest = *b"good000000000000000000000000000000000000000000000000000000000000";
    largest[63] = b'1';
    assert_eq!(
        push(&router, Box::leak(Box::new(largest))).await.0,
        StatusCode::CREATED
    );
    let over = Box::leak(Box::new([largest.as_slice(), b"1"].concat()));
    assert_eq!(push(&router, over).await.0, StatusCode::PAYLOAD_TOO_LARGE);

    let path = "/api/v1/modules/guard/activate";
    let digest = Digest::of(b"none").to_string();
    for (body, expected) in [
        (
            json!({ "digest": digest, "force": true }),
            StatusCode::BAD_REQUEST,
        ),
        (json!({ "digest": "short" }), StatusCode::BAD_REQUEST),
        (json!([]), StatusCode::BAD_REQUEST),
        (json!({ "digest": digest }), StatusCode::NOT_FOUND),
        (
            json!({ "digest": digest, "tenant": "nobody" }),
            StatusCode::NOT_FOUND,
        ),
        (
            json!({ "digest": "0".repeat(300) }),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let (response, problem) = ask(&router, json_body(signed_in("POST", path), &body)).await;
        assert_eq!(response.status(), expected, "{body} {problem}");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let asked = signed_in("POST", path).header("content-type", kind);
        let (response, _) = ask(&router, asked.body(Body::from("{}")).unwrap()).await;
        assert_eq!(
            response.status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{kind}"
        );
    }
    for path in ["/api/v1/modules?nmae=x", "/api/v1/modules?tenant=%2F"] {
        let (response, _) = ask(&router, signed_in("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{path}");
    }
}

fn by(token: &str, method: &str, path: &str) -> http::request::Builder {
    request(method, path).header("authorization", format!("Bearer {token}"))
}

#[tokio::test]
async fn two_persons_activate_and_the_history_names_both() {
    let approval = Approval::TwoPersons { seconds: 60 };
    let rules = ModuleRules {
        approval,
        signers: Vec::new(),
    };
    let router = governed(MetricsAccess::Token, rules).await;
    let (_, pushed) = push(&router, b"good").await;
    let step = |token: &str, verb: &str, body: Value| {
        let path = format!("/api/v1/modules/guard/{verb}");
        ask_owned(&router, json_body(by(token, "POST", &path), &body))
    };
    let activate = json!({ "digest": pushed["digest"] });
    let (response, answer) = step(ALICE, "activate", activate.clone()).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED, "{answer}");
    assert_eq!(answer["proposed"]["by"], "admin:alice");
    let (response, answer) = step(ALICE, "approve", json!({})).await;
    assert_eq!(response.status(), StatusCode::CONFLICT, "{answer}");
    let (response, answer) = step(BOB, "approve", json!({})).await;
    assert_eq!(response.status(), StatusCode::OK, "{answer}");
    assert_eq!(answer["active"], pushed["digest"]);
    let (response, _) = step(BOB, "approve", json!({})).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);

    let asked = by(BOB, "GET", "/api/v1/modules/guard/history").body(Body::empty());
    let (_, answer) = ask(&router, asked.unwrap()).await;
    let history = answer["history"].as_array().unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|it| (it["step"].as_str().unwrap(), it["who"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("module.approve", "admin:bob"),
            ("module.activate", "admin:bob"),
            ("module.approve", "admin:alice"),
            ("module.propose", "admin:alice"),
            ("module.push", "admin-token"),
        ]
    );
    assert_eq!(history[1]["detail"]["proposed_by"], "admin:alice");
    assert_eq!(history[1]["outcome"], "done");
    assert!(
        history[2]["outcome"]
            .as_str()
            .unwrap()
            .starts_with("refused: ")
    );
    assert_eq!(history[1]["digest"], pushed["digest"]);
}

#[tokio::test]
async fn a_version_is_tested_shadowed_tried_and_promoted() {
    let router = admin(MetricsAccess::Token).await;
    let (_, one) = push(&router, b"good one").await;
    let (_, two) = push(&router, b"good two").await;
    let step = |verb: &str, body: Value| {
        let path = format!("/api/v1/modules/guard/{verb}");
        ask_owned(&router, json_body(signed_in("POST", &path), &body))
    };
    let status = async || {
        let asked = signed_in("GET", "/api/v1/modules/guard/trials").body(Body::empty());
        ask(&router, asked.unwrap()).await.1
    };
    let tested = step(
        "test",
        json!({ "digest": two["digest"], "cases": [{}, {}] }),
    )
    .await
    .1;
    assert_eq!(
        (&tested["passed"], &tested["failed"]),
        (&json!(1), &json!(2))
    );
    step("activate", json!({ "digest": one["digest"] })).await;
    let (response, _) = step("shadow", json!({ "digest": two["digest"] })).await;
    assert_eq!(response.status(), StatusCode::OK);
    for share in [0, 1_001] {
        let tried = json!({ "digest": two["digest"], "per_mille": share });
        let (response, _) = step("canary", tried).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{share}");
    }
    let (response, _) = step("canary/promote", json!({})).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let (response, answer) = step(
        "canary",
        json!({ "digest": two["digest"], "per_mille": 50 }),
    )
    .await;
    assert_eq!(response.status(), StatusCode::OK, "{answer}");
    assert_eq!(status().await["trials"]["canary"]["per_mille"], 50);
    let (response, answer) = step("canary/promote", json!({})).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(answer["active"], two["digest"]);
    let shown = status().await;
    assert_eq!(shown["trials"]["canary"], Value::Null);
    assert_eq!(shown["history"], json!([one["digest"]]));

    let listed = signed_in("GET", "/api/v1/modules").body(Body::empty());
    let listed = ask(&router, listed.unwrap()).await.1;
    let stage = |digest: &Value| {
        let modules = listed["modules"].as_array().unwrap();
        let found = modules.iter().find(|it| it["digest"] == *digest);
        found.unwrap()["stage"].clone()
    };
    assert_eq!(stage(&one["digest"]), "retired");
    assert_eq!(stage(&two["digest"]), "active");
}

async fn ask_owned(router: &axum::Router, request: Request<Body>) -> (Response<()>, Value) {
    ask(router, request).await
}

#[tokio::test]
async fn requests_are_explained_by_their_id() {
    let router = admin(MetricsAccess::Token).await;
    let explain = |id: &str| {
        signed_in("GET", &format!("/api/v1/requests/{id}/explain"))
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(ask(&router, explain("KNOWN")).await.1["decision"], "denied");
    assert_eq!(
        ask(&router, explain("OTHER")).await.0.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        ask(&router, explain("a%0Ab")).await.0.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_tools_question_and_its_answer_are_documents() {
    let router = admin(MetricsAccess::Token).await;
    let asked = |path: &str, body: Value| json_body(signed_in("POST", path), &body);
    let path = "/api/v1/tools/simulate";
    let (response, answer) = ask_owned(&router, asked(path, json!({ "operation": "GET" }))).await;
    assert_eq!(
        (response.status(), &answer["operation"]),
        (StatusCode::OK, &json!("GET"))
    );
    for wrong in [json!({}), json!({ "operation": "GET", "frobnicate": 1 })] {
        let (response, _) = ask_owned(&router, asked(path, wrong)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    let replay = json!({ "module": { "name": "guard" } });
    let (response, answer) = ask_owned(&router, asked("/api/v1/tools/replay", replay)).await;
    assert_eq!(
        (response.status(), &answer["code"]),
        (StatusCode::CONFLICT, &json!("off"))
    );
}

#[test]
fn the_token_is_made_once_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.token");
    AdminToken::open_or_make(&path, &Entropy::system()).unwrap();
    let made = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(made.trim().len(), 64);
    AdminToken::open_or_make(&path, &Entropy::system()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let open = AdminToken::open_or_make(&path, &Entropy::system());
    assert!(matches!(open, Err(TokenError::Open { mode: 0o640, .. })));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "short").unwrap();
    let short = AdminToken::open_or_make(&path, &Entropy::system());
    assert!(matches!(short, Err(TokenError::Short { .. })));
}
