#pragma once

// Everything of Parley's public face. Each part also has a header of its own here.
#include "base/compiler.h"

#include "parley/actor.h"
#include "parley/blocking.h"
#include "parley/carrier.h"
#include "parley/channel.h"
#include "parley/client.h"
#include "parley/connect.h"
#include "parley/conversation.h"
#include "parley/descriptor.h"
#include "parley/error.h"
#include "parley/hub.h"
#include "parley/interceptor.h"
#include "parley/loop.h"
#include "parley/outbox.h"
#include "parley/registry.h"
#include "parley/server.h"
#include "parley/service.h"
#include "parley/task.h"
#include "parley/topic.h"
#include "parley/tracing.h"
