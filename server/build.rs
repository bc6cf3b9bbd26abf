//! Tells the program by which compiler and for which machine it is built.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let compiler = env::var("RUSTC").ok().and_then(|rustc| version(&rustc));
    println!(
        "cargo::rustc-env=MARU_RUSTC={}",
        compiler.as_deref().unwrap_or("rustc")
    );
    println!(
        "cargo::rustc-env=MARU_TARGET={}",
        env::var("TARGET").unwrap_or_default()
    );
}

/// What the compiler says of itself.
fn version(rustc: &str) -> Option<String> {
    let output = Command::new(rustc).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
