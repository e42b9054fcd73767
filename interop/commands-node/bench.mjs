// Round trips a second: inside one registry, between two in one process, and over lines or HTTP to a peer that runs
// elsewhere.

import { env, exit, stdout } from "node:process";

import { addHttp, addLines, addPair, dial } from "./carriers.mjs";
import { registerKnown } from "./commands.mjs";
import { Registry } from "./registry.mjs";

const WARM_UP_MS = 200;
const MEASURED_MS = 1000;

/** Without arguments: local and pair. With the address of a peer and its command, `root.add` or the like: that. */
export async function bench([address, command]) {
  const rows = [];
  if (address) {
    const isHttp = address.startsWith("http:");
    const registry = new Registry({ isChild: true });
    if (isHttp) addHttp(registry, "router", address, env.PEER_TOKEN);
    else addLines(registry, "router", ...(await dial(address)));
    const path = address.split(":")[0];
    for (const inFlight of [1, 64]) rows.push(await measure(path, registry, command, inFlight));
  } else {
    const [root, child] = [new Registry(), new Registry({ isChild: true })];
    await registerKnown(root, "bench");
    rows.push(await measure("local", root, "bench.add", 1));
    addPair(root, child, "router", "child");
    for (const inFlight of [1, 64]) rows.push(await measure("pair", child, "bench.add", inFlight));
  }
  stdout.write(JSON.stringify({ peer: "node", rows }) + "\n", () => exit(0));
}

async function measure(path, registry, command, inFlight) {
  await callFor(WARM_UP_MS, registry, command, inFlight);
  const begun = performance.now();
  const micros = await callFor(MEASURED_MS, registry, command, inFlight);
  const seconds = (performance.now() - begun) / 1000;
  micros.sort((a, b) => a - b);
  const at = (part) => Number(micros[Math.floor((micros.length - 1) * part)].toFixed(2));
  return {
    path,
    in_flight: inFlight,
    per_second: Math.round(micros.length / seconds),
    p50_us: at(0.5),
    p99_us: at(0.99),
  };
}

async function callFor(ms, registry, command, inFlight) {
  const end = performance.now() + ms;
  const micros = [];
  const caller = async () => {
    for (let now = performance.now(); now < end;) {
      const { result } = await registry.execute(command, { a: micros.length, b: 1 });
      const after = performance.now();
      if (typeof result.sum !== "number") throw new Error(`${command} answered ${JSON.stringify(result)}`);
      micros.push((after - now) * 1000);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  return micros;
}
