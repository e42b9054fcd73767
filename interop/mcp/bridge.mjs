// Lets what speaks MCP over HTTP reach a server that speaks it on its standard streams: each session has a process of
// its own, which ends with it.
//
// Usage: node bridge.mjs COMMAND [ARGUMENT]...    prints {"url": ..} and serves

import { argv, env } from "node:process";

import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

import { serveSessions } from "./http_sessions.mjs";

const [command, ...args] = argv.slice(2);

async function relay(session) {
  const process = new StdioClientTransport({ command, args, env });
  const requests = new Map(); // progress token -> id of the request that has it, whose stream its progress goes to

  session.onmessage = (message) => {
    const token = message.params?._meta?.progressToken;
    if (token !== undefined) requests.set(token, message.id);
    process.send(message).catch((error) => console.error(`to the process: ${error.message}`));
  };
  process.onmessage = (message) => {
    const relatedRequestId = requests.get(message.params?.progressToken);
    session.send(message, { relatedRequestId }).catch((error) => console.error(`to the session: ${error.message}`));
  };
  session.onclose = () => process.close();
  process.onclose = () => session.close();
  await process.start();
  await session.start();
}

console.log(JSON.stringify({ url: await serveSessions(relay) }));
