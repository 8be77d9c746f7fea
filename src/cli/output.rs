//! Answers as tables for people, or as protobuf's JSON for scripts.

use std::io::{self, Write as _};
use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use super::Failure;
use crate::proto::pexd::DESCRIPTORS;

/// How answers are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// For people.
    Tables,
    /// For scripts: one JSON document, of an endless answer one a line.
    Json,
}

/// The API's description.
pub(super) static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS).expect("the descriptors that were compiled in decode: a test reads them")
});

impl Output {
    /// Shows an answer; the text is only made when it is wanted.
    pub(super) fn show<M: Message + Name>(self, answer: &M, text: impl FnOnce(&M) -> String) -> Result<(), Failure> {
        match self {
            Output::Tables => say(&text(answer)),
            Output::Json => say(&(to_json(answer, true)? + "\n")),
        }
    }

    /// Shows one answer of many, on one line.
    pub(super) fn show_line<M: Message + Name>(
        self,
        answer: &M,
        text: impl FnOnce(&M) -> String,
    ) -> Result<(), Failure> {
        match self {
            Output::Tables => say(&text(answer)),
            Output::Json => say(&(to_json(answer, false)? + "\n")),
        }
    }
}

/// Writes to standard output. A reader that has seen enough (`head`) is no failure.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    say_bytes(text.as_bytes())
}

/// As [`say`], for what need not be text.
pub(super) fn say_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => result.map_err(Failure::failed),
    }
}

/// Reports something beside the answer. There is no reader when standard error is closed.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Protobuf's JSON, fields that have their default value included: a script finds every field.
fn to_json<M: Message + Name>(message: &M, pretty: bool) -> Result<String, Failure> {
    let unknown = || Failure::Failed(format!("{} is not described", M::full_name()));
    let descriptor = POOL.get_message_by_name(&M::full_name()).ok_or_else(unknown)?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(Failure::failed)?;
    let options = SerializeOptions::new().skip_default_fields(false).stringify_64_bit_integers(true);
    let mut text = Vec::new();
    let done = if pretty {
        dynamic.serialize_with_options(&mut serde_json::Serializer::pretty(&mut text), &options)
    } else {
        dynamic.serialize_with_options(&mut serde_json::Serializer::new(&mut text), &options)
    };
    done.map_err(Failure::failed)?;
    String::from_utf8(text).map_err(Failure::failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::pexd::v1::{ListBansResponse, ReactorState, ReactorStatus};

    #[test]
    fn json_is_protobufs_and_has_every_field() {
        let status = ReactorStatus { network: "a".into(), state: ReactorState::Failed.into(), ..Default::default() };
        let json: serde_json::Value = serde_json::from_str(&to_json(&status, true).unwrap()).unwrap();
        assert_eq!(json["state"], "REACTOR_STATE_FAILED");
        assert_eq!(json["banCount"], 0);
        assert_eq!(json["answeredRequestCount"], "0");
        let line = to_json(&ListBansResponse::default(), false).unwrap();
        assert!(!line.contains('\n') && line.contains("\"bans\":[]"), "{line}");
    }
}
