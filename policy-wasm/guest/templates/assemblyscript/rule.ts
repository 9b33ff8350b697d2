// my-rule: nobody deletes under `archive/` but its keepers.

import { Decision, because, equals, startsWith } from "./postern";

// The attributes, by their places in manifest.json.
const ATOM: i32 = 0;
const KEY: i32 = 1;
const USER: i32 = 2;

export function decide(): Decision {
  // The question that decides most requests comes first: the answers are remembered as a tree.
  if (!equals(ATOM, "obj.delete") || !startsWith(KEY, "archive/")) return Decision.NoOpinion;
  // The keepers.
  if (equals(USER, "ada") || equals(USER, "grace")) return Decision.NoOpinion;
  because("archive-keepers");
  return Decision.Deny;
}
