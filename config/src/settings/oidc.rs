//! `[admin.oidc]`: the provider by which operators sign in, whole or not at all.

use super::OidcSettings;
use super::read::Reader;
use super::values::ValueError;
use crate::Secret;

const SECTION: &str = "admin.oidc";
/// What a provider is called that has no name.
const NAME_DEFAULT: &str = "single sign-on";
/// Most characters of its name: it stands on a button.
const NAME_CHARACTERS_MAX: usize = 40;

/// Reads the section; none where nothing of it is given, or not enough.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<OidcSettings> {
    let is_given = reader.has_any(SECTION);
    let field = |name: &str| format!("{SECTION}.{name}");
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic());
    let expected = "at least one visible ASCII character";

    let places = ["issuer", "client_id", "client_secret", "client_secret_file"];
    let places = places.map(|name| reader.place(&field(name)));
    let issuer = reader.optional(
        &field("issuer"),
        "an `https://` URL without query or fragment, as the provider calls itself",
        issuer,
    );
    let client_id = reader.optional(&field("client_id"), expected, |text| {
        let is_one = visible(text).then(|| text.to_owned());
        is_one.ok_or(ValueError::Name)
    });
    let client_secret = reader.secret(&field("client_secret"), expected, |text| {
        visible(text).then(|| Secret::new(text.into()))
    });
    let expected = format!("a name of at most {NAME_CHARACTERS_MAX} characters");
    let name = reader.optional(&field("name"), &expected, |text| {
        let is_one = !text.trim().is_empty()
            && text.chars().count() <= NAME_CHARACTERS_MAX
            && !text.chars().any(char::is_control);
        is_one
            .then(|| text.trim().to_owned())
            .ok_or(ValueError::Name)
    });
    let ca = reader.file(&field("ca"));

    if is_given {
        let [has_issuer, has_client_id, has_secret, has_file] =
            places.map(|place| place != super::Place::Default);
        for (name, has) in [
            ("issuer", has_issuer),
            ("client_id", has_client_id),
            ("client_secret", has_secret || has_file),
        ] {
            if !has {
                let expected = format!("is needed with the other settings of [{SECTION}]");
                reader.blind_fault(&field(name), super::Place::Default, expected);
            }
        }
    }
    Some(OidcSettings {
        issuer: issuer?,
        client_id: client_id?,
        client_secret: client_secret?,
        name: name.unwrap_or_else(|| NAME_DEFAULT.to_owned()),
        ca,
    })
}

/// Source: OpenID Connect Discovery 1.0, section 3.
fn issuer(text: &str) -> Result<String, ValueError> {
    let is_one = text
        .strip_prefix("https://")
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && text.bytes().all(|it| it.is_ascii_graphic())
        && !text.contains(['?', '#', '@']);
    is_one.then(|| text.to_owned()).ok_or(ValueError::Name)
}
