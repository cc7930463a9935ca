//! The gateway program: see `nexus-gateway --help`.

use nexus_gateway::config::{Command, Config};
use nexus_gateway::exit::{Exit, Fatal};
use nexus_gateway::report::Printer;
use nexus_gateway::{publish, receive, replay, verify};
use std::io::Stdout;
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
    let command = config.command.as_ref().map_or("replay", Command::name);
    let report = Printer::new(std::io::stdout(), config.json.then_some(command));
    match &config.command {
        None => run(report, |report| replay::main(&config.replay, report)),
        Some(Command::Replay(replay)) => run(report, |report| replay::main(replay, report)),
        Some(Command::Publish(publish)) => run(report, |report| publish::main(publish, report)),
        Some(Command::Receive(receive)) => run(report, |report| receive::main(receive, report)),
        Some(Command::Verify(verify)) => run(report, |report| verify::main(&verify.path, report)),
    }
}

/// Runs a command, and says how it ended.
fn run<E: Fatal>(
    mut report: Printer<Stdout>,
    command: impl FnOnce(&mut Printer<Stdout>) -> Result<(), E>,
) -> ExitCode {
    let result = command(&mut report);
    let error = result.as_ref().err().map(|error| error as &dyn Fatal);
    let shown = report.finish(error);
    match (result, shown) {
        (Ok(()), Ok(())) => ExitCode::SUCCESS,
        (Err(error), _) => {
            eprintln!("error: {error}");
            error.exit().into()
        }
        (Ok(()), Err(error)) => {
            eprintln!("error: cannot write the report: {error}");
            Exit::Other.into()
        }
    }
}
