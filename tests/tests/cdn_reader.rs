//! A read-only key as a CDN's edge uses it: ranges, revalidation, HEAD, kept connections, and nothing else.

use tests::call::{self, Call};
use tests::clients::{Client, file};
use tests::gate::Gate;
use tests::random::Random;

/// 001-38, 002-06: a reader that only pulls.
#[test]
fn an_edge_pulls_ranges_revalidates_and_heads_over_one_connection() {
    let gate = Gate::start();
    let body = Random::new(6).bytes(3 * 1024 * 1024);
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/cdn/film", &body)
        .send(&gate, full)
        .expect(200);

    let signer = call::signer(&gate, gate.key("photos", "read"));
    let mut wire = gate.wire();
    let mut ask = |call: Call| wire.ask(&call.sign(&signer, gate.host()).bytes()).unwrap();
    let whole = ask(Call::get("/demo-bucket/cdn/film"));
    assert!(whole.expect(200).body == body);
    let etag = whole.header("etag").unwrap().to_owned();
    let modified = whole.header("last-modified").unwrap().to_owned();

    let head = ask(Call::head("/demo-bucket/cdn/film"));
    assert_eq!(head.expect(200).header("content-length"), Some("3145728"));
    assert_eq!(head.header("etag"), Some(etag.as_str()));
    assert_eq!(head.header("accept-ranges"), Some("bytes"));

    for at in (0..body.len()).step_by(700_001) {
        let end = (at + 65_535).min(body.len() - 1);
        let range = format!("bytes={at}-{end}");
        let part = ask(Call::get("/demo-bucket/cdn/film").with("range", &range));
        assert!(part.expect(206).body == body[at..=end]);
        let place = format!("bytes {at}-{end}/{}", body.len());
        assert_eq!(part.header("content-range"), Some(place.as_str()));
    }

    let fresh = ask(Call::get("/demo-bucket/cdn/film").with("if-none-match", &etag));
    assert_eq!(
        (fresh.expect(304).body.len(), fresh.header("etag")),
        (0, Some(etag.as_str()))
    );
    ask(Call::get("/demo-bucket/cdn/film").with("if-modified-since", &modified)).expect(304);
    ask(Call::head("/demo-bucket/cdn/film").with("if-none-match", &etag)).expect(304);
    ask(Call::get("/demo-bucket/cdn/film").with("if-none-match", "\"old\"")).expect(200);
    // A part of what is no longer there must not be joined to what is: the whole is sent.
    let part = Call::get("/demo-bucket/cdn/film").with("range", "bytes=0-9");
    ask(part.clone().with("if-range", "\"old\"")).expect(200);
    ask(part.with("if-range", &etag)).expect(206);
    ask(Call::get("/demo-bucket/cdn/missing")).expect_error(404, "NoSuchKey");
    ask(Call::delete("/demo-bucket/cdn/film")).expect_error(403, "AccessDenied");
}

#[test]
fn curl_signs_by_itself_and_reads_with_a_read_key() {
    let gate = Gate::start();
    let key = gate.key("photos", "read");
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/cdn/page", b"0123456789")
        .send(&gate, full)
        .expect(200);
    let user = format!("{}:{}", key.access_key_id, key.secret_access_key);
    let provider = format!("aws:amz:{}:s3", gate.dev().region);
    let url = format!("https://{}/demo-bucket/cdn/page", gate.host());
    // S3 wants this header; curl adds it by itself from 8.0 on.
    let digest = "x-amz-content-sha256: UNSIGNED-PAYLOAD";
    let curl = |more: &[&str]| {
        let all = [
            &[
                "--aws-sigv4",
                &provider,
                "--user",
                &user,
                "--header",
                digest,
            ][..],
            more,
            &[&url],
        ]
        .concat();
        Client::new(&gate, key).curl(&all).succeeds()
    };
    assert_eq!(curl(&["--fail"]).out, "0123456789");
    assert_eq!(curl(&["--fail", "--range", "2-4"]).out, "234");
    let folder = tempfile::tempdir().unwrap();
    let upload = file(folder.path(), "f", b"x");
    let refused = curl(&["--upload-file", &upload]);
    assert!(refused.out.contains("AccessDenied"), "{}", refused.story());
}

#[test]
fn a_presigned_url_of_a_read_key_serves_ranges_and_revalidation_to_anybody() {
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    Call::put("/demo-bucket/cdn/clip", b"0123456789")
        .send(&gate, full)
        .expect(200);
    let signer = call::signer(&gate, gate.key("photos", "read"));
    let target = Call::get("/demo-bucket/cdn/clip").presign(&signer, gate.host(), "60");
    let ask = |call: Call| call.anonymous(gate.host()).send(&gate);
    let etag = ask(Call::get(&target))
        .expect(200)
        .header("etag")
        .unwrap()
        .to_owned();
    assert_eq!(
        ask(Call::get(&target).with("range", "bytes=-3"))
            .expect(206)
            .body,
        b"789"
    );
    ask(Call::get(&target).with("if-none-match", &etag)).expect(304);
    ask(Call::head(&target)).expect(403);
}
