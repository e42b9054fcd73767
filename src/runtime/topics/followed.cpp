#include "runtime/topics/followed.h"

namespace parley::builtin {

TopicSchema bytes_of(const wire::bus::SchemaId& id) {
  if (id == wire::bus::SchemaId()) return {};
  return {id.begin(), id.end()};
}

TopicMessage message_of(const core::Envelope& said) {
  return {.payload = said.payload,
          .schema = bytes_of(said.schema),
          .id = said.id,
          .parent = said.parent,
          .clock = said.clock};
}

}  // namespace parley::builtin
