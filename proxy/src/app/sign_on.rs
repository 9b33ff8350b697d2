//! The provider by which operators sign in to the console.

use std::sync::Arc;

use console::SignOn;
use postern_config::settings::OidcSettings;

use super::StartError;

/// The provider of the settings, where they name one. It is asked when somebody signs in.
#[cfg(feature = "oidc")]
pub(super) fn provider(
    settings: Option<&OidcSettings>,
) -> Result<Option<Arc<dyn SignOn>>, StartError> {
    use console::oidc::{Provider, ProviderParts};
    use postern_config::Secret;

    let Some(settings) = settings else {
        return Ok(None);
    };
    let asks = with_feature::Https::new(settings.ca.as_deref()).map_err(StartError::SignOn)?;
    let secret = settings.client_secret.lend(|it| Secret::new(it.to_vec()));
    Ok(Some(Arc::new(Provider::new(ProviderParts {
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        client_secret: secret,
        name: settings.name.clone(),
        asks: Arc::new(asks),
    }))))
}

/// This program was built without it: nobody is to believe that it is on.
#[cfg(not(feature = "oidc"))]
pub(super) fn provider(
    settings: Option<&OidcSettings>,
) -> Result<Option<Arc<dyn SignOn>>, StartError> {
    let refused = || {
        let what = "this program was built without the feature `oidc`: take [admin.oidc] out, or build it with";
        Err(StartError::SignOn(what.to_owned()))
    };
    settings.map_or(Ok(None), |_| refused())
}

#[cfg(feature = "oidc")]
mod with_feature {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use bytes::Bytes;
    use console::oidc::Asks;
    use futures_util::future::BoxFuture;
    use http::{HeaderValue, Request, Response, Uri, header};
    use http_body_util::Full;

    use crate::https::{Connection, trust};

    /// Longest wait for an answer of the provider.
    const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
    /// Largest answer, in bytes.
    const ANSWER_BYTES_MAX: usize = 1 << 20;
    /// Where systems keep the authorities that they trust. Source: Debian, Fedora, Alpine.
    const TRUSTED: [&str; 3] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ];

    /// The provider, asked over HTTPS: a connection for each question, since they are few.
    #[derive(Debug)]
    pub(super) struct Https {
        ca: PathBuf,
    }

    impl Https {
        pub(super) fn new(ca: Option<&Path>) -> Result<Self, String> {
            let of_system = || TRUSTED.iter().map(Path::new).find(|path| path.exists());
            let ca = ca.or_else(of_system);
            let ca = ca.ok_or(
                "this machine trusts no authorities: `admin.oidc.ca` names a file with that of the provider",
            )?;
            // Read again with each question: it may be replaced. Whether it can be read is told at the start.
            trust(ca).map_err(|cause| format!("whom the provider's certificate is of: {cause}"))?;
            Ok(Self { ca: ca.to_owned() })
        }

        async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, String> {
            let (mut head, body) = request.into_parts();
            let url = head.uri.clone();
            let say = |cause: &dyn std::fmt::Display| format!("{url}: {cause}");
            let host = url.authority().map_or("", |it| it.as_str());
            let host = HeaderValue::try_from(host).map_err(|cause| say(&cause))?;
            head.headers.insert(header::HOST, host);
            let path = url.path_and_query().map_or("/", |it| it.as_str());
            head.uri = path.parse::<Uri>().map_err(|cause| say(&cause))?;
            let trust = trust(&self.ca).map_err(|cause| say(&cause))?;
            let mut connection = Connection::to(&url, trust)
                .await
                .map_err(|cause| say(&cause))?;
            let request = Request::from_parts(head, Full::new(body));
            let answer = connection.exchange(request, ANSWER_BYTES_MAX).await;
            answer.map_err(|cause| say(&cause))
        }
    }

    impl Asks for Https {
        fn ask(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, String>> {
            Box::pin(async move {
                let done = tokio::time::timeout(ANSWER_TIME_MAX, self.exchange(request)).await;
                done.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
            })
        }
    }
}
