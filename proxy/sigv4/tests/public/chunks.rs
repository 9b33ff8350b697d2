//! The `aws-chunked` framing: any split of it, any damage to it, and its ends.

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use sigv4::limits::{CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX};
use sigv4::sign::{ChunkSigner, unsigned_chunks};
use sigv4::{BodyError, BodyVerifier, ChunkDecoder, Framing, PayloadMode, Timestamp};

use crate::fixture::{NOW, Request, key, name};

const CHECKSUM: &str = "x-amz-checksum-crc32c";
const TRAILERS: [(&str, &str); 1] = [(CHECKSUM, "sOO8/Q==")];

/// An upload that is framed.
struct Upload {
    request: Request,
    body: Vec<u8>,
}

const SIGNED: PayloadMode = PayloadMode::StreamingSigned { trailer: false };
const SIGNED_TRAILER: PayloadMode = PayloadMode::StreamingSigned { trailer: true };
const UNSIGNED_TRAILER: PayloadMode = PayloadMode::StreamingUnsignedTrailer;
const MODES: [PayloadMode; 3] = [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER];

impl Upload {
    fn new(mode: PayloadMode, chunks: &[&[u8]]) -> Self {
        let length: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        let mut request = Request::put("/examplebucket/key")
            .with("content-encoding", "aws-chunked")
            .with("x-amz-decoded-content-length", &length.to_string());
        if mode != SIGNED {
            request.set("x-amz-trailer", CHECKSUM);
        }
        let seed = request.sign(mode);
        let mut body = Vec::new();
        if mode == UNSIGNED_TRAILER {
            body = unsigned_chunks(chunks.iter().copied(), &TRAILERS);
        } else {
            let mut signer = ChunkSigner::new(key(), Timestamp::from_unix(NOW), seed);
            for chunk in chunks {
                signer.chunk(chunk, &mut body);
            }
            if mode == SIGNED {
                signer.last(&mut body);
            } else {
                signer.last_with_trailers(&TRAILERS, &mut body);
            }
        }
        Self { request, body }
    }

    fn decode(&self) -> Result<(Vec<u8>, HeaderMap), BodyError> {
        self.decode_split(&[])
    }

    /// Decodes the body in pieces that end at `cuts`.
    fn decode_split(&self, cuts: &[usize]) -> Result<(Vec<u8>, HeaderMap), BodyError> {
        let verifier = self.request.verify().unwrap().body(&key());
        decode(verifier, &self.body, cuts)
    }

    /// Replaces a piece of the body, which must be there.
    fn swap(&mut self, from: &[u8], to: &[u8]) {
        let at = self
            .body
            .windows(from.len())
            .position(|window| window == from)
            .unwrap();
        self.body.splice(at..at + from.len(), to.iter().copied());
    }
}

fn decode(
    mut verifier: BodyVerifier,
    body: &[u8],
    cuts: &[usize],
) -> Result<(Vec<u8>, HeaderMap), BodyError> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    cuts.push(body.len());
    cuts.sort_unstable();
    let (mut data, mut start) = (Vec::new(), 0);
    for end in cuts {
        let mut input = Bytes::copy_from_slice(&body[start..end]);
        while let Some(piece) = verifier.push(&mut input)? {
            assert!(!piece.is_empty());
            data.extend_from_slice(&piece);
        }
        assert!(input.is_empty());
        start = end;
    }
    Ok((data, verifier.finish()?))
}

/// Decodes a body without signatures, of `length` bytes and with the trailers `names`.
fn decode_unsigned(body: &[u8], length: u64, names: &[&str]) -> Result<Vec<u8>, BodyError> {
    let framing = Framing::new(length, names.iter().map(|text| name(text)));
    let decoder = ChunkDecoder::unsigned(framing);
    decode(BodyVerifier::Chunked(Box::new(decoder)), body, &[]).map(|(data, _)| data)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_body_gives_the_same_bytes(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let pieces: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        for mode in MODES {
            let upload = Upload::new(mode, &pieces);
            let (data, trailers) = upload.decode_split(&cuts).unwrap();
            prop_assert_eq!(&data, &chunks.concat());
            prop_assert_eq!(trailers.len(), usize::from(mode != SIGNED));
        }
    }

    #[test]
    fn no_input_makes_the_decoder_panic_and_an_error_stays(
        bytes in prop::collection::vec(prop::sample::select(&b"0123aAfg;:\r\n chunk-signature=x"[..]), 0..400),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        for mode in MODES {
            let upload = Upload::new(mode, &[b"abc"]);
            let mut verifier = upload.request.verify().unwrap().body(&key());
            let mut input = Bytes::from(bytes.clone());
            let first = loop {
                match verifier.push(&mut input) {
                    Ok(Some(_)) => {}
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            if let Some(error) = first {
                prop_assert_eq!(verifier.push(&mut Bytes::from_static(b"0")), Err(error.clone()));
                prop_assert_eq!(verifier.finish().unwrap_err(), error);
            }
            let split = decode(upload.request.verify().unwrap().body(&key()), &bytes, &cuts);
            let whole = decode(upload.request.verify().unwrap().body(&key()), &bytes, &[]);
            prop_assert_eq!(split, whole);
        }
    }
}

#[test]
fn every_single_cut_gives_the_same_bytes() {
    for mode in MODES {
        let upload = Upload::new(mode, &[b"hello ", b"world"]);
        for cut in 0..=upload.body.len() {
            assert_eq!(upload.decode_split(&[cut]).unwrap().0, b"hello world");
        }
        let every: Vec<usize> = (0..upload.body.len()).collect();
        assert_eq!(upload.decode_split(&every).unwrap().0, b"hello world");
    }
}

#[test]
fn any_flipped_bit_of_a_signed_body_is_refused() {
    for mode in [SIGNED, SIGNED_TRAILER] {
        let upload = Upload::new(mode, &[b"hello ", b"world"]);
        for (at, bit) in (0..upload.body.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut damaged = Upload {
                request: upload.request.clone(),
                body: upload.body.clone(),
            };
            damaged.body[at] ^= 1 << bit;
            // The name of a trailer is the same in either case.
            let in_name = |name: &[u8]| {
                let mut windows = upload.body.windows(name.len());
                let start = windows.position(|window| window == name);
                start.is_some_and(|start| (start..start + name.len()).contains(&at))
            };
            if damaged.body.eq_ignore_ascii_case(&upload.body)
                && (in_name(CHECKSUM.as_bytes()) || in_name(b"x-amz-trailer-signature"))
            {
                continue;
            }
            assert!(damaged.decode().is_err(), "{mode:?}: byte {at}, bit {bit}");
        }
    }
}

#[test]
fn any_body_that_is_cut_short_is_refused() {
    for mode in MODES {
        let upload = Upload::new(mode, &[b"hello ", b"world"]);
        for length in 0..upload.body.len() {
            let body = upload.body[..length].to_vec();
            let cut = Upload {
                request: upload.request.clone(),
                body,
            };
            assert_eq!(
                cut.decode(),
                Err(BodyError::Truncated),
                "{mode:?}: {length}"
            );
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    for mode in MODES {
        for more in ["\r\n", "\n", "0", "0\r\n\r\n", "x"] {
            let mut upload = Upload::new(mode, &[b"hello"]);
            upload.body.extend_from_slice(more.as_bytes());
            assert_eq!(
                upload.decode(),
                Err(BodyError::AfterEnd),
                "{mode:?} {more:?}"
            );
        }
    }
}

#[test]
fn an_empty_body_is_one_chunk_in_each_mode() {
    for mode in MODES {
        assert!(
            Upload::new(mode, &[]).decode().unwrap().0.is_empty(),
            "{mode:?}"
        );
        let nothing = Upload {
            request: Upload::new(mode, &[]).request,
            body: Vec::new(),
        };
        assert_eq!(nothing.decode(), Err(BodyError::Truncated), "{mode:?}");
    }
}

#[test]
fn chunks_chain_through_the_last_empty_one() {
    let long = Upload::new(SIGNED, &[b"one", b"two", b"six"]);
    let sizes = ["3;chunk-signature=\r\n".len() + 64 + "one\r\n".len(); 3];
    let chunk = |number: usize| {
        let start: usize = sizes[..number].iter().sum();
        long.body[start..start + sizes[number]].to_vec()
    };
    let last = long.body[sizes.iter().sum::<usize>()..].to_vec();
    let decode = |chunks: &[Vec<u8>]| {
        Upload {
            request: long.request.clone(),
            body: chunks.concat(),
        }
        .decode()
        .map(drop)
    };
    assert_eq!(
        decode(&[chunk(0), chunk(1), chunk(2), last.clone()]),
        Ok(())
    );
    let wrong = Err(BodyError::ChunkSignature);
    assert_eq!(
        decode(&[chunk(1), chunk(0), chunk(2), last.clone()]),
        wrong,
        "in another order"
    );
    assert_eq!(
        decode(&[chunk(0), chunk(0), chunk(2), last.clone()]),
        wrong,
        "one repeated"
    );
    assert_eq!(
        decode(&[chunk(0), chunk(1), last.clone()]),
        wrong,
        "one left out"
    );
    // The last chunk of another upload of the same length.
    let other = Upload::new(SIGNED, &[b"oneone", b"one"]);
    let foreign = other.body[other.body.len() - last.len()..].to_vec();
    assert_eq!(
        decode(&[chunk(0), chunk(1), chunk(2), foreign]),
        wrong,
        "a foreign end"
    );
}

#[test]
fn a_chunk_without_a_signature_is_refused_where_chunks_are_signed() {
    for body in [
        "5\r\nhello\r\n0\r\n\r\n",
        "5;chunk-signature=\r\nhello",
        "5;other=1\r\nhello",
        ";\r\n",
    ] {
        let mut upload = Upload::new(SIGNED, &[b"hello"]);
        upload.body = body.as_bytes().to_vec();
        assert_eq!(upload.decode(), Err(BodyError::MalformedChunk), "{body:?}");
    }
    let mut upload = Upload::new(SIGNED, &[b"hello"]);
    let unsigned = Upload::new(UNSIGNED_TRAILER, &[b"hello"]).body;
    upload.body = unsigned;
    assert_eq!(upload.decode(), Err(BodyError::MalformedChunk));
}

#[test]
fn no_byte_of_a_chunk_whose_signature_is_wrong_is_its_last() {
    let mut upload = Upload::new(SIGNED, &[b"hello"]);
    upload.swap(b"hello", b"hellO");
    let mut verifier = upload.request.verify().unwrap().body(&key());
    assert_eq!(
        verifier.push(&mut Bytes::from(upload.body)),
        Err(BodyError::ChunkSignature)
    );
}

#[test]
fn data_is_handed_out_without_a_copy_before_its_chunk_has_ended() {
    let upload = Upload::new(SIGNED, &[b"hello world"]);
    let mut verifier = upload.request.verify().unwrap().body(&key());
    assert_eq!(verifier.decoded_length(), Some(11));
    let whole = Bytes::from(upload.body);
    let start = whole
        .windows(5)
        .position(|window| window == b"hello")
        .unwrap();
    let mut input = whole.slice(..start + 5);
    let piece = verifier.push(&mut input).unwrap().unwrap();
    assert_eq!(piece, "hello");
    assert_eq!(piece.as_ptr(), whole[start..].as_ptr());
}

#[test]
fn the_decoded_length_is_enforced() {
    let body = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert_eq!(decode_unsigned(body, 5, &[]).unwrap(), b"abcde");
    assert_eq!(
        decode_unsigned(body, 4, &[]),
        Err(BodyError::TooLong { declared: 4 })
    );
    assert_eq!(
        decode_unsigned(body, 6, &[]),
        Err(BodyError::TooShort {
            declared: 6,
            received: 5
        })
    );
    // Before a byte of it has come.
    let huge = b"ffffffffffffffff\r\n";
    assert_eq!(
        decode_unsigned(huge, 5, &[]),
        Err(BodyError::TooLong { declared: 5 })
    );
}

#[test]
fn malformed_chunks_are_refused() {
    for body in [
        "\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3;x=1\r\nabc\r\n0\r\n\r\n",
        "g\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3\r\nabc\r0\r\n\r\n",
        "00000000000000003\r\nabc\r\n0\r\n\r\n",
        "3\r\r\nabc\r\n0\r\n\r\n",
    ] {
        let error = decode_unsigned(body.as_bytes(), 3, &[]).unwrap_err();
        assert_eq!(error, BodyError::MalformedChunk, "{body:?}");
    }
    assert_eq!(
        decode_unsigned(b"0003\r\nabc\r\n00\r\n\r\n", 3, &[]).unwrap(),
        b"abc"
    );
    assert_eq!(
        decode_unsigned(b"A\r\n0123456789\r\n0\r\n\r\n", 10, &[]).unwrap(),
        b"0123456789"
    );
}

#[test]
fn the_line_before_a_chunk_has_a_bound() {
    for (bytes, expected) in [
        (CHUNK_LINE_BYTES_MAX, BodyError::Truncated),
        (CHUNK_LINE_BYTES_MAX + 2, BodyError::MalformedChunk),
        (1_000_000, BodyError::MalformedChunk),
    ] {
        assert_eq!(
            decode_unsigned(&vec![b'0'; bytes], 3, &[]),
            Err(expected),
            "{bytes}"
        );
    }
}

#[test]
fn trailers_have_a_bound() {
    let body = |bytes: usize| format!("0\r\n{CHECKSUM}:{}", "A".repeat(bytes - CHECKSUM.len() - 1));
    let decode = |bytes: usize| decode_unsigned(body(bytes).as_bytes(), 0, &[CHECKSUM]);
    assert_eq!(decode(TRAILER_BYTES_MAX), Err(BodyError::Truncated));
    assert_eq!(
        decode(TRAILER_BYTES_MAX + 2),
        Err(BodyError::TrailersTooLong)
    );
    // In many lines as in one.
    let many = format!(
        "0\r\n{}",
        "x-amz-checksum-crc32c:\n\r\n".repeat(TRAILER_BYTES_MAX)
    );
    assert!(decode_unsigned(many.as_bytes(), 0, &[CHECKSUM]).is_err());
}

#[test]
fn the_trailers_are_those_that_were_declared() {
    let undeclared = |name: &str| BodyError::TrailerUndeclared {
        name: name.to_owned(),
    };
    for (trailers, declared, expected) in [
        ("", vec![], Ok(())),
        ("x-amz-checksum-crc32c:a\r\n", vec![CHECKSUM], Ok(())),
        ("X-Amz-Checksum-CRC32C: a \r\n", vec![CHECKSUM], Ok(())),
        ("x-amz-checksum-crc32c:a\n\r\n", vec![CHECKSUM], Ok(())),
        (
            "",
            vec![CHECKSUM],
            Err(BodyError::TrailerAbsent {
                name: name(CHECKSUM),
            }),
        ),
        (
            "x-amz-checksum-crc32c:a\r\n",
            vec![],
            Err(undeclared(CHECKSUM)),
        ),
        (
            "x-amz-checksum-sha1:a\r\n",
            vec![CHECKSUM],
            Err(undeclared("x-amz-checksum-sha1")),
        ),
        (
            "x-amz-acl:public-read\r\n",
            vec![CHECKSUM],
            Err(undeclared("x-amz-acl")),
        ),
        (
            "x-amz-checksum-crc32c:a\r\nx-amz-checksum-crc32c:b\r\n",
            vec![CHECKSUM],
            Err(undeclared(CHECKSUM)),
        ),
        (
            "x-amz-trailer-signature:a\r\n",
            vec![],
            Err(undeclared("x-amz-trailer-signature")),
        ),
        (
            "x-amz-checksum-crc32c\r\n",
            vec![CHECKSUM],
            Err(BodyError::MalformedTrailer),
        ),
        (
            " x-amz-checksum-crc32c:a\r\n",
            vec![CHECKSUM],
            Err(BodyError::MalformedTrailer),
        ),
        (":a\r\n", vec![CHECKSUM], Err(BodyError::MalformedTrailer)),
        ("\n", vec![], Err(BodyError::MalformedTrailer)),
        (
            "x-amz-checksum-crc32c:a\0\r\n",
            vec![CHECKSUM],
            Err(BodyError::MalformedTrailer),
        ),
        (
            "x-amz-checksum-crc32c:a\r\nb\r\n",
            vec![CHECKSUM],
            Err(BodyError::MalformedTrailer),
        ),
    ] {
        let body = format!("0\r\n{trailers}\r\n");
        let result = decode_unsigned(body.as_bytes(), 0, &declared).map(drop);
        assert_eq!(result, expected, "{trailers:?}");
    }
}

#[test]
fn a_signed_trailer_needs_its_own_signature_as_the_last_line() {
    let good = || Upload::new(SIGNED_TRAILER, &[b"hello"]);
    assert_eq!(good().decode().unwrap().1[CHECKSUM], "sOO8/Q==");

    let mut altered = good();
    altered.swap(b"sOO8/Q==", b"sOO8/R==");
    assert_eq!(altered.decode(), Err(BodyError::TrailerSignature));

    let mut absent = good();
    let at = absent
        .body
        .windows(23)
        .position(|window| window == b"x-amz-trailer-signature")
        .unwrap();
    let signature = absent.body.split_off(at);
    absent.body.extend_from_slice(b"\r\n");
    assert_eq!(absent.decode(), Err(BodyError::TrailerSignature));

    let mut first = good();
    let at = first
        .body
        .windows(21)
        .position(|window| window == CHECKSUM.as_bytes())
        .unwrap();
    first.body.truncate(at);
    first
        .body
        .extend_from_slice(&signature[..signature.len() - 2]);
    first
        .body
        .extend_from_slice(b"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n");
    assert_eq!(first.decode(), Err(BodyError::MalformedTrailer));

    let mut malformed = good();
    malformed.swap(b"x-amz-trailer-signature:", b"x-amz-trailer-signature:0");
    assert_eq!(malformed.decode(), Err(BodyError::MalformedTrailer));
}
