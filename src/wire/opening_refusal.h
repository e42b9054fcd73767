#pragma once

#include "base/bytes.h"
#include "wire/opening.h"

namespace parley::wire {

// What a peer is told, as bytes to be written before the stream is ended, when nobody serves its protocol here: a
// message of that protocol that says so and, where it has room for words, what to do. Lives as long as the program.
// Empty for roam, bare and stable, which answer for themselves, and for what is undecided or unknown: there is no
// language in common.
ByteView refusal_of(Opening opening);

}  // namespace parley::wire
