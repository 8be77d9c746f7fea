//! `BanService`: bans of IDs, IPs and ranges, in one network or in all.

mod list;

use tonic::{Request, Response, Status};

use crate::admin::auth::caller::Caller;
use crate::admin::page::Pages;
use crate::admin::reply::{conversions, status_codes};
use crate::admin::request::fields;
use crate::admin::request::network_scope::{Answers, Scope};
use crate::admin::services::bans::list::BanList;
use crate::network::{Applied, Directory, Error, Handle, LookupError, Saved};
use crate::node::row::{BanScope, BanTarget};
use crate::proto::pexd::v1 as pb;
use crate::proto::pexd::v1::ban_service_server::BanService;

/// Answers from the handles of a directory.
#[derive(Debug)]
pub(in crate::admin) struct BansApi(pub(in crate::admin) Directory, pub(in crate::admin) Pages);

#[tonic::async_trait]
impl BanService for BansApi {
    async fn list_bans(&self, request: Request<pb::ListBansRequest>) -> Result<Response<pb::ListBansResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let list = BanList::read(request.filter.as_ref())?;
        let page = self.1.page(&list, &caller, &scope, request.page_size, &request.page_token).await?;
        Ok(Response::new(pb::ListBansResponse {
            bans: page.items,
            next_page_token: page.next,
            failures: page.failures,
            total_count: page.total,
        }))
    }

    async fn ban(&self, request: Request<pb::BanRequest>) -> Result<Response<pb::BanResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let target = fields::target(&request.target)?;
        let reason = fields::reason(request.reason)?;
        let duration = fields::duration(request.duration)?;
        let extent = match pb::BanScope::try_from(request.scope) {
            Ok(pb::BanScope::Unspecified | pb::BanScope::All) => BanScope::All,
            Ok(pb::BanScope::Dials) if matches!(target, BanTarget::Range(_)) => BanScope::Dials,
            Ok(pb::BanScope::Dials) => {
                return Err(status_codes::invalid(
                    "scope",
                    "an ID is banned altogether; BAN_SCOPE_DIALS is for IPs and ranges",
                ));
            }
            Err(_) => return Err(status_codes::invalid("scope", "write BAN_SCOPE_ALL or BAN_SCOPE_DIALS")),
        };
        let ban = |network: Handle| {
            let (by, reason) = (caller.by("BanService.Ban"), reason.clone());
            async move { network.set_ban(by, target, extent, reason, duration).await }
        };
        let (results, failures) = changes(&scope, scope.ask(ban).await)?;
        Ok(Response::new(pb::BanResponse { results, failures }))
    }

    async fn unban(&self, request: Request<pb::UnbanRequest>) -> Result<Response<pb::UnbanResponse>, Status> {
        let caller = Caller::of(&request);
        let request = request.into_inner();
        let scope = Scope::of(&self.0, &caller, &request.network)?;
        let target = fields::target(&request.target)?;
        let mut answers = scope
            .ask(|network| {
                let by = caller.by("BanService.Unban");
                async move { network.unban(by, target).await }
            })
            .await;
        if answers.iter().any(|(_, answer)| answer.is_ok()) {
            spare_those_without(&mut answers);
        }
        let (results, failures) = changes(&scope, answers)?;
        Ok(Response::new(pb::UnbanResponse { results, failures }))
    }
}

/// A ban that is lifted in one network need not have been in each of them.
fn spare_those_without(answers: &mut Answers<Applied>) {
    for (_, answer) in answers {
        if *answer == Err(Error::NoSuchBan) {
            *answer = Ok(Applied { changed: false, saved: Saved::Yes });
        }
    }
}

/// The result of a change in each network.
///
/// # Errors
/// When it took effect in none: the error that says most, which is any but "no such ban".
fn changes(
    scope: &Scope,
    answers: Answers<Applied>,
) -> Result<(Vec<pb::ChangeResult>, Vec<pb::NetworkFailure>), Status> {
    if answers.iter().all(|(_, answer)| answer.is_err()) {
        let mut errors: Vec<_> = answers.iter().filter_map(|(_, answer)| answer.as_ref().err()).collect();
        errors.sort_by_key(|error| **error == Error::NoSuchBan);
        return Err(errors
            .first()
            .map_or_else(|| status_codes::of_lookup(&LookupError::None), |error| status_codes::of(error)));
    }
    let name = |(chain_id, answer): (std::sync::Arc<str>, Result<Applied, Error>)| {
        let change = answer.map(|applied| conversions::change(&chain_id, applied));
        (chain_id, change)
    };
    scope.sort_out(answers.into_iter().map(name).collect())
}
