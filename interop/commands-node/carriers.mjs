// How messages travel: JSON lines over a byte stream, and HTTP. Who adds a channel to a registry here also removes it.

import http from "node:http";
import net from "node:net";
import { stdin, stdout } from "node:process";

import { CommandError, failed, problemOf } from "./messages.mjs";

const LINE_MAX = 64 * 1024 * 1024;

// --- lines

/** Calls for each whole line, without its end. */
export function eachLine(readable, call) {
  let rest = "";
  readable.setEncoding("utf8");
  readable.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) call(line);
    if (rest.length > LINE_MAX) readable.destroy();
  });
}

function parse(text) {
  try {
    const message = JSON.parse(text);
    const problem = problemOf(message);
    return problem ? { problem } : { message };
  } catch (error) {
    return { problem: error.message };
  }
}

export function addLines(registry, id, readable, writable) {
  const channel = {
    id,
    send: (message) => writable.writable && writable.write(JSON.stringify(message) + "\n"),
    sendRaw: (line) => writable.write(line + "\n"),
  };
  const gone = () => registry.remove(channel);
  for (const end of new Set([readable, writable])) end.on("error", gone).on("close", gone);
  readable.on("end", () => {
    gone();
    writable.end();
  });
  eachLine(readable, (line) => {
    const { message, problem } = parse(line);
    if (problem) console.error(`dropped a line: ${problem}`);
    else registry.receive(channel, message);
  });
  registry.add(channel);
  return channel;
}

const hostAndPort = (text) => {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
};

/** The two halves of what tcp:HOST:PORT, unix:PATH or stdio names. */
export function dial(address) {
  if (address === "stdio") return Promise.resolve([stdin, stdout]);
  const at = address.startsWith("unix:") ? { path: address.slice(5) } : hostAndPort(address.slice(4));
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...at, noDelay: true }, () => resolve([socket, socket]));
    socket.once("error", reject);
  });
}

/** Listens, and gives the address with the port that it got. */
export function listen(registry, address, nextId) {
  const isHttp = address.startsWith("http:");
  const server = isHttp
    ? httpServer(registry)
    : net.createServer({ noDelay: true }, (socket) => addLines(registry, nextId(), socket, socket));
  const at = address.startsWith("unix:")
    ? { path: address.slice(5) }
    : hostAndPort(address.slice(address.indexOf(":") + 1));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(at, () => {
      const bound = server.address();
      if (typeof bound === "string") resolve(address);
      else resolve(`${isHttp ? "http://" : "tcp:"}${bound.address}:${bound.port}`);
    });
  });
}

// --- HTTP: lists and executes only, one message each way a POST

const REQUESTS = ["list.commands.request", "execute.command.request"];

function httpServer(registry) {
  return http.createServer(async (request, response) => {
    const json = (status, value) =>
      response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    if (request.method === "GET" && request.url === "/cmds.json") {
      const commands = [...registry.local.values()]
        .map((entry) => entry.definition)
        .filter(({ id }) => !id.startsWith("_"));
      return json(200, { cmdschema: "1.0.0", commands });
    }
    if (request.method !== "POST" || request.url !== "/cmd")
      return json(404, { error: "POST /cmd and GET /cmds.json are here" });
    let body = "";
    request.setEncoding("utf8");
    for await (const text of request) body += text;
    const { message, problem } = parse(body);
    if (problem) return json(400, { error: problem });
    if (!REQUESTS.includes(message.type)) return json(403, { error: `${message.type} is not allowed` });
    // One line and then the end, each a chunk of its own, as the servers in the field write it.
    const send = (reply) => {
      response.writeHead(200, { "Content-Type": "application/x-ndjson" });
      response.write(JSON.stringify(reply) + "\n");
      response.end();
    };
    registry.receive({ id: `http ${message.id}`, send }, message);
  });
}

/** Calls over kept connections. What HTTP cannot carry is dropped; what goes wrong is answered at once. */
export function addHttp(registry, id, url, token) {
  const agent = new http.Agent({ keepAlive: true });
  const headers = { "Content-Type": "application/json", Accept: "application/x-ndjson" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const post = (message) =>
    new Promise((resolve, reject) => {
      const request = http.request(`${url}/cmd`, { method: "POST", agent, headers }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (text) => (body += text));
        response.on("error", reject);
        response.on("end", () => {
          if (response.statusCode !== 200)
            return reject(new CommandError("internal_error", `HTTP ${response.statusCode}: ${body}`));
          const { message: reply, problem } = parse(body.split("\n").find((line) => line.trim()) ?? "");
          if (problem) reject(new CommandError("internal_error", `a bad reply: ${problem}`));
          else resolve(reply);
        });
      });
      request.on("error", (error) => reject(new CommandError("channel_disconnected", error.message)));
      request.end(JSON.stringify(message));
    });
  const channel = {
    id,
    send(message) {
      if (!REQUESTS.includes(message.type)) return;
      post(message).then(
        (reply) => registry.receive(channel, reply),
        (error) => {
          if (message.type === "execute.command.request")
            registry.receive(channel, failed(message, CommandError.of(error)));
          else console.error(`no list from ${url}: ${error.message}`);
        },
      );
    },
  };
  registry.add(channel);
  return channel;
}

/** Two registries in one process, whose messages pass by reference in later turns of the loop. */
export function addPair(a, b, nameOfA, nameOfB) {
  const end = (to, id) => ({ id, send: (message) => queueMicrotask(() => to.registry.receive(to.channel, message)) });
  const [atA, atB] = [{ registry: a }, { registry: b }];
  atA.channel = end(atB, nameOfB);
  atB.channel = end(atA, nameOfA);
  for (const { registry, channel } of [atA, atB]) registry.add(channel);
}
