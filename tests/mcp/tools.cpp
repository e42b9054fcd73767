#include "mcp/tools.h"

#include <chrono>
#include <string>
#include <utility>

#include "async/wait.h"

namespace mcp_peer {

using namespace parley;

namespace {

constexpr const char* pixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
constexpr const char* silence = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
constexpr const char* strict_schema = R"({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "$defs": {"address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
  "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
  "additionalProperties": false
})";

struct Numbers {
  double a, b;
};
struct Sum {
  double sum;
};
struct Steps {
  int steps;
};
struct Wait {
  std::int64_t ms;
};
struct Count {
  int count;
};

Task<Result<void>> add_content(Registry& registry, std::string name, std::string description, std::string items) {
  DynamicCommand command{.name = std::move(name), .description = std::move(description)};
  command.options.returns_content = true;
  co_return co_await registry.command(
      std::move(command), [content = R"({"content":[)" + items + "]}"](CommandContext&, std::string) {
        return [](std::string result) -> Task<Result<std::string>> { co_return result; }(content);
      });
}

Task<Result<std::string>> report(CommandContext& context, int begin, int end, int step, double total) {
  Executor& executor = co_await this_executor();
  for (int done = begin; done <= end; done += step) {
    context.progress({.done = static_cast<double>(done), .total = total});
    co_await Sleep(executor, std::chrono::milliseconds(5));
  }
  co_return std::string("done");
}

// Counts a call that ends before its time.
struct Early {
  ~Early() {
    if (!is_done) ++count;
  }
  int& count;
  bool is_done = false;
};

Task<Result<std::string>> wait(Wait wanted, int& cancelled) {
  Early early{.count = cancelled};
  Executor& executor = co_await this_executor();
  co_await Sleep(executor, std::chrono::milliseconds(wanted.ms));
  early.is_done = true;
  co_return std::string("done");
}

}  // namespace

Task<Result<void>> Tools::add() {
  co_await co_await add_of_the_suite();
  co_return co_await add_of_the_session();
}

Task<Result<void>> Tools::add_of_the_suite() {
  const std::string image = std::string(R"({"type":"image","mimeType":"image/png","data":")") + pixel + "\"}";
  const std::string sound = std::string(R"({"type":"audio","mimeType":"audio/wav","data":")") + silence + "\"}";
  const std::string resource =
      R"({"type":"resource","resource":{"uri":"test://embedded","mimeType":"text/plain","text":"inside"}})";
  const std::string text = R"({"type":"text","text":"first"})";
  co_await co_await registry_.command("test_simple_text", "Gives text", [] { return std::string("plain text"); });
  co_await co_await add_content(registry_, "test_image_content", "Gives an image", image);
  co_await co_await add_content(registry_, "test_audio_content", "Gives a sound", sound);
  co_await co_await add_content(registry_, "test_embedded_resource", "Gives a resource", resource);
  co_await co_await add_content(registry_, "test_multiple_content_types", "Gives a text, an image and a resource",
                                text + "," + image + "," + resource);
  co_await co_await registry_.command("test_error_handling", "Always fails",
                                      []() -> Result<std::string> { return fail(Code::failed, "failed as asked"); });
  co_await co_await registry_.command("test_tool_with_progress", "Reports three steps",
                                      [](CommandContext& context) { return report(context, 0, 100, 50, 100); });
  co_await co_await registry_.command("test_reconnection", "Takes a moment", []() -> Task<Result<std::string>> {
    co_await Sleep(co_await this_executor(), std::chrono::milliseconds(50));
    co_return std::string("back again");
  });
  co_return co_await registry_.command(
      {.name = "json_schema_2020_12_tool",
       .description = "Has a schema of which all has to be kept",
       .request_schema = strict_schema,
       .allows_more = true},
      [](CommandContext&, std::string) -> Task<Result<std::string>> { co_return std::string(R"("kept")"); });
}

Task<Result<void>> Tools::add_of_the_session() {
  co_await co_await registry_.command("peer.add", "Adds two numbers", [](Numbers in) { return Sum{in.a + in.b}; });
  co_await co_await registry_.command(
      {.name = "peer.echo", .description = "Gives its request back"},
      [](CommandContext&, std::string request) -> Task<Result<std::string>> { co_return request; });
  co_await co_await registry_.command("peer.fail", "Always fails",
                                      []() -> Result<std::string> { return fail(Code::failed, "failed as asked"); });
  co_await co_await registry_.command("peer.void", "Gives nothing", [] {});
  co_await co_await registry_.command("peer.progress", "Reports so many steps", [](CommandContext& context, Steps in) {
    return report(context, 1, in.steps, 1, static_cast<double>(in.steps));
  });
  co_await co_await registry_.command("peer.slow", "Takes so long, and counts those that were cancelled",
                                      [this](Wait in) { return wait(in, cancelled_); });
  co_await co_await registry_.command("peer.cancelled", "How many calls of slow were cancelled",
                                      [this] { return Count{cancelled_}; });
  co_return co_await registry_.command("peer.change", "Adds the tool `added` or takes it away",
                                       [this] { return change(); });
}

Task<Result<std::string>> Tools::change() {
  has_added_ = !has_added_;
  if (has_added_) {
    co_await co_await registry_.command("peer.added", "Was added by change", [] { return std::string("added"); });
  } else {
    registry_.remove_command("peer.added");
  }
  co_return std::string("changed");
}

}  // namespace mcp_peer
