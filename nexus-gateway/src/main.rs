//! The gateway program: see `nexus-gateway --help`.

use nexus_gateway::config::{Command, Config};
use nexus_gateway::exit::{Exit, Fatal};
use nexus_gateway::{publish, receive, replay, verify};
use std::process::ExitCode;

fn main() -> ExitCode {
    let config = match Config::read(std::env::args_os()) {
        Ok(config) => config,
        Err(error) => {
            // Where it cannot be printed, the exit code has to do.
            let _ = error.print();
            return match error.use_stderr() {
                true => Exit::Usage.into(),
                false => ExitCode::SUCCESS,
            };
        }
    };
    let out = &mut std::io::stdout();
    match &config.command {
        None => ended(replay::main(&config.replay, out)),
        Some(Command::Replay(replay)) => ended(replay::main(replay, out)),
        Some(Command::Publish(publish)) => ended(publish::main(publish, out)),
        Some(Command::Receive(receive)) => ended(receive::main(receive, out)),
        Some(Command::Verify(verify)) => ended(verify::main(&verify.path, out)),
    }
}

fn ended(result: Result<(), impl Fatal>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.exit().into()
        }
    }
}
