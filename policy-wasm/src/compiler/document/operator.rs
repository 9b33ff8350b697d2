//! Condition operators: `ForAnyValue:StringNotLikeIfExists` taken apart.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
//! keys".

use crate::question::{Order, TextMatch};

/// An operator of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) quantifier: Quantified,
    pub(super) comparison: Comparison,
    pub(super) negated: bool,
    pub(super) if_exists: bool,
}

/// How many values must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantified {
    /// No prefix: the key has one value.
    One,
    /// `ForAnyValue:`
    Any,
    /// `ForAllValues:`
    All,
}

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Text(TextMatch),
    Arn,
    Number(Order),
    Moment(Order),
    Truth,
    Network,
    Null,
}

/// Why a name is no operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoOperator {
    Unknown,
    Binary,
    /// `Null` with a prefix or suffix.
    Null,
}

/// Every operator without prefix and suffix.
const OPERATORS: [(&str, Comparison, bool); 27] = {
    use Comparison::{Arn, Moment, Network, Null, Number, Text, Truth};
    [
        ("StringEquals", Text(TextMatch::Equals), false),
        ("StringNotEquals", Text(TextMatch::Equals), true),
        (
            "StringEqualsIgnoreCase",
            Text(TextMatch::EqualsIgnoreCase),
            false,
        ),
        (
            "StringNotEqualsIgnoreCase",
            Text(TextMatch::EqualsIgnoreCase),
            true,
        ),
        ("StringLike", Text(TextMatch::Like), false),
        ("StringNotLike", Text(TextMatch::Like), true),
        ("NumericEquals", Number(Order::Equal), false),
        ("NumericNotEquals", Number(Order::Equal), true),
        ("NumericLessThan", Number(Order::Below), false),
        ("NumericLessThanEquals", Number(Order::AtMost), false),
        ("NumericGreaterThan", Number(Order::Above), false),
        ("NumericGreaterThanEquals", Number(Order::AtLeast), false),
        ("DateEquals", Moment(Order::Equal), false),
        ("DateNotEquals", Moment(Order::Equal), true),
        ("DateLessThan", Moment(Order::Below), false),
        ("DateLessThanEquals", Moment(Order::AtMost), false),
        ("DateGreaterThan", Moment(Order::Above), false),
        ("DateGreaterThanEquals", Moment(Order::AtLeast), false),
        ("Bool", Truth, false),
        ("IpAddress", Network, false),
        ("NotIpAddress", Network, true),
        // Equal ARNs are ARNs that are alike. Source: IAM User Guide, "Amazon Resource Name (ARN) condition operators".
        ("ArnEquals", Arn, false),
        ("ArnLike", Arn, false),
        ("ArnNotEquals", Arn, true),
        ("ArnNotLike", Arn, true),
        ("Null", Null, false),
        ("BinaryEquals", Null, false),
    ]
};

/// The operator of this name.
pub(super) fn find(name: &str) -> Result<Operator, NoOperator> {
    let (quantifier, rest) = quantifier(name);
    let (base, if_exists) = match rest.strip_suffix("IfExists") {
        Some(base) => (base, true),
        None => (rest, false),
    };
    let (name, comparison, negated) = OPERATORS
        .into_iter()
        .find(|(name, ..)| *name == base)
        .ok_or(NoOperator::Unknown)?;
    if name == "BinaryEquals" {
        return Err(NoOperator::Binary);
    }
    if comparison == Comparison::Null && (if_exists || quantifier != Quantified::One) {
        return Err(NoOperator::Null);
    }
    Ok(Operator {
        quantifier,
        comparison,
        negated,
        if_exists,
    })
}

/// The operators that a wrong name might mean, with the prefix and suffix that it has.
pub(super) fn alike(name: &str) -> Vec<String> {
    let prefix = match quantifier(name).0 {
        Quantified::One => "",
        Quantified::Any => "ForAnyValue:",
        Quantified::All => "ForAllValues:",
    };
    let suffix = if name.ends_with("IfExists") {
        "IfExists"
    } else {
        ""
    };
    OPERATORS
        .into_iter()
        .map(|(operator, ..)| format!("{prefix}{operator}{suffix}"))
        .filter(|operator| find(operator).is_ok())
        .collect()
}

fn quantifier(name: &str) -> (Quantified, &str) {
    if let Some(rest) = name.strip_prefix("ForAllValues:") {
        (Quantified::All, rest)
    } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
        (Quantified::Any, rest)
    } else {
        (Quantified::One, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_taken_apart() {
        assert_eq!(
            find("ForAnyValue:StringNotLikeIfExists"),
            Ok(Operator {
                quantifier: Quantified::Any,
                comparison: Comparison::Text(TextMatch::Like),
                negated: true,
                if_exists: true,
            })
        );
        assert_eq!(find("ArnEquals"), find("ArnLike"));
        assert_eq!(find("ArnNotEquals"), find("ArnNotLike"));
    }

    #[test]
    fn what_is_no_operator_is_refused() {
        for name in [
            "stringEquals",
            "StringEqual",
            "ForAllValues",
            "",
            "IfExists",
        ] {
            assert_eq!(find(name), Err(NoOperator::Unknown), "{name}");
        }
        for name in ["BinaryEquals", "ForAnyValue:BinaryEqualsIfExists"] {
            assert_eq!(find(name), Err(NoOperator::Binary));
        }
        for name in ["NullIfExists", "ForAllValues:Null"] {
            assert_eq!(find(name), Err(NoOperator::Null));
        }
    }
}
