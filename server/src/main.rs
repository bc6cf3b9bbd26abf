//! The program `maru`: reads its settings, runs the server, says in one sentence what went wrong.

use std::process::ExitCode;

use clap::Parser as _;
use server::config::{Arguments, Config};

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

fn start() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(Arguments::parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(server::run(config));
    // Whoever asked for the end has been waited for; a thread that hangs on an unreachable broker is not.
    runtime.shutdown_background();
    Ok(ended?)
}
