//! The `network` field: which networks a request is about, and asking them all at once.

use std::slice;
use std::sync::Arc;

use futures_util::future::join_all;
use tonic::Status;

use crate::admin::auth::caller::Caller;
use crate::admin::reply::status_codes;
use crate::network::{Directory, Error, Handle};
use crate::proto::pexd::v1::NetworkFailure;

/// What stands for all networks.
const ALL: &str = "-";

/// The networks that a request is about.
#[derive(Debug)]
pub(in crate::admin) enum Scope {
    /// One, and its errors are the call's.
    One(Handle),
    /// All there are, by chain ID; one that fails is reported beside the replies of the others.
    All(Vec<Handle>),
}

/// The answers of a scope's networks, by chain ID.
pub(in crate::admin) type Answers<T> = Vec<(Arc<str>, Result<T, Error>)>;

impl Scope {
    /// The networks that a request's `network` stands for, among those that its caller may see.
    ///
    /// # Errors
    /// When it stands for none, or could stand for several.
    pub(in crate::admin) fn of(directory: &Directory, caller: &Caller, network: &str) -> Result<Scope, Status> {
        let visible = |chain_id: &str| caller.may_see(chain_id);
        if network == ALL {
            return Ok(Scope::All(directory.all(visible)));
        }
        directory.get(network, visible).map(Scope::One).map_err(|error| status_codes::of_lookup(&error))
    }

    /// What the scope is called in a page token: two spellings of one scope have the same name.
    pub(in crate::admin) fn name(&self) -> &str {
        match self {
            Scope::One(handle) => handle.chain_id(),
            Scope::All(_) => ALL,
        }
    }

    /// The networks, by chain ID.
    pub(in crate::admin) fn handles(&self) -> &[Handle] {
        match self {
            Scope::One(handle) => slice::from_ref(handle),
            Scope::All(handles) => handles,
        }
    }

    /// Whether a failure of one network is not the call's.
    pub(in crate::admin) const fn is_all(&self) -> bool {
        matches!(self, Scope::All(_))
    }

    /// Asks all of them side by side.
    pub(in crate::admin) async fn ask<T, F>(&self, question: impl Fn(Handle) -> F) -> Answers<T>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let ask = |handle: &Handle| {
            let chain_id = handle.chain_id().clone();
            let answer = question(handle.clone());
            async move { (chain_id, answer.await) }
        };
        join_all(self.handles().iter().map(ask)).await
    }

    /// What was answered, and who did not answer.
    ///
    /// # Errors
    /// The error of the one network that was asked for.
    pub(in crate::admin) fn sort_out<T>(&self, answers: Answers<T>) -> Result<(Vec<T>, Vec<NetworkFailure>), Status> {
        let (mut items, mut failures) = (Vec::with_capacity(answers.len()), Vec::new());
        for (chain_id, answer) in answers {
            match answer {
                Ok(item) => items.push(item),
                Err(error) if self.is_all() => failures.push(failure(&chain_id, &error)),
                Err(error) => return Err(status_codes::of(&error)),
            }
        }
        Ok((items, failures))
    }
}

/// The one network that a request is about, for methods that do not act on all.
///
/// # Errors
/// When `network` stands for none, for all, or could stand for several.
pub(in crate::admin) fn one(directory: &Directory, caller: &Caller, network: &str) -> Result<Handle, Status> {
    match Scope::of(directory, caller, network)? {
        Scope::One(handle) => Ok(handle),
        Scope::All(handles) => {
            let known: Vec<_> = handles.iter().map(Handle::chain_id).map(AsRef::as_ref).collect::<Vec<&str>>();
            let text = format!("this acts on one network at a time; there are: {}", status_codes::names(&known));
            Err(status_codes::invalid("network", text))
        }
    }
}

/// What a call for all networks says of one that failed.
pub(in crate::admin) fn failure(chain_id: &str, error: &Error) -> NetworkFailure {
    let status = status_codes::of(error);
    NetworkFailure { network: chain_id.to_owned(), reason: status.message().to_owned(), code: status.code().into() }
}
