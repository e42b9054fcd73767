#pragma once

// Conversation, Participation, ask and dispatch: supervised exchanges with whoever provides a subject; and
// Conversations, where they are kept.
#include "base/compiler.h"

#include "runtime/conversations/conversation.h"
#include "runtime/conversations/local_party.h"
