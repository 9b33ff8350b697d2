//! A second opinion: what a policy document means, read from its JSON as plainly as possible and without a line of the
//! compiler or of the engine's answers. Only names are looked up in the registry.
//!
//! [`Broken`] breaks one mechanism on purpose, to see that the random documents would notice.

use std::cell::Cell;
use std::net::{IpAddr, Ipv6Addr};

use policy_wasm::facts::Value;
use policy_wasm::registry::Attribute;
use serde_json::Value as Json;

use super::facts::Known;

/// What a document says to a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) decision: Decision,
    /// The statements, by their number, of which one may be named as the reason.
    pub(crate) because: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Nothing,
    Allow,
    Deny,
}

/// A mechanism that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    DenyWins,
    NotAction,
    NotResource,
    NotPrincipal,
    RootBesideItsUser,
    AccountIsItsRoot,
    EveryoneIsAnonymousToo,
    ActionCase,
    NegatedOnAbsent,
    IfExists,
    AllOfNone,
    AnyOfNone,
    AnyNegated,
    AllNegated,
    AllIsAny,
    NullSense,
    VariableIsLiteral,
    VariableDefault,
    DefaultOnlyWhenAbsent,
    MissingInAllow,
    MissingInDeny,
    OldVersionHasNoVariables,
    EscapedStar,
    CharacterNotByte,
    WithinSegment,
    ArnEqualsIsAlike,
    TextCase,
    EqualsHasNoWildcards,
    AtMost,
    Moments,
    Mapped,
    BareAddress,
    EmptyList,
    EveryCondition,
    AnyValue,
}

impl Broken {
    pub(crate) const ALL: &'static [Self] = &[
        Self::DenyWins,
        Self::NotAction,
        Self::NotResource,
        Self::NotPrincipal,
        Self::RootBesideItsUser,
        Self::AccountIsItsRoot,
        Self::EveryoneIsAnonymousToo,
        Self::ActionCase,
        Self::NegatedOnAbsent,
        Self::IfExists,
        Self::AllOfNone,
        Self::AnyOfNone,
        Self::AnyNegated,
        Self::AllNegated,
        Self::AllIsAny,
        Self::NullSense,
        Self::VariableIsLiteral,
        Self::VariableDefault,
        Self::DefaultOnlyWhenAbsent,
        Self::MissingInAllow,
        Self::MissingInDeny,
        Self::OldVersionHasNoVariables,
        Self::EscapedStar,
        Self::CharacterNotByte,
        Self::WithinSegment,
        Self::ArnEqualsIsAlike,
        Self::TextCase,
        Self::EqualsHasNoWildcards,
        Self::AtMost,
        Self::Moments,
        Self::Mapped,
        Self::BareAddress,
        Self::EmptyList,
        Self::EveryCondition,
        Self::AnyValue,
    ];
}

/// Judges a check by a document that is known to be one. `None`: this opinion does not read all that is written there.
pub(crate) fn judge(document: &Json, facts: &Known, broken: Option<Broken>) -> Option<Said> {
    let judge = Judge {
        facts,
        broken,
        unread: Cell::new(false),
        new: document["Version"] == "2012-10-17",
    };
    let statements = list(&document["Statement"]);
    let applies = |effect: &str| -> Vec<usize> {
        let numbered = statements.iter().enumerate();
        numbered
            .filter(|(_, statement)| statement["Effect"] == effect && judge.applies(statement))
            .map(|(number, _)| number)
            .collect()
    };
    let (denied, allowed) = (applies("Deny"), applies("Allow"));
    let deny_first = broken != Some(Broken::DenyWins);
    let (decision, because) = match (denied.is_empty(), allowed.is_empty()) {
        (true, true) => (Decision::Nothing, Vec::new()),
        (false, true) => (Decision::Deny, denied),
        (true, false) => (Decision::Allow, allowed),
        (false, false) if deny_first => (Decision::Deny, denied),
        (false, false) => (Decision::Allow, allowed),
    };
    (!judge.unread.get()).then_some(Said { decision, because })
}

/// A variable has no value.
struct Missing;

struct Judge<'a> {
    facts: &'a Known,
    broken: Option<Broken>,
    /// Whether there are variables.
    new: bool,
    /// Whether something was written in a way that is not read here.
    unread: Cell<bool>,
}

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Is(char),
    Some,
    One,
}

impl Judge<'_> {
    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    /// The value, or anything where it could not be read.
    fn known<T>(&self, value: Option<T>, otherwise: T) -> T {
        value.unwrap_or_else(|| {
            self.unread.set(true);
            otherwise
        })
    }

    fn applies(&self, statement: &Json) -> bool {
        let allows = statement["Effect"] == "Allow";
        let settle = |answer: Result<bool, Missing>| match answer {
            Ok(answer) => answer,
            Err(Missing) if allows => self.is(Broken::MissingInAllow),
            Err(Missing) => !self.is(Broken::MissingInDeny),
        };
        self.principal(statement)
            && self.action(statement)
            && settle(self.resource(statement))
            && self.conditions(&statement["Condition"], settle)
    }

    // Who.

    fn principal(&self, statement: &Json) -> bool {
        if let Some(named) = statement.get("Principal") {
            return self.is_named(&principals(named));
        }
        let Some(named) = statement.get("NotPrincipal") else {
            return true;
        };
        let named = principals(named);
        if self.is(Broken::NotPrincipal) {
            return self.is_named(&named);
        }
        if named.iter().any(|name| name == "*") {
            return false;
        }
        let own = self.text("aws:PrincipalArn");
        !named.iter().any(|name| {
            let account = name.split(':').nth(4).unwrap_or_default();
            let beside = named
                .iter()
                .any(|other| !other.ends_with(":root") && other.split(':').nth(4) == Some(account));
            if name.ends_with(":root") && beside && !self.is(Broken::RootBesideItsUser) {
                own.as_deref() == Some(name)
            } else {
                self.texts("postern:Principals").contains(name)
            }
        })
    }

    fn is_named(&self, named: &[String]) -> bool {
        let names = self.texts("postern:Principals");
        let signed = !names.is_empty();
        named.iter().any(|name| {
            if name == "*" {
                signed || !self.is(Broken::EveryoneIsAnonymousToo)
            } else if name.ends_with(":root") && self.is(Broken::AccountIsItsRoot) {
                self.text("aws:PrincipalArn").as_ref() == Some(name)
            } else {
                names.contains(name)
            }
        })
    }

    // What.

    fn action(&self, statement: &Json) -> bool {
        let action = self.text("postern:Action").unwrap_or_default();
        let fits = |pattern: &Json| {
            let (mut pattern, mut action) = (text(pattern), action.clone());
            if !self.is(Broken::ActionCase) {
                pattern.make_ascii_lowercase();
                action.make_ascii_lowercase();
            }
            fits(&pieces(&pattern), &chars(&action))
        };
        match (statement.get("Action"), statement.get("NotAction")) {
            (Some(these), _) => list(these).iter().any(fits),
            (None, Some(others)) => list(others).iter().any(fits) == self.is(Broken::NotAction),
            (None, None) => panic!("a statement without an action"),
        }
    }

    // To what.

    fn resource(&self, statement: &Json) -> Result<bool, Missing> {
        let resource = self.text("postern:Resource").unwrap_or_default();
        let any = |patterns: &Json| {
            let patterns = list(patterns);
            // The list is read as a whole: a variable without a value spoils it.
            let patterns: Vec<Vec<Piece>> = patterns
                .iter()
                .map(|pattern| self.expand(&text(pattern), true))
                .collect::<Result<_, _>>()?;
            Ok(patterns
                .iter()
                .any(|pattern| self.arn_fits(pattern, &resource)))
        };
        match (statement.get("Resource"), statement.get("NotResource")) {
            (Some(these), _) => any(these),
            (None, Some(others)) => Ok(any(others)? == self.is(Broken::NotResource)),
            (None, None) => panic!("a statement without a resource"),
        }
    }

    // Under which conditions.

    fn conditions(&self, block: &Json, settle: impl Fn(Result<bool, Missing>) -> bool) -> bool {
        let Json::Object(operators) = block else {
            return true;
        };
        let mut all = operators.iter().flat_map(|(operator, keys)| {
            let keys = keys.as_object().expect("an object of keys");
            keys.iter()
                .map(move |(key, values)| (operator, key, values))
        });
        let holds = |(operator, key, values): (&String, &String, &Json)| {
            settle(self.condition(operator, key, &list(values)))
        };
        if self.is(Broken::EveryCondition) {
            let mut all = all.peekable();
            return all.peek().is_none() || all.any(holds);
        }
        all.all(holds)
    }

    fn condition(&self, written: &str, key: &str, wanted: &[Json]) -> Result<bool, Missing> {
        let (quantifier, operator) = written.split_once(':').unwrap_or(("", written));
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, !self.is(Broken::IfExists)),
            None => (operator, false),
        };
        let attribute: Attribute = key.parse().expect("a key of the registry");
        let found = self.facts.values(&attribute);
        if operator == "Null" {
            return Ok(wanted.iter().any(|wanted| {
                let absent = text(wanted).eq_ignore_ascii_case("true");
                (found.is_none() == absent) != self.is(Broken::NullSense)
            }));
        }
        let negated = operator.contains("Not");
        let wanted = self.wanted(operator, wanted)?;
        let Some(found) = found else {
            return Ok(match quantifier {
                "ForAllValues" => !self.is(Broken::AllOfNone),
                "ForAnyValue" => if_exists || self.is(Broken::AnyOfNone),
                _ => if_exists || (negated && !self.is(Broken::NegatedOnAbsent)),
            });
        };
        let one = |value: &Value<'static>| {
            if wanted.is_empty() {
                return self.is(Broken::EmptyList);
            }
            let mut fits = wanted.iter().map(|wanted| self.compare(wanted, *value));
            if self.is(Broken::AnyValue) {
                fits.all(|fits| fits)
            } else {
                fits.any(|fits| fits)
            }
        };
        Ok(match quantifier {
            "ForAllValues" if self.is(Broken::AllIsAny) => found.iter().any(|v| one(v) != negated),
            "ForAllValues" if self.is(Broken::AllNegated) && negated => !found.iter().all(one),
            "ForAllValues" => found.iter().all(|value| one(value) != negated),
            "ForAnyValue" if self.is(Broken::AnyNegated) && negated => !found.iter().any(one),
            "ForAnyValue" => found.iter().any(|value| one(value) != negated),
            _ => found.iter().any(one) != negated,
        })
    }

    /// What each of the values asks for.
    fn wanted(&self, operator: &str, values: &[Json]) -> Result<Vec<Wanted>, Missing> {
        let family = |name: &str| operator.starts_with(name);
        values
            .iter()
            .map(|value| {
                let value = text(value);
                Ok(if family("Numeric") {
                    Wanted::Number(self.order(operator), self.known(thousandths(&value), 0))
                } else if family("Date") {
                    Wanted::Moment(self.order(operator), self.known(moment(&value), 0))
                } else if family("Bool") {
                    Wanted::Truth(value.eq_ignore_ascii_case("true"))
                } else if operator.contains("IpAddress") {
                    Wanted::Block(self.known(self.block(&value), (0, 128)))
                } else if family("Arn") {
                    let exact = self.is(Broken::ArnEqualsIsAlike) && operator.contains("Equals");
                    let pieces = self.expand(&value, !exact)?;
                    if exact {
                        Wanted::Like(pieces, false)
                    } else {
                        Wanted::Arn(pieces)
                    }
                } else {
                    let wild = operator.contains("Like") || self.is(Broken::EqualsHasNoWildcards);
                    let fold = operator.contains("IgnoreCase") && !self.is(Broken::TextCase);
                    Wanted::Like(self.expand(&value, wild)?, fold)
                })
            })
            .collect()
    }

    fn order(&self, operator: &str) -> fn(i128, i128) -> bool {
        if operator.ends_with("LessThanEquals") && !self.is(Broken::AtMost) {
            |left, right| left <= right
        } else if operator.ends_with("GreaterThanEquals") && !self.is(Broken::AtMost) {
            |left, right| left >= right
        } else if operator.contains("LessThan") {
            |left, right| left < right
        } else if operator.contains("GreaterThan") {
            |left, right| left > right
        } else {
            |left, right| left == right
        }
    }

    fn compare(&self, wanted: &Wanted, value: Value<'static>) -> bool {
        match wanted {
            Wanted::Number(order, bound) => {
                let number = match value {
                    Value::Number(number) => Some(i128::from(number)),
                    Value::Time(seconds) => Some(i128::from(seconds) * 1_000),
                    Value::Text(text) => thousandths(&lossy(text)),
                    _ => None,
                };
                number.is_some_and(|number| order(number, *bound))
            }
            Wanted::Moment(order, bound) => {
                let seconds = match value {
                    Value::Number(number) => Some(i128::from(number).div_euclid(1_000)),
                    Value::Time(seconds) => Some(i128::from(seconds)),
                    Value::Text(text) => moment(&lossy(text)),
                    _ => None,
                };
                let early = i128::from(self.is(Broken::Moments));
                seconds.is_some_and(|seconds| order(seconds - early, *bound))
            }
            Wanted::Truth(truth) => self.shown(value).eq_ignore_ascii_case(&truth.to_string()),
            Wanted::Block((begin, length)) => match value {
                Value::Address(address) => {
                    let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
                    // A block of IPv6 holds no IPv4 address, though `::/0` looks like everything.
                    (*length >= 96 || address.is_ipv6()) && bits(address) & mask == begin & mask
                }
                _ => self.known(None, false),
            },
            Wanted::Arn(pieces) => self.arn_fits(pieces, &self.shown(value)),
            Wanted::Like(pieces, fold) => {
                let found = self.shown(value);
                if *fold {
                    let lower = |c: char| c.to_lowercase().collect::<Vec<_>>();
                    let pieces: Vec<Piece> = pieces
                        .iter()
                        .flat_map(|piece| match piece {
                            Piece::Is(c) => lower(*c).into_iter().map(Piece::Is).collect(),
                            other => vec![*other],
                        })
                        .collect();
                    fits(&pieces, &found.chars().flat_map(lower).collect::<Vec<_>>())
                } else if self.is(Broken::CharacterNotByte) {
                    let byte = |b: u8| char::from(b);
                    let pieces: Vec<Piece> = pieces
                        .iter()
                        .flat_map(|piece| match piece {
                            Piece::Is(c) => {
                                c.to_string().bytes().map(|b| Piece::Is(byte(b))).collect()
                            }
                            other => vec![*other],
                        })
                        .collect();
                    fits(&pieces, &found.bytes().map(byte).collect::<Vec<_>>())
                } else {
                    fits(pieces, &chars(&found))
                }
            }
        }
    }

    /// The begin of a block and the length of its prefix, IPv4 as addresses that are mapped into IPv6.
    fn block(&self, text: &str) -> Option<(u128, u8)> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        let bare = if self.is(Broken::BareAddress) {
            0
        } else {
            whole
        };
        let length: u8 = length.unwrap_or(bare);
        let mapped: u8 = if address.is_ipv4() { 96 } else { 0 };
        if self.is(Broken::Mapped) && text.starts_with("::ffff") {
            return Some((u128::MAX, 128));
        }
        Some((bits(address), length.checked_add(mapped)?))
    }

    /// A text with its variables filled in. `wild`: `*` and `?` are wildcards.
    fn expand(&self, text: &str, wild: bool) -> Result<Vec<Piece>, Missing> {
        let mut expanded = Vec::new();
        let written: Vec<char> = text.chars().collect();
        let mut at = 0;
        let variables = self.new || self.is(Broken::OldVersionHasNoVariables);
        while let Some(c) = written.get(at) {
            if variables && *c == '$' && written.get(at + 1) == Some(&'{') {
                let rest = written.iter().skip(at + 2);
                let inside: String = rest.take_while(|c| **c != '}').collect();
                expanded.extend(self.variable(&inside)?);
                at += 3 + inside.chars().count();
                continue;
            }
            expanded.push(match c {
                '*' if wild => Piece::Some,
                '?' if wild => Piece::One,
                c => Piece::Is(*c),
            });
            at += 1;
        }
        Ok(expanded)
    }

    fn variable(&self, inside: &str) -> Result<Vec<Piece>, Missing> {
        if matches!(inside, "*" | "?" | "$") {
            return Ok(if self.is(Broken::EscapedStar) {
                pieces(inside)
            } else {
                literal(inside)
            });
        }
        let (key, default) = match inside.split_once(',') {
            Some((key, default)) => {
                let quoted = default.trim_start().strip_prefix('\'');
                let default = quoted.and_then(|it| it.trim_end().strip_suffix('\''));
                (key, Some(self.known(default, "")))
            }
            None => (inside, None),
        };
        let default = default.filter(|_| !self.is(Broken::VariableDefault));
        let found = self.text(key);
        let value = match (found, default) {
            (_, Some(default)) if self.is(Broken::DefaultOnlyWhenAbsent) => default.to_owned(),
            (Some(value), _) => value,
            (None, Some(default)) => default.to_owned(),
            (None, None) => return Err(Missing),
        };
        Ok(if self.is(Broken::VariableIsLiteral) {
            pieces(&value)
        } else {
            literal(&value)
        })
    }

    /// Part by part: a wildcard stays within its part, of which the sixth is the rest.
    fn arn_fits(&self, pattern: &[Piece], arn: &str) -> bool {
        if pattern == [Piece::Some] || self.is(Broken::WithinSegment) {
            return fits(pattern, &chars(arn));
        }
        let parts: Vec<&[Piece]> = pattern
            .splitn(6, |piece| *piece == Piece::Is(':'))
            .collect();
        let found: Vec<&str> = arn.splitn(6, ':').collect();
        parts.len() == found.len()
            && parts
                .iter()
                .zip(found)
                .all(|(part, found)| fits(part, &chars(found)))
    }

    // Facts.

    fn text(&self, key: &str) -> Option<String> {
        let values = self
            .facts
            .values(&key.parse().expect("a key of the registry"))?;
        values.first().map(|value| self.shown(*value))
    }

    fn shown(&self, value: Value<'_>) -> String {
        self.known(shown(value), String::new())
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let values = self
            .facts
            .values(&key.parse().expect("a key of the registry"));
        values
            .unwrap_or_default()
            .iter()
            .map(|value| self.shown(*value))
            .collect()
    }
}

/// What one value of a condition asks for.
enum Wanted {
    Number(fn(i128, i128) -> bool, i128),
    Moment(fn(i128, i128) -> bool, i128),
    Truth(bool),
    Block((u128, u8)),
    Arn(Vec<Piece>),
    /// A pattern, and whether case is ignored.
    Like(Vec<Piece>, bool),
}

fn principals(named: &Json) -> Vec<String> {
    let names = match named {
        Json::Object(kinds) => kinds.values().flat_map(list).collect(),
        other => list(other),
    };
    let arn = |name: &Json| {
        let name = text(name);
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("arn:aws:iam::{name}:root")
        } else {
            name
        }
    };
    names.iter().map(arn).collect()
}

fn list(value: &Json) -> Vec<Json> {
    match value {
        Json::Array(list) => list.clone(),
        one => vec![one.clone()],
    }
}

fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shown(value: Value<'_>) -> Option<String> {
    Some(match value {
        Value::Text(text) => lossy(text),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) if number % 1_000 == 0 => (number / 1_000).to_string(),
        Value::Number(number) => {
            let digits = format!("{}.{:03}", number / 1_000, number % 1_000);
            digits.trim_end_matches('0').to_owned()
        }
        Value::Address(address) => address.to_string(),
        Value::Network(network) => network.to_string(),
        // Moments are not compared as text, but they may stand in a variable.
        Value::Time(_) => return None,
    })
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn pieces(text: &str) -> Vec<Piece> {
    let piece = |c| match c {
        '*' => Piece::Some,
        '?' => Piece::One,
        c => Piece::Is(c),
    };
    text.chars().map(piece).collect()
}

fn literal(text: &str) -> Vec<Piece> {
    text.chars().map(Piece::Is).collect()
}

/// Which ends of the text the pattern so far reaches: a table instead of a search.
fn fits(pattern: &[Piece], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for piece in pattern {
        let mut next = vec![false; text.len() + 1];
        let mut any = false;
        for at in 0..=text.len() {
            any |= reached[at];
            next[at] = match piece {
                Piece::Some => any,
                Piece::One => at > 0 && reached[at - 1],
                Piece::Is(c) => at > 0 && reached[at - 1] && text[at - 1] == *c,
            };
        }
        reached = next;
    }
    reached[text.len()]
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().to_bits(),
        IpAddr::V6(six) => Ipv6Addr::to_bits(six),
    }
}

fn thousandths(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let whole: i128 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(whole * 1_000 + sign * digits.parse::<i128>().ok()?)
}

/// Seconds since 1970 of `1767225600`, `2026-01-01` or `2026-01-01T00:00:00Z`.
fn moment(text: &str) -> Option<i128> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let numbers = |text: &str, separator| -> Option<Vec<i128>> {
        text.split(separator)
            .map(|part| part.parse().ok())
            .collect()
    };
    let (date, time) = (numbers(date, '-')?, numbers(time.strip_suffix('Z')?, ':')?);
    let [year, month, day] = date[..] else {
        return None;
    };
    if year < 1970 || time.iter().any(|part| *part > 59) {
        return None;
    }
    let leap = |year: i128| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days: i128 = (1970..year).map(|year| 365 + i128::from(leap(year))).sum();
    let months = [
        31,
        28 + i128::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let before: i128 = months.iter().take(usize::try_from(month - 1).ok()?).sum();
    let seconds = time
        .iter()
        .chain(&[0, 0])
        .take(3)
        .fold(0, |sum, part| sum * 60 + part);
    Some((days + before + day - 1) * 86_400 + seconds)
}

#[test]
fn the_second_opinion_reads_moments_and_blocks() {
    assert_eq!(moment("2026-01-01T00:00:00Z"), Some(1_767_225_600));
    assert_eq!(moment("2024-03-01"), Some(1_709_251_200));
    assert_eq!(thousandths("-1.25"), Some(-1_250));
    assert!(fits(&pieces("a*?"), &chars("aéx")));
}
