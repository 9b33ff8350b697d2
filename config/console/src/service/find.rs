//! From the words of a path to records. A word of digits alone is always a number; `name:2026` is what is called so. What is not
//! there is refused with the name that was probably meant.

use std::sync::Arc;

use http::StatusCode;
use postern_config::directory::{
    AccessKey, AccessKeyId, Bucket, CustomRole, Name, Role, State as Snapshot, SubUser, Tenant,
    User, is_known_role,
};
use s3_protocol::BucketId;

use crate::Problem;
use crate::caller::Caller;
use crate::limits::LIKENESSES_LOOKED_AT_MAX;

/// How a name is told from a number.
const NAME: &str = "name:";

/// What a word of a path means.
enum Meant<'w> {
    Number(u64),
    Name(&'w str),
}

fn meant(word: &str) -> Meant<'_> {
    match word.strip_prefix(NAME) {
        Some(name) => Meant::Name(name),
        None if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A number that no record can have is that of none.
            Meant::Number(word.parse().unwrap_or(u64::MAX))
        }
        None => Meant::Name(word),
    }
}

/// The account that is meant.
pub(crate) fn tenant<'s>(state: &'s Snapshot, word: &str) -> Result<&'s Arc<Tenant>, Problem> {
    let found = match meant(word) {
        Meant::Number(number) => state.tenant_numbered(number),
        Meant::Name(name) => name_of(name).and_then(|name| state.tenant_named(&name)),
    };
    found.ok_or_else(|| {
        let names = state.tenants().map(|tenant| tenant.name.as_str());
        missing("tenant", word, "", names)
    })
}

/// The user of an account that is meant.
pub(crate) fn user<'s>(
    state: &'s Snapshot,
    tenant: &Tenant,
    word: &str,
) -> Result<&'s Arc<User>, Problem> {
    let found = match meant(word) {
        Meant::Number(number) => state.user_numbered(tenant.id, number),
        Meant::Name(name) => name_of(name).and_then(|name| state.user_named(tenant.id, &name)),
    };
    found.ok_or_else(|| {
        let names = state.users(tenant.id).map(|user| user.name.as_str());
        missing(
            "user",
            word,
            &format!(" in tenant `{}`", tenant.name),
            names,
        )
    })
}

/// The sub-user of a user that is meant.
pub(crate) fn sub_user<'s>(
    state: &'s Snapshot,
    user: &User,
    word: &str,
) -> Result<&'s Arc<SubUser>, Problem> {
    let found = match meant(word) {
        Meant::Number(number) => state.sub_users(user.id).find(|it| it.id.get() == number),
        Meant::Name(name) => name_of(name).and_then(|name| state.sub_user_named(user.id, &name)),
    };
    found.ok_or_else(|| {
        let names = state.sub_users(user.id).map(|it| it.name.as_str());
        missing(
            "sub-user",
            word,
            &format!(" of user `{}`", user.name),
            names,
        )
    })
}

/// The built-in roles.
pub(crate) const BUILTIN_ROLES: [Role; 5] = [
    Role::Owner,
    Role::Admin,
    Role::Contributor,
    Role::Reader,
    Role::Member,
];

/// The role that is meant: a built-in one that the profile knows, or one that the account has made.
pub(crate) fn role(state: &Snapshot, tenant: &Tenant, word: &str) -> Result<Role, Problem> {
    let builtin = BUILTIN_ROLES
        .into_iter()
        .filter(|role| is_known_role(tenant.profile, *role));
    let name = word.strip_prefix(NAME).unwrap_or(word);
    let found = builtin
        .clone()
        .find(|role| role.to_string().eq_ignore_ascii_case(name));
    let made = || custom(state, tenant, word).map(|role| Role::Custom(role.id));
    found.or_else(made).ok_or_else(|| {
        let builtin: Vec<String> = builtin.map(|role| role.to_string()).collect();
        let names = builtin.iter().map(String::as_str);
        let names = names.chain(state.roles(tenant.id).map(|role| role.name.as_str()));
        missing(
            "role",
            word,
            &format!(" in tenant `{}`", tenant.name),
            names,
        )
    })
}

/// The role of an account's own making that is meant.
pub(crate) fn custom_role<'s>(
    state: &'s Snapshot,
    tenant: &Tenant,
    word: &str,
) -> Result<&'s Arc<CustomRole>, Problem> {
    if let Some(found) = custom(state, tenant, word) {
        return Ok(found);
    }
    let builtin = role(state, tenant, word)?;
    let detail = format!(
        "the role `{builtin}` is built in and stays as it is: make a role of your own with what you need"
    );
    Err(Problem::new(StatusCode::CONFLICT, "refused", detail))
}

fn custom<'s>(state: &'s Snapshot, tenant: &Tenant, word: &str) -> Option<&'s Arc<CustomRole>> {
    match meant(word) {
        Meant::Number(number) => state.roles(tenant.id).find(|it| it.id.get() == number),
        Meant::Name(name) => name_of(name).and_then(|name| state.role_named(tenant.id, &name)),
    }
}

/// What a role is called.
pub(crate) fn role_name(state: &Snapshot, role: Role) -> String {
    match role {
        Role::Custom(id) => state
            .role(id)
            .map_or_else(|| role.to_string(), |role| role.name.to_string()),
        builtin => builtin.to_string(),
    }
}

/// The access key of an account, and of a user where one is named, that is meant.
pub(crate) fn key<'s>(
    state: &'s Snapshot,
    (tenant, user): (&Tenant, Option<&User>),
    word: &str,
) -> Result<&'s Arc<AccessKey>, Problem> {
    let found = word.parse::<AccessKeyId>().ok();
    let found = found
        .and_then(|id| state.key(&id))
        .filter(|key| key.tenant == tenant.id && user.is_none_or(|user| user.id == key.user));
    found.ok_or_else(|| {
        let whose = user.map_or_else(
            || format!(" in tenant `{}`", tenant.name),
            |user| format!(" of user `{}`", user.name),
        );
        let users = state.users(tenant.id);
        let ids: Vec<AccessKeyId> = users
            .filter(|it| user.is_none_or(|user| user.id == it.id))
            .flat_map(|user| state.keys(user.id))
            .map(|key| key.id)
            .take(LIKENESSES_LOOKED_AT_MAX)
            .collect();
        missing(
            "access key",
            word,
            &whose,
            ids.iter().map(AccessKeyId::as_str),
        )
    })
}

/// The bucket of an account that is meant, by number or by name; by name with its owner where each user has his own.
pub(crate) fn bucket<'s>(
    state: &'s Snapshot,
    caller: &Caller,
    (tenant, owner): (&Tenant, Option<&User>),
    word: &str,
) -> Result<&'s Arc<Bucket>, Problem> {
    // What somebody does not see is not there, and is not suggested, either.
    let is_owned = |bucket: &Bucket| {
        owner.is_none_or(|owner| owner.id == bucket.owner) && caller.sees_bucket(state, bucket)
    };
    let numbered = numbered(state, word).filter(|it| it.tenant == tenant.id && is_owned(it));
    let name = word.strip_prefix(NAME).unwrap_or(word);
    let named = state
        .buckets_in(tenant)
        .filter(|it| it.name.as_str() == name && is_owned(it));
    let mut found = numbered.into_iter().chain(named);
    // A page names a bucket by its number, and no other is looked at.
    match (
        found.next(),
        numbered.is_none().then(|| found.next()).flatten(),
    ) {
        (Some(bucket), None) => Ok(bucket),
        (None, _) => {
            let names = state.buckets_in(tenant).filter(|bucket| is_owned(bucket));
            let whose = owner.map_or_else(
                || format!(" in tenant `{}`", tenant.name),
                |owner| format!(" of user `{}`", owner.name),
            );
            let names = names.map(|bucket| bucket.name.as_str());
            Err(missing("bucket", word, &whose, names))
        }
        (Some(one), Some(other)) => {
            let [first, second] = [one, other].map(|bucket| owner_of(state, bucket));
            let detail = format!(
                "several users of tenant `{}` have a bucket `{name}` (`{first}`, `{second}`, …): say whose, with `owner`",
                tenant.name
            );
            Err(Problem::new(StatusCode::CONFLICT, "ambiguous", detail))
        }
    }
}

/// The bucket of this number, where a word is one: 32 hexadecimal digits.
fn numbered<'s>(state: &'s Snapshot, word: &str) -> Option<&'s Arc<Bucket>> {
    let is_number = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u128::from_str_radix(word, 16).ok().filter(|_| is_number)?;
    state.bucket_by_id(BucketId(number))
}

/// What the owner of a bucket is called.
pub(crate) fn owner_of(state: &Snapshot, bucket: &Bucket) -> String {
    let owner = state.user(bucket.owner);
    owner.map_or_else(|| bucket.owner.to_string(), |user| user.name.to_string())
}

fn name_of(text: &str) -> Option<Name> {
    text.parse().ok()
}

/// What is not there, and what is most like it.
pub(crate) fn missing<'n>(
    what: &'static str,
    word: &str,
    place: &str,
    names: impl Iterator<Item = &'n str>,
) -> Problem {
    let word = word.strip_prefix(NAME).unwrap_or(word);
    let shown: String = word
        .chars()
        .take(128)
        .filter(|it| !it.is_control())
        .collect();
    let detail = match closest(word, names) {
        Some(name) => format!("there is no {what} `{shown}`{place}; did you mean `{name}`?"),
        None => {
            format!("there is no {what} `{shown}`{place}; the list shows those that there are")
        }
    };
    Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
}

/// The name that differs least, if it is no other word altogether.
fn closest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let word = word.to_lowercase();
    if word.len() > postern_config::limits::NAME_BYTES_MAX {
        return None;
    }
    let far = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    let near = names
        .take(LIKENESSES_LOOKED_AT_MAX)
        .map(|name| (far(name), name))
        .min()?;
    (near.0 <= (word.len() / 3).max(1)).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_probably_meant_is_found() {
        let names = ["photos", "backups", "ci"];
        let closest = |word| closest(word, names.into_iter());
        assert_eq!(closest("photo"), Some("photos"));
        assert_eq!(closest("BACKUPS"), Some("backups"));
        assert_eq!(closest("pohtos"), Some("photos"));
        assert_eq!(closest("invoices"), None);
        assert_eq!(closest(&"x".repeat(10_000)), None);
    }

    #[test]
    fn digits_are_a_number_unless_they_are_said_to_be_a_name() {
        assert!(matches!(meant("2026"), Meant::Number(2_026)));
        assert!(matches!(meant("name:2026"), Meant::Name("2026")));
        assert!(matches!(meant("2026a"), Meant::Name("2026a")));
        assert!(matches!(meant(""), Meant::Name("")));
        assert!(matches!(
            meant("99999999999999999999999"),
            Meant::Number(u64::MAX)
        ));
    }
}
