//! A hundred thousand tenants on one machine, each with a bucket policy of its own: what their modules take to make, to
//! hold, to lose and to bring back.

use std::hint::black_box;
use std::sync::Arc;

use policy_wasm::decider::{Decider, DeciderOptions};
use policy_wasm::engine::{Engine, EngineOptions, MachineCodeStore, Module};
use policy_wasm::limits::COMPILED_BYTES_MAX;
use policy_wasm::plan::{Decision, Plan};
use serde_json::json;

use crate::ours::{self, Scene};
use crate::{clock, rules};

/// Prints what was measured.
pub fn many(count: usize, sample: usize) {
    let sample = sample.min(count);
    println!("{count} tenants with a document of their own; machine code of the first {sample}\n");
    println!("| | |\n|---|---|");

    let (spent, modules) = clock::timed(|| {
        (0..count)
            .map(|tenant| ours::compile(&document(tenant), &bucket(tenant)))
            .collect::<Vec<_>>()
    });
    line(
        "a document → its module",
        format!("{:.0} µs", clock::each(spent, count) / 1e3),
    );
    let bytes: usize = modules.iter().map(Vec::len).sum();
    line("bytes of a module", (bytes / count).to_string());
    let sampled = &modules[..sample];

    let folder = tempfile::tempdir().expect("a folder");
    let on_disk = || EngineOptions {
        machine_code: Some(MachineCodeStore::new(folder.path(), [7; 32])),
        ..EngineOptions::default()
    };
    held(
        &engine(EngineOptions::default()),
        sampled,
        "a module → machine code, not kept",
    );
    held(
        &engine(on_disk()),
        sampled,
        "a module → machine code, kept on disk",
    );
    let files = std::fs::read_dir(folder.path()).map_or(0, Iterator::count);
    line("files of machine code", files.to_string());
    let again = engine(on_disk());
    let plans = held(&again, sampled, "after a restart, from the disk");
    trees(&plans);
    drop(plans);
    drop(again);
    bound(&engine(on_disk()), sampled);
}

fn engine(options: EngineOptions) -> Engine {
    Engine::new(options).expect("an engine")
}

/// Loads every module, holds it as plans do, and tells what each takes.
fn held(engine: &Engine, modules: &[Vec<u8>], what: &str) -> Vec<(Plan, Arc<Module>)> {
    let (before, maps) = (clock::resident().1, clock::maps());
    let (spent, plans) = clock::timed(|| {
        let plan = |(tenant, module): (u64, &Vec<u8>)| {
            let module = ours::load(engine, module);
            (ours::plan(&module, tenant), module)
        };
        (0..).zip(modules).map(plan).collect::<Vec<_>>()
    });
    let each = |total: usize| total as f64 / modules.len() as f64;
    let grown = clock::resident().1.saturating_sub(before);
    line(
        what,
        format!(
            "{:.0} µs; {:.1} KiB resident and {:.1} memory maps for each that is held",
            clock::each(spent, modules.len()) / 1e3,
            each(usize::try_from(grown).expect("64 bits")) / 1024.0,
            each(clock::maps().saturating_sub(maps)),
        ),
    );
    plans
}

/// Asks each tenant's plan for the first time, then again.
fn trees(plans: &[(Plan, Arc<Module>)]) {
    let decider = Decider::new(DeciderOptions::new(|| 0));
    let scenes: Vec<Scene> = (0..plans.len()).map(scene).collect();
    let before = clock::resident().1;
    let ask = || {
        for ((plan, _), scene) in plans.iter().zip(&scenes) {
            let decision = decider.decide(plan, ours::action(scene.action), scene);
            assert!(matches!(black_box(decision), Decision::Allowed(_)));
        }
    };
    let (first, ()) = clock::timed(ask);
    let grown = clock::resident().1.saturating_sub(before);
    let (second, ()) = clock::timed(ask);
    let trees = decider.statistics().trees;
    line(
        "first decision of a tenant",
        format!("{:.1} µs", clock::each(first, plans.len()) / 1e3),
    );
    line(
        "later, the tenants one after the other",
        format!("{:.0} ns", clock::each(second, plans.len())),
    );
    line(
        "a tree of one path",
        format!(
            "weighs {:.1} KiB; {:.1} KiB resident",
            trees.bytes as f64 / 1024.0 / trees.trees as f64,
            grown as f64 / 1024.0 / plans.len() as f64
        ),
    );
    line(
        "trees kept of as many tenants",
        format!("{} of {}", trees.trees, plans.len()),
    );
}

/// Loads more than fits and holds nothing: what stays, and what it takes to bring back what fell out.
fn bound(engine: &Engine, modules: &[Vec<u8>]) {
    let before = (clock::resident().1, clock::maps());
    let mut most = 0;
    for module in modules {
        drop(ours::load(engine, module));
        most = most.max(clock::maps().saturating_sub(before.1));
    }
    let grown = clock::resident().1.saturating_sub(before.0);
    let kept = modules
        .iter()
        .filter(|module| {
            engine
                .loaded(policy_wasm::engine::Digest::of(module))
                .is_some()
        })
        .count();
    line(
        "kept by the engine where nobody holds them",
        format!(
            "{kept} of {}, bound {} MiB; {:.0} MiB resident, at most {most} memory maps",
            modules.len(),
            COMPILED_BYTES_MAX >> 20,
            grown as f64 / 1_048_576.0
        ),
    );
}

fn line(what: &str, is: String) {
    println!("| {what} | {is} |");
}

fn bucket(tenant: usize) -> String {
    format!("tenant-{tenant:06}-data")
}

fn user(tenant: usize, name: &str) -> String {
    format!("arn:aws:iam::{:012}:user/{name}", 100_000_000_000 + tenant)
}

/// A request that the first statement of every document allows.
fn scene(tenant: usize) -> Scene {
    let mut scene = Scene::of(&rules::requests(&rules::rules(1))[0]);
    scene.resource = format!("arn:aws:s3:::{}/app-{}/1.jpg", bucket(tenant), tenant % 17);
    scene.principals[0] = user(tenant, "app");
    scene
}

/// Three to six statements: an application's folder, a reader from one network, uploads over TLS, and what some add.
fn document(tenant: usize) -> String {
    let objects = |prefix: &str| format!("arn:aws:s3:::{}/{prefix}*", bucket(tenant));
    let folder = format!("app-{}/", tenant % 17);
    let mut statements = vec![
        json!({
            "Sid": "App", "Effect": "Allow", "Principal": { "AWS": user(tenant, "app") },
            "Action": ["s3:GetObject", "s3:PutObject"], "Resource": objects(&folder),
        }),
        json!({
            "Sid": "Office", "Effect": "Allow", "Principal": { "AWS": user(tenant, "office") },
            "Action": "s3:GetObject", "Resource": objects(""),
            "Condition": { "IpAddress": { "aws:SourceIp": format!("10.{}.{}.0/24", tenant / 256 % 256, tenant % 256) } },
        }),
        json!({
            "Sid": "Upload", "Effect": "Allow",
            "Principal": { "AWS": [user(tenant, "camera"), user(tenant, "scanner")] },
            "Action": "s3:PutObject", "Resource": objects(&format!("inbox/{}/", tenant % 1_000)),
            "Condition": { "Bool": { "aws:SecureTransport": "true" } },
        }),
        json!({
            "Sid": "Sealed", "Effect": "Deny", "Principal": "*",
            "Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": objects("sealed/"),
        }),
        json!({
            "Sid": "Public", "Effect": "Allow", "Principal": "*",
            "Action": "s3:GetObject", "Resource": objects("www/"),
        }),
        json!({
            "Sid": "Tagged", "Effect": "Allow", "Principal": { "AWS": user(tenant, "partner") },
            "Action": "s3:GetObject", "Resource": objects(""),
            "Condition": { "StringEquals": { "s3:ExistingObjectTag/share": format!("p{}", tenant % 7) } },
        }),
    ];
    statements.truncate(3 + tenant % 4);
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}
