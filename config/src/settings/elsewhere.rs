//! An object node on a machine of its own: how the gate finds it, and the settings of its process.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::read::Reader;
use super::values::word;
use super::{
    Domain, Environment, Faults, LogLevel, NodeSettings, Overrides, Place, ShipSettings, sections,
    source,
};
use crate::Secret;

/// Where a node listens unless its settings say otherwise.
const LISTEN: &str = "127.0.0.1:9445";
/// The name that the gate's certificate has unless the settings say otherwise.
const CLIENT_NAME: &str = "postern-gate";

/// Where the gate finds a node on another machine, and how both know each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeElsewhere {
    /// `node.address`.
    pub address: NodeAddress,
    /// `node.name`: the name in the node's certificate; by default the host of the address.
    pub name: String,
    /// `node.ca`: the authority that signed the node's certificate.
    pub ca: PathBuf,
    /// `node.cert`: the gate's certificate, which it shows to the node.
    pub cert: PathBuf,
    /// `node.key`: its private key.
    pub key: PathBuf,
}

/// `host:port`; an IPv6 address stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// The settings of a node's own process.
#[derive(Debug)]
pub struct NodeProcess {
    /// `data.folder`: its folder `node` holds the objects.
    pub data: PathBuf,
    /// `node.listen`.
    pub listen: SocketAddr,
    /// `node.client_ca`: the authority that signed the gate's certificate.
    pub client_ca: PathBuf,
    /// `node.client_name`: the name in the gate's certificate.
    pub client_name: Domain,
    /// `node.cert`: the node's certificate.
    pub cert: PathBuf,
    /// `node.key`: its private key.
    pub key: PathBuf,
    /// `node.ring_key` or `node.ring_key_file`: under which its ring of keys is sealed. Without either, one is made in the data folder.
    pub ring_key: Option<Secret>,
    /// `node.ring_key_next` or `node.ring_key_next_file`: the key that takes its place.
    pub ring_key_next: Option<Secret>,
    /// The care of it.
    pub care: NodeSettings,
    /// `[ship]`: a copy of its volumes elsewhere.
    pub ship: ShipSettings,
    /// `log.level`.
    pub level: LogLevel,
}

/// Why a text is no address of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host and a port")]
pub struct NotAnAddress;

impl FromStr for NodeAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (host, port) = text.rsplit_once(':').ok_or(NotAnAddress)?;
        let port = port.parse().ok().filter(|port| *port > 0);
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_host = match bare {
            Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            None => host.parse::<Domain>().is_ok() || host.parse::<std::net::Ipv4Addr>().is_ok(),
        };
        Ok(Self {
            host: bare
                .or(Some(host))
                .filter(|_| is_host)
                .ok_or(NotAnAddress)?
                .to_owned(),
            port: port.ok_or(NotAnAddress)?,
        })
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl NodeProcess {
    /// Reads the settings of a node's process.
    ///
    /// # Errors
    /// Every fault that there is, not only the first.
    pub fn load(
        file: Option<&Path>,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let values = source::gather(file, environment, overrides, &mut faults);
        let mut reader = Reader::new(values, &mut faults);
        let settings = process(&mut reader);
        reader.refuse_the_rest(environment);
        match settings {
            Some(settings) if faults.is_empty() => Ok(settings),
            _ => Err(Faults::new(faults)),
        }
    }
}

fn process(reader: &mut Reader<'_>) -> Option<NodeProcess> {
    let data = reader.path("data.folder", Path::new(""));
    let address = "an address and port, such as `10.0.0.7:9445`";
    let listen = reader.optional("node.listen", address, str::parse::<SocketAddr>);
    let name = "the name in the gate's certificate, in lower case, such as `postern-gate`";
    let client_name = reader.optional("node.client_name", name, str::parse::<Domain>);
    let levels = "`error`, `warn`, `info`, `debug` or `trace`";
    let level = reader.optional("log.level", levels, |text| word(text, &LogLevel::ALL));
    let [client_ca, cert, key] =
        ["node.client_ca", "node.cert", "node.key"].map(|field| needed(reader, field));
    let care = sections::care(reader);
    let ship = sections::ship(reader);
    let [ring_key, ring_key_next] =
        ["node.ring_key", "node.ring_key_next"].map(|field| sections::key(reader, field));
    Some(NodeProcess {
        data: data.unwrap_or_else(|| PathBuf::from("postern-data")),
        listen: listen.or_else(|| LISTEN.parse().ok())?,
        client_name: client_name.or_else(|| CLIENT_NAME.parse().ok())?,
        level: level.unwrap_or(LogLevel::Info),
        client_ca: client_ca?,
        cert: cert?,
        key: key?,
        ring_key,
        ring_key_next,
        care,
        ship,
    })
}

/// A file without which there is no way between gate and node.
fn needed(reader: &mut Reader<'_>, field: &str) -> Option<PathBuf> {
    let is_given = reader.place(field) != Place::Default;
    let file = reader.file(field);
    if !is_given {
        let expected = "the path of a file: gate and node know each other by certificates";
        reader.blind_fault(field, Place::Default, expected.to_owned());
    }
    file
}

/// The node that a gate's settings name; none where it is in the gate's own process.
pub(super) fn node(reader: &mut Reader<'_>) -> Option<NodeElsewhere> {
    let expected = "a host and a port, such as `node.example.org:9445`";
    let place = reader.place("node.address");
    let address = reader.optional("node.address", expected, str::parse::<NodeAddress>);
    let name = reader.optional("node.name", "the name in the node's certificate", |text| {
        let is_name = text.parse::<Domain>().is_ok() || text.parse::<std::net::IpAddr>().is_ok();
        is_name.then(|| text.to_owned()).ok_or(NotAnAddress)
    });
    if place == Place::Default {
        for field in ["node.ca", "node.cert", "node.key"] {
            let place = reader.place(field);
            if reader.file(field).is_some() {
                reader.blind_fault(field, place, "needs node.address".to_owned());
            }
        }
        return None;
    }
    let [ca, cert, key] = ["node.ca", "node.cert", "node.key"].map(|field| needed(reader, field));
    let address = address?;
    Some(NodeElsewhere {
        name: name.unwrap_or_else(|| address.host.clone()),
        address,
        ca: ca?,
        cert: cert?,
        key: key?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for text in ["node.example.org:9445", "10.0.0.7:1", "[fd00::7]:65535"] {
            let address: NodeAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "node",
            "node:",
            "node:0",
            "node:65536",
            "fd00::7:1",
            "https://node:1",
            ":9445",
        ] {
            assert_eq!(text.parse::<NodeAddress>(), Err(NotAnAddress), "{text}");
        }
    }
}
