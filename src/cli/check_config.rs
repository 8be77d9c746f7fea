//! `pexd check-config`: all that a start would say of the configuration, and what a reload would change, without doing either.

use super::client::pending_reload;
use super::{Failure, NextStep, output, start, warn};
use crate::app;
use crate::config::{self, Config, Diagnostic, Home, Sources};

/// Exit code 2 when a start would serve nothing, 3 when it would serve without some networks or end for want of a port.
pub(super) fn run(home: Home, args: start::Args) -> Result<NextStep, Failure> {
    let config = args.load(home.clone())?;
    warn(&config.warnings);
    app::check_credentials(&config).map_err(Failure::InvalidInput)?;
    app::raise_open_files();
    let mut text = String::new();
    if let Some(why) = app::does_not_fit(&config) {
        text += &format!("warning: {why}\n");
    }
    text += "pexd.toml: in order\n";
    for network in &config.networks {
        text += &format!("{}: in order\n", network.chain_id);
    }
    output::say(&text)?;
    let runs = tell_of_reload(&home)?;
    let mut errors = errors(&config);
    errors.extend(app::check_books(&config));
    errors.extend(app::check_anybody(&config));
    errors.extend(app::check_audit(&config));
    // One that runs has the ports itself.
    if !runs {
        errors.extend(app::check_ports(&config));
    }
    if errors.is_empty() { Ok(NextStep::Done) } else { Err(Failure::Definite(errors.join("\n"))) }
}

fn errors(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    for broken in &config.broken {
        lines.extend(broken.errors.notes().iter().map(Diagnostic::to_string));
        lines.push(format!("{}: would be FAILED; the others would be served", broken.name));
    }
    lines
}

/// Says what a reload of the pexd that runs would change, and whether one runs.
fn tell_of_reload(home: &Home) -> Result<bool, Failure> {
    // What variables and flags say here they need not say there.
    let Ok(files) = config::load(&Sources::files_of(home.clone())) else { return Ok(true) };
    match pending_reload(home, &files) {
        Ok(None) => {
            output::say("no pexd answers at this home: nothing to reload\n")?;
            return Ok(false);
        }
        Ok(Some(text)) if text.is_empty() => output::say("a reload of the pexd that runs would change nothing\n")?,
        Ok(Some(text)) => output::say(&format!("a reload of the pexd that runs would change:\n{text}"))?,
        Err(failure) => {
            output::say(&format!("the pexd that runs could not be asked what a reload would change: {failure}\n"))?
        }
    }
    Ok(true)
}
