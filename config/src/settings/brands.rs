//! `admin.brands`: under which names and colours the console shows itself, and on which hosts: a folder with one file for each.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Domain;

/// Most characters of a name: it stands beside the logo on a telephone.
const NAME_CHARACTERS_MAX: usize = 40;
/// Largest logo, in bytes: it comes with every page.
const LOGO_BYTES_MAX: u64 = 64 * 1_024;
/// Most brands.
const BRANDS_MAX: usize = 1_000;

/// How the console shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// What it is called.
    pub name: String,
    /// On which hosts; none: on all that no other brand names.
    pub hosts: Vec<Domain>,
    /// The picture beside the name.
    pub logo: Option<Logo>,
    /// Red, green and blue of buttons and links.
    pub colour: Option<[u8; 3]>,
    /// Where its users get help: an `https:` or `mailto:` URL.
    pub support: Option<String>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// What it is.
    pub kind: LogoKind,
    /// The file as it is.
    pub bytes: Vec<u8>,
}

/// A format that browsers show at any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoKind {
    /// `image/png`.
    Png,
    /// `image/svg+xml`.
    Svg,
}

/// Why a folder is none of brands.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoBrands {
    #[error("{0}: {1}")]
    Io(PathBuf, std::io::Error),
    #[error("{0}: {1}")]
    File(PathBuf, String),
    #[error("more than {BRANDS_MAX} brands")]
    Many,
}

/// A file as people write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    hosts: Vec<String>,
    logo: Option<PathBuf>,
    colour: Option<String>,
    support: Option<String>,
}

/// Every `.toml` of a folder, in the order of their names.
pub(super) fn read(folder: &Path) -> Result<Vec<Brand>, NoBrands> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        |error| NoBrands::Io(path, error)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let path = entry.map_err(io(folder))?.path();
        if path.extension().is_some_and(|it| it == "toml") {
            files.push(path);
        }
    }
    if files.len() > BRANDS_MAX {
        return Err(NoBrands::Many);
    }
    files.sort();
    let mut brands = Vec::with_capacity(files.len());
    let mut taken = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(io(&file))?;
        let fault = |reason: String| NoBrands::File(file.clone(), reason);
        let brand = brand(folder, &text).map_err(fault)?;
        for host in hosts(&brand) {
            if !taken.insert(host.clone()) {
                let reason = match host.as_str() {
                    "" => "another brand has no `hosts` either: one alone is for all the others"
                        .to_owned(),
                    host => format!("`{host}` is a host of another brand"),
                };
                return Err(fault(reason));
            }
        }
        brands.push(brand);
    }
    Ok(brands)
}

/// The hosts of a brand; the empty one stands for all others.
fn hosts(brand: &Brand) -> Vec<String> {
    if brand.hosts.is_empty() {
        return vec![String::new()];
    }
    brand.hosts.iter().map(ToString::to_string).collect()
}

fn brand(folder: &Path, text: &str) -> Result<Brand, String> {
    let written: Written =
        toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let name = written.name.trim();
    if name.is_empty()
        || name.chars().count() > NAME_CHARACTERS_MAX
        || name.chars().any(char::is_control)
    {
        return Err(format!(
            "`name` is one of 1 to {NAME_CHARACTERS_MAX} characters"
        ));
    }
    let host = |host: String| {
        let it = host.parse::<Domain>();
        it.map_err(|_| format!("`hosts`: `{host}` is no name of a host"))
    };
    let support = written.support.filter(|it| !it.is_empty());
    if support.as_deref().is_some_and(|it| !is_help(it)) {
        return Err("`support` is an `https://` or `mailto:` URL".to_owned());
    }
    Ok(Brand {
        name: name.to_owned(),
        hosts: written
            .hosts
            .into_iter()
            .map(host)
            .collect::<Result<_, _>>()?,
        logo: written.logo.map(|it| logo(&folder.join(it))).transpose()?,
        colour: written.colour.as_deref().map(colour).transpose()?,
        support,
    })
}

/// Nothing that a browser would run.
fn is_help(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("mailto:"));
    rest.is_some_and(|rest| !rest.is_empty()) && text.bytes().all(|it| it.is_ascii_graphic())
}

/// Source: CSS Color Module Level 4, section 5.2, of six digits.
fn colour(text: &str) -> Result<[u8; 3], String> {
    let mut parts = [0; 3];
    let digits = text.strip_prefix('#').unwrap_or_default();
    let read = hex::decode_to_slice(digits, &mut parts);
    read.map_err(|_| format!("`colour`: `{text}` is none such as `#0b5d4f`"))?;
    Ok(parts)
}

fn logo(path: &Path) -> Result<Logo, String> {
    let fault = |why: &dyn std::fmt::Display| format!("`logo` {}: {why}", path.display());
    let found = fs::metadata(path).map_err(|error| fault(&error))?;
    if found.len() > LOGO_BYTES_MAX {
        return Err(fault(&format!(
            "larger than {} KiB",
            LOGO_BYTES_MAX / 1_024
        )));
    }
    let bytes = fs::read(path).map_err(|error| fault(&error))?;
    let kind = match path.extension().and_then(|it| it.to_str()) {
        // Source: PNG, section 5.2.
        Some("png") if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => LogoKind::Png,
        Some("svg") if is_svg(&bytes) => LogoKind::Svg,
        _ => return Err(fault(&"neither a PNG nor an SVG file")),
    };
    Ok(Logo { kind, bytes })
}

fn is_svg(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("<svg"))
}
