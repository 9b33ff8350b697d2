//! Gate and node in one process, over real connections: who is let in, what is asked back, what holds at each bound.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use postern_config::settings::{Environment, NodeElsewhere, NodeProcess, Overrides};
use s3_protocol::call::{Encoding, ListFrom, ListObjects, PutObject};
use s3_protocol::object::{Creator, PutOutput};
use s3_protocol::setting::Versioning;
use s3_protocol::{BucketId, S3Code};
use storage_node::{Change, Guards, Node, NodeError, NodeOptions, ObjectPlace, Recheck, WriteAs};
use tokio::net::TcpListener;

use super::link::{Link, Outgoing};
use super::remote::Remote;
use super::serve::Served;
use super::store::ObjectStore;
use super::wire::{self, Call, Event, Frames, Kind, Writer, frame};
use crate::clock::Clock;
use crate::edge::CertificateFiles;
use crate::edge::authority::Authority;
use crate::limits::{
    NODE_ANSWER_BYTES_MAX, NODE_CALL_BYTES_MAX, NODE_CALLS_PER_CONNECTION_MAX,
    NODE_CONNECTIONS_ALL_MAX, NODE_CONNECTIONS_MAX, NODE_RECHECK_TIME,
};
use crate::upkeep::Caretaker;

const BUCKET: BucketId = BucketId(7);
const NOW: u64 = 1_800_000_000_000;

/// A node that is served, and what a gate needs to reach it.
struct House {
    folder: tempfile::TempDir,
    authority: Authority,
    node: Node,
    at: NodeElsewhere,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now_ms = Clock::system().now_ms();
        let authority = Authority::open(folder.path(), now_ms).unwrap();
        let host = ["localhost".to_owned()];
        let node_pair = pair(folder.path(), "node");
        authority
            .certify_in(node_pair.clone(), &host, now_ms)
            .unwrap();
        let gate_pair = pair(folder.path(), "gate");
        let name = ["postern-gate".to_owned()];
        authority
            .certify_client(gate_pair.clone(), &name, now_ms)
            .unwrap();

        let path = |path: &Path| path.display().to_string();
        let overrides = Overrides::new()
            .with("", "node.client_ca", path(&authority.certificate()))
            .with("", "node.cert", path(&node_pair.cert))
            .with("", "node.key", path(&node_pair.key));
        let settings = NodeProcess::load(None, &Environment::default(), &overrides).unwrap();
        let mut options = NodeOptions::new(folder.path().join("objects"), Arc::new(|| NOW));
        options.volume_bytes = 8 * 1_024 * 1_024;
        options.reserve_bytes = 0;
        let node = Node::open(options).unwrap();
        let caretaker = Caretaker::new(
            node.clone(),
            (&settings.care, &settings.ship),
            folder.path(),
            Clock::system(),
        );
        let served = Served::new(node.clone(), Arc::new(caretaker), &settings).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(Arc::new(served).accept(listener));
        let at = NodeElsewhere {
            address: format!("localhost:{port}").parse().unwrap(),
            name: "localhost".to_owned(),
            ca: authority.certificate(),
            cert: gate_pair.cert,
            key: gate_pair.key,
        };
        Self {
            folder,
            authority,
            node,
            at,
        }
    }

    async fn gate(&self) -> Arc<Remote> {
        let remote = Arc::new(Remote::new(self.at.clone()));
        remote.arrive(Duration::from_secs(10)).await.unwrap();
        tokio::spawn(Arc::clone(&remote).keep());
        remote
    }

    /// Why a gate with another certificate is not let in.
    async fn refused(&self, of: CertificateFiles) -> String {
        let at = NodeElsewhere {
            cert: of.cert,
            key: of.key,
            ..self.at.clone()
        };
        Remote::new(at).arrive(Duration::ZERO).await.unwrap_err()
    }
}

fn pair(folder: &Path, name: &str) -> CertificateFiles {
    CertificateFiles {
        cert: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    }
}

fn place(key: &str) -> ObjectPlace {
    ObjectPlace {
        bucket: BUCKET,
        key: key.parse().unwrap(),
    }
}

fn by(recheck: Option<Recheck>) -> WriteAs {
    WriteAs {
        creator: Creator {
            principal: "somebody".to_owned(),
            lineage: "key".to_owned(),
        },
        guards: Guards {
            recheck,
            ..Guards::default()
        },
        ..WriteAs::default()
    }
}

async fn put(store: &ObjectStore, key: &str, recheck: Option<Recheck>) -> Result<(), NodeError> {
    let body = Full::new(Bytes::from(vec![5; 200_000]));
    let (place, ask) = (place(key), PutObject::default());
    let put = store.put_object(&place, ask, by(recheck), body);
    put.await.map(drop)
}

async fn keys(store: &ObjectStore) -> Vec<String> {
    let ask = ListObjects {
        prefix: String::new(),
        delimiter: None,
        max_keys: 1_000,
        encoding: Encoding::Plain,
        from: ListFrom::Marker(None),
    };
    let page = store.list_objects(BUCKET, &ask).await.unwrap();
    page.entries
        .iter()
        .map(|it| it.key.as_str().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_gate_is_let_in() {
    let house = House::new().await;
    house.gate().await;
    let now_ms = Clock::system().now_ms();
    let folder = house.folder.path();
    let gate = ["postern-gate".to_owned()];

    // A server's certificate of the same authority, though it has the gate's name.
    let server = pair(folder, "server-of-the-name");
    house
        .authority
        .certify_in(server.clone(), &gate, now_ms)
        .unwrap();
    let cause = house.refused(server).await;
    assert!(cause.contains("alert"), "{cause}");
    // A client's certificate of the same authority with another name.
    let other = pair(folder, "other-client");
    let name = ["somebody.example.org".to_owned()];
    house
        .authority
        .certify_client(other.clone(), &name, now_ms)
        .unwrap();
    let cause = house.refused(other).await;
    assert!(cause.contains("alert"), "{cause}");
    // The right one of another authority.
    let strangers = tempfile::tempdir().unwrap();
    let authority = Authority::open(strangers.path(), now_ms).unwrap();
    let stranger = pair(strangers.path(), "gate");
    authority
        .certify_client(stranger.clone(), &gate, now_ms)
        .unwrap();
    let cause = house.refused(stranger).await;
    assert!(cause.contains("alert"), "{cause}");
    // And the gate wants the node's name.
    let at = NodeElsewhere {
        name: "another.example.org".to_owned(),
        ..house.at.clone()
    };
    let cause = Remote::new(at).arrive(Duration::ZERO).await.unwrap_err();
    assert!(cause.contains("certificate"), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_of_the_protocol_is_told() {
    let house = House::new().await;
    let link = Link::new(house.at.clone());
    let turn = link.turn().await.unwrap();
    for (path, status, told) in [
        (
            "/1/pulse",
            505,
            "speaks version 2 of the protocol and was asked in version 1",
        ),
        ("/pulse", 400, "no call"),
        ("/x/pulse", 400, "no call"),
    ] {
        let (way, body) = Outgoing::new();
        way.end().await;
        let request = Request::post(format!("https://node{path}"))
            .body(body)
            .unwrap();
        let response = turn.send(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(text.contains(told), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_judged_before_a_commit_is_asked_of_the_gate() {
    let house = House::new().await;
    let store = ObjectStore::from(house.gate().await);
    store.create_bucket(BUCKET).await.unwrap();
    put(&store, "allowed", Some(Recheck::here(|| Ok(()))))
        .await
        .unwrap();
    put(&store, "unasked", None).await.unwrap();

    let denied = Recheck::here(|| Err(S3Code::InvalidAccessKeyId.into()));
    match put(&store, "denied", Some(denied)).await {
        Err(NodeError::Refused(refused)) => assert_eq!(refused.code, S3Code::InvalidAccessKeyId),
        other => panic!("{other:?}"),
    }
    assert_eq!(keys(&store).await, ["allowed", "unasked"]);
    // It holds for deletions as well.
    let denied = Recheck::here(|| Err(S3Code::AccessDenied.into()));
    let deletion = storage_node::DeleteKey {
        key: "allowed".parse().unwrap(),
        ask: s3_protocol::call::DeleteObject::default(),
        creator: None,
        stands: None,
    };
    let deleted = store
        .delete_objects(BUCKET, vec![deletion], Some(denied))
        .await;
    assert!(
        matches!(deleted, Err(NodeError::Refused(refused)) if refused.code == S3Code::AccessDenied)
    );
    assert_eq!(keys(&store).await, ["allowed", "unasked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_does_not_say_yes_has_said_no() {
    let house = House::new().await;
    let store = ObjectStore::from(house.gate().await);
    store.create_bucket(BUCKET).await.unwrap();
    let link = Link::new(house.at.clone());
    let turn = link.turn().await.unwrap();
    let (writer, _) = Writer::of(by(Some(Recheck::here(|| Ok(())))));
    let call = Call::PutObject(place("unanswered"), Box::default(), writer);
    let (way, body) = Outgoing::new();
    let pieces = [
        frame(Kind::Head, &wire::encode(&call).unwrap()),
        frame(Kind::Data, b"hello"),
        frame(Kind::End, b""),
    ];
    for piece in pieces {
        way.send(piece).await;
    }
    let request = Request::post(format!("https://node{}", call.path()));
    let response = turn.send(request.body(body).unwrap()).await.unwrap();
    let mut frames = Frames::new(response.into_body(), NODE_ANSWER_BYTES_MAX);
    let asked = frames.next().await.unwrap();
    assert!(
        matches!(asked, Some(Event::Whole(Kind::Ask, _))),
        "{asked:?}"
    );
    let began = std::time::Instant::now();
    let Some(Event::Whole(Kind::Head, answer)) = frames.next().await.unwrap() else {
        panic!("no answer");
    };
    let answer: Result<PutOutput, NodeError> = wire::decode(&answer).unwrap();
    assert!(
        matches!(answer, Err(NodeError::Refused(refused)) if refused.code == S3Code::ServiceUnavailable)
    );
    let waited = began.elapsed();
    assert!(
        waited > NODE_RECHECK_TIME / 2 && waited < NODE_RECHECK_TIME * 2,
        "{waited:?}"
    );
    assert_eq!(keys(&store).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_leaves_nothing() {
    let house = House::new().await;
    let store = ObjectStore::from(house.gate().await);
    store.create_bucket(BUCKET).await.unwrap();
    // Three megabytes come, and then nothing more.
    let pieces = (0..3).map(|_| {
        Ok::<_, std::convert::Infallible>(http_body::Frame::data(Bytes::from(vec![1; 1_000_000])))
    });
    let stream = futures_util::StreamExt::chain(
        futures_util::stream::iter(pieces),
        futures_util::stream::pending(),
    );
    let body = http_body_util::StreamBody::new(stream);
    let place = place("cut");
    let cut = store.put_object(&place, PutObject::default(), by(None), body);
    assert!(
        tokio::time::timeout(Duration::from_millis(500), cut)
            .await
            .is_err()
    );
    // The node has noted that what it had written is garbage: nobody waits for it any more.
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while house.node.stats().garbage_bytes == 0 || !house.node.is_settled() {
        assert!(
            std::time::Instant::now() < until,
            "{:?}",
            house.node.stats()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(keys(&store).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_connections_have_their_bounds() {
    let house = House::new().await;
    let link = Link::new(house.at.clone());
    let each = usize::try_from(NODE_CALLS_PER_CONNECTION_MAX).unwrap();
    let mut turns = Vec::new();
    for _ in 0..each {
        turns.push(link.turn().await.unwrap());
    }
    assert_eq!(link.connections(), 1);
    turns.push(link.turn().await.unwrap());
    assert_eq!(link.connections(), 2);
    while turns.len() < each * NODE_CONNECTIONS_MAX {
        turns.push(link.turn().await.unwrap());
    }
    assert_eq!(link.connections(), NODE_CONNECTIONS_MAX);
    assert!(matches!(link.turn().await, Err(NodeError::Busy)));
    turns.pop();
    assert!(link.turn().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_lets_in_so_many_connections_and_no_more() {
    let house = House::new().await;
    let mut links = Vec::new();
    for _ in 0..NODE_CONNECTIONS_ALL_MAX {
        let link = Link::new(house.at.clone());
        link.turn().await.unwrap();
        links.push(link);
    }
    let another = || Remote::new(house.at.clone());
    assert!(another().arrive(Duration::ZERO).await.is_err());
    // A place that is free again is the next one's.
    links.pop();
    another().arrive(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_its_bound() {
    let house = House::new().await;
    let link = Link::new(house.at.clone());
    let turn = link.turn().await.unwrap();
    for (bytes, is_read) in [
        (NODE_CALL_BYTES_MAX, true),
        (NODE_CALL_BYTES_MAX + 1, false),
    ] {
        let (way, body) = Outgoing::new();
        let path = format!("https://node{}", Call::Pulse.path());
        let request = Request::post(path).body(body).unwrap();
        let head = frame(Kind::Head, &vec![0; bytes]);
        let sent = async {
            let mut all = true;
            for piece in head.chunks(64 * 1_024) {
                all &= way.send(Bytes::copy_from_slice(piece)).await;
            }
            way.end().await;
            all
        };
        let answered = async {
            let response = turn.send(request).await.unwrap();
            let mut frames = Frames::new(response.into_body(), NODE_ANSWER_BYTES_MAX);
            frames.next().await
        };
        let (all, answer) = tokio::join!(sent, answered);
        // Neither is a call; the one was read to its end and the other refused before.
        assert_eq!(all, is_read, "{bytes}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_holds_at_once_here_and_soon_at_another_gate() {
    let house = House::new().await;
    let (first, second) = (house.gate().await, house.gate().await);
    let (first, second) = (ObjectStore::from(first), ObjectStore::from(second));
    let versions = |versioning| Change::Versioning(versioning);
    let enabled = Some(versions(Versioning::Enabled));
    first.create_bucket_with(BUCKET, enabled).await.unwrap();
    assert!(first.keeps_versions(BUCKET));
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while !second.keeps_versions(BUCKET) {
        assert!(std::time::Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let suspended = versions(Versioning::Suspended);
    first.configure_bucket(BUCKET, suspended).await.unwrap();
    assert!(!first.keeps_versions(BUCKET));
    let kept = first.bucket_configuration(BUCKET).await.unwrap();
    assert_eq!(kept.versioning, Some(Versioning::Suspended));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_there_is_told_at_once() {
    let house = House::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let at = NodeElsewhere {
        address: format!("localhost:{port}").parse().unwrap(),
        ..house.at.clone()
    };
    let remote = Arc::new(Remote::new(at));
    let cause = remote.arrive(Duration::ZERO).await.unwrap_err();
    assert!(cause.contains("refused"), "{cause}");
    let store = ObjectStore::from(remote);
    let began = std::time::Instant::now();
    assert!(matches!(
        put(&store, "a", None).await,
        Err(NodeError::Away(_))
    ));
    assert!(matches!(store.ready_for_writes(), Err(NodeError::Away(_))));
    assert!(!store.keeps_versions(BUCKET));
    assert!(began.elapsed() < Duration::from_secs(1));
}
