// A command registry: local commands, those of the peers on its channels, and events. It stands on the message rules
// alone.
//
// A channel is an object with `id` and `send(message)`. Whoever owns it calls `add`, then `receive` for each message,
// which must have passed problemOf(), and `remove` once, when the peer is gone.

import { CommandError, answer, executed, failed, make } from "./messages.mjs";

const isPrivate = (id) => id.startsWith("_");

const notFound = (id) => new CommandError("not_found", `no command ${id}`);
const disconnected = () => new CommandError("channel_disconnected", "the channel is closed");

export class Registry {
  channels = new Map();
  local = new Map(); // id -> {definition, handler}
  remote = new Map(); // id -> {definition, channel}
  pending = new Map(); // id of our request -> {channel, settle, timer}
  routes = new Map(); // id of a forwarded request -> {origin, target, request, timer}
  seen = new Map(); // id of an event -> when it may be forgotten
  listeners = [];

  constructor({ isChild = false, ttlMs = 30_000, eventTtlMs = 5_000 } = {}) {
    this.isChild = isChild; // its router is the channel called "router"
    this.ttlMs = ttlMs;
    this.eventTtlMs = eventTtlMs;
  }

  get router() {
    return this.isChild ? this.channels.get("router") : undefined;
  }

  // --- channels

  add(channel) {
    if (this.channels.has(channel.id)) throw new Error(`there is a channel ${channel.id}`);
    this.channels.set(channel.id, channel);
    channel.send(make("list.commands.request"));
  }

  remove(channel) {
    if (this.channels.get(channel.id) !== channel) return;
    this.channels.delete(channel.id);
    for (const [id, { channel: owner }] of this.remote) if (owner === channel) this.remote.delete(id);
    for (const [id, { channel: asked }] of this.pending)
      if (asked === channel) this.settle(id, { error: disconnected() });
    for (const [id, route] of this.routes) {
      if (route.target === channel) route.origin.send(failed(route.request, disconnected()));
      if (route.target === channel || route.origin === channel) this.endRoute(id);
    }
  }

  // --- what the program of this registry does

  async register(id, handler, { description, schema } = {}) {
    if (this.local.has(id) || this.remote.has(id))
      throw new CommandError("duplicate_command", `there is a command ${id}`);
    const definition = { id, description, schema };
    if (!isPrivate(id) && this.router) await this.escalate(definition);
    this.local.set(id, { definition, handler });
  }

  /** Public ones, our own first. */
  list() {
    const all = [...this.local.values(), ...this.remote.values()].map((entry) => entry.definition);
    return all.filter((definition) => !isPrivate(definition.id));
  }

  /** The result with the `_meta` of the answer; throws a CommandError. */
  async execute(commandId, request, meta) {
    const own = this.local.get(commandId);
    if (own) return { result: await this.handle(own, request, meta), meta };
    const target = this.targetOf(commandId);
    if (!target) throw this.isChild ? disconnected() : notFound(commandId);
    const response = await this.ask(target, make("execute.command.request", { commandId, request }, meta));
    if (!response.response.ok) throw new CommandError(response.response.error.code, response.response.error.message);
    return { result: response.response.result, meta: response._meta };
  }

  emit(eventId, payload, meta) {
    const event = make("event", { eventId, payload }, meta);
    this.takeEvent(undefined, event);
    return event;
  }

  onEvent(listener) {
    this.listeners.push(listener);
  }

  // --- what arrives

  receive(channel, message) {
    switch (message.type) {
      case "list.commands.request": {
        const commands = [...this.local.values()].map((entry) => entry.definition).filter(({ id }) => !isPrivate(id));
        return channel.send(answer("list.commands.response", message, { commands }));
      }
      case "list.commands.response":
        for (const definition of message.commands) this.learn(channel, definition);
        return;
      case "register.command.request":
        return void this.takeRegistration(channel, message);
      case "execute.command.request":
        return void this.takeExecute(channel, message);
      case "register.command.response":
      case "execute.command.response":
        return this.takeResponse(channel, message);
      case "event":
        return this.takeEvent(channel, message);
    }
  }

  // An entry of a list never replaces a command of ours or of another channel.
  learn(channel, definition) {
    const known = this.remote.get(definition.id);
    if (!this.local.has(definition.id) && (!known || known.channel === channel))
      this.remote.set(definition.id, { definition, channel });
  }

  async takeRegistration(channel, message) {
    const { command } = message;
    const owner = this.remote.get(command.id)?.channel;
    let response = { ok: true };
    if (this.local.has(command.id) || (owner && owner !== channel)) {
      response = { ok: false, error: "duplicate_command" };
    } else {
      try {
        if (!owner && this.router && this.router !== channel) await this.escalate(command);
        this.remote.set(command.id, { definition: command, channel });
      } catch {
        response = { ok: false, error: "duplicate_command" }; // there is no other code for it
      }
    }
    channel.send(answer("register.command.response", message, { response }));
  }

  async takeExecute(channel, message) {
    const own = this.local.get(message.commandId);
    if (!own) return this.forward(channel, message);
    try {
      channel.send(executed(message, { ok: true, result: await this.handle(own, message.request, message._meta) }));
    } catch (error) {
      channel.send(failed(message, CommandError.of(error)));
    }
  }

  forward(origin, request) {
    const target = this.targetOf(request.commandId);
    const isLoop = this.routes.has(request.id) || this.pending.has(request.id);
    if (isLoop || target === origin || (!target && !this.isChild))
      return origin.send(failed(request, notFound(request.commandId)));
    if (!target) return origin.send(failed(request, disconnected()));
    const timer = setTimeout(() => this.endRoute(request.id), this.ttlMs).unref();
    this.routes.set(request.id, { origin, target, request, timer });
    target.send(request);
  }

  takeResponse(channel, message) {
    const pending = this.pending.get(message.thid);
    if (pending?.channel === channel) return this.settle(message.thid, { response: message });
    const route = this.routes.get(message.thid);
    if (route?.target !== channel) return; // late, unknown, or from one who was not asked
    this.endRoute(message.thid);
    route.origin.send(message);
  }

  takeEvent(source, event) {
    const now = performance.now();
    for (const [id, until] of this.seen) {
      if (until > now) break;
      this.seen.delete(id);
    }
    if (this.seen.has(event.id)) return;
    this.seen.set(event.id, now + this.eventTtlMs);
    for (const listener of this.listeners) listener(event.eventId, event.payload, event._meta);
    if (isPrivate(event.eventId)) return;
    for (const channel of this.channels.values()) if (channel !== source) channel.send(event);
  }

  // --- parts of these

  async handle({ handler }, request, meta) {
    try {
      return await handler(request ?? {}, meta);
    } catch (error) {
      throw CommandError.of(error);
    }
  }

  targetOf(commandId) {
    return this.remote.get(commandId)?.channel ?? this.router;
  }

  async escalate(definition) {
    const { response } = await this.ask(this.router, make("register.command.request", { command: definition }));
    if (!response.ok) throw new CommandError(response.error, `the router has a command ${definition.id}`);
  }

  ask(channel, request) {
    return new Promise((resolve, reject) => {
      const settle = ({ response, error }) => (error ? reject(error) : resolve(response));
      const late = () =>
        this.settle(request.id, { error: new CommandError("timeout", `no answer in ${this.ttlMs} ms`) });
      this.pending.set(request.id, { channel, settle, timer: setTimeout(late, this.ttlMs) });
      channel.send(request);
    });
  }

  settle(id, outcome) {
    const { settle, timer } = this.pending.get(id);
    this.pending.delete(id);
    clearTimeout(timer);
    settle(outcome);
  }

  endRoute(id) {
    clearTimeout(this.routes.get(id).timer);
    this.routes.delete(id);
  }
}
