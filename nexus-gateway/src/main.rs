//! The gateway program: see `nexus-gateway --help`.

use nexus_gateway::config::{Command, Config};
use nexus_gateway::{publish, receive, replay};
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = match Config::read(std::env::args_os()) {
        Ok(config) => config,
        Err(error) => {
            let code = ExitCode::from(u8::from(error.use_stderr()));
            // Where it cannot be printed, the exit code has to do.
            let _ = error.print();
            return code;
        }
    };
    match run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: &Config) -> Result<(), Box<dyn Error>> {
    let out = &mut std::io::stdout();
    match &config.command {
        None => replay::main(config, out)?,
        Some(Command::Feed(feed)) => publish::main(feed, out)?,
        Some(Command::Run(run)) => receive::main(run, out)?,
    }
    Ok(())
}
