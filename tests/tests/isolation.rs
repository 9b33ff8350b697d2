//! Strangers: every built operation of one is tried on what belongs to the other, for every pair of two users, a user and the root,
//! a sub-user and another's user, two accounts, and the customers of a reseller.
//!
//! What is hidden must be answered like what never was: the same bytes but for the names that were asked for, and by the same step
//! for the same reason, as the access log has it, so that no clock can tell them apart either.

use std::collections::BTreeMap;

use postern_config::directory::{Level, Profile, SubUsers};
use s3_protocol::Operation;
use s3_protocol::operation::Scope;
use serde_json::Value;
use tests::call::{self, Call, Raw};
use tests::gate::{Gate, Key};
use tests::house::House;
use tests::operations;
use tests::wire::{Answer, Wire};

/// 000-13, 001-15, 001-34.
#[test]
fn the_same_name_is_two_buckets() {
    let gate = Gate::start();
    let (photos, backups) = (gate.key("photos", "full"), gate.key("backups", "full"));
    assert_eq!(photos.bucket, backups.bucket);
    Call::put("/demo-bucket/who", b"photos")
        .send(&gate, photos)
        .expect(200);
    Call::get("/demo-bucket/who")
        .send(&gate, backups)
        .expect_error(404, "NoSuchKey");
    Call::put("/demo-bucket/who", b"backups")
        .send(&gate, backups)
        .expect(200);
    assert_eq!(
        Call::get("/demo-bucket/who").send(&gate, photos).body,
        b"photos"
    );
    Call::delete("/demo-bucket/who")
        .send(&gate, backups)
        .expect(204);
    Call::get("/demo-bucket/who")
        .send(&gate, photos)
        .expect(200);
}

/// 000-10, 000-11, 000-12, 000-14, 000-15, 000-21, 000-23, 001-07, 001-09, 001-10, 001-14, 001-35: in each profile whose users have
/// names of their own.
#[test]
fn no_operation_reaches_or_betrays_what_is_a_strangers() {
    for (name, profile) in [
        ("e3-primary", Profile::E3Primary),
        ("e3-root", Profile::E3Root),
    ] {
        Street::new(name, profile).strangers_meet(|one, other| one.user != other.user);
    }
}

/// 003-02, 004-02: where the users of an account share its buckets, accounts are strangers.
#[test]
fn no_operation_reaches_or_betrays_what_is_another_accounts() {
    for (name, profile) in [("datastream", Profile::Datastream), ("vpsa", Profile::Vpsa)] {
        Street::new(name, profile).strangers_meet(|one, other| one.account != other.account);
    }
}

/// What browsers are told of other origins rests on the owner's rules alone, also on a host that leads into his namespace.
#[test]
fn an_origin_learns_of_a_bucket_what_its_rules_tell_that_origin() {
    for (name, profile, label, stranger) in [
        ("e3-primary", Profile::E3Primary, "photos", "backups"),
        ("e3-root", Profile::E3Root, "photos", "backups"),
        ("datastream", Profile::Datastream, "demo", "customer-a"),
        ("vpsa", Profile::Vpsa, "demo", "customer-a"),
    ] {
        Street::new(name, profile).origins_ask(label, stranger);
    }
}

/// Somebody with a key, and a bucket of his own.
struct Party {
    account: &'static str,
    user: &'static str,
    key: Key,
    /// A sub-user has none: he works on his user's.
    bucket: Option<String>,
}

/// A gate with many strangers.
struct Street {
    gate: Gate,
    parties: Vec<Party>,
    /// Outlives the gate.
    _house: House,
}

/// Two requests that differ in the bucket's name alone: one is there, the other never was.
struct Twins {
    about: String,
    ids: [String; 2],
    buckets: [String; 2],
}

/// Pages of one origin may read.
const RULES: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>https://pages.example</AllowedOrigin>\
    <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";

/// What its owner alone may see.
const SECRET: &str = "TheSecretOf";

impl Street {
    fn new(name: &'static str, profile: Profile) -> Self {
        let house = House::new(name);
        let mut parties = Vec::new();
        {
            let office = house.office();
            let mut put = |account, user, key, has_bucket: bool| {
                let number = parties.len();
                parties.push(Party {
                    account,
                    user,
                    key,
                    bucket: has_bucket.then(|| format!("only-{number:02}")),
                });
            };
            for user in ["photos", "backups"] {
                put(
                    "demo",
                    user,
                    office.key(office.user(user), Level::Full),
                    true,
                );
                if profile.rules().sub_users == SubUsers::Yes {
                    let sub_user = office.sub_user(user, "edge", Level::Full);
                    put("demo", user, office.sub_key(sub_user, Level::Full), false);
                }
            }
            let (reseller, root) = office.account("reseller", profile, None);
            put("reseller", "its-root", office.key(root, Level::Full), true);
            for account in ["customer-a", "customer-b"] {
                let (_, root) = office.account(account, profile, Some(reseller));
                put(account, account, office.key(root, Level::Full), true);
            }
        }
        let gate = house.gate();
        // A root user may have one key alone, and has it.
        parties.push(Party {
            account: "demo",
            user: "root",
            key: gate.key("root", "full").clone(),
            bucket: Some("only-99".to_owned()),
        });
        for party in &parties {
            party.moves_in(&gate);
        }
        Self {
            gate,
            parties,
            _house: house,
        }
    }

    /// Every pair of strangers, each way.
    fn strangers_meet(self, are_strangers: impl Fn(&Party, &Party) -> bool) {
        let (mut pairs, mut twins) = (0, Vec::new());
        for caller in &self.parties {
            let mut wire = self.gate.wire();
            for owner in &self.parties {
                let Some(bucket) = owner
                    .bucket
                    .as_deref()
                    .filter(|_| are_strangers(caller, owner))
                else {
                    continue;
                };
                pairs += 1;
                twins.extend(self.tries_everything(&mut wire, caller, bucket));
            }
            self.sees_his_own(&mut wire, caller);
        }
        assert!(pairs >= 20, "{pairs}");
        self.are_judged_alike(&twins);
        for owner in &self.parties {
            owner.has_lost_nothing(&self.gate);
        }
    }

    /// Every operation on a bucket that is there and on one that never was.
    fn tries_everything(&self, wire: &mut Wire, caller: &Party, hidden: &str) -> Vec<Twins> {
        let never = hidden.replace("only", "none");
        let upload = "0".repeat(32);
        let mut twins = Vec::new();
        for &operation in Operation::ALL.iter().filter(|operation| {
            operation.is_built()
                && operation.scope() != Scope::Service
                && **operation != Operation::CreateBucket
        }) {
            let [one, other] = [hidden, never.as_str()].map(|bucket| {
                let raw = if operation == Operation::PostObject {
                    let form = operations::form(&self.gate, &caller.key, bucket, "o");
                    form.anonymous(self.gate.host())
                } else {
                    let call = operations::call(operation, bucket, "o", &upload);
                    call.sign(&call::signer(&self.gate, &caller.key), self.gate.host())
                };
                self.ask(wire, &raw)
            });
            let about = format!("{operation} by {} of {hidden}", caller.user);
            assert_eq!(seen(&one, hidden), seen(&other, &never), "{about}");
            assert!((400..500).contains(&one.status), "{about}: {}", one.text());
            twins.push(Twins {
                about,
                ids: [one, other].map(|it| it.request_id().to_owned()),
                buckets: [hidden.to_owned(), never.clone()],
            });
        }
        assert!(twins.len() >= 18, "{}", twins.len());
        self.steals_by_copy(wire, caller, [hidden, &never]);
        twins
    }

    /// Over a kept connection, or a new one where a refusal has closed it.
    fn ask(&self, wire: &mut Wire, raw: &Raw) -> Answer {
        let answer = wire.ask(&raw.bytes()).expect("an answer");
        if answer.header("connection") == Some("close") {
            *wire = self.gate.wire();
        }
        answer
    }

    /// What belongs to another is no source of a copy into the caller's own.
    fn steals_by_copy(&self, wire: &mut Wire, caller: &Party, [hidden, never]: [&str; 2]) {
        let Some(own) = &caller.bucket else { return };
        let signer = call::signer(&self.gate, &caller.key);
        let [one, other] = [hidden, never].map(|bucket| {
            let copy = Call::put(&format!("/{own}/stolen"), b"")
                .with("x-amz-copy-source", &format!("/{bucket}/o"));
            self.ask(wire, &copy.sign(&signer, self.gate.host()))
        });
        assert_eq!(seen(&one, hidden), seen(&other, never));
        assert_eq!(one.status, 404, "{}", one.text());
    }

    /// The same step refuses both, for the same reason, having asked the same modules.
    fn are_judged_alike(&self, twins: &[Twins]) {
        let last = twins.iter().flat_map(|twins| &twins.ids).last();
        self.gate.entry(last.expect("a request"));
        let entries: BTreeMap<String, Value> = self
            .gate
            .entries()
            .into_iter()
            .filter_map(|entry| Some((entry["request_id"].as_str()?.to_owned(), entry)))
            .collect();
        for Twins {
            about,
            ids,
            buckets,
        } in twins
        {
            let [one, other] = [0, 1].map(|at| {
                let entry = entries.get(&ids[at]).expect("an entry");
                let inner = [
                    "operation",
                    "outcome",
                    "decision",
                    "layer",
                    "reason",
                    "modules",
                ];
                let inner = inner.map(|field| &entry["postern"][field]);
                let class = [&entry["http_status"], &entry["error_code"]];
                let class = inner.into_iter().chain(class).map(ToString::to_string);
                let class: Vec<String> = class.collect();
                class.join(" ").replace(&buckets[at], "BUCKET")
            });
            assert_eq!(one, other, "{about}");
        }
    }

    /// A bucket with a rule for one origin, one without rules, and one that never was, at the host of their owner's namespace: whom the
    /// rule does not name cannot tell them apart, whether he signs or not.
    fn origins_ask(self, label: &str, stranger: &str) {
        let owner = self.gate.key("photos", "full");
        let rules = operations::with_md5(Call::put("/only-00?cors", RULES.as_bytes()));
        rules.send(&self.gate, owner).expect(200);
        let stranger = self.parties.iter().find(|party| party.user == stranger);
        let preflight = |key, bucket, ask| self.preflight((key, label), bucket, ask);
        for key in [None, stranger.map(|party| &party.key)] {
            for (origin, asked) in [
                (None, "GET"),
                (Some("https://elsewhere.example"), "GET"),
                (Some("https://pages.example.evil.example"), "GET"),
                (Some("https://pages.example"), "PUT"),
            ] {
                let [ruled, bare, never] = ["only-00", "demo-bucket", "none-00"]
                    .map(|bucket| seen(&preflight(key, bucket, (origin, asked)), bucket));
                let about = format!("{origin:?} {asked} {:?}", key.map(|key| &key.user));
                assert_eq!(ruled, never, "{about}");
                assert_eq!(bare, never, "{about}");
                assert!(!is_told(&ruled.1), "{about}: {ruled:?}");
            }
            let told = preflight(key, "only-00", (Some("https://pages.example"), "GET"));
            let told = seen(told.expect(200), "only-00");
            assert!(is_told(&told.1), "{told:?}");
            for bucket in ["demo-bucket", "none-00"] {
                let refused = preflight(key, bucket, (Some("https://pages.example"), "GET"));
                refused.expect_error(403, "AccessForbidden");
            }
            // Beside an answer stands what the rules tell the origin, and no byte of the bucket.
            for (origin, is_named) in [
                ("https://pages.example", true),
                ("https://elsewhere.example", false),
            ] {
                let get = Call::get("/o").with("origin", origin);
                let (status, headers, text) =
                    seen(&self.at((key, label), "only-00", get), "only-00");
                assert!((400..500).contains(&status), "{text}");
                assert_eq!(is_told(&headers), is_named, "{headers:?}");
            }
        }
        // What belongs to an account that is suspended tells nobody anything.
        self.gate.postern_ok(&["tenant", "suspend", "demo"]);
        preflight(None, "only-00", (Some("https://pages.example"), "GET"))
            .expect_error(403, "AccessForbidden");
    }

    fn preflight(
        &self,
        key: (Option<&Key>, &str),
        bucket: &str,
        (origin, asked): (Option<&str>, &str),
    ) -> Answer {
        let call = Call::new("OPTIONS", "/o").with("access-control-request-method", asked);
        let call = match origin {
            Some(origin) => call.with("origin", origin),
            None => call,
        };
        self.at(key, bucket, call)
    }

    /// A request at the host of a bucket in the namespace that has this label.
    fn at(&self, (key, label): (Option<&Key>, &str), bucket: &str, call: Call) -> Answer {
        let port = self.gate.address().port();
        let host = format!("{bucket}--{label}.public.localhost:{port}");
        let call = call.host(&host);
        let raw = match key {
            Some(key) => call.sign(&call::signer(&self.gate, key), &host),
            None => call.anonymous(&host),
        };
        raw.send(&self.gate)
    }

    /// A list of buckets names the caller's own, and no stranger's.
    fn sees_his_own(&self, wire: &mut Wire, caller: &Party) {
        let list = Call::get("/").sign(&call::signer(&self.gate, &caller.key), self.gate.host());
        let text = self.ask(wire, &list).expect(200).text();
        for other in &self.parties {
            let Some(bucket) = &other.bucket else {
                continue;
            };
            let is_his = other.account == caller.account && other.user == caller.user;
            if is_his {
                assert!(text.contains(bucket.as_str()), "{text}");
            } else if other.account != caller.account {
                assert!(!text.contains(bucket.as_str()), "{text}");
            }
        }
    }
}

impl Party {
    fn moves_in(&self, gate: &Gate) {
        let Some(bucket) = &self.bucket else { return };
        Call::put(&format!("/{bucket}"), b"")
            .send(gate, &self.key)
            .expect(200);
        Call::put(
            &format!("/{bucket}/o"),
            format!("{SECRET} {bucket}").as_bytes(),
        )
        .send(gate, &self.key)
        .expect(200);
    }

    /// Each object, and nothing else, is still in the bucket.
    fn has_lost_nothing(&self, gate: &Gate) {
        let Some(bucket) = &self.bucket else { return };
        let read = Call::get(&format!("/{bucket}/o")).send(gate, &self.key);
        assert_eq!(read.expect(200).text(), format!("{SECRET} {bucket}"));
        let list = Call::get(&format!("/{bucket}?list-type=2")).send(gate, &self.key);
        let text = list.expect(200).text();
        assert_eq!(text.matches("<Key>").count(), 1, "{text}");
    }
}

/// Whether an answer tells a browser anything.
fn is_told(headers: &[(String, String)]) -> bool {
    headers
        .iter()
        .any(|(name, _)| name.starts_with("access-control-"))
}

/// What a caller sees of an answer, but for the name that he asked for himself and the number of his request.
fn seen(answer: &Answer, bucket: &str) -> (u16, Vec<(String, String)>, String) {
    let id = answer.request_id().to_owned();
    let plain = |text: &str| text.replace(bucket, "BUCKET").replace(&id, "ID");
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| name != "date" && name != "x-amz-id-2");
    let headers = headers.map(|(name, value)| (name.clone(), plain(value)));
    let text = plain(&answer.text());
    assert!(!text.contains(SECRET), "{text}");
    (answer.status, headers.collect(), text)
}

#[test]
fn a_copy_cannot_read_across_namespaces() {
    let gate = Gate::start();
    let (photos, backups) = (gate.key("photos", "full"), gate.key("backups", "full"));
    Call::put("/only-photos", b"")
        .send(&gate, photos)
        .expect(200);
    Call::put("/only-photos/o", b"secret")
        .send(&gate, photos)
        .expect(200);
    for source in [
        "/only-photos/o",
        "only-photos/o",
        "/demo-bucket/../only-photos/o",
        "%2Fonly-photos%2Fo",
    ] {
        let answer = Call::put("/demo-bucket/stolen", b"")
            .with("x-amz-copy-source", source)
            .send(&gate, backups);
        assert!(
            matches!(answer.status, 400 | 403 | 404),
            "{source}: {}",
            answer.text()
        );
    }
    Call::get("/demo-bucket/stolen")
        .send(&gate, backups)
        .expect_error(404, "NoSuchKey");
}
