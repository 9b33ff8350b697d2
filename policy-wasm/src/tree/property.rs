//! *A walk always equals a fresh evaluation.* Random modules, random callers of several tenants on shared trees,
//! records that change between walks, lists that are absent, empty or long, a clock that steps back and forth,
//! addresses, attributes that were not fetched, and several threads that grow the trees.
//!
//! Each mechanism is also broken on purpose, and the same test must notice.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;

use super::sabotage::{Broken, Sabotage};
use crate::decider::{Decider, DeciderOptions};
use crate::engine::{Cause, Engine, EngineOptions, Module, Stopped};
use crate::facts::{Fact, Facts};
use crate::manifest::{Manifest, SECTION};
use crate::plan::{ActionId, Layer, LayerKind, Outcome, TreeScope};
use crate::question::{Operand, Order, Part, Predicate, Quantifier, Template, Test, TextMatch};
use crate::registry::{Attribute, Name};

/// Small numbers from a seed: a failure is found again by its seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const ATTRIBUTES: &[&str] = &[
    "aws:username",
    "postern:Principals",
    "aws:SourceIp",
    "aws:CurrentTime",
    "postern:KeyNetworks",
    "s3:prefix",
    "s3:max-keys",
    "s3:ExistingObjectTag/x",
    "aws:SecureTransport",
    "postern:KeyPrefixes",
];
const TEXTS: &[&str] = &[
    "",
    "a",
    "ab",
    "abc",
    "b",
    "logs/",
    "logs/2026",
    "*",
    "A",
    "é",
];
const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "10.1.0.0/16",
    "192.168.0.0/24",
    "0.0.0.0/0",
    "10.1.2.3/32",
];
const TIMES: &[i64] = &[0, 1_000, 1_001, 2_000, 1_767_225_600];

/// Everything that the facts of one caller are made of. It changes between walks.
#[derive(Clone, Debug)]
struct Caller {
    username: Option<String>,
    principals: Option<Vec<String>>,
    address: IpAddr,
    networks: Option<Vec<IpNet>>,
    prefixes: Option<Vec<String>>,
    prefix: Option<String>,
    max_keys: Option<i64>,
    #[expect(
        clippy::option_option,
        reason = "absent, or present without a value, or with one"
    )]
    tag: Option<Option<String>>,
    tls: bool,
    time: i64,
}

impl Caller {
    fn random(dice: &mut Dice) -> Self {
        let mut caller = Self {
            username: None,
            principals: None,
            address: Ipv4Addr::UNSPECIFIED.into(),
            networks: None,
            prefixes: None,
            prefix: None,
            max_keys: None,
            tag: None,
            tls: false,
            time: 0,
        };
        (0..20).for_each(|_| caller.change(dice));
        caller
    }

    fn change(&mut self, dice: &mut Dice) {
        let text = |dice: &mut Dice| dice.pick(TEXTS).to_owned();
        match dice.below(10) {
            0 => self.username = (dice.below(4) > 0).then(|| text(dice)),
            1 => self.principals = list(dice, text),
            2 => {
                let octets = [[10, 0, 0, 1], [10, 1, 2, 3], [192, 168, 0, 9], [8, 8, 8, 8]];
                self.address = IpAddr::from(dice.pick(&octets));
            }
            3 => self.networks = list(dice, |dice| dice.pick(NETWORKS).parse().unwrap()),
            4 => self.prefixes = list(dice, text),
            5 => self.prefix = (dice.below(4) > 0).then(|| text(dice)),
            6 => self.max_keys = (dice.below(4) > 0).then(|| dice.pick(&[0, 1, 10, 1_000])),
            7 => self.tag = (dice.below(4) > 0).then(|| (dice.below(3) > 0).then(|| text(dice))),
            8 => self.tls = !self.tls,
            _ => self.time = dice.pick(TIMES) + dice.pick(&[-1, 0, 1]),
        }
    }
}

fn list<T>(dice: &mut Dice, mut item: impl FnMut(&mut Dice) -> T) -> Option<Vec<T>> {
    match dice.below(5) {
        0 => None,
        length => Some((1..length).map(|_| item(dice)).collect()),
    }
}

impl Facts for Caller {
    fn get(&self, attribute: &Attribute) -> Fact<'_> {
        let texts = |list: &'_ Option<Vec<String>>| list.is_some();
        match attribute.name() {
            Name::Username => Fact::optional_text(self.username.as_deref()),
            Name::Principals if texts(&self.principals) => {
                Fact::list(self.principals.as_deref().unwrap_or_default())
            }
            Name::SourceIp => Fact::address(self.address),
            Name::CurrentTime => Fact::time(self.time),
            Name::KeyNetworks => self.networks.as_deref().map_or(Fact::Absent, Fact::list),
            Name::KeyPrefixes => self.prefixes.as_deref().map_or(Fact::Absent, Fact::list),
            Name::Prefix => Fact::optional_text(self.prefix.as_deref()),
            Name::MaxKeys => self.max_keys.map_or(Fact::Absent, Fact::integer),
            Name::ExistingObjectTag => match &self.tag {
                None => Fact::NotFetched,
                Some(tag) => Fact::optional_text(tag.as_deref()),
            },
            Name::SecureTransport => Fact::boolean(self.tls),
            _ => Fact::Absent,
        }
    }
}

/// A random tree of questions as a module.
struct Author<'a> {
    dice: &'a mut Dice,
    data: Vec<u8>,
}

impl Author<'_> {
    fn module(mut self) -> Vec<u8> {
        let depth = 2 + self.dice.below(4);
        let body = self.branch(depth);
        let data: String = self
            .data
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect();
        let imports: String = [
            ("equals", "i32 i32 i32"),
            ("starts_with", "i32 i32 i32"),
            ("ends_with", "i32 i32 i32"),
            ("matches", "i32 i32 i32"),
            ("in_network", "i32 i32 i32"),
            ("below", "i32 i64"),
            ("present", "i32"),
            ("test", "i32 i32 i32"),
            ("read", "i32 i32 i32"),
        ]
        .map(|(name, types)| {
            format!(r#"(import "postern" "{name}" (func ${name} (param {types}) (result i32)))"#)
        })
        .concat();
        let wat = format!(
            r#"(module {imports}
                (import "postern" "because" (func $because (param i32 i32)))
                (import "postern" "oblige" (func $oblige (param i32 i32 i32 i32)))
                (memory (export "memory") 1 1) (data (i32.const 0) "{data}")
                (func (export "decide") (result i32) {body}))"#
        );
        let mut manifest = Manifest::new("random", "1");
        manifest.attributes = ATTRIBUTES.iter().map(|name| (*name).to_owned()).collect();
        section(&wat::parse_str(&wat).unwrap(), &manifest.to_json().unwrap())
    }

    fn branch(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf();
        }
        let question = self.question();
        let (yes, no) = (self.branch(depth - 1), self.branch(depth - 1));
        format!("(if (result i32) {question} (then {yes}) (else {no}))")
    }

    fn leaf(&mut self) -> String {
        let verdict = self.dice.below(3);
        let reason = format!("{}", self.dice.below(100));
        let (pointer, length) = self.store(reason.as_bytes());
        let oblige = match self.dice.below(3) {
            0 => "(call $oblige (i32.const 1) (i32.const -1) (i32.const 0) (i32.const 0))",
            1 => "(call $oblige (i32.const 4) (i32.const 6) (i32.const 0) (i32.const 0))",
            _ => "",
        };
        format!(
            "(call $because (i32.const {pointer}) (i32.const {length})) {oblige} (i32.const {verdict})"
        )
    }

    fn question(&mut self) -> String {
        let place = self.dice.below(ATTRIBUTES.len());
        let text = self.dice.pick(TEXTS);
        match self.dice.below(10) {
            0 => format!("(call $present (i32.const {place}))"),
            1 => {
                let bound = self.dice.pick(TIMES);
                format!("(call $below (i32.const 3) (i64.const {bound}))")
            }
            2 => format!(
                "(call $below (i32.const 6) (i64.const {}))",
                self.dice.pick(&[1, 1_000, 10_000])
            ),
            3 => {
                let network = self.dice.pick(NETWORKS);
                let (pointer, length) = self.store(network.as_bytes());
                let place = self.dice.pick(&[2, 4]);
                format!(
                    "(call $in_network (i32.const {place}) (i32.const {pointer}) (i32.const {length}))"
                )
            }
            4 | 5 => self.predicate(place),
            6 => {
                // Any attribute but the clock may be read; the answer is the value.
                let place = if place == 3 { 0 } else { place };
                let length = self.dice.below(4);
                format!("(i32.gt_s (call $read (i32.const {place}) (i32.const 60000) (i32.const 16)) (i32.const {length}))
                    (i32.and (i32.eqz (i32.load8_u (i32.const 60000))))")
            }
            kind => {
                let (pointer, length) = self.store(text.as_bytes());
                let import = ["equals", "starts_with", "ends_with", "matches"][kind % 4];
                format!(
                    "(call ${import} (i32.const {place}) (i32.const {pointer}) (i32.const {length}))"
                )
            }
        }
    }

    fn predicate(&mut self, place: usize) -> String {
        let reference = |place: usize| ATTRIBUTES[place].parse::<Attribute>().unwrap();
        let quantifier = self.dice.pick(&[Quantifier::Any, Quantifier::Every]);
        let (place, test) = match self.dice.below(4) {
            0 => (2, Test::Network(vec![Operand::Reference(reference(4))])),
            1 => {
                let order = self
                    .dice
                    .pick(&[Order::Below, Order::AtLeast, Order::Equal]);
                (
                    3,
                    Test::Time(order, vec![Operand::Constant(self.dice.pick(TIMES))]),
                )
            }
            2 => {
                let parts = vec![Part::Reference(reference(9)), Part::AnyText];
                (
                    5,
                    Test::Text(TextMatch::Like, [Template { parts }].into_iter().collect()),
                )
            }
            _ => {
                let how = self
                    .dice
                    .pick(&[TextMatch::Equals, TextMatch::EqualsIgnoreCase]);
                let templates = (0..3).map(|_| Template::literal(self.dice.pick(TEXTS)));
                (place, Test::Text(how, templates.collect()))
            }
        };
        let index = |attribute: &Attribute| {
            let name = attribute.to_string();
            ATTRIBUTES
                .iter()
                .position(|other| *other == name)
                .map(|place| u16::try_from(place).unwrap())
        };
        let bytes = Predicate { quantifier, test }.encode(index).unwrap();
        let (pointer, length) = self.store(&bytes);
        format!("(call $test (i32.const {place}) (i32.const {pointer}) (i32.const {length}))")
    }

    fn store(&mut self, bytes: &[u8]) -> (usize, usize) {
        let pointer = self.data.len();
        self.data.extend_from_slice(bytes);
        (pointer, bytes.len())
    }
}

fn section(module: &[u8], data: &[u8]) -> Vec<u8> {
    use wasm_encoder::{CustomSection, Encode, Section};
    let custom = CustomSection {
        name: SECTION.into(),
        data: data.into(),
    };
    let mut out = module.to_vec();
    out.push(custom.id());
    custom.encode(&mut out);
    out
}

/// Modules of one seed, with everything that they are asked through.
struct Bench {
    modules: Vec<Arc<Module>>,
    decider: Decider,
}

impl Bench {
    fn new(seed: u64, modules: usize, broken: Option<Broken>) -> Self {
        let options = EngineOptions {
            instances: 128,
            ..EngineOptions::default()
        };
        let engine = Engine::new(options).unwrap();
        let mut dice = Dice(seed);
        let modules = (0..modules)
            .map(|_| {
                Author {
                    dice: &mut dice,
                    data: Vec::new(),
                }
                .module()
            })
            .map(|bytes| engine.load(&bytes).unwrap())
            .collect();
        let mut decider = Decider::new(DeciderOptions::new(|| 0));
        decider.sabotage = broken.map(Sabotage::new);
        Self { modules, decider }
    }

    /// Walks and evaluates side by side; false as soon as they differ.
    fn holds(&self, seed: u64, rounds: usize) -> bool {
        let mut dice = Dice(seed);
        let mut callers: Vec<Caller> = (0..8).map(|_| Caller::random(&mut dice)).collect();
        for _ in 0..rounds {
            let at = dice.below(callers.len());
            let caller = &mut callers[at];
            if dice.below(2) == 0 {
                caller.change(&mut dice);
            }
            let module = &self.modules[dice.below(self.modules.len())];
            // Shared trees most of the time; callers of different tenants walk the same ones.
            let scope = match dice.below(4) {
                0 => TreeScope::Tenant(u64::try_from(at % 3).unwrap()),
                _ => TreeScope::Shared,
            };
            let layer = Layer {
                kind: LayerKind::Grant,
                name: Arc::from("random"),
                module: Arc::clone(module),
                scope,
            };
            let action = ActionId(u32::try_from(dice.below(2)).unwrap());
            let walked = self.decider.judge(&layer, action, caller);
            if !same(&walked, module.evaluate(caller, 0)) || module.is_fickle() {
                return false;
            }
        }
        true
    }
}

fn same(walked: &Outcome, fresh: Result<crate::engine::Evaluation, Stopped>) -> bool {
    match (walked, fresh) {
        (
            Outcome::Answered {
                verdict,
                reasons,
                obligations,
            },
            Ok(fresh),
        ) => {
            *verdict == fresh.verdict
                && *reasons == fresh.reasons
                && *obligations == fresh.obligations
        }
        (
            Outcome::NotFetched(walked),
            Err(Stopped {
                cause: Cause::NotFetched(fresh),
                ..
            }),
        ) => *walked == fresh.attribute,
        (
            Outcome::Fault(walked),
            Err(Stopped {
                cause: Cause::Fault(fresh),
                ..
            }),
        ) => *walked == fresh,
        _ => false,
    }
}

#[test]
fn a_walk_always_equals_a_fresh_evaluation() {
    for seed in 0..8 {
        let bench = Bench::new(seed, 12, None);
        assert!(bench.holds(seed, 6_000), "seed {seed}");
        let statistics = bench.decider.statistics();
        assert!(
            statistics.hits > statistics.evaluations,
            "the trees were walked: {statistics:?}"
        );
    }
}

#[test]
fn a_walk_equals_a_fresh_evaluation_while_several_threads_grow_the_trees() {
    for seed in 100..104 {
        let bench = Bench::new(seed, 6, None);
        assert!(in_threads(&bench, 3_000), "seed {seed}");
    }
}

fn in_threads(bench: &Bench, rounds: usize) -> bool {
    let holds = AtomicBool::new(true);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let holds = &holds;
            scope.spawn(move || {
                if !bench.holds(thread, rounds) {
                    holds.store(false, Ordering::Relaxed);
                }
            });
        }
    });
    holds.into_inner()
}

/// Whether the test notices what is broken, with any of a few seeds.
fn is_noticed(broken: Broken) -> bool {
    (0..6).any(|seed| !Bench::new(seed, 12, Some(broken)).holds(seed, 4_000))
}

macro_rules! noticed {
    ($($test:ident: $broken:ident;)+) => {$(
        #[test]
        fn $test() {
            assert!(is_noticed(Broken::$broken));
        }
    )+};
}

noticed! {
    a_walk_that_remembers_the_clock_is_noticed: Clock;
    a_walk_that_remembers_addresses_is_noticed: Address;
    a_walk_that_remembers_records_is_noticed: Record;
    a_walk_that_looks_at_the_first_value_only_is_noticed: Lists;
    a_walk_that_takes_absent_for_empty_is_noticed: Absence;
    a_walk_that_takes_empty_for_absent_is_noticed: Emptiness;
    a_walk_that_takes_unfetched_for_absent_is_noticed: Fetching;
    modules_that_share_a_tree_are_noticed: Keys;
    a_path_that_is_grown_in_the_wrong_place_is_noticed: Growth;
}

#[test]
fn an_answer_that_is_shared_between_threads_is_noticed() {
    let noticed = (0..6).any(|seed| !in_threads(&Bench::new(seed, 2, Some(Broken::Flight)), 2_000));
    assert!(noticed);
}
