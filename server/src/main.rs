//! The program `maru`: reads its settings, does what it is told, says in one sentence what went wrong.

use std::error::Error;
use std::process::ExitCode;

use server::config::{Arguments, Command, Config, Environment, Given};
use server::maintenance::{self, MaintenanceError};
use server::web::healthcheck::healthcheck;
use tokio::runtime;

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(error) => {
            // The log may be filtered or go elsewhere; why a program ends belongs on standard error.
            eprintln!("maru: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::of_this_program();
    let environment = Environment::of_this_program();
    let given = Given::gather(&arguments, &environment)?;
    let config = Config::read(&given)?;
    if arguments.command != Command::Healthcheck {
        for warning in environment.misspelled() {
            eprintln!("maru: {warning}");
        }
    }
    match arguments.command {
        Command::Run => run(config)?,
        Command::Config => show(&given)?,
        Command::Repair { yes } => return maintain(|said| maintenance::repair(&config, yes, said)),
        Command::Verify => return maintain(|said| maintenance::verify(&config, said)),
        Command::Healthcheck => {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(healthcheck(config.listen))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(server::run(config));
    // Whoever asked for the end has been waited for; a thread that hangs on an unreachable broker is not.
    runtime.shutdown_background();
    Ok(ended?)
}

/// Carries out what an operator asked for, and tells by the exit code whether all is whole.
fn maintain(
    work: impl FnOnce(&mut dyn std::io::Write) -> Result<bool, MaintenanceError>,
) -> Result<ExitCode, Box<dyn Error>> {
    let is_whole = work(&mut std::io::stdout().lock())?;
    Ok(ExitCode::from(u8::from(!is_whole)))
}

fn show(given: &Given) -> Result<(), Box<dyn Error>> {
    use std::io::Write as _;
    Ok(write!(std::io::stdout().lock(), "{given}")?)
}
