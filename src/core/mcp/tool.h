#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace parley::core::mcp {

// A command as an agent sees it. On a server `name` is the command's (core/mcp/tool_name.h says how it travels), in a
// client it is what the server calls it.
struct Tool {
  std::string name;
  std::string title;          // for people; may be empty
  std::string description;    // for the agent; where it is empty the name is sent
  std::string input_schema;   // JSON
  std::string output_schema;  // JSON, or empty
  // What the tool says of itself, for whoever decides whether it may run unasked.
  std::optional<bool> is_read_only;
  std::optional<bool> is_destructive;
  std::optional<bool> is_idempotent;
  std::optional<bool> is_open_world;

  friend bool operator==(const Tool&, const Tool&) = default;
};

// The outcome of a call of a tool.
struct ToolResult {
  enum class Kind : std::uint8_t {
    nothing,            // done, without a value
    value,              // json: any value
    content,            // json: an array of content items of MCP, sent as they are
    failed,             // code and message
    invalid_arguments,  // message: what is wrong with them
    unknown_tool,       // message: the name of one that may have been meant, or nothing
  };
  Kind kind = Kind::nothing;
  std::string json = {};
  std::string code = {};  // a word: "not_found"
  std::string message = {};

  static ToolResult nothing() { return {}; }
  static ToolResult value(std::string json) { return {.kind = Kind::value, .json = std::move(json)}; }
  static ToolResult content(std::string items) { return {.kind = Kind::content, .json = std::move(items)}; }
  // Travels as to_string(error), of which a client of ours reads the error again.
  static ToolResult failed(const Error& error);
  static ToolResult failed(std::string code, std::string message) {
    return {.kind = Kind::failed, .code = std::move(code), .message = std::move(message)};
  }
  static ToolResult invalid_arguments(std::string message) {
    return {.kind = Kind::invalid_arguments, .message = std::move(message)};
  }
  // `nearest`: one that may have been meant.
  static ToolResult unknown_tool(std::string_view nearest = {}) {
    return {.kind = Kind::unknown_tool, .message = std::string(nearest)};
  }
};

// Of a client or server of MCP, as it says it is.
struct Implementation {
  std::string name;
  std::string title;  // may be empty
  std::string version;
};

// Whether a schema says that a value is an object, and nothing else: only such a value is structured content, and only
// such a schema is listed as one for output. False also for what is no JSON.
bool is_object_schema(std::string_view schema);

}  // namespace parley::core::mcp
