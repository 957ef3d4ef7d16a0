// SPDX-License-Identifier: AGPL-3.0-or-later
// Reads an SDL from standard input, prints what is wrong with it, a line each,
// and then makes the manifest that a provider would get. Runs in the folder
// that setup.sh has installed into.
"use strict";

const { createRequire } = require("node:module");
const fs = require("node:fs");

const here = createRequire(`${process.cwd()}/node_modules/`);
const { generateManifest, validateSDL } = here("@akashnetwork/chain-sdk");

const sdl = here("js-yaml").load(fs.readFileSync(0, "utf8"));
const errors = validateSDL(sdl, "mainnet") ?? [];
for (const error of errors) {
  console.log(`${error.instancePath}: ${error.message}`);
}
if (errors.length === 0 && !generateManifest(sdl, "mainnet").ok) {
  console.log("no manifest can be made of it");
}
