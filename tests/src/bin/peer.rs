//! Measures the gate beside Garage: the same requests from the same generator, one server after the other, several rounds of it.
//!
//! Each round starts a server afresh, fills it and loads it; the other one is not there meanwhile. Processor time is the server's own,
//! from /proc, while requests are counted: what a server puts off until later is not in it. What is printed are medians over the rounds.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use rustls::ClientConfig;
use tests::drive::{self, Addressed};
use tests::garage::Garage;
use tests::gate::Gate;
use tests::load::{Load, Report, Requests};
use tests::random::Random;
use tests::wire::Wire;
use tests::{call, sign};

/// Objects of 4 KiB that are read.
const SMALL: u64 = 1_000;
/// Objects of 1 MiB that are read.
const LARGE: u64 = 16;

/// Measures the gate beside Garage.
#[derive(Parser, Debug)]
#[command(name = "peer")]
struct Options {
    /// Garage's program.
    #[arg(long, default_value = "garage")]
    garage: PathBuf,
    /// Where Garage keeps its metadata: lmdb or sqlite.
    #[arg(long, default_value = "lmdb")]
    engine: String,
    /// Seconds that are counted for each figure.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds; medians over them are printed.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Clients at a time.
    #[arg(long, value_delimiter = ',', default_value = "1,16,64")]
    clients: Vec<usize>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Get,
    Put,
    GetLarge,
}

/// A server under load.
struct Server {
    to: SocketAddr,
    /// None: plain HTTP.
    tls: Option<Arc<ClientConfig>>,
    pid: u32,
    asks: Addressed,
}

/// What a server was measured at, in the order of the cells.
type Measured = Vec<Vec<Report>>;

fn main() {
    let options = Options::parse();
    let Some(version) = Garage::version(&options.garage) else {
        eprintln!("garage is not there: `cargo install garage`, or name it by --garage");
        std::process::exit(2);
    };
    println!("beside {version}, {}", options.engine);
    let cells: Vec<(What, usize)> = [What::Get, What::Put, What::GetLarge]
        .into_iter()
        .flat_map(|what| options.clients.iter().map(move |clients| (what, *clients)))
        .collect();
    let mut ours: Measured = cells.iter().map(|_| Vec::new()).collect();
    let mut theirs: Measured = cells.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds.max(1) {
        {
            let gate = Gate::start();
            round(&options, &of_gate(&gate), &cells, &mut ours);
        }
        let (garage, signer) = Garage::start(&options.garage, &options.engine);
        round(&options, &of_garage(&garage, signer), &cells, &mut theirs);
    }
    print(&cells, &ours, &theirs);
}

/// Fills a server and loads it with each cell.
fn round(options: &Options, server: &Server, cells: &[(What, usize)], into: &mut Measured) {
    fill(server);
    for ((what, clients), reports) in cells.iter().zip(into) {
        let load = Load {
            to: server.to,
            tls: server.tls.as_ref(),
            connections: *clients,
            wanted: 200,
            pids: &[server.pid],
            warm_up: Duration::from_millis(500),
            duration: Duration::from_secs_f64(options.seconds),
        };
        let report = load.run(&*requests(server, *what, *clients));
        assert!(report.failures.is_empty(), "{:?}", report.failures);
        reports.push(report);
    }
}

fn requests(server: &Server, what: What, clients: usize) -> Box<Requests<'static>> {
    let (folder, count) = match what {
        What::Get => ("small", SMALL),
        What::GetLarge => ("large", LARGE),
        What::Put => {
            let put = server.asks.uploads(4_096);
            return Box::new(move |connection, nth, out| {
                put(&format!("put/{clients}/{connection}/{nth}"), out);
            });
        }
    };
    let signed = server.asks.all("GET", folder, count);
    Box::new(move |connection, nth, out| drive::rotate(&signed)(connection, nth, out))
}

fn fill(server: &Server) {
    let wire = Wire::open(server.to, "localhost", server.tls.as_ref());
    let mut wire = wire.expect("a connection");
    let small = (0..SMALL).map(|n| (format!("small/{n}"), 4_096));
    let large = (0..LARGE).map(|n| (format!("large/{n}"), 1_048_576));
    for (number, (key, length)) in small.chain(large).enumerate() {
        let body = Random::new(number as u64).bytes(length);
        let answer = wire.ask(&server.asks.upload(&key, &body));
        answer.expect("an answer").expect(200);
    }
}

fn of_gate(gate: &Gate) -> Server {
    Server {
        to: gate.address(),
        tls: Some(drive::tls(&gate.dev().ca)),
        pid: gate.pid(),
        asks: Addressed {
            signer: call::signer(gate, gate.key("photos", "full")),
            host: gate.host().to_owned(),
        },
    }
}

fn of_garage(garage: &Garage, signer: sign::Signer) -> Server {
    Server {
        to: garage.address(),
        tls: None,
        pid: garage.pid(),
        asks: Addressed {
            signer,
            host: format!("localhost:{}", garage.address().port()),
        },
    }
}

fn print(cells: &[(What, usize)], ours: &Measured, theirs: &Measured) {
    println!(
        "| | clients | postern: requests/s | CPU µs | p50 µs | p99 µs | Garage: requests/s | CPU µs | p50 µs | p99 µs | CPU ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (((what, clients), ours), theirs) in cells.iter().zip(ours).zip(theirs) {
        let name = match what {
            What::Get => "GET 4 KiB",
            What::Put => "PUT 4 KiB",
            What::GetLarge => "GET 1 MiB",
        };
        let ratio = median(theirs, Report::cpu_each) / median(ours, Report::cpu_each);
        println!(
            "| {name} | {clients} | {} | {} | {ratio:.1} × |",
            figures(ours),
            figures(theirs)
        );
    }
}

fn figures(reports: &[Report]) -> String {
    format!(
        "{:.0} | {:.1} | {:.0} | {:.0}",
        median(reports, Report::rate),
        median(reports, Report::cpu_each),
        median(reports, |report| f64::from(report.within(0.5))),
        median(reports, |report| f64::from(report.within(0.99))),
    )
}

fn median(reports: &[Report], figure: impl Fn(&Report) -> f64) -> f64 {
    let mut figures: Vec<f64> = reports.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
