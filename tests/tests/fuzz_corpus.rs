//! Every fuzz target on its committed corpus, and on inputs near it: what the fuzzer once found stays found.

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
    let folder = gate::root().join("tests/fuzz/fuzz_targets");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    let mut names: Vec<&str> = fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(files, names);
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
