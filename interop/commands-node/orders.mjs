// What a test asks of a running peer: a JSON object a line, each answered by one with the same id.

import { addLines, dial, eachLine } from "./carriers.mjs";
import { echo } from "./commands.mjs";
import { CommandError } from "./messages.mjs";

export function takeOrders({ registry, nextId }, [readable, writable], hello) {
  const heard = [];
  let waiting = [];
  registry.onEvent((event, payload, meta) => {
    heard.push({ event, payload, meta });
    waiting = waiting.filter(({ count, resolve }) => heard.length < count || resolve());
  });
  const hearsSoMany = (count = 0) =>
    new Promise((resolve) => (heard.length >= count ? resolve() : waiting.push({ count, resolve })));

  const does = {
    execute: ({ command, request, meta }) => registry.execute(command, request, meta),
    many: async ({ command, count }) => {
      const one = async (number) => (await registry.execute(command, { number })).result.number === number;
      const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, number) => one(number)));
      return { right: outcomes.filter(({ value }) => value).length };
    },
    emit: ({ event, payload, meta }) => void registry.emit(event, payload, meta),
    events: async ({ count }) => {
      await hearsSoMany(count);
      return { events: heard };
    },
    list: () => ({ commands: registry.list() }),
    register: ({ command }) => registry.register(command, echo, { description: "Gives its request back" }),
    connect: async ({ address }) => void addLines(registry, nextId(), ...(await dial(address))),
    // Any line, right or wrong, to the first channel; only this peer can.
    raw: ({ line }) => void registry.channels.values().next().value.sendRaw(line),
    quit: () => process.exit(0),
  };

  const say = (answer) => writable.write(JSON.stringify(answer) + "\n");
  say(hello);
  readable.on("end", () => process.exit(0));
  eachLine(readable, async (line) => {
    const order = JSON.parse(line);
    try {
      const carryOut = does[order.do];
      if (!carryOut) throw new CommandError("unsupported", `this peer knows no order ${order.do}`);
      say({ id: order.id, ok: true, ...(await carryOut(order)) });
    } catch (error) {
      const { code, message } = CommandError.of(error);
      say({ id: order.id, ok: false, error: { code, message } });
    }
  });
}
