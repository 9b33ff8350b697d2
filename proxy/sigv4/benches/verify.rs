//! What a signature costs: a check with a cached key, deriving a key, a chunk of 64 KiB.
//!
//! The megabytes a second of `sha256` say whether the processor's SHA instructions are at work: with them it is
//! well above 1,000, without them about 300.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot be set up must stop"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Bencher, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue, Method};
use sha2::{Digest, Sha256};
use sigv4::sign::{ChunkSigner, Signer, Target};
use sigv4::{Expectation, Head, PayloadMode, Presented, SecretKey, SigningKey, Timestamp};

const NOW: u64 = 1_369_353_600;
const REGION: &str = "us-east-1";
const CHUNK: usize = 64 * 1_024;

fn secret() -> SecretKey {
    SecretKey::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()).expect("a secret")
}

fn signer(key: &SigningKey) -> Signer<'_> {
    Signer {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        key,
        time: Timestamp::from_unix(NOW),
        session_token: None,
    }
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("s3.eu.example.com:9000"));
    headers.insert(
        "user-agent",
        HeaderValue::from_static("aws-sdk-go-v2/1.30.0"),
    );
    headers.insert("accept-encoding", HeaderValue::from_static("identity"));
    headers.insert(
        "amz-sdk-request",
        HeaderValue::from_static("attempt=1; max=3"),
    );
    headers
}

fn check(head: Head<'_>, key: &SigningKey) {
    match Presented::read(black_box(head), NOW, &Expectation::s3(REGION)) {
        Ok(Presented::Signed(claim)) => {
            let verified = claim.verify(key).expect("the signature matches");
            black_box(verified);
        }
        other => panic!("not a claim: {other:?}"),
    }
}

/// Measures the processor time of the thread, so that a busy machine gives the same numbers.
fn spent<T>(bench: &mut Bencher<'_>, mut work: impl FnMut() -> T) {
    let now = || {
        let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(spent).expect("time is not negative")
    };
    bench.iter_custom(|rounds| {
        let started = now();
        for _ in 0..rounds {
            black_box(work());
        }
        now() - started
    });
}

fn heads(bench: &mut Criterion) {
    let key = SigningKey::derive(&secret(), Timestamp::from_unix(NOW).date(), REGION);
    let method = Method::GET;
    let path = "/photos/2013/05/24/000000000042.jpg";
    let mut signed = headers();
    let target = Target {
        method: &method,
        path,
        query: "",
    };
    signer(&key)
        .header(target, &mut signed, PayloadMode::Unsigned)
        .expect("signed");
    let head = Head {
        method: &method,
        path,
        query: None,
        authority: None,
        headers: &signed,
    };
    bench.bench_function("verify header", |bench| spent(bench, || check(head, &key)));

    let query = "list-type=2&prefix=photos%2F2013%2F&delimiter=%2F&max-keys=1000";
    let mut signed = headers();
    let target = Target {
        method: &method,
        path: "/photos",
        query,
    };
    signer(&key)
        .header(target, &mut signed, PayloadMode::Unsigned)
        .expect("signed");
    let head = Head {
        method: &method,
        path: "/photos",
        query: Some(query),
        authority: None,
        headers: &signed,
    };
    bench.bench_function("verify header of a listing", |bench| {
        spent(bench, || check(head, &key));
    });

    let mut sent = HeaderMap::new();
    sent.insert("host", HeaderValue::from_static("s3.eu.example.com:9000"));
    let target = Target {
        method: &method,
        path,
        query: "",
    };
    let query = signer(&key)
        .presigned(target, &sent, 3_600)
        .expect("signed");
    let head = Head {
        method: &method,
        path,
        query: Some(&query),
        authority: None,
        headers: &sent,
    };
    bench.bench_function("verify presigned", |bench| {
        spent(bench, || check(head, &key))
    });

    let secret = secret();
    let date = Timestamp::from_unix(NOW).date();
    bench.bench_function("derive", |bench| {
        spent(bench, || {
            SigningKey::derive(black_box(&secret), date, REGION)
        });
    });
}

fn bodies(bench: &mut Criterion) {
    let key = Arc::new(SigningKey::derive(
        &secret(),
        Timestamp::from_unix(NOW).date(),
        REGION,
    ));
    let method = Method::PUT;
    let data = vec![7_u8; CHUNK];
    let mut signed = headers();
    signed.insert("x-amz-decoded-content-length", HeaderValue::from(CHUNK));
    let target = Target {
        method: &method,
        path: "/photos/new",
        query: "",
    };
    let mode = PayloadMode::StreamingSigned { trailer: false };
    let seed = signer(&key)
        .header(target, &mut signed, mode)
        .expect("signed");
    let mut body = Vec::new();
    let mut chunks = ChunkSigner::new(Arc::clone(&key), Timestamp::from_unix(NOW), seed);
    chunks.chunk(&data, &mut body);
    chunks.last(&mut body);
    let body = Bytes::from(body);
    let head = Head {
        method: &method,
        path: "/photos/new",
        query: None,
        authority: None,
        headers: &signed,
    };
    let Ok(Presented::Signed(claim)) = Presented::read(head, NOW, &Expectation::s3(REGION)) else {
        panic!("not a claim");
    };
    let verified = claim.verify(&key).expect("the signature matches");

    let mut group = bench.benchmark_group("body of 64 KiB");
    group.throughput(Throughput::BytesDecimal(CHUNK as u64));
    group.bench_function("signed chunk", |bench| {
        bench.iter(|| {
            let mut checker = verified.body(&key);
            let mut input = body.clone();
            while let Some(piece) = checker.push(&mut input).expect("verified") {
                black_box(piece);
            }
            checker.finish().expect("verified")
        });
    });
    group.bench_function("sha256", |bench| {
        bench.iter(|| Sha256::digest(black_box(&data)));
    });
    group.finish();
}

criterion_group!(benches, heads, bodies);
criterion_main!(benches);
