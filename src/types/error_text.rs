//! An error with its causes, as one text.

use std::error::Error;

/// The text of an error and of what caused it, each once: many errors have their cause in their own text already.
pub fn error_text(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let more = deeper.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Wrapped {
        #[error("cannot listen: {source}")]
        Told { source: io::Error },
        #[error("cannot listen")]
        Untold { source: io::Error },
    }

    #[test]
    fn a_cause_is_told_once() {
        let source = || io::Error::other("the port is taken");
        for error in [Wrapped::Told { source: source() }, Wrapped::Untold { source: source() }] {
            assert_eq!(error_text(&error), "cannot listen: the port is taken");
        }
    }
}
