// A client of the official SDK as the conformance suite wants one: it connects, lists, and calls what the scenario
// offers.
//
// Usage: node reference_client.mjs URL

import { argv } from "node:process";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const ARGUMENTS = { add_numbers: { a: 5, b: 3 }, test_reconnection: {} };

const client = new Client({ name: "reference", version: "0.0.0" });
await client.connect(new StreamableHTTPClientTransport(new URL(argv[2])));
const { tools } = await client.listTools();
for (const { name } of tools) {
  if (Object.hasOwn(ARGUMENTS, name)) await client.callTool({ name, arguments: ARGUMENTS[name] });
}
await client.close();
