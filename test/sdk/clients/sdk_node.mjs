// SPDX-License-Identifier: AGPL-3.0-or-later
// openai for Node behind the lines that sdk.py describes. The argument is the
// directory of its package.
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";

const entry = pathToFileURL(path.join(process.argv[2], "index.mjs"));
const { default: OpenAI } = await import(entry.href);

function tell(job, answer) {
  const line = JSON.stringify({ number: job.number, ...answer });
  process.stdout.write(line + "\n");
}

// An exception in the form of sdk.py.
function describe(error) {
  const classes = [];
  let one = error.constructor;
  while (one?.name) {
    classes.push(one.name);
    one = Object.getPrototypeOf(one);
  }
  return {
    classes,
    text: error.message,
    status: error.status ?? null,
    code: error.code ?? null,
    param: error.param ?? null,
    type: error.type ?? null,
    request_id: error.requestID ?? null,
    headers: Object.fromEntries(error.headers ?? []),
  };
}

function tellResult(job, value) {
  tell(job, {
    result: value.body ?? value, // a page has its JSON in body
    request_id: value._request_id ?? null,
  });
}

async function tellStream(job, stream) {
  let number = 0;
  for await (const chunk of stream) {
    number += 1;
    tell(job, { chunk });
    if (number === job.leave_after) {
      break;
    }
  }
  tell(job, { result: null, request_id: null });
}

async function run(job) {
  const client = new OpenAI({
    baseURL: job.client.base_url,
    apiKey: job.client.api_key,
    maxRetries: job.client.max_retries,
    timeout: job.client.timeout * 1000,
    defaultHeaders: job.client.headers,
  });
  const steps = job.method.split(".");
  const name = steps.pop();
  const owner = steps.reduce((object, step) => object[step], client);
  const values = [...job.positional];
  if (Object.keys(job.named).length > 0) {
    values.push(job.named);
  }
  if (name === "stream") {
    tellResult(job, await owner.stream(...values).finalChatCompletion());
    return;
  }
  const value = await owner[name](...values);
  if (Symbol.asyncIterator in value && "controller" in value) {
    await tellStream(job, value);
  } else {
    tellResult(job, value);
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  await run(job).catch((error) => tell(job, { error: describe(error) }));
}
