//! Measures the gate beside nginx: the same files, over TLS, on the same machine, in the same run. Prints one table.
//!
//! Processor time is the server's own, from /proc; the generator's is not in it. Each row is the median by processor
//! time of several runs, ours and nginx's in turn.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use rustls::ClientConfig;
use tests::call::{self, Call};
use tests::drive::{Addressed, rotate, tls};
use tests::gate::Gate;
use tests::load::{self, Load, Report, Requests};
use tests::nginx::Nginx;
use tests::random::Random;
use tests::sign;

/// Objects of 4 KiB that are read.
const OBJECTS: u64 = 1_000;
/// Objects of 1 MiB that are read.
const LARGE: u64 = 16;

/// Measures the gate, beside nginx where it is installed.
#[derive(Parser, Debug)]
#[command(name = "bench")]
struct Options {
    /// Seconds that are counted in each run.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Runs of each row; the median is printed.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Connections for the rows that read.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Workers of nginx.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(2, usize::from))]
    workers: usize,
    /// Let nginx write an access log, as the gate does.
    #[arg(long)]
    nginx_logs: bool,
    /// Also: put so many objects, then read at random beside a writer, and write at random keys among them.
    #[arg(long, default_value_t = 0)]
    rows: u64,
    /// Also: the memory that is resident after so many requests.
    #[arg(long, default_value_t = 0)]
    requests: u64,
    /// Measure nginx alone, to look at the generator.
    #[arg(long)]
    nginx_only: bool,
    /// Only the rows whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
}

/// A server under load.
struct Server {
    name: &'static str,
    to: SocketAddr,
    tls: Arc<ClientConfig>,
    pids: Vec<u32>,
}

/// What is asked, and how it is answered.
struct Row {
    name: &'static str,
    connections: usize,
    wanted: u16,
}

fn main() {
    let options = Options::parse();
    let files = tempfile::tempdir().expect("a temporary folder");
    fill(files.path());
    let nginx = Nginx::start(files.path(), options.workers, options.nginx_logs);
    if nginx.is_none() {
        eprintln!("nginx is not installed: `apt-get install nginx-light` for the rows beside ours");
    }
    let gate = (!options.nginx_only).then(Gate::start);
    let mut servers: Vec<Server> = gate.iter().map(ours).collect();
    servers.extend(nginx.iter().map(theirs));
    if let Some(gate) = &gate {
        upload(gate, files.path());
    }
    println!(
        "{:<28} {:<8} {:>10} {:>10} {:>8} {:>8} {:>9}",
        "", "server", "requests/s", "CPU µs", "p50 µs", "p99 µs", "max ms"
    );
    reads(&options, &servers, gate.as_ref());
    writes(&options, &servers, gate.as_ref());
    if let Some(gate) = &gate {
        let (resident, anonymous) = load::memory(gate.pid());
        println!(
            "memory: {} MiB resident, {} MiB of it anonymous",
            resident >> 20,
            anonymous >> 20
        );
        if options.rows > 0 {
            many_rows(&options, &servers[0], gate);
        }
        if options.requests > 0 {
            memory_after(&options, &servers[0], gate);
        }
    }
}

fn reads(options: &Options, servers: &[Server], gate: Option<&Gate>) {
    let small = asks(gate).all("GET", "small", OBJECTS);
    let row = |name, wanted| Row {
        name,
        connections: options.connections,
        wanted,
    };
    measure(
        options,
        servers,
        &row("GET 4 KiB, 1,000 keys", 200),
        &rotate(&small),
    );
    let heads = asks(gate).all("HEAD", "small", OBJECTS);
    measure(options, servers, &row("HEAD", 200), &rotate(&heads));
    let large = asks(gate).all("GET", "large", LARGE);
    measure(options, servers, &row("GET 1 MiB", 200), &rotate(&large));
}

fn writes(options: &Options, servers: &[Server], gate: Option<&Gate>) {
    let row = |name, wanted| Row {
        name,
        connections: 32,
        wanted,
    };
    let put = asks(gate).uploads(4_096);
    let ours: Vec<&Server> = servers
        .iter()
        .filter(|server| server.name == "postern")
        .collect();
    for server in ours {
        let row = row("PUT 4 KiB, 32 clients, flushed", 200);
        run(options, &[server], &row, &|connection, nth, out| {
            put(&format!("put/{connection}/{nth}"), out);
        });
    }
    for server in servers.iter().filter(|server| server.name == "nginx") {
        let row = row("PUT 4 KiB, not flushed", 201);
        let base = std::process::id();
        let salt = std::sync::atomic::AtomicU64::new(0);
        run(options, &[server], &row, &|connection, nth, out| {
            let run = salt.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            put(&format!("put/{base}/{connection}/{nth}-{run}"), out);
        });
    }
}

/// Reads and writes at random among many objects, beside a writer.
fn many_rows(options: &Options, server: &Server, gate: &Gate) {
    let put = asks(Some(gate)).uploads(4_096);
    let next = std::sync::atomic::AtomicU64::new(0);
    let key = |number: u64| format!("many/{:016x}", Random::new(number).word());
    let begin = std::time::Instant::now();
    while next.load(std::sync::atomic::Ordering::Relaxed) < options.rows {
        let load = Load {
            duration: Duration::from_secs(2),
            ..load(options, server, 32, 200)
        };
        let report = load.run(&|_, _, out| {
            put(
                &key(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
                out,
            );
        });
        assert!(report.failures.is_empty(), "{:?}", report.failures);
    }
    let rows = next.load(std::sync::atomic::Ordering::Relaxed);
    println!(
        "{rows} objects put in {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    let asks = asks(Some(gate));
    let get = |number: u64, out: &mut Vec<u8>| {
        let call = Call::get(&format!("/demo-bucket/{}", key(number)));
        out.extend(call.sign(&asks.signer, &asks.host).bytes());
    };
    let row = Row {
        name: "GET 4 KiB among many",
        connections: options.connections,
        wanted: 200,
    };
    run(options, &[server], &row, &|connection, nth, out| {
        get(
            Random::new(((connection as u64) << 40) + nth).below(rows),
            out,
        );
    });
    let row = Row {
        connections: options.connections + 1,
        name: "  beside a writer",
        ..row
    };
    run(options, &[server], &row, &|connection, nth, out| {
        let number = Random::new(((connection as u64) << 40) + nth).below(rows);
        if connection == 0 {
            put(&key(number), out)
        } else {
            get(number, out)
        }
    });
    let row = Row {
        name: "PUT 4 KiB among many",
        connections: 32,
        wanted: 200,
    };
    run(options, &[server], &row, &|connection, nth, out| {
        put(
            &key(Random::new(((connection as u64) << 40) + nth).below(rows)),
            out,
        );
    });
}

fn memory_after(options: &Options, server: &Server, gate: &Gate) {
    let small = asks(Some(gate)).all("GET", "small", OBJECTS);
    let mut done = 0;
    while done < options.requests {
        let load = Load {
            duration: Duration::from_secs(10),
            ..load(options, server, options.connections, 200)
        };
        let report = load.run(&rotate(&small));
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        done += report.requests;
    }
    let (resident, anonymous) = load::memory(gate.pid());
    let (resident, anonymous) = (resident >> 20, anonymous >> 20);
    println!(
        "after {done} more requests: {resident} MiB resident, {anonymous} MiB of it anonymous"
    );
}

fn measure(options: &Options, servers: &[Server], row: &Row, requests: &Requests<'_>) {
    let servers: Vec<&Server> = servers.iter().collect();
    run(options, &servers, row, requests);
}

/// Runs a row on each server in turn, several times, and prints the medians.
fn run(options: &Options, servers: &[&Server], row: &Row, requests: &Requests<'_>) {
    if !row.name.contains(options.only.as_str()) {
        return;
    }
    let mut reports: Vec<Vec<Report>> = servers.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.runs.max(1) {
        for (server, reports) in servers.iter().zip(&mut reports) {
            reports.push(load(options, server, row.connections, row.wanted).run(requests));
        }
    }
    for (server, mut reports) in servers.iter().zip(reports) {
        reports.sort_by(|one, other| one.cpu_each().total_cmp(&other.cpu_each()));
        let failures: Vec<&String> = reports.iter().flat_map(|report| &report.failures).collect();
        let median = &reports[reports.len() / 2];
        println!(
            "{:<28} {:<8} {:>10.0} {:>10.1} {:>8} {:>8} {:>9.1}",
            row.name,
            server.name,
            median.rate(),
            median.cpu_each(),
            median.within(0.5),
            median.within(0.99),
            f64::from(median.within(1.0)) / 1e3,
        );
        if !failures.is_empty() {
            println!("  {} connections failed: {}", failures.len(), failures[0]);
        }
    }
}

fn load<'a>(options: &Options, server: &'a Server, connections: usize, wanted: u16) -> Load<'a> {
    Load {
        to: server.to,
        tls: Some(&server.tls),
        connections,
        wanted,
        pids: &server.pids,
        warm_up: Duration::from_millis(500),
        duration: Duration::from_secs_f64(options.seconds),
    }
}

/// nginx does not look at the signature.
fn asks(gate: Option<&Gate>) -> Addressed {
    let signer = match gate {
        Some(gate) => call::signer(gate, gate.key("photos", "full")),
        None => sign::Signer::new("nobody", "secret", "us-east-1"),
    };
    Addressed {
        signer,
        host: gate.map_or("localhost", Gate::host).to_owned(),
    }
}

fn ours(gate: &Gate) -> Server {
    let tls = tls(&gate.dev().ca);
    Server {
        name: "postern",
        to: gate.address(),
        tls,
        pids: vec![gate.pid()],
    }
}

fn theirs(nginx: &Nginx) -> Server {
    Server {
        name: "nginx",
        to: nginx.address(),
        tls: tls(&nginx.ca()),
        pids: nginx.pids(),
    }
}

fn paths(root: &Path) -> impl Iterator<Item = (PathBuf, String, usize)> {
    let small = (0..OBJECTS).map(|n| (format!("small/{n}"), 4_096));
    let large = (0..LARGE).map(|n| (format!("large/{n}"), 1_048_576));
    let root = root.join("demo-bucket");
    small
        .chain(large)
        .map(move |(key, length)| (root.join(&key), key, length))
}

fn fill(root: &Path) {
    for (number, (path, _, length)) in paths(root).enumerate() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, Random::new(number as u64).bytes(length)).expect("a file");
    }
    // nginx's workers may run as another user.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(root, open).expect("the folder's mode");
}

fn upload(gate: &Gate, root: &Path) {
    let asks = asks(Some(gate));
    let mut wire = gate.wire();
    for (path, key, _) in paths(root) {
        let body = std::fs::read(path).expect("a file");
        wire.ask(&asks.upload(&key, &body))
            .expect("an answer")
            .expect(200);
    }
}
