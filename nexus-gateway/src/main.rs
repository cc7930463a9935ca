//! The gateway program: see `nexus-gateway --help`.

use clap::Parser;
use nexus_gateway::config::Config;
use nexus_gateway::program;
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = match Config::try_parse() {
        Ok(config) => config,
        Err(error) => {
            let code = ExitCode::from(u8::from(error.use_stderr()));
            // Where it cannot be printed, the exit code has to do.
            let _ = error.print();
            return code;
        }
    };
    match program::main(&config, &mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
