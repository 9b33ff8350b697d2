//! What a question about all requests fixes: one operation with its action and atom, the caller or what every caller has, the
//! bucket. Attributes that follow from each other are fixed together, so that no way is found that only a contradiction could take;
//! where they are free, a witness is made a request by [`settle`] before it is decided.

use std::sync::Arc;

use policy_wasm::facts::{Facts, OwnedValue};
use policy_wasm::question::{Answer, Ask, Question, Work, answer};
use policy_wasm::registry::{Attribute, Name, Presence};
use policy_wasm::tools::{Query, Settle, Situation};
use postern_config::decisions::{Atom, DecisionTable};
use s3_protocol::operation::Scope;
use s3_protocol::{BucketName, ObjectKey, Operation};

/// What no request has in this version: `CheckFacts` answers them alike for all. See the last arm there.
const NEVER: &[Name] = &[
    Name::TokenIssueTime,
    Name::MultiFactorAuthPresent,
    Name::MultiFactorAuthAge,
    Name::LocationConstraint,
];

/// The same, of those that take a parameter.
const NEVER_WITH_PARAMETER: &[Name] = &[Name::PrincipalTag];

/// What is known of a caller beside what is there for signed requests alone.
const OF_ANY_CALLER: &[Name] = &[
    Name::PrincipalType,
    Name::UserId,
    Name::AccountPermissions,
    Name::Relation,
    Name::Profile,
    Name::WriteDeletes,
    Name::WriteHead,
];

/// What a signature is like follows from the request, not from the caller.
const OF_SIGNATURE: &[Name] = &[
    Name::SignatureVersion,
    Name::AuthType,
    Name::SignatureAge,
    Name::PresignAge,
];

/// One operation, on the current version of an object or on one that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doing {
    pub(super) operation: Operation,
    pub(super) action: &'static str,
    versioned: bool,
}

/// The operations whose action, or whose name, fits a pattern of IAM. Those that no check is about are left out: the entries of
/// DeleteObjects are checked one by one.
pub(super) fn doing(pattern: &str) -> Vec<Doing> {
    let all = Operation::ALL.iter().flat_map(|operation| {
        let operation = *operation;
        let one = move |action, versioned| Doing {
            operation,
            action,
            versioned,
        };
        match operation {
            Operation::DeleteObjects => Vec::new(),
            Operation::GetObject | Operation::HeadObject => vec![
                one(operation.action(), false),
                one("s3:GetObjectVersion", true),
            ],
            Operation::DeleteObjectVersion => vec![one(operation.action(), true)],
            _ => vec![one(operation.action(), false)],
        }
    });
    all.filter(|it| fits(pattern, it.action) || fits(pattern, it.operation.name()))
        .collect()
}

/// Whether a pattern with `*` and `?` fits, whatever the case, as IAM compares actions.
fn fits(pattern: &str, text: &str) -> bool {
    let Some(attribute) = Attribute::plain(Name::Action) else {
        return false;
    };
    let situation = Situation::default().with_text(attribute.clone(), text.to_ascii_lowercase());
    let pattern = Arc::from(pattern.to_ascii_lowercase().into_bytes());
    let question = Question {
        attribute,
        ask: Ask::Matches(pattern),
    };
    matches!(
        answer(&question, &situation, &mut Work::full()),
        Ok(Answer::Truth(true))
    )
}

/// `bucket` or `bucket/prefix`.
#[derive(Clone, Debug)]
pub(super) struct Under {
    pub(super) bucket: BucketName,
    pub(super) prefix: String,
}

impl std::str::FromStr for Under {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        Ok(Self {
            bucket: bucket
                .parse()
                .map_err(|cause| format!("`{bucket}` is not the name of a bucket: {cause}"))?,
            prefix: prefix.to_owned(),
        })
    }
}

/// What all requests of this operation have, below `under` where that is told. None where there are none there.
pub(super) fn query(table: &DecisionTable, doing: Doing, under: Option<&Under>) -> Option<Query> {
    let operation = doing.operation;
    let mut query = Query {
        fixed: nothing_built()
            .text(Name::Operation, operation.name())
            .text(Name::Action, doing.action),
        settle: Settle(settle),
        ..Query::any()
    };
    let atom = table
        .row(operation)
        .and_then(|row| row.atoms.last().copied());
    query.fixed = match atom {
        Some(atom) => query.fixed.text(Name::Atom, Atom::as_str(atom)),
        None => query.fixed.absent(&[Name::Atom]),
    };
    let scope = match operation {
        // The key stands in the form.
        Operation::PostObject => Scope::Object,
        operation => operation.scope(),
    };
    match scope {
        Scope::Service => {
            query.fixed = query.fixed.absent(&[Name::Bucket, Name::Key]);
            if under.is_some() {
                return None;
            }
        }
        Scope::Bucket => {
            query.fixed = query.fixed.absent(&[Name::Key]);
            query = query.assume(ask(Name::Bucket, Ask::Present)?, true);
        }
        Scope::Object => query = query.assume(ask(Name::Key, Ask::Present)?, true),
    }
    if scope != Scope::Object || !doing.versioned {
        query.fixed = query.fixed.absent(&[Name::VersionId]);
    } else {
        query = query.assume(ask(Name::VersionId, Ask::Present)?, true);
    }
    if scope != Scope::Service {
        // Of a bucket that is not there nothing can be done but to make it.
        let exists = operation != Operation::CreateBucket;
        query.fixed = query.fixed.truth(Name::BucketExists, exists);
    }
    match under {
        Some(under) => below(query, scope, under),
        None => Some(query),
    }
}

/// The same, below a bucket or a prefix in it.
fn below(mut query: Query, scope: Scope, under: &Under) -> Option<Query> {
    let bucket = under.bucket.as_str();
    query.fixed = query.fixed.text(Name::Bucket, bucket);
    let resource = format!("arn:aws:s3:::{bucket}");
    if scope == Scope::Object {
        let resource = format!("{resource}/{}", under.prefix);
        query = query.assume(ask(Name::Resource, starts(&resource))?, true);
    } else {
        query.fixed = query.fixed.text(Name::Resource, &resource);
    }
    match scope {
        _ if under.prefix.is_empty() => Some(query),
        Scope::Object => Some(query.assume(ask(Name::Key, starts(&under.prefix))?, true)),
        // What a list shows is below the prefix that it names.
        Scope::Bucket => Some(query.assume(ask(Name::Prefix, starts(&under.prefix))?, true)),
        Scope::Service => None,
    }
}

/// What these facts say of the caller.
pub(super) fn of_caller(facts: &dyn Facts) -> Situation {
    let signed = Name::ALL.iter().copied().filter(|name| {
        let presence = name.entry().presence;
        matches!(presence, Presence::Signed | Presence::Constraint) && !OF_SIGNATURE.contains(name)
    });
    let all = signed.chain(OF_ANY_CALLER.iter().copied());
    let all: Vec<Attribute> = all.filter_map(Attribute::plain).collect();
    Situation::of(facts, &all)
}

/// What is true of every signed caller of whom no more is known.
pub(super) fn of_someone(fixed: &Situation) -> Situation {
    let someone = Situation::default()
        .text(Name::PrincipalType, "User")
        .text(Name::SignatureVersion, "AWS4-HMAC-SHA256")
        .truth(Name::PrincipalIsAwsService, false);
    someone.over(fixed)
}

/// Attributes of these modules that no request of this version has.
pub(super) fn without<'m>(
    fixed: Situation,
    attributes: impl Iterator<Item = &'m Attribute>,
) -> Situation {
    let never = attributes.filter(|it| NEVER_WITH_PARAMETER.contains(&it.name()));
    never.fold(fixed, |fixed, attribute| fixed.without(attribute.clone()))
}

fn nothing_built() -> Situation {
    Situation::default()
        .absent(NEVER)
        .truth(Name::ViaAwsService, false)
}

fn ask(name: Name, ask: Ask) -> Option<Question> {
    let attribute = Attribute::plain(name)?;
    Some(Question { attribute, ask })
}

fn starts(text: &str) -> Ask {
    Ask::StartsWith(Arc::from(text.as_bytes()))
}

/// Short ways to say what is fixed, by name.
pub(super) trait Fixes: Sized {
    fn text(self, name: Name, text: &str) -> Self;
    fn truth(self, name: Name, truth: bool) -> Self;
    fn absent(self, names: &[Name]) -> Self;
    fn texts(self, name: Name, texts: &[&str]) -> Self;
}

impl Fixes for Situation {
    fn text(self, name: Name, text: &str) -> Self {
        match Attribute::plain(name) {
            Some(attribute) => self.with_text(attribute, text),
            None => self,
        }
    }

    fn truth(self, name: Name, truth: bool) -> Self {
        match Attribute::plain(name) {
            Some(attribute) => self.with(attribute, [OwnedValue::Bool(truth)]),
            None => self,
        }
    }

    fn absent(self, names: &[Name]) -> Self {
        let attributes = names.iter().filter_map(|name| Attribute::plain(*name));
        attributes.fold(self, Self::without)
    }

    fn texts(self, name: Name, texts: &[&str]) -> Self {
        match Attribute::plain(name) {
            Some(attribute) => self.with(attribute, texts.iter().map(OwnedValue::text)),
            None => self,
        }
    }
}

/// Requests of a situation: bucket and key make the resource, one moment makes every reading of the clock.
pub(super) fn settle(found: &Situation) -> Vec<Situation> {
    let placed = resources(found);
    placed.iter().flat_map(moments).collect()
}

fn value(situation: &Situation, name: Name) -> Option<OwnedValue> {
    let attribute = Attribute::plain(name)?;
    situation.values(&attribute)?.first().cloned()
}

fn text(situation: &Situation, name: Name) -> Option<String> {
    match value(situation, name)? {
        OwnedValue::Text(text) => String::from_utf8(text.into()).ok(),
        _ => None,
    }
}

/// The situation with a resource of its bucket and key, and with a bucket and key of its resource. Where a name is none that a
/// bucket or an object can have, another that is asked nothing about may do.
fn resources(found: &Situation) -> Vec<Situation> {
    const BUCKET: &str = "some-bucket";
    const KEY: &str = "some-key";
    let arn = text(found, Name::Resource).unwrap_or_default();
    let (arn_bucket, arn_key) = match arn.strip_prefix("arn:aws:s3:::") {
        Some(path) => match path.split_once('/') {
            Some((bucket, key)) => (Some(bucket), Some(key)),
            None => (Some(path), None),
        },
        None => (None, None),
    };
    let (bucket, key) = (text(found, Name::Bucket), text(found, Name::Key));
    let has_bucket = bucket.is_some() || arn_bucket.is_some_and(|bucket| !bucket.is_empty());
    if !has_bucket {
        return vec![found.clone().text(Name::Resource, "arn:aws:s3:::")];
    }
    let has_key = key.is_some() || arn_key.is_some();
    let mut all = Vec::new();
    for bucket in [bucket.as_deref(), arn_bucket, Some(BUCKET)]
        .into_iter()
        .flatten()
    {
        for key in [key.as_deref(), arn_key, Some(KEY)].into_iter().flatten() {
            if bucket.parse::<BucketName>().is_err() || key.parse::<ObjectKey>().is_err() {
                continue;
            }
            let placed = found.clone().text(Name::Bucket, bucket);
            let arn = format!("arn:aws:s3:::{bucket}");
            let placed = if has_key {
                let arn = format!("{arn}/{key}");
                placed.text(Name::Key, key).text(Name::Resource, &arn)
            } else {
                placed.text(Name::Resource, &arn)
            };
            if !all.contains(&placed) {
                all.push(placed);
            }
        }
    }
    all
}

/// The situation at moments at which its clocks show one time.
fn moments(found: &Situation) -> Vec<Situation> {
    const DAY: i64 = 86_400;
    // 1970-01-01 was a Thursday.
    const DAYS: [&str; 7] = [
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
    ];
    /// A day to begin with where nothing is said of the date. Source: 2026-01-01.
    const SOME_DAY: i64 = 20_454 * DAY;
    let number = |name| match value(found, name)? {
        OwnedValue::Number(thousandths) => Some(thousandths.div_euclid(1_000)),
        OwnedValue::Time(seconds) => Some(seconds),
        _ => None,
    };
    let clocks = [
        Name::CurrentTime,
        Name::EpochTime,
        Name::TimeOfDay,
        Name::DayOfWeek,
    ];
    let plain = clocks.map(Attribute::plain);
    if !plain.iter().flatten().any(|clock| found.knows(clock)) {
        return vec![found.clone()];
    }
    let dates = [number(Name::CurrentTime), number(Name::EpochTime)];
    let dates = if dates.iter().any(Option::is_some) {
        dates
    } else {
        [Some(SOME_DAY), None]
    };
    let mut all = Vec::new();
    for date in dates.into_iter().flatten() {
        let midnight = date.div_euclid(DAY).saturating_mul(DAY);
        let of_day = number(Name::TimeOfDay).map_or(date, |of_day| midnight.saturating_add(of_day));
        let days = if text(found, Name::DayOfWeek).is_some() {
            7
        } else {
            1
        };
        for later in 0..days {
            let at = of_day.saturating_add(later * DAY);
            let day = usize::try_from(at.div_euclid(DAY).rem_euclid(7)).unwrap_or_default();
            let time = |situation: Situation, name, value| match Attribute::plain(name) {
                Some(attribute) => situation.with(attribute, [value]),
                None => situation,
            };
            let thousandths = |seconds: i64| OwnedValue::Number(seconds.saturating_mul(1_000));
            let shown = found.clone();
            let shown = time(shown, Name::CurrentTime, OwnedValue::Time(at));
            let shown = time(shown, Name::EpochTime, thousandths(at));
            let shown = time(shown, Name::TimeOfDay, thousandths(at.rem_euclid(DAY)));
            all.push(shown.text(Name::DayOfWeek, DAYS.get(day).copied().unwrap_or_default()));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_operations_by_their_action_or_name() {
        let names = |pattern: &str| -> Vec<&str> {
            doing(pattern)
                .iter()
                .map(|it| it.operation.name())
                .collect()
        };
        assert_eq!(names("s3:DeleteObject"), ["DeleteObject"]);
        assert_eq!(
            names("s3:deleteobject*"),
            ["DeleteObject", "DeleteObjectVersion", "DeleteObjectTagging"]
        );
        assert_eq!(names("s3:GetObjectVersion"), ["GetObject", "HeadObject"]);
        assert_eq!(names("CreateBucket"), ["CreateBucket"]);
        assert!(names("s3:Frobnicate").is_empty());
    }

    #[test]
    fn a_situation_becomes_a_request() {
        let apart = Situation::default()
            .text(Name::Bucket, "photos")
            .text(Name::Key, "a")
            .text(Name::Resource, "arn:aws:s3:::backups/b/");
        let settled = settle(&apart);
        assert!(settled.iter().all(|it| {
            let arn = format!(
                "arn:aws:s3:::{}/{}",
                text(it, Name::Bucket).unwrap(),
                text(it, Name::Key).unwrap()
            );
            text(it, Name::Resource) == Some(arn)
        }));
        let arns: Vec<_> = settled
            .iter()
            .map(|it| text(it, Name::Resource).unwrap())
            .collect();
        assert!(arns.contains(&"arn:aws:s3:::photos/a".to_owned()));
        assert!(arns.contains(&"arn:aws:s3:::backups/b/".to_owned()));
    }

    #[test]
    fn the_clocks_of_a_request_show_one_moment() {
        let of_day = OwnedValue::Number(50_400_000);
        let afternoon = Situation::default()
            .with(Attribute::plain(Name::TimeOfDay).unwrap(), [of_day.clone()])
            .text(Name::DayOfWeek, "monday");
        let settled = settle(&afternoon);
        let fits = settled.iter().find(|it| {
            text(it, Name::DayOfWeek).unwrap() == "monday"
                && value(it, Name::TimeOfDay) == Some(of_day.clone())
        });
        let Some(OwnedValue::Time(at)) = value(fits.unwrap(), Name::CurrentTime) else {
            panic!()
        };
        // 2026-01-05 was a Monday.
        assert_eq!(at, 1_767_621_600);
    }
}
