//! Who pays for a request: who signed it; where nobody did, the owner of the bucket that it reached.
//!
//! A request that did not sign well is nobody's: a stranger who knows an access key must not make its owner's bill longer.

use postern_config::directory::{BucketState, State, SubUserId};
use postern_config::metering::Whose;

use super::authorize::{Scene, bucket_of};
use crate::world::Caller;

/// Who pays for what `scene` asks, in this state of the directory.
pub(super) fn of(state: &State, scene: &Scene) -> Whose {
    let place = scene.namespace().zip(bucket_of(&scene.request().target));
    let bucket = place
        .and_then(|(namespace, name)| state.bucket(namespace, name))
        .filter(|bucket| bucket.state == BucketState::Active);
    let payer = match (scene.caller(), bucket) {
        (Some(caller), _) => by(caller),
        (None, Some(bucket)) => Whose {
            reseller: state.tenant(bucket.tenant).and_then(|tenant| tenant.parent),
            tenant: Some(bucket.tenant),
            user: Some(bucket.owner),
            ..Whose::NOBODY
        },
        (None, None) => Whose::NOBODY,
    };
    Whose {
        bucket: bucket.map(|bucket| bucket.id),
        ..payer
    }
}

/// Who signed. Temporary credentials are billed to the access key that they stand for.
pub(crate) fn by(caller: &Caller) -> Whose {
    Whose {
        reseller: caller.tenant.parent,
        tenant: Some(caller.tenant.id),
        user: Some(caller.user.id),
        sub_user: caller.key.sub_user.map(SubUserId::get),
        key: Some(caller.key.id),
        ..Whose::NOBODY
    }
}
