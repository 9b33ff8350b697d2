//! A certificate authority of the server's own, for development and for a first installation: made once, kept in a folder,
//! and found there again.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use sha2::{Digest as _, Sha256};

use super::CertificateFiles;
use crate::files;
use crate::limits::PEM_BYTES_MAX;

/// How long the authority lives, in years. It signs nothing but this server's certificate.
const AUTHORITY_YEARS: i16 = 10;
/// How long a certificate lives, in days. Source: CA/Browser Forum baseline requirements: 398 days at most before 2026.
const CERTIFICATE_DAYS: i32 = 397;
/// Before how many days of life a certificate is made anew at a start.
const RENEW_DAYS: i32 = 300;

/// The authority's files.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    key: KeyPair,
}

/// Why there is no authority, or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file is not what was written there.
    #[error("`{}` is damaged; remove it and `ca.pem` to make a new authority", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A certificate could not be made, for instance because a name is none.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl Authority {
    /// The authority in `folder`, made there if there is none: `ca.pem` (public) and `ca.key`.
    ///
    /// # Errors
    /// The folder cannot be written, or the key there is damaged.
    pub fn open(folder: &Path, now_ms: u64) -> Result<Self, AuthorityError> {
        let (cert_path, key_path) = (folder.join("ca.pem"), folder.join("ca.key"));
        if cert_path.exists() && key_path.exists() {
            let pem = read(&key_path)?;
            let key =
                KeyPair::from_pem(&pem).map_err(|_| AuthorityError::Damaged { path: key_path })?;
            return Ok(Self {
                folder: folder.to_owned(),
                key,
            });
        }
        let key = KeyPair::generate()?;
        let today = date(now_ms);
        let mut params = params_of_authority();
        live(&mut params, today, jiff::Span::new().years(AUTHORITY_YEARS));
        let cert = params.self_signed(&key)?;
        write(
            &key_path,
            key.serialize_pem().as_bytes(),
            files::write_private,
        )?;
        write(&cert_path, cert.pem().as_bytes(), files::write_public)?;
        Ok(Self {
            folder: folder.to_owned(),
            key,
        })
    }

    /// The certificate of the authority, which clients are told to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// SHA-256 of the authority's certificate, as `3F:9A:…`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn fingerprint(&self) -> Result<String, AuthorityError> {
        use rustls::pki_types::pem::PemObject as _;
        let path = self.certificate();
        let cert = rustls::pki_types::CertificateDer::from_pem_slice(read(&path)?.as_bytes())
            .map_err(|_| AuthorityError::Damaged { path })?;
        let pairs: Vec<String> = Sha256::digest(&cert)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        Ok(pairs.join(":"))
    }

    /// A certificate for `names` (DNS names, wildcards, addresses) in `server.pem` and `server.key`: the one that is there
    /// if it is for these names and young enough, else a new one.
    ///
    /// # Errors
    /// A name is none, or the folder cannot be written.
    pub fn certify(
        &self,
        names: &[String],
        now_ms: u64,
    ) -> Result<CertificateFiles, AuthorityError> {
        let files = CertificateFiles {
            cert: self.folder.join("server.pem"),
            key: self.folder.join("server.key"),
        };
        self.certify_in(files, names, now_ms)
    }

    /// The same in these files.
    ///
    /// # Errors
    /// As [`Authority::certify`].
    pub fn certify_in(
        &self,
        files: CertificateFiles,
        names: &[String],
        now_ms: u64,
    ) -> Result<CertificateFiles, AuthorityError> {
        self.issue(files, names, ExtendedKeyUsagePurpose::ServerAuth, now_ms)
    }

    /// The same for a client, who shows it to a server: none of a server's is let in as one.
    ///
    /// # Errors
    /// As [`Authority::certify`].
    pub fn certify_client(
        &self,
        files: CertificateFiles,
        names: &[String],
        now_ms: u64,
    ) -> Result<CertificateFiles, AuthorityError> {
        self.issue(files, names, ExtendedKeyUsagePurpose::ClientAuth, now_ms)
    }

    fn issue(
        &self,
        files: CertificateFiles,
        names: &[String],
        purpose: ExtendedKeyUsagePurpose,
        now_ms: u64,
    ) -> Result<CertificateFiles, AuthorityError> {
        let today = date(now_ms);
        // What stands before the first certificate of a PEM file is a comment.
        let names_line = format!("names: {}\n", names.join(" "));
        if files.key.exists()
            && fs::read_to_string(&files.cert).is_ok_and(|pem| is_good(&pem, &names_line, today))
        {
            return Ok(files);
        }
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = named(match purpose {
            ExtendedKeyUsagePurpose::ClientAuth => "Postern client",
            _ => "Postern server",
        });
        live(&mut params, today, jiff::Span::new().days(CERTIFICATE_DAYS));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        let cert = params.signed_by(&key, &Issuer::new(params_of_authority(), &self.key))?;
        write(
            &files.key,
            key.serialize_pem().as_bytes(),
            files::write_private,
        )?;
        let pem = format!("{names_line}made: {today}\n\n{}", cert.pem());
        write(&files.cert, pem.as_bytes(), files::write_private)?;
        Ok(files)
    }
}

/// The names of a certificate for this machine alone. Not every client accepts `*.localhost`, whose wildcard stands next to
/// the last label; all accept `*.s3.localhost` and `*.public.localhost`.
pub fn local_names() -> Vec<String> {
    [
        "localhost",
        "*.localhost",
        "s3.localhost",
        "*.s3.localhost",
        "*.public.localhost",
        "127.0.0.1",
        "::1",
    ]
    .map(String::from)
    .to_vec()
}

fn is_good(pem: &str, names_line: &str, today: Date) -> bool {
    let made = pem
        .strip_prefix(names_line)
        .and_then(|rest| rest.strip_prefix("made: "))
        .and_then(|rest| rest.lines().next()?.parse::<Date>().ok());
    made.and_then(|made| today.since(made).ok())
        .is_some_and(|age| (0..RENEW_DAYS).contains(&age.get_days()))
}

/// The name and the uses of the authority: the same each time, since issued certificates repeat the name.
fn params_of_authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Postern local CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn date(now_ms: u64) -> Date {
    let now = i64::try_from(now_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    now.unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(TimeZone::UTC)
        .date()
}

/// Lets a certificate live from yesterday, since clocks differ, for `span`.
fn live(params: &mut CertificateParams, today: Date, span: jiff::Span) {
    let midnight = |date: Date| {
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    params.not_before = midnight(today.yesterday().unwrap_or(today));
    params.not_after = midnight(today.saturating_add(span));
}

fn read(path: &Path) -> Result<String, AuthorityError> {
    let bytes =
        files::read_bounded(path, PEM_BYTES_MAX).map_err(|source| AuthorityError::File {
            path: path.to_owned(),
            source,
        })?;
    String::from_utf8(bytes).map_err(|_| AuthorityError::Damaged {
        path: path.to_owned(),
    })
}

fn write(
    path: &Path,
    bytes: &[u8],
    how: fn(&Path, &[u8]) -> std::io::Result<()>,
) -> Result<(), AuthorityError> {
    how(path, bytes).map_err(|source| AuthorityError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;
    const DAY: u64 = 24 * 3_600 * 1_000;

    #[test]
    fn a_second_start_finds_the_same_authority_and_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let start = |now| {
            let authority = Authority::open(folder.path(), now).unwrap();
            let files = authority.certify(&local_names(), now).unwrap();
            let read = |path: &Path| fs::read_to_string(path).unwrap();
            (
                authority.fingerprint().unwrap(),
                read(&files.cert),
                read(&files.key),
            )
        };
        let first = start(NOW);
        assert_eq!(first.0.len(), 32 * 3 - 1);
        assert_eq!(start(NOW + DAY), first);
        let later = start(NOW + 301 * DAY);
        assert_eq!(later.0, first.0);
        assert_ne!(later.1, first.1);
    }

    #[test]
    fn another_name_needs_another_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path(), NOW).unwrap();
        let certify = |names: &[String]| {
            let files = authority.certify(names, NOW).unwrap();
            fs::read_to_string(files.cert).unwrap()
        };
        let local = certify(&local_names());
        assert_ne!(certify(&["s3.example.com".to_owned()]), local);
        assert!(
            authority
                .certify(&["not a name \u{e9}".to_owned()], NOW)
                .is_err()
        );
    }

    #[test]
    fn a_damaged_key_is_reported_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        Authority::open(folder.path(), NOW).unwrap();
        fs::write(folder.path().join("ca.key"), "nonsense").unwrap();
        assert!(matches!(
            Authority::open(folder.path(), NOW),
            Err(AuthorityError::Damaged { .. })
        ));
    }
}
