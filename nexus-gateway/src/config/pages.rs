//! `nexus-gateway completions` and `nexus-gateway man`: what a shell and a reader are told of
//! the command line.

use super::Config;
use crate::exit::{Exit, Fatal};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::{self, Write};

/// The arguments of `nexus-gateway completions`.
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletionsConfig {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// The arguments of `nexus-gateway man`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ManConfig {
    /// The command that the page is of [default: the program]
    #[arg(value_name = "COMMAND", value_parser = ["replay", "publish", "receive", "verify"])]
    pub command: Option<String>,
}

/// A page cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
pub struct PageError(#[from] io::Error);

impl Fatal for PageError {
    fn exit(&self) -> Exit {
        Exit::Other
    }
}

/// Writes the completions for a shell.
///
/// # Errors
///
/// If they cannot be written.
pub fn completions(config: CompletionsConfig, out: &mut impl Write) -> Result<(), PageError> {
    let mut command = Config::command();
    let name = command.get_name().to_string();
    // In memory first: it panics where it cannot write.
    let mut bytes = Vec::new();
    clap_complete::generate(config.shell, &mut command, name, &mut bytes);
    Ok(out.write_all(&bytes)?)
}

/// Writes a page of the manual, as `man` reads it.
///
/// # Errors
///
/// If it cannot be written.
pub fn man(config: &ManConfig, out: &mut impl Write) -> Result<(), PageError> {
    let mut command = Config::command();
    command.build();
    let page = match &config.command {
        Some(name) => {
            let sub = command.find_subcommand(name);
            sub.expect("the parser knows it").clone()
        }
        None => command,
    };
    Ok(clap_mangen::Man::new(page).render(out)?)
}
