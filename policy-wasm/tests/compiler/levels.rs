//! A table of operations and levels, as a module: each cell, and each pair that the table does not name.

use std::collections::BTreeMap;

use policy_wasm::compiler::levels::{Cell, Row, statements};
use policy_wasm::engine::Verdict;
use policy_wasm::plan::ObligationKind;

use super::facts::Known;
use super::{Bench, attribute, interpreter};

const LEVELS: [&str; 4] = ["full", "read-write", "read", "write"];

fn row(operation: &str, atom: &str, cells: [Cell; 4]) -> Row {
    Row {
        operation: operation.to_owned(),
        atom: atom.to_owned(),
        cells: LEVELS.map(str::to_owned).into_iter().zip(cells).collect(),
    }
}

fn table() -> Vec<Row> {
    use Cell::{
        Allow, DeletesAll, DeletesMarkers, Deny, Filtered, LockBypass, Own, OwnElseNotFound,
        OwnFiltered,
    };
    vec![
        row("GetObject", "obj.read", [Allow, Allow, Allow, Deny]),
        row(
            "HeadObject",
            "obj.head",
            [Allow, Allow, Allow, OwnElseNotFound],
        ),
        row("PutObject", "obj.write", [Allow, Allow, Deny, Allow]),
        row(
            "ListBuckets",
            "ns.list",
            [Allow, Filtered, Filtered, Filtered],
        ),
        row("ListObjectsV2", "bkt.list", [Allow, Allow, Allow, Deny]),
        row(
            "ListMultipartUploads",
            "mpu.see",
            [Allow, Allow, Allow, OwnFiltered],
        ),
        row("ListParts", "mpu.see", [Allow, Allow, Allow, Own]),
        row(
            "GetObjectAttributes",
            "obj.read",
            [Allow, Allow, Allow, OwnElseNotFound],
        ),
        row("CopyObject", "obj.read", [Allow, Allow, Deny, Deny]),
        row("CopyObject", "obj.write", [Allow, Allow, Deny, Deny]),
        row("UploadPart", "obj.write", [Allow, Allow, Deny, Own]),
        row(
            "DeleteObject",
            "obj.delete",
            [Allow, Allow, Deny, DeletesMarkers],
        ),
        row(
            "DeleteObject",
            "obj.delver",
            [Allow, Allow, Deny, DeletesAll],
        ),
        row(
            "PutObjectRetention",
            "lock.bypass",
            [LockBypass, Deny, Deny, Deny],
        ),
        row("PutBucketAcl", "acl.write", [Allow, Deny, Deny, Deny]),
    ]
}

fn facts(level: &'static str, operation: &str, atom: &str) -> Known {
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    Known::default()
        .text("postern:KeyLevel", level)
        .text("postern:Operation", leak(operation))
        .text("postern:Atom", leak(atom))
        .text("postern:WriteHead", "own")
        .text("postern:WriteDeletes", "no")
}

/// What a cell says, written once more: the verdict and what is owed.
fn expected(cell: Cell, deletes: &str, head: &str) -> (bool, Vec<ObligationKind>) {
    use ObligationKind::{FilterList, RequireCreator};
    match cell {
        Cell::Allow => (true, vec![]),
        Cell::Filtered => (true, vec![FilterList]),
        Cell::Own => (true, vec![RequireCreator]),
        Cell::OwnFiltered => (true, vec![FilterList, RequireCreator]),
        Cell::OwnElseNotFound if head == "own" => (true, vec![RequireCreator]),
        Cell::Deny | Cell::LockBypass | Cell::OwnElseNotFound => (false, vec![]),
        Cell::DeletesMarkers => (deletes != "no", vec![]),
        Cell::DeletesAll => (deletes == "all", vec![]),
    }
}

#[test]
fn every_cell_of_a_table_is_what_the_module_says() {
    let bench = Bench::new();
    let statements = statements(&table(), &attribute("postern:KeyLevel"));
    let module = bench.module(&statements);
    for row in table() {
        for level in LEVELS {
            for (deletes, head) in [("no", "own"), ("markers", "deny"), ("all", "blind404")] {
                let facts = facts(level, &row.operation, &row.atom)
                    .text("postern:WriteDeletes", deletes)
                    .text("postern:WriteHead", head);
                let (allowed, mut owed) = expected(row.cells[level], deletes, head);
                if !allowed {
                    owed.clear();
                }
                let opinion = bench.opinion(&module, &facts);
                super::assert_agrees(&opinion, &interpreter::decide(&statements, &facts));
                let mut kinds: Vec<_> = opinion.obligations.iter().map(|o| o.kind).collect();
                kinds.sort_by_key(|kind| std::cmp::Reverse(kind.number()));
                assert_eq!(
                    (opinion.verdict == Verdict::Allow, kinds),
                    (allowed, owed),
                    "{level} {} {} with {deletes}, {head}",
                    row.operation,
                    row.atom
                );
            }
        }
    }
}

#[test]
fn a_pair_without_a_row_gets_the_strictest_of_its_atom() {
    let bench = Bench::new();
    let module = bench.module(&statements(&table(), &attribute("postern:KeyLevel")));
    let said = |level, operation, atom| {
        bench
            .opinion(&module, &facts(level, operation, atom))
            .verdict
    };
    // A PutObject that carries an ACL is checked for that as well.
    assert_eq!(said("full", "PutObject", "acl.write"), Verdict::Allow);
    assert_eq!(
        said("read-write", "PutObject", "acl.write"),
        Verdict::NoOpinion
    );
    // One with `If-Match` reads, which Write may not.
    assert_eq!(said("read-write", "PutObject", "obj.read"), Verdict::Allow);
    assert_eq!(said("write", "PutObject", "obj.read"), Verdict::NoOpinion);
    // An operation that nobody has heard of.
    assert_eq!(
        said("write", "RenameObject", "obj.write"),
        Verdict::NoOpinion
    );
    assert_eq!(said("full", "RenameObject", "unheard"), Verdict::NoOpinion);
    assert_eq!(
        said("stranger", "GetObject", "obj.read"),
        Verdict::NoOpinion
    );
}

#[test]
fn the_same_pair_twice_is_the_stricter_of_both() {
    let bench = Bench::new();
    let rows = [
        row(
            "GetObject",
            "obj.read",
            [Cell::Allow, Cell::Own, Cell::Allow, Cell::Own],
        ),
        row(
            "GetObject",
            "obj.read",
            [Cell::Allow, Cell::Allow, Cell::Deny, Cell::Filtered],
        ),
    ];
    let module = bench.module(&statements(&rows, &attribute("postern:KeyLevel")));
    let opinion = |level| bench.opinion(&module, &facts(level, "GetObject", "obj.read"));
    assert_eq!(opinion("read-write").obligations.len(), 1);
    assert_eq!(opinion("read").verdict, Verdict::NoOpinion);
    assert_eq!(opinion("write").obligations.len(), 2);
}

#[test]
fn a_level_without_a_cell_is_denied() {
    let bench = Bench::new();
    let mut lonely = row("GetObject", "obj.read", [Cell::Allow; 4]);
    lonely.cells = BTreeMap::from([("full".to_owned(), Cell::Allow)]);
    let rows = [lonely, row("PutObject", "obj.write", [Cell::Allow; 4])];
    let module = bench.module(&statements(&rows, &attribute("postern:KeyLevel")));
    let said = |level| {
        bench
            .opinion(&module, &facts(level, "GetObject", "obj.read"))
            .verdict
    };
    assert_eq!(
        (said("full"), said("read")),
        (Verdict::Allow, Verdict::NoOpinion)
    );
}

#[test]
fn the_usual_request_is_decided_by_few_questions() {
    let bench = Bench::new();
    let module = bench.module(&statements(&table(), &attribute("postern:KeyLevel")));
    for level in LEVELS {
        for row in table() {
            let evaluation = module
                .evaluate(&facts(level, &row.operation, &row.atom), 0)
                .unwrap();
            assert!(
                evaluation.path.len() <= 24,
                "{level} {}: {:#?}",
                row.operation,
                evaluation.path
            );
        }
    }
}
