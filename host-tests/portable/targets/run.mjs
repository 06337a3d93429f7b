// Runs the vectors in a wasm32 module: node run.mjs MODULE. Prints a line for each.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
assert.equal(WebAssembly.Module.imports(module).length, 0, "the module imports nothing");
const { vectors, run, cases, wrong } = new WebAssembly.Instance(module).exports;
for (let index = 0; index < vectors(); index++) {
  const digest = BigInt.asUintN(64, run(index)).toString(16).padStart(16, "0");
  console.log(`${cases()} ${wrong()} ${digest}`);
}
