//! Modules that are made to harm the compiler, pushed to a real gate: each is refused at its bound, and the gate goes on. And
//! machine code that is kept: the next start compiles nothing, and what was tampered with is never run.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tests::call::Call;
use tests::clients::file;
use tests::gate::Gate;
use tests::wait;

/// A module of `functions` functions, each a nest of loops over two thousand variables: what a compiler finds hardest, within
/// every bound on the size of a module.
fn hard(functions: usize, nests: usize) -> Vec<u8> {
    const DEPTH: u32 = 250;
    const LOCALS: u32 = 2_047;
    let mut body = vec![1];
    leb(&mut body, LOCALS);
    body.push(0x7F);
    let mut turn = 0_u32;
    let mut local = |body: &mut Vec<u8>, code: u8, step: u32| {
        body.push(code);
        leb(body, turn * step % LOCALS);
        turn += 1;
    };
    for _ in 0..nests {
        for _ in 0..DEPTH {
            // loop; local = local + 1
            body.extend_from_slice(&[0x03, 0x40]);
            local(&mut body, 0x20, 1);
            body.extend_from_slice(&[0x41, 0x01, 0x6A]);
            local(&mut body, 0x21, 7);
        }
        for depth in 0..DEPTH {
            // if local, go to some loop outside; end
            local(&mut body, 0x20, 3);
            body.push(0x0D);
            leb(&mut body, depth * 17 % (DEPTH - depth));
            body.push(0x0B);
        }
    }
    body.extend_from_slice(&[0x20, 0x00, 0x0B]);
    let mut code = Vec::new();
    leb(&mut code, u32::try_from(functions).unwrap());
    for _ in 0..functions {
        leb(&mut code, u32::try_from(body.len()).unwrap());
        code.extend_from_slice(&body);
    }
    let mut types = Vec::new();
    leb(&mut types, u32::try_from(functions).unwrap());
    types.resize(types.len() + functions, 0);
    let manifest = br#"{"abi":"postern:policy/1","name":"hard","version":"1","attributes":[]}"#;
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    section(&mut wasm, 1, &[1, 0x60, 0, 1, 0x7F]);
    section(&mut wasm, 3, &types);
    section(&mut wasm, 5, &[1, 1, 1, 1]);
    section(&mut wasm, 7, b"\x02\x06memory\x02\0\x06decide\0\0");
    section(&mut wasm, 10, &code);
    section(
        &mut wasm,
        0,
        &[b"\x0Epostern.policy".as_slice(), manifest].concat(),
    );
    wasm
}

fn section(wasm: &mut Vec<u8>, id: u8, data: &[u8]) {
    wasm.push(id);
    leb(wasm, u32::try_from(data.len()).unwrap());
    wasm.extend_from_slice(data);
}

fn leb(out: &mut Vec<u8>, mut number: u32) {
    loop {
        let byte = u8::try_from(number & 0x7F).unwrap();
        number >>= 7;
        if number == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

/// A number of the metrics.
fn metric(gate: &Gate, name: &str) -> u64 {
    let head = format!(
        "GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n",
        gate.admin_host()
    );
    let answer = gate.admin_wire().ask(head.as_bytes());
    let text = answer.expect("metrics").expect(200).text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("postern_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}"))
        .parse()
        .unwrap()
}

/// The compiler that the gate has started, while it works.
fn compiler_of(gate: &Gate) -> Option<String> {
    let gate = gate.pid().to_string();
    entries("/proc").into_iter().find(|process| {
        let status = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // Behind the name in parentheses: the state, then the parent.
        let parent = status
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1));
        parent == Some(&gate)
    })
}

/// The names in a folder, in order; none where it is gone.
fn entries(folder: &str) -> Vec<String> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = found
        .map(|it| it.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

fn push(gate: &Gate, name: &str, bytes: &[u8]) -> std::process::Output {
    let path = file(gate.dir(), &format!("{name}.wasm"), bytes);
    gate.postern(&["module", "push", &path, "--name", name])
}

#[test]
fn a_module_that_is_too_hard_to_compile_is_refused_and_requests_go_on() {
    // A file that the server inherits from whoever started it: the compiler must not have it.
    let inherited = tempfile::tempfile().unwrap();
    rustix::io::fcntl_setfd(&inherited, rustix::io::FdFlags::empty()).unwrap();
    let gate = Gate::start();
    let full = gate.key("photos", "full");
    let output = std::thread::scope(|scope| {
        let pushed = scope.spawn(|| push(&gate, "hard", &hard(7, 28)));
        let compiler = wait::until("a compiler", Duration::from_secs(20), || compiler_of(&gate));
        wait::until("three files", Duration::from_secs(5), || {
            (entries(&format!("/proc/{compiler}/fd")) == ["0", "1", "2"]).then_some(())
        });
        assert_eq!(fs::read(format!("/proc/{compiler}/environ")).unwrap(), b"");
        let its_folder = fs::read_link(format!("/proc/{compiler}/cwd")).unwrap();
        assert_eq!(its_folder, PathBuf::from("/"));
        // While it is tried, others are served.
        let mut served = 0;
        while !pushed.is_finished() {
            Call::put("/demo-bucket/a", b"x")
                .send(&gate, full)
                .expect(200);
            served += 1;
        }
        assert!(served > 3, "{served} requests beside the compiler");
        pushed.join().unwrap()
    });
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    // Of processor time, or by the clock where the machine has hardly any for it.
    assert!(said.contains("compiling it took"), "{said}");
    assert_eq!(metric(&gate, "modules_not_compilable_total"), 1);
    // Easier by far, of the same kind: it is only compiled.
    let output = push(&gate, "less-hard", &hard(1, 1));
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn kept_machine_code_serves_the_next_start_and_what_was_tampered_with_is_compiled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let guard = r#"(module
      (import "postern" "starts_with" (func $starts_with (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1 1)
      (data (i32.const 0) "secret/")
      (func (export "decide") (result i32)
        (i32.shl (call $starts_with (i32.const 0) (i32.const 0) (i32.const 7)) (i32.const 1)))
      (@custom "postern.policy" "{\"abi\":\"postern:policy/1\",\"name\":\"guard\",\"version\":\"1\",\"attributes\":[\"postern:Key\"]}"))"#;
    let gate = Gate::start_in(&data, &[], &[]);
    let path = file(gate.dir(), "guard.wat", guard.as_bytes());
    gate.postern_ok(&["module", "push", &path, "--activate"]);
    let compiled = metric(&gate, "modules_compiled_total");
    assert!(compiled > 0);
    gate.stop();

    let denied = |gate: &Gate| {
        let key = gate.key("photos", "full");
        Call::put("/demo-bucket/secret/a", b"x")
            .send(gate, key)
            .expect(403);
        Call::put("/demo-bucket/open/a", b"x")
            .send(gate, key)
            .expect(200);
    };
    let gate = Gate::start_in(&data, &[], &[]);
    assert_eq!(metric(&gate, "modules_compiled_total"), 0);
    assert_eq!(metric(&gate, "modules_found_compiled_total"), compiled);
    denied(&gate);
    gate.stop();

    let kept: Vec<PathBuf> = fs::read_dir(data.join("machine-code"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(u64::try_from(kept.len()).unwrap(), compiled);
    for path in &kept {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    let gate = Gate::start_in(&data, &[], &[]);
    assert_eq!(metric(&gate, "machine_code_rejected_total"), compiled);
    assert_eq!(metric(&gate, "modules_compiled_total"), compiled);
    denied(&gate);
    assert_eq!(gate.stop().code(), Some(0));
}
