//! Every fuzz target on its committed corpus, and on inputs near it: what the fuzzer once found stays found.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tests::gate;
use tests::random::Random;

// The fuzz targets are a package outside the workspace: they need nightly. Their functions do not.
#[path = "../fuzz/src/lib.rs"]
mod fuzz;

/// Inputs that are made from each file of the corpus.
const MUTANTS: u64 = 200;

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = gate::root().join("tests/fuzz/corpus").join(target);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn no_target_panics_on_its_corpus() {
    for (name, target) in fuzz::TARGETS {
        let files = corpus(name);
        assert!(files.len() >= 3, "{name} has next to no corpus");
        for (path, bytes) in files {
            println!("{}", path.display());
            target(&bytes);
        }
    }
}

#[test]
fn no_target_panics_near_its_corpus() {
    let seed = Random::seed();
    println!("seed {seed}");
    let mut random = Random::new(seed);
    for (name, target) in fuzz::TARGETS {
        for (_, bytes) in corpus(name) {
            for _ in 0..MUTANTS {
                let mutant = mutate(&bytes, &mut random);
                println!("{name}: {}", mutant.escape_ascii());
                target(&mutant);
            }
        }
    }
}

#[test]
fn every_target_of_the_fuzzer_is_one_of_these() {
    let root = gate::root().join("tests/fuzz");
    let names: BTreeSet<String> = fuzz::TARGETS
        .iter()
        .map(|(name, _)| *name)
        .chain(fuzz::INSIDE.iter().map(|(name, _)| *name))
        .map(str::to_owned)
        .collect();
    for folder in ["fuzz_targets", "corpus"] {
        let found: BTreeSet<String> = std::fs::read_dir(root.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        assert_eq!(found, names, "{folder}");
    }
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let built = manifest["bin"].as_array().unwrap().iter();
    let built: BTreeSet<String> = built
        .map(|bin| bin["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(built, names, "Cargo.toml");
}

#[test]
fn a_target_that_only_the_fuzzer_sees_is_tested_where_it_is() {
    for (name, package) in fuzz::INSIDE {
        let source = gate::root().join(package).join("src/fuzzing.rs");
        let source = std::fs::read_to_string(&source).unwrap();
        assert!(
            source.contains(&format!("corpus/{name}\"")),
            "{package} does not run the corpus of {name}"
        );
        assert!(corpus(name).len() >= 3, "{name} has next to no corpus");
    }
}

/// Changes, doubles, drops or inserts a few bytes.
fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = usize::try_from(random.below(mutant.len() as u64 + 1)).unwrap();
        let byte = random.word().to_le_bytes()[0];
        match random.below(5) {
            0 if at < mutant.len() => mutant[at] = byte,
            1 if at < mutant.len() => drop(mutant.remove(at)),
            2 => mutant.insert(at, byte),
            3 => mutant.truncate(at),
            _ => {
                let tail = mutant[at..].to_vec();
                mutant.extend(tail.into_iter().take(64));
            }
        }
    }
    mutant
}
