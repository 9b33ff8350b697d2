//! The sections, field by field: name, range, default. The sample file says the same for people, and a test compares them.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use super::brands;
use super::elsewhere;
use super::oidc;
use super::read::Reader;
use super::values::{ValueError, word};
use super::{
    AccessFormat, AccessLog, AdminSettings, AuditSettings, Destination, DestinationPass,
    DirectorySettings, DiskSettings, Domains, Limits, LogLevel, LogSettings, MetricsAccess,
    NodeSettings, OnFailure, Person, PolicySettings, ProxyProtocol, RecordSettings, Region,
    S3Settings, Settings, ShipSettings, Tls,
};
use crate::Secret;
use crate::directory::{MASTER_KEY_BYTES, Signer};
use crate::limits::MODULE_BYTES_MAX;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const DAY: u64 = 24 * 60 * MINUTE;
/// Fewest characters of an admin token. Source: 128 bits in hexadecimal digits.
const TOKEN_CHARACTERS_MIN: usize = 32;

/// Reads every section; none only where a default itself cannot be read, which the tests rule out.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Settings> {
    let here = Path::new("");
    let data = reader
        .path("data.folder", here)
        .unwrap_or_else(|| PathBuf::from("postern-data"));
    let s3 = s3(reader)?;
    let admin = admin(reader, &s3.tls)?;
    let (elsewhere, ship) = (elsewhere::node(reader), ship(reader));
    if elsewhere.is_some() && ship.to.is_some() {
        let expected = "is said by the settings of the node that node.address names";
        let place = reader.place("ship.to");
        reader.blind_fault("ship.to", place, expected.to_owned());
    }
    Some(Settings {
        domains: domains(reader),
        limits: limits(reader)?,
        node: NodeSettings {
            elsewhere,
            ..care(reader)
        },
        ship,
        policy: policy(reader)?,
        directory: directory(reader),
        audit: audit(reader),
        record: record(reader),
        log: log(reader, &data),
        data,
        s3,
        admin,
    })
}

fn s3(reader: &mut Reader<'_>) -> Option<S3Settings> {
    let address = "an address and port, such as `0.0.0.0:443`";
    let default = "127.0.0.1:9443".parse().ok()?;
    let listen = reader
        .optional("s3.listen", address, str::parse::<SocketAddr>)
        .unwrap_or(default);
    let proxy_protocol = reader.optional("s3.proxy_protocol", "`off` or `required`", |text| {
        word(
            text,
            &[
                ("off", ProxyProtocol::Off),
                ("required", ProxyProtocol::Required),
            ],
        )
    });
    let trusted_place = reader.place("s3.proxy_protocol");
    let network = "a network, such as `10.0.0.0/8`";
    let settings = S3Settings {
        listen,
        tls: tls(reader, "s3").unwrap_or(Tls::OwnCa),
        http2: reader.boolean("s3.http2", false),
        proxy_protocol: proxy_protocol.unwrap_or(ProxyProtocol::Off),
        trusted_proxies: reader.list("s3.trusted_proxies", network, str::parse),
        region: region(reader, "s3.region")?,
        region_aliases: reader.list("s3.region_aliases", REGION, str::parse),
    };
    let required = settings.proxy_protocol == ProxyProtocol::Required;
    if required && settings.trusted_proxies.is_empty() {
        let expected = "needs s3.trusted_proxies: nobody would be let in".to_owned();
        reader.blind_fault("s3.proxy_protocol", trusted_place, expected);
    }
    Some(settings)
}

/// What a region is called.
const REGION: &str = "the name of a region, such as `us-east-1`";

fn region(reader: &mut Reader<'_>, field: &str) -> Option<Region> {
    let given = reader.optional(field, REGION, str::parse::<Region>);
    given.or_else(|| "us-east-1".parse().ok())
}

/// A certificate and its key, both or neither.
fn tls(reader: &mut Reader<'_>, section: &str) -> Option<Tls> {
    let (cert_field, key_field) = (format!("{section}.tls_cert"), format!("{section}.tls_key"));
    let (cert_place, key_place) = (reader.place(&cert_field), reader.place(&key_field));
    let given = |place: &super::Place| *place != super::Place::Default;
    let (cert_given, key_given) = (given(&cert_place), given(&key_place));
    let (cert, key) = (reader.file(&cert_field), reader.file(&key_field));
    if cert_given && !key_given {
        reader.blind_fault(&cert_field, cert_place, format!("needs {key_field}"));
    } else if key_given && !cert_given {
        reader.blind_fault(&key_field, key_place, format!("needs {cert_field}"));
    }
    Some(Tls::Files {
        cert: cert?,
        key: key?,
    })
}

fn domains(reader: &mut Reader<'_>) -> Domains {
    let expected = "a domain name in lower case, such as `s3.example.org`";
    let place = reader.place("domains.public");
    let s3 = reader.optional("domains.s3", expected, str::parse::<super::Domain>);
    let public = reader.optional("domains.public", expected, str::parse::<super::Domain>);
    if let (Some(s3), Some(public)) = (&s3, &public)
        && (s3.is_within(public) || public.is_within(s3))
    {
        let expected = format!("`{public}` and domains.s3 `{s3}` must not lie within each other");
        reader.blind_fault("domains.public", place, expected);
    }
    Domains { s3, public }
}

fn admin(reader: &mut Reader<'_>, s3_tls: &Tls) -> Option<AdminSettings> {
    let address = "an address and port, such as `127.0.0.1:9444`";
    let default = "127.0.0.1:9444".parse().ok()?;
    let listen = reader
        .optional("admin.listen", address, str::parse::<SocketAddr>)
        .unwrap_or(default);
    let metrics = reader.optional("admin.metrics", "`token` or `loopback`", |text| {
        word(
            text,
            &[
                ("token", MetricsAccess::Token),
                ("loopback", MetricsAccess::Loopback),
            ],
        )
    });
    let folder = "a folder with one `.toml` file for each brand";
    let brands = reader.optional("admin.brands", folder, |text| brands::read(Path::new(text)));
    let token = "at least 32 visible ASCII characters";
    let persons = persons(reader);
    Some(AdminSettings {
        persons,
        listen,
        tls: tls(reader, "admin").unwrap_or_else(|| s3_tls.clone()),
        token: reader.secret("admin.token", token, |text| {
            let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
            (visible && text.len() >= TOKEN_CHARACTERS_MIN).then(|| Secret::new(text.into()))
        }),
        metrics: metrics.unwrap_or(MetricsAccess::Token),
        brands: brands.unwrap_or_default(),
        oidc: oidc::read(reader),
    })
}

/// Each name once and each token once: one person with two names would be two persons.
fn persons(reader: &mut Reader<'_>) -> Vec<Person> {
    let field = "admin.persons";
    let place = reader.place(field);
    let person = "`name:` and the SHA-256 of a token as 64 hexadecimal digits";
    let persons = reader.list(field, person, str::parse::<Person>);
    for (at, one) in persons.iter().enumerate() {
        let before = persons.iter().take(at);
        if before.clone().any(|it| {
            it.token == one.token || it.name.as_str().eq_ignore_ascii_case(one.name.as_str())
        }) {
            let expected = format!("`{}` has a name or a token that stands before", one.name);
            reader.blind_fault(field, place.clone(), expected);
        }
    }
    persons
}

fn limits(r: &mut Reader<'_>) -> Option<Limits> {
    Some(Limits {
        head_bytes: size(r.bytes("limits.head_bytes", 8 * KIB..=MIB, 32 * KIB))?,
        header_count: size(r.count("limits.header_count", 32..=1_000, 100))?,
        uri_bytes: size(r.bytes("limits.uri_bytes", 4 * KIB..=64 * KIB, 16 * KIB))?,
        head_time: r.time("limits.head_time", SECOND..=5 * MINUTE, 10 * SECOND),
        keep_alive_time: r.time("limits.keep_alive_time", SECOND..=60 * MINUTE, MINUTE),
        body_idle_time: r.time("limits.body_idle_time", SECOND..=10 * MINUTE, 30 * SECOND),
        body_rate: r.bytes("limits.body_rate", 0..=MIB, KIB),
        body_rate_window: r.time("limits.body_rate_window", SECOND..=10 * MINUTE, 30 * SECOND),
        handshake_time: r.time("limits.handshake_time", SECOND..=MINUTE, 10 * SECOND),
        connections: size(r.count("limits.connections", 16..=1_000_000, 10_000))?,
        connections_per_address: size(r.count(
            "limits.connections_per_address",
            1..=1_000_000,
            1_000,
        ))?,
        requests_per_tenant: size(r.count("limits.requests_per_tenant", 1..=1_000_000, 5_000))?,
        http2_streams: small(r.count("limits.http2_streams", 1..=1_000, 100))?,
        xml_bytes: size(r.bytes("limits.xml_bytes", 64 * KIB..=64 * MIB, 8 * MIB))?,
        form_bytes: size(r.bytes("limits.form_bytes", 4 * KIB..=MIB, 64 * KIB))?,
        chunk_header_bytes: size(r.bytes("limits.chunk_header_bytes", 128..=16 * KIB, KIB))?,
        trailer_bytes: size(r.bytes("limits.trailer_bytes", 256..=64 * KIB, 4 * KIB))?,
        discard_bytes: r.bytes("limits.discard_bytes", 0..=64 * MIB, MIB),
        discard_time: r.time("limits.discard_time", 0..=MINUTE, 5 * SECOND),
        requests_per_second_per_address: rate(r, "limits.requests_per_second_per_address"),
        requests_per_second_per_key: rate(r, "limits.requests_per_second_per_key"),
        clock_skew: r.time("limits.clock_skew", SECOND..=15 * MINUTE, 15 * MINUTE),
        recheck_time: r.time("limits.recheck_time", SECOND..=MINUTE, 5 * SECOND),
        drain_notice: r.time("limits.drain_notice", 0..=5 * MINUTE, 5 * SECOND),
        drain_grace: r.time("limits.drain_grace", 0..=60 * MINUTE, 30 * SECOND),
        admin_body_bytes: size(r.bytes("limits.admin_body_bytes", 4 * KIB..=MIB, 64 * KIB))?,
    })
}

/// What concerns the node itself, wherever it is.
pub(super) fn care(reader: &mut Reader<'_>) -> NodeSettings {
    NodeSettings {
        elsewhere: None,
        disks: disks(reader),
        cache_bytes: reader.bytes("node.cache_bytes", MIB..=1_024 * GIB, 64 * MIB),
        volume_bytes: reader.bytes("node.volume_bytes", 16 * MIB..=1_024 * GIB, 4 * GIB),
        overlay_bytes: reader.bytes("node.overlay_bytes", MIB..=16 * GIB, 32 * MIB),
        reserve_bytes: reader.bytes("node.reserve_bytes", 0..=1_024 * GIB, 256 * MIB),
        lifecycle_day: reader.time("node.lifecycle_day", SECOND..=DAY, DAY),
        // Source: at a half, a byte is moved at most for each that is won, and the log is at most twice what stands in it.
        compact_at: u16::try_from(reader.count("node.compact_at", 1..=100, 50)).unwrap_or(100),
        compact_bytes_per_second: reader.bytes(
            "node.compact_bytes_per_second",
            MIB..=1_024 * GIB,
            32 * MIB,
        ),
        undelete_time: reader.time("node.undelete_time", 0..=365 * DAY, 0),
        scrub_every: reader.time("node.scrub_every", 0..=365 * DAY, 14 * DAY),
        scrub_bytes_per_second: reader.bytes(
            "node.scrub_bytes_per_second",
            MIB..=1_024 * GIB,
            16 * MIB,
        ),
        read_only: reader.boolean("node.read_only", false),
    }
}

/// Where the node's volumes are. Each disk is named once, what is to be emptied is one of them, and one is left to take what is new.
fn disks(reader: &mut Reader<'_>) -> Vec<DiskSettings> {
    let expected = "the path of a folder, such as `/srv/a`";
    let folder = |text: &str| match text {
        "" => Err("it is empty"),
        text => Ok(PathBuf::from(text)),
    };
    let places = ["node.disks", "node.drain"].map(|field| reader.place(field));
    let [paths, drained] =
        ["node.disks", "node.drain"].map(|field| reader.list(field, expected, folder));
    let mut fault = |field: &str, expected: String| {
        let [disks, drain] = &places;
        let place = if field == "node.drain" { drain } else { disks };
        reader.blind_fault(field, place.clone(), expected);
    };
    let mut disks: Vec<DiskSettings> = Vec::with_capacity(paths.len());
    for path in paths {
        if disks.iter().any(|disk| disk.path == path) {
            fault("node.disks", format!("names `{}` twice", path.display()));
            continue;
        }
        let drain = drained.contains(&path);
        disks.push(DiskSettings { path, drain });
    }
    for path in &drained {
        if !disks.iter().any(|disk| disk.path == *path) {
            let path = path.display();
            fault("node.drain", format!("`{path}` is none of node.disks"));
        }
    }
    if !disks.is_empty() && disks.iter().all(|disk| disk.drain) {
        let expected = "leaves no disk that takes new volumes".to_owned();
        fault("node.drain", expected);
    }
    disks
}

fn policy(reader: &mut Reader<'_>) -> Option<PolicySettings> {
    let module_bytes_max = u64::try_from(MODULE_BYTES_MAX).ok()?;
    Some(PolicySettings {
        cache_bytes: reader.bytes("policy.cache_bytes", MIB..=64 * GIB, 64 * MIB),
        machine_code_bytes: reader.bytes("policy.machine_code_bytes", MIB..=64 * GIB, 64 * MIB),
        fuel: NonZeroU64::new(reader.count("policy.fuel", 1_000..=10_000_000_000, 1_000_000))?,
        deadline: reader.time("policy.deadline", 1..=10 * SECOND, 50),
        module_bytes: size(reader.bytes(
            "policy.module_bytes",
            KIB..=module_bytes_max,
            module_bytes_max,
        ))?,
        explained_requests: size(reader.count("policy.explained_requests", 0..=1_000_000, 1_000))?,
        two_persons: reader.boolean("policy.two_persons", false),
        proposal_time: reader.time(
            "policy.proposal_time",
            MINUTE..=30 * 24 * 60 * MINUTE,
            24 * 60 * MINUTE,
        ),
        // Source: the first minutes show what tests and shadow did not; after them a person is asked.
        watch_time: reader.time("policy.watch_time", 0..=24 * 60 * MINUTE, 10 * MINUTE),
        signers: reader.list(
            "policy.signers",
            "an Ed25519 public key, 32 bytes in base64",
            str::parse::<Signer>,
        ),
    })
}

fn directory(reader: &mut Reader<'_>) -> DirectorySettings {
    DirectorySettings {
        master_key: key(reader, "directory.master_key"),
        master_key_next: key(reader, "directory.master_key_next"),
    }
}

/// A key under which others are sealed.
pub(super) fn key(reader: &mut Reader<'_>, field: &str) -> Option<Secret> {
    reader.secret(field, "64 hexadecimal digits", |text| {
        let bytes = hex::decode(text).ok();
        let bytes = bytes.filter(|bytes| bytes.len() == MASTER_KEY_BYTES)?;
        Some(Secret::new(bytes))
    })
}

fn audit(reader: &mut Reader<'_>) -> AuditSettings {
    let on_failure = reader.optional("audit.on_failure", "`block` or `count`", |text| {
        let ways = [("block", OnFailure::Block), ("count", OnFailure::Count)];
        word(text, &ways)
    });
    let to_place = reader.place("audit.heads_to");
    let heads_to = reader.list("audit.heads_to", DESTINATION, str::parse::<Destination>);
    let heads_ca = reader.file("audit.heads_ca");
    let to = ("audit.heads_to", to_place);
    known(reader, &heads_to, to, ("audit.heads_ca", &heads_ca));
    AuditSettings {
        keep_days: reader
            .optional_count("audit.keep_days", 1..=36_500)
            .and_then(NonZeroU64::new),
        heads_to,
        heads_every: reader.time("audit.heads_every", SECOND..=24 * 60 * MINUTE, MINUTE),
        heads_pass: pass(reader, "audit.heads_"),
        heads_ca,
        on_failure: on_failure.unwrap_or_default(),
    }
}

pub(super) fn ship(reader: &mut Reader<'_>) -> ShipSettings {
    let to_place = reader.place("ship.to");
    let to = reader.optional("ship.to", DESTINATION, str::parse::<Destination>);
    let ca = reader.file("ship.ca");
    known(
        reader,
        to.as_slice(),
        ("ship.to", to_place),
        ("ship.ca", &ca),
    );
    ShipSettings {
        to,
        every: reader.time("ship.every", SECOND..=DAY, 10 * SECOND),
        late: reader.time("ship.late", SECOND..=DAY, 5 * MINUTE),
        bytes_per_second: reader.bytes("ship.bytes_per_second", MIB..=1_024 * GIB, 64 * MIB),
        pass: pass(reader, "ship."),
        ca,
    }
}

const DESTINATION: &str = "an absolute path of a folder, or an `https://` URL";

/// An endpoint whose authority is not said is sent nothing.
fn known(
    reader: &mut Reader<'_>,
    places: &[Destination],
    (to, to_place): (&str, super::Place),
    (ca, authority): (&str, &Option<PathBuf>),
) {
    let is_far = |place: &Destination| matches!(place, Destination::Endpoint(_));
    if places.iter().any(is_far) && authority.is_none() {
        let expected = format!("needs {ca}: whose certificate the endpoint shows");
        reader.blind_fault(to, to_place, expected);
    }
}

/// What endpoints are shown: a token, or signatures; a key and its secret, both or neither. `fields`: what the names begin with.
fn pass(reader: &mut Reader<'_>, fields: &str) -> Option<DestinationPass> {
    let key_field = format!("{fields}access_key_id");
    let secret_field = format!("{fields}secret_access_key");
    let token_field = format!("{fields}token");
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic());
    let hidden = |text: &str| visible(text).then(|| Secret::new(text.into()));
    let expected = "at least one visible ASCII character";
    let key_place = reader.place(&key_field);
    let region = region(reader, &format!("{fields}region"))?;
    let token = reader.secret(&token_field, expected, hidden);
    let secret = reader.secret(&secret_field, expected, hidden);
    let key = reader.optional(&key_field, expected, |text| {
        visible(text)
            .then(|| text.to_owned())
            .ok_or(ValueError::Name)
    });
    match (token, key, secret) {
        (None, Some(access_key_id), Some(secret)) => Some(DestinationPass::Signed {
            access_key_id,
            secret,
            region,
        }),
        (token, None, None) => token.map(DestinationPass::Token),
        (_, key, secret) => {
            let expected = match (key, secret) {
                (Some(_), None) => format!("needs {secret_field}"),
                (None, Some(_)) => format!("is needed with {secret_field}"),
                _ => format!("either this or {token_field}, not both"),
            };
            reader.blind_fault(&key_field, key_place, expected);
            None
        }
    }
}

fn record(reader: &mut Reader<'_>) -> RecordSettings {
    RecordSettings {
        requests: reader.boolean("record.requests", false),
        bytes: reader.bytes("record.bytes", 16 * MIB..=1_024 * GIB, GIB),
    }
}

fn log(reader: &mut Reader<'_>, data: &Path) -> LogSettings {
    let access = reader.optional("log.access_path", "a path, or `-`", |text| match text {
        "" => Err(ValueError::Name),
        "-" => Ok(AccessLog::Output),
        path => Ok(AccessLog::File(data.join(path))),
    });
    let format = reader.optional("log.format", "`json`, `s3` or `both`", |text| {
        let formats = [
            ("json", AccessFormat::Json),
            ("s3", AccessFormat::S3),
            ("both", AccessFormat::Both),
        ];
        word(text, &formats)
    });
    let levels = "`error`, `warn`, `info`, `debug` or `trace`";
    let level = reader.optional("log.level", levels, |text| word(text, &LogLevel::ALL));
    LogSettings {
        access: access.unwrap_or_else(|| AccessLog::File(data.join("access.log"))),
        format: format.unwrap_or(AccessFormat::Json),
        level: level.unwrap_or(LogLevel::Info),
    }
}

fn rate(reader: &mut Reader<'_>, field: &str) -> Option<NonZeroU32> {
    let given = reader.optional_count(field, 1..=u64::from(u32::MAX))?;
    NonZeroU32::new(u32::try_from(given).ok()?)
}

fn size(value: u64) -> Option<usize> {
    usize::try_from(value).ok()
}

fn small(value: u64) -> Option<u32> {
    u32::try_from(value).ok()
}
