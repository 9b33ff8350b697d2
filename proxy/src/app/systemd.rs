//! What systemd is told. Source: sd_notify(3): datagrams to the socket that `NOTIFY_SOCKET` names.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use postern_config::settings::Environment;

/// The service manager, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Systemd(Option<SocketAddr>);

impl Systemd {
    pub(super) fn of(environment: &Environment) -> Self {
        let address =
            environment
                .get("NOTIFY_SOCKET")
                .and_then(|name| match name.strip_prefix('@') {
                    Some(name) => SocketAddr::from_abstract_name(name).ok(),
                    None => SocketAddr::from_pathname(name).ok(),
                });
        Self(address)
    }

    pub(super) fn ready(&self) {
        self.tell("READY=1\n");
    }

    pub(super) fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\n"));
    }

    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\n");
    }

    fn tell(&self, state: &str) {
        let Some(address) = &self.0 else { return };
        let told = UnixDatagram::unbound()
            .and_then(|socket| socket.send_to_addr(state.as_bytes(), address));
        if let Err(cause) = told {
            tracing::warn!(%cause, "systemd is not told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_hears_that_the_server_is_ready() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let systemd = Systemd::of(&Environment::of([(
            "NOTIFY_SOCKET",
            path.to_str().unwrap(),
        )]));
        let mut heard = [0; 64];
        let mut hears = |expected: &str| {
            let bytes = socket.recv(&mut heard).unwrap();
            assert!(heard[..bytes].starts_with(expected.as_bytes()));
        };
        systemd.ready();
        hears("READY=1\n");
        systemd.reloading();
        hears("RELOADING=1\nMONOTONIC_USEC=");
        systemd.stopping();
        hears("STOPPING=1\n");
    }

    #[test]
    fn without_systemd_nobody_is_told() {
        Systemd::of(&Environment::of([("A", "b")])).ready();
    }
}
