//! The kept inputs of the fuzz target `stomp_codec`: what was found once stays found.

mod check;

use std::{fs, path::Path};

#[test]
fn every_kept_input_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/stomp_codec");
    let mut inputs = 0;
    for file in fs::read_dir(corpus).unwrap() {
        let file = file.unwrap().path();
        println!("{}", file.display());
        check::check(&fs::read(file).unwrap());
        inputs += 1;
    }
    assert!(inputs > 10, "{inputs} inputs");
}
