// A cmd-ipc registry as a program, written from the rules of the protocol; steered by the environment and by orders on
// its standard input, as interop/README.md says.

import { argv, env, exit } from "node:process";

import { bench } from "./bench.mjs";
import { addHttp, addLines, dial, listen } from "./carriers.mjs";
import { registerKnown } from "./commands.mjs";
import { takeOrders } from "./orders.mjs";
import { Registry } from "./registry.mjs";

const addresses = (text) => (text ? text.split(",") : []);

async function run() {
  const name = env.PEER_NAME || "node";
  const role = env.PEER_ROLE || "root";
  if (!["root", "child", "sibling"].includes(role)) throw new Error(`PEER_ROLE is root, child or sibling, not ${role}`);
  const isChild = role === "child";
  const registry = new Registry({ isChild, ttlMs: Number(env.PEER_TTL_MS || 30_000) });
  let channels = 0;
  const nextId = () => `peer-${++channels}`;

  const connect = addresses(env.PEER_CONNECT);
  const usesStdio = connect.includes("stdio");
  if (isChild) addLines(registry, "router", ...(await dial(connect.shift())));
  await registerKnown(registry, name);
  const listens = [];
  for (const address of addresses(env.PEER_LISTEN)) listens.push(await listen(registry, address, nextId));
  for (const address of connect) {
    if (address.startsWith("http:")) addHttp(registry, nextId(), address, env.PEER_TOKEN);
    else addLines(registry, nextId(), ...(await dial(address)));
  }
  const hello = { ready: true, listens };
  if (env.PEER_ORDERS) takeOrders({ registry, nextId }, await dial(env.PEER_ORDERS), hello);
  else if (!usesStdio) takeOrders({ registry, nextId }, await dial("stdio"), hello);
}

try {
  if (argv[2] === "--bench") await bench(argv.slice(3));
  else await run();
} catch (error) {
  console.error(`peer: ${error.message}`);
  exit(1);
}
