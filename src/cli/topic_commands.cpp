#include "cli/topic_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>
#include <variant>

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

constexpr std::string_view no_topic = "`parley publish TOPIC --declare` makes a topic, and `parley hub --topic NAME`";
constexpr std::string_view no_position = "it is a version, or INCARNATION:VERSION";
constexpr std::string_view key_in_use =
    "each message has a key of its own; the same key is for the same message said again";
constexpr std::string_view kept_by_others =
    "who has declared a topic keeps it, and ends that; publish to it without --keep";
constexpr std::string_view not_kept = "`parley publish TOPIC --keep` keeps a topic, and `parley hub --keep NAME`";

int give_up_on_topic(const Error& error, std::string_view refused_hint, std::string_view not_found_hint = no_topic,
                     std::string_view in_use_hint = key_in_use) {
  std::string_view hint;
  switch (error.code) {
    case Code::method: return give_up({Code::unsupported, "this hub has no topics"});
    case Code::not_found: hint = not_found_hint; break;
    case Code::refused: hint = refused_hint; break;
    case Code::in_use: hint = in_use_hint; break;
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

// Nothing: it was declared or kept, and that was all.
Task<Result<std::optional<builtin::Published>>> ask_publish(Session& session, const PublishCommand& command,
                                                            std::optional<builtin::TopicMessage> message,
                                                            builtin::TopicSchema schema,
                                                            std::string_view& in_use_hint) {
  in_use_hint = kept_by_others;
  auto topics = session.client<builtin::Topics>(builtin::topics_name).with({.deadline = patience});
  if (command.declare || (command.keep && !schema.empty())) {
    const auto declared = co_await topics.call<&builtin::Topics::declare>(command.topic, schema);
    if (!declared && declared.error().code != Code::in_use) co_return fail(declared.error());
  }
  if (command.keep) co_await co_await topics.call<&builtin::Topics::keep>(command.topic, std::nullopt);
  if (command.unkeep) co_await co_await topics.call<&builtin::Topics::unkeep>(command.topic);
  if (!message) co_return std::nullopt;
  message->schema = std::move(schema);
  in_use_hint = key_in_use;
  co_return co_await topics.call<&builtin::Topics::publish>(command.topic, *std::move(message), command.key);
}

std::string as_version(const builtin::Published& published) {
  const std::uint64_t version = published.position.version;
  return version == 0 ? std::string() : fmt::format(" as version {}", version);
}

std::string reached_by(const builtin::Published& published) {
  return fmt::format("{} {}", published.reached, published.reached == 1 ? "subscriber" : "subscribers");
}

Task<Result<builtin::TopicPosition>> ask_snapshot(Session& session, std::string topic,
                                                  std::vector<std::uint8_t> payload,
                                                  std::optional<builtin::TopicPosition> at) {
  auto topics = session.client<builtin::Topics>(builtin::topics_name).with({.deadline = patience});
  co_return co_await topics.call<&builtin::Topics::snapshot>(std::move(topic), std::move(payload), at);
}

std::string members_of(const builtin::TopicPosition& position) {
  return fmt::format("\"version\":{},\"incarnation\":{}", position.version, codec::to_json(position.incarnation));
}

int show_snapshot(const Common& common, const PublishCommand& command, const Result<builtin::TopicPosition>& position) {
  if (!position) {
    return give_up_on_topic(position.error(), "a snapshot is of a version from which on all is kept, as it is kept now",
                            not_kept, "who keeps a topic gives its snapshots");
  }
  if (common.json) {
    say(fmt::format("{{{}}}", members_of(*position)));
  } else {
    say(fmt::format("it is how {} is at version {}", command.topic, position->version));
  }
  return code(Exit::ok);
}

int show(const Common& common, const PublishCommand& command, const builtin::Published& published) {
  if (common.json) {
    say(codec::to_json(published));
  } else if (published.is_repeated) {
    say(fmt::format("it was published under {} before{}, and is not again", *command.key, as_version(published)));
  } else if (published.position.version != 0) {
    say(fmt::format("it is kept{}, and reached {} at once", as_version(published), reached_by(published)));
  } else if (published.reached == 0) {
    say(fmt::format("it reached nobody: nobody subscribes to {} now", command.topic));
  } else {
    say(fmt::format("it reached {}", reached_by(published)));
  }
  return code(Exit::ok);
}

// --- subscribe

// What a subscription is to be told beside the names of its topics.
struct Ways {
  std::vector<builtin::TopicSchema> schemas;
  std::optional<builtin::Gap> gap;  // it follows
  builtin::TopicPosition after;
};

std::optional<builtin::TopicPosition> position_in(std::string_view text) {
  builtin::TopicPosition position;
  const std::size_t colon = text.find(':');
  const auto read = [](std::string_view digits, std::uint64_t& number) {
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return fault == std::errc() && end == digits.data() + digits.size();
  };
  if (colon != std::string_view::npos && !read(text.substr(0, colon), position.incarnation)) return std::nullopt;
  if (!read(text.substr(colon == std::string_view::npos ? 0 : colon + 1), position.version)) return std::nullopt;
  return position;
}

class Subscribing {
 public:
  Subscribing(const Common& common, const SubscribeCommand& command, Ways ways, io::Loop& loop, Session& session)
      : common_(common),
        command_(command),
        ways_(std::move(ways)),
        loop_(loop),
        session_(session),
        scope_(loop.executor()) {}

  int run() {
    const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
    for (const std::string& topic : command_.topics) scope_.spawn(ways_.gap ? follow(topic) : subscribe(topic));
    loop_.run_until([](Event& over) -> Task<void> { co_await over.wait(); }(over_));
    if (!failure_) return code(Exit::ok);
    if (!session_.is_open()) return give_up(hub_has_gone());
    if (kind(*failure_) == Kind::overloaded && begun_ == command_.topics.size()) {
      complain(*failure_, "what was published came faster than this was read; what came meanwhile is lost");
      return exit_of(*failure_);
    }
    return give_up_on_topic(*failure_, "the topic has another schema: --schema FILE names each that is understood",
                            ways_.gap ? not_kept : no_topic);
  }

 private:
  Task<void> subscribe(std::string topic) {
    Client<builtin::Topics> topics = session_.client<builtin::Topics>(builtin::topics_name);
    auto [theirs, deliveries] = channel<builtin::Delivery, builtin::deliveries_ahead>();
    auto call = topics.call<&builtin::Topics::subscribe>(topic, ways_.schemas, std::move(theirs));
    if (co_await deliveries.recv()) {
      begin();
      while (const auto delivery = co_await deliveries.recv()) hear(topic, *delivery);
    }
    end(co_await std::move(call));
  }

  Task<void> follow(std::string topic) {
    Client<builtin::Topics> topics = session_.client<builtin::Topics>(builtin::topics_name);
    auto [theirs, items] = channel<builtin::Followed, builtin::deliveries_ahead>();
    auto call = topics.call<&builtin::Topics::follow>(topic, *ways_.gap, ways_.after, std::move(theirs));
    while (const auto item = co_await items.recv()) {
      std::visit([&](const auto& each) { hear(topic, each); }, *item);
    }
    end(co_await std::move(call));
  }

  void begin() {
    if (++begun_ == command_.topics.size()) warn(fmt::format("subscribes to {}", fmt::join(command_.topics, ", ")));
  }
  void end(const Result<void>& ended) {
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
    count();
  }
  void count() {
    ++heard_;
    if (!is_said() || (command_.count && heard_ >= *command_.count)) over_.set();
  }

  // --- of a topic that is followed

  void hear(const std::string& topic, const builtin::FollowBegun& begun) {
    if (over_.is_set()) return;
    const auto& schemas = ways_.schemas;
    if (schemas.empty() || std::ranges::find(schemas, begun.schema) != schemas.end()) {
      if (common_.json)
        say(fmt::format("{{\"topic\":{},\"kind\":\"begun\",{}}}", quoted(topic), members_of(begun.position)));
      return begin();
    }
    failure_ = Error{Code::refused, fmt::format("the topic {} has none of these schemas", topic)};
    over_.set();
  }
  void hear(const std::string& topic, const builtin::FollowedMessage& said) {
    if (over_.is_set()) return;
    tell(topic, "message", said.position, said.publisher, said.message.payload);
  }
  void hear(const std::string& topic, const builtin::FollowedSnapshot& how) {
    if (over_.is_set()) return;
    if (!common_.json) warn(fmt::format("this is how {} is at version {}", topic, how.position.version));
    tell(topic, "snapshot", how.position, how.publisher, how.payload);
  }
  void hear(const std::string& topic, const builtin::FollowedGap& gap) {
    if (over_.is_set()) return;
    if (common_.json) {
      return say(fmt::format("{{\"topic\":{},\"kind\":\"gap\",{},\"missed\":{},\"complete_from\":{}}}", quoted(topic),
                             members_of(gap.position), gap.missed, gap.complete_from));
    }
    warn(gap.missed == 0
             ? fmt::format("what was named is not of {} as it is kept now, and nothing of that is missing", topic)
             : fmt::format("{} messages of {} are missing; the next is version {}", gap.missed, topic,
                           gap.complete_from),
         gap.is_unprovided ? "no snapshot reaches here: `parley publish TOPIC STATE --snapshot` gives one" : "");
  }
  void tell(const std::string& topic, std::string_view kind, const builtin::TopicPosition& position,
            const std::string& publisher, const std::vector<std::uint8_t>& payload) {
    if (common_.json) {
      say(fmt::format("{{\"topic\":{},\"kind\":\"{}\",{},\"publisher\":{},{}}}", quoted(topic), kind,
                      members_of(position), quoted(publisher), payload_member(payload, false)));
    } else {
      const std::string_view text = as_text(payload);
      say(command_.topics.size() == 1 ? std::string(text) : fmt::format("{} {}", topic, text));
    }
    count();
  }

  const Common& common_;
  const SubscribeCommand& command_;
  const Ways ways_;
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
  if (!payload && command.is_snapshot) {
    complain("--snapshot: how things are is missing",
             "parley publish TOPIC STATE --snapshot; '' where there is nothing");
    return code(Exit::usage);
  }
  std::optional<builtin::TopicPosition> at;
  if (command.at && !(at = position_in(*command.at))) {
    complain(fmt::format("--at {}", *command.at), no_position);
    return code(Exit::usage);
  }
  if (!payload && !(command.declare || command.keep || command.unkeep)) payload.emplace();
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
    if (command.is_snapshot) {
      auto asked = ask_snapshot(session, command.topic, payload_of(*payload), at);
      return show_snapshot(common, command, loop.run_until(std::move(asked)));
    }
    std::optional<builtin::TopicMessage> message;
    if (payload) message = builtin::TopicMessage{.payload = payload_of(*payload)};
    std::string_view in_use_hint;
    const auto published =
        loop.run_until(ask_publish(session, command, std::move(message), std::move(id), in_use_hint));
    if (!published) {
      return give_up_on_topic(published.error(),
                              "the topic has another schema: --schema FILE names that of the payload", no_topic,
                              in_use_hint);
    }
    return *published ? show(common, command, **published) : code(Exit::ok);
  });
}

int run_subscribe(const Common& common, const SubscribeCommand& command) {
  Ways ways;
  if (command.is_live || command.is_replay) ways.gap = command.is_live ? builtin::Gap::live : builtin::Gap::replay;
  if (command.after) {
    const auto after = position_in(*command.after);
    if (!ways.gap || command.topics.size() != 1 || !after) {
      complain(fmt::format("--after {}", *command.after),
               after ? "it goes with --live or --replay and one topic" : no_position);
      return code(Exit::usage);
    }
    ways.after = *after;
  }
  for (const std::string& path : command.schemas) {
    const auto schema = read_input(path, schema_bytes_max);
    if (!schema) {
      complain(schema.error(), "--schema names a file with a schema that is understood");
      return code(Exit::usage);
    }
    ways.schemas.push_back(id_of(*schema));
  }
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    return Subscribing(common, command, std::move(ways), loop, session).run();
  });
}

}  // namespace parley::cli
