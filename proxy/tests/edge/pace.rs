//! Clients that are slow, silent, too many, or still sending.

use std::time::{Duration, Instant};

use postern::edge::EdgeLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::client::{connect, is_closed, read_answer, read_to_end, until};
use crate::stand_in::{options, plain, serve};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_connection_that_says_nothing_is_ended() {
    let served = serve(options(EdgeLimits {
        head_time: SHORT,
        ..EdgeLimits::default()
    }));
    let begun = Instant::now();
    assert!(is_closed(&mut connect(served.address()).await).await);
    assert!(begun.elapsed() >= SHORT);
    until("the seat is free", || served.listener.connections() == 0).await;
}

#[tokio::test]
async fn a_head_that_trickles_is_ended_however_steadily() {
    let served = serve(options(EdgeLimits {
        head_time: SHORT,
        ..EdgeLimits::default()
    }));
    let mut socket = connect(served.address()).await;
    socket.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    let (mut from, mut to) = socket.split();
    let trickle = async {
        while to.write_all(b"v").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    };
    let mut byte = [0];
    tokio::select! {
        () = trickle => {}
        read = from.read(&mut byte) => assert!(matches!(read, Ok(0) | Err(_))),
        () = tokio::time::sleep(20 * SHORT) => panic!("it was not ended"),
    }
}

#[tokio::test]
async fn a_kept_connection_ends_after_its_idle_time_and_not_before() {
    let limits = EdgeLimits {
        head_time: 20 * SHORT,
        keep_alive_time: 2 * SHORT,
        ..EdgeLimits::default()
    };
    let served = serve(options(limits));
    let mut socket = connect(served.address()).await;
    for _ in 0..4 {
        socket
            .write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            .await
            .unwrap();
        assert!(read_answer(&mut socket).await.contains("127.0.0.1"));
        tokio::time::sleep(SHORT).await;
    }
    assert!(is_closed(&mut socket).await);
}

#[tokio::test]
async fn a_body_that_stands_still_is_answered_with_a_timeout() {
    let served = serve(options(EdgeLimits {
        body_idle_time: SHORT,
        ..EdgeLimits::default()
    }));
    let mut socket = connect(served.address()).await;
    socket
        .write_all(b"POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhal")
        .await
        .unwrap();
    let answer = read_answer(&mut socket).await;
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("RequestTimeout"),
        "{answer}"
    );
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_with_a_timeout_and_a_faster_one_is_served() {
    let limits = EdgeLimits {
        body_rate: 1_000,
        body_rate_window: SHORT,
        ..EdgeLimits::default()
    };
    let served = serve(options(limits));
    for (piece, outcome) in [(1, "RequestTimeout"), (500, "read 5000")] {
        let mut socket = connect(served.address()).await;
        let length = piece * 10;
        socket
            .write_all(
                format!("POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: {length}\r\n\r\n")
                    .as_bytes(),
            )
            .await
            .unwrap();
        for _ in 0..10 {
            tokio::time::sleep(SHORT / 4).await;
            if socket.write_all(&vec![b'x'; piece]).await.is_err() {
                break;
            }
        }
        let answer = read_answer(&mut socket).await;
        assert!(answer.ends_with(outcome), "{piece}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_ended() {
    let served = serve(options(EdgeLimits {
        body_idle_time: SHORT,
        ..EdgeLimits::default()
    }));
    let mut socket = connect(served.address()).await;
    until("it is let in", || served.listener.connections() == 1).await;
    // More answers than the buffers of both kernels hold.
    for _ in 0..64 {
        if socket
            .write_all(b"GET /large HTTP/1.1\r\nhost: h\r\n\r\n")
            .await
            .is_err()
        {
            break;
        }
    }
    until("the connection is ended", || {
        served.listener.connections() == 0
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_is_refused_sees_the_error_and_not_a_reset() {
    let served = plain();
    for bytes in [1, 10_000, 900 * 1_024] {
        let mut socket = connect(served.address()).await;
        let head = format!("PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: {bytes}\r\n\r\n");
        // The client sends everything before it reads, as many do.
        socket
            .write_all(&[head.as_bytes(), &vec![b'x'; bytes]].concat())
            .await
            .unwrap();
        let answer = read_to_end(&mut socket).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("AccessDenied"),
            "{bytes}: {answer}"
        );
        assert!(answer.contains("connection: close"), "{bytes}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_goes_on_sending_after_the_refusal_is_heard_out() {
    let served = plain();
    let mut socket = connect(served.address()).await;
    let head = b"PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 500000\r\n\r\n";
    socket.write_all(head).await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert!(answer.ends_with("AccessDenied"), "{answer}");
    // A reset would make the second of these fail, and take the answer along where it was not read yet.
    for _ in 0..10 {
        socket.write_all(&vec![b'x'; 50_000]).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_discarded_of_a_refused_upload_is_bounded() {
    let limits = EdgeLimits {
        discard_time: SHORT,
        ..EdgeLimits::default()
    };
    let served = serve(options(limits.clone()));
    let head = b"PUT /refuse HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000000\r\n\r\n";

    let mut silent = connect(served.address()).await;
    until("it is let in", || served.listener.connections() == 1).await;
    silent.write_all(head).await.unwrap();
    let begun = Instant::now();
    until("the time is over", || served.listener.connections() == 0).await;
    assert!(begun.elapsed() < 10 * SHORT);

    let served = serve(options(EdgeLimits {
        discard_time: Duration::from_secs(60),
        ..limits
    }));
    let mut pouring = connect(served.address()).await;
    pouring.write_all(head).await.unwrap();
    let mut sent = 0;
    while pouring.write_all(&vec![b'x'; 64 * 1_024]).await.is_ok() {
        sent += 64 * 1_024;
        assert!(sent < 200_000_000, "the server reads on and on");
    }
}

#[tokio::test]
async fn a_refused_upload_that_waits_for_100_continue_is_never_invited() {
    let served = plain();
    let mut socket = connect(served.address()).await;
    let head = |path| {
        format!(
            "PUT {path} HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
        )
    };
    socket.write_all(head("/refuse").as_bytes()).await.unwrap();
    let answer = read_answer(&mut socket).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");

    let mut socket = connect(served.address()).await;
    socket.write_all(head("/read").as_bytes()).await.unwrap();
    assert_eq!(
        read_answer(&mut socket).await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    socket.write_all(b"hello").await.unwrap();
    assert!(read_answer(&mut socket).await.ends_with("read 5"));
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_incomplete_body_in_nobodys_storage() {
    let served = plain();
    let mut socket = connect(served.address()).await;
    socket
        .write_all(b"POST /read HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhal")
        .await
        .unwrap();
    socket.shutdown().await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert!(!answer.contains("read"), "{answer}");
}

#[tokio::test]
async fn connections_of_one_address_are_bounded() {
    let limits = EdgeLimits {
        connections_per_address: 2,
        ..EdgeLimits::default()
    };
    let served = serve(options(limits));
    let get = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";
    let (mut one, mut two) = (
        connect(served.address()).await,
        connect(served.address()).await,
    );
    for socket in [&mut one, &mut two] {
        socket.write_all(get).await.unwrap();
        assert!(read_answer(socket).await.starts_with("HTTP/1.1 200 "));
    }
    assert!(
        is_closed(&mut connect(served.address()).await).await,
        "one more than allowed"
    );
    drop(one);
    until("a seat is free", || served.listener.connections() == 1).await;
    let mut three = connect(served.address()).await;
    three.write_all(get).await.unwrap();
    assert!(read_answer(&mut three).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn connections_in_all_are_bounded() {
    let served = serve(options(EdgeLimits {
        connections: 1,
        ..EdgeLimits::default()
    }));
    let mut one = connect(served.address()).await;
    one.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        .await
        .unwrap();
    assert!(read_answer(&mut one).await.starts_with("HTTP/1.1 200 "));
    assert!(is_closed(&mut connect(served.address()).await).await);
    assert!(
        served
            .observer
            .metrics()
            .scrape()
            .contains("connections_failed_total{cause=\"limit\"} 1")
    );
}
