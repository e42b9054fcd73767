// A client of the official SDK that drives a whole session against a server and says what came back: one line of JSON a
// step. Its exit code is 1 when a step went wrong.
//
// Usage: node session.mjs [--tool NAME=THEIRS]... [--without STEP,..] URL
//        node session.mjs [--tool NAME=THEIRS]... [--without STEP,..] COMMAND [ARGUMENT]...
//
// The tools that it calls are add, echo, fail, void, progress, slow, cancelled and change, as tools.mjs has them;
// --tool tells the name that the server has for one. A step whose tool is not offered says so and is not wrong.

import assert from "node:assert/strict";
import { argv, env, exit } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { EventSourceParserStream } from "eventsource-parser/stream";

const IN_FLIGHT = 100;

// --- what the command line asks

const theirs = new Map();
let without = [];
let target = argv.slice(2);
while (target[0]?.startsWith("--")) {
  const [option, value, ...rest] = target;
  if (option === "--tool") theirs.set(...value.split("="));
  else if (option === "--without") without = value.split(",");
  else throw new Error(`unknown option ${option}`);
  target = rest;
}
const isHttp = /^https?:/.test(target[0]);

// --- the connection; the streams that it gets from the server can be cut

const gets = []; // one a stream: {cut, status}
const cuttable = async (url, options) => {
  if (options.method !== "GET") return fetch(url, options);
  const controller = new AbortController();
  const response = await fetch(url, { ...options, signal: AbortSignal.any([options.signal, controller.signal]) });
  gets.push({ cut: () => controller.abort(), status: response.status });
  return response;
};
const transport = isHttp
  ? new StreamableHTTPClientTransport(new URL(target[0]), {
      fetch: cuttable,
      reconnectionOptions: {
        initialReconnectionDelay: 50,
        maxReconnectionDelay: 200,
        reconnectionDelayGrowFactor: 1.5,
        maxRetries: 20,
      },
    })
  : new StdioClientTransport({ command: target[0], args: target.slice(1), env, stderr: "inherit" });
let protocol; // as agreed; the client tells its transport, which need not listen
const tellTransport = transport.setProtocolVersion?.bind(transport);
transport.setProtocolVersion = (version) => {
  protocol = version;
  tellTransport?.(version);
};
const client = new Client({ name: "session", version: "0.0.0" });

let changes = 0;
client.setNotificationHandler(ToolListChangedNotificationSchema, () => void (changes += 1));

// Ends when the outcome is there; who started this program ends it if that never happens.
const until = async (isSo) => {
  while (!isSo()) await sleep(10);
};

let offered = new Map();
const listAll = async () => {
  const pages = [];
  let cursor;
  do {
    pages.push(await client.listTools({ cursor }));
    cursor = pages.at(-1).nextCursor;
  } while (cursor !== undefined);
  return { pages: pages.length, tools: pages.flatMap((page) => page.tools) };
};
const call = (name, request, options = {}) =>
  client.callTool({ name: theirs.get(name) ?? name, arguments: request }, undefined, options);
const textOf = (result) => result.content.find((item) => item.type === "text")?.text;

// --- a session by hand, whose streams nobody opens again before something was missed

async function byHand(url) {
  const headers = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
  let id = 0;
  const post = async (message) => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const response = await fetch(url, { method: "POST", headers, body });
    await response.text();
    return response;
  };
  const request = (method, params) => post({ id: ++id, method, params });
  const clientInfo = { name: "by hand", version: "0.0.0" };
  const begun = await request("initialize", { protocolVersion: protocol, capabilities: {}, clientInfo });
  headers["MCP-Protocol-Version"] = protocol;
  headers["Mcp-Session-Id"] = begun.headers.get("mcp-session-id");
  await post({ method: "notifications/initialized" });

  /** The stream of the server after an event, when it can be had. */
  const stream = async (lastEventId) => {
    const controller = new AbortController();
    const options = { headers: { ...headers, ...(lastEventId && { "Last-Event-ID": lastEventId }) } };
    let response;
    do response = await fetch(url, { ...options, signal: controller.signal });
    while (response.status === 409); // it has not yet seen that the one before was cut
    if (!response.ok) return { status: response.status };
    const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    const reader = events.getReader();
    const nextMessage = async () => {
      const { value } = await reader.read();
      return value.data ? { id: value.id, ...JSON.parse(value.data) } : nextMessage();
    };
    return { nextMessage, cut: () => controller.abort() };
  };
  const call = (name) => request("tools/call", { name: theirs.get(name) ?? name, arguments: {} });
  const list = () => request("tools/list", {});
  return { call, list, stream };
}

// --- the steps

const STEPS = {
  initialize: async () => {
    await client.connect(transport);
    const capabilities = client.getServerCapabilities();
    assert.ok(capabilities.tools, "the server has tools");
    return {
      server: client.getServerVersion(),
      capabilities,
      protocol,
      session: transport.sessionId !== undefined,
    };
  },
  ping: () => client.ping(),
  list: async () => {
    const { pages, tools } = await listAll();
    offered = new Map(tools.map((tool) => [tool.name, tool]));
    assert.equal(offered.size, tools.length, "no name is twice in the list");
    const silent = tools.filter((tool) => !tool.description).map((tool) => tool.name);
    assert.deepEqual(silent, [], "each tool has a description");
    return { pages, tools: tools.map((tool) => tool.name) };
  },
  call: async () => {
    const result = await call("add", { a: 1, b: 2.5 });
    assert.equal(JSON.parse(textOf(result)).sum, 3.5);
    return { content: result.content };
  },
  structured: async () => {
    const { structuredContent } = await call("add", { a: 1, b: 2 });
    assert.deepEqual(structuredContent, { sum: 3 });
    return { structuredContent };
  },
  echo: async () => {
    const request = { text: 'a "b" \\ \n \u00e9 \u2028 \u{1f600}', nested: [1, null, { deep: true }] };
    assert.deepEqual(JSON.parse(textOf(await call("echo", request))), request);
    return {};
  },
  big: async () => {
    const request = { text: "x".repeat(1 << 20) };
    assert.deepEqual(JSON.parse(textOf(await call("echo", request))), request);
    return {};
  },
  void: async () => {
    const { content, isError } = await call("void");
    assert.ok(!isError);
    return { content };
  },
  fail: async () => {
    const result = await call("fail");
    assert.equal(result.isError, true);
    assert.match(textOf(result), /failed as asked/);
    return { content: result.content };
  },
  unknown_tool: async () => {
    const error = await call("no_such_tool").then(
      () => assert.fail("a tool that is not there was called"),
      (refused) => refused,
    );
    assert.equal(error.code, -32602);
    return { code: error.code, message: error.message };
  },
  wrong_arguments: async () => {
    // Either form is right: an error of the protocol, or one that the model gets to see.
    const outcome = await call("add", { a: "one" }).catch((error) => ({ code: error.code, message: error.message }));
    assert.ok(outcome.isError || outcome.code === -32602, JSON.stringify(outcome));
    return { outcome };
  },
  progress: async () => {
    const seen = [];
    await call("progress", { steps: 5 }, { onprogress: ({ progress }) => seen.push(progress) });
    assert.ok(seen.length >= 3, `${seen.length} reports`);
    assert.deepEqual(
      seen,
      [...new Set(seen)].sort((a, b) => a - b),
      "progress rises",
    );
    return { seen };
  },
  concurrent: async () => {
    const numbers = Array.from({ length: IN_FLIGHT }, (_, number) => number);
    const results = await Promise.all(numbers.map((number) => call("echo", { number })));
    const answers = results.map((result) => JSON.parse(textOf(result)).number);
    assert.deepEqual(answers, numbers);
    return { calls: IN_FLIGHT };
  },
  list_changed: async () => {
    const before = (await listAll()).tools.map((tool) => tool.name);
    if (isHttp) await until(() => gets.length);
    const heard = changes;
    await call("change");
    await until(() => changes > heard);
    const after = (await listAll()).tools.map((tool) => tool.name);
    assert.notDeepEqual(after, before);
    return { added: after.filter((name) => !before.includes(name)) };
  },
  reconnect: async () => {
    if (!isHttp) return { skipped: "only over HTTP" };
    await until(() => gets.length);
    if (gets[0].status === 405) return { skipped: "the server has no stream of its own" };
    const streams = gets.length;
    // All of them: the client also resumes the streams of calls that were answered with an error.
    for (const { cut } of gets) cut();
    await until(() => gets.slice(streams).some(({ status }) => status === 200));
    const heard = changes;
    while (changes === heard) await call("change"); // without a store, what is told before the stream is back is lost
    return { streams: gets.length };
  },
  resume: async () => {
    if (!isHttp) return { skipped: "only over HTTP" };
    const { call: callByHand, list: listByHand, stream } = await byHand(target[0]);
    const before = await stream();
    if (before.status === 405) return { skipped: "the server has no stream of its own" };
    await callByHand("change");
    const seen = await before.nextMessage();
    if (seen.id === undefined) return { skipped: "its events have no ids" };
    before.cut();
    await listByHand(); // a server need not say twice that an old list is old
    await callByHand("change");
    const after = await stream(seen.id);
    const missed = await after.nextMessage();
    after.cut();
    assert.equal(missed.method, "notifications/tools/list_changed");
    assert.notEqual(missed.id, seen.id);
    return { seen: seen.id, missed: missed.id };
  },
  cancel: async () => {
    const controller = new AbortController();
    const slow = call("slow", { ms: 3_600_000 }, { signal: controller.signal });
    await client.ping(); // so that the call has reached the server
    controller.abort("changed my mind");
    await assert.rejects(slow);
    if (!offered.has(theirs.get("cancelled") ?? "cancelled")) return { counted: false };
    let count = 0;
    while (!count) ({ count } = JSON.parse(textOf(await call("cancelled"))));
    return { counted: count };
  },
  end: async () => {
    if (!isHttp) {
      await client.close();
      return {};
    }
    const id = transport.sessionId;
    await transport.terminateSession();
    await client.close();
    if (id === undefined) return { session: false };
    const headers = {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "Mcp-Session-Id": id,
    };
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
    const { status } = await fetch(target[0], { method: "POST", headers, body });
    assert.equal(status, 404, "an ended session is not found");
    return { status };
  },
};

// The tool that a step stands on, where it is not called as the step.
const NEEDS = {
  call: "add",
  structured: "add",
  echo: "echo",
  big: "echo",
  void: "void",
  fail: "fail",
  wrong_arguments: "add",
  progress: "progress",
  concurrent: "echo",
  cancel: "slow",
  list_changed: "change",
  reconnect: "change",
  resume: "change",
};

let isWrong = false;
for (const [step, take] of Object.entries(STEPS).filter(([name]) => !without.includes(name))) {
  const needs = NEEDS[step] && (theirs.get(NEEDS[step]) ?? NEEDS[step]);
  try {
    const came = needs && !offered.has(needs) ? { skipped: `no tool ${needs}` } : await take();
    console.log(JSON.stringify({ step, ok: true, ...came }));
  } catch (error) {
    isWrong = true;
    console.log(JSON.stringify({ step, ok: false, error: error.message, code: error.code }));
    if (step === "initialize") break;
  }
}
exit(isWrong ? 1 : 0);
