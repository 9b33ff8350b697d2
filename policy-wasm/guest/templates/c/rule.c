/* my-rule: nobody deletes under `archive/` but its keepers. */
#include "postern.h"

/* The attributes, by their places in manifest.json. */
enum { ATOM, KEY, USER };

POSTERN_DECIDE {
  /* The question that decides most requests comes first: the answers are remembered as a tree. */
  if (!POSTERN_EQUALS(ATOM, "obj.delete") || !POSTERN_STARTS_WITH(KEY, "archive/")) return POSTERN_NO_OPINION;
  /* The keepers. */
  if (POSTERN_EQUALS(USER, "ada") || POSTERN_EQUALS(USER, "grace")) return POSTERN_NO_OPINION;
  POSTERN_BECAUSE("archive-keepers");
  return POSTERN_DENY;
}
