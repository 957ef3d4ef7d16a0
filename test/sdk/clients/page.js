// SPDX-License-Identifier: AGPL-3.0-or-later
// What a page does; browser.py calls these functions.
"use strict";

// As openai for Node sends them from a page.
const clientHeaders = {
  "accept": "application/json",
  "x-stainless-lang": "js",
  "x-stainless-package-version": "6.49.0",
  "x-stainless-os": "Unknown",
  "x-stainless-arch": "unknown",
  "x-stainless-runtime": "browser:chrome",
  "x-stainless-runtime-version": "150.0.0",
  "x-stainless-retry-count": "0",
  "x-stainless-timeout": "600",
};

function chatOptions(key, fields) {
  return {
    method: "POST",
    headers: {
      ...clientHeaders,
      "authorization": `Bearer ${key}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({
      model: "Meta-Llama-3-3-70B-Instruct",
      messages: [{ role: "user", content: "Hi" }],
      ...fields,
    }),
  };
}

// What the page may see of an answer, or that it sees none.
async function ask(url, options) {
  try {
    const response = await fetch(url, options);
    const text = await response.text();
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      text,
    };
  } catch (error) {
    return { error: String(error) };
  }
}

function get(url, key) {
  const headers = { ...clientHeaders };
  if (key !== null) {
    headers.authorization = `Bearer ${key}`;
  }
  return ask(url, { headers });
}

function chat(url, key, fields) {
  return ask(url, chatOptions(key, fields));
}

// Requests that need no preflight, such as a form could send.
function plainGet(url) {
  return ask(url);
}

function plainPost(url) {
  const { body } = chatOptions("none", {});
  return ask(url, { method: "POST", body });
}

// A page without an origin, in a frame, that asks.
async function askFromSandbox(url) {
  const answered = new Promise((resolve) => {
    window.addEventListener("message", (event) => resolve(event.data),
      { once: true });
  });
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.srcdoc = `<script>${ask}
    ask(${JSON.stringify(url)}).then((one) => parent.postMessage(one, "*"));
  </script>`;
  document.body.append(frame);
  return answered;
}

// A stream that is read piece by piece.
let reader = null;
let stop = null;

async function openStream(url, key) {
  stop = new AbortController();
  const response = await fetch(url,
    { ...chatOptions(key, { stream: true }), signal: stop.signal });
  reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  return response.status;
}

// Reads until a text has come, or to the end.
async function readUntil(text) {
  let read = "";
  while (text === null || !read.includes(text)) {
    const { value, done } = await reader.read();
    if (done) {
      break;
    }
    read += value;
  }
  return read;
}

function leaveStream() {
  stop.abort();
}

// The official client.
async function makeClient(base) {
  const { default: OpenAI } = await import("/openai/index.mjs");
  return new OpenAI({ baseURL: base, apiKey: "none", maxRetries: 0,
    dangerouslyAllowBrowser: true });
}

async function listWithClient(base) {
  const client = await makeClient(base);
  const page = await client.models.list();
  return page.data.map((model) => model.id);
}

async function streamWithClient(base) {
  const client = await makeClient(base);
  const stream = await client.chat.completions.create(
    JSON.parse(chatOptions("none", { stream: true }).body));
  let text = "";
  for await (const chunk of stream) {
    text += chunk.choices[0].delta.content ?? "";
  }
  return text;
}

async function failWithClient(base) {
  const client = await makeClient(base);
  try {
    await client.models.retrieve("no/model");
    return null;
  } catch (error) {
    return [error.constructor.name, error.status, error.code,
      error.requestID];
  }
}
