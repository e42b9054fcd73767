#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/conversation/envelope.h"
#include "core/topic/kept.h"
#include "wire/bus/ids.h"

// What is said in topics over a session, and what those are told who follow one that is kept.
namespace parley::builtin {

// The id of a schema, 32 bytes; empty: none.
using TopicSchema = std::vector<std::uint8_t>;

struct TopicMessage {
  std::vector<std::uint8_t> payload;
  TopicSchema schema = {};                  // of the payload
  std::string id = {};                      // of the message, at whoever says it
  std::string parent = {};                  // the id of the message that caused it
  std::optional<std::uint64_t> clock = {};  // where it stands in the chain of its causes
};

using core::Gap;
using core::KeepOptions;
using core::TopicPosition;

// What a follower is told. Each says where it stands behind it: to go on from there, name that.
struct FollowBegun {
  TopicPosition position;
  TopicSchema schema;  // of the topic
};
struct FollowedMessage {
  TopicPosition position;
  std::string publisher;  // as whom he came who said it
  TopicMessage message;
};
// How things are behind the message of that version: in place of all that was before.
struct FollowedSnapshot {
  TopicPosition position;
  std::string publisher;  // empty: the owner of the topics
  std::vector<std::uint8_t> payload;
};
// So many messages that came next are out of its reach: not kept any more, or longer than an item of its session. Of
// another incarnation than the one it knew, whatever it knew of that is void.
struct FollowedGap {
  TopicPosition position;
  std::uint64_t missed = 0;
  std::uint64_t complete_from = 0;  // the next one, which is not missing
  bool is_unprovided = false;       // it is live, and there was no snapshot for it
};
using Followed = std::variant<FollowBegun, FollowedMessage, FollowedSnapshot, FollowedGap>;

TopicSchema bytes_of(const wire::bus::SchemaId& id);
TopicMessage message_of(const core::Envelope& said);

}  // namespace parley::builtin
