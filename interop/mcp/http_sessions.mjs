// MCP over streamable HTTP at one path, by the official transport: who opens a session gets something of its own.

import { randomUUID } from "node:crypto";
import http from "node:http";

import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { isInitializeRequest } from "@modelcontextprotocol/sdk/types.js";

/** Events that a client which comes back has missed; kept as long as the session. */
class EventStore {
  events = []; // {stream, message}; an event's id is its place here

  async storeEvent(stream, message) {
    this.events.push({ stream, message });
    return String(this.events.length - 1);
  }

  async getStreamIdForEventId(id) {
    return this.events[Number(id)]?.stream;
  }

  async replayEventsAfter(id, { send }) {
    const { stream } = this.events[Number(id)];
    const missed = [...this.events.entries()].slice(Number(id) + 1).filter(([, event]) => event.stream === stream);
    // An empty message is what primes a stream, and nothing that its reader misses.
    for (const [place, { message }] of missed) if (Object.keys(message).length) await send(String(place), message);
    return stream;
  }
}

const refuse = (response, status, code, message) =>
  response
    .writeHead(status, { "Content-Type": "application/json" })
    .end(JSON.stringify({ jsonrpc: "2.0", error: { code, message }, id: null }));

const bodyOf = async (request) => {
  let text = "";
  request.setEncoding("utf8");
  for await (const part of request) text += part;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // which the transport refuses by itself
  }
};

/** Serves /mcp on a free port and gives its URL. `open` is handed the transport of each new session. */
export async function serveSessions(open, { resumable = false } = {}) {
  const transports = new Map();
  let port;

  const begin = async () => {
    const hosts = [`localhost:${port}`, `127.0.0.1:${port}`];
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
      onsessionclosed: (id) => void transports.delete(id),
      enableDnsRebindingProtection: true,
      allowedHosts: hosts,
      allowedOrigins: hosts.map((host) => `http://${host}`),
      ...(resumable && { eventStore: new EventStore(), retryInterval: 100 }),
    });
    await open(transport);
    return transport;
  };

  const server = http.createServer(async (request, response) => {
    if (new URL(request.url, "http://localhost").pathname !== "/mcp") return response.writeHead(404).end();
    const body = request.method === "POST" ? await bodyOf(request) : undefined;
    const id = request.headers["mcp-session-id"];
    if (id && !transports.has(id)) return refuse(response, 404, -32001, "there is no such session");
    const transport = id ? transports.get(id) : isInitializeRequest(body) && (await begin());
    if (!transport) return refuse(response, 400, -32000, "Mcp-Session-Id is missing");
    return transport.handleRequest(request, response, body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = server.address().port;
  return `http://localhost:${port}/mcp`;
}
