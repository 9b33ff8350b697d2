//! Bytes to a socket, bytes from it.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than anything here takes; a test that waits for it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// Sends `bytes` and reads until the server closes. A reset fails the test.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = connect(address).await;
    socket.write_all(bytes).await.unwrap();
    read_to_end(&mut socket).await
}

pub(crate) async fn read_to_end(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    tokio::time::timeout(PATIENCE, socket.read_to_end(&mut text))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads one answer with a `content-length` from a kept connection.
pub(crate) async fn read_answer(socket: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = Vec::new();
    let read = async {
        loop {
            text.push(
                socket
                    .read_u8()
                    .await
                    .expect("the answer ends before its end"),
            );
            if text.ends_with(b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&text).to_lowercase();
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .and_then(|rest| rest.split("\r\n").next()?.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                socket
                    .read_exact(&mut body)
                    .await
                    .expect("the body ends before its end");
                text.extend_from_slice(&body);
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// Waits until the server has closed its end: nothing comes any more.
pub(crate) async fn is_closed(socket: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> bool {
    let mut byte = [0];
    matches!(
        tokio::time::timeout(PATIENCE, socket.read(&mut byte)).await,
        Ok(Ok(0) | Err(_))
    )
}

/// Waits for a state, with a deadline.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what} did not happen");
}
