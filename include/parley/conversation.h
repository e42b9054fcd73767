#pragma once

// Conversation, Participation, ask and dispatch: supervised exchanges with whoever provides a subject; and
// Conversations, where they are kept.
#include "base/compiler.h"

#include "face/blocking_conversation.h"
#include "face/conversations.h"
#include "runtime/conversations/local_party.h"
