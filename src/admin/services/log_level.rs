//! The log's level: asked for, and changed for a time.

use std::time::Duration;

use tonic::Status;

use crate::admin::auth::caller::Caller;
use crate::admin::host::process::{HostProcess, LogError};
use crate::admin::host::process_notes::note;
use crate::admin::reply::status_codes::invalid;
use crate::admin::reply::{conversions, status_codes};
use crate::admin::untrusted_text;
use crate::network::{Directory, Saved};
use crate::proto::pexd::v1::{GetLogLevelResponse, SetLogLevelRequest, SetLogLevelResponse};

/// Bytes of a level at most: some twenty modules.
const MAX_LEVEL: usize = 1_024;
/// The longest time that a level may hold by itself, in seconds: 30 days.
const MAX_LENGTH: u64 = 30 * 24 * 3600;

/// What is logged.
pub(in crate::admin) fn get(process: &HostProcess) -> GetLogLevelResponse {
    let levels = process.log.levels();
    GetLogLevelResponse {
        level: levels.level,
        configured_level: levels.configured,
        expire_time: conversions::time(levels.until),
    }
}

/// Changes what is logged, and notes it in the audit.
///
/// # Errors
/// PERMISSION_DENIED for a caller who is for some networks only, INVALID_ARGUMENT for what is no level or no duration.
pub(in crate::admin) async fn set(
    directory: &Directory,
    process: &HostProcess,
    caller: &Caller,
    request: SetLogLevelRequest,
) -> Result<SetLogLevelResponse, Status> {
    caller.require_all_networks()?;
    if request.level.len() > MAX_LEVEL {
        return Err(invalid("level", format!("{} bytes are too many: {MAX_LEVEL} at most", request.level.len())));
    }
    let duration = duration(request.duration)?;
    let changed = process.log.set(&request.level, duration).map_err(|error| match error {
        LogError::Invalid(what) => invalid("level", untrusted_text::reason(&what)),
        LogError::Unavailable(_) => status_codes::log_unavailable(&error),
    })?;
    let level = process.log.levels().level;
    let mut noted = Saved::Yes;
    if changed {
        let by = caller.by("ReactorService.SetLogLevel");
        let for_time = duration.map_or_else(String::new, |duration| format!(" for {} s", duration.as_secs()));
        let summary = format!("set the log level to {level}{for_time}");
        noted = note(process.audit.as_ref(), directory, &by, "", &summary).await;
    }
    Ok(SetLogLevelResponse { changed, level, unsaved_reason: conversions::unsaved_reason(noted) })
}

fn duration(duration: Option<prost_types::Duration>) -> Result<Option<Duration>, Status> {
    let Some(duration) = duration else { return Ok(None) };
    match (u64::try_from(duration.seconds), u32::try_from(duration.nanos)) {
        (Ok(seconds @ 1..MAX_LENGTH), Ok(nanos @ ..1_000_000_000)) => Ok(Some(Duration::new(seconds, nanos))),
        (Ok(MAX_LENGTH), Ok(0)) => Ok(Some(Duration::from_secs(MAX_LENGTH))),
        _ => Err(invalid("duration", "write 1s to 2592000s (30 days), or leave it unset until the next restart")),
    }
}
