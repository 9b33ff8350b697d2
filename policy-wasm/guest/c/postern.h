/*
 * postern.h: write a Postern policy module in C.
 *
 * A module exports `memory` and `decide`, and sees nothing but the answers to the questions it asks. It starts
 * fresh for each evaluation, so its decision is a function of those answers alone. There is no C library, no
 * clock and no memory of earlier calls. docs/modules.md tells the whole story; config/samples/policies has examples.
 *
 *   clang --target=wasm32 -std=c11 -O2 -ffreestanding -nostdlib -fuse-ld=lld \
 *         -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=4096 \
 *         -Wl,--initial-memory=65536 -Wl,--max-memory=65536 \
 *         -I policy-wasm/guest/c -o rule.wasm rule.c
 *
 * clang 14 and 19 are known to work. Without `-z stack-size` the linker reserves a stack of 1 MiB, 16 pages of
 * memory that no policy needs. Avoid local arrays and static variables that you change: a module that writes to
 * its memory or to a global is not reused between evaluations, which makes it some 2 microseconds slower.
 */
#ifndef POSTERN_H
#define POSTERN_H

#include <stdint.h>

/* What `decide` returns. */
#define POSTERN_NO_OPINION 0
#define POSTERN_ALLOW 1
#define POSTERN_DENY 2

/* Put before the definition of decide: POSTERN_DECIDE { ... return POSTERN_NO_OPINION; } */
#define POSTERN_DECIDE                                                         \
  __attribute__((export_name("decide"), used)) int32_t decide(void)

/*
 * The manifest, once in a module, as JSON:
 *
 *   POSTERN_POLICY({"name": "my-rule", "version": "1.0.0", "abi": "postern:policy/1",
 *                   "description": "...", "attributes": ["postern:Key", "aws:SourceIp"]});
 *
 * An attribute's number in the questions below is its place in "attributes", from 0. Give them names in an enum
 * of the same order. The manifest becomes the custom section `postern.policy`.
 */
#define POSTERN_POLICY(...)                                                    \
  __asm__(".section .custom_section.postern.policy,\"\",@\n"                   \
          ".ascii " POSTERN_QUOTE_(POSTERN_TEXT_(__VA_ARGS__)) "\n"            \
          ".text\n")
/* Twice, so that the text arrives in the assembler with its quotes escaped. */
#define POSTERN_TEXT_(...) #__VA_ARGS__
#define POSTERN_QUOTE_(...) POSTERN_TEXT_(__VA_ARGS__)

#define POSTERN_IMPORT_(name)                                                  \
  __attribute__((import_module("postern"), import_name(name)))

/*
 * Questions. Each answers 1 or 0. For an attribute with several values, 1 means that one of them fits. Every
 * question about an absent attribute is answered 0; only `present` tells absent from different.
 */

/* Is a value these bytes? Does it begin, or end, with them? Does it fit the wildcard (`*` any bytes, `?` one)? */
POSTERN_IMPORT_("equals") int32_t postern_equals(int32_t attribute, const void *bytes, int32_t length);
POSTERN_IMPORT_("starts_with") int32_t postern_starts_with(int32_t attribute, const void *bytes, int32_t length);
POSTERN_IMPORT_("ends_with") int32_t postern_ends_with(int32_t attribute, const void *bytes, int32_t length);
POSTERN_IMPORT_("matches") int32_t postern_matches(int32_t attribute, const void *bytes, int32_t length);

/* Is an address in this CIDR block, such as "10.0.0.0/8" or "2001:db8::/32"? */
POSTERN_IMPORT_("in_network") int32_t postern_in_network(int32_t attribute, const void *bytes, int32_t length);

/* Is a number (in thousandths) or a time (in seconds since 1970) below the bound? */
POSTERN_IMPORT_("below") int32_t postern_below(int32_t attribute, int64_t bound);

/* Is the attribute there at all? */
POSTERN_IMPORT_("present") int32_t postern_present(int32_t attribute);

/* An encoded predicate: what the compiler of policy documents uses. */
POSTERN_IMPORT_("test") int32_t postern_test(int32_t attribute, const void *predicate, int32_t length);

/*
 * The value itself: the costly question, because its answer is the value. Writes at most `capacity` bytes to `into`
 * and returns the length of the whole value, or -1 if the attribute is absent. Attributes that follow the clock
 * cannot be read. A module that reads is not reused between evaluations.
 */
POSTERN_IMPORT_("read") int32_t postern_read(int32_t attribute, void *into, int32_t capacity);

/* Names the statement that decided, for `postern explain`: at most 64 constant bytes of UTF-8. */
POSTERN_IMPORT_("because") void postern_because(const char *text, int32_t length);

/*
 * A condition on what is forwarded, of a module that allows or has no opinion. The operand is what `attribute` holds,
 * or, where that is POSTERN_CONSTANT, the bytes; the kinds without an operand take no notice of either.
 */
POSTERN_IMPORT_("oblige") void postern_oblige(int32_t kind, int32_t attribute, const void *bytes, int32_t length);

#define POSTERN_CONSTANT (-1)
#define POSTERN_REQUIRE_CREATOR 1 /* the object or upload was made by the caller */
#define POSTERN_IF_NONE_MATCH 2   /* the write replaces no object */
#define POSTERN_FILTER_LIST 3     /* a list shows only these buckets or prefixes */
#define POSTERN_MAX_BYTES 4       /* the body has at most so many bytes */
#define POSTERN_EXPECT_VERSION 5  /* the object is still this version */
#define POSTERN_STRIP_HEADER 6    /* a header of the answer is taken away */

/* The questions with a text constant, whose length the compiler knows. */
#define POSTERN_LENGTH_(text) ((int32_t)(sizeof("" text) - 1))
#define POSTERN_EQUALS(attribute, text) postern_equals((attribute), (text), POSTERN_LENGTH_(text))
#define POSTERN_STARTS_WITH(attribute, text) postern_starts_with((attribute), (text), POSTERN_LENGTH_(text))
#define POSTERN_ENDS_WITH(attribute, text) postern_ends_with((attribute), (text), POSTERN_LENGTH_(text))
#define POSTERN_MATCHES(attribute, text) postern_matches((attribute), (text), POSTERN_LENGTH_(text))
#define POSTERN_IN_NETWORK(attribute, text) postern_in_network((attribute), (text), POSTERN_LENGTH_(text))
#define POSTERN_BECAUSE(text) postern_because((text), POSTERN_LENGTH_(text))

#endif
