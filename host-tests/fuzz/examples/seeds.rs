//! Writes the seeds of a target as files, for libFuzzer.

fn main() -> std::io::Result<()> {
    let args: Vec<_> = std::env::args().collect();
    let [_, target, folder] = &args[..] else {
        panic!("usage: seeds TARGET FOLDER");
    };
    for (number, seed) in fuzz::seeds::of(target).into_iter().enumerate() {
        std::fs::write(format!("{folder}/{number:03}"), seed)?;
    }
    Ok(())
}
