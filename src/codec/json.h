#pragma once

#include "codec/json_reader.h"
#include "codec/json_writer.h"

// JSON for people, tools and peers that have no postcard: from_json<T>(text) and to_json(value) for every type that
// codec/kinds.h knows, channel handles excepted. The forms are those of JsonShape (codec/json_shape.h). What is read is
// checked like a peer's bytes: grammar, UTF-8, ranges, depth, memory, unknown, missing and duplicate fields and keys.
