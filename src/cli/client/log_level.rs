//! `pexd log-level`: what is logged, now.

use std::time::Duration;

use super::{Session, length, per_network, refused, to_protobuf};
use crate::cli::Failure;
use crate::cli::humanize::ago;
use crate::proto::pexd::v1::reactor_service_client::ReactorServiceClient;
use crate::proto::pexd::v1::{GetLogLevelRequest, GetLogLevelResponse, SetLogLevelRequest, SetLogLevelResponse};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// off, error, warn, info, debug or trace, or levels by module; "" = as configured
    level: Option<String>,
    /// For how long [default: until the next restart]
    #[arg(long = "for", value_name = "LENGTH", value_parser = length, requires = "level")]
    duration: Option<Duration>,
}

pub(super) async fn run(session: &Session, args: Args) -> Result<(), Failure> {
    let mut client = ReactorServiceClient::new(session.connect.service().await?);
    let Some(level) = args.level else {
        let answer = client.get_log_level(GetLogLevelRequest {}).await.map_err(refused)?.into_inner();
        return session.output.show(&answer, |answer: &GetLogLevelResponse| {
            let ends = answer.expire_time.as_ref().map_or(String::new(), |at| format!(", ends {}", ago(Some(at))));
            format!("{} (configured: {}{ends})\n", answer.level, answer.configured_level)
        });
    };
    let request = SetLogLevelRequest { level, duration: args.duration.map(to_protobuf) };
    let answer = client.set_log_level(request).await.map_err(refused)?.into_inner();
    session.output.show(&answer, |answer: &SetLogLevelResponse| format!("{}\n", answer.level))?;
    per_network::noted(&answer.unsaved_reason)
}
