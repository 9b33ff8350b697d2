//! A server without a gate or a node, and people who come to its doors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use console::{Admin, AdminParts, AdminToken, PeerAddress, SignOn, router};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use postern_config::directory::{
    Actor, Command, Description, Directory, DirectoryOptions, NewOperator, NewToken,
    OperatorCommand, OperatorDetails, OperatorId, OperatorOutcome, OperatorScope, Outcome, Profile,
    Role, TenantId, Vault, Who,
};
use postern_config::engine::EmbeddedEngine;
use postern_config::identity::Passwords;
use postern_config::metering::{Ledger, Meter};
use postern_config::node::NoNode;
use postern_config::objects::NoObjects;
use postern_config::purge::{Pace, Purges};
use postern_config::settings::MetricsAccess;
use postern_config::upstream::Upstream;
use postern_config::{Clock, Entropy, Secret, UnixMillis};
use serde_json::{Value, json};
use tower_service::Service as _;

use crate::stand_ins::{NoUpkeep, Shelf, Silent};

/// The server's own token.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// What the server has said at its start.
pub(crate) const FIRST_RUN: &str = "the first operator comes in with this";
/// A password that everybody here has.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A server.
pub(crate) struct House {
    router: axum::Router,
    pub(crate) directory: Directory,
    /// What its clock shows, in milliseconds.
    clock: Arc<AtomicU64>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["cache-control"], "no-store");
        self.body()
    }

    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let body = self.is(status);
        assert_eq!(body["code"], code, "{body}");
        body
    }

    /// The cookie that a browser keeps.
    pub(crate) fn cookie(&self) -> String {
        let set = self.headers["set-cookie"].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}

/// How somebody comes in.
#[derive(Clone, Debug)]
pub(crate) enum Key {
    Nothing,
    Bearer(String),
    /// A browser that says it is on our own page.
    Cookie(String),
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    /// A house whose operators may sign in by this.
    pub(crate) async fn with(sign_on: Option<Arc<dyn SignOn>>) -> Self {
        let clock = Arc::new(AtomicU64::new(1_700_000_000_000));
        let hand = Arc::clone(&clock);
        let directory = Directory::open(DirectoryOptions {
            engine: Arc::new(EmbeddedEngine::in_memory().unwrap()),
            vault: Vault::new(&Secret::new(vec![1; 32])).unwrap(),
            clock: Clock::new(move || UnixMillis(hand.load(Ordering::SeqCst))),
            entropy: Entropy::system(),
        })
        .await
        .unwrap();
        let shelf = Arc::new(Shelf::default());
        let upstream = Arc::clone(&shelf) as Arc<dyn Upstream>;
        let purges = Arc::new(Purges::new(directory.clone(), upstream, Pace::default()));
        let router = router(Admin::new(AdminParts {
            directory: directory.clone(),
            judge: Arc::new(Silent),
            usage: Arc::new(Silent),
            objects: Arc::new(NoObjects),
            upstream: shelf,
            upkeep: Arc::new(NoUpkeep),
            node: Arc::new(NoNode),
            s3: console::S3Address {
                endpoint: "https://s3.example".into(),
                region: "eu-1".into(),
            },
            purges,
            meter: Arc::new(Meter::new(
                Arc::new(Ledger::in_memory().unwrap()),
                postern_config::system_clock(),
            )),
            token: AdminToken::given(Secret::new(TOKEN.into())),
            brands: Vec::new(),
            persons: Vec::new(),
            metrics: MetricsAccess::Token,
            module_bytes_max: 64,
            body_bytes_max: 4_096,
            first_run: Some(Secret::new(FIRST_RUN.into())),
            sign_on,
            entropy: Entropy::system(),
        }));
        Self {
            router,
            directory,
            clock,
        }
    }

    /// Time goes by.
    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst) / 1_000
    }

    pub(crate) async fn ask(
        &self,
        key: &Key,
        (method, path): (&str, &str),
        body: Option<Value>,
    ) -> Answer {
        self.ask_with(key, (method, path), body, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        key: &Key,
        (method, path): (&str, &str),
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let method: Method = method.parse().unwrap();
        let mut request = Request::builder().method(method).uri(path);
        let own_page = ("sec-fetch-site", "same-origin");
        request = match key {
            Key::Nothing => request,
            Key::Bearer(token) => request.header("authorization", format!("Bearer {token}")),
            Key::Cookie(cookie) if headers.is_empty() => request
                .header("cookie", cookie)
                .header(own_page.0, own_page.1),
            Key::Cookie(cookie) => request.header("cookie", cookie),
        };
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
        self.answer(request.body(body).unwrap()).await
    }

    /// An answer that goes on: its status and its body.
    pub(crate) async fn stream(&self, path: &str, cookie: &str, after: &str) -> (StatusCode, Body) {
        let request = Request::builder().uri(path).header("cookie", cookie);
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header("last-event-id", after);
        let mut request = request.body(Body::empty()).unwrap();
        request
            .extensions_mut()
            .insert(PeerAddress([192, 0, 2, 1].into()));
        let response = self.router.clone().call(request).await.unwrap();
        (response.status(), response.into_body())
    }

    async fn answer(&self, mut request: Request<Body>) -> Answer {
        let peer = PeerAddress([192, 0, 2, 1].into());
        request.extensions_mut().insert(peer);
        let response = self.router.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A page as a browser asks for it, from a page of ours; or a form that it sends.
    pub(crate) async fn browse(
        &self,
        asked: (&str, &str),
        cookie: &str,
        form: Option<&str>,
    ) -> Answer {
        let own = [
            ("host", "console.example"),
            ("sec-fetch-site", "same-origin"),
        ];
        self.browse_with(asked, cookie, form, &own).await
    }

    pub(crate) async fn browse_with(
        &self,
        (method, path): (&str, &str),
        cookie: &str,
        form: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !cookie.is_empty() {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if form.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let body = form.map_or_else(Body::empty, |form| Body::from(form.to_owned()));
        self.answer(request.body(body).unwrap()).await
    }

    /// A form that carries a file, with the boundary `b`.
    pub(crate) async fn send_file(&self, path: &str, cookie: &str, form: &str) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("cookie", cookie)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "multipart/form-data; boundary=b");
        let body = Body::from(form.to_owned());
        self.answer(request.body(body).unwrap()).await
    }

    /// An operator with the password that all have, whom nobody had to invite.
    pub(crate) async fn operator_who_signs_in(
        &self,
        email: &str,
        role: Role,
        scope: OperatorScope,
    ) {
        let id = self.operator(email, role, scope).await;
        let passwords = Passwords::new(Entropy::system());
        let hash = passwords.hash(Secret::new(PASSWORD.into())).await.unwrap();
        let set = OperatorCommand::SetPassword(id, hash);
        self.apply(Command::Operators(set), Actor::system()).await;
    }

    /// The cookie of an operator who signs in on the page for that.
    pub(crate) async fn sign_in_browser(&self, email: &str) -> String {
        let form = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.browse(("POST", "/sign-in"), "", Some(&form)).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.cookie()
    }

    pub(crate) fn root() -> Key {
        Key::Bearer(TOKEN.to_owned())
    }

    pub(crate) async fn apply(&self, command: Command, actor: Actor) -> Outcome {
        self.directory.apply(command, actor).await.unwrap().outcome
    }

    pub(crate) async fn tenant(
        &self,
        name: &str,
        profile: Profile,
        parent: Option<TenantId>,
    ) -> TenantId {
        let create = Command::CreateTenant {
            name: name.parse().unwrap(),
            profile,
            parent,
        };
        match self.apply(create, Actor::system()).await {
            Outcome::Tenant { tenant, .. } => tenant,
            other => panic!("{other:?}"),
        }
    }

    /// An operator who has no password: he comes in by a token that the directory makes for him.
    pub(crate) async fn operator(
        &self,
        email: &str,
        role: Role,
        scope: OperatorScope,
    ) -> OperatorId {
        let new = NewOperator {
            details: OperatorDetails {
                email: email.parse().unwrap(),
                name: Description::default(),
                timezone: None,
                language: None,
                sso: false,
            },
            role,
            scope,
            password: None,
        };
        let create = Command::Operators(OperatorCommand::Create(new));
        match self.apply(create, Actor::system()).await {
            Outcome::Operator(OperatorOutcome::Made(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn token_of(&self, operator: OperatorId) -> Key {
        let new = NewToken {
            name: "own".parse().unwrap(),
            role: None,
            scope: None,
            expires: None,
        };
        let actor = Actor {
            who: Who::Operator { operator },
            ..Actor::system()
        };
        let create = Command::Operators(OperatorCommand::CreateToken(new));
        match self.apply(create, actor).await {
            Outcome::Operator(OperatorOutcome::Token { secret, .. }) => {
                Key::Bearer(secret.lend(|it| String::from_utf8(it.to_vec()).unwrap()))
            }
            other => panic!("{other:?}"),
        }
    }

    /// An operator with a password, made as people make one.
    pub(crate) async fn person(&self, email: &str, role: &str, scope: Value) {
        let body = json!({ "email": email, "role": role, "scope": scope, "password": PASSWORD });
        let root = Self::root();
        let made = self.ask(&root, ("POST", "/api/v1/operators"), Some(body));
        made.await.is(201);
    }

    pub(crate) async fn try_sign_in(&self, body: Value) -> Answer {
        self.ask(&Key::Nothing, ("POST", "/api/v1/session"), Some(body))
            .await
    }

    pub(crate) async fn sign_in(&self, email: &str) -> Key {
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = self.try_sign_in(body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Key::Cookie(answer.cookie())
    }

    pub(crate) async fn sign_in_bearer(&self, email: &str) -> Key {
        let body = json!({ "email": email, "password": PASSWORD, "session": "bearer" });
        let told = self.try_sign_in(body).await.is(200);
        Key::Bearer(told["token"].as_str().unwrap().to_owned())
    }

    /// The actions of the audit log, the latest first.
    pub(crate) async fn actions(&self, most: usize) -> Vec<String> {
        let found = self.directory.audit_search(most, |_| true).await.unwrap();
        found.into_iter().map(|record| record.action).collect()
    }
}
