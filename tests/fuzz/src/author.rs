//! Modules from bytes: valid by construction, so that a fuzzer spends its time behind the validator.
//!
//! A tame module asks questions and branches on the answers. A wild one also loops, calls through a table, writes, fills,
//! grows, keeps globals, has a start function, points anywhere and says anything.

use policy_wasm::manifest::Manifest;
use policy_wasm::question::{
    Operand, Order, Predicate, Quantifier, Template, Templates, Test, TextMatch,
};
use policy_wasm::tools;

/// What the modules of an author ask about, by its place.
pub(crate) const ATTRIBUTES: &[&str] = &[
    "aws:username",
    "postern:Principals",
    "aws:SourceIp",
    "aws:CurrentTime",
    "s3:max-keys",
    "aws:SecureTransport",
    "s3:prefix",
    "s3:ExistingObjectTag/x",
];
/// What texts are made of, in questions and in facts.
pub(crate) const TEXTS: &[&str] = &["", "a", "ab", "b", "logs/", "logs/2026", "*", "é"];
const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.2.3/32",
    "0.0.0.0/0",
    "2001:db8::/32",
    "no network",
];

/// Bytes that decide; when they are used up, every choice is the first.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.next()) % bound
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A module with its manifest, as it is uploaded.
pub(crate) fn module(bytes: &mut Bytes<'_>) -> Vec<u8> {
    let wild = bytes.next() % 2 == 1;
    let author = Author {
        bytes,
        wild,
        data: Data::new(),
    };
    let mut manifest = Manifest::new("fuzzed", "1");
    manifest.attributes = ATTRIBUTES.iter().map(|name| (*name).to_owned()).collect();
    tools::attach(&author.write(), &manifest).expect("a manifest fits")
}

/// Imports with the index of their type; the place is the function's index.
const IMPORTS: &[(&str, u8)] = &[
    ("present", 0),
    ("below", 1),
    ("equals", 2),
    ("starts_with", 2),
    ("ends_with", 2),
    ("matches", 2),
    ("in_network", 2),
    ("test", 2),
    ("because", 3),
    ("oblige", 4),
    ("read", 2),
];
const BECAUSE: u8 = 8;
const OBLIGE: u8 = 9;
const READ: u8 = 10;
/// The types of the imports, `decide` and the start function: parameters and results.
const TYPES: &[(&[u8], &[u8])] = &[
    (&[I32], &[I32]),
    (&[I32, I64], &[I32]),
    (&[I32, I32, I32], &[I32]),
    (&[I32, I32], &[]),
    (&[I32, I32, I32, I32], &[]),
    (&[], &[I32]),
    (&[], &[]),
];
const DECIDE_TYPE: u8 = 5;
const START_TYPE: u8 = 6;
const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const FUNCREF: u8 = 0x70;
const EMPTY: u8 = 0x40;
/// Helpers that `decide` may call, itself or through the table.
const HELPERS: u8 = 2;
const LOCALS: usize = 4;
const GLOBALS: usize = 2;
/// Where a module may write: past its constants.
const SCRATCH: i32 = 4_096;

struct Author<'a, 'b> {
    bytes: &'a mut Bytes<'b>,
    wild: bool,
    data: Data,
}

/// The constants of a module, with their places.
struct Data {
    bytes: Vec<u8>,
    texts: Vec<(i32, i32)>,
    networks: Vec<(i32, i32)>,
    predicates: Vec<(i32, i32)>,
}

impl Data {
    fn new() -> Self {
        let mut bytes = Vec::new();
        let mut store = |constant: &[u8]| {
            let at = i32::try_from(bytes.len()).expect("few");
            bytes.extend_from_slice(constant);
            (at, i32::try_from(constant.len()).expect("short"))
        };
        let texts = TEXTS.iter().map(|text| store(text.as_bytes())).collect();
        let networks = NETWORKS
            .iter()
            .map(|block| store(block.as_bytes()))
            .collect();
        let predicates = predicates().iter().map(|bytes| store(bytes)).collect();
        Self {
            bytes,
            texts,
            networks,
            predicates,
        }
    }
}

fn predicates() -> Vec<Vec<u8>> {
    let literals = |texts: &[&str]| Templates::new(texts.iter().map(Template::literal));
    fn reference<T>(name: &str) -> Operand<T> {
        Operand::Reference(name.parse().expect("an attribute"))
    }
    let tests = [
        (
            Quantifier::Any,
            Test::Text(TextMatch::Equals, literals(&["a", "ab", "logs/"])),
        ),
        (
            Quantifier::Every,
            Test::Text(TextMatch::EqualsIgnoreCase, literals(&["A", "B"])),
        ),
        (
            Quantifier::Any,
            Test::Number(Order::AtLeast, vec![Operand::Constant(1_000)]),
        ),
        (
            Quantifier::Any,
            Test::Time(
                Order::AtMost,
                vec![Operand::Constant(1_000), reference("aws:CurrentTime")],
            ),
        ),
        (Quantifier::Every, Test::Bool(vec![Operand::Constant(true)])),
        (
            Quantifier::Any,
            Test::Network(vec![
                Operand::Constant("10.0.0.0/8".parse().expect("a block")),
                reference("aws:SourceIp"),
            ]),
        ),
    ];
    let place = |wanted: &policy_wasm::registry::Attribute| {
        let name = wanted.to_string();
        let at = ATTRIBUTES.iter().position(|known| *known == name);
        at.and_then(|at| u16::try_from(at).ok())
    };
    let encode = |(quantifier, test)| Predicate { quantifier, test }.encode(place);
    tests
        .into_iter()
        .map(|test| encode(test).expect("a predicate"))
        .collect()
}

impl Author<'_, '_> {
    fn write(mut self) -> Vec<u8> {
        let imports = if self.wild {
            IMPORTS
        } else {
            &IMPORTS[..usize::from(READ)]
        };
        let first = u8::try_from(imports.len()).expect("few");
        let pages = if self.wild {
            1 + self.bytes.next() % 3
        } else {
            1
        };
        let starts = self.wild && self.bytes.next().is_multiple_of(4);
        let decide = first + HELPERS;
        let mut bodies: Vec<Vec<u8>> = (0..HELPERS).map(|_| self.body(first, 2)).collect();
        bodies.push(self.body(first, 5));
        let mut functions = vec![DECIDE_TYPE; usize::from(HELPERS) + 1];
        if starts {
            let mut start = Vec::new();
            self.statements(&mut start, first, 2);
            bodies.push(start);
            functions.push(START_TYPE);
        }

        let mut out = b"\0asm\x01\0\0\0".to_vec();
        let types = TYPES.iter().map(|(parameters, results)| {
            let mut entry = vec![0x60];
            list(&mut entry, parameters);
            list(&mut entry, results);
            entry
        });
        section(&mut out, 1, types);
        section(
            &mut out,
            2,
            imports.iter().map(|(name, kind)| {
                let mut entry = Vec::new();
                list(&mut entry, b"postern");
                list(&mut entry, name.as_bytes());
                entry.extend([0, *kind]);
                entry
            }),
        );
        section(&mut out, 3, functions.iter().map(|kind| vec![*kind]));
        if self.wild {
            section(&mut out, 4, [vec![FUNCREF, 0, 4]]);
        }
        section(&mut out, 5, [vec![0, pages]]);
        if self.wild {
            section(
                &mut out,
                6,
                (0..GLOBALS).map(|_| vec![I32, 1, 0x41, 0, 0x0b]),
            );
        }
        let export = |name: &str, kind: u8, index: u8| {
            let mut entry = Vec::new();
            list(&mut entry, name.as_bytes());
            entry.extend([kind, index]);
            entry
        };
        section(
            &mut out,
            7,
            [export("memory", 2, 0), export("decide", 0, decide)],
        );
        if starts {
            out.extend([8, 1, decide + 1]);
        }
        if self.wild {
            section(&mut out, 9, [vec![0, 0x41, 0, 0x0b, 2, first, first + 1]]);
        }
        section(
            &mut out,
            10,
            bodies.into_iter().map(|code| {
                let mut body = vec![1];
                leb(&mut body, LOCALS);
                body.push(I32);
                body.extend(code);
                body.push(0x0b);
                let mut entry = Vec::new();
                list(&mut entry, &body);
                entry
            }),
        );
        let mut segment = vec![0, 0x41, 0, 0x0b];
        list(&mut segment, &self.data.bytes);
        section(&mut out, 11, [segment]);
        out
    }

    /// A body that leaves a number: a verdict, unless the module is wild.
    fn body(&mut self, first: u8, depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        self.statements(&mut out, first, depth);
        self.verdict(&mut out, first, depth);
        out
    }

    fn verdict(&mut self, out: &mut Vec<u8>, first: u8, depth: usize) {
        if depth > 0 && !self.bytes.is_empty() {
            self.question(out);
            out.extend([0x04, I32]);
            self.verdict(out, first, depth - 1);
            out.push(0x05);
            self.verdict(out, first, depth - 1);
            out.push(0x0b);
        } else if self.wild && self.bytes.next().is_multiple_of(4) {
            self.number(out, first, 2);
        } else {
            self.say(out);
            constant(out, i32::from(self.bytes.next() % 3));
        }
    }

    /// A reason or an obligation, or neither.
    fn say(&mut self, out: &mut Vec<u8>) {
        let (pointer, length) = self.text();
        match self.bytes.next() % 4 {
            0 => {
                constant(out, pointer);
                constant(out, length);
                out.extend([0x10, BECAUSE]);
            }
            1 => {
                let kind = if self.wild { self.bytes.next() % 8 } else { 4 };
                constant(out, i32::from(kind));
                constant(out, 4);
                constant(out, pointer);
                constant(out, length);
                out.extend([0x10, OBLIGE]);
            }
            _ => {}
        }
    }

    /// A question whose answer stays on the stack.
    fn question(&mut self, out: &mut Vec<u8>) {
        let place = self.bytes.below(ATTRIBUTES.len() + usize::from(self.wild));
        let import = self.bytes.next() % BECAUSE;
        constant(out, i32::try_from(place).expect("few"));
        match IMPORTS[usize::from(import)].0 {
            "present" => {}
            "below" => {
                out.push(0x42);
                signed(out, i64::from(self.bytes.next()) * 100);
            }
            name => {
                let from = match name {
                    "in_network" => &self.data.networks,
                    "test" => &self.data.predicates,
                    _ => &self.data.texts,
                };
                let (pointer, length) = from[self.bytes.below(from.len())];
                let astray = self.wild && self.bytes.next().is_multiple_of(16);
                constant(out, if astray { pointer - 3 } else { pointer });
                constant(out, length);
            }
        }
        out.extend([0x10, import]);
    }

    fn text(&mut self) -> (i32, i32) {
        let at = self.bytes.below(self.data.texts.len());
        self.data.texts[at]
    }

    /// What only a wild module does between its questions.
    fn statements(&mut self, out: &mut Vec<u8>, first: u8, depth: usize) {
        if !self.wild {
            return;
        }
        for _ in 0..self.bytes.below(4) {
            self.statement(out, first, depth);
        }
    }

    fn statement(&mut self, out: &mut Vec<u8>, first: u8, depth: usize) {
        let local = u8::try_from(self.bytes.below(LOCALS)).expect("few");
        match self.bytes.next() % 10 {
            0 => {
                self.number(out, first, depth);
                out.extend([0x21, local]);
            }
            1 => {
                self.number(out, first, depth);
                out.extend([0x24, local % 2]);
            }
            2 => {
                self.address(out);
                self.number(out, first, depth);
                out.extend([0x36, 0, 0]);
            }
            3 => {
                self.address(out);
                constant(out, 7);
                constant(out, i32::from(self.bytes.next()));
                out.extend([0xfc, 11, 0]);
            }
            4 => {
                self.address(out);
                self.address(out);
                constant(out, i32::from(self.bytes.next()));
                out.extend([0xfc, 10, 0, 0]);
            }
            5 if depth > 0 => {
                out.extend([0x03, EMPTY]);
                self.statements(out, first, depth - 1);
                self.number(out, first, depth - 1);
                out.extend([0x0d, 0, 0x0b]);
            }
            6 if depth > 0 => {
                out.extend([0x02, EMPTY]);
                self.question(out);
                out.extend([0x0d, 0]);
                self.statements(out, first, depth - 1);
                out.push(0x0b);
            }
            7 => {
                // The whole value, or some of it, goes into the memory.
                constant(
                    out,
                    i32::try_from(self.bytes.below(ATTRIBUTES.len())).expect("few"),
                );
                constant(out, SCRATCH);
                constant(out, i32::from(self.bytes.next()));
                out.extend([0x10, READ, 0x21, local]);
            }
            8 => self.say(out),
            _ => {
                self.question(out);
                out.extend([0x21, local]);
            }
        }
    }

    /// Mostly within the memory.
    fn address(&mut self, out: &mut Vec<u8>) {
        let far = self.bytes.next();
        constant(
            out,
            if far == 255 {
                -1
            } else {
                SCRATCH + i32::from(far)
            },
        );
    }

    /// Any number.
    fn number(&mut self, out: &mut Vec<u8>, first: u8, depth: usize) {
        let local = u8::try_from(self.bytes.below(LOCALS)).expect("few");
        match self.bytes.next() % 12 {
            0 => constant(out, i32::from(self.bytes.next()) - 4),
            1 => out.extend([0x20, local]),
            2 => out.extend([0x23, local % 2]),
            3 => {
                self.address(out);
                out.extend([0x28, 0, 0]);
            }
            4 => out.extend([0x3f, 0]),
            5 => {
                constant(out, i32::from(self.bytes.next() % 3));
                out.extend([0x40, 0]);
            }
            6 if depth > 0 => out.extend([0x10, first + local % HELPERS]),
            7 if depth > 0 => {
                constant(out, i32::from(self.bytes.next() % 6));
                out.extend([0x11, DECIDE_TYPE, 0]);
            }
            8 => {
                out.extend([0xd0, FUNCREF]);
                constant(out, 1);
                out.extend([0xfc, 15, 0]);
            }
            9 | 10 if depth > 0 => {
                self.number(out, first, depth - 1);
                self.number(out, first, depth - 1);
                // Comparisons, arithmetic, divisions that trap, shifts: each takes two numbers and leaves one.
                const BINARY: &[u8] = &[
                    0x46, 0x48, 0x4a, 0x6a, 0x6b, 0x6c, 0x6d, 0x70, 0x71, 0x72, 0x73, 0x74,
                ];
                out.push(BINARY[self.bytes.below(BINARY.len())]);
            }
            _ => self.question(out),
        }
    }
}

fn constant(out: &mut Vec<u8>, number: i32) {
    out.push(0x41);
    signed(out, number.into());
}

/// Source: WebAssembly Core Specification, "Integers": LEB128.
fn signed(out: &mut Vec<u8>, mut number: i64) {
    loop {
        let byte = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

fn leb(out: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        out.push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).expect("seven bits"));
}

fn list(out: &mut Vec<u8>, bytes: &[u8]) {
    leb(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn section(out: &mut Vec<u8>, id: u8, entries: impl IntoIterator<Item = Vec<u8>>) {
    let entries: Vec<Vec<u8>> = entries.into_iter().collect();
    let mut body = Vec::new();
    leb(&mut body, entries.len());
    entries
        .iter()
        .for_each(|entry| body.extend_from_slice(entry));
    out.push(id);
    list(out, &body);
}
