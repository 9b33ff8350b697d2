//! The smallest change that would allow what is denied, and that it does.

use policy_wasm::compiler::{Condition, Statement};
use policy_wasm::engine::Verdict;
use policy_wasm::facts::OwnedValue;
use policy_wasm::limits::CHANGE_EVALUATIONS_MAX;
use policy_wasm::question::{Part, Template, Test, TextMatch};
use policy_wasm::tools::{Outcome, SmallestChange, Subject, smallest_change};
use proptest::prelude::*;

use super::enumeration::{coherent, gate};
use super::facts::Known;
use super::{Bench, attribute, id, key_is, random};

fn delete() -> Known {
    coherent(Known::default())
        .text("postern:Operation", "DeleteObject")
        .text("postern:Atom", "obj.delete")
        .text("postern:Bucket", "backups")
        .text("postern:Key", "archive/a")
        .text("postern:KeyLevel", "full")
        .truth("aws:SecureTransport", false)
        .time("aws:CurrentTime", 1_000)
        .address("aws:SourceIp", "192.0.2.1")
}

fn found(change: SmallestChange) -> policy_wasm::tools::Change {
    match change {
        SmallestChange::Found(change) => change,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn a_change_that_is_proposed_allows_and_touches_nothing_else(
        statements in random::statements(),
        checks in proptest::collection::vec(random::facts().prop_map(coherent), 1..8),
    ) {
        let bench = Bench::new();
        let module = bench.module(&statements);
        for facts in &checks {
            let allowed = module.evaluate(facts, 0).expect("an answer").verdict == Verdict::Allow;
            match smallest_change(Subject::Module(&module), facts, CHANGE_EVALUATIONS_MAX) {
                SmallestChange::Found(change) => {
                    prop_assert!(!allowed && (1..=3).contains(&change.answers.len()));
                    let said = module.evaluate(&change.situation, 0).expect("an answer");
                    prop_assert_eq!(said.verdict, Verdict::Allow);
                    for (attribute, values) in change.situation.present() {
                        let touched = change.answers.iter().any(|a| a.question.attribute == *attribute);
                        let real = facts.values(attribute).map(|v| v.iter().map(|v| OwnedValue::from(*v)).collect::<Vec<_>>());
                        prop_assert!(touched || real.as_deref() == Some(values), "{}: {:?}", attribute, change);
                    }
                }
                SmallestChange::Allowed => prop_assert!(allowed),
                SmallestChange::None | SmallestChange::Unknown => prop_assert!(!allowed),
            }
        }
    }
}

#[test]
fn what_blocks_is_told_in_words() {
    let bench = Bench::new();
    let plan = gate(&bench);
    let facts = delete().truth("postern:KeyTlsOnly", true);
    let change = found(smallest_change(
        Subject::Plan(&plan),
        &facts,
        CHANGE_EVALUATIONS_MAX,
    ));
    let words = change.words();
    assert_eq!(words.len(), 1, "{change}");
    assert!(
        words[0].contains("KeyTlsOnly") || words[0].contains("over TLS"),
        "{change}"
    );
    assert_eq!(
        Subject::Plan(&plan).decide(&change.situation).outcome,
        Outcome::Allow
    );
}

#[test]
fn two_layers_that_block_need_two_changes() {
    let bench = Bench::new();
    let plan = gate(&bench);
    let facts = delete()
        .text("postern:KeyLevel", "read")
        .time("postern:KeyExpires", 500);
    let change = found(smallest_change(
        Subject::Plan(&plan),
        &facts,
        CHANGE_EVALUATIONS_MAX,
    ));
    let touched: Vec<String> = change
        .answers
        .iter()
        .map(|answered| answered.question.attribute.to_string())
        .collect();
    assert!(
        touched.contains(&"postern:KeyLevel".to_owned()) && touched.len() >= 2,
        "{change}"
    );
}

#[test]
fn what_is_allowed_needs_no_change_and_what_nothing_allows_has_none() {
    let bench = Bench::new();
    let plan = gate(&bench);
    let change = smallest_change(Subject::Plan(&plan), &delete(), CHANGE_EVALUATIONS_MAX);
    assert!(matches!(change, SmallestChange::Allowed), "{change:?}");
    let module = bench.module(&[Statement::deny(id("all"))]);
    let change = smallest_change(Subject::Module(&module), &delete(), CHANGE_EVALUATIONS_MAX);
    assert!(matches!(change, SmallestChange::None), "{change:?}");
}

#[test]
fn answers_that_contradict_each_other_are_no_change() {
    let bench = Bench::new();
    // The key is none of these, and to be allowed it would have to be both.
    let module = bench.module(&[Statement::allow(id("both"))
        .when(key_is("a"))
        .when(Condition::like(attribute("postern:Key"), ["b*"]))]);
    let facts = coherent(Known::default())
        .text("postern:Key", "c")
        .text("postern:Bucket", "b");
    let change = smallest_change(Subject::Module(&module), &facts, CHANGE_EVALUATIONS_MAX);
    assert!(matches!(change, SmallestChange::None), "{change:?}");
}

/// Also where the real request is never asked about it.
#[test]
fn what_an_answer_is_compared_with_stays() {
    let bench = Bench::new();
    let prefixes = || attribute("postern:KeyPrefixes");
    let below = Template {
        parts: vec![Part::Reference(prefixes()), Part::AnyText],
    };
    let below = Test::Text(TextMatch::Like, [below].into_iter().collect());
    let module = bench.module(&[
        Statement::deny(id("no-key"))
            .to(Condition::present(attribute("postern:Key")))
            .when(Condition::among(prefixes(), attribute("s3:prefix"))),
        Statement::allow(id("below")).to(Condition::any(attribute("postern:Resource"), below)),
    ]);
    let facts = coherent(Known::default())
        .text("postern:Key", "")
        .text("postern:Bucket", "b");
    let found = smallest_change(Subject::Module(&module), &facts, CHANGE_EVALUATIONS_MAX);
    if let SmallestChange::Found(change) = found {
        let mut present = change.situation.present();
        assert!(
            present.all(|(attribute, _)| attribute.to_string() != "s3:prefix"),
            "{change:?}"
        );
    }
}

/// To be nobody is no advice to whoever has signed; to sign is one to whoever has not.
#[test]
fn who_has_signed_stays_who_he_is() {
    let bench = Bench::new();
    let is = |name: &str, text: &str| Condition::one_of(attribute(name), [text]);
    let anonymous = || is("aws:PrincipalType", "Anonymous");
    let open = bench.module(&[
        Statement::allow(id("anybody")).when(anonymous()),
        Statement::allow(id("full")).when(is("postern:KeyLevel", "full")),
    ]);
    let signed = delete()
        .text("aws:PrincipalType", "User")
        .text("postern:KeyLevel", "write");
    let subject = Subject::Module(&open);
    let change = found(smallest_change(subject, &signed, CHANGE_EVALUATIONS_MAX));
    assert_eq!(change.answers.len(), 1, "{change}");
    let touched = change.answers[0].question.attribute.to_string();
    assert_eq!(touched, "postern:KeyLevel", "{change}");

    let shut = bench.module(&[
        Statement::deny(id("nobody")).when(anonymous()),
        Statement::allow(id("all")),
    ]);
    let nobody = delete().text("aws:PrincipalType", "Anonymous");
    let subject = Subject::Module(&shut);
    let change = found(smallest_change(subject, &nobody, CHANGE_EVALUATIONS_MAX));
    let touched = change.answers[0].question.attribute.to_string();
    assert_eq!(touched, "aws:PrincipalType", "{change}");
}

#[test]
fn what_a_change_needs_besides_is_part_of_it() {
    let bench = Bench::new();
    // Nothing is allowed that names no bucket, unless its key is this one; and what has a key is in a bucket.
    let module = bench.module(&[
        Statement::deny_unless_allowed(id("no-bucket"))
            .when(Condition::present(attribute("postern:Bucket"))),
        Statement::allow(id("this-key")).when(key_is("a")),
    ]);
    let change = found(smallest_change(
        Subject::Module(&module),
        &coherent(Known::default()),
        CHANGE_EVALUATIONS_MAX,
    ));
    let touched: Vec<String> = change
        .answers
        .iter()
        .map(|answered| answered.question.to_string())
        .collect();
    assert_eq!(
        touched,
        ["postern:Key is `a`", "postern:Bucket is present"],
        "{change}"
    );
}

#[test]
fn the_search_ends_at_its_bound() {
    let bench = Bench::new();
    let module = bench.module(&[Statement::allow(id("a")).when(key_is("a"))]);
    let facts = coherent(Known::default())
        .text("postern:Key", "c")
        .text("postern:Bucket", "b");
    let subject = Subject::Module(&module);
    assert!(matches!(
        smallest_change(subject, &facts, 1),
        SmallestChange::Unknown
    ));
    assert!(matches!(
        smallest_change(subject, &facts, 2),
        SmallestChange::Found(_)
    ));
}

#[test]
fn what_is_asked_stays_and_what_is_there_becomes_another() {
    let bench = Bench::new();
    let is = |name: &str, text: &str| Condition::one_of(attribute(name), [text]);
    let module = bench.module(&[
        Statement::deny(id("no-drafts"))
            .to(is("postern:Action", "s3:DeleteObject"))
            .when(key_is("draft")),
        Statement::allow(id("all")),
    ]);
    let facts = delete()
        .text("postern:Action", "s3:DeleteObject")
        .text("postern:Bucket", "b")
        .text("postern:Key", "draft");
    let change = found(smallest_change(
        Subject::Module(&module),
        &facts,
        CHANGE_EVALUATIONS_MAX,
    ));
    let words = change.words();
    assert!(
        words.len() == 1 && words[0].starts_with("postern:Key would have to be another"),
        "{change}"
    );
    // Where nothing but the operation stands in the way there is nothing to change.
    let module = bench
        .module(&[Statement::deny(id("no-deletes")).to(is("postern:Action", "s3:DeleteObject"))]);
    let change = smallest_change(Subject::Module(&module), &facts, CHANGE_EVALUATIONS_MAX);
    assert!(matches!(change, SmallestChange::None), "{change:?}");
}
