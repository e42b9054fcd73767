#include "cli/topic_commands.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "cli/hub_session.h"
#include "cli/input_file.h"
#include "cli/payload.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/json_text.h"
#include "codec/schema_validator.h"
#include "os/termination.h"
#include "runtime/topics/topics_service.h"

namespace parley::cli {

namespace {

constexpr std::size_t payload_bytes_max = core::TopicLimits().message_bytes_max;
constexpr std::size_t schema_bytes_max = codec::JsonSchema::Options().text_bytes_max;

std::string quoted(std::string_view text) {
  std::string out;
  codec::put_quoted(out, text);
  return out;
}

// A schema is known by its bytes as they stand in the file.
builtin::TopicSchema id_of(std::string_view schema) {
  const wire::bus::SchemaId id = wire::bus::schema_id_of(schema);
  return {id.begin(), id.end()};
}

int give_up_on_topic(const Error& error, std::string_view schema_hint) {
  std::string_view hint;
  switch (error.code) {
    case Code::method: return give_up({Code::unsupported, "this hub has no topics"});
    case Code::not_found: hint = "`parley publish TOPIC --declare` makes a topic, and `parley hub --topic NAME`"; break;
    case Code::refused: hint = schema_hint; break;
    case Code::in_use:
      hint = "each message has a key of its own; the same key is for the same message said again";
      break;
    default: break;
  }
  complain(error, hint);
  return exit_of(error);
}

// --- publish

// 0, or the exit code.
int check_against_schema(const PublishCommand& command, const std::string& schema, const std::string& payload) {
  const auto compiled = codec::JsonSchema::compile(schema);
  if (!compiled) {
    complain(fmt::format("{}: {}", *command.schema, compiled.error().note), "it is a JSON Schema", &compiled.error());
    return code(Exit::usage);
  }
  const auto good = compiled->validate(payload);
  if (good) return 0;
  complain(fmt::format("the payload: {}", good.error().note), fmt::format("it does not fit {}", *command.schema),
           &good.error());
  return exit_of(good.error());
}

// Nothing: it was declared, and that was all.
Task<Result<std::optional<builtin::Published>>> ask_publish(Session& session, const PublishCommand& command,
                                                            std::optional<builtin::TopicMessage> message,
                                                            builtin::TopicSchema schema) {
  auto topics = session.client<builtin::Topics>(builtin::topics_name).with({.deadline = patience});
  if (command.declare) {
    const auto declared = co_await topics.call<&builtin::Topics::declare>(command.topic, schema);
    if (!declared && declared.error().code != Code::in_use) co_return fail(declared.error());
  }
  if (!message) co_return std::nullopt;
  message->schema = std::move(schema);
  co_return co_await topics.call<&builtin::Topics::publish>(command.topic, *std::move(message), command.key);
}

int show(const Common& common, const PublishCommand& command, const builtin::Published& published) {
  if (common.json) {
    say(codec::to_json(published));
  } else if (published.is_repeated) {
    say(fmt::format("it was published under {} before, and is not again", *command.key));
  } else if (published.reached == 0) {
    say(fmt::format("it reached nobody: nobody subscribes to {} now", command.topic));
  } else {
    say(fmt::format("it reached {} {}", published.reached, published.reached == 1 ? "subscriber" : "subscribers"));
  }
  return code(Exit::ok);
}

// --- subscribe

class Subscribing {
 public:
  Subscribing(const Common& common, const SubscribeCommand& command, std::vector<builtin::TopicSchema> schemas,
              io::Loop& loop, Session& session)
      : common_(common),
        command_(command),
        schemas_(std::move(schemas)),
        loop_(loop),
        session_(session),
        scope_(loop.executor()) {}

  int run() {
    const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
    for (const std::string& topic : command_.topics) scope_.spawn(subscribe(topic));
    loop_.run_until([](Event& over) -> Task<void> { co_await over.wait(); }(over_));
    if (!failure_) return code(Exit::ok);
    if (!session_.is_open()) return give_up(hub_has_gone());
    if (kind(*failure_) == Kind::overloaded && begun_ == command_.topics.size()) {
      complain(*failure_, "what was published came faster than this was read; what came meanwhile is lost");
      return exit_of(*failure_);
    }
    return give_up_on_topic(*failure_, "the topic has another schema: --schema FILE names each that is understood");
  }

 private:
  Task<void> subscribe(std::string topic) {
    Client<builtin::Topics> topics = session_.client<builtin::Topics>(builtin::topics_name);
    auto [theirs, deliveries] = channel<builtin::Delivery, builtin::deliveries_ahead>();
    auto call = topics.call<&builtin::Topics::subscribe>(topic, schemas_, std::move(theirs));
    if (co_await deliveries.recv()) {
      if (++begun_ == command_.topics.size()) warn(fmt::format("subscribes to {}", fmt::join(command_.topics, ", ")));
      while (const auto delivery = co_await deliveries.recv()) hear(topic, *delivery);
    }
    const auto ended = co_await std::move(call);
    if (!failure_) failure_ = ended ? hub_has_gone() : ended.error();
    over_.set();
  }

  void hear(const std::string& topic, const builtin::Delivery& delivery) {
    if (over_.is_set()) return;
    const builtin::TopicMessage& message = delivery.message;
    if (common_.json) {
      say(fmt::format("{{\"topic\":{},\"sequence\":{},\"publisher\":{},{}}}", quoted(topic), delivery.sequence,
                      quoted(delivery.publisher), payload_member(message.payload, false)));
    } else {
      const std::string_view text = as_text(message.payload);
      say(command_.topics.size() == 1 ? std::string(text) : fmt::format("{} {}", topic, text));
    }
    ++heard_;
    if (!is_said() || (command_.count && heard_ >= *command_.count)) over_.set();
  }

  const Common& common_;
  const SubscribeCommand& command_;
  const std::vector<builtin::TopicSchema> schemas_;
  io::Loop& loop_;
  Session& session_;
  std::size_t begun_ = 0;
  std::uint64_t heard_ = 0;
  std::optional<Error> failure_;
  Event over_;
  Scope scope_;
};

}  // namespace

int run_publish(const Common& common, const PublishCommand& command) {
  std::optional<std::string> payload = command.payload;
  if (payload == "-") {
    auto input = read_input("-", payload_bytes_max);
    if (!input) return give_up(input.error());
    if (input->ends_with('\n')) input->pop_back();
    payload = *std::move(input);
  }
  if (!payload && !command.declare) payload.emplace();
  builtin::TopicSchema id;
  if (command.schema) {
    const auto schema = read_input(*command.schema, schema_bytes_max);
    if (!schema) {
      complain(schema.error(), "--schema names a file with a JSON Schema");
      return code(Exit::usage);
    }
    if (payload) {
      if (const int wrong = check_against_schema(command, *schema, *payload)) return wrong;
    }
    id = id_of(*schema);
  }
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    std::optional<builtin::TopicMessage> message;
    if (payload) message = builtin::TopicMessage{.payload = payload_of(*payload)};
    const auto published = loop.run_until(ask_publish(session, command, std::move(message), std::move(id)));
    if (!published) {
      return give_up_on_topic(published.error(),
                              "the topic has another schema: --schema FILE names that of the payload");
    }
    return *published ? show(common, command, **published) : code(Exit::ok);
  });
}

int run_subscribe(const Common& common, const SubscribeCommand& command) {
  std::vector<builtin::TopicSchema> schemas;
  for (const std::string& path : command.schemas) {
    const auto schema = read_input(path, schema_bytes_max);
    if (!schema) {
      complain(schema.error(), "--schema names a file with a schema that is understood");
      return code(Exit::usage);
    }
    schemas.push_back(id_of(*schema));
  }
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    return Subscribing(common, command, std::move(schemas), loop, session).run();
  });
}

}  // namespace parley::cli
