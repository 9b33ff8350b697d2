//! The shape of the house: arrows between the packages and the modules, and what each file begins with.
//!
//! Reads the tree at run time. An arrow that is not drawn here is a design change: draw it in ARCHITECTURE.md too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tests::gate;

/// Each package, and those of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("storage-node/protocol", &[]),
    ("policy-wasm", &[]),
    ("proxy/sigv4", &["s3-protocol"]),
    ("storage-node", &["s3-protocol"]),
    ("config", &["s3-protocol"]),
    ("config/console", &["s3-protocol", "postern-config"]),
    (
        "proxy",
        &[
            "s3-protocol",
            "sigv4",
            "policy-wasm",
            "storage-node",
            "postern-config",
            "console",
        ],
    ),
];

/// What a folder must not name, and why.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "proxy/src/journey",
        &["console::", "crate::cli"],
        "a request does not pass through the console",
    ),
    (
        "proxy/src/journey.rs",
        &["console::"],
        "a request does not pass through the console",
    ),
    (
        "policy-wasm/src",
        &["http::", "hyper::", "s3_protocol"],
        "a policy sees questions and answers, not HTTP",
    ),
    (
        "storage-node/src",
        &["sigv4", "policy_wasm", "postern_config"],
        "the node knows no secret, policy or tenant",
    ),
    (
        "storage-node/protocol/src",
        &["tokio::", "hyper::"],
        "the language of S3 does no I/O",
    ),
    (
        "proxy/sigv4/src",
        &["tokio::", "std::fs", "std::net", "SystemTime::now"],
        "signatures are pure functions",
    ),
    (
        "config/src",
        &["hyper::", "axum::", "wasmtime::"],
        "the directory knows neither HTTP nor engines",
    ),
];

const OURS: &[&str] = &[
    "s3-protocol",
    "sigv4",
    "policy-wasm",
    "storage-node",
    "postern-config",
    "console",
    "postern",
];

#[test]
fn packages_depend_along_the_arrows_only() {
    for (package, allowed) in ARROWS {
        let manifest = gate::root().join(package).join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(&manifest).unwrap().parse().unwrap();
        for section in ["dependencies", "build-dependencies"] {
            let named = manifest.get(section).and_then(toml::Value::as_table);
            for name in named.into_iter().flat_map(toml::Table::keys) {
                let is_ours = OURS.contains(&name.as_str());
                assert!(
                    !is_ours || allowed.contains(&name.as_str()),
                    "{package} may not depend on {name}"
                );
            }
        }
    }
}

#[test]
fn every_member_of_the_workspace_is_drawn() {
    let workspace: toml::Table = fs::read_to_string(gate::root().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(toml::Value::as_str).collect();
    let mut drawn: BTreeSet<&str> = ARROWS.iter().map(|(package, _)| *package).collect();
    drawn.insert("tests");
    assert_eq!(members, drawn);
}

#[test]
fn modules_keep_out_of_what_is_none_of_their_business() {
    for (folder, forbidden, why) in FORBIDDEN {
        let path = gate::root().join(folder);
        let files = if path.is_dir() {
            sources(&path)
        } else {
            vec![path]
        };
        for file in files {
            // Published vectors are read from disk by the tests beside the code.
            if file.ends_with("canonical/vectors.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            let code = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            for (number, line) in code.enumerate() {
                for name in *forbidden {
                    let found = line
                        .find(name)
                        .is_some_and(|at| !continues_a_word(line, at));
                    assert!(
                        !found,
                        "{} (code line {number}) names `{name}`: {why}",
                        file.display()
                    );
                }
            }
        }
    }
}

#[test]
fn each_file_says_what_it_is_for() {
    for file in all_sources() {
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text
            .lines()
            .skip_while(|line| line.starts_with("#!") || line.is_empty());
        let first = lines.next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") && first.len() > 12,
            "{} does not begin with `//!`",
            file.display()
        );
    }
}

#[test]
fn no_module_hides_in_a_file_named_mod() {
    for file in all_sources() {
        assert_ne!(file.file_name().unwrap(), "mod.rs", "{}", file.display());
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        for vague in ["utils", "util", "helpers", "common", "misc", "manager"] {
            assert_ne!(name, vague, "{}", file.display());
        }
    }
}

#[test]
fn packages_take_their_lints_and_versions_from_the_house() {
    for (package, _) in ARROWS {
        let manifest = gate::root().join(package).join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(&manifest).unwrap().parse().unwrap();
        assert_eq!(
            manifest["lints"]["workspace"].as_bool(),
            Some(true),
            "{package}"
        );
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let named = manifest.get(section).and_then(toml::Value::as_table);
            for (name, value) in named.into_iter().flatten() {
                let is_inherited = value.get("workspace").and_then(toml::Value::as_bool);
                assert_eq!(
                    is_inherited,
                    Some(true),
                    "{package}: {name} has a version of its own"
                );
            }
        }
    }
}

#[test]
fn every_dependency_is_named_in_the_sources() {
    let mut idle = Vec::new();
    for package in ARROWS.iter().map(|(package, _)| *package).chain(["tests"]) {
        let folder = gate::root().join(package);
        let manifest: toml::Table = fs::read_to_string(folder.join("Cargo.toml"))
            .unwrap()
            .parse()
            .unwrap();
        // The fuzz targets are a package of their own whose functions the tests run as well.
        let beside = ["src", "tests", "benches", "fuzz/src"];
        for (section, folders) in [
            ("dependencies", &beside[..1]),
            ("dev-dependencies", &beside[..]),
        ] {
            let code = code_of(folders.iter().map(|inside| folder.join(inside)));
            let named = manifest.get(section).and_then(toml::Value::as_table);
            for name in named.into_iter().flat_map(toml::Table::keys) {
                if !names_crate(&code, &crate_of(name)) {
                    idle.push(format!("{package}: {name} ({section})"));
                }
            }
        }
    }
    assert_eq!(idle, [""; 0], "no source names these");
}

#[test]
fn the_house_has_no_version_that_nobody_takes() {
    let table =
        |manifest: &Path| -> toml::Table { fs::read_to_string(manifest).unwrap().parse().unwrap() };
    let root = gate::root();
    let mut taken = BTreeSet::new();
    for package in ARROWS.iter().map(|(package, _)| *package).chain(["tests"]) {
        let manifest = table(&root.join(package).join("Cargo.toml"));
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let named = manifest.get(section).and_then(toml::Value::as_table);
            taken.extend(named.into_iter().flat_map(toml::Table::keys).cloned());
        }
    }
    let house = table(&root.join("Cargo.toml"));
    let offered = house["workspace"]["dependencies"].as_table().unwrap();
    let offered: BTreeSet<String> = offered.keys().cloned().collect();
    assert_eq!(offered, taken);
}

#[test]
fn no_check_of_ours_is_asleep() {
    for file in sources(&gate::root().join("tests")) {
        let text = fs::read_to_string(&file).unwrap();
        let ignored = ["#[", "ignore"].concat();
        assert!(
            !text.contains(&ignored),
            "{} has a test that does not run",
            file.display()
        );
    }
}

fn all_sources() -> Vec<PathBuf> {
    let root = gate::root();
    let packages = ARROWS.iter().map(|(package, _)| *package).chain(["tests"]);
    packages
        .flat_map(|package| {
            ["src", "tests", "benches"].map(|inside| root.join(package).join(inside))
        })
        .flat_map(|folder| sources(&folder))
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// All lines of code below `folders`, without those that are comments.
fn code_of(folders: impl Iterator<Item = PathBuf>) -> Vec<String> {
    folders
        .flat_map(|folder| sources(&folder))
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect()
}

/// The name by which sources call a package.
fn crate_of(package: &str) -> String {
    match package {
        "md-5" => "md5".to_owned(),
        _ => package.replace('-', "_"),
    }
}

/// Whether a line names the crate: as the head of a path, or in a `use` of the crate itself.
fn names_crate(code: &[String], name: &str) -> bool {
    let (path, whole) = (format!("{name}::"), format!("use {name};"));
    code.iter().any(|line| {
        let is_head = |at: usize| !continues_a_word(line, at) && !line[..at].ends_with("::");
        line.contains(&whole) || line.match_indices(&path).any(|(at, _)| is_head(at))
    })
}

/// Whether the name at `at` is the end of a longer word, as `sigv4` in `our_sigv4`.
fn continues_a_word(line: &str, at: usize) -> bool {
    line[..at]
        .chars()
        .next_back()
        .is_some_and(|before| before.is_alphanumeric() || before == '_')
}
