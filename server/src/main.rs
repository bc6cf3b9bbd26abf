//! The program `maru`: reads its settings, runs the server, says in one sentence what went wrong.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;
use server::config::{Arguments, Command, Config};
use server::web::healthcheck::healthcheck;

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The log may be filtered or go elsewhere; why a program ends belongs on standard error.
            eprintln!("maru: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let command = arguments.command();
    let config = Config::load(arguments)?;
    match command {
        None => run(config),
        Some(Command::Healthcheck) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok(runtime.block_on(healthcheck(config.listen))?)
        }
    }
}

fn run(config: Config) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(server::run(config));
    // Whoever asked for the end has been waited for; a thread that hangs on an unreachable broker is not.
    runtime.shutdown_background();
    Ok(ended?)
}
