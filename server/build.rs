//! Tells the program which commit it is built from, and by which compiler for which machine.
//!
//! `MARU_COMMIT` says the commit where git cannot: in an image, say. Without either the program does without.
//! Development builds do, too, so that a commit alone compiles nothing anew.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MARU_COMMIT");
    let commit = match env::var("MARU_COMMIT") {
        Ok(given) => given,
        Err(_) if env::var("PROFILE").as_deref() == Ok("release") => commit(),
        Err(_) => String::new(),
    };
    println!("cargo::rustc-env=MARU_COMMIT={commit}");
    let compiler = env::var("RUSTC")
        .ok()
        .and_then(|rustc| output(&rustc, &["--version"]));
    println!(
        "cargo::rustc-env=MARU_RUSTC={}",
        compiler.as_deref().unwrap_or("rustc")
    );
    println!(
        "cargo::rustc-env=MARU_TARGET={}",
        env::var("TARGET").unwrap_or_default()
    );
}

/// The commit's abbreviated hash, with `-dirty` where the files differ from it. Empty outside a checkout.
fn commit() -> String {
    // A checkout of something else may lie around the sources.
    if !Path::new("../.git").exists() {
        return String::new();
    }
    // What moves when a commit is made, checked out or staged. A file that is missing would count as changed every time.
    let watched = ["HEAD", "logs/HEAD", "index"]
        .into_iter()
        .filter_map(|name| git(&["rev-parse", "--git-path", name]));
    let sources = [
        "src",
        "../app",
        "../crates",
        "../frontend/src",
        "../style",
        "../public",
        "../Cargo.lock",
    ];
    for path in watched.chain(sources.map(str::to_owned)) {
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&[
        "describe",
        "--always",
        "--dirty",
        "--abbrev=12",
        "--exclude=*",
    ])
    .unwrap_or_default()
}

fn git(arguments: &[&str]) -> Option<String> {
    let quietly = ["--no-optional-locks"];
    output("git", &[&quietly, arguments].concat())
}

/// The first line that a program prints, if it can be run and succeeds.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.lines().next().unwrap_or_default().to_owned())
}
