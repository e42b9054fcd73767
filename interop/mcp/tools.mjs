// The tools of the reference server: those that the conformance suite calls, and those of session.mjs.

import { setTimeout as sleep } from "node:timers/promises";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

const text = (value) => ({ type: "text", text: value });
const image = { type: "image", data: PIXEL, mimeType: "image/png" };
const audio = { type: "audio", data: SILENCE, mimeType: "audio/wav" };
const resource = (uri, mimeType, value) => ({ type: "resource", resource: { uri, mimeType, text: value } });

const number = { type: "number" };
const object = (properties = {}) => ({ type: "object", properties, required: Object.keys(properties) });

const answers = (...content) => ({ content });

async function reportSteps({ extra }, steps, total) {
  const progressToken = extra._meta?.progressToken;
  for (const progress of steps) {
    const params = { progressToken, progress, total };
    if (progressToken !== undefined) await extra.sendNotification({ method: "notifications/progress", params });
    await sleep(20);
  }
}

const OF_THE_SUITE = {
  test_simple_text: ["Gives text", object(), () => answers(text("plain text"))],
  test_image_content: ["Gives an image", object(), () => answers(image)],
  test_audio_content: ["Gives a sound", object(), () => answers(audio)],
  test_embedded_resource: [
    "Gives a resource",
    object(),
    () => answers(resource("test://embedded", "text/plain", "inside")),
  ],
  test_multiple_content_types: [
    "Gives text, an image and a resource",
    object(),
    () => answers(text("first"), image, resource("test://mixed", "application/json", '{"is":"mixed"}')),
  ],
  test_error_handling: ["Always fails", object(), () => ({ isError: true, ...answers(text("failed as asked")) })],
  test_tool_with_progress: [
    "Reports three steps",
    object(),
    async (call) => {
      await reportSteps(call, [0, 50, 100], 100);
      return answers(text("done"));
    },
  ],
  json_schema_2020_12_tool: [
    "Has a schema with all that has to be kept",
    {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      $defs: { address: { type: "object", properties: { street: { type: "string" }, city: { type: "string" } } } },
      properties: { name: { type: "string" }, address: { $ref: "#/$defs/address" } },
      additionalProperties: false,
    },
    () => answers(text("kept")),
  ],
  test_reconnection: [
    "Ends its stream and answers when the client is back",
    object(),
    async ({ extra }) => {
      extra.closeSSEStream?.();
      await sleep(50);
      return answers(text("back again"));
    },
  ],
};

const OF_THE_SESSION = {
  add: [
    "Adds two numbers",
    object({ a: number, b: number }),
    ({ request: { a, b } }) => {
      const sum = { sum: a + b };
      return { structuredContent: sum, ...answers(text(JSON.stringify(sum))) };
    },
    object({ sum: number }),
  ],
  echo: ["Gives its request back", { type: "object" }, ({ request }) => answers(text(JSON.stringify(request)))],
  fail: ["Always fails", object(), () => ({ isError: true, ...answers(text("failed as asked")) })],
  void: ["Gives nothing", object(), () => answers()],
  progress: [
    "Reports so many steps",
    object({ steps: number }),
    async (call) => {
      const { steps } = call.request;
      const each = Array.from({ length: steps }, (_, step) => step + 1);
      await reportSteps(call, each, steps);
      return answers(text("done"));
    },
  ],
  slow: [
    "Takes so long, and counts those that were cancelled",
    object({ ms: number }),
    async ({ request, extra, state }) => {
      try {
        await sleep(request.ms, undefined, { signal: extra.signal });
      } catch {
        state.cancelled += 1;
      }
      return answers(text("done"));
    },
  ],
  cancelled: [
    "How many calls of slow were cancelled",
    object(),
    ({ state }) => answers(text(JSON.stringify({ count: state.cancelled }))),
  ],
  change: [
    "Adds the tool `added` or takes it away",
    object(),
    async ({ state, server }) => {
      state.hasAdded = !state.hasAdded;
      await server.sendToolListChanged();
      return answers(text("changed"));
    },
  ],
};

const ADDED = { added: ["Was added by change", object(), () => answers(text("added"))] };

/** The tools of one session as [name, [description, inputSchema, call, outputSchema]]. */
export const toolsOf = (state) => [
  ...Object.entries(OF_THE_SUITE),
  ...Object.entries(OF_THE_SESSION),
  ...(state.hasAdded ? Object.entries(ADDED) : []),
];
