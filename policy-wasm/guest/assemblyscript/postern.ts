// postern.ts: write a Postern policy module in AssemblyScript.
//
// A module exports `memory` and `decide`, and sees nothing but the answers to the questions it asks. It starts fresh for
// each evaluation, so its decision is a function of those answers alone: no clock, no memory of earlier calls.
//
//   asc rule.ts -O3 --runtime stub --use abort= --initialMemory 1 --maximumMemory 1 --outFile rule.wasm
//   postern module attach rule.wasm manifest.json --output my-rule.wasm

/** What `decide` returns. */
export enum Decision {
  /** The rule does not speak of this check. */
  NoOpinion = 0,
  /** The rule allows it. */
  Allow = 1,
  /** The rule denies it, whatever others say. */
  Deny = 2,
}

// Questions. An attribute is named by its place in `attributes` of the manifest, from 0. For an attribute with several
// values, `true` means that one of them fits. Every question about an absent attribute is answered `false`; only
// `present` tells absent from different.

/** Is a value this text? */
export function equals(attribute: i32, text: string): bool {
  return imports.equals(attribute, ROOM, utf8(text)) != 0;
}

/** Does a value begin with this text? */
export function startsWith(attribute: i32, text: string): bool {
  return imports.starts_with(attribute, ROOM, utf8(text)) != 0;
}

/** Does a value end with this text? */
export function endsWith(attribute: i32, text: string): bool {
  return imports.ends_with(attribute, ROOM, utf8(text)) != 0;
}

/** Does a value fit this wildcard, in which `*` stands for any bytes and `?` for one? */
export function matches(attribute: i32, wildcard: string): bool {
  return imports.matches(attribute, ROOM, utf8(wildcard)) != 0;
}

/** Is an address in this CIDR block, such as "10.0.0.0/8"? */
export function inNetwork(attribute: i32, block: string): bool {
  return imports.in_network(attribute, ROOM, utf8(block)) != 0;
}

/** Is a number (in thousandths) or a time (in seconds since 1970) below the bound? */
export function below(attribute: i32, bound: i64): bool {
  return imports.below(attribute, bound) != 0;
}

/** Is the attribute there at all? */
export function present(attribute: i32): bool {
  return imports.present(attribute) != 0;
}

/** An encoded predicate: what the compiler of policy documents uses. */
export function test(attribute: i32, predicate: StaticArray<u8>): bool {
  return imports.test(attribute, changetype<usize>(predicate), predicate.length) != 0;
}

/**
 * The value itself, its first 2 KiB, or `null` where the attribute is absent: the costly question, because its answer is
 * the value. Attributes that follow the clock cannot be read.
 */
export function read(attribute: i32): string | null {
  const whole = imports.read(attribute, ROOM, ROOM_BYTES);
  return whole < 0 ? null : String.UTF8.decodeUnsafe(ROOM, min(whole, ROOM_BYTES));
}

/** Names the statement that decided, for `postern explain`: at most 64 constant bytes of UTF-8. */
export function because(statement: string): void {
  imports.because(ROOM, utf8(statement));
}

/** A condition on what is forwarded, of a module that allows or has no opinion. */
export enum Obligation {
  /** The object or upload was made by the caller. No operand. */
  RequireCreator = 1,
  /** The write replaces no object. No operand. */
  IfNoneMatch = 2,
  /** A list shows only these buckets or prefixes. */
  FilterList = 3,
  /** The body has at most so many bytes. */
  MaxBytes = 4,
  /** The object is still this version. */
  ExpectVersion = 5,
  /** A header of the answer is taken away. */
  StripHeader = 6,
}

/** Demands something; the operand is the text. */
export function oblige(kind: Obligation, text: string = ""): void {
  imports.oblige(kind, -1, ROOM, utf8(text));
}

/** Demands something; the operand is what the attribute holds when the decision is used. */
export function obligeOf(kind: Obligation, attribute: i32): void {
  imports.oblige(kind, attribute, ROOM, 0);
}

// Longest operand of a question, in bytes, and longest part of a value that is read.
const ROOM_BYTES: i32 = 2048;
const ROOM: usize = memory.data(2048);

// Writes the text as UTF-8 to where the questions find it. One that is too long ends the rule without an answer.
function utf8(text: string): i32 {
  const length = String.UTF8.byteLength(text);
  if (length > ROOM_BYTES) unreachable();
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, ROOM);
  return length;
}

namespace imports {
  @external("postern", "equals") export declare function equals(attribute: i32, bytes: usize, length: i32): i32;
  @external("postern", "starts_with") export declare function starts_with(attribute: i32, bytes: usize, length: i32): i32;
  @external("postern", "ends_with") export declare function ends_with(attribute: i32, bytes: usize, length: i32): i32;
  @external("postern", "matches") export declare function matches(attribute: i32, bytes: usize, length: i32): i32;
  @external("postern", "in_network") export declare function in_network(attribute: i32, bytes: usize, length: i32): i32;
  @external("postern", "below") export declare function below(attribute: i32, bound: i64): i32;
  @external("postern", "present") export declare function present(attribute: i32): i32;
  @external("postern", "test") export declare function test(attribute: i32, predicate: usize, length: i32): i32;
  @external("postern", "read") export declare function read(attribute: i32, into: usize, capacity: i32): i32;
  @external("postern", "because") export declare function because(bytes: usize, length: i32): void;
  @external("postern", "oblige") export declare function oblige(kind: i32, attribute: i32, bytes: usize, length: i32): void;
}
