//! The gateway program: see `nexus-gateway --help`.

use nexus_gateway::config::{Command, Config, pages};
use nexus_gateway::exit::{Exit, Fatal};
use nexus_gateway::logging::Logging;
use nexus_gateway::report::Printer;
use nexus_gateway::{publish, receive, replay, verify};
use std::io::{Stdout, stdout};
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
    let logging = Logging::start(&config.log);
    let command = config.command.as_ref().map_or("replay", Command::name);
    let report = Printer::new(stdout(), config.json.then_some(command));
    // A page is no report.
    let text = Printer::new(stdout(), None);
    match &config.command {
        None => run(logging, report, |report| {
            replay::main(&config.replay, report)
        }),
        Some(Command::Replay(replay)) => {
            run(logging, report, |report| replay::main(replay, report))
        }
        Some(Command::Publish(publish)) => {
            run(logging, report, |report| publish::main(publish, report))
        }
        Some(Command::Receive(receive)) => {
            run(logging, report, |report| receive::main(receive, report))
        }
        Some(Command::Verify(verify)) => {
            run(logging, report, |report| verify::main(&verify.path, report))
        }
        Some(Command::Completions(completions)) => run(logging, text, |_| {
            pages::completions(*completions, &mut stdout())
        }),
        Some(Command::Man(man)) => run(logging, text, |_| pages::man(man, &mut stdout())),
    }
}

/// The report was not taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report: {0}")]
struct Unwritten(std::io::Error);

/// Runs a command, and says how it ended.
fn run<E: Fatal>(
    logging: Logging,
    mut report: Printer<Stdout>,
    command: impl FnOnce(&mut Printer<Stdout>) -> Result<(), E>,
) -> ExitCode {
    let result = command(&mut report);
    let error = result.as_ref().err().map(|error| error as &dyn Fatal);
    let shown = report.finish(error);
    match (result, shown) {
        (Ok(()), Ok(())) => {
            logging.end(None);
            ExitCode::SUCCESS
        }
        (Err(error), _) => {
            logging.end(Some(&error));
            error.exit().into()
        }
        (Ok(()), Err(error)) => {
            logging.end(Some(&Unwritten(error)));
            Exit::Other.into()
        }
    }
}
