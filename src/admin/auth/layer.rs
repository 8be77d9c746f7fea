//! Before every request: who sends it, and whether he may. Who does not show it learns nothing, not even which methods
//! there are.

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

use super::bearer_token::bearer;
use super::caller::{Caller, Networks};
use super::grants::{Credential, Shown};
use super::peer_credentials::Remote;
use super::rate_limit::{Account, Quota};
use super::reload::InForce;
use super::revocable_body::Revocable;
use super::roles::Role;
use super::roles::needed_role;
use crate::admin::limits::Limits;
use crate::admin::reply::status_codes;
use crate::admin::untrusted_text::printable;
use crate::clock::Clock;
use crate::types::Now;

type Answer = Result<Response<Body>, Infallible>;

/// Lets requests in or refuses them.
#[derive(Debug)]
pub(in crate::admin) struct Judge {
    in_effect: Arc<InForce>,
    quota: Quota,
    under_way: Arc<Semaphore>,
}

/// A request that is let in.
struct Admitted {
    caller: Caller,
    /// What it was let in for, which may be revoked; `None` for one who is trusted without.
    shown: Option<Shown>,
    permit: OwnedSemaphorePermit,
}

/// Why somebody is not let in; for the log alone.
enum Refusal {
    /// He showed nothing.
    Nothing,
    /// What he showed is not good.
    Wrong(&'static str, Option<Arc<str>>),
    /// He showed so much that was wrong that it is not looked at.
    TooMany,
}

impl Judge {
    pub(in crate::admin) fn new(in_effect: Arc<InForce>, limits: &Limits) -> Self {
        Judge { in_effect, quota: Quota::new(limits), under_way: Arc::new(Semaphore::new(limits.requests)) }
    }

    fn judge<B>(&self, request: &Request<B>, now: Now) -> Result<Admitted, Status> {
        // Without it nobody knows who it is; the listener gives it to each connection.
        let remote = request.extensions().get::<Remote>().ok_or_else(status_codes::unauthenticated)?;
        let shown = match self.identify(remote, request.headers(), now) {
            Ok(shown) => shown,
            Err(refusal) => {
                self.tell(remote, &refusal, now);
                return Err(status_codes::unauthenticated());
            }
        };
        remote.enter();
        let account = shown.as_ref().map_or(Account::Source(remote.source), |shown| Account::Named(&shown.credential));
        self.quota.spend(&account, now.mono).map_err(status_codes::too_fast)?;
        let caller = caller(remote, shown.as_ref());
        let needed = needed_role(request.uri().path());
        if caller.role < needed {
            return Err(status_codes::role_needed(&caller.who, caller.role.name(), needed.name()));
        }
        let permit = self.under_way.clone().try_acquire_owned().map_err(|_| status_codes::too_many_requests())?;
        Ok(Admitted { caller, shown, permit })
    }

    /// What the caller showed and what it is good for; `None` for one who is trusted without.
    fn identify(&self, remote: &Remote, headers: &HeaderMap, now: Now) -> Result<Option<Shown>, Refusal> {
        let token = headers.contains_key(AUTHORIZATION);
        if !token && remote.certificate.is_none() {
            return if remote.trusted { Ok(None) } else { Err(Refusal::Nothing) };
        }
        if !self.quota.may_try(remote.source, now.mono) {
            return Err(Refusal::TooMany);
        }
        let (credential, end) = match &remote.certificate {
            _ if token => {
                let token = bearer(headers).ok_or(Refusal::Wrong("malformed token", None))?;
                (Credential::of_token(token), None)
            }
            Some(certificate) => (Credential::Certificate(certificate.subject.clone()), Some(certificate.not_after)),
            None => return Err(Refusal::Nothing),
        };
        let Some(grant) = self.in_effect.grants().find(&credential).cloned() else {
            return Err(match credential {
                Credential::Token(_) => Refusal::Wrong("unknown token", None),
                Credential::Certificate(subject) => {
                    Refusal::Wrong("certificate that is not in the access file", Some(subject))
                }
            });
        };
        let end = [end, grant.expires].into_iter().flatten().min();
        if end.is_some_and(|end| end <= now.wall) {
            return Err(Refusal::Wrong("expired", Some(grant.name.clone())));
        }
        Ok(Some(Shown { credential, grant, end }))
    }

    fn tell(&self, remote: &Remote, refusal: &Refusal, now: Now) {
        let (wrong, why, name) = match refusal {
            Refusal::Nothing => (false, "no token and no certificate", None),
            Refusal::Wrong(why, name) => (true, *why, name.as_deref()),
            Refusal::TooMany => (false, "too many wrong ones before: not looked at", None),
        };
        if let Some(refused) = self.quota.refused(remote.source, wrong, now.mono) {
            let name = printable(name.unwrap_or_default());
            tracing::warn!(from = %remote.name, why, name, refused, "a caller of the admin API was refused");
        }
    }
}

fn caller(remote: &Remote, shown: Option<&Shown>) -> Caller {
    match shown {
        None => Caller { who: remote.name.clone(), role: Role::Control, networks: Networks::All },
        Some(Shown { credential, grant, .. }) => Caller {
            who: format!("{} {} from {}", credential.kind(), printable(&grant.name), remote.name).into(),
            role: grant.role,
            networks: grant.networks.clone(),
        },
    }
}

/// Puts a judge before a service.
#[derive(Clone, Debug)]
pub(in crate::admin) struct AccessLayer(pub(in crate::admin) Arc<Judge>);

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access { inner, judge: self.0.clone() }
    }
}

/// See [`AccessLayer`].
#[derive(Clone, Debug)]
pub(in crate::admin) struct Access<S> {
    inner: S,
    judge: Arc<Judge>,
}

impl<S, B> Service<Request<B>> for Access<S>
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
        let Admitted { caller, shown, permit } = match self.judge.judge(&request, Clock.now()) {
            Ok(admitted) => admitted,
            Err(status) => return Box::pin(std::future::ready(Ok(status.into_http()))),
        };
        // No service has to see it, and none can log it.
        request.headers_mut().remove(AUTHORIZATION);
        request.extensions_mut().insert(caller);
        let answer = self.inner.call(request);
        let in_effect = self.judge.in_effect.clone();
        Box::pin(async move {
            let answer = answer.await?;
            drop(permit);
            let Some(shown) = shown else { return Ok(answer) };
            let revoked = in_effect.until_revoked(shown);
            Ok(answer.map(|body| Revocable::wrap(body, revoked, status_codes::unauthenticated)))
        })
    }
}
