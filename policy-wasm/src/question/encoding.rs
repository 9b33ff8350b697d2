//! The bytes of a predicate, as `test` takes them.
//!
//! ```text
//! predicate  operator: u8, quantifier: u8 (0 any, 1 every), templates: u16, template*
//! template   parts: u8, part*
//! part       0, length: u16, bytes      these bytes
//!            1                          any text
//!            2                          any one character
//!            3, attribute: u16          the values of an attribute, by its place in the module's table
//!            4, i64                     a number in thousandths, or seconds
//!            5, family: u8, length: u8, address
//!                                       a block of addresses: family 4 has 4 bytes, family 6 has 16
//!            6, u8                      0 false, 1 true
//!            7, attribute: u16, length: u16, bytes
//!                                       the values of an attribute, or these bytes where it is absent
//! ```
//!
//! Integers are little-endian. Operators on texts take templates of parts 0 to 3 and 7; the others take templates of
//! exactly one part, a constant of their kind or a reference.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::predicate::{
    Operand, Order, Part, Predicate, Quantifier, Template, Templates, Test, TextMatch,
};
use crate::limits::{
    OPERAND_BYTES_MAX, TEMPLATE_PARTS_MAX, TEMPLATE_REFERENCES_MAX, TEMPLATES_MAX,
};
use crate::registry::Attribute;

/// Why bytes are no predicate, or a predicate cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredicateError {
    /// More bytes than an operand may have. Split the list over several questions.
    #[error("a predicate of {bytes} bytes, more than {OPERAND_BYTES_MAX}")]
    TooLong {
        /// How many it takes.
        bytes: usize,
    },
    /// The bytes end within a predicate.
    #[error("a predicate that ends too early")]
    Truncated,
    /// Bytes follow the predicate.
    #[error("{bytes} bytes behind the end of a predicate")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A number that names nothing.
    #[error("unknown {what} in a predicate: {value}")]
    Unknown {
        /// What it should name.
        what: &'static str,
        /// The number.
        value: u8,
    },
    /// A part that the operator does not take.
    #[error("a part that the operator does not take")]
    Misplaced,
    /// More templates than [`TEMPLATES_MAX`], parts than [`TEMPLATE_PARTS_MAX`] or references than
    /// [`TEMPLATE_REFERENCES_MAX`].
    #[error("too many {what} in a predicate")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
    /// An attribute that is not in the module's table.
    #[error("an attribute that is not in the module's table")]
    NotInTable,
    /// A block of addresses with an impossible length.
    #[error("a block of addresses with an impossible length")]
    Network,
}

const LITERAL: u8 = 0;
const ANY_TEXT: u8 = 1;
const ANY_CHARACTER: u8 = 2;
const REFERENCE: u8 = 3;
const NUMBER: u8 = 4;
const NETWORK: u8 = 5;
const TRUTH: u8 = 6;
const REFERENCE_OR: u8 = 7;

const fn operator(test: &Test) -> u8 {
    const fn order(order: Order) -> u8 {
        match order {
            Order::Equal => 0,
            Order::Below => 1,
            Order::AtMost => 2,
            Order::Above => 3,
            Order::AtLeast => 4,
        }
    }
    match test {
        Test::Text(TextMatch::Equals, _) => 0,
        Test::Text(TextMatch::EqualsIgnoreCase, _) => 1,
        Test::Text(TextMatch::Like, _) => 2,
        Test::Text(TextMatch::ArnLike, _) => 3,
        Test::Text(TextMatch::LikeIgnoreCase, _) => 4,
        Test::Number(how, _) => 8 + order(*how),
        Test::Time(how, _) => 16 + order(*how),
        Test::Network(_) => 24,
        Test::Bool(_) => 25,
    }
}

type Index<'a> = &'a dyn Fn(&Attribute) -> Option<u16>;

pub(super) fn encode(predicate: &Predicate, index: Index<'_>) -> Result<Vec<u8>, PredicateError> {
    let quantifier = match predicate.quantifier {
        Quantifier::Any => 0,
        Quantifier::Every => 1,
    };
    let mut out = vec![operator(&predicate.test), quantifier];
    match &predicate.test {
        Test::Text(how, templates) => {
            count(&mut out, templates.len())?;
            for template in templates.iter() {
                check(*how, &template)?;
                write_template(&mut out, &template, index)?;
            }
        }
        Test::Number(_, operands) | Test::Time(_, operands) => {
            write_operands(&mut out, operands, index, |out, number| {
                out.push(NUMBER);
                out.extend_from_slice(&number.to_le_bytes());
            })?;
        }
        Test::Network(operands) => write_operands(&mut out, operands, index, |out, network| {
            match network.addr() {
                IpAddr::V4(address) => {
                    out.extend_from_slice(&[NETWORK, 4, network.prefix_len()]);
                    out.extend_from_slice(&address.octets());
                }
                IpAddr::V6(address) => {
                    out.extend_from_slice(&[NETWORK, 6, network.prefix_len()]);
                    out.extend_from_slice(&address.octets());
                }
            }
        })?,
        Test::Bool(operands) => write_operands(&mut out, operands, index, |out, truth| {
            out.extend_from_slice(&[TRUTH, u8::from(*truth)]);
        })?,
    }
    if out.len() > OPERAND_BYTES_MAX {
        return Err(PredicateError::TooLong { bytes: out.len() });
    }
    Ok(out)
}

fn count(out: &mut Vec<u8>, templates: usize) -> Result<(), PredicateError> {
    let templates = u16::try_from(templates)
        .ok()
        .filter(|templates| usize::from(*templates) <= TEMPLATES_MAX)
        .ok_or(PredicateError::TooMany { what: "templates" })?;
    out.extend_from_slice(&templates.to_le_bytes());
    Ok(())
}

/// Holds a template against the bounds, and against the operator: equality knows no wildcards.
fn check(how: TextMatch, template: &Template) -> Result<(), PredicateError> {
    if template.parts.len() > TEMPLATE_PARTS_MAX {
        return Err(PredicateError::TooMany { what: "parts" });
    }
    let references = template
        .parts
        .iter()
        .filter(|part| matches!(part, Part::Reference(_) | Part::ReferenceOr(..)));
    if references.count() > TEMPLATE_REFERENCES_MAX {
        return Err(PredicateError::TooMany { what: "references" });
    }
    let wild = |part: &Part| matches!(part, Part::AnyText | Part::AnyCharacter);
    match how {
        TextMatch::Equals | TextMatch::EqualsIgnoreCase if template.parts.iter().any(wild) => {
            Err(PredicateError::Misplaced)
        }
        _ => Ok(()),
    }
}

fn write_template(
    out: &mut Vec<u8>,
    template: &Template,
    index: Index<'_>,
) -> Result<(), PredicateError> {
    let parts = u8::try_from(template.parts.len())
        .map_err(|_| PredicateError::TooMany { what: "parts" })?;
    out.push(parts);
    for part in &template.parts {
        match part {
            Part::Literal(bytes) => {
                out.push(LITERAL);
                write_bytes(out, bytes)?;
            }
            Part::AnyText => out.push(ANY_TEXT),
            Part::AnyCharacter => out.push(ANY_CHARACTER),
            Part::Reference(attribute) => write_reference(out, attribute, index)?,
            Part::ReferenceOr(attribute, bytes) => {
                let place = index(attribute).ok_or(PredicateError::NotInTable)?;
                out.push(REFERENCE_OR);
                out.extend_from_slice(&place.to_le_bytes());
                write_bytes(out, bytes)?;
            }
        }
    }
    Ok(())
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), PredicateError> {
    let length =
        u16::try_from(bytes.len()).map_err(|_| PredicateError::TooLong { bytes: bytes.len() })?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn write_reference(
    out: &mut Vec<u8>,
    attribute: &Attribute,
    index: Index<'_>,
) -> Result<(), PredicateError> {
    let place = index(attribute).ok_or(PredicateError::NotInTable)?;
    out.push(REFERENCE);
    out.extend_from_slice(&place.to_le_bytes());
    Ok(())
}

fn write_operands<T>(
    out: &mut Vec<u8>,
    operands: &[Operand<T>],
    index: Index<'_>,
    constant: impl Fn(&mut Vec<u8>, &T),
) -> Result<(), PredicateError> {
    count(out, operands.len())?;
    for operand in operands {
        out.push(1);
        match operand {
            Operand::Constant(value) => constant(out, value),
            Operand::Reference(attribute) => write_reference(out, attribute, index)?,
        }
    }
    Ok(())
}

pub(super) fn decode(bytes: &[u8], table: &[Attribute]) -> Result<Predicate, PredicateError> {
    if bytes.len() > OPERAND_BYTES_MAX {
        return Err(PredicateError::TooLong { bytes: bytes.len() });
    }
    let mut reader = Reader { rest: bytes, table };
    let operator = reader.byte()?;
    let quantifier = match reader.byte()? {
        0 => Quantifier::Any,
        1 => Quantifier::Every,
        value => {
            return Err(PredicateError::Unknown {
                what: "quantifier",
                value,
            });
        }
    };
    let count = usize::from(reader.short()?);
    if count > TEMPLATES_MAX {
        return Err(PredicateError::TooMany { what: "templates" });
    }
    let test = match operator {
        0 => reader.texts(TextMatch::Equals, count)?,
        1 => reader.texts(TextMatch::EqualsIgnoreCase, count)?,
        2 => reader.texts(TextMatch::Like, count)?,
        3 => reader.texts(TextMatch::ArnLike, count)?,
        4 => reader.texts(TextMatch::LikeIgnoreCase, count)?,
        8..=12 => Test::Number(
            order(operator - 8)?,
            reader.operands(count, Reader::number)?,
        ),
        16..=20 => Test::Time(
            order(operator - 16)?,
            reader.operands(count, Reader::number)?,
        ),
        24 => Test::Network(reader.operands(count, Reader::network)?),
        25 => Test::Bool(reader.operands(count, Reader::truth)?),
        value => {
            return Err(PredicateError::Unknown {
                what: "operator",
                value,
            });
        }
    };
    match reader.rest.len() {
        0 => Ok(Predicate { quantifier, test }),
        bytes => Err(PredicateError::Trailing { bytes }),
    }
}

const fn order(code: u8) -> Result<Order, PredicateError> {
    match code {
        0 => Ok(Order::Equal),
        1 => Ok(Order::Below),
        2 => Ok(Order::AtMost),
        3 => Ok(Order::Above),
        4 => Ok(Order::AtLeast),
        value => Err(PredicateError::Unknown {
            what: "order",
            value,
        }),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    table: &'a [Attribute],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], PredicateError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(PredicateError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PredicateError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(PredicateError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, PredicateError> {
        self.array().map(|[byte]| byte)
    }

    fn short(&mut self) -> Result<u16, PredicateError> {
        self.array().map(u16::from_le_bytes)
    }

    fn bytes(&mut self) -> Result<Box<[u8]>, PredicateError> {
        let length = usize::from(self.short()?);
        self.take(length).map(Box::from)
    }

    fn attribute(&mut self) -> Result<Attribute, PredicateError> {
        let place = usize::from(self.short()?);
        self.table
            .get(place)
            .cloned()
            .ok_or(PredicateError::NotInTable)
    }

    fn texts(&mut self, how: TextMatch, count: usize) -> Result<Test, PredicateError> {
        let templates = (0..count)
            .map(|_| {
                let template = self.template()?;
                check(how, &template)?;
                Ok(template)
            })
            .collect::<Result<Templates, PredicateError>>()?;
        Ok(Test::Text(how, templates))
    }

    fn template(&mut self) -> Result<Template, PredicateError> {
        let count = usize::from(self.byte()?);
        if count > TEMPLATE_PARTS_MAX {
            return Err(PredicateError::TooMany { what: "parts" });
        }
        let mut parts = Vec::with_capacity(count);
        for _ in 0..count {
            parts.push(match self.byte()? {
                LITERAL => Part::Literal(self.bytes()?),
                ANY_TEXT => Part::AnyText,
                ANY_CHARACTER => Part::AnyCharacter,
                REFERENCE => Part::Reference(self.attribute()?),
                REFERENCE_OR => Part::ReferenceOr(self.attribute()?, self.bytes()?),
                NUMBER | NETWORK | TRUTH => return Err(PredicateError::Misplaced),
                value => {
                    return Err(PredicateError::Unknown {
                        what: "part",
                        value,
                    });
                }
            });
        }
        Ok(Template { parts })
    }

    fn operands<T>(
        &mut self,
        count: usize,
        constant: impl Fn(&mut Self, u8) -> Result<T, PredicateError>,
    ) -> Result<Vec<Operand<T>>, PredicateError> {
        (0..count)
            .map(|_| match (self.byte()?, self.byte()?) {
                (1, REFERENCE) => self.attribute().map(Operand::Reference),
                (1, tag) => constant(self, tag).map(Operand::Constant),
                _ => Err(PredicateError::Misplaced),
            })
            .collect()
    }

    fn number(&mut self, tag: u8) -> Result<i64, PredicateError> {
        match tag {
            NUMBER => self.array().map(i64::from_le_bytes),
            _ => Err(PredicateError::Misplaced),
        }
    }

    fn truth(&mut self, tag: u8) -> Result<bool, PredicateError> {
        match (tag, self.byte()?) {
            (TRUTH, 0) => Ok(false),
            (TRUTH, 1) => Ok(true),
            _ => Err(PredicateError::Misplaced),
        }
    }

    fn network(&mut self, tag: u8) -> Result<IpNet, PredicateError> {
        if tag != NETWORK {
            return Err(PredicateError::Misplaced);
        }
        let family = self.byte()?;
        let length = self.byte()?;
        let address: IpAddr = match family {
            4 => Ipv4Addr::from(self.array::<4>()?).into(),
            6 => Ipv6Addr::from(self.array::<16>()?).into(),
            _ => return Err(PredicateError::Network),
        };
        IpNet::new(address, length)
            .map(|net| net.trunc())
            .map_err(|_| PredicateError::Network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::network;
    use proptest::prelude::*;

    fn table() -> Vec<Attribute> {
        ["aws:username", "aws:SourceIp", "aws:PrincipalTag/team"]
            .map(|name| name.parse().unwrap())
            .into()
    }

    fn index(attribute: &Attribute) -> Option<u16> {
        table()
            .iter()
            .position(|other| other == attribute)
            .and_then(|at| u16::try_from(at).ok())
    }

    fn attribute() -> impl Strategy<Value = Attribute> {
        prop::sample::select(table())
    }

    fn order() -> impl Strategy<Value = Order> {
        prop::sample::select(vec![
            Order::Equal,
            Order::Below,
            Order::AtMost,
            Order::Above,
            Order::AtLeast,
        ])
    }

    fn operands<T: Clone + std::fmt::Debug>(
        constant: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Vec<Operand<T>>> {
        let operand = prop_oneof![
            constant.prop_map(Operand::Constant),
            attribute().prop_map(Operand::Reference)
        ];
        prop::collection::vec(operand, 0..5)
    }

    fn texts() -> impl Strategy<Value = Test> {
        let bytes = prop::collection::vec(any::<u8>(), 0..20);
        let part = prop_oneof![
            4 => bytes.prop_map(|bytes| Part::Literal(bytes.into())),
            1 => Just(Part::AnyText),
            1 => Just(Part::AnyCharacter),
            1 => attribute().prop_map(Part::Reference),
            1 => (attribute(), prop::collection::vec(any::<u8>(), 0..8))
                .prop_map(|(attribute, bytes)| Part::ReferenceOr(attribute, bytes.into())),
        ];
        let template = prop::collection::vec(part, 0..4).prop_map(|parts| Template { parts });
        let how = prop::sample::select(vec![
            TextMatch::Like,
            TextMatch::LikeIgnoreCase,
            TextMatch::ArnLike,
        ]);
        (how, prop::collection::vec(template, 0..5))
            .prop_map(|(how, templates)| Test::Text(how, templates.into_iter().collect()))
    }

    fn predicates() -> impl Strategy<Value = Predicate> {
        let networks = prop::sample::select(vec!["10.0.0.0/8", "::/0", "2001:db8::/32", "1.2.3.4"]);
        let networks = networks.prop_map(|text| network(text.as_bytes()).unwrap());
        let test = prop_oneof![
            texts(),
            (order(), operands(any::<i64>())).prop_map(|(order, list)| Test::Number(order, list)),
            (order(), operands(any::<i64>())).prop_map(|(order, list)| Test::Time(order, list)),
            operands(networks).prop_map(Test::Network),
            operands(any::<bool>()).prop_map(Test::Bool),
        ];
        let quantifier = prop::sample::select(vec![Quantifier::Any, Quantifier::Every]);
        (quantifier, test).prop_map(|(quantifier, test)| Predicate { quantifier, test })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(predicate in predicates()) {
            let bytes = predicate.encode(index).unwrap();
            prop_assert_eq!(Predicate::decode(&bytes, &table()), Ok(predicate));
        }

        #[test]
        fn any_bytes_are_a_predicate_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(predicate) = Predicate::decode(&bytes, &table()) {
                prop_assert!(predicate.encode(index).is_ok());
            }
        }

        #[test]
        fn a_predicate_with_a_bent_byte_is_a_predicate_or_an_error(
            predicate in predicates(), at in any::<prop::sample::Index>(), bend in 1..=255_u8,
        ) {
            let mut bytes = predicate.encode(index).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= bend;
            drop(Predicate::decode(&bytes, &table()));
        }
    }

    #[test]
    fn a_predicate_that_is_cut_or_has_a_tail_is_refused() {
        let test = Test::Text(
            TextMatch::Equals,
            [Template::literal("alice")].into_iter().collect(),
        );
        let mut bytes = Predicate {
            quantifier: Quantifier::Any,
            test,
        }
        .encode(index)
        .unwrap();
        for cut in 0..bytes.len() {
            assert_eq!(
                Predicate::decode(&bytes[..cut], &table()),
                Err(PredicateError::Truncated)
            );
        }
        bytes.push(0);
        let trailing = Predicate::decode(&bytes, &table());
        assert_eq!(trailing, Err(PredicateError::Trailing { bytes: 1 }));
    }

    #[test]
    fn equality_with_a_wildcard_and_a_reference_past_the_table_are_refused() {
        let wild = Test::Text(
            TextMatch::Equals,
            [Template::pattern(b"a*")].into_iter().collect(),
        );
        let wild = Predicate {
            quantifier: Quantifier::Any,
            test: wild,
        };
        assert_eq!(wild.encode(index), Err(PredicateError::Misplaced));
        let past = [0, 0, 1, 0, 1, REFERENCE, 3, 0];
        assert_eq!(
            Predicate::decode(&past, &table()),
            Err(PredicateError::NotInTable)
        );
    }

    #[test]
    fn an_operand_at_the_bound_is_written_and_one_byte_more_is_not() {
        // Operator, quantifier, count, parts, tag and length take eight bytes.
        let of = |bytes: usize| {
            let test = Test::Text(
                TextMatch::Equals,
                [Template::literal(vec![b'a'; bytes])].into_iter().collect(),
            );
            Predicate {
                quantifier: Quantifier::Any,
                test,
            }
            .encode(index)
        };
        assert_eq!(of(OPERAND_BYTES_MAX - 8).unwrap().len(), OPERAND_BYTES_MAX);
        assert_eq!(
            of(OPERAND_BYTES_MAX - 7),
            Err(PredicateError::TooLong {
                bytes: OPERAND_BYTES_MAX + 1
            })
        );
    }
}
