//! All that fuzzing has found, and the seeds it began with, through the functions that fuzzers call.

use std::path::Path;

#[test]
fn every_input_of_the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut bytes = 0;
    for (name, run) in fuzz::TARGETS {
        let seeds = fuzz::seeds::of(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.iter().for_each(|seed| run(seed));
        let folder = corpus.join(name);
        let files = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for file in files {
            let path = file.unwrap().path();
            let input = std::fs::read(&path).unwrap();
            // Where the input panics, this line says which one it was.
            println!("{}", path.display());
            run(&input);
            (count, bytes) = (count + 1, bytes + input.len());
        }
        assert!(count > 0, "the corpus of {name} is empty");
        println!("{name}: {} seeds and {count} inputs", seeds.len());
    }
    assert!(
        bytes < 2_000_000,
        "the corpus has {bytes} bytes: minimise it"
    );
}
