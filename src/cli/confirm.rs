//! Asks before what cannot be taken back, or takes a network away. Scripts say `--yes`.

use std::io::{self, BufRead, IsTerminal as _, Write};

use super::Failure;

/// Asks at the terminal whether it is meant, unless `yes` says so already.
///
/// # Errors
/// When it is not meant, or nobody can be asked. Nothing was done then.
pub(super) fn confirm(what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        let text = format!(
            "{what}: nobody can be asked whether it is meant, for this is no terminal; say --yes. Nothing was done"
        );
        return Err(Failure::InvalidInput(text));
    }
    ask(what, &mut io::stdin().lock(), &mut io::stderr())
}

/// Only "y" or "yes" is one.
fn ask(what: &str, input: &mut impl BufRead, output: &mut impl Write) -> Result<(), Failure> {
    write!(output, "{what}. Is that meant? [y/N] ").and_then(|()| output.flush()).map_err(Failure::failed)?;
    let mut answer = String::new();
    input.read_line(&mut answer).map_err(Failure::failed)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Failed("nothing was done".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one_and_what_is_asked_says_what_happens() {
        for (answer, is_meant) in [
            ("y\n", true),
            (" YES \n", true),
            ("\n", false),
            ("n\n", false),
            ("", false),
            ("yess\n", false),
            ("juno-1\n", false),
        ] {
            let mut asked = Vec::new();
            assert_eq!(ask("the sky falls", &mut answer.as_bytes(), &mut asked).is_ok(), is_meant, "{answer:?}");
            assert!(String::from_utf8(asked).unwrap().starts_with("the sky falls. Is that meant?"));
        }
    }

    #[test]
    fn a_script_that_says_yes_is_not_asked() {
        confirm("the sky falls", true).unwrap();
    }
}
