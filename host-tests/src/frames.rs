//! The stack frames of an image, as the compiler says them with `-Z emit-stack-sizes`, and the
//! deepest chain of direct calls through them.

use std::collections::{BTreeMap, BTreeSet};

/// Functions by their addresses.
pub struct Frames(BTreeMap<u32, Function>);

struct Function {
    name: String,
    /// Bytes of its frame; 0 where the compiler says nothing, as of assembler.
    frame: u32,
    /// Whom it calls.
    calls: BTreeSet<u32>,
}

impl Frames {
    /// From the section `.stack_sizes`, and what `objdump -d -C` prints.
    pub fn new(mut sizes: &[u8], code: &str) -> Self {
        let mut functions = BTreeMap::new();
        let mut within = 0;
        for line in code.lines() {
            // `00000cf0 <name>:` begins a function.
            if let Some((address, name)) = line
                .strip_suffix(">:")
                .and_then(|line| line.split_once(" <"))
            {
                within = u32::from_str_radix(address, 16).unwrap_or_default();
                let function = Function {
                    name: name.to_owned(),
                    frame: 0,
                    calls: BTreeSet::new(),
                };
                functions.insert(within, function);
            } else if let (Some(target), Some(function)) =
                (target(line), functions.get_mut(&within))
            {
                function.calls.insert(target);
            }
        }
        // An address, and a number in groups of seven bits.
        while let Some((address, rest)) = sizes.split_first_chunk::<4>() {
            let end = rest.iter().position(|byte| byte & 0x80 == 0);
            let (number, rest) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            let fold = |sum, byte: &u8| sum << 7 | u32::from(byte & 0x7f);
            // Of code for Thumb the lowest bit is set.
            let address = u32::from_le_bytes(*address) & !1;
            if let Some(function) = functions.get_mut(&address) {
                function.frame = number.iter().rev().fold(0, fold);
            }
            sizes = rest;
        }
        Self(functions)
    }

    /// The largest frames, with the functions they are of.
    pub fn largest(&self, count: usize) -> Vec<(u32, &str)> {
        let mut frames: Vec<_> = self.0.values().map(|f| (f.frame, &*f.name)).collect();
        frames.sort_by_key(|(frame, _)| std::cmp::Reverse(*frame));
        frames.truncate(count);
        frames
    }

    /// The chain of direct calls that takes most stack: its sum, and its frames from the outside in.
    /// Calls by a pointer are in no chain.
    pub fn deepest(&self) -> (u32, Vec<(u32, &str)>) {
        let mut known = BTreeMap::new();
        let deepest = self
            .0
            .keys()
            .copied()
            .max_by_key(|f| self.depth(*f, &mut known));
        let mut chain = Vec::new();
        let mut next = deepest;
        while let Some(function) = next.and_then(|at| self.0.get(&at)) {
            chain.push((function.frame, &*function.name));
            let at = next.take();
            let callees = function.calls.iter().copied();
            next = callees
                .filter(|callee| Some(*callee) != at && known.contains_key(callee))
                .max_by_key(|callee| known[callee])
                .filter(|_| chain.len() < 64);
        }
        let sum = deepest.map_or(0, |at| known[&at]);
        (sum, chain)
    }

    /// Stack from `function` on. One that is called again while it is under way counts once.
    fn depth(&self, function: u32, known: &mut BTreeMap<u32, u32>) -> u32 {
        if let Some(depth) = known.get(&function) {
            return *depth;
        }
        let Some(Function { frame, calls, .. }) = self.0.get(&function) else {
            return 0;
        };
        known.insert(function, 0);
        let within = calls.iter().map(|callee| self.depth(*callee, known)).max();
        let depth = frame + within.unwrap_or(0);
        known.insert(function, depth);
        depth
    }
}

/// Where a line of `objdump` calls or jumps to: an address, `bl`, another address and a name.
fn target(line: &str) -> Option<u32> {
    let mut columns = line.split('\t').skip(1);
    let calls = columns.next()?.trim().starts_with('b');
    let (address, _) = columns.next()?.split_once(" <")?;
    let address = u32::from_str_radix(address.rsplit(' ').next()?, 16).ok()?;
    calls.then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_summed_along_the_deepest_chain() {
        let code = "\
00000010 <main>:
  10:\tb580\tpush
  12:\tbl\t20 <near>
  16:\tbl\t30 <far>

00000020 <near>:
  20:\tbx\tlr

00000030 <far>:
  30:\tb.n\t32 <far+0x2>
  32:\tbl\t40 <deep>

00000040 <deep>:
  40:\tbl\t30 <far>
";
        // 8, 400 (two groups), 16, 600.
        let sizes = [
            &[0x11, 0, 0, 0, 8][..],
            &[0x21, 0, 0, 0, 0x90, 0x03],
            &[0x31, 0, 0, 0, 16],
            &[0x41, 0, 0, 0, 0xd8, 0x04],
        ]
        .concat();
        let frames = Frames::new(&sizes, code);
        assert_eq!(frames.largest(2), [(600, "deep"), (400, "near")]);
        let chain = [(8, "main"), (16, "far"), (600, "deep")];
        let (sum, found) = frames.deepest();
        assert_eq!((sum, &found[..3]), (624, &chain[..]));
    }
}
