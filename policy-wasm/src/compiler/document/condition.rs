//! The element `Condition`: operators over keys, all of which must hold.

use std::ops::Range;

use super::super::statement::{Absent, Check, Condition, Effect, Missing, Sense};
use super::faults::{Advice, Cause, Element};
use super::json::{Member, Node, Notes, excerpt};
use super::operand::{self, texts};
use super::operator::{self, Comparison, NoOperator, Operator, Quantified};
use super::resource::{arn_match, is_arn};
use super::variable::{Version, Wild, has_variable, names, template};
use crate::question::{Operand, Predicate, Quantifier, Templates, Test, TextMatch};
use crate::registry::{Attribute, Kind, Name};

/// Keys of AWS that say something of other services, of networks or organisations that are not here.
const FOREIGN_KEYS: [&str; 33] = [
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:FederatedProvider",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:RequestedRegion",
    "aws:RequestTag",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:ResourceTag",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:VpcSourceIp",
    "s3:AccessGrantsInstanceArn",
    "s3:AccessPointNetworkOrigin",
    "s3:BucketTag",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
    "s3:ExistingJobOperation",
    "s3:InventoryAccessibleOptionalFields",
    "s3:JobSuspendedCause",
    "s3:RequestJobOperation",
    "s3:destinationRegion",
];

/// Reads the element into conditions.
pub(super) fn read(
    node: &Node<'_>,
    (version, effect): (Version, &Effect),
    notes: &mut Notes,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let expected = "an object of condition operators";
    for block in notes.members(node, expected).unwrap_or_default() {
        let operator = find(block, notes);
        let expected = "an object of condition keys";
        let Some(entries) = notes.members(&block.node, expected) else {
            continue;
        };
        if entries.is_empty() {
            let advice = Advice::Empty("Condition operator", "it asks nothing");
            notes.warn(&block.bytes, advice);
        }
        let mut keys: Vec<(Attribute, Range<usize>)> = Vec::new();
        for entry in entries {
            let Some(key) = key(&entry.name, Element::Key, &entry.bytes, notes) else {
                continue;
            };
            // Members of equal names are found before; these differ by case.
            let first = keys.iter().find(|(other, _)| *other == key);
            if let Some((_, first)) = first
                && !entries
                    .iter()
                    .any(|other| other.bytes.start == first.start && other.name == entry.name)
            {
                let first = notes.position(first.start);
                let name = excerpt(&entry.name);
                notes.fault(&entry.bytes, Cause::Duplicate { name, first });
            }
            keys.push((key.clone(), entry.bytes.clone()));
            if let Some(operator) = operator {
                let asked = Asked {
                    name: &block.name,
                    operator,
                    key,
                    entry,
                };
                conditions.extend(asked.condition((version, effect), notes));
            }
        }
    }
    conditions
}

fn find(block: &Member<'_>, notes: &mut Notes) -> Option<Operator> {
    let name = excerpt(&block.name);
    match operator::find(&block.name) {
        Ok(operator) => return Some(operator),
        Err(NoOperator::Binary) => notes.fault(&block.bytes, Cause::Binary(name)),
        Err(NoOperator::Null) => notes.fault(&block.bytes, Cause::Null { operator: name }),
        Err(NoOperator::Unknown) => {
            let alike = operator::alike(&name);
            let known = alike.iter().map(String::as_str);
            notes.unknown(&block.bytes, Element::Operator, &name, known);
        }
    }
    None
}

/// The attribute of a key.
pub(super) fn key(
    key: &str,
    element: Element,
    bytes: &Range<usize>,
    notes: &mut Notes,
) -> Option<Attribute> {
    if let Ok(attribute) = key.parse() {
        return Some(attribute);
    }
    let stem = key.split_once('/').map_or(key, |(stem, _)| stem);
    let is = |name: &&str| name.eq_ignore_ascii_case(stem);
    if let Some(name) = Name::find(stem) {
        let expected = if name.entry().parametric {
            format!("`{}/` and the name of a tag", name.text())
        } else {
            format!("`{}`", name.text())
        };
        let key = excerpt(key);
        notes.fault(bytes, Cause::KeyParameter { key, expected });
    } else if FOREIGN_KEYS.iter().any(is) {
        notes.fault(bytes, Cause::ForeignKey(excerpt(key)));
    } else {
        notes.unknown(bytes, element, stem, names());
    }
    None
}

/// A key under an operator, with its values.
struct Asked<'n, 'a> {
    name: &'n str,
    operator: Operator,
    key: Attribute,
    entry: &'n Member<'a>,
}

impl Asked<'_, '_> {
    fn condition(
        self,
        (version, effect): (Version, &Effect),
        notes: &mut Notes,
    ) -> Option<Condition> {
        let suits = self.suits(notes);
        if self.operator.comparison == Comparison::Null {
            return self.null(notes).filter(|_| suits);
        }
        let test = self.test(version, notes)?;
        if !suits {
            return None;
        }
        self.advise(&test, effect, notes);
        let missing = match effect {
            Effect::Allow(_) => Missing::Fails,
            Effect::Deny | Effect::DenyUnlessAllowed => Missing::Holds,
        };
        Some(self.with(test).where_missing(missing))
    }

    /// The condition of a test, by what the operator says of several values, of none, and of `Not`.
    fn with(self, test: Test) -> Condition {
        let Operator {
            quantifier,
            negated,
            if_exists,
            ..
        } = self.operator;
        // "Any value is not in the list" is "not every value is in the list".
        let every = match quantifier {
            Quantified::One => false,
            Quantified::Any => negated,
            Quantified::All => !negated,
        };
        let holds_without = match quantifier {
            Quantified::One => negated || if_exists,
            Quantified::Any => if_exists,
            Quantified::All => true,
        };
        Condition {
            attribute: self.key,
            check: Check::Passes(Predicate {
                quantifier: if every {
                    Quantifier::Every
                } else {
                    Quantifier::Any
                },
                test,
            }),
            sense: if negated { Sense::IsNot } else { Sense::Is },
            absent: if holds_without {
                Absent::Holds
            } else {
                Absent::Fails
            },
            missing: Missing::FitsNothing,
        }
    }

    /// `Null`: `true` wants the key absent, `false` wants it there. Of a list any may hold.
    fn null(self, notes: &mut Notes) -> Option<Condition> {
        let wanted = operand::constants(&self.entry.node, notes, operand::truth)?;
        let wants = |truth| wanted.contains(&Operand::Constant(truth));
        let present = Condition::present(self.key);
        match (wants(true), wants(false)) {
            (true, false) => Some(present.negated()),
            (false, true) => Some(present),
            // There or not there: always, and so no condition at all.
            (true, true) => None,
            (false, false) => Some(never(present.attribute)),
        }
    }

    fn test(&self, version: Version, notes: &mut Notes) -> Option<Test> {
        let node = &self.entry.node;
        Some(match self.operator.comparison {
            Comparison::Text(how) => Test::Text(how, self.templates(version, how, notes)?),
            Comparison::Arn => {
                let templates = self.templates(version, TextMatch::ArnLike, notes)?;
                Test::Text(arn_match(&templates), templates)
            }
            Comparison::Number(order) => {
                Test::Number(order, operand::constants(node, notes, operand::number)?)
            }
            Comparison::Moment(order) => {
                Test::Time(order, operand::constants(node, notes, operand::seconds)?)
            }
            Comparison::Network => Test::Network(operand::constants(node, notes, operand::block)?),
            Comparison::Truth | Comparison::Null => {
                Test::Bool(operand::constants(node, notes, operand::truth)?)
            }
        })
    }

    fn templates(&self, version: Version, how: TextMatch, notes: &mut Notes) -> Option<Templates> {
        let wild = match how {
            TextMatch::Equals | TextMatch::EqualsIgnoreCase => Wild::Text,
            TextMatch::Like | TextMatch::LikeIgnoreCase | TextMatch::ArnLike => Wild::Pattern,
        };
        let mut complete = true;
        let mut templates = Vec::new();
        for (node, text) in texts(&self.entry.node, notes)? {
            if how == TextMatch::ArnLike && !is_arn(&text) {
                notes.fault(&node.bytes, Cause::Arn(excerpt(&text)));
                complete = false;
                continue;
            }
            if wild == Wild::Text && text.contains(['*', '?']) && !has_variable(&text, version) {
                let advice = Advice::WildcardAsText {
                    value: excerpt(&text),
                    operator: excerpt(self.name),
                    instead: if self.operator.negated {
                        "`StringNotLike`"
                    } else {
                        "`StringLike`"
                    },
                };
                notes.warn(&node.bytes, advice);
            }
            match template(&text, &node.bytes, (version, wild), notes) {
                Some(template) => templates.push(template),
                None => complete = false,
            }
        }
        complete.then(|| Templates::new(templates))
    }

    /// Whether the operator compares what the key is.
    fn suits(&self, notes: &mut Notes) -> bool {
        let entry = self.key.entry();
        if entry.many
            && self.operator.quantifier == Quantified::One
            && self.operator.comparison != Comparison::Null
        {
            let (key, operator) = (self.key.to_string(), excerpt(self.name));
            notes.fault(&self.entry.bytes, Cause::NoQuantifier { key, operator });
            return false;
        }
        let epoch = self.key.name() == Name::EpochTime;
        let suits = match self.operator.comparison {
            Comparison::Null => true,
            Comparison::Text(_) => {
                entry.kind != Kind::Time && !entry.clock || text_clock(&self.key)
            }
            Comparison::Arn => matches!(entry.kind, Kind::Arn | Kind::Text) && !entry.clock,
            Comparison::Number(_) => {
                matches!(entry.kind, Kind::Number | Kind::Text) && !text_clock(&self.key)
            }
            Comparison::Moment(_) => {
                matches!(entry.kind, Kind::Time)
                    || epoch
                    || entry.kind == Kind::Text && !entry.clock
            }
            Comparison::Truth => matches!(entry.kind, Kind::Bool | Kind::Text) && !entry.clock,
            Comparison::Network => {
                matches!(entry.kind, Kind::Address | Kind::Network | Kind::Text) && !entry.clock
            }
        };
        if !suits {
            let (kind, instead) = described(entry.kind, epoch);
            let cause = Cause::Mismatch {
                operator: excerpt(self.name),
                key: self.key.to_string(),
                kind,
                instead,
            };
            notes.fault(&self.entry.bytes, cause);
        }
        suits
    }

    fn advise(&self, test: &Test, effect: &Effect, notes: &mut Notes) {
        let (operator, key) = (excerpt(self.name), self.key.to_string());
        let empty = match test {
            Test::Text(_, templates) => templates.is_empty(),
            Test::Number(_, bounds) | Test::Time(_, bounds) => bounds.is_empty(),
            Test::Network(blocks) => blocks.is_empty(),
            Test::Bool(truths) => truths.is_empty(),
        };
        if empty {
            let advice = Advice::Empty("Condition key", "no value is in an empty list");
            notes.warn(&self.entry.bytes, advice);
        }
        if self.operator.quantifier != Quantified::One && !self.key.entry().many {
            let advice = Advice::QuantifierOfOne {
                key: key.clone(),
                operator: operator.clone(),
            };
            notes.warn(&self.entry.bytes, advice);
        }
        if self.operator.quantifier == Quantified::All && matches!(effect, Effect::Allow(_)) {
            notes.warn(&self.entry.bytes, Advice::AllOfNone { operator, key });
        }
    }
}

/// A condition that never holds.
pub(super) fn never(attribute: Attribute) -> Condition {
    Condition::one_of(attribute, [""; 0])
}

/// The day of the week follows the clock and is compared as text: it has seven values, not one each second.
fn text_clock(key: &Attribute) -> bool {
    key.entry().clock && key.entry().kind == Kind::Text
}

const fn described(kind: Kind, epoch: bool) -> (&'static str, &'static str) {
    match kind {
        Kind::Text => ("a text", "`StringEquals` or `StringLike`"),
        Kind::Arn => ("an ARN", "`ArnLike` or `StringLike`"),
        Kind::Number if epoch => ("a moment", "`NumericLessThan`, `DateLessThan` and the like"),
        Kind::Number => (
            "a number",
            "`NumericEquals`, `NumericLessThan` and the like",
        ),
        Kind::Time => ("a moment", "`DateLessThan`, `DateGreaterThan` and the like"),
        Kind::Bool => ("a truth value", "`Bool`"),
        Kind::Address => ("an address", "`IpAddress` or `NotIpAddress`"),
        Kind::Network => ("a block of addresses", "`IpAddress` or `NotIpAddress`"),
    }
}
