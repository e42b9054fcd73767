// An MCP server of the official SDK with tools and nothing else.
//
// Usage: node reference_server.mjs http    prints {"url": ..} and serves
//        node reference_server.mjs stdio   speaks on its standard streams

import { argv, exit } from "node:process";

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError } from "@modelcontextprotocol/sdk/types.js";

import { serveSessions } from "./http_sessions.mjs";
import { toolsOf } from "./tools.mjs";

const PAGE = 10; // tools in an answer to tools/list; the suite looks for its own on the first page only

function makeServer() {
  const server = new Server(
    { name: "reference", version: "0.0.0" },
    { capabilities: { tools: { listChanged: true } } },
  );
  const state = { hasAdded: false, cancelled: 0 };

  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    const begin = Number(params?.cursor ?? 0);
    const all = toolsOf(state);
    const tools = all.slice(begin, begin + PAGE).map(([name, [description, inputSchema, , outputSchema]]) => ({
      name,
      description,
      inputSchema,
      ...(outputSchema && { outputSchema }),
    }));
    const end = begin + PAGE;
    return { tools, ...(end < all.length && { nextCursor: String(end) }) };
  });

  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    const tool = toolsOf(state).find(([name]) => name === params.name);
    if (!tool) throw new McpError(ErrorCode.InvalidParams, `no tool ${params.name}`);
    const [, [, inputSchema, call]] = tool;
    const request = params.arguments ?? {};
    const missing = (inputSchema.required ?? []).find((property) => typeof request[property] !== "number");
    if (missing) throw new McpError(ErrorCode.InvalidParams, `${missing} is not a number`);
    return call({ request, extra, state, server });
  });
  return server;
}

if (argv[2] === "stdio") {
  await makeServer().connect(new StdioServerTransport());
} else if (argv[2] === "http") {
  const url = await serveSessions((transport) => makeServer().connect(transport), { resumable: true });
  console.log(JSON.stringify({ url }));
} else {
  console.error("usage: reference_server.mjs http | stdio");
  exit(2);
}
