//! SIGKILL at random moments under load, round after round on one folder: each acknowledged object is there by its hash,
//! no other is partly there, and nothing that was deleted comes back.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use s3_protocol::Operation;
use tests::call::{self, Call, Payload};
use tests::gate::{Gate, Key};
use tests::long;
use tests::operations;
use tests::random::Random;
use tests::sign::{self, Signer};
use tests::wait;
use tests::wire::Wire;

/// How often the gate is killed in the short form.
const ROUNDS: u64 = 50;
/// Connections that write.
const WRITERS: usize = 6;
/// Keys of each writer: few, so that they are overwritten and deleted, too.
const KEYS: u64 = 24;

/// What may stand at a key: what was acknowledged last, or what was sent since and never answered.
#[derive(Clone, Debug, Default)]
struct Expected {
    acknowledged: Option<String>,
    unanswered: Vec<Option<String>>,
}

/// When a gate is killed: counted from its own work, so that a busy machine changes nothing.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// After so many acknowledged writes,
    writes: u64,
    /// and so much later.
    pause: Duration,
}

/// All keys of all writers.
type Model = Mutex<BTreeMap<String, Expected>>;

#[test]
fn every_acknowledged_object_survives_fifty_kills() {
    let seed = Random::seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let model: Model = Mutex::default();
    let (mut acknowledged, mut downtime) = (0, Duration::ZERO);
    let rounds = long::rounds(ROUNDS);
    for round in 0..rounds {
        let begin = Instant::now();
        let gate = Gate::start_in(folder.path(), &[], &[]);
        downtime = downtime.max(begin.elapsed());
        let key = gate.key("photos", "full").clone();
        verify(&gate, &key, &model, round);
        let moment = Moment {
            writes: 1 + random.below(60),
            pause: Duration::from_micros(random.below(20_000)),
        };
        acknowledged += write_until_killed(gate, &key, &model, random.word(), moment);
    }
    let gate = Gate::start_in(folder.path(), &[], &[]);
    let key = gate.key("photos", "full").clone();
    verify(&gate, &key, &model, rounds);
    println!("{acknowledged} acknowledged writes, longest start {downtime:?}");
    assert!(
        acknowledged > rounds * 20,
        "{acknowledged} writes were no load"
    );
}

/// Writes with all connections, kills the gate at `moment`; answers how many writes were acknowledged.
fn write_until_killed(gate: Gate, key: &Key, model: &Model, seed: u64, moment: Moment) -> u64 {
    let (stop, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let wires: Vec<Wire> = (0..WRITERS).map(|_| gate.wire()).collect();
    let (host, signer) = (gate.host().to_owned(), call::signer(&gate, key));
    std::thread::scope(|scope| {
        for (number, wire) in wires.into_iter().enumerate() {
            let random = Random::new(seed.wrapping_add(number as u64));
            let writer = Writer {
                number,
                wire,
                host: &host,
                signer: &signer,
                model,
                random,
            };
            scope.spawn(|| writer.run(&stop, &count));
        }
        wait::until("writes", Duration::from_secs(30), || {
            (count.load(Ordering::Relaxed) >= moment.writes).then_some(())
        });
        std::thread::sleep(moment.pause);
        gate.kill();
        stop.store(true, Ordering::Relaxed);
    });
    count.into_inner()
}

/// One connection that writes, overwrites, uploads in parts and deletes.
struct Writer<'a> {
    number: usize,
    wire: Wire,
    host: &'a str,
    signer: &'a Signer,
    model: &'a Model,
    random: Random,
}

impl Writer<'_> {
    fn run(mut self, stop: &AtomicBool, count: &AtomicU64) {
        while !stop.load(Ordering::Relaxed) {
            let key = format!("w{}/{}", self.number, self.random.below(KEYS));
            let length = match self.random.below(10) {
                0 => 0,
                1..=6 => self.random.below(8_000),
                7 | 8 => self.random.below(200_000),
                _ => self.random.below(3_000_000),
            };
            let body = self.random.bytes(usize::try_from(length).unwrap());
            let kind = self.random.below(10);
            let next = (kind != 0).then(|| sign::sha256(&body));
            // Before it is sent: whatever comes of it, it may be there.
            self.expect(&key, |expected| expected.unanswered.push(next.clone()));
            let done = match kind {
                0 => self.ask(&Call::delete(&format!("/demo-bucket/{key}")), 204),
                1 => self.in_parts(&key, &body),
                2..=4 => self.put(&key, &body, Payload::Chunked(65_536)),
                _ => self.put(&key, &body, Payload::Signed),
            };
            if done.is_none() {
                return;
            }
            count.fetch_add(1, Ordering::Relaxed);
            self.expect(&key, |expected| {
                *expected = Expected {
                    acknowledged: next,
                    unanswered: Vec::new(),
                };
            });
        }
    }

    fn expect(&self, key: &str, change: impl FnOnce(&mut Expected)) {
        change(
            self.model
                .lock()
                .unwrap()
                .entry(key.to_owned())
                .or_default(),
        );
    }

    fn put(&mut self, key: &str, body: &[u8], payload: Payload) -> Option<()> {
        self.ask(
            &Call::put(&format!("/demo-bucket/{key}"), body).payload(payload),
            200,
        )
    }

    fn in_parts(&mut self, key: &str, body: &[u8]) -> Option<()> {
        let begin = operations::call(Operation::CreateMultipartUpload, "demo-bucket", key, "");
        let upload = self.answer(&begin, 200)?.element("UploadId").unwrap();
        let part = Call::put(
            &format!("/demo-bucket/{key}?partNumber=1&uploadId={upload}"),
            body,
        );
        let part = self.answer(&part, 200)?;
        let etag = part.header("etag").unwrap();
        let list = format!(
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        );
        let complete = format!("/demo-bucket/{key}?uploadId={upload}");
        self.ask(&Call::post(&complete, list.as_bytes()), 200)
    }

    fn ask(&mut self, call: &Call, status: u16) -> Option<()> {
        self.answer(call, status).map(drop)
    }

    /// The answer; none when the gate is gone.
    fn answer(&mut self, call: &Call, status: u16) -> Option<tests::wire::Answer> {
        let raw = call.sign(self.signer, self.host);
        let answer = self.wire.ask(&raw.bytes()).ok()?;
        answer.expect(status);
        Some(answer)
    }
}

/// Compares what is there with what may be there, and takes what is found as the new truth.
fn verify(gate: &Gate, key: &Key, model: &Model, round: u64) {
    let signer = call::signer(gate, key);
    let mut wire = gate.wire();
    let mut ask = |call: Call| wire.ask(&call.sign(&signer, gate.host()).bytes()).unwrap();
    let mut model = model.lock().unwrap();
    let mut there = BTreeMap::new();
    for (name, expected) in model.iter_mut() {
        let answer = ask(Call::get(&format!("/demo-bucket/{name}")));
        let found = match answer.status {
            200 => Some(sign::sha256(&answer.body)),
            404 => None,
            _ => panic!("round {round}: {name}: {} {}", answer.status, answer.text()),
        };
        let is_right = found == expected.acknowledged || expected.unanswered.contains(&found);
        assert!(
            is_right,
            "round {round}: {name} is {found:?}, and may be {expected:?}"
        );
        if found.is_some() {
            there.insert(name.clone(), answer.body.len());
        }
        *expected = Expected {
            acknowledged: found,
            unanswered: Vec::new(),
        };
    }
    // The list tells of the same objects and of no other.
    let list = ask(Call::get("/demo-bucket?list-type=2"));
    let text = list.expect(200).text();
    let listed: Vec<&str> = text
        .split("<Key>")
        .skip(1)
        .filter_map(|rest| rest.split('<').next())
        .collect();
    let names: Vec<&str> = there.keys().map(String::as_str).collect();
    assert_eq!(listed, names, "round {round}: the list");
}
