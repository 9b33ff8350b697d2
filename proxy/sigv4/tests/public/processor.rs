//! That the hash runs on the processor's own instructions.

#[cfg(target_arch = "x86_64")]
#[test]
fn sha_instructions_are_in_effect_where_the_processor_has_them() {
    // What the hash crate asks of the processor before each block, word for word.
    cpufeatures::new!(sha_ni, "sha", "sse4.1");
    let has =
        std::arch::is_x86_feature_detected!("sha") && std::arch::is_x86_feature_detected!("sse4.1");
    assert_eq!(sha_ni::get(), has);
}

#[test]
fn nobody_built_the_hash_without_the_processors_instructions() {
    #[expect(
        unexpected_cfgs,
        reason = "a switch of the hash crate, set in RUSTFLAGS"
    )]
    let soft = cfg!(any(sha2_backend = "soft", sha2_256_backend = "soft"));
    assert!(!soft);
}
