//! The authentication layer, before every request: who the caller is (bearer token, client certificate, Unix socket), and
//! whether its role may call the method. A caller that does not authenticate learns nothing, not even which methods exist.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::AUTHORIZATION;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use super::bearer_token;
use super::caller::{AllowedNetworks, Caller};
use super::grants::{Basis, Credential, Presented};
use super::peer_credentials::{ConnectionSource, RemoteClient};
use super::rate_limit::{CallerLimits, RateLimitKey};
use super::refusals::RefusalLog;
use super::reload::CredentialsInEffect;
use super::revocable_body::RevocableBody;
use super::roles::{Role, needed_role};
use super::security_audit::Refusal;
use super::ways_in::WaysIn;
use crate::admin::limits::ApiLimits;
use crate::admin::reply::status_codes;
use crate::admin::untrusted_text::printable;
use crate::clock::Clock;
use crate::types::Now;

type Answer = Result<Response<Body>, Infallible>;

/// Lets requests in or refuses them.
#[derive(Debug)]
pub(in crate::admin) struct Authenticator {
    in_effect: Arc<CredentialsInEffect>,
    ways_in: WaysIn,
    refusals: Arc<RefusalLog>,
    caller_limits: CallerLimits,
    under_way: Arc<Semaphore>,
}

/// A request that is let in.
struct Admitted {
    caller: Caller,
    /// What it was let in for, which may be revoked.
    basis: Basis,
    permit: OwnedSemaphorePermit,
}

/// Why somebody is not let in; for the log alone.
enum AuthFailure {
    /// The caller presented nothing.
    Nothing,
    /// What it presented is not valid.
    Wrong(&'static str, Option<Arc<str>>),
    /// It presented so much that was wrong that it is not looked at (rate limit on failures).
    TooMany,
}

impl Authenticator {
    pub(in crate::admin) fn new(
        in_effect: Arc<CredentialsInEffect>,
        ways_in: WaysIn,
        refusals: Arc<RefusalLog>,
        limits: &ApiLimits,
    ) -> Self {
        Authenticator {
            in_effect,
            ways_in,
            refusals,
            caller_limits: CallerLimits::new(limits),
            under_way: Arc::new(Semaphore::new(limits.requests)),
        }
    }

    fn authenticate<B>(&self, request: &Request<B>, now: Now) -> Result<Admitted, Status> {
        // Without it nobody knows who it is; the listener gives it to each connection.
        let remote = request.extensions().get::<RemoteClient>().ok_or_else(|| self.ways_in.unauthenticated())?;
        let basis = match self.identify(remote, request.headers(), now) {
            Ok(basis) => basis,
            Err(refusal) => {
                self.note_refusal(remote, &refusal, now);
                return Err(self.ways_in.unauthenticated());
            }
        };
        remote.enter();
        let account = match &basis {
            Basis::Credential(shown) => RateLimitKey::Named(&shown.credential),
            Basis::Socket | Basis::Anonymous(_) => RateLimitKey::Source(remote.source),
        };
        self.caller_limits.spend(&account, now.mono).map_err(status_codes::too_fast)?;
        let caller = caller(remote, &basis);
        let needed = needed_role(request.uri().path());
        if caller.role < needed {
            return Err(match basis {
                Basis::Anonymous(_) => self.ways_in.credential_needed(&caller, needed),
                _ => status_codes::role_needed(&caller.who, caller.role.name(), needed.name(), ""),
            });
        }
        let permit = self.under_way.clone().try_acquire_owned().map_err(|_| status_codes::too_many_requests())?;
        Ok(Admitted { caller, basis, permit })
    }

    /// What lets the caller in: its credential if it shows one, else the way that it came.
    fn identify(&self, remote: &RemoteClient, headers: &HeaderMap, now: Now) -> Result<Basis, AuthFailure> {
        let token = headers.contains_key(AUTHORIZATION);
        if !token && remote.certificate.is_none() {
            return match remote.source {
                ConnectionSource::User(_) => Ok(Basis::Socket),
                ConnectionSource::Host(_) => {
                    self.in_effect.anonymous().map(Basis::Anonymous).ok_or(AuthFailure::Nothing)
                }
            };
        }
        if !self.caller_limits.may_try(remote.source, now.mono) {
            return Err(AuthFailure::TooMany);
        }
        let grants = self.in_effect.grants();
        let (credential, grant, end) = match &remote.certificate {
            _ if token => {
                let (credential, grant) =
                    bearer_token::check(headers, &grants).map_err(|why| AuthFailure::Wrong(why, None))?;
                (credential, grant, None)
            }
            Some(certificate) => {
                let credential = Credential::Certificate(certificate.subject.clone());
                let unknown = "certificate that is not in the access file";
                let grant = grants.find(&credential).cloned();
                let grant = grant.ok_or_else(|| AuthFailure::Wrong(unknown, Some(certificate.subject.clone())))?;
                (credential, grant, Some(certificate.not_after))
            }
            None => return Err(AuthFailure::Nothing),
        };
        let end = [end, grant.expires].into_iter().flatten().min();
        if end.is_some_and(|end| end <= now.wall) {
            return Err(AuthFailure::Wrong("expired", Some(grant.name.clone())));
        }
        Ok(Basis::Credential(Presented { credential, grant, end }))
    }

    fn note_refusal(&self, remote: &RemoteClient, failure: &AuthFailure, now: Now) {
        let (refusal, why, name) = match failure {
            AuthFailure::Nothing => (Refusal::NoCredential, "no token and no certificate", ""),
            AuthFailure::Wrong(why, name) => (Refusal::WrongCredential, *why, name.as_deref().unwrap_or_default()),
            AuthFailure::TooMany => (Refusal::NotLookedAt, "too many wrong ones before: not looked at", ""),
        };
        if let AuthFailure::Wrong(..) = failure {
            self.caller_limits.failed(remote.source, now.mono);
        }
        self.refusals.refused(refusal, remote, why, name, now.mono);
    }
}

fn caller(remote: &RemoteClient, basis: &Basis) -> Caller {
    let unnamed = |role| Caller { who: remote.name.clone(), role, networks: AllowedNetworks::All };
    match basis {
        Basis::Socket => unnamed(Role::Control),
        Basis::Anonymous(role) => unnamed(*role),
        Basis::Credential(Presented { credential, grant, .. }) => Caller {
            who: format!("{} {} from {}", credential.kind(), printable(&grant.name), remote.name).into(),
            role: grant.role,
            networks: grant.networks.clone(),
        },
    }
}

/// Puts an authenticator before a service.
#[derive(Clone, Debug)]
pub(in crate::admin) struct AuthLayer(pub(in crate::admin) Arc<Authenticator>);

impl<S> Layer<S> for AuthLayer {
    type Service = Auth<S>;

    fn layer(&self, inner: S) -> Auth<S> {
        Auth { inner, authenticator: self.0.clone() }
    }
}

/// See [`AuthLayer`].
#[derive(Clone, Debug)]
pub(in crate::admin) struct Auth<S> {
    inner: S,
    authenticator: Arc<Authenticator>,
}

impl<S, B> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Admitted { caller, basis, permit } = match self.authenticator.authenticate(&request, Clock.now()) {
            Ok(admitted) => admitted,
            Err(status) => return Box::pin(std::future::ready(Ok(status.into_http()))),
        };
        // No service has to see it, and none can log it.
        request.headers_mut().remove(AUTHORIZATION);
        request.extensions_mut().insert(caller);
        let answer = self.inner.call(request);
        let in_effect = self.authenticator.in_effect.clone();
        Box::pin(async move {
            let answer = answer.await?;
            drop(permit);
            if let Basis::Socket = basis {
                return Ok(answer);
            }
            let revoked = in_effect.until_revoked(basis);
            Ok(answer.map(|body| RevocableBody::wrap(body, revoked, status_codes::revoked)))
        })
    }
}
