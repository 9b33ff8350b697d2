//! The obligations of a permit as the node's conditions: judged where they are atomic with the act.

use policy_wasm::plan::Obligations;
use storage_node::{CreatorGuard, CreatorMatch, Guards, Mismatch, Recheck};

use super::super::authorize::{Again, Ruling, Scene};

/// The guards of an act on what exists: another's upload is denied.
pub(super) fn of(scene: &Scene, ruling: &Ruling, again: &Again) -> Guards {
    let again = again.clone();
    Guards {
        creator: creator(scene, &ruling.obligations, Mismatch::Deny),
        stands: ruling.stands,
        if_none_match_any: ruling.obligations.if_none_match,
        max_bytes: ruling.obligations.max_bytes,
        recheck: Some(Recheck::here(move || again.judge())),
    }
}

/// The guards of a read: another's object is not there.
pub(super) fn to_read(scene: &Scene, ruling: &Ruling) -> Guards {
    Guards {
        creator: creator(scene, &ruling.obligations, Mismatch::Hide),
        stands: ruling.stands,
        ..Guards::default()
    }
}

/// "Own" is what the same sub-user has made, or the same lineage of a user's keys: another key of the same user is not "own".
pub(super) fn creator(
    scene: &Scene,
    obligations: &Obligations,
    mismatch: Mismatch,
) -> Option<CreatorGuard> {
    let who = match scene.caller() {
        Some(caller) if caller.sub_user.is_some() => {
            CreatorMatch::Principal(caller.creator.principal.clone())
        }
        Some(caller) => CreatorMatch::Lineage(caller.creator.lineage.clone()),
        None => CreatorMatch::Lineage(String::new()),
    };
    obligations
        .require_creator
        .then_some(CreatorGuard { who, mismatch })
}
