/*
 * A tenant's own rule: nobody reads `drafts/` from outside 10.0.0.0/8.
 *
 * The same rule as drafts-internal.wat, in C. postern.h, in policy-wasm/guest/c, has the command that builds it.
 */
#include "postern.h"

POSTERN_POLICY({
  "abi": "postern:policy/1",
  "name": "drafts-internal",
  "version": "1.0.0",
  "description": "Nobody reads drafts/ from outside 10.0.0.0/8.",
  "attributes": ["postern:Key", "postern:Atom", "aws:SourceIp"],
  "tests": [
    {"name": "a draft is read from inside", "expect": "no-opinion",
     "facts": {"postern:Key": "drafts/a.txt", "postern:Atom": "obj.read", "aws:SourceIp": "10.1.2.3"}},
    {"name": "a draft is not read from outside", "expect": "deny", "because": "drafts-internal",
     "facts": {"postern:Key": "drafts/a.txt", "postern:Atom": "obj.read", "aws:SourceIp": "203.0.113.7"}}
  ]
});

/* The places of the attributes in the manifest. */
enum { KEY, ATOM, SOURCE_IP };

POSTERN_DECIDE {
  /* The key first: for most requests it is the only question. */
  if (!POSTERN_STARTS_WITH(KEY, "drafts/")) return POSTERN_NO_OPINION;
  /* To read is to get an object, its tags or its attributes, or to look at its head. */
  if (!POSTERN_EQUALS(ATOM, "obj.read") && !POSTERN_EQUALS(ATOM, "obj.head")) return POSTERN_NO_OPINION;
  if (POSTERN_IN_NETWORK(SOURCE_IP, "10.0.0.0/8")) return POSTERN_NO_OPINION;
  POSTERN_BECAUSE("drafts-internal");
  return POSTERN_DENY;
}
