#pragma once

// Tracing, Span, SpanSink and TraceFile: calls written down as spans of W3C traces.
#include "base/compiler.h"

#include "face/trace_file.h"
#include "runtime/tracing.h"
