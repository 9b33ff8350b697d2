//! Measures the gate over a directory with many tenants and keys: start, memory, a key's first and later use, how soon a disabled
//! key is refused, and commands a second.
//!
//! The directory is filled by the commands that the admin API asks too. All that follows is on the disk of the data folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use postern_config::directory::{
    Command, Directory, KeyRights, Level, NewUser, Outcome, Profile, UserKind,
};
use tests::call::{self, Call};
use tests::filled::{apply, fill};
use tests::gate::{Gate, Key};
use tests::house::{self, name};
use tests::load;
use tests::random::Random;
use tests::wire::{Answer, Wire};

/// The user of each tenant who has its keys.
const USER: &str = "edge";

/// Measures the gate over a directory with many tenants and keys.
#[derive(Parser, Debug)]
#[command(name = "scale")]
struct Options {
    /// Tenants.
    #[arg(long, default_value_t = 2_000)]
    tenants: u64,
    /// Access keys of each.
    #[arg(long, default_value_t = 10)]
    keys: u64,
    /// Keys, at random, that are used and disabled.
    #[arg(long, default_value_t = 500)]
    sample: u64,
    /// Commands that are sent to the admin API, one client at a time and eight at once.
    #[arg(long, default_value_t = 500)]
    commands: u64,
    /// Folder of the gate's data: its disk is measured.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// An access key that is used.
struct Sampled {
    tenant: String,
    key: Key,
}

fn main() {
    let options = Options::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = options
        .data
        .clone()
        .unwrap_or_else(|| folder.path().join("data"));
    // A first start makes the master key and all that a gate has.
    Gate::start_in(&data, &[], &[]).stop();
    let begin = Instant::now();
    let keys = fill(&data, async |directory| make(directory, &options).await);
    println!(
        "{} tenants, {} keys, made by {:.0} commands a second in memory; the directory's file has {} MiB",
        options.tenants,
        options.tenants * options.keys,
        (options.tenants * (options.keys + 2)) as f64 / begin.elapsed().as_secs_f64(),
        fs::metadata(data.join("directory.redb")).map_or(0, |file| file.len()) >> 20,
    );

    let begin = Instant::now();
    let gate = Gate::start_in(&data, &[], &[]);
    let (resident, own) = load::memory(gate.pid());
    println!(
        "start to ready {:.2} s; memory {} MiB, {} of it the gate's own",
        begin.elapsed().as_secs_f64(),
        resident >> 20,
        own >> 20
    );

    let mut wire = gate.wire();
    let mut times = |title: &str| {
        let times = keys.iter().map(|key| timed(|| list(&gate, &mut wire, key)));
        row(title, times.collect());
    };
    times("first use of a key");
    times("second use");
    let (resident, _) = load::memory(gate.pid());
    println!("memory after it: {} MiB", resident >> 20);

    let admin = Admin::of(&gate);
    let mut to_admin = gate.admin_wire();
    row(
        "disable, from the command to the refusal",
        keys.iter()
            .map(|key| disabled(&gate, &admin, (&mut to_admin, &mut wire), key))
            .collect(),
    );
    commands(&gate, &admin, &keys, options.commands);
}

/// How long from the command's first byte until a kept connection is refused.
fn disabled(
    gate: &Gate,
    admin: &Admin,
    (to_admin, wire): (&mut Wire, &mut Wire),
    key: &Sampled,
) -> Duration {
    list(gate, wire, key).expect(200);
    let took = timed(|| admin.ask(to_admin, key, "disable"));
    // The answer says that it is done: the very next request must be refused.
    let begin = Instant::now();
    list(gate, wire, key).expect_error(403, "InvalidAccessKeyId");
    took + begin.elapsed()
}

/// Commands by one client, then by eight at a time.
fn commands(gate: &Gate, admin: &Admin, keys: &[Sampled], count: u64) {
    for clients in [1, 8] {
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for client in 0..clients {
                scope.spawn(move || {
                    let mut wire = gate.admin_wire();
                    for number in 0..count / clients {
                        let place = (number * clients + client) as usize % keys.len();
                        // Each command changes something: all sampled keys are disabled by now.
                        let word = if clients == 1 { "enable" } else { "disable" };
                        admin.ask(&mut wire, &keys[place], word).expect(200);
                    }
                });
            }
        });
        println!(
            "commands a second, {clients} at a time: {:.0}",
            count as f64 / begin.elapsed().as_secs_f64()
        );
    }
}

/// The admin API.
struct Admin {
    token: String,
    host: String,
}

impl Admin {
    fn of(gate: &Gate) -> Self {
        let token = fs::read_to_string(gate.dir().join("admin.token"));
        Self {
            token: token.expect("the admin token").trim().to_owned(),
            host: gate.admin_host().to_owned(),
        }
    }

    fn ask(&self, wire: &mut Wire, key: &Sampled, word: &str) -> Answer {
        let request = format!(
            "POST /api/v1/tenants/{}/users/{USER}/keys/{}/{word} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-length: 0\r\n\r\n",
            key.tenant, key.key.access_key_id, self.host, self.token
        );
        wire.ask(request.as_bytes()).expect("an answer")
    }
}

fn list(gate: &Gate, wire: &mut Wire, key: &Sampled) -> Answer {
    let signer = call::signer(gate, &key.key);
    let request = Call::get("/").sign(&signer, gate.host()).bytes();
    wire.ask(&request).expect("an answer")
}

fn timed(work: impl FnOnce() -> Answer) -> Duration {
    let begin = Instant::now();
    let answer = work();
    let took = begin.elapsed();
    answer.expect(200);
    took
}

fn row(title: &str, mut times: Vec<Duration>) {
    times.sort();
    let within = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_micros();
    println!(
        "{title}: p50 {} µs, p99 {} µs, longest {} µs",
        within(0.5),
        within(0.99),
        within(1.0)
    );
}

async fn make(directory: &Directory, options: &Options) -> Vec<Sampled> {
    let all = options.tenants * options.keys;
    let mut random = Random::new(7);
    let sample = options.sample.min(all);
    let wanted: BTreeSet<u64> = (0..sample).map(|_| random.below(all)).collect();
    let mut sampled = Vec::new();
    for number in 0..options.tenants {
        let called = format!("tenant-{number}");
        let tenant = Command::CreateTenant {
            name: name(&called),
            profile: Profile::E3Primary,
            parent: None,
        };
        let Outcome::Tenant { tenant, .. } = apply(directory, tenant).await else {
            panic!("no tenant");
        };
        let user = NewUser::new(tenant, name(USER), UserKind::Service);
        let Outcome::User(user) = apply(directory, Command::CreateUser(user)).await else {
            panic!("no user");
        };
        for key in 0..options.keys {
            let rights = KeyRights::of_level(Level::Read);
            let made = apply(directory, Command::CreateKey { user, rights }).await;
            if wanted.contains(&(number * options.keys + key)) {
                sampled.push(Sampled {
                    tenant: called.clone(),
                    key: house::key(made),
                });
            }
        }
    }
    sampled
}
