//! Both sides of the server as journeys of the edge.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use console::{Admin, AdminParts, AdminToken, PeerAddress, S3Address};
use http::{Request, Response};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use postern_config::settings::Settings;
use postern_config::{Entropy, Secret};

use super::build::Built;
use super::door::Door;
use super::notice::Notice;
use super::work::Work;
use super::{StartError, secrets};
use crate::edge::{Intake, Journey, Peer};
use crate::journey::{self, Answer, Gate};
use crate::judge::GateJudge;
use crate::observe::Riding;
use crate::upstream::NodeBuckets;

/// The S3 side.
pub(super) struct GateSide(pub(super) Arc<Gate>);

impl Journey for GateSide {
    type Answer = Riding<Answer>;

    async fn serve(&self, peer: &Peer, wire: Request<Intake>) -> Response<Riding<Answer>> {
        journey::serve(&self.0, peer, wire).await
    }
}

/// The admin side.
pub(super) struct AdminSide(TowerToHyperService<Router>);

impl AdminSide {
    pub(super) fn new(router: Router) -> Self {
        Self(TowerToHyperService::new(router))
    }
}

impl Journey for AdminSide {
    type Answer = Body;

    async fn serve(&self, peer: &Peer, wire: Request<Intake>) -> Response<Body> {
        let mut request = wire.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(PeerAddress(peer.client));
        extensions.insert(peer.clone());
        let served: Result<_, Infallible> = self.0.call(request).await;
        match served {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// The router of the admin side.
pub(super) fn router(
    settings: &Settings,
    built: &Built,
    (work, notice): (&Arc<Work>, &Notice),
) -> Result<Router, StartError> {
    let token = match &settings.admin.token {
        Some(token) => AdminToken::given(token.lend(|token| Secret::new(token.to_vec()))),
        None => AdminToken::open_or_make(&secrets::token_file(&settings.data), &Entropy::system())?,
    };
    let usage: Arc<Work> = Arc::clone(work);
    Ok(console::router(Admin::new(AdminParts {
        directory: built.directory.clone(),
        judge: Arc::new(GateJudge::new(Arc::clone(&built.gate))),
        usage,
        objects: Arc::new(Door {
            gate: Arc::clone(&built.gate),
            endpoint: notice.s3.clone(),
            region: settings.s3.region.as_str().to_owned(),
        }),
        upstream: Arc::new(NodeBuckets(built.node.clone())),
        meter: Arc::clone(&built.meter),
        purges: Arc::clone(&built.purges),
        upkeep: Arc::clone(&built.keeper) as Arc<_>,
        node: built.tending.care(),
        s3: S3Address {
            endpoint: notice.s3.clone(),
            region: settings.s3.region.as_str().to_owned(),
        },
        token,
        persons: settings.admin.persons.clone(),
        brands: settings.admin.brands.clone(),
        metrics: settings.admin.metrics,
        module_bytes_max: settings.policy.module_bytes,
        body_bytes_max: settings.limits.admin_body_bytes,
        first_run: built
            .first_run
            .as_ref()
            .map(|it| it.lend(|it| Secret::new(it.to_vec()))),
        sign_on: built.sign_on.clone(),
        entropy: Entropy::system(),
    })))
}
