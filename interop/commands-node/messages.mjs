// The seven messages of cmd-ipc: what makes one acceptable, and how those that we send are made.

import { randomUUID } from "node:crypto";

export const ERROR_CODES = ["not_found", "invalid_request", "internal_error", "timeout", "channel_disconnected"];

/** An error that crosses the wire as its code and message. */
export class CommandError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }

  static of(error) {
    if (error instanceof CommandError) return error;
    return new CommandError("internal_error", error instanceof Error ? error.message : String(error));
  }
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isName = (value) => typeof value === "string" && value !== "";
const isAbsentOr = (check) => (value) => value === undefined || check(value);

const isSchema = isAbsentOr(isObject);
const isDefinition = (value) =>
  isObject(value) &&
  isName(value.id) &&
  isAbsentOr((text) => typeof text === "string")(value.description) &&
  isSchema(value.schema);

const isRegisterOutcome = (value) =>
  isObject(value) && (value.ok === true || (value.ok === false && value.error === "duplicate_command"));

const isExecuteOutcome = (value) =>
  isObject(value) &&
  (value.ok === true ||
    (value.ok === false &&
      isObject(value.error) &&
      ERROR_CODES.includes(value.error.code) &&
      typeof value.error.message === "string"));

// What each type needs beside its id; `_meta` and unknown fields are let through.
const FIELDS = {
  "register.command.request": { command: isDefinition },
  "register.command.response": { thid: isName, response: isRegisterOutcome },
  "list.commands.request": {},
  "list.commands.response": { thid: isName, commands: (value) => Array.isArray(value) && value.every(isDefinition) },
  "execute.command.request": { commandId: isName, request: isAbsentOr(isObject) },
  "execute.command.response": { thid: isName, response: isExecuteOutcome },
  event: { eventId: isName },
};

/** What is wrong with a message, or nothing. */
export function problemOf(message) {
  if (!isObject(message)) return "a message is an object";
  if (!Object.hasOwn(FIELDS, message.type)) return `unknown type ${JSON.stringify(message.type)}`;
  if (!isName(message.id)) return "id is missing";
  if (!isAbsentOr(isObject)(message._meta)) return "_meta is not an object";
  const wrong = Object.entries(FIELDS[message.type]).find(([field, check]) => !check(message[field]));
  return wrong && `${wrong[0]} is missing or wrong`;
}

/** A message with an id of its own; what is undefined is left out when it is written. */
export const make = (type, fields, meta) => ({ id: randomUUID(), type, ...fields, ...(meta && { _meta: meta }) });

export const answer = (type, request, response) => make(type, { thid: request.id, ...response }, request._meta);

export const executed = (request, response) => answer("execute.command.response", request, { response });

export const failed = (request, error) =>
  executed(request, { ok: false, error: { code: error.code, message: error.message } });
