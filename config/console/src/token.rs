//! The bearer token of the admin listener: a file in the data folder that its owner alone can read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use postern_config::{Entropy, NoEntropy, Secret};

/// Random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// Fewest characters of a token. Source: 128 bits in hexadecimal digits.
const TOKEN_CHARACTERS_MIN: usize = 32;
/// Largest token file, in bytes.
const TOKEN_FILE_BYTES_MAX: u64 = 4_096;

/// The token.
#[derive(Debug)]
pub struct AdminToken(Secret);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read or written.
    #[error("the token file {} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others than its owner may read it.
    #[error("the token file {} can be read by others: its mode is {mode:o}, 600 is wanted", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It does not hold a token.
    #[error("the token file {} does not hold at least {TOKEN_CHARACTERS_MIN} visible characters", path.display())]
    Short {
        /// Which.
        path: PathBuf,
    },
    /// There were no random bytes.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl AdminToken {
    /// A token that the settings give.
    pub const fn given(secret: Secret) -> Self {
        Self(secret)
    }

    /// The token of this file; without the file, a new one is made and written to it with mode 0600.
    pub fn open_or_make(path: &Path, entropy: &Entropy) -> Result<Self, TokenError> {
        let failed = |source| TokenError::File {
            path: path.to_owned(),
            source,
        };
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
        {
            Ok(mut file) => {
                let token = hex::encode(entropy.bytes::<TOKEN_BYTES>()?);
                file.write_all(format!("{token}\n").as_bytes())
                    .map_err(failed)?;
                file.sync_all().map_err(failed)?;
                Ok(Self(Secret::new(token.into_bytes())))
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::open(path),
            Err(error) => Err(failed(error)),
        }
    }

    fn open(path: &Path) -> Result<Self, TokenError> {
        let failed = |source| TokenError::File {
            path: path.to_owned(),
            source,
        };
        let found = std::fs::metadata(path).map_err(failed)?;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(TokenError::Open {
                path: path.to_owned(),
                mode,
            });
        }
        let short = || TokenError::Short {
            path: path.to_owned(),
        };
        if found.len() > TOKEN_FILE_BYTES_MAX {
            return Err(short());
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let token = text.trim();
        let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || token.len() < TOKEN_CHARACTERS_MIN {
            return Err(short());
        }
        Ok(Self(Secret::new(token.as_bytes().to_vec())))
    }

    /// Whether it is this token, in time that depends on the lengths alone.
    pub(crate) fn is(&self, presented: &[u8]) -> bool {
        self.0.is(presented)
    }
}
