//! How the console shows itself on a host: its name, its picture and its colour.

use std::collections::HashMap;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, Uri, header};
use postern_config::directory::Digest;
use postern_config::settings::{Brand, LogoKind};

/// What it is called where nobody has said otherwise.
pub(crate) const NAME: &str = "Postern";
/// Its own icon.
pub(super) const ICON: &str = "/assets/icon.svg";
/// Digits of a file's digest that stand in its name.
const DIGITS: usize = 16;

/// A brand as pages have it.
#[derive(Clone, Debug)]
pub(crate) struct BrandShown {
    pub(crate) name: String,
    /// Where its picture is.
    pub(crate) logo: String,
    /// Where its colours are.
    pub(crate) css: Option<String>,
    /// Where its users get help.
    pub(crate) support: Option<String>,
}

impl Default for BrandShown {
    fn default() -> Self {
        Self {
            name: NAME.to_owned(),
            logo: ICON.to_owned(),
            css: None,
            support: None,
        }
    }
}

/// A file that a brand brings along.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Every brand.
#[derive(Debug, Default)]
pub(crate) struct Brands {
    of_hosts: HashMap<String, Arc<BrandShown>>,
    of_others: Arc<BrandShown>,
    assets: HashMap<String, Asset>,
}

impl Brands {
    pub(crate) fn new(brands: &[Brand]) -> Self {
        let mut all = Self::default();
        for brand in brands {
            let shown = Arc::new(BrandShown {
                name: brand.name.clone(),
                logo: brand.logo.as_ref().map_or_else(
                    || ICON.to_owned(),
                    |logo| {
                        let (ending, kind) = match logo.kind {
                            LogoKind::Png => ("png", "image/png"),
                            LogoKind::Svg => ("svg", "image/svg+xml"),
                        };
                        all.keep(ending, kind, logo.bytes.clone())
                    },
                ),
                css: brand.colour.map(|colour| {
                    let kind = "text/css; charset=utf-8";
                    all.keep("css", kind, colours(colour).into_bytes())
                }),
                support: brand.support.clone(),
            });
            for host in &brand.hosts {
                all.of_hosts.insert(host.to_string(), Arc::clone(&shown));
            }
            if brand.hosts.is_empty() {
                all.of_others = shown;
            }
        }
        all
    }

    /// The brand of a host.
    pub(crate) fn of(&self, host: Option<&str>) -> Arc<BrandShown> {
        let found = host.and_then(|host| self.of_hosts.get(host));
        Arc::clone(found.unwrap_or(&self.of_others))
    }

    /// A file under the name that pages have for it.
    pub(super) fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.get(name)
    }

    fn keep(&mut self, ending: &str, kind: &'static str, bytes: Vec<u8>) -> String {
        let mut digest = Digest::of(&bytes).to_string();
        digest.truncate(DIGITS);
        let name = format!("brand-{digest}.{ending}");
        let path = format!("/assets/{name}");
        self.assets.insert(name, Asset { kind, bytes });
        path
    }
}

/// The host that a request names, in lower case and without a port.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let named = headers.get(header::HOST).and_then(|it| it.to_str().ok());
    let named = named.and_then(|it| it.parse::<Authority>().ok());
    let host = uri.host().or_else(|| named.as_ref().map(Authority::host))?;
    Some(host.to_ascii_lowercase())
}

/// Lowest contrast of a brand's colour with what it stands on: with room for the tinted ground of the entry where one is. Source: WCAG 2.2,
/// 1.4.3 asks for 4.5.
const CONTRAST_MIN: f64 = 6.0;
const WHITE: [u8; 3] = [0xff; 3];
const BLACK: [u8; 3] = [0; 3];
/// What stands in the dark. Source: `--paper` of the sheet.
const NIGHT: [u8; 3] = [0x16, 0x1b, 0x22];

/// The sheet of a colour. What cannot be read on white is darkened, and what cannot be read at night is lightened, until it can.
fn colours(colour: [u8; 3]) -> String {
    let by_day = hex::encode(readable(colour, WHITE, BLACK));
    let by_night = hex::encode(readable(colour, NIGHT, WHITE));
    format!(
        ":root {{ --blue: #{by_day}; --link: light-dark(#{by_day}, #{by_night}); --focus: var(--link); --here: color-mix(in srgb, var(--link) 9%, var(--paper)); }}\n"
    )
}

/// Mixes a colour with another in steps of 2 %, until it can be read on its ground.
fn readable(colour: [u8; 3], ground: [u8; 3], with: [u8; 3]) -> [u8; 3] {
    let mix = |share: u16| {
        let mut mixed = colour;
        for (part, other) in mixed.iter_mut().zip(with) {
            let sum = u16::from(*part) * (50 - share) + u16::from(other) * share;
            *part = u8::try_from(sum / 50).unwrap_or(u8::MAX);
        }
        mixed
    };
    let mut mixed = (0..=50).map(mix);
    let fits = |it: &[u8; 3]| contrast(*it, ground) >= CONTRAST_MIN;
    mixed.find(fits).unwrap_or(with)
}

/// Source: WCAG 2.2, "contrast ratio".
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Source: WCAG 2.2, "relative luminance".
fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast(WHITE, BLACK) - 21.0).abs() < 1e-9);
        assert!((contrast([0x76; 3], WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn every_colour_can_be_read_by_day_and_by_night() {
        for red in (0..=255).step_by(51) {
            for green in (0..=255).step_by(51) {
                for blue in (0..=255).step_by(51) {
                    let colour = [red, green, blue];
                    let by_day = readable(colour, WHITE, BLACK);
                    assert!(contrast(by_day, WHITE) >= CONTRAST_MIN, "{colour:?}");
                    let by_night = readable(colour, NIGHT, WHITE);
                    assert!(contrast(by_night, NIGHT) >= CONTRAST_MIN, "{colour:?}");
                }
            }
        }
        let dark = [0x0b, 0x5d, 0x4f];
        assert_eq!(readable(dark, WHITE, BLACK), dark);
    }
}
