//! What every engine promises, held by the embedded one: transactions, pinned pages, watches, reopening.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use postern_config::engine::{Compare, EmbeddedEngine, Engine, EngineError, Op, Revision};
use postern_config::limits::FORGOTTEN_REVISIONS_MAX;

fn put(key: &str, value: &str) -> Op {
    Op::Put(key.to_owned(), value.as_bytes().to_vec())
}

async fn page(engine: &EmbeddedEngine, at: Revision) -> Vec<(String, String)> {
    let page = engine.page("k/".to_owned(), at, None, 100).await.unwrap();
    let text = |value| String::from_utf8(value).unwrap();
    page.rows
        .into_iter()
        .map(|row| (row.key, text(row.value)))
        .collect()
}

#[tokio::test]
async fn a_comparison_that_fails_changes_nothing() {
    let engine = EmbeddedEngine::in_memory().unwrap();
    let first = engine.txn(Vec::new(), vec![put("k/a", "1")]).await.unwrap();
    let absent = Compare {
        key: "k/a".to_owned(),
        written_by: None,
    };
    let refused = engine.txn(vec![absent], vec![put("k/b", "2")]).await;
    assert!(matches!(refused, Err(EngineError::Conflict)));
    assert_eq!(engine.now().await.unwrap(), first);
    let held = Compare {
        key: "k/a".to_owned(),
        written_by: Some(first),
    };
    let second = engine.txn(vec![held], vec![put("k/b", "2")]).await.unwrap();
    assert_eq!(second.0, first.0 + 1);
}

#[tokio::test]
async fn a_page_shows_its_revision_whatever_came_later() {
    let engine = EmbeddedEngine::in_memory().unwrap();
    let one = engine
        .txn(
            Vec::new(),
            vec![put("k/a", "1"), put("k/b", "1"), put("z", "1")],
        )
        .await
        .unwrap();
    let two = engine
        .txn(
            Vec::new(),
            vec![put("k/a", "2"), Op::Delete("k/b".into()), put("k/c", "2")],
        )
        .await
        .unwrap();
    let three = engine
        .txn(Vec::new(), vec![put("k/b", "3"), Op::Delete("k/a".into())])
        .await
        .unwrap();
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    assert_eq!(page(&engine, Revision(0)).await, pairs(&[]));
    assert_eq!(
        page(&engine, one).await,
        pairs(&[("k/a", "1"), ("k/b", "1")])
    );
    assert_eq!(
        page(&engine, two).await,
        pairs(&[("k/a", "2"), ("k/c", "2")])
    );
    assert_eq!(
        page(&engine, three).await,
        pairs(&[("k/b", "3"), ("k/c", "2")])
    );
    let later = engine.page("k/".to_owned(), Revision(9), None, 1).await;
    assert!(matches!(later, Err(EngineError::Future { .. })));
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let engine = EmbeddedEngine::in_memory().unwrap();
    let ops = (0..25)
        .map(|number| put(&format!("k/{number:02}"), "1"))
        .collect();
    let at = engine.txn(Vec::new(), ops).await.unwrap();
    engine
        .txn(
            Vec::new(),
            vec![put("k/05x", "late"), Op::Delete("k/07".into())],
        )
        .await
        .unwrap();
    let (mut after, mut keys) = (None, Vec::new());
    loop {
        let page = engine.page("k/".to_owned(), at, after, 10).await.unwrap();
        keys.extend(page.rows.iter().map(|row| row.key.clone()));
        after = page.rows.last().map(|row| row.key.clone());
        if !page.more {
            break;
        }
    }
    assert_eq!(
        keys,
        (0..25)
            .map(|number| format!("k/{number:02}"))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_watch_sees_what_was_and_what_comes_in_order() {
    let engine = EmbeddedEngine::in_memory().unwrap();
    let first = engine.txn(Vec::new(), vec![put("k/a", "1")]).await.unwrap();
    engine.txn(Vec::new(), vec![put("k/a", "2")]).await.unwrap();
    let mut watch = engine.watch(first).await.unwrap();
    assert_eq!(watch.next().await.unwrap().ops, [put("k/a", "2")]);
    let writer = engine.clone();
    let later = tokio::spawn(async move {
        writer
            .txn(Vec::new(), vec![Op::Delete("k/a".into())])
            .await
            .unwrap()
    });
    let change = watch.next().await.unwrap();
    assert_eq!(change.ops, [Op::Delete("k/a".into())]);
    assert_eq!(change.revision, later.await.unwrap());
}

#[tokio::test]
async fn changes_are_bounded_and_history_goes_when_it_is_told_to() {
    let (kept, beyond) = (20, 3);
    let engine = EmbeddedEngine::in_memory_watched(kept).unwrap();
    for number in 0..kept + beyond {
        engine
            .txn(Vec::new(), vec![put("k/a", &number.to_string())])
            .await
            .unwrap();
    }
    engine.watch(Revision(beyond)).await.unwrap();
    assert!(matches!(
        engine.watch(Revision(beyond - 1)).await,
        Err(EngineError::Compacted {
            oldest: Revision(3)
        })
    ));
    // A row that was written more often than entries are passed one by one is found at each revision, and the next row behind it.
    engine.txn(Vec::new(), vec![put("k/b", "b")]).await.unwrap();
    for at in 1..=kept + beyond {
        let then = page(&engine, Revision(at)).await;
        assert_eq!(then, [("k/a".to_owned(), (at - 1).to_string())]);
    }
    let now = page(&engine, engine.now().await.unwrap()).await;
    assert_eq!(now.len(), 2);
    engine.forget(Revision(beyond)).await.unwrap();
    let oldest = engine
        .page("k/".to_owned(), Revision(beyond), None, 1)
        .await
        .unwrap();
    assert_eq!(oldest.rows[0].revision, Revision(beyond));
    let gone = engine
        .page("k/".to_owned(), Revision(beyond - 1), None, 1)
        .await;
    assert!(matches!(
        gone,
        Err(EngineError::Compacted {
            oldest: Revision(3)
        })
    ));
}

#[tokio::test]
async fn more_is_forgotten_than_one_transaction_holds() {
    let engine = EmbeddedEngine::in_memory().unwrap();
    let all = FORGOTTEN_REVISIONS_MAX * 2 + 1;
    for number in 0..all {
        let op = put("k/a", &number.to_string());
        engine.txn(Vec::new(), vec![op]).await.unwrap();
    }
    engine.forget(Revision(all)).await.unwrap();
    let gone = engine
        .page("k/".to_owned(), Revision(all - 1), None, 1)
        .await;
    assert!(matches!(gone, Err(EngineError::Compacted { oldest }) if oldest == Revision(all)));
    assert_eq!(page(&engine, Revision(all)).await.len(), 1);
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.redb");
    let engine = EmbeddedEngine::open(&path).unwrap();
    let at = engine.txn(Vec::new(), vec![put("k/a", "1")]).await.unwrap();
    assert!(EmbeddedEngine::open(&path).is_err(), "the file is locked");
    drop(engine);
    let engine = EmbeddedEngine::open(&path).unwrap();
    assert_eq!(engine.now().await.unwrap(), at);
    assert_eq!(
        page(&engine, at).await,
        [("k/a".to_owned(), "1".to_owned())]
    );
}
