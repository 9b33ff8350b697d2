//! Secrets of the server that are made in its data folder where the settings name none: the master key here, the admin token by
//! the admin side.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use postern_config::Secret;
use postern_config::directory::MASTER_KEY_BYTES;
use zeroize::Zeroizing;

use crate::files;
use crate::upkeep::{key_file, next_key_file};

/// Longest file of a secret, in bytes.
const FILE_BYTES_MAX: u64 = 4_096;

/// Random bytes of the token that makes the first operator.
const FIRST_RUN_BYTES: usize = 24;

/// The file of the admin token.
pub(super) fn token_file(data: &Path) -> PathBuf {
    data.join("admin.token")
}

/// The file of the token that makes the first operator.
pub(super) fn first_run_file(data: &Path) -> PathBuf {
    data.join("first-operator.token")
}

/// What makes the first operator: another at each start, so that an old one opens nothing.
pub(super) fn first_run() -> io::Result<Secret> {
    let mut random = Zeroizing::new([0; FIRST_RUN_BYTES]);
    getrandom::fill(&mut *random).map_err(io::Error::other)?;
    Ok(Secret::new(hex::encode(*random).into_bytes()))
}

/// The master key of the data folder, made at the first start: 32 bytes as 64 hexadecimal digits. What is sealed under it
/// cannot be opened without it; a backup needs both.
pub(super) fn master_key(data: &Path) -> io::Result<Secret> {
    key_in(&key_file(data))
}

/// The master key that takes the place of the one there is, where a rotation is not over.
pub(super) fn next_master_key(data: &Path) -> io::Result<Option<Secret>> {
    let path = next_key_file(data);
    if path.try_exists()? {
        key_in(&path).map(Some)
    } else {
        Ok(None)
    }
}

fn key_in(path: &Path) -> io::Result<Secret> {
    let digits = hexadecimal(path, MASTER_KEY_BYTES)?;
    let mut key = vec![0; MASTER_KEY_BYTES];
    let read = digits.lend(|digits| hex::decode_to_slice(digits, &mut key));
    read.map_err(|_| {
        let said = format!("`{}` does not hold 64 hexadecimal digits", path.display());
        io::Error::new(io::ErrorKind::InvalidData, said)
    })?;
    Ok(Secret::new(key))
}

/// The digits in a file; made of `bytes` random bytes where there is none.
fn hexadecimal(path: &Path, bytes: usize) -> io::Result<Secret> {
    match files::read_bounded(path, FILE_BYTES_MAX) {
        Ok(text) => Ok(Secret::new(Zeroizing::new(text).trim_ascii().to_vec())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            let mut random = Zeroizing::new(vec![0; bytes]);
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let mut digits = Zeroizing::new(String::with_capacity(2 * bytes + 1));
            for byte in random.iter() {
                write!(digits, "{byte:02x}").map_err(io::Error::other)?;
            }
            files::write_private(path, digits.as_bytes())?;
            Ok(Secret::new(digits.as_bytes().to_vec()))
        }
        Err(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_finds_the_same_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let key = master_key(folder.path()).unwrap();
        assert_eq!(key.lend(<[u8]>::len), MASTER_KEY_BYTES);
        assert!(
            master_key(folder.path())
                .unwrap()
                .lend(|again| key.is(again))
        );
        std::fs::write(folder.path().join("master.key"), "short").unwrap();
        assert!(master_key(folder.path()).is_err());
    }
}
