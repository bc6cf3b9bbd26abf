//! The kept inputs of the fuzz target `stomp_session`: what was found once stays found.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod check;

use std::{fs, path::Path};

#[test]
fn every_kept_input_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/stomp_session");
    let mut inputs = 0;
    for file in fs::read_dir(corpus).unwrap() {
        let file = file.unwrap().path();
        println!("{}", file.display());
        check::check(&fs::read(file).unwrap());
        inputs += 1;
    }
    assert!(inputs > 10, "{inputs} inputs");
}
