// The commands that every peer of the tests has, `<name>.add` and so on; interop/README.md lists them.

import { setTimeout as sleep } from "node:timers/promises";

import { CommandError } from "./messages.mjs";

const number = { type: "number" };
const object = (properties) => ({ type: "object", properties, required: Object.keys(properties) });

export const echo = (request) => request;

export async function registerKnown(registry, name) {
  const add = ({ a, b }) => {
    if (typeof a !== "number" || typeof b !== "number")
      throw new CommandError("invalid_request", "a and b are numbers");
    return { sum: a + b };
  };
  const fail = () => {
    throw new CommandError("internal_error", "failed as asked");
  };
  const slow = async ({ ms }) => {
    registry.emit(`${name}.slow.started`);
    await sleep(ms);
    return { slept_ms: ms };
  };
  const nested = async ({ command, request }, meta) => (await registry.execute(command, request, meta)).result;

  const described = (description, schema) => ({ description, schema });
  await registry.register(`${name}.echo`, echo, described("Gives its request back"));
  await registry.register(`_${name}.private`, echo);
  const schema = { request: object({ a: number, b: number }), response: object({ sum: number }) };
  await registry.register(`${name}.add`, add, described("Adds two numbers", schema));
  await registry.register(`${name}.fail`, fail, described("Always fails"));
  await registry.register(`${name}.slow`, slow, described("Emits that it has begun, and takes so long"));
  await registry.register(`${name}.nested`, nested, described("Executes another command"));
  await registry.register(`${name}.void`, () => undefined, described("Takes and gives nothing"));
  await registry.register(
    `${name}.meta`,
    (request, meta) => ({ meta }),
    described("Gives the metadata of its request"),
  );
}
