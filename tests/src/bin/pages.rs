//! Measures the console's pages over an account with many users and a bucket with many objects, and the server's memory while requests
//! are watched as they end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use postern_config::directory::{Command, Directory, KeyRights, Level, NewUser, Outcome, UserKind};
use tests::call;
use tests::drive::Addressed;
use tests::filled::{apply, fill};
use tests::gate::Gate;
use tests::house::name;
use tests::load::{self, Load};
use tests::wire::{Answer, Wire};

/// Connections that put objects.
const WRITERS: u64 = 32;
const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";

/// Measures the console's pages.
#[derive(Parser, Debug)]
#[command(name = "pages")]
struct Options {
    /// Users of the account, each with a key.
    #[arg(long, default_value_t = 2_000)]
    users: u64,
    /// Objects in the bucket.
    #[arg(long, default_value_t = 10_000)]
    objects: u64,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 21)]
    times: usize,
    /// Seconds for which requests are watched as they end.
    #[arg(long, default_value_t = 20)]
    watched: u64,
    /// Who watch at a time; every second one does not read.
    #[arg(long, default_value_t = 6)]
    watchers: usize,
}

fn main() {
    let options = Options::parse();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    // A first start makes the master key and all that a gate has.
    Gate::start_in(&data, &[], &[]).stop();
    fill(&data, async |directory| {
        make(directory, options.users).await
    });
    let gate = Gate::start_in(&data, &[], &[]);
    put(&gate, options.objects);
    let mut visitor = Visitor::of(&gate);
    println!(
        "{} users, {} objects; medians of {} times\n",
        options.users, options.objects, options.times
    );
    println!("| page | median ms | longest ms | kB | kB sent |\n|---|---|---|---|---|");
    let objects = visitor.objects();
    let next_users = visitor.next("/accounts/demo/users?limit=100");
    let folder = format!("{objects}?prefix=o%2F000000%2F&limit=100");
    let next_objects = visitor.next(&folder);
    for (page, path) in [
        ("overview", "/accounts/demo"),
        ("users", "/accounts/demo/users"),
        ("100 users", "/accounts/demo/users?limit=100"),
        ("the next 100", &next_users),
        (
            "100 users, the latest first",
            "/accounts/demo/users?limit=100&sort=-created",
        ),
        ("users, searched", "/accounts/demo/users?q=user-0012"),
        ("a user", "/accounts/demo/users/user-00000042"),
        (
            "his activity",
            "/accounts/demo/users/user-00000042/activity",
        ),
        ("100 access keys", "/accounts/demo/keys?limit=100"),
        ("buckets", "/accounts/demo/buckets"),
        ("create bucket", "/accounts/demo/buckets/new"),
        ("100 objects", &folder),
        ("the next 100 objects", &next_objects),
        ("100 folders", &format!("{objects}?prefix=o%2F&limit=100")),
        ("policies", "/accounts/demo/policies"),
        ("modules", "/accounts/demo/modules"),
        ("roles", "/accounts/demo/roles"),
        ("usage", "/accounts/demo/usage"),
        ("audit log", "/accounts/demo/audit?limit=100"),
        ("simulator", "/simulator"),
        ("who can", "/simulator/who-can"),
        ("accounts", "/accounts"),
        ("people", "/people"),
        ("server", "/server"),
    ] {
        visitor.measure(page, path, options.times);
    }
    watch(&gate, &visitor.cookie, &options);
}

/// Makes users with a key each.
async fn make(directory: &Directory, users: u64) {
    let tenant = directory
        .state()
        .tenant_named(&name("demo"))
        .expect("demo")
        .id;
    for number in 0..users {
        let user = NewUser::new(
            tenant,
            name(&format!("user-{number:08}")),
            UserKind::Service,
        );
        let Outcome::User(user) = apply(directory, Command::CreateUser(user)).await else {
            panic!("no user");
        };
        let rights = KeyRights::of_level(Level::Read);
        apply(directory, Command::CreateKey { user, rights }).await;
    }
}

/// Puts small objects, a thousand below each prefix.
fn put(gate: &Gate, objects: u64) {
    let key = gate.key("photos", "full");
    let whom = Addressed {
        signer: call::signer(gate, key),
        host: gate.host().to_owned(),
    };
    let upload = whom.uploads(16);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let mut wire = gate.wire();
                let mut request = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= objects {
                        return;
                    }
                    request.clear();
                    upload(
                        &format!("o/{:06}/{}", number / 1_000, number % 1_000),
                        &mut request,
                    );
                    wire.ask(&request).expect("an answer").expect(200);
                }
            });
        }
    });
}

/// Somebody who has signed in, and holds an access key.
struct Visitor<'g> {
    gate: &'g Gate,
    wire: Wire,
    cookie: String,
}

impl<'g> Visitor<'g> {
    fn of(gate: &'g Gate) -> Self {
        let file = gate.dir().join("password");
        std::fs::write(&file, PASSWORD).expect("a file");
        let file = file.to_str().expect("a path");
        gate.postern_ok(&[
            "operator",
            "create",
            EMAIL,
            "--role",
            "owner",
            "--password-file",
            file,
        ]);
        let mut visitor = Self {
            gate,
            wire: gate.admin_wire(),
            cookie: String::new(),
        };
        let form = format!(
            "email={}&password={}",
            EMAIL.replace('@', "%40"),
            PASSWORD.replace(' ', "+")
        );
        let answer = visitor.send("/sign-in", &form);
        let cookie = answer.header("set-cookie").expect("a session");
        cookie
            .split(';')
            .next()
            .unwrap_or_default()
            .clone_into(&mut visitor.cookie);
        let key = gate.key("photos", "full");
        let form = format!(
            "id={}&secret={}",
            key.access_key_id,
            encoded(&key.secret_access_key)
        );
        visitor.send("/me/key", &form);
        visitor
    }

    fn send(&mut self, path: &str, form: &str) -> Answer {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nsec-fetch-site: same-origin\r\ncookie: {}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
            self.gate.admin_host(),
            self.cookie,
            form.len()
        );
        let answer = self.wire.ask(request.as_bytes()).expect("an answer");
        answer.expect(303);
        answer
    }

    fn get(&mut self, path: &str) -> Answer {
        let request = ask(self.gate, &self.cookie, path);
        let answer = self.wire.ask(request.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer
    }

    /// Where the objects of the bucket of `photos` are.
    fn objects(&mut self) -> String {
        let page = self.get("/accounts/demo/buckets?of=photos").text();
        let links = page.split("href=\"/accounts/demo/buckets/").skip(1);
        let ids = links.filter_map(|it| it.split(['"', '/']).next());
        let bucket = ids.into_iter().find(|it| it.len() == 32).expect("a bucket");
        format!("/accounts/demo/buckets/{bucket}/objects")
    }

    /// Where the page after this one is.
    fn next(&mut self, path: &str) -> String {
        let page = self.get(path).text();
        let (_, after) = page
            .split_once("rel=\"next\" href=\"")
            .expect("a next page");
        let href = after.split('"').next().unwrap_or_default();
        let href = href.replace("&#38;", "&").replace("&amp;", "&");
        match href.strip_prefix('?') {
            Some(query) => format!("{}?{query}", path.split('?').next().unwrap_or_default()),
            None => href,
        }
    }

    fn measure(&mut self, page: &str, path: &str, times: usize) {
        let mut took = Vec::with_capacity(times);
        let whole = self.get(path).body.len();
        let request = ask(self.gate, &self.cookie, path);
        let request = request.replacen("\r\n", "\r\naccept-encoding: gzip\r\n", 1);
        let mut sent = 0;
        for _ in 0..times {
            let begin = Instant::now();
            let answer = self.wire.ask(request.as_bytes()).expect("an answer");
            took.push(begin.elapsed().as_secs_f64() * 1e3);
            sent = answer.expect(200).body.len();
        }
        took.sort_by(f64::total_cmp);
        let last = took.last().copied().unwrap_or_default();
        println!(
            "| {page} | {:.1} | {last:.1} | {:.1} | {:.1} |",
            took[times / 2],
            whole as f64 / 1e3,
            sent as f64 / 1e3
        );
    }
}

fn ask(gate: &Gate, cookie: &str, path: &str) -> String {
    let host = gate.admin_host();
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\ncookie: {cookie}\r\n\r\n")
}

fn encoded(text: &str) -> String {
    let byte = |it: u8| match it {
        it if it.is_ascii_alphanumeric() => char::from(it).to_string(),
        it => format!("%{it:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// Memory while requests are watched as they end, some by who does not read.
fn watch(gate: &Gate, cookie: &str, options: &Options) {
    let key = gate.key("photos", "full");
    let whom = Addressed {
        signer: call::signer(gate, key),
        host: gate.host().to_owned(),
    };
    let request = whom.all("GET", "o/000000", 1).remove(0);
    let load = |seconds| Load {
        to: gate.address(),
        tls: Some(gate.tls()),
        connections: 4,
        wanted: 200,
        pids: &[],
        warm_up: Duration::ZERO,
        duration: Duration::from_secs(seconds),
    };
    let asked = |_: usize, _: u64, out: &mut Vec<u8>| out.extend_from_slice(&request);
    // What is used once only is there before anybody watches.
    load(5).run(&asked);
    let (before, _) = load::memory(gate.pid());
    let path = "/accounts/demo/requests/live?show=";
    let mut watchers: Vec<Wire> = (0..options.watchers).map(|_| gate.admin_wire()).collect();
    for watcher in &mut watchers {
        watcher
            .send(ask(gate, cookie, path).as_bytes())
            .expect("a view");
    }
    let until = Instant::now() + Duration::from_secs(options.watched);
    let seen = AtomicU64::new(0);
    let report = std::thread::scope(|scope| {
        for watcher in watchers.iter_mut().step_by(2) {
            let seen = &seen;
            scope.spawn(move || {
                let mut scratch = vec![0; 64 << 10];
                while Instant::now() < until {
                    let Ok(bytes) = watcher.read(&mut scratch) else {
                        return;
                    };
                    seen.fetch_add(bytes as u64, Ordering::Relaxed);
                }
            });
        }
        load(options.watched).run(&asked)
    });
    let (after, _) = load::memory(gate.pid());
    println!(
        "\n{} watch requests as they end, half of them without reading: {:.0} requests a second for {} s, {} MiB read; memory {} MiB before, {} MiB after",
        options.watchers,
        report.rate(),
        options.watched,
        seen.into_inner() >> 20,
        before >> 20,
        after >> 20
    );
}
