//! TLS, PROXY protocol, panics, and the end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use postern::clock::Clock;
use postern::edge::authority::{Authority, local_names};
use postern::edge::{EdgeLimits, EdgeOptions};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{connect, exchange, is_closed, read_answer, read_to_end, until};
use crate::stand_in::{Served, options, over_tls, plain, serve};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";

async fn tls(
    served: &Served,
    root: &CertificateDer<'static>,
    versions: &[&'static rustls::SupportedProtocolVersion],
    name: &str,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, connect(served.address()).await)
        .await
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_under_every_local_name() {
    let (served, _, root) = over_tls(false);
    let names = ["localhost", "127.0.0.1", "::1", "demo-bucket.s3.localhost"];
    for (version, spoken) in [
        (&rustls::version::TLS12, "TLSv1.2"),
        (&rustls::version::TLS13, "TLSv1.3"),
    ] {
        for name in names {
            let mut socket = tls(&served, &root, &[version], name, &[]).await.unwrap();
            socket.write_all(GET).await.unwrap();
            let answer = read_to_end(&mut socket).await;
            assert!(
                answer.ends_with(&format!("over {spoken}")),
                "{name}: {answer}"
            );
        }
    }
    assert!(
        tls(
            &served,
            &root,
            &[&rustls::version::TLS13],
            "elsewhere.example",
            &[]
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn http_2_is_spoken_only_where_it_is_set() {
    for http2 in [false, true] {
        let (served, _, root) = over_tls(http2);
        let socket = tls(
            &served,
            &root,
            &[&rustls::version::TLS13],
            "localhost",
            &[b"h2", b"http/1.1"],
        )
        .await
        .unwrap();
        let agreed = socket.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(
            agreed.as_deref(),
            Some(if http2 { &b"h2"[..] } else { b"http/1.1" })
        );
        if http2 {
            let executor = hyper_util::rt::TokioExecutor::new();
            let io = hyper_util::rt::TokioIo::new(socket);
            let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io)
                .await
                .unwrap();
            let connection = tokio::task::spawn(connection);
            let body = http_body_util::Full::new(bytes::Bytes::from_static(b"hello"));
            let request = http::Request::put("https://localhost/read")
                .body(body)
                .unwrap();
            let response = sender.send_request(request).await.unwrap();
            let body = http_body_util::BodyExt::collect(response.into_body())
                .await
                .unwrap()
                .to_bytes();
            assert_eq!(body, "read 5");
            drop(sender);
            connection.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn an_upload_refused_over_tls_sees_the_error_and_not_a_reset() {
    let (served, _, root) = over_tls(false);
    let mut socket = tls(&served, &root, &[&rustls::version::TLS13], "localhost", &[])
        .await
        .unwrap();
    let head = b"PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 500000\r\n\r\n";
    socket
        .write_all(&[&head[..], &vec![b'x'; 500_000]].concat())
        .await
        .unwrap();
    socket.flush().await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert!(
        answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("AccessDenied"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_ended() {
    let (first, certificates, _) = over_tls(false);
    drop(first);
    let limits = EdgeLimits {
        handshake_time: Duration::from_millis(200),
        ..EdgeLimits::default()
    };
    let served = serve(EdgeOptions {
        certificates: Some(certificates),
        ..options(limits)
    });
    let mut socket = connect(served.address()).await;
    socket.write_all(b"\x16\x03\x01\x02").await.unwrap();
    assert!(is_closed(&mut socket).await);
    assert!(
        served
            .observer
            .metrics()
            .scrape()
            .contains("connections_failed_total{cause=\"handshake_time\"} 1")
    );
}

#[tokio::test]
async fn a_changed_certificate_is_used_by_the_next_connection_and_a_broken_one_never() {
    let (served, certificates, root) = over_tls(false);
    let folder = served.folder.path();
    let seen = || async {
        let socket = tls(&served, &root, &[&rustls::version::TLS13], "localhost", &[])
            .await
            .unwrap();
        socket
            .get_ref()
            .1
            .peer_certificates()
            .unwrap()
            .first()
            .unwrap()
            .clone()
            .into_owned()
    };
    let mut kept = tls(&served, &root, &[&rustls::version::TLS13], "localhost", &[])
        .await
        .unwrap();
    let first = seen().await;

    std::fs::write(
        folder.join("server.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    assert!(certificates.reload().is_err());
    assert_eq!(seen().await, first);
    std::fs::remove_file(folder.join("server.key")).unwrap();
    assert!(certificates.reload().is_err());
    assert_eq!(seen().await, first);

    let now = Clock::system().now_ms();
    Authority::open(folder, now)
        .unwrap()
        .certify(&local_names(), now)
        .unwrap();
    assert!(certificates.reload_if_changed().unwrap());
    assert!(!certificates.reload_if_changed().unwrap());
    assert_ne!(seen().await, first);

    kept.write_all(GET).await.unwrap();
    assert!(
        read_to_end(&mut kept).await.starts_with("HTTP/1.1 200 "),
        "connections outlive a reload"
    );
}

#[tokio::test]
async fn the_proxy_header_names_the_client_and_is_required_where_it_is_set() {
    let served = serve(EdgeOptions {
        proxy_protocol: true,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..options(EdgeLimits::default())
    });
    let with = |header: &[u8]| [header, GET].concat();
    let v1 = exchange(
        served.address(),
        &with(b"PROXY TCP4 192.0.2.7 192.0.2.1 5632 443\r\n"),
    )
    .await;
    assert!(
        v1.ends_with("192.0.2.7:5632 by 127.0.0.1 over plain"),
        "{v1}"
    );
    let v2 = exchange(
        served.address(),
        &with(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x08\xC0\0\x02\x01\x16\0\x01\xBB"),
    )
    .await;
    assert!(
        v2.ends_with("192.0.2.8:5632 by 127.0.0.1 over plain"),
        "{v2}"
    );
    let mut without = connect(served.address()).await;
    without.write_all(GET).await.unwrap();
    assert!(is_closed(&mut without).await);

    let strangers = serve(EdgeOptions {
        proxy_protocol: true,
        trusted_proxies: vec!["192.0.2.0/24".parse().unwrap()],
        ..options(EdgeLimits::default())
    });
    let mut stranger = connect(strangers.address()).await;
    // It may be closed before it has said all of it.
    let said = with(b"PROXY TCP4 192.0.2.7 192.0.2.1 5632 443\r\n");
    let _gone = stranger.write_all(&said).await;
    assert!(is_closed(&mut stranger).await, "not a trusted proxy");
}

#[tokio::test]
async fn a_trusted_proxys_header_names_the_client_of_each_request() {
    let trusted = serve(EdgeOptions {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..options(EdgeLimits::default())
    });
    let get =
        b"GET / HTTP/1.1\r\nx-forwarded-for: 1.1.1.1, 203.0.113.9\r\nconnection: close\r\n\r\n";
    assert!(
        exchange(trusted.address(), get)
            .await
            .ends_with("203.0.113.9:0 by 127.0.0.1 over plain")
    );
    assert!(
        !exchange(plain().address(), get)
            .await
            .contains("203.0.113.9")
    );
}

#[tokio::test]
async fn a_panic_ends_one_connection_and_is_counted() {
    let served = plain();
    let mut other = connect(served.address()).await;
    let mut panics = connect(served.address()).await;
    panics
        .write_all(b"GET /panic HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    assert!(is_closed(&mut panics).await);
    until("the panic is counted", || {
        served.observer.metrics().panics() == 1
    })
    .await;
    other.write_all(GET).await.unwrap();
    assert!(read_to_end(&mut other).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn draining_finishes_requests_at_work_and_closes_idle_connections() {
    let served = plain();
    let mut idle = connect(served.address()).await;
    let mut at_work = connect(served.address()).await;
    at_work
        .write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    until("the request is at work", || {
        served.journey.waiting.load(Ordering::SeqCst) == 1
    })
    .await;

    let drained = served.listener.drain(Duration::from_secs(20));
    let client = async {
        assert!(is_closed(&mut idle).await);
        assert!(
            TcpStream::connect(served.address()).await.is_err(),
            "nobody new is let in"
        );
        served.journey.go.add_permits(1);
        let answer = read_to_end(&mut at_work).await;
        assert!(
            answer.ends_with("waited") && answer.contains("connection: close"),
            "{answer}"
        );
    };
    let (drained, ()) = tokio::join!(drained, client);
    drained.unwrap();
    assert_eq!(served.listener.connections(), 0);
}

#[tokio::test]
async fn draining_ends_what_does_not_end_in_time() {
    let served = plain();
    let mut at_work = connect(served.address()).await;
    at_work
        .write_all(b"GET /wait HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    until("the request is at work", || {
        served.journey.waiting.load(Ordering::SeqCst) == 1
    })
    .await;
    assert!(
        served
            .listener
            .drain(Duration::from_millis(100))
            .await
            .is_err()
    );
    assert!(is_closed(&mut at_work).await);
}

#[tokio::test]
async fn a_head_in_pieces_and_requests_in_a_row_are_served() {
    let served = plain();
    let mut socket = connect(served.address()).await;
    for _ in 0..3 {
        for piece in [
            &b"GE"[..],
            b"T / HT",
            b"TP/1.1\r\nho",
            b"st: h\r\n\r",
            b"\n",
        ] {
            socket.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(read_answer(&mut socket).await.starts_with("HTTP/1.1 200 "));
    }
}
